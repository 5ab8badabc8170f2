#!/bin/sh
set -e
cd "$(dirname "$0")"
ROWS=${ROWS:-500}
EPOCHS=${EPOCHS:-15}

python data.py machines.csv $ROWS    # yours instead

kdrun -m name=domains dataset=table dataset.path=machines.csv dataset.label=state dataset.domain=machine \
    dataset.source=old dataset.target=new dataset.labels=none \
    method=transfer transfer=source_only,coral student=linear train.epochs=$EPOCHS
kdrun compare outputs/domains
kdrun evaluate outputs/domains/*_coral_* machines.csv --labels state --domain machine
