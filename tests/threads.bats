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
