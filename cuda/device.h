/* The CUDA device as the commands see it. */
#ifndef TENSOR_CUDA_DEVICE_H
#define TENSOR_CUDA_DEVICE_H

#include "lib/device.h"
#include "lib/text.h"

/*
 * The device of that index, ready to compute: the driver (libcuda.so.1, or what TENSOR_CUDA_DRIVER names) is loaded, the kernels (embedded,
 * or the file that TENSOR_CUDA_IMAGE names) are on the device.  notes: what was chosen is added to it, a line each; may be NULL.
 * NULL on failure: ERR_RESOURCE with the reason and what to do.  The caller closes it after the graph is freed.
 */
struct device *cuda_open(int index, struct text *notes, struct error *err);

/* Lines about the driver and each device, or why there is none; never fails but for memory (text.failed). */
void cuda_describe(struct text *out);

#endif
