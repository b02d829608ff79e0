/* What the engine would do, for --dry-run. */
#ifndef TENSOR_PLAN_H
#define TENSOR_PLAN_H

#include "graph.h"
#include "text.h"

/*
 * Add a line for each pass that computing x takes: what it reads, the ops it fuses, what it keeps or writes.  Nothing is
 * computed.  out may be NULL.  Returns the number of passes.
 */
int engine_plan(struct text *out, const struct node *x);

#endif
