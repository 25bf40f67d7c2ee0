"""run.py WORK NFC: the models of models.py and ops.py through nfc check; writes them, and WORK/files for mutate.c."""
import os
import re
import resource
import subprocess
import sys
import models
import ops

LIMIT = 256 << 20
work, nfc = sys.argv[1:3]


def limited():
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


def check(path, arguments):
    """Exit status, the first error's line, all of it, seconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        p = subprocess.run([nfc, "check", path, *arguments], capture_output=True, text=True, errors="replace", timeout=60, preexec_fn=limited)
    except subprocess.TimeoutExpired:
        return None, "", "no end after 60 s", 60
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    errors = [line for line in p.stderr.split("\n") if "error[" in line]
    return p.returncode, errors[0] if errors else "", p.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fault(path, wanted, text, arguments):
    status, first, all_of_it, seconds = check(path, arguments)
    if status is None or status not in (0, 1, 2, 3, 5): return "exit %s: %s" % (status, all_of_it[-300:])
    code = re.search(r"error\[NFC(\d+)\]", first)
    code = int(code.group(1)) if code else None
    if "NFC99" in all_of_it: return "an error of the compiler: " + first
    if (status == 0) != (code is None): return "exit %d with %s" % (status, first)
    if code != wanted: return "expected %s, got %s" % ("NFC%04d" % wanted if wanted else "no error", first or "no error")
    if text not in first: return "expected %r, got %s" % (text, first)
    return "it took %.1f s" % seconds if seconds > 1 else None


def write(name, made):
    path = os.path.join(work, re.sub(r"[^A-Za-z0-9_.-]", "~", name) + ".onnx")
    assert not os.path.exists(path), path
    with open(path, "wb") as f: f.write(made)
    return path


def main():
    failed, crafted, listed = 0, 0, []
    for name, made, code, text, arguments in models.models():
        path = write(name, made)
        listed.append("check %s @ %s" % (path, " ".join(arguments)))
        crafted += 1
        wrong = fault(path, code, text, arguments)
        if wrong: failed += 1
        if wrong: print("FAILED %s: %s" % (name, wrong))
    known, good, odd = 0, 0, 0
    for name, made, must_fail in ops.files(nfc):
        path = write(name, made)
        listed.append("check %s @" % path)
        is_good = not re.search(r"_\d+$", name)
        odd += not is_good
        if is_good: known, good = known + 1, good + (check(path, ())[0] == 0)
        elif must_fail and check(path, ())[0] == 0: failed += 1; print("FAILED %s: no error" % name)
    with open(os.path.join(work, "files"), "w") as f: f.write("".join(line + "\n" for line in listed))
    if good < known * 2 // 3: failed += 1; print("FAILED only %d of %d ops take the good calls that odd ones are made of" % (good, known))
    print("%d crafted models and %d calls with odd attributes of %d ops (%d of them good without): %d failed" % (crafted, odd, known, good, failed))
    return failed > 0


sys.exit(main())
