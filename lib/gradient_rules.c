/* Gradients whose text depends on shapes or attributes: the GRAD_BY rows of ops.def. */
#include "gradient.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(struct rule_call *r, const char *text)
{
	text_add(&r->text, text);
	return 0;
}

static int axis_of(const struct rule_call *r, const char *name, int ndim, int *axis, struct error *err)
{
	const struct attr *a = step_attr(r->step, name);
	int64_t v = a->type == ATTR_INT ? a->i : a->n == 1 ? a->list[0] : 0;

	return axis_normalize(axis, v, ndim, err);
}

/* ", " before all but the first of a list */
static const char *sep(int i)
{
	return i ? ", " : "";
}

/* The part start:stop of g along an axis. */
static void slice_text(struct text *t, const char *name, int axis, int64_t start, int64_t stop)
{
	text_fmt(t, "%s[", name);
	for (int i = 0; i < axis; i++)
		text_add(t, ":, ");
	text_fmt(t, "%" PRId64 ":%" PRId64 "]", start, stop);
}

/* The linear indices of x in x's shape; by ops, so that they are recorded with what needs them. */
static struct node *indices(struct rule_call *r, const struct node *x, struct error *err)
{
	char text[SHAPE_TEXT + 64], shape[SHAPE_TEXT];

	snprintf(text, sizeof(text), "arange(%" PRId64 ", dtype=int64).reshape(%s)", x->size,
		 shape_text(&x->shape, shape, sizeof(shape)));
	return expr_build(r->graph, text, 0, NULL, err);
}

/* The index along one axis, broadcast to a shape. */
static struct node *places(struct rule_call *r, const struct shape *s, int axis, struct error *err)
{
	char text[2 * SHAPE_TEXT + 64], ones[SHAPE_TEXT], shape[SHAPE_TEXT];
	struct shape one = *s;

	for (int i = 0; i < s->ndim; i++)
		one.dim[i] = i == axis ? s->dim[i] : 1;
	snprintf(text, sizeof(text), "broadcast_to(arange(%" PRId64 ", dtype=int64).reshape(%s), %s)", s->dim[axis],
		 shape_text(&one, ones, sizeof(ones)), shape_text(s, shape, sizeof(shape)));
	return expr_build(r->graph, text, 0, NULL, err);
}

/* == elementwise == */

int rule_gelu(struct rule_call *r, struct error *err)
{
	const struct attr *a = step_attr(r->step, "approximate");
	const char *const *texts =
		gradient_texts(op_find(!a->none && !strcmp(a->s, "tanh") ? "gelu_tanh" : "gelu_erf"));

	(void)err;
	return say(r, texts[0]);
}

/* == reductions == */

int rule_nanmean(struct rule_call *r, struct error *err)
{
	(void)err;
	return say(r, "where(isnan(x), 0, gk / sum(~isnan(x), axis=axis, keepdims=true))");
}

/* Exact where one factor is zero; xs has ones in the places of zeros. */
int rule_prod(struct rule_call *r, struct error *err)
{
	(void)err;
	return say(r, "gk * where(x == 0, where(sum(x == 0, axis=axis, keepdims=true) == 1, "
		      "prod(where(x == 0, 1, x), axis=axis, keepdims=true), 0), outk / where(x == 0, 1, x))");
}

int rule_var(struct rule_call *r, struct error *err)
{
	const struct attr *c = step_attr(r->step, "correction");
	double n = r->step->out[0]->size ? (double)r->step->in[0]->size / (double)r->step->out[0]->size : 0;
	bool std = !strcmp(r->step->op->name, "std");

	if (rule_bind(r, "left", node_float(r->graph, n - c->f > 0 ? n - c->f : 0, err), err))
		return -1;
	return say(
		r,
		std ? "where(outk == 0, 0, gk / (left * where(outk == 0, 1, outk))) * (x - mean(x, axis=axis, keepdims=true))"
		    : "gk * (2 / left) * (x - mean(x, axis=axis, keepdims=true))");
}

/*
 * max and min over everything, amax and amin: ties share evenly.  max and min over an axis: the first one has it, as torch.max(dim).
 * max over everything sees nan as the largest; amax gives nan to all.
 */
int rule_extreme(struct rule_call *r, struct error *err)
{
	const struct attr *axis = step_attr(r->step, "axis");
	const char *name = r->step->name, *op = r->step->op->name;
	size_t n = strlen(op);
	bool low = !strcmp(op + n - 3, "min"), all = axis->none || axis->n == 0, nan = n > 3;
	bool plain = strcmp(name, "amax") && strcmp(name, "amin");

	if (plain && !all && axis->n == 1 && !nan) {
		int at;

		if (axis_of(r, "axis", r->step->in[0]->shape.ndim, &at, err) ||
		    rule_bind(r, "index", places(r, &r->step->in[0]->shape, at, err), err))
			return -1;
		text_fmt(&r->text, "where(index == %s(x, axis=axis, keepdims=true), gk, 0)", low ? "argmin" : "argmax");
		return 0;
	}
	if (plain && !nan)
		return say(r, "where((x == outk) | (isnan(x) & isnan(outk)), gk / sum((x == outk) | (isnan(x) & "
			      "isnan(outk)), axis=axis, keepdims=true), 0)");
	return say(r, "(x == outk) * (gk / sum(x == outk, axis=axis, keepdims=true))");
}

int rule_ptp(struct rule_call *r, struct error *err)
{
	(void)err;
	return say(r, "(x == max(x, axis=axis, keepdims=true)) * (gk / sum(x == max(x, axis=axis, keepdims=true), "
		      "axis=axis, keepdims=true)) - (x == min(x, axis=axis, keepdims=true)) * (gk / sum(x == min(x, "
		      "axis=axis, keepdims=true), axis=axis, keepdims=true))");
}

/* 0 where the norm is 0, whatever the order. */
int rule_norm(struct rule_call *r, struct error *err)
{
	double p = step_attr(r->step, "ord")->none ? 2 : step_attr(r->step, "ord")->f;

	if (rule_bind(r, "p", node_float(r->graph, p, err), err))
		return -1;
	if (p == 0)
		return say(r, "0");
	if (p == 1)
		return say(r, "gk * sign(x)");
	if (p == 2)
		return say(r, "where(outk == 0, 0, gk * (x / where(outk == 0, 1, outk)))");
	if (p > 1e308 || p < -1e308)
		return say(r, "sign(x) * ((abs(x) == outk) * (gk / sum(abs(x) == outk, axis=axis, keepdims=true)))");
	if (p < 1)
		return say(r, "where(x == 0, 0, sign(x) * where(x == 0, 1, abs(x)) ** (p - 1) * gk * outk ** (1 - p))");
	if (p < 2)
		return say(
			r,
			"where(outk == 0, 0, sign(x) * abs(x) ** (p - 1) * gk / where(outk == 0, 1, outk) ** (p - 1))");
	return say(r, "where(outk == 0, 0, x * abs(x) ** (p - 2) * gk / where(outk == 0, 1, outk) ** (p - 1))");
}

/* == moves: every element of the result is one of the operand's == */

/* The same op applied to indices tells where each element came from; its gradient goes back there. */
static struct node *moved(struct rule_call *r, const char *op, struct error *err)
{
	const struct step *s = r->step;
	struct node *in[4] = { 0 }, *i = NULL;
	struct call c;

	if (s->nin > 4)
		return NULL;
	memcpy(in, s->in, (size_t)s->nin * sizeof(in[0]));
	if (!(in[r->operand] = indices(r, s->in[r->operand], err)))
		return NULL;
	call_init(&c, r->graph, s->name, op_find(op), err);
	for (int k = 0; k < c.nattrs; k++) {
		const struct attr *a = step_attr(s, c.attrs[k].name);

		if (a)
			c.attrs[k] = *a;
		c.attrs[k].given = a != NULL;
	}
	if (!call_run(&c, s->nin, in, err))
		i = c.out[0];
	call_release(&c);
	return i;
}

static int move_back(struct rule_call *r, struct node *index, struct error *err)
{
	const struct node *x = r->step->in[r->operand];

	if (rule_bind(r, "index", index, err))
		return -1;
	text_fmt(&r->text,
		 "index_add(zeros(shape=%" PRId64
		 ", dtype=g.dtype), index.reshape(-1), g.reshape(-1), axis=0).reshape(%c.shape)",
		 x->size, r->operand ? 'y' : 'x');
	return 0;
}

int rule_moved(struct rule_call *r, struct error *err)
{
	if (r->operand)
		return 0; /* indices and masks */
	return move_back(r, moved(r, r->step->op->name, err), err);
}

/* compress CONDITION ARRAY */
int rule_compress(struct rule_call *r, struct error *err)
{
	if (r->operand != 1)
		return 0;
	return move_back(r, moved(r, "compress", err), err);
}

int rule_diag(struct rule_call *r, struct error *err)
{
	if (r->step->in[0]->shape.ndim == 1)
		return say(r, "diagonal(g, k=k)");
	return move_back(r, moved(r, "diag", err), err);
}

int rule_trace(struct rule_call *r, struct error *err)
{
	if (rule_bind(r, "index", moved(r, "diagonal", err), err))
		return -1;
	text_fmt(
		&r->text,
		"index_add(zeros(shape=%" PRId64
		", dtype=g.dtype), index.reshape(-1), broadcast_to(expand_dims(g, axis=-1), index.shape).reshape(-1), axis=0).reshape(x.shape)",
		r->step->in[0]->size);
	return 0;
}

int rule_pad(struct rule_call *r, struct error *err)
{
	const struct attr *mode = step_attr(r->step, "mode"), *pad = step_attr(r->step, "pad");
	const struct shape *s = &r->step->in[0]->shape;
	bool constant = mode->none || !strcmp(mode->s, "constant");

	if (!constant)
		return r->operand ? 0 : move_back(r, moved(r, "pad", err), err);
	if (r->operand)
		text_add(&r->text, "sum(g) - sum(");
	/* one pair for all axes, or a pair for each of them */
	text_add(&r->text, "g[");
	for (int i = 0; i < s->ndim; i++) {
		int64_t before = pad->n >= 2 * s->ndim ? pad->list[2 * i] : pad->n ? pad->list[0] : 0;

		text_fmt(&r->text, "%s%" PRId64 ":%" PRId64, sep(i), before, before + s->dim[i]);
	}
	text_add(&r->text, s->ndim ? "]" : "...]");
	if (r->operand)
		text_add(&r->text, ")");
	return 0;
}

int rule_permute(struct rule_call *r, struct error *err)
{
	const struct attr *axes = step_attr(r->step, "axes");
	int ndim = r->step->in[0]->shape.ndim, inverse[MAX_NDIM];

	if (axes->none)
		return say(r, "transpose(g)");
	if (axes->n == 2 && ndim != 2)
		return say(r, "swapaxes(g, axes=axes)");
	if (axes->n != ndim)
		return error_set(err, ERR_VALUE, "axes do not match");
	for (int i = 0; i < ndim; i++) {
		int axis;

		if (axis_normalize(&axis, axes->list[i], ndim, err))
			return -1;
		inverse[axis] = i;
	}
	text_add(&r->text, "permute_dims(g, axes=(");
	for (int i = 0; i < ndim; i++)
		text_fmt(&r->text, "%s%d", sep(i), inverse[i]);
	text_add(&r->text, "))");
	return 0;
}

/* == join and split == */

int rule_concat(struct rule_call *r, struct error *err)
{
	const struct step *s = r->step;
	const struct attr *a = step_attr(s, "axis");
	int ndim = s->in[0]->shape.ndim, axis = 0;
	int64_t at = 0;

	if (!strcmp(s->op->name, "hstack"))
		axis = ndim < 2 ? 0 : 1;
	else if (a && !a->none && axis_of(r, "axis", ndim, &axis, err))
		return -1;
	for (int k = 0; k <= r->operand; k++) {
		const struct shape *shape = &s->in[k]->shape;
		bool rows = !strcmp(s->op->name, "vstack") && shape->ndim < 2;
		bool flat = a && a->none;
		int64_t n = rows || (shape->ndim == 0 && !flat) ? 1 : flat ? s->in[k]->size : shape->dim[axis];

		if (k == r->operand) {
			char text[SHAPE_TEXT];

			slice_text(&r->text, "g", axis, at, at + n);
			text_fmt(&r->text, ".reshape(%s)", shape_text(shape, text, sizeof(text)));
		}
		at += n;
	}
	return 0;
}

int rule_stack(struct rule_call *r, struct error *err)
{
	int axis;

	if (axis_of(r, "axis", r->step->in[0]->shape.ndim + 1, &axis, err))
		return -1;
	text_add(&r->text, "g[");
	for (int i = 0; i < axis; i++)
		text_add(&r->text, ":, ");
	text_fmt(&r->text, "%d]", r->operand);
	return 0;
}

/* The pieces side by side again, zeros for those that no gradient came to. */
int rule_split(struct rule_call *r, struct error *err)
{
	const struct step *s = r->step;
	struct node **part = calloc((size_t)s->nout + 1, sizeof(*part));
	bool stacks = !strcmp(s->op->name, "unstack");
	enum dtype dtype = r->g->dtype;
	int axis, ret = -1;
	int64_t all = 0;

	if (!part)
		return error_memory(err, (size_t)s->nout * sizeof(*part));
	if (axis_of(r, "axis", s->in[0]->shape.ndim, &axis, err))
		goto done;
	for (int i = 0; i < s->nout; i++) {
		static const struct scalar zero = { .kind = SCALAR_INT };

		part[i] = r->grads[i] ? r->grads[i] : node_full(r->graph, dtype, &s->out[i]->shape, &zero, err);
		if (!part[i])
			goto done;
		all += stacks ? 1 : s->out[i]->shape.dim[axis];
	}
	if (all != s->in[0]->shape.dim[axis]) {
		error_set(err, ERR_VALUE, "the derivative for 'split' at indices that overlap is not implemented");
		goto done;
	}
	char text[24];
	struct call c;

	snprintf(text, sizeof(text), "%d", axis);
	const struct op *op = op_find(stacks ? "stack" : "concat");
	call_init(&c, r->graph, op->name, op, err);
	if (!call_attr(&c, call_find_attr(&c, "axis"), text, NULL, err) && !call_run(&c, s->nout, part, err)) {
		r->made = c.out[0];
		ret = 0;
	}
	call_release(&c);
done:
	free(part);
	return ret;
}

/* == scans and sorts; without an axis they are of the flattened array == */

/* Write a text in which X is the operand and A its axis. */
static int along(struct rule_call *r, const char *text)
{
	const struct attr *a = step_attr(r->step, "axis");
	char axis[32];

	if (a && !a->none)
		snprintf(axis, sizeof(axis), "%" PRId64, a->i);
	else
		snprintf(axis, sizeof(axis), "0");
	for (; *text; text++) {
		if (*text == 'A')
			text_add(&r->text, axis);
		else if (*text == 'X')
			text_add(&r->text, a && a->none ? "x.reshape(-1)" : "x");
		else
			text_char(&r->text, *text);
	}
	return 0;
}

/*
 * Before the first zero along the axis the sums of g * out from behind, over x; at it the same with 1 in the place of that zero; behind
 * it nothing.
 */
int rule_cumprod(struct rule_call *r, struct error *err)
{
	(void)err;
	return along(
		r,
		"where(cumulative_sum(X == 0, axis=A) == 0, "
		"flip(cumulative_sum(flip(g * cumulative_prod(X, axis=A), axes=A), axis=A), axes=A) / where(X == 0, 1, X), "
		"where((X == 0) & (cumulative_sum(X == 0, axis=A) == 1), "
		"flip(cumulative_sum(flip(g * cumulative_prod(where((X == 0) & (cumulative_sum(X == 0, axis=A) == 1), 1, X), axis=A), "
		"axes=A), axis=A), axes=A), 0)).reshape(x.shape)");
}

/* Sums of exp(log|g| - out + x) from behind, of the positive and the negative parts of g, so that nothing overflows. */
int rule_logcumsumexp(struct rule_call *r, struct error *err)
{
	(void)err;
	return along(
		r,
		"(exp(flip(logcumsumexp(flip(where(g > 0, log(where(g > 0, g, 1)), -inf) - out, axes=A), axis=A), axes=A) + X) - "
		"exp(flip(logcumsumexp(flip(where(g < 0, log(where(g < 0, -g, 1)), -inf) - out, axes=A), axis=A), axes=A) + X))"
		".reshape(x.shape)");
}

/* The last of equal ones has it. */
int rule_cumextreme(struct rule_call *r, struct error *err)
{
	const struct attr *a = step_attr(r->step, "axis");
	struct shape shape = r->step->in[0]->shape;
	int at = 0;

	if (!a->none && axis_of(r, "axis", shape.ndim, &at, err))
		return -1;
	if (a->none)
		shape = (struct shape){ .ndim = 1, .dim = { r->step->in[0]->size } };
	if (rule_bind(r, "index", places(r, &shape, at, err), err) || rule_bind(r, "extreme", r->step->out[0], err))
		return -1;
	return along(
		r,
		"scatter_add(zeros_like(X, dtype=g.dtype), cummax(where((X == extreme) | isnan(X), index, 0), axis=A), "
		"g, axis=A).reshape(x.shape)");
}

int rule_sort(struct rule_call *r, struct error *err)
{
	(void)err;
	if (!step_attr(r->step, "axis"))
		return say(r, "scatter(zeros_like(x, dtype=g.dtype), argsort(x, axis=0), g, axis=0)");
	return along(
		r,
		"scatter(zeros_like(X, dtype=g.dtype), argsort(X, axis=A, descending=descending), g, axis=A).reshape(x.shape)");
}

/* The second result is the indices of the first. */
int rule_topk(struct rule_call *r, struct error *err)
{
	const struct attr *keepdims = step_attr(r->step, "keepdims");
	const struct node *i = r->step->out[1];
	const struct shape *shape = &r->step->in[0]->shape;

	if (rule_bind(r, "index", r->step->out[1], err))
		return -1;
	if (shape->ndim && !strcmp(r->step->op->name, "kthvalue") && !(keepdims && keepdims->flag) &&
	    i->shape.ndim < shape->ndim)
		return along(
			r,
			"scatter(zeros_like(x, dtype=g.dtype), expand_dims(index, axis=A), expand_dims(g, axis=A), axis=A)");
	return along(r, "scatter(zeros_like(X, dtype=g.dtype), index, g, axis=A).reshape(x.shape)");
}

/* Each difference taken back adds a zero at both ends; then the part that belongs to the operand. */
int rule_diff(struct rule_call *r, struct error *err)
{
	const struct step *s = r->step;
	const struct attr *prepend = step_attr(s, "prepend"), *append = step_attr(s, "append");
	int64_t n = step_attr(s, "n")->i, size, front = 0, back = 0;
	int axis, ndim = s->in[0]->shape.ndim;

	if (axis_of(r, "axis", ndim, &axis, err))
		return -1;
	size = s->in[0]->shape.dim[axis];
	if (prepend->node)
		front = prepend->node->shape.ndim ? prepend->node->shape.dim[axis] : 1;
	if (append->node)
		back = append->node->shape.ndim ? append->node->shape.dim[axis] : 1;
	if (n > 100)
		return error_set(err, ERR_VALUE, "the derivative for 'diff' taken %" PRId64 " times is not implemented",
				 n);
	text_add(&r->text, "(");
	for (int64_t i = 0; i < n; i++)
		text_add(&r->text, "negative(diff(");
	text_add(&r->text, "g");
	for (int64_t i = 0; i < n; i++)
		text_fmt(&r->text, ", n=1, axis=%d, prepend=0, append=0))", axis);
	text_add(&r->text, ")");
	/* operands in order: x, prepend, append */
	bool is_prepend = r->operand == 1, is_append = r->operand == 2;
	int64_t at = is_prepend ? 0 : is_append ? front + size : front;

	slice_text(&r->text, "", axis, at, at + (is_prepend ? front : is_append ? back : size));
	return 0;
}

/* == products == */

/* NumPy's rules for vectors: a missing axis is added for the product and taken away again. */
int rule_matmul(struct rule_call *r, struct error *err)
{
	int x = r->step->in[0]->shape.ndim, y = r->step->in[1]->shape.ndim;

	(void)err;
	if (x == 1 && y == 1)
		return say(r, r->operand ? "g * x" : "g * y");
	if (x == 1)
		return say(r, r->operand ? "expand_dims(x, axis=-1) * expand_dims(g, axis=-2)"
					 : "(expand_dims(g, axis=-2) @ matrix_transpose(y))[..., 0, :]");
	if (y == 1)
		return say(r, r->operand ? "(matrix_transpose(x) @ expand_dims(g, axis=-1))[..., 0]"
					 : "expand_dims(g, axis=-1) * y");
	return say(r, r->operand ? "matrix_transpose(x) @ g" : "g @ matrix_transpose(y)");
}

/* The labels of a contraction's operands and result: letters; '\1' ... stand for the axes of an ellipsis, written as capitals. */
struct labels {
	int n;
	char operand[8][MAX_NDIM + 1], result[MAX_NDIM + 1];
};

/* einsum's equation as labels, ellipses spelled out from the right with free letters. */
static int einsum_labels(struct labels *l, const struct step *s, struct error *err)
{
	const char *p = step_attr(s, "equation")->s, *arrow = strstr(p, "->");
	int dots = 0, count[128] = { 0 };
	char free_letter[64];
	int nfree = 0;

	memset(l, 0, sizeof(*l));
	l->n = s->nin;
	if (s->nin > 8)
		return error_set(err, ERR_VALUE, "the derivative for 'einsum' of %d operands is not implemented",
				 s->nin);
	for (char c = 'A'; c <= 'z'; c++)
		if ((c <= 'Z' || c >= 'a') && !strchr(p, c))
			free_letter[nfree++] = c;
	for (int k = 0; k < s->nin; k++) {
		const char *end = p;
		int n = 0, used = 0, hole;

		while (*end && *end != ',' && end != arrow)
			end++;
		for (const char *q = p; q < end; q++)
			used += (*q >= 'A' && *q <= 'Z') || (*q >= 'a' && *q <= 'z');
		hole = s->in[k]->shape.ndim - used;
		if (hole < 0 || hole > nfree)
			return error_set(err, ERR_VALUE, "the equation does not fit");
		for (const char *q = p; q < end; q++) {
			if (*q == '.') {
				for (int i = 0; i < hole; i++)
					l->operand[k][n++] = free_letter[hole - 1 - i];
				dots = hole > dots ? hole : dots;
				q += 2;
			} else if (*q != ' ') {
				l->operand[k][n++] = *q;
				count[(int)*q]++;
			}
		}
		p = end + (*end == ',');
	}
	int n = 0;
	if (!arrow) {
		for (int i = 0; i < dots; i++)
			l->result[n++] = free_letter[dots - 1 - i];
		for (int c = 'A'; c <= 'z'; c++)
			if (count[c] == 1)
				l->result[n++] = (char)c;
		return 0;
	}
	for (const char *q = arrow + 2; *q; q++) {
		if (*q == '.') {
			for (int i = 0; i < dots; i++)
				l->result[n++] = free_letter[dots - 1 - i];
			q += 2;
		} else if (*q != ' ') {
			l->result[n++] = *q;
		}
	}
	return 0;
}

/* A sum of products is written as einsum; that of one operand is the sum of products of the result's gradient and the others. */
static int contraction_labels(struct labels *l, struct rule_call *r, struct error *err)
{
	const struct step *s = r->step;
	const char *name = s->op->name;
	int x = s->in[0]->shape.ndim, y = s->nin > 1 ? s->in[1]->shape.ndim : 0;

	if (!strcmp(name, "einsum"))
		return einsum_labels(l, s, err);
	memset(l, 0, sizeof(*l));
	l->n = 2;
	if (x + y > 26)
		return error_set(err, ERR_VALUE, "too many axes");
	for (int i = 0; i < x; i++)
		l->operand[0][i] = (char)('a' + i);
	for (int i = 0; i < y; i++)
		l->operand[1][i] = (char)('A' + i);
	if (!strcmp(name, "tensordot")) {
		const struct attr *a = step_attr(s, "axes");
		int64_t list[2 * MAX_NDIM];
		const char *t = a->s;
		int n = 0;

		/* a number, or two lists or numbers: [[0,1],[1,0]] */
		for (; *t && n < 2 * MAX_NDIM; t++) {
			char *end;
			long v = strtol(t, &end, 10);

			if (end != t) {
				list[n++] = v;
				t = end - 1;
			}
		}
		if (!strpbrk(a->s, ",[(")) {
			for (int i = 0; i < (int)list[0]; i++)
				l->operand[1][i] = l->operand[0][x - (int)list[0] + i];
		} else {
			for (int i = 0; i < n / 2; i++) {
				int p = (int)(list[i] < 0 ? list[i] + x : list[i]),
				    q = (int)(list[n / 2 + i] < 0 ? list[n / 2 + i] + y : list[n / 2 + i]);

				if (p < 0 || p >= x || q < 0 || q >= y)
					return error_set(err, ERR_VALUE, "axes are out of bounds");
				l->operand[1][q] = l->operand[0][p];
			}
		}
	} else if (x && y) {
		int q = !strcmp(name, "dot") && y > 1 ? y - 2 : y - 1;

		l->operand[1][q] = l->operand[0][x - 1];
	}
	int n = 0;
	for (int i = 0; i < x; i++)
		if (!strchr(l->operand[1], l->operand[0][i]))
			l->result[n++] = l->operand[0][i];
	for (int i = 0; i < y; i++)
		if (l->operand[1][i] >= 'A' && l->operand[1][i] <= 'Z')
			l->result[n++] = l->operand[1][i];
	return 0;
}

int rule_contraction(struct rule_call *r, struct error *err)
{
	static const struct scalar one = { .kind = SCALAR_INT, .magnitude = 1, .re = 1 };
	const struct step *s = r->step;
	const char *mine;
	struct labels l;
	struct node *in[10];
	struct shape missing = { 0 };
	char names[MAX_NDIM + 1] = "";
	int n = 0;

	if (contraction_labels(&l, r, err))
		return -1;
	mine = l.operand[r->operand];
	for (int i = 0; mine[i]; i++)
		if (strchr(mine + i + 1, mine[i]))
			return error_set(err, ERR_VALUE,
					 "the derivative for '%s' with a repeated label is not implemented",
					 s->op->name);
	if (!s->in[0]->shape.ndim || (s->nin == 2 && !s->in[1]->shape.ndim))
		if (s->nin == 2)
			return say(r, r->operand ? "g * x" : "g * y");
	text_add(&r->text, l.result);
	in[n++] = r->g;
	for (int k = 0; k < l.n; k++) {
		struct node *x = s->in[k];

		if (k == r->operand)
			continue;
		if (dtype_is_complex(x->dtype) && !(x = op_apply(r->graph, "conj", 1, &x, err)))
			return -1;
		text_fmt(&r->text, ",%s", l.operand[k]);
		in[n++] = x;
	}
	/* Labels that only this operand has were summed away: the gradient is the same along them. */
	for (int i = 0; mine[i]; i++) {
		bool elsewhere = strchr(l.result, mine[i]) != NULL;

		for (int k = 0; k < l.n; k++)
			elsewhere |= k != r->operand && strchr(l.operand[k], mine[i]);
		if (!elsewhere) {
			names[missing.ndim] = mine[i];
			missing.dim[missing.ndim++] = s->in[r->operand]->shape.dim[i];
		}
	}
	if (missing.ndim) {
		text_fmt(&r->text, ",%.*s", missing.ndim, names);
		if (!(in[n++] = node_full(r->graph, r->g->dtype, &missing, &one, err)))
			return -1;
	}
	text_fmt(&r->text, "->%s", mine);
	if (r->text.failed)
		return error_memory(err, r->text.room);

	struct call c;
	int ret = -1;

	call_init(&c, r->graph, "einsum", op_find("einsum"), err);
	if (!call_attr(&c, call_find_attr(&c, "equation"), r->text.s, NULL, err) && !call_run(&c, n, in, err)) {
		r->made = c.out[0];
		ret = 0;
	}
	call_release(&c);
	return ret;
}
