/* graph: what was recorded, shown, drawn, verified, run again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/history.h"

struct options {
	bool full, fast, off;
	const char **set;
	int nset, nout;
	const char **outputs;
};

static bool inexact(enum dtype d)
{
	return dtype_is_float(d) || dtype_is_complex(d);
}

/* == require == */

/* A new leaf for each file, as it is now; PyTorch's requires_grad_(). */
static int require(struct cli *c, const struct options *o, int n, const char **files, struct error *err)
{
	struct graphdoc *doc = record_doc(c);

	if (!n)
		return error_set(err, ERR_USAGE, "which files require grad?");
	for (int i = 0; i < n; i++) {
		struct node *x = NULL;
		const struct gnode *old;
		struct gnode leaf = { .alias = -1 };
		struct place p;
		struct file *f;
		char op[] = "leaf", *base = NULL;
		int m, ret = -1;

		place_split(&p, files[i]);
		if (!p.path)
			error_memory(err, strlen(files[i]));
		else if ((f = operand_open(c, p.path, NULL, err)) && (m = place_member(&p, f, err)) >= 0)
			x = file_node(c, f, m, files[i], err);
		if (!x)
			goto done;
		if (p.slice) {
			error_set(err, ERR_USAGE, "%s: name the whole array, without a slice", files[i]);
			goto done;
		}
		if (!inexact(x->dtype)) {
			error_set(err, ERR_VALUE,
				  "%s is %s: only Tensors of floating point and complex dtype can require gradients",
				  files[i], dtype_name(x->dtype));
			goto done;
		}
		base = graphdoc_spell(doc, p.path, err);
		leaf.out = base ? malloc(strlen(base) + (p.key ? strlen(p.key) : 0) + 2) : NULL;
		if (!leaf.out)
			goto done;
		sprintf(leaf.out, "%s%s%s", base, p.key ? ":" : "", p.key ? p.key : "");
		leaf.op = op;
		leaf.requires_grad = !o->off;
		leaf.dtype = x->dtype;
		leaf.shape = x->shape;
		if (hash_place(p.path, p.key, &leaf.file, err) || graphdoc_lock(doc, err))
			goto done;
		leaf.id = graphdoc_next(doc);
		int found = graphdoc_newest(doc, leaf.out, &old, err);
		if (found > 0 && old->file.known && old->file.xxh3 == leaf.file.xxh3 && old->dtype == leaf.dtype) {
			if (o->off && old->requires_grad && !gnode_is_leaf(old)) {
				error_set(
					err, ERR_VALUE,
					"%s: you can only change requires_grad flags of leaf variables. If you want to use a "
					"computed variable in a subgraph that doesn't require differentiation use 'tensor op "
					"detach'",
					files[i]);
				found = -1;
			} else if (old->requires_grad != o->off) {
				found = 2; /* it is so already */
			}
		}
		ret = found < 0 ? -1 : found == 2 ? 0 : graphdoc_append(doc, 1, &leaf, err);
		graphdoc_unlock(doc);
done:
		free(leaf.out);
		free(base);
		place_release(&p);
		if (ret)
			return -1;
	}
	return 0;
}

/* == show and dot == */

/* All nodes, or the history of files; ascending ids in h. */
static int nodes_of(struct cli *c, struct history *h, int n, const char **files, struct error *err)
{
	int64_t *roots, next = graphdoc_next(h->doc);
	int64_t count = 0;
	int ret;

	(void)c;
	roots = malloc(((size_t)(n ? n : next) + 1) * sizeof(*roots));
	if (!roots)
		return error_memory(err, (size_t)next * sizeof(*roots));
	for (int i = 0; i < n; i++) {
		const struct gnode *g;
		int found = history_newest(h, files[i], &g, err);

		if (found == 0)
			error_set(err, ERR_VALUE, "%s is not in the graph %s", files[i], graphdoc_path(h->doc));
		if (found <= 0) {
			free(roots);
			return -1;
		}
		roots[count++] = g->id;
	}
	if (!n)
		for (int64_t id = 0; id < next; id++) {
			const struct gnode *g;
			struct error skip = ERROR_INIT;

			/* lines that amend are none, and pruned ones leave gaps */
			if (!graphdoc_node(h->doc, id, &g, &skip))
				roots[count++] = id;
			else if (!strstr(skip.text, "is no node") && !strstr(skip.text, "there is no node")) {
				*err = skip;
				free(roots);
				return -1;
			}
		}
	h->recompute = h->shallow = n > 0; /* the history, also behind files */
	ret = history_collect(h, (int)count, roots, true, err);
	free(roots);
	return ret;
}

static void reference_text(struct text *t, const struct gref *r)
{
	if (r->id >= 0)
		text_fmt(t, "%" PRId64, r->id);
	else if (r->num.kind == SCALAR_INT || r->num.kind == SCALAR_BOOL)
		text_fmt(t, "(%s%" PRIu64 ")", r->num.negative ? "-" : "", r->num.magnitude);
	else if (r->num.kind == SCALAR_FLOAT)
		text_fmt(t, "(%g)", r->num.re);
	else
		text_fmt(t, "(%g%+gj)", r->num.re, r->num.im);
}

static const char *mark(const struct gnode *n)
{
	return n->requires_grad ? gnode_is_leaf(n) ? "leaf" : "grad" : n->cut ? "cut" : "";
}

static int show(struct cli *c, const struct options *o, int n, const char **files, struct error *err)
{
	enum { LAST = 50 };
	struct history h = { .c = c, .doc = record_doc(c) };
	struct text t = TEXT_INIT;
	int first, widths[5] = { 2, 2, 2, 5, 4 }, ret = -1;

	if (nodes_of(c, &h, n, files, err))
		goto done;
	first = !o->full && h.n > LAST ? h.n - LAST : 0;
	if (first)
		text_fmt(&t, "%d earlier nodes are not shown (--full)\n", first);
	/* Widths first, then the rows. */
	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			text_fmt(&t, "%*s  %-*s  %-*s  %-*s  %-*s  file\n", widths[0], "id", widths[1], "op", widths[2],
				 "of", widths[3], "array", widths[4], "grad");
		for (int i = first; i < h.n; i++) {
			const struct gnode *g = h.past[i].n;
			struct text of = TEXT_INIT;
			char id[24], array[SHAPE_TEXT + 24], shape[SHAPE_TEXT];
			struct text file = TEXT_INIT;

			snprintf(id, sizeof(id), "%" PRId64, g->id);
			for (int k = 0; k < g->nin; k++) {
				if (k)
					text_char(&of, ' ');
				reference_text(&of, &g->in[k]);
			}
			snprintf(array, sizeof(array), "%s %s", dtype_name(g->dtype),
				 shape_text(&g->shape, shape, sizeof(shape)));
			const char *cells[5] = { id, g->op, of.s ? of.s : "", array, mark(g) };
			if (!pass) {
				for (int k = 0; k < 5; k++)
					if ((int)strlen(cells[k]) > widths[k])
						widths[k] = (int)strlen(cells[k]) < 40 ? (int)strlen(cells[k]) : 40;
			} else {
				if (g->out)
					text_escaped(&file, g->out);
				text_fmt(&t, "%*s  %-*s  %-*s  %-*s  %-*s  %s%s", widths[0], cells[0], widths[1],
					 cells[1], widths[2], cells[2], widths[3], cells[3], widths[4], cells[4],
					 file.s ? file.s : "",
					 h.past[i].state == PAST_MISSING ? " (gone)"
					 : h.past[i].state == PAST_OVERWRITTEN || h.past[i].state == PAST_IN_PLACE
						 ? " (overwritten)"
						 : "");
				while (t.len && t.s[t.len - 1] == ' ')
					t.s[--t.len] = '\0';
				text_char(&t, '\n');
			}
			text_release(&of);
			text_release(&file);
		}
	}
	ret = text_print(&t, err);
done:
	history_release(&h);
	return ret;
}

static void dot_text(struct text *t, const char *s)
{
	struct text safe = TEXT_INIT;

	text_escaped(&safe, s);
	for (const char *p = safe.s ? safe.s : ""; *p; p++) {
		if (strchr("\"\\", *p))
			text_char(t, '\\');
		text_char(t, *p);
	}
	text_release(&safe);
}

static int dot(struct cli *c, int n, const char **files, struct error *err)
{
	struct history h = { .c = c, .doc = record_doc(c) };
	struct text t = TEXT_INIT;
	int ret = -1;

	if (nodes_of(c, &h, n, files, err))
		goto done;
	text_add(
		&t,
		"digraph tensor {\n"
		"  rankdir=TB; nodesep=0.25; ranksep=0.35; bgcolor=white;\n"
		"  node [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#888888\", fontname=\"Helvetica\", "
		"fontsize=11, margin=\"0.12,0.06\", height=0.3];\n"
		"  edge [color=\"#666666\", arrowsize=0.6];\n");
	for (int i = 0; i < h.n; i++) {
		const struct gnode *g = h.past[i].n;
		char shape[SHAPE_TEXT];
		bool leaf = gnode_is_leaf(g);

		text_fmt(&t, "  n%" PRId64 " [label=\"", g->id);
		if (!leaf || !g->out || g->nin) {
			dot_text(&t, g->op);
			for (int k = 0; k < g->nin; k++)
				if (g->in[k].id < 0) {
					text_char(&t, ' ');
					reference_text(&t, &g->in[k]);
				}
			for (int k = 0; k < g->nattrs; k++)
				if (g->attrs[k].text && strlen(g->attrs[k].text) < 24) {
					text_fmt(&t, " %s=", g->attrs[k].name);
					dot_text(&t, g->attrs[k].text);
				}
			text_add(&t, "\\n");
		}
		if (g->out) {
			dot_text(&t, g->out);
			text_add(&t, "\\n");
		}
		text_fmt(&t, "%s %s\"", dtype_name(g->dtype), shape_text(&g->shape, shape, sizeof(shape)));
		if (leaf && g->requires_grad)
			text_add(&t, ", fillcolor=\"#cfe8d5\", color=\"#2f7d4a\", penwidth=1.5");
		else if (leaf)
			text_add(&t, ", fillcolor=\"#eeeeee\"");
		else if (g->out)
			text_add(&t, ", fillcolor=\"#dbe7f7\", color=\"#3b6ea5\"");
		if (!g->requires_grad && !leaf)
			text_add(&t, ", fontcolor=\"#777777\"");
		text_add(&t, "];\n");
		for (int k = 0; k < g->nin; k++)
			if (g->in[k].id >= 0 && history_past(&h, g->in[k].id)) {
				bool flows =
					history_past(&h, g->in[k].id)->n->requires_grad && g->requires_grad && !g->cut;

				text_fmt(&t, "  n%" PRId64 " -> n%" PRId64 "%s;\n", g->in[k].id, g->id,
					 g->alias == g->in[k].id ? " [style=bold, color=\"#b5541c\"]"
					 : flows		 ? " [color=\"#2f7d4a\"]"
								 : "");
			}
		for (int k = 0; k < g->nattrs; k++)
			if (!g->attrs[k].text && g->attrs[k].ref.id >= 0 && history_past(&h, g->attrs[k].ref.id))
				text_fmt(&t, "  n%" PRId64 " -> n%" PRId64 " [label=\"%s\", fontsize=9];\n",
					 g->attrs[k].ref.id, g->id, g->attrs[k].name);
	}
	text_add(&t, "}\n");
	ret = text_print(&t, err);
done:
	history_release(&h);
	return ret;
}

/* == verify == */

static int verify(struct cli *c, const struct options *o, int n, const char **files, struct error *err)
{
	struct history h = { .c = c, .doc = record_doc(c) };
	struct text t = TEXT_INIT;
	int bad = 0, good = 0, ret = -1;

	if (nodes_of(c, &h, n, files, err))
		goto done;
	for (int i = 0; i < h.n; i++) {
		const struct past *p = &h.past[i];
		const struct gnode *g = p->n;
		const char *what = NULL;
		struct gfile now = { 0 };
		struct error why = ERROR_INIT;
		struct place place;
		struct stat st;
		char *path;

		if (!g->out || p->state == PAST_OVERWRITTEN || p->state == PAST_IN_PLACE)
			continue;
		path = history_file(&h, g, err);
		if (!path)
			goto done;
		place_split(&place, path);
		/* A time that is as young as the record proves nothing; then the values are read. */
		bool same = o->fast && place.path && !stat(place.path, &st) && st.st_size == g->file.size &&
			    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == g->file.mtime_ns &&
			    (int64_t)st.st_ino == g->file.ino && (int64_t)st.st_dev == g->file.dev &&
			    time(NULL) - st.st_mtim.tv_sec > 2;
		if (p->state == PAST_MISSING)
			what = "is gone";
		else if (!g->file.known)
			what = "was not finished";
		else if (!same && (!place.path || hash_place(place.path, place.key, &now, &why)))
			what = why.text;
		else if (!same && now.xxh3 != g->file.xxh3)
			what = "changed";
		if (what) {
			text_escaped(&t, g->out);
			text_fmt(&t, ": %s (node %" PRId64 ", %s)\n", what, g->id, g->op);
			bad++;
		} else {
			good++;
		}
		place_release(&place);
		free(path);
	}
	text_fmt(&t, "%d file%s as recorded, %d changed or gone\n", good, good == 1 ? "" : "s", bad);
	ret = text_print(&t, err) ? -1 : bad > 0;
done:
	history_release(&h);
	return ret;
}

/* == prune == */

enum { RECENT = 1000 };

/* A node is recorded before its file gets its name: one that was written just now may be about to. */
static bool is_young(const struct gnode *n)
{
	return n->file.mtime_ns / 1000000000 > (int64_t)time(NULL) - 60;
}

/*
 * What pipes that are running may still refer to: recent nodes that only flowed through a pipe and that nothing was computed from yet;
 * and the newest node, so that no number is given twice.
 */
static int in_flight(struct graphdoc *doc, int64_t *keep, int count, struct error *err)
{
	int64_t next = graphdoc_next(doc), first = next > RECENT ? next - RECENT : 0;
	bool read[RECENT] = { false }, newest = true;

	for (int64_t id = next - 1; id >= first; id--) {
		struct error skip = ERROR_INIT;
		const struct gnode *g;

		if (graphdoc_node(doc, id, &g, &skip)) {
			if (!strstr(skip.text, "is no node") && !strstr(skip.text, "there is no node")) {
				*err = skip;
				return -1;
			}
			continue;
		}
		for (int k = 0; k < g->nin; k++)
			if (g->in[k].id >= first)
				read[g->in[k].id - first] = true;
		for (int k = 0; k < g->nattrs; k++)
			if (!g->attrs[k].text && g->attrs[k].ref.id >= first)
				read[g->attrs[k].ref.id - first] = true;
		if (newest || (!g->out && !read[id - first]))
			keep[count++] = id;
		newest = false;
	}
	return count;
}

static int prune(struct cli *c, int n, const char **files, struct error *err)
{
	struct history all = { .c = c, .doc = record_doc(c) }, h = { .c = c, .doc = record_doc(c) };
	int64_t *keep = NULL, before = graphdoc_next(all.doc);
	int count = 0, ret = -1;

	if (graphdoc_lock(all.doc, err))
		return -1;
	if (nodes_of(c, &all, n, files, err))
		goto done;
	keep = malloc(((size_t)all.n + RECENT) * sizeof(*keep));
	if (!keep) {
		error_memory(err, (size_t)all.n * sizeof(*keep));
		goto done;
	}
	/* What gradients of files that are there need; without names, all of them. */
	for (int i = 0; i < all.n; i++)
		if (all.past[i].state == PAST_HERE || (all.past[i].state == PAST_MISSING && is_young(all.past[i].n)))
			keep[count++] = all.past[i].id;
	if ((count = in_flight(all.doc, keep, count, err)) < 0 || history_collect(&h, count, keep, true, err))
		goto done;
	keep = realloc(keep, ((size_t)h.n + 1) * sizeof(*keep));
	for (int i = 0; keep && i < h.n; i++)
		keep[i] = h.past[i].id;
	count = h.n;
	ret = keep ? graphdoc_prune(all.doc, count, keep, err) : error_memory(err, 1);
	if (!ret && c->common.verbose)
		say(c, "%d nodes kept of %" PRId64 " lines", count, before);
done:
	graphdoc_unlock(all.doc);
	history_release(&all);
	history_release(&h);
	free(keep);
	return ret;
}

/* == replay == */

/* The last result, computed again from the leaves; --set puts other values in the place of a leaf. */
static int replay(struct cli *c, const struct options *o, int n, const char **files, struct error *err)
{
	struct history h = { .c = c, .doc = record_doc(c), .recompute = true };
	struct record *record = c->record;
	struct result *r = NULL;
	int64_t *roots = malloc(((size_t)n + 1) * sizeof(*roots)), next = graphdoc_next(h.doc);
	struct node **x = NULL;
	int count = 0, ret = -1;

	if (!roots) {
		error_memory(err, (size_t)n * sizeof(*roots));
		goto done;
	}
	for (int i = 0; i < n; i++) {
		const struct gnode *g;
		int found = history_newest(&h, files[i], &g, err);

		if (found == 0)
			error_set(err, ERR_VALUE, "%s is not in the graph %s", files[i], graphdoc_path(h.doc));
		if (found <= 0)
			goto done;
		roots[count++] = g->id;
	}
	for (int64_t id = next; !n && id-- > 0 && !count;) {
		const struct gnode *g;
		struct error skip = ERROR_INIT;

		if (!graphdoc_node(h.doc, id, &g, &skip) && g->nin && g->out)
			roots[count++] = id;
	}
	if (!count) {
		error_set(err, ERR_VALUE, "%s: there is no result to compute again", graphdoc_path(h.doc));
		goto done;
	}
	h.set = calloc((size_t)o->nset + 1, sizeof(*h.set));
	if (!h.set) {
		error_memory(err, sizeof(*h.set));
		goto done;
	}
	c->record = NULL;
	for (int i = 0; i < o->nset; i++) {
		const char *equals = strchr(o->set[i], '=');
		char name[4096];
		const struct gnode *g;
		int found;

		if (!equals || equals - o->set[i] >= (int)sizeof(name)) {
			error_set(err, ERR_USAGE, "--set %s: NAME=FILE is wanted", o->set[i]);
			goto done;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(equals - o->set[i]), o->set[i]);
		found = history_newest(&h, name, &g, err);
		if (found == 0)
			error_set(err, ERR_VALUE, "--set %s: it is not in the graph", name);
		if (found <= 0 || !(h.set[i].node = operand_node(c, equals + 1, err)))
			goto done;
		h.set[i].id = g->id;
		h.nset++;
	}
	if (history_collect(&h, count, roots, false, err) || history_build(&h, err))
		goto done;
	r = calloc((size_t)count, sizeof(*r));
	x = calloc((size_t)count, sizeof(*x));
	if (!r || !x) {
		error_memory(err, sizeof(*r));
		goto done;
	}
	for (int i = 0; i < count; i++) {
		x[i] = history_past(&h, roots[i])->node;
		r[i].node = x[i];
	}
	if (history_check(&h, count, x, err))
		goto done;
	if (o->nout > 1 && o->nout != count) {
		error_set(err, ERR_USAGE, "%d -o for %d results", o->nout, count);
		goto done;
	}
	if (o->nout > 1) {
		ret = 0;
		for (int i = 0; i < count && !ret; i++) {
			c->common.output = o->outputs[i];
			ret = output_results(c, 1, &r[i], NULL, false, err);
		}
	} else {
		c->common.output = o->nout ? o->outputs[0] : NULL;
		ret = output_results(c, count, r, NULL, false, err);
	}
done:
	c->record = record;
	history_release(&h);
	free(roots);
	free(r);
	free(x);
	return ret;
}

/* Take every "--set NAME=FILE" out of argv. */
static int take_sets(int argc, const char **argv, struct options *o, struct error *err)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "--set=", 6))
			o->set[o->nset++] = argv[i] + 6;
		else if (!strcmp(argv[i], "--set") && i + 1 == argc)
			return error_set(err, ERR_USAGE, "option '--set' needs a value, NAME=FILE");
		else if (!strcmp(argv[i], "--set"))
			o->set[o->nset++] = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	return kept;
}

static int run(struct cli *c, const struct options *o, int n, const char **argv, struct error *err)
{
	static const char *const names[] = { "require", "show", "dot", "verify", "prune", "replay" };
	const char *path = record_path(c), *sub = n ? argv[0] : NULL;
	int which = -1;

	for (int i = 0; sub && i < 6; i++)
		if (!strcmp(sub, names[i]))
			which = i;
	if (which < 0)
		return error_set(err, ERR_USAGE,
				 sub ? "unknown subcommand '%s': require, show, dot, verify, prune or replay"
				     : "%sa subcommand is missing: require, show, dot, verify, prune or replay",
				 sub ? sub : "");
	if (!path)
		return error_set(err, ERR_USAGE, "which graph? name it with --graph FILE or TENSOR_GRAPH");
	if (which && access(path, F_OK))
		return error_errno(err, ERR_FILE, "%s", path);
	if (common_apply(c, err))
		return -1;
	c->graph->tracing = TRACE_OFF;
	n--;
	argv++;
	switch (which) {
	case 0:
		return require(c, o, n, argv, err);
	case 1:
		return show(c, o, n, argv, err);
	case 2:
		return dot(c, n, argv, err);
	case 3:
		return verify(c, o, n, argv, err);
	case 4:
		return prune(c, n, argv, err);
	default:
		return replay(c, o, n, argv, err);
	}
}

int cmd_graph(struct cli *c, int argc, const char **argv, struct error *err)
{
	struct options o = { 0 };
	struct opt opts[MAX_OPTS] = {
		{ "full", 0, NULL, &o.full, "show: all nodes", false },
		{ "fast", 0, NULL, &o.fast, "verify: trust the times of files", false },
		{ "off", 0, NULL, &o.off, "require: no longer", false },
	};
	int n, ret = -1;

	o.set = calloc((size_t)argc + 1, sizeof(*o.set));
	o.outputs = calloc((size_t)argc + 1, sizeof(*o.outputs));
	if (!o.set || !o.outputs) {
		error_memory(err, (size_t)argc * sizeof(*o.set));
		goto done;
	}
	opts_common(opts, &c->common, true, true);
	n = take_sets(argc, argv, &o, err);
	n = n < 0 ? n : opts_outputs(n, argv, o.outputs, &o.nout, err);
	n = n < 0 ? n : opts_parse(n, argv, opts, NULL, NULL, err);
	if (n < 0)
		goto done;
	if (c->common.help)
		ret = usage_print(
			c->command, opts,
			"require FILE...  gradients with respect to these will be asked for\n"
			"show [FILE...]   the nodes, or the history of files\n"
			"dot [FILE...]    a drawing: tensor graph dot | dot -Tsvg >graph.svg\n"
			"verify           do files still hold what was recorded?  status 1 if not\n"
			"replay [FILE...] [--set NAME=FILE] [-o OUT]  compute results again from their leaves\n"
			"prune [FILE...]  forget what no file needs\n",
			err);
	else
		ret = run(c, &o, n, argv, err);
done:
	free(o.set);
	free(o.outputs);
	return ret;
}
