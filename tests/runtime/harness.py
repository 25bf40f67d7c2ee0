"""Builds programs with nfc and runs them; counts what holds."""
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
WARNINGS = '-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Werror'.split()
SANITIZE = '-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'.split()


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __str__(self):
        return 'exit %d\n--- stdout\n%s--- stderr\n%s' % (self.code, self.out, self.err)


class Suite:
    """Every case is a function of the suite; a failed expectation ends it and is reported."""

    def __init__(self, build):
        self.nfc = os.path.join(os.path.abspath(build), 'nfc')
        self.work = tempfile.mkdtemp(prefix='nfc-runtime-')
        self.passed = self.failed = 0
        self.case = self.work

    def path(self, *names):
        """A path in the folder of the case at hand."""
        return os.path.join(self.case, *names)

    def run(self, *words, cwd=None, limit_kib=0):
        env = dict(os.environ, LC_ALL='C', NO_COLOR='1', ASAN_OPTIONS='detect_leaks=1')
        words = [str(w) for w in words]
        if limit_kib:
            words = ['sh', '-c', 'ulimit -v %d; exec "$@"' % limit_kib, 'sh'] + words
        done = subprocess.run(words, cwd=cwd or self.case, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, stdin=subprocess.DEVNULL)
        return Result(done)

    def must(self, *words, **options):
        r = self.run(*words, **options)
        expect(r.code == 0, '%s\n%s' % (' '.join(map(str, words)), r))
        return r

    def sources(self, graph, folder, *options):
        """Emits the sources of a graph of this folder."""
        self.must(self.nfc, 'build', os.path.join(HERE, graph) if os.path.basename(graph) == graph else graph,
                  '--emit=sources', '-o', folder, *options)
        return folder

    def compile(self, folder, name, program, compiler='cc', flags=(), trace=True, link=()):
        """Compiles a program without its Makefile: from all C files of the folder."""
        files = sorted(f for f in os.listdir(folder) if f.endswith(('.c', '.S')))
        self.must(*compiler.split(), *flags, *(['-DNF_TRACE'] if trace else []), '-I' + folder,
                  *[os.path.join(folder, f) for f in files], '-o', program, '-lm', *link)
        return program

    def do(self, case):
        self.case = os.path.join(self.work, case.__name__)
        os.mkdir(self.case)
        try:
            case(self)
            self.passed += 1
        except Exception as e:  # whatever went wrong, the case has failed
            self.failed += 1
            print('FAILED runtime/%s: %s: %s' % (case.__name__, type(e).__name__, e))

    def finish(self):
        shutil.rmtree(self.work)
        print('tests/runtime: %d passed, %d failed' % (self.passed, self.failed))
        sys.exit(self.failed > 0)


def expect(truth, what):
    if not truth:
        raise AssertionError(what)


def expect_equal(got, want, what):
    expect(got == want, '%s is %r, not %r' % (what, got, want))


def expect_fails(result, code, *texts):
    """The program must fail in this way, name these things, and put nothing on stdout."""
    expect(result.code == code and result.out == '', 'exit %d wanted: %s' % (code, result))
    for t in texts:
        expect(t in result.err, '%r is not said: %s' % (t, result))


def expect_array(path, want):
    got = np.load(path)
    want = np.asarray(want)
    expect(got.dtype == want.dtype and got.shape == want.shape, '%s is %s%s' % (path, got.dtype, got.shape))
    expect(got.tobytes() == np.ascontiguousarray(want).tobytes(), '%s holds %s, not %s' % (path, got, want))
