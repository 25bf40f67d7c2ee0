"""Goldens of signal processing: windows, filter banks."""
import numpy as np

from cases import Name, case
from formats import STORAGE, STORED, encode, is_float

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


CASES = {**{op: window_cases for op in TERMS}, "mel_weight_matrix": mel_cases}
