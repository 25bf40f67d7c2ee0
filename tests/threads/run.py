#!/usr/bin/env python3
"""Programs whose kernels are done in parts give the same bits as those of one thread.

usage: run.py BUILD WORK
The graphs of tests/ops with their goldens' inputs, and the examples, are compiled for several numbers of threads, for a
device on which every kernel is worth sharing; what they write must be what the program of one thread writes, byte by
byte. With ThreadSanitizer nothing may race. Graphs that are the same C for one thread and for more are run for one. One module of tests/ops in four; all, and slow programs, with NFC_TEST_ALL=1
in the environment. OPS="add mul": these ops alone."""
import concurrent.futures as futures
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("emit", "bench")]
import compiled  # noqa: E402
import graphs  # noqa: E402
import ops  # noqa: E402

GCC = "-std=c99 -O1 -ffp-contract=off -pthread " + ops.STRICT  # the last -O counts
ops.COMPILERS.update({
    "one": ("gcc", GCC + " -O0", ""),
    "three": ("gcc", GCC, ""),
    "tsan": ("clang-14", "-std=c11 -O0 -ffp-contract=off -pthread -fsanitize=thread", ""),
})
ALL = os.environ.get("NFC_TEST_ALL") == "1"
modules = ops.modules()
if not ALL and not os.environ.get("OPS"):
    modules = modules[::4]
passed, failed = 0, 0


def verdict(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("FAILED threads: " + what, flush=True)
    return ok


def must(words, **more):
    p = subprocess.run(words, capture_output=True, text=True, **more)
    if p.returncode:
        sys.exit("%s\n%s%s" % (" ".join(words), p.stdout, p.stderr))
    return p.stdout


def sharing_device(work, name="sharing", without=()):
    """generic, where a kernel of two iterations is shared already; without these keys of its unit."""
    with open(os.path.join(ROOT, "devices", "generic.json")) as f:
        device = json.load(f)
    device["name"] = name
    device["units"][0].update(cores=64, fork_us=0)
    for key in without:
        del device["units"][0][key]
    path = os.path.join(work, device["name"] + ".json")
    with open(path, "w") as f:
        json.dump(device, f)
    return path


def files(folder):
    return {f: open(os.path.join(folder, f), "rb").read() for f in sorted(os.listdir(folder))} if os.path.isdir(folder) else {}


def outputs(folder, ports):
    """What a graph wrote. Of a NaN only that it is one: its sign is what the compiler makes of it."""
    found = {}
    for name, dtype in ports.items():
        path = os.path.join(folder, name + ".npy")
        array = np.load(path) if os.path.exists(path) else None
        if array is not None and dtype in ops.EPS:
            array = np.where(np.isnan(ops.as_double(array, dtype)), array.dtype.type(1), array), np.isnan(ops.as_double(array, dtype))
        found[name] = [a.tobytes() for a in array] if isinstance(array, tuple) else array is not None and array.tobytes()
    return found


def kernels_in_parts(path):
    """Kernels that are done over a range of their iterations."""
    return len(re.findall(r"^static void \w+\(.*\bbegin(?:_2)?, int(?:32|64)_t end(?:_2)?[,)]", open(path).read(), re.M))


# ---- the goldens' graphs ----------------------------------------------------------------------------


def run_ops(nfc, work, device, name, threads, alone=None):
    """What graphs write, and how each ended; how many kernels are in parts; and the graphs' C. alone: their C with one thread; graphs
    that are the same with more are left out."""
    own, options = os.path.join(work, "ops-" + name), ["--device", device, "--threads", str(threads)]
    dirs, codes = ops.leave_out(nfc, own, ops.emit_all(nfc, own, options, modules), [alone] if alone else [], (), options)
    cases, out = ops.cases_of(dirs), os.path.join(own, "out")
    results = ops.run_compiled(nfc, out, cases, name, dirs)
    shared = sum(kernels_in_parts(os.path.join(d, f)) for d in dirs.values() for f in os.listdir(d) if f.endswith(".c"))
    shutil.rmtree(os.path.join(own, "src"))
    return {case: (results[case], outputs(os.path.join(out, *case), ports[1])) for case, ports in cases.items()}, shared, codes


def check_ops(nfc, work, device):
    want, none, alone = run_ops(nfc, work, device, "one", 1)
    verdict(none == 0, "a program of one thread has parts")
    for name, threads in (("three", 3), ("tsan", 4)):
        got, shared, _ = run_ops(nfc, work, device, name, threads, alone)
        for case in got:
            verdict(got[case] == want[case], "%s %s: %d threads give something else: %s" % (*case, threads, got[case][0][1][:1500]))
        verdict(shared > len(modules) and 2 * len(got) > len(want), "%s: only %d kernels are shared, in %d of %d graphs" % (name, shared, len(got), len(want)))
        print("threads: %s: %d graphs, %d kernels in parts; %d are the C of one thread" % (name, len(got), shared, len(want) - len(got)), flush=True)


# ---- the pool ---------------------------------------------------------------------------------------


def check_pool(work):
    sources = [os.path.join(HERE, "pool.c"), os.path.join(ROOT, "runtime-min", "nf_threads.c")]
    for words, times in (("gcc -std=c99 -O2", 10000), ("clang-14 -std=c11 -O1 -g -fsanitize=thread", 1000),
                         ("gcc -std=c11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all", 1000), ("g++ -x c++ -std=c++17 -O1", 1000)):
        program = os.path.join(work, "pool")
        must(words.split() + ["-D_GNU_SOURCE", "-pthread"] + ops.STRICT.split() + ["-I", os.path.join(ROOT, "runtime-min")] + sources + ["-o", program])
        for runner in ([], ["taskset", "-c", "0"]):  # one core for all threads
            p = subprocess.run(runner + [program, str(times)], capture_output=True, text=True, timeout=300)
            verdict(p.returncode == 0 and not p.stderr, "pool.c, %s: %s%s" % (words, p.stdout, p.stderr[:2000]))


# ---- the hook, symbols ------------------------------------------------------------------------------


def symbols(nm, path):
    return {line.split()[-1] for line in must([nm, path]).splitlines() if line}


def check_symbols(nfc, work, device):
    graph = os.path.join(ROOT, "examples", "digits", "digits.nfg")
    for threads in (1, 4):
        out = os.path.join(work, "lib%d" % threads)
        must([nfc, "build", graph, "--device", device, "--threads", str(threads), "--winograd=off", "--emit=lib", "-o", out])  # weights that are C arrays
        names = symbols("nm", os.path.join(out, "digits.o"))
        verdict(not any("pthread" in n or n == "nf_parallel" for n in names), "digits.o of %d threads needs %s" % (threads, names))
        every = must(["nm", os.path.join(out, "libdigits.a")])
        verdict(("pthread" in every) == (threads > 1), "libdigits.a of %d threads and pthread" % threads)
        verdict(("-pthread" in open(os.path.join(out, "Makefile")).read()) == (threads > 1), "the Makefile of %d threads" % threads)
    one, plain = os.path.join(work, "one"), os.path.join(work, "plain")
    must([nfc, "build", graph, "--threads", "1", "--emit=sources", "-o", one])
    must([nfc, "build", graph, "--emit=sources", "-o", plain])
    verdict(files(one) == files(plain), "--threads 1 is what there is without it")
    return os.path.join(work, "lib4")


def check_hook(nfc, work, library):
    """A function of the caller's own in the pool's place; no nf_threads.c."""
    for compiler in ("gcc -std=c99", "g++ -x c++ -std=c++17"):
        program = os.path.join(work, "hook")
        sources = [os.path.join(HERE, "hook.c")] + [os.path.join(library, f) for f in ("digits.c", "digits_weights.c")]
        must(compiler.split() + ["-O1", "-g", "-fsanitize=address,undefined"] + ops.STRICT.split() + ["-I", library] + sources + ["-o", program])
        p = subprocess.run([program], capture_output=True, text=True)
        verdict(p.returncode == 0 and not p.stderr, "hook.c, %s: %s%s" % (compiler, p.stdout, p.stderr))


# ---- whole programs ---------------------------------------------------------------------------------

# of ../shared/models, where they are
MODELS = [("mnist_onnx2c/pytorch.onnx",), ("kws_qdq_onnx/micro_kws_m_static_fp32.onnx",), ("hand_gesture_mlp/keypoint_classifier.onnx", "-D", "batch<=9")]


GRAPHS = os.path.join(HERE, "graphs")  # of which many kernels can be done together


def programs():
    examples = [(os.path.join(GRAPHS, f),) for f in sorted(os.listdir(GRAPHS))] + [(os.path.join(GRAPHS, "beside.nfg"), "--layout=channels-last")]
    examples += [(os.path.join(ROOT, "examples", f),) for f in ("minimal/minimal.nfg", "early_exit/early_exit.nfg", "digits/digits.nfg")]
    if ALL:
        examples.append((os.path.join(ROOT, "examples", "babble/babble.nfg"),))
    shared = os.environ.get("NFC_MODELS", os.path.join(ROOT, "..", "shared", "models"))
    return examples + [(os.path.join(shared, m[0]), *m[1:]) for m in MODELS if os.path.exists(os.path.join(shared, m[0]))]


FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-w", "-ffp-contract=off", "-fno-math-errno", "-pthread"]


def emit_program(nfc, device, graph, threads, out):
    """The words that compile a program around tests/threads/program.c, but for what its sources are linked with."""
    must([nfc, "build", *graph, "--device", device, "--threads", str(threads), "--emit=sources", "-o", out])
    name = next(f[:-7] for f in os.listdir(out) if f.endswith("_main.c") and not f.startswith("nf_"))
    return ["-DNO_MAIN", '-DPROGRAM="%s_main.c"' % name, "-DPOOL=%d" % (threads > 1), "-DEXACT=0", "-I", out, "-I", os.path.join(ROOT, "tests"), os.path.join(HERE, "program.c")]


def make_program(command, words, out, program, runtime, *more):
    """Programs of the same sources by the same command differ in what program.c is compiled with: all else is compiled once."""
    command, objects = command + FLAGS, []
    for f in sorted(os.listdir(out)):
        if f.endswith((".c", ".S")) and not f.startswith("nf_") and not f.endswith("_main.c"):
            objects.append(os.path.join(out, "%s.%s.o" % (f, "".join(command[:-len(FLAGS)]))))
            if not os.path.exists(objects[-1]):
                compiled.compile_c(command, out, f, objects[-1])
    must(command + [*more] + words + objects + runtime.objects(command, out) + ["-lm", "-o", os.path.join(out, program)])


def find_races(words, out, program, runtime, *more):
    make_program(["clang-14", "-O1", "-g1", "-fsanitize=thread"], words, out, program, runtime, "-DRACES", "-DRUNS=50", *more)


def check_program(nfc, work, runtime, device, graph, number):
    """What a program of each number of threads prints: hashes of what its graphs give, whoever does the parts."""
    said, arenas = {}, []
    for threads in (1, 2, 3, 4, 7):
        out = os.path.join(work, "program%d-%d" % (number, threads))
        words = emit_program(nfc, device, graph, threads, out)
        with open(os.path.join(out, "report.json")) as f:
            arenas.append([g["arena"]["bytes"] for g in json.load(f)["graphs"]])
        make_program(["gcc", "-O2" if threads > 3 else "-O1"], words, out, "plain", runtime, "-DRUNS=%d" % (10000 if threads == 4 and number == 0 else 500))
        jobs = [["plain"]]
        if threads == 4:
            find_races(words, out, "races", runtime)
            find_races(words, out, "apart", runtime, "-DAPART")
            jobs += [["races"], ["apart"]]
        if threads == 7:
            jobs.append(["taskset", "-c", "0", "plain"])
        for job in jobs:
            job = job[:-1] + [os.path.join(out, job[-1])]
            p = subprocess.run(job, capture_output=True, text=True, timeout=600)
            if p.returncode or p.stderr:
                return "%d threads, %s: %s%s" % (threads, job, p.stdout, p.stderr[:2000])
            said.setdefault(p.stdout, []).append("%d threads %s" % (threads, " ".join(job[:-1])))
        shutil.rmtree(out)
    if any(a != arenas[0] for a in arenas):
        return "arenas of 1, 2, 3, 4 and 7 threads: %s" % arenas
    return None if len(said) == 1 else "\n".join("%s: %s" % (names, text) for text, names in said.items())


def check_programs(nfc, work, runtime, device):
    jobs = [(device, graph) for graph in programs()] + [(sharing_device(work, "unknown", ("levels", "vector_bits", "vector_registers")), (os.path.join(GRAPHS, "costless.nfg"),))]
    with futures.ThreadPoolExecutor(2) as pool:
        for (_, graph), wrong in zip(jobs, pool.map(lambda i: check_program(nfc, work, runtime, *jobs[i], i), range(len(jobs)))):
            verdict(not wrong, "%s: %s" % (os.path.basename(graph[0]), wrong))
    print("threads: %d programs" % len(jobs), flush=True)


def check_size(nfc, work, device):
    """What may be done together is looked for in memory that goes with the graph, not with all that is tried."""
    path = os.path.join(work, "residual.nfg")
    with open(path, "w") as f:
        f.write(graphs.residual(2000))
    process = subprocess.Popen([nfc, "build", "-q", path, "--device", device, "--threads", "3", "--emit=sources", "-o", os.path.join(work, "residual")], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    verdict(status == 0 and used.ru_maxrss < 400 * 1024, "residual(2000) ends with %d, and takes %d MiB" % (status, used.ru_maxrss // 1024))


# ---- kernels that are done together -----------------------------------------------------------------


def forks(path):
    """The kernels of each function that threads do together, as they stand in it."""
    with open(path) as f:
        parts = re.findall(r"^static void (\w+)_and_\d+_more_part\(.*\n{\n((?:.*\n)*?)}", f.read(), re.M)
    return {name: re.findall(r"^    (?:if \(part == \d+\) )?(\w+)\(.*\);$", body, re.M) for name, body in parts}


# What must be done together, by one thread's wait, and what must not: kernels that need all of what the one before makes,
# or that write where it reads.
TOGETHER = {
    "batches": [["t_conv_relu_3", "copy_v_4", "t_max_pool_3", "t_conv_relu_4", "t_conv_tanh", "t_conv_sigmoid", "y_conv"]],
    "heads": [["a_matmul", "a_matmul", "a_matmul"], ["y_layer_normalization", "e_exp", "f_reduce_max", "z_div"]],
    "towers": [["p_conv_2", "q_average_pool", "r_conv_tanh"]],
    "steps": [["e_exp", "f_neg", "y_sub"]],
}
APART = {"heads": [("r_sdpa", "r_matmul_add")], "towers": [("q_conv", "q_conv_relu"), ("p_conv", "p_conv_2")], "steps": [("e_exp", "big_reduce_sum_greater"), ("y_sub", "big_reduce_sum_greater")]}


def check_report(name, out):
    """The report tells of each fork what the source has, and each kernel which forks it is in; so does the kernel's own comment."""
    with open(os.path.join(out, "report.json")) as f:
        graph = json.load(f)["graphs"][0]
    with open(os.path.join(out, name + ".c")) as f:
        text = f.read()
    told = {f["name"]: [k["name"] for k in f["kernels"]] for f in graph["forks"]}
    verdict({f.rsplit("_and_", 1)[0]: kernels for f, kernels in told.items()} == forks(os.path.join(out, name + ".c")), "%s: the report has the forks %s" % (name, told))
    for f in graph["forks"]:
        said = re.search(r"^/\* %s: .* (\d) threads do together\n.*\n((?: \*   .*\n)*) \*/" % f["name"], text, re.M)
        verdict(said and int(said.group(1)) == f["parts"] and said.group(2) == "".join(" *   %(name)s: %(parts)s, %(place)s\n" % k for k in f["kernels"]), "%s: the comment of %s" % (name, f))
    for k in graph["kernels"]:
        own = [f for f, kernels in told.items() if k["name"] in kernels]
        schedule = re.search(r"^/\* %s: kernel \d.*\n(?: \*   .*\n)*? \*   schedule: (.*) \*/" % k["name"], text, re.M).group(1)
        in_parts = re.search(r"; (\d parts.*?)(?:;|$)", schedule)
        verdict(k.get("forks", []) == own, "%s: %s is in %s, not in %s" % (name, k["name"], own, k.get("forks")))
        verdict((own[0] in schedule) if own else "_more" not in schedule, "%s: the schedule of %s: %s" % (name, k["name"], schedule))
        verdict((in_parts.group(1) if in_parts else None) == k.get("parts"), "%s: %s in %s, and %s" % (name, k["name"], k.get("parts"), schedule))
        verdict(("parts" in k or not own) if "%s_parallel(" % k["name"] in text else "parts" not in k, "%s: how %s is called alone" % (name, k["name"]))
    return graph


def check_forks(nfc, work, runtime, device):
    """Which kernels are done together; and that ThreadSanitizer finds a part that does what belongs to another."""
    for name, wanted in TOGETHER.items():
        out = os.path.join(work, "forks-" + name)
        words = emit_program(nfc, device, (os.path.join(GRAPHS, name + ".nfg"),), 3, out)
        source = os.path.join(out, name + ".c")
        for compiler in ("gcc -std=c99", "clang-14 -std=c11", "g++ -x c++ -std=c++17"):
            must(compiler.split() + ["-O1", "-c"] + ops.STRICT.split() + ["-I", out, source, "-o", os.path.join(out, "checked.o")])
        found = forks(source)
        graph = check_report(name, out)
        if name == "heads":  # a product is one tile, which cannot be shared out
            verdict([k["parts"] for k in graph["forks"][0]["kernels"]] == ["all by part %d" % t for t in range(3)], "heads: %s" % graph["forks"][0])
        for kernels in wanted:
            verdict(kernels in found.values(), "%s: %s are not done together: %s" % (name, kernels, found))
        text = open(source).read()
        for one, other in APART.get(name, []):
            verdict(all(re.search(r"^static void %s\(" % k, text, re.M) for k in (one, other)), "%s has no kernels %s and %s" % (name, one, other))
            verdict(not any(one in k and other in k for k in found.values()), "%s: %s and %s are done together" % (name, one, other))
        if name == "towers":
            continue  # what is done together there is independent, whoever does it
        kernels = wanted[-1]
        turned = re.sub(r"^(    %s\(.*)$" % kernels[-1], lambda m: m.group(1).replace("[part + 1]", "[(part + 1) % 3 + 1]").replace("[part]", "[(part + 1) % 3]"), text, flags=re.M)
        verdict(turned != text, "%s: %s has no ranges to be changed" % (name, kernels[-1]))
        with open(source, "w") as f:
            f.write(turned)
        find_races(words, out, "races", runtime, "-DAPART")
        p = subprocess.run([os.path.join(out, "races")], capture_output=True, text=True, timeout=600)
        verdict(p.returncode != 0 and "data race" in p.stderr, "%s: %s in another part than %s, and nothing is found" % (name, kernels[-1], kernels[:-1]))


def check_trace(nfc, work, device):
    """What is traced of a run names each kernel that was done, whether alone or together with others."""
    traced = []
    for threads in (1, 3):
        out = os.path.join(work, "trace%d" % threads)
        must([nfc, "build", os.path.join(GRAPHS, "batches.nfg"), "--device", device, "--threads", str(threads), "--emit=sources", "-o", out])
        must(["gcc", "-std=c11", "-D_GNU_SOURCE", "-DNF_TRACE", "-O1", "-pthread", "-I", out] + [os.path.join(out, f) for f in sorted(os.listdir(out)) if f.endswith(".c")] + ["-o", os.path.join(out, "batches"), "-lm"])
        inputs = []
        for name, shape in {"x": (3, 4, 20, 18), "a": (6, 4, 3, 3), "b": (5, 6, 3, 3), "c": (7, 5, 3, 3), "d": (4, 7, 3, 3), "e": (3, 4, 3, 3)}.items():
            np.save(os.path.join(out, name + ".npy"), np.ones(shape, np.float32))
            inputs += ["--input", "%s=%s" % (name, os.path.join(out, name + ".npy"))]
        must([os.path.join(out, "batches"), *inputs, "--trace", os.path.join(out, "trace.json")])
        with open(os.path.join(out, "trace.json")) as f:
            events = [e for e in json.load(f)["traceEvents"] if e.get("cat") == "kernel"]
        traced.append([tuple(part) for e in events for part in zip(*(text.split("; ") for text in (e["name"], e["args"]["ops"], e["args"]["source"])))])
    verdict(traced[0] == traced[1] and len(traced[0]) > 10, "traces of one thread and of three: %s, %s" % tuple(traced))


def main():
    nfc, work = os.path.join(os.path.abspath(sys.argv[1]), "nfc"), sys.argv[2]
    device, runtime = sharing_device(work), compiled.Runtime(work)
    check_pool(work)
    library = check_symbols(nfc, work, device)
    check_hook(nfc, work, library)
    check_forks(nfc, work, runtime, device)
    check_trace(nfc, work, device)
    check_size(nfc, work, device)
    check_programs(nfc, work, runtime, device)
    check_ops(nfc, work, device)
    print("tests/threads: %d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)


main()
