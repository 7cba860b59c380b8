"""Evaluations by the API and by the command: figures, what is skipped, and what is refused."""

from __future__ import annotations

import csv
import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo
from search.relevance import library
from search.understanding import grounds
from search.understanding.api import evaluations
from search.understanding.evaluation import runs
from search.understanding.models import EvaluationRun, Kind, Label, LabelSet
from search.vectors import embedders
from tests.workers.conftest import add_photo, drain
from workers import housekeeping

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

COLOURS = ["red", "green", "blue"]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    embedders.unload_all()
    grounds._few_texts.cache_clear()
    # Threads would outlive the test.
    monkeypatch.setattr(library, "_start_embedding", lambda key: None)
    monkeypatch.setattr(runs, "begin", runs.compute)


def make_set(owner, *names: str, kind: Kind = Kind.ONE_OF) -> LabelSet:
    made = LabelSet.objects.create(owner=owner, name="Colours", kind=kind)
    for place, name in enumerate(names or (*COLOURS, "yellow")):
        Label.objects.create(set=made, name=name, position=place)
    return made


@pytest.fixture
def colours(ada, model) -> LabelSet:
    return make_set(ada)


@pytest.fixture
def truth(ada, colours) -> dict[str, str]:
    """Five photos of each of three colours, of which one is said to be of another one."""
    said = {str(add_photo(ada, colour=name).pk): name for name in COLOURS for _ in range(5)}
    drain()
    said[next(iter(said))] = "blue"
    return said


def ask(client, label_set, truth, **body):
    content = json.dumps({"set": str(label_set.pk), "truth": truth, **body})
    return client.post("/api/v1/evaluations", content, content_type="application/json")


def test_each_style_has_its_figures(ada_client, colours, truth, model):
    data = ask(ada_client, colours, truth).json()
    styles = [result["style"] for result in data["results"]]
    assert styles == ["bare", "photo_of", "wordings", "dictionary"]
    for result in data["results"]:
        assert (result["model"], result["count"]) == (model.key, 15)
        assert result["top1"] == pytest.approx(14 / 15, abs=1e-4)
        assert result["top1"] <= result["top3"] <= result["top5"] == 1
        low, high = result["intervals"]["top1"]
        assert low <= result["top1"] <= high
        assert result["confusion"] == {
            "red": {"red": 4}, "green": {"green": 5}, "blue": {"red": 1, "blue": 5}
        }  # fmt: skip
        assert result["per_label"]["blue"]["count"] == 6
        assert result["per_label"]["blue"]["top1"] == pytest.approx(5 / 6, abs=1e-4)
        assert result["per_label"]["red"]["precision"] == pytest.approx(4 / 5)
        assert "yellow" not in result["per_label"]
    assert data["labelled"]["style"] == "wordings"
    assert data["probe"]["train_count"] + data["probe"]["test_count"] == 15
    assert data["probe"]["train"] > 0.8
    assert data["skipped"] == {}


def test_chosen_styles_alone_are_evaluated(ada_client, colours, truth):
    data = ask(ada_client, colours, truth, styles=["photo_of", "bare", "bare"]).json()
    assert [result["style"] for result in data["results"]] == ["photo_of", "bare"]


def test_labels_of_any_number_have_no_column_as_scry_labels(ada_client, ada, truth):
    LabelSet.objects.all().delete()
    label_set = make_set(ada, kind=Kind.ANY_OF)
    assert ask(ada_client, label_set, truth).json()["labelled"] is None


def test_what_cannot_be_evaluated_is_told(ada_client, ada, bob, colours, truth):
    theirs, waiting = add_photo(bob), add_photo(ada)
    Photo.objects.filter(pk=theirs.pk)
    unknown = str(uuid.uuid4())
    more = {str(theirs.pk): "red", unknown: "red", "nonsense": "red", str(waiting.pk): "Red"}
    first = next(iter(truth))
    data = ask(ada_client, colours, truth | more | {first: "zebra"}).json()
    assert data["results"][0]["count"] == 14
    assert data["skipped"]["unknown_photos"]["count"] == 3
    assert set(data["skipped"]["unknown_photos"]["names"]) == {str(theirs.pk), unknown, "nonsense"}
    assert data["skipped"]["unknown_labels"] == {"count": 1, "names": ["zebra"]}
    assert data["skipped"]["without_vectors"] == {"count": 1, "names": [str(waiting.pk)]}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "No photo is left to evaluate."),
        ({"nonsense": "red"}, "1 photo of the truth is not in this gallery: nonsense."),
        ({str(uuid.UUID(int=7)): "red"}, "is not in this gallery"),
    ],
)
def test_a_truth_without_photos_is_refused(ada_client, colours, truth, said, sentence):
    answer = ask(ada_client, colours, said)
    assert answer.status_code == 400
    assert answer.json()["code"] == "no_truth"
    assert sentence in answer.json()["message"]


def test_photos_that_are_not_searchable_yet_alone_are_a_409(ada_client, ada, colours):
    answer = ask(ada_client, colours, {str(add_photo(ada).pk): "red"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_searchable_yet")


def test_a_set_without_labels_is_refused(ada_client, colours, truth):
    colours.labels.all().delete()
    answer = ask(ada_client, colours, truth)
    assert (answer.status_code, answer.json()["message"]) == (400, "The set has no labels.")


@pytest.mark.parametrize(
    "body",
    [
        "", "{}", "[]", '{"set": "x", "truth": {}}', '{"set": null, "truth": 1}',
    ],
)  # fmt: skip
def test_made_up_bodies_are_a_400(ada_client, model, body):
    answer = ada_client.post("/api/v1/evaluations", body, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


def test_unknown_styles_are_a_400(ada_client, colours, truth):
    answer = ask(ada_client, colours, truth, styles=["haiku"])
    assert answer.status_code == 400
    assert "haiku" in answer.json()["message"]


def test_sets_and_photos_of_others_are_unknown(bob_client, colours, truth):
    assert ask(bob_client, colours, truth).status_code == 404


def test_without_a_model_it_is_a_503(ada_client, colours, truth):
    EmbeddingModel.objects.update(state=EmbeddingModel.State.BUILDING)
    assert ask(ada_client, colours, truth).status_code == 503


def test_another_model_with_vectors_has_columns_of_its_own(ada_client, ada, colours, truth, model):
    other = EmbeddingModel.objects.create(key="colours-2", dim=model.dim)
    for row in Embedding.objects.filter(model=model):
        row.pk, row.model = None, other
        row.save(force_insert=True)
    data = ask(ada_client, colours, truth, styles=["bare"]).json()
    assert [result["model"] for result in data["results"]] == ["colours", "colours-2"]
    EmbeddingModel.objects.filter(pk=other.pk).update(key="missing-2")
    data = ask(ada_client, colours, truth, styles=["bare"]).json()
    assert [result["model"] for result in data["results"]] == ["colours"]
    assert data["unread"][0]["model"] == "missing-2"


@pytest.fixture
def _few(monkeypatch):
    monkeypatch.setattr(evaluations, "AT_ONCE", 3)


@pytest.mark.usefixtures("_few")
def test_many_photos_are_evaluated_in_the_background(ada_client, bob_client, colours, truth):
    answer = ask(ada_client, colours, truth, styles=["bare"])
    assert answer.status_code == 202
    address = f"/api/v1/evaluations/{answer.json()['id']}"
    data = ada_client.get(address).json()
    assert (data["state"], data["reason"]) == ("done", "")
    assert data["results"][0]["top1"] == pytest.approx(14 / 15, abs=1e-4)
    assert data["results"][0]["confusion"]["blue"] == {"red": 1, "blue": 5}
    assert bob_client.get(address).status_code == 404


@pytest.mark.usefixtures("_few")
def test_a_set_that_is_deleted_meanwhile_fails_the_run(ada_client, colours, truth, monkeypatch):
    evaluate = runs.evaluate

    def slowly(task, styles, on_progress):
        LabelSet.objects.all().delete()
        return evaluate(task, styles, on_progress)

    monkeypatch.setattr(runs, "evaluate", slowly)
    run_id = ask(ada_client, colours, truth).json()["id"]
    data = ada_client.get(f"/api/v1/evaluations/{run_id}").json()
    assert data["state"] == "failed"
    assert data["reason"] == "The set “Colours” was deleted while it was evaluated."


@pytest.mark.usefixtures("_few")
def test_a_run_whose_process_ended_goes_on(ada_client, colours, truth, monkeypatch):
    monkeypatch.setattr(runs, "begin", lambda run_id: None)
    run_id = ask(ada_client, colours, truth).json()["id"]
    assert ada_client.get(f"/api/v1/evaluations/{run_id}").json()["state"] == "pending"
    monkeypatch.setattr(runs, "begin", runs.compute)
    ada_client.get(f"/api/v1/evaluations/{run_id}")
    assert ada_client.get(f"/api/v1/evaluations/{run_id}").json()["state"] == "done"


@pytest.mark.usefixtures("_few")
def test_the_sweep_of_a_worker_goes_on_too(ada_client, colours, truth, monkeypatch):
    monkeypatch.setattr(runs, "begin", lambda run_id: None)
    ask(ada_client, colours, truth)
    EvaluationRun.objects.update(state="running", lease_until=timezone.now())
    monkeypatch.setattr(runs, "begin", runs.compute)
    housekeeping.sweep()
    assert EvaluationRun.objects.get().state == "done"


@pytest.mark.usefixtures("_few")
def test_a_run_waits_for_the_model(ada_client, colours, truth, monkeypatch):
    monkeypatch.setattr(runs, "begin", lambda run_id: None)
    run_id = ask(ada_client, colours, truth).json()["id"]
    EmbeddingModel.objects.update(state=EmbeddingModel.State.BUILDING)
    runs.compute(uuid.UUID(run_id))
    assert ada_client.get(f"/api/v1/evaluations/{run_id}").json()["state"] == "pending"
    EmbeddingModel.objects.update(state=EmbeddingModel.State.ACTIVE)
    runs.compute(uuid.UUID(run_id))
    assert ada_client.get(f"/api/v1/evaluations/{run_id}").json()["state"] == "done"


@pytest.mark.usefixtures("_few")
def test_a_run_is_computed_by_one_thread(ada_client, colours, truth):
    run_id = ask(ada_client, colours, truth).json()["id"]
    EvaluationRun.objects.update(state="pending", lease_until=None)
    assert runs._claim(uuid.UUID(run_id))
    assert not runs._claim(uuid.UUID(run_id))


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate_labels", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_reads_a_file_and_writes_one(ada, colours, truth, tmp_path):
    said, out = tmp_path / "truth.csv", tmp_path / "out.csv"
    photos = Photo.objects.in_bulk(list(map(uuid.UUID, truth)))
    rows = [f"{photo.sha256},{truth[str(photo.pk)]}" for photo in photos.values()]
    said.write_text("sha256,label\n" + "\n".join(rows) + "\nnobody.jpg,red\n")
    told = command("Colours", "--truth", str(said), "--csv", str(out), "--styles", "bare")
    assert "93.3%" in told
    assert "1 photo of the truth is not in this gallery: nobody.jpg." in told
    assert "linear probe" in told
    lines = list(csv.DictReader(out.read_text().splitlines()))
    assert len(lines) == 15
    wrong = [line for line in lines if line["label"] != line["bare, colours"]]
    assert [(line["label"], line["bare, colours"]) for line in wrong] == [("blue", "red")]
    assert command(str(colours.pk), "--truth", str(said)).count("colours") == 5


def test_the_command_says_what_is_wrong(ada, bob, colours, truth, tmp_path):
    said = tmp_path / "truth.csv"
    said.write_text("")
    with pytest.raises(CommandError, match="The file is empty"):
        command("Colours", "--truth", str(said))
    with pytest.raises(CommandError, match="There is no label set Zoo"):
        command("Zoo", "--truth", str(said))
    with pytest.raises(CommandError, match="No such file"):
        command("Colours", "--truth", str(tmp_path / "none.csv"))
    LabelSet.objects.create(owner=bob, name="Colours", kind=Kind.ONE_OF)
    with pytest.raises(CommandError, match="--owner"):
        command("Colours", "--truth", str(said))
