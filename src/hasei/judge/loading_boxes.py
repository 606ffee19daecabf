"""How model folders that answer pictures with boxes are loaded without hasei: the lines that a model card shows."""

from __future__ import annotations

from hasei.tasks.object_detection import LEAST_SCORE

_DETECTOR = """```python
import torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForObjectDetection

processor = AutoImageProcessor.from_pretrained(".")
model = AutoModelForObjectDetection.from_pretrained(".").eval()
image = ImageOps.exif_transpose(Image.open("a picture.jpg")).convert("RGB")
with torch.no_grad():
    outputs = model(**processor(images=image, return_tensors="pt"))
size = (image.height, image.width)
found = processor.post_process_object_detection(outputs, threshold={least}, target_sizes=[size])[0]
for label, box, score in zip(found["labels"].tolist(), found["boxes"].tolist(), found["scores"].tolist()):
    print((model.config.id2label[label], box, score))
```"""

_CONSTANT = """```python
import json
from pathlib import Path

from PIL import Image, ImageOps
from safetensors.numpy import load_file

names = json.loads(Path("labels.json").read_text("utf-8"))
image = ImageOps.exif_transpose(Image.open("a picture.jpg"))
for label, left, top, right, bottom, score in load_file("model.safetensors")["boxes"].tolist():
    box = [left * image.width, top * image.height, right * image.width, bottom * image.height]
    print((names[int(label)], box, score))
```"""

OF_BOXES = {"object_detector": _DETECTOR.replace("{least}", str(LEAST_SCORE)), "constant_boxes": _CONSTANT}
"""By format."""
