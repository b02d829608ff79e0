/* The element types: names, sizes, promotion and casting rules (NumPy 2, array API 2024.12). */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum dtype {
	DT_BOOL,
	DT_I8,
	DT_U8,
	DT_I16,
	DT_U16,
	DT_I32,
	DT_U32,
	DT_I64,
	DT_U64,
	DT_F16,
	DT_BF16,
	DT_F32,
	DT_F64,
	DT_C64,
	DT_C128,
	DT_F8E4M3, /* float8_e4m3fn: stored and converted, computed in float32 */
	DT_F8E5M2,
	NDTYPES
};

struct dtype_info {
	const char *name; /* NumPy's: "float32" */
	const char *code; /* kind and bytes, as in a descr: "f4"; ml_dtypes' name where NumPy has none */
	char kind;	  /* 'b' 'i' 'u' 'f' 'c' */
	uint8_t itemsize; /* bytes */
	uint8_t swapsize; /* bytes of the unit that byte order applies to; 1: none */
};

extern const struct dtype_info dtype_info[NDTYPES];

static inline size_t dtype_size(enum dtype d)
{
	return dtype_info[d].itemsize;
}

static inline const char *dtype_name(enum dtype d)
{
	return dtype_info[d].name;
}

/* The complex or float part type: complex64 -> float32; others themselves. */
enum dtype dtype_real(enum dtype d);

static inline bool dtype_is_int(enum dtype d)
{
	return dtype_info[d].kind == 'i' || dtype_info[d].kind == 'u';
}

static inline bool dtype_is_float(enum dtype d)
{
	return dtype_info[d].kind == 'f';
}

static inline bool dtype_is_complex(enum dtype d)
{
	return dtype_info[d].kind == 'c';
}

/*
 * Find a type by name: NumPy's and PyTorch's names, codes "f4" "<f8" "|u1" (a '>' sets *swap where swap
 * is not NULL and is refused where it is), "bf16" "half" "double" "long".  "float" alone is
 * ambiguous and refused.  ERR_USAGE with a hint.
 */
int dtype_parse(enum dtype *out, bool *swap, const char *text, struct error *err);

/* The type that holds both, by NumPy 2's table; fp8 counts as float32. */
enum dtype dtype_promote(enum dtype a, enum dtype b);

enum casting { CASTING_EQUIV, CASTING_SAFE, CASTING_SAME_KIND, CASTING_UNSAFE };

/* May a value of type from become one of type to under the rule?  Source: numpy.can_cast. */
bool dtype_can_cast(enum dtype from, enum dtype to, enum casting rule);

#endif
