#!/usr/bin/env bats
# Raw data: dumps of memory in every type, order and pitch, read and written; sizes that do not fit.

load helper

@test "every type, both byte orders, byte for byte" {
	numpy '
names = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128 bfloat16 float8_e4m3fn float8_e5m2".split()
for n in names:
    t = np.dtype(getattr(ml_dtypes, n, n)) if "bfloat" in n or "float8" in n else np.dtype(n)
    b = np.arange(2 * 3 * t.itemsize, dtype="u1") * 7 % 120
    if n == "bool": b %= 2
    open(n + ".bin", "wb").write(b.tobytes())'
	for f in *.bin; do
		t=${f%.bin}
		size=$(($(stat -c %s "$f") / 6))
		tensor convert "$f" --from raw --dtype "$t" --shape 2,3 -o a.npy
		run -0 tensor info a.npy --field dtype
		output_is "$t"
		tensor convert a.npy --to raw -o back.bin
		cmp "$f" back.bin
		tensor convert a.npy --to raw --byteorder big -o big.bin
		numpy 's = int(sys.argv[3]); s = s // 2 if sys.argv[2].startswith("complex") else s
assert open("big.bin", "rb").read() == np.frombuffer(open(sys.argv[2] + ".bin", "rb").read(), "u1").reshape(-1, s)[:, ::-1].tobytes()' "$t" "$size"
		tensor convert big.bin --from raw --dtype "$t" --shape -1,3 --byteorder big | cmp - a.npy
	done
	tensor convert bfloat16.bin --from raw --dtype bf16 --shape 6 | tensor convert - --dtype float32 -o f.npy
	numpy 'x = np.fromfile("bfloat16.bin", ml_dtypes.bfloat16); assert (np.load("f.npy") == x.astype("f4")).all()'
	for t in fp16/float16 half/float16 bf16/bfloat16 e4m3/float8_e4m3fn fp8_e4m3/float8_e4m3fn e5m2/float8_e5m2 fp8_e5m2/float8_e5m2; do
		run -0 bash -c "tensor convert int16.bin --from raw --dtype ${t%/*} | tensor info - --field dtype"
		output_is "${t#*/}"
	done
}

@test "offset, order, pitch and slice pitch, and one -1" {
	numpy 'x = np.arange(24, dtype="<f4").reshape(2, 3, 4); np.save("a.npy", x)
p = np.full((2, 4, 6), -1, "<f4"); p[:, :3, :4] = x
open("p.bin", "wb").write(b"xyz" + p.tobytes())
open("f.bin", "wb").write(x.tobytes("F"))'
	# With and without the padding behind the last row and slice.
	for cut in 0 8 32; do
		head -c $((195 - cut)) p.bin >cut.bin
		tensor convert cut.bin --from raw --dtype f4 --shape 2,3,4 --offset 3 --pitch 24 --slice-pitch 96 | tensor compare - a.npy --exact
		tensor convert cut.bin --from raw --dtype f4 --shape -1,3,4 --offset 3 --pitch 24 --slice-pitch 96 | tensor compare - a.npy --exact
	done
	tensor convert f.bin --from raw --dtype f4 --shape 2,3,-1 --order F | tensor compare - a.npy --exact
	tensor convert f.bin --from raw --dtype f4 --shape 2,-1,4 --order F | tensor compare - a.npy --exact
	tensor convert a.npy --to raw --order F | cmp - f.bin
	# Padding is written where it is asked for, as zeros.
	tensor convert a.npy --to raw --pitch 20 --slice-pitch 64 -o q.bin
	numpy 'q = np.frombuffer(open("q.bin", "rb").read(), "u1").reshape(2, 64); x = np.load("a.npy")
for s in range(2):
    r = q[s, :60].reshape(3, 20); assert (r[:, :16].copy().view("f4") == x[s]).all() and not r[:, 16:].any() and not q[s, 60:].any()'
	tensor convert q.bin --from raw --dtype f4 --shape 2,3,4 --pitch 20 --slice-pitch 64 | tensor compare - a.npy --exact
	tensor convert a.npy --to raw --pitch 20 | cat | tensor convert - --from raw --dtype f4 --shape 2,3,4 --pitch 20 | tensor compare - a.npy --exact
}

@test "a size that does not fit is an error with both numbers" {
	head -c 100 /dev/zero >a.bin
	while IFS='|' read -r words pattern; do
		eval "run -3 --separate-stderr tensor convert a.bin --from raw $words -o out.npy"
		message "tensor convert: a.bin: $pattern" || { echo "$words"; return 1; }
	done <<-'END'
		--dtype f4 --shape 5,6|holds 100 bytes, shape (5, 6) of float32 needs 120
		--dtype f4 --shape 5,4|holds 100 bytes, shape (5, 4) of float32 needs 80
		--dtype f8 --shape -1|holds 100 bytes, shape (12,) of float64 needs 96
		--dtype f4 --shape 5,5 --offset 4|holds 96 bytes after offset 4, shape (5, 5) of float32 needs 100
		--dtype f4 --shape 5,5 --offset 200|holds 100 bytes, --offset is 200
		--dtype u1 --shape 3,10 --pitch 50|holds 100 bytes, shape (3, 10) of uint8 needs 110 to 150
	END
	tensor convert a.bin --from raw --dtype u1 --shape 3,10 --pitch 45 -o out.npy
	run -2 --separate-stderr tensor convert a.bin --from raw --dtype f4 --shape -1,-1 -o out2.npy
	run -2 --separate-stderr tensor convert a.bin --from raw --dtype f4 --shape 5,5 --pitch 8 -o out2.npy
	message '*--pitch 8 is less than the 20 bytes of a row'
	for bad in '--shape 3x4' '--shape 99999999999999999999' '--offset 1x' '--offset -1' '--pitch 0' '--pitch 1e3' '--shape 4611686018427387904,4'; do
		eval "run --separate-stderr tensor convert a.bin --from raw --dtype f4 $bad -o out2.npy"
		# shellcheck disable=SC2154
		[[ $status = [234] ]] || { echo "$bad: $status"; return 1; }
	done
	run -3 --separate-stderr bash -c 'tensor convert - --from raw --dtype f4 --shape 5,4 -o out2.npy <a.bin'
	run -3 --separate-stderr bash -c 'cat a.bin | tensor convert - --from raw --dtype f4 --shape 5,6 -o out2.npy'
	only a.bin out.npy
}

@test "tf32: 13 bits are ignored when read, rounded to even when written" {
	numpy 'r = np.random.default_rng(1); b = r.integers(0, 2**32, 100000, "u4")
b[:8] = [0x3f800fff, 0x3f801000, 0x3f801001, 0x3f803000, 0x7f7fffff, 0x7f800000, 0x7fc00001, 0x00001001]
b[8:12] = b[:4] | 0x80000000
b.astype("<u4").tofile("a.bin"); np.save("a.npy", b.view("f4"))
m = b & 0xffffe000; np.save("read.npy", m.view("f4"))
n = (b & 0x7fffffff) > 0x7f800000
w = np.where(n, (b | 0x400000), (b + (0xfff + (b >> 13 & 1)).astype("u4"))) & np.uint32(0xffffe000)
w.astype("<u4").tofile("w.bin")'
	tensor convert a.bin --from raw --dtype tf32 -o out.npy
	numpy 'x, w = np.load("out.npy"), np.load("read.npy"); assert x.dtype == "f4" and (x.view("u4") == w.view("u4")).all()'
	tensor convert a.npy --to raw --dtype tf32 | cmp - w.bin
	tensor convert a.npy --to raw --dtype tf32 --byteorder big -o big.bin
	numpy 'assert open("big.bin", "rb").read() == np.fromfile("w.bin", "<u4").astype(">u4").tobytes()'
	# What was written is read as it is: in any order, at any offset, in a stream.
	tensor convert big.bin --from raw --dtype tf32 --byteorder big --to raw | cmp - w.bin
	{ printf abc; cat w.bin; } >o.bin
	tensor convert o.bin --from raw --dtype tf32 --offset 3 --shape 1000,-1 --to raw | cmp - w.bin
	tensor convert - --from raw --dtype tf32 --shape 100000 --to raw < <(cat w.bin) | cmp - w.bin
	tensor op slice a.npy 0:12 | tensor op reshape - 3,4 | tensor convert - --to raw --dtype tf32 --pitch 24 -o p.bin
	tensor convert p.bin --from raw --dtype tf32 --shape 3,4 --pitch 24 --to raw | cmp - <(head -c 48 w.bin)
	run -2 --separate-stderr tensor convert a.npy --dtype tf32 -o b.npy
	message 'tensor convert: tf32 is a type of raw data*'
	run -2 --separate-stderr tensor convert w.bin --from raw --dtype tf32 --share -o v.view.json
	run -2 --separate-stderr tensor convert p.bin --from raw --dtype tf32 --shape 3,4 --pitch 18 -o b.npy
}
