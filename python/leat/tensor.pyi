# Written by `make docs` from what the operators say of themselves.
"""The operators tensor.*, as functions on arrays."""

import os
from typing import Any, List, Literal, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from leat._types import Array, Numbers, Text, Texts

class ArgMax(NamedTuple):
    index: npt.NDArray[np.int64]  # type: ignore[assignment]
    value: npt.NDArray[Any]

def arg_max(
    x: Array,
    *,
    axis: int = -1,
    keep: bool = False,
) -> ArgMax:
    """Where along an axis the greatest value is; of equal ones, the first. NaN is less than any number
    (numpy's argmax gives the first NaN): where all are NaN, 0.

    Inputs:
        x: NUMBER[?,...]
            scores, at least one along the axis

    Parameters, by name:
        axis: an integer from -8 to 7; default -1
            along which; negative numbers count from the last
        keep: true or false; default False
            the axis stays, with the size 1

    Gives a tuple of:
        index: INT64[...]
            counted from 0; the shape of x without the axis
        value: NUMBER[...]
            the greatest, of the type of x
    """

def cast(
    x: Array,
    *,
    to: Union[str, Any],
    out_of_range: Literal['refuse', 'saturate'] = 'refuse',
) -> npt.NDArray[Any]:
    """The same numbers as another type. To a type of whole numbers, fractions are cut off towards 0,
    as numpy's astype does; of a number that is out of its range astype gives whatever comes,
    wrapped around or not: here it is refused, or becomes the nearest. To a floating point type
    numbers are rounded to the nearest, ties to even, and become infinite when they are too large.
    To BOOL everything but 0 is true, NaN too.

    Inputs:
        x: NUMBER[...]
            numbers

    Parameters, by name:
        to: a data type such as FP32; required
            the type
        out_of_range: refuse or saturate; default 'refuse'
            of a number that a type of whole numbers cannot hold: refuse is an error; saturate gives
            the nearest it has, and 0 for NaN

    Gives:
        y: NUMBER[...]
            the same shape; x itself when that is of the type
    """

def concat(
    x: Sequence[Union[Array, Text, Texts]],
    *,
    axis: int = 0,
) -> Any:
    """Puts values one after the other along an axis that they have.

    Inputs:
        x: ANY[?,...], a list of one or more
            one or more, of one type; only their sizes along the axis may differ

    Parameters, by name:
        axis: an integer from -8 to 7; default 0
            along which; negative numbers count from the last

    Gives:
        y: ANY[?,...]
            all of them; of one, itself
    """

def cosine_similarity(
    a: Array,
    b: Array,
) -> npt.NDArray[np.float32]:
    """The cosine of the angle between vectors: how alike they are, from -1 to 1. 0 where one of them
    is 0, NaN where one has NaN or infinity.

    Inputs:
        a: FP16|BF16|FP32|FP64[?,...]
            a vector [d], or n of them [n,d]
        b: FP16|BF16|FP32|FP64[?,...]
            likewise [d] or [m,d]

    Gives:
        similarity: FP32[...]
            of each of a with each of b: [n,m]; without the axis of what is one vector
    """

def l2_normalize(
    x: Array,
    *,
    axis: int = -1,
    epsilon: float = 1e-12,
) -> npt.NDArray[Any]:
    """Makes vectors along an axis as long as 1: x / max(length, epsilon). NaN makes all of its vector
    NaN; of infinity becomes NaN, and what stands beside it 0.

    Inputs:
        x: FP16|BF16|FP32|FP64[?,...]
            vectors, such as embeddings

    Parameters, by name:
        axis: an integer from -8 to 7; default -1
            along which; negative numbers count from the last
        epsilon: a number, at least 1e-300; default 1e-12
            what a shorter vector is divided by, so that 0 stays 0

    Gives:
        y: FP16|BF16|FP32|FP64[?,...]
            the same type and shape
    """

def normalize(
    x: Array,
    *,
    axis: int = -1,
    mean: Optional[Numbers] = None,
    std: Optional[Numbers] = None,
    epsilon: float = 1e-12,
) -> npt.NDArray[Any]:
    """Shifts and scales numbers: (x - mean) / std. With numbers of training or, where neither is
    given, with the mean and standard deviation of the values along the axis themselves.

    Inputs:
        x: NUMBER[?,...]
            numbers

    Parameters, by name:
        axis: an integer from -8 to 7; default -1
            along which; negative numbers count from the last
        mean: a number or a list of numbers; default None
            one number, or one for each element of the axis; 0 when only std is given
        std: a number or a list of numbers, at least 1e-300; default None
            likewise; 1 when only mean is given
        epsilon: a number, at least 1e-300; default 1e-12
            what is divided by instead of a measured standard deviation that is smaller, so that
            equal values become 0

    Gives:
        y: FP16|BF16|FP32|FP64[?,...]
            the same shape, of the type of x, or FP32 for whole numbers
    """

def pad(
    x: Array,
    *,
    axes: Optional[Numbers] = None,
    before: Optional[Numbers] = None,
    after: Optional[Numbers] = None,
    size: Optional[Numbers] = None,
    multiple: Optional[Numbers] = None,
    value: float = 0.0,
) -> npt.NDArray[Any]:
    """Puts elements of one value around others. As many as are said, or so many that there is a given
    number of them along an axis, or a multiple of one.

    Inputs:
        x: NUMBER[?,...]
            numbers

    Parameters, by name:
        axes: a number or a list of numbers from -8 to 7; default None
            along which; negative numbers count from the last. Left out: all of them. The next four
            are lists with a number for each, or one number for all
        before: a number or a list of numbers from 0 to 9007199254740992; default None
            elements before the first
        after: a number or a list of numbers from 0 to 9007199254740992; default None
            elements after the last
        size: a number or a list of numbers from 0 to 9007199254740992; default None
            elements there are to be, by more after the last; an axis with more is an error
        multiple: a number or a list of numbers from 1 to 9007199254740992; default None
            of which their number is to be a multiple, likewise
        value: a number; default 0.0
            the elements that are put there; one that the type of x has

    Gives:
        y: NUMBER[?,...]
            of the same type; x itself when nothing is missing
    """

def reduce(
    x: Array,
    *,
    by: Literal['sum', 'mean', 'min', 'max'],
    axes: Optional[Numbers] = None,
    keep: bool = False,
) -> npt.NDArray[Any]:
    """Sums, means, least or greatest values along some axes. NaN makes what it goes into NaN. Of no
    elements the sum is 0; the others are an error.

    Inputs:
        x: NUMBER[...]
            numbers

    Parameters, by name:
        by: sum, mean, min or max; required
            what becomes of the elements; sums and means are computed in FP64
        axes: a number or a list of numbers from -8 to 7; default None
            along which; negative numbers count from the last. Left out: all of them
        keep: true or false; default False
            the axes stay, with the size 1

    Gives:
        y: NUMBER[...]
            of the type of x; but sums of whole numbers are INT64, an error when they are more than
            that holds, and their means FP64
    """

def reshape(
    x: Union[Array, Text, Texts],
    *,
    shape: Numbers,
) -> Any:
    """The same elements, in the same order, under another shape. Nothing is copied.

    Inputs:
        x: ANY[...]
            any value

    Parameters, by name:
        shape: a number or a list of numbers from -1 to 9007199254740992; required
            sizes, in whole numbers; one may be -1, which is as many as there are. [] makes one
            element a scalar

    Gives:
        y: ANY[...]
            the same elements
    """

def sigmoid(
    x: Array,
) -> npt.NDArray[Any]:
    """Turns scores into probabilities one by one: 1 / (1 + exp(-x)). NaN stays NaN.

    Inputs:
        x: FP16|BF16|FP32|FP64[...]
            scores

    Gives:
        y: FP16|BF16|FP32|FP64[...]
            the same type and shape, from 0 to 1
    """

def slice(
    x: Union[Array, Text, Texts],
    *,
    axes: Numbers = [0.0],
    begin: Optional[Numbers] = None,
    end: Optional[Numbers] = None,
    step: Numbers = [1.0],
) -> Any:
    """A part of a value along one axis or several: x[begin:end:step]. As in Python, bounds beyond the
    axis mean as far as it goes. What lies together in memory, such as rows of axis 0, is not
    copied.

    Inputs:
        x: ANY[?,...]
            any value

    Parameters, by name:
        axes: a number or a list of numbers from -8 to 7; default [0.0]
            along which; negative numbers count from the last. For each of them there is a number in
            begin, end and step, or one for all
        begin: a number or a list of numbers from -9007199254740992 to 9007199254740992; default None
            the first element; negative numbers count from the end. Left out: from where it goes,
            which is the last for a negative step
        end: a number or a list of numbers from -9007199254740992 to 9007199254740992; default None
            the first element that is not taken any more, likewise. Left out: all the way
        step: a number or a list of numbers from -9007199254740992 to 9007199254740992; default [1.0]
            from one element to the next; negative: backwards

    Gives:
        y: ANY[?,...]
            the part, with all axes; it may be empty
    """

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

class Sort(NamedTuple):
    values: npt.NDArray[Any]
    indices: npt.NDArray[np.int64]

def sort(
    x: Array,
    *,
    axis: int = -1,
    descending: bool = False,
) -> Sort:
    """Sorts along an axis. Equal values keep their order; NaN comes last either way.

    Inputs:
        x: NUMBER[?,...]
            numbers

    Parameters, by name:
        axis: an integer from -8 to 7; default -1
            along which; negative numbers count from the last
        descending: true or false; default False
            the greatest first

    Gives a tuple of:
        values: NUMBER[?,...]
            the same type and shape
        indices: INT64[?,...]
            where along the axis of x each of them was
    """

def stack(
    x: Sequence[Union[Array, Text, Texts]],
    *,
    axis: int = 0,
) -> Any:
    """Puts values beside one another, along an axis that is new.

    Inputs:
        x: ANY[...], a list of one or more
            one or more, of one type and shape

    Parameters, by name:
        axis: an integer from -8 to 7; default 0
            where the new axis is, in the result; negative numbers count from its last

    Gives:
        y: ANY[?,...]
            all of them
    """

def take(
    x: Union[Array, Text, Texts],
    indices: Array,
    *,
    axis: int = 0,
) -> Any:
    """The elements of an axis that indices name, in their order; any may be named again. One that is
    not there is an error.

    Inputs:
        x: ANY[?,...]
            any value
        indices: INT32|INT64[...]
            from 0; negative numbers count from the end: -1 is the last

    Parameters, by name:
        axis: an integer from -8 to 7; default 0
            along which; negative numbers count from the last

    Gives:
        y: ANY[...]
            the shape of x, with that of indices in the axis's place
    """

def threshold(
    x: Array,
    *,
    value: float,
    when: Literal['at_least', 'above'] = 'at_least',
    give: Literal['mask', 'values'] = 'mask',
) -> npt.NDArray[Any]:
    """Which elements are above a bound, or those alone. NaN never is.

    Inputs:
        x: NUMBER[...]
            numbers

    Parameters, by name:
        value: a number; required
            the bound
        when: at_least or above; default 'at_least'
            what of an element that is the bound: at_least takes it, above does not
        give: mask or values; default 'mask'
            mask: BOOL, true where it is; values: the element where it is, else 0

    Gives:
        y: NUMBER[...]
            the same shape; BOOL, or the type of x
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

def transpose(
    x: Union[Array, Text, Texts],
    *,
    axes: Optional[Numbers] = None,
) -> Any:
    """Puts the axes in another order: of [3,224,224], axes: [1, 2, 0] make [224,224,3].

    Inputs:
        x: ANY[...]
            any value

    Parameters, by name:
        axes: a number or a list of numbers from -8 to 7; default None
            all axes of x, each once; negative numbers count from the last. Left out: the order is
            turned round

    Gives:
        y: ANY[...]
            axis i of it is axis axes[i] of x
    """
