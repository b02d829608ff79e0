/*
 * Writing views.  The file that a view is of is named relative to the view, so that both can be moved together; a view of a view
 * is one of the file that the first one is of.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "formats/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* The directory that path is in, without links, ended by a slash; malloc'ed. */
static char *directory(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;
	char *dir = malloc(n + 2), *real;

	if (!dir) {
		error_memory(err, n);
		return NULL;
	}
	memcpy(dir, path, n);
	memcpy(dir + n, ".", 2);
	real = realpath(dir, NULL);
	if (!real)
		error_errno(err, ERR_RESOURCE, "cannot write %s", path);
	free(dir);
	if (!real)
		return NULL;

	n = strlen(real);
	char *ended = realloc(real, n + 2);
	if (!ended) {
		free(real);
		error_memory(err, n);
		return NULL;
	}
	memcpy(ended + n, n > 1 ? "/" : "", n > 1 ? 2 : 1);
	return ended;
}

/* The path of file as seen from the directory of view. */
static int relative(struct text *t, const char *view, const char *file, struct error *err)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	char *existing = realpath(view, NULL); /* the view is written through a link of its own */
	char *from = directory(existing ? existing : view, err), *to = from ? directory(file, err) : NULL;
	size_t common = 0;

	free(existing);
	if (!to) {
		free(from);
		return -1;
	}
	for (size_t i = 0; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			common = i + 1;
	/* Nothing in common but the root: then the way from there. */
	if (common <= 1)
		common = 0;
	for (const char *s = from + common; common && *s; s++)
		if (*s == '/')
			text_add(t, "../");
	text_add(t, to + common);
	text_add(t, base);
	free(from);
	free(to);
	return t->failed ? error_memory(err, strlen(file)) : 0;
}

static void put_list(struct text *t, const char *key, int n, const int64_t *v)
{
	text_fmt(t, "\"%s\": [", key);
	for (int i = 0; i < n; i++)
		text_fmt(t, "%s%" PRId64, i ? ", " : "", v[i]);
	text_char(t, ']');
}

/* The members from "offset" on, sep between them. */
static int put_place(struct text *t, const struct array *a, const char *sep, struct error *err)
{
	bool swaps = dtype_info[a->dtype].swapsize > 1;
	int64_t start;

	if (!source_in_file(a->src, &start))
		return error_set(err, ERR_FILE, "%s: is no file whose elements stay where they are", a->src->name);
	text_fmt(t, "\"offset\": %" PRId64 ",%s\"dtype\": \"%s\",%s", start + a->offset, sep, dtype_name(a->dtype),
		 sep);
	text_fmt(t, "\"byteorder\": \"%s\",%s", swaps && a->swap != host_big_endian ? "big" : "little", sep);
	put_list(t, "shape", a->shape.ndim, a->shape.dim);
	text_fmt(t, ",%s", sep);
	put_list(t, "strides", a->shape.ndim, a->strides);
	return 0;
}

static int put_file(struct text *t, const char *view, const struct array *a, struct error *err)
{
	struct text path = TEXT_INIT;
	int64_t start;
	int ret;

	if (!source_in_file(a->src, &start))
		return error_set(err, ERR_FILE, "%s: is no file whose elements stay where they are", a->src->name);
	ret = relative(&path, view, source_path(a->src), err);
	if (!ret && !utf8_valid((const unsigned char *)path.s, path.len))
		ret = error_set(err, ERR_FILE, "%s: its name is not UTF-8, which the JSON of a view is", path.s);
	if (!ret) {
		text_add(t, "\"file\": ");
		text_json(t, path.s);
	}
	text_release(&path);
	return ret;
}

static int put_tensors(struct text *t, const char *view, int n, const char *const *names,
		       const struct array *const *arrays, struct error *err)
{
	bool same = true;

	for (int i = 1; i < n; i++)
		same = same && !strcmp(source_path(arrays[i]->src), source_path(arrays[0]->src));
	text_add(t, "{\n  \"view\": 1,\n");
	if (same && n) {
		text_add(t, "  ");
		if (put_file(t, view, arrays[0], err))
			return -1;
		text_add(t, ",\n");
	}
	text_add(t, "  \"tensors\": [");
	for (int i = 0; i < n; i++) {
		text_add(t, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
		text_json(t, names[i]);
		text_add(t, ", ");
		if (!same) {
			if (put_file(t, view, arrays[i], err))
				return -1;
			text_add(t, ", ");
		}
		if (put_place(t, arrays[i], " ", err))
			return -1;
		text_char(t, '}');
	}
	text_add(t, "\n  ]\n}\n");
	return 0;
}

int view_write(const char *path, int n, const char *const *names, const struct array *const *arrays, struct error *err)
{
	static const struct format_writer plain = { 0 };
	static const struct format text = { .name = "view", .writer = &plain };
	struct format_options opt = { .format = &text };
	struct text t = TEXT_INIT;
	struct writer *w = NULL;
	int ret = -1;

	if (names) {
		if (put_tensors(&t, path, n, names, arrays, err))
			goto done;
	} else {
		text_add(&t, "{\n  \"view\": 1,\n  ");
		if (put_file(&t, path, arrays[0], err))
			goto done;
		text_add(&t, ",\n  ");
		if (put_place(&t, arrays[0], "\n  ", err))
			goto done;
		text_add(&t, "\n}\n");
	}
	if (t.failed) {
		error_memory(err, t.room);
		goto done;
	}
	if (writer_open(&w, path, &opt, err))
		goto done;
	if (output_write(w, t.s, t.len, err))
		writer_abort(w);
	else
		ret = writer_commit(w, err);
done:
	text_release(&t);
	return ret;
}
