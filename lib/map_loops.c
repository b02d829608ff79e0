/* The loops of the MAP rows of ops.def, for one instruction set level (LEVEL). */
#include "loops.h"
#include "map_types.h"
#include "scalar_generic.h"

/* The expressions are compiled for bool and the unsigned types, too, where some of what they ask is known. */
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wsign-compare"
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wtautological-constant-out-of-range-compare"
#else
#pragma GCC diagnostic ignored "-Wbool-compare"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#endif

/* -- loops -- */

#define INPUT(p, k, s) const mem_##s *p = BLOCK(in[k]);
#define OPEN1(f, s) INPUT(px, 0, f)
#define OPEN2(f, s) OPEN1(f, s) INPUT(py, 1, s)
#define OPEN3(f, s) OPEN2(f, s) INPUT(pz, 2, s)
#define READ1(f, s) var_##f x = px[i];
#define READ2(f, s) READ1(f, s) var_##s y = py[i];
#define READ3(f, s) READ2(f, s) var_##s z = pz[i];

#define LOOP(dtype, s, f, id, nin, result, expr) LOOP_(s, f, id, nin, RESULT_##result(s), expr)
#define LOOP_(s, f, id, nin, r, expr) \
	static void PASTE(id##_, s)(int64_t n, void *out, const void *const in[MAP_MAX_IN]) \
	{ \
		PASTE(mem_, r) *po = BLOCK(out); \
		OPEN##nin(f, s) \
\
			n = padded(n); \
		INDEPENDENT \
		for (int64_t i = 0; i < n; i++) { \
			READ##nin(f, s) PASTE(var_, r) value = expr; \
\
			po[i] = value; \
		} \
	}
#define MAP(id, aliases, nin, types, result, flags, expr, attrs, help) types(LOOP, id, nin, result, expr)
#include "ops.def"

#define ENTRY(dtype, s, f, id) [dtype] = PASTE(id##_, s),
#define MAP(id, aliases, nin, types, ...) [MAP_##id] = { types(ENTRY, id) },
extern map_fn *const PASTE(map_, LEVEL)[NMAPS][NDTYPES];
map_fn *const PASTE(map_, LEVEL)[NMAPS][NDTYPES] = {
#include "ops.def"
};
