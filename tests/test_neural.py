"""The ops of neural networks against formulas in longdouble, written independently; and values that PyTorch's documents give."""

import json
import sys

import numpy as np

from oracle import LD, Tap, arrays, near, parallel, reported, save, tensor

RNG = np.random.default_rng(5)
REFUSED = object()  # the expected result: status 4 and one line of message
USAGE = object()  # status 2


class N:
    """An operand of the float dtype under test: normal numbers, of this size, or these elements."""

    def __init__(self, *shape, scale=1.0, x=None):
        self.x = RNG.standard_normal(shape) * scale if x is None else np.array(x)

    def make(self, dtype):
        return self.x.astype(dtype)


class U(N):
    """Probabilities."""

    def __init__(self, *shape):
        self.x = RNG.uniform(0.01, 0.99, shape)


class K(N):
    """An operand of a dtype of its own."""

    def __init__(self, x, dtype="int64"):
        self.x, self.dtype = np.array(x), dtype

    def make(self, dtype):
        return self.x.astype(self.dtype)


def case(operands, args, want, scale=None, ulps=2.0):
    """scale: a function that gives the terms which cancel in the result; the ulps are of their size."""
    return operands if isinstance(operands, list) else [operands], args.split(), want, ulps, scale


def softmax(axis=-1, sign=1):
    def f(x):
        e = np.exp(sign * x - (sign * x).max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)
    # exp makes a relative error of what its argument is rounded by
    return f, lambda x: f(x) * (2 + np.abs(sign * x - (sign * x).max(axis, keepdims=True)))


def log_softmax(axis=-1):
    def f(x):
        d = x - x.max(axis, keepdims=True)
        return d - np.log(np.exp(d).sum(axis, keepdims=True))
    return f, lambda x: 1 + np.abs(f(x))


big = N(x=[[1000.0, 1001, 1002, -1000], [-1e4, 1e4, 0, 1], [0, 0, 0, 0]])

CASES = {
    "softmax": [case(N(3, 5), "", *softmax()), case(N(3, 5, scale=30), "--axis 0", *softmax(0)), case(big, "", *softmax()), case(N(2, 3, 4), "--dim 1", *softmax(1)),
                case(N(70, 900), "", *softmax()), case(N(7), "", *softmax()), case(N(3, 5), "--axis 2", REFUSED),
                case(K([[0, 250], [255, 254]], "uint8"), "", *softmax()), case(K([[-100, 127]], "int8"), "", *softmax())],
    "log_softmax": [case(N(3, 5), "", *log_softmax()), case(N(3, 5, scale=30), "0", *log_softmax(0)), case(big, "", *log_softmax()), case(N(70, 900), "", *log_softmax())],
    "softmin": [case(N(3, 5), "", *softmax(sign=-1)), case(big, "", *softmax(sign=-1)), case(K([[0, 250], [255, 254]], "uint8"), "", *softmax(sign=-1))],
}


def check(name, operands, args, want, bound, scale, dtype):
    xs = [o.make(dtype) for o in operands]
    args = list(args)
    for i, a in enumerate(args):
        if a.startswith("@"):  # an operand that an attribute names
            args[i] = save(xs.pop())
    status, out, err = tensor("op", name, *[save(x) for x in xs], *args)
    where = "%s, %s %s" % (dtype, name, " ".join(args))
    if want is REFUSED or want is USAGE:
        expected = 4 if want is REFUSED else 2
        if status != expected:
            return "%s: status %d, not %d %s" % (where, status, expected, err[:200])
        p = reported(status, err)
        return p and "%s: %s" % (where, p)
    if status:
        return "%s: status %d: %s" % (where, status, err[:300])
    xs = [o.make(dtype) for o in operands]
    floats = [x.dtype for x in xs if x.dtype.kind == "f"]
    like = np.result_type(*floats) if floats else np.dtype("float64")
    xs = [x if x.dtype == np.int64 else x.astype(LD) for x in xs]
    ref = np.asarray(want(*xs))
    got = arrays(out)[0]
    if ref.dtype.kind in "biu":
        like = ref.dtype
    if got.dtype != like or got.shape != ref.shape:
        return "%s: %s%s, not %s%s" % (where, got.dtype, got.shape, like, ref.shape)
    if like.kind in "biu":
        return None if (got == ref).all() else where + ": values differ"
    if like == np.float16:
        bound = 0.51  # computed in float32, rounded once
    if scale is not None:
        close = np.abs(got - ref) <= 2 * np.finfo(np.float32 if like == np.float16 else like).eps * scale(*xs)
        ref = np.where(close, got, ref)
    p = near(got, ref, bound, [])
    return p and "%s: %s" % (where, p)


def main():
    tap = Tap()
    rows = {r["name"]: r for r in json.loads(tensor("op", "--list", "--json")[1] or b"[]")}
    only = sys.argv[1:]
    for name, row in rows.items():
        if row["family"] == "neural" and name not in CASES and not only:
            tap.test("op " + name, ["no test knows this op"])
    for name, cases in CASES.items():
        if not only or name in only:
            jobs = [(name, *c, d) for c in cases for d in (["float16", "float32", "float64"] if c[2] not in (REFUSED, USAGE) else ["float32"])]
            tap.test("op " + name, parallel(check, jobs))
    tap.done()


if __name__ == "__main__":
    main()
