"""Clusters: starting, attaching, indexing, stopping."""

import os
import subprocess
import sys

import pytest

import parvis
from conftest import BUILD, PATIENCE


def test_kernels_and_their_attributes(cluster):
    assert len(cluster) == 2
    cluster[:].execute("")  # they are registered before Python has started in them
    for i, kernel in enumerate(cluster.kernels):
        assert kernel.index == i and kernel.pid > 0 and kernel.host and len(kernel.id) > 4
        assert kernel.state == "idle" and kernel.queue == 0
        assert str(i) in kernel.name and kernel.name in repr(kernel)
    assert cluster.address in repr(cluster) and "2 kernels" in repr(cluster)
    assert "<table>" in cluster._repr_html_()


def test_indexing(cluster):
    ids = [kernel.id for kernel in cluster.kernels]
    assert [k.id for k in cluster[:].kernels] == ids
    assert [k.id for k in cluster[-1].kernels] == ids[-1:]
    assert [k.id for k in cluster[1:3].kernels] == ids[1:]
    assert [k.id for k in cluster[[1, 0]].kernels] == ids[::-1]
    assert [k.id for k in cluster[ids[0]].kernels] == ids[:1]
    assert [len(view) for view in cluster] == [1, 1]
    with pytest.raises(IndexError):
        cluster[2]
    with pytest.raises(parvis.NotFound):
        cluster["nobody"]
    with pytest.raises(parvis.KernelDied):
        cluster[5:].execute("1")


def test_clusters_see_their_own_kernels(cluster, own_cluster, server):
    assert cluster.name != own_cluster.name
    assert not {k.id for k in cluster.kernels} & {k.id for k in own_cluster.kernels}
    with parvis.Cluster(server.address) as everyone:
        assert len(everyone) >= 4
    with parvis.Cluster(server.address, name=own_cluster.name) as attached:
        assert [k.id for k in attached.kernels] == [k.id for k in own_cluster.kernels]
    assert len(own_cluster) == 2


def test_start_and_stop(server):
    with parvis.Cluster(1, server.address) as c:
        first = c.kernels[0].id
        new = c.start(2)
        assert len(new) == 2 and len(c) == 3
        c.stop(0)
        assert len(c) == 2 and first not in [k.id for k in c.kernels]
        c.restart(0)
        assert len(c) == 2
        assert c[:].execute("1") == [1, 1]
        name = c.name
    with parvis.Cluster(server.address, name=name) as gone:
        assert len(gone) == 0


def test_an_empty_cluster(server):
    with parvis.Cluster(0, server.address) as c:
        assert len(c) == 0 and c and c.space.count("no such tuple") == 0
    with pytest.raises(ValueError):
        parvis.Cluster(-1)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import parvis
c = parvis.Cluster(1, sys.argv[2], name="kept", keep=True)
c[0]["x"] = 5
r = c[0].execute("import time; time.sleep(0.5); x + 1", block=False)
print(r.id)
"""


def test_kernels_outlive_their_client(server):
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(BUILD / "python"), server.address],
                           capture_output=True, text=True,
                           timeout=PATIENCE)
    assert ended.returncode == 0 and ended.stderr == ""
    with parvis.Cluster(server.address, name="kept") as c:
        try:
            assert c.result(ended.stdout.strip()).get(PATIENCE) == 6
            assert c[0]["x"] == 5
        finally:
            c.stop()
        assert len(c) == 0


def test_the_python_of_the_kernels(cluster):
    executable = cluster[0].execute("import sys; sys.executable")
    assert os.path.realpath(executable) == os.path.realpath(sys.executable)


def test_a_program_that_cannot_start(server, monkeypatch):
    monkeypatch.setenv("PARVIS_BIN", "/bin/false")
    with pytest.raises(parvis.Error, match="ended with status"):
        parvis.Cluster(1, server.address)
