/* tensor: finding the command, running it, saying what went wrong. */
#include "cli/cli.h"
#include "lib/device.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
const struct command commands[] = {
	{ "create", cmd_create, "create KIND [ARGUMENTS] [--dtype T] [-o FILE]", "make an array: zeros, arange, rand, array '[[1,2],[3,4]]', ...", true },
	{ "op", cmd_op, "op NAME A [B ...] [ATTRIBUTES] [-o FILE]\n       tensor op NAME_ FILE [B ...] [ATTRIBUTES]\n       tensor op --list", "functions from arrays to arrays; NAME_ works in place", true },
	{ "matmul", cmd_matmul, "matmul A B [-o FILE]", "the matrix product, A @ B", true },
	{ "reduce", cmd_reduce, "reduce NAME A [--axis LIST] [--keepdims] [ATTRIBUTES] [-o FILE]", "sum, mean, max, argmax, std, ... over axes", true },
	{ "grad", cmd_grad, "grad LOSS [WRT ...] [-o FILE ...] [--grad-output A] [--accumulate] [--create-graph] [--check]", "gradients of a recorded result", true },
	{ "graph", cmd_graph, "graph require FILE ... [--off]\n"
	  "       tensor graph show [FILE ...] [--full]\n"
	  "       tensor graph dot [FILE ...]\n"
	  "       tensor graph verify [FILE ...] [--fast]\n"
	  "       tensor graph replay [FILE ...] [--set NAME=OPERAND ...] [-o FILE ...]\n"
	  "       tensor graph prune [FILE ...]", "what was recorded: shown, drawn, verified, run again", true },
	{ "convert", cmd_convert, "convert [NAME=]IN ... -o OUT [OPTIONS]", "between formats, dtypes, orders; pack and unpack archives", true },
	{ "info", cmd_info, "info FILE ... [--json] [--field NAME] [--stats]", "what a file holds, from its header", false },
	{ "show", cmd_show, "show [A ...] [--full] [--precision N] [--format csv|json]", "print an array as NumPy prints it", false },
	{ "compare", cmd_compare, "compare A B [--rtol R] [--atol A] [--ulp N] [--equal-nan] [--exact] [--json]", "are two arrays or archives the same, within a tolerance?", false },
	{ "eval", cmd_eval, "eval EXPRESSION [NAME=OPERAND ...] [-o [NAME=]FILE ...]\n       tensor eval -f SCRIPT [NAME=OPERAND ...] [-o [NAME=]FILE ...]", "expressions over named arrays, in one process and one pass", true },
	{ "run", cmd_run, "run 'PIPELINE'", "the text of a pipeline as one fused process", true },
	{ "help", cmd_help, "help [COMMAND [NAME]]", "this list, a command, or one op", false },
	{ "version", cmd_version, "version [--devices]", "the version, and what it can use", false },
	{ NULL, NULL, NULL, NULL, false },
};
/* clang-format on */

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

void say(const struct cli *c, const char *fmt, ...)
{
	struct text safe = TEXT_INIT;
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	text_add(&safe, "tensor");
	if (c && c->command)
		text_fmt(&safe, " %s", c->command->name);
	text_add(&safe, ": ");
	text_escaped(&safe, buf);
	text_add_n(&safe, "\n", 1);
	fputs(!safe.failed && safe.s ? safe.s : "tensor: out of memory\n", stderr);
	text_release(&safe);
}

static void on_signal(int sig)
{
	/* The device is given back first; a second signal does not wait for that. */
	if (engine_device() && !engine_interrupted()) {
		engine_interrupt(sig);
		return;
	}
	writer_cleanup();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void handle_signals(void)
{
	static const int fatal[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU };

	/* A reader that closes its pipe ends us quietly, whatever the parent process ignores. */
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		struct sigaction sa = { .sa_handler = on_signal }, old;

		/* What the parent process ignores stays ignored: nohup, and "&" in scripts. */
		if (!sigaction(fatal[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(fatal[i], &sa, NULL);
	}
	/* A file size limit is an error to report, not a death. */
	signal(SIGXFSZ, SIG_IGN);
}

static void suggest_command(const char *name, struct error *err)
{
	const struct op *op = op_find(name);
	const char *best = NULL;
	int least = 3;

	for (const struct command *k = commands; k->name; k++)
		if (text_distance(name, k->name) < least) {
			least = text_distance(name, k->name);
			best = k->name;
		}
	if (op)
		error_set(err, ERR_USAGE, "unknown command '%s': did you mean 'tensor %s %s'?", name, op_command(op),
			  name);
	else if (best)
		error_set(err, ERR_USAGE, "unknown command '%s': did you mean '%s'?", name, best);
	else
		error_set(err, ERR_USAGE, "unknown command '%s': see 'tensor help'", name);
}

static void release(struct cli *c)
{
	for (int i = 0; i < c->nfiles; i++)
		file_close(c->files[i]);
	free(c->files);
	free(c->streams);
	free(c->queue);
	free(c->made);
	free((char *)(uintptr_t)c->context);
	record_close(c);
	graph_free(c->graph);
	engine_set_device(NULL);
	if (c->device)
		c->device->close(c->device);
	if (c->notes.s)
		fputs(c->notes.s, stderr);
	text_release(&c->notes);
}

int main(int argc, char **argv)
{
	struct cli c = { .argv = (const char *const *)argv };
	struct error err = ERROR_INIT;
	int status;

	handle_signals();
	if (argc < 2) {
		cmd_help(&c, 0, NULL, &err);
		return ERR_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)(uintptr_t) "help";
	if (!strcmp(argv[1], "--version"))
		argv[1] = (char *)(uintptr_t) "version";
	c.command = command_find(argv[1]);
	if (!c.command) {
		suggest_command(argv[1], &err);
	} else if ((c.graph = graph_new(&err))) {
		status = c.command->run(&c, argc - 2, (const char **)(uintptr_t)(argv + 2), &err);
		if (status >= 0 && !stdout_flush(&err)) {
			release(&c);
			return status;
		}
	}
	/* Standard output first: what is said about it must include that it failed. */
	if (!err.code)
		err.code = ERR_RESOURCE;
	if (!engine_interrupted()) {
		say(&c, "%s", err.text);
		if (c.context)
			fputs(c.context, stderr);
	}
	status = (int)err.code;
	release(&c);
	if (engine_interrupted())
		on_signal(engine_interrupted());
	return status;
}
