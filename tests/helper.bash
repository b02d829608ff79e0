# What the bats files share.  Each test runs in a directory of its own.

bats_require_minimum_version 1.5.0

setup() {
	mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
}

# Run a command for whom permissions hold, as they do not for root.
permitted() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"
	else
		"$@"
	fi
}

# The one line on standard error is this, as a pattern of case.
message() {
	# shellcheck disable=SC2154,SC2053 # stderr is set by run
	if [[ "$stderr" != $1 ]]; then
		printf 'message: %s\nwanted:  %s\n' "$stderr" "$1"
		return 1
	fi
}

# Standard output is exactly this.
output_is() {
	# shellcheck disable=SC2154 # output is set by run
	if [ "$output" != "$1" ]; then
		printf -- 'output:\n%s\nwanted:\n%s\n' "$output" "$1"
		return 1
	fi
}

# NumPy: statements with np in scope.
numpy() {
	"$PYTHON" -c 'import sys, io, json, numpy as np
try: import ml_dtypes
except ImportError: pass
exec(sys.argv[1])' "$@"
}

# FILE holds this array: holds a.npy '[[1, 2], [3, 4]]' int64
holds() {
	numpy 'x = np.load(sys.argv[2]); w = np.array(eval(sys.argv[3], {"nan": np.nan, "inf": np.inf, "True": True, "False": False, "np": np}))
if len(sys.argv) > 4: w = w.astype(sys.argv[4])
assert x.dtype == w.dtype and x.shape == w.shape and np.array_equal(x, w, equal_nan=x.dtype.kind in "fc"), (x.dtype, x, w)' "$@"
}

# Nothing but these files is in the directory: no temporary file was left behind.
only() {
	local have want
	have=$(find . -mindepth 1 -printf '%P\n' | sort)
	want=$(printf '%s\n' "$@" | sort)
	[ "$have" = "$want" ] || { printf 'files:\n%s\nwanted:\n%s\n' "$have" "$want"; return 1; }
}

slow_sanitizer() {
	[ -z "${SANITIZER:-}" ] || skip "not under the sanitizers: $1"
}
