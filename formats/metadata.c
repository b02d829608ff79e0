/* What a file says about itself: see format.h. */
#include <stdlib.h>
#include <string.h>

#include "formats/format.h"
#include "formats/jsontree.h"
#include "lib/text.h"

const char *metadata_get(const struct metadata *m, const char *key)
{
	for (int i = 0; i < m->n; i++)
		if (!strcmp(m->item[i].key, key))
			return m->item[i].value;
	return NULL;
}

int metadata_add(struct metadata *m, const char *key, const char *value, struct error *err)
{
	/* The array has room for the next power of two. */
	if (!(m->n & (m->n - 1))) {
		size_t room = m->n ? 2 * (size_t)m->n : 1;
		void *item = realloc(m->item, room * sizeof(*m->item));

		if (!item)
			return error_memory(err, room * sizeof(*m->item));
		m->item = item;
	}
	m->item[m->n].key = strdup(key);
	m->item[m->n].value = strdup(value);
	if (!m->item[m->n].key || !m->item[m->n].value) {
		free(m->item[m->n].key);
		free(m->item[m->n].value);
		return error_memory(err, strlen(key) + strlen(value));
	}
	m->n++;
	return 0;
}

void metadata_release(struct metadata *m)
{
	for (int i = 0; i < m->n; i++) {
		free(m->item[i].key);
		free(m->item[i].value);
	}
	free(m->item);
	*m = (struct metadata){ 0 };
}

int metadata_from_json(struct metadata *m, const struct json *object, struct error *err)
{
	const char **keys, *twice;

	if (!json_is_object(object))
		return error_set(err, ERR_FILE, "is no JSON object of strings");
	for (const struct json *x = json_first(object); x; x = json_next(x)) {
		if (!json_text(x))
			return error_set(err, ERR_FILE, "the value of \"%s\" is no string", json_key(x));
		if (metadata_add(m, json_key(x), json_text(x), err))
			return -1;
	}
	if (!(keys = malloc(((size_t)m->n + 1) * sizeof(*keys))))
		return error_memory(err, (size_t)m->n * sizeof(*keys));
	for (int i = 0; i < m->n; i++)
		keys[i] = m->item[i].key;
	twice = text_duplicate(keys, (size_t)m->n);
	free(keys);
	return twice ? error_set(err, ERR_FILE, "the key \"%s\" is there twice", twice) : 0;
}

int metadata_parse(struct metadata *m, const char *text, struct error *err)
{
	struct json *root;

	if (json_parse(&root, text, strlen(text), err))
		return -1;

	int ret = metadata_from_json(m, root, err);
	json_free(root);
	return ret;
}

void metadata_text(const struct metadata *m, struct text *t)
{
	text_char(t, '{');
	for (int i = 0; i < m->n; i++) {
		text_add(t, i ? "," : "");
		text_json(t, m->item[i].key);
		text_char(t, ':');
		text_json(t, m->item[i].value);
	}
	text_char(t, '}');
}
