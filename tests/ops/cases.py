"""Golden cases: a graph of one op, its inputs, and what must come out; and how they are written."""
import io
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


def _npy(array):
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(array).reshape(array.shape))
    return out.getvalue()


def files(op, cases):
    """{path below tests/ops: contents} of all that an op's cases become."""
    names = [c.graph for c in cases]
    assert len(names) == len(set(names)), (op, names)
    head = "// Written by tests/ops/make_goldens.py.\n"
    found = {op + ".nfg": (head + "\n".join(_graph_text(c) for c in cases)).encode()}
    for c in cases:
        place = "golden/%s/%s/" % (op, c.graph)
        for name, tensor in {**c.inputs, **({} if c.error else c.results)}.items():
            found[place + name + ".npy"] = _npy(tensor.data)
        if c.error:
            found[place + "error.txt"] = (c.error + "\n").encode()
    return found


def same(have, want):
    """Are the contents of a file (None: it is not there) those wanted? NumPy's functions of f64, and so
    its samples, differ in the last place from one kind of processor to the next."""
    if have == want or have is None:
        return have == want
    try:
        have, want = (np.load(io.BytesIO(contents)) for contents in (have, want))
    except (ValueError, EOFError):
        return False  # not .npy
    if have.dtype != np.float64 or want.dtype != np.float64 or have.shape != want.shape:
        return False
    return np.allclose(have, want, rtol=1e-14, atol=0, equal_nan=True)

def others(row, operand=0):
    """The types that an operand of a row takes, without f32, of which there are more cases."""
    return [t for t in row["operands"][operand]["types"] if t != "f32"]
