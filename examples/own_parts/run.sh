#!/bin/sh
set -e
cd "$(dirname "$0")"
EPOCHS=${EPOCHS:-15}

kdrun list loss --config-dir configs
kdrun --config-dir configs "plugins=[rings]" name=own_parts dataset=rings student=hills teacher=mlp loss=sign \
    train.epochs=$EPOCHS
