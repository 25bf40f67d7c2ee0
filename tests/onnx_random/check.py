"""check.py BUILD WORK: models with random operators, run by run, against NumPy's arithmetic on the words that the
generator's definition gives (tests/ops/randoms.py), or against what such numbers must be like."""
import os
import subprocess
import sys
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "onnx"), os.path.join(HERE, "..", "ops")]
from pb import BOOL, DOUBLE, FLOAT, FLOAT16, INT32, INT64, Message, graph, info, model, node, save, tensor  # noqa: E402
from randoms import bits  # noqa: E402

F = np.float32
NFC, WORK = os.path.join(sys.argv[1], "nfc"), sys.argv[2]
failed = passed = 0


def check(name, ok, what=""):
    global failed, passed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED onnx_random/%s: %s" % (name, what))


# ---- running ------------------------------------------------------------------------------------


class Program:
    """A model as the simulator and a compiler's program run it."""

    def __init__(self, name, m, inputs=None):
        self.name, self.folder = name, os.path.join(WORK, name)
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, name + ".onnx")
        save(self.path, m)
        self.given, self.outputs = [], [o.name for o in m.graph.output]
        for k, a in (inputs or {}).items():
            at = os.path.join(self.folder, k + ".npy")
            np.save(at, a)
            self.given += ["--input", "%s=%s" % (k, at)]
        self.run([NFC, "build", self.path, "--emit=sources", "-o", os.path.join(self.folder, "c")])
        sources = [os.path.join(self.folder, "c", f) for f in os.listdir(os.path.join(self.folder, "c")) if f.endswith(".c")]
        self.exe = os.path.join(self.folder, "exe")
        self.run(["gcc", "-std=c99", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-o", self.exe] + sources + ["-lm"])

    def run(self, command):
        p = subprocess.run(command, capture_output=True, text=True)
        if p.returncode:
            sys.exit("%s: %s\n%s" % (self.name, " ".join(command[:3]), p.stderr))

    def after(self, runs, way, more=()):
        """The outputs of the last of so many runs: one array, or a list."""
        out = os.path.join(self.folder, "%s%d" % (way, runs))
        runs = ["--runs=%d" % runs] if way == "sim" else ["--runs", str(runs)]
        self.run(([NFC, "sim", self.path] if way == "sim" else [self.exe]) + self.given + runs + ["--output", out] + list(more))
        got = [np.load(os.path.join(out, n + ".npy")) for n in self.outputs]
        return got[0] if len(got) == 1 else got


def one(name, op, result, extents, inputs=None, **attributes):
    """A model of one node."""
    inputs = inputs or {}
    kinds = {np.dtype(F): FLOAT, np.dtype(np.float64): DOUBLE, np.dtype(np.float16): FLOAT16, np.dtype(np.bool_): BOOL}
    ins = [info(k, kinds[a.dtype], list(a.shape)) for k, a in inputs.items()]
    g = graph(name, [node(op, list(inputs), ["y"], name=name + "_node", **attributes)], ins, [info("y", result, extents)])
    return Program(name, model(g), inputs)


def exact(name, program, expected, runs=(1, 2, 3), tolerance=0):
    for way in ("sim", "c"):
        for run in runs:
            got, want = program.after(run, way), expected(run - 1)
            same = got.dtype == want.dtype and got.shape == want.shape and (np.array_equal(got, want) if tolerance == 0 else np.allclose(got, want, tolerance, tolerance))
            check(name, same, "%s, run %d: %s, not %s" % (way, run, got.reshape(-1)[:4], want.reshape(-1)[:4]))


def seed_bits(seed):
    return int(np.array(seed, F).view(np.uint32))


def some(words, count):
    return words.reshape(-1)[:count]


# ---- numbers that a seed says ---------------------------------------------------------------------


def uniform32(run, seed, count):
    return (some(bits(-(-count // 4), seed_bits(seed), run).data, count) >> 8).astype(F) * F(2.0**-24)


def uniform64(run, seed, count):
    w = bits(-(-count // 2), seed_bits(seed), run).data.astype(np.uint64)
    return some(((w[:, :2] >> np.uint64(5)) * 2.0**26 + (w[:, 2:] >> np.uint64(6))) * 2.0**-53, count)


exact("uniform", one("uniform", "RandomUniform", FLOAT, [3, 5], seed=7.0, low=-1.0, high=3.0, shape=[3, 5]), lambda run: (uniform32(run, 7.0, 15) * F(4) + F(-1)).reshape(3, 5))
exact("uniform_double", one("uniform_double", "RandomUniform", DOUBLE, [7], seed=0.5, dtype=DOUBLE, shape=[7]), lambda run: uniform64(run, 0.5, 7))
exact("uniform_half", one("uniform_half", "RandomUniform", FLOAT16, [4, 1], seed=2.0, dtype=FLOAT16, shape=[4, 1]), lambda run: uniform32(run, 2.0, 4).astype(np.float16).reshape(4, 1))
like = np.zeros((2, 0, 3), F)
exact("uniform_of_none", one("uniform_of_none", "RandomUniformLike", FLOAT, [2, 0, 3], {"x": like}, seed=2.0), lambda run: like)
p = np.linspace(0, 1, 10, dtype=F)
exact("bernoulli", one("bernoulli", "Bernoulli", INT32, [10], {"p": p}, seed=3.0, dtype=INT32), lambda run: (uniform32(run, 3.0, 10) < p).astype(np.int32))


def normal32(run, seed, count):
    w = bits(-(-count // 4), seed_bits(seed), run).data
    size = np.sqrt(-2 * np.log((w[:, :2].astype(F) * F(2.0**-32) + F(2.0**-32)).astype(np.float64)))
    angle = 2 * np.pi * (w[:, 2:] >> 8) * 2.0**-24
    return some(np.concatenate([size * np.cos(angle), size * np.sin(angle)], 1), count).astype(F)


exact("normal", one("normal", "RandomNormal", FLOAT, [3, 3], seed=11.0, mean=1.0, scale=2.0, shape=[3, 3]), lambda run: (1 + 2 * normal32(run, 11.0, 9)).reshape(3, 3), tolerance=1e-5)

# ---- what numbers must be like ----------------------------------------------------------------------


def moments(name, x, mean, variance, kurtosis):
    """Six deviations of each moment's own: a right generator fails once in some 10^8."""
    n, d = x.size, x.astype(np.float64) - mean
    near = lambda got, want, var: abs(got - want) <= 6 * np.sqrt(var / n)
    check(name, near(d.mean(), 0, variance), "the mean is %g" % (d.mean() + mean))
    check(name, near((d**2).mean(), variance, (kurtosis - 1) * variance**2), "the variance is %g" % (d**2).mean())
    lag = (d[:-1] * d[1:]).mean()
    check(name, near(lag, 0, variance**2), "neighbours go together: %g" % lag)


for dtype, number in ((F, FLOAT), (np.float64, DOUBLE)):
    kind = np.dtype(dtype).name
    x = np.zeros(40000, dtype)
    got = one("many_uniform_" + kind, "RandomUniformLike", number, [40000], {"x": x}, low=2.0, high=4.0).after(1, "c")
    check("many_uniform_" + kind, got.min() >= 2 and got.max() < 4 and got.dtype == dtype, "it leaves [2, 4)")
    moments("many_uniform_" + kind, got, 3, 1 / 3, 1.8)
    got = one("many_normal_" + kind, "RandomNormalLike", number, [40000], {"x": x}, mean=-1.0, scale=0.5).after(1, "c")
    moments("many_normal_" + kind, got, -1, 0.25, 3)
    check("many_normal_" + kind, abs((((got + 1) / 0.5)**4).mean() - 3) < 6 * np.sqrt(96 / 40000), "the fourth moment is off")

logits = np.array([[0, 1, 2, -np.inf], [-np.inf, 5, 5, 5]], F)
program = one("multinomial", "Multinomial", INT64, [2, 20000], {"x": logits}, dtype=INT64, sample_size=20000)
for way in ("sim", "c"):
    got = program.after(1, way)
    chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    share = np.stack([np.bincount(row, minlength=4) for row in got]) / 20000
    check("multinomial", got.dtype == np.int64 and share.shape == (2, 4), "%s: classes are %s" % (way, np.unique(got)))
    check("multinomial", (abs(share - chance) <= 6 * np.sqrt(chance * (1 - chance) / 20000)).all(), "%s: %s, not %s" % (way, share, chance))

x = np.full((100, 100), 2, F)
nodes = [node("Dropout", ["x", "ratio", "training"], ["y", "mask"])]
ins = [info("x", FLOAT, [100, 100]), info("ratio", FLOAT, []), info("training", BOOL, [])]
for training in (False, True):
    g = graph("dropout", nodes, ins, [info("y", FLOAT, [100, 100]), info("mask", BOOL, [100, 100])])
    program = Program("dropout%d" % training, model(g), {"x": x, "ratio": F(0.25), "training": np.bool_(training)})
    for way in ("sim", "c"):
        y, mask = program.after(1, way)
        check("dropout", np.array_equal(y, np.where(mask, x / F(0.75) if training else x, 0)), way)
        check("dropout", abs(mask.mean() - 0.75) < 0.03 if training else mask.all(), "%s: %g are kept" % (way, mask.mean()))

# ---- which sequence, which part of it ------------------------------------------------------------------


def differ(name, arrays):
    sums = [zlib.crc32(a.tobytes()) for a in arrays]
    check(name, len(set(sums)) == len(sums), "some draws are the same")


program = one("runs", "RandomUniform", FLOAT, [6], shape=[6])
draws = {way: [program.after(run, way) for run in (1, 2, 3, 1)] for way in ("sim", "c")}
differ("runs", draws["c"][:3])
check("again", np.array_equal(draws["c"][0], draws["c"][3]), "a program that begins anew draws other numbers")
check("same", all(np.array_equal(a, b) for a, b in zip(draws["sim"], draws["c"])), "the simulator draws other numbers")
state = os.path.join(WORK, "state")
program.after(2, "c", ["--state", state])
check("state", np.array_equal(program.after(1, "c", ["--state", state]), draws["c"][2]), "a saved state does not go on")

two = graph("two", [node("RandomUniform", "", ["a"], shape=[4]), node("RandomUniform", "", ["b"], shape=[4]), node("RandomNormal", "", ["c"], shape=[4])], [],
            [info(n, FLOAT, [4]) for n in "abc"])
differ("nodes", Program("nodes", model(two)).after(1, "c"))

body = graph("body", [node("Identity", ["go"], ["on"]), node("RandomUniform", "", ["u"], shape=[3])], [info("i", INT64, []), info("go", BOOL, [])], [info("on", BOOL, []), info("u", FLOAT, [3])])
inner = graph("inner", [node("Identity", ["go2"], ["on2"]), node("RandomUniform", "", ["v"], shape=[3])], [info("j", INT64, []), info("go2", BOOL, [])], [info("on2", BOOL, []), info("v", FLOAT, [3])])
outer = graph("outer", [node("Identity", ["go1"], ["on1"]), node("Loop", ["three", ""], ["rows"], body=inner)], [info("k", INT64, []), info("go1", BOOL, [])],
              [info("on1", BOOL, []), info("rows", FLOAT, [3, 3])])
loops = graph("loops", [node("Loop", ["four", ""], ["y"], body=body), node("Loop", ["four", ""], ["z"], body=outer)], [], [info("y", FLOAT, [4, 3]), info("z", FLOAT, [4, 3, 3])],
              [tensor("four", np.array(4)), tensor("three", np.array(3))])
program = Program("trips", model(loops))
rows = [r for run in (1, 2) for a in program.after(run, "c") for r in a.reshape(-1, 3)]
differ("trips", rows)
check("trips", all(np.array_equal(a, b) for a, b in zip(program.after(2, "sim"), program.after(2, "c"))), "the simulator draws other numbers")

noise = Message("Function", name="Noise", domain="test", input=[], output=["u"], node=[node("RandomUniform", "", ["u"], name="noise", shape=[4])], opset_import=[Message("Opset", domain="", version=21)])
calls = graph("calls", [node("Noise", "", ["a"], domain="test"), node("Noise", "", ["b"], domain="test")], [], [info("a", FLOAT, [4]), info("b", FLOAT, [4])])
differ("calls", Program("calls", model(calls, domains=[("test", 1)], functions=[noise])).after(1, "c"))

print("tests/onnx_random: %d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
