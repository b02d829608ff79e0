/*
 * Bytes being read.  Regular files are read with pread and stay random access; everything else is a stream, of which no
 * more is taken than was asked for, so that another reader of the same pipe finds the rest.
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "formats/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PEEK_MAX = 64 << 10,
	FILE_AHEAD = 4 << 10, /* read at least so much of a file when looking at its start: one call for a header */
	PIPE_SIZE = 1 << 20,
	STAT_BLOCK = 512,     /* what st_blocks counts */
	HOLE_FROM = 16 << 10, /* bytes that are worth asking whether they are a hole */
	BLOCK = 1 << 20,
	SPOOL_MEMORY = 64 << 20, /* larger than this goes to a file */
};

enum input_kind { INPUT_FILE, INPUT_STREAM, INPUT_MEMORY };

struct input_source {
	struct source base;
	struct input *in; /* owned reference; NULL for a stream's once the input moved on */
	int64_t start;	  /* absolute offset in the file */
	int64_t done;	  /* stream: bytes read so far */
};

struct input {
	atomic_int refs;
	enum input_kind kind;
	char *name;
	int fd;	     /* -1: none */
	bool sparse; /* a file with holes, of which the descriptor is ours: its position is nobody's */
	bool standard;
	bool started; /* standard: something was read */
	uint64_t dev, ino;
	int64_t origin;	  /* file: offset of our byte 0 */
	int64_t size;	  /* file, memory: bytes from there to the end */
	int64_t position; /* next byte to consume; stream: bytes consumed */
	/* read ahead: bytes ahead[first .. first + count - 1] are the next ones */
	unsigned char *ahead;
	size_t first, count;
	/* memory */
	const unsigned char *data;
	void *owned; /* block of buffer_alloc, or NULL */
	/* stream: the source whose bytes come next, and how many of them were not read yet */
	struct input_source *active;
	int64_t owed;
};

/* fd 0 has one position and one read-ahead, whoever reads it: the one mutable global that cannot be avoided. */
static struct input *standard_input;

static struct input *input_new(enum input_kind kind, const char *name, struct error *err)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in || !(in->name = strdup(name))) {
		free(in);
		error_memory(err, sizeof(*in));
		return NULL;
	}
	in->refs = 1;
	in->kind = kind;
	in->fd = -1;
	return in;
}

struct input *input_ref(struct input *in)
{
	atomic_fetch_add(&in->refs, 1);
	return in;
}

void input_unref(struct input *in)
{
	if (!in || atomic_fetch_sub(&in->refs, 1) != 1)
		return;
	if (in->fd >= 0 && !in->standard)
		close(in->fd);
	buffer_free(in->owned, (size_t)in->size);
	free(in->ahead);
	free(in->name);
	free(in);
}

const char *input_name(const struct input *in)
{
	return in->name;
}

int64_t input_size(const struct input *in)
{
	return in->kind == INPUT_STREAM ? -1 : in->size;
}

bool input_shared(const struct input *in)
{
	return in->standard;
}

/* File or stream?  Files that claim no bytes (empty ones, and those of /proc) are read as streams. */
static int input_examine(struct input *in, struct error *err)
{
	struct stat st;

	if (fstat(in->fd, &st)) {
		if (in->standard && errno == EBADF)
			return error_set(err, ERR_FILE, "standard input is closed");
		return error_errno(err, ERR_FILE, "%s", in->name);
	}
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return error_errno(err, ERR_FILE, "%s", in->name);
	}
	in->dev = (uint64_t)st.st_dev;
	in->ino = (uint64_t)st.st_ino;
	in->kind = INPUT_STREAM;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;

	if (in->standard) {
		off_t at = lseek(in->fd, 0, SEEK_CUR);

		if (at < 0)
			return 0;
		in->origin = at;
	}
	in->kind = INPUT_FILE;
	in->size = st.st_size > in->origin ? st.st_size - in->origin : 0;
	in->sparse = !in->standard && (int64_t)st.st_blocks < st.st_size / (2 * STAT_BLOCK);
	return 0;
}

int input_open(struct input **out, const char *path, struct error *err)
{
	struct input *in = input_new(INPUT_FILE, path, err);

	if (!in)
		return -1;
	do
		in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	while (in->fd < 0 && errno == EINTR);

	/* Where a standard stream is closed, its number must not become that of a file. */
	if (in->fd >= 0 && in->fd <= STDERR_FILENO) {
		int fd = fcntl(in->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		int saved = errno;

		close(in->fd);
		in->fd = fd;
		errno = saved;
	}
	if (in->fd < 0) {
		error_errno(err, ERR_FILE, "%s", path);
		input_unref(in);
		return -1;
	}
	if (input_examine(in, err)) {
		input_unref(in);
		return -1;
	}
	*out = in;
	return 0;
}

/* Read up to n bytes of a stream; 0 at its end, -1 on an error. */
static ssize_t stream_read(struct input *in, void *buf, size_t n, struct error *err)
{
	for (;;) {
		ssize_t k = read(in->fd, buf, n);

		if (k >= 0)
			return k;
		if (errno != EINTR)
			return error_errno(err, ERR_FILE, "cannot read");
	}
}

/* Read n bytes at the absolute offset, fewer at the end. */
static int file_pread(struct input *in, void *buf, size_t n, int64_t offset, size_t *got, struct error *err)
{
	for (*got = 0; *got < n;) {
		ssize_t k = pread(in->fd, (char *)buf + *got, n - *got, (off_t)(offset + (int64_t)*got));

		if (k == 0)
			return 0;
		if (k < 0 && errno != EINTR)
			return error_errno(err, ERR_FILE, "cannot read");
		if (k > 0)
			*got += (size_t)k;
	}
	return 0;
}

static int input_reserve(struct input *in, struct error *err)
{
	if (!in->ahead && !(in->ahead = malloc(PEEK_MAX)))
		return error_memory(err, PEEK_MAX);
	if (in->first) {
		memmove(in->ahead, in->ahead + in->first, in->count);
		in->first = 0;
	}
	return 0;
}

const unsigned char *input_peek(struct input *in, size_t n, size_t *got, struct error *err)
{
	*got = 0;
	if (n > PEEK_MAX)
		n = PEEK_MAX;
	if (in->kind == INPUT_MEMORY) {
		int64_t left = in->size - in->position;

		*got = left < (int64_t)n ? (size_t)left : n;
		return *got ? in->data + in->position : (const unsigned char *)"";
	}
	if (in->count < n) {
		if (input_reserve(in, err))
			return NULL;
		if (in->kind == INPUT_FILE) {
			size_t want = (n < FILE_AHEAD ? FILE_AHEAD : n) - in->count;
			int64_t at = in->position + (int64_t)in->count;
			size_t more;

			if (in->size - at < (int64_t)want)
				want = (size_t)(in->size - at);
			if (file_pread(in, in->ahead + in->count, want, in->origin + at, &more, err))
				return NULL;
			in->count += more;
		}
		while (in->kind == INPUT_STREAM && in->count < n) {
			ssize_t k = stream_read(in, in->ahead + in->count, n - in->count, err);

			if (k < 0)
				return NULL;
			if (k == 0)
				break;
			in->count += (size_t)k;
		}
	}
	*got = in->count < n ? in->count : n;
	return in->ahead ? in->ahead + in->first : (const unsigned char *)"";
}

int input_read_some(struct input *in, void *buf, size_t n, size_t *got, struct error *err)
{
	unsigned char *to = buf;

	*got = 0;
	if (in->kind == INPUT_MEMORY) {
		int64_t left = in->size - in->position;

		*got = left < (int64_t)n ? (size_t)left : n;
		if (*got)
			memcpy(to, in->data + in->position, *got);
		in->position += (int64_t)*got;
		return 0;
	}
	if (in->count) {
		size_t k = in->count < n ? in->count : n;

		memcpy(to, in->ahead + in->first, k);
		in->first += k;
		in->count -= k;
		in->position += (int64_t)k;
		*got = k;
	}
	if (in->kind == INPUT_FILE && *got < n) {
		size_t want = n - *got, more;

		if (in->size - in->position < (int64_t)want)
			want = (size_t)(in->size - in->position);
		if (file_pread(in, to + *got, want, in->origin + in->position, &more, err))
			return -1;
		*got += more;
		in->position += (int64_t)more;
	}
	while (in->kind == INPUT_STREAM && *got < n) {
		ssize_t k = stream_read(in, to + *got, n - *got, err);

		if (k < 0)
			return -1;
		if (k == 0)
			break;
		*got += (size_t)k;
		in->position += k;
	}
	return 0;
}

int input_read(struct input *in, void *buf, size_t n, struct error *err)
{
	size_t got;

	if (input_read_some(in, buf, n, &got, err))
		return -1;
	if (got < n)
		return error_set(err, ERR_FILE, "ends after %zu bytes, %zu wanted", got, n);
	return 0;
}

int input_read_all(struct input *in, char **data, size_t *n, struct error *err)
{
	size_t room = in->kind == INPUT_STREAM ? PEEK_MAX : (size_t)(in->size - in->position);
	size_t have = 0;
	char *block = malloc(room + 1);

	if (!block)
		return error_memory(err, room + 1);
	for (;;) {
		size_t got;

		if (input_read_some(in, block + have, room - have, &got, err)) {
			free(block);
			return -1;
		}
		have += got;
		if (have < room || in->kind != INPUT_STREAM)
			break;
		if (room > SIZE_MAX / 2 - 1) {
			free(block);
			return error_memory(err, 0);
		}
		room *= 2;

		char *more = realloc(block, room + 1);
		if (!more) {
			free(block);
			return error_memory(err, room + 1);
		}
		block = more;
	}
	block[have] = '\0';
	*data = block;
	*n = have;
	return 0;
}

int input_pread(struct input *in, void *buf, size_t n, int64_t offset, struct error *err)
{
	size_t got = 0;

	if (in->kind == INPUT_STREAM)
		return error_set(err, ERR_FILE, "is a stream: it can only be read from start to end");
	if (offset < 0 || offset > in->size)
		offset = in->size;
	if ((int64_t)n > in->size - offset || n > (size_t)INT64_MAX)
		return error_set(err, ERR_FILE, "ends after %" PRId64 " bytes, %zu wanted", in->size - offset, n);
	if (in->kind == INPUT_MEMORY) {
		memcpy(buf, in->data + offset, n);
		return 0;
	}
	if (file_pread(in, buf, n, in->origin + offset, &got, err))
		return -1;
	if (got < n)
		return error_set(err, ERR_FILE, "ends after %zu bytes, %zu wanted", got, n);
	return 0;
}

int input_advance(struct input *in, int64_t offset, struct error *err)
{
	int64_t step = offset - in->position;

	if (in->kind == INPUT_STREAM)
		return error_set(err, ERR_FILE, "is a stream: it can only be read from start to end");
	if (step >= 0 && step <= (int64_t)in->count) {
		in->first += (size_t)step;
		in->count -= (size_t)step;
	} else {
		in->first = in->count = 0;
	}
	in->position = offset;
	/* Whoever shares the descriptor, such as the next command of a subshell, goes on behind it. */
	if (in->standard && in->kind == INPUT_FILE)
		lseek(in->fd, (off_t)(in->origin + offset), SEEK_SET);
	return 0;
}

int input_memory(struct input **out, void *data, size_t n, const char *name, struct error *err)
{
	struct input *in = input_new(INPUT_MEMORY, name, err);

	if (!in) {
		buffer_free(data, n);
		return -1;
	}
	in->data = in->owned = data;
	in->size = (int64_t)n;
	*out = in;
	return 0;
}

int input_borrow(struct input **out, const void *data, size_t n, const char *name, struct error *err)
{
	struct input *in = input_new(INPUT_MEMORY, name, err);

	if (!in)
		return -1;
	in->data = data;
	in->size = (int64_t)n;
	*out = in;
	return 0;
}

/* Skip what is left of the array before this one, which nobody wants any more. */
static int stream_settle(struct input *in, struct error *err)
{
	if (!in->owed)
		return 0;
	if (in->active)
		return error_set(err, ERR_FILE,
				 "the next array of standard input was asked for before the one before it was read");

	size_t room = in->owed < BLOCK ? (size_t)in->owed : BLOCK;
	char *block = malloc(room);
	if (!block)
		return error_memory(err, room);
	while (in->owed) {
		size_t n = in->owed < (int64_t)room ? (size_t)in->owed : room;

		if (input_read(in, block, n, err)) {
			error_prefix(err, in->name);
			free(block);
			return -1;
		}
		in->owed -= (int64_t)n;
	}
	free(block);
	return 0;
}

/* Get hold of standard input, between two arrays. */
static int standard_prepare(struct error *err)
{
	if (!standard_input) {
		struct input *in = input_new(INPUT_STREAM, "standard input", err);

		if (!in)
			return -1;
		in->fd = STDIN_FILENO;
		in->standard = true;
		if (input_examine(in, err)) {
			input_unref(in);
			return -1;
		}
		standard_input = in;
	}
	if (standard_input->kind == INPUT_STREAM)
		return stream_settle(standard_input, err);
	return 0;
}

int input_stdin(struct input **out, struct error *err)
{
	if (standard_prepare(err))
		return -1;

	struct input *in = standard_input;
	size_t got;
	if (!input_peek(in, 1, &got, err)) {
		error_prefix(err, in->name);
		return -1;
	}
	if (!got && in->started)
		return error_set(err, ERR_FILE, "standard input ends, and another array was expected from it");
	if (!got)
		return error_set(err, ERR_FILE, "standard input is empty: the command before the pipe wrote nothing");
	in->started = true;
	if (in->kind == INPUT_FILE) {
		in->origin += in->position;
		in->size -= in->position;
		in->position = 0;
	}
	*out = input_ref(in);
	return 0;
}

int file_stdin_more(struct error *err)
{
	size_t got;

	if (standard_prepare(err))
		return -1;
	if (!input_peek(standard_input, 1, &got, err)) {
		error_prefix(err, standard_input->name);
		return -1;
	}
	return got > 0;
}

/* A nameless file for what does not fit into memory well. */
static int spool_file(struct error *err)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";

	size_t room = strlen(dir) + sizeof("/tensor-XXXXXX");
	if (!(path = malloc(room)))
		return error_memory(err, room);
	snprintf(path, room, "%s/tensor-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		error_errno(err, ERR_RESOURCE, "cannot create a temporary file in %s", dir);
	else
		unlink(path);
	free(path);
	return fd;
}

static int write_all(int fd, const char *p, size_t n, struct error *err)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno != EINTR)
			return error_errno(err, ERR_RESOURCE, "cannot write the temporary copy");
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

/* have bytes in block are the start of the stream; the rest follows them into a file. */
static int spool_rest(struct input **out, struct input *in, char *block, size_t have, struct error *err)
{
	int64_t size = (int64_t)have;
	int fd = spool_file(err);

	if (fd < 0)
		return -1;
	for (size_t got = have; got; size += (int64_t)got) {
		if (write_all(fd, block, got, err) || input_read_some(in, block, BLOCK, &got, err)) {
			close(fd);
			return -1;
		}
	}

	struct input *copy = input_new(INPUT_FILE, in->name, err);
	if (!copy) {
		close(fd);
		return -1;
	}
	copy->fd = fd;
	copy->size = size;
	*out = copy;
	return 0;
}

static int spool_stream(struct input **out, struct input *in, struct error *err)
{
	size_t room = BLOCK, have = 0;
	char *block = buffer_alloc(room, err);

	while (block) {
		size_t got;

		if (input_read_some(in, block + have, room - have, &got, err))
			break;
		have += got;
		if (have < room) {
			/* The block is freed by the size it was made with. */
			char *fit = buffer_alloc(have, err);

			if (!fit)
				break;
			memcpy(fit, block, have);
			buffer_free(block, room);
			return input_memory(out, fit, have, in->name, err);
		}
		if (room >= SPOOL_MEMORY) {
			int ret = spool_rest(out, in, block, have, err);

			buffer_free(block, room);
			return ret;
		}

		char *more = buffer_alloc(2 * room, err);
		if (!more)
			break;
		memcpy(more, block, have);
		buffer_free(block, room);
		block = more;
		room *= 2;
	}
	buffer_free(block, room);
	return -1;
}

int input_spool(struct input **out, struct input *in, struct error *err)
{
	if (in->kind == INPUT_STREAM)
		return spool_stream(out, in, err);
	if (!in->standard) {
		*out = input_ref(in);
		return 0;
	}

	/* Offsets in standard input move on with its next array; the copy's stay. */
	struct input *copy = input_new(INPUT_FILE, in->name, err);
	if (!copy)
		return -1;
	copy->fd = fcntl(in->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (copy->fd < 0) {
		error_errno(err, ERR_RESOURCE, "cannot duplicate the descriptor");
		input_unref(copy);
		return -1;
	}
	copy->dev = in->dev;
	copy->ino = in->ino;
	copy->origin = in->origin + in->position;
	copy->size = in->size - in->position;
	*out = copy;
	return input_advance(in, in->size, err);
}

static int source_short(struct error *err, int64_t have, int64_t want)
{
	return error_set(err, ERR_FILE, "ends after %" PRId64 " bytes of data, %" PRId64 " expected", have, want);
}

/* Is there nothing but a hole?  Reading one makes pages of zeros, at a fraction of the speed of memory. */
static bool in_hole(const struct input *in, int64_t offset, size_t n)
{
	off_t data = lseek(in->fd, (off_t)offset, SEEK_DATA), end = (off_t)(offset + (int64_t)n);
	struct stat st;

	if (data >= 0)
		return data >= end;
	/* No data from there on, unless the file is shorter than it was. */
	return errno == ENXIO && !fstat(in->fd, &st) && st.st_size >= end;
}

static int file_source_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	struct input_source *s = (struct input_source *)src;
	size_t got;

	if (s->in->sparse && n >= HOLE_FROM && (int64_t)n <= src->nbytes - offset &&
	    in_hole(s->in, s->start + offset, n)) {
		memset(buf, 0, n);
		return 0;
	}
	if (file_pread(s->in, buf, n, s->start + offset, &got, err))
		return -1;
	return got < n ? source_short(err, offset + (int64_t)got, src->nbytes) : 0;
}

static int stream_source_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	struct input_source *s = (struct input_source *)src;
	size_t got;

	if (offset != s->done)
		return error_set(err, ERR_FILE, "is a stream: byte %" PRId64 " was asked for after byte %" PRId64,
				 offset, s->done);
	if (input_read_some(s->in, buf, n, &got, err))
		return -1;
	s->done += (int64_t)got;
	s->in->owed -= (int64_t)got;
	if (s->done == src->nbytes)
		s->in->active = NULL;
	return got < n ? source_short(err, s->done, src->nbytes) : 0;
}

static void input_source_close(struct source *src)
{
	struct input_source *s = (struct input_source *)src;

	if (s->in->active == s)
		s->in->active = NULL;
	input_unref(s->in);
	free(src->name);
	free(s);
}

static const struct source_ops file_source_ops = { file_source_read, input_source_close };
static const struct source_ops stream_source_ops = { stream_source_read, input_source_close };

struct source *input_source(struct input *in, int64_t offset, int64_t nbytes, struct error *err)
{
	struct input_source *s;

	if (in->kind != INPUT_STREAM && (offset < 0 || offset > in->size || nbytes > in->size - offset)) {
		source_short(err, offset > in->size ? 0 : in->size - offset, nbytes);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s || !(s->base.name = strdup(in->name))) {
		free(s);
		error_memory(err, sizeof(*s));
		return NULL;
	}
	s->base.refs = 1;
	s->base.nbytes = nbytes;
	s->base.ops = &file_source_ops;
	s->in = input_ref(in);
	if (in->kind == INPUT_MEMORY) {
		s->base.data = in->data + offset;
		return &s->base;
	}
	s->base.dev = in->dev;
	s->base.ino = in->ino;
	s->start = in->origin + offset;
	if (in->kind == INPUT_STREAM) {
		s->base.ops = &stream_source_ops;
		s->base.sequential = true;
		in->owed = nbytes;
		if (nbytes)
			in->active = s;
		/* As large as an unprivileged process may: fewer switches between the commands of a pipe. */
		if (nbytes > PEEK_MAX && fcntl(in->fd, F_GETPIPE_SZ) < PIPE_SIZE)
			(void)fcntl(in->fd, F_SETPIPE_SZ, PIPE_SIZE);
	}
	return &s->base;
}

bool source_in_file(const struct source *src, int64_t *start)
{
	if (!src || src->ops != &file_source_ops || src->data)
		return false;
	*start = ((const struct input_source *)src)->start;
	return true;
}

const char *source_path(const struct source *src)
{
	return ((const struct input_source *)src)->in->name;
}
