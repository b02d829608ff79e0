"""Files between NumPy and tensor: what each writes, the other reads; npy byte for byte as np.save writes it."""

import io
import os
import zipfile

import numpy as np

from oracle import DIR, DTYPES, Tap, arrays, bfloat16, exact, parallel, reported, save, tensor

SHAPES = [(), (1,), (5,), (3, 4), (0,), (2, 0, 3), (1,) * 32, (1,) * 64, (2, 3, 4, 5), (100000,)]


def saved(x):
    f = io.BytesIO()
    np.save(f, x)
    return f.getvalue()


def sample(dtype, shape):
    n = int(np.prod(shape))
    x = (np.arange(n) % 100 - 30 * (np.dtype(dtype).kind != "u")).astype(dtype)
    return x.reshape(shape)


def write(name, data):
    with open(os.path.join(DIR, name), "wb") as f:
        f.write(data)
    return name


def same_bytes(dtype, shape, order):
    x = sample(dtype, shape)
    if order == "F" and x.ndim:
        x = np.asfortranarray(x)
    out = "o-%s-%s-%s.npy" % (dtype, len(shape), abs(hash((shape, order))))
    status, _, err = tensor("convert", save(x), "-o", out, "--order", order)
    if status:
        return "%s %s %s: %s" % (dtype, shape, order, err)
    with open(os.path.join(DIR, out), "rb") as f:
        data = f.read()
    return None if data == saved(x) else "%s %s %s: header %r, not %r" % (dtype, shape, order, data[:128], saved(x)[:128])


def reads(what, data, want, *args):
    """A file and a stream with these bytes hold this array."""
    name = write("r%d.npy" % abs(hash((what, data))), data)
    bad = []
    for words, stdin in ((name, b""), ("-", data)):
        status, out, err = tensor("op", "clone", words, *args, stdin=stdin)
        p = "status %d: %s" % (status, err) if status else exact(arrays(out)[0], want)
        if p:
            bad.append("%s from %s: %s" % (what, words, p))
    return "; ".join(bad) or None


def version(x, v):
    f = io.BytesIO()
    np.lib.format.write_array(f, x, version=v)
    return f.getvalue()


def header(text, data, v=(1, 0), pad=64):
    text = text.encode("latin1") + b"\n"
    size = 10 if v[0] == 1 else 12
    text = text[:-1] + b" " * (-(size + len(text)) % pad) + b"\n"
    return b"\x93NUMPY" + bytes(v) + len(text).to_bytes(2 if v[0] == 1 else 4, "little") + text + data


def reading():
    x = sample("float32", (3, 4))
    raw = x.tobytes()
    for v in (1, 0), (2, 0), (3, 0):
        yield "version %d.%d" % v, version(x, v), x
    yield "Fortran order", saved(np.asfortranarray(x)), x
    yield "Fortran order, 3-D", saved(np.asfortranarray(sample("int16", (2, 3, 4)))), sample("int16", (2, 3, 4))
    for d in ("int16", "uint64", "float16", "float64", "complex64", "complex128"):
        y = sample(d, (3, 4))
        yield "big-endian " + d, saved(y.astype(y.dtype.newbyteorder(">"))), y
    for code in ("<i1", ">u1", "<b1"):
        yield "descr " + code, header("{'descr': '%s', 'fortran_order': False, 'shape': (3,), }" % code, b"\1\0\1"), np.array([1, 0, 1], code[1:])
    d = "'descr': '<f4'", "'fortran_order': False", "'shape': (3, 4)"
    yield "any order of keys", header("{%s, %s, %s}" % d[::-1], raw), x
    yield "double quotes", header(("{%s, %s, %s, }" % d).replace("'", '"'), raw), x
    yield "white space", header("{ %s ,\t%s , %s , }" % d, raw), x
    yield "no padding", header("{%s, %s, %s, }" % d, raw, pad=1), x
    yield "16-byte alignment", header("{%s, %s, %s, }" % d, raw, pad=16), x
    yield "Python 2's longs", header("{%s, %s, 'shape': (3L, 4L), }" % d[:2], raw), x
    yield "a long header", header("{%s, %s, %s, }" % d + " " * 12000, raw), x


def npz(tap):
    members = {"a": sample("float64", (3, 4)), "b c": sample("int8", ()), "ä": sample("bool", (5,)), "z": sample("complex64", (0, 2))}
    for what, fn in ("np.savez", np.savez), ("np.savez_compressed", np.savez_compressed):
        f = io.BytesIO()
        fn(f, **members)
        name = write("%s.npz" % what, f.getvalue())
        bad = []
        for key, want in members.items():
            status, out, err = tensor("op", "clone", "%s:%s" % (name, key))
            bad.append("%s: %s" % (key, err) if status else exact(arrays(out)[0], want))
        status, out, err = tensor("op", "clone", name)
        bad.append(None if status == 3 and "b c" in err else "several members, no key: status %d %s" % (status, err))
        status, out, err = tensor("op", "clone", name + ":nosuch")
        bad.append(None if status == 3 and "nosuch" in err else "no such member: status %d %s" % (status, err))
        tap.test("reads what %s writes" % what, bad)
    files = ["%s=%s" % (k, save(v)) for k, v in members.items()]
    for flag in [], ["--compress"], ["--compress", "9"]:
        status, out, err = tensor("convert", *files, "-o", "out.npz", *flag)
        bad = [err] if status else []
        if not status:
            with np.load(os.path.join(DIR, "out.npz")) as z:
                bad += [None if z.files == list(members) else "members %s" % z.files] + [exact(z[k], v) for k, v in members.items()]
            with zipfile.ZipFile(os.path.join(DIR, "out.npz")) as z:
                kind = {i.compress_type for i in z.infolist()}
                bad += [z.testzip(), None if kind == {8 if flag else 0} else "methods %s" % kind]
                bad += [None if z.read(k + ".npy") == saved(v) else "%s: not the bytes of np.save" % k for k, v in members.items()]
        tap.test("np.load reads npz %s" % " ".join(flag), bad)
    with open(os.path.join(DIR, "out.npz"), "rb") as f:
        first = f.read()
    tensor("convert", *files, "-o", "again.npz", "--compress", "9")
    with open(os.path.join(DIR, "again.npz"), "rb") as f:
        tap.test("npz: the same bytes for the same arrays", [None if first == f.read() else "differ"])


def appended(tap):
    xs = [sample("float32", (3, 4)), sample("int8", (2,)), sample("bool", ())]
    data = b"".join(map(saved, xs))
    name = write("several.npy", data)
    bad = []
    for i, x in enumerate(xs):
        status, out, err = tensor("op", "clone", "%s:%d" % (name, i))
        bad.append(err if status else exact(arrays(out)[0], x))
    bad.append(None if tensor("op", "clone", name + ":3")[0] == 3 else "a fourth array")
    status, out, err = tensor("op", "stack", "-", "-", stdin=saved(xs[0]) + saved(xs[0] + 1))
    bad.append(err if status else exact(arrays(out)[0], np.stack([xs[0], xs[0] + 1])))
    tap.test("several arrays in one file and one stream", bad)


def half(tap):
    x = np.array([1, -2.5, 3e38, np.inf, 1e-40]).astype(bfloat16)
    status, out, err = tensor("convert", save(x.astype("f4")), "--dtype", "bfloat16", "-o", "h.npy")
    got = np.load(os.path.join(DIR, "h.npy")) if not status else None
    bad = [err or None, None if got is not None and got.dtype == bfloat16 and got.tobytes() == x.tobytes() else "bytes of h.npy"]
    np.save(os.path.join(DIR, "v2.npy"), x)  # NumPy writes this as V2
    status, out, err = tensor("convert", "v2.npy", "--as", "bfloat16", "--dtype", "float32")
    bad.append(err if status else exact(arrays(out)[0], x.astype("f4")))
    bad.append(None if tensor("op", "clone", "v2.npy")[0] == 3 else "V2 is taken for numbers")
    status, out, err = tensor("convert", "h.npy", "--as", "uint16")
    bad.append(err if status else exact(arrays(out)[0], x.view("u2")))
    tap.test("bfloat16 in npy", bad)


def main():
    tap = Tap()
    for order in "C", "F":
        tap.test("convert --order %s writes the bytes of np.save" % order, parallel(same_bytes, [(d, s, order) for d in DTYPES for s in SHAPES]))
    tap.test("reads what NumPy reads", parallel(reads, list(reading())))
    refused = [("object", saved(np.array([None]))), ("string", saved(np.array(["a"]))), ("date", saved(np.array([1], "M8[s]"))), ("struct", saved(np.zeros(2, "i4,f4")))]
    bad = []
    for what, data in refused:
        status, out, err = tensor("op", "clone", write(what + ".npy", data))
        bad.append(reported(status, err) or (None if status == 3 and what + ".npy" in err else "%s: status %d %s" % (what, status, err)))
    tap.test("refuses what is no number", bad)
    npz(tap)
    appended(tap)
    half(tap)
    tap.done()


if __name__ == "__main__":
    main()
