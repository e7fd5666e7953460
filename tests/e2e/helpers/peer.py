#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Ends of forwarded connections, for the scenarios of forwarding.

peer.py serve ADDRESS PORTFILE [HOW]     listens; PORTFILE gets the port
    echo     sends back what comes, ends when the peer does (the default)
    hello    sends a line, then the end, whatever comes
    sink     reads nothing
    count    reads to the end, then sends how much it was
    source   sends 64 MiB and the end
    http     answers any request with "page"
peer.py talk ADDRESS TEXT                sends TEXT and the end, prints what comes back
peer.py many ADDRESS N                   N connections at once, each with a number of its own
peer.py stall ADDRESS N READY            sends N bytes, reads nothing, stays until killed
peer.py pull ADDRESS                     reads to the end, prints the number of bytes
peer.py send ADDRESS FILE                as talk, with the bytes of a file
peer.py pipe ADDRESS                     standard input there, what comes back to standard output
peer.py ports N FILE                     keeps N free ports from others until killed; FILE gets them, a line each
peer.py socks VERSION PROXY TARGET TEXT  as talk, by way of a SOCKS proxy
ADDRESS is host:port, [host]:port or /path.
"""
import asyncio
import os
import random
import socket
import struct
import sys
import threading


def split(address):
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def connect(address, timeout=120):
    if address.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(address)
        return s
    return socket.create_connection(split(address), timeout)


def listen(address):
    if address.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.bind(address)
    else:
        host, port = split(address)
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, port))
    s.listen(4096)
    return s


def read_exactly(s, n):
    """Fewer where it ends before."""
    got = b""
    while len(got) < n:
        b = s.recv(n - len(got))
        if not b:
            break
        got += b
    return got


def read_all(s):
    parts = []
    while True:
        b = s.recv(1 << 20)
        if not b:
            return b"".join(parts)
        parts.append(b)


def tell(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


class Echo(asyncio.Protocol):
    """Thousands of these fit one process."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo(sock, port_file, port):
    server = await asyncio.get_running_loop().create_server(Echo, sock=sock, backlog=4096)
    tell(port_file, port)
    await server.serve_forever()


def answer(c, how):
    try:
        if how == "hello":
            c.sendall(b"hello\n")
            c.shutdown(socket.SHUT_WR)
            read_all(c)
        elif how == "sink":
            threading.Event().wait()
        elif how == "count":
            c.sendall(b"%d\n" % len(read_all(c)))
        elif how == "http":
            c.recv(4096)
            c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\npage")
        elif how == "source":
            for _ in range(64):
                c.sendall(bytes(1 << 20))
    except OSError:
        pass
    c.close()


def serve(address, port_file, how="echo"):
    s = listen(address)
    port = "-" if address.startswith("/") else str(s.getsockname()[1])
    if how == "echo":
        asyncio.run(echo(s, port_file, port))
        return
    tell(port_file, port)
    while True:
        c, _ = s.accept()
        threading.Thread(target=answer, args=(c, how), daemon=True).start()


def talk(address, text):
    s = connect(address)
    s.sendall(text.encode())
    s.shutdown(socket.SHUT_WR)
    sys.stdout.write(read_all(s).decode(errors="replace"))


def send(address, path):
    s = connect(address)
    with open(path, "rb") as f:
        s.sendfile(f)
    s.shutdown(socket.SHUT_WR)
    sys.stdout.write(read_all(s).decode())


def pipe(address):
    s = connect(address)
    s.settimeout(None)

    def back():
        while True:
            b = s.recv(65536)
            if not b:
                os._exit(0)
            os.write(1, b)

    threading.Thread(target=back, daemon=True).start()
    while True:
        b = os.read(0, 65536)
        if not b:
            break
        s.sendall(b)
    s.shutdown(socket.SHUT_WR)
    threading.Event().wait()


def held(n, family, address):
    """Bound, and so nobody else's; whoever sets SO_REUSEADDR may listen there all the same."""
    s = socket.socket(family)
    s.bind((address, n))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return s


def ports(n, path):
    # not of those that the system gives to whoever asks for any
    kept, numbers = [], []
    while len(numbers) < int(n):
        number = random.randrange(10000, 32000)
        try:
            pair = held(number, socket.AF_INET, "127.0.0.1"), held(number, socket.AF_INET6, "::1")
        except OSError:
            continue
        try:
            for where in ("127.0.0.1:%d", "[::1]:%d"):
                listen(where % number).close()
            kept.append(pair)
        except OSError:
            pass  # a system that does not let two bind the same: free is all that it can be
        numbers.append(number)
    tell(path, "".join("%d\n" % number for number in numbers))
    threading.Event().wait()


async def one(address, number, gate):
    word = b"connection %d\n" % number
    if address.startswith("/"):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection(*split(address))
    writer.write(word)
    if await reader.readexactly(len(word)) != word:
        raise SystemExit("connection %d: another's answer" % number)
    gate["up"] += 1
    if gate["up"] == gate["all"]:
        gate["open"].set()
    await gate["open"].wait()  # all stand at the same time
    writer.write(word)
    if await reader.readexactly(len(word)) != word:
        raise SystemExit("connection %d: another's second answer" % number)
    writer.close()


async def many_at_once(address, n):
    gate = {"up": 0, "all": n, "open": asyncio.Event()}
    some = asyncio.Semaphore(256)

    async def started(i):
        async with some:
            task = asyncio.ensure_future(one(address, i, gate))
            while gate["up"] < gate["all"] and not task.done() and gate["up"] <= i - 256:
                await asyncio.sleep(0.001)
        await task

    await asyncio.gather(*(started(i) for i in range(n)))
    print("%d connections" % n)


def stall(address, n, ready):
    s = connect(address)
    s.settimeout(None)

    def feed():
        try:
            s.sendall(bytes(int(n)))
        except OSError:
            pass  # the end of the scenario

    threading.Thread(target=feed, daemon=True).start()
    tell(ready, "ready")
    threading.Event().wait()


def pull(address):
    s = connect(address)
    total = 0
    while True:
        b = s.recv(1 << 20)
        if not b:
            break
        total += len(b)
    print(total)


def socks(version, proxy, target, text):
    host, port = split(target)
    s = connect(proxy)
    if version == "eager":  # everything at once, as some do to save a round trip
        name = bytes([len(host)]) + host.encode()
        s.sendall(b"\5\1\0" + b"\5\1\0\3" + name + struct.pack(">H", port) + text.encode())
        s.shutdown(socket.SHUT_WR)
        got = read_all(s)
        assert got[:4] == b"\5\0\5\0", got
        sys.stdout.write(got[12:].decode())
        return
    if version == "5" or version == "5h":
        s.sendall(b"\5\1\0")
        assert read_exactly(s, 2) == b"\5\0"
        if version == "5h":
            where = b"\3" + bytes([len(host)]) + host.encode()
        elif ":" in host:
            where = b"\4" + socket.inet_pton(socket.AF_INET6, host)
        else:
            where = b"\1" + socket.inet_aton(host)
        s.sendall(b"\5\1\0" + where + struct.pack(">H", port))
        got = read_exactly(s, 10)
        ok = got[:2] == b"\5\0"
    else:
        address = b"\0\0\0\1" if version == "4a" else socket.inet_aton(host)
        name = host.encode() + b"\0" if version == "4a" else b""
        request = b"\4\1" + struct.pack(">H", port) + address + b"me\0" + name
        for i in range(len(request)):  # byte by byte: it must be put together
            s.sendall(request[i:i + 1])
        got = read_exactly(s, 8)
        ok = got[:2] == b"\0\x5a"
    if not ok:
        print("refused %d" % (got[1] if len(got) > 1 else -1))
        return
    s.sendall(text.encode())
    s.shutdown(socket.SHUT_WR)
    sys.stdout.write(read_all(s).decode())


if __name__ == "__main__":
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "many":
        asyncio.run(many_at_once(rest[0], int(rest[1])))
    else:
        commands = {"serve": serve, "talk": talk, "stall": stall, "pull": pull, "send": send,
                    "socks": socks, "ports": ports, "pipe": pipe}
        commands[what](*rest)
