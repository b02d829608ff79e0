/*
 * The CUDA device inside: the driver, loaded at run time, its memory and its launches.  Addresses of device memory are
 * uint64_t, as the driver's CUdeviceptr; they are never dereferenced here.
 *
 * Work is queued on one of three streams: up (host to device), main (kernels), down (device to host).  Within a stream it runs in
 * order; between them, events order it.  Functions return 0, or -1 with ERR_RESOURCE, whose message says what the
 * driver said; what a kernel does wrong shows at a later call.
 */
#ifndef TENSOR_CUDA_CUDA_H
#define TENSOR_CUDA_CUDA_H

#include <stdint.h>

#include "cuda/api.h"
#include "lib/device.h"
#include "lib/text.h"

struct cuda {
	struct device device;
	char name[16];		/* "cuda:0" */
	struct cuda_api api;	/* the driver's functions */
	struct cublas *cublas;	/* opened by the first product; NULL: not yet, or not there */
	bool no_cublas;		/* it was looked for */
	bool tf32;		/* cuBLAS may round the factors of float32 and complex64: TENSOR_TF32 */
	struct text *notes;	/* what was chosen is added to it; NULL: nobody asks */
	int handle;		/* CUdevice */
	void *context;		/* CUcontext, the device's primary one */
	void *module;		/* CUmodule: the kernels */
	void *up, *main, *down; /* CUstream */
	struct kernel *kernels; /* those launched so far */
	int nkernels, kernels_room;
	struct value *values; /* of nodes, on the device; the newest first */
};

/* CU_RESULT other than 0 as an error: "cuda:0: cuMemAlloc: out of memory". */
int cuda_check(struct cuda *d, int result, const char *what, struct error *err);

/*
 * Queue a kernel on the main stream.  kernel: its name in the image (kernels.h).  blocks, threads: the grid and a block, both along x;
 * blocks == 0 launches nothing.  shared: bytes of dynamic shared memory.  params: the address of each parameter, in order.
 */
int launch(struct cuda *d, const char *kernel, int64_t blocks, int threads, size_t shared, void **params,
	   struct error *err);

/* Device memory of n bytes, at least 256-byte aligned, unspecified; n == 0 gives an address that may be freed. */
int device_alloc(struct cuda *d, uint64_t *p, size_t n, struct error *err);
/* p == 0 is fine.  Work queued earlier on the main stream still finds it: freeing waits for that. */
void device_free(struct cuda *d, uint64_t p);

/* n bytes on the main stream: zeros, a copy within the device. */
int device_zero(struct cuda *d, uint64_t p, size_t n, struct error *err);
int device_copy(struct cuda *d, uint64_t out, uint64_t in, size_t n, struct error *err);

/* n bytes, after all that is queued on main; both wait until they are done.  Any host memory. */
int device_write(struct cuda *d, uint64_t out, const void *in, size_t n, struct error *err);
int device_read(struct cuda *d, void *out, uint64_t in, size_t n, struct error *err);

#endif
