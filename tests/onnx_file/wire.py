"""Protobuf's wire format by hand, and ONNX's messages in it: what no library would write can be written too."""
import struct

FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64, COMPLEX64, COMPLEX128, BFLOAT16 = range(1, 17)
E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, UINT4, INT4, E2M1, E8M0, UINT2, INT2, E2M3, E3M2 = range(17, 29)


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def tag(field, wire):
    return varint(field << 3 | wire)


def num(field, n):
    return tag(field, 0) + varint(n)


def data(field, text):
    text = text.encode() if isinstance(text, str) else text
    return tag(field, 2) + varint(len(text)) + text


def f32(field, x):
    return tag(field, 5) + struct.pack("<f", x)


def each(field, items):
    return b"".join(data(field, i) for i in items)


def packed(field, numbers):
    return data(field, b"".join(varint(n) for n in numbers))


def tensor(name="", dims=(), type=FLOAT, raw=None, more=b""):
    """more: other fields, such as packed(5, ...) for int32_data."""
    return b"".join(num(1, d) for d in dims) + (num(2, type) if type is not None else b"") + (data(8, name) if name else b"") + (data(9, raw) if raw is not None else b"") + more


def entry(key, value):
    return data(1, key) + data(2, value)


def external(location, offset=None, length=None, more=()):
    """The fields external_data and data_location."""
    pairs = [("location", location), ("offset", offset), ("length", length)] + list(more)
    return each(13, [entry(k, v if isinstance(v, bytes) else str(v)) for k, v in pairs if v is not None]) + num(14, 1)


def shape(*dims):
    return each(1, [num(1, d) if isinstance(d, int) else data(2, d) if d else b"" for d in dims])


def value(name, type=FLOAT, dims=()):
    """A ValueInfoProto of a tensor; dims None: of unknown rank."""
    return data(1, name) + data(2, data(1, num(1, type) + (data(2, shape(*dims)) if dims is not None else b"")))


def attribute(name, x=None, kind=None, more=b""):
    """By the value's Python type: float, int, str, a list of one of them, or bytes of the fields given as more."""
    out = data(1, name)
    if isinstance(x, float): out, kind = out + f32(2, x), kind or 1
    elif isinstance(x, int): out, kind = out + num(3, x), kind or 2
    elif isinstance(x, str): out, kind = out + data(4, x), kind or 3
    elif isinstance(x, (list, tuple)) and x and isinstance(x[0], float): out, kind = out + b"".join(f32(7, v) for v in x), kind or 6
    elif isinstance(x, (list, tuple)) and x and isinstance(x[0], str): out, kind = out + each(9, x), kind or 8
    elif isinstance(x, (list, tuple)): out, kind = out + b"".join(num(8, v) for v in x), kind or 7
    return out + more + (num(20, kind) if kind else b"")


def tensor_attribute(name, t):
    return attribute(name, kind=4, more=data(5, t))


def graph_attribute(name, g):
    return attribute(name, kind=5, more=data(6, g))


def node(op, inputs, outputs, attributes=(), name="", domain="", more=b""):
    """attributes: a dict, or a list of messages."""
    if isinstance(attributes, dict): attributes = [attribute(k, v) for k, v in attributes.items()]
    return each(1, inputs) + each(2, outputs) + (data(3, name) if name else b"") + data(4, op) + each(5, attributes) + (data(7, domain) if domain else b"") + more


def graph(nodes=(), inputs=(), outputs=(), initializers=(), name="g", more=b""):
    return each(1, nodes) + data(2, name) + each(5, initializers) + each(11, inputs) + each(12, outputs) + more


def opset(version, domain=""):
    return data(1, domain) + num(2, version)


def function(name, inputs, outputs, nodes, domain="local", opsets=((17, ""),), more=b""):
    return data(1, name) + each(4, inputs) + each(5, outputs) + each(7, nodes) + each(9, [opset(*o) for o in opsets]) + data(10, domain) + more


def model(g, ir=8, opsets=((17, ""),), functions=(), more=b""):
    return num(1, ir) + data(7, g) + each(8, [opset(*o) for o in opsets]) + each(25, functions) + more


def weights(*tensors):
    """A model of nothing but initializers."""
    return model(graph(initializers=tensors))
