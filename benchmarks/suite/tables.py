"""The results as Markdown: targets first, then each part."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.suite.measurements import YARDSTICK, Measurement, Origin
from benchmarks.suite.plots import PLOTS, line_of, series
from benchmarks.suite.results import Results
from benchmarks.suite.targets import REASONS, Target, targets

TITLES = {
    "ingest": "Photos from disk to searchable",
    "vectors": "Vectors alone",
    "library": "Libraries of several sizes",
    "duplicates": "Duplicates",
}


def missed(results: Results) -> list[Target]:
    """Return the targets that were measured and not met."""
    return [
        target
        for target in targets(results)
        if (value := target.figure(results)) is not None and not target.is_met(value)
    ]


def page(results: Results) -> str:
    """Return the whole section for the documentation."""
    parts = [_about(results), _targets(results)]
    for part, title in TITLES.items():
        rows = [one for one in results.measurements if one.part == part]
        if rows:
            parts.append(f"### {title}\n\n{_part(rows)}")
    parts.append(_fits(results))
    parts.append(_absent(results))
    return "\n\n".join(part for part in parts if part)


def _about(results: Results) -> str:
    facts, machine = results.facts, results.facts["machine"]
    features = ", ".join(machine["features"]) or "none of AVX2, AVX-512 and AMX"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    idle = "" if facts["idle_at_start"] else " **The machine was not idle.**"
    changed = f", {facts['changed_files']} files changed" if facts["changed_files"] else ""
    return (
        f"Machine: {machine['cores']} cores, {machine['processor']} ({features}), "
        f"{machine['memory_gb']:g} GB. Load at the start: {facts['load_at_start']:g}.{idle} "
        f"Scale `{facts['scale']}`. Commit {facts['commit'][:12]}{changed}. {versions}."
    )


def _targets(results: Results) -> str:
    lines = ["| target | to reach | measured | |", "|---|---|---|---|"]
    lines += [_target(target, results) for target in targets(results)]
    return "### Targets\n\n" + "\n".join(lines)


def _target(target: Target, results: Results) -> str:
    sign = "at most" if target.at_most else "at least"
    goal = f"{sign} {target.goal:g} {target.unit}"
    value = target.figure(results)
    if value is None:
        return f"| {target.what} | {goal} | | not measured in this run |"
    figure = f"{value:.3g} {target.unit}" if value < 1000 else f"{value:,.0f} {target.unit}"
    if target.is_met(value):
        return f"| {target.what} | {goal} | {figure} | met |"
    reason = REASONS.get(target.key, "no reason is written down yet")
    return f"| {target.what} | {goal} | **{figure}** | **missed**: {reason} |"


def _part(rows: list[Measurement]) -> str:
    lines = [
        "| figure | size | who | what it is | median | lowest to highest | Scry against it |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(one, rows) for one in rows if one.figure != YARDSTICK]
    simulated = sorted({one.simulated for one in rows if one.simulated})
    return "\n".join(lines) + (f"\n\nNot real: {'; '.join(simulated)}." if simulated else "")


def _row(one: Measurement, rows: list[Measurement]) -> str:
    size = f"{one.size:,}" if one.size else ""
    low, high = number(min(one.values)), number(max(one.values))
    cells = (
        one.figure,
        size,
        one.subject,
        "" if one.origin == Origin.SCRY else one.origin.value,
        f"{number(one.median)} {one.unit}",
        f"{low} to {high}",
        _against(one, rows),
    )
    return f"| {' | '.join(cells)} |"


def _against(one: Measurement, rows: list[Measurement]) -> str:
    """Return how many times as good Scry's figure is, round by round."""
    scry = next((row for row in rows if row.what == one.what and row.origin == Origin.SCRY), None)
    if scry is None or one.origin == Origin.SCRY or len(scry.values) != len(one.values):
        return ""
    pairs = zip(scry.values, one.values, strict=True)
    better = [a / b if one.is_rate else b / a for a, b in pairs if a and b]
    return f"{median(better):.2f} times as good" if better else ""


def number(value: float) -> str:
    """Return three digits that count, and all of whole thousands."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _fits(results: Results) -> str:
    lines = list(_fit_lines(results))
    if not lines:
        return ""
    head = ["| plot | who | fixed | for each 1,000 more |", "|---|---|---|---|"]
    return "### Fitted lines\n\n" + "\n".join(head + lines)


def _fit_lines(results: Results) -> Iterator[str]:
    for plot in PLOTS:
        for subject, measured in series(plot, results).items():
            line = line_of(measured)
            if line:
                fixed, more = number(line.fixed), number(line.per_photo * 1000)
                yield f"| {plot.title} | {subject} | {fixed} {plot.unit} | {more} {plot.unit} |"


def _absent(results: Results) -> str:
    if not results.absent:
        return ""
    lines = [f"- {name}: {why}" for name, why in results.absent.items()]
    return "### Not run\n\n" + "\n".join(lines)
