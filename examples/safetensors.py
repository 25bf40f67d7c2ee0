"""Writes and reads .safetensors files: a length, a JSON header, the tensors one after the other."""
import json
import struct

import numpy as np

NAMES = {'float32': 'F32', 'int32': 'I32', 'uint8': 'U8'}


def save(path, tensors, metadata=None):
    """Writes {name: array} in the order of the names; metadata maps strings to strings."""
    header, data = {'__metadata__': dict(sorted((metadata or {}).items()))}, []
    offset = 0
    for name, array in sorted(tensors.items()):
        data.append(np.ascontiguousarray(array).tobytes())
        header[name] = {'dtype': NAMES[array.dtype.name], 'shape': list(array.shape),
                        'data_offsets': [offset, offset + len(data[-1])]}
        offset += len(data[-1])
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(data))


def load(path):
    """The tensors and the metadata of a file."""
    with open(path, 'rb') as file:
        size, = struct.unpack('<Q', file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    dtypes = {short: np.dtype(long) for long, short in NAMES.items()}
    metadata = header.pop('__metadata__', {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        tensors[name] = np.frombuffer(data[begin:end], dtypes[entry['dtype']]).reshape(entry['shape'])
    return tensors, metadata
