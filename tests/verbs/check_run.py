"""nfc run: builds once, finds what was built, and is the program."""
import glob
import json
import os
import shutil
import subprocess
import sys
import numpy as np
from checks import NFC, check, close, finish, nfc, program, quick_device, write, write_package

CACHE = os.path.abspath("cache")
ENV = dict(os.environ, XDG_CACHE_HOME=CACHE, HOME=os.path.abspath("home"))
ENV.pop("LDFLAGS", None)
ENV.pop("CPPFLAGS", None)
DEVICE = quick_device()


def run(*args, env=None):
    return nfc("run", *args, "--device", DEVICE, env=env or ENV)


def built(*args, env=None):
    """Runs and says whether it was built anew; None when it failed."""
    out = run("-v", *args, env=env)
    if out.returncode:
        print(out.stderr)
        return None
    return {"built": True, "found": False}.get(out.stderr.split("nfc: ")[-1].split()[0])


# The four programs, against the simulator and NumPy.
rng = np.random.default_rng(1)
inputs = {"minimal": {"x": rng.standard_normal(3).astype("f4")}, "mlp": {"x": rng.standard_normal((1, 64)).astype("f4")},
          "early_exit": {"x": rng.standard_normal((1, 16)).astype("f4")}, "decode": {"token": np.int32(5), "pos": np.int32(0)}}
for name, arrays in inputs.items():
    path, options = program(name), []
    for key, value in arrays.items():
        np.save(f"{name}_{key}.npy", value)
        options += ["--input", f"{key}={name}_{key}.npy"]
    out = run(path, *options, "--output", f"{name}_run")
    if not check(f"run {name}: runs", out.returncode == 0 and not out.stdout, out.stderr):
        continue
    nfc("sim", path, *options, "--output", f"{name}_sim")
    got, want = sorted(os.listdir(f"{name}_run")), sorted(os.listdir(f"{name}_sim"))
    check(f"run {name}: gives every output", got == want and got, got)
    for file in got:
        a, b = np.load(f"{name}_run/{file}"), np.load(f"{name}_sim/{file}")
        check(f"run {name}: {file} is what the simulator gives", close(a, b), (a, b))
x, y = np.load("minimal_x.npy"), np.load("minimal_run/y.npy")
scale = np.frombuffer(open("minimal.safetensors", "rb").read()[-12:], "f4")
check("run minimal: what NumPy gives", close(y, (x + x) * scale))

# What the key is made of.
mini = ["minimal.nfg", "--input", "x=minimal_x.npy"]
check("run: finds what was built", built(*mini) is False)
out = run(*mini)
check("run: shows outputs without --output", out.stdout.startswith("y : f32 [3] = "), out.stdout)
os.utime("minimal.nfg")
check("run: times do not count", built(*mini) is False)
os.makedirs("elsewhere", exist_ok=True)
for f in ("minimal.nfg", "minimal.safetensors"):
    shutil.copy(f, "elsewhere")
check("run: folders do not count", built("elsewhere/minimal.nfg", *mini[1:]) is False)
shutil.copy("minimal.nfg", "other.nfg")
check("run: the graph's name counts", built("other.nfg", *mini[1:]) is True)
with open("elsewhere/minimal.nfg", "a") as f:
    f.write("// more\n")
check("run: the text counts", built("elsewhere/minimal.nfg", *mini[1:]) is True)
write_package("minimal.safetensors", {"scale": np.array([1, 2, 3], "f4")})
check("run: the package counts", built(*mini) is True)
run(*mini, "--output", "o")

# Of an ONNX model its bytes are part of the key, and those of its external data.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "onnx_file"))
from wire import FLOAT, data, graph, model, node, num, tensor, value


def scaled(extent, factor, external=False):
    """x * factor; both models have the same nodes, and so the same listing."""
    factors = np.full(extent, factor, "f4")
    if external:
        factors.tofile("factors.bin")
        entry = lambda key, text: data(13, data(1, key) + data(2, text))
        w = data(8, "w") + num(2, FLOAT) + num(1, extent) + entry("location", "factors.bin") + num(14, 1)
    else:
        w = tensor("w", (extent,), FLOAT, factors.tobytes())
    with open("scaled.onnx", "wb") as f:
        f.write(model(graph([node("Mul", ["x", "w"], ["y"])], [value("x", FLOAT, [extent])], [value("y", FLOAT, [extent])], [w]), opsets=((22, ""),)))
    np.save("scaled_x.npy", np.ones(extent, "f4"))
    out = run("scaled.onnx", "--input", "x=scaled_x.npy", "--output", "scaled_o")
    return out.returncode == 0 and np.load("scaled_o/y.npy").tolist() == factors.tolist()


check("run: an ONNX model", scaled(2, 3.0))
check("run: the weights of an ONNX model count", scaled(2, 5.0))
check("run: the shapes of an ONNX model count", scaled(3, 5.0))
check("run: external data", scaled(3, 5.0, external=True))
check("run: external data count", scaled(3, 7.0, external=True))
check("run: and its numbers are used", close(np.load("o/y.npy"), 2 * x * np.array([1, 2, 3], "f4")))
write_package("given.safetensors", {"scale": np.array([3, 2, 1], "f4")})
check("run --model: counts", built(*mini, "--model", "given.safetensors") is True)
np.save("x5.npy", np.ones(5, "f4"))
write_package("five.safetensors", {"scale": np.ones(5, "f4")})
five = ["minimal.nfg", "--input", "x=x5.npy", "-D", "B=5", "--model", "five.safetensors"]
check("run -D: counts", built(*five) is True and built(*five) is False)
check("run --fast-math: counts", built(*mini, "--fast-math") is True)
check("run: the environment counts where make heeds it", built(*mini, env=dict(ENV, LDFLAGS="-Wl,-O1")) is True)
other = quick_device("other", standard="c99")
out = nfc("run", "-v", *mini, "--device", other, env=ENV)
check("run: the device counts", out.returncode == 0 and "nfc: built" in out.stderr, out.stderr)
check("run: all of that was kept", built(*mini) is False and built(*five) is False)
before = len(os.listdir(os.path.join(CACHE, "nfc")))
out = run("-v", *mini, "--dump", "all")
check("run --dump: the passes run again", "nfc: built" in out.stderr and len(os.listdir(os.path.join(CACHE, "nfc"))) == before, out.stderr)

# The cache may lose anything at any time.
path = run("-v", *mini).stderr.split()[-1]
folder, mark = os.path.dirname(path), os.path.dirname(path) + ".built"
os.remove(path)
check("run: a program that is gone is built again", built(*mini) is True)
shutil.rmtree(folder)
check("run: a folder that is gone is built again", built(*mini) is True)
os.remove(mark)
check("run: a mark that is gone is made again", built(*mini) is True)
open(mark, "w").close()
os.remove(path)
write(os.path.join(folder, "nf_main.o"), "half")
check("run: what was left half built is built again", built(*mini) is True)
shutil.rmtree(CACHE)
many = [subprocess.Popen([NFC, "run", "-v", *mini, "--device", DEVICE], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
said = [p.communicate() for p in many]
check("run: of several at once one builds", all(p.returncode == 0 for p in many) and sum("nfc: built" in e for _, e in said) == 1 and len({o for o, _ in said}) == 1, said)
home = dict(ENV, XDG_CACHE_HOME="relative")
check("run: a relative XDG_CACHE_HOME does not count", built(*mini, env=home) is True and os.path.isdir("home/.cache/nfc") and not os.path.exists("relative"))
out = run(*mini, env={k: v for k, v in ENV.items() if k not in ("HOME", "XDG_CACHE_HOME")})
check("run: no place for a cache", out.returncode == 5 and "XDG_CACHE_HOME" in out.stderr, out.stderr)
write("a_file", "")
out = run(*mini, env=dict(ENV, XDG_CACHE_HOME=os.path.abspath("a_file")))
check("run: a cache that cannot be", out.returncode == 5 and "NFC0803" in out.stderr, out.stderr)

# Options of the run.
write("count.nfg", """state { total : buffer(f32, [2]); }
graph add { inputs { x : f32 [2]; } outputs { t : f32 [2]; } block entry { o = effect read(total); t = op add(a=o, b=x); effect write(total, index=[:], value=t); return t; } }
graph show { outputs { t : f32 [2]; } block entry { t = effect read(total); return t; } }
""")
np.save("two.npy", np.array([1, 2], "f4"))
add = ["count.nfg", "--graph", "add", "--input", "x=two.npy", "--output", "sum"]
out = run(*add, "--runs", "3", "--state", "s.bin")
check("run --runs: keeps the state", out.returncode == 0 and np.load("sum/t.npy").tolist() == [3, 6], out.stderr)
run(*add, "--state", "s.bin")
check("run --state: goes on from it", np.load("sum/t.npy").tolist() == [4, 8])
run("count.nfg", "--graph", "show", "--state", "s.bin", "--output", "sum")
check("run --graph: another graph of the program", np.load("sum/t.npy").tolist() == [4, 8])
out = run(*add, "--trace", "trace.json")
check("run --trace: writes a trace", out.returncode == 0 and json.load(open("trace.json")), out.stderr)

# What is wrong.
before = len(glob.glob(CACHE + "/nfc/*"))
out = run("count.nfg", "--graph", "ad")
check("run: an unknown graph is said before anything is built", out.returncode == 2 and "did you mean 'add'" in out.stderr, out.stderr)
out = run(write("wrong.nfg", "inputs { x : f32 [2]; } outputs { y : f32 [2]; } block entry { y = op rellu(x=x); return y; }"), "--input", "x=two.npy")
check("run: a graph with errors", out.returncode == 1 and "NFC0301" in out.stderr and len(glob.glob(CACHE + "/nfc/*")) == before, out.stderr)
out = run("minimal.nfg")
check("run: an input that is not given", out.returncode == 2 and "x" in out.stderr and not out.stdout, out.stderr)
check("run: no graph", run().returncode == 2)
broken = quick_device("broken", command="false")
out = nfc("run", *mini, "--device", broken, env=ENV)
check("run: a compiler that fails", out.returncode == 3 and "NFC0703" in out.stderr and not out.stdout, out.stderr)
write("foreign.sh", '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && { printf "no program of this machine" >"$2"; chmod +x "$2"; }; shift; done\n')
os.chmod("foreign.sh", 0o755)
foreign = quick_device("foreign", command=os.path.abspath("foreign.sh"))
out = nfc("run", *mini, "--device", foreign, env=ENV)
check("run: a program of another machine", out.returncode == 3 and "NFC0702" in out.stderr and '"run"' in out.stderr, out.stderr)
wrapped = quick_device("wrapped", run=["env", "NFC_TEST_WRAPPED=1"])
out = nfc("run", *mini, "--device", wrapped, env=ENV)
check("run: by what the device says", out.returncode == 0 and out.stdout.startswith("y : f32 [3] = "), out.stderr)
finish()
