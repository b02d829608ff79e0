/* What the engine would do, for --dry-run and --mem-limit, and what a pass is, in words. */
#ifndef TENSOR_PLAN_H
#define TENSOR_PLAN_H

#include "graph.h"
#include "text.h"

/* A pass that the engine would run. */
struct planned_pass {
	const struct node *node; /* what it computes */
	bool kept;		 /* in memory; else it is a result, and written */
	int threads;		 /* at most */
	int64_t read;		 /* bytes of files and streams */
	int64_t made;		 /* bytes of elements */
};

struct engine_plan {
	struct planned_pass *passes; /* in the order in which they run */
	int npasses, room;
	int64_t read, written; /* bytes: of files and streams, of results */
	int64_t memory;	       /* bytes held at once, at most: estimated from shapes alone */
	/* while the plan is made: bytes held at the moment, and loaded for the pass that comes next */
	int64_t held, loaded;
};

/* The plan of computing the results x, one after the other.  Nothing is read or computed.  engine_plan_release in any case. */
int engine_plan(struct engine_plan *p, int n, struct node *const x[], struct error *err);
void engine_plan_release(struct engine_plan *p);

/* "read a.npy (24 bytes), kept (8 bytes); exp, sum; write 8 bytes": what the pass that computes x reads, fuses and makes. */
void plan_pass_text(struct text *out, const struct node *x, bool kept);

#endif
