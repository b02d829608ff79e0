/* Medians and quantiles: see whole.h. */
#include "cuda/whole_internal.h"

static int of_sorted(struct cuda *d, const struct order_statistic *s, bool exact, uint64_t sorted, uint64_t q,
		     uint64_t out, int64_t rows, struct error *err)
{
	struct quantile_layout l = { .n = s->n,
				     .median = s->median,
				     .skip_nan = s->skip_nan,
				     .method = s->method,
				     .type = s->type,
				     .rest = s->rest };
	int64_t tasks = rows * s->nq;
	void *params[] = { &tasks, &out, &sorted, &q, &rows, &l };

	return launch_any(d, exact ? "quantile_pick" : "quantile_f64", tasks, params, err);
}

int cuda_quantile(struct cuda *d, const struct order_statistic *s, enum dtype dtype, uint64_t x, uint64_t out,
		  int64_t rows, struct error *err)
{
	size_t nbytes = (size_t)(rows * s->n) * 8, q_bytes = (size_t)s->nq * 8;
	uint64_t sorted = 0, q = 0;
	int ret = -1;

	if (!rows || !s->nq)
		return 0;
	if (!device_alloc(d, &q, q_bytes, err) && !device_alloc(d, &sorted, nbytes, err) &&
	    !device_write(d, q, s->q, q_bytes, err) && !cuda_sort(d, dtype, false, x, sorted, rows, s->n, err))
		ret = of_sorted(d, s, dtype != DT_F64, sorted, q, out, rows, err);
	device_free(d, sorted);
	device_free(d, q);
	return ret;
}
