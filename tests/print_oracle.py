#!/usr/bin/env python3
"""Compare lib/print.c and lib/number.c with NumPy on random arrays and numbers.

Usage: print_oracle.py [CASES [SEED]]     exit status 1 when anything differs
Needs NumPy 2.4 or newer: earlier ones use exponents for other float16 and float32 arrays.
"""
import ctypes
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16",
          "float32", "float64", "complex64", "complex128"]
FLOATS = ["float16", "float32", "float64", "complex64", "complex128"]


class Shape(ctypes.Structure):
    _fields_ = [("ndim", ctypes.c_int), ("dim", ctypes.c_int64 * 64)]


class Text(ctypes.Structure):
    _fields_ = [("s", ctypes.c_char_p), ("len", ctypes.c_size_t), ("room", ctypes.c_size_t), ("failed", ctypes.c_bool)]


class Options(ctypes.Structure):
    _fields_ = [("precision", ctypes.c_int), ("threshold", ctypes.c_int64), ("edgeitems", ctypes.c_int),
                ("linewidth", ctypes.c_int), ("suppress", ctypes.c_bool)]


class Decimal(ctypes.Structure):
    _fields_ = [("integer", ctypes.c_bool), ("huge", ctypes.c_bool), ("magnitude", ctypes.c_uint64),
                ("value", ctypes.c_double)]


def build(folder):
    """The few files that are needed, as a shared library; number.c wants cast_one, which nothing here calls."""
    so = os.path.join(folder, "print.so")
    sources = [f"lib/{name}.c" for name in ("print", "number", "decimal", "text", "dtype", "array", "error")]
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-O2", "-D_POSIX_C_SOURCE=200809L", "-I.", "-shared", "-fPIC",
                    "-o", so, *sources, "-x", "c", "-", "-lm"],
                   input=b"void cast_one(void); void cast_one(void) {}", check=True, cwd=ROOT)
    return ctypes.CDLL(so)


def corners(a, edge):
    for axis in range(a.ndim):
        n = a.shape[axis]
        if n > 2 * edge:
            a = a.take([*range(edge), *range(n - edge, n)], axis)
    return a


def printed(lib, a, opt):
    data = np.ascontiguousarray(corners(a, opt["edgeitems"]) if a.size > opt["threshold"] else a)
    shape = Shape(a.ndim, (ctypes.c_int64 * 64)(*a.shape))
    text = Text()
    options = Options(opt["precision"], opt["threshold"], opt["edgeitems"], opt["linewidth"], opt["suppress"])
    lib.print_array(ctypes.byref(text), DTYPES.index(a.dtype.name), ctypes.byref(shape),
                    ctypes.c_void_p(data.ctypes.data), ctypes.byref(options))
    result = text.s.decode()
    lib.text_release(ctypes.byref(text))
    return result


def random_floats(rng, n, dtype):
    bits = lambda: np.frombuffer(rng.bytes(8 * n), np.float64).copy()
    kinds = [
        lambda: rng.standard_normal(n),
        lambda: rng.integers(-1000, 1000, n) * 1.0,
        lambda: rng.standard_normal(n) * 10.0 ** rng.integers(-10, 10, n),
        bits,
        lambda: rng.integers(-50, 50, n) / rng.choice([2, 3, 4, 8, 10, 100, 1000]),
        lambda: 2.0 ** rng.integers(-40, 40, n) * rng.choice([1, -1], n),
        lambda: 10.0 ** rng.integers(-6, 10, n),
        lambda: rng.random(n) * 10.0 ** rng.integers(-5, 9),
        lambda: np.round(rng.standard_normal(n), int(rng.integers(0, 6))),
        lambda: rng.integers(0, 3, n) * 1.0,
        lambda: 2.0 ** rng.integers(-1074, 1023, n),
        lambda: rng.standard_normal(n) * 10.0 ** rng.integers(-300, 300),
    ]
    kind = kinds[rng.integers(len(kinds))]
    dtype = np.dtype(dtype)
    if kind is bits:
        x = np.frombuffer(rng.bytes(dtype.itemsize * n), dtype).copy()
    else:
        x = kind().astype(dtype)
    special = [np.nan, np.inf, -np.inf, -0.0, 0.0]
    if n and rng.random() < 0.3:
        for s in special:
            if rng.random() < 0.5:
                x[rng.integers(n)] = s
    if rng.random() < 0.03:
        x[:] = rng.choice(special)
    return x


def random_array(rng):
    shapes = [
        lambda: (int(rng.integers(30)),),
        lambda: (),
        lambda: (int(rng.integers(900, 1300)),),
        lambda: tuple(map(int, rng.integers(1, 14, rng.integers(2, 5)))),
        lambda: tuple(map(int, rng.integers(0, 4, rng.integers(2, 5)))),
        lambda: tuple(map(int, rng.integers(1, 60, 2))),
        lambda: tuple(map(int, rng.integers(1, 6, rng.integers(1, 6)))),
    ]
    shape = shapes[rng.integers(len(shapes))]()
    n = int(np.prod(shape))
    dtype = np.dtype(rng.choice(FLOATS if rng.random() < 0.8 else [d for d in DTYPES if d != "bfloat16"]))
    if dtype.kind == "f":
        a = random_floats(rng, n, dtype)
    elif dtype.kind == "c":
        a = np.empty(n, dtype)
        a.real = random_floats(rng, n, a.real.dtype)
        a.imag = random_floats(rng, n, a.real.dtype)
    elif dtype.kind == "b":
        a = rng.integers(0, 2, n).astype(bool)
    elif rng.random() < 0.5:
        a = np.frombuffer(rng.bytes(dtype.itemsize * n), dtype).copy()
    else:
        a = rng.integers(-100, 100, n).astype(dtype)
    return a.reshape(shape)


def random_options(rng):
    opt = dict(precision=8, threshold=1000, edgeitems=3, linewidth=75, suppress=False)
    if rng.random() < 0.3:
        opt = dict(precision=int(rng.integers(0, 18)), threshold=int(rng.choice([0, 10, 100, 1000])),
                   edgeitems=int(rng.integers(1, 5)), linewidth=int(rng.choice([1, 20, 40, 75, 200])),
                   suppress=bool(rng.integers(2)))
    return opt


def check_arrays(lib, rng, cases):
    bad = 0
    for _ in range(cases):
        a, opt = random_array(rng), random_options(rng)
        with np.printoptions(**opt):
            expected = str(a)
        got = printed(lib, a, opt)
        if got != expected:
            bad += 1
            if bad <= 3:
                print(f"{a.dtype} {a.shape} {opt}\nNumPy:\n{expected}\nhere:\n{got}")
    return bad


def check_numbers(lib, rng, cases):
    """repr(float) of Python, and float(text)."""
    bad = 0
    buf = ctypes.create_string_buffer(128)
    number = Decimal()
    lib.decimal_scan.restype = ctypes.c_size_t
    lib.decimal_scan.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    for _ in range(max(1, cases // 100)):
        values = random_floats(rng, 100, np.float64)
        for i, x in enumerate(values.tolist()):
            lib.number_repr(buf, DTYPES.index("float64"), ctypes.c_void_p(values.ctypes.data + 8 * i))
            if buf.value.decode() != repr(x):
                bad += 1
                print(f"{x!r}: {buf.value.decode()}")
            for text in (f"{abs(x):.{rng.integers(40)}e}", f"{abs(x):.{rng.integers(30)}f}"):
                if not np.isfinite(x):
                    continue
                raw = ctypes.create_string_buffer(text.encode())
                start = ctypes.addressof(raw)
                n = lib.decimal_scan(ctypes.byref(number), start, start + len(text))
                if n != len(text) or number.value != float(text):
                    bad += 1
                    print(f"{text}: {number.value!r}")
    return bad


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    if tuple(map(int, np.__version__.split(".")[:2])) < (2, 4):
        print(f"skipped: NumPy {np.__version__} is older than 2.4")
        return 0
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        lib = build(folder)
        bad = check_arrays(lib, rng, cases) + check_numbers(lib, rng, cases)
    print(f"{cases} arrays, {cases} numbers: {bad} differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
