#!/usr/bin/env bats
# What the documentation claims beyond its examples, which test_doc.py runs.

load helper

@test "the pages list every function, as man/update writes them" {
	"$TOP/man/update" "$PWD"
	for page in tensor-create.1 tensor-op.1 tensor-reduce.1; do
		cmp "$page" "$TOP/man/$page" || { echo "man/$page is out of date: run man/update"; return 1; }
	done
}

@test "every name and alias is in the page of its command" {
	for command in create op reduce; do
		page=$(sed -n '/^\.\\" ops/,/^\.\\" end of ops/p' "$TOP/man/tensor-$command.1")
		while read -r name; do
			grep -Eq "^\.(It )?Cm $name( |\$)" <<<"$page" || { echo "tensor-$command.1 lacks $name"; return 1; }
		done < <(tensor "$command" --list | sed -n 's/^  //; s/: .*//; s/, /\n/gp; t; /^[a-z]*$/!p')
	done
}

@test "every option that a page describes exists" {
	for page in "$TOP"/man/tensor-*.1; do
		command=${page##*/tensor-}
		help=$(tensor "${command%.1}" -h)
		# ".It Fl o , Fl -output Ar FILE" and ".It Fl -from , -to Ar FORMAT"
		while read -r option; do
			grep -q -- "-$option" <<<"$help" || { echo "${page##*/} has -$option, -h does not"; return 1; }
		done < <(sed '/^\.\\" ops/,/^\.\\" end of ops/d' "$page" | sed -n 's/^\.It Fl //p' | grep -o -- '-[a-z][a-z-]*')
	done
}

@test "every option of -h is in the page or in tensor.1" {
	for command in create op matmul reduce convert info show compare eval run grad graph; do
		for option in $(tensor "$command" -h | sed -n 's/^ *\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p'); do
			grep -Eq -- "-$option( |\$)" "$TOP/man/tensor-$command.1" "$TOP/man/tensor.1" ||
				{ echo "tensor-$command.1 and tensor.1 lack --$option"; return 1; }
		done
	done
}

@test "the commands of tensor-convert.1 for those of PyTorch" {
	tensor create arange 12 --dtype float64 | tensor op reshape - 3,4 -o a.npy
	n=0
	while read -r command; do
		eval "${command% .}"
		out=${command##*-o } && out=${out% .}
		want='np.load("a.npy")'
		[[ $command != *transpose* ]] || want+=.T
		[[ $out != c.npy ]] || want+=.T
		tensor convert "$out" --dtype float64 -o got.npy
		holds got.npy "$want"
		[ "$out" != t.npy ] || cmp t.npy a.npy
		n=$((n + 1))
	done < <(sed -n '/^\.Sh FROM PYTORCH/,/^\.Sh EXAMPLES/s/^\.Ql \(tensor .*\)/\1/p' "$TOP/man/tensor-convert.1")
	[ "$n" -ge 8 ]
}

# NUMPY: evaluated with a and b; COMMAND: its output must be the same array.
same() {
	eval "$2" | cat >out.npy
	numpy 'a = np.load("a.npy"); b = np.load("b.npy"); w = np.asarray(eval(sys.argv[2])); x = np.load("out.npy")
assert x.dtype == w.dtype and x.shape == w.shape and np.allclose(x, w, rtol=1e-12), (x, w)' "$1"
}

@test "the README's spellings beside NumPy" {
	tensor create randn 4,6 --seed 1 -o a.npy
	tensor create randn 4,6 --seed 2 -o b.npy
	n=0
	while IFS='|' read -r _ numpy _ command _; do
		numpy=${numpy#*\`} command=${command#*\`}
		same "${numpy%\`*}" "${command%\`*}" || { echo "$numpy | $command"; return 1; }
		n=$((n + 1))
	done < <(sed -n '/^| NumPy | PyTorch |/,/^$/p' "$TOP/README.md" | sed '1,2d;/^$/d')
	[ "$n" -ge 12 ]
}

@test "the README's suffixes are those that can be written" {
	tensor create ones 2,2 --dtype uint8 -o a.npy
	for suffix in $(sed -n '/^| name | suffixes |/,/^$/p' "$TOP/README.md" | grep -o '`\.[a-z]*`' | tr -d '\140'); do
		tensor convert a.npy -o "b$suffix" || { echo "$suffix"; return 1; }
	done
	run -2 --separate-stderr tensor convert a.npy -o b.nosuch
	while read -r suffix; do
		grep -q "\`$suffix\`" "$TOP/README.md" || { echo "README.md lacks $suffix"; return 1; }
	done < <(grep -o ' \.[a-z]*' <<<"$stderr" | tr -d ' ')
}

@test "the demo, from another directory" {
	run -0 --separate-stderr "$TOP/tests/demo"
	[ -z "$stderr" ]
	[[ "$output" == *'$ tensor matmul'* || "$output" == *'| tensor matmul - '* ]]
	[ "$(grep -c '^equal: ' <<<"$output")" = "$(grep -c '^\$ .*tensor compare' <<<"$output")" ]
	[[ "$output" != *'different: '* ]]
	[ -z "$(ls)" ]
}
