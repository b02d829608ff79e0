/* safetensors: any bytes are tensors that can be read to their ends, or an error; types of no array are read as bytes. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("safetensors", data, size);
	fuzz_options(&(struct format_options){ .format = format_find("safetensors"), .bytes = true }, data, size);
	return 0;
}
