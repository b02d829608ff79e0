#!/usr/bin/env python3
"""Time the gradients of a network, 784-1024-1024-10 with batches of 1024, as whole processes: `tensor grad` of a graph whose values
flowed through pipes (so that forward and backward are computed), the same written by hand in NumPy, and PyTorch where there is one.

    BUILD       where the program is (build)
    PYTHON      the interpreter with NumPy, TORCH_PYTHON one with torch (the same)
    BENCH_RUNS  turns, each side once (5)

Prints a line a side: the median in seconds, and how many times it is slower than tensor.  Status 1 if gradients differ."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build")))
TENSOR = os.path.join(BUILD, "tensor")
PYTHON = os.environ.get("PYTHON", sys.executable)
TORCH = os.environ.get("TORCH_PYTHON", PYTHON)
RUNS = int(os.environ.get("BENCH_RUNS", 5))
NAMES = ["w1", "b1", "w2", "b2", "w3", "b3"]

MAKE = """
import numpy as np
R = np.random.default_rng(1)
def save(name, x): np.save(name, x.astype('f4'))
save('x.npy', R.standard_normal((1024, 784)))
np.save('y.npy', R.integers(0, 10, 1024))
for i, (m, n) in enumerate([(784, 1024), (1024, 1024), (1024, 10)], 1):
    save(f'w{i}.npy', R.standard_normal((m, n)) / m ** .5)
    save(f'b{i}.npy', R.standard_normal(n) / 10)
"""
RECORD = """
tensor graph require w1.npy b1.npy w2.npy b2.npy w3.npy b3.npy
tensor matmul x.npy w1.npy | tensor op add - b1.npy | tensor op relu - |
    tensor matmul - w2.npy | tensor op add - b2.npy | tensor op relu - |
    tensor matmul - w3.npy | tensor op add - b3.npy | tensor op cross_entropy - y.npy -o loss.npy
"""
GRAD = [TENSOR, "grad", "loss.npy", *(f"{n}.npy" for n in NAMES), *sum((["-o", f"t_{n}.npy"] for n in NAMES), [])]
NUMPY = """
import numpy as np
x, y, w1, b1, w2, b2, w3, b3 = (np.load(n + '.npy') for n in 'x y w1 b1 w2 b2 w3 b3'.split())
h1 = np.maximum(x @ w1 + b1, 0)
h2 = np.maximum(h1 @ w2 + b2, 0)
s = h2 @ w3 + b3
e = np.exp(s - s.max(1, keepdims=True))
d = e / e.sum(1, keepdims=True)
d[np.arange(len(y)), y] -= 1
d /= np.float32(len(y))
g = {'w3': h2.T @ d, 'b3': d.sum(0)}
d = (d @ w3.T) * (h2 > 0)
g |= {'w2': h1.T @ d, 'b2': d.sum(0)}
d = (d @ w2.T) * (h1 > 0)
g |= {'w1': x.T @ d, 'b1': d.sum(0)}
for n, v in g.items(): np.save('n_' + n + '.npy', v)
"""
PYTORCH = """
import numpy as np, torch, torch.nn.functional as F
x, y = torch.from_numpy(np.load('x.npy')), torch.from_numpy(np.load('y.npy'))
p = {n: torch.from_numpy(np.load(n + '.npy')).requires_grad_() for n in 'w1 b1 w2 b2 w3 b3'.split()}
h = (x @ p['w1'] + p['b1']).relu()
h = (h @ p['w2'] + p['b2']).relu()
F.cross_entropy(h @ p['w3'] + p['b3'], y).backward()
for n, v in p.items(): np.save('p_' + n + '.npy', v.grad.numpy())
"""
COMPARE = """
import sys, numpy as np
for n in 'w1 b1 w2 b2 w3 b3'.split():
    t, o = np.load(f't_{n}.npy'), np.load(f'{sys.argv[1]}_{n}.npy')
    assert t.dtype == o.dtype and np.abs(t - o).max() <= 1e-4 * np.abs(o).max(), n
"""


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as d:
        env = {**os.environ, "TENSOR_GRAPH": "g.json", "PATH": f"{BUILD}:{os.environ['PATH']}"}

        def run(*command):
            subprocess.run(command, cwd=d, env=env, check=True)
        run(PYTHON, "-c", MAKE)
        run("sh", "-ec", RECORD)
        sides = {"tensor grad": GRAD, "NumPy": [PYTHON, "-c", NUMPY]}
        if subprocess.run([TORCH, "-c", "import torch"], capture_output=True).returncode == 0:
            sides["PyTorch"] = [TORCH, "-c", PYTORCH]
        times = {name: [] for name in sides}
        for _ in range(RUNS):
            for name, command in sides.items():
                start = time.perf_counter()
                run(*command)
                times[name].append(time.perf_counter() - start)
        for name, letter in (("NumPy", "n"), ("PyTorch", "p")):
            if name in sides and subprocess.run([PYTHON, "-c", COMPARE, letter], cwd=d).returncode:
                print(f"{name}: other gradients")
                return 1
        mine = statistics.median(times["tensor grad"])
        for name, t in times.items():
            print(f"{name:12} {statistics.median(t):8.3f} s  {statistics.median(t) / mine:5.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
