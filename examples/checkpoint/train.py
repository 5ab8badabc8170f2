"""Trains the network in plain PyTorch, and saves its weights: `python train.py EPOCHS`."""

import sys

import torch
import torch.nn.functional as F
from digit_net import DigitNet
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def main() -> None:
    images, labels = load_digits(return_X_y=True)
    # Not on what kdrun tests on: it would find these samples in the test split, and say so.
    images, _, labels, _ = train_test_split(images, labels, train_size=700, random_state=0)
    x = (torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16 - 0.3) / 0.37
    y = torch.tensor(labels)
    torch.manual_seed(0)
    net = DigitNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(int(sys.argv[1])):
        for index in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(net(x[index]), y[index]).backward()
            optimizer.step()
    torch.save(net.state_dict(), "mine.pt")


if __name__ == "__main__":
    main()
