/* What the commands share: options, operands, outputs.  Only cli/ prints, and only main.c exits. */
#ifndef TENSOR_CLI_H
#define TENSOR_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "formats/format.h"
#include "formats/graphdoc.h"
#include "formats/place.h"
#include "lib/engine.h"
#include "lib/expr.h"
#include "lib/op.h"
#include "lib/text.h"

/* An option of a command: NULL arg is a flag (target: bool), else it takes a value (target: const char *). */
struct opt {
	const char *name;
	char letter; /* 0: none */
	const char *arg;
	void *target;
	const char *help;
	bool optional; /* the value may be left out: --compress [LEVEL], attached by '=' or a number that follows */
};

/* What every command understands. */
struct common {
	const char *output, *device, *threads, *memory, *graph;
	bool quiet, verbose, dry, json, help, no_grad, requires_grad, save;
};

struct cli {
	const struct command *command;
	struct common common;
	struct graph *graph;
	struct node **streams; /* arrays from standard input, in order */
	int nstreams;
	int nfiles;
	struct file **files;
	bool stdin_used;
	bool shares;	   /* results are views: operands are their files' own bytes */
	struct file *next; /* standard input, opened but not yet an operand; an archive stays here */
	int64_t memory;	   /* --mem-limit in bytes; 0: none */
	/* "run": arrays that the stage before hands over, and those that this stage makes. */
	bool piped, collects;
	struct node **queue, **made;
	int nqueue, taken, nmade;
	struct record *record; /* NULL: nothing is recorded */
	struct device *device; /* NULL: this processor */
	struct text notes;     /* of the device, for -v */
	const char *context;   /* lines printed below an error message; owned */
	const char *const *argv;
};

struct command {
	const char *name;
	int (*run)(struct cli *c, int argc, const char **argv, struct error *err);
	const char *usage;   /* after "usage: tensor ", several lines allowed */
	const char *summary; /* for "tensor help" */
	bool makes;	     /* arrays, which a graph would record */
};

extern const struct command commands[];
const struct command *command_find(const char *name);

/* cmd_*.c */
int cmd_create(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_op(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_matmul(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_reduce(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_convert(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_info(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_show(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_compare(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_graph(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_grad(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_eval(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_run(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_help(struct cli *c, int argc, const char **argv, struct error *err);
int cmd_version(struct cli *c, int argc, const char **argv, struct error *err);

/* options.c */
enum { MAX_OPTS = 40 };

/* The options of struct common that the command has; appends to opts, which ends with a NULL name. */
void opts_common(struct opt *opts, struct common *c, bool computes, bool writes);

/* One more option. */
void opts_add(struct opt *opts, struct opt o);

/*
 * Called for an option that is not in the table: name without dashes, value after '=' or NULL, next the following
 * argument or NULL.  Returns the number of following arguments used, or -1.
 */
typedef int unknown_fn(void *arg, const char *name, const char *value, const char *next, struct error *err);

/*
 * Sort argv into options, which are stored, and positional arguments, which are moved to the front; returns the number of
 * these, or -1.  A number, list or slice that starts with '-' is positional.
 */
int opts_parse(int argc, const char **argv, const struct opt *opts, unknown_fn *unknown, void *arg, struct error *err);

/* Take the -o out of argv, which may be several, into outputs; returns how many arguments are left, or -1. */
int opts_outputs(int argc, const char **argv, const char **outputs, int *n, struct error *err);

/* Is text a value although it starts with '-'? */
bool is_value(const char *text);

/* Print the usage, the options, and what else there is to say, to standard output. */
int usage_print(const struct command *cmd, const struct opt *opts, const char *more, struct error *err);

/* Check what --device, TENSOR_DEVICE, --threads, TENSOR_THREADS ask for. */
int common_apply(struct cli *c, struct error *err);
/* What is created has the dtypes of TENSOR_DTYPE, where it names none. */
int preferences_read(struct preferences *out, const struct cli *c, struct error *err);

int64_t parse_int(const char *text, const char *what, int64_t low, int64_t high, int64_t *out, struct error *err);

/* operand.c */
/* The node of an operand as design section 1 defines it. */
struct node *operand_node(struct cli *c, const char *text, struct error *err);
/* Open path, remember it until the command ends, print its warning; format options may be NULL. */
struct file *operand_open(struct cli *c, const char *path, const struct format_options *opt, struct error *err);
struct node *file_node(struct cli *c, struct file *f, int member, const char *label, struct error *err);
/* Is standard input a pipe, so that a missing operand can come from it? */
bool stdin_is_pipe(const struct cli *c);
/* Is there another array on standard input?  1, 0, or -1. */
int stdin_more(struct cli *c, struct error *err);
/* The next array of standard input. */
/* key: the member of an archive, or NULL. */
struct node *stdin_node(struct cli *c, const struct format_options *opt, const char *key, struct error *err);
/* The file behind standard input, opened for its next array; an archive stays open for its other members. */
struct file *stdin_open(struct cli *c, const struct format_options *opt, struct error *err);
/* "-", with a key or a slice */
bool is_stdin(const char *text);
/* A source whose bytes were checked: before more is read from standard input, what came from it is kept. */
int stdin_settle(struct cli *c, struct error *err);

/* output.c */
struct result {
	struct node *node;
	const char *name; /* field or member name; NULL: by number */
};
/* Write results as -o, a pipe or a terminal asks for, or describe them for --dry-run. */
int output_results(struct cli *c, int n, const struct result *r, const struct format_options *opt, bool fortran,
		   struct error *err);
/*
 * Write views of the files that the results lie in, to -o: --share and --view.  maker: what made them, for the message
 * where one is no view.
 */
int output_views(struct cli *c, int n, const struct result *r, const char *maker, struct error *err);
/* pattern with its first {} replaced by name; malloc'ed */
char *output_numbered(const char *pattern, const char *name);
/* Write one node through a writer; facts: its hash, or NULL; also: a second writer, or NULL. */
int output_node(struct cli *c, struct writer *w, const char *name, struct node *x, bool fortran, struct gfile *facts,
		struct writer *also, struct error *err);
/* Everything is written; record it, then let the files appear.  Takes the writers over, also on failure. */
int output_commit(struct cli *c, int n, const struct result *r, struct writer **w, const char *const *paths,
		  struct gfile *facts, struct error *err);
/* Show a node on standard output as NumPy prints it. */
struct print_options;
int show_node(struct node *x, const struct print_options *opt, struct error *err);
/* Flush standard output; an error is ERR_RESOURCE. */
int stdout_flush(struct error *err);
int text_print(struct text *t, struct error *err);

/* In place: op NAME_ TARGET ... */
int run_in_place(struct cli *c, struct call *call, const char *target, struct node *leaf, struct file *f,
		 const struct array *a, struct error *err);

/* build.c: the shared part of create, op, matmul, reduce */
int run_op(struct cli *c, const char *command, int argc, const char **argv, struct error *err);
int print_op_help(const struct op *op, struct error *err);
int list_ops(const char *command, bool json, struct error *err);

/*
 * record.c: what a command does goes into the graph that --graph or TENSOR_GRAPH names.  Every function does nothing when
 * c->record is NULL.
 */
const char *record_path(const struct cli *c); /* of the document, or NULL */
int record_open(struct cli *c, struct error *err);
void record_close(struct cli *c);
struct graphdoc *record_doc(const struct cli *c);

/* Which node of the document is the leaf x, read from a member (key, or NULL) of a file?  path "-": standard input. */
int record_leaf(struct cli *c, struct node *x, const char *path, const char *key, const char *tag, struct error *err);

/* x is the array that this text spells; so it can be made again. */
int record_literal(struct cli *c, struct node *x, const char *text, struct error *err);

/*
 * The history of n results, which are about to appear: under these paths (NULL, or a NULL among them: only in a pipe; {} in one of
 * record_saves stands for the number of the node), with these
 * facts (NULL: record_amend will tell).  Sets recorded of their nodes; ids[i] is the number of result i.
 */
int record_results(struct cli *c, int n, struct node *const x[], const char *const paths[], const struct gfile facts[],
		   int64_t ids[], struct error *err);
int record_amend(struct cli *c, int64_t id, const struct gfile *facts, struct error *err);

/* "tensor: g=... node=...": the tag of a recorded node. */
void record_tag(const struct cli *c, const struct node *x, char *buf, size_t size);

/* May target, the leaf of a file or a slice of it, be written in place?  PyTorch's errors. */
int record_may_write(struct cli *c, const struct node *target, const char *name, struct error *err);
/* y is about to be written over target in place, by the op of that name. */
int record_in_place(struct cli *c, struct node *target, const char *slice, struct node *y, const char *name,
		    int64_t *id, struct error *err);

/* Where --save keeps the values of a node that goes into a pipe: GRAPH.d/{}.npy, {} being its number.  Malloc'ed; makes the directory. */
char *record_saves(const struct cli *c, struct error *err);

/* The hash of a node's values, or of a file's array, as the document has it. */
int hash_node(struct node *x, struct gfile *facts, struct error *err);
int hash_place(const char *path, const char *key, struct gfile *facts, struct error *err);

/* A message on standard error, "tensor op: ...", with control characters escaped. */
void say(const struct cli *c, const char *fmt, ...) TENSOR_PRINTF(2, 3);

#endif
