"""weights.py FOLDER: the packages of the four programs, from fixed seeds."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'ops'))
import tensor_file  # noqa: E402

LM = {'n_layers': 2, 'dim': 16, 'n_heads': 4, 'n_kv_heads': 2, 'vocab_size': 11, 'max_seq': 8}
HIDDEN = 24


def random(seed, *shape):
    """Numbers around 0 whose products with a row of as many have about the size of 1."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(shape[0]))


def steady(seed, *shape):
    """Numbers around 1/n, few of them negative: sums of their products hardly cancel, so that the bounds
    of a long program stay narrow."""
    return (1 + random(seed, *shape) * np.float32(np.sqrt(shape[0]) / 2)) / np.float32(shape[0])


def minimal():
    return {'scale': np.float32([0.5, -2.25, 1e-3])}


def mlp():
    tensors = {'w.out': random(9, 64, 10)}
    for i in range(3):
        tensors['w.%d' % i] = steady(10 + i, 64, 64)
        tensors['b.%d' % i] = random(20 + i, 64) / 4
    return tensors


def early_exit():
    return {'gate': random(30, 16, 8), 'easy': random(31, 16, 4), 'hard': random(32, 16, 4)}


def lm():
    d, kv = LM['dim'], LM['dim'] // LM['n_heads'] * LM['n_kv_heads']
    tensors = {'tok_embeddings': LM['vocab_size'] * steady(40, LM['vocab_size'], d), 'norm': 1 + random(41, d), 'output': 4 * steady(42, d, LM['vocab_size'])}
    shapes = {'wq': (d, d), 'wk': (d, kv), 'wv': (d, kv), 'wo': (d, d), 'w1': (d, HIDDEN), 'w3': (d, HIDDEN), 'w2': (HIDDEN, d)}
    for l in range(LM['n_layers']):
        for k, (name, shape) in enumerate(sorted(shapes.items())):
            tensors['layers.%d.%s' % (l, name)] = steady(100 + 10 * l + k, *shape)
        for k, name in enumerate(('attention_norm', 'ffn_norm')):
            tensors['layers.%d.%s' % (l, name)] = 1 + random(200 + 10 * l + k, d) / 2
    return tensors


def main(folder):
    for name, tensors, metadata in (('minimal', minimal(), None), ('mlp', mlp(), None), ('early_exit', early_exit(), None), ('lm', lm(), LM)):
        tensor_file.save(os.path.join(folder, name + '.safetensors'), tensors, metadata)


if __name__ == '__main__':
    main(sys.argv[1])
