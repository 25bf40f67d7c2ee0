"""nfc itself: help, version, and the drawing of a graph."""
import os
import re
from checks import ROOT, check, finish, nfc

MINIMAL = os.path.join(ROOT, "examples/minimal/minimal.nfg")

# Help: each verb is listed, and tells its options; --help is the same in both places.
verbs = re.findall(r"^  nfc (\w+) ", nfc("help").stdout, re.M)
check("help: lists the verbs", len(verbs) > 10 and len(set(verbs)) == len(verbs), verbs)
check("--help: is help", nfc("--help").stdout == nfc("help").stdout == nfc("-h").stdout)
for verb in verbs:
    out = nfc("help", verb)
    check(f"help {verb}", out.returncode == 0 and out.stdout.startswith(f"nfc {verb}") and out.stdout == nfc(verb, "--help").stdout)
check("help export: -o is a file", "--out FILE" in nfc("help", "export").stdout)
check("help build: -o is a folder", "--out DIR" in nfc("help", "build").stdout)

# The version, in both spellings.
out = nfc("--version")
check("version", out.returncode == 0 and re.fullmatch(r"nfc \d+\.\d+\.\d+\n", out.stdout), out.stdout)
check("version: the verb says the same", nfc("version").stdout == out.stdout)

# The drawing: labels break at a line's end, whatever they belong to.
dot = nfc("export", MINIMAL, "--format=dot").stdout
check("dot: an input", '[shape=oval, label="x\\nf32 [3]"]' in dot, dot)
check("dot: an operation", 'label="mul\\ny : f32 [3]"' in dot, dot)
check("dot: no escape is escaped", "\\\\" not in dot, dot)
nfc("export", MINIMAL, "--format=dot", "-o", "short.dot")
nfc("export", MINIMAL, "--format=dot", "--out=long.dot")
check("export: -o and --out", open("short.dot").read() == open("long.dot").read() == dot)

# A pass that is named is shown as often as it runs, also where it changes nothing.
check("--dump: a pass", nfc("check", MINIMAL, "--dump=dce").stdout.count("// after pass") == 3)
check("--dump: those that change", nfc("check", MINIMAL, "--dump=all").stdout.count("// after pass") == 1)

# A folder takes one kind of build after another; what is no output stays.
kinds = [nfc("build", MINIMAL, "-o", "kinds", f"--emit={kind}") for kind in ("exe", "lib", "sources", "lib", "exe")]
check("build: a folder takes every kind in turn", not any(k.returncode for k in kinds), [k.stderr for k in kinds])
nfc("build", MINIMAL, "-o", "kinds", "--emit=lib")
check("build: a library stands without the runtime", not os.path.exists("kinds/nf_main.c"), os.listdir("kinds"))
with open("kinds/nf_mine.c", "w") as f:
    f.write("mine")
out = nfc("build", MINIMAL, "-o", "kinds")
check("build: a file of another stays", out.returncode == 5 and os.path.exists("kinds/nf_mine.c"), out.stderr)

# What build -v logs goes to stderr, and nothing does without it.
loud, quiet = (nfc("build", MINIMAL, "-o", "out", "--emit=lib", *v) for v in (["-v"], []))
check("build -v: logs files and commands", re.search(r"^nfc: wrote \d+ files to out$", loud.stderr, re.M) and "ar rcs" in loud.stderr, loud.stderr)
check("build: logs nothing", quiet.stderr == "" and quiet.stdout == loud.stdout, quiet.stderr)
finish()
