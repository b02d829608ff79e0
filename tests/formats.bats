#!/usr/bin/env bats
# convert and info: raw dumps, csv and text, json, archives.  (Bytes of npy and npz: test_npy.py.)

load helper

@test "raw: all of it, an offset, a byte order, Fortran order" {
	numpy 'np.arange(12, dtype="<f4").tofile("a.raw")
np.arange(12, dtype=">f4").tofile("big.raw")
open("off.raw", "wb").write(b"junk!" + np.arange(12, dtype="<f4").tobytes())'
	tensor convert a.raw --from raw --dtype float32 --shape 3,4 -o a.npy && holds a.npy 'np.arange(12).reshape(3, 4)' float32
	tensor convert a.raw --dtype float32 --shape 3,-1 -o a.npy && holds a.npy 'np.arange(12).reshape(3, 4)' float32
	tensor convert a.raw --from raw --dtype float32 --shape 3,4 --order F -o b.npy && numpy 'assert (np.load("b.npy") == np.arange(12).reshape(4, 3).T).all()'
	tensor convert big.raw --from raw --dtype float32 --shape 3,4 --byteorder big -o b.npy && tensor compare a.npy b.npy --exact
	tensor convert off.raw --from raw --dtype float32 --shape 3,4 --offset 5 -o b.npy && tensor compare a.npy b.npy --exact
	cat a.raw | tensor convert - --from raw --dtype float32 --shape 3,4 -o b.npy && tensor compare a.npy b.npy --exact
}

@test "raw: pitches, the last row unpadded" {
	numpy 'x = np.arange(24, dtype="<i2").reshape(2, 3, 4)
p = np.zeros((2, 3, 8), "<i2"); p[:, :, :4] = x; p.tofile("p.raw")
open("last.raw", "wb").write(p.tobytes()[:-8])
s = np.zeros((2, 5, 8), "<i2"); s[:, :3, :4] = x; s.tofile("s.raw")
np.save("x.npy", x)'
	tensor convert p.raw --from raw --dtype int16 --shape 2,3,4 --pitch 16 -o b.npy && tensor compare x.npy b.npy --exact
	tensor convert last.raw --from raw --dtype int16 --shape 2,3,4 --pitch 16 -o b.npy && tensor compare x.npy b.npy --exact
	tensor convert s.raw --from raw --dtype int16 --shape 2,3,4 --pitch 16 --slice-pitch 80 -o b.npy && tensor compare x.npy b.npy --exact
	run -3 --separate-stderr tensor convert p.raw --from raw --dtype int16 --shape 2,4,4 --pitch 16 -o b.npy
	run --separate-stderr tensor convert p.raw --from raw --dtype int16 --shape 2,3,4 --pitch 6 -o b.npy
	[[ $status = [234] ]]
	run -2 --separate-stderr tensor convert p.raw --from raw --dtype int16 --shape 2,3,4x -o b.npy
	run -2 --separate-stderr tensor convert p.raw --from raw --dtype int16 --shape 2,3,4 --pitch 16k -o b.npy
	run -2 --separate-stderr tensor convert p.raw --from raw --shape 2,3,4 -o b.npy
}

@test "raw: written, read back" {
	tensor create rand 3,5 --seed 1 --dtype float32 -o a.npy
	tensor convert a.npy -o a.raw
	[ "$(stat -c %s a.raw)" = 60 ]
	tensor convert a.npy --to raw --byteorder big -o b.raw
	numpy 'assert (np.fromfile("b.raw", ">f4") == np.load("a.npy").ravel()).all()'
	tensor convert a.npy --to raw --pitch 64 -o p.raw
	tensor convert p.raw --from raw --dtype float32 --shape 3,5 --pitch 64 -o b.npy && tensor compare a.npy b.npy --exact
	tensor convert a.npy --to raw --order F -o f.raw
	numpy 'assert (np.fromfile("f.raw", "<f4").reshape(5, 3).T == np.load("a.npy")).all()'
}

@test "csv: a header row, separators, ragged lines" {
	printf 'a,b,c\n1,2,3\n4,5.5,-6e2\n' >a.csv
	tensor convert a.csv -o a.npy && holds a.npy '[[1, 2, 3], [4, 5.5, -600]]'
	printf '1\t2\n3\t4\n' >a.tsv
	tensor convert a.tsv -o a.npy && holds a.npy '[[1, 2], [3, 4]]'
	printf '# made by hand\n1 2   3\n4 5 6\n' >a.txt
	tensor convert a.txt -o a.npy && holds a.npy '[[1, 2, 3], [4, 5, 6]]'
	printf '1;2\r\n3;nan\r\n' >s.csv
	tensor convert s.csv -o a.npy && holds a.npy '[[1, 2], [3, nan]]'
	printf '1,2\n3\n' >r.csv
	run -3 --separate-stderr tensor convert r.csv -o b.npy
	message 'tensor convert: r.csv: *line 2*'
	printf '1,2\n3,x\n' >x.csv
	run -3 --separate-stderr tensor convert x.csv -o b.npy
	message 'tensor convert: x.csv: *2*x*'
	[ ! -e b.npy ]
}

@test "csv and json there and back" {
	tensor create randn 4,3 --seed 2 -o a.npy
	for f in csv tsv json txt; do
		tensor convert a.npy -o "a.$f"
		tensor convert "a.$f" -o b.npy
		tensor compare a.npy b.npy --exact
	done
	numpy 'assert (np.loadtxt("a.csv", delimiter=",") == np.load("a.npy")).all(); assert (np.array(json.load(open("a.json"))) == np.load("a.npy")).all()'
	tensor create array '[[1,2],[3,4]]' -o i.npy
	run --separate-stderr tensor show i.npy --format csv
	output_is '1,2
3,4'
	run --separate-stderr tensor show i.npy --format json
	numpy 'assert json.loads(sys.argv[2]) == [[1, 2], [3, 4]]' "$output"
}

@test "dtypes and orders" {
	tensor create array '[[0.5,1.5],[-2.5,300]]' -o a.npy
	tensor convert a.npy --dtype int8 -o b.npy && numpy 'assert np.load("b.npy").dtype == np.int8 and np.load("b.npy")[1, 0] == -2'
	tensor convert a.npy --dtype bfloat16 -o h.npy && tensor convert h.npy --dtype float64 -o b.npy && tensor compare a.npy b.npy --rtol 0.01
	tensor convert a.npy --order F -o f.npy
	run --separate-stderr tensor info f.npy --field order
	output_is F
	tensor convert f.npy -o c.npy --order C && cmp c.npy a.npy
	run -4 --separate-stderr tensor convert a.npy --dtype int8 --casting safe -o b.npy
}

@test "archives: packing, naming, taking out" {
	tensor create zeros 2 -o m.npy
	tensor create ones 3 -o l.npy
	tensor convert m.npy l.npy -o z.npz
	numpy 'z = np.load("z.npz"); assert z.files == ["m", "l"] and z["l"].sum() == 3'
	tensor convert w=m.npy b=l.npy -o z.npz --compress
	numpy 'z = np.load("z.npz"); assert z.files == ["w", "b"]'
	tensor op neg z.npz:b -o x.npy && holds x.npy '[-1., -1, -1]'
	tensor convert z.npz:w -o x.npy && holds x.npy '[0., 0]'
	tensor convert m.npy -o one.npz
	tensor op add one.npz 1 -o x.npy && holds x.npy '[1., 1]'
	run -3 --separate-stderr tensor op neg z.npz
	message 'tensor op: z.npz*w*b*'
	run -3 --separate-stderr tensor op neg z.npz:nosuch
	message 'tensor op: z.npz*nosuch*'
	run -2 --separate-stderr tensor convert a=m.npy a=l.npy -o z.npz
}

@test "an archive on a stream" {
	tensor create arange 3 -o a.npy
	tensor convert a.npy -o a.npz
	cat a.npz | tensor op add - 1 -o b.npy || tensor convert - -o b.npy <a.npz
	holds b.npy '[1, 2, 3]' || holds b.npy '[0, 1, 2]'
}

@test "info" {
	tensor create zeros 3,4 --dtype float32 -o a.npy
	run --separate-stderr tensor info a.npy
	[[ "$output" == *a.npy* && "$output" == *float32* && "$output" == *'(3, 4)'* ]]
	run --separate-stderr tensor info a.npy --json
	numpy 'j = json.loads(sys.argv[2]); assert (j["format"], j["dtype"], j["shape"], j["order"], j["byteorder"], j["nbytes"]) == ("npy", "float32", [3, 4], "C", "little", 48), j' "$output"
	run --separate-stderr tensor info a.npy --field shape
	output_is '3,4' || output_is '(3, 4)'
	tensor create zeros 2 -o b.npy
	tensor convert a.npy b.npy -o z.npz
	run --separate-stderr tensor info z.npz --json
	numpy 'j = json.loads(sys.argv[2]); assert [m["name"] for m in j["members"]] == ["a", "b"] and j["members"][0]["shape"] == [3, 4], j' "$output"
	run --separate-stderr tensor info a.npy b.npy
	[[ "$output" == *a.npy*b.npy* ]]
	tensor create array '[1,nan,inf,0,-2]' -o s.npy
	run --separate-stderr tensor info s.npy --stats
	[[ "$output" == *nan* && "$output" == *1* ]]
	numpy 'np.save("u.npy", np.array(["ab"]))'
	run --separate-stderr tensor info u.npy
	[[ "$output" == *U2* ]]
}
