"""Goldens of the steps of decoding JPEG: files that are written here from coefficients, by ITU-T T.81; the inverse
transform and the colours in NumPy, by the formulas of libjpeg's jidctint.c, jdsample.c and jdcolor.c."""
import numpy as np

from cases import case
from formats import Tensor, generator

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))


# ---- files --------------------------------------------------------------------------------------


def segment(marker, contents):
    return bytes([0xff, marker]) + (len(contents) + 2).to_bytes(2, "big") + bytes(contents)


# Codes for every symbol: of first coefficients 16 of 5 bits, of others 128 of 8 and 128 of 9.
COUNTS = [[0, 0, 0, 0, 16] + [0] * 11, [0] * 7 + [128, 128] + [0] * 7]
ORDERS = [list(range(16)), list(range(255, -1, -1))]


def words(kind):
    """Symbol -> (bits, word)."""
    found, word, k = {}, 0, 0
    for size, count in enumerate(COUNTS[kind], 1):
        for _ in range(count):
            found[ORDERS[kind][k]] = (size, word)
            word, k = word + 1, k + 1
        word *= 2
    return found


WORDS = [words(0), words(1)]


class Bits:
    def __init__(self):
        self.text = ""

    def put(self, count, value):
        self.text += format(value, "0%db" % count) if count else ""

    def number(self, kind, zeros, v):
        size = int(abs(v)).bit_length()
        self.put(*WORDS[kind][zeros * 16 + size])
        self.put(size, int(v) if v >= 0 else int(v) + (1 << size) - 1)

    def bytes(self):
        self.text += "1" * (-len(self.text) % 8)
        data = bytes(int(self.text[i:i + 8], 2) for i in range(0, len(self.text), 8))
        return data.replace(b"\xff", b"\xff\0")


def put_block(bits, block, before):
    zeros = 0
    bits.number(0, 0, int(block[0]) - before)
    for k in range(1, 64):
        v = int(block[ZIGZAG[k]])
        if v == 0:
            zeros += 1
            continue
        while zeros > 15:
            bits.put(*WORDS[1][0xf0])
            zeros -= 16
        bits.number(1, zeros, v)
        zeros = 0
    if zeros:
        bits.put(*WORDS[1][0])


def put_scan(units, parts, interval):
    """units: lists of (part, block)."""
    out, bits, before = b"", Bits(), [0] * 3
    for n, unit in enumerate(units):
        if interval and n and n % interval == 0:
            out += bits.bytes() + bytes([0xff, 0xd0 + (n // interval - 1) % 8])
            bits, before = Bits(), [0] * 3
        for part, block in unit:
            put_block(bits, block, before[part])
            before[part] = int(block[0])
    head = [len(parts)] + [v for p in parts for v in (p + 1, 0)] + [0, 63, 0]
    return segment(0xda, head) + out + bits.bytes()


def write(coefficients, factors, quantization, height, width, interval=0, together=True, wide=False):
    """coefficients: [3, rows, columns, 64]. factors: (down, across) by part."""
    parts, down, across = len(factors), max(f[0] for f in factors), max(f[1] for f in factors)
    out = b"\xff\xd8" + segment(0xfe, b"a comment \xff\xd9")
    for p in range(parts):
        out += segment(0xdb, [16 * wide + p] + [b for k in ZIGZAG for b in int(quantization[p, k]).to_bytes(1 + wide, "big")])
    sides = [height >> 8, height & 255, width >> 8, width & 255]
    out += segment(0xc1, [8] + sides + [parts] + [v for p in range(parts) for v in (p + 1, factors[p][1] * 16 + factors[p][0], p)])
    out += segment(0xc4, [0] + COUNTS[0] + ORDERS[0] + [16] + COUNTS[1] + ORDERS[1])
    out += segment(0xdd, [interval >> 8, interval & 255])

    def blocks(side, factor, most):
        return -(-(-(-side * factor // most)) // 8)

    if together and parts > 1:
        units = []
        for y in range(-(-height // (8 * down))):
            for x in range(-(-width // (8 * across))):
                units.append([(p, coefficients[p, y * v + i, x * h + j]) for p, (v, h) in enumerate(factors) for i in range(v) for j in range(h)])
        return out + put_scan(units, range(parts), interval) + b"\xff\xff\xd9"
    for p, (v, h) in enumerate(factors):
        rows, columns = (blocks(height, v, down), blocks(width, h, across)) if parts > 1 else (-(-height // 8), -(-width // 8))
        out += put_scan([[(p, coefficients[p, y, x])] for y in range(rows) for x in range(columns)], [p], interval)
    return out + b"\xff\xd9"


def coefficient_cases(row):
    def one(graph, factors, height, width, change=None, picture=True, **options):
        rng = generator(row["name"], graph)
        rows, columns, parts = 2 * -(-24 // 16), 2 * -(-20 // 16), len(factors)
        c = rng.randint(-1023, 1024, (3, rows, columns, 64)) >> rng.randint(0, 11, (3, rows, columns, 64))
        c[rng.randint(0, 3, c.shape) > 0] = 0
        q = rng.randint(1, 65536 if options.get("wide") else 256, (3, 64))
        c[parts:], q[parts:] = 0, 0
        data = bytearray(write(c, factors, q, height, width, **options))
        down, across = max(f[0] for f in factors), max(f[1] for f in factors)
        for p, (v, h) in enumerate(factors):  # what is not in the file
            step_y, step_x = (v, h) if parts > 1 and options.get("together", True) else (1, 1)
            side_y = -(-height // (8 * down)) * v if step_y * step_x > 1 or (parts > 1 and options.get("together", True)) else -(-(-(-height * v // down)) // 8)
            side_x = -(-width // (8 * across)) * h if step_y * step_x > 1 or (parts > 1 and options.get("together", True)) else -(-(-(-width * h // across)) // 8)
            c[p, side_y:], c[p, :, side_x:] = 0, 0
        frame = np.zeros(10, np.int64)
        frame[:4] = height, width, parts, parts == 3
        frame[4:4 + parts], frame[7:7 + parts] = [f[0] for f in factors], [f[1] for f in factors]
        if change:
            change(data)
        fits = height <= 24 and width <= 20
        if not picture or not fits:
            c, q = c * 0, q * 0
            frame *= int(picture)
        x = np.frombuffer(bytes(data) + bytes(8192 - len(data)), np.uint8)
        results = {"coefficients": Tensor("i16", c.astype(np.int16)), "quantization": Tensor("i32", q.astype(np.int32)), "frame": Tensor("i64", frame)}
        return case(graph, row["name"], {"encoded_stream": Tensor("u8", x)}, results, {"height": 24, "width": 20})

    def zero_at_end(data):
        del data[-40:]

    def no_start(data):
        data[1] = 0xd9

    return [
        one("grey", [(1, 1)], 24, 20),
        one("all", [(1, 1)] * 3, 9, 17),
        one("half_across", [(1, 2), (1, 1), (1, 1)], 24, 20),
        one("half_down", [(2, 1), (1, 1), (1, 1)], 17, 20, interval=2),
        one("half", [(2, 2), (1, 1), (1, 1)], 24, 20, interval=1),
        one("mixed", [(2, 2), (2, 1), (1, 2)], 23, 19),
        one("one_by_one", [(2, 2), (1, 1), (1, 1)], 24, 17, together=False),
        one("one_by_one_restarts", [(1, 2), (1, 1), (1, 1)], 10, 12, together=False, interval=2),
        one("wide_factors", [(1, 1)], 8, 8, wide=True),
        one("does_not_fit", [(1, 1)], 25, 20),
        one("cut", [(1, 1)], 24, 20, zero_at_end, False),
        one("no_start", [(1, 1)], 8, 8, no_start, False),
    ]


# ---- samples ------------------------------------------------------------------------------------


def transformed(c, shift):
    """Along the last axis: the flow graph of jidctint.c, 13 bits behind the point."""
    c = [c[..., i] for i in range(8)]
    z1 = (c[2] + c[6]) * 4433
    t2, t3 = z1 - c[6] * 15137, z1 + c[2] * 6270
    t0, t1 = (c[0] + c[4]) << 13, (c[0] - c[4]) << 13
    even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3]
    z5 = (c[7] + c[3] + c[5] + c[1]) * 9633
    z1, z2 = (c[7] + c[1]) * -7373, (c[5] + c[3]) * -20995
    z3, z4 = (c[7] + c[3]) * -16069 + z5, (c[5] + c[1]) * -3196 + z5
    odd = [c[1] * 12299 + z1 + z4, c[3] * 25172 + z2 + z3, c[5] * 16819 + z2 + z4, c[7] * 2446 + z1 + z3]
    out = [e + o for e, o in zip(even, odd)] + [e - o for e, o in zip(even[::-1], odd[::-1])]
    return (np.stack(out, -1) + (1 << shift - 1)) >> shift


def samples_of(c, q):
    blocks = (c.astype(np.int64) * q[:, None, None]).reshape(c.shape[:3] + (8, 8))
    half = transformed(blocks.swapaxes(-1, -2), 11).swapaxes(-1, -2)
    v = np.clip(transformed(half, 18) + 128, 0, 255)
    return v.swapaxes(2, 3).reshape(3, c.shape[1] * 8, c.shape[2] * 8).astype(np.uint8)


def sample_cases(row):
    def one(graph, most, factor, rows=2, columns=2):
        rng = generator(row["name"], graph)
        shape = (3, rows, columns, 64)
        c, q = rng.randint(-most, most + 1, shape) >> rng.randint(0, 8, shape), rng.randint(1, factor + 1, (3, 64))
        inputs = {"coefficients": Tensor("i16", c.astype(np.int16)), "quantization": Tensor("i32", q.astype(np.int32))}
        return case(graph, row["name"], inputs, {"samples": Tensor("u8", samples_of(c, q))})

    return [one("usual", 60, 9), one("small", 3, 3, 1, 3), one("beyond", 2000, 255), one("far_beyond", 32767, 65535, 4, 2)]


# ---- the picture ----------------------------------------------------------------------------------


def stretched(v, axis, biases):
    """Twice as many along an axis: three times the nearer one and the other, plus the bias of even or odd ones."""
    v = np.moveaxis(v, axis, 0)
    before, behind = np.concatenate([v[:1], v[:-1]]), np.concatenate([v[1:], v[-1:]])
    pairs = np.stack([3 * v + before + biases[0], 3 * v + behind + biases[1]], 1)
    return np.moveaxis(pairs.reshape((-1,) + v.shape[1:]), 0, axis)


def part_of(samples, half_down, half_across, height, width):
    v = samples[:-(-height // 2) if half_down else height, :-(-width // 2) if half_across else width].astype(np.int64)
    if half_across and v.shape[1] <= 2:
        v = v.repeat(2, 1).repeat(1 + half_down, 0)
    elif half_down and half_across:
        v = stretched(stretched(v, 0, (0, 0)), 1, (8, 7)) >> 4
    elif half_down or half_across:
        v = stretched(v, 0 if half_down else 1, (1, 2)) >> 2
    return v[:height, :width]


def image_cases(row):
    def one(graph, factors, height, width, frame=None, is_ycc=True, pixel_format="RGB", picture=True):
        samples = generator(row["name"], graph).randint(0, 256, (3, 16, 32))
        if frame is None:
            frame = [height, width, len(factors), int(is_ycc)] + [f[0] for f in factors + [(0, 0)] * 2][:3] + [f[1] for f in factors + [(0, 0)] * 2][:3]
        image = np.zeros((16, 17, 1 if pixel_format == "Grayscale" else 3), np.uint8)
        if picture:
            down, across = max(f[0] for f in factors), max(f[1] for f in factors)
            parts = [part_of(samples[p], f[0] < down, f[1] < across, height, width) for p, f in enumerate(factors)]
            y, cb, cr = parts if len(parts) == 3 else parts * 3
            rgb = np.stack([y, cb, cr], -1)
            if is_ycc:
                cb, cr = cb - 128, cr - 128
                rgb = np.stack([y + ((91881 * cr + 32768) >> 16), y + ((-22554 * cb - 46802 * cr + 32768) >> 16), y + ((116130 * cb + 32768) >> 16)], -1)
            rgb = np.clip(rgb, 0, 255)
            if pixel_format == "Grayscale":
                rgb = ((rgb @ np.array([19595, 38470, 7471])) + 32768 >> 16)[..., None]
            image[:height, :width] = rgb[..., ::-1] if pixel_format == "BGR" else rgb
        inputs = {"samples": Tensor("u8", samples.astype(np.uint8)), "frame": Tensor("i64", np.array(frame, np.int64))}
        return case(graph, row["name"], inputs, {"image": Tensor("u8", image)}, {"height": 16, "width": 17, "pixel_format": pixel_format})

    half = [(2, 2), (1, 1), (1, 1)]
    return [
        one("all", [(1, 1)] * 3, 16, 17),
        one("half_across", [(1, 2), (1, 1), (1, 1)], 15, 17),
        one("half_down", [(2, 1), (1, 1), (1, 1)], 15, 16),
        one("half", half, 16, 17),
        one("half_bgr", half, 3, 5, pixel_format="BGR"),
        one("half_grayscale", half, 7, 6, pixel_format="Grayscale"),
        one("narrow", half, 5, 4),
        one("narrow_across", [(1, 2), (1, 1), (1, 1)], 5, 3),
        one("one", half, 1, 1),
        one("mixed", [(1, 2), (2, 1), (1, 1)], 9, 11),
        one("rgb", [(1, 1)] * 3, 8, 9, is_ycc=False),
        one("grey", [(1, 1)], 16, 17, is_ycc=False),
        one("too_high", half, 17, 17, picture=False),
        one("too_wide", half, 16, 18, picture=False),
        one("nothing", [(1, 1)], 0, 0, frame=[0] * 10, picture=False),
        one("no_frame", [(1, 1)], 0, 0, frame=[-5, 3, -1, 7, 9, -9, 0, 1 << 62, 3, 5], picture=False),
    ]


CASES = {"jpeg_coefficients": coefficient_cases, "jpeg_samples": sample_cases, "jpeg_image": image_cases}
