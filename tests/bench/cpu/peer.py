"""What each file of peers/ gives: NAME, as the table has it, and

    class Program:
        def __init__(self, model, threads, inputs)   loads; inputs are arrays, in the graph's order
        version                                      text
        def step(self)                               one run
        def outputs(self)                            the last run's, in the graph's order
        native = (function, argument)                optional: int function(void *argument) is one run, timed from C

A peer that is not installed raises Absent, a model that it does not run Unsupported; both with the reason."""
import ctypes, importlib, json, os, subprocess, time
import numpy as np
import work


class Absent(Exception):
    pass


class Unsupported(Exception):
    pass


class Model:
    """One model of the cache folder."""

    def __init__(self, folder, name, options):
        self.folder, self.name, self.options = folder, name, options  # options: a dict: nfc, device
        self.path = work.path(folder, name, "onnx")
        with open(work.path(folder, name, "json")) as f:
            self.about = json.load(f)

    def arrays(self, kind, count):
        return [np.load(work.path(self.folder, self.name, "%s%d.npy" % (kind, i))) for i in range(count)]

    def inputs(self):
        return self.arrays("in", len(self.about["inputs"]))

    def golden(self):
        return self.arrays("out", len(self.about["outputs"]))


def need(module):
    """A Python module, or Absent."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise Absent("not installed (%s)" % e)


def shared_library(folder, source, *flags):
    """Compiles a C file of this folder to a shared library, unless that was done, and loads it."""
    source = os.path.join(work.HERE, source)
    target = os.path.join(folder, "lib", os.path.basename(source)[:-2] + ".so")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
        aside = "%s.%d" % (target, os.getpid())
        done = subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-march=native", "-shared", "-fPIC", "-o", aside, source, *flags],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise Absent("%s does not compile: %s" % (os.path.basename(source), done.stderr.strip().splitlines()[-1:]))
        os.rename(aside, target)
    return ctypes.CDLL(target)


class Clock:
    """Runs a program for a while and gives the nanoseconds of a run, sample by sample."""

    SAMPLE = 20000  # ns: shorter runs are timed together

    def __init__(self, folder, program):
        self.program = program
        self.native = getattr(program, "native", None)
        self.library = shared_library(folder, "timer.c") if self.native else None

    def runs(self, n, each):
        """ns a run, of n // each samples."""
        if not self.native:
            samples = []
            for _ in range(n // each):
                start = time.perf_counter_ns()
                for _ in range(each):
                    self.program.step()
                samples.append((time.perf_counter_ns() - start) / each)
            return samples
        samples = (ctypes.c_int64 * (n // each))()
        function, argument = self.native
        status = self.library.time_calls(function, ctypes.c_void_p(argument), ctypes.c_int64(n), ctypes.c_int64(each), samples)
        if status:
            raise RuntimeError("a run gave status %d" % status)
        return [s / each for s in samples]

    def measure(self, seconds):
        """Samples of about this time, one at least; a warm run first where a run is short enough."""
        first = self.runs(1, 1)[0]
        if first > seconds * 1e9:
            return [first]
        warm = max(1, int(0.1 * seconds * 1e9 / first))
        first = self.runs(min(warm, 10000), 1)[-1]
        each = max(1, int(self.SAMPLE / first))
        return self.runs(max(1, int(seconds * 1e9 / first / each)) * each, each)
