#!/bin/sh
set -e
cd "$(dirname "$0")"
COUNT=${COUNT:-60}
EPOCHS=${EPOCHS:-15}

python data.py photos $COUNT 0      # yours instead: photos/CLASS/*.jpg
python data.py new_photos $COUNT 1

kdrun show dataset=image_folder dataset.root=photos dataset.image_size=32 augment=photo --out sheet.png
kdrun name=photos dataset=image_folder dataset.root=photos dataset.image_size=32 augment=photo \
    teacher=resnet20 student=resnet8 train.epochs=$EPOCHS
kdrun predict outputs/photos/distill_* new_photos/disc --out predictions.csv
kdrun evaluate outputs/photos/distill_* new_photos
kdrun export outputs/photos/distill_* --format safetensors --out student.safetensors
