"""weights.py FILE NAME=V,V...: writes a .safetensors file of f32 vectors."""
import os
import struct
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'ops'))
import tensor_file  # noqa: E402

tensors = {}
for arg in sys.argv[2:]:
    name, values = arg.split('=')
    values = [float(v) for v in values.split(',')]
    tensors[name] = 'f32', [len(values)], struct.pack('<%df' % len(values), *values)
tensor_file.write(sys.argv[1], tensors)
