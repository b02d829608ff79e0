#!/usr/bin/env python3
"""Gradients across invocations against PyTorch's (data/grad_values.json, made by make_grad_values.py), second derivatives and float32
against finite differences and float64, and that no differentiable row of the op table is left out."""
import concurrent.futures
import json
import math
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
from grad_cases import CASES, operands, weights  # noqa: E402

TENSOR = os.environ.get("TENSOR", "tensor")
TOP = os.environ.get("TOP", ".")
ENV = {**os.environ, "TENSOR_GRAPH": "g.json", "TENSOR_THREADS": "1"}


def tensor(cwd, *args, ok=True):
    p = subprocess.run([TENSOR, *args], cwd=cwd, env=ENV, capture_output=True, text=True)
    if ok and p.returncode:
        raise AssertionError(f"tensor {' '.join(args)}: status {p.returncode}: {p.stderr.strip()}")
    return p


def words(command):
    if command.startswith("eval "):
        names = [n for n in "xyz" if re.search(rf"\b{n}\b", command[5:])]
        return ["eval", command[5:], *(f"{n}={n}.npy" for n in names)]
    return [f"{w}.npy" if w in ("x", "y", "z") else w for w in command.split()]


def record(cwd, command, specs, dtype):
    """Operands, the result and the loss; the names that have a gradient."""
    wrt = []
    for name, (a, fixed) in zip("xyz", operands(command, specs)):
        np.save(f"{cwd}/{name}.npy", a if fixed else a.astype(dtype))
        if not fixed:
            wrt.append(name)
    tensor(cwd, "graph", "require", *(f"{n}.npy" for n in wrt))
    tensor(cwd, *words(command), "-o", "r.npy")
    shape = np.load(f"{cwd}/r.npy").shape
    np.save(f"{cwd}/weights.npy", weights(shape).astype(dtype))
    # through a pipe, so that the value in between has to be computed again
    pipe = subprocess.run(f"'{TENSOR}' op mul r.npy weights.npy | '{TENSOR}' reduce sum - -o loss.npy", cwd=cwd, env=ENV, shell=True,
                          capture_output=True, text=True, executable="/bin/bash")
    assert pipe.returncode == 0, pipe.stderr
    return wrt, shape


def check(job):
    command, specs, want, dtype = job
    with tempfile.TemporaryDirectory() as d:
        try:
            wrt, shape = record(d, command, specs, dtype)
            assert list(shape) == want["shape"], f"shape {shape}, PyTorch {want['shape']}"
            # PyTorch's constant 1/6 of hardsigmoid is a float32
            tol = 1e-9 if dtype == "float64" and "hardsigmoid" not in command else 1e-4
            tensor(d, "grad", "loss.npy", *(f"{n}.npy" for n in wrt), "--allow-unused", "-q", *sum((["-o", f"d{n}.npy"] for n in wrt), []))
            for name, grad in zip(wrt, want["grads"]):
                got = np.load(f"{d}/d{name}.npy")
                x = np.load(f"{d}/{name}.npy")
                assert got.shape == x.shape and got.dtype == x.dtype, f"{got.dtype} {got.shape} for {x.dtype} {x.shape}"
                expected = np.zeros(x.shape) if grad is None else np.array(grad).reshape(x.shape)
                np.testing.assert_allclose(got.astype(np.float64), expected, rtol=tol, atol=tol, err_msg=f"d{name}")
        except AssertionError as e:
            return f"{e}"
        except Exception as e:  # noqa: BLE001, a missing file is a failure of this case
            return f"{type(e).__name__}: {e}"
    return None


def smooth(specs):
    """Are the operands drawn at random, away from the places where something jumps?"""
    return not any(isinstance(s, list) and "." in str(s) for s in specs)


def check_differences(job):
    """First derivatives, and those of a weighted sum of them, against central differences of the program itself, in float64."""
    command, specs = job
    with tempfile.TemporaryDirectory() as d:
        try:
            wrt, _ = record(d, command, specs, "float64")
            names = [f"{n}.npy" for n in wrt]
            for order in (1, 2):
                p = tensor(d, "grad", "loss.npy", *names, "--allow-unused", "--check", "-q", ok=False)
                # what is linear in every operand has a constant gradient
                assert p.returncode == 0 or (order == 2 and "does not require grad" in p.stderr), f"derivative {order}: {p.stdout}{p.stderr}"
                if order == 2:
                    break
                tensor(d, "grad", "loss.npy", *names, "--allow-unused", "--create-graph", "-q", *sum((["-o", f"d{n}.npy"] for n in wrt), []))
                for n in wrt:
                    np.save(f"{d}/v{n}.npy", weights(np.load(f"{d}/{n}.npy").shape))
                values = sum(([f"d{n}=d{n}.npy", f"v{n}=v{n}.npy"] for n in wrt), [])
                tensor(d, "eval", " + ".join(f"sum(d{n} * v{n})" for n in wrt), *values, "-o", "loss.npy")
        except AssertionError as e:
            return f"{e}"
    return None


# what is differentiated twice: expressions of x
SECOND = ["x**3", "exp(x)*x", "tanh(x)", "sigmoid(x)", "log(x)", "sqrt(x)", "x/(1+x)", "softplus(x)", "sin(x)*cos(x)", "(x@x.T).sum(axis=0)",
          "x.sum(axis=0)**2", "prod(x,axis=1)", "norm(x)", "logsumexp(x,axis=1)", "softmax(x,axis=1)", "var(x,axis=0)", "cumsum(x,axis=1)**2", "x[1:,::2]**3",
          "concat(x,x*x)**2", "gelu(x)", "where(x>1,x**2,x**3)", "roll(x,1)*x", "pad(x,(1,1,0,0))**2", "transpose(x).reshape(-1)**3", "std(x)"]


def check_second(expression):
    with tempfile.TemporaryDirectory() as d:
        x = np.random.default_rng(5).uniform(0.5, 1.8, (3, 3))
        np.save(f"{d}/x.npy", x)
        try:
            tensor(d, "graph", "require", "x.npy")

            def first(at):
                np.save(f"{d}/x.npy", at)
                tensor(d, "graph", "require", "x.npy")
                tensor(d, "eval", f"sum(sin({expression}))", "x=x.npy", "-o", "l.npy")
                tensor(d, "grad", "l.npy", "x.npy", "--create-graph", "-o", "dx.npy")
                return np.load(f"{d}/dx.npy")
            h = 1e-6
            numeric = np.zeros_like(x)
            w = weights(x.shape)
            for i in ((0, 0), (1, 2), (2, 1)):
                up, down = x.copy(), x.copy()
                up[i] += h
                down[i] -= h
                numeric[i] = ((first(up) - first(down)) * w).sum() / (2 * h)
            first(x)
            np.save(f"{d}/w.npy", w)
            tensor(d, "eval", "sum(d*w)", "d=dx.npy", "w=w.npy", "-o", "l2.npy")
            tensor(d, "grad", "l2.npy", "x.npy", "-o", "ddx.npy")
            got = np.load(f"{d}/ddx.npy")
            for i in ((0, 0), (1, 2), (2, 1)):
                assert abs(got[i] - numeric[i]) < 1e-4 * max(1, abs(numeric[i])), f"{i}: {got[i]}, differences {numeric[i]}"
        except AssertionError as e:
            return str(e)
    return None


def check_sinc():
    """Where PyTorch's formula subtracts what is almost the same: the series."""
    with tempfile.TemporaryDirectory() as d:
        try:
            x = np.array([1e-8, -1e-3, 0.05, 0.0999])
            np.save(f"{d}/x.npy", x)
            tensor(d, "graph", "require", "x.npy")
            tensor(d, "eval", "sum(sinc(x))", "x=x.npy", "-o", "loss.npy")
            tensor(d, "grad", "loss.npy", "x.npy", "-o", "dx.npy")
            want = sum((-1)**n * np.pi**(2 * n) * 2 * n / math.factorial(2 * n + 1) * x**(2 * n - 1) for n in range(1, 12))
            np.testing.assert_allclose(np.load(f"{d}/dx.npy"), want, rtol=1e-13)
        except AssertionError as e:
            return f"{e}"
    return None


# rows without a gradient, for a reason
NONE = set("""heaviside gcd lcm isnan isinf isfinite signbit equal not_equal less less_equal greater greater_equal logical_not logical_and logical_or
logical_xor bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift argmax argmin any all count_nonzero
nonzero argwhere flatnonzero argsort lexsort searchsorted unique unique_values unique_counts
unique_inverse unique_all isin isclose detach one_hot histogram bincount digitize""".split())


def main():
    values = json.load(open(f"{TOP}/tests/data/grad_values.json"))["cases"]
    assert len(values) == len(CASES), "make_grad_values.py has not been run for all cases"
    jobs = [(c, s, w, "float64") for (c, _, s), w in zip(CASES, values)]
    jobs += [(c, s, w, "float32") for (c, _, s), w in zip(CASES, values) if not any(isinstance(x, list) and "e" in str(x) for x in s)]
    results = []
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", 0)) or os.cpu_count()) as pool:
        for (command, specs, _, dtype), bad in zip(jobs, pool.map(check, jobs)):
            results.append((f"{command} {list(specs)} {dtype}", bad))
        jobs = list({f"{c} {s}": (c, s) for c, _, s in CASES if smooth(s)}.values())
        for (command, specs), bad in zip(jobs, pool.map(check_differences, jobs)):
            results.append((f"{command} {list(specs)} against differences", bad))
        for expression, bad in zip(SECOND, pool.map(check_second, SECOND)):
            results.append((f"second derivative of {expression}", bad))
        results.append(("sinc near 0", check_sinc()))
    table = open(f"{TOP}/lib/ops.def").read()
    rows = re.findall(r"^(MAP|REDUCE|TEXT|OP)\((\w+), \"[^\"]*\"(?:, (\w+))?", table, re.M)
    known = set(re.findall(r"^GRAD(?:_BY)?\((\w+),", table, re.M))
    for kind, name, family in rows:
        if kind != "TEXT" and family != "create" and name not in known | NONE:
            results.append((f"op {name}", "has no gradient and is not listed as an op without one"))
    print(f"1..{len(results)}")
    for i, (name, bad) in enumerate(results, 1):
        print(f"{'not ok' if bad else 'ok'} {i} - {name}")
        for line in (bad or "").splitlines():
            print(f"# {line}")
    return any(bad for _, bad in results)


if __name__ == "__main__":
    sys.exit(main())
