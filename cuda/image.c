/* The image of a build without nvcc: none. */
#include "cuda/image.h"

const unsigned char tensor_cuda_image[1];
const uint64_t tensor_cuda_image_size;
