/*
 * The loops of scans: running sums, products, maxima along an axis.
 *
 * A piece is rows x w accumulators in C order; the scan runs down the rows, for each of the w columns.  Where an
 * operation is associative, or nearly, rows are cut into runs: each is scanned from its own first row (local), then what
 * came before it is put in front (join, finish).  So runs can be scanned side by side and pieces by several
 * threads, and the result is the same whoever does it.  A sum never falls where its terms are not negative: the last
 * element of a run is exactly what the next run starts from.
 */
#ifndef TENSOR_SCAN_LOOPS_H
#define TENSOR_SCAN_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

enum scan_op { SCAN_SUM, SCAN_PROD, SCAN_MAX, SCAN_MIN, SCAN_LOGSUMEXP, SCAN_ARGMAX, SCAN_ARGMIN, NSCANS };

/* What a column has come to. */
struct scan_carry {
	union {
		int64_t i;
		uint64_t u;
		double f;
		double c[2]; /* real and imaginary part; of logsumexp: the maximum, and the sum relative to it */
	} value;
	int64_t index; /* of argmax, argmin */
};

struct scan_piece {
	const void *x;
	void *y; /* not x; int64 of argmax and argmin */
	int64_t rows, w;
	int64_t run;		  /* rows */
	int64_t first;		  /* number of the first row */
	struct scan_carry *carry; /* w, updated */
	void *base;		  /* scratch of as many elements as y, for join and finish */
};

/* Exact in any number of runs: local, join, finish; otherwise all is done by step, in order. */
struct scan_loop {
	void (*local)(const struct scan_piece *p);
	void (*join)(const struct scan_piece *p);
	void (*finish)(const struct scan_piece *p);
	void (*step)(const struct scan_piece *p);
};

/* By accumulator: int64, uint64, float64, complex128. */
enum { SCAN_I64, SCAN_U64, SCAN_F64, SCAN_C128, NSCAN_TYPES };

typedef const struct scan_loop scan_table[NSCANS][NSCAN_TYPES];
extern scan_table scan_v2, scan_v3, scan_v4, scan_base;

/* Side by side where w is 1: not a power of two, so that their elements do not meet in one set of the cache. */
enum { SCAN_RUN = 504, SCAN_CHAINS = 8, SCAN_PIECE = 4 * SCAN_CHAINS * SCAN_RUN };

#endif
