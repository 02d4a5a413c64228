"""The documentation runs: every snippet of README.md and of the pages of docs/ that have any."""
import glob
import os
import re
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT

HERE = os.path.dirname(os.path.abspath(__file__))


def pages() -> list[str]:
    found = [os.path.join(ROOT, "README.md"), *sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))]
    return [page for page in found if re.search(r"^```(python|console)$", open(page, encoding="utf-8").read(), re.M)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", pages(), ids=os.path.basename)
def test_snippets_of(page, tmp_path):
    home = tmp_path / "home"
    environment = {**os.environ, "PARVIS_HOME": str(home), "PYTHONPATH": os.path.join(BUILD, "python"),
                   "PATH": os.path.join(BUILD, "bin") + os.pathsep + os.environ["PATH"]}
    environment.pop("PARVIS_ADDRESS", None)
    server = subprocess.Popen([os.path.join(BUILD, "bin", "parvis"), "serve"], env=environment,
                              stdout=subprocess.PIPE, text=True)
    try:
        assert " serves " in server.stdout.readline()
        done = subprocess.run([sys.executable, os.path.join(HERE, "doc_runner.py"), page], env=environment,
                              cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert done.returncode == 0, done.stdout
