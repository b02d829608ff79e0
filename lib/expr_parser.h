/* What the files of the expression parser share: expr.c has statements and operators, expr_call.c calls and indices. */
#ifndef TENSOR_EXPR_PARSER_H
#define TENSOR_EXPR_PARSER_H

#include "expr.h"

enum { MAX_DEPTH = 200, NAME_MAX_LEN = 63 };

struct parser {
	struct graph *g;
	const char *text, *p;
	int n;
	const struct binding *bound;
	int depth;
	struct error *err;
	bool line_ends; /* a newline outside brackets ends the statement */
	int brackets;
	const struct preferences *prefer; /* of the user, or NULL */
	int column;			  /* where the first error is, from 1; 0: none yet */
};

/* Blanks, and in brackets newlines and comments. */
void parse_skip(struct parser *s);

/* Consume the token t if it is next and not the start of a longer operator. */
bool parse_take(struct parser *s, const char *t);

/* The length of the name at p, or 0. */
size_t name_length(const char *p);

/* A syntax error at the place at, with its column.  -1, and NULL. */
int parse_error(struct parser *s, const char *at, const char *what);
struct node *parse_fail(struct parser *s, const char *at, const char *what);

/* x, or where it is NULL because an op failed, note that the op stands at the place at. */
struct node *parse_made(struct parser *s, const char *at, struct node *x);

const struct binding *parse_lookup(const struct parser *s, const char *name);
struct node *parse_expression(struct parser *s);

/* The arguments of a call of name, which stands at the place at; the opening parenthesis is consumed.  self: of a method, or NULL. */
struct node *parse_call(struct parser *s, const char *at, const char *name, struct node *self);

/* x[...], the opening bracket consumed. */
struct node *parse_index(struct parser *s, struct node *x);

/* [...], the opening bracket consumed: an array of numbers or of arrays. */
struct node *parse_list(struct parser *s);

#endif
