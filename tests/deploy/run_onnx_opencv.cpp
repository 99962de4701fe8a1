// run_onnx_opencv FILE CHANNELS HEIGHT WIDTH < images > logits: what OpenCV makes of an ONNX file.
// A program of its own, so that OpenCV's protobuf and LibTorch's never meet in one process.
#include <exception>
#include <iostream>
#include <iterator>
#include <opencv2/dnn.hpp>
#include <string>

namespace {

void run(cv::dnn::Net& net, const int (&sizes)[4], char* images) {
  net.setInput(cv::Mat(4, sizes, CV_32F, images), "images");
  const cv::Mat logits = net.forward("logits").clone();
  std::cout.write(reinterpret_cast<const char*>(logits.data),
                  static_cast<std::streamsize>(logits.total() * logits.elemSize()));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(arguments[1]);
    std::string bytes(std::istreambuf_iterator<char>(std::cin), {});
    int sizes[4] = {1, std::stoi(arguments[2]), std::stoi(arguments[3]), std::stoi(arguments[4])};
    const std::size_t one =
        sizeof(float) * static_cast<std::size_t>(sizes[1] * sizes[2] * sizes[3]);
    run(net, sizes, bytes.data());
    sizes[0] = static_cast<int>(bytes.size() / one) - 1;
    run(net, sizes, bytes.data() + one);
  } catch (const std::exception& error) {
    std::cerr << "run_onnx_opencv: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
