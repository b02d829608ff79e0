/* graph: any bytes are a document whose nodes can be read and which can be continued, or an error. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/graphdoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 300 }; /* read of one document */

static void must_say(int failed, const struct error *err)
{
	if (failed && (!err->code || !err->text[0]))
		abort();
}

/* All nodes, and the newest of every file. */
static void read_nodes(struct graphdoc *d)
{
	int64_t next = graphdoc_next(d);

	for (int64_t id = next > NODES ? next - NODES : 0; id < next; id++) {
		const struct gnode *n, *newest;
		struct error err = ERROR_INIT;
		int failed = graphdoc_node(d, id, &n, &err);

		must_say(failed, &err);
		if (failed)
			continue;
		for (int i = 0; i < n->nin; i++)
			if (n->in[i].id >= id)
				abort();
		if (n->alias >= id || shape_size(&n->shape) < 0)
			abort();
		if (n->out && graphdoc_newest(d, n->out, &newest, &err) < 0)
			must_say(1, &err);
	}
}

/* What is appended is found, also by who opens the document anew. */
static void append(struct graphdoc *d, const char *path)
{
	char op[] = "leaf", out[] = "fuzz.npy";
	struct gnode leaf = { .op = op, .out = out, .alias = -1, .dtype = DT_F32 };
	struct error err = ERROR_INIT;
	const struct gnode *newest;
	struct graphdoc *again;
	int failed;

	leaf.id = graphdoc_next(d);
	failed = graphdoc_append(d, 1, &leaf, &err);
	must_say(failed, &err);
	if (failed)
		return;
	if (graphdoc_open(&again, path, false, &err))
		abort();
	/* an index that lies is found out only where it leads to what cannot be */
	failed = graphdoc_newest(again, out, &newest, &err);
	must_say(failed < 0, &err);
	if (!failed || (failed > 0 && newest->id != leaf.id))
		abort();
	graphdoc_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("graph", 0);
	struct error err = ERROR_INIT;
	struct graphdoc *d;
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (graphdoc_open(&d, path, false, &err)) {
		must_say(1, &err);
	} else {
		read_nodes(d);
		append(d, path);
		graphdoc_close(d);
	}
	close(fd);
	return 0;
}
