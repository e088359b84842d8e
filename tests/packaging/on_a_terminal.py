#!/usr/bin/env python3
"""What a user starts on a terminal comes to its end there, and Ctrl-C ends all of it.

Each command runs on a terminal of its own (pty), with programs on PATH that set up their terminal if they have one, as
apt-get does: the kernel stops whoever does that from the background (SIGTTOU), and what waits for it hangs for ever.
Nothing is compiled or installed: cmake, ctest, apt-get and dpkg-query are scripts.

BUILD is the build directory, whose programs are used.
"""
import contextlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import sys
import tempfile
import time

BUILD = pathlib.Path(os.environ["BUILD"]).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds until something counts as hung; a busy disk takes its time

scratch = pathlib.Path(tempfile.mkdtemp(prefix="bootview-terminal."))
tree = scratch / "source tree"
programs = scratch / "programs"


def write_program(name, lines, path=None):
    path = path or programs / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/bash\n" + lines)
    path.chmod(0o755)


SET_UP_TERMINAL = "! { : </dev/tty; } 2>/dev/null || stty sane </dev/tty\n! [[ -t 0 ]] || stty sane\n"


def prepare():
    tree.mkdir()
    for name in ("quickstart", "run-tests"):
        shutil.copy(SOURCE / name, tree)
    for name in ("packaging", "examples"):
        shutil.copytree(SOURCE / name, tree / name)
    # Nothing is installed until apt-get has run.
    write_program("dpkg-query", f"[[ ! -e '{scratch}/installed' ]] || echo -n installed\n")
    write_program("apt-get", SET_UP_TERMINAL + f"""
echo "apt-get $1: all of it"
[[ ! -e '{scratch}/apt-get-waits' ]] || {{ echo $$ >>'{scratch}/pids'; sleep 1000; }}
[[ $1 != install ]] || touch '{scratch}/installed'
""")
    # It "builds" what has been built.
    write_program("cmake", SET_UP_TERMINAL + f"""
[[ ! -e '{scratch}/cmake-waits' ]] || {{ timeout 1000 sleep 1000 & echo $! $$ >>'{scratch}/pids'; sleep 1000; }}
for ((i = 1; i < $#; i++)); do [[ ${{!i}} != -B ]] || {{ j=$((i + 1)); mkdir -p "${{!j}}/bootview"; ln -sf '{BUILD}/bootview/bootview' "${{!j}}/bootview/bootview"; }}; done
""")
    write_program("ctest", SET_UP_TERMINAL + "echo \"ctest's closing lines, of $*\"\n")
    real = shutil.which("nbdkit")
    write_program("nbdkit", SET_UP_TERMINAL + f"exec '{real}' \"$@\"\n")
    # A small one; and what serve finds is the programs of the build.
    sample = tree / "examples/make-sample-image"
    sample.rename(tree / "examples/make-the-image")
    write_program(None, SET_UP_TERMINAL + 'exec "${0%/*}/make-the-image" --small "$@"\n', sample)


class Terminal:
    """A command that leads the session of a terminal. `said` is all that it printed there."""

    def __init__(self, *command, user=None):
        self.said = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(tree)
            os.environ["PATH"] = f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin"
            os.environ["TMPDIR"] = str(scratch / "tmp")
            os.environ["XDG_RUNTIME_DIR"] = str(scratch / "tmp")
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os.execvp(command[0], command)
        self.command = " ".join(map(str, command))

    def read_until(self, pattern=None):
        """Until the pattern was printed, or without one until the terminal is closed by all."""
        end = time.monotonic() + PATIENCE
        while pattern is None or not re.search(pattern, self.said):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                self.fail(f"hangs; {stopped_processes(self.pid)}")
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                data = b""
            if not data:
                if pattern is None:
                    return
                self.fail(f"ended without saying '{pattern}'")
            self.said += data.decode(errors="replace")

    def ctrl_c(self):
        os.write(self.master, b"\x03")

    def end(self):
        """Its exit status, or minus the signal's number; and nothing else uses the terminal any more."""
        self.read_until()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.master)
        return status

    def hang_up(self):
        """As when its window is closed."""
        os.close(self.master)
        os.waitpid(self.pid, 0)

    def fail(self, what):
        print(f"--- on the terminal:\n{self.said}\n---\nFAILED: {self.command}: {what}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        os.close(self.master)
        sys.exit(1)


def stopped_processes(session):
    """Those that the kernel has stopped on the terminal, for the message."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, name, rest = re.match(r"(\d+) \((.*)\) (.*)", stat.read_text()).groups()
            if rest.split()[0] == "T" and int(rest.split()[3]) == session:
                found.append(f"{name} ({pid}) is stopped")
    return ", ".join(found) or "nothing is stopped"


def expect(condition, what, terminal):
    if not condition:
        print(f"--- on the terminal:\n{terminal.said}\n---\nFAILED: {terminal.command}: {what}")
        sys.exit(1)


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def expect_gone(terminal):
    """What noted its PID ends soon: nobody waits for the children of those that were killed."""
    pids = (scratch / "pids").read_text().split()
    end = time.monotonic() + PATIENCE
    while not all(map(is_gone, pids)):
        expect(time.monotonic() < end, f"still runs after Ctrl-C: {pids}", terminal)
        time.sleep(0.05)
    (scratch / "pids").unlink()


@contextlib.contextmanager
def waiting(program):
    flag = scratch / f"{program}-waits"
    flag.touch()
    yield
    flag.unlink()


def wait_for(path, terminal):
    end = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > end:
            terminal.fail(f"hangs; {stopped_processes(terminal.pid)}")
        time.sleep(0.05)


def a_user_is_told_what_to_type_and_what_then():
    terminal = Terminal("./quickstart", "an image.img", user=65534)
    expect(terminal.end() == 1, "another status than 1", terminal)
    said = " ".join(terminal.said.split())
    expect(re.search(r"packages are missing, .*apt-get update && (sudo )?apt-get install --no-install-recommends \S+ .*"
                     r"start this again: ./quickstart /.*/an\\ image.img", said), "does not say what to do", terminal)


def quickstart_installs_builds_and_shows():
    terminal = Terminal("./quickstart")
    expect(terminal.end() == 0, "failed", terminal)
    for words in ("apt-get update: all of it", "apt-get install: all of it", "What this showed", "cmake --install build/quickstart"):
        expect(words in terminal.said, f"does not say '{words}'", terminal)


def ctrl_c_ends_an_installation():
    (scratch / "installed").unlink(missing_ok=True)
    with waiting("apt-get"):
        terminal = Terminal("./quickstart")
        wait_for(scratch / "pids", terminal)
        terminal.ctrl_c()
        expect(terminal.end() != 0, "says that all is well", terminal)
    expect_gone(terminal)
    (scratch / "installed").touch()


def ctrl_c_ends_a_build(*command):
    with waiting("cmake"):
        terminal = Terminal(*command)
        wait_for(scratch / "pids", terminal)
        terminal.ctrl_c()
        expect(terminal.end() != 0, "says that all is well", terminal)
    expect_gone(terminal)


def a_closed_window_ends_a_build(*command):
    with waiting("cmake"):
        terminal = Terminal(*command)
        wait_for(scratch / "pids", terminal)
        terminal.hang_up()
    expect_gone(terminal)


def run_tests_comes_to_its_end():
    terminal = Terminal("./run-tests", "--quick", "-R", "next to nothing")
    expect(terminal.end() == 0, "failed", terminal)
    expect("closing lines, of --preset release" in terminal.said, "has run no ctest", terminal)


def serve_gets_ready_and_ends_by_ctrl_c():
    image = scratch / "sample.img"
    os.spawnv(os.P_WAIT, tree / "examples/make-the-image", ["make-the-image", "--small", str(image)])
    terminal = Terminal(BUILD / "bootview/bootview", "serve", "--listen", "127.0.0.1", "--nbd-port", "0", "--tftp-port",
                        "0", image)
    terminal.read_until(r"(?m)^ready")
    terminal.ctrl_c()
    expect(terminal.end() == 0, "did not end well", terminal)


def main():
    root = os.geteuid() == 0
    try:
        prepare()
        (scratch / "tmp").mkdir(mode=0o777)
        for path in (scratch, tree, scratch / "tmp"):
            path.chmod(0o777)
        if root:
            a_user_is_told_what_to_type_and_what_then()
            quickstart_installs_builds_and_shows()
            ctrl_c_ends_an_installation()
        else:
            (scratch / "installed").touch()
            quickstart_installs_builds_and_shows()
        ctrl_c_ends_a_build("./quickstart")
        ctrl_c_ends_a_build("./run-tests", "--quick")
        a_closed_window_ends_a_build("./quickstart")
        a_closed_window_ends_a_build("./run-tests", "--quick")
        run_tests_comes_to_its_end()
        serve_gets_ready_and_ends_by_ctrl_c()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


main()
