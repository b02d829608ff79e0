#!/usr/bin/env bats
# csv, tsv and text: what a row is, what a number is, and that neither depends on how the text is cut into chunks.

load helper

@test "missing values are NaN; a type that has none says so" {
	printf 'a,b,c\n1,,3\nNA,5,n/a\n7,8,\n' >m.csv
	tensor convert m.csv -o m.npy && holds m.npy '[[1, nan, 3], [nan, 5, nan], [7, 8, nan]]'
	tensor convert m.csv --dtype float32 -o m.npy && holds m.npy '[[1, nan, 3], [nan, 5, nan], [7, 8, nan]]' float32
	numpy 'w = np.genfromtxt("m.csv", delimiter=",", skip_header=1); assert np.array_equal(w, np.load("m.npy"), equal_nan=True)'
	run -3 --separate-stderr tensor convert m.csv --dtype int64 -o x.npy
	message "tensor convert: m.csv: line 2, column 2 is missing, which only floats can be"
	run -3 --separate-stderr tensor convert m.csv --dtype bool -o x.npy
	printf '1\tnull\n\t2\n' >m.tsv
	tensor convert m.tsv -o m.npy && holds m.npy '[[1, nan], [nan, 2]]'
	printf '1 NA\n? 2\n' >m.txt
	tensor convert m.txt -o m.npy && holds m.npy '[[1, nan], [nan, 2]]'
	printf '1,2\n,\n' >m.csv
	tensor convert m.csv -o m.npy && holds m.npy '[[1, 2], [nan, nan]]'
	# nothing but missing values, far more than half as many as there are bytes
	numpy 'open("m.csv", "w").write(("," * 1999 + "\n") * 300); open("c.csv", "w").write("1j" + "," * 999 + "\n" + "," * 999 + "\n")'
	tensor convert m.csv -o m.npy
	numpy 'x = np.load("m.npy"); assert x.shape == (300, 2000) and np.isnan(x).all()'
	tensor convert c.csv -o m.npy
	numpy 'x = np.load("m.npy"); assert x.dtype == "c16" and x.shape == (2, 1000) and x[0, 0] == 1j and np.isnan(x.real).sum() == 1999'
	printf '1,2\n3,x\n' >m.csv
	run -3 --separate-stderr tensor convert m.csv -o x.npy
	message "tensor convert: m.csv: line 2, column 2: 'x' is not a number"
	[ ! -e x.npy ]
}

@test "chunks: the same array however the text is cut, and for any number of threads" {
	numpy 'r = np.random.default_rng(3)
x = r.standard_normal((60000, 5)) * 10.0 ** r.integers(-300, 300, (60000, 5)); np.save("x.npy", x)
np.savetxt("x.csv", x, delimiter=",", fmt="%r", header="a,b,c,d,e", comments="")
np.savetxt("p.txt", x)
i = r.integers(-9, 9, (300000, 2)); np.save("i.npy", i); np.savetxt("i.csv", i, fmt="%d", delimiter=",")
w = r.integers(0, 10**9, (3, 200000)); np.save("w.npy", w); np.savetxt("w.tsv", w, fmt="%d", delimiter="\t")'
	for t in 1 2 7; do
		tensor convert x.csv -o y.npy --threads $t && tensor compare x.npy y.npy --exact
	done
	cat x.csv | tensor convert - --from csv -o y.npy && tensor compare x.npy y.npy --exact
	tensor convert p.txt -o y.npy && tensor compare x.npy y.npy --exact
	tensor convert i.csv -o y.npy && tensor compare i.npy y.npy --exact
	# A line that is longer than a chunk.
	tensor convert w.tsv -o y.npy && tensor compare w.npy y.npy --exact
	# Lines that end as on other systems.
	for end in '\r' '\r\n'; do
		tr '\n' '@' <x.csv | sed "s/@/$end/g" >e.csv
		tensor convert e.csv -o y.npy && tensor compare x.npy y.npy --exact
	done
	for t in 1 2 7; do tensor convert x.npy -o $t.csv --threads $t; done
	cmp 1.csv 2.csv && cmp 1.csv 7.csv
	numpy 'assert (np.loadtxt("1.csv", delimiter=",") == np.load("x.npy")).all()'
}

@test "a kind of numbers that shows late" {
	# Integers for several chunks, -0 among them, then a float: -0 is what it would have been in one chunk.
	numpy 'open("z.csv", "w").write("-0\n5\n" + "7\n" * 600000 + "0.5\n-0\n")
open("u.csv", "w").write("1\n" * 600000 + "18446744073709551615\n")
open("n.csv", "w").write("-1\n" * 600000 + "18446744073709551615\n")
open("c.csv", "w").write("2\n" * 600000 + "1+2j\n")
open("b.csv", "w").write("True\n" * 300000 + "2\n")
open("t.csv", "w").write("True\n" * 300000)
open("k.csv", "w").write("1,1\n" * 300000 + "2,3,4\n")
open("q.csv", "w").write("1\n" * 600000 + "x\n" + "y,1\n" * 600000)'
	tensor convert z.csv -o z.npy
	numpy 'z = np.load("z.npy"); assert z.dtype == "f8" and z.shape == (600004,) and np.signbit(z[[0, -1]]).all() and not np.signbit(z[1:-1]).any()'
	tensor convert u.csv -o u.npy && numpy 'u = np.load("u.npy"); assert u.dtype == "u8" and u[0] == 1 and u[-1] == 2**64 - 1'
	tensor convert n.csv -o u.npy && numpy 'u = np.load("u.npy"); assert u.dtype == "f8" and u[0] == -1 and u[-1] == 2.0**64'
	tensor convert c.csv -o u.npy && numpy 'u = np.load("u.npy"); assert u.dtype == "c16" and u[0] == 2 and u[-1] == 1 + 2j'
	tensor convert b.csv -o u.npy && numpy 'u = np.load("u.npy"); assert u.dtype == "i8" and u[0] == 1 and u[-1] == 2'
	tensor convert t.csv -o u.npy && numpy 'u = np.load("u.npy"); assert u.dtype == "?" and u.all() and len(u) == 300000'
	tensor convert z.csv --dtype float32 -o u.npy && numpy 'u = np.load("u.npy"); assert u.dtype == "f4" and np.signbit(u[[0, -1]]).all()'
	tensor convert z.csv --dtype bfloat16 -o u.npy
	run -3 --separate-stderr tensor convert k.csv -o x.npy
	message "tensor convert: k.csv: line 300001 has 3 fields, line 1 has 2"
	run -3 --separate-stderr tensor convert q.csv -o x.npy
	message "tensor convert: q.csv: line 600001, column 1: 'x' is not a number"
	[ ! -e x.npy ]
}

@test "no more memory than the array, whatever the text" {
	slow_sanitizer "address space"
	numpy 'np.savetxt("x.csv", np.random.default_rng(1).random((200000, 10)), delimiter=",")'
	# 50 MB of text, 16 MB of numbers.
	( ulimit -v 110000; tensor convert x.csv -o x.npy --threads 2 )
	numpy 'assert (np.load("x.npy") == np.loadtxt("x.csv", delimiter=",")).all()'
	tensor convert x.npy -o y.csv
	( ulimit -v 110000; tensor convert x.npy -o z.csv --threads 2 )
	cmp y.csv z.csv
}

@test "text is known by its content, too" {
	printf '1,2\n3,4\n' | tensor convert - -o a.npy && holds a.npy '[[1, 2], [3, 4]]'
	printf 'x\ty\n1\t2.5\n' | tensor convert - -o a.npy && holds a.npy '[[1, 2.5]]'
	printf '# made by hand\n\n1 2\r\n' >noname
	tensor convert noname -o a.npy && holds a.npy '[[1, 2]]'
	seq 5000 | tensor reduce sum - -o a.npy && holds a.npy 12502500
	for t in 'hello world\n' '1,2\n3\n' 'a,b\n' '1,two\n3,four\n' '{1}\n'; do
		# shellcheck disable=SC2059 # these are formats
		printf "$t" >noname
		run -3 --separate-stderr tensor convert noname -o x.npy
		message "tensor convert: noname: unknown format; *"
	done
}
