"""Goldens of linear attention and of causal convolution, whose states go from call to call."""
import numpy as np

from cases import case
from formats import decode, encode, generator, rounded, sample


def linear_attention(q, k, v, state, decay, beta, heads, kv, scale):
    b, steps = q.shape[:2]
    split = lambda x, n: x.reshape(b, steps, n, x.shape[2] // n)
    q, k, v = split(q, heads), split(k, kv), split(v, kv)
    state = np.array(state)
    y = np.zeros((b, steps, heads, v.shape[-1]), q.dtype)
    for t in range(steps):
        if decay is not None:
            state = state * np.exp(split(decay, kv)[:, t])[..., None]
        new = v[:, t]
        if beta is not None:
            new = beta[:, t][..., None] * (new - np.einsum("bhde,bhd->bhe", state, k[:, t]))
        state = state + k[:, t][..., :, None] * new[..., None, :]
        y[:, t] = scale * np.einsum("bhd,bhde->bhe", q[:, t], np.repeat(state, heads // kv, 1))
    return y.reshape(b, steps, heads * y.shape[3]), state


def linear_cases(row):
    rng = generator("linear_attention")

    def one(graph, dtype, rule="gated_delta", sizes=(2, 3, 2, 3, 4), kv=None, past=None, per_head=False, one_rate=False,
            results=2, scale=0.0):
        """sizes: of B, T, H, D and E; past: the state's type."""
        b, t, h, d, e = sizes
        kv = kv or h
        inputs = {"query": sample(rng, dtype, (b, t, h * d), 1.0), "key": sample(rng, dtype, (b, t, kv * d), 0.5),
                  "value": sample(rng, dtype, (b, t, kv * e), 1.0)}
        if past:
            inputs["past_state"] = sample(rng, past, (b, kv, d, e), 1.0)
        if rule.startswith("gated"):
            inputs["decay"] = encode(dtype, -rng.uniform(0, 1, (b, t, kv if per_head else kv * d)))
        if rule.endswith("delta"):
            inputs["beta"] = encode(dtype, rng.uniform(0, 1, (b, t, 1 if one_rate else kv)))
        value = lambda n: decode(inputs[n]) if n in inputs else None
        begin = value("past_state") if past else np.zeros((b, kv, d, e))
        factor = rounded(scale, dtype) if scale else 1 / np.sqrt(value("query").dtype.type(d))
        y, state = linear_attention(value("query"), value("key"), value("value"), begin, value("decay"), value("beta"), h, kv, factor)
        given = {"q_num_heads": h, "kv_num_heads": kv}
        if rule != "gated_delta":
            given["update_rule"] = rule
        if scale:
            given["scale"] = scale
        outputs = {"result": encode(dtype, y), "present_state": encode(past or dtype, state)}
        return case(graph, "linear_attention", inputs, dict(list(outputs.items())[:results]), given)

    cases = [
        one("f32_plain", "f32"),
        one("f32_linear", "f32", "linear"),
        one("f32_gated", "f32", "gated", past="f32"),
        one("f32_delta", "f32", "delta", past="f32"),
        one("f32_past", "f32", past="f32"),
        one("f32_shared", "f32", sizes=(2, 3, 4, 3, 2), kv=2, past="f32"),
        one("f32_one_kv", "f32", "gated", sizes=(1, 4, 3, 2, 2), kv=1),
        one("f32_decay_per_head", "f32", per_head=True, one_rate=True),
        one("f32_one_step", "f32", sizes=(2, 1, 2, 3, 4), past="f32", scale=0.5),
        one("f32_y_alone", "f32", "delta", one_rate=True, results=1),
        one("f32_state_f16", "f32", past="f16"),
        one("f16_state_f32", "f16", past="f32"),
        one("f32_no_batch", "f32", sizes=(0, 2, 2, 3, 4)),
    ]
    types = row["operands"][0]["types"]
    return cases + [one(t, t, sizes=(1, 2, 2, 2, 3), past=t) for t in types if t != "f32"]


def causal_cases(row):
    rng = generator("causal_conv_with_state")

    def one(graph, dtype, sizes=(2, 3, 5, 4), bias=False, past=False, activation=None, results=2):
        """sizes: of B, C, L and K."""
        b, c, length, k = sizes
        inputs = {"input": sample(rng, dtype, (b, c, length), 1.0), "weight": sample(rng, dtype, (c, 1, k), 1.0)}
        if bias:
            inputs["bias"] = sample(rng, dtype, (c,), 1.0)
        if past:
            inputs["past_state"] = sample(rng, dtype, (b, c, k - 1), 1.0)
        x, w = decode(inputs["input"]), decode(inputs["weight"])[:, 0]
        x = np.concatenate([decode(inputs["past_state"]) if past else np.zeros((b, c, k - 1)), x], 2)
        y = sum((x[:, :, i:i + length] * w[:, i, None] for i in range(k)), np.zeros((b, c, length), x.dtype))
        if bias:
            y = y + decode(inputs["bias"])[:, None]
        if activation in ("silu", "swish"):
            y = y / (1 + np.exp(-y))
        outputs = {"result": encode(dtype, y), "present_state": encode(dtype, x[:, :, length:])}
        return case(graph, "causal_conv_with_state", inputs, dict(list(outputs.items())[:results]),
                    {"activation": activation} if activation else {})

    cases = [
        one("f32_plain", "f32"),
        one("f32_bias_past", "f32", bias=True, past=True),
        one("f32_silu", "f32", past=True, activation="silu"),
        one("f32_swish", "f32", bias=True, activation="swish", results=1),
        one("f32_one_step", "f32", sizes=(2, 3, 1, 4), past=True, activation="none"),
        one("f32_short", "f32", sizes=(1, 2, 2, 5)),
        one("f32_kernel_1", "f32", sizes=(1, 2, 4, 1), bias=True),
        one("f32_no_batch", "f32", sizes=(0, 2, 4, 3), past=True),
    ]
    types = row["operands"][0]["types"]
    return cases + [one(t, t, sizes=(1, 2, 3, 2), bias=True, past=True, activation="silu") for t in types if t != "f32"]


CASES = {"linear_attention": linear_cases, "causal_conv_with_state": causal_cases}
