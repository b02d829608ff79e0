/*
 * Running passes: what must be whole is computed first and kept, the rest is pulled in one pass.  A pass is the part of the graph
 * below a node down to leaves and kept nodes.
 */
#include "device.h"
#include "passes.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int keep(struct node *x, struct error *err);
static void release(struct node *x);

/* A source with the bytes first .. first+n-1 of src in memory; offsets into it count from first. */
struct load {
	struct source *src;
	unsigned char *buf;
	int64_t first, n;
};

enum { LOAD_PIECE = 1 << 20 };

static int load_piece(void *arg, int64_t task, int worker, struct error *err)
{
	struct load *l = arg;
	int64_t at = task * LOAD_PIECE, n = l->n - at < LOAD_PIECE ? l->n - at : LOAD_PIECE;

	(void)worker;
	return source_read(l->src, l->buf + at, (size_t)n, l->first + at, err);
}

static struct source *load(struct source *src, int64_t first, int64_t n, struct error *err)
{
	struct load l = { src, NULL, first, n };

	l.buf = buffer_alloc((size_t)n, err);
	if (!l.buf)
		return NULL;
	if (parallel((n + LOAD_PIECE - 1) / LOAD_PIECE, src->sequential ? 1 : engine_threads(), load_piece, &l, err)) {
		buffer_free(l.buf, (size_t)n);
		return NULL;
	}
	return buffer_source(l.buf, (size_t)n, src->name, err);
}

/* Replace the stream or file behind a leaf by its bytes in memory. */
static int leaf_load(struct node *x, struct error *err)
{
	struct array *a = &x->u.array;
	int64_t first, n = leaf_span(x, &first);
	struct source *src;

	if (a->src->data)
		return 0;
	src = load(a->src, first, n, err);
	if (!src)
		return -1;
	source_unref(a->src);
	a->src = src;
	a->offset -= first;
	x->offset = a->offset;
	return 0;
}

static int layout_make(struct node *x, struct source *bytes, int64_t offset, bool swap, struct error *err)
{
	struct layout *l = calloc(1, sizeof(*l));

	if (!l)
		return error_memory(err, sizeof(*l));
	l->bytes = bytes;
	l->offset = offset;
	l->swap = swap;
	l->contiguous = node_contiguous(x);
	l->strip.rows = bytes->data || x->strip < 0 ? 0 : x->strip;
	l->windowed = !l->contiguous && x->size && !bytes->data && !bytes->sequential && !l->strip.rows;
	layout_axes(l, x);
	free(x->layout);
	x->layout = l;
	return 0;
}

static int prepare_leaf(struct node *x, struct error *err)
{
	if (node_scattered(x) && x->strip <= 0 && leaf_load(x, err))
		return -1;
	return layout_make(x, x->u.array.src, x->offset, x->u.array.swap, err);
}

static int prepare_view(struct node *x, struct error *err)
{
	struct node *base = x->in[0];
	struct source *src;
	int64_t first, n;

	if (base->kind != NODE_LEAF || base->value) {
		if (keep(base, err))
			return -1;
		if (base->kind != NODE_LEAF)
			return layout_make(x, base->value, x->offset, false, err);
	}
	src = base->u.array.src;
	if (src->sequential && leaf_load(base, err))
		return -1;
	src = base->u.array.src;
	if (src->data || !node_scattered(x) || x->strip > 0)
		return layout_make(x, src, x->offset + base->u.array.offset - base->offset, base->u.array.swap, err);
	/* Only the part of the file that the view touches. */
	n = strided_span(&x->shape, x->strides, x->offset, dtype_size(x->dtype), &first);
	src = x->loaded ? x->loaded : load(src, first, n, err);
	if (!src)
		return -1;
	x->loaded = src;
	return layout_make(x, src, x->offset - first, base->u.array.swap, err);
}

/* Make everything below x ready to be pulled: keep what must be whole. */
static int prepare(struct node *x, int pass, struct error *err)
{
	if (x->value || x->pass == pass)
		return 0;
	x->pass = pass;
	switch (x->kind) {
	case NODE_LEAF:
		return prepare_leaf(x, err);
	case NODE_VIEW:
		return prepare_view(x, err);
	case NODE_BLOCK:
		return keep(x, err);
	default:
		break;
	}
	for (int i = 0; i < x->nin; i++) {
		struct node *in = x->in[i];

		if (is_barrier(in) ? keep(in, err) : prepare(in, pass, err))
			return -1;
	}
	return 0;
}

enum { MAX_LEAVES = 16, STEP_MAPS = 3 };

/* Number the block buffers of a pass, add up their bytes per element, and see whether it reads a stream. */
struct census {
	int pass, slots;
	int64_t bytes;
	int64_t least; /* elements that a tile should have */
	int64_t step;  /* of which it should be a multiple; 0: any */
	bool vmath, reduces;
	bool simple;			 /* all is elementwise, range by range */
	int maps, nleaves;		 /* nleaves > MAX_LEAVES: there are more */
	struct node *leaves[MAX_LEAVES]; /* to be read, or turned, whole tiles at once */
	struct node *scans;		 /* a list of those that are open */
};

/* For scan_open: a pass that fails or ends closes what it has opened. */
static void census_release(struct census *t)
{
	for (; t->scans; t->scans = t->scans->u.scan.next)
		scan_close(t->scans);
}

static int take_census(struct node *x, struct census *t, struct error *err)
{
	if (x->pass == t->pass)
		return 0;
	x->pass = t->pass;
	x->slot = t->slots++;
	t->reduces |= x->kind == NODE_REDUCE && !x->value;
	t->bytes += (int64_t)dtype_size(x->dtype);
	if (x->value)
		return 0;
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW) {
		int64_t least = x->layout && !x->layout->strip.rows ? turned_least(x->layout, dtype_size(x->dtype)) : 0;

		if (least) {
			t->least = least > t->least ? least : t->least;
		} else if (x->layout && !x->layout->contiguous && !x->layout->strip.rows) {
			t->slots += x->layout->windowed;
			return 0;
		}
		if (t->nleaves < MAX_LEAVES)
			t->leaves[t->nleaves] = x;
		t->nleaves++;
		return 0;
	}
	t->simple &= x->kind != NODE_CONCAT && x->kind != NODE_REDUCE && x->kind != NODE_SCAN && x->kind != NODE_BLOCK;
	t->maps += x->kind == NODE_MAP || x->kind == NODE_CAST;
	if (x->kind == NODE_MAP) {
		/* conversions are loops, too */
		for (int i = x->u.map.condition; i < x->nin; i++)
			t->maps += x->in[i]->kind != NODE_CONST && x->in[i]->dtype != x->u.map.loop;
		t->maps += x->dtype == DT_F16 || x->dtype == DT_BF16;
		t->slots += MAP_MAX_IN + 2;
		t->vmath |= map_needs_vmath(x->u.map.id, x->u.map.loop);
	} else if (x->kind == NODE_SCAN) {
		if (scan_open(x, err))
			return -1;
		x->u.scan.next = t->scans;
		t->scans = x;
		t->slots += SCAN_SLOTS;
		t->bytes += 4 * (int64_t)sizeof(double);
		t->step = scan_step(x) > t->step ? scan_step(x) : t->step;
	} else {
		t->slots += 2;
	}
	for (int i = 0; i < x->nin; i++)
		if (take_census(x->in[i], t, err))
			return -1;
	return 0;
}

enum { MAX_ORDERED = 8 }; /* more threads only wait for each other */

struct pass {
	struct node *x;
	struct sink *sink;
	struct context **ctx;
	int64_t start, end; /* the elements that are computed now: all, or those of a strip */
	int64_t key;	    /* of the first tile of them */
	struct strips strips;
	int64_t next, ntiles, ngroups; /* the strip that is read now; tiles of the one before, groups of this one */
	int64_t tile;
	int64_t step; /* elements computed at once, in the first cache; 0: a tile */
	const struct census *census;
	int nstreams;
	struct node *streams[MAX_STREAMS]; /* leaves to be read in turn */
	bool in_order;			   /* tiles are to be written in turn */
	struct turns reading, writing;
};

/*
 * A tile of the result.  Leaves are read in long pieces, which system calls like, and chains of loops computed in short ones,
 * which stay in the first cache.
 */
static const void *pull_tile(struct pass *p, struct context *c, int64_t start, int64_t n, struct error *err)
{
	size_t size = dtype_size(p->x->dtype);
	char *out;

	if (!p->step)
		return pull(c, p->x, start, n, err);
	for (int i = 0; i < p->census->nleaves; i++)
		if (!pull(c, p->census->leaves[i], start, n, err))
			return NULL;
	out = context_block(c, p->census->slots, p->tile, size, err);
	for (int64_t at = 0, k; out && at < n; at += k) {
		const void *part;

		k = n - at < p->step ? n - at : p->step;
		if (!(part = pull(c, p->x, start + at, k, err)))
			return NULL;
		memcpy(out + (size_t)at * size, part, (size_t)k * size);
	}
	return out;
}

/* A failure without a message is that of a tile whose turn will not come: the tile that failed says why. */
static int pass_turns(struct pass *p, struct context *c, int64_t task, int64_t start, int64_t n, struct error *err)
{
	const void *elements;

	if (p->nstreams) {
		if (turns_wait(&p->reading, task))
			return -1;
		for (int i = 0; i < p->nstreams; i++)
			if (!pull(c, p->streams[i], start, n, err))
				return -1;
		turns_pass(&p->reading, task + 1);
	}
	elements = pull_tile(p, c, start, n, err);
	if (!elements || (p->in_order && turns_wait(&p->writing, task)))
		return -1;
	if (p->sink->write(p->sink, elements, start, n, err))
		return -1;
	if (p->in_order)
		turns_pass(&p->writing, task + 1);
	return 0;
}

static int pass_tile(void *arg, int64_t task, int worker, struct error *err)
{
	struct pass *p = arg;
	int64_t start = p->start + task * p->tile, n = p->end - start < p->tile ? p->end - start : p->tile;
	int64_t key = p->key + task;
	int ret = pass_turns(p, p->ctx[worker], key, start, n, err);

	if (ret) {
		turns_stop(&p->reading, key);
		turns_stop(&p->writing, key);
		for (struct node *x = p->census->scans; x; x = x->u.scan.next)
			scan_stop(x, start);
	}
	return ret;
}

/* Read what a pass left unread of its streams, so that what follows an empty array, or a check at the end, is reached. */
static int drain(struct node *x, int pass, struct error *err)
{
	if (x->pass == pass)
		return 0;
	x->pass = pass;
	if (x->value)
		return 0;
	if (x->kind == NODE_LEAF && x->u.array.src->sequential && !x->size) {
		char none;

		return source_read(x->u.array.src, &none, 0, 0, err);
	}
	for (int i = 0; i < x->nin; i++)
		if (drain(x->in[i], pass, err))
			return -1;
	return 0;
}

/* A tile of this strip and a group of columns of the next one in turn, as the one waits for writing and the other does not. */
static int strip_task(void *arg, int64_t task, int worker, struct error *err)
{
	struct pass *p = arg;
	int64_t tiles = p->ntiles, groups = p->ngroups, both = 2 * (tiles < groups ? tiles : groups);
	bool tile = task < both ? task % 2 == 0 : tiles > groups;
	int64_t i = task < both ? task / 2 : task - both / 2;

	return tile ? pass_tile(p, i, worker, err) : strips_load(&p->strips, p->next, i, worker, err);
}

static int run_tiles(struct pass *p, int nworkers, struct error *err)
{
	int64_t size = p->x->size, strip;

	if (strips_open(&p->strips, p->x, err))
		return -1;
	if (!p->strips.n) {
		p->end = size;
		return parallel((size + p->tile - 1) / p->tile, nworkers, pass_tile, p, err);
	}
	strip = p->strips.rows * p->strips.cols;
	/* The first one is loaded without any being written, the last one written without any being loaded. */
	for (p->next = 0; p->start < size; p->next++) {
		p->ntiles = (p->end - p->start + p->tile - 1) / p->tile;
		p->ngroups = p->end < size ? p->strips.n * p->strips.groups : 0;
		if (parallel(p->ntiles + p->ngroups, nworkers, strip_task, p, err))
			return -1;
		p->key += p->ntiles;
		p->start = p->end;
		p->end = size - p->end > strip ? p->end + strip : size;
		if (p->start == p->end)
			break;
	}
	return 0;
}

static int64_t wanted_tile;

void engine_set_tile(int64_t n)
{
	wanted_tile = (n + LOOP_PAD - 1) / LOOP_PAD * LOOP_PAD;
}

int64_t engine_tile(void)
{
	return wanted_tile;
}

static struct watch {
	pass_fn *fn;
	void *arg;
} watch;

void engine_watch(pass_fn *fn, void *arg)
{
	watch = (struct watch){ fn, arg };
}

static int64_t now(void)
{
	struct timespec t;

	if (!watch.fn)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int run_pass(struct node *x, struct sink *sink, bool kept, struct error *err)
{
	int64_t start = now();
	struct census t = { .pass = next_pass(), .simple = true };
	struct pass p = {
		.x = x,
		.sink = sink,
		.census = &t,
		.reading = TURNS_INIT,
		.writing = TURNS_INIT,
	};
	int64_t work = x->size, room;
	bool pieces = x->kind == NODE_REDUCE && !x->value && reduce_by_pieces(x);
	int nworkers = 1, streams = -1, ret = -1;

	if (take_census(x, &t, err) || (t.vmath && vmath_load(err)) || drain(x, next_pass(), err))
		goto closed;
	room = tile_elements(t.bytes, t.least);
	if (wanted_tile)
		room = t.reduces ? (wanted_tile + CHUNK - 1) / CHUNK * CHUNK : wanted_tile;
	if (t.step && t.step <= MAX_TILE)
		room = room < t.step ? t.step : room / t.step * t.step;
	p.tile = room;
	if (x->kind == NODE_REDUCE && !x->value) {
		/* Results come in granules; those that take long to make are shared out in small numbers. */
		int64_t granule = reduce_granule(x), each = x->size ? x->in[0]->size / x->size + 1 : 1;

		granule = granule < 1 ? 1 : granule;
		work = x->in[0]->size > work ? x->in[0]->size : work;
		p.tile = (each > 16 && (1 << 20) / each < room ? (1 << 20) / each : room) / granule * granule;
		p.tile = p.tile < granule ? granule : p.tile;
		room = p.tile > room ? p.tile : room;
	}
	/* A small array touches no more memory than it needs. */
	if (work < room)
		room = (work + LOOP_PAD) / LOOP_PAD * LOOP_PAD;

	if (work >= (wanted_tile ? 2 * wanted_tile : PARALLEL_FROM))
		streams = pass_streams(x, p.streams);
	if (streams >= 0)
		nworkers = engine_threads();
	p.nstreams = streams > 0 ? streams : 0;
	if (p.nstreams)
		p.reading.looks = p.writing.looks = 0;
	p.in_order = !sink->random && nworkers > 1;
	if ((p.in_order || p.nstreams) && !pieces && nworkers > MAX_ORDERED)
		nworkers = MAX_ORDERED;
	p.ctx = calloc((size_t)nworkers, sizeof(*p.ctx));
	if (!p.ctx) {
		error_memory(err, (size_t)nworkers * sizeof(*p.ctx));
		goto closed;
	}
	if (t.simple && t.maps >= STEP_MAPS && t.nleaves <= MAX_LEAVES && work >= PARALLEL_FROM && p.tile > CHUNK)
		p.step = CHUNK;
	for (int i = 0; i < nworkers; i++)
		if (!(p.ctx[i] = context_new(t.slots + 1, p.step ? p.step : room, work >= PARALLEL_FROM, err)))
			goto done;
	if (pieces) {
		size_t nbytes = (size_t)x->size * dtype_size(x->dtype);
		void *out = buffer_alloc(nbytes, err);

		if (!out)
			goto done;
		ret = reduce_whole(p.ctx, nworkers, x, out, streams == 0, err);
		if (!ret && x->size)
			ret = sink->write(sink, out, 0, x->size, err);
		buffer_free(out, nbytes);
		goto done;
	}
	ret = run_tiles(&p, nworkers, err);
done:
	strips_close(&p.strips);
	for (int i = 0; i < nworkers; i++)
		context_free(p.ctx[i]);
	free(p.ctx);
closed:
	census_release(&t);
	if (watch.fn && !ret)
		watch.fn(watch.arg, x, kept, nworkers, now() - start);
	return ret;
}

/* A sink into memory. */
struct memory {
	struct sink sink;
	char *out;
	size_t itemsize;
};

static int memory_write(struct sink *s, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct memory *m = (struct memory *)s;

	(void)err;
	memcpy(m->out + (size_t)start * m->itemsize, elements, (size_t)n * m->itemsize);
	return 0;
}

/* The inputs of a block, whole. */
static int keep_inputs(struct node *x, const void **in, struct error *err)
{
	if (x->u.block.start)
		x->u.block.start(x, false);
	for (int i = 0; i < x->nin; i++) {
		if (keep(x->in[i], err)) {
			if (x->u.block.start)
				x->u.block.start(x, true);
			return -1;
		}
		in[i] = x->in[i]->value->data;
	}
	return 0;
}

static int run_block(struct node *x, const void *const in[], void *out, struct error *err)
{
	int64_t start = now();

	if (x->u.block.fn(x, in, out, err))
		return -1;
	if (watch.fn)
		watch.fn(watch.arg, x, true, block_threads(x), now() - start);
	return 0;
}

/* The elements of x in new memory, which is taken when all that it comes from is there. */
static void *compute(struct node *x, struct error *err)
{
	struct memory m = { { memory_write, true }, NULL, dtype_size(x->dtype) };
	size_t nbytes = (size_t)x->size * m.itemsize;
	const void **in = NULL;
	bool block = x->kind == NODE_BLOCK, failed;

	if (block && !(in = calloc((size_t)x->nin + 1, sizeof(*in)))) {
		error_memory(err, (size_t)x->nin * sizeof(*in));
		return NULL;
	}
	failed = block ? keep_inputs(x, in, err) : prepare(x, next_pass(), err);
	m.out = failed ? NULL : buffer_alloc(nbytes, err);
	if (!failed && !m.out && block && x->u.block.start)
		x->u.block.start(x, true);
	if (m.out && (block ? run_block(x, in, m.out, err) : run_pass(x, &m.sink, true, err))) {
		buffer_free(m.out, nbytes);
		m.out = NULL;
	}
	free(in);
	return m.out;
}

static int keep(struct node *x, struct error *err)
{
	size_t size = dtype_size(x->dtype), nbytes = (size_t)x->size * size;
	void *elements;

	if (x->value)
		return 0;
	/* Elements that are in memory as they are need no copy. */
	if (x->kind == NODE_LEAF) {
		struct array *a = &x->u.array;

		if (node_contiguous(x) && !a->swap) {
			if (leaf_streams(x) && leaf_load(x, err))
				return -1;
			if (!a->src->data)
				x->value = load(a->src, a->offset, (int64_t)nbytes, err);
			else if (a->offset == 0)
				x->value = source_ref(a->src);
			if (x->value || !a->src->data)
				return x->value ? 0 : -1;
		}
	}
	elements = compute(x, err);
	x->value = elements ? buffer_source(elements, nbytes, NULL, err) : NULL;
	release(x);
	return x->value ? 0 : -1;
}

/* Before passes for x; streams that several of them read are loaded. */
static int survey(int n, struct node *const x[], bool zipped, struct error *err)
{
	struct survey s;
	int ret = survey_make(&s, n, x, zipped, err);

	for (int i = 0; i < s.nloads && !ret; i++)
		ret = leaf_load(s.loads[i], err);
	survey_release(&s);
	return ret;
}

static void drop(struct node *x)
{
	if (x->holds || x->pinned)
		return;
	source_unref(x->value);
	x->value = NULL;
}

/* The pass of x is done: values that no other one will read are freed. */
static void release(struct node *x)
{
	for (int i = 0; i < x->nheld; i++) {
		x->held[i]->holds--;
		drop(x->held[i]);
	}
	free(x->held);
	x->held = NULL;
	x->nheld = 0;
}

int engine_share(int n, struct node *const x[], struct error *err)
{
	return survey(n, x, false, err);
}

static struct device *computing; /* NULL: this processor */

void engine_set_device(struct device *d)
{
	computing = d;
}

struct device *engine_device(void)
{
	return computing;
}

static volatile sig_atomic_t interrupted;

void engine_interrupt(int signal)
{
	interrupted = signal;
}

int engine_interrupted(void)
{
	return interrupted;
}

int engine_mark(void)
{
	return next_pass();
}

int engine_load_leaf(struct node *leaf, struct error *err)
{
	return leaf_load(leaf, err);
}

int engine_run(struct node *x, struct sink *sink, struct error *err)
{
	if (survey(1, &x, false, err))
		return -1;
	if (computing)
		return x->size ? computing->run(computing, x, sink, err) : drain(x, next_pass(), err);
	if (x->kind == NODE_BLOCK && keep(x, err))
		return -1;
	if (prepare(x, next_pass(), err) || run_pass(x, sink, false, err))
		return -1;
	release(x);
	drop(x);
	return 0;
}

/* Load every stream below x: it may be read again after x was computed. */
static int load_streams(struct node *x, int pass, struct error *err)
{
	if (x->pass == pass || x->value)
		return 0;
	x->pass = pass;
	if (leaf_streams(x))
		return leaf_load(x, err);
	for (int i = 0; i < x->nin; i++)
		if (load_streams(x->in[i], pass, err))
			return -1;
	return 0;
}

int engine_load(struct node *x, struct error *err)
{
	return load_streams(x, next_pass(), err);
}

/* A device computes; the host gets a copy.  What is a leaf is read, and nothing is computed. */
static int keep_copy(struct node *x, struct error *err)
{
	struct memory m = { { memory_write, true }, NULL, dtype_size(x->dtype) };
	size_t nbytes = (size_t)x->size * m.itemsize;

	if (!computing || x->value || x->kind == NODE_LEAF || !x->size)
		return keep(x, err);
	m.out = buffer_alloc(nbytes, err);
	if (!m.out)
		return -1;
	if (computing->run(computing, x, &m.sink, err)) {
		buffer_free(m.out, nbytes);
		return -1;
	}
	x->value = buffer_source(m.out, nbytes, NULL, err);
	return x->value ? 0 : -1;
}

void engine_pin(struct node *x)
{
	x->pinned = true;
}

int engine_keep(int n, struct node *const x[], struct error *err)
{
	int pass = next_pass();

	for (int i = 0; i < n; i++) {
		x[i]->pinned = true;
		if (load_streams(x[i], pass, err))
			return -1;
	}
	if (survey(n, x, false, err))
		return -1;
	for (int i = 0; i < n; i++)
		if (keep_copy(x[i], err))
			return -1;
	return 0;
}

int engine_zip(struct node *x, struct node *y, zip_fn *fn, void *arg, struct error *err)
{
	struct node *both[] = { x, y };
	struct census t = { 0 };
	struct context *c;
	int ret = 0;

	if (survey(2, both, true, err))
		return -1;
	for (int i = 0; i < 2; i++)
		if (is_barrier(both[i]) ? keep(both[i], err) : prepare(both[i], next_pass(), err))
			return -1;
	t.pass = next_pass();
	if (take_census(x, &t, err) || take_census(y, &t, err) || (t.vmath && vmath_load(err)) ||
	    drain(x, next_pass(), err) || drain(y, next_pass(), err) ||
	    !(c = context_new(t.slots, MIN_TILE * 2, x->size >= PARALLEL_FROM, err))) {
		census_release(&t);
		return -1;
	}
	for (int64_t start = 0; !ret && start < x->size; start += c->tile) {
		int64_t n = x->size - start < c->tile ? x->size - start : c->tile;
		const void *p = pull(c, x, start, n, err), *q = p ? pull(c, y, start, n, err) : NULL;

		ret = q ? fn(arg, p, q, start, n, err) : -1;
	}
	context_free(c);
	census_release(&t);
	for (int i = 0; i < 2; i++)
		release(both[i]);
	return ret;
}

const void *node_data(const struct node *x)
{
	return x->value ? x->value->data : NULL;
}
