"""The actors: people, cars and a cat, each drawn as a transparent picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from cameras.simulation.canvas import Canvas, Colour, Points, darker, lighter

GLASS: Colour = (86, 104, 118)


@dataclass(frozen=True, slots=True)
class Appearance:
    """Clothes, skin and hair of a person, or the colour of a car or cat (`top`)."""

    top: Colour
    trousers: Colour = (48, 54, 72)
    skin: Colour = (222, 178, 148)
    hair: Colour = (62, 44, 34)
    parcel: bool = False
    cap: bool = False


@dataclass(frozen=True, slots=True)
class Sprite:
    """The picture of an actor, and the point on the ground below its middle."""

    image: Image.Image
    foot_x: float
    foot_y: float


def draw_person(appearance: Appearance, height: float, phase: float, stride: float) -> Sprite:
    """Draw a person `height` pixels tall who walks to the right.

    `phase` is the position within a double step (0..1). `stride` is 1 for a full step and 0 for standing.
    """
    width = math.ceil(height * 0.8)
    body = _Body(Canvas(width, math.ceil(height * 1.04), clear=True), appearance, height, width / 2)
    swing = math.sin(phase * 2 * math.pi) * stride
    body.leg(-swing, darker(appearance.trousers, 0.2))
    body.arm(swing, darker(appearance.top, 0.25), stride)
    body.leg(swing, appearance.trousers)
    body.torso()
    body.head()
    body.arm(-swing, darker(appearance.top, 0.1), stride)
    return Sprite(body.canvas.reduced(), width / 2, height)


class _Body:
    """The parts of one person. Lengths are fractions of the height, measured from the ground."""

    def __init__(self, canvas: Canvas, appearance: Appearance, height: float, middle: float) -> None:
        self.canvas, self.appearance, self.height, self.middle = canvas, appearance, height, middle

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.middle + x * self.height, (1 - y) * self.height

    def leg(self, swing: float, colour: Colour) -> None:
        hip = 0.03 * (1 if swing >= 0 else -1) * min(1.0, abs(swing) * 3 + 0.6)
        thigh, bend = swing * 0.42, max(0.0, -swing) * 0.35
        knee = (hip + 0.235 * math.sin(thigh), 0.5 - 0.235 * math.cos(thigh))
        shin = thigh - bend
        ankle = (knee[0] + 0.23 * math.sin(shin), knee[1] - 0.23 * math.cos(shin))
        self.canvas.limb([self.at(hip, 0.5), self.at(*knee)], 0.098 * self.height, colour)
        self.canvas.limb([self.at(*knee), self.at(*ankle)], 0.074 * self.height, colour)
        toe = (ankle[0] + 0.055, ankle[1] - 0.012)
        shoe = [self.at(ankle[0] - 0.012, ankle[1] - 0.012), self.at(*toe)]
        self.canvas.limb(shoe, 0.045 * self.height, (38, 34, 34))

    def arm(self, swing: float, colour: Colour, stride: float) -> None:
        side = 0.095 if swing >= 0 else -0.095
        if self.appearance.parcel:
            elbow, hand = (0.1, 0.64), (0.2, 0.645)
        else:
            elbow = (side + 0.16 * math.sin(swing * 0.5), 0.79 - 0.16)
            hand = (elbow[0] + 0.15 * math.sin(swing * 0.5 + 0.25 * stride), elbow[1] - 0.15)
        shoulder = (side * 0.9, 0.79)
        self.canvas.limb([self.at(*hand)] * 2, 0.05 * self.height, self.appearance.skin)
        self.canvas.limb(
            [self.at(*shoulder), self.at(*elbow), self.at(hand[0], hand[1] + 0.02)], 0.062 * self.height, colour
        )

    def torso(self) -> None:
        outline: Points = [(-0.05, 0.85), (0.05, 0.85), (0.115, 0.815), (0.105, 0.68), (0.09, 0.58)]
        outline += [(0.1, 0.46), (-0.1, 0.46), (-0.09, 0.58), (-0.105, 0.68), (-0.115, 0.815)]
        self.canvas.shape([self.at(*point) for point in outline], self.appearance.top)
        back: Points = [(-0.05, 0.85), (-0.02, 0.84), (-0.045, 0.6), (-0.05, 0.46), (-0.1, 0.46), (-0.09, 0.58)]
        back += [(-0.105, 0.68), (-0.115, 0.815)]
        self.canvas.shape([self.at(*point) for point in back], darker(self.appearance.top, 0.16))
        self.canvas.limb(
            [self.at(0.03, 0.83), self.at(0.03, 0.48)], 0.008 * self.height, darker(self.appearance.top, 0.3)
        )
        if self.appearance.parcel:
            left, top = self.at(0.06, 0.74)
            right, bottom = self.at(0.27, 0.6)
            self.canvas.box(left, top, right, bottom, (186, 146, 98), 1)
            self.canvas.box(left, (top + bottom) / 2 - 2, right, (top + bottom) / 2 + 1, (214, 190, 150))

    def head(self) -> None:
        appearance, size = self.appearance, self.height
        self.canvas.limb([self.at(0.005, 0.9), self.at(0, 0.84)], 0.058 * size, darker(appearance.skin, 0.15))
        x, y = self.at(0.008, 0.925)
        self.canvas.oval(x, y, 0.05 * size, 0.066 * size, appearance.skin)
        self.canvas.oval(x + 0.05 * size, y + 0.008 * size, 0.01 * size, 0.012 * size, appearance.skin)
        hair = appearance.top if appearance.cap else appearance.hair
        self.canvas.slice(x - 0.004 * size, y - 0.006 * size, 0.056 * size, 0.066 * size, 165, 335, hair)
        self.canvas.slice(x - 0.006 * size, y, 0.052 * size, 0.06 * size, 110, 230, appearance.hair)
        if appearance.cap:
            self.canvas.limb([(x, y - 0.022 * size), (x + 0.075 * size, y - 0.018 * size)], 0.014 * size, darker(hair))
        self.canvas.oval(x + 0.03 * size, y, 0.006 * size, 0.006 * size, (50, 40, 40))


def draw_car(appearance: Appearance, height: float, phase: float) -> Sprite:
    """Draw a hatchback `height` pixels high from the side, driving to the right. `phase` turns its wheels."""
    unit, paint = height, appearance.top
    canvas = Canvas(math.ceil(unit * 3.0), math.ceil(unit * 1.05), clear=True)
    body: Points = [(0.06, 0.78), (0.05, 0.5), (0.16, 0.4), (0.62, 0.34), (1.0, 0.04), (1.85, 0.03), (2.24, 0.36)]
    body += [(2.76, 0.46), (2.9, 0.6), (2.92, 0.8), (0.1, 0.82)]
    canvas.shape(_scaled(body, unit), paint)
    canvas.shape(_scaled([(0.06, 0.64), (2.92, 0.64), (2.92, 0.8), (0.1, 0.82)], unit), darker(paint, 0.22))
    canvas.shape(_scaled([(1.0, 0.04), (1.85, 0.03), (1.9, 0.07), (0.97, 0.08)], unit), lighter(paint, 0.3))
    canvas.shape(_scaled([(0.76, 0.36), (1.06, 0.11), (1.4, 0.1), (1.4, 0.36)], unit), GLASS)
    canvas.shape(_scaled([(1.48, 0.1), (1.8, 0.1), (2.1, 0.37), (1.48, 0.36)], unit), GLASS)
    canvas.shape(_scaled([(1.5, 0.12), (1.62, 0.12), (1.52, 0.34)], unit), lighter(GLASS, 0.25))
    canvas.limb(_scaled([(1.44, 0.38), (1.44, 0.76)], unit), 0.012 * unit, darker(paint, 0.35))
    canvas.box(1.54 * unit, 0.45 * unit, 1.68 * unit, 0.475 * unit, darker(paint, 0.4), 1)
    canvas.oval(2.82 * unit, 0.56 * unit, 0.07 * unit, 0.05 * unit, (250, 244, 214))
    canvas.box(0.05 * unit, 0.48 * unit, 0.12 * unit, 0.6 * unit, (176, 44, 40), 1)
    for x in (0.62, 2.34):
        _wheel(canvas, x * unit, 0.8 * unit, unit, phase)
    return Sprite(canvas.reduced(), unit * 1.5, unit)


def _wheel(canvas: Canvas, x: float, y: float, unit: float, phase: float) -> None:
    canvas.oval(x, y, 0.24 * unit, 0.24 * unit, (34, 36, 40))
    canvas.oval(x, y, 0.2 * unit, 0.2 * unit, (28, 28, 30))
    canvas.oval(x, y, 0.125 * unit, 0.125 * unit, (176, 178, 182))
    for spoke in range(5):
        angle = (phase + spoke / 5) * 2 * math.pi
        end = (x + 0.11 * unit * math.cos(angle), y + 0.11 * unit * math.sin(angle))
        canvas.limb([(x, y), end], 0.025 * unit, (96, 98, 104))


def draw_cat(appearance: Appearance, height: float, phase: float) -> Sprite:
    """Draw a cat whose back is `height` pixels high, walking to the right."""
    unit, fur = height, appearance.top
    canvas = Canvas(math.ceil(unit * 2.6), math.ceil(unit * 1.6), clear=True)
    ground = unit * 1.5
    for x, turn in ((0.72, 0.0), (0.86, 0.5), (1.56, 0.5), (1.7, 0.0)):
        swing = 0.14 * math.sin((phase + turn) * 2 * math.pi)
        paw = (x + swing) * unit
        canvas.limb([(x * unit, ground - 0.5 * unit), (paw, ground - 0.05 * unit)], 0.13 * unit, darker(fur, 0.12))
    canvas.limb(_scaled([(0.62, 0.78), (0.34, 0.62), (0.26, 0.26)], unit), 0.1 * unit, darker(fur, 0.1))
    canvas.oval(1.2 * unit, ground - 0.66 * unit, 0.62 * unit, 0.27 * unit, fur)
    for left in (1.78, 1.98):
        canvas.shape(_scaled([(left, 0.42), (left + 0.08, 0.16), (left + 0.18, 0.42)], unit), darker(fur, 0.1))
    canvas.oval(1.96 * unit, 0.58 * unit, 0.24 * unit, 0.22 * unit, fur)
    canvas.oval(2.06 * unit, 0.55 * unit, 0.04 * unit, 0.04 * unit, (228, 236, 170))
    return Sprite(canvas.reduced(), unit * 1.2, ground)


def _scaled(points: Points, unit: float) -> Points:
    return [(x * unit, y * unit) for x, y in points]
