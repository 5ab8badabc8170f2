#!/bin/sh
set -e
cd "$(dirname "$0")"
EPOCHS=${EPOCHS:-15}
SEEDS=${SEEDS:-0,1,2,3,4}

kdrun -m name=sweep dataset=digits dataset.train_size=300 method=supervised,distill teacher=mlp \
    student=linear seed=$SEEDS train.epochs=$EPOCHS
kdrun compare outputs/sweep --baseline method=supervised
kdrun report outputs/sweep --baseline method=supervised --out report.html
kdrun resume outputs/sweep
