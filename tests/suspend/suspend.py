# SPDX-License-Identifier: ISC
"""make suspend: sessions over the sleep of a whole machine. See docs/lab.md."""

import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from guest import ADDRESS, BOUND, HOST, Guest

CELL = 768
ALL, IP = 3, 0x0800  # protocols: what goes out is shown to whoever asks for all
PACE = 40           # slots of a cell in a second: class 1, which --stealth begins in
SHORT, LONG = 5, 40  # seconds asleep: what ALIVE bears, and what it does not
ALIVE = 3           # seconds; three of them are missed
# resumed? a short sleep need not end a connection, but on a machine without time for its guest it may
ALWAYS, EITHER = (True,), (False, True)
KERNEL, PROGRAMS = os.environ["QSP_KERNEL"], os.environ["QSP_BIN"]

failed = []


def say(text):
    print(f"suspend: {text}", flush=True)


def check(good, text):
    say(("ok      " if good else "FAILED  ") + text)
    if not good:
        failed.append(text)


def wait(what, ask):
    """Asks until there is an answer; returns it, and the seconds that it took."""
    begun = time.monotonic()
    while not (got := ask()):
        if time.monotonic() - begun > BOUND:
            raise RuntimeError(f"waited in vain for: {what}")
        time.sleep(0.2)
    return got, time.monotonic() - begun


class Wire(threading.Thread):
    """What passes between the two machines: (time, from the guest?, the host's address, new
    bytes, bytes again)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.rows, self.next = [], {}
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL))
        self.socket.bind(("tap0", ALL))

    def run(self):
        while True:
            packet, where = self.socket.recvfrom(65536)
            now = time.time()
            if where[1] != IP:
                continue
            head = (packet[0] & 15) * 4
            if packet[9] != socket.IPPROTO_TCP:
                continue
            source, target, seq = struct.unpack("!HHI", packet[head:head + 8])
            size = struct.unpack("!H", packet[2:4])[0] - head - (packet[head + 12] >> 4) * 4
            up = packet[12:16] == socket.inet_aton(ADDRESS)
            address = socket.inet_ntoa(packet[16:20] if up else packet[12:16])
            flow = (up, address, source, target)
            if packet[head + 13] & 2:
                seq, size = seq + 1, 0
            known = self.next.get(flow, seq)
            new = min(size, max(0, (seq + size - known + (1 << 31)) % (1 << 32) - (1 << 31)))
            self.next[flow] = (known + new) % (1 << 32)
            self.rows.append((now, up, address, new, size - new))

    def peak(self, begun, seconds, up, address):
        """Most new bytes in any second of those, from the guest (up) or to it, in all connections
        with an address of the host, and all that were sent again."""
        rows = [r for r in list(self.rows) if begun <= r[0] < begun + seconds and r[1:3] == (up, address)]
        most = max((sum(r[3] for r in rows if t[0] <= r[0] < t[0] + 1) for t in rows), default=0)
        return most, sum(r[4] for r in rows)


class Here:
    """The host as a place where programs run."""
    bin = PROGRAMS

    def __init__(self, folder):
        self.tmp = folder

    def call(self, command):
        p = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, check=False)
        return p.returncode, p.stdout + p.stderr

    def run(self, command):
        status, out = self.call(command)
        if status:
            raise RuntimeError(f"{command}: {status}\n{out}")
        return out


class There:
    bin, tmp = "/q/bin", "/tmp"

    def __init__(self, guest):
        self.call, self.run = guest.call, guest.run


class Session:
    """A client with a shell, which counts by itself and answers."""

    def __init__(self, place, name, host, port, options, address):
        self.place, self.name, self.asked, self.address = place, name, 0, address
        self.file = f"{place.tmp}/{name}"
        place.run(f"mkfifo {self.file}.in; sleep 100000 <>{self.file}.in >&0 2>/dev/null & "
                  f"( {place.bin}/qssh -F none -v -i {place.tmp}/id -o BatchMode=yes "
                  f"-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={place.tmp}/known "
                  f"-p {port} {options} root@{host} 'exec sh' <{self.file}.in >{self.file}.out "
                  f"2>{self.file}.err; echo ended $? >{self.file}.status ) >{self.file}.log 2>&1 &")
        self.send("n=0; while :; do n=$((n+1)); echo tick $n; sleep 0.2; done & echo shell $$")
        try:
            self.shell = wait(f"{name}'s shell", lambda: self.grep("out", "^shell [0-9]"))[0]
        except RuntimeError as e:
            raise RuntimeError(f"{e}\n" + self.grep("err", "")[-1000:]) from e

    def grep(self, what, pattern):
        """Lines of a file; the kernel may speak in between, where the place is a console."""
        out = self.place.call(f"grep -s '{pattern}' {self.file}.{what}")[1]
        return "\n".join(x for x in map(str.strip, out.splitlines()) if re.search(pattern, x))

    def send(self, line):
        # the shell of the place is not the one that is to see the variables
        self.place.run(f"cat >{self.file}.in <<'@END'\n{line}\n@END")

    def ask(self):
        self.asked += 1
        self.send(f"echo answer {self.asked} shell $$")

    def answered(self):
        return self.grep("out", f"^answer {self.asked} {self.shell}$")

    def status(self):
        return self.grep("status", "^ended ")[len("ended "):]

    def answers(self):
        """The same shell has answered the typed line; false: the client has ended."""
        wait(f"{self.name}'s answer", lambda: self.answered() or self.status())
        return bool(self.answered())

    def resumed(self):
        return len(self.grep("err", "resumed after").splitlines())

    def ticks(self):
        return [int(line.split()[1]) for line in self.grep("out", "^tick ").splitlines()]

    def is_whole(self):
        wait(f"{self.name}'s count", lambda: len(self.ticks()) > 10 or self.status())
        ticks = self.ticks()
        return len(ticks) > 10 and ticks == list(range(1, len(ticks) + 1))


def server(place, name, port, *lines):
    config = "\n".join(lines + (
        f"Port {port}", "ListenAddress 0.0.0.0", f"HostKey {place.tmp}/host",
        f"AuthorizedKeysFile {place.tmp}/id.pub", f"PidFile {place.tmp}/{name}.pid",
        "StrictModes no", "PermitRootLogin yes", "LogLevel VERBOSE", "UsePAM no"))
    place.run(f"cat >{place.tmp}/{name}.conf <<'@END'\n{config}\n@END")
    place.run(f"{place.bin}/qsshd -D -e -f {place.tmp}/{name}.conf >/dev/null 2>{place.tmp}/{name}.log &")
    wait(f"{name}", lambda: place.call(f"grep 'Server listening' {place.tmp}/{name}.log")[1])


class Sleep:
    """What all sessions of a part are asked after one sleep."""

    def __init__(self, guest, wire, seconds, sessions):
        self.wire, self.seconds = wire, seconds
        self.before = {s.name: s.resumed() for s in sessions}
        self.woken = guest.sleep(seconds)

    def judge(self, s, resumed):
        """Goes on, nothing lost, nothing twice, in its connection or in another as it should."""
        s.ask()
        good = s.answers()
        took = time.time() - self.woken
        what = f"{s.name}, {self.seconds} s asleep: "
        has = s.resumed() > self.before[s.name]
        how = "resumed" if has else "in its connection"
        check(good, what + (f"the same shell answers {took:.1f} s after waking, {how}" if good else
                            "ended: " + s.grep("err", "")[-300:]))
        check(has in resumed, what + ("resumed" if has else "not resumed"))
        check(s.is_whole(), what + "all that it counted has come, once and in order")

    def judge_pace(self, s):
        """The slots of a machine that slept are not made up for [P8.6]. Those of the one that was awake
        left in time, and what TCP sends again of them is not ours."""
        wait("some seconds of the wire", lambda: time.time() > self.woken + 6)
        new, again = self.wire.peak(self.woken, 6, True, s.address)
        what = (f"{s.name}, {self.seconds} s asleep: at most {new / CELL:.0f} cells in a second from the "
                f"guest, where {PACE} are due and {PACE * self.seconds} were missed")
        # a second of the class, its jitter, and a handshake
        check(0 < new <= (PACE * 1.25 + 14) * CELL, what + f" ({again / CELL:.0f} more again by TCP)")
        new, again = self.wire.peak(self.woken, 6, False, s.address)
        say(f"        to it {new / CELL:.0f}, and {again / CELL:.0f} again by TCP")


def client_sleeps(guest, wire, here, there):
    say("the client's machine sleeps")
    alive = f"ClientAliveInterval {ALIVE}"
    server(here, "alive", 2201, alive)
    server(here, "brief", 2202, alive, "ResumeTimeout 4")
    server(here, "quiet", 2203)
    sessions = [Session(there, name, HOST + str(n), port, options, HOST + str(n))
                for n, name, port, options in (
                    (1, "plain", 2201, ""), (2, "stealth", 2201, "--stealth"),
                    (3, "unasked", 2203, ""), (4, "unasked-stealth", 2203, "--stealth"))]
    late = Session(there, "late", HOST + "5", 2202, "", HOST + "5")

    asleep = Sleep(guest, wire, SHORT, sessions)
    for s in sessions:
        asleep.judge(s, EITHER)
    for s in sessions:
        if s.name.endswith("stealth"):
            asleep.judge_pace(s)

    agent = "QSSH_AUTH_SOCK=/tmp/agent /q/bin/qssh-add"
    begun = guest.awake()
    there.run("/q/bin/qssh-agent -a /tmp/agent >/dev/null")
    shared = f"/q/bin/qssh -F none -i /tmp/id -o ControlPath=/tmp/shared -p 2203 root@{HOST}3"
    there.run(f"{shared} -o BatchMode=yes -o UserKnownHostsFile=/tmp/known -o ControlMaster=yes "
              f"-o ControlPersist={LONG - 1} true >/tmp/shared.log 2>&1")
    there.run(f"{agent} -q -t {LONG - 10} /tmp/id && {agent} -l && {shared} -O check")
    asleep = Sleep(guest, wire, LONG, sessions)
    check(there.call(f"{agent} -l")[0] == 1, f"the agent's key is gone, {LONG} s asleep")
    wait("the end of ControlPersist", lambda: there.call(f"{shared} -O check")[0] != 0)
    took = guest.awake() - begun
    check(took < LONG - 1, f"ControlPersist={LONG - 1} was over after {took:.0f} s awake, {LONG} s asleep")
    for s in sessions:
        # whom nobody asked is asked on waking; TCP alone would wait as long again
        asleep.judge(s, EITHER if s.name.startswith("unasked") else ALWAYS)
    for s in sessions:
        if s.name.endswith("stealth"):
            asleep.judge_pace(s)
    wait("the end of late", late.status)
    check(late.status() == "255",
          "late: a session whose ResumeTimeout is over ends, with status 255")


def server_sleeps(guest, wire, here, there):
    say("the server's machine sleeps")
    server(there, "server", 2204)
    # a server takes no first message that is older than it is, and these are two clocks
    begun = int(there.run("date +%s"))
    wait("the guest's clock", lambda: time.time() > begun + 1)
    sessions = [Session(here, name, ADDRESS, 2204, f"-b {HOST}{n} -o ServerAliveInterval={ALIVE} {options}",
                        HOST + str(n))
                for n, name, options in (
                    (1, "plain", ""), (2, "stealth", "--stealth"), (3, "late", "-o ResumeTimeout=4"))]
    late = sessions.pop()
    asleep = Sleep(guest, wire, SHORT, sessions)
    for s in sessions:
        asleep.judge(s, EITHER)
    asleep.judge_pace(sessions[1])
    asleep = Sleep(guest, wire, LONG, sessions)
    check(late.status() == "255", "late: a client whose ResumeTimeout is over has ended, with status 255")
    for s in sessions:
        asleep.judge(s, ALWAYS)
    asleep.judge_pace(sessions[1])


def main():
    folder = os.environ["QSP_TMP"]
    os.environ["HOME"] = folder
    guest = None
    try:
        here = Here(folder)
        for name in "id", "host":
            here.run(f"{PROGRAMS}/qssh-keygen -q -t kyber768 -N '' -f {folder}/{name}")
        files = {}
        for name in "id", "id.pub", "host":
            with open(f"{folder}/{name}", encoding="ascii") as f:
                files["/tmp/" + name] = f.read()
        wire = Wire()
        wire.start()
        parts = {"client": client_sleeps, "server": server_sleeps}
        for name in os.environ.get("PARTS", "client server").split():
            here.tmp = f"{folder}/{name}"
            shutil.copytree(folder, here.tmp, ignore=lambda d, names: [
                n for n in names if n not in ("id", "id.pub", "host")])
            guest = Guest(folder, KERNEL, PROGRAMS, files)
            say(f"a guest by {guest.accelerator}")
            parts[name](guest, wire, here, There(guest))
            guest.end()
    except Exception as e:  # says what was seen, and fails
        say(f"FAILED  {e}")
        failed.append(str(e))
        if guest:
            say("the guest's last words:\n" + guest.last_words())
    finally:
        if guest:
            guest.end()
    say(f"{len(failed)} of the above failed" if failed else "all went on as it should")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
