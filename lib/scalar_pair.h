/*
 * Functions made of exponentials, in float64 rounded once: they are computed in pairs of doubles, whose sum is right to some
 * 2**-58, and scaled by a power of two at the end, so that what is lost near underflow is lost once, too.
 */
#ifndef TENSOR_SCALAR_PAIR_H
#define TENSOR_SCALAR_PAIR_H

/* hi + lo, with lo below the last place of hi. */
struct pair {
	double hi, lo;
};

static inline struct pair pair_of(double hi, double lo)
{
	struct pair p = { hi, lo };

	return p;
}

/* Where |a| >= |b|, or a is 0. */
static inline struct pair pair_quick_sum(double a, double b)
{
	double s = a + b;

	return pair_of(s, b - (s - a));
}

static inline struct pair pair_add(struct pair a, struct pair b)
{
	double s = a.hi + b.hi, part = s - a.hi;

	return pair_quick_sum(s, (a.hi - (s - part)) + (b.hi - part) + (a.lo + b.lo));
}

static inline struct pair pair_multiply(struct pair a, struct pair b)
{
	double p = a.hi * b.hi;

	return pair_quick_sum(p, product_error(a.hi, b.hi, p) + (a.hi * b.lo + a.lo * b.hi));
}

static inline struct pair pair_divide(struct pair a, struct pair b)
{
	double q = a.hi / b.hi, p = q * b.hi;

	return pair_of(q, ((a.hi - p) - product_error(q, b.hi, p) + a.lo - q * b.lo) / b.hi);
}

static inline struct pair pair_pick(bool c, struct pair a, struct pair b)
{
	return pair_of(pick(c, a.hi, b.hi), pick(c, a.lo, b.lo));
}

/* e**x = m 2**k for x from -760 to 0, m from 0.7 to 1.42; up and down: their product is 2**k. */
static inline struct pair pair_exp(struct pair x, double *up, double *down)
{
	/* ln 2 = LN2_HIGH + LN2_LOW; k LN2_HIGH is exact */
	const double LN2_HIGH = 0x1.62e42fefap-1, LN2_LOW = 0x1.cf79abc9e3b3ap-40;
	double shifted = x.hi * LOG2_E + TO_INTEGER, k = shifted - TO_INTEGER;
	struct pair r = pair_add(pair_of(x.hi - k * LN2_HIGH, 0), pair_of(x.lo - k * LN2_LOW, 0));
	double s = r.hi * r.hi, lost = product_error(r.hi, r.hi, s);
	double t = 1.0 / 479001600 + r.hi * (1.0 / 6227020800 + r.hi * (1.0 / 87178291200));
	struct pair sum;

	t = 1.0 / 39916800 + r.hi * t;
	t = 1.0 / 3628800 + r.hi * t;
	t = 1.0 / 362880 + r.hi * t;
	t = 1.0 / 40320 + r.hi * t;
	t = 1.0 / 5040 + r.hi * t;
	t = 1.0 / 720 + r.hi * t;
	t = 1.0 / 120 + r.hi * t;
	t = 1.0 / 24 + r.hi * t;
	t = r.hi * s * (1.0 / 6 + r.hi * t);
	sum = pair_add(pair_quick_sum(1, r.hi), pair_of(0.5 * s, 0.5 * lost + r.lo + r.hi * r.lo));
	*up = bits_double((double_bits(shifted) + 1023 + 128) << 52);
	*down = 0x1p-128;
	return pair_add(sum, pair_of(t, 0));
}

/* x times 1/(1 + e**-u), or that alone; u as it is where its magnitude is below 760. */
struct logistic {
	bool negative;
	struct pair m, e; /* e**-|u|: m before it is scaled */
	double up, down;  /* of what was divided */
};

static inline struct logistic logistic_of(struct pair u)
{
	struct logistic l;
	double limited = h_limit(u.hi, 760);
	struct pair minus;

	l.negative = u.hi < 0;
	minus = pair_of(pick(l.negative, limited, -limited), pick(limited == u.hi, pick(l.negative, u.lo, -u.lo), 0));
	l.m = pair_exp(minus, &l.up, &l.down);
	l.e = pair_of(l.m.hi * l.up * l.down, l.m.lo * l.up * l.down);
	l.up = pick(l.negative, l.up, 1);
	l.down = pick(l.negative, l.down, 1);
	return l;
}

/* x top / bottom, scaled; far below, where e**x underflows whatever x is, -1000 stands for x. */
static inline double logistic_times(const struct logistic *l, double x, struct pair top, struct pair bottom)
{
	struct pair q = pair_divide(top, bottom);
	/* What is lost of a product is lost itself near underflow. */
	bool tiny = __builtin_fabs(x) < 0x1p-500;
	double a = pick(x < -1000, -1000, x * pick(tiny, 0x1p200, 1)), p = a * q.hi;
	double lost = product_error(a, q.hi, p) + a * q.lo;

	return (p + pick(lost - lost == 0, lost, 0)) * l->up * (l->down * pick(tiny, 0x1p-200, 1));
}

static inline double logistic_value(struct pair u, double x)
{
	const struct pair one = { 1, 0 };
	struct logistic l = logistic_of(u);

	return logistic_times(&l, x, pair_pick(l.negative, l.m, one), pair_add(one, l.e));
}

static inline double d_sigmoid(double x)
{
	return logistic_value(pair_of(x, 0), 1);
}

static inline double d_silu(double x)
{
	return logistic_value(pair_of(x, 0), x);
}

/* 0.5 (1 + tanh u) is the sigmoid of 2 u = x (C + D x x): C = 2 sqrt(2 / pi), D = 0.044715 C. */
static inline double d_gelu_tanh(double x)
{
	const struct pair C = { 0x1.9884533d43651p+0, -0x1.cbc0d30ebfd15p-54 };
	const struct pair D = { 0x1.2444f2a4d8b4bp-4, -0x1.6c843a29d1c70p-61 };
	double a = h_limit(x, 40), square = a * a;
	struct pair u = pair_multiply(D, pair_of(square, product_error(a, a, square)));

	return logistic_value(pair_multiply(pair_add(C, u), pair_of(a, 0)), x);
}

/* x tanh(log(1 + e)) with e = exp(x), as a fraction that never subtracts; f = exp(-|x|). */
static inline double d_mish(double x)
{
	const struct pair one = { 1, 0 }, two = { 2, 0 };
	struct logistic l = logistic_of(pair_of(x, 0));
	struct pair twice = pair_of(2 * l.e.hi, 2 * l.e.lo), square = pair_multiply(l.e, l.e);
	/* x < 0: f (f + 2) / (f f + 2 f + 2); else (1 + 2 f) / (1 + 2 f + 2 f f) */
	struct pair top = pair_pick(l.negative, pair_multiply(l.m, pair_add(two, l.e)), pair_add(one, twice));
	struct pair bottom =
		pair_add(pair_pick(l.negative, two, one),
			 pair_add(twice, pair_pick(l.negative, square, pair_of(2 * square.hi, 2 * square.lo))));

	return logistic_times(&l, x, top, bottom);
}

/* log(1 + e**x); what log1p loses of e, and the sum of log1p, is put back.  e**x where no digit is left of 1 + e**x. */
static inline double d_softplus(double x)
{
	struct logistic l = logistic_of(pair_of(x, 0));
	bool tiny = x < -40;
	double high = pick(x > 0, x, 0), low = pick(tiny, l.e.hi, m_log1p(l.e.hi)), sum = high + low, part = sum - high;
	double lost = (high - (sum - part)) + (low - part) + l.e.lo / (1 + l.e.hi);

	return sum + pick(lost - lost == 0, lost, 0);
}

static inline double d_logsigmoid(double x)
{
	return -d_softplus(-x);
}

#endif
