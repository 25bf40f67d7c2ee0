"""check.py NFC WORK: programs in several versions, on processors that have them and on such that do not."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

NFC = sys.argv[1]
HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "ops"))
import tensor_file  # noqa: E402

DIGITS = HERE.parent.parent / "examples" / "digits"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
X86 = ["x86-avx512", "x86-avx2", "x86-sse2"]
ARM = ["aarch64-sve256", "aarch64-dotprod", "aarch64-neon"]
passed = failed = 0
os.chdir(sys.argv[2])


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {what}")
    return bool(ok)


def nfc(*words):
    return subprocess.run([NFC, *map(str, words)], capture_output=True, text=True)


def features():
    return set(re.findall(r"\w+", pathlib.Path("/proc/cpuinfo").read_text()))


# ---- which version runs, and what it gives --------------------------------------------------------

image = np.load(DIGITS / "held_back_images.npy")[:1]
np.save("pixels.npy", image)
r = nfc("sim", DIGITS / "digits.nfg", "--input", "pixels=pixels.npy", "--output", "sim")
check(r.returncode == 0, f"nfc sim: {r.stderr}")
want = np.load("sim/logits.npy").ravel()


def runs(program, runner, expected, versions, what):
    """The program on a processor for which init takes the expected version, and which has it and those behind it."""
    r = subprocess.run([*runner, f"./{program}"], input=image.tobytes(), capture_output=True)
    said = r.stdout.decode().splitlines()
    if not check(r.returncode == 0 and said and said[0] == expected, f"{what}: status {r.returncode}, {said[:1]}, not {expected} {r.stderr.decode()}"):
        return
    for name, line in zip(versions, said[1:]):
        words, there = line.split(), versions.index(name) >= versions.index(expected)
        check(words[:2] == [name, str(int(there))], f"{what}: {words[:2]}")
        if there:
            got = np.array(words[2:], np.float64)
            check(got.shape == want.shape and np.allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max()), f"{what}: {name} gives {got}, not {want}")


def built(out, devices, *options, emit="lib"):
    r = nfc("build", DIGITS / "digits.nfg", "--isa", ",".join(devices), f"--emit={emit}", "-o", out, *options)
    return check(r.returncode == 0 and not r.stderr, f"{out}: {r.stderr}")


def linked(out, program, command):
    r = subprocess.run([*command, "-I", out, HERE / "driver.c", f"{out}/libdigits.a", "-o", program], capture_output=True, text=True)
    return check(r.returncode == 0 and not r.stderr, f"{program}: {r.stderr}")


native = os.uname().machine == "x86_64"
if native:
    needs = [{"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}, {"avx2", "fma", "bmi2", "f16c", "movbe"}, set()]
    best = next(name for name, words in zip(X86, needs) if words <= features())
    for order in (X86, ["x86-avx2", "x86-sse2", "x86-avx512"]):  # init tries the best first, in whatever order they are named
        if built("x86", order) and linked("x86", "x86.run", ["gcc", *STRICT, "-O1"]):
            runs("x86.run", [], best, X86, "this machine")
    runs("x86.run", ["qemu-x86_64", "-cpu", "Nehalem"], "x86-sse2", X86, "Nehalem")
    runs("x86.run", ["qemu-x86_64", "-cpu", "Haswell"], "x86-avx2", X86, "Haswell")
    # AVX2 without FMA is not enough
    runs("x86.run", ["qemu-x86_64", "-cpu", "Haswell,fma=off"], "x86-sse2", X86, "Haswell without FMA")
    # the names of files and symbols are apart, and each version is by the options of its device
    text = pathlib.Path("x86/Makefile").read_text()
    for name in X86:
        flags = re.search(rf"digits_{name.replace('-', '_')}\.o:.*\n\t(.*)", text).group(1)
        check("-march=" + {"x86-avx512": "x86-64-v4", "x86-avx2": "x86-64-v3", "x86-sse2": "x86-64 "}[name] in flags, f"{name}: {flags}")
    manifest, report = (json.loads(pathlib.Path(f"x86/{name}.json").read_text()) for name in ("manifest", "report"))
    check([d["name"] for d in manifest["inputs"]["devices"]] == X86, f"the devices in manifest.json: {manifest['inputs']}")
    check([v["device"] for v in report["versions"]] == X86 and all(v["graphs"] for v in report["versions"]), "the versions in report.json")
    arena = int(re.search(r"DIGITS_ARENA_BYTES +(\d+)u", pathlib.Path("x86/digits.h").read_text()).group(1))
    check(arena == manifest["api"]["arena_bytes"] == max(v["arena_bytes"] for v in report["versions"]), f"the arena holds that of each version: {arena}")
    check(all("devices 'x86-avx512', 'x86-avx2', 'x86-sse2'" in pathlib.Path(f"x86/{name}").read_text() for name in ("digits.h", "digits.c", "Makefile", "CMakeLists.txt")), "the devices in the heads of the files")
    # every source by itself, and as C++
    for compiler, options in (("gcc", STRICT), ("clang-14", STRICT), ("g++", ["-x", "c++", "-std=c++17", *STRICT[1:]])):
        for name in ("", *("_" + n.replace("-", "_") for n in X86)):
            march = {"_x86_avx512": "-march=x86-64-v4", "_x86_avx2": "-march=x86-64-v3"}.get(name, "-march=x86-64")
            r = subprocess.run([compiler, *options, march, "-Wno-psabi", "-fsyntax-only", f"x86/digits{name}.c"], capture_output=True, text=True)
            check(r.returncode == 0 and not r.stderr, f"{compiler} digits{name}.c: {r.stderr[:2000]}")
    # a program of its own: the environment asks for a version
    if built("exe", X86, emit="exe"):
        for name in (None, *X86[X86.index(best):]):
            environment = {**os.environ, **({"NF_ISA": name} if name else {})}
            r = subprocess.run(["exe/digits", "--input", "pixels=pixels.npy", "--output", "got"], capture_output=True, text=True, env=environment)
            check(r.returncode == 0 and np.allclose(np.load("got/logits.npy").ravel(), want, rtol=0, atol=1e-5 * np.abs(want).max()), f"NF_ISA={name}: {r.stderr}")
        r = subprocess.run(["exe/digits", "--input", "pixels=pixels.npy"], capture_output=True, text=True, env={**os.environ, "NF_ISA": "z80"})
        check(r.returncode != 0 and "'z80' is no version of this program" in r.stderr, f"NF_ISA=z80: {r.stderr}")
    if built("threads", X86, "--threads=2", emit="exe"):
        r = subprocess.run(["threads/digits", "--input", "pixels=pixels.npy", "--output", "got2"], capture_output=True, text=True, env={**os.environ, "NF_ISA": "x86-sse2"})
        check(r.returncode == 0 and np.allclose(np.load("got2/logits.npy").ravel(), want, rtol=0, atol=1e-5 * np.abs(want).max()), f"threads: {r.stderr}")
    if shutil.which("cmake"):
        r = subprocess.run(["cmake", "-S", "exe", "-B", "cmake"], capture_output=True, text=True)
        check(r.returncode == 0, f"cmake: {r.stderr}")
        r = subprocess.run(["cmake", "--build", "cmake"], capture_output=True, text=True)
        check(r.returncode == 0, f"cmake --build: {r.stdout} {r.stderr}")
        r = subprocess.run(["cmake/digits", "--input", "pixels=pixels.npy", "--output", "got3"], capture_output=True, text=True)
        check(r.returncode == 0 and np.allclose(np.load("got3/logits.npy").ravel(), want, rtol=0, atol=1e-5 * np.abs(want).max()), f"what CMake built: {r.stderr}")

CC = "aarch64-linux-gnu-gcc"
if built("arm", ARM) and linked("arm", "arm.run", [CC, *STRICT, "-O1", "-static"]):
    runs("arm.run", ["qemu-aarch64", "-cpu", "cortex-a72"], "aarch64-neon", ARM, "Cortex-A72")
    runs("arm.run", ["qemu-aarch64", "-cpu", "cortex-a76"], "aarch64-dotprod", ARM, "Cortex-A76")
    runs("arm.run", ["qemu-aarch64", "-cpu", "max,sve128=on,sve256=on,sve-default-vector-length=32"], "aarch64-sve256", ARM, "SVE of 256 bits")
    runs("arm.run", ["qemu-aarch64", "-cpu", "max,sve128=on,sve-default-vector-length=16"], "aarch64-dotprod", ARM, "SVE of 128 bits")

# ---- weights --------------------------------------------------------------------------------------

tensor_file.save("plain.safetensors", {"b": np.arange(8, dtype=np.float32)})
pathlib.Path("plain.nfg").write_text('model "plain.safetensors";\ninputs { x : f32 [8]; } outputs { y : f32 [8]; }\n'
                                     'block entry { unused = op relu(x=x); y = op add(a=x, b=model["b"]); return y; }\n')
r = nfc("build", "plain.nfg", "--isa", ",".join(X86), "--emit=sources", "-o", "plain")
kept = sorted(p.name for p in pathlib.Path("plain").glob("*_weights.c"))
check(r.stderr.count("'unused' is never used") == 1, f"a warning once: {r.stderr}")
check(r.returncode == 0 and kept == ["plain_x86_avx512_weights.c"], f"weights that are the same in all versions: {r.stderr} {kept}")
if native:
    kept = sorted(p.name for p in pathlib.Path("x86").glob("*_weights.bin"))
    check(len(kept) > 1, f"weights that are packed otherwise: {kept}")

# ---- what does not go together ---------------------------------------------------------------------


def refused(isas, *texts, options=()):
    r = nfc("build", "plain.nfg", "--isa", isas, *options, "--emit=sources", "-o", "refused")
    check(r.returncode == 2 and all(t in r.stderr for t in texts) and not os.path.exists("refused"), f"--isa {isas}: {r.returncode} {r.stderr}")


refused("x86-sse2,x86-sse2", "'x86-sse2' is named twice")
refused("x86-sse2,aarch64-neon", "'aarch64-neon'", "do not go into one program")
refused("x86-sse2,rpi4", "'rpi4' does not say what it needs")
refused("x86-sse2,x86-avx3", "there is no device of this name")
refused("x86-sse2,", "there is no device of this name")
refused("x86-sse2,x86-avx2", "--device has another", options=("--device", "x86-avx2"))
full = nfc("devices", "x86-avx2", "--json").stdout
pathlib.Path("other.json").write_text(full.replace('"name": "x86-avx2"', '"name": "other"').replace('"movbe"', '"x87"'))
refused("x86-sse2,./other.json", "'other' needs 'x87', which a program cannot ask for")
pathlib.Path("other.json").write_text(full.replace('"name": "x86-avx2"', '"name": "other"').replace('"sse2", ', ""))
refused("x86-sse2,./other.json", "no device runs wherever the others do", "'x86-sse2' needs what 'other' does not")
print(f"tests/isa: {passed} passed, {failed} failed")
sys.exit(failed > 0)
