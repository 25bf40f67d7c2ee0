"""base.py NFC: what a description with a base comes to, and who is told of it.

Prints each failure, and last "PASSED FAILED".
"""
import copy
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from shipped import shipped

NFC = os.path.abspath(sys.argv[1])
HERE = pathlib.Path(__file__).resolve().parent
FULL = json.loads((HERE / "full.json").read_text())
passed = failed = 0
os.chdir(tempfile.mkdtemp())


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {what}")


def nfc(*words, **more):
    return subprocess.run([NFC, *map(str, words)], capture_output=True, text=True, **more)


def write(path, **tree):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(json.dumps(tree))


def comes_to(what, changed, base="of.json", **own):
    """A description based on full.json is full.json as changed() leaves it, which is given the tree and its larger unit."""
    write("of.json", **FULL)
    write("it.json", base=base, name="it", **own)
    want = copy.deepcopy(FULL)
    want.update(name="it")
    del want["description"]
    changed(want, want["units"][1])
    want.update({k: own[k] for k in ("description",) if k in own})
    r = nfc("devices", "./it.json", "--json")
    check(r.returncode == 0 and json.loads(r.stdout) == want, f"{what}: {r.stderr or r.stdout}")


def big(**own):
    return {"units": [{"name": "big", **own}]}


def put(tree, **values):
    tree.update(values)


def taken(tree, *keys):
    for k in keys:
        del tree[k]


spelled = lambda op, lanes, text: {"op": op, "type": "f32", "lanes": lanes, "text": text}
level = lambda name, size, cores=2: {"name": name, "bytes": size, "cores": cores}

# objects key by key, rows by what they are known by, all else as a whole
comes_to("nothing", lambda d, u: None)
comes_to("a description of its own", lambda d, u: None, description="mine")
comes_to("a value", lambda d, u: put(d["target"], alignment=32), target={"alignment": 32})
comes_to("a list of words", lambda d, u: put(d["compiler"], flags=["-O1"]), compiler={"flags": ["-O1"]})
comes_to("a list of words that is empty", lambda d, u: put(d["compiler"], run=[]), compiler={"run": []})
comes_to("a key that the base does not have", lambda d, u: put(d["units"][0], latency=9), units=[{"name": "little", "latency": 9}])
comes_to("a value of a unit", lambda d, u: put(u, cores=3), **big(cores=3))
comes_to("a level", lambda d, u: put(u["levels"][1], bytes=2097152), **big(levels=[{"name": "L2", "bytes": 2097152}]))
comes_to("an instruction", lambda d, u: put(u["instructions"][0], text="other($0)"), **big(instructions=[{**FULL["units"][1]["instructions"][0], "text": "other($0)"}]))
comes_to("an instruction for other lanes", lambda d, u: u["instructions"].append(spelled("sqrt", 2, "two($0)")), **big(instructions=[spelled("sqrt", 2, "two($0)")]))
comes_to("an instruction of tiles", lambda d, u: put(u["tiles"]["instructions"][2], text="none($0)"),
         **big(tiles={"instructions": [{"op": FULL["units"][1]["tiles"]["instructions"][2]["op"], "text": "none($0)"}]}))
comes_to("a number of tiles", lambda d, u: put(u["tiles"], permission=7), **big(tiles={"permission": 7}))

# null takes away: a key, or with a key that a row cannot be without the row
comes_to("a key taken away", lambda d, u: taken(d["limits"], "stack_bytes"), limits={"stack_bytes": None})
comes_to("an object taken away", lambda d, u: taken(d, "limits"), limits=None)
comes_to("a list taken away", lambda d, u: taken(u, "instructions"), **big(instructions=None))
comes_to("a key of a row taken away", lambda d, u: taken(u["levels"][2], "gb_per_s"), **big(levels=[{"name": "memory", "gb_per_s": None}]))
comes_to("an instruction taken away", lambda d, u: u["instructions"].pop(0), **big(instructions=[{**FULL["units"][1]["instructions"][0], "text": None}]))
comes_to("a level taken away", lambda d, u: u["levels"].pop(1), **big(levels=[{"name": "L2", "cores": None}]))
comes_to("a unit taken away", lambda d, u: (d["units"].pop(0), u["levels"][2].update(cores=2)),
         units=[{"name": "little", "kind": None}, {"name": "big", "levels": [{"name": "memory", "cores": 2}]}])

# new rows stand before the one that they are followed by, or behind all
comes_to("a level between two", lambda d, u: u["levels"].insert(2, level("L3", 4194304)), **big(levels=[level("L3", 4194304), {"name": "memory"}]))
comes_to("two levels, one of them first", lambda d, u: (u["levels"].insert(0, level("L0", 1024, 1)), u["levels"].insert(3, level("L3", 4194304))),
         **big(levels=[level("L0", 1024, 1), {"name": "L1"}, level("L3", 4194304), {"name": "memory"}]))
comes_to("a unit behind the others", lambda d, u: d["units"].append({**FULL["units"][0], "name": "third"}), units=[{**FULL["units"][0], "name": "third"}])

# where bases are: from the folder of the file that names them, and among those that the compiler carries
write("deep/er/middle.json", base="../../of.json", name="middle", description="not mine", target={"alignment": 32})
comes_to("a base of a base", lambda d, u: put(d["target"], alignment=32), base="deep/er/middle.json")
comes_to("a base by its whole path", lambda d, u: None, base=os.path.abspath("of.json"))
write("deep/er/less.json", base="../../of.json", name="less", limits=None)
comes_to("a base that takes away", lambda d, u: taken(d, "limits"), base="deep/er/less.json")
for name in ("generic", "x86-amx", "aarch64-bf16"):
    write("carried.json", base=name, name=name)
    d, want = json.loads(nfc("devices", "./carried.json", "--json").stdout), shipped(NFC, name)
    del want["description"]
    check(d == want, f"based on {name}: {d}")
write("carried.json", base="host", name="mine", target={"alignment": 16})
d, want = json.loads(nfc("devices", "./carried.json", "--json").stdout), shipped(NFC, "host")
del want["description"]
want.update(name="mine")
want["target"]["alignment"] = 16
check(d == want, f"based on host: {d}")
check("base          host\n" in nfc("devices", "./carried.json").stdout, "nfc devices names the base")

# what is made for it: the manifest has the digests of all files, and a program is made anew when a base is another
pathlib.Path("one.nfg").write_text("graph one {\n  inputs {\n    x : f32 [4];\n  }\n  outputs {\n    y : f32 [4];\n  }\n  block entry {\n    y = op add(a=x, b=x);\n    return y;\n  }\n}\n")
generic = shipped(NFC, "generic")
write("of.json", **generic)
write("deep/middle.json", base="../of.json", name="middle")
write("it.json", base="deep/middle.json", name="it")
r = nfc("build", "one.nfg", "--device", "./it.json", "--emit=sources", "-o", "out")
check(r.returncode == 0, f"nfc build: {r.stderr}")
device = json.loads(pathlib.Path("out/manifest.json").read_text())["inputs"]["device"]
digest = lambda path: {"file": os.path.basename(path), "sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()}
check(device == {**digest("it.json"), "name": "it", "bases": [digest("deep/middle.json"), digest("of.json")]}, f"the manifest: {device}")
r = nfc("build", "one.nfg", "--device", "x86-sse2", "--emit=sources", "-o", "plain")
device = json.loads(pathlib.Path("plain/manifest.json").read_text())["inputs"]["device"]
check(r.returncode == 0 and "bases" not in device, f"the manifest without bases: {device}")
environment = {**os.environ, "XDG_CACHE_HOME": os.path.abspath("cache")}
pathlib.Path("x.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }".ljust(117).encode() + b"\n" + bytes(16))
built = lambda: nfc("run", "one.nfg", "--device", "./it.json", "--input", "x=x.npy", "--output", "y", env=environment).returncode == 0 and len([p for p in pathlib.Path("cache/nfc").iterdir() if p.is_dir()])
first, again = built(), built()
write("of.json", **{**generic, "target": {**generic["target"], "alignment": 32}})
other = built()
check((first, again, other) == (1, 1, 2), f"nfc run: {first}, {again}, {other} programs are kept")
print(passed, failed)
