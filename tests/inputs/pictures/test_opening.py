"""Pictures as people have them, and files that only look like pictures."""

from __future__ import annotations

import copy
import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hasei.ground.errors import DataError
from hasei.inputs.pictures import Picture, inspect, locate, open_picture, perceptual_hash


def arrow(width=40, height=20):
    """Red left half, blue right half, a white corner at the top left: any turn shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = (255, 0, 0), (0, 0, 255)
    pixels[: height // 4, : width // 4] = 255
    return Image.fromarray(pixels)


def saved(folder, name, image=None, **options):
    (image or arrow()).save(folder / name, **options)
    return locate(folder, name)


def near(pixel, expected, tolerance=12):
    return all(abs(int(a) - b) <= tolerance for a, b in zip(pixel, expected))


def refused(picture, *words):
    with pytest.raises(DataError) as error:
        open_picture(picture)
    assert "\n" not in str(error.value) and all(word in str(error.value) for word in words), str(error.value)


def test_a_camera_s_note_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    picture = saved(tmp_path, "turned.jpg", exif=exif, quality=95)
    facts = inspect(picture)
    image = open_picture(picture)
    assert (facts.width, facts.height) == image.size == (20, 40)
    # The white corner of the top left goes to the top right, what was left to the top.
    assert near(image.getpixel((18, 2)), (255, 255, 255), 40)
    assert near(image.getpixel((2, 5)), (255, 0, 0), 40) and near(image.getpixel((10, 35)), (0, 0, 255), 40)


def test_a_broken_note_of_a_camera_turns_nothing(tmp_path):
    picture = saved(tmp_path, "odd.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 20)
    assert open_picture(picture).size == (40, 20)


@pytest.mark.parametrize(("name", "mode"), [("print.jpg", "CMYK"), ("print.tif", "CMYK"), ("lab.tif", "LAB")])
def test_colours_for_print_become_red_green_blue(tmp_path, name, mode):
    image = arrow().convert("CMYK") if mode == "CMYK" else Image.new("LAB", (40, 20), (255, 128, 128))
    opened = open_picture(saved(tmp_path, name, image))
    assert opened.mode == "RGB"
    expected = (255, 0, 0) if mode == "CMYK" else (255, 255, 255)
    assert near(opened.getpixel((5, 15)), expected, 40)


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_become_eight_without_overflow(tmp_path, name):
    grey = np.linspace(0, 65535, 40 * 20).reshape(20, 40).astype(np.uint16)
    opened = np.asarray(open_picture(saved(tmp_path, name, Image.fromarray(grey))))
    assert opened.shape == (20, 40, 3)
    assert np.abs(opened[..., 0].astype(float) - grey / 257).max() <= 0.51


@pytest.mark.parametrize("name", ["clear.png", "clear.webp", "clear.tif"])
def test_what_can_be_seen_through_is_laid_on_white(tmp_path, name):
    pixels = np.zeros((20, 40, 4), np.uint8)
    pixels[:, 20:] = (0, 0, 255, 255)  # the left half is invisible black
    options = {"lossless": True} if name.endswith("webp") else {}
    opened = open_picture(saved(tmp_path, name, Image.fromarray(pixels), **options))
    assert opened.getpixel((5, 5)) == (255, 255, 255) and opened.getpixel((30, 5)) == (0, 0, 255)


def test_palettes_greys_and_single_bits_become_rgb(tmp_path):
    for name, image in (
        ("palette.png", arrow().convert("P", palette=Image.Palette.ADAPTIVE)), ("grey.png", arrow().convert("L")),
        ("bit.png", arrow().convert("1")), ("pair.png", arrow().convert("LA")), ("one.gif", arrow()), ("b.bmp", arrow()),
    ):  # fmt: skip
        opened = open_picture(saved(tmp_path, name, image))
        assert opened.mode == "RGB" and opened.size == (40, 20), name
        assert opened.getpixel((2, 2)) == (255, 255, 255), name
    clear = arrow().convert("P", palette=Image.Palette.ADAPTIVE)
    assert open_picture(saved(tmp_path, "t.png", clear, transparency=clear.getpixel((35, 15)))).getpixel((35, 15)) == (
        255, 255, 255,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "moving.webp"])
def test_of_a_moving_picture_the_first_frame_is_read_and_the_frames_are_counted(tmp_path, name):
    frames = [arrow(), Image.new("RGB", (40, 20), (0, 255, 0)), Image.new("RGB", (40, 20), (9, 9, 9))]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=50)
    picture = locate(tmp_path, name)
    assert inspect(picture).frames == 3
    assert near(open_picture(picture).getpixel((5, 15)), (255, 0, 0), 60)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png", "cut.gif", "cut.bmp", "cut.webp", "cut.tif"])
def test_a_picture_cut_short_is_refused_in_one_line(tmp_path, name):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8))
    noise.save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    refused(locate(tmp_path, name), name, "leave it out")


def test_a_web_page_named_as_a_picture_is_said_to_be_one(tmp_path):
    (tmp_path / "photo.png").write_text("<!DOCTYPE html><html><body>404</body></html>")
    refused(locate(tmp_path, "photo.png"), "photo.png", "a web page", "JPEG, PNG")


@pytest.mark.parametrize(
    "content", [b"P6 4 4 255 " + b"\0" * 48, b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\0\1", b"\0" * 64]
)
def test_formats_that_are_not_on_the_list_are_never_decoded(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    refused(locate(tmp_path, "a.png"), "no picture that can be read")


@pytest.mark.parametrize("side", [1, 3])
def test_a_picture_of_a_pixel_or_three_is_refused_with_the_reason(tmp_path, side):
    refused(saved(tmp_path, "dot.png", Image.new("RGB", (side, side))), "too small", f"{side} x {side}")


def png_header(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )  # fmt: skip


@pytest.mark.parametrize("sides", [(60_000, 60_000), (11_000, 11_000)])
def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(tmp_path, sides, monkeypatch):
    (tmp_path / "bomb.png").write_bytes(png_header(*sides))
    picture = locate(tmp_path, "bomb.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("it was decoded"))
    refused(picture, "too large", "100 million pixels")
    with pytest.raises(DataError, match="too large"):
        inspect(picture)


def test_names_that_leave_the_folder_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    arrow().save(tmp_path / "out.png")
    arrow().save(tmp_path / "data" / "in.png")
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "out.png")
    (tmp_path / "data" / "other").symlink_to(tmp_path)
    (tmp_path / "data" / "same.png").symlink_to("in.png")
    (tmp_path / "data" / "gone.png").symlink_to("never.png")
    names = {
        "gone.png": "a link to nothing",
        "../out.png": "..", "a/../../out.png": "..", str(tmp_path / "out.png"): "absolute", "link.png": "a link",
        "other/out.png": "a link", "C:\\out.png": "absolute", "..\\out.png": "..", "https://a.b/c.png": "no name",
        "im.png": "in.png", "nowhere.png": "no picture", "a\0.png": "no name", "x" * 5000 + ".png": "no picture",
    }  # fmt: skip
    for name, word in names.items():
        with pytest.raises(DataError) as error:
            locate(tmp_path / "data", name, "'rows.csv', line 7")
        assert word in str(error.value) and "line 7" in str(error.value), name
        assert str(tmp_path) not in str(error.value) or name.startswith("/")
    assert locate(tmp_path / "data", "same.png") == locate(tmp_path / "data", "in.png")


def test_a_pipe_and_an_empty_file_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "none.png").touch()
    with pytest.raises(DataError, match="regular"):
        locate(tmp_path, "pipe.png")
    with pytest.raises(DataError, match="empty"):
        locate(tmp_path, "none.png")


def test_names_of_other_systems_are_found(tmp_path):
    (tmp_path / "犬").mkdir()
    arrow().save(tmp_path / "犬" / "か\u3099.png")  # as a Mac writes it
    for name in ("犬/が.png", "犬\\が.png", "犬/か\u3099.png"):
        assert open_picture(locate(tmp_path, name)).size == (40, 20)


def test_a_picture_is_equal_to_its_copies_and_to_nothing_else(tmp_path):
    (tmp_path / "a").mkdir()
    one, two = saved(tmp_path, "one.png"), saved(tmp_path, "a/two.png")
    other = saved(tmp_path, "other.png", arrow(44, 20))
    assert one == two and hash(one) == hash(two) and str(two) == "a/two.png" and one != other
    assert len({one, two, other}) == 2
    assert one == "one.png" and one != "other.png"
    for again in (pickle.loads(pickle.dumps(two)), copy.deepcopy(two)):
        assert isinstance(again, Picture) and again == one and again.path == two.path and str(again) == "a/two.png"


def test_pictures_that_look_alike_have_hashes_that_are_alike(tmp_path):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
    one = Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)
    saved(tmp_path, "again.jpg", one, quality=60)
    again = open_picture(tmp_path / "again.jpg").resize((64, 64))
    other = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize((96, 96))
    assert (perceptual_hash(one) ^ perceptual_hash(again)).bit_count() <= 5
    assert (perceptual_hash(one) ^ perceptual_hash(other)).bit_count() >= 24


def test_a_large_photograph_is_read_small_where_that_will_do(tmp_path):
    picture = saved(tmp_path, "photo.jpg", arrow(1600, 800))
    assert open_picture(picture, least=64).size[0] in (200, 400)
    assert open_picture(picture).size == (1600, 800)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300), st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"]))
def test_no_bytes_do_more_than_be_refused(tmp_path_factory, noise, at, kind):
    folder = tmp_path_factory.mktemp("noise")
    path = folder / "a.png"
    arrow().save(path, kind)
    content = bytearray(path.read_bytes())
    content[at : at + len(noise)] = noise
    path.write_bytes(bytes(content) or b"x")
    try:
        image = open_picture(locate(folder, "a.png"))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert image.mode == "RGB" and image.size[0] * image.size[1] <= 100_000_000
