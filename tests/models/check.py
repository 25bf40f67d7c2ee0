"""check.py BUILD MODELS WORK [all|MODEL]...: trained models as emitted C of gcc -O2, and of clang with sanitizers.

Every output is within 1e-4 of the output's largest magnitude (table.py says where not, and why); quantised ones
within one step. Without arguments
those that are fast. NFC_FLAGS in the environment: what nfc build is told besides."""
import json
import os
import subprocess
import sys
import traceback

import numpy as np

import inputs
import table

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'onnx'))
import ports
import suite
import ways
from ports import Fault

HERE = os.path.dirname(os.path.abspath(__file__))
ARENAS = {'micro_kws_m_static_fp32': 60000}  # bytes, at most: its first convolution's result has 125,440, of which a few rows are kept
# Nothing optimised: no access goes unseen, and what UBSan makes of a large net keeps clang's register allocator busy for half a minute at -O1.
SANITIZED = ways.Compiler('clang', ways.COMPILERS['clang'].command, ['-O0'] + ways.SANITIZE)
SANITIZED_CHUNKS = 100  # of the recording: the rest is for the compiler without sanitizers


def difference(name, got, want, step):
    """The worst difference in parts of what is allowed."""
    if got.shape != want.shape:
        raise Fault('%s has the shape %s, not %s' % (name, list(got.shape), list(want.shape)))
    if want.dtype.kind != 'f':
        if not np.array_equal(got, want):
            raise Fault('%s is %s, not %s' % (name, got.reshape(-1)[:8], want.reshape(-1)[:8]))
        return 0.0
    allowed = 1.001 * step if step else table.TOLERANCE * np.abs(want).max()
    worst = np.abs(got.astype(np.float64) - want.astype(np.float64)).max(initial=0)
    if not worst <= allowed:
        raise Fault('%s differs by %.3g; %.3g are allowed' % (name, worst, allowed))
    return worst / allowed


class Check:
    """One model on its way."""

    def __init__(self, model, nfc, work):
        self.model, self.work = model, work
        self.test = suite.Test('models', 'real', os.path.dirname(model.path))
        self.test.path = model.path
        self.program = ways.Program(nfc, model.path, model.name, work, [w for d in model.dims for w in ('-D', d)] + [w for k in model.keep for w in ('--keep', k)] + os.environ.get('NFC_FLAGS', '').split())
        self.program.build()
        self.expect_small_arena()
        kept = {name for k in model.keep for name in k.split('=')}
        self.ins = {b.info.name: b for b in ports.bundles([i for i in self.test.inputs if i.name not in kept], self.program.ports['inputs'])}
        self.outs = ports.bundles([o for o in self.test.outputs if o.name not in kept], self.program.ports['outputs'])

    def expect_small_arena(self):
        """The arena is within 2 % of what is live at once."""
        with open(os.path.join(self.program.sources, 'report.json')) as f:
            for graph in json.load(f)['graphs']:
                arena = graph['arena']
                if not arena['lower_bound'] <= arena['bytes'] <= 1.02 * arena['lower_bound']:
                    raise Fault('the arena of %s takes %d bytes; %d are live at once' % (graph['name'], arena['bytes'], arena['lower_bound']))
                if arena['bytes'] > ARENAS.get(self.model.name, arena['bytes']):
                    raise Fault('the arena of %s takes %d bytes; %d are expected at most' % (graph['name'], arena['bytes'], ARENAS[self.model.name]))

    def jobs(self, compiler):
        """[(case, job)]"""
        found = []
        for k, case in enumerate(self.model.cases):
            arrays = {self.ins[name].port['name']: a for name, a in case.given.items()}
            folder = os.path.join(self.program.folder, '%s%d' % (compiler, k))
            found.append((case, ways.Job(self.program, ways.write_arrays(folder + '.in', arrays), folder, limit=600)))
        return found

    def judge(self, case, job):
        job.check()
        read = ways.reader(job.to)
        return max(difference(b.info.name, read(b.port['name']), case.wanted[b.info.name], case.step) for b in self.outs)

    def run(self, compiler):
        """The worst difference, in parts of what is allowed."""
        self.program.compile(compiler)
        executable = ways.Executable(compiler, [self.program], self.work, self.model.name)
        said = executable.link()
        if said:
            raise Fault(ways.first_diagnostic(said))
        jobs = self.jobs(compiler.name)
        executable.run([job for _, job in jobs])
        return max([self.judge(case, job) for case, job in jobs] + [0.0])

    # ---- the recording ----

    def recording(self, compiler, models):
        """The state goes from run to run; what every chunk gives is compared."""
        kept, key = np.load(os.path.join(HERE, 'golden', 'silero.npz')), self.model.name.replace('_kept', '')
        chunks = inputs.recording(models, self.model.rate)[:SANITIZED_CHUNKS if compiler.name == 'clang' else None]
        said, state = self.hear(compiler, chunks, self.model.rate)
        worst = difference(key, said, kept[key][:len(chunks)], None)
        if self.model.keep or len(chunks) < len(kept[key]):
            return worst
        return max(worst, difference(key + ' state', state, kept[key + '_state'], None))

    def hear(self, compiler, chunks, rate):
        program = self.program
        at, to = os.path.join(program.folder, 'chunks.bin'), os.path.join(program.folder, 'said.bin')
        exe = os.path.join(program.folder, 'wav.' + compiler.name)
        chunks.astype('<f4').tofile(at)
        flags = ['-DNAME=' + program.prefix, '-DUPPER=' + program.prefix.upper(), '-DHEADER="%s.h"' % program.prefix, '-I' + program.sources]
        flags += ['-DHAS_RATE'] * ('sr' in self.ins) + ['-DKEPT'] * bool(self.model.keep)
        flags += ['-DINPUT=' + self.ins['input'].port['member'], '-DOUTPUT=' + self.outs[0].port['member']]
        objects = [o for o in program.objects[compiler.name] if not os.path.basename(o).startswith(program.prefix + '_main.')]
        status, said = ways.call([compiler.command] + program.flags + compiler.flags + flags + [os.path.join(HERE, 'wav.c')] + objects + ['-o', exe, '-lm'])
        if status != 0:
            raise Fault(ways.first_diagnostic(said))
        status, said = ways.call([exe, at, str(len(chunks)), str(chunks.shape[-1]), str(rate), to], limit=300)
        if status != 0:
            raise Fault('the recording: status %s: %s' % (status, ways.first_diagnostic(said)))
        values = np.fromfile(to, '<f4')
        return values[:len(chunks)], values[len(chunks):].reshape(2, 1, 128)


def check(model, nfc, models, work):
    """Lines of what is wrong, and a line of what is right."""
    wrong, right = [], []
    try:
        c = Check(model, nfc, work)
    except Fault as fault:
        return ['%s: %s' % (model.name, fault)], None
    for compiler in [ways.COMPILERS['gcc']] + [SANITIZED] * model.sanitize:
        try:
            worst = c.run(compiler)
            if model.rate:
                worst = max(worst, c.recording(compiler, models))
            right.append('%s %.2g' % (compiler.name, worst))
        except Fault as fault:
            wrong.append('%s [%s]: %s' % (model.name, compiler.name, fault))
    return wrong, '%s: %d cases; worst difference in parts of what is allowed: %s' % (model.name, len(model.cases), ', '.join(right))


def recognised(models, nfc, work):
    """Of the landmarks of real hands, how many the classifier says right; in one run."""
    samples, labels = table.keypoints(models)
    wanted = table.reference.run(os.path.join(models, 'hand_gesture_mlp', 'keypoint_classifier.onnx'), {'input': samples})['class_ids']
    case = table.Case('all', {'input': samples}, {'class_ids': wanted.astype(np.int64)})
    model = table.Model('keypoints', os.path.join(models, 'hand_gesture_mlp', 'keypoint_classifier.onnx'), [case], ['batch<=%d' % len(samples)])
    wrong, _ = check(model, nfc, models, work)
    share = (wanted == labels).mean()
    return wrong, 'keypoints: %d of %d hands are what their label says' % ((wanted == labels).sum(), len(labels)) if share > 0.9 else None


def main():
    build, models, work = sys.argv[1:4]
    chosen = sys.argv[4:]
    nfc, failed, passed = os.path.join(build, 'nfc'), 0, 0
    steps = [(m.name, lambda m=m: check(m, nfc, models, work)) for m in table.all_models(models)
             if 'all' in chosen or m.name in chosen or not chosen and not m.slow]
    if not chosen or 'all' in chosen:
        steps.append(('keypoints', lambda: recognised(models, nfc, work)))
    for name, step in steps:
        try:
            wrong, right = step()
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as e:
            traceback.print_exc()
            wrong, right = ['%s: %r' % (name, e)], None
        for line in wrong:
            print('FAILED ' + line)
        if not wrong:
            print(right or 'FAILED ' + name)
        failed += bool(wrong) or not right
        passed += not wrong and bool(right)
        sys.stdout.flush()
    print('tests/models: %d passed, %d failed' % (passed, failed))
    return failed > 0


sys.exit(main())
