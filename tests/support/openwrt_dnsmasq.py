# What an OpenWrt router makes for its dnsmasq of the commands that `bootview dhcp-snippet openwrt` prints.
#     openwrt_dnsmasq.py COMMANDS
import re, sys
sections = []
for line in open(sys.argv[1]):
    if found := re.match(r"uci add dhcp (\w+)$", line):
        sections.append((found[1], {}))
    elif found := re.match(r"uci (?:set|add_list) dhcp\.@(\w+)\[-1\]\.(\w+)='(.*)'$", line):
        assert sections[-1][0] == found[1], line
        sections[-1][1][found[2]] = found[3]
    else:
        assert re.match(r"#|uci commit dhcp$|/etc/init.d/dnsmasq restart$", line), line
for kind, of in sections: # as dhcp_match_add, dhcp_mac_add and dhcp_boot_add do
    if kind == "mac":
        print(f"dhcp-mac={of['networkid']},{of['mac']}")
    elif kind == "match":
        print(f"dhcp-match={of['networkid']},{of['match']}")
    else:
        print(f"dhcp-boot=tag:{of['networkid']},{of['filename']},{of['servername']},{of['serveraddress']}")
        if "dhcp_option" in of:
            print(f"dhcp-option-force=tag:{of['networkid']},{of['dhcp_option']}")
