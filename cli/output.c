/* Where results go: files, pipes, the terminal, or nowhere in a dry run. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/graphdoc.h"
#include "lib/hash.h"
#include "lib/plan.h"
#include "lib/print.h"

int stdout_flush(struct error *err)
{
	if (fflush(stdout) || ferror(stdout))
		return error_errno(err, ERR_RESOURCE, "standard output");
	return 0;
}

int text_print(struct text *t, struct error *err)
{
	int ret = 0;

	if (t->failed)
		ret = error_memory(err, t->room);
	else if (t->s && fwrite(t->s, 1, t->len, stdout) != t->len)
		ret = error_errno(err, ERR_RESOURCE, "standard output");
	text_release(t);
	return ret;
}

/* Hands tiles from the engine to a writer, and shows progress on a terminal when it takes long. */
struct output {
	struct sink sink;
	struct writer *writer, *also; /* also: or NULL */
	enum dtype dtype;
	int64_t size;
	bool progress;
	atomic_bool shown;
	atomic_llong done;
	struct timespec start;
	atomic_llong last; /* milliseconds */
	bool hashes;
	struct array_hasher hasher;
};

static int64_t elapsed_ms(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void show_progress(struct output *o, int64_t done)
{
	int64_t ms = elapsed_ms(&o->start), last = atomic_load(&o->last);
	int percent = (int)(100.0 * (double)done / (double)o->size);

	if (ms < 1000 || ms - last < 100)
		return;
	if (!atomic_compare_exchange_strong(&o->last, &(long long){ last }, ms))
		return;
	o->shown = true;
	fprintf(stderr, "\r[%-*.*s] %3d%%", 40, percent * 40 / 100, "########################################",
		percent);
}

static int output_write_tile(struct sink *s, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct output *o = (struct output *)s;

	if (writer_write(o->writer, elements, start, n, err) ||
	    (o->also && writer_write(o->also, elements, start, n, err)))
		return -1;
	if (o->hashes) {
		int64_t itemsize = (int64_t)dtype_size(o->dtype);

		if (array_hash_add(&o->hasher, elements, start * itemsize, n * itemsize, err))
			return -1;
	}
	if (o->progress)
		show_progress(o, atomic_fetch_add(&o->done, n) + n);
	return 0;
}

/* Elements in Fortran order are those of the transpose in C order. */
static struct node *reversed(struct node *x, struct error *err)
{
	int axes[MAX_NDIM];

	for (int i = 0; i < x->shape.ndim; i++)
		axes[i] = x->shape.ndim - 1 - i;
	return node_permute(x->graph, x, axes, err);
}

int output_node(struct cli *c, struct writer *w, const char *name, struct node *x, bool fortran, struct gfile *facts,
		struct writer *also, struct error *err)
{
	struct output o = { .sink = { output_write_tile, false }, .writer = w, .also = also, .size = x->size };

	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return -1;
	fortran = fortran && x->shape.ndim > 1;
	if (writer_begin(w, name, x->dtype, &x->shape, fortran, err) ||
	    (also && writer_begin(also, name, x->dtype, &x->shape, fortran, err)))
		return -1;
	/* In Fortran order the elements do not come in the order of the hash. */
	if (facts && fortran && (engine_keep(1, &x, err) || hash_node(x, facts, err)))
		return -1;
	if (fortran && !(x = reversed(x, err)))
		return -1;
	o.dtype = x->dtype;
	o.hashes = facts && !fortran;
	if (o.hashes && array_hash_init(&o.hasher, x->dtype, &x->shape, err))
		return -1;
	o.sink.random = writer_random(w) && (!also || writer_random(also));
	clock_gettime(CLOCK_MONOTONIC, &o.start);
	o.progress = !c->common.quiet && x->size > (1 << 20) && isatty(2);
	int ret = engine_run(x, &o.sink, err);
	if (o.shown)
		fprintf(stderr, "\r%60s\r", "");
	if (o.hashes) {
		facts->xxh3 = array_hash_digest(&o.hasher);
		facts->known = !ret;
	}
	return ret || writer_end(w, err) || (also && writer_end(also, err)) ? -1 : 0;
}

int show_node(struct node *x, const struct print_options *opt, struct error *err)
{
	struct text t = TEXT_INIT;

	if (x->weak && !(x = node_cast(x->graph, x, x->dtype, err)))
		return -1;
	struct shape whole = x->shape;
	if (print_summarised(&whole, opt)) {
		/* Only the corners are computed. */
		int64_t edge = opt->edgeitems;

		for (int i = 0; i < whole.ndim; i++) {
			struct node *part[2];

			if (whole.dim[i] <= 2 * edge)
				continue;
			part[0] = node_slice(x->graph, x, i, 0, 1, edge, err);
			part[1] = node_slice(x->graph, x, i, whole.dim[i] - edge, 1, edge, err);
			if (!part[0] || !part[1] || !(x = node_concat(x->graph, 2, part, i, err)))
				return -1;
		}
	}
	if (engine_keep(1, &x, err))
		return -1;
	print_array(&t, x->dtype, &whole, node_data(x), opt);
	text_char(&t, '\n');
	return text_print(&t, err);
}

static int plan_results(struct engine_plan *p, int n, const struct result *r, struct error *err)
{
	struct node **x = calloc((size_t)n + 1, sizeof(*x));
	int ret;

	*p = (struct engine_plan){ .passes = NULL };
	if (!x)
		return error_memory(err, (size_t)n * sizeof(*x));
	for (int i = 0; i < n; i++)
		x[i] = r[i].node;
	ret = engine_plan(p, n, x, err);
	free(x);
	return ret;
}

/* A result of a dry run, and the passes at *pass and behind that end with it. */
static void tell_result(struct text *t, const struct result *r, const struct engine_plan *p, int *pass)
{
	char shape[SHAPE_TEXT];

	text_fmt(t, "%s%s%s %s, %" PRId64 " bytes\n", r->name ? r->name : "", r->name ? ": " : "",
		 dtype_name(r->node->dtype), shape_text(&r->node->shape, shape, sizeof(shape)),
		 r->node->size * (int64_t)dtype_size(r->node->dtype));
	for (bool kept = true; kept && *pass < p->npasses; ++*pass) {
		const struct planned_pass *one = &p->passes[*pass];

		text_fmt(t, "  pass %d: ", *pass + 1);
		plan_pass_text(t, one->node, one->kept);
		text_fmt(t, "; %d thread%s\n", one->threads, one->threads == 1 ? "" : "s");
		kept = one->kept;
	}
}

static void tell_result_json(struct text *t, const struct result *r, const struct engine_plan *p, int *pass)
{
	int first = *pass;

	text_char(t, '{');
	if (r->name) {
		text_add(t, "\"name\": ");
		text_json(t, r->name);
		text_add(t, ", ");
	}
	text_fmt(t, "\"dtype\": \"%s\", \"shape\": [", dtype_name(r->node->dtype));
	for (int k = 0; k < r->node->shape.ndim; k++)
		text_fmt(t, k ? ", %" PRId64 : "%" PRId64, r->node->shape.dim[k]);
	text_fmt(t, "], \"nbytes\": %" PRId64 ", \"memory\": %" PRId64 ", \"plan\": [",
		 r->node->size * (int64_t)dtype_size(r->node->dtype), p->memory);
	for (bool kept = true; kept && *pass < p->npasses; ++*pass) {
		const struct planned_pass *one = &p->passes[*pass];
		struct text does = TEXT_INIT;

		plan_pass_text(&does, one->node, one->kept);
		text_fmt(t, "%s{\"does\": ", *pass > first ? ", " : "");
		text_json(t, does.s ? does.s : "");
		text_fmt(t, ", \"read\": %" PRId64 ", \"%s\": %" PRId64 ", \"threads\": %d}", one->read,
			 one->kept ? "kept" : "written", one->made, one->threads);
		kept = one->kept;
		t->failed |= does.failed;
		text_release(&does);
	}
	text_fmt(t, "], \"passes\": %d}", *pass - first);
}

static int dry_run(struct cli *c, int n, const struct result *r, struct error *err)
{
	struct text t = TEXT_INIT;
	struct engine_plan p;
	int pass = 0;

	if (plan_results(&p, n, r, err)) {
		engine_plan_release(&p);
		return -1;
	}
	if (c->common.json)
		text_char(&t, '[');
	for (int i = 0; i < n; i++) {
		if (c->common.json && i)
			text_add(&t, ", ");
		(c->common.json ? tell_result_json : tell_result)(&t, &r[i], &p, &pass);
	}
	if (c->common.json)
		text_add(&t, "]\n");
	else
		text_fmt(&t,
			 "%d pass%s: %" PRId64 " bytes read, %" PRId64 " written, peak memory about %" PRId64
			 " bytes\n",
			 p.npasses, p.npasses == 1 ? "" : "es", p.read, p.written, p.memory);
	engine_plan_release(&p);
	return text_print(&t, err);
}

char *output_numbered(const char *pattern, const char *name)
{
	const char *hole = strstr(pattern, "{}");
	size_t size = strlen(pattern) + strlen(name) + 1;
	char *s = malloc(size);

	if (s)
		snprintf(s, size, "%.*s%s%s", (int)(hole - pattern), pattern, name, hole + 2);
	return s;
}

int output_commit(struct cli *c, int n, const struct result *r, struct writer **w, const char *const *paths,
		  struct gfile *facts, struct error *err)
{
	struct node **x = calloc((size_t)n + 1, sizeof(*x));
	int64_t *ids = calloc((size_t)n + 1, sizeof(*ids));
	int ret = x && ids ? 0 : error_memory(err, (size_t)n * sizeof(*x));

	for (int i = 0; i < n && !ret; i++) {
		struct file_facts f = { 0 };

		x[i] = r[i].node;
		if (w[i])
			ret = writer_finish(w[i], err);
		/* Several results may be members of one file. */
		for (int k = i; !ret && k >= 0; k--)
			if (w[k]) {
				writer_facts(w[k], &f);
				break;
			}
		facts[i].size = f.size;
		facts[i].mtime_ns = f.mtime_ns;
		facts[i].dev = f.dev;
		facts[i].ino = f.ino;
	}
	if (!ret && c->record)
		ret = record_results(c, n, x, paths, facts, ids, err);
	for (int i = 0; i < n; i++)
		if (w[i] && ret)
			writer_abort(w[i]);
		else if (w[i])
			ret = writer_commit(w[i], err);
	free(x);
	free(ids);
	return ret;
}

static int output_many_files(struct cli *c, int n, const struct result *r, const struct format_options *opt,
			     bool fortran, struct error *err)
{
	struct writer **w = calloc((size_t)n + 1, sizeof(*w));
	char **path = calloc((size_t)n + 1, sizeof(*path));
	struct gfile *facts = calloc((size_t)n + 1, sizeof(*facts));
	int made = 0, ret = -1;

	if (!w || !path || !facts) {
		error_memory(err, (size_t)n * sizeof(*facts));
		goto done;
	}
	for (int i = 0; i < n; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%d", i);
		/* An archive does not choose the directory that is written to. */
		if (r[i].name && strchr(r[i].name, '/')) {
			error_set(err, ERR_FILE, "'%s' is no name of a file: convert this member by itself, ARCHIVE:%s",
				  r[i].name, r[i].name);
			goto done;
		}
		path[i] = output_numbered(c->common.output, r[i].name ? r[i].name : number);
		if (!path[i]) {
			error_memory(err, 1);
			goto done;
		}
		if (writer_open(&w[i], path[i], opt, err))
			goto done;
		made = i + 1;
		if (output_node(c, w[i], NULL, r[i].node, fortran, c->record ? &facts[i] : NULL, NULL, err))
			goto done;
	}
	made = 0;
	ret = output_commit(c, n, r, w, (const char *const *)path, facts, err);
done:
	for (int i = 0; i < made; i++)
		writer_abort(w[i]);
	for (int i = 0; path && i < n; i++)
		free(path[i]);
	free(path);
	free(facts);
	free(w);
	return ret;
}

/* Where standard output goes, if that is the start of a regular file with a name. */
static bool stdout_file(char *path, size_t size)
{
	struct stat st;
	ssize_t n;

	if (fstat(1, &st) || !S_ISREG(st.st_mode) || lseek(1, 0, SEEK_CUR) != 0 || st.st_size)
		return false;
	n = readlink("/proc/self/fd/1", path, size - 1);
	path[n < 0 ? 0 : n] = '\0';
	return n > 0 && *path == '/' && !stat(path, &st);
}

/* A writer for what --save keeps of a node. */
static int saver_open(struct writer **w, const char *pattern, int64_t id, struct error *err)
{
	static const struct format_options none;
	char number[24], *path;
	int ret;

	snprintf(number, sizeof(number), "%" PRId64, id);
	path = output_numbered(pattern, number);
	ret = path ? writer_open(w, path, &none, err) : error_memory(err, strlen(pattern));
	free(path);
	return ret;
}

/*
 * A result for a pipe, or for a file that standard output is (named): what others may read before it is complete has its
 * history first, and its hash later.
 */
static int output_recorded(struct cli *c, struct writer *w, const char *name, struct node *x, bool fortran,
			   const char *named, struct error *err)
{
	char *saves = c->common.save && !named ? record_saves(c, err) : NULL;
	const char *to = named ? named : saves;
	struct file_facts f = { 0 };
	struct gfile facts = { 0 };
	struct writer *also = NULL;
	char tag[NPY_TAG];
	int64_t id = 0;
	int ret = -1;

	if ((c->common.save && !named && !saves) || record_results(c, 1, &x, &to, NULL, &id, err))
		goto done;
	record_tag(c, x, tag, sizeof(tag));
	if (!named)
		writer_tag(w, tag);
	if (saves && saver_open(&also, saves, id, err))
		goto done;
	if (output_node(c, w, name, x, fortran, &facts, also, err))
		goto done;
	if (named && (writer_finish(w, err) || !writer_facts(w, &f)))
		goto done;
	if (also && (writer_finish(also, err) || !writer_facts(also, &f)))
		goto done;
	facts.size = f.size;
	facts.mtime_ns = f.mtime_ns;
	facts.dev = f.dev;
	facts.ino = f.ino;
	if (also) {
		struct writer *one = also;

		also = NULL;
		if (writer_commit(one, err))
			goto done;
	}
	ret = record_amend(c, id, &facts, err);
done:
	writer_abort(also);
	free(saves);
	return ret;
}

/* Names for results without one, and the order in which the format wants them. */
static int arrange_results(struct cli *c, struct writer *w, int n, const struct result *r, struct result *named,
			   int *order, struct error *err)
{
	const struct format *format = writer_format(w);
	struct planned *plan = calloc((size_t)n + 1, sizeof(*plan));
	bool needs = format->archive && !(format->bare && n == 1);
	int ret = plan ? 0 : error_memory(err, (size_t)n * sizeof(*plan));

	for (int i = 0; i < n && !ret; i++) {
		char number[24];

		named[i] = r[i];
		snprintf(number, sizeof(number), "arr_%d", i);
		if (!r[i].name && needs && !(named[i].name = graph_string(c->graph, number)))
			ret = error_memory(err, sizeof(number));
		plan[i] = (struct planned){ named[i].name, r[i].node->dtype, &r[i].node->shape };
	}
	if (!ret)
		ret = writer_arrange(w, n, plan, order, err);
	free(plan);
	return ret;
}

/* Results into one file, archive or stream. */
static int output_one_file(struct cli *c, int n, const struct result *r, const struct format_options *opt, bool fortran,
			   struct error *err)
{
	struct writer **w = calloc((size_t)n + 1, sizeof(*w));
	char **path = calloc((size_t)n + 1, sizeof(*path)), redirect[4096];
	struct gfile *facts = calloc((size_t)n + 1, sizeof(*facts));
	struct result *results = calloc((size_t)n + 1, sizeof(*results));
	int *order = calloc((size_t)n + 1, sizeof(*order));
	bool streams = !c->common.output, named = false;
	int ret = -1;

	if (!w || !path || !facts || !results || !order) {
		error_memory(err, (size_t)n * sizeof(*facts));
		goto done;
	}
	if (c->record && streams)
		named = n == 1 && stdout_file(redirect, sizeof(redirect));
	if (writer_open(&w[0], c->common.output, opt, err) || arrange_results(c, w[0], n, r, results, order, err))
		goto done;
	for (int k = 0; k < n; k++) {
		int i = order[k];
		const char *name = results[i].name;

		if (c->record && !streams) {
			bool key = writer_format(w[0])->archive && name;

			path[i] = malloc(strlen(c->common.output) + (key ? strlen(name) : 0) + 2);
			if (!path[i]) {
				error_memory(err, strlen(c->common.output));
				goto done;
			}
			sprintf(path[i], "%s%s%s", c->common.output, key ? ":" : "", key ? name : "");
		}
		if (c->record && streams
			    ? output_recorded(c, w[0], name, r[i].node, fortran, named ? redirect : NULL, err)
			    : output_node(c, w[0], name, r[i].node, fortran, c->record ? &facts[i] : NULL, NULL, err))
			goto done;
	}
	if (c->record && !streams) {
		ret = output_commit(c, n, r, w, (const char *const *)path, facts, err);
		w[0] = NULL;
	} else {
		struct writer *one = w[0];

		w[0] = NULL;
		ret = writer_commit(one, err);
	}
done:
	if (w)
		writer_abort(w[0]);
	for (int i = 0; path && i < n; i++)
		free(path[i]);
	free(w);
	free(path);
	free(facts);
	free(results);
	free(order);
	return ret;
}

static int share_streams(int n, const struct result *r, struct error *err)
{
	struct node **x = calloc((size_t)n, sizeof(*x));
	int ret;

	if (!x)
		return error_memory(err, (size_t)n * sizeof(*x));
	for (int i = 0; i < n; i++)
		x[i] = r[i].node;
	ret = engine_share(n, x, err);
	free(x);
	return ret;
}

/* The results of a stage of "run" go to the next one. */
static int collect(struct cli *c, int n, const struct result *r, struct error *err)
{
	struct node **made = realloc(c->made, (size_t)(c->nmade + n + 1) * sizeof(*made));

	if (!made)
		return error_memory(err, (size_t)n * sizeof(*made));
	c->made = made;
	if (c->common.output || c->common.dry)
		return error_set(err, ERR_USAGE,
				 "only the last stage of a pipeline writes to a file: '-o' and '--dry-run' go there");
	for (int i = 0; i < n; i++) {
		/* A scalar that went through a pipe is an array. */
		struct node *x = r[i].node->weak ? node_cast(c->graph, r[i].node, r[i].node->dtype, err) : r[i].node;

		if (!x)
			return -1;
		c->made[c->nmade++] = x;
	}
	return 0;
}

static int check_memory(struct cli *c, int n, const struct result *r, struct error *err)
{
	struct engine_plan p;
	int ret = plan_results(&p, n, r, err);

	if (!ret && p.memory > c->memory)
		ret = error_set(err, ERR_RESOURCE,
				"computing it takes about %" PRId64 " bytes of memory, the limit is %" PRId64, p.memory,
				c->memory);
	engine_plan_release(&p);
	return ret;
}

int output_results(struct cli *c, int n, const struct result *r, const struct format_options *opt, bool fortran,
		   struct error *err)
{
	static const struct format_options none;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!opt)
		opt = &none;
	if (c->collects)
		return collect(c, n, r, err);
	if (c->common.json && !c->common.dry)
		return error_set(err, ERR_USAGE, "--json goes with --dry-run");
	if (c->common.dry)
		return dry_run(c, n, r, err);
	if (!c->common.output && !opt->format && isatty(1)) {
		struct print_options print = PRINT_OPTIONS_INIT;

		for (int i = 0; i < n; i++) {
			if (r[i].name && (printf("%s:\n", r[i].name) < 0))
				return error_errno(err, ERR_RESOURCE, "standard output");
			if (show_node(r[i].node, &print, err))
				return -1;
		}
		return 0;
	}
	if (!c->common.output && isatty(1) && opt->format &&
	    (!strcmp(opt->format->name, "npy") || !strcmp(opt->format->name, "raw") || opt->format->archive))
		return error_set(err, ERR_USAGE, "%s bytes are not written to a terminal; use -o FILE",
				 opt->format->name);
	if (c->memory && check_memory(c, n, r, err))
		return -1;
	if (n > 1 && share_streams(n, r, err))
		return -1;
	if (c->common.output && strstr(c->common.output, "{}"))
		return output_many_files(c, n, r, opt, fortran, err);
	if (output_one_file(c, n, r, opt, fortran, err))
		return -1;
	if (c->common.verbose)
		for (int i = 0; i < n; i++) {
			char shape[SHAPE_TEXT];

			say(c, "%s %s %s in %" PRId64 " ms", c->common.output ? c->common.output : "standard output",
			    dtype_name(r[i].node->dtype), shape_text(&r[i].node->shape, shape, sizeof(shape)),
			    elapsed_ms(&start));
		}
	return 0;
}
