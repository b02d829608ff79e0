/* view: any bytes are descriptions of arrays that lie within their files, or an error. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("view", data, size);
	return 0;
}
