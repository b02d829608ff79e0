/* Nodes of a graph document as JSON: cJSON reads, what is printed fits on a line. */
#include "formats/graphdoc_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/library.h"

/* Loaded at the first graph: a shared library more is a tenth of the time of a small command. */
static struct {
	cJSON *(*parse)(const char *, size_t, const char **, cJSON_bool);
	cJSON *(*get)(const cJSON *, const char *);
	cJSON *(*item)(const cJSON *, int);
	int (*size)(const cJSON *);
	char *(*print)(const cJSON *);
	void (*release)(void *);
	void (*remove)(cJSON *);
} json;

static int load_json(struct error *err)
{
	static const char file[] = "libcjson.so.1";
	static const char *const names[] = { "cJSON_ParseWithLengthOpts",
					     "cJSON_GetObjectItemCaseSensitive",
					     "cJSON_GetArrayItem",
					     "cJSON_GetArraySize",
					     "cJSON_PrintUnformatted",
					     "cJSON_free",
					     "cJSON_Delete" };
	void **functions = (void **)&json;
	void *lib;

	if (json.parse)
		return 0;
	lib = library_open(file, NULL);
	for (size_t i = sizeof(names) / sizeof(names[0]); lib && i--;)
		if (!library_symbol(lib, names[i], &functions[i]))
			lib = NULL;
	return lib ? 0 : error_set(err, ERR_RESOURCE, "%s is needed to read graphs (Debian: libcjson1)", file);
}

static bool is(const cJSON *j, int type)
{
	return j && (j->type & 0xff) == type;
}

void gnode_release(struct gnode *n)
{
	free(n->op);
	free(n->in);
	for (int i = 0; i < n->nattrs; i++) {
		free(n->attrs[i].name);
		free(n->attrs[i].text);
	}
	free(n->attrs);
	free(n->out);
	free(n->extra);
	memset(n, 0, sizeof(*n));
}

/* == printing == */

/* As JSON; bytes that are no UTF-8 as the lone surrogates of Python's surrogateescape, so that they come back. */
static void put_string(struct text *t, const char *s)
{
	text_char(t, '"');
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		size_t n = text_utf8(p);

		if (*p == '"' || *p == '\\')
			text_fmt(t, "\\%c", *p);
		else if (n)
			text_add_n(t, (const char *)p, n);
		else if (*p < 0x80)
			text_fmt(t, "\\u%04x", *p);
		else
			text_fmt(t, "\\udc%02x", *p);
		p += n ? n : 1;
	}
	text_char(t, '"');
}

static void put_number(struct text *t, const struct scalar *s)
{
	static const char *const kinds[] = { "bool", "int", "float", "complex" };

	text_add(t, "{\"num\":");
	if (s->kind == SCALAR_COMPLEX)
		text_fmt(t, "\"%.17g%+.17gj\"", s->re, s->im);
	else if (s->kind == SCALAR_BOOL)
		text_add(t, s->magnitude ? "true" : "false");
	else if (s->kind == SCALAR_INT && s->magnitude <= (uint64_t)1 << 53)
		text_fmt(t, "%s%" PRIu64, s->negative ? "-" : "", s->magnitude);
	else if (s->kind == SCALAR_INT)
		text_fmt(t, "\"%s%" PRIu64 "\"", s->negative ? "-" : "", s->magnitude);
	else if (isfinite(s->re))
		text_fmt(t, "%.17g", s->re);
	else
		text_fmt(t, "\"%s\"", isnan(s->re) ? "nan" : s->re < 0 ? "-inf" : "inf");
	text_fmt(t, ",\"kind\":\"%s\"}", kinds[s->kind]);
}

static void put_reference(struct text *t, const struct gref *r)
{
	if (r->id >= 0)
		text_fmt(t, "%" PRId64, r->id);
	else
		put_number(t, &r->num);
}

static void put_file(struct text *t, const struct gfile *f)
{
	text_add(t, ",\"file\":{");
	if (f->size || f->ino)
		text_fmt(t,
			 "\"size\":%" PRId64 ",\"mtime_ns\":\"%" PRId64 "\",\"dev\":\"%" PRId64 "\",\"ino\":\"%" PRId64
			 "\"%s",
			 f->size, f->mtime_ns, f->dev, f->ino, f->known ? "," : "");
	if (f->known)
		text_fmt(t, "\"xxh3\":\"%016" PRIx64 "\"", f->xxh3);
	text_char(t, '}');
}

static const char *dtype_code(enum dtype d)
{
	static const struct {
		enum dtype dtype;
		const char *code;
	} codes[] = { { DT_BOOL, "|b1" }, { DT_I8, "|i1" },  { DT_U8, "|u1" },	{ DT_I16, "<i2" },  { DT_U16, "<u2" },
		      { DT_I32, "<i4" },  { DT_U32, "<u4" }, { DT_I64, "<i8" }, { DT_U64, "<u8" },  { DT_F16, "<f2" },
		      { DT_F32, "<f4" },  { DT_F64, "<f8" }, { DT_C64, "<c8" }, { DT_C128, "<c16" } };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].dtype == d)
			return codes[i].code;
	return dtype_name(d);
}

void gnode_print(struct text *t, const struct gnode *n, const struct gline *line)
{
	text_fmt(t, "{\"id\":%" PRId64 ",\"op\":", n->id);
	put_string(t, n->op);
	if (n->nin) {
		text_add(t, ",\"in\":[");
		for (int i = 0; i < n->nin; i++) {
			if (i)
				text_char(t, ',');
			put_reference(t, &n->in[i]);
		}
		text_char(t, ']');
	}
	if (n->nattrs) {
		text_add(t, ",\"attr\":{");
		for (int i = 0; i < n->nattrs; i++) {
			const struct gattr *a = &n->attrs[i];

			if (i)
				text_char(t, ',');
			put_string(t, a->name);
			text_char(t, ':');
			if (a->text)
				put_string(t, a->text);
			else if (a->ref.id >= 0)
				text_fmt(t, "{\"node\":%" PRId64 "}", a->ref.id);
			else
				put_number(t, &a->ref.num);
		}
		text_char(t, '}');
	}
	if (strcmp(n->op, "amend")) {
		if (n->requires_grad)
			text_add(t, ",\"rg\":1");
		if (n->cut)
			text_add(t, ",\"cut\":1");
		if (n->pass)
			text_add(t, ",\"pass\":1");
		text_fmt(t, ",\"dtype\":\"%s\",\"shape\":[", dtype_code(n->dtype));
		for (int i = 0; i < n->shape.ndim; i++)
			text_fmt(t, i ? ",%" PRId64 : "%" PRId64, n->shape.dim[i]);
		text_char(t, ']');
		if (n->alias >= 0)
			text_fmt(t, ",\"alias\":%" PRId64 ",\"ver\":%d", n->alias, n->version);
		text_add(t, ",\"out\":");
		if (n->out)
			put_string(t, n->out);
		else
			text_add(t, "null");
	}
	if (n->file.known || n->file.ino)
		put_file(t, &n->file);
	if (n->extra) {
		text_char(t, ',');
		text_add(t, n->extra);
	}
	/* One of the two is always there: so a document that another program wrote is told from ours. */
	if (line && !n->out && strcmp(n->op, "amend")) {
		text_fmt(t, ",\"last\":%" PRId64, line->last);
	} else if (line) {
		text_add(t, ",\"idx\":[");
		for (int i = 0; i < line->nidx; i++)
			text_fmt(t, i ? ",%" PRId64 : "%" PRId64, line->idx[i]);
		text_char(t, ']');
	}
	text_char(t, '}');
}

/* == parsing == */

static int wrong(const struct gnode *n, const char *what, struct error *err)
{
	return error_set(err, ERR_FILE, "node %" PRId64 ": %s", n->id, what);
}

/* An integer that a double holds exactly, or decimal digits in a string. */
static bool integer(const cJSON *j, int64_t *out)
{
	char *end;

	if (is(j, cJSON_Number) && fabs(j->valuedouble) <= 9007199254740992.0 &&
	    floor(j->valuedouble) == j->valuedouble) {
		*out = (int64_t)j->valuedouble;
		return true;
	}
	if (!is(j, cJSON_String) || !*j->valuestring)
		return false;
	*out = strtoll(j->valuestring, &end, 10);
	return !*end;
}

static bool parse_number(struct scalar *s, const cJSON *num, const cJSON *kind)
{
	static const char *const kinds[] = { "bool", "int", "float", "complex" };
	int k = -1;

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < 4; i++)
		if (is(kind, cJSON_String) && !strcmp(kind->valuestring, kinds[i]))
			k = i;
	if (is(num, cJSON_String)) {
		if (!scalar_parse(s, num->valuestring, strlen(num->valuestring)))
			return false;
	} else if ((is(num, cJSON_True) || is(num, cJSON_False))) {
		s->kind = SCALAR_BOOL;
		s->magnitude = is(num, cJSON_True);
		s->re = (double)s->magnitude;
	} else if (is(num, cJSON_Number)) {
		double v = num->valuedouble;
		bool whole = floor(v) == v && fabs(v) <= 9007199254740992.0;

		s->kind = whole && (k == SCALAR_INT || k < 0) ? SCALAR_INT : SCALAR_FLOAT;
		s->re = v;
		if (s->kind == SCALAR_INT) {
			s->negative = v < 0;
			s->magnitude = (uint64_t)fabs(v);
		}
	} else {
		return false;
	}
	if (k >= 0 && k > (int)s->kind) { /* "1" as a complex number, "2" as a float */
		if (s->kind <= SCALAR_INT)
			s->re = s->negative ? -(double)s->magnitude : (double)s->magnitude;
		s->kind = (enum scalar_kind)k;
	}
	return true;
}

static bool parse_reference(struct gref *r, const cJSON *j, int64_t limit)
{
	r->id = -1;
	if (is(j, cJSON_Object)) {
		const cJSON *node = json.get(j, "node");

		if (!node)
			return parse_number(&r->num, json.get(j, "num"), json.get(j, "kind"));
		j = node;
	}
	return integer(j, &r->id) && r->id >= 0 && r->id < limit;
}

static int parse_attrs(struct gnode *n, const cJSON *j, struct error *err)
{
	const cJSON *a;

	if (!is(j, cJSON_Object))
		return wrong(n, "attr is no object", err);
	cJSON_ArrayForEach(a, j)
	{
		struct gattr *all = realloc(n->attrs, (size_t)(n->nattrs + 1) * sizeof(*all)), *g;

		if (!all)
			return error_memory(err, sizeof(*all));
		n->attrs = all;
		g = &all[n->nattrs++];
		memset(g, 0, sizeof(*g));
		g->ref.id = -1;
		if (!(g->name = strdup(a->string)))
			return error_memory(err, 1);
		if (is(a, cJSON_String)) {
			if (!(g->text = strdup(a->valuestring)))
				return error_memory(err, 1);
		} else if (!is(a, cJSON_Object) || !parse_reference(&g->ref, a, n->id)) {
			return wrong(n, "an attribute is neither a text nor a node before this one", err);
		}
	}
	return 0;
}

static int parse_file(struct gnode *n, const cJSON *j, struct error *err)
{
	static const char *const names[] = { "size", "mtime_ns", "dev", "ino" };
	int64_t *const values[] = { &n->file.size, &n->file.mtime_ns, &n->file.dev, &n->file.ino };
	const cJSON *hash;

	if (!is(j, cJSON_Object))
		return wrong(n, "file is no object", err);
	hash = json.get(j, "xxh3");
	for (int i = 0; i < 4; i++) {
		const cJSON *v = json.get(j, names[i]);

		if (v && !integer(v, values[i]))
			return wrong(n, "a number of file is not one", err);
	}
	if (hash) {
		char *end = NULL;

		if (is(hash, cJSON_String) && strlen(hash->valuestring) == 16)
			n->file.xxh3 = strtoull(hash->valuestring, &end, 16);
		if (!end || *end)
			return wrong(n, "xxh3 is not 16 hexadecimal digits", err);
		n->file.known = true;
	}
	return 0;
}

static int parse_shape(struct gnode *n, const cJSON *j, struct error *err)
{
	const cJSON *d;

	if (!is(j, cJSON_Array) || json.size(j) > MAX_NDIM)
		return wrong(n, "shape is no list of at most 64 sizes", err);
	cJSON_ArrayForEach(d, j) if (!integer(d, &n->shape.dim[n->shape.ndim]) ||
				     n->shape.dim[n->shape.ndim++] < 0) return wrong(n, "shape is no list of sizes",
										     err);
	if (shape_size(&n->shape) < 0)
		return wrong(n, "shape is too big", err);
	return 0;
}

static int keep(struct gnode *n, const cJSON *j, struct error *err)
{
	char *value = json.print(j);
	struct text t = TEXT_INIT;

	if (!value)
		return error_memory(err, 1);
	if (n->extra)
		text_fmt(&t, "%s,", n->extra);
	put_string(&t, j->string);
	text_char(&t, ':');
	for (const unsigned char *q = (const unsigned char *)value; *q;) {
		size_t k = text_utf8(q);

		if (k || *q < 0x80)
			text_add_n(&t, (const char *)q, k ? k : 1);
		else
			text_fmt(&t, "\\udc%02x", *q);
		q += k ? k : 1;
	}
	json.release(value);
	if (t.failed) {
		text_release(&t);
		return error_memory(err, 1);
	}
	free(n->extra);
	n->extra = t.s;
	return 0;
}

static int parse_inputs(struct gnode *n, const cJSON *j, struct error *err)
{
	const cJSON *i;

	if (!is(j, cJSON_Array))
		return wrong(n, "in is no list", err);
	n->in = calloc((size_t)json.size(j) + 1, sizeof(*n->in));
	if (!n->in)
		return error_memory(err, 1);
	cJSON_ArrayForEach(i, j) if (!parse_reference(&n->in[n->nin++], i, n->id)) return wrong(
		n, "an input is neither a number nor a node before this one", err);
	return 0;
}

static int parse_line(struct gline *line, const cJSON *j, int64_t id, struct error *err)
{
	const cJSON *i;

	if (!is(j, cJSON_Array))
		return error_set(err, ERR_FILE, "node %" PRId64 ": idx is no list", id);
	cJSON_ArrayForEach(i, j)
	{
		if (line->nidx == 64 || !integer(i, &line->idx[line->nidx]) || line->idx[line->nidx] >= id)
			return error_set(err, ERR_FILE, "node %" PRId64 ": idx is no index", id);
		line->nidx++;
	}
	return 0;
}

static int parse_object(struct gnode *n, struct gline *line, const cJSON *o, struct error *err)
{
	const cJSON *j, *id = json.get(o, "id");
	bool dtype = false, shape = false;
	int64_t v;

	memset(n, 0, sizeof(*n));
	memset(line, 0, sizeof(*line));
	n->alias = -1;
	line->last = -1;
	if (!is(o, cJSON_Object) || !id || !integer(id, &n->id) || n->id < 0)
		return error_set(err, ERR_FILE, "a node has no id");
	cJSON_ArrayForEach(j, o)
	{
		const char *k = j->string;
		int ret = 0;

		for (const cJSON *twin = o->child; twin != j; twin = twin->next)
			if (!strcmp(twin->string, k))
				return wrong(n, "a key is there twice", err);
		if (!strcmp(k, "id")) {
			;
		} else if (!strcmp(k, "op")) {
			if (!is(j, cJSON_String) || !*j->valuestring || strlen(j->valuestring) > 60)
				return wrong(n, "op is no name", err);
			n->op = strdup(j->valuestring);
		} else if (!strcmp(k, "in")) {
			ret = parse_inputs(n, j, err);
		} else if (!strcmp(k, "attr")) {
			ret = parse_attrs(n, j, err);
		} else if (!strcmp(k, "rg") || !strcmp(k, "cut") || !strcmp(k, "pass")) {
			bool *flag = *k == 'r' ? &n->requires_grad : *k == 'c' ? &n->cut : &n->pass;

			*flag = is(j, cJSON_True) || (is(j, cJSON_Number) && j->valuedouble != 0);
		} else if (!strcmp(k, "dtype")) {
			struct error bad = ERROR_INIT;

			if (!is(j, cJSON_String) || dtype_parse(&n->dtype, NULL, j->valuestring, &bad))
				return wrong(n, "dtype is not known", err);
			dtype = true;
		} else if (!strcmp(k, "shape")) {
			ret = parse_shape(n, j, err);
			shape = true;
		} else if (!strcmp(k, "out")) {
			if (is(j, cJSON_String) && *j->valuestring)
				n->out = strdup(j->valuestring);
			else if (!is(j, cJSON_NULL))
				return wrong(n, "out is no path", err);
		} else if (!strcmp(k, "file")) {
			ret = parse_file(n, j, err);
		} else if (!strcmp(k, "alias")) {
			if (!integer(j, &n->alias) || n->alias < 0 || n->alias >= n->id)
				return wrong(n, "alias is no node before this one", err);
		} else if (!strcmp(k, "ver")) {
			if (!integer(j, &v) || v < 0 || v > INT32_MAX)
				return wrong(n, "ver is no count", err);
			n->version = (int)v;
		} else if (!strcmp(k, "last")) {
			if (!integer(j, &line->last) || line->last >= n->id)
				return wrong(n, "last is no node before this one", err);
		} else if (!strcmp(k, "idx")) {
			ret = parse_line(line, j, n->id, err);
		} else {
			ret = keep(n, j, err);
		}
		if (ret)
			return -1;
	}
	if (!n->op)
		return wrong(n, "op is missing", err);
	if (strcmp(n->op, "amend") && (!dtype || !shape))
		return wrong(n, "dtype or shape is missing", err);
	if ((!strcmp(n->op, "amend") || !strcmp(n->op, "output")) && (n->nin != 1 || n->in[0].id < 0))
		return wrong(n, "it names no node", err);
	return 0;
}

/* Nesting that would exhaust the stack of a recursive parser. */
static bool too_deep(const char *text, size_t len)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
		} else if (text[i] == '"') {
			quoted = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > 64)
				return true;
		} else if (text[i] == '}' || text[i] == ']') {
			depth--;
		}
	}
	return false;
}

static cJSON *parse_text(const char *text, size_t len, struct error *err)
{
	const char *end = NULL;
	cJSON *j;

	if (too_deep(text, len)) {
		error_set(err, ERR_FILE, "is nested too deeply for a graph");
		return NULL;
	}
	if (memchr(text, 0, len)) {
		error_set(err, ERR_FILE, "holds a NUL byte");
		return NULL;
	}
	j = json.parse(text, len, &end, false);
	if (!j) {
		error_set(err, ERR_FILE, "is no JSON at byte %td", end ? end - text : 0);
		return NULL;
	}
	while (end < text + len && memchr(" \t\r\n", *end, 4))
		end++;
	if (end < text + len && *end) {
		json.remove(j);
		error_set(err, ERR_FILE, "has something behind its end");
		return NULL;
	}
	return j;
}

/* The code unit of the escape at text[i], or -1. */
static int escaped(const char *text, size_t i, size_t len)
{
	int unit = 0;

	if (i + 6 > len || text[i] != '\\' || text[i + 1] != 'u')
		return -1;
	for (int k = 2; k < 6; k++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, text[i + (size_t)k] | 0x20);

		if (!at || !*at)
			return -1;
		unit = unit * 16 + (int)(at - digits);
	}
	return unit;
}

/* Lone surrogates that stand for bytes, which cJSON refuses, as these bytes, which it leaves alone: a shorter text. */
static char *with_bytes(const char *text, size_t *len)
{
	char *out = malloc(*len + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < *len;) {
		int unit = escaped(text, i, *len);
		size_t k = unit >= 0xd800 && unit < 0xdc00 ? 12 : unit >= 0 ? 6 : text[i] == '\\' ? 2 : 1;

		if (unit >= 0xdc80 && unit <= 0xdcff) {
			out[n++] = (char)(unit & 0xff);
			i += 6;
			continue;
		}
		for (; k && i < *len; k--)
			out[n++] = text[i++];
	}
	if (out)
		out[n] = '\0';
	*len = n;
	return out;
}

static cJSON *parse(const char *text, size_t len, struct error *err)
{
	cJSON *j;

	if (load_json(err))
		return NULL;
	for (const char *p = text; (p = memchr(p, '\\', len - (size_t)(p - text))); p++)
		if (len - (size_t)(p - text) >= 6 && (!memcmp(p, "\\udc", 4) || !memcmp(p, "\\uDC", 4))) {
			char *bytes = with_bytes(text, &len);

			if (!bytes) {
				error_memory(err, len);
				return NULL;
			}
			j = parse_text(bytes, len, err);
			free(bytes);
			return j;
		}
	return parse_text(text, len, err);
}

int gnode_parse(struct gnode *n, struct gline *line, const char *text, size_t len, struct error *err)
{
	cJSON *o;
	int ret;

	memset(n, 0, sizeof(*n));
	o = parse(text, len, err);
	if (!o)
		return -1;
	ret = parse_object(n, line, o, err);
	json.remove(o);
	return ret;
}

static int check_head(const cJSON *o, char id[17], struct error *err)
{
	const cJSON *version = json.get(o, "tensor_graph"), *name = json.get(o, "id");
	const cJSON *major = json.item(version, 0), *minor = json.item(version, 1);

	if (!is(o, cJSON_Object) || !is(version, cJSON_Array) || !is(major, cJSON_Number) || !is(minor, cJSON_Number))
		return error_set(err, ERR_FILE, "is not a graph: it has no \"tensor_graph\"");
	if (major->valuedouble != 1)
		return error_set(err, ERR_FILE, "is a graph of version %.15g.%.15g; this program reads versions 1.x",
				 major->valuedouble, minor->valuedouble);
	if (!is(name, cJSON_String) || !*name->valuestring || strlen(name->valuestring) > 16)
		return error_set(err, ERR_FILE, "is a graph without an id");
	strcpy(id, name->valuestring);
	return 0;
}

int ghead_parse(const char *text, size_t len, char id[17], struct error *err)
{
	struct text t = TEXT_INIT;
	cJSON *o;
	int ret = -1;

	text_add_n(&t, text, len);
	text_add(&t, "]}");
	if (t.failed) {
		text_release(&t);
		return error_memory(err, len);
	}
	o = parse(t.s, t.len, err);
	if (o) {
		ret = check_head(o, id, err);
		json.remove(o);
	}
	text_release(&t);
	return ret;
}

/* All of the document but its nodes, as its first line. */
static int print_head(struct text *t, const cJSON *o, struct error *err)
{
	const cJSON *j;

	text_add(t, "{");
	cJSON_ArrayForEach(j, o)
	{
		char *value = strcmp(j->string, "nodes") ? json.print(j) : NULL;

		if (value) {
			put_string(t, j->string);
			text_fmt(t, ": %s, ", value);
			json.release(value);
		} else if (strcmp(j->string, "nodes")) {
			return error_memory(err, 1);
		}
	}
	text_add(t, "\"nodes\": [\n");
	return t->failed ? error_memory(err, t->room) : 0;
}

int gdoc_each(const char *text, size_t len, char id[17], struct text *head, gnode_fn *each, void *arg,
	      struct error *err)
{
	cJSON *o = parse(text, len, err);
	const cJSON *nodes, *j;
	int64_t last = -1;
	int ret = -1;

	if (!o)
		return -1;
	nodes = json.get(o, "nodes");
	if (check_head(o, id, err))
		goto done;
	if (!is(nodes, cJSON_Array)) {
		error_set(err, ERR_FILE, "is a graph without nodes");
		goto done;
	}
	if (print_head(head, o, err))
		goto done;
	cJSON_ArrayForEach(j, nodes)
	{
		struct gnode n;
		struct gline line;

		ret = parse_object(&n, &line, j, err);
		if (!ret && n.id <= last)
			ret = error_set(err, ERR_FILE, "node %" PRId64 " comes after node %" PRId64, n.id, last);
		last = n.id;
		if (!ret)
			ret = each(arg, &n, err);
		gnode_release(&n);
		if (ret)
			goto done;
	}
	ret = 0;
done:
	json.remove(o);
	return ret;
}
