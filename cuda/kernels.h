/*
 * The kernels of the module image, and how they are launched: for the executor (run.c), for tests, and for anybody else who loads the
 * image.  C and CUDA C++.
 *
 * Every kernel has a plain name (extern "C").  Parameters are passed in the order given here; int64_t, uint64_t, double and
 * pointers to device memory take 8 bytes, int takes 4, structs are those below, by value.  Blocks of elements are
 * contiguous, in native byte order, and aligned to the size of an element (16 for complex128).  n counts elements.
 *
 * <s> is the suffix of an element type:
 *
 *	b i8 u8 i16 u16 i32 u32 i64 u64 f16 bf16 f32 f64 c64 c128 e4m3 e5m2
 *
 * bool (b) is a byte, true where it is not 0, and 1 where a kernel writes it; f16, bf16, e4m3 and e5m2 are bits in 2 or 1 bytes; c64 and c128
 * are (real, imaginary).
 *
 * Launch: "any" is any one-dimensional grid and block, each thread takes every (gridDim * blockDim)-th element; the result does not depend on it.
 * "block N" is blocks of exactly N threads.  No kernel needs dynamic shared memory.
 */
#ifndef TENSOR_CUDA_KERNELS_H
#define TENSOR_CUDA_KERNELS_H

#include <stdint.h>

enum { CUDA_MAX_NDIM = 64 };

/* Where the elements of a strided array are: element (i, j, ...) at base + i * stride[0] + j * stride[1] + ... bytes. */
struct strided_layout {
	int64_t ndim;
	int64_t dim[CUDA_MAX_NDIM];    /* elements */
	int64_t stride[CUDA_MAX_NDIM]; /* bytes, may be negative or 0 */
};

/*
 * == moves: move.cuh; launch: any ==
 *
 * fill_<bytes>(int64_t n, void *out, uint64_t lo, uint64_t hi)		bytes: 1 2 4 8 16
 *	out[i] = the value whose bits are the low <bytes> bytes of lo, and for 16 bytes hi after lo.
 *
 * strided_<bytes>(int64_t n, void *out, const void *base, int64_t start, struct strided_layout l)	bytes: 1 2 4 8 16
 *	out[i] = element start + i, in C order, of the array l; base points to its element (0, 0, ...).
 *
 * iota(int64_t n, int64_t *out, int64_t start, int64_t inner, int64_t dim)
 *	out[i] = (start + i) / inner % dim: the index along an axis of dim elements, whose later axes have inner elements together.
 *
 * == casts: cast.cuh; launch: any ==
 *
 * cast_<from>_<to>(int64_t n, void *out, const void *x)		<from>, <to>: any two of the 17 types
 *	out[i] = x[i] as ndarray.astype has it on x86 (lib/cast_loops.c); out is not x.
 */

#endif
