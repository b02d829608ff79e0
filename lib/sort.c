/*
 * Sorts of rows, side by side, or of one long row by all threads: see sort.h.  Values of a long row are parted into buckets,
 * each of which one thread sorts in its cache; pairs with places, and so argsort, are sorted by radix.
 */
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

/* == values == */

/* One long row.  Each part counts what it has for each bucket, then moves it to where that of the parts before ends. */
struct spread {
	const struct sort_loop *by;
	const char *x;
	int64_t n;
	char *keys, *other, *out;
	unsigned char *bucket;
	uint64_t flip, tree[BUCKETS];
	int parts;
	digit_counts *offset; /* [part] */
	int64_t start[BUCKETS + 1];
};

static int64_t part_start(int64_t n, int parts, int64_t part)
{
	return (int64_t)((__int128)n * part / parts);
}

static int bucket_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct spread *s = arg;
	int64_t from = part_start(s->n, s->parts, part), to = part_start(s->n, s->parts, part + 1);

	(void)worker;
	(void)err;
	memset(s->offset[part], 0, sizeof(digit_counts));
	s->by->bucket(s->x + from * s->by->size, to - from, s->tree, s->bucket + from, s->offset[part], s->flip);
	return 0;
}

static int spread_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct spread *s = arg;
	int64_t from = part_start(s->n, s->parts, part), to = part_start(s->n, s->parts, part + 1);

	(void)worker;
	(void)err;
	s->by->scatter(s->x + from * s->by->size, to - from, s->bucket + from, s->offset[part], s->keys, s->flip);
	return 0;
}

static int sort_bucket_task(void *arg, int64_t bucket, int worker, struct error *err)
{
	const struct spread *s = arg;
	int64_t from = s->start[bucket], at = from * s->by->size;
	char *other = s->by->in_place ? NULL : s->other + at;

	(void)worker;
	(void)err;
	s->by->sort(s->keys + at, other, s->start[bucket + 1] - from, s->out + at, s->flip);
	return 0;
}

/* Counts to places: all parts' elements of a digit, or bucket, stand before those of the next. */
static void counts_to_offsets(digit_counts *offset, int parts)
{
	int64_t at = 0;

	for (int d = 0; d < DIGITS; d++)
		for (int part = 0; part < parts; part++) {
			int64_t n = offset[part][d];

			offset[part][d] = at;
			at += n;
		}
}

static int sort_long_row(const struct sort_loop *by, const void *x, int64_t n, void *out, void *scratch, uint64_t flip,
			 int threads, struct error *err)
{
	struct spread s = { .by = by, .x = x, .n = n, .out = out, .flip = flip, .parts = threads };
	int ret = -1;

	/* Which bucket each element is of stands where no keys do yet. */
	s.keys = by->in_place ? out : scratch;
	s.other = by->in_place ? scratch : out;
	s.bucket = (unsigned char *)s.other;
	s.offset = malloc((size_t)s.parts * sizeof(*s.offset));
	if (!s.offset)
		return error_memory(err, (size_t)s.parts * sizeof(*s.offset));
	by->splitters(x, n, s.tree, flip);
	if (parallel(s.parts, threads, bucket_task, &s, err))
		goto done;
	counts_to_offsets(s.offset, s.parts);
	for (int b = 0; b < BUCKETS; b++)
		s.start[b] = s.offset[0][b];
	s.start[BUCKETS] = n;
	ret = parallel(s.parts, threads, spread_task, &s, err) || parallel(BUCKETS, threads, sort_bucket_task, &s, err)
		      ? -1
		      : 0;
done:
	free(s.offset);
	return ret;
}

/* Is a row of values parted into buckets?  One thread needs no tasks, but a radix sort is faster in its cache. */
static bool in_buckets(const struct sort_loop *by, int together)
{
	return together > (by->in_place ? 1 : 0);
}

static int sort_row(const struct sort_loop *by, const void *x, int64_t n, void *out, void *scratch, uint64_t flip,
		    int threads, struct error *err)
{
	if (n <= SORT_SMALL) {
		by->small(x, n, out, flip);
		return 0;
	}
	if (in_buckets(by, threads)) {
		if (sort_long_row(by, x, n, out, scratch, flip, threads, err))
			return -1;
	} else {
		void *keys = by->in_place ? out : scratch;

		by->ordered(x, n, keys, flip);
		by->sort(keys, out, n, out, flip);
	}
	if (by->repair)
		by->repair(x, n, out, flip);
	return 0;
}

/* == pairs == */

/*
 * One row, in as many parts as there are threads for it.  In each pass a part counts its digits, then moves its elements
 * to where those of the parts before end: the result is the same for any number of parts.
 */
struct radix {
	const struct sort_loops *loops;
	const struct sort_loop *by;
	const struct pair_loop *pair;
	const void *x;
	int64_t n, stride;
	const int64_t *order;
	int64_t *out;
	uint64_t flip;
	int parts, workers;
	size_t itemsize; /* of a pair */
	/* of the pass */
	const char *from;
	char *to;
	int pass;
	digit_counts *counts; /* [part][pass] */
	digit_counts *offset; /* [part] */
};

static int histogram_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r->n, r->parts, part), to = part_start(r->n, r->parts, part + 1);
	digit_counts *counts = r->counts + part * MAX_PASSES;

	(void)worker;
	(void)err;
	memset(counts, 0, sizeof(*counts) * (size_t)r->by->size);
	if (r->pair == &r->loops->pair32)
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
	int64_t from = part_start(r->n, r->parts, part), to = part_start(r->n, r->parts, part + 1);
	int64_t *counts = r->offset[part];
	const char *x = r->from + (size_t)from * r->itemsize;

	(void)worker;
	(void)err;
	memset(counts, 0, sizeof(digit_counts));
	r->pair->count(x, to - from, r->pass, counts);
	return 0;
}

static int scatter_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r->n, r->parts, part), to = part_start(r->n, r->parts, part + 1);
	const char *x = r->from + (size_t)from * r->itemsize;

	(void)worker;
	(void)err;
	r->pair->scatter(x, to - from, r->pass, r->offset[part], r->to);
	return 0;
}

static int indices_task(void *arg, int64_t part, int worker, struct error *err)
{
	struct radix *r = arg;
	int64_t from = part_start(r->n, r->parts, part), to = part_start(r->n, r->parts, part + 1);

	(void)worker;
	(void)err;
	r->pair->indices(r->from + (size_t)from * r->itemsize, to - from, r->out + from);
	return 0;
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

/* From from through a and b in turn; the last pass ends in a. */
static int run_passes(struct radix *r, const void *from, void *a, void *b, struct error *err)
{
	int passes[MAX_PASSES], n = passes_needed(r, passes);

	r->from = from;
	for (int i = 0; i < n; i++) {
		r->pass = passes[i];
		r->to = (n - 1 - i) % 2 ? b : a;
		/* The parts have their own counts from the start, for the first pass. */
		for (int part = 0; i == 0 && part < r->parts; part++)
			memcpy(r->offset[part], r->counts[part * MAX_PASSES + passes[0]], sizeof(digit_counts));
		if (i && parallel(r->parts, r->workers, count_task, r, err))
			return -1;
		counts_to_offsets(r->offset, r->parts);
		if (parallel(r->parts, r->workers, scatter_task, r, err))
			return -1;
		r->from = r->to;
	}
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

/*
 * The first places of the order of a row of n: of index, with room for more, the first stay, and what comes before the last of
 * them is added until there is no room.  What is equal to it comes later.
 */
static int first_of_row(struct radix *r, enum dtype dtype, const void *x, int64_t n, int64_t first, int64_t *index,
			int64_t room, int64_t *out, void *a, void *b, struct error *err)
{
	int64_t from = room;

	for (int64_t i = 0; i < room; i++)
		index[i] = i;
	for (r->n = room;; r->n = first + r->loops->by[dtype].before(x, &from, n, index[first - 1], index + first,
								     room - first, r->flip)) {
		if (argsort_row(r, dtype, x, index, true, a, b, err))
			return -1;
		if (from == n)
			break;
	}
	memcpy(out, index, (size_t)first * sizeof(*out));
	return 0;
}

/* == rows == */

struct sort_run {
	enum dtype dtype;
	bool pairs, ordered;
	uint64_t flip;
	const char *x;
	char *out;
	int64_t rows, n, step; /* rows a task */
	int64_t first, room;   /* of first_of_row; 0: all places count */
	int together;	       /* threads that sort each row; 0: one does */
	size_t size, result;   /* of an element, of a result */
	struct sort_worker {
		struct radix r;
		char *a, *b;
		size_t nbytes; /* of each */
		int64_t *index;
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

		int64_t *order = (int64_t *)(void *)out; /* rows of int64 are aligned as the array is */

		if (t->first   ? first_of_row(&k->r, t->dtype, x, t->n, t->first, k->index, t->room, order, k->a, k->b,
					      err)
		    : t->pairs ? argsort_row(&k->r, t->dtype, x, order, t->ordered, k->a, k->b, err)
			       : sort_row(k->r.by, x, t->n, out, k->a, t->flip, t->together, err))
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

/* The room that first_of_row takes; 0: so many of all are wanted that sorting all is as good, or it cannot do it. */
static int64_t first_room(enum dtype dtype, int64_t n, int64_t first)
{
	return first && first <= (n - 4096) / 8 && !dtype_is_complex(dtype) ? 2 * first + 1024 : 0;
}

/* Bytes for one of the two places of pairs, or for keys, of a row that is sorted by as many threads together, or (0) by one. */
static size_t row_scratch(enum dtype dtype, bool pairs, int64_t n, int64_t room, int together)
{
	const struct sort_loop *by = &sort_loops_get()->by[dtype_real(dtype)];

	if (pairs)
		return (size_t)(room ? room : n) *
		       (wide_pairs(dtype, n) ? sizeof(struct pair64) : sizeof(struct pair32));
	if (by->in_place)
		return in_buckets(by, together) ? (size_t)n : 0;
	return (size_t)n * (size_t)by->size;
}

int64_t sort_scratch(enum dtype dtype, bool pairs, int64_t rows, int64_t n, int64_t first)
{
	int threads = engine_threads();
	int64_t room = first_room(dtype, n, first);
	int together = !room && by_row(rows, n, threads) ? threads : 0;

	return ((int64_t)row_scratch(dtype, pairs, n, room, together) * (pairs ? 2 : 1) +
		room * (int64_t)sizeof(int64_t)) *
	       (together	 ? 1
		: rows < threads ? rows
				 : threads);
}

static int worker_init(struct sort_worker *k, const struct sort_run *t, struct error *err)
{
	struct radix *r = &k->r;
	bool wide = wide_pairs(t->dtype, t->n);

	k->nbytes = row_scratch(t->dtype, t->pairs, t->n, t->room, t->together);
	r->loops = sort_loops_get();
	r->by = &r->loops->by[dtype_real(t->dtype)];
	if (k->nbytes && !(k->a = buffer_alloc(k->nbytes, err)))
		return -1;
	if (!t->pairs)
		return 0;
	r->pair = wide ? &r->loops->pair64 : &r->loops->pair32;
	r->n = t->n;
	r->flip = t->flip;
	r->parts = r->workers = t->together ? t->together : 1;
	r->itemsize = wide ? sizeof(struct pair64) : sizeof(struct pair32);
	r->counts = calloc((size_t)r->parts * MAX_PASSES, sizeof(*r->counts));
	r->offset = calloc((size_t)r->parts, sizeof(*r->offset));
	if (!r->counts || !r->offset)
		return error_memory(err, (size_t)r->parts * (MAX_PASSES + 1) * sizeof(*r->counts));
	if (t->room && !(k->index = buffer_alloc((size_t)t->room * sizeof(*k->index), err)))
		return -1;
	k->b = buffer_alloc(k->nbytes, err);
	return k->b ? 0 : -1;
}

static void worker_release(struct sort_worker *k, const struct sort_run *t)
{
	buffer_free(k->index, (size_t)t->room * sizeof(*k->index));
	free(k->r.counts);
	free(k->r.offset);
	buffer_free(k->a, k->nbytes);
	buffer_free(k->b, k->nbytes);
}

static int run_rows(struct sort_run *t, struct error *err)
{
	int threads = t->n && t->rows >= SORT_PARALLEL_FROM / t->n ? engine_threads() : 1, nworkers, ret = -1;
	int64_t ntasks;

	if (!t->n || !t->rows)
		return 0;
	t->step = ROWS_TASK / t->n + 1;
	ntasks = (t->rows + t->step - 1) / t->step;
	nworkers = ntasks < threads ? (int)ntasks : threads;
	if (!t->first && by_row(t->rows, t->n, threads)) {
		t->together = threads;
		nworkers = 1;
	}
	t->worker = calloc((size_t)nworkers, sizeof(*t->worker));
	if (!t->worker)
		return error_memory(err, (size_t)nworkers * sizeof(*t->worker));
	for (int i = 0; i < nworkers; i++)
		if (worker_init(&t->worker[i], t, err))
			goto done;
	ret = parallel(ntasks, nworkers, sort_task, t, err);
done:
	for (int i = 0; i < nworkers; i++)
		worker_release(&t->worker[i], t);
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

int argsort_rows(enum dtype dtype, bool descending, const void *x, int64_t *out, int64_t rows, int64_t n, int64_t first,
		 struct error *err)
{
	int64_t room = first_room(dtype, n, first);
	struct sort_run t = { .dtype = dtype,
			      .pairs = true,
			      .first = room ? first : 0,
			      .room = room,
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
