#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""An SFTP server on standard input and output that misbehaves as HOSTILE says, and is otherwise small."""
import os
import stat
import struct
import sys

how = os.environ["HOSTILE"]
u32 = lambda v: struct.pack(">I", v)
u64 = lambda v: struct.pack(">Q", v)
st = lambda b: u32(len(b)) + b
FILE = u32(1 | 4) + u64(5) + u32(stat.S_IFREG | 0o644)
NOTHING = u32(1 | 4) + u64(0) + u32(stat.S_IFREG | 0o644)
FOLDER = u32(1 | 4) + u64(0) + u32(stat.S_IFDIR | 0o755)


def read(n):
    b = sys.stdin.buffer.read(n)
    if len(b) < n:
        sys.exit(0)
    return b


late = []


def send(*parts):
    b = b"".join(parts)
    if how == "late":  # nothing is said before all that can be asked without it is asked
        late.append(b)
        if kind not in (3, 4):
            return
        b = late.pop()
        for l in late:
            sys.stdout.buffer.write(u32(len(l)) + l)
        late.clear()
    sys.stdout.buffer.write(u32(len(b)) + b)
    sys.stdout.buffer.flush()


def status(i, code, text=b"no"):
    send(b"\x65", i, u32(code), st(text), st(b""))


def names(i, *l):
    send(b"\x68", i, u32(len(l)), *(st(n) + st(n) + a for n, a in l))


LISTS = {
    "slash": [(b"ok", FILE), (b"../escaped", FILE), (b"/escaped", FILE), (b"a/b", FILE), (b"", FILE)],
    "dots": [(b".", FOLDER), (b"..", FOLDER), (b"ok", FILE)],
    "again": [(n, FILE) for n in (b"a", b"b", b"c")],
    "links": [(n, FILE[:-4] + u32(stat.S_IFLNK | 0o777)) for n in (b"a", b"b", b"c")],
    "nul": [(b"ok", FILE), (b"esc\0aped", FILE)],
    "escape": [(b"ok", FILE), (b"\x1b]0;title\x07\x1b[31mred", FOLDER[:-4] + u32(stat.S_IFIFO))],
}

listed = {}
held = []


def hold(reply):
    """Three folders in a folder: nobody hears of one before all are asked for."""
    held.append(reply)
    if len(held) == 3:
        while held:
            held.pop(0)()


if how == "chatter":
    sys.stdout.write("Welcome to this host, dear user!\n")
while True:
    body = read(struct.unpack(">I", read(4))[0])
    kind, i = body[0], body[1:5]
    path = body[9:9 + struct.unpack(">I", body[5:9])[0]] if kind != 1 and len(body) > 9 else b""
    if kind == 1:
        send(b"\x02", u32(2 if how == "old" else 3), *([st(b"expand-path@openssh.com"), st(b"1")] if how == "home" else []))
    elif kind == 200 and how == "home":
        names(i, (b"/home/.bashrc", FILE))
    elif kind == 7 and b"*" in path:
        status(i, 2)
    elif how == "links" and kind == 17 and path.startswith(b"folder/"):
        hold(lambda i=i: send(b"\x69", i, FILE))
    elif kind in (7, 8, 17):
        send(b"\x69", i, FOLDER if path.endswith(b"folder") else FILE if how != "grows" else NOTHING)
    elif how == "wide" and kind == 11:
        answer = lambda i=i, path=path: send(b"\x66", i, st(path))
        answer() if path == b"folder" else hold(answer)
    elif how == "wide" and kind == 12 and path not in listed:
        listed[path] = True
        names(i, *([(n + b".folder", FOLDER) for n in (b"a", b"b", b"c")] if path == b"folder" else [(b"ok", FILE)]))
    elif how == "wide" and kind == 12:
        status(i, 1)
    elif how == "wide" and kind == 14 and path.count(b"/") > 1:
        hold(lambda i=i: status(i, 0))
    elif kind == 11:
        listed[b"h"] = False
        send(b"\x66", i, st(b"h"))
    elif kind == 12:
        if listed.get(b"h"):
            status(i, 1)
        else:
            listed[b"h"] = True
            if how == "cut-list":
                send(b"\x68", i, u32(50), st(b"ok"))
            elif how == "endless":
                listed[b"h"] = False
                names(i, *LISTS["dots"])
            else:
                names(i, *LISTS.get(how, [(b"ok", FILE)]))
    elif kind == 3:
        if how == "no-handle":
            status(i, 0)
        elif how == "long-handle":
            send(b"\x66", i, st(b"h" * 300))
        else:
            for _ in range(2 if how == "twice" else 1):
                send(b"\x66", i, st(b"f"))
    elif kind == 5:
        offset = struct.unpack(">Q", body[10:18])[0]
        if how == "again" and offset == 0:
            hold(lambda i=i: send(b"\x67", i, st(b"he")))
        elif how == "more":
            send(b"\x67", i, st(b"x" * 100000))
        elif how == "nothing":
            send(b"\x67", i, st(b""))
        elif how == "wrong-id":
            send(b"\x67", u32(0xdeadbeef), st(b"hello"))
        elif how == "other-kind":
            names(i, (b"x", FILE))
        elif how == "less":
            send(b"\x67", i, st(b"hello"[offset:offset + 1])) if offset < 5 else status(i, 1)
        elif how == "grows":
            send(b"\x67", i, st(bytes(min(32768, 100000 - offset)))) if offset < 100000 else status(i, 1)
        elif how == "short":
            status(i, 1)
        elif how == "huge":
            sys.stdout.buffer.write(u32(1 << 30) + b"x")
            sys.stdout.buffer.flush()
        elif how == "die":
            sys.exit(0)
        elif how == "message":
            status(i, 4, b"\x1b[31mevil\x1b[0m\n")
        else:
            send(b"\x67", i, st(b"hello"[offset:])) if offset < 5 else status(i, 1)
    else:
        status(i, 0)
