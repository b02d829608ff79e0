/*
 * Where results go.  A file is written under another name beside its target and renamed when it is complete, so that the
 * target has its old content or the whole new one; what is no regular file (a pipe, /dev/null) is written as it is.
 */
#define _GNU_SOURCE /* vmsplice, F_SETPIPE_SZ, RUSAGE_THREAD, MAP_ANONYMOUS, MADV_HUGEPAGE */
#include "formats/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	BUFFER = 64 << 10,
	LINKS_MAX = 40,		 /* symbolic links to follow: the kernel's own limit */
	BASE_MAX = 200,		 /* of the target's name to keep in the temporary's, whose limit is 255 */
	TEMPORARIES = 256,	 /* for writer_cleanup; what exceeds it is only removed in the ordinary way */
	PIPE_SIZE = 1 << 20,	 /* as large as an unprivileged process may */
	PIPE_FROM = 64 << 10,	 /* bytes of an array from which on it is worth asking for that */
	SPLICE_FROM = 4 << 20,	 /* and from which on the pipe gets pages instead of copies, */
	SPLICE_LEAST = 16 << 10, /* so many bytes at once */
	FRESH = 2 << 20,	 /* one huge page */
	PAGE = 4096,
};

/*
 * The temporaries that exist, for writer_cleanup, which a signal handler calls at any moment.  Who takes a pointer out
 * of the table owns the string; so it is never freed while the other one reads it.
 */
static _Atomic(char *) temporaries[TEMPORARIES];

void writer_cleanup(void)
{
	int saved = errno;

	for (int i = 0; i < TEMPORARIES; i++) {
		char *path = atomic_exchange(&temporaries[i], NULL);

		if (path) {
			unlink(path);
			atomic_store(&temporaries[i], path);
		}
	}
	errno = saved;
}

static int temporary_register(char *path)
{
	for (int i = 0; i < TEMPORARIES; i++) {
		char *none = NULL;

		if (atomic_compare_exchange_strong(&temporaries[i], &none, path))
			return i;
	}
	return -1;
}

/* The temporary is gone, or has become the target. */
static void temporary_forget(struct writer *w)
{
	if (w->temporary && (w->slot < 0 || atomic_exchange(&temporaries[w->slot], NULL)))
		free(w->temporary);
	w->temporary = NULL;
}

/* What cannot be written is a matter of the disk, whatever the reason. */
static int write_error(const struct writer *w, struct error *err)
{
	return error_errno(err, ERR_RESOURCE, "cannot write %s", w->name);
}

/* The descriptor that path is another name of, or -1. */
static int descriptor_named(const char *path)
{
	static const char *const prefixes[] = { "/dev/fd/", "/proc/self/fd/" };

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);
		int fd = 0;

		if (strncmp(path, prefixes[i], n))
			continue;
		path += n;
		n = strspn(path, "0123456789");
		if (!n || n > 6 || path[n])
			return -1;
		for (; *path; path++)
			fd = fd * 10 + (*path - '0');
		return fd;
	}
	return -1;
}

/* Directory part of path with its slash, of length *n; 0: the current directory. */
static size_t directory_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* What path is when symbolic links of its last component are followed, whether or not it exists; malloc'ed. */
static char *follow_links(const char *path, struct error *err)
{
	char *now = strdup(path);

	for (int i = 0; now; i++) {
		char to[4096];
		ssize_t n = readlink(now, to, sizeof(to) - 1);

		if (n < 0)
			return now; /* no link, or not there */
		if (i == LINKS_MAX) {
			free(now);
			errno = ELOOP;
			error_errno(err, ERR_RESOURCE, "cannot write %s", path);
			return NULL;
		}
		to[n] = '\0';

		size_t dir = to[0] == '/' ? 0 : directory_length(now);
		char *next = malloc(dir + (size_t)n + 1);
		if (next) {
			memcpy(next, now, dir);
			memcpy(next + dir, to, (size_t)n + 1);
		}
		free(now);
		now = next;
	}
	error_memory(err, strlen(path));
	return NULL;
}

static void random_name(char name[7])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz012345";
	static atomic_uint calls;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	uint64_t x = (uint64_t)t.tv_nsec ^ (uint64_t)getpid() << 32 ^ (uint64_t)t.tv_sec << 20;
	x += atomic_fetch_add(&calls, 1) * UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 31;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 29;
	for (int i = 0; i < 6; i++, x >>= 5)
		name[i] = digits[x & 31];
	name[6] = '\0';
}

/* Create the temporary beside w->target.  mode: that of an existing target, or -1. */
static int create_temporary(struct writer *w, int mode, struct error *err)
{
	size_t dir = directory_length(w->target);
	const char *base = w->target + dir;
	size_t room = dir + BASE_MAX + sizeof("..tmp-XXXXXX");
	char random[7];

	if (!(w->temporary = malloc(room)))
		return error_memory(err, room);
	for (int tries = 0; tries < 100; tries++) {
		random_name(random);
		snprintf(w->temporary, room, "%.*s.%.*s.tmp-%s", (int)dir, w->target, BASE_MAX, base, random);
		w->fd = open(w->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode < 0 ? 0666 : 0600);
		if (w->fd >= 0 || (errno != EEXIST && errno != EINTR))
			break;
	}
	if (w->fd < 0) {
		error_errno(err, ERR_RESOURCE, "cannot create %s", w->name);
		free(w->temporary);
		w->temporary = NULL;
		return -1;
	}
	w->slot = temporary_register(w->temporary);
	if (mode >= 0)
		(void)fchmod(w->fd, (mode_t)mode);
	w->seekable = true;
	return 0;
}

static int open_path(struct writer *w, const char *path, struct error *err)
{
	int fd = descriptor_named(path);
	struct stat st;

	if (fd >= 0) {
		w->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		return w->fd < 0 ? write_error(w, err) : 0;
	}

	size_t n = strlen(path);
	if (!n || path[n - 1] == '/') {
		errno = n ? EISDIR : ENOENT;
		return error_errno(err, ERR_RESOURCE, "cannot write %s", n ? path : "''");
	}
	if (!(w->target = follow_links(path, err)))
		return -1;
	if (stat(w->target, &st))
		return errno == ENOENT ? create_temporary(w, -1, err) : write_error(w, err);
	if (S_ISREG(st.st_mode)) {
		/* Renaming over it would succeed; but who took the right to write away meant something. */
		if (access(w->target, W_OK))
			return write_error(w, err);
		return create_temporary(w, st.st_mode & 0777, err);
	}
	do
		w->fd = open(w->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	while (w->fd < 0 && errno == EINTR);
	return w->fd < 0 ? write_error(w, err) : 0;
}

/* Keep the numbers of closed standard streams free. */
static int move_descriptor(struct writer *w, struct error *err)
{
	if (w->fd > STDERR_FILENO)
		return 0;

	int fd = fcntl(w->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int saved = errno;
	close(w->fd);
	w->fd = fd;
	errno = saved;
	return fd < 0 ? write_error(w, err) : 0;
}

static const struct format *choose_format(const char *path, const struct format_options *opt, struct error *err)
{
	const struct format *format = opt->format;

	if (!format && path && descriptor_named(path) < 0) {
		const char *base = path + directory_length(path);
		const char *dot = strrchr(base, '.');

		format = format_for_path(path);
		if (!format && dot && dot != base) {
			char list[512] = "";

			for (int i = 0; formats[i]; i++) {
				size_t n = strlen(list);

				if (formats[i]->writer && n < sizeof(list))
					snprintf(list + n, sizeof(list) - n, " %s", formats[i]->suffixes);
			}
			error_set(err, ERR_USAGE,
				  "%s: no format has the suffix '%s'; there are%s, or choose one with --to", path, dot,
				  list);
			return NULL;
		}
	}
	if (!format)
		format = format_find("npy");
	if (!format->writer) {
		error_set(err, ERR_USAGE, format->unwritable ? "%s: %s" : "%s: %s cannot be written",
			  path ? path : "standard output", format->unwritable ? format->unwritable : format->name);
		return NULL;
	}
	return format;
}

static void writer_free(struct writer *w)
{
	if (w->format->writer->release)
		w->format->writer->release(w);
	else
		free(w->state);
	temporary_forget(w);
	free(w->name);
	free(w->target);
	free(w->buffer);
	if (w->fresh)
		munmap(w->fresh, FRESH);
	free(w);
}

int writer_open(struct writer **out, const char *path, const struct format_options *opt, struct error *err)
{
	const struct format *format = choose_format(path, opt, err);
	struct writer *w;

	if (!format)
		return -1;
	if (!(w = calloc(1, sizeof(*w))))
		return error_memory(err, sizeof(*w));
	w->format = format;
	w->opt = *opt;
	w->fd = -1;
	w->slot = -1;
	w->name = strdup(path && strcmp(path, "-") ? path : "standard output");
	w->buffer = malloc(BUFFER);
	if (!w->name || !w->buffer) {
		writer_free(w);
		return error_memory(err, BUFFER);
	}
	if (!path || !strcmp(path, "-"))
		w->fd = STDOUT_FILENO;
	else if (open_path(w, path, err) || move_descriptor(w, err)) {
		writer_abort(w);
		return -1;
	}
	*out = w;
	return 0;
}

const struct format *writer_format(const struct writer *w)
{
	return w->format;
}

bool writer_random(const struct writer *w)
{
	return w->seekable && w->format->writer->random;
}

/* Before an array of nbytes goes to what may be a pipe: fewer switches between the commands, fewer copies. */
static void prepare_pipe(struct writer *w, int64_t nbytes)
{
	int size = nbytes < PIPE_FROM || w->seekable ? -1 : fcntl(w->fd, F_GETPIPE_SZ);

	w->splices = size > 0 && nbytes >= SPLICE_FROM;
	if (size > 0 && size < PIPE_SIZE)
		(void)fcntl(w->fd, F_SETPIPE_SZ, PIPE_SIZE);
}

int writer_arrange(struct writer *w, int n, const struct planned *arrays, int *order, struct error *err)
{
	w->arranged = true;
	if (w->format->writer->arrange)
		return w->format->writer->arrange(w, n, arrays, order, err);
	for (int i = 0; i < n; i++)
		order[i] = i;
	return 0;
}

int writer_begin(struct writer *w, const char *name, enum dtype dtype, const struct shape *shape, bool fortran,
		 struct error *err)
{
	if (w->narrays && !w->format->archive && !w->format->several)
		return error_set(err, ERR_USAGE, "%s: a file of format %s holds one array only", w->name,
				 w->format->name);
	w->dtype = dtype;
	w->shape = *shape;
	w->size = shape_size(shape);
	w->fortran = fortran;
	w->written = 0;
	if (w->size < 0 || w->size > INT64_MAX / (int64_t)dtype_size(dtype))
		return error_memory(err, 0);
	prepare_pipe(w, w->size * (int64_t)dtype_size(dtype));
	if (!w->arranged) {
		struct planned one = { name ? name : "arr_0", dtype, shape };
		int order;

		if (writer_arrange(w, 1, &one, &order, err))
			return -1;
	}
	return w->format->writer->begin(w, name, err);
}

int writer_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	if (!n)
		return 0;
	if (!writer_random(w)) {
		if (start != w->written)
			return error_set(err, ERR_VALUE,
					 "%s: element %" PRId64 " was written where %" PRId64 " was expected", w->name,
					 start, w->written);
		w->written += n;
	}
	return w->format->writer->write(w, elements, start, n, err);
}

int writer_end(struct writer *w, struct error *err)
{
	if (!writer_random(w) && w->written != w->size)
		return error_set(err, ERR_VALUE, "%s: %" PRId64 " elements were written, %" PRId64 " expected", w->name,
				 w->written, w->size);
	if (w->format->writer->end(w, err))
		return -1;
	w->narrays++;
	return 0;
}

/* A block whose pages nobody else has: a new one, or the old one without its pages.  NULL: there is none. */
static unsigned char *fresh_block(struct writer *w)
{
	w->given = 0;
	if (w->fresh && !madvise(w->fresh, FRESH, MADV_DONTNEED))
		return w->fresh;
	if (w->fresh)
		munmap(w->fresh, FRESH);
	w->fresh = NULL;

	unsigned char *p = mmap(NULL, 2 * FRESH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;

	/* Only what starts where a huge page can start. */
	size_t head = (FRESH - (uintptr_t)p % FRESH) % FRESH;
	if (head)
		munmap(p, head);
	munmap(p + head + FRESH, FRESH - head);
	w->fresh = p + head;
	madvise(w->fresh, FRESH, MADV_HUGEPAGE);
	return w->fresh;
}

static long page_faults(void)
{
	struct rusage r;

	return getrusage(RUSAGE_THREAD, &r) ? 0 : r.ru_minflt;
}

/*
 * Hand bytes to a pipe as pages.  They may be read much later, or be moved on into other pipes, which nobody is told of; so
 * a byte that was handed over is never written to again, and its page is given up when the block is used up.  That is
 * faster than a copy by the kernel if the block is a huge page, and much slower where it has to be made of small ones:
 * then, and where the system refuses, it is left at that.  The number of bytes that the pipe took; write does the rest.
 */
static size_t give_pages(struct writer *w, const char *p, size_t n)
{
	size_t taken = 0;

	while (w->splices && taken < n) {
		unsigned char *block = w->fresh && w->given < FRESH ? w->fresh : fresh_block(w);
		size_t room = FRESH - w->given, k = n - taken < room ? n - taken : room;
		long faults = page_faults();

		if (!block) {
			w->splices = false;
			break;
		}
		memcpy(block + w->given, p + taken, k);
		if (page_faults() - faults > (long)(k / PAGE / 2 + 2))
			w->splices = false;

		struct iovec part = { block + w->given, k };
		w->given += (k + PAGE - 1) / PAGE * PAGE;
		while (part.iov_len) {
			ssize_t got = vmsplice(w->fd, &part, 1, 0);

			if (got < 0 && errno != EINTR) {
				w->splices = false;
				return taken;
			}
			if (got > 0) {
				part.iov_base = (char *)part.iov_base + got;
				part.iov_len -= (size_t)got;
				taken += (size_t)got;
			}
		}
	}
	return taken;
}

/* All of it: by pwrite at offset, or by write where offset is -1. */
static int put(struct writer *w, const void *buf, size_t n, int64_t offset, struct error *err)
{
	const char *p = buf;

	if (w->splices && offset < 0 && n >= SPLICE_LEAST) {
		size_t k = give_pages(w, p, n);

		p += k;
		n -= k;
	}
	while (n) {
		ssize_t k = offset < 0 ? write(w->fd, p, n) : pwrite(w->fd, p, n, (off_t)offset);

		if (k < 0 && errno != EINTR)
			return write_error(w, err);
		if (k > 0) {
			p += k;
			n -= (size_t)k;
			offset += offset < 0 ? 0 : k;
		}
	}
	return 0;
}

int output_flush(struct writer *w, struct error *err)
{
	size_t n = w->buffered;

	w->buffered = 0;
	/* By offset where possible: output_pwrite does not move the position of the file. */
	return put(w, w->buffer, n, w->seekable ? w->position - (int64_t)n : -1, err);
}

int output_write(struct writer *w, const void *buf, size_t n, struct error *err)
{
	if (n >= BUFFER - w->buffered) {
		if (output_flush(w, err))
			return -1;
		if (n >= BUFFER) {
			if (put(w, buf, n, w->seekable ? w->position : -1, err))
				return -1;
			w->position += (int64_t)n;
			return 0;
		}
	}
	if (n)
		memcpy(w->buffer + w->buffered, buf, n);
	w->buffered += n;
	w->position += (int64_t)n;
	return 0;
}

int output_zeros(struct writer *w, int64_t n, struct error *err)
{
	static const char zeros[4096];

	while (n > 0) {
		size_t k = n < (int64_t)sizeof(zeros) ? (size_t)n : sizeof(zeros);

		if (output_write(w, zeros, k, err))
			return -1;
		n -= (int64_t)k;
	}
	return 0;
}

int output_skip(struct writer *w, int64_t n, struct error *err)
{
	if (output_flush(w, err))
		return -1;
	w->position += n;
	return 0;
}

int output_pwrite(struct writer *w, const void *buf, size_t n, int64_t offset, struct error *err)
{
	return put(w, buf, n, offset, err);
}

/* Close the descriptor: some file systems report a full disk only now. */
static int close_output(struct writer *w, struct error *err)
{
	int fd = w->fd;

	w->fd = -1;
	if (fd < 0 || fd == STDOUT_FILENO)
		return 0;
	return close(fd) && errno != EINTR ? write_error(w, err) : 0;
}

void writer_tag(struct writer *w, const char *tag)
{
	snprintf(w->tag, sizeof(w->tag), "%s", tag);
}

int writer_finish(struct writer *w, struct error *err)
{
	const struct format_writer *fw = w->format->writer;

	if (w->finished)
		return 0;
	if ((fw->finish && fw->finish(w, err)) || output_flush(w, err))
		return -1;
	w->finished = true;
	return 0;
}

bool writer_facts(const struct writer *w, struct file_facts *facts)
{
	struct stat st;

	if (w->fd < 0 || fstat(w->fd, &st) || !S_ISREG(st.st_mode))
		return false;
	*facts = (struct file_facts){ st.st_size, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
				      (int64_t)st.st_dev, (int64_t)st.st_ino };
	return true;
}

int writer_commit(struct writer *w, struct error *err)
{
	if (writer_finish(w, err) || close_output(w, err)) {
		writer_abort(w);
		return -1;
	}
	if (w->temporary && rename(w->temporary, w->target)) {
		write_error(w, err);
		writer_abort(w);
		return -1;
	}
	writer_free(w);
	return 0;
}

void writer_abort(struct writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0 && w->fd != STDOUT_FILENO)
		close(w->fd);
	if (w->temporary)
		unlink(w->temporary);
	writer_free(w);
}
