#!/usr/bin/env bats
# What the engine keeps, and for how long.

load helper

@test "what is kept between passes is freed after its last use" {
	slow_sanitizer "it needs address space"
	tensor create randn 2000000 --seed 1 -o x.npy
	tensor eval 'sort(-sort(-x))' x=x.npy -o want.npy
	(
		# each step is 16 MB
		ulimit -v 200000
		tensor eval 'sort(-sort(-sort(-sort(-sort(-sort(-sort(-sort(-x))))))))' x=x.npy --threads 2 -o got.npy
		tensor eval 'a = sort(-x); b = sort(-a); c = sort(-b); d = sort(-c); e = sort(-d); f = sort(-e)' x=x.npy --threads 2 -o b=b.npy -o d=d.npy -o f=f.npy
	)
	for f in got b d f; do cmp want.npy "$f.npy"; done
}

@test "what several results need is there for each of them, from a stream, too" {
	tensor create randn 300,200 --seed 2 -o x.npy
	for n in 1 3; do
		tensor eval 'p = x @ x.T; s = p.sum(axis=0); q = p @ x; r = p[::-1] * s' x=x.npy --threads "$n" -o p=p.npy -o s=s.npy -o q=q.npy -o r=r.npy
		# shellcheck disable=SC2002 # a pipe is what is tested
		cat x.npy | tensor eval 'p = x @ x.T; s = p.sum(axis=0); q = p @ x; r = p[::-1] * s' x=- --threads "$n" -o r=r2.npy -o q=q2.npy -o s=s2.npy -o p=p2.npy
		for f in p q r s; do cmp $f.npy ${f}2.npy; done
	done
	numpy 'x = np.load("x.npy"); p = x @ x.T
for name, want in ("p", p), ("s", p.sum(0)), ("q", p @ x), ("r", p[::-1] * p.sum(0)): np.testing.assert_allclose(np.load(name + ".npy"), want, rtol=1e-9, atol=1e-9)'
}

@test "chains are computed in short pieces, whatever their length and types" {
	tensor create randn 1,700001 --seed 3 --dtype float32 -o a.npy
	tensor create randint 0 9 700001 --seed 4 --dtype int8 -o b.npy
	tensor eval '2*a + 3*b*exp(-a)' a=a.npy b=b.npy --threads 1 -o want.npy
	for n in 1 2 3; do
		tensor eval '2*a + 3*b*exp(-a)' a=- b=<(cat b.npy) --threads "$n" <a.npy | cmp want.npy -
	done
	# the same steps one by one, a slice, a transpose and a broadcast among them
	tensor create randn 900,900 --seed 5 -o s.npy
	tensor eval 'x.T * 2' x=s.npy -o t.npy
	tensor eval 'y - x[::-1]' x=s.npy y=t.npy -o t.npy
	tensor eval 'y + x[0]' x=s.npy y=t.npy -o t.npy
	tensor op abs t.npy | tensor op sqrt - -o want.npy
	for n in 1 3; do tensor eval 'sqrt(abs(x.T * 2 - x[::-1] + x[0]))' x=s.npy --threads "$n" | cmp want.npy -; done
}

@test "TENSOR_CPU names a level" {
	for v in v2 v3 v4 ''; do TENSOR_CPU=$v tensor create arange 3 -o a.npy; done
	TENSOR_CPU=v9 run -2 --separate-stderr tensor create arange 3 -o a.npy
	message "tensor create: TENSOR_CPU 'v9' is unknown: this build has v2, v3 and v4"
}
