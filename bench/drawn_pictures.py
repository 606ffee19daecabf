"""Pictures drawn at random, of known kinds: hands, shapes, strokes of digits. What bench/pretrain_pictures.py teaches from."""

from __future__ import annotations

import itertools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FINGERS = "TIMRL"
"""Thumb, index, middle, ring, little finger."""
HANDS = (*("hand " + "".join(f for i, f in enumerate(FINGERS) if bits >> i & 1) for bits in range(32)),
         *(f"hand joined {f}" for f in "IMRL"), "hand ring")  # fmt: skip
SHAPES = (
    "disc",
    "ellipse",
    "square",
    "bar",
    "triangle",
    "star",
    "cross",
    "ring",
    "half disc",
    "arrow",
    "stripes",
    "grid",
    "dots",
)
STROKES = tuple(f"digit {d}" for d in range(10))
KINDS = (*HANDS, *SHAPES, *STROKES)

_ROOTS = {"T": (-0.36, 0.05), "I": (-0.27, -0.22), "M": (-0.09, -0.28), "R": (0.10, -0.26), "L": (0.27, -0.17)}
_LENGTHS = {"T": 0.36, "I": 0.44, "M": 0.48, "R": 0.44, "L": 0.36}
_ANGLES = {"T": -52, "I": -9, "M": -1, "R": 7, "L": 17}
_DIGITS = {
    "0": [[(0, -1), (0.7, -0.6), (0.7, 0.6), (0, 1), (-0.7, 0.6), (-0.7, -0.6), (0, -1)]],
    "1": [[(-0.3, -0.6), (0.1, -1), (0.1, 1)]],
    "2": [[(-0.6, -0.6), (0, -1), (0.6, -0.6), (0.4, 0), (-0.6, 1), (0.7, 1)]],
    "3": [[(-0.6, -0.8), (0.1, -1), (0.6, -0.5), (0, -0.05), (0.6, 0.5), (0, 1), (-0.6, 0.8)]],
    "4": [[(0.3, 1), (0.3, -1), (-0.7, 0.3), (0.7, 0.3)]],
    "5": [[(0.6, -1), (-0.5, -1), (-0.6, -0.1), (0.2, -0.2), (0.6, 0.4), (0.1, 1), (-0.6, 0.8)]],
    "6": [[(0.4, -1), (-0.5, 0), (-0.5, 0.7), (0, 1), (0.5, 0.6), (0.2, 0.1), (-0.5, 0.4)]],
    "7": [[(-0.6, -1), (0.6, -1), (-0.1, 1)]],
    "8": [[(0, -0.05), (-0.5, -0.5), (0, -1), (0.5, -0.5), (0, -0.05), (-0.6, 0.5), (0, 1), (0.6, 0.5), (0, -0.05)]],
    "9": [[(0.5, -0.4), (0, -0.1), (-0.5, -0.5), (0, -1), (0.5, -0.6), (0.5, 0.2), (0.1, 1)]],
}  # fmt: skip


def draw(kind: str, side: int, rng: np.random.Generator) -> Image.Image:
    """Return a picture of *kind*, *side* x *side*, each time another one."""
    big = 2 * side
    image = _background(big, rng)
    layer = Image.new("RGBA", (big, big))
    pen = _Pen(ImageDraw.Draw(layer), big, rng, hand=kind.startswith("hand"))
    if kind.startswith("hand"):
        _hand(pen, kind.removeprefix("hand").strip(), rng)
    elif kind.startswith("digit"):
        _digit(pen, kind[-1], rng)
    else:
        _shape(pen, kind, rng)
    image.paste(layer, (0, 0), layer)
    small = image.resize((side, side), Image.Resampling.BOX).filter(
        ImageFilter.GaussianBlur(float(rng.uniform(0, 0.8)))
    )
    pixels = np.asarray(small, np.float32) * _light(side, rng)[..., None]
    pixels = pixels + rng.uniform(0, 8) * rng.standard_normal(pixels.shape, np.float32)
    if rng.random() < 0.25:
        pixels[:] = pixels.mean(2, keepdims=True)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


class _Pen:
    """Draws in coordinates from -0.5 to 0.5 about a centre, turned, scaled and perhaps mirrored."""

    def __init__(self, drawing: ImageDraw.ImageDraw, size: int, rng: np.random.Generator, hand: bool) -> None:
        self.drawing, self.size = drawing, size
        self.angle = rng.normal(0, 14) if hand else rng.uniform(-20, 20)
        self.scale = size * (rng.uniform(0.72, 1.02) if hand else rng.uniform(0.5, 0.95))
        self.mirror = -1 if hand and rng.random() < 0.5 else 1
        self.at = size * (0.5 + rng.uniform(-0.07, 0.07, 2) + (0, 0.1 if hand else 0))
        tone = rng.uniform(0.35, 1.0)
        skin = np.array([235, 190, 160]) * tone + rng.normal(0, 12, 3)
        self.colour = tuple(int(c) for c in (skin if hand else rng.uniform(0, 255, 3)).clip(0, 255))
        self.edge = tuple(int(c * rng.uniform(0.45, 0.85)) for c in self.colour)

    def point(self, x: float, y: float) -> tuple[float, float]:
        angle = math.radians(self.angle)
        x *= self.mirror
        turned = np.array([x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)])
        found = self.at + self.scale * turned
        return float(found[0]), float(found[1])

    def limb(self, points: list[tuple[float, float]], width: float, *, edged: bool = True) -> None:
        """A thick rounded line through *points*."""
        corners = [self.point(*p) for p in points]
        rounds = [(self.edge, width * self.scale + 3), (self.colour, width * self.scale)] if edged else [
            (self.colour, width * self.scale)
        ]  # fmt: skip
        for colour, thick in rounds:
            self.drawing.line(corners, fill=colour, width=max(1, round(thick)), joint="curve")
            for x, y in corners:
                self.drawing.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def polygon(self, points: list[tuple[float, float]], *, hole: bool = False) -> None:
        corners = [self.point(*p) for p in points]
        self.drawing.polygon(corners, fill=None if hole else self.colour, outline=self.edge, width=2)


def _along(root: tuple[float, float], degrees: float, length: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return root[0] + length * math.sin(angle), root[1] - length * math.cos(angle)


def _hand(pen: _Pen, what: str, rng: np.random.Generator) -> None:
    joined = what.removeprefix("joined ") if what.startswith("joined") else ""
    spread = rng.uniform(0.7, 1.9)
    stretched = set(FINGERS) - {"T", joined} if joined else set() if what == "ring" else set(what)
    thick = rng.uniform(0.11, 0.145)
    pen.limb([(0, 0.3), (rng.normal(0, 0.05), 0.8)], rng.uniform(0.26, 0.36), edged=False)
    pen.limb([(-0.14, 0.02), (0.12, 0.04), (0.08, 0.24), (-0.08, 0.24), (-0.14, 0.02)], 0.3)
    tip = (rng.uniform(-0.3, -0.16), rng.uniform(-0.3, -0.16))  # where thumb and finger meet
    for finger in "LRMI":
        root = (_ROOTS[finger][0] + rng.normal(0, 0.012), _ROOTS[finger][1] + rng.normal(0, 0.012) + 0.08)
        lean = _ANGLES[finger] * spread + rng.normal(0, 4)
        length = _LENGTHS[finger] * rng.uniform(0.88, 1.1)
        width = thick * (0.85 if finger == "L" else 1)
        if finger in stretched:
            middle = _along(root, lean + rng.normal(0, 4), length * 0.5)
            pen.limb([root, middle, _along(middle, lean + rng.normal(0, 6), length * 0.5)], width)
        elif finger == joined or what == "ring":
            bend = _along(root, lean - rng.uniform(0, 25), length * rng.uniform(0.35, 0.5))
            pen.limb([root, bend, (tip[0] + rng.normal(0, 0.015), tip[1] + rng.normal(0, 0.015))], width)
        else:  # folded: a knuckle, and the finger's end on the palm
            pen.limb([root, (root[0] * 0.9, root[1] + rng.uniform(0.1, 0.2))], width)
    root = (_ROOTS["T"][0] * 0.75, _ROOTS["T"][1] + 0.12)
    if joined or what == "ring":
        pen.limb([root, ((root[0] + tip[0]) / 2 - rng.uniform(0.03, 0.1), (root[1] + tip[1]) / 2), tip], thick)
    elif "T" in stretched:
        lean = _ANGLES["T"] * rng.uniform(0.6, 1.3)
        middle = _along(root, lean, 0.2)
        pen.limb(
            [root, middle, _along(middle, lean + rng.normal(12, 10), _LENGTHS["T"] * rng.uniform(0.45, 0.7))], thick
        )
    else:
        pen.limb([root, (rng.uniform(-0.12, 0.1), rng.uniform(-0.02, 0.1))], thick)


def _digit(pen: _Pen, digit: str, rng: np.random.Generator) -> None:
    stretch = rng.uniform(0.6, 1.1)
    for line in _DIGITS[digit]:
        points = [(0.4 * stretch * x + rng.normal(0, 0.03), 0.42 * y + rng.normal(0, 0.03)) for x, y in line]
        pen.limb(_curve(points), rng.uniform(0.04, 0.16), edged=rng.random() < 0.3)


def _curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Round off a line of corners (Chaikin 1974), twice."""
    for _ in range(2):
        cut = [points[0]]
        for (x, y), (u, v) in itertools.pairwise(points):
            cut += [(0.75 * x + 0.25 * u, 0.75 * y + 0.25 * v), (0.25 * x + 0.75 * u, 0.25 * y + 0.75 * v)]
        points = [*cut, points[-1]]
    return points


def _shape(pen: _Pen, kind: str, rng: np.random.Generator) -> None:
    def round_(wide: float, high: float, start: float = 0, end: float = 360) -> list[tuple[float, float]]:
        return [
            (wide * math.cos(math.radians(a)), high * math.sin(math.radians(a))) for a in np.linspace(start, end, 40)
        ]

    size, flat = rng.uniform(0.25, 0.45), rng.uniform(0.35, 0.7)
    if kind == "disc":
        pen.polygon(round_(size, size))
    elif kind == "ellipse":
        pen.polygon(round_(size, size * flat))
    elif kind == "half disc":
        pen.polygon(round_(size, size, 0, 180))
    elif kind == "ring":
        pen.limb(round_(size * 0.8, size * 0.8), rng.uniform(0.05, 0.14))
    elif kind in ("square", "bar"):
        high = size if kind == "square" else size * flat * 0.6
        pen.polygon([(-size, -high), (size, -high), (size, high), (-size, high)])
    elif kind == "triangle":
        pen.polygon([(0, -size), (size, size * 0.8), (-size, size * 0.8)])
    elif kind == "star":
        pen.polygon([
            _along((0, 0), 36 * k, size if k % 2 == 0 else size * rng.uniform(0.35, 0.5)) for k in range(10)
        ])  # fmt: skip
    elif kind == "cross":
        width = rng.uniform(0.1, 0.2)
        pen.limb([(-size, 0), (size, 0)], width)
        pen.limb([(0, -size), (0, size)], width)
    elif kind == "arrow":
        pen.limb([(0, size), (0, -size)], 0.1)
        pen.limb([(-size * 0.6, -size * 0.3), (0, -size), (size * 0.6, -size * 0.3)], 0.1)
    elif kind in ("stripes", "grid"):
        gap = rng.uniform(0.14, 0.28)
        for k in np.arange(-0.6, 0.6, gap):
            pen.limb([(k, -0.6), (k, 0.6)], gap * 0.35, edged=False)
            if kind == "grid":
                pen.limb([(-0.6, k), (0.6, k)], gap * 0.35, edged=False)
    else:
        for _ in range(int(rng.integers(8, 20))):
            pen.limb([tuple(rng.uniform(-0.45, 0.45, 2))], rng.uniform(0.06, 0.14))


def _background(size: int, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.5:  # a wall: light, nearly of one colour
        pixels = np.full((size, size, 3), 1.0) * (rng.uniform(120, 250) + rng.normal(0, 8, 3))
    else:
        small = rng.uniform(0, 255, (int(rng.integers(2, 6)),) * 2 + (3,)).astype(np.uint8)
        pixels = np.asarray(Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _light(size: int, rng: np.random.Generator) -> np.ndarray:
    """How bright each place is: a slope in some direction."""
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    angle = rng.uniform(0, 2 * math.pi)
    return rng.uniform(0.7, 1.15) + rng.uniform(0, 0.3) * (x * math.cos(angle) + y * math.sin(angle))
