// One client: reads requests from a socket, has a Service answer them one after another, and writes
// the answers.
//
// A state at a time; advance() runs until the socket, the call or fairness makes it wait. The next
// request is not read before the last one was answered, so that a client's pipelining is held in
// its own socket buffer. Bodies of known length are received where they will be used.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <string>
#include <vector>

#include "serve/http/exchange.h"
#include "serve/http/loop.h"
#include "serve/http/parser.h"
#include "serve/http/pending_call.h"

namespace leat {

class Front;

class Connection final : public Loop::Watched, private Exchange, private PendingCall::Owner {
 public:
  Connection(Front& front, Loop& loop, std::unique_ptr<Service> service, int descriptor,
             std::atomic<int>& count);
  ~Connection() override;

  void on_events(uint32_t events) override;
  void on_deadline() override;
  void on_again() override { advance(); }
  void on_halt() override;
  // The server stops: nothing further is read after what is under way.
  void on_stop();

 private:
  enum class State : uint8_t {
    kHead,    // reading a head, or waiting for one
    kBody,    // receiving a body of known length
    kChunks,  // receiving a chunked one
    kCall,    // the pipeline has it
    kSend,    // writing the answer
    kSkip,    // throwing away the rest of a body that was answered early
    kLinger,  // the answer is out, the socket half closed: reading until the client has seen it
    kClosed,
  };
  enum class Got : uint8_t { kSome, kNothing, kEnd };

  void advance();
  bool step();  // false: wait
  bool read_head();
  bool read_body();
  bool read_chunks();
  bool skip();
  bool linger();
  void begin_exchange();
  void begin_body();
  void body_done();
  void submit(std::shared_ptr<const Pipeline> pipeline, Request request, bool admitted) override;
  bool leave_call();
  void call_ended(Answer& answer) override;
  void reject(int status, const Status& failure);  // and close after it
  void begin_send();
  bool send_more();
  void sent();
  void end_exchange();
  void close_now();

  // Grows the body's memory to `size` bytes, keeping `have_`. False: the exchange was failed.
  bool grow_body(size_t size);
  Got fill();            // reads into in_
  bool fill_or_close();  // false: nothing came, or the client has ended and all is closed
  Got receive(std::byte* to, size_t room, size_t& got);
  std::string_view unread() const { return {in_.get() + in_begin_, in_end_ - in_begin_}; }
  void want_wakeup_after(size_t bytes);
  void slow_deadline(size_t bytes);

  Front& front_;
  Loop& loop_;
  HttpCounters& counters_;
  std::unique_ptr<Service> service_;
  const int fd_;
  std::atomic<int>& count_;  // connections of this loop
  State state_ = State::kHead;
  bool readable_ = true;
  bool client_left_ = false;  // the client's end is closed
  bool close_after_ = false;  // the answer
  bool in_exchange_ = false;
  bool counted_ = false;  // in_exchange_, and the front waits for its end
  bool waiting_ = false;  // state_ is kCall and start() has returned

  const size_t in_size_;
  std::unique_ptr<char[]> in_;  // received, not used yet: [in_begin_, in_end_)
  size_t in_begin_ = 0;
  size_t in_end_ = 0;
  RequestParser parser_;

  size_t have_ = 0;       // bytes of the body
  int64_t reserved_ = 0;  // counted in body_bytes
  uint64_t skip_ = 0;     // bytes still to throw away
  size_t low_water_ = 1;  // SO_RCVLOWAT
  Nanos phase_began_ = 0;

  PendingCall* call_ = nullptr;

  std::string out_head_;
  std::string packed_;  // the answer, when gzip is wanted
  std::vector<iovec> out_;
  size_t out_next_ = 0;
  size_t out_bytes_ = 0;
  size_t out_left_ = 0;
};

}  // namespace leat
