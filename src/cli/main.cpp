#include <string>
#include <vector>

#include "commands/commands.h"
#include "start.h"

int main(int count, char** values) {
  concertina::cli::prepare_process();
  return concertina::cli::run_program(std::vector<std::string>(values + 1, values + count));
}
