# tensor: NumPy and PyTorch for the shell.  "make help" lists the targets; config.mk overrides the variables.

VERSION := 0.1.0
SOVERSION := 0

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g
LDFLAGS ?=
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=
BUILD ?= build
-include config.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
Q := $(if $(V),,@)
QUIET := $(V)$(findstring s,$(firstword -$(MAKEFLAGS)))
say = @$(if $(QUIET),,echo "  $(1)	$@")

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings \
	-Wpointer-arith -Wvla -Wno-unknown-warning-option
# clang says which loops it could not vectorise, which is no fault of theirs.
WARN += $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),-Wno-pass-failed)
override CPPFLAGS += -I. -D_POSIX_C_SOURCE=200809L -DTENSOR_VERSION='"$(VERSION)"'
BASE := -std=c11 -pthread $(WARN) -MMD -MP -fvisibility=hidden

# The loops are built for several instruction sets and chosen at start.  No option here may change a result.
LOOP_FLAGS := -O3 -fwrapv -fno-math-errno -fno-trapping-math -ffp-contract=off -fopenmp-simd
ARCH := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)
LEVELS := $(if $(filter x86_64,$(ARCH)),v2 v3 v4,base)
LEVEL_v2 := -march=x86-64-v2
LEVEL_v3 := -march=x86-64-v3
LEVEL_v4 := -march=x86-64-v4 -mprefer-vector-width=512
LEVEL_base :=

# Files named *_loops.c are compiled once a level, with LEVEL=v3 defined.
LOOP_SRC := $(wildcard lib/*_loops.c)
LIB_SRC := $(filter-out $(LOOP_SRC),$(wildcard lib/*.c)) $(wildcard formats/*.c) $(wildcard cuda/*.c)
CLI_SRC := $(wildcard cli/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH := $(patsubst tests/%.c,$(BUILD)/%,$(filter-out %/ulp.c,$(wildcard tests/bench/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(foreach l,$(LEVELS),$(LOOP_SRC:%.c=$(BUILD)/%.$(l).o))
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
UNIT := $(UNIT_SRC:%.c=$(BUILD)/%)
REPLAY := $(FUZZ_SRC:%.c=$(BUILD)/%)
SO := $(BUILD)/libtensor.so.$(VERSION)
MAN := $(notdir $(wildcard man/*.[1-9]))
MAN_PATHS := $(foreach m,$(MAN),man$(subst .,,$(suffix $m))/$m)

# The tables of loops hold thousands of addresses: placed at link time they cost nothing at start, while a position-independent
# executable would relocate every one of them (a fifth of the time of a small command).
NO_PIE ?= -no-pie

# zlib and libpng are linked statically where their archives are there: shared libraries fewer to load at each start.
PKGS := zlib libpng libxxhash libcjson
APT := gcc make pkg-config zlib1g-dev libcjson-dev libxxhash-dev libpng-dev libsleef3 libopenblas0-pthread
MISSING := $(shell pkg-config --exists $(PKGS) 2>/dev/null || echo $(PKGS))
LIBZ := $(if $(findstring /,$(shell $(CC) -print-file-name=libz.a 2>/dev/null)),-l:libz.a,-lz)
LIBPNG := $(if $(findstring /,$(shell $(CC) -print-file-name=libpng16.a 2>/dev/null)),-l:libpng16.a,-lpng16)
LIBS := $(LIBPNG) $(LIBZ) -lm -ldl
SO_LIBS := -lpng16 -lz -lm -ldl

all: $(BUILD)/tensor $(SO) $(BUILD)/tensor.pc

# Rebuild everything when a flag changes.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LOOP_FLAGS)
$(BUILD)/flags: FORCE
	$(if $(MISSING),@echo "pkg-config finds no $(MISSING); try: apt-get install $(APT)" >&2; exit 1)
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -fPIC -c -o $@ $<

define LEVEL_RULE
$(BUILD)/%.$(1).o: %.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$$(CC) $$(BASE) $$(CPPFLAGS) -DLEVEL=$(1) $$(CFLAGS) $$(LOOP_FLAGS) $$(LEVEL_$(1)) -fPIC -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call LEVEL_RULE,$(l))))

$(BUILD)/libtensor.a: $(LIB_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ $@.new && ar rcs $@.new $^ && mv $@.new $@

$(SO): $(LIB_OBJ)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -shared -Wl,-soname,libtensor.so.$(SOVERSION) -o $@ $^ $(SO_LIBS)

$(BUILD)/tensor: $(CLI_OBJ) $(BUILD)/libtensor.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(NO_PIE) -pthread -o $@ $^ $(LIBS)

# What is installed as libtensor.a: one object in which only the public names are left.
$(BUILD)/public/libtensor.a: $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,AR)
	$(Q)ld -r -o $(@D)/libtensor.o $^ && objcopy --localize-hidden $(@D)/libtensor.o
	$(Q)rm -f $@ && ar rcs $@ $(@D)/libtensor.o && rm -f $(@D)/libtensor.o

$(BUILD)/tensor.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'includedir=$(INCLUDEDIR)' 'libdir=$(LIBDIR)' '' 'Name: tensor' \
		'Description: n-dimensional arrays: create, compute, reduce, multiply, convert' 'Version: $(VERSION)' \
		'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -ltensor' 'Libs.private: -pthread $(SO_LIBS)' >$@

install: all $(BUILD)/public/libtensor.a
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	install -m 755 $(BUILD)/tensor $(DESTDIR)$(BINDIR)/tensor
	install -m 644 $(SO) $(BUILD)/public/libtensor.a $(DESTDIR)$(LIBDIR)
	ln -sf libtensor.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libtensor.so.$(SOVERSION)
	ln -sf libtensor.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libtensor.so
	install -m 644 $(wildcard lib/tensor.h) $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(BUILD)/tensor.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	for m in $(MAN_PATHS); do install -D -m 644 man/$${m##*/} $(DESTDIR)$(MANDIR)/$$m || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/tensor $(addprefix $(DESTDIR)$(LIBDIR)/libtensor.,a so so.$(SOVERSION) so.$(VERSION))
	rm -f $(DESTDIR)$(INCLUDEDIR)/tensor.h $(DESTDIR)$(LIBDIR)/pkgconfig/tensor.pc
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/,$(MAN_PATHS))

# The kernels on the CPU (tests/cuda/emulate.h), and the programs that test them there.
CXX_BASE := -std=c++17 -O1 -g -pthread -Wall -Wextra -MMD -MP -fPIC -fwrapv -ffp-contract=off
EMULATED := $(BUILD)/tests/cuda/emulate.o
CUDA_TEST_SRC := $(wildcard tests/cuda/test_*.cpp)
CUDA_TEST := $(CUDA_TEST_SRC:%.cpp=$(BUILD)/%)

$(BUILD)/%.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(CXX) $(CXX_BASE) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(CUDA_TEST): $(BUILD)/%: $(BUILD)/%.o $(EMULATED) $(BUILD)/libtensor.a
	$(call say,LINK)
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

# What stands in for libcuda.so.1 in the tests.
STANDIN := $(BUILD)/tests/cuda/libcuda-standin.so
$(STANDIN): $(BUILD)/tests/cuda/driver.o $(EMULATED)
	$(call say,LINK)
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) -pthread -shared -o $@ $^

# What stands in for libcublas.so in the tests.
CUBLAS_STANDIN := $(BUILD)/tests/cuda/libcublas-standin.so
$(CUBLAS_STANDIN): $(BUILD)/tests/cuda/cublas.o
	$(call say,LINK)
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) -pthread -shared -o $@ $^ -ldl
$(BUILD)/tests/cuda/test_matmul: | $(CUBLAS_STANDIN)

# The image of the CUDA kernels: PTX, which ptxas makes into machine code for each architecture (any of 75 80 86 ... in
# CUDA_ARCHS), and all of that as one compressed file, which the program holds.  CUDA_ARCHS=ptx leaves machine code to the
# driver (seconds to build instead of minutes); where it is empty, or without nvcc, there are no kernels, and everything
# else is the same.  What the compilers say stays beside what they make, for tests/test_cuda_image.py.
ifeq ($(origin NVCC),undefined)
NVCC := $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc))
endif
CUDA_ARCHS ?= 75 80 90 100 120
CUDA_BUILD ?= $(BUILD)/cuda
CUDA_BIN := $(if $(NVCC),$(dir $(NVCC)))
NVCC_FLAGS := -std=c++17 -fmad=false -I. --Werror all-warnings
CUDA_CUBINS := $(foreach a,$(filter-out ptx,$(CUDA_ARCHS)),$(CUDA_BUILD)/tensor.sm_$(a).cubin)
CUDA_IMAGE := $(if $(and $(NVCC),$(strip $(CUDA_ARCHS))),$(CUDA_BUILD)/tensor.fatbin)

$(CUDA_BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(NVCC) $(NVCC_FLAGS) $(CUDA_ARCHS)' | cmp -s - $@ || echo '$(NVCC) $(NVCC_FLAGS) $(CUDA_ARCHS)' >$@

$(CUDA_BUILD)/tensor.new.ptx: cuda/tensor.cu $(CUDA_BUILD)/flags
	$(call say,NVCC)
	$(Q)$(NVCC) $(NVCC_FLAGS) -arch=compute_75 -ptx -MD -MP -MF $(CUDA_BUILD)/tensor.d -MT $@ -o $@ $< 2>$@.log || { cat $@.log; exit 1; }

# A change of a header that changes no kernel ends here.
$(CUDA_BUILD)/tensor.ptx: $(CUDA_BUILD)/tensor.new.ptx
	@cmp -s $< $@ || cp $< $@

$(CUDA_BUILD)/tensor.sm_%.cubin: $(CUDA_BUILD)/tensor.ptx
	$(call say,PTXAS)
	$(Q)$(CUDA_BIN)ptxas -v -warn-spills -arch=sm_$* -o $@ $< >$@.log 2>&1 || { grep -v '^ptxas info' $@.log; exit 1; }

$(CUDA_BUILD)/tensor.fatbin: $(CUDA_BUILD)/tensor.ptx $(CUDA_CUBINS) $(CUDA_BUILD)/flags
	$(call say,FATBIN)
	$(Q)$(CUDA_BIN)fatbinary --create=$@ -64 --compress-all --compress-mode=size --image3=kind=ptx,sm=75,file=$< \
		$(foreach c,$(CUDA_CUBINS),--image3=kind=elf$(comma)sm=$(patsubst $(CUDA_BUILD)/tensor.sm_%.cubin,%,$c)$(comma)file=$c)
comma := ,

$(BUILD)/cuda/image.o: $(CUDA_IMAGE) $(CUDA_BUILD)/flags
$(BUILD)/cuda/image.o: override CPPFLAGS += $(if $(CUDA_IMAGE),-DTENSOR_CUDA_IMAGE_FILE='"$(CUDA_IMAGE)"')
-include $(CUDA_BUILD)/tensor.d

# A program of the CUDA runtime, whose dump the tests convert; its kernel is PTX for any GPU.
DUMP := $(if $(NVCC),$(BUILD)/tests/cuda/dump)
$(BUILD)/tests/cuda/dump: tests/cuda/dump.cu $(CUDA_BUILD)/flags
	@mkdir -p $(@D)
	$(call say,NVCC)
	$(Q)$(NVCC) -std=c++17 --Werror all-warnings -arch=compute_75 -o $@ $<

# Unit programs see the whole library, not only its public names.
$(UNIT): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libtensor.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

$(REPLAY): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/libtensor.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

# The tests in two steps: what the first installs, the second finds when it starts.  T= names some: make test T=cli
deps-%: FORCE
	@tests/deps $*

test: deps-build deps-test
	@+$(MAKE) --no-print-directory tests

tests: all $(UNIT) $(REPLAY) $(CUDA_TEST) $(STANDIN) $(CUBLAS_STANDIN) $(DUMP)
	@BUILD='$(abspath $(BUILD))' VERSION='$(VERSION)' CC='$(CC)' CUDA_BUILD='$(abspath $(CUDA_BUILD))' CUDA_ARCHS='$(if $(CUDA_IMAGE),$(CUDA_ARCHS))' tests/run $(T)

check: test
	@+$(MAKE) --no-print-directory lint

# Without levels and without vectors: what the others must agree with, bit for bit (tests/test_bits.py).
plain: deps-build
	@+$(MAKE) --no-print-directory BUILD=build/plain CUDA_ARCHS= LEVELS=base CPPFLAGS=-DTENSOR_PLAIN \
		LEVEL_base='-fno-tree-vectorize -fno-openmp-simd' build/plain/tensor

TSAN := -O1 -g -fsanitize=thread
tsan: deps-build deps-test
	@+SANITIZER=tsan $(MAKE) --no-print-directory BUILD=build/tsan CUDA_ARCHS= CFLAGS='$(TSAN)' LDFLAGS=-fsanitize=thread \
		T='$(or $(T),threads streams npz sort_rows)' tests

ASAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
asan: deps-build deps-test
	@+SANITIZER=asan $(MAKE) --no-print-directory BUILD=build/asan CUDA_ARCHS= CFLAGS='$(ASAN)' CXXFLAGS='$(ASAN)' LDFLAGS='-fsanitize=address,undefined' tests

FUZZ := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
fuzz: deps-build deps-fuzz
	@+$(MAKE) --no-print-directory BUILD=build/fuzz CUDA_ARCHS= CC=clang CFLAGS='$(FUZZ)' LDFLAGS=-fsanitize=fuzzer,address,undefined fuzzers

FUZZ_TIME ?= 60
fuzz-run: fuzz
	@BUILD=build/fuzz T='$(T)' tests/fuzz_run $(FUZZ_TIME)

fuzzers: $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/%)
	@echo "run one with: $(firstword $^) NEW_CORPUS tests/fuzz/corpus/$(patsubst fuzz_%,%,$(notdir $(firstword $^)))"

$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/libtensor.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

bench: deps-build deps-test
	@+$(MAKE) --no-print-directory all $(BENCH)
	@BUILD='$(abspath $(BUILD))' python3 tests/bench/bench.py

$(BENCH): $(BUILD)/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -ldl

# Against libquadmath, which comes with GCC.
ulp: $(BUILD)/bench/ulp
	@$< $(T)

$(BUILD)/bench/ulp: tests/bench/ulp.c $(BUILD)/libtensor.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lquadmath $(LIBS)

lint: deps-test
	@CC='$(CC)' CPPFLAGS='$(filter-out -DTENSOR_VERSION=%,$(CPPFLAGS))' tests/lint

C_FILES = $(wildcard lib/*.[ch] formats/*.[ch] cli/*.[ch] cuda/*.[ch] cuda/*.cu cuda/*.cuh tests/*/*.[ch] tests/*/*.cpp tests/*/*.cu)
format:
	clang-format -i $(C_FILES)

demo: deps-build
	@+$(MAKE) --no-print-directory all
	@BUILD='$(abspath $(BUILD))' tests/demo

dist:
	@mkdir -p $(BUILD)
	git archive --prefix=tensor-$(VERSION)/ HEAD | gzip -9n >$(BUILD)/tensor-$(VERSION).tar.gz
	@echo '$(BUILD)/tensor-$(VERSION).tar.gz'

deb:
	@BUILD='$(abspath $(BUILD))' VERSION='$(VERSION)' MAKE='$(MAKE)' tests/deb

clean:
	rm -rf $(BUILD)

help:
	@sed -n '/^#:/s///p' Makefile

#:make              build build/tensor and the library
#:make demo         build, then show the main job on a real data set
#:make test         build and run every test; T='cli show' runs some
#:make check        test and lint
#:make asan         the tests with the address and undefined behaviour sanitizers
#:make tsan         the tests that use threads with the thread sanitizer
#:make plain        build/plain/tensor, without vectors: what every other level is compared with
#:make fuzz         build the fuzz targets with libFuzzer
#:make fuzz-run     run each of them for FUZZ_TIME=60 seconds; T='npz text' runs some
#:make bench        time whole commands against NumPy; BENCH_N=1000 for small arrays; tests/bench/bench.py tells more
#:make ulp          how far each elementwise function is from the exact result, and ns an element; T='exp tanh' some
#:make lint         layers, formatting, warnings, man pages, scripts
#:make format       format the sources
#:make install      install under PREFIX (/usr/local), staged in DESTDIR; uninstall removes it
#:make deb          a Debian package
#:make dist         a source archive
#:make clean        remove build/
#:
#:demo, test, asan, tsan, bench and lint install the packages they need with apt-get; DEPS=skip leaves that out.

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(UNIT:=.d) $(REPLAY:=.d) $(EMULATED:.o=.d) $(STANDIN:%/libcuda-standin.so=%/driver.d) $(CUBLAS_STANDIN:%/libcublas-standin.so=%/cublas.d) $(CUDA_TEST:=.d)
.PHONY: all test tests check asan tsan plain fuzz fuzz-run fuzzers bench ulp lint format install uninstall dist deb demo clean help FORCE
.SECONDARY:
