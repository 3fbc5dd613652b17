#include "serve/http/parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>

#include "base/text.h"
#include "serve/status_codes.h"

namespace leat {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string_view plain(View text) { return {text.data(), text.size()}; }

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    default:
      return Method::kOther;
  }
}

class OneRequest final : public http::basic_parser<true> {
 public:
  OneRequest(RequestHead& head, size_t most) : head_(head) {
    header_limit(static_cast<std::uint32_t>(most));
    body_limit(boost::none);
    eager(false);
  }
  std::string_view chunk;
  std::uint64_t chunk_left = 0;  // bytes of the chunk that are still to come

 private:
  void on_request_impl(http::verb verb, View text, View target, int, error_code&) override {
    head_.method = method_of(verb);
    head_.verb.assign(text.data(), text.size());
    std::string_view all = plain(target);
    // The absolute form is for proxies; what counts is the path.
    if (size_t scheme = all.find("://"); scheme != all.npos && all[0] != '/') {
      size_t slash = all.find('/', scheme + 3);
      all = slash == all.npos ? "/" : all.substr(slash);
    }
    size_t question = all.find('?');
    head_.path.assign(all.substr(0, question));
    if (question != all.npos) head_.query.assign(all.substr(question + 1));
  }

  void on_field_impl(http::field name, View text, View value, error_code&) override {
    if (is_header_done_) return;  // trailers
    switch (name) {
      case http::field::accept:
        return set(Field::kAccept, value);
      case http::field::accept_encoding:
        return set(Field::kAcceptEncoding, value);
      case http::field::content_encoding:
        return set(Field::kContentEncoding, value);
      case http::field::content_type:
        return set(Field::kContentType, value);
      case http::field::expect:
        head_.expects_continue = boost::beast::iequals(value, "100-continue");
        return;
      case http::field::unknown:
        if (boost::beast::iequals(text, "Inference-Header-Content-Length")) {
          set(Field::kTensorHeader, value);
        } else if (boost::beast::iequals(text, "X-Request-Id")) {
          set(Field::kRequestId, value);
        } else if (boost::beast::iequals(text, "Leat-Trace")) {
          set(Field::kTrace, value);
        }
        return;
      default:
        return;
    }
  }
  void set(Field field, View value) {
    head_.fields[static_cast<size_t>(field)].assign(value.data(), value.size());
  }

  void on_header_impl(error_code&) override {
    is_header_done_ = true;
    head_.chunked = chunked();
    if (auto length = content_length()) head_.length = *length;
    head_.keep_alive = keep_alive();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code&) override {
    chunk = plain(body);
    chunk_left -= body.size();
    return body.size();
  }
  void on_response_impl(int, View, int, error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(View body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t size, View, error_code&) override { chunk_left = size; }
  void on_finish_impl(error_code&) override {}

  RequestHead& head_;
  bool is_header_done_ = false;
};

}  // namespace

class RequestParser::Beast {
 public:
  Beast(RequestHead& head, size_t most) : head_(head), most_(most) {}

  void start() {
    head_.clear();
    request_.emplace(head_, most_);
    told_ = false;
    head_bytes_ = 0;
  }

  Event next(std::string_view bytes, size_t& used) {
    used = 0;
    if (told_ && request_->is_done()) return Event::kEnd;
    error_code error;
    request_->chunk = {};
    // Not eager: the parser stops after the head, after a chunk's header and after a chunk's piece.
    while (true) {
      std::string_view rest = bytes.substr(used);
      // Beast asserts that a last chunk is whole when it looks at it for the second time.
      bool between = told_ && request_->chunk_left == 0;
      if (between && rest.size() < kLastChunk.size() && rest.starts_with('0')) return Event::kMore;
      size_t took = request_->put(boost::asio::buffer(rest.data(), rest.size()), error);
      used += took;
      // Beast's own limit is of what it sees at once, and fields that are complete go away.
      if (!told_) {
        head_bytes_ += took;
        size_t waiting = error == http::error::need_more ? bytes.size() - used : 0;
        if (head_bytes_ + waiting > most_) return wrong(http::error::header_limit);
      }
      if (error == http::error::need_more) return Event::kMore;
      if (error) return wrong(error);
      if (!told_ && request_->is_header_done()) {
        told_ = true;
        return Event::kHead;
      }
      if (!request_->chunk.empty()) return Event::kChunk;
      if (request_->is_done()) return Event::kEnd;
      if (used == bytes.size()) return Event::kMore;
    }
  }

  Event wrong(error_code error) {
    if (error == http::error::header_limit) {
      status_ = kHeaderTooLarge;
      fault_ = Status(Code::kTooLarge,
                      cat("the request's header is longer than the ", most_, " bytes allowed"));
    } else {
      status_ = 400;
      fault_ = Status(Code::kBadInput, cat("this is not an HTTP/1.1 request: ", error.message()));
    }
    return Event::kWrong;
  }

  RequestHead& head_;
  const size_t most_;
  std::optional<OneRequest> request_;
  bool told_ = false;  // kHead was returned
  size_t head_bytes_ = 0;
  Status fault_;
  int status_ = 0;
};

RequestParser::RequestParser(RequestHead& head, size_t most)
    : beast_(std::make_unique<Beast>(head, most)) {
  start();
}
RequestParser::~RequestParser() = default;
void RequestParser::start() { beast_->start(); }
RequestParser::Event RequestParser::next(std::string_view bytes, size_t& used) {
  return beast_->next(bytes, used);
}
std::string_view RequestParser::chunk() const { return beast_->request_->chunk; }
const Status& RequestParser::fault() const { return beast_->fault_; }
int RequestParser::http_status() const { return beast_->status_; }

}  // namespace leat
