/*
 * Random permutations: see kernels.h.  The processor exchanges the elements i and j[i] <= i of 0 .. n-1, for i = n-1 down to 1 (lib/random.c).
 * What i ends with is what j[i] holds at that time: that is j[i] itself, unless a step k > i had j[k] = j[i]; the last one before
 * i, the least such k, then put there what k held, and so on.  So with the steps sorted by j, each element finds its value by itself,
 * in a few of these hops.
 */
#ifndef TENSOR_CUDA_PERMUTATION_CUH
#define TENSOR_CUDA_PERMUTATION_CUH

#include "common.cuh"

KERNEL(permutation_draw, (int64_t n, uint64_t *keys, int64_t *order, uint64_t seed))
{
	EACH(i, n)
	{
		keys[i] = philox_below(philox_draw(seed, (uint64_t)i, PHILOX_PERMUTATION), (uint64_t)i + 1);
		order[i] = i;
	}
}

KERNEL(permutation_link, (int64_t n, int64_t *first, int64_t *place, const uint64_t *keys, const int64_t *order))
{
	EACH(s, n)
	{
		if (s == 0 || keys[s - 1] != keys[s])
			first[keys[s]] = s + 1;
		place[order[s]] = s;
	}
}

KERNEL(permutation_walk, (int64_t n, int64_t *out, const uint64_t *keys, const int64_t *order, const int64_t *first,
			  const int64_t *place))
{
	EACH(i, n)
	{
		int64_t s = place[i], k = (int64_t)keys[s];
		bool more = s + 1 < n && keys[s + 1] == keys[s];

		s++;
		ROLLED while (more)
		{
			/* What k held at its own step: of a later step that went there. */
			k = order[s];
			s = first[k] - 1;
			more = s >= 0;
			if (more && order[s] == k) {
				s++;
				more = s < n && keys[s] == (uint64_t)k;
			}
		}
		out[i] = k;
	}
}

#endif
