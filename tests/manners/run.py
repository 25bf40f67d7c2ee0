#!/usr/bin/env python3
"""What emitted C promises of itself: no allocation, no VLA, no recursion, no data that changes; its memory to the byte.

usage: run.py BUILD WORK"""
import concurrent.futures as futures
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "fuzz"), os.path.join(ROOT, "tests", "emit")]
import compiled
import generate

STRICT = ["-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla", "-Werror"]
ALLOWED = {"memcpy", "memset", "memmove"}  # the last two by the compiler's own choice
failures = []


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def must(command, **more):
    p = run(command, **more)
    if p.returncode:
        raise RuntimeError("%s\n%s%s" % (" ".join(command), p.stdout[-2000:], p.stderr[-2000:]))
    return p.stdout


def check_object(obj, own):
    """Symbols and sections: calls nothing but memcpy, keeps nothing that changes."""
    undefined = {l.split()[-1] for l in must(["nm", "-u", obj]).splitlines()}
    foreign = {u for u in undefined if u not in ALLOWED and not u.startswith(own) and u != "_GLOBAL_OFFSET_TABLE_"}
    if foreign:
        raise RuntimeError("%s calls %s" % (os.path.basename(obj), ", ".join(sorted(foreign))))
    for l in must(["size", "-A", obj]).splitlines():
        m = re.match(r"(\.(?:data|bss|tdata|tbss)[\w.]*)\s+(\d+)", l)
        if m and int(m[2]) and not m[1].startswith(".data.rel.ro"):
            raise RuntimeError("%s has %s bytes of %s" % (os.path.basename(obj), m[2], m[1]))


def check_no_recursion(source, work, include):
    """The call graph has no circle."""
    stem = os.path.join(work, os.path.basename(source)[:-2])
    must(["gcc", "-std=c99", "-O0", "-fcallgraph-info", "-I", include, "-c", source, "-o", stem + ".o"], cwd=work)
    text = open(stem + ".ci").read()
    edges = {}
    for a, b in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
        edges.setdefault(a, set()).add(b)
    done, path = set(), []

    def visit(f):
        if f in path:
            raise RuntimeError("recursion: " + " -> ".join(path[path.index(f):] + [f]))
        if f in done:
            return
        path.append(f)
        for t in sorted(edges.get(f, ())):
            visit(t)
        path.pop()
        done.add(f)
    for f in sorted(edges):
        visit(f)


def check_program(nfc, graph, work, runs, exact, runtime):
    """One module: what its objects hold, then the harness at -O0 and -O3."""
    out = os.path.join(work, "src")
    must([nfc, "build", graph, "--emit=sources", "-o", out])
    name = next(f[:-7] for f in os.listdir(out) if f.endswith("_main.c") and not f.startswith("nf_"))
    own = [f for f in sorted(os.listdir(out)) if f.endswith((".c", ".S")) and not f.startswith("nf_") and not f.endswith("_main.c")]
    for compiler, standard, level in (("gcc", "c99", "-O2"), ("clang-14", "c11", "-O2"), ("gcc", "c11", "-Os")):
        for f in own:
            if f.endswith(".S"):
                continue
            obj = os.path.join(work, f[:-2] + ".o")
            must([compiler, "-std=" + standard, level] + STRICT + ["-c", os.path.join(out, f), "-o", obj])
            check_object(obj, name)
    text = open(os.path.join(out, name + ".c")).read()
    for word in ("malloc", "free(", "alloca", "printf", "static int ", "setjmp"):
        if re.search(r"\b" + re.escape(word), text) and word != "static int ":
            raise RuntimeError("the word '%s' stands in the source" % word)
    check_no_recursion(os.path.join(out, name + ".c"), work, out)
    said = []
    for level in ("-O0", "-O3"):
        exe = os.path.join(work, "harness" + level)
        flags = ["-std=c11", "-D_GNU_SOURCE", level, "-w", "-ffp-contract=off", "-fno-math-errno"]
        must(["gcc"] + flags + ["-DEXACT=%d" % exact, "-DRUNS=%d" % (runs if level == "-O3" else 10), '-DPROGRAM="%s_main.c"' % name, "-I", out,
              os.path.join(HERE, "harness.c")] + [os.path.join(out, f) for f in own] + runtime.objects(["gcc"] + flags, out) + ["-Wa,-I," + out, "-lpthread", "-lm", "-o", exe])
        p = run([exe])
        if p.returncode:
            raise RuntimeError("%s: %s%s" % (level, p.stdout, p.stderr))
        said.append(level + " " + p.stdout.strip().replace("\n", "; "))
    return " | ".join(said)


def check_reproducible(nfc, graph, work):
    """Another folder, locale, time zone and working directory: the same bytes."""
    one, two = os.path.join(work, "one"), os.path.join(work, "a longer name", "two")
    os.makedirs(os.path.dirname(two))
    must([nfc, "build", graph, "--emit=sources", "-o", one], env={**os.environ, "LC_ALL": "C", "TZ": "UTC"})
    must([nfc, "build", os.path.relpath(graph, os.path.dirname(two)), "--emit=sources", "-o", "two"], cwd=os.path.dirname(two), env={**os.environ, "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "HOME": "/"})
    must(["diff", "-r", one, two])


def main():
    nfc, work = os.path.join(os.path.abspath(sys.argv[1]), "nfc"), sys.argv[2]
    graphs = []
    for folder in ("examples", "tests/sim", "tests/language4", "tests/manners"):
        for base, _, files in sorted(os.walk(os.path.join(ROOT, folder))):
            graphs += [os.path.join(base, f) for f in sorted(files) if f.endswith(".nfg") and f not in ("fail.nfg", "weights.nfg")]
    graphs += [os.path.join(ROOT, "tests/ops", op + ".nfg") for op in ("add", "softmax", "conv", "matmul", "topk", "sdpa", "cast", "layer_normalization", "max_pool", "rope")]
    runtime = compiled.Runtime(work)
    os.makedirs(os.path.join(work, "random"))
    for seed in range(1000, 1015):  # programs with more to their arenas
        path = os.path.join(work, "random", "r%d.nfg" % seed)
        with open(path, "w") as f:
            f.write(generate.Module(seed).text())
        graphs.append(path)

    def one(item):
        i, graph = item
        own = os.path.join(work, str(i))
        os.makedirs(own)
        needs = re.search(r'model "([^"]+)"', open(graph).read())
        if needs and not os.path.exists(os.path.join(os.path.dirname(graph), needs[1])):
            return graph, "left out: its weights are made by its own suite", None
        try:
            said = check_program(nfc, graph, own, 10000 if i % 5 == 0 else 200, "/random/" not in graph, runtime)
            check_reproducible(nfc, graph, os.path.join(own))
            return graph, said, None
        except RuntimeError as e:
            return graph, None, str(e)

    count = 0
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for graph, said, wrong in pool.map(one, enumerate(graphs)):
            count += 1
            if wrong:
                failures.append(graph)
                print("FAILED manners/%s: %s" % (os.path.basename(graph), wrong[:2500]), flush=True)
            elif "-v" in sys.argv:
                print(os.path.basename(graph), said)
    print("manners: %d programs: %d passed, %d failed" % (count, count - len(failures), len(failures)))
    sys.exit(bool(failures))


main()
