/* Pulling tiles of elements through nodes: one case a kind of node. */
#include "pull.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct context *context_new(int nslots, int64_t tile, bool arena, struct error *err)
{
	struct context *c = calloc(1, sizeof(*c));

	if (!c || !(c->slots = calloc((size_t)nslots + 1, sizeof(*c->slots)))) {
		free(c);
		error_memory(err, (size_t)nslots * sizeof(struct slot));
		return NULL;
	}
	c->nslots = nslots;
	c->tile = tile;
	if (arena && !(c->arena = buffer_alloc(ARENA, err))) {
		context_free(c);
		return NULL;
	}
	return c;
}

void context_free(struct context *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->nslots; i++)
		if (!c->slots[i].borrowed)
			buffer_free(c->slots[i].buf, c->slots[i].room);
	buffer_free(c->arena, ARENA);
	free(c->slots);
	free(c);
}

void *context_block(struct context *c, int slot, int64_t n, size_t itemsize, struct error *err)
{
	struct slot *s = &c->slots[slot];
	size_t need = (size_t)(n < 1 ? 1 : n) * itemsize;

	if (s->room >= need)
		return s->buf;
	if (!s->borrowed)
		buffer_free(s->buf, s->room);
	s->room = 0;
	s->borrowed = c->arena && need < ARENA && c->used < ARENA - need;
	if (s->borrowed) {
		s->buf = c->arena + c->used;
		c->used += (need + SLOT_SLACK + 63) / 64 * 64;
	} else {
		s->buf = buffer_alloc(need, err);
	}
	if (s->buf)
		s->room = need;
	return s->buf;
}

void swap_units(void *p, int64_t n, size_t unit)
{
	switch (unit) {
	case 2:
		for (uint16_t *v = p; n--; v++)
			*v = __builtin_bswap16(*v);
		break;
	case 4:
		for (uint32_t *v = p; n--; v++)
			*v = __builtin_bswap32(*v);
		break;
	case 8:
		for (uint64_t *v = p; n--; v++)
			*v = __builtin_bswap64(*v);
		break;
	default:
		break;
	}
}

#define COPY_RUN(type) \
	do { \
		type *d = (type *)(void *)dst; \
		for (int64_t i = 0; i < n; i++, src += stride) \
			memcpy(d + i, src, sizeof(type)); \
	} while (0)

struct pair64 {
	uint64_t a, b;
};

static void copy_run(unsigned char *dst, const unsigned char *src, int64_t n, int64_t stride, size_t itemsize)
{
	if (stride == (int64_t)itemsize) {
		memcpy(dst, src, (size_t)n * itemsize);
		return;
	}
	switch (itemsize) {
	case 1:
		COPY_RUN(uint8_t);
		break;
	case 2:
		COPY_RUN(uint16_t);
		break;
	case 4:
		COPY_RUN(uint32_t);
		break;
	case 8:
		COPY_RUN(uint64_t);
		break;
	default:
		COPY_RUN(struct pair64);
		break;
	}
}

#undef COPY_RUN

bool layout_turned(const struct layout *l, size_t itemsize)
{
	int64_t last = l->ndim - 1;

	return l->ndim > 1 && l->strides[last - 1] == (int64_t)itemsize && l->strides[last] != (int64_t)itemsize;
}

/* Elements start .. start+n-1 in C order of the strided layout l; base: the byte at place "from" of it. */
static void copy_strided(unsigned char *dst, const struct layout *l, const unsigned char *base, int64_t from,
			 int64_t start, int64_t n, size_t itemsize)
{
	int64_t index[MAX_NDIM], last = l->ndim - 1, rest = start, place = -from;
	const unsigned char *src;
	bool turned = layout_turned(l, itemsize);

	for (int i = l->ndim - 1; i >= 0; i--) {
		index[i] = rest % l->dim[i];
		rest /= l->dim[i];
		place += index[i] * l->strides[i];
	}
	src = base + place;
	while (n > 0) {
		int64_t run = l->dim[last] - index[last], rows = n / l->dim[last];

		if (run > n)
			run = n;
		if (turned && index[last] == 0 && rows > 1) {
			/* All of these rows but the last; that one steps on to the next below. */
			if (rows > l->dim[last - 1] - index[last - 1])
				rows = l->dim[last - 1] - index[last - 1];
			kernels_get()->turn[__builtin_ctzl(itemsize)](dst, run * (int64_t)itemsize, src, rows, run,
								      l->strides[last]);
			dst += rows * run * (int64_t)itemsize;
			n -= rows * run;
			src += (rows - 1) * l->strides[last - 1] + run * l->strides[last];
			index[last - 1] += rows - 1;
			index[last] = run;
		} else {
			copy_run(dst, src, run, l->strides[last], itemsize);
			dst += run * (int64_t)itemsize;
			src += run * l->strides[last];
			index[last] += run;
			n -= run;
		}
		for (int i = (int)last; i > 0 && index[i] == l->dim[i]; i--) {
			src += l->strides[i - 1] - l->dim[i] * l->strides[i];
			index[i] = 0;
			index[i - 1]++;
		}
	}
}

/* Where element i in C order is, in bytes from the first. */
static int64_t layout_place(const struct layout *l, int64_t i)
{
	int64_t at = 0;

	for (int k = l->ndim - 1; k >= 0; k--) {
		at += i % l->dim[k] * l->strides[k];
		i /= l->dim[k];
	}
	return at;
}

static bool aligned(const void *p)
{
	return (uintptr_t)p % 64 == 0;
}

/* Elements of the strip of a transpose that is in memory. */
static const void *pull_strip(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	const struct layout *l = x->layout;
	size_t size = dtype_size(x->dtype);
	int64_t cols = l->dim[1], length = l->strip.rows * cols, at = start % length;
	const unsigned char *data = l->strip.data + (start / length % 2 ? l->strip.half : 0);
	const struct layout rows = { .ndim = 2,
				     .dim = { l->strip.rows, cols },
				     .strides = { l->strip.pitch, (int64_t)size } };
	void *buf;

	if (l->strip.pitch == cols * (int64_t)size && aligned(data + at * (int64_t)size))
		return data + at * (int64_t)size;
	if ((buf = context_block(c, x->slot, n > c->tile ? n : c->tile, size, err)))
		copy_strided(buf, &rows, data, 0, at, n, size);
	return buf;
}

static const void *pull_strided(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	const struct layout *l = x->layout;
	size_t size = dtype_size(x->dtype);
	const unsigned char *data = l->bytes->data;
	void *buf;

	if (l->strip.rows)
		return pull_strip(c, x, start, n, err);
	if (data && l->contiguous && !l->swap) {
		const unsigned char *p = data + l->offset + start * (int64_t)size;

		if (aligned(p))
			return p;
	}
	buf = context_block(c, x->slot, n > c->tile ? n : c->tile, size, err);
	if (!buf)
		return NULL;
	if (l->windowed) {
		int64_t first = layout_place(l, start), end = layout_place(l, start + n - 1) + (int64_t)size;
		unsigned char *window = n ? context_block(c, x->slot + 1, end - first, 1, err) : buf;

		if (!window || (n && source_read(l->bytes, window, (size_t)(end - first), l->offset + first, err)))
			return NULL;
		copy_strided(buf, l, window, first, start, n, size);
	} else if (!l->contiguous)
		copy_strided(buf, l, data + l->offset, 0, start, n, size);
	else if (source_read(l->bytes, buf, (size_t)n * size, l->offset + start * (int64_t)size, err))
		return NULL;
	if (l->swap)
		swap_units(buf, n * (int64_t)(size / dtype_info[x->dtype].swapsize), dtype_info[x->dtype].swapsize);
	return buf;
}

static const void *pull_const(struct context *c, struct node *x, struct error *err)
{
	size_t size = dtype_size(x->dtype);
	bool fresh = !c->slots[x->slot].room;
	unsigned char *buf = context_block(c, x->slot, c->tile + LOOP_PAD, size, err);

	if (!buf)
		return NULL;
	if (fresh) {
		scalar_store(&x->scalar, x->dtype, buf);
		for (size_t have = size, all = (size_t)(c->tile + LOOP_PAD) * size; have < all;) {
			size_t more = have < all - have ? have : all - have;

			memcpy(buf + have, buf, more);
			have += more;
		}
	}
	return buf;
}

/* out[0..n-1] of type from in block slot+1, converted into block slot where the node's type is another. */
static const void *converted(struct context *c, struct node *x, enum dtype from, const void *p, int64_t n,
			     struct error *err)
{
	void *buf;

	if (from == x->dtype)
		return p;
	buf = context_block(c, x->slot, c->tile, dtype_size(x->dtype), err);
	if (buf)
		kernels_get()->cast[from][x->dtype](n, buf, p);
	return buf;
}

static double range_value(const struct range *r, int64_t i)
{
	double v;

	if (i == r->pinned)
		return r->stop;
	v = r->kind == RANGE_ARANGE ? r->start + (double)i * r->step : (double)i * r->step + r->start;
	return r->kind == RANGE_LOGSPACE ? pow(r->base, v) : v;
}

static const void *pull_range(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	const struct range *r = &x->u.range;
	enum dtype type = range_type(x);
	void *buf = context_block(c, x->slot + 1, c->tile, 8, err);
	if (!buf)
		return NULL;
	if (type == DT_I64) {
		uint64_t *v = buf;

		for (int64_t i = 0; i < n; i++)
			v[i] = (uint64_t)r->istart + (uint64_t)(start + i) * (uint64_t)r->istep;
	} else if (type == DT_F32) {
		float *v = buf, first = (float)r->start, step = (float)(r->start + r->step) - first;

		for (int64_t i = 0; i < n; i++)
			v[i] = first + (float)(start + i) * step;
	} else if (r->kind == RANGE_GEOMSPACE) {
		double *v = buf;

		/* As numpy.geomspace: powers of ten between the logarithms, with the sign of start. */
		for (int64_t i = 0; i < n; i++)
			v[i] = start + i == 0 ? r->base
			       : start + i == r->pinned
				       ? r->stop
				       : copysign(pow(10.0, (double)(start + i) * r->step + r->start), r->base);
	} else {
		double *v = buf;

		for (int64_t i = 0; i < n; i++)
			v[i] = range_value(r, start + i);
		if (dtype_is_int(x->dtype))
			for (int64_t i = 0; i < n; i++)
				v[i] = floor(v[i]);
	}
	return converted(c, x, type, buf, n, err);
}

static const void *pull_iota(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	int64_t *v = context_block(c, x->slot, c->tile, 8, err), inner = 1, dim = x->shape.dim[x->u.axis], at, step;

	if (!v)
		return NULL;
	for (int i = x->u.axis + 1; i < x->shape.ndim; i++)
		inner *= x->shape.dim[i];
	at = start / inner % dim;
	step = start % inner;
	for (int64_t i = 0; i < n; i++) {
		v[i] = at;
		if (++step == inner) {
			step = 0;
			at = at + 1 == dim ? 0 : at + 1;
		}
	}
	return v;
}

static const void *pull_random(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	const struct random_param *p = &x->u.random;
	enum dtype type = random_type(p);
	void *buf = context_block(c, x->slot + 1, c->tile, 8, err), *out;
	double most;

	if (!buf)
		return NULL;
	random_fill(p, start, n, buf);
	if (random_limit(p, x->dtype, &most)) {
		double *v = buf;

		for (int64_t i = 0; i < n; i++)
			v[i] = v[i] > most ? most : v[i];
	}
	out = (void *)converted(c, x, type, buf, n, err);
	return out;
}

/* Input i of a map, in the type of the loop. */
static const void *map_input(struct context *c, struct node *x, int i, enum dtype type, int64_t start, int64_t n,
			     struct error *err)
{
	struct node *in = x->in[i];
	const void *p = pull(c, in, start, n, err);
	bool constant = in->kind == NODE_CONST;
	struct slot *s;
	bool fresh;
	void *buf;

	if (!p || in->dtype == type)
		return p;
	s = &c->slots[x->slot + 1 + i];
	fresh = !s->room;
	if (constant)
		n = c->tile;
	buf = context_block(c, x->slot + 1 + i, c->tile, dtype_size(type), err);
	if (buf && (!constant || fresh))
		kernels_get()->cast[in->dtype][type](n, buf, p);
	return buf;
}

static int check_exponents(const struct node *x, const void *exponents, int64_t n, struct error *err)
{
	size_t size = dtype_size(x->u.map.loop);
	const unsigned char *p = exponents;

	/* The sign is in the last byte of a little-endian integer. */
	for (int64_t i = 0; i < n; i++)
		if (p[(size_t)i * size + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? size - 1 : 0)] & 0x80)
			return error_set(err, ERR_VALUE, "integers to negative integer powers are not allowed");
	return 0;
}

static const void *pull_map(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	const struct kernels *k = kernels_get();
	enum dtype loop = x->u.map.loop, made;
	const void *in[MAP_MAX_IN] = { NULL };
	void *out;

	/* What comes out of the loop, before it is rounded to a half type. */
	made = x->dtype == DT_F16 || x->dtype == DT_BF16 ? (loop == DT_F32 ? DT_F32 : x->dtype) : x->dtype;
	for (int i = 0; i < x->nin; i++) {
		in[i] = map_input(c, x, i, i == 0 && x->u.map.condition ? DT_BOOL : loop, start, n, err);
		if (!in[i])
			return NULL;
	}
	if (x->u.map.id == MAP_power && dtype_info[loop].kind == 'i' && check_exponents(x, in[1], n, err))
		return NULL;
	out = context_block(c, made == x->dtype ? x->slot : x->slot + 1 + MAP_MAX_IN, c->tile, dtype_size(made), err);
	if (!out)
		return NULL;
	k->map[x->u.map.id][loop](n, out, in);
	return converted(c, x, made, out, n, err);
}

/* rows pieces of n bytes each, from places from apart to places to apart. */
static void copy_pieces(unsigned char *dst, int64_t to, const unsigned char *src, int64_t from, int64_t rows, size_t n)
{
#define PIECES(size) \
	for (int64_t i = 0; i < rows; i++) \
	memcpy(dst + i * to, src + i * from, size)
	switch (n) {
	case 1:
		PIECES(1);
		break;
	case 2:
		PIECES(2);
		break;
	case 4:
		PIECES(4);
		break;
	case 8:
		PIECES(8);
		break;
	case 16:
		PIECES(16);
		break;
	default:
		PIECES(n);
		break;
	}
#undef PIECES
}

/*
 * Along the last axes a row has a piece of each input.  The elements of one input in a tile follow each other there, too, so
 * each input is asked once for a tile, however short its pieces are.
 */
static const void *pull_concat(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	int64_t size = (int64_t)dtype_size(x->dtype), inner = 1, row, first = 0, end = start + n;
	unsigned char *buf = context_block(c, x->slot, c->tile, (size_t)size, err);

	if (!buf)
		return NULL;
	for (int i = x->u.axis + 1; i < x->shape.ndim; i++)
		inner *= x->shape.dim[i];
	row = x->shape.dim[x->u.axis] * inner;
	for (int k = 0; k < x->nin && n; k++) {
		int64_t w = x->in[k]->shape.dim[x->u.axis] * inner, from, to, r = start / row, last = end / row;
		const unsigned char *p;

		/* Its elements before the tile, and before the end of it. */
		from = start % row - first;
		from = r * w + (from < 0 ? 0 : from < w ? from : w);
		to = end % row - first;
		to = last * w + (to < 0 ? 0 : to < w ? to : w);
		if (from < to) {
			if (!(p = pull(c, x->in[k], from, to - from, err)))
				return NULL;
			p -= from * size;
			/* The rest of a row that has begun, whole rows, the beginning of one that goes on. */
			if (from % w) {
				int64_t have = w - from % w < to - from ? w - from % w : to - from;

				r = from / w;
				memcpy(buf + (r * row + first + from % w - start) * size, p + from * size,
				       (size_t)(have * size));
				from += have;
			}
			r = from / w;
			if (to / w > r)
				copy_pieces(buf + (r * row + first - start) * size, row * size, p + from * size,
					    w * size, to / w - r, (size_t)(w * size));
			if (from < to && to % w)
				memcpy(buf + (to / w * row + first - start) * size, p + to / w * w * size,
				       (size_t)(to % w * size));
		}
		first += w;
	}
	return buf;
}

const void *pull(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	struct slot *s = &c->slots[x->slot];
	const void *p = NULL;

	if (x->value) {
		const unsigned char *v = x->value->data + start * (int64_t)dtype_size(x->dtype);
		void *buf;

		if (aligned(v))
			return v;
		buf = context_block(c, x->slot, c->tile, dtype_size(x->dtype), err);
		if (buf)
			memcpy(buf, v, (size_t)n * dtype_size(x->dtype));
		return buf;
	}
	/* The same tile again, or a part of it: a node with several users, or a stream, which cannot be read twice. */
	if (n && start >= s->start && start + n <= s->start + s->n) {
		const unsigned char *part =
			(const unsigned char *)s->p + (start - s->start) * (int64_t)dtype_size(x->dtype);

		if (aligned(part))
			return part;
	}
	s->n = 0;
	switch (x->kind) {
	case NODE_LEAF:
	case NODE_VIEW:
		p = pull_strided(c, x, start, n, err);
		break;
	case NODE_CONST:
		p = pull_const(c, x, err);
		break;
	case NODE_RANGE:
		p = pull_range(c, x, start, n, err);
		break;
	case NODE_IOTA:
		p = pull_iota(c, x, start, n, err);
		break;
	case NODE_RANDOM:
		p = pull_random(c, x, start, n, err);
		break;
	case NODE_MAP:
		p = pull_map(c, x, start, n, err);
		break;
	case NODE_CAST:
		p = pull(c, x->in[0], start, n, err);
		if (p)
			p = converted(c, x, x->in[0]->dtype, p, n, err);
		break;
	case NODE_RESHAPE:
		p = pull(c, x->in[0], start, n, err);
		break;
	case NODE_CONCAT:
		p = pull_concat(c, x, start, n, err);
		break;
	case NODE_REDUCE: {
		void *buf = context_block(c, x->slot, c->tile, dtype_size(x->dtype), err);

		if (buf && !reduce_pull(c, x, start, n, buf, err))
			p = buf;
		break;
	}
	case NODE_SCAN:
		p = scan_pull(c, x, start, n, err);
		break;
	case NODE_BLOCK: /* always kept before it is pulled */
		break;
	}
	if (p) {
		s->start = start;
		s->n = n;
		s->p = p;
	}
	return p;
}
