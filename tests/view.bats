#!/usr/bin/env bats
# Views: a file that says where an array lies in another one.  What is changed through it changes that file.

load helper

# The same array through the view and from NumPy's expression of a, which is a.npy.
view_holds() {
	tensor convert "$1" -o seen.npy
	numpy 'a = np.load("a.npy"); w = np.asarray(eval(sys.argv[2])); x = np.load("seen.npy")
assert x.dtype == w.dtype.newbyteorder("=") and x.shape == w.shape and (x == w).all(), (x, w)' "$2"
	rm seen.npy
}

@test "what is changed through a view changes the file, and the other way round" {
	numpy 'np.save("a.npy", np.arange(12.).reshape(3, 4))'
	tensor convert --share a.npy -o v.view.json
	tensor convert a.npy -o copy.npy
	tensor op copy_ v.view.json@0,0 99
	holds a.npy '[[99, 1, 2, 3.], [4, 5, 6, 7], [8, 9, 10, 11]]'
	tensor op fill_ a.npy@2 -1
	view_holds v.view.json a
	holds copy.npy 'np.arange(12.).reshape(3, 4)'
	tensor op add_ v.view.json v.view.json@::-1
	holds a.npy '[[98, 0, 1, 2], [8, 10, 12, 14], [98, 0, 1, 2.]]'
	only a.npy copy.npy v.view.json
	# Views of one file that overlap, as source and target.
	numpy 'np.save("a.npy", np.arange(10))'
	tensor convert --share a.npy@5:0:-1 -o back.view.json
	tensor convert --share a.npy@3:8 -o v.view.json
	tensor op copy_ v.view.json back.view.json
	holds a.npy '[0, 1, 2, 5, 4, 3, 2, 1, 8, 9]'
	# In a pipeline of one process.
	tensor run 'op slice a.npy 2:8 | op reshape - 2,3 | op transpose - --view -o t.view.json'
	view_holds t.view.json 'a[2:8].reshape(2, 3).T'
	run -0 tensor eval 'x.sum() + y' x=t.view.json y=v.view.json@0
	output_is "$(tensor eval 'x.sum() + y' x=a.npy@2:8 y=a.npy@3)"
}

@test "the JSON of a view" {
	numpy 'np.save("a.npy", np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)))'
	tensor convert --share a.npy@1,::-1 -o v.view.json
	numpy 'v = json.load(open("v.view.json"))
assert v == {"view": 1, "file": "a.npy", "offset": 128 + 10, "dtype": "int16", "byteorder": "big", "shape": [3], "strides": [-4]}, v'
	view_holds v.view.json 'a[1, ::-1]'
	tensor op mul_ v.view.json 10
	numpy 'x = np.load("a.npy"); assert x.dtype == ">i2" and np.isfortran(x) and (x == [[0, 1, 2], [30, 40, 50]]).all(), x'
	run -0 tensor info v.view.json
	output_is 'v.view.json
  format     view
  dtype      int16
  shape      (3,)
  order      C
  byteorder  big
  nbytes     6
  view of    a.npy, offset 138, strides (-4,)'
	run -0 tensor info v.view.json --json
	numpy 'i = json.loads(sys.argv[2]); assert i["format"] == "view" and i["shape"] == [3] and i["byteorder"] == "big" and i["nbytes"] == 6, i' "$output"
}

@test "op --view of all that only rearranges" {
	numpy 'np.save("a.npy", np.arange(24, dtype="f4").reshape(2, 3, 4))'
	while IFS='|' read -r words numpy; do
		eval "tensor op $words --view -o v.view.json"
		view_holds v.view.json "$numpy" || { echo "$words"; return 1; }
	done <<-'END'
		transpose a.npy|a.T
		permute a.npy 2,0,1|a.transpose(2, 0, 1)
		swapaxes a.npy 0,2|a.swapaxes(0, 2)
		slice a.npy 0:2,::-1,1|a[0:2, ::-1, 1]
		reshape a.npy 4,-1|a.reshape(4, -1)
		flatten a.npy|a.ravel()
		unsqueeze a.npy 1|a[:, None]
		squeeze a.npy@:1|a[0]
		flip a.npy 0|a[::-1]
		moveaxis a.npy 0 2|np.moveaxis(a, 0, 2)
		diagonal a.npy@0|np.diagonal(a[0])
		broadcast_to a.npy@0,0 3,4|np.broadcast_to(a[0, 0], (3, 4))
		transpose a.npy@1:,2|a[1:, 2].T
		slice a.npy 2:|a[2:]
		slice a.npy 1,2,3|a[1, 2, 3]
	END
	size=$(stat -c %s v.view.json)
	[ "$size" -lt 200 ]
	tensor op split a.npy 2 --view -o 'part{}.view.json'
	view_holds part1.view.json 'a[1:]'
	tensor op unbind a.npy 0 --view -o all.dump.json
	tensor op add_ all.dump.json:1 1
	view_holds all.dump.json:1 'a[1]'
}

@test "a view of a view is one of the last file, from any directory, through any link" {
	mkdir -p x/y z
	numpy 'np.save("a.npy", np.arange(12).reshape(3, 4))'
	tensor op transpose a.npy --view -o x/t.view.json
	tensor op slice x/t.view.json 1:3 --view -o x/y/s.view.json
	numpy 'v = json.load(open("x/y/s.view.json")); assert v["file"] == "../../a.npy" and v["shape"] == [2, 3] and v["strides"] == [8, 32] and v["offset"] == 136, v'
	rm x/t.view.json
	view_holds x/y/s.view.json 'a.T[1:3]'
	(cd x/y && tensor op add_ s.view.json 1)
	holds a.npy '[[0, 2, 3, 3], [4, 6, 7, 7], [8, 10, 11, 11]]'
	ln -s ../x/y/s.view.json z/link.view.json
	view_holds z/link.view.json 'a.T[1:3]'
	# Both move together.
	mkdir new && mv a.npy x new/
	tensor op copy_ new/x/y/s.view.json 0
	holds new/a.npy '[[0, 0, 0, 3], [4, 0, 0, 7], [8, 0, 0, 11]]'
	# Through a link to the file, too, and by another name of it.
	ln -s new/a.npy soft.npy && ln new/a.npy hard.npy
	tensor convert --share soft.npy -o soft.view.json
	tensor op fill_ soft.view.json 5
	holds hard.npy 'np.full((3, 4), 5)'
	[ -L soft.npy ]
}

@test "a pitched dump, used and changed where it is" {
	numpy 'x = np.zeros((3, 32), "u1"); x[:, :12] = np.arange(9, dtype="f4").reshape(3, 3).view("u1"); x[:, 12:] = 0xee; open("dump.bin", "wb").write(b"\1" * 10 + x.tobytes())'
	tensor convert dump.bin --from raw --dtype float32 --shape -1,3 --pitch 32 --offset 10 --share -o v.view.json
	tensor op mul_ v.view.json 2
	tensor convert v.view.json -o a.npy
	holds a.npy 'np.arange(9).reshape(3, 3) * 2' float32
	numpy 'b = open("dump.bin", "rb").read(); assert len(b) == 106 and b[:10] == b"\1" * 10 and b[22:42] == b"\xee" * 20, b'
	numpy 'v = json.load(open("v.view.json")); assert v["offset"] == 10 and v["strides"] == [32, 4], v'
	tensor convert dump.bin --from raw --dtype '>f4' --offset 90 --shape -1 --share -o big.view.json
	numpy 'assert json.load(open("big.view.json"))["byteorder"] == "big"'
}

@test "a member of a stored archive, whose checksum follows" {
	numpy 'np.savez("z.npz", a=np.arange(6.), b=np.ones((2, 2), "i4"))'
	tensor convert z.npz:a --share -o a.view.json
	tensor op add_ a.view.json 1
	tensor op mul_ z.npz:b@0 7
	numpy 'z = np.load("z.npz"); assert (z["a"] == np.arange(6) + 1).all() and (z["b"] == [[7, 7], [1, 1]]).all()
import zipfile; assert zipfile.ZipFile("z.npz").testzip() is None'
	tensor show z.npz:a
	# With a data descriptor behind each member.
	tensor convert a=z.npz:a b=z.npz:b --to npz | cat >p.npz
	tensor op add_ p.npz:b 1
	numpy 'z = np.load("p.npz"); assert (z["b"] == [[8, 8], [2, 2]]).all()'
	unzip -tq p.npz 2>/dev/null || "$PYTHON" -m zipfile -t p.npz
	# What is corrupt does not become valid.
	numpy 'b = bytearray(open("z.npz", "rb").read()); b[b.index(b"\x93NUMPY") + 130] ^= 1; open("z.npz", "wb").write(b)'
	cp z.npz keep.npz
	run -3 --separate-stderr tensor op add_ z.npz:a 1
	message 'tensor op: z.npz: a.npy: is corrupt: its CRC *'
	cmp z.npz keep.npz
}

@test "many tensors in one dump, described by a JSON" {
	numpy 'a = np.arange(6, dtype="<f4"); b = np.arange(4, dtype=">i2"); open("gpu.bin", "wb").write(b"\0" * 16 + a.tobytes() + b.tobytes())'
	cat >gpu.dump.json <<-END
		{"file": "gpu.bin", "tensors": [
		  {"name": "layer/w", "offset": 16, "dtype": "float32", "shape": [2, 3]},
		  {"name": "t", "offset": 16, "dtype": "float32", "shape": [3, 2], "strides": [4, 12]},
		  {"name": "b", "offset": 40, "dtype": "int16", "byteorder": "big", "shape": [2, 2]}]}
	END
	run -0 tensor info gpu.dump.json --field members
	output_is "layer/w
t
b"
	tensor convert gpu.dump.json -o all.npz
	numpy 'z = np.load("all.npz"); assert (z["layer/w"] == np.arange(6).reshape(2, 3)).all() and (z["t"] == np.arange(6).reshape(2, 3).T).all() and (z["b"] == np.arange(4).reshape(2, 2)).all()'
	tensor op add_ gpu.dump.json:b 1
	numpy 'assert (np.frombuffer(open("gpu.bin", "rb").read()[40:], ">i2") == np.arange(4) + 1).all()'
	run -3 --separate-stderr tensor show gpu.dump.json
	message 'tensor show: gpu.dump.json: has several members*layer/w*'
	tensor convert --share all.npz -o all.dump.json
	tensor compare all.dump.json:t gpu.dump.json:t --exact
	# Several files, each opened once.
	numpy 'json.dump({"tensors": [{"name": "t%d" % i, "file": "gpu.bin", "offset": i % 30, "dtype": "u1", "shape": [1]} for i in range(3000)]}, open("many.dump.json", "w"))'
	tensor op add many.dump.json:t2999 0 -o one.npy
	tensor create arange 3 -o r.npy
	tensor convert --share w=all.npz:layer/w r.npy -o two.dump.json
	numpy 'v = json.load(open("two.dump.json")); assert "file" not in v and [(t["name"], t["file"]) for t in v["tensors"]] == [("w", "all.npz"), ("r", "r.npy")], v'
	tensor compare two.dump.json:r r.npy --exact
	# The name decides nothing: its content does.
	mv gpu.dump.json g.json
	tensor compare g.json:t all.npz:t --exact
}

@test "results that are no views, and inputs that have none" {
	tensor create arange 12 | tensor op reshape - 3,4 -o a.npy
	run -4 --separate-stderr tensor op exp a.npy --view -o v.view.json
	message 'tensor op: exp makes new elements; --view needs *'
	tensor op transpose a.npy --view -o t.view.json
	run -4 --separate-stderr tensor op reshape t.view.json 12 --view -o v.view.json
	message "tensor op: *view size is not compatible with input tensor's size and stride *"
	cp a.npy $'bad\xff.npy'
	run -3 --separate-stderr tensor convert $'bad\xff.npy' --share -o v.view.json
	message 'tensor convert: *its name is not UTF-8*'
	rm $'bad\xff.npy'
	cp a.npy $'a "quoted"\n\tname é.npy'
	tensor convert $'a "quoted"\n\tname é.npy' --share -o q.view.json
	tensor compare q.view.json a.npy --exact
	rm $'a "quoted"\n\tname é.npy' q.view.json
	run -4 --separate-stderr tensor op expand 5 3 --view -o v.view.json
	run -4 --separate-stderr tensor op roll a.npy 1 --view -o v.view.json
	run -4 --separate-stderr tensor op cat a.npy a.npy --view -o v.view.json
	tensor convert a.npy -o a.csv
	run -3 --separate-stderr tensor convert a.csv --share -o v.view.json
	message 'tensor convert: a.csv: the bytes of format csv are not the elements*'
	tensor convert a.npy -o z.npz --compress
	run -3 --separate-stderr tensor convert z.npz:a --share -o v.view.json
	message 'tensor convert: z.npz:a: is compressed, *'
	run -3 --separate-stderr bash -c 'cat a.npy | tensor convert - --share -o v.view.json'
	message 'tensor convert: standard input: is a stream, *'
	run -3 --separate-stderr bash -c 'tensor convert - --share -o v.view.json <a.npy'
	run -3 --separate-stderr bash -c 'tensor op transpose <(cat a.npy) --view -o v.view.json'
	run -2 --separate-stderr tensor convert a.npy --share -o v.npy
	message 'tensor convert: v.npy: a view is a file whose name ends in .view.json, *'
	run -2 --separate-stderr tensor convert a.npy --share
	run -2 --separate-stderr tensor convert a.npy t=a.npy --share -o v.view.json
	run -2 --separate-stderr tensor convert a.npy --share --dtype float32 -o v.view.json
	run -2 --separate-stderr tensor convert a.npy -o v.view.json
	message 'tensor convert: v.view.json: a view shares the elements of a file: use *'
	run -2 --separate-stderr tensor op add_ a.npy 1 --view -o v.view.json
	only a.npy a.csv t.view.json z.npz
}

@test "in place through elements that overlap is refused in PyTorch's words" {
	tensor create arange 4 -o a.npy
	cp a.npy keep.npy
	tensor op broadcast_to a.npy 3,4 --view -o b.view.json
	echo '{"file": "a.npy", "offset": 128, "dtype": "int64", "shape": [3, 2], "strides": [8, 8]}' >o.view.json
	echo '{"file": "a.npy", "offset": 128, "dtype": "int64", "shape": [3], "strides": [4]}' >h.view.json
	for v in b o h; do
		run -4 --separate-stderr tensor op add_ $v.view.json 1
		message "tensor op: $v.view.json: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation."
	done
	tensor op add b.view.json 1 -o c.npy
	holds c.npy '[[1, 2, 3, 4]] * 3'
	view_holds o.view.json 'np.array([[0, 1], [1, 2], [2, 3]])'
	cmp a.npy keep.npy
}

@test "a view never leaves its file" {
	tensor create arange 4 --dtype int32 -o a.npy # 128 + 16 bytes
	: >empty
	mkfifo pipe
	while IFS='|' read -r json pattern; do
		echo "$json" >v.view.json
		run -3 --separate-stderr timeout 10 tensor show v.view.json
		message "tensor show: v.view.json: $pattern" || { echo "$json"; return 1; }
	done <<-'END'
		{"file": "a.npy", "offset": 132, "dtype": "i4", "shape": [4]}|shape (4,) of int32 takes up bytes 132 to 148 of a.npy, which has 144 bytes
		{"file": "a.npy", "offset": 128, "dtype": "i4", "shape": [4], "strides": [8]}|shape (4,) * bytes 128 to 156 of *
		{"file": "a.npy", "offset": 8, "dtype": "i4", "shape": [4], "strides": [-4]}|shape (4,) of int32 takes up bytes -4 to 12 *
		{"file": "a.npy", "offset": 145, "dtype": "i4", "shape": [0]}|shape (0,) * bytes 145 to 145 *
		{"file": "a.npy", "offset": -1, "dtype": "i1", "shape": [4]}|"offset" is not a number of bytes
		{"file": "a.npy", "offset": 1e30, "dtype": "i1", "shape": [4]}|"offset" is not a number of bytes
		{"file": "a.npy", "offset": 0.5, "dtype": "i1", "shape": [4]}|"offset" is not a number of bytes
		{"file": "a.npy", "dtype": "i1", "shape": [-4]}|"shape" has the negative dimension -4
		{"file": "a.npy", "dtype": "i4", "shape": [4611686018427387904]}|the size of the shape does not fit in 64 bits
		{"file": "a.npy", "dtype": "i4", "shape": [4294967296, 4294967296]}|the size of the shape does not fit in 64 bits
		{"file": "a.npy", "dtype": "i1", "shape": [3, 3], "strides": [4611686018427387904, 4611686018427387904]}|*does not fit in 64 bits
		{"file": "a.npy", "dtype": "i1", "shape": [3], "strides": [-9223372036854775808]}|*
		{"file": "a.npy", "dtype": "i1", "shape": [3], "strides": [1, 1]}|there are 2 strides and 1 dimensions
		{"file": "a.npy", "dtype": "i1", "shape": 3}|"shape" is not a list of integers
		{"file": "a.npy", "dtype": "i1", "shape": ["3"]}|"shape" is not a list of integers
		{"file": "a.npy", "dtype": "i1"}|"shape" is missing
		{"file": "a.npy", "shape": [1]}|"dtype" is missing, or no string
		{"file": "a.npy", "dtype": "object", "shape": [1]}|unknown dtype 'object'*
		{"file": "a.npy", "dtype": "i1", "byteorder": "middle", "shape": [1]}|"byteorder" is neither*
		{"dtype": "i1", "shape": [1]}|"file" is missing, or no string
		{"file": "nosuch", "dtype": "i1", "shape": [1]}|its file nosuch: No such file or directory
		{"file": "", "dtype": "i1", "shape": [1]}|"file" is not the name of a file
		{"file": "pipe", "dtype": "i1", "shape": [1]}|its file pipe is no regular file
		{"file": "/dev/zero", "dtype": "i1", "shape": [1]}|its file /dev/zero is no regular file
		{"file": ".", "dtype": "i1", "shape": [1]}|its file . is no regular file
		{"file": "empty", "dtype": "i1", "shape": [1]}|* bytes 0 to 1 of empty, which has 0 bytes
		{"file": "a.npy", "dtype": "i1", "shape": [1], "stride": [2]}|the key "stride" means nothing in a view
		{"file": "a.npy", "dtype": "i1", "shape": [1], "dtype": "i2"}|the key "dtype" is there twice
		{"view": 2, "file": "a.npy", "dtype": "i1", "shape": [1]}|is a view of another version than 1
		{"file": "a.npy", "tensors": [{"name": "a", "dtype": "i1", "shape": [200]}]}|a: shape (200,) of int8 takes up bytes 0 to 200 of a.npy, which has 144 bytes
		{"file": "a.npy", "tensors": [{"name": "a", "dtype": "i1", "shape": []}, {"name": "a", "dtype": "i1", "shape": []}]}|two tensors are called 'a'
		{"file": "a.npy", "tensors": [{"dtype": "i1", "shape": []}]}|"tensors" is not a list of objects that have a "name"
		{"tensors": [{"name": "a", "dtype": "i1", "shape": []}]}|a: "file" is missing
		[1, 2]|is no JSON object
	END
	# A file that was cut off after the view was made.
	tensor convert --share a.npy -o v.view.json
	truncate -s 140 a.npy
	run -3 --separate-stderr tensor op add_ v.view.json 1
	message 'tensor op: v.view.json: *128 to 144 of a.npy, which has 140 bytes'
	echo '{"file": "empty", "dtype": "i1", "shape": [0, 5]}' >v.view.json
	run -0 tensor show v.view.json
	output_is '[]'
}

@test "a deep JSON is refused, a view on a pipe has no directory" {
	numpy 'open("v.view.json", "w").write("{\"file\": " + "[" * 300000)'
	run -3 --separate-stderr tensor show v.view.json
	tensor create arange 4 -o a.npy
	tensor convert --share a.npy -o v.view.json
	run -3 --separate-stderr bash -c 'cat v.view.json | tensor show -'
	message 'tensor show: standard input: a view on standard input is in no directory*'
	sed -i "s|a.npy|$PWD/a.npy|" v.view.json
	run -0 bash -c 'cat v.view.json | tensor show -'
	output_is '[0 1 2 3]'
}
