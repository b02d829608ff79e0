#!/usr/bin/env bats
# NAME_ writes into the file itself: every link and view of it changes.

load helper

@test "add_, mul_, exp_, copy_, fill_, zero_" {
	tensor create arange 4 --dtype float64 -o a.npy
	inode=$(stat -c %i a.npy)
	tensor op add_ a.npy 10 && holds a.npy '[10., 11, 12, 13]'
	tensor op mul_ a.npy 2 && holds a.npy '[20., 22, 24, 26]'
	tensor op square_ a.npy && holds a.npy '[400., 484, 576, 676]'
	tensor create array '[1,2,3,4]' -o b.npy
	tensor op copy_ a.npy b.npy && holds a.npy '[1., 2, 3, 4]'
	tensor op fill_ a.npy 7 && holds a.npy '[7., 7, 7, 7]'
	tensor op zero_ a.npy && holds a.npy '[0., 0, 0, 0]'
	[ "$(stat -c %i a.npy)" = "$inode" ]
	only a.npy b.npy
}

@test "through a slice" {
	tensor create zeros 3,4 -o a.npy
	tensor op copy_ a.npy@0:2 5
	holds a.npy '[[5.]*4, [5.]*4, [0.]*4]'
	tensor op add_ a.npy@:,1 1
	holds a.npy '[[5., 6, 5, 5], [5, 6, 5, 5], [0, 1, 0, 0]]'
	tensor create array '[1,2,3,4]' -o v.npy
	tensor op copy_ a.npy@-1,::-1 v.npy
	holds a.npy '[[5., 6, 5, 5], [5, 6, 5, 5], [4, 3, 2, 1]]'
}

@test "through links" {
	tensor create arange 3 -o a.npy
	ln a.npy hard.npy
	ln -s a.npy soft.npy
	tensor op add_ soft.npy 1
	holds hard.npy '[1, 2, 3]'
	[ -L soft.npy ]
}

@test "the operand may be the file itself, or another slice of it" {
	tensor create arange 5 -o a.npy
	tensor op add_ a.npy a.npy && holds a.npy '[0, 2, 4, 6, 8]'
	tensor op add_ a.npy@1: a.npy@:-1
	holds a.npy '[0, 2, 6, 10, 14]'
	tensor op copy_ a.npy a.npy@::-1
	holds a.npy '[14, 10, 6, 2, 0]'
}

@test "a result that does not fit is refused, and the file is what it was" {
	tensor create array '[1,2,3]' -o a.npy
	cp a.npy keep.npy
	run -4 --separate-stderr tensor op add_ a.npy 1.5
	message 'tensor op: *float64*int64*'
	tensor create ones 2,3 -o b.npy
	run -4 --separate-stderr tensor op add_ a.npy b.npy
	run -4 --separate-stderr tensor op exp_ a.npy
	run -2 --separate-stderr tensor op add_ 2 a.npy
	cmp a.npy keep.npy
}

@test "big-endian and Fortran-ordered files keep their order" {
	numpy 'np.save("a.npy", np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)))'
	tensor op add_ a.npy 1
	numpy 'x = np.load("a.npy"); assert x.dtype == ">i4" and np.isfortran(x) and (x == np.arange(6).reshape(2, 3) + 1).all()'
}

@test "what cannot be changed in place" {
	tensor create arange 3 -o a.npy
	tensor convert a.npy -o z.npz --compress
	run -3 --separate-stderr tensor op add_ z.npz:a 1
	run --separate-stderr bash -c 'tensor create arange 3 | tensor op add_ - 1'
	[[ $status = [234] ]]
	run -2 --separate-stderr tensor op add_ a.npy 1 -o b.npy
	run -3 --separate-stderr tensor op add_ nosuch.npy 1
	run -2 --separate-stderr tensor op nosuch_ a.npy
}

@test "a member of a stored archive, whose checksum follows" {
	numpy 'np.savez("z.npz", a=np.arange(6.), b=np.ones((2, 2), "i4"))'
	tensor op add_ z.npz:a 1
	tensor op mul_ z.npz:b@0 7
	numpy 'z = np.load("z.npz"); assert (z["a"] == np.arange(6) + 1).all() and (z["b"] == [[7, 7], [1, 1]]).all()
import zipfile; assert zipfile.ZipFile("z.npz").testzip() is None'
	tensor show z.npz:a
	# With a data descriptor behind each member.
	tensor convert a=z.npz:a b=z.npz:b --to npz | cat >p.npz
	tensor op add_ p.npz:b 1
	numpy 'z = np.load("p.npz"); assert (z["b"] == [[8, 8], [2, 2]]).all()'
	# What is corrupt does not become valid.
	numpy 'b = bytearray(open("z.npz", "rb").read()); b[b.index(b"\x93NUMPY") + 130] ^= 1; open("z.npz", "wb").write(b)'
	cp z.npz keep.npz
	run -3 --separate-stderr tensor op add_ z.npz:a 1
	message 'tensor op: z.npz: a.npy: is corrupt: its CRC *'
	cmp z.npz keep.npz
}

@test "output == input is safe without in-place, too" {
	tensor create arange 100000 -o a.npy
	tensor op add a.npy a.npy -o a.npy
	holds a.npy 'np.arange(100000) * 2'
	tensor op flip a.npy -o a.npy
	holds a.npy '(np.arange(100000) * 2)[::-1]'
	only a.npy
}

@test "the operand is the same file, shifted, reversed or broadcast" {
	tensor create arange 10 -o v.npy
	cp v.npy a.npy
	tensor op add_ a.npy@1: a.npy@:-1 && holds a.npy '[0, 1, 3, 5, 7, 9, 11, 13, 15, 17]'
	cp v.npy a.npy
	tensor op add_ a.npy@:-1 a.npy@1: && holds a.npy '[1, 3, 5, 7, 9, 11, 13, 15, 17, 9]'
	cp v.npy a.npy
	ln -s a.npy soft.npy
	ln a.npy hard.npy
	tensor op copy_ a.npy soft.npy@::-1 && holds a.npy 'np.arange(9, -1, -1)'
	tensor op add_ a.npy@5: hard.npy@:5 && holds a.npy '[9, 8, 7, 6, 5, 13, 11, 9, 7, 5]'
	tensor op mul_ a.npy@2:5 a.npy@3 && holds a.npy '[9, 8, 42, 36, 30, 13, 11, 9, 7, 5]'
	tensor create arange 12 | tensor op reshape - 3,4 -o m.npy
	tensor op add_ m.npy m.npy@0 && holds m.npy '[[0, 2, 4, 6], [4, 6, 8, 10], [8, 10, 12, 14]]'
	tensor op copy_ m.npy@0:2,::-1 m.npy@1:3,: && holds m.npy '[[10, 8, 6, 4], [14, 12, 10, 8], [8, 10, 12, 14]]'
}

@test "no and one element, several arrays in a file, clamp_, masked_fill_, tril_" {
	numpy 'np.save("z.npy", np.array(3.)); np.save("e.npy", np.zeros((0, 3))); f = open("many.npy", "wb"); np.save(f, np.eye(3)); np.save(f, np.arange(5)); np.save("k.npy", np.arange(5) % 2 == 0)'
	tensor op add_ z.npy 1 && holds z.npy 4.0
	tensor op add_ e.npy 1 && holds e.npy 'np.zeros((0, 3))'
	tensor op add_ many.npy:1@0:3 50
	tensor op triu_ many.npy 1
	tensor convert many.npy -o 'm{}.npy'
	holds m0.npy 'np.zeros((3, 3))' && holds m1.npy '[50, 51, 52, 3, 4]'
	tensor op masked_fill_ m1.npy k.npy -1 && holds m1.npy '[-1, 51, -1, 3, -1]'
	tensor op clamp_ m1.npy --max 4 && holds m1.npy '[-1, 4, -1, 3, -1]'
	tensor op clamp_ m1.npy 0 3 && holds m1.npy '[0, 3, 0, 3, 0]'
}
