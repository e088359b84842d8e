// Against the golden vectors of dnsmasq 2.90, whose answers all boot ROMs know: byte for byte in
// the options. Unlike it, an offer of ours names the server and the file as well.
#include "tftp-bridge/dhcp/answer.h"

#include "messages.h"

#include <gtest/gtest.h>

namespace bootview::dhcp {
namespace {

using namespace std::chrono_literals;

const Ipv4 us{0x0a4d0002}; // 10.77.0.2
const Ipv4 client{0x0a4d0064};

const std::string begin_offer = "53:02 54:0a4d0002 60:505845436c69656e74";
const std::string begin_ack = "53:05 54:0a4d0002 60:505845436c69656e74";
const std::string uuid_of_pc = "97:0000112233445566778899aabbccddeeff";

Arrival on_67() {
    return {server_port, us, Ipv4{}, client_port};
}
Arrival on_4011(std::uint16_t source_port = 68) {
    return {boot_server_port, us, client, source_port};
}

BootFiles usual_files(const Machine& machine) {
    switch (program_architecture(machine.architecture)) {
    case Architecture::bios:
        return {"pxelinux.0", "", ""};
    case Architecture::x64:
        return {"bootx64.efi", "", ""};
    default:
        return {};
    }
}

AnswerSettings with_menu(std::vector<MenuEntry> menu) {
    AnswerSettings settings;
    settings.pi_menu = "Raspberry Pi Boot";
    settings.menu = std::move(menu);
    return settings;
}

Reply reply_to(const Message& message, const Arrival& arrival = on_67(),
               const AnswerSettings& settings = {}, const FindBootFiles& files = usual_files) {
    auto result = answer(message, arrival, settings, files);
    if (const auto* ignored = std::get_if<Ignored>(&result))
        throw std::logic_error(ignored->why);
    return std::get<Reply>(std::move(result));
}

Silence silence_to(const Message& message, const Arrival& arrival = on_67(),
                   const AnswerSettings& settings = {}, const FindBootFiles& files = usual_files) {
    const auto result = answer(message, arrival, settings, files);
    const auto* ignored = std::get_if<Ignored>(&result);
    if (!ignored)
        throw std::logic_error("answered");
    EXPECT_FALSE(ignored->why.empty());
    return ignored->silence;
}

void add(Message& message, Code code, std::string_view hex) {
    message.options.push_back({code, from_hex(hex)});
}

void remove(Message& message, Code code) {
    std::erase_if(message.options, [&](const Option& option) { return option.code == code; });
}

// --- Who nobody has named.

TEST(DhcpAnswer, APcThatNobodyHasNamedIsLeftToItsDiskUnlessAdopted) {
    AnswerSettings settings;
    settings.adopt = false;
    EXPECT_EQ(silence_to(pc_bios(), on_67(), settings), Silence::not_adopted);
    EXPECT_EQ(silence_to(edk2(7), on_67(), settings), Silence::not_adopted);
    EXPECT_EQ(silence_to(http_client(16), on_67(), settings), Silence::not_adopted);
    EXPECT_EQ(reply_to(pi_3(), on_67(), settings).what, "Raspberry Pi boot");
    const auto named = [](const Machine& machine) {
        auto files = usual_files(machine);
        files.named = true;
        return files;
    };
    EXPECT_EQ(reply_to(pc_bios(), on_67(), settings, named).what, "pxelinux.0");

    const auto verdict = answer(pc_bios(), on_67(), settings, usual_files);
    const auto& why = std::get<Ignored>(verdict).why;
    EXPECT_NE(why.find("mac = \"" + pc_bios().mac().to_string() + "\""), std::string::npos) << why;
    EXPECT_NE(why.find("--adopt"), std::string::npos) << why;
}

TEST(DhcpAnswer, NorMayItChooseFromAMenuThatOthersGet) {
    auto settings = with_menu({{Architecture::bios, "PXELINUX", "pxelinux.0"}, {{}, "Disk", ""}});
    settings.adopt = false;
    auto message = pc_bios();
    std::erase_if(message.options,
                  [](const Option& option) { return option.code == Code::message_type; });
    message.options.push_back({Code::message_type, {3}});
    message.options.push_back({Code::vendor_specific, boot_item_option({first_free_type, 0})});
    EXPECT_EQ(silence_to(message, on_4011(), settings), Silence::not_adopted);
    settings.adopt = true;
    EXPECT_EQ(reply_to(message, on_4011(), settings).what, "pxelinux.0");
}

// --- The golden vectors.

TEST(DhcpAnswer, APi3GetsTheMenuItsRomLooksFor) {
    const auto reply = reply_to(pi_3(), on_67(), with_menu({}));
    EXPECT_EQ(options_of(reply.packet),
              begin_offer + " 97:0044444444444444444444444444444444"
                            " 43:0601030a0400505845091400001152617370626572727920506920426f6f74ff");
    EXPECT_EQ(reply.packet.size(), 314U);
    const auto message = parse_message(reply.packet).value();
    EXPECT_EQ(message.flags, broadcast_flag);
    EXPECT_EQ(message.file, "");
    EXPECT_EQ(message.server, us);
    EXPECT_EQ(reply.to, broadcast_address);
    EXPECT_EQ(reply.to_port, 68);
}

TEST(DhcpAnswer, TheMenuOfAPiHasTheThreeSpacesThatThePi3BNeeds) {
    EXPECT_EQ(options_of(reply_to(pi_3()).packet),
              begin_offer + " 97:0044444444444444444444444444444444"
                            " 43:0601030a04005058450917000014"
                            "52617370626572727920506920426f6f74202020ff");
}

TEST(DhcpAnswer, APi4GetsItsOwnIdentifierBack) {
    EXPECT_EQ(options_of(reply_to(pi_4(), on_67(), with_menu({})).packet),
              begin_offer + " 97:00525069341431c000320136c2d4c3b2a1"
                            " 43:0601030a0400505845091400001152617370626572727920506920426f6f74ff");
}

TEST(DhcpAnswer, ABiosGetsAMenuOfOneService) {
    const auto reply = reply_to(pc_bios(), on_67(),
                                with_menu({{Architecture::bios, "PXELINUX BIOS", "pxelinux.0"}}));
    EXPECT_EQ(options_of(reply.packet), begin_offer + " " + uuid_of_pc +
                                            " 43:0601030a040050584508078000010a4d0002091080000d"
                                            "5058454c494e55582042494f53ff");
    EXPECT_EQ(reply.packet.size(), 319U);
}

// dnsmasq puts the prompt last when one is configured, and before the servers when not. We have one
// order, the one that old ROMs are known to read.
TEST(DhcpAnswer, ABiosGetsAMenuOfTwoServicesAndAPrompt) {
    auto settings = with_menu(
        {{Architecture::bios, "PXELINUX BIOS", "pxelinux.0"}, {{}, "Raspberry Pi Boot", ""}});
    settings.prompt = PxePrompt{};
    EXPECT_EQ(options_of(reply_to(pc_bios(), on_67(), settings).packet),
              begin_offer + " " + uuid_of_pc +
                  " 43:0601030a040050584508078000010a4d000209248000"
                  "0d5058454c494e55582042494f53"
                  "00001152617370626572727920506920426f6f74ff");
}

TEST(DhcpAnswer, ABiosWithoutAnIdentifierGetsNone) {
    auto message = pc_bios();
    remove(message, Code::machine_identifier);
    EXPECT_EQ(options_of(reply_to(message).packet), begin_offer + " 43:060108ff");
}

TEST(DhcpAnswer, WithoutOption60Or93ThereIsSilence) {
    auto message = pc_bios();
    remove(message, Code::architecture);
    EXPECT_EQ(silence_to(message), Silence::no_architecture);
    message = pc_bios();
    remove(message, Code::vendor_class);
    EXPECT_EQ(silence_to(message), Silence::not_booting);
}

TEST(DhcpAnswer, RequestsOnPort67AreForTheDhcpServer) {
    for (const auto type : {MessageType::request, MessageType::inform, MessageType::decline,
                            MessageType::release, MessageType::none, MessageType::offer})
        EXPECT_EQ(silence_to(as_type(pc_bios(), type)), Silence::not_discover);
}

TEST(DhcpAnswer, UefiIsOfferedWithoutOption43) {
    const auto reply = reply_to(edk2());
    EXPECT_EQ(options_of(reply.packet), begin_offer + " 97:0000112233445566778899aabbccddee01");
    const auto message = parse_message(reply.packet).value();
    EXPECT_EQ(message.server, us);
    EXPECT_EQ(message.server_name, "10.77.0.2");
    EXPECT_EQ(message.file, "bootx64.efi");
    EXPECT_EQ(message.your, Ipv4{});
}

TEST(DhcpAnswer, UefiAsksAgainOnPort4011AndGetsTheFile) {
    for (const auto& settings :
         {AnswerSettings{}, with_menu({{Architecture::x64, "EFI x64", "bootx64.efi"}})}) {
        const auto reply =
            reply_to(as_type(edk2(), MessageType::request, client), on_4011(4011), settings);
        EXPECT_EQ(options_of(reply.packet), begin_ack + " 97:0000112233445566778899aabbccddee01");
        const auto message = parse_message(reply.packet).value();
        EXPECT_EQ(message.flags, 0);
        EXPECT_EQ(message.client, client);
        EXPECT_EQ(message.your, Ipv4{});
        EXPECT_EQ(message.server, us);
        EXPECT_EQ(message.server_name, "10.77.0.2");
        EXPECT_EQ(message.file, "bootx64.efi");
        EXPECT_EQ(reply.to, client);
        EXPECT_EQ(reply.to_port, 4011);
    }
}

const std::vector<MenuEntry> three_services = {{Architecture::bios, "PXELINUX BIOS", "pxelinux.0"},
                                               {Architecture::x64, "EFI x64", "a.efi"},
                                               {Architecture::x64, "EFI x64 B", "b.efi"}};

TEST(DhcpAnswer, UefiWithTwoServicesGetsTheMenuOnPort4011) {
    const auto settings = with_menu(three_services);
    const auto offer = reply_to(edk2(), on_67(), settings);
    EXPECT_EQ(options_of(offer.packet), begin_offer + " 97:0000112233445566778899aabbccddee01");
    EXPECT_EQ(parse_message(offer.packet)->file, "");
    EXPECT_EQ(parse_message(offer.packet)->server, us);

    const auto reply =
        reply_to(as_type(edk2(), MessageType::request, client), on_4011(4011), settings);
    EXPECT_EQ(options_of(reply.packet), begin_ack +
                                            " 97:0000112233445566778899aabbccddee01"
                                            " 43:0601030a04ff505845080e8001010a4d00028002010a4d0002"
                                            "091680010745464920783634"
                                            "80020945464920783634204"
                                            "2ff");
    const auto message = parse_message(reply.packet).value();
    EXPECT_EQ(message.file, "");
    EXPECT_EQ(message.server_name, "");
}

TEST(DhcpAnswer, AChoiceFromTheMenuIsAnswered) {
    for (const auto type : {MessageType::request, MessageType::inform}) {
        auto message = as_type(pc_bios(), type, client);
        add(message, Code::vendor_specific, "470480000000ff");
        const auto reply = reply_to(message, on_4011(), with_menu(three_services));
        EXPECT_EQ(options_of(reply.packet), begin_ack + " " + uuid_of_pc + " 43:470480000000ff");
        const auto parsed = parse_message(reply.packet).value();
        EXPECT_EQ(parsed.your, client); // its own: nobody else's is ever given
        EXPECT_EQ(parsed.client, Ipv4{});
        EXPECT_EQ(parsed.server, us);
        EXPECT_EQ(parsed.file, "pxelinux.0");
    }
}

TEST(DhcpAnswer, IpxeChoosesWithoutSayingItsArchitecture) {
    auto message = as_type(ipxe_bios(), MessageType::request, client);
    remove(message, Code::architecture);
    add(message, Code::vendor_specific, "470480000000ff");
    EXPECT_EQ(reply_to(message, on_4011(), with_menu(three_services)).what, "pxelinux.0");
}

TEST(DhcpAnswer, ChoicesThatCannotBeMetAreNotAnswered) {
    const auto choose = [](std::string_view item) {
        auto message = as_type(pc_bios(), MessageType::request, client);
        add(message, Code::vendor_specific, item);
        return silence_to(message, on_4011(), with_menu(three_services));
    };
    EXPECT_EQ(choose("470480008000ff"), Silence::wants_credentials);
    EXPECT_EQ(choose("470400000000ff"), Silence::unknown_menu_entry); // local boot
    EXPECT_EQ(choose("470480030000ff"), Silence::unknown_menu_entry);
    // The program of another architecture, which dnsmasq would hand out.
    EXPECT_EQ(choose("470480010000ff"), Silence::unknown_menu_entry);
}

TEST(DhcpAnswer, ABiosOnPort4011GetsTheOfferAsAnAcknowledgement) {
    const auto reply = reply_to(as_type(pc_bios(), MessageType::request, client), on_4011());
    EXPECT_EQ(options_of(reply.packet), begin_ack + " " + uuid_of_pc + " 43:060108ff");
    const auto message = parse_message(reply.packet).value();
    EXPECT_EQ(message.flags, 0);
    EXPECT_EQ(message.client, client);
    EXPECT_EQ(message.your, Ipv4{});
}

TEST(DhcpAnswer, ARelayedRequestGoesBackToTheRelay) {
    auto message = pc_bios();
    message.relay = Ipv4{0x0a4d0001};
    message.hops = 1;
    add(message, Code::relay_agent, "0103616263");
    const auto reply = reply_to(message);
    EXPECT_EQ(options_of(reply.packet),
              begin_offer + " " + uuid_of_pc + " 43:060108ff 82:0103616263");
    EXPECT_EQ(parse_message(reply.packet)->relay, message.relay);
    EXPECT_EQ(parse_message(reply.packet)->flags, broadcast_flag);
    EXPECT_EQ(reply.to, message.relay);
    EXPECT_EQ(reply.to_port, 67);
}

TEST(DhcpAnswer, HttpClientsGetAUrlOrNothing) {
    EXPECT_EQ(silence_to(http_client()), Silence::no_url);
    const auto reply = reply_to(http_client(), on_67(), {}, [](const Machine& machine) {
        EXPECT_EQ(machine.boot_class, BootClass::http);
        return BootFiles{"bootx64.efi", "", "http://10.77.0.2/bootx64.efi"};
    });
    EXPECT_EQ(options_of(reply.packet), "53:02 54:0a4d0002 60:48545450436c69656e74"
                                        " 97:0000112233445566778899aabbccddee02");
    EXPECT_EQ(parse_message(reply.packet)->file, "http://10.77.0.2/bootx64.efi");
}

// --- Beyond them.

TEST(DhcpAnswer, ABiosIsToldToBootThatFileAndLookNoFurther) {
    const auto reply = reply_to(pc_bios());
    const auto message = parse_message(reply.packet).value();
    EXPECT_EQ(options_of(reply.packet), begin_offer + " " + uuid_of_pc + " 43:060108ff");
    EXPECT_EQ(message.server, us);
    EXPECT_EQ(message.server_name, "10.77.0.2");
    EXPECT_EQ(message.file, "pxelinux.0");
    EXPECT_EQ(message.transaction, pc_bios().transaction);
    EXPECT_EQ(message.hardware, pc_bios().hardware);
    EXPECT_GE(reply.packet.size(), 300U);
}

TEST(DhcpAnswer, NobodyIsEverGivenAnAddressOrALease) {
    for (const auto& message : {pi_3(), pi_4(), pc_bios(), ipxe_bios(), edk2(), edk2(9)}) {
        auto asking = message;
        asking.your = client;
        asking.client = client;
        const auto reply = parse_message(reply_to(asking).packet).value();
        EXPECT_EQ(reply.your, Ipv4{});
        EXPECT_EQ(reply.client, Ipv4{});
        for (const unsigned code : {1, 3, 6, 50, 51, 58, 59})
            EXPECT_FALSE(reply.find(static_cast<Code>(code))) << code;
    }
}

TEST(DhcpAnswer, IpxeIsChainedToItsScript) {
    const auto chain = [](const Machine& machine) {
        return BootFiles{is_uefi(machine.architecture) ? "snponly.efi" : "undionly.kpxe",
                         "http://10.77.0.2/boot.ipxe", ""};
    };
    EXPECT_EQ(parse_message(reply_to(pc_bios(), on_67(), {}, chain).packet)->file, "undionly.kpxe");
    EXPECT_EQ(parse_message(reply_to(edk2(), on_67(), {}, chain).packet)->file, "snponly.efi");
    EXPECT_EQ(parse_message(reply_to(ipxe_bios(), on_67(), {}, chain).packet)->file,
              "http://10.77.0.2/boot.ipxe");
}

TEST(DhcpAnswer, IpxeWithoutAScriptBootsWhatOthersBootButNeverItself) {
    EXPECT_EQ(parse_message(reply_to(ipxe_bios()).packet)->file, "pxelinux.0");
    for (const auto* program : {"undionly.kpxe", "boot/ipxe.efi", "snponly_x64.efi"})
        EXPECT_EQ(silence_to(ipxe_bios(), on_67(), {},
                             [&](const Machine&) {
                                 return BootFiles{program, "", ""};
                             }),
                  Silence::no_ipxe_script)
            << program;
}

TEST(DhcpAnswer, IpxeIsNotOfferedWhatWouldStartItAgainWhateverThatIsCalled) {
    const auto renamed = [](const Machine&) {
        BootFiles files{"EFI/BOOT/BOOTX64.EFI", "", ""};
        files.program_starts_ipxe = true;
        return files;
    };
    EXPECT_EQ(silence_to(ipxe_bios(), on_67(), {}, renamed), Silence::no_ipxe_script);
    EXPECT_EQ(parse_message(reply_to(edk2(), on_67(), {}, renamed).packet)->file,
              "EFI/BOOT/BOOTX64.EFI");
    const auto said = std::get<Ignored>(answer(ipxe_bios(), on_67(), {}, renamed)).why;
    EXPECT_NE(said.find("ipxe-script"), std::string::npos) << said;
    // As after UEFI's HTTP boot, by a URL that is of no use to it.
    EXPECT_EQ(silence_to(ipxe_bios(), on_67(), {}, [](const Machine&) { return BootFiles{}; }),
              Silence::no_ipxe_script);
}

TEST(DhcpAnswer, ALongUrlIsNotCutOff) {
    const std::string url = "http://10.77.0.2/" + std::string(200, 'x');
    const auto message = parse_message(reply_to(http_client(), on_67(), {},
                                                [&](const Machine&) {
                                                    return BootFiles{"", "", url};
                                                })
                                           .packet)
                             .value();
    EXPECT_EQ(message.file, "");
    EXPECT_EQ(to_hex(message.find(Code::boot_file).value()), to_hex(value_of(url)));
}

TEST(DhcpAnswer, WithoutABootProgramTheReasonSaysWhatToDo) {
    for (const auto& [message, hint] :
         {std::pair{edk2(11), "--boot-file arm64=FILE"}, {edk2(12), "--boot-file 12=FILE"}}) {
        const auto result = answer(message, on_67(), {}, usual_files);
        const auto& ignored = std::get<Ignored>(result);
        EXPECT_EQ(ignored.silence, Silence::no_boot_program);
        EXPECT_NE(ignored.why.find(hint), std::string::npos) << ignored.why;
    }
}

TEST(DhcpAnswer, AReplyOfAnotherServerIsNoQuestion) {
    auto message = pc_bios();
    message.operation = Operation::reply;
    EXPECT_EQ(silence_to(message), Silence::not_a_request);
}

TEST(DhcpAnswer, PisCanBeSwitchedOffAndAnInterfaceWithoutAnAddressIsSilent) {
    AnswerSettings settings;
    settings.pi_menu = "";
    EXPECT_EQ(silence_to(pi_4(), on_67(), settings), Silence::pi_switched_off);
    auto arrival = on_67();
    arrival.local = Ipv4{};
    EXPECT_EQ(silence_to(pi_4(), arrival), Silence::no_local_address);
}

TEST(DhcpAnswer, EachClassWaitsForItself) {
    AnswerSettings settings;
    settings.delays[static_cast<std::size_t>(BootClass::pi)] = 1500ms;
    EXPECT_EQ(reply_to(pi_3(), on_67(), settings).delay, 1500ms);
    EXPECT_EQ(reply_to(pc_bios(), on_67(), settings).delay, 0ms);
}

TEST(DhcpAnswer, OnPort4011WhoeverHasNoAddressIsAnsweredWhereItCameFrom) {
    const auto reply = reply_to(as_type(edk2(), MessageType::request), on_4011(68));
    EXPECT_EQ(reply.to, client);
    EXPECT_EQ(reply.to_port, 68);
    EXPECT_EQ(silence_to(as_type(edk2(), MessageType::decline), on_4011()),
              Silence::not_for_boot_server);
    EXPECT_EQ(options_of(reply_to(edk2(), on_4011()).packet),
              begin_offer + " 97:0000112233445566778899aabbccddee01");
}

TEST(DhcpAnswer, AMenuThatIsTooLongIsNotSentInPieces) {
    std::vector<MenuEntry> menu;
    for (int i = 0; i < 8; ++i)
        menu.push_back({Architecture::bios, std::string(30, 'x'), "f"});
    EXPECT_EQ(silence_to(pc_bios(), on_67(), with_menu(menu)), Silence::no_boot_program);
}

TEST(DhcpAnswer, EverySilenceHasAWordOfItsOwn) {
    std::set<std::string_view> words;
    for (std::size_t i = 0; i < silence_count; ++i)
        words.insert(to_string(static_cast<Silence>(i)));
    EXPECT_EQ(words.size(), silence_count);
}

} // namespace
} // namespace bootview::dhcp
