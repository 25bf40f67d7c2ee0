"""Keys of a device's units: each acts, see check_keys.py."""
import json
import re

from effects import *  # noqa: F403


def two_units(**changes):
    """generic with a second, faster unit; both have flags."""
    slow = {**HOST["units"][0], "name": "slow", "flags": ["-DSLOW=1"]}
    fast = {**HOST["units"][0], "name": "fast", "flags": ["-DFAST=1"], "clock_mhz": 2 * slow["clock_mhz"]}
    return described(described(units=[slow, fast]), **changes)


@effect("/runs_on")
def _():
    for runs_on, flag in ((None, "-DSLOW=1"), ("slow", "-DSLOW=1"), ("fast", "-DFAST=1")):
        other = Build("net", two_units(runs_on=runs_on))
        check(other.variable("CFLAGS")[-1] == flag, f"flags of {runs_on}: {other.variable('CFLAGS')}")
        check(f" {flag})" in other.text("CMakeLists.txt"), f"flags of {runs_on} in CMakeLists.txt")
    refused(Build("net", two_units(runs_on="fats")), 1, "/runs_on", "'fast'")


@effect("/units")
def _():
    check(Build("net", two_units()).variable("CFLAGS")[-1] == "-DSLOW=1", "the first of two units runs the program")
    refused(Build("net", described(units=[])), 1, "/units")


@effect("/units/*/name")
def _():
    refused(Build("net", two_units(runs_on="fast", units__1__name="quick")), 1, "/runs_on", "there is no unit 'fast'")
    other = Build("net", two_units(runs_on="quick", units__1__name="quick"))
    check(other.variable("CFLAGS")[-1] == "-DFAST=1", "a unit by its name")


@effect("/units/*/kind")
def _():
    refused(Build("net", described(units__0__kind="gpu")), 1, "/units/0/kind")


@effect("/units/*/flags")
def _():
    one, other = Build("net", of_unit(["-DOF_UNIT=1"])), Build("net", of_unit(["-DOF_UNIT=2"]))
    only(one, other, "Makefile", "CMakeLists.txt")
    for name in changed(one, other):
        check(one.text(name).replace("OF_UNIT=1", "OF_UNIT=2") == other.text(name), f"a unit's flags in {name}")


def estimate(device, graph="net"):
    """What `nfc inspect` says of the device and of the first graph."""
    build = Build(graph, device, verb="inspect")
    if not check(build.status == 0 and not build.err, f"nfc inspect: {build.status} {build.err}"):
        return None, None
    tree = json.loads(build.out)
    return tree["device"], tree["graphs"][0]


def roofline(device, graph):
    """Is each kernel's time what the device's rates make of its operations and bytes?"""
    for k in graph["kernels"]:
        compute = k["operations"] / device["flops_per_us"]
        memory = (k["bytes_read"] + k["bytes_written"]) / device["bytes_per_us"] if device["bytes_per_us"] else 0
        check(abs(k["time_us"] - max(compute, memory)) <= 1e-9 * k["time_us"], f"the time of {k}: {compute} or {memory}")
        check(k["bound_by"] == ("memory" if memory >= compute else "compute"), f"what bounds {k}")
    check(abs(graph["time_us"] - sum(k["time_us"] for k in graph["kernels"])) <= 1e-9 * graph["time_us"], "the time of all")


def rates(**changes):
    """A unit with slow arithmetic and a fast memory, or the other way round."""
    device, graph = estimate(described(units__0__levels=[{"name": "ram", "cores": 1, "gb_per_s": 1000}], **changes))
    roofline(device, graph)
    return device, graph


def shown(key, value, **changes):
    """A number of the unit that decides nothing yet: seen where the estimate says what it is for."""
    for v in (HOST["units"][0][key], value):
        device, _ = estimate(described(**{f"units__0__{key}": v}, **changes))
        check(device["unit"][key] == v, f"{key} in nfc inspect: {device['unit']}")


ROOT_OF = {"op": "sqrt", "type": "f32", "lanes": 1, "text": "machine_root($0)"}


SCALAR = {"units__0__vector_bits": None, "units__0__vector_registers": None}


def spelled(changes=SCALAR, **change):
    """What is written of the graph for a device with one instruction; without vectors, unless told."""
    build = Build("net", described(units__0__instructions=[{**ROOT_OF, **change}], units__0__headers=["one.h", "sub/two.h"], **changes))
    built(build, f"an instruction: {change}")
    return build.text("net.c")


@effect("/units/*/instructions")
def _():
    plain = Build("net", described(units__0__instructions=None))
    check("machine_root" not in plain.text("net.c") and "nf_sqrt_f32" in plain.text("net.c"), "no instruction")
    check("static inline float nf_sqrt_f32(float a) { return machine_root(a); }" in spelled(), "an instruction")
    refused(Build("net", described(units__0__instructions=[ROOT_OF, ROOT_OF])), 1, "/units/0/instructions/1", "two instructions")


@effect("/units/*/headers")
def _():
    check("\n#include <one.h>\n#include <sub/two.h>\n" in spelled(), "headers of an instruction that is used")
    check("one.h" not in spelled(op="floor"), "headers of an instruction that is not used")


@effect("/units/*/instructions/*/op")
def _():
    text = spelled(op="max", text="machine_max($0, $1)")
    check("static inline float nf_max_f32(float a, float b) { return machine_max(a, b); }" in text, "max")
    check("machine_root" not in spelled(op="floor"), "an operator that the graph has not")


@effect("/units/*/instructions/*/type")
def _():
    check("machine_root" not in spelled(type="f64"), "another type")
    halves = [{"op": op, "type": "f16", "lanes": 8, "text": f"machine_{op}($0, $1)"} for op in ("add", "mul")]
    whole, part = (Build("net", described(units__0__instructions=rows)).text("net.c") for rows in (halves, halves[1:]))
    check("nf_u16x8 nf_mul_f16x8(nf_u16x8 a, nf_u16x8 b) { return (nf_u16x8)machine_mul(a, b); }" in whole, "products of f16")
    check("machine_mul" not in part, "f16 without sums is done in f32")


@effect("/units/*/instructions/*/lanes")
def _():
    check("machine_root" not in spelled(lanes=4), "lanes where there are none")
    check("nf_f32x4 nf_sqrt_f32x4(nf_f32x4 a) { return (nf_f32x4)machine_root(a); }" in spelled({}, lanes=4), "an instruction on four lanes")
    check("machine_root" not in spelled({}, lanes=8), "another number of lanes")


@effect("/units/*/instructions/*/text")
def _():
    check("return (float)other_root((double)a, a);" in spelled(text="(float)other_root((double)$0, $0)"), "operands")


@effect("/units/*/cores")
def _():
    shown("cores", 7)
    refused(Build("net", described(units__0__levels__2__cores=2)), 1, "/units/0/levels/2/cores", "1 cores in all")
    built(Build("net", described(units__0__levels__2__cores=2, units__0__cores=2)), "a memory that both cores share")


@effect("/units/*/fork_us")
def _():
    changes = {"units__0__cores": 3, "preferences__threads": 3, **SCALAR}
    never, always = (Build("net", described(units__0__fork_us=us, **changes)) for us in (1000000, 0))
    check(not in_parts(never) and len(in_parts(always)) > 3, f"kernels in parts: {in_parts(never)}, {in_parts(always)}")
    check("nf_do_parts" not in never.text("net.c") and "nf_do_parts" in always.text("net.c"), "fork_us in net.c")
    only(Build("net", described(units__0__fork_us=5, **changes)), Build("net", described(**changes)))


@effect("/units/*/share_gb_per_s")
def _():
    changes = {"units__0__cores": 3, "preferences__threads": 3, "units__0__fork_us": 0, **SCALAR}
    slow, fast = (Build("net", described(units__0__share_gb_per_s=rate, **changes)) for rate in (0.00001, 100000))
    check(not in_parts(slow) and len(in_parts(fast)) > 3, f"kernels in parts: {in_parts(slow)}, {in_parts(fast)}")
    only(fast, Build("net", described(units__0__share_gb_per_s=0, **changes)))
    only(fast, Build("net", described(**changes)))


@effect("/units/*/clock_mhz")
def _():
    (one, slow), (two, fast) = rates(units__0__clock_mhz=10), rates(units__0__clock_mhz=25)
    check((one["flops_per_us"], two["flops_per_us"]) == (80, 200), f"operations a microsecond: {one}, {two}")
    compute = [(s["time_us"], f["time_us"]) for s, f in zip(slow["kernels"], fast["kernels"]) if s["operations"]]
    check(compute and all(abs(s / f - 2.5) < 1e-9 for s, f in compute), f"arithmetic at 10 and 25 MHz: {compute}")


@effect("/units/*/flops_per_cycle")
def _():
    (one, slow), (two, fast) = rates(units__0__clock_mhz=10, units__0__flops_per_cycle=1), rates(units__0__clock_mhz=10, units__0__flops_per_cycle=4)
    check((one["flops_per_us"], two["flops_per_us"]) == (10, 40), f"operations a microsecond: {one}, {two}")
    compute = [(s["time_us"], f["time_us"]) for s, f in zip(slow["kernels"], fast["kernels"]) if s["operations"]]
    check(compute and all(abs(s / f - 4) < 1e-9 for s, f in compute), f"arithmetic of 1 and 4 operations a cycle: {compute}")


def kernels(**changes):
    """The kernels of a product and of sums along rows."""
    graph_text("sums", "inputs { x : f32 [24, 64]; w : f32 [64, 64]; } outputs { y : f32 [24, 64]; s : f32 [24]; }\n"
               "block entry { y = op matmul(a=x, b=w); s = op reduce_sum(data=x, axes=[1], keepdims=0); return y, s; }\n")
    build = Build("sums", described(**changes))
    built(build, f"schedules: {changes}")
    return build.text("sums.c").split("sums_status_text")[0]


def tile(**changes):
    return re.search("schedule: (tiles.*) \\*/", kernels(**changes)).group(1)


@effect("/units/*/latency")
def _():
    check("nf_f32x4 part[4];" in kernels() and "nf_f32x4 part[2];" in kernels(units__0__latency=2), "sums at once")


def product(rows, **changes):
    """What is written of a product with a weight of 64 x 64."""
    save_weights("product.safetensors", {"w": np.ones((64, 64), np.float32)})
    graph_text("product", f'model "product.safetensors";\ninputs {{ x : f32 [{rows}, 64]; }} outputs {{ y : f32 [{rows}, 64]; }}\n'
               'block entry { y = op matmul(a=x, b=model["w"]); return y; }\n')
    build = Build("product", described(**changes))
    built(build, f"a product: {changes}")
    return build.text("product.c").split("product_status_text")[0]


def rows_of(text):
    return int(re.search("schedule: tiles of ([0-9]*) rows", text).group(1))


@effect("/units/*/loads_per_cycle")
def _():
    check(rows_of(product(24, units__0__loads_per_cycle=1)) < rows_of(product(24)), "with fewer loads in a cycle tiles are nearer to squares")


@effect("/units/*/move_cycles")
def _():
    save_weights("squares.safetensors", {"w": np.ones((32, 32, 3, 3), np.float32)})
    graph_text("squares", 'model "squares.safetensors";\ninputs { x : f32 [1, 32, 24, 24]; } outputs { y : f32 [1, 32, 12, 12]; }\n'
               'block entry { y = op relu(x=x); y = op conv(x=y, w=model["w"], pads=[1, 1, 1, 1]); y = op max_pool(x=y, kernel_shape=[2, 2], strides=[2, 2]); return y; }\n')
    shapes = []
    for cycles in (0, 1, 1000):
        build = Build("squares", described(units__0__vector_bits=512, units__0__vector_registers=32, units__0__flops_per_cycle=64, units__0__move_cycles=cycles))
        built(build, f"a convolution: {cycles}")
        shapes.append("winograd" in build.text("squares.c").lower())
    check(shapes[0] and not shapes[-1], f"Winograd's convolution where moving costs 0, 1, 1000 cycles: {shapes}")


def vectors_of(bytes_, **changes):
    """How wide the tiles of a product are whose weights such a cache does not hold."""
    levels = [{"name": "own", "bytes": bytes_, "cores": 1}, {"name": "far", "cores": 1, "gb_per_s": 5}]
    text = product(3, units__0__levels=levels, **changes)
    return int(re.search(r"schedule: tiles of [0-9]* rows along \w+ by ([0-9]*) ?vectors?", text).group(1) or 1)


@effect("/units/*/refetch_factor")
def _():
    wide, narrow = (vectors_of(1800, units__0__refetch_factor=f, units__0__overflow_factor=1) for f in (1, 100))
    check(narrow < wide, f"tiles whose constants fill a cache: {wide}, {narrow} wide")


@effect("/units/*/overflow_factor")
def _():
    wide, narrow = (vectors_of(4000, units__0__refetch_factor=100, units__0__overflow_factor=f) for f in (1, 100))
    check(narrow < wide, f"tiles whose constants leave little of a cache: {wide}, {narrow} wide")


@effect("/units/*/line_bytes")
def _():
    asked = [product(1, units__0__prefetch_bytes=512, units__0__line_bytes=b).count("NF_PREFETCH(w") for b in (None, 64, 16)]
    check(asked[0] == 0 < asked[1] < asked[2], f"lines that are asked for: {asked}")


@effect("/units/*/prefetch_bytes")
def _():
    check("NF_PREFETCH" not in product(1) and "k * 24 + 128);" in product(1, units__0__prefetch_bytes=512), "512 bytes ahead")


@effect("/units/*/levels/*/ways")
def _():
    near = {"units__0__levels__0__bytes": 1024}
    check(rows_of(product(24, units__0__levels__0__ways=4, **near)) < rows_of(product(24, units__0__levels__0__ways=None, **near)), "rows in a cache of four ways")


def blocks_of(rows, bytes_, shared, cores):
    """Along what a product runs in blocks, where a core has so many bytes and all have those of a shared cache."""
    levels = [{"name": "own", "bytes": bytes_, "cores": 1}, {"name": "shared", "bytes": shared, "cores": cores}, {"name": "far", "cores": cores, "gb_per_s": 5}]
    text = product(rows, units__0__cores=cores, units__0__levels=levels)
    return re.findall(r"along (\w+)", text.split("in blocks of")[1].split("*/")[0]) if "in blocks of" in text else []


@effect("/units/*/needs")
def _():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    has = set(re.findall(r"\w+", info))
    best = [d for d in (json.loads(command(NFC, "devices", p.stem, "--json").stdout) for p in (ROOT / "devices").glob("*.json")) if set(d["units"][0].get("needs", [" "])) <= has]
    widest = max((d["units"][0]["vector_bits"] for d in best), default=HOST["units"][0]["vector_bits"])
    check(re.search(f"registers of {widest} bits", command(NFC, "devices", "host").stdout), f"host has vectors of {widest} bits")


@effect("/units/*/source")
def _():
    pathlib.Path("sourced.json").write_text(json.dumps(described(units__0__source="a data sheet")))
    check(re.search(r"source +a data sheet\n", command(NFC, "devices", "sourced.json").stdout), "the source in nfc devices")
    check("a data sheet" not in command(NFC, "devices", "generic").stdout, "no source in nfc devices")


@effect("/units/*/vector_bits")
def _():
    shown("vector_bits", 512)
    check("vectors of 4 " in tile() and "vectors of 8 " in tile(units__0__vector_bits=256), "vectors of 128 and 256 bits")
    check(kernels(**SCALAR).count("loops in the order of the axes") == 2, "no vectors")
    refused(Build("net", described(units__0__vector_bits=None)), 1, "/units/0/vector_registers")


@effect("/units/*/vector_registers")
def _():
    shown("vector_registers", 32)
    check(tile() != tile(units__0__vector_registers=32), f"tiles of 16 and 32 registers: {tile()}")
    refused(Build("net", described(units__0__vector_registers=None)), 1, "/units/0/vector_bits")


def data_in(*levels):
    return estimate(described(units__0__levels=[{"cores": 1, **l} for l in levels]))[0]


NEAR, FAR = {"name": "near", "bytes": 65536, "gb_per_s": 50}, {"name": "far", "gb_per_s": 5}


@effect("/units/*/levels")
def _():
    device, graph = estimate(described(units__0__levels=None))
    roofline(device, graph)
    check((device["bytes_per_us"], device["data_in"], device["unit"]["levels"]) == (0, "", []), f"no levels: {device}")
    check(data_in(NEAR, FAR)["data_in"] == "near" and data_in(FAR)["data_in"] == "far", "the nearest level that holds the data")
    levels = [{"cores": 1, **NEAR}, {"cores": 1, **FAR}]
    check(data_in(*levels)["unit"]["levels"] == levels, "levels in nfc inspect")


@effect("/units/*/levels/*/name")
def _():
    check(data_in({**NEAR, "name": "sram"}, FAR)["data_in"] == "sram", "the name of a level")
    refused(Build("net", described(units__0__levels__0__name="L2")), 1, "/units/0/levels/1/name", "two levels")


@effect("/units/*/levels/*/bytes")
def _():
    data = data_in(FAR)["data_bytes"]
    ports = sum(v.nbytes for v in INPUTS["net"].values()) + 3 * 8 * 4 + 16 * 2 + 16 * 4
    check(data == base.define("WEIGHT_BYTES") + base.define("STATE_BYTES") + base.define("ARENA_BYTES") + ports, f"{data} bytes of data")
    for bytes_, level, rate in ((data, "near", 50000), (data - 1, "far", 5000)):
        device = data_in({**NEAR, "bytes": bytes_}, FAR)
        check((device["data_in"], device["bytes_per_us"]) == (level, rate), f"{data} bytes of data and a level of {bytes_}: {device}")
    small = described(units__0__levels=[{"name": "ram", "bytes": 4096, "cores": 1}], limits__arena_bytes=4097)
    refused(Build("net", small), 1, "/limits/arena_bytes", "4096")
    got = [blocks_of(96, own, 4194304, 2) for own in (2048, 1048576)]
    check(got == [["k", "n"], []], f"blocks for small and large caches: {got}")


@effect("/units/*/levels/*/cores")
def _():
    device = estimate(described(units__0__cores=4, units__0__levels__2__cores=4))[0]
    check([l["cores"] for l in device["unit"]["levels"]] == [1, 1, 4], f"cores that share levels: {device['unit']}")
    refused(Build("net", described(units__0__cores=4, units__0__levels__1__cores=4)), 1, "/units/0/levels/2/cores")
    got = [blocks_of(96, 2048, 262144, cores) for cores in (2, 64)]
    check(got == [["k", "n"], ["k", "m"]], f"blocks where 2 and 64 cores share a cache: {got}")


@effect("/units/*/levels/*/gb_per_s")
def _():
    times = []
    for rate in (0.001, 0.004):
        device, graph = estimate(described(units__0__levels=[{"name": "ram", "cores": 1, "gb_per_s": rate}]))
        roofline(device, graph)
        check(device["bytes_per_us"] == 1000 * rate, f"bytes a microsecond: {device}")
        times.append(graph["time_us"])
    check(abs(times[0] / times[1] - 4) < 1e-9, f"reading at two rates: {times}")
    device = data_in({"name": "near", "bytes": 65536}, FAR)
    check((device["data_in"], device["bytes_per_us"]) == ("far", 5000), f"a level of unknown speed counts as the next: {device}")


TILES = {"registers": 8, "rows": 16, "bytes": 64, "instructions": [
    {"op": "configure", "text": "machine_configure($0)"}, {"op": "release", "text": "machine_release()"}, {"op": "zero", "text": "machine_zero($0)"},
    {"op": "load", "text": "machine_load($0, $1, $2)"}, {"op": "store", "text": "machine_store($0, $1, $2)"}, {"op": "dot_u8_i8", "text": "machine_dot($0, $1, $2)"}]}


def tiled(rows=40, tiles=TILES, **changes):
    """What is written of a product of bytes with a weight of 96 x 48."""
    save_weights("bytes.safetensors", {"w": np.ones((96, 48), np.int8)})
    graph_text("bytes", f'model "bytes.safetensors";\ninputs {{ x : u8 [{rows}, 96]; }} outputs {{ y : i32 [{rows}, 48]; }}\n'
               'block entry { y = op matmul_integer(a=x, b=model["w"]); return y; }\n')
    build = Build("bytes", described(units__0__tiles=tiles and {**tiles, **changes}, units__0__headers=["machine.h"]))
    built(build, f"tiles: {changes}")
    return build.text("bytes.c")


def shape_of_tiles(text):
    return tuple(map(int, re.search(r"schedule: (\d+) x (\d+) tiles of (\d+) rows along m by (\d+) along n, (\d+) bytes of k at once", text).groups()))


@effect("/units/*/tiles")
def _():
    check("machine_" not in tiled(tiles=None) and "machine_dot(0, 4, 6);" in tiled(), "a product in tiles")
    check("\n#include <machine.h>\n" in tiled(), "the header of tiles")


@effect("/units/*/tiles/registers")
def _():
    check(shape_of_tiles(tiled())[:2] == (2, 2) and shape_of_tiles(tiled(registers=3))[:2] == (1, 1), "tiles at once")


@effect("/units/*/tiles/rows")
def _():
    check(shape_of_tiles(tiled())[2] == 14, "40 rows in tiles of 16")
    check(shape_of_tiles(tiled(40, {**TILES, "rows": 8}))[2] == 8, "40 rows in tiles of 8")


@effect("/units/*/tiles/bytes")
def _():
    check(shape_of_tiles(tiled())[3:] == (16, 48) and shape_of_tiles(tiled(bytes=32))[3:] == (8, 32), "bytes of a row")


@effect("/units/*/tiles/permission")
def _():
    check("nf_may_use_tiles" not in tiled() and "if (!nf_may_use_tiles()) return BYTES_ERROR_DEVICE;" in tiled(permission=18), "init asks")
    check('"S"(18L)' in tiled(permission=18) and '"S"(7L)' in tiled(permission=7), "what init asks for")


@effect("/units/*/tiles/least_fill")
def _():
    fills = (40 / 48) * (96 / 128) * 1
    check("machine_dot" in tiled(least_fill=fills - 0.01) and "machine_dot" not in tiled(least_fill=fills + 0.01), "tiles that are filled so far")
    check("machine_dot" not in tiled(1, least_fill=0.1), "a single row")


@effect("/units/*/tiles/instructions")
def _():
    refused(Build("net", described(units__0__tiles={**TILES, "instructions": TILES["instructions"][:5]})), 1, "/units/0/tiles", "no instruction for products")
    text = tiled()
    check(all(f"machine_{op}(" in text for op in ("configure", "release", "zero", "load", "store", "dot")), "instructions of tiles")


@effect("/units/*/tiles/instructions/*/op")
def _():
    other = TILES["instructions"][:5] + [{"op": "dot_u8_u8", "text": "machine_dot($0, $1, $2)"}]
    check("const int8_t *NF_RESTRICT w" in tiled() and "const uint8_t *NF_RESTRICT w" in tiled(instructions=other), "a product of other types")


@effect("/units/*/tiles/instructions/*/text")
def _():
    other = TILES["instructions"][:5] + [{"op": "dot_u8_i8", "text": "machine_dot_of($2, $1, $0)"}]
    check("machine_dot_of(6, 4, 0);" in tiled(instructions=other), "operands of a product")
