"""nfc inspect: numbers that can be worked out by hand."""
import json
from checks import check, finish, nfc, program, write, write_package
import numpy as np


def inspect(path, *options):
    out = nfc("inspect", path, "--json", *options)
    if not check(f"inspect {path}: takes it", out.returncode == 0, out.stderr):
        return None
    return json.loads(out.stdout)


def expect(name, path, whole=None, *options, **totals):
    """Numbers of the program, and of its first graph."""
    r = inspect(path, *options)
    if r is None:
        return None
    for key, value in (whole or {}).items():
        check(f"inspect {name}: {key}", r[key] == value, (r[key], value))
    for key, value in totals.items():
        check(f"inspect {name}: {key}", r["graphs"][0][key] == value, (r["graphs"][0][key], value))
    return r


def graph(name, inputs, outputs, body, head=""):
    return write(f"{name}.nfg", f"{head}\ninputs {{ {inputs} }}\noutputs {{ {outputs} }}\nblock entry {{ {body} }}\n")


def op(name, x, y, call, macs, **more):
    path = graph(name, x, y, f"y = op {call}; return y;")
    return expect(name, path, None, macs=macs, **more)


# The four programs.
f32 = lambda n: {"f32": {"bytes": 4 * n, "count": n}}
r = expect("minimal", program("minimal"), dict(weight_bytes=12, arena_bytes=0, state_bytes=0),
           macs=0, operations=6, calls=1, bytes_read=24, bytes_written=12, branches=False)
check("inspect minimal: parameters", r["parameters"] == {"bytes": 12, "by_type": f32(3), "count": 3}, r["parameters"])
check("inspect minimal: the kernel", [(k["ops"], k["places"]) for k in r["graphs"][0]["kernels"]] == [("add, mul", ["minimal.nfg:7, 8"])])

n = 3 * (64 * 64 + 64) + 64 * 10
r = expect("mlp", program("mlp"), dict(weight_bytes=4 * n, state_bytes=0), macs=3 * 64 * 64 + 64 * 10)
check("inspect mlp: parameters", r["parameters"]["by_type"] == f32(n), r["parameters"])
k = [k for k in r["graphs"][0]["kernels"] if k["ops"] == "matmul, add, relu"][0]
check("inspect mlp: a kernel in a loop", (k["calls"], k["macs"], k["operations"]) == (3, 3 * 64 * 64, 3 * (2 * 64 * 64 + 64 + 64)), k)
check("inspect mlp: its bytes", (k["bytes_read"], k["bytes_written"]) == (3 * 4 * (64 + 64 * 64 + 64), 3 * 4 * 64), k)
arena = r["graphs"][0]["arena"]
check("inspect mlp: the arena", r["arena_bytes"] == arena["bytes"] >= arena["lower_bound"] > 0 and arena["naive"] >= arena["bytes"], arena)
check("inspect mlp: the buffers lie in it", arena["buffers"] and all(b["offset"] + b["bytes"] <= arena["bytes"] for b in arena["buffers"]))

# The arena against what is live at once: within 2 %. The narrow value in the middle of the row takes the place of one
# of the two that are live around it, and all behind it change sides.
widths = [128, 128, 128, 128, 8, 128, 128, 128, 128, 10]
graph("hourglass", "h : f32 [1, 128]; " + "".join(f"w{i} : f32 [{a}, {b}]; " for i, (a, b) in enumerate(zip(widths, widths[1:]))), "y : f32 [1, 10];",
      "".join(f"h = op matmul(a=h, b=w{i}); h = op relu(x=h); " for i in range(len(widths) - 1)) + "return y = h;")
for path, most in [("hourglass.nfg", 1024)] + [(program(name), None) for name in ("mlp", "decode", "early_exit")]:
    for g in inspect(path)["graphs"]:
        arena = g["arena"]
        check(f"inspect {path}: the arena is near its bound", arena["lower_bound"] <= arena["bytes"] <= 1.02 * arena["lower_bound"], arena)
        check(f"inspect {path}: the bound", most is None or arena["lower_bound"] == most, arena)

eight = expect("mlp with B = 8", "mlp.nfg", None, "-D", "B=8", macs=8 * (3 * 64 * 64 + 64 * 10))

r = expect("early_exit", program("early_exit"), None, macs=16 * 4 + 16 * 4, branches=True, jumps_back=False)
check("inspect early_exit: both sides are listed", sum(k["macs"] for k in r["graphs"][0]["kernels"]) == 3 * 16 * 4, r)

D, KV, F, V, L, S, HD, H = 16, 8, 24, 32, 2, 8, 4, 4
layer = D * D + 2 * D * KV + D * D + 3 * D * F + H * S * 2 * HD
params = V * D + D + D * V + L * (2 * D + 2 * D * D + 2 * D * KV + 3 * D * F)
r = expect("decode", program("decode"), dict(state_bytes=2 * L * 2 * S * HD * 4), macs=L * layer + D * V)
check("inspect decode: parameters", r["parameters"]["by_type"] == f32(params), r["parameters"])
k = [k for k in r["graphs"][0]["kernels"] if k["ops"] == "gather"][0]
check("inspect decode: a gather touches one row", (k["bytes_read"], k["bytes_written"]) == (4 * D + 4, 4 * D), k)

# Each contraction, by its definition.
op("matmul", "a : f32 [2, 1, 5, 7]; b : f32 [3, 7, 4];", "y : f32 [2, 3, 5, 4];", "matmul(a=a, b=b)", 2 * 3 * 5 * 4 * 7, operations=2 * 2 * 3 * 5 * 4 * 7,
   bytes_read=4 * (2 * 5 * 7 + 3 * 7 * 4), bytes_written=4 * 2 * 3 * 5 * 4)
op("dot", "a : f32 [7]; b : f32 [7];", "y : f32 [];", "matmul(a=a, b=b)", 7)
op("half", "a : f16 [5, 7]; b : f16 [7, 4];", "y : f16 [5, 4];", "matmul(a=a, b=b)", 140, bytes_read=2 * (35 + 28), bytes_written=40)
op("gemm", "a : f32 [5, 3]; b : f32 [4, 5];", "y : f32 [3, 4];", "gemm(a=a, b=b, transa=1, transb=1)", 3 * 4 * 5)
op("conv", "x : f32 [2, 6, 9, 8]; w : f32 [4, 3, 3, 2];", "y : f32 [2, 4, 5, 7];", "conv(x=x, w=w, group=2, strides=[2, 1], pads=[1, 0, 1, 0])", 2 * 4 * 5 * 7 * 3 * 3 * 2)
op("depthwise", "x : f32 [1, 6, 9]; w : f32 [6, 1, 3];", "y : f32 [1, 6, 7];", "conv(x=x, w=w, group=6)", 6 * 7 * 3)
op("conv_transpose", "x : f32 [1, 4, 5]; w : f32 [4, 3, 3];", "y : f32 [1, 6, 11];", "conv_transpose(x=x, w=w, group=2, strides=[2])", 4 * 5 * 3 * 3)
op("sdpa", "q : f32 [8, 5, 4]; k : f32 [2, 7, 4]; v : f32 [2, 7, 6];", "y : f32 [8, 5, 6];", "sdpa(q=q, k=k, v=v)", 8 * 5 * 7 * (4 + 6))
op("sdpa_prefix", "q : f32 [8, 1, 4]; k : f32 [2, 7, 4]; v : f32 [2, 7, 6];", "y : f32 [8, 1, 6];", "sdpa(q=q, k=k, v=v, length=3)", 8 * 3 * (4 + 6))
# What contracts nothing.
op("relu", "x : f32 [5, 3];", "y : f32 [5, 3];", "relu(x=x)", 0, operations=15, bytes_read=60, bytes_written=60)
op("sum", "x : f32 [4, 3];", "y : f32 [4, 1];", "reduce_sum(data=x, axes=[1])", 0, operations=12, bytes_read=48, bytes_written=16)
op("sum_again", "x : f32 [5, 3];", "y : f32 [5, 1];", "reduce_sum(data=x, axes=[1])", 0, operations=24, bytes_read=60, bytes_written=20)  # the last vector of 4 sums up three rows once more
op("bias", "x : f32 [5, 3]; b : f32 [3];", "y : f32 [5, 3];", "add(a=x, b=b)", 0, operations=15, bytes_read=72, bytes_written=60)
r = op("exp", "x : f32 [5];", "y : f32 [5];", "exp(input=x)", 0)
check("inspect: a function counts by its body", 5 * 8 < r["graphs"][0]["operations"] < 5 * 60, r["graphs"][0]["operations"])
r = op("view", "x : f32 [2, 3];", "y : f32 [3, 2];", "reshape(data=x, shape=[3, 2])", 0, operations=0)

# Free dims count at their bound, -D binds them; loops multiply, nested ones too.
path = graph("free", "x : f32 [S, 4]; w : f32 [4, 5];", "y : f32 [S, 5];", "y = op matmul(a=x, b=w); return y;", "dims { S <= 100; }")
expect("free", path, None, macs=100 * 4 * 5)
expect("free, bound", path, None, "-D", "S=10", macs=10 * 4 * 5)
loops = "h = x; loop a (i in 0..3) { block body { loop b (j in i..5) { block body { h = op matmul(a=h, b=w); yield h; } } yield h; } } return y = h;"
expect("loops", graph("loops", "x : f32 [4, 4]; w : f32 [4, 4];", "y : f32 [4, 4];", loops), None, macs=3 * 5 * 64)
trips = "h = x; loop a (i in 0..n) { block body { h = op matmul(a=h, b=w); yield h; } } return y = h;"
expect("trips of an input", graph("trips", "x : f32 [4, 4]; w : f32 [4, 4]; n : i32 [] with { min = 0, max = 9 };", "y : f32 [4, 4];", trips), None, macs=9 * 64)

# The dearer way of a branch counts, behind which both go on.
write("ways.nfg", """inputs { x : f32 [8, 8]; c : bool []; }
outputs { y : f32 [8, 8]; }
block entry { branch c ? one(x) : two(x); }
block one(h : f32 [8, 8]) { h = op matmul(a=h, b=x); branch last(h); }
block two(h : f32 [8, 8]) { h = op matmul(a=h, b=h); h = op matmul(a=h, b=x); branch last(h); }
block last(h : f32 [8, 8]) { y = op matmul(a=h, b=x); return y; }
""")
r = expect("ways", "ways.nfg", None, macs=3 * 512, branches=True)
check("inspect ways: kernels that are alike are one", sum(k["macs"] for k in r["graphs"][0]["kernels"]) == 4 * 512, r["graphs"][0]["kernels"])
write("back.nfg", """inputs { x : f32 []; }
outputs { y : f32 []; }
block entry { branch next(x); }
block next(h : f32 []) { h = op mul(a=h, b=0.5); c = op less(a=h, b=1.0); branch c ? done(h) : next(h); }
block done(h : f32 []) { return y = h; }
""")
expect("back", "back.nfg", None, jumps_back=True, operations=2)

# Several graphs: each has its part, --graph picks one.
write("two.nfg", """state { s : buffer(f32, [4, 4]); }
graph put { inputs { x : f32 [4, 4]; } outputs { y : f32 [4, 4]; } block entry { effect write(s, index=[:, :], value=x); y = op matmul(a=x, b=x); return y; } }
graph get { outputs { y : f32 [4, 4]; } block entry { v = effect read(s); y = op relu(x=v); return y; } }
""")
r = expect("two", "two.nfg", dict(state_bytes=64), macs=64)
check("inspect two: both graphs", [g["name"] for g in r["graphs"]] == ["put", "get"])
check("inspect --graph", [g["name"] for g in inspect("two.nfg", "--graph", "get")["graphs"]] == ["get"])
check("inspect --graph: an unknown one", nfc("inspect", "two.nfg", "--graph", "gett").returncode == 2)

# Parameters are counted once, in the type that the program keeps them in; constants are none.
write_package("shared.safetensors", {"w": np.zeros((4, 4), "float32"), "v": np.zeros((4, 4), "float32"), "h": np.zeros((4,), "float16")})
path = graph("shared", "x : f32 [4, 4]; z : f16 [4];", "y : f32 [4, 4]; u : f16 [4];",
             'a = op matmul(a=x, b=model["w"]); b = op matmul(a=a, b=model["v"]); y = op matmul(a=b, b=model["w"]); u = op add(a=z, b=model["h"]); return y = y, u = u;', 'model "shared.safetensors";')
r = inspect(path)
check("inspect shared: parameters", r["parameters"]["by_type"] == {"f16": {"bytes": 8, "count": 4}, "f32": {"bytes": 128, "count": 32}}, r["parameters"])
check("inspect shared: equal bytes are kept once", r["weight_bytes"] == 64 + 8, r["weight_bytes"])

# A table that is looked up, and that rows are multiplied by: once where it is read once and no cache holds it, else packed as well.
table = 2 * 4096 * 64 * 4
write_package("tied.safetensors", {"t": np.arange(table // 4, dtype="float32").reshape(-1, 64)})
for rows, times in ((1, 1), (24, 2)):
    path = graph(f"tied{rows}", f"x : i32 [{rows}];", f"y : f32 [{rows}, {table // 256}];",
                 'a = op gather(data=model["t"], indices=x); b = op transpose(data=model["t"], perm=[1, 0]); y = op matmul(a=a, b=b); return y;', 'model "tied.safetensors";')
    expect(f"tied, {rows} rows", path, dict(weight_bytes=times * table), "--device", "x86-avx512")

# Times follow from the device's rates: the roofline.
device = dict(name="slow", description="x", backend="c", compiler=dict(command="cc", standard="c99"), target=dict(byte_order="little", pointer_bits=64, libc=True, libm=True),
              units=[dict(name="cpu", kind="cpu", cores=1, clock_mhz=10, flops_per_cycle=2, levels=[dict(name="memory", cores=1, gb_per_s=0.5)])])
write("slow.json", json.dumps(device))
r = inspect("relu.nfg", "--device", "slow.json")
g = r["graphs"][0]
unit = {**device["units"][0], "levels": [{"name": "memory", "cores": 1, "gb_per_s": 0.5}]}
check("inspect: rates", r["device"] == {"name": "slow", "flops_per_us": 20, "bytes_per_us": 500, "data_bytes": 120, "data_in": "memory", "unit": unit}, r["device"])
check("inspect: time by arithmetic", g["time_us"] == 15 / 20 and g["kernels"][0]["bound_by"] == "compute", g)
device["units"][0]["levels"][0]["gb_per_s"] = 0.01
write("slow.json", json.dumps(device))
g = inspect("relu.nfg", "--device", "slow.json")["graphs"][0]
check("inspect: time by memory", g["time_us"] == 120 / 10 and g["kernels"][0]["bound_by"] == "memory", g)
device["limits"] = dict(arena_bytes=100)
write("slow.json", json.dumps(device))
out = nfc("inspect", "mlp.nfg", "--device", "slow.json")
check("inspect: what does not fit is shown and said", out.returncode == 3 and "of 100: too much" in out.stdout and "NFC0701" in out.stderr, out.stdout + out.stderr)

# The table.
out = nfc("inspect", "mlp.nfg").stdout
for part in ("13,120 f32: 13,120 in 52,480 bytes", "12,928 MACs", "h_matmul_add_relu", "mlp.nfg:11, 12, 13", "lower bound"):
    check(f"inspect: the table has '{part}'", part in out, out)
check("inspect: the same twice", nfc("inspect", "decode.nfg", "--json").stdout == nfc("inspect", "decode.nfg", "--json").stdout)
check("inspect: a bad graph", nfc("inspect", write("bad.nfg", "inputs {")).returncode == 1)
check("inspect: no graph", nfc("inspect").returncode == 2)
finish()
