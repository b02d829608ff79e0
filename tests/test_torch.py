#!/usr/bin/env python3
"""PyTorch's files: those that PyTorch wrote (tests/make_torch_files.py) and what is written for it.  PyTorch itself is not needed."""

import json
import os

import ml_dtypes  # noqa: F401, gives NumPy bfloat16 and float8
import numpy as np

from oracle import DIR, Tap, tensor

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "torch")
with open(os.path.join(DATA, "expected.json"), encoding="utf-8") as f:
    EXPECTED = json.load(f)


def path(name):
    return os.path.join(DATA, name)


def loaded(name):
    """The one array of an .npy file: dtype as tensor calls it, shape, elements in C order, little-endian."""
    with open(os.path.join(DIR, name), "rb") as f:
        x = np.load(f, allow_pickle=False)
    return x.dtype.name, list(x.shape), np.ascontiguousarray(x).tobytes()


def members(name):
    status, out, err = tensor("info", path(name), "--json")
    assert status == 0, err
    info = json.loads(out)
    return [["", info["dtype"], info["shape"]]] if "members" not in info else [
        [m["name"], m["dtype"], m["shape"]] for m in info["members"]]


def check_file(name):
    want = EXPECTED[name]
    bad = []
    have = members(name)
    if have != [row[:3] for row in want]:
        return ["members %r, not %r" % (have, [row[:3] for row in want])]
    for key, dtype, shape, data in want:
        operand = path(name) + (":" + key if key else "")
        status, _, err = tensor("convert", operand, "-o", "one.npy")
        if status:
            bad.append("%s: %s" % (key, err))
        elif loaded("one.npy") != (dtype, shape, bytes.fromhex(data)):
            bad.append("%s: %r, not %r" % (key, loaded("one.npy"), (dtype, shape, data)))
    return bad


def check_refused(name, why):
    bad = []
    for words in (["info", path(name)], ["convert", path(name), "-o", "refused.npz"]):
        status, out, err = tensor(*words)
        if status != 3 or out or why not in err or name not in err or "\n" in err:
            bad.append("%s: status %d: %s" % (words[0], status, err))
    if os.path.exists(os.path.join(DIR, "refused.npz")):
        bad.append("a file was left behind")
    return bad


def main():
    tap = Tap()
    for name, want in EXPECTED.items():
        if isinstance(want, str):
            tap.test("%s is refused" % name, check_refused(name, want))
        else:
            tap.test("%s is read" % name, check_file(name))
    tap.done()


if __name__ == "__main__":
    main()
