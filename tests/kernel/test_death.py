"""Supervisors: deaths are reported with signal and stack, kernels replaced, commands obeyed; restarts of the server."""

import os
import signal

import parvis
from conftest import wait_until


def died(agent, kernel, request):
    with parvis.connect(agent.server.address, space="parvis.results") as results:
        return results.rd("result", request, kernel.id, "died", dict, timeout=60)[4]


def test_a_segfault_is_told_with_signal_and_stack_and_the_kernel_replaced(agents):
    agent = agents(1)
    kernel = agent.attach(agent.kernels(1)[0])
    waiting_behind = "f" * 32
    request = kernel.later("def crash():\n    import ctypes\n    parvis.space.in_('crash', timeout=60)\n"
                           "    ctypes.string_at(0)\ncrash()")
    kernel.later("1", id=waiting_behind)
    with parvis.connect(agent.server.address) as space:
        space.out("crash")
    death = agent.death(kernel.id)
    assert death["signal"] == signal.SIGSEGV and "crash" in death["stack"] and "SIGSEGV" in death["message"]
    assert sorted(death["requests"]) == sorted([request, waiting_behind])
    result = died(agent, kernel, request)
    assert result["signal"] == signal.SIGSEGV and "while this ran" in result["message"]
    assert "while this waited" in died(agent, kernel, waiting_behind)["message"]
    wait_until(lambda: agent.ids() == [death["replaced_by"]], "the replacement registers")
    replacement = agent.attach(death["replaced_by"])
    assert replacement.ok("status")["index"] == 0
    assert replacement.error("crash")["type"] == "NameError"


def test_exit_and_kill(agents):
    agent = agents(2)
    first, second = (agent.attach(id) for id in agent.kernels(2))
    first.later("import os; os._exit(7)")
    assert agent.death(first.id)["exit"] == 7
    os.kill(second.info["pid"], signal.SIGKILL)
    assert agent.death(second.id)["signal"] == signal.SIGKILL
    wait_until(lambda: len(agent.ids()) == 2 and not {first.id, second.id} & set(agent.ids()), "both are replaced")


def test_an_exit_that_looks_like_a_stop_is_none_and_a_stop_is_final(agents):
    agent = agents(1)
    kernel = agent.attach(agent.kernels(1)[0])
    request = kernel.later("import os; os._exit(0)")
    assert agent.death(kernel.id)["message"] == "exited with status 0"
    died(agent, kernel, request)
    kernel = agent.attach(wait_until(lambda: kernel.id not in agent.ids() and agent.ids(), "the replacement")[0])
    kernel.run("import signal, ctypes; signal.signal(signal.SIGINT, signal.SIG_IGN)")
    request = kernel.later("ctypes.PyDLL(None).sleep(600)")
    kernel.wait_running(request)
    kernel.ok("stop", now=True)
    death = agent.death(kernel.id)
    assert death["message"] == "stopped" and death["replaced_by"] is None
    assert "while this ran" in died(agent, kernel, request)["message"]
    assert agent.process.wait(60) == 0


def test_commands(agents):
    agent = agents(1)
    first = agent.kernels(1)[0]
    assert agent.space.rdp("agent", agent.cluster, agent.id, dict)[3]["kernels"] == 1
    more = agent.ask("start", n=1)["kernels"]
    assert sorted(agent.kernels(2)) == sorted([first, *more])
    assert agent.ask("stop", kernels=more)["stopped"] == more
    assert agent.kernels(1) == [first]
    agent.ask("restart", kernel=first)
    death = agent.death(first)
    assert death["planned"] is True
    wait_until(lambda: agent.ids() == [death["replaced_by"]], "the new one")
    assert "knows start, stop and restart" in agent.ask("dance")["error"]
    agent.ask("stop", kernels=None)
    assert agent.process.wait(60) == 0
    assert agent.ids() == [] and agent.space.rdp("agent", agent.cluster, agent.id, dict) is None


def test_the_last_rung_ends_what_hears_nothing(agents):
    agent = agents(1)
    kernel = agent.attach(agent.kernels(1)[0])
    kernel.run("import signal, ctypes; signal.signal(signal.SIGINT, signal.SIG_IGN)")
    request = kernel.later("ctypes.PyDLL(None).sleep(600)")
    kernel.wait_running(request)
    agent.ask("restart", kernel=kernel.id)
    death = agent.death(kernel.id)
    wait_until(lambda: agent.ids() == [death["replaced_by"]], "the new one")


def test_a_kernel_that_cannot_start_is_given_up(agents):
    agent = agents(1, python="/nowhere/python3")
    assert agent.process.wait(60) == 1
    assert "there is no Python at /nowhere/python3" in agent.log.read_text()


def test_kernels_outlive_their_supervisor_and_the_server(agents, server):
    agent = agents(1)
    kernel = agent.attach(agent.kernels(1)[0])
    kernel.run("kept = 42")
    pid = kernel.info["pid"]
    server.kill()
    assert kernel.run("kept")["value"] == 42
    request = kernel.later("'while the server was away'")
    assert kernel.result(request)[1]["value"] == "while the server was away"
    server.start()
    agent.space.close()
    agent.space = parvis.connect(server.address, space="parvis.kernels")
    assert agent.kernels(1) == [kernel.id]
    with parvis.connect(server.address, space="parvis.results") as results:
        assert results.rd("result", request, kernel.id, str, dict, timeout=60)[3] == "ok"
    kernel.run("parvis.space.out('still', 'connected')")
    agent.process.kill()
    agent.process.wait()
    assert kernel.run("kept + 1")["value"] == 43
    assert kernel.info["pid"] == pid
    kernel.ok("stop")
    wait_until(lambda: agent.ids() == [], "the kernel is gone")
