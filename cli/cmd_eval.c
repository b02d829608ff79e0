/* eval: expressions over named operands. */
#include "cli/cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "formats/graphdoc.h"

enum { CONTEXT = 100 }; /* bytes of a line that are shown, at most */

/* How many columns of a terminal the escaped text takes, as far as one character is one column. */
static int width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* The line of the text that an error is in, with a caret under its column, which counts bytes from 1. */
static char *point_at(const char *text, int column)
{
	struct text t = TEXT_INIT, before = TEXT_INIT;
	const char *at = text + column - 1, *line = at;
	char buf[2 * CONTEXT];

	if (column < 1 || (size_t)column > strlen(text) + 1)
		return NULL;
	while (line > text && line[-1] != '\n')
		line--;
	if (at - line > CONTEXT * 2 / 3)
		line = at - CONTEXT * 2 / 3;
	snprintf(buf, CONTEXT, "%.*s", (int)strcspn(line, "\n"), line);
	text_add(&t, "  ");
	text_escaped(&t, buf);
	snprintf(buf, sizeof(buf), "%.*s", (int)(at - line), line);
	text_escaped(&before, buf);
	text_fmt(&t, "\n  %*s^\n", before.s ? width(before.s) : 0, "");
	text_release(&before);
	return t.s;
}

/* Letters, digits and '_', and no digit first. */
static bool is_name(const char *s, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return n && !isdigit((unsigned char)*s) && strspn(s, letters) >= n;
}

/* "NAME=FILE" where the program assigns NAME, else a FILE for the last value. */
static int add_output(struct cli *c, const struct program *p, const char *spec, struct result *r, const char **path,
		      struct error *err)
{
	const char *equals = strchr(spec, '=');

	*r = (struct result){ p->last, p->last_name };
	*path = spec;
	for (int i = 0; equals && i < p->n; i++)
		if (strlen(p->value[i].name) == (size_t)(equals - spec) &&
		    !strncmp(spec, p->value[i].name, (size_t)(equals - spec))) {
			*r = (struct result){ p->value[i].node, p->value[i].name };
			*path = equals + 1;
			return 0;
		}
	if (equals && is_name(spec, (size_t)(equals - spec)))
		return error_set(err, ERR_USAGE, "-o %s: the expression assigns no '%.*s'", spec, (int)(equals - spec),
				 spec);
	(void)c;
	return 0;
}

static int read_script(struct text *t, const char *path, struct error *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char buf[4096];
	size_t n;

	if (!f)
		return error_errno(err, ERR_FILE, "%s", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(t, buf, n);
	bool bad = ferror(f);
	if (f != stdin)
		fclose(f);
	if (bad)
		return error_errno(err, ERR_FILE, "%s", path);
	if (t->failed)
		return error_memory(err, t->room);
	if (t->s && strlen(t->s) != t->len)
		return error_set(err, ERR_FILE, "%s: holds a NUL byte", path);
	return 0;
}

/* Several outputs: every one is written, or none is there. */
static int write_outputs(struct cli *c, const struct program *p, int n, const char *const *specs, struct error *err)
{
	struct result *r = calloc((size_t)n + 1, sizeof(*r));
	const char **path = calloc((size_t)n + 1, sizeof(*path));
	struct node **x = calloc((size_t)n + 1, sizeof(*x));
	struct writer **w = calloc((size_t)n + 1, sizeof(*w));
	struct gfile *facts = calloc((size_t)n + 1, sizeof(*facts));
	static const struct format_options none;
	int ret = -1, open = 0;

	if (!r || !path || !x || !w || !facts) {
		error_memory(err, (size_t)n * sizeof(*r));
		goto done;
	}
	for (int i = 0; i < n; i++) {
		if (add_output(c, p, specs[i], &r[i], &path[i], err))
			goto done;
		x[i] = r[i].node;
	}
	if (n <= 1) {
		if (!n)
			r[0] = (struct result){ p->last, p->last_name };
		c->common.output = n ? path[0] : NULL;
		r[0].name = NULL;
		ret = output_results(c, 1, r, NULL, false, err);
		goto done;
	}
	if (c->common.dry) {
		ret = output_results(c, n, r, NULL, false, err);
		goto done;
	}
	if (engine_share(n, x, err))
		goto done;
	for (; open < n; open++) {
		if (writer_open(&w[open], path[open], &none, err))
			goto done;
		if (output_node(c, w[open], r[open].name, r[open].node, false, c->record ? &facts[open] : NULL, NULL,
				err)) {
			open++;
			goto done;
		}
	}
	ret = output_commit(c, n, r, w, path, facts, err);
	open = 0;
done:
	for (int i = 0; w && i < open; i++)
		if (w[i])
			writer_abort(w[i]);
	free(r);
	free(path);
	free(facts);
	free(x);
	free(w);
	return ret;
}

/* "-f", "-fSCRIPT": the letter of an option, alone or before a value. */
static bool is_option(const struct opt *opts, const char *arg)
{
	for (const struct opt *o = opts; o->name; o++)
		if (o->letter == arg[1])
			return !arg[2];
	return false;
}

int cmd_eval(struct cli *c, int argc, const char **argv, struct error *err)
{
	const char *script = NULL, **outputs = calloc((size_t)argc + 1, sizeof(*outputs));
	struct opt opts[MAX_OPTS] = {
		{ "file", 'f', "SCRIPT", &script, "read the expressions from a file", false },
	};
	struct program p = { 0 };
	struct preferences prefer;
	struct binding *bound = calloc((size_t)argc + 1, sizeof(*bound));
	struct text source = TEXT_INIT;
	int n, noutputs = 0, first = 1, kept = 0, ret = -1;

	if (!outputs || !bound) {
		error_memory(err, (size_t)argc * sizeof(*bound));
		goto done;
	}
	kept = opts_outputs(argc, argv, outputs, &noutputs, err);
	if (kept < 0)
		goto done;
	opts_common(opts, &c->common, true, true);
	/* An expression may begin with a minus. */
	if (kept && argv[0][0] == '-' && argv[0][1] && !is_option(opts, argv[0]) &&
	    (argv[0][1] != '-' || (argv[0][2] && !isalpha((unsigned char)argv[0][2])))) {
		n = opts_parse(kept - 1, argv + 1, opts, NULL, NULL, err);
		n = n < 0 ? n : n + 1;
	} else {
		n = opts_parse(kept, argv, opts, NULL, NULL, err);
	}
	if (n < 0)
		goto done;
	if (c->common.help) {
		ret = usage_print(
			c->command, opts,
			"Python's syntax and precedence: + - * / // % ** @, comparisons, & | ~ << >>, calls by any name an op\n"
			"has, methods (x.sum(axis=0)), x.T, slices (x[1:, None]), pi e inf nan True False, several statements\n"
			"with ';'.  The value of the last one is the result; -o NAME=FILE writes an assigned one.\n",
			err);
		goto done;
	}
	if (common_apply(c, err) || preferences_read(&prefer, c, err))
		goto done;
	if (script) {
		first = 0;
		if (read_script(&source, script, err))
			goto done;
	} else if (!n) {
		error_set(err, ERR_USAGE, "an expression is missing");
		goto done;
	} else {
		text_add(&source, argv[0]);
	}
	for (int i = first; i < n; i++) {
		const char *equals = strchr(argv[i], '=');
		char name[64];

		if (!equals || !is_name(argv[i], (size_t)(equals - argv[i])) || equals - argv[i] >= (int)sizeof(name)) {
			error_set(err, ERR_USAGE, "'%s' is not NAME=OPERAND", argv[i]);
			goto done;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(equals - argv[i]), argv[i]);
		for (int j = first; j < i; j++)
			if (!strcmp(bound[j - first].name, name)) {
				error_set(err, ERR_USAGE, "'%s' is bound twice", name);
				goto done;
			}
		bound[i - first].name = graph_string(c->graph, name);
		bound[i - first].node = operand_node(c, equals + 1, err);
		if (!bound[i - first].node)
			goto done;
		if (!bound[i - first].name) {
			error_memory(err, strlen(name) + 1);
			goto done;
		}
	}
	if (program_build(&p, c->graph, source.s ? source.s : "", n - first, bound, &prefer, err)) {
		c->context = source.s ? point_at(source.s, p.column) : NULL;
		goto done;
	}
	ret = write_outputs(c, &p, noutputs, outputs, err);
done:
	program_release(&p);
	text_release(&source);
	free(bound);
	free(outputs);
	return ret;
}
