#!/usr/bin/env bats
# Words at the edge: names of members as names of files, names that are no UTF-8, integers beyond 64 bits, options given twice.

load helper

@test "a member's name does not choose the directory" {
	mkdir d
	numpy 'np.savez("w.npz", **{"../evil": np.arange(2), "a": np.eye(2)})'
	run -3 --separate-stderr tensor convert w.npz -o 'd/{}.npy'
	message "tensor convert: '../evil' is no name of a file*"
	only d w.npz
	tensor convert w.npz:../evil -o ok.npy
	holds ok.npy '[0, 1]'
}

@test "names that are no UTF-8 in JSON" {
	name=$(printf 'bad\xff"\\\x1b.npy')
	tensor create arange 3 -o "$name"
	tensor info --json "$name" >out.json
	numpy 'import os; x = json.load(open("out.json")); assert os.fsencode(x["file"]) == b"bad\xff\"\\\x1b.npy", x'
}

@test "an archive of one member needs no key" {
	tensor create arange 3 -o a.npy
	tensor convert a.npy -o w.npz
	run -0 --separate-stderr tensor info w.npz --field dtype
	output_is int64
	run -0 --separate-stderr tensor info w.npz --stats
	[[ $output == *mean*1.0* ]]
	run -0 --separate-stderr tensor info w.npz --field members
	output_is a
}

@test "an option given twice" {
	tensor create arange 3 -o a.npy
	run -2 --separate-stderr tensor op add a.npy 1 -o b.npy -o c.npy
	message "tensor op: option '--output' is given twice"
	run -2 --separate-stderr tensor reduce sum a.npy --axis 0 --dim 0
	run -2 --separate-stderr tensor info a.npy --field ndim --field=size
	only a.npy
}

@test "integers beyond 64 bits" {
	numpy 'np.save("i.npy", np.array([-2**63, 2**63 - 1])); np.save("u.npy", np.array([2**64 - 1], dtype=np.uint64)); np.save("f.npy", np.float32([1, 2]))'
	tensor op less i.npy 18446744073709551616 -o r.npy && holds r.npy '[True, True]'
	tensor op less u.npy 18446744073709551616 -o r.npy && holds r.npy '[True]'
	tensor op greater u.npy -18446744073709551616 -o r.npy && holds r.npy '[True]'
	tensor op equal u.npy 18446744073709551616 -o r.npy && holds r.npy '[False]'
	tensor op mul f.npy 100000000000000000000 -o r.npy && holds r.npy 'np.float32([1, 2]) * 10**20' float32
	run -4 --separate-stderr tensor op add i.npy 100000000000000000000
	message 'tensor op: i.npy (2,): integer 100000000000000000000 is out of bounds for int64'
}

@test "compare: integers are compared exactly, and shown so" {
	numpy 'np.save("i.npy", np.array([2**53, 2**63 - 1])); np.save("j.npy", np.array([2**53 + 1, 2**63 - 1])); np.save("u.npy", np.array([2**53 + 1, 2**63 - 1], dtype=np.uint64))
np.save("m.npy", np.array([-1])); np.save("x.npy", np.array([2**64 - 1], dtype=np.uint64))'
	run -1 --separate-stderr tensor compare i.npy j.npy --rtol 0
	[[ $output == *'9007199254740992 and 9007199254740993'* ]]
	run -1 --separate-stderr tensor compare i.npy u.npy --rtol 0
	run -1 --separate-stderr tensor compare u.npy i.npy --rtol 0
	run -0 --separate-stderr tensor compare j.npy u.npy --rtol 0 --atol 0
	run -1 --separate-stderr tensor compare m.npy x.npy
	[[ $output == *'-1 and 18446744073709551615'* ]]
	run -1 --separate-stderr tensor compare m.npy -1.5
	run -0 --separate-stderr tensor compare m.npy -1
	tensor create array '[0,1.5]' -o f.npy
	run -0 tensor compare f.npy f.npy --rtol inf
}

@test "files whose names look like numbers, slices and keys" {
	tensor create arange 3 -o ./2
	cp 2 a:b.npy
	cp 2 a@1.npy
	cp 2 -- -1
	cp 2 ' x y.npy'
	run -0 --separate-stderr tensor show 2
	output_is 2
	run -0 --separate-stderr tensor show ./2
	output_is '[0 1 2]'
	for name in a:b.npy a@1.npy ./-1 ' x y.npy'; do
		run -0 --separate-stderr tensor show "$name"
		output_is '[0 1 2]'
		run -0 --separate-stderr tensor show "$name@-1"
		output_is 2
	done
	run -3 --separate-stderr tensor show $'no\nsuch\x1b.npy'
	message 'tensor show: no\\nsuch\\x1b.npy: No such file or directory'
}
