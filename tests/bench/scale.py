#!/usr/bin/env python3
"""How the compiler's time grows with the graph: parse, verify, plan and print generated graphs of each kind.

usage: scale.py NFC [N ...]      N ops; 10000 and 100000 by default
Prints seconds a kind and size, the memory at the larger one, and the exponent of the growth between sizes."""
import math, os, resource, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import graphs


def measure(nfc, text, folder):
    path = os.path.join(folder, "g.nfg")
    with open(path, "w") as f:
        f.write(text)
    best, peak = math.inf, 0
    for _ in range(2):
        start = time.monotonic()
        p = subprocess.Popen([nfc, "build", path, "--emit=sources", "-o", os.path.join(folder, "out")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        err = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        best = min(best, time.monotonic() - start)
        peak = usage.ru_maxrss
        if status:
            sys.exit("%s: the build failed\n%s" % (path, err.decode()[:2000]))
        if best > 10:
            break
    return best, peak


def main():
    nfc, sizes = sys.argv[1], [int(n) for n in sys.argv[2:] if n.isdigit()] or [10000, 100000]
    only = [a for a in sys.argv[2:] if not a.isdigit()]
    print("%-14s" % "kind" + "".join("%12s" % ("%d ops" % n) for n in sizes) + "   growth   MiB")
    for kind in graphs.KINDS:
        if only and kind.__name__ not in only:
            continue
        row = []
        for n in sizes:
            with tempfile.TemporaryDirectory() as folder:
                row.append(measure(nfc, kind(n), folder))
        growth = " %8.2f" % (math.log(row[-1][0] / row[0][0]) / math.log(sizes[-1] / sizes[0])) if len(sizes) > 1 else ""
        print("%-14s" % kind.__name__ + "".join("%11.2fs" % s for s, _ in row) + growth + "%6d" % (row[-1][1] // 1024), flush=True)


main()
