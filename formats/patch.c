/*
 * In place: write into the elements of an array in its own file.  Runs of neighbouring elements are written as they are;
 * scattered ones are put into a window of the file that is read, changed and written back.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/zip.h"

enum {
	WINDOW = 256 << 10,
	LONG_RUN = 16 << 10, /* bytes from which on a run is worth a call of its own */
};

struct patch {
	int fd;
	char *name;
	enum dtype dtype;
	bool swap;
	int64_t start;	    /* offset in the file of element (0, 0, ...) */
	struct shape shape; /* neighbouring axes that can be one are one */
	int64_t strides[MAX_NDIM];
	/* the window: bytes [low, high) of the file; of these [dirty_low, dirty_high) were changed */
	unsigned char *window;
	int64_t low, high, dirty_low, dirty_high;
	struct zip_guard *guard; /* of the checksum, where the file is a zip archive */
};

/* Copy the shape without axes of length 1, axes that continue each other merged into one. */
static void merge_axes(struct patch *p, const struct array *a)
{
	struct shape *s = &p->shape;

	for (int i = 0; i < a->shape.ndim; i++) {
		int64_t dim = a->shape.dim[i], stride = a->strides[i];
		int last = s->ndim - 1;

		if (dim == 1)
			continue;
		if (last >= 0 && p->strides[last] == stride * dim) {
			s->dim[last] *= dim;
			p->strides[last] = stride;
			continue;
		}
		s->dim[s->ndim] = dim;
		p->strides[s->ndim] = stride;
		s->ndim++;
	}
	if (!s->ndim) {
		s->ndim = 1;
		s->dim[0] = 1;
		p->strides[0] = (int64_t)dtype_size(p->dtype);
	}
}

/*
 * Do two elements share a byte?  Each axis, from the shortest step to the longest, has to step over all that the axes before it
 * span.  Strides made by hand can avoid each other without that; they are not worth a search for solutions.
 */
static bool overlaps(const struct array *a)
{
	int64_t steps[MAX_NDIM], dims[MAX_NDIM], span = (int64_t)dtype_size(a->dtype);
	int n = 0;

	for (int i = 0; i < a->shape.ndim; i++) {
		int64_t step;
		int k = n;

		if (a->shape.dim[i] == 0)
			return false;
		if (a->shape.dim[i] == 1)
			continue;
		step = a->strides[i] < 0 ? -a->strides[i] : a->strides[i];
		for (; k && steps[k - 1] > step; k--) {
			steps[k] = steps[k - 1];
			dims[k] = dims[k - 1];
		}
		steps[k] = step;
		dims[k] = a->shape.dim[i];
		n++;
	}
	for (int i = 0; i < n; i++) {
		if (steps[i] < span)
			return true;
		span += steps[i] * (dims[i] - 1);
	}
	return false;
}

/* The bytes of the file that hold the elements: [*low, *high). */
static void find_extent(const struct array *a, int64_t start, int64_t *low, int64_t *high)
{
	*low = start + a->offset;
	*high = *low + (int64_t)dtype_size(a->dtype);
	for (int i = 0; i < a->shape.ndim; i++) {
		int64_t reach = (a->shape.dim[i] - 1) * a->strides[i];

		if (!a->shape.dim[i])
			*high = *low;
		else if (reach < 0)
			*low += reach;
		else
			*high += reach;
	}
}

int patch_open(struct patch **out, const struct array *a, struct error *err)
{
	int64_t start, low, high;
	const char *path;
	struct patch *p;
	struct stat st;

	if (!source_in_file(a->src, &start))
		return error_set(err, ERR_FILE, "%s: is no file that could be changed in place", a->src->name);
	if (overlaps(a))
		return error_set(err, ERR_VALUE,
				 "%s: unsupported operation: more than one element of the written-to tensor refers to "
				 "a single memory location. Please clone() the tensor before performing the operation.",
				 a->src->name);
	path = source_path(a->src);
	if (!(p = calloc(1, sizeof(*p))))
		return error_memory(err, sizeof(*p));
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd < 0) {
		error_errno(err, ERR_FILE, "cannot change %s in place", path);
		goto fail;
	}
	if (fstat(p->fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_dev != a->src->dev ||
	    (uint64_t)st.st_ino != a->src->ino) {
		error_set(err, ERR_FILE, "%s: was replaced by another file meanwhile", path);
		goto fail;
	}
	p->name = strdup(path);
	p->window = malloc(WINDOW);
	if (!p->name || !p->window) {
		error_memory(err, WINDOW);
		goto fail;
	}
	p->dtype = a->dtype;
	p->swap = a->swap;
	p->start = start + a->offset;
	find_extent(a, start, &low, &high);
	if (low < high && zip_guard_open(&p->guard, path, low, high, err))
		goto fail;
	merge_axes(p, a);
	*out = p;
	return 0;
fail:
	if (p->fd >= 0)
		close(p->fd);
	free(p->window);
	free(p->name);
	free(p);
	return -1;
}

static int write_at(struct patch *p, const unsigned char *buf, size_t n, int64_t offset, struct error *err)
{
	while (n) {
		ssize_t k = pwrite(p->fd, buf, n, (off_t)offset);

		if (k < 0 && errno != EINTR)
			return error_errno(err, ERR_RESOURCE, "cannot write %s", p->name);
		if (k > 0) {
			buf += k;
			n -= (size_t)k;
			offset += k;
		}
	}
	return 0;
}

static int flush_window(struct patch *p, struct error *err)
{
	int64_t low = p->dirty_low;
	size_t n = (size_t)(p->dirty_high - low);

	p->dirty_low = p->dirty_high = p->low;
	return n ? write_at(p, p->window + (low - p->low), n, low, err) : 0;
}

/*
 * Have bytes [offset, offset + n) in the window, n <= WINDOW.  The window reaches as far in the direction of the next
 * elements as it can; at the end of the file it is shorter.
 */
static int load_window(struct patch *p, int64_t offset, size_t n, bool backward, struct error *err)
{
	if (offset >= p->low && offset + (int64_t)n <= p->high)
		return 0;
	if (flush_window(p, err))
		return -1;

	int64_t low = backward ? offset + (int64_t)n - WINDOW : offset;
	if (low < 0)
		low = 0;
	p->low = p->high = p->dirty_low = p->dirty_high = low;
	while (p->high - low < WINDOW) {
		ssize_t k =
			pread(p->fd, p->window + (p->high - low), (size_t)(WINDOW - (p->high - low)), (off_t)p->high);

		if (k == 0)
			break;
		if (k < 0 && errno != EINTR)
			return error_errno(err, ERR_FILE, "cannot read %s", p->name);
		if (k > 0)
			p->high += k;
	}
	if (offset + (int64_t)n > p->high)
		return error_set(err, ERR_FILE, "%s: became shorter meanwhile", p->name);
	return 0;
}

/* n neighbouring elements at offset in the file. */
static int write_run(struct patch *p, const unsigned char *from, int64_t n, int64_t offset, bool backward,
		     struct error *err)
{
	size_t itemsize = dtype_size(p->dtype), left = (size_t)n * itemsize;
	size_t unit = p->swap ? dtype_info[p->dtype].swapsize : 1;

	if (left >= LONG_RUN) {
		/* Behind the window's back: so it is given up. */
		if (flush_window(p, err))
			return -1;
		p->low = p->high = 0;
		p->dirty_low = p->dirty_high = 0;
		if (unit == 1)
			return write_at(p, from, left, offset, err);
		for (; left; left -= n, from += n, offset += n) {
			n = left < WINDOW ? (int64_t)left : WINDOW;
			copy_swapped(p->window, from, (size_t)n, unit);
			if (write_at(p, p->window, (size_t)n, offset, err))
				return -1;
		}
		return 0;
	}
	if (load_window(p, offset, left, backward, err))
		return -1;
	copy_swapped(p->window + (offset - p->low), from, left, unit);
	if (p->dirty_low == p->dirty_high) {
		p->dirty_low = offset;
		p->dirty_high = offset + (int64_t)left;
	}
	if (offset < p->dirty_low)
		p->dirty_low = offset;
	if (offset + (int64_t)left > p->dirty_high)
		p->dirty_high = offset + (int64_t)left;
	return 0;
}

int patch_write(struct patch *p, const void *elements, int64_t start, int64_t n, struct error *err)
{
	const struct shape *s = &p->shape;
	int64_t itemsize = (int64_t)dtype_size(p->dtype);
	int last = s->ndim - 1;
	bool contiguous = p->strides[last] == itemsize;
	const unsigned char *from = elements;
	int64_t index[MAX_NDIM], offset = p->start;

	if (!n)
		return 0;
	for (int i = last; i >= 0; i--) {
		index[i] = start % s->dim[i];
		start /= s->dim[i];
		offset += index[i] * p->strides[i];
	}
	while (n) {
		int64_t k = contiguous ? s->dim[last] - index[last] : 1;

		if (k > n)
			k = n;
		if (write_run(p, from, k, offset, p->strides[last] < 0, err))
			return -1;
		from += k * itemsize;
		n -= k;

		/* The index of the next element. */
		index[last] += k;
		offset += k * p->strides[last];
		for (int i = last; i > 0 && index[i] == s->dim[i]; i--) {
			offset += p->strides[i - 1] - index[i] * p->strides[i];
			index[i] = 0;
			index[i - 1]++;
		}
	}
	return flush_window(p, err);
}

int patch_close(struct patch *p, struct error *err)
{
	int ret = 0;

	if (!p)
		return 0;
	ret = zip_guard_close(p->guard, p->fd, err);
	if (close(p->fd) && errno != EINTR && !ret)
		ret = error_errno(err, ERR_RESOURCE, "cannot write %s", p->name);
	free(p->window);
	free(p->name);
	free(p);
	return ret;
}
