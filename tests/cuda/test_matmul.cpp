/*
 * Matrix products of the device under emulation, by its kernels and through the stand-in of cuBLAS: integers exactly, floats within the
 * bound that kernels.h states.
 */
#include "machine.h"

#include <float.h>
#include <math.h>

#include <algorithm>

extern "C" {
#include "cuda/cublas.h"
#include "lib/kernels.h"
}

struct problem {
	int64_t m, n, k;
	std::vector<int64_t> dim, a_dim, b_dim; /* batches: of the result, of a and b (1: repeated) */
};

static const problem problems[] = {
	{ 1, 1, 1, {}, {}, {} },
	{ 3, 2, 0, {}, {}, {} },
	{ 0, 2, 3, {}, {}, {} },
	{ 5, 7, 3, {}, {}, {} },
	{ 31, 33, 32, {}, {}, {} },
	{ 64, 64, 64, {}, {}, {} },
	{ 65, 63, 17, {}, {}, {} },
	{ 70, 130, 40, {}, {}, {} },
	{ 1, 50, 300, {}, {}, {} },
	{ 50, 1, 300, {}, {}, {} },
	{ 4, 5, 1500, {}, {}, {} },
	{ 5, 6, 4, { 3 }, { 3 }, { 3 } },
	{ 5, 6, 4, { 3 }, { 1 }, { 3 } },
	{ 5, 6, 4, { 2, 3 }, { 2, 3 }, { 1, 3 } },
	{ 5, 6, 4, { 2, 3 }, { 2, 1 }, { 1, 3 } },
	{ 3, 2, 600, { 2, 1, 3 }, { 2, 1, 1 }, { 2, 1, 3 } },
	{ 3, 2, 2, { 2, 2, 2 }, { 2, 1, 2 }, { 1, 2, 1 } },
};

static double worst; /* of what the bound allows */

static void element(enum dtype d, char *p)
{
	uint64_t bits = machine_random();
	double v[2] = { (double)(int64_t)bits * 0x1p-63, (double)(int64_t)machine_random() * 0x1p-63 };

	if (dtype_is_float(d) || dtype_is_complex(d))
		cast_one(d, p, dtype_is_complex(d) ? DT_C128 : DT_F64, v);
	else
		memcpy(p, &bits, dtype_size(d));
	if (d == DT_BOOL)
		*p = bits % 8 == 0 ? (char)bits | 1 : 0; /* any byte but 0 is true */
}

/* What is right, from element to element. */
static bool right(enum dtype d, const struct product &p, const char *a, const char *b, const char *got, bool kernel)
{
	size_t size = dtype_size(d);
	int64_t a_row = p.ta ? 1 : p.lda, a_col = p.ta ? p.lda : 1, b_row = p.tb ? 1 : p.ldb, b_col = p.tb ? p.ldb : 1;
	bool wide = d == DT_F64 || d == DT_C128;
	/* The kernels' bound; the stand-in sums in float64. */
	double unit = (wide ? 0x1p-53 : 0x1p-24) * (kernel ? wide || d == DT_C64 ? 16 : 32 : wide ? (double)p.k : 1);
	double step = d == DT_F16 ? 0x1p-11 : d == DT_BF16 ? 0x1p-8 : wide ? 0x1p-53 : 0x1p-24;

	for (int64_t batch = 0; batch < p.count; batch++) {
		int64_t at = p.a_at, bt = p.b_at, rest = batch;

		for (int i = p.nbatch - 1; i >= 0; i--) {
			at += rest % p.dim[i] * p.a_step[i];
			bt += rest % p.dim[i] * p.b_step[i];
			rest /= p.dim[i];
		}
		for (int64_t i = 0; i < p.m; i++)
			for (int64_t j = 0; j < p.n; j++, got += size) {
				long double sum[2] = { 0, 0 }, scale = 0;
				uint64_t integer = 0, has = 0;
				double have[2];

				for (int64_t l = 0; l < p.k; l++) {
					const char *x = a + (size_t)(at + i * a_row + l * a_col) * size;
					const char *y = b + (size_t)(bt + l * b_row + j * b_col) * size;

					if (dtype_is_float(d) || dtype_is_complex(d)) {
						double u[2], v[2];

						cast_one(DT_C128, u, d, x);
						cast_one(DT_C128, v, d, y);
						sum[0] += (long double)u[0] * v[0] - (long double)u[1] * v[1];
						sum[1] += (long double)u[0] * v[1] + (long double)u[1] * v[0];
						scale += hypot(u[0], u[1]) * hypot(v[0], v[1]);
					} else {
						uint64_t u = 0, v = 0;

						memcpy(&u, x, size);
						memcpy(&v, y, size);
						integer = d == DT_BOOL ? integer | (u && v) : integer + u * v;
					}
				}
				if (!dtype_is_float(d) && !dtype_is_complex(d)) {
					memcpy(&has, got, size);
					if (has != (size < 8 ? integer & ((UINT64_C(1) << 8 * size) - 1) : integer))
						return false;
					continue;
				}
				cast_one(DT_C128, have, d, got);
				for (int part = 0; part < (dtype_is_complex(d) ? 2 : 1); part++) {
					double allowed = (double)scale * unit * (dtype_is_complex(d) ? 2 : 1) +
							 fabs((double)sum[part]) * step + (d == DT_F16 ? 0x1p-25 : 0);
					double off = fabs((double)(have[part] - sum[part])) / (allowed ? allowed : 1);

					if (kernel)
						worst = fmax(worst, off);
					if (!(off <= 1))
						return false;
				}
			}
	}
	return true;
}

/* gap: elements in front of the first matrix and behind each stored row, as in a part of larger matrices. */
static struct product product_of(const problem &q, bool ta, bool tb, int64_t gap, int64_t *na, int64_t *nb)
{
	struct product p = {};

	p.m = q.m;
	p.n = q.n;
	p.k = q.k;
	p.ta = ta;
	p.tb = tb;
	p.nbatch = (int)q.dim.size();
	p.count = 1;
	p.a_at = p.b_at = gap;
	p.lda = (ta ? q.m : q.k) + gap;
	p.ldb = (tb ? q.k : q.n) + gap;
	*na = (ta ? q.k : q.m) * p.lda;
	*nb = (tb ? q.n : q.k) * p.ldb;
	for (int i = p.nbatch - 1; i >= 0; i--) {
		p.dim[i] = q.dim[(size_t)i];
		p.count *= p.dim[i];
		p.a_step[i] = q.a_dim[(size_t)i] == 1 ? 0 : *na;
		p.b_step[i] = q.b_dim[(size_t)i] == 1 ? 0 : *nb;
		*na *= q.a_dim[(size_t)i];
		*nb *= q.b_dim[(size_t)i];
	}
	*na += gap;
	*nb += gap;
	return p;
}

static bool test_type(struct cuda *d, enum dtype dtype, bool kernel)
{
	bool good = true;
	/* The ways in which operands may lie are all tried with a few types, and one of them with each problem otherwise. */
	bool all = dtype == DT_BOOL || dtype == DT_I32 || dtype == DT_F32 || dtype == DT_C128;

	for (const problem &q : problems)
		for (int flags = 0; flags < 8; flags++) {
			if (!all && flags != (&q - problems + dtype) % 8)
				continue;
			size_t size = dtype_size(dtype);
			int64_t na, nb;
			struct product p = product_of(q, flags & 1, flags & 2, flags & 4 ? 3 : 0, &na, &nb);
			std::vector<char> a((size_t)na * size), b((size_t)nb * size);
			struct error err = ERROR_INIT;
			const char *by = NULL;

			for (int64_t i = 0; i < na; i++)
				element(dtype, &a[(size_t)i * size]);
			for (int64_t i = 0; i < nb; i++)
				element(dtype, &b[(size_t)i * size]);
			device_array da(a.size(), a.data()), db(b.size(), b.data()),
				out((size_t)(p.count * p.m * p.n) * size), again(out.n);
			bool failed = cuda_matmul(d, dtype, &p, da.at, db.at, out.at, &by, &err) ||
				      (!flags && cuda_matmul(d, dtype, &p, da.at, db.at, again.at, &by, &err));
			bool same = !failed && (flags || same_bytes(out.get<char>(), again.get<char>(), out.n)) &&
				    right(dtype, p, a.data(), b.data(), out.get<char>(), kernel);

			if (!failed && p.k && p.m && kernel != !strncmp(by, "matmul_", 7)) {
				printf("# by %s\n", by);
				same = false;
			}
			if (!same)
				printf("# %s: %lld x %lld x %lld, %d: %s\n", dtype_name(dtype), (long long)q.m,
				       (long long)q.n, (long long)q.k, flags, err.text);
			good &= same;
		}
	return good;
}

static void test_special(struct cuda *d)
{
	const float a[] = { INFINITY, 1, NAN, 1, 1e30f, 1e30f, -INFINITY, INFINITY };
	const float b[] = { 1, 1, 1e30f, -1e30f };
	device_array da(sizeof(a), a), db(sizeof(b), b), out(8 * sizeof(float));
	struct product p = {};
	struct error err = ERROR_INIT;
	const char *by;

	p.m = 4;
	p.n = 2;
	p.k = 2;
	p.lda = p.ldb = 2;
	p.count = 1;
	bool failed = cuda_matmul(d, DT_F32, &p, da.at, db.at, out.at, &by, &err);
	const float *r = out.get<float>();

	ok(!failed && r[0] == INFINITY && r[1] == INFINITY && r[2] != r[2] && r[3] != r[3] && r[4] == INFINITY &&
		   r[5] == -INFINITY && r[6] != r[6] && r[7] == -INFINITY,
	   "infinities and nan");
}

/* 1 + 2**-12, which TF32 has not, times 1, in the first part of each type that has both. */
static bool exact(struct cuda *d, enum dtype dtype, bool want)
{
	const double x[2] = { 1 + 0x1p-12, 0 }, y[2] = { 1, 0 };
	char a[16], b[16];
	double got[2];
	struct product p = {};
	struct error err = ERROR_INIT;
	const char *by;

	cast_one(dtype, a, DT_C128, x);
	cast_one(dtype, b, DT_C128, y);
	device_array da(dtype_size(dtype), a), db(dtype_size(dtype), b), out(dtype_size(dtype));

	p.m = p.n = p.k = p.lda = p.ldb = p.count = 1;
	if (cuda_matmul(d, dtype, &p, da.at, db.at, out.at, &by, &err))
		return false;
	cast_one(DT_C128, got, dtype, out.get<char>());
	return got[0] == (want ? x[0] : 1) && got[1] == 0;
}

static void test_tf32(struct cuda *d)
{
	ok(exact(d, DT_F32, true) && exact(d, DT_C64, true), "cuBLAS: all bits of float32 and complex64");
	d->tf32 = true;
	ok(exact(d, DT_F32, false) && exact(d, DT_C64, false) && exact(d, DT_F64, true) && exact(d, DT_C128, true) &&
		   test_type(d, DT_F16, false) && test_type(d, DT_F64, false),
	   "cuBLAS: 11 bits of them with TF32, and others as they were");
	d->tf32 = false;
}

/* The message of a product of one element, which is to fail. */
static bool fails(struct cuda *d, const char *text)
{
	device_array x(4), out(4);
	struct error err = ERROR_INIT;
	struct product p = {};
	const char *by;
	bool failed;

	p.m = p.n = p.k = p.lda = p.ldb = p.count = 1;
	failed = cuda_matmul(d, DT_F32, &p, x.at, x.at, out.at, &by, &err) != 0;
	printf("# %s\n", err.text);
	cublas_close(d->cublas);
	d->cublas = NULL;
	return failed && err.code == ERR_RESOURCE && strstr(err.text, text);
}

static void test_errors(struct cuda *d)
{
	cublas_close(d->cublas);
	d->cublas = NULL;
	setenv("TENSOR_STANDIN_CUBLAS", "cublasCreate:3", 1);
	ok(fails(d, "cublasCreate: out of memory"), "cuBLAS cannot start");
	setenv("TENSOR_STANDIN_CUBLAS", "cublasGemmStridedBatchedEx:13", 1);
	ok(fails(d, "matmul: execution failed"), "cuBLAS fails");
	unsetenv("TENSOR_STANDIN_CUBLAS");
	setenv("TENSOR_CUBLAS", "/no/such/libcublas.so", 1);
	ok(fails(d, "TENSOR_CUBLAS: /no/such/libcublas.so cannot be loaded"), "TENSOR_CUBLAS is not there");
	setenv("TENSOR_CUBLAS", "libm.so.6", 1);
	ok(fails(d, "libm.so.6 has no cublasCreate_v2"), "TENSOR_CUBLAS is another library");
	ok(!d->no_cublas, "a file that is named is asked for again");
}

int main()
{
	struct cuda *d = (struct cuda *)calloc(1, sizeof(*d));
	const char *build = getenv("BUILD");
	std::string standin = std::string(build ? build : "build") + "/tests/cuda/libcublas-standin.so";

	unsetenv("TENSOR_CUDA_DRIVER");
	unsetenv("TENSOR_CUBLAS");
	for (int t = DT_BOOL; t <= DT_C128; t++)
		ok(test_type(d, (enum dtype)t, true), std::string("kernels ") + dtype_name((enum dtype)t));
	printf("# at most %.3g of the bound\n", worst);
	test_special(d);

	setenv("TENSOR_CUBLAS", standin.c_str(), 1);
	for (int t = DT_F16; t <= DT_C128; t++)
		ok(test_type(d, (enum dtype)t, false), std::string("cuBLAS ") + dtype_name((enum dtype)t));
	ok(test_type(d, DT_I32, true), "integers are not cuBLAS's");
	test_tf32(d);

	struct cublas_product large = {};

	large.m = large.n = large.k = large.lda = large.ldb = large.ldc = large.count = 1;
	ok(cublas_fits(&large), "what cuBLAS can count");
	large.n = large.ldb = large.ldc = INT64_C(1) << 31;
	ok(!cublas_fits(&large), "what it cannot");

	test_errors(d);
	free(d);
	return done();
}
