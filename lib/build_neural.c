/* Build functions of the neural family: each chooses the program that its row is.  See TEXT_BY in ops.def. */
#include "op.h"

#include <inttypes.h>
#include <string.h>

#include "random.h"

static bool integral(const struct node *x)
{
	return x->dtype == DT_BOOL || dtype_is_int(x->dtype);
}

/* Losses are differences of floats: integers could wrap. */
static void floats(const struct call *c, struct text *t)
{
	static const char *const names[] = { "x", "y", "z", "w" };

	for (int i = 0; i < c->nin; i++)
		if (integral(c->in[i]))
			text_fmt(t, "%s = astype(%s, dtype=float64); ", names[i], names[i]);
}

/* Run and release what was written. */
static int run(struct call *c, struct text *t, struct error *err)
{
	int ret = t->failed ? error_memory(err, t->room) : call_text(c, t->s, err);

	text_release(t);
	return ret;
}

/*
 * The same where integers are indices: float16 and bfloat16 stay what they are beside them, which promotion does not
 * know.  x: the operand with the elements.
 */
static int run_indexed(struct call *c, struct text *t, const struct node *x, struct error *err)
{
	if (run(c, t, err))
		return -1;
	if (x->dtype != DT_F16 && x->dtype != DT_BF16)
		return 0;
	c->out[0] = op_cast(c->graph, c->out[0], x->dtype, err);
	return c->out[0] ? 0 : -1;
}

/* An operand of another shape, said of the op. */
static int misfit(const struct call *c, const struct node *x, const struct node *y, struct error *err)
{
	char a[NODE_TEXT], b[NODE_TEXT];

	return error_set(err, ERR_VALUE, "%s: the shapes of %s and %s do not fit", c->name, node_text(x, a, sizeof(a)),
			 node_text(y, b, sizeof(b)));
}

enum reduction { MEAN, SUM, NONE, BATCHMEAN };

static int reduction(const struct call *c, bool batch, enum reduction *r, struct error *err)
{
	static const char *const names[] = { "mean", "sum", "none", "batchmean" };
	const char *s = attr_text(attr_get(c, "reduction"));

	for (int i = MEAN; i <= (batch ? BATCHMEAN : NONE); i++)
		if (!strcmp(s, names[i])) {
			*r = (enum reduction)i;
			return 0;
		}
	return error_set(err, ERR_USAGE, "reduction '%s' is none of mean, sum, none%s", s, batch ? ", batchmean" : "");
}

/* A loss that is made of elements: first assignments, then the loss of each. */
static int loss(struct call *c, const char *first, const char *each, struct error *err)
{
	bool batch = !strcmp(c->op->name, "kl_div");
	struct text t = TEXT_INIT;
	enum reduction r;

	if (reduction(c, batch, &r, err))
		return -1;
	floats(c, &t);
	text_add(&t, first);
	text_fmt(&t, r == MEAN ? "mean(%s)" : r == NONE ? "%s" : "sum(%s)", each);
	if (r == BATCHMEAN)
		text_fmt(&t, " / %" PRId64, c->in[0]->shape.ndim ? c->in[0]->shape.dim[0] : 1);
	return run(c, &t, err);
}

int build_mse_loss(struct call *c, struct error *err)
{
	return loss(c, "", "square(x - y)", err);
}

int build_l1_loss(struct call *c, struct error *err)
{
	return loss(c, "", "abs(x - y)", err);
}

/* The side of where that is not taken must not overflow: in gradients, zero times infinity is not zero. */
int build_smooth_l1_loss(struct call *c, struct error *err)
{
	double beta = attr_get(c, "beta")->f;

	if (beta < 0)
		return error_set(err, ERR_VALUE, "%s: beta must be 0 or more", c->name);
	if (beta == 0)
		return build_l1_loss(c, err);
	return loss(c, "d = abs(x - y); ", "where(d < beta, 0.5 * square(minimum(d, beta)) / beta, d - 0.5 * beta)",
		    err);
}

int build_huber_loss(struct call *c, struct error *err)
{
	if (!(attr_get(c, "delta")->f > 0))
		return error_set(err, ERR_VALUE, "%s: delta must be above 0", c->name);
	return loss(c, "d = abs(x - y); ",
		    "where(d < delta, 0.5 * square(minimum(d, delta)), delta * (d - 0.5 * delta))", err);
}

/* Logarithms are at least -100, as PyTorch has them, so a certain error costs 100. */
int build_binary_cross_entropy(struct call *c, struct error *err)
{
	static const char logs[] = "a = where(x == 0, -100, maximum(log(where(x == 0, 1, x)), -100)); "
				   "b = where(x == 1, -100, maximum(log1p(-where(x == 1, 0, x)), -100)); ";

	return loss(c, logs, attr_get(c, "weight")->node ? "-(y * a + (1 - y) * b) * weight" : "-(y * a + (1 - y) * b)",
		    err);
}

/* Both terms are 0 or more, so nothing cancels. */
int build_binary_cross_entropy_with_logits(struct call *c, struct error *err)
{
	struct text each = TEXT_INIT;
	int ret;

	text_add(&each, attr_get(c, "pos_weight")->node ? "(pos_weight * " : "(");
	text_add(&each, "y * softplus(-x) + (1 - y) * softplus(x))");
	text_add(&each, attr_get(c, "weight")->node ? " * weight" : "");
	ret = each.failed ? error_memory(err, each.room) : loss(c, "", each.s, err);
	text_release(&each);
	return ret;
}

int build_kl_div(struct call *c, struct error *err)
{
	return loss(c, "", attr_get(c, "log_target")->flag ? "exp(y) * (y - x)" : "xlogy(y, y) - y * x", err);
}

/* == classes: scores (C,), (N, C) or (N, C, d1, ...), the class of each (), (N,) or (N, d1, ...) == */

struct classes {
	int axis;
	int64_t n;	/* classes */
	int64_t others; /* what a mean is taken over: elements of a class */
	bool weight;
	enum reduction reduction;
};

static int classes_init(struct classes *k, const struct call *c, struct error *err)
{
	const struct node *x = c->in[0], *weight = attr_get(c, "weight")->node;
	char text[NODE_TEXT];

	if (!x->shape.ndim)
		return error_set(err, ERR_VALUE, "%s: the scores of classes need an axis, shape (C,) or (N, C, ...)",
				 c->name);
	if (integral(x) || dtype_is_complex(x->dtype))
		return error_set(err, ERR_VALUE, "%s: %s takes floats, not %s", node_text(x, text, sizeof(text)),
				 c->name, dtype_name(x->dtype));
	k->axis = x->shape.ndim > 1;
	k->n = x->shape.dim[k->axis];
	k->others = 1;
	for (int i = 0; i < x->shape.ndim; i++)
		k->others *= i == k->axis ? 1 : x->shape.dim[i];
	k->weight = weight;
	if (weight && (weight->shape.ndim != 1 || weight->shape.dim[0] != k->n))
		return error_set(err, ERR_VALUE, "%s: weight must have shape (%" PRId64 ",), one for each class",
				 c->name, k->n);
	return reduction(c, false, &k->reduction, err);
}

/* y must be x without the axis of classes. */
static int classes_fit(const struct classes *k, const struct call *c, struct error *err)
{
	const struct node *x = c->in[0], *y = c->in[1];
	char text[NODE_TEXT];

	if (y->dtype == DT_BOOL || !dtype_is_int(y->dtype))
		return error_set(err, ERR_VALUE, "%s: %s takes classes as integers, not %s",
				 node_text(y, text, sizeof(text)), c->name, dtype_name(y->dtype));
	if (y->shape.ndim != x->shape.ndim - 1)
		return misfit(c, x, y, err);
	for (int i = 0; i < y->shape.ndim; i++)
		if (y->shape.dim[i] != x->shape.dim[i + (i >= k->axis)])
			return misfit(c, x, y, err);
	return 0;
}

/* weight as an array that broadcasts to x: "weight" with axes of size 1 for those after the classes. */
static void weight_text(struct text *t, const struct classes *k, const struct call *c)
{
	text_fmt(t, "v = reshape(weight, shape=(%" PRId64, k->n);
	for (int i = k->axis + 1; i < c->in[0]->shape.ndim; i++)
		text_add(t, ", 1");
	text_add(t, ")); ");
}

/*
 * The negative log likelihood of the classes y, from log probabilities p.  Classes to be ignored are taken as class 0 with
 * weight 0; negative ones are put out of bounds, for they would be counted from the end.
 */
static void nll_text(struct text *t, const struct classes *k, const struct call *c, double smoothing)
{
	text_fmt(t,
		 "y = astype(y, dtype=int64); m = y != ignore_index; i = where(m, y, 0); "
		 "i = where(i < 0, i - %" PRId64 ", i); "
		 "l = -squeeze(take_along_axis(p, expand_dims(i, axis=%d), axis=%d), axis=%d); ",
		 k->n, k->axis, k->axis, k->axis);
	if (k->weight)
		text_add(t, "u = where(m, take(weight, i, axis=0), 0); l = where(m, l * u, 0); ");
	else
		text_add(t, "l = where(m, l, 0); ");
	if (smoothing > 0) {
		if (k->weight)
			weight_text(t, k, c);
		text_fmt(t, "l = %.17g * l + %.17g * where(m, -sum(%s, axis=%d), 0); ", 1 - smoothing,
			 smoothing / (double)k->n, k->weight ? "p * v" : "p", k->axis);
	}
	if (k->reduction == MEAN)
		text_add(t, k->weight ? "sum(l) / sum(u)" : "sum(l) / astype(count_nonzero(m), dtype=l.dtype)");
	else
		text_add(t, k->reduction == SUM ? "sum(l)" : "l");
}

int build_nll_loss(struct call *c, struct error *err)
{
	struct text t = TEXT_INIT;
	struct classes k;

	if (classes_init(&k, c, err) || classes_fit(&k, c, err))
		return -1;
	text_add(&t, "p = x; ");
	nll_text(&t, &k, c, 0);
	return run_indexed(c, &t, c->in[0], err);
}

int build_cross_entropy(struct call *c, struct error *err)
{
	double smoothing = attr_get(c, "label_smoothing")->f;
	const struct node *x = c->in[0], *y = c->in[1];
	struct text t = TEXT_INIT;
	struct classes k;

	if (classes_init(&k, c, err))
		return -1;
	if (!(smoothing >= 0 && smoothing <= 1))
		return error_set(err, ERR_VALUE, "%s: label_smoothing must be from 0 to 1", c->name);
	if (integral(y) && classes_fit(&k, c, err))
		return -1;
	if (!integral(y) && !shape_equal(&x->shape, &y->shape))
		return misfit(c, x, y, err);
	text_fmt(&t, "p = log_softmax(x, axis=%d); ", k.axis);
	if (integral(y)) {
		nll_text(&t, &k, c, smoothing);
		return run_indexed(c, &t, x, err);
	}
	if (k.weight)
		weight_text(&t, &k, c);
	if (smoothing > 0)
		text_fmt(&t, "y = %.17g * y + %.17g; ", 1 - smoothing, smoothing / (double)k.n);
	text_fmt(&t, "l = -sum(%s, axis=%d); ", k.weight ? "p * y * v" : "p * y", k.axis);
	text_add(&t, k.reduction == MEAN ? "mean(l)" : k.reduction == SUM ? "sum(l)" : "l");
	return run(c, &t, err);
}

/* == normalisation == */

/* The trailing axes that have the shape normalized_shape, as a list: "-2, -1". */
static int trailing(const struct call *c, struct text *axes, struct error *err)
{
	const struct attr *a = attr_get(c, "normalized_shape");
	const struct node *x = c->in[0];
	char text[NODE_TEXT];
	bool fits = a->n && a->n <= x->shape.ndim;

	for (int i = 0; fits && i < a->n; i++)
		fits = a->list[i] == x->shape.dim[x->shape.ndim - a->n + i];
	if (!fits)
		return error_set(err, ERR_VALUE, "%s: the last axes are not of normalized_shape %s",
				 node_text(x, text, sizeof(text)), attr_text(a));
	text_add(axes, "axis=(");
	for (int i = 0; i < a->n; i++)
		text_fmt(axes, "%s%d", i ? ", " : "", i - a->n);
	text_add(axes, "), keepdims=True");
	return axes->failed ? error_memory(err, axes->room) : 0;
}

int build_layer_norm(struct call *c, struct error *err)
{
	struct text t = TEXT_INIT, axes = TEXT_INIT;
	int ret = trailing(c, &axes, err);

	if (!ret) {
		floats(c, &t);
		text_fmt(&t, "d = x - mean(x, %s); d * rsqrt(mean(square(d), %s) + eps)", axes.s, axes.s);
		text_add(&t, attr_get(c, "weight")->node ? " * weight" : "");
		text_add(&t, attr_get(c, "bias")->node ? " + bias" : "");
		ret = run(c, &t, err);
	}
	text_release(&axes);
	return ret;
}

int build_rms_norm(struct call *c, struct error *err)
{
	struct text t = TEXT_INIT, axes = TEXT_INIT;
	int ret = trailing(c, &axes, err);

	if (!ret) {
		floats(c, &t);
		/* without eps: the one of the type that is computed in */
		if (attr_get(c, "eps")->none)
			text_fmt(&t, "eps = %.17g; ",
				 integral(c->in[0]) || c->in[0]->dtype == DT_F64 ? 0x1p-52 : 0x1p-23);
		text_fmt(&t, "x * rsqrt(mean(square(x), %s) + eps)", axes.s);
		text_add(&t, attr_get(c, "weight")->node ? " * weight" : "");
		ret = run(c, &t, err);
	}
	text_release(&axes);
	return ret;
}

/* == the rest == */

int build_glu(struct call *c, struct error *err)
{
	const struct node *x = c->in[0];
	struct text t = TEXT_INIT;
	char text[NODE_TEXT];
	int64_t half;
	int axis;

	if (axis_normalize(&axis, attr_get(c, "axis")->i, x->shape.ndim, err))
		return -1;
	half = x->shape.dim[axis] / 2;
	if (x->shape.dim[axis] % 2)
		return error_set(err, ERR_VALUE, "%s: the size of axis %d must be even",
				 node_text(x, text, sizeof(text)), axis);
	for (int side = 0; side < 2; side++) {
		text_add(&t, side ? " * sigmoid(x[" : "x[");
		for (int i = 0; i < axis; i++)
			text_add(&t, ":, ");
		text_fmt(&t, "%" PRId64 ":%" PRId64 "]", side * half, (side + 1) * half);
	}
	text_add(&t, ")");
	return run(c, &t, err);
}

/* A vector of weights is one for each channel, axis 1. */
int build_prelu(struct call *c, struct error *err)
{
	const struct node *x = c->in[0], *y = c->in[1];
	struct text t = TEXT_INIT;

	if (y->shape.ndim == 1 && x->shape.ndim > 2) {
		text_fmt(&t, "y = reshape(y, shape=(-1");
		for (int i = 2; i < x->shape.ndim; i++)
			text_add(&t, ", 1");
		text_add(&t, ")); ");
	}
	text_add(&t, "leaky_relu(x, slope=y)");
	return run(c, &t, err);
}

int build_dropout(struct call *c, struct error *err)
{
	const struct attr *seed = attr_get(c, "seed");
	double p = attr_get(c, "p")->f;
	struct text t = TEXT_INIT;

	if (!(p >= 0 && p <= 1))
		return error_set(err, ERR_VALUE, "%s: p must be from 0 to 1", c->name);
	c->random = true;
	c->seed = seed->none ? random_seed() >> 1 : (uint64_t)seed->i; /* so that it can be given back with --seed */
	floats(c, &t);
	text_fmt(&t, "where(rand(shape=x.shape, seed=%" PRIu64 ", dtype=float32) >= p, x * %.17g, 0)", c->seed,
		 p < 1 ? 1 / (1 - p) : 0);
	return run(c, &t, err);
}

int build_one_hot(struct call *c, struct error *err)
{
	const struct node *x = c->in[0];
	struct text t = TEXT_INIT;
	char text[NODE_TEXT];

	if (x->dtype == DT_BOOL || !dtype_is_int(x->dtype))
		return error_set(err, ERR_VALUE, "%s: %s takes classes as integers, not %s",
				 node_text(x, text, sizeof(text)), c->name, dtype_name(x->dtype));
	if (attr_get(c, "num_classes")->i < 1)
		return error_set(err, ERR_VALUE, "%s: num_classes must be 1 or more", c->name);
	text_add(&t, "astype(expand_dims(x, axis=-1) == arange(num_classes), dtype=int64)");
	return run(c, &t, err);
}

int build_embedding(struct call *c, struct error *err)
{
	const struct node *y = c->in[1];
	struct text t = TEXT_INIT;
	char text[NODE_TEXT];

	if (y->shape.ndim != 2)
		return error_set(err, ERR_VALUE, "%s: the weight of %s must have two axes, one row for each index",
				 node_text(y, text, sizeof(text)), c->name);
	text_add(&t, "take(y, x, axis=0)");
	return run_indexed(c, &t, y, err);
}

int build_linear(struct call *c, struct error *err)
{
	struct text t = TEXT_INIT;

	text_add(&t, c->in[1]->shape.ndim > 1 ? "x @ y.mT" : "x @ y");
	text_add(&t, attr_get(c, "bias")->node ? " + bias" : "");
	return run(c, &t, err);
}
