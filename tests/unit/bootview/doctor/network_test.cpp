// If these fail, the doctor looks at another network than the clients are on.
#include "bootview/doctor/dhcp_probe.h"
#include "bootview/doctor/network.h"
#include "tftp-bridge/dhcp/machine.h"

#include <gtest/gtest.h>

#include <set>

namespace bootview::doctor {
namespace {

constexpr dhcp::Ipv4 own{0x0a4d0002}; // 10.77.0.2
constexpr dhcp::Ipv4 router{0x0a4d0001};
constexpr dhcp::Ipv4 mask{0xffffff00};

Network network() {
    Network network;
    network.interfaces = {{1, "lo", true, false, {{{0x7f000001}, {0xff000000}}}},
                          {2, "eth1", true, true, {{{0xc0a80101}, mask}}},
                          {3, "eth0", true, true, {{own, mask}}}};
    network.default_interface = "eth0";
    return network;
}

DhcpAnswer offer(dhcp::Ipv4 from, dhcp::Ipv4 address, const std::string& file = {}) {
    dhcp::Message message;
    message.operation = dhcp::Operation::reply;
    message.your = address;
    message.server = from;
    message.file = file;
    message.options.push_back({static_cast<dhcp::Code>(1), {255, 255, 255, 0}});
    return {from, message};
}

TEST(Network, IsThatOfTheDefaultRoute) {
    EXPECT_EQ(
        default_interface(
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
            "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
            "eth0\t00000000\t01004D0A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
            "eth0\t00004D0A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"),
        "eth0");
    EXPECT_EQ(default_interface("Iface\n"), "");
    EXPECT_EQ(network().interface()->name, "eth0");
    EXPECT_EQ(network().address(), own);
}

TEST(Network, IsThatOfTheAddressThatIsListenedOn) {
    Network listening = network();
    listening.listen = {"192.168.1.1"};
    EXPECT_EQ(listening.interface()->name, "eth1");
    EXPECT_TRUE(listening.serves_on({0xc0a80101}));
    EXPECT_FALSE(listening.serves_on(own));
    EXPECT_TRUE(network().serves_on(own));
    EXPECT_FALSE(network().serves_on(router));
}

TEST(Network, IsThatOfTheInterfaceThatIsNamed) {
    Network named = network();
    named.wanted = {"eth1"};
    EXPECT_EQ(named.interface()->name, "eth1");
    EXPECT_EQ(named.address()->to_string(), "192.168.1.1");
    EXPECT_EQ(named.served_interfaces(), std::vector<std::string>{"eth1"});
    EXPECT_EQ(named.possible_addresses().size(), 1U);
    Findings findings;
    named.wanted = {"eht1"};
    check_network(named, findings);
    ASSERT_NE(findings.find("interface-missing"), nullptr);
    EXPECT_NE(findings.find("interface-missing")->what.find("lo, eth1, eth0"), std::string::npos);
    EXPECT_NE(findings.find("interface-missing")->fix.find("--interface eth1"), std::string::npos);
}

TEST(Network, IsEachOfSeveralWhereNothingSaysWhich) {
    Network several = network();
    several.interfaces.push_back({4, "docker0", true, true, {{{0xac110001}, mask}}});
    const auto possible = several.possible_addresses();
    ASSERT_EQ(possible.size(), 2U); // not the loopback, nor a bridge for containers
    EXPECT_EQ(possible.front().first, "eth0");
    EXPECT_EQ(possible.back().first, "eth1");
    several.listen = {"192.168.1.1"};
    EXPECT_EQ(several.possible_addresses().size(), 1U);
}

TEST(Network, FindsWhatIsWrongWithAddresses) {
    Network odd = network();
    odd.interfaces[2].addresses = {{{0xa9fe0101}, {0xffff0000}}, {own, {0xffffffff}}};
    Findings findings;
    check_network(odd, findings);
    EXPECT_NE(findings.find("network-link-local"), nullptr);
    EXPECT_NE(findings.find("network-netmask"), nullptr);
    Network mute = network();
    mute.dhcp_proxy = true;
    mute.interfaces[2].can_broadcast = false;
    check_network(mute, findings);
    EXPECT_NE(findings.find("network-no-broadcast"), nullptr);
    Findings fine;
    Network good = network();
    good.wanted = {"eth0"};
    check_network(good, fine);
    ASSERT_EQ(fine.all().size(), 1U);
    EXPECT_EQ(fine.all()[0].severity, Severity::fine);
}

TEST(Dhcp, OneServerIsAsItShouldBe) {
    Findings findings;
    judge_dhcp({offer(router, {0x0a4d0064})}, network(), false, findings);
    ASSERT_EQ(findings.all().size(), 1U) << findings.all()[0].what;
    EXPECT_EQ(findings.all()[0].id, "dhcp");
}

TEST(Dhcp, FindsServersThatAreMissingOrTooMany) {
    const auto id_of = [](const std::vector<DhcpAnswer>& answers, const Network& where = network(),
                          bool proxy = false) {
        Findings findings;
        judge_dhcp(answers, where, proxy, findings);
        return findings.all().at(0).id;
    };
    const dhcp::Ipv4 address{0x0a4d0064};
    EXPECT_EQ(id_of({}), "dhcp-server-missing");
    EXPECT_EQ(id_of({offer(router, address), offer({0x0a4d0003}, address)}),
              "dhcp-servers-several");
    EXPECT_EQ(id_of({offer(router, address, "pxelinux.0")}), "dhcp-server-sends-pxe");
    EXPECT_EQ(id_of({offer({0x0a4d0003}, {}), offer(router, address)}), "dhcp-other-proxy");
    EXPECT_EQ(id_of({offer(router, {0xc0a80701})}), "dhcp-other-subnet");
    EXPECT_EQ(id_of({offer(router, address)}, network(), true), "dhcp-proxy-silent");
    EXPECT_EQ(id_of({offer(own, {}), offer(router, address)}, network(), true), "dhcp");
    Network wide = network();
    wide.interfaces[2].addresses[0].mask = {0xffff0000};
    EXPECT_EQ(id_of({offer(router, address)}, wide), "dhcp-netmask-differs");
}

// The proxy must know who asks, or the doctor judges what no machine gets.
TEST(Dhcp, AsksAsAMachineThatBoots) {
    const dhcp::Mac mac{{0xdc, 0xa6, 0x32, 1, 2, 3}};
    const auto pi = dhcp::identify(discover_of({mac, "89025d75"}));
    ASSERT_TRUE(pi.machine);
    EXPECT_EQ(pi.machine->boot_class, dhcp::BootClass::pi);
    EXPECT_EQ(pi.machine->serial, "89025d75");
    const auto pc = dhcp::identify(discover_of({mac, {}}));
    ASSERT_TRUE(pc.machine);
    EXPECT_EQ(pc.machine->boot_class, dhcp::BootClass::bios);
    const auto uefi = dhcp::identify(discover_of({mac, {}, dhcp::Architecture::x64, false}));
    ASSERT_TRUE(uefi.machine);
    EXPECT_EQ(uefi.machine->boot_class, dhcp::BootClass::uefi);
    EXPECT_EQ(uefi.machine->architecture, dhcp::Architecture::x64);
    const auto ipxe = dhcp::identify(discover_of({mac, {}, dhcp::Architecture::x64, true}));
    ASSERT_TRUE(ipxe.machine);
    EXPECT_EQ(ipxe.machine->boot_class, dhcp::BootClass::ipxe);
    EXPECT_EQ(ipxe.machine->architecture, dhcp::Architecture::x64);
}

// Several ask at once, and each is to hear what it is told itself.
TEST(Dhcp, EachThatAsksHasATransactionOfItsOwn) {
    const dhcp::Mac mac{{0x52, 0x54, 0, 1, 2, 3}};
    std::set<std::uint32_t> transactions;
    for (const auto architecture : {dhcp::Architecture::bios, dhcp::Architecture::x64})
        for (const bool is_ipxe : {false, true})
            transactions.insert(discover_of({mac, {}, architecture, is_ipxe}).transaction);
    EXPECT_EQ(transactions.size(), 4U);
}

TEST(Dhcp, AServerThatAnswersSeveralIsOne) {
    Findings findings;
    auto second = offer(router, {0x0a4d0064});
    second.message.transaction = 1;
    judge_dhcp({offer(router, {0x0a4d0064}), second}, network(), false, findings);
    EXPECT_EQ(findings.find("dhcp-servers-several"), nullptr);
}

} // namespace
} // namespace bootview::doctor
