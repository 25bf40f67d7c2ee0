"""What is emitted for c99-scalar is C99 that needs nothing but the language, in the eyes of several
compilers, with any way to keep weights."""
import re

from lab import *  # noqa: F403

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
BARE = ["-std=c99", "-ffreestanding", "-nostdlib", "-O2", "-c"]
ARM = ["-mcpu=cortex-m4", "-mthumb"]
# The compiler's own functions: what it may call for arithmetic that the processor lacks, and copies.
OWN = re.compile(r"__aeabi_\w+$|mem(cpy|set)$")
SCALAR = json.loads((ROOT / "devices" / "c99-scalar.json").read_text())
VARIANTS = {
    "as shipped": {},
    "f16 weights": {"preferences__precision": "f16"},
    "weights by the assembler": {"preferences__weights": "incbin"},
    "big-endian": {"target__byte_order": "big"},
    "a square root": {"target__libm": True},
    "fast_math": {"preferences__fast_math": True},
}


def compiles(compiler, words, build, what):
    sources = sorted(build.folder / n for n in build.files if n.endswith(".c"))
    check(sources, f"{what}: sources")
    for source in sources:
        r = command(compiler, *BARE, *words, *WARNINGS, source, "-o", f"{source.stem}.o")
        check(r.returncode == 0 and not r.stderr, f"{what}: {compiler} {source.name}: {r.stderr}")
    return [f"{s.stem}.o" for s in sources]


def needs(nm, objects):
    table = [line.split() for line in command(nm, *objects).stdout.splitlines() if line and not line.endswith(":")]
    return {row[-1] for row in table if row[-2] == "U"} - {row[-1] for row in table if row[-2] in "TRDBdrtb"}


prepare("net", "convnet")
builds = {}
for graph in ("net", "convnet"):
    for variant, changes in VARIANTS.items():
        build = Build(graph, described(SCALAR, **changes))
        if check(build.status == 0 and not build.err, f"{graph}, {variant}: {build.err}"):
            builds[f"{graph}, {variant}"] = build
for compiler, words, nm in (("gcc", [], "nm"), ("clang-14", [], "nm"), ("arm-none-eabi-gcc", ARM, "arm-none-eabi-nm")):
    if not have(compiler) or not have(nm):
        left_out(f"freestanding code in the eyes of {compiler}, which is not here")
        continue
    for what, build in builds.items():
        objects = compiles(compiler, words, build, what)
        if "a square root" not in what and "assembler" not in what:
            alien = {s for s in needs(nm, objects) if not OWN.match(s)}
            check(not alien, f"{what}: {compiler}: the objects need {alien}")
finish()
