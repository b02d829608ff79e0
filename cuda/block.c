/* Functions of whole arrays on the device: which of them does a block node's work. */
#include "cuda/plan.h"
#include "cuda/run.h"

static const char *const names[] = {
	[BLOCK_NONE] = "this",
	[BLOCK_TAKE] = "take",
	[BLOCK_ALONG] = "take_along_axis",
	[BLOCK_SCATTER] = "scatter",
	[BLOCK_PUT] = "put",
	[BLOCK_SEARCH] = "searchsorted",
	[BLOCK_SORT] = "sort",
	[BLOCK_ARGSORT] = "argsort",
	[BLOCK_LEXSORT] = "lexsort",
	[BLOCK_QUANTILE] = "a quantile",
	[BLOCK_PERMUTATION] = "randperm",
	[BLOCK_MATMUL] = "matmul",
};

int cuda_block(struct cuda *d, struct node *x, const uint64_t in[], uint64_t out, struct error *err)
{
	(void)in;
	(void)out;
	return error_set(err, ERR_RESOURCE, "%s does not compute %s; use --device cpu", d->name, names[x->u.block.id]);
}
