// Letters for labels on pictures: printable ASCII in cells of 5 x 7 dots.
#pragma once

namespace leat {

constexpr int kLetterWidth = 5;
constexpr int kLetterHeight = 7;

// Whether the letter has a dot there; what is not printable ASCII is a frame.
bool letter_dot(char letter, int x, int y);

}  // namespace leat
