/* Reductions: see whole.h, and kernels.h for the order in which states are folded and merged. */
#include "cuda/whole_internal.h"

#include <string.h>

/*
 * All of these shape results: RUN_LEAST is where a block for a run pays off, UNIT and UNIT_ROWS how much one block or thread
 * folds, so that there are enough of them and few states; ENOUGH is how many threads are.
 */
enum { RUN_LEAST = 64, UNIT = CUDA_REDUCE_TILE, UNIT_ROWS_LEAST = 64, UNIT_ROWS = 512, ENOUGH = 1 << 16 };

/* Bytes of states held at once, where that is more than one outer index has. */
enum { STATES = 32 << 20 };

struct reduce_parts {
	const char *init, *run, *rows, *merge, *finish;
};

#define PARTS(id, acc, fold, state, result) \
	[REDUCE_##id][DT_##acc] = { "reduce_init_" #state, "reduce_run_" #fold, "reduce_rows_" #fold, \
				    "reduce_merge_" #state, "reduce_finish_" #result },
static const struct reduce_parts parts[NREDUCES][NDTYPES] = { REDUCE_PARTS(PARTS) };
#undef PARTS

/* The groups of kernels.h. */
static void groups(struct reduce_layout *l, int64_t *outer, const struct shape *s, const bool reduced[])
{
	*outer = l->in = l->out = l->red = 1;
	for (int i = 0; i < s->ndim; i++) {
		int64_t n = s->dim[i];

		if (n == 1)
			continue;
		if (!l->ngroups && !reduced[i]) {
			*outer *= n;
			continue;
		}
		if (l->ngroups % 2 == reduced[i])
			l->len[l->ngroups - 1] *= n;
		else
			l->len[l->ngroups++] = n;
		l->in *= n;
		*(reduced[i] ? &l->red : &l->out) *= n;
	}
	if (!l->ngroups)
		l->len[l->ngroups++] = 1;
}

static void units(struct cuda_reduction *r)
{
	struct reduce_layout *l = &r->l;
	int64_t run = l->len[l->ngroups - 1];

	r->run = l->ngroups % 2 && run >= RUN_LEAST;
	if (!l->red) {
		l->unit = l->units = 1;
	} else if (r->run) {
		l->unit = UNIT;
		l->units = l->red / run * pieces(run, UNIT);
	} else {
		int64_t results = r->outer > ENOUGH / l->out ? ENOUGH : r->outer * l->out;

		l->units = least(pieces(l->red, UNIT_ROWS_LEAST), pieces(ENOUGH, results ? results : 1));
		l->unit = pieces(l->red, l->units);
		if (l->unit > UNIT_ROWS && results < ENOUGH)
			l->unit = UNIT_ROWS;
		l->units = pieces(l->red, l->unit);
	}
}

/* States of the next batch of outer indices. */
static int begin_batch(struct cuda_reduction *r, struct error *err)
{
	int64_t n = least(r->batch, r->outer - r->l.outer0) * r->l.out * r->l.units;
	void *params[] = { &n, &r->states };

	return r->run && r->l.in ? 0 : launch_any(r->d, r->parts->init, n, params, err);
}

static int end_batch(struct cuda_reduction *r, struct error *err)
{
	int64_t results = least(r->batch, r->outer - r->l.outer0) * r->l.out, units = r->l.units;
	uint64_t from = r->states, to = r->merged, out = r->out + (uint64_t)(r->l.outer0 * r->l.out) * r->result_size;
	void *params[] = { &results, &out, &from, &r->param.count, &r->param.correction, &r->param.ord };

	while (units > 1) {
		void *merge[] = { &results, &to, &from, &units };
		uint64_t swap = from;

		if (launch_any(r->d, r->parts->merge, results * pieces(units, REDUCE_MERGE), merge, err))
			return -1;
		units = pieces(units, REDUCE_MERGE);
		from = to;
		to = swap;
	}
	if (launch_any(r->d, r->parts->finish, results, params, err))
		return -1;
	r->l.outer0 += r->batch;
	return r->l.outer0 < r->outer ? begin_batch(r, err) : 0;
}

static size_t states_bytes(const struct cuda_reduction *r)
{
	return (size_t)(r->batch * r->l.out * r->l.units) * r->state_size;
}

static size_t merged_bytes(const struct cuda_reduction *r)
{
	return (size_t)(r->batch * r->l.out * pieces(r->l.units, REDUCE_MERGE)) * r->state_size;
}

int cuda_reduce_begin(struct cuda_reduction *r, struct cuda *d, enum reduce_id id, enum dtype acc,
		      const struct shape *s, const bool reduced[], const struct reduce_param *p, uint64_t out,
		      struct error *err)
{
	const struct reduce_loops *loops = reduce_loops_get(id, acc);
	size_t each;

	memset(r, 0, sizeof(*r));
	r->d = d;
	r->parts = &parts[id][acc];
	r->param = *p;
	r->out = out;
	r->state_size = loops->state_size;
	r->result_size = dtype_size(loops->result);
	groups(&r->l, &r->outer, s, reduced);
	units(r);
	if (!r->outer || !r->l.out)
		return 0;
	if (__builtin_mul_overflow((size_t)r->l.out * (size_t)r->l.units, r->state_size, &each))
		return error_memory(err, 0);
	r->batch = each >= STATES ? 1 : least(r->outer, (int64_t)(STATES / each));
	if (device_alloc(d, &r->states, states_bytes(r), err) ||
	    (r->l.units > 1 && device_alloc(d, &r->merged, merged_bytes(r), err)))
		return -1;
	return begin_batch(r, err);
}

int64_t cuda_reduce_tile(const struct cuda_reduction *r, int64_t start, int64_t most)
{
	const struct reduce_layout *l = &r->l;
	int64_t end = least(l->outer0 + r->batch, r->outer) * l->in, run = l->len[l->ngroups - 1], chunk;

	if (end - start <= most)
		return end - start;
	if (!r->run)
		return most;
	/* Chunks are counted from where a run starts. */
	chunk = (start + most) / run * run + (start + most) % run / UNIT * UNIT;
	return chunk > start ? chunk - start : least(run - start % run, UNIT);
}

static int fold_run(struct cuda_reduction *r, uint64_t x, int64_t start, int64_t n, struct error *err)
{
	int64_t run = r->l.len[r->l.ngroups - 1], chunks = pieces(run, UNIT), last = start + n - 1;
	int64_t blocks = last / run * chunks + last % run / UNIT - start / run * chunks - start % run / UNIT + 1;
	void *params[] = { &n, &start, &r->states, &x, &r->l, &r->param.ord };

	return launch(r->d, r->parts->run, least(blocks, MOST_BLOCKS), REDUCE_THREADS, 0, params, err);
}

static int fold_rows(struct cuda_reduction *r, uint64_t x, int64_t start, int64_t n, struct error *err)
{
	const struct reduce_layout *l = &r->l;
	int64_t first = start / l->in, last = (start + n - 1) / l->in;
	struct reduce_range range = { first, last - first + 1, 0, l->units, 0, l->out };
	void *params[] = { &n, &start, &r->states, &x, &r->l, &range, &r->param.ord };

	/* Within one outer index: the units, and within one row the results, that the tile can touch. */
	if (first == last) {
		int64_t row = l->in / l->len[0], a = start % l->in, b = a + n - 1, each = l->red / l->len[0];

		range.unit0 = a / row * each / l->unit;
		range.units = ((b / row + 1) * each - 1) / l->unit - range.unit0 + 1;
		if (a / row == b / row && l->ngroups > 1) {
			int64_t step = row / l->len[1], outs = l->out / l->len[1];

			range.out0 = a % row / step * outs;
			range.outs = (b % row / step + 1) * outs - range.out0;
		}
	}
	return launch_any(r->d, r->parts->rows, range.outers * range.units * range.outs, params, err);
}

int cuda_reduce_fold(struct cuda_reduction *r, uint64_t x, int64_t start, int64_t n, struct error *err)
{
	if (!n)
		return 0;
	if (r->run ? fold_run(r, x, start, n, err) : fold_rows(r, x, start, n, err))
		return -1;
	return start + n == least(r->l.outer0 + r->batch, r->outer) * r->l.in ? end_batch(r, err) : 0;
}

int cuda_reduce_end(struct cuda_reduction *r, struct error *err)
{
	while (!r->l.in && r->batch && r->l.outer0 < r->outer)
		if (end_batch(r, err))
			return -1;
	return 0;
}

void cuda_reduce_release(struct cuda_reduction *r)
{
	if (r->states)
		device_free(r->d, r->states);
	if (r->merged)
		device_free(r->d, r->merged);
	r->states = r->merged = 0;
}
