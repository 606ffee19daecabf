"""A base made ready to answer boxes: a detector as it is, or a classification backbone put into a new one.

Sources: Fang et al. 2021, "You only look at one sequence" (YOLOS: a ViT with detection tokens beside its patches); Carion et al.
2020, "End-to-end object detection with transformers" (DETR: a convolutional backbone, an encoder, a decoder of queries).

A ViT becomes a YOLOS of the same layers, patches and positions; a ResNet, ConvNeXt or another backbone that transformers knows
becomes that of a small DETR. What the base has no weights for starts at random, and is trained whatever a method trains else.

Shapes: pictures (b, 3, s, s); q answers a picture; outputs (b, q, c + 5): c labels and "nothing", then a box (centre x,
centre y, width, height) in shares of the picture.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hasei.engine.opening import load_as, load_model, quiet
from hasei.engine.seeds import seeded
from hasei.ground.errors import BaseError
from hasei.inputs.base import Base

ANSWERS = 30
"""Answers of a new detector for each picture: COCO's pictures hold 7 boxes on average, few of them more than 30."""
DETECTORS = {"yolos": "vit", "detr": "model"}
"""Detectors that can be opened, and where the part below their heads stands."""
_WIDTH, _LAYERS = 256, 3
_SIDE = 224


@dataclass(frozen=True)
class Opened:
    """A detector before its labels are known: *whole*, the stack of layers that methods count (its *path* in the trunk), and
    *fresh*, the parameters of the trunk that the base has no weights for.
    """

    whole: nn.Module
    path: str
    fresh: frozenset[str] = frozenset()

    @property
    def known(self) -> nn.Module | None:
        """The detector whose heads are worth keeping, where there is one."""
        return None if self.fresh else self.whole

    @property
    def trunk(self) -> nn.Module:
        """The part below the heads."""
        return trunk_of(self.whole)


class Detector(nn.Module):
    """*trunk* and *head* (labels and boxes) of one of transformers' detectors, which answers with both.

    The trunk always runs in eval mode: what varies by itself would make accumulation hang on the packing of batches.
    """

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.trunk = trunk_of(whole)
        self.head = nn.ModuleDict({"labels": whole.class_labels_classifier, "boxes": whole.bbox_predictor})
        self._whole = (whole,)  # in a tuple: its parameters are listed once

    @property
    def whole(self) -> Any:
        """The detector itself, as transformers saves and loads it."""
        return self._whole[0]

    def train(self, mode: bool = True) -> Detector:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs (b, q, c + 5), float32 or the heads' own precision."""
        found = self.whole(**batch)
        return torch.cat([found.logits, found.pred_boxes], dim=-1)


def processor_of(base: Base) -> Any:
    """Return how pictures become pixels for a detector of *base*: whole, never cropped, all of one square size.

    Size, mean and deviation are those that the base was made with.
    """
    from transformers import DetrImageProcessorPil, YolosImageProcessorPil

    stated = _stated(base)
    size = stated.get("size") or {}
    lengths = [size] if isinstance(size, int) else [size.get(key) for key in ("height", "shortest_edge")]
    fixed = base.config.get("image_size")
    side = fixed if isinstance(fixed, int) else next((length for length in lengths if length), _SIDE)
    kind = YolosImageProcessorPil if base.config.get("model_type") in ("vit", "yolos") else DetrImageProcessorPil
    options = {key: stated[key] for key in ("image_mean", "image_std", "resample", "rescale_factor") if key in stated}
    return kind(size={"height": int(side), "width": int(side)}, do_pad=False, **options)


def _stated(base: Base) -> dict[str, Any]:
    path = base.folder / "preprocessor_config.json"
    try:
        value = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BaseError(f"'{path.name}' of the base '{base.name}' is not JSON", do="fetch it again") from error
    return value if isinstance(value, dict) else {}


def trunk_of(whole: Any) -> nn.Module:
    """Return the part below the heads of one of transformers' detectors."""
    part: nn.Module = getattr(whole, DETECTORS[whole.config.model_type])
    return part


def open_detector(base: Base, side: int) -> Opened:
    """Return the detector that *base* is, or one with its weights, for pictures of *side* x *side* pixels.

    Raises BaseError where it is no backbone that can be put into one.
    """
    kind = str(base.config.get("model_type"))
    if kind in DETECTORS:
        return Opened(load_whole(base), {"yolos": "encoder.layer", "detr": "decoder.layers"}[kind])
    with quiet(), seeded(0):
        if kind == "vit":
            return _from_vit(load_model(base), side)
        return _from_backbone(base, load_model(base))


def with_labels(trunk: Any, names: Sequence[str], seed: int, known: Any = None, answers: int | None = None) -> Detector:
    """Return a detector of *trunk* with heads for *names*.

    Where *known* is given, a detector with heads of its own, their boxes and the rows of labels that they know stay; all else
    begins at random. *answers*, where given, is how many answers *trunk* keeps: the fewer, the sooner each learns its part.
    """
    from transformers import AutoModelForObjectDetection

    if answers is not None and answers < answers_of(trunk.config):
        _narrow(trunk, answers)
    config = copy.deepcopy(trunk.config)
    config.id2label, config.label2id = dict(enumerate(names)), {name: i for i, name in enumerate(names)}
    with quiet(), seeded(seed):
        whole = AutoModelForObjectDetection.from_config(config)
        _spread(whole.class_labels_classifier)
        _spread(whole.bbox_predictor)
    if known is not None:
        whole.bbox_predictor.load_state_dict(known.bbox_predictor.state_dict())
        _keep_known(known, whole)
    setattr(whole, DETECTORS[config.model_type], trunk)
    return Detector(whole).eval()


def answers_of(config: Any) -> int:
    """Return how many answers a detector of *config* gives to a picture."""
    return int(getattr(config, "num_detection_tokens", 0) or config.num_queries)


def _narrow(trunk: Any, answers: int) -> None:
    """Leave the first *answers* answers of *trunk*, in place."""
    if trunk.config.model_type == "yolos":
        inside, before = trunk.embeddings, trunk.config.num_detection_tokens
        inside.detection_tokens = nn.Parameter(inside.detection_tokens.detach()[:, :answers].clone())
        kept = inside.position_embeddings.shape[1] - before + answers
        inside.position_embeddings = nn.Parameter(inside.position_embeddings.detach()[:, :kept].clone())
        trunk.config.num_detection_tokens = answers
    else:
        weight = trunk.query_position_embeddings.weight.detach()[:answers].clone()
        trunk.query_position_embeddings = nn.Embedding(answers, weight.shape[1], _weight=weight)
        trunk.config.num_queries = answers


def _keep_known(old: Any, new: Any) -> None:
    """Copy what the old class head has for labels of the new one, "nothing" included; its last layer has a row for each."""
    known = {str(name): int(i) for i, name in old.config.id2label.items()}
    rows = [(i, known[name]) for i, name in new.config.id2label.items() if name in known]
    rows.append((new.config.num_labels, old.config.num_labels))
    before, after = old.class_labels_classifier.state_dict(), new.class_labels_classifier.state_dict()
    for key in list(after)[:-2]:
        after[key].copy_(before[key])
    for key in list(after)[-2:]:
        for to, at in rows:
            after[key][to] = before[key][at]


def load_whole(base: Base) -> nn.Module:
    """Load the detector *base* in float32, in eval mode; raises BaseError where it can not be, or lacks weights."""
    from transformers import AutoModelForObjectDetection

    return load_as(AutoModelForObjectDetection, base)


def _from_vit(vit: Any, side: int) -> Opened:
    from transformers import YolosConfig, YolosForObjectDetection

    old = vit.config
    size = old.image_size if isinstance(old.image_size, (list, tuple)) else [old.image_size] * 2
    if size[0] != side or size[1] != side:
        raise BaseError(f"this ViT reads pictures of {size[0]} x {size[1]} pixels only", received=f"{side} x {side}")
    config = YolosConfig(
        hidden_size=old.hidden_size, num_hidden_layers=old.num_hidden_layers, intermediate_size=old.intermediate_size,
        num_attention_heads=old.num_attention_heads, hidden_act=old.hidden_act, layer_norm_eps=old.layer_norm_eps,
        image_size=list(size), patch_size=old.patch_size, num_channels=old.num_channels, qkv_bias=old.qkv_bias,
        num_detection_tokens=ANSWERS, use_mid_position_embeddings=False, initializer_range=old.initializer_range,
    )  # fmt: skip
    whole = YolosForObjectDetection(config)
    trunk, state = whole.vit, vit.state_dict()
    copied = {_yolos_name(name): value for name, value in state.items() if not name.startswith("pooler.")}
    positions = copied["embeddings.position_embeddings"]
    tokens = torch.randn(1, ANSWERS, old.hidden_size)
    # A token for each answer, told apart by where it begins: as large as states inside the model are.
    copied["embeddings.detection_tokens"] = tokens
    copied["embeddings.position_embeddings"] = torch.cat([positions, torch.zeros_like(tokens)], dim=1)
    copied.pop("embeddings.mask_token", None)
    trunk.load_state_dict(copied)
    # Part of the places is those of the new tokens.
    fresh = ("embeddings.detection_tokens", "embeddings.position_embeddings")
    return Opened(_still(whole), "encoder.layer", frozenset(fresh))


def _yolos_name(name: str) -> str:
    """Return how YOLOS calls the parameter *name* of transformers' ViT."""
    for old, new in (
        ("layers.", "encoder.layer."), (".attention.q_proj.", ".attention.attention.query."),
        (".attention.k_proj.", ".attention.attention.key."), (".attention.v_proj.", ".attention.attention.value."),
        (".attention.o_proj.", ".attention.output.dense."), (".mlp.fc1.", ".intermediate.dense."),
        (".mlp.fc2.", ".output.dense."),
    ):  # fmt: skip
        name = new + name.removeprefix(old) if old[0] != "." and name.startswith(old) else name.replace(old, new)
    return name


def _from_backbone(base: Base, model: Any) -> Opened:
    from transformers import AutoBackbone, DetrConfig, DetrForObjectDetection

    config = copy.deepcopy(model.config)
    config._name_or_path = ""  # where the base lies on this machine
    try:
        config.out_features = config.stage_names[-1:]
        plain = AutoBackbone.from_config(config)
    except (ValueError, AttributeError, KeyError) as error:
        raise BaseError(
            f"the base '{base.name}' can't be made a detector", received=f"model_type {config.model_type}",
            expected="a ViT, a convolutional backbone such as ResNet or ConvNeXt, or a detector of type yolos or detr",
            do="choose another base",
        ) from error  # fmt: skip
    wide = min(_WIDTH, 8 * max(2, plain.channels[-1] // 8))
    whole = DetrForObjectDetection(DetrConfig(
        backbone_config=config, d_model=wide, encoder_layers=_LAYERS, decoder_layers=_LAYERS, encoder_ffn_dim=4 * wide,
        decoder_ffn_dim=4 * wide, encoder_attention_heads=8, decoder_attention_heads=8, num_queries=ANSWERS, dropout=0.0,
    ))  # fmt: skip
    backbone = whole.model.backbone.model
    state = model.state_dict()
    lacking = backbone.load_state_dict({k: v for k, v in state.items() if k in backbone.state_dict()}, strict=False)
    missing = [key for key in lacking.missing_keys if "hidden_states_norms" not in key]
    if missing:
        raise BaseError(f"the base '{base.name}' has no weight '{missing[0]}' for a backbone", do="choose another base")
    nn.init.normal_(whole.model.query_position_embeddings.weight)
    known = {f"backbone.model.{key}" for key in state}
    fresh = frozenset(name for name, _ in whole.model.named_parameters() if name not in known)
    return Opened(_still(whole), f"backbone.model.{_stages(backbone)}", fresh)


def _stages(backbone: nn.Module) -> str:
    """Return where the stages of a convolutional backbone stand in it."""
    from hasei.inputs.architecture import find_stack

    return find_stack(backbone).path


def _spread(head: nn.Module) -> None:
    """Start the weights of a new head at a size that lets gradients through (Glorot & Bengio 2010)."""
    for parameter in head.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)


def _still(whole: nn.Module) -> nn.Module:
    for parameter in whole.parameters():
        parameter.requires_grad_(False)
    return whole.eval()
