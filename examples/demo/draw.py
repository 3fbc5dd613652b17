"""Draws a line of text into FOLDER/upright.jpg, and upside down into FOLDER/upside_down.jpg."""

import pathlib
import sys

from PIL import Image, ImageDraw, ImageFont

folder = pathlib.Path(sys.argv[1])
picture = Image.new("RGB", (960, 240), (245, 240, 228))
font = ImageFont.load_default(size=120)
ImageDraw.Draw(picture).text((480, 120), "water to the mill", (30, 60, 90), font, anchor="mm")
picture.save(folder / "upright.jpg", quality=90)
picture.rotate(180).save(folder / "upside_down.jpg", quality=90)
