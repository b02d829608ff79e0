#!/usr/bin/env bats
# Images: png and netpbm's, written and read; the decoder in NumPy below is an independent one.

load helper

# PNG by hand: png_write FILE ARRAY-EXPRESSION COLOUR-TYPE DEPTH [chunks before the data]; filter 0 only.
png_tools='
import zlib, struct
def chunk(t, d): return struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
def png(w, h, depth, colour, data, extra=b"", interlace=0):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlace)) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
def rows(x): return b"".join(b"\0" + r.tobytes() for r in x)
def unpng(name):
    b = open(name, "rb").read(); assert b[:8] == b"\x89PNG\r\n\x1a\n"; i = 8; d = b""
    while i < len(b):
        n, t = struct.unpack(">I4s", b[i:i + 8]); c = b[i + 8:i + 8 + n]
        assert struct.unpack(">I", b[i + 8 + n:i + 12 + n])[0] == zlib.crc32(t + c); i += 12 + n
        if t == b"IHDR": w, h, depth, colour, _, _, il = struct.unpack(">IIBBBBB", c)
        if t == b"IDAT": d += c
    d = np.frombuffer(zlib.decompress(d), "u1"); ch = {0: 1, 2: 3, 4: 2, 6: 4}[colour]; bpp = ch * depth // 8
    d = d.reshape(h, -1); out = np.zeros((h, w * bpp), int)
    for y in range(h):
        f, r = d[y, 0], d[y, 1:].astype(int)
        for x in range(w * bpp):
            a = out[y, x - bpp] if x >= bpp else 0; u = out[y - 1, x] if y else 0; c = out[y - 1, x - bpp] if y and x >= bpp else 0
            p = a + u - c; q = min((abs(p - a), 0, a), (abs(p - u), 1, u), (abs(p - c), 2, c))[2]
            out[y, x] = (r[x] + [0, a, u, (a + u) // 2, q][f]) % 256
    x = out.astype("u1"); x = x.view(">u2") if depth == 16 else x
    return x.reshape((h, w) if ch == 1 else (h, w, ch)).astype("u2" if depth == 16 else "u1")
'

@test "png and netpbm, every shape and type, there and back" {
	numpy '
r = np.random.default_rng(1)
for s in (5, 7), (1, 1), (6, 3, 1), (4, 5, 2), (6, 3, 3), (3, 9, 4), (40, 300, 3):
    for t in "u1", "u2":
        np.save("%s-%s.npy" % ("x".join(map(str, s)), t), r.integers(0, 2 ** (8 * np.dtype(t).itemsize), s, t))'
	for f in *.npy; do
		tensor convert "$f" -o o.png
		numpy "$png_tools"'
x = np.load(sys.argv[2]); y = unpng("o.png"); x = x[..., 0] if x.shape[2:] == (1,) else x
assert x.dtype == y.dtype and x.shape == y.shape and (x == y).all(), (x.shape, y.shape)
np.save("want.npy", x)' "$f"
		tensor convert o.png | cmp - want.npy
		tensor convert - -o back.npy <o.png && cmp back.npy want.npy
		case $f in
		*x2-u?.npy | *x4-u?.npy) continue ;;
		esac
		tensor convert "$f" -o o.ppm
		numpy 'x = np.load("want.npy"); b = open("o.ppm", "rb").read().split(b"\n", 3)
assert b[0] == (b"P6" if x.ndim == 3 else b"P5") and b[1] == b"%d %d" % (x.shape[1], x.shape[0]) and b[2] == (b"255" if x.dtype == "u1" else b"65535")
assert b[3] == x.astype(x.dtype.newbyteorder(">")).tobytes()'
		tensor convert o.ppm -o back.npy && tensor compare back.npy want.npy --exact
		cat o.ppm | tensor convert - | tensor compare - want.npy --exact
	done
}

@test "bool is black and white; what is no image is refused with what to do" {
	tensor create eye 3 --dtype bool -o e.npy
	tensor convert e.npy -o e.png
	tensor convert e.npy -o e.pgm
	tensor convert e.png | tensor compare - e.pgm --exact
	tensor convert e.png -o out.npy && holds out.npy 'np.eye(3) * 255' uint8
	rm -f out.npy e.p*
	tensor create ones 2,3 -o f.npy
	run -4 --separate-stderr tensor convert f.npy -o o.png
	message "tensor convert: o.png: a png holds uint8 or uint16, the array is float64: scale it to 0..255 first *"
	run -4 --separate-stderr tensor convert f.npy -o o.pgm
	tensor create ones 2,3 --dtype int64 -o i.npy
	run -4 --separate-stderr tensor convert i.npy -o o.png
	message "*if its values are 0 to 255, add '--dtype uint8'"
	tensor convert i.npy --dtype uint8 -o u.npy
	for shape in 6 1,2,3,1 2,0,3 0,2 1,1,6; do
		tensor op resize u.npy $shape -o s.npy 2>/dev/null || tensor create zeros $shape --dtype uint8 -o s.npy
		run -4 --separate-stderr tensor convert s.npy -o o.png
		run -4 --separate-stderr tensor convert s.npy -o o.ppm
	done
	tensor create zeros 2,3,2 --dtype uint8 -o s.npy
	run -4 --separate-stderr tensor convert s.npy -o o.ppm
	only e.npy f.npy i.npy u.npy s.npy
}

@test "palettes, few bits, transparency, interlacing" {
	numpy "$png_tools"'
x = np.arange(12, dtype="u1").reshape(3, 4) % 3; pal = bytes([255, 0, 0, 0, 128, 0, 9, 9, 9])
open("p.png", "wb").write(png(4, 3, 8, 3, rows(x), chunk(b"PLTE", pal)))
np.save("p.npy", np.frombuffer(pal, "u1").reshape(3, 3)[x])
open("t.png", "wb").write(png(4, 3, 8, 3, rows(x), chunk(b"PLTE", pal) + chunk(b"tRNS", b"\7")))
np.save("t.npy", np.concatenate([np.frombuffer(pal, "u1").reshape(3, 3)[x], np.array([7, 255, 255], "u1")[x][..., None]], 2))
b = np.array([[0b10110000], [0b01010000]], "u1")
open("b.png", "wb").write(png(5, 2, 1, 0, rows(b)))
np.save("b.npy", np.array([[1, 0, 1, 1, 0], [0, 1, 0, 1, 0]], "u1") * 255)
g = np.random.default_rng(0).integers(0, 65536, (9, 11), "u2")
passes = [g[y::dy, x::dx] for y, x, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))]
open("i.png", "wb").write(png(11, 9, 16, 0, b"".join(rows(p.astype(">u2")) for p in passes if p.size), interlace=1))
np.save("i.npy", g)
# gamma and colour profiles change nothing
open("g.png", "wb").write(png(4, 3, 8, 0, rows(x), chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"tEXt", b"a\0b")))
np.save("g.npy", x)'
	for f in p t b i g; do
		tensor convert $f.png -o out.npy
		cmp out.npy $f.npy || { tensor show out.npy; tensor show $f.npy; echo $f; return 1; }
	done
}

@test "broken and hostile images" {
	numpy "$png_tools"'
x = np.zeros((3, 4), "u1"); good = png(4, 3, 8, 0, rows(x))
def w(n, b): open(n, "wb").write(b)
for k in 8, 20, 33, 40, len(good) - 20: w("cut%d.png" % k, good[:k])
b = bytearray(good); b[-20] ^= 1; w("crc.png", b)
b = bytearray(good); b[18] ^= 1; w("ihdr.png", b)
w("bomb.png", png(2**31 - 1, 2**31 - 1, 16, 6, b"\0" * 1000))
w("wide.png", png(2**31 - 1, 1, 8, 0, b"\0" * 1000))
w("zero.png", png(0, 3, 8, 0, b""))
w("depth.png", png(4, 3, 5, 0, rows(x)))
w("short.png", png(4, 300, 8, 0, rows(x)))
w("nopal.png", png(4, 3, 8, 3, rows(x)))
w("il.png", png(30000, 30000, 16, 6, b"\0" * 1000, interlace=1))
for n, b in dict(cut=b"P5\n4 3\n255\n" + b"x" * 11, head=b"P5\n4 3", big=b"P5\n99999999999 3\n255\n", huge=b"P6\n2147483000 2147483000\n65535\nx", neg=b"P5\n-4 3\n255\n" + b"x" * 12, zero=b"P5 0 0 255\n", max=b"P5 4 3 65536\n" + b"x" * 24, junk=b"P5\nfour 3 255\n", ascii=b"P2\n1 1\n255\n1\n").items(): w(n + ".pgm", b)'
	mkdir out
	for f in *.png *.pgm; do
		run -3 --separate-stderr bash -c '[ -n "${SANITIZER:-}" ] || ulimit -v 4000000; timeout 20 tensor convert "$1" -o out/x.npy' - "$f"
		message "tensor convert: $f*" || { echo "$f"; return 1; }
		[[ $stderr != *$'\n'* ]]
		[ -z "$(ls out)" ]
	done
	printf 'P5 # a comment\n# another 7 7\n 2\t1\n255\nab' >c.pgm
	tensor convert c.pgm -o c.npy && holds c.npy '[[97, 98]]' uint8
	printf 'P5 2 1 255\nabcd' >t.pgm
	run -0 --separate-stderr tensor convert t.pgm -o c.npy
	message 'tensor convert: t.pgm: 2 bytes after the image are ignored'
}

@test "a pgm can be shared and changed in place, a png cannot" {
	tensor create arange 6 --dtype uint16 | tensor op reshape - 2,3 -o a.npy
	tensor convert a.npy -o a.pgm
	tensor op add_ a.pgm 256
	tensor convert a.pgm -o b.npy && holds b.npy 'np.arange(6).reshape(2, 3) + 256' uint16
	tensor convert a.npy -o a.png
	run -3 --separate-stderr tensor op add_ a.png 1
	message 'tensor op: a.png: the bytes of format png are not the elements*'
}

@test "other commands do not load libpng" {
	tensor create ones 2 -o a.npy
	command -v ldd >/dev/null || skip "no ldd"
	[[ $(ldd "$TENSOR") != *libpng* ]] || skip "libpng is linked dynamically here"
}
