/* convert: between formats, dtypes, memory orders; packs and unpacks archives. */
#include "cli/cli.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *from, *to, *dtype, *shape, *order, *byteorder, *offset, *pitch, *slice_pitch, *as, *compress,
		*casting, *delimiter, *skip_rows, *metadata;
	bool share, append, saturate;
};

static int format_named(const struct format **out, const char *name, const char *option, struct error *err)
{
	struct text list = TEXT_INIT;

	*out = name ? format_find(name) : NULL;
	if (!name || *out)
		return 0;
	for (const struct format *const *f = formats; *f; f++)
		text_fmt(&list, f == formats ? "%s" : ", %s", (*f)->name);
	error_set(err, ERR_USAGE, "%s '%s' is unknown: the formats are %s", option, name, list.s ? list.s : "");
	text_release(&list);
	return -1;
}

/* The two sides of the conversion: what describes the input, what the output. */
static int sides(const struct options *o, const char *input, const char *output, struct format_options *in,
		 struct format_options *out, bool *fortran, struct error *err)
{
	const struct format *target;
	bool raw_in, raw_out;
	int64_t n;

	if (format_named(&in->format, o->from, "--from", err) || format_named(&out->format, o->to, "--to", err))
		return -1;
	target = out->format ? out->format : output ? format_for_path(output) : NULL;
	/* A description of raw data makes a file raw whose suffix says so; its content cannot. */
	if (!in->format && input && o->dtype && (o->shape || o->offset || o->pitch || o->slice_pitch) &&
	    format_for_path(input) && !strcmp(format_for_path(input)->name, "raw"))
		in->format = format_for_path(input);
	raw_in = in->format && !strcmp(in->format->name, "raw");
	raw_out = target && !strcmp(target->name, "raw");
	in->bytes = raw_out;
	if (o->metadata && target && strcmp(target->name, "safetensors"))
		return error_set(err, ERR_USAGE, "--metadata is what a safetensors file says about itself, not %s",
				 target->name);
	if (o->shape) {
		struct shape *s = &in->shape;
		int k = list_parse(s->dim, MAX_NDIM, o->shape);

		if (k < 0)
			return error_set(err, ERR_USAGE, "--shape '%s' is not a list of integers such as 3,4",
					 o->shape);
		s->ndim = k;
		in->has_shape = true;
	}
	if (o->as) {
		if (dtype_parse(&in->as, NULL, o->as, err))
			return -1;
		in->has_as = true;
	}
	*fortran = false;
	if (o->order) {
		if (strcmp(o->order, "C") && strcmp(o->order, "F"))
			return error_set(err, ERR_USAGE, "--order '%s' is neither C nor F", o->order);
		in->fortran = *o->order == 'F';
		*fortran = *o->order == 'F';
	}
	if (o->byteorder) {
		if (strcmp(o->byteorder, "little") && strcmp(o->byteorder, "big"))
			return error_set(err, ERR_USAGE, "--byteorder '%s' is neither little nor big", o->byteorder);
		in->big_endian = *o->byteorder == 'b';
	}
	if (o->offset && (parse_int(o->offset, "--offset", 0, INT64_MAX, &n, err) || (in->offset = n, 0)))
		return -1;
	if (o->pitch && (parse_int(o->pitch, "--pitch", 1, INT64_MAX, &n, err) || (in->pitch = n, 0)))
		return -1;
	if (o->slice_pitch &&
	    (parse_int(o->slice_pitch, "--slice-pitch", 1, INT64_MAX, &n, err) || (in->slice_pitch = n, 0)))
		return -1;
	if (o->skip_rows &&
	    (parse_int(o->skip_rows, "--skip-rows", 0, INT32_MAX, &n, err) || (in->skip_rows = (int)n, 0)))
		return -1;
	if (o->delimiter) {
		const char *d = !strcmp(o->delimiter, "\\t") || !strcmp(o->delimiter, "tab") ? "\t" : o->delimiter;

		if (strlen(d) != 1)
			return error_set(err, ERR_USAGE, "--delimiter '%s' is not one character", o->delimiter);
		in->delimiter = out->delimiter = *d;
	}
	if (o->compress) {
		if (!*o->compress)
			n = 6;
		else if (parse_int(o->compress, "--compress", 0, 9, &n, err))
			return -1;
		if (target && strcmp(target->name, "npz"))
			return error_set(err, ERR_USAGE, "--compress is for npz, %s is not compressed", target->name);
		out->compress = (int)n;
	}
	if (o->append) {
		if (!target || strcmp(target->name, "npz") || !output || o->share)
			return error_set(err, ERR_USAGE, "--append adds members to an .npz: -o FILE.npz");
		out->append = true;
	}
	/* The layout describes the raw side; where both sides are raw, the input. */
	if (!raw_in) {
		if (raw_out) {
			out->big_endian = in->big_endian;
			out->offset = in->offset;
			out->pitch = in->pitch;
			out->slice_pitch = in->slice_pitch;
		} else if (in->big_endian || in->offset || in->pitch || in->slice_pitch) {
			return error_set(
				err, ERR_USAGE,
				"--byteorder, --offset, --pitch and --slice-pitch describe raw data: add --from raw or --to raw");
		}
		if (in->has_shape)
			return error_set(err, ERR_USAGE,
					 "--shape describes raw input: add --from raw, or use 'tensor op reshape'");
		if (out->offset)
			return error_set(err, ERR_USAGE, "--offset describes raw input");
		in->big_endian = in->fortran = false;
		in->offset = in->pitch = in->slice_pitch = 0;
	} else {
		*fortran = false;
	}
	return 0;
}

struct inputs {
	struct result *r;
	int n;
	bool named; /* the names are more than stems of files and keys of single members */
};

static int add_input(struct inputs *in, struct node *x, const char *name, struct error *err)
{
	struct result *r = x ? realloc(in->r, (size_t)(in->n + 1) * sizeof(*r)) : NULL;

	if (!x)
		return -1;
	if (!r)
		return error_memory(err, sizeof(*r));
	in->r = r;
	in->r[in->n++] = (struct result){ x, name };
	return 0;
}

/* name: made just now, NULL for want of memory */
static int add_named(struct inputs *in, struct node *x, const char *name, struct error *err)
{
	if (x && !name)
		return error_memory(err, 1);
	return add_input(in, x, name, err);
}

/* The stem of a path: "dir/a.npy" -> "a". */
static const char *stem(struct graph *g, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *dot = strrchr(base, '.');
	char buf[1024];

	snprintf(buf, sizeof(buf), "%.*s", dot && dot != base ? (int)(dot - base) : (int)strlen(base), base);
	return graph_string(g, buf);
}

/* All arrays that follow each other on standard input, when an archive or a row of files is made. */
static int all_of_stdin(struct cli *c, struct inputs *in, const struct format_options *opt, struct error *err)
{
	struct file *f = c->piped ? NULL : stdin_open(c, opt, err);

	if (!f && !c->piped)
		return -1;
	if (f && f->archive) {
		in->named = true;
		for (int i = 0; i < f->nmembers; i++)
			if (add_named(in, stdin_node(c, opt, f->members[i].name, err),
				      graph_string(c->graph, f->members[i].name), err))
				return -1;
		return 0;
	}
	for (int i = 0;; i++) {
		char name[24];
		int more = i ? stdin_more(c, err) : 1;

		if (more <= 0)
			return more;
		snprintf(name, sizeof(name), "arr_%d", i);
		if (add_named(in, stdin_node(c, opt, NULL, err), graph_string(c->graph, name), err))
			return -1;
	}
}

/* A file that needs to be told its format is a constant without a name: it cannot be read again as it is. */
static int record_input(struct cli *c, struct node *x, const struct place *p, const struct file *f, int i,
			const struct format_options *opt, struct error *err)
{
	if (!x)
		return -1;
	return opt->format || opt->has_as
		       ? 0
		       : record_leaf(c, x, p->path, f->archive || f->nmembers > 1 ? f->members[i].name : NULL,
				     f->members[i].tag, err);
}

/* One input of the command line: NAME=FILE, FILE:KEY@SLICE, an archive, "-". */
static int open_input(struct cli *c, const char *text, const struct format_options *opt, bool many, struct inputs *in,
		      struct error *err)
{
	const char *name = NULL, *equals = strchr(text, '='), *path = text;
	struct place p;
	struct file *f;
	int i, ret = -1;

	place_split(&p, text);
	/* An existing file wins over NAME=FILE. */
	if (equals && equals != text && p.path && access(p.path, F_OK)) {
		char buf[512];

		snprintf(buf, sizeof(buf), "%.*s", (int)(equals - text), text);
		name = graph_string(c->graph, buf);
		path = equals + 1;
		place_release(&p);
		if (!name)
			return error_memory(err, strlen(buf));
		place_split(&p, path);
	}
	if (is_stdin(path)) {
		if (many && !name && !path[1])
			ret = all_of_stdin(c, in, opt, err);
		else
			ret = add_input(in, path[1] ? operand_node(c, path, err) : stdin_node(c, opt, NULL, err), name,
					err);
		goto done;
	}
	if (!p.path) {
		error_memory(err, strlen(text));
		goto done;
	}
	f = operand_open(c, p.path, opt, err);
	if (!f)
		goto done;
	in->named |= name || (f->archive && !p.key);
	if (f->nmembers != 1 && !p.key && many) {
		/* Every member, under its own name. */
		for (i = 0; i < f->nmembers; i++) {
			struct node *x = file_node(c, f, i, text, err);

			if (record_input(c, x, &p, f, i, opt, err) ||
			    add_named(in, x, graph_string(c->graph, f->members[i].name), err))
				goto done;
		}
		ret = 0;
		goto done;
	}
	i = place_member(&p, f, err);
	if (i < 0)
		goto done;
	struct node *x = file_node(c, f, i, path, err);
	if (record_input(c, x, &p, f, i, opt, err))
		goto done;
	if (x && p.slice)
		x = op_slice(c->graph, x, p.slice, err);
	if (!name)
		name = p.key				  ? graph_string(c->graph, p.key)
		       : f->archive && f->members[i].name ? graph_string(c->graph, f->members[i].name)
							  : stem(c->graph, p.path);
	ret = add_named(in, x, name, err);
done:
	place_release(&p);
	return ret;
}

/* The largest finite value of a type of floats; 0: it is none. */
static double largest(enum dtype dtype)
{
	static const double values[NDTYPES] = {
		[DT_F16] = 65504,	[DT_F32] = 0x1.fffffep127, [DT_F64] = DBL_MAX,
		[DT_BF16] = 0x1.fep127, [DT_F8E4M3] = 448,	   [DT_F8E5M2] = 57344,
	};

	return values[dtype];
}

/* What is beyond the finite values of dtype becomes the last of them, as in the saturation mode of OCP's 8-bit floats; NaN stays. */
static struct node *saturated(struct graph *g, struct node *x, enum dtype dtype, struct error *err)
{
	double most = largest(dtype);
	struct scalar high = { .kind = SCALAR_FLOAT, .re = most }, low = { .kind = SCALAR_FLOAT, .re = -most };
	struct node *in[2] = { x, NULL };

	if (!most)
		return error_set(err, ERR_USAGE, "--saturate is for floats, %s is none", dtype_name(dtype)), NULL;
	if (dtype_is_complex(x->dtype))
		return error_set(err, ERR_USAGE, "--saturate is for real numbers, the array is %s",
				 dtype_name(x->dtype)),
		       NULL;
	if (!dtype_is_float(x->dtype) && most > 0x1p64)
		return x; /* no integer is beyond it, and in float64 it would be rounded twice */
	if (!(in[0] = op_cast(g, x, DT_F64, err)))
		return NULL;
	if (!(in[1] = node_scalar(g, &high, "", err)) || !(in[0] = op_apply(g, "minimum", 2, in, err)) ||
	    !(in[1] = node_scalar(g, &low, "", err)))
		return NULL;
	return op_apply(g, "maximum", 2, in, err);
}

static int cast_inputs(struct cli *c, struct inputs *in, const struct options *o, struct error *err)
{
	static const struct {
		const char *name;
		enum casting rule;
	} rules[] = {
		{ "unsafe", CASTING_UNSAFE }, { "safe", CASTING_SAFE }, { "same_kind", CASTING_SAME_KIND },
		{ "equiv", CASTING_EQUIV },   { "no", CASTING_EQUIV },
	};
	enum { RULES = sizeof(rules) / sizeof(rules[0]) };
	enum dtype dtype;
	int k = 0;

	while (o->casting && k < RULES && strcmp(o->casting, rules[k].name))
		k++;
	if (k == RULES)
		return error_set(err, ERR_USAGE, "--casting '%s' is none of no, equiv, safe, same_kind, unsafe",
				 o->casting);
	if (!o->dtype)
		return o->casting
			       ? error_set(
					 err, ERR_USAGE,
					 "--casting is what --dtype may do to the result, and there is no --dtype for it")
			       : 0;
	if (dtype_parse(&dtype, NULL, o->dtype, err))
		return -1;

	enum casting rule = rules[k].rule;
	for (int i = 0; i < in->n; i++) {
		struct node *x = in->r[i].node;
		char text[NODE_TEXT];

		/* NumPy's "no" leaves no byte order but that of the machine. */
		bool swaps = o->casting && !strcmp(o->casting, "no") && x->kind == NODE_LEAF && x->u.array.swap;
		if (!dtype_can_cast(x->dtype, dtype, rule) || swaps)
			return error_set(
				err, ERR_VALUE,
				"%s: cannot cast array data from dtype('%s') to dtype('%s') according to the rule "
				"'%s'",
				node_text(x, text, sizeof(text)), dtype_name(x->dtype), dtype_name(dtype), o->casting);
		if (o->saturate && !(x = saturated(c->graph, x, dtype, err)))
			return -1;
		if (!(in->r[i].node = node_cast(c->graph, x, dtype, err)))
			return -1;
	}
	return 0;
}

static int check_names(const struct inputs *in, struct error *err)
{
	const char **names = malloc(((size_t)in->n + 1) * sizeof(*names)), *twice;
	size_t n = 0;

	if (!names)
		return error_memory(err, (size_t)in->n * sizeof(*names));
	for (int i = 0; i < in->n; i++)
		if (in->r[i].name)
			names[n++] = in->r[i].name;
	twice = text_duplicate(names, n);
	free(names);
	return twice ? error_set(err, ERR_USAGE, "two inputs are called '%s': name them, NAME=FILE", twice) : 0;
}

/* What the inputs say about themselves, unless --metadata says something else. */
static int gather_metadata(struct cli *c, const char *given, struct metadata *out, struct error *err)
{
	if (given) {
		if (!metadata_parse(out, given, err))
			return 0;
		error_prefix(err, "--metadata");
		if (err->code == ERR_FILE)
			err->code = ERR_USAGE;
		return -1;
	}
	for (int i = 0; i < c->nfiles; i++) {
		const struct metadata *m = &c->files[i]->metadata;

		for (int k = 0; k < m->n; k++) {
			const char *have = metadata_get(out, m->item[k].key);

			if (!have && metadata_add(out, m->item[k].key, m->item[k].value, err))
				return -1;
			if (have && strcmp(have, m->item[k].value))
				return error_set(
					err, ERR_USAGE,
					"%s: says \"%s\": \"%.60s\" of itself, an input before it \"%.60s\": choose "
					"with --metadata JSON",
					c->files[i]->path, m->item[k].key, m->item[k].value, have);
		}
	}
	return 0;
}

static bool in_is_raw(const struct format_options *in)
{
	return in->format && !strcmp(in->format->name, "raw");
}

/* --dtype tf32: raw data of float32 of which the lower 13 bits do not count. */
static int tf32(struct options *o, struct format_options *in, struct format_options *out, const struct format *target,
		struct error *err)
{
	if (!o->dtype || strcmp(o->dtype, "tf32"))
		return 0;
	if (o->share)
		return error_set(err, ERR_USAGE, "tf32 cannot be shared: its lower bits are dropped from a copy");
	if (in_is_raw(in))
		in->tf32 = true;
	else if (target && !strcmp(target->name, "raw"))
		out->tf32 = true;
	else
		return error_set(err, ERR_USAGE,
				 "tf32 is a type of raw data, float32 elsewhere: add --from raw or --to raw");
	o->dtype = "float32";
	return 0;
}

/* Does x, or what it is a slice or another dtype of? */
static bool requires_grad(const struct node *x)
{
	bool any = x->requires_grad;

	for (int i = 0; i < x->nin && !any; i++)
		any = requires_grad(x->in[i]);
	return any;
}

int cmd_convert(struct cli *c, int argc, const char **argv, struct error *err)
{
	static const char *only_stdin[] = { "-" };
	struct options o = { 0 };
	bool detach = false;
	struct opt opts[MAX_OPTS] = {
		{ "from", 0, "FORMAT", &o.from, "format of the input (default: by content, then suffix)", false },
		{ "to", 0, "FORMAT", &o.to, "format of the output (default: by suffix)", false },
		{ "dtype", 0, "DTYPE", &o.dtype, "element type of the result; of raw input, its type", false },
		{ "casting", 0, "RULE", &o.casting, "what --dtype may do: no, equiv, safe, same_kind, unsafe", false },
		{ "saturate", 0, NULL, &o.saturate,
		  "what --dtype cannot hold becomes the largest it can, not inf or nan", false },
		{ "shape", 0, "LIST", &o.shape, "shape of raw input; one dimension may be -1", false },
		{ "order", 0, "C|F", &o.order, "memory order of raw input, or of the output", false },
		{ "byteorder", 0, "ORDER", &o.byteorder, "little or big, of the raw side", false },
		{ "offset", 0, "BYTES", &o.offset, "where raw input starts", false },
		{ "pitch", 0, "BYTES", &o.pitch, "from row to row, of the raw side", false },
		{ "slice-pitch", 0, "BYTES", &o.slice_pitch, "from 2-D slice to 2-D slice, of the raw side", false },
		{ "as", 0, "DTYPE", &o.as, "read elements of the same size as this type (<V2 as bfloat16)", false },
		{ "compress", 0, "LEVEL", &o.compress, "deflate the members of an archive, 1 to 9 (6)", true },
		{ "delimiter", 0, "CHAR", &o.delimiter, "between the fields of text", false },
		{ "metadata", 0, "JSON", &o.metadata, "an object of strings that a safetensors file says about itself",
		  false },
		{ "append", 0, NULL, &o.append, "add members to the archive that the output is", false },
		{ "share", 0, NULL, &o.share, "write a view, which shares the elements of the input", false },
		{ "detach", 0, NULL, &detach, "convert also what requires grad; the result does not", false },
		{ "skip-rows", 0, "N", &o.skip_rows, "lines of text to skip at the start", false },
	};
	struct format_options from = { 0 }, to = { 0 };
	struct inputs in = { 0 };
	struct metadata metadata = { 0 };
	const struct format *target;
	bool fortran = false, many;
	int n, ret = -1;

	opts_common(opts, &c->common, true, true);
	n = opts_parse(argc, argv, opts, NULL, NULL, err);
	if (n < 0)
		return -1;
	if (c->common.help)
		return usage_print(c->command, opts, NULL, err);
	if (common_apply(c, err) || sides(&o, n ? argv[0] : NULL, c->common.output, &from, &to, &fortran, err))
		return -1;
	if (o.share && (to.format || to.compress || fortran || (o.dtype && !in_is_raw(&from)) || o.casting)) {
		return error_set(err, ERR_USAGE,
				 "--share leaves the elements as they are: no --to, --dtype, --order, --casting or "
				 "--compress goes with it");
	}
	c->shares = o.share;
	if (!n) {
		if (!stdin_is_pipe(c))
			return error_set(err, ERR_USAGE, "an input is missing");
		argv = only_stdin;
		n = 1;
	}
	target = to.format ? to.format : c->common.output ? format_for_path(c->common.output) : format_find("npy");
	many = (target && target->archive && (!o.share || text_ends(c->common.output, ".dump.json"))) ||
	       (c->common.output && strstr(c->common.output, "{}"));
	if (tf32(&o, &from, &to, target, err))
		return -1;
	if (in_is_raw(&from)) {
		if (!o.dtype)
			return error_set(err, ERR_USAGE, "raw input needs --dtype");
		bool swap = false;

		if (dtype_parse(&from.dtype, &swap, o.dtype, err))
			return -1;
		from.has_dtype = true;
		from.big_endian |= swap;
		o.dtype = NULL;
	} else if (o.dtype) {
		if (dtype_parse(&from.dtype, NULL, o.dtype, err))
			return -1;
		from.has_dtype = true;
	}
	for (int i = 0; i < n; i++)
		if (open_input(c, argv[i], &from, many, &in, err))
			goto done;
	if (in.n > 1 && target && !target->several && !many) {
		error_set(err, ERR_USAGE, "%s holds one array, %d were given: use .npz or 'part_{}.npy'", target->name,
			  in.n);
		goto done;
	}
	if (!in.named && in.n == 1 && target && target->bare)
		in.r[0].name = NULL;
	if ((many && check_names(&in, err)) || cast_inputs(c, &in, &o, err))
		goto done;
	for (int i = 0; i < in.n && !detach; i++)
		if (requires_grad(in.r[i].node)) {
			error_set(
				err, ERR_VALUE,
				"%s: Can't call numpy() on Tensor that requires grad. Use 'tensor convert --detach' instead",
				in.r[i].node->label ? in.r[i].node->label
				: i < n		    ? argv[i]
						    : "standard input");
			goto done;
		}
	if (gather_metadata(c, o.metadata, &metadata, err))
		goto done;
	to.metadata = &metadata;
	/* What was converted is a constant. */
	c->common.no_grad = true;
	ret = o.share ? output_views(c, in.n, in.r, NULL, err) : output_results(c, in.n, in.r, &to, fortran, err);
done:
	metadata_release(&metadata);
	free(in.r);
	return ret;
}
