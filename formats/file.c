/* The list of formats, and opening a file: which format it is, and what every format has in common. */
#include "formats/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

/* clang-format off */
extern const struct format
	format_npy,
	format_npz,
	format_pt,
	format_safetensors,
	format_png,
	format_pnm,
	format_raw,
	format_index,
	format_view,
	format_json,
	format_csv,
	format_tsv,
	format_text;

/* In the order in which they are asked whether they know the first bytes of a file. */
const struct format *const formats[] = {
	&format_npy,
	&format_npz,
	&format_pt,
	&format_safetensors,
	&format_png,
	&format_pnm,
	&format_raw,
	&format_index,
	&format_view,
	&format_json,
	&format_csv,
	&format_tsv,
	&format_text,
	NULL,
};
/* clang-format on */

/* What file_open keeps of an open file beside what its users see. */
struct open_file {
	struct file file;
	struct input *in;
	struct format_options opt;
};

struct input *file_input(const struct file *f)
{
	return ((const struct open_file *)f)->in;
}

const struct format_options *file_options(const struct file *f)
{
	return &((const struct open_file *)f)->opt;
}

const struct format *format_find(const char *name)
{
	for (int i = 0; formats[i]; i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* Length of the suffix in the blank-separated list that name ends in; 0 if none. */
static size_t suffix_match(const char *list, const char *name)
{
	size_t len = strlen(name), best = 0;

	while (*list) {
		size_t n = strcspn(list, " ");

		if (n > best && n <= len && !strncasecmp(name + len - n, list, n))
			best = n;
		list += n;
		list += strspn(list, " ");
	}
	return best;
}

const struct format *format_for_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct format *found = NULL;
	size_t longest = 0;

	if (slash)
		path = slash + 1;
	for (int i = 0; formats[i]; i++) {
		size_t n = suffix_match(formats[i]->suffixes, path);

		if (n > longest) {
			longest = n;
			found = formats[i];
		}
	}
	return found;
}

/* Files that users try, and what to do with them. */
static const struct {
	const char *magic;
	size_t n;
	const char *what;
	size_t at; /* bytes in front of it */
} foreign[] = {
	{ "\x1f\x8b", 2, "is gzip-compressed: gunzip it first", 0 },
	{ "BZh", 3, "is bzip2-compressed: bunzip2 it first", 0 },
	{ "\xfd"
	  "7zXZ",
	  5, "is xz-compressed: unxz it first", 0 },
	{ "\x28\xb5\x2f\xfd", 4, "is zstd-compressed: unzstd it first", 0 },
	{ "\x89HDF", 4, "is an HDF5 file, which is not supported", 0 },
	{ "GGUF", 4, "is a GGUF file, which is not supported", 0 },
	{ "PAR1", 4, "is a Parquet file, which is not supported", 0 },
	{ "ustar", 5, "is a tar archive, which is not supported, nor is PyTorch's format of that kind", 257 },
};

static const char *find_foreign(const unsigned char *head, size_t n)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (n >= foreign[i].at + foreign[i].n && !memcmp(head + foreign[i].at, foreign[i].magic, foreign[i].n))
			return foreign[i].what;
	return NULL;
}

static int unknown_format(const char *path, const unsigned char *head, size_t n, struct error *err)
{
	const char *what = find_foreign(head, n);
	char list[512] = "";

	if (what)
		return error_set(err, ERR_FILE, "%s: %s", path, what);
	for (int i = 0; formats[i]; i++) {
		size_t len = strlen(list);

		if (formats[i]->reader && len < sizeof(list))
			snprintf(list + len, sizeof(list) - len, " %s", formats[i]->name);
	}
	return error_set(err, ERR_FILE, "%s: unknown format; use 'tensor convert --from' with one of%s", path, list);
}

/* Does head hold bytes that no text does?  Then a probe that knows it has seen a magic number, and is no guess. */
static bool is_binary(const unsigned char *head, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (head[i] < 0x20 && !memchr("\t\n\v\f\r\x1b", head[i], 6))
			return true;
	return false;
}

static const struct format *probe(const unsigned char *head, size_t n)
{
	for (int i = 0; formats[i]; i++)
		if (formats[i]->probe && formats[i]->reader && formats[i]->probe(head, n))
			return formats[i];
	return NULL;
}

/* By content where that is certain, then by suffix, then by what the content looks like. */
static const struct format *choose_format(const char *path, struct input *in, struct error *err)
{
	size_t n;
	const unsigned char *head = input_peek(in, 8, &n, err);

	if (!head)
		goto fail;
	/* Another array may follow one of npy in the stream, so no more is read of it than its magic. */
	if (n && format_npy.probe(head, n))
		return &format_npy;
	if (!(head = input_peek(in, 4096, &n, err)))
		goto fail;

	const struct format *looks = probe(head, n);
	const struct format *named = format_for_path(path);
	/* JSON that is an object is no array, whatever its name. */
	if (looks && (is_binary(head, n < 8 ? n : 8) ||
		      ((looks == &format_view || looks == &format_index) && named == &format_json)))
		return looks;
	if (named && named->reader && !(named->probe && find_foreign(head, n)))
		return named;
	if (looks)
		return looks;
	if (!n)
		error_set(err, ERR_FILE, "%s: the file is empty", path);
	else
		unknown_format(path, head, n, err);
	return NULL;
fail:
	error_prefix(err, path);
	return NULL;
}

static bool is_standard_input(const char *path)
{
	return !strcmp(path, "-") || !strcmp(path, "/dev/stdin") || !strcmp(path, "/dev/fd/0") ||
	       !strcmp(path, "/proc/self/fd/0");
}

/* --as: the same bytes as elements of another type of that size. */
static void reinterpret_members(struct file *f, const struct format_options *opt)
{
	for (int i = 0; opt->has_as && i < f->nmembers; i++) {
		struct member *m = &f->members[i];

		if (m->supported && dtype_size(m->dtype) == dtype_size(opt->as) &&
		    (!m->big_endian || dtype_info[m->dtype].swapsize == dtype_info[opt->as].swapsize))
			m->dtype = opt->as;
	}
}

static int open_format(struct open_file *of, const struct format_options *opt, struct error *err)
{
	struct file *f = &of->file;

	of->opt = *opt;
	if (!(f->path = strdup(input_name(of->in))))
		return error_memory(err, strlen(input_name(of->in)));

	f->format = opt->format ? opt->format : choose_format(f->path, of->in, err);
	if (!f->format)
		return -1;
	if (!f->format->reader) {
		f->format = NULL;
		return error_set(err, ERR_USAGE, "%s: format %s cannot be read", f->path, opt->format->name);
	}
	if (f->format->reader->open(f, of->in, opt, err)) {
		error_prefix(err, f->path);
		return -1;
	}
	reinterpret_members(f, opt);
	return 0;
}

int file_open_input(struct file **out, struct input *in, const struct format_options *opt, struct error *err)
{
	struct open_file *of = calloc(1, sizeof(*of));

	if (!of) {
		input_unref(in);
		return error_memory(err, sizeof(*of));
	}
	of->in = in;
	if (open_format(of, opt, err)) {
		file_close(&of->file);
		return -1;
	}
	*out = &of->file;
	return 0;
}

int file_open(struct file **out, const char *path, const struct format_options *opt, struct error *err)
{
	struct input *in;

	if (is_standard_input(path) ? input_stdin(&in, err) : input_open(&in, path, err))
		return -1;
	return file_open_input(out, in, opt, err);
}

void file_close(struct file *f)
{
	if (!f)
		return;
	if (f->format && f->format->reader->close)
		f->format->reader->close(f);
	for (int i = 0; i < f->nmembers; i++) {
		free(f->members[i].name);
		free(f->members[i].descr);
		free(f->members[i].place);
	}
	free(f->members);
	metadata_release(&f->metadata);
	free(f->warning);
	free(f->path);
	input_unref(file_input(f));
	free((struct open_file *)f);
}

struct member *file_add_member(struct file *f, const char *name, struct error *err)
{
	/* The array has room for the next power of two. */
	if (!(f->nmembers & (f->nmembers - 1))) {
		size_t room = f->nmembers ? 2 * (size_t)f->nmembers : 1;
		struct member *members = realloc(f->members, room * sizeof(*members));

		if (!members) {
			error_memory(err, room * sizeof(*members));
			return NULL;
		}
		f->members = members;
	}

	struct member *m = &f->members[f->nmembers];
	memset(m, 0, sizeof(*m));
	if (!(m->name = strdup(name))) {
		error_memory(err, strlen(name));
		return NULL;
	}
	f->nmembers++;
	return m;
}

int file_check_names(const struct file *f, struct error *err)
{
	const char **names = malloc(((size_t)f->nmembers + 1) * sizeof(*names)), *twice;

	if (!names)
		return error_memory(err, (size_t)f->nmembers * sizeof(*names));
	for (int i = 0; i < f->nmembers; i++)
		names[i] = f->members[i].name;
	twice = text_duplicate(names, (size_t)f->nmembers);
	free(names);
	return twice ? error_set(err, ERR_FILE, "two tensors are called '%s'", twice) : 0;
}

/* Some of the names, for a message. */
static void list_names(const struct file *f, struct text *t)
{
	enum { SHOWN = 8 };

	for (int i = 0; i < f->nmembers && i < SHOWN; i++)
		text_fmt(t, "%s%.60s", i ? ", " : "", f->members[i].name);
	if (f->nmembers > SHOWN)
		text_fmt(t, ", ... (%d in all)", f->nmembers);
}

static bool same_key(const char *name, const char *key, size_t n)
{
	return strlen(name) == n && !memcmp(name, key, n);
}

/* The last member of that name; one that holds an array before one that does not. */
static int find_member(const struct file *f, const char *key, size_t n)
{
	int other = -1;

	for (int i = f->nmembers - 1; i >= 0; i--) {
		if (!same_key(f->members[i].name, key, n))
			continue;
		if (f->members[i].supported)
			return i;
		if (other < 0)
			other = i;
	}
	return other;
}

int file_find(const struct file *f, const char *key, struct error *err)
{
	struct text names = TEXT_INIT;

	if (!f->nmembers)
		return error_set(err, ERR_FILE, "%s: holds no arrays", f->path);
	if (!key && (!f->archive || f->nmembers == 1))
		return 0;
	if (key) {
		size_t n = strlen(key);
		int i = find_member(f, key, n);

		/* As in NumPy, the name in the archive is also good. */
		if (i < 0 && f->archive && n > 4 && !strcmp(key + n - 4, ".npy"))
			i = find_member(f, key, n - 4);
		if (i >= 0)
			return i;
	}

	list_names(f, &names);
	if (key)
		error_set(err, ERR_FILE, "%s: has no member '%s'; it has %s", f->path, key, names.s ? names.s : "");
	else
		error_set(err, ERR_FILE, "%s: has several members, choose one as %s:KEY: %s", f->path, f->path,
			  names.s ? names.s : "");
	text_release(&names);
	return -1;
}

/* The name of member i for messages: "a.npz:w". */
static char *member_path(const struct file *f, int i)
{
	struct text t = TEXT_INIT;

	text_add(&t, f->path);
	if (f->archive || f->nmembers > 1)
		text_fmt(&t, ":%s", f->members[i].name);
	if (t.failed)
		text_release(&t);
	return t.s;
}

static int share(struct file *f, int i, struct array *out, struct error *err)
{
	const struct format_reader *r = f->format->reader;
	int64_t start;

	if (!r->patchable && !r->share)
		return error_set(err, ERR_FILE, "the bytes of format %s are not the elements: it can only be copied",
				 f->format->name);
	if (input_size(file_input(f)) < 0 || input_shared(file_input(f)))
		return error_set(err, ERR_FILE, "is a stream, no file whose elements stay where they are");
	if (r->share ? r->share(f, i, out, err) : r->array(f, i, out, err))
		return -1;
	if (!source_in_file(out->src, &start))
		return error_set(err, ERR_FILE, "is no file whose elements stay where they are");
	return 0;
}

static int describe(struct file *f, int i, struct array *out, bool shared, struct error *err)
{
	const struct format_options *opt = file_options(f);
	const struct member *m = &f->members[i];

	if (m->supported && opt->has_as && m->dtype != opt->as)
		return error_set(err, ERR_VALUE, "its elements are %s of %zu bytes%s, which cannot be taken as %s",
				 m->descr ? m->descr : dtype_name(m->dtype), dtype_size(m->dtype),
				 m->big_endian ? " in big-endian order" : "", dtype_name(opt->as));
	if (shared ? share(f, i, out, err) : f->format->reader->array(f, i, out, err))
		return -1;
	if (opt->has_as)
		out->dtype = opt->as;
	return 0;
}

static int named_array(struct file *f, int i, struct array *out, bool shared, struct error *err)
{
	char *name = member_path(f, i);
	struct array a = { 0 };

	if (!name)
		return error_memory(err, strlen(f->path));
	if (describe(f, i, &a, shared, err)) {
		error_prefix(err, name);
		free(name);
		array_release(&a);
		return -1;
	}
	/* A source of several arrays, as that of a text, keeps the name it has. */
	if (atomic_load(&a.src->refs) == 1) {
		free(a.src->name);
		a.src->name = name;
	} else {
		free(name);
	}
	*out = a;
	return 0;
}

int file_array(struct file *f, int i, struct array *out, struct error *err)
{
	return named_array(f, i, out, false, err);
}

int file_share(struct file *f, int i, struct array *out, struct error *err)
{
	return named_array(f, i, out, true, err);
}
