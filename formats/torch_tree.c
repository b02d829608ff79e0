/*
 * From the object in a checkpoint to a list of named tensors: dictionaries, lists and tuples are walked, the keys on the way are
 * joined by '.', what is no tensor is left out.  A pickle of a few bytes can describe a tree of any size, of containers
 * that hold each other; so everything is counted, each container once, before anything is made.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/torch.h"
#include "lib/number.h"
#include "lib/text.h"

enum {
	DEPTH = 1000,	   /* of nesting: about what Python pickles without being told to */
	ITEMS_MOST = 1000, /* items that a byte of a pickle may stand for, */
	SPARE = 1 << 20,   /* and those that even a small one may */
	TENSOR_LEAST = 64, /* bytes of a file to a tensor */
	NAMES_MOST = 64,   /* bytes of names to a byte of the file */
};

/* What is below a container. */
struct count {
	bool open, done;
	uint64_t tensors, items;
	uint64_t names; /* bytes of the names of the tensors, from here on */
};

/* A container on the way down. */
struct step {
	struct pickle_value v;
	const struct pickle_value *items;
	size_t i, n;   /* the next item, of all */
	size_t prefix; /* length of the name of the container */
};

struct walk {
	const struct pickle *p;
	struct step *steps; /* DEPTH of them */
	int depth;
	/* what the last call of next_child found */
	struct pickle_value child;
	struct text name; /* its whole name */
	size_t nkey;	  /* bytes of that which are its own */
};

static bool is_container(struct pickle_value v)
{
	enum pickle_kind kind = pickle_kind(v);

	return kind == PICKLE_DICT || kind == PICKLE_LIST || kind == PICKLE_TUPLE;
}

static int walk_init(struct walk *w, const struct pickle *p, struct error *err)
{
	*w = (struct walk){ .p = p, .name = TEXT_INIT };
	w->steps = malloc(DEPTH * sizeof(*w->steps));
	return w->steps ? 0 : error_memory(err, DEPTH * sizeof(*w->steps));
}

static void walk_release(struct walk *w)
{
	free(w->steps);
	text_release(&w->name);
}

static int walk_down(struct walk *w, struct pickle_value v, struct error *err)
{
	struct step *s = &w->steps[w->depth];

	if (w->depth == DEPTH)
		return error_set(err, ERR_FILE, "nests containers more than %d deep", DEPTH);
	*s = (struct step){ .v = v, .prefix = w->name.len };
	s->items = pickle_items(w->p, v, &s->n);
	w->depth++;
	return 0;
}

/* A key as a part of a name: as Python's str() has it. */
static void add_key(struct text *t, const struct pickle *p, struct pickle_value key)
{
	char buf[NUMBER_TEXT];
	const char *text;
	int64_t i;
	double x;
	size_t n;

	switch (pickle_kind(key)) {
	case PICKLE_TEXT:
		text = pickle_text(p, key, &n);
		text_add_n(t, text, n);
		break;
	case PICKLE_INT:
		if (pickle_int(p, key, &i))
			text_fmt(t, "%" PRId64, i);
		else
			text_add(t, "int");
		break;
	case PICKLE_FLOAT:
		x = pickle_float(p, key);
		number_repr(buf, DT_F64, &x);
		text_add(t, buf);
		break;
	case PICKLE_BOOL:
		text_add(t, pickle_bool(key) ? "True" : "False");
		break;
	case PICKLE_NONE:
		text_add(t, "None");
		break;
	default:
		text_add(t, "tuple");
	}
}

/* The next thing in the container that the walk is in; false at its end. */
static bool next_child(struct walk *w)
{
	struct step *s = &w->steps[w->depth - 1];

	if (s->i >= s->n)
		return false;
	w->name.len = s->prefix;
	if (w->depth > 1)
		text_char(&w->name, '.');
	if (pickle_kind(s->v) == PICKLE_DICT) {
		add_key(&w->name, w->p, s->items[s->i]);
		w->child = s->items[s->i + 1];
		s->i += 2;
	} else {
		text_fmt(&w->name, "%zu", s->i);
		w->child = s->items[s->i++];
	}
	w->nkey = w->name.len - s->prefix;
	return true;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* Something with that count is in the container that the walk is in, under a name of nkey bytes more. */
static void count_child(struct walk *w, struct count *counts, const struct count *child, size_t nkey)
{
	struct count *c = &counts[pickle_object(w->steps[w->depth - 1].v)];

	c->tensors = add(c->tensors, child->tensors);
	c->items = add(c->items, child->items);
	c->names = add(c->names, add(child->names, times(child->tensors, nkey)));
}

/* What is below each container that can be reached from the root. */
static int count_all(struct walk *w, struct count *counts, struct error *err)
{
	struct pickle_value root = pickle_root(w->p);

	if (walk_down(w, root, err))
		return -1;
	counts[pickle_object(root)].open = true;
	while (w->depth) {
		struct count one = { .items = 1 };

		if (!next_child(w)) {
			struct step *s = &w->steps[w->depth - 1];
			struct count *c = &counts[pickle_object(s->v)];

			c->open = false;
			c->done = true;
			c->items = add(c->items, 1);
			w->depth--;
			if (w->depth)
				count_child(w, counts, c, s->prefix - w->steps[w->depth - 1].prefix);
			continue;
		}
		if (w->name.failed)
			return error_memory(err, w->name.room);
		if (is_container(w->child)) {
			struct count *c = &counts[pickle_object(w->child)];

			if (c->open)
				return error_set(err, ERR_FILE, "holds a container that is inside of itself");
			if (c->done) {
				count_child(w, counts, c, w->nkey);
				continue;
			}
			c->open = true;
			if (walk_down(w, w->child, err))
				return -1;
			continue;
		}
		if (pickle_kind(w->child) == PICKLE_CALL) {
			struct torch_tensor t;
			int is = torch_tensor_read(&t, w->p, w->child, err);

			if (is < 0) {
				error_prefix(err, w->name.s);
				return -1;
			}
			one.tensors = (uint64_t)is;
		}
		count_child(w, counts, &one, w->nkey);
	}
	return 0;
}

static int add_member(struct file *f, const char *name, const struct torch_tensor *t, struct error *err)
{
	struct member *m = file_add_member(f, name, err);
	struct text descr = TEXT_INIT;

	if (!m)
		return -1;
	text_add(&descr, t->dtype->name);
	if (t->unresolved)
		text_fmt(&descr, " %s", t->unresolved);
	m->descr = descr.s;
	if (descr.failed)
		return error_memory(err, descr.room);
	m->supported = t->dtype->supported && !t->unresolved;
	m->dtype = t->dtype->dtype;
	m->shape = t->shape;
	m->nbytes = shape_size(&t->shape) * t->dtype->itemsize;
	m->fortran = m->nbytes && shape_is_fortran(&t->shape, t->dtype->itemsize, t->strides);
	return 0;
}

/* The same walk again, only to where tensors are. */
static int add_all(struct walk *w, const struct count *counts, struct file *f, struct pickle_value *values,
		   struct error *err)
{
	w->name.len = 0;
	if (walk_down(w, pickle_root(w->p), err))
		return -1;
	while (w->depth) {
		struct torch_tensor t;
		int is;

		if (!next_child(w)) {
			w->depth--;
			continue;
		}
		if (w->name.failed)
			return error_memory(err, w->name.room);
		if (is_container(w->child)) {
			if (counts[pickle_object(w->child)].tensors && walk_down(w, w->child, err))
				return -1;
			continue;
		}
		is = torch_tensor_read(&t, w->p, w->child, err);
		if (is < 0)
			return -1;
		if (!is)
			continue;
		if (strlen(w->name.s) != w->name.len)
			return error_set(err, ERR_FILE, "the name of a tensor has a NUL character in it");
		values[f->nmembers] = w->child;
		if (add_member(f, w->name.s, &t, err))
			return -1;
	}
	return 0;
}

static int check_counts(const struct count *c, const struct pickle *p, int64_t limit, struct error *err)
{
	uint64_t size = (uint64_t)limit;

	if (c->items > times((uint64_t)pickle_length(p), ITEMS_MOST) + SPARE)
		return error_set(err, ERR_FILE,
				 "holds containers that hold each other many times over: %" PRId64
				 " bytes stand for more than %" PRIu64 " items",
				 pickle_length(p), times((uint64_t)pickle_length(p), ITEMS_MOST) + SPARE);
	if (c->names > times(size, NAMES_MOST))
		return error_set(err, ERR_FILE, "has names of %" PRIu64 " bytes, too many for a file of %" PRId64,
				 c->names, limit);
	if (c->tensors > size / TENSOR_LEAST + 64)
		return error_set(err, ERR_FILE,
				 "names %" PRIu64 " tensors, more than a file of %" PRId64 " bytes can hold",
				 c->tensors, limit);
	return 0;
}

/* A tensor by itself has no name. */
static int add_root(struct file *f, struct pickle_value *values, const struct pickle *p, struct error *err)
{
	struct torch_tensor t;
	int is = torch_tensor_read(&t, p, pickle_root(p), err);

	if (is < 0)
		return -1;
	if (!is)
		return error_set(err, ERR_FILE, "holds no tensor, and no dictionary or list of tensors");
	values[0] = pickle_root(p);
	return add_member(f, "0", &t, err);
}

int torch_members(struct file *f, struct pickle_value **values, const struct pickle *p, int64_t limit,
		  struct error *err)
{
	struct count *counts = NULL;
	struct walk w = { 0 };
	size_t n = 1;
	int ret = -1;

	f->archive = is_container(pickle_root(p));
	if (f->archive) {
		if (!(counts = calloc(pickle_nobjects(p), sizeof(*counts)))) {
			error_memory(err, pickle_nobjects(p) * sizeof(*counts));
			goto done;
		}
		if (walk_init(&w, p, err) || count_all(&w, counts, err) ||
		    check_counts(&counts[pickle_object(pickle_root(p))], p, limit, err))
			goto done;
		n = (size_t)counts[pickle_object(pickle_root(p))].tensors + 1;
	}
	if (!(*values = malloc(n * sizeof(**values)))) {
		error_memory(err, n * sizeof(**values));
		goto done;
	}
	ret = f->archive ? add_all(&w, counts, f, *values, err) : add_root(f, *values, p, err);
done:
	walk_release(&w);
	free(counts);
	return ret;
}
