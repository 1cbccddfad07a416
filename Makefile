# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#
# egret: one Makefile, non-recursive. `make help` lists the targets.
#
#   O=DIR      build directory (build)
#   SAN=1      build with AddressSanitizer and UndefinedBehaviorSanitizer (into build-san)
#   TSAN=1     build with ThreadSanitizer (into build-tsan)
#   RAW=       a recording made with --raw, for `make bench-unwind`, `bench-threads` (one of the compiler)
#   BENCH=     options of `make bench` and `make bench-symbolize`: see --help of tests/bench/bench.py
#              and symbolize.py
#   PREFIX=    where `make install` puts things (/usr/local); DESTDIR= stages them
#   LIBDIR=    where it puts the library (PREFIX/lib)
#   LINK=shared  egret needs the shared library, in place of holding the static one

ifeq ($(SAN),1)
O ?= build-san
else ifeq ($(TSAN),1)
O ?= build-tsan
else
O ?= build
endif
CC ?= gcc
CLANG ?= clang
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wno-unused-parameter
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) $(SAN_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP
INCLUDES = -Ilib/include -Ilib -I. -I$(O)/gen -Icmd
LIBS := -lbpf -ldw -lelf -lunwind-x86_64 -lunwind -lZydis -lprotobuf-c -llzma -lz -ldeflate -lzstd -lxxhash -lpthread -lm
DEMANGLE_LIB := -liberty
CMD_LIBS := -ljson-c -lmicrohttpd -lcurl -linih -lsystemd -lcap -lseccomp $(shell pkg-config --libs ncursesw)
ifeq ($(SAN),1)
SAN_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(TSAN),1)
SAN_CFLAGS := -fsanitize=thread -fno-omit-frame-pointer
endif

PUBLIC_HEADERS := $(sort $(wildcard lib/include/egret/*.h))
VERSION := $(shell awk '/define EGRET_VERSION_(MAJOR|MINOR|PATCH)/ { v = v sep $$3; sep = "." } END { print v }' lib/include/egret/egret.h)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))

# lib/program has a program that is made of the library.
LIB_SRCS := $(filter-out lib/program/%,$(sort $(wildcard lib/*.c lib/*/*.c)))
CMD_SRCS := $(sort $(wildcard cmd/*.c cmd/*/*.c))
BPF_SRCS := $(sort $(wildcard bpf/*.bpf.c))
UNIT_SRCS := $(sort $(wildcard tests/unit/*.c))

LIB_OBJS := $(LIB_SRCS:%.c=$(O)/%.o)
CMD_OBJS := $(CMD_SRCS:%.c=$(O)/%.o)
BPF_OBJS := $(BPF_SRCS:%.c=$(O)/%.o)
UNIT_BINS := $(UNIT_SRCS:%.c=$(O)/%)

.PHONY: all help clean deps unit system demo check check-long soak bench bench-always-on bench-cost bench-unwind bench-threads bench-symbolize bench-page bench-report bench-top bench-fleet bench-store fuzz lint install
all: $(O)/egret $(O)/egret-parser $(O)/libegret.a $(O)/libegret.so.$(VERSION)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# Objects that BPF programs end up in are stripped of DWARF, and embedded by lib/capture/objects.S.
$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -O2 -g -Wall -Werror -Wno-gnu-variable-sized-type-not-at-end -I. -Ibpf -c $< -o $@.tmp
	llvm-strip -g $@.tmp -o $@ && rm -f $@.tmp

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) -c $< -o $@

$(O)/lib/capture/objects.o: lib/capture/objects.S $(BPF_OBJS)
	@mkdir -p $(@D)
	$(CC) -Wa,-I$(O)/bpf -c $< -o $@

ifneq ($(wildcard lib/capture/objects.S),)
LIB_OBJS += $(O)/lib/capture/objects.o
endif

# The report page, as it was built from page/ (`make page`): its bytes become bytes of the library.
$(O)/lib/export/page_bytes.o: lib/export/page_bytes.S lib/export/page/page.html
	@mkdir -p $(@D)
	$(CC) -c $< -o $@
LIB_OBJS += $(O)/lib/export/page_bytes.o

.PHONY: page
page: ## make the report page anew from page/ (node and npm)
	cd page && npm ci --silent && npm run --silent build

# Formats that are described by a schema: the code for them is made when egret is built.
PROTOS := $(sort $(wildcard lib/export/*.proto))
PROTO_STEMS := $(PROTOS:lib/export/%.proto=$(O)/gen/export/%)
$(O)/gen/export/%.pb-c.c $(O)/gen/export/%.pb-c.h: lib/export/%.proto
	@mkdir -p $(@D)
	protoc-c --c_out=$(@D) -Ilib/export $<
$(O)/gen/export/%.pb-c.o: $(O)/gen/export/%.pb-c.c
	$(CC) $(ALL_CFLAGS) -I$(O)/gen -c $< -o $@
$(LIB_OBJS): | $(PROTO_STEMS:=.pb-c.h)
LIB_OBJS += $(PROTO_STEMS:=.pb-c.o)

$(O)/libegret.a: $(LIB_OBJS)
	rm -f $@ && $(AR) rcs $@ $^

$(O)/libegret.so.$(VERSION): $(LIB_OBJS) lib/egret.map
	$(CC) -shared $(SAN_CFLAGS) -Wl,-soname,libegret.so.$(SOVERSION) -Wl,--version-script=lib/egret.map \
		-Wl,--no-undefined $(LDFLAGS) $(LIB_OBJS) $(DEMANGLE_LIB) $(LIBS) -o $@

ifeq ($(LINK),shared)
$(O)/egret: $(O)/egret-shared
	cp $< $@
else
$(O)/egret: $(CMD_OBJS) $(O)/libegret.a
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $(CMD_OBJS) $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) $(CMD_LIBS) -o $@
endif
# It is copied for each question that it answers: without the libraries that it does not call.
$(O)/egret-parser: $(O)/lib/program/egret_parser.o $(O)/libegret.a
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $< $(O)/libegret.a $(DEMANGLE_LIB) -Wl,--as-needed $(LIBS) -o $@

# Of the libraries of the library it needs those that the command line uses, too.
$(O)/egret-shared: $(CMD_OBJS) $(O)/libegret.so.$(VERSION)
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $(CMD_OBJS) $(O)/libegret.so.$(VERSION) -Wl,--as-needed $(CMD_LIBS) $(LIBS) -o $@
	ln -sf libegret.so.$(VERSION) $(O)/libegret.so.$(SOVERSION) # for what is run from here

# All of the command line but main, for its unit tests.
$(O)/libcmd.a: $(filter-out $(O)/cmd/egret.o,$(CMD_OBJS))
	rm -f $@ && $(AR) rcs $@ $^

# Unit tests: one program a file, linked with the static library (whose internals it may call).
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libcmd.a $(O)/libegret.a
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $< $(O)/libcmd.a $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) $(CMD_LIBS) -o $@
# Programs that system tests run: tests/system/*.c, linked like unit tests.
$(O)/tests/system/%: $(O)/tests/system/%.o $(O)/libegret.a
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $< $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) -o $@
# Those that drive parts of the command line.
$(O)/tests/system/store_fill $(O)/tests/system/push_drive $(O)/tests/system/fleet_put: $(O)/tests/system/%: $(O)/tests/system/%.o $(O)/libcmd.a $(O)/libegret.a
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $< $(O)/libcmd.a $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) $(CMD_LIBS) -o $@
# What the lab's tests run in their guest.
$(O)/tests/lab/%: $(O)/tests/lab/%.o $(O)/libegret.a
	$(CC) $(SAN_CFLAGS) $(LDFLAGS) $< $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) -o $@
.PRECIOUS: $(O)/tests/unit/%.o $(O)/tests/system/%.o $(O)/tests/lab/%.o

# BPF programs that tests load to look at the kernel from beside egret.
$(O)/tests/%.bpf.o: tests/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -O2 -g -Wall -Werror -I. -Ibpf -c $< -o $@

# What system tests record: distribution-like code, without frame pointers and debug information.
$(O)/tests/workloads/%: tests/workloads/%.c $(wildcard tests/workloads/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -fomit-frame-pointer -fno-optimize-sibling-calls \
		-fno-ipa-icf -pthread $< -o $@
# A static program of musl, which has no CFI of its own.
$(O)/tests/workloads/threads_musl: tests/workloads/threads.c $(wildcard tests/workloads/*.h)
	@mkdir -p $(@D)
	-musl-gcc -std=gnu11 -D_GNU_SOURCE -O2 -fomit-frame-pointer -pthread -static $< -o $@
# A 32-bit program needs no 32-bit library; one in Go needs Go. Tests skip what could not be built.
$(O)/tests/workloads/compat32: tests/workloads/compat32.c
	@mkdir -p $(@D)
	-$(CC) -m32 -O2 -fno-pic -no-pie -ffreestanding -fno-stack-protector -nostdlib -static $< -o $@
$(O)/tests/workloads/%: tests/workloads/%.go
	@mkdir -p $(@D)
	-GOCACHE=$(abspath $(O))/go-cache GOFLAGS=-mod=mod go build -o $@ $<

SYSTEM_TESTS := $(sort $(wildcard tests/system/*.sh tests/system/*_test))
SYSTEM_TESTS := $(filter-out %lib.sh,$(SYSTEM_TESTS))
SYSTEM_BINS := $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/system/*.c))) \
	$(patsubst %.c,$(O)/%.o,$(wildcard tests/system/*.bpf.c)) \
	$(patsubst %.c,$(O)/%,$(wildcard tests/workloads/*.c)) \
	$(patsubst %.go,$(O)/%,$(wildcard tests/workloads/*.go)) $(O)/tests/workloads/threads_musl
system: all $(SYSTEM_BINS) ## build and run the system tests (root)
	O=$(O) tests/run $(SYSTEM_TESTS)

# The lab: kernels in QEMU. LAB_BINS: what its tests run there.
LAB_BINS := $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/lab/*.c))) \
	$(patsubst %.c,$(O)/%.o,$(wildcard tests/lab/*.bpf.c))
.PHONY: lab lab-debug lab-mutants lab-programs
lab-programs: all $(SYSTEM_BINS) $(LAB_BINS)
lab: ## test egret on patched and stock kernels, which it builds and boots in QEMU
lab-debug: ## the same, with a kernel that checks itself, and with PREEMPT_RT
lab-mutants: ## break the patched kernel on purpose, and see its selftests fail
lab lab-debug lab-mutants:
	@scripts/deps.sh build lab
	@echo "building"
	@$(MAKE) $(QUIETLY) lab-programs
	@kernel-patch/lab/lab.sh $(O) $@

# The comparison with perf: its tools are plain C programs, and bench.py runs it all.
BENCH_TOOLS := $(O)/tests/bench/launch $(O)/tests/bench/storm
$(O)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) $< -o $@

bench: ## hold egret against perf: a table, also in build/bench/results.md and always-on.md
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret $(BENCH_TOOLS)
	@tests/bench/bench.py --egret $(O)/egret --tools $(O)/tests/bench --out $(O)/bench $(BENCH)
	@tests/bench/always_on.py --egret $(O)/egret --tools $(O)/tests/bench --out $(O)/bench

bench-always-on: ## the last table of `make bench`: the whole machine, always, at 19, 99 and 999 Hz (root)
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret $(BENCH_TOOLS)
	@tests/bench/always_on.py --egret $(O)/egret --tools $(O)/tests/bench --out $(O)/bench $(BENCH)

bench-cost: ## what a recording of a compiler costs egret itself, user space and kernel apart
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret $(BENCH_TOOLS)
	@tests/bench/cost.py --egret $(O)/egret --tools $(O)/tests/bench --out $(O)/bench $(BENCH)

UNWIND_BENCHES := $(O)/tests/bench/unwind_bench $(O)/tests/bench/first_stack
$(UNWIND_BENCHES): $(O)/tests/bench/%: tests/bench/%.c $(O)/libegret.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(LDFLAGS) $< $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) -o $@
bench-unwind: ## what the unwinders cost on the same stacks
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret $(UNWIND_BENCHES)
	@tests/bench/unwind.sh $(O) $(RAW)

bench-threads: ## what threads that unwind bring (RAW= for another recording)
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret
	@tests/bench/threads.py $(O) $(RAW)

bench-symbolize: ## what names and lines cost, beside llvm-symbolizer and addr2line
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret
	@tests/bench/symbolize.py --egret $(O)/egret --out $(O)/bench-symbolize $(BENCH)

bench-page: ## how long the report page takes with 1,000,000 samples of 50,000 stacks
	@scripts/deps.sh build check
	@$(MAKE) $(QUIETLY) $(O)/egret $(O)/tests/system/page_profiles
	@O=$(O) tests/bench/page.py

$(O)/tests/bench/many_samples: tests/bench/many_samples.c $(O)/libegret.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(LDFLAGS) $< $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) -o $@
bench-report: ## how long 10,000,000 samples of 500,000 stacks take to report (root)
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret $(O)/tests/bench/many_samples
	@tests/bench/report.sh $(O)

bench-store: ## how many hours of this machine the agent's store holds in a GiB (root, 25 minutes)
	@scripts/deps.sh build
	@$(MAKE) $(QUIETLY) $(O)/egret
	@tests/bench/store.sh $(O)

$(O)/tests/bench/fleet_load: tests/bench/fleet_load.c $(O)/libcmd.a $(O)/libegret.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(LDFLAGS) $< $(O)/libcmd.a $(O)/libegret.a $(DEMANGLE_LIB) $(LIBS) $(CMD_LIBS) -o $@
bench-fleet: ## an hour of 1,000 hosts in ClickHouse: rows a second in, bytes a sample, seconds a flame graph (root)
	@scripts/deps.sh build check bench
	@$(MAKE) $(QUIETLY) $(O)/egret $(O)/tests/bench/fleet_load
	@tests/bench/fleet.py --egret $(O)/egret --load $(O)/tests/bench/fleet_load --out $(O)/bench-fleet $(BENCH)

bench-top: ## what egret top takes of an idle machine (root)
	@scripts/deps.sh build bench
	@$(MAKE) $(QUIETLY) $(O)/egret
	@tests/bench/top.sh $(O)

# libFuzzer programs, of clang. The library is compiled anew, so that the fuzzer sees its branches.
FUZZ_TIME ?= 300
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/*_fuzz.c))
FUZZ_BINS := $(FUZZ_SRCS:%.c=$(O)/%)
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -g -O1 -std=gnu11 \
	-D_GNU_SOURCE -DEGRET_NAMED_MAX_SAMPLES=1000 -Wno-gnu-variable-sized-type-not-at-end
FUZZED := $(patsubst %.c,$(O)/fuzzed/%.o,$(wildcard $(addsuffix /*.c,$(addprefix lib/,base elf import profile symbolize unwind)))) \
	$(O)/gen/export/pprof.pb-c.o
FUZZED += $(patsubst %,$(O)/fuzzed/cmd/%.o,clock_time agent/fail agent/window_name agent/push_answer \
	fleet/where fleet/sql fleet/row_binary)
FUZZED += $(O)/fuzzed/lib/maps/labels.o $(O)/fuzzed/lib/capture/grant_table.o $(O)/fuzzed/lib/version.o
$(O)/fuzzed/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) -fsanitize=fuzzer-no-link $(FUZZ_FLAGS) $(INCLUDES) -MMD -MP -c $< -o $@
$(O)/tests/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(FUZZED)
	@mkdir -p $(@D)
	$(CLANG) -fsanitize=fuzzer $(FUZZ_FLAGS) $(INCLUDES) $< $(FUZZED) $(DEMANGLE_LIB) $(LIBS) -o $@
$(FUZZED): | $(PROTO_STEMS:=.pb-c.h)
-include $(FUZZED:.o=.d)
fuzz: $(FUZZ_BINS) ## fuzz each parser for FUZZ_TIME seconds (300); finds are left in build/fuzz
	@mkdir -p $(foreach f,$(FUZZ_SRCS),$(O)/fuzz/$(patsubst tests/fuzz/%_fuzz.c,%,$(f)))
	$(foreach f,$(FUZZ_SRCS:tests/fuzz/%_fuzz.c=%),$(O)/tests/fuzz/$(f)_fuzz -max_total_time=$(FUZZ_TIME) \
		-max_len=65536 -timeout=10 -artifact_prefix=$(O)/fuzz/ $(O)/fuzz/$(f) tests/fuzz/corpus/$(f) &&) true

unit: $(UNIT_BINS) ## build and run the unit tests
	tests/run $(UNIT_BINS)

clean: ## remove what was built
	rm -rf build build-san build-tsan

# ---- what README.md names: each installs what is missing, and builds ---------------------------

# Builds with a job a CPU where the caller did not say otherwise, and says only what goes wrong.
QUIETLY = --no-print-directory --silent $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
LINTS := $(sort $(wildcard tests/lint/*.sh))
LONG_TESTS := $(sort $(wildcard tests/long/*.sh))
# System tests that run with sanitizers too: those that take egret through most of its code, and do
# not measure what it costs.
SAN_SYSTEM_TESTS := $(filter $(patsubst %,tests/system/%.sh,capture_altstack capture_clamp_go \
	capture_sleeper cli_test formats_hostile maps_before maps_dlopen maps_files maps_namespaces programs_native \
	programs_node programs_tools record_cli),$(SYSTEM_TESTS))

.PHONY: programs test-programs san san-programs uninstall
programs: all $(UNIT_BINS) $(SYSTEM_BINS)
san-programs:
	@echo "building with sanitizers"
	@$(MAKE) $(QUIETLY) SAN=1 O=$(O)-san all $(UNIT_BINS:$(O)/%=$(O)-san/%) $(SYSTEM_BINS:$(O)/%=$(O)-san/%)
test-programs:
	@scripts/deps.sh build check
	@echo "building"
	@$(MAKE) $(QUIETLY) programs

deps: ## install what is missing (apt; root)
	scripts/deps.sh build check bench deb

demo: ## record a real program, and leave its flame graph
	@scripts/deps.sh build demo
	@echo "building"
	@$(MAKE) $(QUIETLY) all
	@scripts/demo.sh $(O)

# System tests that mind no others: of what comes of a recording or a file, and of what is recorded of their own
# processes alone, however long it takes. They run beside each other. Those of what is mapped when do mind.
MAPS_TESTS := $(filter tests/system/maps_%.sh,$(SYSTEM_TESTS))
SIDE_BY_SIDE := $(filter $(patsubst %,tests/system/%.sh,annotate cache cache_files capture_identity cfi_lies cfi_rows cookbook \
	diff_merge examples files_cut fleet formats formats_recovered fuzz_short install_test labels names_container names_debug \
	names_go names_inlines names_jit names_kernel names_programs names_why parser progress record_scopes recover_assembly \
	recover_jit recover_roots report_first_line report_terminal session_forget session_given store_view symbolize_cli \
	symbolize_differential symbolize_packed unwind_differential unwind_threads unwind_truth) \
	$(filter-out $(MAPS_TESTS),$(SAN_SYSTEM_TESTS)) \
	$(addprefix tests/system/,%_chromium_test formats_npm_test),$(SYSTEM_TESTS))

# All tests in one run, so that its last line counts them all. Those that look at what a machine
# does run one by one.
check: test-programs ## install what is missing, build, and pass every test (root)
	@$(MAKE) $(QUIETLY) san-programs
	@tests/run O=$(O) JOBS=$(shell nproc) $(LINTS) $(UNIT_BINS) $(SIDE_BY_SIDE) \
		JOBS=1 $(filter-out $(SIDE_BY_SIDE),$(SYSTEM_TESTS)) \
		O=$(O)-san $(filter $(MAPS_TESTS),$(SAN_SYSTEM_TESTS)) \
		JOBS=$(shell nproc) $(UNIT_BINS:$(O)/%=$(O)-san/%) $(filter-out $(MAPS_TESTS),$(SAN_SYSTEM_TESTS))

check-long: test-programs ## the tests that take their time: soaks and long comparisons (root)
	@$(MAKE) $(QUIETLY) san-programs
	@TEST_TIMEOUT=3600 tests/run O=$(O) $(LONG_TESTS)

soak: test-programs ## the agent for half an hour, killed and cut off at random, with a plot (root)
	@TEST_TIMEOUT=3600 tests/run O=$(O) SOAK_SECONDS=$${SOAK_SECONDS:-1800} tests/system/agent_soak.sh

# The interface as it was recorded is the one that programs were built with: a change of it is seen in review.
.PHONY: abi check-abi
check-abi: ## hold the library's binary interface against the one that was recorded
	@scripts/deps.sh build check
	@$(MAKE) $(QUIETLY) all
	@tests/run O=$(O) tests/lint/abi.sh
abi: ## record the library's binary interface anew, after a change that is meant so
	@$(MAKE) $(QUIETLY) all
	tests/abi/abi.py list $(O)/libegret.so.$(VERSION) $(PUBLIC_HEADERS) >tests/abi/libegret.abi.new
	mv tests/abi/libegret.abi.new tests/abi/libegret.abi

lint: ## format, layers, style, static analysis
	@scripts/deps.sh build check
	@$(MAKE) $(QUIETLY) all
	@tests/run O=$(O) JOBS=$(shell nproc) $(LINTS)

san: ## the tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/deps.sh build check
	@$(MAKE) $(QUIETLY) san-programs
	@tests/run O=$(O)-san $(UNIT_BINS:$(O)/%=$(O)-san/%) $(SAN_SYSTEM_TESTS)

# ---- installation --------------------------------------------------------------------------------

BINDIR := $(PREFIX)/bin
INCLUDEDIR := $(PREFIX)/include
MANDIR := $(PREFIX)/share/man
COMPLETIONS := $(PREFIX)/share/bash-completion/completions
UNITDIR := $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
AGENT_CONF = $(DESTDIR)$(SYSCONFDIR)/egret/agent.conf
MAN_PAGES := $(sort $(wildcard man/*.[1-8]))
SO := libegret.so
# Where lib/parser/program.c looks for it.
PARSER_PROGRAM := $(LIBDIR)/egret/egret-parser
man_dir = $(MANDIR)/man$(subst .,,$(suffix $(1)))
# man egret_session__open is the page that has it in its NAME.
MAN_LINKS := $(shell awk 'FNR == 1 { name = 0 } /^\.SH/ { name = $$2 == "NAME"; next } \
	name && /^egret_[a-z_]*,?$$/ { sub(/,/, ""); file = FILENAME; sub(/.*\//, "", file); \
		if ($$0 ".3" != file) print $$0 ".3=" file }' man/*.3)

$(O)/egret.pc: lib/egret.pc.in lib/include/egret/egret.h Makefile
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' $< > $@
.PHONY: $(O)/egret.pc # PREFIX may be another than the last time
$(O)/egret.bash: $(O)/egret
	LD_LIBRARY_PATH=$(O) $(O)/egret completion bash > $@
$(O)/egret-agent.service: cmd/agent/egret-agent.service.in
	sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|' $< > $@
.PHONY: $(O)/egret-agent.service

install: all $(O)/egret.pc $(O)/egret.bash $(O)/egret-agent.service ## install below PREFIX
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(dir $(PARSER_PROGRAM)) $(DESTDIR)$(INCLUDEDIR)/egret \
		$(DESTDIR)$(COMPLETIONS) $(DESTDIR)$(UNITDIR)
	install -m 755 $(O)/egret $(DESTDIR)$(BINDIR)/egret
	install -m 755 $(O)/egret-parser $(DESTDIR)$(PARSER_PROGRAM)
	install -m 644 $(O)/libegret.a $(DESTDIR)$(LIBDIR)/libegret.a
	install -m 644 $(O)/$(SO).$(VERSION) $(DESTDIR)$(LIBDIR)/$(SO).$(VERSION)
	ln -sf $(SO).$(VERSION) $(DESTDIR)$(LIBDIR)/$(SO).$(SOVERSION)
	ln -sf $(SO).$(SOVERSION) $(DESTDIR)$(LIBDIR)/$(SO)
	install -m 644 $(PUBLIC_HEADERS) $(DESTDIR)$(INCLUDEDIR)/egret
	install -m 644 $(O)/egret.pc $(DESTDIR)$(LIBDIR)/pkgconfig/egret.pc
	install -m 644 $(O)/egret.bash $(DESTDIR)$(COMPLETIONS)/egret
	install -m 644 $(O)/egret-agent.service $(DESTDIR)$(UNITDIR)/egret-agent.service
	@# What was configured stays.
	[ -e $(AGENT_CONF) ] || install -D -m 644 cmd/agent/agent.conf $(AGENT_CONF)
	$(foreach page,$(MAN_PAGES),install -D -m 644 $(page) \
		$(DESTDIR)$(call man_dir,$(page))/$(notdir $(page)) &&) true
	@$(foreach link,$(MAN_LINKS),echo '.so man3/$(lastword $(subst =, ,$(link)))' \
		>$(DESTDIR)$(MANDIR)/man3/$(firstword $(subst =, ,$(link))) &&) true

# Where packages are left; they are built in a copy of what is committed.
DEB_DIR ?= $(O)/deb
.PHONY: deb
deb: ## Debian packages of what is committed, into build/deb (apt-get build-dep, or make deps first)
	@scripts/deps.sh build deb
	rm -rf $(DEB_DIR) && mkdir -p $(DEB_DIR)/egret-$(VERSION)
	git archive HEAD | tar -x -C $(DEB_DIR)/egret-$(VERSION)
	cd $(DEB_DIR)/egret-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage -J -b -uc -us
	rm -rf $(DEB_DIR)/egret-$(VERSION)

uninstall: ## remove what `make install` put below PREFIX
	rm -f $(DESTDIR)$(BINDIR)/egret $(DESTDIR)$(PARSER_PROGRAM) $(DESTDIR)$(LIBDIR)/libegret.a $(DESTDIR)$(LIBDIR)/$(SO) \
		$(DESTDIR)$(LIBDIR)/$(SO).$(SOVERSION) $(DESTDIR)$(LIBDIR)/$(SO).$(VERSION) \
		$(PUBLIC_HEADERS:lib/include/%=$(DESTDIR)$(INCLUDEDIR)/%) $(DESTDIR)$(LIBDIR)/pkgconfig/egret.pc \
		$(DESTDIR)$(COMPLETIONS)/egret $(DESTDIR)$(UNITDIR)/egret-agent.service \
		$(foreach page,$(MAN_PAGES),$(DESTDIR)$(call man_dir,$(page))/$(notdir $(page))) \
		$(foreach link,$(MAN_LINKS),$(DESTDIR)$(MANDIR)/man3/$(firstword $(subst =, ,$(link))))
	! cmp -s cmd/agent/agent.conf $(AGENT_CONF) || rm $(AGENT_CONF)
	rmdir --ignore-fail-on-non-empty $(DESTDIR)$(INCLUDEDIR)/egret $(DESTDIR)$(dir $(PARSER_PROGRAM))

-include $(LIB_OBJS:.o=.d) $(CMD_OBJS:.o=.d) $(O)/lib/program/egret_parser.d $(UNIT_BINS:=.d) $(wildcard $(O)/tests/system/*.d)
