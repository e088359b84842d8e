// What is to be served: one image, or each of a directory.
#pragma once

#include "bootview/doctor/boot_files.h"
#include "bootview/doctor/finding.h"
#include "fuse-fatimg/view/layout.h"

#include <chrono>
#include <string>
#include <vector>

namespace bootview::doctor {

// What of fuse-fatimg's options decides which files there are: partition=N, partition=all.
view::PartitionChoice partition_choice(const std::vector<std::string>& view_options);

// `patience`: a further image of a directory is begun only within it; how many were left out is a
// finding. Zero: all of them.
void check_source(const std::string& source, Served served, const view::PartitionChoice& choice,
                  std::chrono::milliseconds patience, Findings& findings);

} // namespace bootview::doctor
