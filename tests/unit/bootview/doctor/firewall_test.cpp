// If these fail, the doctor opens a firewall that is open, or sees none that is closed. The rules
// as nft 1.0.6 prints them.
#include "bootview/doctor/firewall.h"

#include <gtest/gtest.h>

#include <string>

namespace bootview::doctor {
namespace {

const Packet tftp{"udp", 69, false, "eth0"};
const Packet nbd{"tcp", 10809, false, "eth0"};

std::string chain(const std::string& policy, const std::string& family = "inet") {
    return R"({"chain":{"family":")" + family +
           R"(","table":"filter","name":"input","type":"filter","hook":"input","prio":0,"policy":")" +
           policy + R"("}})";
}
std::string rule(const std::string& expressions, const std::string& in = "input") {
    return R"({"rule":{"family":"inet","table":"filter","chain":")" + in + R"(","expr":[)" +
           expressions + "]}}";
}
std::string match(const std::string& left, const std::string& right, const std::string& op = "==") {
    return R"({"match":{"op":")" + op + R"(","left":)" + left + R"(,"right":)" + right + "}}";
}
const std::string udp_port = R"({"payload":{"protocol":"udp","field":"dport"}})";
const std::string tcp_port = R"({"payload":{"protocol":"tcp","field":"dport"}})";
const std::string accepts = R"({"accept":null})";
const std::string drops = R"({"drop":null})";

template<typename... Items>
Judgement judged(const Packet& packet, const Items&... items) {
    std::string text = R"({"nftables":[{"metainfo":{"version":"1.0.6"}})";
    ((text += "," + items), ...);
    return judge(text + "]}", packet);
}

TEST(Firewall, WithoutRulesLetsEverybodyIn) {
    EXPECT_EQ(judged(tftp).verdict, Verdict::accept);
    EXPECT_EQ(judged(tftp, chain("accept")).verdict, Verdict::accept);
    EXPECT_EQ(judged(tftp, chain("drop", "ip6")).verdict, Verdict::accept);
}

TEST(Firewall, ThatDropsNamesItsChain) {
    const Judgement judgement = judged(tftp, chain("drop"));
    EXPECT_EQ(judgement.verdict, Verdict::drop);
    EXPECT_EQ(judgement.chain, "inet filter input");
}

TEST(Firewall, ChoosesByPortAndProtocol) {
    const auto allowed = [](const std::string& left, const std::string& right, const Packet& packet,
                            const std::string& op = "==") {
        return judged(packet, chain("drop"), rule(match(left, right, op) + "," + accepts))
                   .verdict == Verdict::accept;
    };
    EXPECT_TRUE(allowed(udp_port, "69", tftp));
    EXPECT_FALSE(allowed(udp_port, "70", tftp));
    EXPECT_FALSE(allowed(tcp_port, "69", tftp));
    EXPECT_TRUE(allowed(udp_port, R"({"set":[53,{"range":[60,70]}]})", tftp));
    EXPECT_FALSE(allowed(udp_port, R"({"range":[60,68]})", tftp));
    EXPECT_TRUE(allowed(udp_port, "70", tftp, "!="));
    EXPECT_TRUE(allowed(R"({"meta":{"key":"l4proto"}})", R"({"set":["tcp","udp"]})", tftp));
    EXPECT_TRUE(allowed(R"({"payload":{"protocol":"ip","field":"protocol"}})", R"("tcp")", nbd));
    EXPECT_TRUE(allowed(R"({"meta":{"key":"iifname"}})", R"("eth*")", tftp));
    EXPECT_FALSE(allowed(R"({"meta":{"key":"iifname"}})", R"("lo")", tftp));
    EXPECT_FALSE(allowed(R"({"ct":{"key":"state"}})", R"(["established","related"])", tftp, "in"));
    EXPECT_TRUE(allowed(R"({"ct":{"key":"state"}})", R"(["established","related"])",
                        Packet{"udp", 50000, true, "eth0"}, "in"));
}

TEST(Firewall, FollowsSetsMapsAndOtherChains) {
    const std::string set =
        R"({"set":{"family":"inet","table":"filter","name":"ports","elem":[69]}})";
    EXPECT_EQ(judged(tftp, set, chain("drop"), rule(match(udp_port, R"("@ports")") + "," + accepts))
                  .verdict,
              Verdict::accept);
    const std::string other = R"({"chain":{"family":"inet","table":"filter","name":"other"}})";
    const std::string jump = R"({"jump":{"target":"other"}})";
    EXPECT_EQ(judged(tftp, chain("accept"), other, rule(jump),
                     rule(match(udp_port, "69") + "," + drops, "other"))
                  .verdict,
              Verdict::drop);
    EXPECT_EQ(judged(nbd, chain("accept"), other, rule(jump),
                     rule(match(udp_port, "69") + "," + drops, "other"))
                  .verdict,
              Verdict::accept);
    const std::string map =
        R"({"vmap":{"key":)" + udp_port +
        R"(,"data":{"set":[[67,{"drop":null}],[69,{"jump":{"target":"other"}}]]}}})";
    EXPECT_EQ(judged(tftp, chain("drop"), other, rule(map), rule(accepts, "other")).verdict,
              Verdict::accept);
    // A chain that jumps to itself, which nft refuses, must not hang us.
    EXPECT_EQ(judged(tftp, chain("drop"), other, rule(jump), rule(jump, "other")).verdict,
              Verdict::drop);
}

TEST(Firewall, SaysWhatItDoesNotKnow) {
    const std::string source = match(R"({"payload":{"protocol":"ip","field":"saddr"}})",
                                     R"({"prefix":{"addr":"192.168.0.0","len":16}})");
    EXPECT_EQ(judged(tftp, chain("drop"), rule(source + "," + accepts)).verdict, Verdict::depends);
    EXPECT_EQ(judged(tftp, chain("accept"), rule(source + "," + drops)).verdict, Verdict::depends);
    EXPECT_EQ(
        judged(tftp, chain("drop"), rule(R"({"xt":{"type":"match","name":"udp"}},)" + accepts))
            .verdict,
        Verdict::depends);
    EXPECT_EQ(judged(tftp, chain("drop"), rule(source + "," + accepts), rule(accepts)).verdict,
              Verdict::accept);
    EXPECT_THROW(judge("no JSON", tftp), std::exception);
    EXPECT_THROW(judge("{}", tftp), std::exception);
}

} // namespace
} // namespace bootview::doctor
