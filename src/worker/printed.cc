#include "worker/printed.h"

#include <cerrno>
#include <vector>

#include "base/text.h"

namespace leat {

void Printed::read(Nanos now) {
  if (now - second_ >= kSecond) {
    tell_left_out();
    second_ = now;
    told_ = 0;
  }
  take();
}

void Printed::finish(Nanos now) {
  if (!log_) return;
  // Others may have the pipe and go on writing: what it holds now is what the worker wrote.
  constexpr int kMost = 16;
  read(now);
  for (int i = 0; i < kMost && take(); ++i) {
  }
  pipe_ = Descriptor();
  if (!line_.empty()) end_line();
  tell_left_out();
}

bool Printed::take() {
  if (pipe_.get() < 0) return false;
  static thread_local std::vector<char> buffer(kAtOnce);
  ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
  if (got > 0) {
    add({buffer.data(), static_cast<size_t>(got)});
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    pipe_ = Descriptor();
  }
  return got > 0;
}

void Printed::add(std::string_view text) {
  while (true) {
    const size_t end = text.find('\n');
    line_ += text.substr(0, std::min(end, kLongestLine + 1 - line_.size()));
    if (end == text.npos) return;
    end_line();
    text.remove_prefix(end + 1);
  }
}

void Printed::end_line() {
  if (told_ == kMostLines) {
    ++left_out_;
  } else {
    ++told_;
    if (line_.size() > kLongestLine) {
      line_.resize(kLongestLine);
      line_ += " ...";
    }
    log_(line_);
  }
  line_.clear();
}

void Printed::tell_left_out() {
  if (left_out_ > 0) log_(cat("(", left_out_, " lines more were left out)"));
  left_out_ = 0;
}

}  // namespace leat
