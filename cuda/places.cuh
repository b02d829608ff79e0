/*
 * The places where a mask is true: see kernels.h.  A block per task, in which each thread has neighbouring elements; how many are true
 * before a thread's tells where it writes, so places come in order whatever the order of threads.
 */
#ifndef TENSOR_CUDA_PLACES_CUH
#define TENSOR_CUDA_PLACES_CUH

#include "common.cuh"

/* How many of the block's threads' numbers are before this thread's; *all: the sum of all. */
static __device__ __forceinline__ int places_before(int count, int *all)
{
	int *sums = (int *)shared_memory<PLACES_THREADS * sizeof(int)>();
	const int t = (int)threadIdx.x;
	int sum = count;

	for (int step = 1; step < PLACES_THREADS; step *= 2) {
		sums[t] = sum;
		__syncthreads();
		if (t >= step)
			sum += sums[t - step];
		__syncthreads();
	}
	sums[t] = sum;
	__syncthreads();
	*all = sums[PLACES_THREADS - 1];
	__syncthreads();
	return sum - count;
}

/* This thread's elements, of a task that begins at first: where they are, and how many of them are true. */
static __device__ __forceinline__ int places_own(int64_t n, const uint8_t *mask, int64_t first, int64_t task,
						 int64_t *from, int64_t *end)
{
	const int64_t each = task / PLACES_THREADS;
	int count = 0;

	*from = first + (int64_t)threadIdx.x * each;
	*end = *from + each < n ? *from + each : n;
	for (int64_t i = *from; i < *end; i++)
		count += mask[i] != 0;
	return count;
}

KERNEL_BLOCK(places_count, PLACES_THREADS, (int64_t n, int64_t *counts, const uint8_t *mask, int64_t task))
{
	if (blockIdx.x == 0 && threadIdx.x == 0)
		counts[0] = 0;
	ROLLED for (int64_t k = blockIdx.x; k * task < n; k += gridDim.x)
	{
		int64_t from, end;
		int all;

		places_before(places_own(n, mask, k * task, task, &from, &end), &all);
		if (threadIdx.x == 0)
			counts[k + 1] = all;
	}
}

KERNEL_BLOCK(places_index, PLACES_THREADS,
	     (int64_t n, int64_t *out, const uint8_t *mask, const int64_t *before, int64_t task))
{
	ROLLED for (int64_t k = blockIdx.x; k * task < n; k += gridDim.x)
	{
		int64_t from, end, at;
		int all, count = places_own(n, mask, k * task, task, &from, &end);

		at = before[k] + places_before(count, &all);
		for (int64_t i = from; i < end; i++)
			if (mask[i])
				out[at++] = i;
	}
}

KERNEL(places_coordinates,
       (int64_t size, int64_t *out, const int64_t *index, int64_t count, int axes, struct strided_layout l))
{
	EACH(i, size)
	{
		int64_t k, d, at;

		if (axes)
			d = divided(i, count, &k);
		else
			k = divided(i, l.ndim, &d);
		divided(divided(index[k], l.stride[d], &at), l.dim[d], &at);
		out[i] = at;
	}
}

#endif
