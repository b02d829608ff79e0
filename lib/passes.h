/*
 * Inside the engine: which passes a graph takes, and what they read as a whole.  The engine runs them (engine.c), a plan tells of
 * them (plan.c); both go by what is decided here.
 */
#ifndef TENSOR_PASSES_H
#define TENSOR_PASSES_H

#include "pull.h"

enum {
	MIN_TILE = CHUNK,
	MAX_TILE = 1 << 16,
	MAX_TURNED = 1 << 21,
	PARALLEL_FROM = 1 << 18,
	MAX_STREAMS = 32,
};

/* Each walk over a graph marks the nodes it has seen with a number of its own. */
int next_pass(void);

/* A stream that can be read once, as it is. */
bool leaf_streams(const struct node *x);

/* Must what a leaf, or a view of one, touches be in memory, because it cannot be read tile by tile? */
bool node_scattered(const struct node *x);

/* The bytes that a strided array touches: *first and the number of them. */
int64_t strided_span(const struct shape *s, const int64_t *strides, int64_t offset, size_t itemsize, int64_t *first);

/* The bytes of its source that a leaf needs in memory, if it must be there: *first and the number of them. */
int64_t leaf_span(const struct node *x, int64_t *first);

/* The axes of a leaf or view, merged where the strides allow it. */
void layout_axes(struct layout *l, const struct node *x);

/* A node that is computed by a pass of its own. */
bool is_barrier(const struct node *x);

/* How many threads a function of whole arrays may use: they decide themselves, but small ones do not. */
int block_threads(const struct node *x);

/* Elements of a tile: bytes for each in all blocks of a pass; of a turned layout whole squares, "least" elements. */
int64_t tile_elements(int64_t bytes, int64_t least);
/* The elements of a row of squares of a transpose, or as many rows as a tile may have; 0 where l is none. */
int64_t turned_least(const struct layout *l, size_t itemsize);

/*
 * The streams below x, in the order in which each tile reads them; returns how many, or -1 where one, or a scan, is not read in
 * step with x, or there are too many: then one thread does all of the pass.
 */
int pass_streams(struct node *x, struct node *streams[MAX_STREAMS]);

/* The roots of passes, and the streams that must be in memory because more than one pass reads them, or one more than once. */
struct survey {
	struct node **roots;
	int nroots, roots_room;
	struct node **loads; /* in the order in which they are met */
	int nloads, loads_room;
};

/*
 * Before passes for x: which streams they must share, which scans be kept, which transposes be read in strips, and how long values
 * are needed (held, holds).  Nothing is read.  May be repeated, also with other nodes.  zipped: the nodes x are pulled together.
 */
int survey_make(struct survey *s, int n, struct node *const x[], bool zipped, struct error *err);
void survey_release(struct survey *s);

/*
 * strips.c: a pass that computes elements of those with the same index needs only some rows of a transpose at once: of each column
 * of the file a piece.  strips_find: which leaves and views below the root of a pass are read so; their layouts say it.
 */
void strips_find(struct node *root, bool allowed);
/* Bytes of memory for a strip of x; 0: it is not read in strips. */
int64_t strip_bytes(const struct node *x);

enum { MAX_STRIPS = 8 };

/* The strips of one pass. */
struct strips {
	int n; /* 0: there are none */
	struct node *leaves[MAX_STRIPS];
	int64_t rows, cols, groups; /* of each strip; the groups of columns in which it is read */
};

/* Once the pass of root is prepared; to be closed also where that fails. */
int strips_open(struct strips *s, struct node *root, struct error *err);
/* Read a group of a strip, task 0 .. n * groups - 1, while the strip before it is still in use. */
int strips_load(const struct strips *s, int64_t strip, int64_t task, int worker, struct error *err);
void strips_close(struct strips *s);

#endif
