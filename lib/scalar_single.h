/*
 * Elementary functions of float32 computed in float32, at twice the speed of the short forms in double (scalar_double.h) and still
 * right to 1 ULP.
 */
#ifndef TENSOR_SCALAR_SINGLE_H
#define TENSOR_SCALAR_SINGLE_H

#include <stdint.h>

#include "half.h"

/*
 * x = k ln 2 + r, and e**x = 2**k (1 + (r + r**2 g(r))).  The larger part of ln 2 has so few digits that k times it, and its
 * difference from x, are exact; what rounding r lost is added in the end.  Right to 0.87 ULP, which all arguments were tried for.
 */
static inline float s_exp(float x)
{
	const float to_integer = 0x1.8p23f, ln2 = 0x1.63p-1f, ln2_rest = -2.12194440054690583e-4f;
	float limited = x > 89 ? 89 : x < -104 ? -104 : x;
	float shifted = limited * 1.44269504088896341f + to_integer, k = shifted - to_integer;
	float most = limited - k * ln2, rest = k * ln2_rest, r = most - rest, lost = (most - r) - rest;
	float g =
		0.5f + r * (0x1.555552p-3f +
			    r * (0x1.5554e4p-5f + r * (0x1.1115bap-7f + r * (0x1.6d5194p-10f + r * 0x1.9a8e14p-13f))));
	float result = 1 + (r + (r * r * g + lost));
	/* 2**k in two steps, as it may be no normal number; k stands in the last bits of shifted. */
	int32_t power = (int32_t)(float_bits(shifted) - float_bits(to_integer)), half = power >> 1;

	result *= bits_float((uint32_t)(half + 127) << 23);
	return result * bits_float((uint32_t)(power - half + 127) << 23);
}

#endif
