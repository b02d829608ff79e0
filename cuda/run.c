/*
 * Computing nodes on the device.  What must be whole (reductions, blocks, the bases of views, the inputs of concat) is computed first and
 * kept there.  The rest is a pass: a list of nodes in the order of their inputs, run tile by tile, each node a launch over the
 * tile's elements.  A tile is small enough for what lies between two nodes to stay in the device's cache, which is what fusion is for.
 *
 * Tiles go through a ring: while one is computed, the next is read and copied up, and the one before is copied down and
 * written.  Elements do not depend on tiles, so memory that is short makes them smaller and changes nothing else.
 */
#include "cuda/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/plan.h"

enum { TILE = 1 << 22, LEAST_TILE = 1 << 12, THREADS = 256, MOST_BLOCKS = 1 << 16, READ_PIECE = 1 << 20, PAD = 512 };

const char *kernel_suffix(enum dtype d)
{
	static const char *const suffix[] = {
		[DT_BOOL] = "b",      [DT_I8] = "i8",	    [DT_U8] = "u8",   [DT_I16] = "i16", [DT_U16] = "u16",
		[DT_I32] = "i32",     [DT_U32] = "u32",	    [DT_I64] = "i64", [DT_U64] = "u64", [DT_F16] = "f16",
		[DT_BF16] = "bf16",   [DT_F32] = "f32",	    [DT_F64] = "f64", [DT_C64] = "c64", [DT_C128] = "c128",
		[DT_F8E4M3] = "e4m3", [DT_F8E5M2] = "e5m2",
	};

	return suffix[d];
}

int launch_map(struct cuda *d, const char *kernel, int64_t n, void **params, struct error *err)
{
	int64_t blocks = (n + THREADS - 1) / THREADS;

	return launch(d, kernel, blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS, THREADS, 0, params, err);
}

int launch_cast(struct cuda *d, enum dtype to, uint64_t out, enum dtype from, uint64_t in, int64_t n, struct error *err)
{
	char name[48];

	snprintf(name, sizeof(name), "cast_%s_%s", kernel_suffix(from), kernel_suffix(to));
	return launch_map(d, name, n, (void *[]){ &n, &out, &in }, err);
}

/* -- a pass -- */

/* A tile on its way. */
struct slot {
	unsigned char *in, *out;    /* pinned: what was read, what comes down */
	int32_t *found;		    /* pinned: the flag, after the tile */
	void *up, *computed, *down; /* events: that much of it is done */
	bool used;
	int64_t start, n; /* the elements that come down; n == 0: none */
};

struct pass {
	struct plan plan;
	struct cuda *d;
	uint64_t arena;	 /* of device memory */
	uint64_t flag;	 /* int32 on the device: set where a kernel finds an error */
	uint64_t target; /* the result goes there: the address of element 0; 0: into a block */
	struct slot slot[RING];
	struct sink *sink;	   /* NULL: the result stays on the device */
	const struct taker *taker; /* or NULL */
};

static uint64_t block_at(const struct pass *p, int block)
{
	return p->arena + p->plan.blocks[block].at;
}

/* Of a slot's own blocks, of which the item has RING. */
static uint64_t own_block(const struct pass *p, int first, const struct slot *s)
{
	return block_at(p, first + (int)(s - p->slot));
}

/* Where a tile's elements of an item are. */
static uint64_t elements_of(const struct pass *p, const struct item *i, const struct slot *s, int64_t start)
{
	const struct item *last = &p->plan.items[p->plan.n - 1];
	bool made = i->how == HOW_MADE || i->how == HOW_GATHER;

	if (i->how == HOW_KEPT)
		return i->address + (uint64_t)start * dtype_size(i->x->dtype);
	if (i == last && p->target && i->how != HOW_FILLED)
		return p->target + (uint64_t)start * dtype_size(i->x->dtype);
	return i->how == HOW_READ || (i == last && made) ? own_block(p, i->block, s) : block_at(p, i->block);
}

/* -- reading -- */

struct reading {
	struct source *src;
	unsigned char *out;
	int64_t offset, n;
};

static int read_piece(void *arg, int64_t task, int worker, struct error *err)
{
	struct reading *r = arg;
	int64_t at = task * READ_PIECE, n = r->n - at < READ_PIECE ? r->n - at : READ_PIECE;

	(void)worker;
	return source_read(r->src, r->out + at, (size_t)n, r->offset + at, err);
}

/* A stream in one piece, a file by as many threads as there are. */
static int read_bytes(struct source *src, void *out, int64_t n, int64_t offset, struct error *err)
{
	struct reading r = { src, out, offset, n };

	if (src->sequential)
		return source_read(src, out, (size_t)n, offset, err);
	return parallel((n + READ_PIECE - 1) / READ_PIECE, engine_threads(), read_piece, &r, err);
}

/* Read what the tile takes from sources, and send it up. */
static int tile_read(struct pass *p, struct slot *s, int64_t start, int64_t n, struct error *err)
{
	struct cuda *d = p->d;
	bool any = false;

	for (struct item *i = p->plan.items; i < p->plan.items + p->plan.n; i++) {
		int64_t size = (int64_t)dtype_size(i->x->dtype), at, bytes;
		uint64_t to;

		if (i->how == HOW_READ) {
			at = i->offset + start * size;
			bytes = n * size;
			to = elements_of(p, i, s, start);
		} else if (i->how == HOW_SPAN) {
			at = item_offset(i, start);
			bytes = item_offset(i, start + n - 1) - at + size;
			to = own_block(p, i->span, s);
		} else {
			continue;
		}
		if (read_bytes(i->src, s->in + i->stage, bytes, at, err) ||
		    cuda_check(d, d->api.copy_up(to, s->in + i->stage, (size_t)bytes, d->up), "copying to the device",
			       err))
			return -1;
		any = true;
	}
	if (!any)
		return 0;
	return cuda_check(d, d->api.event_record(s->up, d->up), "copying to the device", err) ||
			       cuda_check(d, d->api.stream_wait_event(d->main, s->up, 0), "copying to the device", err)
		       ? -1
		       : 0;
}

/* The bytes that a strided array touches, before the first tile. */
static int read_whole(struct pass *p, const struct item *i, struct error *err)
{
	struct cuda *d = p->d;
	uint64_t to = block_at(p, i->span);

	for (int64_t at = 0, n; at < i->nbytes; at += n) {
		struct slot *s = &p->slot[0];

		n = i->nbytes - at < p->plan.stage ? i->nbytes - at : p->plan.stage;
		if (read_bytes(i->src, s->in, n, i->low + at, err) ||
		    cuda_check(d, d->api.copy_up(to + (uint64_t)at, s->in, (size_t)n, d->up), "copying to the device",
			       err) ||
		    cuda_check(d, d->api.stream_wait(d->up), "copying to the device", err))
			return -1;
	}
	return 0;
}

/* -- computing -- */

static const char *const map_names[] = {
#define MAP(id, ...) [MAP_##id] = #id,
#include "lib/ops.def"
#undef MAP
};

static int run_map(struct pass *p, struct item *i, struct slot *s, uint64_t out, int64_t start, int64_t n,
		   struct error *err)
{
	struct node *x = i->x;
	enum dtype loop = x->u.map.loop, made = map_made(x);
	uint64_t in[MAP_MAX_IN], result = made == x->dtype ? out : block_at(p, i->temporary[MAP_MAX_IN]);
	void *params[2 + MAP_MAX_IN] = { &n, &result, &in[0], &in[1], &in[2], &in[3] };
	char name[48];

	for (int k = 0; k < x->nin; k++) {
		const struct item *from = &p->plan.items[plan_solid(x->in[k])->slot];
		enum dtype want = k == 0 && x->u.map.condition ? DT_BOOL : loop;

		in[k] = elements_of(p, from, s, start);
		if (x->in[k]->dtype == want)
			continue;
		if (launch_cast(p->d, want, block_at(p, i->temporary[k]), x->in[k]->dtype, in[k], n, err))
			return -1;
		in[k] = block_at(p, i->temporary[k]);
	}
	if (x->u.map.id == MAP_power && dtype_info[loop].kind == 'i') {
		snprintf(name, sizeof(name), "any_negative_%s", kernel_suffix(loop));
		if (launch_map(p->d, name, n, (void *[]){ &n, &in[1], &p->flag }, err))
			return -1;
	}
	snprintf(name, sizeof(name), "map_%s_%s", map_names[x->u.map.id], kernel_suffix(loop));
	if (launch_map(p->d, name, n, params, err))
		return -1;
	return made == x->dtype ? 0 : launch_cast(p->d, x->dtype, out, made, result, n, err);
}

/* What a kernel of another type left in the temporary, as x's type. */
static int cast_temporary(struct pass *p, struct item *i, uint64_t made, enum dtype type, uint64_t out, int64_t n,
			  struct error *err)
{
	return type == i->x->dtype ? 0 : launch_cast(p->d, i->x->dtype, out, type, made, n, err);
}

static int run_range(struct pass *p, struct item *i, uint64_t out, int64_t start, int64_t n, struct error *err)
{
	struct node *x = i->x;
	struct range r = x->u.range;
	enum dtype type = range_type(x);
	uint64_t made = type == x->dtype ? out : block_at(p, i->temporary[0]);
	int kind = (int)r.kind, whole = dtype_is_int(x->dtype);
	double first = (float)r.start, step = (float)(r.start + r.step) - (float)r.start;
	int ret;

	if (type == DT_I64)
		ret = launch_map(p->d, "range_i64", n, (void *[]){ &n, &made, &start, &r.istart, &r.istep }, err);
	else if (type == DT_F32)
		ret = launch_map(p->d, "range_f32", n, (void *[]){ &n, &made, &start, &first, &step }, err);
	else
		ret = launch_map(p->d, "range_f64", n,
				 (void *[]){ &n, &made, &start, &kind, &r.start, &r.step, &r.stop, &r.base, &r.pinned,
					     &whole },
				 err);
	return ret ? -1 : cast_temporary(p, i, made, type, out, n, err);
}

static int run_random(struct pass *p, struct item *i, uint64_t out, int64_t start, int64_t n, struct error *err)
{
	static const char *const names[] = {
		[RANDOM_uniform] = "random_uniform",	     [RANDOM_normal] = "random_normal",
		[RANDOM_exponential] = "random_exponential", [RANDOM_bernoulli] = "random_bernoulli",
		[RANDOM_integer] = "random_integer",
	};
	struct node *x = i->x;
	struct random_param r = x->u.random;
	enum dtype type = random_type(&r);
	uint64_t made = type == x->dtype ? out : block_at(p, i->temporary[0]);
	double most;

	if (launch_map(p->d, names[r.id], n, (void *[]){ &n, &made, &start, &r.seed, &r.a, &r.b, &r.lo, &r.range },
		       err))
		return -1;
	if (random_limit(&r, x->dtype, &most) && launch_map(p->d, "limit_f64", n, (void *[]){ &n, &made, &most }, err))
		return -1;
	return cast_temporary(p, i, made, type, out, n, err);
}

static int run_iota(struct pass *p, struct item *i, uint64_t out, int64_t start, int64_t n, struct error *err)
{
	struct node *x = i->x;
	int64_t inner = 1, dim = x->shape.dim[x->u.axis];

	for (int k = x->u.axis + 1; k < x->shape.ndim; k++)
		inner *= x->shape.dim[k];
	return launch_map(p->d, "iota", n, (void *[]){ &n, &out, &start, &inner, &dim }, err);
}

/* Each input's part of the tile by a kernel, or, where the inputs follow each other, by a copy. */
static int run_concat(struct pass *p, struct item *i, uint64_t out, int64_t start, int64_t n, struct error *err)
{
	struct node *x = i->x;
	int64_t size = (int64_t)dtype_size(x->dtype), inner = 1, row, first = 0;
	char name[48];

	for (int k = x->u.axis + 1; k < x->shape.ndim; k++)
		inner *= x->shape.dim[k];
	row = x->shape.dim[x->u.axis] * inner;
	snprintf(name, sizeof(name), "concat_%d", (int)size);
	for (int k = 0; k < x->nin; k++) {
		int64_t width = x->in[k]->shape.dim[x->u.axis] * inner, low, high;
		uint64_t in;

		if (!x->in[k]->size)
			continue;
		in = value_address(plan_solid(x->in[k]));
		low = first > start ? first : start;
		high = first + width < start + n ? first + width : start + n;
		if (row < x->size) {
			if (launch_map(p->d, name, n, (void *[]){ &n, &out, &start, &in, &row, &first, &width }, err))
				return -1;
		} else if (low < high &&
			   device_copy(p->d, out + (uint64_t)((low - start) * size),
				       in + (uint64_t)((low - first) * size), (size_t)((high - low) * size), err)) {
			return -1;
		}
		first += width;
	}
	return 0;
}

static int run_strided(struct pass *p, struct item *i, uint64_t base, uint64_t out, int64_t start, int64_t n,
		       struct error *err)
{
	char name[48];

	snprintf(name, sizeof(name), "strided_%d", (int)dtype_size(i->x->dtype));
	return launch_map(p->d, name, n, (void *[]){ &n, &out, &base, &start, &i->layout }, err);
}

static int run_swap(struct pass *p, struct item *i, uint64_t out, int64_t n, struct error *err)
{
	int unit = (int)dtype_info[i->x->dtype].swapsize;
	int64_t units = n * ((int64_t)dtype_size(i->x->dtype) / unit);
	char name[48];

	if (!i->swap || unit < 2)
		return 0;
	snprintf(name, sizeof(name), "swap_%d", unit);
	return launch_map(p->d, name, units, (void *[]){ &units, &out }, err);
}

static int run_cast(struct pass *p, struct item *i, struct slot *s, uint64_t out, int64_t start, int64_t n,
		    struct error *err)
{
	struct node *in = i->x->in[0];

	return launch_cast(p->d, i->x->dtype, out, in->dtype,
			   elements_of(p, &p->plan.items[plan_solid(in)->slot], s, start), n, err);
}

static int run_made(struct pass *p, struct item *i, struct slot *s, int64_t start, int64_t n, struct error *err)
{
	uint64_t out = elements_of(p, i, s, start);

	switch (i->x->kind) {
	case NODE_MAP:
		return run_map(p, i, s, out, start, n, err);
	case NODE_CAST:
		return run_cast(p, i, s, out, start, n, err);
	case NODE_RANGE:
		return run_range(p, i, out, start, n, err);
	case NODE_RANDOM:
		return run_random(p, i, out, start, n, err);
	case NODE_IOTA:
		return run_iota(p, i, out, start, n, err);
	case NODE_CONCAT:
		return run_concat(p, i, out, start, n, err);
	case NODE_LEAF:
	case NODE_VIEW:
	case NODE_CONST:
	case NODE_RESHAPE:
	case NODE_REDUCE:
	case NODE_SCAN:
	case NODE_BLOCK:
		break;
	}
	return error_set(err, ERR_RESOURCE, "%s: a node of kind %d has no kernels", p->d->name, (int)i->x->kind);
}

static int tile_compute(struct pass *p, struct slot *s, int64_t start, int64_t n, struct error *err)
{
	for (struct item *i = p->plan.items; i < p->plan.items + p->plan.n; i++) {
		uint64_t out = elements_of(p, i, s, start);
		int ret = 0;

		switch (i->how) {
		case HOW_KEPT:
		case HOW_FILLED:
			break;
		case HOW_READ:
			ret = run_swap(p, i, out, n, err);
			break;
		case HOW_SPAN:
			ret = run_strided(p, i,
					  own_block(p, i->span, s) + (uint64_t)(i->offset - item_offset(i, start)), out,
					  start, n, err) ||
			      run_swap(p, i, out, n, err);
			break;
		case HOW_GATHER:
			ret = run_strided(p, i, i->address, out, start, n, err) || run_swap(p, i, out, n, err);
			break;
		case HOW_MADE:
			ret = run_made(p, i, s, start, n, err);
			break;
		}
		if (ret)
			return -1;
	}
	return 0;
}

/* -- the ring -- */

/* Wait for what a slot has on its way, and write it. */
static int slot_finish(struct pass *p, struct slot *s, struct error *err)
{
	struct cuda *d = p->d;

	if (!s->used)
		return 0;
	s->used = false;
	if (cuda_check(d, d->api.event_wait(s->down), "computing", err))
		return -1;
	if (*s->found)
		return error_set(err, ERR_VALUE, "integers to negative integer powers are not allowed");
	if (!p->sink)
		return 0;
	return p->sink->write(p->sink, s->out, s->start, s->n, err);
}

static int pass_tile(struct pass *p, struct slot *s, int64_t start, int64_t n, struct error *err)
{
	struct cuda *d = p->d;
	const struct item *last = &p->plan.items[p->plan.n - 1];
	size_t size = dtype_size(last->x->dtype);
	uint64_t out;

	/* Its blocks are written over only when they have been read. */
	if (slot_finish(p, s, err) ||
	    cuda_check(d, d->api.stream_wait_event(d->up, s->computed, 0), "computing", err) ||
	    tile_read(p, s, start, n, err) || tile_compute(p, s, start, n, err))
		return -1;
	out = elements_of(p, last, s, start);
	if (p->target && out != p->target + (uint64_t)start * size &&
	    device_copy(d, p->target + (uint64_t)start * size, out, (size_t)n * size, err))
		return -1;
	if (p->taker && p->taker->take(p->taker->arg, out, start, n, err))
		return -1;
	if (cuda_check(d, d->api.event_record(s->computed, d->main), "computing", err) ||
	    cuda_check(d, d->api.stream_wait_event(d->down, s->computed, 0), "computing", err))
		return -1;
	if (p->sink &&
	    cuda_check(d, d->api.copy_down(s->out, out, (size_t)n * size, d->down), "copying from the device", err))
		return -1;
	if (p->plan.checks && cuda_check(d, d->api.copy_down(s->found, p->flag, sizeof(*s->found), d->down),
					 "copying from the device", err))
		return -1;
	if (cuda_check(d, d->api.event_record(s->down, d->down), "copying from the device", err))
		return -1;
	s->used = true;
	s->start = start;
	s->n = n;
	return 0;
}

/* Constants, and the bytes that whole strided arrays touch. */
static int pass_fill(struct pass *p, struct error *err)
{
	int64_t tile = p->plan.tile;

	for (struct item *i = p->plan.items; i < p->plan.items + p->plan.n; i++) {
		size_t size = dtype_size(i->x->dtype);
		uint64_t bits[2] = { 0, 0 };
		char name[48];

		if (i->how == HOW_GATHER && i->src) {
			if (read_whole(p, i, err))
				return -1;
			i->address = block_at(p, i->span) + (uint64_t)(i->offset - i->low);
		}
		if (i->how != HOW_FILLED)
			continue;
		scalar_store(&i->x->scalar, i->x->dtype, bits);
		snprintf(name, sizeof(name), "fill_%d", (int)size);
		if (launch_map(p->d, name, tile,
			       (void *[]){ &tile, &(uint64_t){ block_at(p, i->block) }, &bits[0], &bits[1] }, err))
			return -1;
	}
	return 0;
}

static void pass_release(struct pass *p)
{
	struct cuda *d = p->d;

	/* What is queued may still use all of it, after a failure, too. */
	d->api.stream_wait(d->up);
	d->api.stream_wait(d->main);
	d->api.stream_wait(d->down);
	for (int k = 0; k < RING; k++) {
		struct slot *s = &p->slot[k];

		for (int e = 0; e < 3; e++) {
			void *event = e == 0 ? s->up : e == 1 ? s->computed : s->down;

			if (event)
				d->api.event_destroy(event);
		}
		if (s->in)
			d->api.host_free(s->in);
		if (s->out)
			d->api.host_free(s->out);
		if (s->found)
			d->api.host_free(s->found);
	}
	device_free(d, p->flag);
	device_free(d, p->arena);
	plan_release(&p->plan);
}

static int pinned(struct cuda *d, void *p, size_t n, struct error *err)
{
	void *got = NULL;

	if (n && cuda_check(d, d->api.host_alloc(&got, n, 0), "memory of the host", err))
		return -1;
	memcpy(p, &got, sizeof(got));
	return 0;
}

/* The arena, with smaller tiles where it does not fit. */
static int pass_arena(struct pass *p, struct error *err)
{
	struct plan *plan = &p->plan;

	for (;;) {
		struct error failed = ERROR_INIT;

		if (!value_alloc(p->d, &p->arena, plan->arena, &failed))
			return 0;
		if (plan->tile <= LEAST_TILE) {
			*err = failed;
			return -1;
		}
		plan_place(plan, plan->tile / 2 < LEAST_TILE ? LEAST_TILE : plan->tile / 2);
		if (p->d->notes)
			text_fmt(p->d->notes, "%s: memory is short, tiles of %" PRId64 " elements\n", p->d->name,
				 plan->tile);
	}
}

static int pass_init(struct pass *p, struct error *err)
{
	struct cuda *d = p->d;
	struct plan *plan = &p->plan;
	int64_t work = plan->high - plan->low;
	size_t result;

	if (plan_make(plan, work < TILE ? work : TILE, err) || pass_arena(p, err))
		return -1;
	result = (size_t)plan->tile * dtype_size(plan->x->dtype);
	if (plan->checks &&
	    (device_alloc(d, &p->flag, sizeof(int32_t), err) || device_zero(d, p->flag, sizeof(int32_t), err)))
		return -1;
	for (int k = 0; k < RING; k++) {
		struct slot *s = &p->slot[k];

		if (pinned(d, &s->in, (size_t)plan->stage, err) || (p->sink && pinned(d, &s->out, result + PAD, err)) ||
		    pinned(d, &s->found, sizeof(*s->found), err) ||
		    cuda_check(d, d->api.event_create(&s->up, CUDA_EVENT_NO_TIMING), "events", err) ||
		    cuda_check(d, d->api.event_create(&s->computed, CUDA_EVENT_NO_TIMING), "events", err) ||
		    cuda_check(d, d->api.event_create(&s->down, CUDA_EVENT_NO_TIMING), "events", err))
			return -1;
		*s->found = 0;
	}
	return pass_fill(p, err);
}

static int pass_run(struct pass *p, struct error *err)
{
	int64_t tiles = 0;
	int ret = pass_init(p, err);

	for (int64_t at = p->plan.low, n; !ret && at < p->plan.high; at += n, tiles++) {
		n = p->plan.high - at < p->plan.tile ? p->plan.high - at : p->plan.tile;
		if (p->taker)
			n = p->taker->size(p->taker->arg, at, n);
		ret = engine_interrupted() ? error_set(err, ERR_RESOURCE, "interrupted")
					   : pass_tile(p, &p->slot[tiles % RING], at, n, err);
	}
	/* In the order of the tiles. */
	for (int64_t k = tiles; !ret && k < tiles + RING; k++)
		ret = slot_finish(p, &p->slot[k % RING], err);
	pass_release(p);
	return ret;
}

int cuda_pass(struct cuda *d, struct node *x, int64_t low, int64_t high, const struct taker *taker, struct error *err)
{
	struct pass p = {
		.plan = { .d = d, .x = plan_solid(x), .low = low, .high = high },
		.d = d,
		.taker = taker,
	};

	return pass_run(&p, err);
}

static struct node *block_input(const struct node *x, int k, enum dtype dtype)
{
	return plan_solid(dtype == x->dtype ? x->in[k] : x->in[k]->in[0]);
}

/* dtype: of its elements, and, where that is not x's, of what the factors of a product are made of (plan_product). */
static int keep_block(struct cuda *d, struct node *x, enum dtype dtype, uint64_t out, struct error *err)
{
	uint64_t *in = calloc((size_t)x->nin + 1, sizeof(*in));
	int kept = 0, ret = -1;

	if (!in)
		return error_memory(err, (size_t)x->nin * sizeof(*in));
	for (; kept < x->nin; kept++) {
		struct node *from = block_input(x, kept, dtype);

		if (from->size && cuda_keep(d, from, err))
			goto done;
		if (from->size)
			value_pin(from);
		in[kept] = from->size ? value_address(from) : 0;
	}
	ret = cuda_block(d, x, dtype, in, out, err);
done:
	for (int k = 0; k < kept; k++)
		if (in[k])
			value_unpin(block_input(x, k, dtype));
	free(in);
	return ret;
}

int cuda_keep(struct cuda *d, struct node *x, struct error *err)
{
	struct pass p = {
		.plan = { .d = d, .x = x, .once = true, .high = x->size },
		.d = d,
	};
	size_t nbytes = (size_t)x->size * dtype_size(x->dtype);
	struct node *product = plan_product(x);
	struct value *v;
	int ret;

	if (value_here(x))
		return 0;
	if (value_alloc(d, &p.target, nbytes, err))
		return -1;
	ret = x->value		       ? pass_run(&p, err)
	      : x->kind == NODE_REDUCE ? cuda_reduce(d, x, p.target, err)
	      : x->kind == NODE_SCAN   ? cuda_scan_node(d, x, p.target, err)
	      : x->kind == NODE_BLOCK  ? keep_block(d, x, x->dtype, p.target, err)
	      : product		       ? keep_block(d, product, x->dtype, p.target, err)
				       : pass_run(&p, err);
	v = ret ? NULL : value_get(d, x, err);
	if (!v) {
		device_free(d, p.target);
		return -1;
	}
	v->p = p.target;
	v->nbytes = nbytes;
	return 0;
}

int cuda_run(struct device *device, struct node *x, struct sink *sink, struct error *err)
{
	struct cuda *d = (struct cuda *)device;
	struct pass p = {
		.plan = { .d = d, .x = plan_solid(x), .high = x->size },
		.d = d,
		.sink = sink,
	};

	return pass_run(&p, err);
}
