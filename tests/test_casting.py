"""convert --dtype: NumPy's casting rules for every pair of types, and every bit pattern of the narrow floats against ml_dtypes."""

import os

import ml_dtypes
import numpy as np

from oracle import DIR, Tap, arrays, parallel, save, tensor

TYPES = ("bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128").split()


def pair(a, b):
    """The verdict and the words for one pair under each rule."""
    bad = []
    name = save(np.arange(2).astype(a))
    for rule in "no", "equiv", "safe", "same_kind", "unsafe":
        status, out, err = tensor("convert", name, "--dtype", b, "--casting", rule)
        if np.can_cast(a, b, rule):
            if status or arrays(out)[0].dtype != b:
                bad.append("%s to %s, %s: status %d, %s" % (a, b, rule, status, err))
            continue
        try:
            np.arange(2).astype(a).astype(b, casting=rule)
        except TypeError as e:
            words = str(e)
        if status != 4 or out or words[1:].lower() not in err.lower():
            bad.append("%s to %s, %s: status %d, %s, NumPy: %s" % (a, b, rule, status, err, words))
    return bad


def bits(x):
    return x.view("u%d" % x.dtype.itemsize)


def same(x, want):
    """Bit for bit, but for the payload of NaN."""
    nan = np.isnan(want.astype("f8"))
    return bool(((bits(x) == bits(want)) | (nan & np.isnan(x.astype("f8")))).all())


def widening(dtype):
    """Every pattern of a narrow type as float32 and float64."""
    t = np.dtype(getattr(ml_dtypes, dtype, dtype))
    x = np.arange(256**t.itemsize, dtype="u%d" % t.itemsize)
    path = os.path.join(DIR, dtype + ".bin")
    x.tofile(path)
    bad = []
    for to in "f4", "f8":
        status, out, err = tensor("convert", path, "--from", "raw", "--dtype", dtype, "--to", "npy")
        name = os.path.join(DIR, dtype + "-in.npy")
        with open(name, "wb") as f:
            f.write(out)
        status, out, err = tensor("convert", name, "--dtype", to)
        if status or not same(arrays(out)[0], x.view(t).astype(to)):
            bad.append("%s to %s: %s" % (dtype, to, err or "other values"))
    return bad


def narrowing(dtype):
    """Values between all neighbours, the ties among them, from float32: rounded to nearest even."""
    t = np.dtype(getattr(ml_dtypes, dtype, dtype))
    v = np.arange(256**t.itemsize, dtype="u%d" % t.itemsize).view(t).astype("f4")
    v = np.unique(v[np.isfinite(v)])
    mid = ((v[1:].astype("f8") + v[:-1]) / 2).astype("f4")
    x = np.concatenate([v, mid, np.nextafter(mid, np.float32(np.inf)), np.nextafter(mid, np.float32(-np.inf)),
                        np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 3e38, 1e5, -500, 464, 465, 480, 61439, 61440, 65520, -1e-45])])
    status, out, err = tensor("convert", save(x), "--dtype", dtype, "--to", "raw")
    if status:
        return [err]
    with np.errstate(over="ignore"):
        want = x.astype(t)
    return [] if same(np.frombuffer(out, bits(want).dtype).view(t), want) else ["float32 to %s" % dtype]


def neighbours(dtype):
    """All finite values of a type, ascending, -0 left out, as float64, and their bits."""
    t = np.dtype(getattr(ml_dtypes, dtype, dtype))
    u = np.arange(256**t.itemsize, dtype="u%d" % t.itemsize)
    v = u.view(t).astype("f8")
    ok = np.isfinite(v) & (u != 1 << (8 * t.itemsize - 1))
    v, u = v[ok], u[ok]
    order = np.argsort(v)
    return v[order], u[order]


def from_doubles(dtype):
    """float64 just below, at and just above the middle between all neighbours: rounded once, ties to even."""
    v, u = neighbours(dtype)
    mid = (v[1:] + v[:-1]) / 2  # exact
    bad = []
    for x, want in ((np.nextafter(mid, -np.inf), u[:-1]), (np.nextafter(mid, np.inf), u[1:]),
                    (mid, np.where(u[1:] & 1, u[:-1], u[1:])), (v, u)):
        status, out, err = tensor("convert", save(x), "--dtype", dtype, "--to", "raw")
        got = np.frombuffer(out, u.dtype)
        # -0 is what a negative number becomes that is too small.
        sign = np.where((want == 0) & (np.signbit(x)), 1 << (8 * u.itemsize - 1), 0).astype(u.dtype)
        if status or not np.array_equal(got, want | sign):
            k = int(np.argmax(got != (want | sign))) if not status else 0
            bad.append("%s: %r becomes %#x, not %#x %s" % (dtype, x[k], got[k] if len(got) else 0, want[k], err))
    return bad


def beyond(dtype):
    """What is too large: as ml_dtypes and PyTorch have it, and with --saturate the largest that there is."""
    v, u = neighbours(dtype)
    top, step = v[-1], v[-1] - v[-2]
    t = np.dtype(getattr(ml_dtypes, dtype, dtype))
    x = np.array([top + step / 2, np.nextafter(top + step / 2, 0), top + step, top * 4, np.inf, -np.inf, -top * 9, np.nan, 1.0])
    status, out, err = tensor("convert", save(x), "--dtype", dtype, "--to", "raw")
    name = save(x.astype("f8"))
    bad = [err] if status else []
    got = np.frombuffer(out, u.dtype).view(t).astype("f8")
    lost = np.nan if dtype == "float8_e4m3fn" else np.inf
    want = [lost if u[-1] & 1 else top, top, lost, lost, lost, -lost, -lost, np.nan, 1]
    if not np.array_equal(got, want, equal_nan=True):
        bad.append("%s: %r, not %r" % (dtype, got, want))
    status, out, err = tensor("convert", name, "--dtype", dtype, "--saturate", "--to", "raw")
    got = np.frombuffer(out, u.dtype).view(t).astype("f8")
    if status or not np.array_equal(got, [top] * 5 + [-top] * 2 + [np.nan, 1], equal_nan=True):
        bad.append("%s, saturated: %r %s" % (dtype, got, err))
    return bad


def between():
    """Every value of each narrow type as each other one: through float32, which holds all of them."""
    bad = []
    narrow = "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"
    for a in narrow:
        t = np.dtype(getattr(ml_dtypes, a, a))
        x = np.arange(256**t.itemsize, dtype="u%d" % t.itemsize).view(t)
        path = os.path.join(DIR, a + "-all.bin")
        x.tofile(path)
        name = os.path.join(DIR, a + "-all.npy")
        tensor("convert", path, "--from", "raw", "--dtype", a, "-o", name)
        for b in narrow:
            u = np.dtype(getattr(ml_dtypes, b, b))
            status, out, err = tensor("convert", name, "--dtype", b, "--to", "raw")
            with np.errstate(all="ignore"):
                want = x.astype("f4").astype(u)
            if status or not same(np.frombuffer(out, "u%d" % u.itemsize).view(u), want):
                bad.append("%s to %s %s" % (a, b, err))
    return bad


def main():
    tap = Tap()
    for a in TYPES:
        tap.test("%s to every type under every rule" % a, [p for r in parallel(pair, [(a, b) for b in TYPES]) for p in r])
    for dtype in "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2":
        tap.test("every %s as float32 and float64" % dtype, widening(dtype))
        tap.test("float32 to %s, to nearest even" % dtype, narrowing(dtype))
        tap.test("float64 to %s, rounded once" % dtype, from_doubles(dtype))
        tap.test("what %s cannot hold" % dtype, beyond(dtype))
    tap.test("every narrow float as every other one", between())
    status, _, err = tensor("convert", save(np.arange(2)), "--dtype", "int8", "--casting", "other")
    tap.test("an unknown rule", [] if status == 2 and "no, equiv, safe, same_kind, unsafe" in err else [err])
    tap.done()


if __name__ == "__main__":
    main()
