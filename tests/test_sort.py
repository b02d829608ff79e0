"""Sorts, searches, sets and scans against NumPy: every dtype, axes, NaN and signed zeros, sizes around those where ways change."""

import json
import os
import sys

import numpy as np

from oracle import DTYPES, QUICK, Tap, arrays, bfloat16, exact, parallel, reported, run, save, tensor
from test_shape import arrays_bf16, save_descr

SIZES = [0, 1, 2, 31, 32, 33, 255, 256, 257, 1000, 65535, 65536, 65537] + ([] if QUICK else [131072, 300001, 1000000])
SHAPES = [((n,), -1) for n in SIZES] + [((4, 7), 0), ((4, 7), 1), ((3, 50, 4), 1), ((300, 40), 0), ((3, 0), 1), ((0, 3), 1), ((0, 3), 0),
                                        ((2, 70000), 1), ((1000, 3), None), ((500, 20), -1), ((1, 1, 9), 2)]
RUN = 504  # of lib/scan_loops.h
LONG = [((n,), 0) for n in (0, 1, 5, RUN - 1, RUN, RUN + 1, 8 * RUN, 8 * RUN + 1, 32 * RUN, 32 * RUN + 1, 100000)]
LONG += [((7, 3), 0), ((7, 3), 1), ((3, 0), 1), ((0, 3), 0), ((2000, 3), 0), ((70000, 2), 0), ((3, 700, 5), 1), ((40, 1500), 0), ((1200, 600), 0),
         ((1200, 600), 1), ((3, 4, 5), None), ((200000, 3), 1), ((600, 1), 0), ((20, 30, 40), 1)]
FIRSTS = [((5000,), 1), ((5000,), 113), ((5000,), 114), ((3, 70001), 40), ((200, 4104), 1)]  # up to 113 of 5000 are selected


if "ORACLE_DEVICE" in os.environ:  # both devices, and one of them perhaps emulated
    FIRSTS = FIRSTS[:1]
    SHAPES = [s for s in SHAPES if np.prod(s[0]) <= 20000]
    LONG = [s for s in LONG if np.prod(s[0]) <= 20000]


def make(dtype, shape, few=False):
    """Random elements; floats with zeros and NaNs of both signs and infinities among them; few: many are equal."""
    n = int(np.prod(shape))
    rng = np.random.default_rng(n + 7 * few)
    kind = np.dtype(dtype).kind if dtype is not bfloat16 else "f"
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind in "iu":
        info = np.iinfo(dtype)
        return (rng.integers(0, 5, shape) if few else rng.integers(info.min, info.max, shape, dtype, endpoint=True)).astype(dtype)

    def part():
        v = rng.integers(-2, 3, n).astype(float) if few else rng.standard_normal(n) * 10
        for x in (0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf) if n > 3 else ():
            v[rng.integers(0, n, n // 9 + 1)] = x
        return v.reshape(shape)
    x = part().astype(dtype)
    if kind == "c":
        x.imag = part()
    return x


def finite(dtype, shape):
    rng = np.random.default_rng(int(np.prod(shape)))
    kind = np.dtype(dtype).kind
    if kind in "biu":
        return rng.integers(-100 if kind == "i" else 0, 2 if kind == "b" else 100, shape).astype(dtype)
    x = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if kind == "c" else 0)
    return x.astype(dtype)


def same(what, args, inputs, want, tolerance=None):
    """The results of an op against a list; tolerance: of floats, relative to the largest."""
    status, out, err = tensor("op", args[0], *[save(x) for x in inputs], *args[1:])
    if status:
        return "%s: status %d: %s" % (what, status, err)
    got = arrays(out)
    want = list(want) if isinstance(want, (list, tuple)) else [want]
    if len(got) != len(want):
        return "%s: %d results, not %d" % (what, len(got), len(want))
    for i, (g, w) in enumerate(zip(got, want)):
        w = np.asarray(w)
        if tolerance and w.dtype.kind in "fc":
            ok = g.dtype == w.dtype and g.shape == w.shape
            scale = np.abs(w[np.isfinite(w)]).max(initial=0)
            if not ok or not np.allclose(g, w, rtol=tolerance, atol=tolerance * float(scale), equal_nan=True):
                return "%s: result %d: %s %s, not %s %s: %s, not %s" % (what, i, g.dtype, g.shape, w.dtype, w.shape, g.ravel()[:4], w.ravel()[:4])
        elif exact(g, w):
            return "%s: result %d: %s" % (what, i, exact(g, w))
        elif g.tobytes() != w.tobytes():
            return "%s: result %d: NaNs differ in their bits" % (what, i)
    return None


def flags(axis):
    return ["--axis=%s" % ("none" if axis is None else axis)]


def order(x, axis, descending=False):
    if axis is None:
        x, axis = x.ravel(), -1
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    # What is equal stays in order: twice reversed.
    return np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)


def taken(x, index, axis):
    return np.take_along_axis(x.ravel() if axis is None else x, index, -1 if axis is None else axis)


def sort(dtype, shape, axis, few):
    x = make(dtype, shape, few)
    what = "%s %s axis %s" % (dtype, shape, axis)
    up, down = order(x, axis), order(x, axis, True)
    return (same("sort " + what, ["sort"] + flags(axis), [x], taken(x, up, axis)) or
            same("argsort " + what, ["argsort"] + flags(axis), [x], up) or
            same("descending sort " + what, ["sort", "--descending"] + flags(axis), [x], taken(x, down, axis)) or
            same("descending argsort " + what, ["argsort", "--descending"] + flags(axis), [x], down))


def bits(rng, dtype, n):
    return rng.integers(0, 256, n * np.dtype(dtype).itemsize, np.uint8).view(dtype)


def spread(rng, dtype, n):
    """Numbers of the middle of the range."""
    return (rng.standard_normal(n) * 1e4).astype(dtype) if np.dtype(dtype).kind == "f" else rng.integers(0, 10 ** 6, n).astype(dtype)


def outliers(rng, dtype, n):
    """Nearly all are one number: a bucket of its own, and others of next to nothing."""
    x = np.where(rng.random(n) < .01, spread(rng, dtype, n), np.array(77, dtype))
    return x.astype(dtype)


def octaves(rng, dtype, n):
    """Half the elements below the half, a quarter below the quarter, ...: halving the range of keys finds few."""
    width = np.dtype(dtype).itemsize * 8
    return (bits(rng, "u%d" % (width // 8), n) >> rng.integers(0, width, n).astype("u%d" % (width // 8))).view(dtype)


def hidden(rng, dtype, n):
    """Evenly spaced elements are the least: a sample of them sees nothing of the others."""
    x = spread(rng, dtype, n)
    for count in (8, 16, 32, 64):
        step = n // count
        if step > 1:
            x[step // 2::step] = 0
    return x


MANNERS = {
    "bits": bits, "spread": spread, "outliers": outliers, "octaves": octaves, "hidden": hidden,
    "few": lambda rng, dtype, n: rng.integers(0, 10, n).astype(dtype),
    "equal": lambda rng, dtype, n: np.full(n, 5, dtype),
    "ascending": lambda rng, dtype, n: np.sort(spread(rng, dtype, n)),
    "descending": lambda rng, dtype, n: np.sort(spread(rng, dtype, n))[::-1],
    "up and down": lambda rng, dtype, n: np.concatenate([np.arange(n - n // 2), np.arange(n // 2)[::-1]]).astype(dtype),
    "periodic": lambda rng, dtype, n: (np.arange(n) % 1000).astype(dtype),
    "ends": lambda rng, dtype, n: rng.choice(np.array([-np.inf, -0.0, 0.0, np.inf, np.nan] if np.dtype(dtype).kind == "f" else
                                                      [np.iinfo(dtype).min, 0, np.iinfo(dtype).max], dtype), n),
}
WIDE = ["float32", "float64", "int32", "int64", "uint32", "uint64"]
# From 131072 on a row is parted into buckets; short ones are in tests/unit/test_sort_rows.c.
NUMBERS = [0, 257, 131071]
MANY = [131073]
WAYS = [(1, "v4"), (2, "v4"), (3, "v4"), (8, "v4"), (2, "v3"), (8, "v2")]
MOST = [] if QUICK else [1000000]


def values(dtype, manner, n, ways):
    """A row of values, sorted in many ways; ways: (threads, level)."""
    x = np.ascontiguousarray(MANNERS[manner](np.random.default_rng(n), dtype, n))
    name = save(x)
    for down in (False, True):
        want = x[order(x, 0, down)].tobytes()
        for threads, level in ways:
            status, out, err = run(["op", "sort", name, "--threads", str(threads)] + ["--descending"] * down, b"", TENSOR_CPU=level)
            if status or arrays(out)[0].tobytes() != want:
                return "%s of %s, %d, descending %s, threads %s, %s: %s" % (manner, dtype, n, down, threads, level, err or "differs")
    return None


def ranks(dtype, shape, axis):
    x = make(dtype, shape, True)
    k = x.size // 3 if axis is None else shape[axis] // 3
    a = -1 if axis is None else axis
    up, down = np.take(order(x, axis), range(k), a), np.take(order(x, axis, True), range(k), a)
    what = "%s %s axis %s" % (dtype, shape, axis)
    p = (same("topk " + what, ["topk", k] + flags(axis), [x], [taken(x, down, axis), down]) or
         same("smallest " + what, ["topk", "--k", k, "--largest=false"] + flags(axis), [x], [taken(x, up, axis), up]))
    if p or not k:
        return p
    last = np.take(up, [k - 1], a)
    return (same("kthvalue " + what, ["kthvalue", k, "--keepdims"] + flags(axis), [x], [taken(x, last, axis), last]) or
            same("kthvalue " + what, ["kthvalue", k] + flags(axis), [x], [taken(x, last, axis).squeeze(a), last.squeeze(a)]))


def firsts(dtype, manner, shape, k):
    """A few of many are selected, not sorted; what is equal stays in order."""
    n = int(np.prod(shape))
    x = {"random": lambda: make(dtype, n), "few": lambda: make(dtype, n, True), "equal": lambda: np.zeros(n, dtype),
         "ascending": lambda: np.sort(make(dtype, n)), "descending": lambda: np.sort(make(dtype, n))[::-1]}[manner]().reshape(shape)
    up, down = order(x, -1)[..., :k], order(x, -1, True)[..., :k]
    what = "%d of %s, %s %s" % (k, shape, manner, dtype)
    p = (same("topk " + what, ["topk", k], [x], [taken(x, down, -1), down]) or
         same("smallest " + what, ["topk", "--k", k, "--largest=false"], [x], [taken(x, up, -1), up]) or
         same("kthvalue " + what, ["kthvalue", k], [x], [taken(x, up, -1)[..., -1], up[..., -1]]))
    name = save(x)
    ways = [run(["op", "topk", name, str(k), "--threads", threads], b"", TENSOR_CPU=level)[1] for threads, level in (("1", "v4"), ("3", "v3"), ("8", "v2"))]
    return p or ("topk of %s depends on threads or level" % what if len(set(ways)) > 1 else None)


def sets(dtype, shape, few):
    x, other = make(dtype, shape, few), make(dtype, (3, 77), few)
    what = "%s %s" % (dtype, shape)
    u = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    u = [x.ravel()[u[1]], *u[1:]]
    each = np.unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    each = [x.ravel()[each[1]], *each[1:]]
    s = np.sort(x.ravel(), kind="stable")
    by = order(x.ravel(), 0)
    return (same("unique " + what, ["unique"], [x], u[0]) or
            same("unique " + what, ["unique", "--index", "--inverse", "--counts"], [x], u) or
            same("unique counts " + what, ["unique", "--counts"], [x], [u[0], u[3]]) or
            same("each nan " + what, ["unique", "--index", "--equal-nan=false"], [x], each[:2]) or
            same("unique_values " + what, ["unique_values"], [x], each[0]) or
            same("unique_counts " + what, ["unique_counts"], [x], [each[0], each[3]]) or
            same("unique_inverse " + what, ["unique_inverse"], [x], [each[0], each[2]]) or
            same("unique_all " + what, ["unique_all"], [x], each) or
            same("searchsorted " + what, ["searchsorted"], [s, other], np.searchsorted(s, other)) or
            same("searchsorted right " + what, ["searchsorted", "--side", "right"], [s, other], np.searchsorted(s, other, "right")) or
            same("searchsorted by sorter " + what, ["searchsorted", "--sorter", save(by)], [x.ravel(), other], np.searchsorted(s, other)) or
            same("isin " + what, ["isin"], [other, x], np.isin(other, x)) or
            same("not isin " + what, ["isin", "--invert"], [other, x], np.isin(other, x, invert=True)))


def slices(dtype, shape, axis):
    x = make(dtype, shape, True)
    x = np.nan_to_num(x, posinf=1, neginf=-1) if x.dtype.kind in "fc" else x
    u = np.unique(x, axis=axis, return_index=True, return_inverse=True, return_counts=True)
    return same("unique %s %s axis %d" % (dtype, shape, axis), ["unique", "--index", "--inverse", "--counts", "--axis=%d" % axis], [x], u)


def mixed(a, b):
    """Operands of two dtypes meet in NumPy's common one."""
    x, y = np.sort(make(a, (100,), True)), make(b, (9,), True)
    return (same("searchsorted %s %s" % (a, b), ["searchsorted"], [x, y], np.searchsorted(x, y)) or
            same("isin %s %s" % (b, a), ["isin"], [y, x], np.isin(y, x)))


def scan(dtype, shape, axis):
    x = finite(dtype, shape)
    flat, a = (x.ravel(), 0) if axis is None else (x, axis)
    f = [] if axis is None else flags(axis)
    what = "%s %s axis %s" % (dtype, shape, axis)
    t = {"float16": 1e-3, "float32": 2e-5, "complex64": 2e-5, "float64": 1e-12, "complex128": 1e-12}.get(dtype)
    # NumPy adds float16 and float32 up in those.
    wide = {"float16": "float64", "float32": "float64", "complex64": "complex128"}.get(dtype)
    sums = np.cumsum(x, axis=axis, dtype=wide)
    sums = sums.astype(dtype) if wide else sums
    y = np.exp(x * 0.01).astype(dtype) if t else x
    products = np.cumprod(y, axis=axis, dtype=wide)
    products = products.astype(dtype) if wide else products
    start = list(flat.shape)
    start[a] = 1
    p = (same("cumsum " + what, ["cumsum"] + f, [x], sums, t) or same("cumprod " + what, ["cumprod"] + f, [y], products, t) or
         same("with 0 " + what, ["cumulative_sum", "--include-initial"] + f, [x], np.concatenate([np.zeros(start, sums.dtype), sums], a), t) or
         same("with 1 " + what, ["cumulative_prod", "--include-initial"] + f, [y], np.concatenate([np.ones(start, products.dtype), products], a), t))
    if p:
        return p
    x = make(dtype, shape, True) if t and x.size > 10 else x
    flat = x.ravel() if axis is None else x
    for name, fn in (("cummax", np.maximum), ("cummin", np.minimum)):
        want = fn.accumulate(flat, axis=a)
        # Of a zero of float16 the first stays, of others the last; of a NaN what NumPy makes of it is not kept.
        status, out, err = tensor("op", name, *f, save(x))
        p = err or exact(arrays(out)[0], want, zeros=dtype != "float16" and np.dtype(dtype).kind != "c")
        if not p:
            status, out, err = tensor("op", name, "--indices", *f, save(x))
            v, i = arrays(out)
            p = exact(v, want, zeros=False) or (i != indices(flat, a, fn)).any() and "indices differ" if np.dtype(dtype).kind != "c" else None
        if p:
            return "%s %s: %s" % (name, what, p)
    if np.dtype(dtype).kind == "f":
        x = np.where(np.isnan(x), 0, x).astype(dtype)
        x = np.where(x == np.inf, 3, x).astype(dtype)
        flat = x.ravel() if axis is None else x
        want = np.logaddexp.accumulate(flat.astype(np.float64), axis=a).astype(dtype)
        p = same("logcumsumexp " + what, ["logcumsumexp"] + f, [x], want, {"float16": 1e-3, "float32": 1e-6}.get(dtype, 1e-12))
    return p


def indices(x, axis, fn):
    """torch.cummax: of equal ones the last, of NaNs, too."""
    m = fn.accumulate(x, axis=axis)
    here = (x == m) | (np.isnan(x) if x.dtype.kind == "f" else False)
    at = np.arange(x.shape[axis]).reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    return np.maximum.accumulate(np.where(here, at, 0), axis=axis)


def monotone(dtype):
    """The running sum of what is not negative never falls, and is as accurate as NumPy's."""
    x = np.random.default_rng(5).random(1000000).astype(dtype) * (np.random.default_rng(6).random(1000000) < 0.5)
    x = x.astype(dtype)
    got = arrays(tensor("op", "cumsum", save(x))[1])[0]
    want = np.cumsum(x.astype(np.longdouble))
    bad = np.abs(got - want) > np.maximum(np.finfo(dtype).eps * want, np.abs(np.cumsum(x) - want).max())
    return "%s: falls" % dtype if (np.diff(got) < 0).any() else "%s: %d are off" % (dtype, bad.sum()) if bad.any() else None


def threads(op, *args):
    x = np.random.default_rng(1).standard_normal(400001)
    name = save(x)
    one, more = (tensor("op", op, name, *args, "--threads", n)[1] for n in (1, 3))
    return None if one == more else op + ": results depend on threads"


def diffs():
    for dtype in DTYPES:
        x = finite(dtype, (5, 6))
        for axis in (0, 1):
            for n in (0, 1, 2, 7):
                p = same("diff %s n %d" % (dtype, n), ["diff", "--n", n, "--axis", axis], [x], np.diff(x, n, axis) if n else x)
                if p:
                    yield p
    x = finite("float64", (3, 4))
    ends = finite("float64", (3, 2))
    yield same("diff ends", ["diff", "--prepend", save(ends), "--append", "2"], [x], np.diff(x, prepend=ends, append=2.0))
    yield same("diff ends", ["diff", "--axis", "0", "--append", "2"], [x], np.diff(x, axis=0, append=2.0))


def special():
    """Overflow inside of a run, dtypes, numbers, 0-d, bfloat16."""
    x = np.full(2000, 1e306)
    x[900:] = -1e306
    yield same("overflow", ["cumsum"], [x], np.cumsum(x), 1e-12)
    y = np.full(2000, -1e308)
    y[0] = 1e308
    yield same("overflow", ["cumsum"], [y], np.cumsum(y), 1e-12)
    y[3::2] *= -1
    y[700] = np.inf
    yield same("infinity", ["cumsum"], [y], np.cumsum(y), 1e-12)
    y[1700] = -np.inf
    yield same("nan", ["cumsum"], [y], np.cumsum(y), 1e-12)
    yield same("-0", ["cumsum"], [np.full(3, -0.0)], np.full(3, -0.0))
    x = finite("int16", (1000,))
    for d in ("int8", "uint32", "float32", "bool", "complex64", "float64"):
        yield same("cumsum to " + d, ["cumsum", "--dtype", d], [x], np.cumsum(x, dtype=d))
        yield same("cumsum to %s with 0" % d, ["cumsum", "--include-initial", "--dtype", d], [x], np.cumulative_sum(x, dtype=d, include_initial=True))
        if d != "float32":
            yield same("cumprod to " + d, ["cumprod", "--dtype", d], [x[:9]], np.cumprod(x[:9], dtype=d))
    yield same("float to int", ["cumsum", "--dtype", "int64"], [np.array([1.6, 1.6])], np.array([1, 2]))
    zero = np.array(3.0)
    yield same("0-d", ["cumsum"], [zero], np.cumsum(zero))
    yield same("0-d", ["argsort"], [zero], np.argsort(zero))
    yield same("0-d", ["sort", "--axis", "none"], [zero], np.sort(zero, axis=None))
    yield same("0-d", ["unique", "--inverse"], [zero], np.unique(zero, return_inverse=True))
    a = np.array([1, 2, 2, 5], np.int8)
    yield same("a number", ["searchsorted", save(a), "2.5"], [], np.searchsorted(a, 2.5))
    yield same("a number", ["isin", save(a), "2"], [], np.isin(a, 2))
    keys = [make("int8", (1000,), True), make("float32", (1000,), True), make("uint64", (1000,), True)]
    yield same("lexsort", ["lexsort"], keys, np.lexsort(keys))
    yield same("msort", ["msort"], [make("float32", (30, 20))], np.sort(make("float32", (30, 20)), axis=0, kind="stable"))
    b = make(bfloat16, (3000,))
    status, out, err = tensor("op", "sort", save_descr(b))
    yield err or (arrays_bf16(out).tobytes() != b[np.argsort(b.astype("f4"), kind="stable")].tobytes() and "sort of bfloat16")
    status, out, err = tensor("op", "argsort", save_descr(b))
    yield err or exact(arrays(out)[0], np.argsort(b.astype("f4"), kind="stable"))
    b = finite("float32", (3000,)).astype(bfloat16)
    status, out, err = tensor("op", "cumsum", save_descr(b))
    yield err or (arrays_bf16(out) != np.cumsum(b.astype("f8")).astype(bfloat16)).any() and "cumsum of bfloat16"


def refused(*args):
    status, out, err = tensor("op", *args)
    return reported(status, err) or ("%s: results after an error" % (args,) if out else None)


def main():
    tap = Tap()
    rows = {r["name"]: r for r in json.loads(tensor("op", "--list", "--json")[1] or b"[]")}
    known = set("sort argsort msort lexsort topk kthvalue searchsorted unique unique_values unique_counts unique_inverse unique_all isin "
                "cumulative_sum cumulative_prod logcumsumexp cummax cummin diff".split())
    mine = [n for n, r in rows.items() if r["family"] in ("scan", "sort")]
    tap.test("ops of the families scan and sort", ["no test knows op " + n for n in mine if n not in known])
    tap.test("sort, argsort", parallel(sort, [(d, s, a, few) for d in DTYPES for s, a in SHAPES for few in (False, True)]))
    for manner in MANNERS if "ORACLE_DEVICE" not in os.environ else ():
        jobs = [(d, manner, n, [(1, level) for level in ("v4", "v3", "v2")]) for d in WIDE for n in NUMBERS]
        jobs += [(d, manner, n, WAYS) for d in WIDE for n in MANY + MOST * (manner in ("bits", "hidden"))]
        tap.test("values: " + manner, parallel(values, jobs))
    tap.test("topk, kthvalue", parallel(ranks, [(d, s, a) for d in DTYPES for s, a in SHAPES[3:7] + SHAPES[len(SIZES):]]))
    tap.test("topk of many", parallel(firsts, [(d, m, s, k) for d in DTYPES for m in ("random", "few", "equal", "ascending", "descending")
                                               for s, k in FIRSTS]))
    tap.test("unique, searchsorted, isin", parallel(sets, [(d, s, few) for d in DTYPES for s in [(n,) for n in SIZES] + [(20, 30), ()] for few in (False, True)]))
    tap.test("unique along an axis", parallel(slices, [(d, s, a) for d in DTYPES for s, a in (
        ((4, 3), 0), ((4, 3), 1), ((2, 3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), 2), ((50, 2, 2), 0), ((0, 3), 0), ((3, 1), 0))]))
    tap.test("two dtypes", parallel(mixed, [(a, b) for a in DTYPES for b in DTYPES]))
    tap.test("scans", parallel(scan, [(d, s, a) for d in DTYPES for s, a in LONG]))
    tap.test("sums that only grow", parallel(monotone, [("float32",), ("float64",)]))
    tap.test("threads change nothing", [threads(*a) for a in (("cumsum",), ("cumprod",), ("cummax",), ("logcumsumexp",), ("sort",), ("argsort",))])
    tap.test("diff", diffs())
    tap.test("special cases", special())
    f, v = save(np.ones((2, 3))), save(np.arange(4))
    tap.test("what is refused", [refused(*a) for a in (
        ("sort", f, "--axis", "2"), ("sort", "3"), ("cumsum", f, "--axis", "-3"), ("topk", v, "5"), ("topk", v, "-1"), ("kthvalue", v, "0"),
        ("searchsorted", f, "1"), ("searchsorted", v, "1", "--side", "up"), ("searchsorted", v, "1", "--sorter", f), ("diff", v, "--n=-1"),
        ("diff", "3"), ("unique", v, "--axis", "1"), ("lexsort", v, f), ("diff", f, "--prepend", v), ("logcumsumexp", save(np.ones(2, complex))),
        ("unique", v, "--dry-run"))])
    tap.done()


if __name__ == "__main__":
    main()
