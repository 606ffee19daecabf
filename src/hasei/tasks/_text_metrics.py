"""How near texts come to the true ones: chrF, BLEU, ROUGE-L, the same text; all on 0 to 1.

Source: chrF: Popović 2015; BLEU: Papineni et al. 2002; both as in sacreBLEU (Post 2018). ROUGE-L: Lin 2004.

Shapes: n predicted and n true texts; one reference for each. BLEU and chrF are of the whole set, from the sums of each
row's counts, so a resample is a product of weights (d, n) and counts (n, k).

Relations: a true text that is mostly of a script without spaces is read sign by sign by BLEU and ROUGE-L.

>>> METRICS["exact_match"].value(["ＯＫ  then"], ["OK then"])
1.0
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from hasei.ground.errors import NotSupported
from hasei.tasks import Floats, Metric

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]")


def unspaced(text: str) -> bool:
    """Whether most letters of *text* are of a script that is written without spaces between words."""
    letters = sum(map(str.isalpha, text))
    return len(_UNSPACED.findall(text)) > letters / 2


class _Corpus:
    """A measure of sacreBLEU on a set of rows, from the sums of their counts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _scorers(self) -> tuple[Any, Any]:
        """The scorer for texts with spaces between words, and the one for texts without."""
        try:
            from sacrebleu.metrics import BLEU, CHRF
        except ImportError as error:
            raise _missing("sacrebleu") from error
        if self.name == "chrf":
            scorer = CHRF()
            return scorer, scorer
        return BLEU(force=True), BLEU(tokenize="char", force=True)

    def counts(self, predicted: Sequence[Any], true: Sequence[Any]) -> tuple[Any, Floats]:
        """The scorer that sums are read by, and each row's counts (n, k)."""
        spaced, other = self._scorers()
        rows = []
        for said, truth in zip(predicted, true, strict=True):
            scorer = other if unspaced(truth) else spaced
            rows.append(scorer._extract_corpus_statistics([said], [[truth]])[0])
        return spaced, np.array(rows, np.float64)

    def value(self, predicted: Sequence[Any], true: Sequence[Any]) -> float:
        """The measure of the whole set; 0 for no rows."""
        if not len(true):
            return 0.0
        scorer, counts = self.counts(predicted, true)
        return _score(scorer, counts.sum(0))

    def weighted(self, predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
        """The measure of each resample (d,), given how often each row counts (d, n)."""
        scorer, counts = self.counts(predicted, true)
        return np.array([_score(scorer, sums) for sums in np.asarray(weights, np.float64) @ counts])

    def nearness(self, predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
        """The measure of each row by itself (n,); of BLEU, of the word orders that a row is long enough for."""
        scorer, counts = self.counts(predicted, true)
        if self.name == "bleu":
            scorer.effective_order = True
        return np.array([_score(scorer, row) for row in counts])


def _score(scorer: Any, sums: Floats) -> float:
    return min(1.0, float(scorer._compute_score_from_stats(sums.tolist()).score) / 100)  # 1 + 2e-16 is no share


def _missing(library: str) -> NotSupported:
    return NotSupported(f"texts can't be compared without {library}", do="install it: pip install 'hasei[generation]'")


class _Words:
    """Words of small letters, digits and signs above ASCII; every sign by itself where there are no spaces."""

    def __init__(self, *, signs: bool) -> None:
        self.signs = signs

    def tokenize(self, text: str) -> list[str]:
        """Return the words of *text*."""
        found = re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())
        return [sign for word in found for sign in word] if self.signs else found


def _rouge_l(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise _missing("rouge-score") from error
    scorers = {signs: RougeScorer(["rougeL"], tokenizer=_Words(signs=signs)) for signs in (False, True)}
    return np.array([
        scorers[unspaced(truth)].score(truth, said)["rougeL"].fmeasure for said, truth in zip(predicted, true, strict=True)
    ])  # fmt: skip


def _exact(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    return np.array([float(_plain(said) == _plain(truth)) for said, truth in zip(predicted, true, strict=True)])


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _mean(rows: Any) -> Any:
    return lambda predicted, true: float(np.mean(rows(predicted, true))) if len(true) else 0.0


METRICS: dict[str, Metric] = {
    "chrf": Metric(
        "chrf", 1, _Corpus("chrf").value, weighted=_Corpus("chrf").weighted, nearness=_Corpus("chrf").nearness
    ),
    "bleu": Metric(
        "bleu", 1, _Corpus("bleu").value, weighted=_Corpus("bleu").weighted, nearness=_Corpus("bleu").nearness
    ),
    "rouge_l": Metric("rouge_l", 1, _mean(_rouge_l), _rouge_l),
    "exact_match": Metric("exact_match", 1, _mean(_exact), _exact),
}
