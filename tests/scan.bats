#!/usr/bin/env bats
# Scans as passes: in constant memory, fused and in pipes, with the same bits however they are cut.  test_sort.py has their values.
# shellcheck disable=SC2002 # a pipe is what is tested

load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
	tensor create randn 700,1003 --seed 1 --dtype float32 -o a.npy
	tensor create randn 900001 --seed 2 -o b.npy
	tensor create randn 30011,3 --seed 3 -o c.npy
}

# The same bytes from EXPR over files, over streams, with any number of threads; want.npy is what one thread made.
same_bits() {
	local n
	tensor eval "$1" "$2=$3" --threads 1 -o want.npy
	for n in 2 3 8; do
		tensor eval "$1" "$2=$3" --threads "$n" | cmp want.npy -
		cat "$3" | tensor eval "$1" "$2=-" --threads "$n" -o got.npy
		cmp want.npy got.npy
	done
}

@test "threads, files and streams" {
	for f in cumsum cumprod cummax cummin logcumsumexp; do
		same_bits "$f(b)" b b.npy
		for axis in 0 1; do
			same_bits "$f(a, axis=$axis)" a a.npy
			same_bits "$f(c, axis=$axis)" c c.npy
		done
	done
}

@test "fused with what stands around them, as step by step" {
	same_bits 'exp(cumsum(cumsum(b * 2) - 1) / 1e6) + cumsum(b * 2)' b b.npy
	tensor op mul b.npy 2 -o d.npy
	tensor op cumsum d.npy -o d.npy
	tensor op sub d.npy 1 | tensor op cumsum - | tensor op div - 1e6 | tensor op exp - | tensor op add - d.npy | cmp want.npy -
	same_bits 'cumsum(a, axis=1) * 2 + cumsum(a, axis=0)' a a.npy
}

@test "read in another order, they are computed before" {
	same_bits 's = cumsum(b); concat(s, b, s)' b b.npy
	same_bits 's = cumsum(b); s[::-1] + s' b b.npy
	same_bits 's = cumsum(b); s / s.sum()' b b.npy
	same_bits 'cumsum(exp(b)).max()' b b.npy
	same_bits 'cumsum(a, axis=0).sum(axis=1)' a a.npy
	numpy 'b = np.load("b.npy"); s = np.cumsum(b)
import subprocess
got = np.load(io.BytesIO(subprocess.run(["tensor", "eval", "s = cumsum(b); concat(s, b, s)", "b=b.npy"], stdout=subprocess.PIPE).stdout))
np.testing.assert_allclose(got, np.concatenate([s, b, s]), rtol=1e-7, atol=1e-9)'
}

@test "--include-initial in a stream, and in place" {
	cat b.npy | tensor op cumulative_sum - --include-initial -o got.npy
	tensor op cumsum b.npy -o want.npy
	tensor compare got.npy@1: want.npy --exact
	tensor op cumsum_ b.npy
	cmp b.npy want.npy
}

@test "in constant memory, as a stream, from a file and in place" {
	slow_sanitizer "it needs address space"
	tensor create ones 30000000 --dtype float32 -o big.npy
	(
		ulimit -v 150000
		[ "$(cat big.npy | tensor op cumsum - | tensor reduce max - | tensor show -)" = 3e+07 ]
		[ "$(tensor op cumsum big.npy | tensor reduce max - | tensor show -)" = 3e+07 ]
		[ "$(tensor op cumulative_sum big.npy --include-initial | tensor reduce min - | tensor show -)" = 0.0 ]
		tensor op cumsum_ big.npy
		[ "$(tensor reduce max big.npy | tensor show -)" = 3e+07 ]
	)
}

@test "what fails in the middle fails once, and leaves nothing" {
	head -c 4000000 b.npy >short.npy
	for n in 1 3; do
		run -3 --separate-stderr tensor op cumsum - -o out.npy --threads "$n" < <(cat short.npy)
		message 'tensor op: standard input: ends after * bytes of data, 7200008 expected'
		run -5 --separate-stderr bash -c 'cat b.npy | tensor op cumsum - --threads $0 >/dev/full' "$n"
		message 'tensor op: cannot write standard output: No space left on device'
	done
	only a.npy b.npy c.npy short.npy
}
