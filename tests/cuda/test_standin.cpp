/* The stand-in for the driver finds the mistakes that it is made to find.  Each case runs in a process of its own. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "cuda/api.h"

static int count, failures;
static struct cuda_api cu;

static const char ptx[] = ".version 9.0\n.target sm_75\n";

struct device {
	void *context, *module, *fill, *stream;
	uint64_t memory;
	int *host;
};

enum { N = 1000 };

static int open_device(struct device *d)
{
	return cu.init(0) || cu.context_retain(&d->context, 0) || cu.context_set(d->context) ||
	       cu.module_load(&d->module, ptx) || cu.module_function(&d->fill, d->module, "fill_4") ||
	       cu.stream_create(&d->stream, CUDA_STREAM_NON_BLOCKING) || cu.memory_alloc(&d->memory, N * 4) ||
	       cu.host_alloc((void **)&d->host, N * 4, 0);
}

static int close_device(struct device *d)
{
	return cu.memory_free(d->memory) || cu.host_free(d->host) || cu.stream_destroy(d->stream) ||
	       cu.module_unload(d->module) || cu.context_release(0);
}

static int fill(struct device *d, int64_t n, uint64_t address, int threads)
{
	uint64_t lo = 7, hi = 0;
	void *params[] = { &n, &address, &lo, &hi };

	return cu.launch(d->fill, 3, 1, 1, (unsigned)threads, 1, 1, 0, d->stream, params, NULL);
}

/* AddressSanitizer sees it first. */
#if defined(__SANITIZE_ADDRESS__)
#define BEHIND "use-after-poison"
#else
#define BEHIND "behind the 4000"
#endif

/* -- cases: the exit status -- */

static int good(struct device *d)
{
	int sum = 0;

	if (open_device(d) || fill(d, N, d->memory, 100) || cu.copy_down(d->host, d->memory, N * 4, d->stream))
		return 1;
	if (d->host[5] != -1)
		return 2; /* before anything waited */
	if (cu.stream_wait(d->stream))
		return 3;
	for (int i = 0; i < N; i++)
		sum += d->host[i];
	return sum != 7 * N || close_device(d) ? 4 : 0;
}

/* The copy is on another stream, which waits for the event or does not. */
static int two_streams(struct device *d, bool wait)
{
	void *other, *event;
	int value;

	if (open_device(d) || cu.stream_create(&other, CUDA_STREAM_NON_BLOCKING) ||
	    cu.event_create(&event, CUDA_EVENT_NO_TIMING) || fill(d, N, d->memory, 64) ||
	    cu.event_record(event, d->stream) || (wait && cu.stream_wait_event(other, event, 0)) ||
	    cu.copy_down(d->host, d->memory, N * 4, other) || cu.stream_wait(other))
		return 1;
	value = d->host[N - 1];
	if (cu.event_destroy(event) || cu.stream_destroy(other) || close_device(d))
		return 2;
	return value == 7 ? 0 : 3;
}

static int waits(struct device *d)
{
	return two_streams(d, true);
}

static int does_not_wait(struct device *d)
{
	return two_streams(d, false);
}

static int leaks(struct device *d)
{
	return open_device(d) || cu.host_free(d->host) || cu.stream_destroy(d->stream) || cu.module_unload(d->module) ||
	       cu.context_release(0);
}

static int does_not_release(struct device *d)
{
	return open_device(d);
}

static int writes_behind(struct device *d)
{
	return open_device(d) || fill(d, N + 1, d->memory, 64) || cu.stream_wait(d->stream) || close_device(d);
}

static int copies_behind(struct device *d)
{
	return open_device(d) || cu.copy_up(d->memory + 4, d->host, N * 4, d->stream) ||
	       cu.stream_wait(d->stream) != 700;
}

static int launches_freed(struct device *d)
{
	uint64_t other;

	return open_device(d) || cu.memory_alloc(&other, 64) || cu.memory_free(other) || fill(d, 1, other, 1) ||
	       cu.stream_wait(d->stream) != 700;
}

static int frees_twice(struct device *d)
{
	return open_device(d) || close_device(d) || cu.memory_free(d->memory) != 1;
}

static int touches_device(struct device *d)
{
	return open_device(d) || *(volatile char *)(uintptr_t)d->memory;
}

static int third_fails(struct device *d)
{
	uint64_t p, q;
	size_t free, total;

	return open_device(d) || cu.memory_alloc(&p, 8) || cu.memory_alloc(&q, 8) != CUDA_OUT_OF_MEMORY ||
	       cu.memory_info(&free, &total) || total != 10000 || free != total - N * 4 - 8 ||
	       cu.memory_alloc(&q, 9000) != CUDA_OUT_OF_MEMORY || cu.memory_free(p) || close_device(d);
}

static int faults(struct device *d)
{
	const char *text;

	return open_device(d) || fill(d, N, d->memory, 64) || cu.stream_wait(d->stream) || fill(d, N, d->memory, 64) ||
	       cu.stream_wait(d->stream) != 700 || fill(d, N, d->memory, 64) != 700 || cu.error_name(700, &text) ||
	       strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") || close_device(d) != 1 || cu.host_free(d->host) != 700 ||
	       cu.stream_destroy(d->stream) != 700;
}

static int stub(struct device *)
{
	return cu.init(0) != CUDA_STUB_LIBRARY;
}

static int no_device(struct device *)
{
	return cu.init(0) != CUDA_NO_DEVICE;
}

static int old_driver(struct device *d)
{
	int result = cu.init(0) || cu.context_retain(&d->context, 0) || cu.context_set(d->context) ||
		     cu.module_load(&d->module, ptx) != CUDA_UNSUPPORTED_PTX;

	return result || cu.context_release(0);
}

static int old_device(struct device *d)
{
	int result = cu.init(0) || cu.context_retain(&d->context, 0) || cu.context_set(d->context) ||
		     cu.module_load(&d->module, ptx) != CUDA_NO_BINARY;

	return result || cu.context_release(0);
}

static void load(const char *path)
{
	cu.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!cu.library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(98);
	}
#define LOAD(field, symbol, params) \
	*(void **)&cu.field = dlsym(cu.library, #symbol); \
	if (!cu.field) \
		exit(97);
	CUDA_FUNCTIONS(LOAD)
#undef LOAD
}

/* In a process with the settings; its status and what it says. */
static void run(const char *name, int (*one)(struct device *), int status, const char *message, const char *settings)
{
	int pipes[2], got;
	std::string said;
	char buf[512];
	pid_t pid;

	fflush(stdout);
	if (pipe(pipes) || (pid = fork()) < 0)
		exit(1);
	if (!pid) {
		struct device d = {};

		dup2(pipes[1], 2);
		close(pipes[0]);
		close(pipes[1]);
		for (std::string rest = settings; !rest.empty();) {
			std::string pair = rest.substr(0, rest.find(' '));
			size_t equals = pair.find('=');

			setenv(("TENSOR_STANDIN_" + pair.substr(0, equals)).c_str(), pair.c_str() + equals + 1, 1);
			rest = rest.size() > pair.size() ? rest.substr(pair.size() + 1) : "";
		}
		load((std::string(getenv("BUILD") ? getenv("BUILD") : "build") + "/tests/cuda/libcuda-standin.so")
			     .c_str());
		exit(one(&d));
	}
	close(pipes[1]);
	for (ssize_t n; (n = read(pipes[0], buf, sizeof(buf))) > 0;)
		said.append(buf, (size_t)n);
	close(pipes[0]);
	waitpid(pid, &got, 0);
	got = WIFEXITED(got) ? WEXITSTATUS(got) : -WTERMSIG(got);
	bool fine = (got == status || (status < 0 && got != 0)) &&
		    (*message ? said.find(message) != std::string::npos : said.empty() || status < 0);
	printf("%s %d - stand-in: %s\n", fine ? "ok" : "not ok", ++count, name);
	if (!fine)
		printf("# status %d, said: %s\n", got, said.c_str());
	failures += !fine;
}

int main()
{
	run("a kernel and a copy run when they are waited for", good, 0, "", "");
	run("an event orders two streams", waits, 0, "", "");
	run("a missing wait gives wrong data", does_not_wait, 3, "", "");
	run("memory that is not freed", leaks, 99, "4000 bytes of device memory", "");
	run("a context that is not released", does_not_release, 99, "context of device 0 was not released", "");
	run("a kernel that writes behind its memory", writes_behind, 99, BEHIND, "");
	run("a copy behind memory", copies_behind, 99, "copy to the device: 4000 bytes", "");
	run("a kernel with memory that is freed", launches_freed, 99, "fill_4: parameter 1", "");
	run("memory freed twice", frees_twice, 99, "which is not allocated", "");
	run("device memory touched by the host", touches_device, -11, "", "");
	run("the third allocation fails, and memory is limited", third_fails, 0, "",
	    "FAIL=cuMemAlloc_v2:3 MEMORY=10000");
	run("a fault shows later", faults, 99, "was not released", "FAIL=fill_4:2");
	run("the stub library", stub, 0, "", "STUB=1");
	run("no device", no_device, 0, "", "DEVICES=0");
	run("an old driver", old_driver, 0, "", "VERSION=12080");
	run("an old device", old_device, 0, "", "ARCH=70");
	printf("1..%d\n", count);
	return failures != 0;
}
