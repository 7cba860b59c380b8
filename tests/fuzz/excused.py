"""What is refused though it fits the description, because no description can say it.

By operation: the codes of such answers, or sentences of them, as regular expressions. A refusal
that is not named here is a fault: of the description, or of what refuses.
"""

from __future__ import annotations

import re

# A query is a text in a language: brackets, quotes, weights, filters and their values.
_QUERY = (
    "bad_characters|bad_filter|bad_part|bad_vector|bad_weight|query_empty|query_too_long|"
    "terms_cancel|too_many_filters|too_many_terms|unknown_filter|unknown_photo|unknown_picture|"
    "word_too_long"
)
# Months have 28 to 31 days, zones have names, and which date a photo gets depends on the photo.
_DATES = "bad_date"
# Labels are different whatever their case, and lie below others of the set, in no circle.
_LABELS = "is there twice|is not in the set|lies below itself"
# A photo is in one list only, and only photos of `yes` have boxes, which are not too small.
_EXAMPLES = "both an example and a counter-example|can have a box|bad_box|too small"
# tus says in headers what is sent, and the description does not name them.
_TUS = "bad_version|bad_parameter"

EXCUSED = {
    "POST /api/v1/uploads": _TUS,
    "PATCH /api/v1/uploads/{upload_id}": _TUS,
    "DELETE /api/v1/uploads/{upload_id}": _TUS,
    "GET /api/v1/search": _QUERY,
    "GET /api/v1/search/facets": _QUERY,
    "GET /api/v1/photos/{photo_id}/why": _QUERY,
    "POST /api/v1/searches": _QUERY,
    "PATCH /api/v1/searches/{saved_id}": _QUERY,
    "POST /api/v1/photos/dates": _DATES,
    "POST /api/v1/photos/dates/preview": _DATES,
    "POST /api/v1/label-sets": _LABELS,
    "PATCH /api/v1/label-sets/{set_id}": _LABELS,
    "PATCH /api/v1/label-sets/{set_id}/labels/{label_id}": _LABELS,
    "POST /api/v1/tags/{name}/examples": _EXAMPLES,
    # A photo is in one of three lists only.
    "POST /api/v1/label-sets/{set_id}/labels/{label_id}/verdicts": "can have one answer only",
    # The truth is about photos and labels that there are.
    "POST /api/v1/evaluations": "no_truth",
    # OpenAPI cannot say that of three parameters one is given.
    "GET /api/v1/best": "Give an album, a day or a photo",
    # Nor that the form of one parameter depends on another one.
    "GET /api/v1/sensitive": "The cursor is not one",
    # The cover is one of the photos.
    "POST /api/v1/stacks": "cover must be one of ids",
    "POST /api/v1/stacks/{stack_id}/cover": "id must name a photo of this stack",
    "POST /api/v1/duplicates/{group_id}/resolve": "nothing_kept",
    # A file is bytes to a description.
    "POST /api/v1/photos": "empty|unsupported_type",
    "POST /api/v1/search/by-image": "empty|unsupported_type",
    # It depends on what time it is, and OpenAPI cannot say that of two parameters one is given.
    "POST /api/v1/shares/links": "would have expired already|Give either album or search",
    "PATCH /api/v1/shares/links/{link_id}": "would have expired already",
    "PATCH /api/v1/shares/members/{member_id}": "would have expired already",
    "POST /api/v1/shares/members": "would have expired already|Give either album or search",
}


def is_excused(operation: str, code: str, message: str) -> bool:
    """Tell whether an operation may refuse what fits its description so."""
    pattern = EXCUSED.get(operation)
    if pattern is None:
        return False
    return bool(re.fullmatch(pattern, code) or re.search(pattern, message))
