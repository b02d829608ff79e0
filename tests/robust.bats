#!/usr/bin/env bats
# Full disks, kills, lack of memory, other locales, two at once: no half-written file, no crash.

load helper

@test "/dev/full: status 5 and no output" {
	tensor create arange 100000 -o a.npy
	run -5 --separate-stderr bash -c 'tensor op exp a.npy >/dev/full'
	message 'tensor op: *No space left*'
	run -5 --separate-stderr bash -c 'tensor create zeros 3 >/dev/full'
	run -5 --separate-stderr bash -c 'tensor show a.npy >/dev/full'
	run -5 --separate-stderr bash -c 'tensor info a.npy >/dev/full'
	run -5 --separate-stderr bash -c 'tensor help >/dev/full'
	run -5 --separate-stderr bash -c 'tensor op --list >/dev/full'
	run -5 --separate-stderr bash -c 'tensor compare a.npy a.npy >/dev/full'
}

@test "a file that may not grow: the old one is what it was" {
	tensor create arange 3 -o a.npy
	cp a.npy keep.npy
	tensor create arange 1000000 -o b.npy
	run -5 --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 1000; tensor op exp b.npy -o a.npy'
	message 'tensor op: *a.npy*'
	cmp a.npy keep.npy
	run -5 --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 1000; tensor op exp b.npy -o new.npz'
	only a.npy b.npy keep.npy
}

@test "a killed run leaves no temporary file and the old output" {
	tensor create arange 3 -o a.npy
	cp a.npy keep.npy
	mkfifo p
	for signal in TERM INT HUP; do
		# A writer that never ends keeps the command in the middle of its work.
		{ tensor create zeros 1000000 | head -c 4000000; sleep 10; } >p &
		writer=$!
		env --default-signal=INT tensor op exp p -o a.npy &
		victim=$!
		sleep 0.5
		kill -$signal $victim
		status=0
		wait $victim || status=$?
		[ "$status" -gt 128 ]
		kill $writer 2>/dev/null || true
		wait $writer || true
		cmp a.npy keep.npy
		only a.npy keep.npy p
	done
}

@test "too little memory is a message, whatever the limit" {
	slow_sanitizer "ulimit -v"
	tensor create rand 700,700 --seed 1 -o a.npy
	# The program itself, with its kernels for CUDA, takes 7 MB of addresses.
	for kb in 12000 14000 16000 20000 30000 40000 60000; do
		for words in 'op exp a.npy' 'op transpose a.npy' 'matmul a.npy a.npy' 'reduce sum a.npy --axis 0' 'show a.npy' 'op take a.npy 0' 'convert a.npy -o b.npz --compress'; do
			status=0
			stderr=$(bash -c "ulimit -v $kb; tensor $words >out" 2>&1) || status=$?
			case $status in
			0 | 5 | 127) ;; # 127: the program was not even loaded
			*) echo "$kb $words: status $status $stderr"; return 1 ;;
			esac
		done
	done
}

@test "more memory than there is" {
	slow_sanitizer "ulimit -v"
	run --separate-stderr bash -c 'ulimit -v 2000000; tensor create zeros 1000000,1000000 | tensor op transpose - >/dev/null'
	[ "$status" = 5 ]
	message 'tensor op: *'
}

@test "another locale changes nothing" {
	command -v localedef >/dev/null || skip "localedef is not there"
	localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 2>/dev/null || skip "the German locale is not there"
	export LOCPATH=$PWD LC_ALL=de_DE.UTF-8
	tensor create array '[1.5,2.25]' -o a.npy
	run --separate-stderr tensor show a.npy
	output_is '[1.5  2.25]'
	tensor convert a.npy -o a.csv
	[ "$(cat a.csv)" = $'1.5\n2.25' ] || [ "$(cat a.csv)" = 1.5,2.25 ]
	tensor op add a.npy .5 -o b.npy && holds b.npy '[2., 2.75]'
	tensor convert a.csv -o c.npy
	tensor create linspace 0 1 3 -o l.npy && holds l.npy '[0., .5, 1]'
}

@test "two at once on one output" {
	tensor create arange 200000 -o a.npy
	for i in 1 2 3 4 5 6 7 8; do
		tensor op add a.npy "$i" -o out.npy &
	done
	wait
	numpy 'x = np.load("out.npy"); assert len(set((x - np.arange(200000)).tolist())) == 1'
	only a.npy out.npy
}

@test "a directory that may not be written" {
	mkdir d
	tensor create arange 3 -o d/a.npy
	chmod 555 d
	run -5 --separate-stderr permitted tensor op exp d/a.npy -o d/b.npy
	chmod 755 d
	message 'tensor op: *d/b.npy*ermission*'
	only d d/a.npy
}

@test "an existing output keeps its mode, a link stays a link" {
	tensor create arange 3 -o a.npy
	chmod 640 a.npy
	tensor op neg a.npy -o a.npy
	[ "$(stat -c %a a.npy)" = 640 ]
	mkdir real
	tensor create arange 3 -o real/x.npy
	ln -s real/x.npy link.npy
	tensor op neg a.npy -o link.npy
	holds link.npy '[0, 1, 2]'
	[ -L link.npy ]
	(umask 077; tensor create arange 3 -o secret.npy; [ "$(stat -c %a secret.npy)" = 600 ])
	(umask 022; tensor create arange 3 -o open.npy; [ "$(stat -c %a open.npy)" = 644 ])
}

@test "closed standard output and input" {
	tensor create arange 3 -o a.npy
	run --separate-stderr bash -c 'tensor op exp a.npy >&-'
	[[ $status = [35] ]]
	run --separate-stderr bash -c 'tensor op exp - <&-'
	[[ $status = [235] ]]
	bash -c 'tensor op negative a.npy -o b.npy <&- >&- 2>&-'
	holds b.npy '[0, -1, -2]'
}

@test "no argument makes it crash" {
	tensor create arange 3 -o a.npy
	for a in '' - -- --- -x --x --= @ : a.npy@ a.npy: @0 :0 '[' '()' ',' 1,,2 nan -inf 1e999 -- "$(printf 'x%.0s' {1..5000})"; do
		for c in create op matmul reduce convert info show compare help version "op add" "op reshape" "create zeros" "create array" "reduce sum"; do
			for more in '' a.npy; do
				# shellcheck disable=SC2086
				run --separate-stderr timeout 20 tensor $c $more "$a" </dev/null
				[ "$status" -le 5 ] || { echo "status $status: tensor $c $more $a: $stderr"; return 1; }
			done
		done
	done
}

@test "signals that are ignored stay ignored; the others leave nothing behind" {
	mkfifo p
	tensor create arange 3 -o a.npy
	{ head -c 130 a.npy; sleep 1; tail -c +131 a.npy; } >p &
	(trap '' HUP; exec tensor op negative p -o b.npy) &
	victim=$!
	sleep 0.4
	kill -HUP $victim
	wait $victim
	holds b.npy '[0, -1, -2]'
	rm b.npy
	for signal in QUIT ALRM USR1; do
		{ head -c 130 a.npy; sleep 2; } >p &
		(ulimit -c 0; exec env --default-signal=QUIT tensor op negative p -o b.npy) &
		victim=$!
		sleep 0.4
		kill -$signal $victim
		status=0
		wait $victim || status=$?
		[ "$status" -gt 128 ]
		only a.npy p
	done
}

@test "a full disk leaves nothing behind" {
	mkdir m
	mount -t tmpfs -o size=1m none m 2>/dev/null || skip "no right to mount"
	tensor create rand 1000,1000 -o a.npy
	tensor create arange 3 -o m/keep.npy
	cp m/keep.npy keep.npy
	for name in keep.npy new.npy new.npz new.csv new.json; do
		run -5 --separate-stderr tensor op add a.npy 1 -o m/$name
		[[ $stderr == "tensor op: cannot write m/$name: No space left on device" ]] || { umount m; false; }
		[ "$(ls -A m)" = keep.npy ] || { umount m; false; }
	done
	cmp m/keep.npy keep.npy || { umount m; false; }
	umount m
}
