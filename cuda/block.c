/* Functions of whole arrays on the device: what a block or a scan asks of whole.h. */
#include "cuda/plan.h"
#include "cuda/run.h"
#include "cuda/whole.h"
#include "lib/build_index.h"

static int matmul(struct cuda *d, struct node *x, enum dtype dtype, const uint64_t in[], uint64_t out,
		  struct error *err)
{
	const char *by = NULL;
	int ret = cuda_matmul(d, dtype, x->u.block.data, in[0], in[1], out, &by, err);

	if (!ret && by && d->notes)
		text_fmt(d->notes, "%s: matmul by %s\n", d->name, by);
	return ret;
}

static int take(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	const int64_t *p = x->u.block.i;
	size_t size = dtype_size(x->dtype);
	struct cuda_take t = {
		.size = size, .m = x->in[1]->size, .n = p[0], .mode = (enum index_mode)p[3], .axis = p[2]
	};

	t.row = p[1] / (int64_t)size;
	t.outer = x->size / (t.m * t.row);
	return cuda_take(d, &t, in[0], in[1], out, err);
}

static int along(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	const int64_t *p = x->u.block.i;
	struct cuda_take t = { .size = dtype_size(x->dtype), .m = p[1], .n = p[0], .row = p[2], .axis = p[3] };

	t.outer = x->size / (t.m * t.row);
	return cuda_along(d, &t, in[0], in[1], out, err);
}

/* Each key in turn sorts what the keys before it have sorted. */
static int lexsort(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	bool first = x->u.block.i[0];
	int64_t n = x->size, start = 0, inner = 1;

	if (launch_map(d, "iota", n, (void *[]){ &n, &out, &start, &inner, &n }, err))
		return -1;
	for (int k = 0; k < x->nin; k++) {
		int from = first ? x->nin - 1 - k : k;
		const struct node *keys = x->in[from];
		int64_t rows = keys->size / n, row = n * (int64_t)dtype_size(keys->dtype);

		for (int64_t i = 0; i < rows; i++)
			if (cuda_argsort_next(d, keys->dtype, in[from] + (uint64_t)((first ? rows - 1 - i : i) * row),
					      out, n, err))
				return -1;
	}
	return 0;
}

static int distinct(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	const struct node *rows = x->in[0];

	return cuda_distinct(d, rows->dtype, x->u.block.i[0], in[0], x->nin > 1 ? in[1] : 0, rows->size / x->size,
			     x->size, out, err);
}

/* There is an element, so there is a place. */
static int select_rows(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	int64_t count = x->shape.dim[0];

	return cuda_select(d, in[0], in[1], x->in[0]->size, count, dtype_size(x->dtype), x->size / count, in[2], out,
			   err);
}

static int nonzero(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	const struct shape *shape = &x->in[0]->shape;

	return cuda_places(d, in[0], in[1], shape, x->size / shape->ndim, x->u.block.i[0], out, err);
}

/* The input in the type of the result. */
static int quantile(struct cuda *d, struct node *x, uint64_t in, uint64_t out, struct error *err)
{
	const struct order_statistic *s = x->u.block.data;
	enum dtype from = x->in[0]->dtype;
	int64_t count = x->in[0]->size;
	size_t nbytes = (size_t)count * dtype_size(x->dtype);
	int64_t rows = x->size / s->nq, n = x->size;
	uint64_t values = in, nan[2] = { UINT64_C(0x7ff8000000000000), 0 };
	int ret;

	/* Of nothing: as the processor has it. */
	if (!count)
		return launch_map(d, "fill_8", n, (void *[]){ &n, &out, &nan[0], &nan[1] }, err);

	if (from == x->dtype)
		return cuda_quantile(d, s, x->dtype, in, out, rows, err);
	if (value_alloc(d, &values, nbytes, err))
		return -1;
	ret = launch_cast(d, x->dtype, values, from, in, count, err) ||
	      cuda_quantile(d, s, x->dtype, values, out, rows, err);
	device_free(d, values);
	return ret ? -1 : 0;
}

int cuda_scan_node(struct cuda *d, struct node *x, uint64_t out, struct error *err)
{
	enum scan_op op = x->u.scan.op;
	enum dtype acc = x->u.scan.acc, made = op == SCAN_ARGMAX || op == SCAN_ARGMIN ? DT_I64 : acc;
	struct node *in = node_cast(x->graph, x->in[0], acc, err);
	int64_t inner = 1, n = x->shape.dim[x->u.scan.axis];
	size_t nbytes = (size_t)x->size * dtype_size(made);
	uint64_t to = out;
	int ret;

	for (int k = x->u.scan.axis + 1; k < x->shape.ndim; k++)
		inner *= x->shape.dim[k];
	if (!in)
		return -1;
	in = plan_solid(in);
	if (cuda_keep(d, in, err))
		return -1;
	value_pin(in);
	ret = made != x->dtype ? value_alloc(d, &to, nbytes, err) : 0;
	ret = ret || cuda_scan(d, op, acc, value_address(in), to, x->size / n / inner, n, inner, err) ||
	      (made != x->dtype && launch_cast(d, x->dtype, out, made, to, x->size, err));
	value_unpin(in);
	if (made != x->dtype)
		device_free(d, to);
	return ret ? -1 : 0;
}

int cuda_block(struct cuda *d, struct node *x, enum dtype dtype, const uint64_t in[], uint64_t out, struct error *err)
{
	const int64_t *p = x->u.block.i;
	int64_t n = x->shape.ndim ? x->shape.dim[x->shape.ndim - 1] : 1, rows = x->size / n;

	switch (x->u.block.id) {
	case BLOCK_MATMUL:
		return matmul(d, x, dtype, in, out, err);
	case BLOCK_TAKE:
		return take(d, x, in, out, err);
	case BLOCK_ALONG:
		return along(d, x, in, out, err);
	case BLOCK_SCATTER:
		return cuda_scatter(d, x->dtype, x->u.block.data, p[0], in[0], x->size, in[1], in[2], out, err);
	case BLOCK_PUT:
		return cuda_put(d, dtype_size(x->dtype), (enum index_mode)p[0], in[0], x->size, in[1], x->in[1]->size,
				in[2], x->in[2]->size, out, err);
	case BLOCK_SEARCH:
		return cuda_search(d, x->in[0]->dtype, (enum look_up)p[0], in[0], x->in[0]->size, in[1], x->size, out,
				   err);
	case BLOCK_SORT:
		return cuda_sort(d, x->dtype, p[0], in[0], out, rows, n, err);
	case BLOCK_ARGSORT:
		return cuda_argsort(d, x->in[0]->dtype, p[0], in[0], out, rows, n, err);
	case BLOCK_LEXSORT:
		return lexsort(d, x, in, out, err);
	case BLOCK_QUANTILE:
		return quantile(d, x, in[0], out, err);
	case BLOCK_PERMUTATION:
		return cuda_permutation(d, (uint64_t)p[0], x->size, out, err);
	case BLOCK_COUNT:
		return cuda_places_count(d, in[0], x->in[0]->size, out, err);
	case BLOCK_SELECT:
		return select_rows(d, x, in, out, err);
	case BLOCK_NONZERO:
		return nonzero(d, x, in, out, err);
	case BLOCK_DISTINCT:
		return distinct(d, x, in, out, err);
	case BLOCK_NONE:
		break;
	}
	return error_set(err, ERR_RESOURCE, "%s has no kernels for a function of this graph; use --device cpu",
			 d->name);
}
