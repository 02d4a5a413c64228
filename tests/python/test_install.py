"""What `cmake --install` brings can be used as it stands there: the command, the package, the C++ client."""

import os
import shlex
import subprocess
import sys

from conftest import BUILD, ROOT


def output_of(command, **environment):
    return subprocess.run(command, env=dict(os.environ, **environment), stdout=subprocess.PIPE, text=True, check=True,
                          timeout=180).stdout


def test_what_is_installed_works(tmp_path, own_server):
    output_of(["cmake", "--install", str(BUILD), "--prefix", str(tmp_path)])
    reach = {"PARVIS_ADDRESS": own_server.address, "PARVIS_HOME": str(own_server.home)}

    assert output_of([str(tmp_path / "bin" / "parvis"), "--version"]).startswith("parvis ")
    package, = tmp_path.glob("lib/python3*/dist-packages")
    program = "import parvis; print(parvis.__file__); parvis.connect().out('here', 1)"
    assert output_of([sys.executable, "-c", program], PYTHONPATH=str(package), **reach).startswith(str(package))

    flags = shlex.split(output_of(["pkg-config", "--cflags", "--libs", "parvis"],
                                  PKG_CONFIG_PATH=str(next(tmp_path.rglob("parvis.pc")).parent)))
    hello = str(tmp_path / "hello")
    output_of(["g++", "-std=c++20", "-o", hello, str(ROOT / "examples" / "01_hello.cpp"), *flags])
    assert output_of([hello], **reach) == (ROOT / "examples" / "expected" / "cpp_01_hello.txt").read_text()
