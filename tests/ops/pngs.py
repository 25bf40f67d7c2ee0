"""Goldens of the steps of decoding PNG: the files of pictures.py, whose rows zlib and the formulas of the filters give
back, and pictures from rows without filters."""
import struct
import zlib

import numpy as np

import pictures
from cases import case
from formats import Tensor, generator

COLOURS = 256
INTERLACED, WHOLE = pictures.ADAM7, [(0, 1, 0, 1)]


def room(height, width):
    return height * (8 * width + 2) + 7


def padded(data, size):
    return np.concatenate([np.frombuffer(bytes(data), np.uint8), np.zeros(size - len(data), np.uint8)])


# ---- files --------------------------------------------------------------------------------------


def contents(data):
    """Name -> contents of the chunks, those of one name behind each other."""
    at, found = 8, {}
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        found[name] = found.get(name, b"") + data[at + 8:at + 8 + size]
        at += size + 12
        if name == b"IEND":
            break
    return found


def plain(raw, height, width, bits, interlaced):
    """The rows without filters, each behind a 0."""
    out, at, back = b"", 0, max(1, bits // 8)
    for y, down, x, across in INTERLACED if interlaced else WHOLE:
        rows, columns = len(range(y, height, down)), len(range(x, width, across))
        size = (columns * bits + 7) // 8
        before = bytes(size)
        for _ in range(rows if columns else 0):
            kind, line = raw[at], bytearray(raw[at + 1:at + 1 + size])
            for i in range(size):
                a, b, c = (line[i - back] if i >= back else 0), before[i], (before[i - back] if i >= back else 0)
                line[i] = (line[i] + [0, a, b, (a + b) // 2, pictures.paeth(a, b, c)][kind]) % 256
            out, before, at = out + b"\0" + line, bytes(line), at + size + 1
    return out


def byte_cases(row):
    cases = []
    for c in pictures.written(row["name"]):
        if not c.graph.startswith("png"):
            continue
        data, (height, width) = c.inputs["encoded_stream"].data, c.results["image"].data.shape[:2]
        extents = c.results["extents"].data
        rows, palette, head = np.zeros(room(height, width), np.uint8), np.zeros(COLOURS * 3, np.uint8), np.zeros(5, np.int64)
        if extents[0]:
            chunks = contents(data.tobytes())
            w, h, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
            head[:] = h, w, kind, depth, interlaced
            if h <= height and w <= width:
                rows = padded(plain(zlib.decompress(chunks[b"IDAT"]), h, w, pictures.PARTS[kind] * depth, interlaced), len(rows))
                palette = padded(chunks[b"PLTE"] if kind == 3 else b"", len(palette))
        outputs = {"rows": Tensor("u8", rows), "palette": Tensor("u8", palette.reshape(COLOURS, 3)), "head": Tensor("i64", head)}
        cases.append(case(c.graph, row["name"], c.inputs, outputs, {"height": height, "width": width}))
    return cases


# ---- the picture ----------------------------------------------------------------------------------


def rows_of(values, depth, interlaced):
    """values: [h, w, parts]."""
    out = b""
    for y, down, x, across in INTERLACED if interlaced else WHOLE:
        part = values[y::down, x::across]
        if part.size:
            out += b"".join(b"\0" + pictures.part_bytes(line.reshape(-1), depth) for line in part)
    return out


def image_cases(row):
    height, width = 11, 13

    def one(graph, kind, depth, h=9, w=11, interlaced=0, pixel_format="RGB", head=None):
        rng = generator(row["name"], graph)
        palette = rng.randint(0, 256, (COLOURS, 3)).astype(np.uint8)
        v = rng.randint(0, 1 << depth, (h, w, pictures.PARTS[kind]))
        light = v >> 8 if depth == 16 else v * 255 // ((1 << depth) - 1)
        rgb = palette[v[..., 0]] if kind == 3 else light[..., :3] if kind & 2 else light[..., :1].repeat(3, -1)
        rows = rows_of(v, depth, interlaced) if h <= height and w <= width else rng.bytes(room(height, width))
        image, _ = pictures.shown(None if head else rgb, height, width, pixel_format)
        inputs = {"rows": Tensor("u8", padded(rows, room(height, width))), "palette": Tensor("u8", palette), "head": Tensor("i64", np.array(head or [h, w, kind, depth, interlaced], np.int64))}
        return case(graph, row["name"], inputs, {"image": Tensor("u8", image)}, {"height": height, "width": width, "pixel_format": pixel_format})

    cases = []
    for name, kind, depths in (("grey", 0, (1, 2, 4, 8, 16)), ("rgb", 2, (8, 16)), ("palette", 3, (1, 2, 4, 8)), ("grey_alpha", 4, (8, 16)), ("rgb_alpha", 6, (8, 16))):
        for depth in depths:
            cases.append(one("%s_%d" % (name, depth), kind, depth))
            cases.append(one("%s_%d_interlaced" % (name, depth), kind, depth, interlaced=1))
    return cases + [
        one("full", 6, 16, height, width),
        one("full_interlaced", 6, 16, height, width, 1),
        one("one", 2, 8, 1, 1),
        one("one_interlaced", 2, 8, 1, 1, 1),
        one("narrow_interlaced", 0, 1, 11, 1, 1),
        one("low_interlaced", 0, 2, 1, 13, 1),
        one("bgr", 2, 8, pixel_format="BGR"),
        one("grayscale", 3, 4, interlaced=1, pixel_format="Grayscale"),
        one("too_high", 2, 8, height + 1, 5),
        one("too_wide", 0, 16, 5, width + 1),
        one("nothing", 0, 8, head=[0] * 5),
        one("no_kind", 2, 8, head=[9, 11, 5, 8, 0]),
        one("no_depth", 2, 8, head=[9, 11, 2, 4, 0]),
        one("no_head", 0, 8, head=[-5, 3, 1 << 62, -(1 << 63), 9]),
        one("no_bits", 0, 8, head=[9, 11, 0, -8, -1]),
    ]


CASES = {"png_bytes": byte_cases, "png_image": image_cases}
