"""ONNX files, read and written with nothing but NumPy: protobuf's wire format, and the messages of onnx.proto.

A message is a Message whose attributes are named as in onnx.proto: a list where a field repeats, else None when it
is absent. An array of elements travels as nfc takes it in .npy files: bfloat16 and the float8s as the unsigned bits
of their width, elements below a byte one in a byte, strings as an object array of bytes."""
import os
import struct
import types

import numpy as np

# field number: (name, type); a type in a list repeats. Numbers are int (varint), float, double; bytes and str.
SCHEMA = {
    'Model': {1: ('ir_version', int), 2: ('producer_name', str), 3: ('producer_version', str), 4: ('domain', str),
              5: ('model_version', int), 6: ('doc_string', str), 7: ('graph', 'Graph'), 8: ('opset_import', ['Opset']),
              25: ('functions', ['Function'])},
    'Opset': {1: ('domain', str), 2: ('version', int)},
    'Function': {1: ('name', str), 4: ('input', [str]), 5: ('output', [str]), 6: ('attribute', [str]), 7: ('node', ['Node']),
                 9: ('opset_import', ['Opset']), 10: ('domain', str), 11: ('attribute_proto', ['Attribute']), 13: ('overload', str)},
    'Graph': {1: ('node', ['Node']), 2: ('name', str), 5: ('initializer', ['Tensor']), 11: ('input', ['ValueInfo']),
              12: ('output', ['ValueInfo']), 13: ('value_info', ['ValueInfo']), 15: ('sparse_initializer', ['SparseTensor'])},
    'Node': {1: ('input', [str]), 2: ('output', [str]), 3: ('name', str), 4: ('op_type', str), 5: ('attribute', ['Attribute']),
             7: ('domain', str), 8: ('overload', str)},
    'Attribute': {1: ('name', str), 2: ('f', float), 3: ('i', int), 4: ('s', bytes), 5: ('t', 'Tensor'), 6: ('g', 'Graph'),
                  7: ('floats', [float]), 8: ('ints', [int]), 9: ('strings', [bytes]), 10: ('tensors', ['Tensor']),
                  11: ('graphs', ['Graph']), 14: ('tp', 'Type'), 15: ('type_protos', ['Type']), 20: ('type', int),
                  21: ('ref_attr_name', str), 22: ('sparse_tensor', 'SparseTensor')},
    'Tensor': {1: ('dims', [int]), 2: ('data_type', int), 4: ('float_data', [float]), 5: ('int32_data', [int]),
               6: ('string_data', [bytes]), 7: ('int64_data', [int]), 8: ('name', str), 9: ('raw_data', bytes),
               10: ('double_data', ['double']), 11: ('uint64_data', [int]), 13: ('external_data', ['Entry']), 14: ('data_location', int)},
    'Entry': {1: ('key', str), 2: ('value', str)},
    'SparseTensor': {1: ('values', 'Tensor'), 2: ('indices', 'Tensor'), 3: ('dims', [int])},
    'ValueInfo': {1: ('name', str), 2: ('type', 'Type')},
    'Type': {1: ('tensor_type', 'TensorType'), 4: ('sequence_type', 'ElementType'), 5: ('map_type', 'MapType'),
             8: ('sparse_tensor_type', 'TensorType'), 9: ('optional_type', 'ElementType')},
    'TensorType': {1: ('elem_type', int), 2: ('shape', 'Shape')},
    'ElementType': {1: ('elem_type', 'Type')},
    'MapType': {1: ('key_type', int), 2: ('value_type', 'Type')},
    'Shape': {1: ('dim', ['Dim'])},
    'Dim': {1: ('dim_value', int), 2: ('dim_param', str)},
    'Sequence': {1: ('name', str), 2: ('elem_type', int), 3: ('tensor_values', ['Tensor']), 5: ('sequence_values', ['Sequence']),
                 7: ('optional_values', ['Optional'])},
    'Optional': {1: ('name', str), 2: ('elem_type', int), 3: ('tensor_value', 'Tensor'), 5: ('sequence_value', 'Sequence'),
                 7: ('optional_value', 'Optional')},
}
NUMBER = {name: {field: number for number, (field, _) in fields.items()} for name, fields in SCHEMA.items()}
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5


class Message(types.SimpleNamespace):
    """One message; unknown fields are skipped when it is read."""

    def __init__(self, kind, **given):
        super().__init__(**{name: [] if isinstance(of, list) else None for name, of in SCHEMA[kind].values()})
        self.kind_ = kind
        for name, value in given.items():
            if name not in NUMBER[kind]:
                raise TypeError('%s has no field %s' % (kind, name))
            setattr(self, name, value)


# ---- reading -----------------------------------------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def signed(value):
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def fields_of(data):
    """(number, wire type, value) of each field of a message: an integer, or the bytes."""
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = varint(data, at)
        else:
            if wire == BYTES:
                n, at = varint(data, at)
            elif wire in (EIGHT, FOUR):
                n = 8 if wire == EIGHT else 4
            else:
                raise ValueError('wire type %d' % wire)
            if at + n > end:
                raise ValueError('a field runs over the end of its message')
            value, at = data[at:at + n], at + n
        yield tag >> 3, wire, value


def packed_varints(data):
    """All varints of a packed field."""
    if not data:
        return []
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 128)
    if len(ends) == len(raw):
        return raw.tolist()
    out, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        out.append(signed(value))
    return out


def values_of(of, wire, value):
    """The values that one field brings: several when it is packed."""
    if of is int:
        return packed_varints(bytes(value)) if wire == BYTES else [signed(value)]
    if of is float or of == 'double':
        return np.frombuffer(value, '<f4' if of is float else '<f8').tolist()
    if of is bytes:
        return [bytes(value)]
    if of is str:
        return [bytes(value).decode('utf-8', 'surrogateescape')]
    return [parse(of, value)]


def parse(kind, data):
    m = Message(kind)
    schema = SCHEMA[kind]
    for number, wire, value in fields_of(memoryview(data)):
        if number not in schema:
            continue
        name, of = schema[number]
        if isinstance(of, list):
            getattr(m, name).extend(values_of(of[0], wire, value))
        else:
            setattr(m, name, values_of(of, wire, value)[-1])
    return m


def load(path, kind='Model'):
    with open(path, 'rb') as f:
        return parse(kind, f.read())


# ---- writing -----------------------------------------------------------------------------------

def put_varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_field(number, of, value):
    if of is int:
        return put_varint(number << 3 | VARINT) + put_varint(int(value))
    if of is float:
        return put_varint(number << 3 | FOUR) + struct.pack('<f', value)
    if of == 'double':
        return put_varint(number << 3 | EIGHT) + struct.pack('<d', value)
    if of is str:
        value = value.encode('utf-8', 'surrogateescape')
    elif of is not bytes:
        value = serialize(value)
    return put_varint(number << 3 | BYTES) + put_varint(len(value)) + value


def serialize(m):
    out = []
    for number, (name, of) in SCHEMA[m.kind_].items():
        value = getattr(m, name)
        if isinstance(of, list):
            out += [put_field(number, of[0], one) for one in value]
        elif value is not None:
            out.append(put_field(number, of, value))
    return b''.join(out)


def save(path, m):
    with open(path, 'wb') as f:
        f.write(serialize(m))


# ---- element types -----------------------------------------------------------------------------

class ElementType:
    """One of TensorProto.DataType: how it is stored here, and what its bits mean."""

    def __init__(self, number, name, storage, bits, exponent=0, fraction=0, bias=0, specials=''):
        self.number, self.name, self.storage, self.bits = number, name, np.dtype(storage), bits
        self.exponent, self.fraction, self.bias, self.specials = exponent, fraction, bias, specials

    @property
    def is_float(self):
        return self.exponent > 0

    def decode(self, a):
        """Values of stored elements; f64 for the formats that NumPy does not have."""
        if self.storage.kind == 'f' or not self.is_float:
            return a
        codes = np.arange(1 << self.bits, dtype=np.uint32) if self.bits <= 8 else None
        return self.value(a) if codes is None else self.value(codes)[a]

    def value(self, codes):
        if self.name == 'bfloat16':
            return (codes.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        if self.name == 'float8e8m0':
            return np.where(codes == 255, np.nan, np.exp2(codes.astype(np.float64) - 127))
        sign = np.where(codes >> (self.bits - 1), -1.0, 1.0)
        e = (codes >> self.fraction & ((1 << self.exponent) - 1)).astype(np.int64)
        f = (codes & ((1 << self.fraction) - 1)).astype(np.float64) / (1 << self.fraction)
        v = sign * np.where(e > 0, (1 + f) * np.exp2((e - self.bias).astype(np.float64)), f * np.exp2(1.0 - self.bias))
        top = e == (1 << self.exponent) - 1
        if self.specials == 'ieee':
            v = np.where(top, np.where(f == 0, sign * np.inf, np.nan), v)
        elif self.specials == 'fn':
            v = np.where(top & (f == 1 - 1 / (1 << self.fraction)), np.nan, v)
        elif self.specials == 'fnuz':
            v = np.where(codes == 1 << (self.bits - 1), np.nan, v)
        return v


TYPES = {t.number: t for t in (
    ElementType(1, 'float', 'f4', 32, 8, 23), ElementType(2, 'uint8', 'u1', 8), ElementType(3, 'int8', 'i1', 8),
    ElementType(4, 'uint16', 'u2', 16), ElementType(5, 'int16', 'i2', 16), ElementType(6, 'int32', 'i4', 32),
    ElementType(7, 'int64', 'i8', 64), ElementType(8, 'string', 'O', 0), ElementType(9, 'bool', '?', 8),
    ElementType(10, 'float16', 'f2', 16, 5, 10), ElementType(11, 'double', 'f8', 64, 11, 52), ElementType(12, 'uint32', 'u4', 32),
    ElementType(13, 'uint64', 'u8', 64), ElementType(16, 'bfloat16', 'u2', 16, 8, 7, 127),
    ElementType(17, 'float8e4m3fn', 'u1', 8, 4, 3, 7, 'fn'), ElementType(18, 'float8e4m3fnuz', 'u1', 8, 4, 3, 8, 'fnuz'),
    ElementType(19, 'float8e5m2', 'u1', 8, 5, 2, 15, 'ieee'), ElementType(20, 'float8e5m2fnuz', 'u1', 8, 5, 2, 16, 'fnuz'),
    ElementType(21, 'uint4', 'u1', 4), ElementType(22, 'int4', 'i1', 4), ElementType(23, 'float4e2m1', 'u1', 4, 2, 1, 1),
    ElementType(24, 'float8e8m0', 'u1', 8, 8, 0, 127), ElementType(25, 'uint2', 'u1', 2), ElementType(26, 'int2', 'i1', 2))}
FLOAT, UINT8, INT8, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, BFLOAT16 = 1, 2, 3, 6, 7, 8, 9, 10, 11, 16


def unpack(of, raw, n):
    """Elements of fewer than 8 bits, the first in the low bits of its byte, to one in a byte."""
    per, mask = 8 // of.bits, (1 << of.bits) - 1
    a = np.stack([raw >> (of.bits * k) & mask for k in range(per)], -1).reshape(-1)[:n]
    if of.storage.kind == 'i':
        a = a.astype(np.int8) - (a >> (of.bits - 1)).astype(np.int8) * (1 << of.bits)
    return a.astype(of.storage)


def pack(of, a):
    per = 8 // of.bits
    flat = np.zeros(-(-a.size // per) * per, np.uint8)
    flat[:a.size] = a.reshape(-1).astype(np.uint8) & ((1 << of.bits) - 1)
    return np.bitwise_or.reduce([flat[k::per] << (of.bits * k) for k in range(per)]).astype(np.uint8)


def raw_elements(of, raw, n):
    if 0 < of.bits < 8:
        return unpack(of, np.frombuffer(raw, np.uint8), n)
    return np.frombuffer(raw, of.storage.newbyteorder('<'))


def external(t, folder):
    where = {e.key: e.value for e in t.external_data}
    with open(os.path.join(folder, where['location']), 'rb') as f:
        f.seek(int(where.get('offset', 0)))
        return f.read(int(where['length'])) if 'length' in where else f.read()


def typed_elements(of, t, n):
    """The elements where they are in one of the typed fields."""
    if of.number in (FLOAT,):
        return np.array(t.float_data, np.float32)
    if of.number == DOUBLE:
        return np.array(t.double_data, np.float64)
    if of.number == INT64:
        return np.array(t.int64_data, np.int64)
    if of.name in ('uint32', 'uint64'):
        return np.array(t.uint64_data, np.int64).astype(of.storage)
    words = np.array(t.int32_data, np.int64)
    if 0 < of.bits < 8:
        return unpack(of, words.astype(np.uint8), n)
    if of.number == FLOAT16:
        return words.astype(np.uint16).view(np.float16)
    return words.astype(of.storage)


def elements(t, folder='.'):
    """(element type, array) of a TensorProto."""
    if t.data_type not in TYPES:
        raise ValueError('element type %s' % t.data_type)
    of, shape = TYPES[t.data_type], tuple(t.dims)
    n = int(np.prod(shape, dtype=np.int64))
    if of.number == STRING:
        a = np.empty(n, object)
        a[:] = t.string_data
    elif t.data_location == 1:
        a = raw_elements(of, external(t, folder), n)
    elif t.raw_data is not None:
        a = raw_elements(of, t.raw_data, n)
    else:
        a = typed_elements(of, t, n)
    return of, a.reshape(shape)


# ---- what models are written with ----------------------------------------------------------------

def tensor(name, a, number=None):
    """A TensorProto with its elements as raw bytes; `number` where the array's dtype does not say it."""
    a = np.asarray(a)
    if number is None:
        number = next(k for k, t in TYPES.items() if t.storage == a.dtype)
    of = TYPES[number]
    t = Message('Tensor', name=name, dims=list(a.shape), data_type=number)
    if number == STRING:
        t.string_data = [s if isinstance(s, bytes) else s.encode() for s in a.reshape(-1)]
    else:
        t.raw_data = (pack(of, a) if of.bits < 8 else np.ascontiguousarray(a, of.storage.newbyteorder('<'))).tobytes()
    return t


def type_of(number, shape):
    """The type of a tensor: extents are numbers, names, or None; shape None says nothing of the rank."""
    t = Message('TensorType', elem_type=number)
    if shape is not None:
        t.shape = Message('Shape', dim=[Message('Dim', dim_value=d) if isinstance(d, int) else Message('Dim', dim_param=d) for d in shape])
    return Message('Type', tensor_type=t)


def sequence_of(element):
    return Message('Type', sequence_type=Message('ElementType', elem_type=element))


def optional_of(element):
    return Message('Type', optional_type=Message('ElementType', elem_type=element))


def info(name, number, shape=None):
    """A ValueInfoProto; `number` may be a whole Type."""
    return Message('ValueInfo', name=name, type=number if isinstance(number, Message) else type_of(number, shape))


def attribute(name, value):
    """An AttributeProto of the kind that the value has."""
    a = Message('Attribute', name=name)
    kind = value.kind_ if isinstance(value, Message) else None
    many = isinstance(value, (list, tuple))
    first = value[0] if many and value else value
    if kind in ('Tensor', 'Graph', 'Type'):
        field, a.type = {'Tensor': ('t', 4), 'Graph': ('g', 5), 'Type': ('tp', 13)}[kind]
    elif isinstance(first, (str, bytes)):
        field, a.type = ('strings', 8) if many else ('s', 3)
        value = [v.encode() if isinstance(v, str) else v for v in value] if many else value.encode() if isinstance(value, str) else value
    elif isinstance(first, float):
        field, a.type = ('floats', 6) if many else ('f', 1)
    else:
        field, a.type = ('ints', 7) if many else ('i', 2)
    setattr(a, field, list(value) if many else value)
    return a


def node(op, inputs, outputs, domain=None, name=None, refs=None, **attributes):
    """A NodeProto; refs: attributes that are the enclosing function's, as name -> (its name, type number)."""
    attrs = [attribute(k, v) for k, v in attributes.items()]
    attrs += [Message('Attribute', name=k, ref_attr_name=of, type=kind) for k, (of, kind) in (refs or {}).items()]
    split = lambda names: names.split() if isinstance(names, str) else list(names)
    return Message('Node', op_type=op, input=split(inputs), output=split(outputs), domain=domain, name=name, attribute=attrs)


def graph(name, nodes, inputs, outputs, initializers=(), value_info=()):
    return Message('Graph', name=name, node=list(nodes), input=list(inputs), output=list(outputs), initializer=list(initializers),
                   value_info=list(value_info))


def model(g, opset=21, domains=(), functions=(), ir_version=10):
    """A ModelProto; domains: (domain, version) of further opsets."""
    opsets = [Message('Opset', domain='', version=opset)] + [Message('Opset', domain=d, version=v) for d, v in domains]
    return Message('Model', ir_version=ir_version, producer_name='nfc tests', graph=g, opset_import=opsets, functions=list(functions))
