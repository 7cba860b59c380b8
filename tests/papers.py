"""Documents, screens and other pictures that look alike and are not the same, made from seeds.

`family(maker, seed)` returns pictures of one layout with other contents: none of them is a copy of
another. What a layout looks like, its sizes and colours, comes from the seed.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.scenes import saved, scene

Random = np.random.Generator
Colour = tuple[int, int, int]
_WORDS = [
    "account", "address", "amount", "balance", "board", "budget", "camera", "chapter",
    "city", "client", "contract", "customer", "delivery", "dinner", "door", "energy",
    "family", "flight", "garden", "heating", "hotel", "invoice", "kitchen", "letter",
    "light", "market", "meeting", "message", "music", "network", "notice", "number",
    "office", "order", "parcel", "password", "payment", "power", "project", "report",
    "rent", "salary", "school", "signal", "street", "summary", "table", "tax", "ticket",
    "total", "train", "travel", "update", "value", "version", "weather", "window",
]  # fmt: skip
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
FONTS: list[str] = []
"""Paths of font files to choose from; without any, the one that comes with Pillow is used."""


def font_of(random: Random, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if FONTS:
        return ImageFont.truetype(FONTS[int(random.integers(len(FONTS)))], max(8, round(size)))
    return ImageFont.load_default(max(8, round(size)))


def colour_of(random: Random, low: int = 20, high: int = 200) -> Colour:
    red, green, blue = (int(c) for c in random.integers(low, high, 3))
    return red, green, blue


def colour_apart(look: Random, content: Random) -> Colour:
    """Return a colour that no other one of the family has: a third of the circle of hues away."""
    hue = look.random() + member_of(content) / 3 + content.uniform(-0.08, 0.08)
    parts = colorsys.hsv_to_rgb(hue % 1, look.uniform(0.3, 0.9), content.uniform(0.35, 0.9))
    red, green, blue = (round(255 * part) for part in parts)
    return red, green, blue


def words(random: Random, count: int) -> str:
    return " ".join(_WORDS[i] for i in random.integers(0, len(_WORDS), count))


def member_of(content: Random) -> int:
    """Return which one of its family is made, for kinds of which there are only a few."""
    seeds = cast("np.random.SeedSequence", content.bit_generator.seed_seq)
    return int(cast("list[int]", seeds.entropy)[1])


def money(random: Random) -> str:
    return f"{random.integers(1, 2000)}.{random.integers(100):02}"


def _day(random: Random) -> str:
    return f"{random.integers(1, 29):02}/{random.integers(1, 13):02}/{random.integers(2015, 2025)}"


def bill(look: Random, content: Random) -> Image.Image:
    """An invoice: the number, the day and the amounts change."""
    width = int(look.integers(600, 1300))
    height, unit = round(width * 1.41), width / 60
    image = Image.new("RGB", (width, height), _WHITE)
    draw, font = ImageDraw.Draw(image), font_of(look, unit * look.uniform(1.2, 1.7))
    draw.rectangle((unit * 3, unit * 3, unit * 18, unit * 8), fill=colour_of(look, 0, 140))
    for line in range(4):
        draw.text((unit * 3, unit * (11 + 2.2 * line)), words(look, 2).title(), _BLACK, font)
    draw.text((unit * 38, unit * 11), f"Invoice {content.integers(10**6, 10**7)}", _BLACK, font)
    draw.text((unit * 38, unit * 13.5), _day(content), _BLACK, font)
    for row in range(int(look.integers(3, 9))):
        y = unit * (26 + 2.8 * row)
        draw.text((unit * 3, y), words(look, 2).title(), _BLACK, font)
        draw.text((unit * 45, y), money(content), _BLACK, font)
        draw.line((unit * 3, y + unit * 2.4, unit * 57, y + unit * 2.4), fill=(120, 120, 120))
    for line in range(int(look.integers(3, 12))):
        y = unit * (56 + 2 * line)
        draw.text((unit * 3, y), words(look, 7), (60, 60, 60), font)
    return image


def receipt(look: Random, content: Random) -> Image.Image:
    """A long slip of paper with items and prices, often photographed: shade and noise."""
    width = int(look.integers(360, 640))
    height, unit = round(width * look.uniform(1.8, 2.8)), width / 30
    shade = int(look.integers(215, 256))
    image = Image.new("RGB", (width, height), (shade, shade, shade - 6))
    draw, font = ImageDraw.Draw(image), font_of(look, unit * 1.4)
    draw.text((unit * 8, unit * 2), words(look, 2).upper(), _BLACK, font)
    draw.text((unit * 6, unit * 4), words(look, 3), _BLACK, font)
    draw.text((unit * 3, unit * 7), _day(content), _BLACK, font)
    for row in range(int((height / unit - 16) / 2)):
        y = unit * (10 + 2 * row)
        draw.text((unit * 2, y), words(content, 2), _BLACK, font)
        draw.text((unit * 23, y), money(content), _BLACK, font)
    draw.text((unit * 2, height - unit * 4), f"TOTAL  {money(content)}", _BLACK, font)
    return photographed(image, look) if look.random() < 0.5 else image


def photographed(image: Image.Image, random: Random) -> Image.Image:
    """Return a paper as a camera sees it: blurred a little, unevenly lit, noisy, as JPEG."""
    blurred = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 0.9)))
    pixels = np.asarray(blurred, np.float32)
    height, width = pixels.shape[:2]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1 - random.uniform(0, 0.25) * across / width - random.uniform(0, 0.2) * down / height
    noise = random.normal(0, random.uniform(1, 4), pixels.shape)
    shaded = np.clip(pixels * light[..., None] + noise, 0, 255).astype(np.uint8)
    return saved(Image.fromarray(shaded), quality=85)


def chat(look: Random, content: Random) -> Image.Image:
    """A conversation on a phone: a bar above, then bubbles to the left and right."""
    image, draw, unit, paper, ink = _screen(look)
    font = font_of(look, unit * 1.3)
    y, bubble = unit * 9, _tint(paper, look)
    while y < image.height - unit * 6:
        lines = int(content.integers(1, 5))
        left = unit * (2 if content.random() < 0.5 else 10)
        box = (left, y, left + unit * 17, y + unit * (1 + 2 * lines))
        draw.rounded_rectangle(box, unit, fill=bubble)
        for line in range(lines):
            draw.text((left + unit, y + unit * (0.5 + 2 * line)), words(content, 3), ink, font)
        y = box[3] + unit
    return image


def _screen(look: Random) -> tuple[Image.Image, ImageDraw.ImageDraw, float, Colour, Colour]:
    """Return a phone's screen with a bar, its drawing, a unit, and its paper and ink colours."""
    width = int(look.choice([360, 540, 720, 1080]))
    dark = look.random() < 0.3
    paper, ink = ((18, 20, 24), (235, 235, 235)) if dark else ((240, 240, 244), (24, 24, 24))
    image = Image.new("RGB", (width, round(width * look.uniform(1.8, 2.2))), paper)
    draw, unit = ImageDraw.Draw(image), width / 30
    tall = unit * look.uniform(4, 8)
    draw.rectangle((0, 0, width, tall), fill=colour_of(look, 0, 160))
    draw.text((unit * 3, tall / 3), words(look, 2), _WHITE, font_of(look, unit * 1.8))
    return image, draw, unit, paper, ink


def _tint(paper: Colour, random: Random) -> Colour:
    """Return a colour a little off the paper's."""
    red, green, blue = (int(np.clip(c + random.integers(-14, 15), 0, 255)) for c in paper)
    return red, green, blue


def settings(look: Random, content: Random) -> Image.Image:
    """A list on a phone: icons, names and switches."""
    image, draw, unit, paper, ink = _screen(look)
    font, small = font_of(look, unit * 1.5), font_of(look, unit * 1.1)
    card, step = _tint(paper, look), unit * look.uniform(4, 6)
    for row in range(int((image.height - unit * 10) / step)):
        y = unit * 9 + step * row
        draw.rounded_rectangle((unit, y, unit * 29, y + step * 0.85), unit / 2, fill=card)
        box = (unit * 2, y + unit * 0.6, unit * 4.5, y + unit * 3.1)
        draw.ellipse(box, fill=colour_of(content, 40, 220))
        draw.text((unit * 6, y + unit * 0.3), words(content, 2), ink, font)
        draw.text((unit * 6, y + unit * 2), words(content, 3), (128, 128, 128), small)
    return image


def balance(look: Random, content: Random) -> Image.Image:
    """A bank's screen: only the amounts change."""
    image, draw, unit, paper, ink = _screen(look)
    font = font_of(look, unit * 1.5)
    draw.text((unit * 3, unit * 9), f"{money(content)} EUR", ink, font_of(look, unit * 2.4))
    step = unit * look.uniform(4, 6)
    for row in range(int((image.height - unit * 16) / step)):
        y = unit * 14 + step * row
        draw.rounded_rectangle((unit, y, unit * 29, y + step * 0.8), unit / 2, _tint(paper, look))
        draw.text((unit * 2, y + unit), words(look, 1).title(), ink, font)
        draw.text((unit * 22, y + unit), money(content), ink, font)
    return image


def form(look: Random, content: Random) -> Image.Image:
    """A printed form: the same fields, filled in by other people."""
    width = int(look.integers(600, 1200))
    image = Image.new("RGB", (width, round(width * look.uniform(1.2, 1.45))), _WHITE)
    draw, unit = ImageDraw.Draw(image), width / 50
    font, pen = font_of(look, unit * 1.2), colour_of(look, 0, 120)
    draw.text((unit * 3, unit * 2), words(look, 3).upper(), _BLACK, font_of(look, unit * 2))
    for row in range(int((image.height / unit - 10) / 4)):
        y = unit * (7 + 4 * row)
        draw.text((unit * 3, y), words(look, 2).title(), (70, 70, 70), font)
        draw.rectangle((unit * 20, y - unit * 0.5, unit * 47, y + unit * 2.2), outline=_BLACK)
        draw.text((unit * 21, y), words(content, 2).title(), pen, font)
    return photographed(image, look) if look.random() < 0.4 else image


def ticket(look: Random, content: Random) -> Image.Image:
    """A ticket with a seat, a time and a code of black squares."""
    width = int(look.integers(600, 1100))
    image = Image.new(
        "RGB", (width, round(width * look.uniform(0.4, 0.6))), colour_of(look, 200, 256)
    )
    draw, unit = ImageDraw.Draw(image), width / 60
    draw.rectangle((0, 0, width, unit * 5), fill=colour_of(look, 0, 160))
    draw.text((unit * 2, unit), words(look, 2).upper(), _WHITE, font_of(look, unit * 2.4))
    font = font_of(look, unit * 1.8)
    for row, name in enumerate(("Date", "Seat", "From")):
        draw.text((unit * 2, unit * (8 + 4 * row)), name, (90, 90, 90), font)
    seat = f"{content.integers(1, 60)}{'ABCDEF'[content.integers(6)]}"
    for row, value in enumerate((_day(content), seat, words(content, 2).title())):
        draw.text((unit * 12, unit * (8 + 4 * row)), value, _BLACK, font)
    cells = content.integers(0, 2, (21, 21)).astype(np.uint8) * 255
    side = round(unit * 14)
    code = Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST)
    image.paste(code.convert("RGB"), (round(unit * 43), round(unit * 7)))
    return image


def slide(look: Random, content: Random) -> Image.Image:
    """A slide of one talk: the same frame, another title and other points."""
    width = int(look.choice([800, 960, 1280]))
    dark = look.random() < 0.4
    paper, ink = (colour_of(look, 0, 60), _WHITE) if dark else (_WHITE, colour_of(look, 0, 60))
    image = Image.new("RGB", (width, round(width * look.choice([0.5625, 0.75]))), paper)
    draw, unit = ImageDraw.Draw(image), width / 60
    draw.rectangle((0, 0, width, unit * look.uniform(1, 3)), fill=colour_of(look))
    draw.text((unit * 50, image.height - unit * 3), words(look, 1), ink, font_of(look, unit * 1.2))
    draw.text((unit * 4, unit * 5), words(content, 3).title(), ink, font_of(look, unit * 3))
    for row in range(int(content.integers(3, 6))):
        y = unit * (12 + 3.4 * row)
        draw.text((unit * 6, y), "- " + words(content, 4), ink, font_of(look, unit * 1.8))
    return image


def meme(look: Random, content: Random) -> Image.Image:
    """The same picture with other words above and below."""
    image = scene(int(look.integers(10**6)), (600, 450))
    draw, font = ImageDraw.Draw(image), font_of(look, image.height * look.uniform(0.07, 0.12))
    for y in (0.02, 0.85):
        draw.text(
            (image.width / 2, image.height * y),
            words(content, 2).upper(),
            _WHITE,
            font,
            anchor="ma",
            stroke_width=2,
            stroke_fill=_BLACK,
        )
    return saved(image, quality=85)


def meter(look: Random, content: Random) -> Image.Image:
    """A meter on a wall: the digits change."""
    shade = colour_of(look, 40, 120)
    image = Image.new("RGB", (900, 660), shade)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((150, 100, 750, 560), 30, fill=(210, 210, 205))
    draw.rectangle((240, 200, 660, 310), fill=(15, 15, 15))
    number = f"{content.integers(10**6):06}"
    for place, digit in enumerate(number):
        draw.text((265 + place * 65, 215), digit, _WHITE, font_of(look, 70))
    draw.text((300, 380), f"kWh  No. {look.integers(10**4, 10**5)}", _BLACK, font_of(look, 34))
    return photographed(image, look)


def camera(look: Random, content: Random) -> Image.Image:
    """A camera on a stand: the place stays, and something stands in it or not."""
    image = scene(int(look.integers(10**6)), (900, 675))
    if content.random() < 0.85:
        share = content.uniform(0.06, 0.2)
        wide, tall = round(900 * share), round(900 * share * content.uniform(0.5, 1.2))
        animal = scene(int(content.integers(10**6)), (wide, tall))
        mask = Image.new("L", animal.size, 0)
        ImageDraw.Draw(mask).ellipse((0, 0, wide - 1, tall - 1), fill=255)
        place = (int(content.integers(900 - wide)), int(content.integers(675 - tall)))
        image.paste(animal, place, mask.filter(ImageFilter.GaussianBlur(1)))
    pixels = np.asarray(image, np.float32) + content.normal(0, 2, (675, 900, 3))
    return saved(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), quality=88)


def product(look: Random, content: Random) -> Image.Image:
    """One thing before a plain ground, in several colours."""
    ground = int(look.integers(225, 256))
    image = Image.new("RGB", (800, 800), (ground, ground, ground))
    draw, colour = ImageDraw.Draw(image), colour_apart(look, content)
    draw.rounded_rectangle((220, 180, 580, 690), int(look.integers(10, 120)), fill=colour)
    draw.rectangle((160, 220, 220, int(look.integers(350, 520))), fill=colour)
    draw.rectangle((580, 220, 640, int(look.integers(350, 520))), fill=colour)
    for line in range(int(look.integers(3, 7))):
        y = 260 + 60 * line
        draw.line((230, y, 570, y + int(look.integers(-20, 20))), fill=_shade(colour), width=4)
    draw.text((330, 400), words(look, 1), _shade(colour), font_of(look, 48))
    return saved(image.filter(ImageFilter.GaussianBlur(0.8)), quality=90)


def _shade(colour: Colour) -> Colour:
    red, green, blue = (max(0, c - 45) if sum(colour) > 150 else c + 45 for c in colour)
    return red, green, blue


def sky(look: Random, content: Random) -> Image.Image:
    """A sky with hardly a cloud: all of them fade from blue to paler blue."""
    rows = np.linspace(0, 1, 600, dtype=np.float32)[:, None, None]
    top = np.array([70, 120, 200]) + content.integers(-15, 16, 3)
    low = np.array([170, 200, 235]) + content.integers(-15, 16, 3)
    pixels = np.repeat(top * (1 - rows) + low * rows, 800, axis=1)
    pixels = pixels + content.normal(0, look.uniform(0, 3), pixels.shape)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if look.random() < 0.5:
        draw = ImageDraw.Draw(image)
        for _ in range(int(content.integers(1, 4))):
            x, y = int(content.integers(0, 700)), int(content.integers(0, 400))
            draw.ellipse((x, y, x + 160, y + 50), fill=(235, 238, 242))
        image = image.filter(ImageFilter.GaussianBlur(18))
    return saved(image, quality=90)


def blank(look: Random, content: Random) -> Image.Image:
    """A frame of nothing: the lens cap, or white."""
    shade = int(content.choice([0, 3, 8, 247, 252, 255]))
    pixels = shade + content.normal(0, content.uniform(0, 3), (600, 800, 3))
    return saved(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), quality=90)


Maker = Callable[[Random, Random], Image.Image]
PAPERS: dict[str, Maker] = {
    maker.__name__: maker for maker in (bill, receipt, chat, settings, balance, form, ticket, slide)
}
"""What is read: letters tell two of them apart."""
OTHERS: dict[str, Maker] = {
    maker.__name__: maker for maker in (meme, meter, camera, product, sky, blank)
}


def family(maker: Maker, seed: int, size: int = 3) -> list[Image.Image]:
    """Return pictures of one layout, no two of which are the same picture."""
    return [
        maker(np.random.default_rng(seed), np.random.default_rng([seed, member]))
        for member in range(size)
    ]


def _crop(image: Image.Image) -> Image.Image:
    wide, tall = image.size
    return image.crop(
        (round(wide * 0.02), round(tall * 0.03), round(wide * 0.97), round(tall * 0.98))
    )


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg 40": lambda image: saved(image, quality=40),
    "half": lambda image: saved(image.resize((image.width // 2, image.height // 2)), quality=85),
    "cropped": lambda image: saved(_crop(image), quality=90),
    "webp": lambda image: saved(image, "WEBP", quality=60, method=0),
}
"""What leaves a paper the same paper."""
