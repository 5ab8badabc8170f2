import sys
from pathlib import Path
from subprocess import run

import pytest
import torch
from torch import nn

from kdrun.model import build
from kdrun.model.timm import create
from kdrun.types import Batch


def shapes(name: str, size: int, **kwargs: object) -> list[tuple[int, ...]]:
    with torch.device("meta"):
        yaml = {"_target_": "kdrun.model.timm.create", "name": name, **kwargs}
        network = build(yaml, num_classes=3, shape=(3, size, size))
        network.keep(["features"])
        outputs = network(Batch(torch.rand(2, 3, size, size), torch.zeros(2), torch.arange(2)))
    return [tuple(f.shape[1:]) for f in outputs.features]


def test_small_images_get_a_stem_that_keeps_their_resolution() -> None:
    wide = (64, 128, 256, 512)
    assert shapes("resnet18", 32) == [(c, s, s) for c, s in zip(wide, (32, 16, 8, 4), strict=True)]
    assert shapes("resnet18", 32, stem="native")[0] == (64, 8, 8)
    assert shapes("resnet18", 224)[0] == (64, 56, 56)
    assert shapes("resnet18", 224, stem="small")[0] == (64, 224, 224)
    assert shapes("convnext_atto", 28)[0] == (40, 28, 28)
    assert shapes("densenet121", 32)[0] == (256, 32, 32)
    assert shapes("regnety_002", 32)[0] == (24, 16, 16)


def test_small_stem_of_resnet_is_3x3_without_pooling() -> None:
    net = create("resnet18", 10, 1, 32)
    assert net.conv1.kernel_size == (3, 3)
    assert net.conv1.stride == (1, 1)
    assert net.conv1.in_channels == 1
    assert isinstance(net.maxpool, nn.Identity)
    assert net.conv1.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.1)


@pytest.mark.parametrize(("size", "patch"), [(8, 1), (28, 4), (32, 4), (64, 8), (224, 16)])
def test_patches_divide_the_image_into_8_by_8_at_most(size: int, patch: int) -> None:
    with torch.device("meta"):
        net = create("vit_tiny_patch16_224", 10, 1, size)
    assert net.patch_embed.patch_size == (patch, patch)
    assert net.stage_names == ("blocks.2", "blocks.5", "blocks.8", "blocks.11")
    assert (net.patch_embed.grid_size[0] <= 8) == (size < 224)


def test_stages_and_head_are_timms() -> None:
    with torch.device("meta"):
        net = create("mobilenetv3_large_100", 10, 3, 32)
        assert net.stage_names == ("blocks.1", "blocks.2", "blocks.4", "blocks.6")
        assert net.head_name == "classifier"
        assert create("convnext_atto", 10, 3, 32).head_name == "head.fc"
        distilled = create("deit_tiny_distilled_patch16_224", 10, 3, 32)
        assert distilled.head_name == "head"
        assert not hasattr(net, "input_mean")


@pytest.mark.parametrize("in_channels", [1, 3])
def test_pretrained_weights_keep_their_stem_and_their_normalisation(
    in_channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm

    original = timm.create_model
    asked = []

    def offline(name: str, pretrained: bool, **kwargs: object) -> nn.Module:
        asked.append(pretrained)
        return original(name, pretrained=False, **kwargs)

    monkeypatch.setattr(timm, "create_model", offline)
    net = create("resnet18", 10, in_channels, 32, pretrained=True)
    assert asked == [True]
    assert net.conv1.kernel_size == (7, 7)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if in_channels == 1:
        mean, std = (sum(mean) / 3,), (sum(std) / 3,)
    assert net.input_mean == pytest.approx(mean)
    assert net.input_std == pytest.approx(std)


def test_mistakes_are_told_with_the_nearest_names() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet51'; the nearest are .*resnet50"):
        create("resnet51", 10, 3, 32)
    with pytest.raises(ValueError, match="resnet18 takes not all of dropp"):
        create("resnet18", 10, 3, 32, dropp=0.1)


def test_own_networks_do_not_import_timm_or_torchvision() -> None:
    code = (
        "import sys; from kdrun.model import build; import kdrun.model.timm\n"
        "build({'_target_': 'kdrun.model.resnet.ResNet'}, num_classes=2, shape=(1, 8, 8))\n"
        "assert not {'timm', 'torchvision', 'torch._dynamo'} & set(sys.modules)"
    )
    run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
