/*
 * Writing zip archives: dates are fixed, so that the same entries make the same file; stored entries start at a multiple of 64
 * bytes.  Works on a pipe, too: sizes and CRC then follow the data of each entry.
 */
#ifndef TENSOR_ZIP_WRITE_H
#define TENSOR_ZIP_WRITE_H

#include "formats/io.h"

struct zip_member {
	char *name; /* owned */
	uint16_t flags, method;
	bool wide; /* its local header has the zip64 field */
	uint32_t crc;
	uint64_t packed, size, header;
};

/* The entries written so far; all zero at first. */
struct zip_output {
	struct zip_member *members;
	size_t n, room;
};

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8, ZIP_NAME_MAX = UINT16_MAX };

/* Begin an entry.  name, of malloc, is taken over, also after a failure; size: bytes that it will have, about. */
int zip_begin(struct writer *w, struct zip_output *z, char *name, uint16_t method, int64_t size, struct error *err);

/* The next n bytes, which the entry's CRC is of, and those that are written for them: of a stored one both are the same. */
void zip_count(struct zip_output *z, const void *buf, size_t n);
int zip_emit(struct writer *w, struct zip_output *z, const void *buf, size_t n, struct error *err);
int zip_store(struct writer *w, struct zip_output *z, const void *buf, size_t n, struct error *err);

int zip_end(struct writer *w, struct zip_output *z, struct error *err);

/*
 * The directory.  In front of it the n records of old, of size bytes: those of an archive that was copied to the start of
 * the output, and whose offsets count from base.
 */
int zip_finish(struct writer *w, const struct zip_output *z, const void *old, size_t size, uint64_t n, int64_t base,
	       struct error *err);
void zip_output_release(struct zip_output *z);

#endif
