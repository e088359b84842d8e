// Does the firewall let clients in? Reads nftables' rules, as `nft -j list ruleset` prints them
// (libnftables-json(5)). Those of iptables are among them, where it is the one that writes nft's.
//
// Pure but for check_firewall(). IPv4 alone, which is what firmware boots by.
#pragma once

#include "bootview/doctor/finding.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

// A packet as far as a rule may ask for it.
struct Packet {
    std::string protocol; // "udp", "tcp"
    std::uint16_t port = 0;
    bool established = false; // conntrack knows the connection; false: its first packet
    std::string interface;    // that it comes in by; empty: not known
};

enum class Verdict {
    accept,
    drop,
    depends, // on what the packet above does not say, or on rules that can't be judged
};

struct Judgement {
    Verdict verdict = Verdict::accept;
    // The base chain that drops it, as nft(8) wants it: "inet filter input". Empty otherwise.
    std::string chain;
    std::string manager; // who writes it: "firewalld", "ufw", or empty
};

// Throws std::exception for what is no such text.
Judgement judge(std::string_view ruleset, const Packet& packet);

struct FirewallQuestion {
    std::string interface;
    std::uint16_t nbd_port = 0;
    std::uint16_t tftp_port = 0;
    bool dhcp_proxy = false;
    bool root = false;
};
void check_firewall(const FirewallQuestion& question, Findings& findings);

// For `serve`: what is dropped on each of these interfaces, so that it is certain that no client
// gets through. Nothing where that is not so, or can't be known.
std::optional<Finding> find_shut_port(const std::vector<std::string>& interfaces,
                                      FirewallQuestion question);

} // namespace bootview::doctor
