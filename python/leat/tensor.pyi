# Written by `make docs` from what the operators say of themselves.
"""The operators tensor.*, as functions on arrays."""

import os
from typing import Any, List, Literal, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from leat._types import Array, Numbers, Text, Texts

def softmax(
    x: Array,
    *,
    axis: int = -1,
) -> npt.NDArray[Any]:
    """Turns scores into probabilities: exp(x) over the sum of exp(x) along one axis. NaN or +infinity
    in a row makes all of it NaN.

    Inputs:
        x: FP16|FP32|FP64[?,...]
            scores

    Parameters, by name:
        axis: an integer from -8 to 7; default -1
            along which; negative numbers count from the last

    Gives:
        y: FP16|FP32|FP64[?,...]
            the same type and shape; sums to 1
    """

class TopK(NamedTuple):
    values: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]
    labels: Optional[List[Any]]

def top_k(
    scores: Array,
    *,
    k: int = 5,
    softmax: bool = False,
    largest: bool = True,
    labels: Optional[Union[str, os.PathLike[str]]] = None,
) -> TopK:
    """The classes with the best scores, the best first; of equal ones, the one with the lower number.
    NaN comes last.

    Inputs:
        scores: FP16|FP32|FP64[...]
            one a class; all dimensions but one must be 1

    Parameters, by name:
        k: an integer from 1 to 1000000; default 5
            how many; all when there are fewer
        softmax: true or false; default False
            turn scores into probabilities, over all classes
        largest: true or false; default True
            false: the smallest scores are the best
        labels: a path; default None
            a text file with the name of each class, one a line; numbers in front of them, as in
            `7,cock`, are dropped. As many lines as there are classes

    Gives a tuple of:
        values: FP32[k]
            the scores, or probabilities with softmax
        indices: INT64[k]
            the classes, counted from 0
        labels: BYTES[k], None without labels
            their names
    """
