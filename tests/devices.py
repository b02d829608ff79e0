"""Results of another device beside the processor's: the same bits where nothing is rounded, else within so many ulps.

oracle.py comes here where ORACLE_DEVICE is set; what the device gave is what its caller then compares with NumPy.  At the end
of the process a line of JSON is added to the file that ORACLE_REPORT names: commands and worst ulps by op.
"""

import atexit
import io
import json
import os
import threading

import ml_dtypes
import numpy as np

import oracle

# Ulps from the processor's result.  Functions of float32 and less are the processor's own text; those of float64 are CUDA's, within 1 or 2
# ulps of the exact result as the processor's are.
BOUND = 3
WIDE = {  # by op: what takes several functions, or cancels; products and sums are judged by NumPy alone
    "logaddexp2": 4, "lgamma": 64, "digamma": 4096, "polygamma": 4096, "power": 256, "tan": 8, "atan": 8, "tanh": 8, "float_power": 256,
    "matmul": np.inf, "eval": np.inf,
    "cumsum": np.inf, "cumulative_sum": np.inf, "logcumsumexp": np.inf, "prod": 16, "nanprod": 16, "softmax": 8, "softmin": 8, "tanhshrink": 4096,
}
ROUNDS = {"f", "c", "V"}
UNSEEDED = {"rand", "randn", "randint", "uniform", "normal", "exponential", "bernoulli", "rand_like", "randn_like", "dropout",
            "randperm"}

lock = threading.Lock()
seen = {}  # op: [commands, worst ulps]


def report():
    if os.environ.get("ORACLE_REPORT"):
        with open(os.environ["ORACLE_REPORT"], "a") as f:
            f.write(json.dumps(seen) + "\n")


atexit.register(report)


def note(name, ulps):
    with lock:
        n, worst = seen.get(name, (0, 0))
        seen[name] = n + 1, max(worst, ulps)


def load(data):
    """The arrays of a stream; float types that NumPy lacks by way of their names."""
    out, f = [], io.BytesIO(data)
    while f.tell() < len(data):
        version = np.lib.format.read_magic(f)
        n = int.from_bytes(f.read(2 if version == (1, 0) else 4), "little")
        header = eval(f.read(n).decode("latin1"), {})  # noqa: S307: our own program's
        dtype = np.dtype(getattr(ml_dtypes, header["descr"], None) or header["descr"])
        size = int(np.prod(header["shape"]))
        x = np.frombuffer(f.read(size * dtype.itemsize), dtype)
        out.append(x.reshape(header["shape"], order="F" if header["fortran_order"] else "C"))
    return out


def distance(a, b):
    """The largest distance of floats in ulps, of complex numbers in ulps of the modulus; inf where one is nan, or an infinity, and the
    other is not."""
    real = np.dtype("f%d" % (a.dtype.itemsize // 2)) if a.dtype.kind == "c" else a.dtype
    xs, ys = ([p.astype(np.longdouble) for p in oracle.parts(z if z.dtype.kind in "fc" else z.astype(np.float32))] for z in (a, b))
    size = np.maximum.reduce([np.where(np.isfinite(x), np.abs(x), 0) for x in xs])
    worst = 0.0
    if len(xs) == 2:  # beside a nan, C leaves the sign of an infinity open
        for k in 0, 1:
            free = np.isnan(xs[1 - k]) & np.isnan(ys[1 - k]) & np.isinf(xs[k]) & np.isinf(ys[k])
            xs[k], ys[k] = np.where(free, np.inf, xs[k]), np.where(free, np.inf, ys[k])
    for x, y in zip(xs, ys):
        differ = ~((x == y) | (np.isnan(x) & np.isnan(y)))
        if not (np.isfinite(x) & np.isfinite(y))[differ].all():
            return np.inf
        if differ.any():
            worst = max(worst, float((np.abs(x - y)[differ] / oracle.spacing(size[differ], real)).max()))
    return worst


def compare(args, here, there):
    """What the device gave, or status 99 where it is not what the processor gave."""
    name = args[0] if args[0] in ("matmul", "eval", "convert") else args[0] + " " + str(args[1])
    if here[0] != there[0]:
        return 99, b"", "on the device: status %d, not %d: %s" % (there[0], here[0], there[2])
    if args[1] in UNSEEDED and "--seed" not in args and not any(str(a).startswith("--seed=") for a in args):
        note(name, 0)
        return there
    if here[0] or "-o" in args or not here[1].startswith(b"\x93NUMPY"):
        note(name, 0)
        return there
    a, b = load(here[1]), load(there[1])
    if len(a) != len(b):
        return 99, b"", "on the device: %d arrays, not %d" % (len(b), len(a))
    worst = 0.0
    for x, y in zip(a, b):
        problem = oracle.same_type(y, x)
        if problem:
            return 99, b"", "on the device: " + problem
        if x.dtype.kind in ROUNDS and x.size:
            worst = max(worst, distance(x, y))
        elif (x != y).any():
            return 99, b"", "on the device: " + oracle.first(x != y, y, x, ())
    note(name, worst)
    if worst > WIDE.get(str(args[1]), WIDE.get(args[0], BOUND)):
        return 99, b"", "on the device: %g ulps from the processor's" % worst
    return there
