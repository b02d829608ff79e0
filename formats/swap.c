/* Byte order. */
#include <string.h>

#include "formats/io.h"

void swap_bytes(void *to, const void *from, size_t n, size_t unit)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	/* memcpy: neither side needs to be aligned; the compilers make vector loops of these. */
	switch (unit) {
	case 2:
		for (size_t i = 0; i + 2 <= n; i += 2) {
			uint16_t v;
			memcpy(&v, f + i, 2);
			v = __builtin_bswap16(v);
			memcpy(t + i, &v, 2);
		}
		break;
	case 4:
		for (size_t i = 0; i + 4 <= n; i += 4) {
			uint32_t v;
			memcpy(&v, f + i, 4);
			v = __builtin_bswap32(v);
			memcpy(t + i, &v, 4);
		}
		break;
	case 8:
		for (size_t i = 0; i + 8 <= n; i += 8) {
			uint64_t v;
			memcpy(&v, f + i, 8);
			v = __builtin_bswap64(v);
			memcpy(t + i, &v, 8);
		}
		break;
	default:
		memmove(to, from, n);
	}
}
