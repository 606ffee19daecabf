"""The base as it is: it is given a prompt and nothing else, and writes an answer or says how well each label fits.

Labels are asked for in the way that suits the base: a classifier of pairs that knows entailment says whether "This text is
about card arrival." follows from the text; a language model, how likely each label is after the prompt; of any other base,
the features of the text are compared with those of what the labels mean. Where a row has choices, they are its labels.

Source: Radford et al. 2019, "Language models are unsupervised multitask learners"; labels: Yin et al. 2019, "Benchmarking
zero-shot text classification"; their likelihood: Brown et al. 2020, "Language models are few-shot learners", with what a text
that says nothing gets taken off: Zhao et al. 2021, "Calibrate before use".
Trains: nothing; train rows only tell how long a text may become, how much a score counts for a confidence, and from which
score on a label is given where rows have several.
Shapes: prompts (n,) -> texts (n,); texts (n,) -> scores (n, k) of k labels.
Relations: ``few_shot`` shows a language model some train rows first; ``prompt_search`` looks for better prompts; ``as_it_is``
has class means in the place of descriptions; ``full_fine_tuning`` and ``lora`` let the base learn.

>>> hasei.study("tickets.csv", methods=[{"zero_shot": {"descriptions": {"late": "a parcel is late"}}}])  # doctest: +SKIP
"""

from __future__ import annotations

from hasei.baselines._asking import Asking, derived
from hasei.baselines._prompted import Prompted, prompted
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.ways import Way, choose

SUPPORTS = Supports(targets=("text", "likelihood", "category", "categories", "choice"))


class Params(Prompted, Asking):
    """How texts are written or labels asked for; *by*: in which way (None: the one that suits the base)."""

    by: Way | None = None

    __hash__ = Asking.__hash__


def proposals(facts: Facts) -> list[Params]:
    """Where texts are written, that; labels are asked for only when a user says so: ``as_it_is`` costs next to nothing."""
    return [Params()] if facts.target in ("", "text", "likelihood") else []


def derive(context: Context, params: Params) -> Derivation:
    """Ask the base as it is; raises NotSupported where it can't be asked so, RecipeError where descriptions do not fit."""
    SUPPORTS.refuse("zero_shot", context.task)
    kind = context.task.target_kind
    if kind in ("text", "likelihood"):
        return prompted(context, params)
    possible: tuple[Way, ...] = ("entailment", "likelihood", "descriptions")
    possible = possible[1:2] if kind == "choice" else possible
    way = choose(context.trunk.base, params.by, possible, "zero_shot", "choice_cosine" if kind == "choice" else "")
    return derived(context, way, params.model_copy(update={"by": way}))
