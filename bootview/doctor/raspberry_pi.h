// What a Raspberry Pi takes from its boot partition, and where it goes wrong without a word.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/doctor/image.h"

#include <string_view>

namespace bootview::doctor {

// An image without config.txt is none of a Pi, and nothing is said.
void check_raspberry_pi(const OpenImage& image, Findings& findings);

// Of the text of cmdline.txt: does it go on behind its first line, which is all that counts?
bool has_more_than_one_line(std::string_view cmdline);

} // namespace bootview::doctor
