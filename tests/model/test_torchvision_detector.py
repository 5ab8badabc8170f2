from __future__ import annotations

import pytest
import torch

from kdrun.model import build
from kdrun.model.features import Network
from kdrun.model.torchvision_detector import TorchvisionDetector
from kdrun.task.detection import Detection, real, stacked
from kdrun.types import Batch
from tests.model.test_zoo import config

TASK = Detection(("cat", "dog", "cow"))
TARGETS = stacked([[[0, 3, 2, 40, 30, 0], [2, 30, 8, 60, 60, 0]], []])
SMALL = ("ssdlite320_mobilenetv3_large", "fasterrcnn_mobilenetv3_large")


def network(name: str) -> Network:
    torch.manual_seed(0)
    grey = [0.5] * 3
    return build(config(name), num_classes=3, shape=(3, 64, 64), mean=grey, std=grey, task=TASK)


@pytest.mark.parametrize("name", SMALL)
def test_it_learns_in_training_and_finds_boxes_afterwards(name: str) -> None:
    made = network(name)
    made.keep(["features"])
    given = Batch(torch.rand(2, 3, 64, 64), TARGETS, torch.arange(2))
    learnt = made.train()(given)
    TASK.supervised(learnt, given).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())
    sizes = [f.shape[2:].numel() for f in learnt.features]
    assert sizes == sorted(sizes, reverse=True)
    with torch.no_grad():
        logits = made.eval()(given).logits
    assert logits.shape == (2, 100, 6)
    assert set(logits[..., 0].unique().tolist()) <= {-1, 0, 1, 2}
    with pytest.raises(ValueError, match="no head that scores boxes"):
        made.keep(["heads"])


def test_the_loss_is_that_of_torchvision_where_its_background_is_class_0() -> None:
    made = network(SMALL[0]).net.eval()
    images, net = torch.rand(2, 3, 64, 64), made.net
    found = made(images, TARGETS).loss
    net.transform.min_size, net.transform.max_size = (64,), 64
    net.transform.fixed_size = None
    net.transform.image_mean, net.transform.image_std = [0.0] * 3, [1.0] * 3
    net.transform.training = net.training = True  # batch norm stays as it is
    shifted = [{**one, "labels": one["labels"] + 1} for one in real(TARGETS)]  # type: ignore[arg-type]
    torch.testing.assert_close(found, sum(net(list(images), shifted).values()))


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'fasterrcnn_resnet50_fpn'"):
        TorchvisionDetector("fasterrcnn_resnet50", 3, 3)
    with pytest.raises(ValueError, match="reads 3 channels"):
        TorchvisionDetector("fasterrcnn_resnet50_fpn", 3, 1)
