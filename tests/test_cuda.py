"""Every op with --device cuda beside the processor's results: on the machine's GPU, or through a library that stands in for the
driver and runs the same kernels on the processor."""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

BUILD = os.environ["BUILD"]
TESTS = os.path.dirname(os.path.abspath(__file__))
GPU = os.environ.get("CUDA_DEVICE", "0") != "0"  # set by tests/run

if not GPU:
    image = os.path.join(tempfile.gettempdir(), "tensor-cuda-%d.ptx" % os.getpid())
    with open(image, "w") as f:
        f.write(".version 9.0\n.target sm_75\n.address_size 64\n")
    os.environ.update(TENSOR_CUDA_DRIVER=os.path.join(BUILD, "tests/cuda/libcuda-standin.so"), TENSOR_CUDA_IMAGE=image,
                      TENSOR_CUBLAS=os.path.join(BUILD, "tests/cuda/libcublas-standin.so"))
os.environ["ORACLE_DEVICE"] = "cuda"
os.environ["ORACLE_REPORT"] = os.path.join(BUILD, "test/cuda.json")
os.environ["SANITIZER"] = os.environ.get("SANITIZER") or "quick"

from oracle import DTYPES, Tap, bfloat16, parallel, save, tensor, values  # noqa: E402
from test_shape import save_descr  # noqa: E402


def operand(dtype, shape, seed):
    if dtype is bfloat16:
        return save_descr(np.resize(values("float32", 600, seed, True), shape).astype(bfloat16))
    n = int(np.prod(shape))
    v = values(dtype, max(n, 1), seed, seed % 2 == 0)
    return save(np.resize(v, shape))


def elementwise(op, n, dtype, shapes):
    """One op, one dtype: operands of these shapes; status and elements as the processor's."""
    files = [operand(dtype, s, 3 * i + n) for i, s in enumerate(shapes[:n])]
    words = ["op", op["name"], *files]
    for i, a in enumerate(a["name"] for a in op["attrs"] if a["type"] == "operand" and (a["default"] is None or op["name"] == "clip")):
        words += ["--" + a, operand(dtype, shapes[-1], 11 + i)]
    status, _, err = tensor(*words)
    return None if status in (0, 4) else "%s %s: %s" % (dtype, shapes, err)


SHAPES = [
    [(500,)] * 3,
    [(4, 1, 5), (3, 1), (5,)],
    [(0, 3), (3,), (3,)],
    [(), (), ()],
]


def strided(dtype):
    """Operands that are slices, transposes, of the other byte order; files and streams."""
    x = np.resize(values(dtype, 900, 1, True), (30, 20))
    jobs = []
    for words in ["@::-1,::3"], ["@5:,2:9"], ["@:,::-1"], ["@3"], ["@:,4"], [""]:
        jobs += [tensor("op", "clone", save(a) + words[0]) for a in (x, np.asfortranarray(x), x.astype(x.dtype.newbyteorder(">")))]
    return "; ".join(err for status, _, err in jobs if status) or None


def others():
    """The programs that test the other ops against NumPy, with each command run on the device, too."""
    env = dict(os.environ, ORACLE_DTYPES="bool int8 uint16 int64 float16 float32 float64 complex128")
    for name in "create", "shape", "reduce", "neural", "sort":
        yield name, subprocess.Popen([sys.executable, os.path.join(TESTS, "test_%s.py" % name)], stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True, env=env)


def main():
    tap = Tap()
    try:
        os.remove(os.environ["ORACLE_REPORT"])
    except FileNotFoundError:
        pass
    rows = json.loads(tensor("op", "--list", "--json")[1])
    for op in rows:
        if op["family"] != "elementwise":
            continue
        n = op["operands"][0]
        tap.test("op " + op["name"], parallel(elementwise, [(op, n, d, s) for d in DTYPES + [bfloat16] for s in SHAPES
                                                          if s is SHAPES[0] or d in ("int16", "float32", "complex64")]))
    tap.test("layouts", parallel(strided, [(d,) for d in DTYPES]))
    for name, p in others():
        out, _ = p.communicate()
        for line in out.splitlines():
            if line.startswith(("ok ", "not ok ")):
                problems = ["" if line.startswith("ok") else "see the lines that follow"]
                tap.test("test_%s: %s" % (name, line.split(" - ", 1)[1]), problems)
            elif line.startswith("#"):
                print(line)
    if not GPU:
        tap.skip("all of this on a GPU", "no GPU: its kernels ran on the processor")
    import devices
    devices.report()
    devices.seen.clear()
    total, worst = {}, {}
    with open(os.environ["ORACLE_REPORT"]) as f:
        for line in f:
            for k, (n, ulps) in json.loads(line).items():
                total[k] = total.get(k, 0) + n
                worst[k] = max(worst.get(k, 0), ulps)
    print("# %d commands on %s; ulps from the processor's result, where not 0: %s" % (
        sum(total.values()), "the GPU" if GPU else "the stand-in",
        ", ".join("%s %.3g" % (k, v) for k, v in sorted(worst.items()) if v)))
    tap.done()


if __name__ == "__main__":
    main()
