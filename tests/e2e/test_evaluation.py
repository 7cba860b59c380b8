"""Sentences beside a photo, and an evaluation whose cells open photos, in a real browser."""

from __future__ import annotations

import subprocess
import sys

from tests.e2e.conftest import ROOT

MAKE_SET = """
from django.contrib.auth import get_user_model
from search.understanding.models import Label, LabelSet
owner = get_user_model().objects.get(username="{name}")
made = LabelSet.objects.create(owner=owner, name="Colours", kind="one_of")
for place, name in enumerate(["red", "green", "blue"]):
    Label.objects.create(set=made, name=name, position=place)
"""


def make_set(gallery, name: str) -> None:
    script = MAKE_SET.format(name=name)
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT, env=gallery.environment, check=True,
    )  # fmt: skip


def test_sentences_are_compared_beside_the_photo(owner, uploaded):
    uploaded("sentences", "red")
    owner.open_lightbox("sentences-red.png")
    owner.press("i")
    owner.click(".drawer .sentences-open summary")
    owner.fill(".drawer .sentences textarea", "a green house\na red house")
    owner.click(".drawer .sentences button")
    owner.until(lambda: len(owner.all(".sentence-bars li")) == 2)
    owner.says(".sentence-bars li", "a red house")
    owner.says(".sentence-share", "%")


def test_an_evaluation_opens_what_was_mistaken(owner, gallery, uploaded, tmp_path):
    uploaded("evaluated", "red", "green", "blue")
    make_set(gallery, owner.account)
    said = tmp_path / "truth.csv"
    said.write_text("evaluated-red.png,red\nevaluated-green.png,green\nevaluated-blue.png,red\n")
    owner.open("/evaluations")
    owner.click("[value=file]")
    owner.one("[name=file]").send_keys(str(said))
    owner.click(".evaluate button.primary")
    owner.until(lambda: owner.all(".evaluation-columns tbody tr"))
    owner.says(".evaluation-columns", "66.6 %")
    owner.run(
        "window.saved = [];"
        "HTMLAnchorElement.prototype.click = function () { saved.push(this.download) }"
    )
    owner.click("[data-save-confusion]")
    owner.until(lambda: owner.run("return window.saved.join()").endswith(".png"))
    owner.follow(".confusion .wrong a")
    owner.says("h1", "red, taken for blue")
    assert len(owner.all("#photos figure, #photos .tile")) == 1
