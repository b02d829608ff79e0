/* A stream of bytes cut into blocks, which several threads make into other bytes. */
#ifndef TENSOR_CREW_H
#define TENSOR_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/text.h"

/* A block: n bytes at in, of which the first is byte start of the stream; in[-before] to in[-1] are those in front of it. */
struct crew_block {
	const unsigned char *in;
	size_t n, before;
	int64_t start;
	bool last;
	struct text out; /* what is made of it */
	void *state;	 /* the job's own, kept from block to block; NULL at first */
};

struct crew_job {
	size_t size;	/* bytes of each block but the last one */
	size_t overlap; /* as many bytes in front of a block are kept, where there are as many */
	/* Any thread.  What it makes of a block may depend on nothing but the block. */
	int (*make)(const void *arg, struct crew_block *b, struct error *err);
	/* The bytes that were made, in the order of the blocks, from the thread that calls crew_write or crew_finish. */
	int (*emit)(void *arg, const void *buf, size_t n, struct error *err);
	void (*free_state)(void *state); /* NULL: make needs none */
	void *arg;			 /* of make and emit */
};

/*
 * The results are the same for any number of threads.  One is used where there is one block only; else as many as engine_threads
 * says.  After a failure there is nothing left to do but crew_free.
 */
struct crew;
int crew_new(struct crew **out, const struct crew_job *job, struct error *err);
int crew_write(struct crew *c, const void *buf, size_t n, struct error *err);
int crew_finish(struct crew *c,
		struct error *err); /* the last block, which may be empty, and all that is not emitted */
void crew_free(struct crew *c);	    /* NULL is fine */

#endif
