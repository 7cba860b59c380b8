"""Sharing an album by a link, and looking at it as whoever got the link."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.e2e.conftest import ROOT, Gallery
from tests.web.test_api_photos import picture


def in_shell(gallery: Gallery, code: str) -> str:
    """Run Python in the gallery that is served; return what it prints."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=gallery.environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def make_link(owner, names) -> str:
    """Put photos into an album, share it on its page, and return the address of the link."""
    for name in names:
        owner.open("/")
        owner.open_lightbox(name)
        owner.press("i")
        owner.fill(".drawer input[name=album]", "Trip")
        owner.press("\ue007")
        owner.says(".drawer", "Trip")
    owner.open("/albums")
    owner.follow(".albums .album")
    owner.one(".album-head")
    owner.follow(".album-head a[href$='/share']")
    owner.follow("button[value=link]")
    return owner.attribute("[data-copy]", "value")


def test_a_link_is_made_opened_and_revoked(owner, uploaded):
    names = uploaded("share", "red", "blue")
    link = make_link(owner, names)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/s/[\w-]{43}", link)
    share_page = owner.path()
    owner.driver.delete_all_cookies()

    def tiles():
        # They appear once the worker has looked through them.
        owner.open(link)
        return len(owner.all("[data-shared-grid] .tile img")) == 2

    owner.until(tiles, "both photos")
    assert not any(name in owner.driver.page_source for name in names)
    owner.click("[data-shared-grid] .tile .open")
    owner.until(lambda: owner.all(".pswp--open"), "the lightbox")
    owner.driver.back()
    owner.until(lambda: not owner.all(".pswp"), "closed")
    assert owner.path() == link.removeprefix(owner.url)
    for width in (390, 1440):
        owner.size(width, 844)
        owner.open(link)
        assert owner.run("return document.documentElement.scrollWidth <= innerWidth")
    owner.sign_in()
    owner.open(share_page)
    owner.follow("[value=revoke-link]")
    owner.allowed.append("404 (Not Found)")
    owner.open(link)
    owner.says("h1", "opens nothing")


def test_a_contributor_adds_many_files_and_each_is_answered_by_name(owner, gallery, tmp_path):
    """Also those that are no pictures, and more than any form takes."""
    files = [tmp_path / f"given-{number}.png" for number in range(23)]
    for number, path in enumerate(files):
        path.write_bytes(picture((10 * number, 60, 200 - 8 * number), (64, 48), "PNG"))
    (tmp_path / "notes.txt").write_text("no picture")
    code = f"""
from django.contrib.auth import get_user_model
from gallery.models import Album
from gallery.sharing import shared_sets
lender = get_user_model().objects.create_user("lender")
album = Album.objects.create(owner=lender, name="Feast")
shared = shared_sets.find_or_make(shared_sets.Thing.of_album(album))
shared_sets.add_member(shared, {owner.account!r}, role="contributor")
print(shared.get_absolute_url())
"""
    path = in_shell(gallery, code)
    owner.open(path)
    owner.one("[data-action=upload]")
    assert not owner.all(".contribute form")[0].is_displayed()
    sent = [*files, tmp_path / "notes.txt"]
    owner.allowed += ["415 (Unsupported Media Type)", "400 (Bad Request)"]
    owner.driver.find_element("id", "pick-files").send_keys("\n".join(map(str, sent)))
    owner.until(lambda: len(owner.all("#uploads li.added")) == 23, "all pictures are added")
    owner.until(lambda: len(owner.all("#uploads li.error")) == 1, "the other file is refused")
    named = set(owner.texts("#uploads li .name"))
    assert named == {one.name for one in sent}
    counted = "from gallery.models import Contribution; print(Contribution.objects.count())"
    assert in_shell(gallery, counted) == "23"
