/*
 * The graph document: recorded nodes, in one JSON file with a node a line (tensor-graph(5)).  This file knows the document, not
 * what the nodes mean.  Valid JSON at every moment; an append is O(1) under flock; readers find a node by id in O(log n) lines
 * and the newest node of a path in O(log n) nodes, so a long history costs nothing.
 */
#ifndef TENSOR_GRAPHDOC_H
#define TENSOR_GRAPHDOC_H

#include "lib/dtype.h"
#include "lib/error.h"
#include "lib/number.h"
#include "lib/array.h"

struct gref {
	int64_t id; /* a node, or -1: the number num */
	struct scalar num;
};

/* An attribute that was given: a text as the command line has it, or an operand. */
struct gattr {
	char *name, *text; /* owned; text NULL: an operand, ref */
	struct gref ref;
};

/* What is known of the bytes behind out. */
struct gfile {
	bool known;			  /* the hash is known */
	uint64_t xxh3;			  /* of dtype, shape and values, array_hash in lib */
	int64_t size, mtime_ns, dev, ino; /* when recorded; 0: unknown */
};

struct gnode {
	int64_t id;
	char *op; /* "leaf", "output" (a further result of node in[0]; attr index), or a row of ops.def; in place with '_' */
	int nin;
	struct gref *in;
	int nattrs;
	struct gattr *attrs;
	bool requires_grad;
	bool cut; /* made under --no-grad or by detach: gradients do not flow through it to its inputs */
	bool pass; /* cut, written in place over a result that requires grad: what gradients know of it is that result, alias */
	enum dtype dtype;
	struct shape shape;
	char *out; /* file, relative to the directory of the document, with :KEY for a member; NULL: it only flowed through a pipe */
	struct gfile file;
	int64_t alias; /* in place: the node whose file it writes, else -1 */
	int version;   /* of the file: 0 for its first node, + 1 by every op in place */
	char *extra;   /* unknown keys, kept: JSON members without braces, or NULL */
};
void gnode_release(struct gnode *n); /* the members, not n itself */

/* Is a node that requires grad a leaf, in PyTorch's sense: nothing differentiable made it? */
bool gnode_is_leaf(const struct gnode *n);

struct graphdoc;

/* Open, or with create make, the document.  ERR_FILE: unreadable, malformed, a newer major version. */
int graphdoc_open(struct graphdoc **out, const char *path, bool create, struct error *err);
void graphdoc_close(struct graphdoc *d); /* NULL is fine; unlocks */
const char *graphdoc_path(const struct graphdoc *d);
const char *graphdoc_id(const struct graphdoc *d);	/* 8 hex digits, random, made with the document */
const char *graphdoc_warning(const struct graphdoc *d); /* "repaired: ..." one line, or NULL */

/* How the document spells a path of this process (relative to the document's directory, symbolic links resolved; a path need not exist,
 * its directory must), and back.  Both malloc'ed; NULL when memory is short. */
char *graphdoc_spell(const struct graphdoc *d, const char *path, struct error *err);
char *graphdoc_resolve(const struct graphdoc *d, const char *spelled, struct error *err);

/*
 * Reading sees the document as it was at graphdoc_open or the last graphdoc_lock or graphdoc_refresh.  Nodes are owned by d and
 * valid until graphdoc_close.  graphdoc_node: ERR_FILE when there is no such id or its line is malformed (bad keys, in[] >= id, ...).
 */
int graphdoc_refresh(struct graphdoc *d, struct error *err);
int64_t graphdoc_next(const struct graphdoc *d); /* the id that the next node gets; 0 when empty */
int graphdoc_node(struct graphdoc *d, int64_t id, const struct gnode **out, struct error *err);
/* The newest node whose out is spelled so: 1 found, 0 none, -1 error. */
int graphdoc_newest(struct graphdoc *d, const char *spelled, const struct gnode **out, struct error *err);

/* What a later line says of the file or stream of a node, known or not; graphdoc_node looks only for those that have an out. */
int graphdoc_amended(struct graphdoc *d, int64_t id, struct gfile *file, struct error *err);

/*
 * Writing.  Between lock and unlock no other process appends; ids from graphdoc_next on are the caller's.  append writes n nodes whose
 * ids the caller has set (ascending from graphdoc_next) in one pwrite.  amend gives a node its file facts later, in a line of its own.
 */
int graphdoc_lock(struct graphdoc *d, struct error *err);
int graphdoc_append(struct graphdoc *d, int n, const struct gnode *nodes, struct error *err);
int graphdoc_amend(struct graphdoc *d, int64_t id, const struct gfile *file,
		   struct error *err); /* locks by itself if need be */
void graphdoc_unlock(struct graphdoc *d);

/* Rewrite with only the nodes keep[0..n) (ascending), ids kept; those that refer to others become leaves.  Temporary file and rename, under the lock. */
int graphdoc_prune(struct graphdoc *d, int64_t n, const int64_t *keep, struct error *err);

#endif
