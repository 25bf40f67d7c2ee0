"""Emitted sources as programs, in the ways that differ most: nothing optimised and all watched, and everything optimised.
What stands beside all of them, nf_*.c, is compiled once for each way. And what suites share that do so for several devices."""
import concurrent.futures as futures
import json
import os
import re
import shutil
import subprocess
import threading

SAFE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# name -> compiler, flags beside those of the manifest, and when linking. Where optimised, a wrong `restrict` shows.
WAYS = {"san": ("clang-14", ["-O0", "-g1"] + SAFE, SAFE[:1]), "fast": ("gcc", ["-O3"], [])}
# Where all optimisation is tried on sources that are nearly the same: in a third, or in half, of the time of "fast".
MORE_WAYS = {"some": ("gcc", ["-O1"], []), "most": ("gcc", ["-O2"], [])}


def compile_c(command, folder, name, to):
    p = subprocess.run(command + ["-c", name, "-o", to], cwd=folder, capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError("%s\n%s" % (name, p.stderr))
    return to


class Runtime:
    """Objects of nf_*.c, by all that they are made from; they are in `work`."""

    def __init__(self, work):
        self.work, self.made, self.lock = work, {}, threading.Lock()

    def objects(self, command, folder):
        names = [f for f in sorted(os.listdir(folder)) if f.startswith("nf_")]
        key = tuple(command) + tuple(open(os.path.join(folder, f)).read() for f in names)
        with self.lock:
            if key not in self.made:
                to = os.path.join(self.work, "runtime%d" % len(self.made))
                os.makedirs(to)
                self.made[key] = [compile_c(command, folder, f, os.path.join(to, f + ".o")) for f in names if f.endswith(".c")]
            return self.made[key]


def program(folder, way, runtime, cross=False):
    """Compiles the sources in a folder, and gives the path of the program; cross: by the device's own compiler. RuntimeError: what the compiler says."""
    with open(os.path.join(folder, "manifest.json")) as f:
        manifest = json.load(f)
    compiler, flags, link = {**WAYS, **MORE_WAYS}[way]
    if cross:
        compiler, link = manifest["compiler"]["command"], link + manifest["compiler"]["link"]
    command = [compiler, "-std=" + manifest["compiler"]["standard"]] + [f for f in manifest["compiler"]["flags"] if not f.startswith("-O")] + flags
    own = [f for f in sorted(os.listdir(folder)) if f.endswith((".c", ".S")) and not f.startswith("nf_")]
    # The optimiser is there for the kernels: what stands around them is the same in all programs, or as good as that.
    around = command + ["-O0"]
    objects = [compile_c(around if f.endswith("_main.c") else command, folder, f, os.path.join(folder, "%s.%s.o" % (f, way))) for f in own]
    exe = os.path.join(folder, "%s.%s" % (manifest["api"]["prefix"], way))
    p = subprocess.run([compiler] + link + objects + runtime.objects(around, folder) + ["-lm", "-o", exe], capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError(p.stderr)
    return exe


# ---- a suite for several devices ------------------------------------------------------------------


def call(command):
    """What a program says. RuntimeError: that it failed, and why."""
    p = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError("%s\n%s" % (" ".join(map(str, command)), p.stderr[-3000:]))
    return p.stdout


def kernels_of(source):
    """name of a kernel -> its text"""
    with open(source) as f:
        text = f.read()
    return dict(re.findall(r"^(?:static )?void (\w+)\([^)]*\)\n(\{\n.*?^\})", text, flags=re.M | re.S))


def graphs_of(folder):
    """name of a graph -> the names of its kernels"""
    with open(os.path.join(folder, "report.json")) as f:
        return {g["name"]: [k["name"] for k in g["kernels"]] for g in json.load(f)["graphs"]}


def lacks(device, needs, start):
    """What is not here that programs for a device need, or None. start: what they are started by."""
    with open("/proc/cpuinfo") as f:
        if needs and needs not in f.read().split():
            return "the processor has no " + needs
    return next(("there is no " + tool for tool in [device["compiler"]["command"]] + start[:1] if not shutil.which(tool)), None)


def by_device(suite, devices, work, count, check):
    """Runs a suite for each device, two at a time, and says what came of it; gives the exit status.

    devices: (description, what the processor must have or None, what programs are started by). check(device, start, folder, path):
    what is wrong with the count(device) cases; the folder is the device's own, and its description is there at `path`."""
    def one(device, start):
        folder = os.path.join(work, device["name"])
        path = os.path.join(folder, "device.json")
        os.makedirs(folder)
        with open(path, "w") as f:
            json.dump(device, f)
        return check(device, start, folder, path)

    passed = failed = 0
    unable, jobs = [], []
    with futures.ThreadPoolExecutor(2) as pool:
        for device, needs, start in devices:
            lack = lacks(device, needs, start)
            if lack:
                unable.append("%s: %s" % (device["name"], lack))
            else:
                jobs.append((device, pool.submit(one, device, start)))
        for device, job in jobs:
            wrong = job.result()
            for w in wrong:
                print("FAILED %s: %s: %s" % (suite, device["name"], w))
            failed += len(wrong)
            passed += max(0, count(device) - len(wrong))
    if failed == 0 and unable:
        print("tests/%s: NOT TESTED: %s" % (suite, "; ".join(unable)))
        return 77
    print("tests/%s: %d passed, %d failed" % (suite, passed, failed))
    return int(failed > 0)
