# SPDX-License-Identifier: ISC
"""Results, and what a person reads of them: report.html with its plots inside, report.json."""
import html
import io
import json
import math
import re

import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

# met, missed: a target; open: too little was measured to say; lit, dark: a control that must be
# found, and was or was not; info: no target
VERDICTS = {"met": "#2a7", "missed": "#c33", "open": "#b80", "lit": "#2a7", "dark": "#c33",
            "info": "#667"}
STYLE = """body{font:15px/1.45 sans-serif;max-width:66em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%;font-size:14px}td,th{text-align:left;padding:.25em .6em;
border-bottom:1px solid #ddd;vertical-align:top}b.v{color:#fff;border-radius:3px;padding:0 .4em}
svg{max-width:100%;height:auto}h2{margin-top:2em}small{color:#667}"""


def show(v):
    if v is None:
        return ""
    if isinstance(v, (list, tuple)):
        return " … ".join(show(x) for x in v)
    if isinstance(v, float):
        return "-" if math.isnan(v) else f"{v:.4g}"
    return str(v)


class Report:
    def __init__(self, facts):
        self.facts, self.rows, self.plots, self.texts = facts, [], [], {}

    def add(self, section, what, value, interval=None, target=None, verdict="info", note=""):
        """One number; said at once, too."""
        row = {"section": section, "what": what, "value": value, "interval": interval,
               "target": target, "verdict": verdict, "note": note}
        self.rows.append(row)
        print(f"{verdict:7} {section}: {what}: {show(value)}"
              f"{' [' + show(interval) + ']' if interval else ''}"
              f"{' (' + target + ')' if target else ''}{' ' + note if note else ''}", flush=True)

    def text(self, section, words):
        self.texts[section] = words

    def figure(self, section, draw, size=(8, 3.2)):
        fig, ax = plt.subplots(figsize=size)
        draw(ax)
        fig.tight_layout()
        out = io.StringIO()
        fig.savefig(out, format="svg")
        plt.close(fig)
        svg = re.sub(r"<\?xml.*?<svg", "<svg", out.getvalue(), flags=re.S)
        # ids are the document's: each figure gets its own
        name = f"f{len(self.plots)}-"
        svg = re.sub(r'(id="|href="#|url\(#)', lambda m: m.group(1) + name, svg)
        self.plots.append((section, svg))

    def missed(self):
        return [r for r in self.rows if r["verdict"] in ("missed", "dark")]

    def write(self, folder):
        with open(f"{folder}/report.json", "w", encoding="utf-8") as f:
            json.dump({"facts": self.facts, "results": self.rows}, f, indent=1, default=float)
        with open(f"{folder}/report.html", "w", encoding="utf-8") as f:
            f.write(self._html())

    def _table(self, rows):
        e = html.escape
        lines = ["<table><tr><th>what</th><th>value</th><th>interval</th><th>target</th>"
                 "<th>verdict</th><th></th></tr>"]
        lines += [f'<tr><td>{e(r["what"])}</td><td>{e(show(r["value"]))}</td>'
                  f'<td>{e(show(r["interval"]))}</td><td>{e(r["target"] or "")}</td>'
                  f'<td><b class="v" style="background:{VERDICTS[r["verdict"]]}">{r["verdict"]}'
                  f'</b></td><td><small>{e(r["note"])}</small></td></tr>' for r in rows]
        return "\n".join(lines + ["</table>"])

    def _html(self):
        e = html.escape
        parts = ['<!doctype html><html lang="en"><meta charset="utf-8">',
                 f"<title>QSP: what the wire tells</title><style>{STYLE}</style>",
                 "<h1>What the wire tells</h1>"]
        parts += [f"<p>{e(k)}: {e(show(v))}</p>" for k, v in self.facts.items()]
        missed = self.missed()
        parts.append("<h2>Missed</h2>" + (self._table(missed) if missed else
                                           "<p>No target was missed.</p>"))
        unsure = [r for r in self.rows if r["verdict"] == "open"]
        if unsure:
            parts.append("<h2>Open: too little measured to say</h2>" + self._table(unsure))
        for section in dict.fromkeys(r["section"] for r in self.rows):
            parts.append(f"<h2>{e(section)}</h2>")
            if section in self.texts:
                parts.append(f"<p>{e(self.texts[section])}</p>")
            parts.append(self._table([r for r in self.rows if r["section"] == section]))
            parts += [svg for s, svg in self.plots if s == section]
        return "\n".join(parts) + "</html>\n"
