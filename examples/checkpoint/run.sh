#!/bin/sh
set -e
cd "$(dirname "$0")"
EPOCHS=${EPOCHS:-15}

python train.py $EPOCHS              # yours instead: any state_dict

kdrun --config-dir configs "plugins=[digit_net]" name=checkpoint dataset=digits student=mlp \
    teacher=digit_net teacher.checkpoint=mine.pt "teacher.mean=[0.3]" "teacher.std=[0.37]" \
    train.epochs=$EPOCHS
