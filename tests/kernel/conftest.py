"""Whole kernels against a whole server, driven by raw calls: a server a file of tests, kernels as a test wants them.

``PARVIS_BUILD=build/release /usr/bin/python3 -m pytest -c tests/kernel/pytest.ini tests/kernel``"""

import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import pytest

BUILD = pathlib.Path(os.environ.get("PARVIS_BUILD", "build/release")).resolve()
sys.path.insert(0, str(BUILD / "python"))
PATIENCE = 60.0  # for everything that has to happen on a loaded machine

import parvis  # noqa: E402
from parvis import _parvis  # noqa: E402


def wait_until(condition, what="", patience=PATIENCE):
    """Polls until the condition holds; its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {patience} s: {what or condition}"
        time.sleep(0.01)


class Server:
    def __init__(self, home):
        self.home = home
        self.address = f"unix://{home}/s"
        self.start()

    def start(self):
        with open(self.home / "server.log", "ab") as log:
            command = [str(BUILD / "bin" / "parvis"), "serve", "--data", str(self.home), "--listen", self.address]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.answers, "the server answers")

    def answers(self):
        assert self.process.poll() is None, (self.home / "server.log").read_text()
        try:
            parvis.connect(self.address).close()
            return True
        except parvis.Disconnected:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


class Kernel:
    """A kernel process, and raw calls to it."""

    def __init__(self, server, cluster="", python=None, arguments=()):
        self.server = server
        self.id = uuid.uuid4().hex[:16]
        command = [str(BUILD / "bin" / "parvis-kernel"), "--id", self.id, "--cluster", cluster,
                   "--home", str(server.home), "--address", server.address,
                   "--python", python or "/usr/bin/python3", *arguments]
        self.log = server.home / f"{self.id}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        self.connect()

    def connect(self):
        space = parvis.connect(self.server.address, space="parvis.kernels")
        try:
            self.info = wait_until(lambda: self.registration(space), f"kernel {self.id} registers")
        finally:
            space.close()
        self.session = _parvis.Session.connect(self.info["address"], reconnect_for=0.0)

    def registration(self, space):
        assert self.process is None or self.process.poll() is None, self.log.read_text()
        found = space.rdp("kernel", str, self.id, int, dict)
        return found and found[4]

    def call(self, verb, patience=PATIENCE, **arguments):
        answer = self.session.call_kernel(verb, arguments, patience)
        assert answer is not None, f"{verb} was not answered within {patience} s\n{self.text()}"
        return answer

    def ok(self, verb, **arguments):
        status, result = self.call(verb, **arguments)
        assert status == "ok", (status, result)
        return result

    def run(self, code, **arguments):
        return self.ok("execute", code=code, **arguments)

    def error(self, code, **arguments):
        status, result = self.call("execute", code=code, **arguments)
        assert status == "error", (status, result)
        return result

    def later(self, code, **arguments):
        """Queues code; its id."""
        status, result = self.call("execute", code=code, block=False, **arguments)
        assert status == "queued", (status, result)
        return result["id"]

    def wait_running(self, request):
        wait_until(lambda: self.ok("status")["running"] == request, f"{request} runs")

    def result(self, request):
        return self.call("result", id=request)

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Agent:
    """A supervisor with its kernels."""

    names = itertools.count()

    def __init__(self, server, kernels=1, python="/usr/bin/python3"):
        self.server = server
        self.cluster = f"cluster{next(self.names)}"
        self.id = uuid.uuid4().hex[:16]
        self.log = server.home / f"agent-{self.id}.log"
        with open(self.log, "wb") as log:
            command = [str(BUILD / "bin" / "parvis"), "agent", "--id", self.id, "--cluster", self.cluster,
                       "--kernels", str(kernels), "--home", str(server.home), "--address", server.address,
                       "--python", python]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.space = parvis.connect(server.address, space="parvis.kernels")

    def ids(self):
        return [found[2] for found in self.space.read_many(100, "kernel", self.cluster, str, int, dict, timeout=0)]

    def kernels(self, n):
        return wait_until(lambda: len(self.ids()) == n and self.ids(), f"{n} kernels\n{self.log.read_text()}")

    def attach(self, id):
        kernel = Kernel.__new__(Kernel)
        kernel.server, kernel.id, kernel.process = self.server, id, None
        kernel.log = self.server.home / "kernels" / f"{id}.log"
        kernel.connect()
        return kernel

    def death(self, id):
        return self.space.rd("death", self.cluster, id, dict, timeout=PATIENCE)[3]

    def ask(self, verb, **arguments):
        command = uuid.uuid4().hex
        self.space.out("command", self.id, command, verb, arguments)
        return self.space.in_("reply", command, dict, timeout=PATIENCE)[2]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.space.close()


@pytest.fixture(scope="module")
def home():
    """Short, because the path of a socket is limited."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pvk", dir="/tmp"))
    before = dict(os.environ)
    os.environ["PARVIS_HOME"] = str(folder)
    for name in ("PARVIS_ADDRESS", "PARVIS_TOKEN", "VIRTUAL_ENV"):
        os.environ.pop(name, None)
    yield folder
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(home):
    server = Server(home)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def kernel(server):
    """A kernel that the tests of a file share."""
    kernel = Kernel(server)
    yield kernel
    kernel.stop()


@pytest.fixture
def start(server):
    """Starts kernels of the test's own: start(cluster=…, python=…, arguments=…)."""
    started = []

    def start(**options):
        started.append(Kernel(server, **options))
        return started[-1]

    yield start
    for kernel in started:
        kernel.stop()


@pytest.fixture
def agents(server):
    started = []

    def start(kernels=1, **options):
        started.append(Agent(server, kernels, **options))
        return started[-1]

    yield start
    for agent in started:
        agent.stop()
