"""Those who know: anything that turns a `Batch` into `Outputs`, frozen."""
