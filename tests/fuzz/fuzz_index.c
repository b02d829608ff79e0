/* index: any bytes are a map to the files of a split checkpoint, or an error.   */
#include "tests/fuzz/arrays.h"

#include <unistd.h>

/* A directory with two shards; the index that is fuzzed would lie in it. */
static const char *directory(void)
{
	static char dir[] = "/tmp/fuzz_index-XXXXXX";
	static const char one[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}      ";
	static bool made;
	char path[64];

	if (made)
		return dir;
	if (!mkdtemp(dir))
		abort();
	for (int i = 1; i <= 2; i++) {
		unsigned char length[8] = { sizeof(one) - 1 };
		FILE *f;

		snprintf(path, sizeof(path), "%s/%d.safetensors", dir, i);
		if (!(f = fopen(path, "wb")))
			abort();
		fwrite(length, 1, sizeof(length), f);
		fwrite(one, 1, sizeof(one) - 1, f);
		fwrite("xy", 1, 2, f);
		if (fclose(f))
			abort();
	}
	made = true;
	return dir;
}

static void remove_directory(void)
{
	char path[64];

	for (int i = 1; i <= 2; i++) {
		snprintf(path, sizeof(path), "%s/%d.safetensors", directory(), i);
		unlink(path);
	}
	rmdir(directory());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool registered;
	char name[64];

	if (!registered) {
		directory();
		atexit(remove_directory);
		registered = true;
	}
	snprintf(name, sizeof(name), "%s/model.index.json", directory());
	fuzz_named(&(struct format_options){ .format = format_find("index") }, name, data, size);
	return 0;
}
