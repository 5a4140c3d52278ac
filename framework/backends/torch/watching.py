"""Whether the other processes of a group still answer.

A process that was killed closes its connections, and a collective that waits for it fails at once.
One that is frozen (stopped, or on a machine that hangs) keeps them, and the others would wait for
half an hour. So each process tells a store, every now and then, that it is there, and looks whether
the others do.
"""

import atexit
import os
import socket
import stat
import threading
from contextlib import contextmanager, suppress

import torch.distributed as dist

# The watch of this process's group, while it belongs to one.
current = []


class Watch:
    """Tells the others that this process is there, and breaks its connections if one is silent.

    Args:
        store: where the processes met.
        count: how many processes there are.
        number: of this one.
        seconds: after which a silent process counts as gone.
    """

    def __init__(self, store, count, number, seconds):
        self.seconds, self.number = seconds, number
        self.others = [n for n in range(count) if n != number]
        self.silent = None  # the number of the process that was found silent
        self._sockets = set()
        # A connection of its own: another one is taken while the process waits for something.
        self._store = dist.PrefixStore("isozoo_watch", store.clone())
        self._store.set(str(number), "0")
        self._seen = {}
        self._ticks = 0  # since the store answered
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"isozoo{work.__name__}", daemon=True)
            for work in (self._tell, self._look)
        ]
        current[:] = [self]

    def begin(self):
        """Starts watching; the processes have all met."""
        for thread in self._threads:
            thread.start()
        atexit.register(self.end)

    def end(self):
        """Ends watching, and has the others not wait for this process any more."""
        self._over.set()
        self._threads[0].join(5)  # not for ever: the store may not answer

    @contextmanager
    def connecting(self):
        """A context in which the framework makes connections to the others."""
        before = set(_sockets())
        yield
        self._sockets |= set(_sockets()) - before

    def _tell(self):
        beat = 0
        names = [str(n) for n in self.others]
        while not self._over.wait(self.seconds / 10):
            beat += 1
            try:
                self._store.set(str(self.number), str(beat))
                told = self._store.multi_get(names)
            except RuntimeError:
                # The process that holds the store is gone, or has ended: the connections say which.
                self._over.set()
                return
            self._ticks = 0
            for other, text in zip(self.others, told, strict=True):
                last = self._seen.get(other)
                ended = text == b"ended"
                if last is None or last[0] != text or ended:
                    self._seen[other] = [text, 0]
        with suppress(RuntimeError):
            self._store.set(str(self.number), "ended")

    def _look(self):
        # Counted in looks and not by the clock: a process that was stopped itself has not looked.
        most = 10
        while not self._over.wait(self.seconds / most):
            self._ticks += 1
            if self._ticks > most:
                # The store does not answer: the first process holds it, or torchrun does.
                self._break(0)
                return
            for other, last in list(self._seen.items()):
                last[1] += 1
                if last[1] > most:
                    self._break(other)
                    return

    def _break(self, other):
        self.silent = other
        self._over.set()
        for group in list(dist.distributed_c10d._world.pg_map):
            with suppress(Exception):  # gloo's groups know no end
                group.abort()
        now = _sockets()
        for key in self._sockets & set(now):
            with suppress(OSError), socket.socket(fileno=os.dup(now[key])) as one:
                one.getpeername()  # gloo ends the program if the one that listens is shut
                one.shutdown(socket.SHUT_RDWR)


def _sockets():
    """(device, inode) -> descriptor of the open sockets of this process."""
    found = {}
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):
            with suppress(OSError, ValueError):
                told = os.fstat(int(name))
                if stat.S_ISSOCK(told.st_mode):
                    found[told.st_dev, told.st_ino] = int(name)
    return found
