# Written by `make docs` from what the operators say of themselves.
"""The operators image.*, as functions on arrays."""

import os
from typing import Any, List, Literal, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from leat._types import Array, Numbers, Text, Texts

def apply_mask(
    image: Array,
    mask: Array,
    *,
    threshold: float = 0.5,
    where: Literal['inside', 'outside'] = 'inside',
    color: Numbers = [255.0, 0.0, 0.0],
    opacity: float = 0.5,
) -> npt.NDArray[np.uint8]:
    """Lays a colour over the pixels inside of a mask, or over those outside of it, which cuts the
    inside out.

    Inputs:
        image: IMAGE
            the picture
        mask: BOOL|UINT8|FP32[?,?]
            lies over the whole picture, whatever its own size

    Parameters, by name:
        threshold: a number; default 0.5
            Values of the mask above it belong to it
        where: inside or outside; default 'inside'
            Which pixels take the colour
        color: a number or a list of numbers from 0 to 255; default [255.0, 0.0, 0.0]
            The colour: one number, or red, green and blue, 0 to 255
        opacity: a number from 0 to 1; default 0.5
            How much of the colour there is; 1 hides the picture

    Gives:
        image: IMAGE
            the picture with the colour
    """

def convert_color(
    image: Array,
    *,
    to: Literal['BGR', 'GREY', 'HSV', 'YCbCr', 'LAB'],
) -> npt.NDArray[np.uint8]:
    """Gives a picture's pixels as another kind of colour, in three bytes. What comes out is no longer
    RGB (but for GREY), which other operators on pictures take it to be.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        to: BGR, GREY, HSV, YCbCr or LAB; required
            GREY: the luma of ITU-R 601, as Pillow's, three times, so that it is still a picture.
            HSV: as OpenCV's COLOR_RGB2HSV, H in 0..179. YCbCr: as in JPEG files (JFIF); Pillow's is
            off by up to 1. LAB: CIE L*a*b* of sRGB under D65 as L * 2.55, a + 128, b + 128, the
            layout of OpenCV's COLOR_RGB2Lab, which is off by up to 3

    Gives:
        image: UINT8[?,?,3]
            height, width, and the three values of each pixel
    """

def crop(
    image: Array,
    box: Array,
    *,
    margin: float = 0.0,
) -> npt.NDArray[np.uint8]:
    """Cuts a rectangle out of a picture. What lies outside of the picture is cut off; a box that
    covers no pixel of it is an error.

    Inputs:
        image: IMAGE
            the picture
        box: FP16|BF16|FP32|FP64|INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32|UINT64[4]
            x1, y1, x2, y2 in pixels of the upright original; fractions are rounded

    Parameters, by name:
        margin: a number from 0 to 100; default 0.0
            Widens the box on each side by this part of its own length

    Gives:
        image: IMAGE
            the part
    """

def crop_rotated(
    image: Array,
    quad: Array,
    *,
    turn_tall: float = 0.0,
) -> npt.NDArray[np.uint8]:
    """Cuts four corners out of a picture and makes them upright. For text that lies aslant. The result
    is as wide and as high as the longer one of the opposite sides, rounded; pixels are interpolated
    bicubically (as by OpenCV's INTER_CUBIC). Where the corners lie outside of the picture, its
    outermost pixels go on. Corners that are not convex, not clockwise or all outside are an error.

    Inputs:
        image: IMAGE
            the picture
        quad: FP32[4,2]
            x, y of each corner in pixels of the upright original, clockwise from what becomes the
            upper left one

    Parameters, by name:
        turn_tall: a number from 0 to 1000000; default 0.0
            A result at least so many times as high as wide is turned by a quarter,
            counter-clockwise; 0: never. PaddleOCR turns at 1.5

    Gives:
        image: IMAGE
            the part, upright
    """

class Decode(NamedTuple):
    image: npt.NDArray[np.uint8]
    intact: npt.NDArray[np.float32]

def decode(
    data: Text,
    *,
    max_megapixels: float = 100.0,
    reduce: bool = True,
    oversample: float = 1.5,
    broken: Literal['recover', 'reject'] = 'recover',
) -> Decode:
    """Turns the bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF into an upright RGB picture. The format
    is told by the bytes; of an animation, the first frame; alpha is dropped. JPEG is read with 8
    bits a sample, not with 12, and neither lossless nor hierarchical.

    Inputs:
        data: BYTES
            the file's bytes

    Parameters, by name:
        max_megapixels: a number from 1e-06 to 4300; default 100.0
            a picture of more million pixels is refused before memory is taken
        reduce: true or false; default True
            decode a JPEG at 1/2, 1/4 or 1/8 where every consumer scales to a known size that is far
            smaller, and no more of it than the middle or the constant boxes that they look at;
            boxes stay in full-size pixels
        oversample: a number from 1 to 8; default 1.5
            how many times larger than needed a reduced picture still is, at least; at 2 what
            consumers get differs from a full decode by under half a level on average, at 1 by one
            to two
        broken: recover or reject; default 'recover'
            what becomes of a file that is cut short or damaged: recover gives what can be read of
            it, the rest grey; reject fails. One of which nothing can be read fails in any case

    Gives a tuple of:
        image: IMAGE
            the picture, upright after EXIF
        intact: FP32
            the part of the picture that could be read, above 0; 1 for all of it
    """

class DecodeRandomCrop(NamedTuple):
    image: npt.NDArray[np.uint8]
    box: npt.NDArray[np.float32]

def decode_random_crop(
    data: Text,
    seed: Array,
    *,
    area_min: float = 0.08,
    area_max: float = 1.0,
    aspect_min: float = 0.75,
    aspect_max: float = 1.3333333333333333,
    max_megapixels: float = 100.0,
    oversample: float = 1.5,
    broken: Literal['recover', 'reject'] = 'recover',
) -> DecodeRandomCrop:
    """Decodes a random box of a picture, for training; the rest of a JPEG is not decoded. The same
    seed always gives the same.

    Inputs:
        data: BYTES
            the file's bytes
        seed: INT64
            says which; `leat.Loader` gives each sample its own

    Parameters, by name:
        area_min: a number from 1e-04 to 1; default 0.08
            the least part of the picture's area
        area_max: a number from 1e-04 to 1; default 1.0
            the greatest part of it
        aspect_min: a number from 0.01 to 100; default 0.75
            the least ratio of width to height
        aspect_max: a number from 0.01 to 100; default 1.3333333333333333
            the greatest
        max_megapixels: a number from 1e-06 to 4300; default 100.0
            a picture of more million pixels is refused before memory is taken
        oversample: a number from 1 to 8; default 1.5
            how many times larger than needed the box still is, at least, when a JPEG is decoded at
            1/2, 1/4 or 1/8
        broken: recover or reject; default 'recover'
            what becomes of a damaged file, as of image.decode

    Gives a tuple of:
        image: IMAGE
            the box
        box: FP32[4]
            x1, y1, x2, y2 in pixels of the upright original
    """

def draw(
    image: Array,
    boxes: Optional[Array] = None,
    polygons: Optional[Array] = None,
    lengths: Optional[Array] = None,
    masks: Optional[Array] = None,
    labels: Optional[Texts] = None,
    scores: Optional[Array] = None,
    classes: Optional[Array] = None,
    *,
    thickness: int = 0,
    opacity: float = 0.4,
    threshold: float = 0.5,
) -> npt.NDArray[np.uint8]:
    """Draws masks, polygons, boxes and labels onto a picture. They come in this order; what lies
    outside of the picture is left out. Each class has its own colour; without classes, each label;
    else, each row. Letters are printable ASCII; others are drawn as frames.

    Inputs:
        image: IMAGE
            the picture
        boxes: FP32[n,4], optional
            x1, y1, x2, y2 in pixels of the upright original
        polygons: FP32[?,?,...], optional
            x, y of each corner in pixels of the upright original: [polygons,points,2], or
            [points,2] with lengths
        lengths: INT64[?], optional
            how many points each polygon has, as image.mask_contours gives them
        masks: BOOL|UINT8|FP32[?,?,...], optional
            [height,width] or [masks,height,width]; each lies over the whole picture, whatever its
            own size
        labels: BYTES[n], optional
            of the boxes or, where there are none, of the polygons
        scores: FP32[n], optional
            of the same; written with two decimals
        classes: INT64[n], optional
            of the same, and of masks, for the colours

    Parameters, by name:
        thickness: an integer from 0 to 100; default 0
            Of lines, in pixels; letters are 7 times as high. 0: 1/300 of the picture's mean side
        opacity: a number from 0 to 1; default 0.4
            Of masks; 1 hides the picture
        threshold: a number; default 0.5
            Values of the mask above it belong to it

    Gives:
        image: IMAGE
            the picture with what was drawn
    """

def encode(
    image: Array,
    *,
    format: Literal['JPEG', 'PNG', 'WebP'] = 'JPEG',
    quality: int = 85,
    lossless: bool = False,
    max_side: int = 0,
) -> bytes:
    """Writes a picture as JPEG, PNG or WebP.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        format: JPEG, PNG or WebP; default 'JPEG'
            JPEG is small, WebP smaller and slower, PNG exact
        quality: an integer from 1 to 100; default 85
            of a JPEG or WebP, chroma at half resolution
        lossless: true or false; default False
            of a WebP: exact, whatever the quality
        max_side: an integer from 0 to 65500; default 0
            in pixels: a picture whose longer side is longer is made smaller, by averaging areas; 0:
            as it is

    Gives:
        data: BYTES
            the file's bytes
    """

def flip(
    image: Array,
    *,
    direction: Literal['horizontal', 'vertical'] = 'horizontal',
) -> npt.NDArray[np.uint8]:
    """Mirrors a picture. The result is a picture of its own: boxes found in it are mirrored.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        direction: horizontal or vertical; default 'horizontal'
            horizontal changes left and right, vertical top and bottom

    Gives:
        image: IMAGE
            the mirrored picture, of the same size
    """

def from_tensor(
    tensor: Array,
    *,
    layout: Optional[Literal['NCHW', 'NHWC']] = None,
    channels: Literal['RGB', 'BGR'] = 'RGB',
    mean: Numbers = [0.0],
    std: Numbers = [1.0],
) -> npt.NDArray[np.uint8]:
    """Makes a picture of what a model gave: the inverse of image.to_tensor. A level is value * std +
    mean, rounded to the nearest and cut to 0..255.

    Inputs:
        tensor: FP32|FP16|UINT8[?,?,?]
            [channels,height,width] (NCHW) or [height,width,channels] (NHWC); one channel is grey

    Parameters, by name:
        layout: NCHW or NHWC; default None
            Unless set, NCHW where the first dimension is 1 or 3
        channels: RGB or BGR; default 'RGB'
            The tensor's channels
        mean: a number or a list of numbers; default [0.0]
            Added; one number, or one a channel in the order of the tensor's
        std: a number or a list of numbers; default [1.0]
            Multiplied with, before mean; 255 brings 0..1 to 0..255

    Gives:
        image: IMAGE
            the picture, of the tensor's size
    """

class MaskArea(NamedTuple):
    area: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]

def mask_area(
    mask: Array,
    *,
    threshold: float = 0.5,
) -> MaskArea:
    """Counts the pixels of a mask.

    Inputs:
        mask: BOOL|UINT8|FP32[?,?]
            the mask

    Parameters, by name:
        threshold: a number; default 0.5
            Values of the mask above it belong to it

    Gives a tuple of:
        area: INT64
            pixels of the mask
        share: FP32
            of all its pixels, 0 to 1
    """

class MaskContours(NamedTuple):
    points: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.int64]

def mask_contours(
    mask: Array,
    image: Optional[Array] = None,
    *,
    threshold: float = 0.5,
) -> MaskContours:
    """Outlines the areas of a mask. As OpenCV's findContours does with RETR_EXTERNAL and
    CHAIN_APPROX_SIMPLE (Suzuki and Abe, 1985): the outer border of each area that lies in no hole
    of another, through the middles of its outermost pixels, counter-clockwise, corners only. Areas
    touch at corners too.

    Inputs:
        mask: BOOL|UINT8|FP32[?,?]
            the mask
        image: IMAGE, optional
            the picture over the whole of which the mask lies

    Parameters, by name:
        threshold: a number; default 0.5
            Values of the mask above it belong to it

    Gives a tuple of:
        points: FP32[?,2]
            x, y of each corner of all polygons, one polygon after another, in pixels of the upright
            original; of the mask, where there is no image
        lengths: INT64[?]
            how many points each polygon has
    """

def normalize(
    image: Array,
    *,
    mean: Numbers = [0.0],
    std: Numbers = [1.0],
) -> npt.NDArray[np.float32]:
    """Turns a picture into numbers, (x - mean) / std, in its own size. image.to_tensor resizes too,
    and knows what a model takes.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        mean: a number or a list of numbers from -1000000000 to 1000000000; default [0.0]
            on the scale from 0 to 255: one number, or one a channel (R, G, B)
        std: a number or a list of numbers from 1e-09 to 1000000000; default [1.0]
            likewise; 255 with the mean 0 makes numbers from 0 to 1

    Gives:
        tensor: FP32[?,?,3]
            [height,width,3], RGB
    """

def pad(
    image: Array,
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    width: Optional[int] = None,
    height: Optional[int] = None,
    multiple: Optional[int] = None,
    align: Literal['top_left', 'center'] = 'top_left',
    fill: Numbers = [0.0],
) -> npt.NDArray[np.uint8]:
    """Puts a border around a picture: of given widths, or to a size, or to the next multiple. Lengths
    are in pixels of the picture as it comes in, which image.resize may have made smaller. The
    result is a picture of its own: boxes found in it count from its border.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        left: an integer from 0 to 32768; default 0
            Pixels to the left
        top: an integer from 0 to 32768; default 0
            Pixels above
        right: an integer from 0 to 32768; default 0
            Pixels to the right
        bottom: an integer from 0 to 32768; default 0
            Pixels below
        width: an integer from 1 to 32768; default None
            Of the result, in pixels; a wider picture is an error
        height: an integer from 1 to 32768; default None
            Of the result, in pixels; a higher picture is an error
        multiple: an integer from 1 to 32768; default None
            Of which width and height of the result are multiples
        align: top_left or center; default 'top_left'
            With a size or multiple: where the picture lies
        fill: a number or a list of numbers from 0 to 255; default [0.0]
            The border: one number, or red, green and blue, 0 to 255

    Gives:
        image: IMAGE
            the picture with its border
    """

def perceptual_hash(
    image: Array,
    *,
    kind: Literal['phash', 'dhash', 'ahash'] = 'phash',
) -> bytes:
    """Gives 64 bits that stay nearly the same when a picture is scaled or encoded anew. Two pictures
    look alike when few bits differ. The bits are those of ImageHash for Python.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        kind: phash, dhash or ahash; default 'phash'
            phash: the 8 x 8 lowest frequencies (DCT) of 32 x 32 pixels against their median; dhash:
            which of neighbouring pixels, of 9 x 8, is brighter; ahash: 8 x 8 pixels against their
            mean

    Gives:
        hash: BYTES
            16 hexadecimal digits, the first bit first: as text, since a JSON number of 64 bits is
            not read exactly everywhere
    """

class RandomFlip(NamedTuple):
    image: npt.NDArray[np.uint8]
    flipped: npt.NDArray[np.bool_]

def random_flip(
    image: Array,
    seed: Array,
    *,
    direction: Literal['horizontal', 'vertical'] = 'horizontal',
    chance: float = 0.5,
) -> RandomFlip:
    """Mirrors a picture or leaves it as it is, for training. The same seed always gives the same.

    Inputs:
        image: IMAGE
            the picture
        seed: INT64
            says which; `leat.Loader` gives each sample its own

    Parameters, by name:
        direction: horizontal or vertical; default 'horizontal'
            horizontal changes left and right, vertical top and bottom
        chance: a number from 0 to 1; default 0.5
            how often it is mirrored

    Gives a tuple of:
        image: IMAGE
            the picture, of the same size
        flipped: BOOL
            whether it was mirrored
    """

def resize(
    image: Array,
    *,
    width: Optional[int] = None,
    height: Optional[int] = None,
    fit: Literal['stretch', 'inside'] = 'stretch',
    filter: Literal['bilinear', 'area', 'nearest', 'bicubic', 'lanczos'] = 'bilinear',
) -> npt.NDArray[np.uint8]:
    """Scales a picture. With width or height alone the other follows from the picture's aspect. Boxes
    still count in pixels of the original.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        width: an integer from 1 to 32768; default None
            Of the result, in pixels
        height: an integer from 1 to 32768; default None
            Of the result, in pixels
        fit: stretch or inside; default 'stretch'
            Where both are set: stretch gives exactly this size; inside keeps the aspect, and both
            are bounds
        filter: bilinear, area, nearest, bicubic or lanczos; default 'bilinear'
            How pixels are weighed, each as Pillow computes it: bilinear, area (BOX), bicubic and
            lanczos are antialiased; nearest takes one pixel

    Gives:
        image: IMAGE
            the whole picture at the new size
    """

def rotate(
    image: Array,
    *,
    turns: int = 0,
    degrees: float = 0.0,
    expand: bool = False,
    fill: Numbers = [0.0],
) -> npt.NDArray[np.uint8]:
    """Turns a picture counter-clockwise. Quarters keep every pixel; any other angle is about the
    middle, with pixels interpolated bicubically (as by OpenCV's INTER_CUBIC). The result is a
    picture of its own: boxes found in it are turned.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        turns: an integer from 0 to 3; default 0
            Quarters; after an odd number width and height have changed places
        degrees: a number from -360 to 360; default 0.0
            An angle, after the quarters. The size stays and corners are cut, unless expand is set
        expand: true or false; default False
            With degrees: the result is as large as the whole turned picture needs
        fill: a number or a list of numbers from 0 to 255; default [0.0]
            With degrees: the pixels around the turned picture: one number, or red, green and blue,
            0 to 255

    Gives:
        image: IMAGE
            the turned picture
    """

class ToTensor(NamedTuple):
    tensor: npt.NDArray[Any]
    transform: npt.NDArray[np.float32]

def to_tensor(
    image: Array,
    *,
    width: Optional[int] = None,
    height: Optional[int] = None,
    dtype: Optional[Union[str, Any]] = None,
    layout: Optional[Literal['NCHW', 'NHWC']] = None,
    channels: Literal['RGB', 'BGR', 'GREY'] = 'RGB',
    fit: Literal['stretch', 'letterbox', 'cover', 'aspect'] = 'stretch',
    min_side: Optional[int] = None,
    max_side: Optional[int] = None,
    multiple: int = 1,
    crop_pct: float = 1.0,
    align: Literal['top_left', 'center'] = 'top_left',
    fill: Numbers = [0.0],
    mean: Numbers = [0.0],
    std: Numbers = [1.0],
    filter: Literal['bilinear', 'area', 'nearest', 'bicubic', 'lanczos'] = 'bilinear',
) -> ToTensor:
    """Makes of a picture what a model takes: scaled, normalised, converted and laid out in one pass.
    Every element is (pixel - mean) / std, with pixels from 0 to 255. Size, element type and layout
    are those of the model it feeds unless they are set.

    Inputs:
        image: IMAGE
            the picture

    Parameters, by name:
        width: an integer from 1 to 16384; default None
            Of the tensor, in pixels; unless set, the model's
        height: an integer from 1 to 16384; default None
            Of the tensor, in pixels; unless set, the model's
        dtype: a data type such as FP32; default None
            FP32, FP16 or UINT8 (rounded, and cut to 0..255); unless set, the model's
        layout: NCHW or NHWC; default None
            Channels first (NCHW) or last (NHWC); an item has no N. Unless set, as the model has its
            channels; NCHW where it does not say
        channels: RGB, BGR or GREY; default 'RGB'
            The tensor's channels; GREY is one, the luma of ITU-R 601
        fit: stretch, letterbox, cover or aspect; default 'stretch'
            stretch scales both axes apart; letterbox shows the whole picture and fills the rest;
            cover shows its middle and cuts the rest; aspect makes the tensor as large as the
            picture's shape demands, for models that leave width or height open: from the side that
            is set, or with neither at the picture's own size or smaller
        min_side: an integer from 1 to 16384; default None
            With aspect, where neither side is set: the least that the shorter side becomes, in
            pixels, as far as max_side allows. Pictures are enlarged for it
        max_side: an integer from 1 to 16384; default None
            With aspect: the most that the sides that are not set may have, in pixels. Pictures are
            made smaller for it; where the other side is set, narrower
        multiple: an integer from 1 to 1024; default 1
            With aspect: sides that are not set are multiples of this, the nearest
        crop_pct: a number from 0.01 to 1; default 1.0
            With cover: the part of the scaled picture's shorter side that is shown. 0.875 for 224
            scales the shorter side to 256
        align: top_left or center; default 'top_left'
            With letterbox: where the picture lies
        fill: a number or a list of numbers from 0 to 255; default [0.0]
            With letterbox: the pixel around the picture, one number or one a channel in the order
            of the tensor's, normalised like the others
        mean: a number or a list of numbers; default [0.0]
            Subtracted; on the scale 0..255, one number or one a channel in the order of the
            tensor's
        std: a number or a list of numbers from 1e-06 to 1000000; default [1.0]
            Divided by, after mean; 255 brings 0..255 to 0..1
        filter: bilinear, area, nearest, bicubic or lanczos; default 'bilinear'
            How pixels are weighed, each as Pillow computes it: bilinear, area (BOX), bicubic and
            lanczos are antialiased; nearest takes one pixel

    Gives a tuple of:
        tensor: FP32|FP16|UINT8[?,?,?]
            [channels,height,width] (NCHW) or [height,width,channels] (NHWC)
        transform: FP32[6]
            scale_x, scale_y, offset_x, offset_y, width, height: x in the tensor * scale_x +
            offset_x is x in the upright original, which is width x height pixels; the same for y
    """
