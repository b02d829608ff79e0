/* compare: are two arrays, or two archives, the same within a tolerance?  Status 0 yes, 1 no. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
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

/* == one pair == */

struct pair {
	const char *names[2];
	enum dtype dtypes[2];
	struct shape shapes[2];
	bool like;	     /* shapes are the same, and dtypes where they have to be: r is valid */
	struct comparison r; /* index -1: no element differs by that measure */
};

static bool equal(const struct pair *p)
{
	return p->like && !p->r.different;
}

static int compare_pair(struct pair *p, struct node *a, struct node *b, const struct tolerance *tol, struct error *err)
{
	p->dtypes[0] = a->dtype;
	p->dtypes[1] = b->dtype;
	p->shapes[0] = a->shape;
	p->shapes[1] = b->shape;
	p->like = shape_equal(&a->shape, &b->shape) && (a->dtype == b->dtype || !tol->exact);
	return p->like ? compare_nodes(&p->r, a, b, tol, err) : 0;
}

/* Have both a unit in the last place? */
static bool has_units(const enum dtype d[2])
{
	return dtype_is_float(d[0]) && dtype_is_float(d[1]) && d[0] <= DT_C128 && d[1] <= DT_C128;
}

/* A value of side k in the type that shows what was compared: floats in one type, so that a rounding to the smaller one is seen. */
static void side_text(struct text *t, const struct pair *p, const struct worst *w, int k)
{
	bool floats = dtype_is_float(p->dtypes[0]) && dtype_is_float(p->dtypes[1]);

	value_text(t, floats ? dtype_promote(p->dtypes[0], p->dtypes[1]) : p->dtypes[k], k ? w->b : w->a,
		   p->r.integers);
}

static void worst_text(struct text *t, const char *what, const struct pair *p, const struct worst *w)
{
	if (w->index < 0)
		return;
	text_fmt(t, "  worst %s  %.6g at ", what, w->error);
	index_text(t, &p->shapes[0], w->index);
	text_add(t, ": ");
	side_text(t, p, w, 0);
	text_add(t, " and ");
	side_text(t, p, w, 1);
	text_char(t, '\n');
}

static void criterion_text(struct text *t, const struct tolerance *tol)
{
	if (tol->exact)
		text_add(t, "the same bits");
	else if (tol->ulp >= 0)
		text_fmt(t, "at most %g ULP", tol->ulp);
	else
		text_fmt(t, "|a - b| <= %g + %g * |b|%s", tol->atol, tol->rtol,
			 tol->equal_nan ? ", nan equals nan" : "");
}

static void unlike_text(struct text *t, const struct pair *p)
{
	char shape[SHAPE_TEXT];

	for (int k = 0; k < 2; k++) {
		text_add(t, k ? ", " : "");
		text_escaped(t, p->names[k]);
		text_fmt(t, " is %s %s", dtype_name(p->dtypes[k]), shape_text(&p->shapes[k], shape, sizeof(shape)));
	}
}

static void count_text(struct text *t, const struct comparison *r)
{
	if (r->different)
		text_fmt(t, "%" PRId64 " of %" PRId64 " elements (%.3g%%)", r->different, r->size,
			 100.0 * (double)r->different / (double)r->size);
	else
		text_fmt(t, "%" PRId64 " elements", r->size);
}

static void plain_pair(struct text *t, const struct pair *p, const struct tolerance *tol)
{
	const struct comparison *r = &p->r;

	if (!p->like) {
		text_add(t, "different: ");
		unlike_text(t, p);
		text_char(t, '\n');
		return;
	}
	text_add(t, r->different ? "different: " : "equal: ");
	count_text(t, r);
	text_add(t, ", criterion: ");
	criterion_text(t, tol);
	text_char(t, '\n');
	if (p->dtypes[0] != p->dtypes[1])
		text_fmt(t, "  dtypes     %s and %s\n", dtype_name(p->dtypes[0]), dtype_name(p->dtypes[1]));
	if (r->first >= 0) {
		text_add(t, "  first      ");
		index_text(t, &p->shapes[0], r->first);
		text_char(t, '\n');
	}
	worst_text(t, "abs", p, &r->abs);
	worst_text(t, "rel", p, &r->rel);
	worst_text(t, "ulp", p, &r->ulp);
	if (r->nan_a || r->nan_b)
		text_fmt(t, "  nan        %" PRId64 " and %" PRId64 ", %" PRId64 " at the same places\n", r->nan_a,
			 r->nan_b, r->nan_both);
	if (r->inf_mismatch)
		text_fmt(t, "  inf        %" PRId64 " where the other is not the same infinity\n", r->inf_mismatch);
}

/* The same in one line, of a member. */
static void plain_row(struct text *t, const struct pair *p, const struct tolerance *tol)
{
	const struct comparison *r = &p->r;
	const struct worst *w[] = { &r->abs, &r->rel, &r->ulp };
	static const char *const what[] = { "abs", "rel", "ulp" };
	char shape[SHAPE_TEXT];

	if (!p->like) {
		text_add(t, "different: ");
		unlike_text(t, p);
		text_char(t, '\n');
		return;
	}
	text_fmt(t, "%s: ", r->different ? "different" : "equal");
	count_text(t, r);
	text_fmt(t, " of %s", dtype_name(p->dtypes[0]));
	if (p->dtypes[0] != p->dtypes[1])
		text_fmt(t, " and %s", dtype_name(p->dtypes[1]));
	text_fmt(t, " %s", shape_text(&p->shapes[0], shape, sizeof(shape)));
	if (r->first >= 0) {
		text_add(t, ", first at ");
		index_text(t, &p->shapes[0], r->first);
	}
	for (int i = 0; i < 3 && !tol->exact; i++)
		if (i < 2 || r->has_ulp)
			text_fmt(t, "%s %s %.6g", i ? "," : ", worst", what[i], w[i]->index < 0 ? 0 : w[i]->error);
	if (r->nan_a || r->nan_b)
		text_fmt(t, ", nan %" PRId64 " and %" PRId64 " (%" PRId64 " at the same places)", r->nan_a, r->nan_b,
			 r->nan_both);
	if (r->inf_mismatch)
		text_fmt(t, ", inf %" PRId64 " where the other is not", r->inf_mismatch);
	text_char(t, '\n');
}

/* == JSON == */

static void json_double(struct text *t, double v)
{
	char buf[NUMBER_TEXT];

	number_repr(buf, DT_F64, &v);
	text_fmt(t, isfinite(v) ? "%s" : "\"%s\"", buf);
}

static void json_index(struct text *t, const struct shape *s, int64_t i)
{
	int64_t at[MAX_NDIM];

	if (i < 0) {
		text_add(t, "null");
		return;
	}
	for (int k = s->ndim - 1; k >= 0; k--) {
		at[k] = i % s->dim[k];
		i /= s->dim[k];
	}
	text_char(t, '[');
	for (int k = 0; k < s->ndim; k++)
		text_fmt(t, k ? ", %" PRId64 : "%" PRId64, at[k]);
	text_char(t, ']');
}

static void json_worst(struct text *t, const char *what, const struct pair *p, const struct worst *w)
{
	text_fmt(t, ", \"%s\": ", what);
	if (w->index < 0) {
		text_add(t, "null");
		return;
	}
	text_add(t, "{\"error\": ");
	json_double(t, w->error);
	text_add(t, ", \"index\": ");
	json_index(t, &p->shapes[0], w->index);
	for (int k = 0; k < 2; k++) {
		struct text value = TEXT_INIT;

		side_text(&value, p, w, k);
		text_fmt(t, ", \"%s\": ", k ? "b" : "a");
		if (value.s && strspn(value.s, "0123456789+-.e") == value.len)
			text_add(t, value.s);
		else
			text_json(t, value.s ? value.s : "");
		text_release(&value);
	}
	text_char(t, '}');
}

static void json_pair(struct text *t, const struct pair *p)
{
	text_fmt(t, "\"equal\": %s, \"dtype\": [\"%s\", \"%s\"], \"shape\": [", equal(p) ? "true" : "false",
		 dtype_name(p->dtypes[0]), dtype_name(p->dtypes[1]));
	for (int k = 0; k < 2; k++) {
		text_add(t, k ? ", [" : "[");
		for (int i = 0; i < p->shapes[k].ndim; i++)
			text_fmt(t, i ? ", %" PRId64 : "%" PRId64, p->shapes[k].dim[i]);
		text_char(t, ']');
	}
	text_char(t, ']');
	if (!p->like)
		return;
	text_fmt(t, ", \"size\": %" PRId64 ", \"different\": %" PRId64 ", \"first\": ", p->r.size, p->r.different);
	json_index(t, &p->shapes[0], p->r.first);
	json_worst(t, "abs", p, &p->r.abs);
	json_worst(t, "rel", p, &p->r.rel);
	json_worst(t, "ulp", p, &p->r.ulp);
	text_fmt(t, ", \"nan\": [%" PRId64 ", %" PRId64 ", %" PRId64 "], \"inf\": %" PRId64, p->r.nan_a, p->r.nan_b,
		 p->r.nan_both, p->r.inf_mismatch);
}

static void json_criterion(struct text *t, const struct tolerance *tol)
{
	text_add(t, "\"criterion\": {");
	if (tol->exact) {
		text_add(t, "\"exact\": true");
	} else if (tol->ulp >= 0) {
		text_add(t, "\"ulp\": ");
		json_double(t, tol->ulp);
	} else {
		text_add(t, "\"rtol\": ");
		json_double(t, tol->rtol);
		text_add(t, ", \"atol\": ");
		json_double(t, tol->atol);
		text_fmt(t, ", \"equal_nan\": %s", tol->equal_nan ? "true" : "false");
	}
	text_add(t, "}, ");
}

/* == two archives == */

struct archives {
	struct file *f[2];
	const char *names[2];
	const struct tolerance *tol;
	bool json;
	int compared, different;
	const char *refused; /* "a.npz:s": the first member that is no array; owned */
	const char *descr;   /* its type */
	struct text rows;
};

static int compare_members(const void *a, const void *b)
{
	return strcmp((*(const struct member *const *)a)->name, (*(const struct member *const *)b)->name);
}

/* The members of f by name. */
static const struct member **sorted_members(const struct file *f, struct error *err)
{
	size_t n = (size_t)f->nmembers;
	const struct member **m = malloc((n + 1) * sizeof(*m));

	if (!m)
		error_memory(err, n * sizeof(*m));
	for (size_t i = 0; m && i < n; i++)
		m[i] = &f->members[i];
	if (m)
		qsort(m, n, sizeof(*m), compare_members);
	return m;
}

static const struct member *find_member(const struct member *const *sorted, int n, const struct member *m)
{
	const struct member *const *found = bsearch(&m, sorted, (size_t)n, sizeof(*sorted), compare_members);

	return found ? *found : NULL;
}

static struct node *member_node(struct graph *g, const struct archives *ar, int k, const struct member *m,
				struct error *err)
{
	struct array a = { 0 };

	if (file_array(ar->f[k], (int)(m - ar->f[k]->members), &a, err))
		return NULL;
	return node_leaf(g, &a, ar->names[k], err);
}

/* Members of types that are no arrays can be compared where their files give their bytes; the first that cannot be is remembered. */
static bool comparable(struct archives *ar, const struct member *m[2])
{
	for (int k = 0; k < 2; k++)
		if (!m[k]->supported) {
			struct text t = TEXT_INIT;

			ar->descr = m[k]->descr;
			text_fmt(&t, "%s:%s", ar->names[k], m[k]->name);
			free((char *)(uintptr_t)ar->refused);
			ar->refused = t.s;
			return false;
		}
	return true;
}

/* The beginning of the row, or object, of a member. */
static void begin_row(struct archives *ar, const char *name, size_t width)
{
	size_t start = ar->rows.len;

	ar->compared++;
	if (ar->json) {
		text_add(&ar->rows, ar->compared > 1 ? ", {\"name\": " : "{\"name\": ");
		text_json(&ar->rows, name);
		text_add(&ar->rows, ", ");
		return;
	}
	text_add(&ar->rows, "  ");
	text_escaped(&ar->rows, name);
	while (!ar->rows.failed && ar->rows.len - start < width + 4)
		text_char(&ar->rows, ' ');
}

static const char *type_name(const struct member *m)
{
	return m->bytes ? m->descr : dtype_name(m->dtype);
}

/* Of one of the types that are read as bytes, and of another. */
static void other_types(struct archives *ar, const struct member *m[2], size_t width)
{
	ar->different++;
	begin_row(ar, m[0]->name, width);
	text_fmt(&ar->rows,
		 ar->json ? "\"equal\": false, \"dtype\": [\"%s\", \"%s\"]}" : "different: of type %s and %s\n",
		 type_name(m[0]), type_name(m[1]));
}

static int compare_member(struct archives *ar, const struct member *a, const struct member *b, size_t width,
			  struct error *err)
{
	const struct member *m[2] = { a, b };
	struct pair p = { .names = { ar->names[0], ar->names[1] } };
	struct graph *g;
	struct node *x, *y;
	int ret = -1;

	if (!comparable(ar, m))
		return 0;
	if (a->bytes != b->bytes || (a->bytes && strcmp(a->descr, b->descr))) {
		other_types(ar, m, width);
		return 0;
	}
	/* A graph of its own: nothing of it is kept. */
	if (!(g = graph_new(err)))
		return -1;
	x = member_node(g, ar, 0, a, err);
	y = x ? member_node(g, ar, 1, b, err) : NULL;
	if (y && !compare_pair(&p, x, y, ar->tol, err)) {
		ar->different += !equal(&p);
		begin_row(ar, a->name, width);
		if (ar->json) {
			json_pair(&ar->rows, &p);
			text_char(&ar->rows, '}');
		} else {
			plain_row(&ar->rows, &p, ar->tol);
		}
		ret = 0;
	}
	graph_free(g);
	return ret;
}

/* The names that one of them has, and the other has not; returns how many. */
static int names_only_in(struct text *t, const struct archives *ar, int k, const struct member *const *others)
{
	const struct file *f = ar->f[k], *other = ar->f[!k];
	int n = 0;

	for (int i = 0; i < f->nmembers; i++) {
		if (find_member(others, other->nmembers, &f->members[i]))
			continue;
		if (ar->json) {
			text_add(t, n ? ", " : "");
			text_json(t, f->members[i].name);
		} else {
			text_add(t, "  only in ");
			text_escaped(t, ar->names[k]);
			text_add(t, ": ");
			text_escaped(t, f->members[i].name);
			text_char(t, '\n');
		}
		n++;
	}
	return n;
}

/* Takes ar->rows and the lists of names over. */
static int print_archives(struct archives *ar, struct text only[2], const int lonely[2], bool quiet, struct error *err)
{
	struct text t = TEXT_INIT;
	bool same = !ar->different && !lonely[0] && !lonely[1];

	if (ar->json) {
		text_fmt(&t, "{\"equal\": %s, ", same ? "true" : "false");
		json_criterion(&t, ar->tol);
		text_fmt(&t, "\"members\": [%s], \"only_in_a\": [%s], \"only_in_b\": [%s]}\n",
			 ar->rows.s ? ar->rows.s : "", only[0].s ? only[0].s : "", only[1].s ? only[1].s : "");
	} else {
		text_add(&t, same ? "equal: " : "different: ");
		if (same)
			text_fmt(&t, "%d members", ar->compared);
		else if (ar->different)
			text_fmt(&t, "%d of %d members", ar->different, ar->compared);
		for (int k = 0, n = ar->different; k < 2; n += lonely[k++])
			if (lonely[k]) {
				text_fmt(&t, "%s%d only in ", n ? ", " : "", lonely[k]);
				text_escaped(&t, ar->names[k]);
			}
		text_add(&t, ", criterion: ");
		criterion_text(&t, ar->tol);
		text_char(&t, '\n');
		for (int k = 0; k < 2; k++)
			text_add(&t, only[k].s ? only[k].s : "");
		text_add(&t, ar->rows.s ? ar->rows.s : "");
	}
	t.failed |= ar->rows.failed || only[0].failed || only[1].failed;
	if (quiet)
		text_release(&t);
	return text_print(&t, err);
}

static int compare_archives(struct archives *ar, bool quiet, struct error *err)
{
	const struct member **sorted[2] = { sorted_members(ar->f[0], err), NULL };
	struct text only[2] = { TEXT_INIT, TEXT_INIT };
	size_t width = 0;
	int lonely[2], ret = -1;

	if (!sorted[0] || !(sorted[1] = sorted_members(ar->f[1], err)))
		goto done;
	for (int k = 0; k < 2; k++)
		lonely[k] = names_only_in(&only[k], ar, k, sorted[!k]);
	for (int i = 0; i < ar->f[0]->nmembers; i++) {
		size_t n = strlen(ar->f[0]->members[i].name);

		width = n > width && n < 60 ? n : width;
	}
	for (int i = 0; i < ar->f[0]->nmembers; i++) {
		const struct member *a = &ar->f[0]->members[i], *b = find_member(sorted[1], ar->f[1]->nmembers, a);

		if (b && compare_member(ar, a, b, width, err))
			goto done;
	}
	ret = print_archives(ar, only, lonely, quiet, err);
	if (!ret)
		ret = ar->different || lonely[0] || lonely[1];
	/* No difference was found, but not everything was looked at. */
	if (!ret && ar->refused)
		ret = error_set(err, ERR_FILE, "%s: has elements of type %s, which cannot be compared", ar->refused,
				ar->descr);
done:
	text_release(&ar->rows);
	text_release(&only[0]);
	text_release(&only[1]);
	free((char *)(uintptr_t)ar->refused);
	free(sorted[0]);
	free(sorted[1]);
	return ret;
}

/* == operands == */

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

/* The file that an operand names as a whole, so that it may be an archive; NULL without an error: it is something else. */
static struct file *whole_file(struct cli *c, const char *text, struct error *err)
{
	static const struct format_options bytes = { .bytes = true };
	struct file *f = NULL;
	struct scalar s;
	struct place p;

	if (!strcmp(text, "-"))
		return c->piped ? NULL : stdin_open(c, &bytes, err);
	if (is_stdin(text) || !*text || scalar_parse(&s, text, strlen(text)))
		return NULL;
	place_split(&p, text);
	if (!p.path)
		error_memory(err, strlen(text));
	else if (!p.key && !p.slice)
		f = operand_open(c, p.path, &bytes, err);
	place_release(&p);
	return f;
}

/* The array of an operand whose file is open already. */
static struct node *array_of(struct cli *c, const char *text, struct file *f, struct error *err)
{
	int i;

	if (!f || !strcmp(text, "-"))
		return operand_node(c, text, err);
	i = file_find(f, NULL, err);
	if (i >= 0 && f->members[i].bytes) {
		error_set(err, ERR_FILE, "%s: has elements of type %s, which is compared with its like only", f->path,
			  f->members[i].descr);
		return NULL;
	}
	return i < 0 ? NULL : file_node(c, f, i, text, err);
}

/* Are both collections of arrays, rather than one array each?  npy files with several arrays are. */
static bool are_archives(struct file *const f[2])
{
	if (!f[0] || !f[1] || f[0] == f[1])
		return false;
	if (f[0]->archive || f[1]->archive)
		return (f[0]->archive || f[0]->nmembers > 1) && (f[1]->archive || f[1]->nmembers > 1);
	return f[0]->nmembers > 1 || f[1]->nmembers > 1;
}

static int compare_arrays(struct cli *c, const char *const names[2], struct file *const f[2],
			  const struct tolerance *tol, bool as_json, struct error *err)
{
	struct pair p = { .names = { names[0], names[1] } };
	struct text t = TEXT_INIT;
	struct node *a, *b;

	a = array_of(c, names[0], f[0], err);
	b = a ? array_of(c, names[1], f[1], err) : NULL;
	if (!b || numbers(c, &a, &b, err))
		return -1;
	if (tol->ulp >= 0 && shape_equal(&a->shape, &b->shape) && !has_units((enum dtype[2]){ a->dtype, b->dtype }))
		return error_set(err, ERR_VALUE, "--ulp compares floats; these are %s and %s", dtype_name(a->dtype),
				 dtype_name(b->dtype));
	if (compare_pair(&p, a, b, tol, err))
		return -1;
	if (as_json) {
		text_char(&t, '{');
		json_criterion(&t, tol);
		json_pair(&t, &p);
		text_add(&t, "}\n");
	} else {
		plain_pair(&t, &p, tol);
	}
	if (c->common.quiet)
		text_release(&t);
	return text_print(&t, err) ? -1 : !equal(&p);
}

int cmd_compare(struct cli *c, int argc, const char **argv, struct error *err)
{
	const char *rtol = NULL, *atol = NULL, *ulp = NULL;
	struct tolerance tol = { 1e-5, 1e-8, -1, false, false };
	bool as_json = false;
	struct opt opts[MAX_OPTS] = {
		{ "rtol", 0, "R", &rtol, "|a - b| <= atol + R * |b| (1e-05)", false },
		{ "atol", 0, "A", &atol, "|a - b| <= A + rtol * |b| (1e-08)", false },
		{ "ulp", 0, "N", &ulp, "at most N units in the last place instead", false },
		{ "equal-nan", 0, NULL, &tol.equal_nan, "nan equals nan", false },
		{ "exact", 0, NULL, &tol.exact, "the same dtype and the same bits", false },
		{ "json", 0, NULL, &as_json, "the report as one JSON object", false },
	};
	const char *with_stdin[2] = { "-", NULL };
	struct file *f[2] = { NULL, NULL };
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
	for (int k = 0; k < 2; k++) {
		/* The next array of standard input can only be looked at once the one before was taken. */
		if (k && !strcmp(argv[0], "-") && !strcmp(argv[1], "-"))
			break;
		if (!(f[k] = whole_file(c, argv[k], err)) && err->code)
			return -1;
	}
	if (are_archives(f)) {
		struct archives ar = {
			{ f[0], f[1] }, { argv[0], argv[1] }, &tol, as_json, 0, 0, NULL, NULL, TEXT_INIT
		};

		return compare_archives(&ar, c->common.quiet, err);
	}
	return compare_arrays(c, argv, f, &tol, as_json, err);
}
