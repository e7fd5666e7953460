# SPDX-License-Identifier: ISC
"""Captured flows: reading them, cutting windows, and what an observer can compute of a window."""
import numpy as np

# struct record of bench/lab/capture.c
RECORD = np.dtype([("ns", "<u8"), ("payload", "<u4"), ("client", "<u2"), ("down", "u1"),
                   ("flags", "u1")])
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def read(path):
    return np.fromfile(path, dtype=RECORD)


def of_session(records, port, start, end):
    """One flow between two times (ns)."""
    r = records[(records["client"] == port) & (records["ns"] >= start) & (records["ns"] < end)]
    return r[np.argsort(r["ns"], kind="stable")]


def gaps(flow, down):
    """Between segments with payload, ms."""
    t = flow["ns"][(flow["down"] == down) & (flow["payload"] > 0)]
    return np.diff(t.astype(np.int64)) / 1e6


def _describe(x):
    """Location, spread and shape of a sample that may be empty."""
    if len(x) < 3:
        return [0.0] * (len(QUANTILES) + 6)
    q = np.quantile(x, QUANTILES)
    d = x - x.mean()
    lag = float((d[1:] * d[:-1]).sum() / (d * d).sum()) if d.any() else 0.0
    return [*q, x.mean(), x.std(), np.median(np.abs(x - q[3])), lag, x.min(), x.max()]


def _names(of):
    return [f"{of}, {n}" for n in (*(f"quantile {q:g}" for q in QUANTILES), "mean", "deviation", "MAD",
                                   "autocorrelation", "least", "most")]


def names():
    """Of the features, in their order."""
    out = []
    for way in ("up", "down"):
        out += [f"{way}, cells a second", f"{way}, bare ACKs a second", f"{way}, bytes a second"]
        out += _names(f"{way}, sizes")[-6:] + [f"{way}, share of 768 bytes"]
        out += _names(f"{way}, gaps")
    for way in ("up", "down"):
        out += _names(f"{way}, until the next bare ACK")[2:8]
        out += _names(f"{way}, until the next cell of the other way")[2:8]
    return out


def _until_next(t, other):
    """From each t to the first of other behind it, ms."""
    if len(t) == 0 or len(other) == 0:
        return np.zeros(0)
    i = np.searchsorted(other, t, "right")
    have = i < len(other)
    return (other[i[have]] - t[have]) / 1e6


def features(flow, start, seconds):
    """Of a window: counts, sizes, gaps, acknowledgements, and one direction against the other."""
    t = (flow["ns"] - np.uint64(start)).astype(np.int64)
    data = flow["payload"] > 0
    out, at = [], {}
    for down in (0, 1):
        way = flow["down"] == down
        sizes = flow["payload"][way & data].astype(float)
        at[down] = t[way & data]
        at[down, "ack"] = t[way & ~data]
        out += [len(sizes) / seconds, (way & ~data).sum() / seconds, sizes.sum() / seconds]
        out += _describe(sizes)[-6:] + [float((sizes == 768).mean()) if len(sizes) else 0.0]
        out += _describe(np.diff(at[down]) / 1e6)
    for down in (0, 1):
        out += _describe(_until_next(at[down], at[1 - down, "ack"]))[2:8]
        out += _describe(_until_next(at[down], at[1 - down]))[2:8]
    return np.nan_to_num(np.array(out, dtype=float))


def windows(flow, start, end, seconds):
    """Features of each whole window of a flow."""
    step = int(seconds * 1e9)
    for at in range(start, end - step + 1, step):
        lo, hi = np.searchsorted(flow["ns"], [at, at + step])
        yield features(flow[lo:hi], at, seconds)
