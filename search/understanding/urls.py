"""The pages of what Scry says it sees."""

from __future__ import annotations

from django.urls import path

from search.understanding.views import (
    best,
    evaluations,
    labels,
    lessons,
    sensitive,
    sentences,
    themes,
)

urlpatterns = [
    path("labels", labels.sets, name="label-sets"),
    path("labels/<uuid:set_id>", labels.label_set, name="label-set"),
    path("labels/<uuid:set_id>/change", labels.change_set, name="change-label-set"),
    path("labels/<uuid:set_id>/<uuid:label_id>", labels.label, name="label"),
    path("labels/<uuid:set_id>/<uuid:label_id>/answer", labels.answer, name="answer-label"),
    path("labels/<uuid:set_id>/<uuid:label_id>/change", labels.change_label, name="change-label"),
    path("photos/<uuid:photo_id>/labels", labels.labels_of_photo, name="photo-labels"),
    path("photos/<uuid:photo_id>/sentences", sentences.sentences, name="sentences"),
    path("evaluations", evaluations.evaluations, name="evaluations"),
    path("evaluations/<uuid:run_id>", evaluations.evaluation, name="evaluation"),
    path(
        "evaluations/<uuid:run_id>/photos", evaluations.evaluation_photos, name="evaluation-photos"
    ),
    path("evaluations/<uuid:run_id>/csv", evaluations.evaluation_csv, name="evaluation-csv"),
    path("evaluations/<uuid:run_id>/use", evaluations.use_style, name="use-style"),
    path(
        "evaluations/<uuid:run_id>/remove", evaluations.remove_evaluation, name="remove-evaluation"
    ),
    path("teach", lessons.lessons, name="lessons"),
    path("teach/acts/<uuid:act_id>/undo", lessons.undo, name="undo-tagging"),
    path("teach/<str:name>", lessons.lesson, name="lesson"),
    path("teach/<str:name>/strip", lessons.strip, name="lesson-strip"),
    path("teach/<str:name>/answer", lessons.answer, name="lesson-answer"),
    path("teach/<str:name>/accept", lessons.accept, name="lesson-accept"),
    path("teach/<str:name>/change", lessons.change, name="lesson-change"),
    path("best", best.best, name="best"),
    path("sensitive", sensitive.page, name="sensitive"),
    path("sensitive/decide", sensitive.decide, name="decide-sensitive"),
    path("sensitive/undo", sensitive.undo, name="undo-sensitive"),
    path("sensitive/kinds", sensitive.change_kind, name="change-sensitive-kind"),
    path("map", themes.map_page, name="map"),
    path("map/draw", themes.draw, name="draw-map"),
    path("themes", themes.themes, name="themes"),
    path("themes/<int:level>/<uuid:photo_id>", themes.theme, name="theme"),
    path("themes/<int:level>/<uuid:photo_id>/rename", themes.rename, name="rename-theme"),
]
