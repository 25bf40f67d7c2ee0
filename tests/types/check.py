"""Element types, all of them: every code of the narrow ones to the wide ones, every f16 and bf16 and what lies around
every number and every middle of two in f32 and f64 to the narrow ones; the simulator, emitted C and NumPy must agree to
the bit. What is emitted for a bare machine is C99 for arm-none-eabi-gcc, too.

usage: check.py BUILD WORK"""
import os
import re
import shutil
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "ops"))
from formats import BITS, STORAGE, Tensor, bounds, codes, decode, encode, is_float

NFC, WORK = os.path.join(os.path.abspath(sys.argv[1]), "nfc"), sys.argv[2]
SMALL_FLOATS = [t for t in STORAGE if is_float(t) and t not in ("f64", "f32")]
FLOAT8 = [t for t in SMALL_FLOATS if t[1] == "8"]
INTEGERS = [t for t in BITS if t != "bool" and BITS[t] <= 32]
ARM = ["-std=c99", "-ffreestanding", "-nostdlib", "-mcpu=cortex-m4", "-mthumb", "-O2", "-c", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
passed = failed = 0
np.seterr(all="ignore")  # NaNs and what is too large are the matter here


def check(good, what):
    global passed, failed
    passed += bool(good)
    failed += not good
    if not good:
        print("FAILED types:", what)


# ---- numbers --------------------------------------------------------------------------------------


def all_codes(t):
    """Every code of a type of 16 bits or less."""
    if t in ("f16", "bf16"):
        return Tensor(t, np.arange(1 << 16, dtype=np.uint16).view(STORAGE[t]))
    if is_float(t):
        return Tensor(t, np.arange(codes(t), dtype=np.uint8))
    low, high = bounds(t)
    return Tensor(t, np.arange(low, high + 1).astype(STORAGE[t]))


def around():
    """Every number of a small float, every middle of two of them, and the nearest neighbours of both."""
    found = [np.array([np.nan, np.inf, 0.0, 1e-310, 1e300, 3e38, 2.0**-149, 2.0**-150])]
    for t in SMALL_FLOATS:
        values = decode(all_codes(t))
        values = np.unique(values[np.isfinite(values) & (values >= 0)])
        found += [values, (values[1:] + values[:-1]) / 2, [2 * values[-1] - values[-2], 1.5 * values[-1] - values[-2] / 2]]
    edges = np.array([2.0**i + d for i in range(1, 34) for d in (-1, -0.5, 0, 0.5)])
    values = np.concatenate([np.asarray(f, np.float64) for f in found + [edges]])
    values = np.concatenate([values, np.nextafter(values, np.inf), np.nextafter(values, 0), values.astype(np.float32), np.nextafter(values.astype(np.float32), np.float32(3e38)),
                             np.nextafter(values.astype(np.float32), np.float32(0))])
    return np.concatenate([values, -values])


def converted(x, to, saturate=True, mode="up"):
    values = decode(x)
    if is_float(to):
        return encode(to, values, saturate, mode)
    low, high = (int(v) for v in bounds(to))
    whole = np.trunc(np.where(np.isnan(values), 0, values)) if is_float(x.dtype) else values
    return encode(to, np.clip(whole, low, high).astype(np.int64) if is_float(x.dtype) else whole)


def graphs():
    """name -> (input, {result: (type, arguments of cast, what must come out)})."""
    many = around()
    wide = {"f32": encode("f32", many), "f64": encode("f64", many)}
    found = {}
    for t in SMALL_FLOATS + INTEGERS:
        if t not in BITS or BITS[t] <= 16:
            targets = ["f64", "f32", "f16", "bf16", "i32", "u32"] + (INTEGERS if t in BITS else [])
            found["from_" + t] = all_codes(t), {"to_" + u: (u, "", {}) for u in targets if u != t}
    for t, x in list(wide.items()) + [(t, all_codes(t)) for t in ("f16", "bf16")]:
        results = {"to_" + u: (u, "", {}) for u in SMALL_FLOATS + INTEGERS if u != t}
        results.update(("over_" + u, (u, ", saturate=0", {"saturate": False})) for u in FLOAT8)
        for mode in ("down", "nearest"):
            for on in (0, 1):
                results["%s_%d" % (mode, on)] = "f8e8m0", ', saturate=%d, round_mode="%s"' % (on, mode), {"saturate": bool(on), "mode": mode}
        found["of_" + t] = x, results
    return found


# ---- running --------------------------------------------------------------------------------------


def text_of(found):
    lines = []
    for name, (x, results) in found.items():
        lines.append("graph %s {\n    inputs { x : %s [%d]; }" % (name, x.dtype, len(x.data)))
        lines.append("    outputs { %s }" % " ".join("%s : %s [%d];" % (r, t, len(x.data)) for r, (t, _, _) in results.items()))
        lines.append("    block entry {")
        lines += ["        %s = op cast(input=x, to=%s%s);" % (r, t, more) for r, (t, more, _) in results.items()]
        lines.append("        return %s;\n    }\n}" % ", ".join(results))
    return "\n".join(lines) + "\n"


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def compare(way, found, command_of):
    for name, (x, results) in found.items():
        out = os.path.join(WORK, way, name)
        r = run(*command_of, "--graph", name, "--input", "x=" + os.path.join(WORK, name + ".npy"), "--output", out)
        check(r.returncode == 0, "%s %s: %s" % (way, name, r.stderr))
        for result, (t, _, rules) in results.items() if r.returncode == 0 else ():
            got, want = np.load(os.path.join(out, result + ".npy")), converted(x, t, **rules)
            both_nan = np.isnan(decode(Tensor(t, got)).astype(float)) & np.isnan(decode(want).astype(float))
            word = "u%d" % got.dtype.itemsize
            bad = np.flatnonzero((got.view(word) != want.data.view(word)) & ~both_nan)
            at = bad[0] if len(bad) else 0
            check(not len(bad), "%s %s %s: %d differ; of %r it is %r, not %r" % (way, name, result, len(bad), decode(x)[at], got[at], want.data[at]))


def bare(source, name):
    """For a machine without anything, compiled and not run."""
    folder = os.path.join(WORK, "bare_" + name)
    r = run(NFC, "build", source, "--device", "c99-scalar", "--emit=sources", "-o", folder)
    check(r.returncode == 0, "%s for c99-scalar: %s" % (name, r.stderr))
    files = [f for f in os.listdir(folder) if f.endswith(".c")] if r.returncode == 0 else []
    for f in files:
        text = open(os.path.join(folder, f)).read()
        check(not re.search(r"_BitInt|__bf16|_Float16|__fp16", text), "%s: %s has a type that not every compiler has" % (name, f))
        r = run("arm-none-eabi-gcc", *ARM, os.path.join(folder, f), "-o", os.path.join(folder, f + ".o"))
        check(r.returncode == 0 and not r.stderr, "%s: arm-none-eabi-gcc %s: %s" % (name, f, r.stderr[:2000]))


def main():
    found = graphs()
    source = os.path.join(WORK, "types.nfg")
    with open(source, "w") as f:
        f.write(text_of(found))
    for name, (x, _) in found.items():
        np.save(os.path.join(WORK, name + ".npy"), x.data)
    compare("sim", found, [NFC, "sim", source])
    folder = os.path.join(WORK, "c")
    r = run(NFC, "build", source, "-o", folder)
    check(r.returncode == 0, "build: " + r.stderr)
    r = run("make", "-C", folder)
    check(r.returncode == 0, "make: " + r.stderr)
    if r.returncode == 0:
        compare("c", found, [os.path.join(folder, "types")])
    arm = shutil.which("arm-none-eabi-gcc")
    if arm:
        bare(source, "types")
        for op in ("quantize_linear", "dequantize_linear", "qlinear_conv", "matmul_integer", "unpack_bits", "bitcast", "cast"):
            bare(os.path.join(ROOT, "tests", "ops", op + ".nfg"), op)
    print("tests/types: %d passed, %d failed%s" % (passed, failed, "" if arm else ", NOT TESTED: arm-none-eabi-gcc is not here (package gcc-arm-none-eabi)"))
    sys.exit(1 if failed else 0 if arm else 77)


main()
