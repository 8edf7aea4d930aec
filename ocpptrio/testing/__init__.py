"""Tools to test OCPP software with: Hypothesis strategies, and a charge point that is a trial.

`strategies` draws messages and frames, sound, odd and damaged. `machine` lets charge points that
keep to the specification, but not to good manners (`chaos`), loose on any central system.

Needs the extra `testing`; nothing else in the package imports it. Not here: charge points that
behave like real ones (simulator).
"""

try:
    import hypothesis as _hypothesis  # noqa: F401 - only to see whether it is there
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "ocpptrio.testing needs Hypothesis; install it with: pip install 'ocpptrio[testing]'",
        name=error.name,
    ) from error
