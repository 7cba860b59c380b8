"""More of what is read and looks alike: calendars, music, codes, maps, made as in `papers`."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tests.papers import Maker, Random, colour_of, font_of, money, photographed, words
from tests.scenes import scene

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def _page(look: Random, ratio: float) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    """Return a white page, its drawing, and a fiftieth of its width."""
    width = int(look.integers(640, 1200))
    image = Image.new("RGB", (width, round(width * ratio)), _WHITE)
    return image, ImageDraw.Draw(image), width / 50


def calendar(look: Random, content: Random) -> Image.Image:
    """A month: the same grid, begun on another day, with other entries."""
    image, draw, unit = _page(look, look.uniform(0.6, 0.8))
    font, first = font_of(look, unit * 1.1), int(content.integers(7))
    draw.text((unit * 3, unit), words(content, 1).title(), _BLACK, font_of(look, unit * 2))
    tall = (image.height - unit * 6) / 6
    for cell in range(42):
        x, y = unit * (2 + 6.5 * (cell % 7)), unit * 5 + tall * (cell // 7)
        draw.rectangle((x, y, x + unit * 6.5, y + tall), outline=(150, 150, 150))
        draw.text((x + unit / 2, y + unit / 3), str((cell - first) % 31 + 1), _BLACK, font)
        if content.random() < 0.2:
            draw.text((x + unit / 2, y + unit * 2), words(content, 1)[:7], (170, 40, 40), font)
    return image


def music(look: Random, content: Random) -> Image.Image:
    """A sheet of music: the same staves, other notes."""
    image, draw, unit = _page(look, 1.41)
    draw.text((unit * 16, unit * 2), words(look, 2).title(), _BLACK, font_of(look, unit * 2))
    for staff in range(int((image.height / unit - 10) / 9)):
        top = unit * (8 + 9 * staff)
        for line in range(5):
            y = top + unit * line
            draw.line((unit * 3, y, unit * 47, y), fill=_BLACK, width=max(1, round(unit / 10)))
        for place in range(18):
            x, y = unit * (6 + 2.2 * place), top + unit * (content.integers(9) / 2 - 0.4)
            draw.ellipse((x, y, x + unit * 1.1, y + unit * 0.8), fill=_BLACK)
            draw.line((x + unit, y + unit / 2, x + unit, y - unit * 3), fill=_BLACK, width=2)
    return image


def spreadsheet(look: Random, content: Random) -> Image.Image:
    """A table of numbers on a screen."""
    image, draw, unit = _page(look, look.uniform(0.55, 0.75))
    font, columns = font_of(look, unit), int(look.integers(4, 8))
    draw.rectangle((0, 0, image.width, unit * 3), fill=colour_of(look, 0, 140))
    for row in range(int(image.height / unit / 2) - 2):
        y = unit * (4 + 2 * row)
        draw.line((0, y, image.width, y), fill=(215, 215, 215))
        for column in range(columns):
            text = words(look, 1) if column == 0 else money(content)
            draw.text((unit + column * image.width / columns, y + unit / 3), text, _BLACK, font)
    return image


def code(look: Random, content: Random) -> Image.Image:
    """An editor: a dark ground and lines of coloured words."""
    width = int(look.choice([900, 1200, 1440]))
    image = Image.new("RGB", (width, round(width * 0.62)), (30, 31, 38))
    draw, unit = ImageDraw.Draw(image), width / 70
    font = font_of(look, unit * 1.1)
    for row in range(int(image.height / unit / 1.7)):
        y, x = unit * 1.7 * row, unit * (4 + 2 * content.integers(4))
        draw.text((unit, y), str(row + 1), (95, 95, 105), font)
        for _ in range(int(content.integers(0, 6))):
            word = words(content, 1)
            draw.text((x, y), word, colour_of(content, 130, 240), font)
            x += draw.textlength(word + " ", font)
    return image


def square_code(look: Random, content: Random) -> Image.Image:
    """A code of black squares with three corners, and a line below."""
    side = int(look.choice([21, 25, 29, 33]))
    cells = content.integers(0, 2, (side, side)).astype(np.uint8) * 255
    for y, x in ((0, 0), (0, side - 7), (side - 7, 0)):
        cells[y : y + 7, x : x + 7] = 0
        cells[y + 1 : y + 6, x + 1 : x + 6] = 255
        cells[y + 2 : y + 5, x + 2 : x + 5] = 0
    size = int(look.integers(14, 24)) * side
    image = Image.new("RGB", (size + 120, size + 180), _WHITE)
    code_image = Image.fromarray(cells).resize((size, size), Image.Resampling.NEAREST)
    image.paste(code_image.convert("RGB"), (60, 60))
    draw = ImageDraw.Draw(image)
    draw.text((60, size + 90), words(look, 2), _BLACK, font_of(look, 40))
    return photographed(image, look) if look.random() < 0.5 else image


def bar_code(look: Random, content: Random) -> Image.Image:
    """A code of black bars with a number below."""
    width = int(look.integers(500, 1000))
    image = Image.new("RGB", (width, round(width * 0.5)), _WHITE)
    draw, unit = ImageDraw.Draw(image), width / 120
    x = unit * 10
    while x < width - unit * 10:
        bar, gap = unit * content.integers(1, 4), unit * content.integers(1, 4)
        draw.rectangle((x, unit * 6, x + bar, image.height - unit * 14), fill=_BLACK)
        x += bar + gap
    number = str(content.integers(10**12, 10**13))
    draw.text((unit * 20, image.height - unit * 12), number, _BLACK, font_of(look, unit * 8))
    return photographed(image, look) if look.random() < 0.5 else image


def whiteboard(look: Random, content: Random) -> Image.Image:
    """A board in a meeting, photographed from one chair, with other notes and arrows."""
    image = Image.new("RGB", (1000, 700), (96, 92, 88))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 50, 940, 620), fill=(232, 234, 236), outline=(160, 160, 165), width=10)
    for _ in range(int(content.integers(5, 10))):
        place = (int(content.integers(90, 700)), int(content.integers(80, 550)))
        draw.text(place, words(content, 2), colour_of(content, 0, 160), font_of(look, 34))
    for _ in range(4):
        line = [int(number) for number in content.integers(100, 600, 4)]
        draw.line(line, fill=colour_of(content, 0, 160), width=4)
    return photographed(image, look)


def map_tile(look: Random, content: Random) -> Image.Image:
    """A street map in one style, of another quarter of a town."""
    ground, road = colour_of(look, 215, 245), colour_of(look, 246, 256)
    image = Image.new("RGB", (900, 900), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, side = (int(number) for number in content.integers(0, 800, 3))
        draw.rectangle((x, y, x + side // 3, y + side // 4), fill=colour_of(look, 180, 230))
    for number in range(26):
        ends = [int(end) for end in content.integers(-100, 1000, 4)]
        draw.line(ends, fill=(190, 185, 180), width=14 if number % 5 else 26)
        draw.line(ends, fill=road, width=10 if number % 5 else 22)
    for _ in range(9):
        place = (int(content.integers(800)), int(content.integers(880)))
        draw.text(place, words(content, 1).title(), (90, 90, 90), font_of(look, 20))
    return image


def chart(look: Random, content: Random) -> Image.Image:
    """A diagram: the same axes, another line."""
    image, draw, unit = _page(look, 0.62)
    left, low = unit * 5, image.height - unit * 4
    font = font_of(look, unit * 1.1)
    for step in range(6):
        y = low - step * (low - unit * 4) / 5
        draw.line((left, y, unit * 48, y), fill=(210, 210, 210))
        draw.text((unit, y - unit / 2), str(step * 20), _BLACK, font)
    heights = np.cumsum(content.normal(0, 1, 40))
    heights = (heights - heights.min()) / max(float(np.ptp(heights)), 1e-3)
    points = [(left + i * unit, low - float(h) * (low - unit * 4)) for i, h in enumerate(heights)]
    draw.line(points, fill=colour_of(look, 0, 160), width=max(2, round(unit / 4)))
    draw.text((unit * 12, unit), words(look, 3).title(), _BLACK, font_of(look, unit * 1.8))
    return image


def board_game(look: Random, content: Random) -> Image.Image:
    """A board seen from above, with its pieces elsewhere."""
    light, dark = colour_of(look, 200, 240), colour_of(look, 80, 140)
    image = Image.new("RGB", (800, 800), light)
    draw = ImageDraw.Draw(image)
    for cell in range(64):
        x, y = cell % 8 * 100, cell // 8 * 100
        if (cell % 8 + cell // 8) % 2:
            draw.rectangle((x, y, x + 99, y + 99), fill=dark)
    for cell in content.choice(64, 14, replace=False):
        x, y = int(cell) % 8 * 100, int(cell) // 8 * 100
        shade = 245 if content.random() < 0.5 else 20
        draw.ellipse((x + 22, y + 22, x + 78, y + 78), (shade, shade, shade), _BLACK, 3)
    return image


def comic(look: Random, content: Random) -> Image.Image:
    """A page of panels with balloons: the same frames, another story."""
    image, draw, unit = _page(look, 1.4)
    font, shade = font_of(look, unit * 1.2), look.uniform(0.3, 0.7)
    for row in range(3):
        cut = look.uniform(0.35, 0.65)
        for left, right in ((0.04, cut - 0.01), (cut + 0.01, 0.96)):
            wide = round((right - left) * image.width)
            tall = round(image.height * 0.29)
            panel = scene(int(content.integers(10**6)), (wide, tall))
            panel = Image.blend(panel, Image.new("RGB", panel.size, _WHITE), shade)
            x, y = round(left * image.width), round(image.height * (0.03 + 0.32 * row))
            image.paste(panel, (x, y))
            draw.rectangle((x, y, x + wide, y + tall), outline=_BLACK, width=4)
            draw.ellipse((x + unit, y + unit, x + unit * 11, y + unit * 5), _WHITE, _BLACK, 2)
            draw.text((x + unit * 2, y + unit * 2), words(content, 2), _BLACK, font)
    return image


SHEETS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        calendar,
        music,
        spreadsheet,
        code,
        square_code,
        bar_code,
        whiteboard,
        map_tile,
        chart,
        board_game,
        comic,
    )
}
