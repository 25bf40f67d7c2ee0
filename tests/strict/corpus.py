"""What tests/strict builds and runs: modules of its own, random ones, those of tests/ops, and trained models."""
import importlib.util
import json
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
ROOT = os.path.dirname(TESTS)
sys.path[:0] = [os.path.join(TESTS, "emit"), os.path.join(TESTS, "fuzz")]
import generate
import ops

NUMPY = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": np.uint16, "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
         "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8, "bool": np.bool_}
# How far the simulator may be, which sums in double: parts of the largest magnitude.
NEAR = {"f64": 1e-12, "f32": 1e-4, "f16": 4e-3, "bf16": 3e-2}
FREE = {"N": 77, "P": 9}


class Module:
    def __init__(self, name, path, options=()):
        self.name, self.path, self.options = name, path, list(options)


class Case:
    """One run of a module's graph. dtypes: of outputs. check(status, folder): None, or what is wrong with the first variant's."""

    def __init__(self, module, name, arguments, dtypes, check, state=False):
        self.module, self.name, self.arguments, self.dtypes, self.check, self.state = module, name, arguments, dtypes, check, state


def run(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


# ---- inputs ---------------------------------------------------------------------------------------


def values(rng, port, style):
    """style: "bits" for any bits at all, an integer for whole numbers below it, else numbers about 0."""
    shape = [d if isinstance(d, int) else FREE[d] for d in port["shape"]]
    kind, n = np.dtype(NUMPY[port["dtype"]]), int(np.prod(shape))
    if port["dtype"] == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if style == "bits":
        x = np.frombuffer(rng.bytes(n * kind.itemsize), kind).copy()
        if kind.kind == "f":  # half of them of a usual size
            x[::2] = (rng.standard_normal(n) * 10.0 ** rng.uniform(-3, 2, n)).astype(kind)[::2]
            special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(kind).tiny / 2, np.finfo(kind).max, 0.5, 1.5, 2.5, -0.5], kind)
            x[:special.size] = special
        elif kind.itemsize == 8:  # a little over half way between two f32, as an f64 does not say
            x[:4] = [2 ** 60 + 2 ** 36 + 1, 2 ** 62 + 2 ** 38 + 1, 2 ** 60 + 2 ** 36, 2 ** 61 + 3 * 2 ** 37 - 1]
        return x.reshape(shape)
    if port["dtype"] == "bf16":
        return (rng.standard_normal(shape).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    return rng.integers(0, style or 100, shape).astype(kind)


def close(dtype, got, want):
    """None, or how a result differs from the simulator's."""
    if dtype not in NEAR:
        return None if np.array_equal(got, want) else "differs"
    got, want = ops.as_double(got, dtype), ops.as_double(want, dtype)
    usual = np.isfinite(want) & np.isfinite(got)
    scale = np.max(np.abs(want[usual]), initial=0)
    with np.errstate(invalid="ignore"):
        wrong = ~((got == want) | (np.isnan(got) & np.isnan(want)) | (usual & (np.abs(got - want) <= NEAR[dtype] * scale)))
    return "%s, not %s" % (got[wrong][:1], want[wrong][:1]) if wrong.any() else None


# ---- modules with their inputs made up ---------------------------------------------------------------


def against_simulator(nfc, module, case_of, exact):
    def check(status, folder):
        if status:
            return "status %d" % status
        sim = folder + ".sim"
        c = case_of()
        p = run([nfc, "sim", "-q", module.path, "--output", sim] + module.options + c.arguments)
        if p.returncode:
            return "the simulator: " + p.stderr
        for name, dtype in c.dtypes.items():
            got, want = (np.load(os.path.join(f, name + ".npy")) for f in (folder, sim))
            wrong = close(dtype, got, want) if not exact else None if got.tobytes() == want.tobytes() else "differs"
            if wrong:
                return "%s: %s" % (name, wrong)
        return None
    return check


def made_up(nfc, work, module, style=None, only=None):
    """A case for each graph, with inputs of a random style."""
    out = os.path.join(work, "ports_" + module.name)
    p = run([nfc, "build", "-q", module.path, "--emit=sources", "-o", out] + module.options)
    if p.returncode:
        sys.exit("%s: %s" % (module.name, p.stderr))
    with open(os.path.join(out, "manifest.json")) as f:
        api = json.load(f)["api"]
    found = []
    for g in api["graphs"]:
        rng, words = np.random.default_rng(len(found)), ["--graph", g["name"]]
        for port in g["inputs"]:
            path = os.path.join(work, "%s.%s.%s.npy" % (module.name, g["name"], port["name"]))
            np.save(path, values(rng, port, style))
            words += ["--input", "%s=%s" % (port["name"], path)]
        dtypes = {o["name"]: o["dtype"] for o in g["outputs"]}
        at = len(found)
        check = against_simulator(nfc, module, lambda at=at: found[at], False)
        found.append(Case(module, "%s.%s" % (module.name, g["name"]), words, dtypes, check, api["state_bytes"] > 0))
    return found


# ---- tests/ops and tests/fuzz ------------------------------------------------------------------------


def op_cases(nfc, names):
    bounds, found = ops.Bounds(nfc), []
    for name in names:
        module = Module(name, os.path.join(ops.OPS, name + ".nfg"))
        for graph, (ins, outs) in ops.graphs_of(name).items():
            words = ["--graph", graph] + [w for i in ins for w in ("--input", "%s=%s" % (i, ops.golden_file(name, graph, i)))]

            def check(status, folder, case=(name, graph), ports=(ins, outs)):
                golden = os.path.join(ops.OPS, "golden", *case)
                if os.path.exists(os.path.join(golden, "error.txt")):
                    return None if status == 1 else "should fail, but: status %d" % status
                return ops.check(bounds, case, ports, (status, ""), "strict", folder)
            found.append(Case(module, "%s.%s" % (name, graph), words, outs, check))
    return found


def random_cases(nfc, work, seeds):
    spec = importlib.util.spec_from_file_location("fuzz_run", os.path.join(TESTS, "fuzz", "run.py"))
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    found = []
    for seed in seeds:
        made, name = generate.Module(seed), "random%d" % seed
        path = os.path.join(work, name + ".nfg")
        with open(path, "w") as f:
            f.write(made.text())
        module = Module(name, path)
        words = fuzz.inputs_of(made, os.path.join(work, name), seed) + ["--runs", "3"]
        with open(path) as f:
            outs = re.findall(r"(\w+) : (\w+) \[", f.read().split("outputs", 1)[1].split("}", 1)[0])
        at = len(found)
        found.append(Case(module, name, words, dict(outs), against_simulator(nfc, module, lambda at=at: found[at], True), "state" in made.text()))
    return found


def graph_cases(nfc, work, count):
    """Random graphs over the op table. tests/random says how close they are, with --strict among others."""
    folder, found = os.path.join(work, "graphs"), []
    p = run([sys.executable, "-B", os.path.join(HERE, "graphs.py"), nfc, folder, "0", str(count)])
    if p.returncode:
        sys.exit("graphs.py: " + p.stderr)
    for m in json.loads(p.stdout):
        module = Module(os.path.basename(m["path"])[:-4], m["path"], m["binds"])
        found += [Case(module, g["name"], g["arguments"], g["dtypes"], lambda status, _: "status %d" % status if status else None, g["state"]) for g in m["graphs"]]
    return found


# ---- all ----------------------------------------------------------------------------------------------


def models(folder, everything):
    """(module, style of the inputs)"""
    example = lambda name: Module(name, os.path.join(ROOT, "examples", name, name + ".nfg"))
    found = [(example("digits"), 17), (example("babble"), 5)]
    weights = os.path.join(folder, "mnist_safetensors", "mnist.safetensors")
    if os.path.exists(weights):
        found.append((Module("mnist", os.path.join(TESTS, "mnist", "mnist.nfg"), ["--model", weights]), None))
    for name, path in (("kws_fp32", "kws_qdq_onnx/micro_kws_m_static_fp32.onnx"), ("gesture", "hand_gesture_mlp/keypoint_classifier.onnx"), ("ultraface", "ultraface/version-RFB-320.onnx"),
                       ("squeezenet", "onnx_light_nets/light_squeezenet.onnx"), ("shufflenet", "onnx_light_nets/light_shufflenet.onnx")):
        if everything and os.path.exists(os.path.join(folder, path)):
            found.append((Module(re.sub(r"\W", "_", os.path.basename(path).rsplit(".", 1)[0]), os.path.join(folder, path), ["-D", "batch=3"] if name == "gesture" else []), None))
    return found


def cases(nfc, work, everything):
    """The cases; modules are named apart, for they become one program."""
    os.makedirs(work)
    found = []
    for name, style in (("sums", None), ("contractions", None), ("functions", "bits")):
        found += made_up(nfc, work, Module(name, os.path.join(HERE, name + ".nfg")), style)
    for module, style in models(os.environ.get("NFC_MODELS", os.path.join(ROOT, "..", "shared", "models")), everything):
        found += made_up(nfc, work, module, style)
    found += op_cases(nfc, ops.modules()[::1 if everything else 30])
    found += graph_cases(nfc, work, 1000 if everything else 24)
    return found + random_cases(nfc, work, range(100 if everything else 6))
