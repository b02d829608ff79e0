#!/usr/bin/env bats
# Streams of several megabytes: threads read, compute and write them, and nobody can tell.
# shellcheck disable=SC2002 # a pipe is what is tested

load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
	tensor create randn 1500,1001 --seed 5 --dtype float32 -o a.npy
}

@test "the same bits from a pipe, a file, and any number of threads" {
	tensor op mul a.npy 3 --threads 1 -o b.npy
	tensor op exp b.npy --threads 1 -o want.npy
	for n in 1 2 3 8; do
		tensor op mul a.npy 3 --threads "$n" | tensor op exp - --threads "$n" >pipe.npy
		cmp want.npy pipe.npy
		tensor op mul - 3 --threads "$n" <a.npy | tensor op exp - --threads "$n" -o file.npy
		cmp want.npy file.npy
		cat b.npy | tensor op exp - --threads "$n" | cat >pipe.npy
		cmp want.npy pipe.npy
	done
}

@test "elements of every size, in either byte order" {
	for t in uint8 float16 int32 float64 complex128; do
		tensor convert a.npy --dtype "$t" -o t.npy
		numpy 'x = np.load("t.npy"); np.save("s.npy", x.astype(x.dtype.newbyteorder()))'
		tensor op add t.npy t.npy --threads 1 -o want.npy
		for n in 1 3; do
			tensor op add <(cat t.npy) t.npy --threads "$n" | cmp want.npy -
			tensor op add <(cat s.npy) <(cat t.npy) --threads "$n" | cmp want.npy -
		done
	done
}

@test "a stream used twice, and more streams than one" {
	tensor eval 'a * a + exp(a) - a / 2' a=a.npy -o want.npy
	for n in 1 2 3 8; do
		cat a.npy | tensor eval 'a * a + exp(a) - a / 2' a=- --threads "$n" -o b.npy
		cmp want.npy b.npy
	done
	tensor op greater a.npy 0 -o c.npy
	tensor op where c.npy a.npy 7 -o want.npy
	for n in 1 2 3 8; do
		tensor op where <(cat c.npy) <(cat a.npy) 7 --threads "$n" | cmp want.npy -
	done
}

@test "several arrays on one stream, each taken by another command" {
	tensor op exp a.npy -o e.npy
	tensor op negative a.npy -o n.npy
	for n in 1 2 3; do
		cat a.npy a.npy e.npy | {
			tensor op exp - --threads "$n" -o 1.npy
			tensor op negative - --threads "$n" -o 2.npy
			cat >3.npy
		}
		cmp e.npy 1.npy
		cmp n.npy 2.npy
		cmp e.npy 3.npy
	done
	tensor op sub e.npy a.npy -o want.npy
	cat e.npy a.npy | tensor op sub - - | cmp want.npy -
}

@test "parts that are read in an order of their own" {
	tensor op concat a.npy a.npy --axis 1 -o want.npy
	tensor op concat <(cat a.npy) <(cat a.npy) --axis 1 | cmp want.npy -
	tensor op add a.npy a.npy@0 -o want.npy
	tensor op add <(cat a.npy) a.npy@0 | cmp want.npy -
	tensor reduce sum a.npy --axis 1 -o want.npy
	cat a.npy | tensor reduce sum - --axis 1 | cmp want.npy -
	tensor op exp a.npy | tensor reduce sum - >s.npy
	tensor op exp a.npy -o e.npy && tensor reduce sum e.npy | cmp s.npy -
}

@test "compressed members" {
	tensor convert x=a.npy -o c.npz --compress
	tensor op exp a.npy -o want.npy
	for n in 1 2 3; do
		tensor op exp c.npz:x --threads "$n" -o b.npy
		cmp want.npy b.npy
		tensor op exp c.npz:x --threads "$n" | cmp want.npy -
	done
}

@test "text is written in order" {
	tensor convert a.npy@:400 --threads 1 -o want.csv
	for n in 2 3 8; do
		tensor convert a.npy@:400 --threads "$n" -o b.csv
		cmp want.csv b.csv
		tensor convert a.npy@:400 --threads "$n" --to csv | cmp want.csv -
	done
}

@test "in place" {
	tensor op exp a.npy -o want.npy
	for n in 1 2 3; do
		cp a.npy b.npy
		tensor op exp_ b.npy --threads "$n"
		cmp want.npy b.npy
	done
	for n in 1 2 3; do
		cp a.npy b.npy
		tensor op mul_ b.npy@:,::2 2 --threads "$n"
		numpy 'x = np.load("a.npy"); x[:, ::2] *= 2; assert np.array_equal(x, np.load("b.npy"))'
	done
}

@test "a page that was handed to a pipe keeps its bytes, however late and by whomever it is read" {
	tensor op negative a.npy -o want.npy
	tensor op negative a.npy | { sleep 0.3; cat; } | cmp want.npy -
	# A mover that takes pages from one pipe to the next without looking at them, and lets them wait there.
	cat >move.py <<-'END'
		import ctypes, fcntl, os, time
		libc = ctypes.CDLL(None, use_errno=True)
		fcntl.fcntl(1, 1031, 1 << 20)
		total = 0
		while True:
		    n = libc.splice(0, None, 1, None, 1 << 20, 0)
		    if n < 0: raise OSError(ctypes.get_errno(), "splice")
		    if not n: break
		    if not total: time.sleep(0.3)
		    total += n
	END
	tensor op negative a.npy | "$PYTHON" move.py | { sleep 0.5; cat; } | cmp want.npy -
}

@test "a reader that goes early ends everything quietly" {
	tensor create ones 3000000 -o big.npy
	for n in 1 2 3 8; do
		run --separate-stderr bash -c "tensor create ones 100000000 --threads $n | tensor op add - 1 --threads $n | tensor op exp - --threads $n | head -c 1000 | wc -c; echo \"\${PIPESTATUS[@]:0:3}\""
		output_is '1000
141 141 141'
		[ -z "$stderr" ]
		run --separate-stderr bash -c "tensor op exp big.npy --threads $n | head -c 1000000 | wc -c"
		output_is 1000000
		[ -z "$stderr" ]
		run --separate-stderr bash -c "tensor op exp big.npy --threads $n | true"
		[ -z "$stderr" ]
	done
}

@test "a stream that is cut off: what came is handed on, the message is the same" {
	size=$(stat -c %s a.npy)
	for n in 1 2 3 8; do
		run -3 --separate-stderr bash -c "head -c 4000128 a.npy | tensor op exp - --threads $n -o b.npy"
		message "tensor op: standard input: *4000000*$((size - 128))*"
		[ ! -e b.npy ]
		run -3 --separate-stderr bash -c "set -o pipefail; head -c 4000128 a.npy | tensor op negative - --threads $n | wc -c"
		message "tensor op: standard input: *4000000*$((size - 128))*"
		# whole tiles, and nothing after them
		[ "$output" -gt 2000000 ] && [ "$output" -le 4000128 ]
		[ "$n" = 1 ] && alone=$output
		[ "$output" = "$alone" ]
		only a.npy
	done
}

@test "a value that is refused in the middle" {
	tensor create zeros 1000000 --dtype int64 -o z.npy
	numpy 'x = np.load("z.npy"); x[700000] = -1; np.save("z.npy", x)'
	tensor create ones 1000000 --dtype int64 -o i.npy
	for n in 1 2 3 8; do
		run -4 --separate-stderr bash -c "set -o pipefail; cat z.npy | tensor op pow i.npy - --threads $n | wc -c"
		message '*negative integer powers*'
		[ "$n" = 1 ] && alone=$output
		[ "$output" = "$alone" ]
	done
}

@test "a full device" {
	[ -e /dev/full ] || skip "no /dev/full"
	for n in 1 3; do
		run -5 --separate-stderr bash -c "cat a.npy | tensor op exp - --threads $n >/dev/full"
		message 'tensor op: cannot write standard output: *'
	done
}

@test "constant memory" {
	slow_sanitizer memory
	for n in 1 2 8; do
		tensor create zeros 60000000 | "$PYTHON" -c 'import resource, subprocess, sys
r = subprocess.run(["tensor", "op", "exp", "-", "--threads", sys.argv[1]], stdout=subprocess.DEVNULL)
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
assert r.returncode == 0 and most < 64 << 10, most' "$n"
		tensor create zeros 60000000 | "$PYTHON" -c 'import resource, subprocess, sys
a = subprocess.Popen(["tensor", "op", "exp", "-", "--threads", sys.argv[1]], stdout=subprocess.PIPE)
b = subprocess.Popen(["cat"], stdin=a.stdout, stdout=subprocess.DEVNULL)
a.stdout.close()
assert not a.wait() and not b.wait()
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
assert most < 64 << 10, most' "$n"
	done
}
