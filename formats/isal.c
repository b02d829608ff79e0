/* The only file that knows ISA-L: built with its header where that is found, loaded at the first large member. */
#include "formats/isal.h"

#if defined(__has_include)
#if __has_include(<isa-l/igzip_lib.h>)
#define HEADER 1
#endif
#endif

#ifdef HEADER

#include <pthread.h>
#include <stdlib.h>

#include <isa-l/igzip_lib.h>

#include "lib/library.h"

static struct {
	void (*inflate_init)(struct inflate_state *);
	int (*inflate)(struct inflate_state *);
	void (*deflate_init)(struct isal_zstream *);
	int (*deflate_set_dict)(struct isal_zstream *, uint8_t *, uint32_t);
	int (*deflate)(struct isal_zstream *);
} isal;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool here;

static void load(void)
{
	static const char *const names[] = { "isal_inflate_init", "isal_inflate", "isal_deflate_init",
					     "isal_deflate_set_dict", "isal_deflate" };
	void **functions = (void **)&isal;
	void *lib = library_open("libisal.so.2", NULL);

	for (size_t i = sizeof(names) / sizeof(names[0]); lib && i--;)
		if (!library_symbol(lib, names[i], &functions[i]))
			lib = NULL;
	here = lib;
}

bool isal_here(void)
{
	pthread_once(&once, load);
	return here;
}

/* ISA-L counts in 32 bits. */
static uint32_t part(size_t n)
{
	return n < UINT32_MAX / 2 ? (uint32_t)n : UINT32_MAX / 2;
}

struct isal_inflater {
	struct inflate_state s;
};

struct isal_inflater *isal_inflater_new(void)
{
	struct isal_inflater *z = malloc(sizeof(*z));

	if (z)
		isal.inflate_init(&z->s);
	return z;
}

int isal_inflater_run(struct isal_inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		      bool *end)
{
	uint32_t have = part(*nin), room = part(*nout);

	z->s.next_in = (uint8_t *)*in;
	z->s.avail_in = have;
	z->s.next_out = *out;
	z->s.avail_out = room;

	int status = isal.inflate(&z->s);
	*in += have - z->s.avail_in;
	*nin -= have - z->s.avail_in;
	*out += room - z->s.avail_out;
	*nout -= room - z->s.avail_out;
	*end = z->s.block_state == ISAL_BLOCK_FINISH;
	/* It reads eight bytes ahead. */
	if (*end)
		*nin += (size_t)z->s.read_in_length / 8;
	return status < 0 || status == ISAL_NEED_DICT ? -1 : 0;
}

struct isal_deflater {
	struct isal_zstream s;
	uint8_t level[ISAL_DEF_LVL1_DEFAULT];
};

struct isal_deflater *isal_deflater_new(void)
{
	return malloc(sizeof(struct isal_deflater));
}

/* Level 1: the higher ones take longer and find hardly more in numbers. */
int64_t isal_deflate_block(struct isal_deflater *z, const unsigned char *in, size_t n, size_t before, bool last,
			   unsigned char *out, size_t room)
{
	struct isal_zstream *s = &z->s;

	isal.deflate_init(s);
	s->level = 1;
	s->level_buf = z->level;
	s->level_buf_size = sizeof(z->level);
	if (before && isal.deflate_set_dict(s, (uint8_t *)in - before, (uint32_t)before) != COMP_OK)
		return -1;
	s->next_in = (uint8_t *)in;
	s->avail_in = (uint32_t)n;
	s->next_out = out;
	s->avail_out = (uint32_t)room;
	s->end_of_stream = last;
	s->flush = last ? NO_FLUSH : SYNC_FLUSH;
	if (isal.deflate(s) != COMP_OK || s->avail_in || !s->avail_out)
		return -1;
	return (int64_t)room - s->avail_out;
}

#else

bool isal_here(void)
{
	return false;
}

struct isal_inflater *isal_inflater_new(void)
{
	return NULL;
}

int isal_inflater_run(struct isal_inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		      bool *end)
{
	(void)z, (void)in, (void)nin, (void)out, (void)nout, (void)end;
	return -1;
}

struct isal_deflater *isal_deflater_new(void)
{
	return NULL;
}

int64_t isal_deflate_block(struct isal_deflater *z, const unsigned char *in, size_t n, size_t before, bool last,
			   unsigned char *out, size_t room)
{
	(void)z, (void)in, (void)n, (void)before, (void)last, (void)out, (void)room;
	return -1;
}

#endif
