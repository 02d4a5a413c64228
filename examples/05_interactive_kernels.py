"""Kernels are Python sessions: push, execute, pull, from any process that may."""
import numpy as np

import parvis

with parvis.Cluster(n=2) as cluster:
    everywhere = cluster[:]                              # a view of all kernels; cluster[0] is one of them
    everywhere.execute("import numpy as np")
    everywhere.push({"scale": 10})
    print("values:", everywhere.execute("scale * 2"))    # of several kernels a list, in their order
    cluster[1]["scale"] = 100
    print("scales:", everywhere["scale"])

    everywhere.scatter("part", np.arange(8))             # arrays travel without a copy
    everywhere.execute("part = part * scale")
    print("gathered:", everywhere.gather("part"))

    print("squares:", everywhere.map(lambda x: x * x, range(6)))

    result = cluster[0].execute("print('thinking ...'); 6 * 7", block=False)
    print("answer:", result.get(), "- it said:", result.stdout.strip())

    with parvis.Cluster(cluster.address, name=cluster.name) as colleague:    # another user, perhaps elsewhere
        print("a colleague finds:", colleague[1].pull("scale"), "and", colleague.result(result.id).get())

    try:
        cluster[0].execute("1 / 0")
    except ZeroDivisionError as error:
        print("it raises here:", error, "- caused by a", type(error.__cause__).__name__)
