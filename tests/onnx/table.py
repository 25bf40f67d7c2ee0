"""table.py --nfc FILE [--check]: the README's table of ONNX operators.

It is made of what nfc says it imports (`nfc ops --onnx --json`, `nfc ops --json`) and of RESULTS.md: in which
operator sets each operator was run, and in how many of the tests that it is part of every output was right.
--check says whether the README has it."""
import argparse
import collections
import difflib
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(HERE, '..', '..', 'README.md')
BEGIN, END = '<!-- ONNX operators: tests/onnx/table.py writes this -->', '<!-- end of the ONNX operators -->'
OWN_TESTS = {'com.microsoft': 'tests/onnx_contrib', 'ai.onnx.ml': 'tests/onnx_ml', 'ai.onnx.preview.training': 'tests/onnx_ml'}
WAYS = 3


class Operator:
    def __init__(self):
        self.opsets, self.tests, self.passed = set(), 0, [0] * WAYS


def results(path):
    """{(domain, operator): Operator} of RESULTS.md."""
    found = collections.defaultdict(Operator)
    with open(path) as f:
        for line in f:
            cells = [c.strip() for c in re.split(r'(?<!\\)\|', line)[1:-1]]
            if len(cells) < 3 + WAYS or '/' not in cells[0] or not set(cells[3:3 + WAYS]) <= {'yes', 'no'}:
                continue
            sets = {(words[0] if len(words) > 1 else ''): words[-1] for words in (o.split() for o in cells[2].split(','))}
            for name in cells[1].split(', '):
                domain, _, op = name.rpartition('.')
                row = found[domain, op]
                row.tests += 1
                row.opsets.add(int(sets.get(domain, 0) or 0))
                row.passed = [n + (mark == 'yes') for n, mark in zip(row.passed, cells[3:3 + WAYS])]
    return found


def ranges(numbers):
    """'1, 7-13'"""
    out, numbers = [], sorted(n for n in numbers if n)
    while numbers:
        n = 1
        while n < len(numbers) and numbers[n] == numbers[0] + n:
            n += 1
        out.append('%d' % numbers[0] if n == 1 else '%d-%d' % (numbers[0], numbers[n - 1]))
        numbers = numbers[n:]
    return ', '.join(out)


def ask(nfc, *words):
    return json.loads(subprocess.run([nfc, 'ops'] + list(words), stdout=subprocess.PIPE, check=True).stdout)


def table(nfc):
    known = {(o['domain'], o['name']): o['row'] for o in ask(nfc, '--onnx', '--json')}
    rows, seen = ask(nfc, '--json'), results(os.path.join(HERE, 'RESULTS.md'))
    yield '| operator | nfc op | operator sets tested | tests | simulator | C, gcc | C, clang, sanitizers | Vulkan kernels |'
    yield '|---|---|---|--:|--:|--:|--:|:-:|'
    for domain, name in sorted(set(known) | set(seen)):
        o, row = seen.get((domain, name)), known.get((domain, name))
        full = '%s.%s' % (domain, name) if domain else name
        if row is None:
            how = 'not supported'
        else:
            how = '`%s`' % row if row else 'converted'
        vulkan = 'yes' if row and rows[row]['supported']['vulkan'] else ''
        if o:
            yield '| %s | %s | %s | %d | %s | %s |' % (full, how, ranges(o.opsets), o.tests, ' | '.join(str(n) for n in o.passed), vulkan)
        else:
            yield '| %s | %s | | %s | | | | %s |' % (full, how, OWN_TESTS.get(domain, ''), vulkan)


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('--nfc', required=True)
    p.add_argument('--check', action='store_true')
    options = p.parse_args()
    with open(README, encoding='utf-8') as f:
        text = f.read()
    if BEGIN not in text or END not in text:
        sys.exit('table.py: README.md has no place for the table: %s' % BEGIN)
    before, rest = text.split(BEGIN)
    now, after = rest.split(END)
    made = '\n' + '\n'.join(table(options.nfc)) + '\n'
    if options.check:
        sys.stdout.writelines(difflib.unified_diff(now.splitlines(True), made.splitlines(True), 'README.md', 'table.py'))
        return now != made
    with open(README, 'w', encoding='utf-8') as f:
        f.write(before + BEGIN + made + END + after)
    return 0


sys.exit(main())
