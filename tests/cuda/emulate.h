/*
 * CUDA on the CPU: the kernels of cuda/tensor.cu, which emulate.cpp compiles with g++ by the names in emulate_names.h.
 *
 * One kernel runs at a time, in the calling thread.  A KERNEL, whose threads know nothing of each other, is a loop
 * over its threads, in a shuffled order.  The threads of a block of a KERNEL_BLOCK are fibers, which switch at
 * barriers and warp operations only, in an order that is shuffled anew at each; its __shared__ memory holds rubbish
 * at the beginning of each block.  What would hang or be undefined on a device (threads at different barriers, a warp
 * operation without one of its lanes) ends the launch with a message.
 *
 * Functions that are templates and have __shared__ variables must be static (their section says so).
 */
#ifndef TENSOR_TESTS_CUDA_EMULATE_H
#define TENSOR_TESTS_CUDA_EMULATE_H

#include <stddef.h>
#include <stdint.h>

#include <vector>

namespace emulate
{

struct uint3 {
	unsigned x, y, z;
};

struct dim3 {
	unsigned x, y, z;

	dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z)
	{
	}
};

struct parameter {
	size_t size; /* bytes */
	bool pointer;
};

struct kernel {
	const char *name;
	void (*function)();
	void (*call)(void (*function)(), void *const *args); /* as one thread */
	std::vector<parameter> parameters;
	unsigned threads; /* of a block; 0: any, and they never meet */
};

/* All kernels, in the order of the source. */
const std::vector<kernel> &kernels();
const kernel *find(const char *name); /* NULL: there is none */

/* Runs it.  args[i] points to the value of parameter i.  NULL, or what is wrong, until the next launch. */
const char *launch(const kernel *k, dim3 grid, dim3 block, void *const *args);

/* What the order of threads comes from. */
void seed(uint64_t s);

} // namespace emulate

#endif
