"""Files of tensors, as packages of weights are: .safetensors. All tests that want a good one have it from here; those of
broken ones, tests/fail and tests/onnx_file, write their bytes themselves."""
import json
import struct

# The types that a file holds: as .nfg calls them, and as it does.
NAMES = {t: t.upper() for t in "f64 f32 f16 bf16 i64 i32 i16 i8 u64 u32 u16 u8 bool".split()}
NAMES.update(f8e4m3="F8_E4M3", f8e5m2="F8_E5M2")


def type_of(array):
    """The type of a NumPy array, as .nfg calls it."""
    return "bool" if array.dtype.kind == "b" else "%s%d" % (array.dtype.kind, 8 * array.dtype.itemsize)


def write(path, tensors, metadata=None):
    """Writes tensors, one behind the other from a multiple of 8 bytes on. tensors: {name: (type of .nfg, shape, bytes)};
    metadata: {key: what is written as text}."""
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = {key: str(value) for key, value in metadata.items()}
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.writelines(data for _, _, data in tensors.values())


def save(path, arrays, metadata=None, types=None):
    """Writes named NumPy arrays. types: {name: type of .nfg} of those whose elements NumPy knows only as bits."""
    types = types or {}
    write(path, {name: (types.get(name) or type_of(a), a.shape, a.tobytes()) for name, a in arrays.items()}, metadata)
