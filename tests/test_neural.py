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


def reduced(f, how="mean"):
    return {"mean": lambda *xs: np.mean(f(*xs)), "sum": lambda *xs: np.sum(f(*xs)), "none": f}[how]


def losses(f, operands, args="", scale=None):
    """A loss with each reduction; of x and y alone scale may be given for each element."""
    return [case(operands, args + " --reduction " + how, reduced(f, how), scale and reduced(scale, how)) for how in ("none", "sum", "mean")] + \
        [case(operands, args, reduced(f), scale and reduced(scale)), case(operands, args + " --reduction half", USAGE)]


def huber(delta):
    return lambda x, y: np.where(abs(x - y) < delta, (x - y) ** 2 / 2, delta * (abs(x - y) - LD(delta) / 2))


def terms(x, y, *rest):
    """What differences of x and y cancel."""
    return 4 * (abs(x) + abs(y)) * (1 + abs(x - y))


def bce(x, y, w=1):
    return -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100)) * w


def bce_logits(x, y, w=1, pos=1):
    return (pos * y * np.log1p(np.exp(-x)) + (1 - y) * np.log1p(np.exp(x))) * w


def xlogy(x, y):
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))


def cross(how="mean", weight=False, ignore=-100, smooth=0, of_scores=True):
    """Cross entropy of (N, C, ...) scores as a loop over elements."""
    def f(x, y, w=None):
        lead = x.ndim == 1
        x, y = (x[None], np.asarray(y)[None]) if lead else (x, y)
        x = np.moveaxis(x, 1, -1)
        if of_scores:
            x = log_softmax()[0](x)
        n = x.shape[-1]
        w = np.ones(n) if w is None else w
        out, total = np.zeros(x.shape[:-1], LD), LD(0)
        prob = y.dtype.kind == "f"
        y = np.moveaxis(y, 1, -1) if prob else y
        for i in np.ndindex(*x.shape[:-1]):
            if prob:
                t = (1 - LD(smooth)) * y[i] + LD(smooth) / n
                out[i] = -sum(x[i][c] * t[c] * w[c] for c in range(n))
                total += 1
            elif y[i] != ignore:
                out[i] = -(1 - LD(smooth)) * x[i][y[i]] * w[y[i]] - LD(smooth) / n * sum(x[i][c] * w[c] for c in range(n))
                total += w[y[i]]
        return {"none": out[0] if lead else out, "sum": out.sum(), "mean": out.sum() / total}[how]
    return f, lambda *xs: 8 * (1 + np.abs(f(*xs)))


def layer_norm(n, eps=1e-5):
    def f(x, w=1, b=0):
        axes = tuple(range(-n, 0))
        return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + LD(eps)) * w + b
    return f, lambda x, *rest: 8 * (1 + np.abs(f(x, *rest)) + np.abs(x))


def rms_norm(n, eps=None, w=False):
    def f(x, w=1):
        axes = tuple(range(-n, 0))
        return x / np.sqrt((x * x).mean(axes, keepdims=True) + (LD(2) ** -23 if eps is None else LD(eps))) * w
    return f


def cosine(axis, eps=1e-8):
    def f(x, y):
        return (x * y).sum(axis) / (np.maximum(np.sqrt((x * x).sum(axis)), eps) * np.maximum(np.sqrt((y * y).sum(axis)), eps))
    return f, lambda x, y: 4 * np.ones(f(x, y).shape)


def p_norm(x, p, axis=-1):
    x = np.abs(x)
    return x.max(axis) if p == np.inf else (x != 0).sum(axis) if p == 0 else (x ** p).sum(axis) ** (LD(1) / p)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


big = N(x=[[1000.0, 1001, 1002, -1000], [-1e4, 1e4, 0, 1], [0, 0, 0, 0]])
xy = [N(3, 5), N(3, 5)]
edges = [N(x=[0.0, 1, 0, 1, 0.5]), N(x=[0.0, 1, 1, 0, 1])]
scores, images = N(4, 3), N(2, 3, 4, 5)
labels = K([2, 0, 1, 2])
pixels = K(RNG.integers(0, 3, (2, 4, 5)))
some = K([2, -100, 1, -100])
weight3 = U(3)
probs = N(x=np.array([[.2, .3, .5], [1, 0, 0], [.1, .1, .8], [0, .5, .5]]))
shrunk = N(x=[-np.inf, -2, -0.5, -0.25, 0, 0.5, 0.75, 3, np.inf, np.nan])
table = N(6, 3)

CASES = {
    "softmax": [case(N(3, 5), "", *softmax()), case(N(3, 5, scale=30), "--axis 0", *softmax(0)), case(big, "", *softmax()), case(N(2, 3, 4), "--dim 1", *softmax(1)),
                case(N(70, 900), "", *softmax()), case(N(7), "", *softmax()), case(N(3, 5), "--axis 2", REFUSED),
                case(K([[0, 250], [255, 254]], "uint8"), "", *softmax()), case(K([[-100, 127]], "int8"), "", *softmax())],
    "log_softmax": [case(N(3, 5), "", *log_softmax()), case(N(3, 5, scale=30), "0", *log_softmax(0)), case(big, "", *log_softmax()), case(N(70, 900), "", *log_softmax())],
    "softmin": [case(N(3, 5), "", *softmax(sign=-1)), case(big, "", *softmax(sign=-1)), case(K([[0, 250], [255, 254]], "uint8"), "", *softmax(sign=-1))],
    "mse_loss": losses(lambda x, y: (x - y) ** 2, xy, scale=terms) + [case([K([250, 3], "uint8"), K([255, 4], "uint8")], "", lambda x, y: LD(13)), case([N(3), N(4)], "", REFUSED)],
    "l1_loss": losses(lambda x, y: abs(x - y), xy, scale=terms),
    "smooth_l1_loss": losses(lambda x, y: huber(1)(x, y), xy, scale=terms) + losses(lambda x, y: huber(0.25)(x, y) * 4, xy, "--beta 0.25", lambda *a: 4 * terms(*a)) +
    [case(xy, "--beta 0", reduced(lambda x, y: abs(x - y)), reduced(terms)), case(xy, "--beta -1", REFUSED)],
    "huber_loss": losses(huber(1), xy, scale=terms) + losses(huber(0.25), xy, "--delta 0.25", terms) + [case(xy, "--delta 0", REFUSED)],
    "binary_cross_entropy": losses(bce, [U(3, 5), U(3, 5)], scale=lambda x, y: 4 + 0 * x) + losses(bce, edges, scale=lambda x, y: 4 * np.ones(5)) +
    [case([U(3, 5), U(3, 5), U(3, 5)], "--weight @2", reduced(bce), reduced(lambda *x: 4))],
    "binary_cross_entropy_with_logits": losses(bce_logits, [N(3, 5), U(3, 5)]) + [case([N(x=[-30.0, 30, 3, -3]), N(x=[0.0, 1, 0, 1])], "--reduction none", bce_logits),
        case([N(3, 5), U(3, 5), U(5), U(5)], "--weight @2 --pos-weight @3", reduced(bce_logits))],
    "kl_div": losses(lambda x, y: xlogy(y, y) - y * x, [N(3, 5), U(3, 5)], scale=lambda x, y: 4 * (1 + abs(x))) +
    [case([N(4, 3), probs], "--reduction batchmean", lambda x, y: (xlogy(y, y) - y * x).sum() / 4, lambda x, y: 4),
     case(xy, "--log-target", reduced(lambda x, y: np.exp(y) * (y - x)), lambda x, y: 100)],
    "nll_loss": [case([scores, labels], "--reduction " + r, *cross(r, of_scores=False)) for r in ("none", "sum", "mean")] +
    [case([images, pixels], "", *cross(of_scores=False)), case([scores, some], "", *cross(of_scores=False)), case([scores, K([[1]])], "", REFUSED), case([scores, K([0.5], "float32")], "", REFUSED),
     case([scores, K([0, 1, 2, 3])], "", REFUSED), case([scores, K([0, 1, 2, -1])], "", REFUSED), case([scores, labels, U(4)], "--weight @2", REFUSED)],
    "cross_entropy": [case([x, y], "--reduction " + r, *cross(r)) for r in ("none", "sum", "mean") for x, y in ((scores, labels), (images, pixels), (scores, some), (N(3), K(1)), (scores, probs))] +
    [case([scores, y, weight3], "--weight @2 --label-smoothing 0.1 --reduction " + r, *cross(r, smooth=0.1)) for r in ("none", "sum", "mean") for y in (labels, some, probs)] +
    [case([images, pixels, weight3], "--weight @2 --label-smoothing 0.25", *cross(smooth=0.25)), case([scores, labels], "--ignore-index 2", *cross(ignore=2)),
     case([scores, labels], "--label-smoothing 0.5", *cross(smooth=0.5)), case([big, K([0, 0, 3])], "", *cross()),
     case([scores, K([3, 0, 0, 0])], "", REFUSED), case([scores, labels], "--label-smoothing 2", REFUSED), case([scores, N(4, 2)], "", REFUSED)],
    "layer_norm": [case(N(3, 5), "5", *layer_norm(1)), case(N(2, 3, 4), "3,4", *layer_norm(2)), case(N(3, 5), "--normalized-shape 5 --eps 0.5", *layer_norm(1, 0.5)),
                   case([N(3, 5), N(5), N(5)], "5 --weight @1 --bias @2", *layer_norm(1)), case(N(3, 5), "3", REFUSED), case(N(3, 5), "", USAGE)],
    "rms_norm": [case(N(3, 5), "5 --eps 1e-3", rms_norm(1, 1e-3), ulps=4), case([N(2, 3, 4), N(3, 4)], "3,4 --weight @1 --eps 0", rms_norm(2, 0), ulps=4),
                 case(N(3, 5), "5", rms_norm(1), lambda x: 4 * 2.0 ** -22 / np.finfo("float32").eps * abs(rms_norm(1)(x)) * 2.0 ** 29)],
    "normalize": [case(N(3, 5), "", lambda x: x / np.sqrt((x * x).sum(1, keepdims=True))), case(N(3, 5), "--p 1 --axis 0", lambda x: x / abs(x).sum(0, keepdims=True)),
                  case(N(x=[[0.0, 0]]), "", lambda x: x)],
    "glu": [case(N(3, 6), "", lambda x: x[:, :3] * sigmoid(x[:, 3:]), ulps=3), case(N(4, 3), "--axis 0", lambda x: x[:2] * sigmoid(x[2:]), ulps=3), case(N(3, 5), "", REFUSED)],
    "prelu": [case([N(2, 3, 4), U(3)], "", lambda x, w: np.where(x >= 0, x, x * w[:, None])), case([N(2, 3), U(3)], "", lambda x, w: np.where(x >= 0, x, x * w)),
              case([N(5), U(1)], "", lambda x, w: np.where(x >= 0, x, x * w))],
    "threshold": [case(N(3, 5), "0.1 20", lambda x: np.where(x > LD(0.1), x, 20)), case(K([1, 5, 3]), "2 -7", lambda x: np.where(x > 2, x, -7))],
    "hardshrink": [case(shrunk, "", lambda x: np.where(abs(x) <= 0.5, 0, x)), case(shrunk, "--lambd 2", lambda x: np.where(abs(x) <= 2, 0, x))],
    "softshrink": [case(shrunk, "", lambda x: np.where(abs(x) <= 0.5, 0, x - np.sign(x) / 2)), case(shrunk, "2", lambda x: np.where(abs(x) <= 2, 0, x - 2 * np.sign(x)))],
    "tanhshrink": [case(N(3, 5), "", lambda x: x - np.tanh(x), lambda x: abs(x))],
    "one_hot": [case(K([0, 2, 1, 1]), "3", lambda x: np.eye(3, dtype="int64")[x]), case(K([[0, 2], [1, 1]]), "--num-classes 5", lambda x: np.eye(5, dtype="int64")[x]),
                case(K([0], "float32"), "3", REFUSED), case(K([0]), "0", REFUSED), case(K([0]), "", USAGE)],
    "embedding": [case([K([[0, 5], [2, 2]]), table], "", lambda i, w: w[i]), case([K(3), table], "", lambda i, w: w[i]), case([K([6]), table], "", REFUSED), case([K([0]), N(5)], "", REFUSED)],
    "linear": [case([N(3, 5), N(2, 5)], "", lambda x, w: x @ w.T, lambda x, w: 4 * abs(x) @ abs(w).T), case([N(2, 3, 5), N(2, 5), N(2)], "--bias @2", lambda x, w, b: x @ w.T + b, lambda x, w, b: 4 * abs(x) @ abs(w).T + abs(b)),
               case([N(3, 5), N(5)], "", lambda x, w: x @ w, lambda x, w: 4 * abs(x) @ abs(w)), case([N(3, 5), N(5, 2)], "", REFUSED)],
    "cosine_similarity": [case(xy, "", *cosine(1)), case(xy, "--axis 0", *cosine(0)), case([N(x=[[0.0, 0]]), N(1, 2)], "", lambda x, y: np.zeros(1, LD))],
    "pairwise_distance": [case(xy, "", lambda x, y: p_norm(x - y + LD(1e-6), 2), lambda x, y: 8), case(xy, "--p 1 --keepdims", lambda x, y: p_norm(x - y + LD(1e-6), 1)[:, None], lambda x, y: 8)],
    "cdist": [case([N(4, 3), N(5, 3)], p and "--p " + p, lambda x, y, p=p: p_norm(x[:, None] - y, float(p or 2)), lambda x, y: 8) for p in ("", "1", "3", "inf")] +
    [case([N(2, 4, 3), N(2, 5, 3)], "", lambda x, y: p_norm(x[:, :, None] - y[:, None], 2), lambda x, y: 8)],
    "dropout": [case(N(3, 5), "--p 0", lambda x: x), case(N(3, 5), "1", lambda x: 0 * x), case(N(3), "--p 1.5", REFUSED)],
}


def dropped(dtype):
    """Zeros are as many as p says, the rest is scaled; a seed gives the same again, whatever the dtype."""
    x = save(np.ones(100000, dtype))
    a, b, c = (arrays(tensor("op", "dropout", x, "--p", "0.2", "--seed", str(seed))[1])[0] for seed in (1, 1, 2))
    d = arrays(tensor("op", "dropout", save(np.ones(100000)), "--p", "0.2", "--seed", "1")[1])[0]
    if a.dtype != dtype or not (a == b).all() or (a == c).all() or ((a == 0) != (d == 0)).any():
        return "%s: seeds" % dtype
    if set(np.unique(a)) != {0, 1.25} or abs((a == 0).mean() - 0.2) > 0.006:
        return "%s: %s zeros of %s" % (dtype, (a == 0).mean(), np.unique(a))
    err = tensor("op", "dropout", x, "-v")[2]
    return None if "seed" in err else "-v does not tell the seed: " + err


def documented():
    """Values that others print: PyTorch's documentation of losses, worked by hand."""
    ln2 = float(np.log(2))
    rows = [("cross_entropy", ["[[0.0,0]]", "[1]"], [], ln2), ("binary_cross_entropy_with_logits", ["[0.0]", "[1.0]"], [], ln2), ("binary_cross_entropy", ["[0.0]", "[1.0]"], [], 100.0),
            ("smooth_l1_loss", ["[0.0]", "[2.0]"], [], 1.5), ("huber_loss", ["[0.0]", "[2.0]"], ["--delta", "0.5"], 0.875), ("kl_div", ["[0.0]", "[0.0]"], [], 0.0)]
    for name, xs, args, want in rows:
        status, out, err = tensor("op", name, *[save(np.array(json.loads(x))) for x in xs], *args)
        yield None if not status and abs(float(arrays(out)[0]) - want) < 1e-15 else "%s: %s" % (name, err or arrays(out))


def check(name, operands, args, want, bound, scale, dtype):
    xs = [o.make(dtype) for o in operands]
    files = [save(x) for x in xs]
    named = [int(a[1:]) for a in args if a[0] == "@"]  # operands that attributes name
    args = [files[int(a[1:])] if a[0] == "@" else a for a in args]
    status, out, err = tensor("op", name, *[f for i, f in enumerate(files) if i not in named], *args)
    where = "%s, %s %s" % (dtype, name, " ".join(args))
    if want is REFUSED or want is USAGE:
        expected = 4 if want is REFUSED else 2
        if status != expected:
            return "%s: status %d, not %d %s" % (where, status, expected, err[:200])
        p = reported(status, err)
        return p and "%s: %s" % (where, p)
    if status:
        return "%s: status %d: %s" % (where, status, err[:300])
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
    if not only or "dropout" in only:
        tap.test("dropout", parallel(dropped, [(d,) for d in ("float16", "float32", "float64")]))
    if not only:
        tap.test("losses that are known", list(documented()))
    tap.done()


if __name__ == "__main__":
    main()
