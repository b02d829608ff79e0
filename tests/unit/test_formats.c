/*
 * Files and streams of arrays: formats/.  Without arguments, the tests; "--hostile DIR" checks what tests/hostile/make.py
 * wrote to DIR against its table of verdicts.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/io.h"
#include "formats/npy.h"
#include "lib/dtype.h"

static int tests, failures;

/* One line of TAP; what says what was tested. */
static bool report(bool good, const char *what, const char *detail)
{
	tests++;
	failures += !good;
	printf("%sok %d - ", good ? "" : "not ", tests);
	for (const char *p = what; *p; p++)
		putchar((unsigned char)*p < ' ' || *p == '#' ? '.' : *p);
	putchar('\n');
	if (!good && detail && *detail)
		printf("# %s\n", detail);
	return good;
}

static const struct format_options defaults;

/* == helpers == */

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(data, 1, n, f) != n || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(1 << 24);

	if (!f || !data) {
		free(data);
		if (f)
			fclose(f);
		*n = 0;
		return NULL;
	}
	*n = fread(data, 1, 1 << 24, f);
	fclose(f);
	return data;
}

/* The elements in C order and native byte order, malloc'ed. */
static unsigned char *elements_of(const struct array *a, struct error *err)
{
	int64_t size = shape_size(&a->shape);
	size_t itemsize = dtype_size(a->dtype);
	unsigned char *bytes = malloc((size_t)a->src->nbytes + 1), *out = malloc((size_t)size * itemsize + 1);

	if (!bytes || !out)
		abort();
	for (int64_t at = 0, n; at < a->src->nbytes; at += n) {
		n = a->src->nbytes - at < 100000 ? a->src->nbytes - at : 100000;
		if (source_read(a->src, bytes + at, (size_t)n, at, err)) {
			free(bytes);
			free(out);
			return NULL;
		}
	}
	for (int64_t k = 0; k < size; k++) {
		int64_t at = a->offset, rest = k;

		for (int i = a->shape.ndim - 1; i >= 0; i--) {
			at += rest % a->shape.dim[i] * a->strides[i];
			rest /= a->shape.dim[i];
		}
		copy_swapped(out + (size_t)k * itemsize, bytes + at, itemsize,
			     a->swap ? dtype_info[a->dtype].swapsize : 1);
	}
	free(bytes);
	return out;
}

/* Read member i of a file; NULL and err if any of it fails. */
static unsigned char *load(const char *path, const char *key, const struct format_options *opt, struct array *a,
			   struct error *err)
{
	unsigned char *data = NULL;
	struct file *f;
	int i;

	memset(a, 0, sizeof(*a));
	if (file_open(&f, path, opt, err))
		return NULL;
	if ((i = file_find(f, key, err)) >= 0 && !file_array(f, i, a, err))
		data = elements_of(a, err);
	file_close(f);
	array_release(a);
	return data;
}

static int store(const char *path, const struct format_options *opt, const char *key, enum dtype dtype,
		 const struct shape *shape, const void *data, struct error *err)
{
	struct writer *w;

	if (writer_open(&w, path, opt, err))
		return -1;
	if (writer_begin(w, key, dtype, shape, false, err) || writer_write(w, data, 0, shape_size(shape), err) ||
	    writer_end(w, err)) {
		writer_abort(w);
		return -1;
	}
	return writer_commit(w, err);
}

/* An npy file with this dict as its header, version 1.0, nothing aligned. */
static size_t make_npy(char *buf, const char *dict, const void *data, size_t n)
{
	size_t len = strlen(dict);

	memcpy(buf, "\x93NUMPY\1\0", 8);
	buf[8] = (char)(len & 0xff);
	buf[9] = (char)(len >> 8);
	memcpy(buf + 10, dict, len);
	memcpy(buf + 10 + len, data, n);
	return 10 + len + n;
}

/* == npy headers == */

static int read_borrowed(void *from, void *buf, size_t n, struct error *err)
{
	return input_read(from, buf, n, err);
}

static void test_header_text(void)
{
	static const struct {
		enum dtype dtype;
		struct shape shape;
		bool fortran;
		const char *dict; /* what numpy.save of NumPy 2.4 writes, without the blanks at the end */
	} row[] = {
		{ DT_F64, { 2, { 3, 4 } }, false, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }" },
		{ DT_F64, { 2, { 3, 4 } }, true, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }" },
		{ DT_BOOL, { 1, { 5 } }, true, "{'descr': '|b1', 'fortran_order': False, 'shape': (5,), }" },
		{ DT_U8, { 0, { 0 } }, false, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }" },
		{ DT_C128,
		  { 3, { 2, 0, 4 } },
		  true,
		  "{'descr': '<c16', 'fortran_order': False, 'shape': (2, 0, 4), }" },
		{ DT_BF16, { 1, { 1 } }, false, "{'descr': 'bfloat16', 'fortran_order': False, 'shape': (1,), }" },
		{ DT_F8E4M3,
		  { 1, { 1 } },
		  false,
		  "{'descr': 'float8_e4m3fn', 'fortran_order': False, 'shape': (1,), }" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct text t = TEXT_INIT;
		size_t len = strlen(row[i].dict);

		npy_header_text(&t, row[i].dtype, &row[i].shape, row[i].fortran, "");
		report(t.len % 64 == 0 && t.s[t.len - 1] == '\n' && !memcmp(t.s + 10, row[i].dict, len) &&
			       strspn(t.s + 10 + len, " ") == t.len - 11 - len,
		       row[i].dict, t.s + 10);
		text_release(&t);
	}
}

static void test_header_read(void)
{
	static const struct {
		bool good;
		const char *dict;
	} row[] = {
		{ true, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }" },
		{ true, "{'shape': (2L,), \"descr\":\"<f4\",\t'fortran_order':False}  \n" },
		{ true, " {\n'descr':\f'<f4', 'fortran_order': False, 'shape': (2,)\r\n}\n# a comment" },
		{ true, "{u'descr': u'<f4', 'fortran_order': False, 'shape': ( 2 , ), }" },
		{ true, "{'descr': 'f4', 'fortran_order': False, 'shape': (2,), }" },
		{ true, "{'descr': 'float32', 'fortran_order': True, 'shape': (2,), }" },
		{ true,
		  "{'descr': [('a', '<f4'), ('shape', '<i4', (2, 3))], 'fortran_order': False, 'shape': (2,), }" },
		{ true, "{'descr': '<M8[25us]', 'fortran_order': False, 'shape': (2,), }" },
		{ true, "{'descr': '|V8', 'fortran_order': False, 'shape': (2,), }" },
		{ true, "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "" },
		{ false, "{}" },
		{ false, "[]" },
		{ false, "{'descr': '<f4', 'fortran_order': False, }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}" },
		{ false, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }{}" },
		{ false, "{'descr': '<f4, 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': false, 'shape': (2,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': 'False', 'shape': (2,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': [2], }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': 2, }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (02,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2l,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,), }" },
		{ false, "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551618,), }" },
		{ false, "{'descr': '<f4294967300', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<f+4', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<f3', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': ' <f4', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': '<M8[xs]', 'fortran_order': False, 'shape': (2,), }" },
		{ false, "{'descr': [('a', '<f4'], 'fortran_order': False, 'shape': (2,), }" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct error err = ERROR_INIT;
		struct npy_header h = { 0 };
		struct input *in;
		char buf[1024];
		size_t n = make_npy(buf, row[i].dict, "", 0);

		if (input_borrow(&in, buf, n, "header", &err))
			abort();
		int ret = npy_header_read(&h, read_borrowed, in, (int64_t)n, &defaults, &err);
		report((ret == 0) == row[i].good, row[i].dict, err.text);
		npy_header_release(&h);
		input_unref(in);
	}
}

/* == files == */

static void expect_error(const char *path, const char *key, const struct format_options *opt, enum error_code code,
			 const char *text)
{
	struct error err = ERROR_INIT;
	struct array a;
	unsigned char *data = load(path, key, opt, &a, &err);

	report(!data && err.code == code && strstr(err.text, text), text, err.text);
	free(data);
}

static void test_npy_files(void)
{
	static const float value[6] = { 0, 1, 2, 3, 4, 5 };
	const struct shape shape = { 2, { 2, 3 } };
	struct error err = ERROR_INIT;
	struct array a;
	char buf[2048];
	size_t n;

	report(!store("a.npy", &defaults, NULL, DT_F32, &shape, value, &err), "write a.npy", err.text);
	unsigned char *data = load("a.npy", NULL, &defaults, &a, &err);
	report(data && !memcmp(data, value, sizeof(value)) && a.dtype == DT_F32 && shape_equal(&a.shape, &shape),
	       "read a.npy", err.text);
	free(data);

	n = make_npy(buf, "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", value, sizeof(value));
	write_file("f.npy", buf, n);
	data = load("f.npy", NULL, &defaults, &a, &err);
	report(data && !memcmp(data, (float[]){ 0, 3, 1, 4, 2, 5 }, sizeof(value)), "Fortran order", err.text);
	free(data);

	n = make_npy(buf, "{'descr': '>c8', 'fortran_order': False, 'shape': (1,), }", "\x3f\x80\0\0\x40\0\0\0", 8);
	write_file("b.npy", buf, n);
	data = load("b.npy", NULL, &defaults, &a, &err);
	report(data && !memcmp(data, (float[]){ 1, 2 }, 8), "big-endian complex: each half is swapped", err.text);
	free(data);

	n = make_npy(buf, "{'descr': '<u1', 'fortran_order': False, 'shape': (2,), }", "\1\2", 2);
	size_t second = make_npy(buf + n, "{'descr': '<i2', 'fortran_order': False, 'shape': (), }", "\3\0", 2);
	write_file("two.npy", buf, n + second);
	data = load("two.npy", "1", &defaults, &a, &err);
	report(data && a.dtype == DT_I16 && data[0] == 3, "two.npy:1", err.text);
	free(data);
	expect_error("two.npy", "2", &defaults, ERR_FILE, "two.npy: has no member '2'; it has 0, 1");

	struct file *f;
	write_file("junk.npy", "\x93NUMPY\1\0\x36\0{'descr': '|u1', 'fortran_order': False, 'shape': ()}\nxyz",
		   10 + 0x36 + 3);
	if (report(!file_open(&f, "junk.npy", &defaults, &err), "junk at the end", err.text)) {
		report(f->warning && !strcmp(f->warning, "2 bytes after the array are ignored"), "is warned of",
		       f->warning);
		file_close(f);
	}

	write_file("short.npy", buf, n - 1);
	expect_error("short.npy", NULL, &defaults, ERR_FILE,
		     "short.npy: data ends after 1 bytes, 2 expected (shape (2,), uint8)");
	write_file("cut.npy", buf, 30);
	expect_error("cut.npy", NULL, &defaults, ERR_FILE, "cut.npy: ends within the npy header");
	write_file("text.npy", "hello, world", 12);
	expect_error("text.npy", NULL, &defaults, ERR_FILE, "text.npy: is not an npy file (starts with 'hello, w')");
	write_file("empty.npy", "", 0);
	expect_error("empty.npy", NULL, &defaults, ERR_FILE, "empty.npy: the file is empty");
	write_file("gzip.npy", "\x1f\x8b\x08\0\0\0\0\0", 8);
	expect_error("gzip.npy", NULL, &defaults, ERR_FILE, "gzip.npy: is gzip-compressed: gunzip it first");
	expect_error("none.npy", NULL, &defaults, ERR_FILE, "none.npy: No such file or directory");
	expect_error(".", NULL, &defaults, ERR_FILE, ".: Is a directory");

	n = make_npy(buf, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "\x80\4N.", 4);
	write_file("object.npy", buf, n);
	expect_error("object.npy", NULL, &defaults, ERR_FILE,
		     "object.npy: has elements of type '|O': an object array is a");
	n = make_npy(buf, "{'descr': '<f1', 'fortran_order': False, 'shape': (1,), }", "\x80", 1);
	write_file("f1.npy", buf, n);
	expect_error("f1.npy", NULL, &defaults, ERR_FILE, "float8_e5m2");

	struct format_options as = { .has_as = true, .as = DT_BF16 };
	n = make_npy(buf, "{'descr': '<V2', 'fortran_order': False, 'shape': (1,), }", "\x80\x3f", 2);
	write_file("v2.npy", buf, n);
	data = load("v2.npy", NULL, &as, &a, &err);
	report(data && a.dtype == DT_BF16, "V2 as bfloat16", err.text);
	free(data);
	expect_error("a.npy", NULL, &as, ERR_VALUE,
		     "a.npy: its elements are <f4 of 4 bytes, which cannot be taken as bfloat16");
}

/* == writers == */

static int count_temporaries(void)
{
	FILE *p = popen("ls -A | grep -c '\\.tmp-'", "r");
	int n = -1;

	if (!p || fscanf(p, "%d", &n) != 1)
		n = -1;
	if (p)
		pclose(p);
	return n;
}

static void test_writer(void)
{
	const struct shape shape = { 1, { 100000 } };
	double *value = calloc(100000, sizeof(*value));
	struct error err = ERROR_INIT;
	struct writer *w;
	struct stat st;
	size_t n, m;

	if (!value)
		abort();
	for (int i = 0; i < 100000; i++)
		value[i] = i;

	/* Blocks from the end to the start. */
	bool good = !writer_open(&w, "r.npy", &defaults, &err) && !writer_begin(w, NULL, DT_F64, &shape, false, &err) &&
		    writer_random(w);
	for (int i = 100000; good && i; i -= 1000)
		good = !writer_write(w, value + i - 1000, i - 1000, 1000, &err);
	report(good && !writer_end(w, &err) && !writer_commit(w, &err), "blocks in any order", err.text);
	store("s.npy", &defaults, NULL, DT_F64, &shape, value, &err);
	char *x = read_file("r.npy", &n), *y = read_file("s.npy", &m);
	report(x && y && n == m && !memcmp(x, y, n), "make the same file", "");
	free(x);
	free(y);

	/* What fails leaves the old file. */
	good = !writer_open(&w, "r.npy", &defaults, &err) && !writer_begin(w, NULL, DT_F64, &shape, false, &err) &&
	       !writer_write(w, value, 0, 1000, &err);
	report(good && count_temporaries() == 1, "a temporary while writing", err.text);
	if (good)
		writer_abort(w);
	report(count_temporaries() == 0, "and none after writer_abort", "");
	if (writer_open(&w, "r.npy", &defaults, &err))
		abort();
	writer_cleanup();
	report(count_temporaries() == 0, "and none after writer_cleanup", "");
	writer_abort(w);
	x = read_file("r.npy", &n);
	report(n == m, "the old file is still there", "");
	free(x);

	report(!symlink("r.npy", "link.npy") && !chmod("r.npy", 0640) &&
		       !store("link.npy", &defaults, NULL, DT_F64, &(struct shape){ 0, { 0 } }, value, &err) &&
		       !lstat("link.npy", &st) && S_ISLNK(st.st_mode) && !stat("r.npy", &st) &&
		       (st.st_mode & 0777) == 0640 && st.st_size == 136,
	       "a symbolic link stays one, the mode too", err.text);

	report(store("no/x.npy", &defaults, NULL, DT_F64, &shape, value, &err) && err.code == ERR_RESOURCE &&
		       !strcmp(err.text, "cannot create no/x.npy: No such file or directory"),
	       "no directory", err.text);
	report(store("x.foo", &defaults, NULL, DT_F64, &shape, value, &err) && err.code == ERR_USAGE &&
		       strstr(err.text, "x.foo: no format has the suffix '.foo'; there are .npy .npz"),
	       "an unknown suffix", err.text);
	report(store("/dev/full", &defaults, NULL, DT_F64, &shape, value, &err) && err.code == ERR_RESOURCE &&
		       !strcmp(err.text, "cannot write /dev/full: No space left on device"),
	       "/dev/full", err.text);
	report(!store("/dev/null", &defaults, NULL, DT_F64, &shape, value, &err), "/dev/null", err.text);
	report(!stat("/dev/null", &st) && S_ISCHR(st.st_mode), "is still what it was", "");

	if (writer_open(&w, "x.csv", &defaults, &err) == 0) {
		const struct shape one = { 1, { 1 } };

		good = !writer_begin(w, NULL, DT_F64, &one, false, &err) && !writer_write(w, value, 0, 1, &err) &&
		       !writer_end(w, &err);
		report(good && writer_begin(w, NULL, DT_F64, &one, false, &err) && err.code == ERR_USAGE,
		       "csv holds one array", err.text);
		writer_abort(w);
	}
	free(value);
}

/* == raw == */

static void test_raw(void)
{
	unsigned char value[24], dump[64];
	struct error err = ERROR_INIT;
	struct array a;
	struct format_options opt = { .format = format_find("raw"),
				      .has_dtype = true,
				      .dtype = DT_U16,
				      .has_shape = true,
				      .shape = { 2, { 3, 4 } },
				      .pitch = 10,
				      .offset = 3,
				      .big_endian = true };

	/* Element (i, j) is 256 * i + j. */
	memset(dump, 0xee, sizeof(dump));
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 4; j++) {
			dump[3 + 10 * i + 2 * j] = (unsigned char)i;
			dump[3 + 10 * i + 2 * j + 1] = (unsigned char)j;
			value[8 * i + 2 * j] = (unsigned char)j;
			value[8 * i + 2 * j + 1] = (unsigned char)i;
		}
	}
	for (int padded = 0; padded < 2; padded++) {
		for (int inferred = 0; inferred < 2; inferred++) {
			opt.shape.dim[0] = inferred ? -1 : 3;
			write_file("p.raw", dump, padded ? 33 : 31);
			unsigned char *data = load("p.raw", NULL, &opt, &a, &err);
			report(data && !memcmp(data, value, 24) && a.shape.dim[0] == 3, "pitch, offset, big-endian",
			       err.text);
			free(data);
		}
	}
	opt.shape.dim[0] = 3;
	write_file("p.raw", dump, 34);
	expect_error("p.raw", NULL, &opt, ERR_FILE,
		     "p.raw: holds 31 bytes after offset 3, shape (3, 4) of uint16 needs 28 to 30");
	opt.offset = 99;
	expect_error("p.raw", NULL, &opt, ERR_FILE, "p.raw: holds 34 bytes, --offset is 99");
	opt.offset = 0;
	opt.pitch = 7;
	expect_error("p.raw", NULL, &opt, ERR_USAGE, "p.raw: --pitch 7 is less than the 8 bytes of a row");
	opt.has_dtype = false;
	expect_error("p.raw", NULL, &opt, ERR_USAGE, "p.raw: raw data do not say what they are");

	opt = (struct format_options){ .pitch = 10, .big_endian = true };
	const struct shape shape = { 2, { 3, 4 } };
	size_t n;
	report(!store("o.raw", &opt, NULL, DT_U16, &shape, value, &err), "write with a pitch", err.text);
	char *written = read_file("o.raw", &n);
	for (int i = 0; i < 3; i++)
		memset(dump + 3 + 10 * i + 8, 0, 2);
	report(written && n == 30 && !memcmp(written, dump + 3, 30), "pads with zeros", "");
	free(written);
}

/* == npz == */

static void test_npz(void)
{
	struct error err = ERROR_INIT;
	const struct shape shape = { 1, { 5000 } };
	int32_t value[5000];
	struct writer *w;
	struct array a;
	size_t n;

	for (int i = 0; i < 5000; i++)
		value[i] = i % 100;
	for (int level = 0; level < 10; level += 6) {
		struct format_options opt = { .compress = level };
		bool good = !writer_open(&w, "z.npz", &opt, &err);

		for (int i = 0; good && i < 2; i++)
			good = !writer_begin(w, i ? "\xc3\xbc/b" : "a", DT_I32, &shape, false, &err) &&
			       !writer_write(w, value, 0, 5000, &err) && !writer_end(w, &err);
		report(good && writer_begin(w, "a", DT_I32, &shape, false, &err) &&
			       strstr(err.text, "two members are called 'a'"),
		       "a member twice", err.text);
		report(good && !writer_commit(w, &err), "write z.npz", err.text);
		unsigned char *data = load("z.npz", "\xc3\xbc/b", &defaults, &a, &err);
		report(data && !memcmp(data, value, sizeof(value)), "read z.npz:\xc3\xbc/b", err.text);
		free(data);
		expect_error("z.npz", NULL, &defaults, ERR_FILE,
			     "z.npz: has several members, choose one as z.npz:KEY: a, ");
		expect_error("z.npz", "c", &defaults, ERR_FILE, "z.npz: has no member 'c'; it has a, ");

		char *bytes = read_file("z.npz", &n);
		if (!level) {
			report(bytes && !memcmp(bytes + 192, value, sizeof(value)), "data start at a multiple of 64",
			       "");
			bytes[1000] ^= 1;
		} else {
			bytes[60] ^= 1;
		}
		write_file("bad.npz", bytes, n);
		expect_error("bad.npz", "a", &defaults, ERR_FILE,
			     level ? "bad.npz: a.npy" : "bad.npz:a: is corrupt: its CRC is");
		write_file("bad.npz", bytes, n - 1);
		expect_error("bad.npz", "a", &defaults, ERR_FILE,
			     "bad.npz: is no valid zip archive: it has no end record");
		free(bytes);
	}
	write_file("e.npz", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
	expect_error("e.npz", NULL, &defaults, ERR_FILE, "e.npz: holds no arrays");
}

/* == in place == */

/* Views of a 6 x 5 x 4 array, each written in pieces; the file must become what the same change in memory gives. */
static void test_patch(void)
{
	static const struct {
		const char *what;
		struct shape shape;
		int64_t first, strides[3]; /* elements */
	} view[] = {
		{ "all of it", { 3, { 6, 5, 4 } }, 0, { 20, 4, 1 } },
		{ "transposed", { 3, { 4, 5, 6 } }, 0, { 1, 4, 20 } },
		{ "reversed", { 1, { 120 } }, 119, { -1 } },
		{ "every other column", { 2, { 30, 2 } }, 1, { 4, 2 } },
		{ "one element", { 0, { 0 } }, 77, { 0 } },
		{ "a block", { 3, { 2, 3, 2 } }, 45, { 20, 4, 1 } },
		{ "axes of length 1", { 3, { 1, 5, 1 } }, 3, { 7, 4, 9 } },
		{ "nothing", { 2, { 0, 3 } }, 0, { 3, 1 } },
	};
	const struct shape whole = { 1, { 120 } };
	struct error err = ERROR_INIT;
	char dict[256], buf[1024];

	for (size_t v = 0; v < sizeof(view) / sizeof(view[0]); v++) {
		for (int big = 0; big < 2; big++) {
			int32_t model[120], value[120];
			struct array a;
			struct file *f;
			struct patch *p;
			bool good = true;
			int64_t size = shape_size(&view[v].shape);

			for (int i = 0; i < 120; i++) {
				model[i] = big ? (int32_t)__builtin_bswap32((uint32_t)i) : i;
				value[i] = 1000 + i;
			}
			snprintf(dict, sizeof(dict), "{'descr': '%ci4', 'fortran_order': False, 'shape': (120,), }",
				 big ? '>' : '<');
			write_file("m.npy", buf, make_npy(buf, dict, model, sizeof(model)));
			if (file_open(&f, "m.npy", &defaults, &err) || file_array(f, 0, &a, &err)) {
				report(false, view[v].what, err.text);
				continue;
			}
			a.shape = view[v].shape;
			a.offset += 4 * view[v].first;
			for (int i = 0; i < a.shape.ndim; i++)
				a.strides[i] = 4 * view[v].strides[i];
			good = !patch_open(&p, &a, &err);
			for (int64_t at = 0, k; good && at < size; at += k) {
				k = size - at < 7 ? size - at : 7;
				good = !patch_write(p, value + at, at, k, &err);
			}
			good = good && !patch_close(p, &err);
			array_release(&a);
			file_close(f);

			for (int i = 0; i < 120; i++)
				model[i] = i;
			for (int64_t k = 0; k < size; k++) {
				int64_t at = view[v].first, rest = k;

				for (int i = view[v].shape.ndim - 1; i >= 0; i--) {
					at += rest % view[v].shape.dim[i] * view[v].strides[i];
					rest /= view[v].shape.dim[i];
				}
				model[at] = value[k];
			}
			unsigned char *data = load("m.npy", NULL, &defaults, &a, &err);
			report(good && data && shape_equal(&a.shape, &whole) && !memcmp(data, model, sizeof(model)),
			       view[v].what, err.text);
			free(data);
		}
	}
}

/* Runs longer than the window and scattered elements further apart than it. */
static void test_patch_large(void)
{
	enum { N = 300000 };
	const struct shape shape = { 1, { N } };
	struct error err = ERROR_INIT;
	double *value = malloc(N * sizeof(*value)), *model = malloc(N * sizeof(*model));
	struct array a;
	struct file *f;
	struct patch *p;

	if (!value || !model)
		abort();
	for (int i = 0; i < N; i++)
		value[i] = model[i] = i;
	bool good = !store("l.npy", &defaults, NULL, DT_F64, &shape, value, &err) &&
		    !file_open(&f, "l.npy", &defaults, &err);
	if (!report(good && !file_array(f, 0, &a, &err), "open l.npy", err.text))
		exit(1);

	static const int64_t steps[] = { 1, -1, 3, 50000, -40001 };
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		struct array view = a;
		int64_t step = steps[s] < 0 ? -steps[s] : steps[s];

		view.shape.dim[0] = (N + step - 1) / step;
		view.strides[0] = 8 * steps[s];
		view.offset = a.offset + (steps[s] < 0 ? 8 * step * (view.shape.dim[0] - 1) : 0);
		for (int64_t k = 0; k < view.shape.dim[0]; k++) {
			value[k] = (double)(k * 10 + (int64_t)s);
			model[steps[s] < 0 ? step * (view.shape.dim[0] - 1 - k) : step * k] = value[k];
		}
		good = !patch_open(&p, &view, &err) && !patch_write(p, value, 0, view.shape.dim[0], &err) &&
		       !patch_close(p, &err);

		struct array again;
		unsigned char *data = load("l.npy", NULL, &defaults, &again, &err);
		report(good && data && !memcmp(data, model, N * sizeof(*model)), "a large array in place", err.text);
		free(data);
	}
	array_release(&a);
	file_close(f);
	free(value);
	free(model);
}

/* == standard input == */

/* Run body in a process whose standard input is fd. */
static void with_stdin(int fd, const char *what, bool (*body)(struct error *err))
{
	struct error err = ERROR_INIT;
	int status;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd, 0);
		close(fd);
		bool good = body(&err);
		if (!good)
			fprintf(stderr, "# %s: %s\n", what, err.text);
		_exit(!good);
	}
	close(fd);
	report(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, what, "");
}

/* A pipe that bytes are written into by a process of its own. */
static int pipe_of(const void *data, size_t n)
{
	int fd[2];

	fflush(stdout);
	if (pipe(fd))
		abort();
	if (fork() == 0) {
		const char *p = data;

		close(fd[0]);
		for (size_t i = 0; i < n; i += 3) /* short reads on the other side */
			if (write(fd[1], p + i, n - i < 3 ? n - i : 3) < 0)
				_exit(1);
		_exit(0);
	}
	close(fd[1]);
	return fd[0];
}

static bool three_arrays(struct error *err)
{
	for (int i = 0; i < 3; i++) {
		struct array a;

		if (file_stdin_more(err) != 1)
			return false;

		unsigned char *data = load("-", NULL, &defaults, &a, err);
		if (!data || data[0] != i + 1)
			return false;
		free(data);
	}
	return file_stdin_more(err) == 0;
}

static bool one_skipped(struct error *err)
{
	struct file *f;
	struct array a;

	if (file_open(&f, "-", &defaults, err))
		return false;
	file_close(f);

	unsigned char *data = load("-", NULL, &defaults, &a, err);
	bool good = data && data[0] == 2;
	free(data);
	return good;
}

static bool two_open(struct error *err)
{
	struct file *f, *g;
	struct array a, b;
	unsigned char x, y;

	if (file_open(&f, "-", &defaults, err) || file_open(&g, "-", &defaults, err) || file_array(g, 0, &b, err) ||
	    file_array(f, 0, &a, err) || source_read(b.src, &y, 1, 0, err) || source_read(a.src, &x, 1, 0, err))
		return false;
	array_release(&a);
	array_release(&b);
	file_close(f);
	file_close(g);
	return x == 1 && y == 2;
}

static bool is_empty(struct error *err)
{
	struct array a;

	return !load("-", NULL, &defaults, &a, err) && err->code == ERR_FILE &&
	       !strcmp(err->text, "standard input is empty: the command before the pipe wrote nothing");
}

static bool is_cut(struct error *err)
{
	struct array a;

	return !load("-", NULL, &defaults, &a, err) && err->code == ERR_FILE &&
	       !strcmp(err->text, "standard input: ends after 1 bytes of data, 2 expected");
}

static bool is_npz(struct error *err)
{
	struct array a;
	unsigned char *data = load("-", "a", &defaults, &a, err);
	bool good = data && a.shape.dim[0] == 5000;

	free(data);
	return good;
}

static void test_stdin(void)
{
	char buf[1024];
	size_t n = 0, one = 0;

	for (char i = 1; i <= 3; i++) {
		n += make_npy(buf + n, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", (char[]){ i, i },
			      2);
		one = one ? one : n;
	}
	write_file("three.npy", buf, n);
	with_stdin(pipe_of(buf, n), "three arrays from a pipe", three_arrays);
	with_stdin(open("three.npy", O_RDONLY), "three arrays from a file", three_arrays);
	with_stdin(pipe_of(buf, n), "one of a pipe skipped", one_skipped);
	with_stdin(open("three.npy", O_RDONLY), "one of a file skipped", one_skipped);
	with_stdin(open("three.npy", O_RDONLY), "two of a file open at once", two_open);
	with_stdin(pipe_of("", 0), "an empty pipe", is_empty);
	with_stdin(open("/dev/null", O_RDONLY), "/dev/null", is_empty);
	with_stdin(pipe_of(buf, one - 1), "a pipe that ends early", is_cut);

	size_t size;
	char *bytes = read_file("z.npz", &size);
	with_stdin(pipe_of(bytes, size), "an archive from a pipe", is_npz);
	with_stdin(open("z.npz", O_RDONLY), "an archive from a file", is_npz);
	free(bytes);
	while (wait(NULL) > 0)
		;
}

/* == hostile files == */

/* Every member that can be read is the array in the file expected, or nothing is. */
static bool check_accepted(const char *path, const char *expected, struct error *err)
{
	struct file *f, *g;
	bool good = false;

	if (file_open(&f, path, &defaults, err))
		return false;
	if (!strcmp(expected, "-")) { /* information only */
		file_close(f);
		return true;
	}
	if (file_open(&g, expected, &defaults, err)) {
		file_close(f);
		return false;
	}
	for (int i = 0; i < g->nmembers; i++) {
		const char *key = f->archive ? g->members[i].name : f->nmembers > 1 ? g->members[i].name : NULL;
		struct array a = { 0 }, b = { 0 };
		unsigned char *x = NULL, *y = NULL;
		int k = file_find(f, key, err);

		if (k >= 0 && !file_array(f, k, &a, err) && !file_array(g, i, &b, err)) {
			x = elements_of(&a, err);
			y = elements_of(&b, err);
		}
		good = x && y && a.dtype == b.dtype && shape_equal(&a.shape, &b.shape) &&
		       !memcmp(x, y, (size_t)shape_size(&a.shape) * dtype_size(a.dtype));
		if (x && y && !good)
			error_set(err, ERR_FILE, "it is not the array expected");
		free(x);
		free(y);
		array_release(&a);
		array_release(&b);
		if (!good)
			break;
	}
	good = good || !g->nmembers;
	file_close(f);
	file_close(g);
	return good;
}

/* Opening it, or reading one of its arrays, fails with exit status 3. */
static bool check_refused(const char *path, struct error *err)
{
	struct file *f;

	if (file_open(&f, path, &defaults, err))
		return err->code == ERR_FILE;
	for (int i = 0; i < f->nmembers; i++) {
		struct array a = { 0 };
		unsigned char *data = NULL;

		if (!file_array(f, i, &a, err))
			data = elements_of(&a, err);
		array_release(&a);
		if (!data) {
			file_close(f);
			return err->code == ERR_FILE;
		}
		free(data);
	}
	file_close(f);
	error_set(err, ERR_NONE, "it was accepted");
	return false;
}

static int test_hostile(const char *dir)
{
	char line[1024], verdict[16], name[256], expected[256], what[600];
	FILE *table;

	if (chdir(dir) || !(table = fopen("verdicts.tsv", "r"))) {
		perror(dir);
		return 1;
	}
	while (fgets(line, sizeof(line), table)) {
		struct error err = ERROR_INIT;
		bool good;

		if (sscanf(line, "%15[^\t]\t%255[^\t]\t%255[^\t\n]", verdict, name, expected) != 3)
			continue;
		if (!strcmp(verdict, "accept"))
			good = check_accepted(name, expected, &err);
		else if (!strcmp(verdict, "refuse"))
			good = check_refused(name, &err);
		else /* either */
			good = check_refused(name, &err) || check_accepted(name, expected, &err);
		snprintf(what, sizeof(what), "%s %s", verdict, name);
		report(good, what, err.text);
	}
	fclose(table);
	printf("1..%d\n", tests);
	return failures != 0;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/test_formats-XXXXXX";

	if (argc == 3 && !strcmp(argv[1], "--hostile"))
		return test_hostile(argv[2]);
	if (!mkdtemp(dir) || chdir(dir)) {
		perror(dir);
		return 1;
	}
	test_header_text();
	test_header_read();
	test_npy_files();
	test_writer();
	test_raw();
	test_npz();
	test_patch();
	test_patch_large();
	test_stdin();
	printf("1..%d\n", tests);

	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		return 1;
	return failures != 0;
}
