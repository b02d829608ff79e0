/* How an array is named: PATH, PATH:KEY, PATH@SLICE, PATH:KEY@SLICE. */
#ifndef TENSOR_PLACE_H
#define TENSOR_PLACE_H

struct place {
	char *path, *key;  /* owned; key NULL: none */
	const char *slice; /* inside the text given; NULL: none */
};

/*
 * An existing path wins over both suffixes.  Where no path exists, p->path is the text without what looks like suffixes, for
 * the message.  p->path is NULL when memory is short.
 */
void place_split(struct place *p, const char *text);

struct file;
struct error;

/*
 * The index of the member that p names in f, or -1 with ERR_FILE.  A member whose name has an '@' wins over a slice; p->slice is
 * NULL then.
 */
int place_member(struct place *p, const struct file *f, struct error *err);
void place_release(struct place *p);

#endif
