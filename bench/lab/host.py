# SPDX-License-Identifier: ISC
"""Servers and clients to watch: files, processes, what a person does in a session."""
import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time

CAPTURE_READY = "ready\n"
LISTENS = re.compile(r"^Server listening on [0-9.]* port (\d+)\.$", re.M)


class Failed(Exception):
    """Something that should run does not."""


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failed(f"waited in vain for {what}")


def end_all(processes, sig=signal.SIGTERM):
    for p in processes:
        if p.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, sig)
    for p in processes:
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()


def ports_of(pid):
    """Local TCP ports of a process, as its network namespace has them."""
    inodes = set()
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                m = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
                inodes |= {m.group(1)} if m else set()
        with open(f"/proc/{pid}/net/tcp", encoding="ascii") as f:
            rows = [line.split() for line in f][1:]
        return {int(r[1].split(":")[1], 16): int(r[2].split(":")[1], 16)
                for r in rows if r[9] in inodes}
    return {}


class Capture:
    def __init__(self, lab, port, name, enter=(), interface="lo"):
        self.path = f"{lab.work}/{name}.cap"
        self.process = subprocess.Popen([*enter, f"{lab.bin}/capture", interface, str(port), self.path],
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.process.stdout.readline() != CAPTURE_READY:
            raise Failed("capture did not start")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        words = self.process.communicate()[0]
        m = re.match(r"(\d+) packets, (\d+) dropped", words)
        if not m or int(m.group(2)):
            raise Failed(f"capture: {words.strip()}")
        return self.path


# --- servers ----------------------------------------------------------------------------------

class Qsp:
    """qsshd, its keys, and the command lines of clients to it."""

    def __init__(self, lab, enter=(), address="127.0.0.1", client_enter=()):
        self.lab, self.enter, self.address, self.client_enter = lab, enter, address, client_enter
        self.home = f"{lab.work}/home"
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.env = {**os.environ, "HOME": self.home}
        self.key = f"{self.home}/.qssh/id_kyber768"
        os.makedirs(f"{self.home}/.qssh", mode=0o700, exist_ok=True)
        os.chmod(self.home, 0o700)
        if not os.path.exists(self.key):
            self.keygen("-t", "kyber768", "-N", "", "-f", self.key)
        self.files = f"{lab.work}/server-{len(os.listdir(lab.work))}"
        os.makedirs(self.files)
        with open(f"{self.key}.pub", encoding="ascii") as f:
            keys = f.read()
        with open(f"{self.files}/authorized_keys", "w", encoding="ascii") as f:
            f.write(keys)
        os.chmod(f"{self.files}/authorized_keys", 0o600)
        self.log = f"{self.files}/log"
        self.process = None
        self.start()

    def keygen(self, *args):
        return subprocess.run([f"{self.lab.programs}/qssh-keygen", "-q", *args], check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.env).stdout

    def start(self):
        config = f"{self.files}/config"
        lines = ["Port 0", f"ListenAddress {self.address}", f"HostKey {self.files}/host_key",
                 f"AuthorizedKeysFile {self.files}/authorized_keys", f"PidFile {self.files}/pid",
                 "StrictModes no", "PermitRootLogin yes", "LogLevel INFO", "MaxStartups 1000",
                 # a shell reads what its user has written for it only at home
                 f"SetEnv SHLVL=2 HOME={self.home}",
                 *self.lab.server_lines]
        with open(config, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        log = open(self.log, "w", encoding="utf-8")
        self.process = subprocess.Popen([*self.enter, f"{self.lab.programs}/qsshd", "-D", "-e", "-f", config],
                                        stdin=subprocess.DEVNULL, stderr=log, env=self.env,
                                        start_new_session=True)
        log.close()

        def listening():
            if self.process.poll() is not None:
                raise Failed("qsshd ended: " + self.words())
            return LISTENS.search(self.words())
        self.port = int(wait_for(listening, "qsshd").group(1))
        self.hold()

    def words(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def hold(self):
        """The host becomes known, so that the sessions that count begin alike."""
        r = subprocess.run(self.client([], ["true"]), stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, env=self.env, timeout=30, check=False)
        if r.returncode != 0:
            raise Failed(f"qssh: {r.stderr}{self.words()[-2000:]}")

    def client(self, options, command):
        return [*self.client_enter, f"{self.lab.programs}/qssh", "-F", "none", "-p", str(self.port),
                "-i", self.key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new",
                "-o", f"UserKnownHostsFile={self.files}/known_hosts", "-o", "ConnectTimeout=20",
                "-l", self.user, *options, self.address, *command]

    def end(self):
        end_all([self.process])


class OpenSsh:
    """The same with OpenSSH: what a shell tells without shaping."""

    def __init__(self, lab):
        self.lab, self.enter, self.client_enter = lab, (), ()
        self.address = "127.0.0.1"
        self.files = f"{lab.work}/openssh"
        self.env = dict(os.environ)
        self.user = pwd.getpwuid(os.getuid()).pw_name
        os.makedirs(self.files, mode=0o700)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            f"{self.files}/{name}"], check=True)
        with socket.socket() as s:
            s.bind((self.address, 0))
            self.port = s.getsockname()[1]
        os.makedirs("/run/sshd", exist_ok=True)
        with open(f"{self.files}/config", "w", encoding="ascii") as f:
            f.write(f"Port {self.port}\nListenAddress {self.address}\nHostKey {self.files}/host\n"
                    f"AuthorizedKeysFile {self.files}/user.pub\nStrictModes no\nUsePAM no\n"
                    f"PermitRootLogin yes\nMaxStartups 1000\nPidFile {self.files}/pid\n"
                    "PrintMotd no\nPrintLastLog no\n")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.files}/config"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)

        def answers():
            with contextlib.suppress(OSError):
                socket.create_connection((self.address, self.port), 1).close()
                return True
            return False
        wait_for(answers, "sshd")

    def client(self, options, command):
        return ["ssh", "-F", "none", "-p", str(self.port), "-i", f"{self.files}/user",
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                "-o", f"UserKnownHostsFile={self.files}/known_hosts", "-o", "LogLevel=ERROR",
                "-l", self.user, *options, self.address, *command]

    def end(self):
        end_all([self.process])


# --- what is browsed --------------------------------------------------------------------------

class Pages:
    """A web server: /N is a page of N bytes. In the namespace of the process, or `enter`'s."""

    SOURCE = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        n = int(self.path[1:])
        self.send_response(200); self.send_header("Content-Length", str(n)); self.end_headers()
        self.wfile.write(b"x" * n)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer((sys.argv[1], 0), H)
print(s.server_port, flush=True)
s.serve_forever()
"""

    def __init__(self, enter=(), address="127.0.0.1"):
        self.process = subprocess.Popen([*enter, sys.executable, "-c", self.SOURCE, address],
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.port = int(self.process.stdout.readline())

    def end(self):
        end_all([self.process])

