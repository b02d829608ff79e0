/* Elementwise nodes and reductions: which type their loops compute in, and what comes out. */
#include "graph_internal.h"
#include "op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Does map id have a loop for type d, directly or (half types) in float32? */
static bool map_has(enum map_id id, enum dtype d)
{
	map_fn *const *row = kernels_get()->map[id];

	if (row[d])
		return true;
	return (d == DT_F16 || d == DT_BF16) && row[DT_F32];
}

/* Do all arrays among the inputs go into type d safely, and the numbers into its kind? */
static bool all_cast(int n, struct node *const in[], enum dtype d)
{
	for (int i = 0; i < n; i++)
		if (in[i]->weak ? (dtype_is_complex(in[i]->dtype) && !dtype_is_complex(d)) ||
					  (dtype_is_float(in[i]->dtype) && (d == DT_BOOL || dtype_is_int(d)))
				: !dtype_can_cast(in[i]->dtype, d, CASTING_SAFE))
			return false;
	return true;
}

/*
 * NumPy's choice of a loop: that of the common type d, else the first type, from the smallest up, that every input goes into
 * safely (int8 and uint8 both go into float16, though their common type, int16, does not).  -1: none.
 */
static int map_type(enum map_id id, enum dtype d, int n, struct node *const in[])
{
	static const enum dtype order[] = { DT_BOOL, DT_I8,  DT_U8,   DT_I16, DT_U16, DT_I32, DT_U32, DT_I64,
					    DT_U64,  DT_F16, DT_BF16, DT_F32, DT_F64, DT_C64, DT_C128 };

	if (d <= DT_C128 && map_has(id, d))
		return (int)d;
	/* A scalar may have lifted the kind above that of the arrays. */
	bool lifted = true;
	for (int i = 0; i < n; i++)
		lifted = lifted && (in[i]->weak || dtype_info[in[i]->dtype].kind == 'b') && d != DT_BOOL;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if ((lifted ? dtype_can_cast(d, order[i], CASTING_SAFE) : all_cast(n, in, order[i])) &&
		    map_has(id, order[i]))
			return (int)order[i];
	return -1;
}

static const struct op *map_op(enum map_id id)
{
	for (int i = 0; i < op_table_size; i++)
		if (op_table[i].class == OP_MAP && op_table[i].id == (int)id)
			return &op_table[i];
	return NULL;
}

/*
 * Comparisons of int64 with uint64 are exact, though no type holds both: x < y for signed x is (x < 0) | ((uint64)x < y).
 */
static struct node *compare_mixed(struct graph *g, enum map_id id, struct node *x, struct node *y, struct error *err)
{
	bool swap = x->dtype == DT_U64;
	struct node *s = swap ? y : x, *u = swap ? x : y, *zero = node_int(g, 0, err), *low, *cmp, *pair[2];
	/* What the comparison says where s is negative, that is s < u. */
	bool below = id == MAP_not_equal ||
		     (swap ? id == MAP_greater || id == MAP_greater_equal : id == MAP_less || id == MAP_less_equal);

	if (!zero || !(low = node_map(g, MAP_less, (struct node *[]){ s, zero }, err)))
		return NULL;
	if (!(s = node_cast(g, s, DT_U64, err)))
		return NULL;
	pair[0] = swap ? u : s;
	pair[1] = swap ? s : u;
	if (!(cmp = node_map(g, id, pair, err)))
		return NULL;
	if (below)
		return node_map(g, MAP_logical_or, (struct node *[]){ low, cmp }, err);
	if (!(low = node_map(g, MAP_logical_not, &low, err)))
		return NULL;
	return node_map(g, MAP_logical_and, (struct node *[]){ low, cmp }, err);
}

static bool weak_int_out_of_range(struct node *const in[], int i, int k)
{
	return in[i]->weak && in[i]->scalar.kind == SCALAR_INT && !in[k]->weak && dtype_is_int(in[k]->dtype) &&
	       !scalar_fits(&in[i]->scalar, in[k]->dtype);
}

/* A comparison with a Python integer that the array's type cannot hold compares the values, as NumPy 2 does. */
static int compare_operands(struct graph *g, struct node *in[2], struct error *err)
{
	for (int i = 0; i < 2; i++) {
		const struct scalar *s = &in[i]->scalar;

		if (!weak_int_out_of_range(in, i, 1 - i))
			continue;
		enum dtype d = scalar_fits(s, DT_I64) ? DT_I64 : scalar_fits(s, DT_U64) ? DT_U64 : DT_F64;
		struct scalar v = *s;

		if (d == DT_F64) {
			v.kind = SCALAR_FLOAT;
			v.re = s->negative ? -INFINITY : INFINITY;
		}
		if (!(in[i] = node_full(g, d, &(struct shape){ 0 }, &v, err)))
			return -1;
	}
	return 0;
}

struct node *node_map(struct graph *g, enum map_id id, struct node *const inputs[], struct error *err)
{
	const struct op *op = map_op(id);
	int n = op->nin_min, first = op->flags & F_COND ? 1 : 0, type;
	struct node *in[MAP_MAX_IN], *typed[MAP_MAX_IN], *x;
	struct shape shape;
	enum dtype d, result;

	memcpy(in, inputs, (size_t)n * sizeof(*in));
	if (op->flags & F_COMPARES) {
		if (compare_operands(g, in, err))
			return NULL;
		if (!in[0]->weak && !in[1]->weak &&
		    ((in[0]->dtype == DT_U64 && dtype_info[in[1]->dtype].kind == 'i') ||
		     (in[1]->dtype == DT_U64 && dtype_info[in[0]->dtype].kind == 'i')))
			return compare_mixed(g, id, in[0], in[1], err);
	}
	/* A quotient of integers is float64 whatever their size: a Python integer need not fit in theirs. */
	for (int i = 0; i < n && (op->flags & F_DIVIDES); i++)
		if (in[i]->weak && in[i]->scalar.kind == SCALAR_INT && !(in[i] = node_float(g, in[i]->scalar.re, err)))
			return NULL;
	if (first && !(in[0] = node_cast(g, in[0], DT_BOOL, err)))
		return NULL;
	/* Where there are only loops over floats, a Python integer need not fit in the arrays' type, as in NumPy. */
	memcpy(typed, in, (size_t)n * sizeof(*in));
	for (int i = first; i < n && !map_has(id, DT_I64); i++)
		for (int k = first; k < n; k++)
			if (weak_int_out_of_range(in, i, k) && !(typed[i] = node_int(g, 0, err)))
				return NULL;
	if (nodes_result_type(&d, n - first, typed + first, err))
		return NULL;
	if ((op->flags & F_NOBOOL) && d == DT_BOOL) {
		error_set(err, ERR_VALUE, "%s is not defined for bool; use %sastype first", op->name,
			  id == MAP_subtract   ? "bitwise_xor or logical_xor, or "
			  : id == MAP_negative ? "logical_not, or "
					       : "");
		return NULL;
	}
	if ((op->flags & F_DIVIDES) && (d == DT_BOOL || dtype_is_int(d)))
		d = DT_F64;
	type = map_type(id, d, n - first, in + first);
	if (type < 0) {
		error_set(err, ERR_VALUE, "%s does not take %s", op->name, dtype_name(d));
		return NULL;
	}
	d = (enum dtype)type;
	for (int i = 0; (op->flags & F_POWER) && i < 1; i++)
		if (dtype_is_int(d) && in[1]->kind == NODE_CONST && in[1]->scalar.negative) {
			error_set(err, ERR_VALUE, "integers to negative integer powers are not allowed");
			return NULL;
		}
	if (shape_broadcast(&shape, n, in, err))
		return NULL;
	for (int i = 0; i < n; i++) {
		/* A scalar is rounded to the common type before anything is computed with it (NEP 50). */
		if (in[i]->kind == NODE_CONST && i >= first &&
		    !(in[i] = node_full(g, d, &in[i]->shape, &in[i]->scalar, err)))
			return NULL;
		if (in[i]->kind == NODE_CONST ? !(in[i] = node_broadcast(g, in[i], &shape, err))
		    : in[i]->shape.ndim < shape.ndim && in[i]->size == shape_size(&shape)
			    ? !(in[i] = node_reshape(g, in[i], &shape, err))
			    : !(in[i] = node_broadcast(g, in[i], &shape, err)))
			return NULL;
	}
	switch ((enum map_result)op->result) {
	case RESULT_BOOL:
		result = DT_BOOL;
		break;
	case RESULT_REAL:
		result = dtype_real(d);
		break;
	default:
		result = d;
	}
	x = graph_add(g, NODE_MAP, result, &shape, n, in, err);
	if (x) {
		x->u.map.id = id;
		x->u.map.condition = first;
		x->u.map.loop = kernels_get()->map[id][d] ? d : DT_F32;
	}
	return graph_unique(x);
}

static enum dtype reduce_dtype(int rule, enum dtype d)
{
	bool integer = d == DT_BOOL || dtype_is_int(d);

	if (d > DT_C128)
		d = DT_F32;
	switch ((enum reduce_result)rule) {
	case R_SUM:
		return !integer ? d : dtype_info[d].kind == 'u' ? DT_U64 : DT_I64;
	case R_SAME:
		return d;
	case R_MEAN:
		return integer ? DT_F64 : d;
	case R_REAL:
		return integer ? DT_F64 : dtype_real(d);
	case R_BOOL:
		return DT_BOOL;
	case R_INDEX:
	case R_COUNT:
		break;
	}
	return DT_I64;
}

static const struct op *reduce_op(enum reduce_id id)
{
	for (int i = 0; i < op_table_size; i++)
		if (op_table[i].class == OP_REDUCE && op_table[i].id == (int)id)
			return &op_table[i];
	return NULL;
}

/* What has no value for no elements. */
static bool reduce_needs_elements(enum reduce_id id, const struct reduce_param *p)
{
	if (id == REDUCE_norm)
		return p->ord == -INFINITY;
	return id == REDUCE_max || id == REDUCE_min || id == REDUCE_argmax || id == REDUCE_argmin || id == REDUCE_ptp ||
	       id == REDUCE_nanmax || id == REDUCE_nanmin;
}

struct node *node_reduce(struct graph *g, enum reduce_id id, struct node *x, const bool reduced[MAX_NDIM],
			 bool keepdims, enum dtype dtype, bool has_dtype, const struct reduce_param *p,
			 struct error *err)
{
	const struct op *op = reduce_op(id);
	struct shape shape = { 0 };
	struct node *y;
	int64_t count = 1;
	enum dtype acc, result;

	if (x->weak && !(x = node_cast(g, x, x->dtype, err)))
		return NULL;
	if (has_dtype && !(x = node_cast(g, x, dtype, err)))
		return NULL;
	if (id == REDUCE_ptp && x->dtype == DT_BOOL) {
		error_set(err, ERR_VALUE, "ptp is not defined for bool, whose difference is not; use astype first");
		return NULL;
	}
	if (id == REDUCE_ptp && dtype_is_complex(x->dtype)) {
		struct node *ends[2] = { node_reduce(g, REDUCE_max, x, reduced, keepdims, dtype, false, p, err), NULL };

		ends[1] = ends[0] ? node_reduce(g, REDUCE_min, x, reduced, keepdims, dtype, false, p, err) : NULL;
		return ends[1] ? node_map(g, MAP_subtract, ends, err) : NULL;
	}
	for (int i = 0; i < x->shape.ndim; i++)
		if (reduced[i]) {
			count *= x->shape.dim[i];
			if (keepdims)
				shape.dim[shape.ndim++] = 1;
		} else {
			shape.dim[shape.ndim++] = x->shape.dim[i];
		}
	result = has_dtype ? dtype : reduce_dtype(op->result, x->dtype);
	acc = dtype_is_complex(x->dtype)				? DT_C128
	      : x->dtype == DT_BOOL || dtype_info[x->dtype].kind == 'i' ? DT_I64
	      : dtype_info[x->dtype].kind == 'u'			? DT_U64
									: DT_F64;
	if (!reduce_loops_get(id, acc) && (acc == DT_I64 || acc == DT_U64))
		acc = DT_F64;
	if (!reduce_loops_get(id, acc)) {
		error_set(err, ERR_VALUE, "%s does not take %s", op->name, dtype_name(x->dtype));
		return NULL;
	}
	if (count == 0 && reduce_needs_elements(id, p)) {
		char text[NODE_TEXT];

		error_set(err, ERR_VALUE, "%s: zero-size array to reduction %s, which has no identity",
			  node_text(x, text, sizeof(text)), op->name);
		return NULL;
	}
	y = graph_add(g, NODE_REDUCE, result, &shape, 1, &x, err);
	if (y) {
		y->u.reduce.id = id;
		y->u.reduce.acc = acc;
		memcpy(y->u.reduce.reduced, reduced, sizeof(y->u.reduce.reduced));
		y->u.reduce.param = *p;
		y->u.reduce.param.count = count;
	}
	return graph_unique(y);
}
