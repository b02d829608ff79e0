/* Which passes a graph takes, which streams they share, and how long the values are needed that they keep. */
#include "passes.h"

#include <stdlib.h>

int next_pass(void)
{
	static atomic_int last;

	return atomic_fetch_add(&last, 1) + 1;
}

bool leaf_streams(const struct node *x)
{
	return x->kind == NODE_LEAF && !x->value && !x->layout && x->u.array.src->sequential;
}

/*
 * Can the elements be read from their file in tiles?  They must lie in C order, one in 16 bytes or so, without gaps that a tile
 * should not read.
 */
static bool windowed(const struct node *x)
{
	enum { MOST = 16, GAP = 1 << 20 };
	int64_t itemsize = (int64_t)dtype_size(x->dtype), extent = itemsize, size = 1;

	for (int i = x->shape.ndim - 1; i >= 0; i--) {
		int64_t dim = x->shape.dim[i];

		if (dim == 1)
			continue;
		if (dim < 1 || x->strides[i] < extent || x->strides[i] - extent > GAP)
			return false;
		extent += x->strides[i] * (dim - 1);
		size *= dim;
	}
	return extent / MOST <= size * itemsize;
}

bool node_scattered(const struct node *x)
{
	const struct node *leaf = x->kind == NODE_VIEW ? x->in[0] : x;

	return x->size && !node_contiguous(x) && (leaf->u.array.src->sequential || !windowed(x));
}

int64_t strided_span(const struct shape *s, const int64_t *strides, int64_t offset, size_t itemsize, int64_t *first)
{
	int64_t low = offset, high = offset;

	for (int i = 0; i < s->ndim; i++)
		if (s->dim[i] > 1)
			*(strides[i] < 0 ? &low : &high) += strides[i] * (s->dim[i] - 1);
	*first = low;
	return high - low + (int64_t)itemsize;
}

int64_t leaf_span(const struct node *x, int64_t *first)
{
	const struct array *a = &x->u.array;
	int64_t n;

	*first = 0;
	n = x->size ? strided_span(&a->shape, a->strides, a->offset, dtype_size(a->dtype), first) : 0;
	/* A stream is read from its first byte, and to its end, where it verifies itself. */
	if (a->src->sequential) {
		n += *first;
		*first = 0;
		if (a->src->nbytes > n)
			n = a->src->nbytes;
	}
	return n;
}

void layout_axes(struct layout *l, const struct node *x)
{
	l->ndim = 0;
	for (int i = 0; i < x->shape.ndim; i++) {
		if (x->shape.dim[i] == 1)
			continue;
		if (l->ndim && l->strides[l->ndim - 1] == x->strides[i] * x->shape.dim[i]) {
			l->dim[l->ndim - 1] *= x->shape.dim[i];
			l->strides[l->ndim - 1] = x->strides[i];
		} else {
			l->dim[l->ndim] = x->shape.dim[i];
			l->strides[l->ndim++] = x->strides[i];
		}
	}
	if (!l->ndim) {
		l->dim[0] = 1;
		l->strides[0] = 0;
		l->ndim = 1;
	}
}

bool is_barrier(const struct node *x)
{
	return x->kind == NODE_REDUCE || x->kind == NODE_BLOCK || (x->kind == NODE_SCAN && x->whole);
}

int block_threads(const struct node *x)
{
	enum { SMALL = 1 << 14 };
	int64_t most = x->size;

	for (int i = 0; i < x->nin; i++)
		most = x->in[i]->size > most ? x->in[i]->size : most;
	return most < SMALL ? 1 : engine_threads();
}

int64_t tile_elements(int64_t bytes, int64_t least)
{
	int64_t n = TILE_BYTES / bytes / CHUNK * CHUNK;

	n = n < MIN_TILE ? MIN_TILE : n > MAX_TILE ? MAX_TILE : n;
	return !least ? n : least > n ? least : n / least * least;
}

/* A transpose is copied in squares: a tile that ends within one would fetch its lines twice. */
int64_t turned_least(const struct layout *l, size_t itemsize)
{
	int64_t cols = l->dim[l->ndim - 1], rows = TURN_SIDE(itemsize);

	if (!layout_turned(l, itemsize) || !cols)
		return 0;
	if (cols >= MAX_TURNED)
		return MAX_TURNED;
	return cols * (rows < MAX_TURNED / cols ? rows : MAX_TURNED / cols);
}

static bool list_streams(struct node *x, struct node **streams, int *n, int pass, bool in_step)
{
	if (x->pass == pass || x->value)
		return true;
	x->pass = pass;
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW) {
		if (x->kind == NODE_VIEW || !x->u.array.src->sequential || x->loads)
			return true;
		if (!in_step || *n == MAX_STREAMS)
			return false;
		streams[(*n)++] = x;
		return true;
	}
	if (x->kind == NODE_SCAN && !in_step)
		return false;
	in_step = in_step &&
		  (x->kind == NODE_MAP || x->kind == NODE_CAST || x->kind == NODE_RESHAPE || x->kind == NODE_SCAN);
	for (int i = 0; i < x->nin; i++)
		if (!list_streams(x->in[i], streams, n, pass, in_step))
			return false;
	return true;
}

int pass_streams(struct node *x, struct node *streams[MAX_STREAMS])
{
	int n = 0;

	return list_streams(x, streams, &n, next_pass(), true) ? n : -1;
}

/* == the survey == */

/* Add x to a list, unless it is there. */
static int list_add(struct node ***list, int *n, int *room, struct node *x, struct error *err)
{
	for (int i = 0; i < *n; i++)
		if ((*list)[i] == x)
			return 0;
	if (*n == *room) {
		int more = *room ? 2 * *room : 16;
		struct node **p = realloc(*list, (size_t)more * sizeof(*p));

		if (!p)
			return error_memory(err, (size_t)more * sizeof(*p));
		*list = p;
		*room = more;
	}
	(*list)[(*n)++] = x;
	return 0;
}

static int survey_root(struct survey *s, struct node *x, struct error *err)
{
	x->rooted = true;
	return list_add(&s->roots, &s->nroots, &s->roots_room, x, err);
}

static int survey_load(struct survey *s, struct node *x, struct error *err)
{
	x->loads = true;
	return list_add(&s->loads, &s->nloads, &s->loads_room, x, err);
}

/*
 * Each pass root marks what it reaches; a stream reached from a second root, or with a tile order of its own (below concat),
 * cannot stay one.
 */
static int survey_visit(struct survey *s, struct node *x, int pass, int first_pass, bool lockstep, struct error *err)
{
	if (leaf_streams(x)) {
		bool again = x->loads || (x->pass >= first_pass && (x->pass != pass || !lockstep));

		x->pass = pass;
		return again ? survey_load(s, x, err) : 0;
	}
	if (x->value)
		return 0;
	if (x->pass == pass) {
		/* Asked for in another order, too, a scan is computed before. */
		if (x->kind == NODE_SCAN && !lockstep) {
			x->whole = true;
			return survey_root(s, x, err);
		}
		return 0;
	}
	x->pass = pass;
	for (int i = 0; i < x->nin; i++) {
		struct node *in = x->in[i];

		if (is_barrier(in) || x->kind == NODE_VIEW || x->kind == NODE_BLOCK) {
			if (leaf_streams(in) ? survey_load(s, in, err) : survey_root(s, in, err))
				return -1;
		} else if (survey_visit(s, in, pass, first_pass, lockstep && x->kind != NODE_CONCAT, err)) {
			return -1;
		}
	}
	return 0;
}

/* Does computing x need in as a whole? */
static bool reads_whole(const struct node *x, const struct node *in)
{
	return is_barrier(in) || x->kind == NODE_BLOCK || (x->kind == NODE_VIEW && in->kind != NODE_LEAF);
}

/*
 * What the pass of root reads of what other passes keep, or may keep, stays until that pass is done: room in held is made
 * as it is needed.
 */
static int hold_inputs(struct node *root, struct node *x, int pass, int *room, struct error *err)
{
	if (x->pass == pass)
		return 0;
	x->pass = pass;
	for (int i = 0; i < x->nin; i++) {
		struct node *in = x->in[i];
		bool whole = reads_whole(x, in);

		if ((whole || in->value || in->rooted) && in->pass != pass) {
			if (list_add(&root->held, &root->nheld, room, in, err))
				return -1;
			in->holds++;
		}
		if (whole)
			in->pass = pass;
		else if (hold_inputs(root, in, pass, room, err))
			return -1;
	}
	return 0;
}

int survey_make(struct survey *s, int n, struct node *const x[], bool zipped, struct error *err)
{
	int first = next_pass();

	*s = (struct survey){ .nroots = 0 };
	for (int i = 0; i < n; i++)
		if (survey_root(s, x[i], err))
			return -1;
	/* roots grows while it is walked */
	for (int i = 0; i < s->nroots; i++)
		if (survey_visit(s, s->roots[i], next_pass(), first, true, err))
			return -1;
	for (int i = 0; i < s->nroots; i++)
		strips_find(s->roots[i], !zipped || i >= n);
	for (int i = 0; i < s->nroots; i++) {
		int room = 0;

		/* Those that are held from before need what they held then. */
		if (!s->roots[i]->value && !s->roots[i]->nheld &&
		    hold_inputs(s->roots[i], s->roots[i], next_pass(), &room, err))
			return -1;
	}
	return 0;
}

void survey_release(struct survey *s)
{
	free(s->roots);
	free(s->loads);
}
