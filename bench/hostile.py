"""What other clients feel of slow and hostile peers: round trips of one client alone, and beside each kind of peer.

Peers of elsewhere have cores of their own: so these leave the first to server and client, who share it, and how often
they got to attack is told.

usage: hostile.py ADDRESS SOCKET N SPACE_BENCH        figures, where the server has the first core
       hostile.py peer KIND ADDRESS SOCKET            is such a peer; says "ready", and at SIGTERM its attacks a second
"""
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from peers import ONE_CORE

PAUSE_S = 0.002  # between the attacks of those that never rest: on few cores they would measure the scheduler


def dial(path: str) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    return peer


def idle(_: str, path: str) -> Iterator[None]:
    """9 900 connections that say nothing."""
    crowd = [dial(path) for _ in range(9_900)]
    yield
    while crowd:
        time.sleep(1)


def waiters(address: str, _: str) -> Iterator[None]:
    """100 000 blocked takes, of 100 sessions."""
    import parvis
    spaces = [parvis.connect(address) for _ in range(100)]
    calls = [space._start_get("never", i, session, take=True, wait=True)
             for session, space in enumerate(spaces) for i in range(1_000)]
    while sum(space.waiters for space in spaces[0].spaces()) < len(calls):
        time.sleep(0.1)
    yield
    while calls:
        time.sleep(1)


def stopped(address: str, _: str) -> Iterator[None]:
    """Asks for 200 large answers, and is stopped before it has read them."""
    import parvis
    space = parvis.connect(address)
    space.out("large", b"x" * 1_000_000)
    calls = [space._start_get("large", bytes, take=False, wait=True) for _ in range(200)]
    yield
    while calls:
        os.kill(os.getpid(), signal.SIGSTOP)


def dripping(_: str, path: str) -> Iterator[None]:
    """200 connections that send a byte of a frame now and then."""
    crowd = [dial(path) for _ in range(200)]
    yield
    while True:
        for i, peer in enumerate(crowd):
            try:
                peer.send(b"\1")
            except OSError:  # the server had enough of it
                crowd[i] = dial(path)
            yield


def flood(_: str, path: str) -> Iterator[None]:
    """Connects and leaves, again and again."""
    yield
    while True:
        dial(path).close()
        yield


def garbage(_: str, path: str) -> Iterator[None]:
    """Sends random bytes, again and again."""
    yield
    while True:
        with dial(path) as peer, contextlib.suppress(OSError):
            peer.sendall(os.urandom(4096))
        yield


KINDS: dict[str, Callable[[str, str], Iterator[None]]] = {
    f.__name__: f for f in (idle, waiters, stopped, dripping, flood, garbage)}


RESTLESS = (dripping, flood, garbage)


def attack(peer: Iterator[None]) -> None:
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {0} or {0})
    next(peer)
    print("ready", flush=True)
    begin, attacks = time.monotonic(), 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(print(attacks / (time.monotonic() - begin), flush=True)))
    for attacks, _ in enumerate(peer):
        time.sleep(PAUSE_S)


def tell(metric: str, value: float, unit: str) -> None:
    print(json.dumps({"metric": metric, "value": value, "unit": unit}), flush=True)


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1] == "peer":
        kind, address, path = sys.argv[2:]
        attack(KINDS[kind](address, path))
        return
    address, path, n, program = sys.argv[1:]

    def measure(beside: str) -> None:
        command = [*ONE_CORE, program, address, "1", n]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in map(json.loads, out.splitlines()):
            if line["metric"].removesuffix(" p99") in ("out", "rd", "in") and line["unit"] == "us":
                tell(line["metric"] + beside, line["value"], line["unit"])

    measure(", alone")
    for kind in KINDS:
        with subprocess.Popen([sys.executable, __file__, "peer", kind, address, path], stdout=subprocess.PIPE) as peer:
            if not peer.stdout or peer.stdout.readline() != b"ready\n":
                sys.exit(f"the {kind} peer has failed")
            measure(f", beside {kind}")
            if KINDS[kind] in RESTLESS:
                peer.terminate()
                tell(f"attacks, beside {kind}", float(peer.stdout.readline()), "/s")
            peer.kill()
    measure(", alone again")


if __name__ == "__main__":
    main()
