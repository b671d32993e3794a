# betterdns: `make` builds build/betterdns; `make run` and `make test` set up everything first. `make help` lists the rest.

B       ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
FLAVOUR ?= plain
PYTHON  := /usr/bin/python3
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

# A shell command run at its first use, and once: the parse itself needs no library and no compiler.
once     = $(eval $(1) := $$(shell $(2)))$($(1))

VERSION = $(call once,VERSION,git describe --tags --dirty 2>/dev/null || echo 0.1.0)
PKGS    = libcjson libcurl yaml-0.1 sqlite3
LIBS    = $(call once,LIBS,pkg-config --libs $(PKGS); echo -lcivetweb -lpthread -ldl -lm)
CMOCKA  = $(call once,CMOCKA,pkg-config --libs cmocka)

# ---- flags ----------------------------------------------------------------------------------------------------------
WARN = -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wvla -Wstrict-prototypes -Wcast-qual -Wundef \
       $(if $(CI),-Werror)
HARD = -fstack-protector-strong $(PROBED)
PROBED = $(call once,PROBED,for f in -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero; do \
         $(CC) -Werror $$$$f -E -x c /dev/null >/dev/null 2>&1 && echo $$$$f; done)

# A sanitizer's own frames and checks defeat the two warnings and FORTIFY that the plain build adds.
FLAGS_plain = -O2 -Wnull-dereference -Wframe-larger-than=8192 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 $(HARD)
FLAGS_asan  = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan  = -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_fuzz  = $(FLAGS_asan) -fsanitize=fuzzer-no-link

CFLAGS   = -std=c17 -g $(FLAGS_$(FLAVOUR)) -fPIE $(WARN)
CPPFLAGS = -D_GNU_SOURCE -Iinclude
LDFLAGS  = -pie -Wl,-z,relro,-z,now,-z,noexecstack

# ---- what is built --------------------------------------------------------------------------------------------------
FOLDERS := src/base src/dns zonefile_parser src/registry controller $(patsubst %/,%,$(wildcard controller/*/)) \
           src/health src/http src/api src src/cli
SRC     := $(filter-out src/main.c,$(wildcard $(FOLDERS:%=%/*.c)))
OBJ     := $(SRC:%.c=$(B)/%.o)
UNIT    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
SUPPORT := $(patsubst %.c,$(B)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
FUZZ    := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH   := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/bench_*.c))

all: $(B)/betterdns

$(B)/betterdns: $(B)/src/main.o $(B)/libbetterdns.a
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libbetterdns.a: $(OBJ)
	@rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(EXTRA) $(CFLAGS) -MMD -MP -c -o $@ $<

# Headers private to a folder are found beside their user; subfolders and tests look further.
$(B)/controller/%.o: EXTRA = -Icontroller
$(B)/src/cli/%.o:    EXTRA = -Isrc
$(B)/tests/%.o:      EXTRA = $(FOLDERS:%=-I%) -Itests/unit

# The version is known to one file, rebuilt when it changes; everything is rebuilt when the flags change.
$(B)/src/base/version.o: EXTRA = -DBETTERDNS_VERSION='"$(VERSION)"'
$(B)/src/base/version.o: $(B)/version
record = @mkdir -p $(B); echo '$(subst ','\'',$(1))' | cmp -s - $@ || echo '$(subst ','\'',$(1))' >$@
$(B)/version: FORCE
	$(call record,$(VERSION))
$(B)/flags: FORCE
	$(call record,$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS))

unit-programs:  $(UNIT)
fuzz-programs:  $(FUZZ)
bench-programs: $(BENCH)

$(UNIT): $(B)/%: $(B)/%.o $(SUPPORT) $(B)/libbetterdns.a
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CMOCKA) $(LIBS)
$(FUZZ): $(B)/%: $(B)/%.o $(B)/libbetterdns.a
	@$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)
$(BENCH): $(B)/bench/%: $(B)/tests/bench/%.o $(B)/libbetterdns.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(patsubst %,%.d,$(basename $(OBJ) $(B)/src/main.o $(SUPPORT)) $(UNIT) $(FUZZ) $(BENCH:$(B)/bench/%=$(B)/tests/bench/%))

clean:
	rm -rf $(B)

FORCE:
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all unit-programs fuzz-programs bench-programs clean FORCE
