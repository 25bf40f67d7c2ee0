"""Baseline JPEG to an array [height, width, 3] of bytes: enough for the photographs of ../shared/models."""
import struct

import numpy as np

ZIGZAG = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
          35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63]


def huffman_table(lengths, symbols):
    """{(length, code): symbol}"""
    table, code, at = {}, 0, 0
    for length, n in enumerate(lengths, 1):
        for _ in range(n):
            table[length, code] = symbols[at]
            code, at = code + 1, at + 1
        code <<= 1
    return table


class Bits:
    def __init__(self, data):
        self.data, self.at, self.value, self.left = data, 0, 0, 0

    def bit(self):
        if self.left == 0:
            self.value = self.data[self.at] if self.at < len(self.data) else 0
            self.at, self.left = self.at + 1, 8
        self.left -= 1
        return self.value >> self.left & 1

    def number(self, n):
        """n bits, as JPEG writes a signed number of n bits."""
        v = 0
        for _ in range(n):
            v = v << 1 | self.bit()
        return v if n == 0 or v >> (n - 1) else v - (1 << n) + 1

    def symbol(self, table):
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.bit()
            if (length, code) in table:
                return table[length, code]
        raise ValueError('no such code')


def segments(data):
    """(marker, content) up to the scan, whose content is all that follows."""
    at = 2
    while True:
        marker, length = struct.unpack('>HH', data[at:at + 4])
        yield marker, data[at + 4:at + 2 + length]
        at += 2 + length
        if marker == 0xFFDA:
            yield None, data[at:]
            return


def read_tables(data):
    quant, huffman, frame, scan, body, restart = {}, {}, None, None, None, 0
    for marker, content in segments(data):
        if marker == 0xFFDB:
            while content:
                quant[content[0] & 15], content = np.frombuffer(content[1:65], np.uint8), content[65:]
        elif marker == 0xFFC4:
            while content:
                n = sum(content[1:17])
                huffman[content[0]], content = huffman_table(content[1:17], content[17:17 + n]), content[17 + n:]
        elif marker == 0xFFC0:
            frame = content
        elif 0xFFC1 <= marker <= 0xFFCF if marker else False:
            raise ValueError('not a baseline JPEG')
        elif marker == 0xFFDD:
            restart = struct.unpack('>H', content)[0]
        elif marker == 0xFFDA:
            scan = content
        elif marker is None:
            body = content
    return quant, huffman, frame, scan, body, restart


def block(bits, dc, ac, before):
    """64 coefficients in zigzag order; before: the DC of the component's last block."""
    out = np.zeros(64)
    out[0] = before + bits.number(bits.symbol(dc))
    k = 1
    while k < 64:
        symbol = bits.symbol(ac)
        if symbol == 0:
            break
        k += symbol >> 4
        if symbol != 0xF0:
            out[ZIGZAG[k]] = bits.number(symbol & 15)
        k += 1
    return out


def cosines():
    """The matrix of the inverse transform of 8 values."""
    x, u = np.meshgrid(np.arange(8), np.arange(8), indexing='ij')
    return np.where(u == 0, np.sqrt(0.125), 0.5) * np.cos((2 * x + 1) * u * np.pi / 16)


def decode(path):
    with open(path, 'rb') as f:
        quant, huffman, frame, scan, body, restart = read_tables(f.read())
    height, width, count = struct.unpack('>HHB', frame[1:6])
    parts = [(frame[6 + 3 * k], frame[7 + 3 * k] >> 4, frame[7 + 3 * k] & 15, frame[8 + 3 * k]) for k in range(count)]
    tables = {scan[1 + 2 * k]: scan[2 + 2 * k] for k in range(scan[0])}
    most_h, most_v = max(p[1] for p in parts), max(p[2] for p in parts)
    across, down = -(-width // (8 * most_h)), -(-height // (8 * most_v))
    if restart:
        raise ValueError('restart intervals are not read')
    bits, before = Bits(body.replace(b'\xff\x00', b'\xff')), [0.0] * count
    planes = [np.zeros((down * p[2] * 8, across * p[1] * 8)) for p in parts]
    c, unzig = cosines(), np.argsort(ZIGZAG)
    for row in range(down):
        for column in range(across):
            for k, (name, h, v, q) in enumerate(parts):
                dc, ac = huffman[tables[name] >> 4], huffman[tables[name] & 15 | 16]
                for y in range(v):
                    for x in range(h):
                        values = block(bits, dc, ac, before[k])
                        before[k] = values[0]
                        dequantised = (values * quant[q][unzig]).reshape(8, 8)
                        top, left = (row * v + y) * 8, (column * h + x) * 8
                        planes[k][top:top + 8, left:left + 8] = c @ dequantised @ c.T + 128
    full = [np.repeat(np.repeat(p, most_v // v, 0), most_h // h, 1)[:height, :width] for p, (_, h, v, _) in zip(planes, parts)]
    luma, blue, red = full[0], full[1] - 128, full[2] - 128
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], -1)
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)
