"""selfcheck.py NFC WORK: what is wrong is found. Outputs that differ are told from those that do not; a suite whose
golden, model or exceptions are wrong fails, with the reason."""
import os
import shutil
import subprocess
import sys

import numpy as np

import compare
import pb
import ports
import suite

HERE = os.path.dirname(os.path.abspath(__file__))
failed = 0


def expect(name, right):
    global failed
    if not right:
        failed += 1
        print('FAILED selfcheck/%s' % name)


class Tolerance:
    rtol, atol = 1e-3, 1e-7


def differs(got, want, number=pb.FLOAT, other=None):
    of = pb.TYPES[number]
    try:
        compare.compare('y', suite.Value(pb.TYPES[other or number], np.asarray(got)), suite.Value(of, np.asarray(want)), Tolerance, compare.Worst())
    except ports.Fault:
        return True
    return False


def check_compare():
    f = np.float32
    expect('equal', not differs(f([1, -0.0, np.inf, np.nan]), f([1, 0, np.inf, np.nan])))
    expect('near', not differs(f([1.0009]), f([1])))
    expect('far', differs(f([1.0011]), f([1])))
    expect('small', differs(f([2e-7]), f([0])))
    expect('infinite', differs(f([np.inf]), f([3e38])) and differs(f([-np.inf]), f([np.inf])))
    expect('nan', differs(f([np.nan]), f([1])) and differs(f([1]), f([np.nan])))
    expect('shape', differs(f([[1]]), f([1])))
    expect('type', differs(np.int64([1]), np.int32([1]), pb.INT32, pb.INT64))
    expect('integer', differs(np.int8([1]), np.int8([2]), pb.INT8))
    expect('text', differs(np.array([b'a'], object), np.array([b'b'], object), pb.STRING))
    expect('bfloat16', not differs(np.uint16([0x3F81]), np.uint16([0x3F80]), pb.BFLOAT16) and differs(np.uint16([0x3F84]), np.uint16([0x3F80]), pb.BFLOAT16))
    worst = compare.Worst()
    compare.compare_floats('y', pb.TYPES[pb.FLOAT], np.nextafter(f([1]), f(2)), f([1]), 1e-3, 0, worst)
    expect('ulp', worst.ulp == 1 and 0 < worst.error < 2e-7)


def check_random():
    x = suite.Value(pb.TYPES[pb.FLOAT], np.full(10000, 0.25, np.float32))
    for name, ones, right in (('bernoulli', 2500, True), ('bernoulli_biased', 3000, False)):
        y = suite.Value(x.of, (np.arange(10000) < ones).astype(np.float32))
        try:
            compare.bernoulli([x], [y], [y], ['y'], [])
            expect(name, right)
        except ports.Fault:
            expect(name, not right)


def run(nfc, root, *more):
    done = subprocess.run([sys.executable, '-B', os.path.join(HERE, 'run.py'), '--nfc', nfc, '--suite', root, '--jobs', '1'] + list(more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def check_runs(nfc, work):
    """A suite of one test, y = a + b, made wrong in turn."""
    folder = os.path.join(work, 'suite', 'node', 'test_sum')
    data = os.path.join(folder, 'test_data_set_0')
    os.makedirs(data)
    g = pb.graph('sum', [pb.node('Add', 'a b', 'y')], [pb.info('a', pb.FLOAT, [2]), pb.info('b', pb.FLOAT, [2])], [pb.info('y', pb.FLOAT, [2])])
    pb.save(os.path.join(folder, 'model.onnx'), pb.model(g))
    arrays = {'input_0': [1, 2], 'input_1': [3, 4], 'output_0': [4, 6]}
    for name, a in arrays.items():
        pb.save(os.path.join(data, name + '.pb'), pb.tensor('', np.array(a, np.float32)))
    root = os.path.join(work, 'suite')
    status, said = run(nfc, root, '--results', os.path.join(work, 'R.md'))
    expect('right', status == 0 and '1 tests; sim 1, gcc 1, clang 1; 0 failures' in said)
    with open(os.path.join(work, 'R.md')) as f:
        expect('results', '| node/test_sum | Add | 21 | yes | yes | yes | 0 | 0 |  |' in f.read())
    pb.save(os.path.join(data, 'output_0.pb'), pb.tensor('', np.array([4, 6.01], np.float32)))
    status, said = run(nfc, root)
    expect('golden', status == 1 and said.count('y[1] is 6, not 6.01000023') == 3)
    shutil.rmtree(data)
    status, said = run(nfc, root)
    expect('no_data', status == 1 and 'there is no data set' in said)
    with open(os.path.join(folder, 'model.onnx'), 'wb') as f:
        f.write(b'\x08')
    status, said = run(nfc, root, '--ways', 'sim')
    expect('model', status != 0)


def main():
    check_compare()
    check_random()
    check_runs(os.path.abspath(sys.argv[1]), sys.argv[2])
    return failed > 0


sys.exit(main())
