"""make_goldens.py MODELS: what ONNX Runtime makes of the photographs and of the recording, into golden/.

It needs a Python with onnxruntime; the tests need only what is written here. Graph optimisation is off."""
import os
import sys

import numpy as np

import inputs
from silero import VARIANTS

HERE = os.path.dirname(os.path.abspath(__file__))


def session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def faces(models):
    run = session(os.path.join(models, 'ultraface', 'version-RFB-320.onnx'))
    for name in inputs.PHOTOGRAPHS:
        scores, boxes = run.run(['scores', 'boxes'], {'input': inputs.photograph(models, name)})
        np.savez_compressed(os.path.join(HERE, 'golden', 'ultraface_%s.npz' % name.split('.')[0]), scores=scores, boxes=boxes)


def voice(models):
    kept = {}
    for name, rates in VARIANTS.items():
        run = session(os.path.join(models, 'silero_vad', name + '.onnx'))
        wants = {i.name for i in run.get_inputs()}
        for rate in rates:
            state, said = np.zeros((2, 1, 128), np.float32), []
            for chunk in inputs.recording(models, rate):
                given = {'input': chunk, 'state': state, 'sr': np.array(rate, np.int64)}
                probability, state = run.run(['output', 'stateN'], {k: v for k, v in given.items() if k in wants})
                said.append(probability.item())
            kept['%s_%d' % (name, rate)] = np.array(said, np.float32)
            kept['%s_%d_state' % (name, rate)] = state
    np.savez_compressed(os.path.join(HERE, 'golden', 'silero.npz'), **kept)


os.makedirs(os.path.join(HERE, 'golden'), exist_ok=True)
faces(sys.argv[1])
voice(sys.argv[1])
