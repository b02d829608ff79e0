/*
 * Selecting by masks, and where a mask is true: ops whose results have shapes that depend on values.  So making such a node computes
 * the mask, and counts; the rest is a node like any other.
 */
#include "build_index.h"

#include "engine.h"

#include <inttypes.h>
#include <string.h>

/* == blocks: where a mask is true, in tasks of PLACES_TASK elements == */

struct places {
	const unsigned char *mask;
	int64_t n;
	int64_t *count;	       /* BLOCK_COUNT: to be filled */
	const int64_t *before; /* or filled */
	/* what to do with them */
	const unsigned char *x; /* rows to select */
	unsigned char *out;
	int64_t row; /* bytes */
	const struct shape
		*shape; /* or coordinates to write: axis d of the k-th place to to[d * step_axis + k * step] */
	int64_t *to;
	int64_t step_axis, step;
};

static int64_t places_tasks(int64_t n)
{
	return (n + PLACES_TASK - 1) / PLACES_TASK;
}

static int count_task(void *arg, int64_t task, int worker, struct error *err)
{
	struct places *p = arg;
	int64_t from = task * PLACES_TASK, end = from + PLACES_TASK < p->n ? from + PLACES_TASK : p->n, count = 0;

	(void)worker;
	(void)err;
	for (int64_t i = from; i < end; i++)
		count += p->mask[i] != 0;
	p->count[task] = count;
	return 0;
}

static int count_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	struct places p = { .mask = in[0], .n = node->in[0]->size, .count = out };
	int64_t tasks = places_tasks(p.n), sum = 0;

	if (parallel(tasks, index_workers(p.n), count_task, &p, err))
		return -1;
	for (int64_t i = 0; i <= tasks; i++) {
		int64_t here = i < tasks ? p.count[i] : 0;

		p.count[i] = sum;
		sum += here;
	}
	return 0;
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
	int64_t from = task * PLACES_TASK, run = p->n - from < PLACES_TASK ? p->n - from : PLACES_TASK,
		k = p->before[task], last = p->before[task + 1];

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

static int select_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	struct places p = { .mask = in[0], .n = node->in[0]->size, .before = in[1], .x = in[2], .out = out };

	if (!node->size)
		return 0;
	p.row = node->size / node->shape.dim[0] * (int64_t)dtype_size(node->dtype);
	return parallel(places_tasks(p.n), index_workers(node->in[2]->size), select_task, &p, err);
}

static int nonzero_task(void *arg, int64_t task, int worker, struct error *err)
{
	struct places *p = arg;
	int64_t at = task * PLACES_TASK, end = at + PLACES_TASK < p->n ? at + PLACES_TASK : p->n, rest = at;
	int64_t index[MAX_NDIM], *to = p->to + p->before[task] * p->step;
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
				to[d * p->step_axis] = index[d];
			to[last * p->step_axis] = index[last] + j;
			to += p->step;
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

/* u.block.i[0]: an axis a row, not a place a row? */
static int nonzero_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	const struct node *mask = node->in[0];
	struct places p = { .mask = in[0], .n = mask->size, .before = in[1], .shape = &mask->shape, .to = out };
	bool axes = node->u.block.i[0];

	if (!node->size)
		return 0;
	p.step_axis = axes ? node->shape.dim[1] : 1;
	p.step = axes ? 1 : mask->shape.ndim;
	return parallel(places_tasks(p.n), index_workers(p.n), nonzero_task, &p, err);
}

int mask_count(struct mask *m, struct call *c, struct node *mask, struct error *err)
{
	int64_t tasks = places_tasks(mask->size);

	if (c->dry)
		return error_set(err, ERR_VALUE, "%s: the shape of the result depends on the values", c->name);
	m->mask = mask;
	m->before = node_block(c->graph, BLOCK_COUNT, count_block, 1, &mask, DT_I64,
			       &(struct shape){ 1, { tasks + 1 } }, err);
	if (!m->before)
		return -1;
	engine_pin(mask);
	if (engine_keep(1, &m->before, err))
		return -1;
	m->count = ((const int64_t *)node_data(m->before))[tasks];
	return 0;
}

struct node *mask_select(const struct mask *m, struct node *x, struct error *err)
{
	struct shape shape = { 1, { m->count } };

	for (int i = m->mask->shape.ndim; i < x->shape.ndim; i++) {
		if (shape.ndim == MAX_NDIM) {
			error_set(err, ERR_VALUE, "the result has more than %d dimensions", MAX_NDIM);
			return NULL;
		}
		shape.dim[shape.ndim++] = x->shape.dim[i];
	}
	return node_block(x->graph, BLOCK_SELECT, select_block, 3, (struct node *[]){ m->mask, m->before, x }, x->dtype,
			  &shape, err);
}

struct node *mask_nonzero(const struct mask *m, bool axes, struct error *err)
{
	int ndim = m->mask->shape.ndim;
	struct shape shape = { 2, { axes ? ndim : m->count, axes ? m->count : ndim } };
	struct node *y = node_block(m->mask->graph, BLOCK_NONZERO, nonzero_block, 2,
				    (struct node *[]){ m->mask, m->before }, DT_I64, &shape, err);

	if (y)
		y->u.block.i[0] = axes;
	return y;
}

/* == builders == */

/* The rows of x where mask is true, for a mask of x's first axes.  Both may come by one stream, x first. */
static struct node *select_rows(struct call *c, struct node *x, struct node *mask, struct error *err)
{
	struct mask m;

	return (!c->dry && engine_load(x, err)) || mask_count(&m, c, mask, err) ? NULL : mask_select(&m, x, err);
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
	struct node *mask = condition(c, err), *x, *rest;
	const struct attr *attr = attr_get(c, "axis");
	struct shape shape;
	int order[MAX_NDIM], axis = 0;
	int64_t n;

	if (!mask || !(x = index_array(c, c->in[1], true, err)))
		return -1;
	if (attr->none ? !(x = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err))
		       : axis_normalize(&axis, attr->i, x->shape.ndim, err))
		return -1;
	shape = x->shape;
	n = shape.dim[axis];
	/* A short condition leaves the rest out; a long one must not ask for more than there is. */
	if (!c->dry && mask->size > n) {
		int64_t more = mask->size - n;
		const unsigned char *m;

		engine_pin(mask);
		if (!(rest = node_slice(c->graph, mask, 0, n, 1, more, err)) || engine_keep(1, &rest, err))
			return -1;
		m = node_data(rest);
		for (int64_t i = 0; i < more; i++)
			if (m[i])
				return index_error(n + i, axis, n, err);
	}
	shape.dim[axis] = mask->size < n ? mask->size : n;
	if ((!c->dry && engine_load(mask, err)) ||
	    !(mask = node_slice(c->graph, mask, 0, 0, 1, shape.dim[axis], err)) ||
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

/* Where x is not zero. */
static int nonzero_mask(struct mask *m, struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err);

	return x && (x = node_cast(c->graph, x, DT_BOOL, err)) ? mask_count(m, c, x, err) : -1;
}

/* One array an axis. */
int build_nonzero(struct call *c, struct error *err)
{
	int ndim = c->in[0]->shape.ndim;
	char text[NODE_TEXT];
	struct node *all;
	struct mask m;

	if (ndim == 0)
		return error_set(err, ERR_VALUE, "%s: %s needs an array of at least one dimension",
				 node_text(c->in[0], text, sizeof(text)), c->name);
	if (nonzero_mask(&m, c, err) || !(all = mask_nonzero(&m, true, err)))
		return -1;
	for (int i = 0; i < ndim; i++) {
		struct node *y = node_slice(c->graph, all, 0, i, 1, 1, err);

		if (call_result(c, y ? node_squeeze(c->graph, y, 0, err) : NULL, NULL, err))
			return -1;
	}
	return 0;
}

/* One row a place. */
int build_argwhere(struct call *c, struct error *err)
{
	struct mask m;

	return nonzero_mask(&m, c, err) ? -1 : call_result(c, mask_nonzero(&m, false, err), NULL, err);
}

int build_flatnonzero(struct call *c, struct error *err)
{
	if (!(c->in[0] = index_array(c, c->in[0], false, err)) ||
	    !(c->in[0] = node_reshape(c->graph, c->in[0], &(struct shape){ 1, { -1 } }, err)))
		return -1;
	return build_nonzero(c, err);
}
