/* The op table at run time: see op.h. */
#include "op.h"

#include "expr.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *command;
} families[] = {
#define FAMILY(id, command) { #id, command },
	FAMILIES(FAMILY)
#undef FAMILY
};

/* nin of a MAP row counts the operands that attrs names; op_operands subtracts them when asked. */
const struct op op_table[] = {
#define MAP(id_, aliases_, nin_, types_, result_, flags_, expr_, attrs_, help_) \
	{ .name = #id_, \
	  .aliases = aliases_, \
	  .class = OP_MAP, \
	  .family = FAMILY_elementwise, \
	  .nin_min = nin_, \
	  .nin_max = nin_, \
	  .attrs = attrs_, \
	  .help = help_, \
	  .id = MAP_##id_, \
	  .flags = flags_, \
	  .result = RESULT_##result_ },
#define REDUCE(id_, aliases_, result_, attrs_, help_) \
	{ .name = #id_, \
	  .aliases = aliases_, \
	  .class = OP_REDUCE, \
	  .family = FAMILY_reduce, \
	  .nin_min = 1, \
	  .nin_max = 1, \
	  .attrs = attrs_, \
	  .help = help_, \
	  .id = REDUCE_##id_, \
	  .result = result_ },
#define TEXT(id_, aliases_, family_, nin_, attrs_, text_, help_) \
	{ .name = #id_, \
	  .aliases = aliases_, \
	  .class = OP_TEXT, \
	  .family = FAMILY_##family_, \
	  .nin_min = nin_, \
	  .nin_max = nin_, \
	  .attrs = attrs_, \
	  .text = text_, \
	  .help = help_ },
#define TEXT_BY(id_, aliases_, family_, nin_min_, nin_max_, attrs_, help_) \
	{ .name = #id_, \
	  .aliases = aliases_, \
	  .class = OP_TEXT, \
	  .family = FAMILY_##family_, \
	  .nin_min = nin_min_, \
	  .nin_max = nin_max_, \
	  .attrs = attrs_, \
	  .help = help_, \
	  .build = build_##id_ },
#define OP(id_, aliases_, family_, nin_min_, nin_max_, attrs_, help_) \
	{ .name = #id_, \
	  .aliases = aliases_, \
	  .class = OP_BUILD, \
	  .family = FAMILY_##family_, \
	  .nin_min = nin_min_, \
	  .nin_max = nin_max_, \
	  .attrs = attrs_, \
	  .help = help_, \
	  .build = build_##id_ },
#include "ops.def"
};
const int op_table_size = sizeof(op_table) / sizeof(op_table[0]);

const char *op_family_name(enum op_family f)
{
	return families[f].name;
}

const char *op_command(const struct op *op)
{
	return families[op->family].command;
}

/* Is name one of the words of list? */
static bool word_in(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = list; *s;) {
		size_t w = strcspn(s, " ");

		if (w == n && !memcmp(s, name, n))
			return true;
		s += w + strspn(s + w, " ");
	}
	return false;
}

const struct op *op_find(const char *name)
{
	for (int i = 0; i < op_table_size; i++)
		if (!strcmp(op_table[i].name, name))
			return &op_table[i];
	for (int i = 0; i < op_table_size; i++)
		if (word_in(op_table[i].aliases, name))
			return &op_table[i];
	return NULL;
}

int text_distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	int d[MAX + 1][MAX + 1];
	int n = (int)strlen(a), m = (int)strlen(b);

	if (n > MAX || m > MAX)
		return MAX;
	for (int i = 0; i <= n; i++)
		d[i][0] = i;
	for (int j = 0; j <= m; j++)
		d[0][j] = j;
	for (int i = 1; i <= n; i++)
		for (int j = 1; j <= m; j++) {
			int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *op_nearest(const char *name, const char *command)
{
	static _Thread_local char word[32];
	const char *best = NULL;
	int most = strlen(name) < 5 ? 1 : strlen(name) < 9 ? 2 : 3, least = most + 1;

	for (int i = 0; i < op_table_size; i++) {
		const struct op *op = &op_table[i];

		if (strcmp(op_command(op), command))
			continue;
		if (text_distance(name, op->name) < least) {
			least = text_distance(name, op->name);
			best = op->name;
		}
		for (const char *s = op->aliases; *s;) {
			char alias[32];
			size_t w = strcspn(s, " ");

			snprintf(alias, sizeof(alias), "%.*s", (int)w, s);
			if (text_distance(name, alias) < least) {
				least = text_distance(name, alias);
				memcpy(word, alias, sizeof(word));
				best = word;
			}
			s += w + strspn(s + w, " ");
		}
	}
	return best;
}

static const char *const attr_types[] = { "flag", "int", "float", "str", "list", "axes", "dtype", "operand" };

int op_attrs(const struct op *op, struct attr attrs[MAX_ATTRS])
{
	int n = 0;

	for (const char *s = op->attrs; *s && n < MAX_ATTRS; n++) {
		struct attr *a = &attrs[n];
		size_t w = strcspn(s, " "), name = strcspn(s, "=: ");
		const char *type = s + w;

		while (type > s && type[-1] != ':')
			type--;
		memset(a, 0, sizeof(*a));
		snprintf(a->name, sizeof(a->name), "%.*s", (int)name, s);
		for (int t = ATTR_FLAG; t <= ATTR_OPERAND; t++)
			if (strlen(attr_types[t]) == (size_t)(s + w - type) &&
			    !strncmp(type, attr_types[t], (size_t)(s + w - type)))
				a->type = (enum attr_type)t;
		a->required = s[name] != '=' && a->type != ATTR_FLAG;
		a->none = a->type != ATTR_FLAG;
		s += w + strspn(s + w, " ");
	}
	return n;
}

/* The text of the default of attribute name, in buf; NULL if it has none or it is "none". */
static const char *attr_default(const struct op *op, const char *name, char *buf, size_t size)
{
	for (const char *s = op->attrs; *s;) {
		size_t w = strcspn(s, " "), k = strcspn(s, "=: ");

		if (k == strlen(name) && !memcmp(s, name, k) && s[k] == '=') {
			const char *end = s + w;

			while (end[-1] != ':')
				end--;
			snprintf(buf, size, "%.*s", (int)(end - 1 - (s + k + 1)), s + k + 1);
			return strcmp(buf, "none") ? buf : NULL;
		}
		s += w + strspn(s + w, " ");
	}
	return NULL;
}

const char *attr_canonical(const char *name, char buf[32])
{
	static const char *const synonyms[][2] = {
		{ "dim", "axis" },
		{ "dims", "axes" },
		{ "keepdim", "keepdims" },
		{ "ddof", "correction" },
		{ "offset", "k" },
		{ "diagonal", "k" },
		{ "low", "low" },
		{ "size", "shape" },
		{ "negative_slope", "slope" },
		{ "shifts", "shift" },
		{ "newshape", "shape" },
		{ "dim0", "axis1" },
		{ "dim1", "axis2" },
		{ "reps", "repetitions" },
		{ "a_min", "min" },
		{ "a_max", "max" },
		{ "indices", "index" },
		{ "endpoint", "endpoint" },
		{ "sections", "sections" },
		{ "chunks", "sections" },
		{ "fill_value", "value" },
		{ "p", "p" },
	};

	snprintf(buf, 32, "%s", name);
	for (char *s = buf; *s; s++)
		if (*s == '-')
			*s = '_';
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (!strcmp(buf, synonyms[i][0])) {
			snprintf(buf, 32, "%s", synonyms[i][1]);
			break;
		}
	return buf;
}

int list_parse(int64_t *out, int max, const char *text)
{
	int n = 0;
	bool paren = *text == '(' || *text == '[';
	char close = *text == '(' ? ')' : ']';
	const char *s = text + paren;

	for (;;) {
		uint64_t v = 0;
		bool negative;

		s += strspn(s, " ");
		if (paren ? *s == close : *s == '\0')
			break;
		if (n == max)
			return -1;
		negative = *s == '-';
		s += negative || *s == '+';
		if (!isdigit((unsigned char)*s))
			return -1;
		for (; isdigit((unsigned char)*s); s++)
			if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v) ||
			    v > INT64_MAX)
				return -1;
		out[n++] = negative ? -(int64_t)v : (int64_t)v;
		s += strspn(s, " ");
		if (*s == ',')
			s++;
		else if (paren ? *s != close : *s != '\0')
			return -1;
	}
	if (paren && s[1])
		return -1;
	return n || paren ? n : -1;
}

int call_init(struct call *c, struct graph *g, const char *name, const struct op *op, struct error *err)
{
	(void)err;
	memset(c, 0, sizeof(*c));
	c->graph = g;
	c->op = op;
	c->name = name;
	c->nattrs = op_attrs(op, c->attrs);
	c->default_float = DT_F64;
	c->default_int = DT_I64;
	return 0;
}

struct attr *call_find_attr(struct call *c, const char *name)
{
	char buf[32];

	attr_canonical(name, buf);
	for (int i = 0; i < c->nattrs; i++)
		if (!strcmp(c->attrs[i].name, buf))
			return &c->attrs[i];
	/* One axis or several: NumPy says axis to both. */
	if (!strcmp(buf, "axis"))
		return call_find_attr(c, "axes");
	if (!strcmp(buf, "axes"))
		for (int i = 0; i < c->nattrs; i++)
			if (!strcmp(c->attrs[i].name, "axis"))
				return &c->attrs[i];
	/* The attribute may itself bear the name of a synonym. */
	for (int i = 0; i < c->nattrs; i++)
		if (!strcmp(c->attrs[i].name, name))
			return &c->attrs[i];
	return NULL;
}

static int attr_bad(const struct attr *a, const char *text, const char *what, struct error *err)
{
	return error_set(err, ERR_USAGE, "%s '%s' is not %s", a->name, text, what);
}

static bool is_none(const char *text)
{
	return !strcmp(text, "none") || !strcmp(text, "None") || !strcmp(text, "null");
}

int call_attr(struct call *c, struct attr *a, const char *text, struct node *node, struct error *err)
{
	int64_t list[256];
	struct scalar s;
	int n;

	a->given = true;
	a->none = false;
	a->node = node;
	a->s = NULL;
	if (node || !text)
		return 0;
	if (!(a->s = graph_string(c->graph, text)))
		return error_memory(err, strlen(text));
	if (a->type != ATTR_FLAG && is_none(text)) {
		a->none = true;
		return 0;
	}
	switch (a->type) {
	case ATTR_FLAG:
		if (!scalar_parse(&s, text, strlen(text)) || s.kind > SCALAR_INT || s.magnitude > 1)
			return attr_bad(a, text, "true or false", err);
		a->flag = s.magnitude == 1;
		return 0;
	case ATTR_INT:
		if (list_parse(&a->i, 1, text) != 1)
			return attr_bad(a, text, "an integer", err);
		return 0;
	case ATTR_FLOAT:
		if (!scalar_parse(&s, text, strlen(text)) || s.kind == SCALAR_COMPLEX)
			return attr_bad(a, text, "a number", err);
		a->f = s.re;
		return 0;
	case ATTR_STR:
		return 0;
	case ATTR_LIST:
	case ATTR_AXES:
		n = list_parse(list, 256, text);
		if (n < 0)
			return attr_bad(a, text, "a list of integers such as 3,4 (or () for none)", err);
		a->n = n;
		a->list = graph_alloc(c->graph, (size_t)n * sizeof(*list), err);
		if (!a->list)
			return -1;
		memcpy(a->list, list, (size_t)n * sizeof(*list));
		return 0;
	case ATTR_DTYPE:
		return dtype_parse(&a->dtype, NULL, text, err);
	case ATTR_OPERAND:
		if (!scalar_parse(&s, text, strlen(text)))
			return attr_bad(a, text, "a number", err);
		a->node = node_scalar(c->graph, &s, text, err);
		return a->node ? 0 : -1;
	}
	return 0;
}

const struct attr *attr_get(const struct call *c, const char *name)
{
	for (int i = 0; i < c->nattrs; i++)
		if (!strcmp(c->attrs[i].name, name))
			return &c->attrs[i];
	return NULL;
}

int call_result(struct call *c, struct node *x, const char *name, struct error *err)
{
	if (!x)
		return -1;
	if (c->nout == c->room) {
		int room = c->room ? 2 * c->room : 4;
		struct node **out = realloc(c->out, (size_t)room * sizeof(*out));
		const char **names;

		if (!out)
			return error_memory(err, (size_t)room * sizeof(*out));
		c->out = out;
		names = realloc(c->out_names, (size_t)room * sizeof(*names));
		if (!names)
			return error_memory(err, (size_t)room * sizeof(*names));
		c->out_names = names;
		c->room = room;
	}
	c->out[c->nout] = x;
	c->out_names[c->nout++] = name;
	return 0;
}

int attr_axes(const struct attr *a, int ndim, bool reduced[MAX_NDIM], struct error *err)
{
	memset(reduced, 0, MAX_NDIM * sizeof(*reduced));
	if (!a || a->none) {
		for (int i = 0; i < ndim; i++)
			reduced[i] = true;
		return 0;
	}
	for (int i = 0; i < a->n; i++) {
		int axis;

		if (axis_normalize(&axis, a->list[i], ndim, err))
			return -1;
		if (reduced[axis])
			return error_set(err, ERR_VALUE, "duplicate value in axis: %" PRId64, a->list[i]);
		reduced[axis] = true;
	}
	return 0;
}

const char *attr_text(const struct attr *a)
{
	if (a->type == ATTR_FLAG)
		return a->flag ? "true" : "false";
	return a->none || !a->s ? "none" : a->s;
}

static int build_map(struct call *c, struct error *err)
{
	struct node *in[MAP_MAX_IN];
	int n = c->nin;

	for (int i = 0; i < n; i++)
		in[i] = c->in[i];
	for (int i = 0; i < c->nattrs; i++)
		in[n++] = c->attrs[i].node;
	if (c->op->id == MAP_conj && !in[0]->weak && !dtype_is_complex(in[0]->dtype) && in[0]->dtype != DT_BOOL)
		return call_result(c, in[0], NULL, err);
	return call_result(c, node_map(c->graph, (enum map_id)c->op->id, in, err), NULL, err);
}

static int build_reduce(struct call *c, struct error *err)
{
	const struct attr *axis = attr_get(c, "axis"), *keepdims = attr_get(c, "keepdims"),
			  *dtype = attr_get(c, "dtype"), *correction = attr_get(c, "correction"),
			  *ord = attr_get(c, "ord");
	struct reduce_param p = { 0, correction && !correction->none ? correction->f : 0,
				  ord && !ord->none ? ord->f : 2 };
	bool reduced[MAX_NDIM];
	struct node *x = c->in[0];

	if ((c->op->id == REDUCE_argmax || c->op->id == REDUCE_argmin) && axis && !axis->none && axis->n != 1)
		return error_set(err, ERR_VALUE, "%s takes one axis, or none for the flattened array", c->name);
	if (attr_axes(axis, x->shape.ndim, reduced, err))
		return -1;
	return call_result(c,
			   node_reduce(c->graph, (enum reduce_id)c->op->id, x, reduced, keepdims && keepdims->flag,
				       dtype && !dtype->none ? dtype->dtype : DT_BOOL, dtype && !dtype->none, &p, err),
			   NULL, err);
}

/* float16 and bfloat16 go through an expression as float32 and are rounded once, at its end. */
static struct node *widened(struct graph *g, struct node *x, enum dtype *half, struct error *err)
{
	if (!x || x->weak || (x->dtype != DT_F16 && x->dtype != DT_BF16))
		return x;
	*half = *half == DT_F32 || *half == x->dtype ? x->dtype : DT_F64;
	return op_cast(g, x, DT_F32, err);
}

int call_text(struct call *c, const char *text, struct error *err)
{
	static const char *const names[] = { "x", "y", "z", "w" };
	enum dtype half = DT_F32, common = DT_F32;
	struct binding b[4 + MAX_ATTRS];
	struct program p = { 0 };
	struct node *result = NULL;
	int n = 0;

	if (nodes_result_type(&common, c->nin, c->in, err))
		return -1;
	for (int i = 0; i < c->nin; i++) {
		b[n++] = (struct binding){ .name = names[i], .node = widened(c->graph, c->in[i], &half, err) };
		if (!b[n - 1].node)
			return -1;
	}
	for (int i = 0; i < c->nattrs; i++) {
		const struct attr *a = &c->attrs[i];
		struct node *v = a->node;

		if (!v && a->type == ATTR_FLAG) {
			struct scalar s = { .kind = SCALAR_BOOL, .magnitude = a->flag, .re = a->flag };

			v = node_scalar(c->graph, &s, NULL, err);
		} else if (!v && a->type == ATTR_INT && !a->none) {
			v = node_int(c->graph, a->i, err);
		} else if (!v && a->type == ATTR_FLOAT && !a->none) {
			v = node_float(c->graph, a->f, err);
		}
		if (!v) {
			b[n++] = (struct binding){ .name = a->name, .text = attr_text(a) };
			continue;
		}
		v = widened(c->graph, v, &half, err);
		if (!v)
			return -1;
		b[n++] = (struct binding){ .name = a->name, .node = v };
	}
	if (!program_build(&p, c->graph, text, n, b, NULL, err))
		result = p.last;
	program_release(&p);
	if (result && result->dtype == DT_F32 && (common == DT_F16 || common == DT_BF16) && half == common)
		result = op_cast(c->graph, result, half, err);
	return call_result(c, result, NULL, err);
}

static int build(struct call *c, struct error *err)
{
	switch (c->op->class) {
	case OP_MAP:
		return build_map(c, err);
	case OP_REDUCE:
		return build_reduce(c, err);
	case OP_TEXT:
		return c->op->build ? c->op->build(c, err) : call_text(c, c->op->text, err);
	case OP_BUILD:
		break;
	}
	return c->op->build(c, err);
}

/* Is a row an expression of others, so that its parts are traced rather than itself? */
static bool leaves_parts(const struct call *c)
{
	return c->graph->tracing == TRACE_PARTS && c->op->class == OP_TEXT;
}

/*
 * Was x made by this call?  A result that is an operand, or that an earlier step gave, has its history already.  first: the nodes
 * that the graph had before the call.
 */
static bool is_new(const struct call *c, struct node *const in[], const struct node *x, int first)
{
	if (x->step)
		return false;
	for (int i = 0; i < c->nin; i++)
		if (x == in[i])
			return false;
	for (int i = first; i < c->graph->n; i++)
		if (x == c->graph->nodes[i])
			return true;
	return x->kind != NODE_LEAF;
}

/* zeros_like and its kin: of their operand they take the shape and dtype, so no gradient flows to it. */
static bool takes_shape(const struct call *c)
{
	return c->op->family == FAMILY_create && c->nin && strcmp(c->op->name, "array") != 0;
}

/* Note what was done. */
static int trace(struct call *c, struct node *const in[], int first, struct error *err)
{
	struct graph *g = c->graph;
	struct step *s, **steps;
	bool any = false;

	for (int i = 0; i < c->nout; i++)
		any |= is_new(c, in, c->out[i], first);
	if (!any)
		return 0;
	steps = realloc(g->steps, (size_t)(g->nsteps + 1) * sizeof(*steps));
	if (!steps)
		return error_memory(err, sizeof(*steps));
	g->steps = steps;
	s = graph_alloc(g, sizeof(*s), err);
	if (!s)
		return -1;
	struct node **nodes = graph_alloc(g, (size_t)(c->nin + c->nout) * sizeof(*nodes), err);
	struct attr *attrs = graph_alloc(g, (size_t)c->nattrs * sizeof(*attrs), err);

	if (!nodes || !attrs || !(s->name = graph_string(g, c->name)))
		return error_memory(err, sizeof(*s));
	s->op = c->op;
	s->nin = c->nin;
	s->in = nodes;
	s->nout = c->nout;
	s->out = nodes + c->nin;
	s->nattrs = c->nattrs;
	s->attrs = attrs;
	s->cut = !strcmp(c->op->name, "detach") || takes_shape(c);
	memcpy(s->in, in, (size_t)c->nin * sizeof(*nodes)); /* c->in may have been prepared */
	memcpy(s->out, c->out, (size_t)c->nout * sizeof(*nodes));
	memcpy(attrs, c->attrs, (size_t)c->nattrs * sizeof(*attrs));
	for (int i = 0; i < c->nattrs; i++) {
		/* What was drawn and what was preferred belong to the history, too. */
		char seed[24];

		snprintf(seed, sizeof(seed), "%" PRIu64, c->seed);
		if (c->random && !strcmp(attrs[i].name, "seed"))
			attrs[i].s = graph_string(g, seed);
		else if (c->op->family == FAMILY_create && attrs[i].type == ATTR_DTYPE && attrs[i].none)
			attrs[i].s = dtype_name(c->out[0]->dtype);
		else
			continue;
		attrs[i].none = false;
		attrs[i].given = true;
	}
	for (int i = 0; i < c->nout; i++)
		if (is_new(c, in, c->out[i], first))
			c->out[i]->step = s;
	g->steps[g->nsteps++] = s;
	return 0;
}

int call_run(struct call *c, int nin, struct node *const in[], struct error *err)
{
	int operands = 0, min = c->op->nin_min, max = c->op->nin_max, first = c->graph->n, ret;

	if (c->op->class == OP_MAP) {
		for (int i = 0; i < c->nattrs; i++)
			operands += c->attrs[i].type == ATTR_OPERAND;
		min -= operands;
		max -= operands;
	}
	if (nin < min || (max >= 0 && nin > max)) {
		const char *atleast = max < 0 ? "at least " : "";

		if (min == max || max < 0)
			return error_set(err, ERR_USAGE, "%s takes %s%d operand%s, %d given", c->name, atleast, min,
					 min == 1 ? "" : "s", nin);
		return error_set(err, ERR_USAGE, "%s takes %d to %d operands, %d given", c->name, min, max, nin);
	}
	c->nin = nin;
	c->in = calloc((size_t)nin + 1, sizeof(*c->in));
	if (!c->in)
		return error_memory(err, (size_t)nin * sizeof(*c->in));
	for (int i = 0; i < nin; i++)
		c->in[i] = in[i];
	for (int i = 0; i < c->nattrs; i++) {
		struct attr *a = &c->attrs[i];
		char buf[64];
		const char *text;

		if (a->given)
			continue;
		if (a->required)
			return error_set(err, ERR_USAGE, "%s needs --%s", c->name, a->name);
		text = attr_default(c->op, a->name, buf, sizeof(buf));
		if (text && call_attr(c, a, text, NULL, err))
			return -1;
		a->given = false;
		if (!text)
			a->none = true;
	}
	if (!c->graph->tracing || leaves_parts(c))
		return build(c, err);
	c->graph->depth++;
	ret = build(c, err);
	c->graph->depth--;
	return ret || c->graph->depth ? ret : trace(c, in, first, err);
}

void call_release(struct call *c)
{
	free(c->in);
	free(c->out);
	free(c->out_names);
	c->in = NULL;
	c->out = NULL;
	c->out_names = NULL;
}

struct node *op_apply(struct graph *g, const char *name, int nin, struct node *const in[], struct error *err)
{
	const struct op *op = op_find(name);
	struct call c;
	struct node *x = NULL;

	if (!op) {
		error_set(err, ERR_USAGE, "unknown op '%s'", name);
		return NULL;
	}
	if (!call_init(&c, g, name, op, err) && !call_run(&c, nin, in, err))
		x = c.out[0];
	call_release(&c);
	return x;
}

struct node *op_cast(struct graph *g, struct node *x, enum dtype dtype, struct error *err)
{
	struct call c;
	struct node *y = NULL;

	if (!g->tracing || (x->dtype == dtype && !x->weak))
		return node_cast(g, x, dtype, err);
	call_init(&c, g, "astype", op_find("astype"), err);
	if (!call_attr(&c, call_find_attr(&c, "dtype"), dtype_name(dtype), NULL, err) && !call_run(&c, 1, &x, err))
		y = c.out[0];
	call_release(&c);
	return y;
}

struct node *op_slice(struct graph *g, struct node *x, const char *slices, struct error *err)
{
	struct call c;
	struct node *y = NULL;

	if (!g->tracing)
		return node_index(g, x, slices, err);
	call_init(&c, g, "slice", op_find("slice"), err);
	if (!call_attr(&c, call_find_attr(&c, "slice"), slices, NULL, err) && !call_run(&c, 1, &x, err))
		y = c.out[0];
	call_release(&c);
	return y;
}
