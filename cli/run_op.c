/* create, op, matmul, reduce: a row of the op table, operands and attributes from the command line, results. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/graphdoc.h"
#include "formats/json.h"

static const char *const type_names[] = { "", "N", "X", "TEXT", "LIST", "LIST", "DTYPE", "VALUE" };

/* "name" or "name=default" of attribute i, as ops.def has it, without the type. */
static void attr_spec(const struct op *op, int i, char *buf, size_t size)
{
	const char *s = op->attrs;
	size_t w;

	for (; i; i--) {
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
	w = strcspn(s, " ");
	while (w && s[w] != ':')
		w--;
	snprintf(buf, size, "%.*s", (int)w, s);
}

static void dashed(char *s)
{
	for (; *s; s++)
		if (*s == '_')
			*s = '-';
}

int print_op_help(const struct op *op, struct error *err)
{
	struct attr attrs[MAX_ATTRS];
	struct text t = TEXT_INIT;
	int n = op_attrs(op, attrs), operands = op->nin_max;
	static const char letters[] = "ABCD";

	for (int i = 0; op->class == OP_MAP && i < n; i++)
		operands -= attrs[i].type == ATTR_OPERAND;
	text_fmt(&t, "usage: tensor %s %s", op_command(op), op->family == FAMILY_matmul ? "" : op->name);
	if (op->family == FAMILY_matmul)
		t.len--;
	if (!strcmp(op->name, "array"))
		text_add(&t, " JSON");
	else if (!strcmp(op->name, "einsum"))
		text_add(&t, " EQUATION A [B ...]");
	else if (operands < 0)
		text_add(&t, " A [B ...]");
	else
		for (int i = 0; i < operands && i < 4; i++)
			text_fmt(&t, " %c", letters[i]);
	for (int i = 0; i < n; i++) {
		char spec[64];

		attr_spec(op, i, spec, sizeof(spec));
		spec[strcspn(spec, "=")] = '\0';
		dashed(spec);
		if (operands < 0 && !strcmp(spec, "equation"))
			continue;
		if (attrs[i].type == ATTR_FLAG)
			text_fmt(&t, " [--%s]", spec);
		else
			text_fmt(&t, attrs[i].required ? " --%s %s" : " [--%s %s]", spec, type_names[attrs[i].type]);
	}
	text_fmt(&t, " [-o FILE]\n\n%s\n", op->help);
	if (*op->aliases)
		text_fmt(&t, "\nalso called: %s\n", op->aliases);
	if (op->text)
		text_fmt(&t, "\nan expression of its operands, x y z w: %s\n", op->text);
	if (n) {
		text_add(&t,
			 operands < 0 ? "\nattributes:\n" : "\nattributes, also in this order after the operands:\n");
		for (int i = 0; i < n; i++) {
			char spec[64], *value;

			attr_spec(op, i, spec, sizeof(spec));
			value = strchr(spec, '=');
			if (value)
				*value++ = '\0';
			dashed(spec);
			text_fmt(&t, "  --%s%s%s", spec, *type_names[attrs[i].type] ? " " : "",
				 type_names[attrs[i].type]);
			if (attrs[i].required)
				text_add(&t, "  (required)");
			else if (value)
				text_fmt(&t, "  (default %s)", value);
			text_char(&t, '\n');
		}
	}
	if (!strcmp(op->name, "std") || !strcmp(op->name, "var"))
		text_add(&t, "\nas NumPy: --correction is 0 by default (PyTorch's default is 1)\n");
	return text_print(&t, err);
}

static void json_op(struct text *t, const struct op *op)
{
	struct attr attrs[MAX_ATTRS];
	int n = op_attrs(op, attrs), min = op->nin_min, max = op->nin_max;

	for (int i = 0; op->class == OP_MAP && i < n; i++)
		if (attrs[i].type == ATTR_OPERAND) {
			min--;
			max--;
		}
	text_fmt(t, "{\"name\": \"%s\", \"aliases\": [", op->name);
	for (const char *s = op->aliases, *sep = ""; *s; sep = ", ") {
		size_t w = strcspn(s, " ");

		text_fmt(t, "%s\"%.*s\"", sep, (int)w, s);
		s += w + strspn(s + w, " ");
	}
	text_fmt(t, "], \"command\": \"%s\", \"family\": \"%s\", \"operands\": [%d, %d], \"attrs\": [", op_command(op),
		 op_family_name(op->family), min, max);
	for (int i = 0; i < n; i++) {
		static const char *const types[] = {
			"flag", "int", "float", "str", "list", "axes", "dtype", "operand"
		};
		char spec[64], *value;

		attr_spec(op, i, spec, sizeof(spec));
		value = strchr(spec, '=');
		text_fmt(t, "%s{\"name\": \"%s\", \"type\": \"%s\", \"default\": ", i ? ", " : "", attrs[i].name,
			 types[attrs[i].type]);
		if (value)
			text_json(t, value + 1);
		else
			text_add(t, "null");
		text_char(t, '}');
	}
	text_add(t, "], \"help\": ");
	text_json(t, op->help);
	text_char(t, '}');
}

int list_ops(const char *command, bool json, struct error *err)
{
	struct text t = TEXT_INIT;
	int family = -1;
	bool first = true;

	if (json)
		text_add(&t, "[");
	/* Family by family, each in the order of the table. */
	for (int f = 0; f <= FAMILY_matmul; f++)
		for (int i = 0; i < op_table_size; i++) {
			const struct op *op = &op_table[i];

			if ((int)op->family != f || (command && strcmp(op_command(op), command)))
				continue;
			if (json) {
				text_add(&t, first ? "" : ",\n ");
				json_op(&t, op);
			} else {
				if (f != family)
					text_fmt(&t, "%s%s\n", first ? "" : "\n", op_family_name(op->family));
				text_fmt(&t, "  %s", op->name);
				for (const char *s = op->aliases; *s;) {
					size_t w = strcspn(s, " ");

					text_fmt(&t, ", %.*s", (int)w, s);
					s += w + strspn(s + w, " ");
				}
				text_fmt(&t, ": %s\n", op->help);
			}
			family = f;
			first = false;
		}
	if (json)
		text_add(&t, "]\n");
	return text_print(&t, err);
}

static int unknown_name(const char *command, const char *name, struct error *err)
{
	const struct op *op = op_find(name);
	const char *near = op_nearest(name, command);

	if (op && strcmp(op_command(op), command))
		return error_set(err, ERR_USAGE, "unknown op '%s': it belongs to another command, 'tensor %s%s%s'",
				 name, op_command(op), op->family == FAMILY_matmul ? "" : " ",
				 op->family == FAMILY_matmul ? "" : name);
	if (near)
		return error_set(err, ERR_USAGE, "unknown op '%s': did you mean '%s'?", name, near);
	return error_set(err, ERR_USAGE, "unknown op '%s': see 'tensor %s --list'", name, command);
}

/* Options of the op: remembered as text until the operands are known. */
struct given {
	struct call *call;
	int n;
	struct {
		struct attr *attr;
		const char *text;
	} item[MAX_ATTRS];
};

static int op_option(void *arg, const char *name, const char *value, const char *next, struct error *err)
{
	struct given *g = arg;
	struct attr *a = call_find_attr(g->call, name);

	if (!a)
		return -1;
	for (int i = 0; i < g->n; i++)
		if (g->item[i].attr == a)
			return error_set(err, ERR_USAGE, "option '--%s' is given twice", name);
	if (a->type == ATTR_FLAG && !value)
		value = "true";
	else if (!value && !next)
		return error_set(err, ERR_USAGE, "option '--%s' needs a value", name);
	g->item[g->n].attr = a;
	g->item[g->n++].text = value ? value : next;
	a->given = true;
	return value ? 0 : 1;
}

/* "unknown option '--axs'": the attribute that may have been meant. */
static int suggest_attr(const struct call *call, struct error *err)
{
	char word[64];
	size_t n = strlen(err->text);

	if (sscanf(err->text, "unknown option '--%63[^'=]", word) != 1 || strstr(err->text, "did you mean"))
		return -1;
	for (int i = 0; i < call->nattrs; i++)
		if (text_distance(word, call->attrs[i].name) <= 2)
			snprintf(err->text + n, sizeof(err->text) - n, ": did you mean '--%s'?", call->attrs[i].name);
	return -1;
}

static int set_attr(struct cli *c, struct call *call, struct attr *a, const char *text, struct error *err)
{
	if (a->type == ATTR_OPERAND && strcmp(text, "none") && strcmp(text, "None")) {
		struct node *x = operand_node(c, text, err);

		return x ? call_attr(call, a, NULL, x, err) : -1;
	}
	return call_attr(call, a, text, NULL, err);
}

/* Could text be an attribute rather than a file: a list or a slice, and no such file? */
static bool looks_like_list(const char *text)
{
	struct stat st;

	return strpbrk(text, ",:") && strspn(text, "0123456789,:-.() ") == strlen(text) && stat(text, &st);
}

static bool missing_file(const char *text)
{
	struct scalar s;
	struct place p;
	struct stat st;
	bool missing;

	if (is_stdin(text) || scalar_parse(&s, text, strlen(text)))
		return false;
	place_split(&p, text);
	missing = !p.path || stat(p.path, &st);
	place_release(&p);
	return missing;
}

/* Could all of the words be attributes of an op with one operand, which then comes from the pipe: "... | op clip 2 5"? */
static bool only_attributes(const struct call *call, int n, const char **words)
{
	int room = 0;

	for (int i = 0; i < call->nattrs; i++)
		room += call->attrs[i].type != ATTR_FLAG && !call->attrs[i].given;
	for (int i = 0; i < n; i++) {
		struct scalar s;

		if (!scalar_parse(&s, words[i], strlen(words[i])) && !looks_like_list(words[i]))
			return false;
	}
	return n > 0 && n <= room;
}

static struct node *json_operand(struct cli *c, const char *text, bool has_dtype, enum dtype dtype, struct error *err)
{
	struct array a = { 0 };

	if (!strcmp(text, "-"))
		return operand_node(c, text, err);
	if (json_array_parse(&a, text, strlen(text), has_dtype, dtype, err))
		return NULL;
	struct node *x = node_leaf(c->graph, &a, NULL, err);

	return !x || record_literal(c, x, text, err) ? NULL : x;
}

/* An operand that was left out comes from a pipe; a pipe with nothing in it means that it was just left out. */
static struct node *implied_operand(struct cli *c, struct call *call, int given, struct error *err)
{
	int more = stdin_more(c, err);

	if (more < 0)
		return NULL;
	if (!more) {
		error_set(
			err, ERR_USAGE,
			"%s takes %d operand%s, %d given (and standard input is empty: the command before the pipe wrote nothing)",
			call->name, call->op->nin_min, call->op->nin_min == 1 ? "" : "s", given);
		return NULL;
	}
	return stdin_node(c, NULL, NULL, err);
}

/* A message about values names the arrays they are in: "a.npy (3, 4): axis 5 is out of bounds ...". */
static void name_operands(int n, struct node *const in[], struct error *err)
{
	char prefix[512] = "", one[NODE_TEXT];
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		if (!in[i]->label || in[i]->weak)
			continue;
		if (strstr(err->text, in[i]->label))
			return;
		node_text(in[i], one, sizeof(one));
		if (len + strlen(one) + 8 > sizeof(prefix))
			break;
		len += (size_t)snprintf(prefix + len, sizeof(prefix) - len, "%s%s", len ? " and " : "", one);
	}
	if (len)
		error_prefix(err, prefix);
}

/* first: the operand that is already there (in place), or NULL. */
static int call_operands(struct cli *c, struct call *call, struct node *first, int npos, const char **pos,
			 struct given *g, struct error *err)
{
	struct node **in = calloc((size_t)npos + 2, sizeof(*in));
	int nin = 0, k = 0, ret = -1, operands = call->op->nin_max, rest;
	bool array = !strcmp(call->op->name, "array");

	if (!in)
		return error_memory(err, (size_t)npos * sizeof(*in));
	for (int i = 0; call->op->class == OP_MAP && i < call->nattrs; i++)
		operands -= call->attrs[i].type == ATTR_OPERAND;
	/* einsum: the equation comes first, as in NumPy and PyTorch */
	if (operands < 0 && call->nattrs && call->attrs[0].required && call->attrs[0].type == ATTR_STR &&
	    !call->attrs[0].given && k < npos) {
		g->item[g->n].attr = &call->attrs[0];
		g->item[g->n++].text = pos[k++];
		call->attrs[0].given = true;
	}
	if (first)
		in[nin++] = first;
	rest = npos - k + nin;
	bool uses_stdin = false;
	for (int i = k; i < npos; i++)
		uses_stdin |= is_stdin(pos[i]);
	if (!array && operands && !uses_stdin && stdin_is_pipe(c) &&
	    ((operands > 0 && rest < operands && rest + 1 >= operands) || (operands < 0 && rest == 0) ||
	     (operands == 1 && !first && only_attributes(call, rest, pos + k)) ||
	     (operands > 0 && rest >= operands && k < npos && looks_like_list(pos[k]) && missing_file(pos[k])))) {
		in[nin] = implied_operand(c, call, rest, err);
		if (!in[nin++])
			goto done;
		/* An op of any number of operands takes all that the pipe has. */
		for (int more = operands<0; more> 0;) {
			more = stdin_more(c, err);
			if (more < 0)
				goto done;
			if (!more)
				break;
			struct node **all = realloc(in, (size_t)(npos + nin + 3) * sizeof(*in));

			if (!all) {
				error_memory(err, sizeof(*in));
				goto done;
			}
			in = all;
			if (!(in[nin] = stdin_node(c, NULL, NULL, err)))
				goto done;
			nin++;
		}
	}
	while (k < npos && (operands < 0 || nin < operands)) {
		if (array) {
			const struct attr *d = attr_get(call, "dtype");
			enum dtype dtype = DT_F64;
			bool has = false;

			for (int i = 0; i < g->n; i++)
				if (g->item[i].attr == d && strcmp(g->item[i].text, "none")) {
					if (dtype_parse(&dtype, NULL, g->item[i].text, err))
						goto done;
					has = true;
				}
			in[nin] = json_operand(c, pos[k], has, dtype, err);
		} else {
			in[nin] = operand_node(c, pos[k], err);
		}
		if (!in[nin++])
			goto done;
		k++;
	}
	for (int i = 0; k < npos; k++) {
		while (i < call->nattrs && (call->attrs[i].given || call->attrs[i].type == ATTR_FLAG))
			i++;
		if (i == call->nattrs) {
			error_set(err, ERR_USAGE, "%s: one argument too many: '%s'", call->name, pos[k]);
			goto done;
		}
		call->attrs[i].given = true;
		g->item[g->n].attr = &call->attrs[i];
		g->item[g->n++].text = pos[k];
	}
	for (int i = 0; i < g->n; i++)
		if (set_attr(c, call, g->item[i].attr, g->item[i].text, err))
			goto done;
	ret = call_run(call, nin, in, err);
	if (ret && err->code == ERR_VALUE)
		name_operands(nin, in, err);
done:
	free(in);
	return ret;
}

static int in_place(struct cli *c, struct call *call, int npos, const char **pos, struct given *g, struct error *err);

static const struct op *find_for(const char *command, const char *name, bool *inplace)
{
	const struct op *op = op_find(name);
	size_t n = strlen(name);
	char base[64];

	*inplace = n > 1 && name[n - 1] == '_' && !strcmp(command, "op");
	if (!op && *inplace && n < sizeof(base)) {
		snprintf(base, sizeof(base), "%.*s", (int)(n - 1), name);
		op = op_find(base);
	}
	return op && !strcmp(op_command(op), command) ? op : NULL;
}

int run_op(struct cli *c, const char *command, int argc, const char **argv, struct error *err)
{
	struct opt opts[MAX_OPTS] = { { 0 } };
	struct call call = { 0 };
	struct given given = { &call, 0, { { NULL, NULL } } };
	struct result *results = NULL;
	bool list = false, inplace = false, view = false;
	const struct op *op = NULL;
	const char *name = command;
	int npos, ret = -1;

	if (strcmp(command, "matmul"))
		opts[0] = (struct opt){ "list", 'l', NULL, &list, "the names there are", false };
	if (!strcmp(command, "op"))
		opts[1] = (struct opt){ "view", 0, NULL, &view, "write where the result lies in its file", false };
	opts_common(opts, &c->common, true, true);
	if (!strcmp(command, "create"))
		opts_add(opts, (struct opt){ "requires-grad", 0, NULL, &c->common.requires_grad,
					     "gradients with respect to it will be asked for", false });
	if (strcmp(command, "matmul")) {
		/* The name decides which options there are, so it comes before them. */
		if (argc && is_value(argv[0])) {
			name = argv[0];
			op = find_for(command, name, &inplace);
			if (!op)
				return unknown_name(command, name, err);
			argc--;
			argv++;
		}
	} else {
		op = op_find("matmul");
	}
	if (op && call_init(&call, c->graph, name, op, err))
		return -1;
	npos = opts_parse(argc, argv, opts, op ? op_option : NULL, &given, err);
	if (npos < 0)
		return op ? suggest_attr(&call, err) : -1;
	if (c->common.help)
		return op && strcmp(command, "matmul") ? print_op_help(op, err)
						       : usage_print(c->command, opts, NULL, err);
	if (list)
		return list_ops(command, c->common.json, err);
	if (!op)
		return error_set(err, ERR_USAGE, "a name is missing: see 'tensor %s --list'", command);
	struct preferences prefer;

	if (common_apply(c, err) || preferences_read(&prefer, c, err))
		goto done;
	call.default_float = prefer.default_float;
	call.default_int = prefer.default_int;
	call.dry = prefer.dry;
	c->shares = view;
	if (inplace && view) {
		error_set(err, ERR_USAGE, "%s writes into its first operand; --view does not go with it", name);
		goto done;
	}
	if (inplace) {
		ret = in_place(c, &call, npos, argv, &given, err);
		goto done;
	}
	if (call_operands(c, &call, NULL, npos, argv, &given, err))
		goto done;
	if (call.random && c->common.verbose)
		say(c, "seed %" PRIu64, call.seed);
	results = calloc((size_t)call.nout + 1, sizeof(*results));
	if (!results) {
		error_memory(err, sizeof(*results));
		goto done;
	}
	for (int i = 0; i < call.nout; i++)
		results[i] = (struct result){ call.out[i], call.out_names[i] };
	ret = view ? output_views(c, call.nout, results, call.name, err)
		   : output_results(c, call.nout, results, NULL, false, err);
done:
	free(results);
	call_release(&call);
	return ret;
}

/* == in place == */

struct patch_sink {
	struct sink sink;
	struct patch *patch;
};

static int patch_tile(struct sink *s, const void *elements, int64_t start, int64_t n, struct error *err)
{
	return patch_write(((struct patch_sink *)s)->patch, elements, start, n, err);
}

static const char *torch_dtype(enum dtype d)
{
	switch (d) {
	case DT_BOOL:
		return "Bool";
	case DT_I8:
		return "Char";
	case DT_U8:
		return "Byte";
	case DT_I16:
		return "Short";
	case DT_I32:
		return "Int";
	case DT_I64:
		return "Long";
	case DT_F16:
		return "Half";
	case DT_BF16:
		return "BFloat16";
	case DT_F32:
		return "Float";
	case DT_F64:
		return "Double";
	case DT_C64:
		return "ComplexFloat";
	case DT_C128:
		return "ComplexDouble";
	default:
		return dtype_name(d);
	}
}

/* Does computing x read what the leaf describes only at the very elements that are written at that time? */
static bool elementwise_of(const struct node *x, const struct node *target)
{
	const struct node *leaf = target->kind == NODE_VIEW ? target->in[0] : target;

	if (x == target)
		return true;
	if (x->kind == NODE_LEAF)
		return x != leaf &&
		       (x->u.array.src->dev != leaf->u.array.src->dev || x->u.array.src->ino != leaf->u.array.src->ino);
	/* A scan reads on from where it is. */
	if (x->kind != NODE_MAP && x->kind != NODE_CAST && x->kind != NODE_SCAN && x->kind != NODE_CONST)
		return x->nin == 0;
	for (int i = 0; i < x->nin; i++)
		if (!elementwise_of(x->in[i], target))
			return false;
	return true;
}

static int in_place(struct cli *c, struct call *call, int npos, const char **pos, struct given *g, struct error *err)
{
	struct node *x, *y;
	struct patch_sink sink = { { patch_tile, false }, NULL };
	struct array whole = { 0 }, view = { 0 };
	struct place p = { NULL, NULL, NULL };
	char target[SHAPE_TEXT], made[SHAPE_TEXT];
	struct file *f;
	struct scalar s;
	int64_t id = -1;
	int i, ret = -1;

	if (c->common.output) {
		error_set(err, ERR_USAGE, "%s writes into its first operand; -o does not go with it", call->name);
		goto done;
	}
	if (c->common.json && !c->common.dry) {
		error_set(err, ERR_USAGE, "--json goes with --dry-run");
		goto done;
	}
	if (!npos || !strncmp(pos[0], "-", 1) || scalar_parse(&s, pos[0], strlen(pos[0]))) {
		error_set(err, ERR_USAGE, "%s works in place: its first operand must be a file", call->name);
		goto done;
	}
	place_split(&p, pos[0]);
	f = NULL;
	if (!p.path)
		error_memory(err, strlen(pos[0]));
	else
		f = operand_open(c, p.path, NULL, err);
	if (!f || (i = place_member(&p, f, err)) < 0 || file_share(f, i, &whole, err))
		goto done;
	view = whole;
	view.src = source_ref(whole.src);
	x = node_leaf(c->graph, &whole, pos[0], err);
	if (x && record_leaf(c, x, p.path, p.key ? f->members[i].name : NULL, f->members[i].tag, err))
		goto done;
	if (x && p.slice)
		x = op_slice(c->graph, x, p.slice, err);
	if (!x)
		goto done;
	if (!x->label)
		x->label = graph_string(c->graph, pos[0]);
	/* What is written: the elements that the (sliced) target describes. */
	if (x->kind != NODE_LEAF && x->kind != NODE_VIEW) {
		error_set(err, ERR_VALUE, "%s is no view of the file", pos[0]);
		goto done;
	}
	view.shape = x->shape;
	memcpy(view.strides, x->strides, sizeof(view.strides));
	view.offset = x->offset;
	if (record_may_write(c, x, pos[0], err))
		goto done;

	if (call_operands(c, call, x, npos - 1, pos + 1, g, err))
		goto done;
	y = call->nout == 1 ? call->out[0] : NULL;
	if (!y) {
		error_set(err, ERR_USAGE, "%s has no in-place form: it gives %d results", call->op->name, call->nout);
		goto done;
	}
	if (!shape_equal(&y->shape, &x->shape)) {
		error_set(err, ERR_VALUE, "%s: output with shape %s doesn't match the %s shape %s", pos[0],
			  shape_text(&x->shape, target, sizeof(target)),
			  call->op->class == OP_MAP ? "broadcast" : "result",
			  shape_text(&y->shape, made, sizeof(made)));
		goto done;
	}
	if (!dtype_can_cast(y->dtype, x->dtype, CASTING_SAME_KIND)) {
		error_set(err, ERR_VALUE, "%s: result type %s can't be cast to the desired output type %s (%s to %s)",
			  pos[0], torch_dtype(y->dtype), torch_dtype(x->dtype), dtype_name(y->dtype),
			  dtype_name(x->dtype));
		goto done;
	}
	if (!(y = op_cast(c->graph, y, x->dtype, err)))
		goto done;
	if (c->common.dry) {
		ret = output_results(c, 1, &(struct result){ y, NULL }, NULL, false, err);
		goto done;
	}
	if (call->random && c->common.verbose)
		say(c, "seed %" PRIu64, call->seed);
	/* What can turn out broken or short halfway is read before the first element is written. */
	if (engine_load(y, err) || record_in_place(c, x, p.slice, y, call->name, &id, err) ||
	    patch_open(&sink.patch, &view, err))
		goto done;
	/* Elements that are read elsewhere after they were written would be wrong: compute all of them first. */
	ret = elementwise_of(y, x) ? 0 : engine_keep(1, &y, err);
	if (!ret)
		ret = engine_run(y, &sink.sink, err);
	if (ret) {
		struct error ignored = ERROR_INIT;

		patch_close(sink.patch, &ignored);
	} else {
		ret = patch_close(sink.patch, err);
	}
	if (!ret && c->record) {
		struct gfile facts;

		ret = hash_place(p.path, p.key ? f->members[i].name : NULL, &facts, err) ||
				      record_amend(c, id, &facts, err)
			      ? -1
			      : 0;
	}
done:
	array_release(&view);
	array_release(&whole);
	place_release(&p);
	return ret;
}

int cmd_create(struct cli *c, int argc, const char **argv, struct error *err)
{
	return run_op(c, "create", argc, argv, err);
}

int cmd_op(struct cli *c, int argc, const char **argv, struct error *err)
{
	return run_op(c, "op", argc, argv, err);
}

int cmd_matmul(struct cli *c, int argc, const char **argv, struct error *err)
{
	return run_op(c, "matmul", argc, argv, err);
}

int cmd_reduce(struct cli *c, int argc, const char **argv, struct error *err)
{
	return run_op(c, "reduce", argc, argv, err);
}
