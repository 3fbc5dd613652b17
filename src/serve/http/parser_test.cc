#include "serve/http/parser.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

using Event = RequestParser::Event;

TEST(RequestParser, TakesALastChunkInAnyPieces) {
  std::string_view head_bytes = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::string_view body : {"0\r\n\r\n", "00\r\n\r\n", "0;a=b\r\nT: t\r\n\r\n",
                                "1\r\n0\r\n0\r\n\r\n", "3\r\n0\r\n\r\n0\r\n\r\n"}) {
    for (size_t piece = 1; piece <= body.size(); ++piece) {
      RequestHead head;
      RequestParser parser(head, 1024);
      size_t used = 0;
      ASSERT_EQ(parser.next(head_bytes, used), Event::kHead);
      std::string in;
      Event event = Event::kMore;
      for (size_t at = 0; at < body.size(); at += piece) {
        in += body.substr(at, piece);
        do {
          event = parser.next(in, used);
          in.erase(0, used);
        } while (event == Event::kChunk);
      }
      EXPECT_EQ(event, Event::kEnd) << body << " in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace leat
