/* pt: any bytes are tensors that can be read to their ends, or an error. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("pt", data, size);
	return 0;
}
