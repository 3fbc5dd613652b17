# Written by `make docs` from what the operators say of themselves.
"""The operators text.*, as functions on arrays."""

import os
from typing import Any, List, Literal, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from leat._types import Array, Numbers, Text, Texts

class CtcDecode(NamedTuple):
    text: bytes
    score: npt.NDArray[np.float32]

def ctc_decode(
    probabilities: Array,
    *,
    dictionary: Union[str, os.PathLike[str]],
    blank: int = 0,
    space: bool = False,
    logits: bool = False,
    beam: int = 1,
) -> CtcDecode:
    """Reads the text out of a CTC model's output: a class a step, repetitions taken as one, blanks
    dropped.

    Inputs:
        probabilities: FP32[steps,classes]
            of each class at each step

    Parameters, by name:
        dictionary: a path; required
            a text file with the characters of the classes, in their order without the blank, one a
            line
        blank: an integer from -1 to 16777216; default 0
            the class that means no character; -1: the last
        space: true or false; default False
            one class more follows those of the dictionary: a space
        logits: true or false; default False
            the model ends without softmax, which is done here
        beam: an integer from 0 to 100; default 1
            0, 1: the most probable class of each step. More: so many texts are followed, to find
            the most probable over all alignments

    Gives a tuple of:
        text: BYTES
            UTF-8 if the dictionary is
        score: FP32
            the mean of the probabilities of its characters, each at its first step; 0 of an empty
            text
    """

class ReadingOrder(NamedTuple):
    quads: Optional[npt.NDArray[np.float32]]
    boxes: Optional[npt.NDArray[np.float32]]
    order: npt.NDArray[np.int64]

def reading_order(
    quads: Optional[Array] = None,
    boxes: Optional[Array] = None,
) -> ReadingOrder:
    """Puts boxes of text into the order in which one reads them: lines from top to bottom, in a line
    from left to right. Going down by their middles, boxes belong to a line as long as they are at
    most half its height, both the mean of its boxes, away from it.

    Inputs:
        quads: FP32[n,4,2], optional
            corners, clockwise from the top left of the text: either these or boxes
        boxes: FP32[n,4], optional
            x1, y1, x2, y2

    Gives a tuple of:
        quads: FP32[n,4,2], None without quads
            the same in that order
        boxes: FP32[n,4], None without boxes
            the same in that order
        order: INT64[n]
            which of the n each was; tensor.take puts others alike
    """
