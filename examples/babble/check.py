#!/usr/bin/python3
"""What babble should say, from NumPy alone: the greedy continuation of a prompt.

    check.py                    prints it and compares it with greedy.txt; 1 if they differ
    check.py --write            writes greedy.txt
    check.py --sim NFC          the same text once more, from `NFC sim` a character at a time

The arithmetic is in double precision. Where the two best characters are close, another order of
additions could choose otherwise, so the smallest difference of their logits is printed too.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import safetensors  # noqa: E402

PROMPT, LENGTH, EPSILON = '\nIn the beginning', 200, 1e-5  # a text begins after a newline, which is not printed


def norm(x, scale):
    return x / np.sqrt((x * x).mean() + EPSILON) * scale


def turned(x, position):
    """RoPE: each pair of neighbours of each head as a complex number, turned by its own angle."""
    half = x.shape[1] // 2
    angle = position / 10000.0 ** (np.arange(half) / half)
    pairs = (x[:, 0::2] + 1j * x[:, 1::2]) * np.exp(1j * angle)
    return np.stack((pairs.real, pairs.imag), -1).reshape(x.shape)


class Model:
    """One character at a time, with every earlier key and value kept in lists."""

    def __init__(self, path):
        tensors, self.metadata = safetensors.load(path)
        self.weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        self.layers, self.heads, self.kv_heads = (int(self.metadata['n_' + what])
                                                  for what in ('layers', 'heads', 'kv_heads'))
        self.vocabulary = self.metadata['vocabulary']
        self.past = [([], []) for _ in range(self.layers)]

    def attention(self, n, layer, weight):
        keys, values = self.past[layer]
        position = len(keys)
        q = turned((n @ weight('wq')).reshape(self.heads, -1), position)
        keys.append(turned((n @ weight('wk')).reshape(self.kv_heads, -1), position))
        values.append((n @ weight('wv')).reshape(self.kv_heads, -1))
        result = []
        for head in range(self.heads):
            shared = head * self.kv_heads // self.heads
            scores = np.array([k[shared] @ q[head] for k in keys]) / np.sqrt(q.shape[1])
            share = np.exp(scores - scores.max())
            result.append(sum(s * v[shared] for s, v in zip(share / share.sum(), values)))
        return np.concatenate(result) @ weight('wo')

    def step(self, token):
        """The logits of what follows `token`."""
        h = self.weights['tok_embeddings'][token]
        for layer in range(self.layers):
            def weight(name):
                return self.weights[f'layers.{layer}.{name}']
            h = h + self.attention(norm(h, weight('attention_norm')), layer, weight)
            n = norm(h, weight('ffn_norm'))
            gate = n @ weight('w1')
            h = h + (gate / (1 + np.exp(-gate)) * (n @ weight('w3'))) @ weight('w2')
        return norm(h, self.weights['norm']) @ self.weights['output']


def greedy(model):
    """The text, and the smallest lead that a chosen character had."""
    for character in PROMPT:
        logits = model.step(model.vocabulary.index(character))
    text, lead = '', np.inf
    while len(text) < LENGTH:
        second, first = np.sort(logits)[-2:]
        lead = min(lead, first - second)
        text += model.vocabulary[np.argmax(logits)]
        logits = model.step(model.vocabulary.index(text[-1]))
    return text, lead


def simulated(nfc, vocabulary, folder):
    """The text by `nfc sim`: the prompt in one run of prefill, then decode, the state in a file."""
    place = {name: os.path.join(folder, name) for name in ('tokens.npy', 'token.npy', 'pos.npy', 'state', 'out')}

    def run(graph, inputs, *more):
        command = [nfc, 'sim', os.path.join(HERE, 'babble.nfg'), '--graph', graph,
                   '--state-out', place['state'], '--output', place['out'], *more]
        for name, value in inputs.items():
            np.save(place[name + '.npy'], np.int32(value))
            command += ['--input', f'{name}={place[name + ".npy"]}']
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return np.load(os.path.join(place['out'], 'logits.npy')).argmax()
    token = run('prefill', {'tokens': [vocabulary.index(c) for c in PROMPT]})
    text = vocabulary[token]
    while len(text) < LENGTH:
        token = run('decode', {'token': token, 'pos': len(PROMPT) + len(text) - 1}, '--state-in', place['state'])
        text += vocabulary[token]
    return text


def printed(text):
    return PROMPT[1:] + text + '\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--write', action='store_true', help='write greedy.txt')
    parser.add_argument('--sim', metavar='NFC', help='compare with the simulator of this program too')
    options = parser.parse_args()
    golden = os.path.join(HERE, 'greedy.txt')
    model = Model(os.path.join(HERE, 'babble.safetensors'))
    text, lead = greedy(model)
    if options.write:
        with open(golden, 'w', encoding='ascii') as file:
            file.write(printed(text))
    with open(golden, encoding='ascii') as file:
        wanted = file.read()
    same = {'NumPy': printed(text) == wanted}
    if options.sim:
        with tempfile.TemporaryDirectory() as folder:
            same['the simulator'] = printed(simulated(options.sim, model.vocabulary, folder)) == wanted
    print(wanted, end='')
    print(f'the closest choice was by {lead:.4f}')
    for who, equal in same.items():
        print(f'{who}: {"says the same" if equal else "DIFFERS from greedy.txt"}')
    sys.exit(not all(same.values()))


if __name__ == '__main__':
    main()
