/* Which of the levels that *_loops.c are built for to take: 0 for v2, 1 for v3, 2 for v4; 0 for base elsewhere. */
#ifndef TENSOR_CPU_LEVEL_H
#define TENSOR_CPU_LEVEL_H

#include <stdlib.h>

#include <stdbool.h>
#include <string.h>

/* -DTENSOR_PLAIN: one level, as on other processors; "make plain". */
#if defined(__x86_64__) && !defined(TENSOR_PLAIN)
#define X86_LEVELS 1
#else
#define X86_LEVELS 0
#endif

#if X86_LEVELS

#define CPU_LEVEL_WORDS "v2, v3 and v4"

/* Is this a word for TENSOR_CPU? */
static inline bool cpu_level_known(const char *word)
{
	return strlen(word) == 2 && word[0] == 'v' && word[1] >= '2' && word[1] <= '4';
}

/* TENSOR_CPU=v2|v3|v4 asks for a lower one than the processor has. */
static inline int cpu_level(void)
{
	const char *wanted = getenv("TENSOR_CPU");
	int best = 0;

	/* F16C is in every processor that has AVX2 and FMA; Clang 14 knows no word for it. */
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2"))
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

#define CPU_LEVEL_WORDS "base"

static inline bool cpu_level_known(const char *word)
{
	return !strcmp(word, "base");
}

static inline int cpu_level(void)
{
	return 0;
}

#endif

#endif
