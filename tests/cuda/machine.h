/*
 * What cuda/whole*.c call (cuda/cuda.h), on the emulated machine: memory of the host, launches at once.  A kernel whose threads know
 * nothing of each other, or whose blocks take any grid, runs with a grid of its own each time: results must not depend on it.
 * For one source file of a test.
 */
#ifndef TENSOR_TESTS_CUDA_MACHINE_H
#define TENSOR_TESTS_CUDA_MACHINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "emulate.h"

/* of C, which C++ has elsewhere */
using std::atomic_int;
using std::atomic_llong;

extern "C" {
#include "cuda/whole.h"
}

static std::map<uint64_t, size_t> device_memory; /* allocations */
static long launches, launches_left = -1;	 /* that succeed; -1: all */
static long allocations_left = -1;

static uint64_t machine_state = 0x9e3779b97f4a7c15u;

static uint64_t machine_random()
{
	machine_state ^= machine_state << 13;
	machine_state ^= machine_state >> 7;
	machine_state ^= machine_state << 17;
	return machine_state;
}

extern "C" int launch(struct cuda *, const char *name, int64_t blocks, int threads, size_t shared, void **params,
		      struct error *err)
{
	const emulate::kernel *k = emulate::find(name);
	const char *failed = k ? NULL : "is not there";

	if (!blocks)
		return 0;
	launches++;
	if (launches_left >= 0 && launches_left-- == 0)
		return error_set(err, ERR_RESOURCE, "%s: this launch is to fail", name);
	if (k && shared)
		failed = "wants dynamic shared memory";
	if (!failed && blocks > 1 && machine_random() % 2)
		blocks = 1 + (int64_t)(machine_random() % (uint64_t)(blocks < 64 ? blocks : 64));
	if (!failed && !k->threads && machine_random() % 4 == 0)
		threads = 1 + (int)(machine_random() % 300);
	if (!failed)
		failed = emulate::launch(k, (unsigned)blocks, (unsigned)threads, params);
	return failed ? error_set(err, ERR_RESOURCE, "%s: %s", name, failed) : 0;
}

extern "C" int device_alloc(struct cuda *, uint64_t *p, size_t n, struct error *err)
{
	void *memory;

	*p = 0;
	if ((allocations_left >= 0 && allocations_left-- == 0) || posix_memalign(&memory, 256, n ? n : 1))
		return error_memory(err, n);
	memset(memory, 0xa5, n);
	*p = (uint64_t)(uintptr_t)memory;
	device_memory[*p] = n;
	return 0;
}

extern "C" void device_free(struct cuda *, uint64_t p)
{
	if (!p)
		return;
	if (!device_memory.erase(p)) {
		fprintf(stderr, "device_free of what was not allocated\n");
		abort();
	}
	free((void *)(uintptr_t)p);
}

static void *device_pointer(uint64_t p, size_t n)
{
	auto after = device_memory.upper_bound(p);

	if (n && (after == device_memory.begin() || (--after, p + n > after->first + after->second))) {
		fprintf(stderr, "bytes that were not allocated\n");
		abort();
	}
	return (void *)(uintptr_t)p;
}

extern "C" int device_zero(struct cuda *, uint64_t p, size_t n, struct error *)
{
	memset(device_pointer(p, n), 0, n);
	return 0;
}

extern "C" int device_copy(struct cuda *, uint64_t out, uint64_t in, size_t n, struct error *)
{
	memcpy(device_pointer(out, n), device_pointer(in, n), n);
	return 0;
}

extern "C" int device_write(struct cuda *, uint64_t out, const void *in, size_t n, struct error *)
{
	memcpy(device_pointer(out, n), in, n);
	return 0;
}

extern "C" int device_read(struct cuda *, void *out, uint64_t in, size_t n, struct error *)
{
	memcpy(out, device_pointer(in, n), n);
	return 0;
}

/* n bytes of device memory with those of in (NULL: rubbish), for as long as the object lives. */
struct device_array {
	uint64_t at;
	size_t n;

	device_array(size_t n, const void *in = NULL) : n(n)
	{
		struct error err = ERROR_INIT;
		long left = allocations_left;

		allocations_left = -1;
		if (device_alloc(NULL, &at, n, &err))
			abort();
		allocations_left = left;
		if (in && n)
			memcpy((void *)(uintptr_t)at, in, n);
	}
	~device_array()
	{
		device_free(NULL, at);
	}
	template <class T> const T *get() const
	{
		return (const T *)(uintptr_t)at;
	}
};

/* memcmp, of arrays that may be empty */
static inline bool same_bytes(const void *a, const void *b, size_t n)
{
	return n == 0 || !memcmp(a, b, n);
}

/* -- TAP -- */

static int tests, failures;

static bool ok(bool good, const std::string &name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tests, name.c_str());
	failures += !good;
	return good;
}

static int done()
{
	ok(device_memory.empty(), "all device memory was freed");
	printf("1..%d\n", tests);
	return failures != 0;
}

#endif
