# tensor: NumPy and PyTorch for the shell.  "make help" lists the targets; config.mk overrides the variables.

VERSION := 0.1.0
SOVERSION := 0

CC ?= gcc
CFLAGS ?= -O2 -g
LDFLAGS ?=
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
-include config.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings \
	-Wpointer-arith -Wvla -Wno-unknown-warning-option
override CPPFLAGS += -I. -D_POSIX_C_SOURCE=200809L -DTENSOR_VERSION='"$(VERSION)"'
BASE := -std=c11 -pthread $(WARN) -MMD -MP -fvisibility=hidden

# The loops are built for several instruction sets and chosen at start.  No option here may change a result.
LOOP_FLAGS := -O3 -fwrapv -fno-math-errno -fno-trapping-math -ffp-contract=off -fcx-limited-range -fopenmp-simd
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
LEVELS := $(if $(filter x86_64,$(ARCH)),v2 v3 v4,base)
LEVEL_v2 := -march=x86-64-v2
LEVEL_v3 := -march=x86-64-v3
LEVEL_v4 := -march=x86-64-v4 -mprefer-vector-width=512
LEVEL_base :=

# Files named *_loops.c are compiled once a level, with LEVEL=v3 defined.
LOOP_SRC := $(wildcard lib/*_loops.c)
LIB_SRC := $(filter-out $(LOOP_SRC),$(wildcard lib/*.c)) $(wildcard formats/*.c)
CLI_SRC := $(wildcard cli/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(foreach l,$(LEVELS),$(LOOP_SRC:%.c=$(BUILD)/%.$(l).o))
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)

# cJSON and zlib are linked statically where the archive is there: two shared libraries fewer to load at each start.
DEPS := libcjson zlib
LIBS := $(shell pkg-config --libs $(DEPS) 2>/dev/null) -lm -ldl

all: $(BUILD)/tensor

$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LOOP_FLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LOOP_FLAGS)' >$@
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC      $@")
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -fPIC -c -o $@ $<

define LEVEL_RULE
$(BUILD)/%.$(1).o: %.c $(BUILD)/flags
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  CC      $$@")
	$$(Q)$$(CC) $$(BASE) $$(CPPFLAGS) -DLEVEL=$(1) $$(CFLAGS) $$(LOOP_FLAGS) $$(LEVEL_$(1)) -fPIC -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call LEVEL_RULE,$(l))))

$(BUILD)/libtensor.a: $(LIB_OBJ)
	@$(if $(V),,echo "  AR      $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/tensor: $(CLI_OBJ) $(BUILD)/libtensor.a
	@$(if $(V),,echo "  LINK    $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
.PHONY: all clean FORCE
