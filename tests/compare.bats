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
