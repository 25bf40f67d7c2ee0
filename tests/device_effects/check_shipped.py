"""Every description that the compiler carries, and the one that it makes of this machine, builds a
program or library that runs and gives what the simulator gives."""
import re

from lab import *  # noqa: F403

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
MAIN = HERE / "bare_main.c"
RUNTIME = ROOT / "runtime-min"
EMULATED = ["x86-avx512-fp16"]  # where no processor is at hand that runs it, tests/halves does


def shipped(name):
    """A description that the compiler carries; of this machine it makes one."""
    return HOST if name == "host" else json.loads(command(NFC, "devices", name, "--json").stdout)


def features():
    """What the processor says that it can."""
    info = pathlib.Path("/proc/cpuinfo")
    return set(re.findall(r"\w+", info.read_text())) if info.exists() else set()


def runner(name, device):
    """What runs the device's programs here: words before the program, and the tool that is missing."""
    words = [str(RUNTIME / w) if (RUNTIME / w).is_file() else w for w in device["compiler"].get("run", [])]
    if name.startswith("x86-"):
        if os.uname().machine != "x86_64":
            return words, "an x86-64 machine"
        if name.startswith("x86-avx512") and not set(device["units"][0]["needs"]) <= features():
            return words, "a processor with all that it needs"
        if not {"avx2", "fma", "bmi2", "f16c"} <= features():
            words = ["qemu-x86_64", "-cpu", "max"]
    return words, next((p for p in [device["compiler"]["command"], *words[:1]] if not have(p)), None)


def runs(name, words):
    """Builds for a device and runs the program there; the build."""
    build = Build("net", name, emit="exe")
    if check(build.status == 0 and not build.err, f"{name}: {build.status} {build.err}"):
        check(near(run(build, *words), expected), f"{name}: results")
    return build


# ---- libraries without a C library ---------------------------------------------------------------


def feed(order):
    """The inputs as they lie in the memory of a machine of this byte order."""
    return b"".join(INPUTS["net"][port].astype(INPUTS["net"][port].dtype.newbyteorder(order)).tobytes() for port in ("x", "h", "pos"))


def split(data, order):
    """What bare_main.c writes: outputs by name, and the saved state."""
    out = {}
    for name, like in (("y", expected["y"]), ("z", expected["z"]), ("total", expected["total"])):
        out[name] = np.frombuffer(data[:like.nbytes], like.dtype.newbyteorder(order)).reshape(like.shape).astype(like.dtype)
        data = data[like.nbytes:]
    return out, data


def run_bare(what, build, compile_words, prefix, order):
    """Links a library with bare_main.c and runs it; what it writes."""
    program = f"{build.folder}.bare"
    r = command(*compile_words, "-I", build.folder, MAIN, build.folder / "libnet.a", "-o", program)
    if not check(r.returncode == 0 and not r.stderr, f"{what}: linking the library: {r.stderr}"):
        return None
    r = subprocess.run([*prefix, program], input=feed(order), capture_output=True, timeout=60)
    if not check(r.returncode == 0, f"{what}: bare_main.c, check {r.returncode}"):
        return None
    outputs, state = split(r.stdout, order)
    check(near(outputs, expected), f"{what}: results")
    r = command(NFC, "sim", "net.nfg", *inputs("net"), "--output=state.sim", "--state-out=net.state")
    saved = pathlib.Path("net.state").read_bytes()
    check(state[:24] == saved[:24] and len(state) == len(saved) and
          np.allclose(np.frombuffer(state[24:], "<f4"), np.frombuffer(saved[24:], "<f4"), rtol=1e-6, atol=1e-6),
          f"{what}: the saved state is that of the simulator")
    return state


def undefined(library, nm="nm"):
    """Symbols that a library does not bring itself."""
    table = [line.split() for line in command(nm, library).stdout.splitlines() if line and not line.endswith(":")]
    mine = {row[-1] for row in table if row[-2] in "TRDBdrtb"}
    return {row[-1] for row in table if row[-2] == "U"} - mine


def check_bare():
    build = Build("net", "c99-scalar", emit="lib")
    if not check(build.status == 0 and not build.err, f"c99-scalar: {build.status} {build.err}"):
        return
    if have("nm"):
        needs = undefined(build.folder / "libnet.a")
        check(needs <= {"memcpy", "memset"}, f"c99-scalar: the library needs {needs}")
    else:
        left_out("symbols of the library, for there is no nm")
    run_bare("c99-scalar", build, ["cc", "-std=c11", "-O2", *WARNINGS], [], "<")


def check_big_endian():
    """The order of bytes on a machine that has it: weights that the assembler takes in, saved states."""
    cc, emulator = "aarch64-linux-gnu-gcc", "qemu-aarch64_be"
    if not have(cc) or not have(emulator):
        left_out(f"big-endian, for there is no {cc} or no {emulator}")
        return
    device = described(shipped("c99-scalar"), name="aarch64-be", compiler__command=cc, compiler__archiver="aarch64-linux-gnu-ar",
                       compiler__flags=["-O2", "-mbig-endian", "-ffreestanding", "-ffp-contract=off"], target__byte_order="big",
                       target__pointer_bits=64, preferences__weights="incbin")
    build = Build("net", device, emit="lib")
    if check(build.status == 0 and not build.err, f"big-endian: {build.status} {build.err}"):
        run_bare("big-endian", build, [cc, "-std=c11", "-O2", "-mbig-endian", "-ffreestanding", "-nostdlib", "-static", "-DBARE",
                                       *WARNINGS], [emulator], ">")


# ---- CMake ---------------------------------------------------------------------------------------


def check_cmake(build, device):
    """CMake takes the device's compiler unless another is chosen, and builds the same program."""
    if not have("cmake"):
        left_out("CMakeLists.txt, for there is no cmake")
        return
    environment = {k: v for k, v in os.environ.items() if k != "CC"}
    r = command("cmake", "-S", build.folder, "-B", "cmake", env=environment)
    if check(r.returncode == 0, f"cmake: {r.stderr}"):
        r = command("cmake", "--build", "cmake", env=environment)
        check(r.returncode == 0, f"cmake --build: {r.stdout} {r.stderr}")
        r = command(*device["compiler"].get("run", []), "cmake/net", *inputs("net"), "--output=cmake.run")
        check(r.returncode == 0 and near(read_outputs("cmake.run"), expected), f"what CMake built: {r.stderr}")
    r = command("cmake", "-S", build.folder, "-B", "cmake.other", "-DCMAKE_C_COMPILER=no-such-cc", env=environment)
    check(r.returncode != 0 and "no-such-cc" in r.stderr, "a compiler that the caller of CMake chooses")


# ---- all -----------------------------------------------------------------------------------------

prepare("net")
expected = simulate("net")
names = [line.split()[0] for line in command(NFC, "devices").stdout.splitlines()[1:]]
check(len(names) >= 5, f"nfc devices: {names}")
for name in names:
    device = shipped(name)
    if not device["target"]["libc"]:
        check(name == "c99-scalar", f"{name} has no check here")
        check_bare()
        continue
    words, missing = runner(name, device)
    if missing and name in EMULATED:
        build = Build("net", name, emit="exe")
        check(build.status == 0 and not build.err, f"{name}: {build.status} {build.err}")
        continue
    if missing:
        left_out(f"{name}, for there is no {missing}")
        continue
    build = runs(name, words)
    if name == "aarch64-neon":
        check_cmake(build, device)
check_big_endian()
probed = command(NFC, "devices", "--probe")
pathlib.Path("probe.json").write_text(probed.stdout)
check(probed.returncode == 0, f"nfc devices --probe: {probed.stderr}")
runs("probe.json", [])
finish()
