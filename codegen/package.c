/* How the program is built: Makefile and CMakeLists.txt. */
#include <string.h>
#include "codegen/isa.h"
#include "frontend/embed.h"

/* ---- files --------------------------------------------------------------------------------- */

static const char *ending(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot : "";
}

static bool is_compiled(const char *name)
{
    return strcmp(ending(name), ".c") == 0 || strcmp(ending(name), ".S") == 0;
}

static bool is_runtime(const cg_program *p, const char *name)
{
    return embedded_find(arena_printf(p->arena, "runtime-min/%s", name)) != NULL;
}

/* Is it one of the program around the library? */
static bool is_main_file(const cg_program *p, const char *name)
{
    return (is_runtime(p, name) && !cg_is_pool_file(name)) || strcmp(name, arena_printf(p->arena, "%s_main.c", p->name)) == 0;
}

static bool is_source(const cg_program *p, const char *name)
{
    return strcmp(name, arena_printf(p->arena, "%s.c", p->name)) == 0 || cg_version_of_file(p, name);
}

static const char *without_ending(const cg_program *p, const char *name)
{
    return arena_strndup(p->arena, name, (size_t)(ending(name) - name));
}

/* The compiled files of the library, or those of the program around it. */
typedef VEC(const char *) file_names;

static file_names compiled_files(const cg_program *p, bool of_main)
{
    file_names list = {0};
    for (int i = 0; i < p->file.n; i++) {
        const char *name = p->file.at[i].name;
        if (is_compiled(name) && is_main_file(p, name) == of_main) vec_push(p->arena, &list, name);
    }
    return list;
}

static bool has_file(const cg_program *p, const char *name)
{
    for (int i = 0; i < p->file.n; i++)
        if (strcmp(p->file.at[i].name, name) == 0) return true;
    return false;
}

static bool has_pool(const cg_program *p) { return has_file(p, "nf_threads.c"); }

/* ---- Makefile ------------------------------------------------------------------------------ */

/* The reader of device descriptions lets only such words pass as no shell, make or CMake misreads.
 */
static void put_words(text *t, const device_words *words)
{
    for (int i = 0; i < words->n; i++) put(t, " %s", words->at[i]);
}

static void put_variables(cg_program *p, text *t)
{
    const device *d = p->device;
    line(t, "CC     = %s", d->compiler.command);
    line(t, "AR     = %s", d->compiler.archiver);
    put(t, "CFLAGS = -std=%s", d->compiler.standard);
    put_words(t, &d->compiler.flags);
    if (d->chosen) put_words(t, &d->chosen->flags);
    if (has_pool(p)) put(t, " -pthread");
    put(t, "\nLDLIBS =");
    put_words(t, &d->compiler.link);
    if (p->with_main) {
        put(t, "\nRUN    =");
        for (int i = 0; i < d->compiler.run.n; i++) put(t, device_run_file(p->s, d->compiler.run.at[i]) ? " $(DIR)%s" : " %s", d->compiler.run.at[i]);
    }
    line(t, "\n");
}

static void put_objects(cg_program *p, text *t, const file_names *files, bool traced)
{
    for (int i = 0; i < files->n; i++) {
        bool is_traced = traced && is_source(p, files->at[i]);
        put(t, " %s%s.o", without_ending(p, files->at[i]), is_traced ? "_trace" : "");
    }
}

/* Of the kind of processor that a version is for; they stand behind those of the others, and count. */
static void put_version_flags(text *t, const cg_program *v)
{
    if (!v) return;
    put_words(t, &v->device->compiler.flags);
    put_words(t, &v->device->chosen->flags);
}

/* "decode_main.o: decode_main.c decode.h nf_main.h": what an object is made from. */
static void put_rule(cg_program *p, text *t, const char *object, const char *file,
                     const char *flags)
{
    bool assembler = strcmp(ending(file), ".S") == 0, runtime = is_runtime(p, file),
         of_main = is_main_file(p, file);
    put(t, "%s.o: %s", object, file);
    if (assembler) put(t, " %s.bin", without_ending(p, file));
    for (int i = 0; i < p->file.n && !assembler; i++) {
        const char *name = p->file.at[i].name;
        bool included = is_main_file(p, name) ? of_main : cg_is_pool_file(name) ? of_main || runtime : !runtime;
        if (strcmp(ending(name), ".h") == 0 && included) put(t, " %s", name);
    }
    put(t, "\n\t$(CC) $(CPPFLAGS) $(CFLAGS)");
    put_version_flags(t, cg_version_of_file(p, file));
    line(t, "%s -c -o $@ $<\n", assembler ? " -I'$(DIR)'" : flags);
}

static void put_rules(cg_program *p, text *t)
{
    for (int i = 0; i < p->file.n; i++) {
        const char *name = p->file.at[i].name, *object = without_ending(p, name);
        if (!is_compiled(name)) continue;
        bool of_main = strcmp(name, arena_printf(p->arena, "%s_main.c", p->name)) == 0;
        put_rule(p, t, object, name, of_main ? " -DNF_TRACE" : "");
        if (is_source(p, name) && p->with_main)
            put_rule(p, t, arena_printf(p->arena, "%s_trace", object), name, " -DNF_TRACE");
    }
}

/* The program and how it is started, where there is one. */
static void put_program(cg_program *p, text *t)
{
    line(t, "%s: $(PROGRAM)\n\t$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)\n", p->name);
    line(t, "run: %s\n\t$(RUN) ./%s $(ARGS)\n", p->name, p->name);
}

static void put_head(cg_program *p, text *t)
{
    line(t, "# SPDX-License-Identifier: 0BSD");
    line(t, "# %s: made by nfc from %s for %s.", p->name,
         comment_safe(p->arena, p->source), cg_devices_text(p));
    if (p->with_main)
        line(t,
             "#   make: the program; make lib%s.a: the library; make run ARGS='--help'; make "
             "clean",
             p->name);
    else
        line(t, "#   make: the library; make clean");
    line(t, "# make -f DIR/Makefile leaves its products in the folder where it is called.\n");
}

static void emit_makefile(cg_program *p)
{
    text *t = text_new(p->arena);
    file_names library = compiled_files(p, false), around = compiled_files(p, true);
    put_head(p, t);
    put_variables(p, t);
    line(t, "DIR := $(dir $(lastword $(MAKEFILE_LIST)))\nvpath %%.c $(DIR)\nvpath %%.h "
            "$(DIR)\nvpath %%.S $(DIR)\nvpath %%.bin $(DIR)\n");
    put(t, "LIBRARY =");
    put_objects(p, t, &library, false);
    if (p->with_main) {
        put(t, "\nPROGRAM =");
        put_objects(p, t, &library, true);
        put_objects(p, t, &around, false);
    }
    line(t, "\n\nall: %s\n", p->with_main ? p->name : arena_printf(p->arena, "lib%s.a", p->name));
    if (p->with_main) put_program(p, t);
    line(t, "lib%s.a: $(LIBRARY)\n\trm -f $@\n\t$(AR) rcs $@ $^\n", p->name);
    put_rules(p, t);
    line(t, "clean:\n\trm -f lib%s.a $(LIBRARY)%s%s\n", p->name, p->with_main ? " $(PROGRAM) " : "",
         p->with_main ? p->name : "");
    line(t, ".PHONY: all clean%s", p->with_main ? " run" : "");
    cg_add_file(p, "Makefile", t->at);
}

/* ---- CMakeLists.txt ------------------------------------------------------------------------ */

/* CMake keeps these names of targets for itself. */
static const char *library_target(const cg_program *p)
{
    static const char *const taken[] = {"all",        "clean",         "depend",  "edit_cache",
                                        "help",       "install",       "package", "package_source",
                                        "preinstall", "rebuild_cache", "test"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(taken[i], p->name) == 0) return arena_printf(p->arena, "%s_library", p->name);
    return p->name;
}

static void put_target(cg_program *p, text *t, const char *target, bool of_main)
{
    const device *d = p->device;
    file_names library = compiled_files(p, false), around = compiled_files(p, true);
    put(t, of_main ? "add_executable(%s" : "add_library(%s STATIC", target);
    for (int i = 0; i < library.n; i++) put(t, " %s", library.at[i]);
    for (int i = 0; i < around.n && of_main; i++) put(t, " %s", around.at[i]);
    line(t, ")");
    line(t, "target_include_directories(%s %s \"${CMAKE_CURRENT_SOURCE_DIR}\")", target,
         of_main ? "PRIVATE" : "PUBLIC");
    put(t, "target_compile_options(%s PRIVATE -std=%s", target, d->compiler.standard);
    put_words(t, &d->compiler.flags);
    if (d->chosen) put_words(t, &d->chosen->flags);
    line(t, ")");
    if (d->compiler.link.n) {
        put(t, "target_link_libraries(%s %s", target, of_main ? "PRIVATE" : "PUBLIC");
        put_words(t, &d->compiler.link);
        line(t, ")");
    }
    if (has_pool(p)) line(t, "target_link_libraries(%s %s Threads::Threads)", target, of_main ? "PRIVATE" : "PUBLIC");
}

/* The device's compiler, unless the caller, a toolchain file or an enclosing project has chosen one. */
static void put_cmake_compiler(cg_program *p, text *t)
{
    line(t, "if(NOT DEFINED CMAKE_C_COMPILER AND NOT DEFINED ENV{CC})");
    line(t, "    set(CMAKE_C_COMPILER %s)\nendif()", p->device->compiler.command);
}

static bool has_assembler(const cg_program *p)
{
    for (int i = 0; i < p->file.n; i++)
        if (strcmp(ending(p->file.at[i].name), ".S") == 0) return true;
    return false;
}

/* Each version by the options of its kind of processor, behind those of all. */
static void put_cmake_versions(cg_program *p, text *t)
{
    for (int i = 0; i < p->version.n; i++) {
        put(t, "set_source_files_properties(%s.c PROPERTIES COMPILE_OPTIONS \"", p->version.at[i]->stem);
        const device *d = p->version.at[i]->device;
        for (int k = 0; k < d->compiler.flags.n; k++) put(t, "%s%s", k ? ";" : "", d->compiler.flags.at[k]);
        for (int k = 0; k < d->chosen->flags.n; k++) put(t, ";%s", d->chosen->flags.at[k]);
        line(t, "\")");
    }
    if (p->version.n) end_line(t);
}

static void emit_cmake(cg_program *p)
{
    text *t = text_new(p->arena);
    const char *n = p->name, *weights = arena_printf(p->arena, "%s_weights", n);
    bool assembler = has_assembler(p),
         blob = has_file(p, arena_printf(p->arena, "%s.bin", weights));
    line(t, "# SPDX-License-Identifier: 0BSD");
    line(t, "# %s: made by nfc from %s for %s.", n, comment_safe(p->arena, p->source),
         cg_devices_text(p));
    line(t, "cmake_minimum_required(VERSION 3.13)");
    put_cmake_compiler(p, t);
    line(t, "project(%s LANGUAGES C%s)\n", library_target(p), assembler ? " ASM" : "");
    if (has_pool(p)) line(t, "set(THREADS_PREFER_PTHREAD_FLAG ON)\nfind_package(Threads REQUIRED)\n");
    if (assembler) {
        line(t, "# The assembler takes the weights in from here.");
        for (int i = 0; i < p->file.n; i++) {
            if (strcmp(ending(p->file.at[i].name), ".S") != 0) continue;
            const char *stem = without_ending(p, p->file.at[i].name);
            line(t,
                 "set_source_files_properties(%s.S PROPERTIES\n    COMPILE_OPTIONS "
                 "\"-I${CMAKE_CURRENT_SOURCE_DIR}\"\n    OBJECT_DEPENDS "
                 "\"${CMAKE_CURRENT_SOURCE_DIR}/%s.bin\")\n",
                 stem, stem);
        }
    }
    put_cmake_versions(p, t);
    put_target(p, t, library_target(p), false);
    if (p->with_main) {
        const char *target = arena_printf(p->arena, "%s_program", n);
        end_line(t);
        put_target(p, t, target, true);
        line(t, "target_compile_definitions(%s PRIVATE NF_TRACE)", target);
        line(t, "set_target_properties(%s PROPERTIES OUTPUT_NAME %s)", target, n);
        if (blob && !assembler) line(t, "configure_file(%s.bin %s.bin COPYONLY)", weights, weights);
    }
    cg_add_file(p, "CMakeLists.txt", t->at);
}

void cg_emit_package(cg_program *p)
{
    emit_makefile(p);
    emit_cmake(p);
    cg_emit_report(p);
    cg_emit_manifest(p); /* last: it lists the others */
}
