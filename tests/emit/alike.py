"""What the C of a graph says, apart from how its module numbers it: so a suite sees which graphs of a device are the same C as
those of another one, which the same compiler has compiled already, and whose results were compared.

usage: alike.py NFC OUT.json MODULE.nfg... [-- OPTION...]      {module: {graph: digest}} of sources made with these options"""
import concurrent.futures as futures
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

SKIPPED = re.compile(r'/\*.*?\*/|("(?:\\.|[^"\\])*")', re.S)
WORD = re.compile(r"[A-Za-z_]\w*")


def pieces(text):
    """Functions, types, arrays and macros of a source without comments, each with its lines."""
    found, piece, depth, conditions = [], [], 0, 0
    for row in SKIPPED.sub(lambda m: m.group(1) or " ", text).split("\n"):
        row = row.strip()
        if row:
            piece.append(row)
            conditions += row.startswith("#if") - row.startswith("#endif")
            bare = SKIPPED.sub("", row)
            depth += bare.count("{") - bare.count("}")
        whole = depth == conditions == 0 and (not row or row[-1] in "};" and piece[0][0] != "#")
        if whole and piece:
            found.append("\n".join(piece))
            piece = []
    return found + ["\n".join(piece)] * bool(piece)


def name_of(piece):
    """What a piece defines, or None."""
    first = piece.split("\n", 1)[0]
    if first.startswith("#define"):
        return WORD.findall(first)[1]
    if first.startswith("typedef"):
        return WORD.findall(piece.split("__attribute__")[0])[-1]
    m = re.match(r"(?:(?:static|inline|const|extern|struct|enum|union|unsigned) )*\w+[ *]+(?:\w+ )*(\w+) ?[(\[=;]", first)
    return m and m.group(1)


def closure(functions, root):
    """A function with all that it uses, in an order that goes by the uses alone; of a call's number in a trace nothing."""
    order, have = [root], {root}
    for name in order:
        for piece in functions[name]:
            for word in WORD.findall(piece):
                if word in functions and word not in have:
                    have.add(word)
                    order.append(word)
    return re.sub(r"NF_RUN\(\d+,", "NF_RUN(", "\n".join(p for name in order for p in functions[name]))


def graphs(folder):
    """graph -> its function, of the sources in a folder"""
    with open(os.path.join(folder, "manifest.json")) as f:
        return {g["name"]: g["run"] for g in json.load(f)["api"]["graphs"]}


def codes(folder):
    """graph -> digest of its C, of the sources in a folder. What is the same of all graphs is no part of it: the header and main()."""
    functions, others = {}, []
    for name in sorted(os.listdir(folder)):
        if name.endswith((".c", ".S", ".bin")) and not name.startswith("nf_") and not name.endswith("_main.c"):
            with open(os.path.join(folder, name), errors="surrogateescape") as f:
                text = f.read()
            for piece in pieces(text) if name.endswith(".c") else [text]:
                defined = name_of(piece) if name.endswith(".c") else None
                if defined:
                    functions.setdefault(defined, []).append(piece)
                elif not piece.startswith("#"):
                    others.append(piece)
    digest = lambda run: hashlib.sha256("\n".join([closure(functions, run)] + others).encode(errors="surrogateescape")).hexdigest()
    return {g: digest(run) for g, run in graphs(folder).items()}


def load(path):
    with open(path) as f:
        return json.load(f)


def save(path, said):
    with open(path, "w") as f:
        json.dump(said, f)


def codes_of(nfc, module, options):
    with tempfile.TemporaryDirectory() as to:
        p = subprocess.run([nfc, "build", module, "--emit=sources", "-o", to] + options, capture_output=True)
        if p.returncode:
            sys.exit("%s: nfc build failed\n%s" % (module, p.stderr.decode()))
        return codes(to)


def main():
    words, options = sys.argv[1:], []
    if "--" in words:
        words, options = words[:words.index("--")], words[words.index("--") + 1:]
    nfc, out, modules = words[0], words[1], words[2:]
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = dict(zip((os.path.basename(m)[:-4] for m in modules), pool.map(lambda m: codes_of(nfc, m, options), modules)))
    save(out, found)


if __name__ == "__main__":
    main()
