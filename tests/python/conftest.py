"""Fixtures: a data folder of its own for every session of tests, a server in it, a cluster of kernels.

Run with the Python the build chose: ``PARVIS_BUILD=build/release /usr/bin/python3 -m pytest tests/python``."""

import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_folder():
    """$PARVIS_BUILD, else the newest build that has the extension module."""
    if os.environ.get("PARVIS_BUILD"):
        return pathlib.Path(os.environ["PARVIS_BUILD"]).resolve()
    modules = glob.glob(str(ROOT / "build" / "*" / "python" / "parvis" / "_parvis*.so"))
    if not modules:
        pytest.exit("no build has the Python package: cmake --preset release && cmake --build --preset release", 2)
    return pathlib.Path(max(modules, key=os.path.getmtime)).parents[2]


BUILD = build_folder()
sys.path.insert(0, str(BUILD / "python"))
# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them are about.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Programs that a test starts import the same package.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(BUILD / "python"), os.environ.get("PYTHONPATH")]))
PATIENCE = 60.0  # of everything that has to happen on a loaded machine


class Server:
    """``parvis serve`` on a data folder."""

    def __init__(self, home):
        self.home = home
        self.address = f"unix://{home}/s"
        self.process = None
        self.start()

    def start(self):
        environment = dict(os.environ, PARVIS_HOME=str(self.home))
        self.log = open(self.home / "server.log", "ab")
        command = [str(BUILD / "bin" / "parvis"), "serve", "--data", str(self.home), "--listen", self.address]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        self.wait_ready()

    def wait_ready(self):
        import parvis

        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, (self.home / "server.log").read_text()
            try:
                parvis.connect(self.address).close()
                return
            except parvis.Disconnected:
                assert time.monotonic() < deadline, (self.home / "server.log").read_text()
                time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()


@pytest.fixture(scope="session")
def home():
    """A data folder that nothing else uses; short, because the path of a socket is limited."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pv", dir="/tmp"))
    before = {name: os.environ.get(name) for name in ("PARVIS_HOME", "PARVIS_ADDRESS", "PARVIS_TOKEN")}
    os.environ["PARVIS_HOME"] = str(folder)
    os.environ.pop("PARVIS_ADDRESS", None)
    os.environ.pop("PARVIS_TOKEN", None)
    yield folder
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(home):
    server = Server(home)
    os.environ["PARVIS_ADDRESS"] = server.address
    yield server
    server.stop()


@pytest.fixture
def own_server():
    """A server that the test may kill, on a data folder of its own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pv", dir="/tmp"))
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def space(server, request):
    """A space of the test's own."""
    import parvis

    name = f"{request.module.__name__}-{request.node.name}"  # tests in two files may have one name
    with parvis.connect(server.address, space=name[:200]) as space:
        yield space


@pytest.fixture(scope="session")
def cluster(server):
    """Two kernels that the tests share."""
    import parvis

    with parvis.Cluster(2, server.address) as cluster:
        yield cluster


@pytest.fixture
def own_cluster(server):
    """Two kernels that the test may kill."""
    import parvis

    with parvis.Cluster(2, server.address) as cluster:
        yield cluster
