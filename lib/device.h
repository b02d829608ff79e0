/*
 * A device other than this processor, where nodes are computed.  It is one struct of functions: the graph above it, the formats and
 * the commands stay as they are.
 */
#ifndef TENSOR_DEVICE_H
#define TENSOR_DEVICE_H

#include "engine.h"

struct device {
	const char *name; /* "cuda:0", for messages */
	/*
	 * Compute x and hand its elements, in memory of the host, to the sink, ascending.  Values that are needed again stay on the
	 * device until the graph is freed (node.kept).  What cannot run there is an error of ERR_RESOURCE that names it.
	 */
	int (*run)(struct device *d, struct node *x, struct sink *sink, struct error *err);
	/* Give everything back.  No node may hold a value of it any more. */
	void (*close)(struct device *d);
};

/* Elements of a node where a device keeps them. */
struct kept {
	void (*release)(struct kept *k);
};

/* Where engine_run and engine_keep compute from now on; NULL: this processor.  The device stays the caller's. */
void engine_set_device(struct device *d);
struct device *engine_device(void);

/*
 * A signal came: what a device computes ends at the next tile, with an error, so that the device is given back.  May be called by a
 * signal handler; 0: none came.
 */
void engine_interrupt(int signal);
int engine_interrupted(void);

/*
 * For devices: a number that no walk over a graph has used, for node.pass; and the bytes of a leaf that is a stream, or lies in
 * a file, brought into memory of the host.
 */
int engine_mark(void);
int engine_load_leaf(struct node *leaf, struct error *err);

#endif
