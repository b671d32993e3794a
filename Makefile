# betterdns: `make` builds build/betterdns; `make run` and `make test` set up everything first. `make help` lists the rest.

B       ?= build
CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
FLAVOUR ?= plain
PYTHON  := /usr/bin/python3
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

# A shell command run at its first use, and once: the parse itself needs no library and no compiler.
once     = $(eval $(1) := $$(shell $(2)))$($(1))

VERSION = $(call once,VERSION,git describe --tags --dirty 2>/dev/null || echo 0.1.0)
TIME    = $(call once,TIME,echo $$$${SOURCE_DATE_EPOCH:-$$$$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Makefile)})
PKGS    = libcjson libcurl yaml-0.1 sqlite3 libcrypto
LIBS    = $(call once,LIBS,pkg-config --libs $(PKGS); echo -lcivetweb -lpthread -ldl -lm)
KNOT    = $(call once,KNOT,pkg-config --silence-errors --libs libzscanner libknot)
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
# The unit tests' library has the named pause points of <betterdns/pause.h>; only those files are compiled twice.
PAUSED  = $(call once,PAUSED,grep -ls PAUSE_POINT $(SRC))
TESTED  = $(filter-out $(PAUSED:%.c=$(B)/%.o),$(OBJ)) $(PAUSED:%.c=$(B)/paused/%.o)
UNIT    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
SUPPORT := $(patsubst %.c,$(B)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
FUZZ    := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(filter-out tests/bench/peer_%,$(wildcard tests/bench/*.c)))
PRELOAD := $(patsubst %.c,$(B)/%.so,$(wildcard tests/fault/preload_*.c))
COVER   := $(patsubst tests/unit/%.c,$(B)/coverage/%,$(wildcard tests/unit/test_zone*.c tests/unit/test_edit*.c))
FAILING := $(B)/tests/fault/preload_fail.o $(B)/tests/fault/fail_kinds.o $(B)/tests/fault/fail_run.o
FAULT   := $(patsubst %.c,$(B)/%,$(filter-out tests/fault/preload_% tests/fault/fail_% tests/fault/naive_%, \
           $(wildcard tests/fault/*.c)))
NAIVE   := $(B)/tests/fault/betterdns_naive

# What the program says of itself; those of a sanitizer would say the same.
PAGES    = $(if $(filter plain,$(FLAVOUR)),$(addprefix $(B)/,$(addprefix man/,betterdns.1 betterdns.yaml.5 betterdns-http.7) \
           $(addprefix completion/betterdns.,bash zsh fish)))

all: $(B)/betterdns $(PAGES)

$(B)/man/%: $(B)/betterdns
	@mkdir -p $(@D) && $< man $* >$@
$(B)/completion/betterdns.%: $(B)/betterdns
	@mkdir -p $(@D) && $< completion $* >$@

$(B)/betterdns: $(B)/src/main.o $(B)/libbetterdns.a
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libbetterdns.a: $(OBJ) $(B)/objects
	@rm -f $@ && ar rcs $@ $(OBJ)
$(B)/libtested.a: $(TESTED) $(B)/objects
	@rm -f $@ && ar rcs $@ $(TESTED)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(EXTRA) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/paused/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $< (with pause points)"
	@$(CC) $(CPPFLAGS) -DBETTERDNS_PAUSE_POINTS $(EXTRA) $(CFLAGS) -MMD -MP -c -o $@ $<

# Headers private to a folder are found beside their user; subfolders and tests look further.
$(B)/controller/%.o $(B)/paused/controller/%.o: EXTRA = -iquote controller
$(B)/src/cli/%.o: EXTRA = -iquote src
$(B)/tests/%.o: EXTRA = $(FOLDERS:%=-iquote %) -iquote tests/unit

# The version is known to one file, rebuilt when it changes; everything is rebuilt when the flags change, the library when a
# source file has gone.
$(B)/src/base/version.o: EXTRA = -DBETTERDNS_VERSION='"$(VERSION)"' -DBETTERDNS_TIME=$(TIME)
$(B)/src/base/version.o: $(B)/version
record = @mkdir -p $(B); echo '$(subst ','\'',$(1))' | cmp -s - $@ || echo '$(subst ','\'',$(1))' >$@
$(B)/version: FORCE
	$(call record,$(VERSION) $(TIME))
$(B)/objects: FORCE
	$(call record,$(OBJ))
$(B)/flags: FORCE
	$(call record,$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS))

unit-programs:  $(UNIT)
coverage-programs: $(COVER)
fuzz-programs:  $(FUZZ)
bench-programs: $(BENCHES)
# Who asks while tests of tests/e2e and tests/fault do something.
load-programs: $(B)/bench/load_dns
fault-programs: $(PRELOAD) $(FAULT) $(NAIVE)

# Of the kits each program takes those that it names.
$(B)/libkits.a: $(SUPPORT)
	@rm -f $@ && ar rcs $@ $^
GROUP = -Wl,--start-group $^ -Wl,--end-group

$(UNIT): $(B)/%: $(B)/%.o $(B)/libkits.a $(B)/libtested.a
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(GROUP) $(CMOCKA) $(LIBS)
# Two tests count blocks of memory, and let the n-th allocation fail.
$(B)/tests/unit/test_snapshot_tree: private LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=free
$(B)/tests/unit/test_zone_memory $(B)/coverage/test_zone_memory: private LDFLAGS += \
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
# One has the engine and the book around leases.
$(B)/tests/unit/test_health_leases: private LDFLAGS += \
    -Wl,--wrap=registry_renewed_ns,--wrap=engine_running_ns,--wrap=engine_judge,--wrap=engine_heard
# One counts the turns of health's thread.
# A registry that refuses.
$(B)/tests/unit/test_removal_time: private LDFLAGS += -Wl,--wrap=registry_terminate
$(B)/tests/unit/test_health_real: private LDFLAGS += -Wl,--wrap=schedule_turn
# One says whom libcurl is to trust.
$(B)/tests/unit/test_prober_tls: private LDFLAGS += -Wl,--wrap=curl_multi_add_handle
# One gives requests no place in the loop.
$(B)/tests/unit/test_httpcall_watch: private LDFLAGS += -Wl,--wrap=loop_watch
# One has a clock of its own.
$(B)/tests/unit/test_people_clock: private LDFLAGS += -Wl,--wrap=clock_gettime,--wrap=ppoll,--wrap=log_write,--wrap=zp_edit
# One has no memory for a zone, one for what is watched.
$(B)/tests/unit/test_people_waiting: private LDFLAGS += -Wl,--wrap=zp_zone_load
$(B)/tests/unit/test_people_included: private LDFLAGS += -Wl,--wrap=watcher_set_paths
# The parser is compiled once more, for gcov; its objects stand before the library that has it too.
COVERED := $(patsubst %.c,$(B)/coverage/%.o,$(wildcard zonefile_parser/*.c))
$(COVERED): $(B)/coverage/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $< (for gcov)"
	@gcc $(CPPFLAGS) -std=c17 -g -O0 -fPIE --coverage -MMD -MP -c -o $@ $<
$(COVER): $(B)/coverage/%: $(B)/tests/unit/%.o $(B)/libkits.a $(COVERED) $(B)/libtested.a
	@gcc --coverage $(LDFLAGS) -o $@ $(GROUP) $(CMOCKA) $(LIBS)
# One has an editor of zone files that errs.
$(B)/tests/unit/test_people_readback: private LDFLAGS += -Wl,--wrap=zp_edit
$(FUZZ): $(B)/%: $(B)/%.o $(B)/libbetterdns.a
	@$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)
$(FAULT): $(B)/%: $(B)/%.o $(FAILING) $(B)/libkits.a $(B)/libtested.a
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(GROUP) $(CMOCKA) $(LIBS)
# The program without a rule that matters, to see that a test finds it missing.
$(NAIVE): $(B)/src/main.o $(B)/tests/fault/naive_base.o $(B)/libbetterdns.a
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=base_choose -o $@ $^ $(LIBS)
$(PRELOAD:.so=.o): CFLAGS += -fPIC
$(PRELOAD): %.so: %.o
	@$(CC) $(CFLAGS) -shared -o $@ $^ -ldl
$(BENCHES): $(B)/bench/%: $(B)/tests/bench/%.o $(B)/libbetterdns.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PEERS) $(LIBS)
# Knot's libraries, a peer, where Debian's libknot-dev is.
$(B)/bench/bench_zonefile: $(B)/tests/bench/peer_knot.o
$(B)/bench/bench_zonefile: PEERS = $(KNOT)
$(B)/tests/bench/peer_knot.o: $(B)/knot
$(B)/knot: FORCE
	$(call record,$(KNOT))

-include $(patsubst %,%.d,$(basename $(OBJ) $(TESTED) $(B)/src/main.o $(SUPPORT) $(COVERED)) $(UNIT) $(FUZZ) $(PRELOAD) \
           $(FAULT) $(FAILING:.o=) $(B)/tests/bench/peer_knot $(BENCHES:$(B)/bench/%=$(B)/tests/bench/%))

# ---- set-up, run, test ----------------------------------------------------------------------------------------------
deps:
	@.mk/deps.sh run
deps-test:
	@.mk/deps.sh test
coredns: deps
	@.mk/coredns.sh path
coredns-full: deps
	@.mk/coredns.sh full

# The recursive make sees what the set-up has installed.
run: deps
	@coredns=$$(.mk/coredns.sh path) && $(MAKE) --no-print-directory all && exec .mk/run.sh $(B)/betterdns "$$coredns"

TESTS = @$(PYTHON) tests/run.py --build $(B) --fuzz-seconds $(or $(FUZZ_SECONDS),$(1)) --soak-rounds $(or $(SOAK_ROUNDS),10000)
test unit coverage e2e fault asan tsan lint: deps-test
	$(call TESTS,30) $(if $(filter test,$@),all,$@)
fuzz soak: deps-test
	$(call TESTS,300) $@
clang: deps-test
	@$(MAKE) --no-print-directory CC=clang B=$(B)/clang all unit-programs bench-programs
deps-bench:
	@.mk/deps.sh bench
	@.mk/unpacked.sh $(SERVERS) >/dev/null
# Other name servers, unpacked where we find them and not installed.
SERVERS = bind9 nsd knot
# BENCH=rates: one of them.
bench: deps-bench
	@$(MAKE) --no-print-directory all bench-programs fault-programs
	@coredns=$$(.mk/coredns.sh path) && SERVERS=$$(.mk/unpacked.sh $(SERVERS)) COREDNS=$$coredns BETTERDNS=$(abspath $(B))/betterdns \
	 BETTERDNS_FAULT=$(abspath $(B))/tests/fault $(PYTHON) tests/bench/bench.py --build $(B) --only "$(BENCH)"

format:
	@find include src zonefile_parser controller tests -name '*.[ch]' 2>/dev/null | xargs -r clang-format -i

# What zp_edit makes of tests/corpus/zone_edit, and what is said of tests/corpus/zone_errors, written anew: read each
# difference before it is committed.
golden: $(B)/tests/unit/test_zone_edit_golden $(B)/tests/unit/test_zone_errors
	@for program in $^; do BETTERDNS_GOLDEN=write $$program || exit 1; done
	@git diff --stat tests/corpus

# PREFIX=/usr DESTDIR=/tmp/package: for those who make packages.
PREFIX ?= /usr/local
install: all
	@.mk/install.sh install $(B) "$(DESTDIR)" "$(PREFIX)"
uninstall:
	@.mk/install.sh uninstall $(B) "$(DESTDIR)" "$(PREFIX)"

clean:
	rm -rf $(B)

help:
	@echo 'make            builds $(B)/betterdns                 make run    sets up, builds, serves from .run/'
	@echo 'make test       sets up and runs all tests             make unit, coverage, e2e, fault, asan, tsan, lint'
	@echo 'make fuzz       five minutes (FUZZ_SECONDS) a target   make soak   kills and power cuts, SOAK_ROUNDS=10000'
	@echo 'make bench      measurements; BENCH=NAME picks one     make clang  everything built with clang'
	@echo 'make coredns    the coredns in use, built if need be   make coredns-full   the release with all its plugins'
	@echo 'make format     clang-format on all sources            make deps-test  Debian packages for the tests'
	@echo 'make golden     writes the expected outputs of tests/corpus anew'
	@echo 'make install    below PREFIX=/usr/local, DESTDIR       make uninstall'
	@echo 'make deps       Debian packages to build and run       make clean  removes $(B)'

FORCE:
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all unit-programs coverage-programs fuzz-programs bench-programs load-programs fault-programs deps deps-test \
        deps-bench coredns coredns-full run test unit coverage e2e fault asan tsan lint fuzz soak clang bench format golden \
        install uninstall clean help FORCE
