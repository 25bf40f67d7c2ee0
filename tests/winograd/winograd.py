#!/usr/bin/env python3
"""Convolutions of 3 x 3 windows by Winograd's algorithm, of ragged sizes, as programs of several compilers.

usage: winograd.py NFC WORK

Each graph is a convolution between values that lie channels last, with and without an epilogue. Its results must lie
within the bound of passes/winograd.c around those of the convolution in f64."""
import json
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, "ops"))
sys.path.insert(0, os.path.join(TESTS, "device_effects"))
sys.path.insert(0, os.path.join(TESTS, "devices"))
import tensor_file
from contractions import convolved
from formats import Tensor
from shipped import shipped
from winograds import SIZE, matrices

U = 2.0**-24
CHECKED = ["-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# name: device, what the processor must have, compiler, flags that take the place of -O3; those with "blocks" in the name have
# caches that are so small that convolutions run a few rows at a time
ENGINES = {
    "avx512-gcc": ("x86-avx512", "avx512dq", "gcc", ["-O2"]),
    "avx512-checked": ("x86-avx512", "avx512dq", "clang-14", CHECKED),
    "avx512-blocks": ("x86-avx512", "avx512dq", "clang-14", CHECKED),
    "avx2-clang": ("x86-avx2", "avx2", "clang-14", ["-O2"]),
    "generic-gcc": ("generic", None, "gcc", ["-O2"]),
}
# name: N, C, H, W, M, pads, epilogue? Those that begin with "stride" are of stride 2.
TAKEN = {
    "one": (1, 1, 1, 1, 1, [1, 1, 1, 1], False),
    "row": (1, 16, 1, 40, 16, [1, 1, 1, 1], False),
    "column": (1, 3, 40, 1, 32, [1, 1, 1, 1], True),
    "whole": (1, 16, 8, 12, 16, [1, 1, 1, 1], False),
    "no_pads": (1, 32, 10, 18, 48, [0, 0, 0, 0], True),
    "ragged": (1, 17, 13, 11, 33, [1, 1, 1, 1], True),
    "batch": (2, 16, 9, 6, 32, [1, 1, 1, 1], True),
    "batch_ragged": (2, 5, 7, 15, 19, [1, 1, 1, 1], False),
    "uneven": (1, 32, 14, 14, 16, [0, 1, 2, 0], True),
    "far_pads": (1, 8, 5, 4, 24, [3, 5, 4, 6], False),
    "seven": (1, 70, 7, 7, 64, [1, 1, 1, 1], True),
    "wide": (1, 64, 6, 39, 70, [1, 0, 1, 2], False),
    "square": (1, 48, 40, 40, 16, [1, 1, 1, 1], True),
    "many": (1, 70, 3, 5, 70, [1, 1, 1, 1], True),
    "two": (2, 2, 2, 2, 2, [2, 2, 2, 2], False),
    "crowded": (1, 16, 32, 32, 16, [1, 1, 1, 1], True),
    "blocks": (1, 16, 38, 26, 32, [1, 1, 1, 1], True),
    "tall": (1, 16, 61, 30, 16, [1, 1, 1, 1], True),
    "tall_batch": (2, 8, 45, 26, 17, [0, 1, 2, 1], False),
    "stride_one": (1, 1, 1, 1, 1, [1, 1, 1, 1], False),
    "stride_row": (1, 16, 1, 40, 16, [1, 1, 1, 1], False),
    "stride_whole": (1, 16, 12, 18, 16, [1, 1, 1, 1], True),
    "stride_ragged": (2, 17, 13, 11, 33, [1, 1, 1, 1], True),
    "stride_uneven": (1, 32, 14, 17, 16, [0, 1, 2, 0], True),
    "stride_far_pads": (1, 8, 5, 4, 24, [3, 5, 4, 6], False),
    "stride_many": (1, 70, 20, 20, 70, [1, 1, 1, 1], True),
    "stride_blocks": (1, 16, 76, 50, 32, [1, 1, 1, 1], True),
    "stride_tall": (2, 16, 121, 30, 17, [1, 0, 0, 1], True),
}
# name: attributes, the window's extents, groups
NOT_TAKEN = {
    "strides": ("strides=[2, 1], pads=[1, 1, 1, 1]", (3, 3), 1),
    "far_stride": ("strides=[3, 3], pads=[1, 1, 1, 1]", (3, 3), 1),
    "dilation": ("dilations=[2, 2], pads=[2, 2, 2, 2]", (3, 3), 1),
    "groups": ("group=2, pads=[1, 1, 1, 1]", (3, 3), 2),
    "window": ("pads=[1, 2, 1, 2]", (3, 5), 1),
    "point": ("", (1, 1), 1),
}
GRAPH = """graph %s {
    inputs { x : f32 [%d, %d, %d, %d]; }
    outputs { y : f32 [%d, %d, %d, %d]; }
    block entry {
        a = op max_pool(x=x, kernel_shape=[1, 1]);
        c = op conv(x=a, w=model["%s.w"]%s, %s);
%s        y = op max_pool(x=c, kernel_shape=[1, 1]);
        return y;
    }
}
"""


class Wrong(Exception):
    pass


def stride_of(name):
    return 2 if name.startswith("stride") else 1


def module():
    """The text of all graphs, their weights and inputs."""
    rng, text, weights, inputs = np.random.default_rng(7), 'model "w.safetensors";\n', {}, {}
    numbers = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for name, (n, c, h, w, m, pads, epilogue) in TAKEN.items():
        stride = stride_of(name)
        height, width = (h + pads[0] + pads[2] - 3) // stride + 1, (w + pads[1] + pads[3] - 3) // stride + 1
        weights[name + ".w"], weights[name + ".b"], inputs[name] = numbers(m, c, 3, 3), numbers(m), numbers(n, c, h, w)
        more = ""
        if epilogue:
            weights[name + ".r"] = numbers(1, m, height, width)
            more = '        c = op add(a=c, b=model["%s.r"]);\n        c = op relu(x=c);\n' % name
        bias = ', b=model["%s.b"]' % name if epilogue else ""
        text += GRAPH % (name, n, c, h, w, n, m, height, width, name, bias, "pads=%s, strides=%s" % (pads, [stride] * 2), more)
    for name, (attributes, window, groups) in NOT_TAKEN.items():
        weights[name + ".w"], inputs[name] = numbers(32, 32 // groups, *window), numbers(1, 32, 16, 16)
        extents = {"strides": (8, 16), "far_stride": (6, 6)}.get(name, (16, 16))
        text += GRAPH % ((name, 1, 32, 16, 16, 1, 32) + extents + (name, "", attributes, ""))
    return text, weights, inputs


def expected(name, tile, weights, x):
    """The results in f64, and how far f32 ones may be from them: with B, W and T as winograds.py has them
    (C + 21) u |T'| ((|W| |g| |W'|) * (|B'| |x| |B|)) |T|, of stride 2 two more u, and a rounding of each step of the
    epilogue."""
    n, c, h, w, m, pads, epilogue = TAKEN[name]
    g = weights[name + ".w"].astype(np.float64)
    wide = lambda a: Tensor("f64", a.astype(np.float64))
    stride = stride_of(name)
    y = convolved(wide(x), wide(g), pads=pads, strides=[stride] * 2).data
    spread = convolved(wide(np.abs(x)), wide(np.abs(g)), pads=pads, strides=[stride] * 2).data
    bound = (9 * c + 1) * U * spread  # as it is
    if tile:
        tile = 3 if stride == 2 else tile
        b, wm, t = (np.abs(a) for a in matrices(tile))
        size = SIZE[tile]
        u = np.einsum("ia,kb,mcab->ikcm", wm, wm, np.abs(g))
        v = np.zeros((size, size, n, -(-y.shape[2] // tile), -(-y.shape[3] // tile), c))
        padded = np.pad(np.abs(x.astype(np.float64)), [(0, 0), (0, 0), (pads[0], pads[2] + size), (pads[1], pads[3] + size)])
        for i in range(v.shape[3]):
            for k in range(v.shape[4]):
                top, left = i * tile * stride, k * tile * stride
                seen = padded[:, :, top:top + size, left:left + size]
                v[:, :, :, i, k] = np.einsum("ia,kb,ncab->iknc", b, b, seen)
        z = np.einsum("ia,kb,abnhwm->nmhiwk", t, t, np.einsum("iknhwc,ikcm->iknhwm", v, u))
        bound = (c + (23 if stride == 2 else 21)) * U * z.reshape(n, m, v.shape[3] * tile, -1)[:, :, :y.shape[2], :y.shape[3]]
    if epilogue:
        for more in (weights[name + ".b"].reshape(-1, 1, 1), weights[name + ".r"]):
            y = y + more
            bound = bound + U * np.abs(y)
        bound, y = bound * (1 + U), np.maximum(y, 0)
    return y, bound


def call(command, cwd):
    p = subprocess.run(command, cwd=cwd, capture_output=True)
    if p.returncode:
        raise Wrong("%s\n%s" % (" ".join(command), (p.stdout + p.stderr).decode(errors="replace")[-3000:]))
    return p.stdout.decode() + p.stderr.decode()


def description(nfc, engine, work):
    device, _, compiler, flags = ENGINES[engine]
    d = shipped(nfc, device)
    kept = [f for f in d["compiler"]["flags"] if f not in ("-O2", "-O3")]
    d["compiler"].update(command=compiler, flags=kept + flags)
    if "-O0" in flags:
        d["compiler"]["link"] = d["compiler"].get("link", []) + flags[2:]
    if "blocks" in engine:
        for level in d["units"][0]["levels"]:
            if "bytes" in level:
                level["bytes"] //= 64
    path = os.path.join(work, engine + ".json")
    with open(path, "w") as f:
        json.dump(d, f)
    return path


def check_results(nfc, work, engine, choice, weights, inputs):
    """Every graph of a program; gives the largest error as a share of its bound."""
    out = os.path.join(work, engine + "-" + choice)
    call([nfc, "build", "w.nfg", "--device", description(nfc, engine, work), "--winograd=" + choice, "-o", out], work)
    with open(os.path.join(out, "w.c")) as f:
        source = f.read()
    if "not shown to be safe" in source:
        raise Wrong("%s: a schedule is not followed" % out)
    if "blocks" in engine and source.count("for (int64_t block") < 3:
        raise Wrong("%s: there are few blocks" % out)
    worst = 0
    for name, x in inputs.items():
        if name in NOT_TAKEN:
            continue
        file = os.path.join(work, name + ".npy")
        np.save(file, x)
        call([os.path.join(out, "w"), "--graph", name, "--input", "x=" + file, "--output", os.path.join(out, name)], work)
        got = np.load(os.path.join(out, name, "y.npy")).astype(np.float64)
        bounds = [expected(name, tile, weights, x) for tile in {"off": [0], "f2": [2], "f4": [4], "auto": [0, 2, 4]}[choice]]
        want, bound = bounds[0][0], np.max([b for _, b in bounds], axis=0)
        if got.shape != want.shape or not np.all(np.abs(got - want) <= bound):
            raise Wrong("%s %s %s: %g beyond the bound" % (engine, choice, name, np.max(np.abs(got - want) - bound)))
        worst = max(worst, np.max(np.abs(got - want) / np.maximum(bound, 1e-300)))
    return worst


def check_threads(nfc, work, engine, choice):
    """The same bits from several threads."""
    alone, out = os.path.join(work, engine + "-" + choice), os.path.join(work, engine + "-threads")
    call([nfc, "build", "w.nfg", "--device", description(nfc, engine, work), "--winograd=" + choice, "--threads=3", "-o", out], work)
    for name in TAKEN:
        call([os.path.join(out, "w"), "--graph", name, "--input", "x=" + os.path.join(work, name + ".npy"), "--output", os.path.join(out, name)], work)
        got, want = (np.load(os.path.join(folder, name, "y.npy")) for folder in (out, alone))
        if got.tobytes() != want.tobytes():
            raise Wrong("%s: three threads give other bits" % name)


def dumped(nfc, work, *options):
    return call([nfc, "check", "w.nfg", "--device", "x86-avx512", "--dump=winograd", *options], work)


def check_taken(nfc, work):
    """Each graph has the transforms, or has none."""
    for choice in ("f2", "f4"):
        graphs = dict(g.split(None, 1) for g in re.split(r"^graph ", dumped(nfc, work, "--winograd=" + choice), flags=re.M)[1:])
        for name in [*TAKEN, *NOT_TAKEN]:
            if ("winograd_output" in graphs[name]) != (name in TAKEN):
                raise Wrong("%s: %s" % (name, graphs[name]))


# From what the caller gives, to what it gets, which lie with their channels apart, and between other values.
ENDS = """model "ends.safetensors";
inputs { x : f32 [1, 64, 28, 28]; }
outputs { y : f32 [1, 64, 28, 28]; z : f32 [1, 64, 28, 28]; }
block entry {
    a = op conv(x=x, w=model["w"], pads=[1, 1, 1, 1]);
    a = op relu(x=a);
    b = op conv(x=a, w=model["w"], pads=[1, 1, 1, 1]);
    b = op relu(x=b);
    c = op conv(x=b, w=model["w"], pads=[1, 1, 1, 1]);
    y = op relu(x=c);
    z = op mul(a=y, b=2.0);
    return y, z;
}
"""


def check_choice(nfc, work):
    """By itself for devices with vectors and room; never with --strict."""
    d = shipped(nfc, "x86-avx512")
    d.setdefault("limits", {})["arena_bytes"] = 1 << 30
    with open(os.path.join(work, "limited.json"), "w") as f:
        json.dump(d, f)
    for options, want in (([], True), (["--winograd=auto"], True), (["--winograd=off"], False), (["--strict"], False), (["--strict", "--winograd=off"], False),
                          (["--layout=plain"], False), (["--layout=plain", "--winograd=f2"], True), (["--device", "limited.json"], False),
                          (["--device", "limited.json", "--winograd=f4"], True), (["--device", "c99-scalar"], False)):
        if ("winograd_output" in dumped(nfc, work, *options)) != want:
            raise Wrong("%s: the transforms are %s" % (options, "missing" if want else "there"))
    with open(os.path.join(work, "ends.nfg"), "w") as f:
        f.write(ENDS)
    tensor_file.save(os.path.join(work, "ends.safetensors"), {"w": np.ones((64, 64, 3, 3), np.float32)})
    for options, want in (([], 1), (["--winograd=f4"], 3)):
        found = call([nfc, "check", "ends.nfg", "--device", "x86-avx512", "--dump=winograd", *options], work).count(" winograd_output(")
        if found != want:
            raise Wrong("%s: %d of the convolutions have transforms" % (options, found))
    for options, text in ((["--strict", "--winograd=f2"], "changes roundings"), (["--winograd=f3"], "auto, off, f2 or f4")):
        p = subprocess.run([nfc, "check", "w.nfg", *options], cwd=work, capture_output=True)
        if p.returncode == 0 or text not in p.stderr.decode():
            raise Wrong("%s: %s" % (options, p.stderr.decode()))


def check_planes(nfc, work):
    """The planes of transformed input: a line further apart where they would lie in few sets of the nearest cache, of 64 sets."""
    report = json.loads(call([nfc, "inspect", "w.nfg", "--device", "x86-avx512", "--winograd=f4", "--json"], work))
    for name, want in (("crowded", 36 * (64 * 16 * 4 + 64)), ("square", 36 * (100 * 48 * 4))):
        arena = next(g for g in report["graphs"] if g["name"] == name)["arena"]
        if want not in [b["bytes"] for b in arena["buffers"]]:
            raise Wrong("%s: no buffer of %d bytes among %s" % (name, want, arena["buffers"]))


def main():
    nfc, work = sys.argv[1:]
    text, weights, inputs = module()
    tensor_file.save(os.path.join(work, "w.safetensors"), weights)
    with open(os.path.join(work, "w.nfg"), "w") as f:
        f.write(text)
    with open("/proc/cpuinfo") as f:
        processor = set(f.read().split())
    unable, done = [], 0
    try:
        check_taken(nfc, work)
        check_choice(nfc, work)
        check_planes(nfc, work)
        for engine, (device, needs, _, _) in ENGINES.items():
            if needs and needs not in processor:
                unable.append("%s: the processor has no %s" % (device, needs))
                continue
            for choice in ("f2", "f4", "auto") if engine == "avx512-checked" else ("f2", "f4"):
                worst = check_results(nfc, work, engine, choice, weights, inputs)
                print("winograd: %s %s: %d graphs, errors at most %.2f of their bounds" % (engine, choice, len(TAKEN), worst))
                done += len(TAKEN)
            if "blocks" in engine:
                check_threads(nfc, work, engine, "f4")
    except Wrong as e:
        print("FAILED", e)
        return 1
    print("tests/winograd: %d results within their bounds%s" % (done, "; NOT TESTED: " + "; ".join(unable) if unable else ""))
    return 77 if unable else 0


sys.exit(main())
