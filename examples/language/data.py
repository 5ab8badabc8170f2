"""Makes up dates as people write them: `python data.py FILE.csv ROWS`, and new.txt beside it."""

import calendar
import datetime
import random
import sys

FORMS = ("{d} {month} {y}", "{month} {d}, {y}", "{d}.{m}.{y}", "{month} {y}, the {d}.")


def written(draw: random.Random) -> tuple[str, str]:
    day = datetime.date(1900, 1, 1) + datetime.timedelta(draw.randrange(45_000))
    month = calendar.month_name[day.month]
    said = draw.choice(FORMS).format(d=day.day, m=day.month, y=day.year, month=month)
    return said, day.isoformat()


def main() -> None:
    path, rows = sys.argv[1], int(sys.argv[2])
    draw = random.Random(0)
    with open(path, "w") as file:
        file.write("prompt,completion\n")
        for _ in range(rows):
            said, iso = written(draw)
            file.write(f'"{said}",{iso}\n')
    with open("new.txt", "w") as file:
        file.writelines(f"{written(draw)[0]}\n" for _ in range(5))


if __name__ == "__main__":
    main()
