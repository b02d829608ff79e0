/* Products of arrays, all of them made of matmul, multiply and sum: see the rows in ops.def. */
#include "op.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum dtype compute_dtype(enum dtype d)
{
	return d == DT_F16 || d == DT_BF16 || d > DT_C128 ? DT_F32 : d;
}

/* The sum over axes in x's own type, as NumPy's products have it: of bools "or". */
static struct node *sum_same(struct graph *g, struct node *x, const bool reduced[MAX_NDIM], struct error *err)
{
	static const struct reduce_param none;
	bool any = x->dtype == DT_BOOL;

	return node_reduce(g, any ? REDUCE_any : REDUCE_sum, x, reduced, false, x->dtype, !any, &none, err);
}

static struct node *multiply(struct graph *g, struct node *x, struct node *y, struct error *err)
{
	return node_map(g, MAP_multiply, (struct node *[]){ x, y }, err);
}

/* A number on the command line as a 0-d array. */
static struct node *as_array(struct graph *g, struct node *x, struct error *err)
{
	return x->weak ? node_cast(g, x, x->dtype, err) : x;
}

static struct node *moved(struct graph *g, struct node *x, int from, int to, struct error *err)
{
	int axes[MAX_NDIM], n = 0;

	if (from == to)
		return x;
	for (int i = 0; i < x->shape.ndim; i++) {
		if (n == to)
			axes[n++] = from;
		if (i != from)
			axes[n++] = i;
	}
	if (n == to)
		axes[n] = from;
	return node_permute(g, x, axes, err);
}

static int too_many_axes(const struct node *x, const struct node *y, const char *name, struct error *err)
{
	char tx[NODE_TEXT], ty[NODE_TEXT];

	return error_set(err, ERR_VALUE, "%s and %s: the result of %s would have more than %d dimensions",
			 node_text(x, tx, sizeof(tx)), node_text(y, ty, sizeof(ty)), name, MAX_NDIM);
}

int build_matmul(struct call *c, struct error *err)
{
	return call_result(c, node_matmul(c->graph, c->in[0], c->in[1], err), NULL, err);
}

/* -- tensordot and what is one -- */

/* Sum over axes ax[i] of x with ay[i] of y; the rest of x's axes, then the rest of y's. */
static struct node *contract(struct graph *g, const char *name, struct node *x, struct node *y, int n, const int *ax,
			     const int *ay, struct error *err)
{
	bool ux[MAX_NDIM] = { false }, uy[MAX_NDIM] = { false };
	int px[MAX_NDIM], py[MAX_NDIM], nx = 0, ny = 0;
	struct shape out = { 0 }, sx = { 2, { 1, 1 } }, sy = { 2, { 1, 1 } };
	struct node *p;

	for (int i = 0; i < n; i++) {
		int64_t dx = x->shape.dim[ax[i]], dy = y->shape.dim[ay[i]];

		if (dx != dy) {
			char tx[NODE_TEXT], ty[NODE_TEXT];

			error_set(err, ERR_VALUE,
				  "%s and %s: %s needs axes %d and %d to agree: %" PRId64 " != %" PRId64,
				  node_text(x, tx, sizeof(tx)), node_text(y, ty, sizeof(ty)), name, ax[i], ay[i], dx,
				  dy);
			return NULL;
		}
		if (ux[ax[i]] || uy[ay[i]]) {
			error_set(err, ERR_VALUE, "%s: duplicate axes", name);
			return NULL;
		}
		ux[ax[i]] = uy[ay[i]] = true;
		sx.dim[1] *= dx;
	}
	sy.dim[0] = sx.dim[1];
	if (x->shape.ndim + y->shape.ndim - 2 * n > MAX_NDIM) {
		too_many_axes(x, y, name, err);
		return NULL;
	}
	for (int i = 0; i < x->shape.ndim; i++)
		if (!ux[i]) {
			px[nx++] = i;
			out.dim[out.ndim++] = x->shape.dim[i];
			sx.dim[0] *= x->shape.dim[i];
		}
	for (int i = 0; i < n; i++) {
		px[nx++] = ax[i];
		py[ny++] = ay[i];
	}
	for (int i = 0; i < y->shape.ndim; i++)
		if (!uy[i]) {
			py[ny++] = i;
			out.dim[out.ndim++] = y->shape.dim[i];
			sy.dim[1] *= y->shape.dim[i];
		}
	if (!(x = as_array(g, x, err)) || !(y = as_array(g, y, err)) || !(x = node_permute(g, x, px, err)) ||
	    !(y = node_permute(g, y, py, err)) || !(x = node_reshape(g, x, &sx, err)) ||
	    !(y = node_reshape(g, y, &sy, err)))
		return NULL;
	p = node_matmul(g, x, y, err);
	return p ? node_reshape(g, p, &out, err) : NULL;
}

int build_dot(struct call *c, struct error *err)
{
	struct node *x = c->in[0], *y = c->in[1];
	int ax = x->shape.ndim - 1, ay = y->shape.ndim > 1 ? y->shape.ndim - 2 : 0;

	if (!x->shape.ndim || !y->shape.ndim)
		return call_result(c, multiply(c->graph, x, y, err), NULL, err);
	if (x->shape.ndim <= 2 && y->shape.ndim <= 2 && x->shape.dim[ax] == y->shape.dim[ay])
		return call_result(c, node_matmul(c->graph, x, y, err), NULL, err);
	return call_result(c, contract(c->graph, c->name, x, y, 1, &ax, &ay, err), NULL, err);
}

int build_inner(struct call *c, struct error *err)
{
	struct node *x = c->in[0], *y = c->in[1];
	int ax = x->shape.ndim - 1, ay = y->shape.ndim - 1;

	if (!x->shape.ndim || !y->shape.ndim)
		return call_result(c, multiply(c->graph, x, y, err), NULL, err);
	if (ax == 0 && ay == 0)
		return build_dot(c, err);
	return call_result(c, contract(c->graph, c->name, x, y, 1, &ax, &ay, err), NULL, err);
}

/* One item of a pair: an integer or a list.  Returns the end of it, or NULL. */
static const char *axes_item(int64_t out[MAX_NDIM], int *n, const char *s)
{
	char text[512];
	size_t len;

	s += strspn(s, " ");
	len = *s == '[' || *s == '(' ? strcspn(s, "])") + 1 : strspn(s, "+-0123456789");
	if (!len || len > strlen(s) || len >= sizeof(text))
		return NULL;
	memcpy(text, s, len);
	text[len] = '\0';
	*n = list_parse(out, MAX_NDIM, text);
	return *n < 0 ? NULL : s + len + strspn(s + len, " ");
}

/* "2", "[[0,1],[1,0]]", "[1,0]" and the same with parentheses: the axes of x and of y, as given. */
static int axes_pair(const char *text, int64_t ax[MAX_NDIM], int *nx, int64_t ay[MAX_NDIM], int *ny, int64_t *count,
		     struct error *err)
{
	const char *s = text + strspn(text, " ");
	char close = *s == '[' ? ']' : ')';

	*count = -1;
	if (list_parse(count, 1, s) == 1 && *s != '[' && *s != '(') {
		if (*count < 0)
			return error_set(err, ERR_VALUE, "axes %s: a number of axes cannot be negative", text);
		return 0;
	}
	*count = -1;
	if ((*s == '[' || *s == '(') && (s = axes_item(ax, nx, s + 1)) && *s == ',' && (s = axes_item(ay, ny, s + 1)) &&
	    *s == close && !s[1 + strspn(s + 1, " ")])
		return 0;
	return error_set(err, ERR_USAGE, "axes '%s' is neither a number of axes nor two lists such as [[0,1],[1,0]]",
			 text);
}

int build_tensordot(struct call *c, struct error *err)
{
	struct node *x = c->in[0], *y = c->in[1];
	int nx = x->shape.ndim, ny = y->shape.ndim, n = 0, m = 0, ix[MAX_NDIM], iy[MAX_NDIM];
	int64_t ax[MAX_NDIM], ay[MAX_NDIM], count;
	char tx[NODE_TEXT], ty[NODE_TEXT];
	const struct attr *axes = attr_get(c, "axes");

	if (axes_pair(axes->none ? "2" : axes->s, ax, &n, ay, &m, &count, err))
		return -1;
	if (count > nx || count > ny)
		return error_set(err, ERR_VALUE, "%s and %s: %s over %" PRId64 " axes needs as many dimensions",
				 node_text(x, tx, sizeof(tx)), node_text(y, ty, sizeof(ty)), c->name, count);
	if (count >= 0) {
		n = m = (int)count;
		for (int i = 0; i < n; i++) {
			ax[i] = nx - n + i;
			ay[i] = i;
		}
	}
	if (n != m)
		return error_set(err, ERR_VALUE, "%s needs as many axes of the one as of the other: %d != %d", c->name,
				 n, m);
	for (int i = 0; i < n; i++)
		if (axis_normalize(&ix[i], ax[i], nx, err) || axis_normalize(&iy[i], ay[i], ny, err))
			return -1;
	return call_result(c, contract(c->graph, c->name, x, y, n, ix, iy, err), NULL, err);
}

/* -- elementwise products -- */

int build_outer(struct call *c, struct error *err)
{
	struct node *x = as_array(c->graph, c->in[0], err), *y = x ? as_array(c->graph, c->in[1], err) : NULL;

	if (!y || !(x = node_reshape(c->graph, x, &(struct shape){ 2, { x->size, 1 } }, err)) ||
	    !(y = node_reshape(c->graph, y, &(struct shape){ 2, { 1, y->size } }, err)))
		return -1;
	return call_result(c, multiply(c->graph, x, y, err), NULL, err);
}

/* out[i * q + j] = x[i] * y[j] along every axis, q being y's size there. */
int build_kron(struct call *c, struct error *err)
{
	struct node *in[2] = { c->in[0], c->in[1] }, *p;
	int ndim = in[0]->shape.ndim > in[1]->shape.ndim ? in[0]->shape.ndim : in[1]->shape.ndim;
	struct shape out = { ndim, { 0 } };

	if (2 * ndim > MAX_NDIM)
		return error_set(err, ERR_VALUE, "kron takes arrays of up to %d dimensions", MAX_NDIM / 2);
	for (int k = 0; k < 2; k++) {
		struct shape s = { 2 * ndim, { 0 } };
		int more = ndim - in[k]->shape.ndim;

		for (int i = 0; i < ndim; i++) {
			int64_t d = i < more ? 1 : in[k]->shape.dim[i - more];

			s.dim[2 * i] = k ? 1 : d;
			s.dim[2 * i + 1] = k ? d : 1;
			if (k && __builtin_mul_overflow(out.dim[i], d, &out.dim[i]))
				return error_set(err, ERR_VALUE, "the result of kron is too big");
			if (!k)
				out.dim[i] = d;
		}
		if (ndim && !(in[k] = node_reshape(c->graph, in[k], &s, err)))
			return -1;
	}
	if (!(p = multiply(c->graph, in[0], in[1], err)))
		return -1;
	return call_result(c, node_reshape(c->graph, p, &out, err), NULL, err);
}

int build_vecdot(struct call *c, struct error *err)
{
	const struct attr *axis = attr_get(c, "axis");
	struct node *in[2], *p;
	bool reduced[MAX_NDIM] = { false };
	char tx[NODE_TEXT], ty[NODE_TEXT];
	enum dtype d;

	if (nodes_result_type(&d, 2, c->in, err))
		return -1;
	for (int i = 0; i < 2; i++) {
		struct node *x = c->in[i];
		int a;

		if (!x->shape.ndim)
			return error_set(err, ERR_VALUE, "%s: vecdot needs at least 1 dimension",
					 node_text(x, tx, sizeof(tx)));
		if (axis_normalize(&a, axis->i, x->shape.ndim, err))
			return -1;
		in[i] = moved(c->graph, x, a, x->shape.ndim - 1, err);
		if (!in[i] || !(in[i] = node_cast(c->graph, in[i], compute_dtype(d), err)))
			return -1;
	}
	if (in[0]->shape.dim[in[0]->shape.ndim - 1] != in[1]->shape.dim[in[1]->shape.ndim - 1])
		return error_set(err, ERR_VALUE,
				 "%s and %s: vecdot needs axis %" PRId64 " to agree: %" PRId64 " != %" PRId64,
				 node_text(c->in[0], tx, sizeof(tx)), node_text(c->in[1], ty, sizeof(ty)), axis->i,
				 in[0]->shape.dim[in[0]->shape.ndim - 1], in[1]->shape.dim[in[1]->shape.ndim - 1]);
	if (dtype_is_complex(d) && !(in[0] = node_map(c->graph, MAP_conj, &in[0], err)))
		return -1;
	if (!(p = multiply(c->graph, in[0], in[1], err)))
		return -1;
	reduced[p->shape.ndim - 1] = true;
	p = sum_same(c->graph, p, reduced, err);
	return call_result(c, p ? node_cast(c->graph, p, d > DT_C128 ? DT_F32 : d, err) : NULL, NULL, err);
}

int build_trace(struct call *c, struct error *err)
{
	static const struct reduce_param none;
	const struct attr *k = attr_get(c, "k"), *dtype = attr_get(c, "dtype");
	struct node *x = c->in[0];
	bool reduced[MAX_NDIM] = { false };
	char text[NODE_TEXT];
	int a, b;

	if (x->shape.ndim < 2)
		return error_set(err, ERR_VALUE, "%s: trace needs at least 2 dimensions",
				 node_text(x, text, sizeof(text)));
	if (axis_normalize(&a, attr_get(c, "axis1")->i, x->shape.ndim, err) ||
	    axis_normalize(&b, attr_get(c, "axis2")->i, x->shape.ndim, err))
		return -1;
	if (a == b)
		return error_set(err, ERR_VALUE, "trace needs two different axes: axis1 and axis2 are both %d", a);
	if (!(x = node_diagonal(c->graph, x, a, b, k->i, err)))
		return -1;
	reduced[x->shape.ndim - 1] = true;
	return call_result(c,
			   node_reduce(c->graph, REDUCE_sum, x, reduced, false, dtype->none ? DT_BOOL : dtype->dtype,
				       !dtype->none, &none, err),
			   NULL, err);
}

int build_cross(struct call *c, struct error *err)
{
	const struct attr *axis = attr_get(c, "axis");
	struct node *in[2], *part[2][3], *out[3], *x;
	char text[NODE_TEXT];
	int a, to;

	for (int i = 0; i < 2; i++) {
		if (axis_normalize(&a, axis->i, c->in[i]->shape.ndim, err))
			return -1;
		if (c->in[i]->shape.dim[a] != 3)
			return error_set(err, ERR_VALUE, "%s: cross needs vectors of 3 elements; axis %d has %" PRId64,
					 node_text(c->in[i], text, sizeof(text)), a, c->in[i]->shape.dim[a]);
		in[i] = moved(c->graph, c->in[i], a, c->in[i]->shape.ndim - 1, err);
		for (int k = 0; k < 3; k++) {
			part[i][k] = in[i] ? node_slice(c->graph, in[i], in[i]->shape.ndim - 1, k, 1, 1, err) : NULL;
			if (!part[i][k])
				return -1;
		}
	}
	for (int k = 0; k < 3; k++) {
		struct node *pair[2];
		int p = (k + 1) % 3, q = (k + 2) % 3;

		if (!(pair[0] = multiply(c->graph, part[0][p], part[1][q], err)) ||
		    !(pair[1] = multiply(c->graph, part[0][q], part[1][p], err)) ||
		    !(out[k] = node_map(c->graph, MAP_subtract, pair, err)))
			return -1;
	}
	x = node_concat(c->graph, 3, out, out[0]->shape.ndim - 1, err);
	if (!x || axis_normalize(&to, axis->i, x->shape.ndim, err))
		return -1;
	return call_result(c, moved(c->graph, x, x->shape.ndim - 1, to, err), NULL, err);
}
