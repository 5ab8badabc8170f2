"""A small BERT without weights and a tokenizer of some texts: what experiment=texts needs.

pip install 'kdrun[text]'
python benchmarks/texts.py data/sentiment_7domains/sentiment.jsonl.gz small_bert
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, PreTrainedTokenizerFast

from kdrun.dataset.text_file import read_texts

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_pieces(texts: Iterable[str], vocabulary: int, longest: int) -> PreTrainedTokenizerFast:
    """A tokenizer as BERT has it, of the words of some texts."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    # The trainer finds the same words each time, and numbers some of them otherwise.
    known = [*SPECIAL, *sorted(made.get_vocab().keys() - {*SPECIAL})]
    made.model = models.WordPiece(
        {word: number for number, word in enumerate(known)}, unk_token="[UNK]"
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=longest,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", help="a .csv or .jsonl[.gz] with a column text")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vocabulary", type=int, default=8000)
    options = parser.parse_args()
    texts = read_texts(options.texts, {"text": "text", "label": "label"}).table["text"]
    word_pieces(texts, options.vocabulary, 128).save_pretrained(options.folder)
    BertConfig(
        vocab_size=options.vocabulary,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=128,
    ).save_pretrained(options.folder)


if __name__ == "__main__":
    main()
