/* What the elements of an array are like, in one pass that keeps none of them. */
#ifndef TENSOR_STATS_H
#define TENSOR_STATS_H

#include "graph.h"

enum stat_id { STAT_MIN, STAT_MAX, STAT_MEAN, STAT_STD, NSTATS };

struct stats {
	/* Of the elements that are not NaN, as nanmin, nanmax, nanmean and nanstd have them. */
	struct stat {
		bool known; /* false: no element, or complex numbers, which have no order */
		enum dtype dtype;
		uint64_t value[2]; /* an element of that type */
	} of[NSTATS];
	int64_t nan, inf, zero; /* elements */
};

/* Bit for bit what the reductions of these names give. */
int stats_node(struct stats *out, struct node *x, struct error *err);

#endif
