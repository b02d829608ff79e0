/*
 * index: the JSON beside a checkpoint that is split into several files, {"weight_map": {"h.0.w": "model-00001-of-00002.safetensors",
 * ...}}, read as one archive.  The files lie in the directory of the index.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/io.h"
#include "formats/jsontree.h"
#include "lib/text.h"

enum {
	JSON_MAX = 100000000, /* bytes of an index */
};

struct shard {
	const char *name; /* of the index's JSON */
	struct file *file;
	const struct member **sorted; /* by name */
	int used;		      /* how many of its members the index names */
};

struct shards {
	struct shard *shard;
	int n;
	struct {
		int shard, member;
	} * place; /* of each member */
};

static bool shards_probe(const unsigned char *head, size_t n)
{
	static const char word[] = "\"weight_map\"";
	size_t i = 0, k = sizeof(word) - 1;

	while (i < n && memchr(" \t\r\n", head[i], 4))
		i++;
	if (i == n || head[i] != '{')
		return false;
	for (; i + k <= n; i++)
		if (!memcmp(head + i, word, k))
			return true;
	return false;
}

static int compare_members(const void *a, const void *b)
{
	return strcmp((*(const struct member *const *)a)->name, (*(const struct member *const *)b)->name);
}

static int sort_members(struct shard *s, struct error *err)
{
	size_t n = (size_t)s->file->nmembers;

	if (!(s->sorted = malloc((n + 1) * sizeof(*s->sorted))))
		return error_memory(err, n * sizeof(*s->sorted));
	for (size_t i = 0; i < n; i++)
		s->sorted[i] = &s->file->members[i];
	qsort(s->sorted, n, sizeof(*s->sorted), compare_members);
	return 0;
}

/* The format is that of the suffix: an index must not lead to an index, which could be itself. */
static const struct format *shard_format(const char *name)
{
	if (text_ends(name, ".safetensors"))
		return format_find("safetensors");
	if (text_ends(name, ".bin") || text_ends(name, ".pt") || text_ends(name, ".pth"))
		return format_find("pt");
	return NULL;
}

static int open_shard(struct file *f, struct shard *s, const char *name, struct error *err)
{
	const char *slash = strrchr(f->path, '/');
	struct format_options opt = *file_options(f);
	struct text path = TEXT_INIT;
	struct stat st;
	int ret = -1;

	s->name = name;
	if (strchr(name, '/') || !(opt.format = shard_format(name)))
		return error_set(err, ERR_FILE,
				 "\"weight_map\" names '%.200s', which is no .safetensors or .bin file beside it",
				 name);
	text_add_n(&path, f->path, slash ? (size_t)(slash - f->path) + 1 : 0);
	text_add(&path, name);
	if (path.failed) {
		error_memory(err, path.room);
		goto done;
	}
	/* Looked at before it is opened: opening a pipe would wait for its other end. */
	if (stat(path.s, &st))
		error_errno(err, ERR_FILE, "its file %s", path.s);
	else if (!S_ISREG(st.st_mode))
		error_set(err, ERR_FILE, "its file %s is no regular file", path.s);
	else if (!file_open(&s->file, path.s, &opt, err))
		ret = sort_members(s, err);
done:
	text_release(&path);
	return ret;
}

/* The shard of that name, opened when it is named first; -1 on failure. */
static int find_shard(struct file *f, const char *name, int guess, struct error *err)
{
	struct shards *sh = f->state;

	if (guess < sh->n && !strcmp(sh->shard[guess].name, name))
		return guess;
	for (int i = 0; i < sh->n; i++)
		if (!strcmp(sh->shard[i].name, name))
			return i;
	/* The array has room for the next power of two. */
	if (!(sh->n & (sh->n - 1))) {
		size_t room = sh->n ? 2 * (size_t)sh->n : 1;
		struct shard *more = realloc(sh->shard, room * sizeof(*more));

		if (!more)
			return error_memory(err, room * sizeof(*more));
		sh->shard = more;
	}
	memset(&sh->shard[sh->n], 0, sizeof(*sh->shard));
	sh->n++;
	return open_shard(f, &sh->shard[sh->n - 1], name, err) ? -1 : sh->n - 1;
}

static int copy_member(struct file *f, const struct member *from, struct error *err)
{
	struct member *m = file_add_member(f, from->name, err);
	char *name;

	if (!m)
		return -1;
	name = m->name;
	*m = *from;
	m->name = name;
	m->place = NULL;
	m->descr = from->descr ? strdup(from->descr) : NULL;
	return from->descr && !m->descr ? error_memory(err, strlen(from->descr)) : 0;
}

static int add_entry(struct file *f, const struct json *entry, struct error *err)
{
	struct shards *sh = f->state;
	const struct member wanted = { .name = (char *)(uintptr_t)json_key(entry) }, *key = &wanted;
	int i = f->nmembers, guess = i ? sh->place[i - 1].shard : 0;

	if (!json_text(entry))
		return error_set(err, ERR_FILE, "\"weight_map\" does not say in which file '%s' is", json_key(entry));
	if ((sh->place[i].shard = find_shard(f, json_text(entry), guess, err)) < 0)
		return -1;

	struct shard *s = &sh->shard[sh->place[i].shard];
	const struct member **found =
		bsearch(&key, s->sorted, (size_t)s->file->nmembers, sizeof(*s->sorted), compare_members);
	if (!found)
		return error_set(err, ERR_FILE, "\"weight_map\" says that '%s' is in %s, which has no such tensor",
				 json_key(entry), s->name);
	sh->place[i].member = (int)(*found - s->file->members);
	s->used++;
	return copy_member(f, *found, err);
}

/* What the shards say about themselves; each key as the first of them that has it. */
static int join_metadata(struct file *f, struct error *err)
{
	const struct shards *sh = f->state;

	for (int i = 0; i < sh->n; i++) {
		const struct metadata *m = &sh->shard[i].file->metadata;

		for (int k = 0; k < m->n; k++)
			if (!metadata_get(&f->metadata, m->item[k].key) &&
			    metadata_add(&f->metadata, m->item[k].key, m->item[k].value, err))
				return -1;
	}
	return 0;
}

static int warn_of_rest(struct file *f, struct error *err)
{
	const struct shards *sh = f->state;
	struct text t = TEXT_INIT;
	int rest = 0;

	for (int i = 0; i < sh->n; i++)
		rest += sh->shard[i].file->nmembers - sh->shard[i].used;
	if (!rest)
		return 0;
	text_fmt(&t, "its files hold %d tensors that \"weight_map\" does not name: they are left out", rest);
	f->warning = t.s;
	return t.failed ? error_memory(err, t.room) : 0;
}

static int read_index(struct file *f, const struct json *root, struct error *err)
{
	const struct json *map = json_get(root, "weight_map");
	struct shards *sh = f->state;
	size_t n = 1;

	if (!json_is_object(map))
		return error_set(err, ERR_FILE, "\"weight_map\" is missing, or no object");
	for (const struct json *x = json_first(map); x; x = json_next(x))
		n++;
	if (!(sh->place = calloc(n, sizeof(*sh->place))))
		return error_memory(err, n * sizeof(*sh->place));
	for (const struct json *x = json_first(map); x; x = json_next(x))
		if (add_entry(f, x, err))
			return -1;
	return file_check_names(f, err) || join_metadata(f, err) || warn_of_rest(f, err) ? -1 : 0;
}

static int shards_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct shards *sh = calloc(1, sizeof(*sh));
	struct json *root;
	char *text;
	size_t n;

	(void)opt;
	if (!(f->state = sh))
		return error_memory(err, sizeof(*sh));
	f->archive = true;
	if (input_shared(in))
		return error_set(err, ERR_FILE, "an index on standard input is in no directory: name it as a file");
	if (input_size(in) > JSON_MAX)
		return error_set(err, ERR_FILE, "has %" PRId64 " bytes, more than an index can", input_size(in));
	if (input_read_all(in, &text, &n, err))
		return -1;

	int ret = json_parse(&root, text, n, err);
	free(text);
	if (ret)
		return -1;
	ret = read_index(f, root, err);
	/* Their names were those of the JSON. */
	for (int i = 0; i < sh->n; i++)
		sh->shard[i].name = NULL;
	json_free(root);
	return ret;
}

static int shards_array(struct file *f, int i, struct array *out, struct error *err)
{
	struct shards *sh = f->state;

	return file_array(sh->shard[sh->place[i].shard].file, sh->place[i].member, out, err);
}

static int shards_share(struct file *f, int i, struct array *out, struct error *err)
{
	struct shards *sh = f->state;

	return file_share(sh->shard[sh->place[i].shard].file, sh->place[i].member, out, err);
}

static void shards_close(struct file *f)
{
	struct shards *sh = f->state;

	if (!sh)
		return;
	for (int i = 0; i < sh->n; i++) {
		file_close(sh->shard[i].file);
		free(sh->shard[i].sorted);
	}
	free(sh->shard);
	free(sh->place);
	free(sh);
}

static const struct format_reader shards_reader = { shards_open, shards_array, shards_close, .share = shards_share };

extern const struct format format_index;
const struct format format_index = {
	.name = "index",
	.suffixes = ".index.json",
	.help = "a checkpoint split into several files, read as one archive",
	.archive = true,
	.probe = shards_probe,
	.reader = &shards_reader,
	.unwritable = "a split checkpoint is only read: write one .safetensors",
};
