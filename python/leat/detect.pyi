# Written by `make docs` from what the operators say of themselves.
"""The operators detect.*, as functions on arrays."""

import os
from typing import Any, List, Literal, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from leat._types import Array, Numbers, Text, Texts

class Fastestdet(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    labels: Optional[List[Any]]

def fastestdet(
    output: Array,
    transform: Optional[Array] = None,
    *,
    score: float = 0.65,
    iou: float = 0.45,
    max: int = 300,
    candidates: int = 3000,
    class_agnostic: bool = False,
    labels: Optional[Union[str, os.PathLike[str]]] = None,
    stride: float = 16.0,
) -> Fastestdet:
    """Finds the boxes in the output of a FastestDet model. A box has its most probable class; its
    score is objectness ** 0.6 * that probability ** 0.4. A cell that holds NaN or infinite numbers
    where they matter gives no box.

    Inputs:
        output: FP32[attributes,rows,columns]
            in planes, a number a cell: objectness, x, y, width, height, and a probability a class
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        score: a number from 0 to 1; default 0.65
            least score of a box
        iou: a number from 0 to 1; default 0.45
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        class_agnostic: true or false; default False
            boxes of different classes suppress each other, too
        labels: a path; default None
            a text file with the name of each class, one a line; numbers in front of them, as in
            `7,cock`, are dropped. As many lines as there are classes
        stride: a number from 1 to 1024; default 16.0
            pixels of the model's input from cell to cell

    Gives a tuple of:
        boxes: FP32[found,4]
            x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best score
            first
        scores: FP32[found]
            of each box, 0..1
        classes: INT64[found]
            of each box, counted from 0
        labels: BYTES[found], None without labels
            the names of the classes
    """

def keypoints(
    heatmaps: Array,
    transform: Optional[Array] = None,
    *,
    stride: float = 4.0,
) -> npt.NDArray[np.float32]:
    """Finds a point in each heatmap: its greatest number, the first of equal ones, moved by a quarter
    of a cell towards the greater of its neighbours to either side, except at the border. NaN counts
    as the smallest number.

    Inputs:
        heatmaps: FP32[points,height,width]
            how likely each point is where
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        stride: a number from 0.01 to 1024; default 4.0
            pixels of the model's input from cell to cell: the first cell is at 0, the next at
            stride

    Gives:
        points: FP32[points,3]
            x and y in pixels of the upright original, which may lie outside of it, and the greatest
            number as the score
    """

class Nanodet(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    labels: Optional[List[Any]]

def nanodet(
    output: Array,
    transform: Optional[Array] = None,
    *,
    score: float = 0.35,
    iou: float = 0.6,
    max: int = 300,
    candidates: int = 3000,
    class_agnostic: bool = False,
    labels: Optional[Union[str, os.PathLike[str]]] = None,
    strides: Numbers = [8.0, 16.0, 32.0, 64.0],
    width: int = 0,
    height: int = 0,
    reg_max: int = 7,
    anchor: float = 0.0,
) -> Nanodet:
    """Finds the boxes in the output of a NanoDet or NanoDet-Plus model, on its grids. A box has its
    most probable class. A row that holds NaN or infinite numbers where they matter gives no box.

    Inputs:
        output: FP32[rows,attributes]
            a row a cell of the grids: a probability a class, and reg_max + 1 scores each for left,
            top, right and bottom
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        score: a number from 0 to 1; default 0.35
            least score of a box
        iou: a number from 0 to 1; default 0.6
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        class_agnostic: true or false; default False
            boxes of different classes suppress each other, too
        labels: a path; default None
            a text file with the name of each class, one a line; numbers in front of them, as in
            `7,cock`, are dropped. As many lines as there are classes
        strides: a number or a list of numbers from 1 to 1024; default [8.0, 16.0, 32.0, 64.0]
            pixels from cell to cell of each grid, in the order of the rows
        width: an integer from 0 to 32768; default 0
            of the model's input, in pixels. 0: square, found from the number of rows
        height: an integer from 0 to 32768; default 0
            of the model's input, in pixels. 0: as width
        reg_max: an integer from 1 to 64; default 7
            the largest distance of a side from its cell, in strides
        anchor: a number from 0 to 1; default 0.0
            from where in its cell distances count: 0: its upper left corner (NanoDet-Plus); 0.5:
            its middle (NanoDet, with strides [8, 16, 32])

    Gives a tuple of:
        boxes: FP32[found,4]
            x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best score
            first
        scores: FP32[found]
            of each box, 0..1
        classes: INT64[found]
            of each box, counted from 0
        labels: BYTES[found], None without labels
            the names of the classes
    """

class Nms(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: Optional[npt.NDArray[np.int64]]
    index: npt.NDArray[np.int64]  # type: ignore[assignment]

def nms(
    boxes: Array,
    scores: Array,
    classes: Optional[Array] = None,
    *,
    iou: float = 0.45,
    max: int = 300,
    candidates: int = 3000,
    class_agnostic: bool = False,
    score: Optional[float] = None,
    method: Literal['hard', 'linear', 'gaussian'] = 'hard',
    sigma: float = 0.5,
) -> Nms:
    """Of boxes that overlap, keeps the one with the best score, or lowers the others' scores
    (Soft-NMS). Boxes that are not finite or whose corners are swapped, and scores that are NaN, are
    dropped; by a soft method, scores that are negative or infinite, too.

    Inputs:
        boxes: FP32[n,4]
            x1, y1, x2, y2, in any unit
        scores: FP32[n]
            the higher, the better
        classes: INT64[n], optional
            boxes of different classes leave each other alone

    Parameters, by name:
        iou: a number from 0 to 1; default 0.45
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        class_agnostic: true or false; default False
            boxes of different classes suppress each other, too
        score: a number; default None
            least score of a box, of a soft method after it has fallen; any when not given
        method: hard, linear or gaussian; default 'hard'
            hard: boxes go. Soft-NMS: none goes, but scores, which are 0 or more, fall for each
            better box of the class: linear: by 1 - the part in common where that is more than iou;
            gaussian: by exp(-part ** 2 / sigma)
        sigma: a number from 0.001 to 1000; default 0.5
            of gaussian

    Gives a tuple of:
        boxes: FP32[kept,4]
            the best score first; of equal ones, the first
        scores: FP32[kept]
            of each box; by a soft method, as they are then
        classes: INT64[kept], None without classes
            of each box
        index: INT64[kept]
            which of the n boxes it was
    """

class Segmentation(NamedTuple):
    mask: npt.NDArray[np.uint8]
    shares: npt.NDArray[np.float32]

def segmentation(
    scores: Array,
    transform: Optional[Array] = None,
    *,
    layout: Literal['NCHW', 'NHWC'] = 'NCHW',
    class_: Optional[int] = None,
    stride: float = 1.0,
) -> Segmentation:
    """Turns class scores into a mask as large as the original picture: each of its pixels is of the
    class with the best score where its middle lies, of equal ones the first. What the model has not
    seen of the picture (fit: cover) is 0.

    Inputs:
        scores: FP32[?,?,?]
            [classes,height,width] or [height,width,classes]
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        layout: NCHW or NHWC; default 'NCHW'
            classes first (NCHW) or last (NHWC); an item has no N
        class_: an integer from 0 to 255; default None
            the mask is of this class alone
        stride: a number from 0.01 to 1024; default 1.0
            pixels of the model's input for each of the scores; 8 where these are an eighth as wide
            and high

    Gives a tuple of:
        mask: UINT8[height,width]
            the class of each pixel; with the parameter class 255 where it is that, else 0
        shares: FP32[classes]
            of all pixels, 0..1, by class
    """

class Ssd(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    labels: Optional[List[Any]]

def ssd(
    scores: Array,
    boxes: Array,
    transform: Optional[Array] = None,
    *,
    score: float = 0.7,
    iou: float = 0.3,
    max: int = 300,
    candidates: int = 3000,
    class_agnostic: bool = False,
    labels: Optional[Union[str, os.PathLike[str]]] = None,
    box_format: Literal['corners', 'center'] = 'corners',
    units: Literal['fraction', 'pixels'] = 'fraction',
    background: int = 0,
    width: int = 0,
    height: int = 0,
) -> Ssd:
    """Finds the boxes in the output of a model that gives boxes and a score for each of the classes:
    SSD, face detectors. A box counts once for every class whose score is high enough. A box that is
    not finite is none.

    Inputs:
        scores: FP32[n,classes]
            0..1
        boxes: FP32[n,4]
            see box_format and units
        transform: FP32[6], optional
            of image.to_tensor; without it boxes stay in pixels of the model's input (or in
            fractions of it, where width and height are not said)

    Parameters, by name:
        score: a number from 0 to 1; default 0.7
            least score of a box
        iou: a number from 0 to 1; default 0.3
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        class_agnostic: true or false; default False
            boxes of different classes suppress each other, too
        labels: a path; default None
            a text file with the name of each class, one a line; numbers in front of them, as in
            `7,cock`, are dropped. As many lines as there are classes
        box_format: corners or center; default 'corners'
            corners: x1, y1, x2, y2; center: middle x, middle y, width, height
        units: fraction or pixels; default 'fraction'
            fraction: the model's input is 1 wide and 1 high; pixels: of that input
        background: an integer from -1 to 16777216; default 0
            the class that means nothing is there, which gives no boxes; -1: none does
        width: an integer from 0 to 32768; default 0
            of the model's input, in pixels. Needed with fractions when the picture was not
            stretched to it (fit: letterbox or cover)
        height: an integer from 0 to 32768; default 0
            of the model's input, in pixels; as width

    Gives a tuple of:
        boxes: FP32[found,4]
            x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best score
            first
        scores: FP32[found]
            of each box, 0..1
        classes: INT64[found]
            of each box, counted from 0
        labels: BYTES[found], None without labels
            the names of the classes
    """

class TextRegions(NamedTuple):
    quads: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]

def text_regions(
    map: Array,
    transform: Optional[Array] = None,
    *,
    threshold: float = 0.3,
    box_threshold: float = 0.6,
    unclip_ratio: float = 1.5,
    min_side: float = 3.0,
    max: int = 1000,
) -> TextRegions:
    """Finds the lines of text in the probability map of a DB model, as rectangles at any angle. Pixels
    above the threshold that hang together, over corners too, are a candidate; the smallest
    rectangle by area around it is grown on all sides by its area * unclip_ratio / perimeter.

    Inputs:
        map: FP32[1,height,width]
            how probable text is at each pixel, 0..1
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        threshold: a number from 0 to 1; default 0.3
            pixels above it are text
        box_threshold: a number from 0 to 1; default 0.6
            least score of a rectangle
        unclip_ratio: a number from 0 to 10; default 1.5
            how far rectangles are grown
        min_side: a number from 1 to 1000; default 3.0
            least shorter side of a candidate's rectangle, through the middles of pixels of the map
        max: an integer from 1 to 20000; default 1000
            most candidates looked at that are large enough; bounds the work

    Gives a tuple of:
        quads: FP32[found,4,2]
            x, y of the corners of each rectangle, in pixels of the upright original, cut off at its
            borders: the upper one of the two leftmost, then clockwise. Those that begin higher up
            in the map come first
        scores: FP32[found]
            of each: the mean of the map in the rectangle before that was grown
    """

class Yolo(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    labels: Optional[List[Any]]

def yolo(
    output: Array,
    transform: Optional[Array] = None,
    *,
    head: Literal['v5', 'v8'],
    score: float = 0.25,
    iou: float = 0.45,
    max: int = 300,
    candidates: int = 3000,
    class_agnostic: bool = False,
    labels: Optional[Union[str, os.PathLike[str]]] = None,
) -> Yolo:
    """Finds the boxes in the output of a YOLO model that has its grids worked in. A box has its most
    probable class, with v5 times objectness as its score. One that holds NaN or infinite numbers
    where they matter is none.

    Inputs:
        output: FP32[?,?]
            of v5, a row a box: middle x, middle y, width, height, objectness, classes; of v8, a
            column a box: middle x, middle y, width, height, classes. In pixels of the model's input
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        head: v5 or v8; required
            v5: YOLOv5, v6 and v7; v8: YOLOv8 and later with its head, which has no objectness
        score: a number from 0 to 1; default 0.25
            least score of a box
        iou: a number from 0 to 1; default 0.45
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        class_agnostic: true or false; default False
            boxes of different classes suppress each other, too
        labels: a path; default None
            a text file with the name of each class, one a line; numbers in front of them, as in
            `7,cock`, are dropped. As many lines as there are classes

    Gives a tuple of:
        boxes: FP32[found,4]
            x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best score
            first
        scores: FP32[found]
            of each box, 0..1
        classes: INT64[found]
            of each box, counted from 0
        labels: BYTES[found], None without labels
            the names of the classes
    """

class Yolox(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    labels: Optional[List[Any]]

def yolox(
    output: Array,
    transform: Optional[Array] = None,
    *,
    score: float = 0.3,
    iou: float = 0.45,
    max: int = 300,
    candidates: int = 3000,
    class_agnostic: bool = False,
    labels: Optional[Union[str, os.PathLike[str]]] = None,
    strides: Numbers = [8.0, 16.0, 32.0],
    width: int = 0,
    height: int = 0,
) -> Yolox:
    """Finds the boxes in the raw output of a YOLOX model, on its grids. A box has its most probable
    class; its score is objectness times that probability. A row that holds NaN or infinite numbers
    where they matter gives no box.

    Inputs:
        output: FP32[rows,attributes]
            a row a cell of the grids: x, y, log width, log height, objectness, and a probability a
            class
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        score: a number from 0 to 1; default 0.3
            least score of a box
        iou: a number from 0 to 1; default 0.45
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        class_agnostic: true or false; default False
            boxes of different classes suppress each other, too
        labels: a path; default None
            a text file with the name of each class, one a line; numbers in front of them, as in
            `7,cock`, are dropped. As many lines as there are classes
        strides: a number or a list of numbers from 1 to 1024; default [8.0, 16.0, 32.0]
            pixels from cell to cell of each grid, in the order of the rows
        width: an integer from 0 to 32768; default 0
            of the model's input, in pixels. 0: square, found from the number of rows
        height: an integer from 0 to 32768; default 0
            of the model's input, in pixels. 0: as width

    Gives a tuple of:
        boxes: FP32[found,4]
            x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best score
            first
        scores: FP32[found]
            of each box, 0..1
        classes: INT64[found]
            of each box, counted from 0
        labels: BYTES[found], None without labels
            the names of the classes
    """

class Yunet(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]

def yunet(
    cls: Sequence[Array],
    obj: Sequence[Array],
    bbox: Sequence[Array],
    kps: Sequence[Array],
    transform: Optional[Array] = None,
    *,
    score: float = 0.6,
    iou: float = 0.3,
    max: int = 300,
    candidates: int = 3000,
    strides: Numbers = [8.0, 16.0, 32.0],
    width: int = 0,
    height: int = 0,
) -> Yunet:
    """Finds faces, and five points of each, in the outputs of a YuNet model. The score of a box is the
    root of class times objectness. A row that holds NaN or infinite numbers where they matter gives
    no face.

    Inputs:
        cls: FP32[?,1], a list of one or more
            face or not, a tensor a stride, a row a cell
        obj: FP32[?,1], a list of one or more
            objectness, alike
        bbox: FP32[?,4], a list of one or more
            middle x, middle y, log width, log height, alike
        kps: FP32[?,10], a list of one or more
            x and y of five points, alike
        transform: FP32[6], optional
            of image.to_tensor; without it everything is in pixels of the model's input

    Parameters, by name:
        score: a number from 0 to 1; default 0.6
            least score of a box
        iou: a number from 0 to 1; default 0.3
            of two boxes of a class that have more than this part of their union in common, the one
            with the lower score goes
        max: an integer from 1 to 20000; default 300
            most boxes given, the best first
        candidates: an integer from 1 to 20000; default 3000
            boxes with the best scores that are held against each other; bounds the work
        strides: a number or a list of numbers from 1 to 1024; default [8.0, 16.0, 32.0]
            pixels from cell to cell of each grid, in the order of the rows
        width: an integer from 0 to 32768; default 0
            of the model's input, in pixels. 0: square, found from the number of rows
        height: an integer from 0 to 32768; default 0
            of the model's input, in pixels. 0: as width

    Gives a tuple of:
        boxes: FP32[found,4]
            x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best score
            first
        scores: FP32[found]
            of each box, 0..1
        landmarks: FP32[found,5,2]
            of each face x, y of its right eye, left eye, tip of the nose, right and left corner of
            the mouth, in pixels of the upright original; they may lie outside
    """
