/* The loops of matmul_loops.h, for one instruction set level (LEVEL). */
#include "matmul_loops.h"

#include <string.h>

#include "loops.h"

/*
 * A tile is computed from packed panels, in blocks of MATMUL_DEPTH along k: a's rows in panels of ROWS, b's columns in
 * panels of VECS vectors, both with the elements of one l side by side, converted to the type of the accumulators and
 * padded with zeros.  The micro kernel then multiplies two panels with all its accumulators in registers.
 *
 * The order of additions for an element is the same at every level: ascending l in a block, then the blocks.
 */
#if defined(__AVX512F__)
enum { VEC = 64, VECS = 3, ROWS = 8 };
#elif defined(__AVX__)
enum { VEC = 32, VECS = 2, ROWS = 4 };
#else
enum { VEC = 16, VECS = 2, ROWS = 4 };
#endif

typedef uint8_t v_b __attribute__((vector_size(VEC), may_alias));
typedef uint8_t v_u8 __attribute__((vector_size(VEC), may_alias));
typedef uint16_t v_u16 __attribute__((vector_size(VEC), may_alias));
typedef uint32_t v_u32 __attribute__((vector_size(VEC), may_alias));
typedef uint64_t v_u64 __attribute__((vector_size(VEC), may_alias));
typedef double v_f64 __attribute__((vector_size(VEC), may_alias));
typedef uint8_t sum_b;
typedef uint8_t sum_u8;
typedef uint16_t sum_u16;
typedef uint32_t sum_u32;
typedef uint64_t sum_u64;
typedef double sum_f64;

/* Of bools: or of ands.  Integers wrap, and so do not mind their sign. */
#define MADD(s, x, y) ((s) + (x) * (y))
#define MADD_b(s, x, y) ((s) | ((x) & (y)))

static inline int64_t round_up(int64_t n, int64_t to)
{
	return (n + to - 1) / to * to;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* sum[r][j] += the products of two panels, for ROWS rows of stride elements. */
#define MICRO(s, MADD) \
	static void micro_##s(int64_t k, const sum_##s *restrict a, const sum_##s *restrict b, sum_##s *restrict sum, \
			      int64_t stride) \
	{ \
		const v_##s *vb = __builtin_assume_aligned(b, VEC); \
		v_##s acc[ROWS][VECS] = { { { 0 } } }; \
\
		for (int64_t l = 0; l < k; l++, a += ROWS, vb += VECS) \
			_Pragma("GCC unroll 8") for (int r = 0; r < ROWS; r++) \
			{ \
				v_##s x = a[r] - (v_##s){ 0 }; \
\
				_Pragma("GCC unroll 3") for (int c = 0; c < VECS; c++) acc[r][c] = \
					MADD(acc[r][c], x, vb[c]); \
			} \
		for (int r = 0; r < ROWS; r++) { \
			v_##s *to = __builtin_assume_aligned(sum + r * stride, VEC); \
\
			for (int c = 0; c < VECS; c++) \
				to[c] = MADD_ADD_##s(to[c], acc[r][c]); \
		} \
	}
#define MADD_ADD_b(x, y) ((x) | (y))
#define MADD_ADD_u8(x, y) ((x) + (y))
#define MADD_ADD_u16 MADD_ADD_u8
#define MADD_ADD_u32 MADD_ADD_u8
#define MADD_ADD_u64 MADD_ADD_u8
#define MADD_ADD_f64 MADD_ADD_u8

MICRO(b, MADD_b)
MICRO(u8, MADD)
MICRO(u16, MADD)
MICRO(u32, MADD)
MICRO(u64, MADD)
MICRO(f64, MADD)

/* The panels of a block in scratch, and the sums of the tile so far. */
#define PANELS(s) \
	enum { COLS = VECS * VEC / (int)sizeof(sum_##s) }; \
	int64_t rows = round_up(PARTS * t->m, ROWS), cols = round_up(t->n, COLS); \
	int64_t depth = smaller(PARTS * t->k, MATMUL_DEPTH); \
	sum_##s *sum = scratch, *pb = sum + rows * cols, *pa = pb + cols * depth; \
\
	memset(sum, 0, (size_t)(rows * cols) * sizeof(*sum));

#define MULTIPLY(s, depth) \
	for (int64_t j = 0; j < cols; j += COLS) \
		for (int64_t i = 0; i < rows; i += ROWS) \
			micro_##s(depth, pa + i * (depth), pb + j * (depth), sum + i * cols + j, cols);

/* Where element (i, l) of a, and (l, j) of b, is in its panel. */
#define IN_A(i, l, depth) (((i) / ROWS * (depth) + (l)) * ROWS + (i) % ROWS)
#define IN_B(l, j, depth) (((j) / COLS * (depth) + (l)) * COLS + (j) % COLS)

#define TILE(dtype, type, s, CONVERT) \
	static void tile_##type(const struct matmul_tile *t, void *scratch) \
	{ \
		enum { PARTS = 1 }; \
		PANELS(s) \
\
		for (int64_t from = 0; from < t->k; from += MATMUL_DEPTH) { \
			int64_t k = smaller(t->k - from, MATMUL_DEPTH); \
			const mem_##type *a = (const mem_##type *)t->a + from * t->a_col; \
			const mem_##type *b = (const mem_##type *)t->b + from * t->b_row; \
\
			for (int64_t i = 0; i < rows; i++) \
				for (int64_t l = 0; l < k; l++) \
					pa[IN_A(i, l, k)] = i < t->m ? CONVERT(a[i * t->a_row + l * t->a_col]) : 0; \
			for (int64_t j = 0; j < cols; j += COLS) \
				for (int64_t l = 0; l < k; l++) { \
					const mem_##type *row = b + l * t->b_row + j * t->b_col; \
					sum_##s *to = pb + (j * k + l * COLS); \
					int64_t n = smaller(t->n - j, COLS), c = 0; \
\
					if (t->b_col == 1 && n == COLS) \
						for (; c < COLS; c++) \
							to[c] = CONVERT(row[c]); \
					for (; c < n; c++) \
						to[c] = CONVERT(row[c * t->b_col]); \
					for (; c < COLS; c++) \
						to[c] = 0; \
				} \
			MULTIPLY(s, k) \
		} \
		for (int64_t i = 0; i < t->m; i++) { \
			mem_##type *out = (mem_##type *)t->out + i * t->out_row; \
\
			for (int64_t j = 0; j < t->n; j++) \
				out[j] = (mem_##type)sum[i * cols + j]; \
		} \
	}

/*
 * A complex product is a real one of twice the rows and depth: with a = x + yi and b = u + vi, row 2i is (x, -y), row
 * 2i + 1 is (y, x), and the rows 2l and 2l + 1 of b are u and v.
 */
#define TILE_COMPLEX(type, real) \
	static void tile_##type(const struct matmul_tile *t, void *scratch) \
	{ \
		enum { PARTS = 2 }; \
		PANELS(f64) \
\
		for (int64_t from = 0; from < t->k; from += MATMUL_DEPTH / 2) { \
			int64_t k = smaller(t->k - from, MATMUL_DEPTH / 2), k2 = 2 * k; \
			const real *a = (const real *)t->a + 2 * from * t->a_col; \
			const real *b = (const real *)t->b + 2 * from * t->b_row; \
\
			for (int64_t i = 0; i < rows / 2; i++) \
				for (int64_t l = 0; l < k; l++) { \
					const real *z = a + 2 * (i * t->a_row + l * t->a_col); \
					double x = i < t->m ? z[0] : 0, y = i < t->m ? z[1] : 0; \
\
					pa[IN_A(2 * i, 2 * l, k2)] = x; \
					pa[IN_A(2 * i, 2 * l + 1, k2)] = -y; \
					pa[IN_A(2 * i + 1, 2 * l, k2)] = y; \
					pa[IN_A(2 * i + 1, 2 * l + 1, k2)] = x; \
				} \
			for (int64_t j = 0; j < cols; j++) \
				for (int64_t l = 0; l < k; l++) { \
					const real *z = b + 2 * (l * t->b_row + j * t->b_col); \
\
					pb[IN_B(2 * l, j, k2)] = j < t->n ? z[0] : 0; \
					pb[IN_B(2 * l + 1, j, k2)] = j < t->n ? z[1] : 0; \
				} \
			MULTIPLY(f64, k2) \
		} \
		for (int64_t i = 0; i < t->m; i++) { \
			real *out = (real *)t->out + 2 * i * t->out_row; \
\
			for (int64_t j = 0; j < t->n; j++) { \
				out[2 * j] = (real)sum[2 * i * cols + j]; \
				out[2 * j + 1] = (real)sum[(2 * i + 1) * cols + j]; \
			} \
		} \
	}

#define AS_IS(x) (x)
#define AS_BOOL(x) ((x) != 0)
#define NUMBERS(X) \
	X(DT_I8, i8, u8, (uint8_t)AS_IS) \
	X(DT_U8, u8, u8, AS_IS) \
	X(DT_I16, i16, u16, (uint16_t)AS_IS) \
	X(DT_U16, u16, u16, AS_IS) \
	X(DT_I32, i32, u32, (uint32_t)AS_IS) \
	X(DT_U32, u32, u32, AS_IS) \
	X(DT_I64, i64, u64, (uint64_t)AS_IS) \
	X(DT_U64, u64, u64, AS_IS) X(DT_F32, f32, f64, AS_IS) X(DT_F64, f64, f64, AS_IS)
#define TYPES(X) X(DT_BOOL, b, b, AS_BOOL) NUMBERS(X)

TYPES(TILE)
TILE_COMPLEX(c64, float)
TILE_COMPLEX(c128, double)

/*
 * Matrix by vector.  A row's sum is LANES sums of every LANES-th product, folded at the end; in blocks, so that
 * the error does not grow with the length.
 */
enum { LANES = 32, BLOCK_LENGTH = 1 << 14, CHUNK_ROWS = 512, CHUNK_DEPTH = 256 };

#define DOT(s, type, CONVERT, PLUS, MADD) \
	static sum_##s dot_##type(int64_t k, const mem_##type *x, const mem_##type *y) \
	{ \
		sum_##s total = 0; \
\
		for (int64_t from = 0; from < k; from += BLOCK_LENGTH) { \
			int64_t n = smaller(k - from, BLOCK_LENGTH), l = 0; \
			const mem_##type *p = x + from, *q = y + from; \
			sum_##s acc[LANES] = { 0 }; \
\
			for (; l + LANES <= n; l += LANES) \
				for (int c = 0; c < LANES; c++) \
					acc[c] = (sum_##s)MADD(acc[c], (sum_##s)CONVERT(p[l + c]), \
							       (sum_##s)CONVERT(q[l + c])); \
			for (int c = 0; l < n; l++, c++) \
				acc[c] = (sum_##s)MADD(acc[c], (sum_##s)CONVERT(p[l]), (sum_##s)CONVERT(q[l])); \
			for (int half = LANES / 2; half; half /= 2) \
				for (int c = 0; c < half; c++) \
					acc[c] = (sum_##s)PLUS(acc[c], acc[c + half]); \
			total = (sum_##s)PLUS(total, acc[0]); \
		} \
		return total; \
	}

/* Columns of a side by side (a_row = 1): rows CHUNK_ROWS at a time, whole columns of them added up. */
#define ADD_COLUMNS(s, type, CONVERT, PLUS, MADD) \
	static void columns_##type(const struct matmul_tile *t, int64_t first, int64_t m) \
	{ \
		const mem_##type *a = (const mem_##type *)t->a + first, *x = t->b; \
		mem_##type *out = (mem_##type *)t->out + first; \
		sum_##s total[CHUNK_ROWS] = { 0 }, acc[CHUNK_ROWS]; \
\
		for (int64_t from = 0; from < t->k; from += CHUNK_DEPTH) { \
			int64_t end = smaller(t->k, from + CHUNK_DEPTH), l = from; \
\
			memset(acc, 0, sizeof(acc)); \
			for (; l + 4 <= end; l += 4) { \
				const mem_##type *p = a + l * t->a_col, *q = p + t->a_col, *r = q + t->a_col, \
						 *w = r + t->a_col; \
				sum_##s x0 = (sum_##s)CONVERT(x[l]), x1 = (sum_##s)CONVERT(x[l + 1]); \
				sum_##s x2 = (sum_##s)CONVERT(x[l + 2]), x3 = (sum_##s)CONVERT(x[l + 3]); \
\
				for (int64_t i = 0; i < m; i++) { \
					sum_##s v = (sum_##s)MADD(acc[i], (sum_##s)CONVERT(p[i]), x0); \
\
					v = (sum_##s)MADD(v, (sum_##s)CONVERT(q[i]), x1); \
					v = (sum_##s)MADD(v, (sum_##s)CONVERT(r[i]), x2); \
					acc[i] = (sum_##s)MADD(v, (sum_##s)CONVERT(w[i]), x3); \
				} \
			} \
			for (; l < end; l++) \
				for (int64_t i = 0; i < m; i++) \
					acc[i] = (sum_##s)MADD(acc[i], (sum_##s)CONVERT(a[i + l * t->a_col]), \
							       (sum_##s)CONVERT(x[l])); \
			for (int64_t i = 0; i < m; i++) \
				total[i] = (sum_##s)PLUS(total[i], acc[i]); \
		} \
		for (int64_t i = 0; i < m; i++) \
			out[i] = (mem_##type)total[i]; \
	}

#define VECTOR(type) \
	static void vec_##type(const struct matmul_tile *t) \
	{ \
		mem_##type *out = t->out; \
\
		if (t->a_col == 1 || t->k == 1) \
			for (int64_t i = 0; i < t->m; i++) \
				out[i] = (mem_##type)dot_##type(t->k, (const mem_##type *)t->a + i * t->a_row, t->b); \
		else \
			for (int64_t i = 0; i < t->m; i += CHUNK_ROWS) \
				columns_##type(t, i, smaller(t->m - i, CHUNK_ROWS)); \
	}

/*
 * The same for complex numbers, with real and imaginary parts apart: gcc 12 contracts vectors of complex products to
 * fused ones whatever -ffp-contract says, and the bits would depend on the level.
 */
#define VECTOR_COMPLEX(type, real) \
	static void dot_##type(int64_t k, const real *x, const real *y, real *out) \
	{ \
		double total_re = 0, total_im = 0; \
\
		for (int64_t from = 0; from < k; from += BLOCK_LENGTH) { \
			int64_t n = smaller(k - from, BLOCK_LENGTH); \
			const real *p = x + 2 * from, *q = y + 2 * from; \
			double re[LANES] = { 0 }, im[LANES] = { 0 }; \
\
			for (int64_t l = 0; l < n; l += LANES, p += 2 * LANES, q += 2 * LANES) { \
				int lanes = (int)smaller(n - l, LANES); \
\
				for (int c = 0; c < lanes; c++) { \
					double a = p[2 * c], b = p[2 * c + 1], u = q[2 * c], v = q[2 * c + 1]; \
\
					re[c] += a * u - b * v; \
					im[c] += a * v + b * u; \
				} \
			} \
			for (int half = LANES / 2; half; half /= 2) \
				for (int c = 0; c < half; c++) { \
					re[c] += re[c + half]; \
					im[c] += im[c + half]; \
				} \
			total_re += re[0]; \
			total_im += im[0]; \
		} \
		out[0] = (real)total_re; \
		out[1] = (real)total_im; \
	} \
\
	static void columns_##type(const struct matmul_tile *t, int64_t first, int64_t m) \
	{ \
		const real *x = t->b; \
		real *out = (real *)t->out + 2 * first; \
		double total_re[CHUNK_ROWS] = { 0 }, total_im[CHUNK_ROWS] = { 0 }, re[CHUNK_ROWS], im[CHUNK_ROWS]; \
\
		for (int64_t from = 0; from < t->k; from += CHUNK_DEPTH) { \
			int64_t end = smaller(t->k, from + CHUNK_DEPTH); \
\
			memset(re, 0, sizeof(re)); \
			memset(im, 0, sizeof(im)); \
			for (int64_t l = from; l < end; l++) { \
				const real *p = (const real *)t->a + 2 * (first + l * t->a_col); \
				double u = x[2 * l], v = x[2 * l + 1]; \
\
				for (int64_t i = 0; i < m; i++) { \
					double a = p[2 * i], b = p[2 * i + 1]; \
\
					re[i] += a * u - b * v; \
					im[i] += a * v + b * u; \
				} \
			} \
			for (int64_t i = 0; i < m; i++) { \
				total_re[i] += re[i]; \
				total_im[i] += im[i]; \
			} \
		} \
		for (int64_t i = 0; i < m; i++) { \
			out[2 * i] = (real)total_re[i]; \
			out[2 * i + 1] = (real)total_im[i]; \
		} \
	} \
\
	static void vec_##type(const struct matmul_tile *t) \
	{ \
		if (t->a_col == 1 || t->k == 1) \
			for (int64_t i = 0; i < t->m; i++) \
				dot_##type(t->k, (const real *)t->a + 2 * i * t->a_row, t->b, (real *)t->out + 2 * i); \
		else \
			for (int64_t i = 0; i < t->m; i += CHUNK_ROWS) \
				columns_##type(t, i, smaller(t->m - i, CHUNK_ROWS)); \
	}

#define PLUS(x, y) ((x) + (y))
#define PLUS_b(x, y) ((x) | (y))
#define VECTOR_ALL(s, type, CONVERT, PLUS, MADD) \
	DOT(s, type, CONVERT, PLUS, MADD) ADD_COLUMNS(s, type, CONVERT, PLUS, MADD) VECTOR(type)
#define VECTOR_TYPE(dtype, type, s, CONVERT) VECTOR_ALL(s, type, CONVERT, PLUS, MADD)
VECTOR_ALL(b, b, AS_BOOL, PLUS_b, MADD_b)
NUMBERS(VECTOR_TYPE)
VECTOR_COMPLEX(c64, float)
VECTOR_COMPLEX(c128, double)

#define TILE_ENTRY(dtype, type, s, CONVERT) [dtype] = tile_##type,
#define VEC_ENTRY(dtype, type, s, CONVERT) [dtype] = vec_##type,
extern const struct matmul_loops PASTE(matmul_, LEVEL);
const struct matmul_loops PASTE(matmul_, LEVEL) = {
	.tile = { TYPES(TILE_ENTRY)[DT_C64] = tile_c64, [DT_C128] = tile_c128 },
	.vec = { TYPES(VEC_ENTRY)[DT_C64] = vec_c64, [DT_C128] = vec_c128 },
};
