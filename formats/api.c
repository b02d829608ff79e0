/* The public functions of lib/tensor.h, over the graph, the engine and the formats. */
#include "lib/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/format.h"
#include "formats/place.h"
#include "lib/engine.h"
#include "lib/expr.h"
#include "lib/op.h"

struct tensor {
	struct array array;
	struct source *elements; /* contiguous and native, once asked for */
};

/* Hand an internal error out. */
static void give(struct tensor_error *out, const struct error *err)
{
	if (!err->code)
		return;
	out->status = (int)err->code;
	snprintf(out->message, sizeof(out->message), "%s", err->text);
}

const char *tensor_version(void)
{
	return TENSOR_VERSION;
}

/* A leaf of g with t's elements; the tensor keeps its own reference. */
static struct node *leaf(struct graph *g, const struct tensor *t, struct error *err)
{
	struct array a;

	/* What made it NULL is described in the caller's error already. */
	if (!t) {
		err->code = ERR_NONE;
		return NULL;
	}
	a = t->array;
	source_ref(a.src);
	return node_leaf(g, &a, a.src->name, err);
}

/* A tensor of what node x holds: a view of a file as it is, anything else computed. */
static struct tensor *wrap(struct node *x, struct error *err)
{
	struct tensor *t = calloc(1, sizeof(*t));
	struct node *base = x->kind == NODE_VIEW ? x->in[0] : x;

	if (!t) {
		error_memory(err, sizeof(*t));
		return NULL;
	}
	if (x->weak && !(x = base = node_cast(x->graph, x, x->dtype, err)))
		goto fail;
	if (base->kind == NODE_LEAF && !base->u.array.src->sequential) {
		t->array = base->u.array;
		t->array.shape = x->shape;
		t->array.offset = x->offset;
		memcpy(t->array.strides, x->strides, sizeof(x->strides));
		source_ref(t->array.src);
		return t;
	}
	if (engine_keep(1, &x, err))
		goto fail;
	t->array.dtype = x->dtype;
	t->array.shape = x->shape;
	shape_strides(&x->shape, dtype_size(x->dtype), false, t->array.strides);
	t->array.src = source_ref(x->value);
	t->elements = source_ref(x->value);
	return t;
fail:
	free(t);
	return NULL;
}

struct tensor *tensor_open(const char *name, struct tensor_error *out)
{
	static const struct format_options none;
	struct error err = ERROR_INIT;
	struct graph *g = graph_new(&err);
	struct array a = { 0 };
	struct tensor *t = NULL;
	struct file *f = NULL;
	struct node *x;
	struct place p;
	int i;

	place_split(&p, name);
	if (!g || !p.path || file_open(&f, p.path, &none, &err) || (i = place_member(&p, f, &err)) < 0 ||
	    file_array(f, i, &a, &err))
		goto done;
	x = node_leaf(g, &a, name, &err);
	if (x && p.slice)
		x = node_index(g, x, p.slice, &err);
	if (x)
		t = wrap(x, &err);
done:
	if (!t)
		give(out, &err);
	file_close(f);
	place_release(&p);
	graph_free(g);
	return t;
}

struct tensor *tensor_from_data(enum tensor_dtype dtype, int ndim, const int64_t *shape, const void *elements,
				struct tensor_error *out)
{
	struct error err = ERROR_INIT;
	struct graph *g = graph_new(&err);
	struct tensor *t = NULL;
	struct shape s = { ndim, { 0 } };
	struct node *x;
	size_t nbytes;
	void *copy;

	if (!g)
		goto done;
	if (ndim < 0 || ndim > MAX_NDIM || (int)dtype < 0 || (int)dtype >= NDTYPES) {
		error_set(&err, ERR_USAGE, "%d dimensions of dtype %d are not supported", ndim, (int)dtype);
		goto done;
	}
	for (int i = 0; i < ndim; i++)
		s.dim[i] = shape[i];
	if (shape_size(&s) < 0 || shape_size(&s) > INT64_MAX / 16) {
		error_set(&err, ERR_VALUE, "the array is too big");
		goto done;
	}
	nbytes = (size_t)shape_size(&s) * dtype_size((enum dtype)dtype);
	copy = buffer_alloc(nbytes, &err);
	if (!copy)
		goto done;
	memcpy(copy, elements, nbytes);
	x = node_memory(g, (enum dtype)dtype, &s, copy, &err);
	if (x)
		t = wrap(x, &err);
done:
	if (!t)
		give(out, &err);
	graph_free(g);
	return t;
}

/* "axis=0 keepdims=true" into the call. */
static int set_attributes(struct call *c, const char *text, struct error *err)
{
	while (text && *(text += strspn(text, " "))) {
		size_t n = strcspn(text, " "), k = strcspn(text, "=");
		char name[64], value[1024];
		struct attr *a;

		if (k >= n || k >= sizeof(name) || n - k > sizeof(value))
			return error_set(err, ERR_USAGE, "'%.*s' is not NAME=VALUE", (int)(n < 100 ? n : 100), text);
		snprintf(name, sizeof(name), "%.*s", (int)k, text);
		snprintf(value, sizeof(value), "%.*s", (int)(n - k - 1), text + k + 1);
		a = call_find_attr(c, name);
		if (!a)
			return error_set(err, ERR_USAGE, "%s has no attribute '%s'", c->name, name);
		if (call_attr(c, a, value, NULL, err))
			return -1;
		text += n;
	}
	return 0;
}

struct tensor *tensor_apply(const char *name, int n, struct tensor *const operands[], const char *attributes,
			    struct tensor_error *out)
{
	struct error err = ERROR_INIT;
	struct graph *g = graph_new(&err);
	struct node **in = calloc((size_t)n + 1, sizeof(*in));
	const struct op *op = op_find(name);
	struct tensor *t = NULL;
	struct call c = { 0 };

	if (!g || !in) {
		error_memory(&err, (size_t)n * sizeof(*in));
		goto done;
	}
	if (!op) {
		error_set(&err, ERR_USAGE, "unknown op '%s'", name);
		goto done;
	}
	for (int i = 0; i < n; i++)
		if (!(in[i] = leaf(g, operands[i], &err)))
			goto done;
	if (call_init(&c, g, name, op, &err) || set_attributes(&c, attributes, &err) || call_run(&c, n, in, &err))
		goto done;
	if (!c.nout)
		error_set(&err, ERR_VALUE, "%s has no result", name);
	else
		t = wrap(c.out[0], &err);
done:
	if (!t)
		give(out, &err);
	call_release(&c);
	free(in);
	graph_free(g);
	return t;
}

struct tensor *tensor_eval(const char *expression, int n, const char *const names[], struct tensor *const values[],
			   struct tensor_error *out)
{
	struct error err = ERROR_INIT;
	struct graph *g = graph_new(&err);
	struct binding *b = calloc((size_t)n + 1, sizeof(*b));
	struct tensor *t = NULL;
	struct node *x;

	if (!g || !b) {
		error_memory(&err, (size_t)n * sizeof(*b));
		goto done;
	}
	for (int i = 0; i < n; i++) {
		b[i].name = names[i];
		if (!(b[i].node = leaf(g, values[i], &err)))
			goto done;
	}
	x = expr_build(g, expression, n, b, &err);
	if (x)
		t = wrap(x, &err);
done:
	if (!t)
		give(out, &err);
	free(b);
	graph_free(g);
	return t;
}

struct file_sink {
	struct sink sink;
	struct writer *w;
};

static int write_tile(struct sink *s, const void *elements, int64_t start, int64_t n, struct error *err)
{
	return writer_write(((struct file_sink *)s)->w, elements, start, n, err);
}

int tensor_save(struct tensor *t, const char *path, struct tensor_error *out)
{
	static const struct format_options none;
	struct error err = ERROR_INIT;
	struct graph *g = graph_new(&err);
	struct file_sink s = { { write_tile, false }, NULL };
	struct node *x = g ? leaf(g, t, &err) : NULL;
	int ret = -1;

	if (!x || writer_open(&s.w, path, &none, &err))
		goto done;
	if (writer_begin(s.w, "arr_0", x->dtype, &x->shape, false, &err)) {
		writer_abort(s.w);
		goto done;
	}
	s.sink.random = writer_random(s.w);
	if (engine_run(x, &s.sink, &err) || writer_end(s.w, &err))
		writer_abort(s.w);
	else
		ret = writer_commit(s.w, &err);
done:
	if (ret)
		give(out, &err);
	graph_free(g);
	return ret;
}

enum tensor_dtype tensor_dtype(const struct tensor *t)
{
	return (enum tensor_dtype)t->array.dtype;
}

int tensor_ndim(const struct tensor *t)
{
	return t->array.shape.ndim;
}

const int64_t *tensor_shape(const struct tensor *t)
{
	return t->array.shape.dim;
}

int64_t tensor_size(const struct tensor *t)
{
	return shape_size(&t->array.shape);
}

const void *tensor_data(struct tensor *t, struct tensor_error *out)
{
	struct error err = ERROR_INIT;
	struct graph *g;
	struct node *x;

	if (t && t->elements)
		return t->elements->data;
	g = graph_new(&err);
	x = g ? leaf(g, t, &err) : NULL;
	if (!x || engine_keep(1, &x, &err))
		give(out, &err);
	else
		t->elements = source_ref(x->value);
	graph_free(g);
	return t && t->elements ? t->elements->data : NULL;
}

void tensor_free(struct tensor *t)
{
	if (!t)
		return;
	array_release(&t->array);
	source_unref(t->elements);
	free(t);
}
