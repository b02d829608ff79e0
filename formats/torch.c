/*
 * pt: what torch.save writes.  A zip archive with the objects as a pickle in PREFIX/data.pkl and the elements of each storage in
 * PREFIX/data/KEY; or, before PyTorch 1.6, pickles one after the other and the storages behind them.  A storage can
 * be that of several tensors, each with strides and an offset of its own.
 */
#include "formats/torch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

enum {
	UNPACKED_MAX = 16 << 20, /* bytes of a pickle that is compressed, which no torch.save does */
	LEGACY_VERSION = 1001,
};

/* The start of a file of before 1.6: protocol 2, the number 0x1950a86a20f9469cfc6c as a pickle. */
static const unsigned char legacy_magic[] = { 0x80, 2,	  0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
					      0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.' };

/* Where a storage is: an entry of the archive, or a place in the file. */
struct where {
	const char *key; /* in the pickle */
	size_t nkey;
	int64_t itemsize, numel;
	int entry;	/* -1: none */
	int64_t offset; /* -1: nowhere */
	int64_t nbytes;
};

struct torch_file {
	struct pickle *pickle;
	struct pickle_value *values; /* of the members */
	bool *twice;		     /* has the member a name that another one has? */
	struct input *in;	     /* legacy; owned reference */
	struct zip zip;
	char *prefix; /* of the names in the archive, owned */
	struct where *storages;
	size_t nstorages;
};

/* == names == */

static int compare_keys(const char *a, size_t na, const char *b, size_t nb)
{
	int order = memcmp(a, b, na < nb ? na : nb);

	return order ? order : (na > nb) - (na < nb);
}

static int compare_storages(const void *a, const void *b)
{
	const struct where *x = a, *y = b;

	return compare_keys(x->key, x->nkey, y->key, y->nkey);
}

static struct where *find_storage(const struct torch_file *tf, const char *key, size_t nkey)
{
	struct where one = { .key = key, .nkey = nkey };

	return tf->nstorages ? bsearch(&one, tf->storages, tf->nstorages, sizeof(one), compare_storages) : NULL;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* { 'a': { 'b': x }, 'a.b': y } has two tensors of one name; neither is to be taken for the other. */
static int find_twice(const struct file *f, struct torch_file *tf, struct error *err)
{
	size_t n = (size_t)f->nmembers;
	const struct member **sorted = malloc((n + 1) * sizeof(*sorted));

	tf->twice = calloc(n + 1, sizeof(*tf->twice));
	if (!sorted || !tf->twice) {
		free(sorted);
		return error_memory(err, (n + 1) * sizeof(*sorted));
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &f->members[i];
	qsort(sorted, n, sizeof(*sorted), compare_members);
	for (size_t i = 0; i + 1 < n; i++)
		if (!compare_members(&sorted[i], &sorted[i + 1]))
			tf->twice[sorted[i] - f->members] = tf->twice[sorted[i + 1] - f->members] = true;
	free(sorted);
	return 0;
}

/* == the archive == */

static bool ends_in(const char *name, const char *end, size_t *prefix)
{
	size_t n = strlen(name), k = strlen(end);

	*prefix = n - k;
	return n >= k && !strcmp(name + n - k, end) && (n == k || name[n - k - 1] == '/');
}

/* The entry PREFIX/data.pkl with the shortest prefix, or -1. */
static int find_pickle(const struct zip *z, size_t *prefix)
{
	int found = -1;

	for (int i = 0; i < z->nentries; i++) {
		size_t n;

		if (ends_in(z->entries[i].name, "data.pkl", &n) && (found < 0 || n < *prefix)) {
			found = i;
			*prefix = n;
		}
	}
	return found;
}

bool torch_archive(const struct zip *z, const char *path)
{
	const struct format *named = format_for_path(path);
	size_t prefix;

	for (int i = 0; i < z->nentries; i++) {
		size_t n = strlen(z->entries[i].name);

		if (n > 4 && !strcmp(z->entries[i].name + n - 4, ".npy"))
			return false;
	}
	return find_pickle(z, &prefix) >= 0 || (named && named == format_find("pt"));
}

/* The entry PREFIX/name, or -1. */
static int find_record(const struct torch_file *tf, const char *name)
{
	size_t n = strlen(tf->prefix);

	for (int i = 0; i < tf->zip.nentries; i++)
		if (!strncmp(tf->zip.entries[i].name, tf->prefix, n) && !strcmp(tf->zip.entries[i].name + n, name))
			return i;
	return -1;
}

/* The entries PREFIX/data/KEY, to be found by their keys. */
static int list_storages(struct torch_file *tf, struct error *err)
{
	size_t n = strlen(tf->prefix), room = (size_t)tf->zip.nentries + 1;

	if (!(tf->storages = malloc(room * sizeof(*tf->storages))))
		return error_memory(err, room * sizeof(*tf->storages));
	for (int i = 0; i < tf->zip.nentries; i++) {
		const struct zip_entry *e = &tf->zip.entries[i];

		if (strncmp(e->name, tf->prefix, n) || strncmp(e->name + n, "data/", 5))
			continue;
		tf->storages[tf->nstorages++] = (struct where){ .key = e->name + n + 5,
								.nkey = strlen(e->name + n + 5),
								.entry = i,
								.offset = -1,
								.nbytes = e->size };
	}
	qsort(tf->storages, tf->nstorages, sizeof(*tf->storages), compare_storages);
	return 0;
}

/* "little" where the archive does not say, which it does since PyTorch 2.1. */
static int read_byteorder(const struct torch_file *tf, bool *big, struct error *err)
{
	int i = find_record(tf, "byteorder");
	char text[16] = "little";
	struct zip_stream *s;

	*big = false;
	if (i < 0)
		return 0;
	if (tf->zip.entries[i].size >= (int64_t)sizeof(text))
		return error_set(err, ERR_FILE, "its byteorder is neither little nor big");
	if (zip_stream_open(&s, &tf->zip, i, false, err))
		return -1;
	memset(text, 0, sizeof(text));

	int ret = zip_stream_read(s, text, (size_t)tf->zip.entries[i].size, err);
	zip_stream_close(s);
	if (ret)
		return -1;
	*big = !strcmp(text, "big");
	if (!*big && strcmp(text, "little"))
		return error_set(err, ERR_FILE, "its byteorder is '%s', neither little nor big", text);
	return 0;
}

struct entry_reader {
	struct zip_stream *stream;
	int64_t left;
};

static int read_entry(void *from, void *buf, size_t n, size_t *got, struct error *err)
{
	struct entry_reader *r = from;

	*got = (int64_t)n < r->left ? n : (size_t)r->left;
	r->left -= (int64_t)*got;
	return zip_stream_read(r->stream, buf, *got, err);
}

static int read_pickle(struct torch_file *tf, int i, struct error *err)
{
	const struct zip_entry *e = &tf->zip.entries[i];
	struct entry_reader r = { .left = e->size };
	int ret;

	if (e->size > PICKLE_MAX || (e->size > UNPACKED_MAX && e->size != e->packed))
		return error_set(err, ERR_FILE, "its pickle has %" PRId64 " bytes, more than one of tensors needs",
				 e->size);
	if (zip_stream_open(&r.stream, &tf->zip, i, true, err))
		return -1;
	ret = pickle_read(&tf->pickle, torch_globals, read_entry, &r, e->size, err);
	if (!ret)
		ret = zip_stream_finish(r.stream, err);
	zip_stream_close(r.stream);
	return ret;
}

/* == before PyTorch 1.6 == */

struct legacy {
	struct input *in;
	int64_t at; /* the next byte to read */
};

static int read_input(void *from, void *buf, size_t n, size_t *got, struct error *err)
{
	struct legacy *l = from;

	*got = n;
	if (input_pread(l->in, buf, n, l->at, err))
		return -1;
	l->at += (int64_t)n;
	return 0;
}

/* The pickle that starts at *at, which becomes its end. */
static int next_pickle(struct pickle **out, struct input *in, int64_t *at, struct error *err)
{
	struct legacy l = { in, *at };

	if (pickle_read(out, torch_globals, read_input, &l, input_size(in) - *at, err))
		return -1;
	*at += pickle_length(*out);
	return 0;
}

/* Every storage that the pickle names, without places. */
static int gather_storages(struct torch_file *tf, struct error *err)
{
	size_t n = pickle_nobjects(tf->pickle), kept = 0;

	for (size_t i = 0; i < n; i++)
		tf->nstorages += pickle_kind(pickle_nth(tf->pickle, i)) == PICKLE_PERSISTENT;
	if (!(tf->storages = calloc(tf->nstorages + 1, sizeof(*tf->storages))))
		return error_memory(err, tf->nstorages * sizeof(*tf->storages));
	tf->nstorages = 0;
	for (size_t i = 0; i < n; i++) {
		struct torch_storage s;

		if (pickle_kind(pickle_nth(tf->pickle, i)) != PICKLE_PERSISTENT)
			continue;
		if (torch_storage_read(&s, tf->pickle, pickle_nth(tf->pickle, i), err))
			return -1;
		tf->storages[tf->nstorages++] = (struct where){ .key = s.key,
								.nkey = s.nkey,
								.itemsize = s.dtype->itemsize,
								.numel = s.nbytes / s.dtype->itemsize,
								.entry = -1,
								.offset = -1,
								.nbytes = s.nbytes };
	}
	if (tf->nstorages)
		qsort(tf->storages, tf->nstorages, sizeof(*tf->storages), compare_storages);
	for (size_t i = 0; i < tf->nstorages; i++) {
		const struct where *s = &tf->storages[i], *last = kept ? &tf->storages[kept - 1] : NULL;

		if (!last || compare_storages(s, last))
			tf->storages[kept++] = *s;
		else if (s->itemsize != last->itemsize || s->numel != last->numel)
			return error_set(err, ERR_FILE, "is no valid file of PyTorch: storage '%.*s' has two sizes",
					 (int)(s->nkey < 64 ? s->nkey : 64), s->key);
	}
	tf->nstorages = kept;
	return 0;
}

/* Behind the list of keys: of each storage the number of elements, in 8 bytes, and the elements. */
static int place_storages(struct torch_file *tf, const struct pickle *keys, int64_t at, struct error *err)
{
	size_t n;
	const struct pickle_value *key = pickle_items(keys, pickle_root(keys), &n);
	int64_t size = input_size(tf->in);

	if (pickle_kind(pickle_root(keys)) != PICKLE_LIST && pickle_kind(pickle_root(keys)) != PICKLE_TUPLE)
		return error_set(err, ERR_FILE, "is no valid file of PyTorch: the keys of its storages are no list");
	for (size_t i = 0; i < n; i++) {
		size_t nkey = 0;
		const char *text = pickle_text(keys, key[i], &nkey);
		struct where *s = text ? find_storage(tf, text, nkey) : NULL;
		unsigned char count[8];
		uint64_t numel = 0;

		if (!s)
			return error_set(err, ERR_FILE,
					 "is no valid file of PyTorch: it has a storage that it does not name");
		if (s->offset >= 0)
			return error_set(err, ERR_FILE, "is no valid file of PyTorch: it has storage '%.*s' twice",
					 (int)(nkey < 64 ? nkey : 64), text);
		if (input_pread(tf->in, count, 8, at, err))
			return -1;
		for (int k = 0; k < 8; k++)
			numel |= (uint64_t)count[k] << 8 * k;
		if (numel != (uint64_t)s->numel)
			return error_set(err, ERR_FILE,
					 "is no valid file of PyTorch: storage '%.*s' has %" PRIu64
					 " elements, its description says %" PRId64,
					 (int)(nkey < 64 ? nkey : 64), text, numel, s->numel);
		at += 8;
		if (s->nbytes > size - at)
			return error_set(err, ERR_FILE,
					 "storage '%.*s' has %" PRId64 " bytes, %" PRId64
					 " expected; was the file cut off?",
					 (int)(nkey < 64 ? nkey : 64), text, size - at, s->nbytes);
		s->offset = at;
		at += s->nbytes;
	}
	return 0;
}

/* == both == */

/* Where the tensor's storage is, if all of it is there. */
static int locate(const struct torch_file *tf, const struct torch_storage *s, const struct where **out,
		  struct error *err)
{
	const struct where *w = find_storage(tf, s->key, s->nkey);
	int shown = (int)(s->nkey < 64 ? s->nkey : 64);

	if (!w || (w->entry < 0 && w->offset < 0))
		return error_set(err, ERR_FILE, "its storage '%.*s' is missing", shown, s->key);
	/* Bytes that are no whole element may be left over, of a storage that was made of bytes. */
	if (w->nbytes < s->nbytes || w->nbytes - s->nbytes >= s->dtype->itemsize)
		return error_set(err, ERR_FILE, "its storage '%.*s' has %" PRId64 " bytes, %" PRId64 " expected", shown,
				 s->key, w->nbytes, s->nbytes);
	*out = w;
	return 0;
}

/* --as, or bytes where nothing else is possible: elements of a type that is not known, as others of that size. */
static void take_bytes(struct member *m, const struct torch_tensor *t, const struct format_options *opt)
{
	/* The unit that byte order applies to may be another one. */
	if (m->supported || t->unresolved || m->big_endian)
		return;
	if (opt->has_as && dtype_size(opt->as) == t->dtype->itemsize)
		m->dtype = opt->as;
	else if (opt->has_as || !opt->bytes)
		return;
	m->supported = true;
}

/* Every member is checked when the file is opened: what info tells can be read. */
static int finish_open(struct file *f, int64_t limit, bool big, struct error *err)
{
	struct torch_file *tf = f->state;

	if (torch_members(f, &tf->values, tf->pickle, limit, err) || find_twice(f, tf, err))
		return -1;
	for (int i = 0; i < f->nmembers; i++) {
		struct torch_tensor t;
		const struct where *w;

		f->members[i].big_endian = big && dtype_info[f->members[i].dtype].swapsize > 1;
		if (torch_tensor_read(&t, tf->pickle, tf->values[i], err) < 0 || locate(tf, &t.storage, &w, err)) {
			if (f->archive)
				error_prefix(err, f->members[i].name);
			return -1;
		}
		take_bytes(&f->members[i], &t, file_options(f));
	}
	return 0;
}

extern const struct format format_pt;

int torch_open_archive(struct file *f, struct zip *z, struct error *err)
{
	struct torch_file *tf = calloc(1, sizeof(*tf));
	size_t prefix = 0;
	bool big;
	int i;

	f->format = &format_pt;
	if (!(f->state = tf)) {
		zip_release(z);
		return error_memory(err, sizeof(*tf));
	}
	tf->zip = *z;
	zip_unchecked(&tf->zip);
	if ((i = find_pickle(&tf->zip, &prefix)) < 0)
		return error_set(err, ERR_FILE, "is a zip archive without data.pkl: torch.save did not write it");
	if (!(tf->prefix = strndup(tf->zip.entries[i].name, prefix)))
		return error_memory(err, prefix);
	for (int k = 0; k < tf->zip.nentries; k++)
		if (!strncmp(tf->zip.entries[k].name, tf->prefix, prefix) &&
		    (!strcmp(tf->zip.entries[k].name + prefix, "constants.pkl") ||
		     !strncmp(tf->zip.entries[k].name + prefix, "code/", 5)))
			return error_set(err, ERR_FILE,
					 "is TorchScript, a program (%s): only files of torch.save are read; save a "
					 "state_dict",
					 tf->zip.entries[k].name);
	if (read_byteorder(tf, &big, err) || list_storages(tf, err))
		return -1;
	if (read_pickle(tf, i, err)) {
		error_prefix(err, tf->zip.entries[i].name);
		return -1;
	}
	return finish_open(f, input_size(tf->zip.in), big, err);
}

static int open_legacy(struct file *f, struct input *in, struct error *err)
{
	struct torch_file *tf = calloc(1, sizeof(*tf));
	int64_t at = sizeof(legacy_magic), version;
	struct pickle *p;
	int ret;

	if (!(f->state = tf))
		return error_memory(err, sizeof(*tf));
	if (input_spool(&tf->in, in, err) || next_pickle(&p, tf->in, &at, err))
		return -1;
	ret = pickle_int(p, pickle_root(p), &version) && version == LEGACY_VERSION
		      ? 0
		      : error_set(err, ERR_FILE, "is of a version of PyTorch's format that is not known");
	pickle_free(p);
	/* About the machine: the storages are little-endian on all. */
	if (ret || next_pickle(&p, tf->in, &at, err))
		return -1;
	pickle_free(p);
	if (next_pickle(&tf->pickle, tf->in, &at, err) || next_pickle(&p, tf->in, &at, err))
		return -1;
	ret = gather_storages(tf, err) || place_storages(tf, p, at, err) ? -1 : 0;
	pickle_free(p);
	return ret ? ret : finish_open(f, input_size(tf->in), false, err);
}

static bool torch_probe(const unsigned char *head, size_t n)
{
	return n >= sizeof(legacy_magic) && !memcmp(head, legacy_magic, sizeof(legacy_magic));
}

static int torch_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	const unsigned char *head;
	struct input *all;
	struct zip zip;
	size_t n;

	(void)opt;
	if (!(head = input_peek(in, sizeof(legacy_magic), &n, err)))
		return -1;
	if (torch_probe(head, n))
		return open_legacy(f, in, err);
	if (!n)
		return error_set(err, ERR_FILE, "the file is empty");
	if (n >= 2 && head[0] == 0x80)
		return error_set(err, ERR_FILE, "is a Python pickle, but not of torch.save");
	if (n < 4 || memcmp(head, "PK", 2))
		return error_set(err, ERR_FILE, "is no file of torch.save");
	if (input_spool(&all, in, err))
		return -1;

	int ret = zip_open(&zip, all, err);
	input_unref(all);
	if (ret) {
		zip_release(&zip);
		return -1;
	}
	return torch_open_archive(f, &zip, err);
}

static int describe(struct file *f, int i, struct array *out, bool shared, struct error *err)
{
	struct torch_file *tf = f->state;
	const struct member *m = &f->members[i];
	const struct where *w;
	struct torch_tensor t;
	int64_t start;

	if (tf->twice[i])
		return error_set(err, ERR_FILE,
				 "is the name of two tensors, because keys are joined by '.': neither can be chosen");
	if (torch_tensor_read(&t, tf->pickle, tf->values[i], err) < 0 || locate(tf, &t.storage, &w, err))
		return -1;
	if (t.unresolved)
		return error_set(err, ERR_FILE, "is kept as what is still to be %s: save x.resolve_%s()", t.unresolved,
				 strcmp(t.unresolved, "negated") ? "conj" : "neg");
	if (!m->supported)
		return error_set(
			err, ERR_FILE,
			"has elements of %s, of which only the bytes can be read, by '--to raw' or '--as uint%d'",
			t.dtype->name, 8 * t.dtype->itemsize);
	if (w->entry >= 0 && zip_refusal(&tf->zip.entries[w->entry]))
		return error_set(err, ERR_FILE, "%s", zip_refusal(&tf->zip.entries[w->entry]));

	out->dtype = m->dtype;
	out->swap = m->big_endian != host_big_endian && dtype_info[m->dtype].swapsize > 1;
	out->shape = m->shape;
	memcpy(out->strides, t.strides, sizeof(out->strides));
	if (w->entry >= 0 && tf->zip.entries[w->entry].method) {
		if (shared)
			return error_set(err, ERR_FILE, "is compressed, so that it can only be copied");
		return (out->src = zip_source(&tf->zip, w->entry, t.low, t.nbytes, err)) ? 0 : -1;
	}
	/* The checksum is that of all bytes. */
	if (w->entry >= 0 && !shared && t.nbytes == w->nbytes)
		return (out->src = zip_checked(&tf->zip, w->entry, err)) ? 0 : -1;
	start = w->offset;
	if (w->entry >= 0 && zip_data(&tf->zip, w->entry, &start, err))
		return -1;
	out->src = input_source(w->entry >= 0 ? tf->zip.in : tf->in, start + t.low, t.nbytes, err);
	return out->src ? 0 : -1;
}

static int torch_array(struct file *f, int i, struct array *out, struct error *err)
{
	return describe(f, i, out, false, err);
}

static int torch_share(struct file *f, int i, struct array *out, struct error *err)
{
	return describe(f, i, out, true, err);
}

static void torch_close(struct file *f)
{
	struct torch_file *tf = f->state;

	if (!tf)
		return;
	pickle_free(tf->pickle);
	zip_release(&tf->zip);
	input_unref(tf->in);
	free(tf->values);
	free(tf->twice);
	free(tf->prefix);
	free(tf->storages);
	free(tf);
}

static const struct format_reader torch_reader = { torch_open, torch_array, torch_close, .share = torch_share };

const struct format format_pt = {
	.name = "pt",
	.suffixes = ".pt .pth",
	.help = "tensors, state dicts and checkpoints of torch.save",
	.archive = true,
	.bare = true,
	.probe = torch_probe,
	.reader = &torch_reader,
	.writer = &torch_writer,
};
