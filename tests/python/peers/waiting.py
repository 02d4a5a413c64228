"""Blocking calls of clients of their own, begun so that the server has seen them when the test goes on."""
import time

import parvis

PATIENCE = 60.0  # of everything that has to happen on a loaded machine


class Waiter:
    """A client that is blocked in a ``rd`` or ``in_``."""

    def __init__(self, server, name, *template, take=True, timeout=None):
        self.space = parvis.connect(server.address, space=name)
        self.call = self.space._start_get(*template, take=take, wait=True, timeout=timeout)
        self.space.count(...)  # answered: so the server has seen what the same session sent before

    @property
    def served(self):
        return self.call.ready()

    def result(self):
        """What it got, once it got it."""
        assert self.call.wait(PATIENCE), "the wait did not end"
        try:
            return self.call.answer()
        finally:
            self.space.close()

    def cancel(self):
        self.call.cancel()
        self.space.close()


def eventually(condition, what=""):
    """Polls until the condition holds; its value."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what or condition}"
        time.sleep(0.01)


def outcome(call, *arguments, **options):
    """What a call came to: its value, None for an ended wait."""
    try:
        return call(*arguments, **options)
    except parvis.Timeout:
        return None
