# SPDX-License-Identifier: ISC
"""Bytes: first messages position by position and by what could hide in them, and streams of cells."""
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import stats as sps

from stats import ALPHA, auc_interval, holm, two_sided, wilson

LEN = 3840
SLOT_AT = {"M1": 48, "M2": 32}
Q = 3329
CONTROLS = {"raw-ek": "whole_ek", "raw-ct": "ct_10", "raw-ct-1024": "ct_11",
            "clean-point": "torsion", "clear-bits": "bytes"}
TORSION = np.array([1, 1, 2, 2, 2]) / 8
FIPS_RATE = 0.0008  # blocks of true randomness that FIPS 140-2 refuses
TESTS = (0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 15, 16, 100, 101, 102, 200, 201, 202, 203, 204, 205, 206)


# --- first messages ---------------------------------------------------------------------------

def count_bytes(path):
    """How often each value stood at each position."""
    count = np.zeros(LEN * 256, dtype=np.int64)
    base = np.arange(LEN, dtype=np.int32) * 256
    n = 0
    with open(path, "rb") as f:
        while chunk := f.read(LEN * 1000):
            m = np.frombuffer(chunk, dtype=np.uint8).reshape(-1, LEN)
            count += np.bincount((m + base).ravel(), minlength=LEN * 256)
            n += len(m)
    return count.reshape(LEN, 256), n


def position_ps(count, n):
    """Chi-square (255 degrees of freedom) of each position, z of each bit."""
    chi = ((count - n / 256) ** 2).sum(axis=1) / (n / 256)
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    z = (2 * (count @ bits) - n) / np.sqrt(n)
    return sps.chi2.sf(chi, 255), two_sided(z).ravel()


def structure_ps(found):
    """p-values of each kind of structure, from the counts of bench/lab/structure.c."""
    n, p = found["messages"], Q / 4096
    low, high = np.array(found["below_q_low"]), np.array(found["below_q_high"])
    single = (np.concatenate([low, high]) - n * p) / np.sqrt(n * p * (1 - p))
    both = low + high
    window = np.array([both[at:at + 1152:3].sum() for at in range(len(both) - 1151)])
    pooled = (window - n * 768 * p) / np.sqrt(n * 768 * p * (1 - p))
    out = {"below_q": np.concatenate([two_sided(single), two_sided(pooled)])}
    for name in ("ct_10", "ct_11"):
        c = found[name]
        z = (np.array(c["sum"]) - n * c["coefficients"] * c["mean"]) / np.sqrt(
            n * c["coefficients"] * c["variance"])
        out[name] = two_sided(z)
    t = np.array(found["torsion"])
    out["torsion"] = np.array([sps.chisquare(t, TORSION * t.sum()).pvalue]) if t.sum() else np.ones(1)
    return out


def judge(lab, path, slot_at, points):
    """All p-values of one file, by kind; its structure; the scores of its slot."""
    count, n = count_bytes(path)
    chi, bits = position_ps(count, n)
    out = subprocess.run([f"{lab.bin}/structure", path, str(slot_at), str(points), path + ".scores"],
                         check=True, capture_output=True, text=True).stdout
    found = json.loads(out)
    scores = np.fromfile(path + ".scores").reshape(-1, 2)
    os.unlink(path)
    os.unlink(path + ".scores")
    return {"bytes": chi, "bits": bits, **structure_ps(found)}, found, scores


def make(lab, job):
    """One suite and layout: both messages."""
    kem, layout = job
    paths = {m: f"{lab.work}/{m}-{kem}-{layout}" for m in SLOT_AT}
    subprocess.run([f"{lab.bin}/flights", "make", str(kem), layout, str(lab.flights), paths["M1"],
                    paths["M2"]], check=True)
    suite = {1: "768", 2: "1024"}[kem]
    return [(f"{m} of suite {suite}, layout {layout}",
             *judge(lab, paths[m], SLOT_AT[m], lab.points)) for m in SLOT_AT]


def control(lab, kind):
    path = f"{lab.work}/{kind}"
    subprocess.run([f"{lab.bin}/flights", "control", kind, str(lab.controls), path], check=True)
    return judge(lab, path, SLOT_AT["M1"], lab.points)


def report_controls(lab, section, rng):
    """What must be found, and what must not; the scores of the latter are returned."""
    ps, _, chance = control(lab, "nothing")
    least = min(float(holm(np.concatenate(list(ps.values()))).min()), 1.0)
    lab.report.add(section, "random bytes, as a control that must not be found", least,
                   target="corrected p >= 0.01", verdict="met" if least >= ALPHA else "missed")
    for kind, where in CONTROLS.items():
        ps, found, scores = control(lab, kind)
        if where == "whole_ek":
            share = found["whole_ek"] / found["messages"]
            lab.report.add(section, f"control {kind}: messages found", share, wilson(
                found["whole_ek"], found["messages"]), ">= 0.99", "lit" if share >= 0.99 else "dark")
            continue
        least = float(holm(ps[where]).min())
        lab.report.add(section, f"control {kind}: least corrected p of {where}", least,
                       target="< 0.01", verdict="lit" if least < ALPHA else "dark",
                       note=f"{found['messages']} messages")
        if where.startswith("ct"):
            k = where == "ct_11"
            value, around = slot_auc(scores[:, int(k)], chance[:, int(k)], rng)
            lab.report.add(section, f"control {kind}: AUC of one ciphertext", value, around,
                           ">= 0.95", "lit" if value >= 0.95 else "dark")
    return chance


def slot_auc(scores, chance, rng, most=4000, level=0.95):
    a, b = scores[:most], chance[:most]
    labels = np.concatenate([np.ones(len(a), dtype=bool), np.zeros(len(b), dtype=bool)])
    return auc_interval(np.concatenate([a, b]), labels, np.arange(len(labels)), rng, rounds=300,
                        level=level)


def flights(lab):
    section = "First messages"
    rng = np.random.default_rng(lab.seed)
    lab.report.text(section, f"{lab.flights} M1 and M2 of each suite and layout, by real engines. "
                    "Chi-square at each of 3840 positions, z of each bit, and what looks for raw "
                    "keys, ciphertexts and points without torsion at every offset; one correction "
                    "(Holm, alpha 0.01) over all tests of all messages.")
    chance = report_controls(lab, section, rng)
    jobs = [(kem, layout) for kem in (1, 2) for layout in "TK"]
    with ThreadPoolExecutor(lab.jobs) as pool:
        done = [r for rs in pool.map(lambda j: make(lab, j), jobs) for r in rs]
    every = {kind: np.concatenate([ps[kind] for _, ps, _, _ in done]) for kind in done[0][1]}
    alls = np.concatenate(list(every.values()))
    least = float(min(1, alls.min() * len(alls)))
    lab.report.add(section, f"all {len(alls)} tests of {len(done) * lab.flights} messages: least "
                   "corrected p", least, target=">= 0.01",
                   verdict="met" if least >= ALPHA else "missed")
    names = {"bytes": "byte positions", "bits": "bits", "below_q": "12-bit numbers below q",
             "ct_10": "ciphertexts, d = 10", "ct_11": "ciphertexts, d = 11",
             "torsion": "torsion classes"}
    for kind, ps in every.items():
        lab.report.add(section, f"{names[kind]}: least corrected p of {len(ps)}",
                       float(min(1, ps.min() * len(ps))), note=f"least p {ps.min():.2g}")
    whole = sum(f["whole_ek"] for _, _, f, _ in done)
    lab.report.add(section, "messages in which some offset parses as an ek", whole, target="0",
                   verdict="missed" if whole else "met")
    for name, _, found, scores in done:
        k = 1 if "1024" in name else 0
        value, around = slot_auc(scores[:, k], chance[:, k], rng, level=1 - 0.05 / len(done))
        lab.report.add(section, f"{name}: AUC of one slot as a ciphertext", value, around,
                       "0.5 inside", "met" if around[0] <= 0.5 <= around[1] else "missed",
                       "torsion classes " + " ".join(
                           f"{t / max(1, sum(found['torsion'])):.3f}" for t in found["torsion"]))
    # the least bias of one bit that Holm's first step would find half of the time
    z = sps.norm.isf(ALPHA / len(alls) / 2)
    lab.report.add(section, "smallest bias of one bit that would be found",
                   float(z / (2 * np.sqrt(lab.flights))), note="from 1/2, half of the time")

    def draw(ax):
        for kind in ("bytes", "bits"):
            p = np.sort(every[kind])
            ax.plot((np.arange(len(p)) + 0.5) / len(p), p, label=names[kind])
        ax.plot([0, 1], [0, 1], "k:", linewidth=1)
        ax.set(xlabel="expected p", ylabel="p", title="p-values against uniform ones")
        ax.legend()
    lab.report.figure(section, draw, (5, 3.6))


# --- streams ----------------------------------------------------------------------------------

def piped(lab, aead, cells, command, seconds=None):
    """The output of a command that reads a stream of cells."""
    with subprocess.Popen([f"{lab.bin}/stream", str(aead), str(cells)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as source:
        try:
            r = subprocess.run(command, stdin=source.stdout, capture_output=True, text=True,
                               timeout=seconds, check=False)
            return r.stdout + r.stderr
        except subprocess.TimeoutExpired:
            return None
        finally:
            source.kill()


def ent(lab, section, aead, name):
    rows = piped(lab, aead, lab.stream_cells, ["ent", "-t"]).splitlines()
    value = dict(zip(rows[0].split(",")[1:], rows[1].split(",")[1:]))
    p = float(sps.chi2.sf(float(value["Chi-square"]), 255))
    lab.report.add(section, f"ent, {name}: p of chi-square", p,
                   target="0.0017 to 0.9983: a hundredth over three ciphers",
                   verdict="met" if 0.0017 <= p <= 0.9983 else "missed",
                   note=f"{int(value['File-bytes']) / 1e6:.0f} MB, entropy {value['Entropy']}, "
                        f"serial correlation {value['Serial-Correlation']}")


def rngtest(lab, section, aead, name):
    out = piped(lab, aead, lab.stream_cells, ["rngtest"])
    good, bad = (int(re.search(rf"FIPS 140-2 {w}: (\d+)", out).group(1))
                 for w in ("successes", "failures"))
    p = float(sps.binom.sf(bad - 1, good + bad, FIPS_RATE))
    lab.report.add(section, f"rngtest, {name}: share refused", bad / (good + bad),
                   wilson(bad, good + bad), "about 0.0008", "met" if p > 0.001 else "missed",
                   f"{good + bad} blocks, p of more refusals {p:.2g}")


def dieharder(lab, section):
    """Tests of dieharder that end within the time there is, from one endless stream each."""
    def one(test):
        return piped(lab, 1 + test % 3, 0, ["dieharder", "-g", "200", "-d", str(test)],
                     lab.dieharder_seconds)
    with ThreadPoolExecutor(lab.jobs) as pool:
        outs = list(pool.map(one, TESTS))
    marks = [line.split("|") for out in outs if out for line in out.splitlines()
             if re.search(r"\|\s*(PASSED|WEAK|FAILED)", line)]
    count = {w: sum(w in m[5] for m in marks) for w in ("PASSED", "WEAK", "FAILED")}
    ps = [float(m[4]) for m in marks]
    late = [str(t) for t, out in zip(TESTS, outs) if out is None]
    least = min(1, min(min(p, 1 - p) * 2 for p in ps) * len(ps)) if ps else 0.0
    lab.report.add(section, f"dieharder: tests failed of {len(marks)}", count["FAILED"], target="0",
                   verdict="met" if marks and count["FAILED"] == 0 else "missed",
                   note=f"{count['WEAK']} weak (p beyond 0.005 or 0.995; "
                        f"{len(marks) / 100:.1f} expected), least corrected p {least:.2g}" +
                        (f"; not finished in {lab.dieharder_seconds} s: -d {' '.join(late)}"
                         if late else ""))


def streams(lab):
    section = "Streams of cells"
    lab.report.text(section, "Cells of one direction that carry zeros, with key changes, unpaced.")
    names = {1: "AES-256-GCM", 2: "AES-256-CTR with HMAC-SHA3-256", 3: "ChaCha20-Poly1305"}
    for aead, name in names.items():
        ent(lab, section, aead, name)
        rngtest(lab, section, aead, name)
    if lab.dieharder_seconds:
        dieharder(lab, section)
