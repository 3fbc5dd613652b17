// JPEG by libjpeg-turbo's own interface. A thread keeps its compressor.

#include "base/text.h"
#include "codec/image/image.h"
#include "codec/image/jpeg_error.h"

namespace leat::image {

namespace {

class JpegWriter {
 public:
  static JpegWriter& of_thread() {
    thread_local JpegWriter writer;
    return writer;
  }
  ~JpegWriter() { jpeg_destroy_compress(&jpeg_); }

  Status encode(View picture, int quality, std::vector<uint8_t>& out);

 private:
  JpegWriter();
  static boolean on_full(j_compress_ptr jpeg);

  JpegErrors errors_;
  jpeg_destination_mgr target_{};
  jpeg_compress_struct jpeg_{};
  std::vector<uint8_t>* out_ = nullptr;
};

JpegWriter::JpegWriter() {
  jpeg_.err = errors_.manager();
  [[maybe_unused]] bool made = errors_.guard([this] { jpeg_create_compress(&jpeg_); });
  assert(made);
  jpeg_.client_data = this;
  target_.init_destination = [](j_compress_ptr) {};
  target_.empty_output_buffer = on_full;
  target_.term_destination = [](j_compress_ptr) {};
  jpeg_.dest = &target_;
}

// libjpeg asks for this when every byte of the buffer has been written.
boolean JpegWriter::on_full(j_compress_ptr jpeg) {
  std::vector<uint8_t>& out = *static_cast<JpegWriter*>(jpeg->client_data)->out_;
  size_t full = out.size();
  out.resize(full * 2);
  jpeg->dest->next_output_byte = out.data() + full;
  jpeg->dest->free_in_buffer = full;
  return TRUE;
}

Status JpegWriter::encode(View picture, int quality, std::vector<uint8_t>& out) {
  out.resize(4096 + size_t{3} * picture.width * picture.height / 16);
  out_ = &out;
  target_.next_output_byte = out.data();
  target_.free_in_buffer = out.size();
  bool written = errors_.guard([this, picture, quality] {
    jpeg_.image_width = static_cast<JDIMENSION>(picture.width);
    jpeg_.image_height = static_cast<JDIMENSION>(picture.height);
    jpeg_.input_components = 3;
    jpeg_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg_);
    jpeg_set_quality(&jpeg_, quality, TRUE);
    jpeg_start_compress(&jpeg_, TRUE);
    while (jpeg_.next_scanline < jpeg_.image_height) {
      const uint8_t* row = picture.pixels + size_t{3} * picture.width * jpeg_.next_scanline;
      JSAMPROW rows[] = {const_cast<JSAMPROW>(row)};
      jpeg_write_scanlines(&jpeg_, rows, 1);
    }
    jpeg_finish_compress(&jpeg_);
  });
  jpeg_abort_compress(&jpeg_);
  if (!written) return {Code::kInternal, cat("JPEG cannot be written: ", errors_.message())};
  out.resize(out.size() - target_.free_in_buffer);
  return {};
}

}  // namespace

Status encode_jpeg(View picture, int quality, std::vector<uint8_t>& out) {
  assert(picture.width > 0 && picture.height > 0 && quality >= 1 && quality <= 100);
  if (picture.width > JPEG_MAX_DIMENSION || picture.height > JPEG_MAX_DIMENSION) {
    return {Code::kTooLarge, cat("a picture of ", picture.width, " x ", picture.height,
                                 " does not fit a JPEG; a side is at most ", JPEG_MAX_DIMENSION)};
  }
  return JpegWriter::of_thread().encode(picture, quality, out);
}

}  // namespace leat::image
