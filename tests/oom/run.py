"""run.py NFC HOSTILE WORK [SHIM]: every allocation fails once, and the compiler says so and leaves nothing.

HOSTILE is nfc with an allocation of its own for each object; SHIM is preloaded into NFC, so that the
allocations of libraries fail too. Of many allocations a sample fails, spread evenly. What must come of
each: exit status 4, "nfc: out of memory", no output but the old one; or, where a library can do
without, the whole result."""
import os
import shutil
import subprocess
import sys

nfc, hostile, work, shim = sys.argv[1:5]
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = 150
COMMANDS = {
    'check': ['check', 'decode.nfg'],
    'mistakes': ['check', 'ten.nfg'],
    'sim': ['sim', 'decode.nfg', '--input', 'token=token.npy', '--input', 'pos=pos.npy', '--output', 'out', '--state-out', 'out.state'],
    'export': ['export', 'base.nfg', '--format=json', '-o', 'out.json'],
    'read': ['export', 'base.json', '--format=ir', '-o', 'out.ir'],
    'read_text': ['export', 'base.ir', '--format=json', '-o', 'out.json'],
    'build': ['build', 'early_exit.nfg', '--emit=sources', '-o', 'out'],
    'inspect': ['inspect', 'mlp.nfg'],
}


def execute(program, words, **more):
    environment = dict(os.environ, **more)
    done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    return done.returncode, done.stdout, done.stderr


def products():
    """All files that a command made, with their contents."""
    found = {}
    for folder, _, names in os.walk('.'):
        for name in names:
            path = os.path.join(folder, name)
            if path.startswith('./out') or '.tmp.' in path or '.old.' in path:
                with open(path, 'rb') as f:
                    found[path] = f.read()
    return found


def clear():
    for name in os.listdir('.'):
        if name.startswith('out') or '.tmp.' in name:
            (shutil.rmtree if os.path.isdir(name) else os.remove)(name)


def fail_at(program, words, n, good, old, **more):
    """Empty when the failure of allocation n ends as it should."""
    got = execute(program, words, NFC_FAIL_AT=str(n), **more)
    left = products()
    if got == (4, b'', b'nfc: out of memory\n') and left == old:
        return ''
    if got == good[0] and left == good[1]:
        return ''
    if got == (4, b'', b'nfc: out of memory\n'):
        return 'files were left or changed: %s' % sorted(path for path in set(left) | set(old) if left.get(path) != old.get(path))
    return 'exit status %d, stderr %r, stdout of %d bytes' % (got[0], got[2][:500], len(got[1]))


def check(kind, name, program, **more):
    words, failures = COMMANDS[name], []
    clear()
    counted = execute(program, words, NFC_FAIL_COUNT='count', **more)
    good = counted, products()
    if counted[0] != (1 if name == 'mistakes' else 0):
        return 0, ['%s %s: exit status %d: %r' % (kind, name, counted[0], counted[2])]
    with open('count') as f:
        count = int(f.read())
    points = sorted({1 + i * (count - 1) // SAMPLE for i in range(SAMPLE + 1)} | set(range(1, min(count, 40) + 1)))
    for n in points:
        if good[1]:  # every other time there is an old output
            clear()
            if n % 2:
                execute(program, words, **more)
        old = products()
        wrong = fail_at(program, words, n, good, old, **more)
        if wrong:
            failures.append('%s %s: allocation %d of %d: %s' % (kind, name, n, count, wrong))
    return len(points), failures


def prepare():
    os.chdir(work)
    for script in ('tests/language4/weights.py',):
        subprocess.run([sys.executable, os.path.join(root, script), work], check=True)
    for name in ('language4/decode', 'language4/mlp', 'language4/early_exit', 'fail/ten', 'fail/base'):
        shutil.copy(os.path.join(root, 'tests', name + '.nfg'), work)
    subprocess.run([sys.executable, os.path.join(root, 'tests/fail/make.py'), work, nfc], check=True)
    for form in ('json', 'ir'):
        subprocess.run([nfc, 'export', 'base.nfg', '--format=' + form, '-o', 'base.' + form], check=True)
    subprocess.run([sys.executable, '-c', 'import numpy as np; np.save("token.npy", np.int32(3)); np.save("pos.npy", np.int32(0))'], check=True)


def main():
    prepare()
    passed, failures = 0, []
    for name in COMMANDS:
        kinds = [('hostile', hostile, {})] + ([('preloaded', nfc, {'LD_PRELOAD': shim})] if shim else [])
        for kind, program, more in kinds:
            n, wrong = check(kind, name, program, **more)
            passed += n - len(wrong)
            failures += wrong
    for text in failures[:40]:
        print('FAILED ' + text)
    print('tests/oom: %d passed, %d failed' % (passed, len(failures)))
    return len(failures) > 0


sys.exit(main())
