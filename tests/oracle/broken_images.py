"""Images in which one rule of the FAT format is broken, or stretched; each function is one rule.

A function gets an empty volume that holds GOOD.TXT, and may give another image back. @rule says for which
FAT types it is made.
"""

import struct

from fat_image import *

RULES = []


def rule(*bits, **geometry):
    def remember(function):
        for each in bits or (12, 16, 32):
            RULES.append((function.__name__.replace("_", "-"), each, geometry, function))
        return function
    return remember


def render_rule(name, bits, geometry, function):
    volume = Fat(bits, **geometry)
    volume.root.append(volume.file("GOOD.TXT", b"good\n" * 300))
    result = function(volume)
    return result if isinstance(result, (bytes, bytearray)) else volume.render()


def text(length, seed=1):
    """Bytes that are not the same in any two clusters."""
    return b"".join(b"%08d %04d line\n" % (n, seed) for n in range(length // 19 + 1))[:length]


# Long names

@rule(12, 16, 32)
def long_name_plain(v):
    for index, name in enumerate(["Hello World.txt", "ThirteenUnits", "twenty-six units exactly!!",
                                  "b" * 255, "dots.in.the.name", " leading blank", "über.txt", "日本語.txt",
                                  "\U0001F600 smile.txt", "mixed Ω\U00010348я", "+,;=[].txt", "a"]):
        short = b"LONG~%-3d" % (index + 1) + b"TXT"
        v.root.append(long_entry(name, short, start=v.store(name.encode()), size=len(name.encode())))


@rule()
def long_name_orphan_checksum(v):
    v.root.append(b"".join(long_slots(units_of("Wrong checksum.txt"), 0x42)) + v.file("ORPHAN.TXT", b"1"))
    slots = long_slots(units_of("One slot has another checksum.txt"), checksum(short_name("MIXED.TXT")))
    slots[1] = slots[1][:13] + b"\x42" + slots[1][14:]
    v.root.append(b"".join(slots) + v.file("MIXED.TXT", b"2"))


@rule()
def long_name_orphan_then_another(v):
    v.root.append(b"".join(long_slots(units_of("Nobody's name"), 0x42)))
    v.root.append(long_entry("The right name.txt", short_name("RIGHT.TXT"), start=v.store(b"r"), size=1))
    v.root.append(b"".join(long_slots(units_of("Nobody's name again"), checksum(short_name("LAST.TXT")))[:1]))
    v.root.append(v.file("LAST.TXT", b"last"))


@rule()
def long_name_orders(v):
    """Order bytes that do not count down to one."""
    def made(name, short, change):
        slots = long_slots(units_of(name), checksum(short_name(short)))
        v.root.append(b"".join(change(slots)) + v.file(short, name.encode()))

    def order(slots, numbers):
        return [bytes([n]) + s[1:] for n, s in zip(numbers, slots)]

    three = "A name of three slots, at least.."[:33] + "x"
    made(three, "SWAPPED.TXT", lambda s: [s[1], s[0], s[2]])
    made(three, "NOLAST.TXT", lambda s: order(s, [3, 2, 1]))
    made(three, "LASTMID.TXT", lambda s: order(s, [3, 0x42, 1]))
    made(three, "LASTALL.TXT", lambda s: order(s, [0x43, 0x42, 0x41]))
    made(three, "GAP.TXT", lambda s: [s[0], s[2]])
    made(three, "NOFIRST.TXT", lambda s: s[:2])
    made(three, "NOTOP.TXT", lambda s: s[1:])
    made(three, "ZERO.TXT", lambda s: order(s, [0x43, 2, 0x40]))
    made(three, "ONLYZERO.TXT", lambda s: [bytes([0x40]) + s[2][1:]])
    made(three, "BIT20.TXT", lambda s: order(s, [0x63, 2, 1]))
    made(three, "BIT80.TXT", lambda s: order(s, [0xC3, 2, 1]))
    made(three, "TWICE.TXT", lambda s: s + s)
    made(three, "REPEAT.TXT", lambda s: [s[0], s[1], s[1], s[2]])
    made(three, "UPWARDS.TXT", lambda s: s[::-1])


@rule()
def long_name_too_many_slots(v):
    for count in (20, 21, 31, 63):
        short = short_name("SLOT%d.TXT" % count)
        units = units_of(("%02d" % count) * (count * 13 // 2))[:count * 13]
        slots = [slot(n | (0x40 if n == count else 0), (units * 2)[13 * (n - 1):13 * n], checksum(short))
                 for n in range(count, 0, -1)]
        v.root.append(b"".join(slots) + entry(short, start=v.store(b"x" * count), size=count))


@rule()
def long_name_255_units(v):
    for index, name in enumerate(["n" * 254, "m" * 255, "o" * 256, "p" * 260, "é" * 255, "日" * 255,
                                  "\U0001F600" * 127 + "x"]):
        v.root.append(long_entry(name, short_name("LEN%d" % index), start=v.store(b"%d" % index), size=1))


@rule()
def long_name_surrogates(v):
    for index, name in enumerate(["lone \ud800 high", "lone \udc00 low", "at the end \ud83d", "\ude00 first",
                                  "wrong way \ude00\ud83d round", "two high \ud83d\ud83d\ude00",
                                  "across slots \U0001F600"[:20], "x" * 12 + "\U0001F600 split"]):
        v.root.append(long_entry(name, short_name("SURR%d" % index), start=v.store(b"%d" % index), size=1))


@rule()
def long_name_odd_units(v):
    for index, name in enumerate(["\ufffe nonchar", "\uffff is the filler", "\ufeff bom", "e\u0301 combined",
                                  "\u202e right to left", "\u00a0 no-break", "\ue000 private", "\u200b zero width"]):
        v.root.append(long_entry(name, short_name("ODD%d" % index), start=v.store(b"%d" % index), size=1))


@rule()
def long_name_nul_handling(v):
    def made(short, units):
        assert len(units) % 13 == 0
        count = len(units) // 13
        slots = [slot(n | (0x40 if n == count else 0), units[13 * (n - 1):13 * n], checksum(short_name(short)))
                 for n in range(count, 0, -1)]
        v.root.append(b"".join(slots) + v.file(short, short.encode()))
    u = units_of
    made("INSIDE.TXT", u("before") + [0] + u("behind"))
    made("FILLER.TXT", [0xFFFF] * 13)
    made("ZEROS.TXT", u("padded with 0") + u("zeros") + [0] * 8)
    made("NONUL.TXT", u("no nul, only f") [:13] + u("iller") + [0xFFFF] * 8)
    made("EMPTYTOP.TXT", u("thirteen unit") + [0] + [0xFFFF] * 12)
    made("FILLTOP.TXT", u("thirteen more") + [0xFFFF] * 13)
    made("NULMID.TXT", u("first slot \0\uffff") + u("second slot\0\uffff"))


@rule()
def long_name_empty(v):
    short = short_name("NULFIRST.TXT")
    v.root.append(slot(0x41, [0] + [0xFFFF] * 12, checksum(short)) + v.file(short, b"empty name"))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def long_name_only_surrogate(v):
    v.root.append(long_entry("\ud800", short_name("ALONE.TXT"), start=v.store(b"1"), size=1))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def long_name_attribute_high_bits(v):
    for index, attributes in enumerate((0x0F, 0x1F, 0x2F, 0x3F, 0x4F, 0x8F, 0xCF)):
        short = short_name("ATTR%02X.TXT" % attributes)
        v.root.append(b"".join(long_slots(units_of("slot with %02x.txt" % attributes), checksum(short), attributes)) +
                      entry(short, start=v.store(b"%d" % index), size=1))


@rule()
def long_name_type_and_start(v):
    short = short_name("TYPE.TXT")
    v.root.append(b"".join(long_slots(units_of("type not zero.txt"), checksum(short), type_=1)) +
                  entry(short, start=v.store(b"1"), size=1))
    short = short_name("START.TXT")
    v.root.append(slot(0x41, padded(units_of("start set")), checksum(short), start=5) +
                  entry(short, start=v.store(b"2"), size=1))


@rule()
def long_name_deleted_between(v):
    slots = long_slots(units_of("A deleted entry is between"), checksum(short_name("DELBETW.TXT")))
    gone = b"\xE5" + entry(short_name("GONE.TXT"))[1:]
    v.root.append(slots[0] + gone + slots[1] + v.file("DELBETW.TXT", b"1"))
    v.root.append(b"".join(slots) + gone + v.file("DELBETW2.TXT", b"2"))
    slots = long_slots(units_of("The last slot is deleted.."), checksum(short_name("DELSLOT.TXT")))
    v.root.append(slots[0] + b"\xE5" + slots[1][1:] + v.file("DELSLOT.TXT", b"3"))


@rule()
def long_name_then_label(v):
    slots = long_slots(units_of("name of a label"), checksum(b"LABEL      "))
    v.root.append(b"".join(slots) + entry(b"LABEL      ", LABEL))
    v.root.append(v.file("AFTER.TXT", b"after"))


@rule()
def long_name_at_end_of_directory(v):
    inner = [v.file("FIRST.TXT", b"1")] + long_slots(units_of("cut off by the end"), 0x11)
    filler = v.cluster_bytes // 32
    entries = [v.file("F%d.TXT" % n, b"x") for n in range(filler - 5)]
    v.root.append(v.directory("CUT", entries + inner))
    short = short_name("ACROSS.TXT")
    spread = [v.file("A%d.TXT" % n, b"y") for n in range(filler - 4)]
    spread.append(long_entry("This name goes across the end of a cluster.txt", short, start=v.store(b"z"), size=1))
    v.root.append(v.directory("SPREAD", spread))


@rule()
def long_name_with_illegal_characters(v):
    for index, name in enumerate(["back\\slash", "colon:", "star*", "question?", "quote\"", "less<",
                                  "greater>", "pipe|", "tab\t", "newline\n", "bell\a", "del\x7f", "\x01"]):
        v.root.append(long_entry(name, short_name("ILL%d" % index), start=v.store(b"%d" % index), size=len("%d" % index)))


@rule()
def long_name_slash(v):
    v.root.append(long_entry("a/b", short_name("SLASH.TXT"), start=v.store(b"1"), size=1))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def long_name_dots(v):
    for index, name in enumerate([".", "..", "...", ".hidden", "ends with dot.", "ends with dots...", "ends with blank ",
                                  " . ", "trailing. . .", " "]):
        v.root.append(long_entry(name, short_name("DOT%d" % index), start=v.store(b"%d" % index), size=1))


@rule()
def long_name_only_dot_first(v):
    v.root.append(long_entry("..", short_name("DOTDOT"), start=v.store(b"1"), size=1))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def long_name_equals_another_short(v):
    v.root.append(v.file("README.TXT", b"short"))
    v.root.append(long_entry("readme.txt", short_name("README~1.TXT"), start=v.store(b"long"), size=4))
    v.root.append(long_entry("FIRST~2.TXT", short_name("FIRST~1.TXT"), start=v.store(b"one"), size=3))
    v.root.append(long_entry("Second name.txt", short_name("FIRST~2.TXT"), start=v.store(b"two"), size=3))


@rule()
def duplicate_names(v):
    v.root.append(v.file("SAME.TXT", b"first"))
    v.root.append(v.file("SAME.TXT", b"second"))
    v.root.append(long_entry("Long Same.txt", short_name("LONGSA~1.TXT"), start=v.store(b"third"), size=5))
    v.root.append(long_entry("Long Same.txt", short_name("LONGSA~2.TXT"), start=v.store(b"fourth"), size=6))


@rule()
def duplicate_names_by_case(v):
    for index, name in enumerate(["case.txt", "Case.txt", "CASE.TXT", "cAsE.tXt"]):
        v.root.append(long_entry(name, short_name("CASE~%d.TXT" % (index + 1)), start=v.store(b"%d" % index), size=1))
    v.root.append(long_entry("ÄÖÜ.txt", short_name("UML~1.TXT"), start=v.store(b"upper"), size=5))
    v.root.append(long_entry("äöü.txt", short_name("UML~2.TXT"), start=v.store(b"lower"), size=5))


@rule()
def duplicate_directories(v):
    v.root.append(v.directory("SAME", [v.file("ONE.TXT", b"1")]))
    v.root.append(v.directory("SAME", [v.file("TWO.TXT", b"2")]))


# Short names

@rule()
def short_name_e5_and_05(v):
    v.root.append(v.file(b"\xE5GONE   TXT", b"deleted"))
    v.root.append(v.file(b"\x05REAL   TXT", b"kanji"))
    v.root.append(v.file(b"A\xE5B     TXT", b"inside"))
    v.root.append(v.file(b"A\x05B     TXT", b"inside five"))
    short = b"\x05LONG   TXT"
    v.root.append(long_entry("long for 05.txt", short, start=v.store(b"x"), size=1))
    short = b"\x06LONG   TXT"
    v.root.append(long_entry("long for e5 sum.txt", short, start=v.store(b"y"), size=1))
    v.root.append(v.file(b"\x05          ", b"alone"))


@rule()
def short_name_case_bits(v):
    for nt in range(0, 0x100, 8):
        v.root.append(v.file("N%02X.TXT" % nt if nt != 0xF8 else "NF8.TX1", b"%02x" % nt, nt=nt))
    for index, nt in enumerate((0, 8, 0x10, 0x18)):
        v.root.append(v.file(b"\x80\x81\x8E%d    \x9A\x90\xA5" % index, b"%02x" % nt, nt=nt))
    short = short_name("LONGNT.TXT")
    v.root.append(long_entry("Long Nt.txt", short, start=v.store(b"l"), size=1, nt=0x18))


@rule()
def short_name_lower_case_on_disk(v):
    v.root.append(v.file("lower.txt", b"1"))
    v.root.append(v.file("MiXeD.TxT", b"2"))


@rule()
def short_name_code_page_437(v):
    for high in range(8, 16):
        for low in range(0, 16, 4):
            codes = bytes(16 * high + low + n for n in range(4))
            v.root.append(v.file(b"%02X" % (16 * high + low) + codes + b"  " + b"TXT", codes))


# The images whose name holds option-X=Y are mounted with X=Y.
for page in ("437", "737", "775", "850", "852", "855", "857", "860", "861", "862", "863", "864", "865", "866", "869",
             "874", "932", "936", "949", "950", "1250", "1251"):
    RULES.append(("short-name-option-codepage=" + page, 16, {}, short_name_code_page_437))


@rule(16)
def short_name_code_page_case_bits(v):
    for index, code in enumerate(range(0x80, 0x100, 2)):
        v.root.append(v.file(bytes([0x41 + index % 26, 0x41 + index // 26, code, code + 1]) + b"    TXT", b"x", nt=0x18))


@rule()
def short_name_odd_characters(v):
    for code in list(range(1, 0x20)) + [0x7F] + list(b"\"*+,./:;<=>?[\\]|"):
        if code not in b"/":
            v.root.append(v.file(b"X%02X" % code + bytes([code]) + b"Y   TXT", b"%02x" % code))


@rule()
def short_name_slash(v):
    v.root.append(v.file(b"A/B     TXT", b"slash"))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def short_name_nul_inside(v):
    v.root.append(v.file(b"A\0B     TXT", b"nul"))
    v.root.append(v.file(b"EXT     T\0T", b"nul in extension"))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def short_name_blanks(v):
    v.root.append(v.file(b" LEAD   TXT", b"1"))
    v.root.append(v.file(b"IN SIDE TXT", b"2"))
    v.root.append(v.file(b"EXT     T T", b"3"))
    v.root.append(v.file(b"EXTLEAD  TX", b"4"))
    v.root.append(v.file(b"        TXT", b"5"))
    v.root.append(v.file(b"           ", b"6"))


@rule()
def short_name_dots(v):
    v.root.append(v.file(b"A.B     TXT", b"1"))
    v.root.append(v.file(b"NOEXT.     ", b"2"))
    v.root.append(v.file(b"..X        ", b"3"))
    v.root.append(v.file(b"...        ", b"4"))
    v.root.append(v.file(b".HIDDEN    ", b"5"))


@rule()
def short_name_dot_and_dotdot_as_files(v):
    v.root.append(v.file(b".          ", b"dot"))
    v.root.append(v.file(b"..         ", b"dotdot"))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def deleted_files(v):
    data = v.store(b"gone")
    v.root.append(b"\xE5" + entry(short_name("GONE.TXT"), start=data, size=4)[1:])
    gone = long_entry("A deleted long name.txt", short_name("ADELET~1.TXT"), start=data, size=4)
    v.root.append(b"".join(b"\xE5" + gone[at + 1:at + 32] for at in range(0, len(gone), 32)))
    v.root.append(v.file("ALIVE.TXT", b"alive"))


# Attributes and labels

@rule()
def volume_label_in_root(v):
    v.root.insert(0, entry(b"MY LABEL   ", LABEL))
    v.root.append(entry(b"SECOND     ", LABEL | ARCHIVE))
    v.root.append(v.file("AFTER.TXT", b"after"))


@rule()
def volume_label_in_odd_places(v):
    v.root.append(v.directory("SUB", [entry(b"IN SUB     ", LABEL), v.file("A.TXT", b"a"),
                                      entry(b"WITH CHAIN ", LABEL, v.store(b"abc"), 3)]))
    v.root.append(entry(b"DIRLABEL   ", LABEL | DIRECTORY, v.store(b"x" * 64)))
    v.root.append(entry(b"RO LABEL   ", LABEL | READ_ONLY | HIDDEN))
    v.root.append(entry(b"ALMOST LFN ", 0x0E))
    v.root.append(entry(b"ALMOST2    ", 0x0D))
    v.root.append(v.file("AFTER.TXT", b"after"))


@rule()
def attributes(v):
    for value in range(0x100):
        if value & LABEL == 0 and value & DIRECTORY == 0:
            v.root.append(v.file("A%02X.TXT" % value, b"%02x" % value, attributes=value))


@rule()
def attributes_of_directories(v):
    for value in (0x10, 0x11, 0x12, 0x14, 0x30, 0x37, 0x50, 0x90, 0xD0, 0xF7):
        v.root.append(v.directory("D%02X" % value, [v.file("IN.TXT", b"in")], attributes=value))


@rule()
def hidden_executables(v):
    for name in ("A.EXE", "B.COM", "C.BAT", "D.SH"):
        v.root.append(v.file(name, b"x", attributes=HIDDEN | ARCHIVE))


# Times

@rule()
def times_out_of_range(v):
    def date(year, month, day):
        return (year - 1980) << 9 | month << 5 | day
    cases = [(date(1980, 1, 1), 0), (0, 0), (date(1980, 0, 5), 0), (date(1999, 12, 0), NOON), (date(2000, 13, 1), NOON),
             (date(2000, 14, 31), NOON), (date(2000, 15, 31), NOON), (date(2001, 2, 29), NOON), (date(2000, 2, 29), NOON),
             (date(2001, 2, 31), NOON), (date(2099, 12, 31), NOON), (date(2100, 2, 28), NOON), (date(2100, 2, 29), NOON),
             (date(2100, 3, 1), NOON), (date(2106, 2, 7), NOON), (date(2107, 12, 31), 23 << 11 | 59 << 5 | 29), (0xFFFF, 0xFFFF),
             (date(2020, 4, 31), NOON), (date(2020, 6, 15), 24 << 11), (date(2020, 6, 15), 31 << 11 | 63 << 5 | 31),
             (date(2020, 6, 15), 23 << 11 | 60 << 5), (date(2020, 6, 15), 23 << 11 | 59 << 5 | 30), (date(2038, 1, 19), NOON),
             (date(2024, 2, 29), 0), (date(2020, 0, 0), 0)]
    for index, (day, time) in enumerate(cases):
        v.root.append(v.file("T%d.TXT" % index, b"t", mdate=day, mtime=time, adate=day, cdate=day, ctime=time))
    for month in range(16):
        v.root.append(v.file("M%d.TXT" % month, b"m", mdate=date(2021, month, 30), adate=date(2024, month, 31)))


@rule()
def times_of_directories(v):
    v.root.append(v.directory("DATED", [v.file("A.TXT", b"a")], mdate=0x5A21, mtime=0x1234, adate=0x5A22))
    v.root.append(v.directory("ZERO", [v.file("A.TXT", b"a")], mdate=0, mtime=0, adate=0, cdate=0, ctime=0))


@rule(16)
def times_tenths(v):
    for tenths in (0, 1, 99, 100, 150, 199, 200, 255):
        v.root.append(v.file("C%d.TXT" % tenths, b"c", tenths=tenths))


# Sizes and chains

@rule()
def size_less_than_chain(v):
    chain = v.allocate(6)
    v.write(chain, text(6 * v.cluster_bytes))
    v.root.append(v.file("SHORT.TXT", start=chain[0], size=10))
    v.root.append(v.file("ONE.TXT", start=v.store(text(3 * v.cluster_bytes)), size=v.cluster_bytes))


@rule()
def size_more_than_chain(v):
    v.root.append(v.file("ONECL.TXT", start=v.store(text(100)), size=v.cluster_bytes + 1))
    v.root.append(v.file("MUCH.TXT", start=v.store(text(5000)), size=200000))
    v.root.append(v.file("HUGE.TXT", start=v.store(text(5000)), size=0xFFFFFFFF))


@rule()
def size_zero_start_set(v):
    v.root.append(v.file("EMPTY.TXT", start=v.store(text(3000)), size=0))
    v.root.append(v.file("EMPTYBAD.TXT", start=v.clusters + 500 if v.bits != 12 else 0xFF0, size=0))


@rule()
def size_set_start_zero(v):
    v.root.append(v.file("NOSTART.TXT", start=0, size=1000))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


def inside(value_of):
    def body(v):
        chain = v.allocate(5)
        v.write(chain, text(5 * v.cluster_bytes))
        v.fat[chain[2]] = value_of(v)
        v.root.append(v.file("INSIDE.TXT", start=chain[0], size=5 * v.cluster_bytes - 7))
        v.root.append(v.file("UPTO.TXT", start=chain[0], size=2 * v.cluster_bytes))
        v.root.append(v.file("EXACT.TXT", start=chain[0], size=3 * v.cluster_bytes))
        v.root.append(v.file("BEHIND.TXT", b"behind"))
    return body


for title, value in {
    "chain_free_inside": lambda v: 0, "chain_one_inside": lambda v: 1, "chain_bad_inside": lambda v: BAD[v.bits],
    "chain_end_inside": lambda v: END[v.bits], "chain_reserved_inside": lambda v: BAD[v.bits] - 1,
    "chain_first_reserved_inside": lambda v: BAD[v.bits] - 7,
    "chain_past_last_inside": lambda v: v.clusters + 2, "chain_far_out_inside": lambda v: BAD[v.bits] - 20,
    "chain_last_cluster_inside": lambda v: v.clusters + 1,
}.items():
    body = inside(value)
    body.__name__ = title
    rule()(body)


@rule()
def chain_loop_on_itself(v):
    chain = v.allocate(1)
    v.write(chain, text(v.cluster_bytes))
    v.fat[chain[0]] = chain[0]
    v.root.append(v.file("SELF.TXT", start=chain[0], size=20 * v.cluster_bytes))
    v.root.append(v.file("SELF1.TXT", start=chain[0], size=v.cluster_bytes))


@rule()
def chain_loop_back(v):
    chain = v.allocate(5)
    v.write(chain, text(5 * v.cluster_bytes))
    v.fat[chain[4]] = chain[1]
    v.root.append(v.file("LOOP.TXT", start=chain[0], size=40 * v.cluster_bytes))
    v.root.append(v.file("WITHIN.TXT", start=chain[0], size=5 * v.cluster_bytes))


@rule()
def chain_start_out_of_range(v):
    for index, start in enumerate((1, v.clusters + 1, v.clusters + 2, BAD[v.bits], END[v.bits])):
        v.root.append(v.file("S%d.TXT" % index, start=start, size=100))


@rule()
def chain_start_free(v):
    v.root.append(v.file("FREE.TXT", start=v.next + 10, size=100))
    v.root.append(v.file("FREE2.TXT", start=v.next + 12, size=3 * v.cluster_bytes))


@rule()
def chain_start_bad(v):
    chain = v.allocate(1)
    v.write(chain, text(100))
    v.fat[chain[0]] = BAD[v.bits]
    v.root.append(v.file("STARTBAD.TXT", start=chain[0], size=100))


@rule()
def chain_end_values(v):
    for low in range(7, 16):
        chain = v.allocate(2)
        v.write(chain, text(2 * v.cluster_bytes, low))
        v.fat[chain[1]] = END[v.bits] & ~0xF | low
        v.root.append(v.file("END%X.TXT" % low, start=chain[0], size=2 * v.cluster_bytes - 3))


@rule()
def chain_crossed(v):
    one, two = v.allocate(4), v.allocate(4)
    v.write(one, text(4 * v.cluster_bytes, 1))
    v.write(two, text(4 * v.cluster_bytes, 2))
    v.fat[two[1]] = one[2]
    v.root.append(v.file("ONE.TXT", start=one[0], size=4 * v.cluster_bytes))
    v.root.append(v.file("TWO.TXT", start=two[0], size=4 * v.cluster_bytes))
    v.root.append(v.file("THREE.TXT", start=one[0], size=4 * v.cluster_bytes))


@rule()
def chain_fragmented(v):
    chain = v.allocate(200, link=False)
    order = [chain[n * 77 % 200] for n in range(200)]
    v.chain(order)
    v.write(order, text(200 * v.cluster_bytes))
    v.root.append(v.file("FRAG.BIN", start=order[0], size=200 * v.cluster_bytes - 100))
    evens, odds = v.allocate(200, link=False)[::2], []
    v.chain(evens)
    v.write(evens, text(len(evens) * v.cluster_bytes, 2))
    v.root.append(v.file("EVEN.BIN", start=evens[0], size=len(evens) * v.cluster_bytes))


@rule()
def chain_to_the_last_cluster(v):
    chain = [v.clusters - 1, v.clusters, v.clusters + 1]
    v.chain(chain)
    v.write(chain, text(3 * v.cluster_bytes))
    v.root.append(v.file("LAST.TXT", start=chain[0], size=3 * v.cluster_bytes))


@rule(32)
def fat32_high_four_bits(v):
    chain = v.allocate(3)
    v.write(chain, text(3 * v.cluster_bytes))
    for cluster in chain:
        v.fat[cluster] |= 0xA0000000
    v.root.append(v.file("HIGH.TXT", start=chain[0], size=3 * v.cluster_bytes))
    v.root.append(v.file("STARTHI.TXT", start=chain[0] | 0xF0000000, size=100))


@rule(12, 16)
def start_high_word_on_fat16(v):
    start = v.store(text(1000))
    v.root.append(v.file("HIGHWORD.TXT", start=start | 0x00050000, size=1000))


@rule(12)
def fat12_entries_across_sectors(v):
    for base in (341, 342):
        chain = [base - 1, base, base + 1]
        v.chain(chain)
    v.chain(list(range(335, 350)))
    v.write(list(range(335, 350)), text(15 * v.cluster_bytes))
    v.root.append(v.file("ACROSS.TXT", start=335, size=15 * v.cluster_bytes))


# Directories

@rule()
def directory_plain(v):
    deep = v.directory("DEEP", [v.file("BOTTOM.TXT", b"bottom")])
    v.root.append(v.directory("SUB", [v.file("INNER.TXT", b"inner"), deep, v.directory("EMPTY", [])]))


@rule()
def directory_size_not_zero(v):
    v.root.append(v.directory("SIZED", [v.file("A.TXT", b"a")], size=12345))


@rule()
def directory_start_zero(v):
    v.root.append(entry(short_name("STARTZ"), DIRECTORY, 0))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule(32)
def directory_start_is_root(v):
    v.root.append(entry(short_name("ISROOT"), DIRECTORY, v.root_start))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def directory_start_out_of_range(v):
    for index, start in enumerate((1, v.clusters + 2, BAD[v.bits], END[v.bits])):
        v.root.append(entry(short_name("D%d" % index), DIRECTORY, start))
    v.root.append(v.file("BEHIND.TXT", b"behind"))


@rule()
def directory_start_free(v):
    v.root.append(entry(short_name("FREEDIR"), DIRECTORY, v.next + 20))


@rule()
def directory_without_dots(v):
    v.root.append(v.directory("NODOTS", [v.file("A.TXT", b"a"), v.file("B.TXT", b"b")], dots=False))
    v.root.append(v.directory("ONEDOT", [entry(b".          ", DIRECTORY, v.next), v.file("A.TXT", b"a")], dots=False))
    v.root.append(v.directory("DOTSLATE", [v.file("A.TXT", b"a"), entry(b".          ", DIRECTORY, v.next),
                                           entry(b"..         ", DIRECTORY, 0)], dots=False))


@rule()
def directory_dots_wrong(v):
    v.root.append(v.directory("WRONGDOT", [entry(b".          ", DIRECTORY, 77), entry(b"..         ", DIRECTORY, 88),
                                           v.file("A.TXT", b"a")], dots=False))
    v.root.append(v.directory("FILEDOTS", [entry(b".          ", ARCHIVE, v.next, 10), entry(b"..         ", ARCHIVE, 0, 7),
                                           v.file("A.TXT", b"a")], dots=False))
    v.root.append(v.directory("TWICE", [entry(b".          ", DIRECTORY, v.next), entry(b"..         ", DIRECTORY, 0),
                                        entry(b".          ", DIRECTORY, v.next), v.file("A.TXT", b"a")], dots=False))


@rule(32)
def directory_dotdot_is_root_cluster(v):
    v.root.append(v.directory("ROOTED", [v.file("A.TXT", b"a")], parent=v.root_start))


@rule()
def directory_only_zeros(v):
    chain = v.allocate(1)
    v.root.append(entry(short_name("BLANK"), DIRECTORY, chain[0]))


@rule()
def directory_is_its_own_child(v):
    chain = v.allocate(1)
    v.write(chain, entry(b".          ", DIRECTORY, chain[0]) + entry(b"..         ", DIRECTORY, 0) +
            entry(short_name("AGAIN"), DIRECTORY, chain[0]) + entry(short_name("A.TXT"), start=0, size=0))
    v.root.append(entry(short_name("ROUND"), DIRECTORY, chain[0]))


@rule()
def directory_twice(v):
    one = v.directory("ONE", [v.file("A.TXT", b"a")])
    v.root.append(one)
    start = struct.unpack_from("<H", one, 26)[0]
    v.root.append(entry(short_name("TWO"), DIRECTORY, start))


def directory_with(change):
    def body(v):
        per = v.cluster_bytes // 32
        entries = [v.file("F%04d.TXT" % n, b"%d" % n) for n in range(3 * per - 10)]
        before = v.next
        v.root.append(v.directory("LONG", entries))
        change(v, list(range(before, v.next)))
        v.root.append(v.file("BEHIND.TXT", b"behind"))
    return body


def _end_early(v, chain): v.fat[chain[0]] = END[v.bits]
def _free(v, chain): v.fat[chain[0]] = 0
def _bad(v, chain): v.fat[chain[1]] = BAD[v.bits]
def _out(v, chain): v.fat[chain[1]] = v.clusters + 5
def _one(v, chain): v.fat[chain[1]] = 1
def _loop(v, chain): v.fat[chain[-1]] = chain[0]
def _self(v, chain): v.fat[chain[-1]] = chain[-1]


for title, change in {"directory_chain_ends_early": _end_early, "directory_chain_runs_into_free": _free,
                      "directory_chain_runs_into_bad": _bad, "directory_chain_out_of_range": _out,
                      "directory_chain_runs_into_one": _one, "directory_chain_loop": _loop,
                      "directory_chain_loop_on_itself": _self, "directory_of_three_clusters": lambda v, c: None}.items():
    body = directory_with(change)
    body.__name__ = title
    rule(12 if "loop" in title else 12, 16, 32)(body)


@rule(32)
def directory_root_chain_ends_early(v):
    entries = [v.file("R%04d.TXT" % n, b"%d" % n) for n in range(3 * v.cluster_bytes // 32)]
    v.root += entries
    image = v.render()
    v.fat[v.root_start] = END[32]
    for copy in range(v.fats):
        at = (v.reserved + copy * v.fat_sectors) * v.sector
        image[at:at + v.fat_sectors * v.sector] = v.fat_bytes()
    return image


@rule()
def directory_stop_mark_then_entries(v):
    v.root.append(v.directory("STOPPED", [v.file("BEFORE.TXT", b"1"), bytes(32), v.file("BEHIND.TXT", b"2")]))
    v.root.append(v.directory("HALF", [v.file("BEFORE.TXT", b"1"), b"\0" + v.file("ZEROED.TXT", b"2")[1:],
                                       v.file("BEHIND.TXT", b"3")]))


@rule()
def directory_stop_mark_in_root(v):
    v.root += [bytes(32), v.file("BEHIND.TXT", b"behind the mark")]


@rule()
def directory_many_entries(v):
    v.root.append(v.directory("MANY", [v.file("E%05d.TXT" % n, attributes=ARCHIVE) for n in range(700)]))


@rule()
def directory_root_full(v):
    room = v.root_entries or 600
    while len(b"".join(v.root)) < room * 32:
        v.root.append(v.file("F%05d.TXT" % len(v.root)))


@rule()
def directory_deep(v):
    inner, start = v.file("BOTTOM.TXT", b"bottom"), None
    for level in range(11, 0, -1):
        inner = v.directory("L%d" % level, [inner])
    v.root.append(inner)


@rule()
def file_and_directory_attribute_swapped(v):
    v.root.append(entry(short_name("TEXTDIR"), DIRECTORY, v.store(text(2 * v.cluster_bytes))))
    start = v.directory("X", [v.file("A.TXT", b"a")])
    v.root.append(entry(short_name("DIRFILE"), ARCHIVE, struct.unpack_from("<H", start, 26)[0], 64))


# Boot sector

def boot_rule(title, change, *bits):
    def body(v):
        v.root.append(v.directory("SUB", [v.file("INNER.TXT", text(3000))]))
        return change(v)
    body.__name__ = title
    rule(*bits)(body)


def put(at, fmt, value):
    def change(v):
        struct.pack_into("<" + fmt, v.boot, at, value)
    return change


for title, at, fmt, value in [
    ("bpb_no_jump", 0, "3s", b"\0\0\0"), ("bpb_no_signature", 510, "H", 0), ("bpb_no_oem_name", 3, "8s", bytes(8)),
    ("bpb_sector_size_zero", 11, "H", 0), ("bpb_sector_size_256", 11, "H", 256), ("bpb_sector_size_513", 11, "H", 513),
    ("bpb_sector_size_1024_wrong", 11, "H", 1024), ("bpb_sector_size_8192", 11, "H", 8192),
    ("bpb_cluster_size_zero", 13, "B", 0), ("bpb_cluster_size_three", 13, "B", 3), ("bpb_cluster_size_128", 13, "B", 128),
    ("bpb_reserved_zero", 14, "H", 0), ("bpb_reserved_huge", 14, "H", 65535),
    ("bpb_fats_zero", 16, "B", 0), ("bpb_fats_200", 16, "B", 200), ("bpb_fats_one_of_two", 16, "B", 1),
    ("bpb_root_entries_zero", 17, "H", 0), ("bpb_root_entries_odd", 17, "H", 17), ("bpb_root_entries_huge", 17, "H", 65520),
    ("bpb_media_f0", 21, "B", 0xF0), ("bpb_media_f9", 21, "B", 0xF9), ("bpb_media_00", 21, "B", 0), ("bpb_media_f7", 21, "B", 0xF7),
    ("bpb_media_f1", 21, "B", 0xF1), ("bpb_heads_zero", 26, "H", 0), ("bpb_track_zero", 24, "H", 0),
    ("bpb_hidden_nonsense", 28, "I", 0xFFFFFFFF), ("bpb_total16_small", 19, "H", 300), ("bpb_total16_tiny", 19, "H", 2),
    ("bpb_total16_huge", 19, "H", 65535),
    ("bpb_exfat", 3, "8s", b"EXFAT   "), ("bpb_ntfs", 3, "8s", b"NTFS    "), ("bpb_hpfs_name", 3, "8s", b"HPFS 4.0"),
]:
    boot_rule(title, put(at, fmt, value), *((12, 16, 32) if "bpb_" in title and "exfat" not in title else (16,)))

for title, at, fmt, value in [
    ("bpb_fat_size_zero", 22, "H", 0), ("bpb_fat_size_one", 22, "H", 1), ("bpb_fat_size_huge", 22, "H", 0xFFFF),
    ("bpb_type_text_nonsense", 54, "8s", b"FAT32   "), ("bpb_boot_signature_none", 38, "B", 0), ("dirty_bit", 37, "B", 1),
    ("dirty_bit_surface", 37, "B", 3), ("bpb_total32_set_too", 32, "I", 0xFFFFFF),
]:
    boot_rule(title, put(at, fmt, value), 12, 16)

for title, at, fmt, value in [
    ("bpb_fat_size_32_zero", 36, "I", 0), ("bpb_fat_size_32_one", 36, "I", 1), ("bpb_fat_size_32_huge", 36, "I", 0x7FFFFFFF),
    ("bpb_fat_size_32_half", 36, "I", 12), ("bpb_fat_size_16_set_on_fat32", 22, "H", 24),
    ("bpb_total32_zero", 32, "I", 0), ("bpb_total32_small", 32, "I", 1000), ("bpb_total32_tiny", 32, "I", 10),
    ("bpb_total32_huge", 32, "I", 0xFFFFFFF0), ("bpb_total32_one_more", 32, "I", None),
    ("bpb_ext_flags_mirror_off_fat1", 40, "H", 0x81), ("bpb_ext_flags_mirror_off_fat0", 40, "H", 0x80),
    ("bpb_ext_flags_active_but_mirrored", 40, "H", 0x01), ("bpb_ext_flags_active_out_of_range", 40, "H", 0x85),
    ("bpb_version_1", 42, "H", 1), ("bpb_version_major", 42, "H", 0x100),
    ("bpb_root_cluster_zero", 44, "I", 0), ("bpb_root_cluster_one", 44, "I", 1), ("bpb_root_cluster_huge", 44, "I", 0x0FFFFFF0),
    ("bpb_root_cluster_just_out", 44, "I", 3002), ("bpb_root_cluster_free", 44, "I", 2900), ("bpb_root_cluster_high_bits", 44, "I", 0xF0000002),
    ("bpb_fsinfo_zero", 48, "H", 0), ("bpb_fsinfo_ffff", 48, "H", 0xFFFF), ("bpb_fsinfo_far", 48, "H", 900),
    ("bpb_fsinfo_backup_none", 50, "H", 0), ("bpb_type_text_nonsense", 82, "8s", b"FAT12   "), ("dirty_bit", 65, "B", 1),
    ("bpb_boot_signature_none", 66, "B", 0), ("bpb_reserved_not_zero", 52, "12s", b"\xFF" * 12),
]:
    boot_rule(title, put(at, fmt, value) if value is not None else
              (lambda v: struct.pack_into("<I", v.boot, 32, v.total + 1)), 32)


@rule(32)
def active_fat_differs(v):
    """Mirroring is off, FAT 1 is the right one, FAT 0 is of yesterday."""
    chain = v.allocate(3)
    v.write(chain, text(3 * v.cluster_bytes))
    v.root.append(v.file("ACTIVE.TXT", start=chain[0], size=3 * v.cluster_bytes))
    struct.pack_into("<H", v.boot, 40, 0x81)
    image = v.render()
    for cluster in chain:
        struct.pack_into("<I", image, v.reserved * v.sector + 4 * cluster, 0)
    return image


@rule()
def fat_copies_differ(v):
    chain = v.allocate(3)
    v.write(chain, text(3 * v.cluster_bytes))
    v.root.append(v.file("COPIES.TXT", start=chain[0], size=3 * v.cluster_bytes))
    image = v.render()
    at = (v.reserved + v.fat_sectors) * v.sector
    image[at + 8:at + v.fat_sectors * v.sector] = bytes(v.fat_sectors * v.sector - 8)
    return image


@rule()
def fat_first_entries(v):
    v.fat[0], v.fat[1] = 0, 0


@rule()
def fat_first_entry_other_media(v):
    v.fat[0] = END[v.bits] & ~0xFF | 0xF0


@rule(16, 32)
def dirty_bit_in_fat(v):
    v.fat[1] &= 0x7FFF if v.bits == 16 else 0x07FFFFFF


@rule(32)
def fsinfo_nonsense(v):
    image = v.render()
    image[512:1024] = v.fsinfo(free=0x7FFFFFFF, next_=0xFFFFFF0)
    return image


@rule(32)
def fsinfo_signatures_gone(v):
    image = v.render()
    image[512:1024] = bytes(512)
    return image


@rule(32)
def fsinfo_zero_free(v):
    image = v.render()
    image[512:1024] = v.fsinfo(free=0, next_=2)
    return image


@rule()
def image_cut_in_data(v):
    v.root.append(v.file("EARLY.TXT", text(2000)))
    v.chain([v.clusters])
    v.root.append(v.file("LATE.TXT", start=v.clusters, size=100))
    image = v.render()
    return image[:len(image) * 3 // 4 // 4096 * 4096]


@rule()
def image_cut_in_fat(v):
    return v.render()[:(v.reserved + 1) * v.sector]


@rule()
def image_without_last_sector(v):
    v.root.append(v.file("EARLY.TXT", text(2000)))
    v.root.append(v.directory("SUB", [v.file("INNER.TXT", text(9000))]))
    return v.render()[:-v.sector]


@rule()
def image_longer_than_volume(v):
    return v.render() + b"\xAA" * 65536


def counted(bits, clusters, title):
    """Just on this side, just on that side of a border between two FAT types."""
    def body(v):
        v = Fat(bits, clusters=clusters)
        v.root.append(v.file("COUNT.TXT", text(3000 if clusters > 10 else 0)))
        return v.render()
    body.__name__ = title
    rule(bits)(body)


for clusters in (4083, 4084):
    counted(12, clusters, "type_by_count_%d" % clusters)
for clusters in (4085, 4086, 65523, 65524):
    counted(16, clusters, "type_by_count_%d" % clusters)
counted(12, 4085, "type_by_count_4085_table_of_12")
counted(16, 4084, "type_by_count_4084_table_of_16")
counted(16, 65525, "type_by_count_65525")
for clusters in (1, 50, 65524, 65525, 65526):
    counted(32, clusters, "type_by_count_%d" % clusters)
counted(12, 1, "type_by_count_1")


# Geometry that mkfs.fat does not make

for sector in (512, 1024, 2048, 4096):
    for fats in (1, 2, 3):
        def body(v):
            v.root.append(v.directory("SUB", [v.file("INNER.TXT", text(9000))]))
            v.root.append(v.file("BIG.TXT", text(50000)))
        body.__name__ = "geometry_sector_%d_fats_%d" % (sector, fats)
        rule(*((12, 16, 32) if fats == 1 else (12,)), sector=sector, fats=fats)(body)
for reserved in (1, 2, 7, 33):
    def body(v):
        v.root.append(v.file("BIG.TXT", text(50000)))
    body.__name__ = "geometry_reserved_%d" % reserved
    rule(12, 32, reserved=reserved)(body)


# What is no FAT at all

@rule(16)
def empty_image(v):
    return bytearray(1 << 20)


@rule(16)
def noise(v):
    data, state = bytearray(), 12345
    for _ in range(65536):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        data.append(state >> 16 & 0xFF)
    return data


@rule(16)
def tiny_image(v):
    return bytearray(b"not a volume")
