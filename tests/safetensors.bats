#!/usr/bin/env bats
# safetensors: against the format's own implementation, and what is not an array.

load helper

# Python with the implementation of the format: load_file, save_file, and every type that NumPy and ml_dtypes have.
reference() {
	numpy 'from safetensors.numpy import load_file, save_file
from safetensors import safe_open
NAMES = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64".split()
'"$1" "${@:2}"
}

@test "what it writes is what the implementation writes, byte for byte" {
	reference 'rng = np.random.default_rng(0)
d = {n: (rng.random((3, 5)) * 100).astype(n) for n in NAMES}
d |= {"scalar": np.array(2.5), "zero": np.zeros((0, 3), "f4"), "z": np.arange(3, dtype="i2"), "a/b.c": np.ones(1, "u1"), "\u00fc": np.ones(7, "?"), "quote\"d": np.ones(2)}
np.savez("d.npz", **d); save_file(d, "want.safetensors")'
	tensor convert d.npz -o got.safetensors
	cmp got.safetensors want.safetensors
	tensor convert d.npz --to safetensors | cmp - want.safetensors
	# And back, whole and by parts.
	tensor convert got.safetensors -o back.npz
	numpy 'a, b = np.load("d.npz"), np.load("back.npz")
assert sorted(a.files) == sorted(b.files) and all(a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes() for k in a.files)'
	tensor convert got.safetensors:int16 w=got.safetensors:complex64@1 got.safetensors:a/b.c -o part.safetensors
	reference 'd, p = load_file("want.safetensors"), load_file("part.safetensors")
assert list(sorted(p)) == ["a/b.c", "int16", "w"] and (p["int16"] == d["int16"]).all() and (p["w"] == d["complex64"][1]).all()'
	only d.npz want.safetensors got.safetensors back.npz part.safetensors
}

@test "bfloat16 and float8, which NumPy has from ml_dtypes" {
	reference 'import ml_dtypes
d = {"h": np.arange(256, dtype="u1").view(ml_dtypes.float8_e4m3fn), "g": np.arange(256, dtype="u1").view(ml_dtypes.float8_e5m2), "b": np.arange(65536, dtype="u2").view(ml_dtypes.bfloat16)}
save_file(d, "d.safetensors"); np.savez("w.npz", **{k: v.astype("f4") for k, v in d.items()})'
	run -0 tensor info d.safetensors
	output=$(tr -s ' ' <<<"$output")
	[[ "$output" == *'b bfloat16 (65536,) '* && "$output" == *'h float8_e4m3fn (256,)'* && "$output" == *'g float8_e5m2 (256,)'* ]]
	for k in h g b; do
		tensor convert "d.safetensors:$k" --dtype float32 | tensor compare - "w.npz:$k" --equal-nan --rtol 0 --atol 0
	done
	tensor convert d.safetensors -o again.safetensors
	cmp d.safetensors again.safetensors
	tensor create arange 4 --dtype float32 -o a.npy
	tensor convert a.npy --dtype bfloat16 -o h.safetensors
	reference 'import ml_dtypes; x = load_file("h.safetensors")["a"]; assert x.dtype == ml_dtypes.bfloat16 and (x == np.arange(4)).all()'
}

# One tensor of each type, as bytes.
every_type() {
	numpy 'T = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
h, at = {}, 0
for k, b in T.items():
    n = 8 * b // 8
    h[k.lower()] = {"dtype": k, "shape": [2, 4], "data_offsets": [at, at + n]}; at += n
head = json.dumps(h).encode()
open("t.safetensors", "wb").write(len(head).to_bytes(8, "little") + head + bytes(i % 2 for i in range(at)))'
}

@test "types that are no arrays here are listed, refused by name, and there as bytes" {
	every_type
	run -0 tensor info t.safetensors --field members
	[ "${#lines[@]}" = 22 ]
	run -0 tensor info t.safetensors
	listed=$(tr -s ' ' <<<"$output")
	for t in F4 F6_E2M3 F6_E3M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ; do
		[[ "$listed" == *"${t,,} $t (2, 4) "* ]]
		run -3 --separate-stderr tensor convert "t.safetensors:${t,,}" -o x.npy
		message "tensor convert: t.safetensors:${t,,}: has elements of type $t, which are read as bytes only: 'tensor convert --to raw', or '--as uint8'"
		tensor convert "t.safetensors:${t,,}" -o "$t.raw"
		numpy 'd = open("t.safetensors", "rb").read(); n = int.from_bytes(d[:8], "little"); b, e = json.loads(d[8:8 + n])[sys.argv[2].lower()]["data_offsets"]
assert open(sys.argv[2] + ".raw", "rb").read() == d[8 + n:][b:e]' $t
	done
	tensor convert t.safetensors:f8_e8m0 --as uint8 -o e.npy
	holds e.npy '[[0, 1, 0, 1], [0, 1, 0, 1]]' uint8
	tensor convert t.safetensors:f4 --as uint8 -o f.npy
	holds f.npy '[0, 1, 0, 1]' uint8
	run -3 --separate-stderr tensor convert t.safetensors -o all.npz
	message "tensor convert: t.safetensors:f4: has elements of type F4, *"
	run -4 --separate-stderr tensor convert t.safetensors:f32 --as uint8 -o x.npy
	only t.safetensors ./*.raw e.npy f.npy 2>/dev/null || only t.safetensors F4.raw F6_E2M3.raw F6_E3M2.raw F8_E8M0.raw F8_E4M3FNUZ.raw F8_E5M2FNUZ.raw e.npy f.npy
}

@test "what the file says about itself is kept, joined, replaced" {
	reference 'save_file({"a": np.ones(2)}, "m.safetensors", {"format": "pt"}); save_file({"b": np.ones(2)}, "n.safetensors", {"format": "np"})
save_file({"b": np.ones(2)}, "o.safetensors", {"author": "me, \"you\"\n\u00fc"})'
	tensor convert m.safetensors -o k.safetensors
	cmp m.safetensors k.safetensors
	tensor convert m.safetensors o.safetensors -o mo.safetensors
	reference 'assert safe_open("mo.safetensors", "np").metadata() == {"format": "pt", "author": "me, \"you\"\n\u00fc"}'
	run -2 --separate-stderr tensor convert m.safetensors n.safetensors -o mn.safetensors
	message 'tensor convert: n.safetensors: says "format": "np" of itself, an input before it "pt": choose with --metadata JSON'
	tensor convert m.safetensors n.safetensors --metadata '{"format": "pt", "x": ""}' -o mn.safetensors
	reference 'assert safe_open("mn.safetensors", "np").metadata() == {"format": "pt", "x": ""}'
	tensor convert m.safetensors --metadata '{}' -o none.safetensors
	reference 'assert not safe_open("none.safetensors", "np").metadata()'
	for bad in '{"a": 1}' '[]' 'x' '{"a": "b", "a": "c"}' ''; do
		run -2 --separate-stderr tensor convert m.safetensors --metadata "$bad" -o x.safetensors
		message 'tensor convert: --metadata: *'
	done
	run -2 --separate-stderr tensor convert m.safetensors --metadata '{}' -o x.npz
	message 'tensor convert: --metadata is what a safetensors file says about itself, not npz'
}

@test "from a pipe: one tensor as it comes, several, unaligned ones, and a slice of one" {
	reference 'save_file({"a": np.arange(100000.)}, "one.safetensors"); save_file({"a": np.arange(6.).reshape(2, 3), "b": np.arange(3, dtype="u1")}, "two.safetensors")
head = json.dumps({"u": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "f": {"dtype": "F64", "shape": [2], "data_offsets": [1, 17]}}).encode()
open("odd.safetensors", "wb").write(len(head).to_bytes(8, "little") + head + b"x" + np.arange(2.).tobytes())'
	cat one.safetensors | tensor reduce sum - -o s.npy && holds s.npy 4999950000.0
	tensor reduce sum - -o s.npy <one.safetensors && holds s.npy 4999950000.0
	cat two.safetensors | tensor op add -:b -:b -o s.npy && holds s.npy '[0, 2, 4]' uint8
	cat two.safetensors | tensor convert - -o two.npz && tensor compare two.npz:a two.safetensors:a --exact
	for a in odd.safetensors -; do
		tensor op add "$a:f" 1 -o s.npy <odd.safetensors && holds s.npy '[1., 2.]'
		cat odd.safetensors | tensor op add "$a:f@::-1" 1 -o s.npy && holds s.npy '[2., 1.]'
	done
	cat two.safetensors | tensor info - --field members >names && printf 'a\nb\n' | cmp names -
	(cat one.safetensors; echo) | (run -3 --separate-stderr tensor convert - -o x.npy; message 'tensor convert: standard input: goes on after the 800000 bytes*')
	(cat two.safetensors; echo) | (run -3 --separate-stderr tensor convert - -o x.npz; message 'tensor convert: standard input: has 52 bytes of data, its header describes 51')
	head -c -1 one.safetensors | (run -3 --separate-stderr tensor convert - -o x.npy; message 'tensor convert: standard input: ends after 799999 bytes*')
	head -c 40 one.safetensors | (run -3 --separate-stderr tensor convert - -o x.npy; message 'tensor convert: standard input: ends within its header of * bytes')
	[ ! -e x.npy ] && [ ! -e x.npz ]
}

@test "a header that a stream only claims to have takes no memory" {
	slow_sanitizer "it maps more address space than this"
	printf '\0\341\365\5\0\0\0\0{"a"' >claims.safetensors
	run -3 --separate-stderr tensor info claims.safetensors
	message 'tensor info: claims.safetensors: its header would have 100000000 bytes, the file has 12'
	cat claims.safetensors | (ulimit -v 65536; run -3 --separate-stderr tensor info -; message 'tensor info: standard input: ends within its header of 100000000 bytes')
}

@test "in place and shared: a tensor in its file" {
	reference 'save_file({"a": np.arange(6, dtype="f4").reshape(2, 3), "b": np.arange(4)}, "m.safetensors", {"k": "v"})'
	tensor op mul_ m.safetensors:a 10
	tensor op copy_ m.safetensors:b@1:3 -1
	reference 'd = load_file("m.safetensors"); assert (d["a"] == np.arange(6).reshape(2, 3) * 10).all() and d["b"].tolist() == [0, -1, -1, 3]'
	tensor convert --share m.safetensors:a@:,::-1 -o v.view.json
	tensor op add_ v.view.json 1
	tensor op transpose v.view.json -o t.npy && holds t.npy '[[21, 51], [11, 41], [1, 31]]' float32
	reference 'assert load_file("m.safetensors")["a"].tolist() == [[1, 11, 21], [31, 41, 51]] and safe_open("m.safetensors", "np").metadata() == {"k": "v"}'
	tensor convert --share m.safetensors -o all.dump.json
	tensor op sub_ all.dump.json:b 1
	tensor convert m.safetensors:b -o b.npy && holds b.npy '[-1, -2, -2, 2]'
	every_type
	tensor convert --share t.safetensors:f4 --as uint8 -o f4.view.json
	run -0 tensor show f4.view.json
	output_is '[0 1 0 1]'
}

@test "what the format has no place for" {
	numpy 'np.savez("c.npz", ok=np.ones(2), c=np.ones(2, "c16")); np.savez("m.npz", **{"__metadata__": np.ones(1)}); np.save("a.npy", np.ones((2, 3)))'
	echo old >x.safetensors
	run -4 --separate-stderr tensor convert c.npz -o x.safetensors
	message 'tensor convert: x.safetensors: c: safetensors has no complex128: choose a type with --dtype'
	run -2 --separate-stderr tensor convert m.npz -o x.safetensors
	message 'tensor convert: x.safetensors: no tensor can be called __metadata__: use NAME=FILE'
	run -2 --separate-stderr tensor convert a.npy a=a.npy -o x.safetensors
	message "tensor convert: two inputs are called 'a': name them, NAME=FILE"
	run -2 --separate-stderr tensor convert a.npy --order F -o x.safetensors
	message 'tensor convert: x.safetensors: safetensors has no memory order but C'
	run -4 --separate-stderr tensor convert $'\xff=a.npy' -o x.safetensors
	message 'tensor convert: x.safetensors: the name *'
	run -2 --separate-stderr tensor convert a.npy --append -o x.safetensors
	run -2 --separate-stderr tensor convert a.npy --compress -o x.safetensors
	[ "$(cat x.safetensors)" = old ]
	only c.npz m.npz a.npy x.safetensors
}

@test "no tensors, gradients and results of eval" {
	numpy 'np.savez("e.npz"); np.save("a.npy", np.arange(3.))'
	tensor convert e.npz -o e.safetensors
	reference 'assert load_file("e.safetensors") == {}'
	tensor convert e.safetensors -o f.npz
	tensor eval 'a * 2' a=a.npy -o y.safetensors
	tensor op unique a.npy -o u.safetensors
	reference 'assert (load_file("y.safetensors")["arr_0"] == [0, 2, 4]).all(), (load_file("u.safetensors"))'
	tensor create randn 3 --seed 1 --requires-grad -o w.npy --graph g.json
	tensor create randn 2 --seed 1 --requires-grad -o v.npy --graph g.json
	tensor eval '(w * w).sum() + (v * v).sum()' w=w.npy v=v.npy -o l.npy --graph g.json
	tensor grad l.npy w.npy v.npy -o grads.safetensors --graph g.json
	reference 'g = load_file("grads.safetensors"); assert sorted(len(x) for x in g.values()) == [2, 3], g'
}

@test "a checkpoint in several files is one archive" {
	reference 'import os
os.mkdir("d"); save_file({"a": np.arange(6.).reshape(2, 3), "h.0/w": np.ones(2, "f2")}, "d/m-1.safetensors", {"format": "pt"}); save_file({"b": np.arange(3), "extra": np.ones(1)}, "d/m-2.safetensors", {"format": "pt", "x": "y"})
m = {"b": "m-2.safetensors", "a": "m-1.safetensors", "h.0/w": "m-1.safetensors"}
json.dump({"metadata": {"total_size": 1.5}, "weight_map": m}, open("d/m.index.json", "w"), indent=2)
json.dump({"weight_map": m | {"extra": "m-2.safetensors"}}, open("d/all.json", "w"))'
	run -0 --separate-stderr tensor info d/m.index.json --json
	message 'tensor info: d/m.index.json: its files hold 1 tensors that "weight_map" does not name: they are left out'
	numpy 'j = json.loads(sys.argv[2]); assert j["format"] == "index" and [(m["name"], m["dtype"], m["shape"]) for m in j["members"]] == [("b", "int64", [3]), ("a", "float64", [2, 3]), ("h.0/w", "float16", [2])] and j["metadata"] == {"format": "pt", "x": "y"} and j["nbytes"] == 76, j' "$output"
	run -0 --separate-stderr tensor info d/all.json --field members
	[ -z "$stderr" ] && [ "${#lines[@]}" = 4 ]
	tensor convert -q d/m.index.json -o one.safetensors
	reference 'd = load_file("one.safetensors"); assert sorted(d) == ["a", "b", "h.0/w"] and (d["a"] == np.arange(6.).reshape(2, 3)).all() and safe_open("one.safetensors", "np").metadata() == {"format": "pt", "x": "y"}'
	tensor compare -q d/m.index.json one.safetensors --exact
	tensor op add_ -q d/m.index.json:b@1 10
	tensor convert -q --share d/m.index.json:a -o v.view.json
	tensor op mul_ v.view.json 2
	reference 'assert load_file("d/m-2.safetensors")["b"].tolist() == [0, 11, 2] and load_file("d/m-1.safetensors")["a"][1, 2] == 10'
	# Where the index is a link, the files are beside the link.
	mkdir e && mv d/all.json e/hash && ln -s ../e/hash d/link.index.json
	run -0 tensor info d/link.index.json --field size
	output_is 12
	run -2 --separate-stderr tensor convert one.safetensors -o x.index.json
	message 'tensor convert: x.index.json: a split checkpoint is only read: write one .safetensors'
}

@test "an index that leads elsewhere" {
	tensor create arange 3 -o a.npy
	tensor convert a.npy -o a.safetensors
	mkdir sub && cp a.safetensors sub && mkfifo p.safetensors
	index() { printf '%s' "$1" >i.index.json; run -3 --separate-stderr tensor info i.index.json; message "tensor info: i.index.json: $2"; }
	for f in sub/a.safetensors ../a.safetensors "$PWD/a.safetensors" i.index.json a.npy a ''; do
		index "{\"weight_map\": {\"a\": \"$f\"}}" "\"weight_map\" names '$f', which is no .safetensors or .bin file beside it"
	done
	index '{"weight_map": {"a": "p.safetensors"}}' 'its file p.safetensors is no regular file'
	index '{"weight_map": {"a": "b.safetensors"}}' 'its file b.safetensors: No such file or directory'
	index '{"weight_map": {"b": "a.safetensors"}}' "\"weight_map\" says that 'b' is in a.safetensors, which has no such tensor"
	index '{"weight_map": {"a": "a.safetensors", "a": "a.safetensors"}}' "two tensors are called 'a'"
	index '{"weight_map": {"a": 1}}' "\"weight_map\" does not say in which file 'a' is"
	index '{"weight_map": []}' '"weight_map" is missing, or no object'
	index '{"weight_map": {}} x' 'is no valid JSON: *'
	index '[]' '"weight_map" is missing, or no object'
	head -c 70 a.safetensors >c.safetensors
	index '{"weight_map": {"a": "c.safetensors"}}' 'c.safetensors: *'
	run -3 --separate-stderr tensor info - <i.index.json
	printf '{"weight_map": {}}' >e.index.json
	run -0 tensor info e.index.json --field members
}
