"""The rules. Each takes the tree and yields what breaks it; its docstring says why the rule is there."""
import ast
import os
import re
import sys
from collections.abc import Callable, Iterator

from sources import Finding, Source, Tree

Rule = Callable[[Tree], Iterator[Finding]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    RULES[function.__name__] = function
    return function


# Which room may include which (its own files apart). "a/b.hpp" names one file, "a/" a whole room.
ARROWS = {
    "storage/": ("tuplespace/model/bytes.hpp", "tuplespace/model/error.hpp"),
    "tuplespace/model/": (),
    "tuplespace/space/": ("tuplespace/model/", "storage/store.hpp"),
    "tuplespace/wire/": ("tuplespace/model/",),
    "tuplespace/net/": ("tuplespace/wire/", "tuplespace/model/"),
    "tuplespace/server/": ("tuplespace/net/", "tuplespace/wire/", "tuplespace/space/", "tuplespace/model/", "storage/"),
    "client/": ("tuplespace/wire/", "tuplespace/model/"),
    "client/cli/": ("client/", "tuplespace/server/serve.hpp", "tuplespace/server/check.hpp", "kernel/agent",
                    "kernel/shared/", "tuplespace/wire/", "tuplespace/model/"),
    "kernel/shared/": ("tuplespace/wire/", "tuplespace/model/"),
    "kernel/agent/": ("kernel/shared/", "client/", "tuplespace/wire/", "tuplespace/model/"),
    "kernel/": ("kernel/shared/", "client/", "tuplespace/net/", "tuplespace/wire/", "tuplespace/model/",
                "python/convert"),
    "python/": ("client/", "tuplespace/wire/", "tuplespace/model/"),
    "examples/": ("client/", "tuplespace/model/"),
}


def room_of(path: str) -> str:
    return max((room for room in ARROWS if path.startswith(room)), key=len, default="")


def allowed(room: str, target: str) -> bool:
    return room_of(target) == room or any(
        room_of(target) == arrow if arrow.endswith("/") else target.startswith(arrow) for arrow in ARROWS[room])


@rule
def arrows(tree: Tree) -> Iterator[Finding]:
    """A room includes only what docs/architecture.md draws an arrow to; CMake alone would let headers leak."""
    for source in tree.sources:
        room = room_of(source.path)
        if not source.cpp or not room:
            continue
        for line, quote, name in source.includes:
            target = name.replace("parvis/", "client/", 1) if quote == "<" and name.startswith("parvis/") else name
            if quote == "<" and target == name:
                continue
            if "/" not in target:
                yield Finding(source.path, line, f'"{name}": write includes from the root of the repository')
            elif not allowed(room, target):
                yield Finding(source.path, line,
                              f"{room} must not include {target}; allowed: {', '.join(ARROWS[room]) or 'nothing'}")


@rule
def lmdb(tree: Tree) -> Iterator[Finding]:
    """Nothing outside storage/lmdb.* knows that LMDB exists, so that another store can take its place."""
    for source in tree.sources:
        for line, _, name in source.includes:
            if name == "lmdb.h" and not re.match(r"storage/lmdb\.[ch]pp$|bench/", source.path):
                yield Finding(source.path, line, "lmdb.h belongs into storage/lmdb.*; use storage/store.hpp")


@rule
def coroutines(tree: Tree) -> Iterator[Finding]:
    """Coroutines live only at the edges (tuplespace/net), in the shapes that g++ 12 compiles correctly."""
    checker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
    sys.path.insert(0, checker)
    import check_co_await
    sys.path.remove(checker)
    for source in tree.sources:
        if not source.cpp or "co_" not in source.code:
            continue
        for match in re.finditer(r"\bco_(await|return|yield)\b", source.code):
            if not source.path.startswith(("tuplespace/net/", "tests/net/")):
                yield Finding(source.path, source.code.count("\n", 0, match.start()) + 1,
                              "coroutines live in tuplespace/net alone; write a plain function")
                break
        for line, why in check_co_await.problems(source.text):
            yield Finding(source.path, line, why)


FILE_LINES, FUNCTION_LINES = 400, 70


@rule
def file_length(tree: Tree) -> Iterator[Finding]:
    """A file fits in one head. Past the limit it is split by noun, not by size."""
    for source in tree.sources:
        if (source.cpp or source.python) and len(source.lines) - 1 > FILE_LINES:
            yield Finding(source.path, 1, f"{len(source.lines) - 1} lines; at most {FILE_LINES}: split it by noun")


@rule
def function_length(tree: Tree) -> Iterator[Finding]:
    """A function fits on a screen."""
    for source in tree.sources:
        for function in source.functions:
            if function.length > FUNCTION_LINES:
                yield Finding(source.path, function.line,
                              f"{function.name}() has {function.length} lines; at most {FUNCTION_LINES}")


@rule
def columns(tree: Tree) -> Iterator[Finding]:
    """120 columns, so that two files stand side by side. Tables and links in Markdown may be longer."""
    for source in tree.sources:
        if source.cpp or source.python or source.suffix in ("", ".cmake"):
            for number, line in enumerate(source.lines, 1):
                if len(line) > 120:
                    yield Finding(source.path, number, f"{len(line)} columns; at most 120")


LEFTOVER = re.compile(r"\b(" + "|".join(("FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK")) + r")\b")


@rule
def leftovers(tree: Tree) -> Iterator[Finding]:
    """What is unfinished is finished, or an issue; it is not left in the sources."""
    for source in tree.sources:
        for number, line in enumerate(source.lines, 1):
            if match := LEFTOVER.search(line):
                yield Finding(source.path, number, f"{match[1]}: do it now, or open an issue")


@rule
def whitespace(tree: Tree) -> Iterator[Finding]:
    """No trailing blanks, tabs or carriage returns; one newline at the end. Keeps diffs about content."""
    for source in tree.sources:
        for number, line in enumerate(source.lines, 1):
            if line.endswith((" ", "\t", "\r")):
                yield Finding(source.path, number, "blanks at the end of the line")
            elif "\t" in line and (source.cpp or source.python):
                yield Finding(source.path, number, "tab; indent with blanks")
        transcript = source.path.startswith("tests/scripts/")  # what a command prints ends with an empty line
        if source.text and (not source.text.endswith("\n") or source.text.endswith("\n\n") and not transcript):
            yield Finding(source.path, len(source.lines), "the file must end with exactly one newline")


# (languages, folders, pattern on the code without comments and strings, what to do instead)
BANNED = (
    ("cpp", "", r"\bstd::w?regex\b", "std::regex recurses on its input; parse by hand"),
    ("cpp", "", r"\.detach\s*\(\s*\)", "a detached thread outlives what it uses; keep it and join it"),
    ("cpp", "", r"\b(sprintf|vsprintf|strcpy|strcat|strtok|gets|atoi|atol|atof)\s*\(", "fmt::format, std::from_chars"),
    ("cpp", "", r"\b(system|popen|mktemp|tmpnam)\s*\(", "posix_spawn without a shell; mkstemp, mkdtemp"),
    ("cpp", "", r"(?<![\w:])s?rand\s*\(", "<random> with a seed that a failure prints"),
    ("cpp", "", r"\busing\s+namespace\s+std\s*;", "write std::"),
    ("cpp", "", r"\bstd::endl\b", "'\\n'; flush where it is meant"),
    ("cpp", "", r"catch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", "an error that nobody sees; handle it or let it pass"),
    ("cpp", "", r"\basio::detached\b", "detached swallows exceptions; spawn with a handler"),
    ("cpp", "", r"\bMDB_(NOSYNC|NOMETASYNC|WRITEMAP|MAPASYNC)\b", "these modes lose acknowledged data"),
    ("cpp", "", r"\bPyErr_SetInterrupt|PyThreadState_SetAsyncExc\b", "pthread_kill(main, SIGINT)"),
    ("py", "", r"\bexcept\s*:", "name the exception"),
    ("py", "", r"\bexcept\s+(Base)?Exception(\s+as\s+\w+)?\s*:\s*(\n\s*)?pass\b", "an error that nobody sees"),
)
BANNED_INCLUDES = (
    (r"boost/archive/(text|binary|xml|polymorphic)", ("client/", "tests/", "examples/"),
     "the stock archives are not portable and not safe on untrusted bytes; only users' own types may use them"),
    (r"boost/asio\.hpp", (), "include the parts of Asio that are used: the whole costs seconds for each file"),
    (r"(iostream|regex)$", ("client/cli/", "tests/", "bench/", "examples/"), "fmt, or the server's log"),
    (r"boost/asio/", ("tuplespace/net/", "tuplespace/server/", "kernel/", "tests/"), "Asio stays at the edges"),
)
ALLOWED_HERE = "style-ok:"  # in a comment on the same line, followed by the reason


@rule
def banned(tree: Tree) -> Iterator[Finding]:
    """Calls that have a better replacement, each with it."""
    for source in tree.sources:
        language = "cpp" if source.cpp else "py" if source.python else None
        for wanted, folder, pattern, instead in BANNED:
            if wanted != language or not source.path.startswith(folder):
                continue
            for match in re.finditer(pattern, source.code):
                line = source.code.count("\n", 0, match.start()) + 1
                if ALLOWED_HERE not in source.lines[line - 1]:
                    yield Finding(source.path, line, f"{' '.join(match[0].split())}: {instead}")
        for pattern, allowed, instead in BANNED_INCLUDES:
            for line, _, name in source.includes if not source.path.startswith(allowed or "\0") else ():
                if re.match(pattern, name) and ALLOWED_HERE not in source.lines[line - 1]:
                    yield Finding(source.path, line, f"<{name}>: {instead}")


def in_a_loop(code: str, at: int) -> bool:
    """Is a block around this position the body of a loop?"""
    depth = 0
    for i in range(at - 1, -1, -1):
        if code[i] == "}":
            depth += 1
        elif code[i] == "{" and depth > 0:
            depth -= 1
        elif code[i] == "{" and re.search(r"\b(while|for)\s*\([^{}]*$|\bdo\s*$", code[:i]):
            return True
    return False


def idle_sleeps(node: ast.AST, test: bool = False, loop: bool = False) -> Iterator[int]:
    """Lines of time.sleep() in test functions, outside loops and outside the functions that a test hands to others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from idle_sleeps(child, not test and getattr(child, "name", "").startswith("test"))
        elif isinstance(child, ast.Call) and ast.unparse(child.func) == "time.sleep" and test and not loop:
            yield child.lineno
        else:
            yield from idle_sleeps(child, test, loop or isinstance(child, (ast.While, ast.For)))


@rule
def sleeps(tree: Tree) -> Iterator[Finding]:
    """A test waits for a condition, with a deadline; it never sleeps to be right. (The poll of a loop is a wait.)"""
    for source in tree.under("tests/"):
        lines = []
        if source.cpp:
            lines = [source.code.count("\n", 0, match.start()) + 1
                     for match in re.finditer(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(", source.code)
                     if not in_a_loop(source.code, match.start())]
        elif source.python:
            lines = list(idle_sleeps(ast.parse(source.text)))
        for line in lines:
            if ALLOWED_HERE not in source.lines[line - 1]:
                yield Finding(source.path, line, "a sleep in a test: wait for a condition with a deadline")


@rule
def headers(tree: Tree) -> Iterator[Finding]:
    """A header begins with what it is, who may call it from which thread, invariants, errors; then #pragma once."""
    for source in tree.sources:
        if source.suffix in (".hpp", ".h"):
            if not source.text.startswith("//"):
                yield Finding(source.path, 1, "a header begins with a comment: what it is, threads, invariants, errors")
            if "#pragma once" not in source.text:
                yield Finding(source.path, 1, "#pragma once is missing")


@rule
def examples(tree: Tree) -> Iterator[Finding]:
    """An example is read, not skimmed: fewer than 60 lines (the clients of the bare protocol: at most 80)."""
    for source in tree.under("examples/"):
        most = 80 if "protocol" in source.path else 59
        if (source.cpp or source.python) and source.path.count("/") == 1 and len(source.lines) - 1 > most:
            yield Finding(source.path, 1, f"{len(source.lines) - 1} lines; at most {most}")


def limits_of(header: Source) -> Iterator[tuple[int, str, int, bool]]:
    """(line, name, value, in milliseconds) of every limit in limits.hpp."""
    pattern = re.compile(r"^\s*(?:inline constexpr )?(?:std::size_t|int|std::chrono::(milliseconds)) (\w+)\s*"
                         r"(?:=\s*([^;]+)|\{([^}]+)\});")
    for number, line in enumerate(header.code.split("\n"), 1):
        if match := pattern.match(line):
            expression = re.sub(r"std::size_t\{(\d+)\}", r"\1", match[3] or match[4]).replace("'", "")
            if re.fullmatch(r"[\d\s()<*+-]+", expression):
                yield number, match[2], int(eval(expression)), bool(match[1])


def spellings(value: int, milliseconds: bool) -> Iterator[str]:
    """The ways in which docs/protocol.md may write a value: 262144, 262 144, 256 KiB; 10000 ms, 10 s."""
    grouped = f"{value:,}"
    for text in (str(value), grouped, grouped.replace(",", " "), grouped.replace(",", "\u202f"),
                 grouped.replace(",", "\u00a0"), grouped.replace(",", "_"), grouped.replace(",", "'")):
        yield text
        yield text.replace("-", "\u2212")
    if milliseconds and value % 1000 == 0:
        yield f"{value // 1000} s"
    for unit, size in (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)):
        if value % size == 0 and value:
            yield f"{value // size} {unit}"
    if value > 1 << 30 and value % (1 << 20) == 0:
        yield f"{value >> 30} GiB + {(value & ((1 << 30) - 1)) >> 20} MiB"


@rule
def limits(tree: Tree) -> Iterator[Finding]:
    """Every limit is quoted, with its value, in the protocol document."""
    header, document = tree.by_path.get("tuplespace/model/limits.hpp"), tree.by_path.get("docs/protocol.md")
    if header is None:
        return
    for line, name, value, milliseconds in limits_of(header):
        quoting = [t for t in (document.lines if document else []) if re.search(rf"\b{name}\b", t)]
        written = "|".join(re.escape(text) for text in spellings(value, milliseconds))
        if not any(re.search(rf"(?<![\w.,])({written})(?![\w,]|\.\d)", text) for text in quoting):
            yield Finding(header.path, line, f"docs/protocol.md must quote `{name}` with its value {value}")


@rule
def links(tree: Tree) -> Iterator[Finding]:
    """Links between our pages lead somewhere."""
    folders = {os.path.dirname(s.path) for s in tree.sources} | {"."}
    folders |= {os.path.dirname(f) for f in folders} | {"tests/fuzz/corpus"}
    for source in tree.sources:
        if source.suffix != ".md":
            continue
        for number, line in enumerate(source.lines, 1):
            for target in re.findall(r"\]\(([^)#\s]+)", line):
                path = os.path.normpath(os.path.join(os.path.dirname(source.path), target))
                if "://" not in target and path not in tree.by_path and path not in folders and path != "LICENSE":
                    yield Finding(source.path, number, f"{target} does not exist")


@rule
def promises(tree: Tree) -> Iterator[Finding]:
    """Each promise that the README makes has a test named after its number."""
    readme = tree.by_path.get("README.md")
    if readme is None:
        return
    tests = "\n".join(s.text for s in tree.under("tests/") if not s.path.startswith("tests/style/"))
    for number, line in enumerate(readme.lines, 1):
        for promise in re.findall(r"\*\*(P\d+)\b", line):
            if not re.search(rf"(TEST_CASE|SCENARIO)\(\s*\"[^\"]*\b{promise}\b|def test_{promise.lower()}_", tests):
                yield Finding(readme.path, number, f"{promise} is promised, and no test is named after it")


@rule
def interpreters(tree: Tree) -> Iterator[Finding]:
    """Scripts name Debian's Python: another python3 may come first on PATH and lack the packages."""
    for source in tree.sources:
        if re.match(r"#!.*\benv python", source.lines[0]):
            yield Finding(source.path, 1, "write #!/usr/bin/python3")
