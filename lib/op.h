/* The op table (ops.def) at run time: finding a row, reading its attributes, applying it to nodes. */
#ifndef TENSOR_OP_H
#define TENSOR_OP_H

#include "graph.h"
#include "text.h"

enum op_class { OP_MAP, OP_REDUCE, OP_TEXT, OP_BUILD };

/* Families group the rows in lists, and tell which command they belong to. */
#define FAMILIES(X) \
	X(elementwise, "op") \
	X(shape, "op") \
	X(join, "op") \
	X(index, "op") \
	X(linalg, "op") \
	X(neural, "op") \
	X(type, "op") X(scan, "op") X(sort, "op") X(reduce, "reduce") X(create, "create") X(matmul, "matmul")

enum op_family {
#define FAMILY(id, command) FAMILY_##id,
	FAMILIES(FAMILY)
#undef FAMILY
};

/* Result type of a reduction, by the type of its input. */
enum reduce_result {
	R_SUM, /* bool, ints -> int64 or uint64; others the same */
	R_SAME,
	R_MEAN,	 /* bool, ints -> float64 */
	R_REAL,	 /* bool, ints -> float64, complex -> its real type */
	R_INDEX, /* int64 */
	R_BOOL,
	R_COUNT, /* int64 */
};

struct call;
typedef int build_fn(struct call *c, struct error *err);

#define OP(id, ...) build_fn build_##id;
#define TEXT_BY(id, ...) build_fn build_##id;
#include "ops.def"

struct op {
	const char *name, *aliases; /* aliases: separated by blanks */
	enum op_class class;
	enum op_family family;
	int nin_min, nin_max; /* operands, without those that attributes name; nin_max -1: any number */
	const char *attrs;    /* see ops.def */
	const char *text;     /* OP_TEXT: the program; NULL: build chooses it */
	const char *help;
	int id;	    /* enum map_id or enum reduce_id */
	int flags;  /* OP_MAP: F_... */
	int result; /* enum map_result or enum reduce_result */
	build_fn *build;
};

extern const struct op op_table[];
extern const int op_table_size;

const char *op_family_name(enum op_family f);
const char *op_command(const struct op *op); /* "op", "reduce", "create", "matmul" */

/* By canonical name or alias; NULL if there is none. */
const struct op *op_find(const char *name);

/* The name or alias nearest to name, for "did you mean", or NULL. */
const char *op_nearest(const char *name, const char *command);

/* Damerau-Levenshtein distance, for suggestions. */
int text_distance(const char *a, const char *b);

enum attr_type { ATTR_FLAG, ATTR_INT, ATTR_FLOAT, ATTR_STR, ATTR_LIST, ATTR_AXES, ATTR_DTYPE, ATTR_OPERAND };

enum { MAX_ATTRS = 10 };

struct attr {
	char name[24];
	enum attr_type type;
	bool required; /* no default */
	bool given;    /* by the user; else the default holds */
	bool none;     /* no value: axis=None */
	bool flag;
	int64_t i;
	double f;
	enum dtype dtype;
	const char *s; /* as text, of the graph */
	int n;
	int64_t *list;	   /* n items, of the graph */
	struct node *node; /* ATTR_OPERAND */
};

/* The attributes of op in positional order, with their defaults unread (attr.s holds the default's text). */
int op_attrs(const struct op *op, struct attr attrs[MAX_ATTRS]);

/* The canonical spelling of an attribute name: dim -> axis, keepdim -> keepdims; "-" counts as "_". */
const char *attr_canonical(const char *name, char buf[32]);

/* One operator applied to operands, while it is built. */
struct call {
	struct graph *graph;
	const struct op *op;
	const char *name; /* as the user wrote it */
	int nin;
	struct node **in;
	int nattrs;
	struct attr attrs[MAX_ATTRS];
	/* what build makes */
	int nout, room;
	struct node **out;
	const char **out_names;		       /* "values" "counts"; NULL: numbered */
	enum dtype default_float, default_int; /* float64, int64, or what the user prefers */
	bool random;			       /* build drew random numbers, from this seed */
	uint64_t seed;
	bool dry; /* compute nothing, also not where a shape depends on values */
};

/*
 * call_init .. call_attr .. call_run .. call_release.  in is borrowed until call_release.
 * call_attr: value of an attribute by name, as text or (operands) as a node.
 * call_run: checks the number of operands and the required attributes, then builds; results in c->out.
 */
int call_init(struct call *c, struct graph *g, const char *name, const struct op *op, struct error *err);
struct attr *call_find_attr(struct call *c, const char *name);
int call_attr(struct call *c, struct attr *a, const char *text, struct node *node, struct error *err);
int call_run(struct call *c, int nin, struct node *const in[], struct error *err);
void call_release(struct call *c);

/* For build functions. */
int call_result(struct call *c, struct node *x, const char *name, struct error *err); /* fails on NULL x */
const struct attr *attr_get(const struct call *c, const char *name);

/*
 * The result of a program (expr.h) over the operands x y z w and the attributes of the call: what a TEXT row is, and
 * what the function of a TEXT_BY row does with the one it chooses.
 */
int call_text(struct call *c, const char *text, struct error *err);

/* Apply by name with defaults: for composites.  NULL on failure. */
struct node *op_apply(struct graph *g, const char *name, int nin, struct node *const in[], struct error *err);

/* Axes of a call: attr "axis" against ndim; none: all.  reduced[] marks them; duplicates are refused. */
int attr_axes(const struct attr *a, int ndim, bool reduced[MAX_NDIM], struct error *err);

/* The value of an attribute as text, of the graph: "1,2", "true", "none". */
const char *attr_text(const struct attr *a);

/* A list of integers as text: "1,2,-1", "(1,2)", "()", "3".  Returns the count or -1. */
int list_parse(int64_t *out, int max, const char *text);

/* astype and slice as ops, so that they are traced; x itself where nothing changes. */
struct node *op_cast(struct graph *g, struct node *x, enum dtype dtype, struct error *err);
struct node *op_slice(struct graph *g, struct node *x, const char *slices, struct error *err);

#endif
