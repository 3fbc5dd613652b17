#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/text.h"
#include "leat/version.h"

namespace leat {
namespace {

using testing::HasSubstr;
using Next = CommandLine::Next;

class Sample final : public Verb {
 public:
  explicit Sample(bool settings) : settings_(settings) {}
  std::string_view name() const override { return "sample"; }
  std::string_view does() const override { return "Stands for a verb."; }
  std::string_view example() const override { return "leat sample PATH --size 1MiB\n"; }
  bool has_settings() const override { return settings_; }
  std::vector<Flag> flags() override {
    return {
        {.name = "PATH", .takes = "", .target = &path, .doc = "a path", .required = true},
        {.name = "port", .takes = "N", .target = &port, .doc = "a port", .min = 0, .max = 65535},
        {"size", "SIZE", Bytes{&size}, "a size"},
        {"wait-for", "TIME", Duration{&wait}, "a time"},
        {"rate", "R", &rate, "a rate"},
        {.name = "way", .takes = "WAY", .target = &way, .doc = "a way", .choices = {"up", "down"}},
        {"input", "X", &inputs, "values"},
        {"loud", "", &loud, "a switch"}};
  }
  Status run(std::string&) override { return {}; }

  std::string state() const {
    std::string all = cat(path, " ", port, " ", size, " ", wait, " ", rate, " ", way, " ", loud);
    for (const std::string& input : inputs) all += cat(" ", input);
    return all;
  }

  std::string path, way = "up";
  std::vector<std::string> inputs;
  int port = 8000;
  int64_t size = 1 << 20, wait = 50'000'000;
  double rate = 1.5;
  bool loud = false;

 private:
  const bool settings_;
};

using Variables = std::map<std::string, std::string>;

CommandLine read(Sample& verb, const std::string& typed, const Variables& variables = {}) {
  std::vector<std::string> arguments;
  for (std::string_view word : split(typed, ' ')) {
    if (!word.empty()) arguments.emplace_back(word);
  }
  return read_command_line(verb, arguments, [&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(CommandLine, SetsWhatIsTyped) {
  struct Row {
    const char *typed, *state;
  };
  for (const Row& row : {
           Row{"p", "p 8000 1048576 50000000 1.5 up false"},
           {"p --port 0 --loud", "p 0 1048576 50000000 1.5 up true"},
           {"--size 3KiB p --wait-for 2s", "p 8000 3072 2000000000 1.5 up false"},
           {"--input a --input b p", "p 8000 1048576 50000000 1.5 up false a b"},
           {"p --rate=0.25 --way down", "p 8000 1048576 50000000 0.25 down false"},
           {"p --size 7", "p 8000 7 50000000 1.5 up false"},
       }) {
    Sample verb(false);
    CommandLine line = read(verb, row.typed);
    EXPECT_EQ(line.next, Next::kRun) << row.typed << ": " << line.text;
    EXPECT_EQ(verb.state(), row.state) << row.typed;
  }
}

TEST(CommandLine, SaysInOneLineWhatIsWrong) {
  struct Row {
    const char *typed, *said;
  };
  for (const Row& row : {
           Row{"", "leat sample: PATH is missing; see leat sample --help"},
           {"p --port 65536", "--port: \"65536\" found, a whole number from 0 to 65535 wanted"},
           {"p --port 1x", "--port: \"1x\" found"},
           {"p --rate much", "--rate: \"much\" found, a number wanted"},
           {"p --size 3MB", "--size: \"3MB\" found, a size like 512KiB or 64MiB wanted"},
           {"p --size -1", "--size: \"-1\" found"},
           {"p --wait-for 5", "--wait-for: \"5\" found; a duration"},
           {"p --rote 1", "there is no flag --rote; did you mean --rate?"},
           {"p --time 1s", "there is no flag --time; did you mean --wait-for?"},
           {"p --way left", "--way: \"left\" found, up or down wanted"},
           {"p --prot 1", "there is no flag --prot; did you mean --port?"},
           {"p q", "\"q\" is one argument too many"},
           {"p --port", "--port"},
           {"p --config x", "there is no flag --config"},
       }) {
    Sample verb(false);
    CommandLine line = read(verb, row.typed);
    EXPECT_EQ(line.next, Next::kUsage) << row.typed;
    EXPECT_THAT(line.text, HasSubstr(row.said)) << row.typed;
    EXPECT_EQ(line.text.find('\n'), std::string::npos) << line.text;
  }
}

TEST(CommandLine, HelpHasDefaultsAndTheExample) {
  Sample verb(true);
  CommandLine line = read(verb, "--help");
  EXPECT_EQ(line.next, Next::kHelp);
  for (const char* part : {"Stands for a verb.", "a port [8000] (LEAT_PORT)", "a size [1MiB]",
                           "a time [50ms] (LEAT_WAIT_FOR)", "up or down [up]", "--config FILE",
                           "leat sample PATH --size 1MiB"}) {
    EXPECT_THAT(line.text, HasSubstr(part));
  }
  Sample plain(false);
  EXPECT_THAT(read(plain, "--help").text, Not(HasSubstr("LEAT_")));
}

class Settings : public testing::Test {
 protected:
  ~Settings() override { std::filesystem::remove(path_); }
  std::string file(std::string_view text) {
    std::ofstream(path_) << text;
    return path_;
  }
  const std::string path_ =
      cat(testing::TempDir(), "leat_settings_", testing::UnitTest::GetInstance()->random_seed(),
          testing::UnitTest::GetInstance()->current_test_info()->name(), ".yaml");
};

TEST_F(Settings, FlagsWinOverVariablesWinOverTheFile) {
  std::string config = file("port: 1\nsize: 1KiB\nway: down  # why\nloud: true\n");
  Variables variables{{"LEAT_PORT", "2"}, {"LEAT_WAIT_FOR", "1ms"}, {"LEAT_LOUD", "false"}};
  Sample verb(true);
  CommandLine line = read(verb, cat("p --size 2KiB --config ", config), variables);
  EXPECT_EQ(line.next, Next::kRun) << line.text;
  EXPECT_EQ(verb.state(), "p 2 2048 1000000 1.5 down false");

  Sample by_variable(true);
  variables["LEAT_CONFIG"] = config;
  EXPECT_EQ(read(by_variable, "p", variables).next, Next::kRun);
  EXPECT_EQ(by_variable.state(), "p 2 1024 1000000 1.5 down false");

  Sample without(false);
  EXPECT_EQ(read(without, "p", variables).next, Next::kRun);
  EXPECT_EQ(without.state(), "p 8000 1048576 50000000 1.5 up false");
}

TEST_F(Settings, SayWhereTheyAreWrong) {
  struct Row {
    const char *text, *said;
  };
  for (const Row& row : {Row{"prot: 1\n", ":1:1: there is no setting \"prot\"; did you mean port?"},
                         {"size: 1KiB\nport: many\n", ":2:7: port: \"many\" found"},
                         {"port: [1]\n", "port: a list"},
                         {"port\n", "settings are lines like"},
                         {"port: 1\nport: 2\n", "comes twice"}}) {
    Sample verb(true);
    CommandLine line = read(verb, cat("p --config ", file(row.text)));
    EXPECT_EQ(line.next, Next::kUsage) << row.text;
    EXPECT_THAT(line.text, HasSubstr(row.said)) << row.text;
  }
  Sample verb(true);
  CommandLine line = read(verb, "p", {{"LEAT_PORT", "x"}});
  EXPECT_THAT(line.text, HasSubstr("LEAT_PORT: \"x\" found"));
  EXPECT_THAT(read(verb, "p --config /no/such/file").text, HasSubstr("/no/such/file"));
}

// What every verb promises.
TEST(Verbs, HaveDocumentedFlagsAndAnExample) {
  for (const auto& verb : all_verbs()) {
    SCOPED_TRACE(verb->name());
    EXPECT_TRUE(verb->does().ends_with("."));
    EXPECT_TRUE(verb->example().starts_with(cat("leat ", verb->name())));
    EXPECT_TRUE(verb->example().ends_with("\n"));
    for (const Flag& flag : verb->flags()) EXPECT_FALSE(flag.doc.empty()) << flag.name;
    std::string out, err;
    EXPECT_EQ(run_command(std::vector<std::string>{std::string(verb->name()), "--help"}, out, err),
              Exit::kDone);
    EXPECT_THAT(out, HasSubstr("Example:\n  leat "));
  }
}

TEST(Program, Exits) {
  struct Row {
    std::vector<std::string> arguments;
    Exit exit;
    const char *out, *err;
  };
  for (const Row& row :
       {Row{{}, Exit::kUsage, "", "leat: a verb is missing\n\nleat runs"},
        {{"help"}, Exit::kDone, "serve", ""},
        {{"help", "check"}, Exit::kDone, "Usage: leat check [PIPELINE] [OPTIONS]\n", ""},
        {{"help", "chekc"}, Exit::kUsage, "", "did you mean check?"},
        {{"serve", "--help"}, Exit::kDone, "Usage: leat serve PATH... [OPTIONS]\n", ""},
        {{"run", "x.yaml", "photo.jpg"}, Exit::kUsage, "", "; --input @photo.jpg gives"},
        {{"--help"}, Exit::kDone, "serve", ""},
        {{"--version"}, Exit::kDone, "leat 0", ""},
        {{"chekc"}, Exit::kUsage, "", "did you mean check?"},
        {{"frobnicate"}, Exit::kUsage, "", "allowed: serve, init"},
        {{"ops"}, Exit::kDone, "image.decode", ""},
        {{"ops", "image.decode"}, Exit::kDone, "max_megapixels", ""},
        {{"ops", "image"}, Exit::kDone, "image.crop", ""},
        {{"ops", "image.decoed"}, Exit::kWrongInput, "", "did you mean image.decode?"},
        {{"ops", "--markdown"}, Exit::kDone, "### tensor.top_k\n", ""},
        {{"check", "no.yaml"}, Exit::kWrongInput, "", "no.yaml"},
        {{"check", "--schema"}, Exit::kDone, "\"$schema\"", ""},
        {{"run", "no.onnx"}, Exit::kWrongInput, "", "no.onnx"},
        {{"bench"}, Exit::kUsage, "", "leat bench: one of PIPELINE and --url is wanted"},
        {{"bench", "x", "--scenario", "server"}, Exit::kUsage, "", "wants a --rate"},
        {{"check"}, Exit::kUsage, "", "PIPELINE is missing"},
        {{"graph"}, Exit::kUsage, "", "PIPELINE is missing"}}) {
    SCOPED_TRACE(row.arguments.empty() ? "" : row.arguments.back());
    std::string out, err;
    EXPECT_EQ(run_command(row.arguments, out, err), row.exit);
    EXPECT_THAT(out, HasSubstr(row.out));
    EXPECT_THAT(err, HasSubstr(row.err));
    EXPECT_EQ(err.empty(), row.exit == Exit::kDone) << err;
  }
}

}  // namespace
}  // namespace leat
