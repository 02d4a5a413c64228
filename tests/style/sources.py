"""The files of the repository as the style rules see them: text, code without comments and strings, functions."""
import ast
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

CPP = (".hpp", ".cpp", ".h", ".c")
TEXT = CPP + (".py", ".md", ".txt", ".cmake", ".cfg", ".json", ".toml", ".yml", ".pyi", "")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    length: int


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


_CPP_TOKEN = re.compile(
    r'R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"'   # raw string
    r"|//[^\n]*|/\*.*?\*/"                          # comments
    r'|"(?:\\.|[^"\\\n])*"'                         # string
    r"|(?<![0-9a-zA-Z_])'(?:\\.[^'\n]{0,8}|[^'\\\n])'",  # character (not the ' of 10'000)
    re.S)
_PY_TOKEN = re.compile(r"""#[^\n]*|(?s:'''.*?'''|\"\"\".*?\"\"\")|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")


class Source:
    def __init__(self, path: str, text: str):
        self.path, self.text = path, text
        self.suffix = os.path.splitext(path)[1]
        self.cpp = self.suffix in CPP
        self.python = self.suffix in (".py", ".pyi") or text.startswith("#!/usr/bin/python3")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def code(self) -> str:
        """The text with comments and strings blanked, line by line the same."""
        if self.cpp:
            return _CPP_TOKEN.sub(_blank, self.text)
        if self.python:
            return _PY_TOKEN.sub(_blank, self.text)
        return self.text

    @cached_property
    def includes(self) -> list[tuple[int, str, str]]:
        """(line, '"' or '<', name) of every #include."""
        found = []
        for number, line in enumerate(self.lines, 1):
            if match := re.match(r'\s*#\s*include\s*(["<])([^">]+)', line):
                found.append((number, match[1], match[2]))
        return found

    @cached_property
    def functions(self) -> list[Function]:
        if self.cpp:
            return list(_cpp_functions(self.code))
        if self.python:
            return list(_python_functions(self.path, self.text))
        return []


def _python_functions(path: str, text: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield Function(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)


def _matching(code: str, at: int) -> int:
    """The position behind the brace that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] == "{":
            depth += 1
        elif code[i] == "}":
            depth -= 1
            if depth == 0:
                return i + 1
    return len(code)


_SCOPE = re.compile(r"(^|[\s;}>])(namespace|class|struct|union|enum|extern)\b[^()=]*$")
_SCOPE_WITH_PARENS = re.compile(r"^\s*(template\s*<.*>\s*)?(class|struct|union)\s[^(]*(alignas\([^)]*\))?[^(]*$", re.S)
_IN_INITIALISERS = re.compile(r"\)[^;{}]*?(?<!:):(?!:)[^;]*[\w>]\s*$", re.S)


def _cpp_functions(code: str) -> Iterator[Function]:
    code = re.sub(r"^\s*#(?:[^\n\\]|\\.|\\\n)*", _blank, code, flags=re.M)
    start = i = parens = 0
    while i < len(code):
        c = code[i]
        if c in "([":
            parens += 1
        elif c in ")]":
            parens -= 1
        elif c == "{" and parens > 0:
            i = _matching(code, i)
            continue
        elif c == "{":
            head = code[start:i]
            if _SCOPE.search(head) or _SCOPE_WITH_PARENS.match(head):
                start = i + 1
            elif "(" in head and _IN_INITIALISERS.search(head):
                i = _matching(code, i)  # a member's braces in a constructor's list; the body is still to come
                continue
            else:
                end = _matching(code, i)
                if "(" in head:
                    names = re.findall(r"([~\w]+)\s*\(", head)
                    yield Function(names[0] if names else "?", code.count("\n", 0, i) + 1, code.count("\n", i, end) + 1)
                i = start = end
                continue
        elif c in ";}" and parens == 0:
            start = i + 1
        i += 1


class Tree:
    """All text files of the repository, or of a made-up one in the self-test."""

    def __init__(self, files: dict[str, str]):
        self.sources = [Source(path, text) for path, text in sorted(files.items())]
        self.by_path = {s.path: s for s in self.sources}

    @staticmethod
    def of(root: str) -> "Tree":
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, text=True)
        if listed.returncode == 0:
            names = listed.stdout.split("\0")
        else:  # an unpacked archive
            names = [os.path.relpath(os.path.join(folder, name), root)
                     for folder, _, files in os.walk(root) for name in files]
        files = {}
        for name in names:
            path = os.path.join(root, name)
            if not name or name.startswith(("build/", ".git/", "tests/fuzz/corpus/")) or not os.path.isfile(path):
                continue
            if os.path.splitext(name)[1] in TEXT and name != "LICENSE":
                with open(path, encoding="utf-8", errors="replace", newline="") as file:
                    files[name] = file.read()
        return Tree(files)

    def under(self, *prefixes: str) -> Iterator[Source]:
        return (s for s in self.sources if s.path.startswith(prefixes))
