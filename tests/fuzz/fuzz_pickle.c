/*
 * The pickle machine of pt: the bytes are what follows the start of a file of before PyTorch 1.6, the pickle of the objects, that
 * of the keys, and the storages; so no checksum stands between the fuzzer and the machine.
 */
#include "tests/fuzz/arrays.h"

/* Three pickles: the magic number, the version 1001, an empty dictionary about the machine. */
static const unsigned char start[] = { 0x80, 2,	   0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50,
				       0x19, 0x2e, 0x80, 2,  'M',  0xe9, 0x03, '.',  0x80, 2,	 '}',  '.' };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *whole = malloc(sizeof(start) + size);

	if (!whole)
		return 0;
	memcpy(whole, start, sizeof(start));
	if (size)
		memcpy(whole + sizeof(start), data, size);
	fuzz_format("pt", whole, sizeof(start) + size);
	free(whole);
	return 0;
}
