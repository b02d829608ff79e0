/*
 * einsum: the subscripts, and the products and sums they stand for.  Operands are taken in from left to right; where two of
 * them share labels that no one needs afterwards, the step is a matmul.
 */
#include "op.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Labels are letters, and behind them the axes of an ellipsis, counted from the last. */
enum { NLETTERS = 52, NLABELS = NLETTERS + MAX_NDIM };

/* An array whose axis i is called label[i]. */
struct term {
	struct node *x;
	int label[MAX_NDIM];
};

struct einsum {
	struct graph *graph;
	const char *equation;
	int n;
	struct term *terms;
	struct term out; /* labels of the result; x holds it at the end */
	int nout;
	int ellipsis; /* the most axes that an operand's ellipsis stands for */
	int64_t size[NLABELS];
	int uses[NLABELS]; /* operands that have it, and one for the result */
};

static int letter(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

static int bad(const struct einsum *e, const char *what, struct error *err)
{
	return error_set(err, ERR_USAGE, "equation '%s': %s", e->equation, what);
}

/*
 * One operand's subscripts up to a comma, an arrow or the end.  The labels before and after an ellipsis go to labels,
 * *before of *n; *before is -1 if there is none.
 */
static const char *scan(const struct einsum *e, const char *s, int labels[MAX_NDIM], int *n, int *before,
			struct error *err)
{
	*n = 0;
	*before = -1;
	for (; *s && *s != ',' && *s != '-'; s++) {
		if (*s == ' ')
			continue;
		if (*s == '.') {
			if (*before >= 0 || strncmp(s, "...", 3)) {
				bad(e, "a '.' that is not part of one '...'", err);
				return NULL;
			}
			*before = *n;
			s += 2;
			continue;
		}
		if (letter(*s) < 0) {
			bad(e, "subscripts must be letters, such as ij,jk->ik", err);
			return NULL;
		}
		if (*n == MAX_NDIM) {
			bad(e, "too many subscripts", err);
			return NULL;
		}
		labels[(*n)++] = letter(*s);
	}
	return s;
}

/* Name the axes of x; an axis that shares its label with another of x is merged with it into their diagonal. */
static int term_init(struct einsum *e, struct term *t, struct node *x, const int *labels, int n, int before,
		     struct error *err)
{
	int ndim = x->shape.ndim, dots = before >= 0 ? ndim - n : 0, k = 0;
	char text[NODE_TEXT];

	if (n > ndim || (before < 0 && n < ndim))
		return error_set(err, ERR_VALUE, "%s: the equation '%s' has %d subscripts for its %d dimensions%s",
				 node_text(x, text, sizeof(text)), e->equation, n, ndim,
				 n < ndim ? "; '...' stands for the rest" : "");
	if (x->weak && !(x = node_cast(e->graph, x, x->dtype, err)))
		return -1;
	e->ellipsis = dots > e->ellipsis ? dots : e->ellipsis;
	for (int i = 0; i < n + 1; i++) {
		if (i == before)
			for (int d = 0; d < dots; d++)
				t->label[k++] = NLETTERS + dots - 1 - d;
		if (i < n)
			t->label[k++] = labels[i];
	}
	for (int i = 0; i < ndim; i++)
		for (int j = i + 1; j < ndim; j++) {
			int label = t->label[i];

			if (t->label[j] != label)
				continue;
			if (x->shape.dim[i] != x->shape.dim[j])
				return error_set(err, ERR_VALUE,
						 "%s: the equation '%s' takes the diagonal of axes of sizes %" PRId64
						 " and %" PRId64,
						 node_text(x, text, sizeof(text)), e->equation, x->shape.dim[i],
						 x->shape.dim[j]);
			if (!(x = node_diagonal(e->graph, x, i, j, 0, err)))
				return -1;
			/* The diagonal is the last axis now. */
			memmove(t->label + j, t->label + j + 1, (size_t)(ndim - j - 1) * sizeof(*t->label));
			memmove(t->label + i, t->label + i + 1, (size_t)(ndim - i - 2) * sizeof(*t->label));
			ndim--;
			t->label[ndim - 1] = label;
			i = -1;
			break;
		}
	t->x = x;
	for (int i = 0; i < ndim; i++) {
		int64_t *size = &e->size[t->label[i]], d = x->shape.dim[i];

		if (*size < 0 || *size == 1)
			*size = d;
		else if (d != *size && d != 1)
			return error_set(err, ERR_VALUE,
					 "%s: the equation '%s' gives one subscript the sizes %" PRId64 " and %" PRId64,
					 node_text(x, text, sizeof(text)), e->equation, *size, d);
		e->uses[t->label[i]]++;
	}
	return 0;
}

static int parse_output(struct einsum *e, const char *s, struct error *err)
{
	int labels[MAX_NDIM], n, before, k = 0;
	bool seen[NLETTERS] = { false };

	s = scan(e, s, labels, &n, &before, err);
	if (!s)
		return -1;
	if (*s)
		return bad(e, "one '->' and one result, please", err);
	if (before < 0 && e->ellipsis)
		return error_set(err, ERR_VALUE, "equation '%s': the result needs '...', too", e->equation);
	if (n + e->ellipsis > MAX_NDIM)
		return bad(e, "too many subscripts", err);
	for (int i = 0; i < n; i++) {
		char what[64];

		what[0] = '\0';
		if (seen[labels[i]])
			strcpy(what, "the result has a subscript twice");
		else if (!e->uses[labels[i]])
			strcpy(what, "the result has a subscript that no operand has");
		if (*what)
			return bad(e, what, err);
		seen[labels[i]] = true;
	}
	for (int i = 0; i < n + 1; i++) {
		if (i == before)
			for (int d = e->ellipsis - 1; d >= 0; d--)
				e->out.label[k++] = NLETTERS + d;
		if (i < n)
			e->out.label[k++] = labels[i];
	}
	e->nout = k;
	return 0;
}

static int parse(struct einsum *e, int nin, struct node *const in[], struct error *err)
{
	const char *s = e->equation;
	int count[NLETTERS] = { 0 };

	for (int i = 0; i < NLABELS; i++)
		e->size[i] = -1;
	for (int i = 0; i < nin; i++) {
		int labels[MAX_NDIM], n, before;

		if (!(s = scan(e, s, labels, &n, &before, err)))
			return -1;
		for (int k = 0; k < n; k++)
			count[labels[k]]++;
		if (term_init(e, &e->terms[i], in[i], labels, n, before, err))
			return -1;
		if (i + 1 < nin && *s != ',')
			return error_set(err, ERR_USAGE, "equation '%s' has fewer operands than the %d given",
					 e->equation, nin);
		s += *s == ',' && i + 1 < nin;
	}
	if (*s == ',')
		return error_set(err, ERR_USAGE, "equation '%s' has more operands than the %d given", e->equation, nin);
	if (*s) {
		if (strncmp(s, "->", 2))
			return bad(e, "a '-' that is not part of '->'", err);
		if (parse_output(e, s + 2, err))
			return -1;
	} else {
		/* The ellipsis, then what appears once, in ASCII order. */
		for (int d = e->ellipsis - 1; d >= 0; d--)
			e->out.label[e->nout++] = NLETTERS + d;
		for (int l = 0; l < NLETTERS && e->nout < MAX_NDIM; l++)
			if (count[l] == 1)
				e->out.label[e->nout++] = l;
	}
	for (int i = 0; i < e->nout; i++)
		e->uses[e->out.label[i]]++;
	e->n = nin;
	return 0;
}

static int axis_of(const struct term *t, int label)
{
	for (int i = 0; i < t->x->shape.ndim; i++)
		if (t->label[i] == label)
			return i;
	return -1;
}

/* Remove the marked axes: the sum over them, or, all of size 1, without them. */
static int drop(struct einsum *e, struct term *t, const bool dropped[MAX_NDIM], bool sum, struct error *err)
{
	static const struct reduce_param none;
	bool any = t->x->dtype == DT_BOOL;
	struct shape shape = { 0 };
	int n = 0;

	for (int i = 0; i < t->x->shape.ndim; i++)
		if (!dropped[i]) {
			shape.dim[shape.ndim++] = t->x->shape.dim[i];
			t->label[n++] = t->label[i];
		}
	if (n == t->x->shape.ndim)
		return 0;
	if (sum)
		t->x = node_reduce(e->graph, any ? REDUCE_any : REDUCE_sum, t->x, dropped, false, t->x->dtype, !any,
				   &none, err);
	else
		t->x = node_reshape(e->graph, t->x, &shape, err);
	return t->x ? 0 : -1;
}

/* Axes of size 1 that other operands have in another size say nothing. */
static int drop_ones(struct einsum *e, struct term *t, struct error *err)
{
	bool dropped[MAX_NDIM] = { false };

	for (int i = 0; i < t->x->shape.ndim; i++)
		if (t->x->shape.dim[i] == 1 && e->size[t->label[i]] != 1) {
			dropped[i] = true;
			e->uses[t->label[i]]--;
		}
	return drop(e, t, dropped, false, err);
}

/* Sum over what nobody else has. */
static int sum_out(struct einsum *e, struct term *t, struct error *err)
{
	bool dropped[MAX_NDIM] = { false };

	for (int i = 0; i < t->x->shape.ndim; i++)
		if (e->uses[t->label[i]] == 1) {
			dropped[i] = true;
			e->uses[t->label[i]] = 0;
		}
	return drop(e, t, dropped, true, err);
}

/* t with its axes in the order of labels, those that it lacks of size 1. */
static struct node *arrange(struct einsum *e, const struct term *t, const int *labels, int n, struct error *err)
{
	int axes[MAX_NDIM], have = 0;
	struct shape shape = { n, { 0 } };
	bool in_order = true;
	struct node *x = t->x;

	for (int i = 0; i < n; i++) {
		int a = axis_of(t, labels[i]);

		shape.dim[i] = a < 0 ? 1 : t->x->shape.dim[a];
		if (a >= 0) {
			in_order &= a == have;
			axes[have++] = a;
		}
	}
	if (!in_order && !(x = node_permute(e->graph, x, axes, err)))
		return NULL;
	return node_reshape(e->graph, x, &shape, err);
}

/* The labels of two terms, by what becomes of them. */
struct groups {
	int label[3][2 * MAX_NDIM], n[3];
	int64_t size[3];
};

static void add_label(struct einsum *e, struct groups *s, int group, int label)
{
	s->label[group][s->n[group]++] = label;
	s->size[group] *= e->size[label];
}

/* out = a * b, every axis of both kept; labels are a's, then b's other ones. */
static int multiply(struct einsum *e, struct term *out, const struct term *a, const struct term *b, struct error *err)
{
	struct node *pair[2];
	int labels[2 * MAX_NDIM], n = 0;

	for (int i = 0; i < a->x->shape.ndim; i++)
		labels[n++] = a->label[i];
	for (int i = 0; i < b->x->shape.ndim; i++)
		if (axis_of(a, b->label[i]) < 0)
			labels[n++] = b->label[i];
	if (n > MAX_NDIM)
		return error_set(err, ERR_VALUE, "equation '%s' needs more than %d dimensions on the way", e->equation,
				 MAX_NDIM);
	if (!(pair[0] = arrange(e, a, labels, n, err)) || !(pair[1] = arrange(e, b, labels, n, err)) ||
	    !(out->x = node_map(e->graph, MAP_multiply, pair, err)))
		return -1;
	memcpy(out->label, labels, (size_t)n * sizeof(*labels));
	return 0;
}

enum { BATCH, FREE, SUM };

/* The axes of t as batches, rows and columns of matrices. */
static struct node *matrices(struct einsum *e, const struct term *t, const struct groups *batch,
			     const struct groups *rows, int row_group, const struct groups *cols, int col_group,
			     struct error *err)
{
	int labels[MAX_NDIM], n = 0;
	struct shape shape = { 0 };
	struct node *x;

	if (batch->n[BATCH] + 2 > MAX_NDIM) {
		error_set(err, ERR_VALUE, "equation '%s' needs more than %d dimensions on the way", e->equation,
			  MAX_NDIM);
		return NULL;
	}
	for (int i = 0; i < batch->n[BATCH]; i++) {
		labels[n++] = batch->label[BATCH][i];
		shape.dim[shape.ndim++] = e->size[batch->label[BATCH][i]];
	}
	for (int i = 0; i < rows->n[row_group]; i++)
		labels[n++] = rows->label[row_group][i];
	for (int i = 0; i < cols->n[col_group]; i++)
		labels[n++] = cols->label[col_group][i];
	shape.dim[shape.ndim++] = rows->size[row_group];
	shape.dim[shape.ndim++] = cols->size[col_group];
	x = arrange(e, t, labels, n, err);
	return x ? node_reshape(e->graph, x, &shape, err) : NULL;
}

/* out = the sum of a * b over the labels that neither the result nor a later operand has. */
static int contract(struct einsum *e, struct term *out, const struct term *a, const struct term *b, struct error *err)
{
	struct groups ga = { .size = { 1, 1, 1 } }, gb = { .size = { 1, 1, 1 } };
	struct node *x, *y, *p;
	struct shape shape = { 0 };

	for (int i = 0; i < a->x->shape.ndim; i++) {
		int l = a->label[i];

		add_label(e, &ga, axis_of(b, l) < 0 ? FREE : e->uses[l] > 2 ? BATCH : SUM, l);
	}
	for (int i = 0; i < b->x->shape.ndim; i++)
		if (axis_of(a, b->label[i]) < 0)
			add_label(e, &gb, FREE, b->label[i]);
	for (int i = 0; i < ga.n[BATCH] + ga.n[SUM]; i++)
		e->uses[i < ga.n[BATCH] ? ga.label[BATCH][i] : ga.label[SUM][i - ga.n[BATCH]]]--;
	/* Nothing to sum, or only dot products: a pass over the elements, where nothing need be whole. */
	if (!ga.n[SUM] || (!ga.n[FREE] && !gb.n[FREE])) {
		if (multiply(e, out, a, b, err))
			return -1;
		return sum_out(e, out, err);
	}
	for (int i = 0; i < ga.n[SUM]; i++)
		e->uses[ga.label[SUM][i]] = 0;
	if (!(x = matrices(e, a, &ga, &ga, FREE, &ga, SUM, err)) ||
	    !(y = matrices(e, b, &ga, &ga, SUM, &gb, FREE, err)) || !(p = node_matmul(e->graph, x, y, err)))
		return -1;
	for (int i = 0; i < ga.n[BATCH] + ga.n[FREE] + gb.n[FREE]; i++) {
		int k = i - ga.n[BATCH], l = k < 0	      ? ga.label[BATCH][i]
					     : k < ga.n[FREE] ? ga.label[FREE][k]
							      : gb.label[FREE][k - ga.n[FREE]];

		if (shape.ndim == MAX_NDIM)
			return error_set(err, ERR_VALUE, "equation '%s' needs more than %d dimensions on the way",
					 e->equation, MAX_NDIM);
		out->label[shape.ndim] = l;
		shape.dim[shape.ndim++] = e->size[l];
	}
	out->x = node_reshape(e->graph, p, &shape, err);
	return out->x ? 0 : -1;
}

/* Does the result have a's own axes after b's? */
static bool better_swapped(const struct einsum *e, const struct term *a, const struct term *b)
{
	for (int i = 0; i < e->nout; i++) {
		bool in_a = axis_of(a, e->out.label[i]) >= 0, in_b = axis_of(b, e->out.label[i]) >= 0;

		if (in_a != in_b)
			return in_b;
	}
	return false;
}

static int evaluate(struct einsum *e, struct error *err)
{
	struct shape shape = { e->nout, { 0 } };
	struct term t;

	for (int i = 0; i < e->n; i++)
		if (drop_ones(e, &e->terms[i], err))
			return -1;
	for (int i = 0; i < e->n; i++)
		if (sum_out(e, &e->terms[i], err))
			return -1;
	t = e->terms[0];
	for (int i = 1; i < e->n; i++) {
		struct term next, *b = &e->terms[i];
		bool swap = i + 1 == e->n && better_swapped(e, &t, b);

		if (contract(e, &next, swap ? b : &t, swap ? &t : b, err))
			return -1;
		t = next;
	}
	for (int i = 0; i < e->nout; i++)
		shape.dim[i] = e->size[e->out.label[i]];
	e->out.x = arrange(e, &t, e->out.label, e->nout, err);
	if (e->out.x)
		e->out.x = node_broadcast(e->graph, e->out.x, &shape, err);
	return e->out.x ? 0 : -1;
}

int build_einsum(struct call *c, struct error *err)
{
	struct einsum *e = calloc(1, sizeof(*e));
	enum dtype d, work;
	int ret = -1;

	if (!e || !(e->terms = calloc((size_t)c->nin, sizeof(*e->terms)))) {
		error_memory(err, (size_t)c->nin * sizeof(*e->terms));
		goto done;
	}
	e->graph = c->graph;
	e->equation = attr_get(c, "equation")->s;
	if (nodes_result_type(&d, c->nin, c->in, err) || parse(e, c->nin, c->in, err))
		goto done;
	if (d > DT_C128)
		d = DT_F32;
	/* Half types are rounded once, at the end. */
	work = d == DT_F16 || d == DT_BF16 ? DT_F32 : d;
	for (int i = 0; i < e->n; i++)
		if (!(e->terms[i].x = node_cast(e->graph, e->terms[i].x, work, err)))
			goto done;
	if (evaluate(e, err))
		goto done;
	ret = call_result(c, node_cast(e->graph, e->out.x, d, err), NULL, err);
done:
	if (e)
		free(e->terms);
	free(e);
	return ret;
}
