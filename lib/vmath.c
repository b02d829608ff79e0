/* Opens SLEEF on demand and forwards the functions of vmath.h to it. */
#include "vmath.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cpu_level.h"
#include "kernels.h"
#include "library.h"

/* GCC alone calls the vector variants; Clang's loops call the scalar functions. */
#if X86_LEVELS && defined(__GNUC__) && !defined(__clang__)
#define VECTORS 1
#include <immintrin.h>
#else
#define VECTORS 0
#endif

/* One function: scalar, and for registers of 16, 32 and 64 bytes. */
struct entry {
	const char *name;
	void *fn[4];
};

enum {
#define INDEX(name, bound) FN_##name,
	VMATH1(INDEX) VMATH2(INDEX) NDOUBLE,
	BEFORE_FLOAT = NDOUBLE - 1,
	VMATH1F(INDEX) NFNS
#undef INDEX
};

static struct entry table[NFNS] = {
#define ENTRY(name, bound) [FN_##name] = { "Sleef_" #name "%s_" #bound "%s", { NULL } },
	VMATH1(ENTRY) VMATH2(ENTRY) VMATH1F(ENTRY)
#undef ENTRY
};

#define SCALAR1(name, bound) \
	double m_##name(double x) \
	{ \
		return ((double (*)(double))table[FN_##name].fn[0])(x); \
	}
#define SCALAR2(name, bound) \
	double m_##name(double x, double y) \
	{ \
		return ((double (*)(double, double))table[FN_##name].fn[0])(x, y); \
	}
#define SCALAR1F(name, bound) \
	float m_##name(float x) \
	{ \
		return ((float (*)(float))table[FN_##name].fn[0])(x); \
	}
VMATH1(SCALAR1)
VMATH1F(SCALAR1F)
VMATH2(SCALAR2)

#if VECTORS
/* b, d and e are the letters of the vector ABI for SSE, AVX2 and AVX-512. */
#define VECTOR1(name, prefix, isa, type, column) \
	type prefix##name(type x) __asm__("_ZGV" #prefix "v_m_" #name); \
	__attribute__((target(isa))) type prefix##name(type x) \
	{ \
		return ((type(*)(type))table[FN_##name].fn[column])(x); \
	}
#define VECTOR2(name, prefix, isa, type, column) \
	type prefix##name(type x, type y) __asm__("_ZGV" #prefix "vv_m_" #name); \
	__attribute__((target(isa))) type prefix##name(type x, type y) \
	{ \
		return ((type(*)(type, type))table[FN_##name].fn[column])(x, y); \
	}
#define VECTORS1(name, bound) \
	VECTOR1(name, bN2, "sse4.1", __m128d, 1) \
	VECTOR1(name, dN4, "avx2", __m256d, 2) \
	VECTOR1(name, eN8, "avx512f", __m512d, 3)
#define VECTORS2(name, bound) \
	VECTOR2(name, bN2, "sse4.1", __m128d, 1) \
	VECTOR2(name, dN4, "avx2", __m256d, 2) \
	VECTOR2(name, eN8, "avx512f", __m512d, 3)
#define VECTORS1F(name, bound) \
	VECTOR1(name, bN4, "sse4.1", __m128, 1) \
	VECTOR1(name, dN8, "avx2", __m256, 2) \
	VECTOR1(name, eN16, "avx512f", __m512, 3)
VMATH1(VECTORS1)
VMATH1F(VECTORS1F)
VMATH2(VECTORS2)
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[256]; /* why the library could not be used; empty: it can */

static void load(void)
{
	static const char *const width[2][4] = { { "", "d2", "d4", "d8" }, { "", "4", "8", "16" } };
	static const char *const isa[] = { "", "sse4", "avx2", "avx512f" };
	static const char *const level[] = { "", "x86-64-v2", "x86-64-v3", "x86-64-v4" };
	const char *why;
	void *lib = library_open("libsleef.so.3", &why);

	if (!lib) {
		snprintf(failure, sizeof(failure), "%s", why);
		return;
	}
	for (int column = 0; column < 4; column++) {
		if (column > 0 && (!VECTORS || strcmp(kernels_get()->name, level[column])))
			continue;
		for (int i = 0; i < NFNS; i++) {
			char symbol[64];

			snprintf(symbol, sizeof(symbol), table[i].name, width[i >= NDOUBLE][column], isa[column]);
			if (!library_symbol(lib, symbol, &table[i].fn[column])) {
				snprintf(failure, sizeof(failure), "libsleef.so.3 has no %s", symbol);
				return;
			}
		}
	}
}

int vmath_load(struct error *err)
{
	pthread_once(&once, load);
	if (failure[0])
		return error_set(err, ERR_RESOURCE, "the vector math library SLEEF is missing: %s", failure);
	return 0;
}
