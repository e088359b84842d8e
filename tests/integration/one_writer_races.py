# Who writes an image when two want it at the same moment? Never both (docs/coherence.md, P7).
#
#     one_writer_races.py PLUGIN [ROUNDS]     500 by hand; a few dozen in CI
#
# Each round lets two begin together, and whoever got in stays until both know how it ended. Counted are the rounds
# with two writers, of which there may be none, and those without one: the locks of two servers may refuse both.
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

import nbd

PLUGIN = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 500
scratch = tempfile.TemporaryDirectory()
image = os.path.join(scratch.name, "disk.img")
with open(image, "wb") as file:
    file.truncate(1 << 20)
servers = []


def serve(*parameters):
    port = socket.create_server(("127.0.0.1", 0))
    os.set_inheritable(port.fileno(), True)

    def hand_over():
        if port.fileno() != 3:
            os.dup2(port.fileno(), 3)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))

    servers.append(subprocess.Popen(["nbdkit", "-f", PLUGIN, image, "notify=none", *parameters], stderr=subprocess.DEVNULL,
                                    pass_fds=(3, port.fileno()) if port.fileno() != 3 else (3,), preexec_fn=hand_over))
    return port.getsockname()[1]


class Client:
    """A machine of its own, by its address."""

    def __init__(self, port, address):
        self.port, self.address = port, address

    def enter(self):
        wire = socket.socket()
        wire.bind((self.address, 0))
        wire.connect(("127.0.0.1", self.port))
        self.handle = nbd.NBD()
        try:
            self.handle.connect_socket(wire.detach())
            self.handle.pwrite(b"x" * 512, 0)
            return True
        except nbd.Error:
            return False

    def leave(self):
        try:
            self.handle.shutdown()
        except nbd.Error:
            pass
        self.handle = None


class Qemu:
    def enter(self):
        time.sleep(random.uniform(0, 0.03))  # or it would be first, always
        self.program = subprocess.Popen(["qemu-io", "-f", "raw", image], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        return self.program.stdout.read(8) == b"qemu-io>"  # it asks for commands; or it has ended

    def leave(self):
        self.program.communicate()


def race(name, one, other):
    counts = {0: 0, 1: 0, 2: 0}
    first = 0
    for _ in range(ROUNDS):
        together, result = threading.Barrier(2), [None, None]

        def run(index, who):
            together.wait()
            result[index] = who.enter()
            together.wait()
            who.leave()

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate((one, other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts[sum(result)] += 1
        first += result == [True, False]
    print(f"{name}: {ROUNDS} races, {counts[2]} with two writers, {counts[1]} with one "
          f"({first} and {counts[1] - first}), {counts[0]} with none", flush=True)
    return counts[2]


rule = os.environ.get("WRITERS", "one")  # any: to see it fail
try:
    port = serve("writers=" + rule)
    two_writers = race("two clients", Client(port, "127.0.0.2"), Client(port, "127.0.0.3"))
    another = serve("writers=" + rule)
    two_writers += race("two nbdkits", Client(port, "127.0.0.2"), Client(another, "127.0.0.2"))
    if subprocess.run(["which", "qemu-io"], stdout=subprocess.DEVNULL).returncode == 0:
        two_writers += race("a client and qemu-io", Client(port, "127.0.0.2"), Qemu())
    else:
        print("left out, for want of qemu-utils: a client and qemu-io")
finally:
    for server in servers:
        server.kill()
        server.wait()
sys.exit(1 if two_writers else 0)
