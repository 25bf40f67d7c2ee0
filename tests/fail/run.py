"""run.py BUILD: runs every case and compares what nfc says of it.

A case is a file FOLDER/NAME.nfg, or one that make.py makes, which `nfc check` must refuse, or
FOLDER/NAME.args, the arguments of nfc. FOLDER/NAME.expect is the exit status and what stands on
stderr; stdout stays empty, and nothing is left behind. NFC_BLESS=1 writes the .expect files anew."""
import difflib
import glob
import os
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
nfc = os.path.abspath(os.path.join(sys.argv[1], 'nfc'))
bless = os.environ.get('NFC_BLESS') == '1'
environment = dict(os.environ, NO_COLOR='1', LC_ALL='C')


def arguments(case):
    """What nfc is called with; a file that has no arguments of its own is checked."""
    kind = case.rsplit('.', 1)[1]
    if kind == 'args':
        with open(case) as f:
            return f.read().strip()
    return {'safetensors': 'check st.nfg --model ' + case, 'npy': 'sim npy.nfg --output out --input x=' + case}.get(kind, 'check ' + case)


def cases():
    patterns = ['ten.nfg', '*/*.args', '*/*.nfg', 'json/*.json', 'ir/*.ir', 'safetensors/*.safetensors', 'npy/*.npy']
    return [case for pattern in patterns for case in sorted(glob.glob(pattern))]


def run(case):
    """Empty when all is as expected, else what is not."""
    command = arguments(case)
    words = ['sh', '-c', nfc + ' ' + command] if '>' in command or "'" in command else [nfc] + command.split()
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    got = b'exit %d\n' % done.returncode + done.stderr
    expect = os.path.join(here, case.rsplit('.', 1)[0] + '.expect')
    if bless:
        os.makedirs(os.path.dirname(expect), exist_ok=True)
        with open(expect, 'wb') as f:
            f.write(got)
    wrong = 'it was accepted\n' if done.returncode == 0 else ''
    if done.stdout or os.path.exists('out') or glob.glob('*.tmp.*'):
        wrong += 'something was written\n'
        shutil.rmtree('out', ignore_errors=True)
    want = b''
    if os.path.exists(expect):
        with open(expect, 'rb') as f:
            want = f.read()
    if got != want:
        lines = [text.decode(errors='replace').splitlines(True) for text in (want, got)]
        wrong += ''.join(difflib.unified_diff(*lines, 'expected', 'said'))
    return wrong and 'FAILED %s: nfc %s\n%s' % (case, command, wrong)


def main():
    passed, failed, seen = 0, 0, set()
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(here, work, dirs_exist_ok=True)
        subprocess.run([sys.executable, os.path.join(work, 'make.py'), work, nfc], check=True)
        os.chdir(work)
        for case in cases():
            name = case.rsplit('.', 1)[0]
            wrong = run(case) if name not in seen else 'FAILED %s: there are two such cases\n' % name
            seen.add(name)
            sys.stdout.write(wrong)
            passed, failed = passed + (not wrong), failed + bool(wrong)
    for expect in glob.glob(os.path.join(here, '**/*.expect'), recursive=True):
        name = os.path.relpath(expect, here).rsplit('.', 1)[0]
        if name not in seen:
            print('FAILED %s.expect: there is no such case' % name)
            failed += 1
    print('tests/fail: %d passed, %d failed' % (passed, failed))
    return failed > 0


sys.exit(main())
