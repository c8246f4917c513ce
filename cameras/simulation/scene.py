"""One picture of a simulated camera: background, actors with shadows, image defects, and the text overlay."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from cameras.simulation.actors import draw_car, draw_cat, draw_person
from cameras.simulation.backgrounds import BACKGROUNDS
from cameras.simulation.canvas import HEIGHT, WIDTH
from cameras.simulation.scenario import Actor

NOISE_FRAMES = 8
JPEG_QUALITY = 82
# Lamps in the night picture per background: x, y, reach in pixels and strength.
LAMPS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "front_door": ((552, 120, 110, 0.55),),
    "driveway": ((320, 84, 60, 0.12),),
    "garden": ((524, 148, 60, 0.2),),
}
# The infrared lamp does not reach far above this line: sky and distant trees.
HORIZON = {"front_door": -60, "driveway": 128, "garden": 92}


@dataclass(frozen=True, slots=True)
class Scene:
    """A background by day, or by night as an infrared camera sees it."""

    background: str
    title: str
    night: bool = False

    def draw(self, actors: tuple[Actor, ...], local_time: datetime) -> Image.Image:
        """Draw an RGB picture of 640 x 360. The overlay shows `local_time` to the second."""
        image = _draw_background(self.background).copy()
        for actor in actors:
            _paste_actor(image, actor)
        image = image.filter(ImageFilter.GaussianBlur(0.6))
        pixels = np.asarray(image, dtype=np.float32)
        if self.night:
            pixels = _infrared(pixels, self.background)
        moment = int(local_time.timestamp() * 1000)
        pixels = pixels + _noise(moment % NOISE_FRAMES, self.night)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        self._overlay(image, local_time)
        return image

    def jpeg(self, actors: tuple[Actor, ...], local_time: datetime) -> bytes:
        buffer = io.BytesIO()
        self.draw(actors, local_time).save(buffer, "JPEG", quality=JPEG_QUALITY)
        return buffer.getvalue()

    def _overlay(self, image: Image.Image, local_time: datetime) -> None:
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
        text = local_time.strftime("%Y-%m-%d  %H:%M:%S")
        for position, anchor, line in (((10, 8), "la", text), ((WIDTH - 10, HEIGHT - 8), "rd", self.title)):
            draw.text(position, line, (244, 244, 240), font, anchor, stroke_width=1, stroke_fill=(30, 30, 30))


@cache
def _draw_background(background: str) -> Image.Image:
    return BACKGROUNDS[background]()


def _paste_actor(image: Image.Image, actor: Actor) -> None:
    if actor.kind == "person":
        sprite = draw_person(actor.appearance, actor.height, actor.phase, actor.stride)
    elif actor.kind == "car":
        sprite = draw_car(actor.appearance, actor.height, actor.phase)
    else:
        sprite = draw_cat(actor.appearance, actor.height, actor.phase)
    picture = ImageOps.mirror(sprite.image) if actor.leftward else sprite.image
    foot_x = picture.width - sprite.foot_x if actor.leftward else sprite.foot_x
    _shadow(image, actor)
    image.paste(picture, (round(actor.x - foot_x), round(actor.y - sprite.foot_y)), picture)


def _shadow(image: Image.Image, actor: Actor) -> None:
    """Draw a soft dark patch on the ground, as wide as the actor."""
    reach = actor.height * {"person": 0.26, "car": 1.42, "cat": 0.8}[actor.kind]
    depth = max(4.0, min(12.0, reach * 0.16))
    size = (round(reach * 2) + 12, round(depth * 2) + 12)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((6, 6, size[0] - 6, size[1] - 6), fill=110)
    mask = mask.filter(ImageFilter.GaussianBlur(3))
    corner = (round(actor.x) - size[0] // 2, round(actor.y) - size[1] // 2 - 1)
    image.paste((26, 28, 30), (*corner, corner[0] + size[0], corner[1] + size[1]), mask)


def _infrared(pixels: NDArray[np.float32], background: str) -> NDArray[np.float32]:
    """Convert to grey, lit by the camera and by the lamps: strongest in the middle, weak in the corners."""
    grey = pixels @ np.array([0.32, 0.52, 0.16], dtype=np.float32)
    lit = grey * _light(background)
    return np.repeat(lit[:, :, None], 3, axis=2)


@cache
def _light(background: str) -> NDArray[np.float32]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    light = 0.2 + 1.02 * np.exp(-(((x - WIDTH / 2) / 330) ** 2) - ((y - 235) / 175) ** 2)
    light *= 1 - 0.62 / (1 + np.exp((y - HORIZON[background]) / 9))
    for lamp_x, lamp_y, reach, strength in LAMPS[background]:
        light += strength * np.exp(-((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / reach**2)
    return np.asarray(light, dtype=np.float32)


@cache
def _noise(index: int, night: bool) -> NDArray[np.float32]:
    """Return sensor noise of shape (height, width, 3): coloured and weak by day, grey and stronger by night."""
    source = np.random.default_rng(1000 + index)
    shape = (HEIGHT, WIDTH, 1) if night else (HEIGHT, WIDTH, 3)
    field = source.normal(0, 5.0 if night else 2.6, shape).astype(np.float32)
    return np.repeat(field, 3, axis=2) if night else field
