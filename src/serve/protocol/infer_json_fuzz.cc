// Requests in JSON, of the protocol and of /run, and forms: any bytes give a Status or tensors
// whose memory is there to be read.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "serve/http/inflate.h"
#include "serve/protocol/infer_reply.h"
#include "serve/protocol/infer_request.h"
#include "serve/protocol/run_reply.h"
#include "serve/protocol/run_request.h"
#include "serve/testing/fake_pipeline.h"

using namespace leat;

namespace {

FakePipeline& pipeline() {
  std::vector<Port> ports = {{"x", Type::of("ANY[...]")},
                             {"b", Type::of("BYTES"), true},
                             {"f", Type::of("FP32[?,2]"), true}};
  static FakePipeline one(ports, ports, FakePipeline::echo);
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  uint8_t kind = data[0];
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto body = allocate_body(text.size(), kind & 63);
  if (!body.ok()) std::abort();
  std::memcpy(body->data, text.data(), text.size());
  {
    static JsonDocument document;
    Request request(pipeline());
    InferRequest wanted;
    // Half of the inputs say how long their JSON is: up to the first tilde.
    std::optional<size_t> json;
    if (kind & 64) json = std::min(text.find('~'), text.size());
    bool run = kind & 128;
    Status status = run ? parse_run(pipeline(), *body,
                                    kind & 1   ? "application/json"
                                    : kind & 2 ? "multipart/form-data; boundary=B"
                                               : "",
                                    1 << 20, document, request)
                        : parse_infer(pipeline(), *body, json, 1 << 20, document, request, wanted);
    if (status.ok()) {
#ifdef LEAT_PLANTED_BUG  // a priority that no seed has
      if (!run && request.options.priority > 1) std::abort();
#endif
      Answer answer = FakePipeline::echo(request);
      Scatter reply;
      size_t json_size = 0;
      if (run) {
        write_run(pipeline(), answer, false, reply);
      } else {
        Status written = write_infer(pipeline(), "m", "1", wanted, answer, reply, json_size);
      }
      // What is written is JSON again.
      if (reply.only_text() && json_size == 0 && reply.size() > 0) {
        std::string out = reply.text();
        size_t length = out.size();
        out.append(Body::kPadding, '\0');
        JsonDocument again;
        auto parsed = again.parse(std::string_view(out).substr(0, length));
        if (!parsed.ok()) std::abort();
      }
    } else if (status.message().empty()) {
      std::abort();
    }
  }
  body->block->drop();
  return 0;
}
