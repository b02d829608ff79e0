/* Operands: standard input, scalars, files with :KEY and @SLICE. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path)
{
	struct stat st;

	return *path && stat(path, &st) == 0;
}

static char *prefix(const char *text, const char *end)
{
	size_t n = (size_t)(end - text);
	char *s = malloc(n + 1);

	if (s) {
		memcpy(s, text, n);
		s[n] = '\0';
	}
	return s;
}

/* path or path:key, where the path exists; the text ends at end. */
static bool split_key(struct place *p, const char *text, const char *end)
{
	char *whole = prefix(text, end);

	if (!whole)
		return false;
	if (exists(whole)) {
		p->path = whole;
		return true;
	}
	for (char *colon = strrchr(whole, ':'); colon; colon = strrchr(whole, ':')) {
		*colon = '\0';
		if (exists(whole)) {
			p->path = whole;
			p->key = prefix(text + (colon - whole) + 1, end);
			return true;
		}
	}
	free(whole);
	return false;
}

void operand_split(struct place *p, const char *text)
{
	const char *end = text + strlen(text);

	memset(p, 0, sizeof(*p));
	if (exists(text)) {
		p->path = prefix(text, end);
		return;
	}
	for (const char *at = end; at > text; at--)
		if (*at == '@' && split_key(p, text, at)) {
			p->slice = at + 1;
			return;
		}
	if (split_key(p, text, end))
		return;
	/* There is no such file: name it without what may be its suffixes. */
	const char *at = strrchr(text, '@');
	const char *stop = at && at > text ? at : end;
	char *path = prefix(text, stop);
	char *dot = path ? strrchr(path, '.') : NULL, *colon = path ? strchr(dot ? dot : path, ':') : NULL;

	if (colon)
		*colon = '\0';
	p->path = path;
}

void place_release(struct place *p)
{
	free(p->path);
	free(p->key);
	p->path = p->key = NULL;
}

bool stdin_is_pipe(void)
{
	struct stat st;

	return fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

struct file *operand_open(struct cli *c, const char *path, const struct format_options *opt, struct error *err)
{
	static const struct format_options none;
	struct file **files = realloc(c->files, (size_t)(c->nfiles + 1) * sizeof(*files)), *f;

	if (!files) {
		error_memory(err, sizeof(*files));
		return NULL;
	}
	c->files = files;
	if (file_open(&f, path, opt ? opt : &none, err))
		return NULL;
	c->files[c->nfiles++] = f;
	if (f->warning && !c->common.quiet)
		say(c, "%s: %s", f->path, f->warning);
	return f;
}

struct node *file_node(struct cli *c, struct file *f, int member, const char *label, struct error *err)
{
	struct array a = { 0 };

	if (file_array(f, member, &a, err))
		return NULL;
	return node_leaf(c->graph, &a, label, err);
}

int stdin_settle(struct cli *c, struct error *err)
{
	return c->nstreams ? engine_keep(c->nstreams, c->streams, err) : 0;
}

struct node *stdin_node(struct cli *c, const struct format_options *opt, struct error *err)
{
	struct node **streams, *x;
	struct file *f;
	int i;

	/* The array before this one is read to its end first. */
	if (stdin_settle(c, err))
		return NULL;
	f = operand_open(c, "-", opt, err);
	if (!f)
		return NULL;
	i = file_find(f, NULL, err);
	if (i < 0 || !(x = file_node(c, f, i, "standard input", err)))
		return NULL;
	c->stdin_used = true;
	streams = realloc(c->streams, (size_t)(c->nstreams + 1) * sizeof(*streams));
	if (!streams) {
		error_memory(err, sizeof(*streams));
		return NULL;
	}
	c->streams = streams;
	c->streams[c->nstreams++] = x;
	return x;
}

struct node *operand_node(struct cli *c, const char *text, struct error *err)
{
	struct scalar s;
	struct place p;
	struct node *x = NULL;
	struct file *f;
	int i;

	if (!strcmp(text, "-"))
		return stdin_node(c, NULL, err);
	if (!strncmp(text, "-@", 2)) {
		x = stdin_node(c, NULL, err);
		return x ? node_index(c->graph, x, text + 2, err) : NULL;
	}
	if (scalar_parse(&s, text, strlen(text)))
		return node_scalar(c->graph, &s, text, err);
	if (!*text) {
		error_set(err, ERR_FILE, "'': an operand is empty");
		return NULL;
	}
	operand_split(&p, text);
	if (!p.path) {
		error_memory(err, strlen(text));
		return NULL;
	}
	f = operand_open(c, p.path, NULL, err);
	if (f && (i = file_find(f, p.key, err)) >= 0)
		x = file_node(c, f, i, text, err);
	if (x && p.slice) {
		struct node *y = node_index(c->graph, x, p.slice, err);

		if (!y)
			error_prefix(err, text);
		else if (y != x)
			y->label = x->label;
		x = y;
	}
	place_release(&p);
	return x;
}
