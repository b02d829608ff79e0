/* Reading zip archives: PKWARE's APPNOTE 6.3, as far as archives of arrays need it. */
#ifndef TENSOR_ZIP_H
#define TENSOR_ZIP_H

#include "formats/io.h"

struct zip_entry {
	char *name; /* UTF-8, owned */
	uint16_t flags, method;
	uint32_t crc;
	int64_t packed, size; /* bytes in the archive and unpacked */
	int64_t header;	      /* offset of the local header */
};

struct zip {
	struct input *in; /* owned reference */
	struct zip_entry *entries;
	int nentries;
	int64_t directory; /* offset of the central directory, where the data end */
};

/*
 * Read the central directory.  in: random access (input_spool).  Of entries with the same name only the last one
 * is kept.  z is released by zip_release, also after a failure.
 */
int zip_open(struct zip *z, struct input *in, struct error *err);
void zip_release(struct zip *z);

/* Why an entry cannot be unpacked: "is encrypted", "is compressed by bzip2"; NULL if it can. */
const char *zip_refusal(const struct zip_entry *e);

/*
 * One entry's bytes from the start on.  The read that reaches the end verifies size and CRC before it returns.
 * bulk: much will be read.  The archive may be released before.
 */
struct zip_stream;
int zip_stream_open(struct zip_stream **out, const struct zip *z, int i, bool bulk, struct error *err);
int zip_stream_read(struct zip_stream *s, void *buf, size_t n, struct error *err);
/* Skip what is left, and so verify the entry. */
int zip_stream_finish(struct zip_stream *s, struct error *err);
void zip_stream_close(struct zip_stream *s); /* NULL is fine */

#endif
