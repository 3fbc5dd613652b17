#!/usr/bin/python3
"""Pictures a second into a training step: leat.Loader, and loaders as PyTorch's DataLoader works, with
a process a core, by Pillow and by OpenCV. Each takes a random box of a photo (a part of its area from
0.08 to 1, as RandomResizedCrop), scales it to 224 x 224, mirrors every second one, and normalises.
Everything takes turns; medians over rounds, ratios within a round.

Run it by the Python of build/deps/rivals, which tools/setup.sh bench makes; it starts itself again by
that one, and takes the module of build/release.
"""

import itertools
import math
import multiprocessing
import multiprocessing.shared_memory
import os
import pathlib
import random
import sys
import time

from service import ASSETS, PYTHON, ROOT, machine, median_of, ratio, row

SECONDS = float(os.environ.get("SECONDS_EACH", "6"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
TREE = ROOT / "build/release"
CORES = len(os.sched_getaffinity(0))
BATCH, SIDE = 64, 224
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
PHOTOS = sorted([*ASSETS.glob("images/photo/*.jp*g"), *ASSETS.glob("images/exif/[LP]*.jpg"),
                 *ASSETS.glob("images/face/*.jpg")])


def pipeline():
    import leat

    made = leat.Pipeline()
    seed = made.input("seed", "INT64")
    box = made.image.decode_random_crop(made.input("photo"), seed)
    flip = made.image.random_flip(box.image, seed)
    made.output(tensor=made.image.to_tensor(flip.image, width=SIDE, height=SIDE, mean=list(MEAN),
                                            std=list(STD)).tensor)
    return made


def leat_batches(files):
    import leat

    return (batch.tensor for batch in leat.Loader(pipeline(), files, batch=BATCH, shuffle=True,
                                                  epochs=None))


def draw(width, height):
    """left, top, width, height"""
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def by_pillow(path):
    import numpy as np
    from PIL import Image, ImageOps
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    left, top, width, height = draw(*picture.size)
    picture = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR,
                             (left, top, left + width, top + height))
    if random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return normalised(np.asarray(picture))


def by_opencv(path):
    import cv2
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    left, top, width, height = draw(picture.shape[1], picture.shape[0])
    picture = cv2.resize(picture[top:top + height, left:left + width], (SIDE, SIDE),
                         interpolation=cv2.INTER_AREA if width > SIDE else cv2.INTER_LINEAR)
    if random.random() < 0.5:
        picture = cv2.flip(picture, 1)
    return normalised(picture)


def normalised(picture):
    import numpy as np
    return ((picture.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)


def work(sample_of, files, tasks, memory_names, done):
    """A worker: makes whole batches, in shared memory, as DataLoader's do."""
    import cv2
    import numpy as np
    cv2.setNumThreads(1)
    memories = [multiprocessing.shared_memory.SharedMemory(name) for name in memory_names]
    while (task := tasks.get()) is not None:
        slot, samples = task
        batch = np.ndarray((BATCH, 3, SIDE, SIDE), np.float32, memories[slot].buf)
        np.stack([sample_of(files[i]) for i in samples], out=batch)
        done.put(slot)


class Processes:
    def __init__(self, sample_of, files):
        self.memories = [multiprocessing.shared_memory.SharedMemory(create=True, size=4 * 3 * SIDE * SIDE * BATCH)
                         for _ in range(2 * CORES + 1)]
        self.tasks, self.done = multiprocessing.Queue(), multiprocessing.Queue()
        self.files = files
        names = [memory.name for memory in self.memories]
        self.workers = [multiprocessing.Process(target=work, args=(sample_of, files, self.tasks, names,
                                                                   self.done), daemon=True)
                        for _ in range(CORES)]
        for worker in self.workers:
            worker.start()

    def __iter__(self):
        import numpy as np
        for slot in range(2 * CORES):  # two batches ahead for each
            self.ask(slot)
        while True:
            slot = self.done.get()
            yield np.ndarray((BATCH, 3, SIDE, SIDE), np.float32, self.memories[slot].buf)
            self.ask(slot)

    def ask(self, slot):
        self.tasks.put((slot, random.choices(range(len(self.files)), k=BATCH)))

    def close(self):
        for worker in self.workers:
            worker.terminate()
        for memory in self.memories:
            memory.close()
            memory.unlink()


def rate(batches):
    """Pictures a second, while somebody takes a look at each batch."""
    next(batches)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        float(next(batches)[:, 0, 0, 0].sum())
        count += BATCH
    return count / (time.perf_counter() - begin)


def main():
    if not PYTHON.exists() or not PHOTOS:
        print(f"loader: skipped, there is no {PYTHON} (tools/setup.sh bench makes it), or there are no "
              f"assets at {ASSETS} (set LEAT_ASSETS)")
        return
    if pathlib.Path(sys.prefix).resolve() != PYTHON.parent.parent.resolve():
        os.execv(PYTHON, [PYTHON, *sys.argv])
    if not list(TREE.glob("_leat*.so")):
        print(f"loader: skipped, there is no module in {TREE}; make bench builds it")
        return
    sys.path.insert(0, str(ROOT / "python"))
    import leat
    leat.__path__.append(str(TREE))
    print("pictures a second, ready for a training step: 224 x 224, random box, mirrored, normalised")
    print(machine())
    files = [path for _, path in zip(range(1024), itertools.cycle(PHOTOS))]
    sides = {"leat": lambda: (leat_batches(files), lambda: None)}
    for name, sample_of in (("Pillow", by_pillow), ("OpenCV", by_opencv)):
        def start(sample_of=sample_of):
            made = Processes(sample_of, files)
            return iter(made), made.close
        sides[name] = start
    rounds = []
    for _ in range(ROUNDS):
        figures = {}
        for name, start in sides.items():
            batches, close = start()
            figures[name] = {"rate": rate(batches)}
            close()
            del batches
        rounds.append(figures)
    for name in sides:
        row(name if name == "leat" else f"{name}, a process a core", median_of(rounds, name, "rate"), "/s")
    row("leat of Pillow", ratio(rounds, "leat", "Pillow", "rate"), "", "at least 3")
    row("leat of OpenCV", ratio(rounds, "leat", "OpenCV", "rate"), "")


if __name__ == "__main__":
    main()
