"""The main job over HTTP, from registration to opt-out, as a user would do it."""

from actiontrac.demo.steps import run, run_full

__all__ = ["run", "run_full"]
