import pytest
import torch
from torch import Tensor, nn

from kdrun.model import build
from kdrun.types import Batch


class Own(nn.Module):
    """A user's class: it has never heard of kdrun."""

    def __init__(self, num_classes: int, width: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.GELU())
        self.top = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.body(x).mean((2, 3)))


class Described(Own):
    stage_names = ("body",)
    head_name = "top"
    input_mean = (0.1, 0.2, 0.3)
    input_std = (0.4, 0.5, 0.6)


def not_a_network(in_features: int, image_size: int, in_channels: int) -> tuple[int, ...]:
    return in_features, image_size, in_channels


HERE = {"plugins": (__name__,), "num_classes": 5, "shape": (3, 8, 8)}


def test_a_users_class_with_stages_in_its_yaml() -> None:
    yaml = {"_target_": f"{__name__}.Own", "width": 6, "stages": ["body.0"], "head": "top"}
    network = build(yaml, mean=(0.5,) * 3, std=(0.25,) * 3, **HERE)
    assert network.net.top.weight.shape == (5, 6)  # the width is the yaml's, the classes the run's
    assert (network.stages, network.head) == (("body.0",), "top")
    assert torch.allclose(network.normalise(torch.full((1, 3, 1, 1), 0.75)), torch.ones(1))
    assert yaml["stages"] == ["body.0"]


def test_the_yaml_goes_before_what_the_network_says_and_that_before_the_data() -> None:
    yaml = {"_target_": f"{__name__}.Described"}
    network = build(yaml, mean=(0.5,) * 3, std=(0.25,) * 3, **HERE)
    assert (network.stages, network.head) == (("body",), "top")
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.4, 0.5, 0.6])
    images = torch.rand(2, 3, 8, 8)
    slow = (images - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    assert torch.allclose(network.normalise(images), slow, atol=1e-6)
    assert build(yaml | {"stages": []}, **HERE).stages == ()
    assert build(yaml | {"num_classes": 5}, **(HERE | {"num_classes": 5})).net.top.out_features == 5


def test_what_cannot_work_is_told_before_training() -> None:
    with pytest.raises(ValueError, match=r"gives \(2, 9\) .* needed is \(2, 5\)"):
        build({"_target_": f"{__name__}.Own", "num_classes": 9}, **HERE)
    with pytest.raises(ValueError, match="gives a tuple, not a torch module"):
        build({"_target_": f"{__name__}.not_a_network"}, **HERE)
    with pytest.raises(ValueError, match=r"fails on samples of shape \(3, 2, 2\): RuntimeError"):
        build({"_target_": f"{__name__}.Own"}, **(HERE | {"shape": (3, 2, 2)}))
    with pytest.raises(ValueError, match=r"of your own, type plugins=\["):
        build({"_target_": f"{__name__}.Own"}, **(HERE | {"plugins": ()}))
    with pytest.raises(ValueError, match="no module 'bdy'; did you mean 'body'"):
        build({"_target_": f"{__name__}.Own", "stages": ["bdy"]}, **HERE)


def test_samples_that_are_not_one_tensor_are_not_tried() -> None:
    assert (
        build({"_target_": f"{__name__}.Own"}, **(HERE | {"shape": ()})).net.top.out_features == 5
    )


def test_torchvision_networks_work_untouched() -> None:
    yaml = {
        "_target_": "torchvision.models.resnet18",
        "num_classes": 5,
        "stages": ["layer1", "layer2", "layer3", "layer4"],
    }
    network = build(yaml, num_classes=5, shape=(3, 32, 32))
    assert network.head == "fc"
    network.keep(["features", "preactivations"])
    outputs = network(Batch(torch.rand(2, 3, 32, 32), torch.zeros(2), torch.arange(2)))
    for before, after in zip(outputs.preactivations, outputs.features, strict=True):
        assert (before < 0).any()
        assert torch.equal(before.relu(), after)
