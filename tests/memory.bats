#!/usr/bin/env bats
# Arrays larger than memory: what streams does so in constant memory, from files, from pipes and in place.

load helper

# header DTYPE SHAPE BYTES FILE: a sparse .npy of zeros
sparse() {
	numpy 'import math
with open(sys.argv[4], "wb") as f:
    shape = eval(sys.argv[3])
    np.lib.format.write_array_header_1_0(f, {"descr": sys.argv[2], "fortran_order": False, "shape": shape})
    f.truncate(f.tell() + math.prod(shape) * np.dtype(sys.argv[2]).itemsize)' "$@"
}

# peak KIB COMMAND...: it succeeds, and no process of it takes more memory than that
peak() {
	"$PYTHON" -c 'import resource, subprocess, sys
p = subprocess.run(sys.argv[2:])
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(most, "KiB", file=sys.stderr)
sys.exit(p.returncode or (most > int(sys.argv[1])) * 99)' "$@"
}

@test "100 GB of which most is a hole, under a limit of 1 GB of addresses" {
	slow_sanitizer "ulimit -v"
	sparse '|u1' '(100000000000,)' big.npy || skip "no sparse files of this size here"
	run -0 --separate-stderr bash -c 'ulimit -v 1000000; tensor info big.npy --field shape; tensor op clone big.npy@-5: | tensor show -; tensor reduce max big.npy | tensor show -'
	output_is $'100000000000\n[0 0 0 0 0]\n0'
	# between the holes, two bytes of data
	numpy 'f = open("big.npy", "r+b"); f.seek(77777777777); f.write(bytes([7, 9]))'
	run -0 --separate-stderr bash -c 'ulimit -v 1000000; tensor reduce argmax big.npy@70000000000:90000000000 | tensor show -'
	output_is 7777777650
	run -0 --separate-stderr bash -c 'ulimit -v 1000000; tensor reduce max big.npy@::100000 --dry-run'
	# what must be whole, and cannot be
	run -5 --separate-stderr bash -c 'ulimit -v 1000000; tensor op sort big.npy -o out.npy'
	message 'tensor op: *memory*'
	only big.npy
}

@test "every streaming command in constant memory" {
	slow_sanitizer memory
	sparse '<f4' '(10000, 10000)' a.npy
	for words in 'op exp a.npy' 'op add a.npy a.npy@0' 'op where a.npy 1 a.npy' 'reduce sum a.npy' 'reduce var a.npy' 'reduce argmax a.npy' 'reduce max a.npy --axis 1' 'reduce sum a.npy --axis 0' \
		'op cumsum a.npy' 'op concat a.npy a.npy' 'convert a.npy --dtype float16' 'eval exp(a)*2+a a=a.npy' 'op slice a.npy 1000:9000' 'op astype a.npy int8' 'op isnan a.npy'; do
		# shellcheck disable=SC2086
		run peak 65536 tensor $words -o /dev/null
		[ "$status" = 0 ] || { echo "$words: $status $output"; return 1; }
	done
	# three stages, each below 64 MiB
	run peak 65536 bash -c 'tensor op exp a.npy | tensor op mul - 2 | tensor op add - 1 >/dev/null'
	[ "$status" = 0 ]
}

@test "transposes of files, larger than the memory there is" {
	slow_sanitizer memory
	sparse '<f4' '(10000, 10000)' a.npy
	numpy 'f = open("a.npy", "r+b"); f.seek(128 + 4 * (9999 * 10000 + 3)); f.write(np.float32(5).tobytes())'
	run peak 131072 tensor op transpose a.npy -o b.npy
	[ "$status" = 0 ]
	holds b.npy@3,9999 5.0 && holds b.npy@9999,3 0.0
	rm b.npy
	sparse '<f4' '(20000, 40000)' a.npy
	run -0 --separate-stderr bash -c 'ulimit -v 1000000; tensor op transpose a.npy --threads 2 | tensor reduce sum - --threads 2 | tensor show -'
	output_is 0.0
}

@test "in place, larger than the memory there is" {
	slow_sanitizer memory
	sparse '|i1' '(300000000,)' a.npy
	run -0 --separate-stderr bash -c 'ulimit -v 200000; tensor op add_ a.npy 1 && tensor op mul_ a.npy@::2 3'
	run -0 --separate-stderr tensor reduce sum a.npy -o s.npy
	holds s.npy 600000000
}

@test "--mem-limit refuses before anything is computed or written" {
	tensor create zeros 1000,1000 -o a.npy
	run -5 --separate-stderr tensor op sort a.npy --mem-limit 1M -o b.npy
	message 'tensor op: *memory*the limit is 1048576'
	run -5 --separate-stderr env TENSOR_MEM_LIMIT=1M tensor matmul a.npy a.npy -o b.npy
	tensor op exp a.npy --mem-limit 64M -o b.npy
	tensor op sort a.npy --mem-limit 1G -o b.npy
	for bad in 0 x 1Q -1 1.5M; do
		run -2 --separate-stderr tensor op exp a.npy --mem-limit "$bad" -o c.npy
	done
	only a.npy b.npy
}

@test "--threads, TENSOR_THREADS and the words of tests" {
	tensor create ones 10 -o a.npy
	for bad in 0 -1 x 1.5 2000; do
		run -2 --separate-stderr tensor op exp a.npy --threads "$bad"
		message 'tensor op: *threads*'
		run -2 --separate-stderr env TENSOR_THREADS="$bad" tensor op exp a.npy
	done
	TENSOR_THREADS=3 tensor op exp a.npy --threads 2 -o b.npy
	TENSOR_THREADS='' tensor op exp a.npy -o b.npy
	run -2 --separate-stderr env TENSOR_CPU=v9 tensor op exp a.npy
	message "tensor op: TENSOR_CPU 'v9' is unknown: *"
	run -2 --separate-stderr env TENSOR_TILE=0 tensor op exp a.npy
	message 'tensor op: TENSOR_TILE*'
	# as many threads as were asked for, and none for little work
	command -v strace >/dev/null || skip "no strace"
	slow_sanitizer "they start threads of their own"
	tensor create ones 4000000 -o big.npy
	for n in 1 2 3; do
		strace -f -e trace=clone,clone3 -o trace tensor op exp big.npy --threads "$n" -o b.npy || skip "strace cannot trace here"
		[ "$(grep -cE 'clone3?\(' trace)" = $((n - 1)) ]
	done
}

@test "--dry-run tells passes, bytes, memory and threads; -v what was done" {
	tensor create ones 1000,1000 --dtype float32 -o a.npy
	run -0 --separate-stderr tensor eval 'exp(a - a.mean(axis=0)).sum()' a=a.npy --dry-run --threads 2
	[[ $output == 'float32 (), 4 bytes
  pass 1: read a.npy (4000000 bytes); mean; keep 4000 bytes; 2 threads
  pass 2: read a.npy (4000000 bytes), kept (4000 bytes); view, subtract, exp, sum; write 4 bytes; 2 threads
2 passes: 8000000 bytes read, 4 written, peak memory about 4'??????' bytes' ]]
	run -0 --separate-stderr tensor eval 'exp(a - a.mean(axis=0)).sum()' a=a.npy --dry-run --json --threads 2
	numpy 'j = json.loads(sys.argv[2]); assert j[0]["dtype"] == "float32" and j[0]["passes"] == 2, j
p = j[0]["plan"]; assert [x["read"] for x in p] == [4000000] * 2 and p[0]["kept"] == 4000 and p[1]["written"] == 4 and p[1]["threads"] == 2, p' "$output"
	# parts of what is kept are multiplied where they lie
	run -0 --separate-stderr tensor eval 'h = (a @ a).reshape(250, 4, 1000).permute(1, 0, 2); h[:, :, :50] @ h[:, :, 50:100].mT' a=a.npy --dry-run --threads 1
	[[ $output == *'2 passes: '* && $output != *view* ]]
	# what is loaded because it is needed whole is read once
	run -0 --separate-stderr tensor eval 'a @ a.T + a.std()' a=a.npy --dry-run
	[[ $output == *'3 passes: 4000000 bytes read, 4000000 written'* ]]
	run -0 --separate-stderr tensor op exp a.npy -v -o b.npy
	[[ $stderr == *b.npy*float32*' in '*' ms' ]]
	# a line a pass, with its time
	run -0 --separate-stderr tensor eval 'exp(a - a.mean(axis=0)).sum()' a=a.npy -v --threads 2 -o b.npy
	[[ $stderr == 'tensor eval: read a.npy (4000000 bytes); mean; keep 4000 bytes; 2 threads, '*.*' ms'*$'\n'*'subtract, exp, sum; write 4 bytes; 2 threads, '*.*' ms'*$'\n'*b.npy* ]]
	run -0 --separate-stderr tensor show a.npy -v
	[[ $stderr == *' ms' ]]
	# also those whose shape depends on what is computed
	run -0 --separate-stderr tensor op unique a.npy -v -o b.npy
	[[ $stderr == *'; sort; keep '*'; unique; keep '* && $stderr != *null* ]]
	run -0 --separate-stderr tensor op exp a.npy -o b.npy
	[ -z "$stderr$output" ]
}

@test "the peak of memory that a plan tells is what the command takes" {
	slow_sanitizer memory
	tensor create rand 3000,3000 -o a.npy
	for e in 'sort(exp(sort(exp(sort(a)))))' 'a @ a' 'exp(a.T @ a).sum(axis=0) / a.std()' 'softmax(a @ a, axis=-1) @ a' 'a.T + a' 'sqrt(a.T).reshape(-1)' 'argsort(a, axis=0)' \
		'quantile(a, 0.3, axis=0)' '(a - a.mean(axis=0)) / a.std(axis=0)'; do
		for from in a.npy -; do
			numpy 'import resource, subprocess, sys
e, name = sys.argv[2:]
def run(*more):
    return subprocess.run(["tensor", "eval", e, "a=" + name, *more], stdin=open("a.npy"), capture_output=True, text=True, check=True).stdout
told = json.loads(run("--dry-run", "--json"))[0]["memory"]
run("-o", "b.npy")
took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
# a process starts with the peak of the one that starts it, here of Python, some 30 MB
assert took - max(told, 30e6) < 12e6 + told / 8 and told - took < 12e6 + told / 8, (e, name, told, took)
run("--mem-limit", str(told), "-o", "b.npy")' "$e" "$from"
		done
	done
}
