"""What the checks of this folder share: descriptions, weights, builds, runs, and counting."""
import copy
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
NFC, ROOT = os.environ["NFC"], pathlib.Path(os.environ["ROOT"])
sys.path.append(str(ROOT / "tests" / "ops"))
from tensor_file import save as save_weights  # noqa: E402

HOST = json.loads((ROOT / "devices" / "generic.json").read_text())
count = {"passed": 0, "failed": 0}


def check(ok, what):
    count["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {what}")
    return bool(ok)


def left_out(what):
    print(f"left out: {what}")


def finish():
    print(count["passed"], count["failed"])


def command(*words, **options):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, **options)


# ---- graphs with weights and inputs --------------------------------------------------------------


def numbers(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


WEIGHTS = {
    "net": {"w.0": numbers(1, 16, 16), "w.1": numbers(2, 16, 16), "b.0": numbers(3, 16), "b.1": numbers(4, 16),
            "out": numbers(5, 16, 8)},
    "contractions": {"matmul": numbers(6, 12, 9), "gemm": numbers(7, 9, 12), "conv": numbers(8, 5, 3, 3, 3),
                     "conv_transpose": numbers(9, 3, 5, 3, 3), "plain": numbers(10, 12)},
    "convnet": {"conv1": numbers(11, 4, 1, 3, 3), "bias1": numbers(12, 4), "conv2": numbers(13, 6, 4, 3, 3),
                "bias2": numbers(14, 6), "dense": numbers(15, 6, 10), "bias3": numbers(16, 10)},
}
INPUTS = {
    "net": {"x": numbers(20, 3, 16), "h": numbers(21, 16, dtype=np.float16), "pos": np.array(3, np.int32)},
    "contractions": {"x": numbers(22, 4, 12), "i": numbers(23, 1, 3, 6, 6)},
    "convnet": {"image": numbers(24, 1, 1, 12, 12)},
}


def prepare(*graphs):
    """Puts graphs of this folder, their weights and inputs into the current one."""
    for name in graphs:
        pathlib.Path(f"{name}.nfg").write_text((HERE / f"{name}.nfg").read_text())
        save_weights(f"{name}.safetensors", WEIGHTS[name])
        for port, value in INPUTS[name].items():
            np.save(f"{name}.{port}.npy", value)


def graph_text(name, text):
    pathlib.Path(f"{name}.nfg").write_text(text)
    return name


# ---- descriptions --------------------------------------------------------------------------------


def described(base=HOST, **changes):
    """A copy of a description with values changed: compiler__command="cc", units__0__cores=2. None
    takes a key away."""
    tree = copy.deepcopy(base)
    for path, value in changes.items():
        inside = tree
        *way, key = path.split("__")
        for part in way:
            inside = inside[int(part)] if isinstance(inside, list) else inside.setdefault(part, {})
        if isinstance(inside, list):
            inside[int(key)] = value
        elif value is None:
            inside.pop(key, None)
        else:
            inside[key] = value
    return tree


# ---- building and running ------------------------------------------------------------------------

made = 0


class Build:
    """`nfc build`: exit status, what it said, and the files by name."""

    def __init__(self, graph, device, emit="sources", verb="build"):
        global made
        made += 1
        self.graph, self.folder = graph, pathlib.Path(f"out.{made}").resolve()
        if isinstance(device, dict):
            text = json.dumps(device, indent=2)
            device = f"device.{made}.json"
            pathlib.Path(device).write_text(text)
            self.lines = text.splitlines()
        words = [NFC, verb, f"{graph}.nfg", f"--device={device}"]
        if verb == "build":
            words += ["-o", self.folder, f"--emit={emit}"]
        if verb == "inspect":
            words += ["--json"]
        r = command(*words)
        self.status, self.out, self.err = r.returncode, r.stdout, r.stderr
        self.files = {p.name: p.read_bytes() for p in self.folder.iterdir()} if self.folder.is_dir() else {}

    def text(self, name):
        return self.files.get(name, b"").decode()

    def json(self, name):
        return json.loads(self.files.get(name, b"{}"))

    def define(self, name):
        """The value of a #define of the header, without its suffix."""
        for line in self.text(f"{self.graph}.h").splitlines():
            words = line.split()
            if words[:2] == ["#define", f"{self.graph.upper()}_{name}"]:
                return int(words[2].rstrip("u"))
        return None

    def variable(self, name):
        """The words of a variable of the Makefile."""
        for line in self.text("Makefile").splitlines():
            if line.split("=")[0].strip() == name:
                return line.split("=", 1)[1].split()
        return None

    def line_of(self, key):
        """Where a key of the description stands: "3"."""
        return next(str(n) for n, line in enumerate(self.lines, 1) if f'"{key}":' in line)


def changed(one, other):
    """Names of the files that differ, but for the manifest, which holds the hash of the description."""
    names = set(one.files) | set(other.files)
    return {n for n in names if one.files.get(n) != other.files.get(n)} - {"manifest.json"}


def inputs(graph):
    return [f"--input={port}={graph}.{port}.npy" for port in INPUTS[graph]]


def read_outputs(folder):
    return {p.stem: np.load(p) for p in pathlib.Path(folder).glob("*.npy")}


def run(build, *prefix):
    """Runs a program that was built; its outputs by name, or None."""
    r = command(*prefix, build.folder / build.graph, *inputs(build.graph), "--output", f"{build.folder}.run")
    if not check(r.returncode == 0 and not r.stderr, f"running {build.graph}: {r.returncode} {r.stderr}"):
        return None
    return read_outputs(f"{build.folder}.run")


def simulate(graph):
    r = command(NFC, "sim", f"{graph}.nfg", *inputs(graph), "--output", f"{graph}.sim")
    check(r.returncode == 0, f"simulating {graph}: {r.stderr}")
    return read_outputs(f"{graph}.sim")


def near(got, expected, relative=1e-6):
    """Does every output lie within `relative` of its scale?"""
    if got is None or set(got) != set(expected):
        return False
    for name, want in expected.items():
        have = got[name]
        if have.dtype != want.dtype or have.shape != want.shape:
            return False
        scale = float(np.max(np.abs(want.astype(np.float64)), initial=0))
        if not np.all(np.abs(have.astype(np.float64) - want.astype(np.float64)) <= relative * scale):
            return False
    return True


def same_bits(one, other):
    return one is not None and other is not None and set(one) == set(other) and all(
        one[n].tobytes() == other[n].tobytes() for n in one)


def have(program):
    return subprocess.run(["sh", "-c", 'command -v "$0"', program], capture_output=True).returncode == 0
