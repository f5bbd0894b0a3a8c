// A growing array of any type: `VEC(Flash) flashes = {0}; *vec_push(&flashes) = flash;`
// Pointers into it are void after the next push. vec_free gives the memory back and zeroes it.
#pragma once

#include "common/base/mem.h"

#define VEC(type)                                                                                                     \
    struct {                                                                                                          \
        type *items;                                                                                                  \
        size_t count, capacity;                                                                                       \
    }

// A pointer to a new last item, not initialised.
#define vec_push(vec)                                                                                                 \
    ((vec)->count == (vec)->capacity                                                                                  \
         ? (void)((vec)->capacity = (vec)->capacity == 0 ? 8 : (vec)->capacity * 2,                                   \
                  (vec)->items = mem_resize((vec)->items, (vec)->capacity, sizeof *(vec)->items))                     \
         : (void)0,                                                                                                   \
     &(vec)->items[(vec)->count++])

#define vec_clear(vec) ((void)((vec)->count = 0))

#define vec_free(vec)                                                                                                 \
    (mem_free((vec)->items), (vec)->items = NULL, (void)((vec)->count = (vec)->capacity = 0))
