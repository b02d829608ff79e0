#!/usr/bin/env python3
"""Write unusual, broken and malicious npy, npz, safetensors, pt and raw-adjacent files into a directory: make.py DIR

DIR/verdicts.tsv says of each, one a line: accept, refuse (exit status 3, nothing written) or either; the file; and the
file with the arrays that an accepting reader gets, "-" where only its header can be read.  Expected files are written by
NumPy itself.  The rows are those of the tables for npy, dtypes and npz in the notes on formats: what NumPy does, where
that is right.
"""

import io
import os
import struct
import sys
import zipfile
import zlib

import numpy as np

import safetensors_files
import torch_files

F4 = np.arange(12, dtype="<f4").reshape(3, 4)
rows = []


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


def expected(value):
    """The file that holds what an accepting reader gets."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        name = f"expected{len(rows)}.npz"
        np.savez(name, **value)
    else:
        name = f"expected{len(rows)}.npy"
        np.save(name, value)
    return name


def add(verdict, name, data, value=None):
    write(name, data)
    rows.append((verdict, name, expected(value)))


def accept(name, data, value=None):
    add("accept", name, data, value)


def refuse(name, data):
    add("refuse", name, data)


def either(name, data, value):
    add("either", name, data, value)


def npy(header, data=b"", version=(1, 0), length=None):
    if isinstance(header, str):
        header = header.encode("latin1" if version[0] < 3 else "utf-8")
    width = "<H" if version[0] == 1 else "<I"
    return (b"\x93NUMPY" + bytes(version) + struct.pack(width, len(header) if length is None else length)
            + header + data)


def dict_of(descr="'<f4'", order="False", shape="(3, 4)"):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)


def save(a, **kw):
    out = io.BytesIO()
    np.save(out, a, **kw)
    return out.getvalue()


def container():
    data = F4.tobytes()
    for major, minor in ((1, 0), (2, 0), (3, 0)):
        accept(f"version{major}.npy", npy(dict_of(), data, (major, minor)), F4)
    for v in ((1, 1), (2, 2), (0, 1), (4, 0), (255, 255), (3, 1)):
        refuse(f"version{v[0]}_{v[1]}.npy", npy(dict_of(), data, v))
    for n in (100, 20000, 60000):
        accept(f"padded{n}.npy", npy(dict_of() + " " * n + "\n", data), F4)
    accept("padded_v2.npy", npy(dict_of() + " " * 200000 + "\n", data, (2, 0)), F4)
    accept("pad16.npy", npy(dict_of().ljust(70) + "\n", data), F4)
    refuse("length_beyond.npy", npy(dict_of(), data, length=60000))
    refuse("length_4g.npy", npy(dict_of(), data, (2, 0), length=0xFFFFFFFF))
    refuse("length_0.npy", npy("", data))
    refuse("length_short.npy", npy(dict_of(), data, length=20))
    for n in range(0, 80, 7):
        refuse(f"cut{n}.npy", save(F4)[:n])
    refuse("cut_data.npy", save(F4)[:-1])
    refuse("cut_all_data.npy", save(F4)[:-48])
    accept("trailing.npy", save(F4) + b"trailing bytes", F4)
    accept("two_arrays.npy", save(F4) + save(np.arange(3)), F4)
    refuse("two_arrays_cut.npy", save(F4) + save(np.arange(3))[:-1])
    accept("npy_inside.npz", save(F4), F4)  # content decides
    refuse("not_npy.npy", b"PNG\r\n\x1a\n and more than eight bytes")
    refuse("magic_only.npy", b"\x93NUMPY")
    refuse("wrong_magic.npy", b"\x93NUMPX" + save(F4)[6:])
    refuse("empty.npy", b"")


def headers():
    data = F4.tobytes()

    def good(name, header, **kw):
        accept(f"h_{name}.npy", npy(header, data, **kw), F4)

    def bad(name, header, **kw):
        refuse(f"h_{name}.npy", npy(header, data, **kw))

    good("double_quotes", dict_of().replace("'", '"'))
    good("other_order", "{'shape': (3, 4), 'fortran_order': False, 'descr': '<f4'}")
    good("tabs", "{\t'descr'\t:\t'<f4',\n'fortran_order':\nFalse ,'shape':(3 ,4 )}\n")
    good("comma", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4,),}")
    good("no_comma", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}")
    good("longs", dict_of(shape="(3L, 4L)"))
    good("longs_v2", dict_of(shape="(3L, 4L)"), version=(2, 0))
    good("comment", dict_of() + " # tensor: g=1 node=2\n")
    bad("longs_v3", dict_of(shape="(3L, 4L)"), version=(3, 0))
    bad("small_longs", dict_of(shape="(3l, 4l)"))
    for name, header in {
        "blanks": "  " + dict_of(), "crlf": dict_of() + "\r\n", "u": dict_of("u'<f4'"),
        "hex": dict_of(shape="(0x3, 4)"), "octal": dict_of(shape="(0o3, 4)"), "binary": dict_of(shape="(0b11, 4)"),
        "plus": dict_of(shape="(+3, 4)"), "joined": "{'des' 'cr': '<f4', 'fortran_order': False, 'shape': (3, 4)}",
        "escape": dict_of("'\\x3cf4'"), "triple": dict_of("'''<f4'''"), "parens": dict_of("('<f4')"),
        "formfeed": dict_of() + "\f", "underscore": dict_of(shape="(3, 0_4)"), "parens2": "(" + dict_of() + ")",
    }.items():
        either(f"h_{name}.npy", npy(header, data), F4)
    bad_value = F4.view("<i4")
    either("h_duplicate_last.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'descr': '<i4'}", data),
           bad_value)
    for name, header in {
        "missing_descr": "{'fortran_order': False, 'shape': (3, 4), }",
        "missing_order": "{'descr': '<f4', 'shape': (3, 4), }",
        "missing_shape": "{'descr': '<f4', 'fortran_order': False, }",
        "extra_key": "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'x': 1}",
        "number_key": "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 1: 1}",
        "list": "['<f4', False, (3, 4)]", "set": "{'descr', 'fortran_order', 'shape'}", "empty_dict": "{}",
        "junk": dict_of() + " x", "two_dicts": dict_of() + dict_of(), "nul": dict_of() + "\0\0\0",
        "nul_first": "\0" + dict_of(), "unterminated": "{'descr': '<f4", "open": dict_of()[:-1],
        "expression": dict_of(shape="(1+2, 4)"), "call": dict_of(shape="tuple([3, 4])"),
        "import": dict_of("__import__('os').system('true')"), "no_colon": dict_of().replace(":", " "),
        "commas": dict_of().replace("False,", "False,,"), "only_comma": "{,}",
        "order0": dict_of(order="0"), "order1": dict_of(order="1"), "order_str": dict_of(order="'False'"),
        "order_none": dict_of(order="None"), "order_false": dict_of(order="false"), "order_falsey": dict_of(order="Falsey"),
        "order_true": dict_of(order="TRUE"),
        "shape_list": dict_of(shape="[3, 4]"), "shape_int": dict_of(shape="12"), "shape_paren": dict_of(shape="(12)"),
        "shape_float": dict_of(shape="(3.0, 4)"), "shape_exp": dict_of(shape="(3e0, 4)"),
        "shape_str": dict_of(shape="('3', 4)"), "shape_none": dict_of(shape="None"), "shape_true": dict_of(shape="(True, 12)"),
        "shape_zero_first": dict_of(shape="(03, 4)"), "shape_comma": dict_of(shape="(,)"),
        "shape_gap": dict_of(shape="(3,,4)"), "shape_blank": dict_of(shape="(3 4)"), "shape_open": dict_of(shape="(3, 4"),
        "shape_nested": dict_of(shape="((3, 4),)"),
        "negative": dict_of(shape="(-1, 4)"), "negative3": dict_of(shape="(-3, 4)"), "negative1": dict_of(shape="(-1,)"),
        "negatives": dict_of(shape="(-3, -4)"), "minus_blank": dict_of(shape="(- 3, 4)"),
        "wrap0": dict_of(shape="(4294967296, 4294967296)"),
        "wrap2": dict_of("'|u1'", shape="(6148914691236517206, 3)"),
        "wrap4": dict_of(shape="(4611686018427387905,)"), "int64": dict_of(shape="(9223372036854775807,)"),
        "int64_1": dict_of(shape="(9223372036854775808,)"), "uint64": dict_of(shape="(18446744073709551628,)"),
        "digits": dict_of(shape="(%s,)" % ("1" * 100)), "dims65": dict_of(shape="(" + "1, " * 65 + ")"),
        "nested": dict_of(shape="(" * 20000), "nested_list": dict_of("[" * 20000), "nested_dict": "{" * 60000,
        "bad_utf8_name": "{'d\xe9scr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
    }.items():
        bad(name, header)
    bad("nested_v2", "(" * 500000, version=(2, 0))
    bad("utf8_v3", dict_of("[('\xe9', '<f4')]").encode("latin1"), version=(3, 0))
    either("h_wrap_zero.npy", npy(dict_of(shape="(4294967296, 4294967296, 0)")), None)
    for n in (32, 64):
        a = np.full((1,) * n, 7, "<f4")
        accept(f"dims{n}.npy", save(a), a)
    for name, a in {"scalar": np.array(2.5), "zero": np.zeros((0,)), "zeros": np.zeros((2, 0, 4)),
                    "zero_fortran": np.zeros((2, 0, 4), order="F"), "one": np.ones((1, 1)), "vector": np.arange(5)}.items():
        accept(f"{name}.npy", save(a), a)
    for a in (F4, np.arange(24, dtype="<i2").reshape(2, 3, 4), np.arange(120.0).reshape(2, 3, 4, 5)):
        b = np.asfortranarray(a)
        accept(f"fortran{a.ndim}.npy", save(b), b)
        accept(f"fortran{a.ndim}_big.npy", save(b.astype(b.dtype.newbyteorder(">"), order="F")), b)
    accept("fortran_vector.npy", npy(dict_of(order="True", shape="(12,)"), data), F4.ravel())


def dtypes():
    special = np.array([0x7FC00001, 0xFFA00000, 0x80000000, 1, 0x7F800000], "<u4").view("<f4")
    accept("nan_payload.npy", save(special), special)
    for code in "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split():
        a = np.array([[0, 1, 2], [3, 250, 1]]).astype(code)
        for order in "<>|=":
            dt = np.dtype(order + code)
            b = a.astype(dt)
            name = {"<": "little", ">": "big", "|": "none", "=": "native"}[order]
            verdict = accept if order in "<>" or code[1:] == "1" else either
            verdict(f"dtype_{code}_{name}.npy", npy(dict_of("'%s%s'" % (order, code), shape="(2, 3)"), b.tobytes()), a)
        either(f"dtype_{code}_bare.npy", npy(dict_of("'%s'" % code, shape="(2, 3)"), a.tobytes()), a)
        either(f"dtype_{code}_name.npy", npy(dict_of("'%s'" % a.dtype.name, shape="(2, 3)"), a.tobytes()), a)
    for code in "f d ? B e half float double single int".split():
        refuse_or = np.zeros((3, 4), code)
        either(f"dtype_char_{code.replace('?', 'bool')}.npy", npy(dict_of("'%s'" % code), refuse_or.tobytes()), refuse_or)
    # Listed by their headers, never read.
    for i, dt in enumerate(("<M8[ns]", "<M8[25us]", "<m8[s]", "<U5", ">U3", "|S7", "|V8", "<f16", "<c32")):
        name = f"other{i}.npy"
        data = save(np.zeros((3, 4), dt))
        accept(name, data)
        refuse("no_" + name, data)
    for i, dt in enumerate(([("a", "<f4"), ("b", "<i8")], [("shape", "<f4"), ("fortran_order", "?", (2, 3))],
                            [("n", [("x", "<f8"), ("y", "|S3")])], [(("title", "a"), "<f4")])):
        name = f"struct{i}.npy"
        data = save(np.zeros((3, 4), dt))
        accept(name, data)
        refuse("no_" + name, data)
    data = save(np.array([None, "x"], dtype=object), allow_pickle=True)
    accept("object.npy", data)
    refuse("no_object.npy", data)
    refuse("no_object_field.npy", npy(dict_of("[('a', 'O')]"), b"\x80\x04N."))
    for i, descr in enumerate("|V1 <V2 |V2 <f1 <c4 <g2".split()):
        size = int(descr[2:])
        data = npy(dict_of("'%s'" % descr), bytes(12 * size))
        accept(f"void{i}.npy", data)
        refuse(f"no_void{i}.npy", data)
    for descr in ("<f3", "<i3", "<i16", "<b2", "<f0", "", "<", "4", "<x4", " <f4", "<f4 ", "<f4\0", "<f4294967300", "<f+4",
                  "<f04", "<<f4", "f4<", "<f-4", "O4294967304", "<M8[", "<M8[]", "<M8[xs]", "<M8[0s]", "<M4", "<U-1",
                  "<U99999999999999999999", "\\x3cf4x", "bfloat16x", "<bfloat16x", "float", "i4,f4", "(2,)f4", "@f4", "!f4"):
        name = "".join(c if c.isalnum() else "_%02x" % ord(c) for c in descr)
        (either if descr in ("float", "i4,f4", "(2,)f4", "<f04") else refuse)(
            f"descr_{name}.npy", npy(dict_of("'%s'" % descr), bytes(96)), *([None] if descr in (
                "float", "i4,f4", "(2,)f4", "<f04") else []))


class Zip:
    """An archive of which every field can be wrong."""

    def __init__(self):
        self.out = bytearray()
        self.central = bytearray()
        self.count = 0

    def add(self, name, data, method=0, flags=0, crc=None, usize=None, csize=None, offset=None, local=None, extra=b"",
            local_extra=b"", descriptor=None, local_sizes=None, raw=None, local_name=None):
        name = name if isinstance(name, bytes) else name.encode()
        z = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = raw if raw is not None else z.compress(data) + z.flush() if method == 8 else data
        crc = zlib.crc32(data) if crc is None else crc
        usize = len(data) if usize is None else usize
        csize = len(packed) if csize is None else csize
        at = len(self.out) if offset is None else offset
        sizes = local_sizes if local_sizes is not None else (crc, min(csize, 0xFFFFFFFF), min(usize, 0xFFFFFFFF))
        lname = name if local_name is None else local_name
        self.out += (b"PK\3\4" if local is None else local) + struct.pack(
            "<HHHHHIIIHH", 20, flags, method, 0, 33, *sizes, len(lname), len(local_extra)) + lname + local_extra
        self.out += packed + (descriptor or b"")
        self.central += b"PK\1\2" + struct.pack(
            "<HHHHHHIIIHHHHHII", 45, 45, flags, method, 0, 33, crc, csize, usize, len(name), len(extra), 0, 0, 0, 0, at
        ) + name + extra
        self.count += 1
        return self

    def end(self, comment=b"", count=None, size=None, offset=None, gap=b"", zip64=None):
        out = bytearray(self.out + gap)
        at = len(out)
        out += self.central
        count = self.count if count is None else count
        size = len(self.central) if size is None else size
        offset = at if offset is None else offset
        if zip64:
            record = len(out)
            c, s, o, where = zip64(count, size, offset, record)
            out += b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, c, c, s, o)
            out += b"PK\6\7" + struct.pack("<IQI", 0, where, 1)
            count, size, offset = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
        out += b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, offset, len(comment)) + comment
        return bytes(out)


def archives():
    a, b = np.arange(1000, dtype="<i4"), F4
    both = {"a": a, "b": b}
    for name, f in (("savez", np.savez), ("savez_compressed", np.savez_compressed)):
        out = io.BytesIO()
        f(out, **both)
        accept(name + ".npz", out.getvalue(), both)
        whole = out.getvalue()
        for n in (0, 3, 30, 100, len(whole) // 2, len(whole) - 100, len(whole) - 23, len(whole) - 22, len(whole) - 1):
            refuse(f"{name}_cut{n}.npz", whole[:n])
        flipped = bytearray(whole)
        flipped[whole.index(b"PK\1\2") - 100] ^= 0x55
        refuse(name + "_corrupt.npz", bytes(flipped))
        accept(name + "_called.npy", whole, both)
    accept("one.npz", Zip().add("a.npy", save(a)).end(), {"a": a})
    accept("empty.npz", Zip().end(), {})
    refuse("empty_file.npz", b"")
    accept("no_suffix.npz", Zip().add("a", save(a)).end(), {"a": a})

    def descriptor(data, signature, wide):
        return (b"PK\7\x08" if signature else b"") + struct.pack("<IQQ" if wide else "<III", zlib.crc32(data), len(data),
                                                                  len(data))

    data = save(a)
    for signature in (0, 1):
        for wide in (0, 1):
            accept(f"descriptor{signature}{wide}.npz",
                   Zip().add("a.npy", data, flags=8, local_sizes=(0, 0, 0), descriptor=descriptor(data, signature, wide))
                   .add("b.npy", save(b), method=8).end(), both)
    accept("comment.npz", Zip().add("a.npy", data).end(comment=b"x" * 65535), {"a": a})
    accept("comment_end.npz", Zip().add("a.npy", data).end(comment=b"PK\5\6" + bytes(40)), {"a": a})
    accept("comment_end_fits.npz", Zip().add("a.npy", data).end(comment=b"hello PK\5\6" + bytes(18)), {"a": a})
    accept("gap.npz", Zip().add("a.npy", data).end(gap=b"\0" * 100), {"a": a})
    either("in_front.npz", b"#!/bin/sh\nexit\n" + Zip().add("a.npy", data).end(), {"a": a})
    either("behind.npz", Zip().add("a.npy", data).end() + b"behind", {"a": a})
    accept("local_extra.npz", Zip().add("a.npy", data, local_extra=b"\x35\xd9\x06\0" + bytes(6), extra=b"UT\1\0x").end(),
           {"a": a})
    z = Zip().add("a.npy", data).add("b.npy", save(b))
    first = z.central.index(b"PK\1\2", 4)
    z.central = z.central[first:] + z.central[:first]
    accept("directory_order.npz", z.end(), both)
    names = {"x/y": a, "dots.in.name": a, "with blank": a, "\u00fc": a, "\u6f22": b, ".npy": a}
    out = io.BytesIO()
    np.savez(out, **names)
    accept("names.npz", out.getvalue(), names)
    accept("cp437.npz", Zip().add(b"\x81.npy", data).end(), {"\u00fc": a})
    accept("others.npz", Zip().add("readme.txt", b"hello").add("d/", b"").add("e.npy", b"").add("a.npy", data).end(), {"a": a})
    accept("duplicate.npz", Zip().add("a.npy", save(b)).add("a.npy", data).end(), {"a": a})
    for method, name in ((12, "bzip2"), (14, "lzma"), (9, "deflate64"), (93, "zstd"), (95, "xz"), (99, "aes"), (6, "implode"),
                         (77, "unknown")):
        refuse(f"method_{name}.npz", Zip().add("a.npy", data, method=method).end())
    refuse("encrypted.npz", Zip().add("a.npy", data, flags=1).end())
    for method in (0, 8):
        refuse(f"crc{method}.npz", Zip().add("a.npy", data, method, crc=12345).end())
        refuse(f"crc_small{method}.npz", Zip().add("a.npy", save(np.zeros((0,))), method, crc=12345).end())
        refuse(f"usize_less{method}.npz", Zip().add("a.npy", data, method, usize=len(data) - 1).end())
        refuse(f"usize_more{method}.npz", Zip().add("a.npy", data, method, usize=len(data) + 1).end())
        refuse(f"usize_huge{method}.npz", Zip().add("a.npy", data, method, usize=0x7FFFFFFF).end())
        refuse(f"csize_less{method}.npz", Zip().add("a.npy", data, method, csize=100).end())
        refuse(f"csize_beyond{method}.npz", Zip().add("a.npy", data, method, csize=0x7FFFFFFF).end())
        refuse(f"csize_more{method}.npz", Zip().add("a.npy", data, method, csize=len(data) + 3).end(gap=bytes(9)))
        refuse(f"offset{method}.npz", Zip().add("a.npy", data, method, offset=0x7FFFFFFF).end())
        refuse(f"offset_wrong{method}.npz", Zip().add("a.npy", data, method, offset=7).end())
        refuse(f"local_signature{method}.npz", Zip().add("a.npy", data, method, local=b"PK\3\5").end())
        refuse(f"member_cut{method}.npz", Zip().add("a.npy", data[:-1], method).end())
        refuse(f"member_cut_header{method}.npz", Zip().add("a.npy", data[:50], method).end())
        refuse(f"member_header_beyond{method}.npz", Zip().add("a.npy", npy(dict_of(), b"", length=60000), method).end())
        refuse(f"member_huge{method}.npz", Zip().add("a.npy", npy(dict_of(shape="(4294967296,)")), method).end())
        either(f"member_trailing{method}.npz", Zip().add("a.npy", data + b"behind", method).end(), {"a": a})
    refuse("deflate_damaged.npz", Zip().add("a.npy", data, 8, raw=b"\xff" * 100).end())
    refuse("deflate_cut.npz", Zip().add("a.npy", data, 8, raw=zlib.compress(data)[2:-4][:-9]).end())
    refuse("other_name.npz", Zip().add("a.npy", data, local_name=b"b.npy").end())
    z = Zip().add("a.npy", data)
    refuse("count_more.npz", z.end(count=2))
    refuse("count_less.npz", Zip().add("a.npy", data).add("b.npy", save(b)).end(count=1))
    refuse("directory_size.npz", z.end(size=0x7FFFFFFF))
    refuse("directory_size_less.npz", z.end(size=40))
    refuse("directory_offset.npz", z.end(offset=0x7FFFFFFF))
    bad = Zip().add("a.npy", data)
    bad.central[28:30] = b"\xff\xff"
    refuse("name_beyond.npz", bad.end())
    bad = Zip().add("a.npy", data)
    bad.central[30:32] = b"\xff\xff"
    refuse("extra_beyond.npz", bad.end())

    def wide(usize=None, csize=None, offset=None, only=7):
        fields = [(1, usize, len(data)), (2, csize, len(data)), (4, offset, 0)]
        extra = b"".join(struct.pack("<Q", real if v is None else v) for bit, v, real in fields if only & bit)
        return Zip().add("a.npy", data, extra=b"UX\2\0zz" + struct.pack("<HH", 1, len(extra)) + extra,
                         usize=0xFFFFFFFF if only & 1 else None, csize=0xFFFFFFFF if only & 2 else None,
                         offset=0xFFFFFFFF if only & 4 else None)

    same = lambda c, s, o, r: (c, s, o, r)
    for only in range(1, 8):
        accept(f"zip64_fields{only}.npz", wide(only=only).end(), {"a": a})
    accept("zip64_end.npz", wide().end(zip64=same), {"a": a})
    for i, v in enumerate((2**63, 2**64 - 1, 2**63 - 1, 2**32)):
        refuse(f"zip64_usize{i}.npz", wide(usize=v).end(zip64=same))
        refuse(f"zip64_csize{i}.npz", wide(csize=v).end(zip64=same))
        refuse(f"zip64_both{i}.npz", wide(usize=v, csize=v).end(zip64=same))
        refuse(f"zip64_offset{i}.npz", wide(offset=v).end(zip64=same))
        refuse(f"zip64_count{i}.npz", wide().end(zip64=lambda c, s, o, r: (v, s, o, r)))
        refuse(f"zip64_directory_size{i}.npz", wide().end(zip64=lambda c, s, o, r: (c, v, o, r)))
        refuse(f"zip64_directory_offset{i}.npz", wide().end(zip64=lambda c, s, o, r: (c, s, v, r)))
        either(f"zip64_locator{i}.npz", wide().end(zip64=lambda c, s, o, r: (c, s, o, v)), {"a": a})
    refuse("zip64_count_2_62.npz", wide().end(zip64=lambda c, s, o, r: (2**62, s, o, r)))
    missing = Zip().add("a.npy", data, usize=0xFFFFFFFF, csize=0xFFFFFFFF)
    refuse("zip64_missing.npz", missing.end())
    refuse("zip64_short.npz", Zip().add("a.npy", data, usize=0xFFFFFFFF, csize=0xFFFFFFFF, extra=b"\1\0\4\0zzzz").end())
    bomb = save(np.zeros(6))
    either("bomb.npz", Zip().add("a.npy", bomb + bytes(64 << 20), 8).end(), {"a": np.zeros(6)})
    refuse("bomb_shape.npz", Zip().add("a.npy", npy(dict_of("'|u1'", shape="(1099511627776,)")), 8, usize=2**32 - 2).end())
    many = Zip()
    for i in range(3000):
        many.add(f"m{i}.npy", npy(dict_of(shape="()"), struct.pack("<f", i)))
    accept("many.npz", many.end(), {f"m{i}": np.float32(i) for i in range(3000)})
    object_array = save(np.array([None]), allow_pickle=True)
    refuse("object.npz", Zip().add("a.npy", object_array).end())


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    os.chdir(sys.argv[1])
    container()
    headers()
    dtypes()
    archives()
    safetensors_files.make(accept, refuse, either)
    torch_files.make(accept, refuse, either)
    with open("verdicts.tsv", "w", encoding="utf-8") as f:
        for row in rows:
            f.write("\t".join(row) + "\n")


main()
