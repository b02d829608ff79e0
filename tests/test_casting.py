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


def main():
    tap = Tap()
    for a in TYPES:
        tap.test("%s to every type under every rule" % a, [p for r in parallel(pair, [(a, b) for b in TYPES]) for p in r])
    for dtype in "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2":
        tap.test("every %s as float32 and float64" % dtype, widening(dtype))
        tap.test("float32 to %s, to nearest even" % dtype, narrowing(dtype))
    status, _, err = tensor("convert", save(np.arange(2)), "--dtype", "int8", "--casting", "other")
    tap.test("an unknown rule", [] if status == 2 and "no, equiv, safe, same_kind, unsafe" in err else [err])
    tap.done()


if __name__ == "__main__":
    main()
