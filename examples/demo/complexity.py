"""The work of the demo: the McCabe complexity of every function in a Python file."""
import ast

DECISIONS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def decisions(node: ast.AST) -> int:
    """The decisions in a function's own body; functions inside it count for themselves."""
    total = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            continue
        if isinstance(child, DECISIONS):
            total += 1
        elif isinstance(child, ast.BoolOp):
            total += len(child.values) - 1
        total += decisions(child)
    return total


def functions(node: ast.AST, prefix: str = ""):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + child.name, child.lineno, 1 + decisions(child)
            yield from functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def measure(path: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The path, and (name, line, complexity) of every function in the file: one more than its decisions (if, loops,
    except, case, conditional expressions, parts of comprehensions, each and/or)."""
    with open(path, "rb") as file:
        return path, list(functions(ast.parse(file.read(), path)))
