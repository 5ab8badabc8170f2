import types

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kdrun.model.tokens import PARTS, fit_tokens, in_parts, last, own, reads


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 9))
def test_parts_are_adaptive_means_of_the_tokens_alone(lengths: list[int], padding: int) -> None:
    longest = max(lengths) + padding
    states = torch.randn(len(lengths), longest, 3, dtype=torch.double)
    mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).long()
    found = in_parts(states, mask)
    for row, length in enumerate(lengths):
        alone = F.adaptive_avg_pool1d(states[row, :length].T, PARTS).T
        torch.testing.assert_close(found[row], alone)


def test_padding_in_front_is_padding_too() -> None:
    states = torch.randn(1, 12, 2)
    behind, before = torch.zeros(1, 15), torch.zeros(1, 15)
    behind[:, :12], before[:, 3:] = 1, 1
    torch.testing.assert_close(
        in_parts(F.pad(states, (0, 0, 0, 3)), behind), in_parts(F.pad(states, (0, 0, 3, 0)), before)
    )


def test_last_token() -> None:
    states = torch.arange(12.0).view(2, 6, 1)
    mask = torch.tensor([[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]])
    assert last(states, mask).flatten().tolist() == [2, 11]


class Reader(nn.Module):
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        raise NotImplementedError


class Rows(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise NotImplementedError


def test_a_network_gets_what_it_names_and_else_the_rows() -> None:
    given = {"x": 0, "input_ids": 1, "attention_mask": 2}
    assert own(Reader(), reads(Reader()), given) == {"input_ids": 1, "attention_mask": 2}
    assert own(Rows(), reads(Rows()), given) == 0


class Whatever(nn.Module):
    def forward(self, **inputs: Tensor) -> Tensor:
        raise NotImplementedError


def test_a_network_that_names_nothing_gets_all() -> None:
    given = {"left": 1, "right": 2}
    assert own(Whatever(), reads(Whatever()), given) == given


def test_of_several_tokenizers_it_gets_its_own() -> None:
    given = {"./a/input_ids": 1, "./a/attention_mask": 2, "b/input_ids": 3, "b/attention_mask": 4}
    net = Reader()
    net.tokenizer = "b"  # type: ignore[assignment]
    assert own(net, reads(net), given) == {"input_ids": 3, "attention_mask": 4}
    net.tokenizer = "c"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="Reader reads input_ids, attention_mask, and the data"):
        own(net, reads(net), given)


def test_tokens_alone_are_nothing_to_a_network_on_rows() -> None:
    with pytest.raises(ValueError, match=r"dataset\.words=true"):
        own(Rows(), reads(Rows()), {"input_ids": 1, "attention_mask": 2})


def test_what_stands_alone_is_for_any_network_on_rows() -> None:
    rows = torch.rand(2, 3)
    assert own(Rows(), reads(Rows()), rows) is rows
    net = Reader()
    net.tokenizer = "./bert"  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"Reader reads tokens, .*set dataset\.tokenizer=\./bert"):
        own(net, reads(net), rows)


class Known(Reader):
    """A reader as transformers has them."""

    def __init__(self, pad: int | None = None) -> None:
        super().__init__()
        self.config = types.SimpleNamespace(vocab_size=90, pad_token_id=pad)
        self.described = {"config": {"pad_token_id": pad}}


def tokens(*ids: int, padding: int = 0, pad: int = 0) -> dict[str, Tensor]:
    mask = [1] * len(ids) + [0] * padding
    return {
        "input_ids": torch.tensor([[*ids, *[pad] * padding]]),
        "attention_mask": torch.tensor([mask]),
    }


def test_tokens_of_a_larger_vocabulary_are_refused() -> None:
    fit_tokens(Known(), "a", tokens(1, 89))
    fit_tokens(Known(), None, torch.full((1, 2), 90.0))
    with pytest.raises(ValueError, match="tokens up to 90, and Known knows 90: name"):
        fit_tokens(Known(), "a", tokens(1, 90))


def test_a_model_is_told_what_padding_is() -> None:
    net = Known(pad=2)
    fit_tokens(net, "a", tokens(5, 6, padding=2, pad=7))
    assert net.config.pad_token_id == net.described["config"]["pad_token_id"] == 7
    fit_tokens(net, "a", tokens(5, 6))
    assert net.config.pad_token_id == 7


def test_positions_that_are_counted_by_another_padding_are_refused() -> None:
    net = Known(pad=1)
    net.part = nn.Identity()
    net.part.padding_idx = 1  # type: ignore[assignment]
    fit_tokens(net, "a", tokens(5, 6, padding=2, pad=1))
    with pytest.raises(ValueError, match="pads with 0, and Known counts its positions by 1"):
        fit_tokens(net, "a", tokens(5, 6, padding=2))


def test_weights_of_another_tokenizer_are_refused() -> None:
    net = Known()
    net.trained_with = "./b"  # type: ignore[assignment]
    fit_tokens(net, "b/", tokens(5))
    fit_tokens(net, ["a", "./b"], tokens(5))
    with pytest.raises(ValueError, match=r"Known wants the tokens of \./b, and .*tokenizer=a"):
        fit_tokens(net, "a", tokens(5))
