"""Makes up measurements of two machines: `python data.py FILE ROWS`."""

import sys

import numpy as np


def main() -> None:
    path, rows = sys.argv[1], int(sys.argv[2])
    draw = np.random.default_rng(0)
    with open(path, "w") as file:
        file.write("machine,heat,noise,tremor,speed,state\n")
        for row in range(2 * rows):
            old = row % 2 == 0
            broken = draw.random() < 0.5
            values = draw.normal(0, 1, 4) + (np.array([1.2, 0.9, 1.0, -0.8]) if broken else 0)
            if not old:
                values = values * np.array([1.5, 0.7, 1.0, 1.2]) + np.array([2.0, -1.0, 0.5, 1.0])
            told = ",".join(f"{value:.3f}" for value in values)
            file.write(f"{'old' if old else 'new'},{told},{'broken' if broken else 'sound'}\n")


if __name__ == "__main__":
    main()
