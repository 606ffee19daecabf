"""How an exported model is run without hasei and without torch: the lines that a model card shows, see :mod:`loading`."""

from __future__ import annotations

_ONNX = """session = InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
wanted = [one.name for one in session.get_inputs()]


def run(batch):
    return session.run(None, {name: batch[name] for name in wanted})[0]
"""
_OPENVINO = """compiled = openvino.compile_model(folder / "openvino_model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
wanted = [one.any_name for one in compiled.inputs]


def run(batch):
    return compiled({name: batch[name] for name in wanted})[0]
"""
_READ = """tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation(json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"])
tokenizer.enable_padding()  # right; what is padded with does not count


def batch_of(texts):
    rows = tokenizer.encode_batch(list(texts))
    parts = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    return {name: np.array([getattr(row, part) for row in rows], np.int64) for name, part in parts.items()}
"""
_PICTURES = """processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in ["a picture.jpg"]]
pixels = processor(pictures, return_tensors="np")["pixel_values"]
outputs = run({"pixel_values": np.asarray(pixels, np.float32)})
{said}
"""
_POOLED = """outputs = run(batch_of(["a text"]))
{said}
"""
_PAIR = """about = json.loads((folder / "exported.json").read_text("utf-8"))
if about["kind"] == "apart":  # the graph gives the features of single texts
    one, other = run(batch_of(["a text"])), run(batch_of(["another text"]))
    outputs = about["line"][0] * (one * other).sum(1, keepdims=True) + about["line"][1]
else:
    outputs = run(batch_of([("a text", "another text")]))
{said}
"""
_ENGINES = {
    "onnx": ("", "from onnxruntime import InferenceSession\n", _ONNX),
    "openvino": ("import openvino\n", "", _OPENVINO),
}


def code(form: str, target_kind: str, *, pair: bool, pictures: bool = False) -> str:
    """Return the lines for a folder of the format *form* whose answers are of *target_kind*, "" where there are none.

    *pair*: a row is of two texts; *pictures*: it is a picture.
    """
    if form not in _ENGINES or target_kind in ("span", "spans", "choice"):
        return ""
    import_, from_, open_ = _ENGINES[form]
    if pictures:
        libraries = f"{import_}{from_}from PIL import Image, ImageOps\nfrom transformers import AutoImageProcessor\n"
        head = f"import json\nfrom pathlib import Path\n\nimport numpy as np\n{libraries}\n"
        return f'```python\n{head}folder = Path(".")\n{{meaning}}\n{open_}\n\n{_PICTURES}```'
    head = f"import json\nfrom pathlib import Path\n\nimport numpy as np\n{import_}{from_}from tokenizers import Tokenizer\n\n"
    body = f'folder = Path(".")\n{{meaning}}\n{open_}\n\n{_READ}\n\n'
    return f"```python\n{head}{body}{_PAIR if pair and target_kind == 'number' else _POOLED}```"
