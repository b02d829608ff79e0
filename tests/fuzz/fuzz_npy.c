/* npy: any bytes are arrays that can be read to their ends, or an error. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("npy", data, size);
	return 0;
}
