"""What scripts/demo runs: a farm over the whole standard library, with kill -9 of a kernel and of the server midway.

The job: complexity.py, one task a file. Nothing here knows a result in advance: the total is checked against a serial
run of the same function in this process.
"""
import argparse
import collections
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time

import parvis
from complexity import measure

FARM = "stdlib complexity"


def sources() -> list[str]:
    """Every .py file of the interpreter's own library (not of packages installed beside it)."""
    library = sysconfig.get_paths()["stdlib"]
    found = []
    for folder, folders, files in os.walk(library):
        folders[:] = [f for f in folders if f not in ("dist-packages", "site-packages", "__pycache__")]
        found += [os.path.join(folder, name) for name in files if name.endswith(".py")]
    return sorted(found)


class Line:
    """One line that is written over on a terminal, and written now and then into a file."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.last = 0.0

    def show(self, text: str, last: bool = False) -> None:
        if self.live:
            print(f"\r\033[K{text}", end="\n" if last else "", flush=True)
        elif last or time.monotonic() - self.last > 2:
            self.last = time.monotonic()
            print(text, flush=True)

    def say(self, text: str) -> None:
        print(("\r\033[K" if self.live else "") + text, flush=True)


class Server:
    """`parvis serve` as a child, so that it can be killed and started again on the same data folder."""

    def __init__(self, program: str, home: str):
        self.program, self.home = program, home
        self.process = None

    def start(self) -> None:
        with open(os.path.join(self.home, "server.log"), "ab") as log:
            self.process = subprocess.Popen([self.program, "serve"], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()  # "parvis 0.1.0 serves unix:///…"
        if not line:
            raise SystemExit(f"The server did not start; see {self.home}/server.log")

    def kill(self) -> int:
        self.process.kill()
        self.process.wait()
        return self.process.pid

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


class Demo:
    """The farm at work, and the two kills."""

    def __init__(self, cluster: parvis.Cluster, server: Server):
        self.cluster, self.server, self.line = cluster, server, Line()
        self.farm = cluster.farm(FARM)
        self.killed_kernel = self.killed_server = False

    def results(self) -> dict[str, list]:
        """path -> functions, from the result tuples in the space: one for each file, or the demo ends here."""
        rows = self.farm.results()
        failed = [row for row in rows if row.status != "ok"]
        if failed:
            raise SystemExit(f"{len(failed)} tasks failed: {failed[0].name}: {failed[0].error}")
        times = collections.Counter(row.value[0] for row in rows)
        twice = [path for path, n in times.items() if n > 1]
        if twice or len(rows) != self.farm.counts().done:
            raise SystemExit(f"{len(rows)} results for {len(times)} files, more than one for {twice[:3]}")
        return dict(row.value for row in rows)

    def run(self, files: list[str]) -> float:
        """Puts the tasks in, kills a kernel and the server on the way, waits for the last result."""
        before = self.farm.counts().done
        begin = time.monotonic()
        self.farm.submit_many(measure, [(path,) for path in files], names=files)
        while True:
            done = self.farm.counts().done - before
            self.line.show(picture(done, len(files), time.monotonic() - begin), last=done >= len(files))
            if done >= len(files):
                return time.monotonic() - begin
            if not self.killed_kernel and done >= len(files) * 0.2:
                self.kill_kernel()
            if not self.killed_server and done >= len(files) * 0.5:
                self.kill_server()
            time.sleep(0.05)

    def kill_kernel(self) -> None:
        victim = self.cluster.kernels[0]
        os.kill(victim.pid, signal.SIGKILL)
        self.killed_kernel = True
        self.line.say(f"  kill -9 {victim.pid}: kernel {victim.name} is dead. Its task goes back into the space, "
                      "its supervisor starts another kernel.")

    def kill_server(self) -> None:
        address = self.cluster.address
        pid = self.server.kill()
        self.killed_server = True
        self.line.say(f"  kill -9 {pid}: the server is dead. Starting it again at {address}; everybody reconnects.")
        self.server.start()


def picture(done: int, total: int, seconds: float) -> str:
    filled = 40 * done // max(total, 1)
    bar = "#" * filled + "." * (40 - filled)
    return f"  [{bar}] {done:4} of {total} files  {seconds:5.1f} s  {done / max(seconds, 0.01):4.0f} files/s"


def farm_out(demo: Demo, files: list[str]) -> float | None:
    """Runs what is not in the space yet; says what was found there. None: nothing was left to do."""
    found = demo.results()
    todo = [path for path in files if path not in found]
    if found:
        newest = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(row.started for row in demo.farm.results())))
        print(f"The space still holds the results of {len(found)} files, the last computed at {newest} by a kernel "
              "that has ended since.")
    if not todo:
        print("Nothing is left to compute (scripts/demo --fresh starts over).")
        return None
    kernels = demo.cluster.kernels
    print(f"{len(todo)} files of Python's standard library, one task each, for {len(kernels)} kernels "
          f"({', '.join(f'{kernel.name}: pid {kernel.pid}' for kernel in kernels)}):")
    took = demo.run(todo)
    rows = demo.farm.results()
    again = [row for row in rows if row.attempts > 1]
    print(f"All {len(todo)} done in {took:.1f} s, by {len({row.kernel for row in rows})} kernels; {len(again)} of the "
          "tasks had been claimed by a kernel that died, came back and were run again.")
    return took


def top_ten(found: dict[str, list]) -> None:
    library = sysconfig.get_paths()["stdlib"]
    functions = [(complexity, os.path.relpath(path, library), name, line)
                 for path, rows in found.items() for name, line, complexity in rows]
    print("\nThe ten most complex functions of Python's standard library:")
    for complexity, path, name, line in sorted(functions, key=lambda f: (-f[0], f[1], f[3]))[:10]:
        print(f"  {complexity:4}  {name:40} {path}:{line}")


def totals(found: dict[str, list]) -> tuple[int, int, int]:
    """(files, functions, sum of their complexities)."""
    rows = [row for functions in found.values() for row in functions]
    return len(found), len(rows), sum(complexity for _, _, complexity in rows)


def check(found: dict[str, list], files: list[str], took: float | None) -> None:
    """The same work in this one process, file after file, with nothing of Parvis."""
    begin = time.monotonic()
    serial = totals(dict(measure(path) for path in files))
    seconds = time.monotonic() - begin
    farmed = totals({path: found[path] for path in files})
    print(f"\n{farmed[0]} files, {farmed[1]} functions, complexity {farmed[2]} in all; exactly one result a file.")
    if farmed != serial:
        raise SystemExit(f"The serial run in one process says otherwise: {serial[1]} functions, {serial[2]}")
    farm = f"{took:.1f} s by the farm, with both kills" if took is not None else "the farm had nothing left to do"
    print(f"A serial run in one process gives the same total ({seconds:.1f} s; {farm}).")


def next_steps(home: str, program: str) -> None:
    folder = os.path.dirname(program)
    print(f"""
Try next:
  export PARVIS_HOME={home} PATH={folder}:$PATH PYTHONPATH={os.environ.get("PYTHONPATH", "")}
  scripts/demo                                    # again: the results are still in the space
  parvis serve &
  parvis out greeting hello 7                     # a tuple goes in ...
  parvis in greeting ?str ?int                    # ... and comes out
  parvis kernels start -n 2
  parvis exec -k 0 'import sys; sys.version'
  less docs/start.md                              # the tutorial; examples/README.md has programs to start from""")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the folder of the parvis command")
    parser.add_argument("--kernels", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")
    arguments = parser.parse_args()
    home = os.environ["PARVIS_HOME"]
    if arguments.fresh:
        shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home, mode=0o700, exist_ok=True)
    files = sources()
    server = Server(os.path.join(arguments.bin, "parvis"), home)
    server.start()
    try:
        with parvis.Cluster(arguments.kernels, name="demo") as cluster:
            demo = Demo(cluster, server)
            took = farm_out(demo, files)
            found = demo.results()
    finally:
        server.stop()
    top_ten(found)
    check(found, files, took)
    next_steps(home, server.program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
