"""seeds.py WORK ROOT NFC: lists what mutate.c changes, a line "VERB PATH ARGUMENT...", @ for the copy.

Graphs as text, as JSON and as IR text; packages; arrays; state files; device descriptions."""
import glob
import os
import shutil
import subprocess
import sys

work, root, nfc = sys.argv[1:]
OPS = ['add', 'bit_shift', 'cast', 'clip', 'concat', 'conv', 'conv_transpose', 'cum_sum', 'gather', 'gemm', 'layer_normalization', 'matmul', 'max_pool', 'one_hot', 'pad', 'range', 'reduce_sum', 'reshape', 'rope', 'sdpa', 'slice', 'softmax', 'split', 'topk', 'transpose', 'where']


def first_graphs(path, n=3):
    """Of a module with many graphs only the first, so that a change hits something new."""
    with open(path) as f:
        return '\ngraph'.join(f.read().split('\ngraph')[:n + 1])


graphs = []
for name in ('base', 'bounds', 'divide', 'free', 'graphs', 'run', 'small', 'st', 'state', 'store'):
    graphs.append(os.path.join(work, name + '.nfg'))
for path in sorted(glob.glob(os.path.join(root, 'tests/sim/*.nfg'))):
    if 'model ' not in open(path).read():
        graphs.append(os.path.join(work, os.path.basename(path)))
subprocess.run([sys.executable, os.path.join(root, 'tests/language4/weights.py'), work], check=True)
for path in sorted(glob.glob(os.path.join(root, 'tests/warn/*.nfg')) + glob.glob(os.path.join(root, 'tests/language4/*.nfg'))):
    graphs.append(shutil.copy(path, work))
for op in OPS:
    graphs.append(os.path.join(work, op + '.nfg'))
    with open(graphs[-1], 'w') as f:
        f.write(first_graphs(os.path.join(root, 'tests/ops', op + '.nfg')))
for path in graphs:
    print('check', path, '@')
for path in graphs[:12] + graphs[-8:]:
    for form in ('json', 'ir'):
        out = path[:-3] + form
        subprocess.run([nfc, 'export', path, '--format=' + form, '-o', out], check=True)
        print('check', out, '@')
for name in ('w', 'plain'):
    print('check', os.path.join(work, name + '.safetensors'), os.path.join(work, 'st.nfg'), '--model', '@')
good = os.path.join(work, 'good')
print('sim', os.path.join(work, 'st.nfg'), '@', '--input', 'x=' + good + '/x.npy')
print('sim', os.path.join(work, 'state.nfg'), '@', '--input', 'x=' + good + '/x.npy', '--state-in', work + '/state/good.state')
print('sim', os.path.join(work, 'state/good.state'), work + '/state.nfg', '--input', 'x=' + good + '/x.npy', '--state-in', '@')
for path in sorted(glob.glob(os.path.join(root, 'devices/*.json'))):
    shutil.copy(path, work)
    print('check', os.path.join(work, os.path.basename(path)), work + '/st.nfg', '--device', '@')
