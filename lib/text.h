/* A string that grows. */
#ifndef TENSOR_TEXT_H
#define TENSOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* s is NUL-terminated, or NULL while empty.  After a failed allocation, failed is set and further calls do nothing. */
struct text {
	char *s;
	size_t len, room;
	bool failed;
};

#define TEXT_INIT \
	{ \
		NULL, 0, 0, false \
	}

void text_release(struct text *t);
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_char(struct text *t, char c);
/* Where n more bytes have room behind the last one: who writes there adds to len.  NULL for want of memory. */
char *text_room(struct text *t, size_t n);
void text_fmt(struct text *t, const char *fmt, ...) TENSOR_PRINTF(2, 3);

/* Length of the valid UTF-8 sequence at s that is no control character, or 0. */
size_t text_utf8(const unsigned char *s);

/* s with control characters, and bytes that are not UTF-8, written as \n \t \x1b: safe on a terminal. */
void text_escaped(struct text *t, const char *s);

/* s as a JSON string; bytes that are not UTF-8 as Python's surrogateescape. */
void text_json(struct text *t, const char *s);

/* One of the n strings that is there twice, or NULL; sorts them. */
const char *text_duplicate(const char **s, size_t n);

bool text_ends(const char *s, const char *suffix);

#endif
