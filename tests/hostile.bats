#!/usr/bin/env bats
# Files that claim more than they hold: refused with one line and status 3, in no more memory than the files themselves take.
# (Whether each of many hundred broken files is refused: test_hostile.py.)

load helper

# refused FILE PATTERN: as a file, on standard input, and through a pipe.
refused() {
	local from=()
	[ $# -lt 3 ] || from=(--from "$3")
	( ulimit -v 150000; run -3 --separate-stderr tensor convert "$1" "${from[@]}" -o x.npy; message "tensor convert: $1$2" )
	( ulimit -v 150000; run -3 --separate-stderr tensor convert - "${from[@]}" -o x.npy <"$1"; [ "$(wc -l <<<"$stderr")" = 1 ] )
	# shellcheck disable=SC2002 # a pipe is meant
	( ulimit -v 150000; run -3 --separate-stderr bash -c 'set -o pipefail; cat "$1" 2>/dev/null | tensor convert - "${@:2}" -o x.npy' - "$1" "${from[@]}"; [ "$(wc -l <<<"$stderr")" = 1 ] )
	[ ! -e x.npy ]
}

@test "headers and shapes that claim gigabytes" {
	slow_sanitizer "address space"
	numpy 'import struct
def npy(name, shape, data=b"", v=1, length=None):
    h = b"{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: %s, }\n" % shape
    n = len(h) if length is None else length
    open(name, "wb").write(b"\x93NUMPY" + (struct.pack("<BBH", 1, 0, n) if v == 1 else struct.pack("<BBI", v, 0, n)) + h + data)
npy("wrap.npy", b"(4294967296, 4294967296)")
npy("wrap3.npy", b"(6148914691236517206, 3)", bytes(8))
npy("terabytes.npy", b"(1000000000000,)", bytes(100))
npy("header.npy", b"(2,)", v=2, length=0xffffffff)
npy("header3.npy", b"(2,)", b" " * 100000, v=3, length=0xf0000000)
npy("deep.npy", b"(" * 60000)
open("huge.pgm", "wb").write(b"P5 1000000 1000000 255\n" + bytes(100))
open("deep.json", "w").write("[" * 300000 + "1" + "]" * 300000)
open("open.json", "w").write("[" * 300000)
open("deep.view.json", "w").write("{\"file\": " * 300000)'
	refused wrap.npy '*does not fit in 64 bits*'
	refused wrap3.npy '*does not fit in 64 bits*'
	refused terabytes.npy '*data ends after 100 bytes, 4000000000000 expected*'
	refused header.npy '*4294967295 bytes*'
	refused header3.npy '*4026531840 bytes*'
	refused deep.npy '*npy header*'
	refused huge.pgm '*1000000000000*'
	refused deep.json '*more than 64 lists*' json
	refused open.json '*more than 64 lists*' json
	refused deep.view.json '*nesting that is too deep*' view
}

@test "zip bombs" {
	slow_sanitizer "address space"
	numpy 'import struct, zlib
def bomb(name, claimed, shape):
    h = (b"{\x27descr\x27: \x27|u1\x27, \x27fortran_order\x27: False, \x27shape\x27: (%d,), }" % shape).ljust(117) + b"\n"
    h = b"\x93NUMPY\1\0" + struct.pack("<H", len(h)) + h
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    d, crc, n, block = z.compress(h), zlib.crc32(h), len(h), bytes(1 << 20)
    for i in range(256):
        d += z.compress(block); crc = zlib.crc32(block, crc); n += len(block)
    d += z.flush()
    n = claimed or n
    open(name, "wb").write(b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(d), n, 5, 0) + b"a.npy" + d + (
        c := b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, crc, len(d), n, 5, 0, 0, 0, 0, 0, 0) + b"a.npy")
        + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(c), 35 + len(d), 0))
bomb("shape.npz", 0, 4000000000)
bomb("claim.npz", 4000000128, 4000000000)
bomb("less.npz", 128 + (255 << 20), 255 << 20)
bomb("true.npz", 0, 256 << 20)'
	refused shape.npz '*data ends after 268435456 bytes, 4000000000 expected*'
	refused claim.npz '*claims to become larger*'
	refused less.npz '*size that the archive says*'
	# What is as large as it says is read in constant memory.
	[ "$(ulimit -v 150000; tensor reduce count_nonzero true.npz | tensor show -)" = 0 ]
	[ "$(ulimit -v 150000; tensor reduce max - <true.npz | tensor show -)" = 0 ]
}
