// Requests over a real socket, and what must come back: status, and a part of the body.
#include <gtest/gtest.h>

#include <fstream>

#include "leat/server.h"
#include "serve/testing/fake_pipeline.h"
#include "serve/testing/raw_client.h"

namespace leat {
namespace {

using When = FakePipeline::When;

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.http_port = 0;
    options.metrics_port = 0;
    options.io_threads = 2;
    auto started = Server::start(options, nullptr);
    ASSERT_TRUE(started.ok()) << started.status().message();
    server = *std::move(started);
    auto echo = [&](const char* name, const char* type) {
      server->serve(name, "1", FakePipeline::echoing(type));
    };
    echo("floats", "FP32[4]");
    echo("text", "BYTES");
    echo("any", "ANY[...]");
    echo("half", "FP16[2]");
    echo("raw", "INT16[?,2]");
    auto batched = FakePipeline::echoing("BYTES");
    batched->takes_batches = true;
    batched->counters.success = {3, 4000};
    batched->counters.items = 7;
    batched->counters.batches.push_back({2, 1, 300, 500, 200});
    server->serve("batched", "1", batched);
    server->serve("batched", "10", batched);
    server->serve("batched", "9", batched);
    server->serve(
        "two", "1",
        std::make_shared<FakePipeline>(
            std::vector<Port>{{"a", Type::of("INT32[2]")}, {"b", Type::of("BYTES"), true}},
            std::vector<Port>{{"a", Type::of("INT32[2]")}, {"b", Type::of("BYTES"), true}},
            FakePipeline::echo));
    server->serve("ragged", "1",
                  std::make_shared<FakePipeline>(std::vector<Port>{{"x", Type::of("BYTES")}},
                                                 std::vector<Port>{{"rows", Type::of("INT32[?]")}},
                                                 [](const Request&) {
                                                   Value rows[] = {row({1, 2}), row({}), row({3})};
                                                   Answer answer;
                                                   answer.outputs.push_back(*Value::list(rows));
                                                   return answer;
                                                 }));
    server->serve("fails", "1", failing(Code::kStepFailed, "step \"detect\": no"));
    server->serve("late", "1", failing(Code::kDeadline, "past"));
    server->serve("full", "1", failing(Code::kOverloaded, "queue"));
    server->serve("blind", "1", failing(Code::kBadMedia, "not a picture"));
    auto refusing = FakePipeline::echoing("BYTES");
    refusing->refuse(Status(Code::kOverloaded, "no room"));
    server->serve("refusing", "1", refusing);
  }
  static Value row(std::initializer_list<int32_t> values) {
    return *Tensor::of(std::span<const int32_t>(values.begin(), values.size()),
                       Shape{static_cast<int64_t>(values.size())});
  }
  static std::shared_ptr<Pipeline> failing(Code code, const char* message) {
    return std::make_shared<FakePipeline>(std::vector<Port>{{"x", Type::of("BYTES")}},
                                          std::vector<Port>{{"y", Type::of("BYTES")}},
                                          [=](const Request&) {
                                            Answer answer;
                                            answer.status = Status(code, message);
                                            return answer;
                                          });
  }
  RawReply ask(const std::string& bytes) {
    RawClient client(server->http_port());
    return client.ask(bytes);
  }
  std::unique_ptr<Server> server;
};

struct Row {
  const char* why;
  std::string request;
  int status;
  const char* body;  // must be part of it
};

std::string infer(const char* model, const std::string& body, const std::string& fields = "") {
  return post(std::string("/v2/models/") + model + "/infer", body, fields);
}
std::string run(const char* model, const std::string& body, const std::string& fields = "") {
  return post(std::string("/run/") + model, body, fields);
}
std::string floats(const std::string& fields) {
  return infer("floats", R"({"inputs":[{"name":"x",)" + fields + "}]}");
}
std::string header_length(size_t size) {
  return "Inference-Header-Content-Length: " + std::to_string(size) + "\r\n";
}
// An infer request with binary data behind its JSON.
std::string binary(const char* model, const std::string& json, const std::string& data) {
  return infer(model, json + data, header_length(json.size()));
}
std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_F(ApiTest, AnswersAsTheTableSays) {
  using namespace std::string_literals;
  const std::string four = R"("datatype":"FP32","shape":[4],)";
  const std::string batch_json =
      R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":12}}]})";
  const Row rows[] = {
      // What the server says about itself.
      {"server", get("/v2"), 200, R"("extensions":["classification")"},
      {"live", get("/v2/health/live"), 200, ""},
      {"ready", get("/v2/health/ready"), 200, ""},
      {"page", get("/"), 200, "<!doctype html>"},
      {"metadata", get("/v2/models/floats"), 200,
       R"({"name":"floats","versions":["1"],"platform":"leat","inputs":[{"name":"x","datatype":"FP32","shape":[4]}])"},
      {"metadata of batches", get("/v2/models/batched"), 200,
       R"("versions":["1","9","10"],"platform":"leat","inputs":[{"name":"x","datatype":"BYTES","shape":[-1]}])"},
      {"a scalar is [1]", get("/v2/models/text"), 200, R"("datatype":"BYTES","shape":[1])"},
      {"model ready", get("/v2/models/floats/ready"), 200, ""},
      {"version ready", get("/v2/models/batched/versions/9/ready"), 200, ""},
      {"config", get("/v2/models/batched/config"), 200,
       R"("max_batch_size":8,"input":[{"name":"x","data_type":"TYPE_STRING")"},
      {"stats", get("/v2/models/batched/versions/9/stats"), 200,
       R"("inference_count":7,"execution_count":0,"inference_stats":{"success":{"count":3,"ns":4000})"},
      {"batch stats", get("/v2/models/stats"), 200,
       R"("batch_stats":[{"batch_size":2,"compute_input":{"count":1,"ns":300},"compute_infer":{"count":1,"ns":500},"compute_output":{"count":1,"ns":200}}])"},
      {"index", post("/v2/repository/index", ""), 200,
       R"({"name":"any","version":"1","state":"READY","reason":""})"},
      // What is not there.
      {"nothing", get("/nope"), 404, R"("code":"not_found")"},
      {"nothing in v2", get("/v2/nope"), 404, "/v2/nope"},
      {"no model", get("/v2/models/float"), 404, R"(did you mean \"floats\"?)"},
      {"no version", get("/v2/models/floats/versions/7"), 404, "no version 7; there is 1"},
      {"escaped name", get("/v2/models/%66loats"), 200, R"("name":"floats")"},
      {"not built", post("/v2/repository/models/floats/load", "{}"), 501,
       R"("code":"unsupported")"},
      {"no shared memory", get("/v2/systemsharedmemory/status"), 501, "not in this build"},
      {"GET of infer", get("/v2/models/floats/infer"), 405, R"("code":"method_not_allowed")"},
      {"POST of metadata", post("/v2", ""), 405, "takes GET"},
      {"DELETE", "DELETE /v2 HTTP/1.1\r\nHost: h\r\n\r\n", 405, "not DELETE"},
      // Inference in JSON.
      {"flat", floats(four + R"("data":[1,-2.5,3e2,4])"), 200,
       R"("outputs":[{"name":"y","datatype":"FP32","shape":[4],"data":[1,-2.5,300,4]}])"},
      {"nested",
       infer(
           "any",
           R"({"id":"a\"b","inputs":[{"name":"x","shape":[2,2],"datatype":"INT8","data":[[1,2],[3,-128]]}]})"),
       200,
       R"("id":"a\"b","outputs":[{"name":"y","datatype":"INT8","shape":[2,2],"data":[1,2,3,-128]}])"},
      {"data before shape", floats(R"("data":[1,2,3,4],"shape":[4],"datatype":"FP32")"), 200,
       R"("data":[1,2,3,4])"},
      {"booleans",
       infer("any",
             R"({"inputs":[{"name":"x","shape":[3],"datatype":"BOOL","data":[true,false,1]}]})"),
       200, R"("data":[true,false,true])"},
      {"uint64",
       infer(
           "any",
           R"({"inputs":[{"name":"x","shape":[1],"datatype":"UINT64","data":[18446744073709551615]}]})"),
       200, "[18446744073709551615]"},
      {"strings",
       infer("any",
             R"({"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","data":["\u00e9","b\n"]}]})"),
       200, "\"data\":[\"\xC3\xA9\",\"b\\n\"]"},
      {"empty tensor",
       infer("any", R"({"inputs":[{"name":"x","shape":[0,3],"datatype":"FP32","data":[]}]})"), 200,
       R"("shape":[0,3],"data":[])"},
      {"scalar as [1]",
       infer("text", R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["t"]}]})"),
       200, R"("shape":[1],"data":["t"])"},
      {"scalar as []",
       infer("text", R"({"inputs":[{"name":"x","shape":[],"datatype":"BYTES","data":["t"]}]})"),
       200, R"("data":["t"])"},
      {"batch as [N,1]",
       infer("batched",
             R"({"inputs":[{"name":"x","shape":[2,1],"datatype":"BYTES","data":["t","u"]}]})"),
       200, R"("shape":[2],"data":["t","u"])"},
      {"optional left out",
       infer("two", R"({"inputs":[{"name":"a","shape":[2],"datatype":"INT32","data":[1,2]}]})"),
       200, R"("outputs":[{"name":"a","datatype":"INT32","shape":[2],"data":[1,2]}]})"},
      {"one output",
       infer(
           "two",
           R"({"inputs":[{"name":"a","shape":[2],"datatype":"INT32","data":[1,2]},{"name":"b","shape":[1],"datatype":"BYTES","data":["q"]}],"outputs":[{"name":"b"}]})"),
       200, R"("outputs":[{"name":"b","datatype":"BYTES","shape":[1],"data":["q"]}]})"},
      {"classes",
       infer(
           "any",
           R"({"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[0.5,2,1]}],"outputs":[{"name":"y","parameters":{"classification":2}}]})"),
       200, R"("datatype":"BYTES","shape":[2],"data":["2.000000:1","1.000000:2"])"},
      {"ragged",
       infer("ragged", R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":[""]}]})"),
       200,
       R"({"name":"rows","datatype":"INT32","shape":[3],"data":[1,2,3]},{"name":"rows.lengths","datatype":"INT64","shape":[3],"data":[2,0,1]})"},
      // Bad JSON of all kinds.
      {"empty body", infer("floats", ""), 400, "the body is empty"},
      {"no JSON", infer("floats", "hello"), 400, "this is not JSON"},
      {"cut off", infer("floats", R"({"inputs":[)"), 400, "this is not JSON"},
      {"two documents", infer("floats", "{} {}"), 400, "this is not JSON"},
      {"NaN", floats(four + R"("data":[NaN,1,2,3])"), 400, "this is not JSON"},
      {"bad UTF-8", infer("floats", "{\"id\":\"\xFF\"}"), 400, "this is not JSON"},
      {"a million deep", infer("floats", nested(1'000'000)), 400,
       "nested deeper than the 64 levels"},
      {"deep data", floats(four + R"("data":)" + nested(70)), 400, "nested deeper"},
      {"an array", infer("floats", "[]"), 400, "the request is an array"},
      {"no inputs", infer("floats", "{}"), 400, R"(no \"inputs\")"},
      {"inputs not a list", infer("floats", R"({"inputs":{}})"), 400, "inputs is an object"},
      {"input not an object", infer("floats", R"({"inputs":[7]})"), 400, "inputs[0]: it is 7"},
      {"inputs twice", infer("floats", R"({"inputs":[],"inputs":[]})"), 400, "given twice"},
      {"missing input", infer("floats", R"({"inputs":[]})"), 400,
       R"(input \"x\", FP32[4], is missing)"},
      {"no name", infer("floats", R"({"inputs":[{}]})"), 400, "inputs[0] has no name"},
      {"unknown name", infer("floats", R"({"inputs":[{"name":"xx"}]})"), 400,
       R"(no input \"xx\"; did you mean \"x\"?)"},
      {"twice",
       infer("floats", R"({"inputs":[{"name":"x",)" + four + R"("data":[1,2,3,4]},{"name":"x",)" +
                           four + R"("data":[1,2,3,4]}]})"),
       400, R"(input \"x\" is given twice)"},
      {"no datatype", floats(R"("shape":[4],"data":[1])"), 400, "no datatype"},
      {"unknown datatype", floats(R"("datatype":"FLOAT","shape":[4],"data":[1])"), 400,
       R"(\"FLOAT\" is no data type; allowed: BOOL)"},
      {"no shape", floats(R"("datatype":"FP32","data":[1])"), 400, "it has no shape"},
      {"negative shape", floats(R"("datatype":"FP32","shape":[-1],"data":[1])"), 400,
       "dimension 0 of shape is -1"},
      {"real shape", floats(R"("datatype":"FP32","shape":[1.5],"data":[1])"), 400,
       "dimension 0 of shape is 1.5"},
      {"overflowing shape",
       floats(R"("datatype":"FP32","shape":[4294967296,4294967296,4294967296],"data":[1])"), 413,
       "too large"},
      {"huge shape", floats(R"("datatype":"FP32","shape":[1000000000000],"data":[1])"), 400,
       "more than were given"},
      {"rank 9", floats(R"("datatype":"FP32","shape":[1,1,1,1,1,1,1,1,1],"data":[1])"), 400,
       "9 dimensions; at most 8"},
      {"too few", floats(four + R"("data":[1,2,3])"), 400, "3 elements given, 4 wanted"},
      {"too many", floats(four + R"("data":[1,2,3,4,5,6])"), 400, "6 elements given, 4 wanted"},
      {"a text in numbers", floats(four + R"("data":[1,"2",3,4])"), 400,
       R"(element 1 is the text \"2\", which is no FP32)"},
      {"null in numbers", floats(four + R"("data":[1,null,3,4])"), 400, "element 1 is null"},
      {"too large for float", floats(four + R"("data":[1e39,2,3,4])"), 400, "element 0 is 1e+39"},
      {"out of range",
       infer("any", R"({"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[256]}]})"),
       400, "element 0 is 256, which is no UINT8"},
      {"negative",
       infer("any", R"({"inputs":[{"name":"x","shape":[1],"datatype":"UINT32","data":[-1]}]})"),
       400, "which is no UINT32"},
      {"real in whole",
       infer("any", R"({"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1.5]}]})"),
       400, "element 0 is 1.5"},
      {"number in strings",
       infer("any", R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":[1]}]})"), 400,
       "element 0 is 1, which is no BYTES"},
      {"FP16 in JSON",
       infer("half", R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP16","data":[1,2]}]})"),
       400, "FP16 cannot come as JSON"},
      {"no data", floats(R"("datatype":"FP32","shape":[4])"), 400,
       "neither data nor the parameter binary_data_size"},
      {"data no list", floats(four + R"("data":7)"), 400, "data is 7"},
      {"unknown output",
       infer("floats", R"({"inputs":[{"name":"x",)" + four +
                           R"("data":[1,2,3,4]}],"outputs":[{"name":"z"}]})"),
       400, R"(no output \"z\")"},
      {"output twice",
       infer("floats", R"({"inputs":[{"name":"x",)" + four +
                           R"("data":[1,2,3,4]}],"outputs":[{"name":"y"},{"name":"y"}]})"),
       400, "asked for twice"},
      {"bad timeout", infer("floats", R"({"inputs":[],"parameters":{"timeout":-1}})"), 400,
       "timeout is -1"},
      {"bad priority", infer("floats", R"({"inputs":[],"parameters":{"priority":"high"}})"), 400,
       "priority is the text"},
      {"sequences", infer("floats", R"({"inputs":[],"parameters":{"sequence_id":5}})"), 501,
       "sequence_id is not in this build"},
      {"shared memory", floats(four + R"("parameters":{"shared_memory_region":"r"})"), 501,
       "shared memory"},
      // Binary.
      {"binary in",
       binary(
           "any",
           R"({"inputs":[{"name":"x","shape":[2],"datatype":"UINT16","parameters":{"binary_data_size":4}}]})",
           "\x01\x02\x03\x04"),
       200, R"("data":[513,1027])"},
      {"binary strings", binary("batched", batch_json, "\2\0\0\0hi\2\0\0\0yo"s), 200,
       R"("data":["hi","yo"])"},
      {"string too long", binary("batched", batch_json, "\2\0\0\0hi\3\0\0\0yo"s), 400,
       "element 1 is said to have 3 bytes; 2 are left"},
      {"string left over", binary("batched", batch_json, "\2\0\0\0hi\1\0\0\0yo"s), 400,
       "1 bytes are left over"},
      {"size beyond body", binary("batched", batch_json, "\2\0\0\0hi"s), 400,
       "binary_data_size is 12; 6 bytes are left"},
      {"body beyond size", binary("batched", batch_json, "\2\0\0\0hi\2\0\0\0yo!"s), 400,
       "1 bytes of binary data are left over"},
      {"size beside shape",
       binary(
           "any",
           R"({"inputs":[{"name":"x","shape":[3],"datatype":"UINT16","parameters":{"binary_data_size":4}}]})",
           "abcd"),
       400, "4 bytes given; UINT16[3] has 6"},
      {"BOOL of 2",
       binary(
           "any",
           R"({"inputs":[{"name":"x","shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}}]})",
           "\1\2"),
       400, "element 1 of a BOOL tensor is 2"},
      {"a billion strings",
       binary(
           "any",
           R"({"inputs":[{"name":"x","shape":[1000000000],"datatype":"BYTES","parameters":{"binary_data_size":4}}]})",
           "\0\0\0\0"s),
       400, "cannot hold them"},
      {"header beyond body", infer("any", "{}", header_length(99)), 400,
       "Inference-Header-Content-Length is 99; the body has 2"},
      {"header no number", infer("any", "{}", "Inference-Header-Content-Length: x\r\n"), 400,
       "allowed: a whole number"},
      {"raw", infer("raw", "\1\0\2\0\3\0\4\0"s, header_length(0)), 200,
       R"("shape":[2,2],"parameters":{"binary_data_size":8})"},
      {"raw of no rows", infer("raw", "\1\0\2"s, header_length(0)), 400,
       "3 bytes are no multiple of 4"},
      {"raw into open types", infer("any", "abcd", header_length(0)), 400,
       "does not follow from a body without JSON"},
      {"FP16 out",
       binary(
           "half",
           R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4}}]})",
           "\0\0\0\0"s),
       400, R"(ask for it with \"binary_data\": true)"},
      // /run
      {"run bytes", run("text", "hello"), 200, R"({"y":"hello"})"},
      {"run no UTF-8", run("text", "\xFF\xFE"), 200, R"({"y":{"b64":"//4="}})"},
      {"run as curl sends",
       run("text", "{\"a\":1}", "Content-Type: application/x-www-form-urlencoded\r\n"), 200,
       R"({"y":"{\"a\":1}"})"},
      {"run JSON", run("text", R"({"x":"a"})", "Content-Type: application/json\r\n"), 200,
       R"({"y":"a"})"},
      {"run base64", run("text", R"({"x":{"b64":"//4="}})", "Content-Type: application/json\r\n"),
       200, R"({"y":{"b64":"//4="}})"},
      {"run not base64", run("text", R"({"x":{"b64":"?"}})", "Content-Type: application/json\r\n"),
       400, "not base64"},
      {"run numbers", run("two", R"({"a":[1,2]})"), 200, R"({"a":[1,2],"b":null})"},
      {"run nested", run("any", R"({"x":[[1,2],[3,4.5]]})"), 200, R"({"y":[[1,2],[3,4.5]]})"},
      {"run scalar", run("any", R"({"x":7})"), 200, R"({"y":7})"},
      {"run halves", run("half", R"({"x":[0.5,2049]})"), 200, R"({"y":[0.5,2048]})"},
      {"run ragged in", run("any", R"({"x":[[1,2],[3]]})"), 400,
       "the list is ragged: 1 elements where 2"},
      {"run ragged out", run("ragged", "a"), 200, R"({"rows":[[1,2],[],[3]]})"},
      {"run batch of one", run("batched", "hi"), 200, R"({"y":["hi"]})"},
      {"run empty", run("text", ""), 400, "the body is empty"},
      {"run unknown input", run("two", R"({"c":1})"), 400,
       R"(there is no input \"c\"; allowed: a or b)"},
      {"run missing input", run("two", R"({"b":"x"})"), 400,
       R"(input \"a\", INT32[2], is missing)"},
      {"run form",
       run("two",
           "--B\r\nContent-Disposition: form-data; "
           "name=\"a\"\r\n\r\n[1,2]\r\n--B\r\nContent-Disposition: form-data; name=b; "
           "filename=\"f\"\r\n\r\nfile\r\n--B--\r\n",
           "Content-Type: multipart/form-data; boundary=B\r\n"),
       200, R"({"a":[1,2],"b":"file"})"},
      {"run broken form",
       run("two", "--B\r\nnothing", "Content-Type: multipart/form-data; boundary=B\r\n"), 400,
       "the multipart body is malformed"},
      {"run bad timeout", post("/run/text?timeout=soon", "x"), 400, R"(timeout is \"soon\")"},
      {"run bad priority", post("/run/text?priority=-1", "x"), 400, "priority is"},
      // What pipelines say.
      {"step failed", run("fails", "x"), 500,
       R"({"error":"step \"detect\": no","code":"step_failed"})"},
      {"deadline", run("late", "x"), 504, R"("code":"deadline")"},
      {"overloaded", run("full", "x"), 429, R"("code":"overloaded")"},
      {"not a picture", run("blind", "x"), 415, R"("code":"bad_media")"},
      {"refused at the door", run("refusing", "x"), 429, "no room"},
      // Content codings.
      {"unknown coding", run("text", "x", "Content-Encoding: br\r\n"), 415,
       "allowed: gzip, deflate"},
      {"damaged gzip", run("text", "\x1f\x8b nothing", "Content-Encoding: gzip\r\n"), 400,
       "damaged"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.why);
    RawReply reply = ask(row.request);
    EXPECT_EQ(reply.status, row.status) << reply.body;
    EXPECT_NE(reply.body.find(row.body), std::string::npos) << reply.body;
    if (reply.status != 200) {
      EXPECT_EQ(reply.fields["content-type"], "application/json");
      EXPECT_EQ(reply.body.rfind("{\"error\":\"", 0), 0u) << reply.body;
    }
    if (reply.status == 429) {
      EXPECT_EQ(reply.fields["retry-after"], "1");
    }
    if (reply.status == 405) {
      EXPECT_EQ(reply.fields.count("allow"), 1u);
    }
  }
}

TEST_F(ApiTest, BinaryOutputsFollowTheJson) {
  using namespace std::string_literals;
  RawReply reply = ask(binary(
      "two",
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"INT32","parameters":{"binary_data_size":8}},{"name":"b","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":7}}],"parameters":{"binary_data_output":true}})",
      "\1\0\0\0\2\0\0\0"s + "\3\0\0\0abc"s));
  ASSERT_EQ(reply.status, 200) << reply.body;
  size_t json = std::stoul(reply.fields["inference-header-content-length"]);
  EXPECT_EQ(
      reply.body.substr(0, json),
      R"({"model_name":"two","model_version":"1","outputs":[{"name":"a","datatype":"INT32","shape":[2],"parameters":{"binary_data_size":8}},{"name":"b","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":7}}]})");
  EXPECT_EQ(reply.body.substr(json), "\1\0\0\0\2\0\0\0"s + "\3\0\0\0abc"s);
}

// The first tensor lies aligned wherever the JSON ends, and is not copied: the pipeline sees the
// body's own memory.
TEST_F(ApiTest, TheFirstTensorIsAViewOnAnAlignedBody) {
  std::vector<uintptr_t> addresses;
  auto pipeline = std::make_shared<FakePipeline>(
      std::vector<Port>{{"x", Type::of("UINT8[?]")}},
      std::vector<Port>{{"y", Type::of("UINT8[?]")}}, [&](const Request& request) {
        const Tensor& tensor = request.inputs()[0].tensor();
        addresses.push_back(reinterpret_cast<uintptr_t>(tensor.data()));
        EXPECT_GE(tensor.block()->capacity, tensor.byte_size() + 100) << "not the body's block";
        return FakePipeline::echo(request);
      });
  server->serve("view", "1", pipeline);
  for (size_t blanks = 0; blanks < 70; ++blanks) {
    std::string json =
        R"({"inputs":[{"name":"x","shape":[3],"datatype":"UINT8","parameters":{"binary_data_size":3}}]})" +
        std::string(blanks, ' ');
    EXPECT_EQ(ask(binary("view", json, "abc")).status, 200);
  }
  ASSERT_EQ(addresses.size(), 70u);
  for (uintptr_t address : addresses) EXPECT_EQ(address % 64, 0u);
}

TEST_F(ApiTest, OptionsReachThePipeline) {
  auto pipeline = FakePipeline::echoing("BYTES");
  server->serve("options", "1", pipeline);
  EXPECT_EQ(ask(post("/run/options?timeout=50ms&priority=3", "x", "Leat-Trace: 1\r\n")).status,
            200);
  EXPECT_EQ(pipeline->last_options().timeout, 50'000'000);
  EXPECT_EQ(pipeline->last_options().priority, 3u);
  EXPECT_TRUE(pipeline->last_options().trace);
  EXPECT_EQ(
      ask(infer(
              "options",
              R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}],"parameters":{"timeout":250,"priority":7}})"))
          .status,
      200);
  EXPECT_EQ(pipeline->last_options().timeout, 250'000);
  EXPECT_EQ(pipeline->last_options().priority, 7u);
  EXPECT_FALSE(pipeline->last_options().trace);
}

TEST_F(ApiTest, APictureComesAsItselfWhenAskedFor) {
  const std::string jpeg = "\xFF\xD8\xFF\xE0 picture";
  RawReply reply = ask(run("text", jpeg, "Accept: text/html, image/jpeg;q=0.9\r\n"));
  EXPECT_EQ(reply.fields["content-type"], "image/jpeg");
  EXPECT_EQ(reply.body, jpeg);
  EXPECT_EQ(ask(run("text", jpeg, "Accept: image/png\r\n")).fields["content-type"],
            "application/json");
  EXPECT_EQ(ask(run("text", "no picture", "Accept: image/*\r\n")).fields["content-type"],
            "application/json");
}

TEST_F(ApiTest, TraceAndRequestIdComeBack) {
  server->serve("traced", "1",
                std::make_shared<FakePipeline>(
                    std::vector<Port>{{"x", Type::of("BYTES")}},
                    std::vector<Port>{{"y", Type::of("BYTES")}}, [](const Request& request) {
                      Answer answer = FakePipeline::echo(request);
                      answer.trace.push_back({"decode", 1000, 2500, 4000, -1, 1});
                      return answer;
                    }));
  RawReply reply = ask(run("traced", "x", "Leat-Trace: 1\r\nX-Request-Id: abc-1\r\n"));
  EXPECT_EQ(reply.fields["x-request-id"], "abc-1");
  EXPECT_EQ(
      reply.body,
      R"({"y":"x","trace":[{"step":"decode","row":-1,"batch":1,"ready_us":1,"begin_us":2.5,"end_us":4}]})");
  EXPECT_EQ(ask(run("traced", "x")).body, R"({"y":"x"})");
}

TEST_F(ApiTest, ThePageIsTheFile) {
  std::ifstream file("web/page.html");
  ASSERT_TRUE(file.is_open()) << "run in the root of the repository";
  std::string page((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(ask(get("/")).body, page);
}

TEST_F(ApiTest, MetricsCountWhatHappened) {
  ask(run("text", "x"));
  ask(get("/nope"));
  RawClient client(server->metrics_port());
  RawReply reply = client.ask(get("/metrics"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("leat_http_answers_total{status=\"404\"} 1\n"), std::string::npos)
      << reply.body;
  EXPECT_NE(reply.body.find("nv_inference_request_success{model=\"batched\",version=\"9\"} 3\n"),
            std::string::npos);
  EXPECT_EQ(client.ask(get("/v2")).status, 404);
}

TEST_F(ApiTest, AReplacedPipelineFinishesWhatItHas) {
  auto old = FakePipeline::echoing("BYTES", When::kHeld);
  server->serve("live", "1", old);
  RawClient client(server->http_port());
  client.send(run("live", "old"));
  old->wait_submitted(1);
  server->serve("live", "1", failing(Code::kStepFailed, "the new one"));
  EXPECT_EQ(ask(run("live", "x")).status, 500);
  old->release();
  EXPECT_EQ(client.reply().body, R"({"y":"old"})");
}

}  // namespace
}  // namespace leat
