"""The settings: who finds which page, space and quotas, import folders, choice of models."""

from __future__ import annotations

import os
import re

import pytest
from django.core.cache import cache
from huggingface_hub import constants

from gallery import quotas, space
from gallery.backup import history
from gallery.models import AccountQuota, EmbeddingModel, ExternalFolder, Viewer, WorkerStatus
from gallery.sentences import Sentence
from search.vectors.embedders import downloads, folders
from tests.web.test_api_photos import picture, upload
from tests.web.test_pages import text
from tests.weight_files import CLIP, SIGLIP, model_folder

pytestmark = pytest.mark.django_db

YOURS = ["/account", "/account/appearance"]
MEMBERS = [*YOURS, "/settings/storage", "/jobs", "/problems", "/settings"]
ALL = [*MEMBERS, "/people", "/settings/folders", "/settings/workers", "/settings/backups"]


def listed(client) -> list[str]:
    page = client.get("/account").text
    names = page.partition('class="settings-list"')[2].partition("</nav>")[0]
    return re.findall(r'href="([^"]+)"', names)


def test_each_person_finds_what_concerns_them(admin, ada, ada_client):
    assert listed(ada_client) == MEMBERS
    assert listed(admin) == ALL
    Viewer.objects.create(user=ada)
    assert listed(ada_client) == YOURS


@pytest.mark.parametrize("path", [*ALL, "/account/activity", "/originals", "/settings/models"])
def test_each_page_says_where_it_is_and_what_it_is_for(admin, model, path):
    page = admin.get(path).text
    assert page.count('<nav class="settings-list"') == 1
    assert len(re.findall('<p class="lead">\\s*\\S', page)) >= 1
    names = page.partition('class="settings-list"')[2].partition("</nav>")[0]
    assert names.count("aria-current") == 1


# --- space and quotas -----------------------------------------------------------------------------


def test_a_worker_measures_what_takes_space(admin, ada, ada_client, model):
    assert "A worker measures" in text(admin.get("/settings/storage"))
    upload(ada_client, picture())
    assert space.is_due()
    measured = space.measure(lambda: False)
    assert not space.is_due()
    assert space.last_measured() == measured
    assert measured.bytes["originals"] > 0
    assert measured.bytes["database"] >= 0
    assert measured.of(ada.pk)[1] == 1
    page = text(admin.get("/settings/storage"))
    assert "What takes the space" in page
    assert "Measured" in page
    assert "ada" in page
    own = text(ada_client.get("/settings/storage"))
    assert "What takes the space" not in own
    assert "Quotas" not in own.partition('class="settings-page"')[2].replace("and quotas", "")


def test_measuring_follows_no_link_and_stops_when_asked(data_dir, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").write_bytes(os.urandom(1 << 20))
    (data_dir / "models").mkdir(exist_ok=True)
    (data_dir / "models" / "link").symlink_to(tmp_path / "elsewhere")
    assert space.measure(lambda: False).bytes["models"] < 1 << 20
    monkeypatch.setattr(space, "_REST_AFTER", 1)
    monkeypatch.setattr(space, "_REST_SECONDS", 0.0)
    with pytest.raises(space.Stopped):
        space.measure(lambda: True)


def test_an_administrator_sets_a_quota(admin, ada):
    path = f"/settings/storage/{ada.pk}/quota"
    admin.post(path, {"mb": "5"})
    assert quotas.quota_of(ada.pk).bytes == 5 << 20
    admin.post(path, {"mb": ""})
    assert AccountQuota.objects.get().bytes is None
    for wrong in ("-1", "x", "9" * 40, "0" * 30 + "1", "٣"):
        assert admin.post(path, {"mb": wrong}).status_code == 400
    assert admin.post("/settings/storage/999999/quota", {"mb": "1"}).status_code == 404


# --- import folders -------------------------------------------------------------------------------


@pytest.fixture
def root(settings, tmp_path):
    settings.IMPORT_ROOTS = [tmp_path / "allowed"]
    (tmp_path / "allowed" / "summer").mkdir(parents=True)
    return tmp_path / "allowed"


def add(client, path):
    cache.clear()
    return client.post("/settings/folders", {"path": str(path)})


def test_a_folder_below_an_allowed_one_is_added(admin, root):
    assert add(admin, root / "summer").status_code == 302
    folder = ExternalFolder.objects.get()
    assert folder.root == root / "summer"
    assert folder.owner == admin.get("/account").wsgi_request.user
    page = text(admin.get("/settings/folders"))
    assert str(root / "summer") in page
    assert "not looked into yet" in page


def test_nothing_else_on_the_server_can_be_named(admin, root, tmp_path):
    (tmp_path / "secret").mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "summer" / "up").symlink_to("..")
    inside = "Give the whole path of a folder inside"
    outside = [
        tmp_path / "secret", tmp_path, "/", "/etc", "summer", "", f"{root}/../secret",
        f"{root}/summer/../../secret", root / "link", root / "summer" / "up", f"{root}\0",
        f"{root}x", tmp_path / "nowhere", "~", f"{root}/link/../summer",
    ]  # fmt: skip
    for path in outside:
        answer = add(admin, path)
        assert answer.status_code == 400, path
        assert inside in answer.context["problem"], path
    for path in (root / "nowhere", f"{root}/{'x' * 300}"):
        answer = add(admin, path)
        assert answer.status_code == 400
        assert "no folder at this path" in answer.context["problem"]
    assert not ExternalFolder.objects.exists()


def test_without_allowed_folders_the_page_names_the_command(admin, tmp_path):
    page = text(admin.get("/settings/folders"))
    assert "IMPORT_ROOTS" in page
    assert "import_folder" in page
    assert add(admin, tmp_path).status_code == 400
    assert not ExternalFolder.objects.exists()


# --- backups and workers --------------------------------------------------------------------------


def test_the_page_of_backups_says_when_and_where(admin):
    assert "BACKUP_TARGET" in text(admin.get("/settings/backups"))
    history.remember_target("/mnt/backup")
    history.remember_run(made=False, sentence="The disk is away.")
    page = text(admin.get("/settings/backups"))
    assert "/mnt/backup" in page
    assert "The disk is away." in page


def test_what_a_worker_said_is_told_in_the_readers_language(admin):
    reason = Sentence("EMBEDDING_DEVICE asks for %(device)s.", device="cuda:1")
    WorkerStatus.objects.create(name="attic:7", device="cuda:1", device_reason=reason)
    german = {"Accept-Language": "de"}
    pages = [admin.get("/settings/workers", headers=told) for told in ({}, german)]
    assert str(reason) in text(pages[0])
    assert str(reason) not in text(pages[1])
    said = admin.get("/api/v1/jobs", headers=german).json()["workers"][0]
    assert said["device_reason"] in text(pages[1])


# --- search quality -------------------------------------------------------------------------------


@pytest.fixture
def online(settings, monkeypatch, tmp_path):
    settings.EMBEDDING_MODEL = "auto"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def download(client, **fields):
    return client.post("/settings/model/download", fields)


def test_an_administrator_asks_for_a_download_and_cancels_it(online, admin, model):
    assert "Download and use" in text(admin.get("/settings"))
    assert download(admin, model=SIGLIP.key).status_code == 302
    assert downloads.current().model == SIGLIP
    page = admin.get("/settings")
    assert "Waiting for a worker" in text(page)
    assert 'hx-get="/settings"' in text(page)
    part = admin.get("/settings", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div id="quality"')
    download(admin, cancel="1")
    assert downloads.current() is None


def test_only_known_models_are_downloaded(online, admin, model):
    for key in ("", "starter", "../x", "ViT-H-14/laion2b"):
        assert download(admin, model=key).status_code == 404
    assert downloads.current() is None


def test_where_the_network_is_forbidden_nothing_is_downloaded(online, admin, model, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    page = text(admin.get("/settings"))
    assert "HF_HUB_OFFLINE" in page
    assert "Download and use" not in page
    assert download(admin, model=SIGLIP.key).status_code == 409
    assert downloads.current() is None
    model_folder(folders.own() / CLIP.architecture, CLIP)
    assert "Use it" in text(admin.get("/settings"))
    download(admin, model=CLIP.key)
    assert folders.chosen() == CLIP.key


def test_a_model_that_is_set_leaves_no_choice(online, admin, model, settings):
    settings.EMBEDDING_MODEL = "colours"
    assert download(admin, model=SIGLIP.key).status_code == 409
    assert "Download and use" not in text(admin.get("/settings"))


def test_members_read_the_quality_and_choose_nothing(online, admin, ada_client, model):
    page = text(ada_client.get("/settings"))
    assert "In use now" in page
    assert "Download and use" not in page
    assert download(ada_client, model=SIGLIP.key).status_code == 403


def test_the_time_of_a_change_comes_from_the_measured_speed(online, admin, ada_client, model):
    page = text(admin.get("/settings"))
    assert "once it has measured this machine" in page
    upload(ada_client, picture())
    EmbeddingModel.objects.update(key=CLIP.key, photos_per_second=0.01)
    cards = {card.model.title: card for card in admin.get("/settings").context["cards"]}
    assert cards["SigLIP 2 B/32"].seconds == 100
    assert cards["SigLIP 2 B/16"].seconds == 301
    assert cards["Starter"].seconds == 100, "none is taken to be quicker than measured"
    assert cards["CLIP B/32 DataComp"].is_active
