"""What came out of an evaluation, in the forms in which scripts, pages and spreadsheets read it."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gallery.models import Photo
from gallery.models.photo_library import User
from gallery.slices import slices
from search.understanding.evaluation import scoring

Report = Mapping[str, Any]


def columns(report: Report) -> list[dict[str, Any]]:
    """Return all columns, the one as Scry labels last."""
    extra = report.get("labelled")
    return [*report["columns"], *([extra] if extra else [])]


def cells(report: Report, column: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """Return the cells of a column's confusion matrix that are not 0: truth, said, photos."""
    said, truth = np.array(column["predicted"], np.intp), np.array(report["truth"], np.intp)
    there = said >= 0
    return scoring.confusion(said[there], truth[there])


def results(report: Report) -> dict[str, Any]:
    """Return the report as the API gives it, with labels by name."""
    names = report["labels"]

    def told(column: Mapping[str, Any]) -> dict[str, Any]:
        confusion: dict[str, dict[str, int]] = {}
        for right, said, count in cells(report, column):
            confusion.setdefault(names[right], {})[names[said]] = count
        known = {"style", "model", "count", "top1", "top3", "top5", "intervals"}
        per_label = {
            name: figures
            for name, figures in zip(names, column["per_label"], strict=True)
            if figures["count"]
        }
        kept = {key: column[key] for key in column if key in known}
        return kept | {"per_label": per_label, "confusion": confusion}

    labelled = report.get("labelled")
    return {
        "results": [told(column) for column in report["columns"]],
        "labelled": told(labelled) if labelled else None,
        "probe": report.get("probe"),
        "unread": report.get("unread", []),
    }


def photos_of(report: Report, column: Mapping[str, Any], right: int, said: int) -> list[uuid.UUID]:
    """Return the photos of a cell of a column's confusion matrix."""
    return [
        uuid.UUID(hex=photo)
        for photo, truth, predicted in zip(
            report["photos"], report["truth"], column["predicted"], strict=True
        )
        if truth == right and predicted == said
    ]


def csv_lines(user: User, report: Report) -> Iterator[str]:
    """Yield a line for each photo: what it is, and what each column says."""
    names, shown = report["labels"], columns(report)
    heads = [f"{column['style']}, {column['model']}" for column in report["columns"]]
    if len(shown) > len(heads):
        heads.append(f"as Scry labels, {shown[-1]['model']}")
    yield _line(["photo", "file", "sha256", "label", *heads])
    places = {photo: place for place, photo in enumerate(report["photos"])}
    for batch in slices(places, 1000):
        own = Photo.objects.visible_to(user).in_bulk([uuid.UUID(hex=photo) for photo in batch])
        for photo in own.values():
            place = places[photo.pk.hex]
            said = [column["predicted"][place] for column in shown]
            right = names[report["truth"][place]]
            named = [names[label] if label >= 0 else "" for label in said]
            yield _line([str(photo.pk), photo.name, photo.sha256, right, *named])


def _line(cells: list[str]) -> str:
    """Return a line of CSV in which no cell is a formula to a spreadsheet."""
    written = io.StringIO()
    csv.writer(written).writerow(
        [f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell for cell in cells]
    )
    return written.getvalue()
