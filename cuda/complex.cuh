/*
 * complex64 and complex128 in CUDA C++: the types c64 and c128 that lib/loops.h has in C, with the operators that C
 * has for them, and the functions of <complex.h> that lib/scalar_math.h calls.
 */
#ifndef TENSOR_CUDA_COMPLEX_CUH
#define TENSOR_CUDA_COMPLEX_CUH

struct c128;

struct __attribute__((aligned(8))) c64 {
	float re, im;

	c64() = default;
	__device__ c64(float real, float imag = 0) : re(real), im(imag)
	{
	}
	__device__ explicit c64(c128 x);
};

struct __attribute__((aligned(16))) c128 {
	double re, im;

	c128() = default;
	__device__ c128(double real, double imag = 0) : re(real), im(imag)
	{
	}
	__device__ c128(c64 x) : re(x.re), im(x.im)
	{
	}
};

inline __device__ c64::c64(c128 x) : re((float)x.re), im((float)x.im)
{
}

/* A real operand takes no part in the imaginary component, as in C: 1 - x has -x's. */
#define OPERATORS(C, R) \
	static inline __device__ C operator+(C x, C y) \
	{ \
		return C(x.re + y.re, x.im + y.im); \
	} \
	static inline __device__ C operator-(C x, C y) \
	{ \
		return C(x.re - y.re, x.im - y.im); \
	} \
	static inline __device__ C operator-(R x, C y) \
	{ \
		return C(x - y.re, -y.im); \
	} \
	static inline __device__ C operator-(C x) \
	{ \
		return C(-x.re, -x.im); \
	} \
	static inline __device__ bool operator==(C x, C y) \
	{ \
		return x.re == y.re && x.im == y.im; \
	} \
	static inline __device__ bool operator!=(C x, C y) \
	{ \
		return x.re != y.re || x.im != y.im; \
	} \
	/* What __builtin_complex is in C. */ \
	static inline __device__ C complex_of(R re, R im) \
	{ \
		return C(re, im); \
	}
OPERATORS(c64, float)
OPERATORS(c128, double)
#undef OPERATORS

static inline __device__ float crealf(c64 x)
{
	return x.re;
}

static inline __device__ double creal(c128 x)
{
	return x.re;
}

static inline __device__ float cimagf(c64 x)
{
	return x.im;
}

static inline __device__ double cimag(c128 x)
{
	return x.im;
}

static inline __device__ c64 conjf(c64 x)
{
	return c64(x.re, -x.im);
}

static inline __device__ c128 conj(c128 x)
{
	return c128(x.re, -x.im);
}

/* The squares of floats are exact in double, and cannot overflow. */
static inline __device__ float cabsf(c64 x)
{
	double re = x.re, im = x.im, modulus = sqrt(re * re + im * im);

	return (float)(isinf(re) || isinf(im) ? (double)INFINITY : modulus);
}

static inline __device__ double cabs(c128 x)
{
	return hypot(x.re, x.im);
}

static inline __device__ float cargf(c64 x)
{
	return (float)atan2((double)x.im, (double)x.re);
}

static inline __device__ double carg(c128 x)
{
	return atan2(x.im, x.re);
}

#endif
