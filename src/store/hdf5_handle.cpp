#include "hdf5_handle.h"

#include <algorithm>

namespace concertina::h5 {
namespace {

// The walk begins at the innermost line, and any value but 0 ends it.
herr_t take_first(unsigned, const H5E_error2_t* error, void* text) {
  if (error->desc == nullptr) return 0;
  *static_cast<std::string*>(text) = error->desc;
  return 1;
}

// The innermost line of libhdf5's error stack: the reason, not the way to it.
std::string reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &text);
  return text.empty() ? "" : " (" + text + ")";
}

}  // namespace

Handle::Handle(hid_t id, Close close, const std::string& what) : id_(id), close_(close) {
  if (id < 0) throw Fault(what + reason());
}

Handle::~Handle() {
  if (id_ >= 0) close_(id_);
}

void check(herr_t status, const std::string& what) {
  if (status < 0) throw Fault(what + reason());
}

// The stack of errors first: every other call empties it.
Guard::Guard() : errors_(H5Eget_current_stack()) {
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  has_plugins_ = H5PLget_loading_state(&plugins_) >= 0;
  H5PLset_loading_state(0);
}

Guard::~Guard() {
  if (has_plugins_) H5PLset_loading_state(plugins_);
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
  if (errors_ >= 0) H5Eset_current_stack(errors_);  // closes it too
}

Handle string_type(std::size_t size) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "string type");
  check(H5Tset_size(type.get(), std::max<std::size_t>(size, 1)), "string type");
  check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "string type");
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "string type");
  return type;
}

Handle flag_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "flag type");
  const signed char no = 0, yes = 1;
  check(H5Tenum_insert(type.get(), "FALSE", &no), "flag type");
  check(H5Tenum_insert(type.get(), "TRUE", &yes), "flag type");
  return type;
}

}  // namespace concertina::h5
