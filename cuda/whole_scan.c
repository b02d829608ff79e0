/* Scans: see whole.h. */
#include "cuda/whole_internal.h"

/*
 * So many columns are enough threads, whatever the rows.  It shapes results.  Rows are at most 2**63, in which SCAN_ROWS goes less
 * than 11 times.
 */
enum { ENOUGH = 1 << 16, MAX_LEVELS = 12 };

static const struct scan_kernels {
	const char *total, *fold, *bases, *apply, *in_order;
	size_t bytes; /* of a state; 0: in order */
} kernels[NSCANS][NDTYPES] = {
#define ROW(op, acc, name, bytes) \
	[SCAN_##op][DT_##acc] = { "scan_total_" #name, "scan_fold_" #name,     "scan_bases_" #name, \
				  "scan_apply_" #name, "scan_in_order_" #name, bytes },
	SCANS(ROW)
#undef ROW
};

struct scan_run {
	struct cuda *d;
	const struct scan_kernels *k;
	uint64_t x;
	int64_t outer, n, inner;
	int levels;
	int64_t rows[MAX_LEVELS]; /* states of a column: of the pieces, of SCAN_ROWS of those, ... */
	uint64_t totals[MAX_LEVELS];
};

static size_t level_bytes(const struct scan_run *s, int level)
{
	return (size_t)(s->outer * s->rows[level] * s->inner) * s->k->bytes;
}

/* What comes before each piece, to totals[0]. */
static int bases(struct scan_run *s, struct error *err)
{
	int64_t each = SCAN_ROWS, inner = s->inner;
	int64_t tasks = s->outer * s->rows[0] * inner;
	void *total[] = { &tasks, &s->totals[0], &s->x, &s->n, &inner, &each };

	for (int i = 0; i < s->levels; i++)
		if (device_alloc(s->d, &s->totals[i], level_bytes(s, i), err))
			return -1;
	if (launch_any(s->d, s->k->total, tasks, total, err))
		return -1;
	for (int i = 1; i < s->levels; i++) {
		void *fold[] = { &tasks, &s->totals[i], &s->totals[i - 1], &s->rows[i - 1], &inner };

		tasks = s->outer * s->rows[i] * inner;
		if (launch_any(s->d, s->k->fold, tasks, fold, err))
			return -1;
		each *= SCAN_ROWS;
	}
	for (int i = s->levels - 1; i >= 0; i--, each /= SCAN_ROWS) {
		uint64_t none = 0, *above = i + 1 < s->levels ? &s->totals[i + 1] : &none;
		void *down[] = { &tasks, &s->totals[i], above, &s->rows[i], &inner, &s->x, &s->n, &each };

		tasks = s->outer * pieces(s->rows[i], SCAN_ROWS) * inner;
		if (launch_any(s->d, s->k->bases, tasks, down, err))
			return -1;
	}
	return 0;
}

static int in_order(struct scan_run *s, uint64_t out, struct error *err)
{
	void *params[] = { &s->outer, &out, &s->x, &s->n, &s->inner };

	return launch(s->d, s->k->in_order, least(s->outer * pieces(s->inner, SCAN_COLUMNS), MOST_BLOCKS), SCAN_THREADS,
		      0, params, err);
}

int cuda_scan(struct cuda *d, enum scan_op op, enum dtype acc, uint64_t x, uint64_t out, int64_t outer, int64_t n,
	      int64_t inner, struct error *err)
{
	struct scan_run s = { .d = d, .x = x, .outer = outer, .n = n, .inner = inner };
	int64_t each = SCAN_ROWS, tasks;
	void *params[] = { &tasks, &out, &x, &s.totals[0], &n, &inner, &each };
	int ret = -1;

	if (!outer || !n || !inner)
		return 0;
	if (acc == DT_C128 && op == SCAN_SUM) {
		acc = DT_F64;
		s.inner = inner *= 2;
	}
	s.k = &kernels[op][acc];
	if (!s.k->bytes)
		return in_order(&s, out, err);
	if (n <= SCAN_ROWS || outer >= ENOUGH / inner)
		each = n;
	tasks = outer * pieces(n, each) * inner;
	for (int64_t rows = pieces(n, each); rows > 1; rows = pieces(rows, SCAN_ROWS))
		s.rows[s.levels++] = rows;
	if ((!s.levels || !bases(&s, err)) && !launch_any(d, s.k->apply, tasks, params, err))
		ret = 0;
	for (int i = 0; i < s.levels; i++)
		if (s.totals[i])
			device_free(d, s.totals[i]);
	return ret;
}
