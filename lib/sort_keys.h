/*
 * Elements as keys, unsigned integers in the same order.  C and CUDA C++.
 *
 * U is the key's type, of the element's size; kind is uint, int or float; inf is a float's infinity as bits, or what its largest number
 * is where it has none.  A NaN of any sign is the largest key, and -0 has the key of 0 only in SAME.
 */
#ifndef TENSOR_SORT_KEYS_H
#define TENSOR_SORT_KEYS_H

/* -- keys: of the bits u of an element, an unsigned integer of type U with the sign bit SIGN -- */

#define SIGN(U) ((U)((U)1 << (sizeof(U) * 8 - 1)))
#define ONES(U) ((U) ~(U)0)

#define MAGNITUDE(U, u) ((U)((u) & (U)~SIGN(U)))
#define IS_NAN_uint(U, u, inf) false
#define IS_NAN_int(U, u, inf) false
#define IS_NAN_float(U, u, inf) (MAGNITUDE(U, u) > (U)(inf))

#define KEY_uint(U, u, inf) (u)
#define KEY_int(U, u, inf) ((U)((u) ^ SIGN(U)))
#define KEY_float(U, u, inf) (IS_NAN_float(U, u, inf) ? ONES(U) : (u)&SIGN(U) ? (U) ~(u) : (U)((u) | SIGN(U)))

/* The same key for equal elements. */
#define SAME_uint(U, u, inf) (u)
#define SAME_int(U, u, inf) KEY_int(U, u, inf)
#define SAME_float(U, u, inf) (MAGNITUDE(U, u) == 0 ? SIGN(U) : KEY_float(U, u, inf))

/* X(suffix, U, kind, inf): elements that have such keys, of up to 32 bits and of 64; complex numbers are sorted by their parts */
#define SORT_KEYS_32(X) \
	X(u8, uint8_t, uint, 0) \
	X(i8, uint8_t, int, 0) \
	X(u16, uint16_t, uint, 0) \
	X(i16, uint16_t, int, 0) \
	X(u32, uint32_t, uint, 0) \
	X(i32, uint32_t, int, 0) \
	X(e4m3, uint8_t, float, 0x7e) \
	X(e5m2, uint8_t, float, 0x7c) \
	X(f16, uint16_t, float, 0x7c00) \
	X(bf16, uint16_t, float, 0x7f80) \
	X(f32, uint32_t, float, 0x7f800000)
#define SORT_KEYS_64(X) \
	X(u64, uint64_t, uint, 0) \
	X(i64, uint64_t, int, 0) \
	X(f64, uint64_t, float, 0x7ff0000000000000)

#endif
