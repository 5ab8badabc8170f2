"""Makes up people: `python data.py FILE ROWS SEED`."""

import sys

import numpy as np


def main() -> None:
    path, rows, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    draw = np.random.default_rng(seed)
    with open(path, "w") as file:
        file.write("name,age,hours,school,country,income\n")
        for row in range(rows):
            age, hours = draw.integers(18, 70), draw.normal(38, 8)
            school, country = draw.integers(1, 5), draw.choice(["here", "there"])
            worth = 0.04 * age + 0.06 * hours + 0.8 * school + draw.normal(0, 0.8)
            told = "" if draw.random() < 0.05 else f"{hours:.1f}"
            income = "high" if worth > 6.2 else "low"
            file.write(f"P{seed}-{row},{age},{told},{school},{country},{income}\n")


if __name__ == "__main__":
    main()
