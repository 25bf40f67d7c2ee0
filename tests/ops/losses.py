"""Goldens of losses."""
import numpy as np

from cases import RUN_INDEX, case
from formats import decode, encode, generator, sample


def _types(row):
    return row["operands"][0]["types"]


def _loss(x, target, weight, ignore_index, reduction):
    """x: logarithms of probabilities [N, C, ...]."""
    skip = np.zeros(target.shape, bool) if ignore_index is None else target == ignore_index
    safe = np.where(skip, 0, target)
    weights = (np.ones(x.shape[1], x.dtype) if weight is None else weight)[safe]
    weights = np.where(skip, 0, weights)
    picked = np.take_along_axis(x, np.expand_dims(safe, 1), 1).squeeze(1)
    loss = np.where(skip, 0, -picked * weights)
    if reduction == "none":
        return loss
    with np.errstate(invalid="ignore", divide="ignore"):
        return loss.sum() if reduction == "sum" else np.asarray(loss.sum() / weights.sum())


def log_softmax(x, axis):
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def loss_cases(row):
    op = row["name"]
    scored = op == "softmax_cross_entropy_loss"
    rng = generator(op)
    first, second, third = [o["name"] for o in row["operands"]]

    def one(graph, dtype, shape, weighted=False, index="i64", target=None, log_prob=False, error=None,
            **attributes):
        given = {first: sample(rng, dtype, shape, 1.0)}
        classes = rng.randint(0, shape[1], shape[:1] + shape[2:]) if target is None else target
        given[second] = encode(index, np.array(classes))
        if weighted:
            given[third] = encode(dtype, rng.uniform(0.25, 2, shape[1]))
        x = decode(given[first])
        x = log_softmax(x, 1) if scored else x
        weight = decode(given[third]) if weighted else None
        ignored = attributes.get("ignore_index")
        reduction = attributes.get("reduction", "mean")
        if error:
            y = np.zeros(given[second].data.shape if reduction == "none" else ())
        else:
            y = _loss(x, given[second].data.astype(int), weight, ignored, reduction)
        results = {"result": encode(dtype, y)}
        if log_prob:
            results["log_prob"] = encode(dtype, x)
        return case(graph, op, given, results, attributes, error=error)

    cases = [
        one("f32_plain", "f32", (3, 5)),
        one("f32_none", "f32", (3, 5), reduction="none"),
        one("f32_sum", "f32", (3, 5), reduction="sum"),
        one("f32_image", "f32", (2, 5, 3, 2)),
        one("f32_image_none", "f32", (2, 5, 3, 2), reduction="none"),
        one("f32_weights", "f32", (4, 5), weighted=True),
        one("f32_weights_none", "f32", (4, 5, 2), weighted=True, reduction="none"),
        one("f32_weights_sum", "f32", (4, 5, 2), weighted=True, reduction="sum", index="i32"),
        one("f32_ignore", "f32", (4, 3), target=[0, 2, 2, 1], ignore_index=2),
        one("f32_ignore_none", "f32", (4, 3), target=[0, 2, 2, 1], ignore_index=2, reduction="none"),
        one("f32_ignore_sum", "f32", (4, 3), target=[0, -1, 2, -1], ignore_index=-1, reduction="sum"),
        one("f32_ignore_outside", "f32", (1, 3, 4), target=[[7, 1, 7, 0]], ignore_index=7, index="i32"),
        one("f32_ignore_weights", "f32", (1, 3, 4), weighted=True, target=[[-5, 1, 2, 0]], ignore_index=-5),
        one("f32_ignore_huge", "f32", (2, 3), ignore_index=1 << 40, index="i32"),
        one("f32_ignore_all", "f32", (2, 3), target=[1, 1], ignore_index=1),
        one("f32_of_none", "f32", (0, 3)),
        one("f32_of_none_none", "f32", (2, 3, 0), reduction="none"),
        one("f32_rank7", "f32", (2, 3, 1, 2, 1, 2, 1), weighted=True),
        one("class_beyond", "f32", (2, 3), target=[1, 3], error=RUN_INDEX),
        one("class_ignored_beyond", "f32", (2, 3), target=[4, 3], ignore_index=4, reduction="none", error=RUN_INDEX),
    ]
    if scored:
        cases += [
            one("f32_log_prob", "f32", (3, 5, 2), log_prob=True),
            one("f32_log_prob_ignore", "f32", (4, 3), target=[0, 2, 2, 1], ignore_index=2, weighted=True, log_prob=True),
        ]
    return cases + [one(t, t, (2, 4, 3), weighted=True) for t in _types(row) if t != "f32"]


CASES = {
    "negative_log_likelihood_loss": loss_cases,
    "softmax_cross_entropy_loss": loss_cases,
}
