/* info: what a file holds, from its headers; --stats reads the elements, once. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/number.h"
#include "lib/stats.h"

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

/* == statistics == */

enum { NROWS = NSTATS + 3 };
static const char *const rows[NROWS] = { "min", "max", "mean", "std", "nan", "inf", "zero" };

/* Row i of the statistics as text; "" where it has no value. */
static void stat_text(char buf[NUMBER_TEXT], const struct stats *s, int i)
{
	const int64_t counts[] = { s->nan, s->inf, s->zero };

	*buf = '\0';
	if (i >= NSTATS)
		snprintf(buf, NUMBER_TEXT, "%" PRId64, counts[i - NSTATS]);
	else if (s->of[i].known)
		number_repr(buf, s->of[i].dtype, s->of[i].value);
}

static void json_stats(struct text *t, const struct stats *s)
{
	const char *sep = "";
	char buf[NUMBER_TEXT];

	text_add(t, ", \"stats\": {");
	for (int i = 0; i < NROWS; i++) {
		stat_text(buf, s, i);
		if (!*buf)
			continue;
		text_fmt(t, "%s\"%s\": ", sep, rows[i]);
		if (i < NSTATS && s->of[i].dtype == DT_BOOL)
			text_add(t, *buf == 'T' ? "true" : "false");
		else if (strspn(buf, "0123456789+-.e") == strlen(buf))
			text_add(t, buf);
		else
			text_json(t, buf);
		sep = ", ";
	}
	text_char(t, '}');
}

/* == what is told of one file == */

struct info {
	struct file *f;
	int only;	     /* the member that was asked for, -1: the file with all of them */
	const char *slice;   /* of that member, or NULL */
	struct stats *stats; /* of each member; NULL: not asked for */
	bool *has_stats;
};

static int64_t total_bytes(const struct file *f)
{
	int64_t n = 0;

	for (int i = 0; i < f->nmembers; i++)
		if (__builtin_add_overflow(n, f->members[i].nbytes, &n))
			return INT64_MAX;
	return n;
}

/* Elements of the members that are arrays. */
static int64_t total_size(const struct file *f)
{
	int64_t n = 0;

	for (int i = 0; i < f->nmembers; i++)
		if (f->members[i].supported && __builtin_add_overflow(n, shape_size(&f->members[i].shape), &n))
			return INT64_MAX;
	return n;
}

static void json_member(struct text *t, const struct info *in, int i)
{
	const struct member *m = &in->f->members[i];

	text_add(t, "\"dtype\": ");
	text_json(t, dtype_text(m));
	text_add(t, ", \"shape\": [");
	shape_list(t, &m->shape, ", ");
	text_fmt(t, "], \"order\": \"%s\", \"byteorder\": \"%s\", \"nbytes\": %" PRId64, m->fortran ? "F" : "C",
		 byteorder(m), m->nbytes);
	if (in->stats && in->has_stats[i])
		json_stats(t, &in->stats[i]);
}

static void json_metadata(struct text *t, const struct metadata *m)
{
	text_char(t, '{');
	for (int i = 0; i < m->n; i++) {
		text_add(t, i ? ", " : "");
		text_json(t, m->item[i].key);
		text_add(t, ": ");
		text_json(t, m->item[i].value);
	}
	text_char(t, '}');
}

static void json(struct text *t, const struct info *in)
{
	const struct file *f = in->f;

	text_add(t, "{\"file\": ");
	text_json(t, f->path);
	text_fmt(t, ", \"format\": \"%s\", ", f->format->name);
	if (in->only >= 0) {
		json_member(t, in, in->only);
	} else {
		text_fmt(t, "\"size\": %" PRId64 ", \"nbytes\": %" PRId64 ", \"metadata\": ", total_size(f),
			 total_bytes(f));
		json_metadata(t, &f->metadata);
		text_add(t, ", \"members\": [");
		for (int i = 0; i < f->nmembers; i++) {
			text_add(t, i ? ", {\"name\": " : "{\"name\": ");
			text_json(t, f->members[i].name);
			text_add(t, ", ");
			json_member(t, in, i);
			text_char(t, '}');
		}
		text_char(t, ']');
	}
	text_add(t, "}\n");
}

static void plain_member(struct text *t, const struct info *in)
{
	const struct member *m = &in->f->members[in->only];
	char shape[SHAPE_TEXT], buf[NUMBER_TEXT];

	text_fmt(t, "  format     %s\n  dtype      ", in->f->format->name);
	text_escaped(t, dtype_text(m));
	text_fmt(t, "%s\n  shape      %s\n  order      %s\n  byteorder  %s\n  nbytes     %" PRId64 "\n",
		 m->supported ? "" : " (not supported)", shape_text(&m->shape, shape, sizeof(shape)),
		 m->fortran ? "F" : "C", byteorder(m), m->nbytes);
	if (m->place) {
		text_add(t, "  view of    ");
		text_escaped(t, m->place);
		text_char(t, '\n');
	}
	for (int i = 0; i < NROWS && in->stats && in->has_stats[in->only]; i++) {
		stat_text(buf, &in->stats[in->only], i);
		if (*buf)
			text_fmt(t, "  %-9s  %s\n", rows[i], buf);
	}
}

/* s, escaped, filled up with blanks to width. */
static void column(struct text *t, const char *s, size_t width)
{
	size_t start = t->len, n = 0;

	text_escaped(t, s);
	for (size_t i = start; i < t->len; i++)
		n += ((unsigned char)t->s[i] & 0xc0) != 0x80;
	for (; n < width; n++)
		text_char(t, ' ');
}

/* The most bytes that the names, or types, of the members take up, within reason. */
static size_t widest(const struct file *f, bool types)
{
	enum { WITHIN = 60 };
	size_t most = 0;

	for (int i = 0; i < f->nmembers; i++) {
		size_t n = strlen(types ? dtype_text(&f->members[i]) : f->members[i].name);

		if (n > most && n <= WITHIN)
			most = n;
	}
	return most;
}

static void plain_row(struct text *t, const struct info *in, int i, size_t names, size_t types)
{
	const struct member *m = &in->f->members[i];
	char shape[SHAPE_TEXT], buf[NUMBER_TEXT];
	const char *sep = ": ";

	text_add(t, "    ");
	column(t, m->name, names);
	text_add(t, "  ");
	column(t, dtype_text(m), types);
	text_fmt(t, " %s%s %" PRId64 " bytes", shape_text(&m->shape, shape, sizeof(shape)), m->fortran ? " F" : "",
		 m->nbytes);
	for (int k = 0; k < NROWS && in->stats && in->has_stats[i]; k++) {
		stat_text(buf, &in->stats[i], k);
		if (!*buf)
			continue;
		text_fmt(t, "%s%s %s", sep, rows[k], buf);
		sep = ", ";
	}
	text_char(t, '\n');
}

/* A value may be a whole document: its beginning will do here. */
static void plain_metadata(struct text *t, const struct metadata *m)
{
	enum { SHOWN = 200 };

	if (m->n)
		text_add(t, "  metadata\n");
	for (int i = 0; i < m->n; i++) {
		size_t n = strlen(m->item[i].value), k = n;
		char part[SHOWN + 4];

		/* Not within a character. */
		if (k > SHOWN)
			for (k = SHOWN; k && ((unsigned char)m->item[i].value[k] & 0xc0) == 0x80;)
				k--;
		snprintf(part, sizeof(part), "%.*s", (int)k, m->item[i].value);
		text_add(t, "    ");
		text_escaped(t, m->item[i].key);
		text_add(t, ": ");
		text_escaped(t, part);
		if (k < n)
			text_fmt(t, " ... (%zu bytes)", n);
		text_char(t, '\n');
	}
}

static void plain(struct text *t, const struct info *in)
{
	const struct file *f = in->f;
	size_t names = widest(f, false), types = widest(f, true);

	text_escaped(t, f->path);
	text_char(t, '\n');
	if (in->only >= 0) {
		plain_member(t, in);
		return;
	}
	text_fmt(t, "  format     %s\n  size       %" PRId64 "\n  nbytes     %" PRId64 "\n", f->format->name,
		 total_size(f), total_bytes(f));
	plain_metadata(t, &f->metadata);
	text_fmt(t, "  members    %d\n", f->nmembers);
	for (int i = 0; i < f->nmembers; i++)
		plain_row(t, in, i, names, types);
}

/* The value alone, for $(...): a shape as --shape takes it. */
static int field(struct text *t, const struct info *in, const char *name, struct error *err)
{
	const struct file *f = in->f;
	const struct member *m = in->only >= 0 ? &f->members[in->only] : NULL;

	if (!strcmp(name, "format"))
		text_add(t, f->format->name);
	else if (!strcmp(name, "nbytes"))
		text_fmt(t, "%" PRId64, m ? m->nbytes : total_bytes(f));
	else if (!strcmp(name, "size"))
		text_fmt(t, "%" PRId64, m ? shape_size(&m->shape) : total_size(f));
	else if (!strcmp(name, "metadata"))
		json_metadata(t, &f->metadata);
	else if (!strcmp(name, "members"))
		for (int i = 0; i < f->nmembers; i++)
			text_fmt(t, i ? "\n%s" : "%s", f->members[i].name);
	else if (strcmp(name, "dtype") && strcmp(name, "shape") && strcmp(name, "order") && strcmp(name, "byteorder") &&
		 strcmp(name, "ndim"))
		return error_set(err, ERR_USAGE,
				 "unknown field '%s': one of format, dtype, shape, ndim, size, order, byteorder, "
				 "nbytes, members, metadata",
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
	else if (!m->shape.ndim)
		text_add(t, "()");
	else
		shape_list(t, &m->shape, ",");
	text_char(t, '\n');
	return 0;
}

/* == reading == */

/* One member, or the slice of it, in a graph of its own: nothing of it is kept. */
static int examine(struct info *in, int i, bool stats, struct error *err)
{
	struct graph *g = graph_new(err);
	struct array a = { 0 };
	struct node *x = NULL;
	int ret = -1;

	if (g && !file_array(in->f, i, &a, err))
		x = node_leaf(g, &a, in->f->path, err);
	if (x && in->slice)
		x = node_index(g, x, in->slice, err);
	if (!x)
		goto done;
	if (in->slice) {
		/* The view's own shape. */
		in->f->members[i].shape = x->shape;
		in->f->members[i].nbytes = x->size * (int64_t)dtype_size(x->dtype);
	}
	if (stats && stats_node(&in->stats[i], x, err))
		goto done;
	if (stats)
		in->has_stats[i] = true;
	ret = 0;
done:
	graph_free(g);
	return ret;
}

static int all_stats(struct info *in, struct error *err)
{
	size_t n = (size_t)in->f->nmembers + 1;

	in->stats = calloc(n, sizeof(*in->stats));
	in->has_stats = calloc(n, sizeof(*in->has_stats));
	if (!in->stats || !in->has_stats)
		return error_memory(err, n * sizeof(*in->stats));
	for (int i = 0; i < in->f->nmembers; i++) {
		/* Of several members, those that are no arrays have none. */
		if ((in->only >= 0 && i != in->only) || (in->only < 0 && !in->f->members[i].supported))
			continue;
		if (examine(in, i, true, err))
			return -1;
	}
	return 0;
}

struct request {
	bool json, stats;
	const char *field;
};

static int tell(struct info *in, const struct request *r, struct error *err)
{
	struct text t = TEXT_INIT;
	int ret = r->stats ? all_stats(in, err) : in->slice ? examine(in, in->only, false, err) : 0;

	if (!ret && r->field)
		ret = field(&t, in, r->field, err);
	else if (!ret && r->json)
		json(&t, in);
	else if (!ret)
		plain(&t, in);
	free(in->stats);
	free(in->has_stats);
	if (!ret)
		return text_print(&t, err);
	text_release(&t);
	return -1;
}

static struct file *open_file(const struct cli *c, const char *path, struct error *err)
{
	static const struct format_options none;
	struct file *f;

	if (!*path) {
		error_set(err, ERR_FILE, "'': no file is named");
		return NULL;
	}
	if (file_open(&f, path, &none, err))
		return NULL;
	if (f->warning && !c->common.quiet)
		say(c, "%s: %s", f->path, f->warning);
	return f;
}

/* Every array of the stream; the elements of one are skipped before the next. */
static int tell_stdin(const struct cli *c, const struct request *r, struct error *err)
{
	int more;

	do {
		struct file *f = open_file(c, "-", err);
		struct info in = { .f = f, .only = -1 };
		bool archive = f && f->archive;

		if (!f)
			return -1;
		if (!archive)
			in.only = 0;
		int ret = tell(&in, r, err);
		file_close(f);
		if (ret)
			return -1;
		more = archive ? 0 : file_stdin_more(err);
	} while (more > 0);
	return more;
}

static int tell_file(const struct cli *c, const char *text, const struct request *r, struct error *err)
{
	struct info in = { .only = -1 };
	struct place p;
	int ret = -1;

	place_split(&p, text);
	if (!p.path)
		return error_memory(err, strlen(text));
	if ((in.f = open_file(c, p.path, err))) {
		bool one = in.f->nmembers == 1 && (!in.f->archive || (r->field && strcmp(r->field, "metadata")));

		ret = 0;
		if (p.key || p.slice || one)
			ret = (in.only = place_member(&p, in.f, err)) < 0 ? -1 : 0;
		in.slice = p.slice;
		if (!ret)
			ret = tell(&in, r, err);
		file_close(in.f);
	}
	place_release(&p);
	return ret;
}

int cmd_info(struct cli *c, int argc, const char **argv, struct error *err)
{
	static const char *only_stdin[] = { "-" };
	struct request r = { 0 };
	struct opt opts[MAX_OPTS] = {
		{ "json", 0, NULL, &r.json, "one JSON object a file", false },
		{ "field", 0, "NAME", &r.field,
		  "only this: dtype, shape, ndim, size, order, byteorder, nbytes, format, members, metadata", false },
		{ "stats", 0, NULL, &r.stats, "also min, max, mean, std and the number of nan, inf, zero", false },
	};
	int n;

	opts_common(opts, &c->common, true, false);
	n = opts_parse(argc, argv, opts, NULL, NULL, err);
	if (n < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, NULL, err);
	if (common_apply(c, err))
		return -1;
	if (!n) {
		if (!stdin_is_pipe(c))
			return error_set(err, ERR_USAGE, "a file is missing");
		argv = only_stdin;
		n = 1;
	}
	for (int i = 0; i < n; i++)
		if (strcmp(argv[i], "-") ? tell_file(c, argv[i], &r, err) : tell_stdin(c, &r, err))
			return -1;
	return 0;
}
