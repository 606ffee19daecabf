"""From a prompt to a text: token after token, the likeliest or one drawn by a seed that hangs on the prompt alone.

Source: nucleus sampling: Holtzman et al. 2020, "The curious case of neural text degeneration".

Shapes: b prompts, left-padded (b, t); v vocabulary.

Relations: greedy answers are those of ``generate`` of transformers with the settings in ``generation_config.json``. A drawn
token hangs on seed, prompt and place, never on the rows beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import nn

from hasei.ground.settings import Settings


class Decoding(Settings):
    """How texts are written; *temperature* 0: always the likeliest token. Kept in ``generation_config.json``."""

    max_new_tokens: int = Field(64, ge=1, le=4096)
    temperature: float = Field(0.0, ge=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = Field(0, ge=0)


def write(
    model: nn.Module, prompts: Sequence[Sequence[int]], decoding: Decoding, stops: Sequence[int], pad_id: int, *,
    positions: bool = True,
) -> list[tuple[list[int], float]]:  # fmt: skip
    """Return the ids written after each of *prompts* (without the token that ended it) and the mean of their log likelihoods."""
    width = max(map(len, prompts))
    ids = torch.tensor([[pad_id] * (width - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    draws = [_generator(p, decoding) for p in prompts] if decoding.temperature else []
    ended = torch.zeros(len(prompts), dtype=torch.bool)
    ends = torch.tensor(sorted(stops))
    chosen: list[torch.Tensor] = []
    likelihoods: list[torch.Tensor] = []
    cache: Any = None
    with torch.inference_mode():
        for _ in range(decoding.max_new_tokens):
            options = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]} if positions else {}
            out = model(
                input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, logits_to_keep=1, **options
            )
            cache, scores = out.past_key_values, out.logits[:, -1].float().log_softmax(1)
            token = _draw(scores, decoding, draws) if draws else scores.argmax(1)
            chosen.append(token.masked_fill(ended, -1))
            likelihoods.append(scores.gather(1, token[:, None])[:, 0].masked_fill(ended, 0.0))
            ended = ended | torch.isin(token, ends)
            if bool(ended.all()):
                break
            ids = token.masked_fill(ended, pad_id)[:, None]
            mask = torch.cat([mask, torch.ones(len(prompts), 1, dtype=mask.dtype)], 1)
    return _read(torch.stack(chosen, 1), torch.stack(likelihoods, 1), set(stops))


def _read(chosen: torch.Tensor, likelihoods: torch.Tensor, stops: set[int]) -> list[tuple[list[int], float]]:
    found = []
    for row, sure in zip(chosen.tolist(), likelihoods.double().tolist()):
        kept = [i for i in row if i >= 0]
        mean = sum(sure[: len(kept)]) / max(1, len(kept))
        found.append(([i for i in kept if i not in stops], mean))
    return found


def _generator(prompt: Sequence[int], decoding: Decoding) -> torch.Generator:
    key = hashlib.sha256(repr((decoding.seed, list(prompt))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(key[:7], "big"))


def _draw(scores: torch.Tensor, decoding: Decoding, draws: Sequence[torch.Generator]) -> torch.Tensor:
    """Draw one token a row (b,) from the likeliest ones that together have *top_p* of the probability."""
    shares = (scores / decoding.temperature).softmax(1)
    ordered, place = shares.sort(stable=True, dim=1, descending=True)
    ordered = ordered.masked_fill(ordered.cumsum(1) - ordered >= decoding.top_p, 0.0)
    picked = torch.cat([torch.multinomial(row, 1, generator=draw) for row, draw in zip(ordered, draws)])
    token: torch.Tensor = place.gather(1, picked[:, None])[:, 0]
    return token
