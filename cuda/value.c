/* Values on the device: see value.h. */
#include "cuda/value.h"

#include <stdlib.h>

static struct value *value_of(const struct node *x)
{
	return (struct value *)x->kept;
}

bool value_here(const struct node *x)
{
	return x->kept && value_of(x)->p;
}

static void value_release(struct kept *k)
{
	struct value *v = (struct value *)k, **at = &v->d->values;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	device_free(v->d, v->p);
	free(v);
}

struct value *value_get(struct cuda *d, struct node *x, struct error *err)
{
	struct value *v = value_of(x);

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v) {
		error_memory(err, sizeof(*v));
		return NULL;
	}
	*v = (struct value){ .kept = { value_release }, .d = d, .owner = x, .next = d->values };
	d->values = v;
	x->kept = &v->kept;
	return v;
}

uint64_t value_address(const struct node *x)
{
	return value_of(x)->p;
}

void value_pin(struct node *x)
{
	value_of(x)->pins++;
}

void value_unpin(struct node *x)
{
	value_of(x)->pins--;
}

/* Can x be computed again?  A stream has been read. */
static bool repeatable(const struct node *x)
{
	return x->kind != NODE_LEAF || !x->u.array.src->sequential;
}

int value_alloc(struct cuda *d, uint64_t *p, size_t n, struct error *err)
{
	for (;;) {
		struct value *oldest = NULL;
		struct error failed = ERROR_INIT;

		if (!device_alloc(d, p, n, &failed))
			return 0;
		for (struct value *v = d->values; v; v = v->next)
			if (v->p && !v->pins && repeatable(v->owner))
				oldest = v;
		if (!oldest) {
			*err = failed;
			return -1;
		}
		if (d->notes)
			text_fmt(d->notes, "%s: %zu bytes given up, to be computed again where they are needed\n",
				 d->name, oldest->nbytes);
		device_free(d, oldest->p);
		oldest->p = 0;
	}
}
