"""This compiler: the C that it emits for a device, compiled as its Makefile says, behind nfc_bridge.c."""
import ctypes, filecmp, json, os, re, shutil, subprocess
import numpy as np
import peer
import work

NAME = "nfc"


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        lines = [l for l in done.stdout.splitlines() if "error" in l] or done.stdout.splitlines() or ["status %d" % done.returncode]
        raise peer.Unsupported("%s: %s" % (os.path.basename(command[0]), lines[0].strip()))
    return done.stdout


def same_sources(old, new):
    """The manifest has the checksum of each source."""
    files = [os.path.join(folder, "manifest.json") for folder in (old, new)]
    return os.path.exists(files[0]) and filecmp.cmp(*files, shallow=False)


def emit(model, threads, compiler, options):
    """The folder of the emitted C; the same folder, untouched, when nfc gives the same as before."""
    device = model.options.get("device") or "host"
    folder = os.path.join(model.folder, "nfc", "-".join([model.name, os.path.basename(device), str(threads), *filter(None, [compiler]), *(o.strip("-") for o in options)]))
    aside = folder + ".new"
    shutil.rmtree(aside, ignore_errors=True)
    os.makedirs(os.path.dirname(aside), exist_ok=True)
    run([model.options["nfc"], "build", model.path, "--device", device, "--emit=sources", "-q", "-o", aside,
         *(["--threads", str(threads)] if threads > 1 else []), *options])
    if same_sources(folder, aside) and os.path.exists(os.path.join(folder, "program.so")):
        shutil.rmtree(aside)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(aside, folder)
    return folder


def setting(makefile, name):
    return re.search(r"^%s *= *(.*)$" % name, makefile, re.M).group(1).split()


def compile_program(folder, api, compiler, threads):
    """program.so: the library that the emitted Makefile makes, with its compiler or another, and the bridge."""
    target = os.path.join(folder, "program.so")
    bridge = os.path.join(work.HERE, "nfc_bridge.c")
    if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(bridge):
        return target
    with open(os.path.join(folder, "Makefile")) as f:
        makefile = f.read()
    command, prefix = [compiler] if compiler else setting(makefile, "CC"), api["prefix"]
    library = "lib%s.a" % prefix
    run(["make", "-C", folder, "-s", "CC=%s -fPIC" % " ".join(command), library])
    graph = api["graphs"][0]
    defines = {"PROGRAM_ctx": prefix + "_ctx", "PROGRAM_in": graph["in"], "PROGRAM_out": graph["out"], "PROGRAM_init": prefix + "_init",
               "PROGRAM_run": graph["run"], "ARENA_BYTES": api["arena_bytes"], "PORTS_IN": len(graph["inputs"]), "PORTS_OUT": len(graph["outputs"])}
    if threads > 1:
        defines.update({"PROGRAM_set_threads": prefix + "_set_threads", "THREADS": threads})
    run([*command, *setting(makefile, "CFLAGS"), "-fPIC", "-shared", "-I", folder, "-include", api["header"], *["-D%s=%s" % d for d in defines.items()],
         bridge, "-o", target, "-Wl,--whole-archive", os.path.join(folder, library), "-Wl,--no-whole-archive", *setting(makefile, "LDLIBS")])
    run(["make", "-C", folder, "-s", "clean"])  # the weights are in program.so; once is enough
    return target


def aligned(bytes_, align):
    """Memory of these bytes at a multiple of align, as an array of u8."""
    memory = np.zeros(bytes_ + align, np.uint8)
    start = -memory.ctypes.data % align
    return memory[start:start + bytes_]


def prepare(model, threads, compiler=None, options=()):
    """(program.so, what the manifest says of its interface, nfc's version)"""
    nfc = model.options["nfc"]
    if not os.path.exists(nfc):
        raise peer.Absent("there is no %s: make" % nfc)
    if compiler and not shutil.which(compiler):
        raise peer.Absent("there is no %s" % compiler)
    folder = emit(model, threads, compiler, options)
    with open(os.path.join(folder, "manifest.json")) as f:
        api = json.load(f)["api"]
    return compile_program(folder, api, compiler, threads), api, run([nfc, "version"]).split()[-1]


class Program:
    def __init__(self, model, threads, inputs):
        path, api, self.version = model.prepared
        library = ctypes.CDLL(path)
        self.arena = aligned(max(api["arena_bytes"], 1), api["arena_align"])
        self.inputs = [np.ascontiguousarray(a) for a in inputs]
        self.results = [np.zeros(p["shape"], p["dtype"]) for p in model.about["outputs"]]
        self.given = [p["bytes"] for p in api["graphs"][0]["inputs"] + api["graphs"][0]["outputs"]]
        if self.given != [a.nbytes for a in self.inputs + self.results]:
            raise peer.Unsupported("the emitted ports are not the model's")
        tensors = (ctypes.c_void_p * len(self.given))(*[a.ctypes.data for a in self.inputs + self.results])
        library.bridge_open.restype = ctypes.c_void_p
        opened = library.bridge_open(ctypes.c_void_p(self.arena.ctypes.data), tensors)
        if not opened:
            raise RuntimeError("init failed")
        self.native = (library.bridge_step, opened)

    def step(self):
        function, argument = self.native
        status = function(ctypes.c_void_p(argument))
        if status:
            raise RuntimeError("run gave status %d" % status)

    def outputs(self):
        return self.results
