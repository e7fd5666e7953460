# SPDX-License-Identifier: ISC
"""A small machine of its own: QEMU, a Debian kernel, busybox and the built programs in memory.

The host speaks to it over a serial port of virtio, puts it to sleep and wakes it through QEMU's monitor.
"""

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import time

# in the order in which they want each other
MODULES = ("failover", "net_failover", "virtio_ring", "virtio", "virtio_pci_legacy_dev",
           "virtio_pci_modern_dev", "virtio_pci", "virtio_net", "virtio_console")
HOST, ADDRESS = "10.77.0.10", "10.77.0.2"  # of the host 101 to 105, so that each session has its own
BOUND = 120  # seconds, after which something is missing: never waited for where all is well

INIT = f"""#!/bin/sh
export PATH=/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /var/run /var/empty; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
for m in {" ".join(MODULES)}; do [ ! -e /modules/$m.ko ] || insmod /modules/$m.ko; done
ip link set lo up; ip link set eth0 up; ip addr add {ADDRESS}/24 dev eth0
p=/dev/vport0p1; [ -e $p ] || p=/dev/vport1p1
exec <>$p >&0 2>&1
echo "@0@0@"
cat | setsid sh
"""


def libraries(program):
    """What the loader would map, as it would find it."""
    out = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", out)


def put(source, root, target):
    target = root + target
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)


def make_disk(folder, kernel, programs, files):
    """The files of the guest as an initramfs; the programs come into /q/bin, files are {path: text}."""
    root = folder + "/root"
    for d in ("bin", "dev", "proc", "sys", "root", "tmp", "etc", "modules", "root/.qssh"):
        os.makedirs(f"{root}/{d}", exist_ok=True)
    put("/bin/busybox", root, "/bin/busybox")
    for applet in subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True,
                                 text=True).stdout.split():
        if applet != "busybox":
            os.symlink("busybox", f"{root}/bin/{applet}")
    for name in os.listdir(programs):
        put(f"{programs}/{name}", root, f"/q/bin/{name}")
        if name == "qssh-copy-id":
            continue
        for lib in libraries(f"{programs}/{name}"):
            place = lib if "/lib/qsp/" not in lib else "/q/lib/qsp/" + os.path.basename(lib)
            put(lib, root, place)
    for path, text in files.items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        with open(root + path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(root + path, 0o600)
    for path, _, names in os.walk(kernel + "/lib/modules"):
        for name in names:
            if name.removesuffix(".ko") in MODULES:
                put(f"{path}/{name}", root, "/modules/" + name)
    with open(root + "/etc/passwd", "w", encoding="ascii") as f:
        f.write("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    with open(root + "/etc/group", "w", encoding="ascii") as f:
        f.write("root:x:0:\nnogroup:x:65534:\ntty:x:5:\n")
    with open(root + "/init", "w", encoding="ascii") as f:
        f.write(INIT)
    os.chmod(root + "/init", 0o755)
    os.chmod(root + "/root", 0o700)
    names = subprocess.run(["find", "."], cwd=root, check=True, capture_output=True).stdout
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=root,
                             input=names, check=True, capture_output=True).stdout
    with gzip.open(folder + "/initrd", "wb", compresslevel=1) as f:
        f.write(archive)
    shutil.rmtree(root)


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    until = time.monotonic() + BOUND
    while True:
        try:
            s.connect(path)
            return s
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


class Guest:
    def __init__(self, folder, kernel, programs, files):
        make_disk(folder, kernel, programs, files)
        self.folder, self.asked, self.text, self.events = folder, 0, b"", []
        # a /dev/kvm is no promise that Debian's kernel runs by it: PVM takes only kernels made for it
        kvm = os.access("/dev/kvm", os.W_OK) and not os.path.exists("/sys/module/kvm_pvm")
        for self.accelerator in ("kvm", "tcg") if kvm else ("tcg",):
            self.start_qemu(kernel)
            try:
                self.finish()
                self.serial.settimeout(BOUND)
                return
            except TimeoutError:
                self.end()
        raise RuntimeError("the guest does not start:\n" + self.last_words())

    def start_qemu(self, kernel):
        folder = self.folder
        for name in "serial", "qmp":
            if os.path.exists(f"{folder}/{name}"):
                os.unlink(f"{folder}/{name}")
        boot = next(n for n in os.listdir(kernel + "/boot") if n.startswith("vmlinuz"))
        with open(folder + "/qemu.log", "wb") as log:
            self.qemu = subprocess.Popen(
                ["qemu-system-x86_64", "-accel", self.accelerator, "-cpu",
                 "host" if self.accelerator == "kvm" else "max", "-smp", "1", "-m", "512",
                 "-nodefaults", "-display", "none", "-no-user-config", "-kernel",
                 f"{kernel}/boot/{boot}", "-initrd", folder + "/initrd",
                 "-append", "console=ttyS0 panic=-1 no_console_suspend", "-no-reboot",
                 "-serial", f"file:{folder}/console",
                 "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
                 "-chardev", f"socket,id=s,path={folder}/serial,server=on,wait=off",
                 "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=s",
                 "-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no",
                 "-device", "virtio-net-pci,netdev=n,romfile="],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.serial = connect(folder + "/serial")
        self.serial.settimeout(20 if self.accelerator == "kvm" else BOUND)
        monitor = connect(folder + "/qmp")
        monitor.settimeout(BOUND)
        self.monitor = monitor.makefile("rw", encoding="utf-8")
        self.monitor.readline()
        self.ask("qmp_capabilities")

    def last_words(self):
        words = ""
        for name in "qemu.log", "console":
            if os.path.exists(f"{self.folder}/{name}"):
                with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as f:
                    words += f.read()[-2000:]
        return words

    # --- the monitor ---

    def hear(self):
        line = self.monitor.readline()
        if not line:
            raise RuntimeError("QEMU has ended")
        return json.loads(line)

    def ask(self, command, **arguments):
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        while True:
            m = self.hear()
            if "event" in m:
                self.events.append(m["event"])
            elif "error" in m:
                raise RuntimeError(f"{command}: {m['error']}")
            else:
                return m["return"]

    def wait_event(self, name):
        while name not in self.events:
            m = self.hear()
            if "event" in m:
                self.events.append(m["event"])
        self.events.clear()

    # --- the shell on the serial line ---

    def start(self, command):
        """Sends a command; what it says is for finish()."""
        self.asked += 1
        self.serial.sendall(f"{{ {command}\n}} </dev/null 2>&1; echo \"@$?@{self.asked}@\"\n".encode())

    def finish(self):
        end = re.compile(rb"@(\d+)@%d@\r?\n" % self.asked)
        while not (m := end.search(self.text)):
            data = self.serial.recv(65536)
            if not data:
                raise RuntimeError("the guest is gone")
            self.text += data
        out, self.text = self.text[:m.start()], self.text[m.end():]
        return int(m.group(1)), out.decode(errors="replace").replace("\r", "")

    def call(self, command):
        self.start(command)
        return self.finish()

    def run(self, command):
        status, out = self.call(command)
        if status:
            raise RuntimeError(f"in the guest: {command}: {status}\n{out}")
        return out

    # --- sleep ---

    def awake(self):
        """Seconds that the guest has been awake: its log's clock stands still while it sleeps."""
        return float(re.search(r"\[ *([\d.]+)\] mark", self.run(
            "echo mark >/dev/kmsg; dmesg | tail -n 1"))[1])

    def sleep(self, seconds):
        """Suspend to RAM for about so long; returns when it was woken (time.time) once it runs again."""
        self.events.clear()
        self.start("echo mem >/sys/power/state")
        self.wait_event("SUSPEND")
        time.sleep(seconds)
        woken = time.time()
        self.ask("system_wakeup")
        status, out = self.finish()
        if status:
            raise RuntimeError(f"suspend: {out}")
        return woken

    def end(self):
        if self.qemu.poll() is None:
            self.qemu.kill()
        self.qemu.wait()
