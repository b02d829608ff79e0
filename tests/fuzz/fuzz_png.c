/* png: any bytes are an image that can be read to its end, or an error. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("png", data, size);
	return 0;
}
