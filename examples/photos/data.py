"""Draws photographs of discs, squares and crosses: `python data.py FOLDER COUNT SEED`."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def main() -> None:
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    draw = np.random.default_rng(seed)
    for name in ("disc", "square", "cross"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            width, height = (int(side) for side in draw.integers(60, 100, 2))
            ground = draw.integers(0, 120, (height, width, 3), dtype=np.uint8)
            image = Image.fromarray(ground)
            pen = ImageDraw.Draw(image)
            side = int(draw.integers(25, 45))
            x, y = int(draw.integers(0, width - side)), int(draw.integers(0, height - side))
            colour = tuple(int(value) for value in draw.integers(150, 255, 3))
            box = (x, y, x + side, y + side)
            if name == "disc":
                pen.ellipse(box, fill=colour)
            elif name == "square":
                pen.rectangle(box, fill=colour)
            else:
                pen.line((x, y, x + side, y + side), fill=colour, width=6)
                pen.line((x, y + side, x + side, y), fill=colour, width=6)
            image.save(folder / name / f"{number}.jpg")


if __name__ == "__main__":
    main()
