#!/usr/bin/env bats
# Arrays through pipes, FIFOs and process substitution: nothing seeks, several arrays follow each other.

load helper

@test "two streams: a process substitution and standard input" {
	run --separate-stderr bash -c 'tensor create arange 3 | tensor op add <(tensor create arange 3) - | tensor show -'
	output_is '[0 2 4]'
}

@test "tee in the middle, a file at the end" {
	tensor create arange 3 | tee f.npy | tensor op mul - 2 >g.npy
	holds f.npy '[0, 1, 2]'
	holds g.npy '[0, 2, 4]'
	numpy 'x = np.arange(3); f = io.BytesIO(); np.save(f, x); assert open("f.npy", "rb").read() == f.getvalue()'
}

@test "cat joins arrays, - takes the next one" {
	tensor create array '[5,7]' -o a.npy
	tensor create array '[1,2]' -o b.npy
	run --separate-stderr bash -c 'cat a.npy b.npy | tensor op sub - - | tensor show -'
	output_is '[4 5]'
	run --separate-stderr bash -c 'cat a.npy b.npy a.npy | tensor op concat - - - | tensor show -'
	output_is '[5 7 1 2 5 7]'
}

@test "a stage takes one array and leaves the rest" {
	tensor create array '[5,7]' -o a.npy
	run --separate-stderr bash -c 'cat a.npy a.npy | { tensor op mul - 1 | tensor show; tensor op negative - | tensor show -; }'
	output_is '[5 7]
[-5 -7]'
}

@test "a FIFO" {
	mkfifo p
	tensor create arange 4 >p &
	run --separate-stderr tensor reduce sum p -o s.npy
	holds s.npy 6
}

@test "standard input can be a file" {
	tensor create arange 4 -o a.npy
	tensor reduce sum - -o s.npy <a.npy
	holds s.npy 6
	tensor op transpose - -o s.npy <a.npy
	tensor matmul - - -o s.npy < <(cat a.npy a.npy)
	holds s.npy 14
}

@test "a Fortran-ordered array on a stream" {
	numpy 'np.save("f.npy", np.asfortranarray(np.arange(12).reshape(3, 4)))'
	cat f.npy | tensor op add - 1 -o b.npy
	holds b.npy 'np.arange(12).reshape(3, 4) + 1'
	cat f.npy | tensor reduce sum - --axis 0 -o b.npy
	holds b.npy 'np.arange(12).reshape(3, 4).sum(0)'
}

@test "a closed pipe is quiet" {
	run --separate-stderr bash -c 'tensor create arange 100000000 | head -c 10 | wc -c'
	output_is 10
	[ -z "$stderr" ]
	tensor create arange 1000000 -o a.npy
	run --separate-stderr bash -c 'tensor op exp a.npy | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"'
	[ -z "$stderr" ]
	run --separate-stderr bash -c 'tensor show --full a.npy | head -n 1'
	[ -z "$stderr" ]
	run --separate-stderr bash -c 'tensor op --list | head -n 1'
	[ -z "$stderr" ]
}

@test "streams larger than memory: constant memory through three stages" {
	slow_sanitizer memory
	run --separate-stderr bash -c 'ulimit -v 1500000; tensor create ones 400000000 --dtype uint8 | tensor op add - 1 | tensor reduce sum - | tensor show -'
	output_is 800000000
}

@test "an array cut off on a stream" {
	tensor create arange 1000 -o a.npy
	run -3 --separate-stderr bash -c 'head -c 4000 a.npy | tensor op exp - -o b.npy'
	message 'tensor op: standard input: *3872*8000*'
	[ ! -e b.npy ]
}

@test "the same bits through a pipe, a file, and any number of threads" {
	tensor create randn 300000 --seed 3 --dtype float32 -o a.npy
	tensor op exp a.npy | tensor op sin - | tensor reduce sum - -o p.npy
	tensor op exp a.npy -o e.npy && tensor op sin e.npy -o s.npy && tensor reduce sum s.npy -o f.npy
	cmp p.npy f.npy
	for n in 1 2 5; do
		tensor op exp a.npy --threads "$n" -o t.npy
		cmp e.npy t.npy
	done
}

@test "one stream for two operands that need different orders" {
	tensor create arange 6 -o a.npy
	tensor op reshape a.npy 2,3 -o m.npy
	cat m.npy m.npy | tensor op concat - - --axis 1 -o b.npy
	holds b.npy '[[0, 1, 2, 0, 1, 2], [3, 4, 5, 3, 4, 5]]'
	tensor op transpose m.npy -o t.npy
	cat t.npy m.npy | tensor matmul - - -o b.npy
	holds b.npy 'np.arange(6).reshape(2, 3).T @ np.arange(6).reshape(2, 3)'
}

@test "six stages, and arrays of no and of one element" {
	run -0 --separate-stderr bash -c 'set -o pipefail; tensor create arange 10 | tensor op mul - 2 | tensor op add - 1 | tensor op negative - | tensor op flip - | tensor reduce sum - | tensor show -'
	output_is -100
	numpy 'np.save("z.npy", np.float32(3)); np.save("e.npy", np.zeros((0, 3))); np.save("b.npy", np.arange(6, dtype=">i2").reshape(2, 3))'
	run -0 --separate-stderr bash -c 'cat e.npy z.npy b.npy e.npy | tensor show -'
	output_is $'[]\n3.0\n[[0 1 2]\n [3 4 5]]\n[]'
	cat b.npy | tensor op add - 1 -o c.npy && holds c.npy 'np.arange(6).reshape(2, 3) + 1' int16
	cat e.npy | tensor reduce sum - --axis 0 -o c.npy && holds c.npy '[0., 0, 0]'
	cat z.npy | tensor op add - 1 -o c.npy && holds c.npy 4 float32
}

@test "garbage, nothing, and something after the array" {
	tensor create arange 3 -o a.npy
	run -3 --separate-stderr bash -c 'head -c 1000 /dev/zero | tensor show -'
	message 'tensor show: standard input: *'
	run -3 --separate-stderr bash -c ': | tensor op negative -'
	message 'tensor op: standard input is empty: the command before the pipe wrote nothing'
	run -3 --separate-stderr bash -c 'tensor op add - - <a.npy'
	message 'tensor op: standard input ends, and another array was expected from it'
	run -3 --separate-stderr bash -c 'head -c 100 a.npy | tensor op negative - -o b.npy'
	run -3 --separate-stderr bash -c '{ cat a.npy; echo junk; } | tensor show -'
	output_is '[0 1 2]'
	run -0 --separate-stderr bash -c '{ cat a.npy; echo junk; } | tensor op negative - -o b.npy'
	holds b.npy '[0, -1, -2]'
	only a.npy b.npy
}

@test "- as the value of a flag, and with a slice" {
	tensor create arange 10 -o a.npy
	cat a.npy a.npy | tensor op clip - --min - --max 5 -o b.npy && holds b.npy 'np.minimum(np.arange(10), 5)'
	cat a.npy a.npy | tensor op add - -@::-1 -o b.npy && holds b.npy '[9] * 10'
	cat a.npy | tensor op reshape 2,5 -o b.npy && holds b.npy 'np.arange(10).reshape(2, 5)'
	cat a.npy | tensor op slice - -3: -o b.npy && holds b.npy '[7, 8, 9]'
}
