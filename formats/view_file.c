/*
 * view: JSON that says where an array lies in another file, or several named ones:
 *
 *	{"view": 1, "file": "a.npy", "offset": 128, "dtype": "float32", "shape": [3, 4], "strides": [16, 4]}
 *	{"file": "gpu.bin", "tensors": [{"name": "w", "offset": 0, "dtype": "bfloat16", "shape": [128, 64]}, ...]}
 *
 * The file is relative to the view.  Strides are bytes, C order where they are left out; offset is that of element (0, 0, ...).
 * Nothing that a view says is believed: where its elements lie is compared with the size of its file at each opening.
 */
#define _XOPEN_SOURCE 700 /* realpath, S_ISLNK */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/io.h"
#include "formats/jsontree.h"
#include "lib/text.h"

enum {
	JSON_MAX = 64 << 20, /* bytes of a view */
};

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* One array of a view. */
struct place {
	struct input *in; /* owned reference */
	const char *path; /* as its tensor names it, NULL: it does not; while the view is read */
	int64_t low;	  /* offset in the file of the first byte that is an element's */
	int64_t nbytes;	  /* from there to the last one */
	int64_t offset;	  /* of element (0, 0, ...), from low on */
	int64_t strides[MAX_NDIM];
};

struct view {
	struct place *places;
	int n;
};

static bool contains(const unsigned char *head, size_t n, const char *word)
{
	size_t k = strlen(word);

	for (size_t i = 0; i + k <= n; i++)
		if (!memcmp(head + i, word, k))
			return true;
	return false;
}

static bool view_probe(const unsigned char *head, size_t n)
{
	size_t i = 0;

	while (i < n && memchr(" \t\r\n", head[i], 4))
		i++;
	return i < n && head[i] == '{' && contains(head, n, "\"file\"") &&
	       (contains(head, n, "\"shape\"") || contains(head, n, "\"tensors\""));
}

/* == the file that a view is of == */

/* name as seen from the directory of the view; malloc'ed. */
static char *resolve(const char *view, const char *name, struct error *err)
{
	char *real = NULL, *path;
	struct stat st;

	if (*name == '/') {
		if (!(path = strdup(name)))
			error_memory(err, strlen(name));
		return path;
	}
	/* The view itself may be reached through a link. */
	if (!lstat(view, &st) && S_ISLNK(st.st_mode)) {
		if (!(real = realpath(view, NULL))) {
			error_memory(err, strlen(view));
			return NULL;
		}
		view = real;
	}

	const char *slash = strrchr(view, '/');
	size_t dir = slash ? (size_t)(slash - view) + 1 : 0, n = strlen(name);
	if (!(path = malloc(dir + n + 1))) {
		error_memory(err, n);
	} else {
		memcpy(path, view, dir);
		memcpy(path + dir, name, n + 1);
	}
	free(real);
	return path;
}

static int open_target(struct input **out, const struct file *f, const char *name, struct error *err)
{
	struct stat st;
	char *path;

	if (!*name)
		return error_set(err, ERR_FILE, "\"file\" is not the name of a file");
	if (input_shared(file_input(f)) && *name != '/')
		return error_set(err, ERR_FILE, "a view on standard input is in no directory: name its file from / on");
	if (!(path = resolve(f->path, name, err)))
		return -1;

	int ret = -1;
	/* Looked at before it is opened: opening a pipe would wait for its other end. */
	if (stat(path, &st))
		error_errno(err, ERR_FILE, "its file %s", path);
	else if (!S_ISREG(st.st_mode))
		error_set(err, ERR_FILE, "its file %s is no regular file", path);
	else
		ret = input_open(out, path, err);
	free(path);
	return ret;
}

/* == one array == */

static int read_list(const struct json *list, const char *key, int64_t *out, int *n, struct error *err)
{
	*n = 0;
	if (!json_is_list(list))
		return error_set(err, ERR_FILE, "\"%s\" is not a list of integers", key);
	for (const struct json *x = json_first(list); x; x = json_next(x)) {
		if (*n == MAX_NDIM)
			return error_set(err, ERR_FILE, "\"%s\" has more than %d items", key, MAX_NDIM);
		if (!json_int(x, &out[*n]))
			return error_set(err, ERR_FILE, "\"%s\" is not a list of integers", key);
		++*n;
	}
	return 0;
}

static int read_dtype(const struct json *o, struct member *m, struct error *err)
{
	const char *dtype = json_text(json_get(o, "dtype")), *order;
	struct error why = ERROR_INIT;
	bool swap = false;

	if (!dtype)
		return error_set(err, ERR_FILE, "\"dtype\" is missing, or no string");
	if (dtype_parse(&m->dtype, &swap, dtype, &why))
		return error_set(err, ERR_FILE, "%s", why.text);
	if (json_get(o, "byteorder")) {
		order = json_text(json_get(o, "byteorder"));
		if (!order || (strcmp(order, "little") && strcmp(order, "big")))
			return error_set(err, ERR_FILE, "\"byteorder\" is neither \"little\" nor \"big\"");
		swap |= *order == 'b';
	}
	m->big_endian = swap && dtype_info[m->dtype].swapsize > 1;
	return (m->descr = strdup(dtype_name(m->dtype))) ? 0 : error_memory(err, 32);
}

/* The bytes that the elements take up, compared with those that the file has. */
static int check_extent(struct place *p, const struct member *m, int64_t offset, struct error *err)
{
	int64_t low = offset, high = offset, size = input_size(p->in), reach;
	char shape[SHAPE_TEXT];
	bool fits = true;

	if (size < 0)
		size = 0; /* an empty file is taken for a stream */
	if (!m->nbytes) {
		/* No element is anywhere. */
		memset(p->strides, 0, sizeof(p->strides));
	} else {
		fits = !__builtin_add_overflow(high, (int64_t)dtype_size(m->dtype), &high);
		for (int i = 0; i < m->shape.ndim && fits; i++) {
			if (m->shape.dim[i] == 1)
				p->strides[i] = 0;
			fits = !__builtin_mul_overflow(m->shape.dim[i] - 1, p->strides[i], &reach) &&
			       !__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high);
		}
	}
	shape_text(&m->shape, shape, sizeof(shape));
	if (!fits)
		return error_set(err, ERR_FILE, "shape %s with these strides does not fit in 64 bits", shape);
	if (low < 0 || high > size)
		return error_set(err, ERR_FILE,
				 "shape %s of %s takes up bytes %" PRId64 " to %" PRId64 " of %s, which has %" PRId64
				 " bytes",
				 shape, dtype_name(m->dtype), low, high, input_name(p->in), size);
	p->low = low;
	p->nbytes = high - low;
	p->offset = offset - low;
	return 0;
}

/* Where the elements are, in words. */
static int describe_place(struct member *m, const struct place *p, int64_t offset, struct error *err)
{
	struct shape strides = { .ndim = m->shape.ndim };
	struct text t = TEXT_INIT;
	char text[SHAPE_TEXT];

	memcpy(strides.dim, p->strides, sizeof(strides.dim));
	text_fmt(&t, "%s, offset %" PRId64 ", strides %s", input_name(p->in), offset,
		 shape_text(&strides, text, sizeof(text)));
	m->place = t.s;
	return t.failed ? error_memory(err, t.room) : 0;
}

static int read_place(struct place *p, struct member *m, const struct json *o, struct error *err)
{
	const struct json *strides = json_get(o, "strides"), *offset = json_get(o, "offset");
	int64_t at = 0, n;
	int nstrides;

	if (read_dtype(o, m, err))
		return -1;
	if (!json_get(o, "shape"))
		return error_set(err, ERR_FILE, "\"shape\" is missing");
	if (read_list(json_get(o, "shape"), "shape", m->shape.dim, &m->shape.ndim, err))
		return -1;
	for (int i = 0; i < m->shape.ndim; i++)
		if (m->shape.dim[i] < 0)
			return error_set(err, ERR_FILE, "\"shape\" has the negative dimension %" PRId64,
					 m->shape.dim[i]);
	n = shape_size(&m->shape);
	if (n < 0 || __builtin_mul_overflow(n, (int64_t)dtype_size(m->dtype), &m->nbytes))
		return error_set(err, ERR_FILE, "the size of the shape does not fit in 64 bits");
	if (offset && (!json_int(offset, &at) || at < 0))
		return error_set(err, ERR_FILE, "\"offset\" is not a number of bytes");
	if (strides) {
		if (read_list(strides, "strides", p->strides, &nstrides, err))
			return -1;
		if (nstrides != m->shape.ndim)
			return error_set(err, ERR_FILE, "there are %d strides and %d dimensions", nstrides,
					 m->shape.ndim);
	} else if (m->nbytes) {
		shape_strides(&m->shape, dtype_size(m->dtype), false, p->strides);
	}
	m->supported = true;
	m->fortran = m->nbytes && shape_is_fortran(&m->shape, dtype_size(m->dtype), p->strides);
	return check_extent(p, m, at, err) || describe_place(m, p, at, err) ? -1 : 0;
}

/* A key that is not understood may be one that is misspelt. */
static int check_keys(const struct json *o, const char *const *keys, struct error *err)
{
	for (const struct json *x = json_first(o); x; x = json_next(x)) {
		int i = 0;

		while (keys[i] && strcmp(keys[i], json_key(x)))
			i++;
		if (!keys[i])
			return error_set(err, ERR_FILE, "the key \"%s\" means nothing in a view", json_key(x));
		if (json_get(o, keys[i]) != x)
			return error_set(err, ERR_FILE, "the key \"%s\" is there twice", keys[i]);
	}
	return 0;
}

/* == the file == */

static int add_place(struct file *f, const struct json *o, const char *name, struct input *in, struct error *err)
{
	struct view *v = f->state;
	struct place *p = &v->places[v->n];
	struct member *m = file_add_member(f, name, err);

	if (!m)
		return -1;
	p->in = input_ref(in);
	v->n++;
	return read_place(p, m, o, err);
}

static int add_tensor(struct file *f, const struct json *o, struct input *common, struct error *err)
{
	static const char *const keys[] = { "name", "file", "offset", "dtype", "byteorder", "shape", "strides", NULL };
	const char *name = json_text(json_get(o, "name")), *path = json_text(json_get(o, "file"));
	struct view *v = f->state;
	struct input *own = NULL;
	int ret;

	if (!json_is_object(o) || !name || !*name)
		return error_set(err, ERR_FILE, "\"tensors\" is not a list of objects that have a \"name\"");
	ret = check_keys(o, keys, err);
	if (!ret && json_get(o, "file") && !path)
		ret = error_set(err, ERR_FILE, "\"file\" is not the name of a file");
	if (!ret && path) {
		/* A file is opened once, however many tensors are in it. */
		for (int i = 0; i < v->n && !own; i++)
			if (v->places[i].path && !strcmp(v->places[i].path, path))
				own = input_ref(v->places[i].in);
		if (!own)
			ret = open_target(&own, f, path, err);
	}
	if (!ret && !own && !common)
		ret = error_set(err, ERR_FILE, "\"file\" is missing");
	if (!ret)
		ret = add_place(f, o, name, own ? own : common, err);
	if (!ret)
		v->places[v->n - 1].path = path;
	input_unref(own);
	if (ret)
		error_prefix(err, name);
	return ret;
}

static int read_view(struct file *f, const struct json *root, struct error *err)
{
	static const char *const one[] = { "view", "file", "offset", "dtype", "byteorder", "shape", "strides", NULL };
	static const char *const many[] = { "view", "file", "tensors", NULL };
	const struct json *tensors = json_get(root, "tensors"), *version = json_get(root, "view");
	const char *path = json_text(json_get(root, "file"));
	struct view *v = f->state;
	struct input *in = NULL;
	int64_t number;
	size_t n = 1;
	int ret;

	if (!json_is_object(root))
		return error_set(err, ERR_FILE, "is no JSON object");
	if (version && (!json_int(version, &number) || number != 1))
		return error_set(err, ERR_FILE, "is a view of another version than 1");
	if (check_keys(root, tensors ? many : one, err))
		return -1;
	if (tensors && !json_is_list(tensors))
		return error_set(err, ERR_FILE, "\"tensors\" is not a list of objects that have a \"name\"");
	if (!path && (!tensors || json_get(root, "file")))
		return error_set(err, ERR_FILE, "\"file\" is missing, or no string");

	f->archive = tensors != NULL;
	for (const struct json *x = json_first(tensors); x; x = json_next(x))
		n++;
	if (!(v->places = calloc(n, sizeof(*v->places))))
		return error_memory(err, n * sizeof(*v->places));
	if (path && open_target(&in, f, path, err))
		return -1;
	if (tensors) {
		ret = 0;
		for (const struct json *x = json_first(tensors); x && !ret; x = json_next(x))
			ret = add_tensor(f, x, in, err);
		if (!ret)
			ret = file_check_names(f, err);
	} else {
		ret = add_place(f, root, "0", in, err);
	}
	input_unref(in);
	return ret;
}

static int view_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct json *root;
	char *text;
	size_t n;

	(void)opt;
	if (!(f->state = calloc(1, sizeof(struct view))))
		return error_memory(err, sizeof(struct view));
	if (input_size(in) > JSON_MAX)
		return error_set(err, ERR_FILE, "has %" PRId64 " bytes, more than a view can", input_size(in));
	if (input_read_all(in, &text, &n, err))
		return -1;

	int ret = json_parse(&root, text, n, err);
	free(text);
	if (ret)
		return -1;
	ret = read_view(f, root, err);
	json_free(root);
	return ret;
}

static int view_array(struct file *f, int i, struct array *out, struct error *err)
{
	const struct view *v = f->state;
	const struct place *p = &v->places[i];
	const struct member *m = &f->members[i];

	out->dtype = m->dtype;
	out->swap = m->big_endian != host_big_endian && dtype_info[m->dtype].swapsize > 1;
	out->shape = m->shape;
	memcpy(out->strides, p->strides, sizeof(out->strides));
	out->offset = p->offset;
	return (out->src = input_source(p->in, p->low, p->nbytes, err)) ? 0 : -1;
}

static void view_close(struct file *f)
{
	struct view *v = f->state;

	if (!v)
		return;
	for (int i = 0; i < v->n; i++)
		input_unref(v->places[i].in);
	free(v->places);
	free(v);
}

static const struct format_reader view_reader = { view_open, view_array, view_close, .patchable = true };

extern const struct format format_view;
const struct format format_view = {
	.name = "view",
	.suffixes = ".view.json .dump.json",
	.help = "where arrays lie in another file: convert --share, op --view",
	.archive = true,
	.probe = view_probe,
	.reader = &view_reader,
	.unwritable = "a view shares the elements of a file: use 'tensor convert --share' or 'tensor op --view'",
};
