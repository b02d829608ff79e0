/* The loops of the reductions for this processor: see reduce.h. */
#include "reduce.h"

#include <stddef.h>

#include "cpu_level.h"
#include "reduce_loops.h"

enum { FAMILIES = 4 };

#define LEVEL_FAMILIES(level) \
	{ \
		reduce_sum_##level, reduce_order_##level, reduce_var_##level, reduce_norm_##level \
	}

static reduce_find_fn *const families[][FAMILIES] = {
#if X86_LEVELS
	LEVEL_FAMILIES(v2),
	LEVEL_FAMILIES(v3),
	LEVEL_FAMILIES(v4),
#else
	LEVEL_FAMILIES(base),
#endif
};

#undef LEVEL_FAMILIES

const struct reduce_loops *reduce_loops_get(enum reduce_id id, enum dtype acc)
{
	reduce_find_fn *const *find = families[cpu_level()];

	for (int i = 0; i < FAMILIES; i++) {
		const struct reduce_loops *loops = find[i](id, acc);

		if (loops)
			return loops;
	}
	return NULL;
}
