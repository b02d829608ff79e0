/*
 * What the kernels share: how one is declared, the types of lib/loops.h, and the scalar functions of lib/, whose text
 * is compiled here for the device, so that both devices compute the same.
 *
 * The kernels are also compiled for the CPU, by tests/cuda/emulate.h, which then stands before this file.
 */
#ifndef TENSOR_CUDA_COMMON_CUH
#define TENSOR_CUDA_COMMON_CUH

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/kernels.h"

#include "kernels.h"

/*
 * KERNEL(name, (parameters)) { ... }: threads know nothing of each other; any grid and block. KERNEL_BLOCK(name,
 * threads, (parameters)) { ... }: blocks of that many threads, which share memory and wait for each other. Parameters
 * are pointers to device memory, integers, doubles, and the structs of kernels.h.
 */
#ifdef __CUDACC__
#define KERNEL(name, parameters) extern "C" __global__ void name parameters
#define KERNEL_BLOCK(name, threads, parameters) extern "C" __global__ void __launch_bounds__(threads, 1) name parameters
/* Before a loop: as it is written.  Unrolled loops make the image several times as large. */
#define ROLLED _Pragma("unroll 1")
/* Before one whose iterations wait for memory. */
#define UNROLL_4 _Pragma("unroll 4")
#endif

/* for each i of 0 .. n-1, whatever the grid */
#define EACH(i, n) \
	ROLLED for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n); \
		    i += (int64_t)gridDim.x * blockDim.x)

#include "complex.cuh"

/* The functions of these headers are the device's. */
#define inline inline __device__
#define __builtin_complex complex_of
#include "lib/loops.h"
#include "lib/half.h"
#include "lib/cast_scalar.h"
#include "lib/philox.h"
#undef inline

/* Elements that are only moved, by their size in bytes. */
typedef uint8_t move_1;
typedef uint16_t move_2;
typedef uint32_t move_4;
typedef uint64_t move_8;
struct __attribute__((aligned(16))) move_16 {
	uint64_t lo, hi;
};

/*
 * Shared memory of a block.  By size, so that kernels which need as much share it where they are emulated; nothing else may ask
 * for the same size within a kernel.
 */
template <int bytes> static __device__ __forceinline__ void *shared_memory()
{
	__shared__ move_16 memory[(bytes + 15) / 16];

	return memory;
}

/* x / y and x % y for 0 <= x, 0 < y: where both fit in 32 bits, several times as fast. */
static inline __device__ int64_t divided(int64_t x, int64_t y, int64_t *rest)
{
	int64_t q = ((uint64_t)x | (uint64_t)y) >> 32 ? x / y : (int64_t)((uint32_t)x / (uint32_t)y);

	*rest = x - q * y;
	return q;
}

#endif
