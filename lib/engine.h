/*
 * The engine: computes nodes.  Elements are pulled in tiles of consecutive C-order indices through chains of nodes, so that
 * a chain is one pass; what must be whole (the inputs of matmul, the base of a transpose) is computed first
 * and kept.  Results do not depend on tiles or threads.
 */
#ifndef TENSOR_ENGINE_H
#define TENSOR_ENGINE_H

#include <pthread.h>

#include "graph.h"

/* Takes the elements of a result. */
struct sink {
	/* n native contiguous elements from index start on. */
	int (*write)(struct sink *s, const void *elements, int64_t start, int64_t n, struct error *err);
	bool random; /* write may be called from several threads, in any order; else ascending from one */
};

/* Threads that passes may use; 0: as many as there are processors.  Set once, before the first run. */
void engine_set_threads(int n);
int engine_threads(void);

/*
 * Elements of a tile, for tests: results must not depend on it, and passes of two tiles are shared by threads.  0: as it fits.
 * Reductions are cut at multiples of a chunk, so their tiles are.
 */
void engine_set_tile(int64_t n);
int64_t engine_tile(void);

/* Compute x and hand its elements to the sink. */
int engine_run(struct node *x, struct sink *sink, struct error *err);

/*
 * Before several nodes are run one after the other: load the streams that more than one of them reads, and keep what more
 * than one needs until the last has it.  What is not announced here is freed after its last use in one run.
 */
int engine_share(int n, struct node *const x[], struct error *err);

/* Read the streams below x into memory: what fails in them fails now. */
int engine_load(struct node *x, struct error *err);

/* Compute the nodes and keep their elements for good (node_data); streams below them are kept, too. */
int engine_keep(int n, struct node *const x[], struct error *err);

/* What is computed of x on the way to others stays, where it was computed, until the graph is freed. */
void engine_pin(struct node *x);

/* The elements of a kept node: contiguous, native, C order. */
const void *node_data(const struct node *x);

/* Hand the elements of two nodes of the same size to fn, tile by tile, ascending, from this thread. */
typedef int zip_fn(void *arg, const void *x, const void *y, int64_t start, int64_t n, struct error *err);
int engine_zip(struct node *x, struct node *y, zip_fn *fn, void *arg, struct error *err);

/*
 * Call fn after each pass of this processor that computed x: for keeping its elements, or handing them to a sink; on how many threads,
 * in how many nanoseconds.  fn NULL: no more.
 */
typedef void pass_fn(void *arg, const struct node *x, bool kept, int threads, int64_t ns);
void engine_watch(pass_fn *fn, void *arg);

/*
 * Run fn(arg, task, worker) for every task in 0 .. ntasks-1 on up to nworkers threads, tasks in ascending order of
 * start.  The first failure stops the rest; its error is the result.
 */
typedef int task_fn(void *arg, int64_t task, int worker, struct error *err);
int parallel(int64_t ntasks, int nworkers, task_fn *fn, void *arg, struct error *err);

/*
 * What must be done in the order of tiles, though several threads work on them: each waits until next is the key of its
 * tile, and hands on with the key of the one behind it.
 */
struct turns {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_llong next;
	int64_t stop; /* no turns from this key on: it failed */
	int looks;    /* how often to look for a turn before sleeping */
};
#define TURNS_INIT \
	{ \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, INT64_MAX, TURNS_LOOKS \
	}
/* Most turns are near.  The stages of a pipe need the processors more than a thread that looks. */
enum { TURNS_LOOKS = 400 };

/* -1: the turn will not come, or is over. */
int turns_wait(struct turns *t, int64_t key);
void turns_pass(struct turns *t, int64_t next);
/* It is nobody's turn any more from key on. */
void turns_stop(struct turns *t, int64_t key);

#endif
