// What clients do to a connection, in order and out of it.
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <thread>

#include "base/clock.h"
#include "serve/api.h"
#include "serve/http/front.h"
#include "serve/testing/fake_pipeline.h"
#include "serve/testing/raw_client.h"

namespace leat {
namespace {

using When = FakePipeline::When;

// A server with a clock that stands still.
struct OneServer {
  explicit OneServer(ServerOptions wanted = {}, AccessLog* log = nullptr) {
    wanted.clock = &clock;
    options = wanted;
    if (options.io_threads == 0) options.io_threads = 2;
    front = std::make_unique<Front>(options);
    api = std::make_unique<Api>(catalogue, front->options(), *front->counters(), log);
    port = *front->listen("127.0.0.1", 0, *api);
    front->begin();
    text = serve("text", When::kInside);
  }
  std::shared_ptr<FakePipeline> serve(const char* name, When when) {
    auto pipeline = FakePipeline::echoing("BYTES", when);
    catalogue.set({name, "1", Served::State::kReady, "", pipeline});
    return pipeline;
  }
  HttpCounters& counters() { return *front->counters(); }
  // Until the server has read so many bytes: then time may pass.
  void wait_received(uint64_t bytes) {
    while (counters().received_bytes < bytes) std::this_thread::yield();
  }

  template <typename Happened>
  void pass_time(Happened happened) {
    while (!happened()) {
      clock.advance(kSecond);
      std::this_thread::yield();
    }
  }

  ManualClock clock;
  ServerOptions options;
  Catalogue catalogue;
  std::unique_ptr<Api> api;
  std::unique_ptr<Front> front;
  std::shared_ptr<FakePipeline> text;
  int port = 0;
};

std::string run(std::string_view body, std::string_view fields = "",
                std::string_view name = "text") {
  return post("/run/" + std::string(name), body, fields);
}
std::string y(std::string_view text) { return "{\"y\":\"" + std::string(text) + "\"}"; }

std::string packed(std::string_view text, int bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.erase(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(Connection, AnswersPipelinedRequestsInOrder) {
  OneServer server;
  server.serve("thread", When::kThread);
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += run(std::to_string(i), "", i % 3 ? "text" : "thread");
    if (i % 10 == 0) all += "\r\n";  // a blank line between requests is no request
  }
  RawClient client(server.port);
  client.send(all);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.reply().body, y(std::to_string(i)));
}

TEST(Connection, TakesBytesOneByOne) {
  OneServer server;
  RawClient client(server.port);
  std::string chunked =
      "POST /run/text HTTP/1.1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (std::string request : {run("hello"), chunked, get("/v2/health/live")}) {
    for (char c : request) client.send({&c, 1});
    RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200);
  }
  EXPECT_EQ(client.ask(chunked).body, y("abc0123456789"));
}

TEST(Connection, LargeBodiesComeThroughWhole) {
  OneServer server;
  RawClient client(server.port);
  for (size_t size : {1u, 16000u, 16384u, 70000u, 1048576u, 1048577u, 5000000u}) {
    std::string body(size, '\0');
    for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i * 7 % 26);
    std::thread sender([&] { client.send(run(body)); });
    EXPECT_EQ(client.reply().body, y(body)) << size;
    sender.join();
    std::string chunks = "POST /run/text HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < size; at += 33333) {
      std::string part = body.substr(at, 33333);
      char head[32];
      snprintf(head, sizeof head, "%zx\r\n", part.size());
      chunks += head + part + "\r\n";
    }
    sender = std::thread([&] { client.send(chunks + "0\r\n\r\n"); });
    EXPECT_EQ(client.reply().body, y(body)) << size;
    sender.join();
  }
  EXPECT_EQ(server.counters().body_bytes, 0);
}

TEST(Connection, SaysContinueOnlyToThoseWhoAskAndMay) {
  OneServer server;
  RawClient client(server.port);
  client.send("POST /run/text HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  EXPECT_EQ(client.ask("hi").body, y("hi"));
  client.send("POST /run/nothing HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  RawReply refused = client.reply();
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.fields["connection"], "close");
  EXPECT_TRUE(client.closed());
}

TEST(Connection, KeepsOrClosesAsAsked) {
  OneServer server;
  struct Row {
    const char* head;
    bool closes;
  };
  for (const Row& row : {Row{"GET /v2 HTTP/1.1\r\n\r\n", false},
                         Row{"GET /v2 HTTP/1.1\r\nConnection: close\r\n\r\n", true},
                         Row{"GET /v2 HTTP/1.0\r\n\r\n", true},
                         Row{"GET /v2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false}}) {
    RawClient client(server.port);
    RawReply reply = client.ask(row.head);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.fields["connection"], row.closes ? "close" : "keep-alive") << row.head;
    if (row.closes) {
      EXPECT_TRUE(client.closed());
    } else {
      EXPECT_EQ(client.ask(get("/v2")).status, 200);
    }
  }
}

TEST(Connection, HeadHasTheLengthAndNoBody) {
  OneServer server;
  RawClient client(server.port);
  std::string length = client.ask(get("/v2")).fields["content-length"];
  client.send("HEAD /v2 HTTP/1.1\r\n\r\n");
  RawReply reply = client.reply(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.fields["content-length"], length);
  EXPECT_EQ(client.ask(get("/v2")).status, 200);  // nothing was left in between
}

TEST(Connection, RefusesWhatIsNoHttp) {
  OneServer server;
  std::string many = "GET / HTTP/1.1\r\n";
  while (many.size() < 20000) many += "A: b\r\n";
  struct Row {
    std::string bytes;
    int status;
  };
  for (const Row& row : {
           Row{std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03 TLS", 14), 400},
           Row{"hello\r\n\r\n", 400},
           Row{"GET / HTTP/3.0\r\n\r\n", 400},
           Row{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
           Row{"GET /a b HTTP/1.1\r\n\r\n", 400},
           Row{"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
           Row{"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400},
           Row{"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
           Row{"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
           Row{"POST /run/text HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
           Row{"POST /run/text HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
               400},
           Row{"POST /run/text HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
           Row{"POST /run/text HTTP/1.1\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
               400},
           Row{"POST /run/text HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;" +
                   std::string(20000, 'x'),
               400},
           Row{"GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n\r\n", 431},
           Row{"GET / HTTP/1.1\r\nA: " + std::string(20000, 'b') + "\r\n\r\n", 431},
           Row{many, 431},
       }) {
    RawClient client(server.port);
    client.send(row.bytes);
    RawReply reply = client.reply();
    EXPECT_EQ(reply.status, row.status) << row.bytes.substr(0, 60) << " -> " << reply.body;
    EXPECT_EQ(reply.body.rfind("{\"error\":\"", 0), 0u) << reply.body;
    EXPECT_TRUE(client.closed());
  }
}

TEST(Connection, RefusesLargeBodies) {
  ServerOptions options;
  options.body_bytes = 100'000;
  OneServer server(options);
  struct Row {
    const char* why;
    std::string bytes;
    int status;
  };
  std::string bomb = packed(std::string(50'000'000, 'a'), MAX_WBITS + 16);
  ASSERT_LT(bomb.size(), 100'000u);
  for (const Row& row : {
           Row{"just fits", run(std::string(100'000, 'x')), 200},
           Row{"announced, not sent", "POST /run/text HTTP/1.1\r\nContent-Length: 100001\r\n\r\n",
               413},
           Row{"an exabyte",
               "POST /run/text HTTP/1.1\r\nContent-Length: 1000000000000000000\r\n\r\n", 413},
           Row{"chunked",
               "POST /run/text HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n186A1\r\n" +
                   std::string(100'001, 'x'),
               413},
           Row{"bomb", run(bomb, "Content-Encoding: gzip\r\n"), 413},
       }) {
    RawClient client(server.port);
    client.send(row.bytes);
    RawReply reply = client.reply();
    EXPECT_EQ(reply.status, row.status) << row.why << reply.body.substr(0, 200);
  }
  // A short body that is refused costs only itself.
  RawClient client(server.port);
  EXPECT_EQ(client.ask(post("/nope", std::string(5000, 'x'))).status, 404);
  EXPECT_EQ(client.ask(run("next")).body, y("next"));
  EXPECT_EQ(server.counters().body_bytes, 0);
}

TEST(Connection, UnpacksAndPacks) {
  OneServer server;
  RawClient client(server.port);
  std::string text(200'000, 'q');
  for (int bits : {MAX_WBITS + 16, MAX_WBITS, -MAX_WBITS}) {
    std::string coding = bits > MAX_WBITS ? "gzip" : "deflate";
    EXPECT_EQ(client.ask(run(packed(text, bits), "Content-Encoding: " + coding + "\r\n")).body,
              y(text));
  }
  std::string cut = packed(text, MAX_WBITS + 16);
  cut.resize(cut.size() - 9);
  EXPECT_EQ(client.ask(run(cut, "Content-Encoding: gzip\r\n")).status, 400);

  RawReply reply = client.ask(run(text, "Accept-Encoding: br, gzip\r\n"));
  EXPECT_EQ(reply.fields["content-encoding"], "gzip");
  EXPECT_LT(reply.body.size(), 2000u);
  std::string out(text.size() + 100, '\0');
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  stream.next_in = reinterpret_cast<Bytef*>(reply.body.data());
  stream.avail_in = static_cast<uInt>(reply.body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.erase(out.size() - stream.avail_out);
  inflateEnd(&stream);
  EXPECT_EQ(out, y(text));
  EXPECT_EQ(client.ask(run("short", "Accept-Encoding: gzip\r\n")).fields.count("content-encoding"),
            0u);
  EXPECT_EQ(client.ask(run(text, "Accept-Encoding: gzip;q=0\r\n")).fields.count("content-encoding"),
            0u);
}

TEST(Connection, SlowHeadersBodiesAndIdlersAreEnded) {
  OneServer server;
  {
    RawClient client(server.port);
    client.send("GET /v2 HT");
    server.wait_received(10);
    server.pass_time([&] { return server.counters().too_slow == 1; });
    RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 408);
    EXPECT_NE(reply.body.find("\"code\":\"too_slow\""), std::string::npos);
    EXPECT_TRUE(client.closed());
  }
  uint64_t slow = 1;
  for (const char* rest :
       {"Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n64\r\nabc"}) {
    uint64_t before = server.counters().received_bytes;
    RawClient client(server.port);
    std::string request = std::string("POST /run/text HTTP/1.1\r\n") + rest;
    client.send(request);
    server.wait_received(before + request.size());
    ++slow;
    server.pass_time([&] { return server.counters().too_slow == slow; });
    RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 408) << rest;
    EXPECT_NE(reply.body.find("3 bytes in"), std::string::npos) << reply.body;
    EXPECT_TRUE(client.closed());
  }
  {
    RawClient client(server.port);
    EXPECT_EQ(client.ask(get("/v2")).status, 200);
    server.pass_time([&] { return server.counters().open == 0; });
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(server.counters().too_slow, 3u);
  EXPECT_EQ(server.counters().body_bytes, 0);
}

// A body that keeps the least rate may take longer than the grace.
TEST(Connection, ASteadyBodyIsNotSlow) {
  OneServer server;
  RawClient client(server.port);
  std::string body(4'000'000, 'x');
  std::string request = run(body);
  size_t head = request.size() - body.size();
  client.send(std::string_view(request).substr(0, head + 2'000'000));
  server.wait_received(head + 1);
  while (server.counters().received_bytes < head + 2'000'000 - 512 * 1024)
    std::this_thread::yield();
  server.clock.advance(server.options.body_grace + 10 * kSecond);  // 2 MB in 20 s is above 64 KiB/s
  client.send(std::string_view(request).substr(head + 2'000'000));
  EXPECT_EQ(client.reply().body.size(), body.size() + 8);
}

TEST(Connection, AReaderThatDoesNotReadIsEnded) {
  OneServer server;
  RawClient client(server.port);
  client.small_window();
  std::string big(20'000'000, 'x');
  client.send(run(big));
  while (server.counters().received_bytes < big.size()) std::this_thread::yield();
  server.pass_time([&] { return server.counters().open == 0; });
  EXPECT_EQ(server.counters().too_slow, 1u);
}

TEST(Connection, AClientThatLeavesCancelsItsCall) {
  OneServer server;
  auto never = server.serve("never", When::kOnCancel);
  for (int way = 0; way < 3; ++way) {
    RawClient client(server.port);
    client.send(run("x", "", "never"));
    never->wait_submitted(way + 1);
    if (way == 0) client.half_close();
    if (way == 1) client.reset();
    if (way == 2) RawClient gone(std::move(client));
    never->wait_cancelled(way + 1);
    if (way == 0) {  // it may still listen
      RawReply reply = client.reply();
      EXPECT_EQ(reply.status, 499);
      EXPECT_NE(reply.body.find("\"code\":\"cancelled\""), std::string::npos);
      EXPECT_TRUE(client.closed());
    }
  }
  // A cancelled call gives its memory back when its end has been told.
  while (server.counters().open > 0 || server.counters().body_bytes > 0) std::this_thread::yield();
}

// Everything sent before the end of sending is answered where that needs no waiting.
TEST(Connection, AHalfClosedClientGetsWhatIsReady) {
  OneServer server;
  RawClient client(server.port);
  client.send(run("a") + run("b"));
  client.half_close();
  EXPECT_EQ(client.reply().body, y("a"));
  EXPECT_EQ(client.reply().body, y("b"));
  EXPECT_TRUE(client.closed());
}

TEST(Connection, TooManyConnectionsAreTurnedAway) {
  ServerOptions options;
  options.connections = 3;
  OneServer server(options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.port);
    EXPECT_EQ(clients.back().ask(get("/v2")).status, 200);
  }
  RawClient fourth(server.port);
  RawReply reply = fourth.reply();
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.body.find("too many connections"), std::string::npos);
  EXPECT_TRUE(fourth.closed());
  clients.pop_back();
  while (server.counters().open > 2) std::this_thread::yield();
  RawClient again(server.port);
  EXPECT_EQ(again.ask(get("/v2")).status, 200);
}

TEST(Connection, BytesInFlightAreBounded) {
  ServerOptions options;
  options.bytes_in_flight = 100'000;
  OneServer server(options);
  auto held = server.serve("held", When::kHeld);
  RawClient first(server.port);
  first.send(run(std::string(60'000, 'x'), "", "held"));
  held->wait_submitted(1);
  RawClient second(server.port);
  RawReply refused = second.ask("POST /run/held HTTP/1.1\r\nContent-Length: 60000\r\n\r\n");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.fields["retry-after"], "1");
  EXPECT_EQ(refused.fields["connection"], "keep-alive");  // its 60,000 bytes are thrown away
  second.send(std::string(60'000, 'x'));
  EXPECT_EQ(second.ask(run("small")).body, y("small"));
  held->release();
  EXPECT_EQ(first.reply().status, 200);
  second.send(run(std::string(60'000, 'z'), "", "held"));
  held->wait_submitted(2);
  held->release();
  EXPECT_EQ(second.reply().status, 200);
  EXPECT_EQ(server.counters().body_bytes, 0);
}

TEST(Connection, FiveHundredSlowClientsHinderNobody) {
  OneServer server;
  auto never = server.serve("never", When::kOnCancel);
  std::vector<RawClient> slow;
  uint64_t sent = 0;
  for (int i = 0; i < 500; ++i) {
    slow.emplace_back(server.port);
    const char* starts[] = {
        "GET /v2 HTTP/1.1\r\nA: ", "POST /run/text HTTP/1.1\r\nContent-Length: 60000000\r\n\r\nab",
        "POST /run/text HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", ""};
    std::string start = i % 5 == 4 ? run("x", "", "never") : starts[i % 5];
    sent += start.size();
    slow.back().send(start);
  }
  server.wait_received(sent);
  RawClient quick(server.port);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(quick.ask(run("quick")).body, y("quick"));
  EXPECT_GE(server.counters().open, 501);
}

TEST(Connection, StoppingFinishesWhatIsUnderWay) {
  OneServer server;
  auto held = server.serve("held", When::kHeld);
  RawClient busy(server.port), idle(server.port), late(server.port);
  EXPECT_EQ(idle.ask(get("/v2")).status, 200);
  late.send("POST /run/text HTTP/1.1\r\nContent-Le");  // a request that is not complete yet
  busy.send(run("x", "", "held"));
  held->wait_submitted(1);
  server.wait_received(get("/v2").size() + run("x", "", "held").size() + 35);
  bool all_ended = false;
  std::thread stopper([&] { all_ended = server.front->stop(3600 * kSecond); });
  EXPECT_TRUE(idle.closed());
  late.send("ngth: 1\r\n\r\nx");
  RawReply refused = late.reply();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.fields["connection"], "close");
  RawClient fresh(server.port);
  EXPECT_EQ(fresh.ask(get("/v2")).status, 503);
  held->release();
  RawReply reply = busy.reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.fields["connection"], "close");
  stopper.join();
  EXPECT_TRUE(all_ended);
  EXPECT_TRUE(busy.closed());
}

TEST(Connection, WhoComesWhileItStopsDoesNotHoldItUp) {
  OneServer server;
  auto held = server.serve("held", When::kHeld);
  RawClient busy(server.port);
  busy.send(run("x", "", "held"));
  held->wait_submitted(1);
  bool all_ended = false;
  std::thread stopper([&] { all_ended = server.front->stop(10 * kSecond); });
  while (!server.front->stopping()) std::this_thread::yield();
  RawClient late(server.port);
  uint64_t before = server.counters().received_bytes;
  late.send("GET /v2 HT");  // and no more
  server.wait_received(before + 10);
  held->release();
  EXPECT_EQ(busy.reply().status, 200);
  stopper.join();
  EXPECT_TRUE(all_ended);
}

TEST(Connection, StoppingEndsWhatDoesNotEnd) {
  OneServer server;
  auto never = server.serve("never", When::kOnCancel);
  RawClient client(server.port);
  client.send(run("x", "", "never"));
  never->wait_submitted(1);
  EXPECT_FALSE(server.front->stop(1));
  RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.body.find("shut down"), std::string::npos) << reply.body;
}

TEST(Connection, ManyClientsOfEveryKind) {
  OneServer server;
  server.serve("thread", When::kThread);
  auto never = server.serve("never", When::kOnCancel);
  std::vector<std::thread> clients;
  for (int n = 0; n < 16; ++n) {
    clients.emplace_back([&, n] {
      for (int i = 0; i < 12; ++i) {
        RawClient client(server.port);
        std::string text = std::to_string(n) + "-" + std::to_string(i);
        for (int k = 0; k < 8; ++k) {
          EXPECT_EQ(client.ask(run(text, "", k % 2 ? "thread" : "text")).body, y(text));
        }
        if (n % 4 == 0) client.send(run(text, "", "never"));
        if (n % 4 == 1) client.send("POST /run/text HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
        if (n % 4 == 2) client.send(run(text, "", "thread"));
        if (i % 2) client.reset();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  never->wait_cancelled(static_cast<int>(never->submitted()));
  // A cancelled call gives its memory back when its end has been told.
  while (server.counters().open > 0 || server.counters().body_bytes > 0) std::this_thread::yield();
}

TEST(AccessLogTest, ALineForEveryAnswerAndNoPayload) {
  for (bool json : {false, true}) {
    std::string path =
        testing::TempDir() + "/access." + std::to_string(getpid()) + (json ? ".json" : ".txt");
    std::remove(path.c_str());
    auto log = AccessLog::open(path, json);
    ASSERT_TRUE(log.ok());
    {
      OneServer server({}, log->get());
      RawClient client(server.port);
      client.ask(run("secret", "X-Request-Id: id \"7\"\r\n"));
      client.ask(get("/nope"));
      EXPECT_TRUE(server.front->stop(3600 * kSecond));
    }
    std::ifstream file(path);
    std::string first, second, none;
    std::getline(file, first);
    std::getline(file, second);
    EXPECT_FALSE(std::getline(file, none));
    EXPECT_EQ(first.find("secret"), std::string::npos);
    const char* expected[] = {
        " 200 POST /run/text 0us received=6 sent=",
        "\"status\":200,\"method\":\"POST\",\"path\":\"/run/text\",\"micros\":0,\"received\":6"};
    EXPECT_NE(first.find(expected[json]), std::string::npos) << first;
    EXPECT_NE(first.find(json ? "\"request_id\":\"id \\\"7\\\"\"" : "id=id_\"7\""),
              std::string::npos)
        << first;
    EXPECT_NE(second.find("404"), std::string::npos);
  }
  EXPECT_FALSE(AccessLog::open("/no/such/folder/log", false).ok());
}

}  // namespace
}  // namespace leat
