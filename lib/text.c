/* struct text: see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_release(struct text *t)
{
	free(t->s);
	*t = (struct text)TEXT_INIT;
}

static bool text_reserve(struct text *t, size_t more)
{
	if (t->failed)
		return false;
	if (t->len + more + 1 <= t->room)
		return true;

	size_t room = t->room ? t->room : 64;
	while (room < t->len + more + 1)
		room *= 2;

	char *s = realloc(t->s, room);
	if (!s) {
		t->failed = true;
		return false;
	}
	t->s = s;
	t->room = room;
	return true;
}

char *text_room(struct text *t, size_t n)
{
	return text_reserve(t, n) ? t->s + t->len : NULL;
}

void text_add_n(struct text *t, const char *s, size_t n)
{
	if (!text_reserve(t, n))
		return;
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_char(struct text *t, char c)
{
	text_add_n(t, &c, 1);
}

void text_fmt(struct text *t, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);

	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && text_reserve(t, (size_t)n)) {
		vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

size_t text_utf8(const unsigned char *s)
{
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;

	size_t n = s[0] >= 0xf0 && s[0] < 0xf5	 ? 4
		   : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
						 : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f) || (s[0] == 0xc2 && s[1] < 0xa0))
		return 0;
	return n;
}

void text_escaped(struct text *t, const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		size_t n = text_utf8(p);

		if (n) {
			text_add_n(t, (const char *)p, n);
			p += n;
		} else {
			if (*p == '\n' || *p == '\t' || *p == '\r')
				text_fmt(t, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : 'r');
			else
				text_fmt(t, "\\x%02x", *p);
			p++;
		}
	}
}

void text_json(struct text *t, const char *s)
{
	text_char(t, '"');
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		size_t n = text_utf8(p);

		if (*p == '"' || *p == '\\')
			text_fmt(t, "\\%c", *p);
		else if (n)
			text_add_n(t, (const char *)p, n);
		else if (*p < 0x80)
			text_fmt(t, "\\u%04x", *p);
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* a control character, U+0080 to U+009f */
			text_fmt(t, "\\u%04x", *++p);
		else /* as Python's surrogateescape: os.fsencode gives the byte back */
			text_fmt(t, "\\udc%02x", *p);
		p += n ? n : 1;
	}
	text_char(t, '"');
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *text_duplicate(const char **s, size_t n)
{
	qsort(s, n, sizeof(*s), compare_strings);
	for (size_t i = 0; i + 1 < n; i++)
		if (!strcmp(s[i], s[i + 1]))
			return s[i];
	return NULL;
}

bool text_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && !strcmp(s + n - k, suffix);
}
