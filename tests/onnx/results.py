"""RESULTS.md: what came of every test, without anything that differs from one run to the next."""
import collections
import os
import re

import ways

HEAD = """# The published ONNX tests

Made by `make check-onnx`; see [README](README.md). Every output of every data set is compared: floats within
1e-3 of the value (bfloat16: 2^-6) and 1e-7, as the standard's own runner does; integers, booleans and texts exactly.
The worst difference is in units of the last place of the output's type, and absolute; it is the largest of all ways.

"""
TITLES = {'sim': 'simulator', 'gcc': 'C, gcc -O2', 'clang': 'C, clang -O1, sanitizers'}


def passed(run, way):
    return run.why.get(way, 'is not run') is None


def summary(runs, wanted):
    yield '| tests | | %s |' % ' | '.join(TITLES[w] for w in wanted)
    yield '|---|--:|%s' % ('--:|' * len(wanted))
    kinds = collections.OrderedDict()
    for r in runs:
        kinds.setdefault(r.test.kind, []).append(r)
    for kind, some in list(kinds.items()) + [('all', runs)]:
        yield '| %s | %d | %s |' % (kind, len(some), ' | '.join(str(sum(passed(r, w) for r in some)) for w in wanted))


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


def section(runs, wanted):
    """The lines of one suite."""
    yield ''
    yield from summary(runs, wanted)
    yield ''
    yield '| test | ops | opset | %s | worst ULP | worst error | why not |' % ' | '.join(wanted)
    yield '|---|---|---|%s--:|--:|---|' % (':-:|' * len(wanted))
    for r in sorted(runs, key=lambda r: r.test.key):
        yield row(r, wanted)
    yield ''


def sections_of(path):
    """{suite: text} of a file as it is."""
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        parts = re.split(r'^## (.*)\n', f.read(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def write(path, runs, wanted):
    """Writes the sections of the suites that were run, and keeps the others."""
    sections = sections_of(path)
    for name in sorted({r.test.suite for r in runs}):
        sections[name] = '\n'.join(section([r for r in runs if r.test.suite == name], wanted)) + '\n'
    with open(path, 'w') as f:
        f.write((HEAD + ''.join('## %s\n%s' % (name, sections[name]) for name in sorted(sections))).rstrip('\n') + '\n')
