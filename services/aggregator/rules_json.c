#include "services/aggregator/rules_json.h"

#include <jansson.h>

void rules_to_json(const RuleBook *rules, Buf *out) {
    buf_printf(out, "{\"partitions\":%d,\"require_approval\":%s,\"sources\":[", rules->partitions,
               rules->require_approval ? "true" : "false");
    for (size_t i = 0; i < rules->sources_count; i++) {
        buf_add_str(out, i == 0 ? STR_LIT("") : STR_LIT(","));
        buf_add_json_string(out, rules->sources[i]);
    }
    buf_add_str(out, STR_LIT("],\"rules\":{"));
    for (int i = 0; i < RULE_COUNT; i++) {
        buf_printf(out, "%s\"" STR_FMT "\":\"" STR_FMT "\"", i == 0 ? "" : ",", STR_ARG(rule_code((Rule)i)),
                   STR_ARG(verdict_name(rules->verdicts[i])));
    }
    buf_add_str(out, STR_LIT("}}"));
}

static bool read_verdicts(const json_t *json, RuleBook *rules) {
    const char *code;
    json_t *value;
    json_object_foreach((json_t *)json, code, value) {
        Rule rule;
        if (!rule_from_code(str_from(code), &rule) || !verdict_from_name(str_from(json_string_value(value)), &rules->verdicts[rule])) {
            return false;
        }
    }
    return json_is_object(json);
}

static bool read_sources(const json_t *json, Arena *arena, RuleBook *rules) {
    rules->sources_count = json_array_size(json);
    if (!json_is_array(json) || rules->sources_count > RULES_SOURCES_MAX) {
        return false;
    }
    for (size_t i = 0; i < rules->sources_count; i++) {
        rules->sources[i] = arena_copy(arena, str_from(json_string_value(json_array_get(json, i))));
    }
    return true;
}

bool rules_from_json(Str text, Arena *arena, RuleBook *rules) {
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    *rules = rule_book_default((int32_t)json_integer_value(json_object_get(json, "partitions")));
    rules->require_approval = json_is_true(json_object_get(json, "require_approval"));
    bool ok = json != NULL && rules->partitions > 0 && read_sources(json_object_get(json, "sources"), arena, rules) &&
              read_verdicts(json_object_get(json, "rules"), rules);
    json_decref(json);
    return ok;
}
