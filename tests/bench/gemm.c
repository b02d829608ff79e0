/*
 * The limit of matmul: gemm OUT A B N f4|f8 reads two N by N matrices (.npy), multiplies them by OpenBLAS, writes the bytes of
 * the product.  OpenBLAS starts its own threads, with the kernels that this processor can run unless OPENBLAS_CORETYPE says
 * otherwise (releases choose old ones for processors that are newer than they are).
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_HUGEPAGE */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
		      const float *b, int ldb, float beta, float *c, int ldc);
typedef void dgemm_fn(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda,
		      const double *b, int ldb, double beta, double *c, int ldc);

struct matrix {
	const char *path;
	size_t bytes;
	char *data;
};

static void *allocate(size_t bytes)
{
	size_t huge = (size_t)2 << 20;
	char *p = mmap(NULL, bytes + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	p += (huge - (size_t)p % huge) % huge;
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

/* Everything behind the header of a .npy file, version 1; NULL data where that fails. */
static void *load(void *arg)
{
	struct matrix *m = arg;
	unsigned char head[10];
	int fd = open(m->path, O_RDONLY);
	off_t offset;
	char *p = allocate(m->bytes);

	if (!p || fd < 0 || read(fd, head, sizeof(head)) != sizeof(head))
		return NULL;
	offset = 10 + head[8] + 256 * head[9];
	for (size_t done = 0; done < m->bytes;) {
		ssize_t n = pread(fd, p + done, m->bytes - done, offset + (off_t)done);

		if (n <= 0)
			return NULL;
		done += (size_t)n;
	}
	close(fd);
	m->data = p;
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc == 6 ? atoi(argv[4]) : 0, fd;
	bool single = argc == 6 && !strcmp(argv[5], "f4");
	size_t bytes = (size_t)n * (size_t)n * (single ? 4 : 8);
	struct matrix a = { argc == 6 ? argv[2] : "", bytes, NULL }, b = { argc == 6 ? argv[3] : "", bytes, NULL };
	void *blas, *f, *c;
	pthread_t thread;

	if (n < 1) {
		fprintf(stderr, "usage: gemm OUT A B N f4|f8\n");
		return 2;
	}
	if (pthread_create(&thread, NULL, load, &a))
		return 1;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
		setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
#endif
	blas = dlopen("libopenblas.so.0", RTLD_NOW);
	f = blas ? dlsym(blas, single ? "cblas_sgemm" : "cblas_dgemm") : NULL;
	load(&b);
	pthread_join(thread, NULL);
	c = allocate(bytes);
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (!f || !a.data || !b.data || !c || fd < 0) {
		fprintf(stderr, "gemm: %s\n", f ? "an input cannot be read" : "no libopenblas.so.0");
		return 1;
	}
	if (single) {
		sgemm_fn *gemm;

		memcpy(&gemm, &f, sizeof(f));
		gemm(101, 111, 111, n, n, n, 1, (float *)a.data, n, (float *)b.data, n, 0, c, n);
	} else {
		dgemm_fn *gemm;

		memcpy(&gemm, &f, sizeof(f));
		gemm(101, 111, 111, n, n, n, 1, (double *)a.data, n, (double *)b.data, n, 0, c, n);
	}
	for (size_t done = 0; done < bytes;) {
		ssize_t w = write(fd, (char *)c + done, bytes - done);

		if (w <= 0)
			return 1;
		done += (size_t)w;
	}
	return close(fd) != 0;
}
