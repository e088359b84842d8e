#include "bootview/monitor/page.h"
#include "bootview/monitor/status_json.h"

#include <gtest/gtest.h>

namespace bootview::monitor {
namespace {

// Names of files and clients are what strangers on the network chose.
TEST(Page, WhatAClientSaysIsNoHtml) {
    Model model;
    const std::string nasty = "<script>alert(\"1\")</script>&amp;";
    model.take(
        1,
        events::Transfer{
            .id = 1, .client = "192.0.2.7", .name = nasty, .file = nasty, .outcome = "client-left"},
        Time{});
    model.take(
        1,
        events::Transfer{
            .id = 2, .client = "192.0.2.7", .name = nasty, .file = nasty, .outcome = "running"},
        Time{});
    const auto status = status_json(model, Time{}, Time{});
    const auto link = "/client/" + url_encode(nasty);
    for (const auto& html : {page(status), client_page(status, link).value_or("none")}) {
        EXPECT_EQ(html.find("<script"), std::string::npos);
        EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos) << html;
    }
    EXPECT_NE(page(status).find(link), std::string::npos);
    EXPECT_EQ(client_page(status, "/client/other"), std::nullopt);
    EXPECT_EQ(client_page(status, "/client/%"), std::nullopt);
    EXPECT_EQ(client_page(status, "/elsewhere"), std::nullopt);
}

TEST(Page, AClientHasItsPageByWhateverItIsCalled) {
    Model model;
    model.take(1,
               events::Transfer{.id = 1,
                                .client = "192.0.2.7",
                                .mac = "dc:a6:32:01:36:c2",
                                .name = "kitchen",
                                .serial = "cafef00d",
                                .file = "config.txt",
                                .outcome = "finished"},
               Time{});
    const auto status = status_json(model, Time{}, Time{});
    for (const auto* text : {"kitchen", "Kitchen", "cafef00d", "10000000CAFEF00D", "192.0.2.7",
                             "dc:a6:32:01:36:c2", "DC-A6-32-01-36-C2", "dc%3aa6%3A32:01:36:c2"})
        EXPECT_NE(client_page(status, std::string("/client/") + text), std::nullopt) << text;
    EXPECT_EQ(client_page(status, "/client/cafef00e"), std::nullopt);
}

TEST(Page, AnEmptyServerSaysSo) {
    const auto html = page(status_json(Model{}, Time{}, Time{}));
    EXPECT_NE(html.find("No machine has asked for anything yet."), std::string::npos);
}

} // namespace
} // namespace bootview::monitor
