"""What the tests against NumPy share: running tensor, input files, TAP, distances in units in the last place."""

import atexit
import concurrent.futures
import io
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import ml_dtypes
import numpy as np

warnings.simplefilter("ignore")  # np.seterr does not reach the threads of parallel
LD = np.longdouble
QUICK = bool(os.environ.get("SANITIZER"))  # fewer layouts where each process is slow
TENSOR = os.environ.get("TENSOR", "tensor")
DIR = tempfile.mkdtemp(prefix="tensor-test-")
atexit.register(shutil.rmtree, DIR, True)

INTS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
DTYPES = os.environ["ORACLE_DTYPES"].split() if "ORACLE_DTYPES" in os.environ else ["bool"] + INTS + FLOATS + COMPLEX
bfloat16 = np.dtype(ml_dtypes.bfloat16)


def run(args, stdin, **env):
    p = subprocess.run([TENSOR, *map(str, args)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=DIR,
                       env={**os.environ, **env})
    return p.returncode, p.stdout, p.stderr.decode(errors="replace").strip()


def tensor(*args, stdin=b""):
    """Run the program; its status, standard output and standard error.  With ORACLE_DEVICE: there, too (devices.py)."""
    here = run(args, stdin)
    if "ORACLE_DEVICE" not in os.environ or args[0] not in ("op", "reduce", "create", "matmul", "eval", "convert"):
        return here
    import devices
    return devices.compare(args, here, run(args, stdin, TENSOR_DEVICE=os.environ["ORACLE_DEVICE"]))


def arrays(data):
    """The arrays of a stream."""
    out, f = [], io.BytesIO(data)
    while f.tell() < len(data):
        out.append(np.load(f, allow_pickle=False))
    return out


_names = itertools.count()


def save(x, name=None):
    """x in a .npy file (its memory order and byte order included); its name."""
    name = name or "in%d.npy" % next(_names)
    np.save(os.path.join(DIR, name), x)
    return name


def reported(status, err):
    """A failure that says what went wrong in one line; None if it is one."""
    if status not in (2, 3, 4, 5):
        return "status %d: %s" % (status, err[:300])
    if not err.startswith("tensor") or "\n" in err:
        return "not one line of message: %r" % err[:300]
    return None


def show(v):
    return repr(v.item() if isinstance(v, np.generic) and v.dtype.kind in "biuf" and v.dtype.itemsize <= 8 else v)


def same_type(got, want):
    if got.dtype != want.dtype:
        return "dtype %s, not %s" % (got.dtype, want.dtype)
    if got.shape != want.shape:
        return "shape %s, not %s" % (got.shape, want.shape)
    return None


def first(bad, got, want, inputs):
    i = tuple(int(k) for k in np.argwhere(bad)[0])
    at = ", ".join(show(np.broadcast_to(x, got.shape)[i]) for x in inputs)
    return "%d differ; at (%s): %s, not %s" % (bad.sum(), at, show(got[i]), show(want[i]))


def exact(got, want, inputs=(), zeros=True):
    """Equal bit for bit, but any NaN is one NaN; zeros: -0 is not 0."""
    p = same_type(got, want)
    if p:
        return p
    if got.dtype.kind in "biu" or not got.size:
        bad = got != want
    else:
        bad = False
        for g, w in zip(parts(got), parts(want)):
            bad = bad | ~((g == w) | (np.isnan(g) & np.isnan(w)))
            if zeros:
                bad |= (np.signbit(g) != np.signbit(w)) & ~np.isnan(g) & ~np.isnan(w)
    return first(bad, got, want, inputs) if bad.any() else None


def parts(x):
    x = np.asarray(x)
    if x.dtype.kind == "c":
        return x.real, x.imag
    return (x.astype(np.float32) if x.dtype == bfloat16 else x,)


def spacing(x, dtype):
    """The unit in the last place of |x| in dtype, as longdouble; x is longdouble."""
    info = ml_dtypes.finfo(dtype)
    m, e = np.frexp(np.abs(x).astype(LD))
    e = np.where(m == 0, int(info.minexp), np.maximum(e - 1, int(info.minexp)))
    return np.ldexp(LD(1), e - int(info.nmant)).astype(LD)


def ulps(got, ref):
    """Distance of floats from the exact results ref (longdouble) in ulps; where either is not finite: 0 or inf."""
    dtype = got.dtype
    top = LD(float(ml_dtypes.finfo(dtype).max))
    half = spacing(top, dtype) / 2
    g = got.astype(LD)
    d = np.abs(g - ref) / spacing(ref, dtype)
    over = np.abs(ref) >= top + half  # rounds to an infinity
    d = np.where(over & np.isinf(g) & (np.sign(g) == np.sign(ref)), 0, d)
    close = (np.abs(ref) >= top - half) & np.isinf(g) & (np.sign(g) == np.sign(ref))
    d = np.where(close & ~np.isinf(ref), np.minimum(d, 1), d)
    d = np.where(over & (np.abs(g) == top) & ~np.isinf(ref) & (np.abs(ref) < top + 3 * half), 1, d)
    d = np.where(np.isnan(ref), np.where(np.isnan(g), 0, np.inf), d)
    return np.where(np.isnan(d), np.inf, d)


def near(got, ref, bound, inputs=(), zeros=None):
    """Within bound ulps of ref (longdouble); zeros: a result of the same type that says what the sign of a zero is."""
    d = ulps(got, ref)
    bad = d > bound
    if zeros is not None:
        g = np.asarray(got)
        bad |= (g == 0) & (zeros == 0) & (np.signbit(g) != np.signbit(zeros))
    if not bad.any():
        return None
    worst = tuple(int(k) for k in np.unravel_index(np.argmax(np.where(bad, d, -1)), d.shape))
    at = ", ".join(show(np.broadcast_to(x, got.shape)[worst]) for x in inputs)
    return "%d differ; at (%s): %s, not %s (%.2f ulp)" % (bad.sum(), at, show(got[worst]), ref[worst], d[worst])


def near_complex(got, ref, bound, inputs=()):
    """Each part within bound ulps of the modulus; parts that are not finite are of the same kind."""
    g, w = np.stack(parts(got)).astype(LD), np.stack([ref.real, ref.imag])
    real = np.dtype("float32" if got.dtype == np.complex64 else "float64")
    w = np.where(np.abs(w) > LD(np.finfo(real).max), np.sign(w) * np.inf, w)
    scale = spacing(np.where(np.isfinite(w), np.abs(w), 0).max(axis=0), real)
    ok = np.abs(g - w) <= bound * scale
    ok |= (g == w) | (np.isnan(g) & np.isnan(w))
    bad = ~ok.all(axis=0)
    return first(bad, got, ref, inputs) if bad.any() else None


class Tap:
    """One line a test; problems are its diagnostics."""

    def __init__(self):
        self.n = self.failed = 0

    def test(self, name, problems):
        self.n += 1
        problems = [p for p in problems if p]
        self.failed += bool(problems)
        print("%s %d - %s" % ("not ok" if problems else "ok", self.n, name))
        for p in problems[:8]:
            print("#   " + p.replace("\n", " | "))
        if len(problems) > 8:
            print("#   and %d more" % (len(problems) - 8))
        sys.stdout.flush()

    def skip(self, name, why):
        self.n += 1
        print("ok %d - %s # skip %s" % (self.n, name, why))

    def done(self):
        print("1..%d" % self.n)
        sys.exit(self.failed > 0)


def parallel(fn, jobs):
    """[fn(*job) for job in jobs], several at a time: most of the time is spent in processes."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(lambda job: fn(*job), jobs))


def special(dtype):
    """Values worth trying: limits, zeros, infinities, and some ordinary ones."""
    dt = np.dtype(dtype)
    if dt.kind == "b":
        return np.array([False, True])
    if dt.kind in "iu":
        info = np.iinfo(dt)
        v = [0, 1, 2, 3, 7, 10, 100, info.max, info.max - 1, info.max // 2, info.min, info.min + 1]
        v += [-1, -2, -3, -7, -100] if dt.kind == "i" else []
        return np.array(v, dt)
    if dt.kind == "f" or dt == bfloat16:
        info = ml_dtypes.finfo(dt)
        tiny, sub, top = (np.float64(x) for x in (info.smallest_normal, info.smallest_subnormal, info.max))
        eps = np.float64(info.eps)
        v = [0.0, 1, 0.5, 2, 3, 10, 0.1, 1 / 3, 1.5, 2.5, 100, np.pi, np.e, 1 + eps, 1 - eps / 2, eps, tiny, sub]
        v += [tiny - sub, top, top / 2, 88, 709, 0.25, 1e-3, 1e-5, 20.5]
        return np.array(v + [-x for x in v] + [np.inf, -np.inf, np.nan]).astype(dt)
    return complex_grid(dt)


def complex_grid(dtype):
    """Every pair of special real and imaginary parts."""
    r = np.array([0.0, -0.0, 1, -1.5, 0.25, 1e-6, 3, 40, -7, np.inf, -np.inf, np.nan])
    z = np.empty((r.size, r.size), dtype)
    z.real, z.imag = r[:, None], r
    return z.ravel()


def values(dtype, n=0, seed=0, small=False):
    """The special values and n random ones: of all magnitudes, or (small) around 1."""
    rng = np.random.default_rng(seed)
    dt = np.dtype(dtype)
    if dt.kind == "b":
        return np.concatenate([special(dt), rng.random(n) < 0.5])
    if dt.kind in "iu":
        info = np.iinfo(dt)
        some = rng.integers(info.min, info.max, n, dt, endpoint=True)
        some[::3] %= 23
        return np.concatenate([special(dt), some])
    if dt.kind == "c":
        z = values("float64", n, seed, True)[-n:] + 1j * values("float64", n, seed + 1, True)[-n:] if n else []
        return np.concatenate([complex_grid(dt), np.asarray(z, dt)])
    v = rng.standard_normal(n) * 4
    if not small:
        info = ml_dtypes.finfo(dt)
        wide = np.ldexp(rng.uniform(-1, 1, n), rng.integers(int(info.minexp) - int(info.nmant), int(info.maxexp), n))
        v[::3] = wide[::3]
        v[1::3] *= 10.0 ** rng.uniform(-3, 2, n)[1::3]
    return np.concatenate([special(dt), v.astype(dt)])
