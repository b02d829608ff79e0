/*
 * Reading Python's pickles as data, never as a program: the opcodes of torch.load(weights_only=True) and no other.  Globals are
 * looked up in a table of names; what a pickle would call is remembered as a call and its arguments, for the reader of the
 * format to understand or to refuse.  Nothing here calls itself: memory is a small multiple of the pickle, whatever it says.
 */
#ifndef TENSOR_PICKLE_H
#define TENSOR_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

struct pickle;

enum pickle_kind {
	PICKLE_NONE,
	PICKLE_BOOL,
	PICKLE_INT,
	PICKLE_FLOAT,
	PICKLE_TEXT,
	PICKLE_GLOBAL,
	PICKLE_TUPLE,
	PICKLE_LIST,
	PICKLE_DICT,
	PICKLE_SET,
	PICKLE_CALL,	   /* the result of a global and its arguments */
	PICKLE_PERSISTENT, /* what the file has beside the pickle, named by a tuple */
};

/* A value is its kind, in the lowest 4 bits, and where it is. */
struct pickle_value {
	uint64_t word;
};

static inline enum pickle_kind pickle_kind(struct pickle_value v)
{
	return (enum pickle_kind)(v.word & 15);
}

/* What a global is when it is called. */
enum pickle_callable {
	PICKLE_NAME, /* it is not: a value or a class that is only named */
	PICKLE_CALLED,
	PICKLE_MAKES_DICT, /* a dictionary, of its argument if there is one: pairs or a dictionary */
};

/* A row of the table, which ends with a row whose module is NULL. */
struct pickle_global {
	const char *module, *name;
	enum pickle_callable callable;
	int id;		     /* the caller's */
	const char *refusal; /* not NULL: why a pickle with it is refused, "holds sparse tensors" */
};

/* Up to n bytes of the pickle, in order; fewer only at the end. */
typedef int pickle_read_fn(void *from, void *buf, size_t n, size_t *got, struct error *err);

enum { PICKLE_MAX = 1 << 28 }; /* bytes of a pickle */

/*
 * Read one pickle.  available: bytes there are from its first one on; nothing is allocated for what would be beyond.  The bytes
 * behind its end may be read, too.  ERR_FILE says what is wrong with it and does not name the file.
 */
int pickle_read(struct pickle **out, const struct pickle_global *globals, pickle_read_fn *read, void *from,
		int64_t available, struct error *err);
void pickle_free(struct pickle *p); /* NULL is fine */

/* Bytes that the pickle has. */
int64_t pickle_length(const struct pickle *p);

struct pickle_value pickle_root(const struct pickle *p);

/* An integer that fits; a bool is none. */
bool pickle_int(const struct pickle *p, struct pickle_value v, int64_t *out);

/* A string: not NUL-terminated, and as the pickle has it, which may be no UTF-8.  NULL: v is none. */
const char *pickle_text(const struct pickle *p, struct pickle_value v, size_t *n);
bool pickle_is(const struct pickle *p, struct pickle_value v, const char *text);

bool pickle_bool(struct pickle_value v); /* false where v is no bool */
double pickle_float(const struct pickle *p, struct pickle_value v);

/* The row of a global, or of what a call calls; NULL: v is neither. */
const struct pickle_global *pickle_global(const struct pickle *p, struct pickle_value v);

/*
 * What is in a tuple or list, of a dictionary keys and values in turn, the arguments of a call, the tuple of a persistent value.
 * NULL and 0 elsewhere.
 */
const struct pickle_value *pickle_items(const struct pickle *p, struct pickle_value v, size_t *n);

/* Values with items are numbered from 0 on, so that a walk can know where it has been. */
size_t pickle_nobjects(const struct pickle *p);
size_t pickle_object(struct pickle_value v);
struct pickle_value pickle_nth(const struct pickle *p, size_t object);

#endif
