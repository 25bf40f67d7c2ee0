"""run.py BUILD: what is written of a graph reads back to the same graph.

For every graph of the other suites: .nfg -> JSON -> JSON and .nfg -> IR text -> IR text give the same
bytes, and so do JSON -> IR text and IR text -> JSON. The text of the IR after each pass reads back to
itself too. The simulator makes the same bytes of a graph and of its JSON and text."""
import filecmp
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
nfc = os.path.abspath(os.path.join(sys.argv[1], 'nfc'))
environment = dict(os.environ, NO_COLOR='1', LC_ALL='C')
failures = []


def run(*words):
    return subprocess.run([nfc, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def export(path, form):
    done = run('export', '--quiet', path, '--format=' + form)
    if done.returncode:
        raise RuntimeError('export %s --format=%s: %s' % (os.path.basename(path), form, done.stderr.decode(errors='replace')))
    return done.stdout


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def same(what, a, b):
    if a != b:
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        raise RuntimeError('%s: they differ at byte %d:\n  %r\n  %r' % (what, at, a[max(0, at - 60):at + 60], b[max(0, at - 60):at + 60]))


def forms(path):
    """The graph's JSON and text, written beside it."""
    base = path[:-len('.nfg')]
    json, text = export(path, 'json'), export(path, 'ir')
    write(base + '.json', json)
    write(base + '.ir', text)
    same('JSON -> JSON', json, export(base + '.json', 'json'))
    same('text -> text', text, export(base + '.ir', 'ir'))
    same('JSON -> text', text, export(base + '.json', 'ir'))
    same('text -> JSON', json, export(base + '.ir', 'json'))
    return base + '.json', base + '.ir'


def after_passes(path):
    done = run('check', '--quiet', path, '--dump=all')
    if done.returncode:
        raise RuntimeError('check: ' + done.stderr.decode(errors='replace'))
    dumps = re.split(rb'^// after pass \d+, (\w+)\n', done.stdout, flags=re.M)
    for name, text in zip(dumps[1::2], dumps[2::2]):
        dump = path[:-len('.nfg')] + '.pass.ir'
        write(dump, text)
        same('the text after %s' % name.decode(), text, export(dump, 'ir'))
    return len(dumps) // 2


def simulate(path, graph, inputs, out):
    words = ['sim', '--quiet', path, '--graph', graph, '--output', out]
    for name, file in sorted(inputs.items()):
        words += ['--input', '%s=%s' % (name, file)]
    done = run(*words)
    if done.returncode:
        raise RuntimeError('sim %s: %s' % (os.path.basename(path), done.stderr.decode(errors='replace')))


def same_results(paths, graph, inputs, work):
    outs = [os.path.join(work, 'out%d' % i) for i in range(len(paths))]
    for path, out in zip(paths, outs):
        simulate(path, graph, inputs, out)
    names = sorted(os.listdir(outs[0]))
    for path, out in zip(paths[1:], outs[1:]):
        if sorted(os.listdir(out)) != names or filecmp.cmpfiles(outs[0], out, names, shallow=False)[0] != names:
            raise RuntimeError('sim: %s gives other results' % os.path.basename(path))
    for out in outs:
        shutil.rmtree(out)


def goldens(name):
    """The first and the last graph of tests/ops/NAME.nfg that has a result, with its inputs."""
    folder = os.path.join(root, 'tests/ops/golden', name)
    cases = []
    for graph in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(root, 'tests/ops', name + '.nfg')) as f:
            text = re.search(r'^graph %s \{.*?^\}' % graph, f.read(), re.S | re.M)
        inputs = re.search(r'inputs \{(.*?)\}', text.group(0), re.S) if text else None
        names = re.findall(r'^\s*(\w+) :', inputs.group(1), re.M) if inputs else []
        if 'error.txt' in os.listdir(os.path.join(folder, graph)):
            continue
        cases.append((graph, {n: os.path.join(folder, graph, n + '.npy') for n in names}))
    return cases[:1] + cases[1:][-1:]


def python(script, *words):
    subprocess.run([sys.executable, os.path.join(root, script), *words], check=True)


def sources(work):
    """Copies of all graphs, with the packages that they name."""
    for folder in sorted(glob.glob(os.path.join(root, 'examples/*/'))):
        name = os.path.basename(folder.rstrip('/'))
        os.mkdir(os.path.join(work, name))
        for pattern in ('*.nfg', '*.safetensors'):
            for file in glob.glob(os.path.join(folder, pattern)):
                shutil.copy(file, os.path.join(work, name))
    for name in ('ops', 'sim', 'warn', 'language4'):
        os.mkdir(os.path.join(work, name))
        for file in glob.glob(os.path.join(root, 'tests', name, '*.nfg')):
            shutil.copy(file, os.path.join(work, name))
    python('tests/sim/weights.py', os.path.join(work, 'sim/weights.safetensors'), 'scale=1,2', 'w.0=3,4', 'w.1=5,6')
    python('tests/language4/weights.py', os.path.join(work, 'language4'))
    for name in ('base', 'free', 'bounds', 'graphs'):
        shutil.copy(os.path.join(root, 'tests/fail', name + '.nfg'), work)
    python('tests/fail/make.py', work, nfc)
    shutil.copy(os.path.join(work, 'plain.safetensors'), os.path.join(work, 'warn/w.safetensors'))
    paths = [os.path.join(work, name + '.nfg') for name in ('base', 'free', 'bounds', 'graphs')]
    return paths + sorted(p for p in glob.glob(os.path.join(work, '*/*.nfg')) if os.path.basename(os.path.dirname(p)) != 'bytes')


def main():
    passed = dumps = sims = 0
    with tempfile.TemporaryDirectory() as work:
        for path in sources(work):
            name = os.path.relpath(path, work)
            try:
                paths = [path, *forms(path)]
                dumps += after_passes(path)
                for graph, inputs in goldens(name[4:-4]) if name.startswith('ops/') else []:
                    same_results(paths, graph, inputs, work)
                    sims += 1
                passed += 1
            except RuntimeError as error:
                failures.append(name)
                print('FAILED %s: %s' % (name, error))
    print('tests/roundtrip: %d passed, %d failed (%d texts after passes, %d simulations)' % (passed, len(failures), dumps, sims))
    return len(failures) > 0


sys.exit(main())
