"""run.py --nfc FILE [--suite DIR]... [--only PATTERN] [--sample] [--ways sim,gcc,clang] [--jobs N] [--results FILE]

Runs published ONNX tests in up to three ways and compares every output of every data set. A test that fails and
does not stand in EXCEPTIONS.txt with this very reason, and one that stands there and passes, make the exit status 1.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import sys
import tempfile
import traceback

import compare
import ports
import results
import suite
import ways
from ports import Fault

HERE = os.path.dirname(os.path.abspath(__file__))
EVERY = 8  # of the tests is in the sample
BOUND = 32  # of extents that only the run knows, where the model does not tell one


class Run:
    """One test on its way, and what came of it: why[way] is None when it passed."""

    def __init__(self, test, number, nfc, work, rules):
        self.test, self.why, self.worst, self.jobs = test, {}, {}, []
        self.name = 't%d_%s' % (number, re.sub(r'\W', '_', test.name))
        self.nfc, self.work = nfc, work
        self.folder, self.limit = os.path.join(work, self.name), ways.LIMIT_OF_NETS if test.kind == 'real' else ways.LIMIT
        self.rule = next(((f, words) for pattern, f, words in rules if pattern.fullmatch(test.name)), None)
        self.program, self.sets = None, []

    def fail(self, way, reason):
        self.why[way] = str(reason)

    def prepare(self, wanted):
        """Builds, simulates and compiles. The emitted programs are run later, many in one executable."""
        try:
            self.program = ways.Program(self.nfc, self.test.path, self.name, self.work, self.options(), BOUND, self.limit)
            self.program.build()
            self.bind()
        except Fault as fault:
            for way in wanted:
                self.fail(way, fault)
            return
        for way in wanted:
            try:
                if way in ('sim', ways.TEXT):
                    self.simulate(way)
                else:
                    self.program.compile(ways.COMPILERS[way])
            except Fault as fault:
                self.fail(way, fault)

    def options(self):
        return [word for d in self.test.dim_options(self.test.bounded) for word in ('-D', d)]

    def bind(self):
        """The input files of every data set, and what its outputs must be."""
        ins = ports.bundles(self.test.inputs, self.program.ports['inputs'])
        self.outs = ports.bundles(self.test.outputs, self.program.ports['outputs'])
        for k, (inputs, outputs) in enumerate(self.test.data_sets()):
            arrays = {}
            for bundle, value in zip(ins, inputs):
                arrays.update(ports.input_arrays(bundle, value))
            paths = ways.write_arrays(os.path.join(self.folder, 'in%d' % k), arrays)
            self.sets.append((inputs, outputs, paths))
        if not self.sets:
            raise Fault('there is no data set')

    def simulate(self, way):
        text = self.program.export() if way == ways.TEXT else None
        for k, (inputs, outputs, paths) in enumerate(self.sets):
            to = os.path.join(self.folder, '%s%d' % (way, k))
            self.program.simulate(paths, to, text=text)
            self.judge(way, k, to)
        self.why[way] = None

    def judge(self, way, k, folder):
        """Compares the outputs of a data set."""
        inputs, outputs, _ = self.sets[k]
        worst = self.worst.setdefault(way, compare.Worst())
        read = ways.reader(folder)
        got = [ports.output_value(b, read) for b in self.outs[:len(outputs)]]
        names = [b.info.name for b in self.outs]
        if self.rule:
            self.rule[0](inputs, got, outputs, names, self.rule[1])
            return
        for name, g, w in zip(names, got, outputs):
            compare.compare(name, g, w, self.test, worst)

    def make_jobs(self, way):
        self.jobs = [ways.Job(self.program, paths, os.path.join(self.folder, '%s%d' % (way, k)), limit=self.limit) for k, (_, _, paths) in enumerate(self.sets)]
        return self.jobs

    def finish(self, way):
        try:
            for k, job in enumerate(self.jobs):
                job.check()
                self.judge(way, k, job.to)
            self.why[way] = None
        except Fault as fault:
            self.fail(way, fault)


def guarded(function, run, wanted, *more):
    """A fault of the harness is one test's failure, and loud."""
    try:
        function(*more)
    except Exception as e:
        traceback.print_exc()
        for way in wanted:
            run.fail(way, 'the harness: %r' % e)


def run_executable(way, runs, work, number):
    try:
        executable = ways.Executable(ways.COMPILERS[way], [r.program for r in runs], work, 'all%d' % number)
        said = executable.link()
        if said:
            raise Fault('does not link: ' + ways.first_diagnostic(said))
    except Fault as fault:
        for r in runs:
            r.fail(way, fault)
        return
    jobs = [job for r in runs for job in r.make_jobs(way)]
    executable.run(jobs)
    for r in runs:
        guarded(r.finish, r, [way], way)
    ways.remove(executable.folder)


def run_all(tests, nfc, wanted, jobs, work):
    rules = compare.random_rules(os.path.join(HERE, 'random.txt'))
    runs = [Run(t, k, nfc, work, rules) for k, t in enumerate(tests)]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        longest_first = sorted(runs, key=lambda r: -r.limit)
        list(pool.map(lambda r: guarded(r.prepare, r, wanted, wanted), longest_first))
        for way in wanted:
            ready = [r for r in runs if way not in r.why]
            size = min(ways.PER_EXECUTABLE, -(-len(ready) // jobs) or 1)
            parts = [ready[at:at + size] for at in range(0, len(ready), size)]
            list(pool.map(lambda part: run_executable(way, part[1], work, part[0]), enumerate(parts)))
    return runs


def read_exceptions(path):
    """{suite/test: its reasons}; the ways may each have their own words for it."""
    found = collections.defaultdict(set)
    with open(path) as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                key, reason = line.rstrip('\n').split('\t', 1)
                found[key].add(reason)
    return found


def report(runs, wanted, exceptions):
    """Prints what fails; the number of surprises."""
    surprises, counts = 0, collections.Counter()
    for r in runs:
        key = '%s/%s' % (r.test.suite, r.test.key)
        failed = [(way, r.why[way]) for way in wanted if r.why.get(way, 'is not run') is not None]
        for way in wanted:
            counts[way] += way not in [w for w, _ in failed]
        for way, reason in failed:
            expected = reason in exceptions.get(key, ())
            surprises += not expected
            print('%s %s [%s]: %s' % ('exception' if expected else 'FAILED', key, way, reason))
        if not failed and key in exceptions and set(wanted) == set(ways.WAYS):
            surprises += 1
            print('FAILED %s passes, and stands in EXCEPTIONS.txt' % key)
    print('tests/onnx: %d tests; %s; %d failures' % (len(runs), ', '.join('%s %d' % (way, counts[way]) for way in wanted), surprises))
    return surprises


def arguments():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('--nfc', required=True)
    p.add_argument('--suite', action='append', help='a folder of suites; Debian\'s and $ONNX_TESTDATA by default')
    p.add_argument('--only', help='a regular expression that a whole name, as test_add or node/test_add, matches')
    p.add_argument('--list', help='a file of such names, one a line: only these')
    p.add_argument('--sample', action='store_true', help='some: every operator at least once')
    p.add_argument('--ways', default=','.join(ways.WAYS))
    p.add_argument('--jobs', type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument('--results', help='a file of Markdown: its rows of these tests are written')
    p.add_argument('--keep', help='a folder that is kept for a look at the sources')
    return p.parse_args()


def chosen(options):
    newest = os.environ.get('ONNX_TESTDATA')
    roots = options.suite or [suite.DEBIAN] + ([newest] if newest else [])
    tests = []
    for root in roots:
        if not os.path.isdir(root):
            sys.exit('run.py: there is no folder %s%s' % (root, '; it comes with libonnx-testdata' if root == suite.DEBIAN else ''))
        tests += suite.find(root, options.only)
    if options.list:
        with open(options.list) as f:
            names = set(f.read().split())
        tests = [t for t in tests if t.key in names]
    if options.sample:
        tests = sample(tests)
    if not tests:
        sys.exit('run.py: there are no such tests')
    return tests


def sample(tests):
    """Every operator at least once, and every eighth test of all."""
    picked, seen = [], set()
    for k, t in enumerate(tests):
        if k % EVERY == 0 or t.ops() - seen:
            picked.append(t)
            seen |= t.ops()
    return picked


def main():
    options = arguments()
    wanted = [w for w in ways.WAYS + [ways.TEXT] if w in options.ways.split(',')]
    if not wanted:
        sys.exit('run.py: the ways are ' + ', '.join(ways.WAYS))
    if options.results and wanted != ways.WAYS:
        sys.exit('run.py: --results wants all ways')
    tests = chosen(options)
    with tempfile.TemporaryDirectory(prefix='onnx_tests.') as work:
        work = options.keep or work
        os.makedirs(work, exist_ok=True)
        runs = run_all(tests, os.path.abspath(options.nfc), wanted, options.jobs, work)
    if options.results:
        results.write(options.results, runs, not (options.only or options.list or options.sample))
    return report(runs, wanted, read_exceptions(os.path.join(HERE, 'EXCEPTIONS.txt'))) > 0


if __name__ == '__main__':
    sys.exit(main())
