/* Scans: running sums, products, maxima and their kin along an axis; differences. */
#include "engine.h"
#include "op.h"

#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_level.h"
#include "scan_loops.h"

static scan_table *const levels[] = {
#if defined(__x86_64__)
	&scan_v2,
	&scan_v3,
	&scan_v4,
#else
	&scan_base,
#endif
};

enum { WIDEST = 512, SHARED_CHAINS = 64, SCAN_PARALLEL_FROM = 1 << 17, SPINS = 2000 };

static const enum dtype accumulator[NSCAN_TYPES] = { DT_I64, DT_U64, DT_F64, DT_C128 };

struct scan {
	enum scan_op op;
	int type;	     /* SCAN_I64 ... */
	enum dtype from, to; /* elements of x and of the result; complex sums are sums of their parts */
	int64_t outer, n, inner;
	int64_t initial; /* 1: the result starts with what a scan of nothing gives */
};

/*
 * A chain is a block of w columns (of inner) of one of the outer arrays; it is scanned piece by piece.  Few long chains
 * are shared by threads: a piece's carry is handed on as soon as the piece is scanned within itself.
 */
struct chain {
	atomic_llong piece; /* whose turn it is */
	struct scan_carry *carry;
};

struct scan_run {
	const struct scan *s;
	const struct scan_loop *loop;
	const unsigned char *x;
	unsigned char *out;
	int64_t w, blocks; /* columns of a chain; chains of one outer array */
	int64_t run, rows; /* rows of a run and of a piece */
	int64_t pieces, chains;
	int64_t batch;	      /* chains a task where a chain is one piece, and short */
	int64_t room;	      /* elements of a piece or a batch */
	struct chain *shared; /* of each chain; NULL: each has a task for itself */
	struct worker {
		char *x, *y, *raw, *base;
		struct scan_carry *carry;
	} * worker;
	size_t itemsize; /* of an accumulator */
	size_t result;	 /* of an element of y */
};

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void carry_init(const struct scan *s, struct scan_carry *c, int64_t w)
{
	struct scan_carry c0 = { .index = 0 };

	/* What changes nothing that follows, a negative zero included. */
	switch (s->op) {
	case SCAN_SUM:
		if (s->type == SCAN_F64)
			c0.value.f = -0.0;
		break;
	case SCAN_PROD:
		if (s->type == SCAN_F64)
			c0.value.f = 1;
		else
			c0.value.i = 1;
		break;
	case SCAN_MAX:
		if (s->type == SCAN_F64)
			c0.value.f = -INFINITY;
		else
			c0.value.i = s->type == SCAN_I64 ? INT64_MIN : 0;
		break;
	case SCAN_MIN:
		if (s->type == SCAN_F64)
			c0.value.f = INFINITY;
		else
			c0.value.i = s->type == SCAN_I64 ? INT64_MAX : -1;
		break;
	case SCAN_LOGSUMEXP:
	case SCAN_ARGMAX:
	case SCAN_ARGMIN:
	case NSCANS:
		break; /* these start with the first row */
	}
	for (int64_t j = 0; j < w; j++)
		c[j] = c0;
}

/* A rows x w region of x, in C order in memory as accumulators. */
static const void *fetch(const struct scan_run *t, struct worker *k, int64_t at, int64_t rows, int64_t w)
{
	size_t size = dtype_size(t->s->from);
	int64_t step = t->blocks > 1 ? t->s->inner : w;
	const unsigned char *from = t->x + (size_t)at * size;
	enum dtype acc = accumulator[t->s->type];

	if (step == w) {
		if (t->s->from == acc)
			return from;
		if ((uintptr_t)from % 64)
			from = memcpy(k->raw, from, (size_t)(rows * w) * size);
	} else {
		char *raw = t->s->from == acc ? k->x : k->raw;

		for (int64_t i = 0; i < rows; i++)
			memcpy(raw + (size_t)(i * w) * size, from + (size_t)(i * step) * size, (size_t)w * size);
		from = (unsigned char *)raw;
	}
	if (t->s->from != acc)
		kernels_get()->cast[t->s->from][acc](rows * w, k->x, from);
	return k->x;
}

/* Where the region's result is computed: in its place, if it can be. */
static void *place(const struct scan_run *t, struct worker *k, int64_t at)
{
	enum dtype y = t->s->op >= SCAN_ARGMAX ? DT_I64 : accumulator[t->s->type];

	return y == t->s->to && t->blocks == 1 ? t->out + (size_t)at * dtype_size(y) : (void *)k->y;
}

static void store(const struct scan_run *t, struct worker *k, const void *y, int64_t at, int64_t rows, int64_t w)
{
	enum dtype acc = t->s->op >= SCAN_ARGMAX ? DT_I64 : accumulator[t->s->type];
	size_t size = dtype_size(t->s->to);
	int64_t step = t->blocks > 1 ? t->s->inner : w, n = rows * w;
	unsigned char *to = t->out + (size_t)at * size;
	const char *from = y;

	if (y == to)
		return;
	if (acc != t->s->to) {
		/* A loop writes whole multiples of LOOP_PAD. */
		if (step == w && n % LOOP_PAD == 0 && (uintptr_t)to % 64 == 0) {
			kernels_get()->cast[acc][t->s->to](n, to, y);
			return;
		}
		kernels_get()->cast[acc][t->s->to](n, k->raw, y);
		from = k->raw;
	}
	if (step == w) {
		memcpy(to, from, (size_t)n * size);
		return;
	}
	for (int64_t i = 0; i < rows; i++)
		memcpy(to + (size_t)(i * step) * size, from + (size_t)(i * w) * size, (size_t)w * size);
}

/* Wait until it is this piece's turn.  Pieces are begun in order, so the one before is under way. */
static void wait_turn(struct chain *c, int64_t piece)
{
	for (int i = 0; atomic_load_explicit(&c->piece, memory_order_acquire) != piece; i++)
		if (i > SPINS)
			sched_yield();
}

/* Elements of the result before row r of an outer array. */
static int64_t out_at(const struct scan *s, int64_t outer, int64_t row, int64_t column)
{
	return (outer * (s->n + s->initial) + s->initial + row) * s->inner + column;
}

static void scan_piece(const struct scan_run *t, struct worker *k, int64_t chain, int64_t piece)
{
	const struct scan *s = t->s;
	int64_t outer = chain / t->blocks, column = chain % t->blocks * t->w, first = piece * t->rows;
	int64_t rows = least(t->rows, s->n - first), w = least(t->w, s->inner - column);
	struct chain *shared = t->shared ? &t->shared[chain] : NULL;
	struct scan_piece p = { .rows = rows,
				.w = w,
				.run = t->run,
				.first = first,
				.base = k->base,
				.carry = shared ? shared->carry : k->carry };
	int64_t at = out_at(s, outer, first, column);

	p.x = fetch(t, k, (outer * s->n + first) * s->inner + column, rows, w);
	p.y = place(t, k, at);
	if (t->loop->local)
		t->loop->local(&p);
	if (shared)
		wait_turn(shared, piece);
	else if (!piece)
		carry_init(s, k->carry, w);
	if (t->loop->local)
		t->loop->join(&p);
	else
		t->loop->step(&p);
	if (shared)
		atomic_store_explicit(&shared->piece, piece + 1, memory_order_release);
	if (t->loop->local && (piece || rows > t->run))
		t->loop->finish(&p);
	store(t, k, p.y, at, rows, w);
}

/* Chains that are one run each, one after the other in memory. */
static void scan_batch(const struct scan_run *t, struct worker *k, int64_t chain, int64_t count)
{
	const struct scan *s = t->s;
	int64_t each = s->n * s->inner, at = out_at(s, chain, 0, 0);
	struct scan_piece p = { .rows = s->n, .w = s->inner, .run = t->run, .base = k->base, .carry = k->carry };
	const char *x = fetch(t, k, chain * each, count * s->n, s->inner);
	char *y = s->initial ? k->y : place(t, k, at);

	for (int64_t i = 0; i < count; i++) {
		p.x = x + (size_t)(i * each) * t->itemsize;
		p.y = y + (size_t)(i * each) * t->result;
		if (t->loop->local && s->n <= t->run) {
			t->loop->local(&p);
			continue;
		}
		carry_init(s, k->carry, s->inner);
		if (t->loop->local) {
			t->loop->local(&p);
			t->loop->join(&p);
			t->loop->finish(&p);
		} else {
			t->loop->step(&p);
		}
	}
	if (!s->initial) {
		store(t, k, y, at, count * s->n, s->inner);
		return;
	}
	/* store converts through raw, so one at a time */
	for (int64_t i = 0; i < count; i++) {
		char *from = y + (size_t)(i * each) * t->result;

		/* loops want aligned blocks */
		if ((uintptr_t)from % 64)
			from = memcpy(k->x, from, (size_t)each * t->result);
		store(t, k, from, out_at(s, chain + i, 0, 0), s->n, s->inner);
	}
}

static int scan_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct scan_run *t = arg;
	struct worker *k = &t->worker[worker];

	(void)err;
	if (t->batch > 1)
		scan_batch(t, k, task * t->batch, least(t->batch, t->chains - task * t->batch));
	else if (t->shared)
		scan_piece(t, k, task / t->pieces, task % t->pieces);
	else
		for (int64_t i = 0; i < t->pieces; i++)
			scan_piece(t, k, task, i);
	return 0;
}

static void *scratch(int64_t n, size_t size, struct error *err)
{
	return buffer_alloc(((size_t)n + LOOP_PAD) * size, err);
}

static int scan_prepare(struct scan_run *t, int nworkers, struct error *err)
{
	for (int i = 0; i < nworkers; i++) {
		struct worker *k = &t->worker[i];

		if (!(k->x = scratch(t->room, 16, err)) || !(k->y = scratch(t->room, 16, err)) ||
		    !(k->raw = scratch(t->room, 16, err)) || !(k->base = scratch(t->room, 16, err)) ||
		    !(k->carry = calloc((size_t)t->w, sizeof(*k->carry))))
			return k->base ? error_memory(err, (size_t)t->w * sizeof(*k->carry)) : -1;
	}
	if (t->chains >= SHARED_CHAINS || t->pieces == 1)
		return 0;
	t->shared = calloc((size_t)t->chains, sizeof(*t->shared));
	if (!t->shared)
		return error_memory(err, (size_t)t->chains * sizeof(*t->shared));
	for (int64_t i = 0; i < t->chains; i++) {
		t->shared[i].carry = calloc((size_t)t->w, sizeof(struct scan_carry));
		if (!t->shared[i].carry)
			return error_memory(err, (size_t)t->w * sizeof(struct scan_carry));
		carry_init(t->s, t->shared[i].carry, t->w);
	}
	return 0;
}

static void scan_release(struct scan_run *t, int nworkers)
{
	size_t nbytes = ((size_t)t->room + LOOP_PAD) * 16;

	for (int i = 0; t->worker && i < nworkers; i++) {
		struct worker *k = &t->worker[i];

		buffer_free(k->x, nbytes);
		buffer_free(k->y, nbytes);
		buffer_free(k->raw, nbytes);
		buffer_free(k->base, nbytes);
		free(k->carry);
	}
	for (int64_t i = 0; t->shared && i < t->chains; i++)
		free(t->shared[i].carry);
	free(t->shared);
	free(t->worker);
}

/* The first of each row of results. */
static void fill_initial(const struct scan *s, unsigned char *out)
{
	size_t size = dtype_size(s->to);
	_Alignas(16) unsigned char one[16];
	struct scalar v = { .kind = SCALAR_INT, .magnitude = s->op == SCAN_PROD, .re = s->op == SCAN_PROD };

	if (s->op == SCAN_LOGSUMEXP)
		v = (struct scalar){ .kind = SCALAR_FLOAT, .re = -INFINITY };
	scalar_store(&v, s->to, one);
	for (int64_t i = 0; i < s->outer; i++)
		for (int64_t j = 0; j < s->inner; j++)
			memcpy(out + (size_t)(i * (s->n + 1) * s->inner + j) * size, one, size);
}

static int scan_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	const struct scan *s = node->u.block.data;
	struct scan_run t = { .s = s, .loop = &(*levels[cpu_level()])[s->op][s->type], .x = in[0], .out = out };
	int nworkers = node->size < SCAN_PARALLEL_FROM ? 1 : engine_threads(), ret = -1;
	int64_t ntasks;

	if (s->initial)
		fill_initial(s, out);
	if (!s->n || !s->inner || !s->outer)
		return 0;
	/* All of this depends on the shape alone, as results do on runs. */
	t.blocks = (s->inner + WIDEST - 1) / WIDEST;
	t.w = least(s->inner, WIDEST);
	t.run = SCAN_RUN * t.w <= SCAN_PIECE ? SCAN_RUN : SCAN_PIECE / t.w;
	t.rows = SCAN_PIECE / (t.run * t.w) * t.run;
	t.pieces = (s->n + t.rows - 1) / t.rows;
	t.chains = s->outer * t.blocks;
	t.batch = t.blocks == 1 && t.pieces == 1 ? t.rows * t.w / (s->n * s->inner) : 1;
	t.room = t.batch > 1 ? t.batch * s->n * s->inner : least(t.rows, s->n) * t.w;
	t.itemsize = dtype_size(accumulator[s->type]);
	t.result = s->op >= SCAN_ARGMAX ? sizeof(int64_t) : t.itemsize;
	if (t.batch > t.chains)
		t.batch = t.chains;
	t.worker = calloc((size_t)nworkers, sizeof(*t.worker));
	if (!t.worker) {
		error_memory(err, (size_t)nworkers * sizeof(*t.worker));
		goto done;
	}
	if (scan_prepare(&t, nworkers, err))
		goto done;
	ntasks = t.batch > 1 ? (t.chains + t.batch - 1) / t.batch : t.shared ? t.chains * t.pieces : t.chains;
	ret = parallel(ntasks, nworkers, scan_task, &t, err);
done:
	scan_release(&t, nworkers);
	return ret;
}

/* == builders == */

/* The scan of x, whose elements are already what is to be scanned. */
static struct node *scan_node(struct call *c, struct node *x, enum scan_op op, int axis, enum dtype to, bool initial,
			      struct error *err)
{
	struct scan *s = calloc(1, sizeof(*s));
	struct shape shape = x->shape;
	struct node *y;

	if (!s) {
		error_memory(err, sizeof(*s));
		return NULL;
	}
	s->op = op;
	s->from = x->dtype;
	s->to = to;
	s->outer = s->inner = 1;
	for (int i = 0; i < shape.ndim; i++)
		*(i < axis   ? &s->outer
		  : i > axis ? &s->inner
			     : &s->n) = i == axis ? shape.dim[i] : (i < axis ? s->outer : s->inner) * shape.dim[i];
	s->initial = initial;
	shape.dim[axis] += initial;
	if (dtype_is_complex(x->dtype) && op == SCAN_SUM) {
		s->from = dtype_real(x->dtype);
		s->to = dtype_real(to);
		s->inner *= 2;
	}
	s->type = dtype_is_complex(s->from)			 ? SCAN_C128
		  : dtype_is_float(s->from)			 ? SCAN_F64
		  : (op >= SCAN_ARGMAX ? s->from : to) == DT_U64 ? SCAN_U64
								 : SCAN_I64;
	y = node_block(c->graph, BLOCK_NONE, scan_block, 1, &x, to, &shape, err);
	if (y)
		y->u.block.data = s; /* which the graph frees */
	else
		free(s);
	return y;
}

/* x as an array with an axis to scan along: attr "axis", none: flattened. */
static struct node *scan_operand(struct call *c, int *axis, struct error *err)
{
	const struct attr *a = attr_get(c, "axis");
	struct node *x = c->in[0];

	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return NULL;
	*axis = 0;
	if (a->none || x->shape.ndim == 0) {
		if (!a->none && axis_normalize(axis, a->i, 1, err))
			return NULL;
		return node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err);
	}
	return axis_normalize(axis, a->i, x->shape.ndim, err) ? NULL : x;
}

static int build_cumulative(struct call *c, enum scan_op op, struct error *err)
{
	const struct attr *dtype = attr_get(c, "dtype");
	enum dtype to;
	struct node *x;
	int axis;

	if (!(x = scan_operand(c, &axis, err)))
		return -1;
	to = x->dtype;
	if (!dtype->none)
		to = dtype->dtype;
	else if (to == DT_BOOL || dtype_info[to].kind == 'i')
		to = DT_I64;
	else if (dtype_info[to].kind == 'u')
		to = DT_U64;
	if (to > DT_C128) /* float8 */
		to = DT_F32;
	/* Integers that only grow need no cast first. */
	if ((!dtype->none || !(dtype_is_int(x->dtype) || x->dtype == DT_BOOL)) &&
	    !(x = node_cast(c->graph, x, to, err)))
		return -1;
	return call_result(c, scan_node(c, x, op, axis, to, attr_get(c, "include_initial")->flag, err), NULL, err);
}

int build_cumulative_sum(struct call *c, struct error *err)
{
	return build_cumulative(c, SCAN_SUM, err);
}

int build_cumulative_prod(struct call *c, struct error *err)
{
	return build_cumulative(c, SCAN_PROD, err);
}

int build_logcumsumexp(struct call *c, struct error *err)
{
	char text[NODE_TEXT];
	struct node *x;
	int axis;

	if (!(x = scan_operand(c, &axis, err)))
		return -1;
	if (dtype_is_complex(x->dtype))
		return error_set(err, ERR_VALUE, "%s: %s takes no %s", node_text(c->in[0], text, sizeof(text)), c->name,
				 dtype_name(x->dtype));
	if (!dtype_is_float(x->dtype))
		x = node_cast(c->graph, x, DT_F64, err);
	else if (x->dtype > DT_C128)
		x = node_cast(c->graph, x, DT_F32, err);
	return x ? call_result(c, scan_node(c, x, SCAN_LOGSUMEXP, axis, x->dtype, false, err), NULL, err) : -1;
}

static int build_extreme(struct call *c, enum scan_op values, enum scan_op indices, struct error *err)
{
	bool both = attr_get(c, "indices")->flag;
	struct node *x;
	int axis;

	if (!(x = scan_operand(c, &axis, err)))
		return -1;
	if (call_result(c, scan_node(c, x, values, axis, x->dtype, false, err), both ? "values" : NULL, err))
		return -1;
	return both ? call_result(c, scan_node(c, x, indices, axis, DT_I64, false, err), "indices", err) : 0;
}

int build_cummax(struct call *c, struct error *err)
{
	return build_extreme(c, SCAN_MAX, SCAN_ARGMAX, err);
}

int build_cummin(struct call *c, struct error *err)
{
	return build_extreme(c, SCAN_MIN, SCAN_ARGMIN, err);
}

/* A number before or after x counts as one element of each row; an array is put there as it is. */
static struct node *diff_end(struct call *c, struct node *x, const char *name, int axis, struct error *err)
{
	struct node *end = attr_get(c, name)->node;
	struct shape shape = x->shape;
	enum dtype dtype;

	if (end->shape.ndim)
		return end;
	if (nodes_result_type(&dtype, 2, (struct node *[]){ x, end }, err) ||
	    !(end = node_cast(c->graph, end, dtype, err)))
		return NULL;
	shape.dim[axis] = 1;
	return node_broadcast(c->graph, end, &shape, err);
}

int build_diff(struct call *c, struct error *err)
{
	const struct attr *times = attr_get(c, "n");
	struct node *x = c->in[0], *part[3];
	int axis, n = 0;

	if (times->none || times->i < 0)
		return error_set(err, ERR_VALUE, "%s: n must be 0 or more, not %" PRId64, c->name, times->i);
	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return -1;
	if (axis_normalize(&axis, attr_get(c, "axis")->i, x->shape.ndim, err))
		return -1;
	if (times->i && attr_get(c, "prepend")->node && !(part[n++] = diff_end(c, x, "prepend", axis, err)))
		return -1;
	part[n++] = x;
	if (times->i && attr_get(c, "append")->node && !(part[n++] = diff_end(c, x, "append", axis, err)))
		return -1;
	if (n > 1 && !(x = node_concat(c->graph, n, part, axis, err)))
		return -1;
	for (int64_t i = 0; i < times->i && x->shape.dim[axis] > 0; i++) {
		struct node *pair[2];
		int64_t count = x->shape.dim[axis] - 1;

		if (!(pair[0] = node_slice(c->graph, x, axis, count > 0, 1, count, err)) ||
		    !(pair[1] = node_slice(c->graph, x, axis, 0, 1, count, err)) ||
		    !(x = node_map(c->graph, x->dtype == DT_BOOL ? MAP_not_equal : MAP_subtract, pair, err)))
			return -1;
	}
	return call_result(c, x, NULL, err);
}
