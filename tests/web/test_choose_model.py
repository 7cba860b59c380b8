"""The part of the settings page, and of the API, by which an administrator chooses the model."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from gallery.administrators import is_administrator
from gallery.models import EmbeddingModel
from search.vectors.embedders import folders
from tests.weight_files import CLIP, SIGLIP, header_only, model_folder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("automatic")]

UPLOADS = "/api/v1/model/uploads"


def choose(client: Client, folder: Path | str, **fields: str):
    return client.post("/settings/model", {"folder": str(folder), **fields})


def problem(answer) -> str:
    assert answer.status_code == 400
    return answer.context["choice"]["problem"]


# --- a folder -------------------------------------------------------------------------------------


def test_a_folder_of_the_server_is_chosen(admin, model, tmp_path):
    folder = model_folder(tmp_path / "siglip", SIGLIP)
    answer = choose(admin, folder)
    assert answer.headers["Location"] == "/settings"
    assert folders.chosen() == SIGLIP.key
    assert folders.weights_of(SIGLIP.key) == folder
    page = admin.get("/settings").content.decode()
    assert "SigLIP 2 B/32 is chosen and is being loaded." in page
    assert "SigLIP 2 B/32 was chosen and is being loaded" in page


def test_a_folder_that_holds_the_models_folder_will_do(admin, tmp_path):
    folder = model_folder(tmp_path / CLIP.architecture, CLIP, tokenizer=False)
    choose(admin, tmp_path)
    assert folders.weights_of(CLIP.key) == folder


def test_the_progress_of_the_chosen_model_is_shown(admin, model, tmp_path):
    choose(admin, model_folder(tmp_path / "clip", CLIP))
    EmbeddingModel.objects.create(key=CLIP.key, dim=512)
    shown = admin.get("/settings").context["next"]
    assert (shown["title"], shown["done"], shown["photos"]) == (CLIP.title, 0, 0)


@pytest.mark.parametrize("path", ["", "models", "C:\\models", "/with\0zero"])
def test_a_path_must_be_whole(admin, path):
    assert "whole path" in problem(choose(admin, path))


def test_a_folder_that_does_not_exist_is_refused(admin, tmp_path):
    assert "has no folder" in problem(choose(admin, tmp_path / "none"))


def test_a_file_is_no_folder(admin, tmp_path):
    header_only(tmp_path / "open_clip_model.safetensors", dict(CLIP.signature))
    assert "has no folder" in problem(choose(admin, tmp_path / "open_clip_model.safetensors"))


def test_a_folder_without_weights_is_refused(admin, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"a pickle")
    assert "no weight file" in problem(choose(admin, tmp_path))


def test_weights_of_another_model_are_refused(admin, tmp_path):
    header_only(tmp_path / "w" / "open_clip_model.safetensors", {"some.tensor": (2, 3)})
    assert "no recommended model" in problem(choose(admin, tmp_path / "w"))


def test_weights_that_are_cut_short_are_refused(admin, tmp_path):
    folder = model_folder(tmp_path / "clip", CLIP)
    os.truncate(folder / "open_clip_model.safetensors", 5000)
    assert "cut short" in problem(choose(admin, folder))
    assert folders.chosen() == ""


def test_a_tokenizer_that_is_needed_must_be_there(admin, tmp_path):
    folder = model_folder(tmp_path / "siglip", SIGLIP, tokenizer=False)
    assert "tokenizer.json" in problem(choose(admin, folder))


def test_a_file_of_the_list_must_be_there(admin, tmp_path):
    folder = model_folder(tmp_path / "clip", CLIP)
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  merges.txt\n")
    assert "merges.txt is missing" in problem(choose(admin, folder))


def test_a_folder_that_may_not_be_read_is_refused(admin, tmp_path, monkeypatch):
    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert "Permission denied" in problem(choose(admin, tmp_path))


def test_the_choice_can_be_taken_back(admin, model, tmp_path):
    folder = model_folder(tmp_path / "clip", CLIP)
    choose(admin, folder)
    admin.post("/settings/model", {"automatic": "1"})
    assert folders.chosen() == ""
    assert folders.weights_of(CLIP.key) == folder  # It answers until another model does.


def test_a_model_that_the_environment_names_cannot_be_changed_here(admin, settings, tmp_path):
    settings.EMBEDDING_MODEL = "starter"
    answer = choose(admin, model_folder(tmp_path / "clip", CLIP))
    assert answer.status_code == 409
    assert "EMBEDDING_MODEL" in answer.context["choice"]["problem"]
    assert "name=folder" not in answer.content.decode().replace('"', "")
    begun = post(admin, UPLOADS, {"files": [{"name": "model.safetensors", "size": 9}]})
    assert (begun.status_code, begun.json()["code"]) == (409, "model_is_set")


# --- only administrators --------------------------------------------------------------------------


def test_others_learn_nothing_about_the_server(ada_client, admin, model, tmp_path):
    page = ada_client.get("/settings").content.decode()
    assert "Choose another model" not in page
    there, nowhere = (choose(ada_client, path) for path in (tmp_path, "/none"))
    assert there.status_code == nowhere.status_code == 403
    assert there.content == nowhere.content
    answers = [put(ada_client, "/api/v1/model", {"folder": str(f)}) for f in (tmp_path, "/none")]
    assert answers[0].status_code == answers[1].status_code == 403
    assert answers[0].content == answers[1].content


def test_the_first_account_is_the_administrators(db, monkeypatch):
    for name in ("ada", "bob"):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        call_command("create_owner", name, stdout=io.StringIO())
    users = get_user_model().objects
    assert is_administrator(users.get(username="ada"))
    assert not is_administrator(users.get(username="bob"))


def test_the_first_account_stands_in_where_nobody_is_an_administrator(db):
    users = get_user_model().objects
    first, second = (users.create_user(name) for name in ("zoe", "ada"))
    assert is_administrator(first)
    assert not is_administrator(second)
    # Not even the first account takes over from somebody who is only kept out.
    gone = users.create_superuser("root", is_active=False)
    assert not any(map(is_administrator, (first, second, gone)))
    gone.delete()
    first.is_active = False
    first.save()
    assert not any(map(is_administrator, (first, second)))


def test_a_form_without_its_token_is_refused(db, tmp_path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.create_superuser("root"))
    folder = model_folder(tmp_path / "clip", CLIP)
    assert choose(client, folder).status_code == 403
    assert put(client, "/api/v1/model", {"folder": str(folder)}).status_code == 403
    assert post(client, UPLOADS, {"files": []}).status_code == 403
    assert folders.chosen() == ""


# --- the API --------------------------------------------------------------------------------------


def post(client: Client, path: str, body: object = None):
    return client.post(path, json.dumps(body), content_type="application/json")


def put(client: Client, path: str, body: object):
    return client.put(path, json.dumps(body), content_type="application/json")


def test_programs_choose_a_folder_and_take_it_back(admin, tmp_path):
    folder = model_folder(tmp_path / "clip", CLIP)
    answer = put(admin, "/api/v1/model", {"folder": str(folder)})
    assert answer.json() == {"key": CLIP.key, "title": CLIP.title}
    assert admin.delete("/api/v1/model").status_code == 204
    assert folders.chosen() == ""
    refused = put(admin, "/api/v1/model", {"folder": "/none"})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_weights")
