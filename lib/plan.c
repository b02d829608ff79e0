/* Telling what the engine would do with a node: its passes, what they read, compute and write. */
#include "plan.h"

#include <inttypes.h>

#include "engine.h"

static const char *const map_names[] = {
#define MAP(id, ...) #id,
#include "ops.def"
};

static const char *const reduce_names[] = {
#define REDUCE(id, ...) #id,
#include "ops.def"
};

static const char *const scan_names[NSCANS] = {
	[SCAN_SUM] = "cumulative_sum",
	[SCAN_PROD] = "cumulative_prod",
	[SCAN_MAX] = "cummax",
	[SCAN_MIN] = "cummin",
	[SCAN_LOGSUMEXP] = "logcumsumexp",
	[SCAN_ARGMAX] = "cummax indices",
	[SCAN_ARGMIN] = "cummin indices",
};

struct plan {
	struct text *out;
	int passes;
	const struct node *told[256];
	int ntold;
};

/* One pass, while it is put together. */
struct line {
	struct text reads, ops;
	const struct node *seen[256];
	int nseen;
};

static void tell_pass(struct plan *p, const struct node *x, bool keep);

static void tell_read(struct line *l, const struct node *x, int64_t elements)
{
	text_fmt(&l->reads, "%s%s (%" PRId64 " bytes)", l->reads.len ? ", " : "", x->label ? x->label : "memory",
		 elements * (int64_t)dtype_size(x->dtype));
}

static void tell_op(struct line *l, const char *name)
{
	text_fmt(&l->ops, "%s%s", l->ops.len ? ", " : "", name);
}

static bool first_time(const struct node *seen[256], int *n, const struct node *x)
{
	for (int i = 0; i < *n; i++)
		if (seen[i] == x)
			return false;
	if (*n < 256)
		seen[(*n)++] = x;
	return true;
}

static void tell_inputs(struct plan *p, struct line *l, const struct node *x);

static void tell_node(struct plan *p, struct line *l, const struct node *x)
{
	if (!first_time(l->seen, &l->nseen, x))
		return;
	switch (x->kind) {
	case NODE_LEAF:
		tell_read(l, x, x->size);
		return;
	case NODE_VIEW:
		if (x->in[0]->kind == NODE_LEAF) {
			tell_read(l, x->in[0], x->size);
			tell_op(l, "view");
		} else {
			tell_pass(p, x->in[0], true);
			text_fmt(&l->reads, "%skept (%" PRId64 " bytes)", l->reads.len ? ", " : "",
				 x->size * (int64_t)dtype_size(x->dtype));
		}
		return;
	case NODE_CONST:
		return;
	default:
		break;
	}
	tell_inputs(p, l, x);
	switch (x->kind) {
	case NODE_MAP:
		tell_op(l, map_names[x->u.map.id]);
		break;
	case NODE_REDUCE:
		tell_op(l, reduce_names[x->u.reduce.id]);
		break;
	case NODE_SCAN:
		tell_op(l, scan_names[x->u.scan.op]);
		break;
	case NODE_CAST:
		tell_op(l, dtype_name(x->dtype));
		break;
	case NODE_CONCAT:
		tell_op(l, "concat");
		break;
	case NODE_RANGE:
	case NODE_IOTA:
		tell_op(l, "range");
		break;
	case NODE_RANDOM:
		tell_op(l, "random");
		break;
	case NODE_BLOCK:
		tell_op(l, "block");
		break;
	default:
		break;
	}
}

static void tell_inputs(struct plan *p, struct line *l, const struct node *x)
{
	for (int i = 0; i < x->nin; i++) {
		const struct node *in = x->in[i];

		if (x->kind == NODE_BLOCK || in->kind == NODE_REDUCE || in->kind == NODE_BLOCK) {
			if (in->kind != NODE_LEAF)
				tell_pass(p, in, true);
			else
				tell_node(p, l, in);
		} else {
			tell_node(p, l, in);
		}
	}
}

static void tell_pass(struct plan *p, const struct node *x, bool keep)
{
	struct line l = { TEXT_INIT, TEXT_INIT, { NULL }, 0 };
	int64_t nbytes = x->size * (int64_t)dtype_size(x->dtype);

	if (x->value || !first_time(p->told, &p->ntold, x))
		return;
	tell_node(p, &l, x);
	p->passes++;
	if (p->out)
		text_fmt(p->out, "  pass %d: read %s; %s; %s %" PRId64 " bytes\n", p->passes,
			 l.reads.len ? l.reads.s : "nothing", l.ops.len ? l.ops.s : "copy", keep ? "keep" : "write",
			 nbytes);
	text_release(&l.reads);
	text_release(&l.ops);
}

int engine_plan(struct text *out, const struct node *x)
{
	struct plan p = { .out = out };

	tell_pass(&p, x, false);
	return p.passes;
}
