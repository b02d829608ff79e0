/* The places where a mask is true: see whole.h. */
#include "cuda/whole_internal.h"

int cuda_places_count(struct cuda *d, uint64_t mask, int64_t n, uint64_t out, struct error *err)
{
	int64_t task = PLACES_TASK, tasks = pieces(n, task);
	size_t nbytes = (size_t)(tasks + 1) * 8;
	uint64_t counts;
	void *params[] = { &n, &counts, &mask, &task };
	int ret = -1;

	if (device_alloc(d, &counts, nbytes, err))
		return -1;
	if (!launch(d, "places_count", tasks ? least(tasks, MOST_BLOCKS) : 1, PLACES_THREADS, 0, params, err))
		ret = cuda_scan(d, SCAN_SUM, DT_I64, counts, out, 1, tasks + 1, 1, err);
	device_free(d, counts);
	return ret;
}

static int places_index(struct cuda *d, uint64_t mask, uint64_t before, int64_t n, uint64_t out, struct error *err)
{
	int64_t task = PLACES_TASK;
	void *params[] = { &n, &out, &mask, &before, &task };

	return launch(d, "places_index", least(pieces(n, task), MOST_BLOCKS), PLACES_THREADS, 0, params, err);
}

int cuda_places(struct cuda *d, uint64_t mask, uint64_t before, const struct shape *shape, int64_t count, bool axes,
		uint64_t out, struct error *err)
{
	struct strided_layout l = { .ndim = shape->ndim };
	int64_t n = 1, size = count * shape->ndim;
	size_t nbytes = (size_t)count * 8;
	int flag = axes, ret = -1;
	uint64_t index;
	void *params[] = { &size, &out, &index, &count, &flag, &l };

	for (int i = shape->ndim - 1; i >= 0; i--) {
		l.dim[i] = shape->dim[i];
		l.stride[i] = n;
		n *= shape->dim[i];
	}
	if (!size)
		return 0;
	if (shape->ndim == 1)
		return places_index(d, mask, before, n, out, err);
	if (device_alloc(d, &index, nbytes, err))
		return -1;
	if (!places_index(d, mask, before, n, index, err))
		ret = launch_any(d, "places_coordinates", size, params, err);
	device_free(d, index);
	return ret;
}

int cuda_select(struct cuda *d, uint64_t mask, uint64_t before, int64_t n, int64_t count, size_t size, int64_t row,
		uint64_t x, uint64_t out, struct error *err)
{
	/* No place is out of bounds: INDEX_WRAP asks for no check. */
	struct cuda_take t = { .size = size, .outer = 1, .m = count, .n = n, .row = row, .mode = INDEX_WRAP };
	size_t nbytes = (size_t)count * 8;
	uint64_t index;
	int ret = -1;

	if (!count || !row)
		return 0;
	if (device_alloc(d, &index, nbytes, err))
		return -1;
	if (!places_index(d, mask, before, n, index, err))
		ret = cuda_take(d, &t, x, index, out, err);
	device_free(d, index);
	return ret;
}
