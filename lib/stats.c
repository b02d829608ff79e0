/*
 * Statistics in one pass: the loops of the reductions, fed block by block in ascending order.  Blocks and pieces are cut where
 * reduce_run.c cuts an array that is reduced as a whole, so that the results are the same to the last bit.
 */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

#include "cpu_level.h"
#include "engine.h"
#include "reduce.h"
#include "stats_loops.h"

enum {
	STEP = 4096,	 /* elements folded at once */
	STATE_MAX = 128, /* bytes of an accumulator */
};

struct running {
	const struct reduce_loops *loops;
	bool floats;					     /* takes doubles where the elements are integers */
	uint64_t total[STATE_MAX / 8], piece[STATE_MAX / 8]; /* piece: what reduce_run.c merges into one accumulator */
};

struct stats_sink {
	struct sink sink;
	enum dtype acc;
	struct running of[NSTATS];
	int64_t count[NCOUNTS];
	int64_t size;
	double *doubles; /* STEP of them, for integers */
};

static stats_count_fn *const counters[][2] = {
#if X86_LEVELS
	{ stats_count_f64_v2, stats_count_c128_v2 },
	{ stats_count_f64_v3, stats_count_c128_v3 },
	{ stats_count_f64_v4, stats_count_c128_v4 },
#else
	{ stats_count_f64_base, stats_count_c128_base },
#endif
};

static void fold(struct stats_sink *s, const void *x, int64_t start, int64_t n)
{
	const void *floats = x;
	struct reduce_param none = { 0 };

	if (s->doubles) {
		floats = s->doubles;
		for (int64_t i = 0; i < n; i++)
			s->doubles[i] =
				s->acc == DT_I64 ? (double)((const int64_t *)x)[i] : (double)((const uint64_t *)x)[i];
	}
	counters[cpu_level()][s->acc == DT_C128](s->count, floats, n);
	for (int i = 0; i < NSTATS; i++) {
		struct running *r = &s->of[i];

		if (!r->loops)
			continue;
		if (start % REDUCE_PIECE == 0) {
			if (start)
				r->loops->merge(r->total, r->piece, 1);
			r->loops->init(start ? r->piece : r->total, 1);
		}
		r->loops->run(start < REDUCE_PIECE ? r->total : r->piece, r->floats ? floats : x, n, start, &none);
	}
}

static int stats_write(struct sink *sink, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct stats_sink *s = (struct stats_sink *)sink;
	const char *x = elements;

	(void)err;
	while (n) {
		int64_t k = STEP - start % STEP;

		if (k > n)
			k = n;
		fold(s, x, start, k);
		x += (size_t)k * dtype_size(s->acc);
		start += k;
		n -= k;
	}
	s->size = start;
	return 0;
}

/* Of which type is the result, as node_reduce has it. */
static enum dtype result_type(int id, enum dtype d)
{
	if (d > DT_C128)
		return DT_F32;
	if (id <= STAT_MAX)
		return d;
	if (d == DT_BOOL || dtype_is_int(d))
		return DT_F64;
	return id == STAT_STD ? dtype_real(d) : d;
}

static void stats_begin(struct stats_sink *s, enum dtype d)
{
	static const enum reduce_id ids[NSTATS] = { REDUCE_nanmin, REDUCE_nanmax, REDUCE_nanmean, REDUCE_nanstd };

	for (int i = 0; i < NSTATS; i++) {
		struct running *r = &s->of[i];

		if (i <= STAT_MAX && dtype_is_complex(d))
			continue;
		r->loops = reduce_loops_get(ids[i], s->acc);
		if (!r->loops && (r->loops = reduce_loops_get(ids[i], DT_F64)))
			r->floats = true;
		if (r->loops && r->loops->state_size > STATE_MAX)
			r->loops = NULL;
	}
}

static void stats_end(struct stats *out, struct stats_sink *s, enum dtype d)
{
	struct reduce_param param = { .count = s->size };

	for (int i = 0; i < NSTATS && s->size; i++) {
		struct running *r = &s->of[i];
		struct stat *to = &out->of[i];
		uint64_t result[2];

		if (!r->loops)
			continue;
		if (s->size > REDUCE_PIECE)
			r->loops->merge(r->total, r->piece, 1);
		r->loops->finish(result, r->total, 1, &param);
		to->known = true;
		to->dtype = result_type(i, d);
		cast_one(to->dtype, to->value, r->loops->result, result);
	}
	out->nan = s->count[COUNT_NAN];
	out->inf = s->count[COUNT_INF];
	out->zero = s->count[COUNT_ZERO];
}

int stats_node(struct stats *out, struct node *x, struct error *err)
{
	struct stats_sink s = { .sink = { stats_write, false }, .acc = DT_F64 };
	enum dtype d = x->dtype;
	int ret;

	*out = (struct stats){ 0 };
	if (dtype_is_complex(d))
		s.acc = DT_C128;
	else if (d == DT_BOOL || dtype_is_int(d))
		s.acc = dtype_info[d].kind == 'u' ? DT_U64 : DT_I64;
	if (!(x = node_cast(x->graph, x, s.acc, err)))
		return -1;
	if ((s.acc == DT_I64 || s.acc == DT_U64) && !(s.doubles = malloc(STEP * sizeof(*s.doubles))))
		return error_memory(err, STEP * sizeof(*s.doubles));
	stats_begin(&s, d);
	ret = engine_run(x, &s.sink, err);
	if (!ret)
		stats_end(out, &s, d);
	free(s.doubles);
	return ret;
}
