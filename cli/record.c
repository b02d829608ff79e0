/* Recording: what the ops of a command were applied to, and what came of it, as nodes of a graph document. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "formats/graphdoc.h"
#include "lib/gradient.h"
#include "lib/hash.h"

/* A leaf that the document does not know yet. */
struct origin {
	struct node *node;
	char *out;     /* as the document spells it, or NULL */
	char *literal; /* or the text that it was made from */
	struct gfile facts;
};

struct record {
	struct graphdoc *doc;
	int n;
	struct origin *origins;
};

const char *record_path(const struct cli *c)
{
	const char *path = c->common.graph ? c->common.graph : getenv("TENSOR_GRAPH");

	return path && *path ? path : NULL;
}

struct graphdoc *record_doc(const struct cli *c)
{
	return c->record ? c->record->doc : NULL;
}

int record_open(struct cli *c, struct error *err)
{
	const char *path = record_path(c);

	if (c->record)
		return 0;
	if (!path) {
		if (c->common.requires_grad)
			return error_set(
				err, ERR_USAGE,
				"--requires-grad is recorded in a graph: name one with --graph FILE or TENSOR_GRAPH");
		if (c->common.save)
			return error_set(err, ERR_USAGE,
					 "--save keeps values for a graph: name one with --graph FILE or TENSOR_GRAPH");
		return 0;
	}
	if (c->common.dry)
		return 0;
	c->record = calloc(1, sizeof(*c->record));
	if (!c->record)
		return error_memory(err, sizeof(*c->record));
	if (graphdoc_open(&c->record->doc, path, true, err))
		return -1;
	if (graphdoc_warning(c->record->doc) && !c->common.quiet)
		say(c, "%s: %s", path, graphdoc_warning(c->record->doc));
	c->graph->tracing = TRACE_OPS;
	return 0;
}

void record_close(struct cli *c)
{
	if (!c->record)
		return;
	for (int i = 0; i < c->record->n; i++) {
		free(c->record->origins[i].out);
		free(c->record->origins[i].literal);
	}
	free(c->record->origins);
	graphdoc_close(c->record->doc);
	free(c->record);
	c->record = NULL;
}

static struct origin *add_origin(struct record *r, struct node *x, struct error *err)
{
	struct origin *o = realloc(r->origins, (size_t)(r->n + 1) * sizeof(*o));

	if (!o) {
		error_memory(err, sizeof(*o));
		return NULL;
	}
	r->origins = o;
	o += r->n++;
	memset(o, 0, sizeof(*o));
	o->node = x;
	return o;
}

static struct origin *find_origin(const struct record *r, const struct node *x)
{
	for (int i = 0; i < r->n; i++)
		if (r->origins[i].node == x)
			return &r->origins[i];
	return NULL;
}

int record_literal(struct cli *c, struct node *x, const char *text, struct error *err)
{
	struct origin *o;

	/* What is longer than a page can be kept in a file. */
	if (!c->record || strlen(text) > 4096)
		return 0;
	o = add_origin(c->record, x, err);
	if (!o)
		return -1;
	o->literal = strdup(text);
	return o->literal ? 0 : error_memory(err, strlen(text));
}

/* == what is known of files == */

struct hash_sink {
	struct sink sink;
	struct array_hasher hasher;
	int64_t itemsize;
};

static int hash_tile(struct sink *s, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct hash_sink *h = (struct hash_sink *)s;

	return array_hash_add(&h->hasher, elements, start * h->itemsize, n * h->itemsize, err);
}

static bool stat_facts(const char *path, struct gfile *facts)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	facts->size = st.st_size;
	facts->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	facts->dev = (int64_t)st.st_dev;
	facts->ino = (int64_t)st.st_ino;
	return true;
}

int hash_node(struct node *x, struct gfile *facts, struct error *err)
{
	struct hash_sink h = { .sink = { hash_tile, true }, .itemsize = (int64_t)dtype_size(x->dtype) };
	int ret;

	if (array_hash_init(&h.hasher, x->dtype, &x->shape, err))
		return -1;
	ret = engine_run(x, &h.sink, err);
	facts->xxh3 = array_hash_digest(&h.hasher);
	facts->known = !ret;
	return ret;
}

static int hash_array(struct file *f, int member, struct gfile *facts, struct error *err)
{
	struct array a = { 0 };
	struct graph *g;
	struct node *x;
	int ret = -1;

	if (file_array(f, member, &a, err))
		return -1;
	g = graph_new(err);
	if (!g) {
		array_release(&a);
		return -1;
	}
	x = node_leaf(g, &a, NULL, err);
	if (x)
		ret = hash_node(x, facts, err);
	graph_free(g);
	return ret;
}

int hash_place(const char *path, const char *key, struct gfile *facts, struct error *err)
{
	static const struct format_options none;
	struct file *f;
	int i, ret = -1;

	memset(facts, 0, sizeof(*facts));
	stat_facts(path, facts);
	if (file_open(&f, path, &none, err))
		return -1;
	i = file_find(f, key, err);
	if (i >= 0)
		ret = hash_array(f, i, facts, err);
	file_close(f);
	return ret;
}

/* Nothing about the file has changed that a look at its directory entry would show: gradients look closer. */
static bool same_stat(const struct gfile *a, const struct gfile *b)
{
	return a->known && a->size == b->size && a->mtime_ns == b->mtime_ns && a->dev == b->dev && a->ino == b->ino;
}

static char *spell(struct cli *c, const char *path, const char *key, struct error *err)
{
	char *base = graphdoc_spell(c->record->doc, path, err), *all;

	if (!base || !key)
		return base;
	all = malloc(strlen(base) + strlen(key) + 2);
	if (all)
		sprintf(all, "%s:%s", base, key);
	else
		error_memory(err, strlen(key));
	free(base);
	return all;
}

static void take(struct node *x, const struct gnode *n)
{
	x->recorded = n->id + 1;
	x->requires_grad = n->requires_grad;
}

/* The node that a tag names; 1 if x is it, 0 if it is of another graph, or there is none. */
static int take_tag(struct cli *c, struct node *x, const char *name, const char *tag, struct error *err)
{
	const struct gnode *n;
	char g[16];
	long long id;

	if (sscanf(tag, "tensor: g=%15s node=%lld", g, &id) != 2)
		return 0;
	if (strcmp(g, graphdoc_id(c->record->doc))) {
		if (!c->common.quiet)
			say(c, "%s: it comes from another graph (%s) and counts as a constant in %s", name, g,
			    graphdoc_path(c->record->doc));
		return 0;
	}
	if (graphdoc_node(c->record->doc, id, &n, err)) {
		/* the stage before is of this graph, and recorded its node before it wrote the header */
		if (graphdoc_refresh(c->record->doc, err) || graphdoc_node(c->record->doc, id, &n, err))
			return -1;
	}
	if (n->dtype != x->dtype || !shape_equal(&n->shape, &x->shape))
		return error_set(err, ERR_VALUE, "%s: is not what node %lld of %s describes", name, id,
				 graphdoc_path(c->record->doc));
	take(x, n);
	return 1;
}

static int changed(const char *path, const struct gnode *n, struct error *err)
{
	return error_set(err, ERR_VALUE,
			 "%s changed on disk since node %" PRId64
			 " (%s); 'tensor graph require %s' takes it as it is now",
			 path, n->id, n->op, path);
}

int record_leaf(struct cli *c, struct node *x, const char *path, const char *key, const char *tag, struct error *err)
{
	const struct gnode *n = NULL;
	struct gfile now = { 0 };
	struct origin *o;
	char link[4096], *out;
	int found;

	if (!c->record)
		return 0;
	if (!strcmp(path, "-")) {
		ssize_t len = readlink("/proc/self/fd/0", link, sizeof(link) - 1);

		link[len < 0 ? 0 : len] = '\0';
		path = len > 0 && *link == '/' ? link : path;
	}
	if (!stat_facts(path, &now)) {
		found = take_tag(c, x, x->label ? x->label : path, tag, err);
		return found < 0 ? -1 : 0;
	}
	out = spell(c, path, key, err);
	if (!out)
		return -1;
	found = graphdoc_newest(c->record->doc, out, &n, err);
	if (found < 0)
		goto fail;
	if (found && !same_stat(&n->file, &now) && hash_place(path, key, &now, err))
		goto fail;
	if (found && (same_stat(&n->file, &now) || (now.known && n->file.known && now.xxh3 == n->file.xxh3)) &&
	    n->dtype == x->dtype && shape_equal(&n->shape, &x->shape)) {
		take(x, n);
		free(out);
		return 0;
	}
	if (!found && *tag) {
		found = take_tag(c, x, path, tag, err);
		if (found < 0)
			goto fail;
		if (found) {
			if (hash_place(path, key, &now, err) || graphdoc_node(c->record->doc, x->recorded - 1, &n, err))
				goto fail;
			if (n->file.known && n->file.xxh3 != now.xxh3) {
				changed(path, n, err);
				goto fail;
			}
			free(out);
			return 0;
		}
	} else if (found && n->requires_grad && !c->common.no_grad) {
		changed(path, n, err);
		goto fail;
	}
	if (!now.known && hash_place(path, key, &now, err))
		goto fail;
	o = add_origin(c->record, x, err);
	if (!o)
		goto fail;
	o->out = out;
	o->facts = now;
	return 0;
fail:
	free(out);
	return -1;
}

/* == nodes of the document == */

struct batch {
	struct cli *c;
	struct gnode *nodes;
	int n, room;
	int64_t next;
};

static struct gnode *add_node(struct batch *b, const char *op, const struct node *x, struct error *err)
{
	struct gnode *n;

	if (b->n == b->room) {
		int room = b->room ? 2 * b->room : 16;

		n = realloc(b->nodes, (size_t)room * sizeof(*n));
		if (!n) {
			error_memory(err, (size_t)room * sizeof(*n));
			return NULL;
		}
		b->nodes = n;
		b->room = room;
	}
	n = &b->nodes[b->n];
	memset(n, 0, sizeof(*n));
	n->id = b->next;
	n->alias = -1;
	n->dtype = x->dtype;
	n->shape = x->shape;
	n->op = strdup(op);
	if (!n->op) {
		error_memory(err, strlen(op));
		return NULL;
	}
	b->n++;
	b->next++;
	return n;
}

static void batch_release(struct batch *b)
{
	for (int i = 0; i < b->n; i++)
		gnode_release(&b->nodes[i]);
	free(b->nodes);
}

static int add_attr(struct gnode *n, const char *name, const char *text, const struct gref *ref, struct error *err)
{
	struct gattr *a = realloc(n->attrs, (size_t)(n->nattrs + 1) * sizeof(*a));

	if (!a)
		return error_memory(err, sizeof(*a));
	n->attrs = a;
	a += n->nattrs++;
	memset(a, 0, sizeof(*a));
	a->name = strdup(name);
	a->text = text ? strdup(text) : NULL;
	if (ref)
		a->ref = *ref;
	else
		a->ref.id = -1;
	return a->name && (a->text || !text) ? 0 : error_memory(err, strlen(name));
}

/* A leaf of this command: a file, a literal, or what came through a pipe without a history. */
static int add_leaf(struct batch *b, struct node *x, struct error *err)
{
	struct origin *o = find_origin(b->c->record, x);
	bool constant = x->kind == NODE_CONST;
	struct gnode *n = add_node(b, o && o->literal ? "array" : constant ? "full" : "leaf", x, err);
	char shape[SHAPE_TEXT];

	if (!n)
		return -1;
	if (constant && (add_attr(n, "shape", shape_text(&x->shape, shape, sizeof(shape)), NULL, err) ||
			 add_attr(n, "value", NULL, &(struct gref){ -1, x->scalar }, err) ||
			 add_attr(n, "dtype", dtype_name(x->dtype), NULL, err)))
		return -1;
	if (o && o->literal &&
	    (add_attr(n, "value", o->literal, NULL, err) || add_attr(n, "dtype", dtype_name(x->dtype), NULL, err)))
		return -1;
	if (o && o->out) {
		if (!(n->out = strdup(o->out)))
			return error_memory(err, strlen(o->out));
		n->file = o->facts;
	}
	x->recorded = n->id + 1;
	x->requires_grad = false;
	return 0;
}

static int reference(struct batch *b, struct node *x, struct gref *ref, struct error *err)
{
	*ref = (struct gref){ .id = -1 };
	if (x->weak) {
		ref->num = x->scalar;
		return 0;
	}
	if (!x->recorded && add_leaf(b, x, err))
		return -1;
	ref->id = x->recorded - 1;
	return 0;
}

static bool inexact(enum dtype d)
{
	return dtype_is_float(d) || dtype_is_complex(d);
}

static int add_step(struct batch *b, const struct step *s, struct error *err)
{
	struct gref *in = calloc((size_t)s->nin + 1, sizeof(*in));
	bool grad = false, cut = s->cut || b->c->common.no_grad;
	struct gref refs[MAX_ATTRS];
	struct gnode *n;

	if (!in)
		return error_memory(err, (size_t)s->nin * sizeof(*in));
	/* Leaves come before the node that reads them. */
	for (int i = 0; i < s->nin; i++) {
		if (reference(b, s->in[i], &in[i], err))
			goto fail;
		grad |= s->in[i]->requires_grad;
	}
	for (int i = 0; i < s->nattrs; i++)
		if (s->attrs[i].type == ATTR_OPERAND && s->attrs[i].given && s->attrs[i].node) {
			if (reference(b, s->attrs[i].node, &refs[i], err))
				goto fail;
			grad |= s->attrs[i].node->requires_grad;
		}
	n = add_node(b, s->name, s->out[0], err);
	if (!n)
		goto fail;
	n->in = in;
	n->nin = s->nin;
	n->cut = cut;
	n->requires_grad = grad && !cut && inexact(n->dtype);
	for (int i = 0; i < s->nattrs; i++) {
		const struct attr *a = &s->attrs[i];

		if (!a->given)
			continue;
		bool operand = a->type == ATTR_OPERAND && a->node;
		if (add_attr(n, a->name, operand ? NULL : attr_text(a), operand ? &refs[i] : NULL, err))
			return -1;
	}
	int64_t id = n->id;
	for (int k = 0; k < s->nout; k++) {
		struct node *x = s->out[k];
		char text[24];

		if (k) {
			struct gnode *out = add_node(b, "output", x, err);

			snprintf(text, sizeof(text), "%d", k);
			if (!out || !(out->in = calloc(1, sizeof(*out->in))) || add_attr(out, "index", text, NULL, err))
				return error_memory(err, 1);
			out->nin = 1;
			out->in[0].id = id;
			out->requires_grad = grad && !cut && inexact(x->dtype);
			out->cut = cut;
		}
		if (x->step == s && !x->recorded) {
			x->recorded = b->next;
			x->requires_grad = grad && !cut && inexact(x->dtype);
		}
	}
	return 0;
fail:
	free(in);
	return -1;
}

/* Mark the steps that x needs and the document does not have. */
static void want(struct node *x)
{
	struct step *s = x->recorded ? NULL : x->step;

	if (!s || s->wanted)
		return;
	s->wanted = true;
	for (int i = 0; i < s->nin; i++)
		want(s->in[i]);
	for (int i = 0; i < s->nattrs; i++)
		if (s->attrs[i].node)
			want(s->attrs[i].node);
}

static int add_steps(struct batch *b, struct error *err)
{
	struct graph *g = b->c->graph;

	for (int i = 0; i < g->nsteps; i++)
		if (g->steps[i]->wanted) {
			g->steps[i]->wanted = false;
			if (add_step(b, g->steps[i], err))
				return -1;
		}
	return 0;
}

/* The node that result x is called in the document: a new one, so that its file belongs to it alone. */
static struct gnode *result_node(struct batch *b, struct node *x, int64_t first, struct error *err)
{
	struct gnode *n;

	if (x->recorded > first) {
		n = &b->nodes[x->recorded - 1 - first];
		if (!n->out)
			return n;
	} else if (!x->recorded && !x->weak) {
		struct origin *o = find_origin(b->c->record, x);

		if (!o || o->literal)
			return add_leaf(b, x, err) ? NULL : &b->nodes[b->n - 1];
	}
	struct gref *in = calloc(1, sizeof(*in));

	if (!in || reference(b, x, in, err) || !(n = add_node(b, "clone", x, err))) {
		free(in);
		if (!err->code)
			error_memory(err, sizeof(*in));
		return NULL;
	}
	n->in = in;
	n->nin = 1;
	n->cut = b->c->common.no_grad;
	n->requires_grad = x->requires_grad && !n->cut;
	return n;
}

char *record_saves(const struct cli *c, struct error *err)
{
	const char *doc = graphdoc_path(c->record->doc);
	char *pattern = malloc(strlen(doc) + 16);

	if (!pattern) {
		error_memory(err, strlen(doc));
		return NULL;
	}
	sprintf(pattern, "%s.d", doc);
	if (mkdir(pattern, 0777) && errno != EEXIST) {
		error_errno(err, ERR_RESOURCE, "%s", pattern);
		free(pattern);
		return NULL;
	}
	strcat(pattern, "/{}.npy");
	return pattern;
}

static int spell_output(struct cli *c, struct gnode *g, const char *path, struct error *err)
{
	char number[24], *numbered = NULL;

	snprintf(number, sizeof(number), "%" PRId64, g->id);
	if (c->common.save && text_ends(path, ".d/{}.npy") && !(numbered = output_numbered(path, number)))
		return error_memory(err, strlen(path));
	g->out = spell(c, numbered ? numbered : path, NULL, err);
	free(numbered);
	return g->out ? 0 : -1;
}

int record_results(struct cli *c, int n, struct node *const x[], const char *const paths[], const struct gfile facts[],
		   int64_t ids[], struct error *err)
{
	struct batch b = { .c = c };
	int64_t first;
	int ret = -1;

	if (!c->record)
		return 0;
	for (int i = 0; i < n; i++)
		want(x[i]);
	if (graphdoc_lock(c->record->doc, err))
		return -1;
	first = b.next = graphdoc_next(c->record->doc);
	if (add_steps(&b, err))
		goto done;
	for (int i = 0; i < n; i++) {
		struct gnode *g = result_node(&b, x[i], first, err);

		if (!g)
			goto done;
		if (c->common.requires_grad) {
			if (!inexact(g->dtype)) {
				error_set(
					err, ERR_VALUE,
					"only Tensors of floating point and complex dtype can require gradients, not %s",
					dtype_name(g->dtype));
				goto done;
			}
			g->requires_grad = x[i]->requires_grad = true;
		}
		if (paths && paths[i] && spell_output(c, g, paths[i], err))
			goto done;
		if (facts)
			g->file = facts[i];
		ids[i] = g->id;
		x[i]->recorded = g->id + 1;
	}
	ret = graphdoc_append(c->record->doc, b.n, b.nodes, err);
done:
	graphdoc_unlock(c->record->doc);
	batch_release(&b);
	return ret;
}

int record_amend(struct cli *c, int64_t id, const struct gfile *facts, struct error *err)
{
	return c->record ? graphdoc_amend(c->record->doc, id, facts, err) : 0;
}

void record_tag(const struct cli *c, const struct node *x, char *buf, size_t size)
{
	snprintf(buf, size, "tensor: g=%s node=%" PRId64 " v=0 rg=%d", graphdoc_id(c->record->doc), x->recorded - 1,
		 x->requires_grad);
}

/* == in place == */

int record_may_write(struct cli *c, const struct node *target, const char *name, struct error *err)
{
	const struct node *leaf = target->kind == NODE_VIEW ? target->in[0] : target;
	const struct gnode *n;
	bool view = leaf != target;

	if (!c->record || !leaf->recorded || !leaf->requires_grad || c->common.no_grad)
		return 0;
	if (graphdoc_node(c->record->doc, leaf->recorded - 1, &n, err))
		return -1;
	/* What lies in the file of another tensor is a view of it. */
	while (n->out && !gnode_is_leaf(n) && n->in[0].id >= 0 &&
	       (strstr(n->out, ".view.json") || strstr(n->out, ".dump.json"))) {
		view = true;
		if (graphdoc_node(c->record->doc, n->in[0].id, &n, err))
			return -1;
	}
	if (!gnode_is_leaf(n) || !n->requires_grad)
		return 0;
	return error_set(err, ERR_VALUE,
			 "%s: %sa leaf Variable that requires grad is being used in an in-place operation. "
			 "(--no-grad writes it without recording gradients)",
			 name, view ? "a view of " : "");
}

int record_in_place(struct cli *c, struct node *target, const char *slice, struct node *y, const char *name,
		    int64_t *id, struct error *err)
{
	struct node *leaf = target->kind == NODE_VIEW ? target->in[0] : target;
	struct batch b = { .c = c };
	const struct gnode *old = NULL;
	struct gref in[2];
	struct gnode *n;
	bool direct = !slice && y->step && y->step->nin && y->step->in[0] == leaf && !y->recorded;
	char inplace[80];
	int ret = -1;

	if (!c->record)
		return 0;
	want(y);
	if (graphdoc_lock(c->record->doc, err))
		return -1;
	b.next = graphdoc_next(c->record->doc);
	if (add_steps(&b, err) || reference(&b, leaf, &in[0], err) || reference(&b, y, &in[1], err))
		goto done;
	if (leaf->recorded <= graphdoc_next(c->record->doc) &&
	    graphdoc_node(c->record->doc, leaf->recorded - 1, &old, err))
		goto done;
	if (!old)
		for (int i = 0; i < b.n; i++)
			if (b.nodes[i].id == leaf->recorded - 1)
				old = &b.nodes[i];
	if (direct && y->recorded == b.next) {
		/* The op itself is the new version. */
		n = &b.nodes[b.n - 1];
		snprintf(inplace, sizeof(inplace), "%s", name);
		free(n->op);
		n->op = strdup(inplace);
	} else {
		n = add_node(&b, slice ? "slice_scatter_" : "copy_", leaf, err);
		if (!n || !(n->in = calloc(2, sizeof(*n->in)))) {
			error_memory(err, sizeof(in));
			goto done;
		}
		n->nin = 2;
		memcpy(n->in, in, sizeof(in));
		if (slice && add_attr(n, "slice", slice, NULL, err))
			goto done;
		n->cut = c->common.no_grad;
		n->requires_grad = !n->cut && (leaf->requires_grad || y->requires_grad);
		/* adding nodes may have moved the old one */
		for (int i = 0; i < b.n; i++)
			if (b.nodes[i].id == leaf->recorded - 1)
				old = &b.nodes[i];
	}
	if (!n->op || !old || !old->out || !(n->out = strdup(old->out))) {
		if (!old || !old->out)
			error_set(err, ERR_VALUE, "%s: the file has no name in the graph", name);
		else
			error_memory(err, 1);
		goto done;
	}
	n->alias = old->id;
	n->version = old->version + 1;
	/* A parameter that is updated without gradients is still one; a result is still what it was to gradients. */
	if (n->cut) {
		n->requires_grad = leaf->requires_grad;
		n->pass = old->requires_grad && !gnode_is_leaf(old);
	}
	*id = n->id;
	ret = graphdoc_append(c->record->doc, b.n, b.nodes, err);
done:
	graphdoc_unlock(c->record->doc);
	batch_release(&b);
	return ret;
}
