/*
 * The loops of scans: running sums, products, maxima along an axis.
 *
 * A piece is rows x w accumulators in C order; the scan runs down the rows, for each of the w columns, and goes on from the
 * piece before it by a carry for each column.  What a row comes to depends on the rows before it alone, never on
 * where pieces are cut.
 *
 * Where there are few columns, rows are cut into runs, counted from the first row of the array: each is scanned from its own first
 * row (local), then what came before it is put in front (join, finish).  So runs are scanned side by side, and the
 * runs of a piece before it is known what the pieces before it come to.  A sum never falls where its terms are not negative: the
 * last element of a run is exactly what the next run starts from.
 */
#ifndef TENSOR_SCAN_LOOPS_H
#define TENSOR_SCAN_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scan_op { SCAN_SUM, SCAN_PROD, SCAN_MAX, SCAN_MIN, SCAN_LOGSUMEXP, SCAN_ARGMAX, SCAN_ARGMIN, NSCANS };

struct scan_piece {
	const void *x;
	void *y; /* not x; int64 of argmax and argmin */
	int64_t rows, w;
	int64_t first; /* number of the first row along the axis */
	void *carry;   /* w of them, updated */
	void *base;    /* scratch for join and finish: w accumulators a run that starts in the piece */
};

/* Either local, join and finish, one after the other, or step. */
struct scan_loop {
	size_t carry; /* bytes a column; 0: no such loop */
	/* Carries that change nothing that follows, before the first row. */
	void (*init)(void *carry, int64_t w);
	void (*local)(const struct scan_piece *p);  /* does not look at the carry */
	void (*join)(const struct scan_piece *p);   /* all that needs the carry and changes it */
	void (*finish)(const struct scan_piece *p); /* nor does this */
	void (*step)(const struct scan_piece *p);
};

/* By accumulator: int64, uint64, float64, complex128. */
enum { SCAN_I64, SCAN_U64, SCAN_F64, SCAN_C128, NSCAN_TYPES };

/* [1]: of up to SCAN_NARROW columns, where there is such a loop. */
typedef const struct scan_loop scan_table[2][NSCANS][NSCAN_TYPES];
extern scan_table scan_v2, scan_v3, scan_v4, scan_base;

/* Rows a run; so many are scanned side by side.  No power of two, so that their elements do not meet in one set of the cache. */
enum { SCAN_NARROW = 4, SCAN_RUN = 504, SCAN_CHAINS = 8 };

#endif
