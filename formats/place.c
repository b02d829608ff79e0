/* How an array is named: see place.h. */
#include "formats/place.h"

#include "formats/format.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool exists(const char *path)
{
	struct stat st;

	return *path && stat(path, &st) == 0;
}

static char *prefix(const char *text, const char *end)
{
	size_t n = (size_t)(end - text);
	char *s = malloc(n + 1);

	if (s) {
		memcpy(s, text, n);
		s[n] = '\0';
	}
	return s;
}

/* path or path:key, where the path exists; the text ends at end. */
static bool split_key(struct place *p, const char *text, const char *end)
{
	char *whole = prefix(text, end);

	if (!whole)
		return true; /* no memory: found, without a path */
	if (exists(whole)) {
		p->path = whole;
		return true;
	}
	for (char *colon = strrchr(whole, ':'); colon; colon = strrchr(whole, ':')) {
		*colon = '\0';
		if (exists(whole)) {
			p->key = prefix(text + (colon - whole) + 1, end);
			p->path = p->key ? whole : NULL;
			if (!p->key)
				free(whole);
			return true;
		}
	}
	free(whole);
	return false;
}

void place_split(struct place *p, const char *text)
{
	const char *end = text + strlen(text);

	memset(p, 0, sizeof(*p));
	if (exists(text)) {
		p->path = prefix(text, end);
		return;
	}
	for (const char *at = end; at > text; at--)
		if (*at == '@' && split_key(p, text, at)) {
			p->slice = at + 1;
			return;
		}
	if (split_key(p, text, end))
		return;
	/* There is no such file: name it without what may be its suffixes. */
	const char *at = strrchr(text, '@');
	const char *stop = at && at > text ? at : end;
	char *path = prefix(text, stop);
	char *dot = path ? strrchr(path, '.') : NULL, *colon = path ? strchr(dot ? dot : path, ':') : NULL;

	if (colon)
		*colon = '\0';
	p->path = path;
}

int place_member(struct place *p, const struct file *f, struct error *err)
{
	if (p->key && p->slice && f->archive) {
		size_t n = strlen(p->key);

		for (int i = 0; i < f->nmembers; i++) {
			const char *name = f->members[i].name;

			if (name && !strncmp(name, p->key, n) && name[n] == '@' && !strcmp(name + n + 1, p->slice)) {
				p->slice = NULL;
				return i;
			}
		}
	}
	return file_find(f, p->key, err);
}

void place_release(struct place *p)
{
	free(p->path);
	free(p->key);
	p->path = p->key = NULL;
}
