"""A small base of our own for pictures: a ConvNeXt of 0.58 million numbers, taught on pictures that this script draws.

    python bench/pretrain_pictures.py OUT [--minutes 8] [--side 64] [--pictures 12000]

It draws hands with each way of stretching, bending and joining fingers, shapes, and strokes of digits, on backgrounds of all
kinds, and learns to tell these 60 kinds apart. No picture of any data set is seen. OUT becomes a transformers folder (Apache-2.0,
as this repository). The same arguments on the same machine give the same bytes unless --minutes cuts it short.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from drawn_pictures import KINDS, draw

from hasei.engine.augmentation import augment
from hasei.ground.files import new_folder, write_text

BATCH = 64
WIDTHS, DEPTHS = [24, 48, 96, 160], [1, 1, 3, 1]


def drawn(count: int, side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return *count* pictures (n, 3, side, side), uint8, and their kinds (n,)."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.arange(count) % len(KINDS))
    pictures = np.empty((count, 3, side, side), np.uint8)
    for i, kind in enumerate(kinds):
        pictures[i] = np.asarray(draw(KINDS[kind], side, rng)).transpose(2, 0, 1)
    return pictures, kinds


def make(side: int, seed: int):
    """Return the classifier with fresh weights and what prepares pictures for it."""
    from transformers import ConvNextConfig, ConvNextForImageClassification, ViTImageProcessorPil

    torch.manual_seed(seed)
    config = ConvNextConfig(
        hidden_sizes=WIDTHS, depths=DEPTHS, image_size=side, layer_scale_init_value=0.1, num_labels=len(KINDS),
        id2label=dict(enumerate(KINDS)), label2id={k: i for i, k in enumerate(KINDS)},
    )  # fmt: skip
    mean, std = [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]
    return ConvNextForImageClassification(config), ViTImageProcessorPil(
        size={"height": side, "width": side}, image_mean=mean, image_std=std
    )


def learn(model, pictures: np.ndarray, kinds: np.ndarray, minutes: float, epochs: int, seed: int) -> int:
    """Train *model* with a rate that rises and falls over *epochs*, or what of them fits in *minutes*; return the steps."""
    rng, start = np.random.default_rng(seed), time.monotonic()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05, fused=True)
    total, step = epochs * (len(kinds) // BATCH), 0
    model.train()
    for epoch in range(epochs):
        order, losses = rng.permutation(len(kinds)), []
        for first in range(0, len(kinds) - BATCH + 1, BATCH):
            rows = order[first : first + BATCH]
            used = (time.monotonic() - start) / (60 * minutes)
            if used >= 1:
                return step
            done = max(step / total, used)
            for group in optimizer.param_groups:
                group["lr"] = 2e-3 * min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * done))
            pixels = (torch.from_numpy(pictures[rows]).float() / 255 - 0.5) / 0.25
            pixels = augment(pixels, ("crop", "colour"))
            outputs = model(pixel_values=pixels).logits
            loss = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(kinds[rows]), label_smoothing=0.1)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
            step += 1
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, {time.monotonic() - start:.0f} s", flush=True)
    return step


def right(model, pictures: np.ndarray, kinds: np.ndarray) -> float:
    model.eval()
    with torch.inference_mode():
        said = [
            model(pixel_values=(torch.from_numpy(part).float() / 255 - 0.5) / 0.25).logits.argmax(1).numpy()
            for part in np.array_split(pictures, max(1, len(pictures) // 256))
        ]
    return float((np.concatenate(said) == kinds).mean())


def write(folder: Path, model, preparer) -> None:
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary)
        preparer.save_pretrained(temporary)
        write_text(
            temporary / "README.md",
            "---\nlicense: apache-2.0\n---\n\nA small ConvNeXt taught on drawn pictures by bench/pretrain_pictures.py.\n",
        )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("out", type=Path)
    asked.add_argument("--minutes", type=float, default=8)
    asked.add_argument("--epochs", type=int, default=10)
    asked.add_argument("--pictures", type=int, default=12000)
    asked.add_argument("--side", type=int, default=64)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--fresh", action="store_true", help="write fresh weights, taught nothing")
    given = asked.parse_args()
    model, preparer = make(given.side, given.seed)
    print(f"{sum(p.numel() for p in model.parameters()):,} numbers, {len(KINDS)} kinds")
    if not given.fresh:
        start = time.monotonic()
        pictures, kinds = drawn(given.pictures, given.side, given.seed)
        print(f"{len(kinds):,} pictures drawn in {time.monotonic() - start:.0f} s", flush=True)
        steps = learn(model, pictures, kinds, given.minutes, given.epochs, given.seed)
        print(f"{steps} steps; right on new drawings: {right(model, *drawn(1200, given.side, given.seed + 1)):.3f}")
    write(given.out, model, preparer)


if __name__ == "__main__":
    main()
