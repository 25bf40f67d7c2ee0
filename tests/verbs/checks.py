"""What the checks of the verbs share. Each runs in an empty folder of its own."""
import os
import subprocess

NFC = os.environ["NFC"]
ROOT = os.environ["ROOT"]
_count = [0, 0]


def check(name, ok, detail=""):
    """Counts one check; says what failed."""
    _count[0 if ok else 1] += 1
    if not ok:
        print(f"FAILED verbs/{name}", *([str(detail).rstrip()] if detail else []), sep="\n    ")
    return ok


def nfc(*args, text=True, env=None):
    """Runs nfc; the result has returncode, stdout, stderr."""
    return subprocess.run([NFC, *map(str, args)], capture_output=True, text=text, env=env, timeout=300)


def finish():
    print(*_count)


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path
