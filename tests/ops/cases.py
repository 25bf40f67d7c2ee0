"""Golden cases: a graph of one op, its inputs, and what must come out; and how they are written."""
import os
import shutil
from dataclasses import dataclass, field

import numpy as np

RUN_INDEX = "NFC1002"  # an index out of range
RUN_DIVISION = "NFC1003"  # an integer division by zero


class Name(str):
    """An attribute or operand that is written bare: an element type, another input."""


@dataclass
class Case:
    """`calls` are the op's calls by result names: {"result": {argument: value}}. Several results of
    one call are written "values, indices". An input's bounds go behind its type. Where an error
    must come, the results only give the outputs their types."""
    graph: str
    op: str
    inputs: dict
    calls: dict
    results: dict = field(default_factory=dict)
    bounds: dict = field(default_factory=dict)
    error: str = None


def case(graph, op, inputs, results, attributes=None, operands=None, **more):
    """One call whose operands are inputs of the same names: all of them, or those in `operands`."""
    outputs = results if isinstance(results, dict) else {"result": results}
    arguments = {n: Name(n) for n in (inputs if operands is None else operands)}
    arguments.update(attributes or {})
    return Case(graph, op, inputs, {", ".join(outputs): arguments}, outputs, **more)


def text(value):
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, str):
        return '"%s"' % value
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(text(v) for v in value)
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return str(int(value))


def _type(tensor):
    return "%s [%s]" % (tensor.dtype, ", ".join(str(n) for n in tensor.data.shape))


def _graph_text(c):
    lines = ["graph %s {" % c.graph, "    inputs {"]
    for name, tensor in c.inputs.items():
        lines.append("        %s : %s%s;" % (name, _type(tensor), c.bounds.get(name, "")))
    lines += ["    }", "    outputs {"]
    lines += ["        %s : %s;" % (name, _type(tensor)) for name, tensor in c.results.items()]
    lines += ["    }", "    block entry {"]
    for names, arguments in c.calls.items():
        given = ", ".join("%s=%s" % (k, text(v)) for k, v in arguments.items())
        lines.append("        %s = op %s(%s);" % (names, c.op, given))
    lines += ["        return %s;" % ", ".join(c.results), "    }", "}"]
    return "\n".join(lines) + "\n"


def write(folder, op, cases):
    """FOLDER/op.nfg and FOLDER/golden/op/GRAPH/*.npy, in place of what was there."""
    golden = os.path.join(folder, "golden", op)
    shutil.rmtree(golden, ignore_errors=True)
    names = [c.graph for c in cases]
    assert len(names) == len(set(names)), (op, names)
    with open(os.path.join(folder, op + ".nfg"), "w") as out:
        out.write("// Written by tests/ops/make_goldens.py.\n")
        out.write("\n".join(_graph_text(c) for c in cases))
    for c in cases:
        place = os.path.join(golden, c.graph)
        os.makedirs(place)
        for name, tensor in {**c.inputs, **({} if c.error else c.results)}.items():
            np.save(os.path.join(place, name + ".npy"),
                    np.ascontiguousarray(tensor.data).reshape(tensor.data.shape))
        if c.error:
            with open(os.path.join(place, "error.txt"), "w") as out:
                out.write(c.error + "\n")
