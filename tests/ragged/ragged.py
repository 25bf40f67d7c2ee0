#!/usr/bin/env python3
"""Networks with constant weights on devices with vectors, against the simulator.

usage: ragged.py NFC WORK NETWORK.nfg...

NETWORK.nfg begins with lines of comment:
  // weights: w [22, 1, 3, 3], v [5]     tensors of its package weights.safetensors, of random numbers
  // DEVICE: TEXT                        this stands in the heads of the kernels emitted for the device; \\n is the end of a line
  // DEVICE lacks: TEXT                  this does not
  // options: --layout=channels-last     more options of nfc build and run
  // sizes: M=43, N=1                    its free dims in the runs
Every network has one graph; floats may differ by 1e-5 of an output's largest magnitude."""
import concurrent.futures as futures
import json
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "ops"))
import tensor_file

TOLERANCE = 1e-5
DEVICES = {"x86-avx2": "avx2", "x86-avx512": "avx512dq"}  # what the processor must have
CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def compilers(work, name):
    """The device with gcc as it is shipped, and with clang and sanitizers."""
    with open(os.path.join(HERE, "../../devices", name + ".json")) as f:
        device = json.load(f)
    flags = [f for f in device["compiler"]["flags"] if not f.startswith(("-O", "-mprefer"))]
    device["compiler"].update(command="clang-14", flags=["-O0", "-g1"] + flags + CHECKS, link=CHECKS)
    path = os.path.join(work, name + "-checked.json")
    with open(path, "w") as f:
        json.dump(device, f)
    return {"gcc": name, "clang and sanitizers": path}


def call(command, folder):
    p = subprocess.run(command, capture_output=True, cwd=folder)
    return None if p.returncode == 0 else "%s\n%s" % (" ".join(command), (p.stdout + p.stderr).decode(errors="replace")[-2000:])


def prepare(nfc, work, path):
    """A folder with the network, its package, inputs and what the simulator makes of them."""
    name = os.path.basename(path)[:-len(".nfg")]
    folder, random = os.path.join(work, name), np.random.default_rng(1)
    os.makedirs(folder)
    with open(path) as f:
        text = f.read()
    with open(os.path.join(folder, name + ".nfg"), "w") as f:
        f.write(text)
    shapes = lambda part, form: [(n, [int(e) for e in s.split(",") if e.strip()]) for n, s in re.findall(form, part)]
    number = lambda shape: random.standard_normal(shape).astype(np.float32)
    weights = shapes("".join(re.findall(r"^// weights:(.*)$", text, flags=re.M)), r"(\w+) \[([\d, ]*)\]")
    tensor_file.save(os.path.join(folder, "weights.safetensors"), {n: number(s) for n, s in weights})
    given = []
    ports = re.search(r"^inputs \{(.*?)\}", text, flags=re.M | re.S).group(1)
    for dim, size in re.findall(r"(\w+)=(\d+)", "".join(re.findall(r"^// sizes:(.*)$", text, flags=re.M))):
        ports = re.sub(r"\b%s\b" % dim, size, ports)
    for port, shape in shapes(ports, r"(\w+) : f32 \[([\d, ]*)\]"):
        np.save(os.path.join(folder, port + ".npy"), number(shape))
        given += ["--input", "%s=%s.npy" % (port, port)]
    said = call([nfc, "sim", name + ".nfg", "--output", "sim"] + given, folder)
    if said:
        sys.exit("FAILED %s: %s" % (name, said))
    options = " ".join(re.findall(r"^// options:(.*)$", text, flags=re.M)).split()
    return name, folder, given, options, re.findall(r"^// (x86-\w+)( lacks)?: (.*)$", text, flags=re.M)


def wrong(nfc, network, device, compiler, description):
    """What is wrong with a network on a device, or None."""
    name, folder, given, options, heads = network
    results = "%s %s" % (device, compiler)
    said = call([nfc, "run", name + ".nfg", "--device", description, "--output", results] + options + given, folder)
    if said:
        return said
    for file in sorted(os.listdir(os.path.join(folder, "sim"))):
        got, want = (np.load(os.path.join(folder, how, file)).astype(np.float64) for how in (results, "sim"))
        apart = np.abs(got - want).max()
        if not apart <= TOLERANCE * np.abs(want).max():
            return "%s: apart by %g, of at most %g" % (file, apart, np.abs(want).max())
    if compiler != "gcc":
        return None
    out = os.path.join(folder, "sources-" + device)
    said = call([nfc, "build", name + ".nfg", "--device", device, "--emit", "sources", "-q", "-o", out] + options, folder)
    if said:
        return said
    with open(os.path.join(out, name + ".c")) as f:
        emitted = f.read()
    for of, lacks, head in heads:
        if of == device and (head.replace("\\n", "\n") in emitted) == bool(lacks):
            return "the emitted source %s '%s'" % ("has" if lacks else "lacks", head)
    return None


def main():
    nfc, work, paths = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with open("/proc/cpuinfo") as f:
        words = set(f.read().split())
    devices = [d for d, needs in DEVICES.items() if needs in words]
    networks = [prepare(nfc, work, p) for p in paths]
    jobs = [(n, d, c, at) for d in devices for c, at in compilers(work, d).items() for n in networks]
    failed = 0
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (n, d, c, _), said in zip(jobs, pool.map(lambda j: wrong(nfc, *j), jobs)):
            if said:
                print("FAILED %s on %s by %s: %s" % (n[0], d, c, said))
                failed += 1
    print("tests/ragged: %d passed, %d failed" % (len(jobs) - failed, failed))
    missing = [d for d in DEVICES if d not in devices]
    if missing:
        print("tests/ragged: NOT TESTED: the processor cannot run %s" % ", ".join(missing))
    return 1 if failed or not jobs else 77 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
