#!/usr/bin/env python3
"""The image of the CUDA kernels: what nvcc and ptxas said of it, and what is in it.

Without nvcc, or with CUDA_ARCHS empty, there is none."""

import os
import re
import struct
from pathlib import Path

folder = Path(os.environ.get("CUDA_BUILD") or Path(os.environ.get("BUILD", "build")) / "cuda")
archs = os.environ.get("CUDA_ARCHS", "").split()

# Registers of a thread, of the 65536 that the blocks of a processor share: blocks of 512 fit everywhere, but that a
# product of doubles keeps its totals, and what they have lost, in them, of 256 threads each.
REGISTERS, MORE = 128, {"matmul_f64": 192, "matmul_c128": 192}
FILE = 65536
SHARED = 48 * 1024  # bytes of a block, without asking for more
# Bytes of local memory: sin, cos and tan of CUDA have an array for arguments beyond 2**20 or so.  Nothing else has any.
FRAME = 40

count = 0


def ok(good, name, *lines):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    for line in lines[:20]:
        if not good:
            print(f"# {line}")


def properties(log):
    """{kernel: (registers, shared bytes)}, {function: (frame, spilled bytes)} of ptxas -v."""
    used, frames, kernel, function = {}, {}, None, None
    for line in log.splitlines():
        if m := re.search(r"Compiling entry function '(\w+)'", line):
            kernel = m[1]
        elif m := re.search(r"Function properties for (\w+)", line):
            function = m[1]
        elif m := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            frames[function] = int(m[1]), int(m[2]) + int(m[3])
        elif m := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            used[kernel] = int(m[1]), int(shared[1]) if shared else 0
    return used, frames


def entries(image):
    """[(kind, architecture)] of a fatbin: a header, then entries that begin with theirs."""
    magic, _, header, size = struct.unpack_from("<IHHQ", image)
    assert magic == 0xBA55ED50 and header + size == len(image)
    found, at = [], header
    while at < len(image):
        kind, _, header, size = struct.unpack_from("<HHIQ", image, at)
        found.append(({1: "ptx", 2: "elf"}[kind], struct.unpack_from("<I", image, at + 28)[0]))
        at += header + size
    return found


def check_arch(arch, threads):
    log = (folder / f"tensor.sm_{arch}.cubin.log").read_text()
    used, frames = properties(log)
    lost = sorted(set(threads) - set(used))
    ok(not lost, f"sm_{arch}: all {len(threads)} kernels", *lost)
    warnings = [line for line in log.splitlines() if "warning" in line]
    ok(not warnings, f"sm_{arch}: ptxas has nothing to say", *warnings)
    bad = [f"{f}: {frame} bytes of local memory, {spilled} spilled" for f, (frame, spilled) in frames.items()
           if spilled or frame > FRAME]
    ok(not bad, f"sm_{arch}: no register is spilled", *bad)
    bad = [f"{k}: {registers} registers, {shared} bytes, {threads[k]} threads" for k, (registers, shared) in used.items()
           if registers > MORE.get(k, REGISTERS) or registers * threads[k] > FILE or shared > SHARED]
    most = max(r for r, _ in used.values())
    ok(not bad, f"sm_{arch}: at most {most} registers and {max(s for _, s in used.values())} bytes of shared memory", *bad)


def main():
    ptx = folder / "tensor.ptx"
    if not archs or not ptx.exists():
        print("1..0 # SKIP the kernels of CUDA are not built: no nvcc")
        return
    text = ptx.read_text()
    said = (folder / "tensor.new.ptx.log").read_text().splitlines()
    ok(not said, "nvcc has nothing to say", *said)
    # Each kernel, and how many threads a block of it has at most.
    kernels = {k: int(n or 512) for k, n in re.findall(r"\.entry (\w+)\([^)]*\)(?:\s*\.maxntid (\d+))?", text)}
    mangled = sorted(k for k in kernels if k.startswith("_Z"))
    ok(kernels and not mangled, f"{len(kernels)} kernels with plain names", *mangled)
    odd = sorted(set(re.findall(r"begin inline asm|\btex\.|\bsurf|\.extern .*", text)))
    ok(not odd, "no assembler, no textures, nothing from elsewhere", *odd)
    numbers = [a for a in archs if a != "ptx"]
    for arch in numbers:
        check_arch(arch, kernels)
    image = (folder / "tensor.fatbin").read_bytes()
    found = sorted(entries(image))
    wanted = sorted([("ptx", 75)] + [("elf", int(a)) for a in numbers])
    ok(found == wanted, f"the image holds every architecture, in {len(image)} bytes", found, wanted)
    print(f"1..{count}")


main()
