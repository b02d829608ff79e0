/* The loops of random_fill: see random_loops.h. */
#include "random_loops.h"

#include "philox.h"

#define LEVEL_NAME2(name, level) name##_##level
#define LEVEL_NAME1(name, level) LEVEL_NAME2(name, level)
#define LEVEL_NAME(name) LEVEL_NAME1(name, LEVEL)

#define FILL(name, type, stream, expr)                                                                           \
	static void fill_##name(const struct random_param *p, uint32_t low, uint32_t high, int64_t n, type *out) \
	{                                                                                                        \
		const uint64_t seed = p->seed;                                                                   \
		const double a TENSOR_UNUSED = p->a, b TENSOR_UNUSED = p->b;                                     \
		const uint64_t lo TENSOR_UNUSED = (uint64_t)p->lo, range TENSOR_UNUSED = p->range;               \
                                                                                                                 \
		for (int64_t i = 0; i < n; i++) {                                                                \
			struct philox r = philox_draw(seed, low + (uint32_t)i, high, stream);                    \
                                                                                                                 \
			out[i] = expr;                                                                           \
		}                                                                                                \
	}

FILL(uniform, double, PHILOX_UNIFORM, a + (b - a) * philox_unit(r.x, r.y))
FILL(normal, double, PHILOX_NORMAL, a + b * philox_normal(r))
FILL(exponential, double, PHILOX_EXPONENTIAL, a * philox_exponential(r))
FILL(bernoulli, uint64_t, PHILOX_BERNOULLI, philox_unit(r.x, r.y) < a)
FILL(integer, uint64_t, PHILOX_INTEGER, lo + philox_mulhi(philox_u64(r.x, r.y), range))
FILL(bits, uint64_t, PHILOX_INTEGER, lo + philox_u64(r.x, r.y))
#undef FILL

void LEVEL_NAME(random_fill)(const struct random_param *p, uint32_t low, uint32_t high, int64_t n, void *out)
{
	switch (p->id) {
	case RANDOM_uniform:
		fill_uniform(p, low, high, n, out);
		return;
	case RANDOM_normal:
		fill_normal(p, low, high, n, out);
		return;
	case RANDOM_exponential:
		fill_exponential(p, low, high, n, out);
		return;
	case RANDOM_bernoulli:
		fill_bernoulli(p, low, high, n, out);
		return;
	case RANDOM_integer:
		if (p->range)
			fill_integer(p, low, high, n, out);
		else
			fill_bits(p, low, high, n, out);
		return;
	}
}
