"""run.py WORK: the good and the bad files through WORK/plain and WORK/sanitized (touch.c)."""
import os
import re
import resource
import subprocess
import sys
import bad
import good

LIMIT = 256 << 20
work = sys.argv[1]


def limited():
    """What the program may allocate; files that it maps do not count."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


def touch(program, kind, path):
    """Exit status, standard output, standard error, seconds of the processor."""
    argv = [os.path.join(work, program)] + ([] if kind == "model" else ["--" + kind]) + [path]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        p = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=60, preexec_fn=limited if program == "plain" else None)
    except subprocess.TimeoutExpired:
        return None, "", "no end after 60 s", 60
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return p.returncode, p.stdout, p.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fnv(text):
    h = 14695981039346656037
    for b in text: h = (h ^ b) * 1099511628211 & (1 << 64) - 1
    return h


def expected(rows):
    return ["%s '%s' %s [%s] %016x %s" % (where, name, type, ",".join(map(str, dims)), fnv(text), "mapped" if mapped else "copied") for where, name, type, dims, text, mapped in rows]


def check_good(program, path, kind, rows):
    status, out, err, _ = touch(program, kind, path)
    lines = [l for l in out.splitlines() if "IR version" not in l]
    if status != 0: return "exit %s: %s" % (status, err)
    return None if lines == expected(rows) else "got %s\nnot %s" % (lines, expected(rows))


def check_bad(program, path, kind, code, message):
    status, out, err, seconds = touch(program, kind, path)
    first = err.split("\n")[0]
    if "Sanitizer" in err or "runtime error" in err: return err
    if status != (5 if code < 900 else 1): return "exit %s: %s" % (status, err[-500:])
    if not re.search(r"error\[NFC%04d\]: " % code, first) or message not in first: return "expected NFC%04d and %r, got %s" % (code, message, first)
    if os.path.basename(path) not in first and "tensor" not in first: return "the message does not name the file: " + first
    return None if seconds < 1 else "it took %.1f s" % seconds


def main():
    passed, failed, names = 0, 0, set()

    def count(name, program, wrong):
        nonlocal passed, failed
        if wrong:
            failed += 1
            print("FAILED %s (%s): %s" % (name, program, wrong))
        else: passed += 1

    for name, text, kind, rows in good.files():
        path = os.path.join(work, "good_%s.onnx" % name)
        with open(path, "wb") as f: f.write(text)
        for program in ("plain", "sanitized"): count(name, program, check_good(program, path, kind, rows))
    crafted = 0
    for name, made, kind, code, message in bad.files():
        assert name not in names, name
        names.add(name)
        crafted += 1
        folder = os.path.join(work, "bad", name)
        os.makedirs(folder)
        path = os.path.join(folder, name + ".onnx")
        if callable(made): made(path)
        else:
            with open(path, "wb") as f: f.write(made)
        for program in ("plain", "sanitized"): count(name, program, check_bad(program, path, kind, code, message))
        if os.path.isfile(path): os.remove(path)
    print("onnx_file: %d hostile files, twice each: %d passed, %d failed" % (crafted, passed, failed))
    return failed or passed < 2 * 120


sys.exit(1 if main() else 0)
