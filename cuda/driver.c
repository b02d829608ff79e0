/* The CUDA driver by dlopen: opening a device and its kernels, memory, launches, and the driver's errors in words. */
#include "cuda/cuda.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/cublas.h"
#include "cuda/device.h"
#include "cuda/image.h"
#include "cuda/run.h"
#include "lib/library.h"

struct kernel {
	char name[48];
	void *function;
};

static const char *driver_path(void)
{
	const char *path = getenv("TENSOR_CUDA_DRIVER");

	return path && *path ? path : "libcuda.so.1";
}

static int driver_load(struct cuda_api *api, struct error *err)
{
	const char *path = driver_path(), *why;

	api->library = library_open(path, &why);
	if (!api->library)
		return error_set(err, ERR_RESOURCE,
				 "no CUDA driver: %s; install NVIDIA's driver, or compute with --device cpu", why);
#define LOAD(field, symbol, params) \
	do { \
		if (!library_symbol(api->library, #symbol, &api->field)) { \
			library_close(api->library); \
			api->library = NULL; \
			return error_set(err, ERR_RESOURCE, "%s is no CUDA driver, or an old one: it has no %s", path, \
					 #symbol); \
		} \
	} while (0);
	CUDA_FUNCTIONS(LOAD)
#undef LOAD
	return 0;
}

static const char *reason(const struct cuda_api *api, int result)
{
	const char *text = NULL;

	if (api->error_string(result, &text) || !text)
		return "unknown error";
	return text;
}

/* Why the driver does not start, and what to do; the cases that its own words do not tell apart. */
static int start_error(const struct cuda_api *api, int result, struct error *err)
{
	switch (result) {
	case CUDA_STUB_LIBRARY:
		return error_set(err, ERR_RESOURCE,
				 "%s is the stub that programs are linked with, not a driver; take its folder off "
				 "LD_LIBRARY_PATH, or compute with --device cpu",
				 driver_path());
	case CUDA_NO_DEVICE:
		return error_set(err, ERR_RESOURCE,
				 "the CUDA driver finds no device (CUDA_VISIBLE_DEVICES hides those it does not name); "
				 "compute with --device cpu");
	case CUDA_DRIVER_MISMATCH:
		return error_set(err, ERR_RESOURCE,
				 "the CUDA driver's library and its kernel module are of different versions; restart "
				 "the machine after an update of the driver");
	default:
		return error_set(err, ERR_RESOURCE, "the CUDA driver does not start: %s (%d)", reason(api, result),
				 result);
	}
}

/* Load the driver and count its devices. */
static int driver_start(struct cuda_api *api, int *version, int *count, struct error *err)
{
	int result;

	if (driver_load(api, err))
		return -1;
	if ((result = api->init(0)) || (result = api->driver_version(version)) || (result = api->device_count(count))) {
		start_error(api, result, err);
		library_close(api->library);
		return -1;
	}
	if (*count < 1) {
		start_error(api, CUDA_NO_DEVICE, err);
		library_close(api->library);
		return -1;
	}
	return 0;
}

int cuda_check(struct cuda *d, int result, const char *what, struct error *err)
{
	size_t available = 0, total = 0;

	if (!result)
		return 0;
	if (result == CUDA_OUT_OF_MEMORY) {
		if (d->api.memory_info(&available, &total))
			available = total = 0;
		return error_set(err, ERR_RESOURCE, "%s: out of memory: %s; %zu of %zu bytes are free", d->name, what,
				 available, total);
	}
	return error_set(err, ERR_RESOURCE, "%s: %s: %s (%d)", d->name, what, reason(&d->api, result), result);
}

/* -- memory -- */

int device_alloc(struct cuda *d, uint64_t *p, size_t n, struct error *err)
{
	char what[64];
	int result;

	*p = 0;
	snprintf(what, sizeof(what), "%zu bytes are needed", n);
	result = d->api.memory_alloc(p, n ? n : 1);
	if (result)
		*p = 0;
	return cuda_check(d, result, what, err);
}

void device_free(struct cuda *d, uint64_t p)
{
	if (!p)
		return;
	d->api.stream_wait(d->main);
	d->api.memory_free(p);
}

int device_zero(struct cuda *d, uint64_t p, size_t n, struct error *err)
{
	return n ? cuda_check(d, d->api.fill_bytes(p, 0, n, d->main), "filling", err) : 0;
}

int device_copy(struct cuda *d, uint64_t out, uint64_t in, size_t n, struct error *err)
{
	return n ? cuda_check(d, d->api.copy(out, in, n, d->main), "copying", err) : 0;
}

int device_write(struct cuda *d, uint64_t out, const void *in, size_t n, struct error *err)
{
	if (!n)
		return 0;
	if (cuda_check(d, d->api.copy_up(out, in, n, d->main), "copying to the device", err))
		return -1;
	return cuda_check(d, d->api.stream_wait(d->main), "copying to the device", err);
}

int device_read(struct cuda *d, void *out, uint64_t in, size_t n, struct error *err)
{
	if (!n)
		return 0;
	if (cuda_check(d, d->api.copy_down(out, in, n, d->main), "copying from the device", err))
		return -1;
	return cuda_check(d, d->api.stream_wait(d->main), "copying from the device", err);
}

/* -- kernels -- */

static void *kernel_find(struct cuda *d, const char *name, struct error *err)
{
	struct kernel *k;
	int result;

	for (int i = 0; i < d->nkernels; i++)
		if (!strcmp(d->kernels[i].name, name))
			return d->kernels[i].function;
	if (d->nkernels == d->kernels_room) {
		int room = d->kernels_room ? 2 * d->kernels_room : 16;

		k = realloc(d->kernels, (size_t)room * sizeof(*k));
		if (!k) {
			error_memory(err, (size_t)room * sizeof(*k));
			return NULL;
		}
		d->kernels = k;
		d->kernels_room = room;
	}
	k = &d->kernels[d->nkernels];
	snprintf(k->name, sizeof(k->name), "%s", name);
	result = d->api.module_function(&k->function, d->module, name);
	if (result == CUDA_NOT_FOUND) {
		error_set(err, ERR_RESOURCE, "%s: the kernels have no %s: compute it with --device cpu", d->name, name);
		return NULL;
	}
	if (cuda_check(d, result, name, err))
		return NULL;
	d->nkernels++;
	return k->function;
}

int launch(struct cuda *d, const char *kernel, int64_t blocks, int threads, size_t shared, void **params,
	   struct error *err)
{
	void *function = kernel_find(d, kernel, err);

	if (!function)
		return -1;
	if (!blocks)
		return 0;
	if (blocks > INT32_MAX)
		return error_set(err, ERR_RESOURCE, "%s: %s needs a grid of %" PRId64 " blocks, the most is %d",
				 d->name, kernel, blocks, INT32_MAX);
	return cuda_check(d,
			  d->api.launch(function, (unsigned)blocks, 1, 1, (unsigned)threads, 1, 1, (unsigned)shared,
					d->main, params, NULL),
			  kernel, err);
}

/* Does a fatbin say that it is longer than n bytes?  The driver believes it. */
static bool image_is_cut(const char *image, size_t n)
{
	struct {
		uint32_t magic;
		uint16_t version, header;
		uint64_t size;
	} fatbin = { 0 };

	memcpy(&fatbin, image, n < sizeof(fatbin) ? n : sizeof(fatbin));
	return fatbin.magic == 0xba55ed50 &&
	       (n < sizeof(fatbin) || fatbin.header > n || fatbin.size > n - fatbin.header);
}

/* The file of another image, with a NUL after it, as the driver wants PTX to end. */
static void *image_read(const char *path, struct error *err)
{
	FILE *f = fopen(path, "rb");
	char *image = NULL;
	size_t n = 0, room = 0, got = 1;

	if (!f) {
		error_errno(err, ERR_FILE, "TENSOR_CUDA_IMAGE %s", path);
		return NULL;
	}
	while (got) {
		if (n + 1 >= room) {
			char *more = realloc(image, room = room ? 2 * room : 1 << 20);

			if (!more) {
				error_memory(err, room);
				goto fail;
			}
			image = more;
		}
		got = fread(image + n, 1, room - n - 1, f);
		n += got;
	}
	if (ferror(f)) {
		error_errno(err, ERR_FILE, "TENSOR_CUDA_IMAGE %s", path);
		goto fail;
	}
	image[n] = '\0';
	if (image_is_cut(image, n)) {
		error_set(err, ERR_FILE, "TENSOR_CUDA_IMAGE %s is cut short: it has %zu bytes, and says more", path, n);
		goto fail;
	}
	fclose(f);
	return image;
fail:
	fclose(f);
	free(image);
	return NULL;
}

static int image_load(struct cuda *d, int version, struct error *err)
{
	const char *path = getenv("TENSOR_CUDA_IMAGE");
	void *read = NULL;
	const void *image = tensor_cuda_image;
	int result, major = 0, minor = 0;

	if (path && *path) {
		if (!(read = image_read(path, err)))
			return -1;
		image = read;
	} else if (!tensor_cuda_image_size) {
		return error_set(
			err, ERR_RESOURCE,
			"this program was built without kernels for CUDA, because nvcc was not there; build it "
			"with the CUDA toolkit, or name an image with TENSOR_CUDA_IMAGE");
	}
	result = d->api.module_load(&d->module, image);
	free(read);
	d->api.device_attribute(&major, CUDA_ATTR_MAJOR, d->handle);
	d->api.device_attribute(&minor, CUDA_ATTR_MINOR, d->handle);
	path = path && *path ? path : "the kernels of this program";
	switch (result) {
	case CUDA_UNSUPPORTED_PTX:
		return error_set(
			err, ERR_RESOURCE,
			"%s: the driver (CUDA %d.%d) is older than %s; update the driver, or build the program for "
			"compute capability %d.%d",
			d->name, version / 1000, version % 1000 / 10, path, major, minor);
	case CUDA_NO_BINARY:
		return error_set(
			err, ERR_RESOURCE,
			"%s: %s are not for its architecture, compute capability %d.%d; 7.5 is the oldest that "
			"is supported",
			d->name, path, major, minor);
	case CUDA_INVALID_IMAGE:
	case CUDA_INVALID_PTX:
		return error_set(err, ERR_RESOURCE, "%s: %s is no image of kernels that the driver takes: %s", d->name,
				 path, reason(&d->api, result));
	default:
		return cuda_check(d, result, "loading the kernels", err);
	}
}

/* -- the device -- */

static void cuda_close(struct device *device)
{
	struct cuda *d = (struct cuda *)device;

	if (d->cublas)
		cublas_close(d->cublas);
	for (int i = 0; i < 3; i++) {
		void *stream = i == 0 ? d->up : i == 1 ? d->main : d->down;

		if (stream)
			d->api.stream_destroy(stream);
	}
	if (d->module)
		d->api.module_unload(d->module);
	if (d->context)
		d->api.context_release(d->handle);
	free(d->kernels);
	library_close(d->api.library);
	free(d);
}

/* TF32 is another precision, so it is nobody's default. */
static int tf32_wanted(bool *out, struct error *err)
{
	const char *word = getenv("TENSOR_TF32");

	*out = word && !strcmp(word, "1");
	return !word || !*word || *out || !strcmp(word, "0")
		       ? 0
		       : error_set(err, ERR_USAGE, "TENSOR_TF32 '%s' is neither 0 nor 1", word);
}

struct device *cuda_open(int index, struct text *notes, struct error *err)
{
	struct cuda *d = calloc(1, sizeof(*d));
	int version = 0, count = 0;
	char model[128] = "";

	if (!d) {
		error_memory(err, sizeof(*d));
		return NULL;
	}
	snprintf(d->name, sizeof(d->name), "cuda:%d", index);
	d->device = (struct device){ d->name, cuda_run, cuda_close };
	d->notes = notes;
	if (tf32_wanted(&d->tf32, err) || driver_start(&d->api, &version, &count, err)) {
		free(d);
		return NULL;
	}
	if (index >= count) {
		error_set(err, ERR_RESOURCE, "%s: there %s %d device%s, numbered from 0", d->name,
			  count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
		goto fail;
	}
	if (cuda_check(d, d->api.device_get(&d->handle, index), "opening", err) ||
	    cuda_check(d, d->api.context_retain(&d->context, d->handle), "opening", err) ||
	    cuda_check(d, d->api.context_set(d->context), "opening", err) || image_load(d, version, err) ||
	    cuda_check(d, d->api.stream_create(&d->up, CUDA_STREAM_NON_BLOCKING), "opening", err) ||
	    cuda_check(d, d->api.stream_create(&d->main, CUDA_STREAM_NON_BLOCKING), "opening", err) ||
	    cuda_check(d, d->api.stream_create(&d->down, CUDA_STREAM_NON_BLOCKING), "opening", err))
		goto fail;
	if (notes && !d->api.device_name(model, (int)sizeof(model), d->handle))
		text_fmt(notes, "%s: %s, driver CUDA %d.%d\n", d->name, model, version / 1000, version % 1000 / 10);
	if (notes && d->tf32)
		text_fmt(notes, "%s: cuBLAS multiplies float32 and complex64 in TF32\n", d->name);
	return &d->device;
fail:
	cuda_close(&d->device);
	return NULL;
}

void cuda_describe(struct text *out)
{
	struct cuda_api api;
	struct error err = ERROR_INIT;
	int version = 0, count = 0;
	uint64_t image = tensor_cuda_image_size;

	if (driver_start(&api, &version, &count, &err)) {
		text_fmt(out, "cuda    %s\n", err.text);
	} else {
		text_fmt(out, "cuda    driver for CUDA %d.%d, %s\n", version / 1000, version % 1000 / 10,
			 driver_path());
		for (int i = 0; i < count; i++) {
			int handle = 0, major = 0, minor = 0;
			size_t bytes = 0;
			char model[128] = "?";

			if (api.device_get(&handle, i) || api.device_name(model, (int)sizeof(model), handle) ||
			    api.device_memory(&bytes, handle) ||
			    api.device_attribute(&major, CUDA_ATTR_MAJOR, handle) ||
			    api.device_attribute(&minor, CUDA_ATTR_MINOR, handle))
				text_fmt(out, "cuda:%d  cannot be asked\n", i);
			else
				text_fmt(out, "cuda:%d  %s, compute capability %d.%d, %.1f GiB\n", i, model, major,
					 minor, (double)bytes / 0x1p30);
		}
		library_close(api.library);
	}
	if (image)
		text_fmt(out, "        kernels: %" PRIu64 " bytes in this program\n", image);
	else
		text_add(out, "        kernels: none, it was built without nvcc; TENSOR_CUDA_IMAGE names a file\n");
}
