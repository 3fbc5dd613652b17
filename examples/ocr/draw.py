"""Draws FOLDER/page.jpg, lines of text of which one is tilted and one upside down, and the
second line alone, FOLDER/upright.jpg, and once more FOLDER/upside_down.jpg."""

import pathlib
import sys

from PIL import Image, ImageDraw, ImageFont

PAPER, INK = (245, 240, 228), (30, 60, 90)
LINES = [("Pipelines in production", 0), ("water to the mill", 0), ("this line is tilted", 12),
         ("and this upside down", 180), ("42 pages, 7 pictures", 0)]


def line(text):
    picture = Image.new("RGB", (960, 140), PAPER)
    ImageDraw.Draw(picture).text((480, 70), text, INK, ImageFont.load_default(size=72), anchor="mm")
    return picture


def main(folder):
    page = Image.new("RGB", (1000, 1040), PAPER)
    top = 30
    for text, angle in LINES:
        turned = line(text).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)
        page.paste(turned, ((page.width - turned.width) // 2, top))
        top += turned.height + 20
    page.save(folder / "page.jpg", quality=90)
    upright = line(LINES[1][0])
    upright.save(folder / "upright.jpg", quality=90)
    upright.rotate(180).save(folder / "upside_down.jpg", quality=90)


main(pathlib.Path(sys.argv[1]))
