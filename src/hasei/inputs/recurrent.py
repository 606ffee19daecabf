"""Recurrent bases: a table of tokens under a stack of LSTM or GRU layers, as a folder that opens like any other base.

transformers has no recurrent text encoder, so hasei says what such a folder holds: ``config.json`` with
``"model_type": "hasei_recurrent"`` and the fields of :class:`RecurrentConfig`, ``model.safetensors`` with
``embeddings.weight`` and, for each layer i, the tensors of a one-layer :class:`torch.nn.LSTM` or :class:`torch.nn.GRU` under
``layers.{i}.rnn.``, and ``tokenizer.json``. Importing this file makes transformers' Auto classes know it; no code of the
folder is run. Where such a base comes from: :func:`from_torch`, or ``bench/recurrent_base.py``, which trains one.

Source: Hochreiter & Schmidhuber 1997, "Long short-term memory"; Cho et al. 2014 (GRU); Schuster & Paliwal 1997
(bidirectional).
Shapes: token ids and mask (b, t), states (b, t, h); h is the width of both directions together.
Relations: an ``nn.LSTM`` of L layers is exactly L of one layer, one after the other; so apart, the upper ones can be trained
and the lower ones replayed.

>>> RecurrentConfig(vocab_size=10, hidden_size=4).num_hidden_layers
2
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

MODEL_TYPE = "hasei_recurrent"


class RecurrentConfig(PreTrainedConfig):  # type: ignore[misc]
    """Sizes of a recurrent base. Token vectors are as wide as the states, *hidden_size*, which holds both directions."""

    model_type = MODEL_TYPE

    vocab_size: int = 8000
    hidden_size: int = 256
    num_hidden_layers: int = 2
    cell: Literal["lstm", "gru"] = "lstm"
    bidirectional: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        """Raise ValueError where the sizes make no model."""
        super().__post_init__(**kwargs)
        if self.cell not in ("lstm", "gru"):
            raise ValueError(f"cell is 'lstm' or 'gru', not {self.cell!r}")
        for name in ("vocab_size", "hidden_size", "num_hidden_layers"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a whole number above 0, not {value!r}")
        if self.bidirectional and self.hidden_size % 2:
            raise ValueError(f"hidden_size is even where there are two directions, not {self.hidden_size}")


class RecurrentLayer(nn.Module):
    """One layer: states (b, t, h) and the lengths of the rows (b,), None: all of t, to states (b, t, h), zeros at pads.

    Rows are packed by their lengths, so pads never change a state and the backward direction begins at the last real token.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        kind = nn.LSTM if config.cell == "lstm" else nn.GRU
        wide = config.hidden_size // (2 if config.bidirectional else 1)
        self.rnn = kind(config.hidden_size, wide, batch_first=True, bidirectional=config.bidirectional)

    def forward(self, hidden_states: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Return the states of every token."""
        if lengths is None:
            whole: torch.Tensor = self.rnn(hidden_states)[0]
            return whole
        packed = pack_padded_sequence(hidden_states, lengths, batch_first=True, enforce_sorted=False)
        states: torch.Tensor = pad_packed_sequence(
            self.rnn(packed)[0], batch_first=True, total_length=hidden_states.shape[1]
        )[0]
        return states


class RecurrentModel(PreTrainedModel):  # type: ignore[misc]
    """The base: right-padded token ids and mask (b, t) to states (b, t, h)."""

    config_class = RecurrentConfig
    base_model_prefix = "model"
    formats: ClassVar[dict[str, str]] = {"sentence_transformers": "recurrent"}
    """In which of hasei's folder formats a model of it is written instead of the usual one: no other library knows it."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([RecurrentLayer(config) for _ in range(config.num_hidden_layers)])
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Keep torch's own initial values."""

    def get_input_embeddings(self) -> nn.Module:
        """Return the table of tokens."""
        return self.embeddings

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> BaseModelOutput:
        """Return ``last_hidden_state`` (b, t, h). Raises ValueError where rows are padded on the left."""
        mask = attention_mask
        if mask is not None and bool((mask[:, 1:] > mask[:, :-1]).any()):
            raise ValueError("a recurrent base reads rows that are padded on the right")
        lengths = None if mask is None else mask.sum(1).clamp(min=1).cpu()
        states = self.embeddings(input_ids)
        for layer in self.layers:
            states = layer(states, lengths)
        return BaseModelOutput(last_hidden_state=states)


def from_torch(embedding: nn.Embedding, rnn: nn.LSTM | nn.GRU) -> RecurrentModel:
    """Return a base of *embedding* (v, e) and *rnn*, layer by layer: its states are those of *rnn*, exactly.

    Narrower token vectors are filled up with zeros. Raises ValueError where *rnn* has projections or no biases, or where
    token vectors are wider than its states.
    """
    directions = 2 if rnn.bidirectional else 1
    wide = rnn.hidden_size * directions
    if rnn.proj_size or not rnn.bias:
        raise ValueError("an LSTM with projections or without biases can't be opened; expected neither")
    if embedding.embedding_dim > wide:
        raise ValueError(f"token vectors are at most as wide as the states, {wide}; received {embedding.embedding_dim}")
    model = RecurrentModel(RecurrentConfig(
        vocab_size=embedding.num_embeddings, hidden_size=wide, num_hidden_layers=rnn.num_layers,
        cell="lstm" if isinstance(rnn, nn.LSTM) else "gru", bidirectional=rnn.bidirectional,
    ))  # fmt: skip
    with torch.no_grad():
        model.embeddings.weight.zero_()
        model.embeddings.weight[:, : embedding.embedding_dim] = embedding.weight
        for index, layer in enumerate(model.layers):
            for name, parameter in layer.rnn.named_parameters():  # type: ignore[union-attr]
                given = getattr(rnn, name.replace("_l0", f"_l{index}"))
                parameter.zero_()
                parameter[tuple(slice(size) for size in given.shape)] = given
    model.eval()
    return model


AutoConfig.register(MODEL_TYPE, RecurrentConfig, exist_ok=True)
AutoModel.register(RecurrentConfig, RecurrentModel, exist_ok=True)
