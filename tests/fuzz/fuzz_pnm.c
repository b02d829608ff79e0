/* pnm: any bytes are an image whose samples are all there, or an error. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("pnm", data, size);
	return 0;
}
