/*
 * The blocks lie in a ring: the caller fills one, the threads make those that are full, and whoever needs room emits the oldest.
 * So bytes come out in order, from one thread, and memory is bounded by the ring.
 */
#include "formats/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/engine.h"

enum {
	THREADS = 16, /* at most; with more of them the one that emits is not fast enough */
	SPARE = 2,    /* blocks: one is filled, one emitted */
};

struct slot {
	struct crew_block block;
	unsigned char *memory; /* overlap + size bytes; NULL: never used */
	struct error err;
	bool made, failed;
};

struct crew {
	struct crew_job job;
	int nslots, wanted, nthreads;
	struct slot slots[THREADS + SPARE];
	pthread_t threads[THREADS];
	pthread_mutex_t lock;
	pthread_cond_t full, made;
	/* blocks by number, each in slot number % nslots: emitted < taken <= filled */
	int64_t filled, taken, emitted;
	bool stop;
};

static struct slot *slot_of(struct crew *c, int64_t number)
{
	return &c->slots[number % c->nslots];
}

int crew_new(struct crew **out, const struct crew_job *job, struct error *err)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		return error_memory(err, sizeof(*c));
	c->job = *job;
	c->wanted = engine_threads() < THREADS ? engine_threads() : THREADS;
	c->nslots = c->wanted > 1 ? c->wanted + SPARE : 2;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->full, NULL);
	pthread_cond_init(&c->made, NULL);
	*out = c;
	return 0;
}

static void make(struct crew *c, struct slot *s)
{
	s->err = (struct error)ERROR_INIT;
	s->block.out.len = 0;
	s->failed = c->job.make(c->job.arg, &s->block, &s->err);
	if (!s->failed && s->block.out.failed)
		s->failed = error_memory(&s->err, s->block.out.room) != 0;
}

static void *work(void *p)
{
	struct crew *c = p;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->stop && c->taken == c->filled)
			pthread_cond_wait(&c->full, &c->lock);
		if (c->stop)
			break;

		struct slot *s = slot_of(c, c->taken++);
		pthread_mutex_unlock(&c->lock);
		make(c, s);
		pthread_mutex_lock(&c->lock);
		s->made = true;
		pthread_cond_broadcast(&c->made);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Emit the oldest block; made here if no thread has taken it. */
static int emit_oldest(struct crew *c, struct error *err)
{
	struct slot *s = slot_of(c, c->emitted);

	pthread_mutex_lock(&c->lock);
	if (c->taken == c->emitted) {
		c->taken++;
		pthread_mutex_unlock(&c->lock);
		make(c, s);
	} else {
		while (!s->made)
			pthread_cond_wait(&c->made, &c->lock);
		pthread_mutex_unlock(&c->lock);
	}
	s->made = false;
	c->emitted++;
	if (s->failed) {
		*err = s->err;
		return -1;
	}
	return s->block.out.len ? c->job.emit(c->job.arg, s->block.out.s, s->block.out.len, err) : 0;
}

static int slot_prepare(struct crew *c, struct slot *s, struct error *err)
{
	if (!s->memory && !(s->memory = malloc(c->job.overlap + c->job.size)))
		return error_memory(err, c->job.overlap + c->job.size);
	s->block.in = s->memory + c->job.overlap;
	return 0;
}

/* The block being filled is complete: hand it on and begin another. */
static int next_block(struct crew *c, struct error *err)
{
	struct slot *s = slot_of(c, c->filled), *next = slot_of(c, c->filled + 1);
	struct crew_block *b = &s->block;

	if (c->filled + 1 - c->emitted == c->nslots && emit_oldest(c, err))
		return -1;
	if (slot_prepare(c, next, err))
		return -1;

	size_t keep = b->n + b->before < c->job.overlap ? b->n + b->before : c->job.overlap;
	memcpy(next->memory + c->job.overlap - keep, b->in + b->n - keep, keep);
	next->block.before = keep;
	next->block.n = 0;
	next->block.start = b->start + (int64_t)b->n;
	next->block.last = false;

	pthread_mutex_lock(&c->lock);
	c->filled++;
	pthread_cond_signal(&c->full);
	pthread_mutex_unlock(&c->lock);
	/* A thread that cannot be started is work for the others. */
	while (c->wanted > 1 && c->nthreads < c->wanted) {
		if (pthread_create(&c->threads[c->nthreads], NULL, work, c)) {
			c->wanted = c->nthreads;
			break;
		}
		c->nthreads++;
	}
	return 0;
}

int crew_write(struct crew *c, const void *buf, size_t n, struct error *err)
{
	const unsigned char *from = buf;

	while (n) {
		struct slot *s = slot_of(c, c->filled);

		if (!s->memory && slot_prepare(c, s, err))
			return -1;
		/* Only with the next byte is it known that a full block is not the last one. */
		if (s->block.n == c->job.size) {
			if (next_block(c, err))
				return -1;
			continue;
		}

		size_t k = c->job.size - s->block.n;
		k = k < n ? k : n;
		memcpy(s->memory + c->job.overlap + s->block.n, from, k);
		s->block.n += k;
		from += k;
		n -= k;
	}
	return 0;
}

int crew_finish(struct crew *c, struct error *err)
{
	struct slot *s = slot_of(c, c->filled);

	if (!s->memory && slot_prepare(c, s, err))
		return -1;
	s->block.last = true;
	pthread_mutex_lock(&c->lock);
	c->filled++;
	pthread_cond_signal(&c->full);
	pthread_mutex_unlock(&c->lock);
	while (c->emitted < c->filled)
		if (emit_oldest(c, err))
			return -1;
	return 0;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->full);
	pthread_mutex_unlock(&c->lock);
	for (int i = 0; i < c->nthreads; i++)
		pthread_join(c->threads[i], NULL);
	for (int i = 0; i < c->nslots; i++) {
		struct slot *s = &c->slots[i];

		if (s->block.state)
			c->job.free_state(s->block.state);
		text_release(&s->block.out);
		free(s->memory);
	}
	pthread_cond_destroy(&c->made);
	pthread_cond_destroy(&c->full);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
