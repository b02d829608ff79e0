/* Numbers from text: see values.h. */
#include "formats/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"
#include "lib/kernels.h"

static const enum dtype kind_dtype[] = {
	[VALUES_BOOL] = DT_BOOL, [VALUES_INT] = DT_I64,	     [VALUES_UINT] = DT_U64,
	[VALUES_FLOAT] = DT_F64, [VALUES_COMPLEX] = DT_C128,
};

void values_init(struct values *v, bool has_dtype, enum dtype dtype, bool strict)
{
	*v = (struct values){ .has_dtype = has_dtype, .dtype = dtype, .strict = strict };
	if (!has_dtype || dtype == DT_BOOL)
		v->kind = VALUES_BOOL;
	else if (dtype_is_int(dtype))
		v->kind = dtype_info[dtype].kind == 'u' ? VALUES_UINT : VALUES_INT;
	else
		v->kind = dtype_is_complex(dtype) ? VALUES_COMPLEX : VALUES_FLOAT;
}

void values_release(struct values *v)
{
	buffer_free(v->data, v->nbytes);
	v->data = NULL;
}

int values_begin(struct values *v, int64_t room, struct error *err)
{
	size_t nbytes;

	v->n = 0;
	v->room = room;
	v->negative = false;
	if (__builtin_mul_overflow((size_t)room, dtype_size(kind_dtype[v->kind]), &nbytes))
		return error_memory(err, 0);
	if (v->data && nbytes <= v->nbytes)
		return 0;
	values_release(v);
	v->nbytes = nbytes;
	v->data = buffer_alloc(v->nbytes, err);
	return v->data ? 0 : -1;
}

enum dtype values_dtype(enum values_kind kind)
{
	return kind_dtype[kind];
}

/* The kind that holds the number on its own. */
static enum values_kind scalar_kind(const struct scalar *s)
{
	if (s->kind == SCALAR_BOOL)
		return VALUES_BOOL;
	if (s->kind == SCALAR_COMPLEX)
		return VALUES_COMPLEX;
	if (s->kind == SCALAR_FLOAT || s->huge)
		return VALUES_FLOAT;
	if (scalar_fits(s, DT_I64))
		return VALUES_INT;
	return s->negative ? VALUES_FLOAT : VALUES_UINT;
}

/* Can the given type hold the number? */
static enum values_result check(const struct values *v, const struct scalar *s)
{
	if (s->kind == SCALAR_COMPLEX && v->kind != VALUES_COMPLEX)
		return VALUES_NOT_REAL;
	if (!dtype_is_int(v->dtype) || s->kind == SCALAR_BOOL)
		return VALUES_ADDED;
	if (s->kind == SCALAR_INT)
		return scalar_fits(s, v->dtype) ? VALUES_ADDED : VALUES_TOO_LARGE;

	double whole = trunc(s->re);
	if (v->strict && whole != s->re && isfinite(s->re))
		return VALUES_NOT_INTEGER;
	if (!isfinite(s->re))
		return VALUES_TOO_LARGE;

	/* As an integer of at most 64 bits, which says exactly whether it fits. */
	struct scalar t = { .kind = SCALAR_INT, .negative = whole < 0, .huge = fabs(whole) >= 0x1p64 };
	if (!t.huge)
		t.magnitude = (uint64_t)fabs(whole);
	return scalar_fits(&t, v->dtype) ? VALUES_ADDED : VALUES_TOO_LARGE;
}

/* Store a number that fits the kind. */
static void store(struct values *v, const struct scalar *s)
{
	uint64_t magnitude = s->magnitude;
	bool negative = s->negative;

	if (s->kind == SCALAR_FLOAT && (v->kind == VALUES_INT || v->kind == VALUES_UINT)) {
		magnitude = (uint64_t)fabs(s->re);
		negative = s->re < 0;
	}
	switch (v->kind) {
	case VALUES_BOOL:
		((unsigned char *)v->data)[v->n] = s->re != 0 || s->im != 0;
		break;
	case VALUES_INT:
	case VALUES_UINT:
		((uint64_t *)v->data)[v->n] = negative ? -magnitude : magnitude;
		break;
	case VALUES_FLOAT:
		((double *)v->data)[v->n] = s->re;
		break;
	case VALUES_COMPLEX:
		((double *)v->data)[2 * v->n] = s->re;
		((double *)v->data)[2 * v->n + 1] = s->im;
		break;
	}
	v->n++;
}

enum values_result values_add(struct values *v, const struct scalar *s)
{
	if (v->has_dtype) {
		enum values_result result = check(v, s);

		if (result == VALUES_ADDED)
			store(v, s);
		return result;
	}

	enum values_kind kind = scalar_kind(s);
	v->negative |= s->kind == SCALAR_INT && s->negative && s->magnitude;
	if (v->negative && (kind == VALUES_UINT || (v->kind == VALUES_UINT && kind < VALUES_UINT)))
		kind = VALUES_FLOAT;
	if (kind > v->kind) {
		v->kind = kind;
		return VALUES_AGAIN;
	}
	store(v, s);
	return VALUES_ADDED;
}

enum values_result values_add_number(struct values *v, const struct decimal_number *number, bool negative)
{
	if (v->kind == VALUES_FLOAT) {
		((double *)v->data)[v->n++] = negative ? -number->value : number->value;
		return VALUES_ADDED;
	}
	if (v->kind == VALUES_INT && !v->has_dtype && number->integer && !number->huge &&
	    number->magnitude <= INT64_MAX) {
		v->negative |= negative && number->magnitude;
		((uint64_t *)v->data)[v->n++] = negative ? -number->magnitude : number->magnitude;
		return VALUES_ADDED;
	}

	struct scalar s = {
		.kind = number->integer ? SCALAR_INT : SCALAR_FLOAT,
		.negative = number->integer && negative,
		.huge = number->integer && number->huge,
		.magnitude = !number->integer ? 0
			     : number->huge   ? UINT64_MAX
					      : number->magnitude,
		.re = negative ? -number->value : number->value,
	};
	return values_add(v, &s);
}

void values_problem(const struct values *v, enum values_result result, char *buf, size_t n)
{
	if (result == VALUES_NOT_INTEGER)
		snprintf(buf, n, "is not an integer (%s is asked for)", dtype_name(v->dtype));
	else if (result == VALUES_NOT_REAL)
		snprintf(buf, n, "is complex (%s is asked for)", dtype_name(v->dtype));
	else
		snprintf(buf, n, "does not fit %s", dtype_name(v->dtype));
}

int values_finish(struct values *v, struct array *out, const struct shape *shape, const char *name, struct error *err)
{
	enum dtype from = kind_dtype[v->kind], to = v->has_dtype ? v->dtype : from;

	if (from != to) {
		size_t nbytes = (size_t)v->n * dtype_size(to);
		void *converted = buffer_alloc(nbytes, err);

		if (!converted)
			return -1;
		kernels_get()->cast[from][to](v->n, converted, v->data);
		values_release(v);
		v->data = converted;
		v->nbytes = nbytes;
	}

	void *data = v->data;
	v->data = NULL; /* buffer_source takes it over, also when it fails */

	*out = (struct array){ .dtype = to, .shape = *shape };
	shape_strides(shape, dtype_size(to), false, out->strides);
	out->src = buffer_source(data, v->nbytes, name, err);
	return out->src ? 0 : -1;
}

int values_member(struct file *f, const struct array *a, struct error *err)
{
	struct member *m = file_add_member(f, "0", err);

	if (!m)
		return -1;
	m->supported = true;
	m->dtype = a->dtype;
	m->shape = a->shape;
	m->nbytes = shape_size(&a->shape) * (int64_t)dtype_size(a->dtype);
	m->descr = strdup(dtype_name(a->dtype));
	return m->descr ? 0 : error_memory(err, strlen(dtype_name(a->dtype)));
}

int values_array(struct file *f, int i, struct array *out, struct error *err)
{
	const struct array *a = f->state;

	(void)i;
	(void)err;
	*out = *a;
	source_ref(out->src);
	return 0;
}

void values_close(struct file *f)
{
	if (f->state)
		array_release(f->state);
	free(f->state);
	f->state = NULL;
}
