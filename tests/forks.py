"""Processes of their own that need not import the frameworks, which takes seven seconds each time.

One process of the test run imports them, and nothing else; it forks for each program. A program
begins with the frameworks imported and not yet started: what they count or read when they start, as
devices and XLA's flags, is its own. What they read while they are imported (variables JAX_...) is
that of the run. Where importing is what is tested, `subprocess` it is.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

if __package__:
    from .patience import DEADLINE

# With what takes long to import of them.
FRAMEWORKS = ("torch.distributed.tensor", "torch._dynamo", "jax", "tensorflow")


# For tests -----------------------------------------------------------------------------------


class Done(NamedTuple):
    """How a program ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """Python code that runs in a process of its own from now on, as by `python -c`.

    `settings` are added to the environment; `wait` tells how it ended.
    """

    def __init__(self, code: str, *arguments: object, cwd: object = None, **settings: str) -> None:
        self._printed = [tempfile.TemporaryFile("w+") for _ in range(2)]
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as request:
            environment = {**os.environ, **settings}
            json.dump([code, [*map(str, arguments)], environment, str(cwd or os.getcwd())], request)
        self._connection = _connected()
        files = [file.fileno() for file in self._printed]
        socket.send_fds(self._connection, [request.name.encode()], files)

    def wait(self, timeout: float) -> Done:
        """Returns how the program ended; a TimeoutError if it goes on for `timeout` seconds."""
        self._connection.settimeout(timeout)
        with self._connection as connection:
            status = connection.recv(16)
        printed = []
        for file in self._printed:
            with file:
                file.seek(0)
                printed.append(file.read())
        return Done(int(status or -signal.SIGKILL), *printed)


def finish(programs: Iterable[Program]) -> list[Done]:
    """Returns what each of the programs printed, which run at once; all have to succeed."""
    done = [program.wait(DEADLINE) for program in [*programs]]
    for one in done:
        assert one.returncode == 0, one.stderr[-3000:]
    return done


def _connected() -> socket.socket:
    path = os.path.join(os.environ["TESTS_FORKS"], "socket")
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a run have one such process together
        if not os.path.exists(path):
            command = [sys.executable, __file__, path, os.environ["TESTS_FORKS_PARENT"]]
            with open(path + ".log", "w") as log:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
            while not os.path.exists(path):
                if process.poll() is not None:
                    raise RuntimeError(Path(path + ".log").read_text()[-3000:])
                time.sleep(0.05)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


# The process that forks ----------------------------------------------------------------------


def _serve(path: str, parent: int) -> socket.socket | None:
    """Returns a connection in each forked process, and None in this one when the run has ended."""
    for name in FRAMEWORKS:
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.listen(64)
    server.settimeout(1)
    os.rename(path + ".new", path)
    while _is_alive(parent):
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            server.close()
            return connection
        connection.close()
    return None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _run(connection: socket.socket) -> None:
    """Runs what was asked for in a process beneath this one, which tells how that one ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    name, files, _, _ = socket.recv_fds(connection, 4096, 2)
    with open(name) as request:
        code, arguments, environment, folder = json.load(request)
    os.remove(name)
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(str(status).encode())
        os._exit(0)
    connection.close()
    for i, file in enumerate(files):
        os.dup2(file, i + 1)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-c", *arguments]
    sys.path[0] = ""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(code, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    asked = _serve(sys.argv[1], int(sys.argv[2]))
    if asked is not None:
        _run(asked)
