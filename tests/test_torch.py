#!/usr/bin/env python3
"""PyTorch's files: those that PyTorch wrote (tests/make_torch_files.py) and what is written for it.  PyTorch itself is not needed."""

import collections
import io
import json
import os
import pickle
import pickletools
import shutil
import traceback
import zipfile

import ml_dtypes
import numpy as np

from oracle import DIR, Tap, save, tensor

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


# == what is written: read by Python's own unpickler, restricted to what weights_only allows ==

OPCODES = set("""GLOBAL NEWOBJ REDUCE BUILD APPEND APPENDS SETITEM SETITEMS MARK TUPLE TUPLE1 TUPLE2 TUPLE3 NONE NEWTRUE NEWFALSE
EMPTY_TUPLE EMPTY_LIST EMPTY_DICT EMPTY_SET BININT BININT1 BININT2 BINFLOAT BINUNICODE SHORT_BINSTRING BINPERSID BINGET LONG_BINGET
BINPUT LONG_BINPUT LONG1 PROTO STOP""".split())
STORAGES = {"FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": ml_dtypes.bfloat16, "ByteStorage": "u1",
            "CharStorage": "i1", "ShortStorage": "i2", "IntStorage": "i4", "LongStorage": "i8", "BoolStorage": "?",
            "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16", "UntypedStorage": "u1"}
UNTYPED = {"uint16": "u2", "uint32": "u4", "uint64": "u8", "float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2}


class Unpickler(pickle.Unpickler):
    def __init__(self, archive):
        self.archive = archive
        data = archive.read("archive/data.pkl")
        used = {op.name for op, _, _ in pickletools.genops(data)}
        assert data[:2] == b"\x80\2" and used <= OPCODES, used - OPCODES
        super().__init__(io.BytesIO(data))

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils":
            return {"_rebuild_tensor_v2": self.tensor, "_rebuild_tensor_v3": self.tensor}[name]
        if module == "torch" and name in STORAGES and name != "UntypedStorage" or (module, name) == ("torch.storage", "UntypedStorage"):
            return name
        if module == "torch" and name in UNTYPED:
            return np.dtype(UNTYPED[name])
        raise pickle.UnpicklingError("%s.%s" % (module, name))

    def persistent_load(self, pid):
        kind, cls, key, location, numel = pid
        data = self.archive.read("archive/data/" + key)
        x = np.frombuffer(data, STORAGES[cls])
        assert kind == "storage" and location == "cpu" and x.size == numel, (pid, len(data))
        return x

    def tensor(self, storage, offset, size, stride, requires_grad, hooks, dtype=None):
        x = storage.view(dtype) if dtype else storage
        assert requires_grad is False and hooks == {} and len(size) == len(stride), (requires_grad, hooks)
        # Not as torch.load would: nothing beyond the storage may be asked for.
        last = offset + sum((n - 1) * k for n, k in zip(size, stride)) if 0 not in size else -1
        assert last < x.size, (size, stride, x.size)
        part = x[offset:].view("V%d" % x.itemsize)
        return np.lib.stride_tricks.as_strided(part, size, [k * x.itemsize for k in stride]).view(x.dtype)


def read(name):
    with zipfile.ZipFile(os.path.join(DIR, name)) as z:
        assert z.testzip() is None
        for info in z.infolist():
            with open(os.path.join(DIR, name), "rb") as f:
                f.seek(info.header_offset + 26)
                n, extra = (int.from_bytes(f.read(2), "little") for _ in range(2))
            assert info.compress_type == 0, info
            assert not info.filename.startswith("archive/data/") or (info.header_offset + 30 + n + extra) % 64 == 0, info
        assert z.read("archive/version") == b"3\n" and z.read("archive/byteorder") == b"little"
        return Unpickler(z).load()


def row(key, x):
    return [key, x.dtype.name, list(x.shape), np.ascontiguousarray(x).tobytes().hex()]


def run(*words, status=0, says="", stdin=b""):
    got, out, err = tensor(*words, stdin=stdin)
    assert got == status and says in err and (not status or "\n" not in err), (words, got, err)
    return out


def test_dtypes():
    run("convert", path("dtypes.pt"), "-o", "d.pt")
    have = read("d.pt")
    assert [row(k, v) for k, v in have.items()] == EXPECTED["dtypes.pt"]
    for key, dtype, shape, data in EXPECTED["dtypes.pt"]:
        run("convert", "d.pt:" + key, "-o", "one.pt")
        assert row(key, read("one.pt")) == [key, dtype, shape, data]


def test_names():
    """One array is a tensor by itself, unless it was given a name; several are a dictionary, named as in an npz."""
    x, y = np.arange(6, dtype="f4").reshape(2, 3), np.arange(3)
    save(x, "x.npy")
    save(y, "y.npy")
    np.savez(os.path.join(DIR, "one.npz"), w=x)
    cases = [(["x.npy"], None), (["w=x.npy"], ["w"]), (["one.npz"], ["w"]), (["one.npz:w"], None), (["x.npy", "y.npy"], ["x", "y"]),
             (["a.b=x.npy", "\u00fc=y.npy"], ["a.b", "\u00fc"]), (["one.npz", "y.npy"], ["w", "y"])]
    for inputs, names in cases:
        run("convert", *inputs, "-o", "n.pt")
        have = read("n.pt")
        if names is None:
            assert type(have) is np.ndarray and (have == x).all(), (inputs, have)
            run("compare", "n.pt", "x.npy", "--exact")
        else:
            assert list(have) == names and (list(have.values())[-1] == (y if len(inputs) > 1 else x)).all(), (inputs, have)
    run("op", "add", "x.npy", 1, "-o", "n.pt")
    assert (read("n.pt") == x + 1).all()
    run("op", "split", "y.npy", 3, "-o", "n.pt")
    assert list(read("n.pt")) == ["arr_0", "arr_1", "arr_2"]
    run("convert", "x.npy", "--order", "F", "-o", "f.pt")
    f = read("f.pt")
    assert f.strides == (4, 8) and (f == x).all()
    assert tensor("info", "f.pt", "--field", "order")[1] == b"F\n"
    with open(os.path.join(DIR, "piped.pt"), "wb") as out:
        out.write(run("convert", "x.npy", "--to", "pt"))
    assert (read("piped.pt") == x).all()
    run("convert", "x=x.npy", "x=y.npy", "-o", "no.pt", status=2)
    run("convert", "x.npy", "-o", "no.pt", "--compress", status=2, says="--compress is for npz")
    shutil.copy(os.path.join(DIR, "x.npy"), os.fsencode(DIR) + b"/\xff.npy")
    run("convert", os.fsdecode(b"\xff.npy"), "y.npy", "-o", "no.pt", status=4, says="UTF-8")
    assert not os.path.exists(os.path.join(DIR, "no.pt"))


def test_archives():
    """Whole checkpoints to other formats, and back."""
    for name in "checkpoint.pt", "legacy.pth", "pytorch_model.bin", "strided.pt":
        for other in "npz", "safetensors", "pt":
            run("convert", path(name), "-o", "c." + other)
            run("convert", "c." + other, "-o", "back.pt")
            have = {k: row(k, v) for k, v in read("back.pt").items()}
            assert have == {r[0]: r for r in EXPECTED[name]}
        with open(path(name), "rb") as f:
            run("convert", "-", "-o", "stdin.pt", stdin=f.read())
        assert {k: row(k, v) for k, v in read("stdin.pt").items()} == have


def test_keys():
    name = path("checkpoint.pt")
    run("convert", name, "-o", "no.npy", status=3, says="has several members, choose one as")
    run("op", "neg", name + ":fc.weight", "-o", "no.npy", status=3, says="has no member 'fc.weight'; it has model.fc.weight")
    run("op", "neg", name + ":model.fc.weight@0,::-1", "-o", "slice.npy")
    w = np.frombuffer(bytes.fromhex(next(r[3] for r in EXPECTED["checkpoint.pt"] if r[0] == "model.fc.weight")), "f4").reshape(2, 3)
    assert (np.load(os.path.join(DIR, "slice.npy")) == -w[0, ::-1]).all()
    info = json.loads(run("info", name, "--json"))
    assert info["format"] == "pt" and info["members"][0] == {
        "name": "model.fc.weight", "dtype": "float32", "shape": [2, 3], "order": "C", "byteorder": "little", "nbytes": 24}, info["members"][0]
    # One member needs no key.
    save(w, "w.npy")
    run("convert", "w=w.npy", "-o", "one.pt")
    run("compare", "one.pt", "w.npy", "--exact")
    # Raw data of that suffix, told by what describes it.
    with open(os.path.join(DIR, "raw.bin"), "wb") as f:
        f.write(w.tobytes())
    run("convert", "raw.bin", "--dtype", "float32", "--shape", "2,3", "-o", "raw.npy")
    run("compare", "raw.npy", "w.npy", "--exact")


def test_unsupported():
    out = run("info", path("unsupported.pt")).decode()
    for dtype in "complex32", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2":
        assert dtype in out
        run("convert", path("unsupported.pt") + ":" + dtype, "-o", "no.npy", status=3, says="elements of " + dtype)
        size = 4 if dtype == "complex32" else 1
        run("convert", path("unsupported.pt") + ":" + dtype, "-o", "bytes.raw")
        run("convert", path("unsupported.pt") + ":" + dtype, "--as", "uint%d" % (8 * size), "-o", "bytes.npy")
        with open(os.path.join(DIR, "bytes.raw"), "rb") as f:
            data = f.read()
        assert len(data) == 2 * size and np.load(os.path.join(DIR, "bytes.npy")).tobytes() == data, data
        assert data == {"complex32": b"\0\x3c\0\0" * 2, "float8_e4m3fnuz": b"\x40" * 2, "float8_e5m2fnuz": b"\x40" * 2,
                        "float8_e8m0fnu": b"\x7f" * 2, "float4_e2m1fn_x2": b"\1" * 2}[dtype], data
    run("convert", path("unsupported.pt") + ":good", "-o", "good.npy")
    run("convert", path("conjugated.pt") + ":plain", "-o", "plain.npy")
    run("convert", path("conjugated.pt") + ":conjugated", "-o", "no.npy", status=3, says="resolve_conj()")
    run("convert", path("negated.pt"), "-o", "no.npy", status=3, says="resolve_neg()")
    assert b"complex64 conjugated" in run("info", path("conjugated.pt"))


def test_sharing():
    """Views into a checkpoint, and changes in place, which its checksums follow where it has any."""
    for name, key in (("checkpoint.pt", "model.fc.weight"), ("legacy.pth", "model.fc.weight"), ("no_crc.pt", "w")):
        shutil.copy(path(name), os.path.join(DIR, "m.pt"))
        before = {r[0]: r for r in EXPECTED[name]}
        w = np.frombuffer(bytes.fromhex(before[key][3]), "f4").reshape(2, 3)
        run("convert", "--share", "m.pt:" + key, "-o", "v.view.json")
        run("op", "mul_", "v.view.json", 2)
        run("op", "add_", "m.pt:%s@1" % key, 1)
        want = w * 2
        want[1] += 1
        run("convert", "m.pt:" + key, "-o", "w.npy")
        assert (np.load(os.path.join(DIR, "w.npy")) == want).all()
        run("compare", "v.view.json", "w.npy", "--exact")
        if name == "checkpoint.pt":
            assert zipfile.ZipFile(os.path.join(DIR, "m.pt")).testzip() is None
            # The same storage under another name, and nothing else, has changed.
            run("compare", "m.pt:tied.fc.weight", "w.npy", "--exact")
        changed = [k for k in before if tensor("compare", "m.pt:" + k, path(name) + ":" + k, "--exact")[0]]
        assert set(changed) == ({"w"} if key == "w" else {"model.fc.weight", "tied.fc.weight", "parameters.0"}), changed
    shutil.copy(path("strided.pt"), os.path.join(DIR, "s.pt"))
    run("convert", "--share", "s.pt:transposed", "-o", "t.view.json")
    run("op", "copy_", "t.view.json@0,0,0", 99)
    run("compare", "s.pt:base@0,0,0", 99)
    run("op", "add_", "s.pt:overlapping", 1, status=4, says="more than one element")
    run("op", "add_", "s.pt:expanded", 1, status=4, says="more than one element")
    with zipfile.ZipFile(os.path.join(DIR, "deflated.pt"), "w", zipfile.ZIP_DEFLATED) as out, zipfile.ZipFile(path("bare.pt")) as z:
        for n in z.namelist():
            out.writestr(n, z.read(n))
    run("compare", "deflated.pt", path("bare.pt"), "--exact")
    run("convert", "--share", "deflated.pt", "-o", "no.view.json", status=3, says="compressed")


def main():
    tap = Tap()
    for name, want in EXPECTED.items():
        if isinstance(want, str):
            tap.test("%s is refused" % name, check_refused(name, want))
        else:
            tap.test("%s is read" % name, check_file(name))
    for test in test_dtypes, test_names, test_archives, test_keys, test_unsupported, test_sharing:
        try:
            test()
            problems = []
        except Exception:
            problems = [traceback.format_exc()]
        tap.test(test.__doc__ or test.__name__, problems)
    tap.done()


if __name__ == "__main__":
    main()
