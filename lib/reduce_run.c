/*
 * Running a reduction: the input's axes are merged into groups that are kept and reduced in turn; consecutive elements
 * are folded into accumulators run by run.  Where a run is cut, and which pieces are merged, depends on the
 * shape alone.
 */
#include "pull.h"

#include <stdlib.h>
#include <string.h>

enum { MANY_RESULTS = 16384 };

struct groups {
	int n;
	bool reduced[MAX_NDIM];
	int64_t len[MAX_NDIM];
	int64_t state_step[MAX_NDIM], index_step[MAX_NDIM];
	int64_t outer;	 /* independent reductions, one after the other in the input */
	int64_t in, out; /* elements and results of one of them */
	int64_t row;	 /* elements of in for one step of the first reduced group */
	int64_t rows;	 /* rows folded into the same accumulators before a merge */
	int64_t pieces;
};

static void groups_init(struct groups *g, const struct node *x)
{
	const struct shape *s = &x->in[0]->shape;
	int64_t state = 1, index = 1;

	memset(g, 0, sizeof(*g));
	g->outer = 1;
	for (int i = 0; i < s->ndim; i++) {
		bool reduced = x->u.reduce.reduced[i];

		if (s->dim[i] == 1)
			continue;
		if (!g->n && !reduced) {
			g->outer *= s->dim[i];
		} else if (g->n && g->reduced[g->n - 1] == reduced) {
			g->len[g->n - 1] *= s->dim[i];
		} else {
			g->reduced[g->n] = reduced;
			g->len[g->n++] = s->dim[i];
		}
	}
	if (!g->n) {
		g->reduced[0] = true;
		g->len[g->n++] = 1;
	}
	g->in = g->out = 1;
	for (int i = g->n - 1; i >= 0; i--) {
		g->in *= g->len[i];
		if (g->reduced[i]) {
			g->index_step[i] = index;
			index *= g->len[i];
		} else {
			g->state_step[i] = state;
			state *= g->len[i];
		}
	}
	g->out = state;
	g->row = g->len[0] ? g->in / g->len[0] : 1;
	if (g->out > MANY_RESULTS) {
		g->rows = g->len[0];
	} else {
		int64_t least = REDUCE_PIECE > 64 * g->out ? REDUCE_PIECE : 64 * g->out;

		g->rows = g->row ? (least + g->row - 1) / g->row : 1;
	}
	if (g->rows < 1)
		g->rows = 1;
	g->pieces = g->len[0] > g->rows ? (g->len[0] + g->rows - 1) / g->rows : 1;
}

/* Walks the runs of the innermost group: which accumulator, and where among the reduced elements. */
struct odometer {
	const struct groups *g;
	int64_t at[MAX_NDIM];
	int64_t state, index;
};

static void odometer_init(struct odometer *o, const struct groups *g, int64_t first)
{
	memset(o, 0, sizeof(*o));
	o->g = g;
	for (int i = g->n - 1; i >= 0; i--) {
		o->at[i] = first % g->len[i];
		first /= g->len[i];
		o->state += o->at[i] * g->state_step[i];
		o->index += o->at[i] * g->index_step[i];
	}
}

/* n elements on, not past the end of the innermost run. */
static inline void odometer_step(struct odometer *o, int64_t n)
{
	const struct groups *g = o->g;
	int i = g->n - 1;

	o->at[i] += n;
	o->state += n * g->state_step[i];
	o->index += n * g->index_step[i];
	while (o->at[i] == g->len[i]) {
		o->at[i] = 0;
		o->state -= g->len[i] * g->state_step[i];
		o->index -= g->len[i] * g->index_step[i];
		if (i == 0) {
			o->state += g->out; /* the next of the independent reductions */
			return;
		}
		i--;
		o->at[i]++;
		o->state += g->state_step[i];
		o->index += g->index_step[i];
	}
}

/* Fold n elements of the input, at p, where the odometer is. */
static int fold_block(struct context *c, struct node *x, struct odometer *o, char *states, const char *p, int64_t n,
		      struct error *err)
{
	enum dtype from = x->in[0]->dtype, acc = x->u.reduce.acc;
	const struct reduce_loops *loops = reduce_loops_get(x->u.reduce.id, acc);
	const struct groups *g = o->g;
	int64_t run = g->len[g->n - 1];
	bool reduced = g->reduced[g->n - 1];

	if (from != acc) {
		void *buf = context_block(c, x->slot + 1, n > CHUNK ? c->tile : CHUNK, dtype_size(acc), err);

		if (!buf)
			return -1;
		kernels_get()->cast[from][acc](n, buf, p);
		p = buf;
	}
	for (int64_t i = 0; i < n;) {
		int64_t k = run - o->at[g->n - 1];
		char *state = states + o->state * (int64_t)loops->state_size;

		if (reduced && k > CHUNK)
			k = CHUNK;
		if (k > n - i)
			k = n - i;
		(reduced ? loops->run : loops->rows)(state, p + i * (int64_t)dtype_size(acc), k, o->index,
						     &x->u.reduce.param);
		odometer_step(o, k);
		i += k;
	}
	return 0;
}

/*
 * Fold elements first .. first+total-1 of the input, which start and end on run boundaries (or piece boundaries of a
 * single run), into states; first_state is the accumulator of the first element's independent reduction.
 */
static int fold(struct context *c, struct node *x, const struct groups *g, char *states, int64_t first, int64_t total,
		struct error *err)
{
	enum dtype acc = x->u.reduce.acc;
	struct node *in = x->in[0];
	int64_t run = g->len[g->n - 1], tile = c->tile >= CHUNK ? c->tile / CHUNK * CHUNK : c->tile;
	bool reduced = g->reduced[g->n - 1];
	struct odometer o;

	odometer_init(&o, g, first % g->in);
	for (int64_t done = 0; done < total;) {
		int64_t left = total - done, n = left < tile ? left : tile, in_run = run - o.at[g->n - 1];
		const char *p;

		/* A reduced run is folded in chunks counted from where it, or the piece, starts: never cut by a tile. */
		if (reduced && run > CHUNK)
			n = n < in_run ? n : in_run;
		else if (reduced && n > run)
			n = n / run * run;
		p = pull(c, in, first + done, n, err);
		if (!p)
			return -1;
		/* In steps that stay in the first cache; short runs are not cut by them. */
		for (int64_t at = 0, step; at < n; at += step) {
			step = in->dtype == acc || (reduced && run <= CHUNK) || n - at < CHUNK ? n - at : CHUNK;
			if (fold_block(c, x, &o, states, p + at * (int64_t)dtype_size(in->dtype), step, err))
				return -1;
		}
		done += n;
	}
	return 0;
}

static void finish(struct node *x, void *out, const void *states, int64_t n)
{
	enum { STEP = 256 };
	const struct reduce_loops *loops = reduce_loops_get(x->u.reduce.id, x->u.reduce.acc);
	_Alignas(64) char block[(STEP + LOOP_PAD) * 16], typed[(STEP + LOOP_PAD) * 16];
	int64_t size = (int64_t)dtype_size(x->dtype);

	/* The loop that converts goes on to the next multiple of LOOP_PAD. */
	memset(block, 0, (size_t)(n < STEP ? n + LOOP_PAD : STEP) * 16);
	for (int64_t i = 0; i < n; i += STEP) {
		int64_t k = n - i < STEP ? n - i : STEP;

		loops->finish(block, (const char *)states + i * (int64_t)loops->state_size, k, &x->u.reduce.param);
		if (loops->result != x->dtype)
			kernels_get()->cast[loops->result][x->dtype](k, typed, block);
		memcpy((char *)out + i * size, loops->result != x->dtype ? typed : block, (size_t)(k * size));
	}
}

int64_t reduce_granule(const struct node *x)
{
	struct groups g;

	groups_init(&g, x);
	return g.out;
}

bool reduce_by_pieces(const struct node *x)
{
	struct groups g;

	groups_init(&g, x);
	return g.outer < 64 && (g.in >= 2 * REDUCE_PIECE || g.out > MANY_RESULTS || x->size == 0);
}

int reduce_pull(struct context *c, struct node *x, int64_t start, int64_t n, void *out, struct error *err)
{
	const struct reduce_loops *loops = reduce_loops_get(x->u.reduce.id, x->u.reduce.acc);
	struct groups g;
	char *states;
	int64_t first, count;

	if (!n)
		return 0;
	groups_init(&g, x);
	first = start / g.out;
	count = n / g.out;
	states = context_block(c, x->slot + 2, n + g.out, loops->state_size, err);
	if (!states)
		return -1;
	loops->init(states, n);
	if (!g.in) {
		finish(x, out, states, n);
		return 0;
	}
	if (g.pieces == 1) {
		if (fold(c, x, &g, states, first * g.in, count * g.in, err))
			return -1;
	} else {
		char *part = states + n * (int64_t)loops->state_size;

		for (int64_t i = 0; i < count; i++)
			for (int64_t k = 0; k < g.pieces; k++) {
				int64_t from = k * g.rows, rows = g.len[0] - from < g.rows ? g.len[0] - from : g.rows;

				loops->init(part, g.out);
				if (fold(c, x, &g, part, (first + i) * g.in + from * g.row, rows * g.row, err))
					return -1;
				loops->merge(states + i * g.out * (int64_t)loops->state_size, part, g.out);
			}
	}
	finish(x, out, states, n);
	return 0;
}

struct job {
	struct node *x;
	struct groups g;
	struct context *const *ctx;
	const struct reduce_loops *loops;
	char *states; /* of every piece of every independent reduction */
	char *out;
	int64_t width; /* columns of a task, by columns */
};

static int fold_piece(void *arg, int64_t task, int worker, struct error *err)
{
	struct job *j = arg;
	int64_t i = task / j->g.pieces, k = task % j->g.pieces, from = k * j->g.rows;
	int64_t rows = j->g.len[0] - from < j->g.rows ? j->g.len[0] - from : j->g.rows;
	char *states = j->states + task * j->g.out * (int64_t)j->loops->state_size;

	j->loops->init(states, j->g.out);
	if (!j->g.in)
		return 0;
	return fold(j->ctx[worker], j->x, &j->g, states, i * j->g.in + from * j->g.row, rows * j->g.row, err);
}

/* Some columns of all rows: their accumulators stay in the cache.  What is folded into one of them, and in which order, is the same. */
static int fold_columns(void *arg, int64_t task, int worker, struct error *err)
{
	struct job *j = arg;
	struct context *c = j->ctx[worker];
	struct node *x = j->x;
	int64_t tasks = (j->g.out + j->width - 1) / j->width, i = task / tasks, from = task % tasks * j->width;
	int64_t n = j->g.out - from < j->width ? j->g.out - from : j->width;
	char *states = context_block(c, x->slot + 2, j->width, j->loops->state_size, err);
	struct odometer o;

	if (!states)
		return -1;
	j->loops->init(states, n);
	for (int64_t r = 0; r < j->g.len[0]; r++) {
		int64_t first = r * j->g.row + from;
		const char *p = pull(c, x->in[0], i * j->g.in + first, n, err);

		if (!p)
			return -1;
		odometer_init(&o, &j->g, first);
		if (fold_block(c, x, &o, states - from * (int64_t)j->loops->state_size, p, n, err))
			return -1;
	}
	finish(x, j->out + (i * j->g.out + from) * (int64_t)dtype_size(x->dtype), states, n);
	return 0;
}

int reduce_whole(struct context *const ctx[], int nworkers, struct node *x, void *out, bool any_order,
		 struct error *err)
{
	enum { WIDTH = 8192 };
	struct job j = { .x = x, .ctx = ctx, .out = out, .loops = reduce_loops_get(x->u.reduce.id, x->u.reduce.acc) };
	size_t each, all;
	int ret = -1;

	groups_init(&j.g, x);
	if (!x->size)
		return 0;
	if (any_order && j.g.pieces == 1 && j.g.n == 2 && !j.g.reduced[1] && j.g.out > MANY_RESULTS) {
		j.width = ctx[0]->tile < WIDTH ? ctx[0]->tile : WIDTH;
		return parallel(j.g.outer * ((j.g.out + j.width - 1) / j.width), nworkers, fold_columns, &j, err);
	}
	each = (size_t)j.g.out * j.loops->state_size;
	if (__builtin_mul_overflow(each, (size_t)(j.g.outer * j.g.pieces), &all))
		return error_memory(err, 0);
	j.states = buffer_alloc(all, err);
	if (!j.states)
		return -1;
	if (parallel(j.g.outer * j.g.pieces, nworkers, fold_piece, &j, err))
		goto done;
	for (int64_t i = 0; i < j.g.outer; i++) {
		char *states = j.states + (size_t)(i * j.g.pieces) * each;

		for (int64_t k = 1; k < j.g.pieces; k++)
			j.loops->merge(states, states + (size_t)k * each, j.g.out);
		finish(x, (char *)out + i * j.g.out * (int64_t)dtype_size(x->dtype), states, j.g.out);
	}
	ret = 0;
done:
	buffer_free(j.states, all);
	return ret;
}
