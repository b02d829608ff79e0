/* The JSON of formats: any bytes are a tree that can be walked, an array of nested lists, or an error. */
#include "formats/jsontree.h"
#include "tests/fuzz/arrays.h"

static int64_t walk(const struct json *x)
{
	int64_t n = 1, v;

	if (json_text(x))
		n += (int64_t)strlen(json_text(x));
	if (json_int(x, &v))
		n++;
	for (const struct json *i = json_first(x); i; i = json_next(i)) {
		if (json_is_object(x) && !json_get(x, json_key(i)))
			abort();
		n += walk(i);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	char *copy = malloc(size ? size : 1);
	struct json *root;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (!json_parse(&root, copy, size, &err)) {
		if (walk(root) < 1)
			abort();
		json_free(root);
	} else if (!err.text[0]) {
		abort();
	}
	free(copy);
	fuzz_format("json", data, size);
	return 0;
}
