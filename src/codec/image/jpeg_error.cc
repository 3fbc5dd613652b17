#include "codec/image/jpeg_error.h"

#include <jerror.h>

#include <utility>

#include "codec/image/jpeg_damage.h"

namespace leat::image {

JpegErrors::JpegErrors() {
  jpeg_std_error(&state_.manager);
  state_.manager.error_exit = on_error;
  state_.manager.emit_message = on_warning;
}

void JpegErrors::on_error(j_common_ptr jpeg) {
  State* state = reinterpret_cast<State*>(jpeg->err);
  state->manager.format_message(jpeg, state->message);
  longjmp(state->back, 1);
}

void JpegErrors::on_warning(j_common_ptr jpeg, int level) {
  State* state = reinterpret_cast<State*>(jpeg->err);
  if (level >= 0 || (state->pixels_lost && !state->damage)) return;  // mere chatter
  switch (state->manager.msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      if (!std::exchange(state->pixels_lost, true)) {
        state->manager.format_message(jpeg, state->message);
      }
      if (state->damage) {
        state->damage->lose(reinterpret_cast<j_decompress_ptr>(jpeg)->input_iMCU_row);
      }
      break;
    default:  // extraneous bytes, odd parameters: every pixel is still the picture's own
      break;
  }
}

}  // namespace leat::image
