/*
 * History: recorded nodes made into nodes of a graph again, so that gradients, replays and checks are computed by the same engine as
 * everything else.  A value comes from its file where that still holds it, else from its inputs.
 */
#ifndef TENSOR_HISTORY_H
#define TENSOR_HISTORY_H

#include "cli/cli.h"
#include "lib/gradient.h"

struct past {
	int64_t id;
	const struct gnode *n;
	struct node *node; /* once built */
	struct node **out; /* all results of its op */
	int nout;
	bool flows;    /* a gradient can flow through it to its inputs */
	bool expanded; /* its inputs are here, too */
	bool lost;     /* its values cannot be had */
	enum past_state {
		PAST_HERE,	  /* its file holds it, as far as a look at the directory tells */
		PAST_PIPED,	  /* it was never in a file */
		PAST_OVERWRITTEN, /* its file holds the result of another op now */
		PAST_IN_PLACE,	  /* an op in place has changed it */
		PAST_MISSING,	  /* the file is gone */
	} state;
	int64_t by; /* the node that wrote the file last */
};

struct history {
	struct cli *c;
	struct graphdoc *doc;
	int n, room;
	struct past *past; /* ascending ids */
	bool recompute;	   /* take no value from a file but leaves, and pay no heed to in-place ops */
	bool wide;	   /* floats as float64: to check gradients */
	bool shallow;	   /* nothing behind leaves in PyTorch's sense, parameters that --no-grad has updated */
	/* leaves whose values are others: replay --set */
	int nset;
	struct history_set {
		int64_t id;
		struct node *node;
	} * set;
};

/* The newest node of a file or member, by its name: 1, 0 where there is none, -1 on error. */
int history_newest(const struct history *h, const char *name, const struct gnode **out, struct error *err);

/* The newest node of a file, its content compared with what was recorded; "-": what comes through the pipe. */
int history_find(struct history *h, const char *operand, int64_t *id, struct error *err);

/* Everything that the roots need for gradients (or, without, for their values). */
int history_collect(struct history *h, int n, const int64_t roots[], bool gradients, struct error *err);

/* Nodes for all of it; those that gradients flow through are traced. */
int history_build(struct history *h, struct error *err);

/* Before anything is computed: are the values that x need still there, unchanged, and as they were when they were saved? */
int history_check(struct history *h, int n, struct node *const x[], struct error *err);

struct past *history_past(const struct history *h, int64_t id); /* or NULL */
void history_release(struct history *h);

/* The file that a node names, as this process can open it; malloc'ed. */
char *history_file(const struct history *h, const struct gnode *n, struct error *err);

#endif
