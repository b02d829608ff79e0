/* What the files of loops share.  They are compiled once for each instruction set level, with LEVEL defined as its name. */
#ifndef TENSOR_LOOPS_H
#define TENSOR_LOOPS_H

#ifndef __cplusplus
#include <complex.h>
#endif
#include <stdbool.h>
#include <stdint.h>

#include "kernels.h"

/* In place is exact, element over element, so iterations never depend on each other. */
#if defined(__GNUC__) && !defined(__clang__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

#define PASTE(a, b) PASTE_(a, b)
#define PASTE_(a, b) a##b

/* In C++, which here is CUDA C++, cuda/complex.cuh has them and the functions of <complex.h>. */
#ifndef __cplusplus
typedef float _Complex c64;
typedef double _Complex c128;
#endif

/* float16 and bfloat16 where they are not converted, told apart by _Generic. */
struct f16 {
	uint16_t bits;
};
struct bf16 {
	uint16_t bits;
};

/*
 * By the suffix in a loop's name: the type of an element in memory, and of a variable that holds one.  They differ for
 * bool: reading a byte into a bool tests it against 0, and storing gives 0 or 1.
 */
typedef uint8_t mem_b;
typedef bool var_b;
typedef int8_t mem_i8, var_i8;
typedef uint8_t mem_u8, var_u8;
typedef int16_t mem_i16, var_i16;
typedef uint16_t mem_u16, var_u16;
typedef int32_t mem_i32, var_i32;
typedef uint32_t mem_u32, var_u32;
typedef int64_t mem_i64, var_i64;
typedef uint64_t mem_u64, var_u64;
typedef struct f16 mem_f16, var_f16;
typedef struct bf16 mem_bf16, var_bf16;
typedef float mem_f32, var_f32;
typedef double mem_f64, var_f64;
typedef c64 mem_c64, var_c64;
typedef c128 mem_c128, var_c128;
typedef uint8_t mem_e4m3, mem_e5m2;

/* Blocks are aligned, and padded so that n may be rounded up (kernels.h). */
#define BLOCK(pointer) __builtin_assume_aligned(pointer, 64)

static inline int64_t padded(int64_t n)
{
	return (n + LOOP_PAD - 1) & -(int64_t)LOOP_PAD;
}

#endif
