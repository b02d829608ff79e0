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

/* The angle of a real number is constant, and of 0 it is taken to be. */
int rule_angle(struct rule_call *r, struct error *err)
{
	(void)err;
	return say(r, dtype_is_complex(r->step->in[0]->dtype)
			      ? "where(x == 0, 0, g * 1j * x / square(abs(where(x == 0, 1, x))))"
			      : "zeros_like(g)");
}

/* == reductions == */

int rule_nanmean(struct rule_call *r, struct error *err)
{
	(void)err;
	return say(r, "where(isnan(x), 0, gk / sum(~isnan(x), axis=axis, keepdims=true))");
}

/* Exact where one factor is zero: the product of the others.  nanprod takes nan for 1. */
int rule_prod(struct rule_call *r, struct error *err)
{
	bool nan = !strcmp(r->step->op->name, "nanprod");

	(void)err;
	return say(r, nan ? "v = where(isnan(x), 1, x); " : "v = x; ") ||
	       say(r,
		   "z = v == 0; one = where(z, 1, v); d = gk * where(z, where(sum(z, axis=axis, keepdims=true) == 1, "
		   "prod(one, axis=axis, keepdims=true), 0), outk / one); ") ||
	       say(r, nan ? "where(isnan(x), 0, d)" : "d");
}

int rule_var(struct rule_call *r, struct error *err)
{
	const struct attr *c = step_attr(r->step, "correction");
	double n = r->step->out[0]->size ? (double)r->step->in[0]->size / (double)r->step->out[0]->size : 0;
	const char *name = r->step->op->name;

	if (!strncmp(name, "nan", 3)) {
		if (rule_bind(r, "correction", node_float(r->graph, c->f, err), err))
			return -1;
		say(r, "left = maximum(sum(~isnan(x), axis=axis, keepdims=true) - correction, 0); "
		       "d = where(isnan(x), 0, x - nanmean(x, axis=axis, keepdims=true)); ");
	} else {
		if (rule_bind(r, "left", node_float(r->graph, n - c->f > 0 ? n - c->f : 0, err), err))
			return -1;
		say(r, "d = x - mean(x, axis=axis, keepdims=true); ");
	}
	return say(r, strstr(name, "std") ? "where(outk == 0, 0, gk / (left * where(outk == 0, 1, outk))) * d"
					  : "gk * (2 / left) * d");
}

/* == order statistics == */

/*
 * Where a quantile lies among n sorted elements: between the one at floor(v) and the next, at t from the first to the second.  The
 * methods are numpy.quantile's; those of Hyndman and Fan have v = n q + a + q (1 - a - b) - 1.
 */
static const struct quantile_text {
	const char *method, *v, *t;
} quantile_texts[] = {
	{ "inverted_cdf", "ceil(n * q - 1)", NULL },
	{ "averaged_inverted_cdf", "n * q - 1", "where(v == floor(v), 0.5, 1)" },
	{ "closest_observation",
	  "where(remainder(n * q - 1 - 0.5, 2) == 1, n * q - 1 - 0.5, floor(n * q - 1 - 0.5) + 1)", NULL },
	{ "interpolated_inverted_cdf", "n * q - 1", "v - floor(v)" },
	{ "hazen", "n * q - 0.5", "v - floor(v)" },
	{ "weibull", "(n + 1) * q - 1", "v - floor(v)" },
	{ "linear", "(n - 1) * q", "v - floor(v)" },
	{ "median_unbiased", "(n + 1 / 3) * q - 2 / 3", "v - floor(v)" },
	{ "normal_unbiased", "(n + 1 / 4) * q - 5 / 8", "v - floor(v)" },
	{ "lower", "floor((n - 1) * q)", NULL },
	{ "higher", "ceil((n - 1) * q)", NULL },
	{ "midpoint", "(floor((n - 1) * q) + ceil((n - 1) * q)) / 2", "v - floor(v)" },
	{ "nearest", "rint((n - 1) * q)", NULL },
};

/* "q = ...;": the quantiles as an array of float64, 0 to 1; a median has 0.5.  Returns how many; -1 sets err. */
static int quantile_q(struct rule_call *r, struct error *err)
{
	enum { GROUP = 50, MOST = GROUP * GROUP }; /* a call in the language takes 64 operands */
	const struct attr *q = step_attr(r->step, "q");
	double scale = strstr(r->step->op->name, "percentile") ? 100 : 1;
	const char *p = q ? q->s + strspn(q->s, "([") : "0.5";
	int n = 0;

	for (; *p && !strchr(")]", *p); p += strspn(p, ", ")) {
		char *end;
		double v = strtod(p, &end) / scale;

		if (end == p || n == MOST)
			return error_set(err, ERR_VALUE, "the derivative for '%s' of %s is not implemented",
					 r->step->op->name, n ? "so many quantiles" : q->s);
		text_add(&r->text, n % GROUP ? ", " : n ? "), concat(" : "q = concat(concat(");
		text_fmt(&r->text, "full(shape=1, value=%.17g, dtype=float64)", v);
		n++;
		p = end;
	}
	text_add(&r->text, n ? ")); " : "q = zeros(shape=0, dtype=float64); ");
	return n;
}

static void shape_list(struct text *t, int n, const int64_t *dim)
{
	text_add(t, "(");
	for (int i = 0; i < n; i++)
		text_fmt(t, "%" PRId64 ", ", dim[i]);
	text_add(t, ")");
}

/* The gradient of a quantile goes to the two elements it lies between, in sorted order. */
int rule_quantile(struct rule_call *r, struct error *err)
{
	const struct node *x = r->step->in[0];
	const struct attr *method = step_attr(r->step, "method");
	const char *name = r->step->op->name, *wanted = method && !method->none && method->s ? method->s : "linear";
	const struct quantile_text *m = quantile_texts;
	bool reduced[MAX_NDIM], nan = !strncmp(name, "nan", 3);
	int64_t order[MAX_NDIM], back[MAX_NDIM], dim[MAX_NDIM], n = 1;
	int k = 0, nq;

	if (!x->size)
		return say(r, "zeros_like(x, dtype=g.dtype)");
	while (strcmp(m->method, wanted))
		m++;
	if (attr_axes(step_attr(r->step, "axis"), x->shape.ndim, reduced, err) || (nq = quantile_q(r, err)) < 0)
		return -1;
	/* rows of what is reduced: the other axes come first */
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < x->shape.ndim; i++)
			if (reduced[i] == pass) {
				n *= pass ? x->shape.dim[i] : 1;
				back[i] = k;
				dim[k] = x->shape.dim[i];
				order[k++] = i;
			}
	text_add(&r->text, "m = permute_dims(x, axes=");
	shape_list(&r->text, k, order);
	text_fmt(&r->text, ").reshape((-1, %" PRId64 ")); s = argsort(m, axis=-1); ", n);
	if (nan)
		say(r, "n = astype(sum(~isnan(m), axis=-1, keepdims=true), dtype=float64); ");
	else
		text_fmt(&r->text, "n = full(shape=(%" PRId64 ", 1), value=%" PRId64 ", dtype=float64); ", x->size / n,
			 n);
	text_fmt(&r->text, "v = %s; ", m->v);
	if (!nan)
		say(r, "v = where(any(isnan(m), axis=-1, keepdims=true), n - 1, v); ");
	text_fmt(&r->text, "t = %s; last = maximum(n - 1, 0); ", m->t ? m->t : "0.0");
	text_fmt(&r->text,
		 "h = transpose(g.reshape((%d, -1))); "
		 "low = take_along_axis(s, astype(clip(floor(v), min=0, max=last), dtype=int64), axis=-1); "
		 "high = take_along_axis(s, astype(clip(floor(v) + 1, min=0, max=last), dtype=int64), axis=-1); "
		 "d = scatter_add(zeros_like(m, dtype=g.dtype), low, astype(h * (1 - t), dtype=g.dtype), axis=-1); ",
		 nq);
	text_add(&r->text, m->t ? "d = scatter_add(d, high, astype(h * t, dtype=g.dtype), axis=-1); " : "");
	text_add(&r->text, "permute_dims(d.reshape(");
	shape_list(&r->text, k, dim);
	text_add(&r->text, "), axes=");
	shape_list(&r->text, k, back);
	text_add(&r->text, ")");
	return 0;
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

/* What was written over has none; the elements of z were repeated as often as there are indices. */
int rule_put(struct rule_call *r, struct error *err)
{
	(void)err;
	if (r->operand == 1)
		return 0;
	if (!r->operand)
		return say(r, "put(g, y, zeros(shape=1, dtype=g.dtype), mode=mode)");
	if (!r->step->in[2]->size)
		return say(r, "zeros_like(z, dtype=g.dtype)");
	text_fmt(&r->text,
		 "index_add(zeros(shape=%" PRId64 ", dtype=g.dtype), remainder(arange(%" PRId64
		 ", dtype=int64), %" PRId64 "), take(g, y, mode=mode).reshape(-1), axis=0).reshape(z.shape)",
		 r->step->in[2]->size, r->step->in[1]->size, r->step->in[2]->size);
	return 0;
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

/*
 * Sums of exp(log|g| - out + x) from behind, of the positive and the negative parts of g, so that nothing overflows.  What is to
 * be nothing is finite (-inf - -inf would be nan in second derivatives), and nan stays nan.
 */
int rule_logcumsumexp(struct rule_call *r, struct error *err)
{
	(void)err;
	return along(r, "none = where(isnan(g), g, -3e38); up = where(g > 0, log(where(g > 0, g, 1)), none); "
			"down = where(g < 0, log(where(g < 0, -g, 1)), none); "
			"(exp(flip(logcumsumexp(flip(up - out, axes=A), axis=A), axes=A) + X) - "
			"exp(flip(logcumsumexp(flip(down - out, axes=A), axis=A), axes=A) + X)).reshape(x.shape)");
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

/* Each axis of the result is one of x's and one of y's, side by side. */
int rule_kron(struct rule_call *r, struct error *err)
{
	const struct shape *s[2] = { &r->step->in[0]->shape, &r->step->in[1]->shape };
	int ndim = s[0]->ndim > s[1]->ndim ? s[0]->ndim : s[1]->ndim;
	struct text both = TEXT_INIT, other = TEXT_INIT, axes = TEXT_INIT;

	for (int i = 0; i < ndim; i++) {
		int64_t d[2];

		for (int k = 0; k < 2; k++) {
			int more = ndim - s[k]->ndim;

			d[k] = i < more ? 1 : s[k]->dim[i - more];
		}
		text_fmt(&both, "%" PRId64 ", %" PRId64 ", ", d[0], d[1]);
		text_fmt(&other, r->operand ? "%" PRId64 ", 1, " : "1, %" PRId64 ", ", d[!r->operand]);
		text_fmt(&axes, "%d, ", 2 * i + !r->operand);
	}
	text_fmt(&r->text, "sum(g.reshape((%s)) * %c.reshape((%s)), axis=(%s)).reshape(%c.shape)", both.s ? both.s : "",
		 r->operand ? 'x' : 'y', other.s ? other.s : "", axes.s ? axes.s : "", r->operand ? 'y' : 'x');
	if (both.failed || other.failed || axes.failed)
		error_memory(err, both.room);
	text_release(&both);
	text_release(&other);
	text_release(&axes);
	return err->code ? -1 : 0;
}

/* The labels of a contraction's operands and result: letters; '\1' ... stand for the axes of an ellipsis, written as capitals. */
struct labels {
	int n;
	char (*operand)[MAX_NDIM + 1]; /* of the graph's memory */
	char result[MAX_NDIM + 1];
};

static int labels_init(struct labels *l, struct graph *g, int n, struct error *err)
{
	memset(l, 0, sizeof(*l));
	l->n = n;
	l->operand = graph_alloc(g, (size_t)n * sizeof(*l->operand), err);
	return l->operand ? 0 : -1;
}

/* einsum's equation as labels, ellipses spelled out from the right with free letters. */
static int einsum_labels(struct labels *l, struct graph *g, const struct step *s, struct error *err)
{
	const char *p = step_attr(s, "equation")->s, *arrow = strstr(p, "->");
	int dots = 0, count[128] = { 0 };
	char free_letter[64];
	int nfree = 0;

	if (labels_init(l, g, s->nin, err))
		return -1;
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
		return einsum_labels(l, r->graph, s, err);
	if (x + y > 26)
		return error_set(err, ERR_VALUE, "the derivative for '%s' of %d axes is not implemented", name, x + y);
	if (labels_init(l, r->graph, 2, err))
		return -1;
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

/* einsum of nodes. */
static struct node *einsum(struct rule_call *r, const struct text *equation, int n, struct node *const in[],
			   struct error *err)
{
	struct node *x = NULL;
	struct call c;

	if (equation->failed) {
		error_memory(err, equation->room);
		return NULL;
	}
	call_init(&c, r->graph, "einsum", op_find("einsum"), err);
	if (!call_attr(&c, call_find_attr(&c, "equation"), equation->s, NULL, err) && !call_run(&c, n, in, err))
		x = c.out[0];
	call_release(&c);
	return x;
}

/* The gradient of a diagonal (labels mine, each once in once), put into the array that it is of. */
static int undo_diagonal(struct rule_call *r, struct node *d, const char *mine, const char *once, struct error *err)
{
	const struct node *x = r->step->in[r->operand];
	struct node *all = indices(r, x, err), *index;
	struct text equation = TEXT_INIT;
	char shape[SHAPE_TEXT];

	text_fmt(&equation, "%s->%s", mine, once);
	index = all ? einsum(r, &equation, 1, &all, err) : NULL;
	text_release(&equation);
	if (rule_bind(r, "index", index, err) || rule_bind(r, "d", d, err))
		return -1;
	text_fmt(&r->text,
		 "index_add(zeros(shape=%" PRId64
		 ", dtype=d.dtype), index.reshape(-1), d.reshape(-1), axis=0).reshape(%s)",
		 x->size, shape_text(&x->shape, shape, sizeof(shape)));
	return 0;
}

int rule_contraction(struct rule_call *r, struct error *err)
{
	static const struct scalar one = { .kind = SCALAR_INT, .magnitude = 1, .re = 1 };
	const struct step *s = r->step;
	const struct shape *shape = &s->in[r->operand]->shape;
	const char *mine;
	struct labels l;
	struct node **in, *d = NULL;
	struct shape missing = { 0 };
	char names[MAX_NDIM + 1] = "", once[MAX_NDIM + 1] = "";
	struct text equation = TEXT_INIT;
	int n = 0, nonce = 0;

	if (s->nin == 2 && strcmp(s->op->name, "einsum") && (!s->in[0]->shape.ndim || !s->in[1]->shape.ndim))
		return say(r, r->operand ? "g * x" : "g * y");
	if (contraction_labels(&l, r, err) ||
	    !(in = graph_alloc(r->graph, ((size_t)s->nin + 2) * sizeof(struct node *), err)))
		return -1;
	mine = l.operand[r->operand];
	text_add(&equation, l.result);
	in[n++] = r->g;
	for (int k = 0; k < l.n; k++) {
		struct node *x = s->in[k];

		if (k == r->operand)
			continue;
		if (dtype_is_complex(x->dtype) && !(x = op_apply(r->graph, "conj", 1, &x, err)))
			goto done;
		text_fmt(&equation, ",%s", l.operand[k]);
		in[n++] = x;
	}
	/* Labels that only this operand has were summed away: the gradient is the same along them. */
	for (int i = 0; mine[i]; i++) {
		bool elsewhere = strchr(l.result, mine[i]) != NULL;

		if (strchr(once, mine[i]))
			continue;
		once[nonce++] = mine[i];
		for (int k = 0; k < l.n; k++)
			elsewhere |= k != r->operand && strchr(l.operand[k], mine[i]);
		if (!elsewhere) {
			names[missing.ndim] = mine[i];
			missing.dim[missing.ndim++] = shape->dim[i];
		}
	}
	if (missing.ndim) {
		text_fmt(&equation, ",%.*s", missing.ndim, names);
		if (!(in[n++] = node_full(r->graph, r->g->dtype, &missing, &one, err)))
			goto done;
	}
	text_fmt(&equation, "->%s", once);
	d = einsum(r, &equation, n, in, err);
done:
	text_release(&equation);
	if (d && nonce < shape->ndim)
		return undo_diagonal(r, d, mine, once, err);
	r->made = d;
	return d ? 0 : -1;
}
