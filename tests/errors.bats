#!/usr/bin/env bats
# Messages: one line, the file by name, both values, in NumPy's notation; statuses.

load helper

@test "shapes that do not broadcast" {
	tensor create zeros 3,4 -o a.npy
	tensor create zeros 5 -o b.npy
	run -4 --separate-stderr tensor op add a.npy b.npy
	output_is ''
	message 'tensor op: a.npy (3, 4) and b.npy (5,): shapes do not broadcast'
}

@test "files: missing, empty, truncated, not an array, a directory" {
	run -3 --separate-stderr tensor info nosuch.npy
	message 'tensor info: nosuch.npy: *'
	: >empty.npy
	run -3 --separate-stderr tensor op exp empty.npy
	message 'tensor op: empty.npy: *'
	tensor create arange 100 -o a.npy
	head -c 500 a.npy >cut.npy
	run -3 --separate-stderr tensor op exp cut.npy
	message 'tensor op: cut.npy: *372*800*'
	echo hello >text.npy
	run -3 --separate-stderr tensor info text.npy
	message 'tensor info: text.npy: *'
	mkdir dir.npy
	run -3 --separate-stderr tensor info dir.npy
	message 'tensor info: dir.npy: *'
}

@test "a file that may not be read" {
	tensor create zeros 2 -o a.npy
	chmod 0 a.npy
	run -3 --separate-stderr permitted tensor info a.npy
	message '*a.npy*ermission*'
}

@test "empty standard input" {
	run -3 --separate-stderr bash -c 'true | tensor reduce sum -'
	message 'tensor reduce: standard input*nothing*'
	run -3 --separate-stderr bash -c 'tensor create arange 3 | tensor op add - -'
}

@test "a failing stage does not hide behind the pipe" {
	run -3 --separate-stderr bash -c 'set -o pipefail; tensor op exp nosuch.npy | tensor reduce sum -'
	[[ "$stderr" == *nosuch.npy* ]]
}

@test "control characters in names are escaped" {
	run -3 --separate-stderr tensor info $'a\e[31m\nb.npy'
	[[ "$stderr" != *$'\e'* && "$stderr" == *'\x1b'* && "$stderr" == *'\n'* ]]
	[ "$(wc -l <<<"$stderr")" = 1 ]
}

@test "dtypes that an op does not take" {
	tensor create array '[1.5]' -o f.npy
	run -4 --separate-stderr tensor op bitwise_and f.npy f.npy
	message 'tensor op: *float64*'
	tensor create array '[1+2j]' -o c.npy
	run -4 --separate-stderr tensor op floor c.npy
	message 'tensor op: *complex128*'
	tensor create array '[true]' -o b.npy
	run -4 --separate-stderr tensor op subtract b.npy b.npy
	message 'tensor op: *bool*'
	# a number is of a kind, too
	tensor create array '[5]' --dtype int8 -o i.npy
	for words in 'bitwise_and i.npy 2.5' 'bitwise_or i.npy 2j' 'left_shift i.npy 1e3' 'remainder i.npy 2j' 'arctan2 i.npy 2j' 'bitwise_xor b.npy 1.0'; do
		# shellcheck disable=SC2086
		run -4 --separate-stderr tensor op $words -o o.npy
		message 'tensor op: *does not take *'
	done
	tensor op bitwise_and i.npy 4 -o o.npy
	numpy 'o = np.load("o.npy"); assert o.dtype == "int8" and o == [4]'
}

@test "what has no value for no elements, also where the result has none" {
	tensor create zeros 0,0 -o z.npy
	tensor create zeros 3,0 -o e.npy
	for name in max min ptp argmax argmin nanmax nanmin; do
		run -4 --separate-stderr tensor reduce "$name" z.npy --axis 0
		message 'tensor reduce: *zero-size array*'
		run -4 --separate-stderr tensor reduce "$name" e.npy --axis 1
		tensor reduce "$name" e.npy --axis 0 -o o.npy
	done
}

@test "axes" {
	tensor create zeros 3,4 -o a.npy
	run -4 --separate-stderr tensor reduce sum a.npy --axis 2
	message 'tensor reduce: *axis 2*'
	run -4 --separate-stderr tensor reduce sum a.npy --axis 0,0
	message 'tensor reduce: *axis*'
	run -2 --separate-stderr tensor reduce sum a.npy --axis x
	message 'tensor reduce: *axis*x*'
	run -4 --separate-stderr tensor op concat a.npy a.npy --axis 5
	message 'tensor op: *axis*'
}

@test "reductions of nothing" {
	tensor create zeros 0,3 -o e.npy
	tensor reduce sum e.npy -o s.npy && holds s.npy 0.0
	tensor reduce max e.npy --axis 1 -o s.npy && numpy 'assert np.load("s.npy").shape == (0,)'
	run -4 --separate-stderr tensor reduce max e.npy
	message 'tensor reduce: *'
	run -4 --separate-stderr tensor reduce argmin e.npy --axis 0
}

@test "the number of operands" {
	tensor create zeros 2 -o a.npy
	run -2 --separate-stderr tensor op add a.npy
	message 'tensor op: *add*2*'
	run -2 --separate-stderr tensor op add a.npy a.npy a.npy
	run -2 --separate-stderr tensor op
	run -2 --separate-stderr tensor create
	run -2 --separate-stderr tensor reduce
	run -2 --separate-stderr tensor compare a.npy
	run -2 --separate-stderr tensor convert -o b.npy </dev/null
	run -2 --separate-stderr tensor info </dev/null
}

@test "unknown suffixes and impossible outputs" {
	tensor create zeros 2 -o a.npy
	run -2 --separate-stderr tensor op exp a.npy -o b.xyz
	message 'tensor op: *b.xyz*.npy*'
	run -5 --separate-stderr tensor op exp a.npy -o nosuch/b.npy
	message 'tensor op: *nosuch/b.npy*'
	mkdir d.npy
	run --separate-stderr tensor op exp a.npy -o d.npy
	[ "$status" -ne 0 ]
	message 'tensor op: *d.npy*'
}

@test "a raw file of the wrong size" {
	head -c 100 /dev/zero >r.raw
	run -3 --separate-stderr tensor convert r.raw --from raw --dtype float32 --shape 5,6 -o a.npy
	message 'tensor convert: r.raw: *100*120*'
	[ ! -e a.npy ]
}

@test "failed runs leave nothing behind" {
	tensor create arange 3 -o a.npy
	cp a.npy keep.npy
	head -c 130 a.npy >cut.npy
	run -3 --separate-stderr tensor op exp cut.npy -o a.npy
	cmp a.npy keep.npy
	run -3 --separate-stderr bash -c 'head -c 140 a.npy | tensor op exp - -o new.npy'
	only a.npy keep.npy cut.npy
}

@test "text on the terminal of a failing command says what to do" {
	tensor create zeros 3,4 -o a.npy
	run -4 --separate-stderr tensor op reshape a.npy 5,2
	message 'tensor op: *(3, 4)*(5, 2)*'
	run -4 --separate-stderr tensor op broadcast_to a.npy 3,5
	message 'tensor op: *(3, 4)*(3, 5)*'
	run -4 --separate-stderr tensor create array '[[1,2],[3]]'
	message 'tensor create: *'
}
