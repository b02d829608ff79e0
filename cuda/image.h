/* The kernels that are embedded in the program: a fatbin, or nothing where it was built without nvcc. */
#ifndef TENSOR_CUDA_IMAGE_H
#define TENSOR_CUDA_IMAGE_H

#include <stdint.h>

extern const unsigned char tensor_cuda_image[];
extern const uint64_t tensor_cuda_image_size; /* bytes */

#endif
