/*
 * Planning a pass on the device: the items and their blocks.  Blocks of the same itemsize are used again after the last use of what is in
 * them, so that a chain needs two or three, whatever its length.
 */
#include "cuda/plan.h"

#include <stdlib.h>
#include <string.h>

enum { PAD = 512, ALIGN = 256, WHOLE_STAGE = 8 << 20 };

/* Room for one more of each bytes in a list of n. */
static void *grow(void *list, int n, int *room, size_t each, struct error *err)
{
	int more = *room ? 2 * *room : 16;

	if (n < *room)
		return list;
	list = realloc(list, (size_t)more * each);
	if (!list)
		error_memory(err, (size_t)more * each);
	else
		*room = more;
	return list;
}

static int pin(struct plan *p, struct node *x, struct error *err)
{
	struct node **list = grow(p->pinned, p->npinned, &p->pinned_room, sizeof(*list), err);

	if (!list)
		return -1;
	p->pinned = list;
	p->pinned[p->npinned++] = x;
	value_pin(x);
	return 0;
}

static int keep_pinned(struct plan *p, struct node *x, struct error *err)
{
	x = plan_solid(x);
	return cuda_keep(p->d, x, err) || pin(p, x, err) ? -1 : 0;
}

struct node *plan_product(const struct node *x)
{
	struct node *p = x->kind == NODE_CAST ? x->in[0] : NULL;

	if (!p || (x->dtype != DT_F16 && x->dtype != DT_BF16) || p->kind != NODE_BLOCK ||
	    p->u.block.id != BLOCK_MATMUL || p->dtype != DT_F32 || p->value || value_here(p))
		return NULL;
	for (int k = 0; k < 2; k++)
		if (p->in[k]->kind != NODE_CAST || p->in[k]->in[0]->dtype != x->dtype)
			return NULL;
	return p;
}

bool plan_whole(const struct node *x)
{
	return x->kind == NODE_REDUCE || x->kind == NODE_SCAN || x->kind == NODE_BLOCK || plan_product(x);
}

struct node *plan_solid(struct node *x)
{
	while (x->kind == NODE_RESHAPE && !x->value && !value_here(x))
		x = x->in[0];
	return x;
}

enum dtype map_made(const struct node *x)
{
	return (x->dtype == DT_F16 || x->dtype == DT_BF16) && x->u.map.loop == DT_F32 ? DT_F32 : x->dtype;
}

/* -- leaves and views -- */

/* The layout of x's strides with axes merged where they allow it; is it contiguous? */
static bool item_layout(struct item *i, const struct node *x)
{
	struct strided_layout *l = &i->layout;
	int64_t low = 0, high = 0, step = (int64_t)dtype_size(x->dtype);
	bool contiguous = true;

	l->ndim = 0;
	for (int k = 0; k < x->shape.ndim; k++) {
		int64_t dim = x->shape.dim[k], stride = x->strides[k];

		if (dim == 1)
			continue;
		if (l->ndim && l->stride[l->ndim - 1] == stride * dim) {
			l->dim[l->ndim - 1] *= dim;
			l->stride[l->ndim - 1] = stride;
		} else {
			l->dim[l->ndim] = dim;
			l->stride[l->ndim++] = stride;
		}
	}
	for (int64_t k = l->ndim - 1; k >= 0; k--) {
		*(l->stride[k] < 0 ? &low : &high) += l->stride[k] * (l->dim[k] - 1);
		contiguous = contiguous && l->stride[k] == step;
		step *= l->dim[k];
	}
	i->low = i->offset + low;
	i->nbytes = high - low + (int64_t)dtype_size(x->dtype);
	return contiguous;
}

/* Do offsets grow with the index in C order?  Then the bytes between the first and last of a tile are few. */
static bool ascending(const struct strided_layout *l)
{
	int64_t inside = 0;

	for (int64_t k = l->ndim - 1; k >= 0; k--) {
		if (l->stride[k] <= inside)
			return false;
		inside += l->stride[k] * (l->dim[k] - 1);
	}
	return true;
}

int64_t item_offset(const struct item *i, int64_t index)
{
	int64_t offset = i->offset;

	for (int64_t k = i->layout.ndim - 1; k >= 0; k--) {
		offset += index % i->layout.dim[k] * i->layout.stride[k];
		index /= i->layout.dim[k];
	}
	return offset;
}

/* -- what must be whole -- */

/*
 * A leaf that an earlier pass has read, too, is kept from now on if there is room, so that it is copied up once more and never
 * again.
 */
static int prepare_leaf(struct plan *p, struct node *leaf, bool viewed, struct error *err)
{
	struct source *src = leaf->u.array.src;
	size_t available = 0, total = 0;

	/* What else reads a stream is not in step with it, or it would be loaded already (engine_share). */
	if (src->sequential)
		return viewed || !node_contiguous(leaf) ? engine_load_leaf(leaf, err) : 0;
	if ((p->once && leaf == p->x) || !leaf->kept || !node_contiguous(leaf))
		return 0;
	if (value_here(leaf))
		return pin(p, leaf, err);
	if (cuda_check(p->d, p->d->api.memory_info(&available, &total), "asking for memory", err))
		return -1;
	return (size_t)leaf->size * dtype_size(leaf->dtype) <= available / 2 ? keep_pinned(p, leaf, err) : 0;
}

/* Keep and pin what the pass needs whole.  Passes that keep it leave marks of their own, so a node may be seen twice. */
static int prepare(struct plan *p, struct node *node, int mark, struct error *err)
{
	struct node *x = plan_solid(node), *base;
	bool whole = plan_whole(x) && !x->value;

	if (x->pass == mark)
		return 0;
	x->pass = mark;
	if (value_here(x) || whole)
		return keep_pinned(p, x, err);
	if (x->value)
		return 0;
	switch (x->kind) {
	case NODE_LEAF:
		return prepare_leaf(p, x, false, err);
	case NODE_VIEW:
		base = x->in[0];
		return base->kind == NODE_LEAF ? prepare_leaf(p, base, true, err) : keep_pinned(p, base, err);
	case NODE_CONCAT:
		for (int k = 0; k < x->nin; k++)
			if (x->in[k]->size && keep_pinned(p, x->in[k], err))
				return -1;
		return 0;
	default:
		for (int k = 0; k < x->nin; k++)
			if (prepare(p, x->in[k], mark, err))
				return -1;
		return 0;
	}
}

/* -- items -- */

/* Where the elements of a leaf or a view are. */
static int read_item(struct plan *p, struct item *i, struct error *err)
{
	struct node *x = i->x, *base = x->kind == NODE_LEAF ? x : plan_solid(x->in[0]);
	bool leaf = x == base || x->in[0]->kind == NODE_LEAF, contiguous;

	i->offset = x->offset;
	if (!leaf || (value_here(base) && node_contiguous(base))) {
		i->address = value_address(base);
		i->offset -= leaf ? base->offset : 0;
	} else {
		i->src = base->u.array.src;
		i->offset += x == base ? 0 : base->u.array.offset - base->offset;
		i->swap = base->u.array.swap;
		if (!value_get(p->d, base, err))
			return -1;
	}
	contiguous = item_layout(i, x);
	if (i->src)
		i->how = contiguous ? HOW_READ : ascending(&i->layout) ? HOW_SPAN : HOW_GATHER;
	else
		i->how = contiguous ? HOW_KEPT : HOW_GATHER;
	i->address += i->src ? 0 : (uint64_t)i->offset;
	return 0;
}

/* List x after its inputs. */
static int list_items(struct plan *p, struct node *node, int mark, struct error *err)
{
	struct node *x = plan_solid(node);
	struct item i = { .x = x, .how = HOW_MADE, .block = -1, .span = -1, .temporary = { -1, -1, -1, -1, -1 } },
		    *list;

	if (x->pass == mark)
		return 0;
	if (value_here(x)) {
		i.how = HOW_KEPT;
		i.address = value_address(x);
	} else if (x->value) {
		i.how = HOW_READ;
		i.src = x->value;
	} else if (x->kind == NODE_LEAF || x->kind == NODE_VIEW) {
		if (read_item(p, &i, err))
			return -1;
	} else if (x->kind == NODE_CONST) {
		i.how = HOW_FILLED;
	} else if (x->kind != NODE_CONCAT) {
		for (int k = 0; k < x->nin; k++)
			if (list_items(p, x->in[k], mark, err))
				return -1;
	}
	list = grow(p->items, p->n, &p->room, sizeof(*list), err);
	if (!list)
		return -1;
	p->items = list;
	x->pass = mark;
	x->slot = p->n;
	p->items[p->n++] = i;
	return 0;
}

/* -- blocks -- */

static int block_new(struct plan *p, size_t itemsize, bool shared, struct error *err)
{
	struct block *list;

	for (int k = 0; k < p->nblocks && shared; k++)
		if (p->blocks[k].free && p->blocks[k].itemsize == itemsize) {
			p->blocks[k].free = false;
			return k;
		}
	list = grow(p->blocks, p->nblocks, &p->blocks_room, sizeof(*list), err);
	if (!list)
		return -1;
	p->blocks = list;
	p->blocks[p->nblocks] = (struct block){ .itemsize = itemsize };
	return p->nblocks++;
}

/* RING blocks that are not shared; the first of them. */
static int blocks_new(struct plan *p, size_t itemsize, struct error *err)
{
	int first = block_new(p, itemsize, false, err);

	for (int k = 1; k < RING && first >= 0; k++)
		if (block_new(p, itemsize, false, err) < 0)
			return -1;
	return first;
}

static int temporary(struct plan *p, struct item *i, int k, enum dtype d, struct error *err)
{
	i->temporary[k] = block_new(p, dtype_size(d), true, err);
	return i->temporary[k];
}

/* What an item needs beside its result. */
static int temporaries(struct plan *p, struct item *i, struct error *err)
{
	struct node *x = i->x;

	switch (x->kind) {
	case NODE_MAP:
		p->checks = p->checks || (x->u.map.id == MAP_power && dtype_info[x->u.map.loop].kind == 'i');
		for (int k = 0; k < x->nin; k++) {
			enum dtype want = k == 0 && x->u.map.condition ? DT_BOOL : x->u.map.loop;

			if (x->in[k]->dtype != want && temporary(p, i, k, want, err) < 0)
				return -1;
		}
		return map_made(x) != x->dtype && temporary(p, i, MAP_MAX_IN, map_made(x), err) < 0 ? -1 : 0;
	case NODE_RANGE:
	case NODE_RANDOM:
		return temporary(p, i, 0, DT_F64, err) < 0 ? -1 : 0;
	default:
		return 0;
	}
}

static bool shares(const struct item *i)
{
	return i->how == HOW_MADE || i->how == HOW_GATHER;
}

static int plan_blocks(struct plan *p, struct error *err)
{
	struct item *last = &p->items[p->n - 1];

	for (int k = 0; k < p->n; k++) {
		struct node *x = p->items[k].x;

		if (p->items[k].how == HOW_MADE && x->kind != NODE_CONCAT)
			for (int j = 0; j < x->nin; j++)
				p->items[plan_solid(x->in[j])->slot].uses++;
	}
	for (struct item *i = p->items; i <= last; i++) {
		size_t size = dtype_size(i->x->dtype);

		if (i->how == HOW_KEPT)
			continue;
		/* A result on its way down, and elements on their way up, are not written over by the next tile. */
		i->block = i->how == HOW_READ || (i == last && shares(i)) ? blocks_new(p, size, err)
									  : block_new(p, size, shares(i), err);
		if (i->block < 0 || (i->how == HOW_SPAN && (i->span = blocks_new(p, 0, err)) < 0))
			return -1;
		if (i->how == HOW_GATHER && i->src) {
			if ((i->span = block_new(p, 0, false, err)) < 0)
				return -1;
			p->blocks[i->span].bytes = i->nbytes;
		}
		if (i->how != HOW_MADE)
			continue;
		if (temporaries(p, i, err))
			return -1;
		for (int k = 0; k < NTEMPORARIES; k++)
			if (i->temporary[k] >= 0)
				p->blocks[i->temporary[k]].free = true;
		for (int j = 0; j < i->x->nin && i->x->kind != NODE_CONCAT; j++) {
			struct item *in = &p->items[plan_solid(i->x->in[j])->slot];

			if (!--in->uses && shares(in))
				p->blocks[in->block].free = true;
		}
	}
	return 0;
}

/* The most bytes between the first and last element of a tile. */
static int64_t span_bytes(const struct plan *p, const struct item *i)
{
	int64_t most = 0;

	for (int64_t at = p->low; at < p->high; at += p->tile) {
		int64_t end = p->high - at < p->tile ? p->high : at + p->tile;
		int64_t n = item_offset(i, end - 1) - item_offset(i, at);

		most = n > most ? n : most;
	}
	return most + (int64_t)dtype_size(i->x->dtype);
}

static size_t rounded(size_t n)
{
	return (n + PAD + ALIGN - 1) / ALIGN * ALIGN;
}

void plan_place(struct plan *p, int64_t tile)
{
	int64_t whole = 0;

	p->tile = tile;
	p->stage = 0;
	for (struct item *i = p->items; i < p->items + p->n; i++) {
		int64_t bytes = tile * (int64_t)dtype_size(i->x->dtype);

		if (i->how == HOW_SPAN) {
			bytes = span_bytes(p, i);
			for (int k = 0; k < RING; k++)
				p->blocks[i->span + k].bytes = bytes;
		}
		i->stage = p->stage;
		if (i->how == HOW_READ || i->how == HOW_SPAN)
			p->stage += (int64_t)rounded((size_t)bytes);
		else if (i->how == HOW_GATHER && i->src)
			whole = i->nbytes > whole ? i->nbytes : whole;
	}
	/* Whole arrays go through the same memory, before the first tile, in pieces. */
	if (whole)
		whole = whole < WHOLE_STAGE ? (int64_t)rounded((size_t)whole) : WHOLE_STAGE;
	p->stage = p->stage > whole ? p->stage : whole;
	p->arena = 0;
	for (struct block *b = p->blocks; b < p->blocks + p->nblocks; b++) {
		b->at = p->arena;
		p->arena += rounded(b->itemsize ? b->itemsize * (size_t)tile : (size_t)b->bytes);
	}
}

int plan_make(struct plan *p, int64_t tile, struct error *err)
{
	if (prepare(p, p->x, engine_mark(), err) || list_items(p, p->x, engine_mark(), err) || plan_blocks(p, err))
		return -1;
	plan_place(p, tile);
	return 0;
}

void plan_release(struct plan *p)
{
	for (int k = 0; k < p->npinned; k++)
		value_unpin(p->pinned[k]);
	free(p->pinned);
	free(p->items);
	free(p->blocks);
}
