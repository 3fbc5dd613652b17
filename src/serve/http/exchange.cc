#include "serve/http/exchange.h"

#include "serve/protocol/json_writer.h"
#include "serve/status_codes.h"

namespace leat {

void Exchange::fail(int status, const Status& failure) {
  reply.clear();
  if (status == 0) status = http_status(failure.code());
  JsonWriter json(reply.text());
  json.begin_object().member("error", failure.message());
  json.member("code", status == kMethodNotAllowed ? "method_not_allowed"
                      : status == kRequestTimeout ? "too_slow"
                                                  : code_name(failure.code()));
  json.end_object();
  if (status == 429) reply_fields += "Retry-After: 1\r\n";
  answer(status, "application/json");
}

void Exchange::reset() {
  head.clear();
  if (body.block) body.block->drop();
  body = {};
  reply.clear();
  reply_fields.clear();
  wanted_ = aligned_ = 0;
  status_ = 0;
}

}  // namespace leat
