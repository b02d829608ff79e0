/* Random arrays, permutations and seeds: see random.h. */
#define _DEFAULT_SOURCE /* getrandom */
#include "random.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cpu_level.h"
#include "philox.h"
#include "random_loops.h"

static random_fill_fn *const fills[] = {
#if X86_LEVELS
	random_fill_v2,
	random_fill_v3,
	random_fill_v4,
#else
	random_fill_base,
#endif
};

enum dtype random_type(const struct random_param *p)
{
	return p->id == RANDOM_integer || p->id == RANDOM_bernoulli ? DT_I64 : DT_F64;
}

bool random_limit(const struct random_param *p, enum dtype d, double *most)
{
	double below = d == DT_F32 ? 0x1p-24 : d == DT_F16 ? 0x1p-11 : 0x1p-8;

	*most = p->b - (p->b - p->a) * below;
	return p->id == RANDOM_uniform && p->b > p->a && d != DT_F64 && dtype_is_float(d);
}

void random_fill(const struct random_param *p, int64_t start, int64_t n, void *out)
{
	random_fill_fn *fill = fills[cpu_level()];
	char *at = out;

	/* The loops count in 32 bits. */
	while (n > 0) {
		int64_t room = ((int64_t)1 << 32) - (start & 0xffffffff);
		int64_t m = n < room ? n : room;

		fill(p, (uint32_t)start, (uint32_t)((uint64_t)start >> 32), m, at);
		start += m;
		n -= m;
		at += m * 8; /* bytes: every distribution writes 64-bit elements */
	}
}

/* Draws do not depend on each other, so that the memory that some of them lead to is fetched while the next are made. */
enum { DRAWS = 256 };

void random_permutation(uint64_t seed, int64_t n, int64_t *out)
{
	int64_t at[DRAWS];

	for (int64_t i = 0; i < n; i++)
		out[i] = i;
	for (int64_t end = n, from; end > 1; end = from) {
		from = end > DRAWS ? end - DRAWS : 1;
		for (int64_t i = from; i < end; i++) {
			struct philox_bits r = philox_draw(seed, (uint64_t)i, PHILOX_PERMUTATION);

			at[i - from] = (int64_t)philox_below(r, (uint64_t)i + 1);
			__builtin_prefetch(&out[at[i - from]], 1);
		}
		for (int64_t i = end - 1; i >= from; i--) {
			int64_t j = at[i - from], t = out[i];

			out[i] = out[j];
			out[j] = t;
		}
	}
}

uint64_t random_seed(void)
{
	uint64_t seed;
	FILE *f;

	if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
		return seed;
	f = fopen("/dev/urandom", "rb");
	if (f) {
		size_t n = fread(&seed, sizeof(seed), 1, f);

		fclose(f);
		if (n == 1)
			return seed;
	}

	/* Neither is there, in some jails; time and process are better than always the same. */
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid();
}
