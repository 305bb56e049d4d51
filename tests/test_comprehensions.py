"""Source → names that Python 3.12.0 to 3.12.3 loses: a comprehension's variable, read as a global in a later one.

These Pythons put list, set and dict comprehensions into the function around them. When one of them binds `word` and a
later one calls the function `word`, the later one finds the first one's variable: UnboundLocalError. Reads by the
function itself, by generator expressions and by comprehensions before it are safe. A name of an enclosing function is
lost to whatever reads it inside, a generator expression or a lambda too; 3.13.0 still does that.

Scopes are read off the syntax tree, because `symtable` shows these comprehensions on Python 3.11 alone.
"""

import ast
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("smolcli", "gguf_convert", "examples", "tests", "docs")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
INLINED = (ast.ListComp, ast.SetComp, ast.DictComp)
COMPREHENSIONS = (*INLINED, ast.GeneratorExp)


@dataclass
class Scope:
    """Names that a piece of source binds and reads itself, and the scopes in it in the compiler's order."""

    node: ast.AST
    above: "Scope | None" = None
    bound: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    inside: list["Scope"] = field(default_factory=list)

    def __post_init__(self):
        if self.above:
            self.above.inside.append(self)

    def enclosed(self, name: str) -> bool:
        """Whether a function around this one binds `name`."""
        above = self.above
        while above and not (isinstance(above.node, FUNCTIONS) and name in above.bound):
            above = above.above
        return above is not None

    def wants(self, name: str) -> bool:
        """Whether something in this scope reads `name` from outside."""
        return name not in self.bound and (name in self.read or any(scope.wants(name) for scope in self.inside))


def read_into(scope: Scope, node: ast.AST) -> None:
    """Enter `node`, and all that is in it, into `scope`."""
    if isinstance(node, FUNCTIONS):
        parts = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        parts += [each for each in (node.args.vararg, node.args.kwarg) if each]
        outside = [*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", ())]
        outside += [each.annotation for each in parts] + [getattr(node, "returns", None)]
        scope.bound |= {getattr(node, "name", "")}
        inner = Scope(node, scope, {each.arg for each in parts})
        _read_all(scope, outside)
        _read_all(inner, [node.body] if isinstance(node, ast.Lambda) else node.body)
    elif isinstance(node, ast.ClassDef):
        scope.bound |= {node.name}
        _read_all(scope, [*node.bases, *node.keywords, *node.decorator_list])
        _read_all(Scope(node, scope), node.body)
    elif isinstance(node, COMPREHENSIONS):
        first, *others = node.generators
        read_into(scope, first.iter)
        inner = Scope(node, scope)
        _read_all(inner, [first.target, *first.ifs, *others])
        _read_all(inner, [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
    elif isinstance(node, ast.NamedExpr):
        owner = scope
        while isinstance(owner.node, COMPREHENSIONS):
            owner = owner.above
        owner.bound |= {node.target.id}
        read_into(scope, node.value)
    elif isinstance(node, ast.Name):
        (scope.read if isinstance(node.ctx, ast.Load) else scope.bound).add(node.id)
    else:
        _read_all(scope, ast.iter_child_nodes(node))
        _read_special(scope, node)


def _read_all(scope: Scope, nodes) -> None:
    for node in nodes:
        if node is not None:
            read_into(scope, node)


def _read_special(scope: Scope, node: ast.AST) -> None:
    """Names that are no `ast.Name`: of imports, except clauses and patterns; what is declared global is read."""
    if isinstance(node, ast.alias):
        scope.bound |= {(node.asname or node.name).split(".")[0]}
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        scope.bound |= {node.name}
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        scope.read |= set(node.names)


def lost_names(source: str) -> list[tuple[int, str]]:
    """(line, name) of each name that is lost in `source`."""
    module = Scope(ast.parse(source))
    _read_all(module, module.node.body)
    lost: set[tuple[int, str]] = set()
    scopes = [module]
    while scopes:
        scope = scopes.pop()
        scopes += scope.inside
        if isinstance(scope.node, (*FUNCTIONS, ast.GeneratorExp)):
            _inline(scope, lost)
    return sorted(lost)


def _inline(scope: Scope, lost: set[tuple[int, str]]) -> dict[str, str]:
    """What each name of `scope` is once the comprehensions in it are part of it: "bound", "read" or "lent" by one."""
    names = dict.fromkeys(scope.read, "read") | dict.fromkeys(scope.bound - scope.read, "bound")
    names |= {name: "bound" for name in scope.bound & scope.read if not _declared(scope, name)}
    for inner in scope.inside:
        if isinstance(inner.node, INLINED):
            for name, kind in _inline(inner, lost).items():
                if names.get(name) == "lent" and kind == "read":
                    lost.add((inner.node.lineno, name))
                names.setdefault(name, "read" if kind == "read" else "lent")
        lost |= {
            (inner.node.lineno, name)
            for name, kind in names.items()
            if kind == "lent" and scope.enclosed(name) and inner.wants(name)
        }
    return names


def _declared(scope: Scope, name: str) -> bool:
    nodes = scope.node.body if isinstance(getattr(scope.node, "body", None), list) else []
    return any(isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names for node in nodes)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_comprehension_reads_a_name_that_an_earlier_one_binds(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    lost = [
        f"{file.relative_to(ROOT)}:{line}: rename the variable {name}"
        for file in files
        for line, name in lost_names(file.read_text(encoding="utf-8"))
    ]
    assert not lost


# Body of `def f(xs)` where `word` is a function → whether the name is lost.
CASES = {
    "a = [word for word in xs]; return [word(x) for x in xs]": True,
    "a = {word: 1 for word in xs}; return {word(x) for x in xs}": True,
    "a = [[word for word in xs] for y in xs]; return [word(x) for x in xs]": True,
    "a = [word for word in xs]; return [[word(z) for z in xs] for x in xs]": True,
    "a = [word for word in xs]; return [y for x in xs for y in [word(x)]]": True,
    "a = [word for word in xs]; return [x for x in xs if word(x)]": True,
    "a = [w for word in xs for w in [word]]; return [word(x) for x in xs]": True,
    "return [word(x) for x in [word for word in xs]]": True,
    "return [([word for word in xs], [word(x) for x in xs]) for y in xs]": True,
    "return list([word for word in xs] + [word(x) for x in xs] for y in xs)": True,
    "return (lambda: [word for word in xs] + [word(x) for x in xs])()": True,
    "a = [len for len in xs]; return [len([x]) for x in xs]": True,
    "a = [(lambda: word)() for word in xs]; return [word(x) for x in xs]": True,
    "a = [word(x) for x in xs]; return [word for word in xs]": False,
    "a = [word(x) for x in xs]; b = [word for word in xs]; return [word(x) for x in xs]": False,
    "a = [word for word in xs]; b = [word(x) for x in xs]; return word(1)": False,
    "a = [word for word in xs]; return [x for x in map(word, xs)]": False,
    "a = [word for word in xs]; return list(word(x) for x in xs)": False,
    "a = list(word for word in xs); return [word(x) for x in xs]": False,
    "a = [word for word in xs]; return [(lambda: word(x))() for x in xs]": False,
    "a = [word for word in xs]; return [list(word(z) for z in xs) for x in xs]": False,
    "a = [word for word in xs if word]; return [word for word in xs]": False,
    "return [word for word in [word(x) for x in xs]]": False,
    "return [[word for word in xs] for x in xs if word(x)]": False,
    "return [[word for x in xs] for word in xs]": False,
    "global word; a = [word for word in xs]; return [word(x) for x in xs]": False,
    "word = int; a = [word for word in xs]; return [word(x) for x in xs]": False,
}


def word(x=1):
    """What the cases call."""
    return x


@pytest.mark.parametrize("body", CASES)
def test_the_names_that_are_found_are_those_that_python_loses(body):
    source = f"def f(xs):\n    {body}\n"
    assert bool(lost_names(source)) is CASES[body]
    names = {"word": word}
    exec(source, names)
    if CASES[body] and (3, 12, 0) <= sys.version_info < (3, 12, 4):
        with pytest.raises(UnboundLocalError):
            names["f"]([1, 2])
    else:
        assert names["f"]([1, 2])


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ("a = [word for word in xs]; return [word(x) for x in xs]", True),
        ("a = [word for word in xs]; return list(word(x) for x in xs)", True),
        ("a = [word for word in xs]; return [(lambda: word(x))() for x in xs]", True),
        ("a = [word(x) for x in xs]; return [word for word in xs]", False),
        ("a = [word for word in xs]; b = [word(x) for x in xs]; return word(1)", False),
    ],
)
def test_names_of_an_enclosing_function_are_lost_to_all_that_read_them_inside(body, lost):
    source = f"def g(word):\n    def f(xs):\n        {body}\n    return f\n"
    assert bool(lost_names(source)) is lost
    names = {}
    exec(source, names)
    if not lost or sys.version_info < (3, 12):
        assert names["g"](word)([1, 2])
    elif sys.version_info < (3, 12, 4):
        with pytest.raises(NameError):
            names["g"](word)([1, 2])


def test_a_module_s_and_a_class_s_own_comprehensions_are_safe():
    body = "a = [word for word in xs]\nb = [word(x) for x in xs]\n"
    assert not lost_names(body)
    assert not lost_names("class C:\n    xs = ()\n    " + body.replace("\nb", "\n    b"))
