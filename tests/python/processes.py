"""Processes that run a few lines each beside the test, to be asked and killed."""
import subprocess
import sys

PATIENCE = 60.0


class Script:
    """A Python process: ``ask`` reads the next line it prints; ``kill`` is kill -9."""

    def __init__(self, code, **names):
        # In a group of its own, and its last words are the test's.
        head = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        self.process = subprocess.Popen([sys.executable, "-uc", f"import parvis, time, sys\n{head}{code}"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.close()

    def join(self):
        """What else it printed; it ended well."""
        output = self.process.communicate(timeout=PATIENCE)[0]
        assert self.process.returncode == 0, output
        return output

    def close(self):
        self.process.kill()
        self.process.communicate()
