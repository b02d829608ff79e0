/* compare: are two arrays the same within a tolerance?  Status 0 yes, 1 no. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lib/compare.h"

static int number_option(const char *text, const char *what, double *out, struct error *err)
{
	struct scalar s;

	if (!text)
		return 0;
	if (!scalar_parse(&s, text, strlen(text)) || s.kind == SCALAR_COMPLEX || !(s.re >= 0))
		return error_set(err, ERR_USAGE, "%s '%s' is not a number from 0 up", what, text);
	*out = s.re;
	return 0;
}

/* The index of element i of the shape: "(1, 2)". */
static void index_text(struct text *t, const struct shape *s, int64_t i)
{
	struct shape at = { s->ndim, { 0 } };
	char buf[SHAPE_TEXT];

	for (int k = s->ndim - 1; k >= 0; k--) {
		at.dim[k] = i % s->dim[k];
		i /= s->dim[k];
	}
	text_add(t, shape_text(&at, buf, sizeof(buf)));
}

static void value_text(struct text *t, enum dtype d, const double v[2], bool bits)
{
	char buf[NUMBER_TEXT], element[16];
	int64_t integer;

	memcpy(&integer, v, sizeof(integer));
	if (bits)
		text_fmt(t, dtype_info[d].kind == 'u' ? "%" PRIu64 : "%" PRId64, integer);
	else if (d == DT_BOOL || dtype_is_int(d))
		text_fmt(t, "%.0f", v[0]);
	else {
		cast_one(d, element, DT_C128, v);
		number_repr(buf, d, element);
		text_add(t, buf);
	}
}

static void worst_text(struct text *t, const char *what, const struct node *a, const struct node *b,
		       const struct worst *w, bool bits)
{
	/* Floats in one type, so that a rounding to the smaller one is seen. */
	bool floats = dtype_is_float(a->dtype) && dtype_is_float(b->dtype);
	enum dtype both = dtype_promote(a->dtype, b->dtype);

	if (w->index < 0)
		return;
	text_fmt(t, "  worst %s  %.6g at ", what, w->error);
	index_text(t, &a->shape, w->index);
	text_add(t, ": ");
	value_text(t, floats ? both : a->dtype, w->a, bits);
	text_add(t, " and ");
	value_text(t, floats ? both : b->dtype, w->b, bits);
	text_char(t, '\n');
}

/* A number is compared with every element of the array; it has the type that an op would give it. */
static int numbers(struct cli *c, struct node **a, struct node **b, struct error *err)
{
	struct node *both[] = { *a, *b };
	enum dtype d;

	if (!(*a)->weak && !(*b)->weak)
		return 0;
	/* A number that the array's integers cannot hold is compared as what it is. */
	if (nodes_result_type(&d, 2, both, err)) {
		*err = (struct error)ERROR_INIT;
		d = (*a)->weak ? (*a)->dtype : (*b)->dtype;
	}
	if ((*a)->weak)
		*a = node_cast(c->graph, *a, d, err);
	if (*a && (*b)->weak)
		*b = node_cast(c->graph, *b, d, err);
	if (!*a || !*b)
		return -1;
	if ((*a)->kind == NODE_CONST)
		*a = node_broadcast(c->graph, *a, &(*b)->shape, err);
	if (*a && (*b)->kind == NODE_CONST)
		*b = node_broadcast(c->graph, *b, &(*a)->shape, err);
	return *a && *b ? 0 : -1;
}

int cmd_compare(struct cli *c, int argc, const char **argv, struct error *err)
{
	const char *rtol = NULL, *atol = NULL, *ulp = NULL;
	struct tolerance tol = { 1e-5, 1e-8, -1, false, false };
	struct opt opts[MAX_OPTS] = {
		{ "rtol", 0, "R", &rtol, "|a - b| <= atol + R * |b| (1e-05)", false },
		{ "atol", 0, "A", &atol, "|a - b| <= A + rtol * |b| (1e-08)", false },
		{ "ulp", 0, "N", &ulp, "at most N units in the last place instead", false },
		{ "equal-nan", 0, NULL, &tol.equal_nan, "nan equals nan", false },
		{ "exact", 0, NULL, &tol.exact, "the same dtype and the same bits", false },
	};
	char sa[SHAPE_TEXT], sb[SHAPE_TEXT];
	struct comparison r;
	struct text t = TEXT_INIT;
	const char *with_stdin[2] = { "-", NULL };
	struct node *a, *b;
	int n;

	opts_common(opts, &c->common, true, false);
	n = opts_parse(argc, argv, opts, NULL, NULL, err);
	if (n < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, NULL, err);
	if (common_apply(c, err) || number_option(rtol, "--rtol", &tol.rtol, err) ||
	    number_option(atol, "--atol", &tol.atol, err) || number_option(ulp, "--ulp", &tol.ulp, err))
		return -1;
	if ((tol.exact || ulp) && (rtol || atol || (tol.exact && ulp)))
		return error_set(err, ERR_USAGE, "--exact, --ulp and --rtol/--atol are different criteria: choose one");
	if (n == 1 && stdin_is_pipe(c) && strcmp(argv[0], "-")) {
		with_stdin[1] = argv[0];
		argv = with_stdin;
		n = 2;
	}
	if (n != 2)
		return error_set(err, ERR_USAGE, "two arrays are compared, %d given", n);
	a = operand_node(c, argv[0], err);
	b = a ? operand_node(c, argv[1], err) : NULL;
	if (!b)
		return -1;
	if (numbers(c, &a, &b, err))
		return -1;

	bool shapes = shape_equal(&a->shape, &b->shape), dtypes = a->dtype == b->dtype || !tol.exact;
	if (!shapes || !dtypes) {
		text_fmt(&t, "different: ");
		text_escaped(&t, argv[0]);
		text_fmt(&t, " is %s %s, ", dtype_name(a->dtype), shape_text(&a->shape, sa, sizeof(sa)));
		text_escaped(&t, argv[1]);
		text_fmt(&t, " is %s %s\n", dtype_name(b->dtype), shape_text(&b->shape, sb, sizeof(sb)));
		if (c->common.quiet)
			text_release(&t);
		return text_print(&t, err) ? -1 : 1;
	}
	if (ulp && (!dtype_is_float(a->dtype) || !dtype_is_float(b->dtype) || a->dtype > DT_C128 || b->dtype > DT_C128))
		return error_set(err, ERR_VALUE, "--ulp compares floats; these are %s and %s", dtype_name(a->dtype),
				 dtype_name(b->dtype));
	if (compare_nodes(&r, a, b, &tol, err))
		return -1;
	text_fmt(&t, "%s: ", r.different ? "different" : "equal");
	if (r.different)
		text_fmt(&t, "%" PRId64 " of %" PRId64 " elements (%.3g%%)", r.different, r.size,
			 100.0 * (double)r.different / (double)r.size);
	else
		text_fmt(&t, "%" PRId64 " elements", r.size);
	if (tol.exact)
		text_add(&t, ", criterion: the same bits\n");
	else if (tol.ulp >= 0)
		text_fmt(&t, ", criterion: at most %g ULP\n", tol.ulp);
	else
		text_fmt(&t, ", criterion: |a - b| <= %g + %g * |b|%s\n", tol.atol, tol.rtol,
			 tol.equal_nan ? ", nan equals nan" : "");
	if (a->dtype != b->dtype)
		text_fmt(&t, "  dtypes     %s and %s\n", dtype_name(a->dtype), dtype_name(b->dtype));
	if (r.first >= 0) {
		text_add(&t, "  first      ");
		index_text(&t, &a->shape, r.first);
		text_char(&t, '\n');
	}
	worst_text(&t, "abs", a, b, &r.abs, r.integers);
	worst_text(&t, "rel", a, b, &r.rel, r.integers);
	worst_text(&t, "ulp", a, b, &r.ulp, r.integers);
	if (r.nan_a || r.nan_b)
		text_fmt(&t, "  nan        %" PRId64 " and %" PRId64 ", %" PRId64 " at the same places\n", r.nan_a,
			 r.nan_b, r.nan_both);
	if (r.inf_mismatch)
		text_fmt(&t, "  inf        %" PRId64 " where the other is not the same infinity\n", r.inf_mismatch);
	if (c->common.quiet)
		text_release(&t);
	return text_print(&t, err) ? -1 : r.different > 0;
}
