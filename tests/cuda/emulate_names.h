/* The names of CUDA C++ for emulate.cpp: what stands before the kernels, in place of nvcc's. */
#ifndef TENSOR_TESTS_CUDA_EMULATE_NAMES_H
#define TENSOR_TESTS_CUDA_EMULATE_NAMES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "emulate.h"

namespace emulate
{

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

enum operation { SYNCTHREADS, SYNC_COUNT, SYNCWARP, SHUFFLE, SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR, BALLOT };

/* Wait for the others; the result of the operation. */
uint64_t meet(operation op, unsigned mask, uint64_t value, unsigned lane, int width);

template <class T> static T shuffle(operation op, unsigned mask, T value, unsigned lane, int width)
{
	static_assert(sizeof(T) <= 8, "warp shuffles move 4 or 8 bytes");
	uint64_t bits = 0;

	memcpy(&bits, &value, sizeof(value));
	bits = meet(op, mask, bits, lane, width);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

struct registration {
	registration(const char *name, void (*function)(), void (*call)(void (*)(), void *const *),
		     std::vector<parameter> parameters, unsigned threads);
};

template <class... A, size_t... I>
static void call_with(void (*function)(A...), void *const *args, std::index_sequence<I...>)
{
	function(*(typename std::remove_const<A>::type *)args[I]...);
}

template <class... A> static void call(void (*function)(), void *const *args)
{
	call_with((void (*)(A...))function, args, std::index_sequence_for<A...>());
}

template <class... A> static registration declare(const char *name, void (*function)(A...), unsigned threads)
{
	return registration(name, (void (*)())function, call<A...>,
			    { parameter{ sizeof(A), std::is_pointer<A>::value }... }, threads);
}

} // namespace emulate

/* The names of CUDA. */
using emulate::blockDim;
using emulate::blockIdx;
using emulate::dim3;
using emulate::gridDim;
using emulate::threadIdx;

#define __host__
#define __device__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __constant__ static const
#define __grid_constant__
/* One block runs at a time, so shared memory is a section of its own, filled with rubbish before each. */
#define __shared__ static __attribute__((section("emulated_shared")))
#define ROLLED
#define UNROLL_4

#define KERNEL(name, parameters) DECLARE_KERNEL(name, 0, parameters)
#define KERNEL_BLOCK(name, threads, parameters) DECLARE_KERNEL(name, threads, parameters)
#define DECLARE_KERNEL(name, threads, parameters) \
	static void name parameters; \
	static const emulate::registration registration_of_##name = emulate::declare(#name, name, threads); \
	static void name parameters

static inline void __syncthreads()
{
	emulate::meet(emulate::SYNCTHREADS, 0, 0, 0, 0);
}

static inline int __syncthreads_count(int predicate)
{
	return (int)emulate::meet(emulate::SYNC_COUNT, 0, predicate != 0, 0, 0);
}

static inline int __syncthreads_or(int predicate)
{
	return __syncthreads_count(predicate) != 0;
}

static inline int __syncthreads_and(int predicate)
{
	return __syncthreads_count(!predicate) == 0;
}

static inline void __syncwarp(unsigned mask = ~0u)
{
	emulate::meet(emulate::SYNCWARP, mask, 0, 0, 0);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
	return (unsigned)emulate::meet(emulate::BALLOT, mask, predicate != 0, 0, 0);
}

static inline int __any_sync(unsigned mask, int predicate)
{
	return __ballot_sync(mask, predicate) != 0;
}

static inline int __all_sync(unsigned mask, int predicate)
{
	return __ballot_sync(mask, !predicate) == 0;
}

template <class T> static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32)
{
	return emulate::shuffle(emulate::SHUFFLE, mask, value, (unsigned)lane, width);
}

template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32)
{
	return emulate::shuffle(emulate::SHUFFLE_UP, mask, value, delta, width);
}

template <class T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32)
{
	return emulate::shuffle(emulate::SHUFFLE_DOWN, mask, value, delta, width);
}

template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32)
{
	return emulate::shuffle(emulate::SHUFFLE_XOR, mask, value, (unsigned)lanes, width);
}

/* Threads switch at barriers only, so these are atomic as they are. */
#define ATOMIC(name, T, expr) \
	static inline T atomic##name(T *p, T value) \
	{ \
		T old = *p; \
\
		*p = (T)(expr); \
		return old; \
	}
#define ATOMICS(T) \
	ATOMIC(Add, T, old + value) \
	ATOMIC(Max, T, old > value ? old : value) \
	ATOMIC(Min, T, old < value ? old : value) \
	ATOMIC(Exch, T, value) \
	ATOMIC(Or, T, old | value) \
	ATOMIC(And, T, old &value) \
	static inline T atomicCAS(T *p, T compare, T value) \
	{ \
		T old = *p; \
\
		*p = old == compare ? value : old; \
		return old; \
	}
ATOMICS(int)
ATOMICS(unsigned)
ATOMICS(long long)
ATOMICS(unsigned long long)
#undef ATOMIC
#undef ATOMICS

static inline void __threadfence()
{
}

static inline void __threadfence_block()
{
}

static inline int __clz(int x)
{
	return x ? __builtin_clz((unsigned)x) : 32;
}

static inline int __clzll(long long x)
{
	return x ? __builtin_clzll((unsigned long long)x) : 64;
}

static inline int __ffs(int x)
{
	return __builtin_ffs(x);
}

static inline int __ffsll(long long x)
{
	return __builtin_ffsll(x);
}

static inline int __popc(unsigned x)
{
	return __builtin_popcount(x);
}

static inline int __popcll(unsigned long long x)
{
	return __builtin_popcountll(x);
}

static inline unsigned __umulhi(unsigned x, unsigned y)
{
	return (unsigned)((uint64_t)x * y >> 32);
}

static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y)
{
	return (unsigned long long)((unsigned __int128)x * y >> 64);
}

#endif
