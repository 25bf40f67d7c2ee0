"""Every key of a device description acts: its value is changed, and what `nfc` makes of a small graph
changes as the table of keys says, or is refused. A key without a check here is a failure."""
import pathlib
import re
import sys
import traceback

import numpy as np

import keys_units  # noqa: F401: adds its checks
from effects import *  # noqa: F403

sys.path.insert(0, str(ROOT / "tests" / "runtime"))
from blob import blob_hash  # noqa: E402

# ---- names ---------------------------------------------------------------------------------------


@effect("/name")
def _():
    other = Build("net", described(name="other-1"))
    only(base, other, "net.h", "net.c", "Makefile", "CMakeLists.txt", "report.json")
    for name in changed(base, other):
        text = base.text(name).replace("'generic'", "'other-1'").replace('"generic"', '"other-1"')
        check(text == other.text(name), f"the device's name in {name}")
    check(other.json("manifest.json")["inputs"]["device"]["name"] == "other-1", "the device's name in manifest.json")
    check("other-1: " in Build("net", described(name="other-1", limits__arena_bytes=1)).err, "the name in a diagnostic")


@effect("/base")
def _():
    bare = {"base": "generic", "name": HOST["name"], "description": HOST["description"]}
    only(base, Build("net", bare))  # but for the manifest
    check([b["file"] for b in Build("net", bare).json("manifest.json")["inputs"]["device"]["bases"]] == ["generic.json"], "the bases in manifest.json")
    only(Build("net", described(compiler__command="gcc")), Build("net", {**bare, "compiler": {"command": "gcc"}}))
    refused(Build("net", {**bare, "base": "generous"}), 1, "/base", "there is no device 'generous'")


@effect("/description")
def _():
    other = Build("net", described(description="a line about it"))
    only(base, other)
    one, two = (b.json("manifest.json")["inputs"]["device"] for b in (base, other))
    check(one["description"] == HOST["description"], "the description in manifest.json")
    check(two["description"] == "a line about it", "another description in manifest.json")
    check("description" not in Build("net", described(description=None)).json("manifest.json")["inputs"]["device"],
          "no description in manifest.json")


@effect("/backend")
def _():
    refused(Build("net", described(backend="glsl")), 1, "/backend")


# ---- compiler ------------------------------------------------------------------------------------


@effect("/compiler")
def _():
    device = described()
    del device["compiler"]
    refused(Build("net", device), 1, "/compiler")


@effect("/compiler/command")
def _():
    wrapped = script("cc", "cc.log")
    other = Build("net", described(compiler__command=wrapped, compiler__flags=["-O1"]), emit="exe")
    built(other, "build by a wrapped compiler")
    check(other.variable("CC") == [wrapped], "CC of the Makefile")
    check(other.json("manifest.json")["compiler"]["command"] == wrapped, "the compiler in manifest.json")
    compiled = {w for words in logged("cc.log") for w in words if w.endswith(".c")}
    check({pathlib.Path(w).name for w in compiled} == {n for n in other.files if n.endswith(".c")},
          f"what the wrapped compiler compiled: {compiled}")
    check(f"set(CMAKE_C_COMPILER {wrapped})" in other.text("CMakeLists.txt"), "the compiler in CMakeLists.txt")
    check(near(run(other), simulate("net")), "results of the wrapped compiler's program")
    missing = Build("net", described(compiler__command="no-such-cc"), emit="lib")
    check(missing.status == 3 and "NFC0703" in missing.err and "no-such-cc" in missing.err,
          f"a compiler that does not exist: {missing.status} {missing.err}")


@effect("/compiler/archiver")
def _():
    wrapped = script("ar", "ar.log")
    other = Build("net", described(compiler__archiver=wrapped, compiler__flags=["-O1"]), emit="lib")
    built(other, "library by a wrapped archiver")
    check(other.variable("AR") == [wrapped] and base.variable("AR") == ["ar"], "AR of the Makefile")
    check(logged("ar.log") == [["rcs", "libnet.a", *other.variable("LIBRARY")]], f"the archiver's call: {logged('ar.log')}")


@effect("/compiler/standard")
def _():
    for standard in ("c99", "c11", "c17"):
        other = Build("net", described(compiler__standard=standard))
        check(other.variable("CFLAGS")[0] == f"-std={standard}", f"{standard} in the Makefile")
        check(f" -std={standard} " in other.text("CMakeLists.txt"), f"{standard} in CMakeLists.txt")
        check(other.json("manifest.json")["compiler"]["standard"] == standard, f"{standard} in manifest.json")
        only(base, other, *(["Makefile", "CMakeLists.txt"] if standard != "c11" else []))


@effect("/compiler/flags")
def _():
    other = Build("net", of_unit(["-DOF_UNIT=2"], script("cc", "flags.log")), emit="lib")
    built(other, "build with flags")
    expected = ["-std=c11", "-O1", "-DOF_DEVICE=1", "-DOF_UNIT=2"]
    check(other.variable("CFLAGS") == expected, f"CFLAGS of the Makefile: {other.variable('CFLAGS')}")
    calls = logged("flags.log")
    check(calls and all(words[:4] == expected for words in calls), f"the compiler's calls: {calls}")
    check("PRIVATE -std=c11 -O1 -DOF_DEVICE=1 -DOF_UNIT=2)" in other.text("CMakeLists.txt"), "flags in CMakeLists.txt")
    check(other.json("manifest.json")["compiler"]["flags"] == expected[1:], "flags in manifest.json")


@effect("/compiler/link")
def _():
    link = ["-lm", "-Wl,--defsym=of_device=42"]
    other = Build("net", described(compiler__link=link, compiler__flags=["-O1"]), emit="exe")
    built(other, "build with options of linking")
    check(other.variable("LDLIBS") == link, "LDLIBS of the Makefile")
    check(other.json("manifest.json")["compiler"]["link"] == link, "options of linking in manifest.json")
    check("-lm -Wl,--defsym=of_device=42)" in other.text("CMakeLists.txt"), "options of linking in CMakeLists.txt")
    symbols = command("nm", other.folder / "net").stdout
    check(re.search(r"^0*2a A of_device$", symbols, re.M), "the symbol that an option of linking defines")


@effect("/compiler/run")
def _():
    wrapped = script("env", "run.log")
    other = Build("net", described(compiler__run=[wrapped, "OF_DEVICE=1"], compiler__flags=["-O1"]), emit="exe")
    built(other, "build with a runner")
    check(other.variable("RUN") == [wrapped, "OF_DEVICE=1"] and base.variable("RUN") == [], "RUN of the Makefile")
    r = command("make", "-s", "-C", other.folder, "run", "ARGS=--help")
    check(r.returncode == 0 and "--input" in r.stdout, f"make run: {r.returncode} {r.stderr}")
    check(logged("run.log") == [["OF_DEVICE=1", "./net", "--help"]], f"what make runs: {logged('run.log')}")
    # nfc run and nfc test; their cache is of this folder, and the second finds what the first built
    environment = {**os.environ, "XDG_CACHE_HOME": str(pathlib.Path("cache").resolve())}
    device = f"--device=device.{other.folder.suffix[1:]}.json"
    r = command(NFC, "run", "net.nfg", device, *inputs("net"), "--output=run.out", env=environment)
    check(r.returncode == 0 and near(read_outputs("run.out"), simulate("net")), f"nfc run: {r.returncode} {r.stderr}")
    pathlib.Path("golden").mkdir()
    for port, value in {**INPUTS["net"], **simulate("net")}.items():
        np.save(f"golden/{port}.npy", value)
    r = command(NFC, "test", "net.nfg", device, "--golden=golden", env=environment)
    check(r.returncode == 0 and "3 ok" in r.stdout, f"nfc test: {r.returncode} {r.stdout} {r.stderr}")
    started = [words for words in logged("run.log")[1:]]
    check(len(started) == 2 and all(w[0] == "OF_DEVICE=1" and w[1].endswith("/net") and "--input" in w for w in started),
          f"what nfc run and nfc test run: {started}")


# ---- target --------------------------------------------------------------------------------------


@effect("/target")
def _():
    refused(Build("net", described(target=None)), 1, "/target")


def turned(blob, report):
    """A blob of weights with the bytes of each element in the other order."""
    out = bytearray(blob)
    size = {"f32": 4, "f16": 2, "bf16": 2}
    for t in report["weights"]["tensors"]:
        n, begin = size[t["dtype"]], t["offset"]
        turned_around = np.frombuffer(blob, np.uint8, t["bytes"], begin).reshape(-1, n)[:, ::-1].tobytes()
        out[begin:begin + t["bytes"]] = turned_around
    return bytes(out)


@effect("/target/byte_order")
def _():
    for mode in ("incbin", "file"):
        little, big = (Build("net", described(preferences__weights=mode, target__byte_order=order))
                       for order in ("little", "big"))
        one, two = little.files["net_weights.bin"], big.files["net_weights.bin"]
        check(one[4096:] != two[4096:] and turned(one, little.json("report.json"))[4096:] == two[4096:],
              f"{mode}: every element is turned round, nothing else")
        for blob in (one, two):
            head = blob[:8], int.from_bytes(blob[8:16], "little"), int.from_bytes(blob[16:24], "little")
            check(head == (b"NFWEIGHT", len(blob), blob_hash(blob[4096:])), f"{mode}: the head of the blob")
        only(little, big, "net.c", "net_weights.bin")
    big = Build("net", described(target__byte_order="big"))
    only(base, big, "net.c")
    check("size - 1 - i % size" in big.text("net.c") and "size - 1 - i % size" not in base.text("net.c"),
          "saved states are little-endian on a big-endian machine too")


@effect("/target/pointer_bits")
def _():
    def pair(name, text, bytes_, what, largest, reach=32767, **changes):
        graph_text(name, text)
        bits = 16 if reach == 32767 else 32
        narrow = Build(name, described(target__pointer_bits=bits, **changes), verb="check")
        refused(narrow, 3, "NFC0701", f"needs {bytes_} bytes for {what}, pointers of {bits} bits reach {reach}",
                f'json:{narrow.line_of("pointer_bits")}:', largest)
        built(Build(name, described(target__pointer_bits=2 * bits, **changes), verb="check"), f"{what} with wider pointers")

    io = "inputs { x : u8 [%d]; } outputs { y : u8 [4]; }\nblock entry { y = op slice(data=x, starts=[0], ends=[4]); return y; }"
    graph_text("fits16", io % 32767)
    built(Build("fits16", described(target__pointer_bits=16), verb="check"), "the largest input of 16-bit pointers")
    pair("far_input", io % 32768, 32768, "input 'x'", "declared here: 32768 bytes")
    pair("far_output", "inputs { x : u8 []; } outputs { y : u8 [40000]; }\n"
         "block entry { y = op expand(input=x, shape=[40000]); return y; }", 40000, "output 'y'", "declared here")
    pair("far_arena", "inputs { x : f32 [100, 1]; } outputs { y : f32 []; }\nblock entry {\n"
         "  r = op reshape(data=x, shape=[1, 100]);\n  t = op matmul(a=x, b=r);\n  m = op softmax(input=t, axis=0);\n"
         "  y = op reduce_max(data=m, axes=[0, 1], keepdims=0);\n  return y;\n}", 40000, "its arena",
         "far_arena.nfg:4:3: note: the largest buffer: 40000 bytes")
    pair("far_state", "inputs { x : f32 []; } outputs { y : f32 []; } state { s : buffer(f32, [9000]); }\n"
         "block entry { effect write(s, index=0, value=x); y = effect read(s, index=1); return y; }",
         36000, "its states", "the largest state: 36000 bytes")
    pair("far_state32", "inputs { x : u8 []; } outputs { y : u8 []; } state { s : buffer(u8, [3000000000]); }\n"
         "block entry { effect write(s, index=0, value=x); y = effect read(s, index=1); return y; }",
         3000000000, "its states", "the largest state", reach=2**31 - 1)
    save_weights("far.safetensors", {"big": numbers(1, 9000), "small": numbers(2, 9000)[:8000]})
    weights = ('model "far.safetensors"; inputs { x : f32 []; } outputs { y : f32 []; }\nblock entry {\n'
               '  a = op mul(a=x, b=model["small"]);\n  b = op mul(a=x, b=model["big"]);\n'
               '  a = op reduce_max(data=a, axes=[0], keepdims=0);\n  b = op reduce_max(data=b, axes=[0], keepdims=0);\n'
               '  y = op add(a=a, b=b);\n  return y;\n}')
    pair("far_weights", weights, 36000, "its largest weight", "'big': 36000 bytes", preferences__weights="array")
    pair("far_blob", weights, 4096 + 32000 + 36032, "its file of weights", "'big': 36000 bytes", preferences__weights="incbin")


@effect("/target/libc")
def _():
    bare = described(target__libc=False, target__libm=False, compiler__link=None)
    for emit in ("sources", "lib"):
        other = Build("net", bare, emit=emit)
        built(other, f"--emit={emit} without a library")
        headers = set(re.findall(r"#include <(.*)>", other.text("net.c") + other.text("net.h")))
        check(headers == {"stddef.h", "stdint.h"}, f"headers of freestanding code: {headers}")
        check(not re.search(r"\bmemcpy\(", other.text("net.c")) and "nf_memcpy(" in other.text("net.c"),
              "freestanding code copies by itself")
        extra = {n for n in other.files if n.startswith("nf_") or n == "net_main.c" or n == "net"}
        check(not extra, f"no program in freestanding output: {extra}")
        check("\nall: libnet.a\n" in other.text("Makefile") and "add_executable" not in other.text("CMakeLists.txt"),
              "freestanding output makes a library")
    exe = Build("net", bare, emit="exe")
    refused(exe, 3, "NFC0702", "no C library", f'json:{exe.line_of("libc")}:', "--emit=lib")
    check("#include <string.h>" in base.text("net.c") and "net_main.c" in base.files, "hosted output has both")


@effect("/target/libm")
def _():
    flags = ["-O1", "-ffp-contract=off"]
    hard = Build("net", described(compiler__flags=flags), emit="exe")
    soft = Build("net", described(compiler__flags=flags, compiler__link=[], target__libm=False), emit="exe")
    check("nf_sqrt_f32" in hard.text("net.c") and "nf_soft_sqrt_f32" not in hard.text("net.c"), "the machine's square root")
    check("nf_soft_sqrt_f32" in soft.text("net.c") and "nf_sqrt_f32" not in soft.text("net.c"), "the software's square root")
    check(same_bits(run(hard), run(soft)), "both square roots give the same bits")


@effect("/target/types")
def _():
    every = [t for t in TYPES]
    for t in every:
        op = "op add(a=x, b=x)" if t == "f32" else "op cast(input=x, to=f32)"
        graph_text(f"of_{t}", f"inputs {{ x : {t} [4]; }} outputs {{ y : f32 [4]; }}\nblock entry {{\n"
                   f"    y = {op};\n    return y;\n}}\n")
        without = Build(f"of_{t}", described(target__types=[k for k in every if k != t], preferences__precision="f32")
                        if t != "f32" else described(target__types=["f16"], preferences__precision="f16"), verb="check")
        refused(without, 3, f"of_{t}.nfg:3:5: error[NFC0702]", f"does not compute with {t}\n",
                f'json:{without.line_of("types")}:')
        built(Build(f"of_{t}", described(target__types=sorted({t, "f32"})), verb="check"), f"a device that has {t}")
    # a type that is never in memory counts too
    graph_text("inside", "inputs { x : f32 [4]; } outputs { y : f32 [4]; }\nblock entry {\n    d = op cast(input=x, to=f64);\n"
               "    d = op mul(a=d, b=d);\n    y = op cast(input=d, to=f32);\n    return y;\n}\n")
    refused(Build("inside", described(target__types=["f32"]), verb="check"), 3, "inside.nfg:3:5: error", "with f64")
    # what is only moved is not computed with
    graph_text("moved", "inputs { x : f64 [4]; } outputs { y : f64 [4]; }\nblock entry { return y = x; }\n")
    built(Build("moved", described(target__types=["f32"]), verb="check"), "a type that is only moved")


@effect("/target/alignment")
def _():
    for align in (8, 256, 4096):
        other = Build("net", described(target__alignment=align))
        only(base, other, "net.h", "report.json", *(["net.c"] if align > 64 else []))
        check(other.define("ARENA_ALIGN") == align, f"ARENA_ALIGN of the header: {other.define('ARENA_ALIGN')}")
        check(other.json("report.json")["arena_align"] == align, f"alignment {align} in report.json")
        offsets = [int(n) for n in re.findall(r"^ +at_\w+ = (\d+), /\* 192 bytes", other.text("net.c"), re.M)]
        step = min(align, 256)
        check(offsets == [0, -(-192 // step) * step], f"offsets of two buffers of 192 bytes, aligned to {align}: {offsets}")
        check(other.define("ARENA_BYTES") == offsets[-1] + 192, f"arena of {align}-byte buffers: {other.define('ARENA_BYTES')}")
    check("% NET_ARENA_ALIGN != 0" in base.text("net.c"), "init refuses an arena that is not aligned")


# madvise() of a program, told to a file.
RECORD = """#ifndef __ASSEMBLER__
#define _DEFAULT_SOURCE 1
#define _XOPEN_SOURCE 700
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
static inline int recorded(void *at, size_t bytes, int advice)
{
    FILE *to = fopen("madvise.log", "a");
    fprintf(to, "%d %d %d\\n", (int)((uintptr_t)at % 65536), (int)bytes, advice == MADV_HUGEPAGE);
    return fclose(to);
}
#define madvise recorded
#endif
"""


@effect("/target/huge_page_bytes")
def _():
    save_weights("paged.safetensors", {"w": numbers(30, 400, 200), "v": numbers(31, 200, 8)})
    INPUTS["paged"] = {"x": numbers(32, 100, 400)}
    np.save("paged.x.npy", INPUTS["paged"]["x"])
    graph_text("paged", 'model "paged.safetensors";\ninputs { x : f32 [100, 400]; } outputs { y : f32 [100, 8]; }\nblock entry {\n'
               '    h = op matmul(a=x, b=model["w"]);\n    h = op relu(x=h);\n    y = op matmul(a=h, b=model["v"]);\n    return y;\n}\n')
    pathlib.Path("record.h").write_text(RECORD)
    expected = simulate("paged")
    for page, align, asked in ((None, 4096, []), (65536, 65536, [["0", "131072", "1"]]), (131072, 4096, [])):
        flags = ["-O1", "-ffp-contract=off", "-include", str(pathlib.Path("record.h").resolve())]
        other = Build("paged", described(compiler__flags=flags, preferences__weights="incbin", target__huge_page_bytes=page), emit="exe")
        built(other, f"large pages of {page}")
        check(65536 <= other.define("ARENA_BYTES") < 131072 and 4 * 65536 <= other.define("WEIGHT_BYTES") < 4 * 131072, "an arena and weights between the pages")
        check(f".balign {align}\n" in other.text("paged_weights.S"), f"weights at a multiple of {align}")
        found = re.search(r"^([0-9a-f]+) . paged_weights$", command("nm", other.folder / "paged").stdout, re.M)
        check(found and int(found[1], 16) % align == 0, f"where the weights lie in the program: {found and found[1]}")
        check(near(run(other), expected, 1e-5), f"results with large pages of {page}")
        check(logged("madvise.log") == asked, f"large pages of {page} are asked for: {logged('madvise.log')}")
        pathlib.Path("madvise.log").unlink(missing_ok=True)


# ---- limits --------------------------------------------------------------------------------------


def limit(key, what, bytes_, largest, **changes):
    enough = Build("net", described(**{f"limits__{key}": bytes_}, **changes))
    built(enough, f"{key} of {bytes_}")
    check(not changed(Build("net", described(**changes)), enough), f"{key} changes nothing else")
    for verb in ("build", "check"):
        less = Build("net", described(**{f"limits__{key}": bytes_ - 1}, **changes), verb=verb)
        refused(less, 3, f"error[NFC0701]: the program needs {bytes_} bytes for {what}, the device gives {bytes_ - 1}\n",
                f'json:{less.line_of(key)}:', largest)


@effect("/limits")
def _():
    one = Build("net", described(limits={"arena_bytes": 1, "weights_bytes": 1, "stack_bytes": 1}))
    refused(one, 3, "for its arena", "for its weights", "for its stack")
    built(Build("net", described(limits={})), "no limits")


@effect("/limits/arena_bytes")
def _():
    limit("arena_bytes", "its arena", base.define("ARENA_BYTES"), "net.nfg:8:5: note: the largest buffer: 192 bytes")
    for dtype in ("f16", "f32"):
        graph_text("room", "inputs { a : %s [64, 300]; b : %s [80, 300]; } outputs { y : %s [64, 80]; }\n"
                   "block entry { t = op transpose(data=b, perm=[1, 0]); y = op matmul(a=a, b=t); return y; }\n" % (3 * (dtype,)))
        ample, any_room = Build("room", described(limits={"arena_bytes": 1 << 30})), Build("room", described())
        check(ample.define("ARENA_BYTES") == 0 and any_room.define("ARENA_BYTES") > 0, f"room for a product of {dtype}: {ample.define('ARENA_BYTES')}, {any_room.define('ARENA_BYTES')}")


@effect("/limits/weights_bytes")
def _():
    largest = "net.nfg:11:34: note: the largest one, 'w.0': 1024 bytes"
    limit("weights_bytes", "its weights", base.define("WEIGHT_BYTES"), largest)
    kept = Build("net", described(preferences__weights="incbin"))
    limit("weights_bytes", "its weights", len(kept.files["net_weights.bin"]), largest, preferences__weights="incbin")


@effect("/limits/stack_bytes")
def _():
    limit("stack_bytes", "its stack", base.define("STACK_BYTES"), "net.nfg:11:13: note: the largest frame, of a_matmul_add_relu: ")


# ---- preferences ---------------------------------------------------------------------------------


@effect("/preferences")
def _():
    only(base, Build("net", described(preferences={})))


def magnitudes():
    """What the contractions give for absolute values: errors of weights are bounded by a fraction of
    it."""
    save_weights("magnitudes.safetensors", {n: abs(v) for n, v in WEIGHTS["contractions"].items()})
    for port, value in INPUTS["contractions"].items():
        np.save(f"magnitude.{port}.npy", abs(value))
    r = command(NFC, "sim", "contractions.nfg", "--model=magnitudes.safetensors", "--output=magnitudes.sim",
                *[f"--input={p}=magnitude.{p}.npy" for p in INPUTS["contractions"]])
    check(r.returncode == 0, f"simulating magnitudes: {r.stderr}")
    return read_outputs("magnitudes.sim")


@effect("/preferences/precision")
def _():
    exact, scale = simulate("contractions"), magnitudes()
    plain = Build("contractions", described(compiler__flags=["-O1", "-ffp-contract=off"]), emit="exe")
    check(near(run(plain), exact), "contractions with f32 weights")
    total = sum(v.nbytes for v in WEIGHTS["contractions"].values())
    limited = Build("contractions", described(limits__weights_bytes=1 << 20))  # without Winograd's larger weights
    check(limited.define("WEIGHT_BYTES") == total, "bytes of f32 weights")
    for narrow, unit in (("f16", 2.0**-11), ("bf16", 2.0**-8)):
        other = Build("contractions", described(compiler__flags=["-O1", "-ffp-contract=off"], preferences__precision=narrow), emit="exe")
        built(other, f"contractions in {narrow}")
        kept = {t["name"]: t["dtype"] for t in other.json("report.json")["weights"]["tensors"]}
        check(kept == {n: "f32" if n == "plain" else narrow for n in WEIGHTS["contractions"]}, f"types of weights: {kept}")
        check(other.define("WEIGHT_BYTES") == (total + 12 * 4) // 2, f"bytes of {narrow} weights")
        results = run(other)
        for name in exact if results else ():
            error = abs(results[name].astype(np.float64) - exact[name])
            bound = unit * (1 + unit) * scale[name] + 1e-6 * np.max(scale[name])
            check(np.all(error <= bound), f"{narrow} '{name}': an error of {np.max(error / bound)} bounds")
            if name == "p":
                check(results[name].tobytes() == exact[name].tobytes(), f"{narrow}: other ops keep their weights")
            else:
                check(np.max(error / bound) > 0.01, f"{narrow} '{name}': as exact as f32 weights")
    # what a type cannot hold is not turned into infinity
    save_weights("large.safetensors", {"w": np.array([[1.0], [70000.0]], np.float32)})
    graph_text("large", 'model "large.safetensors";\ninputs { x : f32 [1, 2]; } outputs { y : f32 [1, 1]; }\n'
               'block entry { y = op matmul(a=x, b=model["w"]); return y; }\n')
    refused(Build("large", described(preferences__precision="f16"), verb="check"), 3, "large.nfg:3:36: error[NFC0702]",
            "'w' hold 70000, which f16 cannot")
    built(Build("large", described(preferences__precision="bf16"), verb="check"), "a weight that bf16 holds")


@effect("/preferences/weights")
def _():
    flags = ["-O1", "-ffp-contract=off"]
    files = {"array": {"net_weights.h", "net_weights.c"}, "incbin": {"net_weights.S", "net_weights.bin"}, "file": {"net_weights.bin"}}
    expected = run(Build("net", described(compiler__flags=flags, preferences__weights="array"), emit="exe"))
    check(near(expected, simulate("net")), "results with weights in arrays")
    for mode, names in files.items():
        other = Build("net", described(preferences__weights=mode, compiler__flags=flags, target__alignment=4096),
                      emit="sources" if mode == "array" else "exe")
        built(other, f"weights as {mode}")
        made_files = {n for n in other.files if n.startswith("net_weights") and not n.endswith(".o")}
        check(made_files == names, f"files of weights as {mode}: {made_files}")
        check(other.json("report.json")["weights"]["kept_as"] == mode, f"{mode} in report.json")
        check(("net_set_weights(" in other.text("net.h")) == (mode == "file"), f"{mode}: set_weights")
        check(("LANGUAGES C ASM" in other.text("CMakeLists.txt")) == (mode == "incbin"), f"{mode}: the assembler in CMakeLists.txt")
        if mode != "array":
            check(same_bits(run(other), expected), f"results with weights as {mode}")
    only(base, Build("net", described(preferences__weights="auto")))


@effect("/preferences/array_bytes")
def _():
    bytes_ = base.define("WEIGHT_BYTES")
    for most, mode in ((bytes_, "array"), (bytes_ - 1, "incbin"), (0, "incbin")):
        other = Build("net", described(preferences__array_bytes=most))
        check(other.json("report.json")["weights"]["kept_as"] == mode, f"{bytes_} bytes of weights, arrays up to {most}")


@effect("/preferences/fast_math")
def _():
    graph_text("third", "inputs { x : f32 [4]; } outputs { y : f32 [4]; }\n"
               "block entry { y = op div(a=x, b=3.0); return y; }\n")
    scalar = {"units__0__vector_bits": None, "units__0__vector_registers": None}
    exact, fast = Build("third", described(**scalar)), Build("third", described(preferences__fast_math=True, **scalar))
    check("x[i] / 3.0f" in exact.text("third.c") and " * " not in exact.text("third.c").split("third_status_text")[0].split("NF_TRACE")[-1].split("*/")[-1],
          "a division that rounds once")
    check("x[i] * 0.33333334f" in fast.text("third.c") and "/ 3.0f" not in fast.text("third.c"), "a division as a product")
    check([b.json("manifest.json")["options"]["fast_math"] for b in (exact, fast)] == [False, True], "fast_math in manifest.json")
    flags = {"compiler__flags": ["-O2", "-ffast-math"]}
    refused(Build("third", described(**flags)), 1, "/compiler/flags/1")
    built(Build("third", described(preferences__fast_math=True, **flags)), "a flag that fast_math allows")


@effect("/preferences/threads")
def _():
    changes = {"units__0__cores": 64, "units__0__fork_us": 0}
    one, three, most = (Build("net", described(preferences__threads=n, **changes), emit="exe") for n in (1, 3, 64))
    plain = Build("net", described(**changes))
    only(plain, Build("net", described(preferences__threads=1, **changes)))
    for build, n in ((one, 1), (three, 3), (most, 64)):
        built(build, f"{n} threads")
        check((n > 1) == ("nf_threads.c" in build.files) == ("-pthread" in build.variable("CFLAGS")) == bool(in_parts(build)), f"{n} threads: {sorted(build.files)}")
        check(same_bits(run(build), run(one)), f"results of {n} threads")
    check("_part, &nf_job, 3);" in three.text("net.c") and "#define NET_THREADS" in three.text("net.h") and "THREADS" not in one.text("net.h"), "3 threads in net.c and net.h")
    check(three.json("manifest.json")["options"]["threads"] == 3 and "threads" not in one.json("manifest.json")["options"], "threads in manifest.json")
    check("find_package(Threads REQUIRED)" in three.text("CMakeLists.txt"), "threads in CMakeLists.txt")
    refused(Build("net", described(preferences__threads=2, units__0__cores=1)), 1, "/preferences/threads", "1 core")


# ---- all -----------------------------------------------------------------------------------------


def schema():
    """The rows of the table of keys: path and range."""
    for line in command(NFC, "devices", "--schema").stdout.splitlines():
        cell = [c.strip() for c in line.strip("|").split("|")]
        if cell[0].startswith("`/"):
            yield cell[0].strip("`"), cell[2]


table = dict(schema())
TYPES = table.get("/target/types", "").split(", ")
check(len(table) > 40 and len(TYPES) == 25, f"the table of keys: {len(table)} rows, {len(TYPES)} types")
built(base, "generic.json")
for path in table:
    if check(path in effects, f"{path} has no check here"):
        try:
            effects[path]()
        except Exception:
            check(False, f"{path}: {traceback.format_exc()}")
for path in effects:
    check(path in table, f"{path} is checked, but is no key")
finish()
