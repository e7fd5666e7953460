# SPDX-License-Identifier: ISC
"""What the parts of the laboratory count with: corrections, permutations, intervals."""
import numpy as np
from scipy import stats

ALPHA = 0.01


def holm(ps):
    """Holm's corrected p-values."""
    ps = np.asarray(ps, dtype=float)
    order = np.argsort(ps)
    corrected = np.minimum(1, np.maximum.accumulate(ps[order] * np.arange(len(ps), 0, -1)))
    out = np.empty(len(ps))
    out[order] = corrected
    return out


def two_sided(z):
    return 2 * stats.norm.sf(np.abs(z))


def wilson(hits, n, level=0.95):
    """An interval for a share."""
    if n == 0:
        return [0.0, 1.0]
    z = stats.norm.ppf((1 + level) / 2)
    p, d = hits / n, 1 + z * z / n
    mid = (p + z * z / (2 * n)) / d
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    return [float(mid - half), float(mid + half)]


def auc(scores, labels):
    """Of the positive ones (labels true) against the others; ties count half."""
    ranks = stats.rankdata(scores)
    pos = labels.sum()
    neg = len(labels) - pos
    if pos == 0 or neg == 0:
        return 0.5
    return float((ranks[labels].sum() - pos * (pos + 1) / 2) / (pos * neg))


def auc_interval(scores, labels, groups, rng, rounds=400, level=0.95):
    """AUC and its interval: bootstrap by group, in each class by itself."""
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    rows = {g: np.flatnonzero(groups == g) for g in np.unique(groups)}
    pos = [r for r in rows.values() if labels[r[0]]]
    neg = [r for r in rows.values() if not labels[r[0]]]
    if not pos or not neg:
        return 0.5, [0.0, 1.0]
    draws = []
    for _ in range(rounds):
        pick = np.concatenate([pos[i] for i in rng.integers(0, len(pos), len(pos))] +
                              [neg[i] for i in rng.integers(0, len(neg), len(neg))])
        draws.append(auc(scores[pick], labels[pick]))
    tail = (1 - level) / 2
    return auc(scores, labels), [float(v) for v in np.quantile(draws, [tail, 1 - tail])]


def shuffled(labels, blocks, rng):
    """The labels, exchanged within their blocks only."""
    out = labels.copy()
    for b in np.unique(blocks):
        at = np.flatnonzero(blocks == b)
        out[at] = rng.permutation(out[at])
    return out


def auc_permutation(scores, labels, groups, blocks, rng, rounds=500):
    """p of the AUC being no better than under labels exchanged between groups of a block."""
    names, first, of = np.unique(groups, return_index=True, return_inverse=True)
    group_labels, group_blocks = np.asarray(labels, dtype=bool)[first], blocks[first]
    seen = auc(scores, group_labels[of])
    as_good = sum(auc(scores, shuffled(group_labels, group_blocks, rng)[of]) >= seen
                  for _ in range(rounds))
    return (as_good + 1) / (rounds + 1)


class Gaps:
    """Distributions of gaps by session, on a grid of quantiles of all of them."""

    def __init__(self, sessions, points=400):
        some = [np.asarray(s, dtype=float) for s in sessions]
        pool = np.concatenate(some) if some else np.zeros(0)
        self.n = np.array([len(s) for s in some], dtype=float)
        self.total = int(self.n.sum())
        grid = np.unique(np.quantile(pool, np.linspace(0, 1, points + 1)[1:-1]))
        self.below = np.array([np.searchsorted(np.sort(s), grid, "right") for s in some],
                              dtype=float)

    def distances(self, chosen):
        """KS and Anderson-Darling of the chosen (rows of 0 and 1) against the others."""
        chosen = np.atleast_2d(chosen).astype(float)
        a, b = chosen @ self.n, (1 - chosen) @ self.n
        fa = chosen @ self.below / np.maximum(a, 1)[:, None]
        fb = (1 - chosen) @ self.below / np.maximum(b, 1)[:, None]
        pooled = self.below.sum(axis=0) / max(self.n.sum(), 1)
        weight = np.diff(pooled, prepend=0) / np.maximum(pooled * (1 - pooled), 1e-9)
        d2 = (fa - fb) ** 2
        return np.sqrt(d2.max(axis=1)), a * b / (a + b) * (d2 @ weight)

    def test(self, labels, blocks, rng, rounds):
        """(KS, p), (AD, p): sessions exchanged within blocks."""
        labels = np.asarray(labels, dtype=bool)
        ks, ad = self.distances(labels)
        perms = np.array([shuffled(labels, blocks, rng) for _ in range(rounds)])
        kss, ads = self.distances(perms)
        return ((float(ks[0]), float(((kss >= ks[0]).sum() + 1) / (rounds + 1))),
                (float(ad[0]), float(((ads >= ad[0]).sum() + 1) / (rounds + 1))))
