"""Pictures: found inside a folder, opened safely, made RGB, known by their content and never by their place.

::

    picture = locate(folder, "cats/1.jpg")   # place.py     a relative name -> Picture: a text that knows its file and content
    facts = inspect(picture)                 # opening.py   size, format, frames, from the header alone
    image = open_picture(picture)            # opening.py   upright, RGB, 8 bits; or one line that says why not

Needs Pillow: ``pip install 'hasei[images]'``.
"""

from hasei.inputs.pictures.opening import FORMATS, Facts, inspect, open_picture, perceptual_hash
from hasei.inputs.pictures.place import SUFFIXES, Picture, as_picture, is_picture_name, locate

__all__ = [
    "FORMATS", "SUFFIXES", "Facts", "Picture", "as_picture", "inspect", "is_picture_name", "locate", "open_picture",
    "perceptual_hash",
]  # fmt: skip
