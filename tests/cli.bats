#!/usr/bin/env bats
# Operands, attributes, names, help: the rules that hold for every command.

load helper

@test "the words of design: create, op, reduce, show in one pipe" {
	run --separate-stderr bash -c 'tensor create arange 10 | tensor op mul - 2 | tensor reduce sum - | tensor show -'
	output_is 90
}

@test "negative numbers, lists and slices need no --" {
	tensor create arange 6 -o a.npy
	tensor op add a.npy -2 -o b.npy && holds b.npy '[-2, -1, 0, 1, 2, 3]'
	tensor op add a.npy -.5 -o b.npy && holds b.npy '[-.5, .5, 1.5, 2.5, 3.5, 4.5]'
	tensor op multiply a.npy -inf -o b.npy && holds b.npy '[nan, -inf, -inf, -inf, -inf, -inf]'
	tensor op reshape a.npy -1,2 -o b.npy && holds b.npy '[[0, 1], [2, 3], [4, 5]]'
	tensor op slice a.npy -2: -o b.npy && holds b.npy '[4, 5]'
	tensor reduce sum b.npy --axis -1 -o c.npy && holds c.npy 9
	tensor op add a.npy -1e-3 -o b.npy && holds b.npy 'np.arange(6) - 1e-3'
	tensor op add -2 a.npy -o b.npy && holds b.npy '[-2, -1, 0, 1, 2, 3]'
}

@test "weak scalars take the array's dtype" {
	tensor create arange 3 --dtype int8 -o a.npy
	tensor op add a.npy 2 -o b.npy && holds b.npy '[2, 3, 4]' int8
	tensor op add a.npy 2.5 -o b.npy && holds b.npy '[2.5, 3.5, 4.5]'
	tensor op add a.npy true -o b.npy && holds b.npy '[1, 2, 3]' int8
	tensor op mul a.npy 2j -o b.npy && holds b.npy '[0, 2j, 4j]' complex128
	tensor op mul a.npy 3+4j -o b.npy && holds b.npy '[0, 3+4j, 6+8j]'
	run -4 --separate-stderr tensor op add a.npy 300
	message 'tensor op: *300*int8*'
}

@test "an existing path wins over both suffixes" {
	tensor create arange 4 -o a.npy
	tensor create full 4 9 -o b.npy && mv b.npy "a.npy@0:2"
	tensor create full 4 8 -o b.npy && mv b.npy 'a.npy:1'
	tensor op clone 'a.npy@0:2' -o c.npy && holds c.npy '[9, 9, 9, 9]'
	tensor op clone 'a.npy:1' -o c.npy && holds c.npy '[8, 8, 8, 8]'
	tensor op clone 'a.npy@0:1' -o c.npy && holds c.npy '[0]'
}

@test "a file named 2 is ./2" {
	tensor create arange 3 -o n.npy && mv n.npy 2
	tensor op add ./2 2 -o b.npy && holds b.npy '[2, 3, 4]'
}

@test "slices of files" {
	tensor create arange 24 -o r.npy && tensor op reshape r.npy 4,6 -o a.npy
	tensor op clone a.npy@1 -o b.npy && holds b.npy '[6, 7, 8, 9, 10, 11]'
	tensor op clone a.npy@-1,::-2 -o b.npy && holds b.npy '[23, 21, 19]'
	tensor op clone a.npy@...,0 -o b.npy && holds b.npy '[0, 6, 12, 18]'
	tensor op clone a.npy@:,None,2 -o b.npy && holds b.npy '[[2], [8], [14], [20]]'
	run -4 --separate-stderr tensor op clone a.npy@4
	message 'tensor op: a.npy*4*'
	run -4 --separate-stderr tensor op clone a.npy@0,0,0
}

@test "a missing first operand is standard input when that is a pipe" {
	run --separate-stderr bash -c 'tensor create arange 3 | tensor op negative | tensor show'
	output_is '[ 0 -1 -2]'
	run --separate-stderr bash -c 'tensor create arange 3 | tensor reduce sum | tensor show'
	output_is 3
	run -2 --separate-stderr tensor op negative
}

@test "attributes: positional, as flags, with PyTorch's names" {
	tensor create arange 12 -o r.npy
	for words in '3,4' '--shape 3,4' '--shape=3,4' '3,-1'; do
		# shellcheck disable=SC2086
		tensor op reshape r.npy $words -o a.npy
		holds a.npy 'np.arange(12).reshape(3, 4)'
	done
	for words in '--axis 1 --keepdims' '--dim 1 --keepdim' '--axis=1 --keepdim' '--dim=-1 --keepdims'; do
		# shellcheck disable=SC2086
		tensor reduce sum a.npy $words -o b.npy
		holds b.npy '[[6], [22], [38]]'
	done
	tensor op clamp a.npy 2 5 -o b.npy && holds b.npy 'np.arange(12).reshape(3, 4).clip(2, 5)'
	tensor op clip a.npy --max 5 -o b.npy && holds b.npy 'np.arange(12).reshape(3, 4).clip(None, 5)'
	tensor reduce std a.npy --ddof 1 -o b.npy
	tensor reduce std a.npy --correction=1 -o c.npy
	tensor compare b.npy c.npy --exact
	tensor op cat --axis 0 a.npy a.npy -o b.npy
	run -2 --separate-stderr tensor reduce sum a.npy --nosuch 1
	message 'tensor reduce: *--nosuch*'
	run -2 --separate-stderr tensor reduce sum a.npy --axs 1
	message '*did you mean*axis*'
	run -2 --separate-stderr tensor op reshape r.npy
	run -2 --separate-stderr tensor op exp r.npy 2 3
}

@test "an attribute that takes an array takes an operand" {
	tensor create array '[1,5,9]' -o a.npy
	tensor create array '[2,2,2]' -o lo.npy
	tensor op clip a.npy --min lo.npy --max 6 -o b.npy && holds b.npy '[2, 5, 6]'
}

@test "lists: empty, none, spaces" {
	tensor create ones 1,1 -o a.npy
	tensor op reshape a.npy --shape '()' -o b.npy && holds b.npy 1.0
	tensor op concat a.npy a.npy --axis none -o b.npy && holds b.npy '[1., 1.]'
	tensor reduce sum a.npy --axis '()' -o b.npy && holds b.npy '[[1.]]'
}

@test "both libraries' names" {
	tensor create array '[[1.0,-2],[3,4]]' -o a.npy
	while read -r one other; do
		tensor op "$one" a.npy -o x.npy
		tensor op "$other" a.npy -o y.npy
		tensor compare x.npy y.npy --exact --equal-nan || { echo "$one $other"; return 1; }
	done <<-END
		negative neg
		abs absolute
		asin arcsin
		matrix_transpose mT
	END
	while read -r one other; do
		tensor op "$one" a.npy a.npy -o x.npy
		tensor op "$other" a.npy a.npy -o y.npy
		tensor compare x.npy y.npy --exact
	done <<-END
		subtract sub
		multiply mul
		divide div
		greater gt
		concat cat
		concat concatenate
	END
}

@test "did you mean" {
	run -2 --separate-stderr tensor op reshap a.npy
	message "tensor op: unknown op 'reshap'*did you mean*reshape*"
	run -2 --separate-stderr tensor reduce summ a.npy
	message "tensor reduce: *summ*did you mean*sum*"
	run -2 --separate-stderr tensor crate zeros 3
	message "tensor: *crate*did you mean*create*"
	run -2 --separate-stderr tensor create zeross 3
	message "tensor create: *zeross*did you mean*zeros*"
	run -2 --separate-stderr tensor op exp a.npy --outputt b
	message '*outputt*did you mean*output*'
	run -2 --separate-stderr tensor op nosuchop a.npy
	message "tensor op: unknown op 'nosuchop'*"
}

@test "float alone is ambiguous" {
	run -2 --separate-stderr tensor create zeros 2 --dtype float
	message 'tensor create: *float*'
	for d in float16 half f2 '<f2' bfloat16 bf16 float32 f4 double long int8 '|u1' bool complex64 c16; do
		tensor create zeros 2 --dtype "$d" -o a.npy
	done
}

@test "TENSOR_DTYPE is the default dtype" {
	TENSOR_DTYPE=float32 tensor create zeros 2 -o a.npy
	holds a.npy '[0, 0]' float32
	TENSOR_DTYPE=float32 tensor create zeros 2 --dtype int8 -o a.npy
	holds a.npy '[0, 0]' int8
	TENSOR_DTYPE=nosuch run -2 --separate-stderr tensor create zeros 2 -o a.npy
}

@test "--device: what cannot run there is an error" {
	tensor create ones 2 --device cpu -o a.npy
	run -5 --separate-stderr tensor op exp a.npy --device cuda -o b.npy
	[ ! -e b.npy ]
	run -2 --separate-stderr tensor op exp a.npy --device tpu -o b.npy
	TENSOR_DEVICE=cuda run -5 --separate-stderr tensor op exp a.npy -o b.npy
}

@test "--dry-run computes and writes nothing" {
	tensor create zeros 3,4 --dtype float32 -o a.npy
	run --separate-stderr tensor op matmul a.npy a.npy --dry-run || true
	run --separate-stderr tensor op add a.npy a.npy --dry-run -o b.npy
	[ ! -e b.npy ]
	[[ "$output" == *float32* && "$output" == *'(3, 4)'* ]]
	run --separate-stderr tensor reduce sum a.npy --axis 0 --dry-run --json
	numpy 'j = json.loads(sys.argv[2]); j = j if isinstance(j, list) else j.get("results", [j]); assert j[0]["dtype"] == "float32" and j[0]["shape"] == [4], j' "$output"
	run -4 --separate-stderr tensor op reshape a.npy 5,5 --dry-run
	run --separate-stderr tensor create zeros 1000000,1000000 --dry-run
	run --separate-stderr tensor create zeros 100000000 --dry-run -o b.npy
}

@test "success prints nothing on standard error" {
	run --separate-stderr tensor create arange 3 -o a.npy
	[ -z "$output$stderr" ]
	run --separate-stderr tensor op exp a.npy -o b.npy
	[ -z "$output$stderr" ]
	run --separate-stderr tensor reduce sum a.npy -o b.npy
	[ -z "$output$stderr" ]
}

@test "-v says the seed, and the seed makes the same array" {
	run --separate-stderr tensor create rand 5 -v -o a.npy
	seed=$(grep -o 'seed[ =:]*[0-9]*' <<<"$stderr" | grep -o '[0-9]*$')
	[ -n "$seed" ]
	tensor create rand 5 --seed "$seed" -o b.npy
	tensor compare a.npy b.npy --exact
}

@test "several outputs: a stream, numbered files, an archive" {
	tensor create arange 6 -o a.npy
	tensor op split a.npy 3 -o 'part_{}.npy'
	holds part_0.npy '[0, 1]' && holds part_1.npy '[2, 3]' && holds part_2.npy '[4, 5]'
	tensor op split a.npy 3 -o all.npz
	numpy 'z = np.load("all.npz"); assert len(z.files) == 3, z.files'
	run --separate-stderr bash -c 'tensor op split a.npy 3 | tensor op stack - - - | tensor show -'
	output_is '[[0 1]
 [2 3]
 [4 5]]'
	tensor op split a.npy 3 -o one.npy
	tensor op clone one.npy:2 -o b.npy && holds b.npy '[4, 5]'
}

@test "op --list, help, version, -h" {
	run --separate-stderr tensor op --list
	[[ "$output" == *reshape* && "$output" == *sigmoid* ]]
	for c in create op matmul reduce convert info show compare version; do
		run --separate-stderr tensor "$c" -h
		[[ "$output" == *"usage: tensor $c"* && -z "$stderr" ]]
		run --separate-stderr tensor help "$c"
		[[ "$output" == *"usage: tensor $c"* ]]
	done
	run --separate-stderr tensor help op add
	[[ "$output" == *"tensor op add"* ]]
	run --separate-stderr tensor help
	[[ "$output" == *create*compare* ]]
	run --separate-stderr tensor --help
	[[ "$output" == *create*compare* ]]
	run --separate-stderr tensor version
	[[ "$output" == *[0-9].[0-9]* ]]
	run --separate-stderr tensor --version
	[[ "$output" == *[0-9].[0-9]* ]]
	run -2 --separate-stderr tensor help nosuch
	run -2 --separate-stderr tensor
}

@test "every op has help" {
	for command in op reduce create; do
		tensor "$command" --list --json >list.json
		numpy 'for r in json.load(open("list.json")):
    for n in [r["name"]] + r["aliases"]: print(n)' >names
		while read -r name; do
			tensor help "$command" "$name" >text || { echo "$command $name"; return 1; }
			grep -q . text
		done <names
	done
}

@test "matmul, and what it says of shapes that do not fit" {
	tensor create array '[[1,2],[3,4]]' -o m.npy
	tensor matmul m.npy m.npy -o x.npy && holds x.npy '[[7, 10], [15, 22]]'
	tensor create ones 3,4 -o a.npy
	tensor create ones 5,6 -o b.npy
	run -4 --separate-stderr tensor matmul a.npy b.npy
	message 'tensor matmul: *(3, 4)*(5, 6)*'
	run -2 --separate-stderr tensor matmul a.npy
}
