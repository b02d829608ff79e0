/* Indexing and scattering: see whole.h. */
#include "cuda/whole_internal.h"

#include <string.h>

#include "lib/build_index.h"

/* == indices that are out of bounds == */

/* Memory for what kernels find; 0 where no index can be bad. */
static int bad_init(struct cuda *d, uint64_t *bad, enum index_mode mode, struct error *err)
{
	*bad = 0;
	if (mode != INDEX_RAISE)
		return 0;
	return device_alloc(d, bad, 8, err) || device_zero(d, *bad, 8, err) ? -1 : 0;
}

/* Wait, and say what was found; n is the size of the axis. */
static int bad_check(struct cuda *d, uint64_t bad, uint64_t index, int64_t axis, int64_t n, struct error *err)
{
	uint64_t found;
	int64_t value;

	if (!bad)
		return 0;
	if (device_read(d, &found, bad, 8, err))
		return -1;
	if (!found)
		return 0;
	if (device_read(d, &value, index + ((uint64_t)INT64_MAX - found) * 8, 8, err))
		return -1;
	return index_error(value, axis, n, err);
}

/* == take, along == */

static int by_size(struct cuda *d, const char *const names[5], size_t size, int64_t n, void **params, struct error *err)
{
	int i = 0;

	while (size > 1) {
		size /= 2;
		i++;
	}
	return launch_any(d, names[i], n, params, err);
}

#define SIZES(name) \
	{ \
		name "_1", name "_2", name "_4", name "_8", name "_16" \
	}
static const char *const take_names[5] = SIZES("take"), *const along_names[5] = SIZES("along"),
			 *const copy_names[5] = SIZES("scatter_copy");
#undef SIZES

int cuda_take(struct cuda *d, const struct cuda_take *t, uint64_t x, uint64_t index, uint64_t out, struct error *err)
{
	int64_t size = t->outer * t->m * t->row, m = t->m, n = t->n, row = t->row;
	int mode = (int)t->mode, ret = -1;
	uint64_t bad;
	void *params[] = { &size, &out, &x, &index, &m, &n, &row, &mode, &bad };
	void *check[] = { &m, &index, &n, &mode, &bad };

	/* As in NumPy, indices count where it is the rows that are empty, but not where there is nothing to index. */
	if (!size && (row || !m))
		return 0;
	if (!bad_init(d, &bad, t->mode, err) &&
	    !(size ? by_size(d, take_names, t->size, size, params, err) : launch_any(d, "index_check", m, check, err)))
		ret = bad_check(d, bad, index, t->axis, n, err);
	device_free(d, bad);
	return ret;
}

int cuda_along(struct cuda *d, const struct cuda_take *t, uint64_t x, uint64_t index, uint64_t out, struct error *err)
{
	int64_t size = t->outer * t->m * t->row, m = t->m, n = t->n, row = t->row;
	int mode = (int)t->mode, ret = -1;
	uint64_t bad;
	void *params[] = { &size, &out, &x, &index, &m, &n, &row, &mode, &bad };

	if (!size)
		return 0;
	if (!bad_init(d, &bad, t->mode, err) && !by_size(d, along_names, t->size, size, params, err))
		ret = bad_check(d, bad, index, t->axis, n, err);
	device_free(d, bad);
	return ret;
}

/* == scatter == */

static int64_t product(const int64_t *dim, int from, int to)
{
	int64_t n = 1;

	for (int i = from; i < to; i++)
		n *= dim[i];
	return n;
}

/* The last of count elements that goes to each of n places, of size bytes, stays; element i is src[i % each]. */
static int put_last(struct cuda *d, const struct scatter_layout *l, size_t size, int64_t n, uint64_t index,
		    int64_t count, uint64_t src, int64_t each, uint64_t out, struct error *err)
{
	uint64_t last = 0, bad;
	size_t nbytes = (size_t)n * 8;
	void *find[] = { &count, &last, &index, (void *)l, &bad };
	void *copy[] = { &n, &out, &src, &last, &each };
	int ret = -1;

	if (!bad_init(d, &bad, (enum index_mode)l->mode, err) && !device_alloc(d, &last, nbytes, err) &&
	    !device_zero(d, last, nbytes, err) && !launch_any(d, "scatter_last", count, find, err) &&
	    !by_size(d, copy_names, size, n, copy, err))
		ret = bad_check(d, bad, index, l->axis, l->n, err);
	device_free(d, last);
	device_free(d, bad);
	return ret;
}

static const char *add_name(enum dtype d)
{
	switch (d) {
	case DT_BOOL:
		return "scatter_add_b";
	case DT_I8:
	case DT_U8:
		return "scatter_add_u8";
	case DT_I16:
	case DT_U16:
		return "scatter_add_u16";
	case DT_I32:
	case DT_U32:
		return "scatter_add_u32";
	case DT_I64:
	case DT_U64:
		return "scatter_add_u64";
	case DT_F32:
		return "scatter_add_f32";
	case DT_F64:
		return "scatter_add_f64";
	case DT_C64:
		return "scatter_add_c64";
	case DT_C128:
		return "scatter_add_c128";
	case DT_F16:
	case DT_BF16:
	case DT_F8E4M3:
	case DT_F8E5M2:
	case NDTYPES:
		break;
	}
	return NULL;
}

/*
 * One index for all elements at a place along the axis (index_add): its places are sorted, and each stands for rows of src.
 * Otherwise each element has a place of its own.
 */
static bool is_vector(const struct scatter *s)
{
	for (int i = 0; i < s->ndim; i++)
		if (i != s->axis && s->istride[i])
			return false;
	return s->istride[s->axis] == 1;
}

static int add_sorted(struct cuda *d, enum dtype dtype, const struct scatter *s, struct scatter_layout l,
		      uint64_t index, int64_t count, uint64_t src, uint64_t out, struct error *err)
{
	int64_t m = count, n = 1, inner = 1, one = 1;
	struct sorting sort = { 0 };
	uint64_t order = 0, bad;
	void *keys[] = { &m, NULL, NULL, &index, &l, &bad };
	void *add[] = { &count, &out, &src, NULL, &order, &m, &n, &inner };
	int ret = -1;

	if (is_vector(s)) {
		m = s->dim[s->axis];
		n = s->n;
		inner = product(s->dim, s->axis + 1, s->ndim);
		l.ndim = one;
		l.axis = 0;
		l.dim[0] = m;
		l.stride[0] = l.istride[0] = 1;
	}
	if (!bad_init(d, &bad, INDEX_RAISE, err) && !device_alloc(d, &order, (size_t)m * 8, err) &&
	    !sorting_init(&sort, d, true, false, order, 1, m, err)) {
		keys[1] = &sort.keys[sort.start];
		keys[2] = &sort.index[sort.start];
		add[3] = &sort.keys[0];
		if (!launch_any(d, "scatter_key", m, keys, err) && !bad_check(d, bad, index, s->axis, s->n, err) &&
		    !sorting_run(&sort, true, err) && !launch_any(d, add_name(dtype), count, add, err))
			ret = 0;
	}
	sorting_release(&sort);
	device_free(d, order);
	device_free(d, bad);
	return ret;
}

int cuda_scatter(struct cuda *d, enum dtype dtype, const struct scatter *s, bool add, uint64_t x, int64_t count,
		 uint64_t index, uint64_t src, uint64_t out, struct error *err)
{
	struct scatter_layout l = { .ndim = s->ndim, .axis = s->axis, .n = s->n, .mode = INDEX_RAISE };
	int64_t size = product(s->dim, 0, s->ndim);

	memcpy(l.dim, s->dim, sizeof(l.dim));
	memcpy(l.stride, s->stride, sizeof(l.stride));
	memcpy(l.istride, s->istride, sizeof(l.istride));
	if (device_copy(d, out, x, (size_t)count * dtype_size(dtype), err))
		return -1;
	if (!size)
		return 0;
	if (add)
		return add_sorted(d, dtype, s, l, index, size, src, out, err);
	return put_last(d, &l, dtype_size(dtype), count, index, size, src, size, out, err);
}

int cuda_put(struct cuda *d, size_t size, enum index_mode mode, uint64_t x, int64_t count, uint64_t index,
	     int64_t nindex, uint64_t src, int64_t each, uint64_t out, struct error *err)
{
	struct scatter_layout l = {
		.ndim = 1, .dim = { nindex }, .stride = { 1 }, .istride = { 1 }, .n = count, .mode = mode
	};

	if (device_copy(d, out, x, (size_t)count * size, err))
		return -1;
	return nindex ? put_last(d, &l, size, count, index, nindex, src, each, out, err) : 0;
}
