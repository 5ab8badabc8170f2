import copy

import pytest
import torch
from torch import Tensor, nn

from kdrun.model.features import Network
from kdrun.model.resnet import ResNet
from kdrun.model.timm import create
from kdrun.types import Batch, Outputs

ALL = ("embedding", "features", "preactivations")


class Tiny(nn.Module):
    """Two convolutions that share one in-place activation, and a pooled classifier."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.ReLU(inplace=True)
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), act)
        self.second = nn.Sequential(nn.Conv2d(4, 6, 3, 2, padding=1), nn.BatchNorm2d(6), act)
        self.raw = nn.Conv2d(6, 5, 1)
        self.late = nn.ReLU(inplace=True)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(5, 7)
        self.unused = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.raw(self.second(self.first(x)))
        x = self.late(x)  # overwrites what `raw` gave
        return self.fc(self.dropout(self.pool(x)))


def batch(*shape: int) -> Batch:
    n = shape[0]
    return Batch(torch.rand(shape), torch.zeros(n, dtype=torch.long), torch.arange(n))


def tiny(**kwargs: object) -> Network:
    torch.manual_seed(0)
    return Network(Tiny(), stages=["first", "second", "raw"], head="fc", **kwargs)


def hooks(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def test_images_are_normalised_per_channel_and_stay_channels_last() -> None:
    network = tiny(mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    images = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    slow = torch.stack(
        [(images[:, c] - m) / s for c, (m, s) in enumerate([(0.1, 0.5), (0.2, 0.6), (0.3, 0.7)])], 1
    )
    assert torch.allclose(network.normalise(images), slow, atol=1e-6)
    assert network.normalise(images).is_contiguous(memory_format=torch.channels_last)
    assert tiny().normalise(images) is images


def test_state_dict_is_the_nets_with_a_prefix() -> None:
    network = tiny(mean=(0.5,), std=(0.5,))
    network.keep(ALL)
    network(batch(2, 3, 8, 8))
    assert set(network.state_dict()) == {f"net.{key}" for key in Tiny().state_dict()}


def test_nothing_kept_means_no_hooks_and_only_logits() -> None:
    network = tiny().eval()
    outputs = network(batch(2, 3, 8, 8))
    assert hooks(network) == 0
    assert outputs == Outputs(outputs.logits)
    network.keep(["logits", *ALL])
    network(batch(2, 3, 8, 8))
    assert hooks(network) > 0
    network.keep(["logits"])
    assert hooks(network) == 0


def test_hooks_are_there_only_for_what_is_kept() -> None:
    network = tiny()
    network.keep(["embedding"])
    outputs = network(batch(2, 3, 8, 8))
    assert hooks(network) == 1
    assert outputs.features == outputs.preactivations == ()


def test_features_are_what_the_stages_gave_though_overwritten_later() -> None:
    network = tiny().eval()
    network.keep(ALL)
    data = batch(2, 3, 8, 8)
    outputs, net = network(data), network.net
    one = net.first(data.input)
    two = net.second(one)
    assert [f.shape[1:] for f in outputs.features] == [(4, 8, 8), (6, 4, 4), (5, 4, 4)]
    for got, expected in zip(outputs.features, (one, two, net.raw(two)), strict=True):
        assert torch.equal(got, expected)
    assert (outputs.features[2] < 0).any()
    assert torch.equal(net.fc(outputs.embedding), outputs.logits)


def test_preactivations_are_before_a_shared_in_place_activation() -> None:
    network = tiny().eval()
    network.keep(ALL)
    data = batch(2, 3, 8, 8)
    outputs = network(data)
    assert torch.equal(outputs.preactivations[0], network.net.first[:2](data.input))
    for before, after in zip(outputs.preactivations[:2], outputs.features[:2], strict=True):
        assert (before < 0).any()
        assert torch.equal(before.relu(), after)
    assert torch.equal(outputs.preactivations[2], outputs.features[2])  # ends in no activation


def test_keeping_changes_no_output_and_no_gradient() -> None:
    data = batch(4, 3, 8, 8)
    grads = []
    for fields in ((), ALL):
        network = Network(ResNetTwin(), stages=["layer1", "layer2"], head="fc")
        network.keep(fields)
        network(data).logits.square().sum().backward()
        grads.append([p.grad for p in network.parameters()] + list(network.buffers()))
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def ResNetTwin() -> ResNet:  # noqa: N802
    torch.manual_seed(3)
    return ResNet(5, depth=8)


def test_gradients_reach_the_net_through_every_field() -> None:
    network = Network(ResNetTwin(), stages=["layer1", "layer2"])
    network.keep(ALL)
    outputs = network(batch(2, 3, 8, 8))
    for kept in (outputs.embedding, *outputs.features, *outputs.preactivations):
        (grad,) = torch.autograd.grad(kept.sum(), network.net.conv1.weight, retain_graph=True)
        assert grad.abs().sum() > 0


def test_examination_leaves_modes_and_statistics_alone() -> None:
    network = tiny().train()
    network.net.second[1].eval()  # a frozen batch norm in a network that trains
    before = copy.deepcopy(network.state_dict())
    network.keep(ALL)
    network.examine(torch.rand(8, 3, 8, 8))
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert [n for n, m in network.net.named_modules() if not m.training] == ["second.1"]


def test_first_batch_may_come_in_inference_mode() -> None:
    network = tiny().eval()
    network.keep(ALL)
    with torch.inference_mode():
        assert len(network(batch(2, 3, 8, 8)).features) == 3
    network(batch(2, 3, 8, 8)).logits.sum().backward()


@pytest.mark.parametrize("examined", [True, False])
def test_a_deep_copy_fills_its_own_outputs(examined: bool) -> None:
    network = tiny().eval()
    network.keep(ALL)
    data = batch(2, 3, 8, 8)
    if examined:
        network(data)
    twin = copy.deepcopy(network)
    with torch.no_grad():
        twin.net.first[0].weight.zero_()
    mine, copied = network(data), twin(data)
    assert not torch.equal(mine.features[0], copied.features[0])
    assert torch.equal(mine.features[0], network.net.first(data.input))
    twin.keep([])
    assert hooks(twin) == 0
    assert hooks(network) > 0


def test_no_tensor_outlives_a_forward_that_fails() -> None:
    network = tiny()
    network.keep(ALL)
    network(batch(2, 3, 8, 8))
    network.net.fc = nn.Linear(1, 7)
    with pytest.raises(RuntimeError):
        network(batch(2, 3, 8, 8))
    copy.deepcopy(network)  # which tensors of a graph, or hooks of a lost module, would forbid


def test_bf16_autocast_gives_float32_logits() -> None:
    network = tiny(mean=(0.5,), std=(0.5,))
    network.keep(ALL)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(batch(2, 3, 8, 8))
    assert outputs.logits.dtype == torch.float32
    assert outputs.features[0].dtype == torch.bfloat16


def test_the_inner_net_may_be_compiled() -> None:
    network = tiny().eval()
    network.keep(ALL)
    data = batch(2, 3, 8, 8)
    eager = network(data)
    network.net.compile(backend="eager")
    compiled = network(data)
    for a, b in zip(eager.features + eager.preactivations, compiled[2] + compiled[3], strict=True):
        assert torch.equal(a, b)
    assert torch.equal(eager.embedding, compiled.embedding)


def test_rows_give_features_of_one_pixel() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(5, 4), nn.SiLU()), nn.Linear(4, 2))
    network = Network(net, stages=["0"])
    network.keep(ALL)
    outputs = network(batch(3, 5))
    assert network.head == "1"
    assert outputs.features[0].shape == (3, 4, 1, 1)
    assert torch.equal(nn.functional.silu(outputs.preactivations[0]), outputs.features[0])


class Text(nn.Module):
    """Keyword tensors in, an object with `logits` out, and layers that give tuples."""

    class Layer(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, None]:
            return x, None

    class Answer:
        def __init__(self, logits: Tensor) -> None:
            self.logits = logits

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 4)
        self.layer = Text.Layer()
        self.classifier = nn.Linear(4, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> "Text.Answer":
        tokens = self.layer(self.words(input_ids))[0] * attention_mask[..., None]
        return Text.Answer(self.classifier(tokens.sum(1)))


def test_text_goes_in_by_keyword() -> None:
    network = Network(Text(), stages=["layer"], mean=(0.5,), std=(0.5,))
    network.keep(["embedding", "features", "tokens"])
    tokens = {"input_ids": torch.randint(10, (3, 6)), "attention_mask": torch.ones(3, 6)}
    outputs = network(Batch(tokens, torch.zeros(3), torch.arange(3)))
    assert outputs.logits.shape == (3, 2)
    assert outputs.tokens[0].shape == (3, 6, 4)
    assert outputs.features[0].shape == (3, 8, 4)


@pytest.fixture
def vit() -> Network:
    torch.manual_seed(0)
    net = create("vit_tiny_patch16_224", 3, 1, 8, depth=4, embed_dim=24, num_heads=2)
    with torch.no_grad():  # timm draws them so small that attention is all but uniform
        for block in net.blocks:
            block.attn.qkv.weight.mul_(20)
    return Network(net, stages=["blocks.1", "blocks.3"], head="head").eval()


def test_attentions_are_the_softmax_of_queries_and_keys(vit: Network) -> None:
    data = batch(2, 1, 8, 8)
    vit.keep(["features"])
    fused = vit(data)
    vit.keep(["features", "attentions"])
    outputs = vit(data)
    assert torch.allclose(fused.logits, outputs.logits, atol=1e-5)
    entering = vit.net.blocks[2](fused.features[0])
    block = vit.net.blocks[3]
    q, k, _ = block.attn.qkv(block.norm1(entering)).view(2, 65, 3, 2, 12).unbind(2)
    weights = outputs.attentions[1]
    assert weights.shape == (2, 2, 65, 65)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 65))
    for head in range(2):
        scores = q[:, :, head] @ k[:, :, head].mT / 12**0.5
        assert torch.allclose(weights[:, head], scores.softmax(-1), atol=1e-5)


def test_only_blocks_that_are_read_leave_the_fused_kernel(vit: Network) -> None:
    fused = [block.attn.fused_attn for block in vit.net.blocks]
    vit.keep(["attentions"])
    vit(batch(2, 1, 8, 8))
    assert [b.attn.fused_attn for b in vit.net.blocks] == [fused[0], False, fused[2], False]
    vit.keep([])
    assert [block.attn.fused_attn for block in vit.net.blocks] == fused


def test_swin_features_are_channels_first_and_its_windows_are_refused() -> None:
    name = "swin_tiny_patch4_window7_224"
    net = create(name, 3, 1, 32, depths=(1, 1, 1, 1), embed_dim=24, num_heads=(1, 2, 2, 2))
    network = Network(net, stages=net.stage_names)
    network.keep(["features", "preactivations"])
    outputs = network(batch(1, 1, 32, 32))
    sizes = [(24, 32, 32), (48, 16, 16), (96, 8, 8), (192, 4, 4)]
    assert [tuple(f.shape[1:]) for f in outputs.features] == sizes
    network.keep(["attentions"])
    with pytest.raises(ValueError, match="attends within windows"):
        network(batch(1, 1, 32, 32))


def test_user_mistakes_are_told_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="no module 'secnd'; did you mean 'second'"):
        Network(Tiny(), stages=["secnd"])
    with pytest.raises(ValueError, match="did you mean 'fc'"):
        Network(Tiny(), head="fcc")
    with pytest.raises(ValueError, match="differ in length"):
        Network(Tiny(), mean=(0.5,))
    network = tiny()
    with pytest.raises(ValueError, match="no 'feature'; they have"):
        network.keep(["feature"])
    with pytest.raises(ValueError, match="no attention to read in stage 'first'"):
        network.keep(["attentions"])
    with pytest.raises(ValueError, match="write `stages:"):
        Network(Tiny()).keep(["features"])
    with pytest.raises(ValueError, match="Write `head: NAME`"):
        Network(nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten())).keep(["embedding"])
    network = Network(Tiny())
    assert network.head == "unused"  # the last that it registers
    network.keep(["embedding"])
    with pytest.raises(ValueError, match="no tensor is the input of 'unused'"):
        network(batch(2, 3, 8, 8))
