"""newest.py DIR: the backend tests of the installed `onnx` package, as a folder of models and data.

PyPI's wheel carries most of them as Python, a few as models. This writes all of them in the layout in which
Debian's libonnx-testdata has those of 1.12: DIR/SUITE/TEST/model.onnx and DIR/SUITE/TEST/test_data_set_N/
{input,output}_N.pb. It is the one file here that imports `onnx`, and needs the Python that has it:

    python3 -m venv venv && venv/bin/pip install onnx
    venv/bin/python tests/onnx/newest.py DIR
    ONNX_TESTDATA=DIR make check-onnx
"""
import glob
import os
import shutil
import sys

import numpy as np

FROM_FILES = ('pytorch-converted', 'pytorch-operator')


def message_of(value, info):
    """What input_N.pb holds for a value: a tensor, or what its type in the graph says."""
    from onnx import TensorProto, numpy_helper
    kind = info.type.WhichOneof('value')
    if isinstance(value, TensorProto):
        return value
    makers = {'tensor_type': numpy_helper.from_array, 'sequence_type': numpy_helper.from_list,
              'optional_type': numpy_helper.from_optional, 'map_type': numpy_helper.from_dict}
    if kind == 'tensor_type':
        value = np.asarray(value)
    return makers[kind](value, info.name)


def write(path, message):
    with open(path, 'wb') as f:
        f.write(message.SerializeToString())


def write_case(folder, case):
    os.makedirs(folder)
    write(os.path.join(folder, 'model.onnx'), case.model)
    for i, values in enumerate(case.data_sets):
        inside = os.path.join(folder, 'test_data_set_%d' % i)
        os.makedirs(inside)
        ports = (case.model.graph.input, case.model.graph.output)
        for name, given, infos in zip(('input', 'output'), values, ports):
            for k, (value, info) in enumerate(zip(given, infos)):
                write(os.path.join(inside, '%s_%d.pb' % (name, k)), message_of(value, info))


def write_light(folder, path):
    """A whole network with constant weights: its official output belongs to an input that counts up to 1."""
    import onnx
    from onnx import numpy_helper
    os.makedirs(os.path.join(folder, 'test_data_set_0'))
    shutil.copy(path, os.path.join(folder, 'model.onnx'))
    says = os.path.join(os.path.dirname(os.path.dirname(path)), 'real', os.path.basename(folder), 'data.json')
    shutil.copy(says, os.path.join(folder, 'data.json'))  # its tolerances
    graph = onnx.load(path).graph
    inside = {w.name for w in graph.initializer}
    free = [i for i in graph.input if i.name not in inside]
    for k, info in enumerate(free):
        shape = [d.dim_value or 1 for d in info.type.tensor_type.shape.dim]
        n = int(np.prod(shape))
        value = (np.arange(n).reshape(shape) / n).astype(np.float32)
        write(os.path.join(folder, 'test_data_set_0', 'input_%d.pb' % k), numpy_helper.from_array(value, info.name))
    for k in range(len(graph.output)):
        shutil.copy(path.replace('.onnx', '_output_%d.pb' % k), os.path.join(folder, 'test_data_set_0', 'output_%d.pb' % k))


def cases():
    from onnx.backend.test.case import model, node
    np.random.seed(0)  # some cases draw their inputs as their module is imported
    found = list(node.collect_testcases(None)) + [c for c in model.collect_testcases() if c.kind != 'real']
    return sorted(found, key=lambda case: (case.kind, case.name))


def main(to):
    import onnx
    if os.path.exists(to):
        sys.exit('newest.py: %s is there already' % to)
    data = os.path.join(os.path.dirname(onnx.__file__), 'backend', 'test', 'data')
    part = to + '.part'
    shutil.rmtree(part, ignore_errors=True)
    for case in cases():
        write_case(os.path.join(part, case.kind, case.name), case)
    for suite in FROM_FILES:
        shutil.copytree(os.path.join(data, suite), os.path.join(part, suite), ignore=shutil.ignore_patterns('*.py', '__pycache__'))
    for folder in glob.glob(os.path.join(data, 'simple', '*', '')):  # those that are no Python
        name = os.path.basename(os.path.dirname(folder))
        if os.path.exists(os.path.join(folder, 'model.onnx')) and not os.path.exists(os.path.join(part, 'simple', name)):
            shutil.copytree(folder, os.path.join(part, 'simple', name))
    for path in sorted(glob.glob(os.path.join(data, 'light', 'light_*.onnx'))):
        write_light(os.path.join(part, 'real', 'test_' + os.path.basename(path)[len('light_'):-len('.onnx')]), path)
    with open(os.path.join(part, 'VERSION'), 'w') as f:
        f.write('onnx %s\n' % onnx.__version__)
    os.rename(part, to)
    for suite in sorted(os.listdir(to)):
        if os.path.isdir(os.path.join(to, suite)):
            print('%s: %d tests' % (suite, len(os.listdir(os.path.join(to, suite)))))


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
