#!/usr/bin/env python3
"""The graphs of tests/ops, so that what an op reads and what it writes are values of the arena, which can be stored channels last.

usage: rewrite.py OPS OUT EVERY  OPS: the folder of modules; OUT: where those go that have a graph worth it; of each module
                                 every so many of its graphs
An input x of rank 3 to 5 is read as the first half of x joined with itself along axis 0, a value of the planner's own; the ports, which
keep their layout, are what they were. A result that is returned is copied from the arena to its port. Graphs without a port of such a
rank are left out."""
import os
import re
import sys

PORT = re.compile(r"^ +(\w+) : \w+ \[([^\]]*)\]", flags=re.M)


def stored_apart(name, first):
    """Statements that make `name` of the port given_NAME, whose first extent is `first`."""
    return ("        pair_{0} = op concat(inputs=[given_{0}, given_{0}], axis=0);\n"
            "        {0} = op slice(data=pair_{0}, starts=[0], ends=[{1}], axes=[0]);\n").format(name, first)


def rewritten(graph):
    """The text of a graph, or None where nothing in it has a choice."""
    ports, body = graph.split("    block entry {\n", 1)
    inputs, outputs = ports.split("outputs {", 1)
    ranked = [(name, [e.strip() for e in extents.split(",")]) for name, extents in PORT.findall(inputs)]
    apart = [(name, extents[0]) for name, extents in ranked if 3 <= len(extents) <= 5]
    if not apart and not any(3 <= len(extents.split(",")) <= 5 for _, extents in PORT.findall(outputs)):
        return None
    for name, _ in apart:
        inputs = re.sub(r"^( +){} :".format(name), r"\1given_{} :".format(name), inputs, flags=re.M)
    return inputs + "outputs {" + outputs + "    block entry {\n" + "".join(stored_apart(*a) for a in apart) + body


def main():
    ops, out, every = sys.argv[1:]
    os.makedirs(out)
    graphs = 0
    for module in sorted(f for f in os.listdir(ops) if f.endswith(".nfg")):
        with open(os.path.join(ops, module)) as f:
            head, *parts = re.split(r"^(?=graph )", f.read(), flags=re.M)
        kept = [r for r in map(rewritten, parts) if r][::int(every)]
        graphs += len(kept)
        if kept:
            with open(os.path.join(out, module), "w") as f:
                f.write(head + "".join(kept))
    print("layout: %d graphs with values to store channels last" % graphs)


main()
