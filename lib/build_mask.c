/* Selecting by masks, and where a mask is true: ops whose results have shapes that depend on values. */
#include "build_index.h"

#include "engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The places where a mask is true, found in tasks of INDEX_TASK elements. */
struct places {
	const unsigned char *mask; /* any byte but 0 is true */
	int64_t n, ntasks, count;
	int64_t *before; /* true elements before each task's first */
	/* what to do with them */
	const unsigned char *x; /* rows to select */
	unsigned char *out;
	int64_t row;		   /* bytes */
	const struct shape *shape; /* or coordinates to write: axis d to to[d][k * step] for the k-th place */
	int64_t *const *to;
	int64_t step;
};

static int count_task(void *arg, int64_t task, int worker, struct error *err)
{
	struct places *p = arg;
	int64_t from = task * INDEX_TASK, end = from + INDEX_TASK < p->n ? from + INDEX_TASK : p->n, count = 0;

	(void)worker;
	(void)err;
	for (int64_t i = from; i < end; i++)
		count += p->mask[i] != 0;
	p->before[task] = count;
	return 0;
}

static int places_init(struct places *p, const void *mask, int64_t n, struct error *err)
{
	memset(p, 0, sizeof(*p));
	p->mask = mask;
	p->n = n;
	p->ntasks = (n + INDEX_TASK - 1) / INDEX_TASK;
	p->before = calloc((size_t)p->ntasks + 1, sizeof(*p->before));
	if (!p->before)
		return error_memory(err, (size_t)p->ntasks * sizeof(*p->before));
	if (parallel(p->ntasks, index_workers(n), count_task, p, err))
		return -1;
	for (int64_t i = 0; i < p->ntasks; i++) {
		int64_t here = p->before[i];

		p->before[i] = p->count;
		p->count += here;
	}
	return 0;
}

static void places_release(struct places *p)
{
	free(p->before);
}

/* Every row is copied, the next one over those that were not wanted: no branch depends on the mask. */
#define SELECT_TASK(type) \
	do { \
		const type *x = (const type *)(const void *)p->x + from; \
		type *out = (type *)(void *)p->out + k; \
\
		for (int64_t i = 0; i < run && out < (type *)(void *)p->out + last; i++) { \
			*out = x[i]; \
			out += p->mask[from + i] != 0; \
		} \
	} while (0)

struct pair64 {
	uint64_t a, b;
};

static int select_task(void *arg, int64_t task, int worker, struct error *err)
{
	struct places *p = arg;
	int64_t from = task * INDEX_TASK, run = p->n - from < INDEX_TASK ? p->n - from : INDEX_TASK,
		k = p->before[task];
	int64_t last = task + 1 < p->ntasks ? p->before[task + 1] : p->count;

	(void)worker;
	(void)err;
	switch (p->row) {
	case 1:
		SELECT_TASK(uint8_t);
		break;
	case 2:
		SELECT_TASK(uint16_t);
		break;
	case 4:
		SELECT_TASK(uint32_t);
		break;
	case 8:
		SELECT_TASK(uint64_t);
		break;
	case 16:
		SELECT_TASK(struct pair64);
		break;
	default:
		for (int64_t i = from; i < from + run; i++)
			if (p->mask[i])
				memcpy(p->out + k++ * p->row, p->x + i * p->row, (size_t)p->row);
	}
	return 0;
}
#undef SELECT_TASK

static int coordinates_task(void *arg, int64_t task, int worker, struct error *err)
{
	struct places *p = arg;
	int64_t at = task * INDEX_TASK, end = at + INDEX_TASK < p->n ? at + INDEX_TASK : p->n, k = p->before[task],
		rest = at;
	int64_t index[MAX_NDIM];
	int last = p->shape->ndim - 1;

	(void)worker;
	(void)err;
	for (int d = last; d >= 0; d--) {
		index[d] = rest % p->shape->dim[d];
		rest /= p->shape->dim[d];
	}
	while (at < end) {
		int64_t run = p->shape->dim[last] - index[last];

		run = run < end - at ? run : end - at;
		for (int64_t j = 0; j < run; j++) {
			if (!p->mask[at + j])
				continue;
			for (int d = 0; d < last; d++)
				p->to[d][k * p->step] = index[d];
			p->to[last][k++ * p->step] = index[last] + j;
		}
		at += run;
		index[last] += run;
		for (int d = last; d > 0 && index[d] == p->shape->dim[d]; d--) {
			index[d] = 0;
			index[d - 1]++;
		}
	}
	return 0;
}

/* == builders == */

static int dry(const struct call *c, struct error *err)
{
	return c->dry ? error_set(err, ERR_VALUE, "%s: the shape of the result depends on the values", c->name) : 0;
}

/* The rows of x where mask is true, for a mask of x's first axes. */
static struct node *select_rows(struct call *c, struct node *x, struct node *mask, struct error *err)
{
	struct shape shape = { 1, { 0 } };
	int64_t rest = 1, nbytes;
	struct node *result = NULL;
	struct places p;

	for (int i = mask->shape.ndim; i < x->shape.ndim; i++) {
		if (shape.ndim == MAX_NDIM) {
			error_set(err, ERR_VALUE, "the result has more than %d dimensions", MAX_NDIM);
			return NULL;
		}
		rest *= x->shape.dim[i];
		shape.dim[shape.ndim++] = x->shape.dim[i];
	}
	if (dry(c, err) || engine_keep(2, (struct node *[]){ x, mask }, err))
		return NULL;
	if (places_init(&p, node_data(mask), mask->size, err))
		goto done;
	p.row = rest * (int64_t)dtype_size(x->dtype);
	p.x = node_data(x);
	shape.dim[0] = p.count;
	nbytes = p.count * p.row;
	p.out = buffer_alloc((size_t)nbytes, err);
	if (!p.out)
		goto done;
	if (nbytes && parallel(p.ntasks, index_workers(x->size), select_task, &p, err))
		buffer_free(p.out, (size_t)nbytes);
	else
		result = node_memory(c->graph, x->dtype, &shape, p.out, err);
done:
	places_release(&p);
	return result;
}

int build_masked_select(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err), *mask = index_array(c, c->in[1], false, err);
	char a[NODE_TEXT], b[NODE_TEXT];

	if (!x || !mask)
		return -1;
	if (mask->dtype != DT_BOOL)
		return error_set(err, ERR_VALUE, "%s: the mask must be bool, not %s", node_text(c->in[1], b, sizeof(b)),
				 dtype_name(mask->dtype));
	if (attr_get(c, "broadcast")->flag) {
		struct shape shape;

		if (shape_broadcast(&shape, 2, (struct node *[]){ x, mask }, err) ||
		    !(x = node_broadcast(c->graph, x, &shape, err)) ||
		    !(mask = node_broadcast(c->graph, mask, &shape, err)))
			return -1;
	}
	if (mask->shape.ndim > x->shape.ndim)
		return error_set(err, ERR_VALUE, "%s and mask %s: the mask has too many dimensions",
				 node_text(x, a, sizeof(a)), node_text(mask, b, sizeof(b)));
	for (int i = 0; i < mask->shape.ndim; i++)
		if (mask->shape.dim[i] != x->shape.dim[i])
			return error_set(err, ERR_VALUE,
					 "%s and mask %s: the mask does not match axis %d, of size %" PRId64
					 " (--broadcast broadcasts both)",
					 node_text(x, a, sizeof(a)), node_text(mask, b, sizeof(b)), i, x->shape.dim[i]);
	return call_result(c, select_rows(c, x, mask, err), NULL, err);
}

/* numpy.compress: the condition comes first.  One of floats for an array of bools is a mask that came second. */
static struct node *condition(struct call *c, struct error *err)
{
	struct node *cond = c->in[0];
	char text[NODE_TEXT];

	if ((dtype_is_float(cond->dtype) || dtype_is_complex(cond->dtype)) && c->in[1]->dtype == DT_BOOL) {
		error_set(err, ERR_VALUE, "%s takes the condition first, not %s of %s; masked_select takes it second",
			  c->name, node_text(cond, text, sizeof(text)), dtype_name(cond->dtype));
		return NULL;
	}
	if (cond->shape.ndim != 1) {
		error_set(err, ERR_VALUE,
			  "%s: the condition, which comes first, must have one dimension (masked_select takes others)",
			  node_text(cond, text, sizeof(text)));
		return NULL;
	}
	return node_cast(c->graph, cond, DT_BOOL, err);
}

int build_compress(struct call *c, struct error *err)
{
	struct node *mask = condition(c, err), *x;
	const struct attr *attr = attr_get(c, "axis");
	struct shape shape;
	int order[MAX_NDIM], axis = 0;
	const unsigned char *m;

	if (!mask || !(x = index_array(c, c->in[1], true, err)))
		return -1;
	if (attr->none ? !(x = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err))
		       : axis_normalize(&axis, attr->i, x->shape.ndim, err))
		return -1;
	if (dry(c, err) || engine_keep(2, (struct node *[]){ mask, x }, err))
		return -1;
	/* A short condition leaves the rest out; a long one must not ask for more than there is. */
	m = node_data(mask);
	for (int64_t i = x->shape.dim[axis]; i < mask->size; i++)
		if (m[i])
			return index_error(i, axis, x->shape.dim[axis], err);
	shape = x->shape;
	shape.dim[axis] = mask->size < shape.dim[axis] ? mask->size : shape.dim[axis];
	if (!(mask = node_slice(c->graph, mask, 0, 0, 1, shape.dim[axis], err)) ||
	    !(x = node_slice(c->graph, x, axis, 0, 1, shape.dim[axis], err)))
		return -1;
	/* The axis goes to the front, and back. */
	order[0] = axis;
	for (int i = 1; i < shape.ndim; i++)
		order[i] = i <= axis ? i - 1 : i;
	if (!(x = node_permute(c->graph, x, order, err)) || !(x = select_rows(c, x, mask, err)))
		return -1;
	for (int i = 0; i < shape.ndim; i++)
		order[i] = i < axis ? i + 1 : i == axis ? 0 : i;
	return call_result(c, node_permute(c->graph, x, order, err), NULL, err);
}

/* Where x is not zero, kept; NULL on failure. */
static struct node *nonzero_mask(struct call *c, struct error *err)
{
	struct node *x = c->in[0];

	if (!(x = index_array(c, x, false, err)) || dry(c, err) || !(x = node_cast(c->graph, x, DT_BOOL, err)) ||
	    engine_keep(1, &x, err))
		return NULL;
	return x;
}

/* One array an axis. */
int build_nonzero(struct call *c, struct error *err)
{
	int ndim = c->in[0]->shape.ndim, ret = -1;
	int64_t *to[MAX_NDIM] = { NULL };
	struct node *x;
	struct places p;
	char text[NODE_TEXT];
	size_t nbytes = 0;

	if (ndim == 0)
		return error_set(err, ERR_VALUE, "%s: %s needs an array of at least one dimension",
				 node_text(c->in[0], text, sizeof(text)), c->name);
	if (!(x = nonzero_mask(c, err)))
		return -1;
	if (places_init(&p, node_data(x), x->size, err))
		goto done;
	nbytes = (size_t)p.count * sizeof(int64_t);
	for (int i = 0; i < ndim; i++)
		if (!(to[i] = buffer_alloc(nbytes, err)))
			goto done;
	p.shape = &x->shape;
	p.to = to;
	p.step = 1;
	if (parallel(p.ntasks, index_workers(x->size), coordinates_task, &p, err))
		goto done;
	for (int i = 0; i < ndim; i++) {
		int64_t *elements = to[i];

		to[i] = NULL;
		if (call_result(c, node_memory(c->graph, DT_I64, &(struct shape){ 1, { p.count } }, elements, err),
				NULL, err))
			goto done;
	}
	ret = 0;
done:
	for (int i = 0; i < ndim; i++)
		buffer_free(to[i], nbytes);
	places_release(&p);
	return ret;
}

/* One row a place. */
int build_argwhere(struct call *c, struct error *err)
{
	int ndim = c->in[0]->shape.ndim;
	int64_t *to[MAX_NDIM], *out;
	struct node *x = nonzero_mask(c, err), *result = NULL;
	struct places p;
	size_t nbytes;

	if (!x)
		return -1;
	if (places_init(&p, node_data(x), x->size, err))
		goto done;
	nbytes = (size_t)(p.count * ndim) * sizeof(int64_t);
	out = buffer_alloc(nbytes, err);
	if (!out)
		goto done;
	for (int i = 0; i < ndim; i++)
		to[i] = out + i;
	p.shape = &x->shape;
	p.to = to;
	p.step = ndim;
	if (ndim && parallel(p.ntasks, index_workers(x->size), coordinates_task, &p, err))
		buffer_free(out, nbytes);
	else
		result = node_memory(c->graph, DT_I64, &(struct shape){ 2, { p.count, ndim } }, out, err);
done:
	places_release(&p);
	return call_result(c, result, NULL, err);
}

int build_flatnonzero(struct call *c, struct error *err)
{
	if (!(c->in[0] = index_array(c, c->in[0], false, err)) ||
	    !(c->in[0] = node_reshape(c->graph, c->in[0], &(struct shape){ 1, { -1 } }, err)))
		return -1;
	return build_nonzero(c, err);
}
