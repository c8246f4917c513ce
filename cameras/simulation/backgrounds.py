"""The backgrounds: what the simulated cameras see without actors. A front door, a driveway and a garden by day."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from cameras.simulation.canvas import HEIGHT, WIDTH, Canvas, Colour, Points, darker, lighter, mixed

GRASS: Colour = (104, 132, 74)
STONE: Colour = (178, 172, 162)
LEAVES: Colour = (74, 106, 62)
SUNLIT: Colour = (138, 160, 92)


def front_door() -> Image.Image:
    canvas = Canvas()
    wall: Colour = (214, 205, 188)
    canvas.texture(_area(0, 0, WIDTH, 236), wall, 0.02, 3, 1)
    for y in range(10, 214, 13):
        canvas.box(0, y, WIDTH, y + 1.2, darker(wall, 0.11))
    canvas.texture(_area(0, 212, WIDTH, 238), (150, 128, 114), 0.09, 3, 2)
    _window(canvas, 74, 70, 200, 88)
    _door(canvas)
    canvas.texture(_area(0, 236, WIDTH, HEIGHT), GRASS, 0.13, 2, 3)
    canvas.texture([(420, 236), (532, 236), (560, 262), (404, 262)], lighter(STONE, 0.1), 0.05, 2, 4)
    canvas.texture([(0, 290), (396, 258), (568, 258), (640, 272), (640, 346), (0, 352)], STONE, 0.06, 2, 5)
    _paving(canvas)
    for x, y, size in ((36, 226, 25), (172, 230, 19), (206, 231, 16), (342, 228, 22), (596, 224, 28)):
        _bush(canvas, x, y, size)
    for x in (404, 548):
        _pot(canvas, x, 246)
    return canvas.reduced()


def driveway() -> Image.Image:
    canvas = Canvas()
    canvas.shade(0, 130, (150, 184, 214), (216, 226, 230))
    for x, y, rx in ((120, 34, 70), (180, 42, 60), (420, 26, 80), (560, 50, 50)):
        canvas.oval(x, y, rx, 9, (222, 229, 234))
    _neighbour(canvas)
    for x in range(-10, 680, 34):
        _bush(canvas, x, 138 + (x * 7) % 9, 27)
    canvas.texture(_area(0, 150, WIDTH, 164), (186, 184, 178), 0.03, 2, 11)
    canvas.texture(_area(0, 162, WIDTH, 196), (112, 114, 118), 0.04, 2, 12)
    for x in range(10, WIDTH, 90):
        canvas.box(x, 178, x + 40, 180, (196, 196, 190))
    canvas.texture(_area(0, 195, WIDTH, 204), (184, 182, 176), 0.03, 2, 13)
    canvas.texture(_area(0, 202, WIDTH, HEIGHT), GRASS, 0.13, 2, 14)
    canvas.texture([(110, 203), (560, 203), (640, 250), (640, 360), (0, 360), (0, 262)], (136, 134, 132), 0.06, 2, 15)
    for points in ([(0, 262), (110, 203)], [(640, 250), (560, 203)]):
        canvas.limb([(x, float(y)) for x, y in points], 3, (190, 186, 178))
    for y in (236, 292):
        canvas.box(0, y, WIDTH, y + 1.4, (122, 120, 118))
    _letterbox(canvas)
    return canvas.reduced()


def garden() -> Image.Image:
    canvas = Canvas()
    canvas.shade(0, 120, (158, 190, 216), (214, 226, 230))
    for x, y, rx, ry in ((70, 60, 92, 62), (160, 84, 70, 44), (330, 92, 90, 40), (470, 80, 80, 50), (600, 86, 80, 46)):
        _foliage(canvas, x, y, rx, ry)
    _fence(canvas)
    canvas.texture(_area(0, 216, WIDTH, HEIGHT), GRASS, 0.15, 2, 21)
    canvas.texture(_area(0, 212, WIDTH, 232), (104, 84, 64), 0.12, 2, 22)
    for x in range(14, 430, 27):
        _flower(canvas, x, 212 + (x * 5) % 9)
    _shed(canvas)
    for index, x in enumerate(range(60, 560, 84)):
        canvas.oval(x, 322 - (index % 2) * 6, 30, 8, darker(STONE, 0.12))
        canvas.oval(x, 320 - (index % 2) * 6, 30, 8, STONE)
    return canvas.reduced()


BACKGROUNDS: dict[str, Callable[[], Image.Image]] = {"front_door": front_door, "driveway": driveway, "garden": garden}


def _area(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _window(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    frame: Colour = (224, 219, 208)
    canvas.box(x - 6, y - 6, x + width + 6, y + height + 6, frame, 2)
    canvas.box(x, y, x + width, y + height, (158, 170, 176))
    canvas.shape([(x, y), (x + width * 0.4, y), (x, y + height * 0.8)], (172, 183, 187))
    for left, right in ((x, x + width * 0.12), (x + width * 0.88, x + width)):
        canvas.box(left, y, right, y + height, (196, 194, 188))
    for share in (0.33, 0.67):
        canvas.box(x + width * share - 2, y, x + width * share + 2, y + height, frame)
    canvas.box(x, y + height * 0.36, x + width, y + height * 0.36 + 3, frame)
    canvas.box(x - 10, y + height + 6, x + width + 10, y + height + 12, darker(frame, 0.12), 1)
    canvas.box(x + 4, y + height + 8, x + width - 4, y + height + 24, (136, 92, 70), 2)
    for step in range(12):
        left = x + 14 + step * (width - 28) / 11
        canvas.oval(left, y + height + 5, 10, 7, LEAVES)
        canvas.oval(left + 2, y + height + 1, 4, 4, (196, 92, 96) if step % 2 else (226, 190, 110))


def _door(canvas: Canvas) -> None:
    paint: Colour = (92, 122, 128)
    canvas.box(432, 62, 520, 238, (232, 228, 220), 2)
    canvas.box(440, 70, 512, 236, paint)
    for left, right in ((447, 473), (479, 505)):
        canvas.box(left, 132, right, 172, darker(paint, 0.12), 2)
        canvas.box(left, 182, right, 222, darker(paint, 0.12), 2)
        canvas.box(left, 82, right, 122, (150, 166, 172), 2)
    canvas.oval(506, 156, 3, 3, (214, 190, 120))
    canvas.box(388, 48, 564, 60, (128, 116, 108), 2)
    canvas.box(394, 59, 558, 63, darker((214, 205, 188), 0.2))
    canvas.box(546, 108, 558, 130, (70, 70, 72), 3)
    canvas.oval(552, 121, 4, 6, (250, 232, 180))
    canvas.box(434, 238, 518, 248, darker(STONE, 0.18))
    canvas.box(448, 250, 506, 258, (128, 98, 72), 2)


def _paving(canvas: Canvas) -> None:
    joint = darker(STONE, 0.14)
    canvas.limb([(0, 318), (640, 304)], 1.2, joint)
    for x in range(-40, 700, 76):
        canvas.limb([(x + 18, 290 - x * 0.03), (x, 316 - x * 0.02)], 1.2, joint)
        canvas.limb([(x + 44, 317 - x * 0.02), (x + 24, 350)], 1.2, joint)


def _bush(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.oval(x, y + size * 0.55, size * 1.25, size * 0.3, darker(GRASS, 0.35))
    _foliage(canvas, x, y, size * 1.2, size * 0.8)


def _foliage(canvas: Canvas, x: float, y: float, rx: float, ry: float) -> None:
    """Overlapping leaves, dark at the bottom and lighter at the top."""
    for step in range(26):
        turn = (step * 0.618) % 1
        height = step / 26
        reach = (1 - (2 * height - 1) ** 2) ** 0.5
        colour = mixed(darker(LEAVES, 0.35), SUNLIT, 0.08 + 0.5 * height + 0.1 * (step % 3))
        canvas.oval(x + (turn * 2 - 1) * reach * rx * 0.8, y + ry * (0.8 - 1.5 * height), rx * 0.34, ry * 0.34, colour)


def _pot(canvas: Canvas, x: float, y: float) -> None:
    canvas.oval(x, y + 8, 15, 4, darker(STONE, 0.3))
    canvas.shape([(x - 13, y - 14), (x + 13, y - 14), (x + 9, y + 9), (x - 9, y + 9)], (156, 96, 72))
    canvas.box(x - 15, y - 18, x + 15, y - 12, (168, 106, 80), 2)
    _foliage(canvas, x, y - 30, 17, 16)


def _neighbour(canvas: Canvas) -> None:
    canvas.box(230, 62, 400, 140, (206, 190, 172))
    canvas.shape([(214, 64), (252, 20), (378, 20), (416, 64)], (140, 100, 86))
    for x in (254, 300, 346):
        canvas.box(x - 2, 80, x + 28, 108, (232, 228, 220))
        canvas.box(x, 82, x + 26, 106, (126, 142, 154))
        canvas.box(x + 12, 82, x + 14, 106, (232, 228, 220))
    canvas.box(330, 10, 346, 34, (150, 112, 98))
    _foliage(canvas, 520, 92, 58, 54)
    _foliage(canvas, 110, 94, 84, 56)


def _letterbox(canvas: Canvas) -> None:
    canvas.box(76, 182, 82, 232, (118, 96, 78))
    canvas.box(60, 162, 98, 186, (168, 70, 62), 5)
    canvas.box(66, 170, 86, 173, (98, 42, 40))
    canvas.box(578, 180, 622, 236, (158, 124, 106), 1)
    canvas.box(574, 174, 626, 182, (196, 190, 180), 1)


def _fence(canvas: Canvas) -> None:
    wood: Colour = (158, 128, 98)
    canvas.texture(_area(0, 116, WIDTH, 218), wood, 0.05, 3, 23)
    for x in range(0, WIDTH, 19):
        canvas.box(x, 116, x + 1.2, 218, darker(wood, 0.16))
        canvas.shape([(x, 117), (x, 113), (x + 9.5, 110), (x + 19, 113), (x + 19, 117)], wood)
    for y in (134, 196):
        canvas.box(0, y, WIDTH, y + 5, darker(wood, 0.1))


def _flower(canvas: Canvas, x: float, y: float) -> None:
    colours: tuple[Colour, ...] = ((208, 120, 130), (224, 196, 110), (168, 140, 190), (226, 222, 214))
    _foliage(canvas, x, y, 15, 13)
    for step in range(4):
        canvas.oval(x - 10 + step * 7, y - 6 + (step * 5 + x) % 9, 2.6, 2.6, colours[round(x + step) % 4])


def _shed(canvas: Canvas) -> None:
    wood: Colour = (132, 142, 132)
    canvas.shape([(450, 244), (640, 252), (640, 232), (450, 236)], darker(GRASS, 0.3))
    canvas.texture(_area(462, 98, 640, 240), wood, 0.04, 3, 24)
    for y in range(110, 240, 14):
        canvas.box(462, y, WIDTH, y + 1.2, darker(wood, 0.12))
    canvas.shape([(446, 104), (474, 62), (640, 52), (640, 98)], (116, 96, 90))
    canvas.box(588, 116, 640, 240, darker(wood, 0.1))
    canvas.box(494, 128, 554, 172, (226, 222, 212), 1)
    canvas.box(498, 132, 550, 168, (118, 134, 142))
    canvas.box(523, 132, 526, 168, (226, 222, 212))
