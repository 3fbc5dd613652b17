#!/usr/bin/python3
"""From a picture's bytes to 224 x 224 FP32 NCHW, on one core, in every format and class of size: leat
against OpenCV, Pillow and libvips as those who know them use them (reduced reads, draft,
shrink-on-load), each reducing as far as the target allows, and no further than 1.5 times it, which
is leat's default. All take turns; medians over rounds of processor time, ratios within a round. Run
it by the Python of build/deps/rivals, which tools/setup.sh bench makes; it starts itself again by
that one.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from service import ASSETS, PYTHON, ROOT, machine, row

SIDE = 224
ROUNDS = int(os.environ.get("ROUNDS", "15"))
IMAGES = ASSETS / "images"
FILES = [("JPEG, small", "photo/ovms_airliner.jpeg"), ("JPEG, middle", "photo/burn_dog_bike_man.jpg"),
         ("JPEG, large", "photo/ovms_people2.jpeg"), ("JPEG, progressive", "photo/ovms_road1.jpg"),
         ("JPEG, turned by EXIF", "exif/Landscape_5.jpg"), ("JPEG, grey", "jpeg/jd_tower_grayscale.jpg"),
         ("JPEG, portrait", "face/fr_biden.jpg"), ("PNG, photo", "photo/skimage_astronaut.png"),
         ("PNG, small RGBA", "photo/winml_kitten_224.png"), ("PNG, grey scan", "ocr/skimage_page.png"),
         ("PNG, palette", "png/wuffs_bricks-dither.png"), ("WebP, lossy", "webp/wuffs_harvesters.lossy.webp"),
         ("WebP, small", "webp/pil_flower.webp"), ("GIF", "gif/wuffs_bricks-dither.gif")]


class OpenCV:
    def __init__(self):
        import cv2
        cv2.setNumThreads(0)
        self.cv2 = cv2

    def __call__(self, data, oversample):
        import numpy as np
        cv2 = self.cv2
        flag = cv2.IMREAD_COLOR
        if data[:2] == b"\xff\xd8":
            width, height = self.size(data)
            for by in (2, 4, 8):
                if min(width, height) >= SIDE * by * oversample:
                    flag = getattr(cv2, f"IMREAD_REDUCED_COLOR_{by}")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        return planes(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), (2, 1, 0))

    def size(self, data):
        """Width and height that a JPEG's frame header tells."""
        at = 2
        while True:
            marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                return int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")
            at += 2 + length


class Pillow:
    def __init__(self):
        from PIL import Image, ImageOps
        self.image, self.ops = Image, ImageOps

    def __call__(self, data, oversample):
        import io
        import numpy as np
        picture = self.image.open(io.BytesIO(data))
        picture.draft("RGB", (int(SIDE * oversample), int(SIDE * oversample)))
        small = picture.convert("RGB").resize((SIDE, SIDE), self.image.Resampling.BILINEAR)
        if picture.getexif().get(0x112, 1) != 1:
            small.getexif()[0x112] = picture.getexif()[0x112]
            small = self.ops.exif_transpose(small)
        return planes(np.asarray(small), (0, 1, 2))


class Vips:
    def __init__(self):
        os.environ["VIPS_CONCURRENCY"] = "1"
        import pyvips
        pyvips.cache_set_max(0)
        self.vips = pyvips

    def __call__(self, data, oversample):
        small = self.vips.Image.thumbnail_buffer(data, SIDE, height=SIDE, size="force")
        if small.bands == 1:
            small = small.colourspace("srgb")
        if small.bands == 4:
            small = small[:3]
        return planes(small.numpy(), (0, 1, 2))


def planes(picture, order):
    """The fastest way of numpy: subtract and scale channel by channel, straight into place."""
    import numpy as np
    out = np.empty((3, SIDE, SIDE), np.float32)
    for plane, source in enumerate(order):
        np.subtract(picture[:, :, source], MEAN[plane], out=out[plane], dtype=np.float32)
        np.multiply(out[plane], 1 / STD[plane], out=out[plane])
    return out


MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
RIVALS = {"OpenCV": OpenCV, "Pillow": Pillow, "libvips": Vips}


def serve(name):
    """For each line "PATH OVERSAMPLE": processor time in seconds, and the mean of what was made."""
    convert, files = RIVALS[name](), {}
    for line in sys.stdin:
        path, oversample = line.rsplit(" ", 1)
        if path not in files:
            files[path] = pathlib.Path(path).read_bytes()
            for _ in range(3):
                convert(files[path], float(oversample))
        begin = time.process_time()
        out = convert(files[path], float(oversample))
        print(time.process_time() - begin, out.mean(), flush=True)


class Side:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, path, oversample):
        print(path, oversample, file=self.process.stdin, flush=True)
        seconds, mean = map(float, self.process.stdout.readline().split())
        return seconds, mean


def twelve_megapixels(folder):
    """4000 x 3000: a photo enlarged, with grain as a sensor has."""
    import cv2
    import numpy as np
    photo = cv2.imread(str(IMAGES / "photo/burn_bridge.jpg"))
    large = cv2.resize(photo, (4000, 3000), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    large += np.random.default_rng(1).integers(-4, 4, large.shape, np.int16)
    large = np.clip(large, 0, 255).astype(np.uint8)
    for ending, text, options in (("jpg", "JPEG", [cv2.IMWRITE_JPEG_QUALITY, 85]),
                                  ("webp", "WebP", [cv2.IMWRITE_WEBP_QUALITY, 80]),
                                  ("png", "PNG", [])):
        path = folder / f"large.{ending}"
        cv2.imwrite(str(path), large, options)
        yield f"{text}, 12 megapixels", path
    cv2.imwrite(str(folder / "lossless.webp"), photo, [cv2.IMWRITE_WEBP_QUALITY, 101])
    yield "WebP, lossless", folder / "lossless.webp"


def main():
    if not PYTHON.exists():
        print(f"decoders: skipped, there is no {PYTHON}; tools/setup.sh bench makes it")
        return
    if pathlib.Path(sys.executable) != PYTHON:
        os.execv(PYTHON, [PYTHON, *sys.argv])
    if not IMAGES.exists():
        print(f"decoders: skipped, there are no assets at {ASSETS}; set LEAT_ASSETS")
        return
    print("from a picture's bytes to 224 x 224 FP32, one core, processor time")
    print(machine())
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # cores of a shared machine differ
    sides = {"leat": Side(ROOT / "build/release/bench/decode_to_tensor", "--serve")}
    sides |= {name: Side(PYTHON, __file__, name) for name in RIVALS}
    worst = 0
    with tempfile.TemporaryDirectory() as name:
        files = [(text, IMAGES / file) for text, file in FILES]
        for text, path in files + list(twelve_megapixels(pathlib.Path(name))):
            rounds, means = [], {}
            for _ in range(ROUNDS):
                figures = {}
                for oversample in (1, 1.5):
                    for side, ask in sides.items():
                        figures[side, oversample], means[side] = ask(path, oversample)
                rounds.append(figures)
            # Scales and filters differ; another picture, or another colour, would differ more.
            if max(means.values()) - min(means.values()) > 0.15:
                raise SystemExit(f"decoders: {path}: the means differ: {means}")
            print(f" {text}: {path.name}")
            ratios = []
            for oversample in (1, 1.5):
                times = {side: statistics.median(each[side, oversample] for each in rounds) for side in sides}
                row(f"leat, oversample {oversample}", times["leat"] * 1e3, "ms")
                for side in RIVALS:
                    row(f"  {side}", times[side] * 1e3, "ms")
                best = min(RIVALS, key=times.get)
                ratios.append(statistics.median(each["leat", oversample] / each[best, oversample]
                                                for each in rounds))
                row(f"  leat of {best}, the fastest of them", ratios[-1], "", "under 1")
            worst = max(worst, *ratios)
    row("the worst ratio", worst, "", "under 1")


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else main()
