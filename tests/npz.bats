#!/usr/bin/env bats
# Archives: what is appended, where members lie, what makes the same file again.

load helper

@test "append a member: the others stay what they are, byte for byte" {
	numpy 'np.savez("z.npz", a=np.arange(6.), b=np.ones((2, 2), "i4")); np.savez_compressed("c.npz", a=np.arange(1000)); np.save("w.npy", np.arange(5))'
	cp z.npz old.npz
	tensor convert --append w.npy x=w.npy@1: -o z.npz
	tensor convert --append w.npy -o c.npz --compress
	tensor convert w.npy --append -o c.npz.new --to npz
	rm c.npz.new
	numpy '
z, old = np.load("z.npz"), np.load("old.npz")
assert z.files == ["a", "b", "w", "x"], z.files
assert all((z[k] == old[k]).all() for k in old.files) and (z["w"] == np.arange(5)).all() and (z["x"] == np.arange(1, 5)).all()
c = np.load("c.npz"); assert c.files == ["a", "w"] and (c["a"] == np.arange(1000)).all()
import zipfile
for n in "z.npz", "c.npz": assert zipfile.ZipFile(n).testzip() is None
o = zipfile.ZipFile("old.npz"); n = o.start_dir
assert open("z.npz", "rb").read()[:n] == open("old.npz", "rb").read()[:n]'
	run -0 tensor info z.npz --field members
	output_is "a
b
w
x"
	# A new archive, an empty one, one of its own members.
	tensor convert --append w.npy -o new.npz
	numpy 'np.savez("e.npz")'
	tensor convert --append w.npy -o e.npz
	cmp new.npz e.npz
	tensor convert --append v=new.npz:w -o new.npz
	tensor compare new.npz:v new.npz:w --exact
	only z.npz c.npz w.npy old.npz new.npz e.npz
}

@test "what cannot be appended to is what it was" {
	numpy 'np.savez("z.npz", a=np.arange(6.)); np.save("w.npy", np.arange(5)); open("n.npz", "w").write("no archive, but some text"); open("cut.npz", "wb").write(open("z.npz", "rb").read()[:-30])'
	: >empty.npz
	cp z.npz keep.npz
	run -2 --separate-stderr tensor convert --append a=w.npy -o z.npz
	message "tensor convert: z.npz: has a member 'a' already; *"
	run -2 --separate-stderr tensor convert --append w.npy w=w.npy -o z.npz
	for f in n cut empty; do
		run -3 --separate-stderr tensor convert --append w.npy -o $f.npz
		message "tensor convert: $f.npz: is no valid zip archive: *"
	done
	run -2 --separate-stderr tensor convert --append w.npy -o x.npy
	run -2 --separate-stderr tensor convert --append w.npy --to npz
	run -3 --separate-stderr tensor convert --append nosuch.npy -o z.npz
	cmp z.npz keep.npz
	[ ! -s empty.npz ]
	only z.npz keep.npz w.npy n.npz cut.npz empty.npz
}

@test "an archive behind something else, with duplicates, a zip64 end, data descriptors" {
	numpy 'import zipfile
np.save("w.npy", np.arange(5))
f = io.BytesIO(); np.savez(f, a=np.arange(3), b=np.arange(4)); open("sfx.npz", "wb").write(b"#!/bin/sh\n" * 10 + f.getvalue())
with zipfile.ZipFile("dup.npz", "w") as z:
    for v in 1, 2:
        g = io.BytesIO(); np.save(g, np.full(3, v)); z.writestr("a.npy", g.getvalue())' 2>/dev/null
	tensor convert a=w.npy b=w.npy --to npz | cat >piped.npz
	for f in sfx dup piped; do
		tensor convert $f.npz:a -o before.npy
		tensor convert --append w.npy -o $f.npz
		tensor compare $f.npz:a before.npy --exact
		tensor compare $f.npz:w w.npy --exact
		numpy 'import zipfile; z = zipfile.ZipFile(sys.argv[2]); assert z.testzip() is None and (np.load(io.BytesIO(z.read("w.npy"))) == np.arange(5)).all()' $f.npz
	done
}

@test "elements of stored members start at multiples of 64; the same arrays make the same file" {
	numpy 'np.save("a.npy", np.arange(7, dtype="u1")); np.save("b.npy", np.arange(3.)); np.save("e.npy", np.zeros((0, 3)))'
	tensor convert a.npy b.npy a_long_name_for_a_member=b.npy e.npy -o z.npz
	tensor convert --append last=a.npy -o z.npz
	tensor convert z.npz --to npz | cat >p.npz
	numpy 'import zipfile
for n in "z.npz", "p.npz":
    raw = open(n, "rb").read()
    for i in zipfile.ZipFile(n).infolist():
        at = i.header_offset + 30 + int.from_bytes(raw[i.header_offset + 26:][:2], "little") + int.from_bytes(raw[i.header_offset + 28:][:2], "little")
        assert raw[at:at + 6] == b"\x93NUMPY" and at % 64 == 0, (i.filename, at)
        assert i.date_time == (1980, 1, 1, 0, 0, 0)'
	sleep 2.1
	touch a.npy
	tensor convert a.npy b.npy a_long_name_for_a_member=b.npy e.npy last=a.npy -o again.npz
	cmp z.npz again.npz
	# And they are used where they are.
	tensor convert --share z.npz:b -o b.view.json
	numpy 'v = json.load(open("b.view.json")); assert v["offset"] % 64 == 0 and (np.fromfile("z.npz", "f8", 3, offset=v["offset"]) == np.arange(3)).all()'
}

@test "an archive on standard input, from a file and from a pipe" {
	numpy 'np.savez("z.npz", a=np.arange(6.), b=np.ones((2, 2), "i4")); np.savez_compressed("c.npz", a=np.arange(6.), b=np.ones((2, 2), "i4"))'
	for f in z c; do
		tensor convert - -o f.npz <$f.npz
		cat $f.npz | tensor convert - -o p.npz
		cmp f.npz p.npz
		tensor compare f.npz:a z.npz:a --exact && tensor compare p.npz:b z.npz:b --exact
		cat $f.npz | tensor op add -:a 1 -o s.npy && holds s.npy 'np.arange(6.) + 1'
	done
}

@test "compressed by blocks: every level, the same bytes for any number of threads" {
	numpy 'r = np.random.default_rng(1)
np.save("f.npy", r.random(200000).astype("f4")); np.save("i.npy", r.integers(0, 40, 150000)); np.save("z.npy", np.zeros(1 << 20, "u1")); np.save("s.npy", np.arange(3))'
	for level in 1 6 9; do
		for t in 1 2 5; do
			tensor convert f.npy i.npy z.npy s.npy -o $t.npz --compress $level --threads $t
		done
		cmp 1.npz 2.npz && cmp 1.npz 5.npz
		cat i.npy | tensor convert - --to npz --compress $level | cat >p.npz
		tensor compare p.npz i.npy --exact
		for k in f i z s; do tensor compare 1.npz:$k $k.npy --exact; done
		mv 1.npz level$level.npz
	done
	# Python inflates it; a higher level makes less, and no level much more than zlib does.
	numpy '
import zipfile, zlib
size = {}
for level in 1, 6, 9:
    f = zipfile.ZipFile("level%d.npz" % level)
    assert f.testzip() is None
    for k in "fizs":
        assert (np.load(io.BytesIO(f.read(k + ".npy"))) == np.load(k + ".npy")).all()
        packed = len(zlib.compress(open(k + ".npy", "rb").read(), level))
        assert f.getinfo(k + ".npy").compress_size < 1.03 * packed + 100, (level, k, f.getinfo(k + ".npy"), packed)
    size[level] = sum(i.compress_size for i in f.infolist())
assert size[1] > size[6] >= size[9], size'
	run -2 --separate-stderr tensor convert s.npy -o x.npz --compress 10
	message "tensor convert: --compress*10*"
	tensor convert s.npy -o x.npz --compress 0
	numpy 'import zipfile; assert zipfile.ZipFile("x.npz").infolist()[0].compress_type == 0'
}

@test "appends to one archive at the same time: no member is lost" {
	tensor create arange 50000 -o a.npy
	for i in 1 2 3 4 5 6; do tensor convert --append m$i=a.npy -o new.npz & done
	wait
	numpy 'import zipfile; z = zipfile.ZipFile("new.npz"); assert sorted(z.namelist()) == ["m%d.npy" % i for i in range(1, 7)] and z.testzip() is None, z.namelist()'
	for i in 1 2 3 4; do tensor convert --append n$i=a.npy -o new.npz --compress & done
	wait
	[ "$(tensor info new.npz --field members | sort | tr '\n' ' ')" = "m1 m2 m3 m4 m5 m6 n1 n2 n3 n4 " ]
	tensor compare new.npz:n3 a.npy --exact
	only a.npy new.npz
}

@test "an append that is killed leaves the archive as it was" {
	tensor create arange 1000 -o a.npy
	tensor convert a.npy -o z.npz
	cp z.npz keep.npz
	for s in TERM KILL; do
		mkfifo p
		tensor convert --append b=p -o z.npz &
		pid=$!
		# It holds the lock and waits for the rest of the data.
		exec 7>p
		head -c 4000 a.npy >&7
		sleep 0.3
		kill -$s $pid
		run wait $pid
		exec 7>&-
		rm p
		cmp z.npz keep.npz
		rm -f .z.npz.tmp-*
	done
	# Nobody is locked out by the dead.
	timeout 20 tensor convert --append b=a.npy -o z.npz
	tensor compare z.npz:b a.npy --exact
}
