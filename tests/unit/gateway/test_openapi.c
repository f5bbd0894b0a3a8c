// The document and the table of routes name the same paths, each with the same parameters.
#include "services/gateway/metrics.h"
#include "services/gateway/openapi.h"
#include "services/gateway/routes.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int set_up(void **state) {
    Answer *answer = openapi_answer();
    *state = json_loadb(answer->body.ptr, answer->body.len, JSON_REJECT_DUPLICATES, NULL);
    answer_free(answer);
    return *state == NULL;
}

static int tear_down(void **state) {
    json_decref(*state);
    return 0;
}

static const char *name_of(const json_t *parameter) {
    const char *reference = json_string_value(json_object_get(parameter, "$ref"));
    return reference != NULL ? strrchr(reference, '/') + 1 : json_string_value(json_object_get(parameter, "name"));
}

static bool is_formal(const char *name) {
    return strcmp(name, "format") == 0 || strcmp(name, "flat") == 0 || strcmp(name, "parties") == 0;
}

static bool has_parameter(const Route *route, const char *name) {
    for (size_t i = 0; route->parameters[i] != NULL; i++) {
        if (strcmp(route->parameters[i], name) == 0) {
            return true;
        }
    }
    return is_formal(name) && (route->kind == ROUTE_ROW || route->kind == ROUTE_ROWS);
}

static void every_route_is_described_with_its_parameters(void **state) {
    const json_t *paths = json_object_get(*state, "paths");
    size_t routes_count = 0;
    for (const Route *route = routes; route->path != NULL; route++, routes_count++) {
        const json_t *get = json_object_get(json_object_get(paths, route->path), "get");
        if (get == NULL) {
            fail_msg("%s is not described", route->path);
        }
        const json_t *parameters = json_object_get(get, "parameters");
        size_t wanted = route->kind == ROUTE_ROW || route->kind == ROUTE_ROWS ? 3 : 0;
        for (size_t i = 0; route->parameters[i] != NULL; i++) {
            wanted++;
        }
        assert_int_equal(json_array_size(parameters), wanted);
        for (size_t i = 0; i < wanted; i++) {
            const char *name = name_of(json_array_get(parameters, i));
            if (!has_parameter(route, name)) {
                fail_msg("%s has no parameter %s", route->path, name);
            }
        }
    }
    assert_int_equal(json_object_size(paths), routes_count);
}

static void references_lead_somewhere(void **state) {
    const json_t *parameters = json_object_get(json_object_get(*state, "components"), "parameters");
    for (const Route *route = routes; route->path != NULL; route++) {
        const json_t *get = json_object_get(json_object_get(json_object_get(*state, "paths"), route->path), "get");
        const json_t *list = json_object_get(get, "parameters");
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *reference = json_string_value(json_object_get(json_array_get(list, i), "$ref"));
            assert_true(reference == NULL || json_object_get(parameters, strrchr(reference, '/') + 1) != NULL);
        }
    }
}

static void the_metrics_have_room_for_every_route(void **state) {
    (void)state;
    enum { BESIDES = 5 }; // /healthz, /readyz, /metrics, the page, none
    size_t count = 0;
    while (routes[count].path != NULL) {
        count++;
    }
    assert_in_range(count + BESIDES, 1, METRICS_ROUTES_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_route_is_described_with_its_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(references_lead_somewhere, set_up, tear_down),
        cmocka_unit_test(the_metrics_have_room_for_every_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
