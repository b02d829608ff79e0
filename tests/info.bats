#!/usr/bin/env bats
# info: archives from their headers alone, and statistics in one pass.

load helper

# The bytes that a command read, those of bash included; the output of the command goes to out.
bytes_read() {
	bash -c '"$@" >out; while read -r k v; do [ "$k" = rchar: ] && echo "$v"; done </proc/self/io; true' _ "$@"
}

@test "a checkpoint of 10 GB answers from its header" {
	[ -r /proc/self/io ] || skip "no /proc/self/io"
	numpy 'h, at = {"__metadata__": {"format": "pt"}}, 0
for i in range(320):
    n = 1 << 25; h["model.layers.%d.w" % i] = {"dtype": "BF16", "shape": [4096, 4096], "data_offsets": [at, at + n]}; at += n
head = json.dumps(h).encode()
with open("m.safetensors", "wb") as f: f.write(len(head).to_bytes(8, "little") + head); f.truncate(8 + len(head) + at)
import struct
with open("b.npy", "wb") as f: np.lib.format.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 2)}); f.truncate(f.tell() + 8 * 10**9)'
	run -0 bytes_read tensor info m.safetensors
	[ "$output" -lt 2000000 ]
	[ "$(sed -n 1,7p out)" = 'm.safetensors
  format     safetensors
  size       5368709120
  nbytes     10737418240
  metadata
    format: pt
  members    320' ]
	grep -qx '    model.layers.319.w  bfloat16 (4096, 4096) 33554432 bytes' out
	run -0 bytes_read tensor info m.safetensors --json
	[ "$output" -lt 2000000 ]
	numpy 'j = json.load(open("out")); m = j["members"]; assert set(j) == {"file", "format", "size", "nbytes", "metadata", "members"} and len(m) == 320 and j["metadata"] == {"format": "pt"}
assert m[0] == {"name": "model.layers.0.w", "dtype": "bfloat16", "shape": [4096, 4096], "order": "C", "byteorder": "little", "nbytes": 1 << 25}, m[0]'
	run -0 bytes_read tensor info m.safetensors:model.layers.7.w b.npy --field shape
	[ "$output" -lt 2000000 ]
	[ "$(cat out)" = $'4096,4096\n1000000000,2' ]
}

@test "fields of an archive" {
	tensor create zeros 3,4 --dtype float32 -o a.npy
	tensor create arange 5 -o b.npy
	tensor convert a.npy b.npy --metadata '{"k": "v \"w\"", "\u0007": "x\u0085"}' -o m.safetensors
	for w in 'format=safetensors' 'nbytes=88' 'size=17' $'members=b\na' 'metadata={"k": "v \"w\"", "\u0007": "x\u0085"}'; do
		run -0 tensor info m.safetensors --field "${w%%=*}"
		output_is "${w#*=}"
	done
	run -3 --separate-stderr tensor info m.safetensors --field dtype
	message 'tensor info: m.safetensors holds 2 arrays: name one, m.safetensors:KEY'
	run -0 tensor info m.safetensors:a@0 --field shape
	output_is 4
	run -2 --separate-stderr tensor info m.safetensors --field nosuch
	tensor convert a.npy --metadata '{"x": "y"}' -o one.safetensors
	run -0 tensor info one.safetensors --field metadata
	output_is '{"x": "y"}'
	tensor convert a.npy b.npy -o m.npz
	run -0 tensor info m.npz --field metadata
	output_is '{}'
	# What a file says is no command of the terminal, and not endless.
	run -0 tensor info m.safetensors
	[[ "$output" == *'    \x07: x\xc2\x85'* ]]
	tensor convert a.npy --metadata "{\"x\": \"$(printf '%0300d' 0)\"}" -o one.safetensors
	run -0 tensor info one.safetensors
	[[ "$output" == *"    x: $(printf '%0200d' 0) ... (300 bytes)"* ]]
}

@test "statistics of every type and every member, as NumPy has them" {
	numpy 'rng = np.random.default_rng(0); d = {}
for t in "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16".split():
    x = rng.standard_normal(1000) * 50
    d[t.replace("?", "bool")] = (x + 1j * x[::-1] if t[0] == "c" else abs(x) if t[0] == "u" else x).astype(t)
for t in "f2 f4 f8".split(): d[t][[3, 5, 8]] = np.nan; d[t][[9, 100]] = 0
d["inf"] = np.array([1, np.inf, -np.inf, np.nan]); d["nan"] = np.array([np.nan]); d["none"] = np.zeros((0, 3)); d["big"] = np.array([2**63 - 1, -2**63])
d["long"] = rng.standard_normal(300000); d["turned"] = np.asfortranarray(rng.standard_normal((300, 200)))
np.savez("m.npz", **d, text=np.array(["x"])); np.savez_compressed("c.npz", **d)'
	for f in m c; do
		run -0 tensor info $f.npz --stats --json
		echo "$output" >out
		numpy 'import warnings; warnings.simplefilter("ignore")
d = np.load("c.npz"); s = {m["name"]: m.get("stats") for m in json.load(open("out"))["members"]}
assert s.get("text") is None
for k in d.files:
    x, t = d[k], s[k]
    assert (t["nan"], t["inf"], t["zero"]) == (np.isnan(x).sum(), np.isinf(x).sum(), (x == 0).sum()), (k, t)
    if not x.size: assert set(t) == {"nan", "inf", "zero"}; continue
    if x.dtype.kind == "c": x = x[~np.isnan(x)]; assert "min" not in t
    else: assert [x.dtype.type(t[n]) for n in ("min", "max")] == [np.nanmin(x), np.nanmax(x)] or k == "nan", (k, t)
    f = x if x.dtype.kind == "c" else x.astype("f8")
    near = 1e-3 if x.dtype == np.float16 else 1e-6 if x.dtype in (np.float32, np.complex64) else 1e-12
    assert np.allclose(complex(t["mean"]), np.nanmean(f), near, near, equal_nan=True) and np.allclose(float(t["std"]), np.nanstd(f), near, near, equal_nan=True), (k, t, np.nanmean(f), np.nanstd(f))
assert s["big"]["min"] == -2**63 and s["big"]["max"] == 2**63 - 1'
	done
	# The reductions of these names have the same bits.
	for k in long f4 i8 turned; do
		for n in min max mean std; do
			run -0 bash -c "tensor reduce nan$n m.npz:$k | tensor convert - --to json"
			[ "$output" = "$(tensor info "m.npz:$k" --stats --json | numpy 'print(repr(json.load(sys.stdin)["stats"][sys.argv[2]]))' $n)" ]
		done
	done
	run -0 tensor info m.npz --stats
	[[ "$(tr -s ' ' <<<"$output")" == *'i1 int8 (1000,) 1000 bytes: min -'*', max '*', mean '*', std '*', nan 0, inf 0, zero '* ]]
	run -0 tensor info m.npz:f8@3:10 --stats
	[[ "$output" == *'nan        3'* && "$output" == *'zero       1'* ]]
}

@test "statistics take one pass and constant memory, from files and pipes" {
	slow_sanitizer "it maps more address space than this"
	numpy 'f = open("a.npy", "wb"); np.lib.format.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": (10**8,)}); f.truncate(f.tell() + 4 * 10**8)'
	(ulimit -v 250000; tensor info a.npy --stats --threads 2 | grep -qx '  zero       100000000')
	cat a.npy | (ulimit -v 250000; tensor info - --stats --threads 2 | grep -qx '  zero       100000000')
	# The next array of a stream is reached without keeping the one before.
	tensor create arange 3 -o b.npy
	cat a.npy b.npy | (ulimit -v 250000; tensor info - --field shape) >out
	printf '100000000\n3\n' | cmp - out
	[ -r /proc/self/io ] || skip "no /proc/self/io"
	run -0 bytes_read tensor info a.npy --stats
	[ "$output" -lt 402000000 ]
}

@test "more files than descriptors" {
	tensor create zeros 1 -o a.npy
	files=$(yes a.npy | head -n 100)
	# shellcheck disable=SC2086 # a list of names
	(ulimit -n 32; tensor info $files --field size) | sort | uniq -c | grep -q '100 1'
}
