"""The session of a kernel: a namespace, and what runs code in it.

Shell needs nothing but Python. Where IPython is installed, kernel/shell.cpp has it replaced by the one in ipython.py
before the first `execute`, on the same namespace. Everything here runs on the kernel's main thread.
"""

from __future__ import annotations

import ast
import builtins
import json
import linecache
import reprlib
import traceback
from types import CodeType, ModuleType
from typing import Any, Optional

NOTHING = object()  # no value: the last statement is no expression
_SOURCES_KEPT = 1000
_REPR_CHARACTERS = 1 << 20
_ITEMS_SHOWN = 1000
_FUTURE_FLAGS = 0
for _feature in __import__("__future__").all_feature_names:
    _FUTURE_FLAGS |= getattr(__import__("__future__"), _feature).compiler_flag
_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect and asyncio are slow to import and most sessions need neither
_SIMPLE = frozenset({int, float, bool, complex, str, bytes})
_MIME_METHODS = (
    ("_repr_html_", "text/html"), ("_repr_markdown_", "text/markdown"), ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"), ("_repr_latex_", "text/latex"),
    ("_repr_json_", "application/json"), ("_repr_javascript_", "application/javascript"),
)


class Shell:
    def __init__(self, main: ModuleType):
        self.main = main
        self.namespace = main.__dict__
        self.count = 0
        self.displays: list = []
        self._flags = 0
        self._sources: list = []
        self._loop: Any = None  # of asyncio, made at the first top-level await
        builtins.display = self.display  # type: ignore[attr-defined]

    # Called from C++ -------------------------------------------------------------------------------------------------

    def execute(self, code: str, filename: str) -> Any:
        """Runs the code; the value of a trailing expression, or NOTHING."""
        self.count += 1
        name = filename or f"<execute {self.count}>"
        tree = self.parse(code, name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)
        if tree.body:
            self._run(compile(tree, name, "exec", self._flags | _AWAIT, True))
        if last is None:
            return NOTHING
        value = self._run(compile(last, name, "eval", self._flags | _AWAIT, True))
        if value is None:
            return NOTHING
        self.remember(value)
        return value

    def push(self, names: dict) -> None:
        self.namespace.update(names)

    def pull(self, names: list) -> list:
        namespace = self.namespace
        for name in names:
            if name not in namespace:
                raise NameError(f"name {name!r} is not defined", name=name)
        return [namespace[name] for name in names]

    def represent(self, value: Any) -> Optional[str]:
        """repr, bounded: a list of ten million numbers must not take seconds."""
        if value is None or value is NOTHING:
            return None
        try:
            text = repr(value) if type(value) in _SIMPLE else self.pretty(value)
        except Exception as error:
            text = f"<{type(value).__qualname__} whose repr raised {type(error).__name__}: {error}>"
        if len(text) > _REPR_CHARACTERS:
            text = f"{text[:_REPR_CHARACTERS]}... ({len(text)} characters)"
        return text

    def take_displays(self) -> list:
        shown, self.displays = self.displays, []
        return shown

    def describe(self, error: BaseException) -> tuple:
        """(qualified class name, message, traceback) of what user code raised."""
        kind = type(error)
        try:
            message = str(error)
        except Exception as failure:
            message = f"<str() raised {type(failure).__name__}>"
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        return _clean(name), _clean(message), _clean(self.format(error))

    def interrupted(self, seconds: float) -> BaseException:
        return TimeoutError(f"interrupted after its timeout of {seconds:g} s")

    def close(self) -> None:
        if self._loop is not None:
            self._loop.close()

    # For a subclass --------------------------------------------------------------------------------------------------

    def parse(self, code: str, name: str) -> ast.Module:
        self.keep_source(name, code)
        return compile(code, name, "exec", ast.PyCF_ONLY_AST | self._flags | _AWAIT, True)

    def remember(self, value: Any) -> None:
        namespace = self.namespace
        namespace["___"], namespace["__"], namespace["_"] = namespace.get("__"), namespace.get("_"), value

    def pretty(self, value: Any) -> str:
        if type(value) in (list, tuple, dict, set, frozenset) and len(value) > _ITEMS_SHOWN:
            return _bounded.repr(value)
        return repr(value)

    def format(self, error: BaseException) -> str:
        where = error.__traceback__
        while where is not None and where.tb_frame.f_code.co_filename in _ours:
            where = where.tb_next
        report = traceback.TracebackException(type(error), error, where, compact=True)
        return "".join(report.format())

    def mimebundle(self, value: Any) -> dict:
        bundle: dict = {}
        if hasattr(value, "_repr_mimebundle_"):
            found = value._repr_mimebundle_(include=None, exclude=None)
            bundle.update(found[0] if isinstance(found, tuple) else found or {})
        for method, mime in _MIME_METHODS:
            if mime not in bundle and not isinstance(value, type) and hasattr(value, method):
                found = getattr(value, method)()
                found = found[0] if isinstance(found, tuple) else found
                if found is not None:
                    bundle[mime] = found
        bundle.setdefault("text/plain", self.represent(value) or "None")
        return bundle

    def display(self, *values: Any, **_: Any) -> None:
        """Shows values to whoever runs this code: in all the forms they can take."""
        for value in values:
            self.show(self.mimebundle(value))

    def show(self, bundle: dict) -> None:
        self.displays.append({str(mime): _portable(data) for mime, data in bundle.items()})

    def keep_source(self, name: str, code: str) -> None:
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        self._sources.append(name)
        if len(self._sources) > _SOURCES_KEPT:
            linecache.cache.pop(self._sources.pop(0), None)

    def _run(self, code: CodeType) -> Any:
        self._flags |= code.co_flags & _FUTURE_FLAGS
        result = eval(code, self.namespace)
        return self._wait_for(result) if code.co_flags & _COROUTINE else result

    def _wait_for(self, coroutine: Any) -> Any:
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
            _ours.update({asyncio.base_events.__file__, asyncio.events.__file__})
        return self._loop.run_until_complete(coroutine)


def _clean(text: str) -> str:
    """Without lone surrogates, which are no text."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _portable(data: Any) -> Any:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    return _clean(data) if isinstance(data, str) else json.dumps(data, default=str)


_bounded = reprlib.Repr()
_bounded.maxlist = _bounded.maxtuple = _bounded.maxdict = _bounded.maxset = _bounded.maxfrozenset = _ITEMS_SHOWN
_bounded.maxstring = _bounded.maxother = _bounded.maxlong = 10_000
_ours = {__file__, __file__.replace("shell.py", "ipython.py")}  # frames that no traceback begins with
