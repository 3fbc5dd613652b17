// libjpeg's way of failing, tamed.
//
// libjpeg reports an error by a callback that must not return; ours jumps back to guard(). Only
// frames of libjpeg and of plain C lie between, so that no destructor is skipped: a call that may
// fail is made inside guard(), alone, in a lambda that owns nothing. Nothing is ever printed.
#pragma once

#include <csetjmp>
#include <cstdio>
#include <string>
// After <cstdio>, which it lacks.
#include <jpeglib.h>

namespace leat::image {

class JpegDamage;

class JpegErrors {
 public:
  JpegErrors();
  jpeg_error_mgr* manager() { return &state_.manager; }

  // Runs calls into libjpeg. False: one of them failed, see code() and message().
  template <typename Calls>
  [[gnu::noinline]] bool guard(Calls calls) {
    if (setjmp(state_.back)) return false;
    calls();
    return true;
  }

  int code() const { return state_.manager.msg_code; }  // JERR_...
  std::string message() const { return state_.message; }
  int parameter() const { return state_.manager.msg_parm.i[0]; }  // the first number in it
  // A warning that pixels are missing and were made up has come: the first such.
  bool pixels_lost() const { return state_.pixels_lost; }
  // From here on all of them are told to `damage` too.
  void tell(JpegDamage& damage) { state_.damage = &damage; }

 private:
  struct State {  // the manager comes first: libjpeg knows only that
    jpeg_error_mgr manager;
    jmp_buf back;
    bool pixels_lost;
    JpegDamage* damage;
    char message[JMSG_LENGTH_MAX];  // of the error, or of the first loss of pixels
  };
  static void on_error(j_common_ptr jpeg);
  static void on_warning(j_common_ptr jpeg, int level);
  State state_{};
};

}  // namespace leat::image
