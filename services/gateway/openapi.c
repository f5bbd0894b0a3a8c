#include "services/gateway/openapi.h"

#include "common/base/embedded.h"

extern const EmbeddedFile gateway_files[];

Answer *openapi_answer(void) {
    Buf body = {0};
    buf_add_str(&body, embedded_find(gateway_files, "openapi.json"));
    return answer_new(200, TYPE_JSON, CACHE_REVALIDATE, &body);
}
