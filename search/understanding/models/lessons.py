"""Lessons: what a tag is taught by, and the photos that were tagged in bulk because of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models import EmbeddingModel, OwnedQuerySet, Photo, Tag

WORDS_LIMIT = 300
"""Characters of the words that describe a tag."""


class Lesson(models.Model):
    """That a tag is taught.

    `words` describe what it means; where they are empty, the name of the tag does. A `live` tag
    puts itself on photos that surely show it and came after `live_since`.
    """

    counts_for_quota = True
    tag = models.OneToOneField(Tag, models.CASCADE, primary_key=True, related_name="lesson")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    words = models.CharField(max_length=WORDS_LIMIT, blank=True)
    live = models.BooleanField(default=False)
    live_since = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField(default=timezone.now)

    objects = OwnedQuerySet["Lesson"].as_manager()

    def __str__(self) -> str:
        return str(self.tag_id)

    @property
    def text(self) -> str:
        """What the tag means, in words."""
        return self.words or self.tag.name


class Example(models.Model):
    """A person's answer whether a photo shows what a tag means; it outlives every model.

    A yes may be about a part of the photo: `box` is its left, top, width and height as fractions
    of the sides, None for the whole. `moved` tells that the answer itself put the tag on the
    photo, or took it off, which is undone with it.
    """

    lesson = models.ForeignKey(Lesson, models.CASCADE, related_name="examples")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    yes = models.BooleanField()
    box = models.JSONField(null=True, blank=True)
    moved = models.BooleanField(default=False)
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lesson", "photo"], name="one_example_a_photo")
        ]

    def __str__(self) -> str:
        return f"{self.photo_id} {'yes' if self.yes else 'no'}"


class TaggingAct(models.Model):
    """That a tag was put on many photos at once, which can be undone."""

    class By(models.TextChoices):
        PERSON = "person", _("accepted by you")
        LIVE = "live", _("added by the live tag")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    lesson = models.ForeignKey(Lesson, models.CASCADE, related_name="acts")
    by = models.CharField(max_length=10, choices=By.choices)
    done_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet["TaggingAct"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-done_at", "-id"], name="tagging_act_newest")]

    def __str__(self) -> str:
        return f"{self.lesson_id} {self.by}"


class TaggedInBulk(models.Model):
    """A photo that got a tag by an act, and not because a person looked at it."""

    act = models.ForeignKey(TaggingAct, models.CASCADE, related_name="photos")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["act", "photo"], name="once_tagged_by_an_act")
        ]

    def __str__(self) -> str:
        return str(self.photo_id)


class ExampleVector(models.Model):
    """The embedding of an example's box (float32, little-endian), made again when it is missing."""

    example = models.ForeignKey(Example, models.CASCADE, related_name="vectors")
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+")
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["example", "model"], name="one_vector_of_an_example")
        ]

    def __str__(self) -> str:
        return str(self.example_id)


class WordsVector(models.Model):
    """The embedding of a lesson's words (float32, little-endian), made again when it is missing."""

    lesson = models.ForeignKey(Lesson, models.CASCADE, related_name="vectors")
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+")
    text = models.CharField(max_length=WORDS_LIMIT)
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lesson", "model"], name="one_vector_of_a_lesson")
        ]

    def __str__(self) -> str:
        return self.text
