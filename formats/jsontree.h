/*
 * JSON of formats that describe arrays by it, as a tree.  Strict (RFC 8259): no comments, no trailing commas, valid UTF-8, no
 * lone surrogates, nesting up to a limit.  Memory is a small multiple of the text.
 */
#ifndef TENSOR_JSONTREE_H
#define TENSOR_JSONTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

/* A value.  The functions below take NULL for a value that is not there, and say no or NULL. */
struct json;

/* Parse n bytes.  ERR_FILE says at which byte they are no JSON, and does not name the file.  Release with json_free. */
int json_parse(struct json **out, const char *text, size_t n, struct error *err);
void json_free(struct json *root); /* NULL is fine */

bool json_is_object(const struct json *x);
bool json_is_list(const struct json *x);

/* The items of a list or an object, in the order of the text; json_key: the name of one of an object.  Keys may come twice. */
const struct json *json_first(const struct json *x);
const struct json *json_next(const struct json *x);
const char *json_key(const struct json *x);

/* The first item of an object that is called key. */
const struct json *json_get(const struct json *x, const char *key);

/* A string, decoded, without NUL in it; valid until json_free.  NULL: x is none. */
const char *json_text(const struct json *x);

/* Is x a number written as an integer that fits? */
bool json_int(const struct json *x, int64_t *out);

#endif
