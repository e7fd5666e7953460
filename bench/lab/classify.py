# SPDX-License-Identifier: ISC
"""Idle or not, from windows of a flow: distances of gaps, and classifiers that never see a session
both in training and in judgement."""
import warnings

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

import flows
from stats import ALPHA, Gaps, auc_interval, auc_permutation, holm, shuffled, wilson

ROWS_MAX = 8000  # of one classifier; more windows are thinned out
QUICK_MODELS = ("gradient boosting", "logistic")


def models(seed, jobs):
    return {
        "random forest": RandomForestClassifier(150, min_samples_leaf=3, max_samples=0.7,
                                                n_jobs=jobs, random_state=seed),
        "gradient boosting": HistGradientBoostingClassifier(max_iter=80, learning_rate=0.1,
                                                            min_samples_leaf=10,
                                                            random_state=seed),
        "logistic": make_pipeline(RobustScaler(), Clip(), LogisticRegression(C=0.1, max_iter=400)),
    }


class Clip:
    """Bounds scaled features: a classifier of lines must not hang on one outlier."""

    def fit(self, x, y=None):
        return self

    def transform(self, x):
        return np.clip(x, -8, 8)


class Sessions:
    """What was watched under one mode: flow, kind and block (batch) of each session."""

    def __init__(self):
        self.flows, self.kinds, self.blocks, self.spans, self.did = [], [], [], [], []

    def __len__(self):
        return len(self.kinds)

    def add(self, path, found, block):
        records = flows.read(path)
        for kind, port, start, end, did in found:
            self.flows.append(flows.of_session(records, port, start, end))
            self.kinds.append(kind)
            self.blocks.append(block)
            self.spans.append((start, end))
            self.did.append(did)

    def table(self, seconds):
        """Features, kind, session and block of each window."""
        rows = [(f, i) for i, (flow, (a, b)) in enumerate(zip(self.flows, self.spans))
                for f in flows.windows(flow, a, b, seconds)]
        of = np.array([i for _, i in rows])
        return (np.array([f for f, _ in rows]), np.array(self.kinds)[of], of,
                np.array(self.blocks)[of])


def out_of_fold(model, x, y, groups, folds=10):
    """Scores of each row by a model that saw no row of its session. Folds have the classes in even
    shares: where they have not, a model learns from the rest which class a fold has more of, and is
    worse than chance where there is nothing to learn."""
    scores = np.full((len(y), len(np.unique(y))), np.nan)
    folds = max(2, min(folds, len(np.unique(groups)) // 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for train, judge in StratifiedGroupKFold(folds).split(x, y, groups):
            if len(np.unique(y[train])) == len(np.unique(y)):
                scores[judge] = model.fit(x[train], y[train]).predict_proba(x[judge])
    return scores


def thinned(n, rng):
    return np.sort(rng.permutation(n)[:ROWS_MAX]) if n > ROWS_MAX else np.arange(n)


def idle_or_not(sessions, seconds, rng, jobs, rounds=300, names=None):
    """For each model: AUC, interval, p, and AUC of each kind by itself; of windows of a length."""
    x, kinds, of, blocks = sessions.table(seconds)
    keep = thinned(len(x), rng)
    x, kinds, of, blocks = x[keep], kinds[keep], of[keep], blocks[keep]
    y = kinds != "idle"
    out = {}
    for name, model in models(int(rng.integers(1 << 30)), jobs).items():
        if names and name not in names:
            continue
        s = out_of_fold(model, x, y, of)[:, 1]
        good = ~np.isnan(s)
        value, around = auc_interval(s[good], y[good], of[good], rng, rounds)
        alone = {}
        for kind in sorted(set(kinds[y])):
            at = good & ((kinds == kind) | ~y)
            alone[kind] = auc_interval(s[at], y[at], of[at], rng, rounds)
        out[name] = {"auc": value, "interval": around, "kinds": alone, "windows": int(good.sum()),
                     "p": auc_permutation(s[good], y[good], of[good], blocks[good], rng)}
    return out


def telling(sessions, rng, rounds, most=5):
    """(feature, AUC of it alone, p corrected for all of them) of those that differ most, each session
    one window."""
    x, kinds, _, blocks = sessions.table(min(b - a for a, b in sessions.spans) / 1e9)
    y = kinds != "idle"
    ranks = np.apply_along_axis(rankdata, 0, x)
    pairs = y.sum() * (~y).sum()

    def aucs(chosen):
        return (chosen @ ranks - y.sum() * (y.sum() + 1) / 2) / pairs
    found = aucs(y[None, :])[0]
    by_chance = np.abs(aucs(np.array([shuffled(y, blocks, rng) for _ in range(rounds)])) - 0.5)
    largest = by_chance.max(axis=1)
    order = np.argsort(-np.abs(found - 0.5))[:most]
    return [(flows.names()[i], float(found[i]),
             float(((largest >= abs(found[i] - 0.5)).sum() + 1) / (rounds + 1))) for i in order]


def gap_tests(sessions, rng, rounds):
    """(kind, way, test, statistic, p, corrected p, gaps) of each kind against idle."""
    kinds, blocks = np.array(sessions.kinds), np.array(sessions.blocks)
    rows = []
    for kind in sorted(set(kinds) - {"idle"}):
        at = np.flatnonzero((kinds == kind) | (kinds == "idle"))
        for down, way in ((0, "up"), (1, "down")):
            gaps = [flows.gaps(sessions.flows[i], down) for i in at]
            of_idle = sum(len(g) for g, k in zip(gaps, kinds[at]) if k == "idle")
            if min(of_idle, sum(map(len, gaps)) - of_idle) < 100:
                continue  # one of them is silent: no gaps to compare, and no need of it
            g = Gaps(gaps)
            for name, (value, p) in zip(("KS", "AD"), g.test(kinds[at] == kind, blocks[at], rng, rounds)):
                rows.append([kind, way, name, value, p, g.total])
    corrected = holm([r[4] for r in rows]) if rows else []
    return [(*r[:5], float(c), r[5]) for r, c in zip(rows, corrected)]


def which_command(sessions, rng, jobs):
    """Which of ten commands ran in a window whose beginning is known: hits, tries, interval."""
    x, y, of = [], [], []
    for i, (flow, (start, _)) in enumerate(zip(sessions.flows, sessions.spans)):
        for at, step, what in sessions.did[i]:
            a = start + int(at * 1e9)
            lo, hi = np.searchsorted(flow["ns"], [a, a + int(step * 1e9)])
            x.append(flows.features(flow[lo:hi], a, step))
            y.append(what)
            of.append(i)
    x, y, of = np.array(x), np.array(y), np.array(of)
    model = models(int(rng.integers(1 << 30)), jobs)["random forest"]
    hit = out_of_fold(model, x, y, of).argmax(axis=1) == y
    return int(hit.sum()), len(hit), wilson(int(hit.sum()), len(hit))


# --- how small an effect would be found -------------------------------------------------------

def delayed(flow, us, rng):
    """The flow, had every other segment of the client, by chance, left so much later; what answers
    it on the spot, the acknowledgement, is as late."""
    out = flow.copy()
    data = (out["down"] == 0) & (out["payload"] > 0)
    late = data & (rng.random(len(out)) < 0.5)
    ack = np.flatnonzero((out["down"] == 1) & (out["payload"] == 0))
    last = np.flatnonzero(data)
    if len(ack) and len(last):
        before = np.searchsorted(last, ack) - 1
        behind = last[np.maximum(before, 0)]
        late[ack[(before >= 0) & late[behind]]] = True
    out["ns"][late] += np.uint64(us * 1000)
    return out[np.argsort(out["ns"], kind="stable")]


def sensitivity(sessions, shifts, seconds, rng, jobs, rounds):
    """Half of the idle sessions, chosen by chance, are delayed: what do the tests say?"""
    idle = [i for i, k in enumerate(sessions.kinds) if k == "idle"]
    half = set(rng.permutation(idle)[:len(idle) // 2].tolist())
    out = []
    for us in shifts:
        s = Sessions()
        for i in idle:
            s.flows.append(delayed(sessions.flows[i], us, rng) if i in half else sessions.flows[i])
            s.kinds.append("late" if i in half else "idle")
            s.blocks.append(0)
            s.spans.append(sessions.spans[i])
            s.did.append([])
        p = min(r[5] for r in gap_tests(s, rng, rounds))
        best = max(idle_or_not(s, seconds, rng, jobs, 100, QUICK_MODELS).values(), key=lambda r: r["interval"][0])
        out.append((us, p, best["auc"], best["interval"]))
    return out


def found_at(rows):
    """The smallest shift that the gap tests find, and the classifier; None: none of them."""
    by_gaps = next((us for us, p, _, _ in rows if p < ALPHA), None)
    by_model = next((us for us, _, _, around in rows if around[0] > 0.5), None)
    return by_gaps, by_model
