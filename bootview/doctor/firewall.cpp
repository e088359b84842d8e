#include "bootview/doctor/firewall.h"

#include "bootview/paths.h"
#include "bootview/run_command.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bootview::doctor {

namespace {

using Json = nlohmann::json;

enum class Match { no, yes, unknown };

// What a rule, or a chain of them, makes of the packet.
enum class Outcome { next, accept, drop, leave }; // leave: return to the chain before

struct Chain {
    Json head;
    std::vector<Json> rules;
};

class Ruleset {
public:
    explicit Ruleset(std::string_view text) {
        const Json whole = Json::parse(text);
        for (const Json& item : whole.at("nftables")) {
            if (const auto chain = item.find("chain"); chain != item.end())
                chains_[key(*chain, "name")].head = *chain;
            if (const auto rule = item.find("rule"); rule != item.end())
                chains_[key(*rule, "chain")].rules.push_back(*rule);
            if (const auto set = item.find("set"); set != item.end())
                sets_[key(*set, "name")] = *set;
        }
    }

    Judgement judge(const Packet& packet) const {
        std::vector<const Chain*> base;
        for (const auto& [name, chain] : chains_) {
            const std::string family = chain.head.value("family", "");
            const std::string hook = chain.head.value("hook", "");
            if ((family == "ip" || family == "inet") && (hook == "input" || hook == "prerouting") &&
                chain.head.value("type", "") == "filter")
                base.push_back(&chain);
        }
        std::stable_sort(base.begin(), base.end(), [](const Chain* a, const Chain* b) {
            return std::pair{a->head.value("hook", "") == "input", a->head.value("prio", 0)} <
                   std::pair{b->head.value("hook", "") == "input", b->head.value("prio", 0)};
        });
        Judgement result;
        for (const Chain* chain : base) {
            Walk walk{packet, false, false, 0};
            Outcome outcome = follow(*chain, walk);
            if (outcome != Outcome::accept && outcome != Outcome::drop)
                outcome = chain->head.value("policy", "accept") == "drop" ? Outcome::drop
                                                                          : Outcome::accept;
            const bool in_doubt =
                outcome == Outcome::drop ? walk.maybe_accepted : walk.maybe_dropped;
            if (in_doubt)
                result.verdict = Verdict::depends;
            if (outcome == Outcome::drop && !in_doubt)
                return {Verdict::drop,
                        fmt::format("{} {} {}", chain->head.value("family", ""),
                                    chain->head.value("table", ""), chain->head.value("name", "")),
                        manager_of(*chain)};
        }
        return result;
    }

private:
    struct Walk {
        const Packet& packet;
        bool maybe_accepted;
        bool maybe_dropped;
        int depth;
    };

    static std::string key(const Json& item, const char* name) {
        return fmt::format("{} {} {}", item.value("family", ""), item.value("table", ""),
                           item.value(name, ""));
    }

    std::string manager_of(const Chain& chain) const {
        if (chain.head.value("table", "") == "firewalld")
            return "firewalld";
        const bool is_ufw = std::any_of(chains_.begin(), chains_.end(), [](const auto& named) {
            return named.second.head.value("name", "").starts_with("ufw-");
        });
        return is_ufw ? "ufw" : "";
    }

    Outcome follow(const Chain& chain, Walk& walk) const {
        constexpr int deepest = 32; // nft itself allows 16
        if (++walk.depth > deepest)
            return Outcome::next;
        Outcome outcome = Outcome::next;
        for (const Json& rule : chain.rules)
            if (outcome = apply(rule, walk); outcome != Outcome::next)
                break;
        --walk.depth;
        return outcome == Outcome::leave ? Outcome::next : outcome;
    }

    Outcome apply(const Json& rule, Walk& walk) const {
        bool certain = true;
        for (const Json& expression : rule.value("expr", Json::array())) {
            if (!expression.is_object() || expression.empty())
                continue;
            const std::string& kind = expression.begin().key();
            const Json& value = expression.begin().value();
            if (kind == "match") {
                const Match match = matches(rule, value, walk.packet);
                if (match == Match::no)
                    return Outcome::next;
                certain = certain && match == Match::yes;
            } else if (kind == "vmap") {
                return apply_map(rule, value, walk, certain);
            } else if (kind == "limit" || kind == "quota" || kind == "xt" || kind == "connlimit") {
                certain = false;
            } else if (const auto outcome = apply_verdict(rule, kind, value, walk, certain)) {
                return *outcome;
            }
        }
        return Outcome::next;
    }

    // Nothing: it is no verdict, so the rule goes on.
    std::optional<Outcome> apply_verdict(const Json& rule, const std::string& kind,
                                         const Json& value, Walk& walk, bool certain) const {
        if (kind == "accept" || kind == "drop" || kind == "reject") {
            const bool accepts = kind == "accept";
            if (certain)
                return accepts ? Outcome::accept : Outcome::drop;
            (accepts ? walk.maybe_accepted : walk.maybe_dropped) = true;
            return Outcome::next;
        }
        if (kind == "return")
            return certain ? Outcome::leave : Outcome::next;
        if (kind != "jump" && kind != "goto")
            return std::nullopt;
        const auto target =
            chains_.find(fmt::format("{} {} {}", rule.value("family", ""), rule.value("table", ""),
                                     value.value("target", "")));
        if (target == chains_.end())
            return Outcome::next;
        const Outcome outcome = follow(target->second, walk);
        if (outcome == Outcome::accept || outcome == Outcome::drop) {
            if (certain)
                return outcome;
            (outcome == Outcome::accept ? walk.maybe_accepted : walk.maybe_dropped) = true;
        }
        return kind == "goto" && certain ? Outcome::leave : Outcome::next;
    }

    // A verdict map: the first key that the packet has.
    Outcome apply_map(const Json& rule, const Json& map, Walk& walk, bool certain) const {
        const Json data = map.value("data", Json());
        const Json pairs = data.is_object() ? data.value("set", Json::array()) : Json::array();
        for (const Json& pair : pairs) {
            if (!pair.is_array() || pair.size() != 2 || !pair[1].is_object() || pair[1].empty())
                continue;
            const Match match = compare(rule, map.value("key", Json()), pair[0], walk.packet);
            if (match == Match::no)
                continue;
            const auto outcome = apply_verdict(rule, pair[1].begin().key(), pair[1].begin().value(),
                                               walk, certain && match == Match::yes);
            if (outcome && *outcome != Outcome::next)
                return *outcome;
        }
        return Outcome::next;
    }

    Match matches(const Json& rule, const Json& match, const Packet& packet) const {
        const std::string op = match.value("op", "==");
        const Match result =
            compare(rule, match.value("left", Json()), match.value("right", Json()), packet);
        if (op == "==" || op == "in")
            return result;
        if (op != "!=" || result == Match::unknown)
            return Match::unknown;
        return result == Match::yes ? Match::no : Match::yes;
    }

    Match compare(const Json& rule, const Json& left, const Json& right,
                  const Packet& packet) const {
        if (!left.is_object() || left.empty())
            return Match::unknown;
        const std::string& kind = left.begin().key();
        const Json& what = left.begin().value();
        if (kind == "payload") {
            const std::string protocol = what.value("protocol", "");
            const std::string field = what.value("field", "");
            if (protocol == "ip6" || protocol == "icmpv6" || protocol == "icmp")
                return Match::no;
            if (protocol == "ip" && field == "protocol")
                return is_one_of(rule, right, packet.protocol);
            if ((protocol == "tcp" || protocol == "udp" || protocol == "sctp" ||
                 protocol == "dccp") &&
                protocol != packet.protocol)
                return Match::no;
            if ((protocol == packet.protocol || protocol == "th") && field == "dport")
                return is_one_of(rule, right, packet.port);
            return Match::unknown;
        }
        if (kind == "meta") {
            const std::string meta = what.value("key", "");
            if (meta == "l4proto")
                return is_one_of(rule, right, packet.protocol);
            if (meta == "nfproto")
                return is_one_of(rule, right, "ipv4");
            if (meta == "protocol")
                return is_one_of(rule, right, "ip");
            if (meta == "iifname" || meta == "iif")
                return packet.interface.empty() && right != "lo"
                           ? Match::unknown
                           : is_one_of(rule, right, packet.interface);
            return Match::unknown;
        }
        if (kind == "ct" && what.value("key", "") == "state")
            return is_one_of(rule, right, packet.established ? "established" : "new");
        return Match::unknown;
    }

    // Is the value the right side of a comparison, or in it?
    Match is_one_of(const Json& rule, const Json& right, const Json& value) const {
        if (right.is_array() || (right.is_object() && right.contains("set"))) {
            bool in_doubt = false;
            for (const Json& element : right.is_array() ? right : right.at("set")) {
                const Match match = is_one_of(rule, element, value);
                if (match == Match::yes)
                    return match;
                in_doubt = in_doubt || match == Match::unknown;
            }
            return in_doubt ? Match::unknown : Match::no;
        }
        if (right.is_object() && right.contains("range")) {
            const Json& range = right.at("range");
            if (!value.is_number() || range.size() != 2 || !range[0].is_number() ||
                !range[1].is_number())
                return Match::unknown;
            return range[0] <= value && value <= range[1] ? Match::yes : Match::no;
        }
        if (right.is_object() && right.contains("elem")) // with a counter or a comment
            return is_one_of(rule, right.at("elem").value("val", Json()), value);
        if (right.is_string()) {
            const auto text = right.get<std::string>();
            if (text.starts_with('@')) {
                const auto set = sets_.find(fmt::format("{} {} {}", rule.value("family", ""),
                                                        rule.value("table", ""), text.substr(1)));
                return set == sets_.end()
                           ? Match::unknown
                           : is_one_of(rule, set->second.value("elem", Json::array()), value);
            }
            if (!value.is_string())
                return Match::unknown;
            if (text.ends_with('*'))
                return value.get<std::string>().starts_with(text.substr(0, text.size() - 1))
                           ? Match::yes
                           : Match::no;
            return value == right ? Match::yes : Match::no;
        }
        return right.is_number() && value.is_number() ? (right == value ? Match::yes : Match::no)
                                                      : Match::unknown;
    }

    std::map<std::string, Chain> chains_; // by "FAMILY TABLE NAME"
    std::map<std::string, Json> sets_;
};

struct Service {
    const char* id;
    std::string what;
    Packet packet;
    std::string rule; // that lets it in
};

std::string fix_for(const Judgement& judgement, const Service& service) {
    const std::string port = fmt::format("{}/{}", service.packet.port, service.packet.protocol);
    if (!service.packet.established && judgement.manager == "firewalld")
        return fmt::format("firewall-cmd --add-port={}", port);
    if (!service.packet.established && judgement.manager == "ufw")
        return fmt::format("ufw allow {}", port);
    return fmt::format("nft insert rule {} {} accept", judgement.chain, service.rule);
}

std::vector<Service> services_of(const FirewallQuestion& question) {
    const auto packet = [&](const char* protocol, std::uint16_t port, bool established = false) {
        return Packet{protocol, port, established, question.interface};
    };
    std::vector<Service> services{
        {"firewall-drops-nbd", fmt::format("NBD port {}", question.nbd_port),
         packet("tcp", question.nbd_port), fmt::format("tcp dport {}", question.nbd_port)},
        {"firewall-drops-tftp", fmt::format("TFTP port {}", question.tftp_port),
         packet("udp", question.tftp_port), fmt::format("udp dport {}", question.tftp_port)},
        // RFC 1350 §4: what a client acknowledges goes to a port that is another for each transfer.
        {"firewall-drops-tftp-transfers", "TFTP transfers", packet("udp", 50000, true),
         "ct state established,related"}};
    if (question.dhcp_proxy)
        for (const std::uint16_t port : {std::uint16_t{67}, std::uint16_t{4011}})
            services.push_back({"firewall-drops-dhcp", fmt::format("DHCP proxy port {}", port),
                                packet("udp", port), fmt::format("udp dport {}", port)});
    return services;
}

Finding dropped(const Service& service, const Judgement& judgement) {
    return {Severity::failure, service.id, service.what,
            fmt::format("the firewall drops it (chain {})", judgement.chain),
            fix_for(judgement, service)};
}

} // namespace

Judgement judge(std::string_view ruleset, const Packet& packet) {
    return Ruleset{ruleset}.judge(packet);
}

void check_firewall(const FirewallQuestion& question, Findings& findings) {
    if (!find_in_path("nft", search_path_of_environment())) {
        findings.not_checked("firewall-unread", "firewall",
                             "nft is not installed, so its rules can't be read",
                             "apt install nftables");
        return;
    }
    const CommandResult rules = run_command({"nft", "-j", "list", "ruleset"});
    if (rules.status != 0) {
        findings.not_checked("firewall-unread", "firewall",
                             question.root ? "its rules can't be read: " +
                                                 rules.errors.substr(0, rules.errors.find('\n'))
                                           : "only root may read its rules",
                             question.root ? "" : "sudo bootview doctor");
        return;
    }
    bool all_in = true;
    try {
        for (const Service& service : services_of(question)) {
            const Judgement judgement = judge(rules.output, service.packet);
            all_in = all_in && judgement.verdict == Verdict::accept;
            if (judgement.verdict == Verdict::drop)
                findings.add(dropped(service, judgement));
            else if (judgement.verdict == Verdict::depends)
                findings.not_checked("firewall-depends", service.what,
                                     "the firewall lets in some of it, by rules that can't be "
                                     "judged from here",
                                     "nft list ruleset");
        }
    } catch (const std::exception&) {
        findings.not_checked("firewall-unread", "firewall",
                             "nft prints its rules in a way that is not understood",
                             "nft list ruleset");
        return;
    }
    if (all_in)
        findings.fine("firewall", "firewall", "lets clients in");
}

std::optional<Finding> find_shut_port(const std::vector<std::string>& interfaces,
                                      FirewallQuestion question) {
    if (interfaces.empty() || !find_in_path("nft", search_path_of_environment()))
        return std::nullopt;
    const CommandResult rules =
        run_command({"nft", "-j", "list", "ruleset"}, std::chrono::seconds(5));
    if (rules.status != 0)
        return std::nullopt;
    try {
        for (std::size_t i = 0; i < services_of(question).size(); ++i) {
            std::optional<Finding> shut;
            for (const std::string& interface : interfaces) {
                question.interface = interface;
                const Service service = services_of(question).at(i);
                const Judgement judgement = judge(rules.output, service.packet);
                if (judgement.verdict != Verdict::drop) {
                    shut.reset();
                    break;
                }
                shut = dropped(service, judgement);
            }
            if (shut)
                return shut;
        }
    } catch (const std::exception&) { // not understood, so nothing is certain
    }
    return std::nullopt;
}

} // namespace bootview::doctor
