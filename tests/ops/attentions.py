"""Goldens of attention in its forms, and of rotary embeddings."""
import functools

import numpy as np

from cases import RUN_INDEX, Name, case
from formats import Tensor, decode, encode, generator, rounded, sample


def _softmax(x):
    """Over the last axis; a row of minus infinities is zero."""
    most = x.max(axis=-1, keepdims=True, initial=-np.inf)
    e = np.exp(x - np.where(most == -np.inf, 0, most))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def _heads(x, n):
    """[B, T, n * D] as [B, n, T, D]."""
    return x if x.ndim == 4 else x.reshape(x.shape[0], x.shape[1], n, -1).transpose(0, 2, 1, 3)


def attention(q, k, v, mask, past_key, past_value, lengths, dtype, is_causal=0, q_num_heads=0, kv_num_heads=0,
              left_window_size=-1, right_window_size=-1, qk_matmul_output_mode=0, scale=None, softcap=0.0):
    packed = q.ndim == 3
    q, k, v = _heads(q, q_num_heads), _heads(k, kv_num_heads), _heads(v, kv_num_heads)
    past = 0 if past_key is None else past_key.shape[2]
    if past_key is not None:
        k, v = np.concatenate([past_key, k], 2), np.concatenate([past_value, v], 2)
    rows, total, shared = q.shape[2], k.shape[2], q.shape[1] // k.shape[1]
    wide_k, wide_v = np.repeat(k, shared, 1), np.repeat(v, shared, 1)
    scale = 1 / np.sqrt(q.dtype.type(q.shape[3])) if scale is None else rounded(scale, dtype)
    shown = [scale * q @ wide_k.swapaxes(2, 3)]
    cap = rounded(softcap, dtype)
    shown.append(cap * np.tanh(shown[0] / cap) if cap else shown[0])
    offset = past if lengths is None else (lengths - rows).reshape(-1, 1, 1, 1)
    own, j = np.arange(rows)[:, None] + offset, np.arange(total)
    seen = np.ones((1, 1, rows, total), bool)
    if is_causal:
        seen = seen & (j <= own)
    if left_window_size >= 0:
        seen = seen & (j >= own - left_window_size)
    if right_window_size >= 0:
        seen = seen & (j <= own + right_window_size)
    if lengths is not None:
        seen = seen & (j < lengths.reshape(-1, 1, 1, 1))
    bias = np.where(seen, 0, -np.inf)
    if mask is not None:
        wide = np.full(mask.shape[:-1] + (total,), -np.inf)
        wide[..., :mask.shape[-1]] = np.where(mask, 0, -np.inf) if mask.dtype == bool else mask
        bias = bias + wide
    shown.append(np.where(bias == -np.inf, -np.inf, shown[1] + bias))
    shown.append(_softmax(shown[2]))
    y = shown[3] @ wide_v
    if packed:
        y = y.transpose(0, 2, 1, 3).reshape(y.shape[0], rows, -1)
    return y, k, v, shown[qk_matmul_output_mode]


def attention_case(rng, graph, dtype, sizes, kv=None, past=None, mask=None, lengths=None, packed=False, results=1, value_type=None,
                   softmax_precision=None, **more):
    """sizes: of B, H, T, S, D and E; kv: heads of k and v."""
    b, h, t, s, d, e = sizes
    kv = kv or h
    shape = lambda heads, rows, size: (b, rows, heads * size) if packed else (b, heads, rows, size)
    inputs = {"q": sample(rng, dtype, shape(h, t, d), 1.0), "k": sample(rng, dtype, shape(kv, s, d), 1.0),
              "v": sample(rng, value_type or dtype, shape(kv, s, e), 1.0)}
    if mask is not None:
        inputs["attn_mask"] = mask if isinstance(mask, Tensor) else encode(dtype, mask)
    if past is not None:
        inputs["past_key"] = sample(rng, dtype, (b, kv, past, d), 1.0)
        inputs["past_value"] = sample(rng, value_type or dtype, (b, kv, past, e), 1.0)
    if lengths is not None:
        inputs["nonpad_kv_seqlen"] = encode("i64", np.array(lengths))
    if packed:
        more.update(q_num_heads=h, kv_num_heads=kv)
    value = lambda n: decode(inputs[n]) if n in inputs else None
    given = value("attn_mask")
    if given is not None and inputs["attn_mask"].dtype == "bool":
        given = inputs["attn_mask"].data
    found = attention(value("q"), value("k"), value("v"), given, value("past_key"), value("past_value"),
                      value("nonpad_kv_seqlen"), dtype, **more)
    types = [dtype, dtype, value_type or dtype, dtype]
    names = ["result", "present_key", "present_value", "scores"][:results]
    if softmax_precision:
        more["softmax_precision"] = Name(softmax_precision)
    return case(graph, "attention", inputs, {n: encode(t, v) for n, t, v in zip(names, types, found)}, more)


def attention_cases(row):
    rng = generator("attention")
    one = functools.partial(attention_case, rng)
    plain = (2, 3, 4, 6, 4, 5)
    square = (2, 2, 5, 5, 4, 4)
    flags = lambda *shape: Tensor("bool", rng.randint(0, 3, shape) > 0)
    added = lambda *shape: np.where(rng.randint(0, 4, shape) == 0, -np.inf, rng.standard_normal(shape))
    blind = np.ones((4, 6), bool)
    blind[1] = False
    cases = [
        one("f32_plain", "f32", plain),
        one("f32_one_query", "f32", (1, 1, 1, 1, 1, 1)),
        one("f32_packed", "f32", plain, packed=True),
        one("f32_scale", "f32", plain, scale=0.3),
        one("f32_causal", "f32", square, is_causal=1),
        one("f32_causal_more_keys", "f32", plain, is_causal=1),
        one("f32_causal_more_queries", "f32", (1, 2, 5, 3, 4, 4), is_causal=1),
        one("f32_causal_packed", "f32", square, is_causal=1, packed=True),
        one("f32_grouped", "f32", (2, 6, 3, 4, 4, 4), kv=2),
        one("f32_grouped_packed", "f32", (2, 4, 3, 4, 4, 2), kv=2, packed=True, is_causal=1),
        one("f32_one_kv_head", "f32", (1, 3, 3, 4, 4, 4), kv=1, results=4),
        one("f32_softcap", "f32", plain, softcap=0.5),
        one("f32_softcap_grouped", "f32", (2, 4, 3, 4, 4, 4), kv=2, softcap=2.0, packed=True),
        one("f32_mask_flags", "f32", plain, mask=flags(4, 6)),
        one("f32_mask_heads", "f32", plain, mask=flags(3, 4, 6)),
        one("f32_mask_all", "f32", plain, mask=flags(2, 3, 4, 6)),
        one("f32_mask_batch", "f32", plain, mask=flags(2, 1, 1, 6)),
        one("f32_mask_row", "f32", plain, mask=flags(6)),
        one("f32_mask_added", "f32", plain, mask=added(4, 6)),
        one("f32_mask_added_heads", "f32", plain, mask=added(2, 1, 4, 6), is_causal=1),
        one("f32_mask_integers", "f32", plain, mask=Tensor("i32", rng.randint(-3, 3, (4, 6)).astype(np.int32))),
        one("f32_mask_short", "f32", plain, mask=flags(4, 5)),
        one("f32_mask_short_added", "f32", plain, mask=added(1, 3), results=4, qk_matmul_output_mode=2),
        one("f32_mask_blind", "f32", plain, mask=Tensor("bool", blind)),
        one("f32_mask_blind_shown", "f32", plain, mask=Tensor("bool", blind), results=4, qk_matmul_output_mode=3),
        one("f32_mask_blind_added", "f32", plain, mask=np.where(blind, 0.5, -np.inf), softcap=1.0, results=4, qk_matmul_output_mode=3),
        one("f32_past", "f32", (2, 2, 3, 3, 4, 5), past=4, results=3),
        one("f32_past_causal", "f32", (2, 2, 3, 3, 4, 5), past=4, results=3, is_causal=1),
        one("f32_past_grouped", "f32", (2, 4, 1, 1, 4, 4), kv=2, past=6, results=3, is_causal=1, packed=True),
        one("f32_past_other_rows", "f32", (1, 2, 3, 2, 4, 4), past=2, results=3, is_causal=1),
        one("f32_past_mask", "f32", (2, 2, 3, 3, 4, 5), past=4, mask=added(3, 7), is_causal=1, results=4, qk_matmul_output_mode=2),
        one("f32_past_empty", "f32", (1, 2, 3, 3, 4, 4), past=0, results=3, is_causal=1),
        one("f32_present", "f32", plain, packed=True, results=3),
        one("f32_lengths", "f32", plain, lengths=[6, 3]),
        one("f32_lengths_causal", "f32", plain, lengths=[6, 4], is_causal=1),
        one("f32_lengths_few", "f32", plain, lengths=[2, 0], is_causal=1),
        one("f32_lengths_mask", "f32", plain, lengths=[5, 4], mask=flags(2, 1, 4, 5), is_causal=1, kv=1),
        one("f32_window_left", "f32", square, left_window_size=2),
        one("f32_window_right", "f32", square, right_window_size=1),
        one("f32_window_both", "f32", square, left_window_size=1, right_window_size=1),
        one("f32_window_causal", "f32", square, left_window_size=0, right_window_size=2, is_causal=1),
        one("f32_window_past", "f32", (1, 2, 3, 3, 4, 4), past=4, left_window_size=2, right_window_size=0, results=3),
        one("f32_window_lengths", "f32", plain, lengths=[6, 5], left_window_size=1, mask=added(6)),
        one("f32_scores", "f32", plain, results=4),
        one("f32_scores_softcap", "f32", plain, results=4, softcap=0.7, qk_matmul_output_mode=1),
        one("f32_scores_bias", "f32", plain, results=4, is_causal=1, qk_matmul_output_mode=2),
        one("f32_scores_softmax", "f32", plain, results=4, is_causal=1, qk_matmul_output_mode=3, packed=True),
        one("f32_softmax_f64", "f32", plain, softmax_precision="f64", is_causal=1),
        one("f32_softmax_f16", "f32", plain, softmax_precision="f16"),
        one("f32_values_f64", "f32", plain, value_type="f64", results=3),
        one("f16_values_f32", "f16", plain, value_type="f32", results=3),
        one("f32_no_rows", "f32", (1, 2, 0, 3, 4, 4)),
        one("f32_no_keys", "f32", (1, 2, 3, 0, 4, 4)),
        one("f32_no_batch", "f32", (0, 2, 3, 3, 4, 4), is_causal=1),
    ]
    types = row["operands"][0]["types"]
    return cases + [one(t, t, (1, 2, 3, 3, 4, 4), past=1, is_causal=1, results=3) for t in types]


def rotated(x, cosine, sine, ids, interleaved=0, num_heads=0, rotary_embedding_dim=0):
    shape, packed = x.shape, x.ndim == 3
    if packed:
        x = _heads(x, num_heads)
    turning = rotary_embedding_dim or x.shape[-1]
    if ids is not None:
        cosine, sine = cosine[ids], sine[ids]
    turns = (cosine + 1j * sine)[:, None]
    y, half = x.copy(), turning // 2
    one = slice(0, turning, 2) if interleaved else slice(0, half)
    two = slice(1, turning, 2) if interleaved else slice(half, turning)
    pairs = (x[..., one] + 1j * x[..., two]) * turns
    y[..., one], y[..., two] = pairs.real, pairs.imag
    return y.transpose(0, 2, 1, 3).reshape(shape) if packed else y


def rotary_cases(row):
    rng = generator("rotary_embedding")

    def one(graph, dtype, sizes, ids=None, index="i64", packed=False, error=None, **more):
        """sizes: of B, H, T and D."""
        b, h, t, d = sizes
        half = (more.get("rotary_embedding_dim") or d) // 2
        angles = rng.uniform(-3, 3, (7, half) if ids is not None else (b, t, half))
        inputs = {"x": sample(rng, dtype, (b, t, h * d) if packed else (b, h, t, d), 1.0),
                  "cos_cache": encode(dtype, np.cos(angles)), "sin_cache": encode(dtype, np.sin(angles))}
        if ids is not None:
            inputs["position_ids"] = encode(index, np.array(ids))
        if packed:
            more["num_heads"] = h
        at = None if ids is None else np.zeros((b, t), int) if error else np.array(ids)
        y = rotated(decode(inputs["x"]), decode(inputs["cos_cache"]), decode(inputs["sin_cache"]), at, **more)
        return case(graph, "rotary_embedding", inputs, encode(dtype, y), more, error=error)

    cases = [
        one("f32_plain", "f32", (2, 3, 4, 6)),
        one("f32_interleaved", "f32", (2, 3, 4, 6), interleaved=1),
        one("f32_packed", "f32", (2, 3, 4, 6), packed=True),
        one("f32_packed_interleaved", "f32", (2, 3, 4, 6), packed=True, interleaved=1),
        one("f32_positions", "f32", (2, 3, 4, 6), ids=[[0, 1, 2, 3], [6, 2, 0, 0]]),
        one("f32_positions_packed", "f32", (2, 3, 2, 6), ids=[[5, 1], [6, 2]], packed=True, index="i32", interleaved=1),
        one("f32_part", "f32", (2, 3, 4, 6), rotary_embedding_dim=4),
        one("f32_part_interleaved", "f32", (2, 3, 4, 6), rotary_embedding_dim=2, interleaved=1, packed=True),
        one("f32_part_positions", "f32", (1, 2, 3, 8), rotary_embedding_dim=4, ids=[[3, 1, 2]]),
        one("f32_negative", "f32", (1, 2, 2, 4), ids=[[-1, -7]]),
        one("f32_empty", "f32", (2, 3, 0, 6)),
        one("beyond", "f32", (1, 2, 2, 4), ids=[[1, 7]], error=RUN_INDEX),
    ]
    types = row["operands"][0]["types"]
    return cases + [one(t, t, (1, 2, 3, 4), interleaved=1, ids=[[4, 0, 2]]) for t in types]


CASES = {"attention": attention_cases, "rotary_embedding": rotary_cases}
