/* csv and text: any bytes are rows of numbers, or an error; and what is known by its content can be read. */
#include "tests/fuzz/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct format *text = format_find("text");
	struct format_options opt = { .format = text };
	struct error err = ERROR_INIT;
	struct input *in;
	struct file *f;

	fuzz_format("csv", data, size);
	if (size >= 4096 || !text->probe(data, size) || input_borrow(&in, data, size, "text", &err))
		return 0;
	if (file_open_input(&f, in, &opt, &err))
		abort();
	file_close(f);
	return 0;
}
