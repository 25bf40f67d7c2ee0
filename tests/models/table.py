"""The models, and what each is compared with."""
import csv
import glob
import json
import os

import numpy as np

import inputs
import reference
import silero
from reference import pb

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 1e-4  # of the largest magnitude of the output


class Case:
    """One run: inputs and what must come of them, by the model's names. step: of a quantised output."""

    def __init__(self, name, given, wanted, step=None):
        self.name, self.given, self.wanted, self.step = name, given, wanted, step


class Model:
    def __init__(self, name, path, cases, dims=(), sanitize=True, slow=False, rate=None, keep=()):
        self.name, self.path, self.cases, self.dims, self.sanitize, self.slow = name, path, cases, dims, sanitize, slow
        self.rate, self.keep = rate, keep  # of the recording that it hears; --keep IN=OUT


def golden(models, folder, name, step=None):
    """The case of golden_NAME: raw files that a manifest describes."""
    at = os.path.join(models, folder, 'golden_' + name)
    with open(os.path.join(at, 'manifest.json')) as f:
        manifest = json.load(f)
    read = lambda p: np.fromfile(os.path.join(at, p['file']), p['type']).reshape(p['dims'])
    return Case('golden', {p['name']: read(p) for p in manifest['inputs']}, {p['name']: read(p) for p in manifest['outputs']}, step)


def digits(models):
    at = os.path.join(models, 'mnist_onnx2c')
    read = lambda k, what: pb.elements(pb.load(os.path.join(at, 'test_data_set_%d_%s_0.pb' % (k, what)), 'Tensor'))[1]
    cases = [Case('digit %d' % k, {'Input3': read(k, 'input')}, {'Plus214_Output_0': read(k, 'output')}) for k in range(3)]
    yield Model('mnist', os.path.join(at, 'model.onnx'), cases + [golden(models, 'mnist_onnx2c', 'model')])
    yield Model('mnist_pytorch', os.path.join(at, 'pytorch.onnx'), [golden(models, 'mnist_onnx2c', 'pytorch')])


def keypoints(models):
    """Landmarks of real hands, and what they show."""
    with open(os.path.join(models, 'hand_gesture_mlp', 'keypoint.csv')) as f:
        rows = np.array([[float(v) for v in row] for row in csv.reader(f)], np.float32)
    return rows[:, 1:], rows[:, 0].astype(np.int64)


def gestures(models):
    """Every size of batch up to the bound, under one program."""
    for name, width in (('keypoint_classifier', 42), ('point_history_classifier', 32), ('point_history_classifier_lstm', 32)):
        path = os.path.join(models, 'hand_gesture_mlp', name + '.onnx')
        cases = [golden(models, 'hand_gesture_mlp', name)]
        if name.endswith('lstm'):
            yield Model(name, path, cases, ['batch<=16'])
            continue
        samples, _ = keypoints(models)
        for n in (1, 2, 7, 16):
            given = {'input': samples[37 * n:37 * n + n, :width]}
            if name.startswith('point'):
                given['score_threshold'] = np.array(0.5, np.float32)
            cases.append(Case('batch of %d' % n, given, reference.run(path, given)))
        yield Model(name, path, cases, ['batch<=16'])


def keywords(models):
    step = 1 / 256  # of the softmax in the quantised forms
    for name in ('micro_kws_m_static_fp32', 'micro_kws_m_static_qdq', 'micro_kws_m_qdq', 'micro_kws_m_static_qoperator', 'micro_kws_m_qoperator_softmax'):
        dims = ['unk__68=1'] if name.endswith('qdq') else []
        case = golden(models, 'kws_qdq_onnx', name, None if name.endswith('fp32') else step)
        if name.endswith('softmax'):  # its golden is all zeros: ONNX Runtime 1.20.1's int8 softmax; 1.31 says what the same network with all operators quantised does
            case.wanted = golden(models, 'kws_qdq_onnx', 'micro_kws_m_static_qoperator').wanted
        yield Model(name, os.path.join(models, 'kws_qdq_onnx', name + '.onnx'), [case], dims)


def detectors(models):
    cases = [golden(models, 'ultraface', 'version-RFB-320')]
    for name in inputs.PHOTOGRAPHS:
        wanted = np.load(os.path.join(HERE, 'golden', 'ultraface_%s.npz' % name.split('.')[0]))
        cases.append(Case(name, {'input': inputs.photograph(models, name)}, {k: wanted[k] for k in wanted}))
    yield Model('ultraface', os.path.join(models, 'ultraface', 'version-RFB-320.onnx'), cases)
    # Beside the same net in double precision, ONNX Runtime's golden is 0.95e-4 off, the C 1.04e-4: together at most 2e-4.
    yield Model('yolox_nano', os.path.join(models, 'yolox_nano', 'yolox_nano.onnx'), [golden(models, 'yolox_nano', 'yolox_nano')])


def voices(models):
    """One program for each sampling rate: how long a chunk is follows from it."""
    for name, rates in silero.VARIANTS.items():
        for rate in rates:
            length = inputs.CONTEXT[rate] + inputs.CHUNK[rate]
            dims = ['input.0=1', 'input.1=%d' % length, 'state.1=1'] if name == 'silero_vad' else ['batch=1', 'sequence=%d' % length]
            cases = [golden(models, 'silero_vad', name)] if rate == 16000 else []
            yield Model('%s_%d' % (name, rate), os.path.join(models, 'silero_vad', name + '.onnx'), cases, dims + ['sr=%d' % rate] * (name != 'silero_vad_half'), rate=rate)


def kept_voice(models):
    """The same with the state inside of the program: a member of the context, which a run leaves to the next."""
    dims = ['batch=1', 'sequence=576', 'sr=16000']
    yield Model('silero_vad_op18_ifless_16000_kept', os.path.join(models, 'silero_vad', 'silero_vad_op18_ifless.onnx'), [], dims, rate=16000, keep=['state=stateN'])


SLOW_NETS = ('vgg19',)


def light_nets(models):
    """Whole architectures with constant weights: their input counts up to 1."""
    for path in sorted(glob.glob(os.path.join(models, 'onnx_light_nets', '*.onnx'))):
        name = os.path.basename(path)[len('light_'):-len('.onnx')]
        graph = pb.load(path).graph
        inside = {t.name for t in graph.initializer}
        given = {}
        for i in graph.input:
            if i.name not in inside:
                shape = [d.dim_value for d in i.type.tensor_type.shape.dim]
                given[i.name] = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)
        wanted = pb.elements(pb.load(path.replace('.onnx', '_output_0.pb'), 'Tensor'))[1]
        yield Model('light_' + name, path, [Case('official', given, {graph.output[0].name: wanted})], sanitize=False, slow=name in SLOW_NETS)


def all_models(models):
    for some in (digits, gestures, keywords, detectors, voices, kept_voice, light_nets):
        yield from some(models)
