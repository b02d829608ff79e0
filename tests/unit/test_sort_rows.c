/* Rows of every short length, in every manner and at every level, as a stable sort by comparisons has them: lib/sort.h. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpu_level.h"
#include "lib/sort.h"

enum { MOST = 700, MANNERS = 6 };

static int count, failures;

static void ok(bool good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, name);
	failures += !good;
}

static uint64_t random_bits(void)
{
	static uint64_t s = 88172645463325252U;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s;
}

/* Bits: of floats, NaNs of all kinds among them.  The places that an even sample of a row sees may have other ones. */
static uint64_t element(int manner, int64_t i, int64_t n, int width)
{
	uint64_t ones = UINT64_MAX >> (64 - width), bits = random_bits() & ones, sign = (ones >> 1) + 1;

	switch (manner) {
	case 0:
		return bits;
	case 1:
		return random_bits() % 4 * (sign / 4); /* 0, -0, 2 */
	case 2:
		return bits >> random_bits() % (uint64_t)width;
	case 3:
		return n >= 64 && i % (n / 16) == n / 32 ? (uint64_t)i : bits | sign >> 1;
	case 4:
		return random_bits() % 50 ? ones : bits; /* -1, or NaN: the key that vectors are filled up with */
	default:
		return (uint64_t)i << (width - 12);
	}
}

static enum dtype type;

static int compare_values(const char *x, const char *y)
{
	double a, b;

	if (type == DT_I64 || type == DT_U64) {
		uint64_t i, j, sign = type == DT_I64 ? (uint64_t)1 << 63 : 0;

		memcpy(&i, x, 8);
		memcpy(&j, y, 8);
		return (i ^ sign) < (j ^ sign) ? -1 : (i ^ sign) > (j ^ sign);
	}
#define READ(T) \
	do { \
		T t; \
		memcpy(&t, x, sizeof(t)); \
		a = (double)t; \
		memcpy(&t, y, sizeof(t)); \
		b = (double)t; \
	} while (0)
	if (type == DT_I32)
		READ(int32_t);
	else if (type == DT_U32)
		READ(uint32_t);
	else if (type == DT_F32)
		READ(float);
	else
		READ(double);
#undef READ
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return a < b ? -1 : a > b;
}

static int ascending(const void *x, const void *y)
{
	const char *a = *(const char *const *)x, *b = *(const char *const *)y;
	int c = compare_values(a, b);

	return c ? c : a < b ? -1 : a > b;
}

static int descending(const void *x, const void *y)
{
	const char *a = *(const char *const *)x, *b = *(const char *const *)y;
	int c = compare_values(b, a);

	return c ? c : a < b ? -1 : a > b;
}

static bool sorts(int64_t n, int manner, bool down, const char *const *levels, int nlevels)
{
	static char x[MOST * 8], want[MOST * 8], got[MOST * 8];
	static const char *at[MOST];
	size_t size = dtype_size(type);
	struct error err = { 0 };

	for (int64_t i = 0; i < n; i++) {
		uint64_t bits = element(manner, i, n, (int)size * 8);

		memcpy(x + (size_t)i * size, &bits, size);
		at[i] = x + (size_t)i * size;
	}
	qsort(at, (size_t)n, sizeof(*at), down ? descending : ascending);
	for (int64_t i = 0; i < n; i++)
		memcpy(want + (size_t)i * size, at[i], size);
	for (int l = 0; l < nlevels; l++) {
		setenv("TENSOR_CPU", levels[l], 1);
		memset(got, 0x55, sizeof(got));
		if (sort_rows(type, down, x, got, 1, n, &err) || memcmp(got, want, (size_t)n * size) != 0) {
			printf("# %d elements, manner %d, level %s, descending %d\n", (int)n, manner, levels[l], down);
			return false;
		}
		/* What stands behind the row stays. */
		for (size_t i = (size_t)n * size; i < sizeof(got); i++)
			if (got[i] != 0x55)
				return false;
	}
	return true;
}

int main(void)
{
	static const enum dtype types[] = { DT_F32, DT_F64, DT_I32, DT_I64, DT_U32, DT_U64 };
	static const char *const levels[] = { "v4", "v3", "v2" };

	for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
		bool good = true;

		type = types[t];
		for (int64_t n = 0; good && n < MOST; n++)
			for (int manner = 0; good && manner < MANNERS; manner++)
				good = sorts(n, manner, false, levels, X86_LEVELS ? 3 : 1) &&
				       sorts(n, manner, true, levels, X86_LEVELS ? 3 : 1);
		ok(good, dtype_name(type));
	}
	printf("1..%d\n", count);
	return failures > 0;
}
