"""Sentences that are said once and told in the language of whoever reads them."""

from __future__ import annotations

import copy

import pytest
from django.utils.translation import override

from gallery.models import WorkerStatus
from gallery.sentences import Sentence, joined, said_by, told
from gallery.templatetags.phrases import register

DEVICE = Sentence("EMBEDDING_DEVICE asks for %(device)s.", device="cpu")


def test_it_is_english_until_somebody_reads_it():
    assert DEVICE == "EMBEDDING_DEVICE asks for cpu."
    with override("de"):
        assert DEVICE == "EMBEDDING_DEVICE asks for cpu."
        assert told(DEVICE) != DEVICE
        assert "cpu" in told(DEVICE)
        assert register.filters["told"](DEVICE) == told(DEVICE)


def test_sentences_in_sentences_and_plain_texts_are_told_too():
    why = "there is no NVIDIA GPU with a working driver here"
    outer = Sentence("GPU: none found because %(why)s.", why=why)
    both = joined(outer, "", DEVICE)
    assert both == f"{outer} {DEVICE}"
    with override("de"):
        assert why not in told(both)
        assert told(both) == f"{told(outer)} {told(DEVICE)}"


@pytest.mark.parametrize("text", ["", "100 % free", "{", '{"say":', '{"say":3}', "%(a)s"])
def test_texts_of_any_form_are_told_as_they_are(text):
    assert told(text) == text


@pytest.mark.django_db
@pytest.mark.parametrize("said", [joined(DEVICE, DEVICE), "plain", "", '{"say":'])
def test_a_column_gives_back_what_was_saved(said):
    WorkerStatus.objects.create(name="attic", detail=said)
    WorkerStatus.objects.update_or_create(name="attic", defaults={"device_reason": said})
    kept = WorkerStatus.objects.get()
    with override("fr"):
        assert told(kept.detail) == told(kept.device_reason) == told(said)
    assert kept.detail == said


def test_errors_and_copies_keep_the_sentence():
    assert said_by(ValueError(DEVICE)) is DEVICE
    assert said_by(ValueError("a", "b")) == str(ValueError("a", "b"))
    again = copy.deepcopy(DEVICE)
    with override("es"):
        assert told(again) == told(DEVICE)
