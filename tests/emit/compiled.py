"""Emitted sources as programs, in the ways that differ most: nothing optimised and all watched, and everything optimised.
What stands beside all of them, nf_*.c, is compiled once for each way."""
import json
import os
import subprocess
import threading

SAFE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# name -> compiler, flags beside those of the manifest, and when linking. Where optimised, a wrong `restrict` shows.
WAYS = {"san": ("clang-14", ["-O0", "-g1"] + SAFE, SAFE[:1]), "fast": ("gcc", ["-O3"], [])}


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


def program(folder, way, runtime):
    """Compiles the sources in a folder, and gives the path of the program. RuntimeError: what the compiler says."""
    with open(os.path.join(folder, "manifest.json")) as f:
        manifest = json.load(f)
    compiler, flags, link = WAYS[way]
    command = [compiler, "-std=" + manifest["compiler"]["standard"]] + [f for f in manifest["compiler"]["flags"] if not f.startswith("-O")] + flags
    own = [f for f in sorted(os.listdir(folder)) if f.endswith((".c", ".S")) and not f.startswith("nf_")]
    objects = [compile_c(command, folder, f, os.path.join(folder, "%s.%s.o" % (f, way))) for f in own]
    exe = os.path.join(folder, "%s.%s" % (manifest["api"]["prefix"], way))
    p = subprocess.run([compiler] + link + objects + runtime.objects(command, folder) + ["-lm", "-o", exe], capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError(p.stderr)
    return exe
