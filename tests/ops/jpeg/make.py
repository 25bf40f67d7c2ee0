"""make.py: writes the JPEG files of this folder, and as NAME.npy what Pillow makes of each (none: no picture).

Run by hand, with Pillow 13.0.0, whose wheel has libjpeg-turbo 3.2.0:  python3 -m venv v &&
v/bin/pip install pillow==13.0.0 numpy && v/bin/python tests/ops/jpeg/make.py"""
import io
import os

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
HALF_DOWN = 0x12  # sampling factors: 1 across, 2 down


def smooth(h, w):
    y, x = np.mgrid[:h, :w]
    return np.stack([(y * 5 + x) % 256, (x * 3) % 256, (y * x // 7) % 256], -1).astype(np.uint8)


def noise(h, w):
    return np.random.RandomState(h * 100 + w).randint(0, 256, (h, w, 3)).astype(np.uint8)


def jpeg(rgb, **options):
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", **options)
    return out.getvalue()


def frame_at(data):
    at = 2
    while data[at + 1] not in (0xc0, 0xc1, 0xc2):
        at += 2 + data[at + 2] * 256 + data[at + 3]
    return at


def halved_down(data):
    """Pillow writes no such files; of a square picture the first part has as many blocks so."""
    at = frame_at(data)
    assert data[at + 11] == 0x21
    return data[:at + 11] + bytes([HALF_DOWN]) + data[at + 12:]


def write(name, data):
    with open(os.path.join(HERE, name + ".jpg"), "wb") as f:
        f.write(data)
    picture = Image.open(io.BytesIO(data))
    if picture.mode == "CMYK":
        return
    rgb = np.array(picture)
    np.save(os.path.join(HERE, name + ".npy"), np.repeat(rgb[..., None], 3, -1) if rgb.ndim == 2 else rgb)


for sampling, kind in enumerate(("444", "422", "420")):
    write(kind, jpeg(noise(13, 11), quality=60, subsampling=sampling, optimize=True))
    write(kind + "_smooth", jpeg(smooth(33, 29), quality=[100, 85, 30][sampling], subsampling=sampling))
    write(kind + "_progressive", jpeg(noise(15, 22), quality=[40, 80, 95][sampling], subsampling=sampling, progressive=True))
    write(kind + "_narrow", jpeg(noise(5, 3 + (sampling == 2)), quality=90, subsampling=sampling, optimize=True))
write("440", halved_down(jpeg(smooth(32, 32), quality=85, subsampling=1)))
write("440_progressive", halved_down(jpeg(noise(16, 16), quality=70, subsampling=1, progressive=True)))
write("grey", jpeg(noise(12, 15)[..., 0], quality=75))
write("grey_progressive", jpeg(smooth(23, 15)[..., 1], quality=75, progressive=True))
write("restarts", jpeg(smooth(40, 39), quality=50, subsampling=2, restart_marker_blocks=1))
write("restarts_progressive", jpeg(noise(17, 24), quality=50, subsampling=2, restart_marker_blocks=2, progressive=True))
write("restarts_grey", jpeg(noise(16, 16)[..., 2], quality=10, restart_marker_blocks=1))
write("rgb", jpeg(smooth(14, 9), quality=85, keep_rgb=True))
write("coarse", jpeg(noise(16, 16), quality=1, subsampling=2, optimize=True))
write("one", jpeg(noise(1, 1), quality=75, subsampling=2, optimize=True))
write("large", jpeg(np.zeros((41, 8, 3), np.uint8), quality=20, optimize=True))
out = io.BytesIO()
Image.fromarray(np.zeros((8, 8, 4), np.uint8), "CMYK").save(out, "JPEG", optimize=True)
write("cmyk", out.getvalue())
