"""Print the structural figures of the application, and say which limits they break.

    python -m benchmarks.house [--all]

The application is `gallery`, `search` and `workers`, migrations left out. The exit status is 1
when a figure is over its limit (`LIMITS`). With --all, long lists are printed whole. How the
figures are counted:

- Lines: every line of every module, blank lines and comments included.
- Single importers: the modules that exactly one other application module imports, at module level
  or in a function. An import by the module's own package counts, and so does an import for type
  checking. `include("app.urls")` is an import; a module that only another kind of string names (an
  app, a dotted path in the settings) has no importer.
- Depth: the modules of the longest chain of imports from `gallery.urls`, that one included. Only
  imports at module level count. One module stands for a circle.
- Circles: groups of modules that import each other at module level.
- Functions: the lines from `def` to the end, decorators left out.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gallery", "search", "workers")
START = "gallery.urls"

LIMITS = {"lines": 75_000, "modules": 550, "single importers": 150, "depth": 23}
"""The most that each figure may come to."""

LONGEST_FILE = 400
SHORTEST_MODULE = 15
SHORT_BY_NATURE = frozenset({"__init__", "apps", "urls"})
DJANGO_NAMES = {"admin", "apps", "forms", "models", "settings", "urls", "views"}
DJANGO_FOLDERS = {"commands", "management", "templatetags"}
REPEATED_BY_NATURE = DJANGO_NAMES | DJANGO_FOLDERS | {"__init__", "api", "conftest"}

Edges = Mapping[str, set[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the application; `name` is dotted, `path` is relative to the root."""

    name: str
    path: Path
    source: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def lines(self) -> int:
        return len(self.source.splitlines())

    @property
    def basename(self) -> str:
        """The last part of the dotted name: for a package, its folder's name."""
        return self.name.rpartition(".")[2]

    def functions(self) -> Iterator[Function]:
        """Yield every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


class House:
    """The modules of the application, and which of them import which."""

    def __init__(self, root: Path = ROOT) -> None:
        files = [file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))]
        paths = [file.relative_to(root) for file in files if "migrations" not in file.parts]
        modules = [Module(_dotted(path), path, (root / path).read_text("utf-8")) for path in paths]
        self.modules = {module.name: module for module in modules}

    def figures(self) -> dict[str, int]:
        """Return the figures that `LIMITS` names."""
        return {
            "lines": sum(module.lines for module in self.modules.values()),
            "modules": len(self.modules),
            "single importers": len(self.single_importers()),
            "depth": len(self.longest_chain()),
        }

    @cached_property
    def imports(self) -> Edges:
        """The modules that each module imports, at module level or in a function."""
        return self._edges(ast.walk)

    @cached_property
    def imports_at_start(self) -> Edges:
        """The modules that are loaded together with each module."""
        return self._edges(_nodes_run_at_import)

    @cached_property
    def importers(self) -> Edges:
        """The modules that import each module."""
        importers: dict[str, set[str]] = {name: set() for name in self.modules}
        for importer, names in self.imports.items():
            for name in names:
                importers[name].add(importer)
        return importers

    def single_importers(self) -> dict[str, str]:
        """Return the modules that only one other module imports, each with that module."""
        return {name: min(found) for name, found in self.importers.items() if len(found) == 1}

    def longest_chain(self) -> list[str]:
        """Return the longest chain of imports from `START`; one module stands for a circle."""
        groups = groups_of(self.imports_at_start)
        number_of = {name: number for number, names in enumerate(groups) for name in names}
        chains: list[list[str]] = []
        for number, names in enumerate(groups):
            # The groups that this one imports come before it.
            imported = {number_of[other] for name in names for other in self.imports_at_start[name]}
            rest = max((chains[other] for other in imported - {number}), key=len, default=[])
            chains.append([min(names), *rest])
        return chains[number_of[START]]

    def short_modules(self) -> list[Module]:
        """Return the modules that are too short to be worth a file."""
        return [
            module
            for module in self.modules.values()
            if module.lines < SHORTEST_MODULE and module.path.stem not in SHORT_BY_NATURE
        ]

    def repeated_names(self) -> dict[str, list[str]]:
        """Return the names that three modules or packages have, each with those modules."""
        named: dict[str, list[str]] = defaultdict(list)
        for module in self.modules.values():
            named[module.basename].append(module.name)
        return {
            name: modules
            for name, modules in sorted(named.items())
            if len(modules) >= 3 and name not in REPEATED_BY_NATURE
        }

    def function_lengths(self) -> list[tuple[int, str]]:
        """Return the length of each function in lines with its place, shortest first."""
        return sorted(
            (length(function), f"{module.path}:{function.lineno} {function.name}")
            for module in self.modules.values()
            for function in module.functions()
        )

    def _edges(self, nodes_of: Callable[[ast.AST], Iterator[ast.AST]]) -> Edges:
        return {
            name: {other for node in nodes_of(module.tree) for other in self._imported(node)}
            - {name}
            for name, module in self.modules.items()
        }

    def _imported(self, node: ast.AST) -> Iterator[str]:
        """Yield the application modules that one statement imports."""
        match node:
            case ast.Import(names=names):
                candidates = [alias.name for alias in names]
            case ast.ImportFrom(module=str(package), names=names):
                inner = [f"{package}.{alias.name}" for alias in names]
                candidates = [name if name in self.modules else package for name in inner]
            case ast.Call(func=ast.Name(id="include"), args=[ast.Constant(value=str(name)), *_]):
                candidates = [name]
            case _:
                return
        yield from (name for name in candidates if name in self.modules)


def length(function: Function) -> int:
    """Return a function's lines, decorators left out."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def groups_of(edges: Edges) -> list[list[str]]:
    """Return the strongly connected components (Tarjan), imported ones before their importers."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        path.append(name)
        for other in sorted(edges[name]):
            if other not in index:
                visit(other)
            if other in path:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            start = path.index(name)
            groups.append(sorted(path[start:]))
            del path[start:]

    for name in edges:
        if name not in index:
            visit(name)
    return groups


def circles(edges: Edges) -> list[list[str]]:
    """Return the groups of modules that import each other."""
    return [group for group in groups_of(edges) if len(group) > 1]


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _nodes_run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run when a module is imported: none of functions or type checking."""
    for child in ast.iter_child_nodes(node):
        is_for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not is_for_types and not isinstance(child, Function):
            yield child
            yield from _nodes_run_at_import(child)


# --- the report -----------------------------------------------------------------------------------


def report(house: House, *, most: int | None) -> list[str]:
    """Print all figures, long lists cut to `most` lines; return the limits that are broken."""
    figures = house.figures()
    for name, figure in figures.items():
        verdict = "" if figure <= LIMITS[name] else "   BROKEN"
        print(f"{name:<18}{figure:>8,}   at most {LIMITS[name]:,}{verdict}")
    _print_functions(house)
    _print_list("longest chain", house.longest_chain(), None)
    loaded, all_of_them = circles(house.imports_at_start), circles(house.imports)
    _print_list("circles", [" ".join(names) for names in loaded], None)
    inner = [" ".join(names) for names in all_of_them]
    _print_list("circles, imports in functions and for types included", inner, None)
    sized = sorted((module.lines, str(module.path)) for module in house.modules.values())
    long = [f"{lines:>4} {path}" for lines, path in reversed(sized) if lines > LONGEST_FILE]
    _print_list(f"files over {LONGEST_FILE} lines", long, None)
    short = [f"{module.lines:>4} {module.path}" for module in house.short_modules()]
    _print_list(f"modules under {SHORTEST_MODULE} lines", short, most)
    repeated = [f"{name}: {' '.join(names)}" for name, names in house.repeated_names().items()]
    _print_list("names that occur three times or more", repeated, None)
    single = [f"{name} <- {importer}" for name, importer in house.single_importers().items()]
    _print_list("modules with a single importer", single, most)
    _print_folders(house)
    return [name for name, figure in figures.items() if figure > LIMITS[name]]


def _print_functions(house: House) -> None:
    functions = house.function_lengths()
    lengths = [lines for lines, _ in functions]
    longest, place = functions[-1]
    print(
        f"functions: {len(functions):,}, lines median {median(lengths):g}, "
        f"p90 {quantiles(lengths, n=10)[-1]:g}, longest {longest} ({place})"
    )


def _print_list(title: str, items: list[str], most: int | None) -> None:
    print(f"\n{title}: {len(items)}")
    for item in items[:most]:
        print(f"  {item}")
    if most is not None and len(items) > most:
        print(f"  and {len(items) - most} more (--all)")


def _print_folders(house: House) -> None:
    folders: dict[Path, list[int]] = defaultdict(list)
    for module in house.modules.values():
        folders[module.path.parent].append(module.lines)
    print(f"\n{'folder':<40}{'modules':>8}{'lines':>8}")
    for folder, lines in sorted(folders.items()):
        print(f"{folder!s:<40}{len(lines):>8}{sum(lines):>8,}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the application's structural figures.")
    parser.add_argument("--all", action="store_true", help="print long lists whole")
    chosen = parser.parse_args()
    broken = report(House(), most=None if chosen.all else 15)
    if broken:
        print(f"\nOver their limits: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
