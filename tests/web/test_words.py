"""Full-text search: what is found by file names, captions, tags, albums, cameras and lenses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gallery import albums, marks, trash
from gallery.models import Photo, Tag
from search import fulltext
from search.duplicates.review import merging
from search.language import Query, Term, parse
from search.models import PhotoWords
from tests.alike import photo

pytestmark = pytest.mark.django_db


text_query = fulltext.TextQuery.from_query


def hits(person, text: str, photos=None) -> list[fulltext.TextHit]:
    query = text_query(person.pk, parse(text))
    return fulltext.search(Photo.objects.visible_to(person) if photos is None else photos, query)


def found(person, text: str) -> set[str]:
    return {Photo.objects.get(pk=hit.photo_id).name for hit in hits(person, text)}


@pytest.mark.parametrize("text", ["IMG_2231.jpg", "img_2231", "img2231", "2231", '"IMG 2231"'])
def test_a_file_name_and_its_number_are_found(ada, text):
    photo(ada, name="IMG_2231.jpg")
    photo(ada, name="IMG_2232.jpg")
    assert found(ada, text) == {"IMG_2231.jpg"}


def test_words_are_found_wherever_they_stand_and_the_reason_says_where(ada):
    one = photo(ada, name="a.jpg", camera="Nikon D850", lens="Nikkor 50mm f/1.8")
    albums.add(albums.create(ada, "Lisbon 2019"), Photo.objects.filter(pk=one.pk))
    marks.update(one, caption="We saw the sunset from the castle.", tags=["family", "work"])
    for text, reason in {
        "lisbon": "album: Lisbon 2019",
        "family": "tag: family",
        "sunset": "caption: We saw the sunset from the castle.",
        "d850": "camera: Nikon D850",
        "nikkor 50mm": "lens: Nikkor 50mm f/1.8",
        "a.jpg": "file name: a.jpg",
        "family sunset": "tag: family; caption: We saw the sunset from the castle.",
    }.items():
        assert [hit.reason for hit in hits(ada, text)] == [reason], text


def test_a_long_caption_is_shown_around_the_words(ada):
    one = photo(ada, name="a.jpg")
    marks.update(one, caption="Before. " * 20 + "The sunset in Lisbon was red.\n" + "After. " * 30)
    (hit,) = hits(ada, "sunset lisbon")
    assert hit.reason.startswith("caption: … Before. ")
    assert "The sunset in Lisbon was red. After." in hit.reason
    assert hit.reason.endswith(" …")
    assert len(hit.reason) < 120


def test_all_words_of_one_text_must_be_there(ada):
    both, one = photo(ada, name="dog beach.jpg"), photo(ada, name="dog.jpg")
    assert found(ada, "a dog on the beach") == {both.name}
    assert found(ada, "beach +dog") == {both.name, one.name}
    assert found(ada, '"beach dog"') == set()
    assert found(ada, '"dog beach"') == {both.name}


def test_case_and_accents_and_spelling_are_folded(ada):
    marks.update(photo(ada, name="a.jpg"), caption="Été à la plage, Straße nach Łódź, Ærø, ВЕСНА")
    for text in ["ete", "ÉTÉ", "l'été", "strasse", "STRASSE", "lodz", "aero", "весна"]:
        assert found(ada, text) == {"a.jpg"}, text


def test_chinese_japanese_korean_and_thai_are_found_by_parts(ada):
    marks.update(photo(ada, name="a.jpg"), caption="我们在北京看长城。東京タワー 서울의 밤 ทะเลสวย")
    for text in ["北京", "长城", "看长", "東京", "タワー", "서울", "밤", "ทะเล", "北京的长城"]:
        assert found(ada, text) == {"a.jpg"}, text
    for text in ["京北", "长北", "上海"]:
        assert found(ada, text) == set(), text


def test_a_number_may_be_the_beginning_of_a_longer_one(ada):
    photo(ada, name="PXL_20210315_1.jpg")
    assert found(ada, "202103") == {"PXL_20210315_1.jpg"}
    assert found(ada, "pxl 202103") == {"PXL_20210315_1.jpg"}
    assert found(ada, "20210316") == set()
    photo(ada, name="cat.jpg")
    assert found(ada, "ca") == set()


def test_closer_words_come_first_and_then_the_newest(ada):
    far, near = photo(ada, name="dog with a red ball.jpg"), photo(ada, name="dog.jpg")
    new = photo(ada, name="dog.png", taken_at=datetime(2025, 1, 1, tzinfo=UTC))
    assert [hit.photo_id for hit in hits(ada, "dog")] == [new.pk, near.pk, far.pk]


def test_words_that_too_many_photos_have_say_nothing(ada, bob, monkeypatch):
    monkeypatch.setattr("search.fulltext.MANY", 3)
    for place in range(4):
        photo(ada, name=f"IMG_{place}.jpg")
    photo(bob, name="IMG_9.jpg")
    assert found(ada, "img") == set()
    assert found(ada, "img 3") == {"IMG_3.jpg"}
    assert found(bob, "img") == {"IMG_9.jpg"}


def test_only_the_given_photos_are_looked_through(ada, bob):
    mine, other = photo(ada, name="dog.jpg"), photo(ada, name="dog 2.jpg")
    photo(bob, name="dog 3.jpg")
    only = Photo.objects.visible_to(ada).filter(pk=other.pk)
    assert [hit.photo_id for hit in hits(ada, "dog", only)] == [other.pk]
    assert {hit.photo_id for hit in hits(ada, "dog")} == {mine.pk, other.pk}
    assert hits(bob, "o" + str(ada.pk)) == []


def test_every_change_is_found_at_once(ada):
    one = photo(ada, name="a.jpg")
    rows = Photo.objects.filter(pk=one.pk)
    album = albums.create(ada, "Porto")
    for change, new, old in [
        (lambda: marks.update(one, caption="castle"), "castle", ""),
        (lambda: marks.update(one, caption="bridge", tags=["tram"]), "bridge", "castle"),
        (lambda: marks.update(one, tags=["train"]), "train", "tram"),
        (lambda: marks.remove_tag(one, "train"), "bridge", "train"),
        (lambda: albums.add(album, rows), "porto", ""),
        (lambda: albums.rename(album, "Braga"), "braga", "porto"),
        (lambda: albums.take_out(album, rows), "bridge", "braga"),
        (lambda: albums.add(album, rows), "braga", ""),
        (lambda: albums.remove(album), "bridge", "braga"),
        (lambda: rows.update(name="renamed.jpg"), "renamed", "a.jpg"),
        (lambda: rows.update(camera="Leica"), "leica", ""),
        (lambda: rows.update(caption=""), "leica", "bridge"),
    ]:
        change()
        assert len(hits(ada, new)) == 1, new
        assert not old or hits(ada, old) == [], old


def test_what_the_kept_of_two_duplicates_gets_is_found_and_taken_back(ada):
    kept, other = photo(ada, name="kept.jpg"), photo(ada, name="other.jpg")
    marks.update(other, caption="castle", tags=["tram"])
    albums.add(albums.create(ada, "Porto"), Photo.objects.filter(pk=other.pk))
    kept.refresh_from_db()
    other.refresh_from_db()
    got = merging.merge(kept, [other], merging.AlbumsAndTags([kept.pk, other.pk]))
    merging.save([(kept, got)])
    for text in ["castle", "tram", "porto"]:
        assert found(ada, text) == {"kept.jpg", "other.jpg"}
    merging.take_back([(kept, got)])
    for text in ["castle", "tram", "porto"]:
        assert found(ada, text) == {"other.jpg"}


def test_what_is_in_the_trash_is_not_found_until_it_is_back(ada):
    one = photo(ada, name="dog.jpg")
    rows = Photo.objects.filter(pk=one.pk)
    trash.trash(rows)
    assert hits(ada, "dog") == []
    trash.restore(rows)
    assert len(hits(ada, "dog")) == 1
    trash.trash(rows)
    trash.empty(rows)
    assert hits(ada, "dog") == []
    rows.delete()
    assert not PhotoWords.objects.exists()
    assert hits(ada, "dog") == []


def test_many_photos_at_once_are_written_in_the_background(ada):
    photos = [photo(ada, name=f"dog {place}.jpg") for place in range(7)]
    assert PhotoWords.objects.filter(stale=True).count() == len(photos)
    assert fulltext.refresh(3) == 3
    assert fulltext.catch_up() == 4
    assert fulltext.catch_up() == 0
    assert {row.words.split("\n")[0] for row in PhotoWords.objects.all()} == {
        f"dog {place} jpg" for place in range(7)
    }


@pytest.mark.parametrize(
    "text",
    [
        '"', "'", '""', "*", "NEAR(a b)", "a AND", "OR", "NOT a", "a:b", "^a", "{a b}: c", "(",
        "a*", "\\", "%s %(x)s", "--",
        ";DROP TABLE search_photowords", "\x00", "a\x00b", "\u202e\u200f",
        "\ud800", "x" * 4096, "a b " * 1024, "的" * 500, "👩‍👩‍👧", "²½①", "٣", "o1",
        "|", "& !a <-> b",
    ],
)  # fmt: skip
def test_no_text_is_too_strange(ada, text):
    photo(ada, name="dog.jpg")
    query = text_query(ada.pk, Query((Term("text", text), Term("text", text, -1.0))))
    assert fulltext.search(Photo.objects.visible_to(ada), query) == []
    quoted = text_query(ada.pk, Query((Term("text", text, quoted=True),)))
    assert fulltext.search(Photo.objects.visible_to(ada), quoted) == []


def test_excluded_words_leave_out_photos_that_say_them(ada):
    dog, cat = photo(ada, name="dog.jpg"), photo(ada, name="cat.jpg")
    marks.update(cat, tags=["family"])
    avoided = text_query(ada.pk, parse("-family")).avoided
    assert fulltext.photos_with_text(ada.pk, avoided) == {cat.pk}
    assert fulltext.photos_with_text(ada.pk, text_query(ada.pk, parse("family")).avoided) == set()
    assert dog.pk not in fulltext.photos_with_text(ada.pk, avoided)


def test_a_tag_of_another_name_is_found_by_it(ada):
    one = photo(ada, name="a.jpg")
    marks.update(one, tags=["famly"])
    assert len(hits(ada, "famly")) == 1
    Tag.objects.filter(name="famly").update(name="family")
    assert len(hits(ada, "family")) == 1
    assert hits(ada, "famly") == []
