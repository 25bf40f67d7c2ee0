# nfc: the NeuroFabric compiler.   make · make demo · make check · make bless · make bench

CC      ?= gcc
BUILD   ?= build
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
ALL     := -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(WARN) $(WERROR) $(CFLAGS)
LIBS    := -lcjson -lm

SRC     := $(wildcard frontend/*.c ir/*.c passes/*.c codegen/*.c devices/*.c)
EMBED   := $(sort $(wildcard devices/*.json runtime-min/*))
OBJ     := $(SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/nfg.tab.o $(BUILD)/gen/nfg.lex.o $(BUILD)/gen/embed.o $(BUILD)/gen/embed_data.o
LIBOBJ  := $(filter-out $(BUILD)/frontend/main.o,$(OBJ))

all: $(BUILD)/nfc

$(BUILD)/nfc: $(OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/gen/nfg.tab.c $(BUILD)/gen/nfg.tab.h &: frontend/nfg.y
	@mkdir -p $(@D)
	bison -Wall -Wno-other -Werror -d -o $(BUILD)/gen/nfg.tab.c $<
$(BUILD)/gen/nfg.lex.c: frontend/nfg.l
	@mkdir -p $(@D)
	flex -o $@ $<
# What flex and bison write is not ours to warn about.
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/gen/nfg.tab.h
	$(CC) -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(CFLAGS) -w -c -o $@ $<

# The files that nfc carries inside itself: frontend/embed.h.
$(BUILD)/gen/embed.c: Makefile $(EMBED)
	@mkdir -p $(@D)
	@{ echo '#include "frontend/embed.h"'; i=0; \
	  for f in $(EMBED); do i=$$((i + 1)); echo "extern const char embed_$$i[], embed_end_$$i[];"; done; i=0; \
	  echo 'const embedded_file embedded_files[] = {'; \
	  for f in $(EMBED); do i=$$((i + 1)); echo "    {\"$$f\", embed_$$i, embed_end_$$i},"; done; echo '    {0, 0, 0}};'; } > $@
$(BUILD)/gen/embed_data.S: Makefile $(EMBED)
	@mkdir -p $(@D)
	@{ echo '.section .rodata'; i=0; \
	  for f in $(EMBED); do i=$$((i + 1)); printf '.global embed_%d, embed_end_%d\nembed_%d: .incbin "%s"\nembed_end_%d: .byte 0\n' $$i $$i $$i $$f $$i; done; \
	  echo '.section .note.GNU-stack,"",%progbits'; } > $@
$(BUILD)/gen/embed_data.o: $(BUILD)/gen/embed_data.S
	$(CC) -c -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/gen/nfg.tab.h
	@mkdir -p $(@D)
	$(CC) $(ALL) -MMD -MP -c -o $@ $<
-include $(SRC:%.c=$(BUILD)/%.d)

clean:
	rm -rf $(BUILD)
.PHONY: all clean
