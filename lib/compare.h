/* Comparing two arrays element by element: what numpy.testing.assert_allclose checks, and where it fails worst. */
#ifndef TENSOR_COMPARE_H
#define TENSOR_COMPARE_H

#include "graph.h"

struct tolerance {
	double rtol, atol;
	double ulp; /* >= 0: the criterion is units in the last place instead; what has none has to be equal */
	bool equal_nan;
	bool exact; /* the same bits */
};

struct comparison {
	int64_t size, different;
	int64_t nan_a, nan_b, nan_both; /* elements that are nan in a, in b, in both */
	int64_t inf_mismatch;		/* infinite in one, not the same infinity in the other */
	int64_t first;			/* index of the first that differs, or -1 */
	/* The worst finite element by each measure: index (-1: none), error, and the two values. */
	struct worst {
		int64_t index;
		double error;
		double a[2], b[2]; /* of integers: a[0] and b[0] hold the 64 bits */
	} abs, rel, ulp;
	bool has_ulp;  /* both are of one float type */
	bool integers; /* both are integers or bool: compared exactly */
};

/*
 * a and b: the same shape.  In one pass, without keeping either in memory.  Integers are compared exactly (their
 * difference as a double).
 */
int compare_nodes(struct comparison *out, struct node *a, struct node *b, const struct tolerance *t, struct error *err);

#endif
