# SPDX-License-Identifier: ISC
"""What the lint scripts share: the files of the tree, comment stripping, the verdict."""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(TOP)
sys.dont_write_bytecode = True
_found = 0


def files(*prefixes, suffix=""):
    """Paths of the tree (tracked or about to be) under the prefixes."""
    try:
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        out = [os.path.relpath(os.path.join(d, f), ".")
               for d, _, names in os.walk(".") for f in names
               if not d.startswith(("./build", "./.git/"))]
    return sorted(p for p in out if os.path.isfile(p) and p.endswith(suffix)
                  and (not prefixes or p.startswith(prefixes)))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


_COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*")|(\'(?:\\.|[^\'\\\n])*\')', re.S)


def code(text):
    """C source with comments and the insides of strings blanked, line numbers kept."""
    def blank(m):
        if m.group(1):
            return '""'
        if m.group(2):
            return "' '"
        return re.sub(r"[^\n]", " ", m.group(0))
    return _COMMENT.sub(blank, text)


def complain(path, line, text):
    global _found
    _found += 1
    print(f"{path}:{line}: {text}")


def need(program, package):
    from shutil import which
    if which(program) is None:
        sys.exit(f"{program} is not installed: run ./setup (Debian package {package})")


def verdict(what):
    if _found:
        print(f"{_found} found")
        sys.exit(1)
    print(what)
