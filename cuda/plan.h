/* The plan of a pass on the device: which nodes a tile goes through, and where their elements are. */
#ifndef TENSOR_CUDA_PLAN_H
#define TENSOR_CUDA_PLAN_H

#include "cuda/kernels.h"
#include "cuda/value.h"

enum how {
	HOW_KEPT,   /* on the device: element i at address + i * itemsize */
	HOW_FILLED, /* a constant: one block for every tile */
	HOW_READ,   /* contiguous elements of a source, copied up tile by tile */
	HOW_SPAN, /* strided ones of a source: the bytes from the first to the last of a tile are copied up, then gathered */
	HOW_GATHER, /* strided ones of bytes that are on the device: element (0, 0, ...) at address */
	HOW_MADE,   /* by kernels, from other items */
};

enum { RING = 3, NTEMPORARIES = MAP_MAX_IN + 1 };

struct item {
	struct node *x;
	enum how how;
	struct source *src; /* READ, SPAN, and GATHER of bytes that this pass copies up */
	int64_t offset;	    /* in src, of element (0, 0, ...), bytes */
	bool swap;
	struct strided_layout layout; /* SPAN, GATHER */
	int64_t low, nbytes;	      /* GATHER from src: the bytes that are touched */
	uint64_t address;	      /* KEPT, GATHER */
	int64_t stage;		      /* READ, SPAN: where in a slot's pinned memory, bytes */
	int block;		      /* of the plan; READ: the first of RING; -1: none */
	int span;		      /* SPAN: the first of RING blocks of bytes */
	/* MAP: the inputs in the loop's type, then the result before it is rounded; others: temporary[0]; -1: none */
	int temporary[NTEMPORARIES];
	int uses; /* by later items */
};

struct block {
	size_t itemsize; /* of tile elements; 0: of bytes bytes */
	int64_t bytes;
	bool free; /* while planning */
	size_t at; /* in the arena */
};

struct plan {
	struct cuda *d;
	struct node *x;
	bool once; /* the pass that keeps x itself */
	int64_t low, high;
	int64_t tile; /* elements; what SPAN reads is measured for it */
	int n, room;
	struct item *items; /* inputs first; the last one is x, or what x is a reshape of */
	int npinned, pinned_room;
	struct node **pinned;
	int nblocks, blocks_room;
	struct block *blocks;
	int64_t stage; /* bytes of pinned memory that a tile reads into */
	bool checks;   /* a kernel may find what is an error: the flag is looked at */
	size_t arena;  /* bytes */
};

/*
 * Fill in a plan whose d, x, once, low and high are set: keeps what must be whole, so it computes.  plan_release also after
 * a failure.
 */
int plan_make(struct plan *p, int64_t tile, struct error *err);
void plan_release(struct plan *p);

/* Where blocks and staged bytes lie for tiles of at most that many elements; sets tile, arena and stage. */
void plan_place(struct plan *p, int64_t tile);

/* Byte offset in its source of element index of a SPAN. */
int64_t item_offset(const struct item *i, int64_t index);

/* The node whose elements x's are: reshapes change nothing. */
struct node *plan_solid(struct node *x);

/*
 * The product, in float32, of two arrays of x's type, a half type, that x rounds to it: NULL, x is nothing of the kind.  The device has such
 * products in their own type, so neither factors nor results are there in float32.
 */
struct node *plan_product(const struct node *x);

/* Is it computed by functions of whole arrays, and kept? */
bool plan_whole(const struct node *x);

/* The type that a map's loop gives, before it is rounded to a half type. */
enum dtype map_made(const struct node *x);

/* run.c: compute all of x, which is no reshape, into device memory, unless it is there. */
int cuda_keep(struct cuda *d, struct node *x, struct error *err);

#endif
