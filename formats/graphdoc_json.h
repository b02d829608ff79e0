/* A node of a graph document as JSON text and back. */
#ifndef TENSOR_GRAPHDOC_JSON_H
#define TENSOR_GRAPHDOC_JSON_H

#include "formats/graphdoc.h"
#include "lib/text.h"

/* What a line says besides its node: the index by which lines are found (graphdoc.c). */
struct gline {
	int64_t last; /* without a key: the newest line that has one, or -1 */
	int nidx;
	int64_t idx[64];
};

/* {"id":...}; no newline. */
void gnode_print(struct text *t, const struct gnode *n, const struct gline *line);

/* ERR_FILE says what is wrong with it.  Release n with gnode_release, also after a failure. */
int gnode_parse(struct gnode *n, struct gline *line, const char *text, size_t len, struct error *err);

/* The first line, closed by "]}". */
int ghead_parse(const char *text, size_t len, char id[17], struct error *err);

/* A document of any layout as ours, without indices: each node printed by gnode_print through each(). */
typedef int gnode_fn(void *arg, struct gnode *n, struct error *err);
int gdoc_each(const char *text, size_t len, char id[17], struct text *head, gnode_fn *each, void *arg,
	      struct error *err);

#endif
