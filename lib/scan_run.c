/*
 * Running a scan within a pass.  A tile is cut into regions: parts of rows, and whole rows of one outer array.  What needs nothing of
 * the tiles before it is done at once; what a carry is needed for is done when it is the tile's turn, and the
 * turn is handed on as soon as the carry is known.
 */
#include "pull.h"

#include <stdlib.h>

#include "cpu_level.h"

static scan_table *const levels[] = {
#if X86_LEVELS
	&scan_v2,
	&scan_v3,
	&scan_v4,
#else
	&scan_base,
#endif
};

/* A tile goes on with one array and begins another: of each a part of a row, rows, and a part of a row. */
enum { MAX_OPEN = 6 };

struct scan_state {
	const struct scan_loop *loop;
	struct turns turn;
	char *carry;		    /* of the outer array under way, inner of them */
	int64_t n, inner;	    /* rows, columns */
	int64_t parts;		    /* accumulators an element: 2 for complex sums, which are sums of their parts */
	enum dtype from, acc, made; /* types of x, of the loop, of what it makes; of the parts */
	enum dtype to;
};

static const struct scan_loop *loop_get(const struct node *x, enum dtype acc, int64_t inner)
{
	int type = acc == DT_I64 ? SCAN_I64 : acc == DT_U64 ? SCAN_U64 : acc == DT_F64 ? SCAN_F64 : SCAN_C128;
	const struct scan_loop *narrow = &(*levels[cpu_level()])[1][x->u.scan.op][type];

	return inner <= SCAN_NARROW && narrow->carry ? narrow : &(*levels[cpu_level()])[0][x->u.scan.op][type];
}

int scan_open(struct node *x, struct error *err)
{
	struct scan_state *s = calloc(1, sizeof(*s));
	bool parts = dtype_is_complex(x->dtype) && x->u.scan.op == SCAN_SUM;

	if (!s)
		return error_memory(err, sizeof(*s));
	s->turn = (struct turns)TURNS_INIT;
	s->n = x->shape.dim[x->u.scan.axis];
	s->parts = s->inner = 1 + parts;
	for (int i = x->u.scan.axis + 1; i < x->shape.ndim; i++)
		s->inner *= x->shape.dim[i];
	s->from = parts ? dtype_real(x->in[0]->dtype) : x->in[0]->dtype;
	s->to = parts ? dtype_real(x->dtype) : x->dtype;
	s->acc = parts ? DT_F64 : x->u.scan.acc;
	s->made = x->u.scan.op == SCAN_ARGMAX || x->u.scan.op == SCAN_ARGMIN ? DT_I64 : s->acc;
	s->loop = loop_get(x, s->acc, s->inner);
	s->carry = buffer_alloc((size_t)s->inner * s->loop->carry, err);
	if (!s->carry) {
		free(s);
		return -1;
	}
	x->u.scan.state = s;
	return 0;
}

void scan_close(struct node *x)
{
	struct scan_state *s = x->u.scan.state;

	x->u.scan.state = NULL;
	if (!s)
		return;
	buffer_free(s->carry, (size_t)s->inner * s->loop->carry);
	free(s);
}

void scan_stop(struct node *x, int64_t start)
{
	turns_stop(&x->u.scan.state->turn, start);
}

int64_t scan_step(const struct node *x)
{
	int64_t inner = 1;

	for (int i = x->u.scan.axis + 1; i < x->shape.ndim; i++)
		inner *= x->shape.dim[i];
	return inner <= SCAN_NARROW ? SCAN_CHAINS * SCAN_RUN * inner : 1;
}

/* The region that starts at accumulator at, and ends before end; returns its first column. */
static int64_t region(const struct scan_state *s, int64_t at, int64_t end, struct scan_piece *p)
{
	int64_t in = at % (s->n * s->inner), column = in % s->inner, left = end - at;

	p->first = in / s->inner;
	if (column || left < s->inner) {
		p->rows = 1;
		p->w = left < s->inner - column ? left : s->inner - column;
	} else {
		p->rows = left / s->inner < s->n - p->first ? left / s->inner : s->n - p->first;
		p->w = s->inner;
	}
	return column;
}

/* An outer array that lies in the tile as a whole. */
static void scan_all(const struct scan_state *s, struct scan_piece *p, void *carry, void *base)
{
	p->carry = carry;
	p->base = base;
	if (s->loop->local && p->rows <= SCAN_RUN) {
		s->loop->local(p);
		return;
	}
	s->loop->init(carry, p->w);
	if (!s->loop->local) {
		s->loop->step(p);
		return;
	}
	s->loop->local(p);
	s->loop->join(p);
	s->loop->finish(p);
}

static int scan_regions(struct context *c, struct node *x, const char *in, char *out, int64_t start, int64_t n,
			struct error *err)
{
	struct scan_state *s = x->u.scan.state;
	size_t size = dtype_size(s->acc), made = dtype_size(s->made);
	int64_t first = start * s->parts, end = (start + n) * s->parts, whole = s->n * s->inner;
	struct scan_piece p, open[MAX_OPEN];
	int nopen = 0;
	char *base =
		context_block(c, x->slot + 3, c->tile * s->parts / SCAN_RUN + (MAX_OPEN + 1) * SCAN_NARROW, size, err);
	void *carry = context_block(c, x->slot + 4, whole <= end - first ? s->inner : 1, s->loop->carry, err);

	if (!base || !carry)
		return -1;
	for (int64_t at = first; at < end; at += p.rows * p.w) {
		int64_t column = region(s, at, end, &p);

		p.x = in + (size_t)(at - first) * size;
		p.y = out + (size_t)(at - first) * made;
		if (p.rows * p.w == whole) {
			scan_all(s, &p, carry, base);
			continue;
		}
		p.carry = s->carry + (size_t)column * s->loop->carry;
		p.base = base;
		base += (size_t)((p.rows / SCAN_RUN + 1) * (p.w <= SCAN_NARROW ? p.w : 0)) * size;
		if (s->loop->local)
			s->loop->local(&p);
		open[nopen++] = p;
	}
	if (turns_wait(&s->turn, start))
		return -1;
	for (int i = 0; i < nopen; i++) {
		if (!open[i].first)
			s->loop->init(open[i].carry, open[i].w);
		if (s->loop->local)
			s->loop->join(&open[i]);
		else
			s->loop->step(&open[i]);
	}
	turns_pass(&s->turn, start + n);
	for (int i = 0; s->loop->local && i < nopen; i++)
		s->loop->finish(&open[i]);
	return 0;
}

const void *scan_pull(struct context *c, struct node *x, int64_t start, int64_t n, struct error *err)
{
	struct scan_state *s = x->u.scan.state;
	int64_t room = c->tile * s->parts;
	const void *in = pull(c, x->in[0], start, n, err);
	void *out = context_block(c, x->slot, room, dtype_size(s->to), err), *y = out;

	if (!in || !out)
		return NULL;
	if (s->from != s->acc) {
		void *buf = context_block(c, x->slot + 1, room, dtype_size(s->acc), err);

		if (!buf)
			return NULL;
		kernels_get()->cast[s->from][s->acc](n * s->parts, buf, in);
		in = buf;
	}
	if (s->made != s->to && !(y = context_block(c, x->slot + 2, room, dtype_size(s->made), err)))
		return NULL;
	if (scan_regions(c, x, in, y, start, n, err))
		return NULL;
	if (y != out)
		kernels_get()->cast[s->made][s->to](n * s->parts, out, y);
	return out;
}
