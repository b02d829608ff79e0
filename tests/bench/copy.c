/*
 * The limit of streaming jobs: bytes from files to a file, as fast as pread and pwrite go, a thread a processor.
 *
 *     copy OUT IN ...       read every IN, write the first
 *     copy - IN ...         read only
 *     copy -c OUT IN ...    write one after the other
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((off_t)256 << 10)
#define MAX 16

static struct {
	int in[MAX], out, n;
	bool concat;
	off_t size[MAX], base[MAX]; /* of each input: its bytes, where they go */
	off_t chunks;
	atomic_long next;
	atomic_bool failed;
} job;

/* The bytes of chunk K of file I, to where they belong. */
static bool move(int i, off_t k, char *buf)
{
	off_t offset = k * CHUNK;
	size_t n = offset >= job.size[i] ? 0 : (size_t)(job.size[i] - offset < CHUNK ? job.size[i] - offset : CHUNK);

	if (n && pread(job.in[i], buf, n, offset) != (ssize_t)n)
		return false;
	if (n && job.out >= 0 && (job.concat || !i) && pwrite(job.out, buf, n, job.base[i] + offset) != (ssize_t)n)
		return false;
	return true;
}

static void *work(void *arg)
{
	char *buf = aligned_alloc(4096, CHUNK);

	(void)arg;
	for (off_t k; buf && (k = atomic_fetch_add(&job.next, 1)) < job.chunks;)
		for (int i = 0; i < job.n; i++)
			if (!move(i, k, buf))
				job.failed = true;
	if (!buf)
		job.failed = true;
	free(buf);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX];
	int nthreads = (int)sysconf(_SC_NPROCESSORS_ONLN);

	job.concat = argc > 1 && !strcmp(argv[1], "-c");
	argv += 1 + job.concat;
	argc -= 1 + job.concat;
	if (argc < 2 || argc - 1 > MAX) {
		fprintf(stderr, "usage: copy [-c] OUT IN ...\n");
		return 2;
	}
	job.out = strcmp(argv[0], "-") ? open(argv[0], O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
	for (int i = 1; i < argc; i++, job.n++) {
		struct stat st;

		job.in[job.n] = open(argv[i], O_RDONLY);
		if (job.in[job.n] < 0 || fstat(job.in[job.n], &st)) {
			perror(argv[i]);
			return 1;
		}
		job.size[job.n] = st.st_size;
		if (job.concat && job.n)
			job.base[job.n] = job.base[job.n - 1] + job.size[job.n - 1];
		if ((st.st_size + CHUNK - 1) / CHUNK > job.chunks)
			job.chunks = (st.st_size + CHUNK - 1) / CHUNK;
	}
	if (nthreads > job.chunks)
		nthreads = (int)job.chunks;
	if (nthreads > MAX)
		nthreads = MAX;
	for (int i = 1; i < nthreads; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	work(NULL);
	for (int i = 1; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	return job.failed;
}
