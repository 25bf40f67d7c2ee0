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
finish()
