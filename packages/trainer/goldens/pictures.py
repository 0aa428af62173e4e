"""Small pictures of every kind that training data hold, and what Hugging Face makes of them: the RGB bytes of transformers' load_image (Pillow: orientation
followed, then convert('RGB')) and the pixel values of the slow Qwen2VLImageProcessor, as SHA-256 of uint8 and little-endian float32 bytes.
usage: pictures.py OUT_DIR        made with transformers 4.49.0, Pillow 11.3.0, NumPy 1.26.4"""
import hashlib, io, json, os, struct, sys, zlib
import numpy as np, PIL, PIL.features, transformers
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin
from transformers.image_utils import load_image
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

out = sys.argv[1]
rng = np.random.default_rng(11)


def scene(w, h, bands=3):
    """Gradients, edges and noise: what upsampling, clipping and rounding disagree about."""
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([(x * 255 // max(1, w - 1) + 40 * c * y // h) % 256 for c in range(bands)], -1).astype(float)
    a[h // 4 : h // 2, w // 3 : w // 3 * 2] = [255, 0, 0, 128, 255][:bands]
    a[h // 2 : h // 2 + 2] = [0, 255, 40, 0, 0][:bands]
    a[:, w // 2 :] += rng.normal(0, 30, (h, w - w // 2, bands))
    return np.clip(np.round(a), 0, 255).astype(np.uint8)


def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png16(a, colour):
    """A 16-bit PNG, which Pillow reads but cannot write for colour."""
    h, w = a.shape[:2]
    rows = b''.join(b'\0' + a[i].astype('>u2').tobytes() for i in range(h))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 16, colour, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def orientation(n):
    exif = Image.Exif()
    exif[0x0112] = n
    return exif


rgb = Image.fromarray(scene(61, 45))
rgba = Image.fromarray(scene(40, 33, 4))
grey = Image.fromarray(scene(40, 33, 1)[..., 0])
small = Image.fromarray(scene(36, 29))
wide16 = (scene(31, 29, 3).astype(np.uint32) * 257 + rng.integers(0, 200, (29, 31, 3))).clip(0, 65535)
gamma = PngImagePlugin.PngInfo()
gamma.add(b'gAMA', struct.pack('>I', 100000))
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes().replace(b'\0\x02\x33\x33', b'\0\x01\x80\x00')  # another gamma: to be ignored
keyed = rgb.quantize(16)
files = {
    'rgb.png': encoded(rgb, 'PNG'),
    'rgba.png': encoded(rgba, 'PNG'),
    'grey.png': encoded(grey, 'PNG'),
    'grey_alpha.png': encoded(rgba.convert('LA'), 'PNG'),
    'palette.png': encoded(rgb.quantize(64), 'PNG'),
    'palette_4bit.png': encoded(keyed, 'PNG', bits=4),
    'palette_transparent.png': encoded(keyed, 'PNG', transparency=bytes(range(0, 256, 16))),
    'black_white.png': encoded(grey.convert('1'), 'PNG'),
    'colour_key.png': encoded(rgb, 'PNG', transparency=rgb.getpixel((0, 0))),
    'grey16.png': png16(wide16[..., :1], 0),
    'grey16_dark.png': png16(wide16[..., :1] // 300, 0),
    'grey_alpha16.png': png16(wide16[..., :2], 4),
    'rgb16.png': png16(wide16, 2),
    'rgba16.png': png16(np.concatenate([wide16, wide16[..., :1]], -1), 6),
    'gamma.png': encoded(small, 'PNG', pnginfo=gamma),
    'profile.png': encoded(small, 'PNG', icc_profile=profile),
    'oriented.png': encoded(small, 'PNG', exif=orientation(6)),
    'quality_95_444.jpg': encoded(rgb, 'JPEG', quality=95, subsampling=0),
    'quality_75_422.jpg': encoded(rgb, 'JPEG', quality=75, subsampling=1),
    'quality_75_420.jpg': encoded(rgb, 'JPEG', quality=75, subsampling=2),
    'quality_20_420.jpg': encoded(rgb, 'JPEG', quality=20, subsampling=2),
    'progressive.jpg': encoded(rgb, 'JPEG', quality=85, progressive=True, optimize=True),
    'grey.jpg': encoded(grey, 'JPEG'),
    'profile.jpg': encoded(small, 'JPEG', quality=90, icc_profile=profile),
    'cmyk.jpg': encoded(Image.frombytes('CMYK', (40, 33), scene(40, 33, 4).tobytes()), 'JPEG', quality=92),
    'thin.jpg': encoded(Image.fromarray(scene(29, 260)), 'JPEG', quality=50),
    'lossy.webp': encoded(rgb, 'WEBP', quality=70),
    'lossless.webp': encoded(small, 'WEBP', lossless=True),
    'alpha.webp': encoded(rgba, 'WEBP', quality=80),
    'oriented.webp': encoded(small, 'WEBP', quality=80, exif=orientation(8)),
    'animated.webp': encoded(small, 'WEBP', lossless=True, save_all=True, append_images=[small.rotate(180)]),
    'still.gif': encoded(rgb.quantize(32), 'GIF'),
}
for n in range(1, 9): files[f'orientation_{n}.jpg'] = encoded(small, 'JPEG', quality=60, exif=orientation(n))

sha = lambda a: hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()
os.makedirs(f'{out}/pictures', exist_ok=True)
entries = []
for name, data in files.items():
    path = f'{out}/pictures/{name}'
    open(path, 'wb').write(data)
    image = load_image(path)
    o = Qwen2VLImageProcessor()(images=[image], return_tensors='np')
    entries.append(dict(name=name, mode=Image.open(path).mode, width=image.width, height=image.height, rgb_sha256=sha(np.asarray(image)),
                        grid=o['image_grid_thw'][0].tolist(), pixels_sha256=sha(o['pixel_values'].astype('<f4'))))
limits = []
for name, low, high in [('rgb.png', 3136, 12845056), ('rgb.png', 100352, 12845056), ('rgb.png', 784, 1568), ('quality_75_420.jpg', 50176, 50176), ('thin.jpg', 20000, 200000)]:
    o = Qwen2VLImageProcessor(min_pixels=low, max_pixels=high)(images=[load_image(f'{out}/pictures/{name}')], return_tensors='np')
    limits.append(dict(name=name, minPixels=low, maxPixels=high, grid=o['image_grid_thw'][0].tolist(), pixels_sha256=sha(o['pixel_values'].astype('<f4'))))
source = f'Hugging Face transformers {transformers.__version__} load_image and Qwen2VLImageProcessor, Pillow {PIL.__version__} (libjpeg-turbo {PIL.features.version("jpg")}, libwebp {PIL.features.version("webp")})'
json.dump(dict(source=source, pictures=entries, limits=limits), open(f'{out}/pictures.json', 'w'), indent=1)
print(source, sum(map(len, files.values())), 'bytes')
