"""Values of an ONNX model as the arrays of an nfc program's ports, and back.

A tensor is one port. A string tensor is bytes with a last axis of zero-padded text. A sequence is the port of its
elements, all padded to one shape, with NAME_count, and NAME_shapes where their shapes differ; an optional is the
port of what it holds, with NAME_has."""
import numpy as np

import pb
import suite

PARTS = ('count', 'shapes', 'has')


class Fault(Exception):
    """What is wrong with a test; the text is the reason."""


class Bundle:
    """The ports of one ONNX input or output."""

    def __init__(self, info, port):
        self.info, self.port, self.parts = info, port, {}

    @property
    def holds_several(self):
        t = self.info.type
        while t.optional_type:
            t = t.optional_type.elem_type
        return t.sequence_type is not None

    @property
    def is_optional(self):
        return self.info.type.optional_type is not None


def bundles(infos, ports):
    """One Bundle for each of the model's inputs, or outputs: the ports come in their order."""
    left, found = list(ports), []
    for info in infos:
        if not left:
            raise Fault('the program has no port for %s' % info.name)
        b = Bundle(info, left.pop(0))
        plain = info.type.tensor_type is not None
        while left and not plain and left[0]['name'] in [b.port['name'] + '_' + part for part in PARTS]:
            part = left.pop(0)
            b.parts[part['name'][len(b.port['name']) + 1:]] = part
        found.append(b)
    if left:
        raise Fault('the program has a port %s that the model does not have' % left[0]['name'])
    return found


def text_bytes(array, room):
    """Strings as bytes [.., room]."""
    longest = max([len(s) for s in array.reshape(-1)] + [1])
    room = room if isinstance(room, int) else longest
    if longest > room:
        raise Fault('a text of %d bytes, and the port has room for %d' % (longest, room))
    out = np.zeros(array.shape + (room,), np.uint8)
    for at in np.ndindex(array.shape):
        out[at][:len(array[at])] = np.frombuffer(array[at], np.uint8)
    return out


def array_of(value, port):
    if value.of.number == pb.STRING:
        return text_bytes(value.array, port['shape'][-1])
    return value.array


def stacked(values, port, bundle):
    """A sequence's elements [K, ...], K and the extents at the port's bounds."""
    arrays = [array_of(v, port) for v in values]
    rank = len(port['shape']) - 1
    if any(a.ndim != rank for a in arrays):
        raise Fault('elements of rank %s for the port %s' % (sorted({a.ndim for a in arrays}), port['name']))
    most = [max([a.shape[k] for a in arrays] + [0]) for k in range(rank)]
    extents = [e if isinstance(e, int) else m for e, m in zip(port['shape'], [len(arrays)] + most)]
    if len(arrays) > extents[0] or any(m > e for m, e in zip(most, extents[1:])):
        raise Fault('%d elements up to %s, and the port has %s' % (len(arrays), most, extents))
    of = pb.TYPES[suite.element_type(bundle.info.type)]
    out = np.zeros(extents, np.uint8 if of.number == pb.STRING else of.storage)
    for k, a in enumerate(arrays):
        out[(k,) + tuple(slice(n) for n in a.shape)] = a
    return out, np.array([a.shape for a in arrays], np.int64).reshape(len(arrays), rank)


def as_declared(array, shape):
    """Some models of the suites declare an input [3, 4] and come with data [1]: of `like`, whose elements nobody reads."""
    if array.shape == (1,) and all(isinstance(e, int) for e in shape):
        return np.broadcast_to(array, shape)
    return array


def input_arrays(bundle, value):
    """{port name: array} for one input."""
    out, parts = {}, bundle.parts
    if 'has' in parts:
        out[parts['has']['name']] = np.array(value is not None)
    elif value is None:
        raise Fault('%s has nothing in it, and no port tells that' % bundle.info.name)
    if value is None:
        of = pb.TYPES[suite.element_type(bundle.info.type)]
        value = [] if bundle.holds_several else suite.Value(of, np.zeros([e if isinstance(e, int) else 0 for e in bundle.port['shape']], of.storage))
    if isinstance(value, list):
        array, shapes = stacked(value, bundle.port, bundle)
        if 'count' in parts:
            out[parts['count']['name']] = np.array(len(value), np.int64)
        if 'shapes' in parts:
            padded = np.zeros((array.shape[0], shapes.shape[1]), np.int64)
            padded[:len(value)] = shapes
            out[parts['shapes']['name']] = padded
    else:
        array = as_declared(array_of(value, bundle.port), bundle.port['shape'])
    out[bundle.port['name']] = array
    return out


def texts(array):
    """bytes [.., L] back to strings."""
    out = np.empty(array.shape[:-1], object)
    for at in np.ndindex(out.shape):
        out[at] = array[at].tobytes().rstrip(b'\0')
    return out


def one_value(array, of):
    if of.number == pb.STRING:
        if array.dtype != np.uint8 or array.ndim == 0:
            raise Fault('strings come as %s of rank %d' % (array.dtype, array.ndim))
        return suite.Value(of, texts(array))
    if array.dtype != of.storage:
        raise Fault('comes as %s, not %s' % (array.dtype, of.name))
    return suite.Value(of, array)


def output_value(bundle, read):
    """What an output holds; read(port name) gives its array."""
    of, parts = pb.TYPES[suite.element_type(bundle.info.type)], bundle.parts
    if 'has' in parts and not bool(read(parts['has']['name'])):
        return None
    array = read(bundle.port['name'])
    if not bundle.holds_several:
        return one_value(array, of)
    count = int(read(parts['count']['name'])) if 'count' in parts else array.shape[0]
    shapes = read(parts['shapes']['name']) if 'shapes' in parts else None
    if count > array.shape[0]:
        raise Fault('%d elements are counted, and there is room for %d' % (count, array.shape[0]))
    out = []
    for k in range(count):
        element = array[k] if shapes is None else array[(k,) + tuple(slice(n) for n in shapes[k])]
        out.append(one_value(element, of))
    return out
