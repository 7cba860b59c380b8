"""Cards, passports and bank letters of people who do not exist, and papers that are not private.

All are drawn, then laid on a table and photographed: turned, in perspective, unevenly lit, with a
shadow, noise and JPEG. Layout, colours, letters and camera come from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.photographed_papers import Random, colour, ground, photographed

FIRST = [
    "Mara", "Ivo", "Lena", "Tomas", "Aiko", "Brando", "Ceren", "Dario", "Elif", "Farid", "Greta",
    "Hana", "Ilse", "Jonas",
]  # fmt: skip
LAST = [
    "Veltor", "Ambrin", "Kasdel", "Moriand", "Pellick", "Ostrava", "Quindt", "Sorell", "Tambour",
    "Ulmen",
]  # fmt: skip
COUNTRIES = [
    "VALDORIA", "REPUBLIC OF KESTREL", "NORTHMARK", "UNITED ISLES", "FEDERATION OF ORVEL",
]  # fmt: skip
BANKS = [
    "Halden Bank", "Northlight Savings", "Credit Union Orvel", "First Kestrel", "Banca Meridia",
]  # fmt: skip
WORDS = [
    "account", "address", "amount", "balance", "board", "budget", "chapter", "city", "client",
    "contract", "customer", "delivery", "dinner", "energy", "family", "flight", "garden",
    "heating", "hotel", "kitchen", "light", "market", "meeting", "morning", "music", "network",
    "night", "number", "office", "order", "paper", "parcel", "power", "project", "river", "school",
    "signal", "street", "summer", "table", "train", "travel", "value", "version", "water",
    "weather", "window", "winter", "world", "year",
]  # fmt: skip
DISHES = [
    "Tomato soup", "Green salad", "Grilled trout", "Mushroom risotto", "Roast chicken",
    "Apple tart", "Lemon cake", "Pasta with basil", "Onion soup", "Cheese plate",
    "Chocolate mousse", "Vegetable curry", "Fish and chips",
]  # fmt: skip
FONTS = [
    *Path("/usr/share/fonts").rglob("*Sans*.ttf"), *Path("/usr/share/fonts").rglob("*Serif*.ttf"),
]  # fmt: skip
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def _font(random: Random, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if FONTS and random.random() < 0.7:
        return ImageFont.truetype(str(FONTS[int(random.integers(len(FONTS)))]), max(9, int(size)))
    return ImageFont.load_default(max(9, int(size)))


def _words(random: Random, count: int) -> str:
    return " ".join(WORDS[i] for i in random.integers(0, len(WORDS), count))


def _one(random: Random, choices: list[str]) -> str:
    return choices[int(random.integers(len(choices)))]


def _name(random: Random) -> tuple[str, str]:
    return _one(random, FIRST), _one(random, LAST)


def _digits(random: Random, count: int, group: int = 0) -> str:
    text = "".join(str(d) for d in random.integers(0, 10, count))
    return " ".join(text[i : i + group] for i in range(0, count, group)) if group else text


def _day(random: Random) -> str:
    return f"{random.integers(1, 29):02}.{random.integers(1, 13):02}.{random.integers(1950, 2035)}"


def _money(random: Random) -> str:
    return f"{random.integers(1, 3000)}.{random.integers(100):02}"


def _guilloche(draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int]) -> None:
    """Draw the fine waves of papers that are hard to forge."""
    width, height = size
    ink = colour(random, 150, 220)
    for line in range(int(random.integers(10, 30))):
        phase, tall = random.uniform(0, 6), random.uniform(5, height / 6)
        base = height * line / 20
        points = [(x, base + tall * np.sin(x / random.uniform(28, 30) + phase))
                  for x in range(0, width, 6)]  # fmt: skip
        draw.line(points, fill=ink, width=1)


def _face(random: Random, width: int, height: int) -> Image.Image:
    """Return a portrait as passports have it: plain ground, head, hair, shoulders."""
    image = Image.new("RGB", (width, height), colour(random, 190, 235))
    draw = ImageDraw.Draw(image)
    skin = [(240, 208, 180), (214, 170, 135), (160, 112, 80), (98, 66, 48)][random.integers(4)]
    hair, shirt = colour(random, 10, 120), colour(random, 10, 220)
    middle, top = width / 2, height * random.uniform(0.14, 0.2)
    wide, tall = width * random.uniform(0.24, 0.28), height * random.uniform(0.5, 0.56)
    draw.ellipse((width * 0.05, height * 0.76, width * 0.95, height * 1.4), fill=shirt)
    draw.rectangle((middle - wide * 0.4, top + tall * 0.8, middle + wide * 0.4, height * 0.82),
                   fill=skin)  # fmt: skip
    longer = random.uniform(0.5, 1.2)
    draw.ellipse((middle - wide * 1.15, top - tall * 0.1, middle + wide * 1.15,
                  top + tall * longer), fill=hair)  # fmt: skip
    draw.ellipse((middle - wide, top, middle + wide, top + tall), fill=skin)
    draw.pieslice((middle - wide, top - tall * 0.05, middle + wide, top + tall * 0.6), 180, 360,
                  fill=hair)  # fmt: skip
    for side in (-1, 1):
        eye = middle + side * wide * 0.42
        draw.ellipse((eye - wide * 0.14, top + tall * 0.45, eye + wide * 0.14,
                      top + tall * 0.52), fill=_WHITE)  # fmt: skip
        draw.ellipse((eye - wide * 0.07, top + tall * 0.45, eye + wide * 0.07,
                      top + tall * 0.52), fill=(40, 30, 20))  # fmt: skip
    draw.line((middle, top + tall * 0.5, middle - wide * 0.1, top + tall * 0.68), (120, 90, 70), 3)
    draw.arc((middle - wide * 0.35, top + tall * 0.68, middle + wide * 0.35, top + tall * 0.84),
             20, 160, fill=(150, 60, 60), width=4)  # fmt: skip
    return image.filter(ImageFilter.GaussianBlur(1.5))


# --- private --------------------------------------------------------------------------------------


def bank_card(random: Random) -> Image.Image:
    """A payment card: bank, chip, number, day, name and the sign of its network."""
    width, height = 860, 540
    low, high = (0, 140) if random.random() < 0.7 else (120, 255)
    image = ground(random, width, height, low, high)
    draw, ink = ImageDraw.Draw(image), _WHITE if low == 0 else (30, 30, 30)
    draw.text((50, 40), _one(random, BANKS), ink, _font(random, 52))
    x = 70 if random.random() < 0.8 else 640
    draw.rounded_rectangle((x, 190, x + 110, 275), 14, fill=(212, 180, 90))
    for at in (20, 55, 90):
        draw.line((x, 190 + at * 0.9, x + 110, 190 + at * 0.9), fill=(150, 120, 50), width=3)
    draw.text((65, 310), _digits(random, 16, 4), ink, _font(random, 66))
    draw.text((330, 400), f"{random.integers(1, 13):02}/{random.integers(26, 34)}", ink,
              _font(random, 38))  # fmt: skip
    draw.text((65, 455), " ".join(_name(random)).upper(), ink, _font(random, 42))
    _network(draw, random, (700, 430))
    return _rounded(image, 34)


def _network(draw: ImageDraw.ImageDraw, random: Random, at: tuple[int, int]) -> None:
    x, y = at
    if random.random() < 0.6:
        draw.ellipse((x - 50, y, x + 20, y + 70), fill=colour(random, 100, 255))
        draw.ellipse((x, y, x + 70, y + 70), fill=colour(random, 100, 255))
    else:
        draw.text((x - 60, y), _one(random, ["PAYO", "VERA", "CARDIA"]), _WHITE, _font(random, 52))


def identity_card(random: Random) -> Image.Image:
    """An identity card, driving licence or insurance card: portrait, fields, pale waves."""
    width, height = 860, 540
    image = ground(random, width, height, 190, 250)
    draw, ink = ImageDraw.Draw(image), (20, 20, 40)
    _guilloche(draw, random, (width, height))
    title = _one(random, ["IDENTITY CARD", "DRIVING LICENCE", "RESIDENCE PERMIT", "ID CARD"])
    draw.text((40, 25), _one(random, COUNTRIES), colour(random, 0, 120), _font(random, 40))
    draw.text((40, 75), title, ink, _font(random, 34))
    left = 40 if random.random() < 0.7 else 590
    image.paste(_face(random, 230, 300), (left, 150))
    text, first_last = (300 if left == 40 else 50), _name(random)
    fields = [("Surname", first_last[1].upper()), ("Given names", first_last[0].upper()),
              ("Date of birth", _day(random)), ("Nationality", "VLD"), ("Expires", _day(random)),
              ("No.", f"L{_digits(random, 8)}")]  # fmt: skip
    small, large = _font(random, 19), _font(random, 32)
    for row, (label, value) in enumerate(fields):
        draw.text((text, 135 + 64 * row), label, (90, 90, 110), small)
        draw.text((text, 156 + 64 * row), value, ink, large)
    return _rounded(image, 30)


def passport(random: Random) -> Image.Image:
    """The page of a passport with the portrait, the fields and the lines for machines."""
    width, height = 1000, 700
    image = ground(random, width, height, 200, 245)
    draw, ink = ImageDraw.Draw(image), (25, 25, 50)
    _guilloche(draw, random, (width, height))
    draw.text((60, 30), "PASSPORT", colour(random, 0, 140), _font(random, 46))
    draw.text((420, 34), _one(random, COUNTRIES), ink, _font(random, 36))
    image.paste(_face(random, 270, 350), (60, 130))
    first, last = _name(random)
    fields = [("Type", "P"), ("Passport No.", f"C{_digits(random, 8)}"),
              ("Surname", last.upper()), ("Given names", first.upper()),
              ("Date of birth", _day(random)), ("Place of birth", _words(random, 1).upper()),
              ("Date of expiry", _day(random))]  # fmt: skip
    small, large = _font(random, 18), _font(random, 30)
    for row, (label, value) in enumerate(fields):
        draw.text((370, 100 + 60 * row), label, (90, 90, 110), small)
        draw.text((370, 120 + 60 * row), value, ink, large)
    lines = (f"P<VLD{last}<<{first}".upper(), f"C{_digits(random, 8)}<4VLD{_digits(random, 14)}")
    machine = ImageFont.load_default(34)
    for row, line in enumerate(lines):
        draw.text((40, 580 + 50 * row), line.ljust(44, "<"), ink, machine)
    if random.random() < 0.4:  # the facing page, as in an open passport
        cover = ground(random, width, height // 2, 190, 240)
        _guilloche(ImageDraw.Draw(cover), random, cover.size)
        both = Image.new("RGB", (width, height + height // 2))
        both.paste(cover, (0, 0))
        both.paste(image, (0, height // 2))
        return both
    return image


def bank_letter(random: Random) -> Image.Image:
    """A letter or statement of a bank: letterhead, address, account number, amounts."""
    width, height = 900, 1270
    image = Image.new("RGB", (width, height), _WHITE)
    draw, brand = ImageDraw.Draw(image), colour(random, 0, 150)
    bank = _one(random, BANKS)
    font, bold = _font(random, 24), _font(random, 46)
    draw.text((70, 60), bank, brand, bold)
    draw.rectangle((0, 0, width, 14), fill=brand)
    who, number = " ".join(_name(random)), random.integers(1, 99)
    street, town = (_words(random, 1).title() for _ in range(2))
    draw.text((70, 200), f"{who}\n{number} {street} Street\n{town}", _BLACK, font)
    draw.text((600, 200), _day(random), _BLACK, font)
    statement = random.random() < 0.6
    draw.text((70, 360), "Account statement" if statement else "Your account", _BLACK, bold)
    draw.text((70, 430), f"IBAN VD{_digits(random, 20, 4)}", _BLACK, font)
    if statement:
        for row in range(int(random.integers(8, 18))):
            y = 510 + 38 * row
            draw.text((70, y), _day(random)[:6], _BLACK, font)
            draw.text((190, y), _words(random, 2).title(), _BLACK, font)
            sign = "-" if random.random() < 0.8 else "+"
            draw.text((700, y), f"{sign}{_money(random)}", _BLACK, font)
            draw.line((70, y + 32, 830, y + 32), fill=(200, 200, 200))
        draw.text((70, 1190), f"Balance  {_money(random)} EUR", brand, font)
    else:
        for row in range(14):
            draw.text((70, 510 + 40 * row), _words(random, 8).capitalize(), _BLACK, font)
        draw.text((70, 1130), f"Yours sincerely\n{bank}", _BLACK, font)
    return image


# --- ordinary -------------------------------------------------------------------------------------


def receipt(random: Random) -> Image.Image:
    """A slip with items and prices."""
    width, rows = 460, int(random.integers(8, 24))
    image = Image.new("RGB", (width, 360 + 36 * rows), (248, 248, 244))
    draw, font = ImageDraw.Draw(image), _font(random, 24)
    draw.text((110, 30), _words(random, 2).upper(), _BLACK, _font(random, 32))
    draw.text((60, 90), f"{_day(random)}  {_words(random, 1)}", _BLACK, font)
    for row in range(rows):
        draw.text((40, 150 + 36 * row), _words(random, 2), _BLACK, font)
        draw.text((350, 150 + 36 * row), _money(random), _BLACK, font)
    draw.text((40, 190 + 36 * rows), f"TOTAL        {_money(random)}", _BLACK, _font(random, 32))
    for bar in range(60):
        if random.random() < 0.6:
            draw.rectangle((60 + 6 * bar, 260 + 36 * rows, 63 + 6 * bar, 320 + 36 * rows), _BLACK)
    return image


def book_page(random: Random) -> Image.Image:
    """A page of prose with its number."""
    width, height = 800, 1180
    image = Image.new("RGB", (width, height), (250, 246, 232))
    draw, font = ImageDraw.Draw(image), _font(random, 26)
    if random.random() < 0.4:
        draw.text((280, 80), f"Chapter {random.integers(1, 30)}", _BLACK, _font(random, 44))
    for row in range(24):
        indent = 120 if random.random() < 0.2 else 80
        draw.text((indent, 190 + 37 * row), _words(random, 7), (30, 30, 30), font)
    draw.text((380, 1120), str(random.integers(2, 600)), _BLACK, font)
    return image


def menu(random: Random) -> Image.Image:
    """The dishes of a restaurant with prices."""
    width, height = 760, 1100
    image = ground(random, width, height, 205, 255) if random.random() < 0.7 else Image.new(
        "RGB", (width, height), (30, 34, 32))  # fmt: skip
    ink = _BLACK if np.asarray(image).mean() > 120 else (240, 240, 225)
    draw, font = ImageDraw.Draw(image), _font(random, 30)
    draw.text((290, 60), "MENU", ink, _font(random, 70))
    for row in range(int(random.integers(9, 14))):
        draw.text((90, 210 + 62 * row), _one(random, DISHES), ink, font)
        draw.text((620, 210 + 62 * row), f"{random.integers(4, 40)}.50", ink, font)
    return image


def ticket(random: Random) -> Image.Image:
    """A ticket for a train or a concert."""
    width, height = 900, 380
    image = ground(random, width, height, 140, 255)
    draw, font = ImageDraw.Draw(image), _font(random, 32)
    draw.text((40, 30), _one(random, ["CONCERT TICKET", "TRAIN TICKET", "ADMIT ONE", "CINEMA"]),
              _BLACK, _font(random, 60))  # fmt: skip
    draw.text((40, 140), _words(random, 3).title(), _BLACK, font)
    draw.text((40, 200), f"{_day(random)}   {random.integers(10, 23)}:30", _BLACK, font)
    draw.text((40, 290), f"Seat {random.integers(1, 90)}   Row {random.integers(1, 40)}", _BLACK,
              font)  # fmt: skip
    for bar in range(90):
        if random.random() < 0.5:
            draw.rectangle((720, 30 + 3.5 * bar, 850, 32 + 3.5 * bar), _BLACK)
    return image


def newspaper(random: Random) -> Image.Image:
    """A front page: head, headline, columns and a picture."""
    width, height = 1000, 1350
    image = Image.new("RGB", (width, height), (238, 234, 224))
    draw, font = ImageDraw.Draw(image), _font(random, 19)
    draw.text((130, 30), f"The {_words(random, 1).title()} Times", _BLACK, _font(random, 90))
    draw.line((40, 150, 960, 150), _BLACK, 4)
    draw.text((50, 175), _words(random, 5).title(), _BLACK, _font(random, 56))
    image.paste(ground(random, 440, 300, 30, 230), (50, 270))
    for column in range(4):
        for row in range(27 if column > 1 else 18):
            y = (270 if column > 1 else 600) + 37 * row
            draw.text((50 + 230 * column, y), _words(random, 3), _BLACK, font)
    return image


def web_page(random: Random) -> Image.Image:
    """A screenshot of a page: bar, headings, text and boxes."""
    width, height = 1280, 800
    image = Image.new("RGB", (width, height), (250, 250, 252))
    draw, font, brand = ImageDraw.Draw(image), _font(random, 22), colour(random, 0, 180)
    draw.rectangle((0, 0, width, 50), fill=(225, 226, 230))
    draw.rounded_rectangle((160, 10, 1000, 42), 16, fill=_WHITE)
    draw.text(
        (180, 14), f"https://{_words(random, 1)}.example/{_words(random, 1)}", (90,) * 3, font
    )
    draw.rectangle((0, 50, width, 130), fill=brand)
    draw.text((60, 66), _words(random, 2).title(), _WHITE, _font(random, 44))
    draw.text((60, 170), _words(random, 4).title(), _BLACK, _font(random, 48))
    for row in range(13):
        draw.text((60, 260 + 36 * row), _words(random, 9), (40, 40, 40), font)
    for box in range(3):
        x = 900
        image.paste(ground(random, 320, 170, 60, 230), (x, 170 + 200 * box))
    return image


def business_card(random: Random) -> Image.Image:
    """A visiting card: name, trade, telephone."""
    image = Image.new("RGB", (850, 500), (252, 252, 250))
    draw, font = ImageDraw.Draw(image), _font(random, 34)
    draw.rectangle((0, 0, 40, 500), fill=colour(random, 0, 200))
    draw.text((100, 110), " ".join(_name(random)), _BLACK, _font(random, 60))
    draw.text((100, 190), f"{_words(random, 1).title()} designer", (90, 90, 90), font)
    draw.text((100, 330), f"+00 {_digits(random, 9, 3)}\n{_words(random, 1)}@example.org", _BLACK,
              font)  # fmt: skip
    return image


def _rounded(image: Image.Image, radius: int) -> Image.Image:
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *image.size), radius, fill=255)
    image.putalpha(mask)
    return image


Maker = Callable[[Random], Image.Image]
PRIVATE: dict[str, Maker] = {
    "bank cards": bank_card, "identity cards": identity_card, "passports": passport,
    "bank letters": bank_letter,
}  # fmt: skip
ORDINARY: dict[str, Maker] = {
    "receipts": receipt, "book pages": book_page, "menus": menu, "tickets": ticket,
    "newspapers": newspaper, "web pages": web_page, "business cards": business_card,
}  # fmt: skip


def drawn(name: str, seed: int) -> Image.Image:
    """Return one picture of a kind of `PRIVATE` or `ORDINARY`, the same for the same seed.

    Screenshots are never photographed, and a fifth of the others is scanned instead.
    """
    random = _random(name, seed)
    paper = _maker(name)(random)
    if name == "web pages" or random.random() < 0.2:
        return paper.convert("RGB")
    return photographed(paper, random)


def flat(name: str, seed: int) -> Image.Image:
    """Return one picture of a kind as a scanner sees it, on white."""
    paper = _maker(name)(_random(name, seed)).convert("RGBA")
    sheet = Image.new("RGBA", paper.size, "white")
    return Image.alpha_composite(sheet, paper).convert("RGB")


def _maker(name: str) -> Maker:
    return {**PRIVATE, **ORDINARY}[name]


def _random(name: str, seed: int) -> Random:
    return np.random.default_rng([seed, *name.encode()])
