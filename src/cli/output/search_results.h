// Prints what a search found, as a table or as JSON.
#pragma once

#include "concertina/experiment/search.h"

namespace concertina::cli {

void print_found(const experiment::SearchResult& found, const Budget& budget);
void print_found_json(const experiment::SearchResult& found,
                      const experiment::SearchRequest& request);

}  // namespace concertina::cli
