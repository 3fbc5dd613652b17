// JPEG by libjpeg-turbo's own interface, rows straight into the canvas.
//
// The settings are those that Pillow decodes with (accurate DCT, smooth chroma), bit for bit:
// faster ones save 5 to 10% of a full decode and move models' answers. Of the eight scales that
// libjpeg offers, 1, 1/2, 1/4 and 1/8 have SIMD code; the others are slower than a full decode or
// than 1/2.

#include <jerror.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "codec/image/exif.h"
#include "codec/image/formats.h"
#include "codec/image/jpeg_damage.h"
#include "codec/image/jpeg_error.h"
#include "codec/image/jpeg_huffman.h"
#include "codec/image/upright.h"

namespace leat::image {

namespace {

constexpr int kMaxScans = 100;  // a progressive picture has 10; each costs a walk over all blocks

// The payload of the first EXIF segment before the pixels; empty when there is none.
Bytes find_exif(Bytes bytes) {
  constexpr uint8_t kApp1 = 0xe1, kScan = 0xda, kEnd = 0xd9;
  size_t at = 2;
  while (at + 4 <= bytes.size()) {
    uint8_t marker = bytes[at + 1];
    if (bytes[at] != 0xff || marker == 0xff || marker == 0) {  // fill bytes, or junk
      ++at;
      continue;
    }
    if (marker == kScan || marker == kEnd) break;
    size_t length = bytes[at + 2] << 8 | bytes[at + 3];
    if (length < 2 || at + 2 + length > bytes.size()) break;
    Bytes payload = bytes.subspan(at + 4, length - 2);
    if (marker == kApp1 && payload.size() > 6 && !std::memcmp(payload.data(), "Exif\0\0", 6)) {
      return payload;
    }
    at += 2 + length;
  }
  return {};
}

// Adobe's inverted CMYK to RGB, as Pillow computes it.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    int light = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      int product = (255 - cmyk[c]) * light + 128;
      rgb[c] = static_cast<uint8_t>(light - (((product >> 8) + product) >> 8));
    }
  }
}

// Does the box begin and end between two pixels, if of `by` pixels each way there is one?
bool between_pixels(const ImageBox& box, int by, ImageSize size) {
  const auto between = [by](double at, int length) {
    return at <= 0 || at >= length || std::fmod(at, by) == 0;
  };
  return between(box.left, size.width) && between(box.right, size.width) &&
         between(box.top, size.height) && between(box.bottom, size.height);
}

// The smallest of libjpeg's fast scales, in eighths, that serves all needs.
int scale_in_eighths(ImageSize size, const DecodeOptions& options) {
  if (options.needs.empty()) return 8;
  for (int eighths : {1, 2, 4}) {
    const bool serves = std::ranges::all_of(options.needs, [&](const ImageNeed& need) {
      return need.scale_for(size.width, size.height) * options.oversample <= eighths / 8.0 &&
             (!need.box || between_pixels(*need.box, 8 / eighths, size));
    });
    if (serves) return eighths;
  }
  return 8;
}

// What of a stored picture of width x height pixels, so many eighths of the original, is looked at.
StoredPart looked_at(const Header& header, const DecodeOptions& options, int width, int height,
                     int eighths) {
  if (options.needs.empty()) return {0, 0, width, height};
  ImageBox all{1e9, 1e9, 0, 0};
  for (const ImageNeed& need : options.needs) {
    const ImageBox part = need.part_of(header.size.width, header.size.height);
    all = {std::min(all.left, part.left), std::min(all.top, part.top),
           std::max(all.right, part.right), std::max(all.bottom, part.bottom)};
  }
  const auto before = [&](double at) { return static_cast<int>(std::floor(at * eighths / 8)); };
  const auto behind = [&](double at) { return static_cast<int>(std::ceil(at * eighths / 8)); };
  StoredPart part{before(all.left), before(all.top), behind(all.right), behind(all.bottom)};
  const int orientation = header.orientation;
  if (orientation >= 5) part = {part.top, part.left, part.bottom, part.right};
  if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
    part = {width - part.right, part.top, width - part.left, part.bottom};
  }
  if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
    part = {part.left, height - part.bottom, part.right, height - part.top};
  }
  return {std::max(part.left, 0), std::max(part.top, 0), std::min(part.right, width),
          std::min(part.bottom, height)};
}

// Reads one picture. A decompressor is not used again for the next: it would keep tables, and lend
// them to a picture that lacks its own. To make one costs less than a microsecond.
class JpegReader {
 public:
  explicit JpegReader(Bytes bytes);
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Result<Header> header();
  Result<Header> decode(const DecodeOptions& options, Canvas& canvas, JpegHuffman* huffman);
  // Whatever can be read; fails when nothing can.
  Result<Header> recover(const DecodeOptions& options, Canvas& canvas);
  bool gave_up() const { return huffman_ && huffman_->gave_up(); }

 private:
  static JpegReader& self(j_decompress_ptr jpeg) {
    return *static_cast<JpegReader*>(jpeg->client_data);
  }
  static boolean on_empty(j_decompress_ptr jpeg);
  static void on_skip(j_decompress_ptr jpeg, long count);
  static void on_progress(j_common_ptr jpeg);

  // Sets how the picture is to be read.
  void choose(const Header& header, const DecodeOptions& options);
  Status start(Canvas& canvas);
  bool read_scans(Canvas& canvas);
  StoredPart whole() const {
    return {0, 0, static_cast<int>(jpeg_.output_width), static_cast<int>(jpeg_.output_height)};
  }
  bool can_be_cut() const;
  // Begins with the rows and columns of `part`, which becomes wider, to where columns can be cut.
  void begin_with(StoredPart& part);
  Status rows(int orientation, uint8_t* out, StoredPart part, Canvas& canvas);
  Status read_on(Canvas& canvas);
  // Have pixels been made up?
  bool lost() const { return errors_.pixels_lost() || (jpeg_.arith_code && ran_dry_); }
  // Is there no sense in reading on? After what arithmetic codes lack they would give anything.
  bool stops() const {
    return damage_ ? jpeg_.arith_code && ran_dry_ && !jpeg_.buffered_image : lost();
  }
  Status read_error() const;

  const Bytes bytes_;
  JpegErrors errors_;
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct jpeg_{};
  bool ran_dry_ = false;  // the data ended before the picture
  bool too_many_scans_ = false;
  JpegHuffman* huffman_ = nullptr;  // once it has taken over
  const Canvas* canvas_ = nullptr;  // while scans are read
  bool abandoned_ = false;
  std::optional<JpegDamage> damage_;  // while what can be is recovered
};

JpegReader::JpegReader(Bytes bytes) : bytes_(bytes) {
  jpeg_.err = errors_.manager();
  jpeg_.client_data = this;
  source_.next_input_byte = bytes.data();
  source_.bytes_in_buffer = bytes.size();
  source_.init_source = [](j_decompress_ptr) {};
  source_.fill_input_buffer = on_empty;
  source_.skip_input_data = on_skip;
  source_.resync_to_restart = jpeg_resync_to_restart;
  source_.term_source = [](j_decompress_ptr) {};
  progress_.progress_monitor = on_progress;
}

boolean JpegReader::on_empty(j_decompress_ptr jpeg) {
  static constexpr JOCTET kEndOfImage[] = {0xff, JPEG_EOI};
  JpegReader& reader = self(jpeg);
  reader.ran_dry_ = true;
  // Arithmetic codes go on without a warning.
  if (reader.damage_ && jpeg->arith_code) reader.damage_->lose(jpeg->input_iMCU_row);
  jpeg->src->next_input_byte = kEndOfImage;
  jpeg->src->bytes_in_buffer = sizeof kEndOfImage;
  return TRUE;
}

void JpegReader::on_skip(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  if (static_cast<size_t>(count) > jpeg->src->bytes_in_buffer) {
    on_empty(jpeg);
    return;
  }
  jpeg->src->next_input_byte += count;
  jpeg->src->bytes_in_buffer -= static_cast<size_t>(count);
}

void JpegReader::on_progress(j_common_ptr common) {
  j_decompress_ptr jpeg = reinterpret_cast<j_decompress_ptr>(common);
  JpegReader& reader = self(jpeg);
  reader.too_many_scans_ = jpeg->input_scan_number > kMaxScans;
  reader.abandoned_ = reader.canvas_ && reader.canvas_->abandoned();
  if (reader.too_many_scans_ || reader.abandoned_) ERREXIT(jpeg, JERR_CANT_SUSPEND);
}

Status JpegReader::read_error() const {
  if (abandoned_) return {Code::kCancelled, "nobody waits for the picture any more"};
  if (too_many_scans_) {
    return {Code::kBadMedia, cat("JPEG has more than ", kMaxScans, " scans")};
  }
  if (ran_dry_) {
    return {Code::kBadMedia, cat("JPEG is truncated: the data ends in ",
                                 jpeg_.input_scan_number > 0 ? "its scans" : "its header")};
  }
  if (errors_.code() == JERR_IMAGE_TOO_BIG) {
    return {Code::kTooLarge, cat("JPEG of ", jpeg_.image_width, " x ", jpeg_.image_height,
                                 " cannot be read; a side is at most ", JPEG_MAX_DIMENSION)};
  }
  constexpr const char* kInstead =
      " is not supported; JPEG with 8 bits a sample is, and PNG or TIFF";
  if (errors_.code() == JERR_BAD_PRECISION) {
    return {Code::kBadMedia, cat("JPEG with ", errors_.parameter(), " bits a sample", kInstead)};
  }
  if (errors_.code() == JERR_SOF_UNSUPPORTED) {
    const int number = errors_.parameter() - 0xc0;
    return {Code::kBadMedia, cat(number % 8 == 3 ? "lossless" : "hierarchical", " JPEG (SOF",
                                 number, ")", kInstead)};
  }
  Code code = errors_.code() == JERR_OUT_OF_MEMORY ? Code::kOverloaded : Code::kBadMedia;
  return {code, cat("JPEG cannot be read: ", errors_.message())};
}

Result<Header> JpegReader::header() {
  bool read = errors_.guard([this] {
    jpeg_create_decompress(&jpeg_);
    jpeg_.src = &source_;
    jpeg_.progress = &progress_;
    jpeg_read_header(&jpeg_, TRUE);
  });
  if (!read) return read_error();
  return upright_header(Format::kJpeg, static_cast<int>(jpeg_.image_width),
                        static_cast<int>(jpeg_.image_height), exif_orientation(find_exif(bytes_)));
}

// `huffman`: null, or what may take over from libjpeg.
Result<Header> JpegReader::decode(const DecodeOptions& options, Canvas& canvas,
                                  JpegHuffman* huffman) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  // Huffman codes spend a bit or more on every block of 8 x 8: far too few bytes need no memory.
  uint64_t blocks = uint64_t{jpeg_.image_width} * jpeg_.image_height / 64;
  if (!jpeg_.arith_code && blocks / 8 > bytes_.size()) {
    return Status(Code::kBadMedia, cat("JPEG is truncated: ", bytes_.size(), " bytes cannot hold ",
                                       header.size.width, " x ", header.size.height, " pixels"));
  }
  choose(header, options);
  LEAT_TRY(start(canvas));
  if (huffman && huffman->take_over(jpeg_)) huffman_ = huffman;
  int width = static_cast<int>(jpeg_.output_width), height = static_cast<int>(jpeg_.output_height);
  if (header.orientation >= 5) std::swap(width, height);
  LEAT_ASSIGN(uint8_t * out, canvas.memory(width, height));
  StoredPart part = whole();
  if (huffman_ && can_be_cut()) {
    part = looked_at(header, options, part.right, part.bottom, static_cast<int>(jpeg_.scale_num));
    // At 1/8 next to all of the time goes into Huffman codes, and columns have them all.
    if (jpeg_.scale_num == 1) part = {0, part.top, whole().right, part.bottom};
  }
  LEAT_TRY(rows(header.orientation, out, part, canvas));
  if (huffman_ && options.to_the_end) LEAT_TRY(read_on(canvas));
  return header;
}

void JpegReader::choose(const Header& header, const DecodeOptions& options) {
  bool four = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
  jpeg_.out_color_space = four ? JCS_CMYK : JCS_RGB;
  jpeg_.scale_num = static_cast<unsigned>(scale_in_eighths(header.size, options));
  jpeg_.scale_denom = 8;
}

// Of a progressive picture this reads all scans.
Status JpegReader::start(Canvas& canvas) {
  canvas_ = &canvas;
  bool started = errors_.guard([this] { jpeg_start_decompress(&jpeg_); });
  canvas_ = nullptr;
  if (!started) return read_error();
  if (!jpeg_has_multiple_scans(&jpeg_)) return {};
  if (ran_dry_) {  // even after a whole scan: nobody knows how many were to come
    return {Code::kBadMedia, cat("JPEG is truncated: the data ends in scan ",
                                 jpeg_.input_scan_number, ", without an end marker")};
  }
  if (errors_.pixels_lost()) {
    return {Code::kBadMedia, cat("JPEG is damaged: ", errors_.message())};
  }
  return {};
}

Result<Header> JpegReader::recover(const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  // As in decode(), when there is a hundredth of the picture.
  uint64_t blocks = uint64_t{jpeg_.image_width} * jpeg_.image_height / 64;
  if (blocks / 800 > bytes_.size()) return Status(Code::kBadMedia, "JPEG is truncated");
  choose(header, options);
  const bool many = jpeg_has_multiple_scans(&jpeg_);
  jpeg_.buffered_image = many;
  damage_.emplace(jpeg_);
  errors_.tell(*damage_);
  if (!errors_.guard([this] { jpeg_start_decompress(&jpeg_); })) return read_error();
  if (many && !read_scans(canvas)) return read_error();
  int width = static_cast<int>(jpeg_.output_width), height = static_cast<int>(jpeg_.output_height);
  if (header.orientation >= 5) std::swap(width, height);
  LEAT_ASSIGN(uint8_t * out, canvas.memory(width, height));
  LEAT_TRY(rows(header.orientation, out, whole(), canvas));
  if (!many) damage_->end_scan(jpeg_, jpeg_.input_iMCU_row);
  // Never the whole: that cannot be known of a file that lacks its end.
  header.intact = std::min(damage_->intact(), 0.999);
  if (header.intact > 0) return header;
  return Status(Code::kBadMedia, "JPEG is damaged: nothing of it can be read");
}

// All that are there, and prepares for reading rows of what they brought. False: that cannot be.
bool JpegReader::read_scans(Canvas& canvas) {
  canvas_ = &canvas;
  bool in_scan = true;
  bool whole = errors_.guard([this, &in_scan] {
    int event = 0;
    while (event != JPEG_REACHED_EOI) {
      event = jpeg_consume_input(&jpeg_);
      if (event == JPEG_SCAN_COMPLETED) damage_->end_scan(jpeg_, jpeg_.total_iMCU_rows);
      in_scan = event == JPEG_REACHED_SOS || event == JPEG_ROW_COMPLETED;
      on_progress(reinterpret_cast<j_common_ptr>(&jpeg_));
    }
  });
  canvas_ = nullptr;
  if (abandoned_) return false;
  if (!whole && in_scan) damage_->end_scan(jpeg_, jpeg_.input_iMCU_row);
  // What an unfinished scan brought is shown with the one before: it would be waited for.
  const int scan = jpeg_.input_scan_number - (whole ? 0 : 1);
  return errors_.guard([this, scan] { jpeg_start_output(&jpeg_, scan); });
}

// libjpeg-turbo 2.1 cuts reduced pictures wrongly where a component has a quarter of the columns.
bool JpegReader::can_be_cut() const {
  return jpeg_.max_h_samp_factor <= 2 && jpeg_.max_v_samp_factor <= 2;
}

void JpegReader::begin_with(StoredPart& part) {
  constexpr int kBeside = 8;  // the chroma of a pixel at the edge would lack its neighbour's
  auto left = static_cast<JDIMENSION>(std::max(part.left - kBeside, 0));
  JDIMENSION width = std::min(static_cast<JDIMENSION>(part.right + kBeside), jpeg_.output_width);
  width -= left;
  if (width < jpeg_.output_width) jpeg_crop_scanline(&jpeg_, &left, &width);
  part.left = static_cast<int>(left);
  part.right = static_cast<int>(left + width);
  if (part.top > 0) jpeg_skip_scanlines(&jpeg_, static_cast<JDIMENSION>(part.top));
}

Status JpegReader::read_on(Canvas& canvas) {
  bool more = true;
  while (more) {
    if (canvas.abandoned()) return abandoned();
    if (!errors_.guard([&] { more = huffman_->read_on(jpeg_); })) return read_error();
  }
  return {};
}

Status JpegReader::rows(int orientation, uint8_t* out, StoredPart part, Canvas& canvas) {
  const int full_width = static_cast<int>(jpeg_.output_width);
  const int full_height = static_cast<int>(jpeg_.output_height);
  if (!errors_.guard([&] { begin_with(part); })) return read_error();
  const int width = part.right - part.left;
  const bool cmyk = jpeg_.out_color_space == JCS_CMYK;
  thread_local std::vector<uint8_t> ink;  // CMYK rows of a band
  if (cmyk) ink.resize(size_t{4} * width * UprightRows::kBand);

  UprightRows upright(out, full_width, full_height, orientation, part);
  bool reads = true;
  for (int first = part.top, count; first < part.bottom; first += count) {
    if (canvas.abandoned()) return {Code::kCancelled, "nobody waits for the picture any more"};
    count = upright.band(first);
    JSAMPROW pointers[UprightRows::kBand];
    for (int i = 0; i < count; ++i) {
      pointers[i] = cmyk ? ink.data() + size_t{4} * width * i : upright.row(first + i);
    }
    const unsigned begin = static_cast<unsigned>(first), end = begin + static_cast<unsigned>(count);
    unsigned done = begin, last = begin;
    reads = reads && errors_.guard([this, begin, end, &done, &last, &pointers] {
      while (!stops() && done < end) {
        last = done;
        jpeg_read_scanlines(&jpeg_, pointers + (done - begin), end - done);
        done = jpeg_.output_scanline;
      }
    });
    if (!reads && !damage_) return read_error();
    if (!damage_ && lost()) {
      if (!ran_dry_) return {Code::kBadMedia, cat("JPEG is damaged: ", errors_.message())};
      // A row of blocks is lost as a whole: `last` is where it begins, or a little before.
      return truncated(Format::kJpeg, int64_t{last} * 8 / jpeg_.scale_num, jpeg_.image_height);
    }
    const int read = static_cast<int>(done - begin);
    for (int i = 0; cmyk && i < read; ++i) cmyk_to_rgb(pointers[i], upright.row(first + i), width);
    for (int i = read; i < count; ++i) {
      std::fill_n(upright.row(first + i), size_t{3} * width, kLostLevel);
    }
    upright.settle(first, count);
  }
  return {};
}

// Asks another canvas once, for a picture that is decoded twice.
class SameMemory final : public Canvas {
 public:
  explicit SameMemory(Canvas& canvas) : canvas_(canvas) {}
  Result<uint8_t*> memory(int width, int height) override {
    if (!memory_) {
      LEAT_ASSIGN(memory_, canvas_.memory(width, height));
    }
    return memory_;
  }
  bool abandoned() const override { return canvas_.abandoned(); }

 private:
  Canvas& canvas_;
  uint8_t* memory_ = nullptr;
};

}  // namespace

Result<Header> read_jpeg_header(Bytes bytes) { return JpegReader(bytes).header(); }

namespace {

// What strict decoding gave, or what can be recovered instead.
Result<Header> or_recovered(Result<Header> header, Bytes bytes, const DecodeOptions& options,
                            Canvas& canvas) {
  if (header.ok() || !options.recover || header.status().code() != Code::kBadMedia) return header;
  auto part = JpegReader(bytes).recover(options, canvas);
  return part.ok() || part.status().code() != Code::kBadMedia ? part : header;
}

}  // namespace

Result<Header> decode_jpeg(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  thread_local auto huffman = std::make_unique<JpegHuffman>();
  SameMemory same(canvas);
  JpegReader reader(bytes);
  auto header = reader.decode(options, same, huffman.get());
  if (reader.gave_up()) return decode_jpeg_by_libjpeg(bytes, options, same);
  return or_recovered(std::move(header), bytes, options, same);
}

Result<Header> decode_jpeg_by_libjpeg(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  SameMemory same(canvas);
  return or_recovered(JpegReader(bytes).decode(options, same, nullptr), bytes, options, same);
}

}  // namespace leat::image
