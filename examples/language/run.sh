#!/bin/sh
set -e
cd "$(dirname "$0")"
ROWS=${ROWS:-3000}
EPOCHS=${EPOCHS:-20}
WIDTH=${WIDTH:-128}

python data.py dates.csv $ROWS       # yours instead, and a new.txt with a prompt in each line

kdrun show dataset=pairs dataset.path=dates.csv dataset.vocabulary=300 dataset.length=32 --samples 2
kdrun name=language dataset=pairs dataset.path=dates.csv dataset.vocabulary=300 dataset.length=32 \
    teacher=gpt2_small teacher.model.n_embd=$WIDTH student=gpt2_small student.model.n_layer=1 \
    student.model.n_embd=64 train.epochs=$EPOCHS
kdrun predict outputs/language/distill_* new.txt --id prompt --out predictions.csv
kdrun export outputs/language/distill_* --format hugging_face --out student
