"""The life of a run: its folder, its parts, what is trained, and what comes of it."""

from kdrun.callable import callable_package

callable_package(__name__)
