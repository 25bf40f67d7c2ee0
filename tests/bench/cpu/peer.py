"""What each file of peers/ gives: NAME, as the table has it, and

    def prepare(model, threads)                      optional: compiles or converts, once; what it gives is model.prepared
    class Program:
        def __init__(self, model, threads, inputs)   loads; inputs are arrays, in the graph's order
        version                                      text
        def step(self)                               one run
        def outputs(self)                            the last run's, in the graph's order
        native = (function, argument)                optional: int function(void *argument) is one run, timed from C
    BOUND                                            optional: how far off the largest value results may be, where it is not f32

A peer that is not installed raises Absent, a model that it does not run Unsupported; both with the reason."""
import ctypes, importlib.util, json, os, re, subprocess, time
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


def package_folder(module):
    """Where a Python package lies, without importing it, or Absent."""
    found = importlib.util.find_spec(module)
    if not found or not found.origin:
        raise Absent("not installed (no package %s)" % module)
    return os.path.dirname(found.origin)


def by_number(name):
    """Sorts names by the number that they end with: out2 before out10."""
    digits = re.search(r"(\d+)\D*$", name)
    return int(digits.group(1)) if digits else 0


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


def converted(model, to, kind, python):
    """The path of the model in a runtime's own format: convert.py makes it once. What went wrong then is kept as well."""
    if not os.path.exists(work.path(model.folder, model.name, "pt")):
        raise Unsupported("there is no PyTorch module of it")
    path, failed = work.path(model.folder, model.name, kind), work.path(model.folder, model.name, to + ".failed")
    if not os.path.exists(path) and not os.path.exists(failed):
        if not os.path.exists(python):
            raise Absent("its converter is not installed: there is no %s" % python)
        done = subprocess.run([python, "-B", os.path.join(work.HERE, "convert.py"), to, model.folder, model.name], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode:
            lines = [l for l in done.stdout.splitlines() if "rror" in l] or done.stdout.splitlines() or ["ended with status %d" % done.returncode]
            with open(failed, "w") as f:
                f.write(lines[-1].strip()[:200] + "\n")
    if not os.path.exists(path):
        with open(failed) as f:
            raise Unsupported("its converter fails: %s" % f.read().strip())
    return path


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
