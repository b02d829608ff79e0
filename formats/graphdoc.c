/*
 * The file of a graph document.  A line a node, ids ascending, so a node is found by bisection.  The newest line of a key (a path, or
 * "#17" for what amends node 17) is found in a binary trie over the hashes of keys that lives in the lines themselves: a line with a key has
 * idx, where idx[d] is the newest line whose hash agrees with its own in the first d bits and differs in the next; a line without one
 * has last, the newest that has.  Appending copies the path of one key, log n numbers; nothing that is written changes.
 */
#define _GNU_SOURCE /* realpath */
#include "formats/graphdoc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/graphdoc_json.h"
#include "lib/hash.h"

struct entry {
	struct gnode n;
	struct gline line;
};

struct retired {
	struct entry **cache;
	int room;
	struct retired *next;
};

struct graphdoc {
	char *path, *directory; /* of the file; absolute, links resolved */
	int fd;
	dev_t dev;
	ino_t ino;
	bool locked, rewrite; /* the layout is not ours: the next append writes all of it */
	char id[17];
	struct text first; /* its first line, with keys that are not known */
	/* what is read: mapped, or, of another layout, made */
	char *text;
	size_t size, mapped; /* mapped: 0 if text is allocated */
	size_t head, tail;   /* lines are text[head .. tail), tail behind the last newline or brace of a whole line */
	char *warning;
	/* nodes that were parsed: open addressing by id */
	struct entry **cache;
	struct retired *retired; /* entries of files that prune has replaced: who has found a node may hold it */
	int ncache, room;
};

static const char closing[] = "\n]}\n";
enum { CLOSING = sizeof(closing) - 1 };

const char *graphdoc_path(const struct graphdoc *d)
{
	return d->path;
}

const char *graphdoc_id(const struct graphdoc *d)
{
	return d->id;
}

const char *graphdoc_warning(const struct graphdoc *d)
{
	return d->warning;
}

bool gnode_is_leaf(const struct gnode *n)
{
	return n->nin == 0 || (n->cut && !n->pass && (n->requires_grad || n->alias >= 0));
}

static int named(struct graphdoc *d, struct error *err)
{
	error_prefix(err, d->path);
	return -1;
}

static void forget(struct graphdoc *d)
{
	if (d->mapped)
		munmap(d->text, d->mapped);
	else
		free(d->text);
	d->text = NULL;
	d->size = d->mapped = d->head = d->tail = 0;
}

/* == lines == */

/* The id of the line at text[at]; -1 if it is none of ours.  Ids are those that a double holds, as other programs read them. */
static int64_t line_id(const struct graphdoc *d, size_t at)
{
	static const char start[] = "{\"id\":";
	size_t k = sizeof(start) - 1;
	int64_t id = 0;

	if (at + k >= d->tail || memcmp(d->text + at, start, k))
		return -1;
	if (d->text[at + k] < '0' || d->text[at + k] > '9')
		return -1;
	for (size_t i = at + k; i < d->tail && d->text[i] >= '0' && d->text[i] <= '9'; i++)
		if (__builtin_mul_overflow(id, 10, &id) || __builtin_add_overflow(id, d->text[i] - '0', &id))
			return -1;
	return id <= (int64_t)1 << 53 ? id : -1;
}

static size_t line_start(const struct graphdoc *d, size_t at)
{
	while (at > d->head && d->text[at - 1] != '\n')
		at--;
	return at;
}

/* Without the comma or newline at its end. */
static size_t line_length(const struct graphdoc *d, size_t at)
{
	const char *end = memchr(d->text + at, '\n', d->tail - at);
	size_t n = end ? (size_t)(end - (d->text + at)) : d->tail - at;

	return n && d->text[at + n - 1] == ',' ? n - 1 : n;
}

/* Where line id is: 1 found, 0 not there. */
static bool find_line(const struct graphdoc *d, int64_t id, size_t *at)
{
	size_t low = d->head, high = d->tail;

	while (low < high) {
		size_t mid = line_start(d, low + (high - low) / 2);
		int64_t found = line_id(d, mid);

		if (found == id) {
			*at = mid;
			return true;
		}
		if (found < id)
			low = mid + line_length(d, mid) + 1;
		else
			high = mid;
		while (low < d->tail && (d->text[low] == '\n' || d->text[low] == ','))
			low++;
	}
	return false;
}

static int64_t last_id(const struct graphdoc *d)
{
	return d->tail > d->head ? line_id(d, line_start(d, d->tail - 1)) : -1;
}

int64_t graphdoc_next(const struct graphdoc *d)
{
	return last_id(d) + 1;
}

/* Do the numbers ascend around the line of id at text[at]?  Bisection may miss others that are out of order. */
static bool in_order(const struct graphdoc *d, size_t at, int64_t id)
{
	size_t next = at + line_length(d, at) + 2;

	return (at <= d->head || line_id(d, line_start(d, at - 1)) < id) &&
	       (next >= d->tail ? id == last_id(d) : line_id(d, next) > id) &&
	       (id != last_id(d) || at == line_start(d, d->tail - 1));
}

static struct entry **slot(struct graphdoc *d, int64_t id)
{
	size_t mask = (size_t)d->room - 1, i = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15U >> 20) & mask;

	while (d->cache[i] && d->cache[i]->n.id != id)
		i = (i + 1) & mask;
	return &d->cache[i];
}

static int grow(struct graphdoc *d, struct error *err)
{
	int old = d->room;
	struct entry **before = d->cache, **cache;

	if (2 * d->ncache < d->room)
		return 0;
	cache = calloc(old ? 2 * (size_t)old : 64, sizeof(struct entry *));
	if (!cache)
		return error_memory(err, (size_t)old * sizeof(struct entry *));
	d->cache = cache;
	d->room = old ? 2 * old : 64;
	for (int i = 0; i < old; i++)
		if (before[i])
			*slot(d, before[i]->n.id) = before[i];
	free(before);
	return 0;
}

static int get(struct graphdoc *d, int64_t id, struct entry **out, struct error *err)
{
	struct entry *e;
	size_t at;

	if (grow(d, err))
		return -1;
	e = *slot(d, id);
	if (!e) {
		if (id < 0 || !find_line(d, id, &at)) {
			error_set(err, ERR_FILE, "there is no node %" PRId64, id);
			return named(d, err);
		}
		if (!in_order(d, at, id)) {
			error_set(err, ERR_FILE, "the numbers of nodes do not ascend at node %" PRId64, id);
			return named(d, err);
		}
		e = calloc(1, sizeof(*e));
		if (!e)
			return error_memory(err, sizeof(*e));
		if (gnode_parse(&e->n, &e->line, d->text + at, line_length(d, at), err)) {
			gnode_release(&e->n);
			free(e);
			return named(d, err);
		}
		*slot(d, id) = e;
		d->ncache++;
	}
	*out = e;
	return 0;
}

/* == keys == */

/* What a line is found by: its path, or the node it amends. */
static const char *key_of(const struct gnode *n, char buf[32])
{
	if (!strcmp(n->op, "amend")) {
		snprintf(buf, 32, "#%" PRId64, n->in[0].id);
		return buf;
	}
	return n->out;
}

static uint64_t key_hash(const char *key)
{
	return bytes_hash(key, strlen(key));
}

static bool bit(uint64_t h, int d)
{
	return h >> (63 - d) & 1;
}

/* The newest line with a key, or -1. */
static int root(struct graphdoc *d, int64_t *id, struct error *err)
{
	struct entry *e;
	char buf[32];

	*id = last_id(d);
	if (*id < 0)
		return 0;
	if (get(d, *id, &e, err))
		return -1;
	if (!key_of(&e->n, buf))
		*id = e->line.last;
	return 0;
}

/*
 * The newest line with that key, or -1, from line at on, the newest with any key; line (may be NULL) gets the index that a new line with
 * it has.
 */
static int find_from(struct graphdoc *d, int64_t at, const char *key, int64_t *id, struct gline *line,
		     struct error *err)
{
	uint64_t h = key_hash(key);
	int depth = 0;

	if (line) {
		line->last = -1;
		line->nidx = 0;
	}
	while (at >= 0) {
		struct entry *e;
		char buf[32];
		const char *own;
		uint64_t other;

		if (get(d, at, &e, err))
			return -1;
		own = key_of(&e->n, buf);
		if (!own) {
			error_set(err, ERR_FILE, "node %" PRId64 ": the index is wrong", at);
			return named(d, err);
		}
		other = key_hash(own);
		for (; depth < 64 && bit(h, depth) == bit(other, depth); depth++)
			if (line)
				line->idx[line->nidx++] = depth < e->line.nidx ? e->line.idx[depth] : -1;
		if (depth == 64)
			break; /* equal hashes are taken for equal keys: 64 bits */
		if (line)
			line->idx[line->nidx++] = at;
		at = depth < e->line.nidx ? e->line.idx[depth] : -1;
		depth++;
	}
	while (line && line->nidx && line->idx[line->nidx - 1] < 0)
		line->nidx--;
	*id = at;
	return 0;
}

static int find_key(struct graphdoc *d, const char *key, int64_t *id, struct gline *line, struct error *err)
{
	int64_t at;

	return root(d, &at, err) || find_from(d, at, key, id, line, err) ? -1 : 0;
}

int graphdoc_amended(struct graphdoc *d, int64_t id, struct gfile *file, struct error *err)
{
	struct entry *e;
	char key[32];
	int64_t at;

	snprintf(key, sizeof(key), "#%" PRId64, id);
	if (find_key(d, key, &at, NULL, err))
		return -1;
	if (at >= 0 && !get(d, at, &e, err))
		*file = e->n.file;
	return 0;
}

int graphdoc_node(struct graphdoc *d, int64_t id, const struct gnode **out, struct error *err)
{
	struct entry *e;

	if (get(d, id, &e, err))
		return -1;
	if (!strcmp(e->n.op, "amend")) {
		error_set(err, ERR_FILE, "line %" PRId64 " is no node", id);
		return named(d, err);
	}
	if (e->n.out && !e->n.file.known && graphdoc_amended(d, id, &e->n.file, err))
		return -1;
	*out = &e->n;
	return 0;
}

int graphdoc_newest(struct graphdoc *d, const char *spelled, const struct gnode **out, struct error *err)
{
	int64_t id;

	if (find_key(d, spelled, &id, NULL, err))
		return -1;
	if (id < 0)
		return 0;
	return graphdoc_node(d, id, out, err) ? -1 : 1;
}

/* == reading == */

static void warn(struct graphdoc *d, const char *what, const char *text, size_t n)
{
	struct text t = TEXT_INIT;
	char buf[81];

	snprintf(buf, sizeof(buf), "%.*s", (int)(n < 80 ? n : 80), text);
	text_add(&t, what);
	text_escaped(&t, buf);
	free(d->warning);
	d->warning = t.s;
}

/* What stood between the last whole line and the end. */
static void repaired(struct graphdoc *d, size_t end)
{
	size_t from = d->tail;

	while (from < end && strchr(",\n ]}", d->text[from]))
		from++;
	if (from < end)
		warn(d, "was cut short and is repaired; lost: ", d->text + from, end - from);
	else
		warn(d, "was cut short and is repaired; nothing was lost", "", 0);
}

/* Printing a document of another layout line by line, with indices. */
struct rebuild {
	struct graphdoc *d;
	struct text t;
};

static int rebuild_node(void *arg, struct gnode *n, struct error *err)
{
	struct rebuild *r = arg;
	struct gline line = { .last = -1 };
	char buf[32];
	const char *key = key_of(n, buf);
	int64_t at;

	/* What is printed so far is the document, for looking up. */
	r->d->text = r->t.s;
	r->d->tail = r->d->size = r->t.len;
	if (key ? find_key(r->d, key, &at, &line, err) : root(r->d, &line.last, err))
		return -1;
	if (r->t.len > r->d->head)
		text_add(&r->t, ",\n");
	gnode_print(&r->t, n, &line);
	return r->t.failed ? error_memory(err, r->t.room) : 0;
}

static int rebuild(struct graphdoc *d, struct error *err)
{
	struct rebuild r = { .d = d, .t = TEXT_INIT };
	char *text = d->text;
	size_t size = d->size, mapped = d->mapped;
	int ret;

	d->mapped = 0;
	d->text = NULL;
	d->head = d->tail = 0;
	text_release(&d->first);
	ret = gdoc_each(text, size, d->id, &d->first, rebuild_node, &r, err);
	if (mapped)
		munmap(text, mapped);
	else
		free(text);
	d->text = r.t.s;
	d->tail = d->size = r.t.len;
	d->rewrite = true;
	return ret ? named(d, err) : 0;
}

/* Is a line whole and a node? */
static bool is_whole(const struct graphdoc *d, size_t at, size_t n)
{
	struct error ignored = ERROR_INIT;
	struct gnode node;
	struct gline line;
	bool whole;

	if (n && d->text[at + n - 1] == ',')
		n--;
	whole = !gnode_parse(&node, &line, d->text + at, n, &ignored);
	gnode_release(&node);
	return whole;
}

/* Find head and tail; a torn end is cut off. */
static int scan_ends(struct graphdoc *d, struct error *err)
{
	const char *end = memchr(d->text, '\n', d->size);
	size_t tail = d->size;

	if (!end || d->size < 20 || end == d->text || end[-1] != '[' ||
	    ghead_parse(d->text, (size_t)(end - d->text), d->id, err)) {
		struct error whole = ERROR_INIT;

		if (err->code && strstr(err->text, "version"))
			return named(d, err);
		if (rebuild(d, &whole)) {
			*err = whole;
			return -1;
		}
		*err = (struct error)ERROR_INIT;
		warn(d, "was laid out by another program and is laid out anew", "", 0);
		return 0;
	}
	d->head = (size_t)(end - d->text) + 1;
	text_release(&d->first);
	text_add_n(&d->first, d->text, d->head);
	if (d->first.failed)
		return error_memory(err, d->head);
	if (tail >= d->head - 1 + CLOSING && !memcmp(d->text + tail - CLOSING, closing, CLOSING)) {
		d->tail = tail - CLOSING;
		if (d->tail < d->head)
			d->tail = d->head;
		if (d->tail == d->head)
			return 0;
		size_t last = line_start(d, d->tail - 1);

		if (line_id(d, last) >= 0 && (memmem(d->text + last, d->tail - last, "\"idx\":[", 7) ||
					      memmem(d->text + last, d->tail - last, "\"last\":", 7)))
			return 0;
		/* whole, but without an index: another program wrote it */
		d->tail = tail;
		if (line_id(d, last) >= 0)
			return rebuild(d, err);
	}
	/* Perhaps another program wrote it otherwise, as one document. */
	d->tail = tail;
	if (d->tail > d->head && line_id(d, d->head) < 0 && d->text[d->head] != ']')
		return rebuild(d, err);
	for (size_t at = tail; at > d->head;) {
		size_t start = line_start(d, at - 1);

		if (is_whole(d, start, at - start - (d->text[at - 1] == '\n'))) {
			size_t n = at - start;

			while (n && strchr(",\n", d->text[start + n - 1]))
				n--;
			d->tail = start + n;
			repaired(d, tail);
			return 0;
		}
		at = start;
	}
	d->tail = d->head;
	repaired(d, tail);
	return 0;
}

static void free_entries(struct entry **cache, int room)
{
	for (int i = 0; i < room; i++)
		if (cache[i]) {
			gnode_release(&cache[i]->n);
			free(cache[i]);
		}
	free(cache);
}

/* Where prune has put another file in the place of this one, the lines that entries were read from may be gone. */
static int retire(struct graphdoc *d, struct error *err)
{
	struct retired *r = malloc(sizeof(*r));

	if (!r)
		return error_memory(err, sizeof(*r));
	*r = (struct retired){ d->cache, d->room, d->retired };
	d->retired = r;
	d->cache = NULL;
	d->ncache = d->room = 0;
	return 0;
}

static int load(struct graphdoc *d, struct error *err)
{
	struct stat st;

	if (fstat(d->fd, &st))
		return error_errno(err, ERR_FILE, "%s", d->path);
	if (d->cache && (d->dev != st.st_dev || d->ino != st.st_ino) && retire(d, err))
		return -1;
	forget(d);
	d->rewrite = false;
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_FILE, "%s: is no file", d->path);
	if (!st.st_size)
		return error_set(err, ERR_FILE, "%s: the file is empty", d->path);
	d->text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, d->fd, 0);
	if (d->text == MAP_FAILED) {
		d->text = NULL;
		return error_errno(err, ERR_FILE, "%s", d->path);
	}
	d->size = d->mapped = (size_t)st.st_size;
	return scan_ends(d, err);
}

/* Open the file that the path names now. */
static int reopen(struct graphdoc *d, bool create, struct error *err)
{
	int fd = open(d->path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0666);

	if (fd < 0 && (errno == EACCES || errno == EROFS) && !create)
		fd = open(d->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, create ? ERR_RESOURCE : ERR_FILE, "%s", d->path);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = fd;
	return 0;
}

/* Hold the lock of the file that has the name. */
static int take_lock(struct graphdoc *d, int how, struct error *err)
{
	for (;;) {
		struct stat mine, now;

		while (flock(d->fd, how))
			if (errno != EINTR)
				return error_errno(err, ERR_RESOURCE, "%s", d->path);
		if (!fstat(d->fd, &mine) && !stat(d->path, &now) && mine.st_ino == now.st_ino &&
		    mine.st_dev == now.st_dev)
			return 0;
		/* prune has put another in its place */
		if (reopen(d, false, err))
			return -1;
	}
}

static int put(struct graphdoc *d, const char *s, size_t n, off_t at, struct error *err)
{
	while (n) {
		ssize_t k = pwrite(d->fd, s, n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return error_errno(err, ERR_RESOURCE, "%s", d->path);
		s += k;
		n -= (size_t)k;
		at += k;
	}
	return 0;
}

/* A new document; the caller holds the lock of the empty file. */
static int found(struct graphdoc *d, struct error *err)
{
	uint32_t id;
	char head[160];
	int n;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return error_errno(err, ERR_RESOURCE, "random numbers");
	n = snprintf(head, sizeof(head),
		     "{\"tensor_graph\": [1,0], \"id\": \"%08" PRIx32 "\", \"ops\": 1, \"base\": \".\", \"nodes\": [%s",
		     id, closing);
	return put(d, head, (size_t)n, 0, err);
}

int graphdoc_refresh(struct graphdoc *d, struct error *err)
{
	int ret;

	if (d->locked)
		return 0;
	if (take_lock(d, LOCK_SH, err))
		return -1;
	ret = load(d, err);
	flock(d->fd, LOCK_UN);
	return ret;
}

static int find_directory(struct graphdoc *d, const char *path, bool create, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

	d->path = strdup(path);
	d->directory = dir ? realpath(dir, NULL) : NULL;
	free(dir);
	if (!d->path)
		return error_memory(err, strlen(path));
	return d->directory ? 0 : error_errno(err, create ? ERR_RESOURCE : ERR_FILE, "%s", path);
}

int graphdoc_open(struct graphdoc **out, const char *path, bool create, struct error *err)
{
	struct graphdoc *d = calloc(1, sizeof(*d));
	struct stat st;
	int ret;

	if (!d)
		return error_memory(err, sizeof(*d));
	d->fd = -1;
	ret = find_directory(d, path, create, err);
	if (!ret)
		ret = reopen(d, create, err);
	if (!ret && create && !fstat(d->fd, &st) && st.st_size == 0) {
		/* Several may find it empty; the first to lock it makes it. */
		ret = take_lock(d, LOCK_EX, err);
		if (!ret && !fstat(d->fd, &st) && st.st_size == 0)
			ret = found(d, err);
		flock(d->fd, LOCK_UN);
	}
	if (!ret)
		ret = graphdoc_refresh(d, err);
	if (ret) {
		graphdoc_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

void graphdoc_close(struct graphdoc *d)
{
	if (!d)
		return;
	free_entries(d->cache, d->room);
	for (struct retired *r = d->retired, *next; r; r = next) {
		next = r->next;
		free_entries(r->cache, r->room);
		free(r);
	}
	forget(d);
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	free(d->directory);
	free(d->warning);
	text_release(&d->first);
	free(d);
}

/* == writing == */

int graphdoc_lock(struct graphdoc *d, struct error *err)
{
	if (d->locked)
		return 0;
	if (take_lock(d, LOCK_EX, err))
		return -1;
	if (load(d, err)) {
		flock(d->fd, LOCK_UN);
		return -1;
	}
	d->locked = true;
	return 0;
}

void graphdoc_unlock(struct graphdoc *d)
{
	if (d->locked)
		flock(d->fd, LOCK_UN);
	d->locked = false;
}

/* Write text as the whole file, beside it, and rename. */
static int replace(struct graphdoc *d, const char *text, size_t n, struct error *err)
{
	size_t room = strlen(d->path) + 32;
	char *temporary = malloc(room);
	struct stat st;
	int fd, old = d->fd, ret;

	if (!temporary)
		return error_memory(err, room);
	snprintf(temporary, room, "%s.%ld.tmp", d->path, (long)getpid());
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, fstat(old, &st) ? 0666 : st.st_mode & 0777);
	if (fd < 0) {
		error_errno(err, ERR_RESOURCE, "%s", temporary);
		free(temporary);
		return -1;
	}
	/* Who waits for the old file's lock finds that the name has moved on. */
	flock(fd, LOCK_EX);
	d->fd = fd;
	ret = put(d, text, n, 0, err);
	if (!ret && rename(temporary, d->path))
		ret = error_errno(err, ERR_RESOURCE, "%s", d->path);
	if (ret) {
		unlink(temporary);
		close(fd);
		d->fd = old;
	} else {
		close(old);
	}
	free(temporary);
	return ret;
}

/* Keep what was appended in view: later lines of the same batch are indexed after it. */
static int remember(struct graphdoc *d, const struct gnode *n, const struct gline *line, const char *text,
		    struct error *err)
{
	struct entry *e;
	struct gline again;

	if (grow(d, err))
		return -1;
	e = calloc(1, sizeof(*e));
	if (!e)
		return error_memory(err, sizeof(*e));
	if (gnode_parse(&e->n, &again, text, strlen(text), err)) {
		gnode_release(&e->n);
		free(e);
		return -1;
	}
	e->line = *line;
	(void)n;
	*slot(d, e->n.id) = e;
	d->ncache++;
	return 0;
}

int graphdoc_append(struct graphdoc *d, int n, const struct gnode *nodes, struct error *err)
{
	struct text t = TEXT_INIT;
	bool was = d->locked;
	size_t old = d->size, at;
	int ret = -1;

	if (!n)
		return 0;
	if (!was && graphdoc_lock(d, err))
		return -1;
	at = d->tail;
	/* The document so far, then the new lines: indices are looked up in both. */
	char *text = d->text;
	size_t mapped = d->mapped, tail = d->tail, head = d->head;
	int64_t newest = last_id(d), keyed;

	if (root(d, &keyed, err))
		goto done;
	for (int i = 0; i < n; i++) {
		struct gline line = { .last = -1 };
		char buf[32];
		const char *key = key_of(&nodes[i], buf);
		struct text one = TEXT_INIT;

		if (nodes[i].id <= newest) {
			error_set(err, ERR_RESOURCE, "%s: node %" PRId64 " is out of order", d->path, nodes[i].id);
			goto done;
		}
		newest = nodes[i].id;
		if (key) {
			int64_t same;

			if (find_from(d, keyed, key, &same, &line, err))
				goto done;
			keyed = nodes[i].id;
		} else {
			line.last = keyed;
		}
		gnode_print(&one, &nodes[i], &line);
		if (one.failed || remember(d, &nodes[i], &line, one.s, err)) {
			if (!err->code)
				error_memory(err, one.room);
			text_release(&one);
			goto done;
		}
		text_add(&t, i || tail > head ? ",\n" : "\n");
		text_add_n(&t, one.s, one.len);
		text_release(&one);
	}
	text_add(&t, closing);
	if (t.failed) {
		error_memory(err, t.room);
		goto done;
	}
	if (d->rewrite) {
		struct text all = TEXT_INIT;

		text_add_n(&all, d->first.s, d->first.len);
		if (tail > head)
			text_add_n(&all, text + head, tail - head);
		text_add_n(&all, t.s + (tail > head ? 0 : 1), t.len - (tail > head ? 0 : 1));
		ret = all.failed ? error_memory(err, all.room) : replace(d, all.s, all.len, err);
		text_release(&all);
	} else {
		/* An empty document ends its first line with the newline that the first node wants. */
		at = tail > head ? at : head - 1;
		ret = put(d, t.s, t.len, (off_t)at, err);
		if (!ret && old > at + t.len && ftruncate(d->fd, (off_t)(at + t.len)))
			ret = error_errno(err, ERR_RESOURCE, "%s", d->path);
	}
	(void)mapped;
	if (!ret)
		ret = load(d, err);
done:
	text_release(&t);
	if (!was)
		graphdoc_unlock(d);
	return ret;
}

int graphdoc_amend(struct graphdoc *d, int64_t id, const struct gfile *file, struct error *err)
{
	struct gref in = { .id = id };
	char op[] = "amend";
	struct gnode n = { .op = op, .nin = 1, .in = &in, .file = *file, .alias = -1 };
	bool was = d->locked;
	struct entry *e;
	int ret;

	if (!was && graphdoc_lock(d, err))
		return -1;
	n.id = graphdoc_next(d);
	ret = graphdoc_append(d, 1, &n, err);
	if (!ret && !get(d, id, &e, err))
		e->n.file = *file;
	if (!was)
		graphdoc_unlock(d);
	return ret;
}

static bool kept(int64_t id, int64_t n, const int64_t *keep)
{
	int64_t low = 0, high = n;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (keep[mid] == id)
			return true;
		if (keep[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return id < 0;
}

/* A node whose inputs are forgotten is a leaf: its file is all that is known of it. */
static void make_leaf(struct gnode *g, int64_t n, const int64_t *keep)
{
	static char leaf[] = "leaf";
	bool whole = kept(g->alias, n, keep);

	for (int i = 0; i < g->nin; i++)
		whole &= kept(g->in[i].id, n, keep);
	for (int i = 0; i < g->nattrs; i++)
		whole &= g->attrs[i].text || kept(g->attrs[i].ref.id, n, keep);
	if (whole)
		return;
	g->op = leaf;
	g->nin = g->nattrs = 0;
	g->alias = -1;
	g->cut = g->pass = false;
}

int graphdoc_prune(struct graphdoc *d, int64_t n, const int64_t *keep, struct error *err)
{
	struct text t = TEXT_INIT;
	struct rebuild r = { .d = d, .t = TEXT_INIT };
	bool was = d->locked;
	int ret = -1;

	if (!was && graphdoc_lock(d, err))
		return -1;
	struct gnode *nodes = calloc((size_t)n + 1, sizeof(*nodes));

	if (!nodes) {
		error_memory(err, (size_t)n * sizeof(*nodes));
		goto done;
	}
	for (int64_t i = 0; i < n; i++) {
		const struct gnode *g;

		/* with what amends it folded in */
		if (graphdoc_node(d, keep[i], &g, err))
			goto done;
		nodes[i] = *g;
		make_leaf(&nodes[i], n, keep);
	}
	/* Indices are looked up in what is printed: forget what was. */
	struct entry **cache = d->cache;
	int room = d->room;

	forget(d);
	d->cache = NULL;
	d->ncache = d->room = 0;
	ret = 0;
	for (int64_t i = 0; i < n && !ret; i++)
		ret = rebuild_node(&r, &nodes[i], err);
	d->text = NULL;
	for (int i = 0; i < d->room; i++)
		if (d->cache[i]) {
			gnode_release(&d->cache[i]->n);
			free(d->cache[i]);
		}
	free(d->cache);
	d->cache = cache;
	d->room = room;
	d->ncache = 0;
	for (int i = 0; i < room; i++)
		d->ncache += cache[i] != NULL;
	if (!ret) {
		text_add_n(&t, d->first.s, d->first.len);
		if (r.t.len)
			text_add_n(&t, r.t.s, r.t.len);
		text_add(&t, r.t.len ? closing : closing + 1);
		ret = t.failed ? error_memory(err, t.room) : replace(d, t.s, t.len, err);
	}
	if (!ret)
		ret = load(d, err);
done:
	free(nodes);
	text_release(&t);
	text_release(&r.t);
	if (!was)
		graphdoc_unlock(d);
	return ret;
}

/* == paths == */

/* path relative to directory; both absolute without links. */
static char *relative(const char *directory, const char *path)
{
	size_t same = 0, up = 0;
	char *out, *q;

	for (size_t i = 0;; i++) {
		bool a = !directory[i] || directory[i] == '/', b = !path[i] || path[i] == '/';

		if (a && b)
			same = i;
		if (!directory[i] || directory[i] != path[i])
			break;
	}
	if (!strcmp(directory, "/"))
		same = 0;
	for (const char *p = directory + same; *p; p++)
		up += *p == '/' && p[1];
	out = malloc(3 * up + strlen(path + same) + 2);
	if (!out)
		return NULL;
	q = out;
	while (up--)
		q = stpcpy(q, "../");
	strcpy(q, path + same + (path[same] == '/'));
	return out;
}

char *graphdoc_spell(const struct graphdoc *d, const char *path, struct error *err)
{
	char *real = realpath(path, NULL), *out;

	if (!real) {
		/* It need not be there yet, but its directory must. */
		const char *slash = strrchr(path, '/');
		char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
		char *base = dir ? realpath(dir, NULL) : NULL;

		free(dir);
		if (!base) {
			error_errno(err, ERR_RESOURCE, "%s", path);
			return NULL;
		}
		real = malloc(strlen(base) + strlen(path) + 2);
		if (real)
			sprintf(real, "%s/%s", strcmp(base, "/") ? base : "", slash ? slash + 1 : path);
		free(base);
	}
	out = real ? relative(d->directory, real) : NULL;
	free(real);
	if (!out)
		error_memory(err, strlen(path));
	return out;
}

char *graphdoc_resolve(const struct graphdoc *d, const char *spelled, struct error *err)
{
	char here[PATH_MAX], *out, *shorter;

	if (*spelled == '/')
		out = strdup(spelled);
	else if ((out = malloc(strlen(d->directory) + strlen(spelled) + 2)))
		sprintf(out, "%s/%s", d->directory, spelled);
	if (!out) {
		error_memory(err, strlen(spelled));
		return NULL;
	}
	/* What lies here is called as the user would. */
	if (getcwd(here, sizeof(here)) && !strcmp(here, d->directory) && *spelled != '/') {
		shorter = strdup(spelled);
		if (shorter) {
			free(out);
			return shorter;
		}
	}
	return out;
}
