/* All kernels, as one module: see kernels.h. */
#include "cast.cuh"
#include "create.cuh"
#include "index.cuh"
#include "map.cuh"
#include "matmul.cuh"
#include "move.cuh"
#include "reduce.cuh"
#include "sort.cuh"
