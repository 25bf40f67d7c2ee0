"""check.py BUILD WORK [PATTERN]: models that are written here, in the simulator and as C of gcc and of clang with
sanitizers, against what NumPy and loops of Python give."""
import os
import re
import sys

import build
from build import np, pb

import corners  # noqa: F401: each adds its cases
import derivatives  # noqa: F401
import functions  # noqa: F401
import loops  # noqa: F401
import shapes  # noqa: F401

import compare
import ports
import suite
import ways
from ports import Fault


def value_of(info, v):
    """An array as a Value of the type that the model says."""
    if v is None or isinstance(v, list):
        return v if v is None else [value_of(info, e) for e in v]
    of = pb.TYPES[suite.element_type(info.type)]
    return suite.Value(of, np.asarray(v))


class Tolerance:
    def __init__(self, rtol):
        self.rtol, self.atol = rtol, 1e-6


class Runner:
    def __init__(self, case, nfc, work):
        self.case = case
        path = os.path.join(work, case.name + '.onnx')
        pb.save(path, case.model)
        self.test = suite.Test('control', 'node', work)
        self.test.path = path
        self.program = ways.Program(nfc, path, case.name, os.path.join(work, 'p'), case.options + [w for k in case.keep for w in ('--keep', k)])
        self.program.build()
        kept = {name for k in case.keep for name in k.split('=')}
        self.ins = ports.bundles([i for i in self.test.inputs if i.name not in kept], self.program.ports['inputs'])
        self.outs = ports.bundles([o for o in self.test.outputs if o.name not in kept], self.program.ports['outputs'])

    def inputs(self, k):
        arrays = {}
        for b in self.ins:
            arrays.update(ports.input_arrays(b, value_of(b.info, self.case.runs[k][0][b.info.name])))
        return ways.write_arrays(os.path.join(self.program.folder, 'in%d' % k), arrays)

    def judge(self, k, folder):
        read, wanted, worst = ways.reader(folder), self.case.runs[k][1], compare.Worst()
        for b in self.outs:
            compare.compare(b.info.name, ports.output_value(b, read), value_of(b.info, wanted[b.info.name]), Tolerance(self.case.rtol), worst)

    def simulate(self):
        for k in range(len(self.case.runs)):
            to = os.path.join(self.program.folder, 'sim%d' % k)
            self.program.simulate(self.inputs(k), to, self.case.times)
            self.judge(k, to)

    def run(self, compiler):
        self.program.compile(compiler)
        executable = ways.Executable(compiler, [self.program], self.program.folder, 'exe')
        said = executable.link()
        if said:
            raise Fault(ways.first_diagnostic(said))
        jobs = [ways.Job(self.program, self.inputs(k), os.path.join(self.program.folder, '%s%d' % (compiler.name, k)), ['--runs', str(self.case.times)]) for k in range(len(self.case.runs))]
        executable.run(jobs)
        for k, job in enumerate(jobs):
            job.check()
            self.judge(k, job.to)


def check(case, nfc, work):
    """[(way, reason)] of what fails."""
    try:
        runner = Runner(case, nfc, work)
    except Fault as fault:
        return [('build', fault)]
    wrong = []
    for way in ways.WAYS:
        try:
            runner.simulate() if way == 'sim' else runner.run(ways.COMPILERS[way])
        except Fault as fault:
            wrong.append((way, fault))
    return wrong


def main():
    nfc, work = os.path.join(sys.argv[1], 'nfc'), sys.argv[2]
    pattern = sys.argv[3] if len(sys.argv) > 3 else '.*'
    failed, chosen = 0, [c for c in build.CASES if re.fullmatch(pattern, c.name)]
    os.makedirs(os.path.join(work, 'p'))
    for c in chosen:
        wrong = check(c, nfc, work)
        failed += bool(wrong)
        for way, reason in wrong:
            print('FAILED %s [%s]: %s' % (c.name, way, reason))
    print('tests/onnx_control: %d passed, %d failed' % (len(chosen) - failed, failed))
    return failed > 0 or not chosen


sys.exit(main())
