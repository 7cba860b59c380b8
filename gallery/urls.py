"""Every address of Scry: the pages of the gallery and of search, the API, and health checks.

The addresses of the API are in `gallery.api_urls`, which takes a third of the start to import.
"""

from __future__ import annotations

from django.urls import include, path
from django.urls.resolvers import RoutePattern, URLResolver
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from gallery.health import healthz, readyz
from gallery.metrics.exposition import metrics
from gallery.views import (
    account_page,
    accounts,
    album_pages,
    archives,
    calendar_pages,
    code_pages,
    date_pages,
    devices,
    job_pages,
    joining,
    media,
    openid_pages,
    pages,
    passkey_pages,
    people,
    place_pages,
    settings_pages,
    share_pages,
    shared_media,
    trash_pages,
)

javascript_catalog = cache_control(private=True, max_age=3600)(JavaScriptCatalog.as_view())


class LaterResolver(URLResolver):
    """Addresses that begin with `route`, from a module imported with the first request to one.

    Django imports the modules of all addresses when it looks for the name of any. The names of
    these have the prefix `namespace`, so no other name needs them.
    """

    def __init__(self, route: str, urlconf: str, *, app_name: str, namespace: str) -> None:
        super().__init__(RoutePattern(route), urlconf, app_name=app_name, namespace=namespace)

    def _populate(self) -> None:
        """Collect no names: those of a namespace are looked up by a resolver of its own."""


SHARED = (("shared/<uuid:shared_id>", "shared"), ("s/<str:secret>", "link"))
"""What is shared, as members open it, and as links do."""
shared_media_patterns = [
    path(f"{base}/{address}", view, name=f"{name}-{view.__name__}")
    for base, name in SHARED
    for address, view in (
        ("photos/<uuid:photo_id>/thumbnail", shared_media.thumbnail),
        ("photos/<uuid:photo_id>/preview", shared_media.preview),
        ("photos/<uuid:photo_id>/video", shared_media.video),
        ("photos/<uuid:photo_id>/download", shared_media.download),
        ("zip", shared_media.archive),
    )
]

urlpatterns = [
    path("", pages.grid, name="grid"),
    path("calendar", calendar_pages.calendar, name="calendar"),
    path("calendar/<str:day>", calendar_pages.day, name="calendar-day"),
    path("places", place_pages.places, name="places"),
    path("places/photos", place_pages.photos, name="place-photos"),
    path("photos/zip", archives.selection, name="download-selection"),
    path("photos/<uuid:photo_id>", pages.photo, name="photo"),
    path("photos/<uuid:photo_id>/thumbnail", media.thumbnail, name="thumbnail"),
    path("photos/<uuid:photo_id>/preview", media.preview, name="preview"),
    path("photos/<uuid:photo_id>/video", media.video, name="video"),
    path(
        "photos/<uuid:photo_id>/companions/<uuid:companion_id>", media.companion, name="companion"
    ),
    path("photos/<uuid:photo_id>/original", media.original, name="original"),
    path("photos/<uuid:photo_id>/delete", pages.delete_photo, name="delete-photo"),
    path("photos/<uuid:photo_id>/retry", pages.retry_photo, name="retry-photo"),
    path("photos/<uuid:photo_id>/mark", album_pages.mark_photo, name="mark-photo"),
    path("photos/<uuid:photo_id>/date", date_pages.correct_date, name="correct-date"),
    path("photos/dates/undo", date_pages.undo, name="undo-dates"),
    path("albums", album_pages.albums, name="albums"),
    path("albums/<uuid:album_id>", album_pages.album, name="album"),
    path("albums/<uuid:album_id>/change", album_pages.change_album, name="change-album"),
    path("albums/<uuid:album_id>/share", share_pages.share_album, name="share-album"),
    path("shared", share_pages.shared_things, name="shared-things"),
    path("shared/<uuid:shared_id>/leave", share_pages.leave, name="leave-shared"),
    path("shared/<uuid:shared_id>/add", share_pages.add, name="add-to-shared"),
    path("shared/<uuid:shared_id>/take-out", share_pages.take_out, name="take-out-of-shared"),
    *shared_media_patterns,
    path("favourites", album_pages.favourites, name="favourites"),
    path("tags/<str:name>", album_pages.tag, name="tag"),
    path("stacks", album_pages.make_stack, name="make-stack"),
    path("stacks/<uuid:stack_id>", album_pages.stack, name="stack"),
    path("stacks/<uuid:stack_id>/unstack", album_pages.unstack, name="unstack"),
    path("trash", trash_pages.page, name="trash"),
    path("trash/restore", trash_pages.restore, name="restore"),
    path("trash/empty", trash_pages.empty, name="empty-trash"),
    path("trash/<uuid:photo_id>/thumbnail", trash_pages.thumbnail, name="trash-thumbnail"),
    path("trash/<uuid:photo_id>/preview", trash_pages.preview, name="trash-preview"),
    path("upload", pages.upload, name="upload"),
    path("problems", pages.problems, name="problems"),
    path("originals", pages.originals, name="originals"),
    path("jobs", job_pages.jobs, name="jobs"),
    path("jobs/pause", job_pages.pause, name="pause-jobs"),
    path("jobs/resume", job_pages.resume, name="resume-jobs"),
    path("jobs/retry", job_pages.retry, name="retry-jobs"),
    path("jobs/check", job_pages.check_index, name="check-index"),
    path("status-strip", pages.status_strip, name="status-strip"),
    path("manifest.webmanifest", devices.manifest, name="manifest"),
    path("service-worker.js", devices.service_worker, name="service-worker"),
    path("offline", devices.offline, name="offline"),
    path("share", devices.share_target, name="share-target"),
    path("welcome", accounts.welcome, name="welcome"),
    path("sign-in", accounts.sign_in, name="sign-in"),
    path("sign-in/code", code_pages.ask_for_code, name="sign-in-code"),
    path("sign-in/openid", openid_pages.begin_sign_in, name="sign-in-by-openid"),
    path("sign-in/openid/back", openid_pages.back, name="openid-back"),
    path("sign-in/passkey/begin", passkey_pages.begin_sign_in, name="begin-passkey-sign-in"),
    path("sign-in/passkey", passkey_pages.sign_in, name="sign-in-by-passkey"),
    path("sign-out", accounts.sign_out, name="sign-out"),
    path("join", joining.join, name="join"),
    path("join/openid", openid_pages.begin_join, name="join-by-openid"),
    path("forgot", joining.forgot, name="forgot"),
    path("reset", joining.reset, name="reset"),
    path("account", account_page.account, name="account"),
    path("account/appearance", devices.change_appearance, name="appearance"),
    path("account/password", account_page.change_password, name="change-password"),
    path("account/address", account_page.change_address, name="change-address"),
    path("account/code/begin", code_pages.begin, name="begin-code"),
    path("account/code/confirm", code_pages.confirm, name="confirm-code"),
    path("account/code/off", code_pages.switch_off, name="switch-off-code"),
    path("account/code/recovery", code_pages.make_recovery_codes, name="make-recovery-codes"),
    path("account/passkeys/begin", passkey_pages.begin, name="begin-passkey"),
    path("account/passkeys", passkey_pages.add, name="add-passkey"),
    path("account/passkeys/<uuid:passkey_id>/remove", passkey_pages.remove, name="remove-passkey"),
    path("account/openid/link", openid_pages.begin_link, name="link-openid"),
    path("account/openid/unlink", openid_pages.unlink, name="unlink-openid"),
    path("account/sessions/end", account_page.end_sessions, name="end-sessions"),
    path("account/tokens", account_page.make_token, name="make-token"),
    path("account/tokens/<int:token_id>/revoke", account_page.revoke_token, name="revoke-token"),
    path("account/activity", account_page.activity, name="activity"),
    path("people", people.people, name="people"),
    path("people/invite", people.invite, name="invite"),
    path("people/invitations/<uuid:invitation_id>/withdraw", people.withdraw, name="withdraw"),
    path("people/<int:user_id>/change", people.change, name="change-account"),
    path("settings/storage", settings_pages.storage, name="storage"),
    path("settings/storage/<int:user_id>/quota", settings_pages.change_quota, name="change-quota"),
    path("settings/folders", settings_pages.import_folders, name="import-folders"),
    path("settings/backups", settings_pages.backups, name="backups"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("javascript-catalog.js", javascript_catalog, name="javascript-catalog"),
    LaterResolver("api/v1/", "gallery.api_urls", app_name="ninja", namespace="api"),
    path("", include("search.urls")),
    path("", include("search.duplicates.urls")),
    path("", include("search.understanding.urls")),
]

handler404 = "gallery.views.error_pages.not_found"
handler500 = "gallery.views.error_pages.failed"
