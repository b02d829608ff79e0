/*
 * Run a command COUNT times: run COUNT OUT COMMAND [ARGUMENT ...].  Its standard output goes to the file OUT.  One line for
 * each run: wall nanoseconds, and the peak memory in KiB of the largest process that it waited for.
 *
 * A program of its own because a process inherits the peak of the one that starts it, and Python's would hide ours.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;

	if (argc < 4) {
		fprintf(stderr, "usage: run COUNT OUT COMMAND [ARGUMENT ...]\n");
		return 2;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	for (long i = 0, count = strtol(argv[1], NULL, 10); i < count; i++) {
		struct rusage usage;
		long long start = now(), end;
		pid_t pid;
		int status, rc = posix_spawnp(&pid, argv[3], &actions, NULL, argv + 3, environ);

		if (rc) {
			fprintf(stderr, "run: %s: %s\n", argv[3], strerror(rc));
			return 127;
		}
		while (wait4(pid, &status, 0, &usage) < 0)
			if (errno != EINTR)
				return 1;
		end = now();
		if (WIFSIGNALED(status))
			fprintf(stderr, "run: %s: killed by signal %d\n", argv[3], WTERMSIG(status));
		if (status)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		printf("%lld %ld\n", end - start, usage.ru_maxrss);
	}
	return 0;
}
