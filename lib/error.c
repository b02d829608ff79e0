/* struct error: see error.h. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int error_errno(struct error *err, enum error_code code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);

	size_t n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(saved));
	return -1;
}

int error_memory(struct error *err, unsigned long long nbytes)
{
	if (!nbytes)
		return error_set(err, ERR_RESOURCE, "out of memory: the size does not fit in 64 bits");
	return error_set(err, ERR_RESOURCE, "out of memory: cannot allocate %llu bytes", nbytes);
}

void error_prefix(struct error *err, const char *prefix)
{
	char text[sizeof(err->text)];

	memcpy(text, err->text, sizeof(text));
	snprintf(err->text, sizeof(err->text), "%s: ", prefix);

	size_t n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, "%s", text);
}
