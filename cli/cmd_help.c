/* help and version. */
#include "cli/cli.h"
#include "cuda/device.h"

#include <stdlib.h>
#include <string.h>

int cmd_help(struct cli *c, int argc, const char **argv, struct error *err)
{
	struct opt opts[MAX_OPTS] = { { 0 } };
	struct text t = TEXT_INIT;
	const struct command *k;

	opts_common(opts, &c->common, false, false);
	if (argc && (argc = opts_parse(argc, argv, opts, NULL, NULL, err)) < 0)
		return -1;
	if (argc > 1 || (argc == 1 && !command_find(argv[0]))) {
		/* help op add; help add */
		const char *name = argv[argc - 1];
		const struct op *op = op_find(name);
		size_t n = strlen(name);

		if (!op && n > 1 && name[n - 1] == '_') {
			char base[64];

			snprintf(base, sizeof(base), "%.*s", (int)(n - 1), name);
			op = op_find(base);
		}
		if (!op) {
			const char *near = op_nearest(name, argc > 1 ? argv[0] : "op");

			return error_set(err, ERR_USAGE, "unknown op '%s'%s%s%s", name, near ? ": did you mean '" : "",
					 near ? near : "", near ? "'?" : "");
		}
		return print_op_help(op, err);
	}
	if (argc == 1) {
		k = command_find(argv[0]);
		const char *help[] = { "--help" };

		c->command = k;
		return k->run(c, 1, help, err);
	}
	text_add(
		&t,
		"usage: tensor COMMAND [ARGUMENTS]\n\nNumPy and PyTorch for the shell: arrays in .npy and .npz files, and in pipes.\n\ncommands:\n");
	for (k = commands; k->name; k++)
		text_fmt(&t, "  %-8s  %s\n", k->name, k->summary);
	text_add(&t, "\nAn operand is a file (with :KEY for a member, @SLICE for a slice), a number, or '-', the next\n"
		     "array on standard input.  'tensor COMMAND -h' explains a command, 'tensor help op add' an op.\n");
	return text_print(&t, err);
}

int cmd_version(struct cli *c, int argc, const char **argv, struct error *err)
{
	bool devices = false;
	struct opt opts[MAX_OPTS] = {
		{ "devices", 0, NULL, &devices, "what there is to compute on", false },
	};
	struct text t = TEXT_INIT;

	opts_common(opts, &c->common, false, false);
	if (opts_parse(argc, argv, opts, NULL, NULL, err) < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, NULL, err);
	text_fmt(&t, "tensor %s\n", TENSOR_VERSION);
	if (devices) {
		text_fmt(&t, "cpu     %s, %d threads\n", kernels_get()->name, engine_threads());
		cuda_describe(&t);
	}
	return text_print(&t, err);
}
