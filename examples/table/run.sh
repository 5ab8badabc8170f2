#!/bin/sh
set -e
cd "$(dirname "$0")"
ROWS=${ROWS:-1000}
EPOCHS=${EPOCHS:-15}

python data.py people.csv $ROWS 0    # yours instead
python data.py new.csv $ROWS 1

kdrun show dataset=table dataset.path=people.csv dataset.label=income "dataset.drop=[name]" --samples 2
kdrun -m name=table dataset=table dataset.path=people.csv dataset.label=income "dataset.drop=[name]" \
    "dataset.categorical=[school]" method=supervised,distill teacher=random_forest student=mlp \
    train.epochs=$EPOCHS
kdrun predict outputs/table/distill_* new.csv --id name --out predictions.csv
kdrun evaluate outputs/table/distill_* new.csv --labels income --domain country
