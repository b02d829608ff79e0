/* grad: gradients of a recorded result, in one process. */
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/history.h"

struct grad {
	struct cli *c;
	struct history h;
	int64_t loss;
	int n; /* tensors to differentiate with respect to */
	struct target {
		const char *name; /* as the user wrote it, or as the graph spells it */
		char *output;	  /* owned */
		int64_t id;
		struct node *grad;
		const struct gnode *leaf;
	} * target;
	bool accumulate, allow_unused, create_graph, recompute, check;
	const char *grad_output;
};

static void zero_notice(void *arg, const struct step *s)
{
	struct grad *g = arg;

	if (g->c->common.quiet)
		return;
	if (s->out[0]->recorded)
		say(g->c,
		    "the gradient of '%s' is zero everywhere: what flows through node %" PRId64 " (%s) stops there",
		    s->name, s->out[0]->recorded - 1, s->name);
	else
		say(g->c, "the gradient of '%s' is zero everywhere", s->name);
}

static int add_target(struct grad *g, const char *name, int64_t id, struct error *err)
{
	struct target *t = realloc(g->target, (size_t)(g->n + 1) * sizeof(*t));

	if (!t)
		return error_memory(err, sizeof(*t));
	g->target = t;
	g->target[g->n++] = (struct target){ .name = name, .id = id };
	return 0;
}

/* "dir/w.npy" -> "dir/w.grad.npy", "z.npz:w" -> "z.w.grad.npy" */
static char *default_output(const struct grad *g, const struct gnode *n, struct error *err)
{
	char *path = graphdoc_resolve(g->h.doc, n->out, err), *out;
	struct place p;

	if (!path)
		return NULL;
	place_split(&p, path);
	const char *file = p.path ? p.path : path, *base = strrchr(file, '/'), *dot = strrchr(base ? base : file, '.');

	out = malloc(strlen(path) + 16);
	if (out)
		sprintf(out, "%.*s%s%s.grad.npy", dot ? (int)(dot - file) : (int)strlen(file), file, p.key ? "." : "",
			p.key ? p.key : "");
	else
		error_memory(err, strlen(path));
	place_release(&p);
	free(path);
	return out;
}

/* Without names: every leaf that the loss depends on and that requires grad. */
static int all_leaves(struct grad *g, struct error *err)
{
	for (int i = 0; i < g->h.n; i++) {
		const struct gnode *n = g->h.past[i].n;

		if (!gnode_is_leaf(n) || !n->requires_grad || !n->out)
			continue;
		if (add_target(g, n->out, n->id, err))
			return -1;
	}
	if (!g->n)
		return error_set(err, ERR_VALUE,
				 "no leaf that requires grad has a file: name what to differentiate with "
				 "respect to");
	return 0;
}

/*
 * A copy of a tensor that requires grad is a constant: equal bytes may have different histories.  Where the loss was made from one, say so:
 * " (...)" into text.
 */
static void copy_hint(const struct history *h, char *text, size_t size)
{
	struct error skip = ERROR_INIT;
	const struct gnode *n;

	*text = '\0';
	for (int64_t id = graphdoc_next(h->doc); id-- > 0 && !*text; skip = (struct error)ERROR_INIT) {
		if (graphdoc_node(h->doc, id, &n, &skip) || !n->requires_grad || !n->file.known)
			continue;
		for (int i = 0; i < h->n && !*text; i++) {
			const struct gnode *leaf = h->past[i].n;

			if (!leaf->nin && leaf->out && leaf->file.known && leaf->file.xxh3 == n->file.xxh3)
				snprintf(text, size,
					 " (%.200s has the same content as node %" PRId64 ", %.200s, but no history)",
					 leaf->out, n->id, n->out ? n->out : n->op);
		}
	}
}

static int not_differentiable(const struct grad *g, const char *loss, struct error *err)
{
	/* Where the gradients end tells more than the sentence: the last node that none flows through, files or not. */
	struct history all = { .c = g->c, .doc = g->h.doc, .recompute = true };
	const struct gnode *end = NULL;
	char hint[512];

	if (history_collect(&all, 1, &g->loss, false, err)) {
		history_release(&all);
		return -1;
	}
	for (int i = all.n - 1; i >= 0 && !end; i--) {
		const struct gnode *n = all.past[i].n;

		for (int k = 0; k < n->nin && !n->requires_grad; k++) {
			struct past *in = n->in[k].id >= 0 ? history_past(&all, n->in[k].id) : NULL;

			if (in && in->n->requires_grad)
				end = n;
		}
	}
	if (!end)
		copy_hint(&all, hint, sizeof(hint));
	history_release(&all);
	if (end)
		return error_set(err, ERR_VALUE,
				 "%s: element 0 of tensors does not require grad and does not have a grad_fn (no "
				 "gradient flows through node %" PRId64 ", %s%s)",
				 loss, end->id, end->op,
				 end->cut && strcmp(end->op, "detach") ? " under --no-grad" : "");
	return error_set(
		err, ERR_VALUE,
		"%s: element 0 of tensors does not require grad and does not have a grad_fn (nothing it was made "
		"from requires grad: 'create --requires-grad' or 'graph require FILE')%s",
		loss, hint);
}

/* The gradient that flows into the loss: ones, or what --grad-output says. */
static struct node *seed(struct grad *g, const struct node *loss, const char *name, struct error *err)
{
	static const struct scalar one = { .kind = SCALAR_FLOAT, .magnitude = 1, .re = 1 };
	char a[SHAPE_TEXT], b[SHAPE_TEXT];
	struct node *x;

	if (!g->grad_output) {
		if (loss->size != 1) {
			error_set(
				err, ERR_VALUE,
				"%s %s: grad can be implicitly created only for scalar outputs; --grad-output FILE weights "
				"the elements",
				name, shape_text(&loss->shape, a, sizeof(a)));
			return NULL;
		}
		return node_full(g->c->graph, loss->dtype, &loss->shape, &one, err);
	}
	x = operand_node(g->c, g->grad_output, err);
	if (!x)
		return NULL;
	if (x->weak)
		return node_full(g->c->graph, loss->dtype, &loss->shape, &x->scalar, err);
	if (!shape_equal(&x->shape, &loss->shape)) {
		error_set(
			err, ERR_VALUE,
			"Mismatch in shape: grad_output[0] (%s) has a shape of %s and output[0] (%s) has a shape of %s",
			g->grad_output, shape_text(&x->shape, a, sizeof(a)), name,
			shape_text(&loss->shape, b, sizeof(b)));
		return NULL;
	}
	return x;
}

/*
 * The nodes that a name stands for: a parameter that was updated with --no-grad is the same tensor as before, so older versions count,
 * too.
 */
static int versions(const struct grad *g, int64_t id, struct node **x, int room, struct error *err)
{
	int64_t oldest = INT64_MAX;
	const struct gnode *n;
	int count = 0;

	/* A long history is followed only as far back as the loss goes. */
	if (graphdoc_node(g->h.doc, id, &n, err))
		return -1;
	for (int i = g->h.n; i-- > 0;)
		if (g->h.past[i].id == id || (n->out && g->h.past[i].n->out && !strcmp(g->h.past[i].n->out, n->out)))
			oldest = g->h.past[i].id;
	while (id >= oldest) {
		struct past *p = history_past(&g->h, id);

		if (p && count < room)
			x[count++] = p->node;
		if (graphdoc_node(g->h.doc, id, &n, err))
			return -1;
		if (!n->cut || n->alias < 0)
			break;
		id = n->alias;
	}
	return count;
}

static int unused(struct grad *g, struct target *t, struct error *err)
{
	static const struct scalar zero = { .kind = SCALAR_INT };

	if (!g->allow_unused)
		return error_set(
			err, ERR_VALUE,
			"%s: One of the differentiated Tensors appears to not have been used in the graph. Set "
			"--allow-unused if this is the desired behavior.",
			t->name);
	t->grad = node_full(g->c->graph, t->leaf->dtype, &t->leaf->shape, &zero, err);
	return t->grad ? 0 : -1;
}

static int build(struct grad *g, const char *loss_name, struct error *err)
{
	enum { MOST = 64 }; /* versions of a parameter that one loss depends on */
	struct graph *graph = g->c->graph;
	struct past *loss;
	struct node *s, **wrt, **out;
	int n = 0, ret = -1;

	g->h.recompute = g->recompute;
	if (history_collect(&g->h, 1, &g->loss, true, err))
		return -1;
	loss = history_past(&g->h, g->loss);
	if (!loss->n->requires_grad)
		return not_differentiable(g, loss_name, err);
	if (!g->n && all_leaves(g, err))
		return -1;
	for (int i = 0; i < g->n; i++) {
		struct target *t = &g->target[i];

		if (graphdoc_node(g->h.doc, t->id, &t->leaf, err))
			return -1;
		if (!dtype_is_float(t->leaf->dtype) && !dtype_is_complex(t->leaf->dtype))
			return error_set(
				err, ERR_VALUE,
				"%s is %s: only Tensors of floating point and complex dtype can require gradients",
				t->name, dtype_name(t->leaf->dtype));
		if (!t->leaf->requires_grad)
			return error_set(
				err, ERR_VALUE,
				"%s: One of the differentiated Tensors does not require grad ('tensor graph require "
				"%s' before it is used)",
				t->name, t->name);
	}
	if (history_build(&g->h, err))
		return -1;
	s = seed(g, loss->node, loss_name, err);
	if (!s)
		return -1;
	wrt = calloc((size_t)g->n * MOST, sizeof(*wrt));
	out = calloc((size_t)g->n * MOST, sizeof(*out));
	int *of = calloc((size_t)g->n * MOST, sizeof(*of));
	if (!wrt || !out || !of) {
		error_memory(err, (size_t)g->n * MOST * sizeof(*wrt));
		goto done;
	}
	for (int i = 0; i < g->n; i++) {
		int k = versions(g, g->target[i].id, wrt + n, MOST, err);

		if (k < 0)
			goto done;
		for (int j = 0; j < k; j++)
			of[n++] = i;
	}
	if (g->create_graph)
		graph->tracing = TRACE_PARTS;
	if (gradient_build(graph, loss->node, s, n, wrt, out, zero_notice, g, err))
		goto done;
	for (int i = 0; i < n; i++) {
		struct target *t = &g->target[of[i]];

		if (out[i])
			t->grad =
				t->grad ? op_apply(graph, "add", 2, (struct node *[]){ t->grad, out[i] }, err) : out[i];
		if (out[i] && !t->grad)
			goto done;
	}
	graph->tracing = TRACE_OFF;
	for (int i = 0; i < g->n; i++)
		if (!g->target[i].grad && unused(g, &g->target[i], err))
			goto done;
	for (int i = 0; i < g->n; i++)
		out[i] = g->target[i].grad;
	ret = history_check(&g->h, g->n, out, err);
done:
	free(wrt);
	free(out);
	free(of);
	return ret;
}

/* == output == */

/* One process at a time adds to files of a directory: a lock on the directory leaves no file behind. */
static int lock_directory(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		error_errno(err, ERR_RESOURCE, "%s", dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int output(struct grad *g, int n, const struct result *r, const char *path, struct error *err)
{
	struct cli *c = g->c;
	struct record *record = c->record;
	int ret;

	c->common.output = path;
	/* Gradients are constants, unless they are to be differentiated again. */
	if (!g->create_graph)
		c->record = NULL;
	ret = output_results(c, n, r, NULL, false, err);
	c->record = record;
	return ret;
}

static int add_to(struct grad *g, struct target *t, struct error *err)
{
	struct node *old, *sum;

	if (access(t->output, F_OK))
		return output(g, 1, &(struct result){ t->grad, NULL }, t->output, err);
	old = operand_node(g->c, t->output, err);
	sum = old ? op_apply(g->c->graph, "add", 2, (struct node *[]){ old, t->grad }, err) : NULL;
	if (sum && (!shape_equal(&sum->shape, &t->grad->shape) || sum->dtype != t->grad->dtype)) {
		char a[NODE_TEXT], b[NODE_TEXT];

		return error_set(err, ERR_VALUE, "%s (%s) does not have the shape and dtype of the gradient, %s (%s)",
				 node_text(old, a, sizeof(a)), dtype_name(old->dtype), node_text(t->grad, b, sizeof(b)),
				 dtype_name(t->grad->dtype));
	}
	return sum ? output(g, 1, &(struct result){ sum, NULL }, t->output, err) : -1;
}

static int stem(const char *path, char *buf, size_t size)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *key = strrchr(base, ':');
	const char *from = key ? key + 1 : base, *dot = strrchr(from, '.');

	return snprintf(buf, size, "%.*s", dot && dot != from ? (int)(dot - from) : (int)strlen(from), from);
}

static int write_all(struct grad *g, int nout, const char *const *outputs, struct error *err)
{
	struct result *r = calloc((size_t)g->n + 1, sizeof(*r));
	const struct format *f = nout == 1 ? format_for_path(outputs[0]) : NULL;
	int ret = 0;

	if (!r || g->n < 1)
		return error_memory(err, (size_t)g->n * sizeof(*r));
	for (int i = 0; i < g->n; i++) {
		char name[256];

		stem(g->target[i].name, name, sizeof(name));
		r[i] = (struct result){ g->target[i].grad, NULL };
		if ((g->n > 1 || (f && f->archive)) && !(r[i].name = graph_string(g->c->graph, name))) {
			free(r);
			return error_memory(err, sizeof(name));
		}
	}
	if (g->c->common.dry || (nout == 0 && !g->target[0].output) || (nout == 1 && (g->n > 1 || (f && f->archive)))) {
		if (g->accumulate)
			ret = error_set(err, ERR_USAGE, "--accumulate adds to one file for each gradient: -o FILE");
		else if (nout == 1 && g->n > 1 && f && !f->archive && !strstr(outputs[0], "{}"))
			ret = error_set(err, ERR_USAGE, "%d gradients and one -o: use an .npz, or -o for each", g->n);
		else
			ret = output(g, g->n, r, nout ? outputs[0] : NULL, err);
		free(r);
		return ret;
	}
	/* All of them are computed before the first file is written. */
	struct node **x = calloc((size_t)g->n + 1, sizeof(*x));

	if (!x)
		ret = error_memory(err, (size_t)g->n * sizeof(*x));
	for (int i = 0; i < g->n && !ret; i++) {
		x[i] = g->target[i].grad;
		if (x[i]->weak && !(x[i] = g->target[i].grad = node_cast(g->c->graph, x[i], x[i]->dtype, err)))
			ret = -1;
	}
	if (!ret && (g->n > 1 || g->accumulate))
		ret = engine_keep(g->n, x, err);
	for (int i = 0; i < g->n && !ret; i++) {
		struct target *t = &g->target[i];

		if (!t->output && !(t->output = strdup(outputs[i])))
			ret = error_memory(err, strlen(outputs[i]));
		else if (g->accumulate) {
			int lock = lock_directory(t->output, err);

			ret = lock < 0 ? -1 : add_to(g, t, err);
			if (lock >= 0)
				close(lock);
		} else {
			ret = output(g, 1, &(struct result){ t->grad, NULL }, t->output, err);
		}
	}
	free(x);
	free(r);
	return ret;
}

/* == check == */

/*
 * The loss, weighted by the seed, in float64, with one element of a leaf moved by sign times a step; *at is where it is then.  The step is
 * relative, so that functions that bend near 0 are followed there.
 */
static int moved_loss(struct grad *g, int64_t id, int64_t element, int sign, double *at, double *value,
		      struct error *err)
{
	const double step = 6e-6, least = 0.01;

	struct cli *c = g->c;
	struct graph *keep = c->graph, *graph = graph_new(err);
	struct record *record = c->record;
	struct history h = { .c = c, .doc = g->h.doc, .wide = true };
	struct history_set set = { .id = id };
	struct node *leaf, *loss;
	struct past *p;
	int ret = -1;

	if (!graph)
		return -1;
	c->graph = graph;
	c->record = NULL;
	if (history_collect(&h, 1, &id, false, err) || history_build(&h, err))
		goto done;
	leaf = history_past(&h, id)->node;
	if (engine_keep(1, &leaf, err))
		goto done;
	size_t size = (size_t)leaf->size * 8;
	double *copy = buffer_alloc(size, err);
	if (!copy)
		goto done;
	memcpy(copy, node_data(leaf), size);
	copy[element] += sign * step * fmax(fabs(copy[element]), least);
	*at = copy[element];
	set.node = node_memory(graph, DT_F64, &leaf->shape, copy, err);
	history_release(&h);
	h = (struct history){ .c = c, .doc = g->h.doc, .wide = true, .nset = 1 };
	h.set = malloc(sizeof(set));
	if (!set.node || !h.set)
		goto done;
	*h.set = set;
	if (history_collect(&h, 1, &g->loss, true, err) || history_build(&h, err))
		goto done;
	p = history_past(&h, g->loss);
	loss = p->node;
	if (g->grad_output) {
		struct node *w = operand_node(c, g->grad_output, err);

		loss = w ? op_apply(graph, "multiply", 2, (struct node *[]){ loss, w }, err) : NULL;
	}
	if (loss)
		loss = op_apply(graph, "sum", 1, &loss, err);
	if (loss && loss->dtype != DT_F64)
		loss = node_cast(graph, loss, DT_F64, err);
	if (!loss || engine_keep(1, &loss, err))
		goto done;
	memcpy(value, node_data(loss), sizeof(*value));
	ret = 0;
done:
	history_release(&h);
	graph_free(graph);
	c->graph = keep;
	c->record = record;
	return ret;
}

/*
 * Central differences in float64 for up to 1000 elements of each tensor, evenly spread, against gradients that were computed in
 * float64, too.  Returns 0, 1 where they disagree, or -1.
 */
static int check(struct grad *g, struct error *err)
{
	enum { MOST = 1000 };
	const double rtol = 1e-5, atol = 1e-7;
	struct text t = TEXT_INIT;
	int status = 0;

	for (int i = 0; i < g->n; i++) {
		struct node *x = g->target[i].grad;
		int64_t n, worst = -1, tested = 0, each;
		double bad = -1, want = 0, got = 0;
		const double *v;

		if (dtype_is_complex(x->dtype)) {
			text_release(&t);
			return error_set(err, ERR_VALUE, "%s: --check is for real numbers", g->target[i].name);
		}
		x = node_cast(g->c->graph, x, DT_F64, err);
		if (!x || engine_keep(1, &x, err))
			return -1;
		v = node_data(x);
		n = x->size;
		each = n > MOST ? (n + MOST - 1) / MOST : 1;
		for (int64_t e = 0; e < n; e += each) {
			double up, down, right, left, numeric, far, rounding;

			if (moved_loss(g, g->target[i].id, e, 1, &right, &up, err) ||
			    moved_loss(g, g->target[i].id, e, -1, &left, &down, err)) {
				text_release(&t);
				return -1;
			}
			numeric = (up - down) / (right - left);
			/* what the last bits of the two losses can make of the difference */
			rounding = 8 * DBL_EPSILON * fmax(fabs(up), fabs(down)) / (right - left);
			far = fabs(numeric - v[e]) - (atol + rtol * fmax(fabs(numeric), fabs(v[e])) + rounding);
			if (isnan(far) && isnan(numeric) && isnan(v[e]))
				far = -1;
			if (isnan(far))
				far = INFINITY;
			tested++;
			if (worst < 0 || far > bad) {
				bad = far;
				worst = e;
				want = numeric;
				got = v[e];
			}
		}
		text_fmt(&t, "%s: %" PRId64 " of %" PRId64 " elements", g->target[i].name, tested, n);
		if (bad > 0) {
			text_fmt(&t, ": DIFFERS, worst at ");
			int64_t index[MAX_NDIM], left = worst;

			for (int k = x->shape.ndim - 1; k >= 0; k--) {
				index[k] = left % x->shape.dim[k];
				left /= x->shape.dim[k];
			}
			text_add(&t, "[");
			for (int k = 0; k < x->shape.ndim; k++)
				text_fmt(&t, k ? ", %" PRId64 : "%" PRId64, index[k]);
			text_fmt(&t, "]: gradient %.9g, differences %.9g\n", got, want);
			status = 1;
		} else {
			text_fmt(&t, ": agrees with central differences within %g + %g * |value|\n", atol, rtol);
		}
	}
	return text_print(&t, err) ? -1 : status;
}

static int run(struct grad *g, int npos, const char **pos, int nout, const char *const *outputs, struct error *err)
{
	const char *path = record_path(g->c);
	int ret;

	if (!path)
		return error_set(err, ERR_USAGE, "which graph? name it with --graph FILE or TENSOR_GRAPH");
	if (access(path, F_OK))
		return error_errno(err, ERR_FILE, "%s", path);
	if (common_apply(g->c, err) ||
	    (!g->c->record && g->c->common.dry && (g->c->common.dry = false, record_open(g->c, err))))
		return -1;
	g->c->graph->tracing = TRACE_OFF;
	g->h.c = g->c;
	g->h.doc = record_doc(g->c);
	if (!npos && !stdin_is_pipe(g->c))
		return error_set(err, ERR_USAGE, "LOSS is missing");
	if (history_find(&g->h, npos ? pos[0] : "-", &g->loss, err))
		return -1;
	for (int i = 1; i < npos; i++) {
		int64_t id;

		if (history_find(&g->h, pos[i], &id, err) || add_target(g, pos[i], id, err))
			return -1;
	}
	if (g->n && nout > 1 && nout != g->n)
		return error_set(err, ERR_USAGE, "%d -o for %d gradients", nout, g->n);
	if (g->check) {
		/* Both sides in float64, whatever the files hold. */
		g->h.wide = true;
		if (nout)
			return error_set(err, ERR_USAGE, "--check prints a report; -o does not go with it");
	}
	bool named = g->n > 0;

	if (build(g, npos ? pos[0] : "standard input", err))
		return -1;
	if (g->check)
		return check(g, err);
	if (!named && !nout)
		for (int i = 0; i < g->n; i++)
			if (!(g->target[i].output = default_output(g, g->target[i].leaf, err)))
				return -1;
	if (nout > 1 && nout != g->n)
		return error_set(err, ERR_USAGE, "%d -o for %d gradients", nout, g->n);
	if (!nout && named && g->n > 1)
		return error_set(err, ERR_USAGE, "%d gradients: name a file for each with -o, or one .npz", g->n);
	ret = write_all(g, nout, outputs, err);
	return ret;
}

int cmd_grad(struct cli *c, int argc, const char **argv, struct error *err)
{
	struct grad g = { .c = c };
	struct opt opts[MAX_OPTS] = {
		{ "grad-output", 0, "OPERAND", &g.grad_output, "weights of the elements of LOSS, of its shape", false },
		{ "accumulate", 0, NULL, &g.accumulate, "add to the file that is there, as .backward() does", false },
		{ "allow-unused", 0, NULL, &g.allow_unused, "zeros for what LOSS does not depend on", false },
		{ "create-graph", 0, NULL, &g.create_graph, "record the backward pass, so that it has gradients, too",
		  false },
		{ "recompute", 0, NULL, &g.recompute,
		  "compute values again from the leaves, also those that ops in place have changed", false },
		{ "check", 0, NULL, &g.check,
		  "compare with central differences in float64; status 1 where they disagree", false },
	};
	const char **outputs = calloc((size_t)argc + 1, sizeof(*outputs));
	int n, kept, nout, ret = -1;

	if (!outputs)
		return error_memory(err, (size_t)argc * sizeof(*outputs));
	opts_common(opts, &c->common, true, true);
	kept = opts_outputs(argc, argv, outputs, &nout, err);
	n = kept < 0 ? -1 : opts_parse(kept, argv, opts, NULL, NULL, err);
	if (n >= 0 && c->common.help)
		ret = usage_print(
			c->command, opts,
			"Gradients of LOSS with respect to each WRT, from the graph that recorded them.  Without WRT: of every\n"
			"leaf that requires grad, into NAME.grad.npy beside it.\n",
			err);
	else if (n >= 0)
		ret = run(&g, n, argv, nout, outputs, err);
	for (int i = 0; i < g.n; i++)
		free(g.target[i].output);
	free(g.target);
	history_release(&g.h);
	free(outputs);
	return ret;
}
