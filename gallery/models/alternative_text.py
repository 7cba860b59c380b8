"""The text of a photo for people who do not see it."""

from __future__ import annotations

from typing import Any

from django.db import models


class HasAlternativeText(models.Model):
    """A photo, and what stands for its picture where that is not seen."""

    shows = ""
    """What it surely shows, in a few words, once `gallery.alternative_texts.describe` noted it."""
    caption: models.CharField[Any, str]
    name: models.CharField[Any, str]

    class Meta:
        abstract = True

    @property
    def alternative_text(self) -> str:
        """The caption, else what the photo surely shows, else its name."""
        return self.caption or self.shows or self.name
