"""Shows that every rule bites what it is meant for, and leaves alone what is right."""
from rules import RULES
from sources import Tree

HEADER = "// A thing.\n#pragma once\n"
LIMITS = HEADER + "inline constexpr std::size_t max_things = 256 * 1024;  // things\n"
LONG_BODY = "int f(int a) {\n" + "  a += 1;\n" * 80 + "  return a;\n}\n"
LEFT = "FIX" + "ME"

# rule: (made-up trees that break it, made-up trees that do not)
CASES = {
    "arrows": (
        [{"tuplespace/model/a.cpp": '#include "tuplespace/wire/frame.hpp"\n'},
         {"storage/a.cpp": '#include "tuplespace/model/value.hpp"\n'},
         {"tuplespace/space/a.hpp": HEADER + '#include "storage/lmdb_store.hpp"\n'},
         {"client/a.cpp": '#include "tuplespace/space/engine.hpp"\n'},
         {"client/a.cpp": '#include "session.hpp"\n'},
         {"kernel/a.cpp": '#include "client/cli/options.hpp"\n'}],
        [{"tuplespace/space/a.cpp": '#include "storage/store.hpp"\n#include "tuplespace/model/codec.hpp"\n'},
         {"client/cli/a.cpp": '#include "tuplespace/server/serve.hpp"\n#include "client/session.hpp"\n'},
         {"tests/space/a.cpp": '#include "storage/memory_store.hpp"\n'}]),
    "lmdb": ([{"storage/store.cpp": "#include <lmdb.h>\n"}], [{"storage/lmdb.cpp": "#include <lmdb.h>\n"}]),
    "coroutines": (
        [{"client/a.cpp": "awaitable<void> f() { co_return; }\n"},
         {"tuplespace/net/a.cpp": "awaitable<void> f() {\n  if (co_await g()) h();\n}\n"},
         {"tuplespace/net/a.cpp": "awaitable<void> f() {\n  co_await g(Message{1, s});\n}\n"},
         {"tuplespace/net/a.cpp": 'awaitable<void> f() {\n  auto u = "unix://x"; auto n = c ? co_await g() : 0;\n}\n'}],
        [{"tuplespace/net/a.cpp": "awaitable<int> f() {\n  auto n = co_await g(std::move(x));\n  co_return n;\n}\n"},
         {"client/a.cpp": "// co_await belongs to net\nint f();\n"}]),
    "file_length": ([{"client/a.cpp": "int a;\n" * 401}, {"bench/a.py": "a = 1\n" * 401}],
                    [{"client/a.cpp": "int a;\n" * 400}, {"docs/a.md": "word\n" * 900}]),
    "function_length": (
        [{"client/a.cpp": LONG_BODY},
         {"client/a.cpp": "namespace a {\nclass B {\n " + LONG_BODY + "};\n}\n"},
         {"client/a.cpp": "A::A(int n) : n_{n}, m_(n) {\n" + "  f();\n" * 80 + "}\n"},
         {"python/a.py": "def f():\n" + "    a = 1\n" * 80}],
        [{"client/a.cpp": "namespace a {\n" + "int f(int a) { return a; }\n" * 80 + "}\n"},
         {"client/a.hpp": HEADER + "struct S {\n" + "  int f() const { return 1; }\n" * 80 + "};\n"}]),
    "columns": ([{"client/a.cpp": "//" + "x" * 120 + "\n"}], [{"docs/a.md": "x" * 200 + "\n"}]),
    "leftovers": ([{"client/a.cpp": f"// {LEFT} later\n"}, {"docs/a.md": LEFT + "\n"}],
                  [{"client/a.cpp": 'char path[] = "parvis-XXXXXX";\n'}]),
    "whitespace": ([{"client/a.cpp": "int a; \n"}, {"client/a.cpp": "int a;"}, {"client/a.cpp": "\tint a;\n"},
                    {"client/a.cpp": "int a;\r\n"}, {"client/a.cpp": "int a;\n\n"}],
                   [{"client/a.cpp": "int a;\n\nint b;\n"}]),
    "banned": (
        [{"client/a.cpp": "std::regex r;\n"},
         {"client/a.cpp": "std::thread(f).detach();\n"},
         {"client/a.cpp": "int f() { return sprintf(a, b); }\n"},
         {"client/a.cpp": "void f() { try { g(); } catch (...) {} }\n"},
         {"python/a.py": "try:\n    f()\nexcept Exception:\n    pass\n"},
         {"python/a.py": "try:\n    f()\nexcept:\n    raise\n"},
         {"storage/lmdb.cpp": "int flags = MDB_NOSYNC;\n"},
         {"tuplespace/wire/a.cpp": "#include <boost/archive/binary_oarchive.hpp>\n"},
         {"tuplespace/wire/a.cpp": "#include <boost/asio/io_context.hpp>\n"}],
        [{"client/a.cpp": "// std::regex would recurse\nint a;\n"},
         {"python/a.py": "try:\n    f()\nexcept OSError:\n    pass\n"},
         {"client/a.cpp": "auto n = snprintf(a, 1, b);\n"}]),
    "sleeps": (
        [{"tests/a.cpp": "void f() { std::this_thread::sleep_for(1s); }\n"},
         {"tests/a.cpp": "void f() { for (;;) { g(); } sleep(1); }\n"},
         {"tests/a.py": "def test_a():\n    time.sleep(1)\n"}],
        [{"tests/a.py": 'def test_a():\n    kernel.execute("import time; time.sleep(1)")\n'},
         {"tests/a.py": "def test_a():\n    while not f():\n        time.sleep(0.01)\n"},
         {"tests/a.py": "def test_a():\n    def work():\n        time.sleep(1)\n    farm.submit(work)\n"},
         {"tests/a.cpp": "void f() { while (!g()) { sleep_for(1ms); } }\n"},
         {"tests/a.py": "def test_a():\n    time.sleep(0.1)  # style-ok: only makes it likelier\n"}]),
    "headers": ([{"client/a.hpp": "#pragma once\n"}, {"client/a.hpp": "// A thing.\nint a;\n"}],
                [{"client/a.hpp": HEADER}]),
    "examples": ([{"examples/01_a.py": "a = 1\n" * 60}, {"examples/protocol_client.py": "a = 1\n" * 81}],
                 [{"examples/01_a.py": "a = 1\n" * 59}, {"examples/demo/demo.py": "a = 1\n" * 100}]),
    "limits": (
        [{"tuplespace/model/limits.hpp": LIMITS},
         {"tuplespace/model/limits.hpp": LIMITS, "docs/protocol.md": "`max_things` is 256\n"},
         {"tuplespace/model/limits.hpp": LIMITS, "docs/protocol.md": "`max_things` is 1262144\n"},
         {"tuplespace/model/limits.hpp": HEADER + "  std::chrono::milliseconds grace{30'000};\n",
          "docs/protocol.md": "`grace`: 3 s\n"}],
        [{"tuplespace/model/limits.hpp": LIMITS, "docs/protocol.md": "| `max_things` | 262 144 |\n"},
         {"tuplespace/model/limits.hpp": LIMITS, "docs/protocol.md": "| `max_things` | 256 KiB |\n"},
         {"tuplespace/model/limits.hpp": HEADER + "  std::chrono::milliseconds grace{30'000};\n",
          "docs/protocol.md": "`grace`: 30 s\n"}]),
    "links": ([{"docs/a.md": "[b](b.md)\n"}],
              [{"docs/a.md": "[b](b.md) [c](https://c) [d](../examples)\n",
                "docs/b.md": "b\n", "examples/a.py": "a = 1\n"}]),
    "promises": ([{"README.md": "- **P1 durable**\n"}],
                 [{"README.md": "- **P1 durable**\n", "tests/a.cpp": 'TEST_CASE("P1: survives kill -9") {}\n'},
                  {"README.md": "- **P2 once**\n", "tests/python/test_a.py": "def test_p2_once():\n    pass\n"}]),
    "interpreters": ([{"scripts/a": "#!/usr/bin/env python3\n"}], [{"scripts/a": "#!/usr/bin/python3\n"}]),
}


def self_test() -> int:
    wrong = [f"{name}: the rule has no case" for name in RULES if name not in CASES]
    count = 0
    for name, (bad, good) in CASES.items():
        for expected, trees in ((True, bad), (False, good)):
            for files in trees:
                count += 1
                findings = list(RULES[name](Tree(files)))
                if bool(findings) != expected:
                    wrong.append(f"{name}: {'missed' if expected else f'wrongly bit ({findings[0].text})'}: {files}")
    print("\n".join(wrong) if wrong else f"{count} made-up trees, {len(RULES)} rules: each bites what it should")
    return bool(wrong)
