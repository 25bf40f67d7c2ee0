"""nfc ops: every row of ops.def in each of its forms."""
import json
import os
import re
from checks import ROOT, check, finish, nfc

with open(os.path.join(ROOT, "ir/ops.def")) as f:
    TABLE = f.read()
# The names as the table has them; FAM_CORE ones are the IR's own.
MACROS = re.findall(r"^#define (\w+)\(id\b[^\n]*\\\n +OP\(id,", TABLE, re.M)
NAMES = re.findall(r"^(?:EW1|EW2|EW|EWN|%s)\((\w+)," % "|".join(MACROS), TABLE, re.M)
NAMES += [n for n, family in re.findall(r"^OP\((\w+), (FAM_\w+)", TABLE, re.M) if family != "FAM_CORE"]
CORE = re.findall(r"^OP\((\w+), FAM_CORE", TABLE, re.M)
ALIASES = re.findall(r"^ALIAS\((\w+), (\w+)\)", TABLE, re.M)
check("ops: the table was read", len(NAMES) > 100 and len(set(NAMES)) == len(NAMES) and len(CORE) > 5, len(NAMES))

# The list.
out = nfc("ops")
listed = re.findall(r"^(\w+)\(.*\)", out.stdout, re.M)
check("ops: lists each op once", out.returncode == 0 and sorted(listed) == sorted(NAMES), set(listed) ^ set(NAMES))
check("ops: no line is too long", max(map(len, out.stdout.splitlines())) <= 118)

# Markdown.
lines = nfc("ops", "--markdown").stdout.splitlines()
rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
columns = rows[0]
check("ops --markdown: the columns", columns == ["op", "ONNX", "types", "simulator", "C", "Vulkan kernels"], columns)
check("ops --markdown: lists each op once", sorted(r[0].strip("`") for r in rows[2:]) == sorted(NAMES))
check("ops --markdown: the rows are whole", all(len(r) == len(columns) for r in rows))
check("ops --markdown: every target has all", all(r[3:] == ["yes"] * 3 for r in rows[2:]))

# JSON.
text = nfc("ops", "--json").stdout
table = json.loads(text)
check("ops --json: has each op once", sorted(table) == sorted(NAMES), set(table) ^ set(NAMES))
check("ops --json: keys are sorted", json.dumps(table, sort_keys=True) == json.dumps(table))
check("ops --json: the same twice", text == nfc("ops", "--json").stdout)
check("ops --json: aliases", sorted((a, n) for n, o in table.items() for a in o["aliases"]) == sorted(ALIASES))
check("ops --json: each has a doc and a shape", all(o["doc"] and o["result_shape"] and o["rule"] for o in table.values()))
check("ops --json: each attribute has a doc", all(a["doc"] for o in table.values() for a in o["attributes"]))
ulps = {n: int(u) for n, u in re.findall(r'^EW1\((\w+), \w+, \w+, [^"]*, "\w*", \w+, (\d+),', TABLE, re.M)}
check("ops --json: the errors of the table", len(ulps) > 30 and all(table[n]["ulp"] == u for n, u in ulps.items()))
conv = table["conv"]
check("ops --json: conv's operands", [(o["name"], o["presence"]) for o in conv["operands"]] == [("x", "required"), ("w", "required"), ("b", "optional")])
group = [a for a in conv["attributes"] if a["name"] == "group"][0]
check("ops --json: conv's group", (group["kind"], group["default"], group["required"]) == ("integer", "1", False), group)
pad = [a for a in table["pad"]["attributes"] if a["name"] == "mode"][0]
check("ops --json: choices", pad["choices"] == ["constant", "reflect", "edge", "wrap"] and pad["default"] == '"constant"', pad)
check("ops --json: results of another type", table["topk"]["results"][1]["types"] == ["i64"] and table["less"]["results"][0]["types"] == ["bool"])

# One op.
for name in NAMES:
    one = nfc("ops", name).stdout
    whole = all(a["name"] in one and a["doc"].split()[0] in one for a in table[name]["attributes"])
    check(f"ops {name}", one.startswith(name + "(") and whole and "shape" in one and "supported by" in one, one)
    check(f"ops --json {name}", json.loads(nfc("ops", "--json", name).stdout) == {name: table[name]})
check("ops: an alias stands for its op", nfc("ops", "swish").stdout == nfc("ops", "silu").stdout)
bad = nfc("ops", "matmull")
check("ops: an unknown op", bad.returncode == 2 and "did you mean 'matmul'" in bad.stderr and not bad.stdout, bad.stderr)
check("ops: the IR's own are no ops of the language", nfc("ops", "loop").returncode == 2)
check("ops: one format at a time", nfc("ops", "--json", "--markdown").returncode == 2)
finish()
