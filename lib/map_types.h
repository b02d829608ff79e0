/* The types and result columns of the MAP rows of ops.def, for who makes a loop or a kernel of each row and type. */
#ifndef TENSOR_MAP_TYPES_H
#define TENSOR_MAP_TYPES_H

/* The suffix of the result's type, by the result column. */
#define RESULT_SAME(s) s
#define RESULT_REAL(s) REAL_##s
#define RESULT_BOOL(s) b
#define REAL_b b
#define REAL_i8 i8
#define REAL_u8 u8
#define REAL_i16 i16
#define REAL_u16 u16
#define REAL_i32 i32
#define REAL_u32 u32
#define REAL_i64 i64
#define REAL_u64 u64
#define REAL_f32 f32
#define REAL_f64 f64
#define REAL_c64 f32
#define REAL_c128 f64

/* -- types: the T_ classes of the table.  X(dtype, suffix, suffix of the first operand, ...) -- */

#define TYPES_B(X, ...) X(DT_BOOL, b, b, __VA_ARGS__)
#define TYPES_I(X, ...) \
	X(DT_I8, i8, i8, __VA_ARGS__) \
	X(DT_I16, i16, i16, __VA_ARGS__) X(DT_I32, i32, i32, __VA_ARGS__) X(DT_I64, i64, i64, __VA_ARGS__)
#define TYPES_U(X, ...) \
	X(DT_U8, u8, u8, __VA_ARGS__) \
	X(DT_U16, u16, u16, __VA_ARGS__) X(DT_U32, u32, u32, __VA_ARGS__) X(DT_U64, u64, u64, __VA_ARGS__)
#define TYPES_F(X, ...) X(DT_F32, f32, f32, __VA_ARGS__) X(DT_F64, f64, f64, __VA_ARGS__)
#define TYPES_C(X, ...) X(DT_C64, c64, c64, __VA_ARGS__) X(DT_C128, c128, c128, __VA_ARGS__)
#define TYPES_H(X, ...) X(DT_F16, f16, f16, __VA_ARGS__) X(DT_BF16, bf16, bf16, __VA_ARGS__)

#define T_IU(X, ...) TYPES_I(X, __VA_ARGS__) TYPES_U(X, __VA_ARGS__)
#define T_BIU(X, ...) TYPES_B(X, __VA_ARGS__) T_IU(X, __VA_ARGS__)
#define T_F(X, ...) TYPES_F(X, __VA_ARGS__)
#define T_FC(X, ...) TYPES_F(X, __VA_ARGS__) TYPES_C(X, __VA_ARGS__)
#define T_FH(X, ...) TYPES_H(X, __VA_ARGS__) TYPES_F(X, __VA_ARGS__)
#define T_IUF(X, ...) T_IU(X, __VA_ARGS__) TYPES_F(X, __VA_ARGS__)
#define T_IUFC(X, ...) T_IU(X, __VA_ARGS__) T_FC(X, __VA_ARGS__)
#define T_BIUF(X, ...) T_BIU(X, __VA_ARGS__) TYPES_F(X, __VA_ARGS__)
#define T_BIUFC(X, ...) T_BIU(X, __VA_ARGS__) T_FC(X, __VA_ARGS__)
/* All, and the first operand is bool. */
#define T_COND(X, ...) \
	X(DT_BOOL, b, b, __VA_ARGS__) \
	X(DT_I8, i8, b, __VA_ARGS__) \
	X(DT_I16, i16, b, __VA_ARGS__) \
	X(DT_I32, i32, b, __VA_ARGS__) \
	X(DT_I64, i64, b, __VA_ARGS__) \
	X(DT_U8, u8, b, __VA_ARGS__) \
	X(DT_U16, u16, b, __VA_ARGS__) \
	X(DT_U32, u32, b, __VA_ARGS__) \
	X(DT_U64, u64, b, __VA_ARGS__) \
	X(DT_F32, f32, b, __VA_ARGS__) \
	X(DT_F64, f64, b, __VA_ARGS__) X(DT_C64, c64, b, __VA_ARGS__) X(DT_C128, c128, b, __VA_ARGS__)

#endif
