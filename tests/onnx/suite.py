"""The tests of a published suite: what there is, and the data that belongs to it."""
import glob
import json
import os
import re

import numpy as np

import pb

DEBIAN = '/usr/share/libonnx-testdata/data'
KINDS = ('node', 'simple', 'pytorch-converted', 'pytorch-operator', 'real')


class Value:
    """What an input is given, or an output must be: a tensor, a list of Values, or None (an empty optional)."""

    def __init__(self, of, array):
        self.of, self.array = of, array


class Test:
    """One directory. The model is read when it is asked for: most fields come from it."""

    def __init__(self, suite, kind, folder):
        self.suite, self.kind, self.folder = suite, kind, folder
        self.name = os.path.basename(folder)
        self.path = os.path.join(folder, 'model.onnx')
        self.rtol, self.atol = 1e-3, 1e-7  # the standard's own runner's
        says = os.path.join(folder, 'data.json')
        if os.path.exists(says):
            with open(says) as f:
                given = json.load(f)
            self.rtol, self.atol = given.get('rtol', self.rtol), given.get('atol', self.atol)
        self.model_, self.bounded = None, False  # bounded: open extents are, instead of bound to the data's

    @property
    def key(self):
        return '%s/%s%s' % (self.kind, self.name, ', open' if self.bounded else '')

    @property
    def model(self):
        if self.model_ is None:
            self.model_ = pb.load(self.path)
        return self.model_

    @property
    def inputs(self):
        """The graph's inputs without those that are weights with a name."""
        inside = {t.name for t in self.model.graph.initializer} | {s.values.name for s in self.model.graph.sparse_initializer}
        return [i for i in self.model.graph.input if i.name not in inside]

    @property
    def outputs(self):
        return list(self.model.graph.output)

    @property
    def opset(self):
        """'13', or 'ai.onnx.ml 3'."""
        of = {o.domain or '': o.version for o in self.model.opset_import}
        domains = sorted({domain for domain, _ in self.ops()} & set(of)) or ['']
        return ', '.join('%s%s' % (d and d + ' ', of.get(d, '?')) for d in domains)

    def ops(self):
        """(domain, op) of every node, of subgraphs and functions too."""
        found, todo = set(), [self.model.graph] + list(self.model.functions)
        while todo:
            for n in todo.pop().node:
                found.add(('' if n.domain in (None, 'ai.onnx') else n.domain, n.op_type))
                todo += [g for a in n.attribute for g in ([a.g] if a.g else []) + a.graphs]
        return found

    def has_open_dims(self):
        return any(name for name, _ in self.free_dims().items())

    def free_dims(self):
        """{name: Extents} of the extents of inputs that the model leaves open."""
        found = {}
        for inputs, outputs in self.data_sets():
            for info, value in zip(self.inputs, inputs):
                held = info.type.optional_type.elem_type if info.type.optional_type else info.type
                if held.sequence_type:
                    sequence_dims(found, info, held.sequence_type.elem_type.tensor_type, value or [], inputs + outputs)
                elif held.tensor_type:
                    tensor_dims(found, info, held.tensor_type, [value.array.shape] if value is not None else [])
        return found

    def dim_options(self, bounded):
        """What -D says of the open extents: the data's, or bounds over them."""
        return [extents.option(name, bounded) for name, extents in self.free_dims().items()]

    def data_sets(self):
        """(inputs, outputs) of each data set, each a list of Values."""
        for folder in sorted(glob.glob(os.path.join(self.folder, 'test_data_set_*'))):
            yield (read_values(folder, 'input', self.inputs), read_values(folder, 'output', self.outputs))


class Extents:
    """What an open extent is in the data; `least` and `most` when they must, or cannot, be a bound."""

    def __init__(self, fixed=False):
        self.seen, self.fixed = set(), fixed

    def option(self, name, bounded):
        one = len(self.seen) == 1 and (self.fixed or not bounded or 0 in self.seen)  # an open extent is 1 at least
        return '%s=%d' % (name, min(self.seen)) if one else '%s<=%d' % (name, max(self.seen | {0}) + 2)


def tensor_dims(found, info, t, shapes):
    for axis, d in enumerate(t.shape.dim if t.shape else []):
        if d.dim_value is None:
            found.setdefault(d.dim_param or '%s.%d' % (info.name, axis), Extents()).seen.update(s[axis] for s in shapes)


def sequence_dims(found, info, t, values, others):
    """The number of elements, their extents, and where the model does not even say it, their rank."""
    shapes = [v.array.shape for v in values]
    found.setdefault(info.name + '.count', Extents()).seen.add(len(values))
    if t.shape and (t.shape.dim or values):  # of an empty sequence the tests' models say that its elements are scalars
        return tensor_dims(found, info, t, shapes)
    known = shapes or [v.array.shape for o in others if isinstance(o, list) for v in o] or [(1,)]
    found.setdefault(info.name + '.rank', Extents(fixed=True)).seen.add(len(known[0]))
    for axis in range(len(known[0])):
        found.setdefault('%s.%d' % (info.name, axis), Extents()).seen.update(s[axis] for s in shapes or [known[-1]])


def element_type(t):
    """TensorProto.DataType of a tensor, or of what a sequence or an optional holds."""
    while t is not None:
        if t.tensor_type:
            return t.tensor_type.elem_type
        holder = t.sequence_type or t.optional_type
        t = holder and holder.elem_type
    return None


def tensor_value(t, folder, declared):
    of, a = pb.elements(t, folder)
    if declared == pb.BFLOAT16 and of.name == 'uint16':
        of = pb.TYPES[pb.BFLOAT16]  # an old way to write bfloat16
    return Value(of, a)


def message_value(m, folder, declared):
    if m is None:
        return None
    if m.kind_ == 'Tensor':
        return tensor_value(m, folder, declared)
    if m.kind_ == 'Sequence':
        return [message_value(v, folder, declared) for v in m.tensor_values or m.sequence_values or m.optional_values]
    return message_value(m.tensor_value or m.sequence_value or m.optional_value, folder, declared)


def read_values(folder, what, infos):
    count = len(glob.glob(os.path.join(folder, what + '_*.pb')))
    if count > len(infos):
        raise ValueError('%s: %d files of %ss, and %d %ss in the graph' % (folder, count, what, len(infos), what))
    values = []
    for i in range(count):
        t = infos[i].type
        kind = 'Sequence' if t.sequence_type else 'Optional' if t.optional_type else 'Tensor'
        message = pb.load(os.path.join(folder, '%s_%d.pb' % (what, i)), kind)
        values.append(message_value(message, folder, element_type(t)))
    return values


def find(root, only=None, kinds=KINDS):
    """The tests below a folder, sorted. Folders without a model (nets that would be downloaded) are no tests."""
    name = os.path.basename(os.path.normpath(root))
    version = os.path.join(root, 'VERSION')
    if os.path.exists(version):
        with open(version) as f:
            name = f.read().strip()
    elif root.startswith(DEBIAN):
        name = 'onnx 1.12'
    found = []
    for kind in kinds:
        for path in sorted(glob.glob(os.path.join(root, kind, '*', 'model.onnx'))):
            test = Test(name, kind, os.path.dirname(path))
            if only is None or re.fullmatch(only, test.name) or re.fullmatch(only, test.key):
                found += both_forms(test)
    return found


def both_forms(test):
    """A model with open extents is a test with these bound to the data's, and one with bounds over them."""
    if not test.has_open_dims():
        return [test]
    again = Test(test.suite, test.kind, test.folder)
    again.bounded = True
    return [test, again]
