/*
 * Run a fuzz target over files, without a fuzzer: "fuzz_npy FILE-OR-DIRECTORY ...".  Linked instead of libFuzzer's main;
 * prints TAP, a test for each file.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int tests, failures;

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, room = 0;

	while (f && !feof(f) && !ferror(f)) {
		if (size == room) {
			uint8_t *more = realloc(data, room = room ? 2 * room : 65536);

			if (!more)
				abort();
			data = more;
		}
		size += fread(data + size, 1, room - size, f);
	}

	bool good = f && !ferror(f);
	if (f)
		fclose(f);
	if (good) {
		/* A block of just that size, so that reading past it is found. */
		uint8_t *exact = malloc(size ? size : 1);

		if (!exact)
			abort();
		if (size)
			memcpy(exact, data, size);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
	}
	free(data);
	tests++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, path);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct dirent **entry;
		int n = scandir(argv[i], &entry, NULL, alphasort);

		if (n < 0)
			replay_file(argv[i]);
		for (int k = 0; k < n; k++) {
			char path[4096];

			snprintf(path, sizeof(path), "%s/%s", argv[i], entry[k]->d_name);
			if (entry[k]->d_name[0] != '.')
				replay_file(path);
			free(entry[k]);
		}
		if (n >= 0)
			free(entry);
	}
	printf("1..%d\n", tests);
	return failures != 0;
}
