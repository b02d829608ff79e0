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
	int64_t record;	      /* offset of its record in the central directory */
	bool unchecked;	      /* its checksum is not that of its bytes, and does not count */
};

struct zip {
	struct input *in; /* owned reference */
	struct zip_entry *entries;
	int nentries;
	int64_t directory; /* offset of the central directory, where the data end */
	/* of the directory as it is in the file: the offset that those in it count from, bytes, entries of any name */
	int64_t base, directory_size;
	uint64_t nrecords;
};

/*
 * Read the central directory.  in: random access (input_spool).  Of entries with the same name only the last one
 * is kept.  z is released by zip_release, also after a failure.
 */
int zip_open(struct zip *z, struct input *in, struct error *err);
void zip_release(struct zip *z);

/* Why an entry cannot be unpacked: "is encrypted", "is compressed by bzip2"; NULL if it can. */
const char *zip_refusal(const struct zip_entry *e);

/* Where the packed bytes of entry i begin in the file. */
int zip_data(const struct zip *z, int i, int64_t *offset, struct error *err);

/*
 * Before and after bytes of a file are changed in place.  Where path is a zip archive and [low, high) lies in a stored entry,
 * open verifies the entry's checksum and close writes the new one, through fd; elsewhere *out is NULL.  close releases g, which
 * may be NULL.
 */
struct zip_guard;
int zip_guard_open(struct zip_guard **out, const char *path, int64_t low, int64_t high, struct error *err);
int zip_guard_close(struct zip_guard *g, int fd, struct error *err);

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

/*
 * A sequential source of nbytes bytes of entry i, from byte skip on; its last read verifies the entry to its end.  The archive may
 * be released before.  NULL on failure.
 */
struct source *zip_source(const struct zip *z, int i, int64_t skip, int64_t nbytes, struct error *err);

/* All bytes of a stored entry, in any order; the read that makes them complete verifies the entry.  NULL on failure. */
struct source *zip_checked(const struct zip *z, int i, struct error *err);

/* Of a format whose writers may leave checksums out: 0 stands for none. */
void zip_unchecked(struct zip *z);

#endif
