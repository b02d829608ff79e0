/*
 * Telling what the engine would do: its passes in their order, what they read, compute and write, and the memory that this takes.
 * Goes the way of engine.c (prepare, keep, release) with sizes instead of elements.
 */
#include "plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "passes.h"
#include "quantile.h"
#include "sort.h"

static const char *const map_names[] = {
#define MAP(id, ...) #id,
#include "ops.def"
};

static const char *const reduce_names[] = {
#define REDUCE(id, ...) #id,
#include "ops.def"
};

static const char *const scan_names[NSCANS] = {
	[SCAN_SUM] = "cumulative_sum",
	[SCAN_PROD] = "cumulative_prod",
	[SCAN_MAX] = "cummax",
	[SCAN_MIN] = "cummin",
	[SCAN_LOGSUMEXP] = "logcumsumexp",
	[SCAN_ARGMAX] = "cummax indices",
	[SCAN_ARGMIN] = "cummin indices",
};

static const char *const block_names[] = {
	[BLOCK_NONE] = "a function of whole arrays",
	[BLOCK_TAKE] = "take",
	[BLOCK_ALONG] = "take_along_axis",
	[BLOCK_SCATTER] = "scatter",
	[BLOCK_PUT] = "put",
	[BLOCK_SEARCH] = "searchsorted",
	[BLOCK_SORT] = "sort",
	[BLOCK_ARGSORT] = "argsort",
	[BLOCK_LEXSORT] = "lexsort",
	[BLOCK_QUANTILE] = "quantile",
	[BLOCK_PERMUTATION] = "permutation",
	[BLOCK_MATMUL] = "matmul",
	[BLOCK_COUNT] = "count",
	[BLOCK_SELECT] = "select",
	[BLOCK_NONZERO] = "nonzero",
	[BLOCK_DISTINCT] = "unique",
};
static_assert(sizeof(block_names) / sizeof(*block_names) == NBLOCKS, "each block has a name");

static int64_t bytes_of(const struct node *x)
{
	return x->size * (int64_t)dtype_size(x->dtype);
}

/* == one pass == */

/* What is below the root of a pass; reads and ops are NULL where no text is wanted. */
struct told {
	struct text *reads, *ops;
	int pass;
	int64_t read;	/* bytes of files and streams that are not loaded */
	int64_t blocks; /* bytes for each element, in all blocks */
	int64_t strips; /* bytes for strips of transposes */
	int64_t least;	/* elements that a tile wants */
};

static void tell_read(struct told *t, const char *name, int64_t nbytes)
{
	if (t->reads)
		text_fmt(t->reads, "%s%s (%" PRId64 " bytes)", t->reads->len ? ", " : "", name, nbytes);
}

static void tell_op(struct told *t, const char *name)
{
	if (t->ops)
		text_fmt(t->ops, "%s%s", t->ops->len ? ", " : "", name);
}

/* The bytes that a pass reads of a leaf, or through a view of one. */
static int64_t touched(const struct node *x)
{
	const struct node *leaf = x->kind == NODE_LEAF ? x : x->in[0];
	int64_t first;

	if (!x->size)
		return 0;
	if (leaf->u.array.src->sequential)
		return x == leaf ? bytes_of(x) : leaf_span(leaf, &first);
	if (node_contiguous(x))
		return bytes_of(x);
	return strided_span(&x->shape, x->strides, x->offset, dtype_size(x->dtype), &first);
}

static void tell_layout(struct told *t, const struct node *x)
{
	struct layout l;
	int64_t least;

	layout_axes(&l, x);
	least = x->strip > 0 ? 0 : turned_least(&l, dtype_size(x->dtype));
	t->least = least > t->least ? least : t->least;
	t->strips += strip_bytes(x);
}

static void tell(struct told *t, struct node *x, bool root)
{
	if (x->pass == t->pass)
		return;
	x->pass = t->pass;
	t->blocks += (int64_t)dtype_size(x->dtype) * (x->kind == NODE_MAP ? 2 : 1);
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW) {
		const struct node *base = x->kind == NODE_VIEW ? x->in[0] : x;

		tell_layout(t, x);
		if (base->kind != NODE_LEAF) {
			tell_read(t, "kept", bytes_of(base));
		} else {
			bool loaded = base->value || base->planned || x->planned || base->u.array.src->data;

			tell_read(t, base->label ? base->label : "memory", touched(x));
			t->read += loaded ? 0 : touched(x);
		}
		if (x->kind == NODE_VIEW)
			tell_op(t, "view");
		return;
	}
	if (!root && (x->value || x->planned || is_barrier(x))) {
		tell_read(t, "kept", bytes_of(x));
		return;
	}
	for (int i = 0; i < x->nin; i++) {
		struct node *in = x->in[i];

		if (x->kind != NODE_BLOCK || in->kind == NODE_LEAF) {
			tell(t, in, false);
		} else if (in->pass != t->pass) {
			in->pass = t->pass;
			tell_read(t, "kept", bytes_of(in));
		}
	}
	switch (x->kind) {
	case NODE_MAP:
		tell_op(t, map_names[x->u.map.id]);
		break;
	case NODE_REDUCE:
		tell_op(t, reduce_names[x->u.reduce.id]);
		break;
	case NODE_SCAN:
		tell_op(t, scan_names[x->u.scan.op]);
		break;
	case NODE_CAST:
		tell_op(t, dtype_name(x->dtype));
		break;
	case NODE_CONCAT:
		tell_op(t, "concat");
		break;
	case NODE_RANGE:
	case NODE_IOTA:
		tell_op(t, "range");
		break;
	case NODE_RANDOM:
		tell_op(t, "random");
		break;
	case NODE_BLOCK:
		tell_op(t, block_names[x->u.block.id]);
		break;
	default:
		break;
	}
}

void plan_pass_text(struct text *out, const struct node *x, bool kept)
{
	struct text reads = TEXT_INIT, ops = TEXT_INIT;
	struct told t = { &reads, &ops, next_pass(), 0, 0, 0, 0 };

	tell(&t, (struct node *)x, true); /* only marks it */
	text_fmt(out, "read %s; %s; %s %" PRId64 " bytes", reads.len ? reads.s : "nothing", ops.len ? ops.s : "copy",
		 kept ? "keep" : "write", bytes_of(x));
	out->failed |= reads.failed || ops.failed;
	text_release(&reads);
	text_release(&ops);
}

/* == all of them == */

static void hold(struct engine_plan *p, int64_t nbytes)
{
	p->held += nbytes;
	p->memory = p->held > p->memory ? p->held : p->memory;
}

/* Room that a function of whole arrays takes for itself. */
static int64_t scratch(const struct node *x)
{
	int64_t n = x->shape.ndim ? x->shape.dim[x->shape.ndim - 1] : 1;
	const struct order_statistic *s = x->u.block.data;

	switch (x->u.block.id) {
	case BLOCK_SORT:
	case BLOCK_ARGSORT:
		return n ? sort_scratch(x->in[0]->dtype, x->u.block.id == BLOCK_ARGSORT, x->size / n, n,
					x->u.block.i[1])
			 : 0;
	case BLOCK_LEXSORT:
		return sort_scratch(x->in[0]->dtype, true, 1, x->size, 0);
	case BLOCK_QUANTILE: {
		int64_t rows = x->size / s->nq, threads = engine_threads();

		return (rows < threads ? rows : threads) * (s->n + 2 * s->nq) * (int64_t)sizeof(double);
	}
	default:
		return 0;
	}
}

/* Room for blocks and scratch while x is computed. */
static int64_t workspace(const struct node *x, const struct told *t, int threads)
{
	int64_t work = x->nin && x->in[0]->size > x->size ? x->in[0]->size : x->size;
	int64_t tile = tile_elements(t->blocks, t->least) * t->blocks;

	if (x->kind == NODE_BLOCK)
		return scratch(x);
	if (work < PARALLEL_FROM)
		return (work + LOOP_PAD) * t->blocks + t->strips;
	return threads * (ARENA + (tile > ARENA ? tile : 0)) + t->strips;
}

static int plan_keep(struct engine_plan *p, struct node *x, struct error *err);

static void plan_load(struct engine_plan *p, struct node *x, int64_t nbytes)
{
	if (x->planned)
		return;
	hold(p, nbytes);
	p->loaded += nbytes;
	x->planned = true;
}

/* As prepare in engine.c. */
static int plan_inputs(struct engine_plan *p, struct node *x, int pass, struct error *err)
{
	int64_t first;

	if (x->value || x->pass == pass)
		return 0;
	x->pass = pass;
	if (x->kind == NODE_LEAF) {
		struct source *src = x->u.array.src;

		if (!src->data && !x->planned && (x->loads || (node_scattered(x) && x->strip <= 0)))
			plan_load(p, x, leaf_span(x, &first));
		return 0;
	}
	if (x->kind == NODE_VIEW) {
		struct node *base = x->in[0];
		struct source *src = base->u.array.src;

		if (base->kind != NODE_LEAF)
			return plan_keep(p, base, err);
		if (base->value || src->data || x->loaded || !x->size)
			return 0;
		if (src->sequential)
			plan_load(p, base, leaf_span(base, &first));
		else if (node_scattered(x) && x->strip <= 0)
			plan_load(p, x, touched(x));
		return 0;
	}
	if (x->kind == NODE_BLOCK)
		return plan_keep(p, x, err);
	for (int i = 0; i < x->nin; i++)
		if (is_barrier(x->in[i]) ? plan_keep(p, x->in[i], err) : plan_inputs(p, x->in[i], pass, err))
			return -1;
	return 0;
}

static int threads_of(struct node *x)
{
	int64_t work = x->kind == NODE_REDUCE && x->in[0]->size > x->size ? x->in[0]->size : x->size;
	struct node *streams[MAX_STREAMS];

	if (x->kind == NODE_BLOCK)
		return block_threads(x);
	return work >= PARALLEL_FROM && pass_streams(x, streams) >= 0 ? engine_threads() : 1;
}

/* The pass that computes x, which is then in memory where it is kept. */
static int plan_pass(struct engine_plan *p, struct node *x, bool kept, struct error *err)
{
	struct told t = { .read = 0 };
	struct planned_pass *pass;
	int64_t loaded = p->loaded;

	p->loaded = 0;
	if (x->kind != NODE_BLOCK) {
		if (plan_inputs(p, x, next_pass(), err))
			return -1;
	} else {
		for (int i = 0; i < x->nin; i++)
			if (plan_keep(p, x->in[i], err))
				return -1;
	}
	if (p->npasses == p->room) {
		int room = p->room ? 2 * p->room : 16;
		struct planned_pass *more = realloc(p->passes, (size_t)room * sizeof(*more));

		if (!more)
			return error_memory(err, (size_t)room * sizeof(*more));
		p->passes = more;
		p->room = room;
	}
	t.pass = next_pass();
	tell(&t, x, true);
	pass = &p->passes[p->npasses++];
	*pass = (struct planned_pass){ x, kept, threads_of(x), p->loaded + t.read, bytes_of(x) };
	p->loaded = loaded;
	p->read += pass->read;
	p->written += kept ? 0 : bytes_of(x);
	/* What a block makes is whole before it is written. */
	if (kept || x->kind == NODE_BLOCK)
		hold(p, bytes_of(x));
	hold(p, workspace(x, &t, pass->threads));
	p->held -= workspace(x, &t, pass->threads) + (!kept && x->kind == NODE_BLOCK ? bytes_of(x) : 0);
	for (int i = 0; i < x->nheld; i++) {
		struct node *in = x->held[i];

		if (!--in->readers && in->planned && !in->pinned)
			p->held -= bytes_of(in);
	}
	return 0;
}

/* As keep in engine.c. */
static int plan_keep(struct engine_plan *p, struct node *x, struct error *err)
{
	struct array *a = &x->u.array;
	int64_t first;

	if (x->value || x->planned)
		return 0;
	if (x->kind == NODE_LEAF && node_contiguous(x) && !a->swap) {
		if (a->src->data && a->offset == 0)
			return 0;
		plan_load(p, x, a->src->sequential ? leaf_span(x, &first) : bytes_of(x));
		return 0;
	}
	if (plan_pass(p, x, true, err))
		return -1;
	x->planned = true;
	return 0;
}

int engine_plan(struct engine_plan *p, int n, struct node *const x[], struct error *err)
{
	struct survey s;
	int ret = survey_make(&s, n, x, false, err);

	*p = (struct engine_plan){ .passes = NULL };
	for (int i = 0; !ret && n && i < x[0]->graph->n; i++) {
		struct node *y = x[0]->graph->nodes[i];

		y->planned = false;
		y->readers = y->holds;
	}
	for (int i = 0; i < n && !ret; i++)
		ret = plan_pass(p, x[i], false, err);
	survey_release(&s);
	return ret;
}

void engine_plan_release(struct engine_plan *p)
{
	free(p->passes);
}
