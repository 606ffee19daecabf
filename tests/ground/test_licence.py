import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.errors import RecipeError
from hasei.ground.language import speaking
from hasei.ground.licence import derived, kind, normalise, outcome, refuse_unheard
from hasei.ground.terms import KINDS, terms

LICENCES = [
    "MIT", "Apache-2.0", "CC0-1.0", "BSD-4-Clause", "CC-BY-4.0", "ODC-By-1.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0",
    "CC-BY-SA-2.1-JP", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-or-later", "AGPL-3.0-only", "LGPL-2.1-only", "MPL-2.0",
    "ODbL-1.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "llama3.1",
    "openrail", "unknown", "our own words", "GPL-2.0-only WITH Classpath-exception-2.0",
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [("cc-by-4.0", "CC-BY-4.0"), ("CC BY 4.0", "CC-BY-4.0"), ("Apache 2.0", "Apache-2.0"), ("apache-2.0", "Apache-2.0"),
     ("Apache License, Version 2.0", "Apache-2.0"), ("CC BY-SA 4.0", "CC-BY-SA-4.0"), ("mit", "MIT"),
     ("the MIT licence", "MIT"), ("cc by-nc-sa 3.0", "CC-BY-NC-SA-3.0"), ("CC0", "CC0-1.0"),
     ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0 International", "CC-BY-NC-ND-4.0"),
     ("CC-BY-SA-3.0-DE", "CC-BY-SA-3.0-DE"), ("cc by", "LicenseRef-CC-BY"), ("GPL-3.0+", "GPL-3.0-or-later"),
     ("GPLv2 or later", "GPL-2.0-or-later"), ("gpl-3.0", "GPL-3.0-only"),
     ("GNU Lesser General Public License v2.1", "LGPL-2.1-only"), ("BSD 3-Clause License", "BSD-3-Clause"),
     ("odbl", "ODbL-1.0"), ("llama3.1", "LicenseRef-llama3.1"), ("LicenseRef-Ours", "LicenseRef-ours"),
     ("for research and education only", "LicenseRef-for-research-and-education-only"), ("", "LicenseRef-unknown"),
     ("other", "LicenseRef-unknown"), ("社内データ", "LicenseRef-unknown"), ("((", "LicenseRef-unknown"),
     ("CC BY-NC 4.0 and MIT", "CC-BY-NC-4.0 AND MIT"), ("MIT or (apache 2.0 AND CC0)", "MIT OR (Apache-2.0 AND CC0-1.0)"),
     ("gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
     ("MIT AND Apache-2.0 AND MIT", "Apache-2.0 AND MIT")],
)  # fmt: skip
def test_a_licence_is_read_however_it_is_spelled(written, meant):
    assert normalise(written) == meant


@pytest.mark.parametrize(
    ("written", "words"),
    [("foo", "LicenseRef-foo"), ("MTI", "did you mean 'MIT'?"), ("CC-BY-9.9", "did you mean 'CC-BY-4.0'?"),
     ("GPL-9.0", "did you mean 'GPL-3.0-only'?"), ("CC-BY-4.O", "did you mean 'CC-BY-4.0'?"), ("foo OR MIT", "no licence 'foo'"),
     ("Apach 2.0", "no licence 'Apach 2.0'"), ("MIT WITH foo", "no licence 'foo'"), ("Kaggle", "LicenseRef-kaggle")],
)  # fmt: skip
def test_a_licence_that_there_is_not_is_refused_with_what_may_be_meant(written, words):
    with pytest.raises(RecipeError) as caught:
        refuse_unheard(written)
    assert words.casefold() in str(caught.value).casefold()
    assert "CC-BY-4.0" in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [*LICENCES, "", "none", "cc by", "gpl", "Apache 2.0", "LicenseRef-foo", "licenseref-My_Own OR MIT", "proprietary",
     "commercial", "internal use", "all rights reserved", "for research and education only", "社内データ",
     "Open Government Licence", "BSD"],
)  # fmt: skip
def test_spdx_unknown_references_and_words_of_ones_own_are_all_licences(written):
    refuse_unheard(written)


@pytest.mark.parametrize(
    ("licence", "expected"),
    [("MIT", "permissive"), ("CC-BY-4.0", "attribution"), ("CC-BY-SA-4.0", "share-alike"), ("AGPL-3.0", "share-alike"),
     ("CC-BY-NC-4.0", "non-commercial"), ("CC-BY-NC-SA-4.0", "non-commercial"), ("CC-BY-ND-4.0", "no-derivatives"),
     ("unknown", "unknown"), ("our own words", "unknown"), ("creativeml-openrail-m", "restricted"),
     ("bigscience-bloom-rail-1.0", "restricted"), ("llama3", "restricted"), ("gemma", "restricted"),
     ("MIT AND CC-BY-SA-4.0", "share-alike"), ("MIT OR GPL-3.0-only", "permissive"), ("MIT OR unknown", "permissive"),
     ("CC-BY-NC-4.0 AND unknown", "unknown"), ("CC-BY-ND-4.0 AND unknown", "no-derivatives")],
)  # fmt: skip
def test_every_licence_has_its_kind(licence, expected):
    assert kind(licence) == expected


@pytest.mark.parametrize(
    ("base", "data", "expected", "release"),
    [("Apache-2.0", "CC0-1.0", "permissive", "Apache-2.0 AND CC0-1.0"),
     ("Apache-2.0", "CC-BY-4.0", "attribution", "Apache-2.0 AND CC-BY-4.0"),
     ("Apache-2.0", "CC-BY-SA-4.0", "share-alike", "CC-BY-SA-4.0"),
     ("CC-BY-SA-3.0", "CC-BY-SA-4.0", "share-alike", "CC-BY-SA-4.0"),
     ("CC-BY-SA-3.0-DE", "CC-BY-SA-3.0", "share-alike", "CC-BY-SA-3.0"),
     ("CC-BY-SA-4.0", "GPL-3.0-or-later", "share-alike", "GPL-3.0-only"),
     ("GPL-2.0-or-later", "Apache-2.0", "share-alike", "GPL-3.0-or-later"),
     ("GPL-2.0-or-later", "GPL-3.0-only", "share-alike", "GPL-3.0-only"),
     ("AGPL-3.0-only", "GPL-3.0-or-later", "share-alike", "AGPL-3.0-only"),
     ("MPL-2.0", "CC-BY-SA-4.0", "share-alike", "GPL-3.0-only"),
     ("LGPL-2.1-only", "GPL-3.0-only", "share-alike", "GPL-3.0-only"),
     ("MIT", "CC-BY-NC-4.0", "non-commercial", "CC-BY-NC-4.0 AND MIT"),
     ("MIT", "CC-BY-NC-SA-4.0", "non-commercial", "CC-BY-NC-SA-4.0"),
     ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "non-commercial", "CC-BY-NC-SA-4.0"),
     ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "non-commercial", "CC-BY-NC-SA-4.0"),
     ("llama3.1", "MIT", "restricted", "LicenseRef-llama3.1 AND MIT"),
     ("llama3.1", "CC-BY-NC-4.0", "non-commercial", "CC-BY-NC-4.0 AND LicenseRef-llama3.1"),
     ("MIT OR GPL-2.0-only", "CC-BY-NC-4.0", "non-commercial", "CC-BY-NC-4.0 AND MIT"),
     ("Apache-2.0", "unknown", "unknown", ""), ("CC-BY-SA-4.0", "our own words", "unknown", "")],
)  # fmt: skip
def test_parts_that_go_together_say_what_the_model_may_be_released_as(base, data, expected, release):
    found = outcome(base, data)
    assert (found.kind, found.release, found.conflict) == (expected, release, "")


@pytest.mark.parametrize(
    ("base", "data"),
    [("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"), ("CC-BY-SA-4.0", "CC-BY-NC-4.0"), ("GPL-3.0-only", "CC-BY-NC-4.0"),
     ("GPL-2.0-only", "GPL-3.0-only"), ("GPL-2.0-only", "Apache-2.0"), ("GPL-3.0-only", "BSD-4-Clause"),
     ("CC-BY-SA-4.0", "ODbL-1.0"), ("CC-BY-SA-4.0", "GPL-2.0-only"), ("CC-BY-SA-4.0", "llama3.1"),
     ("GPL-3.0-or-later", "openrail"), ("CC-BY-SA-1.0", "CC-BY-SA-4.0")],
)  # fmt: skip
def test_parts_that_forbid_each_other_are_a_conflict_that_names_both(base, data):
    found = outcome(base, data)
    assert normalise(base) in found.conflict
    assert normalise(data) in found.conflict
    assert found.release == ""


@pytest.mark.parametrize("closed", ["CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"])
@pytest.mark.parametrize("other", LICENCES)
def test_nothing_derived_from_what_allows_no_derivatives_is_released(closed, other):
    assert closed in outcome(closed, other).conflict


@pytest.mark.parametrize("other", [licence for licence in LICENCES if "ND" not in licence])
def test_an_unknown_part_is_no_conflict_but_makes_the_whole_unknown(other):
    found = outcome(other, "unknown")
    assert (found.kind, found.conflict, found.release) == ("unknown", "", "")
    assert "LicenseRef-unknown" in found.obligations[-1]


def test_the_obligations_are_said_in_words():
    found = outcome("Apache-2.0", "CC-BY-SA-4.0").obligations
    assert [words.split()[0] for words in found] == ["keep", "name", "release"]
    assert "Apache-2.0" in found[0] and "CC-BY-SA-4.0" in found[1]
    assert "over a network" in " ".join(outcome("AGPL-3.0-only").obligations)
    assert "limits of use" in " ".join(outcome("llama3.1").obligations)
    assert "nothing commercial" in " ".join(outcome("CC-BY-NC-4.0").obligations)
    assert outcome("CC0-1.0").obligations == ()
    with speaking("ja"):
        assert outcome("MIT").kind == "permissive"


expressions = st.recursive(
    st.sampled_from(LICENCES),
    lambda inner: st.builds(lambda one, sign, other: f"({one}) {sign} ({other})", inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=5,
)  # fmt: skip


@given(expressions, expressions)
def test_the_order_of_the_parts_is_nothing(one, other):
    assert outcome(one, other) == outcome(other, one)


@given(expressions)
def test_a_part_that_comes_twice_counts_once(one):
    assert outcome(one, one) == outcome(one)
    assert normalise(normalise(one)) == normalise(one)


@given(expressions, expressions, expressions)
def test_a_lineage_ends_the_same_whichever_derivation_came_first(one, two, three):
    first = outcome(derived(one, two), three)
    assert first == outcome(one, derived(two, three))
    assert first == outcome(one, two, three)


@given(expressions, expressions)
def test_another_part_never_asks_less(one, other):
    whole = outcome(one, other)
    assert KINDS.index(whole.kind) >= KINDS.index(outcome(one).kind) or whole.conflict or outcome(one).conflict
    assert not outcome(one).conflict or whole.conflict


@given(st.text(max_size=60))
def test_any_text_is_some_licence(text):
    found = outcome(text)
    assert found.kind in KINDS
    assert normalise(found.expression) == found.expression


def test_a_hundred_choices_are_answered_at_once():
    many = " AND ".join(f"(LicenseRef-a{i} OR LicenseRef-b{i} OR MIT)" for i in range(40))
    assert outcome(many).kind == "permissive"


def test_a_share_alike_licence_is_first_among_its_own_targets():
    for licence in LICENCES:
        found = terms(normalise(licence).split(" WITH ")[0])
        assert not found.targets or found.targets[0] == normalise(licence).split(" WITH ")[0]
