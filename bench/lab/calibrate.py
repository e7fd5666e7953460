# SPDX-License-Identifier: ISC
"""Senders of known behaviour (bench/lab/source.c): what must be found is, what must not is not."""
import subprocess
import time

import numpy as np

import classify
from host import Capture, Failed, end_all, ports_of, wait_for

CLASS = {"off": 1, "constant": 2, "stealth": 2}
LOADS = {"off": ("idle", "typing", "idle", "bulk"), "constant": ("idle", "flood") * 2,
         "stealth": ("idle", "flood") * 2}


def batch(lab, mode, each, seconds, name, rng):
    """Sessions of each load at once, in an order of which nothing follows; what batch() of sessions.py returns, and the capture."""
    sink = subprocess.Popen([f"{lab.bin}/source", "sink"], stdout=subprocess.PIPE, text=True,
                            start_new_session=True)
    runs = []
    try:
        port = int(sink.stdout.readline())
        capture = Capture(lab, port, name)
        kinds = rng.permutation([k for _ in range(each) for k in LOADS[mode]]).tolist()
        for kind in kinds:
            runs.append(subprocess.Popen(
                [f"{lab.bin}/source", "run", str(port), mode, str(CLASS[mode]), kind,
                 str(int(seconds * 1000 + 60000))], start_new_session=True))
        locals_ = [wait_for(lambda p=p: next((a for a, b in ports_of(p.pid).items() if b == port), 0),
                            "a connection") for p in runs]
        time.sleep(1)
        start = time.time_ns()
        time.sleep(seconds)
        if any(p.poll() is not None for p in runs):
            raise Failed(f"a source of {mode} ended")
        return [(k, p, start, start + int(seconds * 1e9), []) for k, p in zip(kinds, locals_)], capture.end()
    finally:
        end_all([*runs, sink])


def watch(lab, mode, batches, each, seconds):
    s, rng = classify.Sessions(), np.random.default_rng(lab.seed)
    for b in range(batches):
        found, path = batch(lab, mode, each, seconds, f"source-{mode}-{b}", rng)
        s.add(path, found, b)
    return s
