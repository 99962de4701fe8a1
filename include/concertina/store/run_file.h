// run.h5: the whole state of a run, replaced as a whole. Layout: docs/file-format.md.
// The same state gives the same bytes. Not for: metrics.jsonl (train), sweep.h5
// (store/sweep_file.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/spec/net_spec.h"

namespace concertina {

struct NamedTensor {
  std::string name;  // layer path and parameter: "stage2.1.pointwise.conv/weight"
  at::Tensor value;  // float32, CPU, contiguous
  std::string axes;  // "out,in,height,width", "out,in", "channel"
};
using Tensors = std::vector<NamedTensor>;  // in the net's layer order; each name once

// A sub-model's best checkpoint by validation: an ordinary small net's weights.
struct BestState {
  std::int64_t epoch = 0;
  double accuracy = 0;  // fraction, validation
  double loss = 0;      // nats, validation
  Tensors weights;      // sliced
  Tensors norm;         // names end in /weight /bias /running_mean /running_var
};

struct SubnetState {
  Subnet subnet;
  std::optional<BestState> best;
};

// A frozen copy of a sub-model that teaches: an ordinary small net's weights.
struct SnapshotState {
  std::string node;  // of the plan
  Subnet subnet;
  Tensors weights, norm;  // as in BestState
};

// The norms of one width; its sub-models (exits) share them.
struct NormBank {
  Width width;
  bool calibrated = true;  // false: the statistics mean nothing yet
  Tensors values;          // names end in /weight /bias /running_mean /running_var
};

// One row of /evaluations/table.
struct Evaluation {
  std::int64_t epoch = 0;  // epochs finished
  std::string id;          // subnet_id()
  std::string split;       // "validation" or "test"
  double loss = 0;         // nats
  double accuracy = 0;     // fraction
  std::int64_t macs = 0;
  std::int64_t params = 0;
};

struct Column {
  std::string name;  // "epoch", "loss/w0.500", "lr"
  std::string unit;  // "epochs", "nats", "1"
  std::vector<double> values;
};
using Table = std::vector<Column>;  // columns of equal length

struct Progress {
  std::int64_t epoch = 0;            // epochs finished
  std::int64_t step_in_epoch = 0;    // steps done of the next one
  std::int64_t step = 0;             // steps done in all
  std::vector<double> partial_sums;  // of the unfinished epoch, as the trainer defines them
  double best_score = -1;            // of the family, by the recipe's policy; -1 = none yet
  std::int64_t best_epoch = 0;
  bool finished = false;
};

// What the run was fed, so that it can be fed the same again.
struct DataDescription {
  std::string argument;  // "cifar10:DIR"
  std::int64_t limit = 0;
  std::int64_t train_images = 0, validation_images = 0, test_images = 0;
  std::vector<std::string> classes;
  std::vector<float> mean, deviation;  // normalization, one a channel
  std::string sha256;                  // of all images and labels used
};

struct RunState {
  NetSpec net;
  std::string recipe;  // canonical text
  std::vector<Width> widths;
  DataDescription data;
  Tensors weights;                       // the full network's
  std::vector<NormBank> norms;           // one a width, ascending
  std::vector<SubnetState> submodels;    // all_subnets() order
  Tensors auxiliary_modules;             // what the plan has learned beside the net: "distill/..."
  std::vector<SnapshotState> snapshots;  // those taken so far, in the order of the plan's nodes
  Tensors momentum;                      // optimizer buffers, one for each trained parameter
  std::uint64_t seed = 0;                // with Progress: the whole state of the random numbers
  Progress progress;
  Table train_history, valid_history;
  std::vector<Evaluation> evaluations;
  std::string environment;  // LibTorch version, threads, processor: one line each "key = value"
};

// Throws IoError (the old file stays), and std::invalid_argument when the lists do not fit together
// as said above. Names become paths in the file: none may be empty, or stand for a folder of
// another
// ("loss" beside "loss/w0.500").
void write_run(const std::filesystem::path& file, const RunState& state);
// Throws NoInputError, IoError, DataError (truncated, damaged, wrong kind or version, wrong
// shapes): the message names the file and what was found. libhdf5 sees only bytes whose checksum is
// right.
RunState read_run(const std::filesystem::path& file);
// Like read_run, without the tensors (inspect): weights and momentum are empty, a norm bank keeps
// its width and `calibrated`, a best its epoch, accuracy and loss.
RunState read_run_summary(const std::filesystem::path& file);
// Whether the file begins as run.h5 and the other files of ours do; false when it cannot be read.
bool is_our_file(const std::filesystem::path& file);
// SHA-256 of the file's bytes.
std::string file_sha256(const std::filesystem::path& file);

}  // namespace concertina
