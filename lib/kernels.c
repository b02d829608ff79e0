/* Chooses the loops for this processor, and answers for the table of maps. */
#include "cpu_level.h"
#include "kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The levels that the Makefile builds, best first. */
#if X86_LEVELS
#define LEVELS(F) F(v4) F(v3) F(v2)
#define NAME(level) "x86-64-" #level
#else
#define LEVELS(F) F(base)
#define NAME(level) #level
#endif

#define DECLARE(level) \
	extern map_fn *const map_##level[NMAPS][NDTYPES]; \
	extern cast_fn *const cast_##level[NDTYPES][NDTYPES]; \
	extern turn_fn *const turn_##level[5]; \
	extern turn_fn *const turn_out_##level[5];
LEVELS(DECLARE)
#undef DECLARE

static const struct kernels all[] = {
#define ENTRY(level) { NAME(level), map_##level, cast_##level, turn_##level, turn_out_##level },
	LEVELS(ENTRY)
#undef ENTRY
};

enum { NLEVELS = sizeof(all) / sizeof(*all) };

static const struct kernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if X86_LEVELS
/* The place in all[] of the best level that this processor has; v2 is what any has that runs this program. */
static int best_level(void)
{
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi") ||
	    !__builtin_cpu_supports("bmi2"))
		return 2;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
	    !__builtin_cpu_supports("avx512vl"))
		return 1;
	return 0;
}
#else
static int best_level(void)
{
	return 0;
}
#endif

static void choose(void)
{
	int level = best_level();
	const char *wanted = getenv("TENSOR_CPU");

	for (int i = level; wanted && i < NLEVELS; i++)
		if (!strcmp(all[i].name + strlen(all[i].name) - strlen("v1"), wanted))
			level = i;
	chosen = &all[level];
}

const struct kernels *kernels_get(void)
{
	pthread_once(&once, choose);
	return chosen;
}

bool map_needs_vmath(enum map_id id, enum dtype loop)
{
	static const uint8_t flags[NMAPS] = {
#define MAP(id, aliases, nin, types, result, flags, ...) [MAP_##id] = flags,
#include "ops.def"
	};

	return (loop == DT_F64 && flags[id] & (F_VMATH | F_VMATH64)) || (loop == DT_F32 && flags[id] & F_VMATH);
}

void cast_one(enum dtype to, void *out, enum dtype from, const void *in)
{
	/* Blocks for a loop, which goes on to the next multiple of LOOP_PAD, over zeros. */
	_Alignas(64) char source[LOOP_PAD * 16] = { 0 }, target[LOOP_PAD * 16];

	memcpy(source, in, dtype_size(from));
	kernels_get()->cast[from][to](1, target, source);
	memcpy(out, target, dtype_size(to));
}
