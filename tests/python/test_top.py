"""``parvis top`` in a terminal: it paints what happens, fits the window, and gives the terminal back."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import parvis
import pytest
from conftest import BUILD, PATIENCE

ROWS, COLUMNS = 12, 60


class Terminal:
    def __init__(self, address):
        self.screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.inside = inside
        self.before = termios.tcgetattr(inside)
        self.text = ""
        self.process = subprocess.Popen([str(BUILD / "bin" / "parvis"), "top", "--interval", "0.5"], stdin=inside,
                                        stdout=inside, stderr=inside, env=dict(os.environ, PARVIS_ADDRESS=address))

    def until(self, pattern):
        """Reads until the pattern has been painted, from where the last call stopped."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text, re.DOTALL)):
            assert time.monotonic() < deadline, self.text[-500:]
            if select.select([self.screen], [], [], 0.1)[0]:
                self.text += os.read(self.screen, 65536).decode()
        painted, self.text = self.text[:found.end()], self.text[found.end():]
        return painted

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.screen)
        os.close(self.inside)


@pytest.fixture
def terminal(own_server):
    opened = Terminal(own_server.address)
    yield opened
    opened.close()


def test_top_shows_a_space_as_it_changes(terminal, own_server):
    space = parvis.connect(own_server.address, space="changing")
    assert "q to quit" in terminal.until(r"parvis top[^\r]*")
    space.out_many([("x", n) for n in range(3)])
    terminal.until(re.escape(space.name) + r"\s+durable\s+3(?!\d)")
    assert space.inp("x", int)
    terminal.until(re.escape(space.name) + r"\s+durable\s+2(?!\d)")


@pytest.mark.parametrize("end", ["q", "Ctrl-C"])
def test_top_fits_the_window_and_gives_the_terminal_back(terminal, end):
    terminal.until(r"\x1b\[\?1049h")
    picture = terminal.until(r"\x1b\[J")
    lines = re.sub(r"\x1b\[[0-9?]*[a-zA-Z]", "", picture).split("\n")
    assert len(lines) <= ROWS
    assert all(len(line.rstrip("\r")) <= COLUMNS for line in lines)
    if end == "q":
        os.write(terminal.screen, b"q")
    else:
        terminal.process.send_signal(signal.SIGINT)
    terminal.until(r"\x1b\[\?1049l")
    assert terminal.process.wait(PATIENCE) == 0
    assert termios.tcgetattr(terminal.inside) == terminal.before
