/*
 * Preloaded by tests/test_alloc.py: the allocation number ALLOC_FAIL fails, counted from the start of the program; with
 * ALLOC_COUNT the number of allocations is written to that file at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static atomic_long calls;
static long failing = -1;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static int (*real_memalign)(void **, size_t, size_t);
static void *(*real_aligned)(size_t, size_t);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

/* dlsym itself may allocate: from here. */
static char early[1 << 16];
static size_t early_used;

static void *early_alloc(size_t n)
{
	void *p = early + early_used;

	early_used += (n + 15) & ~(size_t)15;
	return early_used <= sizeof(early) ? p : NULL;
}

static void find(void)
{
	static int busy;

	if (real_mmap || busy)
		return;
	busy = 1;
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_memalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
	real_aligned = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
	real_mmap = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
	busy = 0;
}

__attribute__((constructor)) static void start(void)
{
	const char *n = getenv("ALLOC_FAIL");

	find();
	atomic_store(&calls, 0);
	failing = n ? atol(n) : -1;
}

__attribute__((destructor)) static void stop(void)
{
	const char *path = getenv("ALLOC_COUNT");
	long n = atomic_load(&calls);
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f) {
		fprintf(f, "%ld\n", n);
		fclose(f);
	}
}

static int fails(void)
{
	if (atomic_fetch_add(&calls, 1) + 1 != failing)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	find();
	return !real_malloc ? early_alloc(n) : fails() ? NULL : real_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	find();
	return !real_calloc ? early_alloc(n * size) : fails() ? NULL : real_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	find();
	return fails() ? NULL : real_realloc(p, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	find();
	return fails() ? ENOMEM : real_memalign(p, align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	find();
	return fails() ? NULL : real_aligned(align, n);
}

void *mmap(void *addr, size_t n, int prot, int flags, int fd, off_t offset)
{
	find();
	return fails() ? MAP_FAILED : real_mmap(addr, n, prot, flags, fd, offset);
}
