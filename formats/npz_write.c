/* Writing npz: npy arrays as the entries of a zip archive, stored or compressed by several threads. */
#define _DEFAULT_SOURCE /* flock */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/crew.h"
#include "formats/deflate.h"
#include "formats/npy.h"
#include "formats/zip.h"
#include "formats/zip_write.h"

enum {
	COPY = 1 << 20,	   /* bytes at once */
	BLOCK = 256 << 10, /* bytes that are compressed by one thread; part of what makes the same file */
};

struct npz_output {
	struct zip_output zip;
	struct crew *crew;   /* compresses the member being written; NULL: stored */
	struct zip old;	     /* what is appended to */
	int lock;	     /* held from reading it until the new archive has its name, or -1 */
	char *old_directory; /* its records, owned */
};

static int emit_packed(void *to, const void *buf, size_t n, struct error *err)
{
	struct writer *w = to;
	struct npz_output *o = w->state;

	return zip_emit(w, &o->zip, buf, n, err);
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

	zip_count(&o->zip, buf, n);
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

/* Wait for the lock of a file or directory; -1 with errno where there is none. */
static int lock_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), saved;

	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/*
 * Who appends to the same archive at the same time waits, so that no member is lost.  The lock is that of the archive, which is
 * another file once somebody else has renamed his; while there is none, it is that of the directory.
 */
static int append_lock(struct writer *w, struct npz_output *o, bool *exists, struct error *err)
{
	const char *slash = strrchr(w->target, '/');
	struct text dir = TEXT_INIT;
	struct stat held, now;

	text_add_n(&dir, slash ? w->target : ".", slash ? (size_t)(slash - w->target) + 1 : 1);
	if (dir.failed)
		return error_memory(err, dir.room);
	for (;;) {
		*exists = !access(w->target, F_OK);
		o->lock = lock_open(*exists ? w->target : dir.s);
		if (o->lock < 0 && (!*exists || errno != ENOENT)) {
			text_release(&dir);
			return error_errno(err, ERR_RESOURCE, "cannot lock %s", w->name);
		}
		bool same = *exists ? o->lock >= 0 && !fstat(o->lock, &held) && !stat(w->target, &now) &&
					      held.st_ino == now.st_ino && held.st_dev == now.st_dev
				    : access(w->target, F_OK) != 0;
		if (same)
			break;
		if (o->lock >= 0)
			close(o->lock);
		o->lock = -1;
	}
	text_release(&dir);
	return 0;
}

/* Begin with what the target holds. */
static int append_to(struct writer *w, struct npz_output *o, struct error *err)
{
	struct input *in;
	bool exists = false;

	if (!w->target)
		return error_set(err, ERR_USAGE, "%s: members are appended to files only", w->name);
	if (append_lock(w, o, &exists, err))
		return -1;
	if (!exists)
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

/* name.npy, of malloc, if no member is called so. */
static char *new_name(struct writer *w, const char *name, struct error *err)
{
	struct npz_output *o = w->state;
	char number[24];

	if (!name) {
		snprintf(number, sizeof(number), "arr_%zu", o->zip.n);
		name = number;
	}

	size_t n = strlen(name);
	if (n > ZIP_NAME_MAX - 4) {
		error_set(err, ERR_VALUE, "%s: the name of a member has %zu bytes, the limit is %d", w->name, n,
			  ZIP_NAME_MAX - 4);
		return NULL;
	}
	for (size_t i = 0; i < o->zip.n; i++) {
		if (!strncmp(o->zip.members[i].name, name, n) && !strcmp(o->zip.members[i].name + n, ".npy")) {
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

	char *path = malloc(n + 5);
	if (!path) {
		error_memory(err, n + 5);
		return NULL;
	}
	memcpy(path, name, n);
	memcpy(path + n, ".npy", 5);
	return path;
}

static int npz_begin(struct writer *w, const char *name, struct error *err)
{
	struct npz_output *o = w->state;
	struct text header = TEXT_INIT;
	uint16_t method = w->opt.compress ? ZIP_DEFLATED : ZIP_STORED;
	char *path;

	if (!o) {
		if (!(w->state = o = calloc(1, sizeof(*o))))
			return error_memory(err, sizeof(*o));
		o->lock = -1;
		if (w->opt.append && append_to(w, o, err))
			return -1;
	}
	if (!(path = new_name(w, name, err)))
		return -1;
	npy_header_text(&header, w->dtype, &w->shape, w->fortran, "");
	if (header.failed) {
		free(path);
		text_release(&header);
		return error_memory(err, 512);
	}

	int ret = zip_begin(w, &o->zip, path, method, w->size * (int64_t)dtype_size(w->dtype), err);
	if (!ret && method == ZIP_DEFLATED)
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

static int npz_end(struct writer *w, struct error *err)
{
	struct npz_output *o = w->state;

	if (o->crew) {
		int ret = crew_finish(o->crew, err);

		crew_free(o->crew);
		o->crew = NULL;
		if (ret)
			return -1;
	}
	return zip_end(w, &o->zip, err);
}

static int npz_finish(struct writer *w, struct error *err)
{
	static const struct zip_output none;
	const struct npz_output *o = w->state;

	return o ? zip_finish(w, &o->zip, o->old_directory, (size_t)o->old.directory_size, o->old.nrecords, o->old.base,
			      err)
		 : zip_finish(w, &none, NULL, 0, 0, 0, err);
}

static void npz_release(struct writer *w)
{
	struct npz_output *o = w->state;

	if (!o)
		return;
	zip_output_release(&o->zip);
	crew_free(o->crew);
	zip_release(&o->old);
	free(o->old_directory);
	if (o->lock >= 0)
		close(o->lock);
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
