/*
 * What the functions of whole arrays are, and their parameters: for the processor's own (build_*.c, matmul.c) and for devices, which have
 * theirs.  All inputs are contiguous, in C order, of the types that the builder gave them.
 */
#ifndef TENSOR_BLOCK_H
#define TENSOR_BLOCK_H

#include "array.h"

enum block_id {
	BLOCK_NONE,    /* nothing that a device could do */
	BLOCK_TAKE,    /* x, int64 indices; i: size of the axis, bytes of a row, the axis, enum index_mode */
	BLOCK_ALONG,   /* x, int64 indices; i: size of the axis in x, in the indices, elements after it, the axis */
	BLOCK_SCATTER, /* x, int64 indices, src; data: struct scatter; i: add? */
	BLOCK_PUT,     /* x, int64 indices, src; i: enum index_mode */
	BLOCK_SEARCH,  /* sorted, elements of its type; i: enum look_up */
	BLOCK_SORT,    /* x along its last axis; i: descending? */
	BLOCK_ARGSORT, /* as BLOCK_SORT; i: descending?, of how many places in each row something is read, 0: all */
	BLOCK_LEXSORT, /* keys: the rows of matrices of n columns, or vectors; the last the most important, with i: the first */
	BLOCK_QUANTILE, /* along the last axis; data: struct order_statistic (quantile.h); int64 and uint64 exactly, others as float64 */
	BLOCK_PERMUTATION, /* i: the seed */
	BLOCK_MATMUL,	   /* a, b; data: struct product */
	BLOCK_COUNT,   /* a mask; out, int64: how many are true before each task of PLACES_TASK elements, then in all */
	BLOCK_SELECT,  /* the mask, its BLOCK_COUNT, rows as many as the mask has elements: those where it is true */
	BLOCK_NONZERO, /* the mask, its BLOCK_COUNT: where it is true, (count, ndim) int64; i: (ndim, count)? */
	BLOCK_DISTINCT, /* rows of n columns, perhaps their order: does each column differ from the one before? i: is each NaN one? */
};
enum { NBLOCKS = BLOCK_DISTINCT + 1 };

/* Any byte of a mask but 0 is true.  What comes of the places where it is depends on their number, which is known first. */
enum { PLACES_TASK = 1 << 13 };

/* out[..., index, ...] op= src, for every element of src in C order, so that the last one stays and sums are added in one order. */
struct scatter {
	int ndim, axis;
	int64_t dim[MAX_NDIM];	   /* of src and of the indices */
	int64_t stride[MAX_NDIM];  /* of out, elements */
	int64_t istride[MAX_NDIM]; /* of the indices, elements; 0: the same index for all */
	int64_t n;		   /* size of out's axis */
};

/* Where searchsorted and isin look. */
enum look_up { LOOK_LEFT, LOOK_RIGHT, LOOK_MEMBER, LOOK_NOT_MEMBER };

/* count products of m x k by k x n matrices. */
struct product {
	int64_t m, n, k;
	bool ta, tb; /* a is stored as k x m, b as n x k */
	/* All in elements: where the first matrix begins, and what it is from one stored row to the next. */
	int64_t a_at, b_at, lda, ldb;
	int64_t count; /* of batches */
	int nbatch;
	int64_t dim[MAX_NDIM], a_step[MAX_NDIM], b_step[MAX_NDIM];
};

#endif
