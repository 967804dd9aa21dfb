from actiontrac.storage.migration import run_environment

run_environment()
