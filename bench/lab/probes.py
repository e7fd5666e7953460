# SPDX-License-Identifier: ISC
"""What a server tells those who cannot send a good first message [P4.4]: bytes, and when it closes."""
import contextlib
import os
import selectors
import socket
import subprocess
import time

import numpy as np
from scipy import stats as sps

from host import Failed, Qsp
from stats import ALPHA, holm, wilson

M1 = 3840
TEXTS = {"HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
         "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(505),
         "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"}
KINDS = ("nothing", "short", "a flight", "long", "HTTP", "TLS", "SSH", "replay", "flipped", "cut off",
         "slow")


def good_m1s(lab, server, n):
    """First messages that the server would answer."""
    public = f"{server.files}/host_key.pub"
    with open(public, "w", encoding="ascii") as f:
        f.write(server.keygen("-y", "-f", f"{server.files}/host_key"))
    with open(f"{server.files}/host_key.secret", encoding="ascii") as f:
        secret = next(line.split()[2] for line in f if line.startswith("current "))
    out = subprocess.run([f"{lab.build}/tests/e2e-probe", str(server.port), public, secret, "m1",
                          str(n)], check=True, capture_output=True).stdout
    return [out[i:i + M1] for i in range(0, len(out), M1)]


def is_answered(server, m1):
    """Sends a good one, and takes what comes back."""
    with socket.create_connection((server.address, server.port), 10) as s:
        s.sendall(m1)
        s.settimeout(10)
        n = 0
        while n < M1 and (got := s.recv(M1)):
            n += len(got)
    return n >= M1


def words_of(kind, m1, rng):
    """What a probe of a kind says."""
    if kind in TEXTS:
        return TEXTS[kind]
    if kind in ("nothing", "slow"):
        return b""
    if kind == "replay":
        return m1
    if kind == "flipped":
        at = int(rng.integers(M1))
        return m1[:at] + bytes([m1[at] ^ 1 << int(rng.integers(8))]) + m1[at + 1:]
    if kind == "cut off":
        return m1[:int(rng.integers(1, M1))]
    n = {"short": int(rng.integers(1, M1)), "a flight": M1, "long": int(rng.integers(M1 + 1, 20001))}
    return os.urandom(n[kind])


class Probe:
    def __init__(self, server, kind, words):
        self.kind, self.got, self.ended = kind, 0, None
        self.s = socket.create_connection((server.address, server.port), 10)
        if words:
            self.s.sendall(words)
        self.s.setblocking(False)

    def drain(self):
        """Counts what came; how it ended, if it did."""
        try:
            while data := self.s.recv(4096):
                self.got += len(data)
            self.ended = "FIN"
        except BlockingIOError:
            pass
        except ConnectionError:
            self.ended = "RST"


def listen(probes, seconds):
    """For so long nothing should come; the slow ones go on a byte at a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for p in probes:
            if p.ended is None:
                p.drain()
            if p.kind == "slow" and p.ended is None:
                with contextlib.suppress(OSError):
                    p.s.send(os.urandom(1))
        time.sleep(0.25)


def part(probes, rng):
    """Our side is closed, one by one in any order: how long until the server's is, in us."""
    for i in rng.permutation(len(probes)):
        p = probes[i]
        if p.ended is not None:
            continue
        with selectors.DefaultSelector() as sel:
            sel.register(p.s, selectors.EVENT_READ)
            start = time.perf_counter_ns()
            p.s.shutdown(socket.SHUT_WR)
            sel.select(20)
            p.delay = (time.perf_counter_ns() - start) / 1e3
        p.drain()


def report_parting(lab, section, probes):
    """Do the kinds differ in how the server answers our FIN?"""
    delays = {k: [p.delay for p in probes if p.kind == k and hasattr(p, "delay")] for k in KINDS}
    every = {k: v for k, v in delays.items() if len(v) >= 5}
    tests = [(k, sps.ks_2samp(v, [x for j, w in every.items() if j != k for x in w]).pvalue)
             for k, v in every.items()]
    corrected = holm([p for _, p in tests])
    least = int(np.argmin(corrected))
    lab.report.add(section, "KS of the time from our FIN to the server's, each kind against the rest: "
                   "least corrected p", float(corrected[least]), target="> 0.01",
                   verdict="met" if corrected[least] > ALPHA else "missed",
                   note=f"{tests[least][0]}; median {np.median(sum(every.values(), [])):.0f} us")
    ends = {p.ended for p in probes}
    lab.report.add(section, "how connections ended", ", ".join(sorted(map(str, ends))), target="FIN",
                   verdict="met" if ends == {"FIN"} else "missed")


def report_engine(lab, section):
    """Close times drawn by the engine, in virtual time: 5 to 60 minutes, whatever the cause."""
    out = subprocess.run([f"{lab.bin}/closes", str(lab.closes)], check=True, capture_output=True,
                         text=True).stdout
    by = {}
    for line in out.splitlines():
        cause, ms = line.split()
        by.setdefault(cause, []).append(float(ms) / 60000)
    uniform = {c: sps.kstest(v, "uniform", args=(5, 55)).pvalue for c, v in by.items()}
    apart = {c: sps.ks_2samp(v, sum((w for k, w in by.items() if k != c), [])).pvalue
             for c, v in by.items()}
    for name, ps in (("against uniform on 5 to 60 minutes", uniform), ("each cause against the rest", apart)):
        least = float(holm(list(ps.values())).min())
        lab.report.add(section, f"KS of the engine's close times, {name}: least corrected p", least,
                       target="> 0.01", verdict="met" if least > ALPHA else "missed",
                       note=f"{lab.closes} of each cause: {', '.join(by)}")


def run(lab):
    section = "Probes"
    lab.report.text(section, "Random bytes of every length, other protocols, replays, good first "
                    "messages with a bit flipped or cut off, a byte at a time. The server closes after "
                    "5 to 60 minutes, longer than a run: so nothing may close within it, our own FIN "
                    "must be answered alike, and the engine is asked for the times it draws.")
    rng, server = np.random.default_rng(lab.seed), Qsp(lab)
    try:
        kinds = [KINDS[i % len(KINDS)] for i in range(lab.probes)]
        m1s = good_m1s(lab, server, len(kinds))
        probes = []
        for kind, m1 in zip(kinds, m1s):
            if kind == "replay" and not is_answered(server, m1):
                raise Failed("a good first message got no answer")
            probes.append(Probe(server, kind, words_of(kind, m1, rng)))
        listen(probes, lab.probe_seconds)
        early = sum(p.ended is not None for p in probes)
        if not is_answered(server, good_m1s(lab, server, 1)[0]):
            raise Failed("the server answers nobody")
        part(probes, rng)
        got = sum(p.got for p in probes)
        lab.report.add(section, f"bytes that {len(probes)} probes were answered", got, target="0",
                       verdict="missed" if got else "met")
        lab.report.add(section, f"connections that the server closed within {lab.probe_seconds:g} s",
                       early, wilson(early, len(probes)), "0", "missed" if early else "met")
        report_parting(lab, section, probes)
        for p in probes:
            p.s.close()
    finally:
        server.end()
    report_engine(lab, section)
