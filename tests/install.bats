#!/usr/bin/env bats
# What "make install" leaves, and a C program that uses it: the one of the README.

load helper

make_() { make --no-print-directory -C "$TOP" "BUILD=$BUILD" "$@"; }

@test "install and uninstall" {
	prefix=$PWD/usr
	make_ install "PREFIX=$prefix" >/dev/null
	[ -x usr/bin/tensor ] && [ -f usr/include/tensor.h ] && [ -f usr/lib/libtensor.a ] && [ -f usr/lib/pkgconfig/tensor.pc ]
	[ "$(readlink usr/lib/libtensor.so)" = libtensor.so.0 ]
	[ "$(readlink usr/lib/libtensor.so.0)" = "libtensor.so.$VERSION" ]
	[ -f usr/share/man/man1/tensor.1 ]
	run usr/bin/tensor version
	[[ "$output" == *"$VERSION"* ]]
	make_ uninstall "PREFIX=$prefix" >/dev/null
	[ -z "$(find usr ! -type d)" ]
}

@test "DESTDIR" {
	make_ install "DESTDIR=$PWD/stage" PREFIX=/opt/tensor >/dev/null
	[ -x stage/opt/tensor/bin/tensor ]
	grep -q '^libdir=/opt/tensor/lib$' stage/opt/tensor/lib/pkgconfig/tensor.pc
	[ "$(ls stage)" = opt ]
}

@test "only public names are exported" {
	names=$(nm -D --defined-only "$BUILD/libtensor.so.$VERSION" | sed 's/.* //')
	[ -n "$names" ]
	run grep -v '^tensor_' <<<"$names"
	output_is ''
	objdump -p "$BUILD/libtensor.so.$VERSION" | grep -q 'SONAME *libtensor.so.0$'
	make_ install "PREFIX=$PWD/usr" >/dev/null
	names=$(nm -g --defined-only usr/lib/libtensor.a | sed -n 's/.* [A-Z] //p')
	run grep -v '^tensor_' <<<"$names"
	output_is ''
}

@test "the README's program, shared and static" {
	slow_sanitizer "the program is built without"
	command -v pkg-config >/dev/null || skip "pkg-config is not there"
	make_ install "PREFIX=$PWD/usr" >/dev/null
	export PKG_CONFIG_PATH=$PWD/usr/lib/pkgconfig
	awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$TOP/README.md" >means.c
	[ "$(wc -l <means.c)" -gt 10 ]
	tensor create array '[[1,2,3],[4,5,7]]' -o a.npy
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror -o means means.c $(pkg-config --cflags --libs tensor)
	LD_LIBRARY_PATH=usr/lib run --separate-stderr ./means a.npy
	output_is '2.5
3.5
5'
	LD_LIBRARY_PATH=usr/lib run -1 --separate-stderr ./means nosuch.npy
	message '*nosuch.npy*'
	# shellcheck disable=SC2046
	${CC:-cc} -o means-static means.c -Iusr/include usr/lib/libtensor.a $(pkg-config --libs-only-l --static tensor | sed 's/-ltensor//') -pthread
	run --separate-stderr ./means-static a.npy
	output_is '2.5
3.5
5'
}

@test "the header compiles as strict C and as C++" {
	echo '#include "lib/tensor.h"' >h.c
	${CC:-cc} -std=c99 -pedantic -Wall -Wextra -Werror -I"$TOP" -fsyntax-only h.c
	command -v g++ >/dev/null || skip "g++ is not there"
	g++ -Wall -Wextra -Werror -I"$TOP" -x c++ -fsyntax-only h.c
}

@test "a Debian package" {
	slow_sanitizer "the package is built without"
	command -v dpkg-deb >/dev/null || skip "dpkg-deb is not there"
	make_ deb >/dev/null
	deb=$(echo "$BUILD"/tensor_"$VERSION"_*.deb)
	dpkg-deb -I "$deb" | grep -q 'Depends: libc6 .*libopenblas0.*libsleef3'
	dpkg-deb -x "$deb" root
	run root/usr/bin/tensor version
	[[ "$output" == *"$VERSION"* ]]
}

@test "a source archive is reproducible" {
	slow_sanitizer "it is the same"
	git -C "$TOP" rev-parse -q --verify HEAD >/dev/null 2>&1 || skip "not a git checkout"
	make_ dist >/dev/null
	cp "$BUILD/tensor-$VERSION.tar.gz" one.tar.gz
	make_ dist >/dev/null
	cmp one.tar.gz "$BUILD/tensor-$VERSION.tar.gz"
	tar -tzf one.tar.gz | grep -q "^tensor-$VERSION/Makefile$"
}

@test "linking loads no more than the C library" {
	slow_sanitizer "more is loaded"
	libs=$(objdump -p "$BUILD/tensor" | sed -n 's/.*NEEDED *//p' | grep -v '^\(libc\|libm\|ld-linux.*\|libpthread\|libdl\)\.so' || true)
	[ -z "$libs" ] || [ "$libs" = libz.so.1 ]
}
