"""The bench's Markdown: one table for each number of threads, and notes of what is not in it."""
import importlib


def cpu_name():
    with open("/proc/cpuinfo") as f:
        facts = dict(line.split(":", 1) for line in f.read().split("\n\n")[0].splitlines() if ":" in line)
    facts = {k.strip(): v.strip() for k, v in facts.items()}
    return "%s (family %s, model %s)" % (facts.get("model name", "unknown"), facts.get("cpu family", "?"), facts.get("model", "?"))


def title(peer):
    return importlib.import_module("peers." + peer).NAME


def number(x):
    """Three digits."""
    return "%.3g" % x if x < 1000 else "%.0f" % x


def time_cell(result):
    """The middle of the rounds in ms, or with a unit when it is less than a microsecond; and half of what lies between the least and the most."""
    ms = result["ms"]
    return "%s ±%.0f%%" % (number(ms) if ms >= 1e-3 else "%.3g ns" % (ms * 1e6), 50 * (result["most"] - result["least"]) / ms)


def problem(result):
    """What kept a peer from being measured, in one word and in full."""
    for word in ("absent", "unsupported", "wrong", "failed"):
        if word in result:
            return word, result[word]
    return "failed", "no measurement"


def ours_of(row):
    """What the others are compared with: nfc, or nfc_bf16 where that was measured without."""
    return next((p for p in ("nfc", "nfc_bf16") if p in row["peers"]), None)


def best_of(row):
    """(peer, result) of the fastest of the others that compute as ours does, or None."""
    rounded = ours_of(row) == "nfc_bf16"
    others = [(p, r) for p, r in row["peers"].items() if not p.startswith("nfc") and (rounded or not p.endswith("_bf16")) and "ms" in r]
    return min(others, key=lambda pr: pr[1]["ms"]) if others else None


def share(amount, result, ceiling):
    return "%.0f%%" % (100 * amount / (result["ms"] * 1e-3) / ceiling) if result and "ms" in result else ""


def is_product(row):
    return row["model"].startswith(("gemm_", "gemv_"))


def of_use(rows, peers):
    """The peers without those that by their nature run none of these models: libraries of products among networks."""
    def reasons(p):
        return {r["peers"][p].get("unsupported") if "ms" not in r["peers"][p] else None for r in rows}
    return [p for p in peers if p.startswith("nfc") or len(reasons(p)) > 1 or reasons(p) == {None}]


def over(result, other):
    """How many times as long one takes as the other."""
    return "%.2f" % (result["ms"] / other["ms"]) if result and other and "ms" in result and "ms" in other else ""


def cells(row, peers):
    ours, best = row["peers"].get(ours_of(row)), best_of(row)
    them = best and best[1]
    strict = [over(row["peers"]["nfc_strict"], ours)] if "nfc_strict" in peers else []
    return [row["model"], "%.4g" % (row["flop"] * 1e-9), "%.4g" % (row["bytes"] * 1e-6),
            *[time_cell(row["peers"][p]) if "ms" in row["peers"][p] else problem(row["peers"][p])[0] for p in peers],
            *strict, title(best[0]) if best else "", over(ours, them), share(row["flop"], ours, row["peak"]), share(row["flop"], them, row["peak"]),
            share(row["bytes"], ours, row["read"]), share(row["bytes"], them, row["read"]), "%.0f" % (row["peak"] * 1e-9), "%.1f" % (row["read"] * 1e-9)]


def line(row, peers):
    """One row as text, told when it is there."""
    ours, best = row["peers"].get(ours_of(row)), best_of(row)
    text = "  ".join("%s %s" % (p, time_cell(r) if "ms" in r else "%s (%s)" % problem(r)) for p, r in ((p, row["peers"][p]) for p in peers))
    strict, ratio = over(row["peers"].get("nfc_strict"), ours), over(ours, best and best[1])
    return "%-20s %dT  %s%s%s" % (row["model"], row["threads"], text, strict and "  strict/nfc " + strict, ratio and "  nfc/best " + ratio)


def starts(rows, peers):
    """How long each takes to load a network and run it once, with the fewest threads."""
    least = min(r["threads"] for r in rows)
    rows = [r for r in rows if r["threads"] == least and not is_product(r)]
    if not rows:
        return []
    text = ["", "**Loading and the first run, ms**", "", "| model | " + " | ".join(title(p) for p in peers) + " |", "|---" + "|--:" * len(peers) + "|"]
    for r in rows:
        text.append("| %s | " % r["model"] + " | ".join(number(r["peers"][p]["load"] * 1e3) if "ms" in r["peers"][p] else "" for p in peers) + " |")
    return text


def notes(rows, peers):
    """Why a peer is absent, once; why a model is not measured, model by model; and the versions of the rest."""
    text = []
    for p in peers:
        results = [(r["model"], r["threads"], r["peers"][p]) for r in rows]
        versions = sorted({r["version"] for _, _, r in results if "version" in r})
        lacks = {}
        for model, threads, r in results:
            if "ms" not in r:
                lacks.setdefault(problem(r), []).append("%s %dT" % (model, threads))
        text.append("- %s%s" % (title(p), " " + ", ".join(versions) if versions else ""))
        text += ["  - %s: %s (%s)" % (word, reason, "all" if len(where) == len(results) else ", ".join(where)) for (word, reason), where in lacks.items()]
    return text


def table(rows, peers):
    peers = of_use(rows, peers)
    head = ["model", "GFLOP", "MB", *[title(p) for p in peers], *["strict / nfc"] * ("nfc_strict" in peers), "best peer", "nfc / best", "nfc of peak", "best of peak", "nfc of read", "best of read", "peak GFLOP/s", "read GB/s"]
    return ["", "| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|", *["| " + " | ".join(cells(r, peers)) + " |" for r in rows]]


def markdown(machine, rows, peers):
    text = ["%(date)s, %(cpu)s, Linux %(system)s, load %(load).1f at the end; nfc for device %(device)s; `%(command)s`" % machine, "",
            "Times are ms: the median of %(rounds)d rounds' %(of)s, ± half the range of those; a turn is %(seconds)g s or one run. GFLOP: a direct count" % machine,
            "of convolutions, products and LSTMs. MB: weights, inputs and outputs. Shares are of what the same cores reached between the rounds:",
            "f32 multiply-adds in registers, and the best of six ways to read as many bytes."]
    for threads in dict.fromkeys(r["threads"] for r in rows):
        these = [r for r in rows if r["threads"] == threads]
        text += ["", "**%d thread%s**" % (threads, "s"[: threads != 1])]
        for part in ([r for r in these if not is_product(r)], [r for r in these if is_product(r)]):
            text += table(part, peers) if part else []
    text += starts(rows, of_use([r for r in rows if not is_product(r)], peers))
    return "\n".join([*text, "", *notes(rows, peers), ""])
