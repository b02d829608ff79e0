/* The expression language: a recursive-descent parser that makes nodes as it goes.  See expr.h. */
#include "expr_parser.h"

#include "fold.h"
#include "op.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void parse_skip(struct parser *s)
{
	for (;;) {
		bool inside = !s->line_ends || s->brackets;

		while (isspace((unsigned char)*s->p) && (inside || *s->p != '\n'))
			s->p++;
		if (*s->p == '#' && s->line_ends && s->brackets)
			s->p += strcspn(s->p, "\n");
		else if (*s->p == '\\' && s->p[1] == '\n')
			s->p += 2;
		else
			return;
	}
}

int parse_error(struct parser *s, const char *at, const char *what)
{
	int line = 1, column = 1;

	for (const char *p = s->text; p < at; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	if (strchr(s->text, '\n'))
		error_set(s->err, ERR_USAGE, "line %d, column %d: %s", line, column, what);
	else
		error_set(s->err, ERR_USAGE, "column %d: %s", column, what);
	if (!s->column)
		s->column = (int)(at - s->text) + 1;
	return -1;
}

struct node *parse_fail(struct parser *s, const char *at, const char *what)
{
	parse_error(s, at, what);
	return NULL;
}

static struct node *fail(struct parser *s, const char *what)
{
	return parse_fail(s, s->p, what);
}

struct node *parse_made(struct parser *s, const char *at, struct node *x)
{
	if (!x && !s->column)
		s->column = (int)(at - s->text) + 1;
	return x;
}

bool parse_take(struct parser *s, const char *t)
{
	size_t n = strlen(t);
	char next;

	parse_skip(s);
	if (strncmp(s->p, t, n))
		return false;
	next = s->p[n];
	if (n == 1 && ((strchr("*/&|", *t) && next == *t) || (strchr("<>", *t) && (next == '=' || next == *t))))
		return false;
	s->p += n;
	return true;
}

size_t name_length(const char *p)
{
	size_t n = 0;

	if (isalpha((unsigned char)*p) || *p == '_')
		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
	return n;
}

const struct binding *parse_lookup(const struct parser *s, const char *name)
{
	for (int i = 0; i < s->n; i++)
		if (!strcmp(s->bound[i].name, name))
			return &s->bound[i];
	return NULL;
}

/* The operator at the place at. */
static struct node *binary(struct parser *s, const char *at, const char *op, struct node *x, struct node *y)
{
	struct scalar r;

	if (!x || !y)
		return NULL;
	if (x->weak && y->weak && fold_binary(&r, op, &x->scalar, &y->scalar))
		return node_scalar(s->g, &r, NULL, s->err);
	return parse_made(s, at, op_apply(s->g, op, 2, (struct node *const[]){ x, y }, s->err));
}

static struct node *unary(struct parser *s, const char *at, const char *op, struct node *x)
{
	struct scalar r;

	if (x->weak && fold_unary(&r, op, &x->scalar))
		return node_scalar(s->g, &r, NULL, s->err);
	return parse_made(s, at, op_apply(s->g, op, 1, &x, s->err));
}

/* What Python writes with words, and C with signs. */
static const char *operator_hint(const char *p)
{
	static const struct {
		const char *word, *hint;
	} hints[] = {
		{ "and", "'and' is for single truth values: write (a) & (b)" },
		{ "or", "'or' is for single truth values: write (a) | (b)" },
		{ "not", "'not' is for single truth values: write ~(a), or isin(a, b, invert=True)" },
		{ "if", "there is no 'if': write where(condition, a, b)" },
		{ "in", "there is no 'in': write isin(a, b)" },
		{ "is", "there is no 'is': write ==, or isnan(a)" },
		{ "lambda", "there are no functions here" },
		{ "&&", "write (a) & (b)" },
		{ "||", "write (a) | (b)" },
		{ "^", "'^' is neither power nor xor here: write ** or bitwise_xor(a, b)" },
		{ "!", "write ~(a), or logical_not(a)" },
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		size_t n = strlen(hints[i].word);

		if (!strncmp(p, hints[i].word, n) && (!isalpha((unsigned char)*p) || name_length(p) == n))
			return hints[i].hint;
	}
	return NULL;
}

static struct node *not_bound(struct parser *s, const char *name)
{
	struct text list = TEXT_INIT;
	const char *hint = operator_hint(name);
	char what[900];

	if (hint)
		return fail(s, hint);
	for (int i = 0; i < s->n; i++)
		text_fmt(&list, i ? ", %s" : "%s", s->bound[i].name);
	snprintf(what, sizeof(what), "'%s' is not bound; bound are: %s%s", name, list.s ? list.s : "none",
		 op_find(name) ? " (a function is called with parentheses)" : "");
	text_release(&list);
	return fail(s, what);
}

static struct node *parse_name(struct parser *s)
{
	static const struct {
		const char *name;
		struct scalar value;
	} constants[] = {
		{ "pi", { .kind = SCALAR_FLOAT, .re = 3.14159265358979323846 } },
		{ "e", { .kind = SCALAR_FLOAT, .re = 2.71828182845904523536 } },
		{ "inf", { .kind = SCALAR_FLOAT, .re = INFINITY } },
		{ "nan", { .kind = SCALAR_FLOAT, .re = NAN } },
		{ "True", { .kind = SCALAR_BOOL, .magnitude = 1, .re = 1 } },
		{ "False", { .kind = SCALAR_BOOL } },
	};
	char name[NAME_MAX_LEN + 1];
	const char *at = s->p;
	size_t n = name_length(at), blanks = strspn(at + n, " \t");
	const struct binding *b;
	struct node *x;

	if (n > NAME_MAX_LEN)
		return fail(s, "the name is too long");
	snprintf(name, sizeof(name), "%.*s", (int)n, at);
	if (at[n + blanks] == '(' && (!blanks || !operator_hint(name))) {
		s->p += n + blanks + 1;
		return parse_call(s, at, name, NULL);
	}
	b = parse_lookup(s, name);
	x = b ? b->node : NULL;
	for (size_t i = 0; !x && i < sizeof(constants) / sizeof(constants[0]); i++)
		if (!strcmp(name, constants[i].name))
			x = node_scalar(s->g, &constants[i].value, NULL, s->err);
	if (!x)
		return s->err->code ? NULL : not_bound(s, name);
	s->p += n;
	return x;
}

/* x.shape[0]: a number */
static struct node *parse_shape(struct parser *s, const char *at, struct node *x)
{
	struct node *i = NULL;
	int axis;

	if (!parse_take(s, "["))
		return parse_fail(
			s, at,
			".shape is a list, which only an argument takes: reshape(x, y.shape); x.shape[0] is a number");
	s->brackets++;
	if (!(i = parse_expression(s)))
		return NULL;
	s->brackets--;
	if (!parse_take(s, "]") || !i->weak || i->scalar.kind != SCALAR_INT || i->scalar.magnitude > MAX_NDIM)
		return parse_fail(s, at, "one axis of .shape is taken: x.shape[0], x.shape[-1]");
	if (axis_normalize(&axis, i->scalar.negative ? -(int64_t)i->scalar.magnitude : (int64_t)i->scalar.magnitude,
			   x->shape.ndim, s->err))
		return parse_made(s, at, NULL);
	return node_int(s->g, x->shape.dim[axis], s->err);
}

/* .T .shape[0] .sum(axis=0): the point consumed */
static struct node *parse_member(struct parser *s, struct node *x)
{
	const char *at = s->p;
	char name[NAME_MAX_LEN + 1];
	size_t n = name_length(at);

	if (n > NAME_MAX_LEN)
		return fail(s, "the name is too long");
	snprintf(name, sizeof(name), "%.*s", (int)n, at);
	s->p += n;
	if (parse_take(s, "("))
		return parse_call(s, at, name, x);
	if (!strcmp(name, "T"))
		return parse_made(s, at, op_apply(s->g, "transpose", 1, &x, s->err));
	if (!strcmp(name, "mT") || !strcmp(name, "real") || !strcmp(name, "imag"))
		return unary(s, at, name, x);
	if (!strcmp(name, "shape"))
		return parse_shape(s, at, x);
	if (!strcmp(name, "ndim"))
		return node_int(s->g, x->shape.ndim, s->err);
	if (!strcmp(name, "size"))
		return node_int(s->g, x->size, s->err);
	return parse_fail(s, at, "expected a method call, or .T, .mT, .real, .imag, .shape[AXIS], .ndim, .size");
}

static struct node *parse_primary(struct parser *s)
{
	struct node *x = NULL;
	struct scalar v;
	size_t n;

	parse_skip(s);
	if (parse_take(s, "(")) {
		const char *open = s->p - 1;

		s->brackets++;
		x = parse_expression(s);
		if (x && !parse_take(s, ")"))
			return *s->p ? fail(s, "expected ')'") : parse_fail(s, open, "the parenthesis is not closed");
		s->brackets--;
	} else if (*s->p == '[') {
		s->p++;
		x = parse_list(s);
	} else if (name_length(s->p)) {
		x = parse_name(s);
	} else if ((n = scalar_scan(&v, s->p)) > 0) {
		s->p += n;
		x = node_scalar(s->g, &v, NULL, s->err);
	} else {
		const char *hint = operator_hint(s->p);

		return fail(s, hint    ? hint
			       : *s->p ? "expected a value"
				       : "the expression ends where a value is expected");
	}
	while (x) {
		parse_skip(s);
		if (*s->p == '[') {
			s->p++;
			x = parse_index(s, x);
		} else if (*s->p == '.' && name_length(s->p + 1)) {
			s->p++;
			x = parse_member(s, x);
		} else {
			break;
		}
	}
	return x;
}

static struct node *parse_unary(struct parser *s);

static struct node *parse_power(struct parser *s)
{
	struct node *x = parse_primary(s);
	const char *at = (parse_skip(s), s->p);

	if (x && parse_take(s, "**"))
		return binary(s, at, "power", x, parse_unary(s));
	return x;
}

static struct node *parse_unary(struct parser *s)
{
	const char *op = NULL, *at = (parse_skip(s), s->p);
	struct node *x;

	if (++s->depth > MAX_DEPTH)
		return fail(s, "nested too deeply");
	if (*at == '-' || *at == '+' || *at == '~')
		op = *at == '-' ? "negative" : *at == '+' ? "positive" : "bitwise_invert";
	s->p += op != NULL;
	x = op ? parse_unary(s) : parse_power(s);
	s->depth--;
	return x && op ? unary(s, at, op, x) : x;
}

/* Binary operators, the loosest first; Python's precedence. */
static const struct {
	const char *token, *op;
	int level;
} operators[] = {
	{ "==", "equal", 0 },
	{ "!=", "not_equal", 0 },
	{ "<=", "less_equal", 0 },
	{ ">=", "greater_equal", 0 },
	{ "<", "less", 0 },
	{ ">", "greater", 0 },
	{ "|", "bitwise_or", 1 },
	{ "&", "bitwise_and", 2 },
	{ "<<", "bitwise_left_shift", 3 },
	{ ">>", "bitwise_right_shift", 3 },
	{ "+", "add", 4 },
	{ "-", "subtract", 4 },
	{ "*", "multiply", 5 },
	{ "@", "matmul", 5 },
	{ "//", "floor_divide", 5 },
	{ "/", "divide", 5 },
	{ "%", "remainder", 5 },
};

enum { LEVELS = 6 };

static struct node *parse_level(struct parser *s, int level)
{
	struct node *x = level == LEVELS ? parse_unary(s) : parse_level(s, level + 1);
	bool compared = false;

	while (x && level < LEVELS) {
		size_t i;
		const char *at = (parse_skip(s), s->p);

		for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
			if (operators[i].level == level && parse_take(s, operators[i].token))
				break;
		if (i == sizeof(operators) / sizeof(operators[0]))
			return x;
		if (level == 0 && compared)
			return parse_fail(s, at, "comparisons do not chain: write (a < b) & (b < c)");
		compared = true;
		x = binary(s, at, operators[i].op, x, parse_level(s, level + 1));
	}
	return x;
}

struct node *parse_expression(struct parser *s)
{
	struct node *x;
	const char *hint;

	if (++s->depth > MAX_DEPTH)
		return fail(s, "nested too deeply");
	x = parse_level(s, 0);
	s->depth--;
	parse_skip(s);
	if (x && (hint = operator_hint(s->p)))
		return fail(s, hint);
	return x;
}

struct node *expr_build(struct graph *g, const char *text, int n, const struct binding *bound, struct error *err)
{
	struct parser s = { .g = g, .text = text, .p = text, .n = n, .bound = bound, .err = err };
	struct node *x = parse_expression(&s);

	if (x) {
		parse_skip(&s);
		if (*s.p)
			return fail(&s, "unexpected text");
	}
	return x;
}

static int program_bind(struct program *p, const struct binding *b, struct error *err)
{
	struct binding *value;

	for (int i = 0; i < p->n; i++)
		if (!strcmp(p->value[i].name, b->name)) {
			p->value[i] = *b;
			return 0;
		}
	value = realloc(p->value, (size_t)(p->n + 1) * sizeof(*value));
	if (!value)
		return error_memory(err, sizeof(*value));
	p->value = value;
	p->value[p->n++] = *b;
	return 0;
}

/* Blanks, newlines, semicolons and comments between statements. */
static void skip_separators(struct parser *s)
{
	for (;;) {
		s->p += strspn(s->p, " \t\r\n;");
		if (*s->p != '#')
			return;
		s->p += strcspn(s->p, "\n");
	}
}

int program_build(struct program *out, struct graph *g, const char *text, int n, const struct binding *bound,
		  const struct preferences *prefer, struct error *err)
{
	struct program names = { 0 }; /* everything a statement may use: later ones win */
	struct parser s = { .g = g, .text = text, .p = text, .err = err, .prefer = prefer };
	int ret = -1;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < n; i++)
		if (program_bind(&names, &bound[i], err))
			goto done;
	for (skip_separators(&s); *s.p; skip_separators(&s)) {
		size_t len = name_length(s.p);
		const char *after = s.p + len + strspn(s.p + len, " \t"), *name = NULL;

		if (len && *after == '=' && after[1] != '=') {
			char buf[NAME_MAX_LEN + 1];

			if (len > NAME_MAX_LEN) {
				fail(&s, "the name is too long");
				goto done;
			}
			snprintf(buf, sizeof(buf), "%.*s", (int)len, s.p);
			if (!(name = graph_string(g, buf))) {
				error_memory(err, len);
				goto done;
			}
			s.p = after + 1;
		}
		s.n = names.n;
		s.bound = names.value;
		s.line_ends = true;
		out->last = parse_expression(&s);
		if (!out->last)
			goto done;
		out->last_name = name;
		parse_skip(&s);
		if (*s.p && *s.p != ';' && *s.p != '\n' && *s.p != '#') {
			fail(&s, *s.p == '=' ? "only a name at the start of a statement is assigned to"
					     : "unexpected text");
			goto done;
		}
		if (name) {
			struct binding b = { .name = name, .node = out->last };

			if (program_bind(&names, &b, err) || program_bind(out, &b, err))
				goto done;
		}
	}
	if (!out->last)
		fail(&s, "the program has no statement");
	else
		ret = 0;
done:
	out->column = s.column;
	free(names.value);
	return ret;
}

void program_release(struct program *p)
{
	free(p->value);
	p->value = NULL;
	p->n = 0;
}
