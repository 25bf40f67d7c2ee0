"""Goldens of signal processing: windows, filter banks, Fourier transforms."""
import numpy as np

from cases import Name, case
from formats import STORAGE, STORED, Tensor, decode, encode, generator, is_float, sample, small

# ---- windows ------------------------------------------------------------------------------------

# The terms of cos(0), cos(t), cos(2t).
TERMS = {
    "hann_window": (0.5, -0.5, 0.0),
    "hamming_window": (25 / 46, -21 / 46, 0.0),
    "blackman_window": (0.42, -0.5, 0.08),
}


def window(op, size, periodic=1):
    with np.errstate(all="ignore"):
        t = 2 * np.pi * np.arange(size) / np.float64(size if periodic else size - 1)
    return sum(c * np.cos(k * t) for k, c in enumerate(TERMS[op]))


def _cast(dtype, values):
    """Integers truncate and saturate."""
    return encode(dtype, values if is_float(dtype) else np.trunc(values))


def _made_types():
    return [t for t in STORAGE if t not in STORED + ("f32", "bool", "f8e4m3", "f8e5m2")]


def window_cases(row):
    op = row["name"]

    def one(graph, size, dtype="f32", **attributes):
        y = _cast(dtype, window(op, size, **attributes))
        attributes.update(size=[size], output_datatype=Name(dtype))
        return case(graph, op, {}, y, attributes)

    cases = [
        one("f32_periodic", 10),
        one("f32_symmetric", 9, periodic=0),
        one("f32_two", 2, periodic=0),
        one("f32_one", 1),
        one("f32_long", 700),
        one("f32_empty", 0),
    ]
    return cases + [one(t, 8, t) for t in _made_types()]


# ---- the mel scale ------------------------------------------------------------------------------


def mel_weights(low, high, sample_rate, num_mel_bins, dft_length):
    """Column by column, by ramps between neighbouring edges."""
    ends = 2595 * np.log1p(np.array([low, high], np.float64) / 700) / np.log(10)
    mel = ends[0] + np.arange(num_mel_bins + 2) * ((ends[1] - ends[0]) / (num_mel_bins + 2))
    hertz = 700 * np.expm1(mel / 2595 * np.log(10))
    bins = np.floor((dft_length + 1) * hertz / sample_rate).astype(int)
    y = np.zeros((dft_length // 2 + 1, num_mel_bins))
    for k in range(num_mel_bins):
        left, top, right = bins[k:k + 3]
        for i in range(left, top):
            y[i, k] = (i - left) / (top - left)
        for i in range(top, right):
            y[i, k] = (right - i) / (right - top)
        y[top, k] = 1
    return y


def mel_cases(row):

    def one(graph, low, high, sample_rate, dtype="f32", edges="f32", at_run_time=False, **a):
        inputs = {
            "lower_edge_hertz": encode(edges, np.array(low)),
            "upper_edge_hertz": encode(edges, np.array(high))
        }
        y = _cast(dtype, mel_weights(low, high, sample_rate, **a))
        a = {k: [v] for k, v in a.items()}
        given = list(inputs)
        if at_run_time:
            inputs["rate"] = encode("i32", np.array(sample_rate))
        a.update(sample_rate=Name("rate") if at_run_time else sample_rate, output_datatype=Name(dtype))
        return case(graph, row["name"], inputs, y, a, given)

    cases = [
        one("f32_small", 0.0, 4096.0, 8192, num_mel_bins=8, dft_length=16),
        one("f32_speech", 20.0, 7600.0, 16000, num_mel_bins=40, dft_length=512),
        one("f32_odd", 100.0, 3000.0, 8000, num_mel_bins=5, dft_length=101),
        one("run_time_rate", 125.0, 7500.0, 16000, num_mel_bins=10, dft_length=64, at_run_time=True),
        one("f64_edges", 10.0, 4000.0, 8000, edges="f64", num_mel_bins=6, dft_length=32),
        one("f32_none", 0.0, 100.0, 1000, num_mel_bins=0, dft_length=8),
    ]
    return cases + [
        one(t, 0.0, 4096.0, 8192, t, num_mel_bins=4, dft_length=16) for t in _made_types()
    ]


# ---- transforms ---------------------------------------------------------------------------------


def framed(x, frame_length, frame_step, frames=None):
    if frames is None:
        frames = (x.shape[1] - frame_length) // frame_step + 1
    long = np.concatenate([x, np.zeros((x.shape[0], frames * frame_step + frame_length) + x.shape[2:], x.dtype)], 1)
    parts = [long[:, f * frame_step:f * frame_step + frame_length] for f in range(frames)]
    return np.stack(parts, 1) if parts else np.zeros((x.shape[0], 0, frame_length) + x.shape[2:], x.dtype)


def _lists(attributes):
    return {k: [v] if k in ("frame_length", "frame_step", "frames", "dft_length") else v for k, v in attributes.items()}


def frames_cases(row):

    def one(graph, dtype, shape, **a):
        x = sample(generator("frames", graph), dtype, shape)
        return case(graph, "frames", {"x": x}, Tensor(dtype, framed(x.data, **a)), _lists(a))

    cases = [
        one("f32_apart", "f32", (2, 12), frame_length=3, frame_step=3),
        one("f32_overlapping", "f32", (2, 11, 3), frame_length=4, frame_step=2),
        one("f32_gaps", "f32", (1, 11, 2, 2), frame_length=2, frame_step=5),
        one("f32_one", "f32", (3, 5), frame_length=5, frame_step=1),
        one("f32_beyond", "f32", (2, 7, 2), frame_length=4, frame_step=3, frames=5),
        one("f32_fewer", "f32", (2, 9), frame_length=2, frame_step=2, frames=2),
        one("f32_no_length", "f32", (2, 4), frame_length=0, frame_step=2),
        one("f32_empty", "f32", (0, 6), frame_length=2, frame_step=2),
        one("f32_rank7", "f32", (1, 5, 1, 2, 1, 2, 1), frame_length=2, frame_step=1),
    ]
    return cases + [one(t, t, (1, 5, 2), frame_length=2, frame_step=2) for t in row["operands"][0]["types"] if t != "f32"]


def transformed(x, axis=-2, dft_length=None, inverse=0, onesided=0):
    """By definition, in long double: a matrix of exp(+-2 pi i k t / length) times the numbers."""
    values = decode(x).astype(np.longdouble)
    axis %= values.ndim
    z = values[..., 0] + 1j * (values[..., 1] if values.shape[-1] == 2 else 0)
    z = np.moveaxis(z, axis, -1)
    n = z.shape[-1]
    length = dft_length if dft_length is not None else 2 * (n - 1) if inverse and onesided else n
    if inverse and onesided:
        half = np.zeros(z.shape[:-1] + (length // 2 + 1,), np.clongdouble)
        m = min(n, length // 2 + 1)
        half[..., :m] = z[..., :m]
        half[..., 0] = half[..., 0].real
        if length % 2 == 0:
            half[..., -1] = half[..., -1].real
        z = np.concatenate([half, np.conj(half[..., (length - 1) // 2:0:-1])], -1)
    else:
        z = np.concatenate([z, np.zeros(z.shape[:-1] + (length,))], -1)[..., :length]
    k = np.arange(length)
    at = k[:, None] * k[None, :] % length
    angle = at * (2 * np.arctan2(np.longdouble(0), np.longdouble(-1)) / length)
    quarters = 4 * at % length == 0  # exact, so that what is zero is zero
    cosines = np.where(quarters, np.rint(np.cos(angle)), np.cos(angle))
    sines = np.where(quarters, np.rint(np.sin(angle)), np.sin(angle))
    y = z @ (cosines + (1j if inverse else -1j) * sines)
    if inverse:
        y = y / length
    elif onesided:
        y = y[..., :length // 2 + 1]
    y = np.moveaxis(y, -1, axis)
    return y.real[..., None] if inverse and onesided else np.stack([y.real, y.imag], -1)


def dft_cases(row):

    def one(graph, dtype, shape, **a):
        x = small(generator("dft", graph), dtype, shape)
        return case(graph, "dft", {"input": x}, encode(dtype, transformed(x, **a)), _lists(a))

    cases = []
    for parts, word in ((1, "real"), (2, "complex")):
        cases += [
            one("%s" % word, "f32", (2, 10, parts)),
            one("%s_inverse" % word, "f32", (2, 9, parts), inverse=1),
            one("%s_onesided" % word, "f32", (2, 7, parts), onesided=1),
            one("%s_half" % word, "f32", (2, 5, parts), inverse=1, onesided=1),
            one("%s_half_odd" % word, "f32", (2, 5, parts), inverse=1, onesided=1, dft_length=9),
            one("%s_longer" % word, "f32", (2, 5, parts), dft_length=8),
            one("%s_shorter" % word, "f32", (2, 9, parts), dft_length=4, onesided=1),
            one("%s_half_longer" % word, "f32", (2, 3, parts), inverse=1, onesided=1, dft_length=10),
            one("%s_half_shorter" % word, "f32", (2, 9, parts), inverse=1, onesided=1, dft_length=6),
            one("%s_power" % word, "f32", (2, 128, parts)),
            one("%s_composite" % word, "f32", (1, 300, parts), onesided=1),
            one("%s_prime" % word, "f32", (1, 67, parts), inverse=1),
            one("%s_long" % word, "f32", (1, 900, parts), dft_length=1024, onesided=1),
            one("%s_long_half" % word, "f32", (1, 70, parts), inverse=1, onesided=1, dft_length=140),
            one("%s_long_half_odd" % word, "f32", (2, 68, parts), inverse=1, onesided=1, dft_length=135),
        ]
    cases += [
        one("axis_0", "f32", (6, 3, 2), axis=0),
        one("axis_1", "f32", (2, 5, 3, 2, 1), axis=1, onesided=1),
        one("axis_0_power", "f32", (96, 2, 2), axis=0),
        one("rank2", "f32", (6, 1)),
        one("one_element", "f32", (2, 1, 2)),
        one("rank8", "f32", (1, 2, 1, 4, 1, 2, 1, 2), axis=3),
        one("f32_empty", "f32", (0, 5, 1)),
    ]
    return cases + [one(t, t, (2, 6, 1)) for t in row["operands"][0]["types"] if t != "f32"]


def stft_cases(row):

    def one(graph, dtype, shape, frame_step, frame_length=None, weights=None, frames=None, onesided=1):
        rng = generator("stft", graph)
        inputs = {"signal": small(rng, dtype, shape)}
        if weights:
            inputs["window"] = small(rng, dtype, (weights,))
        length = frame_length or weights or shape[1]
        part = weights or length
        if frames is None:
            frames = (shape[1] - length) // frame_step + 1
        y = framed(decode(inputs["signal"]).astype(np.longdouble), part, frame_step, frames)
        if weights:
            y = y * decode(inputs["window"])[:, None]
        wide = Tensor("f64", y)
        y = transformed(wide, axis=2, dft_length=length, onesided=onesided)
        a = {"frame_step": frame_step, "frame_length": frame_length, "onesided": onesided}
        if frames != (shape[1] - length) // frame_step + 1:
            a["frames"] = frames
        return case(graph, "stft", inputs, encode(dtype, y), _lists({k: v for k, v in a.items() if v is not None}))

    cases = [
        one("f32_plain", "f32", (2, 32, 1), 8, 16),
        one("f32_window", "f32", (1, 40, 1), 5, None, 12),
        one("f32_longer_transform", "f32", (1, 40, 1), 6, 16, 10),
        one("f32_both_sides", "f32", (1, 30, 1), 7, 9, 9, onesided=0),
        one("f32_complex", "f32", (2, 24, 2), 4, 8, 8, onesided=0),
        one("f32_whole", "f32", (2, 10, 1), 3),
        one("f32_beyond", "f32", (1, 20, 1), 6, 8, None, 4),
        one("f32_speech", "f32", (1, 1000, 1), 160, 400, 400),
        one("f32_empty", "f32", (0, 10, 1), 2, 4),
    ]
    return cases + [one(t, t, (1, 16, 1), 4, 8) for t in row["operands"][0]["types"] if t != "f32"]


CASES = {
    **{op: window_cases for op in TERMS}, "mel_weight_matrix": mel_cases,
    "frames": frames_cases, "dft": dft_cases, "stft": stft_cases
}
