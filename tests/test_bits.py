"""The same bits whatever the way: threads, tiles, vectors, files, pipes, strides, alignment, fused or not; every op."""

import json
import os
import subprocess
import sys

import numpy as np

from oracle import DIR, QUICK, TENSOR, Tap, arrays, parallel, save, values

PLAIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "plain", "tensor")
TILE = 192  # elements, where tests choose it: three vectors of bytes
ROWS, COLS = 29, 453  # 13137 elements: three chunks of 4096, which reductions are cut at, and an odd part

# How ops are called that need more than arrays of one shape: operands (a b c: matrices, v: a vector of COLS, s: square,
# i: indices into rows, m: mask, k: a small shape, p: in 0..1, t: three columns) and attributes.  None: checked elsewhere.
CALLS = {
    "lerp": "a b .5", "where": "m a b", "masked_fill": "a m 2", "clip": "a -1 2", "threshold": "a .5 2", "reshape": "a -1,29", "permute_dims": "a 1,0",
    "swapaxes": "a 0,1", "moveaxis": "a 0 1", "broadcast_to": "v 7,453", "slice": "a 1:,::-2", "slice_backward": "a --shape 40,500 --slice 3:32,:453",
    "slice_scatter": "a v --slice 3", "sum_to_size": "a 1,453", "roll": "a 100", "tile": "a 2,3", "repeat": "a 3 --axis 1", "pad": "a 1,2,3,4 --mode reflect",
    "concat": "a b a --axis 1", "stack": "a b --axis 1", "hstack": "a b", "vstack": "a v", "split": "a 5,200,450 --axis 1", "expand_dims": "a 1",
    "take": "a i --axis 0", "take_along_axis": "a j --axis 0", "gather": "a j --axis 0", "scatter": "a j b --axis 0", "scatter_add": "a j b --axis 0",
    "index_add": "a i b --axis 0", "put": "a i v", "masked_select": "a m", "compress": "n a --axis 0", "dot": "s s", "inner": "a b", "outer": "v v",
    "vecdot": "a b", "tensordot": "a b --axes 2", "einsum": "a b --equation ij,kj->ik", "kron": "t v", "cross": "t t", "linear": "a b",
    "normalize": "a", "cosine_similarity": "a b", "pairwise_distance": "a b", "cdist": "a b", "binary_cross_entropy": "p p", "nll_loss": "a i",
    "cross_entropy": "a i", "layer_norm": "a 453", "rms_norm": "a 453", "glu": "s", "prelu": "a v", "dropout": "a .5 --seed 7", "one_hot": "i 40",
    "embedding": "i a", "astype": "a float32", "fill": "a 2", "copyto": "a v", "lexsort": "v v", "topk": "a 5", "kthvalue": "a 5", "searchsorted": "v a",
    "isin": "a v", "bitwise_left_shift": "a k", "bitwise_right_shift": "a k", "power": "p a", "float_power": "p a", "squeeze": "w",
    "quantile": "a .3", "nanquantile": "a .3 --axis 1", "percentile": "a 30,60 --axis 0", "nanpercentile": "a 30", "bernoulli": None,
    "unique": "a --index --inverse --counts",
}
MATMUL = [("matmul", "s s"), ("matmul", "a v"), ("matmul", "a q"), ("matmul", "g g")]
LEVELS = ("the plain build", "TENSOR_CPU=v2", "TENSOR_CPU=v3")
# What lib/scalar_pair.h computes, where products and what is lost of them are exact with and without fused multiply-add.
PAIRS = set("sinh cosh sinc erfc erfinv digamma logit xlogy logaddexp logaddexp2 softplus logsigmoid sigmoid silu mish gelu gelu_erf gelu_tanh "
            "elu celu selu softsign hardswish rsqrt".split())
DTYPES = ["float32", "float64", "int64", "int8", "complex64", "float16", "bool", "uint32"]


def make(dtype):
    """The files of one dtype, by letter."""
    rng = np.random.default_rng(5)

    def some(*shape):
        n = int(np.prod(shape))
        x = values(dtype, n, 3, True)[-n:] if n else np.zeros(0, dtype)
        return rng.permutation(x).reshape(shape)
    a, kind = some(ROWS, COLS), np.dtype(dtype).kind
    if kind in "fc":
        a[0, :5] = [0.0, -0.0, np.inf, -np.inf, np.nan]
        a[-1, -1] = np.nan
    arrays = dict(a=a, b=some(ROWS, COLS), v=some(COLS), s=some(80, 80), q=some(COLS, 30), t=some(70, 3), g=some(5, 40, 40), w=some(ROWS, 1, COLS))
    arrays |= dict(p=rng.random((ROWS, COLS)).astype(dtype) if kind in "fc" else np.abs(some(ROWS, COLS) % 3 if kind in "iu" else some(ROWS, COLS)).astype(dtype))
    arrays |= dict(m=rng.random((ROWS, COLS)) < .5, n=rng.random(ROWS) < .5, i=rng.permutation(ROWS), j=rng.integers(0, ROWS, (ROWS, COLS)))
    arrays |= dict(k=rng.integers(0, 7, (ROWS, COLS)).astype(dtype if kind in "iu" else "int8"))
    return {name: save(x, f"{dtype}_{name}.npy") for name, x in arrays.items()} | {"": arrays}


def bytes_of(words, program=TENSOR, stdin=None, **env):
    """Standard output, or the status of what is refused."""
    p = subprocess.run([program, *words], input=stdin or b"", capture_output=True, cwd=DIR, env=dict(os.environ, **env))
    if p.returncode:
        return p.returncode if p.returncode > 0 else f"signal {-p.returncode}: {p.stderr[:200]}"
    return p.stdout


def ways(command, name, call, files):
    """(how, bytes) of a call in many ways; the first is the plainest."""
    operands = [w for w in call.split() if w in files]
    rest = [w for w in call.split() if w not in files]
    head = [command] + ([] if command == "matmul" else [name])
    words = head + [files[w] for w in operands] + rest
    yield "alone", bytes_of(words + ["--threads", "1"])
    if os.access(PLAIN, os.X_OK):
        yield "the plain build", bytes_of(words, PLAIN)
    for level in ("v2", "v3"):
        yield f"TENSOR_CPU={level}", bytes_of(words, TENSOR_CPU=level)
    for threads, tile in ((1, 64), (2, TILE), (3, 64), (8, TILE)):
        yield f"threads {threads}, tile {tile}", bytes_of(words + ["--threads", str(threads)], TENSOR_TILE=str(tile))
    data = open(os.path.join(DIR, files[operands[0]]), "rb").read()
    stream = head + ["-"] + [files[w] for w in operands[1:]] + rest
    yield "a pipe", bytes_of(stream, stdin=data)
    yield "a pipe, threads 3, tile 64", bytes_of(stream + ["--threads", "3"], stdin=data, TENSOR_TILE="64")
    yield "run", bytes_of(["run", " ".join(f"'{w}'" for w in ["convert", files[operands[0]]]) + " | " + " ".join(f"'{w}'" for w in stream)])
    yield "strided, turned and unaligned", bytes_of(head + [files[w + "!"] for w in operands] + rest, TENSOR_TILE=str(TILE))


def same_numbers(x, y, fused):
    """
    Between levels the signs and payloads of NaNs depend on the order of operands.  A level without fused multiply-add has a
    last bit of its own in elementary functions, which are SLEEF's; not fused: a few units in the last place are the same.
    """
    if not isinstance(x, bytes) or not isinstance(y, bytes) or len(x) != len(y):
        return x == y
    for a, b in zip(arrays(x), arrays(y)):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.kind == "c":
            a, b = (v.astype(v.dtype.newbyteorder("=")).reshape(-1).view(v.real.dtype) for v in (a, b))
        a, b = a.reshape(-1), b.reshape(-1)
        if a.dtype.kind == "f":
            bits = f"u{a.itemsize}"
            same = (a.view(bits) == b.view(bits)) | (np.isnan(a) & np.isnan(b))
            if not fused:
                size = np.maximum(np.abs(a), 1)
                same |= np.abs(a - b) <= 16 * np.finfo(a.dtype).eps * size
            if not np.all(same):
                return False
        elif not np.array_equal(a, b):
            return False
    return True


def differ(command, name, call, files):
    every = list(ways(command, name, call, files))
    first = every[0][1]
    return [f"{' '.join([name, call])}: {how}: {got if isinstance(got, (int, str)) else 'other bits'}" +
            (f", not status {first}" if isinstance(first, int) else "") for how, got in every[1:]
            if got != first and not (how in LEVELS and same_numbers(got, first, how == LEVELS[-1] or name in PAIRS))], isinstance(first, bytes)


def laid_out(files, dtype):
    """The same arrays in other places: every second element backwards, Fortran's order, an odd offset."""
    for letter, x in list(files[""].items()):
        if x.ndim == 1:
            wide = np.zeros(2 * x.size, x.dtype)
            wide[::2] = x[::-1]
            files[letter + "!"] = save(wide, f"{dtype}_{letter}_wide.npy") + "@-2::-2"
        elif x.ndim == 2 and letter in "bjs":
            files[letter + "!"] = save(np.asfortranarray(x), f"{dtype}_{letter}_turned.npy")
        else:
            wide = np.zeros((x.shape[0] + 1, *x.shape[1:-1], x.shape[-1] + 3), x.dtype)
            wide[1:, ..., 1:-2] = x
            files[letter + "!"] = save(wide, f"{dtype}_{letter}_wide.npy") + "@1:,...,1:-2"


def lengths(dtype):
    """Lengths around vectors and tiles, of a few ops of each kind, against the plain way."""
    problems = []
    for n in (0, 1, 2, 15, 16, 17, 63, 64, 65, 127, TILE - 1, TILE, TILE + 1, 2 * TILE, 3 * TILE + 1, 4095, 4096, 4097):
        x = values(dtype, n, n, True)[-n:] if n else np.zeros(0, dtype)
        files = {"x": save(x, f"{dtype}_{n}.npy"), "": {"x": x}}
        laid_out(files, f"{dtype}{n}")
        for command, name, call in (("op", "negative", "x"), ("op", "exp", "x"), ("op", "multiply", "x x"), ("reduce", "sum", "x"), ("reduce", "var", "x"),
                                    ("reduce", "argmax", "x"), ("op", "cumulative_sum", "x"), ("op", "sort", "x"), ("op", "concat", "x x"), ("op", "flip", "x")):
            problems += differ(command, name, call, files)[0]
    return problems


def fused():
    """Chains: eval, run and a shell's pipe have the same bits, with every number of threads and size of tiles."""
    problems = []
    rng = np.random.default_rng(1)
    for n in (1, 191, 193, 5000, 300001):
        save(rng.standard_normal(n).astype("f4"), "c.npy")
        shell = "op exp c.npy | op mul - .5 | op add - c.npy | op tanh -"
        for end, call in (("", ""), (" | reduce sum -", ".sum()"), (" | reduce var -", ".var()"), (" | op cumulative_sum -", ".cumsum()"), (" | op sort -", ".sort()")):
            text = " | ".join(f"'{TENSOR}' {part.strip()}" for part in (shell + end).split("|"))
            want = subprocess.run(["bash", "-c", text], cwd=DIR, stdout=subprocess.PIPE, check=True).stdout
            for threads, tile in ((1, ""), (2, "64"), (3, "192"), (8, "4096"), (2, "")):
                options = ["--threads", str(threads)]
                for how, words in (("eval", ["eval", f"tanh(exp(c) * .5 + c){call}", "c=c.npy"]), ("run", ["run", shell + end])):
                    if bytes_of(words + options, TENSOR_TILE=tile) != want:
                        problems.append(f"{how} of {n} elements{end}: threads {threads}, tile {tile or 'as it fits'}")
    return problems


def main():
    tap = Tap()
    rows = [r for command in ("op", "reduce") for r in json.loads(bytes_of([command, "--list", "--json"]))]
    if not os.access(PLAIN, os.X_OK):
        tap.skip("the plain build", "not made: make plain")
    ran = set()
    for dtype in DTYPES[:3] if QUICK else DTYPES:
        files = make(dtype)
        laid_out(files, dtype)
        jobs = []
        for row in rows:
            call = CALLS.get(row["name"], " ".join("ab"[i % 2] for i in range(max(1, row["operands"][0]))))
            if call:
                jobs.append((row["command"], row["name"], call, files))
            if call and row["command"] == "reduce" and "--axis" not in call:
                jobs += [(row["command"], row["name"], call + axis, files) for axis in (" --axis 0", " --axis 1")]
            if call and row["family"] == "scan":
                jobs.append((row["command"], row["name"], call + " --axis 0", files))
        jobs += [(command, command, call, files) for command, call in MATMUL]
        problems = []
        for job, (found, done) in zip(jobs, parallel(differ, jobs)):
            problems += found
            if done:
                ran.add(job[1])
        tap.test(f"every op, {dtype}", problems)
    tap.test("every op has a call that works", [f"{r['name']}: refused for every dtype" for r in rows if r["name"] not in ran and CALLS.get(r["name"], "") is not None])
    for dtype in ("float32", "int16", "bool") if QUICK else ("float32", "float64", "int16", "complex64", "bool"):
        tap.test(f"lengths around vectors and tiles, {dtype}", lengths(dtype))
    tap.test("chains: eval, run, and a pipe", fused())
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
