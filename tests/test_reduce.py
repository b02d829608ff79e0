"""Every reduction against NumPy: dtypes, axes, keepdims, empty input, NaN, layouts, accuracy."""

import json
import math
import sys

import numpy as np

from oracle import COMPLEX, DTYPES, FLOATS, INTS, LD, QUICK, Tap, arrays, exact, near, near_complex, parallel, reported, run, save, tensor, values


def norm(x, ord=2, **k):
    return np.linalg.vector_norm(x, ord=ord, **k)


def logsumexp(x, axis=None, keepdims=False):
    t = x.dtype if x.dtype.kind in "fc" else np.float64
    w = x.astype(np.longdouble)
    m = np.max(w, axis=axis, keepdims=True, initial=-np.inf)
    m = np.where(np.isfinite(m), m, 0)
    r = np.log(np.sum(np.exp(w - m), axis=axis, keepdims=True)) + m
    r = np.asarray(r if keepdims else np.squeeze(r, axis if axis is not None else tuple(range(x.ndim))))
    return r.astype(t)


QUANTILES = []


def quantile(fn, q, method="linear"):
    QUANTILES.append(lambda x, **k: fn(x, q, method=method, **k))
    return QUANTILES[-1]


# fn, extra arguments, kind of comparison: exact, or within some ulps
TABLE = [
    ("sum", [], np.sum, 1), ("prod", [], np.prod, 2), ("mean", [], np.mean, 1), ("var", [], np.var, 4), ("std", [], np.std, 4),
    ("var", ["--correction", "1"], lambda x, **k: np.var(x, ddof=1, **k), 4), ("std", ["--ddof=1"], lambda x, **k: np.std(x, ddof=1, **k), 4),
    ("max", [], np.max, 0), ("min", [], np.min, 0), ("ptp", [], np.ptp, 0), ("argmax", [], np.argmax, 0), ("argmin", [], np.argmin, 0),
    ("any", [], np.any, 0), ("all", [], np.all, 0), ("count_nonzero", [], np.count_nonzero, 0),
    ("norm", [], norm, 2), ("norm", ["--ord", "1"], lambda x, **k: norm(x, 1, **k), 2), ("norm", ["--ord", "inf"], lambda x, **k: norm(x, np.inf, **k), 2),
    ("norm", ["--ord=-inf"], lambda x, **k: norm(x, -np.inf, **k), 2), ("norm", ["--ord", "0"], lambda x, **k: norm(x, 0, **k), 0),
    ("norm", ["--ord", "3"], lambda x, **k: norm(x, 3, **k), 8),
    ("logsumexp", [], logsumexp, 2), ("nansum", [], np.nansum, 1), ("nanprod", [], np.nanprod, 2), ("nanmean", [], np.nanmean, 1),
    ("nanvar", [], np.nanvar, 4), ("nanstd", [], np.nanstd, 4), ("nanmax", [], np.nanmax, 0), ("nanmin", [], np.nanmin, 0),
    ("median", [], np.median, 1), ("nanmedian", [], np.nanmedian, 1),
    ("quantile", ["0.3"], quantile(np.quantile, 0.3), 0), ("quantile", ["--q", "0.1,0.5,1"], quantile(np.quantile, [0.1, 0.5, 1]), 0),
    ("quantile", ["--q", "0.37", "--method", "lower"], quantile(np.quantile, 0.37, "lower"), 0),
    ("quantile", ["--q", "0.37", "--method", "nearest"], quantile(np.quantile, 0.37, "nearest"), 0),
    ("quantile", ["--q", "0.37", "--method", "hazen"], quantile(np.quantile, 0.37, "hazen"), 0),
    ("percentile", ["75"], quantile(np.percentile, 75), 0), ("nanquantile", ["0.3"], quantile(np.nanquantile, 0.3), 0),
    ("nanpercentile", ["30"], quantile(np.nanpercentile, 30), 0),
]
ONE_AXIS = {"argmax", "argmin"}
NOT = {"logsumexp": COMPLEX, "median": COMPLEX, "nanmedian": COMPLEX, "nanquantile": ["bool"], "nanpercentile": ["bool"]}
AXES = [None, (0,), (1,), (-1,), (0, 2), (2, 1, 0), ()]


def data(dtype, shape, nans=False):
    rng = np.random.default_rng(len(shape) + sum(shape))
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.6
    if kind in "iu":
        info = np.iinfo(dtype)
        x = rng.integers(max(info.min, -50), min(info.max, 50), shape).astype(dtype)
        return x
    x = rng.standard_normal(shape)
    if kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    x = np.asarray(x).astype(dtype)
    if nans and x.size > 4:
        x.ravel()[1::7] = np.nan
    return x


def close(got, x, fn, bound, k):
    want = np.asarray(fn(x, **k))
    if got.dtype != want.dtype or got.shape != want.shape:
        return "%s%s, not %s%s" % (got.dtype, got.shape, want.dtype, want.shape)
    if bound == 0 or want.dtype.kind in "biu":
        return exact(got, want, zeros=False)
    wide = x.astype(np.clongdouble if x.dtype.kind == "c" else LD)
    ref = np.asarray(fn(wide, **k))
    ref = np.where(np.isfinite(want), ref, want) if want.dtype.kind == "f" else ref
    if want.dtype.kind == "c":
        with np.errstate(all="ignore"):
            bad = ~(np.abs(got - ref) <= 64 * np.finfo(got.dtype).eps * (np.abs(ref) + 1)) & np.isfinite(want)
        return "%d differ" % bad.sum() if bad.any() else None
    if fn in (np.prod, np.nanprod):
        bound += x.size // max(want.size, 1)
    elif fn == logsumexp or fn in QUANTILES:  # the terms cancel, or are rounded first
        with np.errstate(all="ignore"):
            bad = ~(np.abs(got - ref) <= 4 * np.finfo(x.dtype if x.dtype.kind == "f" else got.dtype).eps * np.nanmax(np.abs(wide), initial=1))
        return near(got, ref, bound) if (bad & np.isfinite(want)).any() else None
    # A sum that cancels is judged by the size of what was summed, not by what is left.
    scale = np.asarray(np.sum(np.abs(wide), **k)) if fn in (np.sum, np.nansum, np.mean, np.nanmean) else None
    p = near(got, ref, bound)
    if p and scale is not None:
        with np.errstate(all="ignore"):
            bad = ~(np.abs(got - ref) <= 2 * np.finfo(got.dtype).eps * np.abs(scale)) & np.isfinite(want)
        return p if bad.any() else None
    return p


def laid(x, how):
    if how == "F" and x.ndim:
        return save(np.asfortranarray(x))
    if how == "big":
        return save(x.astype(x.dtype.newbyteorder(">")))
    if how == "sliced" and x.ndim:
        big = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
        big[tuple(slice(1, None, 2) for n in x.shape)] = x
        return save(big) + "@" + ",".join("1::2" for n in x.shape)
    return save(x)


def check(name, args, fn, bound, dtype, shape, axis, keepdims, how, nans=False):
    x = data(dtype, shape, nans)
    k = dict(keepdims=keepdims)
    words = ["reduce", name, laid(x, how), *args]
    if axis is not None:
        k["axis"] = axis[0] if len(axis) == 1 else axis
        words += ["--axis=" + ",".join(map(str, axis)) if axis else "--axis=()"]
    if keepdims:
        words += ["--keepdims"]
    where = "%s%s %s %s" % (dtype, shape, how, " ".join(words[3:]))
    try:
        with np.errstate(all="ignore"):
            np.asarray(fn(x, **k))
        refused = False
    except (ValueError, TypeError, IndexError):
        refused = True
    status, out, err = tensor(*words)
    if refused:
        return None if status == 4 and not reported(status, err) else "%s: status %d, refused by NumPy" % (where, status)
    if status:
        return "%s: status %d: %s" % (where, status, err)
    p = close(arrays(out)[0], x, fn, bound, k)
    return p and "%s: %s" % (where, p)


def jobs(name, args, fn, bound):
    for dtype in [d for d in DTYPES if d not in NOT.get(name, [])]:
        for shape in ((3, 4, 5),) if QUICK else ((3, 4, 5), (7, 1, 300)):
            for axis in AXES:
                if name in ONE_AXIS and axis is not None and len(axis) != 1:
                    continue
                yield name, args, fn, bound, dtype, shape, axis, False, "C"
        yield name, args, fn, bound, dtype, (3, 4, 5), (1,), True, "C"
        yield name, args, fn, bound, dtype, (), None, False, "C"
        yield name, args, fn, bound, dtype, (0, 3), None, False, "C"
        yield name, args, fn, bound, dtype, (0, 3), (0,), False, "C"
        yield name, args, fn, bound, dtype, (0, 3), (1,), False, "C"
        if np.dtype(dtype).kind in "fc":
            yield name, args, fn, bound, dtype, (6, 5), None, False, "C", True
            yield name, args, fn, bound, dtype, (6, 5), (0,), False, "C", True
        for how in [] if QUICK else ["F", "big", "sliced"]:
            yield name, args, fn, bound, dtype, (3, 4, 5), None, True, how
            yield name, args, fn, bound, dtype, (3, 4, 5), (1,), False, how


def refused(*words):
    x = save(np.ones((2, 3)))
    status, out, err = tensor("reduce", words[0], x, *words[1:])
    return reported(status, err) or (None if status == 4 and "axis" in err else "%s: status %d: %s" % (" ".join(words), status, err))


METHODS = ["inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
           "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"]


def every_quantile(method, dtype):
    """One q, which is weak, and several, which are an array of float64: NumPy's bits."""
    rng = np.random.default_rng(7)
    for n in (1, 2, 10, 101):
        x = (rng.standard_normal((n, 5)) * 3).astype(dtype)
        for fn in "quantile", "nanquantile", "percentile":
            for q in ([0.1, 0.5, 1.0, 0.0, 0.37, 0.999, 1 / 3], 0.37, 0.9):
                q = (np.array(q) * 100).tolist() if fn == "percentile" else q
                words = ",".join(map(repr, q)) if isinstance(q, list) else repr(q)
                status, out, err = tensor("reduce", fn, save(x), "--q", words, "--method", method, "--axis", "0")
                problem = err if status else exact(arrays(out)[0], np.asarray(getattr(np, fn)(x, q, method=method, axis=0)))
                if problem:
                    return "%s of %d %s, q %s: %s" % (fn, n, dtype, words, problem)
    return None


def main():
    tap = Tap()
    rows = {r["name"]: r for r in json.loads(tensor("reduce", "--list", "--json")[1] or b"[]")}
    only = sys.argv[1:]
    names = {t[0] for t in TABLE}
    for name in rows:
        if name not in names and not only:
            tap.test("reduce " + name, ["no test knows this reduction"])
    for name, args, fn, bound in TABLE:
        if name in rows and (not only or name in only):
            tap.test(" ".join(["reduce", name, *args]), parallel(check, list(jobs(name, args, fn, bound))))
    for method in METHODS if not only or "quantile" in only else []:
        tap.test("reduce quantile --method " + method, parallel(every_quantile, [(method, d) for d in ("float16", "float32", "float64", "int16")]))
    if not only:
        tap.test("reduce: aliases", [None if tensor("reduce", a, save(np.ones(2)), *(["0.5"] if "q:" in str(r["attrs"]) else []))[0] == 0 else a
                                     for r in rows.values() for a in r["aliases"]])
        tap.test("reduce: axes that do not exist", [refused("sum", "--axis", "2"), refused("max", "--axis=-3"), refused("mean", "--axis", "0,0"), refused("argmax", "--dim", "5")])
        tap.test("reduce sum --dtype", [exact(arrays(tensor("reduce", "sum", save(np.full(300, 200, "uint8")), "--dtype", d)[1])[0],
                                              np.sum(np.full(300, 200, "uint8"), dtype=d)) for d in ("uint8", "int64", "float32", "complex64")])
        # Large sums: no further from the exact one than NumPy's pairwise sum.
        bad = []
        for dtype in ("float32", "float64"):
            x = np.random.default_rng(1).random(1_000_003).astype(dtype)
            want = math.fsum(x.tolist())
            got = arrays(tensor("reduce", "sum", save(x))[1])[0]
            if abs(float(got) - want) > abs(float(x.sum()) - want) + np.spacing(x.sum()):
                bad.append("%s: %r, exactly %r, NumPy %r" % (dtype, got, want, x.sum()))
            y = x[:1_000_000].reshape(1000, 1000)
            got = arrays(tensor("reduce", "sum", save(y), "--axis", "0")[1])[0]
            want = y.astype(LD).sum(0)
            if (np.abs(got - want) > np.abs(y.sum(0) - want) + 2 * np.spacing(y.sum(0))).any():
                bad.append("%s: axis 0" % dtype)
        tap.test("reduce sum is as accurate as NumPy's", bad)
        one = [tensor("reduce", n, "-", "--threads", t, stdin=open_(x))[1] for x in [save(np.random.default_rng(2).standard_normal(3_000_000).astype("float32"))]
               for n in ("sum", "mean", "std", "norm", "max") for t in ("1", "2", "7")]
        tap.test("reduce: the same bits on any number of threads", ["%d" % i for i in range(0, 15, 3) if len(set(one[i:i + 3])) != 1])
        # More results than are kept for all rows at once: from a file by columns, from a pipe by rows.
        bad = []
        for shape, axis in (((5, 20011), 0), ((2, 3, 17000), 1), ((3, 4, 9000), (0, 1))):
            x = np.random.default_rng(3).standard_normal(shape).astype("float32")
            name, data, k = save(x), open_(save(x)), "--axis=" + str(axis).strip("()").replace(" ", "")
            for fn, args, oracle, bound in TABLE:
                if fn in ONE_AXIS and isinstance(axis, tuple) or oracle in QUANTILES:
                    continue
                words = ["reduce", fn, name, *args, k]
                status, out, err = tensor(*words)
                p = err if status else close(arrays(out)[0], x, oracle, bound, {"axis": axis})
                same = out == tensor("reduce", fn, "-", *args, k, stdin=data)[1] == run([*words, "--threads", "3"], b"", TENSOR_TILE="192")[1]
                if p or not same:
                    bad.append("%s %s %s: %s" % (fn, shape, k, p or "other bits from a pipe, or in tiles"))
        tap.test("reduce: many results", bad)
    tap.done()


def open_(name):
    import os
    from oracle import DIR
    with open(os.path.join(DIR, name), "rb") as f:
        return f.read()


if __name__ == "__main__":
    main()
