#include "bootview/doctor/client_files.h"

#include "bootview/doctor/tftp_get.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace bootview::doctor {

namespace {

// RFC 1350 §5. The second is what a directory is answered with.
constexpr std::uint16_t file_not_found = 1;
constexpr std::uint16_t access_violation = 2;

} // namespace

const std::string* ClientFiles::get(const std::string& name) {
    const auto [known, is_new] = fetched_.try_emplace(name);
    if (!is_new)
        return known->second ? &*known->second : nullptr;
    if (stopped_)
        return nullptr;
    TftpResult result = tftp_get(server_, port_, below_ + name);
    switch (result.outcome) {
    case TftpOutcome::complete:
        findings_.fine("client-tftp", name,
                       fmt::format("{} bytes in {:.1f} ms", result.content.size(),
                                   std::chrono::duration<double, std::milli>(result.time).count()));
        known->second = std::move(result.content);
        return &*known->second;
    case TftpOutcome::refused:
        if (result.error != file_not_found) // half of what firmware asks for is not there
            findings_.warn("client-tftp-refused", name, fmt::format("refused: {}", result.reason),
                           {});
        return nullptr;
    case TftpOutcome::no_server:
    case TftpOutcome::silent:
        stopped_ = true;
        findings_.fail("client-no-tftp-server", fmt::format("{}:{}", server_.in_uri(), port_),
                       result.outcome == TftpOutcome::silent ? "nobody answers by TFTP"
                                                             : "nobody serves TFTP there",
                       "bootview serve IMAGE");
        return nullptr;
    }
    return nullptr;
}

bool ClientFiles::enter_own_root(const dhcp::Mac& mac) {
    const std::string directory = mac.to_string('-') + "/";
    const auto result = tftp_get(server_, port_, directory + ".");
    if (result.outcome != TftpOutcome::refused || result.error != access_violation)
        return false;
    below_ = directory;
    return true;
}

} // namespace bootview::doctor
