"""The suite of benchmarks: fitting, tables, plots, targets and the comparison with earlier runs."""

from __future__ import annotations

import json

import pytest

from benchmarks.suite import check, docs, plots, rounds, tables, targets
from benchmarks.suite.fitting import fitted
from benchmarks.suite.measurements import YARDSTICK, Origin, Sample, gathered
from benchmarks.suite.peers import PeerAbsent
from benchmarks.suite.results import Results, ratio, read
from benchmarks.suite.scales import BENCH

SEARCHABLE = "photos to searchable, 12 MP, starter"
FACTS = {
    "machine": {"processor": "Slow", "cores": 2, "memory_gb": 8.0, "features": ["avx2"]},
    "versions": {"python": "3.11"},
    "commit": "0123456789abcdef",
    "changed_files": 0,
    "load_at_start": 0.1,
    "idle_at_start": True,
    "scale": "bench",
}


def made_up(*, scry=(30.0, 33.0), loop=(10.0, 11.0), query=40.0, memory=800.0, fixed=100.0):
    """Return results of two rounds."""
    samples = []
    for turn in range(2):
        samples += [
            Sample("ingest", "plain loop", Origin.STEPS, SEARCHABLE, "photos/s", loop[turn]),
            Sample("ingest", "Scry", Origin.SCRY, SEARCHABLE, "photos/s", scry[turn]),
            Sample("library", "fixed work", Origin.LIMIT, YARDSTICK, "ms", fixed),
        ]
        for size in (1000, 10_000):
            for figure, unit, value in (
                ("query p50", "ms", query + size / 1000),
                ("query p95", "ms", 5 * query),
                ("memory after ten searches", "MB", memory + size / 100),
                ("cost of an added photo", "ms", 50.0),
            ):
                samples.append(
                    Sample("library", "Scry", Origin.SCRY, figure, unit, value, size, "made up")
                )
    return Results(FACTS, gathered(samples), {"rclip": "It is not there."})


# --- lines ----------------------------------------------------------------------------------------


def test_a_line_is_found_again():
    sizes = [1e3, 1e4, 1e5, 1e6]
    line = fitted(sizes, [20 + size * 3e-4 for size in sizes])
    assert line.fixed == pytest.approx(20)
    assert line.per_photo == pytest.approx(3e-4)
    assert line.at(2e6) == pytest.approx(620)


def test_small_libraries_count_as_much_as_large_ones():
    line = fitted([1e3, 1e6], [10, 1000])
    assert line.at(1e3) == pytest.approx(10)
    assert line.at(1e6) == pytest.approx(1000)


@pytest.mark.parametrize("costs", [[30, 20, 10], [1, 20, 3000]])
def test_no_cost_falls_with_the_size_or_is_negative_without_photos(costs):
    line = fitted([1e3, 1e4, 1e5], costs)
    assert line.fixed >= 0
    assert line.per_photo >= 0
    assert line.fixed or line.per_photo


def test_a_line_needs_two_sizes_and_costs_above_zero():
    with pytest.raises(ValueError, match="two sizes"):
        fitted([1000, 1000], [1, 2])
    with pytest.raises(ValueError, match="above zero"):
        fitted([1000, 2000], [0, 2])


# --- measurements ---------------------------------------------------------------------------------


def test_samples_of_one_figure_are_put_together():
    found = made_up().of("ingest", "Scry", SEARCHABLE)
    assert found.values == (30.0, 33.0)
    assert found.median == 31.5
    assert found.cost() == pytest.approx(1 / 31.5)


def test_rounds_are_compared_with_each_other():
    results = made_up(scry=(30.0, 300.0), loop=(10.0, 100.0))
    scry, loop = (results.of("ingest", who, SEARCHABLE) for who in ("Scry", "plain loop"))
    assert ratio(scry, loop) == pytest.approx(3)
    assert ratio(scry, None) is None


def test_results_survive_their_file(tmp_path):
    made_up().write(tmp_path / "results.json")
    again = read(tmp_path / "results.json")
    assert again == made_up()
    assert json.loads((tmp_path / "results.json").read_text())["commit"] == FACTS["commit"]


def test_programs_take_turns_and_only_peers_may_be_absent(tmp_path):
    order = []

    def step(name):
        def run(number):
            order.append((number, name))
            if name == "peer":
                raise PeerAbsent("It does not install.")
            return [Sample("vectors", name, Origin.SCRY, "speed", "ms", 1.0)]

        return rounds.Step(name, run)

    def groups(scale, place):
        from contextlib import nullcontext

        yield nullcontext([step("peer"), step("Scry"), step("loop")])

    place = rounds.Workplace(tmp_path, tmp_path)
    ((samples, absent),) = rounds.measured(groups, BENCH, place)
    assert order == [(0, "peer"), (0, "Scry"), (0, "loop"), (1, "loop"), (1, "Scry")]
    assert absent == {"peer": "It does not install."}
    assert sum(sample.figure == YARDSTICK for sample in samples) == 2


def test_an_error_of_scry_ends_the_run(tmp_path):
    def broken(number):
        raise ValueError("broken")

    def groups(scale, place):
        from contextlib import nullcontext

        yield nullcontext([rounds.Step("Scry", broken)])

    with pytest.raises(ValueError, match="broken"):
        list(rounds.measured(groups, BENCH, rounds.Workplace(tmp_path, tmp_path)))


# --- the comparison -------------------------------------------------------------------------------


def worse(now):
    return {change.key[1:3] for change in check.changes(made_up(), now) if change.is_worse}


def test_the_same_results_pass(capsys):
    assert check.report(made_up(), made_up())
    assert "0 worse" in capsys.readouterr().out


def test_a_machine_of_half_the_speed_passes():
    slow = made_up(scry=(15.0, 16.5), loop=(5.0, 5.5), query=80.0, fixed=200.0)
    assert not worse(slow) - {("Scry", "cost of an added photo")}


@pytest.mark.parametrize(("rate", "fails"), [(0.88, False), (0.86, True), (2.0, False)])
def test_only_a_ratio_beyond_fifteen_percent_fails(rate, fails, capsys):
    now = made_up(scry=(30.0 * rate, 33.0 * rate))
    assert check.report(made_up(), now) is not fails
    assert ("Scry", SEARCHABLE) in worse(now) or not fails
    assert ("WORSE" in capsys.readouterr().out) is fails


def test_a_figure_without_a_peer_is_compared_by_the_fixed_work():
    assert worse(made_up(query=60.0)) == {("Scry", "query p50")}
    assert worse(made_up(fixed=80.0)) == {
        ("Scry", "query p50"),
        ("Scry", "cost of an added photo"),
    }


def test_memory_is_compared_as_it_is():
    assert worse(made_up(memory=1000.0, fixed=500.0)) == {("Scry", "memory after ten searches")}


def test_runs_without_a_common_figure_do_not_pass(capsys):
    assert not check.report(made_up(), Results(FACTS, []))


# --- the table ------------------------------------------------------------------------------------


def row(text, start):
    return next(line for line in text.splitlines() if line.startswith(f"| {start}"))


def test_a_target_is_met_missed_in_bold_or_not_measured(monkeypatch):
    monkeypatch.setitem(targets.REASONS, "memory", "torch is large")
    text = tables.page(made_up(memory=1000.0))
    assert row(text, "12 MP, starter, against the plain loop").endswith("| 3 times | met |")
    missed = row(text, "memory after ten searches, 1,000 photos")
    assert missed.endswith("| at most 900 MB | **1,010 MB** | **missed**: torch is large |")
    assert row(text, "12 MP, ViT-B-32, against rclip").endswith("| not measured in this run |")


def test_the_table_says_who_was_measured_how_often_and_what_is_not_real():
    text = tables.page(made_up())
    loop = row(text, f"{SEARCHABLE} |  | plain loop")
    assert loop == (
        f"| {SEARCHABLE} |  | plain loop | its steps, re-implemented | 10.5 photos/s "
        "| 10 to 11 | 3.00 times as good |"
    )
    assert "Not real: made up." in text
    assert "- rclip: It is not there." in text
    assert "not idle" not in text
    assert "not idle" in tables.page(Results(FACTS | {"idle_at_start": False}, []))


def test_each_target_has_a_key_of_its_own_and_each_reason_a_target():
    keys = [target.key for target in targets.targets(made_up())]
    assert len(keys) == len(set(keys))
    assert set(targets.REASONS) <= set(keys)


@pytest.mark.parametrize(("features", "goal"), [([], 2.2), (["amx_bf16"], 3)])
def test_targets_against_peers_depend_on_the_matrix_unit(features, goal):
    facts = FACTS | {"machine": FACTS["machine"] | {"features": features}}
    found = {target.key: target for target in targets.targets(Results(facts, []))}
    assert found["rclip"].goal == goal


# --- the documentation ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reference").mkdir()
    text = f"# Performance\n\n{docs.BEGIN}\nold\n{docs.END}\n\nThe end.\n"
    (tmp_path / "reference" / "performance.md").write_text(text)
    return tmp_path


@pytest.mark.slow
def test_results_replace_what_stood_in_the_page(folder, capsys):
    assert not docs.write_docs(made_up(memory=1000.0), folder)
    assert "memory" in capsys.readouterr().err
    page = (folder / "reference" / "performance.md").read_text()
    assert page.startswith("# Performance\n")
    assert page.endswith("The end.\n")
    assert "old" not in page
    assert "../images/performance-query.svg" in page
    assert "performance-vectors.svg" not in page
    assert read(folder / "reference" / "performance.json") == made_up(memory=1000.0)


@pytest.mark.slow
def test_a_plot_has_lines_and_is_the_same_each_time(folder):
    query = next(plot for plot in plots.PLOTS if plot.name == "query")
    path = folder / "query.svg"
    assert plots.draw(query, made_up(), path)
    first = path.read_bytes()
    assert b"<svg" in first
    assert b"A query that was not asked before" in first
    assert plots.draw(query, made_up(), path)
    assert path.read_bytes() == first
    assert not plots.draw(query, Results(FACTS, []), path)
    line = plots.line_of(plots.series(query, made_up())["Scry"])
    assert line.fixed == pytest.approx(40)
    assert line.per_photo == pytest.approx(0.001)
