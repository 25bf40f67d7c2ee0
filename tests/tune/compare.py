"""compare.py NFC WORK: the graph built with schedules of all kinds gives what it gives without, and files of schedules that
are wrong are said to be. The last line: how many checks passed and failed."""
import itertools
import json
import os
import random
import re
import subprocess
import sys

import numpy as np

NFC, WORK = sys.argv[1], sys.argv[2]
HEAD = "nfc-schedules 1\ndevice x86-avx2\n"
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED tune/%s: %s" % (name, what))


def run(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def build(name, schedules, more=()):
    return run([NFC, "build", "graph.nfg", "--device", "x86-avx2", "--chains=off", "--schedules", schedules, "-o", name] + list(more))


def results(name):
    p = run([os.path.join(name, "graph"), "--output", name + ".out"] + inputs)
    assert p.returncode == 0, p.stderr
    return {k: np.load(os.path.join(name + ".out", k + ".npy")) for k in "yztv"}


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


os.chdir(WORK)
rng, inputs = np.random.RandomState(1), []
for name, shape in (("x", (1, 5, 13, 17)), ("w", (19, 5, 3, 3)), ("b", (19,)), ("k", (19, 37))):
    np.save(name + ".npy", rng.standard_normal(shape).astype(np.float32))
    inputs += ["--input", "%s=%s.npy" % (name, name)]
p = build("plain", "none.schedules")
check("none", p.returncode == 0, p.stderr)
plain = results("plain")
with open("plain/report.json") as f:
    kernels = [k for g in json.load(f)["graphs"] for k in g["kernels"]]
check("keys", len({k["key"] for k in kernels}) == len(kernels) and all(re.fullmatch("[0-9a-f]{16}", k["key"]) for k in kernels), kernels)

# ---- any schedule ------------------------------------------------------------------------------------

heads = set()
for n, (lanes, along, vectors, rows, down, outside, blocks) in enumerate([
        (8, 3, 1, 1, -1, 0, ""), (4, 2, 2, 5, 1, 0, ""), (8, 1, 1, 3, 2, 1, ""), (2, 3, 3, 2, 1, 1, " wide 0"), (4, 1, 1, 4, 0, 0, " deep 0 high 0"), (8, 0, 1, 1, -1, 0, ""),
        (8, 2, 1, 2, 0, 1, " deep 2"), (4, 0, 2, 3, 2, 1, " deep 3 high 2 wide 1"), (4, 0, 1, 3, 2, 1, " deep 4 wide 2"), (8, 2, 1, 2, 0, 1, " high 1"), (8, 0, 1, 1, -1, 0, " deep 2"), (2, 1, 1, 5, 0, 0, "")]):
    words = "lanes %d along %d vectors %d rows %d down %d outside %d unroll %d%s" % (lanes, along, vectors, rows, down, outside, 0 if blocks else n % 3, blocks)
    path = write("any%d.schedules" % n, HEAD + "".join("kernel %s %s\n" % (k["key"], words) for k in kernels))
    p = build("any%d" % n, path)
    warned = [line for line in p.stderr.splitlines() if re.match(r"\S", line)]
    check("any%d" % n, p.returncode == 0 and all("warning[NFC0512]" in w for w in warned), p.stderr)
    got = results("any%d" % n)
    for k in plain:
        scale = np.abs(plain[k]).max()
        check("any%d %s" % (n, k), np.abs(got[k] - plain[k]).max() <= 1e-5 * scale, np.abs(got[k] - plain[k]).max())
    with open("any%d/report.json" % n) as f:
        heads.add(tuple(k["schedule"] for g in json.load(f)["graphs"] for k in g["kernels"]))
check("heads", len(heads) >= 4, heads)
check("blocks", sum("in blocks of" in k for h in heads for k in h if k) >= 3, heads)

# ---- files that are wrong ----------------------------------------------------------------------------

LINE = "kernel 0123456789abcdef lanes 4 along 2 vectors 2 rows 5 down 1 outside 0 unroll 0"
for name, text, place in [
    ("empty", "", "1:1"),
    ("head", "schedules 1\n", "1:1"),
    ("version", "nfc-schedules 2\n", "1:15"),
    ("no version", "nfc-schedules\n", "1:14"),
    ("no device", "nfc-schedules 1\n" + LINE + "\n", "2:1"),
    ("device without name", "nfc-schedules 1\ndevice\n", "2:7"),
    ("device with more", "nfc-schedules 1\ndevice a b\n", "2:10"),
    ("word", HEAD + "kernels 0123456789abcdef\n", "3:1"),
    ("short key", HEAD + "kernel 0123 lanes 4\n", "3:8"),
    ("upper case key", HEAD + LINE.replace("abcdef", "ABCDEF") + "\n", "3:8"),
    ("no key", HEAD + "kernel\n", "3:7"),
    ("no field", HEAD + LINE.replace(" outside 0", "") + "\n", "3:73"),
    ("unknown field", HEAD + LINE.replace("rows", "row") + "\n", "3:51"),
    ("field twice", HEAD + LINE + " rows 5\n", "3:84"),
    ("no number", HEAD + LINE.replace("rows 5", "rows five") + "\n", "3:56"),
    ("fraction", HEAD + LINE.replace("rows 5", "rows 5.5") + "\n", "3:56"),
    ("too many", HEAD + LINE.replace("lanes 4", "lanes 128") + "\n", "3:31"),
    ("too few", HEAD + LINE.replace("rows 5", "rows 0") + "\n", "3:56"),
    ("enormous", HEAD + LINE.replace("rows 5", "rows 99999999999999999999") + "\n", "3:56"),
    ("no time", HEAD + LINE + " us\n", "3:86"),
    ("infinite", HEAD + LINE + " us 1e999\n", "3:87"),
    ("hexadecimal", HEAD + LINE + " us 0x10\n", "3:87"),
    ("fields of picked", HEAD + "picked 0123456789abcdef lanes 4\n", "3:25"),
    ("NUL", HEAD + "kernel \0\n", "3:1"),
]:
    p = build("wrong", write("wrong.schedules", text), ["--emit=sources"])
    check("wrong %s" % name, p.returncode == 1 and "wrong.schedules:%s: error[NFC0511]" % place in p.stderr, p.stderr)
p = build("wrong", write("wrong.schedules", HEAD + "bad\n" + LINE + "\nworse\n"), ["--emit=sources"])
check("wrong lines are all named", p.returncode == 1 and "schedules:3:1: error" in p.stderr and "schedules:5:1: error" in p.stderr, p.stderr)
p = build("warned", write("w.schedules", HEAD + LINE + " # of another graph\n\n# a comment\n"), ["--emit=sources"])
check("stranger", p.returncode == 0 and "w.schedules:3:1: warning[NFC0512]: the graph has no such kernel" in p.stderr, p.stderr)
p = build("warned", write("w.schedules", HEAD.replace("avx2", "avx512") + LINE + "\n"), ["--emit=sources"])
check("another device", p.returncode == 0 and p.stderr == "", p.stderr)
key = next(k["key"] for k in kernels if "conv" in k["name"])
p = build("warned", write("w.schedules", HEAD + LINE.replace("0123456789abcdef", key).replace("along 2", "along 9")), ["--emit=sources"])
check("unfit", p.returncode == 0 and "w.schedules:3:1: warning[NFC0512]: the kernel cannot have" in p.stderr, p.stderr)
p = run([NFC, "tune", "graph.nfg", "--device", "x86-avx2", "-o", write("wrong.schedules", "nonsense\n")])
check("tune reads what is there", p.returncode == 1 and "wrong.schedules:1:1: error[NFC0511]" in p.stderr and open("wrong.schedules").read() == "nonsense\n", p.stderr)

# What is broken at random is read, or said to be wrong.
r, good = random.Random(1), (HEAD + "".join(LINE.replace("0123456789abcdef", k["key"]) + " us 1.5 tried 3 # x\n" for k in kernels)).encode()
for n in range(60):
    data = bytearray(good)
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(data))
        kind = r.randrange(3)
        if kind == 0: data[at] = r.randrange(256)
        elif kind == 1: del data[at:at + r.randrange(1, 9)]
        else: data[at:at] = bytes(data[r.randrange(len(data)):][:r.randrange(1, 20)])
    with open("broken.schedules", "wb") as f:
        f.write(data)
    p = build("broken", "broken.schedules", ["--emit=sources"])
    check("broken %d" % n, p.returncode in (0, 1) and (p.returncode == 0) == ("error" not in p.stderr), "%d %s" % (p.returncode, p.stderr[:300]))
print(passed, failed)
sys.exit(failed > 0)
