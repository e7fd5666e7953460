#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A TCP relay that writes down what passes: record.py PORT FILE listens on a free port of 127.0.0.1,
prints it, and relays each connection to PORT. A line of FILE is `ns connection direction bytes`, the
direction < for what the client sends, > for the server; 0 bytes are the end of that direction. A
line on standard input, `flip N`, spoils a byte of the next piece that the client of connection N sends."""
import os
import selectors
import socket
import sys
import time


def main():
    port, out = int(sys.argv[1]), open(sys.argv[2], "w", buffering=1)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    sel = selectors.DefaultSelector()
    sel.register(listener, selectors.EVENT_READ, None)
    sel.register(sys.stdin, selectors.EVENT_READ, None)
    count, flip = 0, None
    while True:
        for key, _ in sel.select():
            if key.fileobj is sys.stdin:
                words = os.read(0, 4096).split()
                if not words:
                    return
                flip = int(words[-1])
                continue
            if key.fileobj is listener:
                here = listener.accept()[0]
                try:
                    there = socket.create_connection(("127.0.0.1", port))
                except OSError:
                    here.close()
                    continue
                for s, to, way in ((here, there, "<"), (there, here, ">")):
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sel.register(s, selectors.EVENT_READ, (to, way, count))
                count += 1
                continue
            to, way, which = key.data
            try:
                data = key.fileobj.recv(1 << 20)
            except OSError:
                data = b""
            print(time.monotonic_ns(), which, way, len(data), file=out)
            if len(data) > 100 and way == "<" and which == flip:
                flip = None
                data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
            try:
                if data:
                    to.sendall(data)
                else:
                    sel.unregister(key.fileobj)
                    to.shutdown(socket.SHUT_WR)
            except OSError:
                pass


main()
