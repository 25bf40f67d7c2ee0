"""What must follow from the rows of rows.def: run.sh has built them into a copy of the sources."""
import json
import os
import re
import subprocess
import sys
import numpy as np

ROOT = os.environ["ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests/verbs"))
from checks import NFC, check, close, finish, nfc, quick_device, write

# The new ops, each with an old one of the same types.
LIKE = {"soft_step": "sigmoid", "bit_clear": "bitwise_and", "flip_where": "neg"}
OPS = list(LIKE)
TYPES = {
    "soft_step": ["f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2"],
    "bit_clear": ["i64", "i32", "i16", "i8", "i4", "u64", "u32", "u16", "u8", "u4"],
    "flip_where": ["f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2", "i64", "i32", "i16", "i8", "i4"],
}
CHAIN = os.path.join(ROOT, "tests/oneop/chain.nfg")
module = lambda op: os.path.join(ROOT, "tests/ops", op + ".nfg")
golden = lambda op: os.path.join(ROOT, "tests/ops/golden", op)


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300)


# ---- docs ----------------------------------------------------------------------------------------

one = nfc("ops", "soft_step").stdout
check("docs: the signature", one.startswith("soft_step(x)\n  1 / (1 + exp(-4 * x))\n"), one)
check("docs: what one op promises", all(s in one for s in ("not an op of ONNX", "at most 4 ulp", "simulator, C", "SIGMOID(MUL(LIT(4), X))")), one)
one = nfc("ops", "bit_clear").stdout
check("docs: an attribute", re.search(r"^  others +0 or 1 += 0 +1: clears the bits that are not in b$", one, re.M), one)
one = nfc("ops", "flip_where").stdout
check("docs: operands of different types", re.search(r"^  condition +required +bool\n  x +required +T$", one, re.M), one)
listed = re.findall(r"^(\w+)\(", nfc("ops").stdout, re.M)
check("docs: the list", all(op in listed for op in OPS), listed)
rows = {line.split("`")[1]: line.split("|")[2:] for line in nfc("ops", "--markdown").stdout.splitlines()[2:]}
table = json.loads(nfc("ops", "--json").stdout)
for op, like in LIKE.items():
    check(f"docs: the table: {op}", op in rows and rows[op] == ["  "] + rows[like][1:], rows.get(op))
    same = {key: table[like][key] for key in ("types", "supported", "domain", "family", "result_shape", "results")}
    check(f"docs: the JSON: {op}", op in table and same.items() <= table[op].items() and table[op]["types"]["T"] == TYPES[op], table.get(op))
verbs = run("sh", os.path.join(ROOT, "tests/verbs/run.sh"), os.path.dirname(NFC), "ops")
check("docs: what tests/verbs asks of every row", verbs.returncode == 0, verbs.stdout)

# ---- tests, simulator, emitted C -------------------------------------------------------------------

for op in OPS:
    found = {d.split("_")[0] for d in os.listdir(golden(op))}
    check(f"tests: {op} has goldens of every type", found >= set(TYPES[op]), found)
    got = nfc("check", module(op))
    check(f"tests: nfc check {op}", got.returncode == 0, got.stderr)
given = [golden("bit_clear") + "/others_varied/" + p + ".npy" for p in ("a", "b", "result")]
a, b, result = map(np.load, given)
check("tests: the attribute is varied", a.size > 5 and np.array_equal(result, a & b))
make = run(sys.executable, os.path.join(ROOT, "tests/ops/make_goldens.py"), "--check", "--nfc", NFC, *OPS)
check("tests: the goldens are complete", make.returncode == 0, make.stdout)
emit = run(sys.executable, os.path.join(ROOT, "tests/emit/ops.py"), os.path.dirname(NFC), os.path.abspath("emit"), "sim", "gcc")
graphs = sum(len(os.listdir(golden(op))) for op in OPS)
check("the simulator and the emitted C give the goldens", emit.returncode == 0 and f"\n{2 * graphs} passed, 0 failed" in emit.stdout, emit.stdout + emit.stderr)

# ---- mistakes --------------------------------------------------------------------------------------

text = open(CHAIN).read()


def mistake(name, old, new, *said):
    path = write(name + ".nfg", text.replace(old, new))
    got = nfc("check", path)
    check("mistakes: " + name, got.returncode == 1 and all(s in got.stderr for s in said), got.stderr)


mistake("typo", "op soft_step", "op soft_stap", "NFC0301", "did you mean 'soft_step'?")
mistake("operand", "soft_step(x=", "soft_step(y=", "soft_step has no operand or attribute 'y'")
mistake("attribute", "others=1", "other=1", "bit_clear has no operand or attribute 'other'", "did you mean 'others'?")
mistake("type", "op bit_clear(a=n, b=7", "op bit_clear(a=x, b=x", "operand 'a' is f32; it takes i")
got = nfc("ops", "soft_stap")
check("mistakes: nfc ops", got.returncode == 2 and "did you mean 'soft_step'?" in got.stderr, got.stderr)

# ---- a program -------------------------------------------------------------------------------------

rng = np.random.RandomState(1)
x = (3 * rng.standard_normal((4, 7))).astype(np.float32)
flip, n = rng.randint(0, 2, 7).astype(bool), rng.randint(-99, 99, (4, 1)).astype(np.int32)
for name, array in (("x", x), ("flip", flip), ("n", n)):
    np.save(name, array)
inputs = [a for name in ("x", "flip", "n") for a in ("--input", name + "=" + name + ".npy")]
step = 1 / (1 + np.exp(-4 * (x.astype(np.float64) / 2)))
want = {"y": (np.where(flip, -step, step) + x).astype(np.float32), "k": (n & 7) + np.int32(1)}


def outputs(name, command):
    got = run(*command, *inputs, "--output", name)
    if not check(f"program: {name} runs", got.returncode == 0, got.stderr):
        return
    for port, value in want.items():
        array = np.load(os.path.join(name, port + ".npy"))
        check(f"program: {port} of {name}", close(array, value, 1e-6), array)


outputs("simulator", [NFC, "sim", CHAIN])
built = nfc("build", CHAIN, "-o", "built", "--device", quick_device())
if check("program: it builds", built.returncode == 0, built.stderr):
    outputs("program", ["built/chain"])
kernels = [k["ops"] for k in json.loads(nfc("inspect", CHAIN, "--json").stdout)["graphs"][0]["kernels"]]
check("program: the new ops fuse", sorted(kernels) == ["bit_clear, add", "mul, soft_step, flip_where, add"], kernels)

# ---- its forms -------------------------------------------------------------------------------------

for form in ("json", "ir"):
    first = nfc("export", CHAIN, "--format", form, "-o", "first." + form)
    again = nfc("export", "first." + form, "--format", form, "-o", "again." + form)
    same = first.returncode == again.returncode == 0 and open("first." + form).read() == open("again." + form).read()
    check(f"forms: {form} there and back", same and "soft_step" in open("first." + form).read(), first.stderr + again.stderr)
    outputs("simulator_" + form, [NFC, "sim", "first." + form])
formatted = nfc("fmt", "--check", CHAIN)
check("forms: nfc fmt", formatted.returncode == 0, formatted.stdout + formatted.stderr)

# ---- shaders ---------------------------------------------------------------------------------------

os.mkdir("shaders")
printed = run(os.environ["SHADERS"], "shaders", CHAIN)
shaders = sorted(os.listdir("shaders"))
check("shaders: one a kernel", printed.returncode == 0 and len(shaders) == len(kernels), printed.stderr)
for shader in shaders:
    path = os.path.join("shaders", shader)
    compiled = run("glslc", "--target-env=vulkan1.2", path, "-o", path + ".spv")
    valid = compiled.returncode == 0 and run("spirv-val", "--target-env", "vulkan1.2", path + ".spv").returncode == 0
    check(f"shaders: {shader}", valid, compiled.stderr)
finish()
