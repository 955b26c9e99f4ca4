"""Models and tokenizers of transformers: what every codec promises, and that nothing of elsewhere is built or fetched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Content, Store
from ml_assets.testing import check_codec

TOKENS = torch.arange(10).reshape(2, 5)
SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def classifier() -> BertForSequenceClassification:
    torch.manual_seed(0)
    labels = {0: "no", 1: "perhaps", 2: "yes"}
    return BertForSequenceClassification(BertConfig(**SMALL, id2label=labels)).eval()


def with_tied_weights() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2)
    return GPT2LMHeadModel(config).eval()


def tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["[UNK]", "[PAD]"], show_progress=False)
    words.train_from_iterator(["a b c d"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="[UNK]",
        pad_token="[PAD]",
        chat_template="{{ messages }}",
        model_max_length=12,
    )


@pytest.mark.parametrize("make", [classifier, with_tied_weights], ids=lambda make: make.__name__)
def test_a_model_keeps_what_every_codec_promises(make: Callable[[], Any]) -> None:
    def same(one: Any, other: Any) -> bool:
        config = one.config.to_dict() == other.config.to_dict()
        return config and torch.equal(one(TOKENS).logits, other(TOKENS).logits)

    check_codec(make(), same=same, twins=[make()], codec="transformers", n_flips=3)


def test_a_tokenizer_keeps_what_every_codec_promises() -> None:
    def same(one: Any, other: Any) -> bool:
        texts = [of("a b q", padding="max_length")["input_ids"] for of in (one, other)]
        return texts[0] == texts[1] and one.chat_template == other.chat_template

    check_codec(tokenizer(), same=same, twins=[tokenizer()], codec="transformers", n_flips=5)


def test_reading_a_model_leaves_the_random_numbers_that_come_next(store: Store) -> None:
    content = store.put(classifier())
    before = torch.random.get_rng_state()
    store.get(content)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_weights_of_a_model_can_be_compared_without_building_it(store: Store) -> None:
    model = classifier()
    (weights,) = store.tensors(store.put(model)).values()
    assert torch.equal(weights["classifier.weight"], model.classifier.weight)


def with_file(store: Store, content: Content, path: str, value: Any) -> Content:
    """The content with other JSON for one of its files."""
    (other,) = store.put(value).files
    files = (replace(other, path=path) if file.path == path else file for file in content.files)
    return replace(content, files=tuple(files))


@pytest.mark.parametrize(
    "more",
    [
        {"auto_map": {"AutoModel": "evil--model.Evil"}},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"attn_implementation": "somebody/kernels"},
        {"backbone_config": {"use_pretrained_backbone": True}},
        {"hidden_size": 17},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_configuration_that_leads_elsewhere_is_refused(store: Store, more: dict[str, Any]) -> None:
    content = store.put(classifier())
    (file,) = (file for file in content.files if file.path == "config.json")
    config = {**json.loads(store.read(file)), **more}
    with pytest.raises(UnreadableContent, match="not what the codec 'transformers' writes"):
        store.get(with_file(store, content, "config.json", config))


@pytest.mark.parametrize("name", ["AutoModel", "pipeline", "Trainer", "PreTrainedModel.from_pretrained", "os", 3])
def test_only_models_and_tokenizers_of_the_installed_library_are_built(store: Store, name: Any) -> None:
    with pytest.raises(UnreadableContent, match="not what the codec 'transformers' writes"):
        store.get(replace(store.put(classifier()), meta={"class": name}))


class Own(BertForSequenceClassification):
    pass


def test_what_would_not_come_back_is_refused_with_what_to_do(store: Store) -> None:
    with pytest.raises(
        UnsupportedType, match=r"Own is no model or fast tokenizer that transformers itself has.*state_"
    ):
        store.put(Own(BertConfig(**SMALL)))
    mixed = classifier()
    mixed.classifier.half()
    with pytest.raises(UnsupportedType, match=r"weights of torch\.float16 and torch\.float32.*Make them one type"):
        store.put(mixed)
