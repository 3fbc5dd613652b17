// What is recovered of damaged JPEGs, against the whole ones.
#include "codec/image/jpeg_damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/image/jpeg_error.h"
#include "codec/image/pictures_test.h"

namespace leat::image {
namespace {

using File = std::vector<uint8_t>;

struct Encoding {
  const char* name;
  int across = 1, down = 1;  // sampling factors of the first component
  unsigned restart = 0;      // MCUs
  bool grey = false;
  bool progressive = false;
  bool arithmetic = false;
  bool apart = false;  // a scan for each component
};

constexpr Encoding kSequential[] = {{.name = "4:4:4"},
                                    {.name = "4:2:0", .across = 2, .down = 2},
                                    {.name = "4:4:0", .down = 2},
                                    {.name = "grey", .grey = true},
                                    {.name = "restarts", .across = 2, .down = 2, .restart = 5},
                                    {.name = "restart rows", .across = 2, .restart = 12},
                                    {.name = "arithmetic", .arithmetic = true}};
constexpr Encoding kInScans[] = {
    {.name = "progressive", .across = 2, .down = 2, .progressive = true},
    {.name = "in three scans", .apart = true}};
constexpr int kWidth = 190, kHeight = 210;

// Noise over slopes: every block has its own coefficients.
File encoded(const Encoding& e) {
  std::mt19937 random(7);
  JpegErrors errors;
  jpeg_compress_struct jpeg{};
  jpeg.err = errors.manager();
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = kWidth;
  jpeg.image_height = kHeight;
  jpeg.in_color_space = JCS_RGB;
  jpeg.input_components = 3;
  jpeg_set_defaults(&jpeg);
  if (e.grey) jpeg_set_colorspace(&jpeg, JCS_GRAYSCALE);
  jpeg.comp_info[0].h_samp_factor = e.across;
  jpeg.comp_info[0].v_samp_factor = e.down;
  jpeg.restart_interval = e.restart;
  jpeg.arith_code = e.arithmetic;
  if (e.progressive) jpeg_simple_progression(&jpeg);
  static jpeg_scan_info scans[3];
  for (int i = 0; i < 3; ++i) {
    scans[i] = {.comps_in_scan = 1, .component_index = {i}, .Ss = 0, .Se = 63, .Ah = 0, .Al = 0};
  }
  if (e.apart) {
    jpeg.scan_info = scans;
    jpeg.num_scans = 3;
  }
  jpeg_start_compress(&jpeg, TRUE);
  const Picture slope = slopes(kWidth, kHeight);
  for (int y = 0; y < kHeight; ++y) {
    File row(slope.at(0, y), slope.at(0, y) + 3 * kWidth);
    for (uint8_t& level : row) level = static_cast<uint8_t>((level * 3 + random() % 256) / 4);
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  File file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

struct Recovered {
  Status status;
  double intact = 0;
  Picture picture;
};

Recovered recovered(const File& file, bool recover = true) {
  PictureCanvas canvas;
  auto header = decode(file, {.recover = recover}, canvas);
  if (!header.ok()) return {header.status(), 0, {}};
  return {{}, header->intact, std::move(canvas.picture)};
}

bool equal_rows(const Picture& a, const Picture& b, int y) {
  return std::equal(a.at(0, y), a.at(0, y) + 3 * a.width, b.at(0, y));
}

// Where the pixels begin.
size_t scan_of(const File& file) {
  size_t at = 2;
  while (file[at + 1] != 0xda) at += 2u + (file[at + 2] << 8 | file[at + 3]);
  return at + 2u + (file[at + 2] << 8 | file[at + 3]);
}

TEST(JpegDamage, WhatCameBeforeTheCutIsThatOfTheWhole) {
  for (const Encoding& e : kSequential) {
    const File file = encoded(e);
    const Recovered whole = recovered(file, false);
    ASSERT_TRUE(whole.status.ok()) << e.name << whole.status.message();
    double before = 0;
    int told = 0;
    for (size_t size = scan_of(file); size < file.size(); size += 37) {
      const Recovered part = recovered({file.begin(), file.begin() + static_cast<long>(size)});
      EXPECT_GE(part.intact, before) << e.name << " at " << size;
      before = part.intact;
      if (!part.status.ok()) continue;
      ++told;
      if (recovered({file.begin(), file.begin() + static_cast<long>(size)}, false).status.ok()) {
        continue;  // only its end is missing
      }
      const int rows = static_cast<int>(part.intact * kHeight + 1e-6);
      for (int y = 0; y < rows; ++y) {
        ASSERT_TRUE(equal_rows(part.picture, whole.picture, y)) << e.name << size << " row " << y;
      }
      // As many as the data can hold: the noise makes all rows about equally long.
      const double came = 1.0 * static_cast<double>(size - scan_of(file)) /
                          static_cast<double>(file.size() - scan_of(file));
      EXPECT_GE(rows, came * kHeight - 40) << e.name << size;
      if (rows < kHeight - 48) {
        const uint8_t* last = part.picture.at(0, kHeight - 1);
        EXPECT_THAT(File(last, last + 3 * kWidth), testing::Each(kLostLevel)) << e.name;
      }
    }
    EXPECT_GT(told, 20) << e.name;
    EXPECT_EQ(recovered(file).intact, 1) << e.name;
  }
}

// A marker that means nothing ends the codes before it where it stands; other damage may look like
// a picture.
TEST(JpegDamage, RowsThatWereNotDamagedAreThoseOfTheWhole) {
  std::mt19937 random(3);
  for (const Encoding& e : kSequential) {
    if (e.arithmetic) continue;  // to which any data mean something
    const File file = encoded(e);
    const Picture whole = recovered(file).picture;
    double sum = 0;
    for (int i = 0; i < 100; ++i) {
      File bad = file;
      const size_t room = file.size() - scan_of(file) - 60;
      size_t at = scan_of(file) + 20 + random() % room;
      bad[at] = 0xff;
      bad[at + 1] = 0x02;
      EXPECT_FALSE(recovered(bad, false).status.ok());
      const Recovered part = recovered(bad);
      sum += part.intact;
      EXPECT_LT(part.intact, 1);
      if (!part.status.ok()) continue;
      int equal = 0;
      for (int y = 0; y < kHeight; ++y) equal += equal_rows(part.picture, whole, y);
      EXPECT_GE(equal + 1e-6, part.intact * kHeight) << e.name;
    }
    const double mean = sum / 100;  // without restart markers half of it, with them nearly all
    EXPECT_GT(mean, e.restart > 0 ? 0.8 : 0.3) << e.name;
    EXPECT_LT(mean, e.restart > 0 ? 0.96 : 0.6) << e.name;
  }
}

TEST(JpegDamage, ScansBringMoreAndMore) {
  for (const Encoding& e : kInScans) {
    const File file = encoded(e);
    const Recovered whole = recovered(file, false);
    ASSERT_TRUE(whole.status.ok()) << whole.status.message();
    double before = 0, difference = 0;
    for (size_t size = scan_of(file); size < file.size(); size += file.size() / 40) {
      const Recovered part = recovered({file.begin(), file.begin() + static_cast<long>(size)});
      EXPECT_GE(part.intact, before) << e.name << " at " << size;
      if (!part.status.ok()) continue;
      EXPECT_LT(part.intact, 1);
      before = part.intact;
      difference = 0;
      for (size_t i = 0; i < whole.picture.pixels.size(); ++i) {
        difference += std::abs(part.picture.pixels[i] - whole.picture.pixels[i]);
      }
      difference /= static_cast<double>(whole.picture.pixels.size());
    }
    EXPECT_GT(before, 0.85) << e.name;
    EXPECT_LT(difference, 12) << e.name;  // of the last, nearly whole one
    // Without its end marker it is whole, but nobody can know.
    EXPECT_FALSE(recovered({file.begin(), file.end() - 2}, false).status.ok());
    const Recovered all = recovered({file.begin(), file.end() - 2});
    EXPECT_EQ(all.intact, 0.999) << e.name;
    EXPECT_TRUE(all.picture == whole.picture) << e.name;
  }
}

TEST(JpegDamage, NothingToRecoverFails) {
  const File file = encoded(kSequential[1]);
  for (size_t size : {size_t{0}, size_t{2}, scan_of(file) - 1, scan_of(file), scan_of(file) + 9}) {
    const Recovered part = recovered({file.begin(), file.begin() + static_cast<long>(size)});
    EXPECT_EQ(part.status.code(), Code::kBadMedia) << size;
  }
}

// A header that promises a large picture gets no memory for it.
TEST(JpegDamage, FewBytesAreNotWorthALargePicture) {
  File file = encoded(kSequential[0]);
  for (size_t at = 2; file[at + 1] != 0xda; at += 2u + (file[at + 2] << 8 | file[at + 3])) {
    if (file[at + 1] == 0xc0) file[at + 5] = file[at + 7] = 0x25;  // 9,600 x 9,600 pixels or so
  }
  file.resize(scan_of(file) + 300);
  PictureCanvas canvas;
  EXPECT_EQ(decode(file, {.recover = true}, canvas).status().code(), Code::kBadMedia);
  EXPECT_EQ(canvas.calls, 0);
}

}  // namespace
}  // namespace leat::image
