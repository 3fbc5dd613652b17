"""OpenCV's part of bench/decode_to_tensor.cc: for each line "PATH REDUCTION" it decodes the file
from memory, resizes to 224 x 224, normalises to FP32 NCHW, and answers with the processor time in
seconds and the mean of the result. One thread."""

import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(0)
READ = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8}
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
SCALE = 1 / np.array([58.395, 57.12, 57.375], np.float32)


def convert(jpeg, reduction):
    picture = cv2.imdecode(jpeg, READ[reduction])
    small = cv2.resize(picture, (224, 224), interpolation=cv2.INTER_LINEAR)
    # The fastest way to planes: subtract and scale channel by channel, straight into place.
    out = np.empty((3, 224, 224), np.float32)
    for plane, source in enumerate((2, 1, 0)):  # BGR to RGB
        np.subtract(small[:, :, source], MEAN[plane], out=out[plane], dtype=np.float32)
        np.multiply(out[plane], SCALE[plane], out=out[plane])
    return out


def main():
    files = {}
    for line in sys.stdin:
        path, reduction = line.rsplit(" ", 1)
        if path not in files:
            files[path] = np.fromfile(path, np.uint8)
            for each in READ:
                convert(files[path], each)
        begin = time.process_time()
        out = convert(files[path], int(reduction))
        print(time.process_time() - begin, out.mean(), flush=True)


main()
