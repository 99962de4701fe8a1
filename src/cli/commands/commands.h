// Every command of the program, one file each.
#pragma once

#include <string>
#include <vector>

#include "options/options.h"

namespace concertina::cli {

Command train_command();
Command resume_command();
Command compare_command();
Command import_command();
Command eval_command();
Command calibrate_command();
Command sweep_command();
Command search_command();
Command select_command();
Command export_command();
Command inspect_command();
Command list_command();
Command show_command();
Command bench_step_command();
Command bench_latency_command();
Command completion_command();
Command man_command();

const std::vector<Command>& commands();

// Says in one line what the program is for, and how to begin.
extern const char* const kProgramSummary;
extern const std::vector<std::string> kProgramExample;

// The text that `concertina man` prints.
std::string man_page();

// The whole program but its set-up: gives the exit code, and reports errors on standard error.
int run_program(const std::vector<std::string>& arguments);

}  // namespace concertina::cli
