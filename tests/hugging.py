"""Tiny models of transformers with their tokenizers, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

TEXTS = (
    "a fine book that I read twice and would read again",
    "dull",
    "the plot is thin but the people in it are drawn well",
    "not worth the paper it is printed on, sadly",
    "what a film!",
    "the second half drags and drags and then it ends without a reason",
)

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "eos_token_id": 3,
    "bos_token_id": 2,
}


def tokenizer(folder: Path, vocabulary: int = 90) -> None:
    """Word pieces of `TEXTS`, as BERT has them."""
    from benchmarks.texts import word_pieces

    word_pieces(TEXTS, vocabulary, 48).save_pretrained(folder)


def classifier(folder: Path, kind: str = "bert", labels: int = 2, **settings: Any) -> Path:
    """A model with random weights and its tokenizer in a folder, as users have them."""
    from transformers import AutoConfig, AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer(folder, settings.get("vocab_size", 90))
    torch.manual_seed(sum(map(ord, folder.name)))
    config = AutoConfig.for_model(
        kind, **{"vocab_size": 90, **SMALL, **settings}, num_labels=labels
    )
    config.initializer_range = 0.2  # of some opinion
    made = AutoModelForSequenceClassification.from_config(config)
    for module in made.modules():
        if isinstance(module, torch.nn.LayerNorm):  # as if trained: not all channels sum to zero
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, 0.0, 0.2)
    made.save_pretrained(folder)
    return folder
