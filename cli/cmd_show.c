/* show: an array as NumPy prints it, or as csv or json. */
#include "cli/cli.h"

#include <string.h>

#include "lib/print.h"

int cmd_show(struct cli *c, int argc, const char **argv, struct error *err)
{
	static const char *only_stdin[] = { "-" };
	const char *precision = NULL, *format = NULL, *threshold = NULL, *edge = NULL, *width = NULL;
	bool full = false, suppress = false;
	struct opt opts[MAX_OPTS] = {
		{ "full", 0, NULL, &full, "all elements", false },
		{ "precision", 0, "N", &precision, "digits after the point (8)", false },
		{ "threshold", 0, "N", &threshold, "more elements are summarised (1000)", false },
		{ "edgeitems", 0, "N", &edge, "shown at each end of a summarised axis (3)", false },
		{ "linewidth", 0, "N", &width, "columns (75)", false },
		{ "suppress", 0, NULL, &suppress, "no exponents because of small numbers", false },
		{ "format", 0, "FORMAT", &format, "csv or json instead", false },
	};
	struct print_options print = PRINT_OPTIONS_INIT;
	struct format_options to = { 0 };
	int n, ret = 0;
	int64_t v;

	opts_common(opts, &c->common, true, false);
	n = opts_parse(argc, argv, opts, NULL, NULL, err);
	if (n < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, NULL, err);
	if (common_apply(c, err))
		return -1;
	if (precision && (parse_int(precision, "--precision", 0, 100, &v, err) || (print.precision = (int)v, 0)))
		return -1;
	if (edge && (parse_int(edge, "--edgeitems", 0, 1 << 20, &v, err) || (print.edgeitems = (int)v, 0)))
		return -1;
	if (width && (parse_int(width, "--linewidth", 1, 1 << 20, &v, err) || (print.linewidth = (int)v, 0)))
		return -1;
	if (threshold && (parse_int(threshold, "--threshold", 0, INT64_MAX, &v, err) || (print.threshold = v, 0)))
		return -1;
	if (full)
		print.threshold = INT64_MAX;
	print.suppress_small = suppress;
	if (format) {
		to.format = format_find(format);
		if (!to.format || (strcmp(format, "csv") && strcmp(format, "tsv") && strcmp(format, "json")))
			return error_set(err, ERR_USAGE, "--format '%s' is none of csv, tsv, json", format);
	}
	if (!n) {
		if (!stdin_is_pipe(c))
			return error_set(err, ERR_USAGE, "an array is missing");
		argv = only_stdin;
		n = 1;
	}
	for (int i = 0; i < n && !ret; i++) {
		bool stream = !strcmp(argv[i], "-");

		/* Standard input may hold several arrays: all of them are shown. */
		do {
			struct node *x = operand_node(c, argv[i], err);
			struct result one = { x, NULL };

			if (!x)
				return -1;
			ret = format ? output_results(c, 1, &one, &to, false, err) : show_node(x, &print, err);
			if (!ret && stream) {
				int more = stdin_more(c, err);

				if (more < 0)
					return -1;
				stream = more;
			}
		} while (stream && !ret);
	}
	return ret;
}
