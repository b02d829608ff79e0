/* Writing zip archives: see zip_write.h. */
#include "formats/zip_write.h"

#include <stdlib.h>
#include <string.h>

#include "formats/deflate.h"
#include "lib/text.h"

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

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* CRC and sizes are not known yet: they are written again by zip_end, or follow the data. */
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

int zip_begin(struct writer *w, struct zip_output *z, char *name, uint16_t method, int64_t size, struct error *err)
{
	struct zip_member *m;

	if (z->n == z->room) {
		size_t room = z->room ? 2 * z->room : 8;
		struct zip_member *members = realloc(z->members, room * sizeof(*members));

		if (!members) {
			free(name);
			return error_memory(err, room * sizeof(*members));
		}
		z->members = members;
		z->room = room;
	}
	m = &z->members[z->n++];
	*m = (struct zip_member){
		.name = name,
		.flags = (uint16_t)((is_ascii(name) ? 0 : FLAG_UTF8) | (w->seekable ? 0 : FLAG_DESCRIPTOR)),
		.method = method,
		.wide = size >= (int64_t)UINT32_MAX - 4096 || deflate_bound(size) >= (int64_t)UINT32_MAX - 4096,
		.header = (uint64_t)w->position,
	};
	return put_local_header(w, m, err);
}

void zip_count(struct zip_output *z, const void *buf, size_t n)
{
	struct zip_member *m = &z->members[z->n - 1];

	m->crc = crc32_update(m->crc, buf, n);
	m->size += n;
}

int zip_emit(struct writer *w, struct zip_output *z, const void *buf, size_t n, struct error *err)
{
	z->members[z->n - 1].packed += n;
	return output_write(w, buf, n, err);
}

int zip_store(struct writer *w, struct zip_output *z, const void *buf, size_t n, struct error *err)
{
	zip_count(z, buf, n);
	return zip_emit(w, z, buf, n, err);
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

int zip_end(struct writer *w, struct zip_output *z, struct error *err)
{
	const struct zip_member *m = &z->members[z->n - 1];

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

int zip_finish(struct writer *w, const struct zip_output *z, const void *old, size_t size, uint64_t n, int64_t base,
	       struct error *err)
{
	struct text t = TEXT_INIT;
	uint64_t start = (uint64_t)(w->position - base);

	if (size && output_write(w, old, size, err))
		return -1;
	for (size_t i = 0; i < z->n; i++)
		if (put_central(w, &z->members[i], base, err))
			return -1;
	n += z->n;

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

void zip_output_release(struct zip_output *z)
{
	for (size_t i = 0; i < z->n; i++)
		free(z->members[i].name);
	free(z->members);
	memset(z, 0, sizeof(*z));
}
