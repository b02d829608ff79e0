#!/usr/bin/env bats
# compare: 0 the same, 1 not, with a report of how many and where.

load helper

@test "equal, close, different" {
	tensor create array '[1,2,3]' --dtype float64 -o a.npy
	tensor create array '[1,2,3.00000001]' -o b.npy
	tensor create array '[1,2.5,3]' -o c.npy
	run -0 tensor compare a.npy a.npy
	run -0 tensor compare a.npy b.npy
	run -1 tensor compare a.npy b.npy --exact
	run -1 tensor compare a.npy b.npy --rtol 0 --atol 1e-12
	run -0 tensor compare a.npy b.npy --rtol 0 --atol 1e-7
	run -1 tensor compare a.npy c.npy
	run -0 tensor compare a.npy c.npy --atol 1
	run -0 tensor compare a.npy@0 1
}

@test "the report says how many differ, where, and by how much" {
	tensor create zeros 3,4 -o a.npy
	tensor create zeros 3,4 -o b.npy
	tensor op copy_ b.npy@1,2 0.5
	tensor op copy_ b.npy@2,0 0.25
	run --separate-stderr tensor compare a.npy b.npy
	[ "$status" = 1 ]
	[[ "$output" == *2*12* && "$output" == *'(1, 2)'* && "$output" == *0.5* ]]
	[ -z "$stderr" ]
	run -1 --separate-stderr tensor compare a.npy b.npy -q
}

@test "NaN, infinities, signs of zero" {
	tensor create array '[nan,inf,0.0]' -o a.npy
	tensor create array '[nan,-inf,-0.0]' -o b.npy
	run -1 tensor compare a.npy a.npy
	run -0 tensor compare a.npy a.npy --equal-nan
	run -0 tensor compare a.npy a.npy --exact
	run -1 tensor compare a.npy b.npy --equal-nan
	run -0 tensor compare a.npy@2 b.npy@2
	run -1 tensor compare a.npy@2 b.npy@2 --exact
}

@test "units in the last place" {
	numpy 'a = np.array([1, 2, 3], "f4"); np.save("a.npy", a); np.save("b.npy", np.nextafter(np.nextafter(a, 9), 9))'
	run -0 tensor compare a.npy b.npy --ulp 2
	run -1 tensor compare a.npy b.npy --ulp 1
}

@test "shapes and dtypes that differ" {
	tensor create zeros 3,4 -o a.npy
	tensor create zeros 3,5 -o b.npy
	run --separate-stderr tensor compare a.npy b.npy
	[[ $status = [14] ]]
	[[ "$output$stderr" == *'(3, 4)'*'(3, 5)'* ]]
	tensor create zeros 3,4 --dtype float32 -o c.npy
	run -0 tensor compare a.npy c.npy
	run -1 tensor compare a.npy c.npy --exact
	tensor create arange 3 -o i.npy
	tensor create arange 3 --dtype float64 -o f.npy
	run -0 tensor compare i.npy f.npy
	run -3 tensor compare a.npy nosuch.npy
}

@test "large integers are not compared as floats" {
	numpy 'np.save("a.npy", np.array([2**53, 2**63 - 1])); np.save("b.npy", np.array([2**53 + 1, 2**63 - 2]))'
	run -1 tensor compare a.npy b.npy --rtol 0 --atol 0
	run -1 tensor compare a.npy b.npy --exact
}

@test "members of archives, and the oracle of NumPy" {
	numpy 'rng = np.random.default_rng(0)
np.savez("a.npz", x=rng.random(3), y=np.arange(4)); np.savez("b.npz", x=rng.random(3), y=np.arange(4))
for i in range(8):
    a = rng.random(50); b = a + rng.standard_normal(50) * 10.0 ** -rng.integers(3, 12)
    np.save("p%d.npy" % i, a); np.save("q%d.npy" % i, b)
    open("want%d" % i, "w").write(str(int(not np.allclose(a, b))))'
	run -0 tensor compare a.npz:y b.npz:y
	for i in 0 1 2 3 4 5 6 7; do
		run tensor compare "p$i.npy" "q$i.npy"
		[ "$status" = "$(cat "want$i")" ]
	done
}

@test "two archives: names in both directions, and each member, whatever the formats" {
	numpy 'rng = np.random.default_rng(0); w = rng.random((30, 40), "f4"); v = w.copy(); v[3, 5] += 0.5; v[4, 0] = np.nan
i = np.arange(4); n = np.array([1, np.nan, np.inf])
np.savez("a.npz", w=w, i=i, same=w, n=n, y=i); np.savez_compressed("b.npz", n=np.array([1, np.nan, -np.inf]), same=w, i=np.arange(5), w=v, z=i)'
	tensor convert a.npz -o a.safetensors
	run -0 tensor compare a.npz a.npz --equal-nan
	[ "${lines[0]}" = 'equal: 5 members, criterion: |a - b| <= 1e-08 + 1e-05 * |b|, nan equals nan' ]
	run -0 tensor compare a.npz a.safetensors --exact
	[ "${lines[0]}" = 'equal: 5 members, criterion: the same bits' ]
	run -1 --separate-stderr tensor compare a.safetensors b.npz
	[ "${lines[0]}" = 'different: 3 of 4 members, 1 only in a.safetensors, 1 only in b.npz, criterion: |a - b| <= 1e-08 + 1e-05 * |b|' ]
	[ "${lines[1]}" = '  only in a.safetensors: y' ]
	[ "${lines[2]}" = '  only in b.npz: z' ]
	[[ "$output" == *'  w     different: 2 of 1200 elements (0.167%) of float32 (30, 40), first at (3, 5), worst abs 0.5, rel 0.'*', ulp '*', nan 0 and 1 (0 at the same places)'* ]]
	[[ "$output" == *'  i     different: a.safetensors is int64 (4,), b.npz is int64 (5,)'* ]]
	[[ "$output" == *'  n     different: 2 of 3 elements (66.7%) of float64 (3,), first at (1,), worst abs 0, rel 0, ulp 0, nan 1 and 1 (1 at the same places), inf 1 where the other is not'* ]]
	[[ "$output" == *'  same  equal: 1200 elements of float32 (30, 40), worst abs 0, rel 0, ulp 0'* ]]
	[ "${#lines[@]}" = 7 ]
	run -1 --separate-stderr tensor compare a.npz b.npz -q
	[ -z "$output$stderr" ]
	cat a.safetensors | tensor compare - a.npz --exact -q
	tensor compare a.npz - --exact -q <a.safetensors
	# One member each: the names count, until one is chosen.
	tensor create arange 3 -o p.npy
	tensor convert x=p.npy -o x.npz
	tensor convert y=p.npy -o y.npz
	run -1 tensor compare x.npz y.npz
	[ "${lines[0]}" = 'different: 1 only in x.npz, 1 only in y.npz, criterion: |a - b| <= 1e-08 + 1e-05 * |b|' ]
	run -0 tensor compare x.npz:x y.npz
	run -0 tensor compare x.npz p.npy
	run -3 --separate-stderr tensor compare a.npz p.npy
	message 'tensor compare: a.npz: has several members, choose one *'
	# Several arrays in one file.
	cat p.npy p.npy >two.npy
	run -0 tensor compare two.npy two.npy
	run -1 tensor compare two.npy p.npy
}

@test "the criteria hold for each member; the report as JSON" {
	numpy 'a = np.array([1, 2, 3], "f4"); np.savez("a.npz", f=a, i=np.arange(3), c=a * 1j); np.savez("b.npz", f=np.nextafter(a, np.float32(9)), i=np.arange(3), c=a * 1j)
np.savez("c.npz", f=a, i=np.arange(3.) + 1e-9, c=a * 1j)'
	run -0 tensor compare a.npz b.npz --ulp 1
	run -1 tensor compare a.npz b.npz --ulp 0
	run -1 tensor compare a.npz c.npz --ulp 5
	run -0 tensor compare a.npz c.npz
	run -1 tensor compare a.npz c.npz --exact
	[[ "$output" == *'  i  different: a.npz is int64 (3,), c.npz is float64 (3,)'* ]]
	run -1 tensor compare a.npz b.npz --rtol 0 --atol 0 --json
	numpy 'j = json.loads(sys.argv[2]); f, i, c = j["members"]
assert j["equal"] is False and j["criterion"] == {"rtol": 0, "atol": 0, "equal_nan": False} and j["only_in_a"] == j["only_in_b"] == [], j
assert (f["name"], f["equal"], f["dtype"], f["shape"], f["size"], f["different"], f["first"]) == ("f", False, ["float32"] * 2, [[3], [3]], 3, 3, [0]), f
assert f["abs"] == {"error": 2.0**-22, "index": [1], "a": 2.0, "b": 2.0000002} and f["ulp"]["error"] == 1 and f["nan"] == [0, 0, 0] and f["inf"] == 0, f
assert i["equal"] and i["abs"] is None and c["equal"] and c["ulp"] is None' "$output"
	run -0 tensor compare a.npz:i c.npz:i --json
	numpy 'j = json.loads(sys.argv[2]); assert j["equal"] and j["criterion"]["rtol"] == 1e-5 and j["rel"]["error"] == 1 and j["shape"] == [[3], [3]], j' "$output"
	run -3 tensor compare a.npz nosuch.npz --json
}

@test "members that are no arrays, and types that are only bytes" {
	numpy 'np.savez("a.npz", x=np.arange(3), s=np.array(["ab"])); np.savez("b.npz", x=np.arange(1, 4), s=np.array(["ab"]))
def st(name, dtype, data):
    h = json.dumps({"m": {"dtype": dtype, "shape": [4], "data_offsets": [0, len(data)]}}).encode()
    open(name, "wb").write(len(h).to_bytes(8, "little") + h + data)
st("e.st", "F8_E8M0", b"abcd"); st("f.st", "F8_E8M0", b"abce"); st("g.st", "F8_E4M3FNUZ", b"abcd"); st("h.st", "U8", b"abcd")'
	run -3 --separate-stderr tensor compare a.npz a.npz
	[ "${lines[0]}" = 'equal: 1 members, criterion: |a - b| <= 1e-08 + 1e-05 * |b|' ]
	message 'tensor compare: a.npz:s: has elements of type <U2, which cannot be compared'
	run -1 --separate-stderr tensor compare a.npz b.npz
	run -0 tensor compare e.st e.st --exact
	run -1 tensor compare e.st f.st
	run -1 tensor compare e.st g.st
	[[ "$output" == *'  m  different: of type F8_E8M0 and F8_E4M3FNUZ'* ]]
	run -1 tensor compare e.st h.st --json
	[[ "$output" == *'{"name": "m", "equal": false, "dtype": ["F8_E8M0", "uint8"]}'* ]]
	tensor create array '[97,98,99,100]' --dtype uint8 -o u.npy
	run -3 --separate-stderr tensor compare e.st u.npy
	message 'tensor compare: e.st: has elements of type F8_E8M0, which is compared with its like only'
	run -0 tensor compare h.st u.npy
}

@test "NaN in what is otherwise the same" {
	numpy 'a = np.zeros(100000); a[70000] = np.nan; np.save("a.npy", a)'
	run -1 tensor compare a.npy a.npy
	[[ "$output" == *'1 of 100000 elements'*'(70000,)'*'1 and 1, 1 at the same places'* ]]
	run -0 tensor compare a.npy a.npy --equal-nan
	[[ "$output" == *'1 and 1, 1 at the same places'* ]]
}
