"""RESULTS.md: what came of every test, without anything that differs from one run to the next."""
import os
import re

import suite
import ways

import ways

HEAD = """# The published ONNX tests

Made by `make check-onnx`; see [README](README.md). Every output of every data set is compared: floats within
1e-3 of the value (bfloat16: 2^-6) and 1e-7, as the standard's own runner does; integers, booleans and texts exactly.
The worst difference is in units of the last place of the output's type, and absolute; it is the largest of all ways.

"""
TITLES = {'sim': 'simulator', 'gcc': 'C, gcc -O2', 'clang': 'C, clang -O1, sanitizers'}


def passed(run, way):
    return run.why.get(way, 'is not run') is None


def cell(text):
    return text.replace('|', '\\|').replace('\n', ' ')


def number(v):
    return '0' if v == 0 else '%.2g' % v


def row(run, wanted):
    marks = ['yes' if passed(run, w) else 'no' for w in wanted]
    worst = [run.worst[w] for w in wanted if w in run.worst and passed(run, w)]
    ulp, error = max([w.ulp for w in worst] + [0]), max([w.error for w in worst] + [0.0])
    reasons = []
    for w in wanted:
        why = run.why.get(w, 'is not run')
        if why is not None and why not in reasons:
            reasons.append(why)
    ops = ', '.join(sorted(op if not domain else '%s.%s' % (domain, op) for domain, op in run.test.ops()))
    return '| %s | %s | %s | %s | %s | %s | %s |' % (run.test.key, ops, run.test.opset, ' | '.join(marks),
                                                   ulp if worst else '', number(error) if worst else '', cell('; '.join(reasons)))


def marks(text):
    """(kind, whether it passed in each way) of a row."""
    cells = [c.strip() for c in re.split(r'(?<!\\)\|', text)[1:-1]]
    return cells[0].split('/')[0], [c == 'yes' for c in cells[3:3 + len(ways.WAYS)]]


def summary(rows):
    yield '| tests | | %s |' % ' | '.join(TITLES[w] for w in ways.WAYS)
    yield '|---|--:|%s' % ('--:|' * len(ways.WAYS))
    every = [marks(text) for _, text in rows]
    for kind in [k for k in suite.KINDS if k in {kind for kind, _ in every}] + ['all']:
        some = [m for k, m in every if kind in (k, 'all')]
        yield '| %s | %d | %s |' % (kind, len(some), ' | '.join(str(sum(m[w] for m in some)) for w in range(len(ways.WAYS))))


def section(rows):
    """The lines of one suite. rows: (test, text)."""
    yield ''
    yield from summary(rows)
    yield ''
    yield '| test | ops | opset | %s | worst ULP | worst error | why not |' % ' | '.join(ways.WAYS)
    yield '|---|---|---|%s--:|--:|---|' % (':-:|' * len(ways.WAYS))
    for _, text in rows:
        yield text
    yield ''


def sections_of(path):
    """{suite: {test: text}} of a file as it is."""
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        parts = re.split(r'^## (.*)\n', f.read(), flags=re.M)
    rows = lambda text: {m.group(1): m.group(0) for m in re.finditer(r'^\| ([\w-]+/[^|]*?) \|.*$', text, re.M)}
    return {name: rows(text) for name, text in zip(parts[1::2], parts[2::2])}


def write(path, runs, whole):
    """Writes the rows of the tests that were run, in all ways. whole: no others of their suites are kept."""
    sections = sections_of(path)
    for name in {r.test.suite for r in runs}:
        kept = {} if whole else sections.get(name, {})
        sections[name] = dict(kept, **{r.test.key: row(r, ways.WAYS) for r in runs if r.test.suite == name})
    with open(path, 'w') as f:
        f.write((HEAD + ''.join('## %s\n%s\n' % (name, '\n'.join(section(sorted(sections[name].items())))) for name in sorted(sections))).rstrip('\n') + '\n')
