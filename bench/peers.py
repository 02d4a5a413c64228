"""Servers that the benchmarks start: ours and the peers', each in a fresh folder, ended with it."""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Optional

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "bench")
BIN = os.path.join(BUILD, "bin")
ONE_CORE = ["taskset", "-c", "0"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`argv` may name {folder}, {socket} and {port}; ready when the socket and the port can be connected to."""

    def __init__(self, argv: list[str], prefix: list[str] = [], tcp: bool = False, user: Optional[str] = None,
                 before: Optional[list[str]] = None, listens: str = "{socket}", end: int = signal.SIGTERM):
        self.folder = tempfile.mkdtemp(prefix="parvis-bench-")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")  # apart from the log: a data folder holds nothing else
        os.mkdir(self.data, 0o700)
        self.socket, self.port, self.end = os.path.join(self.folder, "socket"), free_port(), end
        self.listens, self.tcp = self.fill(listens), tcp
        if user:
            entry = pwd.getpwnam(user)
            for path in (self.folder, self.data):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        if before:
            subprocess.run([self.fill(w) for w in before], check=True, user=user, cwd=self.folder, stdout=self.log)
        self.process = subprocess.Popen(prefix + [self.fill(w) for w in argv], stdout=self.log, stderr=self.log,
                                        cwd=self.folder, user=user, env={**os.environ, "PARVIS_HOME": self.data})

    def fill(self, word: str) -> str:
        return word.format(folder=self.data, socket=self.socket, port=self.port, outer=self.folder)

    def listening(self) -> bool:
        try:
            if self.tcp:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self.listens)
            return True
        except OSError:
            return False

    @property
    def address(self) -> str:
        """A path, or HOST:PORT."""
        return f"127.0.0.1:{self.port}" if self.tcp else self.socket

    def __enter__(self) -> "Server":
        end = time.monotonic() + 30
        while not self.listening():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise RuntimeError(f"{self.process.args} does not listen: {self.log.read()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(self.end)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            print(f"{self.process.args} did not end in 20 s", file=sys.stderr)
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def parvis(durability: str, prefix: list[str], tcp: bool = False) -> Server:
    listen = "tcp://127.0.0.1:{port}" if tcp else "unix://{socket}"
    return Server([f"{BIN}/parvis", "serve", "--data", "{folder}", "--listen", listen, "--durability", durability],
                  prefix, tcp)


def redis(aof: str, prefix: list[str], tcp: bool = False) -> Server:
    options = ["--appendonly", "yes", "--appendfsync", "always"] if aof == "always" else ["--appendonly", "no"]
    return Server(["redis-server", "--port", "{port}", "--unixsocket", "{socket}", "--dir", "{folder}", "--save", "",
                   *options], prefix, tcp)


def beanstalkd(durable: bool, prefix: list[str], tcp: bool = False) -> Server:
    where = ["-l", "127.0.0.1", "-p", "{port}"] if tcp else ["-l", "unix:{socket}"]
    return Server(["beanstalkd", *where, *(["-b", "{folder}", "-f", "0"] if durable else [])], prefix, tcp)


def postgres(prefix: list[str]) -> Server:
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    user = "postgres" if os.geteuid() == 0 else None
    return Server([f"{programs}/postgres", "-D", "{folder}", "-p", "{port}", "-c", "listen_addresses=",
                   "-c", "unix_socket_directories={outer}", "-c", "max_wal_size=4GB"], prefix, user=user,
                  before=[f"{programs}/initdb", "-D", "{folder}", "-A", "trust", "-U", "postgres", "--no-sync"],
                  listens="{outer}/.s.PGSQL.{port}", end=signal.SIGINT)
