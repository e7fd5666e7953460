# SPDX-License-Identifier: ISC
"""The laboratory: what of QSP an observer of the wire can tell. bench/lab/run starts it; docs/lab.md."""
import os
import shutil
import sys
import tempfile
import time
import types

import probes
import report
import traffic
import uniform
from host import Failed

PARTS = ("flights", "streams", "probes", "calibration", "openssh", "shell", "link")


def number(name, default):
    return type(default)(os.environ.get(name, default))


def chosen_modes(default):
    """MODES: names of traffic.MODES, with commas between."""
    asked = [m.strip() for m in os.environ.get("MODES", "").split(",") if m.strip()]
    unknown = [m for m in asked if m not in traffic.MODES]
    if unknown:
        sys.exit(f"lab: MODES: {unknown[0]} is none of {', '.join(traffic.MODES)}")
    return asked or default


def settings():
    """The full measure, or the quick one; each number can be given in the environment."""
    quick = os.environ.get("QUICK", "0") not in ("", "0")
    seconds = number("SECONDS", 10.0 if quick else 30.0)
    few = number("BATCHES", 1 if quick else 2)
    many = number("STEALTH_BATCHES", 2 if quick else 16)
    lab = types.SimpleNamespace(
        quick=quick,
        jobs=os.cpu_count() or 1,
        seed=number("SEED", 1),
        flights=number("FLIGHTS", 500 if quick else 50000),
        controls=400 if quick else 5000,
        points=400 if quick else 10000,
        stream_cells=13700 if quick else 137000,
        dieharder_seconds=number("DIEHARDER", 0 if quick else 90),
        probes=number("PROBES", 110 if quick else 506),
        probe_seconds=3.0 if quick else 30.0,
        closes=200 if quick else 500,
        # batches, a quarter of the sessions, seconds
        calibration={"off": (1, 3, 6.0), "constant": (3, 3, 6.0), "stealth": (2, 3, 6.0)} if quick
        else {"off": (2, 5, 10.0), "constant": (4, 5, 20.0), "stealth": (8, 5, 20.0)},
        width=number("WIDTH", 12 if quick else 40),
        plans={"control": (few, seconds), "info": (few, seconds), "target": (many, seconds),
               "link": (number("LINK_BATCHES", few if quick else 8), seconds)},
        lengths=[2.0] if quick else [1.0, 10.0, seconds],
        permutations=999 if quick else 4999,
        shifts=[] if quick else [20, 50, 100, 200, 500, 1000, 2000],
        large=0.7,
        modes=chosen_modes(["cover off", "stealth"] if quick else list(traffic.MODES)),
        server_lines=[],
        aucs=[])
    if not quick:
        lab.plans["commands"] = (2, 60.0)
    return lab


def facts(lab):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        cpu = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    return {"when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "where": f"{os.cpu_count()} cores, {cpu}, Linux {os.uname().release}, load "
                     f"{os.getloadavg()[0]:.1f} at the beginning",
            "measure": "quick" if lab.quick else "full", "seed": lab.seed}


def draw_aucs(lab):
    section = "All modes"

    def draw(ax):
        rows = lab.aucs[::-1]
        for i, (_, value, (low, high)) in enumerate(rows):
            ax.plot([low, high], [i, i], "-", color="#357")
            ax.plot(value, i, "o", color="#357")
        ax.set_yticks(range(len(rows)), [r[0] for r in rows])
        ax.axvline(0.5, color="k", linestyle=":", linewidth=1)
        ax.axvline(traffic.BOUND, color="#c33", linestyle=":", linewidth=1)
        ax.set(xlabel="AUC, idle against active, 95 %", xlim=(0.3, 1.02))
    if lab.aucs:
        for name, value, around in lab.aucs:
            lab.report.add(section, f"{name}: the best classifier's AUC", value, around)
        lab.report.figure(section, draw, (8, 1 + 0.35 * len(lab.aucs)))


def main():
    lab = settings()
    lab.programs = os.environ["QSP_BIN"]
    lab.build = os.path.dirname(lab.programs)
    lab.bin = f"{lab.build}/lab"
    out = os.environ.get("LAB_OUT", lab.bin)
    os.makedirs(out, exist_ok=True)
    chosen = os.environ.get("PARTS", "").split() or PARTS
    if lab.quick:
        chosen = [p for p in chosen if p != "link"]
    lab.report = report.Report(facts(lab))
    lab.work = tempfile.mkdtemp(prefix="qsp-lab.", dir=os.environ.get("TMPDIR"))
    run = {"flights": uniform.flights, "streams": uniform.streams, "probes": probes.run,
           "calibration": traffic.calibration, "openssh": traffic.openssh, "shell": traffic.shell,
           "link": traffic.link}
    begun = time.monotonic()
    try:
        for part in PARTS:
            if part not in chosen:
                continue
            from_ = time.monotonic()
            try:
                run[part](lab)
            except (Failed, OSError) as e:
                lab.report.add(part, "could not be measured", str(e), verdict="missed")
            print(f"lab: {part}: {time.monotonic() - from_:.0f} s", flush=True)
        draw_aucs(lab)
        lab.report.facts["took"] = f"{(time.monotonic() - begun) / 60:.1f} minutes"
        lab.report.facts["load at the end"] = os.getloadavg()[0]
        lab.report.write(out)
        print(f"lab: {out}/report.html, {out}/report.json")
    finally:
        if os.environ.get("KEEP"):
            print(f"lab: kept {lab.work}")
        else:
            shutil.rmtree(lab.work, ignore_errors=True)
    missed = lab.report.missed()
    if missed:
        print(f"lab: {len(missed)} missed:")
        for r in missed:
            print(f"  {r['section']}: {r['what']}: {report.show(r['value'])}")
    return 1 if lab.quick and missed else 0


if __name__ == "__main__":
    sys.exit(main())
