#!/usr/bin/env bats
# What threads share: streams, tiles written in turn, scans, sorts, reductions, products, packed members.  "make tsan" runs these.

load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
	tensor create randn 300,400 --seed 5 --dtype float32 -o a.npy
	tensor create randn 400,300 --seed 6 -o b.npy
}

# same WORDS...: the same bytes with one thread and with several, and no race that a sanitizer sees
same() {
	tensor "$@" --threads 1 >want.npy
	for n in 2 3 8; do
		tensor "$@" --threads "$n" >got.npy
		cmp want.npy got.npy || { echo "$n threads: $*"; return 1; }
		TENSOR_TILE=4096 tensor "$@" --threads "$n" >got.npy
		cmp want.npy got.npy || { echo "$n threads, small tiles: $*"; return 1; }
	done
}

@test "passes over files" {
	same op exp a.npy
	same op sin a.npy
	same op add a.npy a.npy@0
	same op transpose a.npy
	same eval 'exp(-x / 2) * where(x > 0, x, 0) + x' x=a.npy
	same create randn 200000 --seed 3
	same op concat a.npy a.npy --axis 1
}

# transposes of files are read in strips of a few rows: of 64 bytes a column, where TENSOR_TILE asks for small pieces
@test "transposes of files, in strips" {
	numpy '
R = np.random.default_rng(3)
for i, t in enumerate("|b1 |i1 <f2 >i2 <f4 >f4 <i8 >f8 <c8 >c16".split()):
    for j, s in enumerate(((65, 256), (130, 257), (1, 300), (64, 259))):
        a = R.integers(-99, 99, s).astype(t)
        np.save(f"c{i}{j}.npy", a)
        np.save(f"f{i}{j}.npy", np.asfortranarray(a))
        np.save(f"want{i}{j}.npy", np.ascontiguousarray(a.T).astype(a.dtype.newbyteorder("<")))
        np.save(f"sub{i}{j}.npy", np.ascontiguousarray(a[::-2, 3:].T).astype(a.dtype.newbyteorder("<")))'
	for want in want*.npy; do
		x=${want#want}
		for n in 1 3; do
			TENSOR_TILE=192 tensor op transpose "c$x" --threads "$n" -o got.npy && cmp got.npy "$want"
			TENSOR_TILE=4096 tensor op transpose "c$x" --threads "$n" | cmp - "$want"
			TENSOR_TILE=192 tensor op transpose "c$x@::-2,3:" --threads "$n" | cmp - "sub$x"
			tensor op clone "f$x" --threads "$n" | TENSOR_TILE=192 tensor op transpose - --threads "$n" | cmp - "$want"
			TENSOR_TILE=64 tensor op clone "f$x" --threads "$n" -o got.npy && tensor compare --exact got.npy "c$x" >said
		done
	done
	TENSOR_TILE=4096 same op transpose b.npy
	TENSOR_TILE=4096 same eval 'a.T * 2 + b.reshape(300, 400).T.reshape(400, 300)' a=a.npy b=b.npy
	TENSOR_TILE=4096 same eval 'where(a.T > 0, b, a.T) + b.sum()' a=a.npy b=b.npy
	TENSOR_TILE=4096 same eval 'sort(a.T, axis=0) - a.T.cumsum(axis=1) + a.T' a=a.npy
	# an element that is written was read before, whatever the strip that it is in
	cp f43.npy p.npy
	TENSOR_TILE=64 tensor op add_ p.npy 1 --threads 3
	tensor op add f43.npy 1 | cmp - <(tensor op clone p.npy)
	tensor create arange 14400 -o s.npy
	tensor op reshape s.npy 120,120 -o q.npy && tensor eval 'q + q.T' q=q.npy -o want.npy
	TENSOR_TILE=64 tensor op add_ q.npy q.npy@:,: --threads 2 && tensor op reshape s.npy 120,120 -o q.npy
	tensor op transpose q.npy --view -o t.view.json
	TENSOR_TILE=64 tensor op add_ q.npy t.view.json --threads 3 && cmp q.npy want.npy
}

@test "reductions, scans and sorts" {
	for axis in none 0 1; do
		for name in sum var argmax norm logsumexp median; do
			same reduce "$name" a.npy --axis "$axis"
		done
		same op cumsum a.npy --axis "$axis"
		same op cummax a.npy --axis "$axis"
		same op sort a.npy --axis "$axis"
		same op argsort b.npy --axis "$axis"
	done
	same op unique a.npy
	same op topk b.npy 5
}

@test "products" {
	same matmul a.npy b.npy
	same matmul b.npy@:,:50 b.npy@:50
	tensor convert b.npy --dtype int64 -o i.npy
	same matmul i.npy i.npy@:300,:
	tensor op reshape b.npy 12,100,100 -o c.npy
	same matmul c.npy c.npy
	same op einsum c.npy c.npy --equation 'bij,bkj->bik'
}

@test "streams" {
	tensor op exp a.npy -o e.npy && tensor op tanh e.npy -o want.npy
	for n in 2 3 8; do
		cat a.npy | TENSOR_TILE=4096 tensor op exp - --threads "$n" | TENSOR_TILE=192 tensor op tanh - --threads "$n" | cmp want.npy -
		cat a.npy | TENSOR_TILE=4096 tensor eval 'tanh(exp(x)) + x - x' x=- --threads "$n" >got.npy
		cat a.npy | TENSOR_TILE=4096 tensor reduce sum - --threads "$n" | cmp - <(tensor reduce sum a.npy)
		cat a.npy | TENSOR_TILE=4096 tensor op cumsum - --threads "$n" | cmp - <(tensor op cumsum a.npy --threads 1)
		TENSOR_TILE=4096 tensor create ones 3000000 --threads "$n" | TENSOR_TILE=4096 tensor op exp - --threads "$n" | head -c 100000 >/dev/null || true
	done
}

@test "in place, archives, and text" {
	cp b.npy c.npy
	TENSOR_TILE=4096 tensor op mul_ c.npy@:,::2 2 --threads 3
	tensor eval 'x[:, ::2] * 2' x=b.npy -o want.npy
	tensor op clone c.npy@:,::2 | cmp want.npy -
	tensor convert x=a.npy y=b.npy -o w.npz --compress --threads 3
	tensor op exp w.npz:y --threads 3 | cmp - <(tensor op exp b.npy --threads 1)
	tensor convert b.npy -o b.csv --threads 3
	tensor convert b.csv --threads 3 | cmp - b.npy
	run -4 --separate-stderr bash -c 'tensor op pow <(tensor convert b.npy --dtype int64) -1 --threads 3'
}
