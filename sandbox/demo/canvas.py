"""A few brush strokes on Pillow, from which the pictures of the demo site are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image, ImageColor, ImageDraw, ImageFilter

Point = tuple[float, float]

#: Drawn larger and scaled down, so that no edge is jagged.
SCALE = 2


class Canvas:
    """A picture measured in units of its own: 0 to 3 across, 0 to 2 down, the origin at the top left."""

    def __init__(self, *, width: int = 1600, ratio: float = 1.5, seed: int = 1) -> None:
        self.random = Random(seed)
        self.final_size = (width, round(width / ratio))
        self.size = (width * SCALE, round(width / ratio) * SCALE)
        self.unit = self.size[0] / 3
        self.image = Image.new("RGB", self.size)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def at(self, point: Point) -> Point:
        return point[0] * self.unit, point[1] * self.unit

    def sky(self, *colors: str) -> None:
        """A vertical gradient over the whole picture."""
        self.image.paste(_gradient(colors, self.size))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def glow(self, centre: Point, radius: float, color: str, strength: int = 160) -> None:
        """A disc of light with a soft edge."""
        mask = Image.radial_gradient("L").point(lambda value: max(0, 255 - 2 * value))
        side = round(2 * radius * self.unit)
        mask = mask.resize((side, side)).point(lambda value: value * strength // 255)
        x, y = self.at((centre[0] - radius, centre[1] - radius))
        self.image.paste(ImageColor.getrgb(color), (round(x), round(y)), mask)

    def disc(self, centre: Point, radius: float, color: str) -> None:
        (x, y), r = self.at(centre), radius * self.unit
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def rectangle(self, corner: Point, opposite: Point, color: str, *, round_by: float = 0) -> None:
        self.draw.rounded_rectangle(
            (*self.at(corner), *self.at(opposite)), radius=round_by * self.unit, fill=color
        )

    def shape(self, points: Sequence[Point], color: str) -> None:
        self.draw.polygon([self.at(point) for point in points], fill=color)

    def line(self, points: Sequence[Point], color: str, width: float) -> None:
        self.draw.line(
            [self.at(point) for point in points],
            fill=color,
            width=max(1, round(width * self.unit)),
            joint="curve",
        )

    def ridge(self, base: float, height: float, color: str, *, waves: float, shift: float) -> None:
        """The outline of hills, filled down to the lower edge."""

        def outline(x: float) -> float:
            slow, quick = math.sin(x * waves + shift), math.sin(x * waves * 2.7 + shift * 3)
            return base - height * (0.6 + 0.4 * slow + 0.12 * quick)

        xs = [step / 100 for step in range(-5, 310)]
        self.shape([(-0.1, 4), *((x, outline(x)) for x in xs), (3.1, 4)], color)

    def oval(self, centre: Point, long: float, short: float, angle: float, color: str) -> None:
        self.shape(list(_turned(_oval_outline, centre, long, short, angle)), color)

    def leaf(self, stem: Point, length: float, angle: float, color: str, vein: str) -> None:
        """A leaf that grows from `stem` in the direction of `angle` (radians, clockwise from east)."""
        middle = _along(stem, length / 2, angle)
        self.shape(list(_turned(_leaf_outline, middle, length / 2, length / 5, angle)), color)
        self.line([stem, _along(stem, length * 0.92, angle)], vein, 0.006)

    def lemon(self, centre: Point, size: float, angle: float) -> None:
        """A lemon with a darker side, a lighter one, and its tip."""
        self.shape(list(_turned(_lemon_outline, centre, size, size * 0.68, angle)), "#dfa51f")
        lit = (centre[0] - size * 0.07, centre[1] - size * 0.07)
        self.shape(list(_turned(_lemon_outline, lit, size * 0.9, size * 0.6, angle)), "#f3c53c")
        light = (centre[0] - size * 0.22, centre[1] - size * 0.26)
        self.oval(light, size * 0.3, size * 0.12, angle, "#fbe07c")

    def blossom(self, centre: Point, size: float, turn: float) -> None:
        """Five white petals around yellow stamens."""
        for petal in range(5):
            angle = turn + petal * math.tau / 5
            color = "#ffffff" if petal % 2 else "#f1efe6"
            self.oval(_along(centre, size * 0.62, angle), size * 0.55, size * 0.27, angle, color)
        self.disc(centre, size * 0.2, "#f7e2a0")
        for stamen in range(7):
            self.disc(_along(centre, size * 0.2, stamen * math.tau / 7), size * 0.07, "#f0bf3a")

    def soften(self, radius: float) -> None:
        """Put everything painted so far out of focus, as a background is."""
        self.image = self.image.filter(ImageFilter.GaussianBlur(radius * self.unit))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def jpeg(self) -> bytes:
        return self._saved(format="JPEG", quality=90)

    def round_png(self) -> bytes:
        """Cut to a circle, transparent around it."""
        mask = Image.new("L", self.size)
        ImageDraw.Draw(mask).ellipse((0, 0, *self.size), fill=255)
        self.image.putalpha(mask)
        return self._saved(format="PNG", optimize=True)

    def _saved(self, **options: Any) -> bytes:
        file = BytesIO()
        self.image.resize(self.final_size, Image.Resampling.LANCZOS).save(file, **options)
        return file.getvalue()


def _gradient(colors: Sequence[str], size: tuple[int, int]) -> Image.Image:
    strip = Image.new("RGB", (1, len(colors)))
    for row, color in enumerate(colors):
        strip.putpixel((0, row), ImageColor.getrgb(color)[:3])
    # Beyond the middle of its first and last pixel a resized strip would stand still.
    return strip.resize(size, Image.Resampling.BICUBIC, box=(0, 0.4, 1, len(colors) - 0.4))


def _along(start: Point, distance: float, angle: float) -> Point:
    return start[0] + distance * math.cos(angle), start[1] + distance * math.sin(angle)


def _turned(
    outline: Callable[[float], Point], centre: Point, long: float, short: float, angle: float
) -> Sequence[Point]:
    """An outline around the origin, stretched, turned and moved to its place."""
    cos, sin = math.cos(angle), math.sin(angle)
    points = []
    for step in range(90):
        x, y = outline(step * math.tau / 90)
        x, y = x * long, y * short
        points.append((centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos))
    return points


def _oval_outline(t: float) -> Point:
    return math.cos(t), math.sin(t)


def _leaf_outline(t: float) -> Point:
    return math.cos(t), math.sin(t) * abs(math.sin(t)) ** 0.35


def _lemon_outline(t: float) -> Point:
    tip = 0.24 * math.exp(-((abs(math.pi - t) / 0.3) ** 2))
    stem = 0.12 * math.exp(-((min(t, math.tau - t) / 0.35) ** 2))
    return math.cos(t) * (1 + tip + stem), math.sin(t)
