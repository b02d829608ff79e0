/* Recorded nodes as nodes of a graph again: see history.h. */
#include "cli/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/json.h"

char *history_file(const struct history *h, const struct gnode *n, struct error *err)
{
	return graphdoc_resolve(h->doc, n->out, err);
}

static int changed(const struct gnode *n, struct error *err)
{
	return error_set(err, ERR_VALUE,
			 "%s changed on disk since node %" PRId64
			 " (%s); 'tensor graph require %s' takes it as it is now",
			 n->out, n->id, n->op, n->out);
}

/* Does the file still hold what was recorded?  Values are read: times of files prove nothing. */
static int verify(const struct history *h, const struct gnode *n, struct error *err)
{
	char *path = history_file(h, n, err);
	struct gfile now;
	struct place p;
	int ret;

	if (!path)
		return -1;
	place_split(&p, path);
	ret = p.path ? hash_place(p.path, p.key, &now, err) : error_memory(err, strlen(path));
	place_release(&p);
	free(path);
	if (ret)
		return -1;
	if (!n->file.known)
		return error_set(err, ERR_VALUE, "%s: the command that made it (node %" PRId64 ", %s) did not finish",
				 n->out, n->id, n->op);
	return now.xxh3 == n->file.xxh3 ? 0 : changed(n, err);
}

int history_newest(const struct history *h, const char *name, const struct gnode **out, struct error *err)
{
	struct place p;
	char *base, *spelled;
	int found;

	place_split(&p, name);
	if (!p.path)
		return error_memory(err, strlen(name));
	if (p.slice) {
		place_release(&p);
		return error_set(err, ERR_USAGE, "%s: name the whole array, without a slice", name);
	}
	base = graphdoc_spell(h->doc, p.path, err);
	spelled = base ? malloc(strlen(base) + (p.key ? strlen(p.key) : 0) + 2) : NULL;
	if (spelled)
		sprintf(spelled, "%s%s%s", base, p.key ? ":" : "", p.key ? p.key : "");
	else if (base)
		error_memory(err, strlen(base));
	found = spelled ? graphdoc_newest(h->doc, spelled, out, err) : -1;
	free(base);
	free(spelled);
	place_release(&p);
	return found;
}

int history_find(struct history *h, const char *operand, int64_t *id, struct error *err)
{
	const struct gnode *n;
	int found;

	if (is_stdin(operand)) {
		/* The tag says which node it is; the values are read so that the stage before can end. */
		struct node *x = stdin_node(h->c, NULL, NULL, err);

		if (!x || stdin_settle(h->c, err))
			return -1;
		if (!x->recorded)
			return error_set(err, ERR_VALUE,
					 "standard input: its history is not in %s: record it with "
					 "TENSOR_GRAPH set for the whole pipeline",
					 graphdoc_path(h->doc));
		*id = x->recorded - 1;
		return 0;
	}
	found = history_newest(h, operand, &n, err);
	if (!found) {
		struct place p;
		struct stat st;

		found = -1;
		place_split(&p, operand);
		if (!p.path || stat(p.path, &st))
			error_errno(err, ERR_FILE, "%s", operand);
		else
			error_set(err, ERR_VALUE,
				  "%s is not in the graph %s: it was made without --graph or TENSOR_GRAPH", operand,
				  graphdoc_path(h->doc));
		place_release(&p);
	} else if (found > 0) {
		*id = n->id;
		found = verify(h, n, err) ? -1 : 0;
	}
	return found;
}

struct past *history_past(const struct history *h, int64_t id)
{
	int low = 0, high = h->n;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (h->past[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < h->n && h->past[low].id == id ? &h->past[low] : NULL;
}

/* == what is needed == */

/* A heap of ids, the largest on top. */
struct heap {
	int64_t *id;
	int n, room;
};

static int heap_push(struct heap *q, int64_t id, struct error *err)
{
	int i = q->n;

	if (q->n == q->room) {
		int room = q->room ? 2 * q->room : 64;
		int64_t *p = realloc(q->id, (size_t)room * sizeof(*p));

		if (!p)
			return error_memory(err, (size_t)room * sizeof(*p));
		q->id = p;
		q->room = room;
	}
	q->id[q->n++] = id;
	for (; i && q->id[(i - 1) / 2] < q->id[i]; i = (i - 1) / 2) {
		int64_t t = q->id[i];

		q->id[i] = q->id[(i - 1) / 2];
		q->id[(i - 1) / 2] = t;
	}
	return 0;
}

static int64_t heap_pop(struct heap *q)
{
	int64_t top = q->id[0];

	q->id[0] = q->id[--q->n];
	for (int i = 0;;) {
		int big = 2 * i + 1;

		if (big + 1 < q->n && q->id[big + 1] > q->id[big])
			big++;
		if (big >= q->n || q->id[big] <= q->id[i])
			return top;
		int64_t t = q->id[i];
		q->id[i] = q->id[big];
		q->id[big] = t;
		i = big;
	}
}

static int find_state(struct history *h, struct past *p, struct error *err)
{
	const struct gnode *n = p->n, *newest;
	struct stat st;
	struct place place;
	char *path;
	int found;

	p->state = PAST_PIPED;
	if (!n->out)
		return 0;
	found = graphdoc_newest(h->doc, n->out, &newest, err);
	if (found < 0)
		return -1;
	if (found && newest->id != n->id) {
		p->by = newest->id;
		p->state = PAST_OVERWRITTEN;
		/* Is it an older version of the same file?  The first op in place after it is the one to name. */
		for (const struct gnode *v = newest; v->alias >= n->id;) {
			p->by = v->id;
			if (v->alias == n->id) {
				p->state = PAST_IN_PLACE;
				break;
			}
			if (graphdoc_node(h->doc, v->alias, &v, err))
				return -1;
		}
		return 0;
	}
	path = history_file(h, n, err);
	if (!path)
		return -1;
	place_split(&place, path);
	p->state = place.path && !stat(place.path, &st) ? PAST_HERE : PAST_MISSING;
	place_release(&place);
	free(path);
	return 0;
}

static struct node *set_node(const struct history *h, int64_t id)
{
	for (int i = 0; i < h->nset; i++)
		if (h->set[i].id == id)
			return h->set[i].node;
	return NULL;
}

int history_collect(struct history *h, int n, const int64_t roots[], bool gradients, struct error *err)
{
	struct heap q = { 0 };
	int64_t last = -1;
	int ret = -1;

	for (int i = 0; i < n; i++)
		if (heap_push(&q, roots[i], err))
			goto done;
	while (q.n) {
		int64_t id = heap_pop(&q);
		struct past *p;

		if (id == last)
			continue;
		last = id;
		if (h->n == h->room) {
			int room = h->room ? 2 * h->room : 64;

			p = realloc(h->past, (size_t)room * sizeof(*p));
			if (!p) {
				error_memory(err, (size_t)room * sizeof(*p));
				goto done;
			}
			h->past = p;
			h->room = room;
		}
		p = &h->past[h->n++];
		memset(p, 0, sizeof(*p));
		p->id = id;
		if (graphdoc_node(h->doc, id, &p->n, err) || find_state(h, p, err))
			goto done;

		const struct gnode *g = p->n;
		bool leaf = gnode_is_leaf(g) && (h->shallow || !g->cut || p->state == PAST_HERE);
		bool file = p->state == PAST_HERE && !(h->recompute && g->nin);

		p->flows = gradients && g->requires_grad && (!g->cut || g->pass) && g->nin > 0;
		if (set_node(h, id) || (leaf && (g->nin == 0 || h->shallow)) || (!p->flows && file))
			continue;
		p->expanded = true;
		for (int i = 0; i < g->nin; i++)
			if (g->in[i].id >= 0 && heap_push(&q, g->in[i].id, err))
				goto done;
		for (int i = 0; i < g->nattrs; i++)
			if (!g->attrs[i].text && g->attrs[i].ref.id >= 0 && heap_push(&q, g->attrs[i].ref.id, err))
				goto done;
	}
	for (int i = 0; i < h->n / 2; i++) {
		struct past t = h->past[i];

		h->past[i] = h->past[h->n - 1 - i];
		h->past[h->n - 1 - i] = t;
	}
	ret = 0;
done:
	free(q.id);
	return ret;
}

/* == building == */

/* An array whose values cannot be had: only its shape and type are known. */
static int not_there(const struct node *x, const void *const in[], void *out, struct error *err)
{
	(void)x;
	(void)in;
	(void)out;
	return error_set(err, ERR_VALUE, "values that are needed were not kept");
}

/* Why the values of a node cannot be had. */
static int lost(struct history *h, const struct past *p, struct error *err)
{
	const struct gnode *n = p->n, *by;

	if ((p->state == PAST_OVERWRITTEN || p->state == PAST_IN_PLACE) && graphdoc_node(h->doc, p->by, &by, err))
		return -1;
	if (p->state == PAST_MISSING)
		return error_set(err, ERR_VALUE, "%s: the file of node %" PRId64 " (%s) is gone, and it is needed",
				 n->out, n->id, n->op);
	if (p->state == PAST_PIPED)
		return error_set(err, ERR_VALUE,
				 "the values of node %" PRId64
				 " (%s) came through a pipe and were not kept: --save keeps "
				 "them, or a file with -o",
				 n->id, n->op);
	return error_set(err, ERR_VALUE,
			 "%s: node %" PRId64 " (%s%s) has overwritten the values of node %" PRId64
			 " (%s), and they are needed: keep a copy under another name",
			 n->out, p->by, by->op, p->state == PAST_IN_PLACE ? ", in place" : "", n->id, n->op);
}

static struct node *from_file(struct history *h, const struct past *p, struct error *err)
{
	char *path = history_file(h, p->n, err);
	struct node *x = NULL;
	struct place place;
	struct file *f;
	int i;

	if (!path)
		return NULL;
	place_split(&place, path);
	if (!place.path)
		error_memory(err, strlen(path));
	else if ((f = operand_open(h->c, place.path, NULL, err)) && (i = place_member(&place, f, err)) >= 0)
		x = file_node(h->c, f, i, p->n->out, err);
	place_release(&place);
	free(path);
	if (x && (x->dtype != p->n->dtype || !shape_equal(&x->shape, &p->n->shape))) {
		changed(p->n, err);
		return NULL;
	}
	return x;
}

static struct node *widen(struct history *h, struct node *x, struct error *err)
{
	if (!x || !h->wide || x->weak)
		return x;
	if (dtype_is_float(x->dtype) && x->dtype != DT_F64)
		return node_cast(h->c->graph, x, DT_F64, err);
	if (x->dtype == DT_C64)
		return node_cast(h->c->graph, x, DT_C128, err);
	return x;
}

static struct node *reference(struct history *h, const struct gref *r, struct error *err)
{
	struct past *p = r->id >= 0 ? history_past(h, r->id) : NULL;

	if (r->id < 0)
		return node_scalar(h->c->graph, &r->num, NULL, err);
	return p->node;
}

static struct node *build_literal(struct history *h, const struct gnode *n, struct error *err)
{
	struct array a = { 0 };

	for (int i = 0; i < n->nattrs; i++)
		if (!strcmp(n->attrs[i].name, "value") && n->attrs[i].text) {
			if (json_array_parse(&a, n->attrs[i].text, strlen(n->attrs[i].text), true, n->dtype, err))
				return NULL;
			return node_leaf(h->c->graph, &a, NULL, err);
		}
	error_set(err, ERR_FILE, "%s: node %" PRId64 " has no value", graphdoc_path(h->doc), n->id);
	return NULL;
}

/* The op of a node, "add_" being add. */
static const struct op *op_of(const char *name)
{
	const struct op *op = op_find(name);
	size_t n = strlen(name);
	char base[64];

	if (op || !n || name[n - 1] != '_' || n >= sizeof(base))
		return op;
	snprintf(base, sizeof(base), "%.*s", (int)(n - 1), name);
	return op_find(base);
}

static int build_op(struct history *h, struct past *p, struct error *err)
{
	const struct gnode *n = p->n;
	const struct op *op = op_of(n->op);
	struct graph *g = h->c->graph;
	struct node **in = calloc((size_t)n->nin + 1, sizeof(*in));
	struct call c = { 0 };
	char text[64];
	int ret = -1;

	if (!in)
		return error_memory(err, (size_t)n->nin * sizeof(*in));
	if (!op) {
		error_set(err, ERR_VALUE, "%s: node %" PRId64 " is of the op '%s', which this program does not know",
			  graphdoc_path(h->doc), n->id, n->op);
		goto done;
	}
	call_init(&c, g, n->op, op, err);
	/* Preferences of the user at that time went into the dtype. */
	if (dtype_is_float(n->dtype))
		c.default_float = h->wide ? DT_F64 : n->dtype;
	if (dtype_is_int(n->dtype))
		c.default_int = n->dtype;
	for (int i = 0; i < n->nin; i++)
		if (!(in[i] = reference(h, &n->in[i], err)))
			goto done;
	for (int i = 0; i < n->nattrs; i++) {
		struct attr *a = call_find_attr(&c, n->attrs[i].name);
		const char *value = n->attrs[i].text;
		struct node *v = NULL;
		enum dtype d;

		if (!a) {
			error_set(err, ERR_VALUE, "%s: node %" PRId64 ": %s has no attribute '%s'",
				  graphdoc_path(h->doc), n->id, n->op, n->attrs[i].name);
			goto done;
		}
		if (!value && !(v = reference(h, &n->attrs[i].ref, err)))
			goto done;
		if (value && h->wide && a->type == ATTR_DTYPE && strcmp(value, "none")) {
			struct error ignored = ERROR_INIT;

			if (!dtype_parse(&d, NULL, value, &ignored) && dtype_is_float(d))
				value = "float64";
		}
		if (call_attr(&c, a, value, v, err))
			goto done;
	}
	g->tracing = p->flows && !n->cut ? TRACE_PARTS : TRACE_OFF;
	ret = call_run(&c, n->nin, in, err);
	g->tracing = TRACE_OFF;
	if (ret)
		goto done;
	p->nout = c.nout;
	p->out = graph_alloc(g, (size_t)c.nout * sizeof(*p->out), err);
	if (!p->out) {
		ret = -1;
		goto done;
	}
	memcpy(p->out, c.out, (size_t)c.nout * sizeof(*p->out));
	p->node = c.out[0];
done:
	if (ret) {
		snprintf(text, sizeof(text), "node %" PRId64 " (%.30s)", n->id, n->op);
		error_prefix(err, text);
	}
	call_release(&c);
	free(in);
	return ret;
}

/* The value comes from the file, the history stays. */
static void checkpoint(struct node *computed, struct node *leaf)
{
	struct step *s = computed->step;

	for (int i = 0; s && i < s->nout; i++)
		if (s->out[i] == computed)
			s->out[i] = leaf;
	leaf->step = s;
	computed->step = NULL;
}

/*
 * A value that gradients do not see being made.  Where something else computes the same and they see that, it is still another node.
 */
static struct node *cut_off(struct history *h, const struct past *p, struct node *x, struct error *err)
{
	struct past *before = p->n->pass ? history_past(h, p->n->alias) : NULL;
	struct graph *g = h->c->graph;
	struct node *y;

	g->tracing = TRACE_PARTS;
	y = op_apply(g, "detach", 1, &x, err);
	if (y && p->flows && before) {
		/* To gradients it is its older version. */
		struct node *same = op_apply(g, "clone", 1, &before->node, err);

		if (same)
			checkpoint(same, y);
		else
			y = NULL;
	}
	g->tracing = TRACE_OFF;
	return y;
}

static int build_one(struct history *h, struct past *p, struct error *err)
{
	const struct gnode *n = p->n;
	struct node *set = set_node(h, n->id), *leaf = NULL;
	bool file = p->state == PAST_HERE && !(h->recompute && n->nin) && !(h->wide && p->expanded);
	char text[64];

	if (set) {
		p->node = set;
	} else if (!p->expanded) {
		if (!strcmp(n->op, "array") && p->state != PAST_HERE)
			p->node = build_literal(h, n, err);
		else if (file)
			p->node = from_file(h, p, err);
		else if (n->nin == 0 && strcmp(n->op, "leaf") && op_of(n->op)) {
			if (build_op(h, p, err)) /* drawn or made again */
				return -1;
		} else
			p->node = node_block(h->c->graph, BLOCK_NONE, not_there, 0, NULL, n->dtype, &n->shape, err);
	} else if (!strcmp(n->op, "output")) {
		struct past *of = history_past(h, n->in[0].id);
		long k = n->nattrs && n->attrs[0].text ? strtol(n->attrs[0].text, NULL, 10) : -1;

		if (k < 0 || k >= of->nout)
			return error_set(err, ERR_FILE, "%s: node %" PRId64 ": node %" PRId64 " has no result %ld",
					 graphdoc_path(h->doc), n->id, of->id, k);
		p->node = of->out[k];
	} else if (build_op(h, p, err)) {
		return -1;
	}
	p->node = widen(h, p->node, err);
	/* An op that leaves everything as it is still makes another tensor. */
	if (p->node && p->node->recorded && p->flows) {
		h->c->graph->tracing = TRACE_PARTS;
		p->node = op_apply(h->c->graph, "clone", 1, &p->node, err);
		h->c->graph->tracing = TRACE_OFF;
	}
	if (p->node && p->expanded && n->cut && p->node->kind != NODE_BLOCK)
		p->node = cut_off(h, p, p->node, err);
	if (!p->node)
		return -1;
	if (!shape_equal(&p->node->shape, &n->shape) && !h->nset) {
		snprintf(text, sizeof(text), "node %" PRId64, n->id);
		error_set(err, ERR_VALUE, "%s: computed again, it has another shape", graphdoc_path(h->doc));
		error_prefix(err, text);
		return -1;
	}
	if (p->expanded && file && !p->node->recorded && p->node->step) {
		leaf = from_file(h, p, err);
		if (!leaf)
			return -1;
		checkpoint(p->node, leaf);
		if (p->out)
			p->out[0] = p->nout == 1 ? leaf : p->out[0];
		p->node = leaf;
	}
	if (!p->node->recorded) {
		p->node->recorded = n->id + 1;
		p->node->requires_grad = n->requires_grad;
	}
	p->lost = p->node->kind == NODE_BLOCK && p->node->u.block.fn == not_there;
	for (int i = 0; p->expanded && !leaf && i < n->nin; i++)
		p->lost |= n->in[i].id >= 0 && history_past(h, n->in[i].id)->lost;
	for (int i = 0; p->expanded && !leaf && i < n->nattrs; i++)
		p->lost |= !n->attrs[i].text && n->attrs[i].ref.id >= 0 && history_past(h, n->attrs[i].ref.id)->lost;
	return 0;
}

int history_build(struct history *h, struct error *err)
{
	enum tracing before = h->c->graph->tracing;
	int ret = 0;

	for (int i = 0; i < h->n && !ret; i++)
		if (!(ret = build_one(h, &h->past[i], err)))
			h->c->graph->fence = h->c->graph->n;
	h->c->graph->fence = 0;
	h->c->graph->tracing = before;
	return ret;
}

/* == are the values there? == */

static struct past *past_of(const struct history *h, const struct node *x)
{
	struct past *p = x->recorded ? history_past(h, x->recorded - 1) : NULL;

	return p && p->node == x ? p : NULL;
}

/*
 * Which node saved the values of p for its gradient: itself, if that reads the result, or one that took it.  NULL if it was only the
 * op in place that has changed them: that saves a copy in PyTorch, and here they are computed again, or cannot be had.
 */
static const struct gnode *saver(const struct history *h, const struct past *p)
{
	const struct op *op = op_of(p->n->op);

	if (p->flows && op && gradient_reads(op, -1))
		return p->n;
	for (int i = 0; i < h->n; i++) {
		const struct past *q = &h->past[i];
		int k = 0;

		if (!q->flows || q->id == p->by || !(op = op_of(q->n->op)))
			continue;
		for (; k < q->n->nin; k++)
			if (q->n->in[k].id == p->id && gradient_reads(op, k))
				return q->n;
		for (int j = 0; j < q->n->nattrs; j++)
			if (!q->n->attrs[j].text && q->n->attrs[j].ref.id == p->id)
				return q->n;
	}
	return NULL;
}

static int modified(struct history *h, const struct past *p, const struct gnode *n, struct error *err)
{
	const struct gnode *by;

	if (graphdoc_node(h->doc, p->by, &by, err))
		return -1;
	return error_set(
		err, ERR_VALUE,
		"one of the variables needed for gradient computation has been modified by an inplace operation: "
		"%s: node %" PRId64 " (%s) saved it; node %" PRId64 " (%s) wrote it (--recompute computes it again)",
		p->n->out, n->id, n->op, by->id, by->op);
}

struct stack {
	struct node **x;
	int n, room;
};

static int push(struct stack *s, struct node *x, struct error *err)
{
	if (s->n == s->room) {
		int room = s->room ? 2 * s->room : 64;
		struct node **p = realloc(s->x, (size_t)room * sizeof(*p));

		if (!p)
			return error_memory(err, (size_t)room * sizeof(*p));
		s->x = p;
		s->room = room;
	}
	s->x[s->n++] = x;
	return 0;
}

/* What is read directly by gradients was saved, in PyTorch's sense; what only serves to compute that again was not. */
static int walk(struct history *h, struct stack *todo, struct stack *saved, struct error *err)
{
	while (todo->n) {
		struct node *x = todo->x[--todo->n];
		struct past *p = past_of(h, x);

		if (x->needs)
			continue;
		x->needs = true;
		if (p && saved) {
			x->needs = false;
			if (push(saved, x, err))
				return -1;
			continue;
		}
		/* Of several reasons the one that is nearest to what is asked for. */
		if (p && p->lost && (p->n->out || !p->expanded))
			return lost(h, p, err);
		if (p && x->kind == NODE_LEAF && p->state == PAST_HERE && !set_node(h, p->id) && verify(h, p->n, err))
			return -1;
		for (int i = 0; i < x->nin; i++)
			if (push(todo, x->in[i], err))
				return -1;
	}
	return 0;
}

int history_check(struct history *h, int n, struct node *const x[], struct error *err)
{
	struct graph *g = h->c->graph;
	struct stack todo = { 0 }, saved = { 0 };
	int ret = 0;

	for (int i = 0; i < g->n; i++)
		g->nodes[i]->needs = false;
	for (int i = 0; i < n && !ret; i++)
		if (x[i])
			ret = push(&todo, x[i], err);
	ret = ret || walk(h, &todo, &saved, err);
	for (int i = 0; i < saved.n && !ret; i++) {
		struct past *p = past_of(h, saved.x[i]);

		const struct gnode *n = p->state == PAST_IN_PLACE && !h->recompute ? saver(h, p) : NULL;

		ret = n ? modified(h, p, n, err) : push(&todo, saved.x[i], err);
	}
	ret = ret || walk(h, &todo, NULL, err);
	free(todo.x);
	free(saved.x);
	return ret ? -1 : 0;
}

void history_release(struct history *h)
{
	free(h->past);
	free(h->set);
	memset(h, 0, sizeof(*h));
}
