/* Sources, shapes and blocks of memory: see array.h. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_HUGEPAGE */
#include "array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct source *source_ref(struct source *src)
{
	if (src)
		atomic_fetch_add(&src->refs, 1);
	return src;
}

void source_unref(struct source *src)
{
	if (src && atomic_fetch_sub(&src->refs, 1) == 1)
		src->ops->close(src);
}

int source_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	if (src->data) {
		memcpy(buf, src->data + offset, n);
		return 0;
	}
	if (src->ops->read(src, buf, n, offset, err)) {
		if (src->name)
			error_prefix(err, src->name);
		return -1;
	}
	return 0;
}

void array_release(struct array *a)
{
	source_unref(a->src);
	a->src = NULL;
}

int64_t shape_size(const struct shape *s)
{
	int64_t n = 1;
	bool overflow = false;

	for (int i = 0; i < s->ndim; i++) {
		if (s->dim[i] == 0)
			return 0;
		if (__builtin_mul_overflow(n, s->dim[i], &n))
			overflow = true;
	}
	return overflow ? -1 : n;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
	return a->ndim == b->ndim && !memcmp(a->dim, b->dim, (size_t)a->ndim * sizeof(a->dim[0]));
}

void shape_strides(const struct shape *s, size_t itemsize, bool fortran, int64_t strides[MAX_NDIM])
{
	/* Unsigned: the other sizes of an empty array may overflow, and are not used. */
	uint64_t step = itemsize;

	for (int k = 0; k < s->ndim; k++) {
		int i = fortran ? k : s->ndim - 1 - k;

		strides[i] = (int64_t)step;
		step *= s->dim[i] ? (uint64_t)s->dim[i] : 1;
	}
}

bool shape_is_fortran(const struct shape *s, size_t itemsize, const int64_t *strides)
{
	int64_t packed[2][MAX_NDIM];
	bool same[2] = { true, true };

	for (int k = 0; k < 2; k++) {
		shape_strides(s, itemsize, k == 1, packed[k]);
		for (int i = 0; i < s->ndim; i++)
			same[k] = same[k] && (s->dim[i] == 1 || strides[i] == packed[k][i]);
	}
	return same[1] && !same[0];
}

char *shape_text(const struct shape *s, char *buf, size_t n)
{
	size_t len = 0;

	if (s->ndim == 1) {
		snprintf(buf, n, "(%" PRId64 ",)", s->dim[0]);
		return buf;
	}
	snprintf(buf, n, "(");
	for (int i = 0; i < s->ndim; i++) {
		len = strlen(buf);
		snprintf(buf + len, n - len, i ? ", %" PRId64 : "%" PRId64, s->dim[i]);
	}
	len = strlen(buf);
	snprintf(buf + len, n - len, ")");
	return buf;
}

enum { BUFFER_SLACK = 2048, HUGE_PAGE = 2 << 20, MMAP_FROM = 1 << 20 };

void *buffer_alloc(size_t n, struct error *err)
{
	size_t room;

	if (__builtin_add_overflow(n, (size_t)BUFFER_SLACK + HUGE_PAGE, &room) || room > PTRDIFF_MAX) {
		error_memory(err, n);
		return NULL;
	}
	if (n < MMAP_FROM) {
		void *p = NULL;

		if (posix_memalign(&p, 64, n + BUFFER_SLACK)) {
			error_memory(err, n);
			return NULL;
		}
		return p;
	}

	/* Reserve one huge page more than needed and give the ends back, so that the block starts on one. */
	char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		error_memory(err, n);
		return NULL;
	}

	size_t head = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
	size_t keep = (n + BUFFER_SLACK + 4095) / 4096 * 4096;
	if (head)
		munmap(p, head);
	if (room - head > keep)
		munmap(p + head + keep, room - head - keep);
	madvise(p + head, keep, MADV_HUGEPAGE);
	return p + head;
}

void buffer_free(void *p, size_t n)
{
	if (!p)
		return;
	if (n < MMAP_FROM)
		free(p);
	else
		munmap(p, (n + BUFFER_SLACK + 4095) / 4096 * 4096);
}

static void buffer_close(struct source *src)
{
	buffer_free((void *)src->data, (size_t)src->nbytes);
	free(src->name);
	free(src);
}

static const struct source_ops buffer_ops = { .close = buffer_close };

struct source *buffer_source(void *p, size_t nbytes, const char *name, struct error *err)
{
	struct source *src = calloc(1, sizeof(*src));

	if (!src || (name && !(src->name = strdup(name)))) {
		free(src);
		buffer_free(p, nbytes);
		error_memory(err, sizeof(*src));
		return NULL;
	}
	src->ops = &buffer_ops;
	src->refs = 1;
	src->data = p;
	src->nbytes = (int64_t)nbytes;
	return src;
}
