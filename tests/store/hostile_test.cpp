// State dicts from people nobody knows: whatever the bytes are, they are read or end in a DataError
// that names the file. Run under the asan preset as well.
#include <random>

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/hash.h"
#include "concertina/store/state_dict.h"

#include "store/run_state.h"
#include "store/state_dicts.h"

namespace concertina {
namespace {

using store_test::golden;
using store_test::golden_names;
using store_test::message_of;
using testing::HasSubstr;

class Hostile : public testing::Test {
 protected:
  // What is wrong with the bytes; "" when nothing is.
  std::string refusal(const std::string& bytes) {
    const std::string message = message_of<DataError>([&] { parse_state_dict(bytes, "x.pt"); });
    EXPECT_TRUE(message.empty() || message.rfind("x.pt", 0) == 0) << message;
    return message;
  }

  // The pickle in an archive of torch's, beside a storage "0" of 4 floats.
  std::string refusal_of_pickle(const std::string& pickle) {
    return refusal(archive({{"x/data.pkl", pickle}, {"x/data/0", std::string(16, '\0')}}));
  }

  static std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int k = 0; k < bytes; ++k) text += static_cast<char>(value >> 8 * k & 0xffU);
    return text;
  }

  // `wide`: with sizes and offsets in zip64 fields, as of an archive beyond 4 GiB.
  static std::string archive(const std::vector<std::pair<std::string, std::string>>& entries,
                             std::uint64_t method = 0, bool wide = false) {
    std::string all, directory;
    for (const auto& [name, contents] : entries) {
      const std::string begin = number(20, 2) + number(0, 2) + number(method, 2) + number(0, 4) +
                                number(crc32(contents), 4);
      const std::string size = number(contents.size(), 4), name_size = number(name.size(), 2);
      const std::string field = number(1, 2) + number(24, 2) + number(contents.size(), 8) +
                                number(contents.size(), 8) + number(all.size(), 8);
      const std::string in_field = number(0xffffffffU, 4);
      directory += "PK\x01\x02" + number(20, 2) + begin +
                   (wide ? in_field + in_field : size + size) + name_size +
                   number(wide ? field.size() : 0, 2) + std::string(10, '\0') +
                   (wide ? in_field : number(all.size(), 4)) + name + (wide ? field : "");
      all += "PK\x03\x04" + begin + size + size + name_size + number(0, 2) + name + contents;
    }
    const std::size_t start = all.size();
    return all + directory + "PK\x05\x06" + number(0, 4) + number(entries.size(), 2) +
           number(entries.size(), 2) + number(directory.size(), 4) + number(start, 4) +
           number(0, 2);
  }

  static std::string text(const std::string& value) {
    return 'X' + number(value.size(), 4) + value;
  }
  static std::string integer(std::int64_t value) {
    return "\x8a\x08" + number(static_cast<std::uint64_t>(value), 8);
  }

  // {"w": a tensor of these}; the storage has 4 elements.
  static std::string tensor(std::int64_t offset, const std::vector<std::int64_t>& sizes,
                            const std::vector<std::int64_t>& strides, const std::string& key = "0",
                            std::int64_t elements = 4) {
    std::string pickle = "\x80\x02}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" +
                         text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cpu") +
                         integer(elements) + "tQ" + integer(offset);
    for (const auto* numbers : {&sizes, &strides}) {
      pickle += "(";
      for (const std::int64_t one : *numbers) pickle += integer(one);
      pickle += "t";
    }
    return pickle + "\x89}tRs.";
  }
};

TEST_F(Hostile, TruncatedFilesAreRefused) {
  for (const std::string& name : golden_names()) {
    const std::string whole = read_file(golden(name));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_NE(refusal(whole.substr(0, length)), "") << name << ", " << length;
    }
  }
}

TEST_F(Hostile, ChangedBytesAreReadOrRefused) {
  std::mt19937 engine(3);
  int refused = 0;
  for (const std::string& name : golden_names()) {
    const std::string whole = read_file(golden(name));
    for (int k = 0; k < 4000; ++k) {
      std::string bytes = whole;
      for (auto flips = 1 + engine() % 3; flips > 0; --flips) {
        char& byte = bytes[engine() % bytes.size()];
        byte = static_cast<char>(k % 2 == 0 ? byte ^ (1 << engine() % 8) : engine() % 256);
      }
      refused += refusal(bytes).empty() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 12000);
}

// The checksums of an archive keep most changes from the pickle machine; here they are right.
TEST_F(Hostile, ChangedPicklesAreReadOrRefused) {
  std::mt19937 engine(4);
  const std::string whole = tensor(1, {1, 3}, {3, 1});
  ASSERT_EQ(refusal_of_pickle(whole), "");
  for (int k = 0; k < 20000; ++k) {
    std::string pickle = whole;
    for (auto flips = 1 + engine() % 4; flips > 0; --flips) {
      pickle[engine() % pickle.size()] = static_cast<char>(engine() % 256);
    }
    refusal_of_pickle(pickle);
  }
}

TEST_F(Hostile, NoObjectIsMade) {
  const std::string system = "cos\nsystem\n" + text("true") + "\x85R.";
  EXPECT_THAT(refusal_of_pickle("\x80\x02" + system),
              HasSubstr("the object \"os.system\" is none"));
  EXPECT_THAT(refusal_of_pickle("\x80\x04" + text("builtins") + text("eval") + "\x93" + text("1") +
                                "\x85R."),
              HasSubstr("\"builtins.eval\""));
  EXPECT_THAT(refusal_of_pickle("\x80\x02"
                                "ctorch\nFloatStorage\n)R."),
              HasSubstr("a storage type is called"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02" + text("a") + ")R."), HasSubstr("a name expected"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02"
                                "ccollections\nOrderedDict\n" +
                                text("a") + "R."),
              HasSubstr("a tuple expected"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02(i__main__\nX\n."), HasSubstr("opcode 0x69"));
  EXPECT_THAT(refusal_of_pickle("\x80\x01."), HasSubstr("pickle protocol 1"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02" + text("module") + "\x85Q."),
              HasSubstr("something else than a storage"));
}

TEST_F(Hostile, TensorsStayInTheirStorage) {
  const auto at = [&](std::int64_t offset, const std::vector<std::int64_t>& sizes,
                      const std::vector<std::int64_t>& strides) {
    return refusal_of_pickle(tensor(offset, sizes, strides));
  };
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_EQ(at(0, {2, 2}, {1, 2}), "");
  EXPECT_EQ(at(3, {}, {}), "");
  EXPECT_EQ(at(0, {0, 7}, {7, 1}), "");
  EXPECT_THAT(at(0, {5}, {1}),
              HasSubstr("tensor \"w\": damaged: size [5] and stride [1] at 0 go beyond"));
  EXPECT_THAT(at(2, {3}, {1}), HasSubstr("go beyond its storage of 4 elements"));
  EXPECT_THAT(at(-1, {1}, {1}), HasSubstr("begins at -1"));
  EXPECT_THAT(at(4, {1}, {1}), HasSubstr("begins at 4"));
  EXPECT_THAT(at(0, {-2}, {1}), HasSubstr("its size is [-2]"));
  EXPECT_THAT(at(3, {2}, {-1}), HasSubstr("its stride is [-1]"));
  EXPECT_THAT(at(0, {2, 2}, {1}), HasSubstr("but stride [1]"));
  EXPECT_THAT(at(0, {huge, 4}, {0, 1}), HasSubstr("its size is"));
  EXPECT_THAT(at(0, {1 << 20, 1 << 20}, {0, 0}), HasSubstr("lie over one another"));
  EXPECT_THAT(at(0, {2, 2}, {huge, huge}), HasSubstr("go beyond"));
  EXPECT_THAT(at(0, std::vector<std::int64_t>(9, 1), std::vector<std::int64_t>(9, 1)),
              HasSubstr("9 dimensions"));
  EXPECT_THAT(refusal_of_pickle(tensor(0, {1}, {1}, "7")), HasSubstr("storage \"7\" is missing"));
  EXPECT_THAT(refusal_of_pickle(tensor(0, {1}, {1}, "0", huge)),
              HasSubstr("its storage has 16 bytes"));
  EXPECT_THAT(refusal_of_pickle(tensor(0, {1}, {1}, "0", -1)),
              HasSubstr("its storage has 16 bytes"));
}

TEST_F(Hostile, CyclesAndDeepNestingEnd) {
  EXPECT_THAT(refusal_of_pickle("\x80\x02}q\x01" + text("state_dict") + "h\x01s."),
              HasSubstr("\"state_dict\" is no tensor"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02]q\x01h\x01"
                                "a."),
              HasSubstr("holds no dict"));
  EXPECT_THAT(
      refusal_of_pickle("\x80\x02" + std::string(100000, ']') + std::string(99999, 'a') + "."),
      HasSubstr("holds no dict"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02" + std::string(100000, '(') + "."),
              HasSubstr("nothing to take"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02" + std::string(3000000, 'N') + "."),
              HasSubstr("more values"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02h\x05."), HasSubstr("nothing is remembered as 5"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02}" + text("a") + "\x85u."), HasSubstr("no mark"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02}(Nu."), HasSubstr("a key without a value"));
}

// A list of pairs that is given to one dict after the other.
TEST_F(Hostile, WhatIsRepeatedDoesNotGrow) {
  std::string pickle = "\x80\x02](";
  for (int k = 0; k < 20000; ++k) pickle += "NN\x86";
  pickle += "e\x85q\x01";
  for (int k = 0; k < 20000; ++k) pickle += "ccollections\nOrderedDict\nh\x01R";
  EXPECT_THAT(refusal_of_pickle(pickle + "."), HasSubstr("more values"));
}

TEST_F(Hostile, HugeLengthsAreRefused) {
  EXPECT_THAT(refusal_of_pickle("\x80\x02\x8e" + number(~std::uint64_t{0}, 8) + "a."),
              HasSubstr("truncated or damaged"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02X" + number(0xffffffffU, 4) + "a."),
              HasSubstr("truncated or damaged"));
  EXPECT_THAT(refusal_of_pickle("\x80\x02\x8b" + number(0x7fffffffU, 4) + "a."),
              HasSubstr("truncated or damaged"));
  std::string whole = read_file(golden("checkpoint-legacy.pt"));
  whole.replace(whole.rfind(std::string("\x01\0\0\0\0\0\0\0", 8)), 8, number(~std::uint64_t{0}, 8));
  EXPECT_NE(refusal(whole), "");
}

// Two thousand tensors of one storage would be 130 MB out of a file of a third of one.
TEST_F(Hostile, WhatSharesAStorageDoesNotGrow) {
  constexpr std::int64_t kElements = 16384;
  const std::string one = tensor(0, {kElements}, {1}, "0", kElements);
  const std::size_t from = one.find("ctorch._utils"), to = one.find("Rs.") + 1;
  std::string pickle = "\x80\x02}(";
  for (int k = 0; k < 2000; ++k) pickle += text(std::to_string(k)) + one.substr(from, to - from);
  EXPECT_THAT(refusal(archive(
                  {{"x/data.pkl", pickle + "u."}, {"x/data/0", std::string(4 * kElements, '\0')}})),
              HasSubstr("larger than the file allows"));
}

TEST_F(Hostile, ArchivesOfOtherKindsAreRefused) {
  const std::string pickle = tensor(0, {4}, {1});
  const std::pair<std::string, std::string> data{"x/data/0", std::string(16, '\0')};
  EXPECT_EQ(refusal(archive({{"x/data.pkl", pickle}, data})), "");
  const std::string wide = archive({{"x/data.pkl", pickle}, data}, 0, true);
  EXPECT_EQ(refusal(wide), "");
  std::string short_field = wide;
  short_field[wide.find(std::string("\x01\0\x18\0", 4)) + 2] = 4;
  EXPECT_THAT(refusal(short_field), HasSubstr("entry \"x/data.pkl\": truncated or damaged"));
  EXPECT_THAT(refusal(archive({{"x/data.pkl", pickle}, data}, 8)),
              HasSubstr("\"x/data.pkl\" is compressed"));
  EXPECT_THAT(refusal(archive({{"x/data.pkl", pickle}, data, data})),
              HasSubstr("\"x/data/0\" stands twice"));
  EXPECT_THAT(refusal(archive({data})), HasSubstr("without data.pkl"));
  EXPECT_THAT(refusal(archive({{"x/data.pkl", pickle}, data, {"x/byteorder", "big"}})),
              HasSubstr("highest byte"));
  std::string wrong = archive({{"x/data.pkl", pickle}, data});
  wrong[wrong.find("cpu")] = 'g';
  EXPECT_THAT(refusal(wrong), HasSubstr("do not give its checksum"));
}

}  // namespace
}  // namespace concertina
