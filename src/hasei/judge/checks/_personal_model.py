"""Names of people that no pattern tells: presidio-analyzer with an installed spaCy model, where both are there.

They come with the extra ``privacy`` and a model such as ``ja-ginza`` or ``en_core_web_sm``. It reads about ten texts a
second on one core, so it runs where time is given: in the check ``personal_names`` and when a file is cleaned. *Source*:
Microsoft Presidio (2019); spaCy's recognition of named entities.
"""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_MODELS = {
    "en": ("en_core_web_lg", "en_core_web_md", "en_core_web_sm"),
    "ja": ("ja_ginza", "ja_core_news_lg", "ja_core_news_md", "ja_core_news_sm"),
}
_JAPANESE = re.compile("[ぁ-ヿ一-鿿]")
_PERSON = "PERSON"
# What the models call a person; GiNZA follows the extended named entities of Sekine (2002).
_LABELS = {"PERSON": _PERSON, "PER": _PERSON, "Person": _PERSON}


def installed() -> dict[str, str]:
    """Return the model for each language, by its code; empty where the extra or the models are absent."""
    if any(importlib.util.find_spec(name) is None for name in ("presidio_analyzer", "spacy")):
        return {}
    found = {code: next((m for m in names if importlib.util.find_spec(m)), "") for code, names in _MODELS.items()}
    return {code: model for code, model in found.items() if model}


def people(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every name of a person that the model of the text's language sees."""
    language = "ja" if _JAPANESE.search(text) else "en"
    if language not in installed() or not any(char.isalpha() for char in text):
        return
    for found in _analyzer(language).analyze(text, language=language, entities=[_PERSON]):
        yield found.start, found.end


@lru_cache(maxsize=2)
def _analyzer(language: str) -> Any:
    """Return the analyzer of a language, for people alone; opening its model takes seconds."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    logging.getLogger("presidio-analyzer").setLevel(
        logging.ERROR
    )  # it reports every kind of entity that is not asked for
    settings = {
        "nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": installed()[language]}],
        "ner_model_configuration": {"model_to_presidio_entity_mapping": _LABELS},
    }  # fmt: skip
    engine = NlpEngineProvider(nlp_configuration=settings).create_engine()
    recognizer = SpacyRecognizer(supported_language=language, supported_entities=[_PERSON])
    registry = RecognizerRegistry(recognizers=[recognizer], supported_languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
