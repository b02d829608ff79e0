/*
 * Changing stored entries of a zip archive in place: the archive holds their checksums, which are renewed.  They are compared
 * before, so that what was corrupt does not become valid.
 */
#include "formats/zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/deflate.h"
#include "formats/torch.h"

enum {
	LOCAL_CRC = 14, /* offsets in the local header, in the record of the directory, in the data descriptor */
	RECORD_CRC = 16,
	DESCRIPTOR_CRC = 4,
	FLAG_DESCRIPTOR = 1 << 3,
	BLOCK = 256 << 10,
};

struct zip_guard {
	struct zip zip;
	int entry;
	int64_t data; /* where the entry's bytes begin */
};

static void guard_free(struct zip_guard *g)
{
	if (!g)
		return;
	zip_release(&g->zip);
	free(g);
}

/* The stored entry that has the bytes [low, high): g->entry, -1 if there is none. */
static int find_entry(struct zip_guard *g, int64_t low, int64_t high, struct error *err)
{
	for (int i = 0; i < g->zip.nentries; i++) {
		const struct zip_entry *e = &g->zip.entries[i];
		struct error why = ERROR_INIT;

		if (e->method || zip_refusal(e) || e->header > low)
			continue;
		if (zip_data(&g->zip, i, &g->data, &why)) {
			if (why.code == ERR_FILE)
				continue;
			*err = why;
			return -1;
		}
		if (g->data <= low && high - g->data <= e->size) {
			g->entry = i;
			return 0;
		}
	}
	g->entry = -1;
	return 0;
}

static int verify(const struct zip_guard *g, struct error *err)
{
	struct zip_stream *s;

	if (zip_stream_open(&s, &g->zip, g->entry, true, err))
		return -1;

	int ret = zip_stream_finish(s, err);
	zip_stream_close(s);
	return ret;
}

int zip_guard_open(struct zip_guard **out, const char *path, int64_t low, int64_t high, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct zip_guard *g;
	unsigned char magic[4];
	struct input *in;

	*out = NULL;
	if (input_open(&in, path, err))
		return -1;
	if (input_pread(in, magic, 4, 0, &ignored) || memcmp(magic, "PK", 2)) {
		input_unref(in);
		return 0;
	}
	if (!(g = calloc(1, sizeof(*g)))) {
		input_unref(in);
		return error_memory(err, sizeof(*g));
	}

	/* What only looks like an archive, or lies outside of its entries, has no checksum. */
	g->entry = -1;
	int ret = zip_open(&g->zip, in, &ignored);
	input_unref(in);
	if (!ret && torch_archive(&g->zip, path))
		zip_unchecked(&g->zip);
	if (!ret)
		ret = find_entry(g, low, high, &ignored);
	if (ret && ignored.code != ERR_FILE)
		*err = ignored;
	else
		ret = 0;
	if (ret || g->entry < 0) {
		guard_free(g);
		return ret;
	}
	if (!g->zip.entries[g->entry].unchecked && verify(g, err)) {
		error_prefix(err, g->zip.entries[g->entry].name);
		error_prefix(err, path);
		guard_free(g);
		return -1;
	}
	*out = g;
	return 0;
}

/* The checksum of the entry as it is now, read through fd, which the bytes were written by. */
static int checksum(const struct zip_guard *g, int fd, uint32_t *crc, struct error *err)
{
	int64_t at = g->data, end = g->data + g->zip.entries[g->entry].size;
	unsigned char *block = malloc(BLOCK);

	if (!block)
		return error_memory(err, BLOCK);
	*crc = 0;
	while (at < end) {
		ssize_t k = pread(fd, block, end - at < BLOCK ? (size_t)(end - at) : BLOCK, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			free(block);
			return k ? error_errno(err, ERR_FILE, "cannot read %s", input_name(g->zip.in))
				 : error_set(err, ERR_FILE, "%s: became shorter meanwhile", input_name(g->zip.in));
		}
		*crc = crc32_update(*crc, block, (size_t)k);
		at += k;
	}
	free(block);
	return 0;
}

/* Write the checksum at offset, if the old one is there. */
static int replace(const struct zip_guard *g, int fd, uint32_t crc, int64_t offset, struct error *err)
{
	uint32_t old = g->zip.entries[g->entry].crc;
	unsigned char p[4];

	if (input_pread(g->zip.in, p, 4, offset, err))
		return -1;
	if ((p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24) != old)
		return 0;
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(crc >> 8 * i);
	for (size_t n = 0; n < 4;) {
		ssize_t k = pwrite(fd, p + n, 4 - n, (off_t)offset + (off_t)n);

		if (k < 0 && errno != EINTR)
			return error_errno(err, ERR_RESOURCE, "cannot write %s", input_name(g->zip.in));
		n += k > 0 ? (size_t)k : 0;
	}
	return 0;
}

static int renew(const struct zip_guard *g, int fd, struct error *err)
{
	const struct zip_entry *e = &g->zip.entries[g->entry];
	unsigned char p[4];
	uint32_t crc = 0;

	if (checksum(g, fd, &crc, err) || replace(g, fd, crc, e->record + RECORD_CRC, err) ||
	    replace(g, fd, crc, e->header + LOCAL_CRC, err))
		return -1;
	if (!(e->flags & FLAG_DESCRIPTOR))
		return 0;
	/* The descriptor behind the data begins with a signature, or does not. */
	if (input_pread(g->zip.in, p, 4, g->data + e->size, err))
		return -1;
	return replace(g, fd, crc, g->data + e->size + (memcmp(p, "PK\7\10", 4) ? 0 : DESCRIPTOR_CRC), err);
}

int zip_guard_close(struct zip_guard *g, int fd, struct error *err)
{
	int ret = g && !g->zip.entries[g->entry].unchecked ? renew(g, fd, err) : 0;

	guard_free(g);
	return ret;
}
