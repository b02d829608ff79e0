/* The loops of the reductions for this processor: see reduce.h. */
#include "reduce.h"

#include <stdlib.h>
#include <string.h>

#include "reduce_loops.h"

enum { FAMILIES = 4 };

#define LEVEL_FAMILIES(level) { reduce_sum_##level, reduce_order_##level, reduce_var_##level, reduce_norm_##level }

#if defined(__x86_64__)

static reduce_find_fn *const families[][FAMILIES] = {
	LEVEL_FAMILIES(v2),
	LEVEL_FAMILIES(v3),
	LEVEL_FAMILIES(v4),
};

/* Row of families; TENSOR_CPU=v2|v3|v4 asks for a lower one than the processor can. */
static int level(void)
{
	const char *env = getenv("TENSOR_CPU");
	int best = 0;

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
		best = 1;
	if (best && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		best = 2;
	if (env && env[0] == 'v' && env[1] >= '2' && env[1] < '2' + best)
		return env[1] - '2';
	return best;
}

#else

static reduce_find_fn *const families[][FAMILIES] = { LEVEL_FAMILIES(base) };

static int level(void)
{
	return 0;
}

#endif

const struct reduce_loops *reduce_loops_get(enum reduce_id id, enum dtype acc)
{
	reduce_find_fn *const *find = families[level()];

	for (int i = 0; i < FAMILIES; i++) {
		const struct reduce_loops *loops = find[i](id, acc);

		if (loops)
			return loops;
	}
	return NULL;
}
