/* Which of the levels that *_loops.c are built for to take: 0 for v2, 1 for v3, 2 for v4; 0 for base elsewhere. */
#ifndef TENSOR_CPU_LEVEL_H
#define TENSOR_CPU_LEVEL_H

#include <stdlib.h>

#if defined(__x86_64__)

/* TENSOR_CPU=v2|v3|v4 asks for a lower one than the processor has. */
static inline int cpu_level(void)
{
	const char *wanted = getenv("TENSOR_CPU");
	int best = 0;

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
	    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
		best = 1;
	if (best && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		best = 2;
	if (wanted && wanted[0] == 'v' && wanted[1] >= '2' && wanted[1] < '2' + best)
		return wanted[1] - '2';
	return best;
}

#else

static inline int cpu_level(void)
{
	return 0;
}

#endif

#endif
