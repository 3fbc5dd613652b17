// Makes a picture smaller by averaging areas, for previews.
#pragma once

#include "codec/image/image.h"

namespace leat::image {

// `to`: width * height * 3 bytes, with 1 <= width <= from.width and the same for height. Each pixel
// is the mean of the area it covers, parts of pixels counted as parts (Pillow's BOX within a
// level).
void shrink(View from, int width, int height, uint8_t* to);

}  // namespace leat::image
