"""More pictures that look alike and are not the same, made from seeds as in `papers`.

Some are seen through one lens or printed from one plate, some are nothing but texture, and in some
only a small thing differs.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.papers import (
    Maker,
    Random,
    colour_apart,
    colour_of,
    font_of,
    member_of,
    photographed,
    words,
)
from tests.scenes import saved, scene

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def subtitle(look: Random, content: Random) -> Image.Image:
    """One scene of a film, with another line spoken: white or yellow, with an edge or without."""
    image = scene(int(look.integers(10**6)), (960, 540))
    draw, font = ImageDraw.Draw(image), font_of(look, look.uniform(22, 38))
    colour = _WHITE if look.random() < 0.6 else (250, 235, 90)
    edge = int(look.integers(0, 3))
    for row in range(int(look.integers(1, 3))):
        place = (480, 440 + 42 * row)
        text = words(content, 4)
        draw.text(place, text, colour, font, "ma", stroke_width=edge, stroke_fill=_BLACK)
    return saved(image, quality=88)


def banner(look: Random, content: Random) -> Image.Image:
    """A picture under a white bar with a joke in it, as they are passed around."""
    picture = scene(int(look.integers(10**6)), (700, 500))
    image = Image.new("RGB", (700, 500 + int(look.integers(80, 150))), _WHITE)
    image.paste(picture, (0, image.height - 500))
    font = font_of(look, look.uniform(26, 36))
    ImageDraw.Draw(image).text((20, 20), words(content, 5).capitalize(), _BLACK, font)
    return saved(image, quality=88)


def game(look: Random, content: Random) -> Image.Image:
    """A game's screen: the place stays, the score and the lives change."""
    image = scene(int(look.integers(10**6)), (960, 540))
    draw, font = ImageDraw.Draw(image), font_of(look, look.uniform(20, 34))
    draw.rectangle((0, 0, 960, 46), fill=(0, 0, 0))
    draw.text((20, 6), f"SCORE {content.integers(10**5, 10**6)}", (250, 220, 60), font)
    draw.text((700, 6), f"LIVES {content.integers(1, 9)}", _WHITE, font)
    return saved(image, quality=92)


def ultrasound(look: Random, content: Random) -> Image.Image:
    """A fan of grey specks with dark hollows, between the same letters of the machine."""
    down, across = np.mgrid[0:600, 0:800].astype(np.float32)
    far = np.hypot(down + 80, across - 400)
    fan = (far < 620) & (far > 120) & (np.abs(across - 400) < (down + 80) * 0.8)
    speckle = np.abs(content.normal(0, 1, (150, 200))) * 60 + 50
    picture = np.asarray(Image.fromarray(speckle.astype(np.uint8)).resize((800, 600)), np.float32)
    for _ in range(int(content.integers(2, 5))):
        y, x, size = content.uniform(150, 450), content.uniform(250, 550), content.uniform(30, 90)
        picture = picture * (1 - 0.8 * np.exp(-((down - y) ** 2 + (across - x) ** 2) / size**2))
    image = Image.fromarray(np.where(fan, picture, 0).clip(0, 255).astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.text((20, 20), words(look, 2).upper(), (200, 200, 200), font_of(look, 24))
    draw.text((20, 550), f"{content.integers(10, 99)} mm", (200, 200, 200), font_of(look, 24))
    return saved(image, quality=90)


def fingerprint(look: Random, content: Random) -> Image.Image:
    """Ridges around a whorl, of another finger."""
    down, across = np.mgrid[0:700, 0:520].astype(np.float32)
    y, x = content.uniform(300, 400), content.uniform(220, 300)
    far = np.hypot((down - y) * content.uniform(0.7, 0.9), across - x)
    bend = sum(
        content.uniform(8, 25) * np.sin((down * content.normal() + across * content.normal()) / 70)
        for _ in range(4)
    )
    ridges = np.sin((far + bend) * 2 * math.pi / look.uniform(11, 15))
    inside = np.hypot((down - 350) / 330, (across - 260) / 240) < 1
    grey = np.where(inside, 150 + 80 * ridges, 240).clip(0, 255).astype(np.uint8)
    return saved(Image.fromarray(grey).convert("RGB"), quality=88)


def coin(look: Random, content: Random) -> Image.Image:
    """A coin on a plain ground: the other side, or another year."""
    ground, metal = colour_of(look, 200, 245), colour_of(look, 130, 190)
    image = Image.new("RGB", (700, 700), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((60, 60, 640, 640), metal, tuple(c - 60 for c in metal), 14)
    for _ in range(6):
        x, y, w, h = (
            int(number) for number in content.integers((200, 200, 30, 30), (420, 420, 130, 130))
        )
        draw.ellipse(
            (x, y, x + w, y + h), fill=tuple(c + int(content.integers(-40, 40)) for c in metal)
        )
    year = str(content.integers(1950, 2024))
    draw.text((350, 540), year, tuple(c - 90 for c in metal), font_of(look, 48), "ma")
    return photographed(image, look)


def stamp(look: Random, content: Random) -> Image.Image:
    """A stamp of one series: the same frame, another picture and value."""
    image = Image.new("RGB", (560, 680), colour_of(look, 225, 250))
    draw, ink = ImageDraw.Draw(image), colour_of(look, 30, 150)
    draw.rectangle((40, 40, 520, 640), outline=ink, width=14)
    picture = scene(int(content.integers(10**6)), (400, 420)).convert("L").convert("RGB")
    image.paste(picture, (80, 90))
    draw.text((90, 550), words(look, 1).upper(), ink, font_of(look, 40))
    draw.text((400, 550), str(content.integers(1, 99)), ink, font_of(look, 56))
    return photographed(image, look)


def identity(look: Random, content: Random) -> Image.Image:
    """A card with a face, a name and a number."""
    image = Image.new("RGB", (860, 540), colour_of(look, 190, 240))
    draw, font = ImageDraw.Draw(image), font_of(look, 30)
    draw.rectangle((0, 0, 860, 80), fill=colour_of(look, 20, 140))
    draw.text((30, 18), words(look, 3).upper(), _WHITE, font)
    skin = colour_of(content, 90, 220)
    draw.rectangle((40, 120, 290, 440), fill=(200, 205, 210))
    draw.ellipse((90, 160, 240, 350), fill=skin, outline=_BLACK)
    for x in (130, 190):
        draw.ellipse((x, 230, x + 16, 240), fill=_BLACK)
    draw.rectangle((60, 380, 270, 440), fill=colour_of(content, 20, 200))
    for row, label in enumerate(("Name", "City", "No.")):
        y = 130 + 100 * row
        draw.text((330, y), label, (90, 90, 90), font_of(look, 20))
        value = str(content.integers(10**7, 10**8)) if row == 2 else words(content, 2).title()
        draw.text((330, y + 30), value, _BLACK, font)
    return photographed(image, look) if look.random() < 0.5 else image


def clock(look: Random, content: Random) -> Image.Image:
    """A clock on a wall: the hands stand elsewhere."""
    image = scene(int(look.integers(10**6)), (800, 600))
    draw = ImageDraw.Draw(image)
    draw.ellipse((250, 150, 550, 450), (240, 238, 230), (40, 40, 40), 8)
    for hour in range(12):
        angle = hour * math.pi / 6
        x, y = 400 + 125 * math.sin(angle), 300 - 125 * math.cos(angle)
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=_BLACK)
    for length, width, turn in zip(
        (75, 115), (9, 5), content.uniform(0, 2 * math.pi, 2), strict=True
    ):
        end = (400 + length * math.sin(turn), 300 - length * math.cos(turn))
        draw.line((400, 300, *end), fill=_BLACK, width=width)
    return saved(image, quality=90)


def bricks(look: Random, content: Random) -> Image.Image:
    """A wall of bricks, another part of it."""
    image = Image.new("RGB", (800, 600), (185, 180, 172))
    draw, base = ImageDraw.Draw(image), np.array(colour_of(look, 80, 170))
    for row in range(13):
        for column in range(-1, 9):
            shade = (base + content.normal(0, 14, 3)).clip(0, 255).astype(int)
            x, y = column * 100 + (50 if row % 2 else 0), row * 48
            draw.rectangle((x + 4, y + 4, x + 96, y + 44), fill=tuple(int(c) for c in shade))
    return photographed(image, content)


def night_sky(look: Random, content: Random) -> Image.Image:
    """Stars, other ones."""
    pixels = np.full((600, 900), look.uniform(4, 14), np.float32) + content.normal(0, 2, (600, 900))
    for _ in range(int(look.integers(60, 300))):
        y, x = int(content.integers(2, 597)), int(content.integers(2, 897))
        pixels[y : y + 2, x : x + 2] += content.uniform(40, 245)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB")
    return saved(image.filter(ImageFilter.GaussianBlur(0.7)), quality=90)


def fireworks(look: Random, content: Random) -> Image.Image:
    """Bursts of light over a dark town."""
    image = Image.new("RGB", (900, 675), (8, 9, 16))
    draw = ImageDraw.Draw(image)
    for house in range(0, 900, 60):
        top = 675 - int(look.integers(40, 130))
        draw.rectangle((house, top, house + 55, 675), fill=(18, 18, 24))
    for _ in range(int(content.integers(2, 6))):
        x, y, reach = content.uniform(100, 800), content.uniform(80, 400), content.uniform(60, 170)
        colour = colour_of(content, 120, 256)
        for angle in content.uniform(0, 2 * math.pi, 60):
            far = reach * content.uniform(0.6, 1)
            draw.line((x, y, x + far * math.cos(angle), y + far * math.sin(angle)), colour, 2)
    return saved(image.filter(ImageFilter.GaussianBlur(0.8)), quality=88)


def clouds(look: Random, content: Random) -> Image.Image:
    """A sky full of clouds, another one."""
    pixels = np.zeros((600, 900), np.float32)
    for cells in (3, 6, 12, 24, 48):
        rough = (content.normal(0, 40, (cells, cells)) + 128).clip(0, 255).astype(np.uint8)
        layer = Image.fromarray(rough).resize((900, 600), Image.Resampling.BICUBIC)
        pixels += (np.asarray(layer, np.float32) - 128) * (4 / cells) ** 0.7
    blue, white = np.array(colour_of(look, 110, 200)), np.array([245, 246, 248])
    share = (pixels / 90 + 0.5).clip(0, 1)[..., None]
    return saved(Image.fromarray((blue * (1 - share) + white * share).astype(np.uint8)), quality=88)


def caption(look: Random, content: Random) -> Image.Image:
    """A picture with plain words on it, few or many, without an edge around the letters."""
    image = scene(int(look.integers(10**6)), (640, 480))
    pale = float(look.uniform(0, 0.5))
    image = Image.blend(image, Image.new("RGB", image.size, _WHITE), pale)
    shade = _WHITE if pale < 0.25 else _BLACK
    draw, font = ImageDraw.Draw(image), font_of(look, look.uniform(22, 48))
    place = (int(look.integers(10, 80)), int(look.choice([15, 220, 415])))
    draw.text(place, words(content, int(content.integers(1, 5))), shade, font)
    return saved(image, quality=88)


def colourway(look: Random, content: Random) -> Image.Image:
    """A thing with folds and light on it, before a ground that stays, in another colour."""
    down, across = np.mgrid[0:640, 0:640].astype(np.float32) / 640
    wide, tall = look.uniform(0.2, 0.34), look.uniform(0.25, 0.4)
    inside = (np.abs((across - 0.5) / wide) ** 3 + np.abs((down - 0.5) / tall) ** 3) < 1
    folds = sum(
        np.sin((across * look.normal() + down * look.normal()) * 25 + look.uniform(0, 6))
        for _ in range(4)
    )
    light = (0.85 + 0.06 * folds - 0.25 * (across - 0.4))[..., None]
    ground = np.array(colour_of(look, 190, 250)) * (1.02 - 0.08 * down[..., None])
    colour = np.array(colour_apart(look, content), np.float32)
    pixels = np.where(inside[..., None], colour * light, ground) + content.normal(
        0, 1.5, (640, 640, 3)
    )
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if look.random() < 0.5:
        draw = ImageDraw.Draw(image)
        draw.text((320, 300), words(look, 1).upper(), _WHITE, font_of(look, 40), "ma")
    return saved(image, quality=90)


def lamp(look: Random, content: Random) -> Image.Image:
    """A crossing: another of three lamps is lit."""
    image = scene(int(look.integers(10**6)), (800, 600))
    draw, lit = ImageDraw.Draw(image), member_of(content) % 3
    x, y, side = (int(look.integers(*ends)) for ends in ((60, 600), (60, 200), (36, 80)))
    draw.rectangle((x, y, x + side + 20, y + side * 3 + 40), fill=(25, 25, 25))
    for place, colour in enumerate(((230, 40, 30), (240, 190, 40), (40, 200, 90))):
        low = y + 10 + place * (side + 10)
        shown = colour if place == lit else tuple(c // 5 for c in colour)
        draw.ellipse((x + 10, low, x + 10 + side, low + side), fill=shown)
    return saved(image, quality=90)


def gauge(look: Random, content: Random) -> Image.Image:
    """A dial on a plain plate: the needle points elsewhere."""
    image = Image.new("RGB", (800, 800), colour_of(look, 60, 200))
    draw = ImageDraw.Draw(image)
    draw.ellipse((80, 80, 720, 720), (242, 242, 238), (30, 30, 30), 12)
    for mark in range(11):
        angle = math.radians(-120 + 24 * mark)
        x, y = 400 + 250 * math.sin(angle), 400 - 250 * math.cos(angle)
        draw.text((x, y), str(mark * 10), _BLACK, font_of(look, 34), "mm")
    angle = math.radians(content.uniform(-120, 120))
    end = (400 + 210 * math.sin(angle), 400 - 210 * math.cos(angle))
    draw.line((400, 400, *end), fill=(190, 30, 30), width=int(look.integers(5, 12)))
    draw.text((400, 560), words(look, 1), _BLACK, font_of(look, 30), "ma")
    return photographed(image, look)


def ticker(look: Random, content: Random) -> Image.Image:
    """The news: the speaker and the studio stay, the lines below change."""
    image = scene(int(look.integers(10**6)), (960, 540))
    draw, tall = ImageDraw.Draw(image), int(look.integers(28, 60))
    draw.rectangle((0, 540 - 2 * tall, 960, 540 - tall), fill=colour_of(look, 120, 220))
    draw.rectangle((0, 540 - tall, 960, 540), fill=(245, 245, 245))
    font = font_of(look, tall * 0.6)
    draw.text((20, 540 - 1.9 * tall), words(content, 4).upper(), _WHITE, font)
    draw.text((20, 540 - 0.9 * tall), words(content, 5), _BLACK, font)
    return saved(image, quality=88)


def blink(look: Random, content: Random) -> Image.Image:
    """A face from near: the eyes are open or shut, the mouth smiles or does not."""
    image = scene(int(look.integers(10**6)), (640, 800))
    draw, skin = ImageDraw.Draw(image), colour_of(look, 110, 220)
    draw.ellipse((130, 140, 510, 660), fill=skin)
    dark = tuple(c // 2 for c in skin)
    open_, smile = divmod(member_of(content) % 4, 2)
    for x in (220, 370):
        box = (x, 330, x + 60, 330 + (30 if open_ else 4))
        draw.ellipse(box, fill=_WHITE if open_ else dark, outline=dark, width=2)
        if open_:
            draw.ellipse((x + 20, 335, x + 40, 355), fill=_BLACK)
    draw.arc((240, 480 - 20 * smile, 400, 540 + 20 * smile), 20, 160, fill=dark, width=8)
    return photographed(image.filter(ImageFilter.GaussianBlur(1.5)), content)


def parking(look: Random, content: Random) -> Image.Image:
    """A car park from above, other bays taken."""
    image = scene(int(look.integers(10**6)), (900, 600))
    draw = ImageDraw.Draw(image)
    for row in range(2):
        for bay in range(8):
            x, y = 60 + 100 * bay, 80 + 260 * row
            draw.rectangle((x, y, x + 96, y + 180), (90, 90, 92), (220, 220, 220), 3)
            if content.random() < 0.6:
                box = (x + 18, y + 25, x + 78, y + 155)
                draw.rounded_rectangle(box, 14, colour_of(content, 20, 240), _BLACK, 2)
    return saved(image, quality=88)


LOOKALIKES: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        subtitle, banner, caption, ticker, game, ultrasound, fingerprint, coin, stamp, identity,
        clock, gauge, lamp, blink, parking, colourway, bricks, night_sky, fireworks, clouds,
    )
}  # fmt: skip
