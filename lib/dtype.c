/* The element types: see dtype.h. */
#include "dtype.h"

#include <string.h>

const struct dtype_info dtype_info[NDTYPES] = {
	[DT_BOOL] = { "bool", "b1", 'b', 1, 1 },
	[DT_I8] = { "int8", "i1", 'i', 1, 1 },
	[DT_U8] = { "uint8", "u1", 'u', 1, 1 },
	[DT_I16] = { "int16", "i2", 'i', 2, 2 },
	[DT_U16] = { "uint16", "u2", 'u', 2, 2 },
	[DT_I32] = { "int32", "i4", 'i', 4, 4 },
	[DT_U32] = { "uint32", "u4", 'u', 4, 4 },
	[DT_I64] = { "int64", "i8", 'i', 8, 8 },
	[DT_U64] = { "uint64", "u8", 'u', 8, 8 },
	[DT_F16] = { "float16", "f2", 'f', 2, 2 },
	[DT_BF16] = { "bfloat16", "bfloat16", 'f', 2, 2 },
	[DT_F32] = { "float32", "f4", 'f', 4, 4 },
	[DT_F64] = { "float64", "f8", 'f', 8, 8 },
	[DT_C64] = { "complex64", "c8", 'c', 8, 4 },
	[DT_C128] = { "complex128", "c16", 'c', 16, 8 },
	[DT_F8E4M3] = { "float8_e4m3fn", "float8_e4m3fn", 'f', 1, 1 },
	[DT_F8E5M2] = { "float8_e5m2", "float8_e5m2", 'f', 1, 1 },
};

enum dtype dtype_real(enum dtype d)
{
	return d == DT_C64 ? DT_F32 : d == DT_C128 ? DT_F64 : d;
}

/* clang-format off */
static const struct {
	const char *name;
	enum dtype dtype;
} synonyms[] = {
	{ "bool_", DT_BOOL }, { "?", DT_BOOL },
	{ "short", DT_I16 }, { "int", DT_I64 }, { "long", DT_I64 },
	{ "half", DT_F16 }, { "fp16", DT_F16 }, { "f16", DT_F16 }, { "bf16", DT_BF16 },
	{ "single", DT_F32 }, { "fp32", DT_F32 }, { "f32", DT_F32 },
	{ "double", DT_F64 }, { "fp64", DT_F64 }, { "f64", DT_F64 },
	{ "complex", DT_C128 }, { "csingle", DT_C64 }, { "cdouble", DT_C128 },
	{ "fp8_e4m3", DT_F8E4M3 }, { "float8_e4m3", DT_F8E4M3 }, { "e4m3", DT_F8E4M3 }, { "e4m3fn", DT_F8E4M3 },
	{ "fp8_e5m2", DT_F8E5M2 }, { "e5m2", DT_F8E5M2 },
};
/* clang-format on */

int dtype_parse(enum dtype *out, bool *swap, const char *text, struct error *err)
{
	const char *name = text;
	char order = '=';

	if (*name && strchr("<>=|", *name))
		order = *name++;
	else if (!strncmp(name, "torch.", 6))
		name += 6;
	if (order == '>' && !swap)
		return error_set(err, ERR_USAGE, "dtype '%s': a byte order does not apply here", text);
	if (swap)
		*swap = order == '>';

	for (int d = 0; d < NDTYPES; d++)
		if (!strcmp(name, dtype_info[d].code) || (order == '=' && !strcmp(name, dtype_info[d].name))) {
			*out = (enum dtype)d;
			return 0;
		}
	if (order == '=')
		for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
			if (!strcmp(name, synonyms[i].name)) {
				*out = synonyms[i].dtype;
				return 0;
			}
	if (!strcmp(name, "float"))
		return error_set(err, ERR_USAGE,
				 "dtype 'float' is ambiguous (NumPy's is float64, PyTorch's float32): say which");
	return error_set(err, ERR_USAGE,
			 "unknown dtype '%s': one of bool, int8 to int64, uint8 to uint64, float16, bfloat16, float32, "
			 "float64, complex64, complex128, float8_e4m3fn, float8_e5m2",
			 text);
}

#define B_ DT_BOOL
#define I1 DT_I8
#define U1 DT_U8
#define I2 DT_I16
#define U2 DT_U16
#define I4 DT_I32
#define U4 DT_U32
#define I8 DT_I64
#define U8 DT_U64
#define F2 DT_F16
#define BF DT_BF16
#define F4 DT_F32
#define F8 DT_F64
#define C8 DT_C64
#define CF DT_C128

/*
 * numpy.promote_types; bfloat16 stands beside float16 (int8 and uint8 fit in it, wider integers go where they go with
 * float16), and the two meet in float32.
 */
/* clang-format off */
static const uint8_t promotion[DT_C128 + 1][DT_C128 + 1] = {
	/* bool       */ { B_, I1, U1, I2, U2, I4, U4, I8, U8, F2, BF, F4, F8, C8, CF },
	/* int8       */ { I1, I1, I2, I2, I4, I4, I8, I8, F8, F2, BF, F4, F8, C8, CF },
	/* uint8      */ { U1, I2, U1, I2, U2, I4, U4, I8, U8, F2, BF, F4, F8, C8, CF },
	/* int16      */ { I2, I2, I2, I2, I4, I4, I8, I8, F8, F4, F4, F4, F8, C8, CF },
	/* uint16     */ { U2, I4, U2, I4, U2, I4, U4, I8, U8, F4, F4, F4, F8, C8, CF },
	/* int32      */ { I4, I4, I4, I4, I4, I4, I8, I8, F8, F8, F8, F8, F8, CF, CF },
	/* uint32     */ { U4, I8, U4, I8, U4, I8, U4, I8, U8, F8, F8, F8, F8, CF, CF },
	/* int64      */ { I8, I8, I8, I8, I8, I8, I8, I8, F8, F8, F8, F8, F8, CF, CF },
	/* uint64     */ { U8, F8, U8, F8, U8, F8, U8, F8, U8, F8, F8, F8, F8, CF, CF },
	/* float16    */ { F2, F2, F2, F4, F4, F8, F8, F8, F8, F2, F4, F4, F8, C8, CF },
	/* bf16       */ { BF, BF, BF, F4, F4, F8, F8, F8, F8, F4, BF, F4, F8, C8, CF },
	/* float32    */ { F4, F4, F4, F4, F4, F8, F8, F8, F8, F4, F4, F4, F8, C8, CF },
	/* float64    */ { F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, CF, CF },
	/* complex64  */ { C8, C8, C8, C8, C8, CF, CF, CF, CF, C8, C8, C8, CF, C8, CF },
	/* complex128 */ { CF, CF, CF, CF, CF, CF, CF, CF, CF, CF, CF, CF, CF, CF, CF },
};
/* clang-format on */

enum dtype dtype_promote(enum dtype a, enum dtype b)
{
	if (a == b)
		return a;
	if (a > DT_C128)
		a = DT_F32;
	if (b > DT_C128)
		b = DT_F32;
	return (enum dtype)promotion[a][b];
}

static int kind_rank(enum dtype d)
{
	switch (dtype_info[d].kind) {
	case 'b':
		return 0;
	case 'u':
		return 1;
	case 'i':
		return 2;
	case 'f':
		return 3;
	default:
		return 4;
	}
}

bool dtype_can_cast(enum dtype from, enum dtype to, enum casting rule)
{
	if (rule == CASTING_UNSAFE || from == to)
		return true;
	if (rule == CASTING_EQUIV)
		return false;
	if (rule == CASTING_SAFE && to > DT_C128)
		return false;
	if (from > DT_C128 || to > DT_C128)
		return rule == CASTING_SAME_KIND ? kind_rank(from) <= kind_rank(to) : dtype_promote(from, to) == to;
	if (dtype_promote(from, to) == to)
		return true;
	return rule == CASTING_SAME_KIND && kind_rank(from) <= kind_rank(to);
}
