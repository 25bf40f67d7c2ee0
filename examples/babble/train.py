#!/usr/bin/python3
"""Trains babble on the King James Bible and writes babble.safetensors and vocabulary.h beside itself.

    apt-get install python3-torch libopenblas0-pthread bible-kjv
    train.py                the text of Debian's package bible-kjv, as `bible -f gen1:1-rev22:21` prints it
    train.py --text FILE    the same text from a file

The translation is of 1611 and out of copyright. Half an hour on two idle cores; with --checkpoint FILE
it may be stopped and started again. The results are committed: nothing needs this script again.
"""
import argparse
import math
import os
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import safetensors  # noqa: E402

LAYERS, DIM, HEADS, KV_HEADS, HIDDEN, CONTEXT = 5, 128, 4, 2, 320, 256
EPSILON = 1e-5
BATCH, RATE, WARMUP = 2048, 2.5e-3, 200  # a batch in characters
HELD_BACK = 25  # every so many chapters one is kept for the measurement


def chapters(path):
    """The text by chapters, each verse a line without its number."""
    if path:
        lines = open(path, encoding='ascii').read().splitlines()
    else:
        command = ['bible', '-f', 'gen1:1-rev22:21']
        lines = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True,
                               encoding='ascii').stdout.splitlines()
    found = {}
    for line in lines:
        reference, verse = line.split(' ', 1)
        found.setdefault(reference.split(':')[0], []).append(verse.strip())
    return ['\n' + '\n'.join(verses) for verses in found.values()]


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON) * self.scale


def rope(x, cos, sin):
    """Turns the neighbours (2i, 2i + 1) of each row of [..., T, D]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        kv = DIM // HEADS * KV_HEADS
        self.attention_norm, self.ffn_norm = Norm(), Norm()
        for name, rows, columns in (('wq', DIM, DIM), ('wk', DIM, kv), ('wv', DIM, kv), ('wo', DIM, DIM),
                                    ('w1', DIM, HIDDEN), ('w3', DIM, HIDDEN), ('w2', HIDDEN, DIM)):
            std = 1 / math.sqrt(rows)
            if name in ('wo', 'w2'):
                std /= math.sqrt(2 * LAYERS)
            setattr(self, name, nn.Parameter(torch.randn(rows, columns) * std))

    def forward(self, h, cos, sin, mask):
        B, T, _ = h.shape
        n = self.attention_norm(h)
        q = rope((n @ self.wq).view(B, T, HEADS, -1).transpose(1, 2), cos, sin)
        k = rope((n @ self.wk).view(B, T, KV_HEADS, -1).transpose(1, 2), cos, sin)
        v = (n @ self.wv).view(B, T, KV_HEADS, -1).transpose(1, 2)
        # The queries that share a key head stand below each other.
        q = q.reshape(B, KV_HEADS, -1, q.shape[-1]) / math.sqrt(q.shape[-1])
        scores = (q @ k.transpose(2, 3)).view(B, HEADS, T, T) + mask[:, :T]
        a = scores.softmax(-1).view(B, KV_HEADS, -1, T) @ v
        h = h + a.view(B, HEADS, T, -1).transpose(1, 2).reshape(B, T, DIM) @ self.wo
        n = self.ffn_norm(h)
        return h + (F.silu(n @ self.w1) * (n @ self.w3)) @ self.w2


class Babble(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tok_embeddings = nn.Parameter(torch.randn(vocabulary, DIM))
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm()
        self.output = nn.Parameter(torch.randn(DIM, vocabulary) / math.sqrt(DIM))
        half = DIM // HEADS // 2
        angle = torch.arange(CONTEXT)[:, None] / 10000 ** (torch.arange(half) / half)
        self.tables = angle.cos(), angle.sin(), torch.full((CONTEXT, CONTEXT), -math.inf).triu(1)

    def forward(self, tokens):
        h = self.tok_embeddings[tokens]
        T = tokens.shape[1]
        cos, sin, mask = (table[:T] for table in self.tables)
        for layer in self.layers:
            h = layer(h, cos, sin, mask)
        return self.norm(h) @ self.output


def loss_of(model, windows):
    logits = model(windows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def measure(model, text):
    """The mean loss in nats a character over a text, window by window."""
    windows = text[:len(text) // (CONTEXT + 1) * (CONTEXT + 1)].view(-1, CONTEXT + 1)
    with torch.no_grad():
        parts = [loss_of(model, part) * len(part) for part in windows.split(16)]
    return (sum(parts) / len(windows)).item()


def train(model, text, newline, steps, checkpoint):
    """Half of the windows begin at a verse, as every prompt does, the others anywhere. Those of the
    first four fifths of the steps are half as long and twice as many, which takes less time."""
    verses = (text[:-CONTEXT - 1] == newline).nonzero()[:, 0]
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{'params': matrices, 'weight_decay': 0.1},
                                   {'params': vectors, 'weight_decay': 0.0}], RATE, (0.9, 0.95))
    generator = torch.Generator().manual_seed(1)
    first, start, losses = 1, time.time(), []
    if checkpoint and os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        for name, part in ('model', model), ('optimizer', optimizer):
            part.load_state_dict(saved[name])
        generator.set_state(saved['generator'])
        first += saved['step']
    for step in range(first, steps + 1):
        progress = step / steps
        rate = RATE * min(step / WARMUP, 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group['lr'] = rate
        length = CONTEXT if progress > 0.8 else CONTEXT // 2
        half = (BATCH // length // 2,)
        at_verse = verses[torch.randint(len(verses), half, generator=generator)]
        anywhere = torch.randint(len(text) - CONTEXT - 1, half, generator=generator)
        loss = loss_of(model, text[torch.cat((at_verse, anywhere))[:, None] + torch.arange(length + 1)])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 100 == 0:
            print(f'step {step:5}  loss {np.mean(losses):.4f}  {time.time() - start:5.0f} s', flush=True)
            losses = []
        if checkpoint and step % 500 == 0:
            torch.save({'step': step, 'model': model.state_dict(), 'optimizer': optimizer.state_dict(),
                        'generator': generator.get_state()}, checkpoint)


def export(model, vocabulary, loss):
    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[name.replace('norm.scale', 'norm')] = parameter.detach().numpy()
    safetensors.save(os.path.join(HERE, 'babble.safetensors'), tensors, {
        'dim': str(DIM), 'n_layers': str(LAYERS), 'n_heads': str(HEADS), 'n_kv_heads': str(KV_HEADS),
        'vocab_size': str(len(vocabulary)), 'max_seq': str(CONTEXT), 'vocabulary': vocabulary,
        'held_back_loss': f'{loss:.4f}'})
    text = vocabulary.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
    with open(os.path.join(HERE, 'vocabulary.h'), 'w', encoding='ascii') as file:
        file.write(f'/* The character of each token; written by train.py. */\n'
                   f'static const char vocabulary[{len(vocabulary) + 1}] =\n    "{text}";\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--text', help='a file as `bible -f gen1:1-rev22:21` prints it')
    parser.add_argument('--steps', type=int, default=8500)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--checkpoint', help='goes on from this file if it exists; written every 500 steps')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)

    parts = chapters(options.text)
    vocabulary = ''.join(sorted(set(''.join(parts))))
    number = {character: i for i, character in enumerate(vocabulary)}

    def encode(texts):
        return torch.tensor([number[c] for c in ''.join(texts)])
    held_back = encode(parts[HELD_BACK - 1::HELD_BACK])
    text = encode(part for i, part in enumerate(parts) if i % HELD_BACK != HELD_BACK - 1)

    model = Babble(len(vocabulary))
    size = sum(p.numel() for p in model.parameters())
    print(f'{len(text)} characters to learn, {len(held_back)} held back, {len(vocabulary)} kinds; {size} weights')
    train(model, text, number['\n'], options.steps, options.checkpoint)
    loss = measure(model, held_back)
    print(f'loss on the chapters held back: {loss:.4f} nats a character')
    export(model, vocabulary, loss)


if __name__ == '__main__':
    main()
