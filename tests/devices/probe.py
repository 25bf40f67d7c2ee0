"""probe.py PROBE_AT: machines that are not at hand, as their /proc and /sys would show them.

Prints each failure, and last "PASSED FAILED".
"""
import json
import pathlib
import subprocess
import sys
import tempfile

PROBE = sys.argv[1]
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {what}")


def machine(files):
    root = pathlib.Path(tempfile.mkdtemp())
    for path, text in files.items():
        path = root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    r = subprocess.run([PROBE, str(root)], capture_output=True, text=True)
    check(r.returncode == 0 and not r.stderr, f"probe_at: {r.stderr}")
    return json.loads(r.stdout)


def cpu_files(cpu, mhz=None, capacity=None, threads=None, caches=()):
    at = f"sys/devices/system/cpu/cpu{cpu}"
    files = {f"{at}/topology/thread_siblings_list": threads or str(cpu)}
    if mhz:
        files[f"{at}/cpufreq/cpuinfo_max_freq"] = str(mhz * 1000)
    if capacity:
        files[f"{at}/cpu_capacity"] = str(capacity)
    for i, (level, kind, size, shared) in enumerate(caches):
        for name, text in (("level", str(level)), ("type", kind), ("size", size), ("shared_cpu_list", shared)):
            files[f"{at}/cache/index{i}/{name}"] = text
    return files


def arm(parts):
    return "\n".join(f"processor\t: {i}\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd evtstrm aes asimddp\nCPU part\t: {part}\n"
                     for i, part in enumerate(parts))


def shape(unit):
    """What a unit says but for what was measured."""
    levels = [(l["name"], l.get("bytes"), l["cores"]) for l in unit["levels"]]
    return {k: unit.get(k) for k in ("name", "cores", "clock_mhz")}, levels


# two clusters: the large cores are listed last, and come first
small = lambda i: [(1, "Data", "32K", f"{i}"), (1, "Instruction", "32K", f"{i}"), (2, "Unified", "128K", f"{i}"), (3, "Unified", "3072K", "0-7")]
large = lambda i: [(1, "Data", "64K", f"{i}"), (1, "Instruction", "64K", f"{i}"), (2, "Unified", "512K", f"{i}"), (3, "Unified", "3072K", "0-7")]
files = {"proc/cpuinfo": arm(["0xd05"] * 4 + ["0xd0b"] * 4), "proc/device-tree/model": "Some Board\u00e9",
         "sys/devices/system/cpu/online": "0-7"}
for i in range(4):
    files.update(cpu_files(i, 1800, 414, caches=small(i)))
    files.update(cpu_files(i + 4, 2400, 1024, caches=large(i + 4)))
got = machine(files)
check(got["model"] == "Some Board??", f"model: {got['model']}")
check([shape(u) for u in got["units"]] == [
    ({"name": "cluster0", "cores": 4, "clock_mhz": 2400},
     [("L1", 65536, 1), ("L2", 524288, 1), ("L3", 3145728, 8), ("memory", None, 8)]),
    ({"name": "cluster1", "cores": 4, "clock_mhz": 1800},
     [("L1", 32768, 1), ("L2", 131072, 1), ("L3", 3145728, 8), ("memory", None, 8)])], f"two clusters: {got['units']}")

# two threads a core, one processor offline: cores count, not threads
files = {"sys/devices/system/cpu/online": "0-2,4-7",
         "proc/cpuinfo": "\n".join(f"processor : {i}\nmodel name : X\nflags : fpu sse sse2 avx fma avx2\n" for i in range(8))}
for i in range(8):
    files.update(cpu_files(i, 3000, threads=f"{i % 4},{i % 4 + 4}", caches=[
        (1, "Data", "48K", f"{i % 4},{i % 4 + 4}"), (2, "Unified", "2M", f"{i % 4},{i % 4 + 4}"), (3, "Unified", "1G", "0-7")]))
files["sys/devices/system/cpu/cpu7/topology/thread_siblings_list"] = "7"  # its sibling is the one that is offline
got = machine(files)
check([shape(u) for u in got["units"]] == [
    ({"name": "cpu", "cores": 4, "clock_mhz": 3000},
     [("L1", 49152, 1), ("L2", 2097152, 1), ("L3", 1073741824, 4), ("memory", None, 4)])], f"threads: {got['units']}")

# host: the widest vectors whose needs are all there, by whole words: fma4 is not fma
V3 = "sse2 avx avx2 abm bmi1 bmi2 f16c fma movbe"
V4 = V3 + " avx512f avx512bw avx512cd avx512dq avx512vl"
ARM = "asimd asimddp asimdhp fphp atomics asimdrdm"
for flags, sve, name, bits in (("sse2", 0, "x86-sse2", 128), (V3, 0, "x86-avx2", 256), (V3.replace("fma", "fma4"), 0, "x86-sse2", 128),
                               (V4, 0, "x86-avx512", 512), (V4 + " avx512_vnni", 0, "x86-avx512-vnni", 512), (V4 + " avx512_vnni avx512_bf16", 0, "x86-avx512-bf16", 512), (V4 + " avx512_vnni avx512_bf16 avx512_fp16", 0, "x86-avx512-fp16", 512), (V4 + " avx512_vnni avx512_bf16 amx_tile amx_int8 amx_bf16", 0, "x86-amx", 512), (V4.replace("avx512vl", ""), 0, "x86-avx2", 256), ("asimd", 0, "aarch64-neon", 128),
                               (ARM, 0, "aarch64-dotprod", 128), (ARM + " bf16", 0, "aarch64-dotprod", 128), (ARM + " i8mm", 0, "aarch64-i8mm", 128), (ARM + " bf16 i8mm", 0, "aarch64-bf16", 128), (ARM.replace("asimddp ", ""), 0, "aarch64-fp16", 128), (ARM + " sve", 32, "aarch64-sve256", 256), (ARM + " sve", 64, "aarch64-dotprod", 128),
                               ("fpu", 0, "generic", 128)):
    files = {"sys/devices/system/cpu/online": "0-1", "proc/cpuinfo": f"processor : 0\nmodel name : X\nflags : {flags}\n",
             "proc/sys/abi/sve_default_vector_length": str(sve), **cpu_files(0, caches=[(1, "Data", "40K", "0")])}
    host = machine(files)["host"]
    unit = host["units"][0]
    check((host["name"], host["description"], unit["vector_bits"]) == ("host", f"{name}: X", bits), f"{flags}: {host}")
    check((unit["cores"], unit["levels"][0]["bytes"]) == (2, 40960) and unit["levels"][-1].get("gb_per_s"), f"{flags}: {unit}")
    check(host["compiler"]["command"] == "cc" and not host["compiler"].get("run") and "-static" not in host["compiler"]["link"], f"{flags}: {host['compiler']}")
    check(machine(files)["host"] == host, f"{flags}: not the same each time")

# lines of the caches, where they are a power of two
for size, line in (("64", 64), ("128", 128), ("48", None), ("", None), ("0", None)):
    got = machine({"sys/devices/system/cpu/online": "0", "sys/devices/system/cpu/cpu0/cache/index0/coherency_line_size": size})["units"][0]
    check(got.get("line_bytes") == line, f"a line of {size!r}: {got}")

# in how many places a line can lie, where Linux knows
for text, ways in (("12", 12), ("0", None), ("", None), ("-1", None)):
    files = {"sys/devices/system/cpu/online": "0", **cpu_files(0, 1000, caches=[(1, "Data", "48K", "0")])}
    files["sys/devices/system/cpu/cpu0/cache/index0/ways_of_associativity"] = text
    got = machine(files)["units"][0]["levels"]
    check(got[0]["name"] == "L1" and got[0].get("ways") == ways and "ways" not in got[1], f"{text!r} ways: {got}")

# a machine that tells nothing has one core, a clock that was measured, and memory
got = machine({})
check(got["model"] == "" and len(got["units"]) == 1, f"nothing: {got}")
unit = got["units"][0]
check(unit["cores"] == 1 and unit["clock_mhz"] >= 50 and [l["name"] for l in unit["levels"]] == ["memory"], f"nothing: {unit}")
check(unit["levels"][0]["gb_per_s"] > 0, f"nothing: {unit}")

# levels that contradict the rules of a description are left out
got = machine({"sys/devices/system/cpu/online": "0", **cpu_files(0, 1000, caches=[
    (1, "Data", "64K", "0"), (2, "Unified", "64K", "0"), (3, "Unified", "", "0"), (4, "Unified", "1M", "")])})["units"][0]
check([l["name"] for l in got["levels"]] == ["L1", "memory"], f"odd caches: {got}")
print(passed, failed)
