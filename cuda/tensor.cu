/* All kernels, as one module: see kernels.h. */
#include "cast.cuh"
#include "create.cuh"
#include "map.cuh"
#include "move.cuh"
#include "reduce.cuh"
