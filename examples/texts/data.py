"""Makes up reviews: `python data.py FILE.csv ROWS`, and new.txt beside it."""

import random
import sys

GOOD = ["lovely", "moving", "clever", "funny", "tender", "bright"]
BAD = ["dull", "clumsy", "endless", "tired", "loud", "empty"]
THINGS = ["plot", "acting", "music", "story", "cast", "ending", "dialogue", "camera"]


def review(draw: random.Random, words: list[str]) -> str:
    return " ".join(
        f"{draw.choice(words)} {draw.choice(THINGS)}" for _ in range(draw.randint(2, 5))
    )


def main() -> None:
    path, rows = sys.argv[1], int(sys.argv[2])
    draw = random.Random(0)
    with open(path, "w") as file:
        file.write("text,label\n")
        for row in range(rows):
            label, words = [("good", [*GOOD, "odd"]), ("bad", [*BAD, "odd"])][row % 2]
            file.write(f"{review(draw, words)} {row},{label}\n")
    with open("new.txt", "w") as file:
        file.write("a lovely ending and a tender story\nan endless plot with loud music\n")


if __name__ == "__main__":
    main()
