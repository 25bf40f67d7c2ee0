"""What the models are fed with, from the photographs and the recording beside them."""
import os
import wave

import numpy as np

import jpeg

PHOTOGRAPHS = ('13.jpg', '2.jpg')
CONTEXT, CHUNK = {16000: 64, 8000: 32}, {16000: 512, 8000: 256}


def photograph(models, name):
    """A photograph as ultraface wants it: [1, 3, 240, 320], -1 to 1; the nearest pixels."""
    picture = jpeg.decode(os.path.join(models, 'ultraface', name)).astype(np.float32)
    rows = ((np.arange(240) + 0.5) * picture.shape[0] / 240).astype(int)
    columns = ((np.arange(320) + 0.5) * picture.shape[1] / 320).astype(int)
    small = (picture[rows][:, columns] - 127) / 128
    return np.ascontiguousarray(small.transpose(2, 0, 1)[None])


def recording(models, rate):
    """Chunks of the recording, each behind the last samples of the one before: [n, 1, context + chunk]."""
    with wave.open(os.path.join(models, 'silero_vad', 'test.wav')) as f:
        samples = np.frombuffer(f.readframes(f.getnframes()), '<i2').astype(np.float32) / 32768
    samples = samples[::16000 // rate]
    context, chunk = CONTEXT[rate], CHUNK[rate]
    n = len(samples) // chunk
    padded = np.concatenate([np.zeros(context, np.float32), samples])
    return np.stack([padded[k * chunk:k * chunk + context + chunk] for k in range(n)])[:, None]
