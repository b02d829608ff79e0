/* The element types of safetensors, for its reader and its writer. */
#ifndef TENSOR_SAFETENSORS_H
#define TENSOR_SAFETENSORS_H

#include "lib/dtype.h"

enum {
	SAFETENSORS_LENGTH = 8,		    /* bytes in front of the header: how long it is, little-endian */
	SAFETENSORS_HEADER_MAX = 100000000, /* bytes */
};

struct safetensors_type {
	const char *name; /* "F32" */
	int bits;	  /* of an element */
	bool supported;	  /* false: no type of this program's */
	enum dtype dtype;
};

/*
 * All types, ended by one without a name; in the order that the format's own implementation gives them, in which files are sorted
 * (huggingface/safetensors, safetensors/src/tensor.rs, enum Dtype).
 */
extern const struct safetensors_type safetensors_types[];

#endif
