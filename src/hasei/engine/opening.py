"""A base's files opened: its model and its tokenizer, without a word of the libraries that open them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from hasei.engine import quantised
from hasei.engine.seeds import seeded
from hasei.ground.errors import BaseError
from hasei.inputs.architecture import auto_class
from hasei.inputs.base import Base

_DO = "fetch the whole model, or choose another base"


@contextlib.contextmanager
def unset() -> Iterator[None]:
    """Make models without drawing their weights: all of them are loaded next."""
    from transformers.initialization import no_init_weights

    with torch.random.fork_rng(devices=[]), no_init_weights():
        yield


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' loading reports, progress bars and notes to their own developers out of the terminal."""
    import transformers
    from transformers.utils import logging

    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            for kind in (FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        transformers.logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def refuse_other(base: Base, kind: str) -> None:
    """Raise :class:`BaseError` unless *base* reads inputs of *kind* (``"text"`` or ``"image"``)."""
    if base.reads != kind:
        words = {"text": "texts", "image": "pictures"}
        expected = {
            "text": "a base that reads texts, with a tokenizer",
            "image": "a folder or hub id of an image model: config.json, *.safetensors and preprocessor_config.json",
        }
        raise BaseError(
            f"the base '{base.name}' reads {words[base.reads]}, and these rows are {words[kind]}", expected=expected[kind],
            do="name one with --base",
        )  # fmt: skip


def load_model(base: Base, *, writes: bool = False, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Load the trunk of *base*, in eval mode; weights that its files lack are an error, a pooler apart.

    *writes*: with the head by which it says the next token.
    """
    from transformers import AutoModelForCausalLM

    kind: Any = AutoModelForCausalLM if writes else auto_class(base.config["model_type"])
    return load_as(kind, base, dtype=dtype, may_lack=lambda _, name: "pooler" in name)


def load_as(
    kind: Any, base: Base, *, dtype: torch.dtype = torch.float32,
    may_lack: Callable[[nn.Module, str], bool] = lambda _, name: False,
) -> nn.Module:  # fmt: skip
    """Load the model in the files of *base* by transformers' class *kind*, in eval mode, nothing of it to be trained.

    Raises BaseError where it can't be, or lacks weights other than those for which *may_lack* (model, name) holds.
    """
    with quiet(), seeded(0):
        try:
            model, report = kind.from_pretrained(
                base.folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                output_loading_info=True, **quantised.arguments(base),
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
            said = str(error).splitlines()[0]
            if "ignore_mismatched_sizes" in said:
                said = "its weights do not have the sizes that its config.json states"
            raise BaseError(f"the base '{base.name}' can't be loaded: {said}", do="fetch it again") from error
    missing = sorted(name for name in report["missing_keys"] if not may_lack(model, name))
    if missing:
        raise BaseError(
            f"the model '{base.name}' lacks {len(missing)} of its weights",
            received=f"no {missing[0]}",
            do="fetch it again",
        )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return quantised.exactly(model.eval()) if base.quantisation else model.eval()


def load_tokenizer(base: Base) -> Any:
    """Load the tokenizer of *base*; a missing padding token is replaced by the end token (its states never count)."""
    from transformers import AutoTokenizer

    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False, local_files_only=True)
        except Exception as error:  # a damaged vocabulary raises what the library that reads it likes
            raise BaseError(
                f"the tokenizer of '{base.name}' can't be loaded", expected="a whole tokenizer.json beside config.json",
                received=(str(error).strip().splitlines() or [type(error).__name__])[0], do=_DO,
            ) from error  # fmt: skip
    if not tokenizer.is_fast:
        raise BaseError(f"the tokenizer of '{base.name}' has no fast version", expected="a tokenizer.json", do=_DO)
    known = base.config.get("vocab_size")
    if isinstance(known, int) and len(tokenizer) > known:
        raise BaseError(
            f"the tokenizer of '{base.name}' does not fit its model", expected=f"at most {known:,} tokens",
            received=f"{len(tokenizer):,}", do=_DO,
        )  # fmt: skip
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
