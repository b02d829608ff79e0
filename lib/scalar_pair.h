/*
 * Functions of float64 that one SLEEF function and a rounding would not bring within 1 ULP: they are computed in pairs of
 * doubles, whose sum is right to some 2**-57, and scaled by a power of two at the end, so that what is lost near underflow
 * is lost once, too.  Polynomials are Chebyshev's approximations, in powers, of what a comment says.
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

/* a + b, whichever is larger. */
static inline struct pair pair_sum(double a, double b)
{
	double s = a + b, part = s - a;

	return pair_of(s, (a - (s - part)) + (b - part));
}

static inline struct pair pair_add(struct pair a, struct pair b)
{
	double s = a.hi + b.hi, part = s - a.hi;

	return pair_quick_sum(s, (a.hi - (s - part)) + (b.hi - part) + (a.lo + b.lo));
}

/* a + b where |a| >= |b|, or a is 0. */
static inline struct pair pair_plus(double a, struct pair b)
{
	struct pair s = pair_quick_sum(a, b.hi);

	s.lo += b.lo;
	return s;
}

static inline struct pair pair_product(double a, double b)
{
	double p = a * b;

	return pair_of(p, product_error(a, b, p));
}

static inline struct pair pair_multiply(struct pair a, struct pair b)
{
	struct pair p = pair_product(a.hi, b.hi);

	return pair_quick_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/* b.hi is normal. */
static inline struct pair pair_divide(struct pair a, struct pair b)
{
	double inverse = 1 / b.hi, q = a.hi * inverse, p = q * b.hi;

	return pair_of(q, ((a.hi - p) - product_error(q, b.hi, p) + a.lo - q * b.lo) * inverse);
}

static inline struct pair pair_pick(bool c, struct pair a, struct pair b)
{
	return pair_of(pick(c, a.hi, b.hi), pick(c, a.lo, b.lo));
}

static inline struct pair pair_scale(struct pair a, double c)
{
	return pair_of(a.hi * c, a.lo * c);
}

/* hi + lo, where hi may be an infinity. */
static inline double pair_round(struct pair a)
{
	return a.hi + pick(a.lo - a.lo == 0, a.lo, 0);
}

/* x a, rounded once and scaled by up and down; |a| from 2**-200 to 2**124.  x is moved to where nothing of the product is lost. */
static inline double pair_times(struct pair a, double x, double up, double down)
{
	bool tiny = __builtin_fabs(x) < 0x1p-300;
	double moved = x * pick(tiny, 0x1p400, 0x1p-128);
	struct pair p = pair_product(moved, a.hi);

	p.lo += moved * a.lo;
	return pair_round(p) * (pick(tiny, 0x1p-400, 0x1p128) * up) * down;
}

/* -- exponentials and logarithms -- */

/* 2**k for whole k from -1022 to 1023. */
static inline double power_of_two(double k)
{
	return bits_double((double_bits(k + TO_INTEGER) + 1023) << 52);
}

/* e**x - 1 = (1 + s) 2**k - 1 for |x| < 1e5; s from -0.3 to 0.42, right relative to itself. */
static inline struct pair pair_exp(struct pair x, double *k)
{
	/* ln 2 = LN2_HIGH + LN2_LOW; k LN2_HIGH is exact */
	const double LN2_HIGH = 0x1.62e42fefap-1, LN2_LOW = 0x1.cf79abc9e3b3ap-40;
	double whole = x.hi * LOG2_E + TO_INTEGER - TO_INTEGER;
	struct pair r = pair_sum(x.hi - whole * LN2_HIGH, x.lo - whole * LN2_LOW);
	double s = r.hi * r.hi,
	       t = 2.7557273641943187e-07 + r.hi * (2.5100386186397813e-08 + r.hi * 2.091468739985978e-09);

	/* e**r - 1 - r - r r / 2 = r**3 t */
	t = 2.755726845833706e-06 + r.hi * t;
	t = 2.4801587325548793e-05 + r.hi * t;
	t = 0.00019841269863054865 + r.hi * t;
	t = 0.0013888888888883748 + r.hi * t;
	t = 0.008333333333330062 + r.hi * t;
	t = 0.04166666666666667 + r.hi * t;
	t = 0.16666666666666669 + r.hi * t;
	*k = whole;
	return pair_quick_sum(r.hi, r.lo + (0.5 * s + (r.hi * r.lo + r.hi * s * t)));
}

/* log((d + n) / (d - n)) for |n / d| < 0.1716 */
static inline struct pair pair_log_ratio(struct pair n, struct pair d)
{
	struct pair s = pair_divide(n, d);
	double z = s.hi * s.hi, t = 0.15386246062076792 + z * (0.13268608008155566 + z * 0.1308830660758387);

	/* 2 atanh(s) - 2 s = s**3 t */
	t = 0.18181795519022684 + z * t;
	t = 0.22222222392894359 + z * t;
	t = 0.2857142857079815 + z * t;
	t = 0.40000000000000885 + z * t;
	t = 0.6666666666666666 + z * t;
	return pair_quick_sum(2 * s.hi, 2 * s.lo + s.hi * z * t);
}

/* a + k ln 2 */
static inline struct pair pair_add_ln2(struct pair a, double k)
{
	const double LN2_HIGH = 0x1.62e42fefap-1, LN2_LOW = 0x1.cf79abc9e3b3ap-40;

	return pair_add(pair_quick_sum(k * LN2_HIGH, k * LN2_LOW), a);
}

/* log(x) for finite x > 0. */
static inline struct pair pair_log(double x)
{
	bool tiny = x < 0x1p-1000;
	double f, k = h_split(x * pick(tiny, 0x1p100, 1), &f);

	return pair_add_ln2(pair_log_ratio(pair_of(f, 0), pair_quick_sum(2, f)), k - pick(tiny, 100, 0));
}

/* log(1 + e**x) for x <= 0, before it is multiplied by scale, which is 1 but for results that may underflow. */
static inline struct pair pair_log1p_exp(struct pair x, double *up, double *down)
{
	bool below = x.hi < -760, tiny = x.hi < -40;
	double k;
	struct pair m = pair_plus(1, pair_exp(pair_of(pick(below, -760, x.hi), pick(below, 0, x.lo)), &k));
	struct pair e = pair_scale(m, power_of_two(pick(tiny, -50, k)));
	bool half = e.hi > 0.41; /* 1 + e is above sqrt(2): the logarithm of half of it, and ln 2 */
	struct pair ratio = pair_log_ratio(pair_plus(pick(half, -1, 0), e), pair_plus(pick(half, 3, 2), e));

	*up = power_of_two(pick(tiny, k + 128, 0));
	*down = pick(tiny, 0x1p-128, 1);
	ratio = pair_plus(pick(half, LN2, 0), ratio);
	ratio.lo += pick(half, LN2_REST, 0);
	return pair_pick(tiny, m, ratio);
}

/* a + b up down, where that is 1 or b so small that its last digits matter only where a is 0. */
static inline double pair_added(double a, struct pair b, double up, double down)
{
	struct pair sum = pair_sum(a, (b.hi * up) * down);

	return pair_round(pair_of(sum.hi, sum.lo + (b.lo * up) * down));
}

/* log(1 + e**x) */
static inline double d_softplus(double x)
{
	double up, down;
	struct pair low = pair_log1p_exp(pair_of(-__builtin_fabs(x), 0), &up, &down);

	return pair_added(pick(x > 0, x, 0), low, up, down);
}

static inline double d_logsigmoid(double x)
{
	return -d_softplus(-x);
}

static inline double d_logaddexp(double x, double y)
{
	double up, down, top = pick(x > y, x, y);
	struct pair low = pair_log1p_exp(pair_sum(pick(x > y, y, x), -top), &up, &down);
	double sum = pair_added(top, low, up, down);

	/* Equal infinities have no difference. */
	return pick(__builtin_fabs(top) == (double)INFINITY && x == x, top, sum);
}

static inline double d_logaddexp2(double x, double y)
{
	const struct pair ln2 = { LN2, LN2_REST }, log2_e = { LOG2_E, 0x1.777d0ffda0d24p-56 };
	double up, down, top = pick(x > y, x, y);
	struct pair difference = pair_sum(pick(x > y, y, x), -top);
	bool below = difference.hi < -1100;
	struct pair natural = pair_multiply(ln2, pair_pick(below, pair_of(-1100, 0), difference));
	struct pair low = pair_log1p_exp(natural, &up, &down);
	double sum = pair_added(top, pair_multiply(log2_e, low), up, down);

	return pick(__builtin_fabs(top) == (double)INFINITY && x == x, top, sum);
}

static inline double d_xlogy(double x, double y)
{
	struct pair log_y = pair_log(y);
	double special = h_log_special(y, log_y.hi), product;

	log_y = pair_of(special, pick(special == log_y.hi, log_y.lo, 0));
	product = pair_times(log_y, x, 1, 1);
	return pick(x == 0 && y == y, 0, product);
}

/* log(x / (1 - x)): 2 atanh((x - c (1 - x)) / (x + c (1 - x))) and the logarithm of c, the power of two next to x / (1 - x). */
static inline double d_logit(double x)
{
	bool tiny = x < 0x1p-500;
	double f, raised = x * pick(tiny, 0x1p600, 1), k = h_split(raised / (1 - x), &f), c = power_of_two(k);
	struct pair rest = pair_scale(pair_sum(1, -x), c);
	struct pair low = pair_log_ratio(pair_add(pair_of(raised, 0), pair_of(-rest.hi, -rest.lo)),
					 pair_add(pair_of(raised, 0), rest));

	low = pair_add_ln2(low, k - pick(tiny, 600, 0));
	return h_log_special(x / (1 - x), low.hi + low.lo);
}

/* e**x - 1 before it is multiplied by down, for x <= 0, or where negative alphas make it positive. */
static inline struct pair pair_expm1(struct pair x, double *down)
{
	bool below = (x.hi < -60), beyond = (x.hi > 760); /* -1, and as good as an infinity */
	double k, up;
	struct pair s;

	x = pair_of(pick(below, -60, pick(beyond, 760, x.hi)), pick(below || beyond, 0, x.lo));
	s = pair_exp(x, &k);
	*down = pick(k > 0, 0x1p100, 1);
	up = power_of_two(k - pick(k > 0, 100, 0));
	s = pair_add(pair_sum(up, -pick(k > 0, 0x1p-100, 1)), pair_scale(s, up));
	s.hi = __builtin_copysign(pick(beyond, (double)INFINITY, s.hi), x.hi);
	return s;
}

static inline double d_elu(double x, double alpha)
{
	double down;
	struct pair e = pair_expm1(pair_of(pick(x > 0, 0, x), 0), &down);
	double low = pair_times(e, alpha, down, 1);

	return pick(x > 0, x, pick(__builtin_fabs(x) < 0x1p-60, alpha * x, low));
}

static inline double d_celu(double x, double alpha)
{
	double down, low;
	double c = pick(__builtin_fabs(alpha) > 0x1p900, 0x1p-200, 1); /* so that nothing overflows */
	double a = alpha * c, low_x = pick(x > 0, 0, x) * c, q = low_x / a, p = q * a;
	struct pair e = { q, ((low_x - p) - product_error(q, a, p)) / a };
	bool linear = __builtin_fabs(e.hi) < 0x1p-60;

	e = pair_expm1(e, &down);
	low = pair_times(e, alpha, down, 1);
	return pick(x > 0 || linear, x, low);
}

static inline double d_selu(double x)
{
	const struct pair high = { 0x1.0cfabd6a91132p+0, 0x1.6fc7d272f2695p-55 };
	const struct pair low = { 0x1.c212cc640f031p+0, 0x1.05161b045a1fep-56 };
	bool tiny = __builtin_fabs(x) < 0x1p-300;
	double down;
	struct pair e = pair_expm1(pair_of(pick(x > 0, 0, x), 0), &down);
	struct pair scale = pair_pick(x > 0, high, low), value = pair_pick(x > 0, pair_of(x, 0), e), p;

	value = pair_scale(value, pick(tiny, 0x1p500, 0x1p-100));
	p = pair_product(scale.hi, value.hi);
	p.lo += scale.hi * value.lo + scale.lo * value.hi;
	return pair_round(p) * pick(tiny, 0x1p-500, 0x1p100);
}

/* -- hyperbolic functions -- */

/* e**|x| = m 2**k, and e**-|x| 2**-k, for |x| up to 720. */
static inline struct pair pair_exp_both(double x, struct pair *inverse, double *k)
{
	const struct pair one = { 1, 0 };
	struct pair m = pair_plus(1, pair_exp(pair_of(h_limit(__builtin_fabs(x), 720), 0), k));
	double twice = -2 * *k;

	*inverse = pair_scale(pair_divide(one, m), power_of_two(pick(twice < -200, -200, twice)));
	return m;
}

static inline double d_sinh(double x)
{
	double k, z = x * x;
	struct pair inverse, m = pair_exp_both(x, &inverse, &k);
	struct pair twice = pair_add(m, pair_of(-inverse.hi, -inverse.lo));
	double high = (twice.hi + twice.lo) * power_of_two(k - 65) * 0x1p64;
	double t = 2.75573194338872e-06 + z * (2.505194657331538e-08 + z * 1.6116520637405868e-10);
	double low;

	/* sinh(x) - x = x**3 t for |x| < 0.5 */
	t = 0.00019841269841146782 + z * t;
	t = 0.00833333333333336 + z * t;
	t = 0.16666666666666666 + z * t;
	low = x + x * z * t;
	return pick(__builtin_fabs(x) < 0.5, low, __builtin_copysign(high, x));
}

static inline double d_cosh(double x)
{
	double k;
	struct pair inverse, m = pair_exp_both(x, &inverse, &k);
	struct pair twice = pair_add(m, inverse);

	return (twice.hi + twice.lo) * power_of_two(k - 65) * 0x1p64;
}

/* -- the logistic function -- */

/* e**-|u|, u as it is where its magnitude is below 760: m, before it is scaled, and e */
struct logistic {
	bool negative;
	struct pair m, e;
	double up, down; /* of what was divided */
};

static inline struct logistic logistic_of(struct pair u)
{
	struct logistic l;
	double limited = h_limit(u.hi, 760), k, up;

	l.negative = u.hi < 0;
	l.m = pair_of(pick(l.negative, limited, -limited), pick(limited == u.hi, pick(l.negative, u.lo, -u.lo), 0));
	l.m = pair_plus(1, pair_exp(l.m, &k));
	up = power_of_two(k + 128);
	l.e = pair_scale(pair_scale(l.m, up), 0x1p-128);
	l.up = pick(l.negative, up, 1);
	l.down = pick(l.negative, 0x1p-128, 1);
	return l;
}

/* x top / bottom, scaled; far below, where e**x underflows whatever x is, -1000 stands for x. */
static inline double logistic_times(const struct logistic *l, double x, struct pair top, struct pair bottom)
{
	return pair_times(pair_divide(top, bottom), pick(x < -1000, -1000, x), l->up, l->down);
}

static inline double logistic_value(struct pair u, double x)
{
	const struct pair one = { 1, 0 };
	struct logistic l = logistic_of(u);

	return logistic_times(&l, x, pair_pick(l.negative, l.m, one), pair_plus(1, l.e));
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
	double a = h_limit(x, 40);
	struct pair u = pair_multiply(D, pair_product(a, a));

	return logistic_value(pair_multiply(pair_add(C, u), pair_of(a, 0)), x);
}

/* x tanh(log(1 + e)) with e = exp(x), as a fraction that never subtracts; f = exp(-|x|). */
static inline double d_mish(double x)
{
	struct logistic l = logistic_of(pair_of(x, 0));
	struct pair twice = pair_scale(l.e, 2), square = pair_multiply(l.e, l.e);
	struct pair plus = pair_sum(pick(l.negative, 2, 1), twice.hi), top;

	/* x < 0: f (f + 2) / (f f + 2 f + 2); else (1 + 2 f) / (1 + 2 f + 2 f f) */
	plus.lo += twice.lo;
	top = pair_pick(l.negative, pair_multiply(l.m, pair_plus(2, l.e)), plus);
	plus = pair_add(plus, pair_pick(l.negative, square, pair_scale(square, 2)));
	return logistic_times(&l, x, top, plus);
}

/* -- the error function -- */

/* erf(a) for |a| < 0.5 */
static inline struct pair pair_erf_small(struct pair a)
{
	const struct pair slope = { 0x1.20dd750429b6dp+0, 0x1.1ae3a914fed80p-56 };
	double z = a.hi * a.hi, t = 0.00012054033987554899 + z * (-1.4863708095036902e-05 + z * 1.4910120047316223e-06);
	struct pair linear = pair_multiply(slope, a);

	t = -0.0008548311877461689 + z * t;
	t = 0.005223977529369068 + z * t;
	t = -0.026866170642135527 + z * t;
	t = 0.11283791670951565 + z * t;
	t = -0.3761263890318375 + z * t;
	return pair_quick_sum(linear.hi, linear.lo + a.hi * z * t);
}

/* erfc(a) for a from 0.45 to 28, before it is scaled: exp(-a a) / (1 + 2 a) times a function that is almost constant. */
static inline struct pair pair_erfc_tail(struct pair a, double *up, double *down)
{
	double w = (a.hi - 2) / (a.hi + 2), k;
	struct pair square = pair_product(a.hi, a.hi), m, h;
	double t = 3.536756054996354e-07 + w * (1.6202027062152328e-07 + w * -9.471575375769825e-08);

	m = pair_plus(1, pair_exp(pair_of(-square.hi, -square.lo - 2 * a.hi * a.lo), &k));
	t = -3.5163379828616134e-07 + w * t;
	t = -1.0104390447291472e-06 + w * t;
	t = -5.816981306524031e-07 + w * t;
	t = 1.5824001886394234e-06 + w * t;
	t = 5.154084811278553e-06 + w * t;
	t = 3.6909969514935584e-06 + w * t;
	t = -1.346748204583417e-05 + w * t;
	t = -3.6420932868004246e-05 + w * t;
	t = -1.5157093745317273e-06 + w * t;
	t = 0.0001510391874326737 + w * t;
	t = 0.00020636808102231878 + w * t;
	t = -0.0004543408738777735 + w * t;
	t = -0.0014568140279581949 + w * t;
	t = 0.0012713389712793208 + w * t;
	t = 0.00872265388014956 + w * t;
	t = -0.008034015082702592 + w * t;
	t = -0.0542200009921633 + w * t;
	t = 0.16405128003344802 + w * t;
	t = -0.16603039761528796 + w * t;
	t = -0.09276382658574604 + w * t;
	h = pair_quick_sum(0x1.46e80e2277953p+0, 0x1.91374b924648ap-54 + w * t);
	*up = power_of_two(k + 128);
	*down = 0x1p-128;
	square = pair_sum(1, 2 * a.hi);
	square.lo += 2 * a.lo;
	return pair_divide(pair_multiply(m, h), square);
}

/* erfc(t), before it is scaled. */
static inline struct pair pair_erfc(struct pair t, double *up, double *down)
{
	bool negative = t.hi<0, small = __builtin_fabs(t.hi) < 0.5, far = __builtin_fabs(t.hi)> 28;
	struct pair a = pair_scale(t, pick(negative, -1, 1)), tail, near, low;

	tail = pair_erfc_tail(pair_of(pick(small, 0.5, pick(far, 28, a.hi)), pick(small || far, 0, a.lo)), up, down);
	low = pair_scale(pair_scale(tail, *up), *down);
	near = pair_erf_small(pair_of(pick(small, t.hi, 0), pick(small, t.lo, 0)));
	near = pair_plus(pick(small, 1, 2), pair_scale(pair_pick(small, near, low), -1));
	*up = pick(small || negative, 1, *up);
	*down = pick(small || negative, 1, *down);
	return pair_pick(small || negative, near, tail);
}

static inline double d_erfc(double x)
{
	double up, down;
	struct pair value = pair_erfc(pair_of(x, 0), &up, &down);

	return (value.hi + value.lo) * up * down;
}

static inline double d_gelu(double x)
{
	const struct pair root = { -SQRT_HALF, -SQRT_HALF_REST };
	double up, down, a = pick(x < -1000, -1000, x);
	struct pair value = pair_erfc(pair_multiply(root, pair_of(h_limit(x, 1000), 0)), &up, &down);

	return pair_times(value, 0.5 * a, up, down);
}

/* A first approximation, right to 1e-7, and a step of Halley's method, from which cubes of errors are left. */
static inline double d_erfinv(double x)
{
	double a = __builtin_fabs(x), z = a * a, p, t, v, u, up, down;
	bool small = a < 0.52, tiny = a < 0x1p-560;
	struct pair residual, tail;

	a *= pick(tiny, 0x1p500, 1); /* what is lost of products would underflow; erfinv is linear there */
	v = __builtin_sqrt(-h_log(1 - pick(small, 0.5, a)));
	t = (v - 1) / (v + 1);
	p = 0.26545407395652887 + t * (-0.08173027104096091 + t * (-0.04692628692246167 + t * 0.020649382270640854));
	p = -0.46036037998588675 + t * (-0.13143028621307937 + t * p);
	p = 0.6367160671650673 + t * (1.319319198675265 + t * (0.48012699462473485 + t * p));
	u = 0.08885559916997145 + z * (0.04838973749112623 + z * 0.1029981982361077);
	u = a * (0.8862269144318846 + z * (0.23201677406126703 + z * (0.1274153127163818 + z * u)));
	p = pick(small, u, 0.5 * (v + 1) * p);
	tail = pair_erfc_tail(pair_of(pick(small, 0.5, p), 0), &up, &down);
	tail = pair_scale(pair_scale(tail, -up), down);
	tail = pair_pick(small, pair_erf_small(pair_of(pick(small, p, 0), 0)), tail);
	residual = pair_sum(pick(small, -a, 1 - a), tail.hi);
	u = (residual.hi + (residual.lo + tail.lo)) * 0.88622692545275801365 * h_exp(p * p);
	p = (p - u / (1 + p * u)) * pick(tiny, 0x1p-500, 1);
	/* a is raised only where it is small */
	return __builtin_copysign(pick(a < 1, p, pick(a == 1, (double)INFINITY, (double)NAN)), x);
}

/* -- sines of multiples of pi -- */

/* sin(pi r) / (pi r) for |r| <= 0.5, z = r r */
static inline struct pair pair_sinc(struct pair z)
{
	const struct pair first = { -0x1.a51a6625307d3p+0, -0x1.1873d8912200cp-55 };
	double t = 2.5305302613387723e-07 + z.hi * -7.134976686666112e-09;

	/* 1 - pi**2 / 6 z + z z t */
	t = -6.975859148442554e-06 + z.hi * t;
	t = 0.00014842879133161198 + z.hi * t;
	t = -0.0023460810353477172 + z.hi * t;
	t = 0.026147847817651424 + z.hi * t;
	t = -0.19075182412208416 + z.hi * t;
	t = 0.8117424252833536 + z.hi * t;
	return pair_plus(1, pair_add(pair_multiply(first, z), pair_of(z.hi * z.hi * t, 0)));
}

/* cos(pi r) for |r| <= 0.25, z = r r */
static inline struct pair pair_cospi(struct pair z)
{
	const struct pair first = { -0x1.3bd3cc9be45dep+2, -0x1.692b71366cc04p-52 };
	double t = 0.0019295176874498756 + z.hi * -0.00010383307406659705;

	/* 1 - pi**2 / 2 z + z z t */
	t = -0.025806889553280612 + z.hi * t;
	t = 0.2353306303319552 + z.hi * t;
	t = -1.335262768854445 + z.hi * t;
	t = 4.0587121264167685 + z.hi * t;
	return pair_plus(1, pair_add(pair_multiply(first, z), pair_of(z.hi * z.hi * t, 0)));
}

/* pi / tan(pi r) for |r| <= 0.5 */
static inline struct pair pair_cotpi(double r)
{
	const struct pair pi_squared = { 0x1.3bd3cc9be45dep+3, 0x1.692b71366cc04p-51 };
	double a = __builtin_fabs(r), h = a < 0.25 ? a : 0.5 - a;
	struct pair z = pair_product(h, h), sine = pair_multiply(pair_sinc(z), pair_of(r < 0 ? -h : h, 0));
	struct pair cosine = pair_cospi(z);

	return a < 0.25 ? pair_divide(cosine, sine) : pair_multiply(pi_squared, pair_divide(sine, cosine));
}

/* Exact where x is large, and 0 where it is whole, as r, from the whole number next to it, is exact. */
static inline double d_sinc(double x)
{
	double n = __builtin_rint(x), r = x - n, half = 0.5 * n, a = h_limit(x, 0x1p60);
	struct pair ratio = pair_divide(pair_of(pick(n == 0, 1, r), 0), pair_of(pick(n == 0, 1, a), 0));
	struct pair value = pair_multiply(pair_sinc(pair_product(r, r)), ratio);

	return (value.hi + value.lo) * pick(half == __builtin_rint(half), 1, -1);
}

/* -- digamma -- */

/* Around the positive zero of digamma, for x from 1.2 to 1.75. */
static inline struct pair pair_digamma_zero(struct pair x)
{
	const struct pair zero = { -0x1.762d86356be3fp+0, -0x1.b86a722197829p-54 };
	const struct pair slope = { 0x1.ef72bc8ee38acp-1, -0x1.3879eb97bf58dp-55 };
	static const double c[] = { -0.0007343678037478564, 0.0012411410713475993,  -0.0015947514263653852,
				    0.002284701551493814,   -0.0033671565982525326, 0.004928135870532264,
				    -0.007204707787801296,  0.01053874032790382,    -0.01542475994334619,
				    0.02259764934115478,    -0.03316112658317713,   0.04880428815131413,
				    -0.07219956125550474,   0.1078240506913297,	    -0.16394270544240966,
				    0.2584997609556509,	    -0.4427631689835921 };
	struct pair d = pair_add(x, zero);
	double t = 0;

	for (int i = 0; i < 17; i++)
		t = c[i] + d.hi * t;
	return pair_add(pair_multiply(slope, d), pair_of(d.hi * d.hi * t, 0));
}

/* Reflection, recurrence up to 10 or to the zero, asymptotic series.  Next to zeros below 0, as exact as its terms. */
static inline double d_digamma(double x)
{
	const struct pair one = { 1, 0 }, minus_one = { -1, 0 };
	struct pair add = { 0, 0 }, y = { x, 0 };
	double z, t;

	if (__builtin_fabs(x) < 0x1p-100)
		return -1 / x;
	if (x < 0) {
		double part = x - __builtin_rint(x); /* exact */

		if (part == 0)
			return (double)NAN;
		add = pair_scale(pair_cotpi(part), -1);
		y = pair_sum(1, -x);
	}
	for (; y.hi < 10 && !(y.hi > 1.2 && y.hi < 1.75); y = pair_add(y, one))
		add = pair_add(add, pair_divide(minus_one, y));
	if (y.hi < 10) {
		y = pair_add(pair_digamma_zero(y), add);
		return y.hi + y.lo;
	}
	if (y.hi > 0x1p100) {
		y = pair_log(y.hi);
		return h_log_special(x, y.hi + y.lo);
	}
	z = 1 / (y.hi * y.hi);
	t = 691.0 / 32760 - z * (1.0 / 12 - z * (3617.0 / 8160));
	t = 1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * t));
	t = z * (1.0 / 12 - z * (1.0 / 120 - z * t));
	add = pair_add(add, pair_divide(pair_of(-0.5, 0), y));
	add = pair_add(pair_add(add, pair_of(y.lo / y.hi - t, 0)), pair_log(y.hi));
	return add.hi + add.lo;
}

/* -- fractions -- */

static inline double d_softsign(double x)
{
	double a = h_limit(x, 0x1p60);
	struct pair value = pair_divide(pair_of(a, 0), pair_sum(1, __builtin_fabs(a)));

	/* of infinities nan, as of x / (1 + |x|) */
	return pick(x - x == 0, value.hi + value.lo, x - x);
}

static inline double d_hardswish(double x)
{
	double a = h_limit(x, 4);
	struct pair plus = pair_sum(a, 3), product = pair_multiply(plus, pair_of(a, 0));
	double q = product.hi * (1.0 / 6), p = q * 6;

	q += ((product.hi - p) - product_error(q, 6, p) + product.lo) * (1.0 / 6);
	return x <= -3 ? 0 : x >= 3 ? x : q;
}

#endif
