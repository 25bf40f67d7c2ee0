"""Goldens of image_decoder and the decoders that it is made of: pictures that are written here, byte by byte, and
what was written; of JPEG the files that jpeg/make.py wrote, and what Pillow made of them."""
import os
import struct
import zlib

import numpy as np

from cases import case
from formats import Tensor, generator

# ---- writing ------------------------------------------------------------------------------------


def bmp(indices_or_rgb, bits, palette=None, top_down=False):
    h, w = indices_or_rgb.shape[:2]
    lines = []
    for row in indices_or_rgb:
        if bits >= 24:
            line = b"".join(bytes(p[::-1].tolist()) + b"\x55" * (bits // 8 - 3) for p in row)
        else:
            line = packed(row, bits)
        lines.append(line + bytes(-len(line) % 4))
    colours = b"" if palette is None else b"".join(bytes(c[::-1].tolist()) + b"\0" for c in palette)
    data = b"".join(lines if top_down else lines[::-1])
    start = 54 + len(colours)
    head = struct.pack("<IiiHHIIiiII", 40, w, -h if top_down else h, 1, bits, 0, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + colours + data


def packed(row, bits):
    """Numbers of less than a byte, the first one in the upper bits."""
    text = "".join(format(int(v), "0%db" % bits) for v in row)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def filtered(rows, back, first):
    """Rows of bytes with filters 0 to 4 in turn."""
    out, before = b"", None
    for r, row in enumerate(rows):
        kind = (first + r) % 5
        before = bytes(len(row)) if before is None else before
        line = bytearray([kind])
        for i, v in enumerate(row):
            a, b, c = (row[i - back] if i >= back else 0), before[i], (before[i - back] if i >= back else 0)
            line.append((v - [0, a, b, (a + b) // 2, paeth(a, b, c)][kind]) % 256)
        out, before = out + bytes(line), row
    return out


ADAM7 = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
PARTS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(values, kind, depth, palette=None, interlaced=False, level=9, cut=None, strategy=0):
    """values: [h, w, parts]. cut: bytes to a chunk of data."""
    h, w, parts = values.shape
    raw = b""
    for k, (y0, dy, x0, dx) in enumerate(ADAM7 if interlaced else [(0, 1, 0, 1)]):
        part = values[y0::dy, x0::dx]
        if part.size:
            rows = [part_bytes(row.reshape(-1), depth) for row in part]
            raw += filtered(rows, max(1, parts * depth // 8), k)
    packer = zlib.compressobj(level, zlib.DEFLATED, 15, 8, strategy)
    data = packer.compress(raw) + packer.flush()
    cut = cut or len(data)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, int(interlaced)))
    out += chunk(b"tEXt", b"a\0b")
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    for i in range(0, len(data), cut):
        out += chunk(b"IDAT", data[i:i + cut])
    return out + chunk(b"IEND", b"")


def part_bytes(row, depth):
    return row.astype(">u2").tobytes() if depth == 16 else packed(row, depth) if depth < 8 else row.astype(np.uint8).tobytes()


def tiff(values, kind, big_first=False, rows_per_strip=None, short_offsets=False):
    h, w, parts = values.shape
    order, tags = (">" if big_first else "<"), []
    step = rows_per_strip or h
    strips = [values[i:i + step].astype(np.uint8).tobytes() for i in range(0, h, step)]
    offsets = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    data = b"".join(strips)
    lists = 8 + len(data)
    width = 2 if short_offsets else 4
    extra = struct.pack(order + "%d%s" % (len(offsets), "H" if short_offsets else "I"), *offsets)
    bits = struct.pack(order + "%dH" % parts, *[8] * parts)

    def tag(number, size, count, value):
        packed_value = struct.pack(order + ("HH" if size == 3 else "I"), *([value, 0] if size == 3 else [value]))
        tags.append(struct.pack(order + "HHI", number, size, count) + packed_value)

    tag(256, 3, 1, w)
    tag(257, 4, 1, h)
    tag(258, 3, parts, 8) if parts < 3 else tag(258, 3 + 0 * parts, parts, 0)
    if parts == 2:
        tags[-1] = tags[-1][:8] + bits
    if parts > 2:
        tags[-1] = tags[-1][:8] + struct.pack(order + "I", lists + len(extra))
    tag(259, 3, 1, 1)
    tag(262, 3, 1, kind)
    tag(273, 3 if short_offsets else 4, len(offsets), offsets[0])
    if len(offsets) * width > 4:
        tags[-1] = tags[-1][:8] + struct.pack(order + "I", lists)
    elif len(offsets) > 1:
        tags[-1] = tags[-1][:8] + extra
    tag(277, 3, 1, parts)
    if rows_per_strip:
        tag(278, 3, 1, rows_per_strip)
    directory = lists + len(extra) + len(bits)
    head = (b"MM\0*" if big_first else b"II*\0") + struct.pack(order + "I", directory)
    return head + data + extra + bits + struct.pack(order + "H", len(tags)) + b"".join(tags) + bytes(4)


# ---- cases --------------------------------------------------------------------------------------


def shown(rgb, height, width, pixel_format):
    """A picture in the corner of the result, and its extents."""
    image = np.zeros((height, width, 1 if pixel_format == "Grayscale" else 3), np.uint8)
    if rgb is None:
        return image, np.zeros(2, np.int64)
    h, w = rgb.shape[:2]
    if h <= height and w <= width:
        wide = rgb.astype(np.int64)
        if pixel_format == "Grayscale":
            wide = ((wide @ np.array([19595, 38470, 7471])) + 32768 >> 16)[..., None]
        elif pixel_format == "BGR":
            wide = wide[..., ::-1]
        image[:h, :w] = wide
    return image, np.array([h, w], np.int64)


SMALL, LARGE = 768, 6144  # bytes of files


def one(op, graph, data, rgb, height=16, width=16, pixel_format="RGB", exact=False):
    """Few sizes, so that the graphs share kernels: zeros stand behind the file."""
    if rgb is not None and max(rgb.shape[:2]) > 16 and len(data) > SMALL:
        height = width = 40
    if not exact:
        data += bytes((SMALL if height == 16 and len(data) <= SMALL else LARGE) - len(data))
    image, extents = shown(rgb, height, width, pixel_format)
    x = Tensor("u8", np.frombuffer(data, np.uint8))
    a = {"height": height, "width": width, "pixel_format": pixel_format}
    return case(graph, op, {"encoded_stream": x}, {"image": Tensor("u8", image), "extents": Tensor("i64", extents)}, a)


def written(op):
    """The cases of the formats that are written here; their names begin with the format's."""

    def one_of(graph, *picture, **more):
        return one(op, graph, *picture, **more)

    def noise(graph, shape, most=256):
        return generator("image_decoder", graph).randint(0, most, shape)

    def smooth(h, w):
        y, x = np.mgrid[:h, :w]
        return np.stack([(y * 5 + x) % 256, (x * 3) % 256, (y * x // 7) % 256], -1)

    def grey(v):
        return np.repeat(v.reshape(v.shape[:2])[..., None], 3, -1)

    colours, runs = noise("palette", (256, 3)), np.full((30, 31, 3), 7)
    rgb, small, wavy = noise("rgb", (5, 7, 3)), noise("small", (3, 5, 3)), smooth(40, 33)
    cases = [
        one_of("bmp_24", bmp(rgb, 24), rgb),
        one_of("bmp_32_top_down", bmp(rgb, 32, top_down=True), rgb, pixel_format="BGR"),
        one_of("bmp_grey", bmp(rgb, 24), rgb, pixel_format="Grayscale"),
        one_of("bmp_does_not_fit", bmp(runs[:, :, 0] * 0, 1, colours[:2]), np.broadcast_to(colours[0], runs.shape)),
        one_of("bmp_damaged", bmp(rgb, 24)[:-1], None, exact=True),
    ]
    for bits in (1, 4, 8):
        v = noise("bmp_%d" % bits, (4, 11), min(1 << bits, 100))
        cases.append(one_of("bmp_%d" % bits, bmp(v, bits, colours[:min(1 << bits, 100)]), colours[v]))
    ink = noise("ink", (5, 11), 2)
    lit = noise("lit", (4, 3))
    cases += [
        one_of("pnm_bits", b"P4\n# a comment\n11 5\n" + b"".join(packed(r, 1) for r in ink), grey(255 * (1 - ink))),
        one_of("pnm_grey", b"P5 3\t4 #\r255\n" + lit.astype(np.uint8).tobytes(), grey(lit)),
        one_of("pnm_rgb", b"P6#x\n7 5\n255\n" + rgb.astype(np.uint8).tobytes(), rgb),
        one_of("pnm_does_not_fit", b"P5\n17 5\n255\n", np.zeros((5, 17, 3), int)),
        one_of("pnm_no_number", b"P6\n7 x\n255\n", None),
        one_of("pnm_text", b"P3\n1 1\n255\n1 2 3\n", None),
        one_of("tiff_rgb", tiff(rgb, 2), rgb),
        one_of("tiff_strips", tiff(rgb, 2, True, 2), rgb, pixel_format="Grayscale"),
        one_of("tiff_short_offsets", tiff(rgb[:4], 2, False, 2, True), rgb[:4]),
        one_of("tiff_grey", tiff(lit[..., None], 1, True, 3), grey(lit)),
        one_of("tiff_white_is_zero", tiff(lit[..., None], 0), grey(255 - lit)),
        one_of("tiff_alpha", tiff(np.concatenate([rgb, rgb[..., :1]], -1), 2), rgb),
        one_of("tiff_grey_alpha", tiff(np.stack([lit, lit], -1), 1), grey(lit)),
        one_of("tiff_cut", tiff(rgb, 2)[:100], None),
        one_of("png_stored", png(rgb, 2, 8, level=0), rgb),
        one_of("png_fixed", png(small, 2, 8, strategy=zlib.Z_FIXED), small),
        one_of("png_dynamic", png(wavy, 2, 8), wavy),
        one_of("png_chunks", png(wavy[:9, :9], 2, 8, cut=9), wavy[:9, :9], pixel_format="BGR"),
        one_of("png_huffman_only", png(wavy, 2, 8, strategy=zlib.Z_HUFFMAN_ONLY), wavy),
        one_of("png_runs", png(runs[:16, :16], 2, 8, strategy=zlib.Z_RLE), runs[:16, :16]),
        one_of("png_interlaced", png(wavy, 2, 8, interlaced=True), wavy),
        one_of("png_interlaced_narrow", png(rgb[:, :1], 2, 8, interlaced=True), rgb[:, :1]),
        one_of("png_interlaced_low", png(rgb[:1], 2, 8, interlaced=True), rgb[:1]),
        one_of("png_does_not_fit", png(runs, 2, 8), runs),
        one_of("png_one", png(rgb[:1, :1], 2, 8), rgb[:1, :1]),
        one_of("png_alpha", png(np.concatenate([rgb, rgb[..., :1]], -1), 6, 8), rgb),
        one_of("png_grey_alpha", png(np.stack([lit, 255 - lit], -1), 4, 8), grey(lit)),
    ]
    for depth in (1, 2, 4, 8, 16):
        v = noise("grey_%d" % depth, (9, 13, 1), 1 << depth)
        light = v >> 8 if depth == 16 else v * 255 // ((1 << depth) - 1)
        cases.append(one_of("png_grey_%d" % depth, png(v, 0, depth), grey(light)))
        cases.append(one_of("png_grey_%d_interlaced" % depth, png(v, 0, depth, interlaced=True), grey(light)))
        if depth < 16:
            v = v % 64
            cases.append(one_of("png_palette_%d" % depth, png(v, 3, depth, colours[:1 << min(depth, 6)]), colours[v[..., 0]]))
    deep = noise("deep", (4, 5, 4), 1 << 16)
    cases += [
        one_of("png_16", png(deep[..., :3], 2, 16), deep[..., :3] >> 8),
        one_of("png_16_alpha_interlaced", png(deep, 6, 16, interlaced=True), deep[..., :3] >> 8),
    ]
    whole = png(wavy, 2, 8)
    for place in (20, 60, 200, 900):
        cases.append(one_of("png_cut_%d" % place, whole[:place], None, 40, 40))
    wrong = bytearray(png(small, 2, 8, level=0))
    wrong[wrong.index(b"IDAT") + 11] = 9  # a filter that there is not
    cases.append(one_of("png_wrong_filter", bytes(wrong), None))
    wrong[wrong.index(b"IDAT") + 4] = 0x79
    cases.append(one_of("png_wrong_head", bytes(wrong), None))
    cases.append(one_of("png_no_palette", png(ink[..., None], 3, 1), None))
    return cases


def format_cases(row):
    """Of the formats that are written here, those of one decoder; and a file of another format."""
    kind = row["name"].split("_")[1]
    other = b"BM" + bytes(60) if kind == "pnm" else b"P5 1 1 255\n\7"
    return [c for c in written(row["name"]) if c.graph.startswith(kind)] + [one(row["name"], kind + "_of_another_format", other, None)]


# ---- JPEG ----------------------------------------------------------------------------------------


def stored(name):
    """A file of jpeg/ and its picture."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jpeg", name)
    with open(path + ".jpg", "rb") as f:
        return f.read(), np.load(path + ".npy") if os.path.exists(path + ".npy") else None


def jpeg_cases(op):
    names = ["grey", "grey_progressive", "restarts", "restarts_progressive", "restarts_grey", "rgb", "coarse", "one", "large", "cmyk", "440", "440_progressive"]
    for sampling in ("444", "422", "420"):
        names += [sampling, sampling + "_smooth", sampling + "_progressive", sampling + "_narrow"]
    cases = [one(op, "jpeg_" + name, *stored(name)) for name in names]
    for pixel_format in ("BGR", "Grayscale"):
        cases.append(one(op, "jpeg_420_" + pixel_format.lower(), *stored("420"), pixel_format=pixel_format))

    def wrong(graph, name, change):
        data = bytearray(stored(name)[0])
        change(data)
        cases.append(one(op, "jpeg_" + graph, bytes(data), None))

    def place(data, marker):
        return data.index(bytes([0xff, marker]))

    def put(offset, marker, value):
        def change(data):
            data[place(data, marker) + offset] = value
        return change

    def cut(marker, behind=0):
        def change(data):
            del data[place(data, marker) + behind:]
        return change

    wrong("cut_in_scan", "420", cut(0xda, 60))
    wrong("cut_in_head", "420", cut(0xc4, 7))
    wrong("no_end", "420", cut(0xd9))
    wrong("restart_missing", "restarts_grey", put(1, 0xd0, 0xd1))
    wrong("arithmetic", "420", put(1, 0xc0, 0xc9))
    wrong("deep", "420", put(4, 0xc0, 12))
    wrong("no_rows", "one", put(6, 0xc0, 0))
    wrong("sampling", "420", put(11, 0xc0, 0x31))
    wrong("unknown_part", "420", put(5, 0xda, 9))
    wrong("code_too_long", "420", put(5, 0xc4, 3))

    def twice(data):
        at = place(data, 0xc0)
        data[at:at] = data[at:place(data, 0xc4)]

    def without_last_scan(data):
        del data[data.rindex(b"\xff\xc4"):-2]

    wrong("two_frames", "one", twice)
    wrong("scan_missing", "440_progressive", without_last_scan)
    return cases


# ---- all of them -----------------------------------------------------------------------------------


def decoder_cases(row):
    """Some files of each format: the others are their decoders' cases."""
    op, some = row["name"], ("bmp_24", "bmp_grey", "bmp_damaged", "pnm_rgb", "tiff_strips", "tiff_cut", "png_dynamic", "png_interlaced", "png_palette_4", "png_cut_60", "png_does_not_fit")
    cases = [c for c in written(op) if c.graph in some] + jpeg_cases(op)
    return cases + [one(op, "nothing", b"\0\1\2", None), one(op, "one_byte", b"B", None, exact=True)]


def which_cases(row):
    """The beginnings of files."""
    begins = [b"BM" + bytes(52), b"P6 ", b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n" + bytes(37), b"\xff\xd8\xff\xdb"]
    names, cases = ["bmp", "pnm", "tiff", "tiff_high_first", "png", "jpeg"], []
    for k, (name, data) in enumerate(zip(names, begins)):
        format_of = np.zeros(5, np.int64)
        format_of[k - (k > 2)] = 1
        data += bytes(max(0, 8 - len(data))) if name != "jpeg" else b""
        cases.append(case(name, row["name"], {"encoded_stream": Tensor("u8", np.frombuffer(data, np.uint8))}, {"format": Tensor("i64", format_of)}))
        short = np.frombuffer(data[:-1], np.uint8)
        cases.append(case(name + "_short", row["name"], {"encoded_stream": Tensor("u8", short)}, {"format": Tensor("i64", np.zeros(5, np.int64))}))
    return cases


CASES = {"image_decoder": decoder_cases, "image_format": which_cases}
CASES.update({"decode_" + kind: format_cases for kind in ("bmp", "pnm", "tiff", "png")})
