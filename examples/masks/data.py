"""Draws streets with cars, and their masks: `python data.py FOLDER COUNT`."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SKY, STREET, CAR = 0, 1, 2


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    draw = np.random.default_rng(0)
    for part, many in (("train", count), ("test", max(2, count // 4))):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for number in range(many):
            horizon = int(draw.integers(16, 30))
            image, mask = Image.new("RGB", (48, 48), (150, 190, 230)), Image.new("L", (48, 48), SKY)
            x, y = int(draw.integers(0, 34)), int(draw.integers(horizon, 40))
            red = tuple(int(value) for value in draw.integers(60, 255, 3))
            for canvas, street, car in ((image, (90, 90, 90), red), (mask, STREET, CAR)):
                pen = ImageDraw.Draw(canvas)
                pen.rectangle((0, horizon, 48, 48), fill=street)
                pen.rectangle((x, y, x + 13, y + 7), fill=car)
            noisy = np.asarray(image) + draw.integers(-25, 25, (48, 48, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(
                folder / part / f"{number}.png"
            )
            mask.save(folder / part / f"{number}_mask.png")


if __name__ == "__main__":
    main()
