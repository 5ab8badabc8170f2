"""Files as they are read and written: fingerprints, locks, weights from anywhere."""
