"""npy.py FILE DESCR SHAPE VALUES...: writes a .npy file. npy.py FILE: prints one."""
import ast
import struct
import sys

CODE = {'f4': 'f', 'f8': 'd', 'f2': 'e', 'i1': 'b', 'i2': 'h', 'i4': 'i', 'i8': 'q',
        'u1': 'B', 'u2': 'H', 'u4': 'I', 'u8': 'Q', 'b1': '?'}


def write(path, descr, shape, values):
    values = [float(v) if descr[0] == 'f' else int(v) for v in values]
    shape = ''.join('%d,' % int(d) for d in shape.split(',') if d)
    order = '|' if descr[1] == '1' else '<'
    head = "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }" % (order, descr, shape)
    head += ' ' * (-(len(head) + 11) % 64) + '\n'
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode())
        f.write(struct.pack('<%d%s' % (len(values), CODE[descr]), *values))


def show(path):
    data = open(path, 'rb').read()
    n, = struct.unpack('<H', data[8:10])
    head = ast.literal_eval(data[10:10 + n].decode())
    code, body = CODE[head['descr'][1:]], data[10 + n:]
    values = struct.unpack('<%d%s' % (len(body) // struct.calcsize(code), code), body)
    print(head['descr'], list(head['shape']), *values)


if len(sys.argv) > 2:
    write(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    show(sys.argv[1])
