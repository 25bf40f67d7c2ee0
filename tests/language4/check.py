"""check.py NFC ENGINE...: the four programs against NumPy.

An engine is sim, the simulator, or exe, the program that `nfc build` makes. Every element must lie
within the bound that an f32 computation can promise (see bounds.py), and the bounds themselves must be
narrow enough to mean something."""
import os
import subprocess
import sys
import tempfile

import numpy as np

import bounds as b
import weights

here = os.path.dirname(os.path.abspath(__file__))
environment = dict(os.environ, NO_COLOR='1', LC_ALL='C')
WIDEST = 5e-3  # of a bound, relative to the largest element


def run(words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    if done.returncode or done.stderr:
        raise RuntimeError('%s\nexit status %d\n%s' % (' '.join(words), done.returncode, done.stderr.decode(errors='replace')))


class Program:
    """One of the four, in an engine; its state lives from run to run."""

    def __init__(self, nfc, engine, work, name):
        self.work, self.state, self.runs = os.path.join(work, engine, name), None, 0
        os.makedirs(self.work)
        graph = os.path.join(work, name + '.nfg')
        if engine == 'exe':
            run([nfc, 'build', graph, '-o', os.path.join(self.work, 'program')])
            self.command = [os.path.join(self.work, 'program', name)]
            self.keep = lambda before, after: ['--state', before]
        else:
            self.command = [nfc, 'sim', graph]
            self.keep = lambda before, after: ['--state-out', after] + (['--state-in', before] if os.path.exists(before) else [])

    def __call__(self, state=False, **inputs):
        words, out = list(self.command), os.path.join(self.work, 'out')
        for name, value in inputs.items():
            path = os.path.join(self.work, name + '.npy')
            np.save(path, value)
            words += ['--input', '%s=%s' % (name, path)]
        if state:
            file = os.path.join(self.work, 'program.state')
            words += self.keep(file, file)
        run(words + ['--output', out])
        return {name[:-4]: np.load(os.path.join(out, name)) for name in os.listdir(out)}


def compare(what, got, want):
    if got.dtype != np.float32 or got.shape != want.v.shape:
        raise RuntimeError('%s is %s %s, not float32 %s' % (what, got.dtype, got.shape, want.v.shape))
    off, size = np.abs(got.astype(np.float64) - want.v), np.abs(want.v).max()
    if not np.all(off <= want.e):
        worst = np.unravel_index(np.argmax(off / want.e), off.shape)
        raise RuntimeError('%s[%s] is %r, %r off; the bound is %r' % (what, ', '.join(map(str, worst)), got[worst], off[worst], want.e[worst]))
    if not want.e.max() < WIDEST * size:
        raise RuntimeError('%s: the bound %g says nothing beside %g' % (what, want.e.max(), size))
    return (off / want.e).max()


def inputs(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check_minimal(program):
    worst, scale = 0, b.exact(weights.minimal()['scale'])
    for x in (np.float32([1, 2, 3]), np.float32([0, -0.0, 1e-30]), inputs(1, 3)):
        want = b.mul(b.add(b.exact(x), b.exact(x)), scale)
        worst = max(worst, compare('y', program(x=x)['y'], want))
    return worst


def check_mlp(program):
    worst, w = 0, {name: b.exact(t) for name, t in weights.mlp().items()}
    for seed in range(3):
        h = b.exact(np.abs(inputs(seed, 1, 64)))
        x = h.v.astype(np.float32)
        for l in range(3):
            h = b.relu(b.add(b.matmul(h, w['w.%d' % l]), w['b.%d' % l]))
        worst = max(worst, compare('y', program(x=x)['y'], b.softmax(b.matmul(h, w['w.out']))))
    return worst


def check_early_exit(program):
    worst, w, routes = 0, {name: b.exact(t) for name, t in weights.early_exit().items()}, set()
    for seed in range(8):
        x = inputs(seed, 1, 16) * np.float32(0.25 if seed % 2 else 1)
        score = b.matmul(b.exact(x), w['gate'])
        top = score.v.max()
        if abs(top - 0.5) < 1e-3:
            raise RuntimeError('the route of seed %d hangs on a rounding' % seed)
        easy = top > 0.5
        got = program(x=x)
        if got['route'].shape != () or got['route'].dtype != np.int32 or got['route'] != (0 if easy else 1):
            raise RuntimeError('route is %r where %d is right' % (got['route'], not easy))
        routes.add(bool(easy))
        h = b.exact(x) if easy else b.gelu(b.exact(x))
        worst = max(worst, compare('y', got['y'], b.matmul(h, w['easy' if easy else 'hard'])))
    if len(routes) != 2:
        raise RuntimeError('only one of the two routes was taken')
    return worst


def decode_step(w, kept, token, pos):
    """The logits for one token, and what the caches then hold."""
    heads, groups, size = weights.LM['n_heads'], weights.LM['n_kv_heads'], weights.LM['dim'] // weights.LM['n_heads']
    h = w['tok_embeddings'][token].reshape(1, -1)
    for l in range(weights.LM['n_layers']):
        p = {name.split('.', 2)[2]: t for name, t in w.items() if name.startswith('layers.%d.' % l)}
        n = b.rms_norm(h, p['attention_norm'], 1e-5)
        q = b.rope(b.matmul(n, p['wq']).reshape(heads, 1, size), pos)
        k = b.rope(b.matmul(n, p['wk']).reshape(groups, 1, size), pos)
        v = b.matmul(n, p['wv']).reshape(groups, 1, size)
        kept['k'][l, :, pos], kept['v'][l, :, pos] = k[:, 0], v[:, 0]
        a = b.attention(q, kept['k'][l, :, :pos + 1], kept['v'][l, :, :pos + 1])
        h = b.add(h, b.matmul(a.reshape(1, -1), p['wo']))
        n = b.rms_norm(h, p['ffn_norm'], 1e-5)
        g = b.mul(b.silu(b.matmul(n, p['w1'])), b.matmul(n, p['w3']))
        h = b.add(h, b.matmul(g, p['w2']))
    return b.matmul(b.rms_norm(h, w['norm'], 1e-5), w['output']).reshape(-1)


def check_decode(program):
    worst, w = 0, {name: b.exact(t) for name, t in weights.lm().items()}
    size = (weights.LM['n_layers'], weights.LM['n_kv_heads'], weights.LM['max_seq'], weights.LM['dim'] // weights.LM['n_heads'])
    kept = {name: b.Bounded(np.zeros(size), np.zeros(size)) for name in 'kv'}
    for pos, token in enumerate((3, 1, 4, 1, 5, 9, 2, 6)):  # to the end of the caches
        want = decode_step(w, kept, token, pos)
        got = program(state=True, token=np.int32(token), pos=np.int32(pos))
        worst = max(worst, compare('logits of token %d' % pos, got['logits'], want))
    return worst


CHECKS = {'minimal': check_minimal, 'mlp': check_mlp, 'early_exit': check_early_exit, 'decode': check_decode}


def main(nfc, engines):
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        weights.main(work)
        for name in CHECKS:
            with open(os.path.join(here, name + '.nfg')) as source, open(os.path.join(work, name + '.nfg'), 'w') as copy:
                copy.write(source.read())
        for engine in dict.fromkeys(engines):
            for name, check in CHECKS.items():
                try:
                    worst = check(Program(nfc, engine, work, name))
                    print('%-4s %-10s within its bound, at most %2.0f %% of it' % (engine, name, 100 * worst))
                    passed += 1
                except RuntimeError as error:
                    print('FAILED %s %s: %s' % (engine, name, error))
                    failed += 1
    print('tests/language4: %d passed, %d failed' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
