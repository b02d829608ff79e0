/* Copying transposes, for one instruction set level (LEVEL): in squares that stay in vector registers. */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "loops.h"

typedef uint8_t vec_1 __attribute__((vector_size(16)));
typedef uint16_t vec_2 __attribute__((vector_size(16)));
typedef uint32_t vec_4 __attribute__((vector_size(16)));
typedef uint64_t vec_8 __attribute__((vector_size(16)));

/* The elements of two vectors in turn: of their first halves, of their second halves. */
#define LOW_1(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_1(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW_2(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_2(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_4(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_4(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_8(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_8(a, b) __builtin_shufflevector(a, b, 1, 3)

#ifdef __SSE2__
/* n bytes, and up to 15 more, to dst, which is aligned to 16. */
static inline void put(unsigned char *dst, const unsigned char *src, int64_t n)
{
	for (int64_t i = 0; i < n; i += 16)
		_mm_stream_si128((__m128i *)(void *)(dst + i),
				 _mm_loadu_si128((const __m128i *)(const void *)(src + i)));
}

/* Other threads see what was put before they see that it was. */
static inline void settle(void)
{
	_mm_sfence();
}
#else
static inline void put(unsigned char *dst, const unsigned char *src, int64_t n)
{
	memcpy(dst, src, (size_t)n);
}

static inline void settle(void)
{
}
#endif

/* The rows of a square, each on two lines, asked for while others are worked on: a third of the time where they come from memory. */
static inline void ask(const unsigned char *src, int64_t first, int64_t end, int64_t stride)
{
	for (int64_t j = first; j < end; j++) {
		__builtin_prefetch(src + j * stride);
		__builtin_prefetch(src + j * stride + 64);
	}
}

/*
 * A square of 16 / size rows and columns.  Taking vectors i and i + n/2 in turn, log2(n) times, transposes n vectors of n elements:
 * each time the bits of an element's place, row and column in a row, move round by one.
 */
#define SQUARE(size) \
	static inline void square_##size(unsigned char *dst, size_t dst_step, const unsigned char *src, \
					 size_t src_step) \
	{ \
		enum { N = 16 / size }; \
		vec_##size x[N], y[N]; \
\
		for (int i = 0; i < N; i++) \
			memcpy(&x[i], src + (size_t)i * src_step, 16); \
		for (int left = N; left > 1; left /= 2) { \
			for (int i = 0; i < N / 2; i++) { \
				y[2 * i] = LOW_##size(x[i], x[i + N / 2]); \
				y[2 * i + 1] = HIGH_##size(x[i], x[i + N / 2]); \
			} \
			memcpy(x, y, sizeof(x)); \
		} \
		for (int i = 0; i < N; i++) \
			memcpy(dst + (size_t)i * dst_step, &x[i], 16); \
	} \
\
	static void turn_##size(unsigned char *dst, int64_t pitch, const unsigned char *src, int64_t rows, \
				int64_t cols, int64_t stride) \
	{ \
		enum { N = 16 / size, SIDE = TURN_SIDE(size) }; \
		size_t row = (size_t)pitch; \
\
		for (int64_t r = 0; r < rows; r += SIDE) \
			for (int64_t c = 0; c < cols; c += SIDE) { \
				int64_t re = rows - r < SIDE ? rows : r + SIDE, \
					ce = cols - c < SIDE ? cols : c + SIDE; \
				int64_t ahead = c + 2 * SIDE; \
				int64_t rv = r + (re - r) / N * N, cv = c + (ce - c) / N * N; \
\
				ask(src + r * size, ahead, ahead + SIDE < cols ? ahead + SIDE : cols, stride); \
				for (int64_t i = r; i < rv; i += N) \
					for (int64_t j = c; j < cv; j += N) \
						square_##size(dst + (size_t)i * row + j * size, row, \
							      src + i * size + j * stride, (size_t)stride); \
				for (int64_t i = r; i < re; i++) \
					for (int64_t j = i < rv ? cv : c; j < ce; j++) \
						memcpy(dst + (size_t)i * row + j * size, src + i * size + j * stride, \
						       size); \
			} \
	}
SQUARE(1)
SQUARE(2)
SQUARE(4)
SQUARE(8)

static void turn_16(unsigned char *dst, int64_t pitch, const unsigned char *src, int64_t rows, int64_t cols,
		    int64_t stride)
{
	enum { SIDE = TURN_SIDE(16) };

	for (int64_t r = 0; r < rows; r += SIDE)
		for (int64_t c = 0; c < cols; c += SIDE) {
			int64_t ahead = c + 2 * SIDE;

			ask(src + r * 16, ahead, ahead + SIDE < cols ? ahead + SIDE : cols, stride);
			for (int64_t i = r; i < rows && i < r + SIDE; i++)
				for (int64_t j = c; j < cols && j < c + SIDE; j++)
					memcpy(dst + i * pitch + j * 16, src + i * 16 + j * stride, 16);
		}
}

/*
 * A square at a time into the first cache, and from there past the caches, as otherwise each line would be fetched only to be
 * overwritten.
 */
#define OUT(size) \
	static void out_##size(unsigned char *dst, int64_t pitch, const unsigned char *src, int64_t rows, \
			       int64_t cols, int64_t stride) \
	{ \
		enum { SIDE = TURN_SIDE(size) }; \
		unsigned char square[SIDE * SIDE * size + 16]; \
\
		for (int64_t r = 0; r < rows; r += SIDE) \
			for (int64_t c = 0; c < cols; c += SIDE) { \
				int64_t height = rows - r < SIDE ? rows - r : SIDE, \
					width = cols - c < SIDE ? cols - c : SIDE; \
\
				turn_##size(square, width *size, src + r * size + c * stride, height, width, stride); \
				for (int64_t i = 0; i < height; i++) \
					put(dst + (r + i) * pitch + c * size, square + i * width * size, \
					    width * size); \
			} \
		settle(); \
	}
OUT(1)
OUT(2)
OUT(4)
OUT(8)
OUT(16)

#define TURNS PASTE(turn_, LEVEL)
#define OUTS PASTE(turn_out_, LEVEL)
turn_fn *const TURNS[5] = { turn_1, turn_2, turn_4, turn_8, turn_16 };
turn_fn *const OUTS[5] = { out_1, out_2, out_4, out_8, out_16 };
