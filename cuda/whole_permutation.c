/* Random permutations: see whole.h. */
#include "cuda/whole_internal.h"

int cuda_permutation(struct cuda *d, uint64_t seed, int64_t n, uint64_t out, struct error *err)
{
	struct sorting s = { 0 };
	uint64_t order = 0, first = 0, place = 0;
	size_t nbytes = (size_t)n * 8;
	void *draw[] = { &n, NULL, NULL, &seed }, *link[] = { &n, &first, &place, NULL, &order };
	void *walk[] = { &n, &out, NULL, &order, &first, &place };
	int ret = -1;

	if (!n)
		return 0;
	if (!device_alloc(d, &order, nbytes, err) && !device_alloc(d, &first, nbytes, err) &&
	    !device_alloc(d, &place, nbytes, err) && !sorting_init(&s, d, true, false, order, 1, n, err)) {
		draw[1] = &s.keys[s.start];
		draw[2] = &s.index[s.start];
		link[3] = walk[2] = &s.keys[0];
		if (!launch_any(d, "permutation_draw", n, draw, err) && !sorting_run(&s, true, err) &&
		    !device_zero(d, first, nbytes, err) && !launch_any(d, "permutation_link", n, link, err) &&
		    !launch_any(d, "permutation_walk", n, walk, err))
			ret = 0;
	}
	sorting_release(&s);
	device_free(d, place);
	device_free(d, first);
	device_free(d, order);
	return ret;
}
