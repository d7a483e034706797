"""The pictures of the demo site, painted when it is loaded: no picture lies in the repository."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .canvas import Canvas, Point

LEAVES = ("#2f6b4f", "#3c7d5c", "#255842", "#4b8d66")


@dataclass(frozen=True)
class Illustration:
    """A picture, its file name and what it shows, for those who cannot see it."""

    title: str
    file_name: str
    description: str
    paint: Callable[[], bytes]


def _branch(canvas: Canvas, stem: Point, length: float, angle: float, *, lemons: int = 2) -> None:
    """A twig with leaves on both sides and lemons hanging from it."""
    random = canvas.random
    tip = stem[0] + length * math.cos(angle), stem[1] + length * math.sin(angle)
    canvas.line([stem, tip], "#6b5138", 0.02)
    for step in range(9):
        along = (step + 0.5) / 9
        foot = stem[0] + along * (tip[0] - stem[0]), stem[1] + along * (tip[1] - stem[1])
        side = 1 if step % 2 else -1
        direction = angle + side * random.uniform(0.5, 0.95)
        canvas.leaf(foot, random.uniform(0.3, 0.42), direction, LEAVES[step % 4], "#ffffff30")
    for number in range(lemons):
        along = (number + 1) / (lemons + 0.6)
        x = stem[0] + along * (tip[0] - stem[0])
        y = stem[1] + along * (tip[1] - stem[1]) + 0.2
        canvas.lemon((x, y), random.uniform(0.15, 0.18), random.uniform(1.2, 1.8))
    canvas.leaf(tip, 0.36, angle, LEAVES[0], "#ffffff30")


def lake() -> bytes:
    """Evening over the lake, seen from under a lemon branch. Upright: it is the home page's."""
    canvas = Canvas(width=1280, ratio=8 / 9, seed=4)
    canvas.sky("#f8d9a8", "#f9e3b8", "#fbeccf", "#d9e6dc", "#8fb7ba", "#4f8a97")
    canvas.glow((1.95, 1.02), 0.9, "#fff3cf", 255)
    canvas.disc((1.95, 1.02), 0.17, "#fff6dd")
    canvas.ridge(1.72, 0.62, "#a9bfc0", waves=1.7, shift=0.4)
    canvas.ridge(1.8, 0.46, "#86a9ad", waves=2.1, shift=2.2)
    canvas.ridge(1.86, 0.3, "#5f8f93", waves=2.6, shift=4.0)
    canvas.rectangle((-0.1, 1.8), (3.1, 3.5), "#4f8a97")
    for row in range(26):
        y = 1.84 + row * 0.05
        half = 0.12 + row * 0.02 * canvas.random.uniform(0.4, 1.5)
        x = 1.95 + canvas.random.uniform(-0.08, 0.08)
        canvas.rectangle((x - half, y), (x + half, y + 0.013), "#fdeec680", round_by=0.006)
    canvas.shape([(0.55, 2.35), (0.55, 1.98), (0.78, 2.31)], "#fbf7ec")
    canvas.shape([(0.53, 2.33), (0.53, 2.05), (0.38, 2.31)], "#ece4cf")
    canvas.shape([(0.36, 2.35), (0.82, 2.35), (0.74, 2.42), (0.44, 2.42)], "#7a4d32")
    canvas.ridge(3.55, 0.5, "#2d5b4a", waves=1.3, shift=1.0)
    canvas.ridge(3.6, 0.36, "#234a3c", waves=1.9, shift=3.4)
    _branch(canvas, (-0.15, 0.1), 1.5, 0.32, lemons=3)
    _branch(canvas, (3.2, -0.05), 1.25, 2.5, lemons=2)
    return canvas.jpeg()


def _lemon_tree(canvas: Canvas, foot: Point, height: float) -> None:
    random = canvas.random
    x, y = foot
    canvas.rectangle((x - 0.02, y - height * 0.5), (x + 0.02, y), "#6b5138")
    for ring, (color, radius) in enumerate((("#255842", 0.3), ("#2f6b4f", 0.26), ("#3c7d5c", 0.2))):
        for _number in range(7):
            off_x, off_y = random.uniform(-0.16, 0.16), random.uniform(-0.18, 0.16)
            centre = x + off_x * height - ring * 0.02, y - height * 0.75 + off_y * height
            canvas.disc(centre, radius * height * 0.62, color)
    for number in range(9):
        # The golden angle spreads them without a pattern.
        angle, distance = number * 2.4, 0.078 * math.sqrt(number + 0.5) * height
        centre = x + distance * math.cos(angle), y - height * 0.74 + distance * math.sin(angle)
        canvas.lemon(centre, 0.055 * height, random.uniform(1.2, 1.8))


def lemon_house() -> bytes:
    """The pillars of the lemon house in the morning, a tree between each two."""
    canvas = Canvas(seed=7)
    canvas.sky("#cfe3ea", "#e6eee6", "#f6efd9")
    canvas.ridge(1.05, 0.55, "#b4cbc6", waves=1.5, shift=1.0)
    canvas.ridge(1.12, 0.34, "#93b5a8", waves=2.2, shift=3.0)
    canvas.rectangle((-0.1, 0.78), (3.1, 1.62), "#d8c7a3")
    for row in range(9):
        for column in range(22):
            x = column * 0.15 - (0.07 if row % 2 else 0)
            tone = canvas.random.choice(("#cdbb95", "#d3c19b", "#dccdab", "#c8b68f"))
            y = 0.8 + row * 0.09
            canvas.rectangle((x, y), (x + 0.135, y + 0.075), tone, round_by=0.015)
    canvas.rectangle((-0.1, 1.6), (3.1, 2.1), "#8a9a5b")
    canvas.rectangle((-0.1, 1.6), (3.1, 1.64), "#a8946a")
    for number in range(5):
        _lemon_tree(canvas, (0.3 + number * 0.6, 1.74), 0.62)
    for number in range(6):
        x = number * 0.6
        canvas.rectangle((x - 0.065, 0.3), (x + 0.065, 1.8), "#efe6d2")
        canvas.rectangle((x + 0.015, 0.3), (x + 0.065, 1.8), "#d9cdb2")
        canvas.rectangle((x - 0.085, 0.26), (x + 0.085, 0.32), "#e4d8be")
        canvas.rectangle((x - 0.085, 1.76), (x + 0.085, 1.84), "#cfc1a2")
    canvas.rectangle((-0.1, 0.2), (3.1, 0.26), "#8b6a48")
    canvas.rectangle((-0.1, 0.2), (3.1, 0.22), "#a17f59")
    return canvas.jpeg()


def winter() -> bytes:
    """Snow on the closed lemon house; behind the panes it is warm."""
    canvas = Canvas(seed=11)
    canvas.sky("#7f9bb0", "#a9bfcb", "#d5dfe2", "#e9edea")
    canvas.ridge(1.0, 0.62, "#c6d3da", waves=1.6, shift=2.0)
    canvas.ridge(1.1, 0.4, "#adc0ca", waves=2.3, shift=0.6)
    canvas.rectangle((0.2, 0.72), (2.8, 1.8), "#7b5b3f")
    canvas.shape([(0.1, 0.74), (0.32, 0.5), (2.68, 0.5), (2.9, 0.74)], "#f7f9f8")
    canvas.shape([(0.1, 0.74), (2.9, 0.74), (2.9, 0.79), (0.1, 0.79)], "#dfe7ea")
    for bay in range(6):
        left = 0.29 + bay * 0.41
        canvas.rectangle((left, 0.86), (left + 0.36, 1.54), "#5f4530")
        for pane in range(6):
            x, y = left + 0.02 + pane % 2 * 0.165, 0.88 + pane // 2 * 0.22
            color = canvas.random.choice(("#f6cf74", "#f3c35c", "#f9dc94"))
            canvas.rectangle((x, y), (x + 0.155, y + 0.205), color, round_by=0.008)
        canvas.oval((left + 0.18, 1.36), 0.13, 0.11, 0, "#3c7d5cb0")
        canvas.rectangle((left + 0.17, 1.4), (left + 0.19, 1.54), "#5b6b3fb0")
        for lemon in range(4):
            canvas.disc((left + 0.1 + lemon * 0.05, 1.33 + lemon % 2 * 0.06), 0.014, "#fff0b0")
    canvas.glow((1.5, 1.2), 1.3, "#ffdf95", 60)
    canvas.ridge(1.72, 0.16, "#f3f6f6", waves=1.4, shift=1.0)
    canvas.ridge(1.86, 0.14, "#e3ebee", waves=2.0, shift=3.3)
    for _flake in range(170):
        centre = canvas.random.uniform(0, 3), canvas.random.uniform(0, 2)
        canvas.disc(centre, canvas.random.uniform(0.004, 0.013), "#ffffffd0")
    return canvas.jpeg()


def night() -> bytes:
    """Lemon blossom under the moon."""
    canvas = Canvas(seed=19)
    canvas.sky("#0f1f33", "#173049", "#27485c", "#4a6a6c")
    for _star in range(120):
        centre = canvas.random.uniform(0, 3), canvas.random.uniform(0, 1.2)
        canvas.disc(centre, canvas.random.uniform(0.002, 0.006), "#fdf6dcc0")
    canvas.glow((2.25, 0.5), 0.75, "#f6edc8", 150)
    canvas.disc((2.25, 0.5), 0.2, "#f8f1d6")
    canvas.disc((2.19, 0.46), 0.04, "#ebe2bf")
    canvas.disc((2.31, 0.56), 0.028, "#ebe2bf")
    canvas.ridge(1.6, 0.4, "#223f4d", waves=1.8, shift=0.2)
    canvas.ridge(1.75, 0.3, "#1a3340", waves=2.4, shift=2.0)
    for lamp in range(9):
        canvas.disc((0.5 + lamp * 0.27, 1.6 + lamp % 3 * 0.03), 0.008, "#f6cf74")
    canvas.rectangle((-0.1, 1.72), (3.1, 2.1), "#142a36")
    _branch(canvas, (-0.1, 1.75), 1.75, -0.42, lemons=0)
    _branch(canvas, (0.2, 2.1), 1.5, -0.2, lemons=0)
    for x, y, size in (
        (0.28, 1.5, 0.13),
        (0.62, 1.42, 0.16),
        (0.95, 1.2, 0.13),
        (1.3, 1.12, 0.15),
        (0.85, 1.82, 0.15),
        (1.35, 1.72, 0.13),
        (1.62, 1.82, 0.1),
    ):
        canvas.blossom((x, y), size, canvas.random.uniform(0, 1.2))
    return canvas.jpeg()


def _jar(canvas: Canvas, left: float, width: float, top: float, color: str, light: str) -> None:
    right, bottom = left + width, 1.62
    canvas.oval(((left + right) / 2, bottom), width * 0.62, 0.05, 0, "#00000022")
    canvas.rectangle((left, top), (right, bottom), "#f6efe0", round_by=0.09)
    canvas.rectangle(
        (left + 0.02, top + 0.09), (right - 0.02, bottom - 0.02), color, round_by=0.075
    )
    canvas.rectangle((left + 0.05, top + 0.14), (left + 0.09, bottom - 0.1), light, round_by=0.02)
    canvas.rectangle(
        (left + 0.03, top - 0.08), (right - 0.03, top + 0.04), "#a5703f", round_by=0.02
    )
    canvas.rectangle(
        (left + 0.03, top - 0.08), (right - 0.03, top - 0.045), "#bd8852", round_by=0.02
    )
    label_top, label_bottom = top + 0.26, bottom - 0.16
    canvas.rectangle((left + 0.1, label_top), (right - 0.1, label_bottom), "#fdf8ea", round_by=0.02)
    canvas.lemon(((left + right) / 2, (label_top + label_bottom) / 2), 0.06, 1.3)


def _slice(canvas: Canvas, centre: Point, radius: float) -> None:
    canvas.disc(centre, radius, "#e9b52e")
    canvas.disc(centre, radius * 0.91, "#fbf3d6")
    for segment in range(9):
        middle = segment * math.tau / 9 + 0.2
        edge = [
            (centre[0] + radius * 0.82 * math.cos(a), centre[1] + radius * 0.82 * math.sin(a))
            for a in (middle - 0.29, middle - 0.15, middle, middle + 0.15, middle + 0.29)
        ]
        heart = (
            centre[0] + radius * 0.12 * math.cos(middle),
            centre[1] + radius * 0.12 * math.sin(middle),
        )
        canvas.shape([heart, *edge], "#f4cf58")


def marmalade() -> bytes:
    """Three jars on the kitchen table, a lemon cut open before them."""
    canvas = Canvas(seed=23)
    canvas.sky("#e8efe6", "#dfe8dc", "#d3dfd0")
    canvas.glow((0.7, 0.4), 1.3, "#fffdf0", 220)
    canvas.rectangle((-0.1, 1.5), (3.1, 2.1), "#c99d6b")
    canvas.rectangle((-0.1, 1.5), (3.1, 1.53), "#d9b285")
    for plank in range(4):
        canvas.line([(-0.1, 1.62 + plank * 0.12), (3.1, 1.62 + plank * 0.12)], "#b98b5a", 0.006)
    _jar(canvas, 0.55, 0.5, 0.72, "#e39a26", "#f5c873")
    _jar(canvas, 1.2, 0.56, 0.56, "#efb034", "#f9d98f")
    _jar(canvas, 1.92, 0.5, 0.78, "#d9861f", "#f0bb66")
    _slice(canvas, (2.62, 1.6), 0.19)
    canvas.lemon((0.32, 1.7), 0.2, 0.25)
    canvas.leaf((0.5, 1.6), 0.34, -0.5, LEAVES[1], "#ffffff40")
    _slice(canvas, (1.5, 1.68), 0.14)
    return canvas.jpeg()


def logo() -> bytes:
    """The lemon of the letterhead."""
    canvas = Canvas(width=240, ratio=1, seed=2)
    canvas.sky("#24523f", "#24523f")
    canvas.lemon((1.45, 1.62), 0.78, 2.5)
    canvas.leaf((1.95, 1.05), 0.85, -0.75, "#8fc3a0", "#24523f60")
    return canvas.round_png()


HOME = Illustration(
    "Evening over the lake",
    "evening-over-the-lake.jpg",
    "A lake at evening between blue mountains, a sailing boat on it, seen from under a lemon branch",
    lake,
)
LEMON_HOUSE = Illustration(
    "The lemon house",
    "the-lemon-house.jpg",
    "Five lemon trees full of fruit between the white pillars of the lemon house",
    lemon_house,
)
WINTER = Illustration(
    "The lemon house in winter",
    "the-lemon-house-in-winter.jpg",
    "The closed lemon house under snow, its windows glowing yellow",
    winter,
)
NIGHT = Illustration(
    "Lemon blossom at night",
    "lemon-blossom-at-night.jpg",
    "White lemon blossom before a night sky with a full moon",
    night,
)
MARMALADE = Illustration(
    "Marmalade",
    "marmalade.jpg",
    "Three jars of lemon marmalade on a kitchen table, a lemon cut open before them",
    marmalade,
)
LOGO = Illustration(
    "Limonaia Sant’Aurelio, logo", "limonaia-logo.png", "A lemon on dark green", logo
)
