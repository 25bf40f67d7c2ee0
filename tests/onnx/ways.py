"""The ways in which a model is run: the simulator, and emitted C of two compilers.

    sim     nfc sim
    gcc     nfc build; gcc -O2, every warning an error
    clang   nfc build; clang -O1 with address and undefined sanitizers, where a fault ends the program

Emitted programs of many models become one executable, in which driver.c runs each in a process of its own."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess

import numpy as np

from ports import Fault

HERE = os.path.dirname(os.path.abspath(__file__))
WARNINGS = '-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'.split()
# That a fault ends the program, UBSAN_OPTIONS says: -fno-sanitize-recover makes clang 14 twenty times as slow.
SANITIZE = '-fsanitize=address,undefined -fno-omit-frame-pointer'.split()
ENVIRONMENT = dict(os.environ, LC_ALL='C', NO_COLOR='1', ASAN_OPTIONS='detect_leaks=0:exitcode=99', UBSAN_OPTIONS='halt_on_error=1:exitcode=98')
LIMIT = 120  # seconds of a processor's time for one command on one model
LIMIT_OF_NETS = 1800  # where it is a whole network
PER_EXECUTABLE = 100
MOST_BOUNDS = 20  # how often nfc may ask for some


class Compiler:
    def __init__(self, name, command, flags):
        self.name, self.command, self.flags = name, command, flags


COMPILERS = {c.name: c for c in (
    Compiler('gcc', os.environ.get('GCC', 'gcc'), ['-O2'] + WARNINGS),
    Compiler('clang', os.environ.get('CLANG', 'clang-14'), ['-O1'] + SANITIZE))}
WAYS = ['sim'] + list(COMPILERS)
TEXT = 'nfg'  # not one of the usual: the model as 'nfc export' writes it, simulated


def call(command, limit=LIMIT, **more):
    """(exit status, what it said); a command that takes too long has the status None.

    The limit is of work, so that what else the machine does has no say in it; the clock's own is there for what sleeps."""
    bound = lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=ENVIRONMENT, timeout=10 * limit, preexec_fn=bound, **more)
    except subprocess.TimeoutExpired:
        return None, 'takes over %d s' % (10 * limit)
    if done.returncode == -signal.SIGXCPU:
        return None, 'takes over %d s of work' % limit
    return done.returncode, done.stdout.decode(errors='replace')


def first_diagnostic(said):
    """The first thing that is wrong, without its place: one line."""
    patterns = (r'error(?:\[NFC\d+\])?: .*', r'runtime error: .*', r'ERROR: AddressSanitizer: [\w-]+', r'\S+: error: .*', r'warning: .*')
    for pattern in patterns:
        found = re.search(pattern, said)
        if found:
            return re.sub(r'\bt\d+_\w+\.onnx', 'model.onnx', re.sub(r'/\S*/', '', found.group(0))).strip()
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else 'nothing is said'


class Program:
    """One model on its way: sources, ports, objects. What fails raises a Fault with the reason."""

    def __init__(self, nfc, model, name, work, options=(), bound=None, limit=LIMIT):
        self.nfc, self.name, self.options, self.bound, self.limit = nfc, name, list(options), bound, limit
        self.folder = os.path.join(work, name)
        self.model = os.path.join(self.folder, name + os.path.splitext(model)[1])
        self.sources = os.path.join(self.folder, 'c')
        self.objects = {}
        self.ports = None
        os.makedirs(self.folder)
        os.symlink(os.path.abspath(model), self.model)

    def build(self):
        """Sources and ports. Where nfc asks for the bound of an extent that only the run knows, it gets one, as
        it would from its user."""
        for _ in range(MOST_BOUNDS):
            status, said = call([self.nfc, 'build', self.model, '-o', self.sources, '--emit=sources', '-q'] + self.options, self.limit)
            asked = re.findall(r"help: -D '([^'<]+)<=\d+' gives it one", said)
            if status == 0 or not asked or not self.bound:
                break
            self.options += [word for name in asked for word in ('-D', '%s<=%d' % (name, self.bound))]
        if status != 0:
            raise Fault(refusal(status, said))
        with open(os.path.join(self.sources, 'manifest.json')) as f:
            manifest = json.load(f)
        self.prefix = manifest['api']['prefix']
        self.flags = ['-std=' + manifest['compiler']['standard']] + [f for f in manifest['compiler']['flags'] if not f.startswith('-O')]
        self.ports = manifest['api']['graphs'][0]

    def compile(self, compiler):
        """The objects of the program but for nf_*.c, which all programs share."""
        names = sorted(n for n in os.listdir(self.sources) if n.endswith(('.c', '.S')) and not n.startswith('nf_'))
        found = []
        for name in names:
            to = os.path.join(self.folder, '%s.%s.o' % (name, compiler.name))
            main = ['-Dmain=%s_program_main' % self.name] if name.endswith('_main.c') else []
            status, said = call([compiler.command] + self.flags + compiler.flags + main + ['-c', name, '-o', to], self.limit, cwd=self.sources)
            if status != 0:
                raise Fault('%s: %s' % (compiler.name, first_diagnostic(said)))
            found.append(to)
        self.objects[compiler.name] = found

    def export(self):
        """The model as text, to be simulated in its place."""
        to = os.path.join(os.path.dirname(self.model), 'as_text.nfg')
        status, said = call([self.nfc, 'export', '--format=nfg', self.model, '-o', to, '-q'] + self.options)
        if status != 0:
            raise Fault(refusal(status, said))
        return to

    def simulate(self, inputs, to, runs=1, text=None):
        """One run in the simulator; the outputs are in `to`."""
        status, said = call([self.nfc, 'sim', text or self.model, '-q', '--output', to, '--runs=%d' % runs] + ([] if text else self.options) + input_options(inputs), self.limit)
        if status != 0:
            raise Fault(refusal(status, said))


def refusal(status, said):
    if status is None or status < 0 or status == 70:
        return 'nfc %s: %s' % ('takes too long' if status is None else 'dies of signal %d' % -status if status < 0 else 'is at fault', first_diagnostic(said))
    return first_diagnostic(said)


def input_options(inputs):
    return [word for name, path in inputs.items() for word in ('--input', '%s=%s' % (name, path))]


def write_arrays(folder, arrays):
    """{name: path} of .npy files."""
    os.makedirs(folder, exist_ok=True)
    paths = {}
    for name, a in arrays.items():
        paths[name] = os.path.join(folder, name + '.npy')
        np.save(paths[name], np.ascontiguousarray(a).reshape(np.shape(a)))
    return paths


def reader(folder):
    def read(name):
        try:
            return np.load(os.path.join(folder, name + '.npy'))
        except (OSError, ValueError) as e:
            raise Fault('the output %s: %s' % (name, e))
    return read


class Job:
    """One run of an emitted program, and how it went."""

    def __init__(self, program, inputs, to, arguments=(), limit=LIMIT):
        self.program, self.to, self.log, self.limit = program, to, to + '.log', limit
        self.arguments = input_options(inputs) + ['--output', to] + list(arguments)
        self.status = 'is not run'

    def check(self):
        if self.status == 0:
            return
        said = ''
        if os.path.exists(self.log):
            with open(self.log, errors='replace') as f:
                said = f.read()
        if self.status == -14:
            raise Fault('takes over %d s' % self.limit)
        if isinstance(self.status, str) or self.status < 0:
            raise Fault('%s: %s' % (self.status if isinstance(self.status, str) else 'signal %d' % -self.status, first_diagnostic(said)))
        raise Fault(first_diagnostic(said))


class Executable:
    """Programs of many models, and nf_*.c, under one compiler."""

    def __init__(self, compiler, programs, work, name):
        self.compiler, self.programs = compiler, programs
        self.folder = os.path.join(work, '%s.%s' % (name, compiler.name))
        os.makedirs(self.folder)

    def link(self):
        """None, or what the linker says."""
        with open(os.path.join(self.folder, 'programs.def'), 'w') as f:
            f.writelines('PROGRAM(%s)\n' % p.name for p in self.programs)
        status, said = call([self.compiler.command, '-I' + self.folder, os.path.join(HERE, 'driver.c'), '-D_GNU_SOURCE', '-o',
                             os.path.join(self.folder, 'all')] + self.compiler.flags + [o for p in self.programs for o in p.objects[self.compiler.name]]
                            + runtime_objects(self.compiler, self.programs[0], self.folder) + ['-lm'], limit=600)
        return None if status == 0 else said

    def run(self, jobs):
        """Runs the jobs of its programs one after another, and tells each how it went."""
        lines = os.path.join(self.folder, 'lines')
        with open(lines, 'w') as f:
            for j in jobs:
                f.write('\t'.join([j.program.name, j.log, str(j.limit)] + j.arguments) + '\n')
        status, said = call([os.path.join(self.folder, 'all'), lines], limit=sum(j.limit for j in jobs) + 60)
        for line in said.splitlines():
            number, result = line.split()
            jobs[int(number)].status = int(result)


made = {}  # objects of nf_*.c, by all that they are made from


def runtime_objects(compiler, program, to):
    """nf_*.c, as they stand beside an emitted program; compiled once for all programs that have the same."""
    names = sorted(name for name in os.listdir(program.sources) if name.startswith('nf_'))
    sources = tuple(read_bytes(os.path.join(program.sources, name)) for name in names)
    command = [compiler.command] + program.flags + compiler.flags
    key = (tuple(command), tuple(names), sources)
    objects = [(name, os.path.join(to, name + '.o')) for name in names if name.endswith('.c')]
    if key not in made:
        for name, at in objects:
            status, said = call(command + ['-c', name, '-o', at], cwd=program.sources)
            if status != 0:
                raise Fault('%s: %s' % (compiler.name, first_diagnostic(said)))
        made[key] = [read_bytes(at) for _, at in objects]
    for (_, at), content in zip(objects, made[key]):
        with open(at, 'wb') as f:
            f.write(content)
    return [at for _, at in objects]


def read_bytes(path):
    with open(path, 'rb') as f:
        return f.read()


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
