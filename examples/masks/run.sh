#!/bin/sh
set -e
cd "$(dirname "$0")"
COUNT=${COUNT:-40}
EPOCHS=${EPOCHS:-10}
STUDENT=${STUDENT:-fpn_mobilenetv3_small}
TEACHER=${TEACHER:-fpn_resnet18}

python data.py street $COUNT         # yours instead: train/NAME.png with train/NAME_mask.png, and test/

kdrun show dataset=masks dataset.root=street "dataset.classes=[sky,street,car]" --samples 4 --out sheet.png
kdrun name=masks dataset=masks dataset.root=street "dataset.classes=[sky,street,car]" \
    teacher=$TEACHER student=$STUDENT train.epochs=$EPOCHS
kdrun predict outputs/masks/distill_* street/test/0.png --out predictions.csv
