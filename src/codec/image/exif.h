// The one thing that EXIF says about pixels: how the picture was held.
#pragma once

#include "codec/image/image.h"

namespace leat::image {

// The orientation, 1 to 8, in an EXIF block (TIFF, with or without "Exif\0\0" before it). 1 when
// there is none, or none that can be understood: bad EXIF never spoils a picture.
int exif_orientation(Bytes block);

}  // namespace leat::image
