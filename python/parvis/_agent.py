"""Starting kernels: the detached supervisor that does it, and what is asked of one that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional

from ._errors import Error, Timeout
from ._kernel_client import KERNELS
from ._space import Space

_children: List["subprocess.Popen[bytes]"] = []  # they outlive their Cluster, but not unreaped


def home() -> str:
    """The data folder of the local server."""
    chosen = os.environ.get("PARVIS_HOME")
    if not chosen:
        state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        chosen = os.path.join(state, "parvis")
    os.makedirs(chosen, mode=0o700, exist_ok=True)
    return chosen


def program() -> str:
    """The command ``parvis`` that belongs to this package."""
    given = os.environ.get("PARVIS_BIN")
    if given:
        return os.path.join(given, "parvis") if os.path.isdir(given) else given
    package = os.path.dirname(os.path.abspath(__file__))
    # <build>/python/parvis, or <prefix>/lib/python3.11/dist-packages/parvis
    beside = (os.path.join(package, "..", "..", "bin"), os.path.join(package, "..", "..", "..", "..", "bin"))
    for folder in (*beside, "/usr/local/bin", "/usr/bin"):
        candidate = os.path.normpath(os.path.join(folder, "parvis"))
        if os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which("parvis")
    if found is None:
        raise Error(f"the program parvis was found neither beside {package} nor on PATH: set PARVIS_BIN to it")
    return found


class Agent:
    """A supervisor this process started."""

    def __init__(self, cluster: str, n: int, address: str, python: Optional[str], token: Optional[str]) -> None:
        folder = os.path.join(home(), "logs")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.log = os.path.join(folder, f"agent-{cluster or 'any'}-{os.getpid()}.log")
        command = [program(), "agent", "--cluster", cluster, "--kernels", str(n), "--address", address,
                   "--python", python or sys.executable]
        environment = dict(os.environ)
        if token:
            environment["PARVIS_TOKEN"] = token  # not on the command line, where everybody reads it
        _children[:] = [child for child in _children if child.poll() is None]
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C here, and the end of this process, are not its business.
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True,
                                            env=environment, close_fds=True)
        _children.append(self.process)

    def check(self) -> None:
        """Raises when it has ended, with the end of its log."""
        status = self.process.poll()
        if status is not None:
            with open(self.log, "rb") as log:
                tail = log.read()[-2000:].decode(errors="replace").strip()
            raise Error(f"the supervisor of the kernels ended with status {status}: {tail or 'it said nothing'}\n"
                        f"(log: {self.log})")

    def wait(self, timeout: float) -> bool:
        """Waits for its end."""
        try:
            self.process.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False


def ask(space: Space, agent: str, verb: str, arguments: Dict[str, Any], timeout: float = 60.0) -> Dict[str, Any]:
    """A command to a supervisor, and its reply."""
    kernels = space.space(KERNELS)
    command = os.urandom(8).hex()
    kernels.out("command", agent, command, verb, arguments, lease=timeout)
    deadline = time.monotonic() + timeout
    while True:
        try:
            reply = kernels.in_("reply", command, dict, timeout=max(0.0, min(1.0, deadline - time.monotonic())))
        except TimeoutError:
            # A supervisor that ended has answered by that: its tuple went with it.
            if kernels.rdp("agent", str, agent, dict) is None:
                late = kernels.inp("reply", command, dict)
                return dict(late[2]) if late is not None else {}
            if time.monotonic() >= deadline:
                raise Timeout(f"the supervisor {agent} did not answer to {verb} within {timeout} s") from None
            continue
        return dict(reply[2])
