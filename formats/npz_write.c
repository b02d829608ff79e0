/*
 * Writing npz: the elements of a stored member start at a multiple of 64 bytes, dates are fixed, so that the same arrays
 * make the same file.  Works on a pipe too: sizes and CRC then follow the data of each member.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/crew.h"
#include "formats/deflate.h"
#include "formats/npy.h"
#include "formats/zip.h"

enum {
	VERSION = 20, /* to unpack: 2.0, deflate */
	VERSION64 = 45,
	UNIX = 3 << 8,
	DATE = 1 << 5 | 1, /* 1980-01-01, the first there is */
	FLAG_DESCRIPTOR = 1 << 3,
	FLAG_UTF8 = 1 << 11,
	ALIGNMENT = 64,
	PADDING_ID = 0xd935, /* of the extra field that zipalign uses for the same: the alignment, then zeros */
	LOCAL_CRC = 14,	     /* offset in the local header of crc, packed size, size */
	LOCAL = 30,
	COPY = 1 << 20,	   /* bytes at once */
	BLOCK = 256 << 10, /* bytes that are compressed by one thread; part of what makes the same file */
};

struct zip_member {
	char *name; /* with .npy, owned */
	uint16_t flags, method;
	bool wide; /* its local header has the zip64 field */
	uint32_t crc;
	uint64_t packed, size, header;
};

struct npz_output {
	struct zip_member *members;
	size_t n, room;
	struct crew *crew;   /* compresses the member being written; NULL: stored */
	struct zip old;	     /* what is appended to */
	char *old_directory; /* its records, owned */
};

static void put16(struct text *t, unsigned v)
{
	char p[2] = { (char)(v & 0xff), (char)(v >> 8 & 0xff) };

	text_add_n(t, p, 2);
}

static void put32(struct text *t, uint64_t v)
{
	put16(t, (unsigned)(v & 0xffff));
	put16(t, (unsigned)(v >> 16 & 0xffff));
}

static void put64(struct text *t, uint64_t v)
{
	put32(t, v & UINT32_MAX);
	put32(t, v >> 32);
}

/* A number, or where it does not fit the sign that it is in the zip64 field. */
static uint64_t narrow(uint64_t v)
{
	return v < UINT32_MAX ? v : UINT32_MAX;
}

/* Write t and empty it. */
static int emit(struct writer *w, struct text *t, struct error *err)
{
	int ret = t->failed ? error_memory(err, t->room) : output_write(w, t->s, t->len, err);

	text_release(t);
	return ret;
}

static struct zip_member *current(struct writer *w)
{
	struct npz_output *o = w->state;

	return &o->members[o->n - 1];
}

static int emit_packed(void *to, const void *buf, size_t n, struct error *err)
{
	struct writer *w = to;

	current(w)->packed += n;
	return output_write(w, buf, n, err);
}

static int compress_block(const void *arg, struct crew_block *b, struct error *err)
{
	const struct writer *w = arg;

	return deflate_block(&b->state, w->opt.compress, b->in, b->n, b->before, b->last, &b->out, err);
}

static int crew_start(struct writer *w, struct npz_output *o, struct error *err)
{
	const struct crew_job job = {
		.size = BLOCK,
		.overlap = DEFLATE_WINDOW,
		.make = compress_block,
		.emit = emit_packed,
		.free_state = deflate_block_free,
		.arg = w,
	};

	return crew_new(&o->crew, &job, err);
}

/* n bytes of the member. */
static int put_member(struct writer *w, const void *buf, size_t n, struct error *err)
{
	struct npz_output *o = w->state;
	struct zip_member *m = current(w);

	m->crc = crc32_update(m->crc, buf, n);
	m->size += n;
	return o->crew ? crew_write(o->crew, buf, n, err) : emit_packed(w, buf, n, err);
}

/* Copy the bytes of the archive that is appended to, up to its directory, which comes again at the end. */
static int copy_members(struct writer *w, struct npz_output *o, struct error *err)
{
	char *block = malloc(COPY);
	int ret = 0;

	if (!block)
		return error_memory(err, COPY);
	for (int64_t at = 0; at < o->old.directory && !ret;) {
		size_t k = o->old.directory - at < COPY ? (size_t)(o->old.directory - at) : COPY;

		ret = input_pread(o->old.in, block, k, at, err) ? -1 : output_write(w, block, k, err);
		at += (int64_t)k;
	}
	free(block);
	return ret;
}

/* Begin with what the target holds. */
static int append_to(struct writer *w, struct npz_output *o, struct error *err)
{
	struct input *in;

	if (!w->target)
		return error_set(err, ERR_USAGE, "%s: members are appended to files only", w->name);
	if (access(w->target, F_OK))
		return 0;
	if (input_open(&in, w->target, err))
		return -1;

	int ret = input_size(in) < 0 ? error_set(err, ERR_FILE, "is no valid zip archive: it is empty")
				     : zip_open(&o->old, in, err);
	input_unref(in);
	if (!ret && o->old.in) {
		size_t n = (size_t)o->old.directory_size;

		if (!(o->old_directory = malloc(n + 1)))
			return error_memory(err, n);
		ret = input_pread(o->old.in, o->old_directory, n, o->old.directory, err);
		if (!ret)
			ret = copy_members(w, o, err);
	}
	if (ret && err->code == ERR_FILE)
		error_prefix(err, w->name);
	return ret;
}

/* Does the archive that is appended to have name.npy? */
static bool is_old(const struct npz_output *o, const char *name, size_t n)
{
	for (int i = 0; i < o->old.nentries; i++) {
		const char *have = o->old.entries[i].name;

		if (!strncmp(have, name, n) && !strcmp(have + n, ".npy"))
			return true;
	}
	return false;
}

static struct zip_member *new_member(struct writer *w, const char *name, struct error *err)
{
	struct npz_output *o = w->state;
	char number[24];

	if (!name) {
		snprintf(number, sizeof(number), "arr_%zu", o->n);
		name = number;
	}

	size_t n = strlen(name);
	if (n > UINT16_MAX - 4) {
		error_set(err, ERR_VALUE, "%s: the name of a member has %zu bytes, the limit is %d", w->name, n,
			  UINT16_MAX - 4);
		return NULL;
	}
	for (size_t i = 0; i < o->n; i++) {
		if (!strncmp(o->members[i].name, name, n) && !strcmp(o->members[i].name + n, ".npy")) {
			error_set(err, ERR_USAGE, "%s: two members are called '%s'; name one with NAME=FILE", w->name,
				  name);
			return NULL;
		}
	}
	if (is_old(o, name, n)) {
		error_set(err, ERR_USAGE, "%s: has a member '%s' already; give the new one another name, NAME=FILE",
			  w->name, name);
		return NULL;
	}
	if (o->n == o->room) {
		size_t room = o->room ? 2 * o->room : 8;
		struct zip_member *members = realloc(o->members, room * sizeof(*members));

		if (!members) {
			error_memory(err, room * sizeof(*members));
			return NULL;
		}
		o->members = members;
		o->room = room;
	}

	struct zip_member *m = &o->members[o->n];
	memset(m, 0, sizeof(*m));
	if (!(m->name = malloc(n + 5))) {
		error_memory(err, n + 5);
		return NULL;
	}
	memcpy(m->name, name, n);
	memcpy(m->name + n, ".npy", 5);
	o->n++;
	return m;
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* CRC and sizes are not known yet: they are written again by end_member, or follow the data. */
static int put_local_header(struct writer *w, const struct zip_member *m, struct error *err)
{
	struct text t = TEXT_INIT;
	size_t name = strlen(m->name), extra = m->wide ? 20 : 0, padding = 0;

	if (m->method == 0) {
		padding = (ALIGNMENT - (m->header + LOCAL + name + extra) % ALIGNMENT) % ALIGNMENT;
		/* The field itself takes 6 bytes. */
		if (padding && padding < 6)
			padding += ALIGNMENT;
	}
	text_add_n(&t, "PK\3\4", 4);
	put16(&t, m->wide ? VERSION64 : VERSION);
	put16(&t, m->flags);
	put16(&t, m->method);
	put16(&t, 0);
	put16(&t, DATE);
	put32(&t, 0);
	put32(&t, m->wide ? UINT32_MAX : 0);
	put32(&t, m->wide ? UINT32_MAX : 0);
	put16(&t, (unsigned)name);
	put16(&t, (unsigned)(extra + padding));
	text_add_n(&t, m->name, name);
	if (m->wide) {
		put16(&t, 1);
		put16(&t, 16);
		put64(&t, 0);
		put64(&t, 0);
	}
	if (padding) {
		put16(&t, PADDING_ID);
		put16(&t, (unsigned)padding - 4);
		put16(&t, ALIGNMENT);
		for (size_t i = 6; i < padding; i++)
			text_char(&t, '\0');
	}
	return emit(w, &t, err);
}

static int npz_begin(struct writer *w, const char *name, struct error *err)
{
	struct npz_output *o = w->state;
	struct text header = TEXT_INIT;
	struct zip_member *m;

	if (!o) {
		if (!(w->state = o = calloc(1, sizeof(*o))))
			return error_memory(err, sizeof(*o));
		if (w->opt.append && append_to(w, o, err))
			return -1;
	}
	if (!(m = new_member(w, name, err)))
		return -1;
	npy_header_text(&header, w->dtype, &w->shape, w->fortran, "");
	if (header.failed) {
		text_release(&header);
		return error_memory(err, 512);
	}

	int64_t size = w->size * (int64_t)dtype_size(w->dtype);
	m->header = (uint64_t)w->position;
	m->method = w->opt.compress ? 8 : 0;
	m->flags = (uint16_t)((is_ascii(m->name) ? 0 : FLAG_UTF8) | (w->seekable ? 0 : FLAG_DESCRIPTOR));
	m->wide = size >= (int64_t)UINT32_MAX - 4096 || deflate_bound(size) >= (int64_t)UINT32_MAX - 4096;

	int ret = put_local_header(w, m, err);
	if (!ret && m->method)
		ret = crew_start(w, o, err);
	if (!ret)
		ret = put_member(w, header.s, header.len, err);
	text_release(&header);
	return ret;
}

static int npz_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	(void)start;
	return put_member(w, elements, (size_t)n * dtype_size(w->dtype), err);
}

/* Sizes and CRC into the local header, which was written without them. */
static int patch_local_header(struct writer *w, const struct zip_member *m, struct error *err)
{
	struct text t = TEXT_INIT;

	put32(&t, m->crc);
	put32(&t, m->wide ? UINT32_MAX : m->packed);
	put32(&t, m->wide ? UINT32_MAX : m->size);
	if (m->wide) {
		put64(&t, m->size);
		put64(&t, m->packed);
	}

	int ret = t.failed ? error_memory(err, t.room) : output_flush(w, err);
	if (!ret)
		ret = output_pwrite(w, t.s, 12, (int64_t)m->header + LOCAL_CRC, err);
	if (!ret && m->wide)
		ret = output_pwrite(w, t.s + 12, 16, (int64_t)m->header + LOCAL + (int64_t)strlen(m->name) + 4, err);
	text_release(&t);
	return ret;
}

static int put_descriptor(struct writer *w, const struct zip_member *m, struct error *err)
{
	struct text t = TEXT_INIT;

	text_add_n(&t, "PK\7\10", 4);
	put32(&t, m->crc);
	if (m->wide) {
		put64(&t, m->packed);
		put64(&t, m->size);
	} else {
		put32(&t, m->packed);
		put32(&t, m->size);
	}
	return emit(w, &t, err);
}

static int npz_end(struct writer *w, struct error *err)
{
	struct npz_output *o = w->state;
	struct zip_member *m = current(w);

	if (o->crew) {
		int ret = crew_finish(o->crew, err);

		crew_free(o->crew);
		o->crew = NULL;
		if (ret)
			return -1;
	}
	return w->seekable ? patch_local_header(w, m, err) : put_descriptor(w, m, err);
}

static int put_central(struct writer *w, const struct zip_member *m, int64_t base, struct error *err)
{
	struct text t = TEXT_INIT;
	const uint64_t header = m->header - (uint64_t)base, fields[] = { m->size, m->packed, header };
	unsigned extra = 0;

	for (int i = 0; i < 3; i++)
		extra += fields[i] >= UINT32_MAX ? 8 : 0;
	bool wide = extra || m->wide;
	text_add_n(&t, "PK\1\2", 4);
	put16(&t, UNIX | (wide ? VERSION64 : VERSION));
	put16(&t, wide ? VERSION64 : VERSION);
	put16(&t, m->flags);
	put16(&t, m->method);
	put16(&t, 0);
	put16(&t, DATE);
	put32(&t, m->crc);
	put32(&t, narrow(m->packed));
	put32(&t, narrow(m->size));
	put16(&t, (unsigned)strlen(m->name));
	put16(&t, extra ? extra + 4 : 0);
	put16(&t, 0);
	put16(&t, 0);
	put16(&t, 0);
	put32(&t, UINT64_C(0100644) << 16);
	put32(&t, narrow(header));
	text_add(&t, m->name);
	if (extra) {
		put16(&t, 1);
		put16(&t, extra);
		for (int i = 0; i < 3; i++)
			if (fields[i] >= UINT32_MAX)
				put64(&t, fields[i]);
	}
	return emit(w, &t, err);
}

static int npz_finish(struct writer *w, struct error *err)
{
	struct npz_output *o = w->state;
	struct text t = TEXT_INIT;
	int64_t base = o ? o->old.base : 0;
	uint64_t n = o ? o->n : 0, start = (uint64_t)(w->position - base);

	if (o && o->old_directory && output_write(w, o->old_directory, (size_t)o->old.directory_size, err))
		return -1;
	for (uint64_t i = 0; i < n; i++)
		if (put_central(w, &o->members[i], base, err))
			return -1;
	n += o ? o->old.nrecords : 0;

	uint64_t end = (uint64_t)(w->position - base);
	if (n >= UINT16_MAX || end >= UINT32_MAX) {
		text_add_n(&t, "PK\6\6", 4);
		put64(&t, 44); /* bytes of the record from here on */
		put16(&t, UNIX | VERSION64);
		put16(&t, VERSION64);
		put32(&t, 0);
		put32(&t, 0);
		put64(&t, n);
		put64(&t, n);
		put64(&t, end - start);
		put64(&t, start);
		text_add_n(&t, "PK\6\7", 4);
		put32(&t, 0);
		put64(&t, end);
		put32(&t, 1);
	}
	text_add_n(&t, "PK\5\6", 4);
	put16(&t, 0);
	put16(&t, 0);
	put16(&t, n < UINT16_MAX ? (unsigned)n : UINT16_MAX);
	put16(&t, n < UINT16_MAX ? (unsigned)n : UINT16_MAX);
	put32(&t, narrow(end - start));
	put32(&t, narrow(start));
	put16(&t, 0);
	return emit(w, &t, err);
}

static void npz_release(struct writer *w)
{
	struct npz_output *o = w->state;

	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		free(o->members[i].name);
	free(o->members);
	crew_free(o->crew);
	zip_release(&o->old);
	free(o->old_directory);
	free(o);
}

extern const struct format_writer npz_writer;
const struct format_writer npz_writer = {
	.begin = npz_begin,
	.write = npz_write,
	.end = npz_end,
	.finish = npz_finish,
	.release = npz_release,
};
