/*
 * The inner loops of the CPU: over contiguous, native, aligned blocks, and nothing else.
 *
 * Every block is 64-byte aligned and has room for LOOP_PAD elements more than n, so loops round n up to a
 * multiple of LOOP_PAD: there is no scalar tail, and the bits of an element do not depend on where in a block it
 * stands.  What the padding holds is unspecified before and after; loops must not trap on it.
 */
#ifndef TENSOR_KERNELS_H
#define TENSOR_KERNELS_H

#include <stdint.h>

#include "dtype.h"

enum { LOOP_PAD = 64, MAP_MAX_IN = 4 };

/* out[i] = f(in[0][i], in[1][i], ...).  out may be one of the inputs. */
typedef void map_fn(int64_t n, void *out, const void *const in[MAP_MAX_IN]);

/* out[i] = (type of out) in[i], as ndarray.astype does on x86; out and in are different blocks. */
typedef void cast_fn(int64_t n, void *out, const void *in);

/*
 * A matrix transposed: dst[i][j] = src[j][i] for i < rows, j < cols; the rows of dst are pitch bytes apart, those of src
 * stride.  Squares of TURN_SIDE rows and columns of elements of so many bytes: two lines of the cache.
 */
typedef void turn_fn(unsigned char *dst, int64_t pitch, const unsigned char *src, int64_t rows, int64_t cols,
		     int64_t stride);
#define TURN_SIDE(itemsize) ((itemsize) < 2 ? 64 : 128 / (int)(itemsize))

/* One number for each MAP row of ops.def. */
enum map_id {
#define MAP(id, ...) MAP_##id,
#include "ops.def"
	NMAPS
};

/* What the flags column of a MAP row may hold, ORed. */
enum map_flags {
	F_NOBOOL = 1,	/* bool operands are an error, as in NumPy */
	F_DIVIDES = 2,	/* integers are computed in float64, whatever their width */
	F_VMATH = 4,	/* loops over float32 and float64 need vmath_load */
	F_COMPARES = 8, /* int64 and uint64 are compared exactly, not as float64 */
	F_POWER = 16,	/* an integer loop must not see a negative second operand */
	F_COND = 32,	/* the first operand is converted to bool and takes no part in the loop's type */
	F_VMATH64 = 64, /* only the loop over float64 needs vmath_load */
};

/* What the elements of a map's result are, given the type T its loop computes in. */
enum map_result {
	RESULT_SAME, /* T */
	RESULT_BOOL,
	RESULT_REAL, /* the real type of T: complex64 -> float32 */
};

/* What is computed where, for one instruction set level. */
struct kernels {
	const char *name;		 /* "x86-64-v4" */
	map_fn *const (*map)[NDTYPES];	 /* [map_id][dtype of the loop]; NULL: no such loop */
	cast_fn *const (*cast)[NDTYPES]; /* [from][to], every pair, DT_BOOL..DT_F8E5M2 */
	turn_fn *const *turn;		 /* by the binary logarithm of the size of an element, 0 .. 4 */
	turn_fn *const *
		turn_out; /* the same to memory that is not read soon; rows are aligned to 64 bytes and may be padded to that */
};

/* The best set for this processor, chosen once.  TENSOR_CPU=v2|v3|v4 asks for a lower one. */
const struct kernels *kernels_get(void);

/*
 * Some maps call vector functions of SLEEF (map_needs_vmath).  They are loaded by vmath_load, once, before the
 * first such loop runs, so that other commands do not pay for them.  ERR_RESOURCE if the library is missing.
 */
bool map_needs_vmath(enum map_id id, enum dtype loop);
int vmath_load(struct error *err);

/* One element, converted as the cast loops do. */
void cast_one(enum dtype to, void *out, enum dtype from, const void *in);

#endif
