/*
 * A program such as people have: it fills a matrix of bfloat16 on the GPU, in rows that cudaMallocPitch lays out, writes that memory to
 * a file as it is, and prints the command that reads it.
 *
 *	dump FILE ROWS COLS [PITCH]
 *
 * With PITCH, bytes from one row to the next, it makes the same file without a GPU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_bf16.h>
#include <cuda_runtime.h>

/* Between rows: NaN, where it is taken for elements. */
enum { PADDING = 0xff };

/* What float has exactly, and bfloat16 rounds. */
static __host__ __device__ __nv_bfloat16 element(int row, int col, int cols)
{
	return __float2bfloat16((float)(row * cols + col) * 0.125f - 100.0f);
}

static __global__ void fill(char *x, size_t pitch, int rows, int cols)
{
	int col = (int)(blockIdx.x * blockDim.x + threadIdx.x), row = (int)(blockIdx.y * blockDim.y + threadIdx.y);

	if (row < rows && col < cols)
		((__nv_bfloat16 *)(x + (size_t)row * pitch))[col] = element(row, col, cols);
}

static void check(cudaError_t e, const char *what)
{
	if (e == cudaSuccess)
		return;
	fprintf(stderr, "dump: %s: %s\n", what, cudaGetErrorString(e));
	exit(1);
}

/* The bytes of the matrix as they lie on the GPU; *pitch is what the runtime chose. */
static char *device_dump(size_t *pitch, int rows, int cols)
{
	const dim3 block(32, 8), grid((unsigned)(cols + 31) / 32, (unsigned)(rows + 7) / 8);
	const size_t width = (size_t)cols * sizeof(__nv_bfloat16);
	char *x, *bytes;

	check(cudaMallocPitch((void **)&x, pitch, width, (size_t)rows), "cudaMallocPitch");
	bytes = (char *)malloc(*pitch * (size_t)rows);
	if (!bytes)
		exit(1);
	check(cudaMemset(x, PADDING, *pitch * (size_t)rows), "cudaMemset");
	fill<<<grid, block>>>(x, *pitch, rows, cols);
	check(cudaGetLastError(), "fill");
	check(cudaMemcpy(bytes, x, *pitch * (size_t)rows, cudaMemcpyDeviceToHost), "cudaMemcpy");
	check(cudaFree(x), "cudaFree");
	return bytes;
}

static char *host_dump(size_t pitch, int rows, int cols)
{
	char *bytes = (char *)malloc(pitch * (size_t)rows);

	if (!bytes)
		exit(1);
	memset(bytes, PADDING, pitch * (size_t)rows);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < cols; j++) {
			const __nv_bfloat16 x = element(i, j, cols);

			memcpy(bytes + (size_t)i * pitch + (size_t)j * sizeof(x), &x, sizeof(x));
		}
	return bytes;
}

int main(int argc, char **argv)
{
	const int rows = argc > 3 ? atoi(argv[2]) : 0, cols = argc > 3 ? atoi(argv[3]) : 0;
	size_t pitch = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
	char *bytes;
	FILE *f;

	if (argc < 4 || argc > 5 || rows < 1 || cols < 1 || (argc > 4 && pitch < (size_t)cols * 2)) {
		fprintf(stderr, "usage: dump FILE ROWS COLS [PITCH]\n");
		return 2;
	}
	bytes = argc > 4 ? host_dump(pitch, rows, cols) : device_dump(&pitch, rows, cols);
	f = fopen(argv[1], "wb");
	if (!f || fwrite(bytes, pitch, (size_t)rows, f) != (size_t)rows || fclose(f)) {
		perror(argv[1]);
		return 1;
	}
	free(bytes);
	printf("tensor convert %s --from raw --dtype bfloat16 --shape %d,%d --pitch %zu\n", argv[1], rows, cols, pitch);
	return 0;
}
