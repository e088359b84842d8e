// Which version a kernel file is. Pure, but for the unpacking, which is handed in.
#pragma once

#include "bootview/doctor/packing.h"

#include <cstddef>
#include <span>
#include <string>

namespace bootview::doctor {

// "6.1.0-18-amd64". An x86 kernel says it itself (Linux Documentation/arch/x86/boot.rst,
// kernel_version); others have it in their text, packed as a whole (arm64) or behind a program that
// unpacks them (CONFIG_EFI_ZBOOT). Empty where it can't be told.
std::string kernel_version(std::span<const std::byte> bytes, const Unpack& unpack);

} // namespace bootview::doctor
