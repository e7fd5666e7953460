# SPDX-License-Identifier: ISC
"""Sessions of many kinds at the same time, each with one flow and one window to watch."""
import contextlib
import ctypes
import os
import pty
import re
import selectors
import signal
import socket
import subprocess
import threading
import time

import numpy as np

from host import Failed, end_all, ports_of, wait_for

SHELL = 'PS1="$ " exec sh -i'
MARK = b"REA''DY"
PORTION = 300000  # bytes that a command prints, or a transfer moves, at once
SETTLE = 2.0      # seconds from the last session's start to the windows
TEXT = "grep -n alpha notes.txt\nls -l\ncd project\nmake test\ngit log -3\nvi README\ncat todo\n"
KINDS = ("idle", "typing", "ls", "up", "down", "browse")
COMMANDS = ("true", "date", "id; uname -a", "ls -l /etc", "ps aux", "cat /etc/services",
            "ls -R /usr/share/doc | head -c 100000", "seq 4000", "df; mount", "head -c 30000 /dev/zero")


def keystrokes(rng, seconds):
    """Times and keys of somebody who types, and thinks before each line."""
    at, out = float(rng.uniform(0, 0.5)), []
    while at < seconds:
        for key in TEXT:
            out.append((at, key.encode()))
            at += float(rng.lognormal(-1.8, 0.5) if key != "\n" else rng.uniform(0.3, 1.5))
    return [(t, k) for t, k in out if t < seconds]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Session:
    """One client process; what it does begins at its window's beginning."""

    def __init__(self, server, options, kind, rng, pages=None):
        self.server, self.kind, self.rng, self.pages = server, kind, rng, pages
        self.master = self.producer = self.port = None
        self.ready, self.seen = False, b""
        self.processes, self.actions, self.did = [], [], []
        {"up": self._up, "down": self._down, "browse": self._browse}.get(
            kind, self._shell)(options)

    def _spawn(self, command, **kw):
        p = subprocess.Popen(command, env=self.server.env, start_new_session=True, **kw)
        self.processes.append(p)
        return p

    def _shell(self, options):
        self.master, slave = pty.openpty()
        self._spawn(self.server.client([*options, "-tt"], [SHELL]), stdin=slave, stdout=slave,
                    stderr=slave)
        os.close(slave)
        os.write(self.master, b"echo " + MARK + b"\n")

    def _up(self, options):
        loop = f"read x; while :; do head -c {PORTION} /dev/zero; sleep 0.2; done"
        self.producer = self._spawn(["sh", "-c", loop], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._spawn(self.server.client(options, ["cat >/dev/null"]), stdin=self.producer.stdout,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.producer.stdout.close()

    def _down(self, options):
        loop = f"read x; while :; do head -c {PORTION} /dev/zero; sleep 0.2; done"
        self.producer = self._spawn(self.server.client(options, [loop]), stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _browse(self, options):
        self.local = free_port()
        self._spawn(self.server.client([*options, "-N", "-L", f"127.0.0.1:{self.local}:127.0.0.1:"
                                        f"{self.pages.port}"], []),
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def client(self):
        return self.processes[-1]

    def on_output(self):
        """From the terminal; False at its end."""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        if not self.ready:
            self.seen = (self.seen + data)[-4096:]
            self.ready = b"READY" in self.seen
        return bool(data)

    def is_up(self):
        """Connected, and for a shell: answered."""
        if self.client().poll() is not None:
            raise Failed(f"a session of kind {self.kind} ended: {self.seen.decode(errors='replace')}")
        if self.port is None:
            for local, remote in ports_of(self.client().pid).items():
                if remote == self.server.port:
                    self.port = local
        if self.kind == "browse" and self.port and not self.ready:
            # only when it has logged in does a client listen
            self.ready = self.local in ports_of(self.client().pid)
        return self.port is not None and (self.ready or self.kind in ("up", "down"))

    def plan(self, seconds):
        """(seconds from the window's beginning, what to type)"""
        if self.kind == "typing":
            self.actions = keystrokes(self.rng, seconds)
        elif self.kind == "ls":
            loop = f"while :; do ls -R /usr/share/doc | head -c {PORTION}; sleep 0.2; done\n"
            self.actions = [(float(self.rng.uniform(0, 0.5)), loop.encode())]
        elif self.kind in ("up", "down"):
            self.actions = [(float(self.rng.uniform(0, 0.5)), b"go\n")]
        elif self.kind == "commands":
            order = self.rng.permutation(len(COMMANDS))
            step = seconds / len(COMMANDS)
            self.actions = [(i * step, COMMANDS[c].encode() + b"\n") for i, c in enumerate(order)]
            self.did = [(i * step, step, int(c)) for i, c in enumerate(order)]

    def act(self, what):
        with contextlib.suppress(OSError):
            if self.producer is not None:
                self.producer.stdin.write(what)
                self.producer.stdin.flush()
            else:
                os.write(self.master, what)

    def end(self):
        end_all(self.processes, signal.SIGKILL)
        if self.master is not None:
            os.close(self.master)
        if self.producer is not None:
            with contextlib.suppress(OSError):
                self.producer.stdin.close()


# --- browsing ---------------------------------------------------------------------------------

def enter_namespace(pid):
    """This thread, into the network of a process."""
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    ctypes.CDLL(None).setns(fd, 0x40000000)
    os.close(fd)


def browse(pid, port, rng, until):
    """Fetches pages of ordinary sizes through a forwarded port, with time to read between."""
    enter_namespace(pid)
    while time.time() < until:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                s.settimeout(max(0.1, until - time.time()))
                n = int(min(400000, rng.lognormal(10, 1)))
                s.sendall(f"GET /{n} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                while s.recv(65536):
                    pass
        time.sleep(max(0.0, min(float(rng.exponential(1.0)), until - time.time())))


# --- batches ----------------------------------------------------------------------------------

def pump(sessions, until, actions=()):
    """Reads what terminals show, and types what is due, until a time."""
    actions = sorted(actions, key=lambda a: a[0])
    with selectors.DefaultSelector() as sel:
        for s in sessions:
            if s.master is not None:
                sel.register(s.master, selectors.EVENT_READ, s)
        while (now := time.time()) < until:
            while actions and actions[0][0] <= now:
                _, s, what = actions.pop(0)
                s.act(what)
            due = min(until, actions[0][0] if actions else until)
            for key, _ in sel.select(max(0.0, min(0.1, due - time.time()))):
                if not key.data.on_output():
                    sel.unregister(key.fd)


def batch(server, options, kinds, seconds, rng, pages=None):
    """Sessions at once; (kind, port, start ns, end ns, what was done when) of each."""
    sessions = []
    try:
        for kind in kinds:
            sessions.append(Session(server, options, kind, rng, pages))
            pump(sessions, time.time() + 0.03)
        end = time.time() + 60
        while not all(s.is_up() for s in sessions):
            if time.time() > end:
                raise Failed("sessions do not come up: " +
                             ", ".join(s.kind for s in sessions if not s.is_up()))
            pump(sessions, time.time() + 0.2)
        pump(sessions, time.time() + SETTLE)
        start = time.time() + 0.2
        for s in sessions:
            s.plan(seconds)
            if s.kind == "browse":
                threading.Thread(target=browse, daemon=True, args=(
                    s.client().pid, s.local, np.random.default_rng(rng.integers(2**62)), start + seconds)).start()
        pump(sessions, start + seconds,
             [(start + at, s, what) for s in sessions for at, what in s.actions])
        gone = [s.kind for s in sessions if s.client().poll() is not None]
        if gone:
            raise Failed(f"sessions ended early: {', '.join(gone)}")
        ns = int(start * 1e9)
        return [(s.kind, s.port, ns, ns + int(seconds * 1e9), s.did) for s in sessions]
    finally:
        for s in sessions:
            s.end()


def supported(server, options):
    """None where a client can have these options, else what it says."""
    r = subprocess.run(server.client(options, ["true"]), stdin=subprocess.DEVNULL, env=server.env,
                       capture_output=True, text=True, timeout=60, check=False)
    return None if r.returncode == 0 else re.sub(r"\s+", " ", r.stderr).strip() or "no"


def supports_forwarding(server):
    p = subprocess.Popen(server.client(["-N", "-L", f"127.0.0.1:{free_port()}:127.0.0.1:9"], []),
                         env=server.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: p.poll() is not None or len(ports_of(p.pid)) > 1, "a forwarded port", 5)
        return p.poll() is None
    except Failed:
        return False
    finally:
        end_all([p], signal.SIGKILL)
