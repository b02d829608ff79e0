/* What went wrong: a status and one complete line for the user. */
#ifndef TENSOR_ERROR_H
#define TENSOR_ERROR_H

#if defined(__GNUC__)
#define TENSOR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TENSOR_UNUSED __attribute__((unused))
#else
#define TENSOR_PRINTF(fmt, args)
#define TENSOR_UNUSED
#endif

/* The values are the exit statuses of the command line. */
enum error_code {
	ERR_NONE = 0,
	ERR_USAGE = 2,	  /* the words of the command are wrong */
	ERR_FILE = 3,	  /* a file cannot be read, is malformed or unsupported */
	ERR_VALUE = 4,	  /* shape, dtype, axis or value */
	ERR_RESOURCE = 5, /* memory, disk, device */
};

struct error {
	enum error_code code;
	char text[1024];
};

#define ERROR_INIT \
	{ \
		ERR_NONE, "" \
	}

/*
 * Record code and the formatted message: lower case, no full stop, no newline.
 * The one who detects an error sets it; the one who propagates it adds nothing.
 * Returns -1, so that "return error_set(...)" fails the caller too.
 */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) TENSOR_PRINTF(3, 4);

/* As error_set, followed by ": " and the text of errno. */
int error_errno(struct error *err, enum error_code code, const char *fmt, ...) TENSOR_PRINTF(3, 4);

/* ERR_RESOURCE for an allocation of nbytes bytes; 0 if the size itself overflowed. Returns -1. */
int error_memory(struct error *err, unsigned long long nbytes);

/* Put "prefix: " before the message that err holds. */
void error_prefix(struct error *err, const char *prefix);

#endif
