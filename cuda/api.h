/*
 * The functions of the CUDA driver that are used: their types, declared here so that a build needs no toolkit.  CUresult is int,
 * 0 for success; handles are pointers; CUdevice is int; CUdeviceptr is uint64_t.
 *
 * Source: CUDA Driver API, https://docs.nvidia.com/cuda/cuda-driver-api/; names with _v2 are those that the library exports.
 */
#ifndef TENSOR_CUDA_API_H
#define TENSOR_CUDA_API_H

#include <stddef.h>
#include <stdint.h>

/* X(field, symbol, parameters) */
#define CUDA_FUNCTIONS(X) \
	X(init, cuInit, (unsigned flags)) \
	X(driver_version, cuDriverGetVersion, (int *version)) \
	X(device_count, cuDeviceGetCount, (int *count)) \
	X(device_get, cuDeviceGet, (int *device, int ordinal)) \
	X(device_name, cuDeviceGetName, (char *name, int size, int device)) \
	X(device_memory, cuDeviceTotalMem_v2, (size_t * bytes, int device)) \
	X(device_attribute, cuDeviceGetAttribute, (int *value, int attribute, int device)) \
	X(context_retain, cuDevicePrimaryCtxRetain, (void **context, int device)) \
	X(context_release, cuDevicePrimaryCtxRelease_v2, (int device)) \
	X(context_set, cuCtxSetCurrent, (void *context)) \
	X(module_load, cuModuleLoadData, (void **module, const void *image)) \
	X(module_unload, cuModuleUnload, (void *module)) \
	X(module_function, cuModuleGetFunction, (void **function, void *module, const char *name)) \
	X(memory_info, cuMemGetInfo_v2, (size_t * free, size_t * total)) \
	X(memory_alloc, cuMemAlloc_v2, (uint64_t * p, size_t n)) \
	X(memory_free, cuMemFree_v2, (uint64_t p)) \
	X(host_alloc, cuMemHostAlloc, (void **p, size_t n, unsigned flags)) \
	X(host_free, cuMemFreeHost, (void *p)) \
	X(copy_up, cuMemcpyHtoDAsync_v2, (uint64_t out, const void *in, size_t n, void *stream)) \
	X(copy_down, cuMemcpyDtoHAsync_v2, (void *out, uint64_t in, size_t n, void *stream)) \
	X(copy, cuMemcpyDtoDAsync_v2, (uint64_t out, uint64_t in, size_t n, void *stream)) \
	X(fill_bytes, cuMemsetD8Async, (uint64_t p, unsigned char value, size_t n, void *stream)) \
	X(stream_create, cuStreamCreate, (void **stream, unsigned flags)) \
	X(stream_destroy, cuStreamDestroy_v2, (void *stream)) \
	X(stream_wait, cuStreamSynchronize, (void *stream)) \
	X(stream_wait_event, cuStreamWaitEvent, (void *stream, void *event, unsigned flags)) \
	X(event_create, cuEventCreate, (void **event, unsigned flags)) \
	X(event_destroy, cuEventDestroy_v2, (void *event)) \
	X(event_record, cuEventRecord, (void *event, void *stream)) \
	X(event_wait, cuEventSynchronize, (void *event)) \
	X(launch, cuLaunchKernel, \
	  (void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, \
	   unsigned block_z, unsigned shared, void *stream, void **params, void **extra)) \
	X(error_name, cuGetErrorName, (int result, const char **text)) \
	X(error_string, cuGetErrorString, (int result, const char **text))

struct cuda_api {
	void *library; /* of dlopen */
#define CUDA_FIELD(field, symbol, params) int(*field) params;
	CUDA_FUNCTIONS(CUDA_FIELD)
#undef CUDA_FIELD
};

/* What of CUresult is told apart. */
enum cuda_result {
	CUDA_SUCCESS_ = 0,
	CUDA_OUT_OF_MEMORY = 2,
	CUDA_STUB_LIBRARY = 34,
	CUDA_NO_DEVICE = 100,
	CUDA_INVALID_IMAGE = 200,
	CUDA_NO_BINARY = 209,
	CUDA_INVALID_PTX = 218,
	CUDA_UNSUPPORTED_PTX = 222,
	CUDA_NOT_FOUND = 500,
	CUDA_DRIVER_MISMATCH = 803,
};

/* CUdevice_attribute */
enum { CUDA_ATTR_MULTIPROCESSORS = 16, CUDA_ATTR_MAJOR = 75, CUDA_ATTR_MINOR = 76 };

/* CU_STREAM_NON_BLOCKING, CU_EVENT_DISABLE_TIMING */
enum { CUDA_STREAM_NON_BLOCKING = 1, CUDA_EVENT_NO_TIMING = 2 };

#endif
