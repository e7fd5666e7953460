# SPDX-License-Identifier: ISC
"""Idle or active, by mode of shaping: real sessions of real programs, and senders of known kind."""
import contextlib
import shutil
import subprocess

import numpy as np

import calibrate
import classify
import flows
import sessions
from host import Capture, Failed, OpenSsh, Pages, Qsp, end_all, wait_for
from stats import ALPHA

# mode: options of qssh, and what it is for
MODES = {
    "cover off": (["-o", "ObscureKeystrokeTiming=no", "--padding=none"], "control"),
    "plain": ([], "info"),
    "padding burst": (["--padding=burst"], "info"),
    "padding max": (["--padding=max"], "info"),
    "stealth": (["--stealth"], "target"),
    "stealth, adaptive": (["--stealth=adaptive"], "info"),
}
BOUND = 0.55


# --- watching ---------------------------------------------------------------------------------

def kinds_of_batch(available, width):
    """Half of the sessions idle, the rest in even shares, in an order of which nothing follows."""
    active = [k for k in available if k != "idle"]
    return ["idle"] * (width // 2) + [active[i % len(active)] for i in range(width - width // 2)]


def watch(lab, server, options, kinds, plan, name, pages=None, interface="lo", enter=()):
    """Batches of sessions, captured; a batch that failed is made again once."""
    out, rng = classify.Sessions(), np.random.default_rng(lab.seed)
    batches, seconds = plan
    for b in range(batches):
        for attempt in (0, 1):
            capture = Capture(lab, server.port, f"{name.replace(' ', '-')}-{b}", enter, interface)
            try:
                found = sessions.batch(server, options, rng.permutation(kinds).tolist(), seconds,
                                       rng, pages)
                out.add(capture.end(), found, b)
                break
            except Failed as e:
                end_all([capture.process])
                if attempt:
                    raise
                print(f"lab: {name}, batch {b}: {e}; again", flush=True)
    return out


def available_kinds(server):
    return [k for k in sessions.KINDS if k != "browse" or sessions.supports_forwarding(server)]


# --- reporting --------------------------------------------------------------------------------

def judged(lab, low, high):
    """Of an interval. A quick run has too few sessions to call anything missed but what is large,
    and that has a row of its own."""
    if high <= BOUND:
        return "met"
    return "missed" if low > 0.5 and not lab.quick else "open"


def report_auc(lab, section, name, role, s, lengths):
    """Rows of every classifier and length of window; the best of them, by its lower bound."""
    rng, best = np.random.default_rng(lab.seed), None
    for seconds in lengths:
        for model, r in classify.idle_or_not(s, seconds, rng, lab.jobs).items():
            low, high = r["interval"]
            verdict, target = "info", None
            if role == "target":
                target = f"upper bound <= {BOUND}"
                verdict = judged(lab, low, high)
            kinds = ", ".join(f"{k} {v:.3f}" for k, (v, _) in r["kinds"].items())
            lab.report.add(section, f"{name}: AUC, {model}, windows of {seconds:g} s", r["auc"],
                           r["interval"], target, verdict,
                           f"p {r['p']:.3f}, {r['windows']} windows; {kinds}")
            if best is None or low > best["interval"][0]:
                best = r
    if role == "target":
        for feature, value, p in classify.telling(s, rng, lab.permutations):
            lab.report.add(section, f"{name}: AUC of one feature, {feature}", value, None, None, "info",
                           f"p {p:.4f}, corrected for all features")
    lab.aucs.append((name, best["auc"], best["interval"]))
    return best


def report_gaps(lab, section, name, role, s):
    rows = classify.gap_tests(s, np.random.default_rng(lab.seed), lab.permutations)
    for kind, way, test, value, p, corrected, n in rows:
        verdict = "info" if role != "target" else "met" if corrected >= ALPHA else "missed"
        lab.report.add(section, f"{name}: {test}, idle against {kind}, {way}", value, None,
                       "corrected p >= 0.01" if role == "target" else None, verdict,
                       f"p {p:.4f}, corrected {corrected:.4f}, {n} gaps")


def draw_gaps(lab, section, name, s):
    def draw(ax):
        for kind in dict.fromkeys(s.kinds):
            g = [flows.gaps(f, 0) for f, k in zip(s.flows, s.kinds) if k == kind]
            g = np.concatenate(g) if g else np.zeros(0)
            if len(g) > 50:
                ax.hist(g, bins=150, range=(0, float(np.quantile(g, 0.995))), density=True,
                        histtype="step", label=kind)
        ax.set(xlabel="gap between writes of the client, ms", title=name)
        ax.legend(fontsize=8)
    lab.report.figure(section, draw)


# --- parts ------------------------------------------------------------------------------------

def calibration(lab):
    section = "Controls: senders of known behaviour"
    lab.report.text(section, "bench/lab/source.c: cover off; a timer that is constant, and work done "
                    "when it fires; and the shaping of P8 with the same loads.")
    for mode, (batches, each, seconds) in lab.calibration.items():
        s = calibrate.watch(lab, mode, batches, each, seconds)
        best = report_auc(lab, section, mode, "info", s, lab.lengths[:1])
        if mode != "off":
            report_gaps(lab, section, mode, "info", s)
        low = best["interval"][0]
        if mode == "stealth":
            lab.report.add(section, "the machine of P8: no large effect", best["auc"], best["interval"],
                           f"lower bound <= {lab.large}", "met" if low <= lab.large else "missed")
        else:
            bound = {"off": 0.99, "constant": 0.7}[mode]
            lab.report.add(section, f"control {mode}: found", best["auc"], best["interval"],
                           f">= {bound}, lower bound > 0.5",
                           "lit" if best["auc"] >= bound and low > 0.5 else "dark")
        draw_gaps(lab, section, mode, s)


def openssh(lab):
    section = "Controls: OpenSSH"
    if not shutil.which("ssh") or not shutil.which("sshd", path="/usr/sbin:/usr/bin"):
        lab.report.add(section, "OpenSSH", "not installed")
        return
    server = OpenSsh(lab)
    try:
        words = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
        kinds = kinds_of_batch([k for k in sessions.KINDS if k != "browse"], lab.width)
        s = watch(lab, server, [], kinds, lab.plans["control"], "openssh")
        best = report_auc(lab, section, "OpenSSH", "info", s, lab.lengths[-1:])
        lab.report.add(section, "control OpenSSH: found", best["auc"], best["interval"],
                       "lower bound >= 0.95", "lit" if best["interval"][0] >= 0.95 else "dark",
                       words.split(",")[0])
        draw_gaps(lab, section, "OpenSSH", s)
    finally:
        server.end()


def one_mode(lab, server, name, pages):
    """A mode of qssh, watched and judged; its sessions."""
    options, role = MODES[name]
    section = f"qssh: {name}"
    why = sessions.supported(server, options)
    if why:
        lab.report.add(section, f"{name} was not measured", "not there yet", note=why)
        return None
    kinds = available_kinds(server)
    s = watch(lab, server, options, kinds_of_batch(kinds, lab.width), lab.plans[role], name, pages)
    lengths = lab.lengths if role == "target" else lab.lengths[-1:]
    best = report_auc(lab, section, name, role, s, lengths)
    report_gaps(lab, section, name, role, s)
    draw_gaps(lab, section, name, s)
    if role == "control":
        lab.report.add(section, "control cover off: found", best["auc"], best["interval"],
                       "lower bound >= 0.95", "lit" if best["interval"][0] >= 0.95 else "dark")
    elif role == "target":
        large = best["interval"][0] > lab.large
        lab.report.add(section, f"{name}: no large effect", best["auc"], best["interval"],
                       f"lower bound <= {lab.large}", "missed" if large else "met")
    missing = set(sessions.KINDS) - set(kinds)
    if missing:
        lab.report.add(section, "kinds that were not there", ", ".join(sorted(missing)))
    return s


def commands(lab, server, name):
    section = f"qssh: {name}"
    batches, seconds = lab.plans["commands"]
    s = watch(lab, server, MODES[name][0], ["commands"] * lab.width, (batches, seconds),
              f"commands-{name}")
    hits, n, around = classify.which_command(s, np.random.default_rng(lab.seed), lab.jobs)
    chance = 1 / len(sessions.COMMANDS)
    verdict = "info"
    if MODES[name][1] == "target":
        verdict = "met" if around[0] <= chance else "missed"
    elif MODES[name][1] == "control":
        verdict = "lit" if around[0] > 3 * chance else "dark"
    lab.report.add(section, "which of ten commands: share right", hits / n, around,
                   {"lit": f"lower bound > {3 * chance:g}", "dark": f"lower bound > {3 * chance:g}",
                    "info": None}.get(verdict, f"{chance:g} inside"), verdict, f"{n} commands")


def sensitivity(lab, s, name):
    section = "Sensitivity"
    lab.report.text(section, f"Idle sessions under {name}; in half of them every other segment of the "
                    "client is made late, afterwards, by so much. The smallest that is found.")
    rng = np.random.default_rng(lab.seed)
    rows = classify.sensitivity(s, lab.shifts, lab.lengths[0], rng, lab.jobs, lab.permutations)
    for us, p, value, around in rows:
        lab.report.add(section, f"late by {us} us: AUC of the best classifier", value, around,
                       note=f"least p of KS and AD {p:.4f}")
    by_gaps, by_model = classify.found_at(rows)
    lab.report.add(section, "smallest shift found by KS or AD, us", by_gaps if by_gaps else "none")
    lab.report.add(section, "smallest shift found by a classifier, us", by_model if by_model else "none")

    def draw(ax):
        x = [r[0] for r in rows]
        ax.errorbar(x, [r[2] for r in rows], np.abs(np.array([[r[2] - r[3][0], r[3][1] - r[2]]
                                                               for r in rows]).T), marker="o")
        ax.axhline(0.5, color="k", linestyle=":", linewidth=1)
        ax.set(xscale="log", xlabel="late by, us", ylabel="AUC")
    lab.report.figure(section, draw)


def shell(lab):
    """Every mode of the programs, on the loopback of a namespace."""
    server = pages = None
    try:
        server, pages = Qsp(lab), Pages()
        for name in MODES:
            if name not in lab.modes:
                continue
            s = one_mode(lab, server, name, pages)
            if s is not None and MODES[name][1] == "target" and lab.shifts:
                sensitivity(lab, s, name)
            if s is not None and MODES[name][1] in ("target", "control") and "commands" in lab.plans:
                commands(lab, server, name)
    finally:
        for x in (server, pages):
            if x is not None:
                x.end()


# --- a long link ------------------------------------------------------------------------------

@contextlib.contextmanager
def long_link(lab, words):
    """Two namespaces joined by tests/netlink: how to enter each."""
    control = f"{lab.work}/link"
    tool = f"{lab.build}/tests/netlink"
    p = subprocess.Popen([tool, "serve", control, *words], stderr=subprocess.PIPE, text=True,
                         start_new_session=True)
    try:
        def there():
            if p.poll() is not None:
                raise Failed("netlink: " + p.stderr.read())
            r = subprocess.run([tool, "ask", control, "namespaces"], capture_output=True, text=True,
                               check=False)
            return r.stdout.split() if r.returncode == 0 else None
        a, b = wait_for(there, "the link")
        enter = [["nsenter", f"--net={ns}"] for ns in (a, b)]
        for e in enter:
            subprocess.run([*e, "ip", "link", "set", "lo", "up"], check=False)
        yield enter
    finally:
        end_all([p])


def link_interface(enter):
    """The one that is not the loopback."""
    out = subprocess.run([*enter, "ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return next(n for n in (line.split(":")[1].strip().split("@")[0] for line in out.splitlines())
                if n != "lo")


def link(lab):
    """Stealth over delay, jitter and loss, watched beside the client."""
    section = "A long link"
    words = ["delay=50", "jitter=20", "loss=1"]
    lab.report.text(section, f"tests/netlink: {' '.join(words)} (ms, ms, percent); watched in the "
                    "client's namespace.")
    with long_link(lab, words) as (a, b):
        server = Qsp(lab, enter=b, address="10.77.0.2", client_enter=a)
        try:
            for name in ("cover off", "stealth"):
                options, role = MODES[name]
                if name not in lab.modes or sessions.supported(server, options):
                    continue
                kinds = kinds_of_batch([k for k in sessions.KINDS if k != "browse"], lab.width)
                s = watch(lab, server, options, kinds, lab.plans["link" if role == "target" else role],
                          f"link-{name}", interface=link_interface(a), enter=a)
                role = "target" if role == "target" else "info"
                report_auc(lab, section, f"{name}, long link", role, s, lab.lengths[-1:])
                report_gaps(lab, section, f"{name}, long link", role, s)
        finally:
            server.end()
