#!/usr/bin/env bats
# eval and run: names, outputs, scripts, and what they say of what is wrong.  Values: tests/test_eval.py.

load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
	tensor create arange 12 | tensor op reshape - 3,4 -o a.npy
	tensor create array '[1.5,2,3,4]' --dtype float32 -o b.npy
}

# refused TEXT LINES: eval of TEXT fails with the message and the lines below it.
refused() {
	run -2 --separate-stderr tensor eval "$1" a=a.npy b=b.npy
	[ "$stderr" = "$2" ] || { printf '%s\nwanted:\n%s\n' "$stderr" "$2"; return 1; }
}

@test "an error stands over a caret at its column" {
	refused 'a +' "tensor eval: column 4: the expression ends where a value is expected
  a +
     ^"
	refused 'a + foo*2' "tensor eval: column 5: 'foo' is not bound; bound are: a, b
  a + foo*2
      ^"
	refused 'exp(a' "tensor eval: column 6: the parenthesis is not closed
  exp(a
       ^"
	refused '2 * (a + 1' "tensor eval: column 5: the parenthesis is not closed
  2 * (a + 1
      ^"
	refused 'a.summ(0)' "tensor eval: column 3: unknown function 'summ'; did you mean 'sum'?
  a.summ(0)
    ^"
	refused 'a.sum(axs=0)' "tensor eval: column 7: sum has no argument 'axs'; it has axis, keepdims, dtype
  a.sum(axs=0)
        ^"
	refused 'a[1:2' "tensor eval: column 2: the bracket is not closed
  a[1:2
   ^"
	refused 'a b' "tensor eval: column 3: unexpected text
  a b
    ^"
	refused $'x = a\ny = x +* 2' "tensor eval: line 2, column 8: expected a value
  y = x +* 2
         ^"
	refused $'\tb + ö' "tensor eval: column 6: expected a value
  \\tb + ö
        ^"
}

@test "an op that fails is pointed at, too" {
	run -4 --separate-stderr tensor eval 'exp(b) + a[:, :3] * 2' a=a.npy b=b.npy
	[ "$stderr" = "tensor eval: (4,) and (3, 3): shapes do not broadcast
  exp(b) + a[:, :3] * 2
         ^" ]
	run -4 --separate-stderr tensor eval 'b * a.sum(axis=5)' a=a.npy b=b.npy
	[[ $stderr == "tensor eval: "*5*$'\n  b * a.sum(axis=5)\n        ^' ]]
	run -4 --separate-stderr tensor eval 'a[7]' a=a.npy
	[[ $stderr == *'out of bounds'*$'\n  a[7]\n   ^' ]]
}

@test "what Python has and arrays do not is refused with a hint" {
	for words in "a ^ 2|'^' is neither power nor xor here: write ** or bitwise_xor(a, b)" 'a and b|*write (a) & (b)' 'a or b|*write (a) | (b)' \
		'not a|*write ~(a)*' '1 < a < 3|*comparisons do not chain: write (a < b) & (b < c)' 'a if b else a|*write where(condition, a, b)' \
		'a in b|*write isin(a, b)' 'a && b|*write (a) & (b)' 'a.shape|*only an argument takes*' '(a == 1) = 2|*only a name*' \
		'split(a, 3)|*split gives 3 results*' 'concat()|*' '[]|*' 'a[]|*expected an index' 'a[1.5]|*an index is*' "exp('a')|*" 'full((2, 2))|*needs the argument*' \
		'a.sum(axis=0, axis=1)|*given twice' 'a.reshape(b)|*is a number, not an array' '1_000|*' '0x10|*' 'a..T|*' 'a.|*' '@|*' '=|*' '|*' ';|*'; do
		run --separate-stderr tensor eval "${words%%|*}" a=a.npy b=b.npy
		[[ $status = [24] ]]
		# shellcheck disable=SC2053
		[[ ${stderr%%$'\n'*} == "tensor eval: "*${words#*|} ]] || { echo "${words%%|*}: $stderr"; return 1; }
	done
}

@test "names: files, members, slices, standard input, numbers" {
	tensor convert x=a.npy y=b.npy -o w.npz
	run -0 --separate-stderr tensor eval '(s + m - k) * d + i.sum()' s=a.npy@0 m=w.npz:y k=2 d=-.5 i=- < <(tensor create ones 3)
	tensor show - < <(tensor eval '(s + m - k) * d + i.sum()' s=a.npy@0 m=w.npz:y k=2 d=-.5 i=- < <(tensor create ones 3)) >out
	[ "$(cat out)" = '[3.25 2.5  1.5  0.5 ]' ]
	for bad in a.npy =a.npy 1x=a.npy a-b=a.npy 'a b=a.npy'; do
		run -2 --separate-stderr tensor eval 1 "$bad"
		message "tensor eval: '$bad' is not NAME=OPERAND"
	done
	run -2 --separate-stderr tensor eval 'a' a=a.npy a=b.npy
	message "tensor eval: 'a' is bound twice"
	run -3 --separate-stderr tensor eval 'a' a=nosuch.npy
	message 'tensor eval: nosuch.npy: No such file or directory'
	run -2 --separate-stderr tensor eval
	message 'tensor eval: an expression is missing'
	# a name of one's own is nearer than a constant
	tensor eval 'e + pi' e=b.npy pi=1 -o o.npy && holds o.npy 'np.float32([2.5, 3, 4, 5])' float32
}

@test "an expression may begin with a minus" {
	for text in '-a' '--a' '- a' '-a**2' '-inf' '-(a)' '-1'; do
		[ "$text" = --a ] && continue
		tensor eval "$text" a=a.npy -o o.npy
	done
	tensor eval --threads 2 -- '--a' a=a.npy -o o.npy && holds o.npy 'np.arange(12).reshape(3, 4)'
	tensor eval '-- a' a=a.npy -o o.npy && holds o.npy 'np.arange(12).reshape(3, 4)'
}

@test "several outputs: all or none" {
	tensor eval 'y = a + 1; z = y * 2; z.sum()' a=a.npy -o y=y.npy -o z=z.npz -o s.npy
	holds y.npy 'np.arange(1, 13).reshape(3, 4)' && holds s.npy 156
	tensor eval 'z' z=z.npz:z -o o.npy && holds o.npy 'np.arange(1, 13).reshape(3, 4) * 2'
	rm ./*.np[yz]
	tensor create arange 3 -o a.npy
	run -2 --separate-stderr tensor eval 'y = a' a=a.npy -o y=y.npy -o q=z.npy
	message "tensor eval: -o q=z.npy: the expression assigns no 'q'"
	run -5 --separate-stderr tensor eval 'y = a; z = y' a=a.npy -o y=y.npy -o z=nosuch/z.npy
	only a.npy
	run -4 --separate-stderr tensor eval 'y = a; z = a ** (0 - a)' a=a.npy -o y=y.npy -o z=z.npy
	only a.npy
	# a stream that two results read
	tensor eval 'y = x * 2; z = x.sum()' x=- -o y=y.npy -o z=z.npy <a.npy
	holds y.npy '[0, 2, 4]' && holds z.npy 3
}

@test "scripts: -f, comments, lines, standard input" {
	cat >s.txt <<-'END'
		# a comment
		m = a.mean(axis=0)      # of the columns
		d = (a
		     - m)  # over two lines
		n = \
		  d * 2

		n.sum(axis=1); n
	END
	tensor eval -f s.txt a=a.npy -o m=m.npy -o n.npy
	holds m.npy '[4., 5, 6, 7]' && holds n.npy '(np.arange(12).reshape(3, 4) - [4., 5, 6, 7]) * 2'
	tensor eval -f - a=a.npy -o o.npy <<<'a * 2'
	holds o.npy 'np.arange(12).reshape(3, 4) * 2'
	run -3 --separate-stderr tensor eval -f nosuch.txt
	message 'tensor eval: nosuch.txt: No such file or directory'
	printf 'a\0b' >nul.txt
	run -3 --separate-stderr tensor eval -f nul.txt a=a.npy
	: >empty.txt
	run -2 --separate-stderr tensor eval -f empty.txt a=a.npy
	[[ $stderr == *'the program has no statement'* ]]
}

@test "TENSOR_DTYPE and --dry-run hold in expressions" {
	TENSOR_DTYPE=float32 tensor eval 'zeros((2, 2)) + ones(2)' -o o.npy && holds o.npy '[[1, 1], [1, 1]]' float32
	run -0 --separate-stderr tensor eval 'exp(a).sum(axis=0)' a=a.npy --dry-run
	[[ $output == *'float64 (4,)'* ]]
	run -4 --separate-stderr tensor eval 'a[a > 3]' a=a.npy --dry-run
	message '*the shape of the result depends on the values*'
}

@test "run: the bits of the shell's pipe" {
	tensor create randn 1000 --seed 1 -o r.npy
	while read -r pipeline; do
		shell="tensor ${pipeline// | / | tensor }"
		bash -o pipefail -c "$shell" >want.npy
		tensor run "$pipeline" >got.npy
		cmp want.npy got.npy
		tensor run "$pipeline" --threads 1 -o got.npy
		cmp want.npy got.npy
	done <<-'END'
		create arange 10 | op mul - 2 | reduce sum -
		op exp r.npy | op sin - | reduce mean -
		op add r.npy -2 | op reshape - 10,-1 | op transpose - | reduce std - --axis 0 --correction 1
		op exp r.npy@::2 | op sub - r.npy@::2 | op clip - --min -.5 --max 1
		eval 'exp(-x) * 2' x=r.npy | op sort - | op slice - ':5'
		op reshape r.npy 20,50 | matmul - r.npy@:50 | op add - 1
		op split r.npy 2 | op sub - - | reduce norm -
		create arange 6 | op reshape - "2,3" | convert - --dtype float32
		create rand 5 --seed 3 --dtype float32 | op mul - 0.1 | op add - 1
	END
}

@test "run: quoting, names of stages, and what is no pipeline" {
	tensor create arange 3 -o 'x y.npy'
	run -0 --separate-stderr tensor run "tensor op add 'x y.npy' 1 | tensor op mul - \"2\" | show -"
	output_is '[2 4 6]'
	run -0 --separate-stderr tensor run 'op add x\ y.npy 1|show -'
	output_is '[1 2 3]'
	run -0 --separate-stderr tensor run 'op add x\ y.npy 1 | convert - -o b.npz'
	tensor op clone b.npz -o c.npy && holds c.npy '[1, 2, 3]'
	for words in '|stage of the pipeline is empty' 'create arange 3 ||stage of the pipeline is empty' 'nosuch 3|unknown command*' 'create arange 3 > f|* is for a shell*' 'create arange $N|* is for a shell*' \
		"create arange '3|a quote is not closed*" 'info a.npy|*cannot be part of a pipeline' 'create arange 3 -o x.npy ;|* is for a shell*'; do
		run -2 --separate-stderr tensor run "${words%|*}"
		# shellcheck disable=SC2053
		[[ $stderr == 'tensor '*${words##*|} ]] || { echo "$words: $stderr"; return 1; }
	done
	run -2 --separate-stderr tensor run 'show a.npy | op exp -'
	message "*'show' gives no array: it can only be the last stage"
	run -2 --separate-stderr tensor run 'create arange 3 -o x.npy | op exp -'
	message "*only the last stage*"
	run -2 --separate-stderr tensor run create arange 3
	message '*as one word: quote it'
}

@test "run: an error names its stage" {
	run -4 --separate-stderr tensor run 'create arange 3 | op add - b.npy | reduce sum -'
	message "tensor op: stage 2: *(3,)*b.npy (4,)*shapes do not broadcast"
	run -3 --separate-stderr tensor run 'op exp nosuch.npy | reduce sum -'
	message 'tensor op: stage 1: nosuch.npy: No such file or directory'
	run -2 --separate-stderr tensor run 'create arange 3 | op nosuchop -'
	message "tensor op: stage 2: unknown op 'nosuchop'*"
}
