"""What the checks of the verbs share. Each runs in an empty folder of its own."""
import json
import os
import shutil
import subprocess
import sys

import numpy as np

NFC = os.environ["NFC"]
ROOT = os.environ["ROOT"]
sys.path.append(os.path.join(ROOT, "tests", "ops"))
import tensor_file  # noqa: E402

_count = [0, 0]


def check(name, ok, detail=""):
    """Counts one check; says what failed."""
    _count[0 if ok else 1] += 1
    if not ok:
        print(f"FAILED verbs/{name}", *([str(detail).rstrip()] if detail else []), sep="\n    ")
    return ok


def nfc(*args, text=True, env=None):
    """Runs nfc; the result has returncode, stdout, stderr."""
    return subprocess.run([NFC, *map(str, args)], capture_output=True, text=text, env=env, timeout=60)


def finish():
    print(*_count)


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


# ---- packages --------------------------------------------------------------------------------

def write_package(path, tensors, meta=None):
    """A .safetensors file of NumPy arrays."""
    tensor_file.save(path, tensors, meta)
    return path


def program(name, folder="."):
    """Copies one of the four programs of the language's page into a folder, with a small package."""
    shutil.copy(os.path.join(ROOT, "tests/verbs/programs", name + ".nfg"), folder)
    rng = np.random.default_rng(7)
    f32 = lambda *shape: (rng.standard_normal(shape) / np.sqrt(shape[0])).astype("float32")
    package, meta = {}, None
    if name == "minimal":
        package = {"scale": f32(3)}
    elif name == "mlp":
        package = {f"w.{l}": f32(64, 64) for l in range(3)} | {f"b.{l}": f32(64) for l in range(3)} | {"w.out": f32(64, 10)}
    elif name == "early_exit":
        package = {"gate": f32(16, 4), "easy": f32(16, 4), "hard": f32(16, 4)}
    else:
        meta = dict(n_layers=2, dim=16, n_heads=4, n_kv_heads=2, vocab_size=32, max_seq=8)
        package = {"tok_embeddings": f32(32, 16), "norm": f32(16), "output": f32(16, 32)}
        for l in range(2):
            shapes = dict(attention_norm=(16,), wq=(16, 16), wk=(16, 8), wv=(16, 8), wo=(16, 16), ffn_norm=(16,), w1=(16, 24), w3=(16, 24), w2=(24, 16))
            package |= {f"layers.{l}.{k}": f32(*shape) for k, shape in shapes.items()}
    write_package(os.path.join(folder, "lm.safetensors" if meta else name + ".safetensors"), package, meta)
    return os.path.join(folder, name + ".nfg")


# ---- programs that are built -------------------------------------------------------------------

def quick_device(name="quick", **more):
    """The host, without the time that optimisation takes."""
    device = json.loads(open(os.path.join(ROOT, "devices/generic.json")).read())
    device["name"] = name
    device["compiler"]["flags"] = ["-O0", "-ffp-contract=off"]
    device["compiler"] |= more
    return write(name + ".json", json.dumps(device))


def close(got, expected, tolerance=1e-5):
    """Equal types and shapes, and floats as near as the output's scale asks."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if got.dtype.kind != "f":
        return bool(np.array_equal(got, expected))
    scale = max(float(np.abs(expected[np.isfinite(expected)]).max(initial=0)), 1e-30)
    return bool(np.all((got == expected) | (np.abs(got - expected) <= tolerance * scale) | (np.isnan(got) & np.isnan(expected))))
