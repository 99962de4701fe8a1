#include "options/named_net.h"

#include "concertina/nets/catalog.h"

namespace concertina::cli {

std::vector<Option> named_net_options(const std::string& when) {
  return {list_option("net-option", "K=V", when + "an option of it"),
          integer_option("classes", {1, 1000000}, when + "classes", "10"),
          integer_option("channels", {1, 1024}, when + "image channels", "3"),
          integer_option("size", {1, 4096}, when + "image height and width, pixels", "32")};
}

NetSpec named_net(const Options& options) {
  NetInput input;
  input.classes = static_cast<int>(options.integer("classes"));
  input.channels = static_cast<int>(options.integer("channels"));
  input.height = input.width = static_cast<int>(options.integer("size"));
  return make_net(options.text("net"), input, options.list("net-option"));
}

}  // namespace concertina::cli
