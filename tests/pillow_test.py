"""Pictures of every format, mode and compression are decoded as Pillow decodes them.

The pictures are Pillow's own, some written here byte by byte since Pillow cannot write them, and
those of the assets where they are.
"""

import io
import os
import random
import struct
import sys
import tempfile
import unittest
import warnings
import zlib

from leat_process import ASSETS, PYTHON, Server

try:
    import numpy as np
    from PIL import Image, ImageOps
except ImportError:  # in the tests' own environment they are; see tools/setup.sh
    if sys.executable != str(PYTHON) and PYTHON.exists():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    print("skipped: Pillow is not there; tools/setup.sh demo brings it")
    sys.exit()

PIPELINE = """
leat: 1
name: decode
inputs: { data: BYTES }
steps:
  decode: { op: image.decode, inputs: { data: data }, params: { broken: reject, reduce: false } }
  encode: { op: image.encode, inputs: { image: decode.image }, params: { format: PNG } }
outputs: { png: encode.data }
"""


def photo(width=61, height=47):
    """A picture with slopes and noise, alike in every run."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:height, 0:width]
    planes = [255 * x / width, 255 * y / height, 127 + 120 * np.sin((x + 2 * y) / 9)]
    pixels = np.stack(planes, -1) + rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def as_mode(mode, size=(61, 47)):
    image = photo(*size)
    if mode == "I;16":
        return Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16) << 8) + 77)
    if mode in ("RGBA", "LA", "PA"):
        image.putalpha(image.convert("L").rotate(180))
    return image.quantize(60) if mode == "P" else image.convert(mode)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def written_by_pillow():
    for size in ((61, 47), (1, 1), (64, 3), (5, 130)):
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            yield f"PNG {mode} {size}", saved(as_mode(mode, size), "PNG")
        for bits in (1, 2, 4):
            yield f"PNG P {bits} {size}", saved(photo(*size).quantize(1 << bits), "PNG", bits=bits)
        yield f"PNG tRNS {size}", saved(as_mode("P", size), "PNG", transparency=3)
        yield f"PNG tRNS RGB {size}", saved(as_mode("RGB", size), "PNG", transparency=(1, 2, 3))
        for mode in ("1", "L", "P", "RGB"):
            yield f"BMP {mode} {size}", saved(as_mode(mode, size), "BMP")
            yield f"GIF {mode} {size}", saved(as_mode(mode, size), "GIF")
        yield f"BMP RGBA {size}", saved(as_mode("RGBA", size), "BMP")
        yield f"GIF flat {size}", saved(as_mode("P", size), "GIF", interlace=0, transparency=7)
        for mode in ("RGB", "RGBA"):
            for options in ({"lossless": True}, {"quality": 80}, {"quality": 5, "method": 0},
                            {"lossless": True, "exact": True}):
                yield f"WebP {mode} {size} {options}", saved(as_mode(mode, size), "WebP", **options)
        for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16"):
            kinds = ["raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "zstd"]
            kinds += ["group3", "group4", "tiff_ccitt"] if mode == "1" else []
            kinds += ["jpeg"] if mode in ("L", "RGB", "CMYK", "YCbCr") else []
            for kind in kinds:
                yield f"TIFF {mode} {kind} {size}", saved(as_mode(mode, size), "TIFF", compression=kind)
        for kind in ("raw", "tiff_lzw"):
            yield f"TIFF predictor {kind} {size}", saved(
                as_mode("RGB", size), "TIFF", compression=kind, tiffinfo={317: 2})
    for orientation in range(10):
        for kind in ("raw", "tiff_lzw")[:2 if 1 <= orientation <= 8 else 1]:
            yield f"TIFF turned {orientation} {kind}", saved(
                photo(), "TIFF", compression=kind, tiffinfo={274: orientation})
        exif = Image.Exif()
        exif[274] = orientation
        yield f"PNG turned {orientation}", saved(photo(), "PNG", exif=exif)
        yield f"WebP turned {orientation}", saved(photo(), "WebP", exif=exif, lossless=True)
    several = {"save_all": True, "append_images": [photo().rotate(90), photo().rotate(5)]}
    for kind in ("PNG", "GIF", "TIFF", "WebP"):
        yield f"{kind}, three", saved(photo(), kind, **several)
    yield "PNG, three and another", saved(photo(), "PNG", default_image=True, **several)
    yield "TIFF, large, big-endian", saved(photo(), "TIFF", big_tiff=True)


def written_here_png():
    """Every colour type, depth and order of rows: random bytes behind random filters."""
    rng = random.Random(5)
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    kinds = [(0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16))]
    for color, samples, depths in kinds:
        for depth in depths:
            for interlaced in (0, 1):
                for width, height in ((1, 1), (2, 3), (5, 9), (33, 20)):
                    rows = b""
                    for x, y, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
                        size = ((width - x + dx - 1) // dx * samples * depth + 7) // 8
                        for _ in range(y, height if size else 0, dy):
                            rows += bytes([rng.randrange(5)]) + rng.randbytes(size)
                    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
                    text = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
                    if color == 3:
                        text += chunk(b"PLTE", rng.randbytes(3 << depth)) + chunk(b"tRNS", b"\1\2")
                    elif color == 2:
                        text += chunk(b"tRNS", bytes(6))
                    packed = zlib.compress(rows)
                    text += chunk(b"IDAT", packed[:7]) + chunk(b"IDAT", b"") + chunk(b"IDAT", packed[7:])
                    yield f"PNG {color} {depth} {interlaced} {width}", text + chunk(b"IEND", b"")


def written_here_webp():
    """Animations whose first frame is smaller than the canvas, or blended with it."""
    def chunk(kind, data):
        return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    def three(number):
        return struct.pack("<I", number)[:3]
    for mode in ("RGB", "RGBA"):
        for options in ({"lossless": True, "exact": True}, {"quality": 60}):
            still = saved(as_mode(mode), "WebP", **options)
            pixels = still[12:] if still[12:16] != b"VP8X" else still[30:]
            for width, height, left, top in ((61, 47, 0, 0), (80, 60, 10, 6), (61, 50, 0, 2)):
                for flags in range(4):  # blend or not, dispose or not
                    frame = three(left // 2) + three(top // 2) + three(60) + three(46) + three(50)
                    body = chunk(b"VP8X", bytes([0x12, 0, 0, 0]) + three(width - 1) + three(height - 1))
                    body += chunk(b"ANIM", b"\x40\x80\xc0\xff\0\0")
                    body += chunk(b"ANMF", frame + bytes([flags]) + pixels)
                    yield (f"WebP {mode} {options} in {width} x {height}, {flags}",
                           chunk(b"RIFF", b"WEBP" + body))


def bmp(bits, rows, header=40, compression=0, masks=(), palette=(), top_down=False, colors=0, gap=0,
        width=13, height=7):
    """`rows`: of pixels, all of them, as stored."""
    if header == 12:
        second = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        second = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits,
                             compression, len(rows), 0, 0, colors, 0)
        second += struct.pack("<IIII", *masks, *[0] * (4 - len(masks)))
        second = second.ljust(header, b"\0")[:max(header, 52 if masks and header == 40 else header)]
    table = b"".join(struct.pack("BBBB", *color, 0)[:3 if header == 12 else 4] for color in palette)
    begin = 14 + len(second) + len(table) + gap
    return struct.pack("<2sIHHI", b"BM", begin + len(rows), 0, 0, begin) + second + table + bytes(gap) + rows


def written_here_bmp():
    rng = random.Random(2)
    def rows(bits, width=13, height=7):
        return rng.randbytes((bits * width + 31) // 32 * 4 * height)
    palette = [tuple(rng.randbytes(3)) for _ in range(256)]
    for bits in (1, 4, 8):
        for header in (12, 40, 64, 108, 124):
            yield f"BMP {bits} bits, header {header}", bmp(bits, rows(bits), header, palette=palette[:1 << bits])
        yield f"BMP {bits} bits, 1 colour", bmp(bits, rows(bits), palette=palette[:1], colors=1)
        yield f"BMP {bits} bits, top down", bmp(bits, rows(bits), palette=palette[:1 << bits], top_down=True)
        yield f"BMP {bits} bits, gap", bmp(bits, rows(bits), palette=palette[:1 << bits], gap=10)
    for bits in (16, 24, 32):
        for header in (40, 56, 64, 108, 124) + ((12,) if bits == 24 else ()):
            yield f"BMP {bits} bits, header {header}", bmp(bits, rows(bits), header)
            yield f"BMP {bits} bits, header {header}, top down", bmp(bits, rows(bits), header, top_down=header > 12)
    for bits, masks in [(16, (0xf800, 0x7e0, 0x1f)), (16, (0x7c00, 0x3e0, 0x1f)),
                        (24, (0xff0000, 0xff00, 0xff)), (32, (0xff0000, 0xff00, 0xff)),
                        (32, (0xff000000, 0xff0000, 0xff00)), (32, (0xff000000, 0xff00, 0xff)),
                        (32, (0xff, 0xff00, 0xff0000, 0xff000000)), (32, (0, 0, 0, 0))]:
        for header in (40, 56, 108, 124):
            if header == 40 and len(masks) == 4:
                continue
            yield f"BMP fields {bits} {masks} {header}", bmp(bits, rows(bits), header, 3, masks)
    end_row, end = b"\0\0", b"\0\1"
    row8 = [b"\5\x11\0\3\1\2\3\0\5\x44", b"\x0d\x07", b"\0\5\1\2\3\4\5\0\x08\x09", b"\3\1\0\2\2\0\x08\5"]
    row4 = [b"\5\x12\0\3\x12\x30\5\x45", b"\x0d\x67", b"\0\5\x12\x34\x50\0\x08\x19", b"\3\x21\0\2\2\0\x08\x56"]
    for bits, some in ((8, row8), (4, row4)):
        body = end_row.join((some * 2)[:7]) + end_row + end
        for top_down in (False, True):
            yield f"BMP run lengths {bits} {top_down}", bmp(
                bits, body, compression=3 - bits // 4, palette=palette[:1 << bits], top_down=top_down)
    skips = end_row.join(row8[:2]) + end_row + b"\0\2\4\2" + b"\x09\x05" + end_row + end_row.join(row8[:2]) + end_row
    yield "BMP run lengths, skips", bmp(8, skips + end, compression=1, palette=palette)


def lzw(levels, bits):
    """GIF's blocks, with codes that are all levels."""
    clear, size, text, held = 1 << bits, bits + 1, 0, 0
    codes = []
    for i, level in enumerate(levels):
        codes += [clear, level] if i % (clear - 2) == 0 else [level]
    out = bytearray()
    for code in codes + [clear + 1]:
        text |= code << held
        held += size
        while held >= 8:
            out.append(text & 255)
            text >>= 8
            held -= 8
    out.append(text)
    blocks = b"".join(bytes([len(out[i:i + 255])]) + out[i:i + 255] for i in range(0, len(out), 255))
    return bytes([bits]) + blocks + b"\0"


def gif(width, height, palette, left, top, w, h, levels, local=(), clear=None, bits=3, interlaced=0):
    def size_of(colors):
        return 0x80 | len(colors).bit_length() - 2 if colors else 0
    text = b"GIF89a" + struct.pack("<HHBBB", width, height, size_of(palette), 0, 0)
    text += b"".join(bytes(color) for color in palette)
    text += b"!\xfe\3abc\2de\0" + (b"" if clear is None else bytes([33, 249, 4, 1, 0, 0, clear, 0]))
    text += b"," + struct.pack("<HHHHB", left, top, w, h, size_of(local) | interlaced * 64)
    return text + b"".join(bytes(color) for color in local) + lzw(levels, bits) + b";"


def written_here_gif():
    rng = random.Random(3)
    four = [(10, 11, 12), (20, 21, 22), (30, 31, 32), (40, 41, 42)]
    two = [(1, 2, 3), (4, 5, 6)]
    for height in (1, 2, 3, 5, 8, 9, 30):
        levels = [rng.randrange(4) for _ in range(7 * height)]
        for interlaced in (0, 1):
            yield f"GIF of {height} rows {interlaced}", gif(
                7, height, four, 0, 0, 7, height, levels, interlaced=interlaced)
    yield "GIF beyond the palette", gif(3, 1, four, 0, 0, 3, 1, [1, 3, 7])
    yield "GIF without a palette", gif(3, 1, [], 0, 0, 3, 1, [1, 3, 7])
    yield "GIF, small frame", gif(4, 2, four, 1, 1, 2, 1, [1, 3])
    yield "GIF, small frame, clear", gif(4, 2, four, 1, 1, 2, 1, [1, 3], clear=2)
    yield "GIF, small frame, clear beyond", gif(4, 2, four, 1, 1, 2, 1, [1, 3], clear=9)
    yield "GIF, small frame, own palette", gif(4, 2, four, 1, 1, 2, 1, [1, 0], two)
    yield "GIF, frame beyond the canvas", gif(2, 2, four, 1, 1, 3, 4, [1, 3, 2] * 4)
    yield "GIF, no canvas", gif(0, 0, four, 1, 1, 2, 1, [1, 3])
    yield "GIF, too many pixels", gif(2, 1, four, 0, 0, 2, 1, [1, 3, 1, 1, 1])
    for bits in (1, 2, 8):
        yield f"GIF of {bits} bits", gif(9, 9, two, 0, 0, 9, 9, [0, 1, 1] * 27, bits=max(bits, 2))


def tiff(order, photometric, bits, samples, data, width=13, height=7, tile=None, planar=False, rows=3,
         extra=None, fill=1, palette=None, big=False):
    """Uncompressed. `data`: strips or tiles."""
    tags = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * samples), 259: (3, [1]),
            262: (3, [photometric]), 266: (3, [fill]), 277: (3, [samples]), 284: (3, [1 + planar])}
    if extra is not None:
        tags[338] = (3, [extra])
    if palette:
        tags[320] = (3, palette)
    offsets, counts = (324, 325) if tile else (273, 279)
    if tile:
        tags[322], tags[323] = (3, [tile[0]]), (3, [tile[1]])
    else:
        tags[278] = (3, [rows])
    head, word, entry = (16, "Q", 20) if big else (8, "I", 12)
    inline = 8 if big else 4
    tags[counts] = (4, [len(piece) for piece in data])
    tags[offsets] = (4, [0] * len(data))
    directory = head
    free = directory + (16 if big else 6) + entry * len(tags)
    at = free + sum(len(v) * (2 if t == 3 else 4) for t, v in tags.values())
    begin = at
    tags[offsets] = (4, [begin + sum(map(len, data[:i])) for i in range(len(data))])
    text, outside = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(order + ("H" if kind == 3 else "I") * len(values), *values)
        text += struct.pack(order + "HH" + word, tag, kind, len(values))
        if len(packed) <= inline:
            text += packed.ljust(inline, b"\0")
        else:
            text += struct.pack(order + word, free + len(outside))
            outside += packed
    mark = b"II" if order == "<" else b"MM"
    first = mark + (struct.pack(order + "HHHQ", 43, 8, 0, head) if big else struct.pack(order + "HI", 42, head))
    text = first + struct.pack(order + ("Q" if big else "H"), len(tags)) + text + struct.pack(order + word, 0)
    return (text + outside).ljust(begin, b"\0") + b"".join(data)


def written_here_tiff():
    rng = random.Random(4)
    def strips(bits, samples, planes=1, width=13, height=7, rows=3):
        row = (width * bits * samples + 7) // 8
        return [rng.randbytes(row * min(rows, height - y)) for _ in range(planes) for y in range(0, height, rows)]
    def tiles(bits, samples, planes=1, across=2, down=1):
        return [rng.randbytes((16 * bits * samples + 7) // 8 * 16) for _ in range(planes * across * down)]
    for order in "<>":
        for big in (False, True) if order == "<" else (False,):  # Pillow reads no others
            for white in (0, 1):
                for bits in (1, 2, 4, 8):
                    for fill in (1, 2) if bits < 8 else (1,):
                        yield f"TIFF {order}{big} grey {white} {bits} {fill}", tiff(
                            order, white, bits, 1, strips(bits, 1), fill=fill, big=big)
            for bits in (1, 2, 4, 8):
                palette = [rng.randrange(65536) for _ in range(3 << bits)]
                yield f"TIFF {order}{big} palette {bits}", tiff(
                    order, 3, bits, 1, strips(bits, 1), palette=palette, big=big)
            for bits in (8, 16):
                yield f"TIFF {order}{big} RGB {bits}", tiff(order, 2, bits, 3, strips(bits, 3), big=big)
                for extra in (None, 0, 1, 2):
                    yield f"TIFF {order}{big} RGB and {extra} {bits}", tiff(
                        order, 2, bits, 4, strips(bits, 4), extra=extra, big=big)
                yield f"TIFF {order}{big} CMYK {bits}", tiff(order, 5, bits, 4, strips(bits, 4), big=big)
        yield f"TIFF {order} grey and alpha", tiff(order, 1, 8, 2, strips(8, 2), extra=2)
        yield f"TIFF {order} planes", tiff(order, 2, 8, 3, strips(8, 1, 3), planar=True)
        yield f"TIFF {order} planes and alpha", tiff(order, 2, 8, 4, strips(8, 1, 4), planar=True, extra=2)
        yield f"TIFF {order} planes CMYK", tiff(order, 5, 8, 4, strips(8, 1, 4), planar=True)
        for bits, samples in ((1, 1), (8, 1), (8, 3), (16, 3)):
            yield f"TIFF {order} tiles {bits} {samples}", tiff(
                order, 2 if samples == 3 else 1, bits, samples, tiles(bits, samples, across=3, down=2),
                width=37, height=29, tile=(16, 16))
        yield f"TIFF {order} tiles of planes", tiff(
            order, 2, 8, 3, tiles(8, 1, 3, across=2), width=30, height=10, tile=(16, 16), planar=True)


def reference(data):
    """What Pillow gives, as an array; 16-bit grey by its high byte."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode == "I;16B":
        image = image.convert("I;16")
    if image.mode == "I;16":
        levels = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(levels[:, :, None], 3, 2)
    return np.asarray(image.convert("RGB"))


class AgainstPillow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        cls.file.write(PIPELINE)
        cls.file.flush()
        cls.server = Server(cls.file.name)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.file.close()

    def check(self, name, data):
        wanted = reference(data)
        status, answer = self.server.call("/run/decode", data, {"Accept": "image/png"})
        with self.subTest(name):
            self.assertEqual(status, 200, answer)
            got = np.asarray(Image.open(io.BytesIO(answer)))
            self.assertEqual(got.shape, wanted.shape)
            most = 1 if "YCbCr raw" in name else 0  # Pillow's own conversion, and libtiff's
            self.assertLessEqual(np.abs(got.astype(int) - wanted).max(), most)

    def test_pictures_made_for_this(self):
        for pictures in (written_by_pillow, written_here_png, written_here_webp, written_here_bmp,
                         written_here_gif, written_here_tiff):
            count = 0
            for name, data in pictures():
                self.check(name, data)
                count += 1
            print(f"{count} pictures of {pictures.__name__}")

    def test_assets(self):
        if not ASSETS.exists():
            self.skipTest(f"no assets at {ASSETS}")
        for path in sorted((ASSETS / "images").rglob("*.*")):
            if path.suffix in (".jpg", ".jpeg", ".mpo"):
                continue  # Pillow brings a libjpeg of its own
            try:
                reference(path.read_bytes())
            except (OSError, ValueError, Image.DecompressionBombError):
                continue  # the manifest's test has those that are to be refused
            self.check(path.name, path.read_bytes())


if __name__ == "__main__":
    unittest.main()
