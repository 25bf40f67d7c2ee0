# nfc: the NeuroFabric compiler.   make · make demo · make check · make check-onnx · make bless · make bench · make bench-cpu · make bench-start

ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   ?= build
PYTHON  ?= /usr/bin/python3
CFLAGS  ?= -O2 -g
Q       := $(if $(V),,@)# make V=1 shows the commands
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
ALL     := -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(WARN) $(WERROR) $(CFLAGS)
LIBS    := -lcjson -lprotobuf-c -lm
# As many jobs as there are cores, unless the caller says.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

SRC     := $(wildcard frontend/*.c frontend/onnx/*.c ir/*.c passes/*.c codegen/*.c devices/*.c)
EMBED   := $(sort $(wildcard devices/*.json runtime-min/*))
OBJ     := $(SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/nfg.tab.o $(BUILD)/gen/nfg.lex.o $(BUILD)/gen/onnx.pb-c.o $(BUILD)/gen/embed.o $(BUILD)/gen/embed_data.o
LIBOBJ  := $(filter-out $(BUILD)/frontend/main.o,$(OBJ))

all: $(BUILD)/nfc $(BUILD)/nfc.a $(BUILD)/ops.tested

# Installs what is missing, then builds: the two commands for a fresh machine are make demo and make check.
setup:
	@sh .ci/setup build
setup-check:
	@sh .ci/setup check
setup-bench:
	@sh .ci/setup bench
demo: setup
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@sh examples/demo.sh $(BUILD)
check: setup-check
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@sh tests/check.sh $(BUILD) $(SUITES)
# The published ONNX tests: see tests/onnx/README.md. SUITE is a folder of them, ONLY a pattern of names, WAYS some of
# sim,gcc,clang. What all ways give goes to tests/onnx/RESULTS.md.
check-onnx: setup-check
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@$(PYTHON) tests/onnx/run.py --nfc $(BUILD)/nfc $(if $(SUITE),--suite $(SUITE)) $(if $(ONLY),--only '$(ONLY)') $(if $(WAYS),--ways $(WAYS)) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(SUITE)$(WAYS),,--results tests/onnx/RESULTS.md)
	@$(if $(SUITE)$(ONLY)$(WAYS),,$(PYTHON) tests/onnx/table.py --nfc $(BUILD)/nfc && sh tests/models/run.sh $(BUILD) all)
# Rewrites the expected outputs of the golden suites; look at the difference before you commit it.
bless: all
	@for s in fail sim devices; do NFC_BLESS=1 sh tests/$$s/run.sh $(BUILD); done
bench: all
	@sh tests/bench/onnx.sh $(BUILD) $(MODELS)
	@$(PYTHON) tests/bench/scale.py $(BUILD)/nfc
# Beside the runtimes of others: see tests/bench/cpu/README.md. MODELS=a,b PEERS=p,q THREADS=1,2 ROUNDS=5 DEVICE=d OUT=FILE.md LEAST=1
bench-cpu: setup-bench
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@NFC_BENCH_COMMAND='make bench-cpu $(MAKEOVERRIDES)' sh tests/bench/cpu/run.sh $(BUILD) $(if $(MODELS),--models $(MODELS)) $(if $(PEERS),--peers $(PEERS)) \
	  $(if $(THREADS),--threads $(THREADS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DEVICE),--device $(DEVICE)) $(if $(OUT),--out $(OUT)) $(if $(LEAST),--least)
# From the start of a process to its first result: MODELS=resnet50 THREADS=1,2 ROUNDS=15 DEVICE=d OUT=FILE.md
bench-start: setup-bench
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@NFC_BENCH_COMMAND='make bench-start $(MAKEOVERRIDES)' sh tests/bench/cpu/run.sh $(BUILD) start $(if $(MODELS),--models $(MODELS)) \
	  $(if $(THREADS),--threads $(THREADS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DEVICE),--device $(DEVICE)) $(if $(OUT),--out $(OUT))

$(BUILD)/nfc: $(OBJ)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
	@echo "built $@"

# No op without its goldens: tests/ops/run.sh says whether they are right.
$(BUILD)/ops.tested: $(BUILD)/nfc
	@ops=$$($< ops --markdown | sed -n 's/^| `\([^`]*\)`.*/\1/p'); missing=; \
	  for op in $${ops:?}; do [ -d tests/ops/golden/$$op ] || missing="$$missing $$op"; done; \
	  [ -z "$$missing" ] || { echo "no goldens of:$$missing. Write them: $(PYTHON) tests/ops/make_goldens.py --nfc $<$$missing" >&2; exit 1; }
	@touch $@

# The compiler without its main: what tests of its parts link with.
$(BUILD)/nfc.a: $(LIBOBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/gen/nfg.tab.c $(BUILD)/gen/nfg.tab.h &: frontend/nfg.y
	@mkdir -p $(@D)
	$(Q)bison -Wall -Wno-other -Werror -d -o $(BUILD)/gen/nfg.tab.c $<
$(BUILD)/gen/nfg.lex.c: frontend/nfg.l
	@mkdir -p $(@D)
	$(Q)flex -o $@ $<
$(BUILD)/gen/onnx.pb-c.c $(BUILD)/gen/onnx.pb-c.h &: frontend/onnx/onnx.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(<D) --c_out=$(BUILD)/gen $<
# What flex, bison and protoc-c write is not ours to warn about.
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/gen/nfg.tab.h Makefile
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(CFLAGS) -w -MMD -MP -c -o $@ $<

# The files that nfc carries inside itself: frontend/embed.h.
$(BUILD)/gen/embed.list: FORCE
	@mkdir -p $(@D)
	@echo $(EMBED) | cmp -s - $@ || echo $(EMBED) > $@
FORCE:
$(BUILD)/gen/embed.c: Makefile $(BUILD)/gen/embed.list $(EMBED)
	@mkdir -p $(@D)
	@{ echo '#include "frontend/embed.h"'; i=0; \
	  for f in $(EMBED); do i=$$((i + 1)); echo "extern const char embed_$$i[], embed_end_$$i[];"; done; i=0; \
	  echo 'const embedded_file embedded_files[] = {'; \
	  for f in $(EMBED); do i=$$((i + 1)); echo "    {\"$$f\", embed_$$i, embed_end_$$i},"; done; echo '    {0, 0, 0}};'; } > $@
$(BUILD)/gen/embed_data.S: Makefile $(BUILD)/gen/embed.list $(EMBED)
	@mkdir -p $(@D)
	@{ echo '.section .rodata'; i=0; \
	  for f in $(EMBED); do i=$$((i + 1)); printf '.global embed_%d, embed_end_%d\nembed_%d: .incbin "%s"\nembed_end_%d: .byte 0\n' $$i $$i $$i $$f $$i; done; \
	  echo '.section .note.GNU-stack,"",%progbits'; } > $@
$(BUILD)/gen/embed_data.o: $(BUILD)/gen/embed_data.S
	$(Q)$(CC) -c -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/gen/nfg.tab.h $(BUILD)/gen/onnx.pb-c.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL) -MMD -MP -c -o $@ $<
-include $(SRC:%.c=$(BUILD)/%.d) $(BUILD)/gen/nfg.tab.d $(BUILD)/gen/nfg.lex.d $(BUILD)/gen/onnx.pb-c.d

clean:
	rm -rf $(BUILD)
.PHONY: all setup setup-check setup-bench demo check check-onnx bless bench bench-cpu bench-start clean
