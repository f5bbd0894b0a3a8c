// A resource's answer: the query of its route, as JSON by PostgreSQL itself, or flat as CSV, XML or JSON.
#pragma once

#include "services/gateway/answer.h"
#include "services/gateway/routes.h"
#include "services/gateway/session.h"

// Always an answer: 200, 404, or a problem. `arena` is for the work only.
Answer *resource_answer(Session *session, const Ask *ask, Arena *arena);
