/*
 * A library that stands in for libcuda.so.1: the functions of cuda/api.h over this processor's memory, and the
 * kernels of cuda/tensor.cu through emulate.h.  Load it with TENSOR_CUDA_DRIVER.
 *
 * It is made to show mistakes.  What is queued on a stream runs only when something waits for it.  A device address
 * is never one of the host's: it points into memory that nobody may touch.  Memory is filled with rubbish when it is
 * allocated and has guards around it, addresses are never used twice, and every copy and every pointer that a kernel
 * is given must point into memory that is allocated at the moment when it runs.  What it finds goes to standard
 * error, and makes the exit status 99.
 *
 * TENSOR_STANDIN_MEMORY=BYTES	device memory (default 1 GiB)
 * TENSOR_STANDIN_DEVICES=N	how many devices (default 1)
 * TENSOR_STANDIN_VERSION=V	the driver's version (default 13000)
 * TENSOR_STANDIN_ARCH=A		compute capability, 90 for 9.0 (default 90)
 * TENSOR_STANDIN_STUB=1		every function returns 34, as the toolkit's stub library
 * TENSOR_STANDIN_FAIL=CALL:N[+][=CODE],...
 *	The Nth call of that function (+: and all later ones) fails, with a usual error or CODE.  CALL may be a
 *	kernel: its Nth run is a fault (700), which later calls report.
 * TENSOR_STANDIN_SEED=N		0: as late as possible; else streams run ahead by chance; threads take other orders
 * TENSOR_STANDIN_LOG=FILE	a line for each call, and the totals at the end
 */
#include "emulate.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define FORBID(p, n) __asan_poison_memory_region(p, n)
#define ALLOW(p, n) __asan_unpoison_memory_region(p, n)
#else
#define FORBID(p, n)
#define ALLOW(p, n)
#endif

enum {
	SUCCESS = 0,
	INVALID_VALUE = 1,
	OUT_OF_MEMORY = 2,
	NOT_INITIALIZED = 3,
	STUB_LIBRARY = 34,
	NO_DEVICE = 100,
	INVALID_DEVICE = 101,
	INVALID_IMAGE = 200,
	INVALID_CONTEXT = 201,
	NO_BINARY_FOR_GPU = 209,
	INVALID_PTX = 218,
	UNSUPPORTED_PTX_VERSION = 222,
	INVALID_HANDLE = 400,
	NOT_FOUND = 500,
	NOT_READY = 600,
	ILLEGAL_ADDRESS = 700,
	LAUNCH_FAILED = 719,
	UNKNOWN = 999,
};

static const struct {
	int code;
	const char *name, *text;
} errors[] = {
	{ SUCCESS, "CUDA_SUCCESS", "no error" },
	{ INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument" },
	{ OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory" },
	{ NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error" },
	{ STUB_LIBRARY, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library" },
	{ NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected" },
	{ INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal" },
	{ INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid" },
	{ INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context" },
	{ NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
	  "no kernel image is available for execution on the device" },
	{ INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed" },
	{ UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
	  "the provided PTX was compiled with an unsupported toolchain." },
	{ INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle" },
	{ NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found" },
	{ NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready" },
	{ ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered" },
	{ LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure" },
	{ 803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination" },
	{ UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error" },
};

/* == settings, findings, the log == */

static const char *setting(const char *name)
{
	const char *value = getenv((std::string("TENSOR_STANDIN_") + name).c_str());

	return value && *value ? value : NULL;
}

static long long number(const char *name, long long otherwise)
{
	const char *value = setting(name);

	return value ? strtoll(value, NULL, 0) : otherwise;
}

static int findings;

/* A mistake of the program under test. */
__attribute__((format(printf, 1, 2))) static void found(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("cuda stand-in: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	findings++;
}

static FILE *log_file;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list args;

	if (!log_file)
		return;
	va_start(args, format);
	vfprintf(log_file, format, args);
	fputc('\n', log_file);
	va_end(args);
}

/* == memory == */

enum { GUARD = 512, PAGE = 4096, RUBBISH = 0xff, FENCE = 0x5c };

struct block {
	size_t size;
	char *real; /* where it is in this process */
};

/* Device addresses lie here and are never used twice. */
static char *addresses;
static size_t addresses_size, addresses_used;

static std::map<uint64_t, block> device_blocks; /* by device address */
static std::map<char *, size_t> pinned;
static size_t device_used, device_peak, device_total;
static struct {
	long long calls, launches, up, down, across;
} totals;

static size_t block_room(size_t n)
{
	return (n + 2 * GUARD + PAGE - 1) / PAGE * PAGE;
}

static void fence(const block &b)
{
	memset(b.real - GUARD, FENCE, GUARD);
	memset(b.real + b.size, FENCE, GUARD);
	FORBID(b.real - GUARD, GUARD);
	FORBID(b.real + b.size, GUARD);
}

static void check_fence(uint64_t address, const block &b)
{
	ALLOW(b.real - GUARD, GUARD);
	ALLOW(b.real + b.size, GUARD);
	for (int i = 1; i <= GUARD; i++)
		if (b.real[-i] != FENCE) {
			found("%d bytes before the %zu at 0x%llx were written", i, b.size, (unsigned long long)address);
			break;
		}
	for (int i = 0; i < GUARD; i++)
		if (b.real[b.size + (size_t)i] != FENCE) {
			found("byte %d behind the %zu at 0x%llx was written", i, b.size, (unsigned long long)address);
			break;
		}
}

static void *fresh(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int device_allocate(uint64_t *address, size_t n)
{
	size_t room = block_room(n);
	block b;

	if (!n)
		return INVALID_VALUE;
	for (addresses_size = addresses_size ? addresses_size : (size_t)1 << 42; !addresses; addresses_size /= 2) {
		void *p = mmap(NULL, addresses_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p != MAP_FAILED) {
			addresses = (char *)p;
			break;
		}
		if (addresses_size < (size_t)1 << 30)
			return OUT_OF_MEMORY;
	}
	if (n > device_total - device_used || room > addresses_size - addresses_used)
		return OUT_OF_MEMORY;
	b.real = (char *)fresh(room);
	if (!b.real)
		return OUT_OF_MEMORY;
	b.real += GUARD;
	b.size = n;
	memset(b.real, RUBBISH, n);
	fence(b);
	*address = (uint64_t)(uintptr_t)(addresses + addresses_used + GUARD);
	addresses_used += room;
	device_blocks[*address] = b;
	device_used += n;
	device_peak = device_used > device_peak ? device_used : device_peak;
	return SUCCESS;
}

static void device_release(std::map<uint64_t, block>::iterator at)
{
	block b = at->second;

	check_fence(at->first, b);
	munmap(b.real - GUARD, block_room(b.size));
	device_used -= b.size;
	device_blocks.erase(at);
}

/* Where n bytes of device memory are; NULL if they are not all in one block.  n == 0 may be at its end. */
static char *real(uint64_t address, size_t n)
{
	auto at = device_blocks.upper_bound(address);

	if (at == device_blocks.begin())
		return NULL;
	--at;
	if (address - at->first > at->second.size || n > at->second.size - (address - at->first))
		return NULL;
	return at->second.real + (address - at->first);
}

/* Host memory: pinned memory must be all there, of other memory nothing is known. */
static bool host_good(const void *p, size_t n)
{
	char *at = (char *)p;
	auto next = pinned.upper_bound(at);

	if (!p)
		return false;
	if (at + n > addresses && addresses && at < addresses + addresses_size)
		return false; /* a device address */
	if (next != pinned.end() && at + n > next->first)
		return false;
	if (next == pinned.begin())
		return true;
	--next;
	return at >= next->first + block_room(next->second) || at + n <= next->first + next->second;
}

/* == streams and events == */

struct stream {
	bool blocking; /* waits for the default stream, as that for it */
	std::deque<std::function<void()>> queue;
	uint64_t queued, done;
};

struct event {
	std::shared_ptr<stream> on;
	uint64_t at; /* complete once as many operations of the stream are done */
};

static std::map<void *, std::shared_ptr<stream>> streams;
static std::map<void *, std::shared_ptr<event>> events;
static std::set<void *> modules;
static int fault; /* what a kernel did wrong: every later call reports it */
static uint64_t chance;

static std::shared_ptr<stream> find_stream(void *handle)
{
	auto at = streams.find(handle);

	return at == streams.end() ? nullptr : at->second;
}

/* Runs a stream until that many of its operations are done. */
static void run_until(const std::shared_ptr<stream> &s, uint64_t until)
{
	while (s->done < until && !s->queue.empty()) {
		auto operation = s->queue.front();

		s->queue.pop_front();
		if (!fault)
			operation();
		s->done++;
	}
}

static void run_all()
{
	for (auto &s : streams)
		run_until(s.second, s.second->queued);
}

static void add(const std::shared_ptr<stream> &s, std::function<void()> operation)
{
	s->queue.push_back(std::move(operation));
	s->queued++;
}

/* By chance, a stream runs ahead, as it may on a device. */
static void wander()
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	if (!chance || streams.empty() || chance % 2)
		return;
	auto at = streams.begin();
	std::advance(at, (long)(chance / 2 % streams.size()));
	run_until(at->second, at->second->done + 1 + chance / 64 % 4);
}

/* == calls == */

struct failure {
	std::string call;
	long from, code;
	bool all;
};

static std::vector<failure> failures;
static std::map<std::string, long> counts;
static bool initialized;
static std::map<int, int> contexts; /* device: how often it was retained */
static void *current;
static std::mutex lock;

static int usual_error(const std::string &call)
{
	if (call == "cuMemAlloc_v2" || call == "cuMemHostAlloc")
		return OUT_OF_MEMORY;
	if (call == "cuModuleLoadData")
		return INVALID_PTX;
	if (call == "cuModuleGetFunction")
		return NOT_FOUND;
	if (call == "cuInit" || call == "cuDeviceGetCount")
		return NO_DEVICE;
	if (call == "cuLaunchKernel" || call.find("Synchronize") != std::string::npos)
		return LAUNCH_FAILED;
	return call[0] == 'c' && call[1] == 'u' ? UNKNOWN : ILLEGAL_ADDRESS;
}

/* Counts a call; the error that it is to give, or 0. */
static int injected(const char *call)
{
	long n = ++counts[call];

	for (const failure &f : failures)
		if (f.call == call && (n == f.from || (f.all && n > f.from)))
			return f.code ? (int)f.code : usual_error(call);
	return 0;
}

static void settle()
{
	static bool done;
	const char *text = setting("FAIL");

	if (done)
		return;
	done = true;
	device_total = (size_t)number("MEMORY", 1 << 30);
	chance = (uint64_t)number("SEED", 0);
	emulate::seed(chance);
	if (setting("LOG"))
		log_file = fopen(setting("LOG"), "w");
	/* Whoever dies of a signal has said what it did. */
	if (log_file)
		setvbuf(log_file, NULL, _IOLBF, BUFSIZ);
	for (std::string rest = text ? text : ""; !rest.empty();) {
		std::string one = rest.substr(0, rest.find(','));
		size_t colon = one.find(':');
		failure f = { one.substr(0, colon), 1, 0, false };

		rest = rest.size() > one.size() ? rest.substr(one.size() + 1) : "";
		if (colon != std::string::npos) {
			char *end;

			f.from = strtol(one.c_str() + colon + 1, &end, 10);
			f.all = *end == '+';
			end += f.all;
			f.code = *end == '=' ? strtol(end + 1, NULL, 10) : 0;
		}
		failures.push_back(f);
	}
}

/* The end of the process: what was left. */
static struct last_words {
	~last_words()
	{
		for (auto &b : device_blocks)
			check_fence(b.first, b.second);
		for (auto &c : contexts)
			if (c.second)
				found("the context of device %d was not released", c.first);
		note("total calls %lld launches %lld up %lld down %lld across %lld peak %zu findings %d", totals.calls,
		     totals.launches, totals.up, totals.down, totals.across, device_peak, findings);
		if (log_file)
			fclose(log_file);
		if (findings) {
			fflush(NULL);
			_exit(99);
		}
	}
} last_words;

/* Begins every function: NAME, and what it needs. */
#define BEGIN(name) \
	std::lock_guard<std::mutex> held(lock); \
\
	settle(); \
	totals.calls++; \
	if (setting("STUB")) \
		return STUB_LIBRARY; \
	if (int code = injected(name)) { \
		note("%s: fails with %d", name, code); \
		return code; \
	} \
	wander();
#define BEGIN_IN_CONTEXT(name) \
	BEGIN(name) \
	if (!initialized) \
		return NOT_INITIALIZED; \
	if (!current) \
		return INVALID_CONTEXT; \
	if (fault) \
		return fault;

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int cuGetErrorName(int code, const char **text)
{
	if (setting("STUB"))
		return STUB_LIBRARY;
	for (const auto &e : errors)
		if (e.code == code) {
			*text = e.name;
			return SUCCESS;
		}
	*text = NULL;
	return INVALID_VALUE;
}

EXPORT int cuGetErrorString(int code, const char **text)
{
	if (setting("STUB"))
		return STUB_LIBRARY;
	for (const auto &e : errors)
		if (e.code == code) {
			*text = e.text;
			return SUCCESS;
		}
	*text = NULL;
	return INVALID_VALUE;
}

EXPORT int cuInit(unsigned)
{
	BEGIN("cuInit");
	note("cuInit");
	if (!number("DEVICES", 1))
		return NO_DEVICE;
	initialized = true;
	return SUCCESS;
}

EXPORT int cuDriverGetVersion(int *version)
{
	BEGIN("cuDriverGetVersion");
	*version = (int)number("VERSION", 13000);
	return SUCCESS;
}

EXPORT int cuDeviceGetCount(int *n)
{
	BEGIN("cuDeviceGetCount");
	if (!initialized)
		return NOT_INITIALIZED;
	*n = (int)number("DEVICES", 1);
	return SUCCESS;
}

static bool is_device(int device)
{
	return initialized && device >= 0 && device < number("DEVICES", 1);
}

EXPORT int cuDeviceGet(int *device, int ordinal)
{
	BEGIN("cuDeviceGet");
	if (!is_device(ordinal))
		return INVALID_DEVICE;
	*device = ordinal;
	return SUCCESS;
}

EXPORT int cuDeviceGetName(char *name, int size, int device)
{
	BEGIN("cuDeviceGetName");
	if (!is_device(device))
		return INVALID_DEVICE;
	snprintf(name, (size_t)size, "CUDA stand-in");
	return SUCCESS;
}

EXPORT int cuDeviceTotalMem_v2(size_t *n, int device)
{
	BEGIN("cuDeviceTotalMem_v2");
	if (!is_device(device))
		return INVALID_DEVICE;
	*n = device_total;
	return SUCCESS;
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	BEGIN("cuDeviceGetAttribute");
	if (!is_device(device))
		return INVALID_DEVICE;
	switch (attribute) {
	case 1: /* MAX_THREADS_PER_BLOCK */
		*value = 1024;
		return SUCCESS;
	case 5: /* MAX_GRID_DIM_X */
		*value = 2147483647;
		return SUCCESS;
	case 8: /* MAX_SHARED_MEMORY_PER_BLOCK */
		*value = 49152;
		return SUCCESS;
	case 10: /* WARP_SIZE */
		*value = 32;
		return SUCCESS;
	case 16: /* MULTIPROCESSOR_COUNT */
		*value = 2;
		return SUCCESS;
	case 75: /* COMPUTE_CAPABILITY_MAJOR */
		*value = (int)(number("ARCH", 90) / 10);
		return SUCCESS;
	case 76:
		*value = (int)(number("ARCH", 90) % 10);
		return SUCCESS;
	default:
		return INVALID_VALUE;
	}
}

EXPORT int cuDevicePrimaryCtxRetain(void **context, int device)
{
	BEGIN("cuDevicePrimaryCtxRetain");
	note("cuDevicePrimaryCtxRetain %d", device);
	if (!is_device(device))
		return INVALID_DEVICE;
	contexts[device]++;
	*context = &contexts[device];
	/* The default stream. */
	if (!find_stream(NULL))
		streams[NULL] = std::make_shared<stream>(stream{ true, {}, 0, 0 });
	return SUCCESS;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device)
{
	BEGIN("cuDevicePrimaryCtxRelease_v2");
	note("cuDevicePrimaryCtxRelease_v2 %d", device);
	if (!is_device(device) || !contexts[device])
		return INVALID_CONTEXT;
	if (--contexts[device])
		return SUCCESS;
	run_all();
	for (auto &b : device_blocks)
		found("%zu bytes of device memory at 0x%llx were not freed", b.second.size,
		      (unsigned long long)b.first);
	for (auto &p : pinned)
		found("%zu bytes of pinned memory were not freed", p.second);
	if (streams.size() > 1)
		found("%zu streams were not destroyed", streams.size() - 1);
	if (!events.empty())
		found("%zu events were not destroyed", events.size());
	if (!modules.empty() && !fault) /* which nothing unloads any more */
		found("%zu modules were not unloaded", modules.size());
	while (!device_blocks.empty())
		device_release(device_blocks.begin());
	streams.clear();
	events.clear();
	modules.clear();
	current = NULL;
	return SUCCESS;
}

EXPORT int cuCtxSetCurrent(void *context)
{
	BEGIN("cuCtxSetCurrent");
	current = context;
	return SUCCESS;
}

EXPORT int cuCtxSynchronize()
{
	BEGIN_IN_CONTEXT("cuCtxSynchronize");
	note("cuCtxSynchronize");
	run_all();
	return fault;
}

/* -- modules -- */

/* Can this device run code for arch: machine code of its generation, or PTX of an older one that the driver knows? */
static int loads(bool ptx, unsigned arch, unsigned isa)
{
	unsigned device = (unsigned)number("ARCH", 90);

	if (!ptx)
		return arch / 10 == device / 10 && arch <= device ? SUCCESS : NO_BINARY_FOR_GPU;
	if (arch > device)
		return NO_BINARY_FOR_GPU;
	return (isa + 40) * 100 > (unsigned)number("VERSION", 13000) ? UNSUPPORTED_PTX_VERSION : SUCCESS;
}

static int load_ptx(const char *text)
{
	const char *version = strstr(text, ".version "), *target = strstr(text, ".target sm_");
	unsigned major = 0, minor = 0, arch = 0;

	if (!version || !target || sscanf(version, ".version %u.%u", &major, &minor) != 2 ||
	    sscanf(target, ".target sm_%u", &arch) != 1)
		return INVALID_PTX;
	return loads(true, arch, major * 10 + minor);
}

/* A fatbin: a header, then entries, each with a header of its own. */
static int load_fatbin(const unsigned char *image)
{
	struct {
		uint32_t magic;
		uint16_t version, header;
		uint64_t size;
	} file;
	struct {
		uint16_t kind, version;
		uint32_t header;
		uint64_t size;
		uint32_t compressed, options;
		uint16_t minor, major;
		uint32_t arch;
	} entry;
	int result = NO_BINARY_FOR_GPU;

	memcpy(&file, image, sizeof(file));
	for (uint64_t at = 0; at + sizeof(entry) <= file.size; at += entry.header + entry.size) {
		int code;

		memcpy(&entry, image + file.header + at, sizeof(entry));
		if (entry.header < sizeof(entry))
			return INVALID_IMAGE;
		code = loads(entry.kind == 1, entry.arch, (unsigned)entry.major * 10 + entry.minor);
		if (!code)
			return SUCCESS;
		if (code == UNSUPPORTED_PTX_VERSION)
			result = code;
	}
	return result;
}

EXPORT int cuModuleLoadData(void **module, const void *image)
{
	BEGIN_IN_CONTEXT("cuModuleLoadData");
	const unsigned char *bytes = (const unsigned char *)image;
	int result;

	if (!bytes)
		return INVALID_VALUE;
	if (!memcmp(bytes, "\x50\xed\x55\xba", 4))
		result = load_fatbin(bytes);
	else if (!memcmp(bytes, ELFMAG, SELFMAG))
		result = loads(false, ((const Elf64_Ehdr *)image)->e_flags >> 8 & 0xff, 0);
	else
		result = load_ptx((const char *)image);
	note("cuModuleLoadData: %d", result);
	if (result)
		return result;
	*module = new char;
	modules.insert(*module);
	return SUCCESS;
}

EXPORT int cuModuleUnload(void *module)
{
	BEGIN_IN_CONTEXT("cuModuleUnload");
	if (!modules.erase(module)) {
		found("cuModuleUnload of what is no module");
		return INVALID_HANDLE;
	}
	delete (char *)module;
	return SUCCESS;
}

EXPORT int cuModuleGetFunction(void **function, void *module, const char *name)
{
	BEGIN_IN_CONTEXT("cuModuleGetFunction");
	if (!modules.count(module))
		return INVALID_HANDLE;
	*function = (void *)emulate::find(name);
	if (!*function)
		note("cuModuleGetFunction %s: not found", name);
	return *function ? SUCCESS : NOT_FOUND;
}

/* -- memory -- */

EXPORT int cuMemGetInfo_v2(size_t *free, size_t *total)
{
	BEGIN_IN_CONTEXT("cuMemGetInfo_v2");
	*free = device_total - device_used;
	*total = device_total;
	return SUCCESS;
}

EXPORT int cuMemAlloc_v2(uint64_t *address, size_t n)
{
	BEGIN_IN_CONTEXT("cuMemAlloc_v2");
	int result = device_allocate(address, n);

	note("cuMemAlloc_v2 %zu: %d", n, result);
	return result;
}

/* Also after a fault: a program gives its memory back on every path. */
EXPORT int cuMemFree_v2(uint64_t address)
{
	BEGIN("cuMemFree_v2");
	auto at = device_blocks.find(address);

	if (!address)
		return SUCCESS;
	if (at == device_blocks.end()) {
		found("cuMemFree of 0x%llx, which is not allocated", (unsigned long long)address);
		return INVALID_VALUE;
	}
	note("cuMemFree_v2 %zu", at->second.size);
	run_all();
	device_release(at);
	return fault;
}

EXPORT int cuMemHostAlloc(void **p, size_t n, unsigned)
{
	BEGIN_IN_CONTEXT("cuMemHostAlloc");
	note("cuMemHostAlloc %zu", n);
	*p = n ? fresh(block_room(n)) : NULL;
	if (!*p)
		return n ? OUT_OF_MEMORY : INVALID_VALUE;
	memset(*p, RUBBISH, n);
	pinned[(char *)*p] = n;
	return SUCCESS;
}

EXPORT int cuMemFreeHost(void *p)
{
	BEGIN("cuMemFreeHost");
	auto at = pinned.find((char *)p);

	if (at == pinned.end()) {
		found("cuMemFreeHost of what is not allocated");
		return INVALID_VALUE;
	}
	run_all();
	munmap(p, block_room(at->second));
	pinned.erase(at);
	return fault;
}

/* -- work on streams -- */

static void illegal(const char *what, uint64_t address, size_t n)
{
	found("%s: %zu bytes at 0x%llx are not all in memory that is allocated", what, n, (unsigned long long)address);
	fault = ILLEGAL_ADDRESS;
}

/* n bytes that work on a stream reads or writes: on the device, or of the host; NULL: they are not there. */
struct place {
	uint64_t at;
	bool device;

	char *bytes(size_t n) const
	{
		char *host = (char *)(uintptr_t)at;

		return device ? real(at, n) : host_good(host, n) ? host : NULL;
	}
};

static int copy(const char *call, const char *what, place out, place in, size_t n, void *handle, long long *total)
{
	auto s = find_stream(handle);

	if (!s)
		return INVALID_HANDLE;
	note("%s %zu", call, n);
	*total += (long long)n;
	add(s, [=] {
		char *p = out.bytes(n), *q = in.bytes(n);

		if (!p || !q)
			illegal(what, p ? in.at : out.at, n);
		else if (p < q + n && q < p + n && p != q)
			found("%s: %zu bytes overlap", what, n);
		else
			memmove(p, q, n);
	});
	return SUCCESS;
}

EXPORT int cuMemcpyHtoDAsync_v2(uint64_t out, const void *in, size_t n, void *stream)
{
	BEGIN_IN_CONTEXT("cuMemcpyHtoDAsync_v2");
	return copy("cuMemcpyHtoDAsync_v2", "copy to the device", { out, true }, { (uint64_t)(uintptr_t)in, false }, n,
		    stream, &totals.up);
}

EXPORT int cuMemcpyDtoHAsync_v2(void *out, uint64_t in, size_t n, void *stream)
{
	BEGIN_IN_CONTEXT("cuMemcpyDtoHAsync_v2");
	return copy("cuMemcpyDtoHAsync_v2", "copy from the device", { (uint64_t)(uintptr_t)out, false }, { in, true },
		    n, stream, &totals.down);
}

EXPORT int cuMemcpyDtoDAsync_v2(uint64_t out, uint64_t in, size_t n, void *stream)
{
	BEGIN_IN_CONTEXT("cuMemcpyDtoDAsync_v2");
	return copy("cuMemcpyDtoDAsync_v2", "copy within the device", { out, true }, { in, true }, n, stream,
		    &totals.across);
}

EXPORT int cuMemsetD8Async(uint64_t out, unsigned char value, size_t n, void *handle)
{
	BEGIN_IN_CONTEXT("cuMemsetD8Async");
	auto s = find_stream(handle);

	if (!s)
		return INVALID_HANDLE;
	note("cuMemsetD8Async %zu", n);
	add(s, [=] {
		char *p = real(out, n);

		if (!p)
			illegal("fill", out, n);
		else
			memset(p, value, n);
	});
	return SUCCESS;
}

EXPORT int cuStreamCreate(void **handle, unsigned flags)
{
	BEGIN_IN_CONTEXT("cuStreamCreate");
	auto s = std::make_shared<stream>(stream{ !(flags & 1), {}, 0, 0 });

	*handle = s.get();
	streams[*handle] = s;
	return SUCCESS;
}

EXPORT int cuStreamDestroy_v2(void *handle)
{
	BEGIN("cuStreamDestroy_v2");
	auto s = find_stream(handle);

	if (!s || !handle) {
		found("cuStreamDestroy of what is no stream");
		return INVALID_HANDLE;
	}
	run_until(s, s->queued);
	streams.erase(handle);
	return fault;
}

EXPORT int cuStreamSynchronize(void *handle)
{
	BEGIN_IN_CONTEXT("cuStreamSynchronize");
	auto s = find_stream(handle);

	if (!s)
		return INVALID_HANDLE;
	note("cuStreamSynchronize");
	if (!handle)
		run_all();
	run_until(s, s->queued);
	return fault;
}

EXPORT int cuStreamWaitEvent(void *handle, void *event_handle, unsigned)
{
	BEGIN_IN_CONTEXT("cuStreamWaitEvent");
	auto s = find_stream(handle);
	auto at = events.find(event_handle);

	if (!s || at == events.end())
		return INVALID_HANDLE;
	note("cuStreamWaitEvent");
	/* What was recorded by now is waited for; an event that never was is complete. */
	std::shared_ptr<stream> on = at->second->on;
	uint64_t until = at->second->at;
	if (on && on != s)
		add(s, [=] { run_until(on, until); });
	return SUCCESS;
}

EXPORT int cuEventCreate(void **handle, unsigned)
{
	BEGIN_IN_CONTEXT("cuEventCreate");
	auto e = std::make_shared<event>();

	*handle = e.get();
	events[*handle] = e;
	return SUCCESS;
}

EXPORT int cuEventDestroy_v2(void *handle)
{
	BEGIN("cuEventDestroy_v2");
	if (!events.erase(handle)) {
		found("cuEventDestroy of what is no event");
		return INVALID_HANDLE;
	}
	return fault;
}

EXPORT int cuEventRecord(void *handle, void *stream_handle)
{
	BEGIN_IN_CONTEXT("cuEventRecord");
	auto s = find_stream(stream_handle);
	auto at = events.find(handle);

	if (!s || at == events.end())
		return INVALID_HANDLE;
	note("cuEventRecord");
	at->second->on = s;
	at->second->at = s->queued;
	return SUCCESS;
}

EXPORT int cuEventSynchronize(void *handle)
{
	BEGIN_IN_CONTEXT("cuEventSynchronize");
	auto at = events.find(handle);

	if (at == events.end())
		return INVALID_HANDLE;
	note("cuEventSynchronize");
	if (at->second->on)
		run_until(at->second->on, at->second->at);
	return fault;
}

/* Asking is progress, or a program that asks until it is done would ask forever. */
EXPORT int cuEventQuery(void *handle)
{
	BEGIN_IN_CONTEXT("cuEventQuery");
	auto at = events.find(handle);

	if (at == events.end())
		return INVALID_HANDLE;
	note("cuEventQuery");
	auto on = at->second->on;
	if (!on || on->done >= at->second->at)
		return SUCCESS;
	run_until(on, on->done + 1);
	return fault ? fault : NOT_READY;
}

/* -- launches -- */

/* What a launch was given: the values of the parameters, pointers still those of the device. */
struct launched {
	const emulate::kernel *kernel;
	emulate::dim3 grid, block;
	std::vector<std::vector<uint64_t>> values;
};

static void run(const launched &l)
{
	std::vector<std::vector<uint64_t>> values = l.values;
	std::vector<void *> args;
	const char *wrong;

	for (size_t i = 0; i < values.size(); i++) {
		if (l.kernel->parameters[i].pointer && values[i][0]) {
			char *p = real(values[i][0], 0);

			if (!p) {
				found("%s: parameter %zu, 0x%llx, is no memory that is allocated", l.kernel->name, i,
				      (unsigned long long)values[i][0]);
				fault = ILLEGAL_ADDRESS;
				return;
			}
			values[i][0] = (uint64_t)(uintptr_t)p;
		}
		args.push_back(values[i].data());
	}
	if (int code = injected(l.kernel->name)) {
		fault = code;
		return;
	}
	wrong = emulate::launch(l.kernel, l.grid, l.block, args.data());
	if (wrong) {
		found("%s", wrong);
		fault = LAUNCH_FAILED;
	}
}

EXPORT int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
			  unsigned block_y, unsigned block_z, unsigned shared, void *handle, void **params,
			  void **extra)
{
	BEGIN_IN_CONTEXT("cuLaunchKernel");
	auto s = find_stream(handle);
	auto l = std::make_shared<launched>();

	l->kernel = (const emulate::kernel *)function;
	if (!l->kernel || !s)
		return INVALID_HANDLE;
	note("cuLaunchKernel %s grid %u %u %u block %u %u %u", l->kernel->name, grid_x, grid_y, grid_z, block_x,
	     block_y, block_z);
	totals.launches++;
	if (!grid_x || !grid_y || !grid_z || !block_x || !block_y || !block_z || grid_x > 2147483647 ||
	    grid_y > 65535 || grid_z > 65535 || (uint64_t)block_x * block_y * block_z > 1024 || shared > 49152 || extra)
		return INVALID_VALUE;
	if (l->kernel->threads && (uint64_t)block_x * block_y * block_z != l->kernel->threads)
		found("%s: blocks of %u threads, not of %u", l->kernel->name, block_x * block_y * block_z,
		      l->kernel->threads);
	l->grid = emulate::dim3(grid_x, grid_y, grid_z);
	l->block = emulate::dim3(block_x, block_y, block_z);
	for (size_t i = 0; i < l->kernel->parameters.size(); i++) {
		size_t n = l->kernel->parameters[i].size;

		l->values.emplace_back((n + 7) / 8);
		memcpy(l->values.back().data(), params[i], n);
	}
	add(s, [=] { run(*l); });
	return SUCCESS;
}

/* == for other libraries that stand in: cublas.cpp == */

/* Call function(argument) when the stream gets there. */
EXPORT int standin_queue(void *handle, void (*function)(void *), void *argument)
{
	BEGIN_IN_CONTEXT("standin_queue");
	auto s = find_stream(handle);

	if (!s)
		return INVALID_HANDLE;
	note("standin_queue");
	totals.launches++;
	add(s, [=] { function(argument); });
	return SUCCESS;
}

/* Where n bytes of device memory are; NULL: they are not allocated. */
EXPORT void *standin_memory(uint64_t address, size_t n)
{
	return real(address, n);
}
