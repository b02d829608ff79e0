/*
 * Matrix products.  How a product is cut into tasks, and what computes them, follows from shapes and types alone, and each
 * task is one thread's: so the bits of the result depend on neither the number of threads nor BLAS's own.
 */
#include "cpu_level.h"
#include "blas.h"
#include "engine.h"
#include "graph_internal.h"
#include "matmul_loops.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What computes a product. */
enum method { BY_TILES, BY_VECTOR, BY_BLAS };

/*
 * Up to this many multiplications, the loops here are done before BLAS is loaded; matrices up to SMALL_MATRIX
 * of them are not worth a call of it, however many there are.
 */
enum { SMALL_PRODUCT = 1 << 24, SMALL_MATRIX = 1 << 15, PARALLEL_FROM = 1 << 20, TASK = 1 << 18 };

struct job {
	const struct product *p;
	enum dtype dtype;
	enum method method;
	const char *a, *b;
	char *out;
	int64_t tm, tn;	    /* rows and columns of a task */
	int64_t rows, cols; /* tasks along m and n */
	int64_t group;	    /* batches of a task, if rows and cols are 1 */
	char *scratch;
	size_t scratch_room; /* of each worker */
};

static double multiplications(const struct product *p, enum dtype d)
{
	return (double)p->m * (double)p->n * (double)p->k * (dtype_is_complex(d) ? 4 : 1);
}

static const struct matmul_loops *loops_get(void)
{
#if X86_LEVELS
	extern const struct matmul_loops matmul_v2, matmul_v3, matmul_v4;
	const char *name = kernels_get()->name;

	switch (name[strlen(name) - 1]) {
	case '4':
		return &matmul_v4;
	case '3':
		return &matmul_v3;
	default:
		return &matmul_v2;
	}
#else
	extern const struct matmul_loops matmul_base;

	return &matmul_base;
#endif
}

/* The part of a batch's product that a task computes. */
static void part_init(struct matmul_tile *t, const struct job *j, int64_t batch, int64_t row, int64_t col)
{
	const struct product *p = j->p;
	int64_t size = (int64_t)dtype_size(j->dtype), a = p->a_at, b = p->b_at, rest = batch;

	for (int i = p->nbatch - 1; i >= 0; i--) {
		a += rest % p->dim[i] * p->a_step[i];
		b += rest % p->dim[i] * p->b_step[i];
		rest /= p->dim[i];
	}
	t->m = p->m - row < j->tm ? p->m - row : j->tm;
	t->n = p->n - col < j->tn ? p->n - col : j->tn;
	t->k = p->k;
	t->a_row = p->ta ? 1 : p->lda;
	t->a_col = p->ta ? p->lda : 1;
	t->b_row = p->tb ? 1 : p->ldb;
	t->b_col = p->tb ? p->ldb : 1;
	t->a = j->a + (a + row * t->a_row) * size;
	t->b = j->b + (b + col * t->b_col) * size;
	t->out = j->out + ((batch * p->m + row) * p->n + col) * size;
	t->out_row = p->n;
}

static void by_blas(const struct job *j, const struct matmul_tile *t)
{
	const struct product *p = j->p;
	struct blas_product b = {
		.dtype = j->dtype,
		.ta = p->ta,
		.tb = p->tb,
		.m = (int)t->m,
		.n = (int)t->n,
		.k = (int)t->k,
		.a = t->a,
		.b = t->b,
		.lda = (int)p->lda,
		.ldb = (int)p->ldb,
		.c = t->out,
		.ldc = (int)p->n,
	};

	blas_gemm(&b);
}

/* A row vector by a matrix is the transposed matrix by a column vector. */
static void by_vector(const struct job *j, struct matmul_tile t)
{
	if (j->p->n != 1)
		t = (struct matmul_tile){
			.m = t.n, .n = 1, .k = t.k, .a = t.b, .b = t.a, .a_row = t.b_col, .a_col = t.b_row, .out = t.out
		};
	loops_get()->vec[j->dtype](&t);
}

static int run_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct job *j = arg;
	int64_t tiles = j->rows * j->cols, first = task / tiles * j->group, end = first + j->group;
	int64_t row = task % tiles / j->cols * j->tm, col = task % j->cols * j->tn;
	struct matmul_tile t;

	(void)err;
	if (end > j->p->count)
		end = j->p->count;
	for (int64_t batch = first; batch < end; batch++) {
		part_init(&t, j, batch, row, col);
		switch (j->method) {
		case BY_BLAS:
			by_blas(j, &t);
			break;
		case BY_VECTOR:
			by_vector(j, t);
			break;
		case BY_TILES:
			loops_get()->tile[j->dtype](&t, j->scratch + (size_t)worker * j->scratch_room);
			break;
		}
	}
	return 0;
}

static enum method choose(const struct product *p, enum dtype d)
{
	double each = multiplications(p, d);

	if (p->m == 1 || p->n == 1)
		return BY_VECTOR;
	if (d < DT_F32 || each <= SMALL_MATRIX || each * (double)p->count <= SMALL_PRODUCT)
		return BY_TILES;
	/* BLAS counts with int; only rows that are not its leading dimension may be more. */
	if (p->n > INT_MAX || p->k > INT_MAX || p->lda > INT_MAX || p->ldb > INT_MAX)
		return BY_TILES;
	return BY_BLAS;
}

static int64_t pieces(int64_t n, int64_t each)
{
	return (n + each - 1) / each;
}

static int64_t round_up(int64_t n, int64_t to)
{
	return pieces(n, to) * to;
}

/*
 * Tasks for BLAS.  It packs a task's rows and columns anew, which costs 4 percent for 1024 rows and 8 for 512, against
 * threads that have nothing to do: strips of 1024 x 2048, and at least four where they take a millisecond.
 */
static void cut_for_blas(struct job *j)
{
	const struct product *p = j->p;
	int64_t rows = 1, cols = 1;

	for (;;) {
		int64_t tm = pieces(p->m, rows), tn = pieces(p->n, cols);
		bool big = tm > 1024 || tn > 2048;
		bool few = p->count * rows * cols < 4 && multiplications(p, j->dtype) / (double)(rows * cols) > 1 << 26;

		if (!(big || (few && (tm > 128 || tn > 128))))
			break;
		if (2 * tm >= tn)
			rows *= 2;
		else
			cols *= 2;
	}
	j->tm = round_up(pieces(p->m, rows), 64);
	j->tn = round_up(pieces(p->n, cols), 64);
}

static void cut(struct job *j)
{
	const struct product *p = j->p;
	double each = multiplications(p, j->dtype);

	switch (j->method) {
	case BY_BLAS:
		cut_for_blas(j);
		break;
	case BY_VECTOR: {
		int64_t rows = round_up((TASK + p->k) / p->k, 512);

		j->tm = p->n == 1 ? rows : 1;
		j->tn = p->n == 1 ? 1 : rows;
		break;
	}
	case BY_TILES:
		j->tm = dtype_is_complex(j->dtype) ? MATMUL_TILE / 2 : MATMUL_TILE;
		j->tn = MATMUL_TILE;
		break;
	}
	j->rows = pieces(p->m, j->tm);
	j->cols = pieces(p->n, j->tn);
	j->group = j->rows * j->cols > 1 || each >= TASK ? 1 : (int64_t)(TASK / each) + 1;
}

/* OpenBLAS loads while the operands are read; whatever happens, it is waited for. */
static void matmul_start(const struct node *x, bool wait)
{
	const struct product *p = x->u.block.data;
	struct error ignored = ERROR_INIT;

	if (!x->size || !p->k || choose(p, x->dtype) != BY_BLAS)
		return;
	if (wait)
		blas_load(&ignored);
	else
		blas_start();
}

static int matmul_block(const struct node *x, const void *const in[], void *out, struct error *err)
{
	const struct product *p = x->u.block.data;
	struct job j = { .p = p, .dtype = x->dtype, .a = in[0], .b = in[1], .out = out };
	int nworkers = 1, ret;
	int64_t ntasks;

	if (!x->size)
		return 0;
	if (!p->k) {
		memset(out, 0, (size_t)x->size * dtype_size(x->dtype));
		return 0;
	}
	j.method = choose(p, j.dtype);
	if (j.method == BY_BLAS && blas_load(err))
		return -1;
	cut(&j);
	ntasks = pieces(p->count, j.group) * j.rows * j.cols;
	if (multiplications(p, j.dtype) * (double)p->count >= PARALLEL_FROM)
		nworkers = engine_threads();
	if (nworkers > ntasks)
		nworkers = (int)ntasks;
	if (j.method == BY_TILES) {
		j.scratch_room = round_up((int64_t)matmul_scratch(p->m < j.tm ? p->m : j.tm, p->n < j.tn ? p->n : j.tn,
								  p->k, j.dtype),
					  64);
		j.scratch = aligned_alloc(64, j.scratch_room * (size_t)nworkers);
		if (!j.scratch)
			return error_memory(err, j.scratch_room * (size_t)nworkers);
	}
	ret = parallel(ntasks, nworkers, run_task, &j, err);
	free(j.scratch);
	return ret;
}

static bool is_strided(const struct node *x)
{
	return x->kind == NODE_LEAF || x->kind == NODE_VIEW;
}

/* What has the elements of x in the same order, and may be in memory already. */
static struct node *without_view(struct node *x)
{
	struct node *base = x->kind == NODE_VIEW ? x->in[0] : x;
	int64_t offset = base->kind == NODE_LEAF ? base->offset : 0;

	if (x->kind == NODE_RESHAPE && !is_strided(x->in[0]))
		return x->in[0];
	if (base->size == x->size && x->offset == offset && node_contiguous(x) &&
	    (base->kind != NODE_LEAF || node_contiguous(base)))
		return base;
	return x;
}

/* An operand as the block reads it. */
struct factor {
	struct node *x;		/* kept; of type d */
	struct shape shape;	/* of the operand, but 1 for batches that repeat */
	bool transposed;	/* a matrix is stored with its columns as rows */
	bool packed;		/* all matrices, one behind the other */
	int64_t at, ld;		/* elements: the first matrix, from one stored row to the next */
	int64_t step[MAX_NDIM]; /* elements, along each batch axis; 0: the same matrix again */
};

/* Is this a part of computed matrices that can be read where it lies?  (That of a file is read from there, and no more of it.) */
static bool lies(const struct node *x, enum dtype d)
{
	int64_t size = (int64_t)dtype_size(x->dtype);
	int last = x->shape.ndim - 1;

	if (x->kind != NODE_VIEW || x->in[0]->kind == NODE_LEAF || x->dtype != d || last < 1 || !x->size)
		return false;
	for (int i = 0; i < last - 1; i++)
		if (x->shape.dim[i] > 1 && x->strides[i] <= 0)
			return false;
	/* Vectors are read without a step. */
	return x->shape.dim[last] > 1 && x->shape.dim[last - 1] > 1 && x->strides[last] == size &&
	       x->strides[last - 1] >= size * x->shape.dim[last];
}

/* x as a factor: repeated batches once, and a matrix that lies transposed in memory as it lies. */
static int factor_make(struct factor *f, struct graph *g, struct node *x, enum dtype d, struct error *err)
{
	int last = x->shape.ndim - 1, axes[MAX_NDIM];
	int64_t size = (int64_t)dtype_size(x->dtype), each;
	struct node *y = x;

	*f = (struct factor){ .ld = 1 };
	for (int i = 0; i < last - 1 && y && is_strided(y); i++)
		if (y->shape.dim[i] > 1 && y->strides[i] == 0)
			y = node_slice(g, y, i, 0, 1, 1, err);
	if (!y)
		return -1;
	f->shape = y->shape;
	if (last > 0 && is_strided(y) && y->shape.dim[last] > 1 && y->shape.dim[last - 1] > 1 &&
	    y->strides[last - 1] == size && y->strides[last] >= size * y->shape.dim[last - 1]) {
		for (int i = 0; i <= last; i++)
			axes[i] = i < last - 1 ? i : i == last ? last - 1 : last;
		if (!(y = node_permute(g, y, axes, err)))
			return -1;
		f->transposed = true;
	}
	if (lies(y, d)) {
		f->x = y->in[0];
		f->at = y->offset / size;
		f->ld = y->strides[last - 1] / size;
		for (int i = 0; i < last - 1; i++)
			f->step[i] = y->shape.dim[i] > 1 ? y->strides[i] / size : 0;
		return 0;
	}
	f->packed = true;
	f->x = node_cast(g, without_view(y), d, err);
	each = 1;
	for (int i = last; i >= 0; i--) {
		if (i == last - 1)
			f->ld = each;
		if (i < last - 1)
			f->step[i] = y->shape.dim[i] > 1 ? each : 0;
		each *= y->shape.dim[i];
	}
	return f->x ? 0 : -1;
}

/* The batch dimensions of both broadcast into out's, and what a step along each is in a and b. */
static int batches(struct product *p, struct shape *out, const struct node *a, const struct factor *fa,
		   const struct node *b, const struct factor *fb)
{
	int na = a->shape.ndim > 2 ? a->shape.ndim - 2 : 0, nb = b->shape.ndim > 2 ? b->shape.ndim - 2 : 0;

	p->nbatch = na > nb ? na : nb;
	p->count = 1;
	for (int i = 0; i < p->nbatch; i++) {
		int ia = i - (p->nbatch - na), ib = i - (p->nbatch - nb);
		int64_t da = ia < 0 ? 1 : a->shape.dim[ia], db = ib < 0 ? 1 : b->shape.dim[ib];

		if (da != db && da != 1 && db != 1)
			return -1;
		p->dim[i] = da == 1 ? db : da;
		p->a_step[i] = ia < 0 ? 0 : fa->step[ia];
		p->b_step[i] = ib < 0 ? 0 : fb->step[ib];
		/* An overflow is found as that of the result's size. */
		p->count = (int64_t)((uint64_t)p->count * (uint64_t)p->dim[i]);
		out->dim[i] = p->dim[i];
	}
	out->ndim = p->nbatch;
	return 0;
}

/* Vectors: the product is summed as it is made, in one pass. */
static struct node *inner_product(struct graph *g, struct node *a, struct node *b, enum dtype d, struct error *err)
{
	static const struct reduce_param none;
	static const bool all[MAX_NDIM] = { true };
	struct node *pair[2], *x;

	if (!(pair[0] = node_cast(g, a, d, err)) || !(pair[1] = node_cast(g, b, d, err)) ||
	    !(x = node_map(g, MAP_multiply, pair, err)))
		return NULL;
	return node_reduce(g, d == DT_BOOL ? REDUCE_any : REDUCE_sum, x, all, false, d, d != DT_BOOL, &none, err);
}

static struct node *product_node(struct graph *g, struct node *a, struct node *b, enum dtype d, struct error *err)
{
	struct product *p = calloc(1, sizeof(*p));
	struct shape shape = { 0 };
	struct factor fa, fb;
	struct node *in[2], *x;
	char ta[NODE_TEXT], tb[NODE_TEXT];

	if (!p) {
		error_memory(err, sizeof(*p));
		return NULL;
	}
	p->m = a->shape.ndim > 1 ? a->shape.dim[a->shape.ndim - 2] : 1;
	p->k = a->shape.dim[a->shape.ndim - 1];
	p->n = b->shape.ndim > 1 ? b->shape.dim[b->shape.ndim - 1] : 1;
	if (factor_make(&fa, g, a, d, err) || factor_make(&fb, g, b, d, err))
		goto fail;
	if (batches(p, &shape, a, &fa, b, &fb)) {
		error_set(err, ERR_VALUE, "%s and %s: the batch dimensions of matmul do not broadcast",
			  node_text(a, ta, sizeof(ta)), node_text(b, tb, sizeof(tb)));
		goto fail;
	}
	in[0] = fa.x;
	in[1] = fb.x;
	p->ta = fa.transposed;
	p->tb = fb.transposed;
	p->a_at = fa.at;
	p->b_at = fb.at;
	/* A vector is a row of a, a column of b. */
	p->lda = a->shape.ndim > 1 ? fa.ld : p->k;
	p->ldb = b->shape.ndim > 1 ? fb.ld : 1;
	if (a->shape.ndim > 1)
		shape.dim[shape.ndim++] = p->m;
	if (b->shape.ndim > 1)
		shape.dim[shape.ndim++] = p->n;
	/* Many matrices by one are one tall matrix by it. */
	if (p->count > 1 && !p->ta && shape_size(&fb.shape) == p->k * p->n && fa.packed &&
	    shape_size(&fa.shape) == p->count * p->m * p->k) {
		p->m *= p->count;
		p->count = 1;
		p->nbatch = 0;
	}
	x = node_block(g, BLOCK_MATMUL, matmul_block, 2, in, d, &shape, err);
	if (x) {
		x->u.block.start = matmul_start;
		x->u.block.data = p;
		return x;
	}
fail:
	free(p);
	return NULL;
}

struct node *node_matmul(struct graph *g, struct node *a, struct node *b, struct error *err)
{
	struct node *in[2] = { a, b }, *x;
	char ta[NODE_TEXT], tb[NODE_TEXT];
	enum dtype d, work;
	int64_t k, kb;

	for (int i = 0; i < 2; i++) {
		if (in[i]->weak) {
			error_set(err, ERR_VALUE, "matmul takes arrays, not the number %s; multiply scales by a number",
				  in[i]->label ? in[i]->label : "given");
			return NULL;
		}
		if (!in[i]->shape.ndim) {
			error_set(err, ERR_VALUE,
				  "%s: matmul needs at least 1 dimension; multiply scales by a 0-d array",
				  node_text(in[i], ta, sizeof(ta)));
			return NULL;
		}
	}
	k = a->shape.dim[a->shape.ndim - 1];
	kb = b->shape.dim[b->shape.ndim > 1 ? b->shape.ndim - 2 : 0];
	if (k != kb) {
		error_set(err, ERR_VALUE,
			  "%s and %s: matmul needs the inner dimensions to agree: %" PRId64 " != %" PRId64,
			  node_text(a, ta, sizeof(ta)), node_text(b, tb, sizeof(tb)), k, kb);
		return NULL;
	}
	d = dtype_promote(a->dtype, b->dtype);
	if (d > DT_C128)
		d = DT_F32;
	work = d == DT_F16 || d == DT_BF16 ? DT_F32 : d;
	if (a->shape.ndim == 1 && b->shape.ndim == 1)
		x = inner_product(g, a, b, work, err);
	else
		x = product_node(g, a, b, work, err);
	return x ? node_cast(g, x, d, err) : NULL;
}
