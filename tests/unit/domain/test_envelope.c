#include "common/domain/envelope.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// Of Apache Kafka's own tests of Utils.murmur2, and of kafka-python's.
static const struct {
    const char *key;
    int32_t hash;
} vectors[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

// Of INT32_MAX partitions, the number is the hash without its sign.
static void keys_hash_as_javas_partitioner_has_it(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_int_equal(partition_of_key(str_from(vectors[i].key), INT32_MAX), vectors[i].hash & INT32_MAX);
    }
}

static void a_partition_is_the_hash_modulo_their_number(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        Str key = str_from(vectors[i].key);
        assert_int_equal(partition_of_key(key, 6), (vectors[i].hash & INT32_MAX) % 6);
        assert_int_equal(partition_of_key(key, 1), 0);
    }
}

static void an_empty_key_has_a_partition_too(void **state) {
    (void)state;
    assert_int_equal(partition_of_key(STR_LIT(""), INT32_MAX), 275646681);
}

static void topics_have_their_names(void **state) {
    (void)state;
    assert_true(str_equal_text(input_topic_name(INPUT_DECLARATIONS), "ward-declarations"));
    assert_true(str_equal_text(input_topic_name(INPUT_DESK), "desk-events"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_hash_as_javas_partitioner_has_it),
        cmocka_unit_test(a_partition_is_the_hash_modulo_their_number),
        cmocka_unit_test(an_empty_key_has_a_partition_too),
        cmocka_unit_test(topics_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
