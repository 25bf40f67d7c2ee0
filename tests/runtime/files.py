"""Files that are no .npy files, or not such that can be read: each gets a message and exit 1."""
import struct

import numpy as np

from command_line import program
from harness import expect, expect_array, expect_equal, expect_fails

GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (), }"
DATA = struct.pack('<f', 1.5)


def npy(header=GOOD, data=DATA, version=1, magic=b'\x93NUMPY', length=None):
    text = header.encode('latin1') if isinstance(header, str) else header
    length = len(text) if length is None else length
    return magic + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', length & (0xffff if version == 1 else 0xffffffff)) + text + data


def spread(s, content):
    """Runs graph 'spread' of pair.nfg, whose only input is an f32 scalar."""
    with open(s.path('x.npy'), 'wb') as f:
        f.write(content)
    return s.run(program(s, 'pair.nfg'), '--graph', 'spread', '--dim', 'N=2', '--input', 'x=x.npy', '--output', 'out')


def test_npy_good(s):
    spaces = "  {\t'shape' :( ) ,'descr':\"<f4\",'fortran_order':False}  \n"
    long = GOOD + ' ' * 70000 + '\n'
    for content in (npy(), npy(version=2), npy(version=3), npy(spaces), npy(GOOD.replace('<', '=')), npy(long[:65000]),
                    npy(long[:65536], version=2)):
        r = spread(s, content)
        expect_equal((r.code, r.out, r.err), (0, '', ''), 'result')
        expect_array(s.path('out', 'y.npy'), np.full(2, 1.5, 'f4'))


def test_npy_bad(s):
    magic, damaged, shape, kind, cut = 'does not begin with', 'header is damaged', 'shape is damaged', 'element type is unknown', 'header is cut off'
    cases = [
        (b'', magic), (b'\x93NUMP', magic), (b'not a file of NumPy', magic), (npy(magic=b'\x93NUMPX'), magic),
        (npy()[:9], magic), (npy(version=0), 'version is unknown'), (npy(version=4), 'version is unknown'),
        (npy()[:10], cut), (npy()[:40], cut), (npy(length=65535), cut), (npy(version=2)[:11], cut),
        (npy(version=2, length=2**32 - 1), 'longer than 65536'), (npy(version=3, length=65537), 'longer than 65536'),
        (npy(''), damaged), (npy('{}'), damaged), (npy('{'), damaged), (npy('[]'), damaged), (npy(b'\0' * 60), damaged),
        (npy(GOOD[:-1]), damaged), (npy(GOOD + 'x'), damaged), (npy(GOOD + '\0 \n'), damaged), (npy(GOOD + GOOD), damaged),
        (npy(GOOD.replace("'shape': (), ", '')), damaged), (npy(GOOD.replace("'descr': '<f4', ", '')), damaged),
        (npy(GOOD.replace("'fortran_order': False, ", '')), damaged), (npy(GOOD.replace('False', 'No')), damaged),
        (npy(GOOD.replace("'shape'", "'sharp'")), damaged), (npy(GOOD.replace("'shape'", 'shape')), damaged),
        (npy(GOOD.replace('}', "'shape': () }")), damaged), (npy(GOOD.replace('}', "'more': 1 }")), damaged),
        (npy(GOOD.replace("'shape':", "'shape'")), damaged), (npy(GOOD.replace('(), ', '() ')[:-1] + "'x"), damaged),
        (npy(GOOD.replace("'descr'", "'" + 'd' * 100 + "'")), damaged), (npy("{'descr"), damaged),
        (npy(GOOD.replace('()', '(')), shape), (npy(GOOD.replace('()', '(-1,)')), shape), (npy(GOOD.replace('()', '(1 2)')), shape),
        (npy(GOOD.replace('()', '(99999999999999999999,)')), shape), (npy(GOOD.replace('()', '(,)')), shape),
        (npy(GOOD.replace('()', '(' + '1,' * 33 + ')')), shape), (npy(GOOD.replace('()', '[]')), shape), (npy(GOOD.replace('()', '(1.5,)')), shape),
        (npy(GOOD.replace('False', 'True')), 'Fortran order; numpy: numpy.ascontiguousarray(x)'),
        (npy(GOOD.replace('<f4', '>f4')), "big-endian; numpy: x.astype(x.dtype.newbyteorder('<'))"),
        (npy(GOOD.replace('<f4', '<f3')), kind), (npy(GOOD.replace('<f4', '<c8')), kind), (npy(GOOD.replace('<f4', '|O')), kind),
        (npy(GOOD.replace('<f4', '<U4')), kind), (npy(GOOD.replace('<f4', 'f4')), kind), (npy(GOOD.replace('<f4', '')), kind),
        (npy(GOOD.replace('<f4', '<f16')), kind), (npy(GOOD.replace("'<f4'", "[('a', '<f4')]")), kind), (npy(GOOD.replace('<f4', '<f4' * 9)), kind),
        (npy(GOOD.replace('()', '(1,)')), "the shape is [1], but input 'x' is f32 []"),
        (npy(GOOD.replace('()', '(' + '9223372036854775800, ' * 32 + ')')), 'the shape is ['),
        (npy(GOOD.replace('<f4', '<f8')), 'the elements are float64'),
        (npy(data=b''), 'fewer elements than its shape asks for'), (npy(data=b'123'), 'fewer elements than its shape asks for'),
        (npy(data=DATA + b'x'), 'more data than its shape asks for'),
    ]
    for content, text in cases:
        r = spread(s, content)
        expect_fails(r, 1, 'x.npy', text)
        expect_equal(r.err.count('error:'), 1, 'messages\n%s' % r)


def test_npy_cut_anywhere(s):
    whole = npy(GOOD + ' \n')
    for n in range(0, len(whole), 3):
        expect_fails(spread(s, whole[:n]), 1, 'x.npy', 'not a .npy file that can be used')


def test_npy_from_a_pipe(s):
    np.save(s.path('x.npy'), np.float32(2.5))
    r = s.run('sh', '-c', 'cat x.npy | "$0" --graph spread --dim N=1 --input x=/dev/stdin --output out', program(s, 'pair.nfg'))
    expect_equal((r.code, r.err), (0, ''), 'result')
    expect_array(s.path('out', 'y.npy'), np.full(1, 2.5, 'f4'))


def test_npy_written_as_numpy_does(s):
    expect_equal(spread(s, npy()).code, 0, 'exit')
    np.save(s.path('numpy.npy'), np.full(2, 1.5, 'f4'))
    ours, theirs = (open(s.path(*p), 'rb').read() for p in (('out', 'y.npy'), ('numpy.npy',)))
    expect(len(ours) % 64 == 8 and ours[:8] == theirs[:8], 'the header is another')
    expect_equal(ours[10:].split(b'}')[0], theirs[10:].split(b'}')[0], 'header')
