"""The n-th allocation fails, for each n: status 5 with one line, or the right answer; never a crash, another meaning of the
words, or a file that is left behind."""

import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

TOP = os.environ["TOP"]
IN_PLACE = "v.npy"
COMMANDS = """
create rand 3,4 --seed 1 -o out.npy
create arange 2 10 3 -o out.npy
create array [[1,2],[3,4.5]] -o out.npy
op add a.npy a.npy@0 -o out.npy
op clip v.npy 2 7 -o out.npz
op pad a.npy 1,1 --mode reflect -o out.npy
op split v.npy 2 -o out_{}.npy
op einsum ij,kj->ik a.npy a.npy -o out.npy
op nonzero v.npy -o out.npz
op add a.npy 1 --dry-run --json
op add_ v.npy 1
op mul_ v.npy@::2 10
op copy_ v.npy@:5 v.npy@4::-1
op add_ v.view.json 1
op transpose all.dump.json:b --view -o out.view.json
op add_ s.npz:v 0
convert v.npy --share -o out.view.json
convert s.npz --share -o out.dump.json
op add - - -o out.npy
matmul a.npy a.npy@0 -o out.npy
reduce sum a.npy --axis 0 -o out.npy
reduce quantile v.npy 0.1,0.5 -o out.npy
convert a.npy X=v.npy -o out.npz --compress
convert w.npz -o out_{}.npy
convert w.npz:v -o out.csv
convert a.npy --order F -o out.npy
convert t.csv -o out.json
convert - -o out.npz
convert u.npy -o out.png
convert u.npy -o out.ppm
convert i.png -o out.npy
convert a.npy x=v.npy --metadata {"k":"v"} -o out.safetensors
convert m.safetensors -o out.safetensors
convert m.safetensors:a -o out.npy
convert m.index.json -o out.npz
op add_ m.safetensors:v 0
info w.npz --json
info m.safetensors --stats
info m.index.json --field metadata
compare m.safetensors w.npz --json
compare w.npz m.index.json
info a.npy --stats
show a.npy
show -
compare a.npy a.npy
convert strided.pt -o out.npz
convert legacy_strided.pt:transposed -o out.npy
convert strided.pt:base --share -o out.view.json
convert a.npy v.npy -o out.pt
info strided.pt --json
help op add
""".strip().splitlines()


def content(names):
    return {n: open(n, "rb").read() for n in names}


def attempt(words, stdin, **env):
    env = dict(os.environ, LD_PRELOAD=os.path.abspath("alloc_fail.so"), **env)
    r = subprocess.run([os.environ["TENSOR"], *words], input=stdin, capture_output=True, env=env, timeout=60)
    new = set(os.listdir(".")) - BEFORE
    made = content(new | {IN_PLACE})
    for n in new:
        os.unlink(n)
    open(IN_PLACE, "wb").write(V)
    return r, made


def failing(line):
    words = line.split(" ")
    stdin = V + V if "-" in words else b""
    want, files = attempt(words, stdin, ALLOC_COUNT="count")
    count = int(files.pop("count"))
    if want.returncode or count < 2:
        return f"without a failure: status {want.returncode}, {count} allocations: {want.stderr}"
    for n in range(1, count + 1):
        r, made = attempt(words, stdin, ALLOC_FAIL=str(n))
        where = f"allocation {n} of {count}: status {r.returncode}, {r.stderr}"
        if r.returncode == 0:
            if r.stderr or r.stdout != want.stdout or made != files:
                return where + ", another answer"
        elif r.returncode != 5 or r.stderr.count(b"\n") != 1 or not r.stderr.startswith(b"tensor"):
            return where
        elif made != {IN_PLACE: V}:
            return where + f", left {sorted(made)}"
    return None


if os.environ.get("SANITIZER"):
    print("1..1\nok 1 # skip the sanitizers have an allocator of their own")
    sys.exit(0)
with tempfile.TemporaryDirectory() as d:
    os.chdir(d)
    subprocess.run([*os.environ.get("CC", "cc").split(), "-O1", "-shared", "-fPIC", "-o", "alloc_fail.so", TOP + "/tests/alloc_fail.c", "-ldl"],
                   check=True)
    a, v = np.arange(12.0).reshape(3, 4), np.arange(10)
    np.save("a.npy", a)
    np.save("v.npy", v)
    np.savez_compressed("w.npz", a=a, v=v)
    np.savez("s.npz", a=a, v=v)
    open("v.view.json", "w").write('{"file": "v.npy", "offset": 136, "dtype": "int64", "shape": [3], "strides": [24]}')
    open("all.dump.json", "w").write('{"file": "a.npy", "tensors": [{"name": "%s", "offset": 128, "dtype": ">f8", "shape": [2, 3]}]}' % "b")
    open("t.csv", "w").write("a,b\n1,2\n3,4\n")
    np.save("u.npy", np.arange(36, dtype="u2").reshape(3, 4, 3))
    subprocess.run([os.environ["TENSOR"], "convert", "u.npy", "-o", "i.png"], check=True)
    save_file({"a": a, "v": v}, "m.safetensors", {"format": "np"})
    open("m.index.json", "w").write('{"weight_map": {"a": "m.safetensors", "v": "m.safetensors"}}')
    for n in "strided.pt", "legacy_strided.pt":
        open(n, "wb").write(open(TOP + "/tests/data/torch/" + n, "rb").read())
    V = open("v.npy", "rb").read()
    BEFORE = set(os.listdir("."))
    print(f"1..{len(COMMANDS)}")
    bad = 0
    for i, line in enumerate(COMMANDS, 1):
        message = failing(line)
        bad += message is not None
        print(f"{'not ok' if message else 'ok'} {i} {line}" + (f"\n# {message}" if message else ""), flush=True)
    os.chdir("/")
sys.exit(bad > 0)
