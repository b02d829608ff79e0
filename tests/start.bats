#!/usr/bin/env bats
# What a small command costs before it computes anything: a loop of a thousand commands is normal.

load helper

# What is loaded and started, as strace sees it: one line a system call.
calls() {
	strace -f -e trace=openat,open,clone,clone3,fork,vfork,execve,connect,socket -o trace "$@" || {
		[ -s trace ] || skip "strace cannot trace here"
		return 1
	}
}

@test "nothing is loaded, read or started that a small command does not need" {
	command -v strace >/dev/null || skip "no strace"
	slow_sanitizer "they load libraries of their own"
	tensor create arange 10 --dtype float32 -o a.npy
	tensor create ones 100,100 -o s.npy
	for words in 'op add a.npy a.npy' 'op exp a.npy' 'reduce sum a.npy' 'op cumsum a.npy' 'op sort a.npy' 'matmul a.npy a.npy' 'eval a*2+exp(a) a=a.npy' 'convert a.npy -o b.csv' \
		'op transpose s.npy'; do
		# shellcheck disable=SC2086
		calls tensor $words >out.npy
		! grep -E 'clone|fork|socket|connect|openblas|libsleef|cuda|locale|gomp|\.conf|/proc|/sys|HOME|\.config' trace || { echo "$words"; return 1; }
		# the program, its two libraries, the list of libraries, its operands and its output
		[ "$(grep -c 'open' trace)" -le 6 ] || { cat trace; return 1; }
	done
	# what needs them does load them
	calls tensor op sin a.npy >out.npy
	grep -q libsleef trace
}

@test "the instructions of op add, beside those of an empty program, are what they were" {
	command -v valgrind >/dev/null || skip "no valgrind"
	[ "$(uname -m)" = x86_64 ] || skip "recorded on x86-64"
	slow_sanitizer "they count, too"
	instructions() {
		valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 | sed -n 's/.*Collected : //p'
	}
	tensor create arange 10 --dtype float32 -o a.npy
	# shellcheck disable=SC2086 # "ccache gcc"
	${CC:-cc} -O2 -o empty "$TOP/tests/bench/empty.c"
	mine=$(($(env -i PATH="$PATH" bash -c "$(declare -f instructions); instructions $TENSOR op add a.npy a.npy -o b.npy") - $(instructions ./empty)))
	recorded=$(cat "$TOP/tests/data/start-instructions")
	echo "$mine instructions, recorded are $recorded"
	# A few per cent are the compiler's and the C library's; write the new number where it is meant to be another.
	[ "$mine" -le $((recorded * 110 / 100)) ]
	[ "$mine" -gt 0 ]
}
