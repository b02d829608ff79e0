/*
 * The graph: nodes with inferred dtype and shape.  Every command, expression and gradient makes nodes with the
 * functions below and hands them to the engine; making a node computes nothing.
 *
 * Nodes belong to their graph and live as long as it does.  Functions that make a node return NULL on failure.
 */
#ifndef TENSOR_GRAPH_H
#define TENSOR_GRAPH_H

#include "array.h"
#include "block.h"
#include "kernels.h"
#include "number.h"
#include "random.h"
#include "reduce.h"
#include "scan_loops.h"

enum node_kind {
	NODE_LEAF,    /* elements in a source */
	NODE_CONST,   /* one value, any shape */
	NODE_RANGE,   /* f(i) of the linear index: arange, linspace, logspace, geomspace */
	NODE_IOTA,    /* the index along one axis, int64 */
	NODE_RANDOM,  /* f(seed, i) */
	NODE_MAP,     /* elementwise loop */
	NODE_CAST,    /* another element type */
	NODE_RESHAPE, /* the same elements in the same C order, another shape */
	NODE_VIEW,    /* strided view of the base's elements */
	NODE_CONCAT,  /* the inputs one after the other along an axis */
	NODE_REDUCE,  /* over axes */
	NODE_SCAN,    /* along an axis, of the input's shape: element i comes of the elements up to i */
	NODE_BLOCK,   /* a function of whole arrays: matmul, take, ... */
};

enum range_kind { RANGE_ARANGE, RANGE_LINSPACE, RANGE_LOGSPACE, RANGE_GEOMSPACE };

struct range {
	enum range_kind kind;
	bool integer; /* arange of integers: istart + i * istep */
	int64_t istart, istep;
	double start, step, stop; /* linspace: start + i * step, the last element is stop exactly if pinned */
	double base;
	int64_t pinned; /* index of the element that is stop, or -1 */
};

struct node;

/*
 * A function of whole arrays: in[i] are the inputs' elements, contiguous, native, of the dtypes that the
 * node's builder gave its inputs; out has room for the node's elements.  May use threads.
 */
typedef int block_fn(const struct node *node, const void *const in[], void *out, struct error *err);

struct node {
	struct graph *graph;
	enum node_kind kind;
	enum dtype dtype;
	struct shape shape;
	int64_t size;	   /* elements */
	const char *label; /* for messages: "a.npy", "2"; NULL for intermediate results */
	int nin;
	struct node **in;
	bool weak;	      /* a Python-like scalar that takes the other operand's dtype */
	struct scalar scalar; /* NODE_CONST */
	union {
		struct array array; /* NODE_LEAF; offset and strides are those of view */
		struct range range;
		struct random_param random;
		struct {
			enum map_id id;
			enum dtype loop; /* the loop computes in this type */
			bool condition;	 /* the first input is bool, whatever the loop's type */
		} map;
		int axis; /* NODE_IOTA, NODE_CONCAT */
		struct {
			enum reduce_id id;
			enum dtype acc;
			bool reduced[MAX_NDIM]; /* axes of the input */
			struct reduce_param param;
		} reduce;
		struct {
			enum scan_op op;
			int axis;
			enum dtype acc; /* of the accumulators: int64, uint64, float64 or complex128 */
			/* of the engine, in a pass */
			struct scan_state *state;
			struct node *next;
		} scan;
		struct {
			enum block_id id;
			block_fn *fn;
			/* Before the inputs are computed, or NULL; with wait: they could not be, fn will not be called. */
			void (*start)(const struct node *node, bool wait);
			int64_t i[4]; /* the function's own */
			double f[2];
			void *data; /* freed with the graph */
		} block;
	} u;
	/* NODE_LEAF, NODE_VIEW: where the elements are in the base (in[0], contiguous C order, or the leaf's source) */
	int64_t strides[MAX_NDIM], offset; /* bytes */
	/* of the engine */
	struct source *value;  /* elements, once computed: contiguous, native, C order */
	struct layout *layout; /* of leaves and views, once planned */
	struct source *loaded; /* a view of a file: the bytes it touches */
	struct kept *kept;     /* device.h: what a device keeps for it */
	int slot;	       /* index of the block buffer in each thread's context */
	int pass;	       /* the last pass that visited it */
	bool whole;	       /* a scan that is kept: it is not read in order alone */
	bool pinned;	       /* its value stays */
	bool rooted;	       /* a pass of its own computes it, or may */
	bool loads;	       /* a stream that is read into memory first */
	int64_t strip; /* a transpose of a file: rows that passes read at once; 0: not known yet; -1: it is loaded */
	bool planned;  /* plan.c: it would be in memory */
	int readers;   /* plan.c: passes yet to come that would read it */
	int holds;     /* passes yet to come that read its value */
	struct node **held; /* the values that the pass that computes it reads, while it is yet to come */
	int nheld;
	/* of the trace and of gradients */
	struct step *step;  /* the op that made it, where ops are traced */
	struct node *grad;  /* gradient.c: the sum of what has come so far */
	bool needs;	    /* gradient.c: a gradient flows to it or through it */
	int64_t recorded;   /* 1 + its number in a graph document; 0: none */
	bool requires_grad; /* as recorded */
};

struct attr;

/* One op applied to nodes, as the user, an expression or a gradient had it; in the order in which they were applied. */
struct step {
	const struct op *op;
	const char *name; /* as it was written: amax and max have other gradients */
	int nin;
	struct node **in;
	int nattrs;
	const struct attr *attrs;
	int nout;
	struct node **out;
	bool cut;    /* no gradient flows through it: detach */
	bool wanted; /* record.c: a result depends on it */
};

struct graph {
	struct node **nodes;
	int n, room;
	int fence; /* nodes before this index are not taken for new ones that compute the same (graph_unique) */
	char **strings;
	int nstrings, strings_room;
	/* the trace: ops applied at the outermost level, while tracing is on; steps are of the graph's memory */
	enum tracing {
		TRACE_OFF,
		TRACE_OPS,
		TRACE_PARTS
	} tracing; /* PARTS: rows that are expressions leave their parts */
	int depth;
	struct step **steps;
	int nsteps;
};

struct graph *graph_new(struct error *err);
void graph_free(struct graph *g);

/* A copy of s that lives as long as the graph; NULL for NULL and when memory is short. */
const char *graph_string(struct graph *g, const char *s);

/* Zeroed memory of the graph: freed with it. */
void *graph_alloc(struct graph *g, size_t n, struct error *err);

/* "a.npy (3, 4)" or "(3, 4)": for messages. */
char *node_text(const struct node *x, char *buf, size_t n);
enum { NODE_TEXT = 512 };

/* Takes the array over, also on failure. */
struct node *node_leaf(struct graph *g, struct array *a, const char *label, struct error *err);

/* Are the elements of a leaf or view next to each other, in C order? */
bool node_contiguous(const struct node *x);

/* Elements of dtype in C order, in a block from buffer_alloc, which is taken over, also on failure. */
struct node *node_memory(struct graph *g, enum dtype dtype, const struct shape *shape, void *elements,
			 struct error *err);

/* A weak scalar. */
struct node *node_scalar(struct graph *g, const struct scalar *s, const char *label, struct error *err);
struct node *node_int(struct graph *g, int64_t v, struct error *err);
struct node *node_float(struct graph *g, double v, struct error *err);

/* An array of one value. */
struct node *node_full(struct graph *g, enum dtype dtype, const struct shape *shape, const struct scalar *s,
		       struct error *err);
struct node *node_range(struct graph *g, enum dtype dtype, int64_t n, const struct range *r, struct error *err);
/* The type that the elements of a range are made in, before they are converted to its dtype. */
enum dtype range_type(const struct node *x);
struct node *node_iota(struct graph *g, const struct shape *shape, int axis, struct error *err);
struct node *node_random(struct graph *g, enum dtype dtype, const struct shape *shape, const struct random_param *p,
			 struct error *err);

/* The elementwise op, with promotion and broadcasting.  name is for messages. */
struct node *node_map(struct graph *g, enum map_id id, struct node *const in[], struct error *err);
struct node *node_cast(struct graph *g, struct node *x, enum dtype dtype, struct error *err);

/* Views.  axes and shapes are checked; messages have NumPy's words. */
struct node *node_reshape(struct graph *g, struct node *x, const struct shape *shape, struct error *err);
struct node *node_permute(struct graph *g, struct node *x, const int *axes, struct error *err);
struct node *node_broadcast(struct graph *g, struct node *x, const struct shape *shape, struct error *err);
/* out[..., i, ...] = x[..., start + i * step, ...] for 0 <= i < count, along one axis; in range (checked by the caller). */
struct node *node_slice(struct graph *g, struct node *x, int axis, int64_t start, int64_t step, int64_t count,
			struct error *err);
/* x[..., i, ..., i, ...] with the diagonal as the last axis. */
struct node *node_diagonal(struct graph *g, struct node *x, int axis1, int axis2, int64_t k, struct error *err);
/* A view with any strides over x's elements as contiguous C-order elements; bounds are the caller's business. */
struct node *node_expand_dims(struct graph *g, struct node *x, int axis, struct error *err);
struct node *node_squeeze(struct graph *g, struct node *x, int axis, struct error *err);

struct node *node_concat(struct graph *g, int n, struct node *const in[], int axis, struct error *err);
struct node *node_reduce(struct graph *g, enum reduce_id id, struct node *x, const bool reduced[MAX_NDIM],
			 bool keepdims, enum dtype dtype, bool has_dtype, const struct reduce_param *p,
			 struct error *err);
/* The scan of x, as it is, along an axis in range. */
struct node *node_scan(struct graph *g, enum scan_op op, struct node *x, int axis, enum dtype dtype, struct error *err);
struct node *node_block(struct graph *g, enum block_id id, block_fn *fn, int n, struct node *const in[],
			enum dtype dtype, const struct shape *shape, struct error *err);
struct node *node_matmul(struct graph *g, struct node *a, struct node *b, struct error *err);

/* Shape arithmetic, with NumPy's messages. */
int axis_normalize(int *out, int64_t axis, int ndim, struct error *err);
int shape_broadcast(struct shape *out, int n, struct node *const in[], struct error *err);

/* NumPy's result_type of the inputs, weak scalars last; checks that weak integers fit. */
int nodes_result_type(enum dtype *out, int n, struct node *const in[], struct error *err);

/* Basic slicing: "0:3,:,-1,...,None".  ERR_USAGE for the text, ERR_VALUE for an index out of bounds. */
struct node *node_index(struct graph *g, struct node *x, const char *slices, struct error *err);

/* Zeros of shape with the elements of x where node_index of them with the same slices would look: its adjoint. */
struct node *node_unindex(struct graph *g, struct node *x, const struct shape *shape, const char *slices,
			  struct error *err);

/* The items of basic slicing of a shape, "..." and missing ones spelled out; returns how many, at most MAX_INDEX_ITEMS + MAX_NDIM. */
enum { MAX_INDEX_ITEMS = 2 * MAX_NDIM };
struct index_item {
	enum { INDEX_RANGE, INDEX_ONE, INDEX_NEW } kind;
	int64_t start, step, count;
};
int index_parse(struct index_item *items, const struct shape *shape, const char *slices, struct error *err);

#endif
