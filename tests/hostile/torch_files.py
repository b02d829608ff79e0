"""Unusual, broken and malicious files of PyTorch for make.py: make(accept, refuse, either) adds them.

The pickles are put together by hand, opcode by opcode, so that they can be what no pickler makes.
"""

import io
import struct
import zipfile

import numpy as np

A = np.arange(6, dtype="<f4").reshape(2, 3)
RAW = A.tobytes()


# == pickles ==

def g(module, name):
    return b"c%s\n%s\n" % (module.encode(), name.encode())


def i(n):
    """Any integer; one that does not fit in a BININT is a LONG1."""
    if -2**31 <= n < 2**31:
        return b"J" + struct.pack("<i", n)
    data = n.to_bytes((n.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def s(text):
    text = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return b"X" + struct.pack("<I", len(text)) + text


def tup(*items):
    return b"(" + b"".join(items) + b"t"


def dic(**items):
    return b"}(" + b"".join(s(k) + v for k, v in items.items()) + b"u"


def pairs(*items):
    return b"}(" + b"".join(items) + b"u"


ORDERED = g("collections", "OrderedDict")
HOOKS = ORDERED + b")R"


def storage(cls="FloatStorage", key="0", location="cpu", numel=6, module="torch", more=()):
    key = key if isinstance(key, bytes) else s(key)
    numel = numel if isinstance(numel, bytes) else i(numel)
    return tup(s("storage"), g(module, cls), key, s(location), numel, *more) + b"Q"


def ints(v):
    return v if isinstance(v, bytes) else tup(*(i(n) for n in v))


def tensor(shape=(2, 3), strides=(3, 1), offset=0, of=None, function="_rebuild_tensor_v2", more=None):
    more = [b"\x89", HOOKS] if more is None else more
    offset = offset if isinstance(offset, bytes) else i(offset)
    return g("torch._utils", function) + tup(storage() if of is None else of, offset, ints(shape), ints(strides), *more) + b"R"


def untyped(dtype, numel, shape, strides, key="0", more=()):
    """_rebuild_tensor_v3 of so many bytes."""
    return tensor(shape, strides, of=storage("UntypedStorage", key, numel=numel, module="torch.storage"),
                  function="_rebuild_tensor_v3", more=[b"\x89", HOOKS, g("torch", dtype), *more])


T = tensor()


def pickled(body):
    return b"\x80\2" + body + b"."


# == files ==

def zipped(body, storages=None, prefix="archive/", byteorder=b"little", more=(), method=zipfile.ZIP_STORED, last=False, raw=False):
    """An archive as torch.save writes it; last: the pickle comes behind the storages."""
    out = io.BytesIO()
    records = [("data.pkl", body if raw else pickled(body))]
    if byteorder is not None:
        records.append(("byteorder", byteorder))
    records += [("data/" + key, data) for key, data in ({"0": RAW} if storages is None else storages).items()]
    records += [("version", b"3\n"), *more]
    if last:
        records.reverse()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in records:
            z.writestr(prefix + name, data)
    return out.getvalue()


MAGIC = pickled(b"\x8a\x0a" + 0x1950A86A20F9469CFC6C.to_bytes(10, "little"))


def legacy(body, storages=None, keys=None, version=1001, counts=None, cut=None):
    storages = {"0": (6, RAW)} if storages is None else storages
    keys = list(storages) if keys is None else keys
    out = MAGIC + pickled(i(version)) + pickled(dic(little_endian=b"\x88", protocol_version=i(1001))) + pickled(body)
    out += pickled(b"](" + b"".join(s(k) for k in keys) + b"e")
    for k in keys:
        numel, data = storages[k]
        out += struct.pack("<q", numel if counts is None else counts) + data
    return out if cut is None else out[:cut]


def make(accept, refuse, either):
    def good(name, data, value=None):
        accept(f"pt_{name}.pt", data, value)

    def bad(name, data):
        refuse(f"pt_{name}.pt", data)

    def may(name, data, value):
        either(f"pt_{name}.pt", data, value)

    a = {"a": A}
    archives(good, bad, may, accept, a)
    machine(good, bad, may, a)
    tensors(good, bad, a)
    trees(good, bad, a)
    before_zip(good, bad, may, a)


def archives(good, bad, may, accept, a):
    whole = zipped(dic(a=T))
    good("dict", whole, a)
    good("bare", zipped(T), A)
    for name, prefix in (("none", ""), ("two", "x/y/"), ("blank", "my model/"), ("unicode", "mod\u00e8le/")):
        good("prefix_" + name, zipped(dic(a=T), prefix=prefix), a)
    good("last", zipped(dic(a=T), last=True), a)
    good("unknown_records", zipped(dic(a=T), more=[(".data/serialization_id", b"1"), ("extra/data.pkl", b"no pickle"),
                                                   (".storage_alignment", b"64"), (".format_version", b"1")]), a)
    good("no_byteorder", zipped(dic(a=T), byteorder=None), a)
    bad("byteorder", zipped(dic(a=T), byteorder=b"middle"))
    bad("byteorder_long", zipped(dic(a=T), byteorder=b"little" * 9))
    good("big", zipped(dic(a=T), {"0": A.astype(">f4").tobytes()}, byteorder=b"big"), a)
    c = np.array([1 + 2j, -3.5j], "<c8")
    good("big_complex", zipped(dic(c=tensor((2,), (1,), of=storage("ComplexFloatStorage", numel=2))), {"0": c.astype(">c8").tobytes()},
                               byteorder=b"big"), {"c": c})
    u = np.array([1, 2, 65535], "<u2")
    good("big_untyped", zipped(dic(u=untyped("uint16", 6, (3,), (1,))), {"0": u.astype(">u2").tobytes()}, byteorder=b"big"), {"u": u})
    good("deflated", zipped(dic(a=T, t=tensor((3, 2), (1, 3)), o=tensor((2,), (2,), 1)), method=zipfile.ZIP_DEFLATED),
         {"a": A, "t": A.T, "o": A.ravel()[1::2][:2]})
    bad("bzip2", zipped(dic(a=T), method=zipfile.ZIP_BZIP2))
    accept("pt_called.bin", whole, a)
    accept("pt_called.npy", whole, a)
    accept("pt_no_suffix", whole, a)
    for n in (*range(0, 200, 13), len(whole) - 30, len(whole) - 22, len(whole) - 1):
        bad(f"cut{n}", whole[:n])
    bad("crc", whole.replace(RAW, RAW[:-1] + b"\1", 1))
    bad("crc_pickle", whole.replace(b"\x89cc", b"\x88cc", 1))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("archive/version", "3\n")
        z.writestr("archive/data/0", RAW)
    bad("no_pickle", out.getvalue())
    bad("script_constants", zipped(dic(a=T), more=[("constants.pkl", pickled(b")"))]))
    bad("script_code", zipped(dic(a=T), more=[("code/__torch__.py", b"import os")]))
    tar = io.BytesIO()
    tar.write(b"pickle".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0") + bytes(1024))
    bad("tar", tar.getvalue())
    bad("empty", b"")
    bad("text", b"not a file of PyTorch")
    # A pickle of one byte that is repeated, compressed to almost nothing.
    bad("bomb", zipped(b"N" * (64 << 20), method=zipfile.ZIP_DEFLATED))
    bad("bomb_small", zipped(b"N" * (8 << 20), method=zipfile.ZIP_DEFLATED))


def machine(good, bad, may, a):
    allowed = set(b"(.GJKMNQRUX]abceh" b"jqrstu})" b"\x80\x81\x85\x86\x87\x88\x89\x8a\x8f")
    for op in range(256):
        if op not in allowed:
            bad(f"opcode_{op:02x}", zipped(bytes([op]) + bytes(9)))
    for text in ("os system", "posix system", "nt system", "builtins eval", "__builtin__ eval", "builtins getattr", "builtins exec",
                 "subprocess Popen", "torch load", "torch.storage _load_from_bytes", "torch._utils _import_dotted_name", "torch.jit load",
                 "numpy.core.multiarray scalar", "numpy.core.multiarray _reconstruct", "copyreg _reconstructor", "__main__ Net",
                 "torch._utils _rebuild_sparse_tensor", "torch._utils _rebuild_qtensor", "torch QInt8Storage", "torch.nn.modules.linear Linear",
                 "collections defaultdict", "collections OrderedDict.__class__", "collections.OrderedDict fromkeys", " ", "torch FloatStorage2"):
        module, _, name = text.partition(" ")
        bad("global_" + text.replace(" ", "_").strip("_"), zipped(dic(a=T, x=g(module, name))))
        bad("call_" + text.replace(" ", "_").strip("_"), zipped(g(module, name) + tup(s("touch executed")) + b"R"))
    bad("global_long", zipped(b"c" + b"x" * 100000 + b"\ny\n"))
    bad("global_open", zipped(b"cos"))
    bad("call_storage", zipped(g("torch", "FloatStorage") + b")R"))
    bad("call_dtype", zipped(g("torch", "float32") + b")R"))
    bad("call_text", zipped(s("os.system") + b")R"))
    bad("call_no_tuple", zipped(ORDERED + b"]R"))
    for name, body in (("none", b"N"), ("int", i(3)), ("text", s("a")), ("float", b"G" + struct.pack(">d", 1.5)), ("set", b"\x8f")):
        bad("root_" + name, zipped(body))
    good("root_empty", zipped(b"}"), {})
    good("plain", zipped(dic(
        a=T, n=b"N", f=b"G" + struct.pack(">d", -0.5), t=b"\x88", k=b"K\7", m=b"M\1\2", big=i(2**70), neg=i(-2**40), u=b"U\3abc", x=b"\x8f",
        e=b")", one=b"N\x85", two=b"NN\x86", three=b"NNN\x87", list=b"]Na", lists=b"](NNe", items=b"}" + s("k") + b"Ns",
        bytes=g("_codecs", "encode") + tup(s("a"), s("latin1")) + b"R", set=g("__builtin__", "set") + b"]\x85R",
        size=g("torch", "Size") + ints((1, 2)) + b"\x85R", device=g("torch", "device") + s("cuda:0") + b"\x85R",
        counter=g("collections", "Counter") + dic(x=i(1)) + b"\x85R", dtype=g("torch", "float16"), cls=g("torch.nn.parameter", "Parameter"))), a)
    good("protocol_4", zipped(b"\x80\4" + dic(a=T) + b".", raw=True), a)
    good("ordered", zipped(HOOKS + b"(" + s("a") + T + b"u" + dic(_metadata=HOOKS) + b"b"), a)
    # As Python 2 pickled it.
    good("ordered_pairs", zipped(ORDERED + b"](](" + b"U\1a" + T + b"ee\x85R"), a)
    good("ordered_new", zipped(ORDERED + b")\x81" + s("a") + T + b"s"), a)
    bad("ordered_no_pairs", zipped(ORDERED + b"](" + T + b"e\x85R"))
    bad("ordered_of_text", zipped(ORDERED + s("ab") + b"\x85R"))
    bad("build_tensor", zipped(dic(a=T + tup(storage(), i(0), ints((1,)), ints((1,))) + b"b")))
    bad("build_dict", zipped(b"}}b"))
    bad("build_list", zipped(b"]}b"))
    bad("build_text", zipped(HOOKS + s("x") + b"b"))
    bad("append_dict", zipped(b"}Na"))
    bad("appends_tuple", zipped(b")(NNe"))
    bad("append_set", zipped(b"\x8fNa"))
    bad("setitem_list", zipped(b"]NNs"))
    bad("setitems_odd", zipped(b"}(NNNu"))
    bad("setitem_key", zipped(b"}]Ns"))
    for op in b"QRabestu\x81\x85\x86\x87":
        bad(f"underflow_{op:02x}", zipped(bytes([op])))
        bad(f"underflow_mark_{op:02x}", zipped(b"}N(" + bytes([op])))
    bad("stop", zipped(b""))
    bad("left_over", zipped(b"N" + dic(a=T)))
    bad("left_mark", zipped(b"(" + dic(a=T)))
    bad("no_stop", zipped(b"\x80\2" + dic(a=T), raw=True))
    bad("no_bytes", zipped(b"", raw=True))
    may("behind", zipped(pickled(dic(a=T)) + b"behind", raw=True), a)
    whole = pickled(dic(a=T))
    for n in range(0, len(whole), 7):
        bad(f"pickle_cut{n}", zipped(whole[:n], raw=True))
    bad("text_4g", zipped(b"X\xff\xff\xff\xff" + b"a" * 100))
    bad("text_cut", zipped(b"X\x64\0\0\0a", raw=True))
    bad("memo_none", zipped(b"h\0"))
    bad("memo_none_long", zipped(b"j\xff\xff\xff\xff"))
    bad("memo_4g", zipped(b"}r\xff\xff\xff\xff"))
    bad("memo_empty", zipped(b"q\0N"))
    good("memo", zipped(T + b"q\1r\2\0\0\0" + b"0" * 0 + b"\x85" + b"q\3"), {"0": A})
    good("memo_shared", zipped(b"}(" + s("a") + b"q\0" + T + b"q\1" + s("b") + b"h\1" + s("c") + b"j\1\0\0\0u"), {"a": A, "b": A, "c": A})
    bad("marks", zipped(b"(" * 500000))
    bad("marks_value", zipped(b"(" * 500000 + b"N"))
    bad("tuples", zipped(b")" + b"\x85" * 300000))
    bad("tuples_tensor", zipped(T + b"\x85" * 300000))
    bad("lists", zipped(b"]" * 300000 + b"a" * 299999))
    good("deep", zipped(T + b"\x85" * 900), {".".join("0" * 900): A})
    bad("deeper", zipped(T + b"\x85" * 1001))
    bad("laughs", zipped(b"N\x85q\0" + b"".join(b"(" + b"h%c" % k * 10 + b"tq%c" % (k + 1) for k in range(40))[:-2] + b"\x85"))
    laughs = b"(" + b"h\0" * 10 + b"tq\1" + b"".join(b"0" * 0 + b"(" + b"h%c" % k * 10 + b"tq%c" % (k + 1) for k in range(1, 40))
    bad("laughs_left", zipped(T + b"q\0" + laughs))
    bad("laughs_tensor", zipped(b"](" + T + b"q\0" + laughs + b"e"))
    bad("laughs_none", zipped(b"](Nq\0" + laughs + b"e"))
    bad("cycle_list", zipped(b"]q\0h\0a"))
    bad("cycle_dict", zipped(b"}q\0" + s("a") + b"h\0s"))
    bad("cycle_tuple", zipped(b"]q\0h\0\x85a"))
    bad("cycle_tensor", zipped(b"]q\0(" + T + b"h\0e"))
    big = b"}(" + b"".join(i(k) + b"N" for k in range(2000)) + b"uq\0"
    bad("copies", zipped(b"](" + ORDERED + b"q\1" + big + b"h\1h\0\x85R" * 20000 + b"e"))


def tensors(good, bad, a):
    def one(name, want, **kw):
        data = zipped(dic(a=tensor(**kw)))
        good("t_" + name, data, {"a": want}) if want is not None else bad("t_" + name, data)

    flat = A.ravel()
    one("transposed", A.T, shape=(3, 2), strides=(1, 3))
    one("offset", flat[2:5], shape=(3,), strides=(1,), offset=2)
    one("step", flat[1::2], shape=(3,), strides=(2,), offset=1)
    one("expanded", np.broadcast_to(flat[4:5], (4, 1)), shape=(4, 1), strides=(0, 1), offset=4)
    one("overlapping", np.array([flat[k:k + 3] for k in range(4)]), shape=(4, 3), strides=(1, 1))
    one("wild", flat[None, :, None], shape=(1, 6, 1), strides=(2**62, 1, 2**40))
    one("scalar", flat[5].reshape(()), shape=(), strides=(), offset=5)
    one("none", np.zeros((0, 3), "f4"), shape=(0, 3), strides=(2**62, 2**62), offset=6)
    one("none_beyond", np.zeros((2, 0), "f4"), shape=(2, 0), strides=(1, 1), offset=2**40)
    one("list", A, shape=b"](" + i(2) + i(3) + b"e", strides=b"](" + i(3) + i(1) + b"e")
    one("size", A, shape=g("torch", "Size") + ints((2, 3)) + b"\x85R")
    one("dims64", A.reshape((1,) * 62 + (2, 3)), shape=(1,) * 62 + (2, 3), strides=(1,) * 62 + (3, 1))
    one("dims65", None, shape=(1,) * 63 + (2, 3), strides=(1,) * 63 + (3, 1))
    one("dims100k", None, shape=(1,) * 100000, strides=(1,) * 100000)
    one("beyond", None, shape=(2, 4), strides=(3, 1))
    one("beyond_offset", None, offset=1)
    one("beyond_end", None, shape=(1,), strides=(1,), offset=6)
    one("stride_beyond", None, shape=(2, 3), strides=(4, 1))
    one("stride_huge", None, shape=(2, 3), strides=(2**62, 1))
    one("stride_wraps", None, shape=(3, 3), strides=(2**63 - 1, 1))
    one("offset_huge", None, offset=2**62)
    one("offset_wraps", None, offset=2**63 - 1)
    one("offset_long", None, offset=2**64)
    one("offset_negative", None, offset=-1)
    one("shape_negative", None, shape=(-2, 3))
    one("shape_two_negative", None, shape=(-2, -3))
    one("shape_none_negative", None, shape=(0, -3))
    one("stride_negative", None, strides=(-3, 1))
    one("stride_negative_wild", None, shape=(1, 3), strides=(-3, 1))
    one("shape_wraps", None, shape=(2**32, 2**32), strides=(0, 0))
    one("shape_wraps_bytes", None, shape=(2**62,), strides=(0,))
    one("shape_long", None, shape=(2**64, 1))
    one("rank", None, shape=(6,), strides=(3, 1))
    one("rank_less", None, shape=(2, 3), strides=(1,))
    one("shape_bool", None, shape=b"\x88\x88\x86")
    one("shape_float", None, shape=b"G@\0\0\0\0\0\0\0\x85", strides=(1,))
    one("shape_int", None, shape=i(6))
    one("shape_none", None, shape=b"N")
    one("few", None, more=[])
    one("many", None, more=[b"\x89", HOOKS, b"N", b"N", b"N"])
    one("metadata", A, more=[b"\x89", HOOKS, dic(conj=b"\x89")])
    one("conj", None, more=[b"\x89", HOOKS, dic(conj=b"\x88")])
    one("metadata_unknown", None, more=[b"\x89", HOOKS, dic(other=b"\x88")])
    one("no_storage", None, of=b"N")
    one("v1", A, function="_rebuild_tensor", more=[])
    one("cuda", A, of=storage(location="cuda:0"))
    one("location_odd", A, of=storage(location="../../etc/passwd"))
    one("class", None, of=storage("float32"))
    one("class_text", None, of=tup(s("storage"), s("FloatStorage"), s("0"), s("cpu"), i(6)) + b"Q")
    one("id_int", None, of=i(3) + b"Q")
    one("id_empty", None, of=b")Q")
    one("id_module", None, of=tup(s("module"), g("torch", "Tensor"), s("net.py"), s("import os")) + b"Q")
    one("id_short", None, of=tup(s("storage"), g("torch", "FloatStorage"), s("0"), s("cpu")) + b"Q")
    one("key_int", None, of=storage(key=i(0)))
    one("key_missing", None, of=storage(key="1"))
    one("key_path", None, of=storage(key="../data.pkl"))
    one("numel_more", None, of=storage(numel=7))
    one("numel_less", None, of=storage(numel=5), shape=(5,), strides=(1,))
    one("numel_huge", None, of=storage(numel=2**62), shape=(2**40,), strides=(1,))
    one("numel_wraps", None, of=storage(numel=2**62 + 6))
    one("numel_negative", None, of=storage(numel=-1))
    one("numel_text", None, of=storage(numel=s("6")))
    one("numel_float", None, of=storage(numel=b"G@\0\0\0\0\0\0\0"))
    one("other_size", None, of=storage("DoubleStorage"))
    good("t_left_over_bytes", zipped(dic(a=T), {"0": RAW + b"abc"}), a)
    bad("t_left_over_element", zipped(dic(a=T), {"0": RAW + b"abcd"}))
    bad("t_cut", zipped(dic(a=T), {"0": RAW[:-1]}))
    types = {"Double": "<f8", "Float": "<f4", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Short": "<i2", "Char": "i1", "Byte": "u1",
             "Bool": "?", "ComplexFloat": "<c8", "ComplexDouble": "<c16"}
    values = {n: np.array([0, 1, 1, 0, 1, 0]).astype(t) for n, t in types.items()}
    good("t_types", zipped(dic(**{n: tensor(of=storage(n + "Storage", key=n)) for n in types}),
                           {n: v.tobytes() for n, v in values.items()}), {n: v.reshape(2, 3) for n, v in values.items()})
    for n, t in {"uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "float32": "<f4", "int8": "i1"}.items():
        v = np.arange(6).astype(t)
        good("t_v3_" + n, zipped(dic(a=untyped(n, v.nbytes, (2, 3), (3, 1))), {"0": v.tobytes()}), {"a": v.reshape(2, 3)})
        bad("t_v3_short_" + n, zipped(dic(a=untyped(n, v.nbytes - 1, (2, 3), (3, 1))), {"0": v.tobytes()[:-1]}))
    good("t_v3_part", zipped(dic(a=untyped("float32", 26, (2, 3), (3, 1))), {"0": RAW + b"ab"}), a)
    bad("t_v3_numel", zipped(dic(a=untyped("float32", 6, (2, 3), (3, 1)))))
    bad("t_v3_dtype", zipped(dic(a=tensor(function="_rebuild_tensor_v3", more=[b"\x89", HOOKS, s("float32")]))))
    bad("t_v3_storage", zipped(dic(a=untyped("FloatStorage", 24, (2, 3), (3, 1)))))
    bad("t_quantized", zipped(dic(a=untyped("qint8", 24, (2, 3), (3, 1)))))
    parameter = g("torch._utils", "_rebuild_parameter")
    good("t_parameter", zipped(dic(a=parameter + tup(T, b"\x88", HOOKS) + b"R")), a)
    good("t_parameter_new", zipped(dic(a=g("torch.nn.parameter", "Parameter") + tup(T, b"\x88") + b"\x81")), a)
    good("t_parameter_state", zipped(dic(a=parameter[:-1] + b"_with_state\n" + tup(T, b"\x88", HOOKS, dic(x=i(1))) + b"R")), a)
    bad("t_parameter_empty", zipped(dic(a=parameter + b")R")))
    bad("t_parameter_none", zipped(dic(a=parameter + tup(b"N", b"\x88", HOOKS) + b"R")))
    bad("t_parameters", zipped(dic(a=parameter + b"q\0" + (b"h\0" * 50 + T + b"\x85R" * 51))))
    typed = g("torch._tensor", "_rebuild_from_type_v2")
    args = T[len(g("torch._utils", "_rebuild_tensor_v2")):-1]
    good("t_attributes", zipped(dic(a=typed + tup(g("torch._utils", "_rebuild_tensor_v2"), g("torch", "Tensor"), args, dic(x=i(1))) + b"R")), a)
    bad("t_attributes_of", zipped(dic(a=typed + tup(ORDERED, g("torch", "Tensor"), args, b"}") + b"R")))
    bad("t_attributes_self", zipped(dic(a=typed + tup(typed, g("torch", "Tensor"), args, b"}") + b"R")))
    bad("t_attributes_few", zipped(dic(a=typed + b")R")))


def trees(good, bad, a):
    good("n_nested", zipped(dic(m=dic(fc=dic(weight=T)), l=b"](" + T + tup(T, b"N", T) + b"e")),
         {"m.fc.weight": A, "l.0": A, "l.1.0": A, "l.1.2": A})
    good("n_keys", zipped(pairs(i(3), T, i(-1), T, b"N", T, b"\x88", T, b"G" + struct.pack(">d", 0.5), T, s(""), T)),
         {"3": A, "-1": A, "None": A, "True": A, "0.5": A, "": A})
    good("n_unicode", zipped(pairs(s("\u00fc.\u6f22"), T)), {"\u00fc.\u6f22": A})
    bad("n_nul", zipped(pairs(s("a\0b"), T)))
    bad("n_twice", zipped(dic(**{"a.b": T, "a": dic(b=tensor((6,), (1,)))})))
    bad("n_twice_key", zipped(pairs(s("a"), T, s("a"), tensor((6,), (1,)))))
    good("n_shared", zipped(b"}(" + s("model") + dic(w=T) + b"q\0" + s("ema") + b"h\0u"), {"model.w": A, "ema.w": A})
    # Names that are long together, of a small file.
    deep = b"".join(b"}" + s("k" * 200) for _ in range(500)) + b"](" + T + b"q\0" + b"h\0" * 3000 + b"e" + b"s" * 500
    bad("n_long", zipped(deep))
    bad("n_many", zipped(b"](" + T + b"q\0" + b"h\0" * 300000 + b"e"))


def before_zip(good, bad, may, a):
    whole = legacy(dic(a=T))
    good("old", whole, a)
    good("old_bare", legacy(T), A)
    two = {"0": (6, RAW), "1": (2, b"ab")}
    both = dic(b=tensor((2,), (1,), of=storage("CharStorage", "1", numel=2)), a=T, t=tensor((3, 2), (1, 3)))
    good("old_two", legacy(both, two), {"b": np.array([97, 98], "i1"), "a": A, "t": A.T})
    good("old_order", legacy(both, two, ["1", "0"]), {"b": np.array([97, 98], "i1"), "a": A, "t": A.T})
    view = storage(more=[tup(s("5"), i(2), i(3))])
    good("old_view", legacy(dic(a=tensor((3,), (1,), of=view))), {"a": A.ravel()[2:5]})
    bad("old_view_beyond", legacy(dic(a=tensor((4,), (1,), of=view))))
    for n, part in enumerate(((2, 5), (7, 0), (-1, 2), (2, -1), (2**62, 2**62))):
        bad(f"old_view{n}", legacy(dic(a=tensor((1,), (1,), of=storage(more=[tup(s("5"), i(part[0]), i(part[1]))])))))
    for n in (*range(0, len(whole), 11), len(whole) - 1):
        bad(f"old_cut{n}", whole[:n])
    may("old_behind", whole + b"behind", a)
    bad("old_version", legacy(dic(a=T), version=1002))
    bad("old_missing_key", legacy(both, two, ["0"]))
    bad("old_no_keys", legacy(dic(a=T), keys=[]))
    bad("old_unknown_key", legacy(dic(a=T), {"0": (6, RAW), "9": (1, b"abcd")}))
    bad("old_key_twice", legacy(dic(a=T), keys=["0", "0"]))
    for n in (5, 7, -1, 2**62, 2**63 - 1, -2**63):
        bad(f"old_count{n}", legacy(dic(a=T), counts=n))
    bad("old_two_sizes", legacy(dic(a=T, b=tensor((1,), (1,), of=storage(numel=1)))))
    bad("old_two_types", legacy(dic(a=T, b=tensor(of=storage("IntStorage")), c=tensor(of=storage("DoubleStorage")))))
    bad("old_keys", MAGIC + pickled(i(1001)) + pickled(b"}") + pickled(dic(a=T)) + pickled(s("0")) + struct.pack("<q", 6) + RAW)
    bad("old_magic_only", MAGIC)
    bad("old_global", legacy(g("os", "system") + tup(s("touch executed")) + b"R"))
    bad("pickle", pickled(dic(a=i(1))))
    bad("pickle_4", b"\x80\x04\x95\x05\0\0\0\0\0\0\0K\1.")
