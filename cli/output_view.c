/* --share and --view: instead of elements, where they lie. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* Describe a node that is an array in a file, or a view of one; *a is the caller's and has no reference of its own. */
static int node_place(const struct node *x, const char *maker, struct array *a, struct error *err)
{
	const struct node *leaf = x->kind == NODE_VIEW ? x->in[0] : x;
	char text[NODE_TEXT];

	if (x->kind == NODE_RESHAPE)
		return error_set(
			err, ERR_VALUE,
			"%s: view size is not compatible with input tensor's size and stride (at least one "
			"dimension spans across two contiguous subspaces): its elements would have to be copied",
			node_text(x, text, sizeof(text)));
	if (leaf->kind != NODE_LEAF)
		return error_set(err, ERR_VALUE,
				 "%s makes new elements; %s needs what leaves them where they are in their file, such "
				 "as slice, transpose or reshape",
				 maker ? maker : node_text(x, text, sizeof(text)), maker ? "--view" : "--share");
	*a = leaf->u.array;
	a->shape = x->shape;
	memcpy(a->strides, x->strides, sizeof(a->strides));
	a->offset = x->offset;
	return 0;
}

static int many_files(struct cli *c, int n, const char *const *names, const struct array *const *arrays,
		      struct error *err)
{
	for (int i = 0; i < n; i++) {
		char number[24];
		char *path;

		snprintf(number, sizeof(number), "%d", i);
		path = output_numbered(c->common.output, names[i] ? names[i] : number);
		if (!path)
			return error_memory(err, 1);

		int ret = view_write(path, 1, NULL, &arrays[i], err);
		free(path);
		if (ret)
			return -1;
	}
	return 0;
}

static int write_views(struct cli *c, int n, const struct result *r, const char *const *names,
		       const struct array *const *arrays, struct error *err)
{
	const char *output = c->common.output;

	if (strstr(output, "{}")) {
		/* An archive does not choose the directory that is written to. */
		for (int i = 0; i < n; i++)
			if (r[i].name && strchr(r[i].name, '/'))
				return error_set(err, ERR_FILE,
						 "'%s' is no name of a file: share this member by itself", r[i].name);
		return many_files(c, n, names, arrays, err);
	}
	if (text_ends(output, ".dump.json"))
		return view_write(output, n, names, arrays, err);
	if (n > 1)
		return error_set(err, ERR_USAGE,
				 "%s: %d views need a name that ends in .dump.json, or 'part_{}.view.json'", output, n);
	return view_write(output, 1, NULL, arrays, err);
}

/* A view is a tensor with a history like any other; a file that describes where its elements lie instead of holding them. */
static int record_views(struct cli *c, int n, const struct result *r, const char *const *names, struct error *err)
{
	const char *output = c->common.output;
	bool several = text_ends(output, ".dump.json");
	struct gfile *facts = calloc((size_t)n, sizeof(*facts));
	struct node **x = calloc((size_t)n, sizeof(*x));
	char **path = calloc((size_t)n, sizeof(*path));
	int64_t *ids = calloc((size_t)n, sizeof(*ids));
	int ret = facts && x && path && ids ? 0 : error_memory(err, (size_t)n * sizeof(*facts));

	for (int i = 0; i < n && !ret && c->record; i++) {
		const char *name = names[i];

		x[i] = r[i].node;
		path[i] = strstr(output, "{}") ? output_numbered(output, name)
					       : malloc(strlen(output) + strlen(name) + 2);
		if (!path[i])
			ret = error_memory(err, strlen(output));
		else if (!strstr(output, "{}"))
			sprintf(path[i], "%s%s%s", output, several ? ":" : "", several ? name : "");
		if (!ret)
			ret = hash_node(x[i], &facts[i], err);
	}
	if (!ret)
		ret = record_results(c, n, x, (const char *const *)path, facts, ids, err);
	for (int i = 0; path && i < n; i++)
		free(path[i]);
	free(facts);
	free(x);
	free(path);
	free(ids);
	return ret;
}

int output_views(struct cli *c, int n, const struct result *r, const char *maker, struct error *err)
{
	const char *output = c->common.output;
	struct array *places;
	const struct array **arrays;
	const char **names;
	char(*numbers)[24];
	int ret = -1;

	if (c->collects)
		return error_set(err, ERR_USAGE, "only the last stage of a pipeline writes a view");
	if (c->common.dry)
		return output_results(c, n, r, NULL, false, err);
	if (!output || (!text_ends(output, ".view.json") && !text_ends(output, ".dump.json")))
		return error_set(err, ERR_USAGE,
				 "%s%sa view is a file whose name ends in .view.json, several in .dump.json: -o FILE",
				 output ? output : "", output ? ": " : "");

	places = calloc((size_t)n + 1, sizeof(*places));
	arrays = calloc((size_t)n + 1, sizeof(*arrays));
	names = calloc((size_t)n + 1, sizeof(*names));
	numbers = calloc((size_t)n + 1, sizeof(*numbers));
	if (!places || !arrays || !names || !numbers) {
		error_memory(err, (size_t)n * sizeof(*places));
		goto done;
	}
	for (int i = 0; i < n; i++) {
		if (node_place(r[i].node, maker, &places[i], err))
			goto done;
		snprintf(numbers[i], sizeof(numbers[i]), "%d", i);
		arrays[i] = &places[i];
		names[i] = r[i].name ? r[i].name : numbers[i];
	}
	ret = record_views(c, n, r, names, err);
	if (!ret)
		ret = write_views(c, n, r, names, arrays, err);
done:
	free(numbers);
	free(names);
	free(arrays);
	free(places);
	return ret;
}
