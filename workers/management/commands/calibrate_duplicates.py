"""`manage.py calibrate_duplicates`: how close duplicates are in the active model's space."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from gallery.models import EmbeddingModel
from gallery.system_checks import BEFORE_COMMANDS
from search.vectors.embedders.base import ModelUnavailable
from workers import compare_photos, look_ahead


class Command(BaseCommand):
    help = (
        "Measure on the gallery's own photos how close duplicates are for the active model. "
        "It applies to new photos at once, and to all others with find_duplicates --again."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--photos",
            type=int,
            default=compare_photos.STRANGERS,
            help="look at no more photos than this",
        )
        parser.add_argument("--forget", action="store_true", help="use default thresholds again")

    def handle(self, *args: Any, **options: Any) -> None:
        model = EmbeddingModel.objects.active()
        if model is None:
            raise CommandError("No model is active yet. Start the gallery once, then try again.")
        if options["forget"]:
            EmbeddingModel.objects.filter(pk=model.pk).update(thresholds={})
            self.stdout.write(f"What was measured for {model.key} is forgotten.")
            return
        try:
            compare_photos.calibrate(model, strangers=options["photos"])
        except (ValueError, ModelUnavailable) as error:
            raise CommandError(str(error)) from error
        finally:
            look_ahead.close()
        for name, value in model.thresholds.items():
            self.stdout.write(f"{name:10} {value:.3f}")
        self.stdout.write(
            f"Photos of {model.key} are judged by this from now on. "
            "To judge those again that were compared before: manage.py find_duplicates --again"
        )
