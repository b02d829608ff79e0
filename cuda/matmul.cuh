/*
 * Matrix products: see kernels.h.  A block computes a tile of the result from tiles of the operands in shared memory, DEPTH along k
 * at a time.  The products of one depth are summed by themselves, with fused multiply-adds, and then added to a total
 * that keeps what its roundings lose: so the error does not grow with k.
 */
#ifndef TENSOR_CUDA_MATMUL_CUH
#define TENSOR_CUDA_MATMUL_CUH

#include "common.cuh"

#include "lib/accumulate.h"

#define PRODUCT_FN static __device__ __forceinline__

/*
 * For each type: what lies in memory, what is multiplied (part), the sum of parts (total), and a total as one of several pieces of a
 * sum.  TILE rows and columns of 16 x 16 threads, TILE * 16 of a block; DEPTH of k.
 */
template <class R> struct product_total {
	R sum, lost;

	__device__ __forceinline__ void add(R x)
	{
		R s = sum + x, t = s - sum;

		lost += (sum - (s - t)) + (x - t);
		sum = s;
	}
	__device__ __forceinline__ double value() const
	{
		double s = (double)sum + (double)lost;

		return s - s == 0 ? s : (double)sum;
	}
};

template <class R, int depth> struct product_real {
	typedef R part;
	typedef product_total<R> total;
	typedef double piece;
	typedef struct acc sum;
	enum { TILE = 4, DEPTH = depth };

	PRODUCT_FN part zero()
	{
		return 0;
	}
	PRODUCT_FN total nothing()
	{
		return { 0, 0 };
	}
	PRODUCT_FN float madd(float s, float x, float y)
	{
		return fmaf(x, y, s);
	}
	PRODUCT_FN double madd(double s, double x, double y)
	{
		return fma(x, y, s);
	}
	PRODUCT_FN void add(total *t, part x)
	{
		t->add(x);
	}
	PRODUCT_FN piece value(const total &t)
	{
		return t.value();
	}
	PRODUCT_FN sum none()
	{
		return { 0, 0 };
	}
	PRODUCT_FN void add_piece(sum *s, piece x)
	{
		acc_add(s, x);
	}
	PRODUCT_FN piece result(const sum &s)
	{
		return acc_value(&s);
	}
};

struct product_f32 : product_real<float, 32> {
	typedef float memory;
	PRODUCT_FN part load(memory x)
	{
		return x;
	}
	PRODUCT_FN memory store(piece x)
	{
		return (float)x;
	}
};

struct product_f64 : product_real<double, 16> {
	typedef double memory;
	PRODUCT_FN part load(memory x)
	{
		return x;
	}
	PRODUCT_FN memory store(piece x)
	{
		return x;
	}
};

struct product_f16 : product_real<float, 32> {
	typedef uint16_t memory;
	PRODUCT_FN part load(memory x)
	{
		return f16_to_float(x);
	}
	PRODUCT_FN memory store(piece x)
	{
		return float_to_f16((float)x);
	}
};

struct product_bf16 : product_real<float, 32> {
	typedef uint16_t memory;
	PRODUCT_FN part load(memory x)
	{
		return bf16_to_float(x);
	}
	PRODUCT_FN memory store(piece x)
	{
		return float_to_bf16((float)x);
	}
};

template <class R, class C> struct product_complex {
	typedef C memory, part;
	struct total {
		product_total<R> re, im;
	};
	typedef c128 piece;
	struct sum {
		struct acc re, im;
	};
	enum { TILE = 2, DEPTH = 16 };

	PRODUCT_FN part zero()
	{
		return C(0, 0);
	}
	PRODUCT_FN part load(memory x)
	{
		return x;
	}
	PRODUCT_FN total nothing()
	{
		return { { 0, 0 }, { 0, 0 } };
	}
	PRODUCT_FN part madd(part s, part x, part y)
	{
		typedef product_real<R, 16> real;

		return C(real::madd(real::madd(s.re, x.re, y.re), -x.im, y.im),
			 real::madd(real::madd(s.im, x.re, y.im), x.im, y.re));
	}
	PRODUCT_FN void add(total *t, part x)
	{
		t->re.add(x.re);
		t->im.add(x.im);
	}
	PRODUCT_FN piece value(const total &t)
	{
		return c128(t.re.value(), t.im.value());
	}
	PRODUCT_FN sum none()
	{
		return { { 0, 0 }, { 0, 0 } };
	}
	PRODUCT_FN void add_piece(sum *s, piece x)
	{
		acc_add(&s->re, x.re);
		acc_add(&s->im, x.im);
	}
	PRODUCT_FN piece result(const sum &s)
	{
		return c128(acc_value(&s.re), acc_value(&s.im));
	}
	PRODUCT_FN memory store(piece x)
	{
		return C((R)x.re, (R)x.im);
	}
};
typedef product_complex<float, c64> product_c64;
typedef product_complex<double, c128> product_c128;

/* Integers wrap, and so do not mind their sign. */
template <class M, class P> struct product_int {
	typedef M memory;
	typedef P part, total, piece, sum;
	enum { TILE = 4, DEPTH = 16 };

	PRODUCT_FN part zero()
	{
		return 0;
	}
	PRODUCT_FN part load(memory x)
	{
		return (P)x;
	}
	PRODUCT_FN total nothing()
	{
		return 0;
	}
	PRODUCT_FN part madd(part s, part x, part y)
	{
		return s + x * y;
	}
	PRODUCT_FN void add(total *t, part x)
	{
		*t += x;
	}
	PRODUCT_FN piece value(const total &t)
	{
		return t;
	}
	PRODUCT_FN sum none()
	{
		return 0;
	}
	PRODUCT_FN void add_piece(sum *s, piece x)
	{
		*s += x;
	}
	PRODUCT_FN piece result(const sum &s)
	{
		return s;
	}
	PRODUCT_FN memory store(piece x)
	{
		return (M)x;
	}
};
typedef product_int<int8_t, uint32_t> product_i8;
typedef product_int<uint8_t, uint32_t> product_u8;
typedef product_int<int16_t, uint32_t> product_i16;
typedef product_int<uint16_t, uint32_t> product_u16;
typedef product_int<int32_t, uint32_t> product_i32;
typedef product_int<uint32_t, uint32_t> product_u32;
typedef product_int<int64_t, uint64_t> product_i64;
typedef product_int<uint64_t, uint64_t> product_u64;

/* Of bools: or of ands. */
struct product_b : product_int<uint8_t, uint32_t> {
	PRODUCT_FN part load(memory x)
	{
		return x != 0;
	}
	PRODUCT_FN part madd(part s, part x, part y)
	{
		return s | (x & y);
	}
	PRODUCT_FN void add(total *t, part x)
	{
		*t |= x;
	}
	PRODUCT_FN void add_piece(sum *s, piece x)
	{
		*s |= x;
	}
};

template <class P>
PRODUCT_FN void matmul_tiles(typename P::memory *out, typename P::piece *pieces, const typename P::memory *a,
			     const typename P::memory *b, const struct matmul_layout &l)
{
	enum { TILE = P::TILE, SIDE = 16 * TILE, DEPTH = P::DEPTH, PITCH = SIDE + 1 };
	typedef typename P::part part;
	part *sa = (part *)shared_memory<2 * DEPTH * PITCH * sizeof(part)>(), *sb = sa + DEPTH * PITCH;
	const int tx = (int)threadIdx.x % 16, ty = (int)threadIdx.x / 16;
	const int64_t rows = (l.m + SIDE - 1) / SIDE, cols = (l.n + SIDE - 1) / SIDE;
	const int64_t all = l.count * l.splits * rows * cols;

	ROLLED for (int64_t t = blockIdx.x; t < all; t += gridDim.x)
	{
		const int64_t col = t % cols * SIDE, row = t / cols % rows * SIDE;
		const int64_t split = t / cols / rows % l.splits, batch = t / cols / rows / l.splits;
		const int64_t from = split * l.each, to = l.k - from < l.each ? l.k : from + l.each;
		const typename P::memory *pa = a, *pb = b;
		int64_t rest = batch;
		typename P::total total[TILE][TILE];

		ROLLED for (int i = (int)l.nbatch - 1; i >= 0; i--)
		{
			pa += rest % l.dim[i] * l.a_step[i];
			pb += rest % l.dim[i] * l.b_step[i];
			rest /= l.dim[i];
		}
		for (int r = 0; r < TILE; r++)
			for (int c = 0; c < TILE; c++)
				total[r][c] = P::nothing();
		ROLLED for (int64_t k = from; k < to; k += DEPTH)
		{
			part sum[TILE][TILE];

			/* Neighbouring threads read what lies side by side. */
			ROLLED for (int i = (int)threadIdx.x; i < SIDE * DEPTH; i += MATMUL_THREADS)
			{
				int depth = l.a_col == 1 ? i % DEPTH : i / SIDE,
				    r = l.a_col == 1 ? i / DEPTH : i % SIDE;
				bool in = row + r < l.m && k + depth < to;

				sa[depth * PITCH + r] =
					in ? P::load(pa[(row + r) * l.a_row + (k + depth) * l.a_col]) : P::zero();
			}
			ROLLED for (int i = (int)threadIdx.x; i < SIDE * DEPTH; i += MATMUL_THREADS)
			{
				int depth = l.b_col == 1 ? i / SIDE : i % DEPTH,
				    c = l.b_col == 1 ? i % SIDE : i / DEPTH;
				bool in = col + c < l.n && k + depth < to;

				sb[depth * PITCH + c] =
					in ? P::load(pb[(k + depth) * l.b_row + (col + c) * l.b_col]) : P::zero();
			}
			__syncthreads();
			for (int r = 0; r < TILE; r++)
				for (int c = 0; c < TILE; c++)
					sum[r][c] = P::zero();
			UNROLL_4 for (int i = 0; i < DEPTH; i++)
			{
				part x[TILE], y[TILE];

				for (int r = 0; r < TILE; r++)
					x[r] = sa[i * PITCH + ty + 16 * r];
				for (int c = 0; c < TILE; c++)
					y[c] = sb[i * PITCH + tx + 16 * c];
				for (int r = 0; r < TILE; r++)
					for (int c = 0; c < TILE; c++)
						sum[r][c] = P::madd(sum[r][c], x[r], y[c]);
			}
			for (int r = 0; r < TILE; r++)
				for (int c = 0; c < TILE; c++)
					P::add(&total[r][c], sum[r][c]);
			__syncthreads();
		}
		for (int r = 0; r < TILE; r++)
			for (int c = 0; c < TILE; c++) {
				int64_t i = row + ty + 16 * r, j = col + tx + 16 * c;

				if (i >= l.m || j >= l.n)
					continue;
				if (l.splits > 1)
					pieces[((split * l.count + batch) * l.m + i) * l.n + j] = P::value(total[r][c]);
				else
					out[(batch * l.m + i) * l.n + j] = P::store(P::value(total[r][c]));
			}
	}
}

template <class P>
PRODUCT_FN void matmul_add(int64_t n, typename P::memory *out, const typename P::piece *pieces, int64_t splits)
{
	EACH(i, n)
	{
		typename P::sum s = P::none();

		for (int64_t k = 0; k < splits; k++)
			P::add_piece(&s, pieces[k * n + i]);
		out[i] = P::store(P::result(s));
	}
}

#define MATMUL(s) \
	KERNEL_BLOCK(matmul_##s, MATMUL_THREADS, \
		     (product_##s::memory * out, product_##s::piece * pieces, const product_##s::memory *a, \
		      const product_##s::memory *b, struct matmul_layout l)) \
	{ \
		matmul_tiles<product_##s>(out, pieces, a, b, l); \
	} \
	KERNEL(matmul_sum_##s, \
	       (int64_t n, product_##s::memory * out, const product_##s::piece *pieces, int64_t splits)) \
	{ \
		matmul_add<product_##s>(n, out, pieces, splits); \
	}

MATMUL_TYPES(MATMUL)

#endif
