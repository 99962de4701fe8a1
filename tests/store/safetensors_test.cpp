// Safetensors files that are not as the format says.
#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/store/state_dict.h"

#include "store/run_state.h"

namespace concertina {
namespace {

using testing::HasSubstr;

std::string safetensors(const std::string& header, const std::string& values) {
  std::string bytes;
  for (std::size_t k = 0; k < 8; ++k) bytes += static_cast<char>(header.size() >> 8 * k & 0xffU);
  return bytes + header + values;
}

TEST(Safetensors, HaveNoHolesAndNoOverlaps) {
  const auto with = [&](const std::string& header) {
    return store_test::message_of<DataError>(
        [&] { parse_state_dict(safetensors(header, std::string(8, '\0')), "x"); });
  };
  const auto entry = [](const std::string& shape, const std::string& offsets,
                        const std::string& type = "F32") {
    return "{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  };
  EXPECT_EQ(with("{\"a\":" + entry("[2]", "[0,8]") + "}"), "");
  EXPECT_EQ(with("{\"a\":" + entry("[]", "[4,8]") + ",\"b\":" + entry("[1]", "[0,4]") + "}"), "");
  EXPECT_THAT(with("{\"a\":" + entry("[1]", "[4,8]") + "}"),
              HasSubstr("\"a\": damaged: its values are at 4 to 8; expected 0 to 4"));
  EXPECT_THAT(with("{\"a\":" + entry("[1]", "[0,4]") + "}"),
              HasSubstr("8 bytes of values found, 4 expected"));
  EXPECT_THAT(with("{\"a\":" + entry("[2]", "[0,8]") + ",\"b\":" + entry("[1]", "[4,8]") + "}"),
              HasSubstr("tensor \"b\""));
  EXPECT_THAT(with("{\"a\":" + entry("[2]", "[8,0]") + "}"), HasSubstr("its values are at 8 to 0"));
  EXPECT_THAT(with("{\"a\":" + entry("[-2]", "[0,8]") + "}"), HasSubstr("its size is [-2]"));
  EXPECT_THAT(with("{\"a\":" + entry("[1099511627776,1099511627776]", "[0,8]") + "}"),
              HasSubstr("its size is"));
  EXPECT_THAT(with("{\"a\":" + entry("[2]", "[0,8,9]") + "}"), HasSubstr("are not two numbers"));
  EXPECT_THAT(with("{\"a\":" + entry("[2]", "[0,-8]") + "}"), HasSubstr("are not two numbers"));
  EXPECT_THAT(with("{\"a\":" + entry("[2]", "[0,8]", "F8") + "}"),
              HasSubstr("dtype \"F8\" is not read"));
  EXPECT_THAT(with("{\"a\":" + entry("[2]", "[0,8]") + ",\"a\":" + entry("[2]", "[0,8]") + "}"),
              HasSubstr("two tensors named \"a\""));
  EXPECT_THAT(with("{\"a\":{}}"), HasSubstr("tensor \"a\": damaged"));
  EXPECT_THAT(with("{\"a\":[[[[[[1]]]]]]}"), HasSubstr("nested too deep"));
  EXPECT_THAT(with("{\"a\""), HasSubstr("damaged header"));
  EXPECT_THAT(with("{}"), HasSubstr("holds no tensor"));
  EXPECT_THAT(with("{\"__metadata__\":{\"a\":1}}"), HasSubstr("__metadata__ \"a\" is no text"));
}

}  // namespace
}  // namespace concertina
