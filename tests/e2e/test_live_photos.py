"""Files that lie beside pictures, sent from a real browser."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.companion_files import live_picture, video, xmp
from tests.images import write


def test_what_belongs_to_a_picture_is_sent_after_it_and_kept_with_it(owner, tmp_path):
    """The files come in an order in which the picture is last."""
    sidecar = write(tmp_path, "IMG_4711.xmp", xmp(xmp__Rating="4"))
    film = write(tmp_path, "IMG_4711.MOV", video())
    picture = write(tmp_path, "IMG_4711.JPG", live_picture())
    owner.upload(sidecar, film, picture)
    for path in (sidecar, film):
        owner.until(lambda name=path.name: "kept with IMG_4711.JPG" in owner.outcome(name))
    owner.says(".uploads-counts", "2 kept with their photos")
    assert owner.all(".uploads .error") == []
    owner.follow(".uploads .kept a")
    assert owner.path().startswith("/photos/")
    owner.says(".details .facts", "IMG_4711.MOV")
    assert len(owner.all(".details .stars .on, .details .stars [aria-pressed=true]")) >= 1
    owner.click(".details .motion summary")
    assert owner.attribute(".details video", "src").endswith("/video")
    played = "return fetch(arguments[0], {headers: {Range: 'bytes=0-9'}}).then((a) => a.status)"
    assert owner.run(played, owner.attribute(".details video", "src")) == 206


def test_a_film_of_its_own_is_refused_in_words(owner, tmp_path):
    owner.allowed.append("/api/v1/photos")
    owner.upload(write(tmp_path, "IMG_9999.MOV", video(30)))
    owner.until(lambda: "cannot read this file" in owner.outcome("IMG_9999.MOV"))
    owner.press(Keys.ESCAPE)
