"""nfc test: golden tests of users."""
import os
import shutil
import tempfile
import xml.etree.ElementTree as xml
import numpy as np
from checks import check, close, finish, nfc, program, quick_device, write

SCRATCH = os.path.abspath("scratch")
os.makedirs(SCRATCH)
ENV = dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache"), TMPDIR=SCRATCH)
DEVICE = quick_device()
rng = np.random.default_rng(2)


def test(*args):
    return nfc("test", *args, "--device", DEVICE, env=ENV)


def case(folder, **arrays):
    os.makedirs(folder, exist_ok=True)
    for name, array in arrays.items():
        np.save(f"{folder}/{name}.npy", array)
    return folder


# Bless and test, a folder of cases in both layouts.
mlp = program("mlp")
f32 = lambda *shape: rng.standard_normal(shape).astype("f4")
case("g/one", x=f32(1, 64))
case("g/two/in", x=f32(1, 64))
write("g/README.md", "not a case")
write("g/one/notes.txt", "not a tensor")
out = test(mlp, "--golden", "g")
check("test: outputs that are missing", out.returncode == 1 and out.stderr.count("NFC0510") == 2 and "--bless" in out.stderr and not out.stdout, out.stderr)
out = test(mlp, "--golden", "g", "--bless")
check("test --bless: writes both layouts", out.returncode == 0 and os.path.exists("g/one/y.npy") and os.path.exists("g/two/out/y.npy"), out.stderr)
check("test --bless: says whose they are", "simulator" in out.stdout, out.stdout)
check("test --bless: leaves nothing else", sorted(os.listdir("g/one")) == ["notes.txt", "x.npy", "y.npy"] and os.listdir("g/two/out") == ["y.npy"])
nfc("sim", mlp, "--input", "x=g/one/x.npy", "--output", "o")
check("test --bless: they are the simulator's", np.load("g/one/y.npy").tobytes() == np.load("o/y.npy").tobytes())
out = test(mlp, "--golden", "g/", "--junit", "r.xml")
check("test: passes", out.returncode == 0 and "2 cases, 2 outputs: 2 ok, 0 failed" in out.stdout and not out.stderr, out.stdout + out.stderr)
suite = xml.parse("r.xml").getroot()[0]
check("test --junit: counts", (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("mlp", "2", "0", "0"))
check("test --junit: names", [(t.get("classname"), t.get("name"), len(t)) for t in suite] == [("mlp.one", "y", 0), ("mlp.two", "y", 0)])
out = test(mlp, "--golden", "g/one", "--tolerance", "64ulp")
check("test: one case by itself", out.returncode == 0 and "1 case, 1 output: 1 ok" in out.stdout, out.stdout + out.stderr)
y = np.load("g/one/y.npy")

# Differences are found, and said.
bad = y.copy()
bad[0, 3] += 1e-3
case("g/one", y=bad)
out = test(mlp, "--golden", "g", "--junit", "r.xml")
check("test: a difference", out.returncode == 1 and "FAIL  one: y: 1 of 10 elements differ" in out.stdout and "at [0, 3]" in out.stdout and "ok    two: y" in out.stdout, out.stdout)
suite = xml.parse("r.xml").getroot()[0]
check("test --junit: failures", suite.get("failures") == "1" and "at [0, 3]" in suite[0][0].get("message") and suite[0][0].tag == "failure")
scale = float(np.abs(bad).max())
worst = float(np.abs(bad - y).max()) / scale
check("test --tolerance: a part of the scale", test(mlp, "--golden", "g", "--tolerance", worst * 1.1).returncode == 0 and test(mlp, "--golden", "g", "--tolerance", worst * 0.9).returncode == 1)
case("g/one", y=y[0])
out = test(mlp, "--golden", "g")
check("test: another shape", out.returncode == 1 and "the expected shape is [10], the output's is [1, 10]" in out.stdout, out.stdout)
case("g/one", y=y.astype("f8"))
out = test(mlp, "--golden", "g")
check("test: another type", out.returncode == 1 and "f8" in out.stdout and "f4" in out.stdout, out.stdout)
write("g/one/y.npy", "nonsense")
out = test(mlp, "--golden", "g")
check("test: a damaged file", out.returncode == 1 and "NFC0507" in out.stderr, out.stderr)
case("g/one", y=y, z=y)
out = test(mlp, "--golden", "g")
check("test: a file of no port", out.returncode == 1 and "g/one/z.npy" in out.stderr and "no input or output 'z'" in out.stderr and not out.stdout, out.stderr)
os.remove("g/one/z.npy")
case("g/two", x=y)
out = test(mlp, "--golden", "g")
check("test: a file beside in/ and out/", out.returncode == 1 and "beside the folders" in out.stderr, out.stderr)
os.remove("g/two/x.npy")
os.rename("g/two/in/x.npy", "g/two/in/xx.npy")
out = test(mlp, "--golden", "g")
check("test: an input that is missing", out.returncode == 1 and "the file of input 'x', f32 [1, 64], is missing" in out.stderr and "no input 'xx'" in out.stderr, out.stderr)
os.rename("g/two/in/xx.npy", "g/two/in/x.npy")
case("g/two/in", x=f32(1, 65))
out = test(mlp, "--golden", "g", "--junit", "r.xml")
check("test: a run that fails", out.returncode == 1 and "FAIL  two: the program ended with status" in out.stdout and "ok    one: y" in out.stdout, out.stdout)
check("test --junit: errors", xml.parse("r.xml").getroot()[0].get("errors") == "1")
out = test(mlp, "--golden", "g", "--bless")
check("test --bless: an input that does not fit", out.returncode == 1 and "NFC1001" in out.stderr, out.stderr)

# Every type: what is equal, and what is not.
write("types.nfg", """inputs { f : f32 [6]; b : bf16 [3]; h : f16 [3]; i : i32 [3]; u : u64 [2]; t : bool [2]; s : f32 []; }
outputs { fo : f32 [6]; bo : bf16 [3]; ho : f16 [3]; io : i32 [3]; uo : u64 [2]; to : bool [2]; so : f32 []; }
block entry {
    fo = op identity(input=f); bo = op identity(input=b); ho = op identity(input=h); io = op identity(input=i);
    uo = op identity(input=u); to = op identity(input=t); so = op identity(input=s);
    return fo = fo, bo = bo, ho = ho, io = io, uo = uo, to = to, so = so;
}
""")
plain = dict(f=np.array([1, -2, np.nan, np.inf, -np.inf, 0], "f4"), b=np.array([0x3f80, 0x4000, 0x7fc0], "u2"), h=np.array([1, 2, np.nan], "f2"),
             i=np.array([1, -2, 3], "i4"), u=np.array([2**64 - 1, 5], "u8"), t=np.array([True, False]), s=np.float32(2.5))
case("t/in", **plain)
check("test types: blessed", test("types.nfg", "--golden", "t", "--bless").returncode == 0)
out = test("types.nfg", "--golden", "t", "--tolerance", "0")
check("test types: all are equal", out.returncode == 0 and out.stdout.count("equal") == 7, out.stdout + out.stderr)


def changed(name, index, value, tolerance="1e-5"):
    """What the test says of an output with one element that differs."""
    array = np.load(f"t/out/{name}.npy")
    kept = array.copy()
    array[index] = value
    np.save(f"t/out/{name}.npy", array)
    out = test("types.nfg", "--golden", "t", "--tolerance", tolerance)
    np.save(f"t/out/{name}.npy", kept)
    failed = [line for line in out.stdout.splitlines() if line.startswith("FAIL")]
    check(f"test types: only {name} is concerned", all(f": {name}: " in line for line in failed), out.stdout)
    return out.returncode, failed


check("test types: integers are exact", changed("io", 1, -3, "1e9")[0] == 1)
check("test types: unsigned 64 bits", "18446744073709551615 where 18446744073709551614" in str(changed("uo", 0, 2**64 - 2, "1e9")))
check("test types: bools", "true where false" in str(changed("to", 0, False, "1e9")))
check("test types: NaN is no number", changed("fo", 2, 1.0, "1e9")[0] == 1 and changed("fo", 0, np.nan, "1e9")[0] == 1)
check("test types: infinities have signs", changed("fo", 3, -np.inf, "1e9")[0] == 1 and changed("fo", 3, 3e38, "1e9")[0] == 1)
check("test types: NaNs of other bits", changed("bo", 2, 0xffc1, "0")[0] == 0)
check("test types: bf16 by its values", changed("bo", 0, 0x3f81, "0.01")[0] == 0 and changed("bo", 0, 0x3f81, "0.003")[0] == 1)
check("test types: f32 ulp", changed("fo", 0, np.nextafter(np.float32(1), np.float32(2)), "1ulp")[0] == 0 and changed("fo", 0, np.float32(1 + 2**-22), "1ulp")[0] == 1)
check("test types: bf16 ulp", changed("bo", 1, 0x4002, "2ulp")[0] == 0 and changed("bo", 1, 0x4003, "2ulp")[0] == 1)
check("test types: ulp across zero", changed("fo", 5, np.float32(-1e-45), "1ulp")[0] == 0 and changed("fo", 5, -0.0, "0ulp")[0] == 0)
check("test types: a scalar", changed("so", (), 2.6)[0] == 1)

# One name for an input and an output.
write("same.nfg", "inputs { x : f32 [2]; } outputs { x : f32 [2]; } block entry { y = op neg(x=x); return x = y; }")
case("same", x=f32(2))
out = test("same.nfg", "--golden", "same", "--bless")
check("test: one name wants in/ and out/", out.returncode == 1 and "same/in" in out.stderr, out.stderr)
os.makedirs("same/in")
os.rename("same/x.npy", "same/in/x.npy")
check("test: which then do", test("same.nfg", "--golden", "same", "--bless").returncode == 0 and test("same.nfg", "--golden", "same").returncode == 0)

# States: every case begins with zeros. Several graphs: one is named. No inputs: an empty folder will do.
write("count.nfg", """state { total : buffer(f32, [2]); }
graph add { inputs { x : f32 [2]; } outputs { t : f32 [2]; } block entry { o = effect read(total); t = op add(a=o, b=x); effect write(total, index=[:], value=t); return t; } }
graph show { outputs { t : f32 [2]; } block entry { t = effect read(total); return t; } }
""")
for k in range(3):
    case(f"sums/{k}", x=np.array([k, 1], "f4"))
check("test: which graph", test("count.nfg", "--golden", "sums").returncode == 2)
check("test --graph: blessed", test("count.nfg", "--golden", "sums", "--graph", "add", "--bless").returncode == 0)
check("test: cases begin with zeros", np.load("sums/2/t.npy").tolist() == [2, 1])
out = test("count.nfg", "--golden", "sums", "--graph", "add")
check("test --graph: passes", out.returncode == 0 and "3 cases, 3 outputs: 3 ok" in out.stdout, out.stdout + out.stderr)
os.makedirs("none")
check("test: no inputs", test("count.nfg", "--golden", "none", "--graph", "show", "--bless").returncode == 0 and test("count.nfg", "--golden", "none", "--graph", "show").returncode == 0)

# A run error of one case does not hide the others.
write("pick.nfg", "inputs { x : f32 [4]; i : i32 [2]; } outputs { y : f32 [2]; } block entry { y = op gather(data=x, indices=i); return y; }")
for k, i in enumerate(([0, 3], [1, 2])):
    case(f"pick/{k}", x=f32(4), i=np.array(i, "i4"))
test("pick.nfg", "--golden", "pick", "--bless")
case("pick/0", i=np.array([0, 9], "i4"))
out = test("pick.nfg", "--golden", "pick")
check("test: a run error", out.returncode == 1 and "FAIL  0: the program ended" in out.stdout and "ok    1: y: equal" in out.stdout, out.stdout)

# Usage.
check("test: no folder is named", test(mlp).returncode == 2)
check("test: a folder that is not there", test(mlp, "--golden", "nowhere").returncode == 5)
os.makedirs("empty")
out = test(mlp, "--golden", "empty")
check("test: a folder without cases", out.returncode == 1 and "no cases" in out.stderr and "x.npy: f32 [1, 64]" in out.stderr, out.stderr)
for text in ("-1", "x", "3 ulp", "inf", "nan", ""):
    check(f"test --tolerance '{text}'", test(mlp, "--golden", "g", "--tolerance", text).returncode == 2)
check("test: --junit and --bless", test(mlp, "--golden", "g", "--bless", "--junit", "r.xml").returncode == 2)
wrapped = quick_device("wrapped", run=["env"])
case("w", x=f32(1, 64))
nfc("test", mlp, "--golden", "w", "--bless", "--device", wrapped, env=ENV)
check("test: by what the device says", nfc("test", mlp, "--golden", "w", "--device", wrapped, env=ENV).returncode == 0)
check("test: leaves nothing behind", os.listdir(SCRATCH) == [], os.listdir(SCRATCH))
finish()
