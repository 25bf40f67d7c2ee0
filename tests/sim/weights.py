"""weights.py FILE NAME=V,V...: writes a .safetensors file of f32 vectors."""
import json
import struct
import sys

header, data = {}, b''
for arg in sys.argv[2:]:
    name, values = arg.split('=')
    values = [float(v) for v in values.split(',')]
    begin = len(data)
    data += struct.pack('<%df' % len(values), *values)
    header[name] = {'dtype': 'F32', 'shape': [len(values)], 'data_offsets': [begin, len(data)]}
text = json.dumps(header).encode()
open(sys.argv[1], 'wb').write(struct.pack('<Q', len(text)) + text + data)
