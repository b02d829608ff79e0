/* Numbers read from text, collected into an array whose element type may only become clear on the way. */
#ifndef TENSOR_VALUES_H
#define TENSOR_VALUES_H

#include "formats/format.h"
#include "lib/array.h"
#include "lib/decimal.h"
#include "lib/number.h"

/*
 * What the numbers so far need.  Without a given type the rule is that of np.array: all bool -> bool, all integers -> int64, any
 * complex -> complex128, else float64.  But integers that uint64 holds stay exact in it, where NumPy makes a mixture with int64
 * float64.
 */
enum values_kind { VALUES_BOOL, VALUES_INT, VALUES_UINT, VALUES_FLOAT, VALUES_COMPLEX };

enum values_result {
	VALUES_ADDED,
	VALUES_AGAIN, /* the kind is a wider one now: start over */
	VALUES_NOT_INTEGER,
	VALUES_NOT_REAL,
	VALUES_TOO_LARGE,
};

struct values {
	enum values_kind kind;
	bool has_dtype;	  /* the type is given: the kind never changes */
	bool strict;	  /* 1.5 is no integer; otherwise it is cut to 1, as np.array does */
	bool negative;	  /* a negative integer was added */
	enum dtype dtype; /* the one given */
	void *data;	  /* of buffer_alloc */
	size_t nbytes;	  /* of data */
	int64_t n, room;  /* elements */
};

void values_init(struct values *v, bool has_dtype, enum dtype dtype, bool strict);
void values_release(struct values *v);

/* Room for room numbers of the present kind, none added yet: at the start, after each VALUES_AGAIN, and to use v again. */
int values_begin(struct values *v, int64_t room, struct error *err);

/* The type that numbers of a kind are kept in. */
enum dtype values_dtype(enum values_kind kind);

/* The caller made sure that there is room. */
enum values_result values_add(struct values *v, const struct scalar *s);

/* The same for what decimal_scan found; this is the fast way. */
enum values_result values_add_number(struct values *v, const struct decimal_number *number, bool negative);

/* What is wrong with a number: "does not fit uint8". */
void values_problem(const struct values *v, enum values_result result, char *buf, size_t n);

/* Give the numbers, as many as shape has, to *out; name is the source's. */
int values_finish(struct values *v, struct array *out, const struct shape *shape, const char *name, struct error *err);

/* Of a format that reads one whole array into memory when it opens, f->state: a struct array of malloc. */
int values_member(struct file *f, const struct array *a, struct error *err);
int values_array(struct file *f, int i, struct array *out, struct error *err);
void values_close(struct file *f);

#endif
