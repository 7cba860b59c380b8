"""The changes and bursts that duplicates are measured on, and the measures themselves."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import bursts, duplicate_measures as measures
from benchmarks.duplicate_corpus import Corpus, Item, write as write_corpus
from benchmarks.transforms import TRANSFORMS, Transform, opened


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return a picture of smooth blobs, a different one for each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "scene.jpg"
    scene(1).save(path, quality=95)
    return path


def correlation(first: Image.Image, second: Image.Image) -> float:
    a, b = (np.asarray(image.convert("L").resize((32, 32)), float) for image in (first, second))
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def named(name: str) -> Transform:
    return next(t for t in TRANSFORMS if t.name == name)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: t.name)
def test_a_changed_copy_differs_from_its_original_and_shows_the_same(source, tmp_path, transform):
    made = transform.write(source, tmp_path, "copy", random.Random(1))
    assert made.read_bytes() != source.read_bytes()
    with Image.open(made) as image:
        assert image.format == {"jpg": "JPEG", "webp": "WEBP", "avif": "AVIF"}[made.suffix[1:]]
    upright = opened(made)
    ways = [upright, *(upright.transpose(way) for way in Image.Transpose)]
    assert max(correlation(opened(source), way) for way in ways) > 0.5


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resized x 0.25", (40, 30)),
        ("resized x 2", (320, 240)),
        ("crop to 80 % of the area, middle", (143, 107)),
        ("crop to 80 % of both sides, anywhere", (128, 96)),
        ("crop to 80 % of the width, anywhere", (128, 120)),
        ("turned by 90", (120, 160)),
        ("turned by EXIF", (160, 120)),
    ],
)
def test_a_change_leaves_the_size_it_says(source, tmp_path, name, size):
    assert opened(named(name).write(source, tmp_path, "copy", random.Random(1))).size == size


def test_a_copy_turned_by_exif_is_seen_as_its_original(source, tmp_path):
    made = named("turned by EXIF").write(source, tmp_path, "copy", random.Random(1))
    assert correlation(opened(source), opened(made)) > 0.99
    with Image.open(made) as image:
        assert image.size == (120, 160)


def test_the_same_seed_gives_the_same_copy(source, tmp_path):
    transform = named("crop to 80 % of both sides, anywhere")
    first, again, other = (
        transform.write(source, tmp_path, f"copy{i}", random.Random(seed)).read_bytes()
        for i, seed in enumerate((1, 1, 2))
    )
    assert first == again != other


def test_frames_of_a_burst_show_one_scene_at_moments_of_their_own(source, tmp_path):
    start = datetime(2024, 5, 1, 9)
    made = bursts.write(source, tmp_path, "burst", frames=3, start=start, seed=1)
    frames = [opened(path) for path in made]
    assert len({frame.size for frame in frames}) == 1
    assert all(0.6 < correlation(frames[0], frame) < 0.999 for frame in frames[1:])
    moments = [moment(path) for path in made]
    assert moments == sorted(set(moments))
    assert moments[0] == start
    assert (moments[-1] - start).total_seconds() <= 4


def moment(path: Path) -> datetime:
    with Image.open(path) as image:
        exif = image.getexif().get_ifd(bursts.EXIF_IFD)
    text = f"{exif[bursts.DATE_TIME_ORIGINAL]}.{exif[bursts.SUBSEC_ORIGINAL]}"
    return datetime.strptime(text, "%Y:%m:%d %H:%M:%S.%f")


def test_a_burst_without_times_has_no_exif(source, tmp_path):
    (path, *_) = bursts.write(source, tmp_path, "burst", frames=2, start=None, seed=1)
    with Image.open(path) as image:
        assert bursts.EXIF_IFD not in image.getexif()


def test_a_corpus_has_every_change_and_knows_what_is_related(tmp_path):
    photos, others = tmp_path / "photos", tmp_path / "others"
    photos.mkdir()
    others.mkdir()
    for seed in range(6):
        scene(seed).save(photos / f"{seed}.jpg")
    scene(7).save(others / "one.jpg")
    scene(7).save(others / "two.png")
    (others / "three.jpg").write_bytes((others / "one.jpg").read_bytes())
    write_corpus(
        tmp_path / "files",
        sorted(photos.iterdir()),
        sorted(others.iterdir()),
        base=4,
        burst=1,
        seed=1,
    )
    corpus = Corpus.load(tmp_path / "files")
    assert {path.name for path in corpus.folder.iterdir()} == set(corpus.items)
    copies = [(copy, original) for copy, original in corpus.changed() if "~" in copy.name]
    assert {copy.change for copy, _ in copies} == {t.name for t in TRANSFORMS}
    assert all(corpus.relation(copy.name, original.name) == "original" for copy, original in copies)
    assert corpus.relation("one.jpg", "three.jpg") == "original"
    assert corpus.relation("one.jpg", "two.png") == "different"
    assert {corpus.relation(a.name, b.name) for a, b in corpus.burst_pairs()} == {"burst"}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """One photo with two copies, one burst of two frames, and two photos of one scene."""
    corpus = Corpus(
        tmp_path,
        [
            Item("a", "a"),
            Item("a1", "a", "grayscale"),
            Item("a2", "a", "mirrored"),
            Item("b0", "b0", burst="b"),
            Item("b1", "b1", burst="b", timed=True),
            Item("c", "c"),
            Item("d", "d"),
            Item("e", "e"),
        ],
    )
    corpus.label([("c", "d", "similar"), ("d", "e", "related")])
    return corpus


def test_same_pictures_are_scored_by_the_pairs_with_an_original(corpus):
    reported = [frozenset(pair) for pair in (("a", "a1"), ("a1", "a2"), ("b0", "b1"), ("c", "a"))]
    score = measures.same_picture(corpus, set(reported))
    assert score.by_change == {"grayscale": 1.0, "mirrored": 0.0}
    assert score.by_family["edit"] == 1.0
    assert score.by_family["turned"] == 0.0
    assert score.precision == pytest.approx(1 / 3)
    assert score.precision_of_all == pytest.approx(1 / 2)
    assert measures.missed(corpus, reported) == [("a2", "mirrored")]
    assert measures.wrong_pairs(corpus, reported) == [
        ("a", "c", "different"),
        ("b0", "b1", "burst"),
    ]


def test_similar_shots_are_scored_by_frames_and_labelled_scenes(corpus):
    similar = {frozenset(pair) for pair in (("c", "d"), ("d", "e"), ("a", "a1"), ("a", "e"))}
    score = measures.similar_shots(corpus, similar, {frozenset(("b0", "b1"))})
    assert score.recall == 1.0
    assert score.precision == pytest.approx(1 / 2)
    assert score.counts == Counter(scene=1, unclear=1, original=1, different=1)


def test_copies_count_as_grouped_with_their_original_only(corpus):
    assert measures.share_grouped(corpus, [{"a", "a1"}, {"a2", "e"}]) == 0.5
