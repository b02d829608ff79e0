/* Matrix products: see whole.h. */
#include "cuda/whole_internal.h"

#include <string.h>

#include "cuda/cublas.h"

/* Multiplications from which loading cuBLAS pays: 2**33 take the kernels here milliseconds, loading takes half a second, once. */
#define CUBLAS_FROM 0x1p33

/* Enough blocks for any device, and the least of k that is worth a split: they shape results. */
enum { BLOCKS = 256, SPLIT_LEAST = 256, SIDE = 64, SIDE_COMPLEX = 32 };

static const struct {
	const char *tiles, *sum;
	size_t piece; /* bytes */
} kernel[NDTYPES] = {
#define ROW(dtype, s, piece) [DT_##dtype] = { "matmul_" #s, "matmul_sum_" #s, piece }
	ROW(BOOL, b, 4),    ROW(I8, i8, 4),   ROW(U8, u8, 4),	ROW(I16, i16, 4),  ROW(U16, u16, 4),
	ROW(I32, i32, 4),   ROW(U32, u32, 4), ROW(I64, i64, 8), ROW(U64, u64, 8),  ROW(F16, f16, 8),
	ROW(BF16, bf16, 8), ROW(F32, f32, 8), ROW(F64, f64, 8), ROW(C64, c64, 16), ROW(C128, c128, 16),
#undef ROW
};

static void layout(struct matmul_layout *l, const struct product *p)
{
	*l = (struct matmul_layout){ .m = p->m,
				     .n = p->n,
				     .k = p->k,
				     .a_row = p->ta ? 1 : p->lda,
				     .a_col = p->ta ? p->lda : 1,
				     .b_row = p->tb ? 1 : p->ldb,
				     .b_col = p->tb ? p->ldb : 1,
				     .splits = 1,
				     .each = p->k,
				     .count = p->count,
				     .nbatch = p->nbatch };
	memcpy(l->dim, p->dim, sizeof(l->dim));
	memcpy(l->a_step, p->a_step, sizeof(l->a_step));
	memcpy(l->b_step, p->b_step, sizeof(l->b_step));
}

static int by_kernel(struct cuda *d, enum dtype dtype, const struct product *p, uint64_t a, uint64_t b, uint64_t out,
		     struct error *err)
{
	int64_t side = dtype_is_complex(dtype) ? SIDE_COMPLEX : SIDE, size = p->count * p->m * p->n;
	double tiles = (double)pieces(p->m, side) * (double)pieces(p->n, side) * (double)p->count;
	struct matmul_layout l;
	uint64_t parts = 0;
	void *params[] = { &out, &parts, &a, &b, &l }, *sum[] = { &size, &out, &parts, &l.splits };
	int ret;

	layout(&l, p);
	/* Few tiles of a long sum: several blocks for each. */
	if (tiles < BLOCKS && p->k >= 2 * SPLIT_LEAST) {
		l.splits = least((int64_t)(BLOCKS / tiles), p->k / SPLIT_LEAST);
		l.each = pieces(pieces(p->k, l.splits), 32) * 32;
		l.splits = pieces(p->k, l.each);
	}
	if (l.splits > 1) {
		if (device_alloc(d, &parts, (size_t)(size * l.splits) * kernel[dtype].piece, err))
			return -1;
	}
	tiles *= (double)l.splits;
	ret = launch(d, kernel[dtype].tiles, tiles < MOST_BLOCKS ? (int64_t)tiles : MOST_BLOCKS, MATMUL_THREADS, 0,
		     params, err);
	if (!ret && l.splits > 1)
		ret = launch_any(d, kernel[dtype].sum, size, sum, err);
	device_free(d, parts);
	return ret;
}

/*
 * The batches that one call of cuBLAS can do: the innermost dimensions whose steps are those of one, longer, dimension.  Returns how
 * many dimensions are left outside, each step of which is a call.
 */
static int one_call(const struct product *p, struct cublas_product *c)
{
	int i = p->nbatch - 1;

	while (i >= 0 && p->dim[i] == 1)
		i--;
	c->count = 1;
	for (bool first = true; i >= 0; i--) {
		if (p->dim[i] == 1)
			continue;
		if (!first && (p->a_step[i] != c->a_step * c->count || p->b_step[i] != c->b_step * c->count))
			break;
		if (first) {
			c->a_step = p->a_step[i];
			c->b_step = p->b_step[i];
		}
		c->count *= p->dim[i];
		first = false;
	}
	return i + 1;
}

static int by_cublas(struct cuda *d, const struct product *p, struct cublas_product c, struct error *err)
{
	int outside = one_call(p, &c);
	int64_t calls = 1, size = (int64_t)dtype_size(c.dtype);
	uint64_t a = c.a, b = c.b;

	for (int i = 0; i < outside; i++)
		calls *= p->dim[i];
	for (int64_t call = 0; call < calls; call++) {
		int64_t rest = call, a_at = 0, b_at = 0;

		for (int i = outside - 1; i >= 0; i--) {
			a_at += rest % p->dim[i] * p->a_step[i];
			b_at += rest % p->dim[i] * p->b_step[i];
			rest /= p->dim[i];
		}
		c.a = a + (uint64_t)(a_at * size);
		c.b = b + (uint64_t)(b_at * size);
		if (cublas_gemm(d->cublas, &c, err))
			return -1;
		c.c += (uint64_t)(c.count * c.c_step * size);
	}
	return 0;
}

/* Is it to be cuBLAS, and is it there?  -1: it was asked for and is not. */
static int open_cublas(struct cuda *d, const struct cublas_product *c, struct error *err)
{
	bool floats = dtype_is_float(c->dtype) || dtype_is_complex(c->dtype);
	double each = (double)c->m * (double)c->n * (double)c->k * (dtype_is_complex(c->dtype) ? 4 : 1);
	struct error ignored = ERROR_INIT;

	if (!floats || !cublas_fits(c) || (!cublas_named() && each * (double)c->count < CUBLAS_FROM))
		return 0;
	if (!d->cublas && !d->no_cublas) {
		d->cublas = cublas_open(d->main, cublas_named() ? err : &ignored);
		if (!d->cublas && cublas_named())
			return -1;
		d->no_cublas = !d->cublas;
	}
	return d->cublas != NULL;
}

int cuda_matmul(struct cuda *d, enum dtype dtype, const struct product *p, uint64_t a, uint64_t b, uint64_t out,
		const char **by, struct error *err)
{
	struct cublas_product c = { .dtype = dtype,
				    .ta = p->ta,
				    .tb = p->tb,
				    .tf32 = d->tf32 && (dtype == DT_F32 || dtype == DT_C64),
				    .m = p->m,
				    .n = p->n,
				    .k = p->k,
				    .c = out,
				    .lda = p->lda,
				    .ldb = p->ldb,
				    .ldc = p->n,
				    .c_step = p->m * p->n,
				    .count = p->count };
	int use;

	c.a = a += (uint64_t)p->a_at * dtype_size(dtype);
	c.b = b += (uint64_t)p->b_at * dtype_size(dtype);
	*by = kernel[dtype].tiles;
	if (!p->m || !p->n || !p->count)
		return 0;
	if (!p->k)
		return device_zero(d, out, (size_t)(p->count * p->m * p->n) * dtype_size(dtype), err);
	use = open_cublas(d, &c, err);
	if (use < 0)
		return -1;
	if (!use)
		return by_kernel(d, dtype, p, a, b, out, err);
	*by = cublas_file(d->cublas);
	return by_cublas(d, p, c, err);
}
