/* The expression language: arguments of calls, and indices.  See expr.h. */
#include "expr_parser.h"

#include "op.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_OPERANDS = 256, ARGUMENT = 1024 };

/* The text of a weak scalar, as call_attr and slices read it; false if it is not exact or no real number. */
static bool scalar_text(char buf[NUMBER_TEXT], const struct scalar *v)
{
	if (v->kind == SCALAR_COMPLEX || v->huge)
		return false;
	if (v->kind == SCALAR_FLOAT)
		number_repr(buf, DT_F64, &v->re);
	else if (v->kind == SCALAR_BOOL)
		snprintf(buf, NUMBER_TEXT, "%s", v->magnitude ? "true" : "false");
	else
		snprintf(buf, NUMBER_TEXT, "%s%" PRIu64, v->negative ? "-" : "", v->magnitude);
	return true;
}

/* What the user prefers, in a call that stands in the text. */
static void prefer(const struct parser *s, struct call *c)
{
	if (!s->prefer)
		return;
	c->default_float = s->prefer->default_float;
	c->default_int = s->prefer->default_int;
	c->dry = s->prefer->dry;
}

/* Apply op with one attribute, or none, given as text. */
static struct node *apply_with(struct parser *s, const char *op, struct node *x, struct node *y, const char *name,
			       const char *text)
{
	struct node *in[] = { x, y }, *out = NULL;
	struct call c;

	call_init(&c, s->g, op, op_find(op), s->err);
	prefer(s, &c);
	if ((!name || !call_attr(&c, call_find_attr(&c, name), text, NULL, s->err)) && !call_run(&c, 2, in, s->err))
		out = c.out[0];
	call_release(&c);
	return out;
}

/* The raw text of one argument: up to a comma or closing bracket at this level, without blanks and quotes around it. */
static bool raw_argument(struct parser *s, char buf[ARGUMENT])
{
	int depth = 0;
	char quote = 0;
	const char *start, *end;

	parse_skip(s);
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
	if (quote)
		return !parse_error(s, start, "the quote is not closed");
	if (end == start)
		return !parse_error(s, start, "expected an argument");
	if (end - start >= 2 && (*start == '\'' || *start == '"') && end[-1] == *start) {
		start++;
		end--;
	}
	if (end - start >= ARGUMENT)
		return !parse_error(s, start, "the argument is too long");
	memcpy(buf, start, (size_t)(end - start));
	buf[end - start] = '\0';
	return true;
}

/* NAME.shape and NAME.dtype of a bound array as text; NULL if buf is something else. */
static const char *property(struct parser *s, const char *buf, char text[SHAPE_TEXT])
{
	char name[NAME_MAX_LEN + 1];
	size_t n = name_length(buf);
	const struct binding *b;

	if (n == 0 || n > NAME_MAX_LEN || buf[n] != '.')
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)n, buf);
	b = parse_lookup(s, name);
	if (!b || !b->node)
		return NULL;
	if (!strcmp(buf + n, ".shape"))
		return shape_text(&b->node->shape, text, SHAPE_TEXT);
	if (!strcmp(buf + n, ".dtype"))
		return dtype_name(b->node->dtype);
	return NULL;
}

/* A number that is known without computing: 2, n, x.shape[0] - 1. */
static int number_argument(struct parser *s, struct text *out)
{
	char buf[NUMBER_TEXT];
	struct node *x;
	const char *at;

	parse_skip(s);
	at = s->p;
	if (!(x = parse_expression(s)))
		return -1;
	if (!x->weak || !scalar_text(buf, &x->scalar)) {
		return parse_error(s, at, "this argument is a number, not an array");
	}
	text_add(out, buf);
	return 0;
}

/* One item of a list: a number, or a list, whose items become those of this one: ((1, 2), (3, 4)) is 1,2,3,4. */
static int list_item(struct parser *s, struct text *out)
{
	const char *start = (parse_skip(s), s->p);
	size_t len = out->len;
	const char *close = *start == '(' ? ")" : "]";
	bool first = true;

	if (*start != '(' && *start != '[')
		return number_argument(s, out);
	s->p++;
	s->brackets++;
	if (++s->depth > MAX_DEPTH)
		return parse_error(s, start, "nested too deeply");
	while (!parse_take(s, close)) {
		if (!first)
			text_add(out, ",");
		first = false;
		if (list_item(s, out))
			return -1;
		if (!parse_take(s, ",") && (parse_skip(s), *s->p != *close))
			return parse_fail(s, s->p, *close == ')' ? "expected ',' or ')'" : "expected ',' or ']'") ? 0
														  : -1;
	}
	s->brackets--;
	s->depth--;
	parse_skip(s);
	if (!*s->p || strchr(",)]", *s->p))
		return 0;
	/* It was no list: (a + 1) * 2. */
	s->p = start;
	if (out->s)
		out->s[out->len = len] = '\0';
	return number_argument(s, out);
}

/* Try to read the argument as a number, without an error if it is none. */
static bool try_number(struct parser *s, struct text *out)
{
	struct parser saved = *s;
	struct error err = ERROR_INIT;

	s->err = &err;
	if (!number_argument(s, out) && (parse_skip(s), !*s->p || strchr(",)", *s->p))) {
		s->err = saved.err;
		return true;
	}
	*s = saved;
	return false;
}

static bool is_list(enum attr_type type)
{
	return type == ATTR_LIST || type == ATTR_AXES;
}

/* An attribute that is not an operand: a number, a list of them, or a word. */
static int value_argument(struct parser *s, struct call *c, struct attr *a)
{
	char buf[ARGUMENT], shape[SHAPE_TEXT];
	const char *start = (parse_skip(s), s->p), *text;
	struct text made = TEXT_INIT;
	bool quoted = *start == '\'' || *start == '"';
	struct scalar v;
	int ret = -1;

	if (!raw_argument(s, buf))
		return -1;
	const struct binding *b = parse_lookup(s, buf);

	if (b && b->text) {
		text = b->text;
	} else if (!quoted && (text = property(s, buf, shape))) {
		;
	} else if (quoted || a->type == ATTR_DTYPE || !strcmp(buf, "None") || !strcmp(buf, "none") ||
		   scalar_parse(&v, buf, strlen(buf))) {
		/* np.float32, torch.float32 */
		text = buf;
		if (a->type == ATTR_DTYPE && !quoted && strchr(buf, '.'))
			text = strrchr(buf, '.') + 1;
	} else {
		const char *end = s->p;

		s->p = start;
		text = buf;
		if (a->type == ATTR_STR) {
			if (try_number(s, &made))
				text = made.s;
			else
				s->p = end;
		} else {
			bool list = is_list(a->type) && (*start == '(' || *start == '[');

			if (list)
				text_add(&made, "(");
			if (is_list(a->type) ? list_item(s, &made) : number_argument(s, &made))
				goto done;
			if (list)
				text_add(&made, ")");
			text = made.s;
		}
		if (made.failed) {
			error_memory(s->err, made.room);
			goto done;
		}
	}
	ret = call_attr(c, a, text, NULL, s->err);
	if (ret)
		parse_made(s, start, NULL);
done:
	text_release(&made);
	return ret;
}

/* x.reshape(3, 4): the items of a list without its brackets, up to what is no number. */
static int bare_list(struct parser *s, struct call *c, struct attr *a)
{
	const char *start = (parse_skip(s), s->p);
	struct text made = TEXT_INIT;
	int ret = -1;

	text_add(&made, "(");
	for (;;) {
		if (number_argument(s, &made))
			goto done;
		parse_skip(s);
		const char *next = s->p + (*s->p == ',');

		next += strspn(next, " \t\n");
		size_t n = name_length(next);

		if (next == s->p || strchr(")'\"", *next) || (n && next[n + strspn(next + n, " ")] == '='))
			break;
		text_add(&made, ",");
		s->p++;
	}
	text_add(&made, ")");
	if (made.failed)
		error_memory(s->err, made.room);
	else
		ret = call_attr(c, a, made.s, NULL, s->err);
	if (ret)
		parse_made(s, start, NULL);
done:
	text_release(&made);
	return ret;
}

/*
 * Does the attribute after number i leave it all the numbers that follow?  reshape(x, 3, 4) and rand(3, 4) do; full(3, 7) and
 * roll(x, 1, 0) have another use for the second.
 */
static bool takes_rest(const struct call *c, int i)
{
	const struct attr *a = &c->attrs[i], *next = i + 1 < c->nattrs ? a + 1 : NULL;

	return a->type == ATTR_LIST &&
	       (!next || next->type == ATTR_DTYPE || next->type == ATTR_STR || !strcmp(next->name, "seed"));
}

static int operand_argument(struct parser *s, struct call *c, struct attr *a)
{
	const char *start = (parse_skip(s), s->p);
	size_t n = name_length(start);
	struct node *v;

	/* min=None */
	if (n == 4 && !strncmp(start, "None", n)) {
		s->p += n;
		return call_attr(c, a, "none", NULL, s->err);
	}
	v = parse_expression(s);
	return v ? call_attr(c, a, NULL, v, s->err) : -1;
}

static int keyword_argument(struct parser *s, struct call *c, const char *at, const char *name)
{
	struct attr *a = call_find_attr(c, name);
	char what[NAME_MAX_LEN + 128], list[256] = "";

	for (int i = 0; !a && i < c->nattrs; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", c->attrs[i].name);
	if (!a) {
		snprintf(what, sizeof(what), "%.40s has no argument '%s'", c->name, name);
		if (*list)
			snprintf(what + strlen(what), sizeof(what) - strlen(what), "; it has %.100s", list);
		return parse_error(s, at, what);
	}
	if (a->given) {
		snprintf(what, sizeof(what), "the argument '%s' is given twice", name);
		return parse_error(s, at, what);
	}
	return a->type == ATTR_OPERAND ? operand_argument(s, c, a) : value_argument(s, c, a);
}

/* concat((a, b)), stack([a, b]): is the bracket that is next a whole argument with a comma in it? */
static bool is_sequence(const struct parser *s)
{
	int depth = 0;
	bool comma = false;
	const char *p = s->p;

	if (*p != '(' && *p != '[')
		return false;
	for (; *p; p++) {
		if (strchr("([", *p))
			depth++;
		else if (strchr(")]", *p) && --depth == 0)
			break;
		comma |= *p == ',' && depth == 1;
	}
	if (!*p)
		return false;
	p += 1 + strspn(p + 1, " \t\n");
	return (comma || *s->p == '[') && (*p == ',' || *p == ')');
}

/* The operands of one call, as they come. */
struct operands {
	struct node *in[MAX_OPERANDS];
	int n, most; /* most -1: any number */
};

static int add_operand(struct parser *s, struct operands *o)
{
	if (o->n == MAX_OPERANDS) {
		return parse_error(s, s->p, "too many operands");
	}
	o->in[o->n] = parse_expression(s);
	return o->in[o->n] ? (o->n++, 0) : -1;
}

static int add_sequence(struct parser *s, struct operands *o)
{
	const char *close = *s->p++ == '(' ? ")" : "]";

	s->brackets++;
	while (!parse_take(s, close)) {
		if (add_operand(s, o))
			return -1;
		if (!parse_take(s, ",") && (parse_skip(s), *s->p != *close)) {
			return parse_error(s, s->p, "expected ',' or the end of the list");
		}
	}
	s->brackets--;
	return 0;
}

/* An argument without a name: operands come first, then the attributes in the op's order. */
static int positional_argument(struct parser *s, struct call *c, struct operands *o)
{
	int next = 0;

	while (next < c->nattrs && c->attrs[next].given)
		next++;
	/* einsum('ij,jk', a, b) */
	if (o->most < 0 && (*s->p == '\'' || *s->p == '"') && next < c->nattrs && c->attrs[next].type == ATTR_STR)
		return value_argument(s, c, &c->attrs[next]);
	if (o->most < 0 && o->n == 0 && is_sequence(s)) {
		if (add_sequence(s, o))
			return -1;
		o->most = o->n; /* what follows the list is an attribute: concat((x, y), 0) */
		return 0;
	}
	if (o->most < 0 || o->n < o->most)
		return add_operand(s, o);
	if (next == c->nattrs) {
		return parse_error(s, s->p, "too many arguments");
	}
	struct attr *a = &c->attrs[next];

	if (a->type == ATTR_OPERAND)
		return operand_argument(s, c, a);
	/* x.reshape(y.shape) is one argument */
	if (takes_rest(c, next) && *s->p != '(' && *s->p != '[') {
		char buf[ARGUMENT], shape[SHAPE_TEXT];
		const char *start = s->p;
		bool single = !raw_argument(s, buf) || property(s, buf, shape) || !strcmp(buf, "None");
		const struct binding *b = s->column ? NULL : parse_lookup(s, buf);

		if (s->column)
			return -1;
		s->p = start;
		if (!single && !(b && b->text))
			return bare_list(s, c, a);
	}
	return value_argument(s, c, a);
}

static int parse_arguments(struct parser *s, struct call *c, struct operands *o)
{
	while (!parse_take(s, ")")) {
		size_t n;
		int ret;

		parse_skip(s);
		n = name_length(s->p);
		const char *at = s->p, *after = s->p + n + strspn(s->p + n, " ");

		if (n && n <= NAME_MAX_LEN && *after == '=' && after[1] != '=') {
			char key[NAME_MAX_LEN + 1];

			snprintf(key, sizeof(key), "%.*s", (int)n, s->p);
			s->p = after + 1;
			ret = keyword_argument(s, c, at, key);
		} else {
			ret = positional_argument(s, c, o);
		}
		if (ret)
			return -1;
		if (!parse_take(s, ",")) {
			parse_skip(s);
			if (*s->p != ')') {
				parse_fail(s, s->p, *s->p ? "expected ',' or ')'" : "the parenthesis is not closed");
				return -1;
			}
		}
	}
	return 0;
}

struct node *parse_call(struct parser *s, const char *at, const char *name, struct node *self)
{
	const struct op *op = op_find(name);
	struct operands o = { .n = 0 };
	struct node *x = NULL;
	struct call c;

	if (!op) {
		const char *near = op_nearest(name, "op");
		char what[NAME_MAX_LEN + 128];

		near = near ? near : op_nearest(name, "reduce");
		snprintf(what, sizeof(what), "unknown function '%s'%s%s%s", name, near ? "; did you mean '" : "",
			 near ? near : "", near ? "'?" : "");
		return parse_fail(s, at, what);
	}
	call_init(&c, s->g, name, op, s->err);
	prefer(s, &c);
	s->brackets++;
	o.most = op->nin_max;
	for (int i = 0; op->class == OP_MAP && i < c.nattrs; i++)
		o.most -= c.attrs[i].type == ATTR_OPERAND;
	if (self)
		o.in[o.n++] = self;
	if (parse_arguments(s, &c, &o))
		goto done;
	for (int i = 0; i < c.nattrs; i++)
		if (!c.attrs[i].given && c.attrs[i].required) {
			char what[NAME_MAX_LEN + 64];

			snprintf(what, sizeof(what), "%s needs the argument '%s'", name, c.attrs[i].name);
			parse_fail(s, at, what);
			goto done;
		}
	if (call_run(&c, o.n, o.in, s->err))
		parse_made(s, at, NULL);
	else if (c.nout != 1)
		error_set(s->err, ERR_VALUE, "%s gives %d results, an expression takes one", name, c.nout);
	else
		x = c.out[0];
done:
	s->brackets--;
	call_release(&c);
	return parse_made(s, at, x);
}

/* == indices == */

/* The array among the items of an index, and where it stands. */
struct advanced {
	struct node *by;
	int before, after; /* items ':' on each side */
	bool dots, other;  /* "..." before it; anything else */
};

/* One item: "2", "1:n", "::-1", "...", "None", or an array. */
static int index_item(struct parser *s, struct text *items, struct advanced *a)
{
	const char *at = (parse_skip(s), s->p);
	size_t n = name_length(at), len = items->len;
	char buf[NUMBER_TEXT];

	if (parse_take(s, "...")) {
		text_add(items, "...");
		a->other |= a->dots || a->by || a->before;
		a->dots = true;
		return 0;
	}
	if ((n == 4 && !strncmp(at, "None", 4)) || (n == 7 && !strncmp(at, "newaxis", 7))) {
		s->p += n;
		text_add(items, "None");
		a->other = true;
		return 0;
	}
	for (int part = 0; part < 3; part++) {
		parse_skip(s);
		if (*s->p != ':' && *s->p != ',' && *s->p != ']') {
			struct node *x;

			at = s->p;
			if (!(x = parse_expression(s)))
				return -1;
			parse_skip(s);
			if (!x->weak && part == 0 && *s->p != ':' && (dtype_is_int(x->dtype) || x->dtype == DT_BOOL)) {
				a->other |= a->by != NULL;
				a->by = x;
				return 0;
			}
			if (!x->weak || x->scalar.kind != SCALAR_INT || !scalar_text(buf, &x->scalar))
				return parse_error(s, at,
						   "an index is an integer, a slice, '...', None, or an array of "
						   "integers or bools");
			text_add(items, buf);
			a->other = true;
		}
		if (!parse_take(s, ":"))
			break;
		if (part == 2)
			return parse_error(s, s->p - 1, "a slice is start:stop:step");
		text_add(items, ":");
	}
	if (items->len == len)
		return parse_error(s, s->p, "expected an index");
	if (!a->other)
		*(a->by ? &a->after : &a->before) += 1;
	return 0;
}

/* x[mask], x[indices], x[:, indices], x[..., indices] */
static struct node *index_by(struct parser *s, const char *at, struct node *x, const struct advanced *a)
{
	char axis[16];

	if (a->other || (a->by->dtype == DT_BOOL && (a->before || a->after || a->dots)))
		return parse_fail(s, at, "an array of indices stands alone, or among ':'; a mask stands alone");
	if (a->by->dtype == DT_BOOL)
		return apply_with(s, "masked_select", x, a->by, NULL, NULL);
	snprintf(axis, sizeof(axis), "%d", a->dots ? -1 - a->after : a->before);
	return apply_with(s, "take", x, a->by, "axis", axis);
}

struct node *parse_index(struct parser *s, struct node *x)
{
	const char *at = s->p - 1;
	struct text items = TEXT_INIT;
	struct advanced a = { .by = NULL };
	struct node *out = NULL;

	s->brackets++;
	parse_skip(s);
	if (*s->p == ']') {
		parse_fail(s, s->p, "expected an index");
		goto done;
	}
	while (!parse_take(s, "]")) {
		if (items.len || a.by)
			text_add(&items, ",");
		if (index_item(s, &items, &a))
			goto done;
		if (!parse_take(s, ",") && (parse_skip(s), *s->p != ']')) {
			parse_fail(s, *s->p ? s->p : at, *s->p ? "expected ',' or ']'" : "the bracket is not closed");
			goto done;
		}
	}
	s->brackets--;
	if (items.failed)
		error_memory(s->err, items.room);
	else
		out = a.by ? index_by(s, at, x, &a) : op_slice(s->g, x, items.s, s->err);
done:
	text_release(&items);
	return parse_made(s, at, out);
}

struct node *parse_list(struct parser *s)
{
	const char *at = s->p - 1;
	struct operands o = { .n = 0 };

	s->p--;
	if (add_sequence(s, &o))
		return NULL;
	if (!o.n)
		return parse_fail(s, at, "a list of nothing has no dtype: write zeros(0)");
	return parse_made(s, at, op_apply(s->g, "stack", o.n, o.in, s->err));
}
