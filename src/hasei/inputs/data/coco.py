"""COCO JSON: one file of pictures, boxes and labels, read as one row a picture.

Source: Lin et al. 2014, "Microsoft COCO: Common objects in context"; its format "object detection".

Shapes: columns ``image``, ``width``, ``height``, and ``objects`` where the file holds annotations: a JSON list of
``{"label": name, "bbox": [left, top, width, height]}`` in pixels, ``[]`` for a picture without any. The line of a row is the
place of its picture in the list ``images``, from 1. Crowds (``iscrowd``) are no single objects and left out, which is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.encoding import detect
from hasei.inputs.data.jsonlines import is_jsonlines
from hasei.inputs.data.source import Row, Source
from hasei.inputs.data.whereabouts import folder_of
from hasei.inputs.pictures import locate


def is_coco(path: Path) -> bool:
    """Whether *path* is one JSON object that lists pictures. Raises DataError where it is the beginning of one."""
    if path.suffix.lower() != ".json":
        return False
    text = path.read_text(detect(path).codec)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if '"images"' in text and '"file_name"' in text and not is_jsonlines(text.partition("\n")[0]):
            raise DataError(
                f"'{path.name}' begins like COCO, but is no whole JSON ({error})", expected="one JSON object",
                received=f"{len(text):,} characters", do="export or copy it again: it may have been cut short",
            ) from error  # fmt: skip
        return False
    return isinstance(value, dict) and "images" in value


def open_coco(path: Path) -> Source:
    """Open a COCO file. Raises DataError where a picture, an annotation or a label is not what it must be."""
    content = json.loads(path.read_text(detect(path).codec))
    pictures = {_key(path, image, "images", n): image for n, image in enumerate(_list(path, content, "images"), 1)}
    if not pictures:
        raise DataError(f"'{path.name}' lists no pictures", expected="pictures under 'images'", do="export it again")
    if len(pictures) < len(content["images"]):
        raise DataError(f"'{path.name}' has two pictures of one id", do="give every picture an id of its own")
    for image in pictures.values():
        if not isinstance(image.get("file_name"), str) or not image["file_name"].strip():
            raise DataError(
                f"'{path.name}': the picture with id {image['id']} has no 'file_name'", do="export it again"
            )
    folder = path.parent / folder_of(path, [image["file_name"] for image in pictures.values()])
    names = [
        locate(folder, image["file_name"], f"'{path.name}', picture {n}")
        for n, image in enumerate(pictures.values(), 1)
    ]
    boxes, crowds = _boxes(path, content, pictures) if "annotations" in content else (None, 0)
    header = ("image", "width", "height") + (() if boxes is None else ("objects",))

    def rows() -> Iterator[Row]:
        for line, (name, (key, image)) in enumerate(zip(names, pictures.items()), 1):
            size = [str(image[side]) if side in image else "" for side in ("width", "height")]
            objects = [] if boxes is None else [json.dumps(boxes.get(key, []), ensure_ascii=False)]
            yield line, [name, *size, *objects]

    findings: tuple[Finding, ...] = ()
    if crowds:
        message = _("'{file}': {n} boxes around crowds left out", file=path.name, n=crowds)
        findings = (Finding("crowds", "note", message, path.name),)
    return Source(header, rows, findings=findings)


def _boxes(path: Path, content: Mapping[str, Any], pictures: Mapping[Any, Any]) -> tuple[dict[Any, list[Any]], int]:
    """Return the boxes of every picture by its id, and how many crowds were left out."""
    names = {}
    for n, category in enumerate(_list(path, content, "categories"), 1):
        names[_key(path, category, "categories", n)] = category.get("name")
    found: dict[Any, list[Any]] = {}
    crowds = 0
    for n, note in enumerate(_list(path, content, "annotations"), 1):
        which = f"'{path.name}': annotation {note.get('id', n) if isinstance(note, dict) else n}"
        if not isinstance(note, dict):
            raise DataError(f"{which} is no JSON object", do="export the file again")
        for key, known in (("image_id", pictures), ("category_id", names)):
            if not isinstance(note.get(key), (int, str)) or note[key] not in known:
                raise DataError(
                    f"{which} has a {key} that is not in the file", received=repr(note.get(key)),
                    expected=f"an id of '{'images' if key == 'image_id' else 'categories'}'", do="export the file again",
                )  # fmt: skip
        if note.get("iscrowd"):
            crowds += 1
            continue
        if "bbox" not in note:
            raise DataError(f"{which} has no 'bbox'", expected="[left, top, width, height]", do="export the file again")
        found.setdefault(note["image_id"], []).append({"label": names[note["category_id"]], "bbox": note["bbox"]})
    return found, crowds


def _list(path: Path, content: Mapping[str, Any], name: str) -> list[Any]:
    value = content.get(name)
    if not isinstance(value, list):
        raise DataError(
            f"'{path.name}' has no list '{name}'", expected="images, annotations and categories, as COCO has them",
            do="export it again",
        )  # fmt: skip
    return value


def _key(path: Path, item: Any, name: str, place: int) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get("id"), (int, str)):
        raise DataError(f"'{path.name}': entry {place} of '{name}' has no id", do="export the file again")
    return item["id"]
