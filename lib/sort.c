/* Radix sorts of rows, side by side, or of one long row by all threads: see sort.h. */
#include "sort.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cpu_level.h"
#include "engine.h"

static const struct sort_loops *const levels[] = {
#if X86_LEVELS
	&sort_v2,
	&sort_v3,
	&sort_v4,
#else
	&sort_base,
#endif
};

enum { SORT_PARALLEL_FROM = 1 << 17, ROWS_TASK = 1 << 14 };

const struct sort_loops *sort_loops_get(void)
{
	return levels[cpu_level()];
}

/*
 * One row, in as many parts as there are threads for it.  In each pass a part counts its digits, then moves its elements
 * to where those of the parts before end: the result is the same for any number of parts.
 */
struct radix {
	const struct sort_loops *loops;
	const struct sort_loop *by;
	const struct pair_loop *pair; /* NULL: elements are sorted, not pairs */
	const void *x;
	int64_t n, stride;
	const int64_t *order;
	int64_t *out; /* of pairs */
	uint64_t flip;
	int parts, workers;
	size_t itemsize; /* of a key or pair */
	/* of the pass */
	const char *from;
	char *to;
	int pass;
	bool first, last;
	digit_counts *counts; /* [part][pass] */
	digit_counts *offset; /* [part] */
};

static int64_t part_start(const struct radix *r, int64_t part)
{
	return (int64_t)((__int128)r->n * part / r->parts);
}

static int histogram_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r, part), to = part_start(r, part + 1);
	digit_counts *counts = r->counts + part * MAX_PASSES;

	(void)worker;
	(void)err;
	memset(counts, 0, sizeof(*counts) * (size_t)r->by->size);
	if (!r->pair)
		r->by->histogram((const char *)r->x + (size_t)from * r->itemsize, to - from, counts, r->flip);
	else if (r->pair == &r->loops->pair32)
		r->by->pairs32(r->x, r->stride, r->order, from, to, (struct pair32 *)(void *)r->to + from, counts,
			       r->flip);
	else
		r->by->pairs64(r->x, r->stride, r->order, from, to, (struct pair64 *)(void *)r->to + from, counts,
			       r->flip);
	return 0;
}

static int count_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r, part), to = part_start(r, part + 1);
	int64_t *counts = r->offset[part];
	const char *x = r->from + (size_t)from * r->itemsize;

	(void)worker;
	(void)err;
	memset(counts, 0, sizeof(digit_counts));
	if (r->pair)
		r->pair->count(x, to - from, r->pass, counts);
	else
		r->by->count(x, to - from, r->pass, counts);
	return 0;
}

static int scatter_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r, part), to = part_start(r, part + 1);
	const char *x = r->from + (size_t)from * r->itemsize;

	(void)worker;
	(void)err;
	if (r->pair)
		r->pair->scatter(x, to - from, r->pass, r->offset[part], r->to);
	else
		r->by->scatter(x, to - from, r->pass, r->offset[part], r->to, r->flip, r->first, r->last);
	return 0;
}

static int indices_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r, part), to = part_start(r, part + 1);

	(void)worker;
	(void)err;
	r->pair->indices(r->from + (size_t)from * r->itemsize, to - from, r->out + from);
	return 0;
}

/* Counts to places: all parts' elements of a digit stand before those of the next. */
static void counts_to_offsets(struct radix *r)
{
	int64_t at = 0;

	for (int d = 0; d < DIGITS; d++)
		for (int part = 0; part < r->parts; part++) {
			int64_t n = r->offset[part][d];

			r->offset[part][d] = at;
			at += n;
		}
}

/* The passes in which not all keys have the same digit; returns how many. */
static int passes_needed(const struct radix *r, int passes[MAX_PASSES])
{
	int n = 0;

	for (int pass = 0; pass < r->by->size; pass++) {
		int64_t most = 0;

		for (int d = 0; d < DIGITS; d++) {
			int64_t sum = 0;

			for (int part = 0; part < r->parts; part++)
				sum += r->counts[part * MAX_PASSES + pass][d];
			most = sum > most ? sum : most;
		}
		if (most < r->n)
			passes[n++] = pass;
	}
	return n;
}

/* From from (elements or pairs, where first[] does not say otherwise) through a and b in turn; the last pass ends in a. */
static int run_passes(struct radix *r, const void *from, void *a, void *b, struct error *err)
{
	int passes[MAX_PASSES], n = passes_needed(r, passes);

	r->from = from;
	for (int i = 0; i < n; i++) {
		r->pass = passes[i];
		r->to = (n - 1 - i) % 2 ? b : a;
		r->first = i == 0;
		r->last = i == n - 1;
		/* The parts have their own counts from the start, for the first pass. */
		for (int part = 0; i == 0 && part < r->parts; part++)
			memcpy(r->offset[part], r->counts[part * MAX_PASSES + passes[0]], sizeof(digit_counts));
		if (i && parallel(r->parts, r->workers, count_task, r, err))
			return -1;
		counts_to_offsets(r);
		if (parallel(r->parts, r->workers, scatter_task, r, err))
			return -1;
		r->from = r->to;
	}
	return 0;
}

static int sort_row(struct radix *r, const void *x, void *out, void *scratch, struct error *err)
{
	r->x = x;
	if (r->n <= SORT_SMALL) {
		r->by->small(x, r->n, out, r->flip);
		return 0;
	}
	if (parallel(r->parts, r->workers, histogram_task, r, err) || run_passes(r, x, out, scratch, err))
		return -1;
	if (r->from == x)
		memcpy(out, x, (size_t)r->n * r->itemsize);
	else if (r->by->repair)
		r->by->repair(x, r->n, out, r->flip);
	return 0;
}

/* One key: order (NULL: as they are) to out, through pairs in a and b. */
static int argsort_key(struct radix *r, int by, const void *x, int64_t stride, const int64_t *order, int64_t *out,
		       void *a, void *b, struct error *err)
{
	r->by = &r->loops->by[by];
	r->x = x;
	r->stride = stride;
	r->order = order;
	r->out = out;
	r->to = b;
	if (parallel(r->parts, r->workers, histogram_task, r, err))
		return -1;
	if (r->n <= SORT_SMALL) {
		r->pair->small(b, r->n);
		r->from = b;
	} else {
		int passes[MAX_PASSES];

		/* They stand in b, from where an odd number of passes ends in a, an even one in b. */
		if (passes_needed(r, passes) % 2 == 0) {
			void *t = a;

			a = b;
			b = t;
		}
		if (run_passes(r, r->to, a, b, err))
			return -1;
	}
	return parallel(r->parts, r->workers, indices_task, r, err);
}

static int argsort_row(struct radix *r, enum dtype dtype, const void *x, int64_t *out, bool ordered, void *a, void *b,
		       struct error *err)
{
	enum dtype part = dtype_real(dtype);
	const char *re = x;

	if (!dtype_is_complex(dtype))
		return argsort_key(r, dtype, x, 1, ordered ? out : NULL, out, a, b, err);
	if (argsort_key(r, part, re + dtype_size(part), 2, ordered ? out : NULL, out, a, b, err) ||
	    argsort_key(r, part, re, 2, out, out, a, b, err))
		return -1;
	return argsort_key(r, dtype == DT_C64 ? SORT_CLASS64 : SORT_CLASS128, re, 2, out, out, a, b, err);
}

/* == rows == */

struct sort_run {
	enum dtype dtype;
	bool pairs, ordered;
	uint64_t flip;
	const char *x;
	char *out;
	int64_t rows, n, step; /* rows a task */
	size_t size, result;   /* of an element, of a result */
	struct sort_worker {
		struct radix r;
		char *a, *b;
	} * worker;
};

static int sort_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct sort_run *t = arg;
	struct sort_worker *k = &t->worker[worker];
	int64_t end = (task + 1) * t->step < t->rows ? (task + 1) * t->step : t->rows;

	for (int64_t i = task * t->step; i < end; i++) {
		const char *x = t->x + (size_t)(i * t->n) * t->size;
		char *out = t->out + (size_t)(i * t->n) * t->result;

		/* rows of int64 are aligned as the array is */
		if (t->pairs ? argsort_row(&k->r, t->dtype, x, (int64_t *)(void *)out, t->ordered, k->a, k->b, err)
			     : sort_row(&k->r, x, out, k->a, err))
			return -1;
	}
	return 0;
}

/* Places in rows as pairs with the keys: 16 bytes rather than 8? */
static bool wide_pairs(enum dtype dtype, int64_t n)
{
	return dtype_size(dtype_real(dtype)) > 4 || n > UINT32_MAX;
}

/* Few long rows: one after the other, each by all. */
static bool by_row(int64_t rows, int64_t n, int threads)
{
	return n >= SORT_PARALLEL_FROM && rows < 2 * threads;
}

int64_t sort_scratch(enum dtype dtype, bool pairs, int64_t rows, int64_t n)
{
	int threads = engine_threads();
	int64_t size = pairs ? 2 * (int64_t)(wide_pairs(dtype, n) ? sizeof(struct pair64) : sizeof(struct pair32))
			     : (int64_t)dtype_size(dtype);

	return n * size * (by_row(rows, n, threads) ? 1 : rows < threads ? rows : threads);
}

static int worker_init(struct sort_worker *k, const struct sort_run *t, int parts, struct error *err)
{
	struct radix *r = &k->r;
	bool wide = wide_pairs(t->dtype, t->n);

	r->loops = sort_loops_get();
	r->by = &r->loops->by[dtype_real(t->dtype)];
	r->pair = !t->pairs ? NULL : wide ? &r->loops->pair64 : &r->loops->pair32;
	r->n = t->n;
	r->flip = t->flip;
	r->parts = r->workers = parts;
	r->itemsize = !t->pairs ? t->size : wide ? sizeof(struct pair64) : sizeof(struct pair32);
	r->counts = calloc((size_t)parts * MAX_PASSES, sizeof(*r->counts));
	r->offset = calloc((size_t)parts, sizeof(*r->offset));
	if (!r->counts || !r->offset)
		return error_memory(err, (size_t)parts * (MAX_PASSES + 1) * sizeof(*r->counts));
	k->a = buffer_alloc((size_t)t->n * r->itemsize, err);
	if (!k->a)
		return -1;
	if (t->pairs && !(k->b = buffer_alloc((size_t)t->n * r->itemsize, err)))
		return -1;
	return 0;
}

static void worker_release(struct sort_worker *k)
{
	size_t nbytes = (size_t)k->r.n * k->r.itemsize;

	free(k->r.counts);
	free(k->r.offset);
	buffer_free(k->a, nbytes);
	buffer_free(k->b, nbytes);
}

static int run_rows(struct sort_run *t, struct error *err)
{
	int threads = t->n && t->rows >= SORT_PARALLEL_FROM / t->n ? engine_threads() : 1, nworkers, parts = 1,
	    ret = -1;
	int64_t ntasks;

	if (!t->n || !t->rows)
		return 0;
	t->step = ROWS_TASK / t->n + 1;
	ntasks = (t->rows + t->step - 1) / t->step;
	nworkers = ntasks < threads ? (int)ntasks : threads;
	if (by_row(t->rows, t->n, threads)) {
		parts = threads;
		nworkers = 1;
	}
	t->worker = calloc((size_t)nworkers, sizeof(*t->worker));
	if (!t->worker)
		return error_memory(err, (size_t)nworkers * sizeof(*t->worker));
	for (int i = 0; i < nworkers; i++)
		if (worker_init(&t->worker[i], t, parts, err))
			goto done;
	ret = parallel(ntasks, nworkers, sort_task, t, err);
done:
	for (int i = 0; i < nworkers; i++)
		worker_release(&t->worker[i]);
	free(t->worker);
	return ret;
}

int sort_rows(enum dtype dtype, bool descending, const void *x, void *out, int64_t rows, int64_t n, struct error *err)
{
	size_t size = dtype_size(dtype);
	struct sort_run t = { .dtype = dtype,
			      .flip = descending ? UINT64_MAX : 0,
			      .x = x,
			      .out = out,
			      .rows = rows,
			      .n = n,
			      .size = size,
			      .result = size };

	return run_rows(&t, err);
}

int argsort_rows(enum dtype dtype, bool descending, const void *x, int64_t *out, int64_t rows, int64_t n,
		 struct error *err)
{
	struct sort_run t = { .dtype = dtype,
			      .pairs = true,
			      .flip = descending ? UINT64_MAX : 0,
			      .x = x,
			      .out = (char *)out,
			      .rows = rows,
			      .n = n,
			      .size = dtype_size(dtype),
			      .result = sizeof(*out) };

	return run_rows(&t, err);
}

int argsort_next(enum dtype dtype, const void *x, int64_t *order, int64_t n, struct error *err)
{
	struct sort_run t = { .dtype = dtype,
			      .pairs = true,
			      .ordered = true,
			      .x = x,
			      .out = (char *)order,
			      .rows = 1,
			      .n = n,
			      .size = dtype_size(dtype),
			      .result = sizeof(*order) };

	return run_rows(&t, err);
}
