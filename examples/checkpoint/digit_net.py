"""A network of one's own; nothing in it knows kdrun."""

from torch import Tensor, nn


class DigitNet(nn.Module):
    """Two convolutions and a classifier for grey pictures."""

    def __init__(self, width: int = 16, num_classes: int = 10) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.second = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(2 * width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.second(self.first(images)).mean((2, 3)))
