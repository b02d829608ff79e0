"""Every elementwise op against NumPy: every dtype it takes, special values, layouts, broadcasting, empty, 0-d."""

import json
import platform
import sys

import mpmath
import numpy as np

import oracle
from oracle import (COMPLEX, DTYPES, FLOATS, INTS, LD, QUICK, Tap, arrays, complex_grid, exact, near, near_complex, parallel,
                    reported, save, spacing, special, tensor, values)

PI = LD("3.14159265358979323846264338327950288")
mpmath.mp.prec = 120


def mp(fn):
    """An mpmath function for longdouble arrays: as exact as needed, where NumPy has nothing better than float64."""
    def one(x):
        if np.isnan(x):
            return LD(np.nan)
        try:
            v = fn(mpmath.mpf(np.format_float_scientific(x, 50, unique=False)) if np.isfinite(x) else mpmath.mpf(float(x)))
        except (ValueError, ZeroDivisionError):
            return LD(np.nan)
        return LD(np.nan) if isinstance(v, mpmath.mpc) else LD(mpmath.nstr(v, 25))
    return lambda x: np.array([one(v) for v in x.ravel()], LD).reshape(x.shape)


def erfc(x):
    return mpmath.erfc(x) if abs(x) < 200 else mpmath.mpf(0 if x > 0 else 2)


def lgamma(x):
    if x <= 0 and x == mpmath.floor(x) or not mpmath.isfinite(x):
        return mpmath.inf if x == x else x
    if x < 0:
        return mpmath.log(mpmath.pi / abs(mpmath.sinpi(x))) - mpmath.loggamma(1 - x)
    return mpmath.loggamma(x)


def digamma(x):
    if not x:
        return -mpmath.inf
    return mpmath.digamma(x) if mpmath.isfinite(x) and (x > 0 or x != mpmath.floor(x)) else mpmath.inf if x > 0 else mpmath.nan


def erfinv(x):
    return mpmath.nan if abs(x) > 1 else mpmath.sign(x) * mpmath.inf if abs(x) == 1 else mpmath.erfinv(x)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def limited(fn, at):
    """fn, and its limits at -inf and inf where the formula gives nan."""
    def f(x, *rest):
        return np.where(x == -np.inf, LD(at[0]), np.where(x == np.inf, LD(at[1]), fn(x, *rest)))
    return f


def gelu_tanh(x):
    """Of an mpf: the exponent has more digits than a longdouble."""
    if not mpmath.isfinite(x):
        return mpmath.nan
    u = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x ** 3)
    return x / (1 + mpmath.exp(-2 * u)) if abs(u) < 2000 else max(x, mpmath.mpf(0))


def selu(x):
    return LD("1.0507009873554804934193349852946") * np.where(
        x > 0, x, LD("1.6732632423543772848170429916717") * np.expm1(np.minimum(x, 0)))


def xlogy(x, y):
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y))


def nextafter(x, y):
    return np.nextafter(x, y)


# How ops are checked.  fn: NumPy's function, which says the dtypes of results, what is refused, and, where hp is None, the
# values; hp: the exact result from longdouble operands; like: a NumPy function that takes and gives the same dtypes,
# where NumPy lacks the op; bound: ulps (of an elementary function: 1); scale: terms that cancel in the result, whose ulps
# count where they are larger.
def row(fn=None, hp=None, like=None, bound=1, scale=None, complex_bound=4, small=False, tests=None):
    return dict(fn=fn, hp=hp, like=like or fn, bound=bound, scale=scale, complex_bound=complex_bound, small=small, tests=tests)


def largest(x, y):
    return np.maximum(np.abs(x), np.abs(y)) / 8


def activation(hp, **k):
    return row(hp=hp, like=k.pop("like", np.exp2), **k)


def real(fn):
    """fn of numbers that are not complex; bool counts as int8."""
    def f(x):
        if x.dtype.kind == "c":
            raise TypeError
        return fn(x.astype("int8") if x.dtype == bool else x)
    return f


def digamma_terms(x):
    """What digamma of negative numbers is the sum of: a logarithm, reciprocals, and the reflection."""
    with np.errstate(all="ignore"):
        turned = np.abs(np.pi / np.tan(np.pi * (x - np.rint(x))))
    return np.where(x < 0, np.maximum(2, np.where(np.isfinite(turned), turned, 2)), 0).astype(x.dtype)


def without(kinds, fn):
    """fn, refused for dtypes of these kinds."""
    def f(x):
        if x.dtype.kind in kinds:
            raise TypeError
        return fn(x)
    return f


UNARY = {
    "negative": row(np.negative), "positive": row(np.positive), "abs": row(np.abs), "sign": row(np.sign),
    "square": row(np.square), "reciprocal": row(lambda x: np.where(x == 0, 0, np.reciprocal(x)) if x.dtype.kind in "iu" else np.reciprocal(x)), "sqrt": row(np.sqrt),
    "rsqrt": row(hp=lambda x: 1 / np.sqrt(x), like=np.sqrt),
    "cbrt": row(np.cbrt, np.cbrt), "exp": row(np.exp, np.exp), "exp2": row(np.exp2, np.exp2, complex_bound=16), "expm1": row(np.expm1, np.expm1),
    "log": row(np.log, np.log), "log2": row(np.log2, np.log2), "log10": row(np.log10, np.log10), "log1p": row(np.log1p, np.log1p, complex_bound=None),
    "sin": row(np.sin, np.sin), "cos": row(np.cos, np.cos), "tan": row(np.tan, np.tan), "asin": row(np.arcsin, np.arcsin),
    "acos": row(np.arccos, np.arccos), "atan": row(np.arctan, np.arctan), "sinh": row(np.sinh, np.sinh),
    "cosh": row(np.cosh, np.cosh), "tanh": row(np.tanh, np.tanh), "asinh": row(np.arcsinh, np.arcsinh),
    "acosh": row(np.arccosh, np.arccosh), "atanh": row(np.arctanh, np.arctanh),
    "deg2rad": row(np.deg2rad, lambda x: x * (PI / 180)), "rad2deg": row(np.rad2deg, lambda x: x * (180 / PI)),
    "sinc": row(hp=mp(lambda x: mpmath.sincpi(x) if mpmath.isfinite(x) else mpmath.nan), like=np.exp2),
    "logit": row(hp=lambda x: np.log(x) - np.log1p(-x), like=np.exp2),
    "real": row(np.real), "imag": row(np.imag), "conj": row(np.conj), "angle": row(np.angle),
    "floor": row(np.floor), "ceil": row(np.ceil), "trunc": row(np.trunc), "rint": row(np.rint),
    "frac": row(hp=lambda x: x - np.trunc(x), like=np.exp2, bound=0),
    "isnan": row(np.isnan), "isinf": row(np.isinf), "isfinite": row(np.isfinite), "signbit": row(np.signbit),
    "logical_not": row(np.logical_not), "bitwise_invert": row(np.invert), "nan_to_num": row(np.nan_to_num),
    "erf": activation(mp(mpmath.erf)), "erfc": activation(mp(erfc)), "erfinv": activation(mp(erfinv)),
    "lgamma": activation(mp(lgamma), scale=lambda x: np.where(x < 0, x.dtype.type(1), 0)),
    "digamma": activation(lambda x: np.where(x == 0, np.copysign(LD(np.inf), -x), mp(digamma)(x)), scale=digamma_terms),
    "relu": row(real(lambda x: np.where(x < 0, x.dtype.type(0), x))),
    "relu6": row(real(lambda x: np.where(x < 0, x.dtype.type(0), np.where(x > 6, x.dtype.type(6), x)))),
    "leaky_relu": activation(lambda x: np.where(x >= 0, x, x * LD(0.01)), bound=1.5, like=lambda x: np.exp2(x + 0.5)),
    "elu": activation(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), like=lambda x: np.exp2(x + 1)),
    "celu": activation(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), like=lambda x: np.exp2(x + 1)),
    "selu": activation(selu),
    "hardtanh": activation(lambda x: np.clip(x, -1, 1), bound=0, like=lambda x: np.exp2(x + 1)),
    "hardsigmoid": activation(lambda x: np.clip(x + 3, 0, 6) / 6),
    "hardswish": activation(limited(lambda x: x * np.clip(x + 3, 0, 6) / 6, (-0.0, np.inf))),
    "softsign": activation(lambda x: x / (1 + np.abs(x))),
    "sigmoid": activation(sigmoid), "logsigmoid": activation(lambda x: -softplus(-x)), "softplus": activation(softplus),
    "silu": activation(limited(lambda x: x * sigmoid(x), (-0.0, np.inf))),
    "mish": activation(limited(lambda x: x * np.tanh(softplus(x)), (-0.0, np.inf))),
    "gelu": activation(limited(mp(lambda x: x * erfc(-x / mpmath.sqrt(2)) / 2 if mpmath.isfinite(x) else mpmath.nan), (-0.0, np.inf))),
    "gelu_tanh": activation(limited(mp(gelu_tanh), (-0.0, np.inf))),
}

UNARY["gelu_erf"] = UNARY["gelu"]

BINARY = {
    "add": row(np.add), "subtract": row(np.subtract), "multiply": row(np.multiply), "divide": row(np.divide),
    "floor_divide": row(np.floor_divide), "remainder": row(np.remainder), "fmod": row(np.fmod),
    "power": row(np.power, np.power, tests="power", complex_bound=64),
    "hypot": row(np.hypot, np.hypot), "gcd": row(np.gcd), "lcm": row(np.lcm),
    "logaddexp": row(np.logaddexp, np.logaddexp, scale=largest), "logaddexp2": row(np.logaddexp2, np.logaddexp2, scale=largest),
    "atan2": row(np.arctan2, np.arctan2), "copysign": row(np.copysign), "nextafter": row(np.nextafter),
    "heaviside": row(np.heaviside), "xlogy": row(hp=xlogy, like=np.arctan2),
    "equal": row(np.equal), "not_equal": row(np.not_equal), "less": row(np.less), "less_equal": row(np.less_equal),
    "greater": row(np.greater), "greater_equal": row(np.greater_equal), "maximum": row(np.maximum), "minimum": row(np.minimum),
    "fmax": row(np.fmax), "fmin": row(np.fmin), "logical_and": row(np.logical_and), "logical_or": row(np.logical_or),
    "logical_xor": row(np.logical_xor), "bitwise_and": row(np.bitwise_and), "bitwise_or": row(np.bitwise_or),
    "bitwise_xor": row(np.bitwise_xor), "bitwise_left_shift": row(np.left_shift, tests="shift"),
    "bitwise_right_shift": row(np.right_shift, tests="shift"), "isclose": row(np.isclose),
    "float_power": row(np.float_power, np.power, tests="power"), "ldexp": row(np.ldexp, tests="ldexp"),
}

TERNARY = {
    "where": row(lambda c, x, y: np.where(c, x, y)),
    "clip": row(lambda x, lo, hi: np.clip(x, lo, hi)),
    "lerp": row(hp=lambda x, y, w: x + w * (y - x), like=lambda x, y, w: np.add(np.arctan2(x, y), w), bound=None),
    "addcmul": row(lambda x, y, z: x + y * z * 1, bound=None, complex_bound=None),
    "addcdiv": row(lambda x, y, z: x + y / z, bound=None, complex_bound=None),
    "masked_fill": row(lambda x, m, v: np.where(m, v.astype(x.dtype), x)),
}

INEXACT = {"multiply", "square", "divide", "reciprocal", "sqrt", "rsqrt", "sign", "addcmul", "addcdiv", "power", "float_power"} | {
    k for t in (UNARY, BINARY) for k, v in t.items() if v["hp"]}
ZEROS = {"maximum", "minimum", "fmax", "fmin", "clip"}  # the sign of a zero depends on the order of equal operands

# Where functions went astray, or come near 1 ulp: (operands, a few for each).
POINTS = {
    "sinh": [709.69999999998322, 710.4, 0.5, 29.495029597302889], "cosh": [709.70000230982691, 710.4, 35.047878353646134],
    "sinc": [1612386404578675.25, 2.5, 1e15, 300.00000000000006, 1e300, 0.99999999999999989], "erfc": [26.53481041921475, 0.50000000000151279, 26.599999951856589, 0.49008044642416682],
    "erfinv": [4.5387452466724883e-308, 0.50898685635242824, 0.50336817432501668, 0.50003863019286443, 1 - 2.0**-53, 0.52],
    "digamma": [1.4616349308791099, 1.4616321449683623, 2.0000000000210503, 1.75, 1.2, 9.99, 1e20, 3e-309, -0.12167261290760958, -0.504, -1e10 - 0.3],
    "selu": [-0.32986057862773688, 1.2958383067958637e-308, -1e-310, -0.30689087511034974, 1.7e308], "hardswish": [1.3643158073219683, -0.60030907052418159, -2.9999999999999996],
    "softsign": [-63.000000000002494, -255.13871765136719, 1.7e308], "logsigmoid": [2.7659975760586533, 709.06025637398034],
    "softplus": [-2.7421337585149086, -708.44650038036946, -745.1, -40.000000000000007], "silu": [-715.64729105596098], "mish": [-715.64729105596098],
    "gelu": [-37.643805364179983, -0.77179412738325581, -38.46, -3.3953538605764558e38, -0.72114696538856826, 0.70710678118654746],
    "logit": [0.21009688757526351, 0.4108552055519103, 1e-310, 1 - 2.0**-53], "elu": [-0.26985270, -0.033773906047140707, -1e-310, -37.4], "celu": [-0.27655429231818696, -37.43, -1e-310],
    "rsqrt": [1.7976931348623157e308, 1e-310, 3e307], "tanh": [18.714973875122073], "expm1": [-36.736800569824219],
    "logaddexp": [(-78.681956065554544, 0), (-0.3766723779233212, -1.158810903112407), (-0.50000000000365441, -0.83957008933379251), (0, -740.5), (-1e308, 1e308)],
    "logaddexp2": [(-1, -1), (-0.4621428576222526, -1.8672639587546829), (0, -1070.25), (-1e308, 1e308)],
    "xlogy": [(31.48265754321379, 55.376625510662784), (0.30000132491696591, 0.71579555233882741), (1e308, 1 + 2.0**-52), (1e-308, 3), (3e-320, 0.5), (2, 3e-320)],
    "atan2": [(2.2425705635185151e-308, 19.852989728385595)],
}
POINTS["gelu_erf"] = POINTS["gelu"]

MPMATH = {"sinc", "erf", "erfc", "erfinv", "lgamma", "digamma", "gelu", "gelu_erf", "gelu_tanh", "mish", "silu"}  # slow oracles: fewer values

# Ops of the elementwise family with one operand that are checked in another program, or here by hand.
ELSEWHERE = {"astype", "detach", "clone", "fill", "zero", "copy", "polygamma"}


def typed(fn, *xs):
    """What NumPy makes of it, or None where it refuses."""
    try:
        return np.asarray(fn(*xs))
    except TypeError:
        return None


def operands(name, spec, dtype, n):
    """Operands of one op for one dtype."""
    wide = 120 if QUICK or name in MPMATH else 700
    if n == 1:
        x = complex_grid(dtype) if np.dtype(dtype).kind == "c" else values(dtype, wide * 3)
        more = [v for p in POINTS.get(name, []) for v in (p, -p)] if x.dtype.kind == "f" else []
        return [np.concatenate([x, values(dtype, wide, 5, True)[-wide:], np.array(more).astype(dtype)])]
    rng = np.random.default_rng(n)
    s = special(dtype)
    if np.dtype(dtype).kind == "c":
        s = s[::5]
    elif np.dtype(dtype).kind == "f" and s.size > 30:
        s = s[[0, 1, 2, 3, 4, 6, 9, 15, 16, 17, 19, 25, 26, 28, 30, 33, 44, -4, -3, -2, -1, 24, 40, 41]]
    grids = [g.ravel() for g in np.meshgrid(*[s] * n, indexing="ij")]
    if n == 3:
        keep = rng.permutation(grids[0].size)[:1500]
        grids = [g[keep] for g in grids]
    more = [values(dtype, wide, 10 + i, spec["small"] or np.dtype(dtype).kind == "c")[-wide:] for i in range(n)]
    kind = np.dtype(dtype).kind
    points = np.array(POINTS.get(name, []) if kind == "f" else []).reshape(-1, n).T.astype(dtype)
    xs = [np.concatenate([g, m, p]) for g, m, p in zip(grids, more, points)] if points.size else [np.concatenate(z) for z in zip(grids, more)]
    if spec["tests"] == "power" and kind in "iu":
        xs[1] = (np.abs(xs[1] % 8)).astype(dtype)
    if spec["tests"] == "power" and kind in "fc":
        keep = ~(np.isfinite(xs[1]) & (np.abs(xs[1]) > 1e30)) if kind == "f" else np.isfinite(xs[1]) & np.isfinite(xs[0])
        xs = [x[keep] for x in xs]
        if kind == "c":
            xs[1] = xs[1] / 8
            nonzero = xs[0] != 0
            xs = [x[nonzero] for x in xs]
    if spec["tests"] == "shift" and kind == "i":
        xs[1] = (xs[1] % 70 - 2).astype(dtype)
    elif spec["tests"] == "shift" and kind == "u":
        xs[1] = (xs[1] % 70).astype(dtype)
    if name == "where":
        xs[0] = rng.random(xs[0].size) < 0.5
    elif name in ("clip", "addcmul", "addcdiv") and kind == "c":
        xs = [np.where(np.isfinite(x) & (x != 0), x, 2).astype(dtype) for x in xs]
    elif name == "masked_fill":
        xs[1], xs[2] = rng.random(xs[0].size) < 0.5, xs[2][5]
    return xs


def judge(name, spec, got, xs):
    """Compare a result with NumPy's."""
    like = typed(spec["like"], *xs)
    dtype = like.dtype
    if got.dtype != dtype or got.shape != like.shape:
        return "%s%s, not %s%s" % (got.dtype, got.shape, dtype, like.shape)
    if dtype.kind == "c" and name not in INEXACT and spec["fn"]:
        return exact(got, like, xs, zeros=name not in ZEROS)
    if dtype.kind == "c":
        wide = [x.astype(np.clongdouble) if x.dtype.kind == "c" else x for x in xs]
        ref = (spec["hp"] or spec["fn"])(*wide)
        if spec["fn"]:  # where a part is not finite in NumPy's own type, that is the reference
            own = spec["fn"](*xs)
            odd = ~(np.isfinite(own.real) & np.isfinite(own.imag))
            ref = np.where(odd, own, ref)
        else:
            got = np.where(np.isfinite(ref), got, ref).astype(dtype)
        if spec["complex_bound"] is None:  # cancels: no better than the roundings of 1 + x
            close = np.abs(got - ref) <= 4 * np.finfo(dtype).eps * (1 + np.abs(ref))
            got = np.where(close, ref, got)
            return near_complex(got.astype(dtype), ref, 4, xs)
        return near_complex(got, ref, spec["complex_bound"], xs)
    if spec["bound"] is None and dtype.kind == "f":  # a few roundings: within some epsilons of the largest term
        xs = [x.astype(dtype) for x in xs]
        ref = (spec["hp"] or spec["fn"])(*[x.astype(LD) for x in xs])
        terms = np.maximum.reduce([np.abs(np.broadcast_to(t, got.shape).astype(LD)) for t in (xs[0], xs[1], ref)])
        scale = 8 * np.finfo(dtype).eps * (terms + np.abs(ref - xs[0].astype(LD)) + np.finfo(dtype).smallest_normal)
        bad = np.isfinite(like) & np.isfinite(got) & ~(np.abs(got - ref) <= scale)
        return "%d differ" % bad.sum() if bad.any() else None
    if spec["hp"] and dtype.kind == "f":
        ref = spec["hp"](*[x.astype(dtype).astype(LD) for x in xs])
        if spec["scale"]:
            d = np.abs(got - ref) / spacing(spec["scale"](*[x.astype(dtype) for x in xs]), dtype)
            got = np.where(d <= 1, ref, got).astype(dtype)
        bound = 0.51 if dtype == np.float16 and spec["bound"] == 1 else spec["bound"]
        return near(got, ref, bound, xs, like if spec["fn"] else None)
    if name == "abs" and xs[0].dtype.kind == "c":
        return near(got, np.hypot(xs[0].real.astype(LD), xs[0].imag.astype(LD)), 1, xs)
    if name == "angle" and xs[0].dtype.kind in "cf":
        return near(got, np.arctan2(np.imag(xs[0]).astype(LD), np.real(xs[0]).astype(LD)), 1, xs)
    want = np.asarray(spec["fn"](*xs))
    return exact(got, want, xs, zeros=name not in ZEROS and (name, dtype) != ("nextafter", np.float16))


def arguments(name, files):
    if name in ("lerp",):
        return ["op", name, files[0], files[1], "--weight", files[2]]
    if name == "masked_fill":
        return ["op", name, files[0], files[1], "--value", files[2]]
    if name == "clip":
        return ["op", name, files[0], "--min", files[1], "--max", files[2]]
    if name in ("addcmul", "addcdiv"):
        return ["op", name, *files]
    return ["op", name, *files]


def run(name, files, stdin=b""):
    status, out, err = tensor(*arguments(name, files), stdin=stdin)
    if status:
        return None, "status %d: %s" % (status, err[:300])
    got = arrays(out)
    return (got[0], err or None) if len(got) == 1 else (None, "%d arrays" % len(got))


def layouts(xs):
    """The same operands as files laid out otherwise: (what, operand words, the index of the result that is expected)."""
    n = xs[0].size // 6 * 6
    two = [x[:n].reshape(-1, 6) if x.ndim else x for x in xs]
    yield "Fortran order", [save(np.asfortranarray(x)) for x in two], lambda r: r[:n].reshape(-1, 6), b""
    yield "big-endian", [save(x.astype(x.dtype.newbyteorder(">"))) for x in xs], lambda r: r, b""
    def spread(x):
        if not x.ndim:
            return save(x)
        big = np.zeros((x.shape[0] * 2, 18), x.dtype)
        big[::2, ::-3] = x
        return save(big) + "@::2,::-3"
    yield "sliced", [spread(x) for x in two], lambda r: r[:n].reshape(-1, 6), b""
    yield "empty", [save(x[:0]) if x.ndim else save(x) for x in xs], lambda r: r[:0], b""
    yield "0-d", [save(x[3]) if x.ndim else save(x) for x in xs], lambda r: np.asarray(r[3]), b""
    deep = (1,) * 30 + (n // 6, 1, 6) + (1,) * 31
    yield "64 dimensions", [save(x.reshape(deep)) if x.ndim else save(x) for x in two], lambda r: r[:n].reshape(deep), b""
    yield "stream", ["-"] + [save(x) for x in xs[1:]], lambda r: r, npy(xs[0])


def npy(x):
    import io
    f = io.BytesIO()
    np.save(f, x)
    return f.getvalue()


def check(name, spec, n, dtype):
    xs = operands(name, spec, dtype, n)
    like = typed(spec["like"], *xs)
    got, problem = run(name, [save(x) for x in xs])
    if like is None or (like.dtype.kind == "c" and not (spec["fn"])):
        if like is None and got is not None and not spec["fn"]:
            return None  # ours alone
        if got is not None and like is None:
            return "%s: NumPy refuses it, this gave %s" % (dtype, got.dtype)
        if got is None and problem and not problem.startswith("status 4"):
            return "%s: %s" % (dtype, problem)
        if got is None:
            return None
    if got is None or problem:
        return "%s: %s" % (dtype, problem)
    problem = judge(name, spec, got, xs)
    if problem:
        return "%s: %s" % (dtype, problem)
    for what, files, expected, stdin in [] if QUICK and dtype not in ("float32", "int16") else layouts(xs):
        same, problem = run(name, files, stdin)
        problem = problem or exact(same, np.asarray(expected(got)))
        if problem:
            return "%s, %s: %s" % (dtype, what, problem)
    if n > 1 and xs[0].ndim and xs[1].ndim:  # (5, 1) with (7,)
        ys = [x[-80::16].reshape(5, 1) if i == 0 else x[-80:-10:10] if x.ndim else x for i, x in enumerate(xs)]
        if name == "masked_fill":
            return None
        wide = np.broadcast_arrays(*ys)
        a, p = run(name, [save(y) for y in ys])
        b, q = run(name, [save(np.ascontiguousarray(y)) for y in wide])
        problem = p or q or exact(a, b)
        if problem or a.shape != (5, 7):
            return "%s, broadcast: %s" % (dtype, problem or a.shape)
    return None


def mixed(name, fn, a, b):
    """Two dtypes: the promoted type and the value."""
    x, y = values(a, 9, 1, True)[-9:], values(b, 9, 2, True)[-9:]
    if np.dtype(b).kind in "iu":
        y = (y % 5 + 1).astype(b)
    want = typed(fn, x, y)
    got, problem = run(name, [save(x), save(y)])
    if want is None:
        return "%s, %s: refused by NumPy" % (a, b) if got is not None else None
    if got is None or got.dtype != want.dtype:
        return "%s, %s: %s, not %s" % (a, b, problem or got.dtype, want.dtype)
    return None


def scalar(name, fn, a, text, value):
    """A dtype and a weak scalar."""
    x = np.array([1, 0, 1], a)
    try:
        want = np.asarray(fn(x, value))
    except (TypeError, OverflowError):
        want = None
    status, out, err = tensor("op", name, save(x), text)
    if want is None:
        return None if status == 4 else "%s, %s: status %d, refused by NumPy" % (a, text, status)
    if status:
        return "%s, %s: %s" % (a, text, err)
    p = exact(arrays(out)[0], want)
    return "%s, %s: %s" % (a, text, p) if p else None


def polygamma():
    """Orders 0 to 60 against mpmath, which reflects negative arguments for low orders only; poles and orders that are none."""
    def value(n, v):
        v = mpmath.mpf(float(v))
        if v > 0:
            return mpmath.polygamma(n, v)
        return (-1)**n * mpmath.polygamma(n, 1 - v) - mpmath.diff(lambda t: mpmath.pi * mpmath.cot(mpmath.pi * t), v, n)

    near, far = np.linspace(0.05, 40.4, 60), [1e-3, 3.0, 10.0]
    for n, dtype in ((n, d) for n in (0, 1, 2, 3, 7, 20, 60) for d in ("float64", "float32")):
        x = np.concatenate([near, far, -near if n < 8 else [], [1e6, -1e-3, -1e5 - 0.25] if n < 4 else []]).astype(dtype)
        with mpmath.workdps(150):
            want = np.array([LD(mpmath.nstr(value(n, v), 25)) for v in x], LD)
        status, out, err = tensor("op", "polygamma", n, save(x))
        if status:
            return err
        got = arrays(out)[0]
        fits = np.abs(got - want) <= (2e-14 * max(1, n / 4) if dtype == "float64" else 1e-7) * np.maximum(np.abs(want), 1 if n == 0 else 0)
        fits |= (np.abs(want) > np.finfo(dtype).max) & np.isinf(got) | (np.abs(want) < np.finfo(dtype).tiny)
        if got.dtype != dtype or not fits.all():
            return "order %d, %s: %s at %s, not %s" % (n, dtype, got[~fits][:3], x[~fits][:3], want[~fits][:3])
    edges = save(np.array([0.0, -1.0, np.inf, np.nan, -np.inf]))
    got = [arrays(tensor("op", "polygamma", n, edges)[1])[0] for n in ("1", "2", "0.5", "-1")]
    return exact(np.array(got), np.array([[np.inf, np.inf, 0, np.nan, np.nan], [-np.inf, -np.inf, 0, np.nan, np.nan], [np.nan] * 5, [np.nan] * 5]), zeros=False)


def levels(name, spec, n):
    """The bounds hold for the loops of lesser processors, too."""
    if name not in POINTS or platform.machine() != "x86_64":
        return None
    xs = operands(name, spec, "float64", n)
    files = [save(x) for x in xs]
    for level in "v2", "v3":
        status, out, err = oracle.run(arguments(name, files), b"", TENSOR_CPU=level)
        problem = err if status else judge(name, spec, arrays(out)[0], xs)
        if problem:
            return "float64, TENSOR_CPU=%s: %s" % (level, problem)
    return None


def alphas(name):
    """elu and celu with an alpha that is not 1."""
    rng = np.random.default_rng(3)
    x = np.concatenate([-np.exp(rng.uniform(-40, 4, 500)), [-0.033773906047140707, -6.0937329005317753e-08, -1e-310, 2.5, -0.0, -np.inf]])
    for alpha in (1.6732632423543772, 0.47854500610162742, 3.5213602121571865, 1e-300, 1.7976931348623157e308):
        wide = LD(alpha) if name == "celu" else LD(1)
        want = np.where(x > 0, x, LD(alpha) * np.expm1(np.minimum(x.astype(LD), 0) / wide))
        status, out, err = tensor("op", name, save(x), "--alpha", repr(alpha))
        problem = err if status else near(arrays(out)[0], want, 1, [x])
        if problem:
            return "alpha %r: %s" % (alpha, problem)
    return None


def main():
    tap = Tap()
    status, out, err = tensor("op", "--list", "--json")
    tap.test("op --list --json", [err or None, "status %d" % status if status else None])
    rows = json.loads(out) if not status else []
    ops = {r["name"]: r for r in rows if r["family"] == "elementwise"}
    only = sys.argv[1:]
    known = {**UNARY, **BINARY, **TERNARY}
    if not only or "polygamma" in only:
        tap.test("op polygamma", [polygamma()])
    for name in "elu", "celu":
        if not only or name in only:
            tap.test("op %s with an alpha" % name, [alphas(name)])
    from test_shape import CASES
    for name in ops:
        if not only and name not in known and name not in ELSEWHERE and name not in CASES:
            tap.test("op " + name, ["no test knows this op"])
    for n, table in (1, UNARY), (2, BINARY), (3, TERNARY):
        for name, spec in table.items():
            if name in ops and (not only or name in only):
                problems = parallel(check, [(name, spec, n, d) for d in DTYPES if (name, d) != ("angle", "bool")])
                problems.append(levels(name, spec, n))
                for alias in ops[name]["aliases"]:
                    code = tensor("help", "op", alias)[0]
                    problems.append("help op %s: status %d" % (alias, code) if code else None)
                tap.test("op " + name, problems)
    for name in "add", "multiply", "divide", "floor_divide", "power", "maximum", "equal", "less", "bitwise_and", "subtract", "atan2":
        if name in ops and (not only or name in only):
            tap.test("op %s of two dtypes" % name, parallel(mixed, [(name, BINARY[name]["fn"], a, b) for a in DTYPES for b in DTYPES]))
    weak = [("2", 2), ("-2", -2), ("300", 300), ("1.5", 1.5), ("3+4j", 3 + 4j), ("true", True), ("inf", float("inf"))]
    for name in "add", "multiply", "divide", "maximum", "less", "equal":
        if name in ops and (not only or name in only):
            fn = BINARY[name]["fn"]
            tap.test("op %s of a weak scalar" % name, parallel(scalar, [(name, fn, a, t, v) for a in DTYPES for t, v in weak]))
    if not only:
        tap.test("power of integers refuses a negative exponent", parallel(
            lambda d: None if tensor("op", "power", save(np.array([2], d)), save(np.array([-1], d)))[0] == 4 else d,
            [(d,) for d in INTS if d[0] == "i"]))
    tap.done()


if __name__ == "__main__":
    main()
