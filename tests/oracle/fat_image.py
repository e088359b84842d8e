"""Writes FAT images byte by byte: every rule of the format can be kept or broken at will.

Microsoft FAT specification 1.03. Nothing here checks anything.
"""

import struct

END = {12: 0xFFF, 16: 0xFFFF, 32: 0x0FFFFFFF}
BAD = {12: 0xFF7, 16: 0xFFF7, 32: 0x0FFFFFF7}

READ_ONLY, HIDDEN, SYSTEM, LABEL, DIRECTORY, ARCHIVE, LONG = 1, 2, 4, 8, 0x10, 0x20, 0x0F

DATE_2020 = (2020 - 1980) << 9 | 6 << 5 | 15
NOON = 12 << 11 | 34 << 5 | 28


def checksum(short):
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    return total


def entry(short, attributes=ARCHIVE, start=0, size=0, nt=0, tenths=0, ctime=NOON, cdate=DATE_2020,
          adate=DATE_2020, mtime=NOON, mdate=DATE_2020):
    """A directory entry; `short` is the eleven bytes as they are on disk."""
    assert len(short) == 11, short
    return struct.pack("<11sBBBHHHHHHHI", short, attributes, nt, tenths, ctime, cdate, adate,
                       start >> 16, mtime, mdate, start & 0xFFFF, size)


def short_name(text):
    """'A.TXT' as it is on disk."""
    base, _, extension = text.partition(".")
    return base.encode("latin-1").ljust(8) + extension.encode("latin-1").ljust(3)


def units_of(text):
    """The UTF-16 code units of a text, a lone surrogate as it is."""
    data = text.encode("utf-16-le", "surrogatepass")
    return list(struct.unpack("<%dH" % (len(data) // 2), data))


def slot(order, thirteen, sum_, attributes=LONG, type_=0, start=0):
    raw = [struct.pack("<H", unit) for unit in thirteen]
    return (bytes([order]) + b"".join(raw[:5]) + bytes([attributes, type_, sum_]) + b"".join(raw[5:11]) +
            struct.pack("<H", start) + b"".join(raw[11:]))


def padded(units):
    units = list(units)
    if len(units) % 13:
        units.append(0)
    while len(units) % 13:
        units.append(0xFFFF)
    return units


def long_slots(units, sum_, attributes=LONG, type_=0):
    """As a list, in the order on disk: the last part of the name first."""
    units = padded(units)
    count = len(units) // 13
    return [slot(n | (0x40 if n == count else 0), units[13 * (n - 1):13 * n], sum_, attributes, type_)
            for n in range(count, 0, -1)]


def long_entry(text, short, **fields):
    """Slots and entry of a file with a long name."""
    units = units_of(text) if isinstance(text, str) else text
    return b"".join(long_slots(units, checksum(short))) + entry(short, **fields)


class Fat:
    def __init__(self, bits=16, sector=512, per_cluster=1, reserved=None, fats=2, clusters=None,
                 root_entries=None, media=0xF8, fat_sectors=None, label=b"NO NAME    "):
        self.bits, self.sector, self.per_cluster, self.fats, self.media = bits, sector, per_cluster, fats, media
        self.reserved = reserved if reserved is not None else (32 if bits == 32 else 1)
        self.clusters = clusters or {12: 600, 16: 4200, 32: 3000}[bits]
        self.root_entries = 0 if bits == 32 else (root_entries or max(128, sector // 32))
        table = ((self.clusters + 2) * bits + 7) // 8
        self.fat_sectors = fat_sectors or -(-table // sector)
        self.root_sectors = self.root_entries * 32 // sector
        self.data_start = self.reserved + fats * self.fat_sectors + self.root_sectors
        self.total = self.data_start + self.clusters * per_cluster
        self.cluster_bytes = sector * per_cluster
        self.image = bytearray(self.total * sector)
        self.next = 2
        self.fat = [0] * (self.clusters + 2)
        self.fat[0] = END[bits] & ~0xFF | media
        self.fat[1] = END[bits]
        self.root = []  # the bytes of its entries, in order
        self.root_start = self.allocate(1)[0] if bits == 32 else 0
        self.label = label
        self.boot = self.make_boot_sector()

    def make_boot_sector(self):
        boot = bytearray(self.sector)
        small = self.bits != 32
        boot[0:3] = b"\xEB\x3C\x90" if small else b"\xEB\x58\x90"
        boot[3:11] = b"MSWIN4.1"
        struct.pack_into("<HBHBHHBHHHII", boot, 11, self.sector, self.per_cluster, self.reserved, self.fats,
                         self.root_entries, self.total if small and self.total < 65536 else 0, self.media,
                         self.fat_sectors if small else 0, 32, 64, 0,
                         0 if small and self.total < 65536 else self.total)
        at = 36
        if not small:
            struct.pack_into("<IHHIHH", boot, 36, self.fat_sectors, 0, 0, self.root_start, 1, 6)
            at = 64
        struct.pack_into("<BBBI11s8s", boot, at, 0x80, 0, 0x29, 0x12345678, self.label,
                         b"FAT%d   " % self.bits)
        boot[510:512] = b"\x55\xAA"
        return boot

    # Clusters

    def allocate(self, count, link=True):
        """`count` clusters in a row, chained."""
        chain = list(range(self.next, self.next + count))
        self.next += count
        if link:
            self.chain(chain)
        return chain

    def chain(self, clusters, end=None):
        for here, after in zip(clusters, clusters[1:]):
            self.fat[here] = after
        if clusters:
            self.fat[clusters[-1]] = END[self.bits] if end is None else end

    def offset(self, cluster):
        return (self.data_start + (cluster - 2) * self.per_cluster) * self.sector

    def write(self, clusters, data):
        for index, cluster in enumerate(clusters):
            part = data[index * self.cluster_bytes:(index + 1) * self.cluster_bytes]
            if cluster - 2 < self.clusters:
                self.image[self.offset(cluster):self.offset(cluster) + len(part)] = part

    def store(self, data):
        """Content, in clusters of its own; gives the first one."""
        if not data:
            return 0
        chain = self.allocate(-(-len(data) // self.cluster_bytes))
        self.write(chain, data)
        return chain[0]

    # Things in directories

    def file(self, name, data=b"", **fields):
        """An entry for a file with a plain short name."""
        fields = {"start": self.store(data), "size": len(data), **fields}
        return entry(name if isinstance(name, bytes) else short_name(name), **fields)

    def directory(self, name, entries, parent=0, dots=True, **fields):
        """An entry for a directory that holds these bytes."""
        count = max(1, -(-(len(b"".join(entries)) + (64 if dots else 0)) // self.cluster_bytes))
        chain = self.allocate(count)
        data = b"".join(entries)
        if dots:
            data = (entry(b".          ", DIRECTORY, chain[0]) + entry(b"..         ", DIRECTORY, parent) +
                    data)
        self.write(chain, data)
        return entry(name if isinstance(name, bytes) else short_name(name),
                     **{"attributes": DIRECTORY, "start": chain[0], **fields})

    # Writing it out

    def fat_bytes(self):
        size = self.fat_sectors * self.sector
        if self.bits == 12:
            table = bytearray(len(self.fat) * 3 // 2 + 3)
            for index, value in enumerate(self.fat):
                at = index * 3 // 2
                word = table[at] | table[at + 1] << 8
                word = word & 0x000F | (value & 0xFFF) << 4 if index & 1 else word & 0xF000 | value & 0xFFF
                table[at], table[at + 1] = word & 0xFF, word >> 8
            table = bytes(table)
        else:
            table = struct.pack("<%d%s" % (len(self.fat), "H" if self.bits == 16 else "I"), *self.fat)
        return table[:size].ljust(size, b"\0")

    def fsinfo(self, free=0xFFFFFFFF, next_=0xFFFFFFFF, lead=0x41615252, signature=0x61417272):
        info = bytearray(self.sector)
        struct.pack_into("<I", info, 0, lead)
        struct.pack_into("<III", info, 484, signature, free, next_)
        info[508:512] = b"\0\0\x55\xAA"
        return info

    def render(self):
        image, sector = self.image, self.sector
        root = b"".join(self.root)
        if self.bits == 32:
            if self.root_start and root:
                needed = -(-len(root) // self.cluster_bytes)
                chain = [self.root_start]
                if needed > 1:
                    chain += self.allocate(needed - 1, link=False)
                    self.chain(chain)
                self.write(chain, root)
            if self.reserved > 6:
                image[sector:2 * sector] = self.fsinfo()
                image[6 * sector:7 * sector] = self.boot
        else:
            at = (self.data_start - self.root_sectors) * sector
            root = root[:self.root_entries * 32]
            image[at:at + len(root)] = root
        image[0:sector] = self.boot
        table = self.fat_bytes()
        for copy in range(self.fats):
            at = (self.reserved + copy * self.fat_sectors) * sector
            image[at:at + len(table)] = table
        return image


def write_sparse(path, data):
    """Blocks of zeros become holes."""
    with open(path, "wb") as file:
        view = memoryview(data)
        zeros = bytes(4096)
        for at in range(0, len(view), 4096):
            block = view[at:at + 4096]
            if block != zeros[:len(block)]:
                file.seek(at)
                file.write(block)
        file.truncate(len(view))
