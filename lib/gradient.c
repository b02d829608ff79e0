/* The backward pass: see gradient.h. */
#include "gradient.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rule {
	const char *op;
	const char *text[5];
	rule_fn *fn;
} rules[] = {
#define GRAD(id, ...) { #id, { __VA_ARGS__ }, NULL },
#define GRAD_BY(id, fn_) { #id, { NULL }, rule_##fn_ },
#include "ops.def"
};

static const struct rule *rule_of(const struct op *op)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!strcmp(rules[i].op, op->name))
			return &rules[i];
	return NULL;
}

bool gradient_known(const struct op *op)
{
	return op->class == OP_TEXT || rule_of(op) || !strcmp(op->name, "detach");
}

const char *const *gradient_texts(const struct op *op)
{
	const struct rule *r = rule_of(op);

	return r && !r->fn ? r->text : NULL;
}

/* Is name a word of text that stands for values, not for a shape or dtype? */
static bool mentions(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += n) {
		const char *end = p + n;
		bool word = (p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '_' || p[-1] == '.')) &&
			    !isalnum((unsigned char)*end) && *end != '_' && *end != '=';

		if (word && strncmp(end, ".shape", 6) && strncmp(end, ".dtype", 6))
			return true;
	}
	return false;
}

bool gradient_reads(const struct op *op, int operand)
{
	static const char *const names[] = { "x", "y", "z", "w" };
	const struct rule *r = rule_of(op);
	struct attr attrs[MAX_ATTRS];
	const char *name = operand < 0 ? "out" : operand < 4 ? names[operand] : NULL;
	int nattrs = op_attrs(op, attrs), in = op->nin_max;

	if (!r || r->fn || op->class == OP_TEXT)
		return true;
	for (int i = 0; i < nattrs && op->class == OP_MAP; i++)
		in -= attrs[i].type == ATTR_OPERAND;
	for (int i = 0, k = in; i < nattrs && operand >= in; i++)
		if (attrs[i].type == ATTR_OPERAND && k++ == operand)
			name = attrs[i].name;
	for (int i = 0; i < 5; i++)
		if (r->text[i] && name && (mentions(r->text[i], name) || (operand < 0 && mentions(r->text[i], "outk"))))
			return true;
	return !name;
}

const struct attr *step_attr(const struct step *s, const char *name)
{
	for (int i = 0; i < s->nattrs; i++)
		if (!strcmp(s->attrs[i].name, name))
			return &s->attrs[i];
	return NULL;
}

int rule_bind(struct rule_call *r, const char *name, struct node *x, struct error *err)
{
	if (!x)
		return -1;
	if (r->n == RULE_BINDINGS)
		return error_set(err, ERR_RESOURCE, "too many names in a gradient");
	r->bound[r->n++] = (struct binding){ .name = name, .node = x };
	return 0;
}

/* Operands that can have a gradient: those of the call, then those of its attributes. */
static int operands(const struct step *s)
{
	int n = s->nin;

	for (int i = 0; i < s->nattrs; i++)
		n += s->attrs[i].type == ATTR_OPERAND;
	return n;
}

static struct node *operand(const struct step *s, int k)
{
	if (k < s->nin)
		return s->in[k];
	k -= s->nin;
	for (int i = 0; i < s->nattrs; i++)
		if (s->attrs[i].type == ATTR_OPERAND && k-- == 0)
			return s->attrs[i].node;
	return NULL;
}

/* The type in which gradients of x are carried. */
static enum dtype grad_dtype(const struct node *x)
{
	return x->dtype == DT_F16 || x->dtype == DT_BF16 ? DT_F32 : x->dtype;
}

static bool inexact(enum dtype d)
{
	return dtype_is_float(d) || dtype_is_complex(d);
}

static struct node *with_shape(struct graph *g, const char *op, struct node *x, const struct shape *shape,
			       struct error *err)
{
	char text[SHAPE_TEXT];
	struct node *y = NULL;
	struct call c;

	call_init(&c, g, op, op_find(op), err);
	if (!call_attr(&c, call_find_attr(&c, "shape"), shape_text(shape, text, sizeof(text)), NULL, err) &&
	    !call_run(&c, 1, &x, err))
		y = c.out[0];
	call_release(&c);
	return y;
}

/* Can an array of shape a be broadcast to shape b? */
static bool broadcasts(const struct shape *a, const struct shape *b)
{
	if (a->ndim > b->ndim)
		return false;
	for (int i = 0; i < a->ndim; i++)
		if (a->dim[i] != b->dim[b->ndim - a->ndim + i] && a->dim[i] != 1)
			return false;
	return true;
}

/* d as a gradient of x: x's shape and the dtype in which it is carried.  The one place where broadcasting is undone. */
static struct node *fit(struct node *d, const struct node *x, struct error *err)
{
	struct graph *g = x->graph;

	if (d && dtype_is_complex(d->dtype) && !dtype_is_complex(x->dtype))
		d = op_apply(g, "real", 1, &d, err);
	if (d && (d->weak || d->dtype != grad_dtype(x)))
		d = op_cast(g, d, grad_dtype(x), err);
	if (!d || shape_equal(&d->shape, &x->shape))
		return d;
	return with_shape(g, broadcasts(&d->shape, &x->shape) ? "broadcast_to" : "sum_to_size", d, &x->shape, err);
}

static int accumulate(struct node *x, struct node *d, struct error *err)
{
	d = fit(d, x, err);
	if (d && x->grad)
		d = op_apply(x->graph, "add", 2, (struct node *[]){ x->grad, d }, err);
	x->grad = d;
	return d ? 0 : -1;
}

/* Ops whose gradient is not g * conj(f'(x)): their texts see complex operands as they are. */
static bool binds_raw(const struct op *op)
{
	static const char *const names[] = { "abs", "real", "imag", "conj", "angle" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(op->name, names[i]))
			return true;
	return false;
}

/* Rows that are no function of a complex variable, and whose texts are right for real numbers only. */
static bool refuses_complex(const struct op *op)
{
	static const char *const names[] = { "var",  "std",	"norm",	     "max",  "min",
					     "sort", "vecdot",	"logsumexp", "ptp",  "topk",
					     "sign", "maximum", "minimum",   "clip", "cumulative_prod" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(op->name, names[i]))
			return true;
	return false;
}

static int bind_value(struct rule_call *r, const char *name, struct node *x, struct error *err)
{
	if (dtype_is_complex(x->dtype) && !binds_raw(r->step->op) && !(x = op_apply(r->graph, "conj", 1, &x, err)))
		return -1;
	return rule_bind(r, name, x, err);
}

/* The shape of a reduction's result with the reduced axes kept as 1. */
static int kept_shape(const struct step *s, struct shape *shape, struct error *err)
{
	bool reduced[MAX_NDIM];

	*shape = s->in[0]->shape;
	if (attr_axes(step_attr(s, "axis"), shape->ndim, reduced, err))
		return -1;
	for (int i = 0; i < shape->ndim; i++)
		if (reduced[i])
			shape->dim[i] = 1;
	return 0;
}

static int bind_all(struct rule_call *r, struct error *err)
{
	static const char *const names[] = { "x", "y", "z", "w" };
	const struct step *s = r->step;
	const struct attr *initial = step_attr(s, "include_initial");

	r->n = 0;
	if (initial && initial->flag) {
		const struct attr *axis = step_attr(s, "axis");
		char slice[4 * MAX_NDIM] = "";
		int at = 0;

		if (axis && !axis->none && axis_normalize(&at, axis->i, r->g->shape.ndim, err))
			return -1;
		for (int i = 0; i < at; i++)
			strcat(slice, ":,");
		strcat(slice, "1:");
		if (!(r->g = op_slice(r->graph, r->g, slice, err)))
			return -1;
	}
	if (rule_bind(r, "g", r->g, err))
		return -1;
	for (int i = 0; i < s->nin && i < 4; i++)
		if (bind_value(r, names[i], s->in[i], err))
			return -1;
	if (s->nout == 1 && bind_value(r, "out", s->out[0], err))
		return -1;
	for (int i = 0; i < s->nattrs; i++) {
		const struct attr *a = &s->attrs[i];

		if (a->type == ATTR_OPERAND) {
			struct node *v = a->node;

			/* a bound that was not given bounds nothing */
			if (!v)
				v = node_float(r->graph, strcmp(a->name, "min") ? __builtin_inf() : -__builtin_inf(),
					       err);
			if (!v || bind_value(r, a->name, v, err))
				return -1;
		} else {
			r->bound[r->n++] = (struct binding){ .name = a->name, .text = attr_text(a) };
		}
	}
	if (s->op->class == OP_REDUCE) {
		struct node *x = s->in[0], *out = s->out[0];
		double n = out->size ? (double)x->size / (double)out->size : 0;
		struct shape kept;

		if (kept_shape(s, &kept, err) ||
		    rule_bind(r, "gk", with_shape(r->graph, "reshape", r->g, &kept, err), err) ||
		    bind_value(r, "outk", with_shape(r->graph, "reshape", out, &kept, err), err) ||
		    rule_bind(r, "n", node_float(r->graph, n, err), err))
			return -1;
	}
	return 0;
}

static int no_gradient(const struct step *s, const char *what, struct error *err)
{
	char node[64] = "";

	if (s->out[0]->recorded)
		snprintf(node, sizeof(node), "node %" PRId64 " (%.30s): ", s->out[0]->recorded - 1, s->name);
	return error_set(err, ERR_VALUE, "%sthe derivative for '%s'%s is not implemented", node, s->op->name, what);
}

/* The value of a text: a program over what is bound. */
static struct node *text_value(struct rule_call *r, const char *text, struct error *err)
{
	struct program p;
	struct node *x = program_build(&p, r->graph, text, r->n, r->bound, NULL, err) ? NULL : p.last;

	program_release(&p);
	return x;
}

/* The part of operand k of a step in the gradients. */
static int step_operand(struct rule_call *r, int k, const struct rule *rule, gradient_notice *notice, void *arg,
			struct error *err)
{
	struct node *x = operand(r->step, k), *d;
	const char *text = rule->fn ? NULL : rule->text[k];

	r->operand = k;
	r->made = NULL;
	r->text.len = 0;
	if (rule->fn) {
		int n = r->n;

		if (rule->fn(r, err))
			return -1;
		if (r->made)
			return accumulate(x, r->made, err);
		text = r->text.len ? r->text.s : NULL;
		if (r->text.failed)
			return error_memory(err, r->text.room);
		d = text && strcmp(text, "0") ? text_value(r, text, err) : NULL;
		r->n = n;
	} else {
		d = text && strcmp(text, "0") ? text_value(r, text, err) : NULL;
	}
	if (!text)
		return 0;
	if (!strcmp(text, "0")) {
		static const struct scalar zero = { .kind = SCALAR_INT };

		if (notice)
			notice(arg, r->step);
		d = node_full(r->graph, grad_dtype(x), &x->shape, &zero, err);
	}
	return d ? accumulate(x, d, err) : -1;
}

static int backward_step(struct graph *g, const struct step *s, gradient_notice *notice, void *arg, struct error *err)
{
	struct rule_call r = { .graph = g, .step = s, .text = TEXT_INIT };
	const struct rule *rule = rule_of(s->op);
	int n = operands(s), ret = -1;
	bool complex_values = false;

	if (!rule)
		return no_gradient(s, "", err);
	for (int k = 0; k < n; k++)
		complex_values |= operand(s, k) && dtype_is_complex(operand(s, k)->dtype);
	if (complex_values && refuses_complex(s->op))
		return no_gradient(s, " of complex numbers", err);
	r.grads = calloc((size_t)s->nout, sizeof(*r.grads));
	if (!r.grads)
		return error_memory(err, sizeof(*r.grads));
	for (int i = 0; i < s->nout; i++) {
		r.grads[i] = s->out[i]->step == s ? s->out[i]->grad : NULL;
		if (r.grads[i] && !r.g)
			r.g = r.grads[i];
	}
	/* Values first, then indices: only the first result of several has a gradient where a text stands for it. */
	if (s->nout > 1 && !rule->fn)
		r.g = r.grads[0];
	ret = r.g ? bind_all(&r, err) : 0;
	for (int k = 0; r.g && !ret && k < n; k++)
		if (operand(s, k) && operand(s, k)->needs)
			ret = step_operand(&r, k, rule, notice, arg, err);
	text_release(&r.text);
	free(r.grads);
	return ret;
}

/* Mark what depends on wrt; returns the index of the last step that loss needs, or -1. */
static int mark(struct graph *g, const struct node *loss, int n, struct node *const wrt[])
{
	int last = -1;

	for (int i = 0; i < g->n; i++) {
		g->nodes[i]->needs = false;
		g->nodes[i]->grad = NULL;
	}
	for (int i = 0; i < n; i++)
		wrt[i]->needs = true;
	for (int i = 0; i < g->nsteps; i++) {
		const struct step *s = g->steps[i];
		bool needs = false;

		if (loss->step == s)
			last = i;
		for (int k = 0; k < operands(s); k++)
			needs |= operand(s, k) && operand(s, k)->needs;
		for (int k = 0; needs && !s->cut && k < s->nout; k++)
			if (s->out[k]->step == s && inexact(s->out[k]->dtype))
				s->out[k]->needs = true;
	}
	return last;
}

int gradient_build(struct graph *g, struct node *loss, struct node *seed, int n, struct node *const wrt[],
		   struct node *out[], gradient_notice *notice, void *arg, struct error *err)
{
	int last = mark(g, loss, n, wrt);

	if (loss->needs && accumulate(loss, seed, err))
		return -1;
	for (int i = last; i >= 0; i--) {
		const struct step *s = g->steps[i];
		bool any = false, needed = false;

		for (int k = 0; k < s->nout; k++)
			any |= s->out[k]->step == s && s->out[k]->grad;
		for (int k = 0; any && !s->cut && k < operands(s); k++)
			needed |= operand(s, k) && operand(s, k)->needs;
		if (needed && backward_step(g, s, notice, arg, err))
			return -1;
	}
	for (int i = 0; i < n; i++) {
		out[i] = wrt[i]->grad;
		if (out[i] && out[i]->dtype != wrt[i]->dtype && !(out[i] = op_cast(g, out[i], wrt[i]->dtype, err)))
			return -1;
	}
	return 0;
}
