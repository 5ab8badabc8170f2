"""One run in several processes, on one machine or several."""
