"""Output at the level of file descriptors: complete, in the right request, bounded."""

import parvis
from conftest import PATIENCE, wait_until


def test_python_c_and_programs(kernel):
    result = kernel.run("import sys; print('python'); print('oops', file=sys.stderr)")
    assert result["stdout"] == "python\n" and result["stderr"] == "oops\n"
    assert kernel.run("import ctypes; ctypes.CDLL(None).printf(b'from C'); None")["stdout"] == "from C"
    code = "import subprocess; subprocess.run('echo out; echo err >&2', shell=True); None"
    assert kernel.run(code)["stdout"] == "out\n"
    assert kernel.run("import os; os.write(1, b'raw'); None")["stdout"] == "raw"
    assert kernel.run("import sys; sys.stdout.fileno()")["value"] == 1


def test_belongs_to_its_request(kernel):
    for i in range(30):
        assert kernel.run(f"print({i})")["stdout"] == f"{i}\n"
    assert kernel.run("import sys; sys.stdout.write('no newline'); None")["stdout"] == "no newline"
    assert kernel.run("None")["stdout"] == ""


def test_bytes_that_are_no_text(kernel):
    assert kernel.run(r"import os; os.write(1, b'\xff!'); None")["stdout"] == "\ufffd!"


def test_is_streamed_while_it_comes(kernel):
    call = kernel.session.start_kernel_call("execute", {
        "code": "print('early', flush=True)\nparvis.space.in_('go on', timeout=60)\nprint('late')",
        "stream": True}, True)
    seen = []
    wait_until(lambda: seen.extend(call.take_outputs()) or b"".join(data for _, data in seen) == b"early\n")
    assert not call.ready()
    with parvis.connect(kernel.server.address) as space:
        space.out("go on")
    assert call.wait(PATIENCE)
    assert call.answer()[1]["stdout"] == "early\nlate\n"
    assert b"".join(data for _, data in seen + call.take_outputs()) == b"early\nlate\n"


def test_a_gigabyte_is_bounded_and_the_kernel_lives(kernel):
    before = kernel.run("import resource; resource.getrusage(resource.RUSAGE_SELF).ru_maxrss")["value"]
    result = kernel.run("import os\nblock = b'0123456789abcde\\n' * 65536\nprint('first', flush=True)\n"
                        "for _ in range(1024): os.write(1, block)\nprint('last')", timeout=250.0)
    text = result["stdout"]
    assert text.startswith("first\n") and text.endswith("last\n") and "bytes left out" in text
    assert len(text) <= (8 << 20) + 200
    after = kernel.run("resource.getrusage(resource.RUSAGE_SELF).ru_maxrss")["value"]
    assert after - before < 200 * 1024


def test_streaming_to_a_client_that_does_not_read_costs_no_memory(start):
    kernel = start()
    code = "import os\nfor _ in range(64): os.write(1, b'x' * (1 << 20))\n'done'"
    call = kernel.session.start_kernel_call("execute", {"code": code, "stream": True}, True)
    assert call.wait(PATIENCE) and call.answer()[1]["value"] == "done"
    assert kernel.run("1")["value"] == 1
