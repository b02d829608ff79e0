/* Small things that several formats need: byte order, UTF-8. */
#include <string.h>

#include "formats/io.h"

void copy_swapped(void *to, const void *from, size_t n, size_t unit)
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

bool utf8_valid(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		int more = s[i] < 0x80	 ? 0
			   : s[i] < 0xc2 ? -1
			   : s[i] < 0xe0 ? 1
			   : s[i] < 0xf0 ? 2
			   : s[i] < 0xf5 ? 3
					 : -1;
		unsigned char c = s[i++];

		if (more < 0 || (size_t)more > n - i)
			return false;
		if (more > 1 && ((c == 0xe0 && s[i] < 0xa0) || (c == 0xed && s[i] > 0x9f) ||
				 (c == 0xf0 && s[i] < 0x90) || (c == 0xf4 && s[i] > 0x8f)))
			return false;
		for (; more; more--, i++)
			if ((s[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}
