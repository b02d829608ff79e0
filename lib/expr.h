/*
 * The expression language: "relu(x @ w + b).sum(axis=0)", Python's syntax and precedence, into nodes.
 * It carries the TEXT rows of ops.def, eval, and gradients.
 */
#ifndef TENSOR_EXPR_H
#define TENSOR_EXPR_H

#include "graph.h"

struct binding {
	const char *name;
	struct node *node;
	const char *text; /* node NULL: the text of an attribute, which calls take by this name: sum(x, axis=axis) */
};

/*
 * The node of an expression over the bound names.  ERR_USAGE for a syntax error, with the column (from 1) in the
 * message; errors of ops as they are.
 */
struct node *expr_build(struct graph *g, const char *text, int n, const struct binding *bound, struct error *err);

/* A program: statements separated by ';' or newlines, "NAME = EXPRESSION" or "EXPRESSION"; '#' begins a comment. */
struct program {
	int n;
	struct binding *value; /* the assignments in order, a later one to the same name in the place of the earlier */
	struct node *last;     /* of the last statement */
	const char *last_name; /* what it assigned to, or NULL */
	int column;	       /* after a failure: where in the text it is, counted from 1; 0: nowhere */
};

/* What the user prefers where an expression leaves it open. */
struct preferences {
	enum dtype default_float, default_int; /* of what is created */
	bool dry;			       /* compute nothing, also not where a shape depends on values */
};

/* Names that the program assigns may be used by later statements.  prefer may be NULL.  program_release frees value, not the nodes. */
int program_build(struct program *out, struct graph *g, const char *text, int n, const struct binding *bound,
		  const struct preferences *prefer, struct error *err);
void program_release(struct program *p);

#endif
