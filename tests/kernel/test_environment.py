"""Which Python a kernel is, what it imports, what it refuses."""

import os
import signal
import subprocess
import sys

import pytest
from conftest import BUILD, wait_until


def refused(server, *arguments, **environment):
    command = [str(BUILD / "bin" / "parvis-kernel"), "--home", str(server.home), "--address", server.address,
               *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ, **environment))
    assert done.returncode != 0
    return done.stderr.strip()


def test_a_venv_is_the_environment(start, home):
    venv = home / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(venv)], check=True)
    packages = next((venv / "lib").glob("python*/site-packages"))
    (packages / "only_in_the_venv.py").write_text("answer = 42\n")
    kernel = start(python=str(venv))
    assert kernel.run("import sys; sys.prefix")["value"] == str(venv)
    assert kernel.run("sys.executable")["value"] == str(venv / "bin" / "python3")
    assert kernel.run("import only_in_the_venv; only_in_the_venv.answer")["value"] == 42
    assert kernel.error("import numpy")["type"] == "ModuleNotFoundError"
    assert kernel.error("import IPython")["type"] == "ModuleNotFoundError"
    assert kernel.run("(lambda: {1})()")["value"] == {1}
    assert kernel.run("print('plain'); parvis.__name__")["stdout"] == "plain\n"
    assert kernel.error("%pwd")["type"] == "SyntaxError"
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import only_in_the_venv']).returncode"
    assert kernel.run(code)["value"] == 0


def test_the_current_folder_is_importable(start, home, monkeypatch):
    (home / "beside.py").write_text("here = True\n")
    monkeypatch.chdir(home)
    assert start().run("import beside; beside.here")["value"] is True


def test_another_version_is_refused_in_one_line(server, home):
    fake = home / "other"
    (fake / "bin").mkdir(parents=True)
    (fake / "bin" / "python3").symlink_to("/usr/bin/python3")
    (fake / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.7.9\n")
    text = refused(server, "--python", str(fake))
    assert "is Python 3.7" in text and "embeds 3." in text and len(text.splitlines()) == 1
    text = refused(server, VIRTUAL_ENV=str(fake))
    assert "$VIRTUAL_ENV" in text and len(text.splitlines()) == 1
    assert "there is no Python at /nowhere" in refused(server, "--python", "/nowhere")


def test_no_token_is_told(server, tmp_path):
    text = subprocess.run(
        [str(BUILD / "bin" / "parvis-kernel"), "--home", str(tmp_path)],
        capture_output=True, text=True, timeout=60).stderr
    assert "there is no token" in text and len(text.strip().splitlines()) == 1


def test_tcp(start):
    kernel = start(arguments=("--listen", "tcp://127.0.0.1:0"))
    assert kernel.info["address"].startswith("tcp://127.0.0.1:") and not kernel.info["address"].endswith(":0")
    assert kernel.run("1 + 1")["value"] == 2


def test_processes_of_multiprocessing_work(start):
    kernel = start()
    assert kernel.run("import multiprocessing; multiprocessing.get_start_method()")["value"] == "forkserver"
    code = ("import multiprocessing, math\n"
            "with multiprocessing.Pool(2) as pool: found = pool.map(math.factorial, range(5))\nfound")
    assert kernel.run(code)["value"] == [1, 1, 2, 6, 24]


def test_a_forked_child_that_is_terminated_does_not_stop_the_kernel(start):
    code = ("import os, signal, time\npid = os.fork()\nif pid == 0:\n    time.sleep(600)\n"
            "os.kill(pid, signal.SIGTERM)\nos.waitpid(pid, 0)[1]")
    kernel = start()
    assert kernel.run(code)["value"] == 15
    assert kernel.run("1")["value"] == 1


def test_stacks_on_request(start):
    kernel = start()
    request = kernel.later("def somewhere_deep():\n    import time; time.sleep(600)\nsomewhere_deep()")
    kernel.wait_running(request)
    dump = kernel.server.home / "kernels" / f"{kernel.id}.dump"
    # Until the code has come so far.
    wait_until(lambda: os.kill(kernel.process.pid, signal.SIGUSR1) or "somewhere_deep" in dump.read_text(), "the stack")
    kernel.ok("interrupt")


def test_without_ipython(start):
    kernel = start(arguments=("--no-ipython",))
    assert kernel.error("get_ipython")["type"] == "NameError"
    assert kernel.run("await __import__('asyncio').sleep(0, 'plain')")["value"] == "plain"
    result = kernel.run("class Rich:\n    def _repr_html_(self): return '<i>'\ndisplay(Rich())")
    assert result["displays"][0]["text/html"] == "<i>"


def test_exit_handlers_run(start, home):
    kernel = start()
    kernel.run(f"import atexit; atexit.register(lambda: open({str(home / 'left')!r}, 'w').write('bye'))\nNone")
    kernel.ok("stop")
    assert kernel.process.wait(60) == 0
    assert (home / "left").read_text() == "bye"


@pytest.mark.skipif(sys.platform != "linux", reason="signals of Linux")
def test_sigterm_stops(start):
    kernel = start()
    kernel.process.terminate()
    assert kernel.process.wait(60) == 0
