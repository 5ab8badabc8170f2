"""kdrun: knowledge distillation and transfer learning experiments from the command line."""

__version__ = "0.1.0"
