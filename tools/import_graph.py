"""Which package of the project imports which, as a Mermaid graph made from the source.

A package is a folder below `meddef_core` or `dashboard`. Imports inside functions count; those for type checking alone
do not run and are left out. An arrow that follows from others is left out, too: A -> B -> C says that A may know C.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

CORE, DASHBOARD = "meddef_core", "dashboard"

ROWS: Mapping[str, tuple[str, ...]] = {
    "Entry points": ("cli", "dashboard.classroom", "dashboard.views"),
    "Under the pages": ("dashboard.components", "dashboard.session", "dashboard.services"),
    "Publish, report, exchange": ("publishing", "replay", "pacs", "report", "studies", "auditing"),
    "Train and predict": ("training", "prediction", "evaluation", "records", "baselines"),
    "Attack, prune, certify, explain": ("attacks", "pruning", "certification", "explanation"),
    "Scans and models": ("data", "zoo", "scans", "model", "io"),
}
"""Where each package stands in the diagram; one that is not listed stands in a last row."""

Edges = dict[str, set[str]]


def mermaid(root: Path) -> str:
    """The graph as a Markdown block; CycleError for packages that import each other in a circle."""
    edges = reduced(imports(root))
    others = sorted(set(edges) - {name for names in ROWS.values() for name in names})
    rows = {title: [name for name in names if name in edges] for title, names in ROWS.items()} | {"Others": others}
    lines = ["```mermaid", "flowchart TB"]
    for number, (title, names) in enumerate(rows.items(), start=1):
        if names:
            lines.append(f'  subgraph row{number}["{title}"]')
            lines += [f'    {name.replace(".", "_")}["{name}"]' for name in names]
            lines.append("  end")
    placed = [name for names in rows.values() for name in names]
    arrows = [(source, target) for source in placed for target in placed if target in edges[source]]
    lines += [f"  {source.replace('.', '_')} --> {target.replace('.', '_')}" for source, target in arrows]
    return "\n".join([*lines, "```"])


def imports(root: Path) -> Edges:
    """The packages that each package imports."""
    edges: Edges = {}
    for name in (CORE, DASHBOARD):
        for path in sorted((root / name).glob("*/**/*.py")):
            source = _name(path.relative_to(root).parts)
            edges.setdefault(source, set()).update(_imported(ast.parse(path.read_text(encoding="utf-8"))))
    for source, modules in edges.items():
        edges[source] = ({_name(tuple(each.split("."))) for each in modules} & edges.keys()) - {source}
    return edges


def reduced(edges: Edges) -> Edges:
    """Without arrows that follow from others; CycleError where packages import each other in a circle."""
    reach: Edges = {}
    for name in TopologicalSorter(edges).static_order():
        reach[name] = edges[name].union(*(reach[target] for target in edges[name]))
    return {
        name: {target for target in targets if not any(target in reach[other] for other in targets)}
        for name, targets in edges.items()
    }


def _name(parts: tuple[str, ...]) -> str:
    """A package's name from the parts of a path or of a module: `zoo`, `dashboard.views`; "" outside the project."""
    if len(parts) < 2 or parts[0] not in (CORE, DASHBOARD):
        return ""
    return parts[1] if parts[0] == CORE else f"{DASHBOARD}.{parts[1]}"


def _imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of what a module imports, but for those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)
        yield from _imported(node)
