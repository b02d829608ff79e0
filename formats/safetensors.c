/*
 * safetensors: a JSON header that says of each tensor its type, shape and place, then their elements, in C order and
 * little-endian.  The places cover what follows the header exactly: no gap, no overlap, nothing behind them.
 * Source: huggingface/safetensors, README.md and safetensors/src/tensor.rs.
 */
#include "formats/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"
#include "formats/jsontree.h"
#include "lib/text.h"

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* clang-format off */
const struct safetensors_type safetensors_types[] = {
	{ "BOOL",         8, true,  DT_BOOL },
	{ "F4",           4, false, 0 },
	{ "F6_E2M3",      6, false, 0 },
	{ "F6_E3M2",      6, false, 0 },
	{ "U8",           8, true,  DT_U8 },
	{ "I8",           8, true,  DT_I8 },
	{ "F8_E5M2",      8, true,  DT_F8E5M2 },
	{ "F8_E4M3",      8, true,  DT_F8E4M3 },
	{ "F8_E8M0",      8, false, 0 },
	{ "F8_E4M3FNUZ",  8, false, 0 },
	{ "F8_E5M2FNUZ",  8, false, 0 },
	{ "I16",         16, true,  DT_I16 },
	{ "U16",         16, true,  DT_U16 },
	{ "F16",         16, true,  DT_F16 },
	{ "BF16",        16, true,  DT_BF16 },
	{ "I32",         32, true,  DT_I32 },
	{ "U32",         32, true,  DT_U32 },
	{ "F32",         32, true,  DT_F32 },
	{ "C64",         64, true,  DT_C64 },
	{ "F64",         64, true,  DT_F64 },
	{ "I64",         64, true,  DT_I64 },
	{ "U64",         64, true,  DT_U64 },
	{ NULL,           0, false, 0 },
};
/* clang-format on */

struct safetensors {
	struct input *in;    /* that can be read in any order; owned reference */
	struct source *only; /* of the one tensor of a stream; owned reference */
	int64_t data;	     /* offset of the first byte behind the header */
	int64_t *begin;	     /* of each member, from there on */
};

static uint64_t header_length(const unsigned char *p)
{
	uint64_t n = 0;

	for (int i = SAFETENSORS_LENGTH - 1; i >= 0; i--)
		n = n << 8 | p[i];
	return n;
}

static bool safetensors_probe(const unsigned char *head, size_t n)
{
	return n > SAFETENSORS_LENGTH && header_length(head) <= SAFETENSORS_HEADER_MAX && header_length(head) >= 2 &&
	       head[SAFETENSORS_LENGTH] == '{';
}

/* == the header == */

/* A list of integers from 0 up; *n of them, at most max. */
static int read_list(const struct json *list, const char *key, int64_t *out, int max, int *n, struct error *err)
{
	*n = 0;
	if (!json_is_list(list))
		return error_set(err, ERR_FILE, "\"%s\" is missing, or no list of integers", key);
	for (const struct json *x = json_first(list); x; x = json_next(x)) {
		if (*n == max)
			return error_set(err, ERR_FILE, "\"%s\" has more than %d items", key, max);
		if (!json_int(x, &out[*n]) || out[*n] < 0)
			return error_set(err, ERR_FILE, "\"%s\" has an item that is no integer from 0 to 2**63 - 1",
					 key);
		++*n;
	}
	return 0;
}

static const struct safetensors_type *find_type(const char *name)
{
	for (const struct safetensors_type *t = safetensors_types; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* The bytes that the shape needs. */
static int count_bytes(int64_t *nbytes, const struct safetensors_type *t, const struct shape *s, struct error *err)
{
	int64_t bits, n = shape_size(s);
	char text[SHAPE_TEXT];

	if (n < 0 || __builtin_mul_overflow(n, t->bits, &bits))
		return error_set(err, ERR_FILE, "the size of shape %s does not fit in 64 bits",
				 shape_text(s, text, sizeof(text)));
	if (bits % 8)
		return error_set(err, ERR_FILE, "shape %s of %s needs %" PRId64 " bits, which are no whole bytes",
				 shape_text(s, text, sizeof(text)), t->name, bits);
	*nbytes = bits / 8;
	return 0;
}

/* Each key of an entry at most once. */
static int check_keys(const struct json *entry, struct error *err)
{
	static const char *const keys[] = { "dtype", "shape", "data_offsets" };
	int seen[3] = { 0 };

	for (const struct json *x = json_first(entry); x; x = json_next(x))
		for (int i = 0; i < 3; i++)
			if (!strcmp(json_key(x), keys[i]) && seen[i]++)
				return error_set(err, ERR_FILE, "the key \"%s\" is there twice", keys[i]);
	return 0;
}

static int read_entry(struct member *m, int64_t *begin, const struct json *entry, struct error *err)
{
	const char *name = json_text(json_get(entry, "dtype"));
	const struct safetensors_type *t = name ? find_type(name) : NULL;
	char text[SHAPE_TEXT];
	int64_t offsets[2];
	int n;

	if (!json_is_object(entry))
		return error_set(err, ERR_FILE, "its entry is no JSON object");
	if (check_keys(entry, err))
		return -1;
	if (!name)
		return error_set(err, ERR_FILE, "\"dtype\" is missing, or no string");
	if (!t)
		return error_set(err, ERR_FILE, "\"dtype\" is '%.40s', which safetensors does not have", name);
	if (read_list(json_get(entry, "shape"), "shape", m->shape.dim, MAX_NDIM, &m->shape.ndim, err) ||
	    count_bytes(&m->nbytes, t, &m->shape, err) ||
	    read_list(json_get(entry, "data_offsets"), "data_offsets", offsets, 2, &n, err))
		return -1;
	if (n != 2 || offsets[1] < offsets[0])
		return error_set(err, ERR_FILE, "\"data_offsets\" is not where the tensor begins and where it ends");
	if (offsets[1] - offsets[0] != m->nbytes)
		return error_set(err, ERR_FILE, "\"data_offsets\" has %" PRId64 " bytes, shape %s of %s needs %" PRId64,
				 offsets[1] - offsets[0], shape_text(&m->shape, text, sizeof(text)), t->name,
				 m->nbytes);
	*begin = offsets[0];
	m->supported = t->supported;
	m->dtype = t->dtype;
	return (m->descr = strdup(t->name)) ? 0 : error_memory(err, 16);
}

/* --as, or bytes where nothing else is possible: elements of a type that is not known, as others of that size. */
static void take_bytes(struct member *m, const struct format_options *opt)
{
	bool bytes = !m->supported && opt->bytes && !opt->has_as;

	if (m->supported || (!bytes && (!opt->has_as || dtype_size(opt->as) != 1)))
		return;
	m->supported = m->bytes = true;
	m->dtype = bytes ? DT_U8 : opt->as;
	/* Elements of less than a byte have no shape of bytes. */
	if (find_type(m->descr)->bits != 8)
		m->shape = (struct shape){ 1, { m->nbytes } };
}

static int read_metadata(struct file *f, const struct json *object, struct error *err)
{
	if (metadata_from_json(&f->metadata, object, err)) {
		error_prefix(err, "__metadata__");
		return -1;
	}
	return 0;
}

struct range {
	int64_t begin, end;
	const char *name;
};

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorted by where they begin, each tensor begins where the one before it ends; *end is where the last one does. */
static int check_coverage(const struct file *f, int64_t *end, struct error *err)
{
	const struct safetensors *st = f->state;
	struct range *r = malloc(((size_t)f->nmembers + 1) * sizeof(*r));
	int ret = 0;

	if (!r)
		return error_memory(err, (size_t)f->nmembers * sizeof(*r));
	for (int i = 0; i < f->nmembers; i++)
		r[i] = (struct range){ st->begin[i], st->begin[i] + f->members[i].nbytes, f->members[i].name };
	qsort(r, (size_t)f->nmembers, sizeof(*r), compare_ranges);
	*end = 0;
	for (int i = 0; i < f->nmembers && !ret; i++) {
		if (r[i].begin > *end)
			ret = error_set(err, ERR_FILE,
					"%s: begins at byte %" PRId64 " of the data, and nothing is at bytes %" PRId64
					" to %" PRId64,
					r[i].name, r[i].begin, *end, r[i].begin);
		else if (r[i].begin < *end)
			ret = error_set(err, ERR_FILE,
					"%s: begins at byte %" PRId64 " of the data, where %s is until %" PRId64,
					r[i].name, r[i].begin, r[i - 1].name, *end);
		*end = r[i].end;
	}
	free(r);
	return ret;
}

static int read_header(struct file *f, const struct json *root, const struct format_options *opt, struct error *err)
{
	struct safetensors *st = f->state;
	bool metadata = false;
	size_t n = 1;

	if (!json_is_object(root))
		return error_set(err, ERR_FILE, "its header is no JSON object");
	for (const struct json *x = json_first(root); x; x = json_next(x))
		n++;
	if (!(st->begin = malloc(n * sizeof(*st->begin))))
		return error_memory(err, n * sizeof(*st->begin));
	for (const struct json *x = json_first(root); x; x = json_next(x)) {
		struct member *m;

		if (!strcmp(json_key(x), "__metadata__")) {
			if (metadata)
				return error_set(err, ERR_FILE, "the key \"__metadata__\" is there twice");
			metadata = true;
			if (read_metadata(f, x, err))
				return -1;
			continue;
		}
		if (!(m = file_add_member(f, json_key(x), err)))
			return -1;
		if (read_entry(m, &st->begin[f->nmembers - 1], x, err)) {
			error_prefix(err, m->name);
			return -1;
		}
	}
	if (file_check_names(f, err))
		return -1;
	int64_t end = 0, have = input_size(st->in) - st->data;
	if (check_coverage(f, &end, err))
		return -1;
	if (input_size(st->in) >= 0 && have != end)
		return error_set(err, ERR_FILE, "has %" PRId64 " bytes of data, its header describes %" PRId64, have,
				 end);
	for (int i = 0; i < f->nmembers; i++)
		take_bytes(&f->members[i], opt);
	return 0;
}

/* The n bytes of the header; a stream may end long before, so no more is taken than twice what is there. */
static char *load_header(struct input *in, size_t n, struct error *err)
{
	enum { FIRST = 64 << 10 };
	size_t room = input_size(in) < 0 && n > FIRST ? FIRST : n;
	char *text = NULL;

	for (size_t have = 0; have < n; room = n - room < room ? n : 2 * room) {
		char *more = realloc(text, room);

		if (!more) {
			free(text);
			error_memory(err, room);
			return NULL;
		}
		text = more;
		if (input_read(in, text + have, room - have, err)) {
			free(text);
			error_set(err, ERR_FILE, "ends within its header of %zu bytes", n);
			return NULL;
		}
		have = room;
	}
	return text;
}

static int safetensors_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct safetensors *st = calloc(1, sizeof(*st));
	unsigned char length[SAFETENSORS_LENGTH];
	struct json *root;
	size_t got;

	if (!(f->state = st))
		return error_memory(err, sizeof(*st));
	f->archive = true;

	const unsigned char *head = input_peek(in, SAFETENSORS_LENGTH, &got, err);
	if (!head)
		return -1;
	if (got < SAFETENSORS_LENGTH)
		return error_set(err, ERR_FILE, "has %zu bytes, fewer than the %d that begin a safetensors file", got,
				 SAFETENSORS_LENGTH);
	uint64_t n = header_length(head);
	int64_t size = input_size(in);
	if (n > SAFETENSORS_HEADER_MAX)
		return error_set(err, ERR_FILE,
				 "is no safetensors file: its header would have %" PRIu64 " bytes, the limit is %d", n,
				 SAFETENSORS_HEADER_MAX);
	if (n < 2 || (size >= 0 && (int64_t)n > size - SAFETENSORS_LENGTH))
		return error_set(err, ERR_FILE, "its header would have %" PRIu64 " bytes, the file has %" PRId64, n,
				 size);
	if (size < 0)
		st->in = input_ref(in);
	else if (input_spool(&st->in, in, err))
		return -1;
	if (size < 0 && input_read(in, length, sizeof(length), err))
		return -1;
	if (size >= 0 && input_advance(st->in, SAFETENSORS_LENGTH, err))
		return -1;

	char *text = load_header(st->in, (size_t)n, err);
	if (!text)
		return -1;
	int ret = json_parse(&root, text, (size_t)n, err);
	free(text);
	if (ret) {
		error_prefix(err, "its header");
		return -1;
	}
	st->data = SAFETENSORS_LENGTH + (int64_t)n;
	ret = read_header(f, root, opt, err);
	json_free(root);
	return ret;
}

/* Where the elements of a stream are: one tensor's come as they are, of several any may be wanted first. */
static int find_data(struct file *f, struct error *err)
{
	struct safetensors *st = f->state;
	struct input *in = st->in;

	if (input_size(in) >= 0)
		return 0;
	if (f->nmembers == 1 && f->members[0].nbytes)
		return (st->only = input_source_last(in, f->members[0].nbytes, err)) ? 0 : -1;

	int64_t want = 0, have;
	for (int i = 0; i < f->nmembers; i++)
		want += f->members[i].nbytes;
	if (input_spool(&st->in, in, err)) {
		st->in = in;
		return -1;
	}
	input_unref(in);
	st->data = 0;
	have = input_size(st->in);
	return have == want ? 0
			    : error_set(err, ERR_FILE, "has %" PRId64 " bytes of data, its header describes %" PRId64,
					have, want);
}

static int open_whole(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	return safetensors_open(f, in, opt, err) || find_data(f, err) ? -1 : 0;
}

static int safetensors_array(struct file *f, int i, struct array *out, struct error *err)
{
	const struct safetensors *st = f->state;
	const struct member *m = &f->members[i];

	if (!m->supported)
		return error_set(err, ERR_FILE,
				 "has elements of type %s, which are read as bytes only: 'tensor convert --to raw', or "
				 "'--as uint8'",
				 m->descr);
	out->dtype = m->dtype;
	out->swap = host_big_endian && dtype_info[m->dtype].swapsize > 1;
	out->shape = m->shape;
	shape_strides(&m->shape, dtype_size(m->dtype), false, out->strides);
	out->offset = 0;
	out->src = st->only ? source_ref(st->only) : input_source(st->in, st->data + st->begin[i], m->nbytes, err);
	return out->src ? 0 : -1;
}

static void safetensors_close(struct file *f)
{
	struct safetensors *st = f->state;

	if (!st)
		return;
	source_unref(st->only);
	input_unref(st->in);
	free(st->begin);
	free(st);
}

static const struct format_reader safetensors_reader = { open_whole, safetensors_array, safetensors_close,
							 .patchable = true };

extern const struct format_writer safetensors_writer; /* safetensors_write.c */

extern const struct format format_safetensors;
const struct format format_safetensors = {
	.name = "safetensors",
	.suffixes = ".safetensors",
	.help = "named tensors with a JSON header: Hugging Face's checkpoints",
	.archive = true,
	.probe = safetensors_probe,
	.reader = &safetensors_reader,
	.writer = &safetensors_writer,
};
