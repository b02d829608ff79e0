/* The pickle machine: see pickle.h.  Opcodes are those of Python's pickletools. */
#include "formats/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_LEAST = 64 << 10, /* bytes at once */
	CHUNK_LEAST = 1 << 10, /* values in the first block of items */
	NAME_MAX_BYTES = 1 << 10,
};

enum opcode {
	MARK = '(',
	STOP = '.',
	BINFLOAT = 'G',
	BININT = 'J',
	BININT1 = 'K',
	BININT2 = 'M',
	NONE = 'N',
	BINPERSID = 'Q',
	REDUCE = 'R',
	SHORT_BINSTRING = 'U',
	BINUNICODE = 'X',
	EMPTY_LIST = ']',
	APPEND = 'a',
	BUILD = 'b',
	GLOBAL = 'c',
	APPENDS = 'e',
	BINGET = 'h',
	LONG_BINGET = 'j',
	BINPUT = 'q',
	LONG_BINPUT = 'r',
	SETITEM = 's',
	TUPLE = 't',
	SETITEMS = 'u',
	EMPTY_DICT = '}',
	EMPTY_TUPLE = ')',
	PROTO = 0x80,
	NEWOBJ = 0x81,
	TUPLE1 = 0x85,
	TUPLE2 = 0x86,
	TUPLE3 = 0x87,
	NEWTRUE = 0x88,
	NEWFALSE = 0x89,
	LONG1 = 0x8a,
	EMPTY_SET = 0x8f,
};

/* What else Python has, for messages. */
static const struct {
	unsigned char op;
	const char *name;
} refused[] = {
	{ '0', "POP" },
	{ '1', "POP_MARK" },
	{ '2', "DUP" },
	{ 'B', "BINBYTES" },
	{ 'C', "SHORT_BINBYTES" },
	{ 'F', "FLOAT" },
	{ 'I', "INT" },
	{ 'L', "LONG" },
	{ 'P', "PERSID" },
	{ 'S', "STRING" },
	{ 'T', "BINSTRING" },
	{ 'V', "UNICODE" },
	{ 'd', "DICT" },
	{ 'g', "GET" },
	{ 'i', "INST" },
	{ 'l', "LIST" },
	{ 'o', "OBJ" },
	{ 'p', "PUT" },
	{ 0x82, "EXT1" },
	{ 0x83, "EXT2" },
	{ 0x84, "EXT4" },
	{ 0x8b, "LONG4" },
	{ 0x8c, "SHORT_BINUNICODE" },
	{ 0x8d, "BINUNICODE8" },
	{ 0x8e, "BINBYTES8" },
	{ 0x90, "ADDITEMS" },
	{ 0x91, "FROZENSET" },
	{ 0x92, "NEWOBJ_EX" },
	{ 0x93, "STACK_GLOBAL" },
	{ 0x94, "MEMOIZE" },
	{ 0x95, "FRAME" },
	{ 0x96, "BYTEARRAY8" },
	{ 0x97, "NEXT_BUFFER" },
	{ 0x98, "READONLY_BUFFER" },
};

/* A value with items. */
struct object {
	struct pickle_value *items; /* in a chunk */
	uint32_t n;		    /* a list or dictionary has room for the next power of two */
	uint16_t global;	    /* of a call, and of a dictionary that one made, else NO_GLOBAL */
	uint8_t kind;
};

enum { NO_GLOBAL = UINT16_MAX };

struct chunk {
	struct chunk *next;
	size_t used, room;
	struct pickle_value items[];
};

struct pickle {
	const struct pickle_global *globals;
	pickle_read_fn *read;
	void *from;
	int64_t available;
	/* the bytes, as far as they were read; scalars and strings are offsets of their opcodes in them */
	unsigned char *bytes;
	size_t have, room, at, op; /* op: where the opcode being run is */
	struct pickle_value *stack;
	size_t depth, stack_room;
	size_t *marks; /* depths of the stack */
	size_t nmarks, marks_room;
	struct pickle_value *memo;
	size_t nmemo, memo_room;
	bool *known; /* of the memo */
	struct object *objects;
	size_t nobjects, objects_room;
	struct chunk *chunks; /* the one with room first */
	int64_t copied;	      /* values that were copied from one dictionary into another */
	struct pickle_value root;
};

static int bad(const struct pickle *p, struct error *err, const char *what)
{
	return error_set(err, ERR_FILE, "is no valid pickle: %s at byte %zu", what, p->op);
}

/* Room for one more of n elements of that size: doubled when it is used up. */
static int reserve(void *array, size_t n, size_t *room, size_t size, struct error *err)
{
	void **a = array, *more;
	size_t want = *room ? 2 * *room : 64;

	if (n < *room)
		return 0;
	if (!(more = realloc(*a, want * size)))
		return error_memory(err, want * size);
	*a = more;
	*room = want;
	return 0;
}

/* == bytes == */

/* Have the next n bytes. */
static int need(struct pickle *p, size_t n, struct error *err)
{
	while (p->have - p->at < n) {
		int64_t left = p->available - (int64_t)p->have;
		size_t got, want = p->have / 2 > READ_LEAST ? p->have / 2 : READ_LEAST;

		if (n - (p->have - p->at) > (uint64_t)left)
			return bad(p, err, "it ends too early, in what begins");
		if (want < n - (p->have - p->at))
			want = n - (p->have - p->at);
		if (want > (uint64_t)left)
			want = (size_t)left;
		if (p->room - p->have < want) {
			unsigned char *more = realloc(p->bytes, p->have + want);

			if (!more)
				return error_memory(err, p->have + want);
			p->bytes = more;
			p->room = p->have + want;
		}
		if (p->read(p->from, p->bytes + p->have, want, &got, err))
			return -1;
		if (!got)
			return bad(p, err, "it ends too early, in what begins");
		p->have += got;
	}
	return 0;
}

static uint32_t get32(const unsigned char *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* == values == */

static struct pickle_value value(enum pickle_kind kind, uint64_t where)
{
	return (struct pickle_value){ where << 4 | kind };
}

static size_t where(struct pickle_value v)
{
	return (size_t)(v.word >> 4);
}

static int push(struct pickle *p, struct pickle_value v, struct error *err)
{
	if (reserve(&p->stack, p->depth, &p->stack_room, sizeof(*p->stack), err))
		return -1;
	p->stack[p->depth++] = v;
	return 0;
}

/* The depth that the last MARK was set at: what is below cannot be reached. */
static size_t base(const struct pickle *p)
{
	return p->nmarks ? p->marks[p->nmarks - 1] : 0;
}

static int require(struct pickle *p, size_t n, struct error *err)
{
	return p->depth - base(p) < n ? bad(p, err, "the stack is too short for the opcode") : 0;
}

/* The value k below the top. */
static struct pickle_value top(const struct pickle *p, size_t k)
{
	return p->stack[p->depth - 1 - k];
}

/* Room for n values. */
static struct pickle_value *take(struct pickle *p, size_t n, struct error *err)
{
	struct chunk *c = p->chunks;

	if (!c || c->room - c->used < n) {
		size_t room = c ? 2 * c->room : CHUNK_LEAST;

		if (room < n)
			room = n;
		if (!(c = malloc(sizeof(*c) + room * sizeof(*c->items)))) {
			error_memory(err, room * sizeof(*c->items));
			return NULL;
		}
		*c = (struct chunk){ .next = p->chunks, .room = room };
		p->chunks = c;
	}
	c->used += n;
	return c->items + (c->used - n);
}

static size_t room_for(size_t n)
{
	size_t room = 1;

	while (room < n)
		room *= 2;
	return n ? room : 0;
}

/* Append the k values at from. */
static int extend(struct pickle *p, struct object *o, const struct pickle_value *from, size_t k, struct error *err)
{
	size_t n = o->n + k;

	if (n > UINT32_MAX / 2)
		return error_memory(err, 0);
	if (n > room_for(o->n)) {
		struct pickle_value *items = take(p, room_for(n), err);

		if (!items)
			return -1;
		if (o->n)
			memcpy(items, o->items, o->n * sizeof(*items));
		o->items = items;
	}
	if (k)
		memcpy(o->items + o->n, from, k * sizeof(*from));
	o->n = (uint32_t)n;
	return 0;
}

static int push_object(struct pickle *p, enum pickle_kind kind, uint16_t global, struct pickle_value *items, size_t n,
		       struct error *err)
{
	if (p->nobjects == UINT32_MAX)
		return error_memory(err, 0);
	if (reserve(&p->objects, p->nobjects, &p->objects_room, sizeof(*p->objects), err))
		return -1;
	p->objects[p->nobjects] = (struct object){ items, (uint32_t)n, global, (uint8_t)kind };
	return push(p, value(kind, p->nobjects++), err);
}

/* A tuple of the n values on the top. */
static int make_tuple(struct pickle *p, size_t n, struct error *err)
{
	struct pickle_value *items = NULL;

	if (require(p, n, err) || (n && !(items = take(p, n, err))))
		return -1;
	p->depth -= n;
	if (n)
		memcpy(items, p->stack + p->depth, n * sizeof(*items));
	return push_object(p, PICKLE_TUPLE, NO_GLOBAL, items, n, err);
}

static int set_mark(struct pickle *p, struct error *err)
{
	if (reserve(&p->marks, p->nmarks, &p->marks_room, sizeof(*p->marks), err))
		return -1;
	p->marks[p->nmarks++] = p->depth;
	return 0;
}

/* Take away the last MARK: how many values are above it? */
static int pop_mark(struct pickle *p, size_t *n, struct error *err)
{
	if (!p->nmarks)
		return bad(p, err, "a MARK is missing for the opcode");
	*n = p->depth - p->marks[--p->nmarks];
	return 0;
}

/* == opcodes == */

/* The n values on the top into the list or dictionary below them. */
static int add_items(struct pickle *p, enum pickle_kind kind, size_t n, struct error *err)
{
	struct pickle_value v;

	if (require(p, n + 1, err))
		return -1;
	v = top(p, n);
	if (pickle_kind(v) != kind)
		return bad(p, err,
			   kind == PICKLE_LIST ? "items are appended to what is no list"
					       : "items are set in what is no dictionary");
	if (kind == PICKLE_DICT && n % 2)
		return bad(p, err, "a key without a value is set in a dictionary");
	for (size_t i = 0; kind == PICKLE_DICT && i < n; i += 2) {
		enum pickle_kind key = pickle_kind(top(p, n - 1 - i));

		if (key == PICKLE_LIST || key == PICKLE_DICT || key == PICKLE_SET)
			return bad(p, err, "a list, dictionary or set is the key of a dictionary");
	}
	p->depth -= n;
	return extend(p, &p->objects[where(v)], p->stack + p->depth, n, err);
}

/* The line that ends at a newline; *n: its bytes without it. */
static int read_line(struct pickle *p, size_t *start, size_t *n, struct error *err)
{
	*start = p->at;
	for (*n = 0; *n < NAME_MAX_BYTES; ++*n) {
		if (need(p, 1, err))
			return -1;
		if (p->bytes[p->at++] == '\n')
			return 0;
	}
	return bad(p, err, "the name of a global is longer than 1024 bytes");
}

static bool same(const char *s, const unsigned char *b, size_t n)
{
	return strlen(s) == n && !memcmp(s, b, n);
}

static int push_global(struct pickle *p, struct error *err)
{
	size_t module, nmodule, name, nname;

	if (read_line(p, &module, &nmodule, err) || read_line(p, &name, &nname, err))
		return -1;
	for (size_t i = 0; p->globals[i].module; i++) {
		const struct pickle_global *g = &p->globals[i];

		if (!same(g->module, p->bytes + module, nmodule) || !same(g->name, p->bytes + name, nname))
			continue;
		return g->refusal ? error_set(err, ERR_FILE, "%s (%s.%s)", g->refusal, g->module, g->name)
				  : push(p, value(PICKLE_GLOBAL, i), err);
	}
	return error_set(
		err, ERR_FILE,
		"its pickle refers to %.*s.%.*s: only tensors and plain containers are read, and nothing is ever "
		"executed; save a state_dict",
		(int)nmodule, (const char *)p->bytes + module, (int)nname, (const char *)p->bytes + name);
}

/* A dictionary as its class makes it: of nothing, of another, or of a list of pairs. */
static int fill_dict(struct pickle *p, struct object *o, const struct object *args, struct error *err)
{
	size_t n = 0;
	const struct pickle_value *items;

	if (!args->n)
		return 0;
	items = pickle_items(p, args->items[0], &n);
	if (args->n > 1 || (pickle_kind(args->items[0]) != PICKLE_DICT && pickle_kind(args->items[0]) != PICKLE_LIST))
		return bad(p, err, "a dictionary is made of neither a dictionary nor a list");
	/* A few bytes of a pickle must not copy many again and again. */
	p->copied += (int64_t)n;
	if (p->copied > p->available)
		return bad(p, err, "dictionaries are copied more often than its size allows");
	if (pickle_kind(args->items[0]) == PICKLE_DICT)
		return extend(p, o, items, n, err);
	for (size_t i = 0; i < n; i++) {
		enum pickle_kind kind = pickle_kind(items[i]);
		size_t k = 0;
		const struct pickle_value *pair = pickle_items(p, items[i], &k);

		if ((kind != PICKLE_TUPLE && kind != PICKLE_LIST) || k != 2)
			return bad(p, err, "a dictionary is made of what are no pairs");
		if (extend(p, o, pair, 2, err))
			return -1;
	}
	return 0;
}

static int call(struct pickle *p, struct error *err)
{
	struct pickle_value function, args;
	const struct pickle_global *g;
	struct object *o;

	if (require(p, 2, err))
		return -1;
	args = top(p, 0);
	function = top(p, 1);
	if (pickle_kind(args) != PICKLE_TUPLE)
		return bad(p, err, "the arguments of a call are no tuple");
	if (pickle_kind(function) != PICKLE_GLOBAL)
		return bad(p, err, "what is called is no global");
	g = &p->globals[where(function)];
	if (g->callable == PICKLE_NAME)
		return error_set(err, ERR_FILE, "its pickle calls %s.%s, which is only a name", g->module, g->name);
	p->depth -= 2;
	o = &p->objects[where(args)];
	if (g->callable == PICKLE_CALLED)
		return push_object(p, PICKLE_CALL, (uint16_t)where(function), o->items, o->n, err);
	if (push_object(p, PICKLE_DICT, (uint16_t)where(function), NULL, 0, err))
		return -1;
	return fill_dict(p, &p->objects[p->nobjects - 1], &p->objects[where(args)], err);
}

/* Attributes of a dictionary that is an object, such as _metadata, hold no tensors of the model. */
static int build(struct pickle *p, struct error *err)
{
	struct pickle_value v;

	if (require(p, 2, err))
		return -1;
	v = top(p, 1);
	if (pickle_kind(v) != PICKLE_DICT || p->objects[where(v)].global == NO_GLOBAL)
		return bad(p, err, "BUILD changes what is no OrderedDict");
	if (pickle_kind(top(p, 0)) != PICKLE_DICT)
		return bad(p, err, "the attributes of an object are no dictionary");
	p->depth--;
	return 0;
}

static int persistent(struct pickle *p, struct error *err)
{
	struct pickle_value v;
	struct object *o;

	if (require(p, 1, err))
		return -1;
	v = top(p, 0);
	if (pickle_kind(v) != PICKLE_TUPLE)
		return bad(p, err, "a persistent id is no tuple");
	o = &p->objects[where(v)];
	if (!o->n || !pickle_is(p, o->items[0], "storage"))
		return bad(p, err, "a persistent id is not that of a storage");
	p->depth--;
	return push_object(p, PICKLE_PERSISTENT, NO_GLOBAL, o->items, o->n, err);
}

/*
 * The memo is an array, because picklers number from 0 on: an index that the pickle has no room to have counted to comes from
 * none.
 */
static int put(struct pickle *p, uint32_t i, struct error *err)
{
	if (require(p, 1, err))
		return -1;
	if (i >= p->available)
		return error_set(err, ERR_FILE,
				 "is no valid pickle: the memo's index %" PRIu32 " at byte %zu is one that %" PRId64
				 " bytes cannot have",
				 i, p->op, p->available);
	if (i >= p->memo_room) {
		size_t room = room_for((size_t)i + 1 < 64 ? 64 : (size_t)i + 1);
		struct pickle_value *memo = realloc(p->memo, room * sizeof(*memo));
		bool *known;

		if (!memo)
			return error_memory(err, room * sizeof(*memo));
		p->memo = memo;
		if (!(known = realloc(p->known, room * sizeof(*known))))
			return error_memory(err, room);
		p->known = known;
		memset(p->known + p->memo_room, 0, room - p->memo_room);
		p->memo_room = room;
	}
	p->memo[i] = top(p, 0);
	p->known[i] = true;
	return 0;
}

static int get(struct pickle *p, uint32_t i, struct error *err)
{
	if (i >= p->memo_room || !p->known[i])
		return error_set(err, ERR_FILE,
				 "is no valid pickle: the memo has no %" PRIu32 ", which is asked for at byte %zu", i,
				 p->op);
	return push(p, p->memo[i], err);
}

/* A scalar or string of n bytes behind its opcode. */
static int push_scalar(struct pickle *p, enum pickle_kind kind, size_t n, struct error *err)
{
	if (need(p, n, err))
		return -1;
	p->at += n;
	return push(p, value(kind, p->op), err);
}

static int refuse_opcode(const struct pickle *p, unsigned char op, struct error *err)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].op == op)
			return error_set(err, ERR_FILE,
					 "its pickle has the opcode %s at byte %zu, which no file of tensors needs",
					 refused[i].name, p->op);
	return error_set(err, ERR_FILE, "is no valid pickle: there is no opcode 0x%02x, at byte %zu", op, p->op);
}

static int run_opcode(struct pickle *p, unsigned char op, struct error *err)
{
	unsigned char *b = p->bytes + p->at;
	size_t n = 0;

	switch (op) {
	case PROTO:
		p->at++;
		return 0;
	case MARK:
		return set_mark(p, err);
	case NONE:
		return push(p, value(PICKLE_NONE, 0), err);
	case NEWTRUE:
	case NEWFALSE:
		return push(p, value(PICKLE_BOOL, op == NEWTRUE), err);
	case BININT:
	case BININT1:
	case BININT2:
		return push_scalar(p, PICKLE_INT, op == BININT ? 4 : op == BININT1 ? 1 : 2, err);
	case LONG1:
		return push_scalar(p, PICKLE_INT, 1 + (size_t)*b, err);
	case BINFLOAT:
		return push_scalar(p, PICKLE_FLOAT, 8, err);
	case BINUNICODE:
		return push_scalar(p, PICKLE_TEXT, 4 + (size_t)get32(b), err);
	case SHORT_BINSTRING:
		return push_scalar(p, PICKLE_TEXT, 1 + (size_t)*b, err);
	case EMPTY_TUPLE:
		return make_tuple(p, 0, err);
	case TUPLE1:
	case TUPLE2:
	case TUPLE3:
		return make_tuple(p, (size_t)op - TUPLE1 + 1, err);
	case TUPLE:
		return pop_mark(p, &n, err) ? -1 : make_tuple(p, n, err);
	case EMPTY_LIST:
		return push_object(p, PICKLE_LIST, NO_GLOBAL, NULL, 0, err);
	case EMPTY_DICT:
		return push_object(p, PICKLE_DICT, NO_GLOBAL, NULL, 0, err);
	case EMPTY_SET:
		return push_object(p, PICKLE_SET, NO_GLOBAL, NULL, 0, err);
	case APPEND:
		return add_items(p, PICKLE_LIST, 1, err);
	case APPENDS:
		return pop_mark(p, &n, err) ? -1 : add_items(p, PICKLE_LIST, n, err);
	case SETITEM:
		return add_items(p, PICKLE_DICT, 2, err);
	case SETITEMS:
		return pop_mark(p, &n, err) ? -1 : add_items(p, PICKLE_DICT, n, err);
	case GLOBAL:
		return push_global(p, err);
	case REDUCE:
	case NEWOBJ:
		return call(p, err);
	case BUILD:
		return build(p, err);
	case BINPERSID:
		return persistent(p, err);
	case BINPUT:
	case LONG_BINPUT:
		p->at += op == BINPUT ? 1 : 4;
		return put(p, op == BINPUT ? *b : get32(b), err);
	case BINGET:
	case LONG_BINGET:
		p->at += op == BINGET ? 1 : 4;
		return get(p, op == BINGET ? *b : get32(b), err);
	default:
		return refuse_opcode(p, op, err);
	}
}

/* Bytes that an opcode needs to say how long it is. */
static size_t operand(unsigned char op)
{
	switch (op) {
	case PROTO:
	case LONG1:
	case SHORT_BINSTRING:
	case BINPUT:
	case BINGET:
		return 1;
	case BINUNICODE:
	case LONG_BINPUT:
	case LONG_BINGET:
		return 4;
	default:
		return 0;
	}
}

static int run(struct pickle *p, struct error *err)
{
	for (;;) {
		unsigned char op;

		p->op = p->at;
		if (need(p, 1, err))
			return -1;
		op = p->bytes[p->at++];
		if (op == STOP)
			break;
		if (need(p, operand(op), err) || run_opcode(p, op, err))
			return -1;
	}
	if (require(p, 1, err))
		return -1;
	if (p->nmarks || p->depth > 1)
		return bad(p, err, "values are left over on the stack when it stops");
	p->root = top(p, 0);
	return 0;
}

int pickle_read(struct pickle **out, const struct pickle_global *globals, pickle_read_fn *read, void *from,
		int64_t available, struct error *err)
{
	struct pickle *p = calloc(1, sizeof(*p));

	if (!p)
		return error_memory(err, sizeof(*p));
	p->globals = globals;
	p->read = read;
	p->from = from;
	p->available = available < PICKLE_MAX ? available : PICKLE_MAX;
	if (run(p, err)) {
		pickle_free(p);
		return -1;
	}
	/* The result needs neither. */
	free(p->stack);
	free(p->marks);
	free(p->memo);
	free(p->known);
	p->stack = p->memo = NULL;
	p->marks = NULL;
	p->known = NULL;
	*out = p;
	return 0;
}

void pickle_free(struct pickle *p)
{
	if (!p)
		return;
	while (p->chunks) {
		struct chunk *c = p->chunks;

		p->chunks = c->next;
		free(c);
	}
	free(p->bytes);
	free(p->stack);
	free(p->marks);
	free(p->memo);
	free(p->known);
	free(p->objects);
	free(p);
}

/* == the result == */

int64_t pickle_length(const struct pickle *p)
{
	return (int64_t)p->at;
}

struct pickle_value pickle_root(const struct pickle *p)
{
	return p->root;
}

bool pickle_int(const struct pickle *p, struct pickle_value v, int64_t *out)
{
	const unsigned char *b = p->bytes + where(v);
	uint64_t bits = 0;
	size_t n;

	if (pickle_kind(v) != PICKLE_INT)
		return false;
	switch (*b++) {
	case BININT:
		*out = (int32_t)get32(b);
		return true;
	case BININT1:
		*out = *b;
		return true;
	case BININT2:
		*out = b[0] | b[1] << 8;
		return true;
	default:
		break;
	}
	/* LONG1: two's complement, the lowest byte first, in as many bytes as it says. */
	n = *b++;
	for (size_t i = 0; i < 8; i++)
		bits |= (uint64_t)(i < n ? b[i] : n && b[n - 1] & 0x80 ? 0xff : 0) << 8 * i;
	*out = (int64_t)bits;
	for (size_t i = 8; i < n; i++)
		if (b[i] != (*out < 0 ? 0xff : 0))
			return false;
	return true;
}

const char *pickle_text(const struct pickle *p, struct pickle_value v, size_t *n)
{
	const unsigned char *b = p->bytes + where(v);

	if (pickle_kind(v) != PICKLE_TEXT)
		return NULL;
	if (*b == SHORT_BINSTRING) {
		*n = b[1];
		return (const char *)b + 2;
	}
	*n = get32(b + 1);
	return (const char *)b + 5;
}

bool pickle_is(const struct pickle *p, struct pickle_value v, const char *text)
{
	size_t n = 0;
	const char *s = pickle_text(p, v, &n);

	return s && same(text, (const unsigned char *)s, n);
}

bool pickle_bool(struct pickle_value v)
{
	return pickle_kind(v) == PICKLE_BOOL && where(v);
}

double pickle_float(const struct pickle *p, struct pickle_value v)
{
	const unsigned char *b = p->bytes + where(v) + 1;
	uint64_t bits = 0;
	double x;

	if (pickle_kind(v) != PICKLE_FLOAT)
		return 0;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | b[i];
	memcpy(&x, &bits, sizeof(x));
	return x;
}

const struct pickle_global *pickle_global(const struct pickle *p, struct pickle_value v)
{
	if (pickle_kind(v) == PICKLE_GLOBAL)
		return &p->globals[where(v)];
	return pickle_kind(v) == PICKLE_CALL ? &p->globals[p->objects[where(v)].global] : NULL;
}

const struct pickle_value *pickle_items(const struct pickle *p, struct pickle_value v, size_t *n)
{
	*n = 0;
	if (pickle_kind(v) < PICKLE_TUPLE)
		return NULL;
	*n = p->objects[where(v)].n;
	return p->objects[where(v)].items;
}

size_t pickle_nobjects(const struct pickle *p)
{
	return p->nobjects;
}

size_t pickle_object(struct pickle_value v)
{
	return where(v);
}

struct pickle_value pickle_nth(const struct pickle *p, size_t object)
{
	return value(p->objects[object].kind, object);
}
