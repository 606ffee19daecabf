"""Chat templates: what is learnt of a row, and templates that are missing, hostile or write earlier turns otherwise."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from hasei.engine.chat import Chat
from hasei.engine.trunk import load_tokenizer
from hasei.ground.errors import BaseError
from hasei.inputs.base import Base
from hasei.tasks._messages import canonical
from toys import CHATML, make_writer

LLAMA2 = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + ' ' + eos_token }}"
    "{% else %}{{ raise_exception('no system here') }}{% endif %}{% endfor %}"
)
# As Qwen3's: what was thought in earlier turns is not written again; the last answer begins with an empty thought.
FORGETS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n"
    "{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GENERATION = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}"
    "{% else %}{{ m.content }}\n{% endif %}{% endfor %}"
)
TURNS = [
    {"role": "user", "content": "where is my parcel"}, {"role": "assistant", "content": "on its way"},
    {"role": "user", "content": "荷物は？"},
]  # fmt: skip
ANSWER = "it has arrived"


def opened(tmp_path, kind="llama", template=CHATML, **more):
    folder = make_writer(kind, tmp_path / "base", template, **more)
    return Chat(load_tokenizer(Base.open(folder)), "toy", seconds=3.0)


def learnt_text(chat, row):
    ids, learnt = row
    return chat.tokenizer.decode([i for i, said in zip(ids, learnt) if said])


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize(("template", "learnt"), [
    (CHATML, "on its way<|im_end|>\nit has arrived<|im_end|>"), (LLAMA2, "on its way </s>it has arrived </s>"),
    (None, "on its way</s>it has arrived</s>"), (FORGETS, "it has arrived<|im_end|>"),
    (GENERATION, "on its way</s>it has arrived</s>"),
])  # fmt: skip
def test_answers_and_their_ends_are_learnt_and_nothing_else(tmp_path, kind, template, learnt):
    chat = opened(tmp_path, kind, template)
    row = chat.rows([(canonical(TURNS), ANSWER)])[0]
    assert learnt_text(chat, row).replace("\n", "") == learnt.replace("\n", "")
    assert row[0][-1] in chat.stops and row[1][-1]


@pytest.mark.parametrize("template", [CHATML, LLAMA2, None, FORGETS])
def test_what_is_read_before_an_answer_is_what_is_asked(tmp_path, template):
    chat = opened(tmp_path, template=template)
    ((ids, learnt),) = chat.rows([("where is my parcel", ANSWER)])
    (prompt,) = chat.prompts([TURNS[:1]])
    assert ids[: learnt.index(True)] == prompt


@pytest.mark.parametrize("template", [CHATML, LLAMA2, GENERATION])
def test_a_whole_row_reads_as_transformers_writes_it(tmp_path, template):
    chat = opened(tmp_path, template=template)
    own = AutoTokenizer.from_pretrained(tmp_path / "base")
    whole = own.apply_chat_template([*TURNS, {"role": "assistant", "content": ANSWER}], tokenize=False)
    ((ids, _),) = chat.rows([(canonical(TURNS), ANSWER)])
    assert chat.tokenizer.decode(ids) == whole.rstrip("\n")
    assert chat.renderer.render([(TURNS, True)])[0] == own.apply_chat_template(
        TURNS, tokenize=False, add_generation_prompt=True
    )


@pytest.mark.parametrize("template", [LLAMA2, None])
def test_a_row_begins_with_one_first_token(tmp_path, template):
    chat = opened(tmp_path, template=template)
    ((ids, _),) = chat.rows([("hello", ANSWER)])
    assert ids[0] == 2 and ids.count(2) == 1


def test_a_tokenizer_without_a_padding_token_does(tmp_path):
    chat = opened(tmp_path, pad=None)
    assert chat.tokenizer.pad_token_id == 3
    ((ids, learnt),) = chat.rows([("hello", ANSWER)])
    assert learnt[-1] and ids[-1] == 5, "the end of an answer is learnt although other ends fill up rows"


@pytest.mark.parametrize(("template", "says"), [
    ("{{ messages.__class__.__mro__ }}", "unsafe"), ("{{ ''.__class__.__base__.__subclasses__() }}", "unsafe"),
    ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "unsafe"),
    ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "more than 3 s"),
    ("{{ 'a' * 100000000000 }}", "without end"), ("{{ 'a' * 50000000 }}", "without end"),
    ("{% set x = namespace(v='a') %}{% for i in range(60) %}{% set x.v = x.v ~ x.v %}{% endfor %}{{ x.v }}", "without end"),
    ("{{ raise_exception('I refuse') }}", "I refuse"), ("{% for", "unexpected 'end of template'"),
    ("{{ messages[7].content }}", "undefined|no element"), ("hello", "leaves out what is said"), ("", "leaves out what is said"),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion|ended"),
])  # fmt: skip
def test_a_hostile_template_is_refused_in_one_line(tmp_path, template, says):
    import re

    chat = opened(tmp_path, template=None)
    chat.renderer.template = template
    with pytest.raises(BaseError) as error:
        chat.rows([("hello", ANSWER)])
    assert re.search(says, str(error.value)), str(error.value)
    assert "chat template of 'toy'" in str(error.value) and "\n" not in str(error.value)


def test_a_template_that_refuses_a_row_says_so_and_the_next_row_is_read(tmp_path):
    chat = opened(tmp_path, template=LLAMA2)
    with pytest.raises(BaseError, match="no system here"):
        chat.prompts([[{"role": "system", "content": "x"}, *TURNS[:1]]])
    assert chat.prompts([TURNS[:1]])


def test_a_tokenizer_without_an_end_token_is_refused(tmp_path):
    folder = make_writer("llama", tmp_path / "base")
    tokenizer = load_tokenizer(Base.open(folder))
    tokenizer.eos_token = None
    with pytest.raises(BaseError, match="no end token"):
        Chat(tokenizer, "toy")
