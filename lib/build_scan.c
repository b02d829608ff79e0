/* Scans: running sums, products, maxima and their kin along an axis; differences. */
#include "op.h"

#include <inttypes.h>

/* x as an array with an axis to scan along: attr "axis", none: flattened. */
static struct node *scan_operand(struct call *c, int *axis, struct error *err)
{
	const struct attr *a = attr_get(c, "axis");
	struct node *x = c->in[0];

	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return NULL;
	*axis = 0;
	if (a->none || x->shape.ndim == 0) {
		if (!a->none && axis_normalize(axis, a->i, 1, err))
			return NULL;
		return node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err);
	}
	return axis_normalize(axis, a->i, x->shape.ndim, err) ? NULL : x;
}

/* The scan y behind what a scan of nothing gives. */
static struct node *with_initial(struct call *c, struct node *y, enum scan_op op, int axis, struct error *err)
{
	struct scalar v = { .kind = SCALAR_INT, .magnitude = op == SCAN_PROD, .re = op == SCAN_PROD };
	struct shape shape = y->shape;
	struct node *both[] = { NULL, y };

	shape.dim[axis] = 1;
	both[0] = node_full(c->graph, y->dtype, &shape, &v, err);
	return both[0] ? node_concat(c->graph, 2, both, axis, err) : NULL;
}

static int build_cumulative(struct call *c, enum scan_op op, struct error *err)
{
	const struct attr *dtype = attr_get(c, "dtype");
	enum dtype to;
	struct node *x;
	int axis;

	if (!(x = scan_operand(c, &axis, err)))
		return -1;
	to = x->dtype;
	if (!dtype->none)
		to = dtype->dtype;
	else if (to == DT_BOOL || dtype_info[to].kind == 'i')
		to = DT_I64;
	else if (dtype_info[to].kind == 'u')
		to = DT_U64;
	if (to > DT_C128) /* float8 */
		to = DT_F32;
	/* Integers that only grow need no cast first. */
	if ((!dtype->none || !(dtype_is_int(x->dtype) || x->dtype == DT_BOOL)) &&
	    !(x = node_cast(c->graph, x, to, err)))
		return -1;
	x = node_scan(c->graph, op, x, axis, to, err);
	return call_result(c, x && attr_get(c, "include_initial")->flag ? with_initial(c, x, op, axis, err) : x, NULL,
			   err);
}

int build_cumulative_sum(struct call *c, struct error *err)
{
	return build_cumulative(c, SCAN_SUM, err);
}

int build_cumulative_prod(struct call *c, struct error *err)
{
	return build_cumulative(c, SCAN_PROD, err);
}

int build_logcumsumexp(struct call *c, struct error *err)
{
	char text[NODE_TEXT];
	struct node *x;
	int axis;

	if (!(x = scan_operand(c, &axis, err)))
		return -1;
	if (dtype_is_complex(x->dtype))
		return error_set(err, ERR_VALUE, "%s: %s takes no %s", node_text(c->in[0], text, sizeof(text)), c->name,
				 dtype_name(x->dtype));
	if (!dtype_is_float(x->dtype))
		x = node_cast(c->graph, x, DT_F64, err);
	else if (x->dtype > DT_C128)
		x = node_cast(c->graph, x, DT_F32, err);
	return x ? call_result(c, node_scan(c->graph, SCAN_LOGSUMEXP, x, axis, x->dtype, err), NULL, err) : -1;
}

static int build_extreme(struct call *c, enum scan_op values, enum scan_op indices, struct error *err)
{
	bool both = attr_get(c, "indices")->flag;
	struct node *x;
	int axis;

	if (!(x = scan_operand(c, &axis, err)))
		return -1;
	if (call_result(c, node_scan(c->graph, values, x, axis, x->dtype, err), both ? "values" : NULL, err))
		return -1;
	return both ? call_result(c, node_scan(c->graph, indices, x, axis, DT_I64, err), "indices", err) : 0;
}

int build_cummax(struct call *c, struct error *err)
{
	return build_extreme(c, SCAN_MAX, SCAN_ARGMAX, err);
}

int build_cummin(struct call *c, struct error *err)
{
	return build_extreme(c, SCAN_MIN, SCAN_ARGMIN, err);
}

/* A number before or after x counts as one element of each row; an array is put there as it is. */
static struct node *diff_end(struct call *c, struct node *x, const char *name, int axis, struct error *err)
{
	struct node *end = attr_get(c, name)->node;
	struct shape shape = x->shape;
	enum dtype dtype;

	if (end->shape.ndim)
		return end;
	if (nodes_result_type(&dtype, 2, (struct node *[]){ x, end }, err) ||
	    !(end = node_cast(c->graph, end, dtype, err)))
		return NULL;
	shape.dim[axis] = 1;
	return node_broadcast(c->graph, end, &shape, err);
}

int build_diff(struct call *c, struct error *err)
{
	const struct attr *times = attr_get(c, "n");
	struct node *x = c->in[0], *part[3];
	int axis, n = 0;

	if (times->none || times->i < 0)
		return error_set(err, ERR_VALUE, "%s: n must be 0 or more, not %" PRId64, c->name, times->i);
	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return -1;
	if (axis_normalize(&axis, attr_get(c, "axis")->i, x->shape.ndim, err))
		return -1;
	if (times->i && attr_get(c, "prepend")->node && !(part[n++] = diff_end(c, x, "prepend", axis, err)))
		return -1;
	part[n++] = x;
	if (times->i && attr_get(c, "append")->node && !(part[n++] = diff_end(c, x, "append", axis, err)))
		return -1;
	if (n > 1 && !(x = node_concat(c->graph, n, part, axis, err)))
		return -1;
	for (int64_t i = 0; i < times->i && x->shape.dim[axis] > 0; i++) {
		struct node *pair[2];
		int64_t count = x->shape.dim[axis] - 1;

		if (!(pair[0] = node_slice(c->graph, x, axis, count > 0, 1, count, err)) ||
		    !(pair[1] = node_slice(c->graph, x, axis, 0, 1, count, err)) ||
		    !(x = node_map(c->graph, x->dtype == DT_BOOL ? MAP_not_equal : MAP_subtract, pair, err)))
			return -1;
	}
	return call_result(c, x, NULL, err);
}
