/* Operands: standard input, scalars, files with :KEY and @SLICE. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool stdin_is_pipe(const struct cli *c)
{
	struct stat st;

	if (c->piped)
		return true;
	return fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

struct file *operand_open(struct cli *c, const char *path, const struct format_options *opt, struct error *err)
{
	static const struct format_options none;
	struct file **files, *f;

	if (!*path) {
		error_set(err, ERR_FILE, "'': no file is named");
		return NULL;
	}
	files = realloc(c->files, (size_t)(c->nfiles + 1) * sizeof(*files));
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

	if (c->shares ? file_share(f, member, &a, err) : file_array(f, member, &a, err))
		return NULL;
	return node_leaf(c->graph, &a, label, err);
}

int stdin_settle(struct cli *c, struct error *err)
{
	return c->nstreams ? engine_keep(c->nstreams, c->streams, err) : 0;
}

int stdin_more(struct cli *c, struct error *err)
{
	if (c->piped)
		return c->taken < c->nqueue;
	if (c->next)
		return !c->next->archive;
	if (stdin_settle(c, err))
		return -1;
	return file_stdin_more(err);
}

struct file *stdin_open(struct cli *c, const struct format_options *opt, struct error *err)
{
	struct file *f;

	if (c->next)
		return c->next;
	/* The array before this one is read to its end first. */
	if (stdin_settle(c, err))
		return NULL;
	f = operand_open(c, "-", opt, err);
	c->stdin_used = true;
	c->next = f;
	return f;
}

struct node *stdin_node(struct cli *c, const struct format_options *opt, const char *key, struct error *err)
{
	struct node **streams, *x;
	struct file *f;
	int i;

	if (c->piped) {
		if (c->taken < c->nqueue)
			return c->queue[c->taken++];
		error_set(err, ERR_FILE, "standard input is empty: the command before the pipe wrote nothing");
		return NULL;
	}
	f = stdin_open(c, opt, err);
	if (!f)
		return NULL;
	if (!f->archive)
		c->next = NULL;
	i = file_find(f, key, err);
	if (i < 0 || !(x = file_node(c, f, i, "standard input", err)) ||
	    record_leaf(c, x, "-", f->archive ? f->members[i].name : NULL, f->members[i].tag, err))
		return NULL;
	streams = realloc(c->streams, (size_t)(c->nstreams + 1) * sizeof(*streams));
	if (!streams) {
		error_memory(err, sizeof(*streams));
		return NULL;
	}
	c->streams = streams;
	c->streams[c->nstreams++] = x;
	return x;
}

/* "-", "-:KEY", "-@SLICE", "-:KEY@SLICE" */
static struct node *stdin_operand(struct cli *c, const char *text, struct error *err)
{
	const char *slice = strrchr(text, '@');
	char key[1024];
	struct node *x;

	if (text[1] != ':' && text[1] != '@')
		slice = NULL;
	snprintf(key, sizeof(key), "%.*s", (int)((slice ? slice : text + strlen(text)) - text - 1), text + 1);
	x = stdin_node(c, NULL, *key == ':' ? key + 1 : NULL, err);
	return x && slice ? op_slice(c->graph, x, slice + 1, err) : x;
}

bool is_stdin(const char *text)
{
	return *text == '-' && (!text[1] || text[1] == ':' || text[1] == '@');
}

struct node *operand_node(struct cli *c, const char *text, struct error *err)
{
	struct scalar s;
	struct place p;
	struct node *x = NULL;
	struct file *f;
	int i;

	if (is_stdin(text))
		return stdin_operand(c, text, err);
	if (scalar_parse(&s, text, strlen(text)))
		return node_scalar(c->graph, &s, text, err);
	if (!*text) {
		error_set(err, ERR_FILE, "'': an operand is empty");
		return NULL;
	}
	place_split(&p, text);
	if (!p.path) {
		error_memory(err, strlen(text));
		return NULL;
	}
	f = operand_open(c, p.path, NULL, err);
	if (f && (i = place_member(&p, f, err)) >= 0)
		x = file_node(c, f, i, text, err);
	if (x && record_leaf(c, x, p.path, p.key ? f->members[i].name : NULL, f->members[i].tag, err))
		x = NULL;
	if (x && p.slice) {
		struct node *y = op_slice(c->graph, x, p.slice, err);

		if (!y)
			error_prefix(err, text);
		else if (y != x)
			y->label = x->label;
		x = y;
	}
	place_release(&p);
	return x;
}
