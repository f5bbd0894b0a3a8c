// The description of the interface, openapi.json, as this program serves it.
#pragma once

#include "services/gateway/answer.h"

// One user, the caller's.
Answer *openapi_answer(void);
