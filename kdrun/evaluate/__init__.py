"""`kdrun evaluate`: how good a finished student is on other labelled data."""
