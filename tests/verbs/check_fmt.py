"""nfc fmt: canonical texts, stable ones, and never another meaning."""
import glob
import os
import random
import re
import stat
from checks import ROOT, check, finish, nfc, program, write

HERE = os.path.join(ROOT, "tests/verbs")
WORD = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\w+|\.\.|<=|[^\s]', re.S)


def words(text):
    return [" ".join(w.split()) for w in WORD.findall(text)]


def meaning(path):
    """The IR of a text without its places; None when it has none."""
    out = nfc("export", path, "--format=ir")
    if out.returncode:
        return None
    return re.sub(r' @\d+:\d+:\d+:-?\d+|"at":\[[\d,-]*\]', "", out.stdout)


def formatted(name, path, ir=None):
    """Formats a file and checks what must hold of each; the result."""
    with open(path) as f:
        text = f.read()
    out = nfc("fmt", path)
    if not check(f"fmt {name}: takes it", out.returncode == 0 and not out.stderr, out.stderr):
        return None
    result = out.stdout
    check(f"fmt {name}: the same words", words(text) == words(result), result)
    check(f"fmt {name}: no blanks at ends of lines", not re.search(r"[ \t\r]$", result, re.M), result)
    bare = re.sub(r"/\*.*?\*/|//[^\n]*", "x", result, flags=re.S)
    check(f"fmt {name}: one empty line at most, no tabs", "\t" not in bare and "\n\n\n" not in bare, result)
    check(f"fmt {name}: one end of line at the end", not result or re.search(r"[^\n]\n\Z", result))
    # Beside the original, under its name: the module has that name, and its packages lie there.
    os.makedirs(os.path.join(os.path.dirname(path), "again"), exist_ok=True)
    again = write(os.path.join(os.path.dirname(path), "again", os.path.basename(path)), result)
    check(f"fmt {name}: stable", nfc("fmt", again).stdout == result)
    if ir is not None:
        os.replace(path, path + ".orig")
        write(path, result)
        check(f"fmt {name}: the same meaning", meaning(path) == ir)
        os.replace(path + ".orig", path)
    return result


# The four programs of the language's page are as they should be, and have a meaning.
for name in ("minimal", "mlp", "early_exit", "decode"):
    path = program(name)
    ir = meaning(path)
    check(f"fmt {name}: its IR can be had", ir and "return" in ir)
    with open(path) as f:
        text = f.read()
    check(f"fmt {name}: stays as it is", formatted(name, path, ir) == text)
    check(f"fmt --check {name}: quiet", nfc("fmt", "--check", path).stdout == "")

# Pairs: a text, and what it becomes.
for path in sorted(glob.glob(os.path.join(HERE, "fmt", "*.nfg"))):
    name = os.path.basename(path)
    with open(path) as f, open(path[:-4] + ".expect") as g:
        mine, expected = write(name, f.read()), g.read()
    result = formatted(name, mine)
    check(f"fmt {name}: as expected", result == expected, result)

# Every graph of the repository, and every example of its pages.
texts = {}


def files(ending, *folders):
    return sorted(p for f in folders for p in glob.glob(os.path.join(ROOT, f, "**", "*" + ending), recursive=True))


for path in files(".nfg", "examples", "tests/emit", "tests/ops", "tests/sim", "tests/verbs", "tests/vk"):
    with open(path) as f:
        texts[os.path.relpath(path, ROOT)] = f.read()
for path in glob.glob(os.path.join(ROOT, "*.md")) + files(".md", "examples", "frontend"):
    with open(path) as f:
        page = f.read()
    for i, text in enumerate(re.findall(r"^```(?:nfg)?\n(.*?)^```", page, re.M | re.S)):
        short = f"{os.path.relpath(path, ROOT)}-{i}"
        if nfc("check", write("fenced.nfg", text)).stderr.count("NFC01") == 0 and re.search(r"^block|^inputs", text, re.M):
            texts[short] = text
check("fmt: the repository has graphs", len(texts) > 90, len(texts))


def disturbed(text, rng):
    """The words of a text with other blanks, lines and comments between them."""
    out = []
    for w in WORD.findall(text):
        out.append(w)
        r = rng.random()
        out.append("\n" if w.startswith("//") else " ")
        if r < 0.10:
            out.append("\n" * rng.randrange(1, 5))
        elif r < 0.20:
            out.append(" " * rng.randrange(1, 9))
        elif r < 0.23:
            out.append("\t")
        elif r < 0.25:
            out.append("\r\n\f ")
        elif r < 0.27:
            out.append("// remark  \n")
        elif r < 0.29:
            out.append("/* one */")
        elif r < 0.30:
            out.append("/* two\n     lines \n\n\t here*/ ")
    return "".join(out)


rng, meanings = random.Random(1), 0
for k, (short, text) in enumerate(sorted(texts.items())):
    path = write(f"r/{k}/g.nfg", text)
    ir = meaning(path)
    meanings += ir is not None
    formatted(short, path, ir)
    if ir is not None and k % 3 == 0:
        formatted(short + ", disturbed", write(path, disturbed(text, rng)), ir)
check("fmt: most of them have an IR", meanings > 80, meanings)

# What is not a graph is refused, and nothing is written.
bad = "block entry { x = op add(a=x, b=; }\n"
out = nfc("fmt", write("bad.nfg", bad))
check("fmt: a syntax error", out.returncode == 1 and not out.stdout and "bad.nfg:1:33: error[NFC0101]" in out.stderr, out.stderr)
out = nfc("fmt", "-i", "bad.nfg")
check("fmt -i: leaves a bad file", out.returncode == 1 and open("bad.nfg").read() == bad and not glob.glob("bad.nfg.*"))
check("fmt: a missing file", nfc("fmt", "none.nfg").returncode == 5)
check("fmt: a comment without end", nfc("fmt", write("open.nfg", "/* x")).returncode == 1)
with open("nul.nfg", "wb") as f:
    f.write(b"// a\0\n")
check("fmt: a NUL", nfc("fmt", "nul.nfg").returncode == 1)
check("fmt: no file", nfc("fmt").returncode == 2)
check("fmt: several files", nfc("fmt", "minimal.nfg", "mlp.nfg").returncode == 2)
check("fmt: -i and --check", nfc("fmt", "-i", "--check", "minimal.nfg").returncode == 2)
check("fmt: an empty file", nfc("fmt", write("empty.nfg", "\n \n")).stdout == "")
check("fmt: a file of one remark", nfc("fmt", write("remark.nfg", "  // x")).stdout == "// x\n")

# In place.
ugly = "inputs{x:f32[3];}outputs{y:f32[3];}\n\n\n\nblock entry{y=op relu(x=x);return y;}"
pretty = "inputs { x : f32 [3]; } outputs { y : f32 [3]; }\n\nblock entry { y = op relu(x=x); return y; }\n"
write("a.nfg", ugly)
os.chmod("a.nfg", 0o640)
os.symlink("a.nfg", "link.nfg")
out = nfc("fmt", "--check", "a.nfg", "minimal.nfg")
check("fmt --check: names what is not formatted", (out.returncode, out.stdout) == (1, "a.nfg\n") and open("a.nfg").read() == ugly)
out = nfc("fmt", "-i", "link.nfg", "minimal.nfg")
check("fmt -i: rewrites", out.returncode == 0 and not out.stdout and open("a.nfg").read() == pretty, open("a.nfg").read())
check("fmt -i: keeps permissions and links", stat.S_IMODE(os.stat("a.nfg").st_mode) == 0o640 and os.path.islink("link.nfg"))
check("fmt --check: is content", nfc("fmt", "--check", "a.nfg").returncode == 0)
before = os.stat("a.nfg")
nfc("fmt", "-i", "a.nfg")
check("fmt -i: leaves what is formatted", os.stat("a.nfg").st_ino == before.st_ino and os.stat("a.nfg").st_mtime_ns == before.st_mtime_ns)
finish()
