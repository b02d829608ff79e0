/* Reductions of nodes on the device: the input is pulled tile by tile in the accumulation type, and folded. */
#include "cuda/plan.h"
#include "cuda/run.h"
#include "cuda/whole.h"

struct fold {
	struct cuda *d;
	struct cuda_reduction r;
};

static int64_t fold_size(void *arg, int64_t start, int64_t most)
{
	struct fold *f = arg;

	return cuda_reduce_tile(&f->r, start, most);
}

static int fold_take(void *arg, uint64_t elements, int64_t start, int64_t n, struct error *err)
{
	struct fold *f = arg;

	return cuda_reduce_fold(&f->r, elements, start, n, err);
}

int cuda_reduce(struct cuda *d, struct node *x, uint64_t out, struct error *err)
{
	struct fold f = { .d = d };
	struct taker taker = { fold_size, fold_take, &f };
	enum dtype acc = x->u.reduce.acc, result = reduce_loops_get(x->u.reduce.id, acc)->result;
	struct node *in = node_cast(x->graph, x->in[0], acc, err);
	size_t nbytes = (size_t)x->size * dtype_size(result);
	uint64_t made = out;
	int ret = -1;

	if (!in || (result != x->dtype && value_alloc(d, &made, nbytes, err)))
		return -1;
	if (!cuda_reduce_begin(&f.r, d, x->u.reduce.id, acc, &in->shape, x->u.reduce.reduced, &x->u.reduce.param, made,
			       err) &&
	    (!in->size || !cuda_pass(d, in, 0, in->size, &taker, err)) && !cuda_reduce_end(&f.r, err))
		ret = result == x->dtype ? 0 : launch_cast(d, x->dtype, out, result, made, x->size, err);
	cuda_reduce_release(&f.r);
	if (made != out)
		device_free(d, made);
	return ret;
}
