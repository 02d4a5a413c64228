"""Promises that no other file of tests is about, as a user of the Python package meets them."""
import os
import re
import socket
import stat
import subprocess
import sys

import parvis
import pytest
from conftest import BUILD, PATIENCE


def test_p5_the_oldest_match_of_the_highest_priority_comes_first(space):
    for n in range(5):
        space.out("job", n)
    space.out("job", 99, priority=1)
    assert [space.in_("job", int)[1] for _ in range(6)] == [99, 0, 1, 2, 3, 4]


def test_p5_a_returned_tuple_keeps_its_place(space):
    space.out_many([("job", n) for n in range(3)])
    transaction = space.transaction()
    assert transaction.in_("job", int) == ("job", 0)
    transaction.abort()
    assert space.in_("job", int) == ("job", 0)


def test_p5_the_longest_waiting_taker_is_served(space, server):
    sessions = [parvis.connect(server.address, space=space.name) for _ in range(3)]
    takes = []
    for session in sessions:
        takes.append(session._start_get("turn", int, take=True, wait=True))
        session.count("turn", int)  # answered: the server has seen the take, which the same session sent before
    space.out_many([("turn", n) for n in range(3)])
    for n, take in enumerate(takes):
        assert take.wait(PATIENCE)
        assert take.answer() == ("turn", n)
    for session in sessions:
        session.close()


@pytest.fixture
def tcp_server(tmp_path):
    """A server of its own on loopback; its address."""
    command = [str(BUILD / "bin" / "parvis"), "serve", "--data", str(tmp_path / "d"), "--listen", "tcp://127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield re.search(r"tcp://\S+", process.stdout.readline())[0]
        process.terminate()


def test_p10_a_wrong_token_is_refused(tcp_server):
    with pytest.raises(parvis.Unauthorized):
        parvis.connect(tcp_server, token="00" * 32)


def test_p10_a_stranger_is_told_nothing(server, space):
    """Bytes without a handshake end the connection, and touch nothing."""
    before = space.count(...)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(PATIENCE)
        stranger.connect(server.address.removeprefix("unix://"))
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while stranger.recv(4096):
            pass
    assert space.count(...) == before


def test_p10_only_the_user_reads_the_token_and_reaches_the_socket(server):
    path = server.address.removeprefix("unix://")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(server.home / "token").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(server.home).st_mode) & 0o077 == 0


CROWD = """
import sys, time
import parvis
spaces = [parvis.connect(sys.argv[1], space="crowd") for _ in range(100)]
takes = [space._start_get("never", n, take=True, wait=True) for space in spaces for n in range(300)]
while sum(space.waiters for space in spaces[0].spaces()) < len(takes):
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600)
"""


def test_p8_a_process_that_lives_is_not_taken_for_one_that_dies(own_server):
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", CROWD, own_server.address], stdout=subprocess.PIPE) as crowd:
            assert crowd.stdout.readline() == b"ready\n"
            crowd.kill()
        # While the server sees them die, one after the other, their places are given to these.
        spaces = [parvis.connect(own_server.address, space="living") for _ in range(60)]
        for n, space in enumerate(spaces):
            space.out("alive", n)
            assert space.in_("alive", n) == ("alive", n)
            space.close()
