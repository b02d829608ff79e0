/* run: the text of a pipeline as one graph in one process. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 256 };

/*
 * The words of one stage, as a shell splits them: blanks separate, '...' and "..." quote, \ escapes.  Words are written to buf, which
 * is as long as the text.  *end: behind the stage, at '|' or the end.  Returns the number of words, or -1.
 */
static int split_words(const char *text, char *buf, const char *words[MAX_WORDS], const char **end, struct error *err)
{
	const char *s = text;
	int n = 0;

	for (;;) {
		char quote = 0;

		s += strspn(s, " \t\n");
		if (!*s || *s == '|')
			break;
		if (n == MAX_WORDS)
			return error_set(err, ERR_USAGE, "a stage has more than %d words", MAX_WORDS);
		words[n++] = buf;
		for (; *s && (quote || !strchr(" \t\n|", *s)); s++) {
			if (quote && *s == quote) {
				quote = 0;
			} else if (!quote && (*s == '\'' || *s == '"')) {
				quote = *s;
			} else if (!quote && strchr("<>&;$`", *s)) {
				return error_set(err, ERR_USAGE,
						 "'%c' is for a shell; a pipeline here has only commands and '|'", *s);
			} else {
				if (*s == '\\' && quote != '\'' && s[1])
					s++;
				*buf++ = *s;
			}
		}
		if (quote)
			return error_set(err, ERR_USAGE, "a quote is not closed: %s", text);
		*buf++ = '\0';
	}
	*end = s;
	return n;
}

/* Commands whose results are arrays, or that end a pipeline. */
static bool can_run(const char *name)
{
	static const char *const names[] = { "create", "op", "matmul", "reduce", "convert", "eval", "show", "compare" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int run_stage(struct cli *c, int n, const char **words, bool last, struct error *err)
{
	const struct command *k;
	struct common common = c->common;
	int status;

	if (n && !strcmp(words[0], "tensor")) {
		words++;
		n--;
	}
	if (!n)
		return error_set(err, ERR_USAGE, "a stage of the pipeline is empty");
	k = command_find(words[0]);
	if (!k || !can_run(k->name))
		return error_set(err, ERR_USAGE, k ? "'%s' cannot be part of a pipeline" : "unknown command '%s'",
				 words[0]);
	if (!last && (!strcmp(k->name, "show") || !strcmp(k->name, "compare")))
		return error_set(err, ERR_USAGE, "'%s' gives no array: it can only be the last stage", k->name);
	c->command = k;
	c->collects = !last;
	status = k->run(c, n - 1, words + 1, err);
	if (!last)
		c->common = common;
	/* What this stage made is the standard input of the next. */
	free(c->queue);
	c->queue = c->made;
	c->nqueue = c->nmade;
	c->made = NULL;
	c->taken = c->nmade = 0;
	c->piped = true;
	return status;
}

int cmd_run(struct cli *c, int argc, const char **argv, struct error *err)
{
	struct opt opts[MAX_OPTS] = { { 0 } };
	const char *words[MAX_WORDS], *s;
	int ret = 0;
	char *buf;

	/* Options of run come before the text; those of the stages are in it. */
	opts_common(opts, &c->common, true, true);
	argc = opts_parse(argc, argv, opts, NULL, NULL, err);
	if (argc < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, "tensor run 'create arange 10 | op mul - 2 | reduce sum -'\n",
				   err);
	if (argc != 1)
		return error_set(err, ERR_USAGE, "one pipeline is run, as one word: quote it");
	buf = malloc(strlen(argv[0]) + 1);
	if (!buf)
		return error_memory(err, strlen(argv[0]));
	const char *output = c->common.output;
	c->common.output = NULL;
	s = argv[0];
	for (int stage = 1;; stage++) {
		int n = split_words(s, buf, words, &s, err);
		bool last = *s != '|';

		if (last)
			c->common.output = output;
		ret = n < 0 ? -1 : run_stage(c, n, words, last, err);
		if (ret < 0 && !(last && stage == 1)) {
			char where[32];

			snprintf(where, sizeof(where), "stage %d", stage);
			error_prefix(err, where);
		}
		if (ret || last)
			break;
		s++;
	}
	free(buf);
	return ret;
}
