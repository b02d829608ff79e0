#!/usr/bin/env python3
"""Time whole commands, file to file, against NumPy, PyTorch and the limit of the machine: "make bench" runs this.

Each row runs in alternating turns: tensor, one line of NumPy, one of PyTorch where there is one, and a small C program that
does no more than the job needs (copy.c, gemm.c, empty.c).  The results are compared once, before anything is timed; a wrong one
makes the exit status 1.  A missed target does not.

    PYTHON      the interpreter that has NumPy (default: that of the tests)
    TORCH_PYTHON  the one that has torch, if another
    BENCH_N     elements of the large arrays (100000000).  Targets hold for this size and are not judged below it
    BENCH_ROWS  a regular expression: only the rows whose names it finds
    BENCH_RUNS  how often each side runs (5; once for arrays below 100000)
    BENCH_DIR   where inputs and results are made and removed (build/bench/data); /dev/shm keeps the disk out of it
    BENCH_BIG   1: growth up to 1e9 elements
    BENCH_MARKDOWN  1: a table for a README
"""

import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(HERE, "../../build")))
TENSOR = os.path.join(BUILD, "tensor")
HELPERS = os.path.join(BUILD, "bench")
N = int(float(os.environ.get("BENCH_N", 100_000_000)))
RUNS = int(os.environ.get("BENCH_RUNS", 5 if N >= 100_000 else 1))
BIG = os.environ.get("BENCH_BIG") == "1"
MARKDOWN = os.environ.get("BENCH_MARKDOWN") == "1"
JUDGE = N >= 100_000_000
SECONDS = 60  # a row that takes longer is content with three runs
SIDE = int(N**0.5)
ROWS_CSV, MB = max(1, N // 100), 1 << 20


def scaled(full):
    """The side of a matrix, smaller where the arrays are."""
    return full if N >= 10_000_000 else max(16, int(full * (N / 1e8) ** 0.5))


S1, S4, BATCH, B1 = scaled(1024), scaled(4096), scaled(512), scaled(128)

# The input files: what NumPy makes them of, R a random generator.  A row's inputs are made before it, and removed
# after the last row that has them.
INPUTS = {
    "s.npy": "np.arange(10, dtype='f4')",
    "t.npy": "np.arange(10, dtype='f4') + .5",
    "a.npy": f"R.random({N}, 'f4') * np.float32(1.5) + np.float32(.5)",
    "b.npy": f"R.standard_normal({N}, 'f4')",
    "d.npy": f"R.standard_normal({N})",
    "m.npy": f"R.standard_normal(({SIDE}, {SIDE}), 'f4')",
    "r.npy": f"R.standard_normal({SIDE}, 'f4')",
    "k.npy": f"R.standard_normal({max(1, N // 10)}, 'f4')",
    "z.npy": f"R.random({max(1, N * 64 // 100)}, 'f4')",
    "z.npz": "npz",
    "c.npy": f"R.random(({ROWS_CSV}, 10))",
    "c.csv": "csv",
    "f1.npy": f"R.random(({S1}, {S1}), 'f4')",
    "g1.npy": f"R.random(({S1}, {S1}), 'f4')",
    "f4.npy": f"R.random(({S4}, {S4}), 'f4')",
    "g4.npy": f"R.random(({S4}, {S4}), 'f4')",
    "d1.npy": f"R.random(({S1}, {S1}))",
    "e1.npy": f"R.random(({S1}, {S1}))",
    "f3.npy": f"R.random(({BATCH}, {B1}, {B1}), 'f4')",
    "g3.npy": f"R.random(({BATCH}, {B1}, {B1}), 'f4')",
    "x.npy": f"R.standard_normal(({S1}, 784), 'f4')",
    "y.npy": f"R.integers(0, 10, {S1})",
    "w1.npy": f"R.standard_normal((784, {S1}), 'f4') / 28",
    "w2.npy": f"R.standard_normal(({S1}, {S1}), 'f4') / np.float32({S1} ** .5)",
    "w3.npy": f"R.standard_normal(({S1}, 10), 'f4') / np.float32({S1} ** .5)",
}
MAKE = """
import sys, numpy as np
name, what = sys.argv[1:]
R = np.random.default_rng(sum(name.encode()))
if what == 'npz':
    np.savez_compressed(name, z=np.random.default_rng(sum(b'z.npy')).random({z}, 'f4'))
elif what == 'csv':
    np.savetxt(name, np.random.default_rng(sum(b'c.npy')).random(({rows}, 10)), delimiter=',')
else:
    np.save(name, eval(what))
""".format(z=max(1, N * 64 // 100), rows=ROWS_CSV)

# Are two results the same?  GOT and WANT are expressions; TYPED is a file whose dtype and shape GOT must have.
CHECK = """
import sys, numpy as np
def L(name): return np.load(name, mmap_mode='r' if name.endswith('.npy') else None)
got, want, typed, rtol, atol = sys.argv[1:]
got, want, rtol, atol = eval(got), eval(want), float(rtol), float(atol)
typed = L(typed) if typed else want
if got.dtype != typed.dtype or got.shape != typed.shape:
    sys.exit(f'{got.dtype} {got.shape}, not {typed.dtype} {typed.shape}')
got, want = np.atleast_1d(got).reshape(-1), np.atleast_1d(want).reshape(-1)
for i in range(0, got.size, 1 << 22):
    g, w = got[i:i + (1 << 22)].astype('f8'), want[i:i + (1 << 22)].astype('f8')
    bad = ~((g == w) | (np.abs(g - w) <= atol + rtol * np.abs(w)) | (np.isnan(g) & np.isnan(w)))
    if bad.any():
        j = int(bad.argmax())
        sys.exit(f'element {i + j}: {g[j]!r}, not {w[j]!r}')
"""


class Row:
    """A job.  tensor is a command line (with | a pipeline, by sh); numpy is a line of Python that has np and L, np.load."""

    def __init__(self, name, inputs, tensor, numpy=None, times=None, limit=None, factor=None, torch=None,
                 torch_times=None, tol=(0, 0), out="o.npy", ref="n.npy", got=None, want=None, memory=64, needs=None,
                 count=1, note="", setup=()):
        self.name, self.inputs, self.tensor, self.numpy, self.times = name, inputs.split(), tensor, numpy, times
        self.limit, self.factor, self.torch, self.torch_times, self.tol = limit, factor, torch, torch_times, tol
        self.out, self.ref, self.got, self.want = out, ref, got, want
        self.memory, self.needs, self.count, self.note, self.setup = memory, needs, count, note, setup


def elementwise(name, inputs, tensor, expression, **kw):
    torch = re.sub(r"\bnp\.(exp|tanh|concatenate|var|argmax|sum)", r"torch.\1", expression).replace("L(", "T(")
    return Row(name, inputs, f"tensor {tensor} -o o.npy", f"np.save('n.npy', {expression})",
               torch=kw.pop("torch", f"np.save('p.npy', ({torch}).numpy())"), **kw)


def product(name, a, b, n, dtype, **kw):
    return elementwise(name, f"{a} {b}", f"matmul {a} {b}", f"L('{a}') @ L('{b}')", limit=f"gemm l {a} {b} {n} {dtype}",
                       factor=1.25, memory=64 + 3 * n * n * int(dtype[1]) / MB, **kw)


# times: the target against NumPy.  factor: the target against the limit; above 1.25 where the arithmetic, or the way through
# memory, is known to cost more than the bytes that the limit moves.
F32 = (1e-6, 0)
TABLE = [
    Row("start", "s.npy t.npy", "tensor op add s.npy t.npy -o o.npy", "np.save('n.npy', L('s.npy') + L('t.npy'))", 40,
        "empty", 2, "np.save('p.npy', (T('s.npy') + T('t.npy')).numpy())", 300, count=20, note="10 elements"),
    elementwise("op add", "a.npy b.npy", "op add a.npy b.npy", "L('a.npy') + L('b.npy')", times=4,
                limit="copy l a.npy b.npy", factor=1.25, torch_times=24),
    elementwise("op exp", "b.npy", "op exp b.npy", "np.exp(L('b.npy'))", times=4.8, limit="copy l b.npy", factor=1.25,
                torch_times=24, tol=F32),
    elementwise("op tanh", "b.npy", "op tanh b.npy", "np.tanh(L('b.npy'))", times=5, limit="copy l b.npy", factor=1.25,
                torch_times=24, tol=F32),
    elementwise("op pow", "a.npy b.npy", "op pow a.npy b.npy", "L('a.npy') ** L('b.npy')", times=3.2,
                limit="copy l a.npy b.npy", factor=2, torch_times=18, tol=F32),
    elementwise("eval", "a.npy b.npy", "eval 2*a+3*b*exp(-a) a=a.npy b=b.npy",
                "(lambda a, b: 2*a + 3*b*np.exp(-a))(L('a.npy'), L('b.npy'))", times=7, limit="copy l a.npy b.npy",
                factor=1.25, torch_times=60, tol=(1e-6, 1e-5), note="2*a + 3*b*exp(-a)"),
    elementwise("pipe", "b.npy", "op mul b.npy 2 | tensor op add - 1 | tensor op tanh -", "np.tanh(L('b.npy') * 2 + 1)",
                limit="tensor op tanh b.npy -o l", factor=1.5, tol=F32, note="3 stages; limit: one op"),
    elementwise("cumulative_sum", "b.npy", "op cumulative_sum b.npy", "np.cumsum(L('b.npy'))", times=8,
                torch="np.save('p.npy', T('b.npy').cumsum(0).numpy())", torch_times=15, limit="copy l b.npy",
                want="np.cumsum(L('b.npy'), dtype='f8')", tol=(1e-6, 1e-6), needs="cumulative_sum"),
    elementwise("concat", "a.npy b.npy", "op concat a.npy b.npy", "np.concatenate((L('a.npy'), L('b.npy')))", times=3,
                limit="copy -c l a.npy b.npy", factor=1.25, torch_times=10),
    elementwise("stack", "a.npy b.npy", "op stack a.npy b.npy --axis 1", "np.stack((L('a.npy'), L('b.npy')), axis=1)", times=3,
                torch="np.save('p.npy', torch.stack((T('a.npy'), T('b.npy')), 1).numpy())", torch_times=10,
                limit="copy -c l a.npy b.npy", factor=1.25, note="along the last axis"),
    elementwise("reduce sum", "a.npy", "reduce sum a.npy", "np.sum(L('a.npy'))", times=9, limit="copy - a.npy",
                factor=1.25, torch_times=40, want="np.sum(L('a.npy'), dtype='f8')", tol=(1e-7, 0)),
    elementwise("reduce argmax", "b.npy", "reduce argmax b.npy", "np.argmax(L('b.npy'))", times=9, limit="copy - b.npy",
                factor=1.5, torch_times=40),
    elementwise("reduce var", "a.npy", "reduce var a.npy", "np.var(L('a.npy'))", times=10, limit="copy - a.npy",
                torch_times=40, want="np.var(L('a.npy'), dtype='f8')", tol=(1e-6, 0)),
    elementwise("exp f64", "d.npy", "op exp d.npy", "np.exp(L('d.npy'))", times=3.2, limit="copy l d.npy", factor=1.25,
                torch_times=18, tol=(1e-14, 0)),
    elementwise("broadcast", "m.npy r.npy", "op add m.npy r.npy", "L('m.npy') + L('r.npy')", times=4,
                limit="copy l m.npy", factor=1.25, torch_times=25, note="(n, n) + (n,)"),
    elementwise("reduce sum axis 0", "m.npy", "reduce sum m.npy --axis 0", "np.sum(L('m.npy'), axis=0)", times=10,
                limit="copy - m.npy", factor=1.8, torch_times=40, want="np.sum(L('m.npy'), axis=0, dtype='f8')",
                tol=(1e-6, 1e-6)),
    elementwise("transpose", "m.npy", "op transpose m.npy", "np.ascontiguousarray(L('m.npy').T)", times=12,
                limit="copy l m.npy", factor=1.4, torch="np.save('p.npy', T('m.npy').T.contiguous().numpy())",
                torch_times=30, memory=64 + 8 * SIDE * SIDE / MB),
    elementwise("sort", "k.npy", "op sort k.npy", "np.sort(L('k.npy'))", times=3,
                torch="np.save('p.npy', T('k.npy').sort().values.numpy())", torch_times=30, limit="copy l k.npy",
                needs="sort", memory=64 + 8 * (N // 10) / MB, note="a tenth of the elements"),
    product("matmul 1024 f32", "f1.npy", "g1.npy", S1, "f4", times=9, torch_times=60, tol=(1e-5, 0)),
    product("matmul 1024 f64", "d1.npy", "e1.npy", S1, "f8", times=6.5, torch_times=40, tol=(1e-12, 0)),
    product("matmul 4096 f32", "f4.npy", "g4.npy", S4, "f4", times=1.5, torch_times=5, tol=(1e-5, 0)),
    elementwise("matmul batched", "f3.npy g3.npy", "matmul f3.npy g3.npy", "L('f3.npy') @ L('g3.npy')", times=5,
                torch_times=30, tol=(1e-5, 0), memory=64 + 12 * BATCH * B1 * B1 / MB, note="512 x 128x128"),
    Row("grad mlp", "x.npy y.npy w1.npy w2.npy w3.npy",
        "tensor grad loss.npy w1.npy w2.npy w3.npy --graph g.json -o o1.npy -o o2.npy -o o3.npy",
        "x, y, a, b, c = map(L, ('x.npy', 'y.npy', 'w1.npy', 'w2.npy', 'w3.npy')); h = np.maximum(x @ a, 0); k = np.maximum(h @ b, 0); "
        "z = k @ c; p = np.exp(z - z.max(1, keepdims=True)); p /= p.sum(1, keepdims=True); p[np.arange(len(y)), y] -= 1; "
        "p /= np.float32(len(y)); u = (p @ c.T) * (k > 0); v = (u @ b.T) * (h > 0); "
        "np.save('n1.npy', x.T @ v); np.save('n2.npy', h.T @ u); np.save('n3.npy', k.T @ p)", 6,
        torch="x, y, a, b, c = map(T, ('x.npy', 'y.npy', 'w1.npy', 'w2.npy', 'w3.npy')); [w.requires_grad_() for w in (a, b, c)]; "
        "torch.nn.functional.cross_entropy(((x @ a).relu() @ b).relu() @ c, y).backward(); "
        "[np.save(f'p{i}.npy', w.grad.numpy()) for i, w in enumerate((a, b, c))]", torch_times=30, out="o1.npy o2.npy o3.npy",
        ref="n1.npy n2.npy n3.npy", got="np.concatenate([L(f'o{i}.npy').ravel() for i in (1, 2, 3)])",
        want="np.concatenate([L(f'n{i}.npy').ravel() for i in (1, 2, 3)])", tol=(1e-3, 1e-5),
        memory=64 + 4 * (8 * S1 * S1 + 2000 * S1) / MB, note="784-1024-1024-10, batch 1024, from its recorded graph",
        setup=("graph require w1.npy w2.npy w3.npy --graph g.json",
               "eval cross_entropy(relu(relu(x@a)@b)@c,y) x=x.npy y=y.npy a=w1.npy b=w2.npy c=w3.npy -o loss.npy --graph g.json")),
    Row("npz compress", "z.npy", "tensor convert z.npy --compress -o o.npz",
        "np.savez_compressed('n.npz', z=L('z.npy'))", 25, out="o.npz", ref="n.npz", got="L('o.npz')['z']",
        want="L('z.npy')", note="random, 256 MB for 1e8"),
    Row("npz load", "z.npz", "tensor convert z.npz -o o.npy", "np.save('n.npy', L('z.npz')['z'])", 3),
    Row("safetensors save", "z.npy", "tensor convert z.npy -o o.safetensors",
        "from safetensors.numpy import save_file; save_file({'z': L('z.npy')}, 'n.safetensors')", 1.5, out="o.safetensors",
        ref="n.safetensors", got="__import__('safetensors.numpy', fromlist=['']).load_file('o.safetensors')['z']", want="L('z.npy')"),
    Row("csv save", "c.npy", "tensor convert c.npy -o o.csv", "np.savetxt('n.csv', L('c.npy'), delimiter=',')", 15,
        out="o.csv", ref="n.csv", got="np.loadtxt('o.csv', delimiter=',', ndmin=2)", want="L('c.npy')",
        note="1e6 x 10 for 1e8"),
    Row("csv load", "c.csv", "tensor convert c.csv -o o.npy",
        "np.save('n.npy', np.loadtxt('c.csv', delimiter=',', ndmin=2))", 10, memory=64 + 27 * 10 * ROWS_CSV / MB),
]


# On a GPU against the processor: a name, a command, its inputs.
ON_DEVICE = [
    ("exp", "op exp b.npy", "b.npy"),
    ("chain f64", "eval exp(-d*d/2)*sin(d)+cos(d)*tanh(d) d=d.npy", "d.npy"),
    ("sum", "reduce sum a.npy", "a.npy"),
    ("sort", "op sort k.npy", "k.npy"),
    ("matmul 4096", "matmul f4.npy g4.npy", "f4.npy g4.npy"),
]


class Failed(Exception):
    """A command failed, or its result is wrong."""


class Bench:
    def __init__(self, python, data):
        self.python, self.data, self.wrong = python, data, 0
        self.with_torch = os.environ.get("TORCH_PYTHON", python)
        self.torch = not subprocess.run([self.with_torch, "-c", "import torch"], capture_output=True).returncode

    def argv(self, command):
        """A row's command with the paths of programs."""
        if "|" in command:
            return ["sh", "-c", command.replace("tensor ", shlex.quote(TENSOR) + " ")]
        words = command.split()
        return [TENSOR if words[0] == "tensor" else os.path.join(HELPERS, words[0])] + words[1:]

    def run(self, argv, count=1):
        """Run COUNT times: a list of (milliseconds, MiB at most)."""
        p = subprocess.run([os.path.join(HELPERS, "run"), str(count), "/dev/null"] + argv, cwd=self.data,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        if p.returncode:
            raise Failed((p.stderr.strip().splitlines() or [f"exit status {p.returncode}"])[-1])
        return [(int(ns) / 1e6, int(kib) / 1024) for ns, kib in (line.split() for line in p.stdout.splitlines())]

    def peer(self, line, torch=False):
        head = "import numpy as np; L = np.load; "
        if torch:
            head = "import numpy as np, torch; T = lambda f: torch.from_numpy(np.load(f)); "
        return [self.with_torch if torch else self.python, "-c", head + line]

    def remove(self, *names):
        for name in names:
            try:
                os.remove(os.path.join(self.data, name))
            except FileNotFoundError:
                pass

    def make(self, names):
        for name in names:
            if not os.path.exists(os.path.join(self.data, name)):
                subprocess.run([self.python, "-c", MAKE, name, INPUTS[name]], cwd=self.data, check=True)

    def check(self, row):
        """Run both once, and compare; this also brings the files into the page cache."""
        self.run(self.argv(row.tensor))
        self.run(self.peer(row.numpy))
        npy = row.ref if row.ref.endswith(".npy") and " " not in row.ref else ""
        p = subprocess.run([self.python, "-c", CHECK, row.got or f"L('{row.out}')", row.want or f"L('{row.ref}')", npy,
                            *map(str, row.tol)], cwd=self.data, capture_output=True, text=True)
        if p.returncode:
            raise Failed("wrong result: " + (p.stderr.strip().splitlines() or ["?"])[-1])

    def time(self, sides, count=1):
        """Every side in turn, the order reversed every other time: for each, a list of (ms, MiB)."""
        times, start = {k: [] for k in sides}, time.monotonic()
        for i in range(RUNS):
            if i >= 3 and time.monotonic() - start > SECONDS:
                break
            for k in list(sides) if i % 2 == 0 else list(sides)[::-1]:
                runs = self.run(sides[k][0], count if k in ("tensor", "limit") else 1)
                times[k].append((statistics.mean(ms for ms, _ in runs), max(mib for _, mib in runs)))
                self.remove(*sides[k][1])
        return times

    def table_row(self, row):
        if row.needs and subprocess.run([TENSOR, "help", "op", row.needs], capture_output=True).returncode:
            return [row.name], f"skipped: this build has no op {row.needs}"
        for words in row.setup:
            self.run([TENSOR] + words.split())
        self.check(row)
        self.remove(*row.out.split(), *row.ref.split())
        sides = {"tensor": (self.argv(row.tensor), row.out.split()), "numpy": (self.peer(row.numpy), row.ref.split())}
        if row.limit:
            sides["limit"] = (self.argv(row.limit), ["l"])
        if row.torch and row.torch_times and self.torch:
            sides["torch"] = (self.peer(row.torch, True), ["p.npy", "p0.npy", "p1.npy", "p2.npy"])
        times = self.time(sides, row.count)

        def ms(k):
            return statistics.median(t for t, _ in times[k])

        def ratio(k, above):
            pairs = zip(times[above], times[k])
            return [x / y for (x, _), (y, _) in pairs]

        def judge(met, what):
            if not met:
                missed.append(what)

        missed = []
        memory = max(mib for _, mib in times["tensor"])
        vs = ratio("tensor", "numpy")
        cells = [row.name, number(ms("tensor")), number(ms("numpy")), spread(vs), at(row.times, ">=")]
        if row.times:
            judge(statistics.median(vs) >= row.times, "NumPy")
        if row.limit:
            vs = ratio("limit", "tensor")
            cells += [number(ms("limit")), spread(vs), at(row.factor, "<=")]
            if row.factor:
                judge(statistics.median(vs) <= row.factor, "limit")
        else:
            cells += ["", "", ""]
        if "torch" in times:
            vs = ratio("tensor", "torch")
            cells += [spread(vs), at(row.torch_times, ">=")]
            judge(statistics.median(vs) >= row.torch_times, "PyTorch")
        else:
            cells += ["no torch" if row.torch_times else ""] + [""] * self.torch
        cells += [number(memory), number(max(mib for _, mib in times["numpy"])), f"<= {row.memory:.0f}"]
        judge(memory <= row.memory, "memory")
        return cells, (("missed: " + ", ".join(missed) if missed else "met") if JUDGE else "") + (
            f" ({row.note})" if row.note else "")

    # Rows that are no pairs: a function returns what it measured, and whether that meets the target (None: no target).

    def thousand(self):
        count = 1000 if N >= 100_000 else 50
        self.make(["s.npy", "t.npy"])
        ours = [ms for ms, _ in self.run(self.argv("tensor op add s.npy t.npy -o o.npy"), count)]
        empty = [ms for ms, _ in self.run(self.argv("empty"), count)]
        tenth = count // 10
        first, last = statistics.median(ours[:tenth]), statistics.median(ours[-tenth:])
        ratio = sum(ours) / sum(empty)
        return (f"{count} in {sum(ours):.0f} ms, {sum(ours) / count:.2f} ms each, {ratio:.2f} x an empty program (<= 2); "
                f"last tenth / first {last / first:.2f} (<= 1.1)"), ratio <= 2 and last / first <= 1.1

    def recording(self):
        """What a node in the graph costs: an expression of 200, with and without the graph, in turn."""
        self.make(["s.npy", "t.npy"])
        self.remove("r.json")
        plain, more = [], []
        for i in range(100 if N >= 100_000 else 5):
            for times, words in ((plain, ""), (more, " --graph r.json"))[:: 1 - 2 * (i % 2)]:
                times += [ms for ms, _ in self.run(self.argv(f"tensor eval s{'+t' * 200} s=s.npy t=t.npy -o o.npy{words}"))]
            self.remove("r.json")
        cost = (statistics.median(more) - statistics.median(plain)) * 1000 / 200
        return f"{cost:.1f} us each of 200 in one expression, median of {len(more)} pairs (<= 25)", cost <= 25

    def growth(self, command):
        cells, cost, peak, size = [], {}, 0, 1000
        while size <= (10**9 if BIG else N):
            subprocess.run([self.python, "-c", "import sys, numpy as np; "
                            f"np.save('x.npy', np.random.default_rng(1).random({size}, 'f4'))"], cwd=self.data, check=True)
            runs = []
            for _ in range(1 + (20 if size < 10**6 else RUNS)):
                runs += self.run(self.argv(command))
                self.remove("o.npy")
            cost[size] = statistics.median(ms for ms, _ in runs[1:]) * 1e6 / size
            peak = max(peak, *(mib for _, mib in runs))
            cells.append(f"1e{len(str(size)) - 1}: {cost[size]:.{max(0, 3 - len(str(int(cost[size]))))}f}")
            self.remove("x.npy")
            size *= 10
        large = [cost[s] for s in cost if s >= 10**7]
        ratio = max(large) / min(large) if large else 1
        return f"ns an element: {', '.join(cells)}; {peak:.0f} MB at most (<= 64)", ratio <= 1.5 and peak <= 64

    def on_device(self, words, inputs):
        """The same command on a GPU and on the processor, in turn; the results are compared first."""
        self.make(["s.npy", "t.npy"])
        try:
            self.run(self.argv("tensor op add s.npy t.npy -o o.npy --device cuda"))
        except Failed as e:
            return f"skipped: {str(e).split(': ')[1]}", None
        self.make(inputs)
        sides = {d: (self.argv(f"tensor {words} -o {d}.npy --device {d}"), [f"{d}.npy"]) for d in ("cuda", "cpu")}
        for argv, _ in sides.values():
            self.run(argv)
        try:
            self.run(self.argv("tensor compare cuda.npy cpu.npy --rtol 1e-4 --atol 1e-5"))
        except Failed as e:
            raise Failed(f"the GPU has another result: {e}")
        times = self.time(sides)
        ms = {d: statistics.median(t for t, _ in times[d]) for d in times}
        self.remove(*inputs, "cuda.npy", "cpu.npy")
        return f"{number(ms['cuda'])} ms, on the processor {number(ms['cpu'])}", None

    def instructions(self):
        if not shutil.which("valgrind"):
            return "no valgrind", None
        self.make(["s.npy", "t.npy"])
        p = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", TENSOR, "op", "add", "s.npy",
                            "t.npy", "-o", "o.npy"], cwd=self.data, capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", p.stderr)
        if p.returncode or not found:
            raise Failed(f"valgrind: exit status {p.returncode}")
        return f"{int(found[1]):,} for op add of 10 elements, by valgrind --tool=callgrind", None


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def spread(ratios):
    return f"{number(statistics.median(ratios))} ({number(min(ratios))}..{number(max(ratios))})"


def at(target, relation):
    return f"{relation} {target:g}" if target else ""


def columns(torch):
    """The heads of the table and their widths; a negative one is aligned to the left."""
    return {"row": -17, "ms": 6, "NumPy ms": 8, "NumPy / ours": 18, "target": 6, "limit ms": 8, "ours / limit": 18,
            "target ": 7} | ({"PyTorch / ours": 18, " target": 6} if torch else {"PyTorch": 8}) | {
                "MB": 5, "NumPy MB": 8, " target ": 7}


def line(cells, end, widths):
    if MARKDOWN:
        print("| " + " | ".join(cell.strip() for cell in (list(cells) + [""] * len(widths))[:len(widths)] + [end]) + " |", flush=True)
        return
    out = [cell.ljust(-width) if width < 0 else cell.strip().rjust(width) for cell, width in zip(cells, widths)]
    print("  ".join(out + [end]).rstrip(), flush=True)


def machine(python):
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as f:
            model = re.search(r"model name\s*: (.*)", f.read())[1]
    except (OSError, TypeError):
        pass
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    versions = subprocess.run([python, "-c", "import sys, numpy; print('Python', sys.version.split()[0] + ', NumPy', "
                               "numpy.__version__)"], stdout=subprocess.PIPE, text=True)
    torch = subprocess.run([os.environ.get("TORCH_PYTHON", python), "-c", "import torch; "
                            "print('torch', torch.__version__, torch.get_num_threads(), 'threads')"], capture_output=True, text=True)
    tensor = subprocess.run([TENSOR, "version", "--devices"], capture_output=True, text=True).stdout
    if versions.returncode:
        sys.exit(f"bench: {python} has no NumPy: set PYTHON")
    ours = {k: v for k, v in sorted(os.environ.items()) if re.match("(OPENBLAS|OMP|MKL|TENSOR|BENCH)_", k)}
    print(f"machine: {model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Linux {platform.release()}, "
          f"load {os.getloadavg()[0]:.1f}")
    print(f"versions: {', '.join(tensor.split(chr(10))[:2])}; {versions.stdout.strip()}, {torch.stdout.strip() or 'no torch'}")
    print("environment:", " ".join(f"{k}={v}" for k, v in ours.items()) or "nothing set of OPENBLAS_*, OMP_*, TENSOR_*")
    print(f"arrays of {N:g} elements, float32 unless the row says otherwise; {RUNS} run{'s' * (RUNS > 1)} of each side in turn"
          f"; median (min..max){'' if JUDGE else '; targets hold for 1e8 elements, and are not judged here'}\n")


def main():
    python = os.environ.get("PYTHON") or subprocess.run([os.path.join(HERE, "../venv")], stdout=subprocess.PIPE, text=True,
                                                        check=True).stdout.strip()
    python = shutil.which(python) or sys.exit(f"bench: no {python}")
    data = os.path.abspath(os.environ.get("BENCH_DIR") or os.path.join(HELPERS, "data"))
    data = os.path.join(data, f"tensor-bench-{os.getpid()}")
    pattern = re.compile(os.environ.get("BENCH_ROWS", ""))
    rows = [row for row in TABLE if pattern.search(row.name)]
    for program in [TENSOR] + [os.path.join(HELPERS, p) for p in ("run", "copy", "gemm", "empty")]:
        if not os.access(program, os.X_OK):
            sys.exit(f"bench: no {program}: run make bench")
    for name in [k for k in os.environ if k in ("TENSOR_GRAPH", "TENSOR_DTYPE", "TENSOR_DEVICE")]:
        del os.environ[name]
    os.makedirs(data)
    try:
        need = (20 + 20 * (N >= 10_000_000)) * N + (8 * 10**9 if BIG else 0)
        if shutil.disk_usage(data).free < need:
            sys.exit(f"bench: {data} has less than {need / 2**30:.1f} GiB free: set BENCH_DIR or BENCH_N")
        machine(python)
        return bench(Bench(python, data), rows, pattern)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def bench(b, rows, pattern):
    heads = columns(b.torch)
    widths = list(heads.values())
    if rows:
        line(heads, "result", widths)
        if MARKDOWN:
            print("|---" * (len(widths) + 1) + "|")
    for i, row in enumerate(rows):
        try:
            b.make(row.inputs)
            line(*b.table_row(row), widths)
        except Failed as e:
            b.wrong += 1
            line([row.name], f"FAILED: {e}", widths)
        b.remove(*row.out.split(), *row.ref.split(), "l", "p.npy", "g.json", "loss.npy")
        b.remove(*(name for name in row.inputs if not any(name in later.inputs for later in rows[i + 1:])))
    print()
    for name, measure in (("thousand commands", b.thousand), ("instructions", b.instructions), ("recording a node", b.recording),
                          ("growth op", lambda: b.growth("tensor op multiply x.npy 2 -o o.npy")),
                          ("growth reduce", lambda: b.growth("tensor reduce sum x.npy -o o.npy")),
                          *((f"cuda {name}", lambda words=words, inputs=inputs: b.on_device(words, inputs.split()))
                            for name, words, inputs in ON_DEVICE)):
        if pattern.search(name):
            try:
                text, met = measure()
                print(f"- {name}: {text}" if MARKDOWN else f"{name:17}  {text}",
                      end="" if met is None or not JUDGE else "  met" if met else "  MISSED")
                print("", flush=True)
            except Failed as e:
                b.wrong += 1
                print(f"{name:17}  FAILED: {e}", flush=True)
    if b.wrong:
        print(f"\n{b.wrong} failed")
    return 1 if b.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
