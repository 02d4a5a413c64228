"""The package is typed: mypy --strict has nothing to say, and a user's program is checked against it."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT

MYPY = shutil.which("mypy", path="/usr/bin:/usr/local/bin")
PROGRAM = """
import parvis
from parvis import ANY

space: parvis.Space = parvis.connect()
space.out("task", 1, lease=2.0)
fields = space.in_("task", int, ANY, timeout=1)
reveal_type(fields)
with parvis.Cluster(2) as c:
    c[0].execute("1")
    future = c.farm("x").submit(pow, 2, 3)
    future.result(timeout=1.0)
space.out("task", lease="soon")
"""


def mypy(arguments, tmp_path):
    environment = dict(os.environ, MYPYPATH=str(ROOT / "python"))
    # Stubs of others are none of our business, and most of the time; what kernels run in themselves is no interface.
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-numpy.*,rich.*,IPython.*]\nfollow_imports = skip\n"
                                       "[mypy-parvis._kernel.*]\nignore_errors = True\n")
    return subprocess.run([MYPY, "--config-file", "mypy.ini", "--cache-dir", str(tmp_path / "cache"), *arguments],
                          env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=500)


@pytest.mark.timeout(600)
@pytest.mark.skipif(MYPY is None, reason="mypy is not installed")
def test_the_package_is_typed(tmp_path):
    checked = mypy(["--strict", "--implicit-reexport", "--python-version", "3.9", "-p", "parvis"], tmp_path)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.timeout(600)
@pytest.mark.skipif(MYPY is None, reason="mypy is not installed")
def test_a_program_is_checked_against_it(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    checked = mypy(["program.py"], tmp_path)
    assert 'Revealed type is "builtins.tuple[Any, ...]"' in checked.stdout
    assert "expected \"Optional[float]\"" in checked.stdout
    assert checked.stdout.count("error:") == 1, checked.stdout
