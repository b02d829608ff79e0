#!/usr/bin/env python3
"""Files as PyTorch writes them, for test_torch.py: tests/make_torch_files.py tests/data/torch (needs torch; made with 2.15).

DIR/expected.json has of each file its tensors in order: name, dtype, shape, and the elements in C order, little-endian, in
hexadecimal; files that are to be refused are there with a word of the reason.
"""

import copy
import json
import os
import sys
import warnings
from collections import OrderedDict

import torch

warnings.simplefilter("ignore")
os.chdir(sys.argv[1])
torch.manual_seed(7)
expected = {}


def elements(t):
    t = t.detach().resolve_conj().resolve_neg().contiguous().clone()
    return bytes(t.untyped_storage()).hex() if t.numel() else ""


def walk(name, x, out):
    if isinstance(x, torch.Tensor):
        out.append([name, str(x.dtype).split(".")[1], list(x.shape), elements(x)])
    elif isinstance(x, dict):
        for k, v in x.items():
            walk(f"{name}.{k}" if name else str(k), v, out)
    elif isinstance(x, (list, tuple)) and not isinstance(x, torch.Size):
        for k, v in enumerate(x):
            walk(f"{name}.{k}" if name else str(k), v, out)


def save(name, x, **kw):
    torch.save(x, name, **kw)
    out = []
    walk("", x, out)
    expected[name] = out


def refused(name, x, why):
    torch.save(x, name)
    expected[name] = why


save("bare.pt", torch.arange(6, dtype=torch.float32).reshape(2, 3))

# Every type, with what is easily lost.
dtypes = {}
for name in ("float64", "float32", "float16", "bfloat16"):
    x = torch.tensor([0.0, -0.0, 1.5, -2.25, float("inf"), float("-inf"), float("nan"), 1e-30], dtype=getattr(torch, name))
    dtypes[name] = x
for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
    info = torch.iinfo(getattr(torch, name))
    dtypes[name] = torch.tensor([info.min, 0, 1, info.max], dtype=getattr(torch, name))
dtypes["bool"] = torch.tensor([True, False, True])
for name in ("complex64", "complex128"):
    dtypes[name] = torch.tensor([1 + 2j, -3.5j, complex("nan")], dtype=getattr(torch, name))
for name in ("float8_e4m3fn", "float8_e5m2"):
    dtypes[name] = torch.arange(256, dtype=torch.uint8).view(getattr(torch, name))
dtypes["scalar"] = torch.tensor(-7, dtype=torch.int32)
dtypes["empty"] = torch.zeros(0, 3, dtype=torch.int16)
save("dtypes.pt", dtypes)
torch.save({"good": torch.ones(2), "complex32": torch.ones(2, dtype=torch.complex32),
            "float8_e4m3fnuz": torch.ones(2).to(torch.float8_e4m3fnuz), "float8_e5m2fnuz": torch.ones(2).to(torch.float8_e5m2fnuz),
            "float8_e8m0fnu": torch.ones(2).to(torch.float8_e8m0fnu),
            "float4_e2m1fn_x2": torch.ones(2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)}, "unsupported.pt")

# Views of shared storages.
base = torch.arange(60, dtype=torch.int32).reshape(3, 4, 5)
strided = {
    "base": base, "transposed": base.permute(2, 0, 1), "sliced": base[1:, ::2, 1:4], "offset": base[2, 3, 4], "row": base[1],
    "fortran": base[0].T, "expanded": torch.arange(3).unsqueeze(1).expand(3, 4), "overlapping": torch.arange(8.0).unfold(0, 4, 1),
    "wild": torch.as_strided(base, (1, 3), (2**40, 1), 7), "diagonal": torch.diagonal(base, 0, 0, 2), "none": base[3:],
    "expanded_scalar": torch.tensor(2.5).expand(2, 2), "ones": base[:1, :1, :1],
}
save("strided.pt", strided)
save("legacy_strided.pt", strided, _use_new_zipfile_serialization=False)

# A checkpoint as training loops write them.
model = torch.nn.Sequential(OrderedDict(fc=torch.nn.Linear(3, 2), norm=torch.nn.BatchNorm1d(2)))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
model(torch.randn(4, 3)).square().sum().backward()
optimizer.step()
checkpoint = {
    "epoch": 3, "lr": 1e-3, "name": "run", "none": None, "flags": [True, False], "big": 2**70, "negative": -5, "bytes": b"\0\xff",
    "bytearray": bytearray(b"ab"), "set": {1, 2}, "complex": 1 + 2j, "size": torch.Size([1, 2]), "dtype": torch.float16,
    "device": torch.device("cpu"), "model": model.state_dict(), "optimizer": optimizer.state_dict(),
    "parameters": list(model.parameters()), "pair": (torch.ones(1), [torch.zeros(2, dtype=torch.float64)]),
    "ema": copy.deepcopy(model).bfloat16().state_dict(), "tied": None, 7: torch.tensor([7]),
}
checkpoint["tied"] = checkpoint["model"]
save("checkpoint.pt", checkpoint)
save("legacy.pth", checkpoint, _use_new_zipfile_serialization=False)
save("pytorch_model.bin", model.state_dict())

# Attributes of tensors and parameters; elements that are still to be conjugated or negated.
x = torch.arange(4.0)
x.note = "kept"
p = torch.nn.Parameter(torch.arange(3.0))
p.note = "kept"
save("attributes.pt", {"x": x, "p": p, "y": torch.nn.Parameter(torch.ones(2), requires_grad=False)})
c = torch.tensor([1 + 2j, 3 - 4j])
torch.save({"plain": c, "conjugated": c.conj()}, "conjugated.pt")
torch.save({"negated": torch.tensor([1 + 2j, 3 - 4j]).conj().imag}, "negated.pt")

torch.serialization.set_crc32_options(False)
save("no_crc.pt", {"w": torch.arange(6, dtype=torch.float32).reshape(2, 3), "b": torch.ones(2, dtype=torch.float8_e4m3fn)})
torch.serialization.set_crc32_options(True)

refused("sparse.pt", {"s": torch.eye(3).to_sparse()}, "sparse")
refused("sparse_csr.pt", torch.eye(3).to_sparse_csr(), "sparse")
refused("quantized.pt", torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantized")
refused("meta.pt", torch.ones(2, device="meta"), "meta")
refused("nested.pt", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested")
refused("module.pt", torch.nn.Linear(2, 1), "torch.nn.modules.linear.Linear")

with open("expected.json", "w", encoding="utf-8") as f:
    f.write("{" + ",\n".join(json.dumps(k) + ": " + json.dumps(v) for k, v in expected.items()) + "}\n")
