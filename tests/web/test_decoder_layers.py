"""The settings page says which layers stand around the children that read pictures."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from gallery import decoder_layers, decoders
from gallery.decoding import PoolBusy
from gallery.decoding.answers import LAYERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def hold(monkeypatch):
    """Return a function that decides which layers hold, as another kernel would."""

    def hold(*names):
        layers = decoder_layers.Layers(names)
        monkeypatch.setattr(decoder_layers, "current", lambda: layers)
        monkeypatch.setattr(decoder_layers, "known", lambda: layers)

    return hold


def test_every_layer_has_a_title():
    assert tuple(decoder_layers.TITLES) == LAYERS


def test_a_child_is_asked():
    assert decoder_layers.current().held == decoders.web_decoders(None).layers()
    assert decoder_layers.known() == decoder_layers.current()


def test_no_child_is_no_answer(monkeypatch):
    def busy(self):
        raise PoolBusy

    monkeypatch.setattr(decoders.Decoders, "layers", busy)
    assert decoder_layers.current() is None


def test_a_page_starts_no_child_to_know(admin, monkeypatch):
    monkeypatch.setattr("gallery.decoding.children._known_layers", None)
    decoders.close()
    assert "once it has read one" in admin.get("/settings/workers").content.decode()
    assert decoders._web is None


def test_an_administrator_sees_what_holds(admin, hold):
    hold(*LAYERS)
    assert "7 of 7 layers hold" in admin.get("/settings/workers").content.decode()


def test_an_administrator_sees_what_the_kernel_lacks(admin, hold):
    hold(*(name for name in LAYERS if not name.startswith("landlock")))
    page = admin.get("/settings/workers").content.decode()
    assert "4 of 7 layers hold" in page
    assert "Landlock: it can open no file" in page
    assert "seccomp:" not in page


def test_others_learn_nothing_of_the_machine(ada_client, admin):
    assert "layers hold" not in ada_client.get("/settings/workers").content.decode()


def fsck(capsys, *options):
    with pytest.raises(SystemExit):
        call_command("fsck", *options)
    return capsys.readouterr().out


def test_fsck_says_it_too(hold, capsys):
    hold("no_new_privileges", "seccomp")
    out = fsck(capsys)
    assert "Decoder children: 2 of 7 layers hold. The kernel lacks not_traceable" in out
    report = json.loads(fsck(capsys, "--json"))
    assert report["layers"]["seccomp"] is True
    assert report["layers"]["landlock_files"] is False


def test_fsck_goes_on_without_children(monkeypatch, capsys):
    monkeypatch.setattr(decoder_layers, "current", lambda: None)
    assert "Decoder children: none could be started." in fsck(capsys)
