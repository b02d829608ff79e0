/* The scans of the device under emulation: extremes, indices and integers bit for bit, sums against exact ones. */
#include "machine.h"

#include <math.h>

extern "C" {
#include "lib/kernels.h"
}

static const char *const op_name[NSCANS] = { "sum", "prod", "max", "min", "logsumexp", "argmax", "argmin" };

static const struct {
	int64_t outer, n, inner;
} problems[] = { { 1, 0, 3 },	{ 1, 1, 1 },	{ 1, 63, 1 },	 { 2, 64, 1 },	 { 1, 65, 2 },
		 { 3, 129, 3 }, { 1, 4096, 1 }, { 1, 4097, 1 },	 { 2, 5000, 2 }, { 1, 300000, 1 },
		 { 7, 5, 9 },	{ 2, 300, 70 }, { 1, 70, 66000 } };

union number {
	double f[2];
	int64_t i;
	uint64_t u;
};

static number element(enum dtype acc, int kind)
{
	static const double few[] = { 0., -0., 1, -1, 2, (double)NAN, (double)INFINITY, -(double)INFINITY, 3 };
	number x = {};

	if (acc == DT_I64 || acc == DT_U64) {
		x.u = machine_random();
		if (kind)
			x.u = x.u % 5 - (acc == DT_I64 ? 2 : 0);
		return x;
	}
	for (double &f : x.f) {
		uint64_t bits = machine_random();

		f = (double)(int64_t)bits * 0x1p-60;
		if (kind == 1)
			f = few[bits % 5];
		if (kind == 2 && bits >> 32 % 50 == 0)
			f = few[bits % 9];
	}
	return x;
}

/* What is before, and the next: as lib/scan_loops.h has it, one after the other. */
struct reference {
	enum scan_op op;
	enum dtype acc;
	number value; /* of logsumexp: the maximum */
	int64_t index, n;
	long double scaled; /* the sum of exp(x - maximum) */

	static bool nan(const number &x)
	{
		return x.f[0] != x.f[0] || x.f[1] != x.f[1];
	}
	static bool greater(const number &a, const number &b)
	{
		return a.f[0] > b.f[0] ? b.f[1] == b.f[1] : a.f[0] == b.f[0] && a.f[1] > b.f[1];
	}
	template <class T> bool takes(T a, T b) const
	{
		switch (op) {
		case SCAN_MAX:
			return !(a > b || a != a);
		case SCAN_MIN:
			return !(a < b || a != a);
		case SCAN_ARGMAX:
			return b != b || b >= a;
		default:
			return b != b || b <= a;
		}
	}
	bool takes_complex(const number &b) const
	{
		bool index_wanted = op == SCAN_ARGMAX || op == SCAN_ARGMIN;

		if (nan(value) || nan(b))
			return !nan(value);
		return !((op == SCAN_MAX || op == SCAN_ARGMAX ? greater(value, b) : greater(b, value)) ||
			 (value.f[0] == b.f[0] && value.f[1] == b.f[1] && !index_wanted));
	}
	void next(const number &x)
	{
		bool first = n == 0, take = true;

		if (op == SCAN_LOGSUMEXP) {
			double v = x.f[0];

			if (first || v != v)
				value.f[0] = v, scaled = 1;
			else if (v == value.f[0])
				scaled += 1;
			else if (v > value.f[0])
				scaled = scaled * expl((long double)value.f[0] - v) + 1, value.f[0] = v;
			else
				scaled += expl((long double)v - value.f[0]);
		} else if (op == SCAN_SUM) {
			value.u += x.u; /* of integers */
		} else if (op == SCAN_PROD) {
			double re = value.f[0] * x.f[0] - value.f[1] * x.f[1],
			       im = value.f[0] * x.f[1] + value.f[1] * x.f[0];

			if (acc == DT_I64 || acc == DT_U64)
				value.u = first ? x.u : value.u * x.u;
			else if (first || acc == DT_F64)
				value.f[0] = first ? 1 * x.f[0] : value.f[0] * x.f[0], value.f[1] = x.f[1];
			else
				value.f[0] = re, value.f[1] = im;
		} else {
			if (!first)
				take = acc == DT_I64   ? takes(value.i, x.i)
				       : acc == DT_U64 ? takes(value.u, x.u)
				       : acc == DT_F64 ? takes(value.f[0], x.f[0])
						       : takes_complex(x);
			if (take)
				value = x, index = n;
		}
		n++;
	}
};

/* In units of the last place of 1, or of the result where that is larger: of max + log(sum) either may be near 0. */
static double off_by(double got, long double want)
{
	if (got == want || (got != got && want != want))
		return 0;
	return (double)fabsl((got - want) / (fmaxl(fabsl(want), 1) * 0x1p-52L));
}

static double worst;

static bool test(enum scan_op op, enum dtype acc, int kind)
{
	int parts = acc == DT_C128 ? 2 : 1;
	bool good = true, index = op == SCAN_ARGMAX || op == SCAN_ARGMIN;

	for (auto &q : problems) {
		size_t size = (size_t)(q.outer * q.n * q.inner);
		std::vector<double> flat(size * (size_t)parts);
		std::vector<number> x(size);
		device_array out(size * (index ? 8 : dtype_size(acc)));
		struct error err = ERROR_INIT;
		bool same = true;

		/* many levels of pieces, and so many columns that there are no pieces: sums show both */
		if (size > 100000 &&
		    (kind || ((op != SCAN_SUM || acc != DT_F64) && (op != SCAN_LOGSUMEXP || q.inner > 1))))
			continue;
		for (size_t i = 0; i < size; i++) {
			x[i] = element(acc, kind);
			for (int part = 0; part < parts; part++)
				flat[i * (size_t)parts + (size_t)part] = x[i].f[part];
		}
		device_array in(flat.size() * 8, flat.data());

		if (cuda_scan(NULL, op, acc, in.at, out.at, q.outer, q.n, q.inner, &err)) {
			printf("# %s\n", err.text);
			return false;
		}
		for (int64_t o = 0; o < q.outer; o++)
			for (int64_t c = 0; c < q.inner; c++) {
				reference r = { op, acc, {}, 0, 0, 0 };
				long double sum[2] = { 0, 0 };

				for (int64_t i = 0; i < q.n; i++) {
					size_t at = (size_t)((o * q.n + i) * q.inner + c);

					r.next(x[at]);
					if (index) {
						same &= out.get<int64_t>()[at] == r.index;
					} else if (op == SCAN_LOGSUMEXP) {
						double got = out.get<double>()[at];
						long double want = r.value.f[0] + logl(r.scaled);
						double off = off_by(got, want);

						same &= off <= 2;
						worst = fmax(worst, off);
					} else if (op == SCAN_SUM && (acc == DT_F64 || acc == DT_C128)) {
						/* long double has eleven bits more; results are at most twice as far as one rounding */
						for (int part = 0; part < parts; part++) {
							double got =
								out.get<double>()[at * (size_t)parts + (size_t)part];

							sum[part] += x[at].f[part];
							same &= (got != got && sum[part] != sum[part]) ||
								got == (double)sum[part] ||
								fabsl(got - sum[part]) <=
									fabsl(sum[part]) * 0x1p-52L +
										(long double)(i + 1) * 0x1p-59L;
							if (i == 0)
								same &= same_bytes(&got, &x[at].f[part], 8) ||
									got != got;
						}
					} else {
						same &= same_bytes(out.get<char>() + at * dtype_size(acc), &r.value,
								   dtype_size(acc)) ||
							(acc == DT_F64 && r.value.f[0] != r.value.f[0] &&
							 out.get<double>()[at] != out.get<double>()[at]) ||
							(acc == DT_C128 && reference::nan(r.value) && op == SCAN_PROD &&
							 reference::nan(((const number *)out.get<char>())[at]));
					}
				}
			}
		if (!same)
			printf("# %s %s: %lld x %lld x %lld, kind %d\n", op_name[op], dtype_name(acc),
			       (long long)q.outer, (long long)q.n, (long long)q.inner, kind);
		good &= same;
	}
	return good;
}

/* Sums that overflow in the middle of a piece, but not where they begin; and where they do. */
static void test_overflow()
{
	std::vector<double> x(20000, 0.);
	struct error err = ERROR_INIT;

	x[0] = -1.5e308;
	x[6500] = x[6501] = 1e308;
	x[6600] = x[6601] = 1e308;
	x[9000] = 1;
	device_array in(x.size() * 8, x.data()), out(x.size() * 8);
	const double *r = out.get<double>();
	bool failed = cuda_scan(NULL, SCAN_SUM, DT_F64, in.at, out.at, 1, 20000, 1, &err);

	ok(!failed && r[6499] == -1.5e308 && r[6501] == x[0] + 1e308 + 1e308 && r[6599] == r[6501] &&
		   r[6600] == r[6501] + 1e308 && r[6601] == INFINITY && r[19999] == INFINITY,
	   "sums that overflow do so where they do one after the other");
}

/* Of a long column, which several launches scan: pieces, two levels of them down and up, and the result. */
static void test_failures(enum scan_op op, enum dtype acc)
{
	device_array in(80000 * 16), out(80000 * 16);
	struct error err = ERROR_INIT;
	bool good = true;
	int n;

	for (n = 0; n < 3; n++) {
		allocations_left = n;
		good &= cuda_scan(NULL, op, acc, in.at, out.at, 1, 80000, 1, &err) == (n < 2 ? -1 : 0);
	}
	allocations_left = -1;
	for (n = 0; n < 100; n++) {
		launches_left = n;
		if (!cuda_scan(NULL, op, acc, in.at, out.at, 1, 80000, 1, &err))
			break;
	}
	launches_left = -1;
	ok(good && n == 5,
	   std::string(op_name[op]) + ": a launch or an allocation that fails fails the scan, which is one of pieces");
}

int main()
{
	static const struct {
		enum scan_op op;
		enum dtype acc;
	} all[] = {
#define ROW(op, acc, name, bytes) { SCAN_##op, DT_##acc },
		SCANS(ROW)
#undef ROW
			{ SCAN_SUM, DT_C128 },
	};

	for (auto &s : all)
		for (int kind = 0; kind < 3; kind++)
			ok(test(s.op, s.acc, kind), std::string(op_name[s.op]) + " " + dtype_name(s.acc));
	printf("# logcumsumexp at most %g ULP from the exact result\n", worst);
	test_overflow();
	test_failures(SCAN_SUM, DT_F64);
	test_failures(SCAN_LOGSUMEXP, DT_F64);
	test_failures(SCAN_ARGMAX, DT_C128);
	return done();
}
