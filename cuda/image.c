/* The kernels in this program: the file that the Makefile names, or none. */
#include "cuda/image.h"

#ifdef TENSOR_CUDA_IMAGE_FILE
/* A zero follows, as after PTX in memory; it is not counted. */
__asm__(".section .rodata\n"
	".balign 16\n"
	".globl tensor_cuda_image\n"
	".hidden tensor_cuda_image\n"
	"tensor_cuda_image:\n"
	".incbin \"" TENSOR_CUDA_IMAGE_FILE "\"\n"
	"end_of_image:\n"
	".quad 0\n"
	".balign 8\n"
	".globl tensor_cuda_image_size\n"
	".hidden tensor_cuda_image_size\n"
	"tensor_cuda_image_size:\n"
	".quad end_of_image - tensor_cuda_image\n"
	".previous\n");
#else
const unsigned char tensor_cuda_image[1];
const uint64_t tensor_cuda_image_size;
#endif
