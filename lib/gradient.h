/*
 * Reverse-mode gradients: from a traced graph (TRACE_PARTS) to the nodes of its backward pass.  Every op's part is a text of ops.def in
 * the expression language, so the backward pass is a graph like any other.
 */
#ifndef TENSOR_GRADIENT_H
#define TENSOR_GRADIENT_H

#include "expr.h"
#include "op.h"
#include "text.h"

/* Something to know about a step on the way: its gradient is zero everywhere. */
typedef void gradient_notice(void *arg, const struct step *s);

/*
 * The gradient of loss, weighted by seed (loss's shape), with respect to wrt[i] into out[i]: of wrt[i]'s dtype and shape, NULL where
 * loss does not depend on it.  Gradients of float16 and bfloat16 are carried in float32 and rounded at the end.  Contributions
 * to one node are added in the order in which the backward pass meets them, from the last step to the first.
 * ERR_VALUE names the op that has no gradient.
 */
int gradient_build(struct graph *g, struct node *loss, struct node *seed, int n, struct node *const wrt[],
		   struct node *out[], gradient_notice *notice, void *arg, struct error *err);

/* Does the row have a gradient for any operand?  Rows that are expressions have, through their parts. */
bool gradient_known(const struct op *op);

/* The texts of a row for its help, NULL-terminated; NULL when a function writes them or there are none. */
const char *const *gradient_texts(const struct op *op);

/*
 * Do the gradients of a row read the values of an operand (0, 1, ... in call order, then those that attributes name), or of
 * its result (-1)?  True where only its run can tell.
 */
bool gradient_reads(const struct op *op, int operand);

/* For the functions that write the text of one gradient, gradient_rules.c. */
enum { RULE_BINDINGS = 16 + MAX_ATTRS };

struct rule_call {
	struct graph *graph;
	const struct step *step;
	int operand;			     /* which input, counting operands that attributes name after the others */
	struct node *g, **grads;	     /* of the result; of all results, NULL where nothing came */
	struct binding bound[RULE_BINDINGS]; /* what the text may use; functions add to it */
	int n;
	struct text text;  /* what the function writes */
	struct node *made; /* or the gradient itself */
};
typedef int rule_fn(struct rule_call *r, struct error *err);

int rule_bind(struct rule_call *r, const char *name, struct node *x, struct error *err);
const struct attr *step_attr(const struct step *s, const char *name);

#define GRAD_BY(id, fn) rule_fn rule_##fn;
#include "ops.def"

#endif
