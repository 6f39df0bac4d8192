"""Golden pixels: what the Python image processors make of image files of many kinds, and of images of many sizes.

Writes fixtures/golden/pixels; see its README. Needs, in a virtual environment,

    pip install torch==2.13.0 torchvision==0.28.0 transformers==5.24.0 pillow==13.0.0 numpy==2.4.6
"""

import hashlib
import json
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch

import any_torchvision  # noqa: F401
from PIL import Image, ImageCms
from transformers.image_utils import load_image
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_idefics3 import Idefics3ImageProcessor
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava.image_processing_llava import LlavaImageProcessor
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_onevision.image_processing_llava_onevision import LlavaOnevisionImageProcessor
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip.image_processing_siglip import SiglipImageProcessor
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.image_processing_smolvlm import SmolVLMImageProcessor

warnings.simplefilter("ignore")
torch.set_num_threads(1)

HALF = [0.5, 0.5, 0.5]
QWEN = {"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}

# name: (class of torchvision, class of Pillow, configuration)
PROCESSORS = {
    "shapes": (
        Qwen2VLImageProcessor,
        Qwen2VLImageProcessorPil,
        {**QWEN, "min_pixels": 3136, "max_pixels": 3136, "image_mean": HALF, "image_std": HALF},
    ),
    "qwen2-vl": (
        Qwen2VLImageProcessor,
        Qwen2VLImageProcessorPil,
        {**QWEN, "min_pixels": 3136, "max_pixels": 200704},
    ),
    "qwen2.5-vl": (
        Qwen2VLImageProcessor,
        Qwen2VLImageProcessorPil,
        {**QWEN, "min_pixels": 3136, "max_pixels": 50176, "resample": 2},
    ),
    "qwen3-vl": (
        Qwen2VLImageProcessor,
        Qwen2VLImageProcessorPil,
        {
            "patch_size": 16,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "size": {"shortest_edge": 65536, "longest_edge": 262144},
            "image_mean": HALF,
            "image_std": HALF,
        },
    ),
    "idefics3": (
        Idefics3ImageProcessor,
        Idefics3ImageProcessorPil,
        {"size": {"longest_edge": 728}, "max_image_size": {"longest_edge": 364}},
    ),
    "smolvlm": (
        SmolVLMImageProcessor,
        SmolVLMImageProcessorPil,
        {"size": {"longest_edge": 1024}, "max_image_size": {"longest_edge": 512}},
    ),
    "smolvlm-whole": (
        SmolVLMImageProcessor,
        SmolVLMImageProcessorPil,
        {
            "size": {"longest_edge": 512},
            "max_image_size": {"longest_edge": 512},
            "do_image_splitting": False,
            "resample": 2,
        },
    ),
    "clip": (
        CLIPImageProcessor,
        CLIPImageProcessorPil,
        {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}},
    ),
    "siglip": (SiglipImageProcessor, SiglipImageProcessorPil, {"size": {"height": 98, "width": 98}}),
    "llava-padded": (
        LlavaImageProcessor,
        LlavaImageProcessorPil,
        {"do_pad": True, "size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}},
    ),
    "llava-onevision": (
        LlavaOnevisionImageProcessor,
        LlavaOnevisionImageProcessorPil,
        {"size": {"height": 98, "width": 98}, "image_mean": HALF, "image_std": HALF},
    ),
}

# what differs from clip only in how it finds the size, tried with a few
FEW = [(1, 1), (29, 57), (401, 2), (37, 1000), (90, 60), (427, 640)]
WHOLE = ("siglip", "llava-padded", "llava-onevision")

# width, height of the images that both sides generate
SIZES = [
    *[(1, 1), (2, 2), (1, 7), (13, 1), (27, 27), (28, 28), (29, 57), (42, 70), (56, 56), (100, 100)],
    *[(2, 400), (400, 2), (3, 600), (401, 2), (37, 1000), (90, 60), (427, 640), (640, 480), (480, 640)],
    *[(333, 777), (1920, 1080), (4000, 3000)],
]

# what is tried on images above a million pixels, to keep the test short
LARGE = [("qwen2-vl", "pillow"), ("qwen2-vl", "torchvision"), ("idefics3", "pillow"), ("clip", "torchvision")]


def pattern(width, height):
    """An image with fine and coarse structure, by whole numbers only."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = [(3 * x * x + 5 * y * y + 7 * x * y + 29 * ((x >> 3) ^ (y >> 2)) + 85 * c) // 4 % 256 for c in range(3)]
    return np.stack(planes, -1).astype(np.uint8)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(array, colour, depth, extra=b""):
    """A PNG of the given lines of bytes, for kinds that Pillow does not write."""
    height, width = array.shape[:2]
    width = width * 8 // depth if depth < 8 else width
    lines = b"".join(b"\0" + line.tobytes() for line in array)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), extra, chunk(b"IDAT", zlib.compress(lines, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bmp(bits, compression, masks, rows, top_down=False):
    """A BMP file of 16 or 32 bits a pixel."""
    height, width = rows.shape
    body = b"".join(row.tobytes() + b"\0" * (-len(row.tobytes()) % 4) for row in (rows if top_down else rows[::-1]))
    tall = -height if top_down else height
    info = struct.pack("<IiiHHIIiiII", 40, width, tall, 1, bits, compression, len(body), 0, 0, 0, 0)
    info += b"".join(struct.pack("<I", mask) for mask in masks)
    start = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + body


def oriented(value):
    exif = Image.Exif()
    exif[0x112] = value
    return exif


def write_files(folder):
    random = np.random.default_rng(1)
    soft = np.clip(pattern(62, 46).astype(int) // 3 + np.mgrid[0:46, 0:62][1][..., None] * 2, 0, 255).astype(np.uint8)
    rgb = Image.fromarray(soft)
    grey = Image.fromarray(soft[..., 0])
    alpha = random.integers(0, 256, (46, 62), dtype=np.uint8)
    rgba = Image.fromarray(np.dstack([soft, alpha]), "RGBA")
    palette = rgb.quantize(40)
    turned = rgb.rotate(180)

    def save(name, image, **options):
        image.save(folder / name, **options)

    save("rgb.png", rgb)
    save("rgba.png", rgba)
    save("grey.png", grey)
    save("grey-alpha.png", Image.fromarray(np.dstack([soft[..., 0], alpha]), "LA"))
    save("palette.png", palette)
    save("palette-alpha.png", palette, transparency=bytes(range(0, 200, 5)))
    save("bits-1.png", rgb.convert("1"))
    save("profile.png", rgb, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    save("orientation-6.png", rgb, exif=oriented(6))
    big = lambda channels: random.integers(0, 65536, (20, 31, channels)).astype(">u2")
    raw = {
        "bits-2-grey.png": png(random.integers(0, 256, (20, 8), dtype=np.uint8), 0, 2),
        "bits-4-grey.png": png(random.integers(0, 256, (20, 15), dtype=np.uint8), 0, 4),
        "bits-16-grey.png": png((big(1) // 150).astype(">u2"), 0, 16),
        "bits-16-grey-alpha.png": png(big(2), 4, 16),
        "bits-16-rgb.png": png(big(3), 2, 16),
        "bits-16-rgba.png": png(big(4), 6, 16),
        "transparent-grey.png": png(random.integers(0, 20, (20, 30), dtype=np.uint8), 0, 8, chunk(b"tRNS", b"\0\5")),
        "transparent-rgb.png": png(
            random.integers(0, 2, (20, 30, 3), dtype=np.uint8), 2, 8, chunk(b"tRNS", b"\0\1\0\1\0\1")
        ),
        "gamma.png": png(soft, 2, 8, chunk(b"gAMA", struct.pack(">I", 100000))),
        "bits-16-555.bmp": bmp(16, 0, [], random.integers(0, 32768, (11, 7)).astype("<u2")),
        "bits-16-565.bmp": bmp(16, 3, [0xF800, 0x7E0, 0x1F], random.integers(0, 65536, (11, 7)).astype("<u2")),
        "bits-32.bmp": bmp(32, 0, [], random.integers(0, 2**32, (11, 7)).astype("<u4")),
        "top-down.bmp": bmp(32, 0, [], random.integers(0, 2**32, (11, 7)).astype("<u4"), top_down=True),
    }
    for name, data in raw.items():
        (folder / name).write_bytes(data)
    for name, options in {
        "420.jpg": {"subsampling": 2},
        "422.jpg": {"subsampling": 1},
        "444.jpg": {"subsampling": 0},
        "progressive.jpg": {"progressive": True},
        "low-quality.jpg": {"quality": 10},
    }.items():
        save(name, rgb, **options)
    save("odd.jpg", rgb.crop((0, 0, 61, 45)))
    save("grey.jpg", grey)
    save("cmyk.jpg", rgb.convert("CMYK"))
    for value in range(1, 9):
        save(f"orientation-{value}.jpg", rgb, exif=oriented(value))
    save("lossy.webp", rgb)
    save("lossless.webp", rgb, lossless=True)
    save("alpha.webp", rgba)
    save("animated.webp", rgb, save_all=True, append_images=[turned], lossless=True)
    save("orientation-8.webp", rgb, exif=oriented(8), lossless=True)
    save("palette.gif", palette)
    save("transparent.gif", palette, transparency=3)
    save("animated.gif", palette, save_all=True, append_images=[turned.quantize(30)])
    noise = random.integers(0, 256, (90, 120), dtype=np.uint8)
    save("noise.gif", Image.fromarray(noise), interlace=1)
    save("rgb.tif", rgb)
    save("lzw.tif", rgb, compression="tiff_lzw")
    save("jpeg.tif", rgb, compression="jpeg")
    save("deflate-alpha.tif", rgba, compression="tiff_deflate")
    save("fax.tif", rgb.convert("1"), compression="group4")
    save("palette.tif", palette)
    save("cmyk.tif", rgb.convert("CMYK"))
    save("bits-16-grey.tif", Image.fromarray(random.integers(0, 400, (20, 31)).astype(np.uint16)))
    save("orientation-5.tif", rgb, exif=oriented(5))
    save("rgb.bmp", rgb)
    save("palette.bmp", palette)
    save("grey.bmp", grey)
    save("bits-1.bmp", rgb.convert("1"))
    save("lossless.avif", rgb, quality=100, subsampling="4:4:4")


SAMPLES = 16


def summary(tensor):
    """Dimensions, hash of the float32 little endian bytes, and values at places that the test computes again."""
    flat = np.ascontiguousarray(tensor, dtype="<f4").reshape(-1)
    places = [(7919 * i * i + 104729 * i) % flat.size for i in range(SAMPLES)]
    return {
        "dims": list(tensor.shape),
        "sha256": hashlib.sha256(flat.tobytes()).hexdigest(),
        "samples": [float(flat[place]) for place in places],
    }


def process(processor, image):
    splits = {"return_row_col_info": True} if hasattr(processor, "do_image_splitting") else {}
    several = "Onevision" in type(processor).__name__  # shows one of several images of a prompt whole
    try:
        out = processor(images=[[image, image]] if several else [image], return_tensors="pt", **splits)
    except ValueError as error:
        return {"error": str(error)}
    values = out["pixel_values"].numpy()
    found = summary(values[0] if several else values)
    if "image_grid_thw" in out:
        found["grid"] = out["image_grid_thw"][0].tolist()[1:]
    if "rows" in out:
        found["grid"] = [out["rows"][0][0], out["cols"][0][0]]
    return found


def main():
    target = Path(__file__).parents[2] / "fixtures/golden/pixels"
    images = target / "images"
    images.mkdir(parents=True, exist_ok=True)
    if "--keep-files" not in sys.argv:
        write_files(images)
    pairs = {
        name: {"torchvision": fast(**config), "pillow": pil(**config)}
        for name, (fast, pil, config) in PROCESSORS.items()
    }
    decoded, processed = {}, []
    for path in sorted(images.iterdir()):
        array = np.array(load_image(str(path)))
        image = Image.fromarray(array)  # without what the file said of transparency, which processors of 5.x ask for
        decoded[path.name] = {
            "size": [image.width, image.height],
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
            "samples": [int(array.reshape(-1)[(7919 * i * i + 104729 * i) % array.size]) for i in range(SAMPLES)],
        }
        for name, resizer in (("qwen2-vl", "pillow"), ("clip", "torchvision")):
            found = process(pairs[name][resizer], image)
            processed.append({"image": path.name, "processor": name, "resizer": resizer, **found})
    for width, height in SIZES:
        image = Image.fromarray(pattern(width, height))
        for name, both in pairs.items():
            for resizer, processor in both.items():
                if width * height > 10**6 and (name, resizer) not in LARGE:
                    continue
                if name in WHOLE and (width, height) not in FEW:
                    continue
                found = process(processor, image)
                processed.append({"size": [width, height], "processor": name, "resizer": resizer, **found})
    configs = {name: config for name, (_, _, config) in PROCESSORS.items()}
    lines = lambda rows: ",\n".join(json.dumps(row) for row in rows)
    (target / "expected.json").write_text(
        f'{{"processors": {json.dumps(configs)},\n"decoded": {{\n'
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(found)}" for name, found in decoded.items())
        + f'}},\n"processed": [\n{lines(processed)}\n]}}\n'
    )
    print(len(decoded), "files,", len(processed), "tensors")


if __name__ == "__main__":
    main()
