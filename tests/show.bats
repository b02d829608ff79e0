#!/usr/bin/env bats
# show prints as NumPy prints.

load helper

same_as_numpy() { # FILE [OPTIONS of show] -- NumPy's print options
	local file=$1 words=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
	shift || true
	run --separate-stderr tensor show "$file" "${words[@]}"
	output_is "$(numpy 'np.set_printoptions(**eval("dict(%s)" % (sys.argv[3] if len(sys.argv) > 3 else ""))); print(np.load(sys.argv[2]))' "$file" "$@")"
}

@test "as print(a) of NumPy, for every dtype" {
	for d in bool int8 uint64 float16 float32 float64 complex64 complex128; do
		numpy 'd = sys.argv[2]; rng = np.random.default_rng(1)
x = (rng.standard_normal((3, 4)) * 3).astype(d) if d != "complex64" else (rng.standard_normal((3, 4)) + 1j).astype(d)
np.save("a.npy", x)' "$d"
		same_as_numpy a.npy
	done
}

@test "special values, small and large numbers, empty and 0-d arrays" {
	numpy 'v = np.array
for i, x in enumerate([v([np.nan, np.inf, -np.inf, -0., 0.]), v([1e-10, 1, 1e10]), v([1e300, 1e-300]), v(3.5), v(7), v([]), np.zeros((0, 3)), v([[1.5, np.nan]]),
        v([1 + 2j, complex(np.nan, np.inf)]), np.zeros((2, 3, 4)), v([0.1, 0.25, 1/3]), v([True]), v([123456789, -5]), v([1e5, 123456.789])]):
    np.save("%d.npy" % i, x)'
	for f in *.npy; do same_as_numpy "$f"; done
}

@test "summarised, --full, --precision, --threshold, --edgeitems, --linewidth" {
	tensor create arange 10000 --dtype float64 -o r.npy
	tensor op reshape r.npy 100,100 -o a.npy
	same_as_numpy a.npy
	same_as_numpy r.npy
	same_as_numpy a.npy --full -- 'threshold=sys.maxsize'
	same_as_numpy a.npy --edgeitems 2 --linewidth 40 -- 'edgeitems=2, linewidth=40'
	tensor create rand 5 --seed 1 -o u.npy
	same_as_numpy u.npy --precision 2 -- 'precision=2'
	same_as_numpy u.npy --threshold 3 -- 'threshold=3'
	tensor create array '[1e-10,1]' -o s.npy
	same_as_numpy s.npy --suppress -- 'suppress=True'
}

@test "a terminal gets text, a pipe or a file gets bytes" {
	tensor create arange 3 -o a.npy
	tensor op add a.npy 1 >b.npy && holds b.npy '[1, 2, 3]'
	command -v script >/dev/null || skip "script is not there"
	run --separate-stderr script -qec 'tensor op add a.npy 1' /dev/null
	[[ "$output" == '[1 2 3]'* ]]
	run --separate-stderr script -qec 'tensor create zeros 2' /dev/null
	[[ "$output" == '[0. 0.]'* ]]
}

@test "big-endian, Fortran order, slices, members" {
	numpy 'np.save("f.npy", np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))); np.savez("z.npz", a=np.arange(3))'
	same_as_numpy f.npy
	run --separate-stderr tensor show f.npy@:,1
	output_is '[1 4]'
	run --separate-stderr tensor show z.npz:a
	output_is '[0 1 2]'
	run -3 --separate-stderr tensor show nosuch.npy
}
