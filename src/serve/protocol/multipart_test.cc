#include "serve/protocol/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leat {
namespace {

std::string part(const std::string& disposition, const std::string& value) {
  return "--B\r\nContent-Disposition: " + disposition + "\r\n\r\n" + value + "\r\n";
}

TEST(Multipart, FieldsAndFiles) {
  std::string body = "preamble\r\n" + part("form-data; name=\"a\"", "1") +
                     part("form-data; filename=\"x.jpg\"; name=b", "\r\n--b\r\n") +
                     part("form-data; name=\"q\\\"uote; name=z\"", "") +
                     "--B \t\r\nX-Other: y\r\ncontent-disposition: form-data; "
                     "name=c\r\n\r\nv\r\n--B--\r\nepilogue";
  auto fields = parse_form("multipart/form-data; charset=x; boundary=\"B\"", body);
  ASSERT_TRUE(fields.ok()) << fields.status().message();
  ASSERT_EQ(fields->size(), 4u);
  EXPECT_EQ((*fields)[0].name, "a");
  EXPECT_EQ((*fields)[0].value, "1");
  EXPECT_FALSE((*fields)[0].is_file);
  EXPECT_EQ((*fields)[1].name, "b");
  EXPECT_EQ((*fields)[1].value, "\r\n--b\r\n");
  EXPECT_TRUE((*fields)[1].is_file);
  EXPECT_EQ((*fields)[2].name, "q\"uote; name=z");
  EXPECT_EQ((*fields)[2].value, "");
  EXPECT_EQ((*fields)[3].name, "c");
  EXPECT_EQ((*fields)[3].value, "v");
}

TEST(Multipart, NoFieldsIsAForm) {
  auto fields = parse_form("multipart/form-data; boundary=B", "--B--\r\n");
  ASSERT_TRUE(fields.ok());
  EXPECT_TRUE(fields->empty());
}

TEST(Multipart, SaysWhatIsMalformed) {
  struct Row {
    std::string type, body;
    const char* message;
  };
  const std::string type = "multipart/form-data; boundary=B";
  std::string many;
  for (int i = 0; i < 257; ++i) many += part("form-data; name=a", "");
  for (const Row& row : {
           Row{"multipart/form-data", "", "names no boundary"},
           Row{"multipart/form-data; boundary=" + std::string(71, 'b'), "", "names no boundary"},
           Row{type, "", "boundary does not occur"},
           Row{type, "--Bx", "no line break"},
           Row{type, "--B\r\n\r\n", "not closed"},
           Row{type, "--B\r\nContent-Disposition: form-data; name=a", "does not end"},
           Row{type, part("form-data; name=a", "v"), "part 0 is not closed"},
           Row{type, part("form-data", "v") + "--B--", "part 0 has no name"},
           Row{type, "--B\r\n\r\nv\r\n--B--", "part 0 has no name"},
           Row{type, many + "--B--", "more than the 256 fields"},
       }) {
    auto fields = parse_form(row.type, row.body);
    ASSERT_FALSE(fields.ok()) << row.body;
    EXPECT_THAT(fields.status().message(), testing::HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace leat
