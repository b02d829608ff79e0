/* The expression language: a recursive-descent parser that makes nodes as it goes.  See expr.h. */
#include "expr.h"

#include "op.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 200, MAX_OPERANDS = 64, NAME_MAX_LEN = 63 };

struct parser {
	struct graph *g;
	const char *text, *p;
	int n;
	const struct binding *bound;
	int depth;
	struct error *err;
	bool line_ends; /* a newline outside brackets ends the statement */
	int brackets;
};

static struct node *parse_comparison(struct parser *s);

static void skip(struct parser *s)
{
	while (isspace((unsigned char)*s->p) && !(*s->p == '\n' && s->line_ends && !s->brackets))
		s->p++;
}

static struct node *fail(struct parser *s, const char *what)
{
	error_set(s->err, ERR_USAGE, "column %d: %s", (int)(s->p - s->text) + 1, what);
	return NULL;
}

/* Consume the token t if it is next and not the start of a longer operator. */
static bool take(struct parser *s, const char *t)
{
	size_t n = strlen(t);
	char next;

	skip(s);
	if (strncmp(s->p, t, n))
		return false;
	next = s->p[n];
	if (n == 1 && ((*t == '*' && next == '*') || (*t == '/' && next == '/') ||
		       (*t == '<' && (next == '=' || next == '<')) || (*t == '>' && (next == '=' || next == '>'))))
		return false;
	s->p += n;
	return true;
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	if (isalpha((unsigned char)*p) || *p == '_')
		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
	return n;
}

static struct node *lookup(struct parser *s, const char *name)
{
	for (int i = 0; i < s->n; i++)
		if (!strcmp(s->bound[i].name, name))
			return s->bound[i].node;
	return NULL;
}

/* Arithmetic of two Python-like scalars stays a Python-like scalar: 2 * pi takes the array's type, too. */
static bool fold(struct scalar *out, const char *op, const struct scalar *a, const struct scalar *b)
{
	if (a->kind == SCALAR_COMPLEX || b->kind == SCALAR_COMPLEX || a->kind == SCALAR_BOOL || b->kind == SCALAR_BOOL)
		return false;
	if (a->kind == SCALAR_INT && b->kind == SCALAR_INT && strcmp(op, "divide") && strcmp(op, "power")) {
		int64_t x = (int64_t)a->magnitude, y = (int64_t)b->magnitude, r = 0;

		if (a->magnitude > INT64_MAX || b->magnitude > INT64_MAX)
			return false;
		x = a->negative ? -x : x;
		y = b->negative ? -y : y;
		if (!strcmp(op, "add")	      ? __builtin_add_overflow(x, y, &r)
		    : !strcmp(op, "subtract") ? __builtin_sub_overflow(x, y, &r)
		    : !strcmp(op, "multiply") ? __builtin_mul_overflow(x, y, &r)
					      : true)
			return false;
		*out = (struct scalar){ .kind = SCALAR_INT,
					.negative = r < 0,
					.magnitude = r < 0 ? -(uint64_t)r : (uint64_t)r,
					.re = (double)r };
		return true;
	}
	double x = a->re, y = b->re, r;

	if (!strcmp(op, "add"))
		r = x + y;
	else if (!strcmp(op, "subtract"))
		r = x - y;
	else if (!strcmp(op, "multiply"))
		r = x * y;
	else if (!strcmp(op, "divide") && y != 0)
		r = x / y;
	else if (!strcmp(op, "power") && (a->kind == SCALAR_FLOAT || b->kind == SCALAR_FLOAT))
		r = pow(x, y);
	else
		return false;
	*out = (struct scalar){ .kind = SCALAR_FLOAT, .re = r };
	return true;
}

static struct node *binary(struct parser *s, const char *op, struct node *x, struct node *y)
{
	struct scalar r;

	if (!x || !y)
		return NULL;
	if (x->weak && y->weak && fold(&r, op, &x->scalar, &y->scalar))
		return node_scalar(s->g, &r, NULL, s->err);
	return op_apply(s->g, op, 2, (struct node *const[]){ x, y }, s->err);
}

/* The raw text of one argument: up to a comma or closing bracket at this level, without blanks around it. */
static bool raw_argument(struct parser *s, char *buf, size_t size)
{
	int depth = 0;
	char quote = 0;
	const char *start, *end;

	skip(s);
	start = s->p;
	for (; *s->p; s->p++) {
		if (quote) {
			if (*s->p == quote)
				quote = 0;
		} else if (*s->p == '\'' || *s->p == '"') {
			quote = *s->p;
		} else if (strchr("([{", *s->p)) {
			depth++;
		} else if (strchr(")]}", *s->p)) {
			if (depth-- == 0)
				break;
		} else if (*s->p == ',' && depth == 0) {
			break;
		}
	}
	end = s->p;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	if (end - start >= 2 && (*start == '\'' || *start == '"') && end[-1] == *start) {
		start++;
		end--;
	}
	if ((size_t)(end - start) >= size) {
		fail(s, "the argument is too long");
		return false;
	}
	memcpy(buf, start, (size_t)(end - start));
	buf[end - start] = '\0';
	return true;
}

/* NAME.shape and NAME.dtype of a bound array as text; NULL if buf is something else. */
static const char *property(struct parser *s, const char *buf, char text[SHAPE_TEXT])
{
	char name[NAME_MAX_LEN + 1];
	size_t n = name_length(buf);
	struct node *x;

	if (n == 0 || n > NAME_MAX_LEN || buf[n] != '.')
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)n, buf);
	x = lookup(s, name);
	if (x && !strcmp(buf + n, ".shape"))
		return shape_text(&x->shape, text, SHAPE_TEXT);
	if (x && !strcmp(buf + n, ".dtype"))
		return dtype_name(x->dtype);
	return NULL;
}

/* An attribute that is not an operand: its text, the value of a bound scalar or text, or a property of an array. */
static int text_argument(struct parser *s, struct call *c, struct attr *a)
{
	char buf[1024], number[64], shape[SHAPE_TEXT];
	const char *text;
	struct node *v;

	if (!raw_argument(s, buf, sizeof(buf)))
		return -1;
	for (int i = 0; i < s->n; i++)
		if (s->bound[i].text && !strcmp(s->bound[i].name, buf))
			return call_attr(c, a, s->bound[i].text, NULL, s->err);
	if ((text = property(s, buf, shape)))
		return call_attr(c, a, text, NULL, s->err);
	v = lookup(s, buf);
	if (v && v->weak) {
		if (v->scalar.kind == SCALAR_FLOAT)
			snprintf(number, sizeof(number), "%.17g", v->scalar.re);
		else
			snprintf(number, sizeof(number), "%s%" PRIu64, v->scalar.negative ? "-" : "",
				 v->scalar.magnitude);
		return call_attr(c, a, number, NULL, s->err);
	}
	return call_attr(c, a, buf, NULL, s->err);
}

static int keyword_argument(struct parser *s, struct call *c, const char *name)
{
	struct attr *a = call_find_attr(c, name);

	if (!a)
		return error_set(s->err, ERR_USAGE, "column %d: %s has no argument '%s'", (int)(s->p - s->text) + 1,
				 c->name, name);
	if (a->type == ATTR_OPERAND) {
		struct node *v = parse_comparison(s);

		return v ? call_attr(c, a, NULL, v, s->err) : -1;
	}
	return text_argument(s, c, a);
}

/* The arguments of a call, the opening parenthesis consumed; in[] may already hold the object of a method. */
static struct node *parse_call(struct parser *s, const char *name, struct node *self)
{
	const struct op *op = op_find(name);
	struct node *in[MAX_OPERANDS], *x = NULL;
	int nin = 0, operands, next = 0;
	struct call c;

	if (!op) {
		const char *near = op_nearest(name, "op");

		error_set(s->err, ERR_USAGE, "column %d: unknown function '%s'%s%s%s", (int)(s->p - s->text), name,
			  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		return NULL;
	}
	call_init(&c, s->g, name, op, s->err);
	s->brackets++;
	operands = op->nin_max;
	for (int i = 0; op->class == OP_MAP && i < c.nattrs; i++)
		operands -= c.attrs[i].type == ATTR_OPERAND;
	if (self)
		in[nin++] = self;
	while (!take(s, ")")) {
		size_t n;
		char key[NAME_MAX_LEN + 1];

		skip(s);
		n = name_length(s->p);
		const char *after = s->p + n + strspn(s->p + n, " ");

		if (n && n <= NAME_MAX_LEN && *after == '=' && after[1] != '=') {
			snprintf(key, sizeof(key), "%.*s", (int)n, s->p);
			s->p = after + 1;
			if (keyword_argument(s, &c, key))
				goto done;
		} else if (operands < 0 && nin == 0 && (*s->p == '[' || *s->p == '(') && *s->p == '[') {
			s->p++;
			while (!take(s, "]")) {
				if (nin == MAX_OPERANDS || !(in[nin] = parse_comparison(s)))
					goto done;
				nin++;
				if (!take(s, ",") && (skip(s), *s->p != ']')) {
					fail(s, "expected ',' or ']'");
					goto done;
				}
			}
		} else if (operands < 0 || nin < operands) {
			if (nin == MAX_OPERANDS) {
				fail(s, "too many operands");
				goto done;
			}
			if (!(in[nin] = parse_comparison(s)))
				goto done;
			nin++;
		} else {
			while (next < c.nattrs && c.attrs[next].given)
				next++;
			if (next == c.nattrs) {
				fail(s, "too many arguments");
				goto done;
			}
			if (c.attrs[next].type == ATTR_LIST && *s->p != '(' && *s->p != '[' && !name_length(s->p)) {
				/* a.reshape(3, 4): the list without its brackets */
				char list[1024] = "", item[64];

				do {
					if (!raw_argument(s, item, sizeof(item)))
						goto done;
					if (strlen(list) + strlen(item) + 2 > sizeof(list)) {
						fail(s, "the list is too long");
						goto done;
					}
					strcat(strcat(list, *list ? "," : ""), item);
					skip(s);
				} while (*s->p == ',' && (s->p++, true));
				if (call_attr(&c, &c.attrs[next], list, NULL, s->err))
					goto done;
				continue;
			}
			if (c.attrs[next].type == ATTR_OPERAND) {
				struct node *v = parse_comparison(s);

				if (!v || call_attr(&c, &c.attrs[next], NULL, v, s->err))
					goto done;
			} else if (text_argument(s, &c, &c.attrs[next])) {
				goto done;
			}
			next++;
		}
		if (!take(s, ",")) {
			skip(s);
			if (*s->p != ')') {
				fail(s, *s->p ? "expected ',' or ')'" : "the parenthesis is not closed");
				goto done;
			}
		}
	}
	if (call_run(&c, nin, in, s->err))
		goto done;
	if (c.nout != 1)
		error_set(s->err, ERR_VALUE, "%s gives %d results, an expression takes one", name, c.nout);
	else
		x = c.out[0];
done:
	s->brackets--;
	call_release(&c);
	return x;
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
	size_t n = name_length(s->p);
	struct node *x;

	if (n > NAME_MAX_LEN)
		return fail(s, "the name is too long");
	snprintf(name, sizeof(name), "%.*s", (int)n, s->p);
	if (s->p[n] == '(') {
		s->p += n + 1;
		return parse_call(s, name, NULL);
	}
	x = lookup(s, name);
	for (size_t i = 0; !x && i < sizeof(constants) / sizeof(constants[0]); i++)
		if (!strcmp(name, constants[i].name))
			x = node_scalar(s->g, &constants[i].value, NULL, s->err);
	if (!x) {
		struct text list = TEXT_INIT;

		for (int i = 0; i < s->n; i++)
			text_fmt(&list, i ? ", %s" : "%s", s->bound[i].name);
		error_set(s->err, ERR_USAGE, "column %d: '%s' is not bound; bound are: %s", (int)(s->p - s->text) + 1,
			  name, list.s ? list.s : "none");
		text_release(&list);
		return NULL;
	}
	s->p += n;
	return x;
}

static struct node *parse_primary(struct parser *s)
{
	struct node *x = NULL;
	struct scalar v;
	size_t n;

	skip(s);
	if (take(s, "(")) {
		s->brackets++;
		x = parse_comparison(s);
		if (x && !take(s, ")"))
			return fail(s, "expected ')'");
		s->brackets--;
	} else if (name_length(s->p)) {
		x = parse_name(s);
	} else if ((n = scalar_scan(&v, s->p)) > 0) {
		s->p += n;
		x = node_scalar(s->g, &v, NULL, s->err);
	} else {
		return fail(s, *s->p ? "expected a value" : "the expression ends where a value is expected");
	}
	for (;;) {
		char name[NAME_MAX_LEN + 1], item[1024];

		if (!x)
			return NULL;
		skip(s);
		if (*s->p == '[') {
			const char *start = ++s->p;
			int depth = 1;

			for (; *s->p && depth; s->p++)
				depth += *s->p == '[' ? 1 : *s->p == ']' ? -1 : 0;
			if (depth || s->p - start >= (ptrdiff_t)sizeof(item))
				return fail(s, "the bracket is not closed");
			snprintf(item, sizeof(item), "%.*s", (int)(s->p - 1 - start), start);
			x = op_slice(s->g, x, item, s->err);
		} else if (*s->p == '.' && name_length(s->p + 1)) {
			n = name_length(++s->p);
			if (n > NAME_MAX_LEN)
				return fail(s, "the name is too long");
			snprintf(name, sizeof(name), "%.*s", (int)n, s->p);
			s->p += n;
			if (take(s, "("))
				x = parse_call(s, name, x);
			else if (!strcmp(name, "T"))
				x = op_apply(s->g, "transpose", 1, &x, s->err);
			else if (!strcmp(name, "mT") || !strcmp(name, "real") || !strcmp(name, "imag"))
				x = op_apply(s->g, name, 1, &x, s->err);
			else
				return fail(s, "expected a method call, .T, .mT, .real or .imag");
		} else {
			return x;
		}
	}
}

static struct node *parse_unary(struct parser *s);

static struct node *parse_power(struct parser *s)
{
	struct node *x = parse_primary(s);

	if (x && take(s, "**"))
		return binary(s, "power", x, parse_unary(s));
	return x;
}

static struct node *parse_unary(struct parser *s)
{
	const char *op = NULL;
	struct node *x;

	skip(s);
	if (*s->p == '-' || *s->p == '+' || *s->p == '~')
		op = *s->p == '-' ? "negative" : *s->p == '+' ? "positive" : "bitwise_invert";
	if (!op)
		return parse_power(s);
	s->p++;
	if (++s->depth > MAX_DEPTH)
		return fail(s, "nested too deeply");
	x = parse_unary(s);
	s->depth--;
	if (x && x->weak && x->scalar.kind != SCALAR_BOOL && strcmp(op, "bitwise_invert")) {
		struct scalar v = x->scalar;

		if (*op == 'n') {
			v.negative = v.kind == SCALAR_INT && v.magnitude && !v.negative;
			v.re = -v.re;
			v.im = -v.im;
		}
		return node_scalar(s->g, &v, NULL, s->err);
	}
	return x ? op_apply(s->g, op, 1, &x, s->err) : NULL;
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

		for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
			if (operators[i].level == level && take(s, operators[i].token))
				break;
		if (i == sizeof(operators) / sizeof(operators[0])) {
			skip(s);
			if (level == 1 && *s->p == '^')
				return fail(s, "'^' is neither power nor xor here: write ** or bitwise_xor(a, b)");
			return x;
		}
		if (level == 0 && compared)
			return fail(s, "comparisons do not chain: write (a < b) & (b < c)");
		compared = true;
		x = binary(s, operators[i].op, x, parse_level(s, level + 1));
	}
	return x;
}

static struct node *parse_comparison(struct parser *s)
{
	struct node *x;

	if (++s->depth > MAX_DEPTH)
		return fail(s, "nested too deeply");
	x = parse_level(s, 0);
	s->depth--;
	return x;
}

struct node *expr_build(struct graph *g, const char *text, int n, const struct binding *bound, struct error *err)
{
	struct parser s = { .g = g, .text = text, .p = text, .n = n, .bound = bound, .err = err };
	struct node *x = parse_comparison(&s);

	if (x) {
		skip(&s);
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
		  struct error *err)
{
	struct program names = { 0 }; /* everything a statement may use: later ones win */
	struct parser s = { .g = g, .text = text, .p = text, .err = err };
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
		out->last = parse_comparison(&s);
		if (!out->last)
			goto done;
		out->last_name = name;
		skip(&s);
		if (*s.p && *s.p != ';' && *s.p != '\n' && *s.p != '#') {
			fail(&s, "unexpected text");
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
	free(names.value);
	return ret;
}

void program_release(struct program *p)
{
	free(p->value);
	p->value = NULL;
	p->n = 0;
}
