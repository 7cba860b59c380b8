"""The route matrix: who gets what from every address. A new route without a line fails."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from gallery.models import ApiToken, EmbeddingModel
from tests.external import body
from tests.web.test_api_photos import picture, upload

pytestmark = pytest.mark.django_db

OPEN = "open"  # answers anybody
SIGN_IN = "sign-in"  # sends a stranger to the sign-in page
KEY = "key"  # answers a stranger with 401
ADMIN = "admin"  # as SIGN_IN, and everybody but an administrator gets 403
ADMIN_KEY = "admin+key"  # as KEY, with the same 403
OWN = "own"  # as SIGN_IN, and another person's photo is the same 404 as an unknown one
OWN_FILE = "own+file"  # as OWN, and a program with a token gets it too, or 401
OWN_KEY = "own+key"  # as KEY, with the same 404
MEMBERS = "members"  # as OWN_FILE, and members of a shared set get it; test_sharing_routes.py
LINK = "link"  # answers whoever has the address, and everybody else with one 404

FILE = {"name": "model.safetensors", "size": 9}

# Every route, with the methods it answers and who may use it.
MATRIX: dict[str, tuple[str, str]] = {
    "": ("GET", SIGN_IN),
    "healthz": ("GET", OPEN),
    "readyz": ("GET", OPEN),
    "sign-in": ("GET", OPEN),
    "sign-in/openid": ("POST", OPEN),  # 404 without OIDC_ISSUER, which test_openid.py is about
    "sign-in/openid/back": ("GET", OPEN),
    "join/openid": ("POST", OPEN),
    "sign-in/passkey/begin": ("POST", OPEN),
    "sign-in/passkey": ("POST", OPEN),
    "sign-out": ("POST", OPEN),
    **dict.fromkeys(("manifest.webmanifest", "service-worker.js", "offline"), ("GET", OPEN)),
    **dict.fromkeys(("share", "calendar", "calendar/<str:day>"), ("GET", SIGN_IN)),
    "welcome": ("GET", OPEN),
    "join": ("GET", OPEN),
    "forgot": ("GET", OPEN),
    "reset": ("GET", OPEN),
    "account": ("GET", SIGN_IN),
    **dict.fromkeys(("account/address", "account/appearance"), ("POST", SIGN_IN)),
    "account/code/begin": ("POST", SIGN_IN),
    "account/code/confirm": ("POST", SIGN_IN),
    "account/code/off": ("POST", SIGN_IN),
    "sign-in/code": ("GET", OPEN),
    "account/code/recovery": ("POST", SIGN_IN),
    "account/passkeys/begin": ("POST", SIGN_IN),
    "account/passkeys": ("POST", SIGN_IN),
    "account/passkeys/<uuid:passkey_id>/remove": ("POST", OWN),
    "account/openid/link": ("POST", SIGN_IN),
    "account/openid/unlink": ("POST", SIGN_IN),
    "account/password": ("POST", SIGN_IN),
    "account/sessions/end": ("POST", SIGN_IN),
    "account/tokens": ("POST", SIGN_IN),
    "account/tokens/<int:token_id>/revoke": ("POST", OWN),
    "account/activity": ("GET", SIGN_IN),
    "people": ("GET", ADMIN),
    "people/invite": ("POST", ADMIN),
    "people/invitations/<uuid:invitation_id>/withdraw": ("POST", ADMIN),
    "people/<int:user_id>/change": ("POST", ADMIN),
    "javascript-catalog.js": ("GET", OPEN),
    "metrics": ("GET", OPEN),  # 404 without METRICS_TOKEN, which test_metrics.py is about
    "settings": ("GET", SIGN_IN),
    "settings/model": ("POST", ADMIN),
    "settings/models": ("GET", ADMIN),
    "settings/models/switch": ("POST", ADMIN),
    "problems": ("GET", SIGN_IN),
    "originals": ("GET", SIGN_IN),
    "jobs": ("GET", SIGN_IN),
    "jobs/pause": ("POST", ADMIN),
    "jobs/resume": ("POST", ADMIN),
    "jobs/retry": ("POST", SIGN_IN),
    "jobs/check": ("POST", ADMIN),
    "status-strip": ("GET", SIGN_IN),
    "upload": ("GET", SIGN_IN),
    "search": ("GET", SIGN_IN),
    "search/by-image": ("POST", SIGN_IN),
    "search/pictures/<uuid:picture_id>": ("GET", OWN),
    "search/facets": ("GET", SIGN_IN),
    "search/filters": ("GET", SIGN_IN),
    "search/suggest": ("GET", SIGN_IN),
    "search/forget": ("POST", SIGN_IN),
    "searches": ("POST", SIGN_IN),
    "searches/<uuid:saved_id>": ("GET", OWN),
    "searches/<uuid:saved_id>/change": ("POST", OWN),
    "photos/<uuid:photo_id>/why": ("GET", OWN),
    "photos/zip": ("POST", SIGN_IN),
    "photos/<uuid:photo_id>": ("GET", OWN),
    "photos/<uuid:photo_id>/thumbnail": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/preview": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/original": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/video": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/companions/<uuid:companion_id>": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/similar": ("GET", OWN),
    "photos/<uuid:photo_id>/delete": ("POST", OWN),
    "photos/<uuid:photo_id>/retry": ("POST", OWN),
    "photos/<uuid:photo_id>/mark": ("POST", OWN),
    "photos/<uuid:photo_id>/date": ("GET", OWN),
    "photos/dates/undo": ("POST", SIGN_IN),
    "photos/<uuid:photo_id>/duplicates": ("GET", OWN),
    "labels": ("GET", SIGN_IN),
    "labels/<uuid:set_id>": ("GET", OWN),
    "labels/<uuid:set_id>/change": ("POST", OWN),
    "labels/<uuid:set_id>/<uuid:label_id>": ("GET", OWN),
    "labels/<uuid:set_id>/<uuid:label_id>/answer": ("POST", OWN),
    "labels/<uuid:set_id>/<uuid:label_id>/change": ("POST", OWN),
    "photos/<uuid:photo_id>/labels": ("GET", OWN),
    "photos/<uuid:photo_id>/sentences": ("GET", OWN),
    "evaluations": ("GET", SIGN_IN),
    "evaluations/<uuid:run_id>": ("GET", OWN),
    "evaluations/<uuid:run_id>/photos": ("GET", OWN),
    "evaluations/<uuid:run_id>/csv": ("GET", OWN),
    "evaluations/<uuid:run_id>/use": ("POST", OWN),
    "evaluations/<uuid:run_id>/remove": ("POST", OWN),
    "albums": ("GET", SIGN_IN),
    "albums/<uuid:album_id>": ("GET", OWN),
    "albums/<uuid:album_id>/change": ("POST", OWN),
    "albums/<uuid:album_id>/share": ("GET", OWN),
    "searches/<uuid:saved_id>/share": ("GET", OWN),
    "shared": ("GET", SIGN_IN),
    "shared/<uuid:shared_id>": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/photos.json": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/photos/<uuid:photo_id>": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/photos/<uuid:photo_id>/thumbnail": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/photos/<uuid:photo_id>/preview": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/photos/<uuid:photo_id>/video": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/photos/<uuid:photo_id>/download": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/zip": ("GET", MEMBERS),
    "shared/<uuid:shared_id>/leave": ("POST", OWN),
    "shared/<uuid:shared_id>/add": ("POST", OWN),
    "shared/<uuid:shared_id>/take-out": ("POST", OWN),
    "s/<str:secret>": ("GET", LINK),
    "s/<str:secret>/unlock": ("POST", LINK),
    "s/<str:secret>/photos.json": ("GET", LINK),
    "s/<str:secret>/photos/<uuid:photo_id>": ("GET", LINK),
    "s/<str:secret>/photos/<uuid:photo_id>/thumbnail": ("GET", LINK),
    "s/<str:secret>/photos/<uuid:photo_id>/preview": ("GET", LINK),
    "s/<str:secret>/photos/<uuid:photo_id>/video": ("GET", LINK),
    "s/<str:secret>/photos/<uuid:photo_id>/download": ("GET", LINK),
    "s/<str:secret>/zip": ("GET", LINK),
    "api/v1/shares": ("GET", KEY),
    "api/v1/shares/members": ("POST", KEY),
    "api/v1/shares/members/<uuid:member_id>": ("DELETE", OWN_KEY),
    "api/v1/shares/links": ("POST", KEY),
    "api/v1/shares/links/<uuid:link_id>": ("DELETE", OWN_KEY),
    "api/v1/shares/<uuid:shared_id>/release": ("POST", KEY),
    "api/v1/shares/<uuid:shared_id>/photos": ("POST", KEY),
    "best": ("GET", SIGN_IN),
    "favourites": ("GET", SIGN_IN),
    "tags/<str:name>": ("GET", SIGN_IN),
    "stacks": ("POST", SIGN_IN),
    "stacks/<uuid:stack_id>": ("GET", OWN),
    "stacks/<uuid:stack_id>/unstack": ("POST", OWN),
    "trash": ("GET", SIGN_IN),
    "trash/restore": ("POST", SIGN_IN),
    "trash/empty": ("POST", SIGN_IN),
    "trash/<uuid:photo_id>/thumbnail": ("GET", OWN_FILE),
    "trash/<uuid:photo_id>/preview": ("GET", OWN_FILE),
    "duplicates": ("GET", SIGN_IN),
    "duplicates/progress": ("GET", SIGN_IN),
    "duplicates/find": ("POST", SIGN_IN),
    "duplicates/criteria": ("POST", SIGN_IN),
    "duplicates/resolve": ("POST", SIGN_IN),
    "duplicates/history": ("GET", SIGN_IN),
    "duplicates/history/<uuid:batch>/undo": ("POST", OWN),
    "duplicates/<uuid:group_id>/resolve": ("POST", OWN),
    "teach": ("GET", SIGN_IN),
    "teach/acts/<uuid:act_id>/undo": ("POST", SIGN_IN),
    "teach/<str:name>": ("GET", SIGN_IN),
    "teach/<str:name>/strip": ("GET", SIGN_IN),
    "teach/<str:name>/answer": ("POST", SIGN_IN),
    "teach/<str:name>/accept": ("POST", SIGN_IN),
    "teach/<str:name>/change": ("POST", SIGN_IN),
    "api/v1/openapi.json": ("GET", OPEN),
    "api/v1/docs": ("GET", OPEN),
    "api/v1/": ("GET", OPEN),
    "api/v1/photos": ("GET", KEY),
    "api/v1/photos/<uuid:photo_id>/quality": ("GET", OWN_KEY),
    "api/v1/best": ("GET", KEY),
    "api/v1/photos/<uuid:photo_id>": ("GET", OWN_KEY),
    "api/v1/photos/<uuid:photo_id>/why": ("GET", OWN_KEY),
    "api/v1/photos/<uuid:photo_id>/match": ("POST", OWN_KEY),
    "api/v1/evaluations": ("POST", KEY),
    "api/v1/evaluations/<uuid:run_id>": ("GET", OWN_KEY),
    "api/v1/photos/trash": ("POST", KEY),
    "api/v1/photos/dates": ("POST", KEY),
    "api/v1/photos/dates/preview": ("POST", KEY),
    "api/v1/photos/dates/undo": ("POST", KEY),
    "api/v1/trash": ("GET", KEY),
    "api/v1/trash/restore": ("POST", KEY),
    "api/v1/trash/<uuid:photo_id>": ("DELETE", OWN_KEY),
    "api/v1/photos/<uuid:photo_id>/similar": ("GET", OWN_KEY),
    "api/v1/albums": ("GET", KEY),
    "api/v1/albums/<uuid:album_id>": ("GET", OWN_KEY),
    "api/v1/albums/<uuid:album_id>/photos": ("POST", KEY),
    "api/v1/favourites": ("POST", KEY),
    "api/v1/ratings": ("POST", KEY),
    "api/v1/photos/<uuid:photo_id>/duplicates": ("GET", OWN_KEY),
    "api/v1/duplicates": ("GET", KEY),
    "api/v1/duplicates/skipped": ("GET", KEY),
    "api/v1/duplicates/history": ("GET", KEY),
    "api/v1/duplicates/history/<uuid:batch>/undo": ("POST", OWN_KEY),
    "api/v1/duplicates/criteria": ("GET", KEY),
    "api/v1/duplicates/progress": ("GET", KEY),
    "api/v1/duplicates/find": ("POST", KEY),
    "api/v1/duplicates/resolve": ("POST", KEY),
    "api/v1/duplicates/<uuid:group_id>": ("GET", OWN_KEY),
    "api/v1/duplicates/<uuid:group_id>/resolve": ("POST", OWN_KEY),
    "api/v1/label-sets": ("GET", KEY),
    "api/v1/label-sets/<uuid:set_id>": ("GET", OWN_KEY),
    "api/v1/label-sets/<uuid:set_id>/labels/<uuid:label_id>": ("PATCH", KEY),
    "api/v1/label-sets/<uuid:set_id>/labels/<uuid:label_id>/photos": ("GET", OWN_KEY),
    "api/v1/label-sets/<uuid:set_id>/labels/<uuid:label_id>/verdicts": ("POST", KEY),
    "api/v1/label-sets/<uuid:set_id>/labels/<uuid:label_id>/cut": ("POST", KEY),
    "api/v1/photos/<uuid:photo_id>/labels": ("GET", OWN_KEY),
    "sensitive": ("GET", SIGN_IN),
    "sensitive/decide": ("POST", SIGN_IN),
    "sensitive/undo": ("POST", SIGN_IN),
    "sensitive/kinds": ("POST", SIGN_IN),
    "api/v1/sensitive": ("GET", KEY),
    "api/v1/sensitive/undo": ("POST", KEY),
    "api/v1/sensitive/kinds": ("GET", KEY),
    "api/v1/sensitive/kinds/<kind>": ("PUT", KEY),
    "api/v1/photos/<uuid:photo_id>/sensitive": ("POST", OWN_KEY),
    "map": ("GET", SIGN_IN),
    "map/draw": ("POST", SIGN_IN),
    "themes": ("GET", SIGN_IN),
    "themes/<int:level>/<uuid:photo_id>": ("GET", OWN),
    "themes/<int:level>/<uuid:photo_id>/rename": ("POST", OWN),
    "api/v1/themes": ("GET", KEY),
    "api/v1/themes/<int:level>/<uuid:photo_id>/name": ("POST", KEY),
    "api/v1/map": ("GET", KEY),
    "api/v1/map/ids": ("GET", KEY),
    "api/v1/map/photos": ("GET", KEY),
    "api/v1/tags/<name>/photos": ("POST", KEY),
    "api/v1/search": ("GET", KEY),
    "api/v1/stacks": ("POST", KEY),
    "api/v1/stacks/<uuid:stack_id>": ("GET", OWN_KEY),
    "api/v1/stacks/<uuid:stack_id>/cover": ("POST", OWN_KEY),
    "api/v1/search/by-image": ("POST", KEY),
    "api/v1/searches": ("GET", KEY),
    "api/v1/searches/recent": ("GET", KEY),
    "api/v1/searches/<uuid:saved_id>": ("GET", OWN_KEY),
    "api/v1/searches/<uuid:saved_id>/photos": ("GET", OWN_KEY),
    "api/v1/search/suggest": ("GET", KEY),
    "api/v1/search/facets": ("GET", KEY),
    "api/v1/tags/<str:name>/lesson": ("GET", KEY),
    "api/v1/tags/<str:name>/examples": ("POST", KEY),
    "api/v1/tags/<str:name>/suggestions": ("GET", KEY),
    "api/v1/tags/<str:name>/accept": ("POST", KEY),
    "api/v1/tag-acts": ("GET", KEY),
    "api/v1/tag-acts/<uuid:act_id>/undo": ("POST", OWN_KEY),
    "api/v1/session": ("GET", KEY),
    "api/v1/status": ("GET", KEY),
    "api/v1/jobs": ("GET", KEY),
    "api/v1/jobs/pause": ("POST", ADMIN_KEY),
    "api/v1/jobs/resume": ("POST", ADMIN_KEY),
    "api/v1/jobs/retry": ("POST", KEY),
    "api/v1/jobs/check": ("POST", ADMIN_KEY),
    "api/v1/model": ("PUT", ADMIN_KEY),
    "api/v1/model/uploads": ("POST", ADMIN_KEY),
    "api/v1/model/uploads/<uuid:upload_id>": ("PUT", ADMIN_KEY),
    "api/v1/model/uploads/<uuid:upload_id>/finish": ("POST", ADMIN_KEY),
}


def routes_for(*kinds: str) -> list[str]:
    return [path for path, (_, who) in MATRIX.items() if who in kinds]


def routes(resolver: URLResolver | None = None, prefix: str = "") -> list[str]:
    found: list[str] = []
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            found += routes(entry, path)
        elif isinstance(entry, URLPattern):
            found.append(path.replace("<uuidstr:", "<uuid:"))
    return found


def test_every_route_has_a_line():
    assert set(routes()) == set(MATRIX)


SENT = {
    "api/v1/duplicates/<uuid:group_id>/resolve": {"action": "dismiss", "seen": []},
    "api/v1/photos/<uuid:photo_id>/match": {"texts": ["red"]},
    "api/v1/photos/<uuid:photo_id>/sensitive": {"kind": "nudity", "state": "cleared"},
    "api/v1/stacks/<uuid:stack_id>/cover": {"id": str(uuid.UUID(int=1))},
}
"""Bodies without which nothing is looked up."""


def ask(client: Client, path: str, photo_id: object):
    method = MATRIX[path][0]
    filled = re.sub(r"<int:\w+>", "0", re.sub(r"<uuid:\w+>", str(photo_id), path))
    filled = re.sub(r"<(str:)?name>", "sea", filled).replace("<str:secret>", "s" * 43)
    sent = json.dumps(SENT[path]) if path in SENT else ""
    asked = "?q=red" if path.endswith("/why") else ""
    return client.generic(method, f"/{filled}{asked}", sent, content_type="application/json")


def test_strangers_are_sent_to_the_sign_in_page(ada, subtests):
    for path in routes_for(SIGN_IN, ADMIN, OWN, OWN_FILE, MEMBERS):
        with subtests.test(path):
            answer = ask(Client(), path, uuid.uuid4())
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/sign-in")


def test_the_api_asks_strangers_for_a_key(ada, subtests):
    for path in routes_for(KEY, ADMIN_KEY, OWN_KEY):
        with subtests.test(path):
            answer = ask(Client(), path, uuid.uuid4())
            assert answer.status_code == 401
            assert set(answer.json()) == {"code", "message"}


def test_anothers_photo_is_the_same_404_as_an_unknown_one(ada_client, bob_client, model, subtests):
    photo_id = upload(ada_client, picture()).json()["id"]
    ids = (photo_id, str(uuid.uuid4()))
    for path in routes_for(OWN, OWN_FILE, OWN_KEY, MEMBERS):
        with subtests.test(path):
            theirs, unknown = (ask(bob_client, path, pk) for pk in ids)
            assert theirs.status_code == unknown.status_code == 404
            assert theirs.content == unknown.content.replace(ids[1].encode(), ids[0].encode())


def bearing(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("path", routes_for(OWN_FILE))
def test_a_token_opens_files_as_a_session_does(ada, bob, ada_client, model, path):
    photo_id = upload(ada_client, picture()).json()["id"]
    own = ask(bearing(ApiToken.issue(ada)), path, photo_id)
    by_session = ask(ada_client, path, photo_id)
    assert own.status_code == by_session.status_code
    assert body(own) == body(by_session)
    token = ApiToken.issue(bob)
    theirs, unknown = (ask(bearing(token), path, pk) for pk in (photo_id, uuid.uuid4()))
    assert theirs.status_code == unknown.status_code == 404
    ApiToken.objects.filter(owner=bob).delete()
    refused = ask(bearing(token), path, photo_id)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")


def test_the_token_of_an_account_that_was_closed_opens_nothing(ada, ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    program = bearing(ApiToken.issue(ada))
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    for path in routes_for(OWN_FILE, OWN_KEY):
        assert ask(program, path, photo_id).status_code == 401


def test_a_token_opens_no_pages(ada, subtests):
    """Pages change things by forms, which are safe only with a session's CSRF token."""
    program = bearing(ApiToken.issue(ada))
    for path in routes_for(SIGN_IN, OWN, ADMIN):
        with subtests.test(path):
            answer = ask(program, path, uuid.uuid4())
            assert answer.headers["Location"].startswith("/sign-in")


def test_what_concerns_everybody_is_left_to_administrators(ada_client, admin, subtests):
    for path in routes_for(ADMIN, ADMIN_KEY):
        with subtests.test(path):
            assert ask_as_asked_for(ada_client, path).status_code == 403


def ask_as_asked_for(client: Client, path: str):
    """Send a request that is well-formed, so that only the right to send it is missing."""
    bodies = {"api/v1/model": {"folder": "/"}, "api/v1/model/uploads": {"files": [FILE]}}
    address = "/" + re.sub(r"<uuid:\w+>", str(uuid.uuid4()), path)
    address = re.sub(r"<int:\w+>", "0", address)
    if "<" in path and "finish" not in path:
        address += "?name=model.safetensors&offset=0"
    body = json.dumps(bodies.get(path, {}))
    return client.generic(MATRIX[path][0], address, body, content_type="application/json")


def test_looking_changes_nothing(ada_client, model):
    upload(ada_client, picture())
    before = EmbeddingModel.objects.count(), len(ada_client.get("/api/v1/photos").json()["photos"])
    for path, (method, _) in MATRIX.items():
        if method == "GET":
            ask(ada_client, path, uuid.uuid4())
    after = EmbeddingModel.objects.count(), len(ada_client.get("/api/v1/photos").json()["photos"])
    assert before == after
