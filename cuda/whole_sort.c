/* Sorting and searching: see whole.h. */
#include "cuda/whole_internal.h"

/* What makes keys of a dtype; complex numbers are sorted by their parts and classes. */
static const struct {
	const char *key;
	bool wide; /* keys of 64 bits */
} keys_of[NDTYPES] = {
#define ROW(dtype, s, wide) [DT_##dtype] = { "sort_key_" #s, wide }
	ROW(BOOL, u8, false), ROW(I8, i8, false),	ROW(U8, u8, false),	  ROW(I16, i16, false),
	ROW(U16, u16, false), ROW(I32, i32, false),	ROW(U32, u32, false),	  ROW(I64, i64, true),
	ROW(U64, u64, true),  ROW(F16, f16, false),	ROW(BF16, bf16, false),	  ROW(F32, f32, false),
	ROW(F64, f64, true),  ROW(F8E4M3, e4m3, false), ROW(F8E5M2, e5m2, false),
#undef ROW
};

void sorting_release(struct sorting *s)
{
	device_free(s->d, s->keys[0]);
	device_free(s->d, s->keys[1]);
	device_free(s->d, s->index[1]);
}

/* Merging passes after the tiles are sorted. */
static int passes(int64_t n)
{
	int count = 0;

	for (int64_t run = SORT_TILE; run < n; run *= 2)
		count++;
	return count;
}

int sorting_init(struct sorting *s, struct cuda *d, bool wide, bool descending, uint64_t out, int64_t rows, int64_t n,
		 struct error *err)
{
	size_t keys_bytes = (size_t)(rows * n) * (wide ? 8 : 4), index_bytes = (size_t)(rows * n) * 8;

	*s = (struct sorting){ .d = d, .rows = rows, .n = n, .index = { out }, .flip = descending ? UINT64_MAX : 0 };
	s->start = passes(n) % 2;
	if (device_alloc(d, &s->keys[0], keys_bytes, err))
		return -1;
	if (passes(n) &&
	    (device_alloc(d, &s->keys[1], keys_bytes, err) || device_alloc(d, &s->index[1], index_bytes, err)))
		return -1;
	return 0;
}

int sorting_run(struct sorting *s, bool wide, struct error *err)
{
	int at = s->start;
	int64_t tiles = s->rows * pieces(s->n, SORT_TILE);
	void *params[] = { &s->rows, &s->n, &s->keys[at], &s->index[at] };

	if (launch(s->d, wide ? "sort_tile_64" : "sort_tile_32", least(tiles, MOST_BLOCKS), SORT_THREADS, 0, params,
		   err))
		return -1;
	for (int64_t run = SORT_TILE; run < s->n; run *= 2, at = !at) {
		void *merge[] = { &s->rows, &s->n, &s->keys[!at], &s->index[!at], &s->keys[at], &s->index[at], &run };

		if (launch_any(s->d, wide ? "sort_merge_64" : "sort_merge_32", s->rows * pieces(s->n, SORT_ITEMS),
			       merge, err))
			return -1;
	}
	return 0;
}

/* By one key: order, or 0, to index[0]. */
static int sort_by(struct sorting *s, enum dtype dtype, uint64_t x, int64_t stride, uint64_t order, struct error *err)
{
	int at = s->start;
	int64_t size = s->rows * s->n;
	void *params[] = { &size, &s->keys[at], &s->index[at], &x, &order, &s->n, &stride, &s->flip };

	return launch_any(s->d, keys_of[dtype].key, size, params, err) || sorting_run(s, keys_of[dtype].wide, err) ? -1
														   : 0;
}

/* By the imaginary parts, the real parts, and at last by what is NaN of them: each keeps the order of the one before. */
static int sort_complex(struct sorting *s, enum dtype dtype, uint64_t x, uint64_t order, struct error *err)
{
	enum dtype part = dtype_real(dtype);
	int at = s->start;
	int64_t size = s->rows * s->n;
	void *params[] = { &size, &s->keys[at], &s->index[at], &x, &s->index[0], &s->n, &s->flip };

	if (sort_by(s, part, x + dtype_size(part), 2, order, err) || sort_by(s, part, x, 2, s->index[0], err) ||
	    launch_any(s->d, dtype == DT_C64 ? "sort_class_c64" : "sort_class_c128", size, params, err))
		return -1;
	return sorting_run(s, false, err);
}

static int argsort(struct cuda *d, enum dtype dtype, bool descending, uint64_t x, uint64_t order, uint64_t out,
		   int64_t rows, int64_t n, struct error *err)
{
	struct sorting s;
	int ret = -1;

	if (!rows || !n)
		return 0;
	if (!sorting_init(&s, d, keys_of[dtype_real(dtype)].wide, descending, out, rows, n, err))
		ret = dtype_is_complex(dtype) ? sort_complex(&s, dtype, x, order, err)
					      : sort_by(&s, dtype, x, 1, order, err);
	sorting_release(&s);
	return ret;
}

int cuda_argsort(struct cuda *d, enum dtype dtype, bool descending, uint64_t x, uint64_t out, int64_t rows, int64_t n,
		 struct error *err)
{
	return argsort(d, dtype, descending, x, 0, out, rows, n, err);
}

int cuda_argsort_next(struct cuda *d, enum dtype dtype, uint64_t x, uint64_t order, int64_t n, struct error *err)
{
	return argsort(d, dtype, false, x, order, order, 1, n, err);
}

int cuda_sort(struct cuda *d, enum dtype dtype, bool descending, uint64_t x, uint64_t out, int64_t rows, int64_t n,
	      struct error *err)
{
	struct cuda_take t = { .size = dtype_size(dtype), .outer = rows, .m = n, .n = n, .row = 1, .mode = INDEX_WRAP };
	size_t nbytes = (size_t)(rows * n) * 8;
	uint64_t index;
	int ret;

	if (!rows || !n)
		return 0;
	if (device_alloc(d, &index, nbytes, err))
		return -1;
	/* No place is out of bounds: INDEX_WRAP asks for no check. */
	ret = cuda_argsort(d, dtype, descending, x, index, rows, n, err) || cuda_along(d, &t, x, index, out, err) ? -1
														  : 0;
	device_free(d, index);
	return ret;
}

/* == searching == */

static int keys_make(struct cuda *d, enum dtype dtype, uint64_t *keys, uint64_t x, int64_t n, struct error *err)
{
	size_t nbytes = (size_t)n * (keys_of[dtype].wide ? 8 : 4);
	int64_t stride = 1;
	uint64_t none = 0;
	void *params[] = { &n, keys, &none, &x, &none, &n, &stride, &none };

	if (device_alloc(d, keys, nbytes, err))
		return -1;
	return n ? launch_any(d, keys_of[dtype].key, n, params, err) : 0;
}

/* The key of NaN: all ones, in as many bits as the element has; 0: there is none. */
static uint64_t nan_key(enum dtype dtype)
{
	return dtype_is_float(dtype) ? UINT64_MAX >> (64 - 8 * dtype_size(dtype)) : 0;
}

static int search_keys(struct cuda *d, enum dtype dtype, enum look_up what, uint64_t keys, int64_t m, uint64_t x,
		       int64_t n, uint64_t out, struct error *err)
{
	bool wide = keys_of[dtype].wide, member = what >= LOOK_MEMBER;
	int flag = what == LOOK_RIGHT || what == LOOK_NOT_MEMBER;
	uint64_t nan = nan_key(dtype);
	void *params[] = { &n, &out, &keys, &m, &x, &flag, &nan };

	if (member)
		return launch_any(d, wide ? "member_64" : "member_32", n, params, err);
	return launch_any(d, wide ? "search_64" : "search_32", n, params, err);
}

int cuda_search(struct cuda *d, enum dtype dtype, enum look_up what, uint64_t sorted, int64_t m, uint64_t x, int64_t n,
		uint64_t out, struct error *err)
{
	int flag = what == LOOK_RIGHT || what == LOOK_NOT_MEMBER, ret = -1;
	void *params[] = { &n, &out, &sorted, &m, &x, &flag };
	uint64_t keys[2] = { 0, 0 };

	if (!n)
		return 0;
	if (dtype_is_complex(dtype))
		return launch_any(d, what >= LOOK_MEMBER ? "member_c128" : "search_c128", n, params, err);
	if (!keys_make(d, dtype, &keys[0], sorted, m, err) && !keys_make(d, dtype, &keys[1], x, n, err))
		ret = search_keys(d, dtype, what, keys[0], m, keys[1], n, out, err);
	device_free(d, keys[0]);
	device_free(d, keys[1]);
	return ret;
}

int cuda_distinct(struct cuda *d, enum dtype dtype, bool each_nan, uint64_t x, uint64_t order, int64_t m, int64_t n,
		  uint64_t first, struct error *err)
{
	bool wide = keys_of[dtype].wide;
	int flag = each_nan, ret = -1;
	uint64_t keys = 0, nan = each_nan ? nan_key(dtype) : 0;
	void *params[] = { &n, &first, dtype_is_complex(dtype) ? &x : &keys, &order, &m, NULL };

	if (!n)
		return 0;
	if (dtype_is_complex(dtype)) {
		params[5] = &flag;
		return launch_any(d, dtype == DT_C64 ? "distinct_c64" : "distinct_c128", n, params, err);
	}
	params[5] = &nan;
	if (!keys_make(d, dtype, &keys, x, m * n, err))
		ret = launch_any(d, wide ? "distinct_64" : "distinct_32", n, params, err);
	device_free(d, keys);
	return ret;
}
