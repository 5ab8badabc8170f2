#!/bin/sh
set -e
cd "$(dirname "$0")"
ROWS=${ROWS:-600}
EPOCHS=${EPOCHS:-15}

python data.py reviews.csv $ROWS     # yours instead, and a new.txt

kdrun show dataset=text dataset.path=reviews.csv --samples 2
kdrun name=texts dataset=text dataset.path=reviews.csv teacher=mlp student=linear train.epochs=$EPOCHS
kdrun predict outputs/texts/distill_* new.txt --id text --out predictions.csv
