/* A kernel for each MAP row of ops.def and each type that it has a loop for: see kernels.h. */
#ifndef TENSOR_CUDA_MAP_CUH
#define TENSOR_CUDA_MAP_CUH

#include "common.cuh"

/* The expressions are compiled for bool and the unsigned types, too, where some of what they ask is known. */
#ifdef __CUDACC__
#pragma nv_diag_suppress 68, 186
#else
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wbool-compare"
#pragma GCC diagnostic ignored "-Wbool-operation"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#endif

#include "scalar.cuh"

#include "lib/map_types.h"

#define INPUTS1(f, s) const mem_##f *px
#define INPUTS2(f, s) INPUTS1(f, s), const mem_##s *py
#define INPUTS3(f, s) INPUTS2(f, s), const mem_##s *pz
#define READ1(f, s) var_##f x = px[i];
#define READ2(f, s) READ1(f, s) var_##s y = py[i];
#define READ3(f, s) READ2(f, s) var_##s z = pz[i];

#define MAP_KERNEL(dtype, s, f, id, nin, result, expr) MAP_KERNEL_(s, f, id, nin, RESULT_##result(s), expr)
#define MAP_KERNEL_(s, f, id, nin, r, expr) \
	KERNEL(map_##id##_##s, (int64_t n, PASTE(mem_, r) * out, INPUTS##nin(f, s))) \
	{ \
		EACH(i, n) \
		{ \
			READ##nin(f, s) PASTE(var_, r) value = expr; \
\
			out[i] = value; \
		} \
	}
#define MAP(id, aliases, nin, types, result, flags, expr, attrs, help) types(MAP_KERNEL, id, nin, result, expr)
#include "lib/ops.def"

#undef MAP_KERNEL
#undef MAP_KERNEL_
#undef INPUTS1
#undef INPUTS2
#undef INPUTS3
#undef READ1
#undef READ2
#undef READ3

#endif
