/* Inside the engine: pulling tiles through nodes. */
#ifndef TENSOR_PULL_H
#define TENSOR_PULL_H

#include "engine.h"

enum { CHUNK = 4096, TILE_BYTES = 768 << 10, SLOT_SLACK = 2048, ARENA = (2 << 20) - SLOT_SLACK };

/* The strides of a leaf or view with axes merged where they allow it; kept in node.layout. */
struct layout {
	struct source *bytes; /* what to read; not owned */
	int64_t offset;
	bool contiguous;
	bool windowed; /* of a file, ascending: a tile reads the bytes from its first element to its last */
	struct {
		int64_t rows; /* of a file, transposed: so many rows are in memory at once; 0: it is read otherwise */
		unsigned char *data; /* two strips, native, row after row, one in each half */
		int64_t pitch;	     /* bytes from row to row: whole lines */
		size_t half, room;
	} strip;
	bool swap;
	int ndim;
	int64_t dim[MAX_NDIM], strides[MAX_NDIM];
};

/* Is this a transpose: the axis before the last is the one whose elements are next to each other in memory? */
bool layout_turned(const struct layout *l, size_t itemsize);

/* A block of one node's elements. */
struct slot {
	void *buf;
	size_t room;
	bool borrowed;	  /* of the arena */
	int64_t start, n; /* what buf, or p, holds; n == 0: nothing */
	const void *p;
};

/* One thread's blocks. */
struct context {
	int nslots;
	struct slot *slots;
	int64_t tile; /* the most elements asked for at once, but of leaves */
	char *arena;  /* one huge page for the first blocks, or NULL: fewer faults than blocks of their own */
	size_t used;
};

/* arena: the work is worth a huge page. */
struct context *context_new(int nslots, int64_t tile, bool arena, struct error *err);
void context_free(struct context *c);

/* A block of at least n elements of size itemsize, and padding. */
void *context_block(struct context *c, int slot, int64_t n, size_t itemsize, struct error *err);

/*
 * Elements start .. start+n-1 of x, n <= c->tile (a leaf or view gives more, and then parts of that): native, contiguous, aligned, readable LOOP_PAD elements further, valid
 * until the next pull.  NULL on failure.
 */
const void *pull(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err);

/* reduce_run.c: elements start .. start+n-1 of a reduction into out, start and n multiples of its granule. */
int reduce_pull(struct context *c, struct node *x, int64_t start, int64_t n, void *out, struct error *err);
/* The number of results that are made together. */
int64_t reduce_granule(const struct node *x);
/* Should the reduction be cut into pieces for several threads, rather than its results? */
bool reduce_by_pieces(const struct node *x);
/* The whole reduction into out, by pieces; nworkers contexts.  any_order: nothing below x must be read in order. */
int reduce_whole(struct context *const ctx[], int nworkers, struct node *x, void *out, bool any_order,
		 struct error *err);

/*
 * scan_run.c: a scan in a pass, between scan_open and scan_close.  Its elements are pulled once, in order: a thread that asks
 * for some waits until those before them are known.  -1 without a message: they will not be, another thread failed.
 */
int scan_open(struct node *x, struct error *err);
void scan_close(struct node *x);
const void *scan_pull(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err);
/* The elements from start on will not come. */
void scan_stop(struct node *x, int64_t start);
/* Tiles of a multiple of so many elements are best. */
int64_t scan_step(const struct node *x);
enum { SCAN_SLOTS = 5 };

void swap_units(void *p, int64_t n, size_t unit);

#endif
