"""Unusual, broken and malicious safetensors files for make.py: make(accept, refuse, either) adds them."""

import json
import struct

import numpy as np

TYPES = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}
NUMPY = {"BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "I32": "<i4", "U32": "<u4",
         "F32": "<f4", "C64": "<c8", "F64": "<f8", "I64": "<i8", "U64": "<u8"}
A = np.arange(6, dtype="<f4").reshape(2, 3)
B = np.arange(5, dtype="<i2")


def file(header, data=b"", length=None):
    """header: bytes as they are, or what json makes of it."""
    if not isinstance(header, bytes):
        header = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype="F32", shape=(2, 3), begin=0, end=24, **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end], **more}


def text(**fields):
    """An entry with the given JSON in the place of its fields."""
    fields = {"dtype": '"F32"', "shape": "[2,3]", "data_offsets": "[0,24]", **fields}
    return ("{" + ",".join('"%s":%s' % kv for kv in fields.items() if kv[1] is not None) + "}").encode()


def make(accept, refuse, either):
    a, b = A.tobytes(), B.tobytes()
    two = file({"a": entry(), "b": entry("I16", [5], 24, 34)}, a + b)

    def good(name, data, value=None):
        accept(f"st_{name}.safetensors", data, value)

    def bad(name, data):
        refuse(f"st_{name}.safetensors", data)

    good("two", two, {"a": A, "b": B})
    good("any_order", file({"b": entry("I16", [5], 24, 34), "a": entry()}, a + b), {"a": A, "b": B})
    good("unaligned", file({"b": entry("I16", [5], 1, 11), "a": entry(begin=11, end=35), "u": entry("U8", [1], 0, 1)},
                           b"\x07" + b + a), {"a": A, "b": B, "u": np.array([7], "u1")})
    good("padded", file(json.dumps({"a": entry()}).encode() + b" " * 1000, a), {"a": A})
    good("white", file(json.dumps({"a": entry()}).encode() + b" \t\r\n", a), {"a": A})
    either("st_leading.safetensors", file(b"  " + json.dumps({"a": entry()}).encode(), a), {"a": A})
    accept("st_called.npy", two, {"a": A, "b": B})
    for n in (*range(0, 60, 5), len(two) - 35, len(two) - 34, len(two) - 10, len(two) - 1):
        bad(f"cut{n}", two[:n])

    # The length of the header.
    for n in (0, 1, 2, 30, len(two), 100000000, 100000001, 2**32, 2**62, 2**63, 2**63 - 1, 2**64 - 1):
        bad(f"length{n}", file({"a": entry()}, a, n))
    good("empty", file(b"{}"), {})
    bad("empty_data", file(b"{}", b"x"))
    bad("only_metadata_data", file({"__metadata__": {}}, b"x"))
    good("only_metadata", file({"__metadata__": {"a": "b"}}), {})

    # The bytes are covered exactly.
    bad("hole", file({"a": entry(), "b": entry("I16", [5], 26, 36)}, a + b"xx" + b))
    bad("hole_first", file({"a": entry(begin=1, end=25)}, b"x" + a))
    bad("overlap", file({"a": entry(), "b": entry("I16", [5], 22, 32)}, a + b[2:]))
    bad("inside", file({"a": entry(), "b": entry("I16", [5], 2, 12)}, a))
    bad("same", file({"a": entry(), "b": entry()}, a))
    bad("reversed", file({"a": entry(begin=24, end=0)}, a))
    bad("trailing", file({"a": entry()}, a + b"x"))
    bad("trailing_8", file({"a": entry()}, a + bytes(8)))
    bad("missing", file({"a": entry()}, a[:-1]))
    bad("far", file({"a": entry(begin=2**40, end=2**40 + 24)}, a))
    bad("beyond", file({"a": entry(shape=[2**40], end=2**42)}, a))
    bad("empty_inside", file({"a": entry(), "e": entry("F32", [0], 8, 8)}, a))
    bad("empty_behind", file({"a": entry(), "e": entry("F32", [0], 28, 28)}, a))

    # Shapes and sizes.
    good("scalar", file({"s": entry("F32", [], 0, 4)}, a[4:8]), {"s": A[0, 1]})
    good("zero", file({"z": entry("F32", [2, 0, 4], 0, 0), "a": entry(), "y": entry("I16", [0], 24, 24)}, a),
         {"z": np.zeros((2, 0, 4), "f4"), "a": A, "y": np.zeros(0, "i2")})
    for name, shape, end in (("size", [2, 4], 24), ("size_small", [2, 2], 24), ("size_scalar", [], 24),
                             ("size_zero", [0], 24), ("size_none", [2, 3], 0)):
        bad(name, file({"a": entry(shape=shape, end=end)}, a))
    for name, dtype, shape in (("wrap0", "U8", [2**32, 2**32]), ("wrap2", "U8", [6148914691236517206, 3]),
                               ("wrap4", "F32", [2**62 + 1]), ("wrap_bits", "U8", [2**61]), ("wrap_bits4", "F4", [2**62]),
                               ("wrap_f64", "F64", [2**61]), ("int64", "U8", [2**63 - 1]), ("uint64", "U8", [2**63]),
                               ("digits", "U8", [10**100])):
        for end in (0, 2, 4, 24):
            bad(f"{name}_{end}", file({"a": entry(dtype, shape, 0, end)}, a[:end]))
    either("st_wrap_zero.safetensors", file({"a": entry("U8", [2**32, 2**32, 0], 0, 0)}), None)
    bad("dims65", file({"a": entry("U8", [1] * 65, 0, 1)}, b"x"))
    good("dims64", file({"a": entry("U8", [1] * 64, 0, 1)}, b"x"), {"a": np.full((1,) * 64, ord("x"), "u1")})
    for dtype, n, nbytes in (("F4", 3, 1), ("F4", 3, 2), ("F6_E2M3", 3, 2), ("F6_E3M2", 5, 3), ("F6_E3M2", 5, 4)):
        bad(f"odd_{dtype}_{n}_{nbytes}", file({"a": entry(dtype, [n], 0, nbytes)}, bytes(nbytes)))
    for dtype, bits in TYPES.items():
        n = 8
        data = bytes(k % 2 if dtype == "BOOL" else k for k in range(n * bits // 8))
        whole = file({"a": entry(dtype, [2, 4], 0, len(data))}, data)
        good("type_" + dtype, whole, {"a": np.frombuffer(data, NUMPY[dtype]).reshape(2, 4)} if dtype in NUMPY else None)
        if bits % 8 or "FNUZ" in dtype or dtype == "F8_E8M0":
            bad("no_array_" + dtype, whole)
    for name, dtype in (("long", "F128"), ("lower", "f32"), ("none", ""), ("numpy", "<f4"), ("float", "float32"),
                        ("blank", "F32 "), ("control", "F\x1b32")):
        bad("dtype_" + name, file({"a": entry(dtype)}, a))

    # The entries.
    for name, fields in {
        "no_dtype": {"dtype": None}, "no_shape": {"shape": None}, "no_offsets": {"data_offsets": None},
        "dtype_number": {"dtype": "32"}, "dtype_null": {"dtype": "null"}, "dtype_list": {"dtype": '["F32"]'},
        "shape_number": {"shape": "6"}, "shape_string": {"shape": '"2,3"'}, "shape_object": {"shape": "{}"},
        "shape_float": {"shape": "[2.0,3]"}, "shape_exponent": {"shape": "[2e0,3]"}, "shape_negative": {"shape": "[-2,-3]"},
        "shape_one_negative": {"shape": "[-1,3]"}, "shape_null": {"shape": "[null,3]"}, "shape_true": {"shape": "[true,6]"},
        "shape_strings": {"shape": '["2","3"]'}, "shape_nested": {"shape": "[[2,3]]"}, "shape_zero_first": {"shape": "[02,3]"},
        "shape_plus": {"shape": "[+2,3]"}, "shape_hex": {"shape": "[0x2,3]"}, "shape_comma": {"shape": "[2,3,]"},
        "shape_wrapped": {"shape": "[18446744073709551618,3]"},
        "offsets_one": {"data_offsets": "[24]"}, "offsets_three": {"data_offsets": "[0,24,24]"},
        "offsets_none": {"data_offsets": "[]"}, "offsets_string": {"data_offsets": '["0","24"]'},
        "offsets_negative": {"data_offsets": "[-24,0]"}, "offsets_float": {"data_offsets": "[0,24.0]"},
        "offsets_exponent": {"data_offsets": "[0,2.4e1]"}, "offsets_wrapped": {"data_offsets": "[0,18446744073709551640]"},
        "offsets_number": {"data_offsets": "24"}, "offsets_null": {"data_offsets": "null"},
    }.items():
        bad(name, file(b'{"a":' + text(**fields) + b"}", a))
    for name, value in (("list", "[]"), ("null", "null"), ("number", "1"), ("string", '"F32"'), ("empty", "{}"), ("true", "true")):
        bad("entry_" + name, file(b'{"a":' + value.encode() + b"}", a))
    good("more_fields", file({"a": entry(more=[1, {"x": None}], other="y")}, a), {"a": A})
    bad("twice", file(b'{"a":' + text() + b',"a":' + text() + b"}", a))
    bad("twice_two", file(b'{"a":' + text() + b',"\\u0061":' + text(data_offsets="[24,48]") + b"}", a + a))
    bad("dtype_twice", file(b'{"a":{"dtype":"F32","dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}', a))
    bad("offsets_twice", file(b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24],"data_offsets":[0,24]}}', a))

    # Metadata: an object of strings.
    good("metadata", file({"__metadata__": {"format": "pt", "x": ""}, "a": entry()}, a), {"a": A})
    good("metadata_last", file({"a": entry(), "__metadata__": {}}, a), {"a": A})
    for name, value in (("number", {"a": 1}), ("list", []), ("nested", {"a": {"b": "c"}}), ("null", None), ("null_value", {"a": None}),
                        ("string", "x"), ("bool", {"a": True}), ("entry", entry())):
        bad("metadata_" + name, file({"__metadata__": value, "a": entry()}, a))
    bad("metadata_twice", file(b'{"__metadata__":{},"__metadata__":{},"a":' + text() + b"}", a))
    bad("metadata_key_twice", file(b'{"__metadata__":{"x":"1","x":"2"},"a":' + text() + b"}", a))

    # JSON.
    one = b'{"a":' + text() + b"}"
    for name, header in {
        "list": b"[" + one + b"]", "string": b'"a"', "number": b"12", "blank": b"    ", "null": b"null", "nul": one + b"\0",
        "nuls": one + bytes(8), "nul_first": b"\0" + one, "bom": b"\xef\xbb\xbf" + one, "comment": one + b"//x",
        "comment2": b"/*x*/" + one, "behind": one + b"x", "two": one + one, "open": one[:-1], "comma": one[:-1] + b",}",
        "no_colon": one.replace(b":", b" "), "single": one.replace(b'"', b"'"), "bare": one.replace(b'"a"', b"a"),
        "utf8": one.replace(b'"a"', b'"\xff"'), "utf8_overlong": one.replace(b'"a"', b'"\xc0\xaf"'),
        "utf8_surrogate": one.replace(b'"a"', b'"\xed\xa0\x80"'), "latin1": one.replace(b'"a"', b'"\xe9"'),
        "escape": one.replace(b'"a"', b'"\\x61"'), "escape_short": one.replace(b'"a"', b'"\\u12"'),
        "lone": one.replace(b'"a"', b'"\\ud800"'), "lone_low": one.replace(b'"a"', b'"\\udc00"'),
        "pair": one.replace(b'"a"', b'"\\ud800\\ud800"'), "control": one.replace(b'"a"', b'"a\nb"'),
        "tab": one.replace(b'"a"', b'"a\tb"'), "unterminated": b'{"a', "nan": one.replace(b"[2,3]", b"[NaN,3]"),
        "utf16": one.decode().encode("utf-16"), "deep": b'{"a":' + b"[" * 200000, "deep_objects": b'{"a":' * 200000,
        "deep_closed": one[:-2] + b',"x":' + b"[" * 100000 + b"]" * 100000 + b"}}", "empty": b"",
    }.items():
        bad("json_" + name, file(header, a))
    either("st_json_nul_name.safetensors", file(one.replace(b'"a"', b'"a\\u0000b"'), a), None)
    either("st_json_minus_zero.safetensors", file(one.replace(b"[0,24]", b"[-0,24]"), a), {"a": A})
    names = ["layers.0/w", "\u00fc", "\u6f22", "\U0001f600", "with blank", "quote\"d", "-", "..", "a:b@c"]
    escaped = json.dumps({n: entry(begin=24 * i, end=24 * i + 24) for i, n in enumerate(names)}).encode()
    plain = json.dumps({n: entry(begin=24 * i, end=24 * i + 24) for i, n in enumerate(names)}, ensure_ascii=False).encode()
    assert escaped != plain
    good("names_escaped", file(escaped, a * len(names)), {n: A for n in names})
    good("names", file(plain, a * len(names)), {n: A for n in names})
    good("name_slashes", file(one.replace(b'"a"', b'"\\/\\\\\\b"'), a), None)
    good("name_empty", file(one.replace(b'"a"', b'""'), a), None)
    many = {f"t{i:05}": entry("U8", [1], i, i + 1) for i in range(20000)}
    good("many", file(many, bytes(20000)), None)
    many["hole"] = entry("U8", [1], 20001, 20002)
    bad("many_hole", file(many, bytes(20002)))
