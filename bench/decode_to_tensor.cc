// From a JPEG's bytes to a model's input, on one core. The floor is libjpeg-turbo's decode of the
// same file at 1/8, of which no pixel is looked at; the rival is the fastest that OpenCV can do, in
// a process of its own (decode_to_tensor.py). All take turns, and every figure is a median.
//
// And what it takes to decode only the part of a large photo that is looked at, of what the whole
// takes at the same scale.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "bench.h"
#include "codec/image/image.h"
#include "codec/image/jpeg_error.h"
#include "codec/image/testing/looked_at.h"
#include "ops/image/canvas.h"
#include "ops/image/placement.h"
#include "ops/image/resample.h"
#include "photos.h"

using namespace leat;

namespace {

constexpr int kSide = 224;
constexpr float kMean[] = {123.675f, 116.28f, 103.53f}, kStd[] = {58.395f, 57.12f, 57.375f};
constexpr int kRounds = 41;

PixelFormat normalised() {
  PixelFormat format{.dtype = DType::kFp32, .planar = true};
  for (int c = 0; c < 3; ++c) {
    format.multiply[c] = 1 / kStd[c];
    format.add[c] = -kMean[c] / kStd[c];
  }
  return format;
}

class ReusedCanvas final : public image::Canvas {
 public:
  Result<uint8_t*> memory(int width, int height) override {
    size = {width, height};
    size_t bytes = size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height);
    if (pixels.size() < bytes) pixels.resize(bytes);
    return pixels.data();
  }
  ImageSize size;
  std::vector<uint8_t> pixels;
};

[[noreturn]] void give_up(const std::string& name, const Status& status) {
  std::fprintf(stderr, "decode_to_tensor: %s: %s\n", name.c_str(), status.message().c_str());
  std::exit(1);
}

// Decodes, at a reduced scale unless `full`, and stretches to 224 x 224.
class Ours {
 public:
  const std::vector<float>& convert(const bench::Photo& photo, double oversample, Filter filter) {
    const ImageNeed needs[] = {need_of(kSide, kSide, Fit::kStretch, 1)};
    image::DecodeOptions options{.oversample = oversample};
    if (oversample > 0) options.needs = needs;
    auto header = image::decode(photo.bytes, options, canvas_);
    if (!header.ok()) give_up(photo.name, header.status());
    full_ = header->size;
    resample({canvas_.pixels.data(), canvas_.size.width, canvas_.size.height},
             {.width = kSide, .height = kSide, .filter = filter}, normalised(),
             {reinterpret_cast<std::byte*>(tensor_.data()), kSide, kSide, {0, 0, kSide, kSide}});
    return tensor_;
  }
  // 1, 2, 4 or 8: how many pixels of the last photo became one.
  int reduced_by() const { return (full_.width + canvas_.size.width / 2) / canvas_.size.width; }
  ImageSize full() const { return full_; }

 private:
  ReusedCanvas canvas_;
  ImageSize full_;
  std::vector<float> tensor_ = std::vector<float>(size_t{3} * kSide * kSide);
};

// libjpeg-turbo alone, at 1/8.
class Floor {
 public:
  Floor() {
    jpeg_.err = errors_.manager();
    jpeg_create_decompress(&jpeg_);
  }
  ~Floor() { jpeg_destroy_decompress(&jpeg_); }

  void decode(const bench::Photo& photo) {
    bool done = errors_.guard([&] {
      jpeg_mem_src(&jpeg_, photo.bytes.data(), photo.bytes.size());
      jpeg_read_header(&jpeg_, TRUE);
      jpeg_.scale_num = 1;
      jpeg_.scale_denom = 8;
      jpeg_start_decompress(&jpeg_);
      const size_t stride = size_t{3} * jpeg_.output_width;
      if (pixels_.size() < stride * jpeg_.output_height) {
        pixels_.resize(stride * jpeg_.output_height);
      }
      while (jpeg_.output_scanline < jpeg_.output_height) {
        JSAMPROW row = pixels_.data() + stride * jpeg_.output_scanline;
        jpeg_read_scanlines(&jpeg_, &row, 1);
      }
      jpeg_finish_decompress(&jpeg_);
    });
    if (!done) give_up(photo.name, Status(Code::kBadMedia, errors_.message()));
  }

 private:
  image::JpegErrors errors_;
  jpeg_decompress_struct jpeg_{};
  std::vector<uint8_t> pixels_;
};

// OpenCV, asked line by line: "PATH FLAG" (1 full, 2, 4 or 8 reduced) is answered with seconds of
// processor time and the mean of what it made.
class OpenCv {
 public:
  struct Reply {
    double seconds, mean;
  };

  static std::optional<OpenCv> start() {
    const char* python = "build/deps/rivals/bin/python";
    if (access(python, X_OK) != 0) return std::nullopt;
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) return std::nullopt;
    pid_t child = fork();
    if (child == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      for (int fd : {in[0], in[1], out[0], out[1]}) close(fd);
      execl(python, python, "bench/decode_to_tensor.py", nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return OpenCv(child, fdopen(in[1], "w"), fdopen(out[0], "r"));
  }
  OpenCv(OpenCv&& other) noexcept
      : child_(std::exchange(other.child_, 0)), to_(other.to_), from_(other.from_) {}
  ~OpenCv() {
    if (child_ == 0) return;
    fclose(to_);
    fclose(from_);
    waitpid(child_, nullptr, 0);
  }

  Reply ask(const std::string& path, int reduction) {
    std::fprintf(to_, "%s %d\n", path.c_str(), reduction);
    std::fflush(to_);
    Reply reply{};
    if (std::fscanf(from_, "%lf %lf", &reply.seconds, &reply.mean) != 2) {
      std::fprintf(stderr, "decode_to_tensor: OpenCV gave no answer for %s\n", path.c_str());
      std::exit(1);
    }
    return reply;
  }

 private:
  OpenCv(pid_t child, FILE* to, FILE* from) : child_(child), to_(to), from_(from) {}
  pid_t child_;
  FILE* to_;
  FILE* from_;
};

// Processor time: this thread never waits, and others may use the machine.
template <typename Work>
double milliseconds(Work work) {
  const int64_t begin = process_cpu_nanos();
  work();
  return static_cast<double>(process_cpu_nanos() - begin) / 1e6;
}

struct Difference {
  double mean = 0, most = 0;  // in levels of 0..255
};

Difference compare(const std::vector<float>& a, const std::vector<float>& b) {
  Difference found;
  for (size_t i = 0; i < a.size(); ++i) {
    double levels = std::abs(double{a[i]} - double{b[i]}) * double{kStd[i / (kSide * kSide)]};
    found.mean += levels / static_cast<double>(a.size());
    found.most = std::max(found.most, levels);
  }
  return found;
}

double mean(const std::vector<float>& values) {
  double sum = 0;
  for (float value : values) sum += double{value};
  return sum / static_cast<double>(values.size());
}

// A photo enlarged, with grain as a sensor has.
bench::Photo enlarged(const bench::Photo& photo, int width, int height) {
  ReusedCanvas small;
  if (auto done = image::decode(photo.bytes, {}, small); !done.ok()) {
    give_up(photo.name, done.status());
  }
  std::vector<uint8_t> pixels(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
  resample({small.pixels.data(), small.size.width, small.size.height},
           {.width = width, .height = height}, PixelFormat{},
           {reinterpret_cast<std::byte*>(pixels.data()), width, height, {0, 0, width, height}});
  uint32_t random = 1;
  for (uint8_t& value : pixels) {
    random = random * 1664525 + 1013904223;
    value = static_cast<uint8_t>(std::clamp(value + static_cast<int>(random >> 29) - 4, 0, 255));
  }
  bench::Photo large{"12 megapixels, synthetic", {}};
  if (Status done = image::encode_jpeg({pixels.data(), width, height}, 85, large.bytes);
      !done.ok()) {
    give_up(large.name, done);
  }
  return large;
}

bool measure(const bench::Photo& photo, const std::string& path, std::optional<OpenCv>& opencv) {
  Ours ours;
  Floor floor;
  const std::vector<float> whole = ours.convert(photo, 0, Filter::kArea);
  const ImageSize full = ours.full();
  const Difference off = compare(ours.convert(photo, 1, Filter::kBilinear), whole);
  const int by = ours.reduced_by();
  if (off.mean > 4) {
    std::fprintf(stderr, "decode_to_tensor: %s differs by %f levels from a full decode\n",
                 photo.name.c_str(), off.mean);
    return false;
  }
  if (opencv) {
    const double theirs = opencv->ask(path, 1).mean;
    if (std::abs(theirs - mean(whole)) > 0.05) {
      std::fprintf(stderr, "decode_to_tensor: %s has the mean %f, and in OpenCV %f\n",
                   photo.name.c_str(), mean(whole), theirs);
      return false;
    }
  }
  std::vector<std::function<double()>> candidates{
      [&] { return milliseconds([&] { floor.decode(photo); }); },
      [&] { return milliseconds([&] { ours.convert(photo, 1, Filter::kBilinear); }); },
      [&] { return milliseconds([&] { ours.convert(photo, 1.5, Filter::kBilinear); }); }};
  if (opencv) {
    for (int reduction : {2, 4, 8}) {
      candidates.push_back([&, reduction] { return opencv->ask(path, reduction).seconds * 1e3; });
    }
  }
  auto times = bench::interleave(kRounds, candidates);
  const char* target = by == 8 || by == 4 ? "at most 1.30" : by == 2 ? "at most 1.45" : "";
  std::printf("%s, %d x %d, %zu KB, decoded at 1/%d\n", photo.name.c_str(), full.width, full.height,
              photo.bytes.size() / 1024, by);
  bench::row("floor: libjpeg-turbo at 1/8", bench::median(times[0]), "ms");
  bench::row("decode and to_tensor", bench::median(times[1]), "ms");
  bench::row("  of the floor", bench::ratio(times[1], times[0]), "", target);
  bench::row("  with the default oversample of 1.5, of the floor", bench::ratio(times[2], times[0]),
             "");
  if (opencv) {
    // The largest reduction that OpenCV may use: its picture is not below the target.
    size_t best = 3;
    for (size_t i : {4, 5}) {
      int r = i == 4 ? 4 : 8;
      bool allowed = full.width >= kSide * r && full.height >= kSide * r;
      if (allowed && bench::median(times[i]) < bench::median(times[best])) best = i;
    }
    bench::row("OpenCV's best reduced read, resize, normalise", bench::median(times[best]), "ms");
    bench::row("  ours of OpenCV's", bench::ratio(times[1], times[best]), "", "under 1");
  }
  bench::row("difference to a full decode with area, mean", off.mean, "levels");
  bench::row("difference to a full decode with area, most", off.most, "levels");
  return true;
}

bool measure_parts(const bench::Photo& photo) {
  constexpr int kAny = ImageNeed::kAny;
  const ImageSize full = image::read_header(photo.bytes)->size;
  const double x = full.width / 2 - 320, y = full.height / 2 - 240;
  const struct {
    const char* name;
    ImageNeed need;
  } parts[] = {
      {"the middle for 224 x 224", need_of(kSide, kSide, Fit::kCover, 1)},
      {"the middle for 224 x 224 of 256", need_of(kSide, kSide, Fit::kCover, 0.875)},
      {"the middle for 640 x 640", need_of(640, 640, Fit::kCover, 1)},
      {"640 x 480 at the top", {kAny, kAny, Fit::kStretch, 1, ImageBox{x, 0, x + 640, 480}}},
      {"640 x 480 amid", {kAny, kAny, Fit::kStretch, 1, ImageBox{x, y, x + 640, y + 480}}},
      {"1920 x 1440 amid",
       {kAny, kAny, Fit::kStretch, 1, ImageBox{x - 640, y - 480, x + 1280, y + 960}}},
  };
  std::printf("parts of %s, %d x %d, decoded, of the whole at the same scale\n", photo.name.c_str(),
              full.width, full.height);
  for (const auto& [name, need] : parts) {
    const ImageNeed one[] = {need};
    const ImageNeed all[] = {need, {1, 1, Fit::kLetterbox}};
    ReusedCanvas part, whole;
    const auto decode = [&](std::span<const ImageNeed> needs, bool to_the_end,
                            ReusedCanvas& canvas) {
      const image::DecodeOptions options{
          .needs = needs, .oversample = 1.5, .recover = true, .to_the_end = to_the_end};
      if (auto done = image::decode(photo.bytes, options, canvas); !done.ok()) {
        give_up(photo.name, done.status());
      }
    };
    decode(one, false, part);
    decode(all, true, whole);
    if (part.size.width != whole.size.width ||
        !image::same_where_looked_at(one, full, part.size, part.pixels.data(),
                                     whole.pixels.data())) {
      std::fprintf(stderr, "decode_to_tensor: %s of %s is not that of the whole\n", name,
                   photo.name.c_str());
      return false;
    }
    auto times =
        bench::interleave(11, {[&] { return milliseconds([&] { decode(all, true, whole); }); },
                               [&] { return milliseconds([&] { decode(one, false, part); }); },
                               [&] { return milliseconds([&] { decode(one, true, part); }); }});
    const int by = full.width / whole.size.width;
    bench::row(name + (" at 1/" + std::to_string(by)), bench::ratio(times[1], times[0]), "",
               by < 8 ? "under 0.95" : "");
    bench::row("  read to the file's end", bench::ratio(times[2], times[0]), "");
  }
  return true;
}

bool measure_parts() {
  const bench::Photo photo{"",
                           bench::read_file(bench::assets() / "images" / "photo/burn_bridge.jpg")};
  bool right = true;
  for (auto [width, height] : {std::pair{4000, 3000}, {4240, 2832}, {3000, 4000}}) {
    right = right && measure_parts(enlarged(photo, width, height));
  }
  return right;
}

// For each line "PATH OVERSAMPLE", processor time in seconds and the mean of the tensor: one of
// those that bench/decoders.py compares.
int serve() {
  std::map<std::string, bench::Photo> photos;
  Ours ours;
  char path[4096];
  for (double oversample; std::scanf("%4095s %lf", path, &oversample) == 2;) {
    auto [at, fresh] = photos.try_emplace(path);
    if (fresh) {
      at->second = {path, bench::read_file(path)};
      for (int i = 0; i < 3; ++i) ours.convert(at->second, oversample, Filter::kBilinear);
    }
    const double took =
        milliseconds([&] { ours.convert(at->second, oversample, Filter::kBilinear); });
    std::printf("%g %g\n", took / 1e3,
                mean(ours.convert(at->second, oversample, Filter::kBilinear)));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::string_view(arguments[1]) == "--serve") return serve();
  if (!bench::have_assets("decode_to_tensor")) return 0;
  if (count == 2 && std::string_view(arguments[1]) == "--parts") return measure_parts() ? 0 : 1;
  if (count > 1) {  // only ours, of one photo, for a profiler
    bench::Photo photo{arguments[1], bench::read_file(arguments[1])};
    Ours ours;
    for (int i = 0; i < 1000; ++i) ours.convert(photo, 1, Filter::kBilinear);
    return 0;
  }
  bench::title("JPEG to 224 x 224 FP32 NCHW, one core, processor time");
  bench::print_machine();
  // The cores of a shared machine differ from moment to moment: all on the same one.
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(sched_getcpu(), &here);
  if (sched_setaffinity(0, sizeof here, &here) != 0) std::perror("sched_setaffinity");
  auto opencv = OpenCv::start();
  if (!opencv) std::puts("  OpenCV is not there to compare with; tools/setup.sh bench installs it");
  const std::filesystem::path images = bench::assets() / "images";
  for (const char* name :
       {"photo/burn_bridge.jpg", "photo/ovms_people2.jpeg", "photo/ovms_road1.jpg",
        "photo/triton_vulture.jpeg", "jpeg/wuffs_harvesters.jpeg", "exif/Landscape_0.jpg",
        "exif/Portrait_0.jpg", "face/fr_biden.jpg"}) {
    const std::string path = images / name;
    if (!measure({name, bench::read_file(path)}, path, opencv)) return 1;
  }
  const bench::Photo large =
      enlarged({"", bench::read_file(images / "photo/burn_bridge.jpg")}, 4000, 3000);
  const std::string path =
      std::filesystem::temp_directory_path() / ("leat-bench-" + std::to_string(getpid()) + ".jpg");
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(large.bytes.data()),
             static_cast<std::streamsize>(large.bytes.size()));
  const bool right = measure(large, path, opencv);
  std::filesystem::remove(path);
  return right && measure_parts() ? 0 : 1;
}
