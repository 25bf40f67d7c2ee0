"""run.py BUILD: compiles the examples of the documents.

A fence ```nfg holds a graph of which `nfc check` says nothing at all; ```nfg-error NFC0301 one that it
refuses with this code and no other error. The documents are those of the project in Markdown."""
import math
import os
import re
import subprocess
import sys
import tempfile

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
nfc = os.path.abspath(os.path.join(sys.argv[1], 'nfc'))
sys.path.append(os.path.join(root, 'tests', 'ops'))
import tensor_file  # noqa: E402

environment = dict(os.environ, NO_COLOR='1', LC_ALL='C')
FEWEST = 15  # examples in frontend/LANGUAGE.md

# The packages that the examples name: zeros of f32, by shape.
PACKAGES = {
    'minimal': {'scale': [3]},
    'mlp': {**{'w.%d' % i: [64, 64] for i in range(3)}, **{'b.%d' % i: [64] for i in range(3)}},
}


def documents():
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in ('build', '.git'))
        for name in sorted(names):
            if name.endswith('.md'):
                yield os.path.join(folder, name)


def examples(path):
    """(line, code or None, text) of each example."""
    with open(path, encoding='utf-8') as f:
        text = f.read()
    for fence in re.finditer(r'^```nfg(-error (NFC\d{4}))?\n(.*?)^```$', text, re.S | re.M):
        yield text.count('\n', 0, fence.start()) + 1, fence.group(2), fence.group(3)


def wrong_with(source, code):
    """Empty when the example is what it claims to be."""
    done = subprocess.run([nfc, 'check', source], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    said = done.stderr.decode(errors='replace')
    if code is None:
        return said or (done.returncode and 'exit status %d' % done.returncode) or ''
    codes = re.findall(r'error\[(NFC\d+)\]', said)
    return '' if codes == [code] else 'instead of one %s:\n%s' % (code, said or 'nothing is wrong with it')


def main():
    passed, failed, counts = 0, 0, {}
    with tempfile.TemporaryDirectory() as work:
        for name, tensors in PACKAGES.items():
            tensor_file.write(os.path.join(work, name + '.safetensors'), {t: ('f32', shape, bytes(4 * math.prod(shape))) for t, shape in tensors.items()})
        for path in documents():
            name = os.path.relpath(path, root)
            for line, code, text in examples(path):
                source = os.path.join(work, 'example.nfg')
                with open(source, 'w', encoding='utf-8') as f:
                    f.write(text)
                wrong = wrong_with(source, code)
                counts[name] = counts.get(name, 0) + 1
                if wrong:
                    print('FAILED %s:%d: %s' % (name, line, wrong))
                    failed += 1
                else:
                    passed += 1
    if counts.get('frontend/LANGUAGE.md', 0) < FEWEST:
        print('FAILED frontend/LANGUAGE.md: %d examples were found' % counts.get('frontend/LANGUAGE.md', 0))
        failed += 1
    print('tests/docs: %d passed, %d failed' % (passed, failed))
    return failed > 0


sys.exit(main())
