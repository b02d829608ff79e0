/* info: what a file holds, from its headers; --stats reads the elements, once. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/expr.h"
#include "lib/number.h"

static const char *byteorder(const struct member *m)
{
	if (m->supported && dtype_info[m->dtype].swapsize == 1)
		return "none";
	return m->big_endian ? "big" : "little";
}

static const char *dtype_text(const struct member *m)
{
	return m->supported ? dtype_name(m->dtype) : m->descr ? m->descr : "unknown";
}

static void shape_list(struct text *t, const struct shape *s, const char *sep)
{
	for (int i = 0; i < s->ndim; i++)
		text_fmt(t, "%s%" PRId64, i ? sep : "", s->dim[i]);
}

/* Reductions of one array, in one row each: min max mean std, and how many are nan, inf, zero. */
static const struct {
	const char *name, *expr;
	bool ordered; /* not for complex */
} stats[] = {
	{ "min", "nanmin(x)", true },	       { "max", "nanmax(x)", true },	  { "mean", "nanmean(x)", false },
	{ "std", "nanstd(x)", false },	       { "nan", "sum(isnan(x))", false }, { "inf", "sum(isinf(x))", false },
	{ "zero", "sum(equal(x, 0))", false },
};
enum { NSTATS = sizeof(stats) / sizeof(stats[0]) };

struct stat_values {
	char text[NSTATS][NUMBER_TEXT];
};

static int stats_compute(struct cli *c, struct node *x, struct stat_values *v, struct error *err)
{
	struct binding b = { .name = "x", .node = x };

	for (int i = 0; i < NSTATS; i++) {
		struct node *r;

		*v->text[i] = '\0';
		if ((stats[i].ordered && (dtype_is_complex(x->dtype) || !x->size)) ||
		    ((!strcmp(stats[i].name, "mean") || !strcmp(stats[i].name, "std")) && !x->size))
			continue;
		if (!(r = expr_build(c->graph, stats[i].expr, 1, &b, err)) || engine_keep(1, &r, err))
			return -1;
		number_repr(v->text[i], r->dtype, node_data(r));
	}
	return 0;
}

static void json_stats(struct text *t, const struct stat_values *v)
{
	const char *sep = "";

	text_add(t, ", \"stats\": {");
	for (int i = 0; i < NSTATS; i++)
		if (*v->text[i]) {
			bool number = strspn(v->text[i], "0123456789+-.e") == strlen(v->text[i]);

			text_fmt(t, "%s\"%s\": ", sep, stats[i].name);
			if (number)
				text_add(t, v->text[i]);
			else
				text_json(t, v->text[i]);
			sep = ", ";
		}
	text_char(t, '}');
}

static void json_member(struct text *t, const struct member *m)
{
	text_add(t, "\"dtype\": ");
	text_json(t, dtype_text(m));
	text_add(t, ", \"shape\": [");
	shape_list(t, &m->shape, ", ");
	text_fmt(t, "], \"order\": \"%s\", \"byteorder\": \"%s\", \"nbytes\": %" PRId64, m->fortran ? "F" : "C",
		 byteorder(m), m->nbytes);
}

static void plain_member(struct text *t, const struct member *m, const char *format)
{
	char shape[SHAPE_TEXT];

	text_fmt(t, "  format     %s\n  dtype      ", format);
	text_escaped(t, dtype_text(m));
	text_fmt(t, "%s\n  shape      %s\n  order      %s\n  byteorder  %s\n  nbytes     %" PRId64 "\n",
		 m->supported ? "" : " (not supported)", shape_text(&m->shape, shape, sizeof(shape)),
		 m->fortran ? "F" : "C", byteorder(m), m->nbytes);
	if (m->place) {
		text_add(t, "  view of    ");
		text_escaped(t, m->place);
		text_char(t, '\n');
	}
}

static int64_t total_bytes(const struct file *f)
{
	int64_t n = 0;

	for (int i = 0; i < f->nmembers; i++)
		n += f->members[i].nbytes;
	return n;
}

static void plain(struct text *t, const struct file *f, int only, const struct stat_values *v)
{
	char shape[SHAPE_TEXT];

	text_escaped(t, f->path);
	text_char(t, '\n');
	if (only >= 0) {
		plain_member(t, &f->members[only], f->format->name);
	} else {
		text_fmt(t, "  format     %s\n  nbytes     %" PRId64 "\n  members    %d\n", f->format->name,
			 total_bytes(f), f->nmembers);
		for (int i = 0; i < f->nmembers; i++) {
			const struct member *m = &f->members[i];

			text_add(t, "    ");
			text_escaped(t, m->name ? m->name : "");
			text_add(t, "  ");
			text_escaped(t, dtype_text(m));
			text_fmt(t, " %s%s %" PRId64 " bytes\n", shape_text(&m->shape, shape, sizeof(shape)),
				 m->fortran ? " F" : "", m->nbytes);
		}
	}
	for (int i = 0; v && i < NSTATS; i++)
		if (*v->text[i])
			text_fmt(t, "  %-9s  %s\n", stats[i].name, v->text[i]);
}

static void json(struct text *t, const struct file *f, int only, const struct stat_values *v)
{
	text_add(t, "{\"file\": ");
	text_json(t, f->path);
	text_fmt(t, ", \"format\": \"%s\", ", f->format->name);
	if (only >= 0) {
		json_member(t, &f->members[only]);
	} else {
		text_fmt(t, "\"nbytes\": %" PRId64 ", \"members\": [", total_bytes(f));
		for (int i = 0; i < f->nmembers; i++) {
			text_fmt(t, "%s{\"name\": ", i ? ", " : "");
			text_json(t, f->members[i].name ? f->members[i].name : "");
			text_add(t, ", ");
			json_member(t, &f->members[i]);
			text_char(t, '}');
		}
		text_char(t, ']');
	}
	if (v)
		json_stats(t, v);
	text_add(t, "}\n");
}

/* The value alone, for $(...): a shape as --shape takes it. */
static int field(struct text *t, const struct file *f, int only, const char *name, struct error *err)
{
	const struct member *m = only >= 0 ? &f->members[only] : NULL;

	if (!strcmp(name, "format"))
		text_add(t, f->format->name);
	else if (!strcmp(name, "nbytes"))
		text_fmt(t, "%" PRId64, m ? m->nbytes : total_bytes(f));
	else if (!strcmp(name, "members"))
		for (int i = 0; i < f->nmembers; i++)
			text_fmt(t, i ? "\n%s" : "%s", f->members[i].name ? f->members[i].name : "");
	else if (strcmp(name, "dtype") && strcmp(name, "shape") && strcmp(name, "order") && strcmp(name, "byteorder") &&
		 strcmp(name, "ndim") && strcmp(name, "size"))
		return error_set(
			err, ERR_USAGE,
			"unknown field '%s': one of format, dtype, shape, ndim, size, order, byteorder, nbytes, members",
			name);
	else if (!m)
		return error_set(err, ERR_FILE, "%s holds %d arrays: name one, %s:KEY", f->path, f->nmembers, f->path);
	else if (!strcmp(name, "dtype"))
		text_add(t, dtype_text(m));
	else if (!strcmp(name, "order"))
		text_add(t, m->fortran ? "F" : "C");
	else if (!strcmp(name, "byteorder"))
		text_add(t, byteorder(m));
	else if (!strcmp(name, "ndim"))
		text_fmt(t, "%d", m->shape.ndim);
	else if (!strcmp(name, "size"))
		text_fmt(t, "%" PRId64, shape_size(&m->shape));
	else if (!m->shape.ndim)
		text_add(t, "()");
	else
		shape_list(t, &m->shape, ",");
	text_char(t, '\n');
	return 0;
}

/* What all three ways of telling need; a sliced or computed member is no member of the file. */
static int tell(struct cli *c, struct file *f, int only, bool as_json, const char *name, bool with_stats,
		struct node *x, const char *slice, struct error *err)
{
	struct stat_values v;
	struct text t = TEXT_INIT;
	int ret = 0;

	if (slice) {
		/* The view's own shape. */
		struct member *m = &f->members[only];

		if (!(x = node_index(c->graph, x, slice, err)))
			return -1;
		m->shape = x->shape;
		m->nbytes = x->size * (int64_t)dtype_size(x->dtype);
	}
	if (with_stats && only < 0)
		return error_set(err, ERR_FILE, "%s holds %d arrays: name one for --stats, %s:KEY", f->path,
				 f->nmembers, f->path);
	if (with_stats && stats_compute(c, x, &v, err))
		return -1;
	if (name)
		ret = field(&t, f, only, name, err);
	else if (as_json)
		json(&t, f, only, with_stats ? &v : NULL);
	else
		plain(&t, f, only, with_stats ? &v : NULL);
	if (ret) {
		text_release(&t);
		return -1;
	}
	return text_print(&t, err);
}

int cmd_info(struct cli *c, int argc, const char **argv, struct error *err)
{
	static const char *only_stdin[] = { "-" };
	const char *name = NULL;
	bool as_json = false, with_stats = false;
	struct opt opts[MAX_OPTS] = {
		{ "json", 0, NULL, &as_json, "one JSON object a file", false },
		{ "field", 0, "NAME", &name,
		  "only this: dtype, shape, ndim, size, order, byteorder, nbytes, format, members", false },
		{ "stats", 0, NULL, &with_stats, "also min, max, mean, std and the number of nan, inf, zero", false },
	};
	int n;

	opts_common(opts, &c->common, true, false);
	n = opts_parse(argc, argv, opts, NULL, NULL, err);
	if (n < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, NULL, err);
	c->headers_only = !with_stats;
	if (common_apply(c, err))
		return -1;
	if (!n) {
		if (!stdin_is_pipe(c))
			return error_set(err, ERR_USAGE, "a file is missing");
		argv = only_stdin;
		n = 1;
	}
	for (int i = 0; i < n; i++) {
		struct place p;
		struct file *f;
		int only, ret;

		if (!strcmp(argv[i], "-")) {
			/* Every array of the stream; their elements are skipped by reading them. */
			for (int more = 1; more > 0; more = stdin_more(c, err)) {
				f = stdin_open(c, NULL, err);
				struct node *x = f && !f->archive ? stdin_node(c, NULL, NULL, err) : NULL;

				if (!f || (!f->archive && !x) ||
				    tell(c, f, f->archive ? -1 : 0, as_json, name, with_stats, x, NULL, err))
					return -1;
			}
			if (err->code)
				return -1;
			continue;
		}
		place_split(&p, argv[i]);
		if (!p.path)
			return error_memory(err, strlen(argv[i]));
		f = operand_open(c, p.path, NULL, err);
		ret = f ? 0 : -1;
		only = -1;
		if (f && (p.key || p.slice || (f->nmembers == 1 && (!f->archive || name || with_stats)))) {
			only = place_member(&p, f, err);
			ret = only < 0 ? -1 : 0;
		}
		struct node *x = NULL;

		if (!ret && only >= 0 && (p.slice || with_stats))
			ret = (x = file_node(c, f, only, argv[i], err)) ? 0 : -1;
		if (!ret)
			ret = tell(c, f, only, as_json, name, with_stats, x, p.slice, err);
		place_release(&p);
		if (ret)
			return -1;
	}
	return 0;
}
