/* Command-line options: a table a command, and the rules that hold for all. */
#include "cli/cli.h"
#include "lib/cpu_level.h"
#include "cuda/device.h"
#include "lib/plan.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool is_value(const char *text)
{
	const char *s = text;

	if (*s != '-')
		return true;
	s++;
	if (!*s || isdigit((unsigned char)*s) || *s == '.' || *s == ':' || *s == '@')
		return true;
	return !strncasecmp(s, "inf", 3) || !strcasecmp(s, "nan");
}

void opts_add(struct opt *opts, struct opt o)
{
	while (opts->name)
		opts++;
	opts[0] = o;
	opts[1] = (struct opt){ NULL, 0, NULL, NULL, NULL, false };
}

void opts_common(struct opt *opts, struct common *c, bool computes, bool writes)
{
	struct opt *o = opts;

	while (o->name)
		o++;
	if (writes)
		*o++ = (struct opt){
			"output", 'o', "FILE", &c->output, "where the result goes; its suffix is the format", false
		};
	if (computes) {
		*o++ = (struct opt){
			"device", 0, "DEVICE", &c->device, "where to compute: cpu, cuda or cuda:N (TENSOR_DEVICE)",
			false
		};
		*o++ = (struct opt){
			"threads", 0, "N", &c->threads, "how many threads to use (TENSOR_THREADS)", false
		};
	}
	if (writes) {
		*o++ = (struct opt){ "mem-limit",
				     0,
				     "BYTES",
				     &c->memory,
				     "refuse what needs more memory; K, M, G (TENSOR_MEM_LIMIT)",
				     false };
		*o++ = (struct opt){ "dry-run", 'n', NULL, &c->dry, "tell shapes, dtypes and memory, compute nothing",
				     false };
	}
	if (writes)
		*o++ = (struct opt){ "json", 0, NULL, &c->json, "with --dry-run: as JSON", false };
	if (writes) {
		*o++ = (struct opt){ "graph", 0, "FILE", &c->graph, "record what is done in this graph (TENSOR_GRAPH)",
				     false };
		*o++ = (struct opt){
			"no-grad", 0, NULL, &c->no_grad, "recorded as a constant: no gradient flows through it", false
		};
		*o++ = (struct opt){ "save", 0, NULL, &c->save, "keep what goes into a pipe, too, in GRAPH.d", false };
	}
	*o++ = (struct opt){ "quiet", 'q', NULL, &c->quiet, "no warnings", false };
	*o++ = (struct opt){ "verbose", 'v', NULL, &c->verbose, "say what was done", false };
	*o++ = (struct opt){ "help", 'h', NULL, &c->help, "this text", false };
	*o = (struct opt){ NULL, 0, NULL, NULL, NULL, false };
}

static const struct opt *opt_find(const struct opt *opts, const char *name, size_t n)
{
	for (const struct opt *o = opts; o->name; o++)
		if (strlen(o->name) == n && !strncmp(o->name, name, n))
			return o;
	return NULL;
}

static int unknown_option(const struct opt *opts, const char *arg, struct error *err)
{
	const char *name = arg + (arg[1] == '-' ? 2 : 1), *best = NULL;
	char word[64];
	int least = 3;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, "="), name);
	for (const struct opt *o = opts; o->name; o++)
		if (text_distance(word, o->name) < least) {
			least = text_distance(word, o->name);
			best = o->name;
		}
	if (best)
		return error_set(err, ERR_USAGE, "unknown option '%s': did you mean '--%s'?", arg, best);
	return error_set(err, ERR_USAGE, "unknown option '%s'", arg);
}

/* Store one option; returns how many of the arguments after it were used, or -1. */
static int opt_store(const struct opt *o, const char *arg, const char *value, const char *next, struct error *err)
{
	if (!o->arg) {
		if (value)
			return error_set(err, ERR_USAGE, "option '%s' takes no value", arg);
		*(bool *)o->target = true;
		return 0;
	}
	if (o->optional && !value) {
		bool number = next && strspn(next, "0123456789") == strlen(next) && *next;

		*(const char **)o->target = number ? next : "";
		return number;
	}
	if (!value && !next)
		return error_set(err, ERR_USAGE, "option '%s' needs a value, %s", arg, o->arg);
	if (*(const char **)o->target)
		return error_set(err, ERR_USAGE, "option '--%s' is given twice", o->name);
	*(const char **)o->target = value ? value : next;
	return value ? 0 : 1;
}

int opts_parse(int argc, const char **argv, const struct opt *opts, unknown_fn *unknown, void *arg, struct error *err)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		const char *a = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
		const struct opt *o = NULL;
		int used = -1;

		if (!strcmp(a, "--")) {
			for (i++; i < argc; i++)
				argv[n++] = argv[i];
			break;
		}
		if (is_value(a)) {
			argv[n++] = a;
			continue;
		}
		if (a[1] == '-') {
			size_t len = strcspn(a + 2, "=");
			const char *value = a[2 + len] == '=' ? a + 3 + len : NULL;
			char name[64];

			snprintf(name, sizeof(name), "%.*s", (int)len, a + 2);
			/* The command's own names win: "--dtype" of an op is the op's. */
			if (unknown && len < sizeof(name)) {
				used = unknown(arg, name, value, next, err);
				if (used < 0 && err->code)
					return -1;
			}
			if (used < 0 && (o = opt_find(opts, a + 2, len)))
				used = opt_store(o, a, value, next, err);
		} else {
			for (const struct opt *k = opts; k->name; k++)
				if (k->letter && k->letter == a[1])
					o = k;
			if (o && a[2] && !o->arg)
				return error_set(err, ERR_USAGE, "unknown option '%s': write flags one by one", a);
			if (o)
				used = opt_store(o, a, a[2] ? a + 2 : NULL, next, err);
		}
		if (used < 0)
			return err->code ? -1 : unknown_option(opts, a, err);
		i += used;
	}
	return n;
}

int usage_print(const struct command *cmd, const struct opt *opts, const char *more, struct error *err)
{
	struct text t = TEXT_INIT;
	size_t width = 0;

	text_fmt(&t, "usage: tensor %s\n", cmd->usage);
	text_fmt(&t, "\n%s\n", cmd->summary);
	for (const struct opt *o = opts; o && o->name; o++) {
		size_t w = strlen(o->name) + (o->arg ? strlen(o->arg) + 1 : 0) + (o->optional ? 2 : 0);

		width = w > width ? w : width;
	}
	if (opts && opts->name)
		text_add(&t, "\noptions:\n");
	for (const struct opt *o = opts; o && o->name; o++) {
		char name[80];

		snprintf(name, sizeof(name), o->optional ? "%s%s[%s]" : "%s%s%s", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		if (o->letter)
			text_fmt(&t, "  -%c, --%-*s  %s\n", o->letter, (int)width, name, o->help);
		else
			text_fmt(&t, "      --%-*s  %s\n", (int)width, name, o->help);
	}
	if (more)
		text_fmt(&t, "\n%s", more);
	return text_print(&t, err);
}

int64_t parse_int(const char *text, const char *what, int64_t low, int64_t high, int64_t *out, struct error *err)
{
	int64_t v;

	if (list_parse(&v, 1, text) != 1 || *text == '(' || *text == '[' || strchr(text, ','))
		return error_set(err, ERR_USAGE, "%s '%s' is not an integer", what, text);
	if (v < low || v > high)
		return error_set(err, ERR_USAGE, "%s %" PRId64 " is out of range: %" PRId64 " to %" PRId64, what, v,
				 low, high);
	*out = v;
	return 0;
}

/* "64M" in bytes */
static int parse_bytes(const char *text, int64_t *out, struct error *err)
{
	static const char units[] = "KMGT";
	size_t n = strlen(text);
	const char *unit = n ? strchr(units, toupper((unsigned char)text[n - 1])) : NULL;
	char digits[32];
	int64_t v;

	if (n >= sizeof(digits))
		return error_set(err, ERR_USAGE, "--mem-limit '%s' is too long", text);
	snprintf(digits, sizeof(digits), "%.*s", (int)(unit ? n - 1 : n), text);
	if (parse_int(digits, "--mem-limit", 1, unit ? INT64_MAX >> 40 : INT64_MAX, &v, err))
		return -1;
	*out = unit ? v << (10 * (unit - units + 1)) : v;
	return 0;
}

int opts_outputs(int argc, const char **argv, const char **outputs, int *n, struct error *err)
{
	int kept = 0;

	*n = 0;
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i], *value = NULL;

		if (!strcmp(a, "-o") || !strcmp(a, "--output")) {
			if (i + 1 == argc)
				return error_set(err, ERR_USAGE, "option '%s' needs a value, FILE", a);
			value = argv[++i];
		} else if (!strncmp(a, "--output=", 9)) {
			value = a + 9;
		} else if (!strncmp(a, "-o", 2)) {
			value = a + 2;
		}
		if (value)
			outputs[(*n)++] = value;
		else
			argv[kept++] = a;
	}
	return kept;
}

/* "cpu", "cuda" or "cuda:N", as an option or in the environment; what the device has to say is kept for -v. */
static int open_device(struct cli *c, struct error *err)
{
	const char *device = c->common.device, *from = device ? "--device" : "TENSOR_DEVICE", *index = NULL;
	int64_t n = 0;

	if (!device)
		device = getenv("TENSOR_DEVICE");
	if (!device || !*device || !strcmp(device, "cpu"))
		return 0;
	if (strncmp(device, "cuda", 4) || (device[4] && device[4] != ':'))
		return error_set(err, ERR_USAGE, "%s '%s' is unknown: the devices are cpu, cuda and cuda:N", from,
				 device);
	if (device[4])
		index = device + 5;
	if (index && parse_int(index, from, 0, 1023, &n, err))
		return -1;
	if (!c->command->makes && c->common.device)
		return error_set(err, ERR_RESOURCE, "--device %s: %s only reads and prints; it runs on the cpu", device,
				 c->command->name);
	if (!c->command->makes || c->common.dry || c->device)
		return 0;
	c->device = cuda_open((int)n, c->common.verbose ? &c->notes : NULL, err);
	engine_set_device(c->device);
	return c->device ? 0 : -1;
}

/* -v: what each pass did. */
static void say_pass(void *arg, const struct node *x, bool kept, int threads, int64_t ns)
{
	struct text t = TEXT_INIT;

	plan_pass_text(&t, x, kept);
	if (!t.failed)
		say(arg, "%s; %d thread%s, %.1f ms", t.s, threads, threads == 1 ? "" : "s", (double)ns / 1e6);
	text_release(&t);
}

int common_apply(struct cli *c, struct error *err)
{
	const char *threads = c->common.threads;
	int64_t n;

	if (!threads)
		threads = getenv("TENSOR_THREADS");
	if (open_device(c, err))
		return -1;
	const char *memory = c->common.memory ? c->common.memory : getenv("TENSOR_MEM_LIMIT");
	if (memory && *memory && parse_bytes(memory, &c->memory, err))
		return -1;
	if (threads && *threads) {
		if (parse_int(threads, "threads", 1, 1024, &n, err))
			return -1;
		engine_set_threads((int)n);
	}
	/* The loops read TENSOR_CPU themselves, where they are chosen. */
	const char *cpu = getenv("TENSOR_CPU"), *tile = getenv("TENSOR_TILE");

	if (cpu && *cpu && !cpu_level_known(cpu))
		return error_set(err, ERR_USAGE, "TENSOR_CPU '%s' is unknown: this build has " CPU_LEVEL_WORDS, cpu);
	if (tile && *tile) {
		if (parse_int(tile, "TENSOR_TILE", 1, 1 << 24, &n, err))
			return -1;
		engine_set_tile(n);
	}
	if (c->common.verbose)
		engine_watch(say_pass, c);
	return c->command->makes ? record_open(c, err) : 0;
}

int preferences_read(struct preferences *out, const struct cli *c, struct error *err)
{
	const char *name = getenv("TENSOR_DTYPE");
	enum dtype d;

	*out = (struct preferences){ DT_F64, DT_I64, c->common.dry };
	if (!name || !*name)
		return 0;
	if (dtype_parse(&d, NULL, name, err)) {
		error_prefix(err, "TENSOR_DTYPE");
		return -1;
	}
	if (dtype_is_int(d))
		out->default_int = d;
	else if (dtype_is_float(d))
		out->default_float = d;
	else
		return error_set(err, ERR_USAGE, "TENSOR_DTYPE %s is neither a float nor an integer type", name);
	return 0;
}
