/*
 * What the calls in a pickle of PyTorch mean: tensors, parameters, storages.  Nothing that a file says of a tensor is believed:
 * every element has to lie in the storage, by arithmetic that is checked.
 */
#include <inttypes.h>
#include <string.h>

#include "formats/torch.h"

enum id {
	OTHER,
	STORAGE,
	DTYPE,
	SIZE,
	TENSOR_V1,
	TENSOR_V2,
	TENSOR_V3,
	PARAMETER,
	FROM_TYPE,
};

enum { WRAPPED_MAX = 8 }; /* a parameter of a tensor with attributes of ... */

#define QUANTIZED "holds quantized tensors, which are not supported: dequantize() them first"
#define SPARSE "holds sparse tensors, which are not supported: to_dense() them first"
#define NO_DATA "holds tensors of the meta device, which have no elements"
#define SUBCLASS "holds tensors of a class of its own, which are not supported"
#define NESTED "holds nested tensors, which are not supported"

/* clang-format off */
const struct torch_dtype torch_dtypes[] = {
	/* name               storage                 bytes  here  as */
	{ "float32",          "FloatStorage",          4, true,  DT_F32 },
	{ "float64",          "DoubleStorage",         8, true,  DT_F64 },
	{ "float16",          "HalfStorage",           2, true,  DT_F16 },
	{ "bfloat16",         "BFloat16Storage",       2, true,  DT_BF16 },
	{ "uint8",            "ByteStorage",           1, true,  DT_U8 },
	{ "int8",             "CharStorage",           1, true,  DT_I8 },
	{ "int16",            "ShortStorage",          2, true,  DT_I16 },
	{ "int32",            "IntStorage",            4, true,  DT_I32 },
	{ "int64",            "LongStorage",           8, true,  DT_I64 },
	{ "bool",             "BoolStorage",           1, true,  DT_BOOL },
	{ "complex64",        "ComplexFloatStorage",   8, true,  DT_C64 },
	{ "complex128",       "ComplexDoubleStorage", 16, true,  DT_C128 },
	{ "uint16",           NULL,                    2, true,  DT_U16 },
	{ "uint32",           NULL,                    4, true,  DT_U32 },
	{ "uint64",           NULL,                    8, true,  DT_U64 },
	{ "float8_e4m3fn",    NULL,                    1, true,  DT_F8E4M3 },
	{ "float8_e5m2",      NULL,                    1, true,  DT_F8E5M2 },
	{ "complex32",        "ComplexHalfStorage",    4, false, DT_U32 },
	{ "float8_e4m3fnuz",  NULL,                    1, false, DT_U8 },
	{ "float8_e5m2fnuz",  NULL,                    1, false, DT_U8 },
	{ "float8_e8m0fnu",   NULL,                    1, false, DT_U8 },
	{ "float4_e2m1fn_x2", NULL,                    1, false, DT_U8 },
	{ "bits8",            NULL,                    1, false, DT_U8 },
	{ "bits16",           NULL,                    2, false, DT_U16 },
	{ "bits1x8",          NULL,                    1, false, DT_U8 },
	{ "bits2x4",          NULL,                    1, false, DT_U8 },
	{ "bits4x2",          NULL,                    1, false, DT_U8 },
	{ "uint1",            NULL,                    1, false, DT_U8 },
	{ "uint2",            NULL,                    1, false, DT_U8 },
	{ "uint3",            NULL,                    1, false, DT_U8 },
	{ "uint4",            NULL,                    1, false, DT_U8 },
	{ "uint5",            NULL,                    1, false, DT_U8 },
	{ "uint6",            NULL,                    1, false, DT_U8 },
	{ "uint7",            NULL,                    1, false, DT_U8 },
	{ "int1",             NULL,                    1, false, DT_U8 },
	{ "int2",             NULL,                    1, false, DT_U8 },
	{ "int3",             NULL,                    1, false, DT_U8 },
	{ "int4",             NULL,                    1, false, DT_U8 },
	{ "int5",             NULL,                    1, false, DT_U8 },
	{ "int6",             NULL,                    1, false, DT_U8 },
	{ "int7",             NULL,                    1, false, DT_U8 },
};
const int torch_ndtypes = sizeof(torch_dtypes) / sizeof(torch_dtypes[0]);

#define ROW(module, name, callable, id) { module, name, PICKLE_##callable, id, NULL }
#define REFUSED(module, name, why) { module, name, PICKLE_NAME, OTHER, why }
#define TYPED(name) ROW("torch", name, NAME, STORAGE)
#define TYPE(name) ROW("torch", name, NAME, DTYPE)

/* The modules of Python 2 are what protocol 2 says. */
const struct pickle_global torch_globals[] = {
	ROW("torch._utils", "_rebuild_tensor_v2", CALLED, TENSOR_V2),
	ROW("collections", "OrderedDict", MAKES_DICT, OTHER),
	TYPED("FloatStorage"), TYPED("DoubleStorage"), TYPED("HalfStorage"), TYPED("BFloat16Storage"),
	TYPED("ByteStorage"), TYPED("CharStorage"), TYPED("ShortStorage"), TYPED("IntStorage"), TYPED("LongStorage"),
	TYPED("BoolStorage"), TYPED("ComplexHalfStorage"), TYPED("ComplexFloatStorage"),
	TYPED("ComplexDoubleStorage"), TYPED("UntypedStorage"),
	ROW("torch.storage", "UntypedStorage", NAME, STORAGE),
	ROW("torch._utils", "_rebuild_tensor", CALLED, TENSOR_V1),
	ROW("torch._utils", "_rebuild_tensor_v3", CALLED, TENSOR_V3),
	ROW("torch._utils", "_rebuild_parameter", CALLED, PARAMETER),
	ROW("torch._utils", "_rebuild_parameter_with_state", CALLED, PARAMETER),
	ROW("torch.nn.parameter", "Parameter", CALLED, PARAMETER),
	ROW("torch._tensor", "_rebuild_from_type_v2", CALLED, FROM_TYPE),
	ROW("torch", "Tensor", NAME, OTHER),
	ROW("torch", "Size", CALLED, SIZE),
	ROW("torch", "device", CALLED, OTHER),
	ROW("collections", "Counter", MAKES_DICT, OTHER),
	ROW("_codecs", "encode", CALLED, OTHER),
	ROW("__builtin__", "set", CALLED, OTHER), ROW("builtins", "set", CALLED, OTHER),
	ROW("__builtin__", "bytearray", CALLED, OTHER), ROW("builtins", "bytearray", CALLED, OTHER),
	ROW("__builtin__", "complex", CALLED, OTHER), ROW("builtins", "complex", CALLED, OTHER),
	ROW("torch.serialization", "_get_layout", CALLED, OTHER),
	TYPE("float32"), TYPE("float64"), TYPE("float16"), TYPE("bfloat16"), TYPE("uint8"), TYPE("int8"),
	TYPE("int16"), TYPE("int32"), TYPE("int64"), TYPE("bool"), TYPE("complex64"), TYPE("complex128"),
	TYPE("uint16"), TYPE("uint32"), TYPE("uint64"), TYPE("float8_e4m3fn"), TYPE("float8_e5m2"),
	TYPE("complex32"), TYPE("float8_e4m3fnuz"), TYPE("float8_e5m2fnuz"), TYPE("float8_e8m0fnu"),
	TYPE("float4_e2m1fn_x2"), TYPE("bits8"), TYPE("bits16"), TYPE("bits1x8"), TYPE("bits2x4"), TYPE("bits4x2"),
	TYPE("uint1"), TYPE("uint2"), TYPE("uint3"), TYPE("uint4"), TYPE("uint5"), TYPE("uint6"), TYPE("uint7"),
	TYPE("int1"), TYPE("int2"), TYPE("int3"), TYPE("int4"), TYPE("int5"), TYPE("int6"), TYPE("int7"),
	REFUSED("torch._utils", "_rebuild_qtensor", QUANTIZED),
	REFUSED("torch", "QInt8Storage", QUANTIZED), REFUSED("torch", "QUInt8Storage", QUANTIZED),
	REFUSED("torch", "QInt32Storage", QUANTIZED), REFUSED("torch", "QUInt4x2Storage", QUANTIZED),
	REFUSED("torch", "QUInt2x4Storage", QUANTIZED),
	REFUSED("torch", "qint8", QUANTIZED), REFUSED("torch", "quint8", QUANTIZED),
	REFUSED("torch", "qint32", QUANTIZED), REFUSED("torch", "quint4x2", QUANTIZED),
	REFUSED("torch", "quint2x4", QUANTIZED),
	REFUSED("torch", "per_tensor_affine", QUANTIZED), REFUSED("torch", "per_channel_affine", QUANTIZED),
	REFUSED("torch._utils", "_rebuild_sparse_tensor", SPARSE),
	REFUSED("torch._utils", "_rebuild_sparse_csr_tensor", SPARSE),
	REFUSED("torch._utils", "_rebuild_nested_tensor", NESTED),
	REFUSED("torch._utils", "_rebuild_meta_tensor_no_storage", NO_DATA),
	REFUSED("torch._utils", "_rebuild_wrapper_subclass", SUBCLASS),
	REFUSED("torch._utils", "_rebuild_device_tensor_from_numpy",
		"holds tensors of a device that are pickled through NumPy, which is not supported: save them from the CPU"),
	REFUSED("torch._utils", "_rebuild_device_tensor_from_cpu_tensor",
		"holds tensors of a device that are pickled by themselves, which is not supported: save them from the CPU"),
	{ NULL, NULL, PICKLE_NAME, OTHER, NULL },
};
/* clang-format on */

static int malformed(struct error *err, const char *what)
{
	return error_set(err, ERR_FILE, "is no valid file of PyTorch: %s", what);
}

/* The type that a global is the name of, or the class of its storages. */
static const struct torch_dtype *find_dtype(const struct pickle_global *g)
{
	for (int i = 0; i < torch_ndtypes; i++) {
		const char *name = g->id == STORAGE ? torch_dtypes[i].storage : torch_dtypes[i].name;

		if (name && !strcmp(name, g->name))
			return &torch_dtypes[i];
	}
	/* UntypedStorage: bytes. */
	for (int i = 0; i < torch_ndtypes; i++)
		if (torch_dtypes[i].supported && torch_dtypes[i].dtype == DT_U8)
			return &torch_dtypes[i];
	return NULL;
}

/* Of ('storage', class, key, location, numel): where it was does not matter. */
int torch_storage_read(struct torch_storage *s, const struct pickle *p, struct pickle_value v, struct error *err)
{
	size_t n, nview;
	const struct pickle_value *id = pickle_items(p, v, &n), *view;
	const struct pickle_global *g;
	int64_t numel, offset, size;

	memset(s, 0, sizeof(*s));
	if (pickle_kind(v) != PICKLE_PERSISTENT || (n != 5 && n != 6))
		return malformed(err, "a storage is not described by 5 items");
	g = pickle_global(p, id[1]);
	if (pickle_kind(id[1]) != PICKLE_GLOBAL || g->id != STORAGE)
		return malformed(err, "a storage has a class that is none of storages");
	s->dtype = find_dtype(g);
	if (!(s->key = pickle_text(p, id[2], &s->nkey)))
		return malformed(err, "the key of a storage is no string");
	if (!pickle_int(p, id[4], &numel) || numel < 0 ||
	    __builtin_mul_overflow(numel, (int64_t)s->dtype->itemsize, &s->nbytes))
		return malformed(err, "the size of a storage is no number of elements");
	s->view_nbytes = s->nbytes;
	if (n == 5 || pickle_kind(id[5]) == PICKLE_NONE)
		return 0;

	/* Of older files: a part of another storage, (key, offset, size). */
	view = pickle_items(p, id[5], &nview);
	if (pickle_kind(id[5]) != PICKLE_TUPLE || nview != 3 || !pickle_int(p, view[1], &offset) ||
	    !pickle_int(p, view[2], &size) || offset < 0 || size < 0 || offset > numel || size > numel - offset)
		return malformed(err, "a view of a storage is not inside of it");
	s->view = offset * s->dtype->itemsize;
	s->view_nbytes = size * s->dtype->itemsize;
	return 0;
}

/* Sizes or strides. */
static int read_list(const struct pickle *p, struct pickle_value v, const char *what, int64_t *out, int *ndim,
		     struct error *err)
{
	size_t n;
	const struct pickle_value *items = pickle_items(p, v, &n);

	/* torch.Size((3, 4)) */
	if (pickle_kind(v) == PICKLE_CALL && pickle_global(p, v)->id == SIZE && n == 1) {
		v = items[0];
		items = pickle_items(p, v, &n);
	}
	if (pickle_kind(v) != PICKLE_TUPLE && pickle_kind(v) != PICKLE_LIST)
		return error_set(err, ERR_FILE, "is no valid file of PyTorch: the %s of a tensor is no tuple", what);
	if (n > MAX_NDIM)
		return error_set(err, ERR_FILE, "a tensor has %zu dimensions, the limit is %d", n, MAX_NDIM);
	for (size_t i = 0; i < n; i++) {
		if (!pickle_int(p, items[i], &out[i]))
			return error_set(err, ERR_FILE,
					 "is no valid file of PyTorch: the %s of a tensor holds what is no integer of "
					 "64 bits",
					 what);
		if (out[i] < 0)
			return error_set(err, ERR_FILE,
					 "is no valid file of PyTorch: the %s of a tensor holds the negative %" PRId64,
					 what, out[i]);
	}
	*ndim = (int)n;
	return 0;
}

/* Put the strides, given in elements, and the place of all elements in bytes into t, if they are inside of the storage. */
static int place(struct torch_tensor *t, int64_t offset, struct error *err)
{
	const struct torch_storage *s = &t->storage;
	int64_t itemsize = t->dtype->itemsize, last = offset, size = shape_size(&t->shape), reach;
	char shape[SHAPE_TEXT];
	bool fits;

	shape_text(&t->shape, shape, sizeof(shape));
	if (size < 0 || __builtin_mul_overflow(size, itemsize, &reach))
		return error_set(err, ERR_FILE, "the size of a tensor of shape %s does not fit in 64 bits", shape);
	if (!size) {
		/* No element is anywhere. */
		memset(t->strides, 0, sizeof(t->strides));
		t->low = s->view;
		t->nbytes = 0;
		return 0;
	}
	fits = true;
	for (int i = 0; i < t->shape.ndim && fits; i++) {
		/* A dimension of 1 is not stepped along, so that its stride may be anything. */
		if (t->shape.dim[i] == 1)
			t->strides[i] = 0;
		fits = !__builtin_mul_overflow(t->shape.dim[i] - 1, t->strides[i], &reach) &&
		       !__builtin_add_overflow(last, reach, &last);
	}
	if (!fits || last >= s->view_nbytes / itemsize)
		return error_set(err, ERR_FILE,
				 "a tensor of shape %s reaches beyond its storage '%.*s', which has %" PRId64
				 " elements of %s",
				 shape, (int)(s->nkey < 64 ? s->nkey : 64), s->key, s->view_nbytes / itemsize,
				 t->dtype->name);
	for (int i = 0; i < t->shape.ndim; i++)
		t->strides[i] *= itemsize;
	t->low = s->view + offset * itemsize;
	t->nbytes = (last - offset + 1) * itemsize;
	return 0;
}

/* {'conj': True}, of tensors whose elements are not yet what they stand for. */
static int read_metadata(struct torch_tensor *t, const struct pickle *p, struct pickle_value v, struct error *err)
{
	size_t n;
	const struct pickle_value *items = pickle_items(p, v, &n);

	if (pickle_kind(v) == PICKLE_NONE)
		return 0;
	if (pickle_kind(v) != PICKLE_DICT)
		return malformed(err, "the metadata of a tensor is no dictionary");
	for (size_t i = 0; i < n; i += 2) {
		if (!pickle_bool(items[i + 1]))
			continue;
		if (pickle_is(p, items[i], "conj"))
			t->unresolved = "conjugated";
		else if (pickle_is(p, items[i], "neg"))
			t->unresolved = "negated";
		else
			return malformed(err, "the metadata of a tensor are not known");
	}
	return 0;
}

/* The arguments of _rebuild_tensor, _v2 or _v3. */
static int rebuild(struct torch_tensor *t, const struct pickle *p, int id, const struct pickle_value *args, size_t n,
		   struct error *err)
{
	/* storage, offset, size, stride; requires_grad, backward_hooks; of v3 the dtype; metadata */
	size_t least = id == TENSOR_V1 ? 4 : id == TENSOR_V2 ? 6 : 7, most = id == TENSOR_V1 ? 4 : least + 1;
	int64_t offset;
	int nstrides;

	memset(t, 0, sizeof(*t));
	if (n < least || n > most)
		return malformed(err, "a tensor is described by a wrong number of items");
	if (torch_storage_read(&t->storage, p, args[0], err))
		return -1;
	t->dtype = t->storage.dtype;
	if (id == TENSOR_V3) {
		const struct pickle_global *g = pickle_global(p, args[6]);

		if (pickle_kind(args[6]) != PICKLE_GLOBAL || g->id != DTYPE)
			return malformed(err, "the type of a tensor is no dtype");
		t->dtype = find_dtype(g);
	}
	if (!pickle_int(p, args[1], &offset) || offset < 0)
		return malformed(err, "the offset of a tensor is no number of elements");
	if (read_list(p, args[2], "shape", t->shape.dim, &t->shape.ndim, err) ||
	    read_list(p, args[3], "stride", t->strides, &nstrides, err))
		return -1;
	if (nstrides != t->shape.ndim)
		return error_set(err, ERR_FILE, "a tensor of %d dimensions has %d strides", t->shape.ndim, nstrides);
	if (n == most && n > 4 && read_metadata(t, p, args[n - 1], err))
		return -1;
	return place(t, offset, err) ? -1 : 1;
}

int torch_tensor_read(struct torch_tensor *t, const struct pickle *p, struct pickle_value v, struct error *err)
{
	for (int wrapped = 0; wrapped < WRAPPED_MAX; wrapped++) {
		size_t n;
		const struct pickle_value *args = pickle_items(p, v, &n);
		int id = pickle_kind(v) == PICKLE_CALL ? pickle_global(p, v)->id : OTHER;

		switch (id) {
		case TENSOR_V1:
		case TENSOR_V2:
		case TENSOR_V3:
			return rebuild(t, p, id, args, n, err);
		case PARAMETER:
			if (!n)
				return malformed(err, "a parameter is made of nothing");
			v = args[0];
			break;
		case FROM_TYPE:
			/* function, class, arguments, attributes */
			if (n != 4 || pickle_kind(args[0]) != PICKLE_GLOBAL || pickle_kind(args[2]) != PICKLE_TUPLE)
				return malformed(err, "a tensor with attributes is not described by 4 items");
			id = pickle_global(p, args[0])->id;
			args = pickle_items(p, args[2], &n);
			if (id >= TENSOR_V1 && id <= TENSOR_V3)
				return rebuild(t, p, id, args, n, err);
			if (id != PARAMETER || !n)
				return malformed(err, "a tensor with attributes is made by what makes no tensors");
			v = args[0];
			break;
		default:
			return wrapped ? malformed(err, "a parameter is made of what is no tensor") : 0;
		}
	}
	return malformed(err, "parameters are made of parameters");
}
